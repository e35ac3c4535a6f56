//! Signed notes, verifier keys and signers (c2sp.org/signed-note@v1.0.0).
//!
//! A note is a text, an empty line, and lines `— <key name> <base64(key ID ‖ signature)>`.
//!
//! Promises: what [`Note::parse`] takes, [`Note::encode`] gives back byte for byte; size and number
//! of signature lines are bounded before anything is decoded; a [`Vkey`] is never of low order nor
//! written in a second way; the one signature rule is `verify_strict` (RFC 8032 §5.1.7, without
//! cofactor, small-order A and R refused).
//!
//! Does not say whose signatures count: see [`policy`](super::policy) for checkpoints. Does not
//! know what a text means.

mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use keys::{Algorithm, Signer, UnsupportedVkey, Vkey, VkeyError, key_id};

/// The most bytes of a note: room for a text of 64 KiB and 100 post-quantum signature lines of
/// 4.5 KB. Callers that know better (a statement, a receipt) refuse earlier.
pub const NOTE_BYTES_MAX: usize = 524_288;

/// The most signature lines of a note; the specification wants at least 16.
pub const SIGNATURES_MAX: usize = 100;

/// The most bytes of the name of a key that we are configured with, as in the ML-DSA-44 message of
/// c2sp.org/tlog-cosignature. Names of unknown keys in a note are bounded by the note.
pub const NAME_BYTES_MAX: usize = 255;

/// Starts each signature line: em dash (U+2014), space.
const SIGNATURE_PREFIX: &str = "— ";

/// A text and the signatures under it, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text. It ends in LF, which is part of what is signed.
    pub text: String,
    /// The signature lines in their order; at least one in a note that was parsed.
    pub signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key name.
    pub name: String,
    /// The key ID. It only selects a key, being short enough to collide with on purpose.
    pub key_id: u32,
    /// The signature proper, behind the four bytes of the key ID; what it is depends on the key's
    /// algorithm.
    pub bytes: Vec<u8>,
}

/// Why bytes are not a signed note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than we read.
    #[error("note has {have} bytes, at most {max} are read")]
    TooLong {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Not UTF-8.
    #[error("note is not UTF-8 from byte {at} on")]
    Utf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A control character below U+0020 other than LF.
    #[error("note has control character U+{byte:04X} at byte {at}, only LF is allowed")]
    Control {
        /// The character.
        byte: u8,
        /// Its offset.
        at: usize,
    },
    /// No empty line, so no signatures.
    #[error("note has no empty line before its signatures")]
    Unsigned,
    /// The text ends and no signature line follows, or the last one has no LF.
    #[error("note does not end in a signature line with LF")]
    Unfinished,
    /// More signature lines than we read.
    #[error("note has more than {max} signature lines")]
    Signatures {
        /// The limit.
        max: usize,
    },
    /// A line below the empty line is not `— <name> <base64>`.
    #[error("signature line {line} is not of the form \"— <key name> <base64>\"")]
    Line {
        /// Which signature line, from 1.
        line: usize,
    },
    /// A key name with a space, a plus or a control character.
    #[error(
        "signature line {line} has the key name {name:?}, which has a space, \"+\" or control character"
    )]
    Name {
        /// Which signature line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// Not strict base64 of RFC 4648 §4.
    #[error("signature line {line} is not strict base64 (padding, no trailing bits)")]
    Base64 {
        /// Which signature line, from 1.
        line: usize,
    },
    /// Not even a key ID and one byte.
    #[error("signature line {line} holds {have} bytes, wanted a key ID of 4 and a signature")]
    Short {
        /// Which signature line, from 1.
        line: usize,
        /// Bytes found.
        have: usize,
    },
    /// Encoding the parsed note gives other bytes.
    #[error("note is not written in the one way that a note is written")]
    NotCanonical,
}

