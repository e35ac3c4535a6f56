//! The running log. [`Ledger`] is its handle: post a statement, read a record, get a receipt.
//!
//! Promises 1 to 4 of the design stand here: a receipt only for a record that is durable and under a signed checkpoint; no two trees of one
//! size are ever signed; the log's objects are the truth and the index never is; only log rules are enforced for ever.
//!
//! Reading order: [`plan`] (which records, pure), [`writer`] (plan, win, apply, sign, publish), [`recover`] (opening is recovering),
//! [`admission`] (what happens to a post before the queue), [`cosign`] (the witnesses), [`publish`] and [`collect`] and
//! [`follow`] (what goes on behind).

mod admission;
pub mod clock;
mod clock_source;
mod collect;
mod config;
mod cosign;
mod disk;
mod erase;
mod follow;
pub mod holder;
pub mod index;
mod job;
pub mod last_signed;
mod objects;
mod open_error;
mod openings;
mod places;
mod plan;
mod post_error;
mod publish;
mod query;
mod query_error;
mod recent;
mod recover;
mod showing;
mod supervise;
mod writer;
mod writing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{mpsc, watch};

pub use admission::{Posted, Terms, Wait};
pub use cosign::{DELIVERY_BYTES_MAX, Delivered, DeliveryError, WitnessStatus, Witnesses};
pub use disk::Lacking;
pub use open_error::OpenError;
pub use places::{Place, Places};
pub use post_error::PostError;
pub use query::{ChainRecords, EntryView};
pub use query_error::QueryError;
pub use showing::{DocumentShowing, RecordShowing, WithheldItem};

pub use config::{Config, OperatorWord};
pub use recent::INDEX_LAG_MAX;
pub use writing::{Why, Writing};

use crate::store::{LogReader, Store};
use crate::tlog::merkle::{Hash, Tree};
use crate::trade::keys::KeyState;
use crate::trade::time::Time;
use crate::trade::vocabulary::Vocabulary;
use clock::{Clock, ClockFault};
use clock_source::ClockSource;
use cosign::{Chosen, Gathering};
use disk::DiskWatch;
use index::Index;
use job::Job;
use last_signed::LastSigned;
use recent::Recent;

/// The newest tree that the log key has signed, and the note that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Size and root hash.
    pub tree: Tree,
    /// The checkpoint, signed by the log alone.
    pub note: String,
    /// Time of its last record.
    pub time: Option<Time>,
}

/// A running ledger. Cheap to clone; the last clone dropped ends the writer after the batch in hand.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
}

/// What the writer, the posts and the readers share.
///
/// Order of the locks: `indexing.turn`, then one of `openings.turns`, then `openings.told`, then `posts.recent`; each of the others, and the
/// watch channels, last and alone. None of the std locks is held across a read or write of store or index, save `last_signed`, which nobody but
/// the writer takes, and `openings.told` while an order takes effect.
struct Shared {
    pub config: Config,
    pub store: Store,
    pub log: Store,
    pub reader: LogReader,
    pub clock: ClockSource,
    pub last_signed: Mutex<LastSigned>,
    pub keys: RwLock<KeyState>,
    pub heads: Heads,
    pub cosigning: Cosigning,
    pub openings: Openings,
    pub posts: Posts,
    pub indexing: Indexing,
    pub writing: watch::Sender<Writing>,
    pub reopen: tokio::sync::Notify,
    pub disk: DiskWatch,
    pub places: holder::Places,
    pub _locks: holder::Locks,
    /// Dropped last, as fields are in the order above: whoever watches it knows that index and lock are free.
    pub released: watch::Sender<()>,
}

/// What has been signed and published.
struct Heads {
    /// The newest signed tree.
    pub head: watch::Sender<Arc<Head>>,
    pub checkpoint: watch::Sender<Option<Arc<Head>>>,
    /// What `checkpoint` should be.
    pub chosen: watch::Sender<Option<Chosen>>,
    /// The size of the newest published checkpoint that met the policy.
    pub met_size: watch::Sender<u64>,
    /// Sizes of the checkpoints that are kept for ever, ascending.
    pub kept: RwLock<Vec<u64>>,
}

