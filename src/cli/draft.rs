//! Drafts: what a centre's system writes, one JSON object a line, made into statements.
//!
//! Two placeholders are replaced before signing: `{"$commit":{"class":C,"value":V,"shown":B}}` anywhere becomes a salted commitment,
//! whose opening travels with the post if `shown`, and else stays with the centre; left out, a person is shown, and nothing else is.
//! A plain draft is guarded first ([`Line::guard`]): what the vocabulary does not call public is made into `$commit` by the program.
//! And what `amends` names by line of the same file (`"$n"`), by `ref` or by index becomes the id of that statement ([`Amended`]).

use serde_json::Value;

use super::forms;
use super::keys::holder::{Holder, SignerError};
use crate::lang::{Bilingual, Said};
use crate::tlog::merkle::Hash;
use crate::tlog::note::Note;
use crate::trade::commitment::{Class, Opening, Openings, Place};
use crate::trade::guard::{self, GuardError, Mark};
use crate::trade::statement::{Draft, DraftError, Statement, StatementError};
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
    /// What it amends, where it does not name it by its id.
    pub amends: Option<Amended>,
}

/// How a draft names the statement that it amends, if not by its id: the client finds the id before it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Amended {
    /// `"$3"`: line 3 of the same file.
    Line(usize),
    /// `{"ref":…}`, or a `statement` that is neither an id nor a line: the centre's own id of it.
    Reference(String),
    /// `{"index":…}`: the record's index in the ledger.
    Index(u64),
    /// A `statement` of digits alone: a `ref` or an index, whichever there is.
    Either(String),
}

impl Amended {
    fn read(value: &Value) -> Option<Amended> {
        let amends = value.get("amends")?;
        match (
            amends.get("statement"),
            amends.get("ref"),
            amends.get("index"),
        ) {
            (Some(Value::String(named)), None, None) => {
                if let Some(number) = named.strip_prefix('$') {
                    return number.parse().ok().map(Amended::Line);
                }
                if Hash::from_hex(named).is_some() {
                    return None;
                }
                let is_number = !named.is_empty() && named.bytes().all(|b| b.is_ascii_digit());
                Some(if is_number {
                    Amended::Either(named.clone())
                } else {
                    Amended::Reference(named.clone())
                })
            }
            (Some(Value::Number(index)), None, None) | (None, None, Some(Value::Number(index))) => {
                index.as_u64().map(Amended::Index)
            }
            (None, Some(Value::String(reference)), None) => {
                Some(Amended::Reference(reference.clone()))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Amended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Amended::Line(number) => write!(f, "${number}"),
            Amended::Reference(reference) => write!(f, "ref {reference:?}"),
            Amended::Index(index) => write!(f, "index {index}"),
            Amended::Either(digits) => write!(f, "{digits:?}"),
        }
    }
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
    #[error(
        "{0} stands twice in its object, of which readers keep one or the other: leave one of them out"
    )]
    Twice(String),
    /// Not of the form of a statement, at a place where one is known.
    #[error("{said}")]
    Form { pointer: Option<String>, said: Said },
    #[error(
        "a value to commit to needs `class` (person, privacy, trade_secret or not_yet) and `value`, a string, and may say `shown`, true or false; found {0}"
    )]
    Commit(String),
    #[error(
        "`amends` names {0}, which is neither an earlier line of this file that was logged nor a record of this project in the ledger"
    )]
    Amends(String),
    #[error("the document {file:?} cannot be taken: {reason}")]
    File {
        /// As the draft names it.
        file: String,
        /// Why.
        reason: Said,
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
    /// Not of the form of a statement.
    fn form(error: &StatementError) -> LineError {
        LineError::Form {
            pointer: error.pointer().map(str::to_owned),
            said: Said::new(error.zh(), crate::chain_of(error)),
        }
    }

    fn draft(error: DraftError) -> LineError {
        match error {
            DraftError::Json(error) => LineError::form(&StatementError::Json(error)),
            DraftError::TextBytes { have, max } => {
                LineError::form(&StatementError::TextBytes { have, max })
            }
            DraftError::Conflict {
                member,
                ref found,
                ref wanted,
            } => LineError::Form {
                pointer: Some(format!("/{member}")),
                said: Said::new(
                    format!(
                        "草稿的 {member} 为 {found}，应为 {wanted}；请删去，或改用它所属的账本与密钥"
                    ),
                    error.to_string(),
                ),
            },
        }
    }
}

impl Bilingual for LineError {
    fn zh(&self) -> String {
        match self {
            LineError::Guard(error) => error.zh(),
            LineError::File { file, reason } => format!("文件 {file:?} 不可用：{}", reason.zh),
            LineError::Json(error) => format!("不是 JSON 对象：{error}"),
            LineError::Project => {
                "缺少 project：应为本中心的项目标识，由字母、数字、.、_、- 组成，至多 64 个"
                    .to_owned()
            }
            LineError::Twice(pointer) => {
                format!("{pointer} 在同一对象中出现两次，不同程序会取不同的一个：请删去一个")
            }
            LineError::Form { said, .. } => said.zh.clone(),
            LineError::Commit(found) => format!(
                "$commit 应有 class（person、privacy、trade_secret 或 not_yet）与文本 value，可有 shown（true 或 false）；现为 {found}"
            ),
            LineError::Amends(named) => {
                format!("amends 所指 {named} 既不是本文件前面已登记的行，也不是账本中该项目的记录")
            }
        }
    }
}

