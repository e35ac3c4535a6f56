//! The formats and mathematics against three libraries that others wrote: the crates tlog_tiles (a
//! port of Go's sumdb/tlog: hashes, proofs and tile paths; never its tile reader, which leaves tiles
//! unchecked, CVE-2026-56865), ct-merkle and signed_note.

use std::cell::RefCell;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use mingzhang::tlog::merkle::{
    self, Hash, Tree, check_consistency, check_inclusion, leaf_hash, node_hash,
};
use mingzhang::tlog::note::{Note, Signer, Vkey};
use mingzhang::tlog::tile::{Edge, Growth, Tile, TileSet};
use proptest::prelude::*;
use sha2::Sha256;
use signed_note::Verifier as _;

fn entry(index: u64) -> Vec<u8> {
    // Lengths vary, and some entries are empty or alike.
    format!("entry {}", index % 1000).into_bytes()[..(index % 11) as usize % 7].to_vec()
}

/// The nodes that tlog_tiles stores, in the order that it says.
#[derive(Default)]
struct Stored {
    hashes: RefCell<Vec<tlog_tiles::Hash>>,
    size: u64,
}

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let hashes = self.hashes.borrow();
        Ok(indexes
            .iter()
            .map(|index| hashes[usize::try_from(*index).unwrap()])
            .collect())
    }
}

impl Stored {
    fn push(&mut self, entry: &[u8]) {
        let new = tlog_tiles::stored_hashes(self.size, entry, self).unwrap();
        self.hashes.borrow_mut().extend(new);
        self.size += 1;
    }

    fn tree(&self, size: u64) -> Tree {
        Tree {
            size,
            root_hash: Hash(tlog_tiles::tree_hash(size, self).unwrap().0),
        }
    }
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

#[test]
fn hashes_are_those_of_tlog_tiles() {
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b""));
    assert_eq!(a.0, tlog_tiles::record_hash(b"a").0);
    assert_eq!(b.0, tlog_tiles::record_hash(b"").0);
    let node = tlog_tiles::node_hash(tlog_tiles::Hash(a.0), tlog_tiles::Hash(b.0));
    assert_eq!(node_hash(&a, &b).0, node.0);
    assert_eq!(Tree::EMPTY.root_hash.0, tlog_tiles::EMPTY_HASH.0);
}

/// Every size to 300, every index; every pair of sizes to 130, and one in 13 beyond.
#[test]
fn proofs_are_those_of_tlog_tiles() {
    let (mut stored, mut edge) = (Stored::default(), Edge::empty());
    let mut leaves = Vec::new();
    for size in 1..=300u64 {
        stored.push(&entry(size - 1));
        leaves.push(leaf_hash(&entry(size - 1)));
        edge.append(&[entry(size - 1)]);
        let tree = edge.tree();
        assert_eq!(tree, stored.tree(size));
        let root = |range: std::ops::Range<u64>| {
            merkle::range_root(range, |level, index| {
                let at = tlog_tiles::stored_hash_index(u8::try_from(level).unwrap(), index);
                Hash(stored.hashes.borrow()[usize::try_from(at).unwrap()].0)
            })
        };
        for (index, leaf) in (0..size).zip(&leaves) {
            let proof = merkle::prove_inclusion(index, size, root);
            let want = tlog_tiles::prove_record(size, index, &stored).unwrap();
            assert_eq!(theirs(&proof), want, "{index} of {size}");
            let root_hash = tlog_tiles::Hash(tree.root_hash.0);
            let leaf_hash = tlog_tiles::Hash(leaf.0);
            tlog_tiles::check_record(&want, size, root_hash, index, leaf_hash).unwrap();
            assert_eq!(check_inclusion(leaf, index, &tree, &proof), Ok(()));
        }
        for old in (1..=size).filter(|old| size <= 130 || old % 13 == size % 13) {
            let proof = merkle::prove_consistency(old, size, root);
            let want = tlog_tiles::prove_tree(size, old, &stored).unwrap();
            assert_eq!(theirs(&proof), want, "{old} to {size}");
            assert_eq!(check_consistency(&stored.tree(old), &tree, &proof), Ok(()));
        }
    }
}

