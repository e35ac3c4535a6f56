//! A mirror's folder as something to be read from: what its `checkpoint` implies, and nothing that was not verified.
//!
//! Promises: a checkpoint is taken only when a policy accepts it, it extends the one before, and the keys up to it follow from the pinned
//! genesis; every tile, bundle and record is authenticated to its root each time it is handed out, so that a folder which somebody or a bad
//! disk changes yields errors and never wrong bytes; an entry of length 0 goes out only if an order of the log says so. While
//! [`mirror`](super::mirror()) writes into the folder the replica goes on showing the tree before, until the new one is whole.
//!
//! Does not judge records as audit does, has no look-up by project or id, and writes nothing.

use std::path::Path;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::follow::{FollowError, Follower};
use super::receipts::{ReceiptFailure, evidence_of};
use crate::receipt::Receipt;
use crate::store::{LogReader, ReadError, Source, SourceError, Store, StoreError};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::NOTE_BYTES_MAX;
use crate::tlog::policy::{self, JudgeError, Policy, VerifiedCheckpoint};
use crate::tlog::tile::{Tile, TileError, TileSet};
use crate::trade::keys::KeyState;
use crate::trade::orders::Orders;
use crate::trade::record::parse_entry;
use crate::trade::statement::{Body, Statement};

/// Entries or hashes in a full tile.
const WIDTH: u64 = 256;
/// Kept checkpoints that are tried for one receipt, earliest first; the newest checkpoint proves the same, only later.
const KEPT_TRIES: usize = 8;

/// A mirror's folder.
pub struct Replica {
    store: Store,
    reader: LogReader,
    policies: Vec<Policy>,
    shown: RwLock<Option<Arc<ShownTree>>>,
    /// Why the folder's checkpoint is not the one shown.
    fault: RwLock<Option<String>>,
    /// One looks at a time.
    looking: Mutex<()>,
}

/// A tree that is shown, with what follows from its records.
pub struct ShownTree {
    /// The checkpoint as published.
    pub note: Bytes,
    /// The same, judged.
    pub checkpoint: VerifiedCheckpoint,
    /// Orders of its records.
    pub orders: Orders,
    /// Sizes of the kept checkpoints within it, ascending.
    pub kept: Vec<u64>,
    /// Id of the newest statement of the chain of keys.
    pub keys_head: Hash,
    follower: Follower,
}

