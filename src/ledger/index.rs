//! The one door to sled: a query index over the log, never truth. Delete it, restart, same answers.
//!
//! It carries the tree (size, root) that it reflects and a check value at each value, so that a damaged or foreign index is noticed and
//! rebuilt instead of believed. One value a project (or other chain) holds its head and its record list; a key of its own stands only for
//! what a look-up needs, because each key costs sled some 20 µs of processor time.
//!
//! It is never mended in place. A damaged one is left for an empty one in a folder of its own, begun anew from the log; nothing that is
//! still being written into the old one can get into the new one. One whose disk was full is opened again as the disk has it; where it cannot
//! be opened for want of room, one that is gone with the process stands in for it until there is room, so that a full disk keeps no ledger from
//! being read.
//!
//! | key | value |
//! | --- | --- |
//! | `s` statement id | record index, first bytes of the hash of its chain's key |
//! | `c` chain | head id, record indexes |
//! | `r` publisher LF ref | statement id |
//! | `d` document digest | record indexes that name it |
//! | `e` statement id | indexes of the `endorse` records about it |
//! | `m` | format, tree, indexes of genesis and `key` records |
//! | `o` | indexes of `order` records |

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::tlog::merkle::{Hash, Tree};
use crate::trade::log_rules;
use crate::trade::statement::{Body, Chain, Erasure, Statement};

use super::recent::reference_of;

/// The open index.
#[derive(Debug)]
pub struct Index {
    /// `None` while it is being opened again.
    open: RwLock<Option<Open>>,
    path: Option<PathBuf>,
    /// Folders of generations that are left, removed once nobody reads from them any more.
    left: Mutex<Vec<PathBuf>>,
    #[cfg(test)]
    fails: std::sync::atomic::AtomicBool,
}

/// One generation.
#[derive(Clone, Debug)]
struct Open {
    db: sled::Db,
    folder: Option<PathBuf>,
}

/// The index cannot be read: it must be rebuilt from the log. Never the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// sled says so.
    #[error("the query index cannot be read or written")]
    Sled(#[from] sled::Error),
    /// It is being opened again.
    #[error("the query index is being opened again")]
    Closed,
    /// Opening it again has to wait for room: what it holds is read meanwhile.
    #[error("the disk of the query index is full")]
    Full,
    /// sled panicked, which it does on some damage.
    #[error("the query index panicked")]
    Panic,
    /// The check value at a value is wrong.
    #[error("a value of the query index is damaged")]
    Damaged,
    /// The folder cannot be removed or made.
    #[error("the folder of the query index cannot be replaced")]
    Folder(#[from] std::io::Error),
    /// What stands in its place is no folder.
    #[error(
        "{} is the place of the query index, and no folder: move it away and start again, the index is made anew from the log", .path.display()
    )]
    NoFolder {
        /// The place.
        path: PathBuf,
    },
}

impl IndexError {
    /// What it holds is wrong, so that it must be begun anew. Else its disk fails or is full: what it holds is only not to be had now.
    pub fn is_damage(&self) -> bool {
        match self {
            IndexError::Damaged | IndexError::Panic => true,
            IndexError::Sled(failure) => !matches!(failure, sled::Error::Io(_)),
            IndexError::Closed
            | IndexError::Full
            | IndexError::Folder(_)
            | IndexError::NoFolder { .. } => false,
        }
    }

    /// Its disk has no room, for bytes or for names.
    fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            IndexError::Sled(sled::Error::Io(failure)) | IndexError::Folder(failure) => {
                matches!(failure.kind(), StorageFull | QuotaExceeded)
            }
            _ => false,
        }
    }
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
const FORMAT: u8 = 4;
/// A generation's folder is this and its number.
const FOLDER: &str = "query-";
const STATE_KEY: &[u8] = b"m";
/// Never cut short: an order forgotten would show what it withholds.
const ORDERS_KEY: &[u8] = b"o";
/// The list of one document, statement or chain is kept whole in one value; beyond this only the newest are listed. Nothing is decided by
/// such a list: the head of a chain, and which chain a statement is in, are kept apart.
const LIST_MAX: usize = 100_000;
/// A folder that another handle is letting go of is waited for.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

