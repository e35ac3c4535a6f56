//! Sealed bids: a register of fixed width, so that no bid can be dropped, added or swapped, and nobody learns their number
//! before the opening (招标投标法 22, 28, 36).
//!
//! ```text
//! leaf of a bid     SHA-256(0x00 ‖ SHA-256(mingzhang-bid-v1 ⏎ ledger ⏎ publisher ⏎ project ⏎ lot ⏎ slot ⏎ salt ⏎ bidder ⏎ file ⏎ received_at))
//! leaf of no bid    SHA-256(0x00 ‖ SHA-256(mingzhang-empty-v1 ⏎ seed ⏎ slot))
//! register          the RFC 6962 root of exactly `slots` leaves, 1,024 unless the announcement says another power of two
//! ```
//!
//! Lines are UTF-8, a line feed between them and none at the end; slot in decimal, salt, seed and file digest as 64
//! lower-case hexadecimal digits, `received_at` in RFC 3339 as the centre wrote it.
//!
//! The bidder gets a [`BidReceipt`] signed by the centre at once, and after the next register his [`Path`]. At the opening
//! the centre publishes an [`Opening`]: the seed, and each bid, or the leaf of one that was not decrypted (未解密).
//! [`check_opening`] holds it against the register; [`check_bid`] is what one bidder can prove alone with his own files.
//!
//! Promises: the width is public, the number of bids is not: each register of a lot has a seed of its own, so every root
//! differs from the one before whether a bid came or not, and bids take even slots only, so that the sibling in a bidder's
//! path is never another bid.
//!
//! Does not read the clock or draw random numbers: both are arguments. Does not keep the book: `cli/bid.rs` does.

mod check;
mod files;
#[cfg(test)]
mod tests;

pub use check::{BidFault, Opened, OpeningFault, check_bid, check_opening, check_path};
pub use files::{FileError, OPENING_BYTES_MAX, RECEIPT_BYTES_MAX, check_bidder};

use std::fmt;

use crate::tlog::merkle::{self, Hash};

use super::commitment::{Opening as CommitmentOpening, Place};
use super::json::Value;
use super::names;
use super::statement::Statement;

/// The width unless the announcement says otherwise.
pub const SLOTS: u32 = 1_024;
/// The largest width: half of it can be bids.
pub const SLOTS_MAX: u32 = 1 << 16;
/// The most bytes of a bidder's name or code.
pub(crate) const BIDDER_BYTES_MAX: usize = 512;

const BID_PREFIX: &str = "mingzhang-bid-v1";
const EMPTY_PREFIX: &str = "mingzhang-empty-v1";

/// The lot that bids are for. It is hashed with every bid: a bid cannot be moved to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// The ledger's origin.
    pub ledger: String,
    /// The centre's key name.
    pub publisher: String,
    /// The project.
    pub project: String,
    /// The lot; `1` where the project has one only.
    pub lot: String,
}

impl fmt::Display for Lot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lot {
            ledger,
            publisher,
            project,
            lot,
        } = self;
        write!(f, "{ledger} {publisher} {project} {lot}")
    }
}

/// One bid as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bid {
    /// Where its leaf is, from 0.
    pub slot: u32,
    /// 32 random bytes, known to centre and bidder.
    pub salt: [u8; 32],
    /// 统一社会信用代码 or name, one line.
    pub bidder: String,
    /// SHA-256 of the bid file, encrypted or sealed as it was handed in.
    pub file: Hash,
    /// When, by the centre's clock, RFC 3339 with offset.
    pub received_at: String,
}

impl Bid {
    /// The leaf hash of this bid in a register of `lot`.
    #[must_use]
    pub fn leaf(&self, lot: &Lot) -> Hash {
        let (slot, salt, file) = (
            self.slot.to_string(),
            hex::encode(self.salt),
            self.file.to_string(),
        );
        let lines = [
            BID_PREFIX,
            &lot.ledger,
            &lot.publisher,
            &lot.project,
            &lot.lot,
            &slot,
            &salt,
            &self.bidder,
            &file,
            &self.received_at,
        ];
        leaf(&lines.join("\n"))
    }
}

/// The leaf hash of a slot without a bid.
#[must_use]
pub(crate) fn empty_leaf(seed: &[u8; 32], slot: u32) -> Hash {
    leaf(&format!("{EMPTY_PREFIX}\n{}\n{slot}", hex::encode(seed)))
}

fn leaf(lines: &str) -> Hash {
    merkle::leaf_hash(&Hash::sha256(lines.as_bytes()).0)
}

