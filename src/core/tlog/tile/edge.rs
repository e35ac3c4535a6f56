//! All that a writer must hold of a tree to append to it, and what each batch adds.
//!
//! An appended leaf is hashed once and an inner node is hashed once, so a batch costs little more
//! than its leaf hashes, and its proofs are look-ups.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::merkle::{
    self, Hash, SIZE_MAX, Tree, consistency_siblings, inclusion_siblings, leaf_hash,
};
use super::builder::Nodes;
use super::{
    LEVEL_MAX, Tile, TileError, TileSet, encode_bundle, encode_hashes, hashes_at, parse_bundle,
    parse_hashes, push_entry,
};

/// All that a writer must hold of a tree to append to it: the partial hash tiles and the partial
/// entry bundle.
///
/// ```
/// use mingzhang_core::tlog::{merkle::{check_inclusion, leaf_hash}, tile::Edge};
/// let mut edge = Edge::empty();
/// let growth = edge.append(&["zero", "one", "two"]);
/// let paths: Vec<_> = growth.objects.iter().map(|(tile, _)| tile.path()).collect();
/// assert_eq!(paths, ["tile/0/000.p/3", "tile/entries/000.p/3"]);
/// let proof = growth.prove_inclusion(1);
/// assert!(check_inclusion(&leaf_hash(b"one"), 1, &edge.tree(), &proof).is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Edge {
    nodes: Nodes,
    /// The partial entry bundle, framed.
    bundle: Vec<u8>,
}

impl Edge {
    /// Of the empty tree.
    pub fn empty() -> Edge {
        Edge::default()
    }

    /// The tree that it is the edge of.
    pub fn tree(&self) -> Tree {
        self.nodes.tree()
    }

    /// The objects that [`load`](Edge::load) wants for a tree of that size: its partial tiles. None
    /// for the empty tree.
    ///
    /// # Panics
    /// If `size` is above [`SIZE_MAX`].
    pub fn needed(size: u64) -> Vec<Tile> {
        assert!(size <= SIZE_MAX, "a tree of {size} leaves");
        let bundle = Tile::entries(size / 256, size);
        let hashes = (0..=LEVEL_MAX)
            .filter_map(|level| Tile::hashes(level, hashes_at(level, size) / 256, size));
        hashes.chain(bundle).collect()
    }

    /// The edge of `tree`, from exactly the objects that [`needed`](Edge::needed) names, in any
    /// order. All of them are authenticated by the root hash, the entries of the bundle too.
    pub fn load<B: AsRef<[u8]>>(tree: &Tree, objects: &[(Tile, B)]) -> Result<Edge, TileError> {
        Edge::load_erased(tree, objects, |_| false)
    }

    /// As [`load`](Edge::load), for a log from which entries were erased by order: an entry of
    /// length 0 at an index for which `erased` holds is taken as it is. Its leaf hash stands.
    pub fn load_erased<B: AsRef<[u8]>>(
        tree: &Tree,
        objects: &[(Tile, B)],
        erased: impl Fn(u64) -> bool,
    ) -> Result<Edge, TileError> {
        if tree.size > SIZE_MAX {
            return Err(TileError::Size { size: tree.size });
        }
        let needed = Edge::needed(tree.size);
        let mut given = BTreeMap::new();
        for (tile, bytes) in objects {
            if !needed.contains(tile) || given.insert(*tile, bytes.as_ref()).is_some() {
                return Err(TileError::Unexpected {
                    tile: *tile,
                    size: tree.size,
                });
            }
        }
        let mut edge = Edge {
            nodes: Nodes::of_size(tree.size),
            bundle: Vec::new(),
        };
        for &tile in &needed {
            let bytes = *given.get(&tile).ok_or(TileError::Missing { tile })?;
            match tile {
                Tile::Hashes { level, .. } => edge.nodes.fill(level, parse_hashes(tile, bytes)?),
                Tile::Entries { .. } => edge.bundle = bytes.to_vec(),
            }
        }
        let have = edge.tree().root_hash;
        if have != tree.root_hash {
            return Err(TileError::Root {
                size: tree.size,
                have,
                want: tree.root_hash,
            });
        }
        edge.check_bundle(erased)?;
        Ok(edge)
    }

