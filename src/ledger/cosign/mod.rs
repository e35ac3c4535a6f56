//! Gathering cosignatures: the newest head goes to all witnesses at once, and when the policy is met it becomes `checkpoint`.
//!
//! Runs beside the writer; no post and no receipt waits for it (`?wait=witnessed` waits for its result). One request a witness is under
//! way at a time, each with its limits, so that a dead witness costs nothing but its own line.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`gather`] | whom to ask for what, whose word counts, what is published: pure |
//! | [`rounds`] | the checkpoints that lines are gathered for: pure |
//! | [`seats`] | each witness and what it last did: pure |
//! | [`wire`] | the one door to witnesses |
//! | [`alarm`] | what a witness has against us, and the file that says so |
//! | [`status`] | the same for people |
//! | [`guard`] | opening without last-signed: the witnesses are asked first |
//!
//! Putting `checkpoint` is [`super::publish`]'s.

mod alarm;
mod gather;
pub(super) mod guard;
mod rounds;
mod seats;
mod status;
mod wire;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;

pub(super) use gather::{Chosen, Gathering};
pub use status::{WitnessStatus, Witnesses};

use super::clock::Reading;
use super::objects;
use super::query_error::QueryError;
use super::{Head, Ledger, Shared};
use crate::store::{Http, HttpError};
use crate::tlog::checkpoint::{Checkpoint, CheckpointError};
use crate::tlog::cosignature;
use crate::tlog::merkle::Tree;
use crate::tlog::note::{Note, NoteError};
use crate::tlog::policy::Policy;
use crate::tlog::witness::AddCheckpoint;
use crate::trade::time::Time;
use alarm::Finding;
use gather::{Alarm, Answer, Ask, Came, Overdue, Uncounted};
use status::State;

/// A delivery has a few lines; notes of other logs may be longer, and are not for us.
pub const DELIVERY_BYTES_MAX: usize = 64 << 10;
/// Between two looks at what is due, while there is somebody to ask.
const LOOK: Duration = Duration::from_millis(250);
/// The head is put before it is told within the process: a witness that read it from the file may be this much ahead of us.
const HEAD_WAIT: Duration = Duration::from_secs(2);

/// What became of delivered lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Names, in the policy, of the witnesses whose lines were good.
    pub witnesses: Vec<String>,
    /// Whether they are counted: their checkpoint is one that waits for lines.
    pub counted: bool,
    /// Its tree.
    pub tree: Tree,
    /// Whether a checkpoint of at least this size meets the policy.
    pub met: bool,
}

/// Why a delivery is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The policy has no witnesses.
    #[error("this ledger gathers no cosignatures: its policy names no witness")]
    NotGathering,
    /// Not a signed note.
    #[error("the body is not a signed note")]
    Note(#[source] NoteError),
    /// Not a checkpoint.
    #[error("the note is not a checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// Another log, or extension lines.
    #[error("the checkpoint is of {found:?}, wanted one of {wanted:?} without extension lines")]
    Origin {
        /// As found.
        found: String,
        /// This ledger.
        wanted: String,
    },
    /// Nobody whom the policy names.
    #[error("no line is by a witness of this ledger's policy")]
    Stranger,
    /// A line by a witness that does not verify.
    #[error("the line by {witness} does not verify over this checkpoint")]
    Signature {
        /// Its name in the policy.
        witness: String,
    },
    /// A time that cannot be.
    #[error(
        "the line by {witness} is dated {off_s} s from this ledger's clock, or before the tree was made"
    )]
    Clock {
        /// Its name in the policy.
        witness: String,
        /// Positive: in the future.
        off_s: i64,
    },
    /// More records than there are.
    #[error("{witness} has cosigned {size} records, this ledger has {head}")]
    Ahead {
        /// Its name in the policy.
        witness: String,
        /// In the note.
        size: u64,
        /// Here.
        head: u64,
    },
    /// Another tree of this size.
    #[error("{witness} has cosigned another tree of {size} records than this ledger's")]
    Fork {
        /// Its name in the policy.
        witness: String,
        /// Of both.
        size: u64,
    },
    /// The tree of that size cannot be computed now.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// The witnesses that can be asked, by their place in the policy.
