//! Goes through a log record by record, authenticated, with the keys in force: for whoever needs the keys without an audit (receipts of a
//! mirror, a read-only replica, a monitor), and goes on later where it stopped.
//!
//! Promises: no record is visited that does not hang from the tree given; keys are replayed from the pinned genesis, and a `genesis` or `key`
//! record that does not count ends the walk with an error. Does not judge other records: their links, times, chains and signatures are
//! [`audit`](super::audit())'s, except that the visitor may ask the keys it is given.

use std::ops::Range;

use bytes::Bytes;

use crate::store::{LogReader, ReadError};
use crate::tlog::merkle::{Hash, Tree};
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::record::parse_entry;
use crate::trade::statement::{Chain, GENESIS_NOTE_BYTES_MAX, Statement, StatementError};

/// Entries in a full bundle.
const WIDTH: u64 = 256;

/// A place in a log, with the keys that follow from all before it.
#[derive(Clone)]
pub struct Follower {
    genesis: Option<Hash>,
    keys: Option<KeyState>,
    next: u64,
}

/// One record on the way.
pub struct Visited<'a> {
    /// Its index.
    pub index: u64,
    /// Its bytes; empty if it was erased.
    pub entry: &'a Bytes,
    /// The keys in force for it; of record 0 those that it makes itself.
    pub keys: &'a KeyState,
    /// Its statement, if it is of the chain of keys.
    pub key_statement: Option<&'a Statement>,
}

/// Why a walk ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Something of the log cannot be read, or does not hang from the tree.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record of the chain of keys does not count.
    #[error("record {index}, on which keys rest, does not count")]
    Keys {
        /// Which one.
        index: u64,
        /// Why not.
        #[source]
        source: KeyError,
    },
    /// Record 0 is no genesis.
    #[error("record 0 is not a genesis statement, from which all keys follow")]
    NoGenesis,
    /// The key statements kept from an earlier walk are not in the order of the log, each once, before the record that comes next.
    #[error(
        "the key statement kept as record {index} stands after record {after}, and the walk stopped before record {next}: wanted rising indexes below that"
    )]
    Order {
        /// Which one.
        index: u64,
        /// The one before it in the list.
        after: u64,
        /// Where the walk stopped.
        next: u64,
    },
    /// What was kept of the keys from an earlier walk does not hold together.
    #[error("the key statement kept as record {index} cannot be read")]
    Kept {
        /// Which one.
        index: u64,
        /// Why not.
        #[source]
        source: StatementError,
    },
}

impl Follower {
    /// Before record 0. With a genesis id, no other log is followed.
    pub fn new(genesis: Option<Hash>) -> Follower {
        Follower {
            genesis,
            keys: None,
            next: 0,
        }
    }

    /// Where an earlier walk stopped: `notes` are the key statements that it went past, with their indexes. They are replayed.
    ///
    /// # Errors
    /// [`FollowError::Order`], [`FollowError::Kept`], [`FollowError::Keys`], [`FollowError::NoGenesis`].
    pub fn resume(
        genesis: Option<Hash>,
        notes: &[(u64, Bytes)],
        next: u64,
    ) -> Result<Follower, FollowError> {
        let mut follower = Follower::new(genesis);
        let mut after = None;
        for (index, _) in notes {
            if *index >= next || after.is_some_and(|after| after >= *index) {
                return Err(FollowError::Order {
                    index: *index,
                    after: after.unwrap_or(0),
                    next,
                });
            }
            after = Some(*index);
        }
        for (index, note) in notes {
            let statement = Statement::parse(note).map_err(|source| FollowError::Kept {
                index: *index,
                source,
            })?;
            follower.apply(*index, &statement)?;
        }
        follower.next = next;
        if next > 0 && follower.keys.is_none() {
            return Err(FollowError::NoGenesis);
        }
        Ok(follower)
    }

    /// The index of the record that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The keys that follow from what was gone past; `None` before record 0.
    pub fn keys(&self) -> Option<&KeyState> {
        self.keys.as_ref()
    }

    /// Goes on to the end of `tree`, or to `until` if that is earlier.
    ///
    /// # Errors
    /// [`FollowError`]; what was visited before stays gone past, and the next call goes on from there.
    pub async fn advance(
        &mut self,
        reader: &LogReader,
        tree: &Tree,
        until: u64,
        mut visit: impl FnMut(Visited<'_>),
    ) -> Result<(), FollowError> {
        let until = until.min(tree.size);
        while self.next < until {
            let number = self.next / WIDTH;
            let bundle = reader.bundle(tree, number).await?;
            let wanted: Range<u64> = self.next..until;
            for (index, entry) in (number * WIDTH..).zip(&bundle) {
                if !wanted.contains(&index) {
                    continue;
                }
                let statement = keys_statement(entry);
                // A `key` statement is judged by the keys before it, and the visitor sees these; the genesis makes its own.
                let mut before = None;
                if index == 0 || statement.is_some() {
                    let statement = statement.as_ref().ok_or(FollowError::NoGenesis)?;
                    before.clone_from(&self.keys);
                    self.apply(index, statement)?;
                }
                let keys = before.as_ref().or(self.keys.as_ref());
                visit(Visited {
                    index,
                    entry,
                    keys: keys.ok_or(FollowError::NoGenesis)?,
                    key_statement: statement.as_ref(),
                });
                self.next = index + 1;
            }
        }
        Ok(())
    }

    fn apply(&mut self, index: u64, statement: &Statement) -> Result<(), FollowError> {
        let failed = |source| FollowError::Keys { index, source };
        match &mut self.keys {
            Some(keys) => keys.apply(index, statement).map_err(failed),
            None if index == 0 => {
                if let Some(wanted) = self.genesis.filter(|wanted| *wanted != statement.id()) {
                    return Err(failed(KeyError::GenesisId {
                        found: statement.id(),
                        wanted,
                    }));
                }
                self.keys = Some(KeyState::from_genesis(statement).map_err(failed)?);
                Ok(())
            }
            None => Err(FollowError::NoGenesis),
        }
    }
}

/// The statement of an entry, if it is of the chain of keys; most entries are passed over without being parsed.
pub(super) fn keys_statement(entry: &[u8]) -> Option<Statement> {
    let (_, note) = parse_entry(entry).ok()?;
    // Such notes are short, and say their type in so many letters.
    let short = note.len() <= GENESIS_NOTE_BYTES_MAX;
    let named = |word: &[u8]| note.windows(word.len()).any(|letters| letters == word);
    if !short || !(named(b"\"key\"") || named(b"\"genesis\"") || note.contains(&b'\\')) {
        return None;
    }
    let statement = Statement::parse(note).ok()?;
    (*statement.chain() == Chain::Keys).then_some(statement)
}