/// A signed promise of the centre that it holds this bid for this lot, in a register of this width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BidReceipt {
    /// What the bid is for.
    pub lot: Lot,
    /// The register's width.
    pub slots: u32,
    /// The bid.
    pub bid: Bid,
}

/// The way from a bid's leaf to the root of one register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The id of the statement that holds the register.
    pub register: Hash,
    /// The bid's slot.
    pub slot: u32,
    /// Sibling hashes, from the leaf up.
    pub proof: Vec<Hash>,
}

/// What the centre publishes at the opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The id of the statement that holds the register, the last one at the deadline.
    pub register: Hash,
    /// What the empty slots were made from.
    pub seed: [u8; 32],
    /// What opens the commitment to the seed.
    pub seed_salt: [u8; 32],
    /// The bids.
    pub bids: Vec<Bid>,
    /// Those that were not decrypted: slot and leaf hash.
    pub not_decrypted: Vec<(u32, Hash)>,
}

/// A register as it stands in a `bid_register` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The statement.
    pub statement: Hash,
    /// Which lot.
    pub lot: Lot,
    /// How wide.
    pub slots: u32,
    /// The RFC 6962 root of the leaves.
    pub root: Hash,
    /// The commitment to the seed, and where it stands.
    pub seed: Hash,
    /// The JSON pointer of that commitment.
    pub pointer: String,
}

/// Why a statement holds no register of a lot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Another kind of statement.
    #[error("this is {found}, wanted a trade statement of kind bid_register")]
    Kind {
        /// Its kind or type.
        found: String,
    },
    /// No row for this lot.
    #[error("the register has no row for lot {wanted}, it has {found}")]
    Lot {
        /// The lot asked for.
        wanted: String,
        /// The lots in it, with commas.
        found: String,
    },
    /// A row that cannot be read.
    #[error("{pointer} should be {wanted}")]
    Row {
        /// Where.
        pointer: String,
        /// What belongs there.
        wanted: &'static str,
    },
}

impl Register {
    /// The register of `lot` in a statement, `/details/sealed/<n>`.
    ///
    /// # Errors
    /// [`RegisterError`] if it is no `bid_register` or has no such row.
    pub fn read(statement: &Statement, lot: &str) -> Result<Register, RegisterError> {
        let value = statement.value();
        let kind = value.get("kind").and_then(Value::as_str);
        let (Some("bid_register"), Some(publisher), Some(project)) =
            (kind, statement.publisher(), statement.project())
        else {
            let found = kind.unwrap_or(statement.statement_type()).to_owned();
            return Err(RegisterError::Kind { found });
        };
        let rows = value
            .pointer("/details/sealed")
            .and_then(Value::items)
            .ok_or_else(|| RegisterError::Row {
                pointer: "/details/sealed".into(),
                wanted: "a list of registers, one a lot",
            })?;
        let lot_of = |row: &Value<'_>| row.get("lot").and_then(Value::as_str).map(str::to_owned);
        let Some((at, row)) = rows
            .iter()
            .enumerate()
            .find(|(_, row)| lot_of(row).as_deref() == Some(lot))
        else {
            let found: Vec<String> = rows.iter().filter_map(lot_of).collect();
            return Err(RegisterError::Lot {
                wanted: lot.to_owned(),
                found: found.join(", "),
            });
        };
        let wrong = |name: &str, wanted| RegisterError::Row {
            pointer: format!("/details/sealed/{at}/{name}"),
            wanted,
        };
        let slots = row
            .get("slots")
            .and_then(Value::as_integer)
            .and_then(|slots| u32::try_from(slots).ok())
            .filter(|slots| slots_are_valid(*slots))
            .ok_or_else(|| wrong("slots", "a power of two, 2 to 65536"))?;
        let hash = |value: Option<&Value<'_>>| names::parse_hash(value?.as_str()?).ok();
        let root = hash(row.get("root"))
            .ok_or_else(|| wrong("root", "a digest of 64 lower-case hexadecimal digits"))?;
        let seed = hash(row.pointer("/seed/commitment")).ok_or_else(|| {
            wrong(
                "seed",
                "a commitment, {\"commitment\":…,\"class\":\"not_yet\"}",
            )
        })?;
        Ok(Register {
            statement: statement.id(),
            lot: Lot {
                ledger: statement.ledger().to_owned(),
                publisher: publisher.to_owned(),
                project: project.to_owned(),
                lot: lot.to_owned(),
            },
            slots,
            root,
            seed,
            pointer: format!("/details/sealed/{at}/seed"),
        })
    }

