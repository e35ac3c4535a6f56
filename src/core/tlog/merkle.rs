//! The Merkle tree of RFC 6962 §2.1: hashes, inclusion proofs, consistency proofs.
//!
//! Promises: trees of 0 to 2^63 leaves; `check_*` return for every input, hostile or not, and
//! accept exactly one proof for each statement (no spare, missing or reordered hash); nothing
//! recurses.
//!
//! Does not hold a tree and does not read tiles: a prover says how to get the root of a range
//! ([`range_root`] helps), a checker needs only the proof. See [`tile`](super::tile) for both over
//! files.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The largest number of leaves that we handle: 2^63, so that a proof never has more than 64 hashes
/// and doubling an index stays within a `u64`.
pub const SIZE_MAX: u64 = 1 << 63;

/// A SHA-256 digest. Shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// 32 zero bytes: the link of a first record. No known input has this digest.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The SHA-256 digest of `bytes`, without any prefix.
    pub fn sha256(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    /// Reads exactly 64 lower-case hex digits.
    ///
    /// ```
    /// use mingzhang_core::tlog::merkle::Hash;
    /// let hash = Hash::sha256(b"");
    /// assert_eq!(Hash::from_hex(&hash.to_string()), Some(hash));
    /// assert_eq!(Hash::from_hex(&hash.to_string().to_uppercase()), None);
    /// ```
    pub fn from_hex(text: &str) -> Option<Hash> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Hash(bytes))
    }

    /// The 44 characters of RFC 4648 §4, as in a checkpoint or a proof.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads exactly what [`to_base64`](Hash::to_base64) writes: padding present, no non-zero
    /// trailing bits, no spaces.
    pub fn from_base64(text: &str) -> Option<Hash> {
        if text.len() != 44 {
            return None;
        }
        STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        hex::encode_to_slice(self.0, &mut text).expect("64 digits hold 32 bytes");
        f.pad(std::str::from_utf8(&text).expect("hex digits are ASCII"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tree: how many leaves, and the root hash over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tree {
    /// The number of leaves.
    pub size: u64,
    /// MTH(D\[size\]) of RFC 6962 §2.1.
    pub root_hash: Hash,
}

impl Tree {
    /// The tree without leaves, whose root hash is SHA-256 of the empty string (RFC 6962 §2.1).
    pub const EMPTY: Tree = Tree {
        size: 0,
        root_hash: Hash([
            0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f,
            0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b,
            0x78, 0x52, 0xb8, 0x55,
        ]),
    };
}

/// The hash of a leaf, SHA-256(0x00 ‖ entry) (RFC 6962 §2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut sha256 = Sha256::new();
    sha256.update([0x00]);
    sha256.update(entry);
    Hash(sha256.finalize().into())
}

/// The hash of an inner node, SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Hash::sha256(&bytes)
}

/// The root over a power of two of hashes, as in one tile.
#[must_use]
pub fn perfect_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let pairs = row.as_chunks::<2>().0;
        row = pairs
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    row[0]
}

/// Why a proof does not show what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("leaf index {index} is not in a tree of {size} leaves")]
    Index {
        /// The leaf index asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// More leaves than any real tree has.
    #[error("a tree of {size} leaves is larger than 2^63")]
    Size {
        /// The size found.
        size: u64,
    },
    /// The "old" tree is the larger one.
    #[error("the tree shrinks from {old} to {new} leaves")]
    Shrinks {
        /// The old size.
        old: u64,
        /// The new size.
        new: u64,
    },
    /// A hash too many or too few.
    #[error("proof has {have} hashes, wanted {want}")]
    Length {
        /// The number of hashes found.
        have: usize,
        /// The number of hashes such a proof has.
        want: usize,
    },
    /// A proof about a tree of `size` leaves leads elsewhere than to its root hash.
    #[error("proof leads to root hash {have} for {size} leaves, wanted {want}")]
    Root {
        /// The size of the tree that the root hash is of.
        size: u64,
        /// What the proof leads to.
        have: Hash,
        /// What the tree says.
        want: Hash,
    },
}

