//! What the records newer than the index say: the index follows behind, so the writer and the posts look here first.
//!
//! Promise: for every view that is open, all changes at or above its size are here. A look-up that takes the answer of the index (which is
//! at least as new as the view) and lets this override it is therefore right, however far the index has moved meanwhile. Memory is bounded by
//! how far the index may lag ([`super::INDEX_LAG_MAX`]).

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::tlog::merkle::Hash;
use crate::trade::statement::{Chain, Erasure, Statement};

/// Records that the index may lag behind before posts are answered 503: each costs about half a kilobyte of memory until the index has it.
pub const INDEX_LAG_MAX: usize = 500_000;

/// Look-up keys of one planned record.
#[derive(Debug)]
struct Row {
    index: u64,
    id: Hash,
    chain: Chain,
    reference: Option<(String, String)>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Recent {
    rows: VecDeque<Row>,
    /// The records of each chain among the rows, ascending.
    chains: HashMap<Chain, VecDeque<(u64, Hash)>>,
    ids: HashMap<Hash, (u64, Chain)>,
    heads: HashMap<Chain, (u64, Hash)>,
    references: HashMap<(String, String), (u64, Hash)>,
    /// Index sizes that posts have looked things up at and not yet been planned.
    views: BTreeMap<u64, usize>,
    index_size: u64,
    /// Records below this are signed and published by us; those above are only planned, and may never come to be.
    published: u64,
}

impl Recent {
    /// Starts when the index reflects `index_size` records.
    pub fn from(index_size: u64) -> Recent {
        Recent {
            index_size,
            ..Recent::default()
        }
    }

    /// Begins anew from `other`; views that are open stay open.
    pub fn restart(&mut self, other: Recent) {
        let views = std::mem::take(&mut self.views);
        *self = Recent { views, ..other };
    }

    /// Opens a view: from now until [`Recent::close_view`], changes at or above the returned size stay here.
    pub fn open_view(&mut self) -> u64 {
        *self.views.entry(self.index_size).or_default() += 1;
        self.index_size
    }

    /// Ends a view.
    pub fn close_view(&mut self, size: u64) {
        if let Some(open) = self.views.get_mut(&size) {
            *open -= 1;
            if *open == 0 {
                self.views.remove(&size);
            }
        }
    }

    /// The record planned at `index` says this.
    pub fn add(&mut self, index: u64, statement: &Statement) {
        let id = statement.id();
        let chain = statement.chain().clone();
        let reference = reference_of(statement);
        self.ids.insert(id, (index, chain.clone()));
        self.heads.insert(chain.clone(), (index, id));
        let records = self.chains.entry(chain.clone()).or_default();
        records.push_back((index, id));
        if let Some(reference) = &reference {
            self.references.insert(reference.clone(), (index, id));
        }
        self.rows.push_back(Row {
            index,
            id,
            chain,
            reference,
        });
    }

    /// The record at `index` orders this erasure: the head of the erased statement's chain stands in the order, if nothing followed it.
    pub fn add_erased(&mut self, index: u64, erasure: &Erasure) {
        let (chain, id) = (erasure.chain(), erasure.statement);
        let followed = self
            .heads
            .get(&chain)
            .is_some_and(|(at, _)| *at > erasure.index);
        if !followed {
            self.heads.insert(chain.clone(), (index, id));
        }
        self.ids.entry(id).or_insert((erasure.index, chain.clone()));
        self.rows.push_back(Row {
            index,
            id,
            chain,
            reference: None,
        });
    }

    /// The index reflects `index_size` records and is durable there: what no view needs goes.
    pub fn index_moved(&mut self, index_size: u64) {
        self.index_size = index_size;
        let limit = self
            .views
            .keys()
            .next()
            .map_or(index_size, |oldest| index_size.min(*oldest));
        while let Some(row) = self.rows.front().filter(|row| row.index < limit) {
            if self
                .heads
                .get(&row.chain)
                .is_some_and(|(index, _)| *index == row.index)
            {
                self.heads.remove(&row.chain);
            }
            if let Some(records) = self.chains.get_mut(&row.chain) {
                // The row of an erasure has no record of the chain.
                while records.front().is_some_and(|(index, _)| *index < limit) {
                    records.pop_front();
                }
                if records.is_empty() {
                    self.chains.remove(&row.chain);
                }
            }
            if let Some(reference) = &row.reference
                && self
                    .references
                    .get(reference)
                    .is_some_and(|(index, _)| *index == row.index)
            {
                self.references.remove(reference);
            }
            self.ids.remove(&row.id);
            self.rows.pop_front();
        }
    }

    /// Records that the index reflects and has made durable.
    pub fn index_size(&self) -> u64 {
        self.index_size
    }

    /// The records below `size` are published.
    pub fn publish(&mut self, size: u64) {
        self.published = self.published.max(size);
    }

    /// Whether a statement is planned or published, as far as recent records tell.
    pub fn has(&self, id: &Hash) -> bool {
        self.ids.contains_key(id)
    }

    /// The index of a statement, if it is among the recent ones and published. What is only planned has an index that another writer's record
    /// may get.
    pub fn statement(&self, id: &Hash) -> Option<u64> {
        self.ids
            .get(id)
            .map(|(index, _)| *index)
            .filter(|index| *index < self.published)
    }

    /// Whether a recent statement belongs to `chain`.
    pub fn is_in_chain(&self, id: &Hash, chain: &Chain) -> bool {
        self.ids.get(id).is_some_and(|(_, of)| of == chain)
    }

    /// The head of a chain, if it changed recently.
    pub fn head(&self, chain: &Chain) -> Option<Hash> {
        self.heads.get(chain).map(|(_, id)| *id)
    }

    /// The recent published records of a chain, ascending, with their ids. Costs what they are, not what else is recent.
    pub fn chain_records(&self, chain: &Chain) -> impl Iterator<Item = (u64, Hash)> {
        let records = self.chains.get(chain).into_iter().flatten().copied();
        records.take_while(|(index, _)| *index < self.published)
    }

    /// The erased statement that is the head of a chain, if its order is recent and published, and nothing follows it.
    pub fn erased_head(&self, chain: &Chain) -> Option<Hash> {
        let (index, id) = self.heads.get(chain)?;
        let is_record = self.chains.get(chain).and_then(VecDeque::back) == Some(&(*index, *id));
        (!is_record && *index < self.published).then_some(*id)
    }

    /// The statement that bears a publisher's own reference, if it is recent.
    pub fn reference(&self, reference: &(String, String)) -> Option<Hash> {
        self.references.get(reference).map(|(_, id)| *id)
    }

    /// Records that the index does not reflect yet and that are held here.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// (publisher, `ref`) of a trade statement that has one.
pub fn reference_of(statement: &Statement) -> Option<(String, String)> {
    Some((
        statement.publisher()?.to_owned(),
        statement.reference()?.to_owned(),
    ))
}
