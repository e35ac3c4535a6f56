//! Reading a tree through its tiles: none is used before all are authenticated.
//!
//! The reader that everybody ports (Go's sumdb/tlog) checks the tiles that it fetched against their
//! parents, but begins counting at the wrong place, so that with several subtree roots in one tile
//! some were never checked (CVE-2026-56865; the crate tlog_tiles 0.2 has the same hole). Here there
//! is no list to walk past: a [`TileSet`] exists only when *every* tile in it, wanted or not, hangs
//! from the root hash. That is DESIGN promise 9.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::merkle::{
    self, Hash, SIZE_MAX, Tree, consistency_siblings, inclusion_siblings, leaf_hash,
    perfect_subtrees,
};
use super::{LEVEL_MAX, Tile, TileError, hashes_at, parse_bundle, parse_hashes};

/// Hash tiles of one tree, all authenticated by its root hash.
///
/// Plan, fetch, authenticate, use:
///
/// ```
/// use mingzhang_core::tlog::merkle::{check_inclusion, leaf_hash};
/// use mingzhang_core::tlog::tile::{Edge, Tile, TileError, TileSet};
/// # let mut edge = Edge::empty();
/// # let entries: Vec<String> = (0..300).map(|i| i.to_string()).collect();
/// # let files: std::collections::HashMap<_, _> = edge.append(&entries).objects.into_iter().collect();
/// # let tree = edge.tree();
/// let plan = TileSet::plan_inclusion(7, tree.size);
/// let fetched = plan.into_iter().map(|tile| (tile, files[&tile].clone())).collect();
/// let tiles = TileSet::authenticate(&tree, fetched)?;
/// let proof = tiles.prove_inclusion(7)?;
/// assert!(check_inclusion(&leaf_hash(b"7"), 7, &tree, &proof).is_ok());
/// # Ok::<(), TileError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TileSet {
    tree: Tree,
    /// By level and index.
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl TileSet {
    /// The tiles from which the root of each of these ranges follows, with all their ancestors and
    /// the right edge, as a tree of `size` leaves has them. Sorted, none twice.
    ///
    /// A partial tile may be gone when the log has grown; [`Tile::full`] and [`Tile::cut`] then
    /// give the same bytes.
    ///
    /// # Panics
    /// If a range is not within the tree or not a subtree, see
    /// [`range_root`](merkle::range_root).
    pub fn plan(size: u64, ranges: &[Range<u64>]) -> Vec<Tile> {
        let mut plan = BTreeSet::new();
        for range in ranges {
            assert!(range.end <= size, "{range:?} is not in a tree of {size}");
            for (level, index) in perfect_subtrees(range.clone()) {
                let (tile, _) = place(level, index, size);
                // Up to the first partial tile: that is on the right edge, and so are all above it.
                let mut next = Some(tile);
                while let Some(tile) = next.filter(|tile| plan.insert(*tile) && tile.is_full()) {
                    next = parent(tile, size).map(|(tile, _)| tile);
                }
            }
        }
        plan.extend(right_edge(size));
        plan.into_iter().collect()
    }

    /// What [`prove_inclusion`](TileSet::prove_inclusion) needs.
    ///
    /// # Panics
    /// If `index` is not below `size`.
    pub fn plan_inclusion(index: u64, size: u64) -> Vec<Tile> {
        let mut ranges = inclusion_siblings(index, size);
        ranges.push(index..index + 1);
        TileSet::plan(size, &ranges)
    }

    /// What [`prove_consistency`](TileSet::prove_consistency) needs, and the root hash of the old
    /// tree, `range_root(0..old_size)`.
    ///
    /// # Panics
    /// If `old_size` is above `new_size`.
    pub fn plan_consistency(old_size: u64, new_size: u64) -> Vec<Tile> {
        let mut ranges = consistency_siblings(old_size, new_size);
        if old_size > 0 {
            ranges.push(0..old_size);
        }
        TileSet::plan(new_size, &ranges)
    }

    /// What [`check_bundle`](TileSet::check_bundle) needs for the bundle `index`.
    ///
    /// # Panics
    /// If a tree of `size` leaves has no such bundle.
    pub fn plan_bundle(index: u64, size: u64) -> Vec<Tile> {
        assert!(
            index < size.div_ceil(256),
            "no bundle {index} in a tree of {size} leaves"
        );
        let first = 256 * index;
        TileSet::plan(size, std::slice::from_ref(&(first..first + 1)))
    }

    /// Checks every given tile up to the root hash of `tree`. Each must have the width that it has
    /// in `tree`; the right edge must be there, and the parent of every full tile. All is judged
    /// before anything can be read.
    pub fn authenticate<B: AsRef<[u8]>>(
        tree: &Tree,
        tiles: Vec<(Tile, B)>,
    ) -> Result<TileSet, TileError> {
        if tree.size > SIZE_MAX {
            return Err(TileError::Size { size: tree.size });
        }
        let mut set = TileSet {
            tree: *tree,
            tiles: BTreeMap::new(),
        };
        for (tile, bytes) in tiles {
            let unexpected = TileError::Unexpected {
                tile,
                size: tree.size,
            };
            let Tile::Hashes { level, index, .. } = tile else {
                return Err(unexpected);
            };
            if Tile::hashes(level, index, tree.size) != Some(tile) {
                return Err(unexpected);
            }
            if set
                .tiles
                .insert((level, index), parse_hashes(tile, bytes.as_ref())?)
                .is_some()
            {
                return Err(unexpected);
            }
        }

        // The right edge makes the root hash.
        for tile in right_edge(tree.size) {
            set.hashes(tile)?;
        }
        let have = match tree.size {
            0 => Tree::EMPTY.root_hash,
            size => set.range_root(0..size)?,
        };
        if have != tree.root_hash {
            return Err(TileError::Root {
                size: tree.size,
                have,
                want: tree.root_hash,
            });
        }
        // Every other tile is a full one, whose root is a hash in its parent. From the top down, so
        // that a fault is reported where it is and not at the tile below.
        for (&(level, index), hashes) in set.tiles.iter().rev() {
            let tile = Tile::hashes(level, index, tree.size).expect("judged above");
            if !tile.is_full() {
                continue;
            }
            let (parent, at) = parent(tile, tree.size).expect("a full tile is below another");
            let want = set.hashes(parent)?[at];
            let have = merkle::perfect_root(hashes);
            if have != want {
                return Err(TileError::Hash { tile, have, want });
            }
        }
        Ok(set)
    }

    /// The tree that the tiles are of.
    pub fn tree(&self) -> Tree {
        self.tree
    }

    /// The leaf hash at `index`.
    ///
    /// # Panics
    /// If `index` is not in the tree; as for all that follow.
    pub fn leaf_hash(&self, index: u64) -> Result<Hash, TileError> {
        self.subtree(0, index)
    }

    /// The root hash of a range of leaves; see [`merkle::range_root`] for which. An error if a tile
    /// that it needs is not in the set.
    pub fn range_root(&self, range: Range<u64>) -> Result<Hash, TileError> {
        let mut missing = None;
        let root_hash = merkle::range_root(range, |level, index| {
            self.subtree(level, index).unwrap_or_else(|error| {
                missing = Some(error);
                Hash::ZERO
            })
        });
        missing.map_or(Ok(root_hash), Err)
    }

    /// The inclusion proof of leaf `index`.
    pub fn prove_inclusion(&self, index: u64) -> Result<Vec<Hash>, TileError> {
        let siblings = inclusion_siblings(index, self.tree.size);
        siblings
            .into_iter()
            .map(|range| self.range_root(range))
            .collect()
    }

    /// The consistency proof from the tree of the first `old_size` leaves to this one.
    pub fn prove_consistency(&self, old_size: u64) -> Result<Vec<Hash>, TileError> {
        let siblings = consistency_siblings(old_size, self.tree.size);
        siblings
            .into_iter()
            .map(|range| self.range_root(range))
            .collect()
    }

    /// Takes the entry bundle `index` apart and returns its entries, every one of which has the
    /// leaf hash that the tree has.
    pub fn check_bundle<'a>(
        &self,
        index: u64,
        bytes: &'a [u8],
    ) -> Result<Vec<&'a [u8]>, TileError> {
        self.check_bundle_erased(index, bytes, |_| false)
    }

    /// As [`check_bundle`](TileSet::check_bundle), for a log from which entries were erased by
    /// order: an entry of length 0 at a leaf index for which `erased` holds is taken as it is.
    pub fn check_bundle_erased<'a>(
        &self,
        index: u64,
        bytes: &'a [u8],
        erased: impl Fn(u64) -> bool,
    ) -> Result<Vec<&'a [u8]>, TileError> {
        let tile = Tile::entries(index, self.tree.size).expect("the caller has a plan");
        let entries = parse_bundle(bytes, tile.width())
            .map_err(|source| TileError::Bundle { tile, source })?;
        let hashes = Tile::hashes(0, index, self.tree.size).expect("beside the bundle");
        for ((index, entry), &want) in (256 * index..).zip(&entries).zip(self.hashes(hashes)?) {
            let have = leaf_hash(entry);
            if have != want && !(entry.is_empty() && erased(index)) {
                return Err(TileError::Leaf { index, have, want });
            }
        }
        Ok(entries)
    }

    /// The root of the perfect subtree of 2^level leaves.
    fn subtree(&self, level: u32, index: u64) -> Result<Hash, TileError> {
        let (tile, hashes) = place(level, index, self.tree.size);
        Ok(merkle::perfect_root(&self.hashes(tile)?[hashes]))
    }

    fn hashes(&self, tile: Tile) -> Result<&[Hash], TileError> {
        let Tile::Hashes { level, index, .. } = tile else {
            unreachable!("no bundle has hashes")
        };
        let hashes = self.tiles.get(&(level, index));
        hashes.map(Vec::as_slice).ok_or(TileError::Missing { tile })
    }
}

