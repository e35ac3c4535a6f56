//! The one writer. Its story, in order, is [`commit`]: win, apply, sign, publish, answer. While one batch is written the next is planned.
//!
//! Five rules: no signature before the win; no receipt before signed and durable; one `apply` for running and recovery; a full queue is the
//! poster's business (503); a failed fsync ends the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::erase;
use super::job::{Job, Outcome, Published};
use super::objects::{HEAD_BYTES_MAX, read_head};
use super::plan::{Plan, State, Tip};
use super::writing::{Why, Writing};
use super::{Head, Shared};
use crate::store::commit::{COMMIT_BYTES_MAX, Commit};
use crate::store::{Created, Store, StoreError};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::Note;
use crate::tlog::tile::{Growth, Tile};
use crate::trade::keys::KeyState;
use crate::trade::statement::{Body, Chain, Statement};
use crate::trade::time::Time;

/// Why the writer leaves off.
#[derive(Debug)]
pub(super) enum Exit {
    /// Nobody can post any more.
    Closed,
    /// What is planned is dropped; the state is read again from the store. The reason is for the operator.
    Reopen(String),
    /// Memory and disk can no longer be believed to agree, or the log contradicts the key.
    Stop(String),
}

/// Writes one batch after another until it must leave off.
pub(super) async fn run(
    shared: &Arc<Shared>,
    jobs: &mut mpsc::Receiver<Job>,
    mut state: State,
) -> Exit {
    let mut planned: Option<Planned> = None;
    let mut writing: Option<JoinHandle<Result<(), Exit>>> = None;
    loop {
        // Take what is already waiting: one batch carries it all.
        while !planned
            .as_ref()
            .is_some_and(|planned| planned.plan.is_full())
        {
            let Ok(job) = jobs.try_recv() else { break };
            take(shared, &mut planned, &state.tip, job);
        }
        if writing.is_none()
            && let Some(batch) = planned.take()
        {
            if batch.plan.is_empty() {
                continue;
            }
            // A witness has shown that going on would fork the log: what is not won yet is not won any more.
            if shared.cosigning.held.borrow().is_some() {
                batch
                    .waiting
                    .into_iter()
                    .for_each(|waiter| waiter.answer(Outcome::Unknown));
                return Exit::Reopen("writing is held".to_owned());
            }
            let sealed = seal(shared, &mut state, batch);
            writing = Some(tokio::spawn(commit(shared.clone(), sealed)));
            continue;
        }
        let idle = writing.is_none();
        let room = !planned
            .as_ref()
            .is_some_and(|planned| planned.plan.is_full());
        let written = async {
            match &mut writing {
                Some(task) => task.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            outcome = written => {
                writing = None;
                let exit = match outcome {
                    Ok(Ok(())) => continue,
                    Ok(Err(exit)) => exit,
                    Err(panic) => Exit::Stop(format!("writing a batch panicked: {panic}")),
                };
                // What was planned on top of a batch that is not in the log never was.
                if let Some(batch) = planned {
                    batch.waiting.into_iter().for_each(|waiter| waiter.answer(Outcome::Unknown));
                }
                return exit;
            }
            () = shared.reopen.notified(), if idle => {
                if let Some(batch) = planned {
                    batch.waiting.into_iter().for_each(|waiter| waiter.answer(Outcome::Unknown));
                }
                return Exit::Reopen("the query index must be rebuilt".to_owned());
            }
            job = jobs.recv(), if room => match job {
                Some(job) => take(shared, &mut planned, &state.tip, job),
                None => match writing {
                    // Finish what is begun: its posters may still wait.
                    Some(task) => return match task.await {
                        Ok(Err(exit)) => exit,
                        _ => Exit::Closed,
                    },
                    None => return Exit::Closed,
                },
            },
        }
        // Let the posts that arrived together be planned together.
        if writing.is_none() {
            tokio::task::yield_now().await;
        }
    }
}

/// A batch in the making and who waits for it.
struct Planned {
    plan: Plan,
    statements: Vec<Statement>,
    waiting: Vec<Waiter>,
}

struct Waiter {
    index: u64,
    reply: oneshot::Sender<Outcome>,
}

impl Waiter {
    /// Nobody may be listening any more; the record stands all the same.
    fn answer(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
    }
}

/// Plans one job, or answers why not.
fn take(shared: &Shared, planned: &mut Option<Planned>, tip: &Tip, job: Job) {
    let batch = planned.get_or_insert_with(|| {
        let now = shared
            .clock
            .now()
            .unwrap_or_else(|_| tip.time.unwrap_or(Time::MIN));
        Planned {
            plan: Plan::begin(tip.clone(), now),
            statements: Vec::new(),
            waiting: Vec::new(),
        }
    });
    let Job {
        statement,
        looked_up,
        view,
        reply,
    } = job;
    let mut recent = shared.posts.recent();
    let outcome = (|| {
        // It is in the log already, or on its way there under a batch of which nobody knows yet whether it landed.
        if recent.has(&statement.id()) {
            return Err(Outcome::Known);
        }
        if let Some(id) = looked_up.same_reference(&recent, &statement) {
            return Err(Outcome::ReferenceTaken { id });
        }
        let past = looked_up.past(&recent, &statement);
        batch
            .plan
            .push(&statement, &past)
            .map_err(|fault| Outcome::Refused(Box::new(fault)))
    })();
    if let Ok(index) = outcome {
        recent.add(index, &statement);
    }
    view.close(&mut recent);
    drop(recent);
    match outcome {
        Ok(index) => {
            batch.statements.push(statement);
            batch.waiting.push(Waiter { index, reply });
        }
        Err(outcome) => {
            let _ = reply.send(outcome);
        }
    }
}

/// A planned batch with its commit object and everything the commit will write.
struct Sealed {
    commit: Commit,
    bytes: Bytes,
    growth: Arc<Growth>,
    keys: KeyState,
    changes_keys: bool,
    orders: Vec<(u64, Statement)>,
    time: Time,
    waiting: Vec<Waiter>,
}

/// Computes the tree after the batch and the commit object. The state moves on to it: the next batch is planned on top.
fn seal(shared: &Shared, state: &mut State, planned: Planned) -> Sealed {
    let time = planned.plan.time();
    let (entries, leaf_hashes, tip) = planned.plan.finish();
    let growth = state.edge.append(&entries);
    // Two independent passes over the bytes to be stored must agree before anything is signed: a flipped bit in memory has killed logs.
    for (index, planned_hash) in (growth.old.size..).zip(&leaf_hashes) {
        assert!(
            growth.leaf_hash(index) == *planned_hash,
            "memory is failing: two hashes of record {index} differ"
        );
    }
    let statements = (growth.old.size..).zip(&planned.statements);
    let orders = statements
        .filter(|(_, statement)| *statement.body() == Body::Order)
        .map(|(index, statement)| (index, statement.clone()))
        .collect();
    let commit = Commit {
        origin: shared.config.origin.clone(),
        old: growth.old,
        new: growth.new,
        previous: state.previous,
        entries,
    };
    let bytes = commit.encode();
    state.previous = Hash::sha256(&bytes);
    state.tip = tip;
    Sealed {
        commit,
        bytes,
        growth: Arc::new(growth),
        keys: state
            .tip
            .keys
            .clone()
            .expect("a planned batch begins with genesis or follows it"),
        changes_keys: planned
            .statements
            .iter()
            .any(|statement| *statement.chain() == Chain::Keys),
        orders,
        time,
        waiting: planned.waiting,
    }
}

/// One batch, from planned to answered.
async fn commit(shared: Arc<Shared>, sealed: Sealed) -> Result<(), Exit> {
    let Sealed {
        commit,
        bytes,
        growth,
        keys,
        changes_keys,
        orders,
        time,
        waiting,
    } = sealed;
    let mut waiting = Some(waiting);
    let mut answer_all = |outcome: fn() -> Outcome| {
        waiting
            .take()
            .into_iter()
            .flatten()
            .for_each(|waiter: Waiter| waiter.answer(outcome()));
    };

    // 0. What is written goes by name: into the folders that were opened, or nowhere.
    if let Err(exit) = in_place(&shared).await {
        answer_all(|| Outcome::DiskFailed);
        return Err(exit);
    }

    // 1. Win the slot. This is the commit point: before it nothing has happened, after it the records are in the log.
    let name = Commit::name(commit.old.size);
    let (mut pause, mut waited) = (WIN_PAUSE_FIRST, false);
    loop {
        match shared.store.create(&name, bytes.clone()).await {
            Ok(Created::Mine) => break,
            Ok(Created::Other(_)) => {
                answer_all(|| Outcome::Unknown);
                return Err(Exit::Reopen(format!("another writer holds {name}")));
            }
            Err(failure) if failure.is_full() => {
                answer_all(|| Outcome::DiskFull);
                return Err(Exit::Reopen(crate::chain_of(&failure)));
            }
            Err(failure @ StoreError::Sync { .. }) => {
                answer_all(|| Outcome::Unknown);
                return Err(Exit::Stop(crate::chain_of(&failure)));
            }
            // On a disk of our own a failed write is a failing disk: nothing that follows could be believed. It was read back and is not
            // there, and nobody else writes here.
            Err(failure @ StoreError::Write { .. }) if !shared.store.is_shared() => {
                answer_all(|| Outcome::DiskFailed);
                return Err(Exit::Stop(crate::chain_of(&failure)));
            }
            Err(failure) if !shared.store.is_shared() => {
                answer_all(|| Outcome::Unknown);
                return Err(Exit::Stop(crate::chain_of(&failure)));
            }
            // Unknown: it may still land. The same bytes again, and nothing else is ever planned for this slot by us.
            Err(failure) => {
                answer_all(|| Outcome::Unknown);
                // Posts that come now would only wait: they are told so.
                shared.set_writing(Writing::Waiting {
                    why: Why::Store,
                    reason: format!(
                        "not known whether {name} landed, the same bytes are sent again: {}",
                        crate::chain_of(&failure)
                    ),
                });
                waited = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(WIN_PAUSE_MAX);
            }
        }
    }

    if waited && !shared.indexing.damaged.load(Ordering::Acquire) {
        shared.set_writing(Writing::Yes);
    }

    // 2. Apply: the tiles and bundles follow from the commit alone; not synced here, the commit is kept until they are.
    let erased: BTreeSet<u64> = keys
        .erasures()
        .map(|erasure| erasure.erasure.index)
        .collect();
    //    Beside it, last-signed: what is won may be signed, and only that. Both are done before anything is.
    let (applied, advanced) = tokio::join!(
        apply(&shared.log, &growth.objects, &erased),
        advance(&shared, growth.new)
    );
    // 3. Sign, and 4. publish. The root was recomputed from the entries above.
    let published = match applied.and(advanced) {
        Ok(()) => publish_head(&shared, growth.new, Some(time), &keys).await,
        Err(exit) => Err(exit),
    };
    // Looked at again: what was exchanged between is acknowledged to nobody.
    let published = match published {
        Ok(head) => in_place(&shared).await.map(|()| head),
        Err(exit) => Err(exit),
    };
    let head = match published {
        Ok(head) => head,
        Err(exit) => {
            // It is in the log all the same; opening again finishes it. The poster learns that by posting again.
            answer_all(|| Outcome::Unknown);
            return Err(exit);
        }
    };

    // 5. Answer. From here on readers may see it.
    *shared.keys_mut() = keys.clone();
    shared.publish(head.tree.size, head.clone());
    shared.add_orders(&orders, time, &keys);
    let batch = Arc::new(Published {
        growth,
        entries: commit.entries.clone(),
        time,
        head,
        keys: keys.clone(),
    });
    for waiter in waiting.take().into_iter().flatten() {
        let index = waiter.index;
        waiter.answer(Outcome::Logged {
            batch: batch.clone(),
            index,
        });
    }
    if changes_keys && keys.erasures().next().is_some() {
        erase::run(&shared, &keys).await;
    }
    // Another writer of a shared store may have gone on from my batch while I was publishing it; my `head` may then have replaced his newer
    // one, which opening again puts right.
    if shared.store.is_shared()
        && matches!(
            shared
                .store
                .read(&Commit::name(commit.new.size), COMMIT_BYTES_MAX)
                .await,
            Ok(Some(_)) | Err(_)
        )
    {
        return Err(Exit::Reopen("another writer goes on from here".to_owned()));
    }
    Ok(())
}

const WIN_PAUSE_FIRST: Duration = Duration::from_millis(20);
const WIN_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Writes the objects of a committed batch; running and recovery both come here. What follows from a committed entry is right whatever stands
/// there: an object of other bytes was torn by a power cut, or written by a batch that never came to be, and is replaced.
pub(super) async fn apply(
    log: &Store,
    objects: &[(Tile, Vec<u8>)],
    erased: &BTreeSet<u64>,
) -> Result<(), Exit> {
    let writes = objects.iter().map(|(tile, bytes)| async move {
        let name = tile.path();
        let bytes = erase::without(tile, bytes, erased);
        match log
            .create_lazily(&name, bytes.clone())
            .await
            .map_err(failed_after_win)?
        {
            Created::Mine => Ok(()),
            Created::Other(_) => {
                tracing::warn!(
                    name,
                    "an object that does not follow from its records is replaced"
                );
                log.put_lazily(&name, bytes).await.map_err(failed_after_win)
            }
        }
    });
    futures_util::future::try_join_all(writes).await.map(|_| ())
}

/// The batch is won whatever fails now; opening again does what is missing.
fn failed_after_win(failure: StoreError) -> Exit {
    match failure {
        StoreError::Sync { .. } => Exit::Stop(crate::chain_of(&failure)),
        _ => Exit::Reopen(crate::chain_of(&failure)),
    }
}

/// Makes it durable that `tree`, which follows from won commits alone, may have been signed.
pub(super) async fn advance(shared: &Arc<Shared>, tree: Tree) -> Result<(), Exit> {
    on_disk(shared, move |shared| shared.last_signed().advance(&tree)).await
}

/// Whether the folders of the data still stand where they stood: moved, unmounted or restored underneath, they would be made anew, and what is
/// acknowledged would lie in two places or in none.
async fn in_place(shared: &Arc<Shared>) -> Result<(), Exit> {
    on_disk(shared, |shared| shared.places.check()).await
}

/// Work that waits for the disk, whose failure ends the process.
async fn on_disk<E: std::error::Error + Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<(), E> + Send + 'static,
) -> Result<(), Exit> {
    let shared = shared.clone();
    let done = tokio::task::spawn_blocking(move || work(&shared));
    done.await
        .map_err(|panic| Exit::Stop(panic.to_string()))?
        .map_err(|failure| Exit::Stop(crate::chain_of(&failure)))
}

