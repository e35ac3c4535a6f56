//! The tree made anew from the leaf hashes, and held against everything that says a root or a tile of it.

use std::collections::BTreeMap;

use super::chunk::{self, Placed};
use super::fetch::Object;
use super::report::Findings;
use super::views::{View, Want};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::tile::{Tile, TileBuilder};

/// The tree so far, and the roots that are still to come.
pub(super) struct Feed {
    /// `None` from the first leaf on whose hash nobody has.
    builder: Option<TileBuilder>,
    /// The largest tree that is known.
    known: Tree,
    wants: BTreeMap<u64, Vec<Want>>,
}

impl Feed {
    pub fn new() -> Feed {
        Feed {
            builder: Some(TileBuilder::new()),
            known: Tree::EMPTY,
            wants: BTreeMap::new(),
        }
    }

    /// The tree that the entries give, as far as every leaf hash is known.
    pub fn known(&self) -> Tree {
        self.known
    }

    /// The tree at this place, if it is known.
    pub fn builder(&self) -> Option<&TileBuilder> {
        self.builder.as_ref()
    }

    /// A root that must come out at `size`, which was not passed yet.
    pub fn want(&mut self, size: u64, want: Want) {
        self.wants.entry(size).or_default().push(want);
    }

    /// Compares what is wanted at the present size.
    pub fn compare(&mut self, views: &mut [View], findings: &mut Findings) {
        let Some(builder) = &self.builder else { return };
        let Some(wants) = self.wants.remove(&builder.tree().size) else {
            return;
        };
        let have = builder.tree();
        for want in wants {
            let fault = want.compare(&have);
            if let Some(view) = want.view {
                views[view].holds = Some(fault.is_none());
            }
            findings.extend(fault);
        }
    }

    /// Appends leaves, stopping at each size that has a wanted root; returns the full tiles that they complete.
    pub fn append(
        &mut self,
        leaves: &[Placed],
        views: &mut [View],
        findings: &mut Findings,
    ) -> BTreeMap<Tile, Vec<u8>> {
        let mut made = BTreeMap::new();
        self.compare(views, findings);
        let hashes: Vec<Hash> = leaves.iter().map_while(|(_, leaf)| leaf.hash).collect();
        let mut rest = &hashes[..];
        while let Some(builder) = self.builder.as_mut().filter(|_| !rest.is_empty()) {
            let size = builder.tree().size;
            let next = self
                .wants
                .range(size + 1..)
                .next()
                .map_or(u64::MAX, |(size, _)| *size);
            let count =
                usize::try_from(next - size).map_or(rest.len(), |count| count.min(rest.len()));
            let (now, later) = rest.split_at(count);
            made.extend(builder.append(now));
            rest = later;
            self.known = builder.tree();
            self.compare(views, findings);
        }
        if hashes.len() < leaves.len() {
            self.builder = None;
        }
        made
    }

    /// Holds upper tiles against what was made; the partial ones are made at the end of the log.
    pub fn compare_tiles(
        &self,
        objects: &[Object],
        mut made: BTreeMap<Tile, Vec<u8>>,
        at_end: bool,
        findings: &mut Findings,
    ) -> u64 {
        let mut compared = 0;
        if at_end && let Some(builder) = &self.builder {
            made.extend(builder.partials());
        }
        for object in objects {
            match made
                .get(&object.tile.full())
                .filter(|_| object.tile.is_full())
                .or_else(|| made.get(&object.tile))
            {
                Some(bytes) => {
                    findings.extend(chunk::compare_tile(object, bytes));
                    compared += 1;
                }
                // Wider ones at this place were made: another width is their beginning.
                None => match made.iter().find(|(tile, _)| {
                    tile.full() == object.tile.full() && tile.width() > object.tile.width()
                }) {
                    Some((_, bytes)) => {
                        findings.extend(chunk::compare_tile(
                            object,
                            &bytes[..object.tile.bytes_max()],
                        ));
                        compared += 1;
                    }
                    // The tree is not known here, and a fault says why; that it is there at all can still be said.
                    None => findings.extend(object.fault()),
                },
            }
        }
        compared
    }

    /// Roots that could not be compared: the leaves up to there are not all known, or not there at all.
    pub fn unmet(&self) -> impl Iterator<Item = (u64, &Want)> {
        self.wants
            .iter()
            .flat_map(|(size, wants)| wants.iter().map(|want| (*size, want)))
    }
}