/// The partial tiles, lower levels first.
fn right_edge(size: u64) -> impl Iterator<Item = Tile> {
    (0..=LEVEL_MAX).filter_map(move |level| Tile::hashes(level, hashes_at(level, size) / 256, size))
}

/// The tile that holds the perfect subtree `index` of 2^level leaves, as the root of some of its
/// hashes.
fn place(level: u32, index: u64, size: u64) -> (Tile, Range<usize>) {
    let row = u8::try_from(level / 8).expect("no level is above 63");
    let (start, end) = (index << (level % 8), (index + 1) << (level % 8));
    let tile = Tile::hashes(row, start / 256, size);
    let tile =
        tile.unwrap_or_else(|| panic!("{index} of level {level} is not in a tree of {size}"));
    let first = usize::try_from(start % 256).expect("below 256");
    let count = usize::try_from(end - start).expect("at most 128");
    assert!(
        first + count <= usize::from(tile.width()),
        "{index} of level {level} in {size}"
    );
    (tile, first..first + count)
}

/// The tile that has the root of this full one, and where in it.
fn parent(tile: Tile, size: u64) -> Option<(Tile, usize)> {
    let Tile::Hashes { level, index, .. } = tile else {
        return None;
    };
    let parent = Tile::hashes(level + 1, index / 256, size)?;
    Some((parent, usize::try_from(index % 256).expect("below 256")))
}

