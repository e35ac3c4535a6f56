//! A record: one header line, then the statement's note (DESIGN 3.2). Its bytes are the *entry* that the log hashes.
//!
//! ```text
//! 17 9f3c…(64 hex) 2026-11-23T01:02:03.456Z⏎
//! {…}⏎
//! ⏎
//! — ggzy.shaoshan.example Az3grl…=⏎
//! ```
//!
//! `<leaf index> <leaf hash of the record before> <time>`. Record 0 links to 64 zeros. The leaf hash is
//! SHA-256(0x00 ‖ entry), so the hash chain and the Merkle tree hash the same bytes, and the link is inside the leaf.
//!
//! Promises: an entry has one header for given values; what [`parse_entry`] takes, [`encode_entry`] gives back byte for
//! byte. Does not read the note ([`statement`](super::statement)) and does not compare the link with anything
//! ([`log_rules`](super::log_rules)).

use super::statement::NOTE_BYTES_MAX;
use super::time::{Time, TimeError};
use crate::tlog::merkle::{Hash, SIZE_MAX};

/// The most bytes of an entry, so that the longest line of a receipt, base64 of the entry and a few key notes, stays
/// under 64 KiB for readers written by others.
pub const ENTRY_BYTES_MAX: usize = 40_000;
/// The most bytes of a header line: an index below 2^63 (19 digits), a hash, a time, two spaces and a line feed.
pub(crate) const HEADER_BYTES_MAX: usize = 19 + 1 + 64 + 1 + 24 + 1;

// Every statement that is taken fits into an entry, whatever its index.
const _: () = assert!(HEADER_BYTES_MAX + NOTE_BYTES_MAX <= ENTRY_BYTES_MAX);

/// Where a statement stands in the log, what it links to, and when it was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The leaf index; 0-based.
    pub index: u64,
    /// The leaf hash of the record before; [`Hash::ZERO`] for record 0.
    pub link: Hash,
    /// The ledger's time; one a batch, never back.
    pub time: Time,
}

/// The bytes of an entry.
///
/// ```
/// use mingzhang_core::tlog::merkle::Hash;
/// use mingzhang_core::trade::record::{RecordHeader, encode_entry, parse_entry};
/// use mingzhang_core::trade::time::Time;
///
/// let time = Time::parse("2026-11-23T01:02:03.456Z").unwrap();
/// let header = RecordHeader { index: 17, link: Hash::sha256(b""), time };
/// let entry = encode_entry(&header, b"{}\n\n\xe2\x80\x94 a AAAAAAA=\n");
/// assert!(entry.starts_with(b"17 e3b0c44298fc1c14"));
/// assert_eq!(parse_entry(&entry).unwrap(), (header, &b"{}\n\n\xe2\x80\x94 a AAAAAAA=\n"[..]));
/// assert!(parse_entry(&[b"0", entry.as_slice()].concat()).is_err()); // 017 is no index
/// ```
///
/// # Panics
/// If the entry would be larger than [`ENTRY_BYTES_MAX`] or the index 2^63 or more: a statement that was parsed cannot
/// make it so.
#[must_use]
pub fn encode_entry(header: &RecordHeader, note: &[u8]) -> Vec<u8> {
    assert!(
        header.index < SIZE_MAX,
        "leaf index {} is past the end of every tree",
        header.index
    );
    let mut entry = Vec::with_capacity(HEADER_BYTES_MAX + note.len());
    encode_header(header, &mut entry);
    entry.extend_from_slice(note);
    assert!(
        entry.len() <= ENTRY_BYTES_MAX,
        "an entry of {} bytes",
        entry.len()
    );
    entry
}

/// Reads an entry: its header, and the note as bytes.
///
/// # Errors
/// [`RecordError`] for anything that [`encode_entry`] does not write, and for an entry that is too large.
pub fn parse_entry(entry: &[u8]) -> Result<(RecordHeader, &[u8]), RecordError> {
    if entry.len() > ENTRY_BYTES_MAX {
        return Err(RecordError::EntryBytes {
            have: entry.len(),
            max: ENTRY_BYTES_MAX,
        });
    }
    let within = &entry[..entry.len().min(HEADER_BYTES_MAX)];
    let line_end = within
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(RecordError::NoHeader)?;
    let (line, note) = (&entry[..=line_end], &entry[line_end + 1..]);
    let text = std::str::from_utf8(&line[..line_end]).map_err(|_| RecordError::NoHeader)?;
    let header = parse_header(text)?;
    let mut again = Vec::with_capacity(HEADER_BYTES_MAX);
    encode_header(&header, &mut again);
    if again != line {
        return Err(RecordError::Header {
            found: text.to_owned(),
        });
    }
    if note.is_empty() {
        return Err(RecordError::NoStatement {
            index: header.index,
        });
    }
    Ok((header, note))
}

