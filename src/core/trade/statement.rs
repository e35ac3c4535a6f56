//! A statement: a signed note whose text is one line of JSON (DESIGN 3.1, `docs/format.md`).
//!
//! ```text
//! {"type":"trade","v":1,"ledger":"…","publisher":"ggzy.shaoshan.example","follows":null,…}⏎
//! ⏎
//! — ggzy.shaoshan.example Az3grl…=⏎
//! ```
//!
//! Promises: a [`Statement`] keeps the exact bytes that were posted and never encodes them again; its size, its grammar
//! and every member that a *log rule* reads have been judged (`type v ledger publisher project follows amends issued`,
//! all of `genesis` and `key`). These rules never change within `v` 1.
//!
//! Does not verify a signature and does not know whose keys are in force ([`keys`](super::keys)), nor whether the chain
//! fits ([`log_rules`](super::log_rules)), nor what a stage or kind is ([`door`](super::door)).

mod authority;
mod draft;
mod error;
mod fields;
mod members;
mod order;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::json::{self, Value};
use super::names;
use super::time::OffsetTime;
use crate::tlog::merkle::Hash;
use crate::tlog::note::{self, Signature};

pub use authority::{Admit, AuthoritySet, Change, Erasure, Genesis, Operator, Revoke, Role};
pub use draft::{Draft, DraftError, sign_statement};
pub use error::StatementError;
pub use fields::{About, Code, Document, Fields};
use members::Members;
pub use order::{Act, Order, OrderClass, Showing, Target};

/// The most bytes of a text, with its line feed.
pub const TEXT_BYTES_MAX: usize = 36_000;
/// The most bytes of the note of a statement: the text, an empty line and one signature line, which is an em dash and a
/// space (4 bytes), the name, a space, base64 of key ID and signature (68 bytes), and a line feed.
pub const NOTE_BYTES_MAX: usize = TEXT_BYTES_MAX + 1 + (4 + names::NAME_BYTES_MAX + 1 + 92 + 1);
/// The most bytes of the note of record 0.
pub const GENESIS_NOTE_BYTES_MAX: usize = 4_096;
/// The most bytes of the note of a `key` statement.
pub(crate) const KEY_NOTE_BYTES_MAX: usize = 2_048;
/// The bytes of an Ed25519 signature, without the key ID before it.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// What a publisher asserts, signed: the exact bytes and what log rules read of them. A clone costs a reference count.
#[derive(Clone)]
pub struct Statement(Arc<Inner>);

struct Inner {
    note: Bytes,
    text_bytes: usize,
    id: Hash,
    statement_type: String,
    version: u64,
    ledger: String,
    chain: Chain,
    follows: Option<Hash>,
    signatures: Vec<Signature>,
    body: Body,
}

/// What a statement says, as far as log rules read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Record 0: who runs the ledger.
    Genesis(Genesis),
    /// Changes of keys and, as a last resort, erasures.
    Key(Vec<Change>),
    /// A disclosure by a trading centre.
    Trade(Trade),
    /// A supervisor's countersignature.
    Endorse,
    /// Withhold, disclose or erase an opening or a document.
    Order,
    /// What the operator announces.
    Notice,
    /// A type or `v` that this program does not understand: judged by signature, key, chain and size only.
    Unknown,
}

/// What log rules read of a `trade` statement, and its `ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// When the publisher says it was made public.
    pub issued: OffsetTime,
    /// The earlier statement of the same chain that this one corrects, replaces or withdraws.
    pub amends: Option<Amends>,
    /// The publisher's own id of this disclosure, where it is a string; its form is the door's to judge.
    pub reference: Option<String>,
}

/// Which statement is amended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amends {
    /// The id of the amended statement.
    pub statement: Hash,
    /// What becomes of it.
    pub effect: Effect,
}

/// What an amendment does. Nothing is ever edited: the amended statement stays, and readers are shown both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A mistake in it is put right.
    Correct,
    /// This statement stands in its place.
    Replace,
    /// It no longer holds.
    Withdraw,
}

/// The chain that a statement belongs to; `follows` names the statement before it in the same chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// `genesis` and `key` statements together.
    Keys,
    /// `trade` statements of one publisher on one project, whatever their `v`.
    Trade {
        /// The publisher's key name.
        publisher: String,
        /// The publisher's id of the project.
        project: String,
    },
    /// All statements of one other type, known or not, by one publisher.
    Other {
        /// The publisher's key name.
        publisher: String,
        /// The statement type.
        statement_type: String,
    },
}

impl fmt::Display for Chain {
    /// `keys`, `trade <publisher> <project>` or `<type> <publisher>`: unambiguous, for no part has a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chain::Keys => f.write_str("keys"),
            Chain::Trade { publisher, project } => write!(f, "trade {publisher} {project}"),
            Chain::Other {
                publisher,
                statement_type,
            } => write!(f, "{statement_type} {publisher}"),
        }
    }
}