    fn check_bundle(&self, erased: impl Fn(u64) -> bool) -> Result<(), TileError> {
        let Some(tile) = Tile::entries(self.nodes.size / 256, self.nodes.size) else {
            return Ok(());
        };
        let entries = parse_bundle(&self.bundle, tile.width())
            .map_err(|source| TileError::Bundle { tile, source })?;
        for (index, entry) in (256 * tile.index()..).zip(entries) {
            let (have, want) = (leaf_hash(entry), self.nodes.node(0, index));
            if have != want && !(entry.is_empty() && erased(index)) {
                return Err(TileError::Leaf { index, have, want });
            }
        }
        Ok(())
    }

    /// Appends entries. The edge is then that of the larger tree; what is to be written and proved
    /// is in the answer.
    ///
    /// # Panics
    /// If an entry is longer than 65,535 bytes, or the tree would have more than 2^63 leaves.
    pub fn append(&mut self, entries: &[impl AsRef<[u8]>]) -> Growth {
        let old = self.tree();
        let leaf_hashes: Vec<Hash> = entries.iter().map(|e| leaf_hash(e.as_ref())).collect();
        self.nodes.extend(&leaf_hashes);
        let new = self.tree();

        let tiles = self.nodes.tiles(old.size);
        let mut objects: Vec<_> = tiles
            .map(|(tile, hashes)| (tile, encode_hashes(hashes)))
            .collect();
        for (size, entry) in (old.size + 1..).zip(entries) {
            push_entry(&mut self.bundle, entry.as_ref());
            if size.is_multiple_of(256) {
                let tile = Tile::entries(size / 256 - 1, size).expect("it has just been filled");
                objects.push((tile, std::mem::take(&mut self.bundle)));
            }
        }
        if let Some(tile) = Tile::entries(new.size / 256, new.size)
            && new.size > old.size
        {
            objects.push((tile, self.bundle.clone()));
        }

        let edge = self.nodes.right_edge();
        let nodes = std::mem::replace(&mut self.nodes, edge);
        Growth {
            old,
            new,
            nodes,
            objects,
        }
    }

    /// Forgets the bytes of an entry that was erased by order: the partial bundle has it with
    /// length 0 from now on. Does nothing if the entry is not in the partial bundle (the bundle
    /// that has it is the caller's to rewrite), and never changes the tree.
    pub fn erase(&mut self, index: u64) {
        let Some(tile) = Tile::entries(self.nodes.size / 256, self.nodes.size) else {
            return;
        };
        let mut entries =
            parse_bundle(&self.bundle, tile.width()).expect("only append and load write it");
        let at = index
            .checked_sub(256 * tile.index())
            .and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| entries.get_mut(at)) {
            *entry = &[];
            self.bundle = encode_bundle(&entries);
        }
    }
}

/// What a batch adds to a tree: the objects to write, and every proof that its receipts need,
/// without reading anything.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The tree before.
    pub old: Tree,
    /// The tree after.
    pub new: Tree,
    /// Of the new tree, from the old tree's right edge on.
    nodes: Nodes,
    /// The tiles and bundles that the new tree has and the old one had not: hash tiles, lower
    /// levels first, then bundles; full ones before the partial one of a row. Two never have one
    /// path, so they can be written in any order. Take them before the growth is shared, if memory
    /// counts.
    pub objects: Vec<(Tile, Vec<u8>)>,
}

impl Growth {
    /// The leaf hash of one of the new leaves.
    ///
    /// # Panics
    /// If `index` is not in `old.size..new.size`.
    pub fn leaf_hash(&self, index: u64) -> Hash {
        self.assert_new(index);
        self.nodes.node(0, index)
    }

    /// The inclusion proof of one of the new leaves in the new tree.
    ///
    /// # Panics
    /// If `index` is not in `old.size..new.size`.
    pub fn prove_inclusion(&self, index: u64) -> Vec<Hash> {
        self.assert_new(index);
        self.range_roots(inclusion_siblings(index, self.new.size))
    }

    /// The consistency proof from the old tree to the new one.
    pub fn prove_consistency(&self) -> Vec<Hash> {
        self.range_roots(consistency_siblings(self.old.size, self.new.size))
    }