#[cfg(test)]
mod tests {
    use super::super::{TileBuilder, encode_bundle, encode_hashes};
    use super::*;
    use crate::tlog::merkle::{check_consistency, check_inclusion};
    use std::collections::BTreeMap;

    type Files = BTreeMap<Tile, Vec<u8>>;
    type Fetched = Vec<(Tile, Vec<u8>)>;

    fn leaf(index: u64) -> Hash {
        leaf_hash(&index.to_be_bytes())
    }

    /// A tree with made-up leaf hashes, and its hash tiles.
    fn log(size: u64) -> (Tree, Files) {
        let mut builder = TileBuilder::new();
        let leaf_hashes: Vec<Hash> = (0..size).map(leaf).collect();
        let mut files: Files = builder.append(&leaf_hashes).into_iter().collect();
        files.extend(builder.partials());
        (builder.tree(), files)
    }

    fn fetch(plan: &[Tile], files: &Files) -> Fetched {
        plan.iter()
            .map(|tile| (*tile, files[tile].clone()))
            .collect()
    }

    fn refused(tree: &Tree, tiles: Fetched) -> TileError {
        TileSet::authenticate(tree, tiles).expect_err("a forged tile was believed")
    }

    const SIZES: [u64; 12] = [
        1, 2, 255, 256, 257, 300, 511, 512, 65_535, 65_536, 65_537, 70_000,
    ];

