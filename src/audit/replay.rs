//! The log replayed record by record: links, times, keys in force, chains, amendments, erasures, by the very function that the writer asks
//! before it commits (`trade::log_rules::judge`, promise 4).
//!
//! One pass. An erased entry comes before the order that erased it, and its id, which the next statement of the chain follows, stands in that
//! order only: such a gap is held open until the order is read, and is a fault if none comes.
//!
//! Signature arithmetic is collected as jobs, which are verified in parallel while the next chunk is replayed. Does no IO: what an order to
//! erase says of its entry is looked up by the caller beforehand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::chunk::{Item, Leaf};
use super::memory::Parsed;
use super::report::{Counts, ERASED_MAX, ErasedShown, Fault, Findings, Remark, Step};
use crate::lang::{Bilingual, Said};
use crate::tlog::merkle::Hash;
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::log_rules::{self, ErasedEntry, Facts, LogFault, Position};
use crate::trade::statement::{Body, Chain, Change, Erasure, Statement};
use crate::trade::time::Time;

/// What stands at an index that an order erases, or why it cannot be looked up.
pub(super) type Standing = Result<(Hash, Option<Statement>), String>;

/// What the audit pins.
#[derive(Clone, Debug)]
pub(super) struct Pins {
    pub origin: String,
    pub genesis: Option<Hash>,
}

/// A signature to be verified by the keys in force at its place.
pub(super) struct Job {
    pub object: String,
    pub index: u64,
    pub leaf_hash: Option<Hash>,
    pub keys: KeyState,
    pub statement: Statement,
    /// A fault of the key was named already: only the arithmetic is asked for.
    pub key_named: bool,
}

struct Head {
    /// Counts chains, so that an id can be kept with its chain in four bytes.
    number: u32,
    id: Hash,
    index: u64,
}

/// Statements that follow or amend something unseen, held open until an order says that it was erased; some 20 MB. An honest log has one for
/// each erased entry, until its order. Beyond it what is not there is a fault at once.
const OPEN_MAX: usize = 65_536;
/// Entries of length 0 without an order so far, and entries that cannot be read, at most of each; some 40 MB. They cost a log two bytes
/// each. Beyond it an empty entry is a fault at once, and one that cannot be read excuses nothing that follows it.
const UNSEEN_MAX: usize = 1 << 20;

/// A statement follows one that was not seen; an erased entry before it may have been that.
struct Gap {
    /// What it follows.
    wanted: Hash,
    /// The newest statement of the chain that was seen, if any.
    after: Option<u64>,
    /// The record that follows.
    record: u64,
    object: String,
    closed: bool,
}

/// An amendment of what was not seen.
struct OpenAmends {
    chain: Chain,
    record: u64,
    object: String,
}

/// The log as far as it was replayed.
pub(super) struct Replay {
    pins: Pins,
    pub keys: Option<KeyState>,
    /// The next index.
    next: u64,
    /// Leaf hash of the record before; `None` if it is not known.
    link: Option<Hash>,
    time: Option<Time>,
    heads: HashMap<Arc<Chain>, Head>,
    /// The chains by their numbers.
    chains: Vec<Arc<Chain>>,
    /// Ids of counted `trade` statements, whole, with their chain: for `amends`.
    ids: HashMap<Hash, u32>,
    unread: BTreeSet<u64>,
    /// Entries of length 0 for which no order was read yet, with their bundle.
    empties: BTreeMap<u64, Arc<str>>,
    /// By chain; of one chain ascending, and none within another.
    gaps: HashMap<Chain, Vec<Gap>>,
    /// By the statement that was not seen.
    open_amends: HashMap<Hash, Vec<OpenAmends>>,
    /// How many of both there are.
    open: usize,
    /// Orders whose entry was shown: to be looked at again at the end.
    pub shown: Vec<(u64, u64)>,
    pub erased: Vec<ErasedShown>,
    pub counts: Counts,
    /// The auditor's clock.
    clock: Time,
    /// The first record that is dated ahead of it, how many are, and the newest of them.
    ahead: Option<(u64, u64, Time)>,
}

