//! The writer's state, read from the log: which keys are in force, where the tree ends, what the index does not know yet.

use bytes::Bytes;

use super::super::erase::standing_at;
use super::super::index::{Index, Row};
use super::super::job::LookedUp;
use super::super::open_error::{OpenError, RecordFault};
use super::super::plan::{Standing, State, Tip, judge, keys_after};
use super::super::recent::Recent;
use super::survey::Found;
use crate::store::LogReader;
use crate::tlog::merkle::{self, Tree};
use crate::tlog::tile::{Edge, Tile};
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::log_rules::{self, Position};
use crate::trade::orders::Orders;
use crate::trade::record::parse_entry;
use crate::trade::statement::{Body, Chain, Statement};
use crate::trade::time::Time;

/// Records that the index may be behind at opening before it is caught up first.
const CATCH_UP_FIRST: u64 = 100_000;

/// What is read from the log before anything is written.
pub(super) struct Loaded {
    pub keys: KeyState,
    pub state: State,
    pub recent: Recent,
    pub orders: Orders,
}

/// Builds the writer's state: key state, tip, edge, and what the index does not reflect yet. Judges what was never published.
pub(super) async fn load(
    reader: &LogReader,
    index: &Index,
    found: &Found,
) -> Result<Loaded, OpenError> {
    // The index may be damaged, ahead of the log, or of another log; then it is begun anew and everything is read from the log.
    if !index_fits(reader, index, found).await {
        tracing::warn!("the query index does not fit the log and is rebuilt");
        index.clear()?;
    }
    let base = found.oldest();
    let (mut index_tree, key_records) = index.state()?;
    let mut walk = Walk {
        keys: None,
        tip: Tip::empty(),
        recent: Recent::from(index_tree.size),
        orders: Orders::default(),
    };
    for record in key_records.into_iter().filter(|record| *record < base.size) {
        let entry = reader.entry(&base, record).await?;
        walk.take_key_record(record, &entry, "the index")?;
    }
    for record in index
        .orders()?
        .into_iter()
        .filter(|record| *record < base.size)
    {
        // One that was erased has no effect any more: nobody could say on what basis it stands.
        let entry = reader.entry(&base, record).await?;
        if !entry.is_empty() {
            walk.take_order("the index", record, &entry)?;
        }
    }
    // Records that only the tiles hold.
    while index_tree.size < base.size {
        let number = index_tree.size / 256;
        let entries = reader.bundle(&base, number).await?;
        let first = number * 256;
        let to_index = base.size - index_tree.size > CATCH_UP_FIRST;
        let mut rows = Vec::new();
        for (record, entry) in (first..)
            .zip(&entries)
            .filter(|(record, _)| *record >= index_tree.size)
        {
            let row = walk.take_published(record, entry, !to_index, index)?;
            rows.extend(row);
        }
        let size = (first + 256).min(base.size);
        let tree = reader.tree_at(size, &base).await?;
        if to_index {
            index.apply(&rows, &tree)?;
            walk.recent = Recent::from(size);
        }
        index_tree = tree;
    }

    let needed = fetch_edge(reader, &base).await?;
    let mut edge =
        Edge::load_erased(&base, &needed, |_| true).map_err(|source| OpenError::Edge {
            size: base.size,
            source,
        })?;
    walk.tip.size = base.size;
    if base.size > 0 {
        // The link to the last record comes from the tile, which is authenticated; the entry may be erased.
        let (link, _) = reader.prove_inclusion(&base, base.size - 1).await?;
        walk.tip.link = link;
        walk.tip.time = last_time(reader, &base).await?;
    }
    let index_size = index.state()?.0.size;
    for (name, commit) in &found.commits {
        let published = found.head.is_some_and(|head| commit.new.size <= head.size);
        let growth = edge.append(&commit.entries);
        if growth.old != commit.old || growth.new != commit.new {
            let what = format!(
                "its entries give root {}, it says {}",
                growth.new.root_hash, commit.new.root_hash
            );
            return Err(OpenError::CommitBroken {
                name: name.clone(),
                what,
            });
        }
        for (record, entry) in (commit.old.size..).zip(&commit.entries) {
            let erased = if published {
                Vec::new()
            } else {
                standing_of(reader, found, entry).await?
            };
            walk.take_committed(
                name,
                record,
                entry,
                (!published).then_some(erased),
                record >= index_size,
                index,
            )?;
        }
    }
    let keys = walk.keys.clone().ok_or_else(|| OpenError::CommitsMissing {
        what: "there is no genesis record".to_owned(),
    })?;
    walk.tip.keys = Some(keys.clone());
    Ok(Loaded {
        keys,
        state: State {
            tip: walk.tip,
            edge,
            previous: found.previous,
        },
        recent: walk.recent,
        orders: walk.orders,
    })
}

