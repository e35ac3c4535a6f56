//! Opening without the newest last-signed: nobody here knows how far this key has signed, so the witnesses are asked, before anything is.
//!
//! Promises: `Ok` only if so many witnesses have answered that the silent ones hold no quorum, and none of those that answered is ahead of
//! what is committed here, or beside it. Then no checkpoint beyond it can ever have met the policy.
//!
//! Each is sent the published `head`, which is signed already, so that asking signs nothing.

use futures_util::future::join_all;

use super::gather::Answer;
use super::wire;
use crate::ledger::recover::OpenError;
use crate::store::commit::Commit;
use crate::store::{Http, LogReader};
use crate::tlog::checkpoint;
use crate::tlog::cosignature;
use crate::tlog::merkle::Tree;
use crate::tlog::note::{Note, Vkey};
use crate::tlog::policy::Policy;
use crate::tlog::witness::AddCheckpoint;

/// What lies here.
#[derive(Clone, Copy)]
pub(in crate::ledger) struct Here<'a> {
    pub origin: &'a str,
    pub log_vkeys: &'a [&'a Vkey],
    pub reader: &'a LogReader,
    /// The published head.
    pub head: &'a Tree,
    /// Its note.
    pub note: &'a str,
    /// The commits that are kept, oldest first.
    pub commits: &'a [(String, Commit)],
}

enum Word {
    /// It has cosigned this history, and no more than there is here.
    Agrees,
    Silent,
    Ahead {
        size: u64,
    },
    Beside {
        size: u64,
    },
}

/// Asks every witness that can be asked.
///
/// # Errors
/// [`OpenError::WitnessesSilent`], [`OpenError::WitnessAhead`], [`OpenError::WitnessBeside`].
pub(in crate::ledger) async fn ask_all(
    policy: &Policy,
    doors: &[Option<Http>],
    here: Here<'_>,
) -> Result<(), OpenError> {
    let asked = policy.witnesses().iter().zip(doors);
    let words = join_all(asked.map(|(witness, door)| async move {
        match door {
            Some(door) => ask(door, &witness.vkey, here).await,
            None => Word::Silent,
        }
    }))
    .await;
    let mut silent = Vec::new();
    for (at, (witness, word)) in policy.witnesses().iter().zip(&words).enumerate() {
        let witness = witness.name.clone();
        match *word {
            Word::Agrees => {}
            Word::Silent => silent.push(at),
            Word::Ahead { size } => {
                return Err(OpenError::WitnessAhead {
                    witness,
                    size,
                    found: here.committed().size,
                });
            }
            Word::Beside { size } => return Err(OpenError::WitnessBeside { witness, size }),
        }
    }
    if policy.quorum_if(|at| silent.contains(&at)).met {
        let names = silent.iter().map(|at| policy.witnesses()[*at].name.clone());
        return Err(OpenError::WitnessesSilent {
            silent: names.collect::<Vec<_>>().join(", "),
        });
    }
    Ok(())
}

async fn ask(door: &Http, vkey: &Vkey, here: Here<'_>) -> Word {
    let mut old_size = here.head.size;
    // With the size that it may have; then with the one that it says.
    for _ in 0..2 {
        let proof = match old_size {
            0 => Vec::new(),
            old if old == here.head.size => Vec::new(),
            old => {
                let reader = here.reader;
                match reader
                    .prove_consistency(old, here.head.size, here.head)
                    .await
                {
                    Ok(proof) => proof,
                    Err(_) => return Word::Silent,
                }
            }
        };
        let request = AddCheckpoint {
            old_size,
            proof,
            checkpoint: here.note.to_owned(),
        };
        match wire::add_checkpoint(door, &request).await {
            Answer::Signed(lines) => {
                let Ok(note) = Note::parse(here.note.as_bytes()) else {
                    return Word::Silent;
                };
                let signed = lines
                    .iter()
                    .filter(|line| line.names(vkey))
                    .any(|line| cosignature::verify(vkey, &note.text, &line.bytes).is_some());
                return if signed { Word::Agrees } else { Word::Silent };
            }
            Answer::Size(size) if size > here.head.size => return beyond(door, size, here).await,
            Answer::Size(size) if size == old_size => return Word::Beside { size },
            Answer::Size(size) => old_size = size,
            Answer::Refused { status: 422, .. } => return Word::Beside { size: old_size },
            Answer::Refused { .. } | Answer::Failed(_) => return Word::Silent,
        }
    }
    Word::Silent
}

/// It has more than `head`. That may be what was committed here and is not published yet: its own note tells.
async fn beyond(door: &Http, size: u64, here: Here<'_>) -> Word {
    if size > here.committed().size {
        return Word::Ahead { size };
    }
    let shown = wire::seen(door, here.origin).await;
    let shown = shown.and_then(|note| checkpoint::open(&note, here.origin, here.log_vkeys).ok());
    let Some(theirs) = shown.map(|signed| signed.tree()) else {
        return Word::Silent;
    };
    let mut trees = here.commits.iter().map(|(_, commit)| commit.new);
    match trees.find(|tree| tree.size == theirs.size) {
        Some(ours) if ours == theirs => Word::Agrees,
        _ if theirs.size <= here.head.size => Word::Silent,
        _ => Word::Beside { size: theirs.size },
    }
}

impl Here<'_> {
    fn committed(&self) -> Tree {
        let newest = self.commits.last().map(|(_, commit)| commit.new);
        newest.unwrap_or(*self.head)
    }
}
