//! The admitted forms of names and identifiers (DESIGN 3.1), each refused with what was found and what was wanted.
//!
//! Does not know who bears a name; see [`keys`](super::keys). The names of witnesses and of other people's logs follow
//! signed-note's own, wider rule; see [`crate::tlog::note::name_is_valid`].

use crate::lang::Bilingual;
use crate::tlog::merkle::Hash;

/// The most bytes of an admitted key name.
pub const NAME_BYTES_MAX: usize = 128;
/// The most bytes of a project or lot id.
pub(crate) const PROJECT_BYTES_MAX: usize = 64;
/// The most bytes of a statement type.
pub(crate) const TYPE_BYTES_MAX: usize = 64;

/// Checks a name that a ledger admits: its origin, a publisher, supervisor, operator or authority.
///
/// 1 to 128 bytes of `a-z 0-9 . / _ -`, no empty, `.` or `..` segment between slashes; so also no port, no upper case
/// and nothing that looks like something else.
///
/// ```
/// use mingzhang_core::trade::names::check_name;
/// assert!(check_name("ggzy.shaoshan.example").is_ok());
/// assert!(check_name("log.example/2026").is_ok());
/// assert!(check_name("log.example:443").is_err());
/// ```
///
/// # Errors
/// [`NameError::Name`].
pub fn check_name(name: &str) -> Result<(), NameError> {
    let alphabet = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'/' | b'_' | b'-');
    let good = name.len() <= NAME_BYTES_MAX
        && name.bytes().all(alphabet)
        && name
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."));
    if good {
        Ok(())
    } else {
        Err(NameError::Name {
            found: shorten(name),
        })
    }
}

/// Checks a project or lot id: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. Original numbers go into `codes`.
///
/// ```
/// use mingzhang_core::trade::names::check_project;
/// assert!(check_project("JSZC-320000-JCEC-G2026-0014").is_ok());
/// assert!(check_project("兰财采字公开招-2026-12").is_err());
/// ```
///
/// # Errors
/// [`NameError::Project`].
pub fn check_project(id: &str) -> Result<(), NameError> {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let good = id.len() <= PROJECT_BYTES_MAX
        && id
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && id.bytes().all(alphabet);
    if good {
        Ok(())
    } else {
        Err(NameError::Project { found: shorten(id) })
    }
}

/// Checks the type of a statement: `[a-z][a-z0-9_]{0,63}`.
///
/// # Errors
/// [`NameError::Type`].
pub(crate) fn check_type(name: &str) -> Result<(), NameError> {
    let alphabet = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let good = name.len() <= TYPE_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(alphabet);
    if good {
        Ok(())
    } else {
        Err(NameError::Type {
            found: shorten(name),
        })
    }
}

/// Reads a statement id, or any SHA-256: 64 lower-case hexadecimal digits.
///
/// ```
/// use mingzhang_core::trade::names::parse_hash;
/// assert!(parse_hash(&"0f".repeat(32)).is_ok());
/// assert!(parse_hash(&"0F".repeat(32)).is_err()); // an id has one spelling
/// ```
///
/// # Errors
/// [`NameError::Hash`].
pub fn parse_hash(text: &str) -> Result<Hash, NameError> {
    Hash::from_hex(text).ok_or_else(|| NameError::Hash {
        found: shorten(text),
    })
}

/// Why a text is not the name or identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not an admitted key name.
    #[error(
        "name {found:?} is not 1 to 128 of a-z 0-9 . / _ - without empty, \".\" or \"..\" segment (write it in lower case, without a port)"
    )]
    Name {
        /// The text, shortened.
        found: String,
    },
    /// Not a project or lot id.
    #[error(
        "id {found:?} is not [A-Za-z0-9][A-Za-z0-9._-]{{0,63}} (put the original number into codes as {{scheme, value}})"
    )]
    Project {
        /// The text, shortened.
        found: String,
    },
    /// Not a statement type.
    #[error("type {found:?} is not [a-z][a-z0-9_]{{0,63}}")]
    Type {
        /// The text, shortened.
        found: String,
    },
    /// Not a hash in hexadecimal.
    #[error("{found:?} is not a SHA-256 in 64 lower-case hexadecimal digits")]
    Hash {
        /// The text, shortened.
        found: String,
    },
}

impl Bilingual for NameError {
    fn zh(&self) -> String {
        match self {
            NameError::Name { found } => format!(
                "名称 {found:?} 应为 1 至 128 个 a-z 0-9 . / _ - 字符，斜杠之间不得为空、“.”或“..”；请用小写，不带端口"
            ),
            NameError::Project { found } => {
                format!(
                    "编号 {found:?} 应为 [A-Za-z0-9][A-Za-z0-9._-]{{0,63}}；原编号请写入 codes（scheme、value）"
                )
            }
            NameError::Type { found } => format!("类型 {found:?} 应为 [a-z][a-z0-9_]{{0,63}}"),
            NameError::Hash { found } => format!("{found:?} 应为 64 位小写十六进制的 SHA-256"),
        }
    }
}

/// At most 80 characters, for messages.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_admitted_and_that_are_not() {
        let longest = "a".repeat(128);
        for name in [
            "a",
            "0",
            "ggzy.shaoshan.example",
            "log.example/2026",
            "a/b/c",
            "a_b-c.d",
            "...",
            "-",
            &longest,
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(129);
        for name in [
            "", "/", "a/", "/a", "a//b", ".", "..", "a/.", "../a", "a/../b", "A", "a:1", "a b",
            "a+b", "a\n", "韶山", "a%20", "a@b", "\u{430}", &too_long,
        ] {
            assert!(
                matches!(check_name(name), Err(NameError::Name { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn ids_of_projects_that_are_taken_and_that_are_not() {
        let longest = format!("E{}", "0".repeat(63));
        for id in [
            "1",
            "E3502060201200048001",
            "a.b_c-D",
            "JSZC-320000",
            "9..",
            &longest,
        ] {
            assert_eq!(check_project(id), Ok(()), "{id}");
        }
        let too_long = format!("{longest}0");
        for id in [
            "",
            ".",
            "-1",
            "_a",
            "a/b",
            "a b",
            "a+b",
            "兰财采字",
            "a\0",
            "a:b",
            &too_long,
        ] {
            assert!(
                matches!(check_project(id), Err(NameError::Project { .. })),
                "{id}"
            );
        }
    }

    #[test]
    fn types_that_are_read_and_that_are_not() {
        for name in ["trade", "key", "x", "a_1"] {
            assert_eq!(check_type(name), Ok(()), "{name}");
        }
        for name in ["", "Trade", "1a", "_a", "a-b", "a b", &"a".repeat(65)] {
            assert!(
                matches!(check_type(name), Err(NameError::Type { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn hashes_have_one_spelling() {
        assert_eq!(parse_hash(&"00".repeat(32)), Ok(Hash::ZERO));
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0F".repeat(32),
            &"0g".repeat(32),
            &"é".repeat(32),
        ] {
            assert!(
                matches!(parse_hash(text), Err(NameError::Hash { .. })),
                "{text}"
            );
        }
    }
}
