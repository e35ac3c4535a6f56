//! Evidence that a log has shown two histories: two checkpoints, both signed by the log's key, in one text file that anybody can check
//! offline with a policy.
//!
//! Promises: [`ForkEvidence::check`] believes nothing that the file says: both signatures are verified, and what contradicts is computed.
//! Two notes of one size contradict each other by themselves. For two sizes the file carries what the larger tree says of the smaller
//! size, with a consistency proof: it hangs from the larger signed root and is not the smaller signed root.
//!
//! Does not prove a rollback: of two consistent notes, that the smaller was shown after the larger is the word of whoever kept them, and the
//! verdict says so.

use std::fmt::Write as _;

use super::views;
use crate::tlog::merkle::{Hash, Tree, check_consistency};
use crate::tlog::policy::{Policy, VerifiedCheckpoint};

/// An evidence file, at most: two notes with all the lines that they can have.
pub const EVIDENCE_BYTES_MAX: u64 = 1 << 20;
const FIRST_LINE: &str = "mingzhang evidence v1";
const SMALLER: &str = "-----BEGIN CHECKPOINT A-----";
const LARGER: &str = "-----BEGIN CHECKPOINT B-----";
const PREFIX: &str = "-----BEGIN WHAT B SAYS OF THE SIZE OF A-----";
const END: &str = "-----END-----";

/// Two signed checkpoints, the smaller first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkEvidence {
    /// The smaller.
    pub smaller: String,
    /// The larger, or the other one of the same size.
    pub larger: String,
    /// The root that the larger tree has at the smaller size, and the proof of it.
    pub prefix: Option<(Hash, Vec<Hash>)>,
}

/// What evidence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The log signed two roots for one size.
    TwoRoots {
        /// The size.
        size: u64,
    },
    /// The larger tree is not an extension of the smaller.
    NotExtended {
        /// The smaller size.
        size: u64,
        /// The larger.
        larger: u64,
    },
    /// Both can be true; that the smaller was shown later is the finder's word.
    RolledBack {
        /// The smaller size.
        size: u64,
        /// The larger.
        larger: u64,
    },
}

