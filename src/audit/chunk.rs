//! A chunk of the log, computed: bundles taken apart, leaf hashes, records and statements read, in parallel; then each bundle is held against
//! its hash tile, and where the two differ it is decided which of them is wrong.
//!
//! Does not know the past: links, keys and chains are `replay.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rayon::prelude::*;

use super::fetch::{Chunk, Object, WIDTH};
use super::memory::{EntryCache, Parsed};
use super::report::{Fault, Step};
use super::words;
use crate::lang::{Bilingual, Said};
use crate::tlog::merkle::{Hash, Tree, leaf_hash, perfect_root};
use crate::tlog::tile::{self, Tile, TileBuilder};
use crate::trade::record::parse_entry;
use crate::trade::statement::Statement;

/// Why an entry is no record, without the object and index that the caller knows.
type Unparsed = (Step, &'static str, Said);

/// A bundle with its hash tile.
#[derive(Debug)]
pub(super) struct Bundle {
    pub number: u64,
    /// The object that held the entries.
    pub name: String,
    leaves_name: String,
    entries: Vec<Slot>,
    /// What the hash tile says; `None` if it cannot be read.
    stored: Option<Vec<Hash>>,
    pub faults: Vec<Fault>,
}

#[derive(Debug)]
enum Slot {
    Shown {
        bytes: Bytes,
        leaf_hash: Hash,
        parsed: Option<Result<Parsed, Unparsed>>,
    },
    /// Length 0: erased, or a fault.
    Empty,
    /// Behind the end of a bundle that breaks off, or in none at all.
    Absent,
}

/// One leaf of the tree after it was decided what to believe.
#[derive(Debug)]
pub(super) struct Leaf {
    /// `None` if neither bundle nor tile could be read.
    pub hash: Option<Hash>,
    pub item: Item,
}

/// A leaf, and the object in which its entry stands.
pub(super) type Placed = (Arc<str>, Leaf);

/// What stands at a leaf.
#[derive(Debug)]
pub(super) enum Item {
    Record(Parsed),
    /// Length 0 in the bundle.
    Empty,
    /// Not what was logged, not there, or no record; there is a fault for it.
    Unread,
}

/// Takes the bundles and their tiles apart, all at a time.
pub(super) fn prepare(chunk: &Chunk, cache: Option<&EntryCache>) -> Vec<Bundle> {
    let pairs: Vec<(&Object, &Object)> = chunk.bundles.iter().zip(&chunk.leaves).collect();
    pairs
        .par_iter()
        .map(|(bundle, leaves)| Bundle::read(bundle, leaves, cache))
        .collect()
}

impl Bundle {
    fn read(bundle: &Object, leaves: &Object, cache: Option<&EntryCache>) -> Bundle {
        let width = usize::from(bundle.tile.width());
        let mut faults: Vec<Fault> = bundle.fault().into_iter().chain(leaves.fault()).collect();
        let stored = leaves.bytes().and_then(|bytes| {
            let hashes = hashes_of(bytes, width);
            if hashes.is_none() {
                faults.push(wrong_length(leaves, bytes.len()));
            }
            hashes
        });
        let mut entries = bundle
            .bytes()
            .map(|bytes| frames(bytes, width))
            .unwrap_or_default();
        entries.resize_with(width, || Slot::Absent);
        if let Some(Err(error)) = bundle
            .bytes()
            .map(|bytes| tile::parse_bundle(bytes, bundle.tile.width()))
        {
            let said = words::of_bundle(&error);
            faults.push(Fault::new(
                &bundle.name,
                None,
                Step::Bundle,
                "framing",
                said,
            ));
            // Behind a wrong length nothing begins where an entry does: what is not in the tree is not there.
            let mut lost = false;
            for (slot, want) in entries.iter_mut().zip(stored.iter().flatten()) {
                let wrong = matches!(slot, Slot::Shown { leaf_hash, .. } if leaf_hash != want);
                lost |= wrong;
                if wrong || (lost && matches!(slot, Slot::Empty)) {
                    *slot = Slot::Absent;
                }
            }
        }
        let mut read = Bundle {
            number: bundle.tile.index(),
            name: bundle.name.clone(),
            leaves_name: leaves.name.clone(),
            entries,
            stored,
            faults,
        };
        for at in 0..width {
            if read.agrees(at) {
                read.parse(at, cache);
            }
        }
        read
    }

    /// Whether nothing speaks against this entry: its leaf hash is that of the tile, or there is no tile to ask.
    fn agrees(&self, at: usize) -> bool {
        match (&self.entries[at], &self.stored) {
            (Slot::Shown { leaf_hash, .. }, Some(stored)) => *leaf_hash == stored[at],
            (_, _) => true,
        }
    }

    /// Whether bundle and tile differ, so that [`resolve`] needs the hash above them.
    pub fn differs(&self) -> bool {
        (0..self.entries.len()).any(|at| !self.agrees(at))
    }

    fn parse(&mut self, at: usize, cache: Option<&EntryCache>) {
        let Slot::Shown {
            bytes,
            leaf_hash,
            parsed: parsed @ None,
        } = &mut self.entries[at]
        else {
            return;
        };
        if let Some(known) = cache.and_then(|cache| cache.parsed(leaf_hash)) {
            *parsed = Some(Ok(known));
            return;
        }
        let read = parse(bytes);
        if let (Some(cache), Ok(read)) = (cache, &read) {
            cache.add_parsed(*leaf_hash, read);
        }
        *parsed = Some(read);
    }

    /// The leaf hashes with the entries preferred (`true`) or the tile; `None` where neither has one.
    fn hashes(&self, prefer_entries: bool) -> Vec<Option<Hash>> {
        let one = |(at, slot): (usize, &Slot)| {
            let stored = self.stored.as_ref().map(|stored| stored[at]);
            match slot {
                Slot::Shown { leaf_hash, .. } if prefer_entries => Some(*leaf_hash),
                Slot::Shown { leaf_hash, .. } => stored.or(Some(*leaf_hash)),
                Slot::Empty | Slot::Absent => stored,
            }
        };
        self.entries.iter().enumerate().map(one).collect()
    }

    fn first(&self) -> u64 {
        self.number * WIDTH
    }

    /// Takes the leaves out; what is not believed is under a fault.
    fn leaves(mut self, believe: Believe, faults: &mut Vec<Fault>) -> Vec<Leaf> {
        let hashes = self.hashes(believe != Believe::Tile);
        if believe != Believe::Tile {
            faults.extend(self.tile_fault());
        }
        faults.append(&mut self.faults);
        let mut leaves = Vec::with_capacity(hashes.len());
        for (at, hash) in hashes.into_iter().enumerate() {
            let index = self.first() + at as u64;
            if believe != Believe::Entries && !self.agrees(at) {
                faults.push(self.leaf_fault(at, index));
            }
            if believe != Believe::Tile {
                self.parse(at, None);
            }
            let item = match std::mem::replace(&mut self.entries[at], Slot::Absent) {
                Slot::Shown {
                    parsed: Some(Ok(parsed)),
                    ..
                } => Item::Record(parsed),
                Slot::Shown {
                    parsed: Some(Err((step, code, said))),
                    ..
                } => {
                    faults.push(Fault::new(&self.name, Some(index), step, code, said));
                    Item::Unread
                }
                Slot::Shown { parsed: None, .. } | Slot::Absent => Item::Unread,
                Slot::Empty => Item::Empty,
            };
            leaves.push(Leaf { hash, item });
        }
        leaves
    }

    fn leaf_fault(&self, at: usize, index: u64) -> Fault {
        let (
            Slot::Shown {
                leaf_hash: have, ..
            },
            Some(stored),
        ) = (&self.entries[at], &self.stored)
        else {
            unreachable!("agrees() has compared the two");
        };
        let want = stored[at];
        let said = Said::new(
            format!("条目的摘要为 {have}，树中为 {want}：不是当时记入的字节"),
            format!(
                "the entry has leaf hash {have}, the tree has {want}: these are not the bytes that were logged"
            ),
        );
        Fault::new(&self.name, Some(index), Step::Leaf, "leaf_hash", said)
    }

    /// The hash tile as a whole is one fault; the record is the first whose leaf hash it has wrong.
    fn tile_fault(&self) -> Option<Fault> {
        let wrong: Vec<usize> = (0..self.entries.len())
            .filter(|at| !self.agrees(*at))
            .collect();
        let (at, count) = (*wrong.first()?, wrong.len());
        let (
            Slot::Shown {
                leaf_hash: want, ..
            },
            Some(stored),
        ) = (&self.entries[at], &self.stored)
        else {
            unreachable!("agrees() has compared the two");
        };
        let (have, index) = (stored[at], self.first() + at as u64);
        let said = Said::new(
            format!("其中第 {at} 个摘要为 {have}，由条目算得 {want}；共 {count} 个不符"),
            format!(
                "its hash {at} is {have}, the entry gives {want}; {count} of its hashes are wrong"
            ),
        );
        Some(Fault::new(
            &self.leaves_name,
            Some(index),
            Step::Tile,
            "leaf_hash",
            said,
        ))
    }
}

/// Which of bundle and tile holds what was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believe {
    /// They agree, or the tile is wrong.
    Entries,
    /// The bundle is wrong.
    Tile,
    /// One of them, and nothing tells which: both are named, and the entries, which people read, are judged further.
    Undecided,
}

