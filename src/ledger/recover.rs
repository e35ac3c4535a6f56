//! Opening is recovering: the same steps after a clean end, a crash, a power cut or a lost race.
//!
//! Reads what is committed (`commit/`), goes on from what is published (`head`), never signs below or beside what the key has signed
//! (last-signed), judges every record that was not yet published as audit would, and runs apply, sign and publish for the rest.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};

use bytes::Bytes;
use tokio::sync::watch;

use super::admission::{DiskWatch, standing_at};
use super::clock::{Clock, ClockGuard};
use super::index::{Index, IndexError, Row};
use super::last_signed::{LastSigned, LastSignedError};
use super::plan::{Past, Plan, Standing, Tip, judge, keys_after};
use super::recent::Recent;
use super::writer::{self, Exit, State};
use super::{ClockSource, Config, Head, Shared, Writing, log_reader, publish};
use crate::store::commit::{COMMIT_BYTES_MAX, Commit, CommitFormError};
use crate::store::{Created, LogReader, ReadError, Store, StoreError};
use crate::tlog::checkpoint;
use crate::tlog::merkle::{self, Hash, Tree};
use crate::tlog::note::Vkey;
use crate::tlog::tile::{Edge, Tile, TileError};
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::log_rules::{self, LogFault, Position};
use crate::trade::record::{RecordError, parse_entry};
use crate::trade::statement::{Chain, Statement, StatementError};
use crate::trade::time::Time;

