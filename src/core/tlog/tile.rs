//! Tiles and entry bundles: a tree as files (c2sp.org/tlog-tiles@v0.1.0).
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]        W hashes of level L, each the root of 256^L leaves; no .p: 256
//! tile/entries/<N>[.p/<W>]    the entries of the same W leaves as tile/0/<N>
//! ```
//!
//! Promises: a path is read only as it is written; a bundle is read only if it holds exactly the
//! entries that its width says; lengths are judged before anything is copied.
//!
//! Does not fetch. [`TileBuilder`], [`Edge`] and [`Growth`] make the tiles of a growing tree;
//! [`TileSet`] is how tiles of others are read: none of it is believed before all of it is
//! authenticated.

mod builder;
mod edge;
mod set;

use std::fmt;

pub use builder::TileBuilder;
pub use edge::{Edge, Growth};
pub use set::TileSet;

use super::merkle::{Hash, SIZE_MAX};

/// The width of a full tile: 256 hashes, or the entries of 256 leaves.
pub(crate) const WIDTH_MAX: u16 = 256;

/// The highest level of a hash tile: a hash of level 7 is the root of 256^7 = 2^56 leaves, and no
/// tree has 256 of those.
pub const LEVEL_MAX: u8 = 7;

/// The most bytes of an entry that a bundle can frame, and that we read. (Our own entries end at
/// 40,000 bytes.)
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// One of the two kinds of files under `tile/`.
///
/// `width` is 1 to 256; 256 is a full tile, less a partial one. Ordered as written below, so that a
/// sorted list has bundles after hash tiles and lower levels before higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tile {
    /// `width` hashes, each the root of 256^`level` leaves.
    Hashes {
        /// 0 to [`LEVEL_MAX`]; hashes of level 0 are leaf hashes.
        level: u8,
        /// Counts tiles of the level from the left.
        index: u64,
        /// How many hashes.
        width: u16,
    },
    /// An entry bundle: the entries of `width` leaves, from leaf 256 · `index` on.
    Entries {
        /// Counts bundles from the left.
        index: u64,
        /// How many entries.
        width: u16,
    },
}

/// Why a text is not the path of a tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not `tile/<L>/<N>[.p/<W>]`, or not in its one spelling.
    #[error("{path:?} is not of the form tile/<level or \"entries\">/<index>[.p/<width>]")]
    Form {
        /// The path found, shortened.
        path: String,
    },
    /// A tile that no tree of at most 2^63 leaves has.
    #[error("{path:?} is a tile that no tree of at most 2^63 leaves has")]
    Outside {
        /// The path found.
        path: String,
    },
}

/// Why tiles or entry bundles are not those of a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// More leaves than any real tree has.
    #[error("a tree of {size} leaves is larger than 2^63")]
    Size {
        /// The size found.
        size: u64,
    },
    /// A tile that is needed was not given.
    #[error("{tile} is missing")]
    Missing {
        /// The tile.
        tile: Tile,
    },
    /// A tile was given that the tree does not have (or that has another width there), or twice.
    #[error("{tile} is not wanted here: given twice, or not a tile of a tree of {size} leaves")]
    Unexpected {
        /// The tile.
        tile: Tile,
        /// The size of the tree.
        size: u64,
    },
    /// Not 32 bytes a hash.
    #[error("{tile} has {have} bytes, wanted {want}")]
    Length {
        /// The tile.
        tile: Tile,
        /// Bytes found.
        have: usize,
        /// Bytes that its width means.
        want: usize,
    },
    /// A full tile whose root is not the hash that its parent tile has for it.
    #[error("{tile} has root hash {have}, its parent tile says {want}")]
    Hash {
        /// The tile.
        tile: Tile,
        /// The root of the hashes in it.
        have: Hash,
        /// What the authenticated parent tile has at its place.
        want: Hash,
    },
    /// The partial tiles on the right edge do not lead to the root hash of the tree. They make it
    /// together, so nothing tells which of them is wrong.
    #[error(
        "the right edge of the tiles leads to root hash {have} for {size} leaves, wanted {want}"
    )]
    Root {
        /// The size of the tree.
        size: u64,
        /// What the tiles lead to.
        have: Hash,
        /// What the tree says.
        want: Hash,
    },
    /// An entry that is not the one that was logged.
    #[error("entry {index} has leaf hash {have}, the tree has {want}")]
    Leaf {
        /// The leaf index.
        index: u64,
        /// The leaf hash of the entry found.
        have: Hash,
        /// The leaf hash in the tree.
        want: Hash,
    },
    /// An entry bundle that cannot be taken apart.
    #[error("cannot read {tile}")]
    Bundle {
        /// The bundle.
        tile: Tile,
        /// What is wrong with it.
        #[source]
        source: BundleError,
    },
}

