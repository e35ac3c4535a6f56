//! What a log asks of a witness and what the witness answers (c2sp.org/tlog-witness@v1.0.0, with the changes up to 2026-07-22).
//!
//! ```text
//! POST <submission prefix>/add-checkpoint
//!
//! old 20852014
//! <base64 hash of the consistency proof>*
//!
//! <checkpoint note>
//! ```
//!
//! [`AddCheckpoint`] is the request, [`judge`] the decision, [`Refusal`] every answer but 200. Pure: what was seen before is an
//! argument, and whoever calls keeps it, in one step with the answer. Does not cosign: see [`super::cosignature`].

use super::checkpoint::{CheckpointError, OpenError, SignedCheckpoint, open, parse_decimal};
use super::merkle::{Hash, ProofError, SIZE_MAX, Tree, check_consistency};
use super::note::{NOTE_BYTES_MAX, NoteError, Vkey, shorten};

/// The most lines of a consistency proof: "MUST NOT exceed 63".
pub(crate) const PROOF_HASHES_MAX: usize = 63;

/// The most bytes of a request: the `old` line, the proof, the empty line and the longest note.
pub const REQUEST_BYTES_MAX: usize = 32 + PROOF_HASHES_MAX * 45 + 1 + NOTE_BYTES_MAX;

/// The media type of a 409's body, which is the size that the witness has and an LF.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// An `add-checkpoint` request. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the log believes this witness to have cosigned last; 0 for none.
    pub old_size: u64,
    /// From that size to the checkpoint's; empty if `old_size` is 0 or the checkpoint's.
    pub proof: Vec<Hash>,
    /// The checkpoint note, byte for byte.
    pub checkpoint: String,
}

/// Why a body is not a request: status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than any request can be.
    #[error("request has {have} bytes, at most {max} are read")]
    Length {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Not text.
    #[error("request is not UTF-8")]
    Utf8,
    /// The first line.
    #[error("first line is {line:?}, wanted \"old <tree size>\"")]
    Old {
        /// As found, shortened.
        line: String,
    },
    /// A line of the proof.
    #[error("proof line {number} is {line:?}, wanted the base64 of 32 bytes")]
    Hash {
        /// Counted from 1.
        number: usize,
        /// As found, shortened.
        line: String,
    },
    /// Too many of them.
    #[error("proof has more than {max} hashes")]
    Hashes {
        /// The limit.
        max: usize,
    },
    /// No empty line after the proof.
    #[error("request ends before the checkpoint")]
    End,
}

impl AddCheckpoint {
    /// Reads a request body.
    ///
    /// ```
    /// use mingzhang_core::tlog::witness::{AddCheckpoint, RequestError};
    /// let request = AddCheckpoint::parse(b"old 0\n\nexample.com/log\n")?;
    /// assert_eq!((request.old_size, request.proof.len()), (0, 0));
    /// assert_eq!(request.encode(), "old 0\n\nexample.com/log\n");
    /// assert!(AddCheckpoint::parse(b"old 00\n\nexample.com/log\n").is_err());
    /// # Ok::<(), RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`], which is for the client to mend.
    pub fn parse(bytes: &[u8]) -> Result<AddCheckpoint, RequestError> {
        let (have, max) = (bytes.len(), REQUEST_BYTES_MAX);
        if have > max {
            return Err(RequestError::Length { have, max });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::Utf8)?;
        let (line, mut rest) = text.split_once('\n').unwrap_or((text, ""));
        let old_size = line.strip_prefix("old ").and_then(parse_decimal);
        let old_size =
            old_size
                .filter(|size| *size <= SIZE_MAX)
                .ok_or_else(|| RequestError::Old {
                    line: shorten(line),
                })?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(RequestError::End)?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_HASHES_MAX {
                let max = PROOF_HASHES_MAX;
                return Err(RequestError::Hashes { max });
            }
            proof.push(Hash::from_base64(line).ok_or_else(|| RequestError::Hash {
                number: proof.len() + 1,
                line: shorten(line),
            })?);
        }
        Ok(AddCheckpoint {
            old_size,
            proof,
            checkpoint: rest.to_owned(),
        })
    }

    /// The body to be posted.
    pub fn encode(&self) -> String {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// The origin line of the checkpoint, to choose the log by; [`judge`] verifies it.
    pub fn origin(&self) -> &str {
        self.checkpoint.split('\n').next().unwrap_or_default()
    }
}

