//! What anyone can check at the opening, and what one bidder can prove alone.

use std::collections::BTreeMap;

use crate::tlog::merkle::{self, Hash};
use crate::trade::time::{OffsetTime, Time};

use super::{Bid, BidReceipt, Opening, Path, Register, Sealed, empty_leaf};

/// An opening that fits its register, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Slots opened as bids.
    pub bids: usize,
    /// Slots listed as not decrypted.
    pub not_decrypted: usize,
    /// Slots proved to be empty.
    pub empty: usize,
    /// Bidders with more than one bid, each with the number: for people to look at, not a fault of the register.
    pub several: Vec<(String, usize)>,
    /// Bids whose time is after the register's record, or after the deadline, which [`check_opening`] was given: (slot, time).
    pub late: Vec<(u32, String)>,
}

/// Why an opening does not fit its register: the centre, which signed both, cannot explain it away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningFault {
    /// It opens another register.
    #[error("this opens the register {found}, wanted {wanted}")]
    Register {
        /// The one it names.
        found: Hash,
        /// The one given.
        wanted: Hash,
    },
    /// The seed is not the one committed to.
    #[error("the seed is not the one that the register committed to")]
    Seed,
    /// A slot beyond the width, or one that is listed twice.
    #[error("slot {slot}: {what}")]
    Slot {
        /// The slot.
        slot: u32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The bids shown do not make the registered root.
    #[error(
        "what is shown does not make the registered root: a bid was added, dropped or changed after it (found {found}, registered {wanted})"
    )]
    Root {
        /// The root of what is shown.
        found: Hash,
        /// The root registered.
        wanted: Hash,
    },
}

/// Holds an opening against its register: every slot is a bid, not decrypted, or empty by the committed seed.
///
/// `until` is the latest moment at which a bid may have come: the deadline, or else the time of the register's record.
///
/// # Errors
/// [`OpeningFault`], the first that is found.
pub fn check_opening(
    register: &Register,
    opening: &Opening,
    until: Option<Time>,
) -> Result<Opened, OpeningFault> {
    if opening.register != register.statement {
        return Err(OpeningFault::Register {
            found: opening.register,
            wanted: register.statement,
        });
    }
    if !register.is_of_seed(&opening.seed, &opening.seed_salt) {
        return Err(OpeningFault::Seed);
    }
    let mut leaves: BTreeMap<u32, Hash> = BTreeMap::new();
    let shown = opening
        .bids
        .iter()
        .map(|bid| (bid.slot, bid.leaf(&register.lot)));
    for (slot, leaf) in shown.chain(opening.not_decrypted.iter().copied()) {
        let what = match leaves.insert(slot, leaf) {
            Some(_) => "listed twice",
            None if slot >= register.slots => "beyond the register",
            None if leaf == empty_leaf(&opening.seed, slot) => "empty, yet listed as a bid",
            None => continue,
        };
        return Err(OpeningFault::Slot { slot, what });
    }
    let all: Vec<Hash> = (0..register.slots)
        .map(|slot| {
            leaves
                .get(&slot)
                .copied()
                .unwrap_or_else(|| empty_leaf(&opening.seed, slot))
        })
        .collect();
    let found = Sealed { leaves: all }.root();
    if found != register.root {
        return Err(OpeningFault::Root {
            found,
            wanted: register.root,
        });
    }
    let mut several: BTreeMap<&str, usize> = BTreeMap::new();
    for bid in &opening.bids {
        *several.entry(&bid.bidder).or_default() += 1;
    }
    let is_late = |bid: &&Bid| {
        let received = OffsetTime::parse(&bid.received_at);
        received.is_ok_and(|received| until.is_some_and(|until| received.time > until))
    };
    Ok(Opened {
        bids: opening.bids.len(),
        not_decrypted: opening.not_decrypted.len(),
        empty: register.slots as usize - leaves.len(),
        several: several
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(bidder, count)| (bidder.to_owned(), count))
            .collect(),
        late: opening
            .bids
            .iter()
            .filter(is_late)
            .map(|bid| (bid.slot, bid.received_at.clone()))
            .collect(),
    })
}

