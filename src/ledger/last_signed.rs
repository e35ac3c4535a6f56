//! What the log key has last signed: kept beside the key, outside the data, so that data put back from an old copy cannot make the key sign
//! a second history (F9; what validators' slashing protection does).
//!
//! Two fixed-width lines, written in turn: a write torn by a power cut spoils only its own line, and that one was never signed, because a
//! signature leaves the process only after its line is on disk.
//!
//! ```text
//! 00000000000000000041 <root, base64> <first 16 hex of SHA-256 of the line up to here and the origin>
//! ```
//!
//! The file is locked for as long as it is open ([`super::holder`] says by whom), and read again before each advance: two data folders
//! with one folder of keys are one lock, and whoever puts another file in its place stops the process that believes in the old one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::holder::{self, Holder, LockError};
use crate::tlog::merkle::{Hash, Tree};

/// The open, locked file. There is one for each log key, held by the one writer.
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
    /// Something else stands in its place.
    #[error(
        "{path} is to be the file that says how far the log key has signed, and is none (a folder, a pipe or a link that leads nowhere): move it \
         away and put the newest last-signed in its place; if there is none, see docs/operations.md, restore"
    )]
    NoFile {
        /// The place.
        path: PathBuf,
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
    /// Another process may sign with the same key.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The file was taken away or another one put in its place while this process held it.
    #[error(
        "{path} was removed or replaced while this process held it (a folder of keys copied back, a link moved): whether another process has \
         signed is not known, so nothing more is signed. Find out who did it, keep the newest last-signed in this place, start again"
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The file says something else than this process wrote last.
    #[error(
        "{path} says {found}, this process has signed up to {believed}: somebody else wrote it (a second process with a copy of the data, or \
         a file copied back), so nothing more is signed. Find out who did it, keep the newest last-signed in this place, start again"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What this process wrote or read last.
        believed: String,
        /// What stands there now.
        found: String,
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
    /// Opens and locks `path`, creating an empty file if there is none (then [`LastSigned::newest`] is `None`). `holder` is who holds it
    /// from now on, for those who find it locked.
    ///
    /// # Errors
    /// [`LastSignedError::Lock`], [`LastSignedError::Read`], [`LastSignedError::Damaged`].
    pub fn open(path: &Path, origin: &str, holder: &Holder) -> Result<LastSigned, LastSignedError> {
        let read = |source| LastSignedError::Read {
            path: path.to_owned(),
            source,
        };
        // Looked at first: to open a pipe waits for its other end or does not, and a link that leads nowhere would be followed.
        let stands = std::fs::symlink_metadata(path).is_ok();
        if stands && !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return Err(LastSignedError::NoFile {
                path: path.to_owned(),
            });
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(read)?;
        holder::lock(&file, path, holder)?;
        let bytes = read_lines(&mut file).map_err(read)?;
        let lines = parse_lines(&bytes, origin);
        let newest = newest_of(&lines);
        if newest.is_none() && !bytes.is_empty() {
            return Err(LastSignedError::Damaged {
                path: path.to_owned(),
                origin: origin.to_owned(),
            });
        }
        let newest_line = lines.iter().position(|line| *line == newest).unwrap_or(1);
        let mut opened = LastSigned {
            file,
            path: path.to_owned(),
            origin: origin.to_owned(),
            newest,
            next_line: if newest_line == 0 { 1 } else { 0 },
        };
        // Between opening and locking it may have been replaced.
        opened.check()?;
        Ok(opened)
    }

    /// The newest tree that may have been signed; `None` if this key's file is new.
    pub fn newest(&self) -> Option<Tree> {
        self.newest
    }

    /// Compares what stands on the disk, under this name, with what this process believes.
    fn check(&mut self) -> Result<(), LastSignedError> {
        let read = |source| LastSignedError::Read {
            path: self.path.clone(),
            source,
        };
        if !holder::is_at(&self.file, &self.path).map_err(read)? {
            return Err(LastSignedError::Replaced {
                path: self.path.clone(),
            });
        }
        let bytes = read_lines(&mut self.file).map_err(read)?;
        let found = newest_of(&parse_lines(&bytes, &self.origin));
        if found != self.newest {
            return Err(LastSignedError::Changed {
                path: self.path.clone(),
                believed: show(self.newest),
                found: show(found),
            });
        }
        Ok(())
    }

    /// Makes it durable that `tree` is about to be signed. Returns only when it is on disk. The same tree again is not written again.
    ///
    /// # Errors
    /// [`LastSignedError::Replaced`], [`LastSignedError::Changed`] if the file is not as this process left it; [`LastSignedError::Fork`] if
    /// the key has signed something that this tree does not extend; [`LastSignedError::Write`].
    pub fn advance(&mut self, tree: &Tree) -> Result<(), LastSignedError> {
        self.check()?;
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

fn show(tree: Option<Tree>) -> String {
    tree.map_or_else(
        || "nothing".to_owned(),
        |tree| format!("size {} with root {}", tree.size, tree.root_hash),
    )
}

/// The first bytes of the file: more than two lines are never there.
fn read_lines(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(4 * LINE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse_lines(bytes: &[u8], origin: &str) -> Vec<Option<Tree>> {
    let line_bytes = usize::try_from(LINE_BYTES).expect("a small constant");
    let lines = bytes.chunks(line_bytes).take(2);
    lines.map(|line| parse_line(line, origin)).collect()
}

fn newest_of(lines: &[Option<Tree>]) -> Option<Tree> {
    lines.iter().flatten().max_by_key(|tree| tree.size).copied()
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

    fn open(path: &Path, origin: &str) -> Result<LastSigned, LastSignedError> {
        LastSigned::open(path, origin, &Holder::this("a test", "now"))
    }

    fn newest(path: &Path, origin: &str) -> Result<Option<Tree>, LastSignedError> {
        open(path, origin).map(|opened| opened.newest())
    }

    #[test]
    fn a_smaller_or_different_tree_is_never_signed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last-signed");
        let mut signed = open(&path, "a.example").unwrap();
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
        let mut again = open(&path, "a.example").unwrap();
        assert_eq!(again.newest(), Some(tree(6)));
        again.advance(&tree(7)).unwrap();
        drop(again);
        assert_eq!(newest(&path, "a.example").unwrap(), Some(tree(7)));
        assert!(matches!(
            open(&path, "b.example"),
            Err(LastSignedError::Damaged { .. })
        ));
    }

    #[test]
    fn a_torn_line_spoils_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last-signed");
        let mut signed = open(&path, "a.example").unwrap();
        for size in 1..=4 {
            signed.advance(&tree(size)).unwrap();
        }
        drop(signed);
        let good = std::fs::read(&path).unwrap();
        let newest_line = usize::from(!good.starts_with(b"00000000000000000004"));
        for at in 0..83 {
            let mut torn = good.clone();
            torn[newest_line * 83 + at] ^= 1;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(
                newest(&path, "a.example").unwrap(),
                Some(tree(3)),
                "byte {at}"
            );
        }
        std::fs::write(&path, &good[..40]).unwrap();
        assert!(open(&path, "a.example").is_err());
    }

    /// By its own name, by a link to it, by a link to its folder: one file, one lock, and the refusal says whose.
    #[test]
    fn one_process_holds_it_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let path = keys.join("last-signed");
        std::os::unix::fs::symlink(&keys, folder.path().join("linked")).unwrap();
        std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::hard_link(&path, keys.join("hard")).unwrap();
        let names = [
            "keys/last-signed",
            "linked/last-signed",
            "link",
            "keys/hard",
        ];
        for first in names {
            let held = open(&folder.path().join(first), "a.example").unwrap();
            for second in names {
                let refused = open(&folder.path().join(second), "a.example").unwrap_err();
                let LastSignedError::Lock(LockError::Held { holder, .. }) = &refused else {
                    panic!("{first}, {second}: {refused}");
                };
                // A hard link has another folder entry to read the holder beside; all others name him.
                if first != "keys/hard" && second != "keys/hard" {
                    let holder = holder.as_ref().expect("he has said who he is");
                    assert_eq!(holder.pid, std::process::id());
                    assert_eq!(holder.data, "a test");
                }
            }
            drop(held);
            open(&path, "a.example").expect("it is let go of");
        }
    }

    /// Whatever happens to the file under a process that holds it: no further advance, and an error of its own.
    #[test]
    fn a_file_exchanged_underneath_stops_every_advance() {
        type Exchange = fn(&Path);
        let rows: [(&str, Exchange, bool); 6] = [
            ("deleted", |path| std::fs::remove_file(path).unwrap(), true),
            (
                "replaced by an equal copy",
                |path| {
                    let copy = path.with_file_name("copy");
                    std::fs::copy(path, &copy).unwrap();
                    std::fs::rename(copy, path).unwrap();
                },
                true,
            ),
            (
                "its folder exchanged",
                |path| {
                    let folder = path.parent().unwrap();
                    let old = folder.with_extension("old");
                    std::fs::rename(folder, &old).unwrap();
                    std::fs::create_dir(folder).unwrap();
                    std::fs::copy(old.join("last-signed"), path).unwrap();
                },
                true,
            ),
            (
                "an older one copied over it",
                |path| {
                    let bytes = std::fs::read(path).unwrap();
                    std::fs::write(path, &bytes[..83]).unwrap();
                },
                false,
            ),
            (
                "advanced by another",
                |path| {
                    let mut text = std::fs::read_to_string(path).unwrap();
                    text.replace_range(..83 + 1, &encode_line(&tree(9), "a.example"));
                    std::fs::write(path, text).unwrap();
                },
                false,
            ),
            ("emptied", |path| std::fs::write(path, "").unwrap(), false),
        ];
        for (what, exchange, replaced) in rows {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("keys/last-signed");
            std::fs::create_dir(path.parent().unwrap()).unwrap();
            let mut signed = open(&path, "a.example").unwrap();
            for size in 1..=4 {
                signed.advance(&tree(size)).unwrap();
            }
            exchange(&path);
            for size in [4, 5, 6] {
                let refused = signed.advance(&tree(size)).expect_err(what);
                let named = match refused {
                    LastSignedError::Replaced { .. } => replaced,
                    LastSignedError::Changed { .. } => !replaced,
                    _ => false,
                };
                assert!(named, "{what}, {size}: {refused}");
            }
        }
    }
}