/// Why bytes are not an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too large.
    #[error("entry has {have} bytes, wanted at most {max}")]
    EntryBytes {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// The first line is too long, or not text.
    #[error("entry has no header line of at most {HEADER_BYTES_MAX} bytes")]
    NoHeader,
    /// The first line is not a header, or not written in the one way.
    #[error("header {found:?} is not \"<index> <64 lower-case hex digits> <time>\"")]
    Header {
        /// The line found.
        found: String,
    },
    /// The time in it is not one.
    #[error("header of entry {index} has no record time")]
    Time {
        /// The index it states.
        index: u64,
        /// What was found and wanted.
        source: TimeError,
    },
    /// Nothing follows the header.
    #[error("entry {index} has a header and no statement")]
    NoStatement {
        /// The index it states.
        index: u64,
    },
}

fn encode_header(header: &RecordHeader, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{} {} {}\n", header.index, header.link, header.time).as_bytes());
}

fn parse_header(line: &str) -> Result<RecordHeader, RecordError> {
    let malformed = || RecordError::Header {
        found: line.to_owned(),
    };
    let mut parts = line.splitn(3, ' ');
    let (Some(index), Some(link), Some(time)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let index: u64 = index
        .parse()
        .ok()
        .filter(|index| *index < SIZE_MAX)
        .ok_or_else(malformed)?;
    let link = Hash::from_hex(link).ok_or_else(malformed)?;
    let time = Time::parse(time).map_err(|source| RecordError::Time { index, source })?;
    Ok(RecordHeader { index, link, time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINK: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn check(entry: impl AsRef<[u8]>, expected: Result<u64, &str>) {
        let got = parse_entry(entry.as_ref());
        match (got, expected) {
            (Ok((header, note)), Ok(index)) => {
                assert_eq!(header.index, index);
                assert_eq!(encode_entry(&header, note), entry.as_ref());
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (got, expected) => panic!("got {got:?}, wanted {expected:?}"),
        }
    }

    #[test]
    fn an_entry_has_one_header() {
        check(format!("0 {LINK} 2026-11-23T01:02:03.456Z\n{{}}"), Ok(0));
        check(
            format!("9223372036854775807 {LINK} 2026-11-23T01:02:03.456Z\n{{}}"),
            Ok(SIZE_MAX - 1),
        );
        check(format!("1 {LINK} 2026-11-23T01:02:03.456Z\n\n"), Ok(1));
        check(
            format!("9223372036854775808 {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("00 {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("+1 {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("-1 {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!(" 1 {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("1  {LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("1\t{LINK} 2026-11-23T01:02:03.456Z\nx"),
            Err("header"),
        );
        check(
            format!("1 {} 2026-11-23T01:02:03.456Z\nx", LINK.to_uppercase()),
            Err("header"),
        );
        check(
            format!("1 {} 2026-11-23T01:02:03.456Z\nx", &LINK[2..]),
            Err("header"),
        );
        check(
            format!("1 {LINK} 2026-11-23T01:02:03.456Z \nx"),
            Err("record time"),
        );
        check(
            format!("1 {LINK} 2026-11-23T01:02:03.456Z\r\nx"),
            Err("record time"),
        );
        check(
            format!("1 {LINK} 2026-11-23T01:02:03Z\nx"),
            Err("record time"),
        );
        check(
            format!("1 {LINK} 2026-11-23T01:02:60.000Z\nx"),
            Err("record time"),
        );
        check(format!("1 {LINK}\nx"), Err("header"));
        check(
            format!("1 {LINK} 2026-11-23T01:02:03.456Z\n"),
            Err("no statement"),
        );
        check(
            format!("1 {LINK} 2026-11-23T01:02:03.456Z"),
            Err("no header"),
        );
        check("", Err("no header"));
        check("\n", Err("header"));
        check([b'x'; 200], Err("no header"));
        check(
            [b"\xff\n", [b'x'; 10].as_slice()].concat(),
            Err("no header"),
        );
        let head = format!("1 {LINK} 2026-11-23T01:02:03.456Z\n");
        check(
            format!("{head}{}", "x".repeat(ENTRY_BYTES_MAX - head.len())),
            Ok(1),
        );
        check(
            format!("{head}{}", "x".repeat(ENTRY_BYTES_MAX - head.len() + 1)),
            Err("40001 bytes"),
        );
    }

    proptest! {
        #[test]
        fn what_is_parsed_encodes_to_the_same_bytes(
            head in "[0-9+]{1,3} [0-9a-fA-F]{64} 20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z\n",
            note in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let entry = [head.as_bytes(), &note].concat();
            if let Ok((header, note)) = parse_entry(&entry) {
                prop_assert_eq!(encode_entry(&header, note), entry);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_entry(&bytes);
        }
    }
}
