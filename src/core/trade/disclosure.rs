//! A publisher's word that values of a logged statement are to be public from now on.
//!
//! The note of a logged statement is public, so posting it again with openings proves nothing: anybody who was handed an opening could. What
//! opens a commitment later is a signature made for that, over lines that name the statement and the places:
//!
//! ```text
//! mingzhang-disclosure-v1
//! log.example/2026
//! 4b1f…(the statement's id, 64 hex)
//! /details/matter
//! ```
//!
//! A signed note with this text (pointers in byte order, one a line) and one signature line, Ed25519, by a key in force of the statement's
//! publisher or of a supervisor.
//!
//! Promises: pure. Given again it says the same again, and after an order to erase it has no effect: that is for whoever keeps the openings.

use super::commitment::Openings;
use super::keys::KeyState;
use super::statement::{Role, Statement};
use crate::lang::Bilingual;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Note;

/// The first line of what is signed.
pub(crate) const PREFIX: &str = "mingzhang-disclosure-v1";

/// What is signed to open these places of a statement.
///
/// ```
/// use mingzhang_core::tlog::merkle::Hash;
/// use mingzhang_core::trade::disclosure::text;
/// let text = text("log.example/2026", &Hash::ZERO, ["/details/b", "/details/a"]);
/// assert_eq!(text.lines().skip(3).collect::<Vec<_>>(), ["/details/a", "/details/b"]);
/// ```
#[must_use]
pub fn text<'p>(
    ledger: &str,
    statement: &Hash,
    pointers: impl IntoIterator<Item = &'p str>,
) -> String {
    let mut pointers: Vec<&str> = pointers.into_iter().collect();
    pointers.sort_unstable();
    let places: String = pointers
        .iter()
        .map(|pointer| format!("{pointer}\n"))
        .collect();
    format!("{PREFIX}\n{ledger}\n{statement}\n{places}")
}

/// Checks that `note` opens exactly `openings` of `statement`, by a key that may say so now.
///
/// # Errors
/// [`DisclosureError`].
pub fn check(
    note: &[u8],
    statement: &Statement,
    openings: &Openings,
    keys: &KeyState,
) -> Result<(), DisclosureError> {
    let note = Note::parse(note).map_err(|error| DisclosureError::Form {
        reason: error.to_string(),
    })?;
    let pointers = openings.iter().map(|(pointer, _)| pointer);
    if note.text != text(statement.ledger(), &statement.id(), pointers) {
        return Err(DisclosureError::Text);
    }
    let [signature] = note.signatures.as_slice() else {
        return Err(DisclosureError::Lines {
            have: note.signatures.len(),
        });
    };
    let publisher = statement.publisher().unwrap_or_default();
    let key = keys
        .keys()
        .find(|key| signature.names(&key.vkey))
        .filter(|key| key.revoked.is_none())
        .filter(|key| match key.role {
            Role::Publisher => key.vkey.name() == publisher,
            role => role == Role::Supervisor,
        })
        .ok_or_else(|| DisclosureError::Key {
            name: signature.name.clone(),
            publisher: publisher.to_owned(),
        })?;
    if !key.vkey.verify(note.text.as_bytes(), &signature.bytes) {
        return Err(DisclosureError::Signature {
            name: signature.name.clone(),
        });
    }
    Ok(())
}

/// Why openings of a logged statement are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// Nothing was signed to open it.
    #[error(
        "{pointer} of a statement that is in the log is opened by a fresh signature only (`disclosure`, by its publisher or a supervisor), or after an order to disclose it; the note of the statement is public and proves nothing"
    )]
    Missing {
        /// The first place that nothing opens.
        pointer: String,
    },
    /// Not a note.
    #[error("the disclosure is no signed note: {reason}")]
    Form {
        /// What the parser says.
        reason: String,
    },
    /// It speaks of something else.
    #[error(
        "the disclosure was signed for another ledger, statement or other places: its text is {PREFIX}, ledger, statement id, and the pointers of all openings that come with it in byte order, one a line"
    )]
    Text,
    /// Not one signature.
    #[error("the disclosure has {have} signature lines, wanted one")]
    Lines {
        /// Found.
        have: usize,
    },
    /// Not a key that may say so.
    #[error(
        "{name} has no key in force that may open what {publisher} committed to: its own or a supervisor's is wanted"
    )]
    Key {
        /// Who signed.
        name: String,
        /// Whose statement it is.
        publisher: String,
    },
    /// The arithmetic fails.
    #[error("the signature of {name} on the disclosure does not verify")]
    Signature {
        /// Who is said to have signed.
        name: String,
    },
}

impl Bilingual for DisclosureError {
    fn zh(&self) -> String {
        match self {
            DisclosureError::Missing { pointer } => format!(
                "已登记声明的 {pointer} 只能凭新的签名（disclosure，由发布者或监督机构签署）或公开命令（order disclose）公开；声明本身的签名人人可得，不能作为依据"
            ),
            DisclosureError::Form { reason } => format!("disclosure 不是签名文本：{reason}"),
            DisclosureError::Text => format!(
                "disclosure 签署的是另一账本、声明或位置；其文本应为 {PREFIX}、账本、声明编号，以及随附全部开启值的指针（按字节序，各占一行）"
            ),
            DisclosureError::Lines { have } => {
                format!("disclosure 有 {have} 行签名，应恰有一行")
            }
            DisclosureError::Key { name, publisher } => format!(
                "{name} 没有可公开 {publisher} 承诺值的有效密钥；须由其自身或监督机构的密钥签署"
            ),
            DisclosureError::Signature { name } => {
                format!("disclosure 上 {name} 的签名验证不通过")
            }
        }
    }
}
