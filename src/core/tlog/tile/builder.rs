//! Building hash tiles from leaf hashes.
//!
//! A tree's right edge is kept as rows of nodes, one for each level of the binary tree, but only
//! those under the partial tiles: fewer than 512 hashes for each 8 levels, however many leaves.
//! Each inner node is hashed once, when its second child is there.

use super::super::merkle::{self, Hash, SIZE_MAX, Tree, node_hash};
use super::{LEVEL_MAX, Tile, encode_hashes, hashes_at};

/// Builds hash tiles from leaf hashes in order: for an audit, which compares them with those that
/// are published, and inside [`Edge`](super::Edge).
///
/// ```
/// use mingzhang_core::tlog::{merkle::{Hash, Tree}, tile::TileBuilder};
/// let mut builder = TileBuilder::new();
/// let tiles = builder.append(&vec![Hash::ZERO; 300]);
/// assert_eq!(tiles[0].0.path(), "tile/0/000");
/// let partials = builder.partials();
/// assert_eq!(partials[0].0.path(), "tile/0/001.p/44");
/// assert_eq!(partials[1].0.path(), "tile/1/000.p/1");
/// assert_eq!(builder.tree().size, 300);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TileBuilder {
    nodes: Nodes,
}

impl TileBuilder {
    /// Of the empty tree.
    pub fn new() -> TileBuilder {
        TileBuilder::default()
    }

    /// The tree so far.
    pub fn tree(&self) -> Tree {
        self.nodes.tree()
    }

    /// Adds leaves; returns the full tiles that they complete, lower levels first.
    ///
    /// # Panics
    /// If the tree would have more than [`SIZE_MAX`] leaves.
    pub fn append(&mut self, leaf_hashes: &[Hash]) -> Vec<(Tile, Vec<u8>)> {
        let old_size = self.nodes.size;
        self.nodes.extend(leaf_hashes);
        let tiles = self
            .nodes
            .tiles(old_size)
            .filter(|(tile, _)| tile.is_full());
        let tiles = tiles
            .map(|(tile, hashes)| (tile, encode_hashes(hashes)))
            .collect();
        self.nodes = self.nodes.right_edge();
        tiles
    }

    /// The partial tiles of the tree so far, lower levels first.
    pub fn partials(&self) -> Vec<(Tile, Vec<u8>)> {
        let tiles = self.nodes.partials();
        tiles
            .map(|(tile, hashes)| (tile, encode_hashes(hashes)))
            .collect()
    }
}

/// Nodes of a binary tree from some place on up to its right edge: `rows[k]` are the roots of the
/// perfect subtrees of 2^k leaves. Each row begins where a tile begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    pub(super) size: u64,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The index of the first node kept: even, as tiles begin at multiples of 256.
    pub(super) start: u64,
    pub(super) hashes: Vec<Hash>,
}

impl Nodes {
    /// With empty rows, to be [`fill`](Nodes::fill)ed.
    pub(super) fn of_size(size: u64) -> Nodes {
        let levels = size.checked_ilog2().map_or(0, |top| top + 1);
        let rows = (0..levels).map(|level| Row {
            start: edge_start(level, size),
            hashes: Vec::new(),
        });
        Nodes {
            size,
            rows: rows.collect(),
        }
    }

    /// Sets the hashes of the partial tile of a level, and hashes the nodes between them and the
    /// next level of tiles.
    pub(super) fn fill(&mut self, level: u8, hashes: Vec<Hash>) {
        let bottom = 8 * usize::from(level);
        self.rows[bottom].hashes = hashes;
        let top = self.rows.len().min(bottom + 8);
        for row in bottom + 1..top {
            let hashes = self.rows[row - 1].hashes.as_chunks::<2>().0;
            self.rows[row].hashes = hashes.iter().map(|[l, r]| node_hash(l, r)).collect();
        }
    }

