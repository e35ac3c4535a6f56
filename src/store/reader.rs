//! Reads a log through its tiles, from a store or a URL, and hands out nothing that was not authenticated to a signed root.
//!
//! Plan, fetch, compute: `tlog::tile` says which tiles are needed and checks every one of them (promise 9); this file only fetches.
//! Does not judge records: a reader of statements does.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Http, HttpError, Store, StoreError};
use crate::tlog::merkle::{self, Hash, Tree};
use crate::tlog::tile::{self, Tile, TileError, TileSet};

/// Where the public objects of a log are read.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder, a bucket, memory: names as under `log/`.
    Store(Store),
    /// Any web server that serves them.
    Http(Http),
}

/// An object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// From a store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// From a URL.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl Source {
    /// The object's bytes, `None` if there is no such object.
    ///
    /// # Errors
    /// If it has more than `bytes_max` bytes or cannot be read.
    pub async fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, SourceError> {
        match self {
            Source::Store(store) => Ok(store.read(name, bytes_max).await?),
            Source::Http(http) => Ok(http.read(name, bytes_max).await?),
        }
    }
}

/// Why something of the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The index or size is not in the tree.
    #[error("{found} is outside a tree of {size} records")]
    Outside {
        /// What was asked for.
        found: u64,
        /// The tree's size.
        size: u64,
    },
    /// An object that the checkpoint implies is not there.
    #[error("{name} is missing, although a tree of {size} records implies it")]
    Missing {
        /// Its name.
        name: String,
        /// The tree's size.
        size: u64,
    },
    /// A tile or bundle does not lead to the signed root, or cannot be taken apart.
    #[error("{name} is not what the signed root stands for")]
    Tile {
        /// The object, or the first one asked for where several make the root together.
        name: String,
        /// What does not fit.
        #[source]
        source: TileError,
    },
    /// The object could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Entries or hashes in a full tile.
const WIDTH: u64 = 256;
/// Objects fetched at one time.
const FETCHES: usize = 8;

/// A log's records and proofs, every byte authenticated to the tree that the caller trusts.
#[derive(Clone, Debug)]
pub struct LogReader {
    source: Source,
}

impl LogReader {
    /// Reads from `source`, whose names begin at the log's root (`checkpoint`, `tile/…`).
    pub fn new(source: Source) -> LogReader {
        LogReader { source }
    }

    /// Where it reads.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The entry at `index`; empty if it was erased (the caller asks the key state whether an order says so).
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn entry(&self, tree: &Tree, index: u64) -> Result<Bytes, ReadError> {
        let tiles = self
            .tiles(
                tree,
                TileSet::plan_bundle(within(index, tree)? / WIDTH, tree.size),
            )
            .await?;
        let tile = Tile::entries(index / WIDTH, tree.size).expect("the index is within the tree");
        let (name, bundle) = self.tile_bytes(tree, tile).await?;
        let fault = |source| ReadError::Tile {
            name: name.clone(),
            source,
        };
        let entries = tile::parse_bundle(&bundle, tile.width())
            .map_err(|source| fault(TileError::Bundle { tile, source }))?;
        let entry = entries[usize::try_from(index % WIDTH).expect("below 256")];
        // One leaf hash instead of 256: nothing of the other entries is used.
        check_leaf(&tiles, index, entry).map_err(fault)?;
        Ok(bundle.slice_ref(entry))
    }

