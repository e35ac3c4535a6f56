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
/// What an evidence file begins with.
pub const FIRST_LINE: &str = "mingzhang evidence v1";
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

    /// Reads a file; it must be written as [`ForkEvidence::encode`] writes it.
    ///
    /// # Errors
    /// [`EvidenceError::Form`], [`EvidenceError::Hash`].
    pub fn parse(text: &str) -> Result<ForkEvidence, EvidenceError> {
        let mut lines = Lines { text, line: 0 };
        lines.want(FIRST_LINE)?;
        lines.want(SMALLER)?;
        let smaller = lines.part()?;
        lines.want(LARGER)?;
        let larger = lines.part()?;
        let mut prefix = None;
        if !lines.text.is_empty() {
            lines.want(PREFIX)?;
            let part = lines.part()?;
            let mut hashes = part.lines().map(|line| {
                Hash::from_base64(line).ok_or_else(|| EvidenceError::Hash {
                    found: shorten(line),
                })
            });
            let root = hashes.next().ok_or_else(|| lines.wrong("", "a hash"))??;
            prefix = Some((root, hashes.collect::<Result<Vec<_>, _>>()?));
        }
        match lines.text {
            "" => Ok(ForkEvidence {
                smaller,
                larger,
                prefix,
            }),
            more => Err(lines.wrong(more.lines().next().unwrap_or_default(), "the end")),
        }
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

/// The rest of a file, line by line.
struct Lines<'a> {
    text: &'a str,
    /// Lines taken.
    line: usize,
}

impl<'a> Lines<'a> {
    /// The next line, which must be ended by a line feed.
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.text.split_once('\n')?;
        self.text = rest;
        self.line += 1;
        Some(line)
    }

    fn want(&mut self, wanted: &'static str) -> Result<(), EvidenceError> {
        match self.next() {
            Some(found) if found == wanted => Ok(()),
            found => Err(self.wrong(found.unwrap_or_default(), wanted)),
        }
    }

    /// The lines up to [`END`].
    fn part(&mut self) -> Result<String, EvidenceError> {
        let mut part = String::new();
        while let Some(line) = self.next() {
            if line == END {
                return Ok(part);
            }
            part.push_str(line);
            part.push('\n');
        }
        Err(self.wrong("", END))
    }

    fn wrong(&self, found: &str, wanted: &'static str) -> EvidenceError {
        EvidenceError::Form {
            line: self.line,
            found: shorten(found),
            wanted,
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::checkpoint::Checkpoint;
    use crate::tlog::merkle::{leaf_hash, node_hash};
    use crate::tlog::note::Signer;

    fn signer() -> Signer {
        Signer::from_seed("log.example/1", &[7; 32]).unwrap()
    }

    fn policy() -> Policy {
        Policy::new(signer().vkey().clone(), None)
            .unwrap()
            .with_genesis(Hash([9; 32]))
    }

    fn note(by: &Signer, size: u64, root_hash: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: by.name().to_owned(),
            tree: Tree { size, root_hash },
            extensions: Vec::new(),
        };
        by.sign_note(checkpoint.encode()).encode()
    }

    /// Danger: an honest ledger is accused by a file that anybody could write, or a fork is not believed.
    #[test]
    fn evidence_shows_what_is_signed_and_nothing_else() {
        let (a, b, c) = (leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c"));
        let (ab, ac) = (node_hash(&a, &b), node_hash(&a, &c));
        let log = signer();
        let evidence = |smaller: String, larger: String, prefix| ForkEvidence {
            smaller,
            larger,
            prefix,
        };
        let check = |evidence: &ForkEvidence| {
            let again = ForkEvidence::parse(&evidence.encode()).unwrap();
            assert_eq!(again, *evidence);
            again.check(&[policy()])
        };
        let one = |root| note(&log, 1, root);
        let two = |root| note(&log, 2, root);
        assert_eq!(
            check(&evidence(two(ab), two(ac), None)).unwrap(),
            Shown::TwoRoots { size: 2 }
        );
        // The tree of a and b has a first; that b was signed as the first contradicts it.
        assert_eq!(
            check(&evidence(one(b), two(ab), Some((a, vec![b])))).unwrap(),
            Shown::NotExtended { size: 1, larger: 2 }
        );
        assert_eq!(
            check(&evidence(one(a), two(ab), None)).unwrap(),
            Shown::RolledBack { size: 1, larger: 2 }
        );
        let refused = |file: ForkEvidence, wanted: fn(&EvidenceError) -> bool| {
            let error = check(&file).unwrap_err();
            assert!(wanted(&error), "{error:?}");
        };
        refused(evidence(one(a), two(ab), Some((a, vec![b]))), |error| {
            matches!(error, EvidenceError::Consistent)
        });
        // A claimed prefix that does not hang from the larger root.
        refused(evidence(one(b), two(ab), Some((c, vec![b]))), |error| {
            matches!(error, EvidenceError::Proof)
        });
        refused(evidence(two(ab), two(ab), None), |error| {
            matches!(error, EvidenceError::Same { size: 2 })
        });
        refused(evidence(two(ab), one(a), None), |error| {
            matches!(error, EvidenceError::Order { .. })
        });
        let forger = Signer::from_seed("log.example/1", &[8; 32]).unwrap();
        refused(evidence(two(ab), note(&forger, 2, ac), None), |error| {
            matches!(error, EvidenceError::Checkpoint { which: "B", .. })
        });
        let stranger = Signer::from_seed("log.example/2", &[7; 32]).unwrap();
        refused(evidence(note(&stranger, 2, ac), two(ab), None), |error| {
            matches!(error, EvidenceError::Checkpoint { which: "A", .. })
        });

        let good = evidence(one(b), two(ab), Some((a, vec![b]))).encode();
        for text in [
            String::new(),
            "mingzhang evidence v2\n".to_owned(),
            format!("{good}x\n"),
            format!("{good}x"),
            good.trim_end().to_owned(),
            good.replace(END, "-----END----"),
            good.replace(&a.to_base64(), "AAAA"),
            good.replace(LARGER, SMALLER),
        ] {
            assert!(ForkEvidence::parse(&text).is_err(), "{text}");
        }
    }
}
