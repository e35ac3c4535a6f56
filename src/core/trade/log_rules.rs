//! The log rules: what decides whether a statement may stand at a place in the log. One function, used by the writer
//! before it commits and by audit afterwards, so that the two cannot drift apart (promise 4).
//!
//! Promises: pure; never changes within `v` 1; reads the grammar and `type v ledger publisher project follows amends
//! issued` (and all of `genesis` and `key`) only. Size and grammar were judged by [`Statement::parse`].
//!
//! Does not do signature arithmetic ([`KeyState::verify`]), which is done in parallel before or after, and never
//! skipped by whoever calls this. Does not judge law or procedure: a late disclosure is recorded *and* reported.
//!
//! Plan, fetch, compute: [`wants`] lists what must be looked up, the caller looks it up, [`judge`] thinks.

use super::keys::{KeyError, KeyState};
use super::record::{ENTRY_BYTES_MAX, RecordHeader, encode_entry};
use super::statement::{Body, Chain, Change, Erasure, Statement};
use super::time::{OffsetTime, Time};
use crate::lang::Bilingual;
use crate::tlog::merkle::Hash;

/// How far `issued` may be ahead of the ledger's clock, in seconds.
pub(crate) const ISSUED_AHEAD_S_MAX: u32 = 300;

/// What must be looked up in the log before a statement can be judged.
#[derive(Debug)]
pub struct Wants<'s> {
    /// The chain whose head is wanted.
    pub chain: &'s Chain,
    /// The id of the statement that it amends.
    pub amended: Option<Hash>,
    /// The erasures it orders; of each, the entry's leaf hash and, where its bytes are still there, its statement.
    pub erasures: Vec<&'s Erasure>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The id of the newest statement of [`Wants::chain`]; `None` if the chain is empty.
    pub head: Option<Hash>,
    /// The chain of the logged statement that [`Wants::amended`] names; `None` if no statement before has this id.
    pub amended_chain: Option<&'a Chain>,
    /// One a wanted erasure, in that order.
    pub erased: &'a [ErasedEntry<'a>],
}

/// What stands at an index that an order erases.
#[derive(Clone, Copy, Debug)]
pub struct ErasedEntry<'a> {
    /// The leaf hash in the tree at that index.
    pub leaf_hash: Hash,
    /// The statement, where its bytes are still there. The writer always has it; an auditor who comes later may not.
    pub statement: Option<&'a Statement>,
}

/// Where in the log a statement is to stand, and what is before it.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Its leaf index.
    pub index: u64,
    /// Its time.
    pub time: Time,
    /// The time of the record before that is not erased; `None` at index 0.
    pub time_before: Option<Time>,
}

/// Lists what [`judge`] needs to know of the log.
#[must_use]
pub fn wants(statement: &Statement) -> Wants<'_> {
    let erasures = match statement.body() {
        Body::Key(changes) => changes.iter().filter_map(erasure).collect(),
        _ => Vec::new(),
    };
    Wants {
        chain: statement.chain(),
        amended: statement.amends().map(|amends| amends.statement),
        erasures,
    }
}

fn erasure(change: &Change) -> Option<&Erasure> {
    match change {
        Change::EraseEntry(erasure) => Some(erasure),
        _ => None,
    }
}

/// Judges every log rule but the arithmetic of signatures. `keys` is the state after the record before; `None` only for
/// index 0.
///
/// # Errors
/// [`LogFault`], one variant a rule; the first that is broken, in the order ledger, genesis, key, chain, amends, time,
/// issued, changes, size.
///
/// # Panics
/// If `facts` does not answer each erasure of [`wants`]: a check is never skipped because its input is absent.
pub fn judge(
    statement: &Statement,
    position: &Position,
    keys: Option<&KeyState>,
    facts: &Facts<'_>,
) -> Result<(), LogFault> {
    match keys {
        None => judge_genesis(statement, position)?,
        Some(keys) => judge_ledger_and_keys(statement, position, keys)?,
    }
    judge_chain(statement, facts)?;
    judge_amends(statement, facts)?;
    judge_times(statement, position)?;
    if let Some(keys) = keys {
        keys.check_changes(position.index, statement)
            .map_err(LogFault::Change)?;
    }
    judge_erasures(statement, facts)?;
    judge_size(statement, position)
}

