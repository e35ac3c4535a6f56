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
mod shared;
mod showing;
mod supervise;
mod writer;
mod writing;

use std::sync::Arc;

use tokio::sync::mpsc;

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
pub use shared::{Head, Ledger};
pub use writing::{Why, Writing};

use crate::store::{LogReader, Store};
use crate::trade::keys::KeyState;
use crate::trade::vocabulary::Vocabulary;
use clock::{Clock, ClockFault};
use shared::{Shared, watched};

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