    /// Hashes everything in [`objects`](Growth::objects) once more, from the bytes that are about
    /// to be stored, by the code that reads other people's tiles. To be called before the root hash
    /// is signed: one bit flipped in memory between hashing and storing has killed real logs
    /// (Yeti2022, Nessie2024).
    ///
    /// Entries erased by order keep their leaf hash; `erased` names them, as in
    /// [`Edge::load_erased`].
    pub fn check_objects(&self, erased: impl Fn(u64) -> bool) -> Result<(), TileError> {
        let mut tiles: Vec<(Tile, Vec<u8>)> = Vec::new();
        let mut bundles = Vec::new();
        for (tile, bytes) in &self.objects {
            match tile {
                Tile::Hashes { .. } => tiles.push((*tile, bytes.clone())),
                Tile::Entries { .. } => bundles.push((*tile, bytes)),
            }
        }
        // Partial tiles of the upper levels that did not change are not written again.
        for (tile, hashes) in self.nodes.partials() {
            if !tiles.iter().any(|(other, _)| *other == tile) {
                tiles.push((tile, encode_hashes(hashes)));
            }
        }
        let tiles = TileSet::authenticate(&self.new, tiles)?;
        for (tile, bytes) in bundles {
            tiles.check_bundle_erased(tile.index(), bytes, &erased)?;
        }
        Ok(())
    }

    fn assert_new(&self, index: u64) {
        let range = self.old.size..self.new.size;
        assert!(
            range.contains(&index),
            "leaf {index} is not one of {range:?}"
        );
    }