/// Why bytes are not an entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end inside an entry or its length.
    #[error("entry {entry} ends after the end of the bundle")]
    Cut {
        /// Which entry of the bundle, from 0.
        entry: usize,
    },
    /// Fewer or more entries than the width says.
    #[error("bundle has {have} entries, wanted {want}")]
    Width {
        /// Entries found; one more than wanted if there are more, counted no further.
        have: usize,
        /// Entries wanted.
        want: usize,
    },
}

impl Tile {
    /// The hash tile `index` of `level` as a tree of `size` leaves has it, if it has any hash
    /// there.
    ///
    /// ```
    /// use mingzhang_core::tlog::tile::Tile;
    /// assert_eq!(Tile::hashes(0, 273, 70_000).unwrap().path(), "tile/0/273.p/112");
    /// assert_eq!(Tile::hashes(1, 0, 70_000).unwrap().path(), "tile/1/000");
    /// assert_eq!(Tile::hashes(1, 1, 65_536), None); // Nothing of width 0.
    /// ```
    pub fn hashes(level: u8, index: u64, size: u64) -> Option<Tile> {
        let count = if level <= LEVEL_MAX {
            hashes_at(level, size)
        } else {
            0
        };
        width_at(index, count).map(|width| Tile::Hashes {
            level,
            index,
            width,
        })
    }

    /// The entry bundle `index` as a tree of `size` leaves has it, if it has any entry there.
    pub fn entries(index: u64, size: u64) -> Option<Tile> {
        width_at(index, size).map(|width| Tile::Entries { index, width })
    }

    /// Every bundle and hash tile that a checkpoint of that size implies: bundles first, then level
    /// by level, left to right. Never one of width 0.
    ///
    /// # Panics
    /// If `size` is above [`SIZE_MAX`].
    pub fn implied(size: u64) -> impl Iterator<Item = Tile> {
        assert!(size <= SIZE_MAX, "a tree of {size} leaves");
        let bundles = (0..size.div_ceil(256)).filter_map(move |index| Tile::entries(index, size));
        let hashes = (0..=LEVEL_MAX).flat_map(move |level| {
            let tiles = hashes_at(level, size).div_ceil(256);
            (0..tiles).filter_map(move |index| Tile::hashes(level, index, size))
        });
        bundles.chain(hashes)
    }

    /// How many hashes or entries.
    pub fn width(self) -> u16 {
        match self {
            Tile::Hashes { width, .. } | Tile::Entries { width, .. } => width,
        }
    }

    /// The tile's place in its row.
    pub fn index(self) -> u64 {
        match self {
            Tile::Hashes { index, .. } | Tile::Entries { index, .. } => index,
        }
    }

    /// Whether it has all 256 hashes or entries, and so will never change.
    pub fn is_full(self) -> bool {
        self.width() == WIDTH_MAX
    }

    /// The full tile at the same place. It begins with what the partial one has, so that a reader
    /// who finds the partial one gone may take this and [`cut`](Tile::cut) it.
    pub fn full(self) -> Tile {
        match self {
            Tile::Hashes { level, index, .. } => Tile::Hashes {
                level,
                index,
                width: WIDTH_MAX,
            },
            Tile::Entries { index, .. } => Tile::Entries {
                index,
                width: WIDTH_MAX,
            },
        }
    }

    /// The most bytes that the tile may have: what a reader takes memory for.
    pub fn bytes_max(self) -> usize {
        match self {
            Tile::Hashes { width, .. } => 32 * usize::from(width),
            Tile::Entries { width, .. } => usize::from(width) * (2 + ENTRY_BYTES_MAX),
        }
    }

    /// Cuts the bytes of a wider tile at the same place down to this one's width.
    pub fn cut(self, wider: &[u8]) -> Result<&[u8], TileError> {
        let bytes = match self {
            Tile::Hashes { .. } => wider.get(..self.bytes_max()).ok_or(TileError::Length {
                tile: self,
                have: wider.len(),
                want: self.bytes_max(),
            })?,
            Tile::Entries { width, .. } => {
                let mut rest = wider;
                for entry in 0..usize::from(width) {
                    (_, rest) = next_entry(rest, entry)
                        .map_err(|source| TileError::Bundle { tile: self, source })?;
                }
                &wider[..wider.len() - rest.len()]
            }
        };
        Ok(bytes)
    }

