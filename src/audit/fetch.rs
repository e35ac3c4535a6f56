//! Fetching what a chunk of the log is made of: plan from sizes alone, then read, a few objects at a time, the next chunk while this one is
//! computed. Judges nothing but whether an object is there and can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::AuditError;
use super::report::{Fault, Step};
use super::words;
use crate::lang::Said;
use crate::store::{HttpError, Source, SourceError, StoreError};
use crate::tlog::tile::{LEVEL_MAX, Tile};

/// Bundles in a chunk: 8,192 records, some 12 MB of them. Enough to keep many cores busy, little enough to hold three.
pub(super) const CHUNK_BUNDLES: u64 = 32;
/// Entries of a bundle, hashes of a tile.
pub(super) const WIDTH: u64 = 256;
/// Objects in flight at one time: what hides the latency of a web server without being a burden to it.
const FETCHES: usize = 8;
/// Waiting before a web server that did not answer is asked again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// What is at a name.
#[derive(Clone, Debug)]
pub(super) enum Got {
    Bytes(Bytes),
    Missing,
    /// Too large, or the store cannot read it: a fault of the object, not of the line to it.
    Broken(Said),
}

/// A tile or bundle as it was found.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub tile: Tile,
    /// The name it was found under: a partial one may have given way to the full one.
    pub name: String,
    pub got: Got,
}

