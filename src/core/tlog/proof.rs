//! Offline proofs: an entry's index, its inclusion proof and a checkpoint in one file
//! (c2sp.org/tlog-proof@v1, extension `.tlog-proof`).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>
//! index 73894
//! <base64 of a hash>, from the leaf's sibling to the root's child
//! …
//!
//! <checkpoint note, verbatim>
//! ```
//!
//! Promises: what [`TlogProof::parse`] takes, [`TlogProof::encode`] gives back byte for byte.
//!
//! Does not believe anything: `extra` is not even authenticated, and the checkpoint is to be opened
//! by a [`Policy`](super::policy::Policy) before [`TlogProof::check`] means something.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::parse_decimal;
use super::merkle::{self, Hash, ProofError, Tree};
use super::note::{Note, NoteError, shorten};

/// The most bytes of a proof that we read: a largest checkpoint note, and as much again for
/// `extra`.
pub(crate) const PROOF_BYTES_MAX: usize = 1 << 20;

/// The most hashes of an inclusion proof, as no tree has more than 2^63 leaves.
pub(crate) const HASHES_MAX: usize = 63;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof, taken apart; nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application added, which nothing authenticates. Never empty.
    pub extra: Option<Vec<u8>>,
    /// The leaf index.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// The checkpoint note, verbatim, with its cosignatures.
    pub checkpoint: String,
}

/// Why bytes are not a tlog-proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Larger than we read.
    #[error("proof has {have} bytes, at most {max} are read")]
    TooLong {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Not UTF-8.
    #[error("proof is not UTF-8 from byte {at} on")]
    Utf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Another first line.
    #[error("first line is {have:?}, wanted \"c2sp.org/tlog-proof@v1\"")]
    Header {
        /// The line found, shortened.
        have: String,
    },
    /// `extra` without strict base64 of at least one byte.
    #[error("line 2 is not \"extra\" and the base64 of at least one byte")]
    Extra,
    /// No index, or not a decimal number.
    #[error("line {line} is {have:?}, wanted \"index\" and a decimal number without leading zeros")]
    Index {
        /// Which line, from 1.
        line: usize,
        /// The line found, shortened.
        have: String,
    },
    /// A line of the inclusion proof that is not a hash.
    #[error("line {line} is {have:?}, wanted the base64 of 32 bytes or an empty line")]
    Hash {
        /// Which line, from 1.
        line: usize,
        /// The line found, shortened.
        have: String,
    },
    /// More hashes than any tree is high.
    #[error("proof has more than {max} hashes")]
    Hashes {
        /// The limit.
        max: usize,
    },
    /// The proof ends before its checkpoint.
    #[error("proof ends before the checkpoint")]
    Cut,
    /// What follows the empty line goes on behind its signatures, and the header stands there again.
    #[error("a second proof begins after the first: one file holds one proof")]
    Second,
    /// What follows the empty line is not a signed note.
    #[error("the checkpoint in the proof is not a signed note")]
    Note(#[from] NoteError),
}

impl TlogProof {
    /// Reads a proof strictly. The checkpoint in it is then a well-formed note, no more.
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLong {
                have: bytes.len(),
                max: PROOF_BYTES_MAX,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| TlogProofError::Utf8 {
            at: error.valid_up_to(),
        })?;
        let mut lines = Lines {
            rest: text,
            number: 0,
        };

        let header = lines.next()?;
        if header != HEADER {
            return Err(TlogProofError::Header {
                have: shorten(header),
            });
        }
        let mut line = lines.next()?;
        let mut extra = None;
        if let Some(base64) = line.strip_prefix("extra ") {
            let bytes = STANDARD.decode(base64).map_err(|_| TlogProofError::Extra)?;
            if bytes.is_empty() {
                return Err(TlogProofError::Extra);
            }
            extra = Some(bytes);
            line = lines.next()?;
        }
        let index = line.strip_prefix("index ").and_then(parse_decimal);
        let index = index.ok_or_else(|| TlogProofError::Index {
            line: lines.number,
            have: shorten(line),
        })?;
        let mut hashes = Vec::new();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            if hashes.len() == HASHES_MAX {
                return Err(TlogProofError::Hashes { max: HASHES_MAX });
            }
            let hash = Hash::from_base64(line);
            hashes.push(hash.ok_or_else(|| TlogProofError::Hash {
                line: lines.number,
                have: shorten(line),
            })?);
        }
        let note = Note::parse(lines.rest.as_bytes())?;
        // Two files in one: all of the first is text of the note that the second ends in. Nobody has signed that, and nobody is to be accused
        // of it. In a checkpoint the header alone may stand, as an extension line; an empty line may not.
        if note.text.contains("\n\n") && note.text.lines().any(|line| line.ends_with(HEADER)) {
            return Err(TlogProofError::Second);
        }
        Ok(TlogProof {
            extra,
            index,
            hashes,
            checkpoint: lines.rest.to_owned(),
        })
    }

    /// The bytes of the proof. An empty `extra` is left out.
    pub fn encode(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = self.extra.as_ref().filter(|extra| !extra.is_empty()) {
            text += "extra ";
            STANDARD.encode_string(extra, &mut text);
            text += "\n";
        }
        text += &format!("index {}\n", self.index);
        for hash in &self.hashes {
            text += &hash.to_base64();
            text += "\n";
        }
        text += "\n";
        text += &self.checkpoint;
        text
    }

    /// Shows that `leaf` is at the stated index of `tree`, which must be that of the opened
    /// checkpoint ("Verifying a tlog proof", step 4).
    pub fn check(&self, leaf: &Hash, tree: &Tree) -> Result<(), ProofError> {
        merkle::check_inclusion(leaf, self.index, tree, &self.hashes)
    }
}