/// Why nothing new is shown, or nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// Not begun yet.
    #[error("there is no checkpoint in the folder yet")]
    NoCheckpoint,
    /// Nothing larger than that tree is known, or it is outside.
    #[error("there are {size} records, {found} is not among them")]
    Outside {
        /// What was asked for.
        found: u64,
        /// How many there are.
        size: u64,
    },
    /// The record was erased.
    #[error("record {index} was erased by order, record {order}")]
    Erased {
        /// Which one.
        index: u64,
        /// Where the order is.
        order: u64,
    },
    /// The folder has no words for a record, and no order says so.
    #[error("record {index} is empty in the folder, and no order of the log erases it")]
    Blank {
        /// Which one.
        index: u64,
    },
    /// The checkpoint in the folder is smaller than what was shown.
    #[error("the folder's checkpoint has {found} records, {shown} were shown before")]
    Behind {
        /// In the folder.
        found: u64,
        /// Shown.
        shown: u64,
    },
    /// It is of another history.
    #[error(
        "the folder's checkpoint of {size} records does not extend the {shown} that were shown before: keep both, they are evidence"
    )]
    Contradiction {
        /// In the folder.
        size: u64,
        /// Shown.
        shown: u64,
    },
    /// No policy accepts it.
    #[error(transparent)]
    Checkpoint(#[from] JudgeError),
    /// Objects are missing or wrong.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A tile is not what the root stands for.
    #[error("a file of the folder is not what the signed root stands for")]
    Tile(#[from] TileError),
    /// Keys cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// No receipt can be made.
    #[error(transparent)]
    Receipt(#[from] ReceiptFailure),
    /// The folder cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The folder cannot be listed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ShownTree {
    /// What is shown.
    pub fn tree(&self) -> Tree {
        self.checkpoint.tree()
    }

    /// Keys at its end.
    pub fn keys(&self) -> &KeyState {
        self.follower
            .keys()
            .expect("a tree with a record has a genesis, or look() would have refused it")
    }
}

impl Replica {
    /// Of a folder that [`mirror`](super::mirror()) writes; it may still be empty.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn new(folder: &Path, policies: &[Policy]) -> Result<Replica, StoreError> {
        let store = Store::folder(folder)?;
        Ok(Replica {
            reader: LogReader::new(Source::Store(store.clone())),
            store,
            policies: policies.to_vec(),
            shown: RwLock::new(None),
            fault: RwLock::new(None),
            looking: Mutex::new(()),
        })
    }

    /// What is shown now; `None` before there was a checkpoint.
    pub fn shown(&self) -> Option<Arc<ShownTree>> {
        let shown = self.shown.read().expect("nothing panics while holding it");
        shown.clone()
    }

    /// Why the folder's newest checkpoint is not shown, if it is not.
    pub fn fault(&self) -> Option<String> {
        let fault = self.fault.read().expect("nothing panics while holding it");
        fault.clone()
    }

    /// Looks at the folder's checkpoint, and shows it once everything up to it was gone through. Whether there was a new one.
    ///
    /// # Errors
    /// [`ReplicaError`]: then what was shown stays, and [`Replica::fault`] says why.
    pub async fn look(&self) -> Result<bool, ReplicaError> {
        let _one = self.looking.lock().await;
        let looked = self.look_once().await;
        let fault = looked.as_ref().err().map(|error| crate::chain_of(error));
        *self.fault.write().expect("nothing panics while holding it") = fault;
        looked
    }

    async fn look_once(&self) -> Result<bool, ReplicaError> {
        // 1. A checkpoint that a policy accepts, and that extends what was shown.
        let note = self
            .store
            .read("checkpoint", NOTE_BYTES_MAX as u64)
            .await?
            .ok_or(ReplicaError::NoCheckpoint)?;
        let before = self.shown();
        if before.as_ref().is_some_and(|before| before.note == note) {
            return Ok(false);
        }
        let judged = policy::open_by(&self.policies, &note)?;
        let tree = judged.checkpoint.tree();
        if tree.size == 0 {
            return Err(ReplicaError::NoCheckpoint);
        }
        let mut orders = Orders::default();
        let mut keys_head = None;
        let mut follower = Follower::new(self.policies[judged.policy].genesis());
        if let Some(before) = &before {
            let shown = before.tree();
            if tree.size < shown.size {
                return Err(ReplicaError::Behind {
                    found: tree.size,
                    shown: shown.size,
                });
            }
            if self.reader.tree_at(shown.size, &tree).await? != shown {
                return Err(ReplicaError::Contradiction {
                    size: tree.size,
                    shown: shown.size,
                });
            }
            orders = before.orders.clone();
            keys_head = Some(before.keys_head);
            follower = before.follower.clone();
        }
        // 2. Its records, for the keys and orders that follow from them.
        follower
            .advance(&self.reader, &tree, tree.size, |visited| {
                if let Some(statement) = visited.key_statement {
                    keys_head = Some(statement.id());
                }
                take_order(&mut orders, visited.index, visited.entry, visited.keys);
            })
            .await?;
        let kept = self.kept(tree.size).await?;
        let verified = ShownTree {
            note,
            checkpoint: judged.checkpoint,
            orders,
            kept,
            keys_head: keys_head.expect("record 0 is of the chain of keys"),
            follower,
        };
        *self.shown.write().expect("nothing panics while holding it") = Some(Arc::new(verified));
        Ok(true)
    }

    async fn kept(&self, size: u64) -> Result<Vec<u64>, StoreError> {
        let listed = self.store.list("checkpoints/").await?;
        let sizes = listed.iter().filter_map(|listed| {
            let size: u64 = listed.name.strip_prefix("checkpoints/")?.parse().ok()?;
            (format!("checkpoints/{size:020}") == listed.name).then_some(size)
        });
        let mut kept: Vec<u64> = sizes.filter(|kept| (1..=size).contains(kept)).collect();
        kept.sort_unstable();
        Ok(kept)
    }

    /// A kept checkpoint of that size, if a policy accepts it and it is of the tree that is shown.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn kept_checkpoint(&self, size: u64) -> Result<Option<Bytes>, ReplicaError> {
        let verified = self.shown().ok_or(ReplicaError::NoCheckpoint)?;
        Ok(self.kept_of(&verified, size).await?.map(|(_, note)| note))
    }

    async fn kept_of(
        &self,
        verified: &ShownTree,
        size: u64,
    ) -> Result<Option<(VerifiedCheckpoint, Bytes)>, ReplicaError> {
        if verified.kept.binary_search(&size).is_err() {
            return Ok(None);
        }
        let name = format!("checkpoints/{size:020}");
        let Some(note) = self.store.read(&name, NOTE_BYTES_MAX as u64).await? else {
            return Ok(None);
        };
        let judged = policy::open_by(&self.policies, &note)?;
        let tree = judged.checkpoint.tree();
        if tree.size != size || self.reader.tree_at(size, &verified.tree()).await? != tree {
            return Ok(None);
        }
        Ok(Some((judged.checkpoint, note)))
    }

    /// The bytes of a tile or bundle, authenticated; `None` if the tree that is shown does not imply it.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, ReplicaError> {
        let mut verified = self.shown().ok_or(ReplicaError::NoCheckpoint)?;
        let mut read = self.tile_of(&verified, tile).await;
        // The mirror may have gone on to a larger tree and dropped a partial tile of this one: the larger tree has its hashes.
        if read.is_err() && self.look().await.unwrap_or(false) {
            verified = self.shown().ok_or(ReplicaError::NoCheckpoint)?;
            read = self.tile_of(&verified, tile).await;
        }
        read
    }

    async fn tile_of(
        &self,
        verified: &ShownTree,
        asked: Tile,
    ) -> Result<Option<Bytes>, ReplicaError> {
        let tree = verified.tree();
        // As wide as this tree has it: what is asked for is its beginning.
        let (tile, first) = match asked {
            Tile::Entries { index, .. } => (Tile::entries(index, tree.size), index * WIDTH),
            Tile::Hashes { level, index, .. } => {
                let leaves = WIDTH.checked_pow(u32::from(level));
                let first = leaves
                    .and_then(|leaves| leaves.checked_mul(WIDTH))
                    .and_then(|leaves| leaves.checked_mul(index));
                match first {
                    Some(first) => (Tile::hashes(level, index, tree.size), first),
                    None => return Ok(None),
                }
            }
        };
        let Some(tile) = tile.filter(|tile| tile.width() >= asked.width()) else {
            return Ok(None);
        };
        let plan = match tile {
            Tile::Entries { index, .. } => TileSet::plan_bundle(index, tree.size),
            Tile::Hashes { level, .. } => {
                let leaves = WIDTH.pow(u32::from(level));
                TileSet::plan(tree.size, std::slice::from_ref(&(first..first + leaves)))
            }
        };
        let (_, bytes) = self.reader.tile_bytes(&tree, tile).await?;
        let mut found = Vec::with_capacity(plan.len());
        for planned in plan {
            let planned_bytes = if planned == tile {
                bytes.clone()
            } else {
                self.reader.tile_bytes(&tree, planned).await?.1
            };
            found.push((planned, planned_bytes));
        }
        let is_planned = found.iter().any(|(planned, _)| *planned == tile);
        let tiles = TileSet::authenticate(&tree, found)?;
        match tile {
            Tile::Entries { index, .. } => {
                let keys = verified.keys();
                tiles.check_bundle_erased(index, &bytes, |index| keys.erased(index).is_some())?;
            }
            Tile::Hashes { .. } => assert!(is_planned, "the first hash of a tile is in that tile"),
        }
        Ok(Some(bytes.slice_ref(asked.cut(&bytes)?)))
    }

    /// The entries from `from` on, at most `limit`, with the tree they were read in; erased ones are empty.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn entries(
        &self,
        from: u64,
        limit: usize,
    ) -> Result<(Arc<ShownTree>, Vec<(u64, Bytes)>), ReplicaError> {
        let verified = self.shown().ok_or(ReplicaError::NoCheckpoint)?;
        match self.entries_of(&verified, from, limit).await {
            Err(_) if self.look().await.unwrap_or(false) => {
                let verified = self.shown().ok_or(ReplicaError::NoCheckpoint)?;
                let entries = self.entries_of(&verified, from, limit).await?;
                Ok((verified, entries))
            }
            read => Ok((verified, read?)),
        }
    }

    async fn entries_of(
        &self,
        verified: &ShownTree,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, ReplicaError> {
        let tree = verified.tree();
        let until = from.saturating_add(limit as u64).min(tree.size);
        let mut found = Vec::new();
        let mut index = from;
        while index < until {
            let number = index / WIDTH;
            let bundle = self.reader.bundle(&tree, number).await?;
            for (at, entry) in (number * WIDTH..).zip(bundle) {
                if !(index..until).contains(&at) {
                    continue;
                }
                if entry.is_empty() && verified.keys().erased(at).is_none() {
                    return Err(ReplicaError::Blank { index: at });
                }
                found.push((at, entry));
            }
            index = (number + 1) * WIDTH;
        }
        Ok(found)
    }

    /// The receipt of a record, under the earliest kept checkpoint by which the quorum is met, else under the newest.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn receipt(&self, index: u64) -> Result<Receipt, ReplicaError> {
        let (verified, entries) = self.entries(index, 1).await?;
        let tree = verified.tree();
        let Some((_, entry)) = entries.into_iter().next() else {
            return Err(ReplicaError::Outside {
                found: index,
                size: tree.size,
            });
        };
        if let Some(erased) = verified.keys().erased(index) {
            return Err(ReplicaError::Erased {
                index,
                order: erased.ordered_at,
            });
        }
        let (mut size, mut note) = (tree.size, verified.note.clone());
        let begin = verified.kept.partition_point(|kept| *kept <= index);
        for kept in verified.kept[begin..].iter().take(KEPT_TRIES) {
            // One that is damaged is passed over.
            if let Ok(Some((checkpoint, kept_note))) = self.kept_of(&verified, *kept).await
                && checkpoint.quorum().met
            {
                (size, note) = (*kept, kept_note);
                break;
            }
        }
        let evidence = evidence_of(verified.keys(), index, &entry)?;
        Ok(Receipt {
            index,
            proof: self.reader.prove_inclusion_at(&tree, index, size).await?,
            checkpoint: String::from_utf8_lossy(&note).into_owned(),
            entry,
            evidence,
        })
    }

    /// The roots at two sizes, and the proof that the larger extends the smaller.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn consistency(
        &self,
        old_size: u64,
        new_size: u64,
    ) -> Result<(Tree, Tree, Vec<Hash>), ReplicaError> {
        let tree = self.shown().ok_or(ReplicaError::NoCheckpoint)?.tree();
        if new_size > tree.size || old_size > new_size {
            return Err(ReplicaError::Outside {
                found: old_size.max(new_size),
                size: tree.size,
            });
        }
        let old = self.reader.tree_at(old_size, &tree).await?;
        let new = self.reader.tree_at(new_size, &tree).await?;
        let proof = self
            .reader
            .prove_consistency(old_size, new_size, &tree)
            .await?;
        Ok((old, new, proof))
    }
}

/// Takes an order in, if the entry is one; most entries are passed over without being parsed.
fn take_order(orders: &mut Orders, index: u64, entry: &[u8], keys: &KeyState) {
    let word = b"\"order\"";
    if !entry.windows(word.len()).any(|letters| letters == word) && !entry.contains(&b'\\') {
        return;
    }
    let Ok((header, note)) = parse_entry(entry) else {
        return;
    };
    // One whose signature does not hold counts for nothing; audit names it.
    if let Ok(statement) = Statement::parse(note)
        && matches!(statement.body(), Body::Order)
        && keys.verify(&statement).is_ok()
    {
        orders.take(index, header.time, &statement, keys);
    }
}
