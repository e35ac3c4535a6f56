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
mod collect;
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

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

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

use crate::store::{LogReader, Source, Store};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{Signer, Vkey};
use crate::tlog::policy::Policy;
use crate::trade::keys::KeyState;
use crate::trade::time::Time;
use crate::trade::vocabulary::Vocabulary;
use clock::{Clock, ClockFault, ClockGuard};
use cosign::{Chosen, Gathering};
use index::Index;
use last_signed::LastSigned;
use recent::Recent;

/// What the operator has said in person, because the ledger could not know it (`--operator-word`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperatorWord {
    /// "Nothing newer than what lies here was ever signed": last-signed is lost or older than the log.
    pub restored: bool,
    /// "The clock is right", although it is far past the newest evidence of time.
    pub clock: bool,
}

/// How a ledger is run.
#[derive(Debug)]
pub struct Config {
    /// The log's identity line and the name of its key.
    pub origin: String,
    /// The log key.
    pub signer: Signer,
    /// Further log keys, while readers and witnesses change from one to the next: each signs every checkpoint too.
    pub also_sign: Vec<Signer>,
    /// Whose cosignatures `checkpoint` needs; without one, or with `quorum none`, nobody's.
    pub policy: Option<Policy>,
    /// After so long without a quorum `checkpoint` goes on without it, and says so; `None`: it stays behind.
    pub fail_open_after: Option<Duration>,
    /// The folder beside the log key that keeps last-signed and the time last seen; never on a disk that is snapshotted with the data.
    pub keys_folder: PathBuf,
    /// The folder of the query index; `None` keeps it for the life of the process only.
    pub index_folder: Option<PathBuf>,
    /// The genesis id the operator expects, if he pins it.
    pub genesis: Option<Hash>,
    /// Posts that may wait for the writer; more are answered 503.
    pub queue_max: usize,
    /// Free bytes below which posts are answered 507. A full disk has corrupted other people's logs.
    pub free_bytes_min: u64,
    /// What the operator has vouched for.
    pub operator_word: OperatorWord,
    /// Whether the index follows (`benches/` shows what it costs).
    pub follow: bool,
    /// The words that the door checks by: this program's, and a centre's own on top.
    pub vocabulary: Arc<Vocabulary>,
}

impl Config {
    /// The usual figures.
    pub fn new(signer: Signer, keys_folder: PathBuf) -> Config {
        Config {
            origin: signer.name().to_owned(),
            signer,
            also_sign: Vec::new(),
            policy: None,
            fail_open_after: None,
            keys_folder,
            index_folder: None,
            genesis: None,
            queue_max: 8_192,
            free_bytes_min: 64 << 20,
            operator_word: OperatorWord::default(),
            follow: true,
            vocabulary: Arc::new(Vocabulary::builtin().clone()),
        }
    }

    /// The keys that sign checkpoints of this ledger.
    pub(in crate::ledger) fn log_vkeys(&self) -> Vec<&Vkey> {
        self.signers().map(Signer::vkey).collect()
    }

    fn signers(&self) -> impl Iterator<Item = &Signer> {
        std::iter::once(&self.signer).chain(&self.also_sign)
    }
}

/// Records that the index may lag behind before posts are answered 503: each costs about half a kilobyte of memory until the index has it.
pub const INDEX_LAG_MAX: usize = 500_000;

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

/// Whether posts are taken, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Posts are taken.
    Yes,
    /// Not now; the ledger goes on by itself.
    Waiting {
        /// Why, for everybody.
        why: Why,
        /// The same for the operator, with names of folders and hosts.
        reason: String,
    },
    /// Not until the operator has acted: a witness has shown that going on would fork the log. Reads go on.
    Held {
        /// Why, for everybody.
        reason: String,
    },
    /// Not any more: the process must end and be started again. Reads go on until then.
    Stopped {
        /// Why, for the operator.
        reason: String,
    },
}

