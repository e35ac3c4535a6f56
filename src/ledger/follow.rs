//! The index follows the log: a thread of its own, of low priority, that the write path never waits for.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::index::Row;
use super::recent::Recent;
use super::{QueryError, Shared};
use crate::tlog::merkle::Tree;
use crate::trade::record::parse_entry;
use crate::trade::statement::Statement;

/// Records taken in at one time, at most.
const ROUND_RECORDS: u64 = 4_096;
/// Between two rounds: under load fewer, larger batches cost sled less.
const ROUND_PAUSE: Duration = Duration::from_millis(50);
/// Waiting for a new record, the thread looks whether the ledger is gone.
const IDLE: Duration = Duration::from_millis(500);

/// Starts the thread; it ends when the ledger is gone.
pub(super) fn spawn(shared: &Arc<Shared>) {
    let (weak, handle) = (Arc::downgrade(shared), Handle::current());
    let thread = std::thread::Builder::new().name("index".to_owned());
    let spawned = thread.spawn(move || {
        // On Linux this is the thread's own: indexing yields to signatures and fsyncs.
        let _ = rustix::process::nice(10);
        run(&weak, &handle);
    });
    if let Err(failure) = spawned {
        tracing::error!(%failure, "no thread for the query index: look-ups by project or id will lag until the next start");
    }
}

fn run(weak: &Weak<Shared>, handle: &Handle) {
    let Some(mut head) = weak.upgrade().map(|shared| shared.head.subscribe()) else {
        return;
    };
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let tree = head.borrow_and_update().tree;
        match round(&shared, handle, &tree) {
            Ok(true) => {
                drop(shared);
                std::thread::sleep(ROUND_PAUSE);
                continue;
            }
            Ok(false) => {}
            Err(failure) => {
                tracing::error!(
                    failure = crate::chain_of(&failure),
                    "the query index does not follow; it is tried again"
                );
                if matches!(failure, QueryError::Index(_)) {
                    shared.damaged_index();
                }
                drop(shared);
                std::thread::sleep(IDLE);
                continue;
            }
        }
        drop(shared);
        // Without the runtime's timer: it panics in a runtime that is just being shut down, and this thread may outlive it for a moment.
        let began = Instant::now();
        while began.elapsed() < IDLE && matches!(head.has_changed(), Ok(false)) {
            std::thread::sleep(ROUND_PAUSE);
        }
    }
}

/// Takes the next records in. `true` if there were any.
fn round(shared: &Arc<Shared>, handle: &Handle, tree: &Tree) -> Result<bool, QueryError> {
    let (at, _) = shared.index.state()?;
    if at.size >= tree.size {
        return Ok(false);
    }
    // Whole batches only: the index's tree is then always one that was committed, and can be checked against the commits at opening.
    let size = if tree.size - at.size > ROUND_RECORDS {
        (at.size / 256) * 256 + ROUND_RECORDS
    } else {
        tree.size
    };
    let mut rows = Vec::new();
    for number in at.size / 256..size.div_ceil(256) {
        let entries = handle.block_on(shared.reader.bundle(tree, number))?;
        for (index, entry) in (number * 256..)
            .zip(&entries)
            .filter(|(index, _)| (at.size..size).contains(index))
        {
            if entry.is_empty() {
                continue;
            }
            let statement = parse_entry(entry)
                .ok()
                .and_then(|(_, note)| Statement::parse(note).ok());
            let statement = statement.ok_or(QueryError::Unreadable { index })?;
            rows.extend(Row::all_of(index, &statement));
        }
    }
    let reached = handle.block_on(shared.reader.tree_at(size, tree))?;
    // A reopening that rebuilds the index meanwhile holds the same lock.
    let mut recent = shared.recent.lock().expect("no panic while holding recent");
    if shared.index.state()?.0 != at {
        return Ok(true);
    }
    shared.index.apply(&rows, &reached)?;
    Recent::index_moved(&mut recent, reached.size);
    drop(recent);
    shared.index_size.send_replace(reached.size);
    Ok(true)
}