    /// The path below the log's prefix.
    ///
    /// ```
    /// use mingzhang_core::tlog::tile::Tile;
    /// let tile = Tile::Hashes { level: 0, index: 1_234_067, width: 256 };
    /// assert_eq!(tile.path(), "tile/0/x001/x234/067");
    /// assert_eq!(Tile::parse_path("tile/0/x001/x234/067"), Ok(tile));
    /// assert!(Tile::parse_path("tile/0/1234067").is_err());
    /// ```
    pub fn path(self) -> String {
        let mut path = match self {
            Tile::Hashes { level, .. } => format!("tile/{level}/"),
            Tile::Entries { .. } => "tile/entries/".to_owned(),
        };
        let mut group = 1;
        while self.index() / group >= 1000 {
            group *= 1000;
        }
        while group > 1 {
            path += &format!("x{:03}/", self.index() / group % 1000);
            group /= 1000;
        }
        path += &format!("{:03}", self.index() % 1000);
        if !self.is_full() {
            path += &format!(".p/{}", self.width());
        }
        path
    }

    /// Reads a path in its one spelling, of a tile that some tree of at most 2^63 leaves has.
    pub fn parse_path(path: &str) -> Result<Tile, PathError> {
        // "tile/entries/", seven groups of a 56-bit index and ".p/255" are 47 characters.
        if path.len() > 64 {
            let start: String = path.chars().take(64).collect();
            return Err(PathError::Form {
                path: format!("{start}…"),
            });
        }
        let tile = read_path(path).filter(|tile| tile.path() == path);
        let tile = tile.ok_or_else(|| PathError::Form {
            path: path.to_owned(),
        })?;
        if tile.exists() {
            Ok(tile)
        } else {
            Err(PathError::Outside {
                path: path.to_owned(),
            })
        }
    }

    /// Whether the largest tree has such a tile.
    fn exists(self) -> bool {
        let at_most = match self {
            Tile::Hashes { level, index, .. } => Tile::hashes(level, index, SIZE_MAX),
            Tile::Entries { index, .. } => Tile::entries(index, SIZE_MAX),
        };
        at_most.is_some_and(|widest| self.width() <= widest.width())
    }
}

/// Shows the path.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.path())
    }
}

/// How many hashes the level of tiles has in a tree of `size` leaves.
fn hashes_at(level: u8, size: u64) -> u64 {
    size >> (8 * u32::from(level))
}

/// The width of tile `index` in a row of `count` hashes, 1 to 256, or `None` past its end.
fn width_at(index: u64, count: u64) -> Option<u16> {
    let start = index.checked_mul(256)?;
    let width = count.checked_sub(start)?.min(u64::from(WIDTH_MAX));
    u16::try_from(width).ok().filter(|&width| width > 0)
}

/// Reads a path loosely; the caller compares with how it is written.
fn read_path(path: &str) -> Option<Tile> {
    let (row, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (
            groups,
            width.parse().ok().filter(|w| (1..WIDTH_MAX).contains(w))?,
        ),
        None => (rest, WIDTH_MAX),
    };
    let mut index = 0u64;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    match row {
        "entries" => Some(Tile::Entries { index, width }),
        level => Some(Tile::Hashes {
            level: level.parse().ok()?,
            index,
            width,
        }),
    }
}

/// Takes an entry bundle apart: exactly `width` entries, each behind its length as a big-endian
/// u16, and nothing after them.
///
/// ```
/// use mingzhang_core::tlog::tile::{BundleError, encode_bundle, parse_bundle};
/// let bundle = encode_bundle(&["one", ""]);
/// assert_eq!(bundle, b"\0\x03one\0\0");
/// assert_eq!(parse_bundle(&bundle, 2)?, [&b"one"[..], b""]);
/// assert_eq!(parse_bundle(&bundle, 1), Err(BundleError::Width { have: 2, want: 1 }));
/// # Ok::<(), BundleError>(())
/// ```
pub fn parse_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let want = usize::from(width);
    let mut entries = Vec::with_capacity(want);
    let mut rest = bytes;
    while !rest.is_empty() {
        if entries.len() == want {
            return Err(BundleError::Width {
                have: want + 1,
                want,
            });
        }
        let (entry, after) = next_entry(rest, entries.len())?;
        entries.push(entry);
        rest = after;
    }
    if entries.len() == want {
        Ok(entries)
    } else {
        Err(BundleError::Width {
            have: entries.len(),
            want,
        })
    }
}

/// The first framed entry of some bytes, and the bytes behind it; `entry` is its number for the
/// error.
fn next_entry(bytes: &[u8], entry: usize) -> Result<(&[u8], &[u8]), BundleError> {
    let cut = BundleError::Cut { entry };
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(cut)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(cut)
}