/// Shows that `leaf` is at `index` of `tree` (RFC 6962 §2.1.1).
///
/// ```
/// use mingzhang_core::tlog::merkle::{Tree, check_inclusion, leaf_hash, node_hash};
/// let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
/// let tree = Tree { size: 2, root_hash: node_hash(&a, &b) };
/// assert!(check_inclusion(&a, 0, &tree, &[b]).is_ok());
/// assert!(check_inclusion(&a, 1, &tree, &[b]).is_err());
/// ```
pub fn check_inclusion(
    leaf: &Hash,
    index: u64,
    tree: &Tree,
    proof: &[Hash],
) -> Result<(), ProofError> {
    check_size(tree.size)?;
    if index >= tree.size {
        return Err(ProofError::Index {
            index,
            size: tree.size,
        });
    }
    let siblings = inclusion_siblings(index, tree.size);
    check_length(proof, siblings.len())?;
    let root_hash = siblings
        .iter()
        .zip(proof)
        .fold(*leaf, |hash, (sibling, other)| {
            if index < sibling.start {
                node_hash(&hash, other)
            } else {
                node_hash(other, &hash)
            }
        });
    check_root(tree, root_hash)
}

/// Shows that the first `old.size` leaves of `new` are exactly those of `old` (RFC 6962 §2.1.2).
///
/// Two cases have no proof to speak of and want an empty one: equal sizes (then the root hashes
/// must be equal), and old size 0, which every tree extends (then `old` must be [`Tree::EMPTY`]).
/// The latter is what c2sp.org/tlog-witness@v1.0.0 does when a witness sees a log for the first
/// time; RFC 6962 itself does not define it and some libraries refuse it.
pub fn check_consistency(old: &Tree, new: &Tree, proof: &[Hash]) -> Result<(), ProofError> {
    check_size(new.size)?;
    if old.size > new.size {
        return Err(ProofError::Shrinks {
            old: old.size,
            new: new.size,
        });
    }
    if old.size == 0 {
        check_root(old, Tree::EMPTY.root_hash)?;
    }
    let siblings = consistency_siblings(old.size, new.size);
    check_length(proof, siblings.len())?;
    if old.size == 0 {
        // A proof from nothing says nothing about `new`, unless that is empty too.
        return if new.size == 0 {
            check_root(new, Tree::EMPTY.root_hash)
        } else {
            Ok(())
        };
    }

    // The walk begins at the largest perfect subtree on the old tree's right edge. If that is the
    // whole old tree, the proof leaves it out, since the checker has it.
    let begins = siblings.first().is_some_and(|first| first.end == old.size);
    let (begin, siblings, proof) = match proof {
        [first, rest @ ..] if begins => (*first, &siblings[1..], rest),
        _ => (old.root_hash, &siblings[..], proof),
    };
    let (mut old_hash, mut new_hash) = (begin, begin);
    for (sibling, other) in siblings.iter().zip(proof) {
        if sibling.start < old.size {
            old_hash = node_hash(other, &old_hash);
            new_hash = node_hash(other, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, other);
        }
    }
    check_root(old, old_hash)?;
    check_root(new, new_hash)
}

fn check_size(size: u64) -> Result<(), ProofError> {
    if size > SIZE_MAX {
        Err(ProofError::Size { size })
    } else {
        Ok(())
    }
}

fn check_length(proof: &[Hash], want: usize) -> Result<(), ProofError> {
    if proof.len() == want {
        Ok(())
    } else {
        Err(ProofError::Length {
            have: proof.len(),
            want,
        })
    }
}

fn check_root(tree: &Tree, have: Hash) -> Result<(), ProofError> {
    if have == tree.root_hash {
        Ok(())
    } else {
        Err(ProofError::Root {
            size: tree.size,
            have,
            want: tree.root_hash,
        })
    }
}

