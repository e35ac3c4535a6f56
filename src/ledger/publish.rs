//! Behind the writer: `checkpoint` (the newest that meets the ledger's policy) and `checkpoints/<size>` (kept for ever).
//!
//! Which checkpoint that is, [`super::cosign`] says; with `quorum none` it is every head. Here it is put: never one that is smaller than
//! what is there. Neither the writer nor a receipt waits for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::config::Config;
use super::cosign::Chosen;
use super::objects::{kept_name, read_checkpoint};
use super::open_error::OpenError;
use super::{Head, Shared};
use crate::store::{Created, Store};

/// Between two checkpoints under load: `head` is put with every batch, `checkpoint` need not be.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(200);
/// A checkpoint is kept when it covers new records and the last one was kept this long ago.
const KEEP_MS: i64 = 60_000;

/// The published `checkpoint`; one that is torn or foreign is a copy of what was signed, and is put again.
pub(super) async fn read(log: &Store, config: &Config) -> Result<Option<Head>, OpenError> {
    let vkeys = config.log_vkeys();
    match read_checkpoint(log, "checkpoint", &config.origin, &vkeys).await {
        Ok(found) => Ok(found.map(|found| Head {
            tree: found.tree,
            note: found.note,
            time: None,
        })),
        Err(OpenError::Head { .. }) => {
            tracing::warn!("checkpoint is torn or foreign and is replaced");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Goes on from what is published, as far as it belongs to this head: readers treat a smaller one as stale, so do we.
pub(super) fn begin(shared: &Shared, published: Option<Head>) {
    let head_size = shared.head().tree.size;
    let Some(published) = published.filter(|there| there.tree.size <= head_size) else {
        return;
    };
    let met = shared.gathering().meets(&published.note);
    if met {
        shared.heads.met_size.send_replace(published.tree.size);
    }
    shared
        .heads
        .checkpoint
        .send_replace(Some(Arc::new(published)));
}

/// Runs until the ledger is gone.
pub(super) async fn run(weak: Weak<Shared>) {
    let Some(mut chosen) = weak.upgrade().map(|shared| shared.heads.chosen.subscribe()) else {
        return;
    };
    chosen.mark_changed();
    let mut kept_ms: Option<i64> = None;
    let mut open = false;
    loop {
        {
            let Some(shared) = weak.upgrade() else { return };
            // A look at the clock, and a stamp of it, also while nobody posts.
            let _ = shared.clock.now();
            let newest = chosen.borrow_and_update().clone();
            if let Some(newest) = newest {
                if open == newest.met {
                    open = !newest.met;
                    match open {
                        true => tracing::error!(
                            "no quorum of witnesses for as long as the operator allowed: checkpoint goes on WITHOUT their cosignatures"
                        ),
                        false => tracing::warn!("checkpoint has a quorum of witnesses again"),
                    }
                }
                put(&shared, newest).await;
            }
            let now_ms = (shared.clock.clock)().boot_ms;
            if kept_ms.is_none_or(|kept_ms| now_ms - kept_ms >= KEEP_MS) && keep(&shared).await {
                kept_ms = Some(now_ms);
            }
        }
        tokio::time::sleep(CHECKPOINT_PAUSE).await;
        // The timer sees to it that the last records of a busy minute are kept too, without a new one coming.
        let _ = tokio::time::timeout(Duration::from_secs(1), chosen.changed()).await;
    }
}

/// Puts `checkpoint`: a larger one, or the same size with other lines.
async fn put(shared: &Arc<Shared>, newest: Chosen) {
    let before = shared.heads.checkpoint.borrow().clone();
    let Chosen { head, met } = newest;
    let size = head.tree.size;
    if before.is_some_and(|before| before.tree.size > size || before.note == head.note) {
        return;
    }
    // A plain put: never one that is smaller than what another writer of a shared store has put.
    if shared.store.is_shared() {
        match read(&shared.log, &shared.config).await {
            Ok(Some(there)) if there.tree.size > size => return,
            Ok(_) => {}
            Err(failure) => {
                return tracing::error!(
                    failure = crate::chain_of(&failure),
                    "checkpoint cannot be read, not put"
                );
            }
        }
    }
    let bytes = Bytes::from(head.note.clone());
    match shared.log.put("checkpoint", bytes).await {
        Ok(()) => {
            shared.heads.checkpoint.send_replace(Some(head));
            if met {
                shared.heads.met_size.send_replace(size);
            }
        }
        Err(failure) => tracing::error!(
            failure = crate::chain_of(&failure),
            "checkpoint not put, tried again"
        ),
    }
}

/// Keeps `checkpoint` if it meets the policy and covers records that no kept one does.
async fn keep(shared: &Shared) -> bool {
    let Some(checkpoint) = shared.heads.checkpoint.borrow().clone() else {
        return false;
    };
    let size = checkpoint.tree.size;
    let newest_kept = shared.heads.kept().last().copied().unwrap_or(0);
    if size <= newest_kept || *shared.heads.met_size.borrow() < size {
        return false;
    }
    match shared
        .log
        .create(&kept_name(size), Bytes::from(checkpoint.note.clone()))
        .await
    {
        // Another one of this size may carry other cosignatures; either will do.
        Ok(Created::Mine | Created::Other(_)) => {
            shared.heads.kept_mut().push(size);
            true
        }
        Err(failure) => {
            tracing::error!(
                failure = crate::chain_of(&failure),
                "a checkpoint could not be kept, tried again"
            );
            false
        }
    }
}
