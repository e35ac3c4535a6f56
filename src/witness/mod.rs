//! The witness role: cosigns a log's checkpoint only if it extends what this witness has cosigned before.
//!
//! Promises: of two different trees of one size, at most one is ever cosigned; sizes never go back; what was cosigned is durable
//! before the cosignature leaves; two processes never share a state folder. Together with other witnesses this is why an operator
//! cannot show two people two histories.
//!
//! A cosignature says "as of this time, the largest consistent tree I have seen" (c2sp.org/tlog-cosignature@v1.0.1). It says nothing of
//! what the records say, nor whether they are signed by keys in force: auditors do.
//!
//! Knows no HTTP (`server/witness.rs`) and no key files (`cli/`). The state is one file a log: see [`state`].

pub mod state;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::tlog::cosignature::Cosigner;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{Note, SIGNATURES_MAX, Signature, Vkey};
use crate::tlog::witness::{AddCheckpoint, Refusal, judge};
use state::{Folder, StateError};

/// How far the clock may be behind the last cosignature, in seconds, before nothing is cosigned any more: a time service corrects by
/// less, and a clock that was wrong would date what it did not see.
pub const CLOCK_BACK_S_MAX: u64 = 5;

/// The most logs of one witness: each holds a note in memory.
pub const LOGS_MAX: usize = 1_024;

/// A log that is watched. Its key name need not be its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The first line of its checkpoints.
    pub origin: String,
    /// Its keys: more than one while it changes from one to the next.
    pub vkeys: Vec<Vkey>,
}

/// Why nothing was cosigned.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The answer of tlog-witness, by [`Refusal::status`].
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The witness's own trouble: the clock.
    #[error(
        "the clock says {now}, the last cosignature was at {last}: the clock went back, nothing is cosigned"
    )]
    Clock {
        /// POSIX seconds.
        now: u64,
        /// POSIX seconds.
        last: u64,
    },
    /// The witness's own trouble: what it would cosign could not be kept. It cosigns nothing for this log until it is started again.
    #[error(
        "the state of the log {origin:?} could not be written; the witness must be started again"
    )]
    State {
        /// The log.
        origin: String,
        /// Why; `None` if an earlier request met it.
        #[source]
        source: Option<StateError>,
    },
}

/// A witness with its state, for as many requests at a time as there are.
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    logs: BTreeMap<String, Log>,
    folder: Folder,
}

/// One log, and the lock that makes comparing, keeping and cosigning one step.
#[derive(Debug)]
struct Log {
    vkeys: Vec<Vkey>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    tree: Tree,
    /// With our cosignature; `None` before the first.
    note: Option<Note>,
    timestamp: u64,
    /// A write has failed: what is on disk is not known any more.
    broken: bool,
}

impl Witness {
    /// Opens the state folder, which is made if it is not there, and holds its lock for life.
    ///
    /// # Errors
    /// [`StateError`]: in use, unreadable, or a state that this witness's key has not cosigned.
    pub fn open(
        folder: &Path,
        cosigner: Cosigner,
        watched: &[Watched],
    ) -> Result<Witness, StateError> {
        let folder = Folder::lock(folder)?;
        if watched.len() > LOGS_MAX {
            let (have, max) = (watched.len(), LOGS_MAX);
            return Err(StateError::Logs { have, max });
        }
        let mut logs = BTreeMap::new();
        for Watched { origin, vkeys } in watched {
            let kept = folder.read(origin, vkeys, cosigner.vkey())?;
            let seen = match kept {
                Some(kept) => Seen {
                    tree: kept.tree,
                    note: Some(kept.note),
                    timestamp: kept.timestamp,
                    broken: false,
                },
                None => Seen {
                    tree: Tree::EMPTY,
                    note: None,
                    timestamp: 0,
                    broken: false,
                },
            };
            let log = Log {
                vkeys: vkeys.clone(),
                seen: Mutex::new(seen),
            };
            if logs.insert(origin.clone(), log).is_some() {
                return Err(StateError::Twice {
                    origin: origin.clone(),
                });
            }
        }
        Ok(Witness {
            cosigner,
            logs,
            folder,
        })
    }