impl Note {
    /// Reads a note strictly, and verifies nothing.
    ///
    /// ```
    /// use mingzhang_core::tlog::note::{Note, NoteError};
    /// let bytes = "hello\n\n— example.com/foo Uw2QOkn8\n".as_bytes();
    /// let note = Note::parse(bytes)?;
    /// assert_eq!(note.text, "hello\n");
    /// assert_eq!(note.signatures[0].key_id, 0x530d903a);
    /// assert_eq!(note.encode().as_bytes(), bytes);
    /// assert_eq!(Note::parse(b"hello\n"), Err(NoteError::Unsigned));
    /// # Ok::<(), NoteError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        let (text, lines) = split(bytes)?;
        let mut signatures = Vec::new();
        for (at, line) in lines.split_terminator('\n').enumerate() {
            if at == SIGNATURES_MAX {
                return Err(NoteError::Signatures {
                    max: SIGNATURES_MAX,
                });
            }
            signatures.push(Signature::parse(line, at + 1)?);
        }
        let note = Note {
            text: text.to_owned(),
            signatures,
        };
        // Holds by construction; a proof is cheaper than an argument.
        if note.encode().as_bytes() != bytes {
            return Err(NoteError::NotCanonical);
        }
        Ok(note)
    }

    /// The bytes of the note.
    pub fn encode(&self) -> String {
        let lines_bytes: usize = self
            .signatures
            .iter()
            .map(|s| s.name.len() + (s.bytes.len() + 6) / 3 * 4 + 6)
            .sum();
        let mut note = String::with_capacity(self.text.len() + 1 + lines_bytes);
        note.push_str(&self.text);
        note.push('\n');
        for signature in &self.signatures {
            signature.encode_into(&mut note);
        }
        note
    }

    /// The signature lines that name `vkey` by key name and key ID. Whether they are good is
    /// [`Vkey::verify`]'s to say.
    pub fn signatures_of<'a>(&'a self, vkey: &'a Vkey) -> impl Iterator<Item = &'a Signature> {
        self.signatures
            .iter()
            .filter(|signature| signature.names(vkey))
    }
}

/// Splits a note into its text, with the final LF, and its signature lines, each with its LF, and
/// checks all of the form but these lines. Costs no allocation.
///
/// The text may have empty lines: the last one of the note is the separator.
pub fn split(bytes: &[u8]) -> Result<(&str, &str), NoteError> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLong {
            have: bytes.len(),
            max: NOTE_BYTES_MAX,
        });
    }
    let note = std::str::from_utf8(bytes).map_err(|e| NoteError::Utf8 {
        at: e.valid_up_to(),
    })?;
    if has_control(bytes) {
        let at = bytes.iter().position(|&byte| is_control(byte));
        let at = at.expect("one was just found");
        return Err(NoteError::Control {
            byte: bytes[at],
            at,
        });
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
    let (text, lines) = (&note[..=at], &note[at + 2..]);
    if !lines.ends_with('\n') {
        return Err(NoteError::Unfinished);
    }
    Ok((text, lines))
}

impl Signature {
    /// Reads a signature line without its LF; `line` is its number for the error.
    fn parse(text: &str, line: usize) -> Result<Signature, NoteError> {
        let rest = text
            .strip_prefix(SIGNATURE_PREFIX)
            .ok_or(NoteError::Line { line })?;
        let (name, base64) = rest.split_once(' ').ok_or(NoteError::Line { line })?;
        if name.is_empty() || base64.is_empty() {
            return Err(NoteError::Line { line });
        }
        if !name_is_valid(name) {
            return Err(NoteError::Name {
                line,
                name: name.to_owned(),
            });
        }
        let mut bytes = STANDARD
            .decode(base64)
            .map_err(|_| NoteError::Base64 { line })?;
        let key_id = match bytes.first_chunk::<4>() {
            Some(key_id) if bytes.len() > 4 => u32::from_be_bytes(*key_id),
            _ => {
                return Err(NoteError::Short {
                    line,
                    have: bytes.len(),
                });
            }
        };
        bytes.drain(..4);
        Ok(Signature {
            name: name.to_owned(),
            key_id,
            bytes,
        })
    }

    /// The signature line with its LF, as in a note or a witness's answer.
    pub fn encode(&self) -> String {
        let mut line = String::new();
        self.encode_into(&mut line);
        line
    }

