//! Plans a batch: which of the posted statements become records, with which index, link and time. Pure; the writer calls it.
//!
//! Judged against the state after the last *planned* record, so that the next batch can be planned while this one is written, and a post may
//! follow one that is still in the queue. What fails is answered and takes no index.

use bytes::Bytes;

use crate::store::commit::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use crate::tlog::merkle::{self, Hash};
use crate::tlog::tile::Edge;
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::log_rules::{self, ErasedEntry, Facts, LogFault, Position};
use crate::trade::record::{RecordHeader, encode_entry};
use crate::trade::statement::{Chain, Statement};
use crate::trade::time::Time;

/// The log as far as it is planned: what the next record is judged against.
#[derive(Clone)]
pub struct Tip {
    /// Records planned.
    pub size: u64,
    /// Leaf hash of the last one, [`Hash::ZERO`] if none.
    pub link: Hash,
    /// Its time.
    pub time: Option<Time>,
    /// Which keys are in force at `size`; `None` before genesis.
    pub keys: Option<KeyState>,
}

impl Tip {
    /// Of an empty log.
    pub fn empty() -> Tip {
        Tip {
            size: 0,
            link: Hash::ZERO,
            time: None,
            keys: None,
        }
    }
}

/// What the rules need to know of earlier records.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The head of the statement's chain.
    pub head: Option<Hash>,
    /// Whether the statement that `amends` names is an earlier one of the same chain.
    pub amends_found: bool,
    /// What stands at the indexes that the statement orders to erase, in its order.
    pub erased: Vec<Standing>,
}

/// A record that is about to be erased.
#[derive(Clone, Debug)]
pub struct Standing {
    /// In the tree.
    pub leaf_hash: Hash,
    /// What it says, if its bytes are still there.
    pub statement: Option<Statement>,
}

/// Everything the writer knows between batches.
pub(super) struct State {
    pub tip: Tip,
    pub edge: Edge,
    /// SHA-256 of the newest commit object.
    pub previous: Hash,
}

/// A batch being planned: never written while empty.
pub struct Plan {
    tip: Tip,
    time: Time,
    entries: Vec<Bytes>,
    leaf_hashes: Vec<Hash>,
    bytes: usize,
}

impl Plan {
    /// Begins a batch on `tip` at `now`. All its records get one time, which never goes back.
    pub fn begin(tip: Tip, now: Time) -> Plan {
        let time = tip.time.map_or(now, |before| before.max(now));
        Plan {
            tip,
            time,
            entries: Vec::new(),
            leaf_hashes: Vec::new(),
            bytes: 0,
        }
    }

    /// No record so far.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// No room for another.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= BATCH_ENTRIES_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// The time of this batch's records.
    pub fn time(&self) -> Time {
        self.time
    }

    /// The log after this batch.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// Judges `statement` by the log rules and takes it in. Its signature must have been verified against the key it names, except for
    /// authority-signed statements, whose lines are verified here, in log order, because they decide which keys the next record may use.
    ///
    /// # Errors
    /// The rule it breaks; the plan is then as before.
    pub fn push(&mut self, statement: &Statement, past: &Past) -> Result<u64, LogFault> {
        assert!(!self.is_full(), "the writer asks is_full() first");
        let position = Position {
            index: self.tip.size,
            time: self.time,
            time_before: self.tip.time,
        };
        judge(statement, &position, self.tip.keys.as_ref(), past)?;
        let keys =
            keys_after(self.tip.keys.as_ref(), position.index, statement).map_err(LogFault::Key)?;
        let header = RecordHeader {
            index: self.tip.size,
            link: self.tip.link,
            time: self.time,
        };
        let entry = encode_entry(&header, statement.note());
        let leaf_hash = merkle::leaf_hash(&entry);
        self.bytes += entry.len() + 2;
        self.entries.push(Bytes::from(entry));
        self.leaf_hashes.push(leaf_hash);
        self.tip.size += 1;
        self.tip.link = leaf_hash;
        self.tip.time = Some(self.time);
        if keys.is_some() {
            self.tip.keys = keys;
        }
        Ok(header.index)
    }

    /// The finished batch: entries with the leaf hashes that the links were made from, and the tip after them.
    pub fn finish(self) -> (Vec<Bytes>, Vec<Hash>, Tip) {
        (self.entries, self.leaf_hashes, self.tip)
    }
}

/// Judges a statement by the log rules, with what is known of the past.
pub(super) fn judge(
    statement: &Statement,
    position: &Position,
    keys: Option<&KeyState>,
    past: &Past,
) -> Result<(), LogFault> {
    let erased: Vec<ErasedEntry<'_>> = past
        .erased
        .iter()
        .map(|standing| ErasedEntry {
            leaf_hash: standing.leaf_hash,
            statement: standing.statement.as_ref(),
        })
        .collect();
    let facts = Facts {
        head: past.head,
        amended_chain: past.amends_found.then_some(statement.chain()),
        erased: &erased,
    };
    log_rules::judge(statement, position, keys, &facts)
}

/// The key state after a record, if the record changes it; its authority lines are verified on the way.
pub(super) fn keys_after(
    keys: Option<&KeyState>,
    index: u64,
    statement: &Statement,
) -> Result<Option<KeyState>, KeyError> {
    if *statement.chain() != Chain::Keys {
        return Ok(None);
    }
    match keys {
        None => KeyState::from_genesis(statement).map(Some),
        Some(keys) => {
            let mut keys = keys.clone();
            keys.apply(index, statement)?;
            Ok(Some(keys))
        }
    }
}