impl Index {
    /// Opens the index in `path`; one that sled cannot open is left and begun anew (sled never recovers from some damage).
    ///
    /// # Errors
    /// [`IndexError`] if not even an empty one can be made.
    pub fn open(path: &Path) -> Result<Index, IndexError> {
        std::fs::create_dir_all(path).map_err(|failure| {
            // A link that leads nowhere is there, too.
            match std::fs::symlink_metadata(path) {
                Ok(found) if !path.is_dir() && !found.is_dir() => IndexError::NoFolder {
                    path: path.to_owned(),
                },
                _ => IndexError::Folder(failure),
            }
        })?;
        let mut generations = generations(path)?;
        let newest = generations.pop();
        let index = Index {
            open: RwLock::new(None),
            path: Some(path.to_owned()),
            left: Mutex::new(generations.into_iter().map(|(_, folder)| folder).collect()),
            #[cfg(test)]
            fails: false.into(),
        };
        if let Some((_, folder)) = newest {
            match Open::at(&folder) {
                Ok(open) => *index.write() = Some(open),
                Err(failure) if failure.is_full() => return index.stood_in_for(&failure),
                Err(failure) => {
                    let cause = crate::chain_of(&failure);
                    tracing::warn!(path = %folder.display(), cause, "the query index cannot be opened and is rebuilt");
                    index.leave(folder);
                }
            }
        }
        let is_open = index.read().is_some();
        if is_open && index.state().is_err() {
            tracing::warn!(path = %path.display(), "the query index is damaged or of another format and is rebuilt");
        }
        if !is_open || index.state().is_err() {
            match index.clear() {
                Err(failure) if failure.is_full() => return index.stood_in_for(&failure),
                cleared => cleared?,
            }
        }
        index.remove_left();
        remove_older_layout(path);
        Ok(index)
    }

    fn stood_in_for(self, failure: &IndexError) -> Result<Index, IndexError> {
        let path = self.path().unwrap_or(Path::new("")).display();
        let cause = crate::chain_of(failure);
        tracing::warn!(%path, cause, "the query index has no room on its disk: another one stands in for it until there is room");
        *self.write() = Some(Open::temporary()?);
        Ok(self)
    }

    /// Whether it is one that only stands in, to be begun anew where it belongs.
    pub fn stands_in(&self) -> bool {
        let open = self.read();
        self.path.is_some() && open.as_ref().is_some_and(|open| open.folder.is_none())
    }

    /// An index that is gone with the process, for tests and examples.
    ///
    /// # Errors
    /// [`IndexError::Sled`].
    pub fn temporary() -> Result<Index, IndexError> {
        Ok(Index {
            open: RwLock::new(Some(Open::temporary()?)),
            path: None,
            left: Mutex::default(),
            #[cfg(test)]
            fails: false.into(),
        })
    }

    /// Where it is kept.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Begins anew, empty, in a folder of its own: whoever is still writing into the old one writes into nothing. One writer at a time
    /// calls this.
    ///
    /// # Errors
    /// [`IndexError`]; then all is as before.
    pub fn clear(&self) -> Result<(), IndexError> {
        let fresh = match &self.path {
            Some(path) => {
                let newest = generations(path)?.pop().map_or(0, |(number, _)| number);
                Open::at(&path.join(format!("{FOLDER}{}", newest + 1)))?
            }
            None => Open::temporary()?,
        };
        let before = self.write().replace(fresh);
        if let Some(folder) = before.and_then(|before| before.folder) {
            self.leave(folder);
        }
        Ok(())
    }

    /// Opens it again as the disk has it: after its disk was full sled takes nothing more, for the life of the handle. What was applied and
    /// not flushed may be gone.
    ///
    /// # Errors
    /// [`IndexError`]; until this succeeds every look-up is [`IndexError::Closed`].
    pub fn renew(&self) -> Result<(), IndexError> {
        let Some(path) = &self.path else {
            return self.clear();
        };
        drop(self.write().take());
        let Some((_, folder)) = generations(path)?.pop() else {
            return self.clear();
        };
        // Those who are reading hold the old handle for a moment, and with it sled's lock.
        let began = Instant::now();
        let opened = loop {
            match Open::at(&folder) {
                Err(IndexError::Sled(sled::Error::Io(_))) if began.elapsed() < CLOSE_WAIT => {
                    std::thread::sleep(CLOSE_WAIT / 40);
                }
                outcome => break outcome,
            }
        };
        match opened {
            Ok(open) => {
                *self.write() = Some(open);
                Ok(())
            }
            Err(failure) if failure.is_damage() => {
                self.leave(folder);
                self.clear()
            }
            Err(failure) => Err(failure),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Option<Open>> {
        self.open.read().expect("no panic while holding the index")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().expect("no panic while holding the index")
    }

    /// The generation in use.
    fn now(&self) -> Result<Open, IndexError> {
        self.read().clone().ok_or(IndexError::Closed)
    }

    fn leave(&self, folder: PathBuf) {
        let mut left = self.left.lock().expect("no panic while holding left");
        left.push(folder);
    }

    fn remove_left(&self) {
        let left = std::mem::take(&mut *self.left.lock().expect("no panic while holding left"));
        for folder in left {
            if let Err(failure) = std::fs::remove_dir_all(&folder) {
                tracing::warn!(path = %folder.display(), %failure, "an old query index is still there");
            }
        }
    }

    /// The tree it reflects and the indexes of the records that make the key state.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn state(&self) -> Result<(Tree, Vec<u64>), IndexError> {
        self.get(STATE_KEY)?
            .map_or(Ok((Tree::EMPTY, Vec::new())), |value| decode_state(&value))
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
            .map(|value| decode_place(&value).map(|(index, _)| index))
            .transpose()
    }

    /// Whether a statement is in the log and belongs to `chain`.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn is_in_chain(&self, id: &Hash, chain: &Chain) -> Result<bool, IndexError> {
        let Some(value) = self.get(&key(b's', &id.0))? else {
            return Ok(false);
        };
        Ok(decode_place(&value)?.1 == chain_check(&chain_key(chain)))
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
        self.may_fail()?;
        let open = self.now()?;
        guarded(|| open.apply(rows, tree))
    }

