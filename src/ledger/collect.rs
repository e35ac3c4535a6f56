//! Clears away what is no longer needed: commit objects whose tiles are durable and read back, partial tiles whose full tile has stood an
//! hour, or at once where the disk lacks room. The newest commit is never collected: it is where the next opening begins.

use std::collections::BTreeSet;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use super::Shared;
use super::writing::Writing;
use crate::store::commit::{COMMIT_BYTES_MAX, Commit};
use crate::store::{ReadError, StoreError};
use crate::tlog::tile::Tile;

/// Between two looks at the commits.
const COMMITS_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks at the partial tiles.
const PARTIALS_EVERY: u32 = 300;
/// And where posts are refused for want of room: on a busy ledger the partial tiles of an hour are several times the log.
const LACKING_EVERY: u32 = 3;
/// Readers may still follow a checkpoint that implies the partial tile; those who know C2SP's tlog-tiles ask for the full one then.
const PARTIAL_AGE: Duration = Duration::from_secs(3_600);

/// On a store with several writers a commit stays at least this long.
const SHARED_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Runs until the ledger is gone.
pub(super) async fn run(weak: Weak<Shared>) {
    for round in 1u32.. {
        tokio::time::sleep(COMMITS_PAUSE).await;
        let Some(shared) = weak.upgrade() else { return };
        if *shared.writing.borrow() != Writing::Yes {
            continue;
        }
        if !goes_on(&shared, commits(&shared).await) {
            return;
        }
        let lacks = shared.lacks_now().is_some();
        let (every, age) = match lacks {
            true => (LACKING_EVERY, Duration::ZERO),
            false => (PARTIALS_EVERY, PARTIAL_AGE),
        };
        if round % every == 0
            && let Err(failure) = partials(&shared, age).await
        {
            if matches!(failure, StoreError::Sync { .. }) {
                goes_on(&shared, Err(failure.into()));
                return;
            }
            tracing::warn!(
                failure = crate::chain_of(&failure),
                "partial tiles are kept for now"
            );
        }
    }
}

/// Whether there is anything to go on with: after a failed fsync the ledger stops, whoever met it.
pub(super) fn goes_on(shared: &Shared, collected: Result<(), CollectError>) -> bool {
    match collected {
        Ok(()) => {}
        Err(CollectError::Store(failure @ StoreError::Sync { .. })) => {
            shared.set_writing(Writing::Stopped {
                reason: crate::chain_of(&failure),
            });
            return false;
        }
        Err(failure) => tracing::error!(
            failure = crate::chain_of(&failure),
            "commits are kept: their tiles could not be read back"
        ),
    }
    true
}

/// Why nothing was collected. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CollectError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Syncs and reads back all that the commits before the newest imply, then deletes these commits, oldest first.
pub(super) async fn commits(shared: &Shared) -> Result<(), CollectError> {
    let mut listed = shared.store.list("commit/").await?;
    if shared.store.is_shared() {
        // A writer that was stopped for a while must still find the slot taken that it believes to be free.
        let now = SystemTime::now();
        let young = listed.iter().position(|listed| {
            now.duration_since(listed.modified)
                .is_ok_and(|age| age < SHARED_AGE)
        });
        listed.truncate(young.map_or(listed.len(), |young| young + 1));
    }
    let sizes: Vec<u64> = listed
        .iter()
        .filter_map(|listed| Commit::parse_name(&listed.name))
        .collect();
    let (Some(&first), Some(&last)) = (sizes.first(), sizes.last()) else {
        return Ok(());
    };
    if first == last || shared.head().tree.size < last {
        return Ok(());
    }
    let Some(bytes) = shared
        .store
        .read(&Commit::name(last), COMMIT_BYTES_MAX)
        .await?
    else {
        return Ok(());
    };
    let Ok(newest) = Commit::parse(&bytes) else {
        return Ok(());
    };
    let tree = newest.old;

    let mut names = BTreeSet::new();
    for tile in grown(first, tree.size) {
        let (name, _) = shared.reader.tile_bytes(&tree, tile).await?;
        names.insert(name);
    }
    shared.log.sync_all(&names)?;
    // Read back what the next opening would have to rely on: every bundle since the last time, with all tiles above it.
    for number in first / 256..tree.size.div_ceil(256) {
        shared.reader.bundle(&tree, number).await?;
    }
    for old_size in sizes.into_iter().filter(|old_size| *old_size < last) {
        shared.store.delete(&Commit::name(old_size)).await?;
    }
    Ok(())
}

/// Every tile and bundle that a tree of `size` implies and one of `old_size` did not have in full. Costs what is new, not the whole tree.
fn grown(old_size: u64, size: u64) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = (old_size / 256..size.div_ceil(256))
        .filter_map(|number| Tile::entries(number, size))
        .collect();
    // A level may have nothing new while the one above it has: it ends where the tree has no node at that level.
    for level in (0u8..8).take_while(|level| size >> (8 * u32::from(*level)) > 0) {
        let shift = 8 * (u32::from(level) + 1);
        let first = old_size.checked_shr(shift).unwrap_or(0);
        let last = size.checked_shr(shift).unwrap_or(0);
        tiles.extend((first..=last).filter_map(|index| Tile::hashes(level, index, size)));
    }
    tiles
}

/// Deletes partial tiles whose full tile has stood for `age`, and is durable.
pub(super) async fn partials(shared: &Shared, age: Duration) -> Result<(), StoreError> {
    let now = SystemTime::now();
    let names = shared.log.list("tile/").await?;
    let tiles = || {
        names.iter().filter_map(|listed| {
            Tile::parse_path(&listed.name)
                .ok()
                .map(|tile| (tile, listed))
        })
    };
    let stood: BTreeSet<&str> = tiles()
        .filter(|(tile, _)| tile.is_full())
        .filter(|(_, listed)| {
            now.duration_since(listed.modified)
                .is_ok_and(|stood| stood >= age)
        })
        .map(|(_, listed)| listed.name.as_str())
        .collect();
    let mut fulls = BTreeSet::new();
    let mut gone = Vec::new();
    for (tile, listed) in tiles().filter(|(tile, _)| !tile.is_full()) {
        let full = tile.full().path();
        if stood.contains(full.as_str()) {
            fulls.insert(full);
            gone.push(&listed.name);
        }
    }
    // A power cut must not take the full one after the partial one was deleted.
    shared.log.sync_all(&fulls)?;
    for name in gone {
        shared.log.delete(name).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_grew_and_what_stood_in_full_make_the_whole_tree() {
        for old_size in [0u64, 1, 255, 256, 257, 65_535, 65_536, 65_537] {
            for size in [1u64, 256, 300, 512, 65_536, 65_792, 70_000] {
                if old_size > size {
                    continue;
                }
                let before: BTreeSet<String> = Tile::implied(old_size)
                    .filter(|tile| tile.is_full())
                    .map(|tile| tile.path())
                    .collect();
                let new: BTreeSet<String> = grown(old_size, size)
                    .into_iter()
                    .map(|tile| tile.path())
                    .collect();
                let all: BTreeSet<String> = Tile::implied(size).map(|tile| tile.path()).collect();
                assert_eq!(&before | &new, all, "{old_size} to {size}");
            }
        }
    }
}
