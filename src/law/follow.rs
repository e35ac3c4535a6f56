//! The log into the view: one task that follows the head.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;

use super::View;
use super::state::State;
use crate::ledger::{Ledger, QueryError};

/// Records read at a time.
const CHUNK: usize = 2_048;
/// The least time between two rounds once it has caught up.
const PAUSE: Duration = Duration::from_millis(200);
/// Without a new record the clock is looked at.
const IDLE: Duration = Duration::from_secs(5);
/// After a failure.
const RETRY: Duration = Duration::from_secs(10);

/// Follows the ledger until it stops. Failures are logged and tried again; a view that lags harms nothing else.
pub async fn follow(view: Arc<View>) {
    loop {
        let ran = AssertUnwindSafe(run(&view)).catch_unwind().await;
        let failure = match ran {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => crate::chain_of(&failure),
            Err(_) => "it panicked".to_owned(),
        };
        view.is_failing.store(true, Ordering::Release);
        tracing::warn!(failure, "the view of the law does not follow, trying again");
        tokio::time::sleep(RETRY).await;
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the facts of the law cannot be kept")]
    Facts(#[from] io::Error),
    #[error(transparent)]
    Ledger(#[from] QueryError),
}

async fn run(view: &Arc<View>) -> Result<(), FollowError> {
    let ledger: Ledger = view.ledger.clone();
    loop {
        let (next, size) = (view.read().read_size, ledger.head().tree.size);
        if next < size {
            let until = next.saturating_add(CHUNK as u64).min(size);
            let limit = usize::try_from(until - next).unwrap_or(CHUNK);
            let entries = ledger.entries(next, limit).await?;
            let keys = ledger.keys();
            change(view, move |state| state.take(&entries, until, &keys)).await?;
            if until < size {
                continue;
            }
        }
        let (judges, now) = (view.clone(), ledger.wall_time());
        blocking(move || judges.judge(now)).await?;
        view.is_failing.store(false, Ordering::Release);
        tokio::time::sleep(PAUSE).await;
        if let Ok(false) = tokio::time::timeout(IDLE, ledger.grown(size)).await {
            return Ok(());
        }
    }
}

/// A change that broke off half way leaves nothing to go on from: then everything begins anew.
async fn change(
    view: &Arc<View>,
    change: impl FnOnce(&mut State) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let view = view.clone();
    blocking(move || {
        let mut state = view.state.write().expect("no panic while holding the view");
        change(&mut state).inspect_err(|_| state.clear())
    })
    .await
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