    fn encode_into(&self, note: &mut String) {
        let mut bytes = Vec::with_capacity(4 + self.bytes.len());
        bytes.extend_from_slice(&self.key_id.to_be_bytes());
        bytes.extend_from_slice(&self.bytes);
        note.push_str(SIGNATURE_PREFIX);
        note.push_str(&self.name);
        note.push(' ');
        STANDARD.encode_string(&bytes, note);
        note.push('\n');
    }

    /// The same of a key whose algorithm cannot be verified here: the line is neither believed nor a stranger's.
    pub(crate) fn names_unsupported(&self, vkey: &UnsupportedVkey) -> bool {
        self.key_id == vkey.key_id() && self.name == vkey.name()
    }

    /// Whether the line claims to be by `vkey`: the same key name and key ID. A line for which this
    /// holds and that does not verify condemns the whole note ("clients SHOULD reject the whole
    /// note"); one for which it does not hold "MUST be ignored".
    pub fn names(&self, vkey: &Vkey) -> bool {
        self.key_id == vkey.key_id() && self.name == vkey.name()
    }
}

/// Reads the signature lines of a witness's answer: one or more, each with its LF, nothing else.
pub fn parse_signatures(bytes: &[u8]) -> Result<Vec<Signature>, NoteError> {
    // An empty text and an empty line before them make a note of them.
    let note = Note::parse(&[b"\n\n", bytes].concat())?;
    if note.text != "\n" {
        return Err(NoteError::Line { line: 1 });
    }
    Ok(note.signatures)
}