///
/// # Errors
/// [`HttpError::Url`] if a URL of the policy is none.
pub(super) fn doors(policy: &Policy) -> Result<Vec<Option<Http>>, HttpError> {
    let urls = policy.witnesses().iter().map(|witness| &witness.url);
    urls.map(|url| url.as_deref().map(wire::door).transpose())
        .collect()
}

/// Runs until the ledger is gone.
pub(super) async fn run(weak: Weak<Shared>, doors: Vec<Option<Http>>) {
    let Some((mut head, told)) = weak.upgrade().map(|shared| {
        (
            shared.heads.head.subscribe(),
            shared.cosigning.woken.clone(),
        )
    }) else {
        return;
    };
    // Without any witness nothing falls due by time alone.
    let timed = !doors.is_empty();
    let mut watch = LagWatch::default();
    let (answers, mut answered) = mpsc::channel::<(Ask, Answer)>(doors.len().max(1));
    loop {
        {
            let Some(shared) = weak.upgrade() else { return };
            let newest = head.borrow_and_update().clone();
            let now = (shared.clock.clock)();
            let asks = shared.gathering().tick(&newest, now);
            for ask in asks {
                let door = doors[ask.witness]
                    .clone()
                    .expect("only those with a door are asked");
                tokio::spawn(ask_one(weak.clone(), door, ask, answers.clone()));
            }
            settle(&shared, &newest, now);
            watch.look(&shared, now);
        }
        let pause = async {
            match timed {
                true => tokio::time::sleep(LOOK).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            Some((ask, answer)) = answered.recv() => {
                let Some(shared) = weak.upgrade() else { return };
                take_answer(&shared, &weak, &doors, &ask, answer).await;
            }
            () = told.notified() => {}
            () = pause => {}
        }
    }
}

/// Says in the operator's log that the witnessed checkpoint lags, once when it begins and once when it ends.
#[derive(Default)]
struct LagWatch {
    told: Option<bool>,
}

impl LagWatch {
    fn look(&mut self, shared: &Shared, now: Reading) {
        let overdue = shared.gathering().overdue(now);
        let told = overdue.map(|overdue| overdue.witnesses_answer);
        if told == self.told {
            return;
        }
        self.told = told;
        match overdue {
            Some(Overdue {
                lag_s,
                witnesses_answer: true,
            }) => tracing::error!(
                lag_s,
                "enough witnesses answer, and the newest records are not cosigned all the same: the fault is in this ledger; start it again and report it"
            ),
            Some(Overdue { lag_s, .. }) => tracing::warn!(
                lag_s,
                "too few witnesses answer: the newest records are not cosigned; see /healthz for each of them"
            ),
            None => tracing::warn!("the newest records are cosigned again"),
        }
    }
}

/// Asks, and answers whatever becomes of it: a witness whose question was lost would never be asked again.
async fn ask_one(weak: Weak<Shared>, door: Http, ask: Ask, answers: mpsc::Sender<(Ask, Answer)>) {
    let answer = AssertUnwindSafe(ask_now(weak, door, &ask)).catch_unwind();
    let answer = answer
        .await
        .unwrap_or_else(|_| Answer::Failed("asking it panicked".to_owned()));
    // Nobody listens any more when the ledger is gone.
    let _ = answers.send((ask, answer)).await;
}

/// One request to one witness, with a proof from our own tiles.
async fn ask_now(weak: Weak<Shared>, door: Http, ask: &Ask) -> Answer {
    let proof = {
        let Some(shared) = weak.upgrade() else {
            return Answer::Failed("the ledger is closed".to_owned());
        };
        let (newest, reader) = (shared.head().tree, shared.reader.clone());
        drop(shared);
        match (ask.old_size, ask.head.tree.size) {
            (old, new) if old == 0 || old == new => Ok(Vec::new()),
            (old, new) => reader.prove_consistency(old, new, &newest).await,
        }
    };
    match proof {
        Ok(proof) => {
            let request = AddCheckpoint {
                old_size: ask.old_size,
                proof,
                checkpoint: ask.head.note.clone(),
            };
            wire::add_checkpoint(&door, &request).await
        }
        Err(failure) => Answer::Failed(crate::chain_of(&failure)),
    }
}

async fn take_answer(
    shared: &Arc<Shared>,
    weak: &Weak<Shared>,
    doors: &[Option<Http>],
    ask: &Ask,
    answer: Answer,
) {
    let mut head_size = shared.head().tree.size;
    if let Answer::Size(size) = &answer
        && *size > head_size
    {
        head_size = newest_size(shared, *size).await;
    }
    let now = (shared.clock.clock)();
    let alarm = shared.gathering().answered(ask, answer, head_size, now);
    if let (Some(alarm), Some(door)) = (alarm, &doors[ask.witness]) {
        tokio::spawn(investigate(weak.clone(), door.clone(), ask.clone(), alarm));
    }
}

/// The head's size, once it had a moment to be told; on a shared store another writer may be further on.
async fn newest_size(shared: &Arc<Shared>, wanted: u64) -> u64 {
    let mut head = shared.heads.head.subscribe();
    let reached = head.wait_for(|head| head.tree.size >= wanted);
    let _ = tokio::time::timeout(HEAD_WAIT, reached).await.map(|_| ());
    let here = shared.head().tree.size;
    if here < wanted && shared.store.is_shared() {
        let there = objects::read_head(shared).await;
        return there
            .ok()
            .flatten()
            .map_or(here, |there| there.tree.size.max(here));
    }
    here
}

/// Looks at what the witness has, keeps it, and says so in the operator's log.
async fn investigate(weak: Weak<Shared>, door: Http, ask: Ask, alarm: Alarm) {
    let Some((origin, name)) = weak.upgrade().map(|shared| {
        let gathering = shared.gathering();
        let policy = gathering.policy().expect("who is asked stands in a policy");
        let name = policy.witnesses()[ask.witness].name.clone();
        (shared.config.origin.clone(), name)
    }) else {
        return;
    };
    let shown = wire::seen(&door, &origin).await;
    let Some(shared) = weak.upgrade() else { return };
    let said = match &alarm {
        Alarm::Ahead { size } => format!("409 {size}"),
        Alarm::Disagrees { said } => said.clone(),
    };
    let vkeys = shared.config.log_vkeys();
    let head = shared.head();
    let finding = alarm::judge(&shared.reader, &head, &origin, &vkeys, shown.as_deref()).await;
    let (file, proved) = match finding {
        Finding::Forked { size, file } => (
            file,
            Some(format!(
                "witness {name} holds a checkpoint of {size} records that the log key has signed, and it is not this ledger's: there are two \
                 histories; see docs/operations.md, disaster"
            )),
        ),
        Finding::Restored { size, file } => (
            file,
            Some(format!(
                "witness {name} holds a checkpoint of {size} records that the log key has signed, there are {} here: the ledger was restored \
                 from an older copy; see docs/operations.md, restore",
                head.tree.size
            )),
        ),
        Finding::Same { size } => {
            tracing::warn!(
                witness = name,
                said,
                "the witness refuses, although it holds our tree of {size}: it is mistaken"
            );
            (
                alarm::dispute(&name, &ask.head.note, &said, shown.as_deref()),
                None,
            )
        }
        Finding::Unproved => (
            alarm::dispute(&name, &ask.head.note, &said, shown.as_deref()),
            None,
        ),
    };
    keep(&shared, &name, &said, &file);
    if let Some(proved) = proved {
        shared.gathering().prove(proved);
    }
    shared.cosigning.woken.notify_one();
}

fn keep(shared: &Shared, witness: &str, said: &str, file: &str) {
    match alarm::keep(&shared.config.keys_folder, file) {
        Ok(Some(path)) => tracing::error!(
            witness,
            said,
            evidence = %path.display(),
            "a witness does not agree with this ledger; what both hold is kept"
        ),
        Ok(None) => {}
        Err(failure) => tracing::error!(
            witness,
            said,
            %failure,
            "a witness does not agree with this ledger, and the evidence could not be kept"
        ),
    }
}

/// Tells the others what follows: the checkpoint to put, whether writing is held, whether the clock is vouched for.
fn settle(shared: &Shared, head: &Arc<Head>, now: Reading) {
    let mut gathering = shared.gathering();
    let (chosen, held) = (gathering.chosen(head, now), gathering.holds());
    let doubted_since_ms = shared.clock.doubted_since_ms();
    let clock = gathering.clock(doubted_since_ms.unwrap_or(i64::MIN), now);
    if doubted_since_ms.is_some() && clock.is_none() {
        gathering.hurry(now);
    }
    drop(gathering);
    if let Some(clock) = clock {
        shared.clock.told(clock);
    }
    shared.heads.chosen.send_if_modified(|before| {
        let changed = chosen.is_some() && *before != chosen;
        if changed {
            before.clone_from(&chosen);
        }
        changed
    });
    shared.cosigning.held.send_if_modified(|before| {
        let changed = *before != held;
        if changed {
            match &held {
                Some(reason) => tracing::error!(reason, "nothing is written any more"),
                None => tracing::warn!("the witness has taken it back: writing goes on"),
            }
            before.clone_from(&held);
        }
        changed
    });
}

impl Ledger {
    /// What a witness that comes by itself should cosign: the log's own note. `None` if this ledger gathers no cosignatures. Whoever asks moves
    /// nothing.
    pub fn to_cosign(&self) -> Option<Arc<Head>> {
        let shared = &self.shared;
        let head = shared.head();
        let gathering = shared.gathering();
        gathering.policy().filter(|p| !p.witnesses().is_empty())?;
        Some(gathering.to_cosign(&head))
    }

    /// Takes lines that were delivered: a note whose text is a checkpoint of this log, with lines of its witnesses. They count with all
    /// others.
    ///
    /// # Errors
    /// [`DeliveryError`]; nothing was counted then.
    pub async fn deliver(&self, bytes: &[u8]) -> Result<Delivered, DeliveryError> {
        let shared = &self.shared;
        let policy = shared.gathering().policy().cloned();
        let policy = policy
            .filter(|policy| !policy.witnesses().is_empty())
            .ok_or(DeliveryError::NotGathering)?;
        // 1. Strangers cost no arithmetic, and no look at the log.
        let note = Note::parse(bytes).map_err(DeliveryError::Note)?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(DeliveryError::Checkpoint)?;
        let tree = checkpoint.tree;
        if note.text != Checkpoint::new(&shared.config.origin, tree).encode() {
            return Err(DeliveryError::Origin {
                found: checkpoint.origin,
                wanted: shared.config.origin.clone(),
            });
        }
        let name = |at: usize| policy.witnesses()[at].name.clone();
        let mut lines = Vec::new();
        for line in &note.signatures {
            let named = policy.witnesses().iter().position(|w| line.names(&w.vkey));
            let Some(at) = named else { continue };
            let vkey = &policy.witnesses()[at].vkey;
            if cosignature::verify(vkey, &note.text, &line.bytes).is_none() {
                return Err(DeliveryError::Signature { witness: name(at) });
            }
            lines.push((at, line));
        }
        let Some((first, _)) = lines.first().copied() else {
            return Err(DeliveryError::Stranger);
        };
        // 2. Is it our tree? From here on a witness has signed for what it says.
        let size = newest_size_for(shared, tree.size).await;
        let contradicted = |state: State, said: &str| {
            let now = (shared.clock.clock)();
            shared.gathering().contradicted(first, state, now);
            let sent = shared.head().note.clone();
            keep(
                shared,
                &name(first),
                said,
                &alarm::dispute(&name(first), &sent, said, Some(bytes)),
            );
            shared.cosigning.woken.notify_one();
        };
        if tree.size > size {
            contradicted(State::Ahead { size: tree.size }, "delivered, ahead");
            return Err(DeliveryError::Ahead {
                witness: name(first),
                size: tree.size,
                head: size,
            });
        }
        let head = shared.head();
        if tree.size <= head.tree.size {
            let ours = shared.reader.tree_at(tree.size, &head.tree).await;
            if ours.map_err(QueryError::from)? != tree {
                contradicted(
                    State::Disagrees { size: tree.size },
                    "delivered, another tree",
                );
                return Err(DeliveryError::Fork {
                    witness: name(first),
                    size: tree.size,
                });
            }
        }
        // 3. Count.
        let now = (shared.clock.clock)();
        let (mut counted, mut witnesses) = (true, Vec::new());
        {
            let mut gathering = shared.gathering();
            if tree == head.tree {
                gathering.gather_for_head(&head);
            }
            for (at, line) in lines {
                match gathering.count(at, tree.size, line, Came::Delivered, now) {
                    Ok(()) => {}
                    Err(Uncounted::Past) => counted = false,
                    Err(Uncounted::Signature) => {
                        return Err(DeliveryError::Signature { witness: name(at) });
                    }
                    Err(Uncounted::Clock { off_s }) => {
                        return Err(DeliveryError::Clock {
                            witness: name(at),
                            off_s,
                        });
                    }
                }
                witnesses.push(name(at));
            }
        }
        shared.cosigning.woken.notify_one();
        let met = shared
            .gathering()
            .lag()
            .0
            .is_some_and(|met| met >= tree.size);
        Ok(Delivered {
            witnesses,
            counted,
            tree,
            met,
        })
    }

    /// The policy that its checkpoints are held to, if one was given.
    pub fn policy(&self) -> Option<Policy> {
        self.shared.gathering().policy().cloned()
    }

    /// How this ledger stands with its witnesses.
    pub fn witnesses(&self) -> Witnesses {
        let shared = &self.shared;
        let (head, now) = (shared.head().tree.size, (shared.clock.clock)());
        let gathering = shared.gathering();
        // What is published, not what is about to be: whoever reads this may fetch `checkpoint` next.
        let met_size = Some(*shared.heads.met_size.borrow()).filter(|size| *size > 0);
        let (_, since_ms) = gathering.lag();
        let policy = gathering.policy();
        let quorum = policy.map(|policy| policy.quorum_if(|_| false));
        let seats = policy
            .into_iter()
            .flat_map(Policy::witnesses)
            .zip(&gathering.seats);
        let others = policy.into_iter().flat_map(Policy::unsupported);
        let others = others.map(WitnessStatus::unsupported);
        let witnesses = seats
            .map(|(witness, seat)| {
                let (state, zh, en) = seat.last_seen.state.words(witness.url.is_none());
                let newest = seat.last_seen.newest;
                let time = newest.and_then(|(_, timestamp)| {
                    Time::from_ms(i64::try_from(timestamp).ok()?.checked_mul(1_000)?)
                });
                WitnessStatus {
                    name: witness.name.clone(),
                    vkey: witness.vkey.to_string(),
                    url: witness.url.clone(),
                    size: newest.map(|(size, _)| size),
                    time,
                    state,
                    zh,
                    en,
                }
            })
            .chain(others)
            .collect();
        let need = quorum.as_ref().map_or(0, |quorum| quorum.need);
        Witnesses {
            quorum: quorum.map_or_else(|| "none".to_owned(), |quorum| quorum.name),
            need,
            have: gathering.have(head),
            head_size: head,
            met_size: if need == 0 { Some(head) } else { met_size },
            lag_s: since_ms
                .filter(|_| need > 0)
                .map(|since_ms| (now.boot_ms - since_ms) / 1_000),
            fail_open_after_s: shared
                .config
                .fail_open_after
                .and_then(|after| i64::try_from(after.as_secs()).ok()),
            failing_open: gathering.fails_open(now),
            overdue: gathering.overdue(now).is_some(),
            witnesses_answer: gathering
                .overdue(now)
                .is_none_or(|one| one.witnesses_answer),
            held: shared.cosigning.held.borrow().clone(),
            witnesses,
        }
    }
}

async fn newest_size_for(shared: &Arc<Shared>, wanted: u64) -> u64 {
    let here = shared.head().tree.size;
    if wanted <= here {
        return here;
    }
    newest_size(shared, wanted).await
}

impl Shared {
    pub(super) fn gathering(&self) -> std::sync::MutexGuard<'_, Gathering> {
        self.cosigning.gathering()
    }
}

#[cfg(test)]
mod tests;
