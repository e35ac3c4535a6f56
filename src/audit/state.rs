//! What an audit remembers for the next one (`--state FILE`): the checkpoint it saw, with the identity of the log, compared whole (promise
//! 11). It is the auditor's own file; all the same its checkpoint is verified again before it is used.
//!
//! Promises: it is written as a whole or not at all, and only by a run that found nothing wrong. Does not hold anything of the records.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::Report;
use super::views;
use crate::store::named;
use crate::tlog::merkle::Hash;
use crate::tlog::policy::{Policy, VerifiedCheckpoint};

/// A state file, at most: a checkpoint with all the signature lines it can have, escaped, and a few short members.
const STATE_BYTES_MAX: u64 = 2 << 20;

/// What was seen the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this format: 1.
    mingzhang_audit_state: u32,
    origin: String,
    /// The log key, whole.
    log: String,
    /// The pinned genesis id, whole.
    genesis: String,
    /// The checkpoint, whole.
    checkpoint: String,
    /// When it was audited.
    date: String,
    /// By which version of this program.
    version: String,
}

/// Why a state cannot be used or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// Not a state file.
    #[error("{path} is not a state that an audit wrote; if it is of no use any more, remove it")]
    Form {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Larger than any state file.
    #[error("{path} has more than {STATE_BYTES_MAX} bytes, which no state has")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error("the state has format {found}, this program reads 1")]
    Version {
        /// The format found.
        found: u32,
    },
    /// The state of another log.
    #[error("the state is of the log {log} with genesis {genesis}, which no policy given is for")]
    OtherLog {
        /// Its log key.
        log: String,
        /// Its genesis id.
        genesis: String,
    },
    /// Its checkpoint is not what the log has signed.
    #[error("the checkpoint in the state is not one that a policy given accepts: {why}")]
    Checkpoint {
        /// What does not fit.
        why: String,
    },
}

impl State {
    /// Reads the file; `None` if there is none yet.
    ///
    /// # Errors
    /// [`StateError`] if it is there and cannot be used: an audit that silently forgot what it had seen would be worth little.
    pub fn read(path: &Path) -> Result<Option<State>, StateError> {
        let failed = |source| StateError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes = match named::read(path, STATE_BYTES_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                return Err(StateError::TooLarge {
                    path: path.to_owned(),
                });
            }
            Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let state: State = serde_json::from_slice(&bytes).map_err(|source| StateError::Form {
            path: path.to_owned(),
            source,
        })?;
        if state.mingzhang_audit_state != 1 {
            return Err(StateError::Version {
                found: state.mingzhang_audit_state,
            });
        }
        Ok(Some(state))
    }

    /// What `report` saw, to be written; `None` if it found a fault, and the old state must stay.
    #[must_use]
    pub fn of(report: &Report) -> Option<State> {
        let checkpoint = report.checkpoint.as_ref().filter(|_| report.is_clean())?;
        Some(State {
            mingzhang_audit_state: 1,
            origin: checkpoint.origin.clone(),
            log: checkpoint.log.clone(),
            genesis: report.genesis.clone()?,
            checkpoint: checkpoint.note.clone(),
            date: report.date.clone(),
            version: report.version.to_owned(),
        })
    }

    /// Writes the file in one step: a power cut leaves the old one or the new one.
    ///
    /// # Errors
    /// [`StateError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let failed = |source| StateError::Write {
            path: path.to_owned(),
            source,
        };
        let mut json = serde_json::to_vec_pretty(self).expect("strings become JSON");
        json.push(b'\n');
        named::replace(path, &json).map_err(failed)
    }

    /// The state must be of the log that is audited.
    pub(super) fn check_log(&self, origin: &str, genesis: Option<&Hash>) -> Result<(), StateError> {
        if self.origin == origin
            && genesis.is_some_and(|genesis| genesis.to_string() == self.genesis)
        {
            return Ok(());
        }
        Err(StateError::OtherLog {
            log: self.log.clone(),
            genesis: self.genesis.clone(),
        })
    }

    /// When it was audited.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Finds the policy for the log whole, and has the checkpoint verified.
    pub(super) fn verify(&self, policies: &[Policy]) -> Result<VerifiedCheckpoint, StateError> {
        let known = policies.iter().any(|policy| {
            policy
                .genesis()
                .map(|genesis| genesis.to_string())
                .as_deref()
                == Some(&self.genesis)
                && policy
                    .logs()
                    .iter()
                    .any(|log| log.vkey.to_string() == self.log && log.vkey.name() == self.origin)
        });
        if !known {
            return Err(StateError::OtherLog {
                log: self.log.clone(),
                genesis: self.genesis.clone(),
            });
        }
        let refused = |why: String| StateError::Checkpoint { why };
        let (_, verified) = views::judge(self.checkpoint.as_bytes(), policies)
            .map_err(|(_, said)| refused(said.en))?;
        let (have, want) = (verified.log().to_string(), &self.log);
        if have != *want {
            return Err(refused(format!("signed by {have}, the state says {want}")));
        }
        Ok(verified)
    }
}