/// Growths across the boundaries of tiles: the files are those that tlog_tiles would write, with the
/// same bytes, and the proofs of a growth and of its tiles are the same as theirs.
#[test]
fn tiles_are_those_of_tlog_tiles() {
    let (mut stored, mut edge) = (Stored::default(), Edge::empty());
    let mut old = 0;
    let mut files = std::collections::BTreeMap::new();
    for size in [
        1, 255, 256, 257, 300, 511, 512, 65_535, 65_536, 65_537, 70_000,
    ] {
        let entries: Vec<Vec<u8>> = (old..size).map(entry).collect();
        entries.iter().for_each(|entry| stored.push(entry));
        let growth: Growth = edge.append(&entries);
        assert_eq!((growth.old.size, growth.new), (old, stored.tree(size)));
        assert_eq!(growth.check_objects(|_| false), Ok(()));

        let want: Vec<(String, Vec<u8>)> = tlog_tiles::Tile::new_tiles(8, old, size)
            .into_iter()
            .map(|tile| (tile_path(&tile.path()), tile.read_data(&stored).unwrap()))
            .collect();
        let have: Vec<(String, Vec<u8>)> = growth
            .objects
            .iter()
            .filter(|(tile, _)| matches!(tile, Tile::Hashes { .. }))
            .map(|(tile, bytes)| (tile.path(), bytes.clone()))
            .collect();
        assert_eq!(have, want, "{old} to {size}");
        files.extend(growth.objects.iter().cloned());

        for index in [old, old + (size - old) / 2, size - 1] {
            let want = tlog_tiles::prove_record(size, index, &stored).unwrap();
            assert_eq!(
                theirs(&growth.prove_inclusion(index)),
                want,
                "{index} of {size}"
            );
            let plan = TileSet::plan_inclusion(index, size);
            let tiles = plan.into_iter().map(|tile| (tile, &files[&tile])).collect();
            let tiles = TileSet::authenticate(&growth.new, tiles).unwrap();
            assert_eq!(theirs(&tiles.prove_inclusion(index).unwrap()), want);
        }
        if old > 0 {
            let want = tlog_tiles::prove_tree(size, old, &stored).unwrap();
            assert_eq!(theirs(&growth.prove_consistency()), want, "{old} to {size}");
        }
        old = size;
    }
}

/// sumdb writes the height into the path ("tile/8/0/000"), tlog-tiles does not.
fn tile_path(path: &str) -> String {
    path.replacen("tile/8/", "tile/", 1)
}

#[test]
fn roots_and_proofs_are_those_of_ct_merkle() {
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut edge = Edge::empty();
    let mut trees = vec![Tree::EMPTY];
    for size in 1..=150u64 {
        other.push(entry(size - 1));
        let growth = edge.append(&[entry(size - 1)]);
        trees.push(growth.new);
        let root: RootHash<Sha256> = other.root();
        assert_eq!(root.as_bytes()[..], growth.new.root_hash.0);
        let last = other.prove_inclusion(usize::try_from(size - 1).unwrap());
        assert_eq!(
            last.as_bytes(),
            growth.prove_inclusion(size - 1).as_flattened_bytes()
        );
        for index in 0..size {
            let proof = hashes(
                other
                    .prove_inclusion(usize::try_from(index).unwrap())
                    .as_bytes(),
            );
            let leaf = leaf_hash(&entry(index));
            assert_eq!(check_inclusion(&leaf, index, &growth.new, &proof), Ok(()));
        }
        for old in 1..size {
            let proof = other.prove_consistency(usize::try_from(size - old).unwrap());
            let proof = hashes(proof.as_bytes());
            let older = &trees[usize::try_from(old).unwrap()];
            assert_eq!(
                check_consistency(older, &growth.new, &proof),
                Ok(()),
                "{old} to {size}"
            );
        }
    }
}