    /// Waits until what was applied is on disk.
    ///
    /// # Errors
    /// [`IndexError::Sled`].
    pub fn flush(&self) -> Result<(), IndexError> {
        self.may_fail()?;
        let open = self.now()?;
        guarded(|| Ok(open.db.flush().map(|_| ())?))?;
        self.remove_left();
        Ok(())
    }

    /// Bytes on disk.
    pub fn disk_bytes(&self) -> u64 {
        let open = self.now();
        open.map_or(0, |open| open.db.size_on_disk().unwrap_or(0))
    }

    /// For tests: from now on its disk is full, or has room again.
    #[cfg(test)]
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, std::sync::atomic::Ordering::SeqCst);
    }

    /// For tests: as many keys as a larger log would have.
    #[cfg(test)]
    pub fn more_statements(&self, count: u64) {
        let mut batch = sled::Batch::default();
        for n in 0..count {
            let id = Hash::sha256(&n.to_be_bytes());
            put(&mut batch, &key(b's', &id.0), &[0; 24]);
        }
        self.now().unwrap().db.apply_batch(batch).unwrap();
    }

    #[cfg(test)]
    fn may_fail(&self) -> Result<(), IndexError> {
        match self.fails.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()),
            false => Ok(()),
        }
    }

    #[cfg(not(test))]
    fn may_fail(&self) -> Result<(), IndexError> {
        Ok(())
    }

    /// The value at `key` without its check value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        let open = self.now()?;
        guarded(|| open.get(key))
    }
}

/// sled has been seen to panic on damaged files; that must not take down whoever looks something up.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Err(IndexError::Panic))
}

/// The generations in `path`, ascending.
fn generations(path: &Path) -> Result<Vec<(u64, PathBuf)>, IndexError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER)?.parse().ok());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

