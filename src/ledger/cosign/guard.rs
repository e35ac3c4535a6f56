//! Opening: the witnesses are asked, before anything is signed, whether they know more than lies here, or something else.
//!
//! At an ordinary start, whoever answers within a few seconds is heard: one that is ahead or beside holds up the writing, by name. That nobody
//! answers stops nothing, as last-signed has said how far this key has signed.
//!
//! Without the newest last-signed nobody here knows that, and they must say it: [`must_vouch`] is `Ok` only if so many witnesses have
//! answered that the silent ones hold no quorum, and none of those that answered is ahead of what is committed here, or beside it. Then no
//! checkpoint beyond it can ever have met the policy.
//!
//! Each is sent the published `head`, which is signed already, so that asking signs nothing.

use std::time::Duration;

use futures_util::future::join_all;

use super::gather::{Answer, Gathering};
use super::status::State;
use super::wire;
use crate::ledger::clock::Reading;
use crate::ledger::open_error::OpenError;
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

/// What a witness said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Word {
    /// It has cosigned this history, and no more than there is here.
    Agrees,
    /// Nothing that tells.
    Silent,
    /// It has cosigned more.
    Ahead { size: u64 },
    /// It has cosigned another tree.
    Beside { size: u64 },
}

/// An ordinary start waits for the witnesses this long.
pub(in crate::ledger) const START_WAIT_MAX: Duration = Duration::from_secs(3);
/// A start that needs their word waits this long.
pub(in crate::ledger) const WAIT_MAX: Duration = Duration::from_secs(30);

/// Asks every witness that can be asked, all at once: the words in the order of the policy.
pub(in crate::ledger) async fn ask(
    policy: &Policy,
    doors: &[Option<Http>],
    here: Here<'_>,
    wait_max: Duration,
) -> Vec<Word> {
    let asked = policy.witnesses().iter().zip(doors);
    join_all(asked.map(|(witness, door)| async move {
        let Some(door) = door else {
            return Word::Silent;
        };
        let word = tokio::time::timeout(wait_max, ask_one(door, &witness.vkey, here));
        word.await.unwrap_or(Word::Silent)
    }))
    .await
}

/// That nobody is ahead or beside.
///
/// # Errors
/// [`OpenError::WitnessAhead`], [`OpenError::WitnessBeside`].
pub(in crate::ledger) fn none_against(
    policy: &Policy,
    words: &[Word],
    here: Here<'_>,
) -> Result<(), OpenError> {
    for (witness, word) in policy.witnesses().iter().zip(words) {
        let witness = witness.name.clone();
        match *word {
            Word::Agrees | Word::Silent => {}
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
    Ok(())
}

/// That the silent ones hold no quorum, and nobody is ahead or beside.
///
/// # Errors
/// [`OpenError::WitnessesSilent`], [`OpenError::WitnessAhead`], [`OpenError::WitnessBeside`].
pub(in crate::ledger) fn must_vouch(
    policy: &Policy,
    words: &[Word],
    here: Here<'_>,
) -> Result<(), OpenError> {
    none_against(policy, words, here)?;
    let is_silent = |at: usize| words[at] == Word::Silent;
    if policy.quorum_if(is_silent).met {
        let names = policy.witnesses().iter().enumerate();
        let silent: Vec<_> = names
            .filter(|(at, _)| is_silent(*at))
            .map(|(_, witness)| witness.name.clone())
            .collect();
        return Err(OpenError::WitnessesSilent {
            silent: silent.join(", "),
        });
    }
    Ok(())
}

/// Those that can be asked and did not answer.
pub(in crate::ledger) fn silent(
    policy: &Policy,
    doors: &[Option<Http>],
    words: &[Word],
) -> Vec<String> {
    let witnesses = policy.witnesses().iter().zip(doors).zip(words);
    witnesses
        .filter(|((_, door), word)| door.is_some() && **word == Word::Silent)
        .map(|((witness, _), _)| witness.name.clone())
        .collect()
}

/// Has the loop know what was said: whoever is ahead or beside holds up the writing until it says otherwise.
pub(in crate::ledger) fn tell(
    words: &[Word],
    doors: &[Option<Http>],
    gathering: &mut Gathering,
    now: Reading,
) {
    for (witness, (word, door)) in words.iter().zip(doors).enumerate() {
        match *word {
            Word::Agrees => {}
            Word::Silent if door.is_none() => {}
            Word::Silent => {
                let why = "no answer at start".to_owned();
                gathering.contradicted(witness, State::Silent { why }, now);
            }
            Word::Ahead { size } => gathering.contradicted(witness, State::Ahead { size }, now),
            Word::Beside { size } => gathering.is_beside(witness, size, now),
        }
    }
}

async fn ask_one(door: &Http, vkey: &Vkey, here: Here<'_>) -> Word {
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
            // Some answer so, instead of 422, to another tree of the size that they have. To a smaller one it makes no sense, and tells nothing.
            Answer::Size(size) if size == old_size && size == here.head.size => {
                return Word::Beside { size };
            }
            Answer::Size(size) if size == old_size => return Word::Silent,
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