trait Flatten {
    fn as_flattened_bytes(&self) -> Vec<u8>;
}

impl Flatten for Vec<Hash> {
    fn as_flattened_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|hash| hash.0).collect()
    }
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes
        .as_chunks::<32>()
        .0
        .iter()
        .map(|hash| Hash(*hash))
        .collect()
}

#[test]
fn notes_of_either_are_read_by_the_other() {
    for (name, seed) in [
        ("example.com/log", 1),
        ("ggzy.shaoshan.example", 2),
        ("名", 3),
    ] {
        let signer = Signer::from_seed(name, &[seed; 32]).unwrap();
        let vkey = signer.vkey().to_string();
        let other = signed_note::StandardVerifier::new(&vkey).unwrap();
        assert_eq!(
            (other.name(), other.key_id()),
            (name, signer.vkey().key_id())
        );

        let note = signer.sign_note("text\n\nmore\n".to_owned()).encode();
        let read = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let known = signed_note::VerifierList::new(vec![Box::new(other)]);
        assert_eq!(read.verify(&known).unwrap().0.len(), 1);
        assert_eq!(read.to_bytes(), note.as_bytes());

        // Theirs writes a private key as "PRIVATE+KEY+<name>+<id>+<base64>".
        let id = signer.vkey().key_id();
        let base64 = base64_of(&[&[1], &[seed; 32][..]].concat());
        let skey = format!("PRIVATE+KEY+{name}+{id:08x}+{base64}");
        let theirs = signed_note::StandardSigner::new(&skey).unwrap();
        let mut written = signed_note::Note::new(b"text\n\nmore\n", &[]).unwrap();
        written.add_sigs(&[&theirs]).unwrap();
        assert_eq!(
            written.to_bytes(),
            note.as_bytes(),
            "Ed25519 has one signature a text"
        );
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn their_proofs(proof: &[Hash]) -> (InclusionProof<Sha256>, ConsistencyProof<Sha256>) {
    let bytes = proof.to_vec().as_flattened_bytes();
    (
        InclusionProof::try_from_bytes(bytes.clone()).unwrap(),
        ConsistencyProof::try_from_bytes(bytes).unwrap(),
    )
}

fn root(tree: &Tree) -> RootHash<Sha256> {
    RootHash::new(tree.root_hash.0.into(), tree.size)
}

proptest! {
    /// Whatever they take for a note we do, and the other way round, with the same parts.
    #[test]
    fn the_same_bytes_are_notes(
        text in mostly("[ab\n]{0,3}\n", "[ab\n\t—]{0,6}"),
        gap in mostly("\n", "\n{0,3}"),
        lines in prop::collection::vec(
            mostly("— [ab]{1,2} [AQ+/]{8}\n", "(— |—|- )[ab+ \u{a0}]{0,2} [AQg+/]{5,8}={0,2}\n"), 0..4,
        ),
        end in mostly("", "[x\n]"),
    ) {
        let bytes = format!("{text}{gap}{}{end}", lines.concat());
        let ours = Note::parse(bytes.as_bytes()).ok();
        let theirs = signed_note::Note::from_bytes(bytes.as_bytes()).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some(), "{:?}", bytes);
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.text.as_bytes(), theirs.text());
            prop_assert_eq!(ours.encode().into_bytes(), theirs.to_bytes());
        }
    }

    /// A vkey that we take, they take; where we alone refuse, it is for upper case, a name that
    /// steers a terminal, or a key under which signatures mean nothing.
    #[test]
    fn our_vkeys_are_theirs(name in "[a-c/.]{1,4}", seed: [u8; 32], flip in 0usize..90, bit in 0u8..7) {
        let vkey = Signer::from_seed(&name, &seed).unwrap().vkey().to_string();
        prop_assert!(signed_note::StandardVerifier::new(&vkey).is_ok());
        let mut bent = vkey.clone().into_bytes();
        let at = flip % bent.len();
        bent[at] ^= 1 << bit;
        if let Ok(bent) = String::from_utf8(bent) {
            let theirs = signed_note::StandardVerifier::new(&bent).is_ok();
            let ours = Vkey::parse(&bent).is_ok();
            prop_assert!(theirs || !ours, "{}", bent);
            prop_assert!(ours || !theirs || bent.to_lowercase() == vkey.to_lowercase(), "{}", bent);
        }
    }

    /// Proofs bent at random: three checkers, one verdict.
    #[test]
    fn bent_proofs_have_the_same_verdict(
        size in 1u64..40, at: u64, from: u64, wrong_size in mostly_0(-2..3i64),
        wrong_index in mostly_0(-2..3i64), bend in mostly_0(1..8usize), spare in mostly_0(1..2usize),
    ) {
        let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
        let mut edge = Edge::empty();
        let old_size = from % size + 1;
        let old = edge.append(&entries[..usize::try_from(old_size).unwrap()]).new;
        edge.append(&entries[usize::try_from(old_size).unwrap()..]);
        let whole = Edge::empty().append(&entries);
        let claimed = Tree { size: size.saturating_add_signed(wrong_size), ..whole.new };

        let index = at % size;
        let mut proof = whole.prove_inclusion(index);
        distort(&mut proof, bend, spare);
        let claimed_index = index.saturating_add_signed(wrong_index);
        let leaf = leaf_hash(&entries[usize::try_from(index).unwrap()]);
        let ours = check_inclusion(&leaf, claimed_index, &claimed, &proof).is_ok();
        let go = tlog_tiles::check_record(
            &theirs(&proof), claimed.size, tlog_tiles::Hash(claimed.root_hash.0),
            claimed_index, tlog_tiles::Hash(leaf.0),
        );
        prop_assert_eq!(ours, go.is_ok());
        let entry = &entries[usize::try_from(index).unwrap()];
        let ct = root(&claimed).verify_inclusion(entry, claimed_index, &their_proofs(&proof).0);
        prop_assert_eq!(ours, ct.is_ok());

        let mut proof = if old_size == size {
            Vec::new()
        } else {
            let mut edge = Edge::empty();
            edge.append(&entries[..usize::try_from(old_size).unwrap()]);
            edge.append(&entries[usize::try_from(old_size).unwrap()..]).prove_consistency()
        };
        distort(&mut proof, bend, spare);
        let claimed_old = Tree { size: old.size.saturating_add_signed(wrong_index).max(1), ..old };
        let ours = check_consistency(&claimed_old, &claimed, &proof).is_ok();
        let go = tlog_tiles::check_tree(
            &theirs(&proof), claimed.size, tlog_tiles::Hash(claimed.root_hash.0),
            claimed_old.size, tlog_tiles::Hash(claimed_old.root_hash.0),
        );
        prop_assert_eq!(ours, go.is_ok());
        let ct = root(&claimed).verify_consistency(&root(&claimed_old), &their_proofs(&proof).1);
        prop_assert_eq!(ours, ct.is_ok(), "{:?} {:?} {}", claimed_old, claimed, proof.len());
    }
}

/// So that every second note or so is a good one.
fn mostly(good: &'static str, any: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![5 => good, 1 => any]
}

/// So that every second proof or so is a good one.
fn mostly_0<T: std::fmt::Debug + Clone + Default + 'static>(
    range: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![5 => Just(T::default()), 1 => range]
}

/// 0: not at all.
fn distort(proof: &mut Vec<Hash>, bend: usize, spare: usize) {
    if let Some(at) = bend.checked_sub(1).filter(|at| *at < proof.len()) {
        proof[at].0[at] ^= 1;
    }
    if bend == 7 {
        proof.pop();
    }
    proof.extend(std::iter::repeat_n(Hash::ZERO, spare));
}
