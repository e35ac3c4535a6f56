//! Receipts: a `.tlog-proof` file (c2sp.org/tlog-proof@v1) whose `extra` carries the entry and the notes from which its signer's key follows.
//!
//! `extra` is base64 of items framed as in an entry bundle (big-endian u16 length, bytes): item 0 the entry, then statement notes without
//! record header in log order, genesis first. Nothing in it is believed: [`crate::verify`] checks every item from the pinned genesis id.

use std::borrow::Cow;

use bytes::Bytes;

use crate::tlog::merkle::Hash;
use crate::tlog::proof::{TlogProof, TlogProofError};
use crate::trade::record::ENTRY_BYTES_MAX;

/// What a receipt holds, nothing of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the entry is said to stand.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub proof: Vec<Hash>,
    /// A signed checkpoint, as published, with its cosignatures.
    pub checkpoint: String,
    /// The entry.
    pub entry: Bytes,
    /// Genesis, changes of the authority set, and the note that admitted the signer's key.
    pub evidence: Vec<Bytes>,
}

/// Items of `extra`, at most: an entry, genesis, the admission, and authority changes of many decades.
pub const ITEMS_MAX: usize = 258;
/// A receipt file, at most.
pub const RECEIPT_BYTES_MAX: usize = 1 << 20;

/// Why bytes are not a receipt of ours.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Larger than any receipt.
    #[error("the file has {bytes} bytes, a receipt has at most {RECEIPT_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a tlog-proof.
    #[error("this is not a tlog-proof file")]
    Form(#[source] TlogProofError),
    /// A tlog-proof without our extra data.
    #[error(
        "the file has no `extra` line: the entry and the key notes are wanted there; of a proof that another program made, give the entry beside it (verify --entry FILE)"
    )]
    NoExtra,
    /// The items do not fill `extra` exactly.
    #[error("item {item} of `extra` breaks off or is longer than {ENTRY_BYTES_MAX} bytes")]
    Item {
        /// 0-based.
        item: usize,
    },
    /// Fewer than an entry and the genesis note, or too many.
    #[error("`extra` has {found} items, wanted 2 to {ITEMS_MAX}: the entry, genesis, …")]
    Items {
        /// How many.
        found: usize,
    },
}

/// A file whose lines end in LF and which has no other control character, as it was before an editor or a mail program put a byte order
/// mark and CRs into it. What is signed is checked afterwards, so nothing is believed that was not signed.
///
/// ```
/// # use mingzhang_core::receipt::unix;
/// assert_eq!(*unix(b"\xef\xbb\xbfa\r\nb\r\n"), *b"a\nb\n");
/// assert_eq!(*unix(b"a\rb\r\r\n\xef\xbb\xbf"), *b"a\rb\r\n\xef\xbb\xbf"); // Neither another CR nor another mark.
/// ```
#[must_use]
pub fn unix(bytes: &[u8]) -> Cow<'_, [u8]> {
    let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !rest.windows(2).any(|two| two == b"\r\n") {
        return Cow::Borrowed(rest);
    }
    let follows = rest.iter().skip(1).chain(std::iter::once(&0));
    let kept = rest.iter().zip(follows);
    let kept = kept.filter(|(byte, next)| (**byte, **next) != (b'\r', b'\n'));
    Cow::Owned(kept.map(|(byte, _)| *byte).collect())
}

impl Receipt {
    /// The file.
    pub fn encode(&self) -> String {
        let items = std::iter::once(&self.entry).chain(&self.evidence);
        let mut extra = Vec::with_capacity(items.clone().map(|item| item.len() + 2).sum());
        for item in items {
            let length = u16::try_from(item.len())
                .expect("an entry or a key note is at most ENTRY_BYTES_MAX");
            extra.extend_from_slice(&length.to_be_bytes());
            extra.extend_from_slice(item);
        }
        TlogProof {
            extra: Some(extra),
            index: self.index,
            hashes: self.proof.clone(),
            checkpoint: self.checkpoint.clone(),
        }
        .encode()
    }

    /// Takes a file apart; checks its form only.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn parse(bytes: &[u8]) -> Result<Receipt, ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::TooLarge { bytes: bytes.len() });
        }
        let proof = TlogProof::parse(bytes).map_err(ReceiptError::Form)?;
        let extra = Bytes::from(proof.extra.ok_or(ReceiptError::NoExtra)?);
        let mut items = Vec::new();
        let mut rest = extra;
        while !rest.is_empty() {
            let item = items.len();
            if item == ITEMS_MAX {
                return Err(ReceiptError::Items {
                    found: ITEMS_MAX + 1,
                });
            }
            let length = rest
                .first_chunk::<2>()
                .map(|length| usize::from(u16::from_be_bytes(*length)));
            let length = length
                .filter(|length| *length <= ENTRY_BYTES_MAX && rest.len() >= 2 + length)
                .ok_or(ReceiptError::Item { item })?;
            items.push(rest.slice(2..2 + length));
            rest = rest.slice(2 + length..);
        }
        if items.len() < 2 {
            return Err(ReceiptError::Items { found: items.len() });
        }
        let entry = items.remove(0);
        Ok(Receipt {
            index: proof.index,
            proof: proof.hashes,
            checkpoint: proof.checkpoint,
            entry,
            evidence: items,
        })
    }
}
