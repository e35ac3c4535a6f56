//! The index follows the log: a thread of its own, of low priority, that the write path never waits for.
//!
//! The index is never truth. Full, slow or failing it falls behind, which [`Shared::index_behind`] tells; posts and reads go on with what it
//! has and what [`super::recent`] holds. A damaged one is begun anew by the writer ([`super::recover::reopen`]), never beside this thread:
//! both hold `indexing` while they write.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Shared;
use super::index::{IndexError, Row};
use super::query_error::QueryError;
use crate::tlog::merkle::Tree;
use crate::trade::record::parse_entry;
use crate::trade::statement::Statement;

/// Records taken in at one time, at most.
const ROUND_RECORDS: u64 = 4_096;
/// Between two rounds: under load fewer, larger batches cost sled less.
const ROUND_PAUSE: Duration = Duration::from_millis(50);
/// Waiting for a new record, the thread looks whether the ledger is gone.
const IDLE: Duration = Duration::from_millis(500);
/// What was applied is made durable, and forgotten by `recent`, this often: a sync costs the disk as much as one of the writer's.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// The index is opened again only where it has at least this much room.
const RENEW_BYTES_MIN: u64 = 8 << 20;

/// Starts the thread; it ends when the ledger is gone.
///
/// # Errors
/// The system's, if it gives no thread.
pub(super) fn spawn(shared: &Arc<Shared>) -> std::io::Result<()> {
    let (weak, handle) = (Arc::downgrade(shared), Handle::current());
    let thread = std::thread::Builder::new().name("index".to_owned());
    thread.spawn(move || {
        // On Linux this is the thread's own: indexing yields to signatures and fsyncs.
        let _ = rustix::process::nice(10);
        run(&weak, &handle);
    })?;
    Ok(())
}

fn run(weak: &Weak<Shared>, handle: &Handle) {
    let Some(mut head) = weak.upgrade().map(|shared| shared.heads.head.subscribe()) else {
        return;
    };
    let mut flushed = Instant::now();
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let tree = head.borrow_and_update().tree;
        let looked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            look(&shared, handle, &tree, &mut flushed)
        }));
        let pause = match looked.unwrap_or(Err(QueryError::Index(IndexError::Panic))) {
            Ok(has_more) => {
                shared.indexing.set_behind(None);
                if has_more { Some(ROUND_PAUSE) } else { None }
            }
            Err(failure) => {
                shared.indexing.set_behind(Some(crate::chain_of(&failure)));
                if let QueryError::Index(failure) = failure {
                    shared.damaged(failure);
                }
                Some(IDLE)
            }
        };
        drop(shared);
        if let Some(pause) = pause {
            std::thread::sleep(pause);
            continue;
        }
        // Without the runtime's timer: it panics in a runtime that is just being shut down, and this thread may outlive it for a moment.
        let began = Instant::now();
        while began.elapsed() < IDLE && matches!(head.has_changed(), Ok(false)) {
            std::thread::sleep(ROUND_PAUSE);
        }
    }
}

/// One round, and what it wrote made durable now and then. `true` if there is more to do.
fn look(
    shared: &Arc<Shared>,
    handle: &Handle,
    tree: &Tree,
    flushed: &mut Instant,
) -> Result<bool, QueryError> {
    // A reopening that rebuilds the index meanwhile holds the same lock.
    let _indexing = shared.indexing.turn.blocking_lock();
    let failed = shared.indexing.failed.load(Ordering::Acquire);
    if failed {
        renew(shared, handle, tree)?;
        shared.indexing.failed.store(false, Ordering::Release);
    }
    if shared.indexing.index.stands_in() && has_room(shared) {
        return Err(QueryError::Index(IndexError::Damaged));
    }
    let has_more = round(shared, handle, tree)?;
    if failed || flushed.elapsed() >= FLUSH_EVERY {
        let applied = shared.indexing.index.state()?.0.size;
        let held = shared.posts.recent().index_size();
        if applied > held {
            shared.indexing.index.flush()?;
            shared.posts.recent().index_moved(applied);
        }
        *flushed = Instant::now();
    }
    Ok(has_more)
}

fn has_room(shared: &Shared) -> bool {
    let room = shared.store.room();
    room.is_none_or(|room| room.bytes >= RENEW_BYTES_MIN)
}

/// Opens the index again after a failure, if that is what it needs. What it has lost must still be held by `recent`, or it is begun anew.
fn renew(shared: &Arc<Shared>, handle: &Handle, tree: &Tree) -> Result<(), QueryError> {
    // sled writes when it opens: on a full disk it would be closed, and now it is still read from.
    if !has_room(shared) {
        return Err(QueryError::Index(IndexError::Full));
    }
    shared.indexing.index.renew()?;
    let (at, _) = shared.indexing.index.state()?;
    let is_ours = at.size == 0
        || at.size <= tree.size && handle.block_on(shared.reader.tree_at(at.size, tree))? == at;
    if !is_ours || at.size < shared.posts.recent().index_size() {
        return Err(QueryError::Index(IndexError::Damaged));
    }
    shared.indexing.size.send_replace(at.size);
    Ok(())
}

/// Takes the next records in. `true` if there were any.
fn round(shared: &Arc<Shared>, handle: &Handle, tree: &Tree) -> Result<bool, QueryError> {
    let (at, _) = shared.indexing.index.state()?;
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
    // `recent` still holds these records, so nobody waits for this and nobody misses them.
    shared.indexing.index.apply(&rows, &reached)?;
    shared.indexing.size.send_replace(reached.size);
    Ok(true)
}