/// What is known of witnesses and their lines.
struct Cosigning {
    pub gathering: Mutex<Gathering>,
    /// Wakes the loop that asks them.
    pub woken: Arc<tokio::sync::Notify>,
    /// Why nothing may be written, by a witness's word.
    pub held: watch::Sender<Option<String>>,
}

/// What may be shown.
struct Openings {
    /// By which orders something is withheld or erased.
    pub told: RwLock<showing::Told>,
    /// One at a time reads and rewrites the openings of a statement.
    pub turns: Box<[tokio::sync::Mutex<()>]>,
}

/// Records and posts that the index does not know yet.
struct Posts {
    pub recent: Mutex<Recent>,
    /// Statements that are being written, and how to hear of their end.
    pub in_flight: Mutex<std::collections::HashMap<Hash, watch::Receiver<bool>>>,
}

/// The query index and whoever feeds it.
struct Indexing {
    pub index: Index,
    /// How many records it reflects.
    pub size: watch::Sender<u64>,
    /// Held by whoever writes into it, for as long as it takes.
    pub turn: tokio::sync::Mutex<()>,
    /// Why it does not follow, if it does not.
    pub behind: Mutex<Option<String>>,
    /// It cannot be read or written now, and is to be opened again.
    pub failed: AtomicBool,
    /// It contradicts itself, and is to be begun anew.
    pub damaged: AtomicBool,
}

impl Heads {
    pub fn kept(&self) -> RwLockReadGuard<'_, Vec<u64>> {
        self.kept.read().expect("no panic while holding kept")
    }

    pub fn kept_mut(&self) -> RwLockWriteGuard<'_, Vec<u64>> {
        self.kept.write().expect("no panic while holding kept")
    }
}

impl Cosigning {
    pub fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering
            .lock()
            .expect("no panic while holding gathering")
    }
}

impl Openings {
    pub fn told(&self) -> RwLockReadGuard<'_, showing::Told> {
        self.told.read().expect("no panic while holding told")
    }

    pub fn told_mut(&self) -> RwLockWriteGuard<'_, showing::Told> {
        self.told.write().expect("no panic while holding told")
    }
}

impl Posts {
    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().expect("no panic while holding recent")
    }

    pub fn in_flight(
        &self,
    ) -> MutexGuard<'_, std::collections::HashMap<Hash, watch::Receiver<bool>>> {
        self.in_flight
            .lock()
            .expect("no panic while holding in_flight")
    }
}

impl Indexing {
    /// Why it does not follow, if it does not.
    pub fn behind(&self) -> Option<String> {
        self.behind_mut().clone()
    }

    /// Told once when it begins and once when it ends.
    pub fn set_behind(&self, why: Option<String>) {
        let before = std::mem::replace(&mut *self.behind_mut(), why.clone());
        match (before, why) {
            (None, Some(failure)) => tracing::error!(
                failure,
                "the query index does not follow; posts and reads go on, and it is tried again"
            ),
            (Some(_), None) => tracing::warn!("the query index follows again"),
            _ => {}
        }
    }