/// Why posts are not taken, in words that name no folder and no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The log is being opened again, after a failure that passed or another writer's win.
    Reopening,
    /// The store does not answer, or refuses to write.
    Store,
    /// The query index is being rebuilt.
    IndexDamaged,
    /// The query index is too far behind.
    IndexBehind,
    /// A witness has shown that going on would fork the log.
    Held,
    /// The ledger has stopped for good.
    Stopped,
    /// The ledger is being closed.
    Closing,
}

impl Why {
    /// In Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Why::Reopening => "账本正在重新打开",
            Why::Store => "存储暂时不可写",
            Why::IndexDamaged => "查询索引正在重建",
            Why::IndexBehind => "查询索引落后过多，正在追赶",
            Why::Held => "见证所持的检查点与本账本不符，已停止写入",
            Why::Stopped => "账本已停止，须重新启动",
            Why::Closing => "账本正在关闭",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Why::Reopening => "the log is being opened again",
            Why::Store => "the store cannot be written now",
            Why::IndexDamaged => "the query index is being rebuilt",
            Why::IndexBehind => "the query index is too far behind and is catching up",
            Why::Held => "a witness holds a checkpoint that does not fit this ledger",
            Why::Stopped => "the ledger has stopped and must be started again",
            Why::Closing => "the ledger is being closed",
        }
    }
}

/// A running ledger. Cheap to clone; the last clone dropped ends the writer after the batch in hand.
#[derive(Clone, Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
    queue: mpsc::Sender<job::Job>,
}

/// What the writer, the posts and the readers share.
///
/// Order of the locks: `indexing`, then one of `opening_locks`, then `showing`, then `recent`; each of the others, and the watch channels, last
/// and alone. None of the std locks is held across a read or write of store or index, save `last_signed`, which nobody but the writer takes, and
/// `showing` while an order takes effect.
struct Shared {
    config: Config,
    store: Store,
    log: Store,
    reader: LogReader,
    index: Index,
    clock: ClockSource,
    last_signed: Mutex<LastSigned>,
    head: watch::Sender<Arc<Head>>,
    checkpoint: watch::Sender<Option<Arc<Head>>>,
    /// What is known of witnesses and their lines; the loop that asks them is woken by `cosigned`.
    gathering: Mutex<Gathering>,
    cosigned: Arc<tokio::sync::Notify>,
    /// What `checkpoint` should be.
    chosen: watch::Sender<Option<Chosen>>,
    /// The size of the newest published checkpoint that met the policy.
    met_size: watch::Sender<u64>,
    /// Why nothing may be written, by a witness's word.
    held: watch::Sender<Option<String>>,
    keys: RwLock<KeyState>,
    showing: RwLock<showing::Told>,
    /// One at a time reads and rewrites the openings of a statement.
    opening_locks: Box<[tokio::sync::Mutex<()>]>,
    recent: Mutex<Recent>,
    in_flight: Mutex<std::collections::HashMap<Hash, watch::Receiver<bool>>>,
    kept: RwLock<Vec<u64>>,
    index_size: watch::Sender<u64>,
    /// Held by whoever writes into the index, for as long as it takes.
    indexing: tokio::sync::Mutex<()>,
    /// Why the index does not follow, if it does not.
    index_behind: Mutex<Option<String>>,
    /// It cannot be read or written now, and is to be opened again.
    index_failed: AtomicBool,
    index_damaged: AtomicBool,
    reopen: tokio::sync::Notify,
    writing: watch::Sender<Writing>,
    disk: disk::DiskWatch,
    places: holder::Places,
    _locks: recover::Locks,
    /// Dropped last, as fields are in the order above: whoever watches it knows that index and lock are free.
    released: watch::Sender<()>,
}

/// The clock and its guard.
struct ClockSource {
    clock: Clock,
    guard: Mutex<ClockGuard>,
}