/// A record may be dated this much ahead of the auditor's clock.
const AHEAD_MS_MAX: i64 = 300_000;

impl Replay {
    pub fn new(pins: Pins, clock: Time) -> Replay {
        Replay {
            clock,
            ahead: None,
            pins,
            keys: None,
            next: 0,
            link: Some(Hash::ZERO),
            time: None,
            heads: HashMap::new(),
            chains: Vec::new(),
            ids: HashMap::new(),
            unread: BTreeSet::new(),
            empties: BTreeMap::new(),
            gaps: HashMap::new(),
            open_amends: HashMap::new(),
            open: 0,
            shown: Vec::new(),
            erased: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// The next index.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What is remarkable, and no fault by the rules of the log.
    pub fn remarks(&self) -> Vec<Remark> {
        let ahead = self.ahead.map(|(record, count, newest)| {
            let clock = self.clock;
            Remark {
                code: "ahead_of_clock",
                record: Some(record),
                count,
                en: format!(
                    "{count} records from record {record} on are dated ahead of this machine's clock ({clock}), up to {newest}: the ledger's clock was \
                     ahead when they were logged, or this one is behind"
                ),
                zh: format!(
                    "自第 {record} 号起有 {count} 条记录的时间晚于本机时间（{clock}），最晚为 {newest}：登记时账本的时钟走快了，或本机时钟慢了"
                ),
            }
        });
        ahead.into_iter().collect()
    }

    /// Takes the next leaf.
    pub fn take(
        &mut self,
        object: &Arc<str>,
        leaf: Leaf,
        standings: &HashMap<u64, Standing>,
        jobs: &mut Vec<Job>,
        findings: &mut Findings,
    ) {
        let index = self.next;
        self.next += 1;
        self.counts.records += 1;
        match leaf.item {
            Item::Record(parsed) => {
                self.record(object, index, leaf.hash, parsed, standings, jobs, findings)
            }
            Item::Empty if self.empties.len() < UNSEEN_MAX => {
                self.empties.insert(index, object.clone());
            }
            Item::Empty => findings.add(no_order(object, index)),
            Item::Unread => {
                self.counts.unread += 1;
                if self.unread.len() < UNSEEN_MAX {
                    self.unread.insert(index);
                }
            }
        }
        self.link = leaf.hash;
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of take(), which has them all"
    )]
    fn record(
        &mut self,
        object: &str,
        index: u64,
        leaf_hash: Option<Hash>,
        parsed: Parsed,
        standings: &HashMap<u64, Standing>,
        jobs: &mut Vec<Job>,
        findings: &mut Findings,
    ) {
        let Parsed { header, statement } = parsed;
        let mut fault =
            |step, code, said| findings.add(Fault::new(object, Some(index), step, code, said));
        if header.index != index {
            let said = Said::new(
                format!("条目自称第 {} 号，实际在第 {index} 号", header.index),
                format!(
                    "the entry says that it is record {}, it stands at {index}",
                    header.index
                ),
            );
            fault(Step::Record, "index", said);
        }
        if header.time.as_ms() - self.clock.as_ms() > AHEAD_MS_MAX {
            let (first, count, newest) = self.ahead.unwrap_or((index, 0, header.time));
            self.ahead = Some((first, count + 1, newest.max(header.time)));
        }
        if let Some(want) = self.link.filter(|want| *want != header.link) {
            let said = Said::new(
                format!("链接到 {}，前一条记录的摘要为 {want}", header.link),
                format!(
                    "it links to {}, the record before has leaf hash {want}",
                    header.link
                ),
            );
            fault(Step::Link, "link", said);
        }
        if index == 0 {
            if let Some(want) = self.pins.genesis.filter(|want| *want != statement.id()) {
                let said = Said::new(
                    format!(
                        "第 0 号声明为 {}，策略固定的创世编号为 {want}",
                        statement.id()
                    ),
                    format!(
                        "record 0 is the statement {}, the policy pins genesis {want}",
                        statement.id()
                    ),
                );
                fault(Step::Genesis, "genesis", said);
            }
            if statement.ledger() != self.pins.origin {
                let (have, want) = (statement.ledger(), &self.pins.origin);
                let said = Said::new(
                    format!("创世声明属于账本 {have}，检查点属于 {want}"),
                    format!("the genesis is of ledger {have}, the checkpoint of {want}"),
                );
                fault(Step::Genesis, "ledger", said);
            }
        }

        let judged = self.judge(object, index, header.time, &statement, standings);
        let key_fault = matches!(judged, Err(Unfit::Rule(LogFault::Key(_))));
        match &judged {
            Ok(()) => {}
            Err(Unfit::Rule(rule)) => fault(
                Step::Rule,
                rule.code(),
                Said::new(rule.zh(), crate::chain_of(rule)),
            ),
            Err(Unfit::Standing { index: erased, why }) => {
                let said = Said::new(
                    format!("它命令清除第 {erased} 号条目，而该条目无法查对：{why}"),
                    format!("it orders to erase entry {erased}, which cannot be looked up: {why}"),
                );
                fault(Step::Erasure, "erased_entry", said);
            }
        }
        if *statement.chain() == Chain::Keys {
            let changed = self.change_keys(index, &statement);
            // What judge() has named is not named twice.
            if let (Err(error), Ok(()), true) = (&changed, &judged, self.keys.is_some()) {
                fault(Step::Signature, error.code(), error.said());
            }
            if changed.is_ok() {
                self.counts.signatures += statement.signatures().len() as u64;
                self.orders(object, index, &statement, findings);
            }
        } else if let Some(keys) = &self.keys {
            jobs.push(Job {
                object: object.to_owned(),
                index,
                leaf_hash,
                keys: keys.clone(),
                statement: statement.clone(),
                key_named: key_fault,
            });
        }

        self.time = Some(
            self.time
                .map_or(header.time, |before| before.max(header.time)),
        );
        self.count(&statement);
        // A signature that does not count says nothing: the chain goes on from where it was.
        if !key_fault {
            self.advance(
                statement.chain(),
                statement.id(),
                index,
                matches!(statement.chain(), Chain::Trade { .. }),
            );
        }
    }

    fn count(&mut self, statement: &Statement) {
        match self.counts.types.get_mut(statement.statement_type()) {
            Some(count) => *count += 1,
            None => drop(
                self.counts
                    .types
                    .insert(statement.statement_type().to_owned(), 1),
            ),
        }
        if !statement.is_understood() {
            self.counts.not_understood += 1;
        }
    }

    /// Asks the log rules, with what was seen of the log so far.
    fn judge(
        &mut self,
        object: &str,
        index: u64,
        time: Time,
        statement: &Statement,
        standings: &HashMap<u64, Standing>,
    ) -> Result<(), Unfit> {
        if self.keys.is_none() && index > 0 {
            // Record 0 is named by itself; without it nobody's key is in force, and nothing more can be said of any later record.
            self.counts.unjudged += 1;
            return Ok(());
        }
        let wants = log_rules::wants(statement);
        let mut found = Vec::with_capacity(wants.erasures.len());
        for erasure in &wants.erasures {
            match standings.get(&erasure.index) {
                Some(Ok((leaf_hash, statement))) => found.push((*leaf_hash, statement.clone())),
                Some(Err(why)) => {
                    return Err(Unfit::Standing {
                        index: erasure.index,
                        why: why.clone(),
                    });
                }
                // It is not before this record, which check_changes() refuses.
                None => found.push((Hash::ZERO, None)),
            }
        }
        let erased: Vec<ErasedEntry<'_>> = found
            .iter()
            .map(|(leaf_hash, statement)| ErasedEntry {
                leaf_hash: *leaf_hash,
                statement: statement.as_ref(),
            })
            .collect();
        let head = self.head_for(object, index, statement);
        let number = self.heads.get(statement.chain()).map(|head| head.number);
        let amended_chain = match wants.amended.map(|id| (id, self.ids.get(&id).copied())) {
            None => None,
            Some((_, Some(found))) if Some(found) == number => Some(statement.chain()),
            Some((_, Some(found))) => self.chains.get(found as usize).map(|chain| &**chain),
            Some((id, None)) => self
                .amended_unseen(object, index, statement.chain(), id)
                .then_some(statement.chain()),
        };
        let position = Position {
            index,
            time,
            time_before: self.time,
        };
        let facts = Facts {
            head,
            amended_chain,
            erased: &erased,
        };
        log_rules::judge(statement, &position, self.keys.as_ref(), &facts).map_err(Unfit::Rule)
    }

    /// The head of a statement's chain. Where it follows something else, and a record in between is erased or unread, that record may have
    /// been it.
    fn head_for(&mut self, object: &str, index: u64, statement: &Statement) -> Option<Hash> {
        let head = self.heads.get(statement.chain());
        let (id, after) = (head.map(|head| head.id), head.map(|head| head.index));
        let Some(wanted) = statement.follows().filter(|follows| Some(*follows) != id) else {
            return id;
        };
        let from = after.map_or(0, |after| after + 1);
        // A log that leaves more open than any honest one is not given the benefit of the doubt.
        if self.open < OPEN_MAX && self.empties.range(from..index).next().is_some() {
            self.open += 1;
            let gaps = self.gaps.entry(statement.chain().clone()).or_default();
            let object = object.to_owned();
            gaps.push(Gap {
                wanted,
                after,
                record: index,
                object,
                closed: false,
            });
            return Some(wanted);
        }
        if self.unread.range(from..index).next().is_some() {
            self.counts.unjudged += 1;
            return Some(wanted);
        }
        id
    }

    /// Whether a statement that was not seen may be an erased or unread one.
    fn amended_unseen(&mut self, object: &str, index: u64, chain: &Chain, statement: Hash) -> bool {
        if self.open < OPEN_MAX && self.empties.range(..index).next().is_some() {
            self.open += 1;
            let (chain, object) = (chain.clone(), object.to_owned());
            let open = self.open_amends.entry(statement).or_default();
            open.push(OpenAmends {
                chain,
                record: index,
                object,
            });
            return true;
        }
        let unread = self.unread.range(..index).next().is_some();
        self.counts.unjudged += u64::from(unread);
        unread
    }

    fn change_keys(&mut self, index: u64, statement: &Statement) -> Result<(), KeyError> {
        match &mut self.keys {
            None => self.keys = Some(KeyState::from_genesis(statement)?),
            Some(keys) => keys.apply(index, statement)?,
        }
        Ok(())
    }

    fn advance(&mut self, chain: &Chain, id: Hash, index: u64, is_trade: bool) {
        let number = match self.heads.get_mut(chain) {
            Some(head) => {
                (head.id, head.index) = (id, index);
                head.number
            }
            None => {
                let number = u32::try_from(self.heads.len())
                    .expect("4 billion chains do not fit into memory");
                self.counts.projects += u64::from(is_trade);
                let chain = Arc::new(chain.clone());
                self.chains.push(chain.clone());
                self.heads.insert(chain, Head { number, id, index });
                number
            }
        };
        if is_trade {
            self.ids.insert(id, number);
        }
    }

    /// A `key` statement took effect: what it orders to erase is looked at.
    fn orders(
        &mut self,
        object: &str,
        ordered_by: u64,
        statement: &Statement,
        findings: &mut Findings,
    ) {
        let Body::Key(changes) = statement.body() else {
            return;
        };
        for change in changes {
            if let Change::EraseEntry(erasure) = change {
                self.order(object, ordered_by, erasure, findings);
            }
        }
    }

    fn order(&mut self, object: &str, ordered_by: u64, erasure: &Erasure, findings: &mut Findings) {
        let index = erasure.index;
        if self.empties.remove(&index).is_none() {
            if !self.unread.contains(&index) {
                self.shown.push((index, ordered_by));
            }
            return;
        }
        self.counts.erased += 1;
        if self.erased.len() < ERASED_MAX {
            self.erased.push(ErasedShown {
                record: index,
                ordered_by,
            });
        }
        let chain = erasure.chain();
        let is_trade = matches!(chain, Chain::Trade { .. });
        // The first that ends behind it is the only one that may hold it.
        let gap = self.gaps.get_mut(&chain).and_then(|gaps| {
            let at = gaps.partition_point(|gap| gap.record <= index);
            gaps.get_mut(at)
        });
        if let Some(gap) = gap.filter(|gap| gap.after.is_none_or(|after| after < index)) {
            // It stays, closed: further entries within it may have been erased too.
            if !gap.closed && gap.wanted == erasure.statement {
                gap.closed = true;
                self.open -= 1;
            }
            let number = self.heads.get(&chain).map(|head| head.number);
            if let Some(number) = number.filter(|_| is_trade) {
                self.ids.insert(erasure.statement, number);
            }
        } else if self.heads.get(&chain).is_none_or(|head| head.index < index) {
            // It was the newest of its chain: the next one follows the id that the order names.
            self.advance(&chain, erasure.statement, index, is_trade);
        } else {
            let said = Said::new(
                format!("它称第 {index} 号条目属于链 {chain}，而该链没有缺口"),
                format!(
                    "it says that entry {index} was of chain {chain}, which is whole without it"
                ),
            );
            findings.add(Fault::new(
                object,
                Some(ordered_by),
                Step::Erasure,
                "erased_chain",
                said,
            ));
        }
        if let Some(open) = self.open_amends.get_mut(&erasure.statement) {
            let before = open.len();
            open.retain(|open| !(open.chain == chain && index < open.record));
            self.open -= before - open.len();
        }
    }

    /// The end of the log: what was held open is decided.
    pub fn finish(&mut self, findings: &mut Findings) {
        let mut gaps: Vec<(Chain, Gap)> = std::mem::take(&mut self.gaps)
            .into_iter()
            .flat_map(|(chain, gaps)| gaps.into_iter().map(move |gap| (chain.clone(), gap)))
            .filter(|(_, gap)| !gap.closed)
            .collect();
        gaps.sort_unstable_by_key(|(_, gap)| gap.record);
        for (chain, gap) in gaps {
            let from = gap.after.map_or(0, |after| after + 1);
            // The missing order, or the unread record, is named by itself.
            if self.empties.range(from..gap.record).next().is_some()
                || self.unread.range(from..gap.record).next().is_some()
            {
                self.counts.unjudged += 1;
                continue;
            }
            let wanted = gap.wanted;
            let said = Said::new(
                format!("follows 为 {wanted}，它既不在链 {chain} 中，也不是依令清除的条目"),
                format!(
                    "follows is {wanted}, which was neither logged in chain {chain} nor erased by an order"
                ),
            );
            findings.add(Fault::new(
                &gap.object,
                Some(gap.record),
                Step::Rule,
                "follows",
                said,
            ));
        }
        let mut amends: Vec<(Hash, OpenAmends)> = std::mem::take(&mut self.open_amends)
            .into_iter()
            .flat_map(|(id, open)| open.into_iter().map(move |open| (id, open)))
            .collect();
        amends.sort_unstable_by_key(|(_, open)| open.record);
        for (id, open) in amends {
            if self.empties.range(..open.record).next().is_some()
                || self.unread.range(..open.record).next().is_some()
            {
                self.counts.unjudged += 1;
                continue;
            }
            let chain = &open.chain;
            let said = Said::new(
                format!("amends 指向 {id}，它既不在链 {chain} 中，也不是依令清除的条目"),
                format!(
                    "amends {id}, which was neither logged in chain {chain} nor erased by an order"
                ),
            );
            findings.add(Fault::new(
                &open.object,
                Some(open.record),
                Step::Rule,
                "amends",
                said,
            ));
        }
        for (index, object) in std::mem::take(&mut self.empties) {
            findings.add(no_order(&object, index));
        }
    }
}

fn no_order(object: &str, index: u64) -> Fault {
    let said = Said::new(
        "条目长度为 0，而账本中没有清除它的命令",
        "the entry has length 0, and no order in the log says that it is erased",
    );
    Fault::new(object, Some(index), Step::Erasure, "no_order", said)
}

enum Unfit {
    Rule(LogFault),
    Standing { index: u64, why: String },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::tlog::note::Signer;
    use crate::trade::statement::sign_statement;