/// Up to format 3 sled's files lay beside the folders of search and law.
fn remove_older_layout(path: &Path) {
    for name in ["conf", "db", "blobs"] {
        let old = path.join(name);
        let _ = match old.is_dir() {
            true => std::fs::remove_dir_all(old),
            false => std::fs::remove_file(old),
        };
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Open {
    fn at(folder: &Path) -> Result<Open, IndexError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(64 << 20)
            // Whoever applies flushes: a failure is then seen by somebody.
            .flush_every_ms(None);
        let db = guarded(|| Ok(config.open()?))?;
        Ok(Open {
            db,
            folder: Some(folder.to_owned()),
        })
    }

    fn temporary() -> Result<Open, IndexError> {
        let config = sled::Config::new().temporary(true).flush_every_ms(None);
        Ok(Open {
            db: config.open()?,
            folder: None,
        })
    }

    fn value<T>(
        &self,
        key: &[u8],
        decode: impl Fn(&[u8]) -> Result<T, IndexError>,
    ) -> Result<Option<T>, IndexError> {
        self.get(key)?.map(|value| decode(&value)).transpose()
    }

    /// All in one batch of sled's: all of it is there afterwards, or none.
    fn apply(&self, rows: &[Row], tree: &Tree) -> Result<(), IndexError> {
        let state = self.value(STATE_KEY, decode_state)?;
        let (_, mut key_records) = state.unwrap_or((Tree::EMPTY, Vec::new()));
        let mut batch = sled::Batch::default();
        let mut chains: HashMap<&[u8], ChainView> = HashMap::new();
        let mut lists: HashMap<&[u8], Vec<u64>> = HashMap::new();
        for row in rows {
            let mut place = row.index.to_be_bytes().to_vec();
            place.extend_from_slice(&chain_check(&row.chain));
            put(&mut batch, &key(b's', &row.id.0), &place);
            if let Some(reference) = &row.reference {
                put(&mut batch, reference, &row.id.0);
            }
            if row.changes_keys {
                key_records.push(row.index);
            }
            for key in &row.lists {
                if !lists.contains_key(key.as_slice()) {
                    lists.insert(key, self.value(key, decode_list)?.unwrap_or_default());
                }
                let list = lists.get_mut(key.as_slice()).expect("inserted above");
                add(list, row.index);
            }
            if !chains.contains_key(row.chain.as_slice()) {
                let known = self.value(&row.chain, decode_chain)?;
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
            let mut orders = self.value(ORDERS_KEY, decode_list)?.unwrap_or_default();
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

/// Format, tree and key records.
fn decode_state(value: &[u8]) -> Result<(Tree, Vec<u64>), IndexError> {
    let (format, rest) = value.split_first().ok_or(IndexError::Damaged)?;
    let (size, rest) = rest.split_first_chunk::<8>().ok_or(IndexError::Damaged)?;
    let (root, keys) = rest.split_first_chunk::<32>().ok_or(IndexError::Damaged)?;
    if *format != FORMAT {
        return Err(IndexError::Damaged);
    }
    let tree = Tree {
        size: u64::from_be_bytes(*size),
        root_hash: Hash(*root),
    };
    Ok((tree, decode_list(keys)?))
}

/// Where a statement stands: its record, and its chain.
fn decode_place(value: &[u8]) -> Result<(u64, [u8; 16]), IndexError> {
    let (index, chain) = value.split_first_chunk::<8>().ok_or(IndexError::Damaged)?;
    let chain = chain.try_into().map_err(|_| IndexError::Damaged)?;
    Ok((u64::from_be_bytes(*index), chain))
}

/// Enough of the hash of a chain's key that no other chain has it.
fn chain_check(chain_key: &[u8]) -> [u8; 16] {
    let hash = Hash::sha256(chain_key).0;
    *hash.first_chunk().expect("a hash has 32 bytes")
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
        let db = index.now().unwrap().db;
        for stored in db.iter().map(Result::unwrap).collect::<Vec<_>>() {
            let mut changed = stored.1.to_vec();
            changed[0] ^= 1;
            db.insert(&stored.0, changed).unwrap();
            assert!(matches!(index.get(&stored.0), Err(IndexError::Damaged)));
            db.insert(&stored.0, &stored.1).unwrap();
            assert!(index.get(&stored.0).is_ok());
        }
    }

    /// Beyond what a list holds nothing may be refused, and nothing that was withheld shown, for want of it.
    #[test]
    fn what_a_list_no_longer_holds_is_still_in_its_chain() {
        let index = Index::temporary().unwrap();
        let project = Chain::Trade {
            publisher: "p.example".to_owned(),
            project: "A1".to_owned(),
        };
        let last = u64::try_from(LIST_MAX).unwrap();
        let rows: Vec<Row> = (0..=last)
            .map(|at| Row {
                lists: Vec::new(),
                reference: None,
                ..row(at, &project)
            })
            .collect();
        let tree = Tree {
            size: last + 1,
            root_hash: Hash::ZERO,
        };
        index.apply(&rows, &tree).unwrap();
        let view = index.chain(&project).unwrap().unwrap();
        assert_eq!((view.records.len(), view.records[0]), (LIST_MAX, 1));
        let first = Hash::sha256(&0u64.to_be_bytes());
        assert!(index.is_in_chain(&first, &project).unwrap());
        assert!(!index.is_in_chain(&first, &Chain::Keys).unwrap());
        assert!(!index.is_in_chain(&Hash::ZERO, &project).unwrap());
    }

    /// What is still being written into the index that is left does not get into the new one.
    #[test]
    fn an_index_begun_anew_has_nothing_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let index = Index::open(&path).unwrap();
        let tree = Tree {
            size: 1,
            root_hash: Hash::ZERO,
        };
        let rows = [row(0, &Chain::Keys)];
        index.apply(&rows, &tree).unwrap();
        let before = index.now().unwrap();
        index.clear().unwrap();
        before.apply(&rows, &tree).unwrap();
        assert_eq!(index.state().unwrap().0.size, 0);
        assert_eq!(index.statement(&rows[0].id).unwrap(), None);
        drop(before);
        index.apply(&rows, &tree).unwrap();
        index.flush().unwrap();
        assert_eq!(generations(&path).unwrap().len(), 1);
        // Opened again as the disk has it, it is as it was flushed.
        index.renew().unwrap();
        assert_eq!(index.state().unwrap().0, tree);
        drop(index);
        assert_eq!(Index::open(&path).unwrap().state().unwrap().0, tree);
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
    fn what_stands_in_for_an_index_without_room_is_begun_anew_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let full = IndexError::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert!(full.is_full() && !full.is_damage());
        let index = Index::open(folder.path()).expect("an index");
        assert!(!index.stands_in());
        let index = index.stood_in_for(&full).expect("another one");
        assert!(index.stands_in());
        assert_eq!(index.state().expect("it is empty").0, Tree::EMPTY);
        index.clear().expect("there is room");
        assert!(!index.stands_in());
        assert!(folder.path().join("query-2").exists());
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