    pub(super) fn node(&self, level: u32, index: u64) -> Hash {
        let row = &self.rows[level as usize];
        let at = index
            .checked_sub(row.start)
            .and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| row.hashes.get(at).copied())
            .expect("the caller knows which nodes are kept")
    }

    pub(super) fn tree(&self) -> Tree {
        if self.size == 0 {
            return Tree::EMPTY;
        }
        let root_hash = merkle::range_root(0..self.size, |level, index| self.node(level, index));
        Tree {
            size: self.size,
            root_hash,
        }
    }

    /// Adds leaves, and every inner node that they complete.
    pub(super) fn extend(&mut self, leaf_hashes: &[Hash]) {
        if leaf_hashes.is_empty() {
            return;
        }
        let size = self
            .size
            .checked_add(leaf_hashes.len() as u64)
            .filter(|size| *size <= SIZE_MAX);
        self.size = size.expect("no log reaches 2^63 entries");
        let levels = self.size.ilog2() as usize + 1;
        self.rows.resize_with(levels, || Row {
            start: 0,
            hashes: Vec::new(),
        });
        self.rows[0].hashes.extend_from_slice(leaf_hashes);
        for level in 1..levels {
            let (below, row) = {
                let (below, above) = self.rows.split_at_mut(level);
                (&below[level - 1], &mut above[0])
            };
            // A row begins at twice the start of the one above, save where a level of tiles ends:
            // there the tile being filled is the last node that the row above lacks.
            let first = 2 * (row.start + row.hashes.len() as u64) - below.start;
            let first = usize::try_from(first).expect("no more than what is in memory");
            let pairs = below.hashes[first..].as_chunks::<2>().0;
            row.hashes
                .extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
        }
    }

    /// The hash tiles that the tree has and the tree of its first `old_size` leaves had not, lower
    /// levels first. The nodes must reach back to that tree's right edge.
    pub(super) fn tiles(&self, old_size: u64) -> impl Iterator<Item = (Tile, &[Hash])> {
        (0..=LEVEL_MAX).flat_map(move |level| {
            let (old, new) = (hashes_at(level, old_size), hashes_at(level, self.size));
            let tiles = if old < new {
                old / 256..new.div_ceil(256)
            } else {
                0..0
            };
            tiles.filter_map(move |index| self.tile(level, index))
        })
    }

    /// The partial hash tiles, lower levels first.
    pub(super) fn partials(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        (0..=LEVEL_MAX).filter_map(|level| self.tile(level, hashes_at(level, self.size) / 256))
    }

    fn tile(&self, level: u8, index: u64) -> Option<(Tile, &[Hash])> {
        let tile = Tile::hashes(level, index, self.size)?;
        let row = &self.rows[8 * usize::from(level)];
        let first = (256 * index)
            .checked_sub(row.start)
            .and_then(|at| usize::try_from(at).ok());
        let first = first.expect("the caller knows which tiles are kept");
        Some((tile, &row.hashes[first..first + usize::from(tile.width())]))
    }

    /// A copy of what is under the partial tiles.
    pub(super) fn right_edge(&self) -> Nodes {
        let mut edge = Nodes::of_size(self.size);
        for (kept, row) in edge.rows.iter_mut().zip(&self.rows) {
            let first = usize::try_from(kept.start - row.start).expect("it is in memory");
            kept.hashes = row.hashes[first..].to_vec();
        }
        edge
    }
}

/// Where the row of a level of the binary tree begins, in a tree of `size` leaves of which only
/// what is under partial tiles is kept.
fn edge_start(level: u32, size: u64) -> u64 {
    let tile = size >> (8 * (level / 8)) >> 8;
    // 256 hashes of the tile's own level, 128 of the next, and so on.
    tile << (8 - level % 8)
}

#[cfg(test)]
mod tests {
    use super::super::Edge;
    use super::*;
    use crate::tlog::merkle::leaf_hash;
    use std::collections::BTreeMap;

    #[test]
    fn a_builder_makes_the_tiles_that_an_edge_makes() {
        let entries: Vec<String> = (0..70_000).map(|i| format!("entry {i}")).collect();
        let leaf_hashes: Vec<Hash> = entries.iter().map(|e| leaf_hash(e.as_bytes())).collect();
        let mut edge = Edge::empty();
        let want: BTreeMap<_, _> = edge.append(&entries).objects.into_iter().collect();
        for step in [1, 100, 256, 4096, 70_000] {
            let mut builder = TileBuilder::new();
            let mut tiles: Vec<_> = leaf_hashes
                .chunks(step)
                .flat_map(|leaves| builder.append(leaves))
                .collect();
            tiles.extend(builder.partials());
            assert_eq!(builder.tree(), edge.tree());
            assert_eq!(tiles.len(), 273 + 1 + 3);
            assert!(
                tiles
                    .iter()
                    .all(|(tile, bytes)| want.get(tile) == Some(bytes)),
                "{step}"
            );
        }
    }
}
