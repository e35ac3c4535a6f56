//! The one door to sled: a query index over the log, never truth. Delete it, restart, same answers.
//!
//! It carries the tree (size, root) that it reflects and a check value at each value, so that a damaged or foreign index is noticed and
//! rebuilt instead of believed. One value a project (or other chain) holds its head and its record list; a key of its own stands only for
//! what a look-up needs, because each key costs sled some 20 µs of processor time.
//!
//! | key | value |
//! | --- | --- |
//! | `s` statement id | record index |
//! | `c` chain | head id, record indexes |
//! | `r` publisher LF ref | statement id |
//! | `d` document digest | record indexes that name it |
//! | `e` statement id | indexes of the `endorse` records about it |
//! | `m` | format, tree, indexes of genesis and `key` records |
//! | `o` | indexes of `order` records |

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::tlog::merkle::{Hash, Tree};
use crate::trade::log_rules;
use crate::trade::statement::{Body, Chain, Erasure, Statement};

use super::recent::reference_of;

/// The open index.
#[derive(Debug)]
pub struct Index {
    db: sled::Db,
    path: Option<PathBuf>,
}

/// The index cannot be read: it must be rebuilt from the log. Never the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// sled says so.
    #[error("the query index cannot be read or written")]
    Sled(#[from] sled::Error),
    /// The check value at a value is wrong.
    #[error("a value of the query index is damaged")]
    Damaged,
    /// The folder cannot be removed or made.
    #[error("the folder of the query index cannot be replaced")]
    Folder(#[from] std::io::Error),
}

/// One record as the index takes it in.
#[derive(Debug)]
pub struct Row {
    index: u64,
    id: Hash,
    chain: Vec<u8>,
    reference: Option<Vec<u8>>,
    /// Keys of the lists that it stands in.
    lists: Vec<Vec<u8>>,
    changes_keys: bool,
    is_order: bool,
}

impl Row {
    /// What the index keeps of a record and of those that it orders to erase.
    pub fn all_of(index: u64, statement: &Statement) -> Vec<Row> {
        let erasures = log_rules::wants(statement).erasures;
        let erased = erasures.into_iter().map(Row::of_erased);
        std::iter::once(Row::of(index, statement))
            .chain(erased)
            .collect()
    }

    /// What the index keeps of a record that was erased: its order says which chain it is in.
    pub fn of_erased(erasure: &Erasure) -> Row {
        Row {
            index: erasure.index,
            id: erasure.statement,
            chain: chain_key(&erasure.chain()),
            reference: None,
            lists: Vec::new(),
            changes_keys: false,
            is_order: false,
        }
    }

    /// What the index keeps of a record.
    pub fn of(index: u64, statement: &Statement) -> Row {
        let chain = statement.chain();
        Row {
            index,
            id: statement.id(),
            changes_keys: *chain == Chain::Keys,
            is_order: *statement.body() == Body::Order,
            chain: chain_key(chain),
            reference: reference_of(statement)
                .map(|(publisher, reference)| reference_key(&publisher, &reference)),
            lists: lists_of(statement),
        }
    }
}

/// What the index holds of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainView {
    /// Id of the last statement.
    pub head: Hash,
    /// Indexes of its records, ascending.
    pub records: Vec<u64>,
}

/// Raised when the layout above changes; another format is rebuilt.
const FORMAT: u8 = 3;
const STATE_KEY: &[u8] = b"m";
/// Never cut short: an order forgotten would show what it withholds.
const ORDERS_KEY: &[u8] = b"o";
/// The list of one document, statement or chain is kept whole in one value; beyond this only the newest are listed, the head always.
const LIST_MAX: usize = 100_000;

impl Index {
    /// Opens the index in `path`; one that sled cannot open is deleted and begun anew (sled never recovers from some damage).
    ///
    /// # Errors
    /// [`IndexError::Folder`] if not even an empty one can be made.
    pub fn open(path: &Path) -> Result<Index, IndexError> {
        let config = || {
            sled::Config::new()
                .path(path)
                .cache_capacity(64 << 20)
                .flush_every_ms(Some(1_000))
        };
        // sled has been seen to panic on damaged files; that must not take the ledger down.
        let opened = std::panic::catch_unwind(|| config().open());
        let db = match opened {
            Ok(Ok(db)) => db,
            outcome => {
                let cause = outcome.map_or_else(
                    |_| "panic".to_owned(),
                    |opened| {
                        opened
                            .err()
                            .map_or_else(String::new, |error| error.to_string())
                    },
                );
                tracing::warn!(path = %path.display(), cause, "the query index cannot be opened and is rebuilt");
                if path.exists() {
                    std::fs::remove_dir_all(path)?;
                }
                config().open()?
            }
        };
        let index = Index {
            db,
            path: Some(path.to_owned()),
        };
        if index.state().is_err() {
            tracing::warn!(path = %path.display(), "the query index is damaged or of another format and is rebuilt");
            index.clear()?;
        }
        Ok(index)
    }

