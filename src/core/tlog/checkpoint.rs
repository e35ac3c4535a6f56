//! Checkpoints: what a log signs (c2sp.org/tlog-checkpoint@v1.0.0).
//!
//! ```text
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! Promises: what [`Checkpoint::parse`] takes, [`Checkpoint::encode`] gives back byte for byte.
//!
//! A [`Checkpoint`] is only what a text says. [`open`] returns one that a key of the log has
//! signed; whether enough witnesses have seen it, [`Policy::open`](super::policy::Policy::open)
//! says.

use super::merkle::{Hash, SIZE_MAX, Tree};
use super::note::{Note, NoteError, Vkey, shorten};

/// The most bytes of an origin, as in the ML-DSA-44 message of c2sp.org/tlog-cosignature.
pub(crate) const ORIGIN_BYTES_MAX: usize = 255;

/// The most extension lines that we read. The document names no limit; we write none.
pub(crate) const EXTENSIONS_MAX: usize = 16;

/// The text of a checkpoint note, taken apart. Nothing says that anybody signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: its identity, not necessarily a place on the net. Never empty.
    pub origin: String,
    /// Its size and root hash.
    pub tree: Tree,
    /// Opaque lines after the third. NOT RECOMMENDED by the document, as monitors cannot audit
    /// them, and not signed by ML-DSA-44 cosigners: our logs have none, and nothing in them is ever
    /// read.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty one, or no LF at the end.
    #[error("checkpoint is not three or more lines that are not empty, each ended by LF")]
    Lines,
    /// An origin longer than we read.
    #[error("origin has {have} bytes, at most {max} are read")]
    Origin {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Not a decimal number without leading zeros, at most 2^63.
    #[error("tree size {size:?} is not a decimal number from 0 to 2^63 without leading zeros")]
    Size {
        /// The text found, shortened.
        size: String,
    },
    /// Not the strict base64 of 32 bytes.
    #[error("root hash {root_hash:?} is not the base64 of 32 bytes")]
    RootHash {
        /// The text found, shortened.
        root_hash: String,
    },
    /// An empty tree has one root hash only.
    #[error("tree of size 0 has root hash {root_hash}, wanted SHA-256 of nothing")]
    NotEmpty {
        /// The root hash found.
        root_hash: Hash,
    },
    /// More extension lines than we read.
    #[error("checkpoint has more than {max} extension lines")]
    Extensions {
        /// The limit.
        max: usize,
    },
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: &str, tree: Tree) -> Checkpoint {
        Checkpoint {
            origin: origin.to_owned(),
            tree,
            extensions: Vec::new(),
        }
    }

    /// Reads the text of a note, which ends in LF.
    ///
    /// ```
    /// use mingzhang_core::tlog::checkpoint::{Checkpoint, CheckpointError};
    /// let text = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    /// let checkpoint = Checkpoint::parse(text)?;
    /// assert_eq!(checkpoint.origin, "example.com/log");
    /// assert_eq!(checkpoint.encode(), text);
    /// assert!(Checkpoint::parse(&text.replace("\n0\n", "\n00\n")).is_err());
    /// # Ok::<(), CheckpointError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root_hash)) =
            (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty() {
            return Err(CheckpointError::Lines);
        }
        if origin.len() > ORIGIN_BYTES_MAX {
            return Err(CheckpointError::Origin {
                have: origin.len(),
                max: ORIGIN_BYTES_MAX,
            });
        }
        let size = parse_decimal(size)
            .filter(|size| *size <= SIZE_MAX)
            .ok_or_else(|| CheckpointError::Size {
                size: shorten(size),
            })?;
        let root_hash = Hash::from_base64(root_hash).ok_or_else(|| CheckpointError::RootHash {
            root_hash: shorten(root_hash),
        })?;
        if size == 0 && root_hash != Tree::EMPTY.root_hash {
            return Err(CheckpointError::NotEmpty { root_hash });
        }
        let mut extensions = Vec::new();
        for line in lines {
            if line.is_empty() {
                return Err(CheckpointError::Lines);
            }
            if extensions.len() == EXTENSIONS_MAX {
                return Err(CheckpointError::Extensions {
                    max: EXTENSIONS_MAX,
                });
            }
            extensions.push(line.to_owned());
        }
        let origin = origin.to_owned();
        let checkpoint = Checkpoint {
            origin,
            tree: Tree { size, root_hash },
            extensions,
        };
        // Holds by construction, as every field was read strictly.
        if checkpoint.encode() == text {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Lines)
        }
    }

    /// The text to be signed.
    pub fn encode(&self) -> String {
        let Tree { size, root_hash } = self.tree;
        let mut text = format!("{}\n{size}\n{}\n", self.origin, root_hash.to_base64());
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// A checkpoint that a key of the log has signed, with the note that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
    log: Vkey,
}