/// Decides for each bundle what to believe. `parents` has the hash above a bundle's tile where [`Bundle::differs`]; `builder` is at the
/// beginning of the chunk, and `tree` is the signed one: where there is no hash above, the root decides.
pub(super) fn resolve(
    bundles: Vec<Bundle>,
    parents: &HashMap<u64, Hash>,
    builder: Option<&TileBuilder>,
    tree: &Tree,
    faults: &mut Vec<Fault>,
) -> Vec<Placed> {
    let mut leaves: Vec<Placed> = Vec::new();
    for bundle in bundles {
        let believe = if bundle.differs() {
            decide(&bundle, parents.get(&bundle.number), builder, &leaves, tree)
        } else {
            Believe::Entries
        };
        let name: Arc<str> = bundle.name.as_str().into();
        leaves.extend(
            bundle
                .leaves(believe, faults)
                .into_iter()
                .map(|leaf| (name.clone(), leaf)),
        );
    }
    leaves
}

/// Entries, tile and the hash above are three witnesses, of which one was tampered with: two that agree are believed. (If all are forged to
/// agree, the root is not the signed one, and that is named.)
fn decide(
    bundle: &Bundle,
    parent: Option<&Hash>,
    builder: Option<&TileBuilder>,
    before: &[Placed],
    tree: &Tree,
) -> Believe {
    let complete = |prefer| {
        bundle
            .hashes(prefer)
            .into_iter()
            .collect::<Option<Vec<Hash>>>()
    };
    let (Some(entries), Some(stored)) = (complete(true), complete(false)) else {
        return Believe::Undecided;
    };
    if entries.len() as u64 == WIDTH {
        return match parent {
            Some(parent) if perfect_root(&stored) == *parent => Believe::Tile,
            Some(parent) if perfect_root(&entries) == *parent => Believe::Entries,
            _ => Believe::Undecided,
        };
    }
    // The last bundle of the log: the root is made of it and of all before it.
    let known: Option<Vec<Hash>> = before.iter().map(|(_, leaf)| leaf.hash).collect();
    let (Some(known), Some(builder)) = (known, builder) else {
        return Believe::Undecided;
    };
    let root_with = |hashes: &[Hash]| {
        let mut builder = builder.clone();
        builder.append(&known);
        builder.append(hashes);
        builder.tree()
    };
    if root_with(&stored) == *tree {
        Believe::Tile
    } else if root_with(&entries) == *tree {
        Believe::Entries
    } else {
        Believe::Undecided
    }
}