/// What a bidder proves against the centre with its own signatures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BidFault {
    /// The receipt is for another lot, ledger or centre than the register.
    #[error("the receipt is for {found}, the register for {wanted}")]
    Lot {
        /// In the receipt.
        found: String,
        /// In the register.
        wanted: String,
    },
    /// The register is not as wide as the receipt says: slot numbers mean another place.
    #[error("the receipt says {receipt} slots, the register has {register}")]
    Slots {
        /// In the receipt.
        receipt: u32,
        /// In the register.
        register: u32,
    },
    /// The path is for another register or slot.
    #[error("the path is for slot {slot} of register {register}")]
    OtherPath {
        /// Its slot.
        slot: u32,
        /// Its register.
        register: Hash,
    },
    /// The path does not lead to the registered root.
    #[error("slot {slot} of the register does not hold the bid that the centre's receipt is for")]
    NotInRegister {
        /// The slot promised.
        slot: u32,
    },
    /// At the opening the slot is shown to be empty.
    #[error("at the opening, slot {slot} is shown as empty: the bid was dropped")]
    Dropped {
        /// The slot promised.
        slot: u32,
    },
    /// At the opening another bid stands there.
    #[error(
        "at the opening, slot {slot} holds another bid: {what} differs from the centre's receipt"
    )]
    Swapped {
        /// The slot promised.
        slot: u32,
        /// What differs.
        what: &'static str,
    },
}

fn same_place(receipt: &BidReceipt, register: &Register) -> Result<(), BidFault> {
    if receipt.lot != register.lot {
        return Err(BidFault::Lot {
            found: receipt.lot.to_string(),
            wanted: register.lot.to_string(),
        });
    }
    if receipt.slots != register.slots {
        return Err(BidFault::Slots {
            receipt: receipt.slots,
            register: register.slots,
        });
    }
    Ok(())
}

/// Before the opening: is my bid in this register?
///
/// # Errors
/// [`BidFault`]; with [`BidFault::NotInRegister`] the receipt, signed by the centre, contradicts the register that it signed
/// too — unless the register is older than the bid.
pub fn check_path(receipt: &BidReceipt, register: &Register, path: &Path) -> Result<(), BidFault> {
    same_place(receipt, register)?;
    let slot = receipt.bid.slot;
    if path.register != register.statement || path.slot != slot {
        return Err(BidFault::OtherPath {
            slot: path.slot,
            register: path.register,
        });
    }
    let tree = merkle::Tree {
        size: u64::from(register.slots),
        root_hash: register.root,
    };
    let leaf = receipt.bid.leaf(&receipt.lot);
    merkle::check_inclusion(&leaf, u64::from(slot), &tree, &path.proof)
        .map_err(|_| BidFault::NotInRegister { slot })
}

/// After the opening, which [`check_opening`] found to fit the register: was my bid opened as I handed it in? `Ok(false)`:
/// it is in the register as promised and listed as not decrypted.
///
/// # Errors
/// [`BidFault`]: what the receipt proves against the opening.
pub fn check_bid(
    receipt: &BidReceipt,
    register: &Register,
    opening: &Opening,
) -> Result<bool, BidFault> {
    same_place(receipt, register)?;
    let (mine, slot) = (&receipt.bid, receipt.bid.slot);
    if let Some(shown) = opening.bids.iter().find(|bid| bid.slot == slot) {
        let what = if shown.file != mine.file {
            "the file's digest"
        } else if shown.bidder != mine.bidder {
            "the bidder"
        } else if shown.received_at != mine.received_at {
            "the time of receipt"
        } else if shown.salt != mine.salt {
            "the salt"
        } else {
            return Ok(true);
        };
        return Err(BidFault::Swapped { slot, what });
    }
    match opening.not_decrypted.iter().find(|(at, _)| *at == slot) {
        Some((_, leaf)) if *leaf == mine.leaf(&receipt.lot) => Ok(false),
        Some(_) => Err(BidFault::Swapped {
            slot,
            what: "the leaf listed as not decrypted",
        }),
        None => Err(BidFault::Dropped { slot }),
    }
}