/// Every answer but 200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the body.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// 400: the note, or what it says.
    #[error("the checkpoint cannot be read")]
    Checkpoint(#[source] OpenError),
    /// 400: "If the old size is greater than the checkpoint size".
    #[error("old size {old} is above the checkpoint's {size}")]
    OldSize {
        /// In the request.
        old: u64,
        /// Of the checkpoint.
        size: u64,
    },
    /// 404: "If the checkpoint origin is unknown".
    #[error("the log {origin:?} is not one that this witness watches")]
    UnknownLog {
        /// As found, shortened.
        origin: String,
    },
    /// 403: not signed by the log, or a line by its key does not verify.
    #[error("the checkpoint is not signed by the log's key")]
    Signature(#[source] OpenError),
    /// 409: the client has to prove from this size on.
    #[error("old size is {old}, this witness has cosigned {seen}")]
    Conflict {
        /// In the request.
        old: u64,
        /// What this witness has cosigned last.
        seen: u64,
    },
    /// 422: the log has signed two trees of one size. This is proof of a fork, not a mistake in a request.
    #[error(
        "the log has signed another tree of size {size}: {found} now, {seen} when it was cosigned"
    )]
    Fork {
        /// Of both trees.
        size: u64,
        /// In the request.
        found: Hash,
        /// Cosigned.
        seen: Hash,
    },
    /// 422: the proof does not lead from the tree seen to this one.
    #[error("the consistency proof from size {old} to size {size} does not hold")]
    Proof {
        /// Cosigned.
        old: u64,
        /// Of the checkpoint.
        size: u64,
        /// What does not fit.
        #[source]
        source: ProofError,
    },
    /// 422: "a checkpoint of size zero whose root is not that of the empty tree".
    #[error("the checkpoint is of size 0 and has the root hash {found}")]
    NotEmpty {
        /// As found.
        found: Hash,
    },
}

impl Refusal {
    /// The HTTP status that tlog-witness gives it.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Request(_) | Refusal::Checkpoint(_) | Refusal::OldSize { .. } => 400,
            Refusal::Signature(_) => 403,
            Refusal::UnknownLog { .. } => 404,
            Refusal::Conflict { .. } => 409,
            Refusal::Fork { .. } | Refusal::Proof { .. } | Refusal::NotEmpty { .. } => 422,
        }
    }
}

/// Decides whether the checkpoint may be cosigned after the tree `seen` ([`Tree::EMPTY`] for a log never cosigned).
///
/// The result must be kept durably *in one step* with comparing `seen`, before a cosignature leaves: "The witness MUST persist the new
/// checkpoint before returning", and two requests must not both be compared with the same `seen`.
///
/// # Errors
/// [`Refusal`], in the order of the document: log, signature, sizes, proof.
pub fn judge(
    request: &AddCheckpoint,
    origin: &str,
    keys: &[&Vkey],
    seen: &Tree,
) -> Result<SignedCheckpoint, Refusal> {
    let signed = open(request.checkpoint.as_bytes(), origin, keys).map_err(refusal_of)?;
    let tree = signed.tree();
    let (old, size) = (request.old_size, tree.size);
    if old > size {
        return Err(Refusal::OldSize { old, size });
    }
    if old != seen.size {
        return Err(Refusal::Conflict {
            old,
            seen: seen.size,
        });
    }
    if size == seen.size && tree != *seen {
        return Err(Refusal::Fork {
            size,
            found: tree.root_hash,
            seen: seen.root_hash,
        });
    }
    check_consistency(seen, &tree, &request.proof).map_err(|source| Refusal::Proof {
        old,
        size,
        source,
    })?;
    Ok(signed)
}

