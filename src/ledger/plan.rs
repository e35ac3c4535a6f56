//! Plans a batch: which of the posted statements become records, with which index, link and time. Pure; the writer calls it.
//!
//! Judged against the state after the last *planned* record, so that the next batch can be planned while this one is written, and a post may
//! follow one that is still in the queue. What fails is answered and takes no index.

use std::sync::Arc;

use bytes::Bytes;

use super::commit::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use crate::tlog::merkle::{self, Hash};
use crate::trade::keys::KeyState;
use crate::trade::log_rules::{self, LogFault, Position};
use crate::trade::record::{RecordHeader, encode_entry};
use crate::trade::statement::{Body, Statement};
use crate::trade::time::Time;

/// The log as far as it is planned: what the next record is judged against.
#[derive(Clone, Debug)]
pub struct Tip {
    /// Records planned.
    pub size: u64,
    /// Leaf hash of the last one, [`Hash::ZERO`] if none.
    pub link: Hash,
    /// Its time.
    pub time: Option<Time>,
    /// Which keys are in force at `size`; `None` before genesis.
    pub keys: Option<Arc<KeyState>>,
}

impl Tip {
    /// Of an empty log.
    pub fn empty() -> Tip {
        Tip { size: 0, link: Hash::ZERO, time: None, keys: None }
    }
}

/// What the rules need to know of earlier records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    /// The head of the statement's chain.
    pub head: Option<Hash>,
    /// Whether the statement that `amends` names is an earlier one of the same chain.
    pub amends_found: bool,
}

/// A batch being planned: never written while empty.
#[derive(Debug)]
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
        Plan { tip, time, entries: Vec::new(), leaf_hashes: Vec::new(), bytes: 0 }
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.entries.len()
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
    pub fn push(&mut self, statement: &Statement, past: Past) -> Result<u64, LogFault> {
        assert!(!self.is_full(), "the writer asks is_full() first");
        let position = Position { index: self.tip.size, time: self.time, time_before: self.tip.time };
        let keys = log_rules::check(statement, &position, self.tip.keys.as_deref(), past.head, past.amends_found)?;
        let header = RecordHeader { index: self.tip.size, link: self.tip.link, time: self.time };
        let entry = encode_entry(&header, statement.note());
        let leaf_hash = merkle::leaf_hash(&entry);
        self.bytes += entry.len() + 2;
        self.entries.push(Bytes::from(entry));
        self.leaf_hashes.push(leaf_hash);
        self.tip.size += 1;
        self.tip.link = leaf_hash;
        self.tip.time = Some(self.time);
        if let Some(keys) = keys {
            self.tip.keys = Some(Arc::new(keys));
        }
        debug_assert!(matches!(statement.body(), Body::Genesis(_)) == (header.index == 0), "genesis is record 0 and only record 0");
        Ok(header.index)
    }

    /// The finished batch: entries with the leaf hashes that the links were made from, and the tip after them.
    pub fn finish(self) -> (Vec<Bytes>, Vec<Hash>, Tip) {
        (self.entries, self.leaf_hashes, self.tip)
    }
}
