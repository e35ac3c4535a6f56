//! The commit object: one batch, and the point at which it becomes part of the log (DESIGN 5, step 2). Pure.
//!
//! ```text
//! mingzhang commit v1
//! <origin>
//! <old size> <old root, base64>
//! <new size> <new root, base64>
//! <SHA-256 of the commit object before, hex; zeros for the first>
//!
//! <big-endian u16 length><entry> … (new - old times)
//! ```
//! Promises that what parses re-encodes to the same bytes and has exactly the entries it says. Does not check roots or
//! records: the writer, recovery and audit each do, by their own means.

use bytes::Bytes;

use crate::tlog::merkle::{Hash, Tree};
use crate::trade::record::ENTRY_BYTES_MAX;

/// Entries in one commit, at most.
pub const BATCH_ENTRIES_MAX: usize = 4_096;
/// Framed entries in one commit, at most: what one create on an object store carries without trouble.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// A commit object, at most: a full batch, one last entry that made it full, and the head lines.
pub const COMMIT_BYTES_MAX: u64 = (BATCH_BYTES_MAX + ENTRY_BYTES_MAX + 2 + 1_024) as u64;

const FIRST_LINE: &str = "mingzhang commit v1";

/// One batch as it stands under `commit/<old size>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The log's identity line.
    pub origin: String,
    /// The tree before the batch.
    pub old: Tree,
    /// The tree after it.
    pub new: Tree,
    /// SHA-256 of the commit object before this one; [`Hash::ZERO`] for the first.
    pub previous: Hash,
    /// The entries, in log order.
    pub entries: Vec<Bytes>,
}

/// Why bytes are not a commit object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitFormError {
    /// The lines at the head are not those of a commit.
    #[error("line {line} of the commit object is {found:?}, wanted {wanted}")]
    Line {
        /// 1-based.
        line: usize,
        /// What stands there, shortened.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// Sizes that no batch can have.
    #[error(
        "the commit object goes from size {old} to {new}, a batch has 1 to {BATCH_ENTRIES_MAX} entries"
    )]
    Sizes {
        /// Old size.
        old: u64,
        /// New size.
        new: u64,
    },
    /// The entries do not fill the object exactly.
    #[error(
        "the commit object should hold {wanted} entries, it breaks off or goes on after entry {found}"
    )]
    Entries {
        /// Whole entries found.
        found: u64,
        /// new - old.
        wanted: u64,
    },
}

impl Commit {
    /// The name of the slot this commit competes for.
    pub fn name(old_size: u64) -> String {
        format!("commit/{old_size:020}")
    }

    /// The old size that a name under `commit/` stands for.
    pub fn parse_name(name: &str) -> Option<u64> {
        let size = name.strip_prefix("commit/")?.parse().ok()?;
        (Commit::name(size) == name).then_some(size)
    }