/// Why a note is not a checkpoint that may be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a signed note.
    #[error("checkpoint is not a signed note")]
    Note(#[from] NoteError),
    /// A note, but not of a checkpoint.
    #[error("note is not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another log.
    #[error("checkpoint is of the log {have:?}, wanted {want}")]
    Origin {
        /// The origin found.
        have: String,
        /// What is acceptable, in words.
        want: String,
    },
    /// No key of the log has signed it. Lines by keys that we do not know count for nothing, under
    /// whatever name.
    #[error("no known key of the log {origin:?} has signed the checkpoint")]
    Unsigned {
        /// The origin.
        origin: String,
    },
    /// A line by a key that we know does not verify, so that the whole note is refused.
    #[error("the signature by {name} (key ID {key_id:08x}) does not verify")]
    Signature {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// The policy is for smaller trees only.
    #[error("the policy ends at tree size {until}, the checkpoint has {size}")]
    Retired {
        /// The size of the checkpoint.
        size: u64,
        /// The size at which another policy took over.
        until: u64,
    },
}

/// Parses a checkpoint and verifies that one of `keys` has signed it and that it is of the log
/// `origin`.
///
/// Here the key names need not be the origin (the Go checksum database signs "go.sum database tree"
/// as `sum.golang.org`): whoever calls has the two from one place, and says so. A policy knows
/// origins only as key names; see [`Policy::open`](super::policy::Policy::open).
pub fn open(note: &[u8], origin: &str, keys: &[&Vkey]) -> Result<SignedCheckpoint, OpenError> {
    let note = Note::parse(note)?;
    let checkpoint = Checkpoint::parse(&note.text)?;
    if checkpoint.origin != origin {
        return Err(OpenError::Origin {
            have: checkpoint.origin,
            want: format!("{origin:?}"),
        });
    }
    verify(note, checkpoint, keys)
}

/// The signatures of [`open`]: every line by one of `keys` verifies, and there is one. The caller
/// has parsed the checkpoint from this note, and says that these keys may sign for its origin.
pub(super) fn verify(
    note: Note,
    checkpoint: Checkpoint,
    keys: &[&Vkey],
) -> Result<SignedCheckpoint, OpenError> {
    let mut log = None;
    for key in keys {
        for signature in note.signatures_of(key) {
            if !key.verify(note.text.as_bytes(), &signature.bytes) {
                let name = signature.name.clone();
                return Err(OpenError::Signature {
                    name,
                    key_id: signature.key_id,
                });
            }
            log.get_or_insert(*key);
        }
    }
    match log.cloned() {
        Some(log) => Ok(SignedCheckpoint {
            note,
            checkpoint,
            log,
        }),
        None => Err(OpenError::Unsigned {
            origin: checkpoint.origin,
        }),
    }
}

impl SignedCheckpoint {
    /// The note, whose text is the signed bytes.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What the text says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root hash.
    pub fn tree(&self) -> Tree {
        self.checkpoint.tree
    }

    /// The key that has signed it; the first of those asked for, if several have.
    pub fn log(&self) -> &Vkey {
        &self.log
    }
}

/// Reads ASCII digits without sign or leading zero, as all C2SP documents write numbers.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    // An empty text is no number for the standard library either.
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::note::Signer;
    use proptest::prelude::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn checkpoints_are_read_as_they_are_written() {
        let rows = [
            (
                format!("example.com/log\n20852163\n{ROOT}\n"),
                "example.com/log",
                20_852_163,
                0,
            ),
            (
                format!("go.sum database tree\n1\n{ROOT}\n"),
                "go.sum database tree",
                1,
                0,
            ),
            (
                format!("账本\n9223372036854775808\n{ROOT}\none\n two \n"),
                "账本",
                SIZE_MAX,
                2,
            ),
            (format!("a\n0\n{EMPTY}\n"), "a", 0, 0),
            (
                format!("a\n5\n{ROOT}\n{}", "x\n".repeat(EXTENSIONS_MAX)),
                "a",
                5,
                EXTENSIONS_MAX,
            ),
        ];
        for (text, origin, size, extensions) in rows {
            let checkpoint = Checkpoint::parse(&text).unwrap();
            assert_eq!(
                (checkpoint.origin.as_str(), checkpoint.tree.size),
                (origin, size)
            );
            assert_eq!(checkpoint.extensions.len(), extensions);
            assert_eq!(checkpoint.encode(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let check = |text: &str, want: CheckpointError| {
            assert_eq!(Checkpoint::parse(text), Err(want), "{text:?}");
        };
        for text in [
            "",
            "\n",
            "a\n",
            "a\n1\n",
            "\n1\nroot\n",
            &format!("a\n1\n{ROOT}"),
        ] {
            check(text, CheckpointError::Lines);
        }
        check(&format!("\n1\n{ROOT}\n"), CheckpointError::Lines);
        check(&format!("a\n1\n{ROOT}\n\n"), CheckpointError::Lines);
        check(&format!("a\n1\n{ROOT}\n\nx\n"), CheckpointError::Lines);
        for size in [
            "",
            " 1",
            "1 ",
            "+1",
            "-1",
            "01",
            "00",
            "1.0",
            "1e3",
            "0x1",
            "١",
            "9223372036854775809",
            "18446744073709551616",
        ] {
            check(
                &format!("a\n{size}\n{ROOT}\n"),
                CheckpointError::Size { size: size.into() },
            );
        }
        for root_hash in [
            "",
            "AAAA",
            &ROOT[1..],
            &format!("{ROOT} "),
            &ROOT.replace("2I=", "2J="),
        ] {
            check(
                &format!("a\n1\n{root_hash}\n"),
                CheckpointError::RootHash {
                    root_hash: root_hash.into(),
                },
            );
        }
        let root_hash = Hash::from_base64(ROOT).unwrap();
        check(
            &format!("a\n0\n{ROOT}\n"),
            CheckpointError::NotEmpty { root_hash },
        );
        let long = "o".repeat(ORIGIN_BYTES_MAX + 1);
        check(
            &format!("{long}\n1\n{ROOT}\n"),
            CheckpointError::Origin {
                have: 256,
                max: 255,
            },
        );
        let many = "x\n".repeat(EXTENSIONS_MAX + 1);
        check(
            &format!("a\n1\n{ROOT}\n{many}"),
            CheckpointError::Extensions {
                max: EXTENSIONS_MAX,
            },
        );
    }

    #[test]
    fn an_opened_checkpoint_is_signed_by_a_key_of_its_log() {
        let log = Signer::from_seed("example.com/log", &[1; 32]).unwrap();
        let rotated = Signer::from_seed("example.com/log", &[2; 32]).unwrap();
        let named_otherwise = Signer::from_seed("sum.example", &[3; 32]).unwrap();
        let stranger = Signer::from_seed("example.com/log", &[4; 32]).unwrap();
        let keys = [log.vkey(), rotated.vkey(), named_otherwise.vkey()];
        let text = Checkpoint::new("example.com/log", Tree::EMPTY).encode();
        let note = |signers: &[&Signer]| {
            let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
            Note {
                text: text.clone(),
                signatures,
            }
        };
        let check = |note: &Note| open(note.encode().as_bytes(), "example.com/log", &keys);

        for (signers, want) in [
            (&[&log][..], &log),
            (&[&rotated], &rotated),
            (&[&rotated, &log], &log),
            (&[&stranger, &rotated], &rotated),
            (&[&named_otherwise], &named_otherwise),
        ] {
            let opened = check(&note(signers)).unwrap();
            assert_eq!((opened.log(), opened.tree()), (want.vkey(), Tree::EMPTY));
            assert_eq!(opened.note().text, text);
            assert_eq!(opened.checkpoint().encode(), text);
        }

        let origin = "example.com/log".to_owned();
        assert_eq!(
            check(&note(&[&stranger])),
            Err(OpenError::Unsigned { origin })
        );
        for at in [0, 1] {
            let mut bad = note(&[&log, &rotated]);
            bad.signatures[at].bytes[7] ^= 1;
            let (name, key_id) = (bad.signatures[at].name.clone(), bad.signatures[at].key_id);
            assert_eq!(check(&bad), Err(OpenError::Signature { name, key_id }));
        }
        // A stranger's bad line is nobody's.
        let mut bad = note(&[&log, &stranger]);
        bad.signatures[1].bytes[7] ^= 1;
        assert!(check(&bad).is_ok());
        let mut other = note(&[&log]);
        other.text = other.text.replace("/log", "/fog");
        assert!(matches!(check(&other), Err(OpenError::Origin { .. })));
        let no_checkpoint = log.sign_note("hello\n".into());
        assert_eq!(check(&no_checkpoint), Err(CheckpointError::Lines.into()));
        assert_eq!(
            open(b"hello\n", &text, &keys),
            Err(NoteError::Unsigned.into())
        );
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so(origin in "\\PC{0,4}", size in "[0-9+ ]{0,3}", rest in "[x\n]{0,5}") {
            let text = format!("{origin}\n{size}\n{ROOT}\n{rest}");
            if let Ok(checkpoint) = Checkpoint::parse(&text) {
                prop_assert_eq!(checkpoint.encode(), text);
            }
        }
    }
}