    /// An index that is gone with the process, for tests and examples.
    ///
    /// # Errors
    /// [`IndexError::Sled`].
    pub fn temporary() -> Result<Index, IndexError> {
        Ok(Index {
            db: sled::Config::new().temporary(true).open()?,
            path: None,
        })
    }

    /// Where it is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`IndexError::Sled`].
    pub fn clear(&self) -> Result<(), IndexError> {
        self.db.clear()?;
        self.db.flush()?;
        Ok(())
    }

    /// The tree it reflects and the indexes of the records that make the key state.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn state(&self) -> Result<(Tree, Vec<u64>), IndexError> {
        let Some(value) = self.get(STATE_KEY)? else {
            return Ok((Tree::EMPTY, Vec::new()));
        };
        let (format, rest) = value.split_first().ok_or(IndexError::Damaged)?;
        let (size, rest) = rest.split_first_chunk::<8>().ok_or(IndexError::Damaged)?;
        let (root, keys) = rest.split_first_chunk::<32>().ok_or(IndexError::Damaged)?;
        if *format != FORMAT {
            return Err(IndexError::Damaged);
        }
        Ok((
            Tree {
                size: u64::from_be_bytes(*size),
                root_hash: Hash(*root),
            },
            decode_list(keys)?,
        ))
    }

    /// The indexes of the `order` records, ascending.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn orders(&self) -> Result<Vec<u64>, IndexError> {
        self.get(ORDERS_KEY)?
            .map_or(Ok(Vec::new()), |value| decode_list(&value))
    }

    /// The record that holds a statement.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn statement(&self, id: &Hash) -> Result<Option<u64>, IndexError> {
        self.get(&key(b's', &id.0))?
            .map(|value| decode_index(&value))
            .transpose()
    }

    /// Head and records of a chain.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn chain(&self, chain: &Chain) -> Result<Option<ChainView>, IndexError> {
        self.get(&chain_key(chain))?
            .map(|value| decode_chain(&value))
            .transpose()
    }

    /// The statement that bears a publisher's own reference.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn reference(&self, publisher: &str, reference: &str) -> Result<Option<Hash>, IndexError> {
        let Some(value) = self.get(&reference_key(publisher, reference))? else {
            return Ok(None);
        };
        let id: [u8; 32] = value
            .as_slice()
            .try_into()
            .map_err(|_| IndexError::Damaged)?;
        Ok(Some(Hash(id)))
    }

    /// The records whose statement names a document of this digest, ascending.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn document(&self, digest: &Hash) -> Result<Vec<u64>, IndexError> {
        self.list(&key(b'd', &digest.0))
    }

    /// The `endorse` records about a statement, ascending.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn endorsements(&self, id: &Hash) -> Result<Vec<u64>, IndexError> {
        self.list(&key(b'e', &id.0))
    }

    fn list(&self, key: &[u8]) -> Result<Vec<u64>, IndexError> {
        self.get(key)?
            .map_or(Ok(Vec::new()), |value| decode_list(&value))
    }

    /// Takes the records up to `tree.size` in, all or none.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn apply(&self, rows: &[Row], tree: &Tree) -> Result<(), IndexError> {
        let (_, mut key_records) = self.state()?;
        let mut batch = sled::Batch::default();
        let mut chains: HashMap<&[u8], ChainView> = HashMap::new();
        let mut lists: HashMap<&[u8], Vec<u64>> = HashMap::new();
        for row in rows {
            put(&mut batch, &key(b's', &row.id.0), &row.index.to_be_bytes());
            if let Some(reference) = &row.reference {
                put(&mut batch, reference, &row.id.0);
            }
            if row.changes_keys {
                key_records.push(row.index);
            }
            for key in &row.lists {
                if !lists.contains_key(key.as_slice()) {
                    lists.insert(key, self.list(key)?);
                }
                let list = lists.get_mut(key.as_slice()).expect("inserted above");
                add(list, row.index);
            }
            if !chains.contains_key(row.chain.as_slice()) {
                let known = self
                    .get(&row.chain)?
                    .map(|value| decode_chain(&value))
                    .transpose()?;
                chains.insert(
                    &row.chain,
                    known.unwrap_or(ChainView {
                        head: row.id,
                        records: Vec::new(),
                    }),
                );
            }
            let chain = chains
                .get_mut(row.chain.as_slice())
                .expect("inserted above");
            // An erased record is learned from its order, which is a later record.
            if chain.records.last().is_none_or(|last| *last <= row.index) {
                chain.head = row.id;
            }
            add(&mut chain.records, row.index);
        }
        for (chain, view) in &chains {
            let mut value = view.head.0.to_vec();
            encode_list(&view.records, &mut value);
            put(&mut batch, chain, &value);
        }
        for (key, records) in &lists {
            let mut value = Vec::new();
            encode_list(records, &mut value);
            put(&mut batch, key, &value);
        }
        if rows.iter().any(|row| row.is_order) {
            let mut orders = self.orders()?;
            orders.extend(rows.iter().filter(|row| row.is_order).map(|row| row.index));
            let mut value = Vec::new();
            encode_list(&orders, &mut value);
            put(&mut batch, ORDERS_KEY, &value);
        }
        let mut state = vec![FORMAT];
        state.extend_from_slice(&tree.size.to_be_bytes());
        state.extend_from_slice(&tree.root_hash.0);
        encode_list(&key_records, &mut state);
        put(&mut batch, STATE_KEY, &state);
        self.db.apply_batch(batch)?;
        Ok(())
    }

    /// Waits until what was applied is on disk.
    ///
    /// # Errors
    /// [`IndexError::Sled`].
    pub fn flush(&self) -> Result<(), IndexError> {
        self.db.flush()?;
        Ok(())
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }

    /// The value at `key` without its check value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let Some(stored) = self.db.get(key)? else {
            return Ok(None);
        };
        let (value, check) = stored.split_last_chunk::<8>().ok_or(IndexError::Damaged)?;
        if *check == check_value(key, value) {
            Ok(Some(value.to_vec()))
        } else {
            Err(IndexError::Damaged)
        }
    }
}