    #[test]
    fn what_is_planned_is_enough() {
        for size in SIZES {
            let (tree, files) = log(size);
            let indexes = [
                0,
                1,
                254,
                255,
                256,
                257,
                299,
                510,
                65_279,
                65_280,
                65_535,
                65_536,
                size / 2,
                size - 1,
            ];
            for index in indexes.into_iter().filter(|index| *index < size) {
                let plan = TileSet::plan_inclusion(index, size);
                assert!(plan.is_sorted() && plan.len() <= 8, "{plan:?}");
                let tiles = TileSet::authenticate(&tree, fetch(&plan, &files)).unwrap();
                let proof = tiles.prove_inclusion(index).unwrap();
                assert_eq!(tiles.leaf_hash(index), Ok(leaf(index)));
                assert_eq!(
                    check_inclusion(&leaf(index), index, &tree, &proof),
                    Ok(()),
                    "{index} of {size}"
                );

                let old = index + 1;
                let plan = TileSet::plan_consistency(old, size);
                let tiles = TileSet::authenticate(&tree, fetch(&plan, &files)).unwrap();
                let proof = tiles.prove_consistency(old).unwrap();
                let older = Tree {
                    size: old,
                    root_hash: tiles.range_root(0..old).unwrap(),
                };
                assert_eq!(
                    check_consistency(&older, &tree, &proof),
                    Ok(()),
                    "{old} to {size}"
                );
                assert_eq!(older, log_tree(old));
            }
            let tiles =
                TileSet::authenticate(&tree, fetch(&TileSet::plan_consistency(0, size), &files))
                    .unwrap();
            assert_eq!(tiles.prove_consistency(0), Ok(vec![]));
        }
        let none = TileSet::authenticate::<Vec<u8>>(&Tree::EMPTY, vec![]).unwrap();
        assert_eq!(none.tree(), Tree::EMPTY);
        assert_eq!(TileSet::plan(0, &[]), []);
    }

    fn log_tree(size: u64) -> Tree {
        let mut builder = TileBuilder::new();
        builder.append(&(0..size).map(leaf).collect::<Vec<_>>());
        builder.tree()
    }

    /// The plans that a reader makes, and some that have several subtree roots in one tile, the
    /// case that CVE-2026-56865 is about.
    fn plans(size: u64) -> Vec<Vec<Tile>> {
        let mut plans = vec![
            TileSet::plan(size, &[]),
            TileSet::plan_inclusion(0, size),
            TileSet::plan_inclusion(size - 1, size),
            TileSet::plan_inclusion(size / 2, size),
            TileSet::plan_bundle(0, size),
            TileSet::plan_consistency(size - 1, size),
            TileSet::plan_consistency(size / 3, size),
        ];
        if size >= 256 {
            plans.push(TileSet::plan(size, &[3..4, 128..256, size - 2..size - 1]));
        }
        if size > 65_536 {
            plans.push(TileSet::plan(
                size,
                &[256..512, 768..769, 65_280..65_281, 4096..8192],
            ));
        }
        plans
    }

    /// Each tile of a plan in turn is forged: one bit of each hash in it, whatever its level and
    /// place. The answer must be an error, and name the tile unless it is on the right edge.
    #[test]
    fn no_forged_tile_is_believed_whatever_its_level_and_place() {
        for size in [2, 256, 257, 300, 65_536, 65_537, 70_000] {
            let (tree, files) = log(size);
            for plan in plans(size) {
                let good = fetch(&plan, &files);
                assert!(TileSet::authenticate(&tree, good.clone()).is_ok());
                for at in 0..good.len() {
                    let tile = good[at].0;
                    for hash in 0..usize::from(tile.width()) {
                        let mut bad = good.clone();
                        bad[at].1[32 * hash + hash % 32] ^= 1 << (hash % 8);
                        match refused(&tree, bad) {
                            TileError::Hash { tile: named, .. } => assert_eq!(named, tile),
                            TileError::Root { .. } => assert!(!tile.is_full(), "{tile}"),
                            other => panic!("{tile} hash {hash}: {other}"),
                        }
                    }
                }
            }
        }
    }