/// Why a ledger does not open. Each says what was found, what was wanted, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `init` on a folder that holds a log.
    #[error(
        "there is a log already: an origin is never begun twice; choose an empty folder, or serve this one"
    )]
    Exists,
    /// `serve` on a folder without a log.
    #[error("there is no log here: run `mingzhang init` first, or check the folder")]
    Absent,
    /// Another process has the folder.
    #[error("another process holds {path}: a ledger has one writer; stop the other one first")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A published checkpoint is not one of this key.
    #[error(
        "{name} is not a checkpoint of {origin} signed by the given log key: wrong folder or wrong key"
    )]
    Head {
        /// The object.
        name: String,
        /// The origin.
        origin: String,
        /// What does not fit.
        #[source]
        source: checkpoint::OpenError,
    },
    /// The first record is not the pinned one.
    #[error("the log's genesis id is {found}, the policy pins {wanted}: this is another ledger")]
    Genesis {
        /// In the log.
        found: Hash,
        /// Pinned.
        wanted: Hash,
    },
    /// Committed objects are missing.
    #[error(
        "commit objects are missing: {what}; the store was not copied whole, or something deleted them"
    )]
    CommitsMissing {
        /// What is not there.
        what: String,
    },
    /// A commit object is damaged.
    #[error("{name} is damaged")]
    CommitForm {
        /// The object.
        name: String,
        /// Where.
        #[source]
        source: CommitFormError,
    },
    /// A commit object does not follow from the one before, or its root not from its entries.
    #[error("{name} does not hold together: {what}")]
    CommitBroken {
        /// The object.
        name: String,
        /// What does not fit.
        what: String,
    },
    /// The data is older than what was signed: restored from an old copy.
    #[error(
        "the log key has signed {signed} records, the data holds {found}: it is an older copy. Writing on would fork the log. \
         Put the newest copy back; see docs/operations.md, restore"
    )]
    RolledBack {
        /// By last-signed or `head`.
        signed: u64,
        /// Committed.
        found: u64,
    },
    /// The key has signed another tree of the same size.
    #[error(
        "the log key has signed root {signed} at size {size}, the data gives {found}: these are two histories; see docs/operations.md, restore"
    )]
    Forked {
        /// The size.
        size: u64,
        /// By last-signed.
        signed: Hash,
        /// From the data.
        found: Hash,
    },
    /// What was last signed is not known.
    #[error(
        "the log holds {head} published records, but last-signed beside the log key {found}: it is lost or older than the log, so nobody here \
         knows whether more was signed. If nothing newer than this was ever published, start with --operator-word restored"
    )]
    LastSignedUnknown {
        /// Size of `head`.
        head: u64,
        /// What last-signed says.
        found: String,
    },
    /// A record that was committed but never published breaks a rule.
    #[error("record {index} of {name} is not one that this ledger would have admitted")]
    Record {
        /// The commit object.
        name: String,
        /// Which record.
        index: u64,
        /// Which rule.
        #[source]
        source: RecordFault,
    },
    /// last-signed cannot be used.
    #[error(transparent)]
    LastSigned(#[from] LastSignedError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The right edge of the tree cannot be read.
    #[error("the right edge of the tree of {size} records cannot be rebuilt")]
    Edge {
        /// The size.
        size: u64,
        /// Why.
        #[source]
        source: TileError,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be replaced.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Applying, signing or publishing what was committed failed.
    #[error("what is committed cannot be published: {reason}")]
    Publish {
        /// Why.
        reason: String,
        /// Whether the same may succeed later.
        may_pass: bool,
    },
}

/// A record breaks a rule that admission would have enforced.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// Not a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The link is not the leaf hash of the record before.
    #[error("its link is {found}, the record before has leaf hash {wanted}")]
    Link {
        /// In the entry.
        found: Hash,
        /// Computed.
        wanted: Hash,
    },
    /// Not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A log rule.
    #[error(transparent)]
    Rule(#[from] LogFault),
    /// The key or signature.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl OpenError {
    /// Whether the same may succeed a moment later without anybody doing anything (room on the disk, a store that answers again).
    pub fn may_pass(&self) -> bool {
        match self {
            OpenError::Store(failure) => !matches!(
                failure,
                StoreError::Sync { .. } | StoreError::TooLarge { .. }
            ),
            OpenError::Read(ReadError::Source(_)) => true,
            OpenError::Publish { may_pass, .. } => *may_pass,
            _ => false,
        }
    }
}

/// Writes the first commit of a new log; opening it does the rest.
pub(super) async fn create(
    store: &Store,
    config: &Config,
    clock: &Clock,
    notes: &[Vec<u8>],
) -> Result<(), OpenError> {
    let _lock = lock(store)?;
    if !store.list("commit/").await?.is_empty()
        || store
            .under("log/")
            .read("head", HEAD_BYTES_MAX)
            .await?
            .is_some()
    {
        return Err(OpenError::Exists);
    }
    let name = Commit::name(0);
    let mut plan = Plan::begin(Tip::empty(), clock().wall);
    let mut head = None;
    for (index, note) in (0..).zip(notes) {
        let fault = |source| OpenError::Record {
            name: name.clone(),
            index,
            source,
        };
        let statement = Statement::parse(note).map_err(|source| fault(source.into()))?;
        if let Some(keys) = &plan.tip().keys {
            keys.verify(&statement)
                .map_err(|source| fault(source.into()))?;
        }
        plan.push(
            &statement,
            &Past {
                head,
                ..Past::default()
            },
        )
        .map_err(|source| fault(source.into()))?;
        head = Some(statement.id());
    }
    let (entries, _, _) = plan.finish();
    let growth = Edge::empty().append(&entries);
    let commit = Commit {
        origin: config.origin.clone(),
        old: growth.old,
        new: growth.new,
        previous: Hash::ZERO,
        entries,
    };
    match store.create(&name, commit.encode()).await? {
        Created::Mine => Ok(()),
        Created::Other(_) => Err(OpenError::Exists),
    }
}

/// Opens a log for writing.
pub(super) async fn open(
    store: Store,
    config: Config,
    clock: Clock,
) -> Result<(Shared, State), OpenError> {
    let lock = lock(&store)?;
    let log = store.under("log/");
    let reader = log_reader(&log);
    let index = match &config.index_folder {
        Some(folder) => Index::open(folder)?,
        None => Index::temporary()?,
    };
    let last_signed = LastSigned::open(&config.keys_folder.join("last-signed"), &config.origin)?;
    let found = survey(&store, &log, &config, last_signed.newest()).await?;
    let (keys, state, recent) = load(&store, &log, &reader, &index, &found).await?;
    if let Some(wanted) = config.genesis
        && keys.genesis_id() != wanted
    {
        return Err(OpenError::Genesis {
            found: keys.genesis_id(),
            wanted,
        });
    }

    let stamp = config.keys_folder.join("last-seen");
    let guard = ClockGuard::start(
        clock(),
        state.tip.time,
        Some(&stamp),
        config.operator_word.clock,
    );
    let unpublished = Arc::new(Head {
        tree: Tree::EMPTY,
        note: String::new(),
        time: None,
    });
    let index_size = index.state()?.0.size;
    let shared = Shared {
        clock: ClockSource {
            clock,
            guard: Mutex::new(guard),
            warns_only: true,
        },
        last_signed: Mutex::new(last_signed),
        head: watch::Sender::new(unpublished),
        checkpoint: watch::Sender::new(None),
        keys: RwLock::new(keys),
        recent: Mutex::new(recent),
        in_flight: Mutex::default(),
        kept: RwLock::new(publish::kept(&log).await?),
        index_size: watch::Sender::new(index_size),
        index_damaged: false.into(),
        reopen: tokio::sync::Notify::new(),
        writing: watch::Sender::new(Writing::Yes),
        disk: DiskWatch::default(),
        _lock: lock,
        config,
        store,
        log,
        reader,
        index,
    };
    let shared = Arc::new(shared);
    let mut outcome = finish(&shared, &found, &state).await.map(|()| state);
    let mut tries = 0;
    let state = loop {
        match outcome {
            Ok(state) => break state,
            // Other writers of a shared store may be further on each time one looks: one of the next looks meets a pause.
            Err(failure)
                if shared.store.is_shared() && failure.may_pass() && tries < OPEN_TRIES =>
            {
                tries += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
                outcome = reopen(&shared).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    publish::read_checkpoint(&shared).await?;
    let shared = Arc::into_inner(shared).expect("finish() keeps no clone");
    Ok((shared, state))
}

/// Reads the state again after a lost race, a doubt, or a damaged index.
pub(super) async fn reopen(shared: &Arc<Shared>) -> Result<State, OpenError> {
    if shared.index_damaged.swap(false, Ordering::AcqRel) {
        shared.index.clear()?;
        shared.index_size.send_replace(0);
    }
    let signed = shared
        .last_signed
        .lock()
        .expect("no panic while holding last-signed")
        .newest();
    let found = survey(&shared.store, &shared.log, &shared.config, signed).await?;
    let (keys, state, recent) = load(
        &shared.store,
        &shared.log,
        &shared.reader,
        &shared.index,
        &found,
    )
    .await?;
    shared
        .recent
        .lock()
        .expect("no panic while holding recent")
        .restart(recent);
    finish(shared, &found, &state).await?;
    *shared
        .keys
        .write()
        .expect("no panic while holding the keys") = keys;
    Ok(state)
}

/// Looks at a shared store on which others write, before opening gives up.
const OPEN_TRIES: u32 = 50;
const OPEN_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// A checkpoint with many cosignatures is a few kilobytes.
pub(super) const HEAD_BYTES_MAX: u64 = 64 << 10;

/// The lock is held as long as the file is open; the system lets go of it when the process ends, however it ends.
fn lock(store: &Store) -> Result<Option<File>, OpenError> {
    let Some(folder) = store.path() else {
        return Ok(None);
    };
    let path = folder.join("lock");
    let shown = path.display().to_string();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|source| OpenError::Lock {
        path: shown.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::Locked { path: shown }),
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Lock {
            path: shown,
            source,
        }),
    }
}

/// What lies in the store: published, signed, committed.
struct Found {
    head: Option<Tree>,
    commits: Vec<(String, Commit)>,
    /// SHA-256 of the newest commit object.
    previous: Hash,
}

impl Found {
    fn oldest(&self) -> Tree {
        self.commits[0].1.old
    }

    fn newest(&self) -> Tree {
        self.commits[self.commits.len() - 1].1.new
    }
}

/// Reads commits and head, and refuses whatever could make the key sign a second history.
async fn survey(
    store: &Store,
    log: &Store,
    config: &Config,
    signed: Option<Tree>,
) -> Result<Found, OpenError> {
    // Visible is not durable (F3): a process killed between link and fsync leaves a name that the next power cut takes away again.
    if log.read("head", HEAD_BYTES_MAX).await?.is_some() {
        log.sync("head")?;
    }
    let head = read_checkpoint(log, "head", &config.origin, config.signer.vkey())
        .await?
        .map(|head| head.tree);

    let mut names: Vec<u64> = store
        .list("commit/")
        .await?
        .iter()
        .filter_map(|listed| Commit::parse_name(&listed.name))
        .collect();
    names.sort_unstable();
    if let Some(head) = head.filter(|_| store.is_shared()) {
        // On a shared store commits are kept for days, and what was put is durable: one commit before head is where to begin. In a folder the
        // tiles of every kept commit may be torn, so all of them are gone through.
        let begin = names
            .iter()
            .rposition(|old_size| *old_size < head.size)
            .unwrap_or(0);
        names.drain(..begin);
    }
    let Some(newest) = names.last() else {
        return match (head, signed) {
            (None, None) => Err(OpenError::Absent),
            (None, Some(signed)) => Err(OpenError::RolledBack {
                signed: signed.size,
                found: 0,
            }),
            (Some(_), _) => Err(OpenError::CommitsMissing {
                what: "there is a head, but no commit at all".to_owned(),
            }),
        };
    };
    store.sync(&Commit::name(*newest))?;

    let mut commits: Vec<(String, Commit)> = Vec::new();
    let mut previous = Hash::ZERO;
    for old_size in names {
        let name = Commit::name(old_size);
        let bytes = store
            .read(&name, COMMIT_BYTES_MAX)
            .await?
            .ok_or_else(|| OpenError::CommitsMissing { what: name.clone() })?;
        let commit = Commit::parse(&bytes).map_err(|source| OpenError::CommitForm {
            name: name.clone(),
            source,
        })?;
        let broken = |what: String| OpenError::CommitBroken {
            name: name.clone(),
            what,
        };
        if commit.origin != config.origin || commit.old.size != old_size {
            return Err(broken(format!(
                "it is for {} at size {}",
                commit.origin, commit.old.size
            )));
        }
        if let Some((_, before)) = commits.last() {
            if before.new.size < old_size {
                // A collection that was cut short leaves a gap below head; there is nothing to do there any more.
                if head.is_none_or(|head| head.size < old_size) {
                    return Err(OpenError::CommitsMissing {
                        what: format!("none from {} to {old_size}", before.new.size),
                    });
                }
                commits.clear();
            } else if before.new != commit.old || previous != commit.previous {
                return Err(broken(
                    "it does not follow from the commit before it".to_owned(),
                ));
            }
        }
        previous = Hash::sha256(&bytes);
        commits.push((name, commit));
    }
    let found = Found {
        head,
        commits,
        previous,
    };
    guard_against_forks(&found, signed, config.operator_word.restored)?;
    Ok(found)
}

fn guard_against_forks(
    found: &Found,
    signed: Option<Tree>,
    restored: bool,
) -> Result<(), OpenError> {
    let newest = found.newest();
    if let Some(head) = found.head
        && head.size > newest.size
    {
        return Err(OpenError::RolledBack {
            signed: head.size,
            found: newest.size,
        });
    }
    if let Some(head) = found.head
        && head.size < found.oldest().size
    {
        return Err(OpenError::CommitsMissing {
            what: format!(
                "head is at {}, the oldest commit begins at {}",
                head.size,
                found.oldest().size
            ),
        });
    }
    let Some(signed) = signed else {
        return match found.head {
            Some(head) if !restored => Err(OpenError::LastSignedUnknown {
                head: head.size,
                found: "is empty".to_owned(),
            }),
            _ => Ok(()),
        };
    };
    if signed.size > newest.size {
        return Err(OpenError::RolledBack {
            signed: signed.size,
            found: newest.size,
        });
    }
    let at_size = found
        .commits
        .iter()
        .map(|(_, commit)| commit.new)
        .chain(found.head)
        .find(|tree| tree.size == signed.size);
    match at_size {
        Some(tree) if tree.root_hash == signed.root_hash => {}
        Some(tree) => {
            return Err(OpenError::Forked {
                size: signed.size,
                signed: signed.root_hash,
                found: tree.root_hash,
            });
        }
        None if restored => {}
        None => {
            return Err(OpenError::LastSignedUnknown {
                head: newest.size,
                found: format!("stands at {}", signed.size),
            });
        }
    }
    match found.head {
        Some(head) if signed.size < head.size && !restored => Err(OpenError::LastSignedUnknown {
            head: head.size,
            found: format!("stands at {}", signed.size),
        }),
        _ => Ok(()),
    }
}

/// A published checkpoint of this log, verified; `None` if there is none. A torn one counts as none only where the commits tell more.
pub(super) async fn read_checkpoint(
    log: &Store,
    name: &str,
    origin: &str,
    vkey: &Vkey,
) -> Result<Option<Checked>, OpenError> {
    let Some(bytes) = log.read(name, HEAD_BYTES_MAX).await? else {
        return Ok(None);
    };
    let signed = checkpoint::open(&bytes, origin, &[vkey]).map_err(|source| OpenError::Head {
        name: name.to_owned(),
        origin: origin.to_owned(),
        source,
    })?;
    Ok(Some(Checked {
        tree: signed.tree(),
        note: signed.note().encode(),
    }))
}

/// A checkpoint of ours.
pub(super) struct Checked {
    pub tree: Tree,
    pub note: String,
}

/// Records that the index may be behind at opening before it is caught up first.
const CATCH_UP_FIRST: u64 = 100_000;

/// Builds the writer's state: key state, tip, edge, and what the index does not reflect yet. Judges what was never published.
async fn load(
    store: &Store,
    log: &Store,
    reader: &LogReader,
    index: &Index,
    found: &Found,
) -> Result<(KeyState, State, Recent), OpenError> {
    let _ = (store, log);
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
    };
    for record in key_records.into_iter().filter(|record| *record < base.size) {
        let entry = reader.entry(&base, record).await?;
        walk.take_key_record(record, &entry, "the index")?;
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
            let row = walk.take_published(record, entry, !to_index)?;
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
    Ok((
        keys,
        State {
            tip: walk.tip,
            edge,
            previous: found.previous,
        },
        walk.recent,
    ))
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

async fn fetch_edge(reader: &LogReader, tree: &Tree) -> Result<Vec<(Tile, Bytes)>, OpenError> {
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
}

impl Walk {
    /// A `genesis` or `key` record that the index points to.
    fn take_key_record(&mut self, index: u64, entry: &[u8], name: &str) -> Result<(), OpenError> {
        let statement = statement_of(name, index, entry)?;
        self.change_keys(name, index, &statement)
    }

    /// A record below the oldest kept commit: it was judged when it was published.
    fn take_published(
        &mut self,
        index: u64,
        entry: &[u8],
        remember: bool,
    ) -> Result<Option<Row>, OpenError> {
        if entry.is_empty() {
            return Ok(self.erased_row(index));
        }
        let statement = statement_of("a bundle", index, entry)?;
        self.change_keys("a bundle", index, &statement)?;
        if remember {
            self.recent.add(index, &statement);
        }
        Ok(Some(Row::of(index, &statement)))
    }

    /// What the index keeps of an erased entry comes from the order, which is a later record; it is added when that is read.
    fn erased_row(&self, index: u64) -> Option<Row> {
        tracing::debug!(index, "erased by order, not in the index");
        None
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
            let chain = statement.chain();
            let position = Position {
                index,
                time: header.time,
                time_before: self.tip.time,
            };
            let head = self.recent.head(chain).map_or_else(
                || Ok(queries.chain(chain)?.map(|view| view.head)),
                |head| Ok::<_, IndexError>(Some(head)),
            )?;
            let amends_found = match statement.amends() {
                Some(amends) => {
                    self.recent.is_in_chain(&amends.statement, chain)
                        || in_chain(queries, &amends.statement, chain)?
                }
                None => false,
            };
            if let Some(keys) = &self.keys {
                keys.verify(&statement)
                    .map_err(|source| fault(source.into()))?;
            }
            let past = Past {
                head,
                amends_found,
                erased,
            };
            judge(&statement, &position, self.keys.as_ref(), &past)
                .map_err(|source| fault(source.into()))?;
        }
        self.change_keys(name, index, &statement)?;
        if remember {
            self.recent.add(index, &statement);
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

fn in_chain(queries: &Index, id: &Hash, chain: &Chain) -> Result<bool, IndexError> {
    let Some(index) = queries.statement(id)? else {
        return Ok(false);
    };
    Ok(queries
        .chain(chain)?
        .is_some_and(|view| view.records.binary_search(&index).is_ok()))
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

/// Apply, sign, publish: what a crash may have left undone, by the very functions that do it every day.
async fn finish(shared: &Arc<Shared>, found: &Found, state: &State) -> Result<(), OpenError> {
    let stop = |exit: Exit| match exit {
        Exit::Reopen(reason) => OpenError::Publish {
            reason,
            may_pass: true,
        },
        Exit::Stop(reason) => OpenError::Publish {
            reason,
            may_pass: false,
        },
        Exit::Closed => unreachable!("apply and publish never end for want of posters"),
    };
    let base = found.oldest();
    let keys = state.tip.keys.clone().expect("load() found genesis");
    let erased: BTreeSet<u64> = keys
        .erasures()
        .map(|erasure| erasure.erasure.index)
        .collect();
    let needed = fetch_edge(&shared.reader, &base).await?;
    let mut edge =
        Edge::load_erased(&base, &needed, |_| true).map_err(|source| OpenError::Edge {
            size: base.size,
            source,
        })?;
    for (_, commit) in &found.commits {
        let growth = edge.append(&commit.entries);
        writer::apply(&shared.log, &growth.objects, &erased)
            .await
            .map_err(stop)?;
    }
    let newest = found.newest();
    if shared.store.is_shared() {
        // Another writer may have published more since the survey. Then this one is a reader until it wins a slot, and it will lose the next
        // one, for its state is old, and look again.
        let there = read_checkpoint(
            &shared.log,
            "head",
            &shared.config.origin,
            shared.config.signer.vkey(),
        )
        .await?;
        if let Some(there) = there.filter(|there| there.tree.size > newest.size) {
            shared
                .recent
                .lock()
                .expect("no panic while holding recent")
                .publish(newest.size);
            shared.head.send_replace(Arc::new(Head {
                tree: there.tree,
                note: there.note,
                time: state.tip.time,
            }));
            return Ok(());
        }
    }
    let head = writer::sign_and_publish(shared, newest, state.tip.time)
        .await
        .map_err(stop)?;
    shared
        .recent
        .lock()
        .expect("no panic while holding recent")
        .publish(newest.size);
    shared.head.send_replace(head);
    if !erased.is_empty() {
        super::erase::run(shared, &keys).await;
    }
    Ok(())
}