/// The lists that a statement stands in: of each document that it names, of the statement that it endorses.
fn lists_of(statement: &Statement) -> Vec<Vec<u8>> {
    if *statement.body() == Body::Endorse {
        let fields = statement.fields();
        let about = fields.about().and_then(|about| about.statement);
        return about.iter().map(|id| key(b'e', &id.0)).collect();
    }
    let digests = document_digests(statement);
    digests.iter().map(|digest| key(b'd', &digest.0)).collect()
}

/// The digests of the documents that a statement names; each once.
fn document_digests(statement: &Statement) -> Vec<Hash> {
    let mut digests: Vec<Hash> = statement
        .fields()
        .documents()
        .iter()
        .map(|document| document.sha256)
        .collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

fn put(batch: &mut sled::Batch, key: &[u8], value: &[u8]) {
    let mut stored = Vec::with_capacity(value.len() + 8);
    stored.extend_from_slice(value);
    stored.extend_from_slice(&check_value(key, value));
    batch.insert(key, stored);
}

/// Against decay, not against an attacker: who can write the index can write the log's objects, and those are signed.
fn check_value(key: &[u8], value: &[u8]) -> [u8; 8] {
    let mut bytes = Vec::with_capacity(key.len() + value.len());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(value);
    let hash = Hash::sha256(&bytes).0;
    *hash.first_chunk().expect("a hash has 32 bytes")
}

fn key(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

fn chain_key(chain: &Chain) -> Vec<u8> {
    // No admitted name, project id or type contains LF, so that no two chains share a key.
    match chain {
        Chain::Keys => key(b'c', b"k"),
        Chain::Trade { publisher, project } => {
            key(b'c', format!("t{publisher}\n{project}").as_bytes())
        }
        Chain::Other {
            publisher,
            statement_type,
        } => key(b'c', format!("o{publisher}\n{statement_type}").as_bytes()),
    }
}

fn reference_key(publisher: &str, reference: &str) -> Vec<u8> {
    key(b'r', format!("{publisher}\n{reference}").as_bytes())
}

fn add(list: &mut Vec<u64>, index: u64) {
    if let Err(at) = list.binary_search(&index) {
        list.insert(at, index);
    }
    if list.len() > LIST_MAX {
        list.drain(..list.len() - LIST_MAX);
    }
}

/// Ascending indexes as LEB128 differences: most projects have a handful of records.
fn encode_list(list: &[u64], out: &mut Vec<u8>) {
    let mut before = 0;
    for index in list {
        let mut difference = index - before;
        before = *index;
        while difference >= 0x80 {
            out.push(u8::try_from(difference & 0x7f).expect("seven bits") | 0x80);
            difference >>= 7;
        }
        out.push(u8::try_from(difference).expect("seven bits"));
    }
}

fn decode_list(bytes: &[u8]) -> Result<Vec<u64>, IndexError> {
    let mut list = Vec::new();
    let (mut before, mut difference, mut shift) = (0u64, 0u64, 0u32);
    for byte in bytes {
        difference |= u64::from(byte & 0x7f)
            .checked_shl(shift)
            .ok_or(IndexError::Damaged)?;
        if byte & 0x80 != 0 {
            shift += 7;
            continue;
        }
        before = before.checked_add(difference).ok_or(IndexError::Damaged)?;
        list.push(before);
        (difference, shift) = (0, 0);
    }
    if shift == 0 {
        Ok(list)
    } else {
        Err(IndexError::Damaged)
    }
}

fn decode_index(value: &[u8]) -> Result<u64, IndexError> {
    Ok(u64::from_be_bytes(
        value.try_into().map_err(|_| IndexError::Damaged)?,
    ))
}

fn decode_chain(value: &[u8]) -> Result<ChainView, IndexError> {
    let (head, records) = value.split_first_chunk::<32>().ok_or(IndexError::Damaged)?;
    Ok(ChainView {
        head: Hash(*head),
        records: decode_list(records)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: u64, chain: &Chain) -> Row {
        let id = Hash::sha256(&index.to_be_bytes());
        Row {
            index,
            id,
            chain: chain_key(chain),
            reference: Some(reference_key("p.example", &index.to_string())),
            lists: vec![
                key(b'd', &Hash::sha256(b"document").0),
                key(b'e', &Hash::sha256(b"statement").0),
            ],
            changes_keys: *chain == Chain::Keys,
            is_order: false,
        }
    }

    #[test]
    fn what_goes_in_is_found_again() {
        let index = Index::temporary().unwrap();
        let project = Chain::Trade {
            publisher: "p.example".to_owned(),
            project: "A1".to_owned(),
        };
        let tree = |size| Tree {
            size,
            root_hash: Hash::sha256(b"root"),
        };
        index
            .apply(
                &[row(0, &Chain::Keys), row(1, &project), row(2, &project)],
                &tree(3),
            )
            .unwrap();
        index
            .apply(&[row(3, &Chain::Keys), row(4, &project)], &tree(5))
            .unwrap();
        assert_eq!(index.state().unwrap(), (tree(5), vec![0, 3]));
        let view = index.chain(&project).unwrap().unwrap();
        assert_eq!(
            view,
            ChainView {
                head: Hash::sha256(&4u64.to_be_bytes()),
                records: vec![1, 2, 4]
            }
        );
        assert_eq!(index.statement(&view.head).unwrap(), Some(4));
        assert_eq!(
            index.reference("p.example", "2").unwrap(),
            Some(Hash::sha256(&2u64.to_be_bytes()))
        );
        assert_eq!(index.reference("q.example", "2").unwrap(), None);
        assert_eq!(
            index.document(&Hash::sha256(b"document")).unwrap(),
            [0, 1, 2, 3, 4]
        );
        assert_eq!(index.document(&Hash::ZERO).unwrap(), [0u64; 0]);
        let endorsed = Hash::sha256(b"statement");
        assert_eq!(
            index.endorsements(&endorsed).unwrap(),
            index.document(&Hash::sha256(b"document")).unwrap()
        );
        assert_eq!(index.endorsements(&Hash::ZERO).unwrap(), [0u64; 0]);
    }

    #[test]
    fn a_changed_value_is_noticed() {
        let index = Index::temporary().unwrap();
        index
            .apply(
                &[row(0, &Chain::Keys)],
                &Tree {
                    size: 1,
                    root_hash: Hash::ZERO,
                },
            )
            .unwrap();
        for stored in index.db.iter().map(Result::unwrap).collect::<Vec<_>>() {
            let mut changed = stored.1.to_vec();
            changed[0] ^= 1;
            index.db.insert(&stored.0, changed).unwrap();
            assert!(matches!(index.get(&stored.0), Err(IndexError::Damaged)));
            index.db.insert(&stored.0, &stored.1).unwrap();
            assert!(index.get(&stored.0).is_ok());
        }
    }

    #[test]
    fn lists_survive_their_encoding() {
        for list in [
            vec![],
            vec![0],
            vec![0, 1, 127, 128, 300, u64::MAX / 2, u64::MAX],
        ] {
            let mut bytes = Vec::new();
            encode_list(&list, &mut bytes);
            assert_eq!(decode_list(&bytes).unwrap(), list);
        }
        for bad in [&[0x80u8][..], &[0x80; 11]] {
            assert!(decode_list(bad).is_err());
        }
    }

    #[test]
    fn a_destroyed_index_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let index = Index::open(&path).unwrap();
        index
            .apply(
                &[row(0, &Chain::Keys)],
                &Tree {
                    size: 1,
                    root_hash: Hash::ZERO,
                },
            )
            .unwrap();
        index.flush().unwrap();
        drop(index);
        for file in walk(&path) {
            std::fs::write(&file, b"").unwrap();
        }
        let index = Index::open(&path).unwrap();
        assert_eq!(index.state().unwrap().0.size, 0);
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| {
                if path.is_dir() {
                    walk(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }
}
