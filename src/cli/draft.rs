//! Drafts: what a centre's system writes, one JSON object a line, made into statements.
//!
//! Two placeholders are replaced before signing: `{"$commit":{"class":C,"value":V,"shown":B}}` anywhere becomes a salted commitment,
//! whose opening travels with the post if `shown`, and else stays with the centre; left out, a person is shown, and nothing else is.
//! A plain draft is guarded first ([`Line::guard`]): what the vocabulary does not call public is made into `$commit` by the program.
//! And `"$n"` at `/amends/statement` becomes the id of the statement made from line n of the same file.

use serde_json::Value;

use super::keys::holder::Holder;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Note;
use crate::trade::commitment::{Class, Opening, Openings, Place};
use crate::trade::guard::{self, GuardError, Mark};
use crate::trade::statement::{Draft, Statement};
use crate::trade::vocabulary::Vocabulary;

/// One line of a file of drafts.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// 1-based.
    pub number: usize,
    /// The line without its line feed.
    pub text: String,
    /// The project it is about: drafts of one project are posted one after another.
    pub project: String,
    /// The publisher's own id of it, which makes a second run harmless.
    pub reference: String,
    /// The line that it amends, where it names one of the same file.
    pub amends: Option<usize>,
}

/// Why a line is not a draft. For people; the number stands beside it.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("not a JSON object: {0}")]
    Json(String),
    #[error(
        "there is no `project`, wanted the centre's id of the project: letters, digits, `.`, `_` and `-`, at most 64"
    )]
    Project,
    #[error("{0}")]
    Draft(String),
    #[error(
        "a value to commit to needs `class` (person, privacy, trade_secret or not_yet) and `value`, a string, and may say `shown`, true or false; found {0}"
    )]
    Commit(String),
    #[error("`amends` names line {0}, which is not an earlier line of this file that was logged")]
    Amends(String),
    #[error("the document {file:?} cannot be taken: {reason}")]
    File {
        /// As the draft names it.
        file: String,
        /// Why.
        reason: String,
    },
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// How plain drafts are made safe before they are signed.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// The ledger's words.
    pub words: Vocabulary,
    /// Codes of warnings that the clerk takes upon himself.
    pub accepted: Vec<String>,
}

impl LineError {
    /// The same in Chinese, where there is more to say than which JSON is wrong.
    pub fn zh(&self) -> String {
        match self {
            LineError::Guard(error) => error.zh(),
            LineError::File { file, reason } => format!("文件 {file:?} 不可用：{reason}"),
            other => other.to_string(),
        }
    }
}

impl Guard {
    /// Whether the clerk has said that it is meant.
    pub fn accepts(&self, code: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == code)
    }
}

/// What opens the commitments of a statement.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Travels with the post, and is shown beside the record.
    pub shown: Openings,
    /// Stays with the centre.
    pub withheld: Openings,
}

impl Opened {
    /// Both together.
    pub fn all(self) -> Openings {
        let mut all = self.shown;
        for (pointer, opening) in self.withheld.iter() {
            all.insert(pointer.to_owned(), opening.clone())
                .expect("a pointer stands in one of the two, and both were bounded by what a statement can hold");
        }
        all
    }
}