/// Whether a key may be called so: not empty, no Unicode space, no `+` (signed-note, "Format"), and
/// no control character. The last goes further than the document, which forbids those below U+0020:
/// nobody's name needs U+007F to U+009F, and they steer terminals.
pub fn name_is_valid(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// Whether a text can be that of a note: it ends in LF and has no other control character below
/// U+0020.
pub fn text_is_valid(text: &str) -> bool {
    text.ends_with('\n') && !has_control(text.as_bytes())
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && byte != b'\n'
}

/// Looks at every byte even after it has found one: without an early end the compiler looks at 32
/// bytes at a time, and nearly every note has none.
fn has_control(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(false, |found, &byte| found | is_control(byte))
}

/// What an error shows of a text that may be of any length.
pub(in crate::tlog) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies_and_a_changed_one_does_not() {
        let (vkey, note) = (
            Vkey::parse(VKEY).unwrap(),
            Note::parse(NOTE.as_bytes()).unwrap(),
        );
        let signature = note.signatures_of(&vkey).next().unwrap();
        assert!(vkey.verify(note.text.as_bytes(), &signature.bytes));
        assert!(!vkey.verify(b"This is another message.\n", &signature.bytes));
        assert!(!vkey.verify(note.text.as_bytes(), &signature.bytes[1..]));
        assert!(!vkey.verify(note.text.as_bytes(), &[&[0], &signature.bytes[..]].concat()));
        let cosigner =
            Vkey::from_parts(vkey.name(), Algorithm::CosignatureV1, vkey.public_key()).unwrap();
        assert!(
            !cosigner.verify(note.text.as_bytes(), &signature.bytes),
            "another algorithm"
        );
        assert!(!signature.names(&cosigner), "same name, another key ID");
    }

    #[test]
    fn notes_are_read_strictly() {
        let line = "— a.example/b AAAAAQI=\n";
        let many = |count: usize| format!("text\n\n{}", line.repeat(count));
        let accepted = [
            format!("text\n\n{line}"),
            format!("\n\n{line}"),
            format!("two\n\nparts\n\n\n{line}"),
            format!("text\n\n{line}— 名.example/~ AAAAAQI=\n"),
            many(16),
            many(SIGNATURES_MAX),
        ];
        for note in &accepted {
            assert_eq!(Note::parse(note.as_bytes()).unwrap().encode(), *note);
        }

        let check = |note: &str, want: NoteError| {
            assert_eq!(Note::parse(note.as_bytes()), Err(want), "{note:?}")
        };
        check("", NoteError::Unsigned);
        check("text\n", NoteError::Unsigned);
        check(&format!("text\n{line}"), NoteError::Unsigned);
        check("text\n\n", NoteError::Unfinished);
        check(
            &format!("text\n\n{}", line.trim_end()),
            NoteError::Unfinished,
        );
        check(&format!("text\n\n{line}more"), NoteError::Unfinished);
        check(
            &format!("text\n\n{line}more\n"),
            NoteError::Line { line: 2 },
        );
        check(&format!("text\n\n{line}\n"), NoteError::Unfinished);
        check(
            &format!("text\n\n- {}", &line[4..]),
            NoteError::Line { line: 1 },
        );
        check(&format!("text\n\n {line}"), NoteError::Line { line: 1 });
        check("text\n\n— a.example/b\n", NoteError::Line { line: 1 });
        check("text\n\n— a.example/b \n", NoteError::Line { line: 1 });
        check("text\n\n—  AAAAAQI=\n", NoteError::Line { line: 1 });
        check(
            "text\n\n— a+b AAAAAQI=\n",
            NoteError::Name {
                line: 1,
                name: "a+b".into(),
            },
        );
        check(
            "text\n\n— a\u{a0}b AAAAAQI=\n",
            NoteError::Name {
                line: 1,
                name: "a\u{a0}b".into(),
            },
        );
        check(
            "text\n\n— a\u{3000}b AAAAAQI=\n",
            NoteError::Name {
                line: 1,
                name: "a\u{3000}b".into(),
            },
        );
        check(
            "text\n\n— a\u{9b}b AAAAAQI=\n",
            NoteError::Name {
                line: 1,
                name: "a\u{9b}b".into(),
            },
        );
        for base64 in [
            "AAAAAQI",
            "AAAAAQJ=",
            "AAAAAQI==",
            "AAAAA_I=",
            "AAAAAQI= ",
            " AAAAAQI=",
            "AAAA AQI=",
        ] {
            check(
                &format!("text\n\n— a {base64}\n"),
                NoteError::Base64 { line: 1 },
            );
        }
        check(
            "text\n\n— a AAAAAQ==\n",
            NoteError::Short { line: 1, have: 4 },
        );
        check("text\n\n— a AAAA\n", NoteError::Short { line: 1, have: 3 });
        check(
            &format!("te\txt\n\n{line}"),
            NoteError::Control { byte: 9, at: 2 },
        );
        check(
            &format!("text\r\n\r\n{line}"),
            NoteError::Control { byte: 13, at: 4 },
        );
        check(
            &format!("text\0\n\n{line}"),
            NoteError::Control { byte: 0, at: 4 },
        );
        check(
            &many(SIGNATURES_MAX + 1),
            NoteError::Signatures {
                max: SIGNATURES_MAX,
            },
        );
        let long = format!("{}\n\n{line}", "x".repeat(NOTE_BYTES_MAX));
        check(
            &long,
            NoteError::TooLong {
                have: long.len(),
                max: NOTE_BYTES_MAX,
            },
        );
        assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(NoteError::Utf8 { at: 2 }));
    }

    #[test]
    fn signature_lines_alone_are_read_as_strictly() {
        let line = "— a.example/b AAAAAQI=\n";
        assert_eq!(
            parse_signatures(line.repeat(2).as_bytes()).unwrap().len(),
            2
        );
        assert_eq!(parse_signatures(line.as_bytes()).unwrap()[0].encode(), line);
        for bad in [
            "",
            "\n",
            &format!("\n{line}"),
            &format!("text\n\n{line}"),
            &format!("{line}\n{line}"),
            "x\n",
        ] {
            assert!(parse_signatures(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_parsed_encodes_to_the_same_bytes(
            text in "[a-c\n —+]{0,20}\n\n",
            lines in "(— [a-c+ ]{0,3} [AQ]{6}[AQg]{2}\n|[— aA=\n]{1,4}){0,3}",
        ) {
            let bytes = format!("{text}{lines}");
            if let Ok(note) = Note::parse(bytes.as_bytes()) {
                prop_assert_eq!(note.encode(), bytes);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            if let Ok(note) = Note::parse(&bytes) {
                prop_assert_eq!(note.encode().into_bytes(), bytes);
            }
        }
    }
}