    /// The entries at these indexes, in the order asked for; erased ones are empty. Each tile and each bundle is read and hashed once, and
    /// what is returned holds no bundle in memory.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn entries(&self, tree: &Tree, indexes: &[u64]) -> Result<Vec<Bytes>, ReadError> {
        let mut wanted: BTreeMap<u64, Vec<(u64, usize)>> = BTreeMap::new();
        for (place, index) in indexes.iter().enumerate() {
            let number = within(*index, tree)? / WIDTH;
            wanted.entry(number).or_default().push((*index, place));
        }
        let ranges: Vec<_> = wanted.keys().map(|n| n * WIDTH..n * WIDTH + 1).collect();
        let tiles = self.tiles(tree, TileSet::plan(tree.size, &ranges)).await?;
        let mut entries = vec![Bytes::new(); indexes.len()];
        for (number, wanted) in wanted {
            let tile = Tile::entries(number, tree.size).expect("the index is within the tree");
            let (name, bundle) = self.tile_bytes(tree, tile).await?;
            let bundle = tile::parse_bundle(&bundle, tile.width())
                .map_err(|source| TileError::Bundle { tile, source })
                .map_err(|source| ReadError::Tile {
                    name: name.clone(),
                    source,
                })?;
            for (index, place) in wanted {
                let entry = bundle[usize::try_from(index % WIDTH).expect("below 256")];
                check_leaf(&tiles, index, entry).map_err(|source| ReadError::Tile {
                    name: name.clone(),
                    source,
                })?;
                entries[place] = Bytes::copy_from_slice(entry);
            }
        }
        Ok(entries)
    }

    /// All entries of bundle number `number` that the tree holds; erased ones are empty.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn bundle(&self, tree: &Tree, number: u64) -> Result<Vec<Bytes>, ReadError> {
        within(number.saturating_mul(WIDTH), tree)?;
        let tiles = self
            .tiles(tree, TileSet::plan_bundle(number, tree.size))
            .await?;
        let tile = Tile::entries(number, tree.size).expect("its first index is within the tree");
        let (name, bundle) = self.tile_bytes(tree, tile).await?;
        let entries = tiles
            .check_bundle_erased(number, &bundle, |_| true)
            .map_err(|source| ReadError::Tile { name, source })?;
        Ok(entries
            .into_iter()
            .map(|entry| bundle.slice_ref(entry))
            .collect())
    }

    /// The inclusion proof of `index` in `tree`, and the leaf hash it is for.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_inclusion(
        &self,
        tree: &Tree,
        index: u64,
    ) -> Result<(Hash, Vec<Hash>), ReadError> {
        let mut proofs = self.prove_inclusions(tree, &[index]).await?;
        Ok(proofs.pop().expect("one for each index"))
    }

    /// The same for several records, with each tile read and hashed once.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_inclusions(
        &self,
        tree: &Tree,
        indexes: &[u64],
    ) -> Result<Vec<(Hash, Vec<Hash>)>, ReadError> {
        let mut plan = BTreeSet::new();
        for index in indexes {
            plan.extend(TileSet::plan_inclusion(within(*index, tree)?, tree.size));
        }
        let tiles = self.tiles(tree, plan.into_iter().collect()).await?;
        let prove = |index: &u64| Ok((tiles.leaf_hash(*index)?, tiles.prove_inclusion(*index)?));
        let proofs: Result<_, TileError> = indexes.iter().map(prove).collect();
        proofs.map_err(planned)
    }

    /// The inclusion proof of `index` in the tree as it stood at `size`, from the tiles of `tree`, which serve every smaller one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_inclusion_at(
        &self,
        tree: &Tree,
        index: u64,
        size: u64,
    ) -> Result<Vec<Hash>, ReadError> {
        if size > tree.size || index >= size {
            return Err(ReadError::Outside {
                found: index.max(size),
                size: tree.size,
            });
        }
        let ranges = merkle::inclusion_siblings(index, size);
        let tiles = self.tiles(tree, TileSet::plan(tree.size, &ranges)).await?;
        ranges
            .into_iter()
            .map(|range| tiles.range_root(range))
            .collect::<Result<_, _>>()
            .map_err(planned)
    }

    /// The consistency proof between two sizes, neither above `tree`'s, from the tiles of `tree`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_consistency(
        &self,
        old_size: u64,
        new_size: u64,
        tree: &Tree,
    ) -> Result<Vec<Hash>, ReadError> {
        for found in [old_size, new_size] {
            if found > tree.size || old_size > new_size {
                return Err(ReadError::Outside {
                    found,
                    size: tree.size,
                });
            }
        }
        let ranges = merkle::consistency_siblings(old_size, new_size);
        let tiles = self.tiles(tree, TileSet::plan(tree.size, &ranges)).await?;
        ranges
            .into_iter()
            .map(|range| tiles.range_root(range))
            .collect::<Result<_, _>>()
            .map_err(planned)
    }

    /// The tree as it stood at `size`, computed from the tiles of `tree`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tree_at(&self, size: u64, tree: &Tree) -> Result<Tree, ReadError> {
        if size > tree.size {
            return Err(ReadError::Outside {
                found: size,
                size: tree.size,
            });
        }
        if size == 0 || size == tree.size {
            return Ok(if size == 0 { Tree::EMPTY } else { *tree });
        }
        let tiles = self
            .tiles(
                tree,
                TileSet::plan(tree.size, std::slice::from_ref(&(0..size))),
            )
            .await?;
        Ok(Tree {
            size,
            root_hash: tiles.range_root(0..size).map_err(planned)?,
        })
    }

    /// Fetches and authenticates hash tiles.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tiles(&self, tree: &Tree, plan: Vec<Tile>) -> Result<TileSet, ReadError> {
        let first = plan.first().map(|tile| tile.path()).unwrap_or_default();
        let fetched =
            stream::iter(plan)
                .map(|tile| async move {
                    Ok::<_, ReadError>((tile, self.tile_bytes(tree, tile).await?.1))
                })
                .buffered(FETCHES)
                .try_collect::<Vec<_>>()
                .await?;
        TileSet::authenticate(tree, fetched).map_err(|source| ReadError::Tile {
            name: name_of(&source).unwrap_or(first),
            source,
        })
    }

    /// The bytes of a tile or bundle as `tree` implies it, not yet authenticated, with the name they were found under: a partial one may
    /// have been deleted in favour of the full one, whose beginning it is (tlog-tiles@v0.1.0, Partial Tiles).
    ///
    /// # Errors
    /// [`ReadError::Missing`], [`ReadError::Source`], [`ReadError::Tile`] if the full one is too short.
    pub async fn tile_bytes(&self, tree: &Tree, tile: Tile) -> Result<(String, Bytes), ReadError> {
        let name = tile.path();
        if let Some(bytes) = self.source.read(&name, tile.bytes_max() as u64).await? {
            return Ok((name, bytes));
        }
        let full = tile.full();
        if full != tile
            && let Some(bytes) = self
                .source
                .read(&full.path(), full.bytes_max() as u64)
                .await?
        {
            let cut = tile.cut(&bytes).map_err(|source| ReadError::Tile {
                name: full.path(),
                source,
            })?;
            return Ok((full.path(), bytes.slice_ref(cut)));
        }
        Err(ReadError::Missing {
            name,
            size: tree.size,
        })
    }
}