    /// A forger who changes a leaf changes the hashes above it as well, as far up as he likes.
    #[test]
    fn no_forged_branch_is_believed_however_high_it_reaches() {
        for size in [300, 65_537, 70_000] {
            let (tree, files) = log(size);
            let plan = TileSet::plan_inclusion(7, size);
            for top in 0..=LEVEL_MAX {
                let mut bad: Files = fetch(&plan, &files).into_iter().collect();
                let Some(mut tile) = Tile::hashes(0, 0, size) else {
                    unreachable!()
                };
                bad.get_mut(&tile).unwrap()[32 * 7] ^= 1;
                let mut reached = 0;
                for _ in 0..top {
                    let Some((above, at)) = parent(tile, size).filter(|_| tile.is_full()) else {
                        break;
                    };
                    let root = merkle::perfect_root(&parse_hashes(tile, &bad[&tile]).unwrap());
                    bad.get_mut(&above).unwrap()[32 * at..][..32].copy_from_slice(&root.0);
                    tile = above;
                    reached += 1;
                }
                let error = refused(&tree, bad.into_iter().collect());
                match error {
                    TileError::Hash { tile: named, .. } => assert_eq!(named, tile),
                    TileError::Root { .. } => assert!(!tile.is_full(), "{size}: reached {reached}"),
                    other => panic!("{other}"),
                }
            }
        }
    }

    #[test]
    fn missing_swapped_cut_and_foreign_tiles_are_refused() {
        for size in [300, 65_537, 70_000] {
            let (tree, files) = log(size);
            for plan in plans(size) {
                let good = fetch(&plan, &files);
                let unexpected = |tile| TileError::Unexpected { tile, size };
                for at in 0..good.len() {
                    let tile = good[at].0;
                    let bend = |f: &dyn Fn(&mut Fetched)| {
                        let mut bad = good.clone();
                        f(&mut bad);
                        refused(&tree, bad)
                    };
                    // Without a partial tile there is no root hash; without a full one its children
                    // hang in the air, or nothing is wrong.
                    if !tile.is_full() {
                        assert_eq!(
                            bend(&|bad| drop(bad.remove(at))),
                            TileError::Missing { tile }
                        );
                    } else if good.iter().any(|(child, _)| is_parent(tile, *child, size)) {
                        assert_eq!(
                            bend(&|bad| drop(bad.remove(at))),
                            TileError::Missing { tile }
                        );
                    }
                    assert_eq!(bend(&|bad| bad.push(good[at].clone())), unexpected(tile));
                    for bytes in [0, 1, 31, 32, 33] {
                        let want = tile.bytes_max();
                        let long = TileError::Length {
                            tile,
                            have: want + bytes,
                            want,
                        };
                        if bytes > 0 {
                            assert_eq!(bend(&|bad| bad[at].1.resize(want + bytes, 0)), long);
                        }
                        let have = want.saturating_sub(bytes.max(1));
                        assert_eq!(
                            bend(&|bad| bad[at].1.truncate(have)),
                            TileError::Length { tile, have, want }
                        );
                    }
                    let Tile::Hashes {
                        level,
                        index,
                        width,
                    } = tile
                    else {
                        unreachable!()
                    };
                    let other = Tile::Hashes {
                        level,
                        index,
                        width: if width == 1 { 2 } else { width - 1 },
                    };
                    assert_eq!(bend(&|bad| bad[at].0 = other), unexpected(other));
                    let bundle = Tile::Entries { index, width };
                    assert_eq!(bend(&|bad| bad.push((bundle, vec![]))), unexpected(bundle));
                    for other in 0..good.len() {
                        if good[other].0.width() == width && good[other].1 != good[at].1 {
                            bend(&|bad| bad[at].1.clone_from(&good[other].1));
                        }
                    }
                }
                let beyond = Tile::Hashes {
                    level: 0,
                    index: size / 256 + 1,
                    width: 256,
                };
                let mut bad = good.clone();
                bad.push((beyond, vec![0; 8192]));
                assert_eq!(refused(&tree, bad), unexpected(beyond));
            }
            // A tile that nobody asked for is judged like the others.
            let extra = Tile::Hashes {
                level: 0,
                index: 0,
                width: 256,
            };
            let mut bad = fetch(&TileSet::plan(size, &[]), &files);
            bad.push((extra, encode_hashes(&[Hash::ZERO; 256])));
            assert!(matches!(
                refused(&tree, bad),
                TileError::Hash { .. } | TileError::Missing { .. }
            ));
        }
    }