/// What stands at the indexes that a committed entry orders to erase: in the tiles, or in a kept commit.
async fn standing_of(
    reader: &LogReader,
    found: &Found,
    entry: &[u8],
) -> Result<Vec<Standing>, OpenError> {
    let statement = parse_entry(entry)
        .ok()
        .and_then(|(_, note)| Statement::parse(note).ok());
    let Some(statement) = statement.filter(|statement| *statement.chain() == Chain::Keys) else {
        return Ok(Vec::new());
    };
    let base = found.oldest();
    let mut standing = Vec::new();
    for erasure in log_rules::wants(&statement).erasures {
        let committed = found
            .commits
            .iter()
            .find(|(_, commit)| (commit.old.size..commit.new.size).contains(&erasure.index));
        standing.push(match committed {
            Some((_, commit)) => {
                let at = usize::try_from(erasure.index - commit.old.size)
                    .expect("a batch has at most 4,096 records");
                let statement = parse_entry(&commit.entries[at])
                    .ok()
                    .and_then(|(_, note)| Statement::parse(note).ok());
                Standing {
                    leaf_hash: merkle::leaf_hash(&commit.entries[at]),
                    statement,
                }
            }
            None => standing_at(reader, &base, erasure.index).await?,
        });
    }
    Ok(standing)
}

/// Whether the index reflects a beginning of what is published.
async fn index_fits(reader: &LogReader, index: &Index, found: &Found) -> bool {
    let Ok((tree, keys)) = index.state() else {
        return false;
    };
    let base = found.oldest();
    if tree.size == 0 || (tree.size > 0 && keys.first() != Some(&0)) {
        return tree.size == 0;
    }
    if tree.size <= base.size {
        return reader
            .tree_at(tree.size, &base)
            .await
            .is_ok_and(|at| at == tree);
    }
    // The index follows what is published. Its size may lie within a batch: the root there follows from the entries.
    if tree.size > found.head.map_or(0, |head| head.size) {
        return false;
    }
    let Ok(needed) = fetch_edge(reader, &base).await else {
        return false;
    };
    let Ok(mut edge) = Edge::load_erased(&base, &needed, |_| true) else {
        return false;
    };
    for (_, commit) in &found.commits {
        let wanted = usize::try_from(tree.size - commit.old.size)
            .unwrap_or(usize::MAX)
            .min(commit.entries.len());
        edge.append(&commit.entries[..wanted]);
        if edge.tree().size == tree.size {
            break;
        }
    }
    edge.tree() == tree
}

pub(super) async fn fetch_edge(
    reader: &LogReader,
    tree: &Tree,
) -> Result<Vec<(Tile, Bytes)>, OpenError> {
    let mut objects = Vec::new();
    for tile in Edge::needed(tree.size) {
        let (_, bytes) = reader.tile_bytes(tree, tile).await?;
        objects.push((tile, bytes));
    }
    Ok(objects)
}

/// The time of the last record that was not erased: record time never goes back, so this is a lower bound for the next.
async fn last_time(reader: &LogReader, tree: &Tree) -> Result<Option<Time>, OpenError> {
    let mut number = (tree.size - 1) / 256;
    loop {
        let entries = reader.bundle(tree, number).await?;
        if let Some(entry) = entries.iter().rev().find(|entry| !entry.is_empty()) {
            return Ok(parse_entry(entry).ok().map(|(header, _)| header.time));
        }
        if number == 0 {
            return Ok(None);
        }
        number -= 1;
    }
}

/// The records in order, as far as they are read.
struct Walk {
    keys: Option<KeyState>,
    tip: Tip,
    recent: Recent,
    orders: Orders,
}

impl Walk {
    /// A `genesis` or `key` record that the index points to.
    fn take_key_record(&mut self, index: u64, entry: &[u8], name: &str) -> Result<(), OpenError> {
        let statement = statement_of(name, index, entry)?;
        self.change_keys(name, index, &statement)
    }