impl Statement {
    /// Reads a statement's note and judges size, grammar and the members that log rules read.
    ///
    /// ```
    /// use mingzhang_core::tlog::note::Signer;
    /// use mingzhang_core::trade::statement::{Statement, StatementError, sign_statement};
    ///
    /// let centre = Signer::from_seed("ggzy.shaoshan.example", &[1; 32]).unwrap();
    /// let text = concat!(
    ///     r#"{"type":"trade","v":1,"ledger":"log.example/2026","publisher":"ggzy.shaoshan.example","#,
    ///     r#""follows":null,"project":"SS-2026-001","issued":"2026-11-23T09:00:00+08:00"}"#,
    ///     "\n"
    /// );
    /// let signed = sign_statement(text, &[&centre]).unwrap();
    /// let statement = Statement::parse(signed.note()).unwrap();
    /// assert_eq!(statement.text(), text);
    /// assert_eq!(statement.id(), mingzhang_core::tlog::merkle::Hash::sha256(text.as_bytes()));
    ///
    /// // A member that a log rule reads may not be missing.
    /// let text = text.replace(r#""follows":null,"#, "");
    /// let error = sign_statement(&text, &[&centre]).unwrap_err();
    /// assert!(matches!(error, StatementError::Missing { .. }), "{error}");
    /// ```
    ///
    /// # Errors
    /// [`StatementError`], the first rule that the bytes break, from the outside in: size, note, line, JSON, members,
    /// signature lines.
    pub fn parse(note: &[u8]) -> Result<Statement, StatementError> {
        check_note_bytes(note.len(), NOTE_BYTES_MAX, "a statement")?;
        Statement::from_bytes(Bytes::copy_from_slice(note))
    }

    /// [`Statement::parse`] of bytes that need not be copied.
    ///
    /// # Errors
    /// As [`Statement::parse`].
    pub fn from_bytes(note: Bytes) -> Result<Statement, StatementError> {
        check_note_bytes(note.len(), NOTE_BYTES_MAX, "a statement")?;
        let (text, lines) = note::split(&note)?;
        let line = one_line(text)?;
        let value = json::parse(line.as_bytes())?;
        let header = Header::read(&Members::outer(&value)?)?;
        match header.body {
            Body::Genesis(_) => {
                check_note_bytes(note.len(), GENESIS_NOTE_BYTES_MAX, "a genesis statement")?
            }
            Body::Key(_) => check_note_bytes(note.len(), KEY_NOTE_BYTES_MAX, "a key statement")?,
            _ => {}
        }
        let signatures = note::parse_signatures(lines.as_bytes())?;
        check_signature_lines(&header.chain, &signatures)?;
        let (text_bytes, id) = (text.len(), Hash::sha256(text.as_bytes()));
        let Header {
            statement_type,
            version,
            ledger,
            chain,
            follows,
            body,
        } = header;
        Ok(Statement(Arc::new(Inner {
            note: note.clone(),
            text_bytes,
            id,
            statement_type,
            version,
            ledger,
            chain,
            follows,
            signatures,
            body,
        })))
    }

    /// The exact bytes of the note.
    #[must_use]
    pub fn note(&self) -> &Bytes {
        &self.0.note
    }

    /// The text with its line feed: what is signed.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0.note[..self.0.text_bytes]).expect("parse() read it as UTF-8")
    }

    /// SHA-256 of the text with its line feed.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.0.id
    }

    /// `trade`, `key`, … or a type that we do not know.
    #[must_use]
    pub fn statement_type(&self) -> &str {
        &self.0.statement_type
    }

    /// The member `v`.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// The origin of the ledger that the statement is meant for.
    #[must_use]
    pub fn ledger(&self) -> &str {
        &self.0.ledger
    }

    /// Who speaks: the name of the signing key. `None` for `genesis` and `key`, where the authorities sign.
    #[must_use]
    pub fn publisher(&self) -> Option<&str> {
        match &self.0.chain {
            Chain::Keys => None,
            Chain::Trade { publisher, .. } | Chain::Other { publisher, .. } => Some(publisher),
        }
    }

    /// The project of a `trade` statement, whatever its `v`.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        match &self.0.chain {
            Chain::Trade { project, .. } => Some(project),
            Chain::Keys | Chain::Other { .. } => None,
        }
    }

    /// The chain that the statement belongs to.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.0.chain
    }

    /// The id of the statement before it in its chain; `None` for the first.
    #[must_use]
    pub fn follows(&self) -> Option<Hash> {
        self.0.follows
    }

    /// The signature lines, unverified: exactly one by [`publisher`](Statement::publisher)'s name, or, of a `genesis`
    /// or `key` statement, at least one.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.0.signatures
    }

    /// What it says, as far as log rules read it.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// The earlier statement that a `trade` statement amends.
    #[must_use]
    pub fn amends(&self) -> Option<Amends> {
        self.trade().and_then(|trade| trade.amends)
    }

    /// When the publisher of a `trade` statement says that it was made public.
    #[must_use]
    pub fn issued(&self) -> Option<OffsetTime> {
        self.trade().map(|trade| trade.issued)
    }

    /// The publisher's own id of a `trade` statement.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.trade().and_then(|trade| trade.reference.as_deref())
    }

    fn trade(&self) -> Option<&Trade> {
        match &self.0.body {
            Body::Trade(trade) => Some(trade),
            _ => None,
        }
    }

    /// Whether this program understands type and `v`; if not, audit reports "not understood".
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.0.body != Body::Unknown
    }

    /// The whole JSON, read again from the text: a few microseconds a kilobyte, nothing kept.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        let line = &self.text()[..self.0.text_bytes - 1];
        json::parse(line.as_bytes()).expect("parse() read it before")
    }

    /// The members that people and rules read, by name.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(self.value())
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statement({:?} in {})", self.0.id, self.0.chain)
    }
}