/// Signs `tree`, for which [`advance`] has returned, and publishes it as `head`. Not synced: opening signs the newest commit again, and
/// gets the same bytes.
pub(super) async fn publish_head(
    shared: &Arc<Shared>,
    tree: Tree,
    time: Option<Time>,
    keys: &KeyState,
) -> Result<Arc<Head>, Exit> {
    // `head` is a plain put: never one that is smaller than what is read. Somebody who is further on has published my records with his.
    if shared.store.is_shared() {
        match read_head(shared).await {
            Ok(Some(there)) if there.tree.size > tree.size => {
                return Err(Exit::Reopen("overtaken by another writer".to_owned()));
            }
            Ok(_) => {}
            Err(failure) if failure.may_pass() => {
                return Err(Exit::Reopen(crate::chain_of(&failure)));
            }
            Err(failure) => return Err(Exit::Stop(crate::chain_of(&failure))),
        }
    }
    let checkpoint = Checkpoint::new(&shared.config.origin, tree);
    let text = checkpoint.encode();
    let signers = shared.config.signers();
    let signatures: Vec<_> = signers
        .filter(|signer| keys.log_key_signs(signer.vkey(), tree.size))
        .map(|signer| signer.sign(&text))
        .collect();
    if signatures.is_empty() {
        let reason = "the log names none of the keys that this process has as a log key in force";
        return Err(Exit::Stop(reason.to_owned()));
    }
    let note = Note { text, signatures }.encode();
    if let Err(failure) = shared
        .log
        .put_lazily("head", Bytes::from(note.clone()))
        .await
    {
        // Opening writes what is there already: that the disk has no room for it again keeps nobody from reading.
        let there = shared.log.read("head", HEAD_BYTES_MAX).await;
        let is_there = matches!(&there, Ok(Some(there)) if *there == note.as_bytes());
        if !(failure.is_full() && is_there) {
            return Err(failed_after_win(failure));
        }
    }
    Ok(Arc::new(Head { tree, note, time }))
}