/// The tile above the hash tile of a bundle and the place in it, for [`resolve`]; `None` where the tree has no such hash.
pub(super) fn parent_of(number: u64, size: u64) -> Option<(Tile, usize)> {
    let tile = Tile::hashes(1, number / WIDTH, size)?;
    let at = usize::try_from(number % WIDTH).expect("below 256");
    (at < usize::from(tile.width())).then_some((tile, at))
}

/// The framed entries of a bundle as far as they go; the fault is told elsewhere.
fn frames(bytes: &Bytes, width: usize) -> Vec<Slot> {
    let mut slots = Vec::with_capacity(width);
    let mut rest = &bytes[..];
    while slots.len() < width {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            break;
        };
        let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        else {
            break;
        };
        slots.push(if entry.is_empty() {
            Slot::Empty
        } else {
            Slot::Shown {
                bytes: bytes.slice_ref(entry),
                leaf_hash: leaf_hash(entry),
                parsed: None,
            }
        });
        rest = after;
    }
    slots
}

/// The hashes of a tile that has exactly `width`.
pub(super) fn hashes_of(bytes: &[u8], width: usize) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (hashes.len() == width && rest.is_empty())
        .then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}

fn wrong_length(object: &Object, have: usize) -> Fault {
    let want = object.tile.bytes_max();
    let said = Said::new(
        format!("有 {have} 字节，应有 {want} 字节（每个摘要 32 字节）"),
        format!("it has {have} bytes, wanted {want}: 32 a hash"),
    );
    Fault::new(&object.name, None, Step::Tile, "length", said)
}