    fn behind_mut(&self) -> MutexGuard<'_, Option<String>> {
        self.behind.lock().expect("no panic while holding behind")
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.config.origin)
            .field("head", &*self.heads.head.borrow())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub fn head(&self) -> Arc<Head> {
        self.heads.head.borrow().clone()
    }

    /// From here on the records below `size` are found, and `head` covers them: both under one lock, so that nobody is ever told the index of
    /// a record that there is no receipt for yet. Whoever sees the new head and looks for its records waits for the lock.
    pub fn publish(&self, size: u64, head: Arc<Head>) {
        let mut recent = self.posts.recent();
        recent.publish(size);
        self.heads.head.send_replace(head);
    }

    /// The state first: whatever becomes of the log line, everybody sees it. Once stopped, it stays so.
    pub fn set_writing(&self, writing: Writing) {
        let is_new = self.writing.send_if_modified(|before| {
            let changes = *before != writing && !matches!(before, Writing::Stopped { .. });
            if changes {
                before.clone_from(&writing);
            }
            changes
        });
        match writing {
            Writing::Waiting { reason, .. } if is_new => {
                tracing::warn!(reason, "not writing for now")
            }
            Writing::Stopped { reason } if is_new => tracing::error!(reason, "stopped writing"),
            _ => {}
        }
    }

    /// Has the index begun anew: the writer opens the log again. Until then no post is judged by it.
    pub fn damaged_index(&self) {
        if !self.indexing.damaged.swap(true, Ordering::AcqRel) {
            self.set_writing(Writing::Waiting {
                why: Why::IndexDamaged,
                reason: "the query index is damaged and is being rebuilt".to_owned(),
            });
            self.reopen.notify_one();
        }
    }

    pub fn keys(&self) -> RwLockReadGuard<'_, KeyState> {
        self.keys.read().expect("no panic while holding the keys")
    }

    pub fn keys_mut(&self) -> RwLockWriteGuard<'_, KeyState> {
        self.keys.write().expect("no panic while holding the keys")
    }

    pub fn last_signed(&self) -> MutexGuard<'_, LastSigned> {
        self.last_signed
            .lock()
            .expect("no panic while holding last-signed")
    }
}

/// Runs a task whose death nobody else would see: if it panics, the ledger stops, and with it the process. Its end without a panic is its own
/// business: it has said so, or the ledger is gone.
fn watched(
    shared: &Arc<Shared>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let (weak, task) = (Arc::downgrade(shared), tokio::spawn(task));
    tokio::spawn(async move {
        let Err(ended) = task.await else { return };
        if let Some(shared) = weak.upgrade().filter(|_| ended.is_panic()) {
            shared.set_writing(Writing::Stopped {
                reason: format!("{name} panicked: {ended}"),
            });
        }
    });
}

impl Ledger {
    /// Makes a new log whose first records are `notes` (genesis first), and opens it.
    ///
    /// # Errors
    /// [`OpenError::Exists`] if there is one already; otherwise as [`Ledger::open`].
    pub async fn create(
        store: Store,
        config: Config,
        clock: Clock,
        notes: &[Vec<u8>],
    ) -> Result<Ledger, OpenError> {
        recover::create(&store, &config, &clock, notes).await?;
        Ledger::open(store, config, clock).await
    }

    /// Opens the log in `store` (`log/`, `commit/`, … under it): recovers whatever a crash left, then takes posts.
    ///
    /// # Errors
    /// [`OpenError`] says what was found, what was wanted and what to do.
    pub async fn open(store: Store, config: Config, clock: Clock) -> Result<Ledger, OpenError> {
        let (shared, tip, doors) = recover::open(store, config, clock).await?;
        let (queue, jobs) = mpsc::channel(shared.config.queue_max);
        let shared = Arc::new(shared);
        let weak = || Arc::downgrade(&shared);
        if shared.config.follow {
            follow::spawn(&shared).map_err(OpenError::Thread)?;
        }
        watched(
            &shared,
            "the writer",
            supervise::supervise(shared.clone(), jobs, tip),
        );
        watched(
            &shared,
            "gathering cosignatures",
            cosign::run(weak(), doors),
        );
        watched(&shared, "publishing checkpoints", publish::run(weak()));
        watched(&shared, "collecting commits", collect::run(weak()));
        watched(
            &shared,
            "destroying what was erased",
            showing::destroy_again(weak()),
        );
        Ok(Ledger { shared, queue })
    }