impl Line {
    /// Reads a line.
    pub fn read(number: usize, text: &str) -> Result<Line, LineError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| LineError::Json(error.to_string()))?;
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let project = member("project").ok_or(LineError::Project)?;
        let reference = member("ref").unwrap_or_else(|| Hash::sha256(text.as_bytes()).to_string());
        let amended = value.pointer("/amends/statement").and_then(Value::as_str);
        let amends = amended.and_then(|amended| amended.strip_prefix('$')?.parse().ok());
        Ok(Line {
            number,
            text: text.to_owned(),
            project,
            reference,
            amends,
        })
    }

    /// Makes what belongs into commitments into `$commit`; says what. A draft in which nothing does keeps its bytes, and the `ref` of one
    /// without any stays the digest of what the clerk wrote.
    pub fn guard(&mut self, guard: &Guard) -> Result<Vec<Mark>, LineError> {
        let mut value: Value =
            serde_json::from_str(&self.text).map_err(|error| LineError::Json(error.to_string()))?;
        let marks = guard::mark(&mut value, &guard.words, &|code| guard.accepts(code))?;
        if !marks.is_empty() {
            self.text = value.to_string();
        }
        Ok(marks)
    }

    /// The statement it makes, signed, and the openings that go with it. `made` knows the ids of earlier lines.
    pub fn sign(
        &self,
        ledger: &str,
        follows: Option<&Hash>,
        signer: &Holder,
        made: impl Fn(usize) -> Option<Hash>,
    ) -> Result<(Statement, Opened), LineError> {
        let mut openings = Opened::default();
        let hides = self.text.contains("\"$commit\"");
        let text = if self.text.contains("\"$") {
            let mut value: Value = serde_json::from_str(&self.text)
                .map_err(|error| LineError::Json(error.to_string()))?;
            let place = Place {
                ledger,
                publisher: signer.name(),
                project: &self.project,
                pointer: "",
            };
            commit_all(&mut value, &mut String::new(), &place, &mut openings)?;
            name_amended(&mut value, made)?;
            value.to_string()
        } else {
            self.text.clone()
        };
        let failed =
            |error: &(dyn std::error::Error + 'static)| LineError::Draft(crate::chain_of(error));
        let mut draft = Draft::parse(text.as_bytes()).map_err(|error| failed(&error))?;
        if draft.get("ref").is_none() {
            // A digest of what is hidden would be a hash of it without a salt, in the clear for ever. A signature nobody else can make.
            let reference = if hides {
                let digest = &self.reference;
                let text = format!("mingzhang-ref-v1\n{ledger}\n{digest}\n");
                let signature = signer.sign(&text).map_err(|error| failed(&error))?;
                Hash::sha256(&signature.bytes).to_string()
            } else {
                self.reference.clone()
            };
            draft.set("ref", reference);
        }
        draft
            .fill(ledger, signer.name(), follows)
            .map_err(|error| failed(&error))?;
        let text = draft.text().map_err(|error| failed(&error))?;
        let signature = signer.sign(&text).map_err(|error| failed(&error))?;
        let note = Note {
            text,
            signatures: vec![signature],
        };
        let statement =
            Statement::parse(note.encode().as_bytes()).map_err(|error| failed(&error))?;
        Ok((statement, openings))
    }
}