    /// An `order` record. The keys in force at its index are known by now.
    fn take_order(&mut self, name: &str, index: u64, entry: &[u8]) -> Result<(), OpenError> {
        let fault = |source: RecordFault| OpenError::Record {
            name: name.to_owned(),
            index,
            source,
        };
        let (header, note) = parse_entry(entry).map_err(|source| fault(source.into()))?;
        let statement = Statement::parse(note).map_err(|source| fault(source.into()))?;
        if let Some(keys) = &self.keys {
            self.orders.take(index, header.time, &statement, keys);
        }
        Ok(())
    }

    /// A record below the oldest kept commit: it was judged when it was published.
    fn take_published(
        &mut self,
        index: u64,
        entry: &[u8],
        remember: bool,
        queries: &Index,
    ) -> Result<Vec<Row>, OpenError> {
        // What is known of an erased entry stands in its order, which is a later record.
        if entry.is_empty() {
            return Ok(Vec::new());
        }
        let statement = statement_of("a bundle", index, entry)?;
        self.change_keys("a bundle", index, &statement)?;
        if *statement.body() == Body::Order {
            self.take_order("a bundle", index, entry)?;
        }
        if remember {
            self.remember(index, &statement, queries)?;
        }
        Ok(Row::all_of(index, &statement))
    }

    /// Keeps what the index does not know yet.
    fn remember(
        &mut self,
        index: u64,
        statement: &Statement,
        queries: &Index,
    ) -> Result<(), OpenError> {
        self.recent.add(index, statement);
        for erasure in log_rules::wants(statement).erasures {
            let known = queries.chain(&erasure.chain())?;
            let followed = known.is_some_and(|view| view.records.last() > Some(&erasure.index));
            if !followed {
                self.recent.add_erased(index, erasure);
            }
        }
        Ok(())
    }

    /// A record of a kept commit; one that was never published is judged in full.
    fn take_committed(
        &mut self,
        name: &str,
        index: u64,
        entry: &[u8],
        unpublished: Option<Vec<Standing>>,
        remember: bool,
        queries: &Index,
    ) -> Result<(), OpenError> {
        let fault = |source: RecordFault| OpenError::Record {
            name: name.to_owned(),
            index,
            source,
        };
        let (header, note) = parse_entry(entry).map_err(|source| fault(source.into()))?;
        let statement = Statement::parse(note).map_err(|source| fault(source.into()))?;
        if header.link != self.tip.link {
            return Err(fault(RecordFault::Link {
                found: header.link,
                wanted: self.tip.link,
            }));
        }
        if let Some(erased) = unpublished {
            let position = Position {
                index,
                time: header.time,
                time_before: self.tip.time,
            };
            if let Some(keys) = &self.keys {
                keys.verify(&statement)
                    .map_err(|source| fault(source.into()))?;
            }
            let looked_up = LookedUp {
                erased,
                ..LookedUp::of(queries, &statement)?
            };
            let past = looked_up.past(&self.recent, &statement);
            judge(&statement, &position, self.keys.as_ref(), &past)
                .map_err(|source| fault(source.into()))?;
        }
        self.change_keys(name, index, &statement)?;
        if *statement.body() == Body::Order {
            self.take_order(name, index, entry)?;
        }
        if remember {
            self.remember(index, &statement, queries)?;
        }
        self.tip = Tip {
            size: index + 1,
            link: merkle::leaf_hash(entry),
            time: Some(header.time),
            keys: None,
        };
        Ok(())
    }

    fn change_keys(
        &mut self,
        name: &str,
        index: u64,
        statement: &Statement,
    ) -> Result<(), OpenError> {
        let fault = |source: KeyError| OpenError::Record {
            name: name.to_owned(),
            index,
            source: source.into(),
        };
        if let Some(keys) = keys_after(self.keys.as_ref(), index, statement).map_err(fault)? {
            self.keys = Some(keys);
        }
        Ok(())
    }
}

fn statement_of(name: &str, index: u64, entry: &[u8]) -> Result<Statement, OpenError> {
    let fault = |source: RecordFault| OpenError::Record {
        name: name.to_owned(),
        index,
        source,
    };
    let (_, note) = parse_entry(entry).map_err(|source| fault(source.into()))?;
    Statement::parse(note).map_err(|source| fault(source.into()))
}
