//! All faults of one draft at once. The parser stops at the first member that is not of its form; a clerk wants the list.

use serde_json::{Value, json};

use super::super::draft::{Guard, Line, LineError};
use super::super::keys::holder::Holder;
use crate::lang::{Bilingual, Lang};
use crate::tlog::merkle::Hash;
use crate::tlog::note::Signer;
use crate::trade::door::{self, Severity};
use crate::trade::vocabulary::Vocabulary;

/// So many members are mended before a draft is given up as something else.
const MENDED_MAX: usize = 32;
const SOME_TIME: &str = "2026-01-01T00:00:00+08:00";

/// What is wrong with a draft, each with its place, in the clerk's language: what keeps it from being a statement, and beyond that what the
/// ledger refuses. Found by mending: a member that is refused is replaced by one that is not, and what is left is read again.
pub(super) fn of_line(
    line: &Line,
    ledger: &str,
    publisher: &str,
    guard: Option<&Guard>,
    lang: Lang,
) -> Vec<String> {
    // What is mended is never sent, so nobody's key signs it.
    let Ok(nobody) = Signer::from_seed(publisher, &[0; 32]).map(Holder::Key) else {
        return Vec::new();
    };
    let Ok(mut value) = serde_json::from_str::<Value>(&line.text) else {
        return Vec::new();
    };
    let (mut told, mut mended) = (Vec::new(), Vec::<String>::new());
    while mended.len() < MENDED_MAX {
        let trial = Line {
            text: value.to_string(),
            ..line.clone()
        };
        match trial.sign(ledger, None, &nobody, Some(Hash::sha256(b""))) {
            Ok((statement, _)) => {
                let words = guard.map_or(Vocabulary::builtin(), |guard| &guard.words);
                for problem in door::check_with(&statement, words) {
                    let pointer = &problem.pointer;
                    let is_mended = mended.iter().any(|at| pointer.starts_with(at.as_str()));
                    let is_meant = guard.is_some_and(|guard| guard.accepts(problem.code));
                    let stops = problem.severity == Severity::Error
                        || (guard.is_some() && door::is_secrecy(problem.code) && !is_meant);
                    if stops && !is_mended {
                        let said = lang.say(&problem.zh, &problem.en);
                        told.push(format!("{pointer} [{}] {said}", problem.code));
                    }
                }
                return told;
            }
            Err(error) => {
                let said = error.said().in_(lang).to_owned();
                told.push(said);
                let LineError::Form {
                    pointer: Some(pointer),
                    ..
                } = error
                else {
                    return told;
                };
                if mended.contains(&pointer) || !mend(&mut value, &pointer) {
                    return told;
                }
                mended.push(pointer);
            }
        }
    }
    told
}

/// Puts something there that the parser takes, or takes the member out.
fn mend(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return false;
    };
    let Some(parent) = value.pointer_mut(parent) else {
        return false;
    };
    let instead = match (pointer, name) {
        ("/project", _) => Some(json!("x")),
        ("/type", _) => Some(json!("trade")),
        ("/v", _) => Some(json!(1)),
        ("/amends/effect", _) => Some(json!("correct")),
        ("/amends/statement", _) => Some(json!(Hash::sha256(b"").to_string())),
        (_, "issued") => Some(json!(SOME_TIME)),
        _ => None,
    };
    match (parent, instead) {
        (Value::Object(members), Some(instead)) => {
            members.insert(name.to_owned(), instead);
            true
        }
        (Value::Object(members), None) => members.shift_remove(name).is_some(),
        (Value::Array(items), _) => match name.parse::<usize>() {
            Ok(at) if at < items.len() => {
                items[at] = json!("x");
                true
            }
            _ => false,
        },
        _ => false,
    }
}
