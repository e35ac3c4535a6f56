//! What the writer, the posts and the readers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
/// Order of the locks: `indexing.turn`, then one of `openings.turns`, then `openings.told`, then `posts.recent`; each of the others, and the
/// watch channels, last and alone. None of the std locks is held across a read or write of store or index, save `last_signed`, which nobody but
/// the writer takes, and `openings.told` while an order takes effect.
pub(super) struct Shared {
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
pub(super) struct Heads {
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
pub(super) struct Cosigning {
    pub gathering: Mutex<Gathering>,
    /// Wakes the loop that asks them.
    pub woken: Arc<tokio::sync::Notify>,
    /// Why nothing may be written, by a witness's word.
    pub held: watch::Sender<Option<String>>,
}

/// What may be shown.
pub(super) struct Openings {
    /// By which orders something is withheld or erased.
    pub told: RwLock<showing::Told>,
    /// One at a time reads and rewrites the openings of a statement.
    pub turns: Box<[tokio::sync::Mutex<()>]>,
}

/// Records and posts that the index does not know yet.
pub(super) struct Posts {
    pub recent: Mutex<Recent>,
    /// Statements that are being written, and how to hear of their end.
    pub in_flight: Mutex<std::collections::HashMap<Hash, watch::Receiver<bool>>>,
}

/// The query index and whoever feeds it.
pub(super) struct Indexing {
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
