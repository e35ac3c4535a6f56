//! Keeps the writer going: runs it, and opens the log again whenever it must. Above writing and opening, neither of which knows it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Shared;
use super::job::Job;
use super::open_error::OpenError;
use super::plan::State;
use super::recover;
use super::writer::{Exit, run};
use super::writing::{Why, Writing};

/// Runs the writer, and opens the log again whenever it must, until nobody can post or it must stop.
pub(super) async fn supervise(
    shared: Arc<Shared>,
    mut jobs: mpsc::Receiver<Job>,
    mut state: State,
) {
    loop {
        shared.set_writing(Writing::Yes);
        match run(&shared, &mut jobs, state).await {
            Exit::Closed => return,
            Exit::Stop(reason) => return shared.set_writing(Writing::Stopped { reason }),
            Exit::Reopen(reason) => {
                let why = match shared.indexing.damaged.load(Ordering::Acquire) {
                    true => Why::IndexDamaged,
                    false => Why::Reopening,
                };
                shared.set_writing(Writing::Waiting { why, reason });
            }
        }
        state = loop {
            match recover::reopen(&shared).await {
                Ok(state) => break state,
                Err(failure) if failure.may_pass() => {
                    let why = match failure {
                        OpenError::Store(_) | OpenError::Publish { .. } => Why::Store,
                        OpenError::Index(_) | OpenError::Query(_) => Why::IndexDamaged,
                        _ => Why::Reopening,
                    };
                    shared.set_writing(Writing::Waiting {
                        why,
                        reason: crate::chain_of(&failure),
                    });
                    tokio::time::sleep(if shared.store.is_shared() {
                        REOPEN_PAUSE_SHARED
                    } else {
                        REOPEN_PAUSE
                    })
                    .await;
                }
                Err(failure) => {
                    return shared.set_writing(Writing::Stopped {
                        reason: crate::chain_of(&failure),
                    });
                }
            }
        };
    }
}

/// Between two looks at a store on which another writer is ahead.
const REOPEN_PAUSE_SHARED: Duration = Duration::from_millis(20);
/// Between two tries to open a store that has no room or gives no answer.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);