    /// All of these ranges are made of kept nodes. A sibling of a new leaf, or of the old tree's
    /// last one, is at the same tile as a node on the old right edge, or right of it.
    fn range_roots(&self, ranges: Vec<Range<u64>>) -> Vec<Hash> {
        let root = |range| merkle::range_root(range, |level, index| self.nodes.node(level, index));
        ranges.into_iter().map(root).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::{check_consistency, check_inclusion};
    use proptest::prelude::*;

    /// The files of a log, as the growths of a tree make them.
    #[derive(Default)]
    struct Log {
        edge: Edge,
        leaf_hashes: Vec<Hash>,
        files: BTreeMap<Tile, Vec<u8>>,
    }

    impl Log {
        fn append(&mut self, count: usize) {
            let from = self.leaf_hashes.len();
            let entries: Vec<String> = (from..from + count).map(|i| format!("entry {i}")).collect();
            let growth = self.edge.append(&entries);
            self.leaf_hashes
                .extend(entries.iter().map(|entry| leaf_hash(entry.as_bytes())));
            assert_eq!(growth.new, self.edge.tree());
            assert_eq!(growth.check_objects(|_| false), Ok(()));
            for index in [from, from + count / 3, from + count / 2, from + count - 1] {
                let (leaf, index) = (self.leaf_hashes[index], index as u64);
                assert_eq!(growth.leaf_hash(index), leaf);
                let proof = growth.prove_inclusion(index);
                assert_eq!(check_inclusion(&leaf, index, &growth.new, &proof), Ok(()));
            }
            let proof = growth.prove_consistency();
            assert_eq!(check_consistency(&growth.old, &growth.new, &proof), Ok(()));
            for (tile, bytes) in growth.objects {
                assert_eq!(
                    self.files.insert(tile, bytes),
                    None,
                    "{tile} was written twice"
                );
            }
        }

        fn size(&self) -> u64 {
            self.leaf_hashes.len() as u64
        }

        fn needed(&self) -> Vec<(Tile, Vec<u8>)> {
            Edge::needed(self.size())
                .into_iter()
                .map(|tile| (tile, self.files[&tile].clone()))
                .collect()
        }

        /// Every file that the size implies is there and is what the specification says.
        fn check(&self) {
            let size = self.size();
            let mut tiles = Vec::new();
            for tile in Tile::implied(size) {
                let bytes = self
                    .files
                    .get(&tile)
                    .unwrap_or_else(|| panic!("no {tile} at size {size}"));
                match tile {
                    Tile::Hashes { .. } => tiles.push((tile, bytes)),
                    Tile::Entries { index, width } => {
                        let want: Vec<_> = (256 * index..)
                            .take(width.into())
                            .map(|i| format!("entry {i}"))
                            .collect();
                        assert_eq!(*bytes, encode_bundle(&want), "{tile}");
                    }
                }
            }
            let tiles = TileSet::authenticate(&self.edge.tree(), tiles).unwrap();
            for (index, leaf) in (0..).zip(&self.leaf_hashes) {
                assert_eq!(tiles.leaf_hash(index), Ok(*leaf));
            }
            let loaded = Edge::load(&self.edge.tree(), &self.needed()).unwrap();
            assert_eq!(loaded.tree(), self.edge.tree());
            assert_eq!(loaded.bundle, self.edge.bundle);
            for (loaded, kept) in loaded.nodes.rows.iter().zip(&self.edge.nodes.rows) {
                assert_eq!((loaded.start, &loaded.hashes), (kept.start, &kept.hashes));
            }
        }
    }

    #[test]
    fn each_size_up_to_600_is_reached_one_by_one() {
        let mut log = Log::default();
        log.check();
        for _ in 0..600 {
            log.append(1);
            log.check();
        }
    }

    /// The sizes at which tiles of other logs were cut or doubled (tessera #1178).
    #[test]
    fn the_sizes_around_full_tiles_are_reached_from_everywhere() {
        let sizes = [
            1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000, 70_000,
        ];
        for first in 0..sizes.len() {
            let mut log = Log::default();
            for size in &sizes[first..] {
                log.append(size - log.leaf_hashes.len());
                if first < 3 || *size == 70_000 {
                    log.check();
                }
            }
        }
    }

    #[test]
    fn every_leaf_of_a_batch_is_proved_without_reading() {
        for (old, batch) in [
            (0, 1),
            (0, 700),
            (1, 600),
            (255, 300),
            (256, 256),
            (300, 1),
            (511, 4),
            (65_500, 100),
        ] {
            let mut edge = Edge::empty();
            let entries: Vec<String> = (0..old + batch).map(|i| format!("entry {i}")).collect();
            let first = edge.append(&entries[..old]);
            let growth = edge.append(&entries[old..]);
            assert_eq!(first.new, growth.old);
            for (index, entry) in (0..).zip(&entries).skip(old) {
                let leaf = leaf_hash(entry.as_bytes());
                let proof = growth.prove_inclusion(index);
                assert_eq!(
                    check_inclusion(&leaf, index, &growth.new, &proof),
                    Ok(()),
                    "{old}+{batch}: {index}"
                );
            }
            let proof = growth.prove_consistency();
            assert_eq!(
                check_consistency(&growth.old, &growth.new, &proof),
                Ok(()),
                "{old}+{batch}"
            );
        }
    }

    #[test]
    fn an_empty_batch_adds_nothing() {
        for size in [0, 1, 256, 300] {
            let mut edge = Edge::empty();
            edge.append(&vec!["entry"; size]);
            let growth = edge.append(&[] as &[&str]);
            assert_eq!((growth.old, growth.objects.len()), (growth.new, 0));
            assert_eq!(growth.prove_consistency(), []);
            assert_eq!(growth.check_objects(|_| false), Ok(()));
        }
    }

    /// A writer that believes what lies on its disk signs whatever lies there.
    #[test]
    fn an_edge_is_loaded_only_from_what_the_root_hash_says() {
        let mut log = Log::default();
        log.append(70_000);
        let (tree, good) = (log.edge.tree(), log.needed());
        let refused = |objects: &[(Tile, Vec<u8>)]| Edge::load(&tree, objects).unwrap_err();
        assert_eq!(good.len(), 4);
        for at in 0..good.len() {
            let tile = good[at].0;
            let mut bad = good.clone();
            bad.remove(at);
            assert_eq!(refused(&bad), TileError::Missing { tile });
            let mut bad = good.clone();
            bad.push(good[at].clone());
            assert_eq!(
                refused(&bad),
                TileError::Unexpected {
                    tile,
                    size: tree.size
                }
            );
            for byte in 0..good[at].1.len() {
                let mut bad = good.clone();
                bad[at].1[byte] ^= 1;
                let error = refused(&bad);
                match tile {
                    Tile::Hashes { .. } => {
                        assert!(matches!(error, TileError::Root { .. }), "{error}")
                    }
                    _ => assert!(
                        matches!(error, TileError::Leaf { .. } | TileError::Bundle { .. }),
                        "{error}"
                    ),
                }
            }
            for cut in [1, 32] {
                let mut bad = good.clone();
                bad[at].1.truncate(good[at].1.len() - cut);
                assert!(matches!(
                    refused(&bad),
                    TileError::Length { .. } | TileError::Bundle { .. }
                ));
            }
            let mut bad = good.clone();
            bad[at].1.extend([0; 32]);
            assert!(matches!(
                refused(&bad),
                TileError::Length { .. } | TileError::Bundle { .. }
            ));
        }
        let full = (
            Tile::Hashes {
                level: 0,
                index: 0,
                width: 256,
            },
            vec![0; 8192],
        );
        assert_eq!(
            refused(&[&good[..], std::slice::from_ref(&full)].concat()),
            TileError::Unexpected {
                tile: full.0,
                size: tree.size
            }
        );
        let too_large = Tree {
            size: SIZE_MAX + 1,
            ..tree
        };
        assert_eq!(
            Edge::load(&too_large, &good).unwrap_err(),
            TileError::Size { size: SIZE_MAX + 1 }
        );
        let not_empty = Tree { size: 0, ..tree };
        assert!(matches!(
            Edge::load::<Vec<u8>>(&not_empty, &[]).unwrap_err(),
            TileError::Root { size: 0, .. }
        ));
    }

    #[test]
    fn an_entry_erased_by_order_keeps_its_leaf_hash() {
        let mut edge = Edge::empty();
        let entries: Vec<String> = (0..300).map(|i| format!("entry {i}")).collect();
        edge.append(&entries);
        let tree = edge.tree();
        edge.erase(7); // In a full bundle: not ours.
        edge.erase(260);
        edge.erase(300); // Not there yet.
        assert_eq!(edge.tree(), tree);

        let growth = edge.append(&["one more"]);
        let (tile, bundle) = growth.objects.last().unwrap();
        let parsed = parse_bundle(bundle, tile.width()).unwrap();
        assert_eq!(
            (parsed[3], parsed[4], parsed[5]),
            (&b"entry 259"[..], &b""[..], &b"entry 261"[..])
        );
        assert_eq!(growth.check_objects(|index| index == 260), Ok(()));
        assert!(matches!(
            growth.check_objects(|_| false),
            Err(TileError::Leaf { index: 260, .. })
        ));

        let mut objects = edge.partial_objects();
        assert!(Edge::load_erased(&edge.tree(), &objects, |index| index == 260).is_ok());
        for erased in [259, 261] {
            let error =
                Edge::load_erased(&edge.tree(), &objects, |index| index == erased).unwrap_err();
            assert!(matches!(error, TileError::Leaf { index: 260, .. }));
        }
        // The order covers leaving out, not putting in.
        let forged = parsed
            .iter()
            .map(|e| if e.is_empty() { &b"forged"[..] } else { e })
            .collect::<Vec<_>>();
        objects.last_mut().unwrap().1 = encode_bundle(&forged);
        assert!(Edge::load_erased(&edge.tree(), &objects, |index| index == 260).is_err());
    }

    impl Edge {
        fn partial_objects(&self) -> Vec<(Tile, Vec<u8>)> {
            let size = self.nodes.size;
            let bundle = Tile::entries(size / 256, size).map(|tile| (tile, self.bundle.clone()));
            let tiles = self
                .nodes
                .partials()
                .map(|(tile, hashes)| (tile, encode_hashes(hashes)));
            tiles.chain(bundle).collect()
        }
    }

    /// A bit that flips in memory after hashing must not be signed.
    #[test]
    fn a_flipped_bit_in_any_object_is_found_before_signing() {
        let mut edge = Edge::empty();
        edge.append(&(0..250).map(|i| format!("entry {i}")).collect::<Vec<_>>());
        let good = edge.append(&(250..520).map(|i| format!("entry {i}")).collect::<Vec<_>>());
        assert_eq!(good.check_objects(|_| false), Ok(()));
        for at in 0..good.objects.len() {
            for byte in (0..good.objects[at].1.len()).step_by(13) {
                let mut bad = good.clone();
                bad.objects[at].1[byte] ^= 0x10;
                assert!(
                    bad.check_objects(|_| false).is_err(),
                    "{} byte {byte}",
                    good.objects[at].0
                );
            }
        }
    }

    #[test]
    fn a_growth_is_shared_between_requests() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Growth>();
        check::<Edge>();
        check::<TileSet>();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_batches_make_the_same_log(batches in prop::collection::vec(1usize..900, 1..8)) {
            let mut log = Log::default();
            for batch in batches {
                log.append(batch);
            }
            log.check();
        }
    }
}
