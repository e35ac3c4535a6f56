//! Behind the writer: `checkpoint` (the newest that meets the ledger's policy) and `checkpoints/<size>` (kept for ever).
//!
//! With `quorum none` every head meets the policy, so `checkpoint` follows `head`. The loop is where cosignatures will be gathered: neither
//! the writer nor a receipt waits for it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::recover::{self, OpenError};
use super::{Head, Shared};
use crate::store::{Created, Store};

/// Between two checkpoints under load: `head` is put with every batch, `checkpoint` need not be.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(200);
/// A checkpoint is kept when it covers new records and the last one was kept this long ago.
const KEEP_MS: i64 = 60_000;

/// The name of a kept checkpoint.
pub(super) fn kept_name(size: u64) -> String {
    format!("checkpoints/{size:020}")
}

/// The sizes of the kept checkpoints, ascending.
pub(super) async fn kept(log: &Store) -> Result<Vec<u64>, OpenError> {
    let names = log.list("checkpoints/").await?;
    Ok(names
        .iter()
        .filter_map(|listed| listed.name.strip_prefix("checkpoints/")?.parse().ok())
        .collect())
}

/// Takes the published `checkpoint` in, as far as it belongs to this head: readers treat a smaller one as stale, so do we.
pub(super) async fn read_checkpoint(shared: &Shared) -> Result<(), OpenError> {
    let vkey = shared.config.signer.vkey();
    let found =
        recover::read_checkpoint(&shared.log, "checkpoint", &shared.config.origin, vkey).await;
    match found {
        Ok(Some(found)) if found.tree.size <= shared.head().tree.size => {
            shared.checkpoint.send_replace(Some(Arc::new(Head {
                tree: found.tree,
                note: found.note,
                time: None,
            })));
        }
        Ok(_) => {}
        // It is a copy of what was signed and is put again at once.
        Err(OpenError::Head { .. }) => {
            tracing::warn!("checkpoint is torn or foreign and is replaced")
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// Runs until the ledger is gone.
pub(super) async fn run(weak: Weak<Shared>) {
    let Some(mut head) = weak.upgrade().map(|shared| shared.head.subscribe()) else {
        return;
    };
    let mut kept_ms: Option<i64> = None;
    loop {
        {
            let Some(shared) = weak.upgrade() else { return };
            let newest = head.borrow_and_update().clone();
            if shared
                .checkpoint
                .borrow()
                .as_ref()
                .is_none_or(|checkpoint| checkpoint.tree.size < newest.tree.size)
            {
                match shared
                    .log
                    .put("checkpoint", Bytes::from(newest.note.clone()))
                    .await
                {
                    Ok(()) => drop(shared.checkpoint.send_replace(Some(newest))),
                    Err(failure) => tracing::error!(
                        failure = crate::chain_of(&failure),
                        "checkpoint not put, tried again"
                    ),
                }
            }
            let now_ms = (shared.clock.clock)().boot_ms;
            if kept_ms.is_none_or(|kept_ms| now_ms - kept_ms >= KEEP_MS) && keep(&shared).await {
                kept_ms = Some(now_ms);
            }
        }
        tokio::time::sleep(CHECKPOINT_PAUSE).await;
        // The timer sees to it that the last records of a busy minute are kept too, without a new one coming.
        let _ = tokio::time::timeout(Duration::from_secs(1), head.changed()).await;
    }
}

/// Keeps `checkpoint` if it covers records that no kept one does.
async fn keep(shared: &Shared) -> bool {
    let Some(checkpoint) = shared.checkpoint.borrow().clone() else {
        return false;
    };
    let size = checkpoint.tree.size;
    let newest_kept = shared
        .kept
        .read()
        .expect("no panic while holding kept")
        .last()
        .copied()
        .unwrap_or(0);
    if size <= newest_kept {
        return false;
    }
    match shared
        .log
        .create(&kept_name(size), Bytes::from(checkpoint.note.clone()))
        .await
    {
        // Another one of this size may carry other cosignatures; either will do.
        Ok(Created::Mine | Created::Other(_)) => {
            shared
                .kept
                .write()
                .expect("no panic while holding kept")
                .push(size);
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