impl Guard {
    /// The same for the ledger, as `accept` of a request has them; what is committed and in the clear too is seen by clients only.
    pub fn accepted_at_the_door(&self) -> String {
        let codes = self.accepted.iter().map(String::as_str);
        let codes: Vec<&str> = codes.filter(|code| *code != guard::LEAK).collect();
        codes.join(",")
    }

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
        if let Some(pointer) = forms::twice(text) {
            return Err(LineError::Twice(pointer));
        }
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let project = member("project").ok_or(LineError::Project)?;
        let reference = member("ref").unwrap_or_else(|| Hash::sha256(text.as_bytes()).to_string());
        let amends = Amended::read(&value);
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

    /// The same without `amends`: what a ledger can check of a draft that amends what is not logged yet.
    pub fn without_amends(&self) -> Line {
        let mut value: Value = serde_json::from_str(&self.text).unwrap_or(Value::Null);
        if let Some(members) = value.as_object_mut() {
            members.shift_remove("amends");
        }
        Line {
            text: value.to_string(),
            amends: None,
            ..self.clone()
        }
    }

    /// The statement it makes, signed, and the openings that go with it. `amended` is the id of what it amends, if it does not say it.
    pub fn sign(
        &self,
        ledger: &str,
        follows: Option<&Hash>,
        signer: &Holder,
        amended: Option<Hash>,
    ) -> Result<(Statement, Opened), LineError> {
        let mut openings = Opened::default();
        let hides = self.text.contains("\"$commit\"");
        let text = if self.text.contains("\"$") || self.amends.is_some() {
            let mut value: Value = serde_json::from_str(&self.text)
                .map_err(|error| LineError::Json(error.to_string()))?;
            let place = Place {
                ledger,
                publisher: signer.name(),
                project: &self.project,
                pointer: "",
            };
            commit_all(&mut value, &mut String::new(), &place, &mut openings)?;
            name_amended(&mut value, self.amends.as_ref(), amended)?;
            value.to_string()
        } else {
            self.text.clone()
        };
        let failed = |error: SignerError| {
            let told = crate::chain_of(&error);
            LineError::Form {
                pointer: None,
                said: Said::new(format!("没有签名：{told}"), told),
            }
        };
        let mut draft =
            Draft::parse(text.as_bytes()).map_err(|error| LineError::draft(error.into()))?;
        if draft.get("ref").is_none() {
            // A digest of what is hidden would be a hash of it without a salt, in the clear for ever. A signature nobody else can make.
            let reference = if hides {
                let digest = &self.reference;
                let text = format!("mingzhang-ref-v1\n{ledger}\n{digest}\n");
                let signature = signer.sign(&text).map_err(failed)?;
                Hash::sha256(&signature.bytes).to_string()
            } else {
                self.reference.clone()
            };
            draft.set("ref", reference);
        }
        draft
            .fill(ledger, signer.name(), follows)
            .map_err(LineError::draft)?;
        let text = draft.text().map_err(LineError::draft)?;
        let signature = signer.sign(&text).map_err(failed)?;
        let note = Note {
            text,
            signatures: vec![signature],
        };
        let statement =
            Statement::parse(note.encode().as_bytes()).map_err(|error| LineError::form(&error))?;
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

fn name_amended(
    value: &mut Value,
    named: Option<&Amended>,
    id: Option<Hash>,
) -> Result<(), LineError> {
    let (Some(named), Some(amends)) = (
        named,
        value.get_mut("amends").and_then(Value::as_object_mut),
    ) else {
        return Ok(());
    };
    let id = id.ok_or_else(|| LineError::Amends(named.to_string()))?;
    amends.shift_remove("ref");
    amends.shift_remove("index");
    amends.insert("statement".to_owned(), id.to_string().into());
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
        let (first, _) = line.sign("ledger.example", None, &signer(), None).unwrap();
        let (second, _) = line.sign("ledger.example", None, &signer(), None).unwrap();
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
            .sign("ledger.example", None, &signer(), None)
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
                    .sign("ledger.example", None, &signer(), None);
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
                .sign("ledger.example", None, &signer(), None)
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
            let signed = line.sign("ledger.example", None, &signer(), None);
            signed.unwrap().0.reference().unwrap().to_owned()
        };
        assert_ne!(reference(), digest);
        assert_eq!(reference(), reference(), "a second run gives it again");
        let other = crate::tlog::note::Signer::from_seed("centre.example", &[2; 32]).unwrap();
        let by_other = line.sign("ledger.example", None, &Holder::Key(other), None);
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
            .sign("ledger.example", Some(&id), &signer(), Some(id))
            .unwrap();
        assert_eq!(statement.amends().unwrap().statement, id);
        assert!(matches!(
            line.sign("ledger.example", None, &signer(), None),
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