/// The entries framed one after the other.
///
/// # Panics
/// If an entry is longer than [`ENTRY_BYTES_MAX`].
pub fn encode_bundle(entries: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let bytes = entries.iter().map(|entry| 2 + entry.as_ref().len()).sum();
    let mut bundle = Vec::with_capacity(bytes);
    for entry in entries {
        push_entry(&mut bundle, entry.as_ref());
    }
    bundle
}

fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("admission ends at 40,000 bytes");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The hashes of a hash tile, which has exactly 32 bytes for each.
fn parse_hashes(tile: Tile, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if bytes.len() != tile.bytes_max() || !rest.is_empty() {
        return Err(TileError::Length {
            tile,
            have: bytes.len(),
            want: tile.bytes_max(),
        });
    }
    Ok(hashes.iter().map(|bytes| Hash(*bytes)).collect())
}

fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32 * hashes.len());
    for hash in hashes {
        bytes.extend_from_slice(&hash.0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn hashes(level: u8, index: u64, width: u16) -> Tile {
        Tile::Hashes {
            level,
            index,
            width,
        }
    }

    const fn entries(index: u64, width: u16) -> Tile {
        Tile::Entries { index, width }
    }

    #[test]
    fn paths_are_read_as_they_are_written() {
        let rows = [
            ("tile/0/000", hashes(0, 0, 256)),
            ("tile/0/000.p/1", hashes(0, 0, 1)),
            ("tile/0/005.p/255", hashes(0, 5, 255)),
            ("tile/7/000.p/128", hashes(7, 0, 128)),
            ("tile/1/999", hashes(1, 999, 256)),
            ("tile/1/x001/000", hashes(1, 1000, 256)),
            ("tile/0/x001/x234/067", hashes(0, 1_234_067, 256)),
            ("tile/0/x001/x234/067.p/8", hashes(0, 1_234_067, 8)),
            ("tile/entries/x001/x000/000", entries(1_000_000, 256)),
            ("tile/entries/273.p/112", entries(273, 112)),
            (
                "tile/0/x036/x028/x797/x018/x963/967",
                hashes(0, (1 << 55) - 1, 256),
            ),
        ];
        for (path, tile) in rows {
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::parse_path(path), Ok(tile));
        }
    }

    #[test]
    fn other_paths_are_refused() {
        let form = |path: &str| Err(PathError::Form { path: path.into() });
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile//000",
            "tile/0//000",
            "tile/00/000",
            "tile/+0/000",
            "tile/-1/000",
            "tile/256/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x1/000",
            "tile/0/1000",
            "tile/0/x0001/000",
            "tile/0/+01",
            "tile/0/xx01/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000.P/1",
            "tile/entries",
            "tile/entries/",
            "tile/Entries/000",
            "tile/entry/000",
            "tile/data/000",
            "tile/0/000 ",
            " tile/0/000",
            "tile/0/000\n",
            "tile/0/../000",
            "tile/0/\u{661}\u{661}\u{661}",
            "tile/0/x099/x999/x999/x999/x999/x999/999",
            "tile/0/000.p/99999999999999999999",
        ] {
            assert_eq!(Tile::parse_path(path), form(path));
        }
        for path in [
            "tile/7/000.p/129",
            "tile/7/000",
            "tile/7/001.p/1",
            "tile/8/000",
            "tile/63/000.p/1",
            "tile/0/x036/x028/x797/x018/x963/968",
            "tile/entries/x036/x028/x797/x018/x963/968.p/1",
            "tile/6/128.p/1",
        ] {
            assert_eq!(
                Tile::parse_path(path),
                Err(PathError::Outside { path: path.into() })
            );
        }
        assert!(Tile::parse_path(&"tile/0/x000".repeat(1000)).is_err());
    }

    #[test]
    fn a_size_implies_the_tiles_that_the_specification_counts() {
        // (size, (full, partial width) of level 0, 1, 2); bundles are as level 0.
        let rows = [
            (0, [(0, 0), (0, 0), (0, 0)]),
            (1, [(0, 1), (0, 0), (0, 0)]),
            (255, [(0, 255), (0, 0), (0, 0)]),
            (256, [(1, 0), (0, 1), (0, 0)]),
            (257, [(1, 1), (0, 1), (0, 0)]),
            (65_535, [(255, 255), (0, 255), (0, 0)]),
            (65_536, [(256, 0), (1, 0), (0, 1)]),
            (65_537, [(256, 1), (1, 0), (0, 1)]),
            (70_000, [(273, 112), (1, 17), (0, 1)]),
        ];
        for (size, levels) in rows {
            let implied: Vec<Tile> = Tile::implied(size).collect();
            let mut want = Vec::new();
            let (full, partial) = levels[0];
            want.extend((0..full).map(|index| entries(index, 256)));
            want.extend((partial > 0).then_some(entries(full, partial)));
            for (level, (full, partial)) in (0..).zip(levels) {
                want.extend((0..full).map(|index| hashes(level, index, 256)));
                want.extend((partial > 0).then_some(hashes(level, full, partial)));
            }
            assert_eq!(implied, want, "{size}");
        }
        let (largest, width) = (Tile::hashes(7, 0, SIZE_MAX).unwrap(), 128);
        assert_eq!(largest.width(), width);
        assert_eq!(Tile::implied(SIZE_MAX).next(), Some(entries(0, 256)));
    }

    #[test]
    fn bundles_are_read_exactly() {
        let check = |bytes: &[u8], width, want: Result<&[&[u8]], BundleError>| {
            assert_eq!(
                parse_bundle(bytes, width).as_deref(),
                want.as_ref().copied(),
                "{bytes:?}"
            );
        };
        check(b"", 0, Ok(&[]));
        check(b"\0\0", 1, Ok(&[b""]));
        check(b"\0\x01a\0\0\0\x02bc", 3, Ok(&[b"a", b"", b"bc"]));
        check(b"", 1, Err(BundleError::Width { have: 0, want: 1 }));
        check(b"\0\x01a", 2, Err(BundleError::Width { have: 1, want: 2 }));
        check(
            b"\0\x01a\0\0",
            1,
            Err(BundleError::Width { have: 2, want: 1 }),
        );
        check(
            b"\0\x01a\0",
            1,
            Err(BundleError::Width { have: 2, want: 1 }),
        );
        check(b"\0", 1, Err(BundleError::Cut { entry: 0 }));
        check(b"\0\x01", 1, Err(BundleError::Cut { entry: 0 }));
        check(b"\0\x01a\0\x02b", 2, Err(BundleError::Cut { entry: 1 }));
        check(b"\xff\xff", 1, Err(BundleError::Cut { entry: 0 }));
        // 65,536 cast to u16 is 0, which has shifted whole logs by an entry.
        for bytes in [65_534, ENTRY_BYTES_MAX] {
            let entry = vec![b'x'; bytes];
            assert_eq!(
                parse_bundle(&encode_bundle(&[&entry]), 1),
                Ok(vec![&entry[..]])
            );
        }
    }

    #[test]
    #[should_panic(expected = "admission ends at 40,000 bytes")]
    fn an_entry_of_65536_bytes_is_never_framed() {
        let _ = encode_bundle(&[vec![b'x'; ENTRY_BYTES_MAX + 1]]);
    }

    #[test]
    fn a_wider_tile_is_cut_to_the_narrower_one() {
        let bundle = encode_bundle(&["a", "", "bc"]);
        assert_eq!(entries(0, 2).cut(&bundle), Ok(&bundle[..5]));
        assert_eq!(entries(0, 3).cut(&bundle), Ok(&bundle[..]));
        assert!(entries(0, 4).cut(&bundle).is_err());
        let tile = [7; 96];
        assert_eq!(hashes(0, 0, 2).cut(&tile), Ok(&tile[..64]));
        let tile_error = TileError::Length {
            tile: hashes(0, 0, 4),
            have: 96,
            want: 128,
        };
        assert_eq!(hashes(0, 0, 4).cut(&tile), Err(tile_error));
    }

    proptest! {
        #[test]
        fn a_path_that_is_read_is_written_so(path in "tile/(entries|[0-9]{1,2})(/x?[0-9]{3}){1,4}(\\.p/[0-9]{1,3})?") {
            if let Ok(tile) = Tile::parse_path(&path) {
                prop_assert_eq!(tile.path(), path);
            }
        }

        #[test]
        fn any_tile_of_a_tree_has_a_path(size in 1u64..=SIZE_MAX, at: u64, level in 0u8..=LEVEL_MAX) {
            if let Some(tile) = Tile::hashes(level, at % size / 256, size) {
                prop_assert_eq!(Tile::parse_path(&tile.path()), Ok(tile));
            }
            let tile = Tile::entries(at % size / 256, size).unwrap();
            prop_assert_eq!(Tile::parse_path(&tile.path()), Ok(tile));
        }

        #[test]
        fn a_bundle_that_is_read_is_written_so(bytes in prop::collection::vec(0u8..4, 0..24), width in 0u16..6) {
            if let Ok(entries) = parse_bundle(&bytes, width) {
                prop_assert_eq!(encode_bundle(&entries), bytes);
            }
        }
    }
}