    /// Whether the seed is the one committed to.
    #[must_use]
    pub fn is_of_seed(&self, seed: &[u8; 32], salt: &[u8; 32]) -> bool {
        seed_opening(seed, salt).opens(&self.place(), &self.seed)
    }

    fn place(&self) -> Place<'_> {
        Place {
            ledger: &self.lot.ledger,
            publisher: &self.lot.publisher,
            project: &self.lot.project,
            pointer: &self.pointer,
        }
    }
}

/// Whether a register may be this wide: a power of two, at least 2, at most [`SLOTS_MAX`].
#[must_use]
pub fn slots_are_valid(slots: u32) -> bool {
    slots.is_power_of_two() && (2..=SLOTS_MAX).contains(&slots)
}

/// The opening of the commitment to a seed: the seed's hexadecimal digits under `salt`.
#[must_use]
pub fn seed_opening(seed: &[u8; 32], salt: &[u8; 32]) -> CommitmentOpening {
    CommitmentOpening {
        salt: *salt,
        value: hex::encode(seed),
    }
}

/// All leaves of a register. The centre's side; [`Sealed::new`] is what makes one.
#[derive(Debug)]
pub struct Sealed {
    leaves: Vec<Hash>,
}

/// Why bids cannot be sealed together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No such width.
    #[error("a register of {0} slots, wanted a power of two, 2 to 65536")]
    Slots(u32),
    /// A slot beyond the width.
    #[error("slot {slot} is not in a register of {slots}")]
    Slot {
        /// The slot.
        slot: u32,
        /// The width.
        slots: u32,
    },
    /// Two bids in one slot.
    #[error("two bids have slot {0}")]
    Twice(u32),
    /// Every slot that may hold a bid does.
    #[error(
        "all {0} slots for bids are taken; announce a wider register and register all bids anew"
    )]
    Full(u32),
}

impl Sealed {
    /// The leaves of a register of `bids`; `seed` fills the slots that have none.
    ///
    /// # Errors
    /// [`SealError`] for a wrong width, a slot beyond it or one that is used twice.
    pub fn new(lot: &Lot, slots: u32, seed: &[u8; 32], bids: &[Bid]) -> Result<Sealed, SealError> {
        if !slots_are_valid(slots) {
            return Err(SealError::Slots(slots));
        }
        let mut leaves: Vec<Option<Hash>> = vec![None; slots as usize];
        for bid in bids {
            let slot = bid.slot;
            let place = leaves
                .get_mut(slot as usize)
                .ok_or(SealError::Slot { slot, slots })?;
            if place.replace(bid.leaf(lot)).is_some() {
                return Err(SealError::Twice(slot));
            }
        }
        let leaves = (0..slots)
            .zip(leaves)
            .map(|(slot, leaf)| leaf.unwrap_or_else(|| empty_leaf(seed, slot)))
            .collect();
        Ok(Sealed { leaves })
    }

    /// The root that is published.
    #[must_use]
    pub fn root(&self) -> Hash {
        range_root(&self.leaves)
    }

    /// The way from a slot's leaf to the root.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn path(&self, slot: u32) -> Vec<Hash> {
        merkle::prove_inclusion(u64::from(slot), self.leaves.len() as u64, |range| {
            let at = |end: u64| usize::try_from(end).expect("a slot is below 65,536");
            range_root(&self.leaves[at(range.start)..at(range.end)])
        })
    }
}

/// The root of a power of two of leaves.
fn range_root(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = level
            .chunks_exact(2)
            .map(|pair| merkle::node_hash(&pair[0], &pair[1]))
            .collect();
    }
    level[0]
}

/// Draws a free slot for a new bid: even ones only. `random` is a uniformly drawn number.
///
/// # Errors
/// [`SealError::Slots`], [`SealError::Full`].
pub fn draw_slot(slots: u32, taken: &[Bid], random: u64) -> Result<u32, SealError> {
    if !slots_are_valid(slots) {
        return Err(SealError::Slots(slots));
    }
    let free: Vec<u32> = (0..slots)
        .step_by(2)
        .filter(|slot| taken.iter().all(|bid| bid.slot != *slot))
        .collect();
    let Some(last) = free.len().checked_sub(1) else {
        return Err(SealError::Full(slots / 2));
    };
    // 2^64 over at most 2^15 choices: the bias is below 2^-48.
    let at = random % (last as u64 + 1);
    Ok(free[usize::try_from(at).unwrap_or(last)])
}