    fn is_parent(tile: Tile, child: Tile, size: u64) -> bool {
        child.is_full() && parent(child, size).is_some_and(|(parent, _)| parent == tile)
    }

    #[test]
    fn a_tree_that_is_none_is_refused() {
        let (tree, files) = log(300);
        let tiles = || fetch(&TileSet::plan(300, &[]), &files);
        let other = Tree {
            root_hash: Hash::ZERO,
            ..tree
        };
        assert!(matches!(refused(&other, tiles()), TileError::Root { .. }));
        let too_large = Tree {
            size: u64::MAX,
            ..tree
        };
        assert_eq!(
            refused(&too_large, tiles()),
            TileError::Size { size: u64::MAX }
        );
        let not_empty = Tree { size: 0, ..tree };
        assert!(matches!(
            refused(&not_empty, vec![]),
            TileError::Root { size: 0, .. }
        ));
    }

    #[test]
    fn what_was_not_fetched_is_missing_and_not_zero() {
        let (tree, files) = log(70_000);
        let tiles =
            TileSet::authenticate(&tree, fetch(&TileSet::plan(70_000, &[]), &files)).unwrap();
        let tile = Tile::Hashes {
            level: 0,
            index: 0,
            width: 256,
        };
        assert_eq!(tiles.leaf_hash(7), Err(TileError::Missing { tile }));
        assert!(matches!(
            tiles.prove_inclusion(7),
            Err(TileError::Missing { .. })
        ));
        assert!(matches!(
            tiles.prove_consistency(5),
            Err(TileError::Missing { .. })
        ));
        assert_eq!(tiles.range_root(0..65_536).map(|_| ()), Ok(()));
    }

    #[test]
    fn a_bundle_is_believed_only_with_the_leaf_hashes_of_the_tree() {
        let entries: Vec<[u8; 8]> = (0..300u64).map(u64::to_be_bytes).collect();
        let (tree, files) = log(300);
        for (index, first, width) in [(0, 0, 256), (1, 256, 44)] {
            let tiles =
                TileSet::authenticate(&tree, fetch(&TileSet::plan_bundle(index, 300), &files))
                    .unwrap();
            let good = &entries[first..first + width];
            let bundle = encode_bundle(good);
            assert_eq!(tiles.check_bundle(index, &bundle).unwrap(), good);
            for at in 0..bundle.len() {
                let mut bad = bundle.clone();
                bad[at] ^= 1;
                assert!(tiles.check_bundle(index, &bad).is_err(), "byte {at}");
            }
            assert!(
                tiles
                    .check_bundle(index, &encode_bundle(&good[1..]))
                    .is_err()
            );
            assert!(
                tiles
                    .check_bundle(index, &[&bundle[..], &[0, 0]].concat())
                    .is_err()
            );
            let mut swapped = good.to_vec();
            swapped.swap(3, 4);
            let error = tiles
                .check_bundle(index, &encode_bundle(&swapped))
                .unwrap_err();
            assert!(
                matches!(error, TileError::Leaf { index, .. } if index == first as u64 + 3),
                "{error}"
            );

            let erased: Vec<&[u8]> = good
                .iter()
                .enumerate()
                .map(|(at, e)| if at == 9 { &[] } else { &e[..] })
                .collect();
            let (bundle, ninth) = (encode_bundle(&erased), first as u64 + 9);
            assert!(
                tiles
                    .check_bundle_erased(index, &bundle, |index| index == ninth)
                    .is_ok()
            );
            assert!(
                tiles
                    .check_bundle_erased(index, &bundle, |index| index == ninth + 1)
                    .is_err()
            );
            assert!(tiles.check_bundle(index, &bundle).is_err());
        }
    }
}