impl Object {
    /// Why there are no bytes.
    pub fn fault(&self) -> Option<Fault> {
        let (code, said) = match &self.got {
            Got::Bytes(_) => return None,
            Got::Missing => ("missing", words::missing()),
            Got::Broken(said) => ("unreadable", said.clone()),
        };
        Some(Fault::new(&self.name, None, Step::Read, code, said))
    }

    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.got {
            Got::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Reads an object. A web server that does not answer is asked again; if it stays silent, nothing can be said of the log.
///
/// # Errors
/// [`AuditError::Source`]: the line, not the log.
pub(super) async fn read(source: &Source, name: &str, bytes_max: u64) -> Result<Got, AuditError> {
    let mut pauses = PAUSES.iter();
    loop {
        let failure = match source.read(name, bytes_max).await {
            Ok(Some(bytes)) => return Ok(Got::Bytes(bytes)),
            Ok(None) => return Ok(Got::Missing),
            Err(failure) => failure,
        };
        match &failure {
            SourceError::Store(StoreError::TooLarge { bytes, .. }) => {
                return Ok(Got::Broken(Said::new(
                    format!("有 {bytes} 字节，此类文件最多 {bytes_max} 字节"),
                    format!("it has {bytes} bytes, its kind has at most {bytes_max}"),
                )));
            }
            SourceError::Http(HttpError::TooLarge { .. }) => {
                return Ok(Got::Broken(Said::new(
                    format!("超过此类文件的上限 {bytes_max} 字节"),
                    format!("it has more than {bytes_max} bytes, the most of its kind"),
                )));
            }
            // A disk that cannot read a sector tells of this object, and the audit goes on with the others.
            SourceError::Store(unreadable) => {
                let why = crate::chain_of(unreadable);
                return Ok(Got::Broken(Said::new(
                    format!("无法读取：{why}"),
                    why.clone(),
                )));
            }
            // A door that is shut (403), a proxy that says no (422), a part (206): neither the object nor that it is not there, so nothing is
            // said of the log. That stays so when it is asked again.
            SourceError::Http(failed) => match pauses.next() {
                Some(pause) if may_pass(failed) => tokio::time::sleep(*pause).await,
                _ => {
                    return Err(AuditError::Source {
                        name: name.to_owned(),
                        source: failure,
                    });
                }
            },
        }
    }
}

/// Whether another answer may come in a moment.
fn may_pass(failure: &HttpError) -> bool {
    match failure {
        HttpError::Status { status, .. } => *status >= 500 || *status == 429,
        HttpError::Page { .. } | HttpError::Empty { .. } | HttpError::Redirect { .. } => false,
        _ => true,
    }
}

/// Reads a tile as a tree implies it; a partial one that is gone is the beginning of the full one (tlog-tiles@v0.1.0, Partial Tiles).
pub(super) async fn tile(source: &Source, tile: Tile) -> Result<Object, AuditError> {
    let name = tile.path();
    let got = read(source, &name, tile.bytes_max() as u64).await?;
    if tile.is_full() || !matches!(got, Got::Missing) {
        return Ok(Object { tile, name, got });
    }
    let full = tile.full();
    let Got::Bytes(bytes) = read(source, &full.path(), full.bytes_max() as u64).await? else {
        return Ok(Object { tile, name, got });
    };
    let got = match tile.cut(&bytes) {
        Ok(cut) => Got::Bytes(bytes.slice_ref(cut)),
        Err(short) => {
            let why = crate::chain_of(&short);
            Got::Broken(Said::new(format!("文件不完整：{why}"), why.clone()))
        }
    };
    Ok(Object {
        tile,
        name: full.path(),
        got,
    })
}

/// What is read, fixed before the first chunk.
#[derive(Debug)]
pub(super) struct Plan {
    pub source: Source,
    /// Size of the tree that is replayed.
    pub size: u64,
    /// By the full tile of the place: further widths that stand there, or must.
    pub extras: BTreeMap<Tile, BTreeSet<Tile>>,
    /// Those of them that a published checkpoint implies, and that may only be missing where the full one stands.
    pub required: BTreeSet<Tile>,
}

/// The objects of up to [`CHUNK_BUNDLES`] bundles, with the tiles that end in them.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Leaf indexes from here on …
    pub start: u64,
    /// … to before here.
    pub end: u64,
    pub bundles: Vec<Object>,
    /// Level 0, one a bundle.
    pub leaves: Vec<Object>,
    /// Tiles of higher levels that are complete with this chunk, and at the end the partial ones.
    pub upper: Vec<Object>,
    /// Other widths of all these.
    pub extras: Vec<Object>,
}

impl Chunk {
    /// Not one object is there.
    pub fn is_empty(&self) -> bool {
        !self
            .bundles
            .iter()
            .chain(&self.leaves)
            .any(|object| object.bytes().is_some())
    }
}

/// The tiles of levels above 0 that leaves `start..end` of a tree of `size` complete; at its end, the partial ones too.
pub(super) fn upper_tiles(start: u64, end: u64, size: u64) -> Vec<Tile> {
    let mut tiles = Vec::new();
    for level in 1..=LEVEL_MAX {
        let shift = 8 * (u32::from(level) + 1);
        let (first, last) = (
            start.checked_shr(shift).unwrap_or(0),
            end.checked_shr(shift).unwrap_or(0),
        );
        tiles.extend((first..last).filter_map(|index| Tile::hashes(level, index, size)));
        if end == size {
            tiles.extend(Tile::hashes(level, last, size));
        }
    }
    tiles
}

/// Reads chunk `number`, counted from 0.
pub(super) async fn chunk(plan: Arc<Plan>, number: u64) -> Result<Chunk, AuditError> {
    let start = number * CHUNK_BUNDLES * WIDTH;
    let end = (start + CHUNK_BUNDLES * WIDTH).min(plan.size);
    let numbers = start / WIDTH..end.div_ceil(WIDTH);
    let bundles: Vec<Tile> = numbers
        .clone()
        .filter_map(|index| Tile::entries(index, plan.size))
        .collect();
    let leaves: Vec<Tile> = numbers
        .filter_map(|index| Tile::hashes(0, index, plan.size))
        .collect();
    let upper = upper_tiles(start, end, plan.size);
    let extras: Vec<Tile> = (bundles.iter().chain(&leaves).chain(&upper))
        .filter_map(|tile| {
            plan.extras
                .get(&tile.full())
                .map(|widths| widths.iter().copied().filter(move |extra| extra != tile))
        })
        .flatten()
        .collect();
    let mut extras = tiles(&plan.source, extras).await?;
    // What an older checkpoint implied may have been cleared away since it was listed.
    extras
        .retain(|extra| !matches!(extra.got, Got::Missing) || plan.required.contains(&extra.tile));
    Ok(Chunk {
        start,
        end,
        bundles: tiles(&plan.source, bundles).await?,
        leaves: tiles(&plan.source, leaves).await?,
        upper: tiles(&plan.source, upper).await?,
        extras,
    })
}

pub(super) async fn tiles(source: &Source, tiles: Vec<Tile>) -> Result<Vec<Object>, AuditError> {
    stream::iter(tiles)
        .map(|wanted| tile(source, wanted))
        .buffered(FETCHES)
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chunks_together_ask_for_every_tile_that_a_tree_implies() {
        for size in [
            1u64, 255, 256, 257, 8_191, 8_192, 8_193, 65_536, 65_537, 70_000, 16_777_216,
            16_777_300,
        ] {
            let mut upper = BTreeSet::new();
            let step = CHUNK_BUNDLES * WIDTH;
            for start in (0..size).step_by(usize::try_from(step).unwrap()) {
                for tile in upper_tiles(start, (start + step).min(size), size) {
                    assert!(upper.insert(tile), "{tile} twice at {size}");
                }
            }
            let implied: BTreeSet<Tile> = Tile::implied(size)
                .filter(|tile| matches!(tile, Tile::Hashes { level: 1.., .. }))
                .collect();
            assert_eq!(upper, implied, "{size}");
        }
    }
}
