//! What the log key has last signed: kept beside the key, outside the data, so that data put back from an old copy cannot make the key sign
//! a second history (F9; what validators' slashing protection does).
//!
//! Two fixed-width lines, written in turn: a write torn by a power cut spoils only its own line, and that one was never signed, because a
//! signature leaves the process only after its line is on disk.
//!
//! ```text
//! 00000000000000000041 <root, base64> <first 16 hex of SHA-256 of the line up to here and the origin>
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::tlog::merkle::{Hash, Tree};

/// The open file. There is one for each log key, held by the one writer.
#[derive(Debug)]
pub struct LastSigned {
    file: File,
    path: PathBuf,
    origin: String,
    newest: Option<Tree>,
    /// The line that the next write goes to.
    next_line: u64,
}

/// The file cannot be trusted or written.
#[derive(Debug, thiserror::Error)]
pub enum LastSignedError {
    /// Cannot be opened or read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Neither line is whole: not a torn write (which spoils one), but damage or another log's file.
    #[error(
        "{path} holds no whole line for the log {origin}: it is damaged or belongs to another log; see docs/operations.md, restore"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The log.
        origin: String,
    },
    /// Cannot be made durable. Nothing may be signed; the process must end.
    #[error("cannot write {path} to disk")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something smaller, or another root of the same size, was about to be signed.
    #[error(
        "the log key has signed size {signed} already, size {asked} with root {root} would be a second history"
    )]
    Fork {
        /// Last signed.
        signed: u64,
        /// About to be signed.
        asked: u64,
        /// Its root.
        root: Hash,
    },
}

const LINE_BYTES: u64 = 20 + 1 + 44 + 1 + 16 + 1;

impl LastSigned {
    /// Opens `path`, creating an empty file if there is none (then [`LastSigned::newest`] is `None`).
    ///
    /// # Errors
    /// [`LastSignedError::Read`], [`LastSignedError::Damaged`].
    pub fn open(path: &Path, origin: &str) -> Result<LastSigned, LastSignedError> {
        let read = |source| LastSignedError::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(read)?;
        let mut bytes = Vec::new();
        (&mut file)
            .take(4 * LINE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(read)?;
        let line_bytes = usize::try_from(LINE_BYTES).expect("a small constant");
        let lines: Vec<Option<Tree>> = bytes
            .chunks(line_bytes)
            .take(2)
            .map(|line| parse_line(line, origin))
            .collect();
        let newest = lines.iter().flatten().max_by_key(|tree| tree.size).copied();
        if newest.is_none() && !bytes.is_empty() {
            return Err(LastSignedError::Damaged {
                path: path.to_owned(),
                origin: origin.to_owned(),
            });
        }
        let newest_line = lines.iter().position(|line| *line == newest).unwrap_or(1);
        Ok(LastSigned {
            file,
            path: path.to_owned(),
            origin: origin.to_owned(),
            newest,
            next_line: if newest_line == 0 { 1 } else { 0 },
        })
    }

    /// The newest tree that may have been signed; `None` if this key's file is new.
    pub fn newest(&self) -> Option<Tree> {
        self.newest
    }

    /// Makes it durable that `tree` is about to be signed. Returns only when it is on disk. The same tree again costs nothing.
    ///
    /// # Errors
    /// [`LastSignedError::Fork`] if the key has signed something that this tree does not extend; [`LastSignedError::Write`].
    pub fn advance(&mut self, tree: &Tree) -> Result<(), LastSignedError> {
        match self.newest {
            Some(newest) if newest == *tree => return Ok(()),
            Some(newest) if newest.size >= tree.size => {
                return Err(LastSignedError::Fork {
                    signed: newest.size,
                    asked: tree.size,
                    root: tree.root_hash,
                });
            }
            _ => {}
        }
        let write = |source| LastSignedError::Write {
            path: self.path.clone(),
            source,
        };
        let line = encode_line(tree, &self.origin);
        self.file
            .seek(SeekFrom::Start(self.next_line * LINE_BYTES))
            .map_err(write)?;
        self.file.write_all(line.as_bytes()).map_err(write)?;
        let first = self.newest.is_none();
        self.file.sync_data().map_err(write)?;
        if first {
            // The file itself is new: its name must be durable too.
            self.file.sync_all().map_err(write)?;
            if let Some(folder) = self.path.parent() {
                File::open(folder)
                    .and_then(|folder| folder.sync_all())
                    .map_err(write)?;
            }
        }
        self.newest = Some(*tree);
        self.next_line = 1 - self.next_line;
        Ok(())
    }
}

fn encode_line(tree: &Tree, origin: &str) -> String {
    let line = format!("{:020} {}", tree.size, tree.root_hash.to_base64());
    let check = Hash::sha256(format!("{line}\n{origin}").as_bytes()).to_string();
    format!("{line} {}\n", &check[..16])
}

fn parse_line(line: &[u8], origin: &str) -> Option<Tree> {
    let text = std::str::from_utf8(line).ok()?;
    let tree = Tree {
        size: text.get(..20)?.parse().ok()?,
        root_hash: Hash::from_base64(text.get(21..65)?)?,
    };
    (encode_line(&tree, origin) == text).then_some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(size: u64) -> Tree {
        Tree {
            size,
            root_hash: Hash::sha256(&size.to_be_bytes()),
        }
    }

    #[test]
    fn a_smaller_or_different_tree_is_never_signed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last-signed");
        let mut signed = LastSigned::open(&path, "a.example").unwrap();
        assert_eq!(signed.newest(), None);
        for size in [1, 5, 6] {
            signed.advance(&tree(size)).unwrap();
            signed.advance(&tree(size)).unwrap();
        }
        assert!(matches!(
            signed.advance(&tree(5)),
            Err(LastSignedError::Fork {
                signed: 6,
                asked: 5,
                ..
            })
        ));
        let other = Tree {
            size: 6,
            root_hash: Hash::ZERO,
        };
        assert!(matches!(
            signed.advance(&other),
            Err(LastSignedError::Fork { .. })
        ));
        drop(signed);
        let mut again = LastSigned::open(&path, "a.example").unwrap();
        assert_eq!(again.newest(), Some(tree(6)));
        again.advance(&tree(7)).unwrap();
        assert_eq!(
            LastSigned::open(&path, "a.example").unwrap().newest(),
            Some(tree(7))
        );
        assert!(matches!(
            LastSigned::open(&path, "b.example"),
            Err(LastSignedError::Damaged { .. })
        ));
    }

    #[test]
    fn a_torn_line_spoils_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last-signed");
        let mut signed = LastSigned::open(&path, "a.example").unwrap();
        for size in 1..=4 {
            signed.advance(&tree(size)).unwrap();
        }
        let good = std::fs::read(&path).unwrap();
        let newest_line = usize::from(!good.starts_with(b"00000000000000000004"));
        for at in 0..83 {
            let mut torn = good.clone();
            torn[newest_line * 83 + at] ^= 1;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(
                LastSigned::open(&path, "a.example").unwrap().newest(),
                Some(tree(3)),
                "byte {at}"
            );
        }
        std::fs::write(&path, &good[..40]).unwrap();
        assert!(LastSigned::open(&path, "a.example").is_err());
    }
}
