//! From a draft to a signed statement: for those who post. The ledger itself never writes a text.

use super::{Statement, StatementError, TEXT_BYTES_MAX};
use crate::tlog::merkle::Hash;
use crate::tlog::note::{Note, Signer, text_is_valid};
use crate::trade::json::{self, JsonError, Value};

/// The members that stand first in a text, in this order; the others follow as the draft has them.
const HEADER: [&str; 6] = ["type", "v", "ledger", "publisher", "follows", "project"];

/// A statement that is not yet a text: members in order, some of which the posting client fills in.
///
/// ```
/// use mingzhang_core::trade::statement::Draft;
/// let mut draft = Draft::parse(br#"{"project":"SS-1","title":"x"}"#).unwrap();
/// draft.fill("log.example/2026", "ggzy.shaoshan.example", None).unwrap();
/// assert_eq!(
///     draft.text().unwrap(),
///     concat!(
///         r#"{"type":"trade","v":1,"ledger":"log.example/2026","publisher":"ggzy.shaoshan.example","#,
///         r#""follows":null,"project":"SS-1","title":"x"}"#,
///         "\n"
///     )
/// );
/// // What the draft says itself is not overwritten in silence.
/// assert!(draft.fill("another.example", "ggzy.shaoshan.example", None).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft<'a> {
    members: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Draft<'a> {
    /// A draft without members.
    #[must_use]
    pub fn new() -> Draft<'a> {
        Draft::default()
    }

    /// Reads a draft: one JSON object in the grammar of statements.
    ///
    /// # Errors
    /// [`JsonError`], which would otherwise come back from the ledger.
    pub fn parse(line: &'a [u8]) -> Result<Draft<'a>, JsonError> {
        let Value::Object(members) = json::parse(line)? else {
            unreachable!("parse() wants `{{` as the first byte");
        };
        Ok(Draft { members })
    }

    /// A member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.members
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Sets a member, in its old place if it has one, else at the end.
    pub fn set(&mut self, name: &'a str, value: impl Into<Value<'a>>) -> &mut Self {
        let value = value.into();
        match self.members.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name, value)),
        }
        self
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.members.iter().position(|(n, _)| *n == name)?;
        Some(self.members.remove(at).1)
    }

    /// Fills in `ledger`, `publisher` and `follows`, and `type` (`trade`) and `v` (1) where the draft has none.
    ///
    /// # Errors
    /// [`DraftError::Conflict`] if the draft says something else already; then nothing is changed.
    pub fn fill(
        &mut self,
        ledger: &str,
        publisher: &str,
        follows: Option<&Hash>,
    ) -> Result<(), DraftError> {
        let follows = follows.map_or(Value::Null, |id| id.to_string().into());
        let filled = [
            ("ledger", ledger.to_owned().into()),
            ("publisher", publisher.to_owned().into()),
            ("follows", follows),
        ];
        for (member, wanted) in &filled {
            if let Some(found) = self.get(member).filter(|found| *found != wanted) {
                let (found, wanted) = (json::encode(found), json::encode(wanted));
                return Err(DraftError::Conflict {
                    member,
                    found,
                    wanted,
                });
            }
        }
        for (member, value) in filled {
            self.set(member, value);
        }
        if self.get("type").is_none() {
            self.set("type", "trade");
        }
        if self.get("v").is_none() {
            self.set("v", Value::Integer(1));
        }
        Ok(())
    }

    /// The text to sign: one line with its line feed, header members first.
    ///
    /// # Errors
    /// [`DraftError`] if the line is too long or, built from values that were not parsed, leaves the grammar.
    pub fn text(&self) -> Result<String, DraftError> {
        let rank = |name: &str| {
            HEADER
                .iter()
                .position(|h| *h == name)
                .unwrap_or(HEADER.len())
        };
        let mut members = self.members.clone();
        members.sort_by_key(|(name, _)| rank(name)); // Stable: the others keep their order.
        let mut text = json::encode(&Value::Object(members));
        json::parse(text.as_bytes())?;
        text.push('\n');
        if text.len() > TEXT_BYTES_MAX {
            return Err(DraftError::TextBytes {
                have: text.len(),
                max: TEXT_BYTES_MAX,
            });
        }
        Ok(text)
    }
}

/// Why a draft gives no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The draft says something else than what is to be filled in.
    #[error(
        "draft has {member} {found}, wanted {wanted}; leave it out, or post to the ledger and with the key it is for"
    )]
    Conflict {
        /// The member.
        member: &'static str,
        /// Its value in the draft.
        found: String,
        /// The value to be filled in.
        wanted: String,
    },
    /// The text would be too long.
    #[error(
        "text would have {have} bytes with its line feed, wanted at most {max}; put long content into a document"
    )]
    TextBytes {
        /// Bytes it would have.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// The text would leave the grammar.
    #[error("draft is not in the grammar of statements")]
    Json(#[from] JsonError),
}

/// Signs a text: by its publisher, or, for `genesis` and `key`, by the authorities, a line each.
///
/// The result has been parsed: what comes back is a statement that a ledger can take if it knows the key.
///
/// # Errors
/// [`StatementError`] if the signed text is not a statement; nothing is signed that could be taken for another note.
pub fn sign_statement(text: &str, signers: &[&Signer]) -> Result<Statement, StatementError> {
    if !text_is_valid(text) {
        // Signing would panic: let parse() say what is wrong, or that the line feed is missing.
        json::parse(text.strip_suffix('\n').unwrap_or(text).as_bytes())?;
        return Err(StatementError::Lines { have: 0 });
    }
    let signatures = signers.iter().map(|signer| signer.sign(text)).collect();
    Statement::parse(
        Note {
            text: text.to_owned(),
            signatures,
        }
        .encode()
        .as_bytes(),
    )
}
