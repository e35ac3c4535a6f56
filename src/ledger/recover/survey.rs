//! What lies in the store, and whether going on from it could make the key sign a second history.

use super::super::config::Config;
use super::super::objects::{HEAD_BYTES_MAX, read_checkpoint};
use super::super::open_error::OpenError;
use crate::store::Store;
use crate::store::commit::{COMMIT_BYTES_MAX, Commit};
use crate::tlog::merkle::{Hash, Tree};

/// What lies in the store: published, signed, committed.
pub(super) struct Found {
    pub head: Option<Tree>,
    pub commits: Vec<(String, Commit)>,
    /// SHA-256 of the newest commit object.
    pub previous: Hash,
}

impl Found {
    pub fn oldest(&self) -> Tree {
        self.commits[0].1.old
    }

    pub fn newest(&self) -> Tree {
        self.commits[self.commits.len() - 1].1.new
    }
}

/// Reads commits and head, and refuses whatever could make the key sign a second history. `restored` is somebody's word, the operator's or
/// the witnesses', that nothing newer was signed.
pub(super) async fn survey(
    store: &Store,
    log: &Store,
    config: &Config,
    signed: Option<Tree>,
    restored: bool,
) -> Result<Found, OpenError> {
    // Visible is not durable (F3): a process killed between link and fsync leaves a name that the next power cut takes away again.
    if log.read("head", HEAD_BYTES_MAX).await?.is_some() {
        log.sync("head")?;
    }
    let head = read_checkpoint(log, "head", &config.origin, &config.log_vkeys())
        .await?
        .map(|head| head.tree);

    let mut names: Vec<u64> = store
        .list("commit/")
        .await?
        .iter()
        .filter_map(|listed| Commit::parse_name(&listed.name))
        .collect();
    names.sort_unstable();
    if let Some(head) = head.filter(|_| store.is_shared()) {
        // On a shared store commits are kept for days, and what was put is durable: one commit before head is where to begin. In a folder the
        // tiles of every kept commit may be torn, so all of them are gone through.
        let begin = names
            .iter()
            .rposition(|old_size| *old_size < head.size)
            .unwrap_or(0);
        names.drain(..begin);
    }
    let Some(newest) = names.last() else {
        return match (head, signed) {
            (None, None) => Err(OpenError::Absent),
            (None, Some(signed)) => Err(OpenError::RolledBack {
                signed: signed.size,
                found: 0,
            }),
            (Some(_), _) => Err(OpenError::CommitsMissing {
                what: "there is a head, but no commit at all".to_owned(),
            }),
        };
    };
    store.sync(&Commit::name(*newest))?;

    let mut commits: Vec<(String, Commit)> = Vec::new();
    let mut previous = Hash::ZERO;
    for old_size in names {
        let name = Commit::name(old_size);
        let bytes = store
            .read(&name, COMMIT_BYTES_MAX)
            .await?
            .ok_or_else(|| OpenError::CommitsMissing { what: name.clone() })?;
        let commit = Commit::parse(&bytes).map_err(|source| OpenError::CommitForm {
            name: name.clone(),
            source,
        })?;
        let broken = |what: String| OpenError::CommitBroken {
            name: name.clone(),
            what,
        };
        if commit.origin != config.origin || commit.old.size != old_size {
            return Err(broken(format!(
                "it is for {} at size {}",
                commit.origin, commit.old.size
            )));
        }
        if let Some((_, before)) = commits.last() {
            if before.new.size < old_size {
                // A collection that was cut short leaves a gap below head; there is nothing to do there any more.
                if head.is_none_or(|head| head.size < old_size) {
                    return Err(OpenError::CommitsMissing {
                        what: format!("none from {} to {old_size}", before.new.size),
                    });
                }
                commits.clear();
            } else if before.new != commit.old || previous != commit.previous {
                return Err(broken(
                    "it does not follow from the commit before it".to_owned(),
                ));
            }
        }
        previous = Hash::sha256(&bytes);
        commits.push((name, commit));
    }
    let found = Found {
        head,
        commits,
        previous,
    };
    guard_against_forks(&found, signed, restored)?;
    Ok(found)
}

fn guard_against_forks(
    found: &Found,
    signed: Option<Tree>,
    restored: bool,
) -> Result<(), OpenError> {
    let newest = found.newest();
    if let Some(head) = found.head
        && head.size > newest.size
    {
        return Err(OpenError::RolledBack {
            signed: head.size,
            found: newest.size,
        });
    }
    if let Some(head) = found.head
        && head.size < found.oldest().size
    {
        return Err(OpenError::CommitsMissing {
            what: format!(
                "head is at {}, the oldest commit begins at {}",
                head.size,
                found.oldest().size
            ),
        });
    }
    let Some(signed) = signed else {
        return match found.head {
            Some(head) if !restored => Err(OpenError::LastSignedUnknown {
                head: head.size,
                found: "is empty".to_owned(),
            }),
            _ => Ok(()),
        };
    };
    if signed.size > newest.size {
        return Err(OpenError::RolledBack {
            signed: signed.size,
            found: newest.size,
        });
    }
    let at_size = found
        .commits
        .iter()
        .map(|(_, commit)| commit.new)
        .chain(found.head)
        .find(|tree| tree.size == signed.size);
    match at_size {
        Some(tree) if tree.root_hash == signed.root_hash => {}
        Some(tree) => {
            return Err(OpenError::Forked {
                size: signed.size,
                signed: signed.root_hash,
                found: tree.root_hash,
            });
        }
        None if restored => {}
        None => {
            return Err(OpenError::LastSignedUnknown {
                head: newest.size,
                found: format!("stands at {}", signed.size),
            });
        }
    }
    match found.head {
        Some(head) if signed.size < head.size && !restored => Err(OpenError::LastSignedUnknown {
            head: head.size,
            found: format!("stands at {}", signed.size),
        }),
        _ => Ok(()),
    }
}