    /// What others verify with.
    pub fn vkey(&self) -> &Vkey {
        self.cosigner.vkey()
    }

    /// The origins watched, in order.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The largest tree cosigned for this log; `None` if it is not watched.
    pub fn seen(&self, origin: &str) -> Option<Tree> {
        Some(lock(self.logs.get(origin)?).tree)
    }

    /// The checkpoint cosigned last, of the log with this [`origin_hash`]; `None` if there is none
    /// (`GET <monitoring prefix>/<origin hash>/checkpoint`).
    pub fn checkpoint(&self, hash: &Hash) -> Option<String> {
        let mut logs = self.logs.iter();
        let (_, log) = logs.find(|(origin, _)| origin_hash(origin) == *hash)?;
        Some(lock(log).note.as_ref()?.encode())
    }

    /// Answers one `add-checkpoint` at the time `now`, in POSIX seconds. Blocks while the state is written.
    ///
    /// # Errors
    /// [`AddError`]; nothing was cosigned then.
    pub fn add(&self, request: &AddCheckpoint, now: u64) -> Result<Signature, AddError> {
        let origin = request.origin();
        let log = self.logs.get(origin).ok_or_else(|| Refusal::UnknownLog {
            origin: origin.chars().take(80).collect(),
        })?;
        // 1. From here to the end nobody else compares with this state.
        let mut seen = lock(log);
        if seen.broken {
            let origin = origin.to_owned();
            return Err(AddError::State {
                origin,
                source: None,
            });
        }
        // 2. The document's checks.
        let vkeys: Vec<&Vkey> = log.vkeys.iter().collect();
        let signed = match judge(request, origin, &vkeys, &seen.tree) {
            Ok(signed) => signed,
            Err(refusal) => {
                if let (Refusal::Fork { .. }, Some(note)) = (&refusal, &seen.note) {
                    self.keep_evidence(origin, note, &request.checkpoint);
                }
                return Err(refusal.into());
            }
        };
        // 3. A time that does not go back, and is nobody's but our clock's.
        let last = seen.timestamp;
        if now.saturating_add(CLOCK_BACK_S_MAX) < last {
            return Err(AddError::Clock { now, last });
        }
        let timestamp = now.max(last).max(1);
        // 4. Durable before it leaves. Only the log's own lines are kept: whatever else the client sent is not ours to publish.
        let text = signed.note().text.clone();
        let cosignature = self.cosigner.sign(&text, timestamp);
        let by_log = |line: &&Signature| log.vkeys.iter().any(|vkey| line.names(vkey));
        let lines = signed.note().signatures.iter().filter(by_log).cloned();
        let mut signatures: Vec<Signature> = lines.take(SIGNATURES_MAX - 1).collect();
        signatures.push(cosignature.clone());
        let note = Note { text, signatures };
        if let Err(source) = self.folder.write(origin, &note) {
            seen.broken = true;
            return Err(AddError::State {
                origin: origin.to_owned(),
                source: Some(source),
            });
        }
        // 5. The next request is compared with this.
        *seen = Seen {
            tree: signed.tree(),
            note: Some(note),
            timestamp,
            broken: false,
        };
        Ok(cosignature)
    }

    /// A fork is the one thing that a witness must be able to show to others, years later.
    fn keep_evidence(&self, origin: &str, seen: &Note, other: &str) {
        match self.folder.keep_evidence(origin, seen, other) {
            Ok(Some(path)) => tracing::error!(
                origin,
                evidence = %path.display(),
                "the log has signed two trees of one size; both notes are kept"
            ),
            Ok(None) => {}
            Err(failure) => tracing::error!(
                origin,
                failure = crate::chain_of(&failure),
                "the log has signed two trees of one size, and the evidence could not be kept"
            ),
        }
    }
}

/// A panic elsewhere leaves the tree as it was: it is set last.
fn lock(log: &Log) -> std::sync::MutexGuard<'_, Seen> {
    log.seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a log in paths and file names: SHA-256 of its origin.
pub fn origin_hash(origin: &str) -> Hash {
    Hash::sha256(origin.as_bytes())
}

#[cfg(test)]
mod tests;