impl PartialEq for Statement {
    /// Two statements are the same if their bytes are. (The same *statement id* means the same text only.)
    fn eq(&self, other: &Statement) -> bool {
        self.0.note == other.0.note
    }
}

impl Eq for Statement {}

/// What log rules read of the outer object.
struct Header {
    statement_type: String,
    version: u64,
    ledger: String,
    chain: Chain,
    follows: Option<Hash>,
    body: Body,
}

impl Header {
    fn read(members: &Members<'_, '_>) -> Result<Header, StatementError> {
        let statement_type = members.named("type", names::check_type)?.to_owned();
        let version = members.version()?;
        let ledger = members.named("ledger", names::check_name)?.to_owned();
        let follows = members.hash_or_null("follows")?;
        let keys_run_the_ledger = matches!(statement_type.as_str(), "genesis" | "key");
        if keys_run_the_ledger && version != 1 {
            // Whoever cannot read a change of keys cannot tell whose signatures count from there on.
            return Err(StatementError::KeyVersion {
                statement_type,
                found: version,
            });
        }
        let chain = match statement_type.as_str() {
            "genesis" | "key" => Chain::Keys,
            "trade" => Chain::Trade {
                publisher: members.named("publisher", names::check_name)?.to_owned(),
                project: members.named("project", names::check_project)?.to_owned(),
            },
            _ => Chain::Other {
                publisher: members.named("publisher", names::check_name)?.to_owned(),
                statement_type: statement_type.clone(),
            },
        };
        let body = match (statement_type.as_str(), version) {
            ("genesis", 1) => Body::Genesis(Genesis::read(members)?),
            ("key", 1) => Body::Key(authority::read_changes(members)?),
            ("trade", 1) => Body::Trade(Trade::read(members)?),
            ("endorse", 1) => Body::Endorse,
            ("order", 1) => Body::Order,
            ("notice", 1) => Body::Notice,
            _ => Body::Unknown,
        };
        Ok(Header {
            statement_type,
            version,
            ledger,
            chain,
            follows,
            body,
        })
    }
}

impl Trade {
    fn read(members: &Members<'_, '_>) -> Result<Trade, StatementError> {
        Ok(Trade {
            issued: members.time("issued")?,
            amends: members
                .object("amends")?
                .map(|amends| Amends::read(&amends))
                .transpose()?,
            reference: members
                .get("ref")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }
}

impl Amends {
    fn read(members: &Members<'_, '_>) -> Result<Amends, StatementError> {
        members.only(&["statement", "effect"])?;
        let effect = match members.text("effect")? {
            "correct" => Effect::Correct,
            "replace" => Effect::Replace,
            "withdraw" => Effect::Withdraw,
            found => {
                return Err(members.wrong(
                    "effect",
                    found,
                    "\"correct\", \"replace\" or \"withdraw\"",
                ));
            }
        };
        Ok(Amends {
            statement: members.hash("statement")?,
            effect,
        })
    }
}

/// The only line of a text, without its line feed.
fn one_line(text: &str) -> Result<&str, StatementError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(StatementError::TextBytes {
            have: text.len(),
            max: TEXT_BYTES_MAX,
        });
    }
    let line = text
        .strip_suffix('\n')
        .expect("note::split() ends the text in a line feed");
    match line.bytes().filter(|byte| *byte == b'\n').count() {
        0 => Ok(line),
        more => Err(StatementError::Lines { have: more + 1 }),
    }
}

fn check_note_bytes(have: usize, max: usize, of: &'static str) -> Result<(), StatementError> {
    if have <= max {
        Ok(())
    } else {
        Err(StatementError::NoteBytes { have, max, of })
    }
}

/// One line by the publisher; of authorities at least one, and which they must be depends on the keys in force.
fn check_signature_lines(chain: &Chain, signatures: &[Signature]) -> Result<(), StatementError> {
    if let Some(signature) = signatures.iter().find(|s| s.bytes.len() != SIGNATURE_BYTES) {
        return Err(StatementError::SignatureBytes {
            name: signature.name.clone(),
            have: signature.bytes.len(),
        });
    }
    let publisher = match chain {
        Chain::Keys => return Ok(()),
        Chain::Trade { publisher, .. } | Chain::Other { publisher, .. } => publisher,
    };
    match signatures {
        [signature] if signature.name == *publisher => Ok(()),
        [signature] => Err(StatementError::Signer {
            found: signature.name.clone(),
            publisher: publisher.clone(),
        }),
        _ => Err(StatementError::Signatures {
            have: signatures.len(),
        }),
    }
}
