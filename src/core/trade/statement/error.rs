//! Why bytes are not a statement, in words for the person who has to mend it.

use crate::lang::Bilingual;
use crate::tlog::note::{NoteError, VkeyError};
use crate::trade::json::JsonError;
use crate::trade::names::NameError;
use crate::trade::time::TimeError;

/// Why bytes are not a statement. `pointer` is a JSON pointer (RFC 6901) into the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The note is too long.
    #[error("note of {of} has {have} bytes, wanted at most {max}")]
    NoteBytes {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
        /// For which statements the limit holds.
        of: &'static str,
    },
    /// The text is too long.
    #[error(
        "text has {have} bytes with its line feed, wanted at most {max}; put long content into a document"
    )]
    TextBytes {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// The bytes are not a signed note.
    #[error("statement is not a signed note")]
    Note(#[from] NoteError),
    /// The text is not one line.
    #[error("text has {have} lines, wanted one JSON object on one line")]
    Lines {
        /// Lines found.
        have: usize,
    },
    /// The line is not in the JSON grammar.
    #[error("text is not in the grammar of statements")]
    Json(#[from] JsonError),
    /// A member is not there.
    #[error("{pointer} is missing, wanted {wanted}")]
    Missing {
        /// Where it belongs.
        pointer: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A member is not what it should be.
    #[error("{pointer} is {found}, wanted {wanted}")]
    Member {
        /// Where it is.
        pointer: String,
        /// What it is, shortened.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A member that is not known in an object where each member counts.
    #[error("{pointer} is not known here, wanted only {wanted}")]
    UnknownMember {
        /// Where it is.
        pointer: String,
        /// The members that are known.
        wanted: String,
    },
    /// A name or identifier is not of the admitted form.
    #[error("{pointer} is not of the admitted form")]
    Name {
        /// Where it is.
        pointer: String,
        /// What was found and wanted.
        source: NameError,
    },
    /// A time is not one.
    #[error("{pointer} is not a time that is used here")]
    Time {
        /// Where it is.
        pointer: String,
        /// What was found and wanted.
        source: TimeError,
    },
    /// A vkey is not one that we admit.
    #[error("{pointer} is not a verifier key that is admitted")]
    Vkey {
        /// Where it is.
        pointer: String,
        /// What was found and wanted.
        source: VkeyError,
    },
    /// A key in a place where only Ed25519 keys of signed-note count.
    #[error("{pointer} is a key of signature type 0x{found:02x}, wanted 0x01 (Ed25519)")]
    Algorithm {
        /// Where it is.
        pointer: String,
        /// The type byte found.
        found: u8,
    },
    /// One key twice in a list.
    #[error(
        "{pointer} is the public key or the key ID of another key in the same list, wanted different keys"
    )]
    KeyTwice {
        /// Where the second is.
        pointer: String,
    },
    /// A `genesis` or `key` statement of a version that this program cannot follow.
    #[error(
        "{statement_type} statement has v {found}, wanted 1: keys cannot be followed from here on"
    )]
    KeyVersion {
        /// The statement type.
        statement_type: String,
        /// The version found.
        found: u64,
    },
    /// Not exactly one signature line.
    #[error("statement has {have} signature lines, wanted exactly one, by its publisher")]
    Signatures {
        /// Lines found.
        have: usize,
    },
    /// The signature line is by another name.
    #[error("statement is signed by {found}, wanted its publisher {publisher}")]
    Signer {
        /// The key name on the line.
        found: String,
        /// The publisher in the text.
        publisher: String,
    },
    /// A signature that cannot be Ed25519.
    #[error("signature by {name} has {have} bytes, wanted 64 behind the key ID")]
    SignatureBytes {
        /// The key name on the line.
        name: String,
        /// Bytes found.
        have: usize,
    },
}

impl StatementError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            StatementError::NoteBytes { .. } => "note_too_long",
            StatementError::TextBytes { .. } => "text_too_long",
            StatementError::Note(_) => "not_a_note",
            StatementError::Lines { .. } => "not_one_line",
            StatementError::Json(_) => "json",
            StatementError::Missing { .. } => "member_missing",
            StatementError::Member { .. } => "member_wrong",
            StatementError::UnknownMember { .. } => "member_unknown",
            StatementError::Name { .. } => "name",
            StatementError::Time { .. } => "time",
            StatementError::Vkey { .. } | StatementError::Algorithm { .. } => "vkey",
            StatementError::KeyTwice { .. } => "key_twice",
            StatementError::KeyVersion { .. } => "key_version",
            StatementError::Signatures { .. } => "signature_lines",
            StatementError::Signer { .. } => "signature_name",
            StatementError::SignatureBytes { .. } => "signature_bytes",
        }
    }

    /// The JSON pointer of the member at fault, if one is.
    #[must_use]
    pub fn pointer(&self) -> Option<&str> {
        match self {
            StatementError::Json(error) => Some(&error.pointer),
            StatementError::Missing { pointer, .. }
            | StatementError::Member { pointer, .. }
            | StatementError::UnknownMember { pointer, .. }
            | StatementError::Name { pointer, .. }
            | StatementError::Time { pointer, .. }
            | StatementError::Vkey { pointer, .. }
            | StatementError::Algorithm { pointer, .. }
            | StatementError::KeyTwice { pointer } => Some(pointer),
            _ => None,
        }
    }
}

impl Bilingual for StatementError {
    fn zh(&self) -> String {
        match self {
            StatementError::NoteBytes { have, max, .. } => {
                format!("签名后的声明有 {have} 字节，最多 {max} 字节")
            }
            StatementError::TextBytes { have, max } => {
                format!(
                    "正文连同换行有 {have} 字节，最多 {max} 字节；较长内容请作为文件，按摘要引用"
                )
            }
            StatementError::Note(error) => format!("不是签名文本（signed-note）：{error}"),
            StatementError::Lines { have } => format!("正文有 {have} 行，应为一行 JSON 对象"),
            StatementError::Json(error) => format!("正文不符合声明的 JSON 语法：{}", error.zh()),
            StatementError::Missing { pointer, wanted } => format!("缺少 {pointer}（{wanted}）"),
            StatementError::Member {
                pointer,
                found,
                wanted,
            } => {
                format!("{pointer} 为 {found}，应为 {wanted}")
            }
            StatementError::UnknownMember { pointer, wanted } => {
                format!("{pointer} 不是此处的成员，只允许 {wanted}")
            }
            StatementError::Name { pointer, source } => format!("{pointer}：{}", source.zh()),
            StatementError::Time { pointer, source } => {
                format!("{pointer} 不是有效时间（例：2026-11-23T09:02:03+08:00）：{source}")
            }
            StatementError::Vkey { pointer, source } => {
                format!("{pointer} 不是可登记的公钥：{source}")
            }
            StatementError::Algorithm { pointer, found } => {
                format!("{pointer} 的签名类型为 0x{found:02x}，应为 0x01（Ed25519）")
            }
            StatementError::KeyTwice { pointer } => {
                format!("{pointer} 与同一列表中的另一公钥或其编号重复")
            }
            StatementError::KeyVersion {
                statement_type,
                found,
            } => {
                format!("{statement_type} 声明的 v 为 {found}，本程序只认 1，此后的密钥无法跟踪")
            }
            StatementError::Signatures { have } => format!("有 {have} 行签名，应恰有发布者的一行"),
            StatementError::Signer { found, publisher } => {
                format!("签名者为 {found}，应为发布者 {publisher}")
            }
            StatementError::SignatureBytes { name, have } => {
                format!("{name} 的签名有 {have} 字节，密钥编号之后应为 64 字节")
            }
        }
    }
}