    /// Lets go of the ledger and waits until its folder's lock is free, if this was the last handle; at most a minute.
    pub async fn close(self) {
        // Not the count of handles: it is 0 when the last one begins to let go, and the index still has to be flushed.
        let mut released = self.shared.released.subscribe();
        drop(self);
        let gone = async { while released.changed().await.is_ok() {} };
        // A sync that is under way takes as long as the disk has other people's bytes to write first: over 10 s was seen.
        if tokio::time::timeout(std::time::Duration::from_secs(60), gone)
            .await
            .is_err()
        {
            tracing::warn!("the ledger is still held by somebody else");
        }
    }

    /// A handle for what goes on behind: its queue leads nowhere.
    fn reading(shared: Arc<Shared>) -> Ledger {
        let (queue, _) = mpsc::channel(1);
        Ledger { shared, queue }
    }

    /// The log's identity line.
    pub fn origin(&self) -> &str {
        &self.shared.config.origin
    }

    /// The words that the door checks by.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.shared.config.vocabulary
    }

    /// The newest signed tree.
    pub fn head(&self) -> Arc<Head> {
        self.shared.heads.head.borrow().clone()
    }

    /// Waits until the head covers more than `size` records; `false` if the ledger ended first.
    pub async fn grown(&self, size: u64) -> bool {
        let mut head = self.shared.heads.head.subscribe();
        head.wait_for(|head| head.tree.size > size).await.is_ok()
    }

    /// The newest checkpoint that meets the policy, if there is one yet.
    pub fn checkpoint(&self) -> Option<Arc<Head>> {
        self.shared.heads.checkpoint.borrow().clone()
    }

    /// Which keys are in force at the head.
    pub fn keys(&self) -> KeyState {
        self.shared.keys().clone()
    }

    /// Whether posts are taken.
    pub fn writing(&self) -> Writing {
        let writing = self.shared.writing.borrow().clone();
        let held = self.shared.cosigning.held.borrow().clone();
        match (writing, held) {
            (Writing::Yes | Writing::Waiting { .. }, Some(reason)) => Writing::Held { reason },
            (writing, _) => writing,
        }
    }

    /// Whether a post would be taken now, as far as that does not depend on the post.
    ///
    /// # Errors
    /// What it would be refused with.
    pub fn ready(&self) -> Result<(), PostError> {
        self.shared.may_write()?;
        match self.queue.is_closed() || self.queue.capacity() > 0 {
            true => Ok(()),
            false => Err(PostError::QueueFull),
        }
    }

    /// What of the clock was believed all the same, without a witness to ask: for whoever looks after the ledger.
    pub fn clock_warning(&self) -> Option<ClockFault> {
        self.shared.clock.warning()
    }

    /// Why the query index does not follow the log, if it does not: look-ups by project or id then answer for fewer records.
    pub fn index_behind(&self) -> Option<String> {
        self.shared.indexing.behind()
    }

    /// Waits until the ledger has stopped for good, and says why. The process should then end.
    pub async fn stopped(&self) -> String {
        let mut writing = self.shared.writing.subscribe();
        loop {
            if let Writing::Stopped { reason } = &*writing.borrow_and_update() {
                return reason.clone();
            }
            if writing.changed().await.is_err() {
                return "the writer ended".to_owned();
            }
        }
    }

    /// Records that the query index reflects.
    pub fn index_size(&self) -> u64 {
        *self.shared.indexing.size.borrow()
    }

    /// Waits until the query index reflects at least `size` records.
    pub async fn index_reached(&self, size: u64) {
        let mut index_size = self.shared.indexing.size.subscribe();
        let _ = index_size.wait_for(|reached| *reached >= size).await;
    }

    /// Bytes that the query index takes on disk.
    pub fn index_disk_bytes(&self) -> u64 {
        self.shared.indexing.index.disk_bytes()
    }

    /// Where the objects are.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Reads records and proofs, authenticated.
    pub fn reader(&self) -> &LogReader {
        &self.shared.reader
    }
}

#[cfg(test)]
mod tests;
