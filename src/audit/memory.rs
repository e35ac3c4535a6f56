//! What one process may remember from audit to audit of much the same log: entries taken apart, and signatures verified.
//!
//! Nothing that was judged is remembered: keys, chains, links and roots are gone through each time.

use std::collections::{HashMap, HashSet};
use std::sync::RwLock;

use crate::tlog::merkle::Hash;
use crate::trade::record::RecordHeader;
use crate::trade::statement::Statement;

/// A record, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub header: RecordHeader,
    pub statement: Statement,
}

/// Entries read and signatures verified before in this process, by leaf hash (and, of signatures, public key): the same bytes and the same
/// key give the same answer. For whoever audits copies of one log again and again, as the tests of tampering do. It holds every statement it
/// has seen.
#[derive(Debug, Default)]
pub struct EntryCache {
    parsed: RwLock<HashMap<Hash, Parsed>>,
    verified: RwLock<HashSet<(Hash, [u8; 32])>>,
}

impl EntryCache {
    /// An empty one.
    #[must_use]
    pub fn new() -> EntryCache {
        EntryCache::default()
    }

    pub(super) fn parsed(&self, leaf_hash: &Hash) -> Option<Parsed> {
        let parsed = self.parsed.read().expect("nothing panics while holding it");
        parsed.get(leaf_hash).cloned()
    }

    pub(super) fn add_parsed(&self, leaf_hash: Hash, parsed: &Parsed) {
        let mut held = self
            .parsed
            .write()
            .expect("nothing panics while holding it");
        held.insert(leaf_hash, parsed.clone());
    }

    pub(super) fn has_verified(&self, verified: &(Hash, [u8; 32])) -> bool {
        self.verified
            .read()
            .expect("nothing panics while holding it")
            .contains(verified)
    }

    pub(super) fn add_verified(&self, verified: Vec<(Hash, [u8; 32])>) {
        if !verified.is_empty() {
            self.verified
                .write()
                .expect("nothing panics while holding it")
                .extend(verified);
        }
    }
}