/// The inclusion proof of leaf `index` in a tree of `size` leaves, from the leaf's sibling to the
/// root's child. `range_root` gives the root hash of a range of leaves; see [`range_root`].
///
/// # Panics
/// If `index` is not below `size`.
pub fn prove_inclusion(
    index: u64,
    size: u64,
    range_root: impl FnMut(Range<u64>) -> Hash,
) -> Vec<Hash> {
    inclusion_siblings(index, size)
        .into_iter()
        .map(range_root)
        .collect()
}

/// The consistency proof between the trees of the first `old_size` and the first `new_size` leaves.
/// Empty if the sizes are equal or `old_size` is 0.
///
/// # Panics
/// If `old_size` is above `new_size`.
pub fn prove_consistency(
    old_size: u64,
    new_size: u64,
    range_root: impl FnMut(Range<u64>) -> Hash,
) -> Vec<Hash> {
    consistency_siblings(old_size, new_size)
        .into_iter()
        .map(range_root)
        .collect()
}

/// The ranges of leaves whose roots are the inclusion proof of `index`: the siblings on the way
/// from the leaf up. At most 63.
///
/// # Panics
/// If `index` is not below `size`, or `size` is above [`SIZE_MAX`].
pub fn inclusion_siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    assert!(index < size, "leaf {index} is not in a tree of {size}");
    assert!(size <= SIZE_MAX, "a tree of {size} leaves");
    let (mut lo, mut hi) = (0, size);
    let mut siblings = Vec::new();
    while hi - lo > 1 {
        let mid = lo + split(hi - lo);
        if index < mid {
            siblings.push(mid..hi);
            hi = mid;
        } else {
            siblings.push(lo..mid);
            lo = mid;
        }
    }
    siblings.reverse();
    siblings
}

/// The ranges of leaves whose roots are the consistency proof from `old_size` to `new_size`. At
/// most 64.
///
/// The first one ends at `old_size` if the old tree is not itself a subtree of the new one, else it
/// is left out (the flag `b` of SUBPROOF in RFC 6962 §2.1.2).
///
/// # Panics
/// If `old_size` is above `new_size`, or `new_size` is above [`SIZE_MAX`].
pub fn consistency_siblings(old_size: u64, new_size: u64) -> Vec<Range<u64>> {
    assert!(
        old_size <= new_size,
        "a tree cannot shrink from {old_size} to {new_size} leaves"
    );
    assert!(new_size <= SIZE_MAX, "a tree of {new_size} leaves");
    let mut siblings = Vec::new();
    if old_size == 0 {
        return siblings;
    }
    let (mut lo, mut hi) = (0, new_size);
    while hi != old_size {
        let mid = lo + split(hi - lo);
        if old_size <= mid {
            siblings.push(mid..hi);
            hi = mid;
        } else {
            siblings.push(lo..mid);
            lo = mid;
        }
    }
    if lo != 0 {
        siblings.push(lo..hi);
    }
    siblings.reverse();
    siblings
}

/// The largest power of two below `count`, which is at least 2: the `k` of RFC 6962 §2.1.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root hash of a range of leaves, from the hashes of the perfect subtrees that it is made of.
///
/// `subtree(level, index)` is the root of the `2^level` leaves from `index * 2^level` on, which is
/// what a tile or a table of stored hashes holds. The range must be a subtree as RFC 6962 splits
/// trees: its start is a multiple of the smallest power of two that is not below its length (all
/// siblings of proofs are, and `0..size`).
///
/// # Panics
/// If the range is empty or is not such a subtree.
pub fn range_root(range: Range<u64>, mut subtree: impl FnMut(u32, u64) -> Hash) -> Hash {
    let mut subtrees = perfect_subtrees(range).into_iter().rev();
    let (level, index) = subtrees
        .next()
        .expect("perfect_subtrees refuses an empty range");
    let mut root_hash = subtree(level, index);
    for (level, index) in subtrees {
        root_hash = node_hash(&subtree(level, index), &root_hash);
    }
    root_hash
}