    fn replay() -> Replay {
        let pins = Pins {
            origin: "ledger.example/test".to_owned(),
            genesis: None,
        };
        Replay::new(pins, Time::from_ms(1_795_395_723_456).unwrap())
    }

    fn follows_the_unseen() -> Statement {
        let centre = Signer::from_seed("centre.example", &[3; 32]).unwrap();
        let text = format!(
            "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"ledger.example/test\",\"publisher\":\"centre.example\",\"project\":\"P\",\"follows\":\"{}\",\
             \"codes\":[],\"stage\":\"announcement\",\"kind\":\"tender_notice\",\"category\":\"construction\",\"title\":\"t\",\
             \"region\":\"430382\",\"issued\":\"2026-11-23T09:00:00+08:00\",\"documents\":[],\"events\":{{}},\"details\":{{\"buyer\":{{\"name\":\"甲局\"}},\"qualification\":\"不限\",\"consortium\":false,\"documents_how\":\"平台\",\"bids_how\":\"平台\"}}}}\n",
            Hash::sha256(b"unseen")
        );
        sign_statement(&text, &[&centre]).unwrap()
    }

    /// A hostile log of two-byte entries: what the auditor keeps of them ends, and each is a fault all the same.
    #[test]
    fn entries_that_are_empty_or_unread_without_end_cost_no_memory_without_end() {
        let over = 3;
        for (item, faults) in [
            ((|| Item::Empty) as fn() -> Item, UNSEEN_MAX + over),
            (|| Item::Unread, 0),
        ] {
            let (mut replay, mut findings) = (replay(), Findings::default());
            let (object, mut jobs) = (Arc::from("tile/entries/000"), Vec::new());
            for _ in 0..UNSEEN_MAX + over {
                let leaf = Leaf {
                    hash: Some(Hash::ZERO),
                    item: item(),
                };
                replay.take(&object, leaf, &HashMap::new(), &mut jobs, &mut findings);
            }
            assert!(replay.empties.len() <= UNSEEN_MAX && replay.unread.len() <= UNSEEN_MAX);
            replay.finish(&mut findings);
            // Whoever could not read an entry has named it already, in `chunk`.
            assert_eq!(findings.count(), faults as u64);
            assert!(findings.faults.len() <= super::super::FAULTS_MAX);
        }
    }

    /// Statements that follow what was never there, behind one empty entry that excuses the first of them only.
    #[test]
    fn statements_that_follow_the_unseen_without_end_are_faults_beyond_the_limit() {
        let (mut replay, statement) = (replay(), follows_the_unseen());
        let object: Arc<str> = Arc::from("tile/entries/000");
        replay.empties.insert(0, object.clone());
        let wanted = statement.follows();
        for index in 1..=OPEN_MAX as u64 {
            assert_eq!(replay.head_for(&object, index, &statement), wanted);
        }
        let next = OPEN_MAX as u64 + 1;
        assert_eq!(replay.head_for(&object, next, &statement), None);
        let (chain, amended) = (statement.chain().clone(), Hash::ZERO);
        assert!(!replay.amended_unseen(&object, next, &chain, amended));
        assert_eq!((replay.open, replay.open_amends.len()), (OPEN_MAX, 0));
    }
}
