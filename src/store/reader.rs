//! Reads a log through its tiles, from a store or a URL, and hands out nothing that was not authenticated to a signed root.
//!
//! Plan, fetch, compute: `tlog::tile` says which tiles are needed and checks every one of them (promise 9); this file only fetches.
//! Does not judge records: a reader of statements does.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Http, HttpError, OBJECT_BYTES_MAX, Store, StoreError};
use crate::tlog::merkle::{self, Hash, Tree};
use crate::tlog::tile::{self, Tile, TileSet};

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
    /// A tile does not lead to the signed root.
    #[error(transparent)]
    Tile(#[from] tile::TileError),
    /// A bundle cannot be taken apart.
    #[error("{name} is not an entry bundle")]
    Bundle {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: tile::BundleError,
    },
    /// The entry's hash is not the one that the tree holds.
    #[error("the entry of record {index} in {name} has leaf hash {found}, the tree holds {wanted}")]
    Entry {
        /// The bundle's name.
        name: String,
        /// Which record.
        index: u64,
        /// Computed from the bytes.
        found: Hash,
        /// In the authenticated tile.
        wanted: Hash,
    },
    /// The object could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

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
        let tiles = self.tiles(tree, TileSet::plan_inclusion(within(index, tree)?, tree.size)).await?;
        let (name, bundle) = self.bundle_bytes(tree, index / tile::WIDTH).await?;
        let entries = parse(&name, &bundle, index / tile::WIDTH, tree)?;
        let at = usize::try_from(index % tile::WIDTH).expect("below 256");
        self.compare(&tiles, &name, index, entries[at])?;
        Ok(bundle.slice_ref(entries[at]))
    }

    /// All entries of bundle number `number` that the tree holds; erased ones are empty.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn bundle(&self, tree: &Tree, number: u64) -> Result<Vec<Bytes>, ReadError> {
        let first = within(number.saturating_mul(tile::WIDTH), tree)?;
        let tiles = self.tiles(tree, TileSet::plan_bundle(number, tree.size)).await?;
        let (name, bundle) = self.bundle_bytes(tree, number).await?;
        let entries = parse(&name, &bundle, number, tree)?;
        for (index, entry) in (first..).zip(&entries) {
            self.compare(&tiles, &name, index, entry)?;
        }
        Ok(entries.into_iter().map(|entry| bundle.slice_ref(entry)).collect())
    }

    /// The inclusion proof of `index` in `tree`, and the leaf hash it is for.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_inclusion(&self, tree: &Tree, index: u64) -> Result<(Hash, Vec<Hash>), ReadError> {
        let tiles = self.tiles(tree, TileSet::plan_inclusion(within(index, tree)?, tree.size)).await?;
        let proof = merkle::prove_inclusion(index, tree.size, |range| tiles.range_root(range));
        Ok((tiles.range_root(index..index + 1), proof))
    }

    /// The consistency proof from size `old_size` to `tree`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn prove_consistency(&self, old_size: u64, tree: &Tree) -> Result<Vec<Hash>, ReadError> {
        if old_size > tree.size {
            return Err(ReadError::Outside { found: old_size, size: tree.size });
        }
        if old_size == 0 || old_size == tree.size {
            return Ok(Vec::new());
        }
        let tiles = self.tiles(tree, TileSet::plan_consistency(old_size, tree.size)).await?;
        Ok(merkle::prove_consistency(old_size, tree.size, |range| tiles.range_root(range)))
    }

    /// The tree as it stood at `size`, computed from the tiles of `tree`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tree_at(&self, size: u64, tree: &Tree) -> Result<Tree, ReadError> {
        if size > tree.size {
            return Err(ReadError::Outside { found: size, size: tree.size });
        }
        if size == 0 || size == tree.size {
            return Ok(if size == 0 { Tree::EMPTY } else { *tree });
        }
        let ranges = merkle::perfect_ranges(size);
        let tiles = self.tiles(tree, TileSet::plan(tree.size, &ranges)).await?;
        let mut roots = ranges.into_iter().rev().map(|range| tiles.range_root(range));
        let last = roots.next().expect("a size above 0 has a perfect range");
        Ok(Tree { size, root_hash: roots.fold(last, |right, left| merkle::node_hash(&left, &right)) })
    }

    /// Fetches and authenticates hash tiles.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tiles(&self, tree: &Tree, plan: Vec<Tile>) -> Result<TileSet, ReadError> {
        let fetched = stream::iter(plan)
            .map(|tile| async move {
                let (_, bytes) = self.tile_bytes(tree, &tile).await?;
                Ok::<_, ReadError>((tile, bytes))
            })
            .buffered(FETCHES)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(TileSet::authenticate(tree, fetched)?)
    }

    /// The bytes of a tile or bundle as `tree` implies it, not yet authenticated, with the name they were found under: a partial one may
    /// have been deleted in favour of the full one, whose beginning it is (tlog-tiles@v0.1.0, Partial Tiles).
    ///
    /// # Errors
    /// [`ReadError::Missing`], [`ReadError::Source`].
    pub async fn tile_bytes(&self, tree: &Tree, tile: &Tile) -> Result<(String, Bytes), ReadError> {
        let name = tile.path();
        if let Some(bytes) = self.source.read(&name, OBJECT_BYTES_MAX).await? {
            return Ok((name, bytes));
        }
        let missing = || ReadError::Missing { name: name.clone(), size: tree.size };
        let full = tile.full().ok_or_else(missing)?;
        let bytes = self.source.read(&full.path(), OBJECT_BYTES_MAX).await?.ok_or_else(missing)?;
        let bytes = tile.cut_from_full(&bytes).ok_or_else(missing)?;
        Ok((full.path(), Bytes::from(bytes)))
    }

    async fn bundle_bytes(&self, tree: &Tree, number: u64) -> Result<(String, Bytes), ReadError> {
        self.tile_bytes(tree, &tile::entries_tile(number, tree.size)).await
    }

    fn compare(&self, tiles: &TileSet, name: &str, index: u64, entry: &[u8]) -> Result<(), ReadError> {
        if entry.is_empty() {
            return Ok(());
        }
        let (found, wanted) = (merkle::leaf_hash(entry), tiles.range_root(index..index + 1));
        if found == wanted { Ok(()) } else { Err(ReadError::Entry { name: name.to_owned(), index, found, wanted }) }
    }
}

fn within(index: u64, tree: &Tree) -> Result<u64, ReadError> {
    if index < tree.size { Ok(index) } else { Err(ReadError::Outside { found: index, size: tree.size }) }
}

fn parse<'a>(name: &str, bundle: &'a [u8], number: u64, tree: &Tree) -> Result<Vec<&'a [u8]>, ReadError> {
    tile::parse_bundle(bundle, tile::entries_tile(number, tree.size).width())
        .map_err(|source| ReadError::Bundle { name: name.to_owned(), source })
}