/// Lines ended by LF, counted.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, TlogProofError> {
        let (line, rest) = self.rest.split_once('\n').ok_or(TlogProofError::Cut)?;
        self.rest = rest;
        self.number += 1;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::checkpoint::Checkpoint;
    use crate::tlog::merkle::{leaf_hash, node_hash};
    use crate::tlog::note::Signer;
    use proptest::prelude::*;

    const HASH: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    const NOTE: &str = "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— log AAAAAQI=\n";

    #[test]
    fn proofs_are_read_as_they_are_written() {
        let rows = [
            (format!("{HEADER}\nindex 0\n\n{NOTE}"), None, 0, 0),
            (
                format!("{HEADER}\nextra AQI=\nindex 73894\n{HASH}\n{HASH}\n\n{NOTE}"),
                Some(vec![1, 2]),
                73_894,
                2,
            ),
            (
                format!(
                    "{HEADER}\nindex 18446744073709551615\n{}\n{NOTE}",
                    format!("{HASH}\n").repeat(63)
                ),
                None,
                u64::MAX,
                63,
            ),
        ];
        for (text, extra, index, hashes) in rows {
            let proof = TlogProof::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (&proof.extra, proof.index, proof.hashes.len()),
                (&extra, index, hashes)
            );
            assert_eq!(proof.checkpoint, NOTE);
            assert_eq!(proof.encode(), text);
        }
    }

    #[test]
    fn other_files_are_refused() {
        let check = |text: &str, want: TlogProofError| {
            assert_eq!(TlogProof::parse(text.as_bytes()), Err(want), "{text:?}");
        };
        let one = format!("{HEADER}\nindex 0\n\n{NOTE}");
        for between in ["", "\n", "\u{feff}"] {
            check(&format!("{one}{between}{one}"), TlogProofError::Second);
        }
        check(&format!("{}{one}", one.trim_end()), TlogProofError::Second);
        let header = |have: &str| TlogProofError::Header { have: have.into() };
        let index = |line, have: &str| TlogProofError::Index {
            line,
            have: have.into(),
        };
        check("", TlogProofError::Cut);
        check(HEADER, TlogProofError::Cut);
        check("c2sp.org/tlog-proof@v2\n", header("c2sp.org/tlog-proof@v2"));
        check(&format!(" {HEADER}\n"), header(&format!(" {HEADER}")));
        check(
            &format!("{HEADER}\r\nindex 0\r\n\r\n{NOTE}"),
            header(&format!("{HEADER}\r")),
        );
        check(&format!("{HEADER}\n"), TlogProofError::Cut);
        check(&format!("{HEADER}\n\n{NOTE}"), index(2, ""));
        for number in [
            "",
            "-1",
            "+1",
            "01",
            "1 ",
            " 1",
            "1x",
            "18446744073709551616",
        ] {
            check(
                &format!("{HEADER}\nindex {number}\n\n{NOTE}"),
                index(2, &format!("index {number}")),
            );
        }
        check(&format!("{HEADER}\nIndex 1\n\n{NOTE}"), index(2, "Index 1"));
        check(
            &format!("{HEADER}\nindex 1\nextra AQI=\n\n{NOTE}"),
            TlogProofError::Hash {
                line: 3,
                have: "extra AQI=".into(),
            },
        );
        check(
            &format!("{HEADER}\nextra AQI=\nextra AQI=\nindex 1\n\n{NOTE}"),
            index(3, "extra AQI="),
        );
        for base64 in ["", " ", "AQJ=", "AQI", "AQI= ", "A_I="] {
            check(
                &format!("{HEADER}\nextra {base64}\nindex 1\n\n{NOTE}"),
                TlogProofError::Extra,
            );
        }
        check(
            &format!("{HEADER}\nextra\nindex 1\n\n{NOTE}"),
            index(2, "extra"),
        );
        let bent = HASH.replace("2I=", "2J=");
        check(
            &format!("{HEADER}\nindex 1\n{bent}\n\n{NOTE}"),
            TlogProofError::Hash {
                line: 3,
                have: bent.clone(),
            },
        );
        check(
            &format!("{HEADER}\nindex 1\n{NOTE}"),
            TlogProofError::Hash {
                line: 3,
                have: "log".into(),
            },
        );
        check(&format!("{HEADER}\nindex 1\n{HASH}\n"), TlogProofError::Cut);
        check(
            &format!("{HEADER}\nindex 1\n\n"),
            NoteError::Unsigned.into(),
        );
        check(
            &format!("{HEADER}\nindex 1\n\n{NOTE}\n"),
            NoteError::Unfinished.into(),
        );
        check(
            &format!("{HEADER}\nindex 1\n\n{NOTE}x\n"),
            NoteError::Line { line: 2 }.into(),
        );
        let many = format!("{HASH}\n").repeat(64);
        check(
            &format!("{HEADER}\nindex 1\n{many}\n{NOTE}"),
            TlogProofError::Hashes { max: 63 },
        );
        let long = "x".repeat(PROOF_BYTES_MAX + 1);
        check(
            &long,
            TlogProofError::TooLong {
                have: long.len(),
                max: PROOF_BYTES_MAX,
            },
        );
        assert_eq!(
            TlogProof::parse(b"c2sp\xff"),
            Err(TlogProofError::Utf8 { at: 4 })
        );
    }

    /// Whatever bit of a proof is flipped: it is no proof any more, or not of this leaf, or its
    /// checkpoint is not signed. Only `extra` is nobody's word.
    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let log = Signer::from_seed("example.com/log", &[1; 32]).unwrap();
        let tree = Tree {
            size: 2,
            root_hash: node_hash(&a, &b),
        };
        let checkpoint = log
            .sign_note(Checkpoint::new("example.com/log", tree).encode())
            .encode();
        let good = TlogProof {
            extra: None,
            index: 1,
            hashes: vec![a],
            checkpoint,
        };
        let good = good.encode().into_bytes();
        let accepts = |bytes: &[u8]| {
            let Ok(proof) = TlogProof::parse(bytes) else {
                return false;
            };
            let key = [log.vkey()];
            let opened = super::super::checkpoint::open(
                proof.checkpoint.as_bytes(),
                "example.com/log",
                &key,
            );
            opened.is_ok_and(|opened| proof.check(&b, &opened.tree()).is_ok())
        };
        assert!(accepts(&good));
        for bit in 0..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepts(&bad), "bit {bit}");
        }
        for bytes in 0..good.len() {
            assert!(!accepts(&good[..bytes]), "{bytes} bytes");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so(
            extra in "(extra [AQg]{3}[=A]\n)?",
            index in "(index [0-9]{1,2}\n|[a-z ]{0,3}\n)",
            hashes in "(CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2[IJ]=\n){0,2}",
            rest in "\n?log\n\n— log AAAAAQI=\n?",
        ) {
            let text = format!("{HEADER}\n{extra}{index}{hashes}{rest}");
            if let Ok(proof) = TlogProof::parse(text.as_bytes()) {
                prop_assert_eq!(proof.encode(), text);
            }
        }
    }
}