/// The perfect subtrees that make up a range, left to right, so largest first, as (level, index);
/// at most 63. [`range_root`] says which ranges.
///
/// ```
/// use mingzhang_core::tlog::merkle::perfect_subtrees;
/// assert_eq!(perfect_subtrees(8..15), [(2, 2), (1, 6), (0, 14)]);
/// ```
///
/// # Panics
/// If the range is empty or is not a subtree as RFC 6962 splits trees.
pub fn perfect_subtrees(range: Range<u64>) -> Vec<(u32, u64)> {
    assert!(
        range.start < range.end && range.end <= SIZE_MAX,
        "no range of leaves: {range:?}"
    );
    let count = range.end - range.start;
    assert!(
        range.start.is_multiple_of(count.next_power_of_two()),
        "not a subtree: {range:?}"
    );
    let mut subtrees = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        subtrees.push((level, start >> level));
        start += 1 << level;
    }
    subtrees
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 6962 §2.1 to the letter: slow, recursive, the oracle.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::sha256(b""),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut proof, other) = if index < left.len() {
            (path(index, left), mth(right))
        } else {
            (path(index - left.len(), right), mth(left))
        };
        proof.push(other);
        proof
    }

    fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![mth(leaves)] };
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut proof, other) = if old <= left.len() {
            (subproof(old, left, whole), mth(right))
        } else {
            (subproof(old - left.len(), right, false), mth(left))
        };
        proof.push(other);
        proof
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count)
            .map(|i| leaf_hash(format!("leaf {i}").as_bytes()))
            .collect()
    }

    fn tree(leaves: &[Hash]) -> Tree {
        Tree {
            size: leaves.len() as u64,
            root_hash: mth(leaves),
        }
    }

    fn of(leaves: &[Hash]) -> impl Fn(Range<u64>) -> Hash {
        |range| {
            mth(&leaves[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()])
        }
    }

    #[test]
    fn every_inclusion_proof_of_small_trees_is_that_of_the_rfc() {
        let all = leaves(130);
        for size in 1..=all.len() {
            let tree = tree(&all[..size]);
            for index in 0..size {
                let proof = prove_inclusion(index as u64, tree.size, of(&all));
                assert_eq!(proof, path(index, &all[..size]), "leaf {index} of {size}");
                assert_eq!(
                    check_inclusion(&all[index], index as u64, &tree, &proof),
                    Ok(())
                );
            }
        }
    }

    #[test]
    fn every_consistency_proof_of_small_trees_is_that_of_the_rfc() {
        let all = leaves(130);
        for new in 1..=all.len() {
            for old in 1..=new {
                let proof = prove_consistency(old as u64, new as u64, of(&all));
                assert_eq!(proof, subproof(old, &all[..new], true), "{old} to {new}");
                assert_eq!(
                    check_consistency(&tree(&all[..old]), &tree(&all[..new]), &proof),
                    Ok(())
                );
            }
        }
    }

    /// A checker that takes one wrong proof in a million is worthless: every way to bend a proof
    /// must be refused.
    #[test]
    fn no_bent_proof_is_accepted() {
        let all = leaves(40);
        for size in 1..=all.len() {
            let whole = tree(&all[..size]);
            for index in 0..size {
                let proof = path(index, &all[..size]);
                let check =
                    |proof: &[Hash]| check_inclusion(&all[index], index as u64, &whole, proof);
                bend(&proof, |bent| {
                    assert!(check(bent).is_err(), "leaf {index} of {size}: {bent:?}")
                });
                // A leaf is at one place only.
                for wrong in (0..size as u64 + 2).filter(|&wrong| wrong != index as u64) {
                    assert!(check_inclusion(&all[index], wrong, &whole, &proof).is_err());
                }
                let other = Tree {
                    root_hash: all[0],
                    ..whole
                };
                assert!(
                    size == 1
                        || check_inclusion(&all[index], index as u64, &other, &proof).is_err()
                );
            }
            for old in 1..=size {
                let proof = subproof(old, &all[..size], true);
                let older = tree(&all[..old]);
                bend(&proof, |bent| {
                    assert!(
                        check_consistency(&older, &whole, bent).is_err(),
                        "{old} to {size}: {bent:?}"
                    );
                });
                for wrong in (0..=size as u64).filter(|&wrong| wrong != old as u64) {
                    let wrong = Tree {
                        size: wrong,
                        ..older
                    };
                    assert!(check_consistency(&wrong, &whole, &proof).is_err());
                }
                let root_hash = Hash::sha256(b"another tree");
                let wrong = Tree { root_hash, ..older };
                assert!(check_consistency(&wrong, &whole, &proof).is_err());
                let wrong = Tree { root_hash, ..whole };
                assert!(check_consistency(&older, &wrong, &proof).is_err());
            }
        }
    }

    /// Each hash with one bit flipped, one dropped, one doubled, two swapped, one more at either
    /// end.
    fn bend(proof: &[Hash], mut check: impl FnMut(&[Hash])) {
        for at in 0..proof.len() {
            for bit in [0, 7, 100, 255] {
                let mut bent = proof.to_vec();
                bent[at].0[bit / 8] ^= 1 << (bit % 8);
                check(&bent);
            }
            let mut bent = proof.to_vec();
            bent.remove(at);
            check(&bent);
            let mut bent = proof.to_vec();
            bent.insert(at, proof[at]);
            check(&bent);
            if at > 0 && proof[at] != proof[at - 1] {
                let mut bent = proof.to_vec();
                bent.swap(at, at - 1);
                check(&bent);
            }
        }
        check(&[proof, &[Hash::ZERO]].concat());
        check(&[&[Hash::ZERO], proof].concat());
    }

    #[test]
    fn the_edges_of_consistency_are_decided() {
        let all = leaves(5);
        let five = tree(&all);
        let wrong = Tree {
            size: 5,
            root_hash: all[0],
        };
        let not_empty = Tree {
            size: 0,
            root_hash: all[0],
        };
        let length = |have, want| Err(ProofError::Length { have, want });
        let root = |tree: &Tree, have| {
            Err(ProofError::Root {
                size: tree.size,
                have,
                want: tree.root_hash,
            })
        };
        type Row<'a> = (&'a Tree, &'a Tree, &'a [Hash], Result<(), ProofError>);
        let rows: &[Row] = &[
            (&Tree::EMPTY, &Tree::EMPTY, &[], Ok(())),
            (&Tree::EMPTY, &five, &[], Ok(())),
            (&five, &five, &[], Ok(())),
            (&Tree::EMPTY, &five, &[all[0]], length(1, 0)),
            (&five, &five, &[all[0]], length(1, 0)),
            (&five, &wrong, &[], root(&wrong, five.root_hash)),
            (
                &not_empty,
                &five,
                &[],
                root(&not_empty, Tree::EMPTY.root_hash),
            ),
            (
                &not_empty,
                &not_empty,
                &[],
                root(&not_empty, Tree::EMPTY.root_hash),
            ),
            (
                &Tree::EMPTY,
                &not_empty,
                &[],
                root(&not_empty, Tree::EMPTY.root_hash),
            ),
            (
                &five,
                &Tree::EMPTY,
                &[],
                Err(ProofError::Shrinks { old: 5, new: 0 }),
            ),
            (
                &five,
                &Tree {
                    size: SIZE_MAX + 1,
                    ..five
                },
                &[],
                Err(ProofError::Size { size: SIZE_MAX + 1 }),
            ),
            (
                &five,
                &Tree {
                    size: u64::MAX,
                    ..five
                },
                &[],
                Err(ProofError::Size { size: u64::MAX }),
            ),
        ];
        for (old, new, proof, want) in rows {
            assert_eq!(
                &check_consistency(old, new, proof),
                want,
                "{old:?} to {new:?}"
            );
        }
    }

    #[test]
    fn hashes_are_read_strictly() {
        let hash = Tree::EMPTY.root_hash;
        assert_eq!(hash, Hash::sha256(b""));
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(format!("{hash} {hash:?}"), format!("{hex} {hex}"));
        for (text, accepted) in [
            (hex, true),
            (&hex[1..], false),
            (&hex[2..], false),
            (&hex.to_uppercase(), false),
        ] {
            assert_eq!(Hash::from_hex(text).is_some(), accepted, "{text}");
        }
        let base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(hash.to_base64(), base64);
        let rows = [
            (base64, true),
            // A browser's atob takes non-zero trailing bits; two texts of one hash would be two
            // proofs of one fact.
            ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", false),
            ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", false),
            ("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", false),
            ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==", false),
            (" 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false),
            ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false),
            ("", false),
        ];
        for (text, accepted) in rows {
            assert_eq!(Hash::from_base64(text).is_some(), accepted, "{text}");
        }
    }

    /// A tree of 2^63 leaves that are all alike has one hash a level, so its proofs can be made and
    /// checked.
    #[test]
    fn a_tree_of_2_to_the_63_has_proofs() {
        let leaf = leaf_hash(b"");
        let mut levels = vec![leaf];
        for level in 0..63 {
            levels.push(node_hash(&levels[level], &levels[level]));
        }
        let root = |range: Range<u64>| range_root(range, |level, _| levels[level as usize]);
        let whole = |size| Tree {
            size,
            root_hash: root(0..size),
        };
        for size in [SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, (1 << 40) + 257] {
            for index in [0, 1, 255, 256, size / 2, size - 2, size - 1] {
                let proof = prove_inclusion(index, size, root);
                assert!(proof.len() <= 63);
                assert_eq!(check_inclusion(&leaf, index, &whole(size), &proof), Ok(()));
            }
            for old in [1, 2, 255, 65_537, size / 2, size - 1, size] {
                let proof = prove_consistency(old, size, root);
                assert!(proof.len() <= 64);
                assert_eq!(check_consistency(&whole(old), &whole(size), &proof), Ok(()));
            }
        }
    }

    proptest! {
        #[test]
        fn checks_return_for_any_numbers(index: u64, old: u64, new: u64, hashes in 0usize..70) {
            let proof = vec![Hash::ZERO; hashes];
            let (old, new) = (Tree { size: old, root_hash: Hash::ZERO }, Tree { size: new, root_hash: Hash::ZERO });
            prop_assert!(check_inclusion(&Hash::ZERO, index, &new, &proof).is_err());
            if old != new || !proof.is_empty() {
                prop_assert!(check_consistency(&old, &new, &proof).is_err());
            }
        }

        #[test]
        fn siblings_tile_the_tree(size in 1u64..=SIZE_MAX, at: u64) {
            let index = at % size;
            let mut ranges = inclusion_siblings(index, size);
            ranges.push(index..index + 1);
            ranges.sort_by_key(|range| range.start);
            prop_assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, size));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            for range in ranges {
                prop_assert!(perfect_subtrees(range).len() <= 63);
            }
        }

        #[test]
        fn proofs_of_middling_trees_hold(size in 1usize..3000, at: usize, from: usize) {
            let all = leaves(size);
            let (index, old) = (at % size, from % size + 1);
            let proof = prove_inclusion(index as u64, size as u64, of(&all));
            prop_assert_eq!(check_inclusion(&all[index], index as u64, &tree(&all), &proof), Ok(()));
            let proof = prove_consistency(old as u64, size as u64, of(&all));
            prop_assert_eq!(check_consistency(&tree(&all[..old]), &tree(&all), &proof), Ok(()));
        }
    }
}