fn judge_genesis(statement: &Statement, position: &Position) -> Result<(), LogFault> {
    if position.index != 0 || statement.statement_type() != "genesis" {
        let found = statement.statement_type().to_owned();
        return Err(LogFault::Genesis {
            index: position.index,
            found,
        });
    }
    // Its own authorities sign it, its log keys are the ledger's.
    KeyState::from_genesis(statement)
        .map(|_| ())
        .map_err(LogFault::Key)
}

fn judge_ledger_and_keys(
    statement: &Statement,
    position: &Position,
    keys: &KeyState,
) -> Result<(), LogFault> {
    if statement.ledger() != keys.ledger() {
        let (found, wanted) = (statement.ledger().to_owned(), keys.ledger().to_owned());
        return Err(LogFault::Ledger { found, wanted });
    }
    if position.index == 0 || matches!(statement.body(), Body::Genesis(_)) {
        let found = statement.statement_type().to_owned();
        return Err(LogFault::Genesis {
            index: position.index,
            found,
        });
    }
    keys.check_lines(statement).map_err(LogFault::Key)
}

fn judge_chain(statement: &Statement, facts: &Facts<'_>) -> Result<(), LogFault> {
    if statement.follows() == facts.head {
        return Ok(());
    }
    Err(LogFault::Follows {
        chain: Box::new(statement.chain().clone()),
        found: statement.follows(),
        head: facts.head,
    })
}

fn judge_amends(statement: &Statement, facts: &Facts<'_>) -> Result<(), LogFault> {
    let Some(amends) = statement.amends() else {
        return Ok(());
    };
    match facts.amended_chain {
        Some(chain) if chain == statement.chain() => Ok(()),
        found => Err(LogFault::Amends {
            statement: amends.statement,
            found: found.cloned().map(Box::new),
            wanted: Box::new(statement.chain().clone()),
        }),
    }
}

fn judge_times(statement: &Statement, position: &Position) -> Result<(), LogFault> {
    if let Some(before) = position
        .time_before
        .filter(|before| position.time < *before)
    {
        return Err(LogFault::TimeBack {
            found: position.time,
            before,
        });
    }
    match statement.issued() {
        Some(issued) if issued.time > position.time.plus_s(ISSUED_AHEAD_S_MAX) => {
            Err(LogFault::Issued {
                found: issued,
                time: position.time,
            })
        }
        _ => Ok(()),
    }
}

fn judge_erasures(statement: &Statement, facts: &Facts<'_>) -> Result<(), LogFault> {
    let wanted = wants(statement).erasures;
    assert_eq!(
        wanted.len(),
        facts.erased.len(),
        "one fact for each erasure"
    );
    wanted
        .iter()
        .zip(facts.erased)
        .try_for_each(|(erasure, entry)| judge_erasure(erasure, entry))
}

/// The order must say of the entry exactly what it is: its leaf hash stays the proof, and its id the head of a chain.
fn judge_erasure(erasure: &Erasure, entry: &ErasedEntry<'_>) -> Result<(), LogFault> {
    let fault = |member: &'static str, found: String, logged: String| LogFault::Erasure {
        index: erasure.index,
        member,
        found,
        logged,
    };
    if erasure.leaf_hash != entry.leaf_hash {
        return Err(fault(
            "leaf_hash",
            erasure.leaf_hash.to_string(),
            entry.leaf_hash.to_string(),
        ));
    }
    let Some(statement) = entry.statement else {
        return Ok(());
    };
    if erasure.statement != statement.id() {
        return Err(fault(
            "statement",
            erasure.statement.to_string(),
            statement.id().to_string(),
        ));
    }
    if erasure.chain() != *statement.chain() {
        return Err(fault(
            "statement_type",
            erasure.chain().to_string(),
            statement.chain().to_string(),
        ));
    }
    Ok(())
}

/// Cannot fail for what [`Statement::parse`] took; judged again because the bound is a promise of its own.
fn judge_size(statement: &Statement, position: &Position) -> Result<(), LogFault> {
    let header = RecordHeader {
        index: position.index,
        link: Hash::ZERO,
        time: position.time,
    };
    let have = encode_entry(&header, b"").len() + statement.note().len();
    if have <= ENTRY_BYTES_MAX {
        Ok(())
    } else {
        Err(LogFault::EntryBytes {
            have,
            max: ENTRY_BYTES_MAX,
        })
    }
}

