//! What a witness remembers: one file a log, `<hex SHA-256 of the origin>.checkpoint`, the note it cosigned last with its own line.
//!
//! The file proves itself: on opening, the log's signature and our own are verified, so that a damaged or foreign state is found
//! out rather than believed. Written beside, synced, renamed, and the folder synced; a reader sees the old file or the new one.
//!
//! Not defended against: a folder that is removed or set back to an earlier copy. Then the witness is a new one and needs a new key.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::origin_hash;
use crate::tlog::checkpoint::{OpenError, open};
use crate::tlog::cosignature;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{NOTE_BYTES_MAX, Note, Vkey};

/// Forks kept a folder: each is proof enough, and a log that forks at will must not fill the disk.
pub const EVIDENCE_MAX: usize = 100;

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it.
    #[error("{path} is in use by another witness process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The system's refusal.
    #[error("cannot read or write {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not a checkpoint of this log, signed by its keys.
    #[error(
        "{path} is not a checkpoint of the log {origin:?}; do not remove it, restore it from this machine or take a new key"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The log.
        origin: String,
        /// What is wrong.
        #[source]
        source: OpenError,
    },
    /// Another witness's state.
    #[error(
        "{path} is not cosigned by {vkey}: this folder is another witness's, or the key was changed"
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Ours.
        vkey: String,
    },
    /// The configuration names a log twice.
    #[error("the log {origin:?} is given twice")]
    Twice {
        /// The log.
        origin: String,
    },
    /// Too many logs.
    #[error("{have} logs are given, at most {max} are watched")]
    Logs {
        /// As configured.
        have: usize,
        /// The limit.
        max: usize,
    },
}

/// The folder, locked for as long as this value lives; the system lets go of it however the process ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// What was cosigned last.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) tree: Tree,
    pub(super) note: Note,
    pub(super) timestamp: u64,
}

impl Folder {
    pub(super) fn lock(path: &Path) -> Result<Folder, StateError> {
        std::fs::create_dir_all(path).map_err(io_at(path))?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io_at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: lock_path }),
            Err(TryLockError::Error(source)) => Err(StateError::Io {
                path: lock_path,
                source,
            }),
        }
    }

    pub(super) fn read(
        &self,
        origin: &str,
        vkeys: &[Vkey],
        ours: &Vkey,
    ) -> Result<Option<Kept>, StateError> {
        let path = self.file(origin);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Io { path, source }),
        };
        let mut bytes = Vec::new();
        // One byte more than a note may have: a longer file is refused as a note.
        file.take(NOTE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(io_at(&path))?;
        let keys: Vec<&Vkey> = vkeys.iter().collect();
        let signed = open(&bytes, origin, &keys).map_err(|source| StateError::Damaged {
            path: path.clone(),
            origin: origin.to_owned(),
            source,
        })?;
        let note = signed.note().clone();
        let timestamp = note
            .signatures_of(ours)
            .find_map(|line| cosignature::verify(ours, &note.text, &line.bytes));
        let timestamp = timestamp.ok_or_else(|| StateError::Foreign {
            path,
            vkey: ours.to_string(),
        })?;
        let tree = signed.tree();
        Ok(Some(Kept {
            tree,
            note,
            timestamp,
        }))
    }

    /// Returns when the note is on disk under its name.
    pub(super) fn write(&self, origin: &str, note: &Note) -> Result<(), StateError> {
        let path = self.file(origin);
        let beside = path.with_extension("new");
        let mut file = File::create(&beside).map_err(io_at(&beside))?;
        file.write_all(note.encode().as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io_at(&beside))?;
        std::fs::rename(&beside, &path).map_err(io_at(&path))?;
        self.sync()
    }

    /// Both notes in one file, ours first; `None` if this fork, or as many as are kept, is there already.
    pub(super) fn keep_evidence(
        &self,
        origin: &str,
        seen: &Note,
        other: &str,
    ) -> Result<Option<PathBuf>, StateError> {
        let folder = self.path.join("evidence");
        std::fs::create_dir_all(&folder).map_err(io_at(&folder))?;
        let text = other.split("\n\n").next().unwrap_or_default();
        let digest = Hash::sha256(format!("{origin}\n{text}").as_bytes());
        let path = folder.join(format!("fork-{digest}.txt"));
        let kept = std::fs::read_dir(&folder).map_err(io_at(&folder))?.count();
        if path.exists() || kept >= EVIDENCE_MAX {
            return Ok(None);
        }
        let both = format!("{}\n{other}", seen.encode());
        let mut file = File::create(&path).map_err(io_at(&path))?;
        file.write_all(both.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io_at(&path))?;
        Ok(Some(path))
    }

    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(io_at(&self.path))
    }

    fn file(&self, origin: &str) -> PathBuf {
        self.path
            .join(format!("{}.checkpoint", origin_hash(origin)))
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io {
        path: path.clone(),
        source,
    }
}