fn commit_all(
    value: &mut Value,
    pointer: &mut String,
    place: &Place<'_>,
    openings: &mut Opened,
) -> Result<(), LineError> {
    if let Some(secret) = value.get("$commit") {
        let member = |name: &str| secret.get(name).and_then(Value::as_str);
        let (Some(class), Some(committed)) = (member("class"), member("value")) else {
            return Err(LineError::Commit(secret.to_string()));
        };
        let shown = match secret.get("shown") {
            None => class == Class::Person.as_str(),
            Some(Value::Bool(shown)) => *shown,
            Some(_) => return Err(LineError::Commit(secret.to_string())),
        };
        if Class::parse(class).is_none() {
            return Err(LineError::Commit(secret.to_string()));
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).expect("no commitment is made without the system's randomness");
        let opening = Opening {
            salt,
            value: committed.to_owned(),
        };
        let commitment = opening.commit(&Place { pointer, ..*place });
        let class = class.to_owned();
        let to = if shown {
            &mut openings.shown
        } else {
            &mut openings.withheld
        };
        to.insert(pointer.clone(), opening)
            .map_err(|error| LineError::Commit(error.to_string()))?;
        *value = serde_json::json!({ "commitment": commitment.to_string(), "class": class });
        return Ok(());
    }
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(name);
                commit_all(member, pointer, place, openings)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{at}"));
                commit_all(item, pointer, place, openings)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

fn name_amended(value: &mut Value, made: impl Fn(usize) -> Option<Hash>) -> Result<(), LineError> {
    let Some(named) = value.pointer_mut("/amends/statement") else {
        return Ok(());
    };
    let Some(number) = named.as_str().and_then(|text| text.strip_prefix('$')) else {
        return Ok(());
    };
    let id = number
        .parse()
        .ok()
        .and_then(made)
        .ok_or_else(|| LineError::Amends(number.to_owned()))?;
    *named = id.to_string().into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFT: &str = r#"{"type":"trade","v":1,"project":"A-1","issued":"2025-03-03T09:00:00+08:00","title":"x"}"#;

    fn signer() -> Holder {
        let signer = crate::tlog::note::Signer::from_seed("centre.example", &[1; 32]);
        Holder::Key(signer.unwrap())
    }

    #[test]
    fn a_draft_without_ref_gets_one_that_a_second_run_gives_again() {
        let line = Line::read(1, DRAFT).unwrap();
        let (first, _) = line
            .sign("ledger.example", None, &signer(), |_| None)
            .unwrap();
        let (second, _) = line
            .sign("ledger.example", None, &signer(), |_| None)
            .unwrap();
        assert_eq!(
            first.reference(),
            Some(Hash::sha256(DRAFT.as_bytes()).to_string().as_str())
        );
        assert_eq!(first.id(), second.id());
    }

    #[test]
    fn a_value_to_commit_to_never_stands_in_the_text() {
        let draft = DRAFT.replace(r#""title":"x""#, r#""title":"x","details":{"manager":[{"$commit":{"class":"person","value":"张示例"}}]}"#);
        let (statement, openings) = Line::read(1, &draft)
            .unwrap()
            .sign("ledger.example", None, &signer(), |_| None)
            .unwrap();
        assert!(!statement.text().contains("张示例"));
        let shown = openings.shown.get("/details/manager/0").unwrap();
        assert_eq!(shown.value, "张示例");
        openings.shown.check(&statement).unwrap();
        for bad in [
            r#"{"$commit":{"class":"person"}}"#,
            r#"{"$commit":{"class":"persons","value":"x"}}"#,
            r#"{"$commit":{"class":"person","value":"x","shown":"no"}}"#,
            r#"{"$commit":"x"}"#,
        ] {
            let draft = DRAFT.replace(r#""title":"x""#, &format!("\"title\":{bad}"));
            let refused =
                Line::read(1, &draft)
                    .unwrap()
                    .sign("ledger.example", None, &signer(), |_| None);
            assert!(matches!(refused, Err(LineError::Commit(_))), "{bad}");
        }
    }

    /// What is shown by mistake cannot be taken back, so only persons, whom the law wants named, are shown unasked.
    #[test]
    fn a_person_is_shown_and_else_only_what_says_so() {
        for (secret, is_shown) in [
            (r#""class":"person""#, true),
            (r#""class":"person","shown":false"#, false),
            (r#""class":"privacy""#, false),
            (r#""class":"trade_secret""#, false),
            (r#""class":"not_yet""#, false),
            (r#""class":"privacy","shown":true"#, true),
        ] {
            let draft = DRAFT.replace(
                r#""title":"x""#,
                &format!(r#""title":"x","details":{{"a":{{"$commit":{{"value":"v",{secret}}}}}}}"#),
            );
            let (statement, opened) = Line::read(1, &draft)
                .unwrap()
                .sign("ledger.example", None, &signer(), |_| None)
                .unwrap();
            let there = |openings: &Openings| openings.get("/details/a").is_some();
            assert_eq!(there(&opened.shown), is_shown, "{secret}");
            assert_eq!(there(&opened.withheld), !is_shown, "{secret}");
            opened.withheld.check(&statement).unwrap();
        }
    }

    /// The rest of a draft is public, so its digest would let anybody try names until one fits.
    #[test]
    fn the_ref_of_a_draft_that_hides_something_is_no_hash_of_it() {
        let draft = DRAFT.replace(
            r#""title":"x""#,
            r#""title":"x","details":{"a":{"$commit":{"class":"privacy","value":"张示例"}}}"#,
        );
        let digest = Hash::sha256(draft.as_bytes()).to_string();
        let line = Line::read(1, &draft).unwrap();
        let reference = || {
            let signed = line.sign("ledger.example", None, &signer(), |_| None);
            signed.unwrap().0.reference().unwrap().to_owned()
        };
        assert_ne!(reference(), digest);
        assert_eq!(reference(), reference(), "a second run gives it again");
        let other = crate::tlog::note::Signer::from_seed("centre.example", &[2; 32]).unwrap();
        let by_other = line.sign("ledger.example", None, &Holder::Key(other), |_| None);
        assert_ne!(by_other.unwrap().0.reference(), Some(&*reference()));
    }

    #[test]
    fn an_amended_line_is_named_by_its_number() {
        let draft = DRAFT.replace(
            r#""title":"x""#,
            r#""title":"x","amends":{"statement":"$1","effect":"correct"}"#,
        );
        let line = Line::read(2, &draft).unwrap();
        let id = Hash::sha256(b"first");
        let (statement, _) = line
            .sign("ledger.example", Some(&id), &signer(), |n| {
                (n == 1).then_some(id)
            })
            .unwrap();
        assert_eq!(statement.amends().unwrap().statement, id);
        assert!(matches!(
            line.sign("ledger.example", None, &signer(), |_| None),
            Err(LineError::Amends(_))
        ));
    }

    #[test]
    fn what_is_no_draft_is_refused_with_a_reason() {
        for bad in ["", "[]", "{", r#"{"title":"x"}"#] {
            assert!(Line::read(1, bad).is_err(), "{bad}");
        }
    }
}