/// Why a file shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Not an evidence file.
    #[error("line {line} is {found:?}, wanted {wanted:?}")]
    Form {
        /// 1-based.
        line: usize,
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// A hash is not base64 of 32 bytes.
    #[error("{found:?} is not the base64 of a hash")]
    Hash {
        /// What stands there.
        found: String,
    },
    /// A checkpoint is not signed by the log of the policy.
    #[error("checkpoint {which} is not one that the policy accepts: {why}")]
    Checkpoint {
        /// `A` or `B`.
        which: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The notes are of two logs.
    #[error("the checkpoints are of two logs, {one} and {other}, and cannot contradict each other")]
    OtherLog {
        /// Origin of A.
        one: String,
        /// Origin of B.
        other: String,
    },
    /// The same tree twice.
    #[error("both checkpoints are of the same tree of {size} records")]
    Same {
        /// Its size.
        size: u64,
    },
    /// A is larger than B.
    #[error("checkpoint A has {found} records, more than the {larger} of B")]
    Order {
        /// Size of A.
        found: u64,
        /// Size of B.
        larger: u64,
    },
    /// The proof does not hold.
    #[error("the proof of what B says of the size of A does not hold")]
    Proof,
    /// The proof holds, and says that B extends A.
    #[error("checkpoint B extends A: the two do not contradict each other")]
    Consistent,
}

impl ForkEvidence {
    /// The file.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!(
            "{FIRST_LINE}\n{SMALLER}\n{}{END}\n{LARGER}\n{}{END}\n",
            self.smaller, self.larger
        );
        if let Some((root, proof)) = &self.prefix {
            let _ = writeln!(text, "{PREFIX}\n{}", root.to_base64());
            for hash in proof {
                let _ = writeln!(text, "{}", hash.to_base64());
            }
            let _ = writeln!(text, "{END}");
        }
        text
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`EvidenceError::Form`], [`EvidenceError::Hash`].
    pub fn parse(text: &str) -> Result<ForkEvidence, EvidenceError> {
        let mut lines = text.lines().enumerate();
        let mut want = |wanted: &'static str| match lines.next() {
            Some((_, found)) if found == wanted => Ok(()),
            found => Err(EvidenceError::Form {
                line: found.map_or(0, |(at, _)| at + 1),
                found: found
                    .map_or("", |(_, found)| found)
                    .chars()
                    .take(80)
                    .collect(),
                wanted,
            }),
        };
        want(FIRST_LINE)?;
        want(SMALLER)?;
        let part = |lines: &mut std::iter::Enumerate<std::str::Lines<'_>>| {
            let mut part = String::new();
            for (_, line) in lines {
                if line == END {
                    return Ok(part);
                }
                part.push_str(line);
                part.push('\n');
            }
            Err(EvidenceError::Form {
                line: text.lines().count(),
                found: String::new(),
                wanted: END,
            })
        };
        let smaller = part(&mut lines)?;
        let mut next = |wanted: &'static str| match lines.next() {
            Some((_, found)) if found == wanted => Ok(true),
            None => Ok(false),
            Some((at, found)) => Err(EvidenceError::Form {
                line: at + 1,
                found: found.chars().take(80).collect(),
                wanted,
            }),
        };
        if !next(LARGER)? {
            return Err(EvidenceError::Form {
                line: text.lines().count(),
                found: String::new(),
                wanted: LARGER,
            });
        }
        let larger = part(&mut lines)?;
        let mut next = |wanted: &'static str| match lines.next() {
            Some((_, found)) if found == wanted => Ok(true),
            None => Ok(false),
            Some((at, found)) => Err(EvidenceError::Form {
                line: at + 1,
                found: found.chars().take(80).collect(),
                wanted,
            }),
        };
        let prefix = if next(PREFIX)? {
            let hash = |line: &str| {
                Hash::from_base64(line).ok_or_else(|| EvidenceError::Hash {
                    found: line.chars().take(80).collect(),
                })
            };
            let hashes = part(&mut lines)?;
            let mut hashes = hashes.lines().map(hash);
            let root = hashes.next().unwrap_or_else(|| hash(""))?;
            Some((root, hashes.collect::<Result<Vec<_>, _>>()?))
        } else {
            None
        };
        Ok(ForkEvidence {
            smaller,
            larger,
            prefix,
        })
    }

    /// What the file shows, whoever wrote it.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn check(&self, policies: &[Policy]) -> Result<Shown, EvidenceError> {
        let open = |note: &str, which| {
            let judged = views::judge(note.as_bytes(), policies);
            judged.map_err(|(_, said)| EvidenceError::Checkpoint {
                which,
                why: said.en,
            })
        };
        let (_, smaller) = open(&self.smaller, "A")?;
        let (_, larger) = open(&self.larger, "B")?;
        let origin = |verified: &VerifiedCheckpoint| verified.checkpoint().origin.clone();
        let (one, other) = (origin(&smaller), origin(&larger));
        if one != other {
            return Err(EvidenceError::OtherLog { one, other });
        }
        let (old, new) = (smaller.tree(), larger.tree());
        if old == new {
            return Err(EvidenceError::Same { size: old.size });
        }
        if old.size > new.size {
            return Err(EvidenceError::Order {
                found: old.size,
                larger: new.size,
            });
        }
        let size = old.size;
        if size == new.size {
            return Ok(Shown::TwoRoots { size });
        }
        let larger = new.size;
        match &self.prefix {
            None => Ok(Shown::RolledBack { size, larger }),
            Some((root_hash, proof)) => {
                let prefix = Tree {
                    size,
                    root_hash: *root_hash,
                };
                check_consistency(&prefix, &new, proof).map_err(|_| EvidenceError::Proof)?;
                if prefix == old {
                    return Err(EvidenceError::Consistent);
                }
                Ok(Shown::NotExtended { size, larger })
            }
        }
    }
}