impl std::fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClockSource")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl ClockSource {
    /// The wall clock, unless the guard does not believe it.
    fn now(&self) -> Result<Time, ClockFault> {
        let reading = (self.clock)();
        let mut guard = self.guard.lock().expect("no panic while holding the guard");
        match guard.look(reading) {
            Some(fault) => Err(fault.clone()),
            None => Ok(reading.wall),
        }
    }

    /// What was believed all the same.
    fn warning(&self) -> Option<ClockFault> {
        let guard = self.guard.lock().expect("no panic while holding the guard");
        guard.warning().cloned()
    }

    /// Since when the clock is not believed, by the boot-time clock.
    fn doubted_since_ms(&self) -> Option<i64> {
        let guard = self.guard.lock().expect("no panic while holding the guard");
        guard.doubted_since_ms()
    }

    /// A quorum of witnesses says that the clock is right, or wrong by so many seconds.
    fn told(&self, word: Result<(), i64>) {
        let mut guard = self.guard.lock().expect("no panic while holding the guard");
        guard.told(word);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.config.origin)
            .field("head", &*self.head.borrow())
            .finish_non_exhaustive()
    }
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
        self.shared.head.borrow().clone()
    }

    /// Waits until the head covers more than `size` records; `false` if the ledger ended first.
    pub async fn grown(&self, size: u64) -> bool {
        let mut head = self.shared.head.subscribe();
        head.wait_for(|head| head.tree.size > size).await.is_ok()
    }

    /// The newest checkpoint that meets the policy, if there is one yet.
    pub fn checkpoint(&self) -> Option<Arc<Head>> {
        self.shared.checkpoint.borrow().clone()
    }

    /// Which keys are in force at the head.
    pub fn keys(&self) -> KeyState {
        self.shared
            .keys
            .read()
            .expect("no panic while holding the keys")
            .clone()
    }

    /// Whether posts are taken.
    pub fn writing(&self) -> Writing {
        let writing = self.shared.writing.borrow().clone();
        let held = self.shared.held.borrow().clone();
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
        self.shared.index_behind()
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
        *self.shared.index_size.borrow()
    }

    /// Waits until the query index reflects at least `size` records.
    pub async fn index_reached(&self, size: u64) {
        let mut index_size = self.shared.index_size.subscribe();
        let _ = index_size.wait_for(|reached| *reached >= size).await;
    }

    /// Bytes that the query index takes on disk.
    pub fn index_disk_bytes(&self) -> u64 {
        self.shared.index.disk_bytes()
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

impl Shared {
    fn head(&self) -> Arc<Head> {
        self.head.borrow().clone()
    }

    /// From here on the records below `size` are found, and `head` covers them: both under one lock, so that nobody is ever told the index of
    /// a record that there is no receipt for yet. Whoever sees the new head and looks for its records waits for the lock.
    fn publish(&self, size: u64, head: Arc<Head>) {
        let mut recent = self.recent.lock().expect("no panic while holding recent");
        recent.publish(size);
        self.head.send_replace(head);
    }

    /// The state first: whatever becomes of the log line, everybody sees it. Once stopped, it stays so.
    fn set_writing(&self, writing: Writing) {
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

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().expect("no panic while holding recent")
    }

    /// Has the index begun anew: the writer opens the log again. Until then no post is judged by it.
    fn damaged_index(&self) {
        if !self.index_damaged.swap(true, Ordering::AcqRel) {
            self.set_writing(Writing::Waiting {
                why: Why::IndexDamaged,
                reason: "the query index is damaged and is being rebuilt".to_owned(),
            });
            self.reopen.notify_one();
        }
    }

    /// Why the index does not follow, if it does not.
    fn index_behind(&self) -> Option<String> {
        let behind = self.index_behind.lock();
        behind.expect("no panic while holding index_behind").clone()
    }

    /// Told once when it begins and once when it ends.
    fn set_index_behind(&self, why: Option<String>) {
        let mut behind = self
            .index_behind
            .lock()
            .expect("no panic while holding index_behind");
        let before = std::mem::replace(&mut *behind, why.clone());
        drop(behind);
        match (before, why) {
            (None, Some(failure)) => tracing::error!(
                failure,
                "the query index does not follow; posts and reads go on, and it is tried again"
            ),
            (Some(_), None) => tracing::warn!("the query index follows again"),
            _ => {}
        }
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

fn log_reader(log: &Store) -> LogReader {
    LogReader::new(Source::Store(log.clone()))
}

#[cfg(test)]
mod tests;