    /// The object's bytes.
    pub fn encode(&self) -> Bytes {
        let framed: usize = self.entries.iter().map(|entry| entry.len() + 2).sum();
        let mut bytes = Vec::with_capacity(framed + 512);
        let head = format!(
            "{FIRST_LINE}\n{}\n{} {}\n{} {}\n{}\n\n",
            self.origin,
            self.old.size,
            self.old.root_hash.to_base64(),
            self.new.size,
            self.new.root_hash.to_base64(),
            self.previous
        );
        bytes.extend_from_slice(head.as_bytes());
        for entry in &self.entries {
            let length =
                u16::try_from(entry.len()).expect("plan() admits no entry above ENTRY_BYTES_MAX");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Bytes::from(bytes)
    }

    /// Takes an object apart.
    ///
    /// # Errors
    /// [`CommitFormError`] with the line or entry at which it stops being a commit.
    pub fn parse(bytes: &Bytes) -> Result<Commit, CommitFormError> {
        let mut at = 0;
        let mut line_number = 0;
        let mut line = || {
            line_number += 1;
            let rest = &bytes[at..];
            // A head line is short; a hostile object without LF is not searched to its end.
            let end = rest.iter().take(512).position(|byte| *byte == b'\n');
            let text = std::str::from_utf8(&rest[..end.unwrap_or(rest.len().min(40))])
                .unwrap_or("(not UTF-8)")
                .to_owned();
            at += end.map_or(rest.len(), |end| end + 1);
            (line_number, text)
        };
        let wrong = |(line, found): (usize, String), wanted| CommitFormError::Line {
            line,
            found,
            wanted,
        };

        let first = line();
        if first.1 != FIRST_LINE {
            return Err(wrong(first, FIRST_LINE));
        }
        let (_, origin) = line();
        let old_line = line();
        let old =
            parse_tree(&old_line.1).ok_or_else(|| wrong(old_line, "<old size> <old root>"))?;
        let new_line = line();
        let new =
            parse_tree(&new_line.1).ok_or_else(|| wrong(new_line, "<new size> <new root>"))?;
        let previous_line = line();
        let previous = Hash::from_hex(&previous_line.1)
            .ok_or_else(|| wrong(previous_line, "64 hex digits"))?;
        let blank = line();
        if !blank.1.is_empty() {
            return Err(wrong(blank, "an empty line"));
        }

        let wanted = new
            .size
            .checked_sub(old.size)
            .filter(|count| (1..=BATCH_ENTRIES_MAX as u64).contains(count));
        let wanted = wanted.ok_or(CommitFormError::Sizes {
            old: old.size,
            new: new.size,
        })?;
        let mut entries =
            Vec::with_capacity(usize::try_from(wanted).expect("at most BATCH_ENTRIES_MAX"));
        let mut rest = bytes.slice(at.min(bytes.len())..);
        for found in 0..wanted {
            let broken = CommitFormError::Entries { found, wanted };
            let Some(length) = rest
                .first_chunk::<2>()
                .map(|length| usize::from(u16::from_be_bytes(*length)))
            else {
                return Err(broken);
            };
            if length > ENTRY_BYTES_MAX || rest.len() < 2 + length {
                return Err(broken);
            }
            entries.push(rest.slice(2..2 + length));
            rest = rest.slice(2 + length..);
        }
        let commit = Commit {
            origin,
            old,
            new,
            previous,
            entries,
        };
        if !rest.is_empty() || commit.encode() != *bytes {
            return Err(CommitFormError::Entries {
                found: wanted,
                wanted,
            });
        }
        Ok(commit)
    }
}

fn parse_tree(line: &str) -> Option<Tree> {
    let (size, root) = line.split_once(' ')?;
    let tree = Tree {
        size: size.parse().ok()?,
        root_hash: Hash::from_base64(root)?,
    };
    (tree.size.to_string() == size).then_some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Commit {
        Commit {
            origin: "ledger.example/log".to_owned(),
            old: Tree {
                size: 7,
                root_hash: Hash::sha256(b"old"),
            },
            new: Tree {
                size: 9,
                root_hash: Hash::sha256(b"new"),
            },
            previous: Hash::sha256(b"previous"),
            entries: vec![Bytes::from("one"), Bytes::from("")],
        }
    }

    #[test]
    fn what_is_encoded_parses_to_the_same() {
        assert_eq!(Commit::parse(&sample().encode()), Ok(sample()));
        assert_eq!(Commit::parse_name(&Commit::name(7)), Some(7));
        for bad in [
            "commit/7",
            "commit/0000000000000000000x",
            "commit/000000000000000000070",
            "other/00000000000000000007",
        ] {
            assert_eq!(Commit::parse_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn no_byte_can_be_changed_added_or_dropped_in_the_form_unseen() {
        let good = sample().encode();
        for length in 0..good.len() {
            assert!(
                Commit::parse(&good.slice(..length)).is_err(),
                "cut to {length}"
            );
        }
        let mut longer = good.to_vec();
        longer.push(0);
        assert!(Commit::parse(&Bytes::from(longer)).is_err());
        for at in 0..good.len() {
            let mut changed = good.to_vec();
            changed[at] ^= 1;
            let changed = Bytes::from(changed);
            // A changed root or entry is still a commit, but never the same one: the hash in the next commit tells.
            if let Ok(parsed) = Commit::parse(&changed) {
                assert_ne!(parsed, sample());
                assert_eq!(parsed.encode(), changed);
            }
        }
    }
}