fn refusal_of(error: OpenError) -> Refusal {
    match error {
        OpenError::Checkpoint(CheckpointError::NotEmpty { root_hash }) => {
            Refusal::NotEmpty { found: root_hash }
        }
        OpenError::Origin { have, .. } => Refusal::UnknownLog {
            origin: shorten(&have),
        },
        // A line whose base64 has non-zero trailing bits is read by some (Go's), and its signature then fails: 403 in the dialogue of theirs
        // that we are tested with. A text without signature lines is no note at all: 400.
        OpenError::Unsigned { .. }
        | OpenError::Signature { .. }
        | OpenError::Note(NoteError::Base64 { .. } | NoteError::Short { .. }) => {
            Refusal::Signature(error)
        }
        OpenError::Note(_) | OpenError::Checkpoint(_) | OpenError::Retired { .. } => {
            Refusal::Checkpoint(error)
        }
    }
}

/// The size in the body of a 409; `None` if it is not `<size>` and LF.
pub fn parse_size(body: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    parse_decimal(line).filter(|size| *size <= SIZE_MAX)
}

/// The body of a 409.
pub fn encode_size(size: u64) -> String {
    format!("{size}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::note::Signer;

    const HASH: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn requests_are_read_as_they_are_written() {
        let many = format!("{HASH}\n").repeat(PROOF_HASHES_MAX);
        for (body, old_size, hashes) in [
            ("old 0\n\n".to_owned(), 0, 0),
            (format!("old 1\n{HASH}\n\nx\n\ny\n"), 1, 1),
            (
                format!("old 9223372036854775808\n{many}\nnote"),
                SIZE_MAX,
                63,
            ),
        ] {
            let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
            assert_eq!((request.old_size, request.proof.len()), (old_size, hashes));
            assert_eq!(request.encode(), body);
        }
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        let many = format!("old 1\n{}\n", format!("{HASH}\n").repeat(64));
        let long = " ".repeat(REQUEST_BYTES_MAX + 1);
        for body in [
            "",
            "\n",
            "old\n\n",
            "old \n\n",
            "old 01\n\n",
            "old +1\n\n",
            "old -1\n\n",
            "old 1 \n\n",
            "Old 1\n\n",
            "old 1\r\n\r\n",
            "old 9223372036854775809\n\n",
            "old 1",
            "old 1\n",
            "old 1\nnot a hash\n\n",
            // A trailing bit that is not zero: some decoders take it.
            "old 1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\n",
            &many,
            &long,
        ] {
            assert!(AddCheckpoint::parse(body.as_bytes()).is_err(), "{body:.40}");
        }
        assert_eq!(
            AddCheckpoint::parse(b"old 1\n\xff\n"),
            Err(RequestError::Utf8)
        );
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for size in [0, 1, SIZE_MAX] {
            assert_eq!(parse_size(encode_size(size).as_bytes()), Some(size));
        }
        for bad in [
            "",
            "1",
            "01\n",
            "1\n\n",
            " 1\n",
            "x\n",
            "9223372036854775809\n",
        ] {
            assert_eq!(parse_size(bad.as_bytes()), None, "{bad:?}");
        }
    }

    /// Each row is one refusal, by its status; the first is the one that is taken.
    #[test]
    fn each_refusal_has_its_status() {
        let signer = Signer::from_seed("example.com/log", &[1; 32]).unwrap();
        let other = Signer::from_seed("example.com/log", &[2; 32]).unwrap();
        let leaf = |n: u8| super::super::merkle::leaf_hash(&[n]);
        let node = super::super::merkle::node_hash;
        let one = Tree {
            size: 1,
            root_hash: leaf(0),
        };
        let two = Tree {
            size: 2,
            root_hash: node(&leaf(0), &leaf(1)),
        };
        let text = |tree: Tree| {
            super::super::checkpoint::Checkpoint::new("example.com/log", tree).encode()
        };
        let good = signer.sign_note(text(two)).encode();
        #[track_caller]
        fn check(body: &str, vkey: &Vkey, seen: Tree, want: Result<(), u16>) {
            let judged = AddCheckpoint::parse(body.as_bytes())
                .map_err(Refusal::from)
                .and_then(|request| judge(&request, "example.com/log", &[vkey], &seen));
            assert_eq!(
                judged.map(drop).map_err(|error| error.status()),
                want,
                "{body}"
            );
        }
        let vkey = signer.vkey();
        let proof = leaf(1).to_base64();
        check(&format!("old 0\n\n{good}"), vkey, Tree::EMPTY, Ok(()));
        check(&format!("old 1\n{proof}\n\n{good}"), vkey, one, Ok(()));
        check(&format!("old 2\n\n{good}"), vkey, two, Ok(()));

        check("old x\n\n", vkey, one, Err(400));
        check("old 1\n\nno signature line", vkey, one, Err(400));
        check(&format!("old 1\n\n{}", text(two)), vkey, one, Err(400));
        check(&format!("old 1\n\n{}\n", text(two)), vkey, one, Err(400));
        let control = good.replace("\n2\n", "\n2\u{1}\n");
        check(&format!("old 1\n\n{control}"), vkey, one, Err(400));
        let size = signer.sign_note(text(two).replace("\n2\n", "\n02\n"));
        check(&format!("old 1\n\n{}", size.encode()), vkey, one, Err(400));
        check(&format!("old 3\n\n{good}"), vkey, two, Err(400));
        let elsewhere = signer.sign_note(text(two).replace("log", "lag")).encode();
        check(&format!("old 1\n\n{elsewhere}"), vkey, one, Err(404));
        check(&format!("old 1\n\n{good}"), other.vkey(), one, Err(403));
        let bad = good.replace("\n2\n", "\n3\n");
        check(&format!("old 1\n\n{bad}"), vkey, one, Err(403));
        check(&format!("old 0\n\n{good}"), vkey, one, Err(409));
        check(&format!("old 1\n{proof}\n\n{good}"), vkey, two, Err(409));
        check(&format!("old 1\n\n{good}"), vkey, one, Err(422));
        check(&format!("old 1\n{HASH}\n\n{good}"), vkey, one, Err(422));
        check(
            &format!("old 0\n{HASH}\n\n{good}"),
            vkey,
            Tree::EMPTY,
            Err(422),
        );
        check(&format!("old 2\n{HASH}\n\n{good}"), vkey, two, Err(422));
        let forked = Tree {
            size: 2,
            root_hash: leaf(9),
        };
        check(&format!("old 2\n\n{good}"), vkey, forked, Err(422));
        let empty = format!("example.com/log\n0\n{HASH}\n");
        let empty = signer.sign_note(empty).encode();
        check(&format!("old 0\n\n{empty}"), vkey, Tree::EMPTY, Err(422));
    }

    /// A dialogue with a witness of others (torchwood's litewitness), step by step.
    #[test]
    fn the_dialogue_of_another_witness_is_ours() {
        let text =
            include_str!("../../../tests/vectors/c2sp/witness-add-checkpoint-transcript.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let vkey = Vkey::parse(vectors["log_vkey"].as_str().unwrap()).unwrap();
        let mut seen = Tree::EMPTY;
        let steps = vectors["steps"].as_array().unwrap();
        for (number, step) in steps.iter().enumerate() {
            let body = step["body"].as_str().unwrap();
            let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
            assert_eq!(request.encode(), body);
            let status = match judge(&request, vkey.name(), &[&vkey], &seen) {
                Ok(signed) => {
                    seen = signed.tree();
                    200
                }
                Err(refusal) => u64::from(refusal.status()),
            };
            assert_eq!(
                step["status_by_spec"].as_u64(),
                Some(status),
                "step {number}"
            );
        }
        assert_eq!((steps.len(), seen.size), (9, 5));
    }
}