/// Which log rule a statement breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// It is meant for another ledger.
    #[error("statement is for ledger {found}, wanted {wanted}")]
    Ledger {
        /// The ledger it names.
        found: String,
        /// This ledger.
        wanted: String,
    },
    /// Record 0 is a genesis, and only record 0.
    #[error("{found} statement at index {index}; record 0 is the genesis, and no other is")]
    Genesis {
        /// The index.
        index: u64,
        /// The type found there.
        found: String,
    },
    /// Its key does not count.
    #[error("the signature does not count")]
    Key(#[source] KeyError),
    /// It does not follow the head of its chain.
    #[error("follows is {}, the head of chain {chain} is {}", id_or_null(*found), id_or_null(*head))]
    Follows {
        /// The chain.
        chain: Box<Chain>,
        /// What `follows` says.
        found: Option<Hash>,
        /// The newest statement of the chain.
        head: Option<Hash>,
    },
    /// It amends what is not an earlier statement of the same chain.
    #[error(
        "amends {statement}, which is {}, wanted an earlier statement of chain {wanted}",
        found.as_ref().map_or_else(|| "not logged before it".to_owned(), |chain| format!("in chain {chain}"))
    )]
    Amends {
        /// The id it names.
        statement: Hash,
        /// The chain that this id is in.
        found: Option<Box<Chain>>,
        /// The chain of the amending statement.
        wanted: Box<Chain>,
    },
    /// The record's time is before that of the record before it.
    #[error("time {found} is before {before}, that of the record before")]
    TimeBack {
        /// The record's time.
        found: Time,
        /// The time of the record before.
        before: Time,
    },
    /// It says that it will be made public.
    #[error("issued {found} is more than 300 s ahead of {time}, the time of the record")]
    Issued {
        /// What `issued` says.
        found: OffsetTime,
        /// The record's time.
        time: Time,
    },
    /// A change of keys is not possible.
    #[error("the keys cannot be changed so")]
    Change(#[source] KeyError),
    /// An order to erase says of the entry what is not so.
    #[error("order to erase entry {index} has {member} {found}, the log has {logged}")]
    Erasure {
        /// The index to be erased.
        index: u64,
        /// The member that differs.
        member: &'static str,
        /// What the order says.
        found: String,
        /// What the log says.
        logged: String,
    },
    /// The entry would be too large.
    #[error("entry has {have} bytes, wanted at most {max}")]
    EntryBytes {
        /// Bytes it would have.
        have: usize,
        /// The limit.
        max: usize,
    },
}

impl LogFault {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            LogFault::Ledger { .. } => "ledger",
            LogFault::Genesis { .. } => "genesis",
            LogFault::Key(error) | LogFault::Change(error) => error.code(),
            LogFault::Follows { .. } => "follows",
            LogFault::Amends { .. } => "amends",
            LogFault::TimeBack { .. } => "time_back",
            LogFault::Issued { .. } => "issued_ahead",
            LogFault::Erasure { .. } => "erasure",
            LogFault::EntryBytes { .. } => "entry_too_long",
        }
    }
}

impl Bilingual for LogFault {
    fn zh(&self) -> String {
        match self {
            LogFault::Ledger { found, wanted } => {
                format!("声明写给账本 {found}，本账本为 {wanted}")
            }
            LogFault::Genesis { index, found } => {
                format!("第 {index} 号为 {found} 声明；第 0 号且只有第 0 号是 genesis")
            }
            LogFault::Key(error) => format!("签名不算数：{}", error.zh()),
            LogFault::Follows { chain, found, head } => format!(
                "follows 为 {}，链 {chain} 的最新一条是 {}",
                id_or_null(*found),
                id_or_null(*head)
            ),
            LogFault::Amends {
                statement,
                found,
                wanted,
            } => match found {
                None => format!("amends 指向 {statement}，此前没有这份声明"),
                Some(chain) => format!(
                    "amends 指向 {statement}，它在链 {chain}，应为本链 {wanted} 中更早的声明"
                ),
            },
            LogFault::TimeBack { found, before } => {
                format!("时间 {found} 早于前一条记录的 {before}")
            }
            LogFault::Issued { found, time } => {
                format!("issued 为 {found}，比记录时间 {time} 超前 300 秒以上")
            }
            LogFault::Change(error) => format!("密钥不能这样变更：{}", error.zh()),
            LogFault::Erasure {
                index,
                member,
                found,
                logged,
            } => {
                format!("清除第 {index} 号的命令中 {member} 为 {found}，账本中为 {logged}")
            }
            LogFault::EntryBytes { have, max } => format!("条目有 {have} 字节，最多 {max} 字节"),
        }
    }
}

fn id_or_null(id: Option<Hash>) -> String {
    id.map_or_else(|| "null".to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests;