/// That the entry is the leaf at this index, or was erased.
fn check_leaf(tiles: &TileSet, index: u64, entry: &[u8]) -> Result<(), TileError> {
    let (have, want) = (merkle::leaf_hash(entry), tiles.leaf_hash(index)?);
    if have != want && !entry.is_empty() {
        return Err(TileError::Leaf { index, have, want });
    }
    Ok(())
}

fn within(index: u64, tree: &Tree) -> Result<u64, ReadError> {
    if index < tree.size {
        Ok(index)
    } else {
        Err(ReadError::Outside {
            found: index,
            size: tree.size,
        })
    }
}

/// The plan and the proof walk the same ranges; a tile that is missing from an authenticated set is our mistake, told all the same.
fn planned(source: TileError) -> ReadError {
    ReadError::Tile {
        name: name_of(&source).unwrap_or_default(),
        source,
    }
}

fn name_of(fault: &TileError) -> Option<String> {
    match fault {
        TileError::Missing { tile }
        | TileError::Unexpected { tile, .. }
        | TileError::Length { tile, .. }
        | TileError::Hash { tile, .. }
        | TileError::Bundle { tile, .. } => Some(tile.path()),
        TileError::Size { .. } | TileError::Root { .. } | TileError::Leaf { .. } => None,
    }
}