/// Reads an entry down to its statement; nothing is copied.
pub(super) fn parse(entry: &Bytes) -> Result<Parsed, Unparsed> {
    let (header, note) =
        parse_entry(entry).map_err(|error| (Step::Record, "record", words::of_record(&error)))?;
    match Statement::from_bytes(entry.slice_ref(note)) {
        Ok(statement) => Ok(Parsed { header, statement }),
        Err(error) => Err((
            Step::Statement,
            "statement",
            Said::new(error.zh(), crate::chain_of(&error)),
        )),
    }
}

/// Compares an upper tile with the one that the entries make.
pub(super) fn compare_tile(object: &Object, made: &[u8]) -> Option<Fault> {
    let bytes = match object.bytes() {
        Some(bytes) if bytes.as_ref() == made => return None,
        Some(bytes) => bytes,
        None => return object.fault(),
    };
    let width = usize::from(object.tile.width());
    let Some(hashes) = hashes_of(bytes, width) else {
        return Some(wrong_length(object, bytes.len()));
    };
    let made = hashes_of(made, width).expect("TileBuilder makes whole tiles");
    let wrong: Vec<usize> = (0..width).filter(|at| hashes[*at] != made[*at]).collect();
    let (at, count) = (wrong[0], wrong.len());
    let (have, want) = (hashes[at], made[at]);
    let said = Said::new(
        format!("其中第 {at} 个摘要为 {have}，由条目算得 {want}；共 {count} 个不符"),
        format!(
            "its hash {at} is {have}, the entries give {want}; {count} of its hashes are wrong"
        ),
    );
    Some(Fault::new(&object.name, None, Step::Tile, "hash", said))
}

/// Compares another width of a bundle or tile of level 0 with the leaves that were decided on; `leaves` begin at its first.
pub(super) fn compare_extra(
    object: &Object,
    leaves: &[Placed],
    shown_after_all: &mut Vec<(u64, String)>,
) -> Vec<Fault> {
    let Some(bytes) = object.bytes() else {
        return object.fault().into_iter().collect();
    };
    let width = usize::from(object.tile.width());
    let leaves = &leaves[..width.min(leaves.len())];
    let first = object.tile.index() * WIDTH;
    let mut faults = Vec::new();
    match object.tile {
        Tile::Hashes { .. } => {
            let Some(hashes) = hashes_of(bytes, width) else {
                return vec![wrong_length(object, bytes.len())];
            };
            let differs = |at: &usize| leaves[*at].1.hash.is_some_and(|want| want != hashes[*at]);
            let wrong: Vec<usize> = (0..leaves.len()).filter(differs).collect();
            if let (Some(at), count) = (wrong.first(), wrong.len()) {
                let said = Said::new(
                    format!(
                        "其中第 {at} 个摘要为 {}，与第 {} 号记录不符；共 {count} 个不符",
                        hashes[*at],
                        first + *at as u64
                    ),
                    format!(
                        "its hash {at} is {}, wanted the leaf hash of record {}; {count} of its hashes are wrong",
                        hashes[*at],
                        first + *at as u64
                    ),
                );
                faults.push(Fault::new(
                    &object.name,
                    Some(first + *at as u64),
                    Step::Tile,
                    "leaf_hash",
                    said,
                ));
            }
        }
        Tile::Entries { .. } => {
            if let Err(error) = tile::parse_bundle(bytes, object.tile.width()) {
                faults.push(Fault::new(
                    &object.name,
                    None,
                    Step::Bundle,
                    "framing",
                    words::of_bundle(&error),
                ));
            }
            for ((index, slot), (_, leaf)) in (first..).zip(frames(bytes, width)).zip(leaves) {
                match (slot, leaf.hash) {
                    (
                        Slot::Shown {
                            leaf_hash: have, ..
                        },
                        Some(want),
                    ) if have != want => {
                        let said = Said::new(
                            format!("条目的摘要为 {have}，树中为 {want}"),
                            format!("the entry has leaf hash {have}, the tree has {want}"),
                        );
                        faults.push(Fault::new(
                            &object.name,
                            Some(index),
                            Step::Leaf,
                            "leaf_hash",
                            said,
                        ));
                    }
                    (Slot::Shown { .. }, _) if matches!(leaf.item, Item::Empty) => {
                        shown_after_all.push((index, object.name.clone()))
                    }
                    (Slot::Empty, _) if !matches!(leaf.item, Item::Empty) => {
                        let said = Said::new(
                            "条目在此长度为 0，而在完整的条目包中不是",
                            "the entry has length 0 here, and not in the full bundle",
                        );
                        faults.push(Fault::new(
                            &object.name,
                            Some(index),
                            Step::Erasure,
                            "erased_in_part",
                            said,
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
    faults
}
