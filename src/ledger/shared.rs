//! What the writer, the posts and the readers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use tokio::sync::{mpsc, watch};

use super::clock_source::ClockSource;
use super::config::Config;
use super::cosign::{Chosen, Gathering};
use super::disk::DiskWatch;
use super::holder;
use super::index::Index;
use super::job::Job;
use super::last_signed::LastSigned;
use super::recent::Recent;
use super::showing;
use super::writing::{Why, Writing};
use crate::store::{LogReader, Store};
use crate::tlog::merkle::{Hash, Tree};
use crate::trade::keys::KeyState;
use crate::trade::time::Time;

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
    pub(super) shared: Arc<Shared>,
    pub(super) queue: mpsc::Sender<Job>,
}

/// What the writer, the posts and the readers share.
///
/// Order of the locks: `indexing`, then one of `opening_locks`, then `showing`, then `recent`; each of the others, and the watch channels, last
/// and alone. None of the std locks is held across a read or write of store or index, save `last_signed`, which nobody but the writer takes, and
/// `showing` while an order takes effect.
pub(super) struct Shared {
    pub config: Config,
    pub store: Store,
    pub log: Store,
    pub reader: LogReader,
    pub index: Index,
    pub clock: ClockSource,
    pub last_signed: Mutex<LastSigned>,
    pub head: watch::Sender<Arc<Head>>,
    pub checkpoint: watch::Sender<Option<Arc<Head>>>,
    /// What is known of witnesses and their lines; the loop that asks them is woken by `cosigned`.
    pub gathering: Mutex<Gathering>,
    pub cosigned: Arc<tokio::sync::Notify>,
    /// What `checkpoint` should be.
    pub chosen: watch::Sender<Option<Chosen>>,
    /// The size of the newest published checkpoint that met the policy.
    pub met_size: watch::Sender<u64>,
    /// Why nothing may be written, by a witness's word.
    pub held: watch::Sender<Option<String>>,
    pub keys: RwLock<KeyState>,
    pub showing: RwLock<showing::Told>,
    /// One at a time reads and rewrites the openings of a statement.
    pub opening_locks: Box<[tokio::sync::Mutex<()>]>,
    pub recent: Mutex<Recent>,
    pub in_flight: Mutex<std::collections::HashMap<Hash, watch::Receiver<bool>>>,
    pub kept: RwLock<Vec<u64>>,
    pub index_size: watch::Sender<u64>,
    /// Held by whoever writes into the index, for as long as it takes.
    pub indexing: tokio::sync::Mutex<()>,
    /// Why the index does not follow, if it does not.
    pub index_behind: Mutex<Option<String>>,
    /// It cannot be read or written now, and is to be opened again.
    pub index_failed: AtomicBool,
    pub index_damaged: AtomicBool,
    pub reopen: tokio::sync::Notify,
    pub writing: watch::Sender<Writing>,
    pub disk: DiskWatch,
    pub places: holder::Places,
    pub _locks: holder::Locks,
    /// Dropped last, as fields are in the order above: whoever watches it knows that index and lock are free.
    pub released: watch::Sender<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("origin", &self.config.origin)
            .field("head", &*self.head.borrow())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub fn head(&self) -> Arc<Head> {
        self.head.borrow().clone()
    }

    /// From here on the records below `size` are found, and `head` covers them: both under one lock, so that nobody is ever told the index of
    /// a record that there is no receipt for yet. Whoever sees the new head and looks for its records waits for the lock.
    pub fn publish(&self, size: u64, head: Arc<Head>) {
        let mut recent = self.recent.lock().expect("no panic while holding recent");
        recent.publish(size);
        self.head.send_replace(head);
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

    pub fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().expect("no panic while holding recent")
    }

    /// Has the index begun anew: the writer opens the log again. Until then no post is judged by it.
    pub fn damaged_index(&self) {
        if !self.index_damaged.swap(true, Ordering::AcqRel) {
            self.set_writing(Writing::Waiting {
                why: Why::IndexDamaged,
                reason: "the query index is damaged and is being rebuilt".to_owned(),
            });
            self.reopen.notify_one();
        }
    }

    /// Why the index does not follow, if it does not.
    pub fn index_behind(&self) -> Option<String> {
        let behind = self.index_behind.lock();
        behind.expect("no panic while holding index_behind").clone()
    }

    /// Told once when it begins and once when it ends.
    pub fn set_index_behind(&self, why: Option<String>) {
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
pub(super) fn watched(
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
