//! Copies a log, verified: what lies in the copy hangs from a signed root, whatever the server sent.
//!
//! The copy is the content of `log/`: `checkpoint`, every tile and bundle that it implies, and `checkpoints/<size>` for each checkpoint that
//! was copied. (The kept checkpoints of the ledger itself cannot be listed over HTTP and are not copied; nor are openings or documents.
//! Where `head` meets the policy by itself and is newer, it is the `checkpoint` of the copy.)
//!
//! Promises: an object is authenticated before it is stored, and `checkpoint` is written last, so that a copy that breaks off is never a wrong
//! one, and the next run clears away what it left; what is there already is checked and not fetched again; a log that does not extend the copy is refused and leaves it as it was. Entries
//! erased by order are erased from the copy too, if the order is signed as the pinned genesis demands.
//!
//! Does not replay: [`audit`](super::audit()) does that, on the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Progress;
use super::fetch::{CHUNK_BUNDLES, WIDTH};
use super::follow::{FollowError, Follower, keys_statement};
use super::report::NO_POLICY;
use super::views;
use crate::store::{LogReader, ReadError, Source, SourceError, Store, StoreError};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{NOTE_BYTES_MAX, Note};
use crate::tlog::policy::Policy;
use crate::tlog::tile::{self, Tile, TileError, TileSet};
use crate::trade::keys::KeyState;
use crate::trade::statement::{Body, Change};

/// Objects fetched at one time.
const FETCHES: usize = 8;
/// Lies in the folder while it is written, with the size that is aimed at. Readers pass it over.
const MARK: &str = "mirroring";
const MARK_BYTES_MAX: u64 = 64;

/// What a run of mirroring did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Mirrored {
    /// Records that the copy holds now.
    pub records: u64,
    /// Records that it held before.
    pub records_before: u64,
    /// Objects that were fetched and stored.
    pub stored: u64,
    /// Objects that were there already, and right.
    pub kept: u64,
    /// Entries that were erased from the copy by order.
    pub erased: u64,
    /// Kept checkpoints of the copy that were damaged and are whole again.
    pub repaired: Vec<String>,
    /// Kept checkpoints of the copy that were empty and that the server has not: removed.
    pub removed: Vec<String>,
    /// Kept checkpoints of the copy that are damaged still. What is not empty is never removed: it may be evidence.
    pub damaged: Vec<String>,
    /// Whether a policy accepts the signature of the checkpoint. Without a policy the copy holds together, and that is all.
    pub signed: bool,
    /// Whether the policy's quorum is met.
    pub witnessed: bool,
}

/// Why a log was not copied, or not to its end: what was stored is right, and the next run goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The server has no `checkpoint`.
    #[error("there is no checkpoint at {from}: this is no log, or it has no record yet")]
    NoCheckpoint {
        /// Where.
        from: String,
    },
    /// The checkpoint is not one that a policy accepts.
    #[error("the checkpoint is not one to follow: {why}")]
    Checkpoint {
        /// What is wrong with it.
        why: String,
    },
    /// No policy given is for this log: nothing speaks against it.
    #[error("{why}")]
    NoPolicy {
        /// Which log it is, and which policies were given.
        why: String,
    },
    /// The copy in the folder is of another log.
    #[error(
        "the folder holds a copy of {found:?}, the server has {wanted:?}: choose another folder"
    )]
    OtherLog {
        /// Origin of the copy.
        found: String,
        /// Origin at the server.
        wanted: String,
    },
    /// The server's log is not an extension of the copy: one of them is not the log that was signed. Both checkpoints are evidence.
    #[error(
        "the log at the server contradicts the copy: the first {size} records have root hash {found}, in the copy {wanted}. \
         Keep the copy and both checkpoints"
    )]
    Contradiction {
        /// Size of the copy, or of the smaller.
        size: u64,
        /// At the server.
        found: Hash,
        /// In the copy.
        wanted: Hash,
        /// The checkpoint of the server, whole.
        note: String,
        /// The checkpoint of the copy, whole.
        copy: String,
    },
    /// The server shows less than the copy has.
    #[error(
        "the server has {found} records, the copy {wanted}: it shows an older log, or records were taken back"
    )]
    Behind {
        /// At the server.
        found: u64,
        /// In the copy.
        wanted: u64,
    },
    /// The copy has no checkpoint that can be read.
    #[error(
        "the checkpoint of the copy in the folder is damaged; audit the copy, or begin anew in an empty folder"
    )]
    Copy,
    /// An object of the server cannot be read, or does not hang from the signed root.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An object of the server is not the signed one.
    #[error("an object is not what the signed root stands for")]
    Tile(#[from] TileError),
    /// No answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The folder cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be made.
    #[error("cannot make the folder {folder}")]
    Folder {
        /// As given.
        folder: String,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// An order to erase stands in the log, and the keys that signed it do not follow from the pinned genesis.
    #[error(
        "the log orders entries to be erased, and the keys that may order it cannot be followed"
    )]
    Keys(#[from] FollowError),
}

/// Copies the log at `from` into `folder`, which is made if it is not there. With no policy the copy is checked to hold together, and nothing
/// is said of who signed it; orders to erase are then left to the server, and not followed in what is there already.
///
/// # Errors
/// [`MirrorError`].
pub async fn mirror(
    from: &Source,
    folder: &Path,
    policies: &[Policy],
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Mirrored, MirrorError> {
    // 1. What the server says, and what is there.
    let served = served(from, policies).await?;
    let failed = |source| MirrorError::Folder {
        folder: folder.display().to_string(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let store = Store::folder(folder)?;
    let copy = copied(&store).await?;
    let reader = LogReader::new(from.clone());
    if let Some(copy) = &copy {
        extends(&reader, &served, copy).await?;
    }

    // 2. Every object, authenticated, chunk by chunk. A run that breaks off leaves a mark, so that the next one looks for what it left.
    let interrupted = store.read(MARK, MARK_BYTES_MAX).await?.is_some();
    let grows = copy.as_ref().map(|copy| copy.tree) != Some(served.tree);
    if grows {
        let mark = format!("{}\n", served.tree.size);
        store.put(MARK, Bytes::from(mark)).await?;
    }
    let mut run = Run {
        from: reader,
        copy: LogReader::new(Source::Store(store.clone())),
        store,
        tree: served.tree,
        upper: BTreeMap::new(),
        outcome: Mirrored {
            records: served.tree.size,
            records_before: copy.as_ref().map_or(0, |copy| copy.tree.size),
            stored: 0,
            kept: 0,
            erased: 0,
            repaired: Vec::new(),
            removed: Vec::new(),
            damaged: Vec::new(),
            signed: served.signed,
            witnessed: served.witnessed,
        },
        orders: false,
    };
    for number in 0..served.tree.size.div_ceil(CHUNK_BUNDLES * WIDTH) {
        run.chunk(number).await?;
        let records = ((number + 1) * CHUNK_BUNDLES * WIDTH).min(served.tree.size);
        progress(Progress {
            records,
            of: served.tree.size,
            faults: 0,
        });
    }

    // 3. What is erased by order is erased here too.
    if let Some(genesis) = served.genesis.filter(|_| run.orders) {
        run.follow_orders(&genesis).await?;
    }

    // 4. The checkpoint last: from here on the copy is that of the new tree.
    let note = Bytes::from(served.note);
    run.store.put("checkpoint", note.clone()).await?;
    if served.tree.size > 0 {
        let kept = format!("checkpoints/{:020}", served.tree.size);
        run.store.create(&kept, note).await?;
    }
    run.repair_kept(&served.origin, policies).await?;
    if interrupted {
        run.clear_leftovers().await?;
    } else {
        run.clear_partials(copy.map_or(0, |copy| copy.tree.size))
            .await?;
    }
    if grows || interrupted {
        run.store.delete(MARK).await?;
    }
    Ok(run.outcome)
}

struct Served {
    tree: Tree,
    origin: String,
    note: String,
    genesis: Option<Hash>,
    signed: bool,
    witnessed: bool,
}

async fn served(from: &Source, policies: &[Policy]) -> Result<Served, MirrorError> {
    let shown = match from {
        Source::Http(http) => http.base().to_owned(),
        Source::Store(_) => "the folder".to_owned(),
    };
    let Some(note) = from.read("checkpoint", NOTE_BYTES_MAX as u64).await? else {
        return Err(MirrorError::NoCheckpoint { from: shown });
    };
    let refused = |why: String| MirrorError::Checkpoint { why };
    if policies.is_empty() {
        let note = Note::parse(&note).map_err(|error| refused(error.to_string()))?;
        let Checkpoint { origin, tree, .. } =
            Checkpoint::parse(&note.text).map_err(|error| refused(error.to_string()))?;
        return Ok(Served {
            tree,
            origin,
            note: note.encode(),
            genesis: None,
            signed: false,
            witnessed: false,
        });
    }
    let (mut at, mut verified) =
        views::judge(&note, policies).map_err(|(code, said)| match code {
            NO_POLICY => MirrorError::NoPolicy { why: said.en },
            _ => refused(said.en),
        })?;
    // `checkpoint` follows `head` after a moment. Where nobody else's word is needed `head` meets the policy too, and is what is copied, so
    // that a mirror has everything that was acknowledged; if the two contradict each other, `checkpoint` is what is held against the copy.
    if let Some(head) = from.read("head", NOTE_BYTES_MAX as u64).await?
        && let Ok((by, newer)) = views::judge(&head, policies)
        && newer.quorum().met
        && newer.tree().size > verified.tree().size
    {
        let (before, after) = (verified.tree(), newer.tree());
        let there = LogReader::new(from.clone())
            .tree_at(before.size, &after)
            .await?;
        if there == before {
            (at, verified) = (by, newer);
        }
    }
    Ok(Served {
        tree: verified.tree(),
        origin: verified.checkpoint().origin.clone(),
        note: verified.note().encode(),
        genesis: policies[at].genesis(),
        signed: true,
        witnessed: verified.quorum().met,
    })
}

struct Copied {
    tree: Tree,
    origin: String,
    note: String,
}

/// The checkpoint of the copy, which an earlier run verified. One that a power cut has left empty says nothing: the newest kept one that is
/// whole stands for it, so that a copy is still held against the server.
async fn copied(store: &Store) -> Result<Option<Copied>, MirrorError> {
    let Some(bytes) = store.read("checkpoint", NOTE_BYTES_MAX as u64).await? else {
        return Ok(None);
    };
    if !bytes.is_empty() {
        return read_note(&bytes).map(Some).ok_or(MirrorError::Copy);
    }
    for listed in store.list("checkpoints/").await?.iter().rev() {
        let kept = store.read(&listed.name, NOTE_BYTES_MAX as u64).await?;
        if let Some(kept) = kept.as_deref().and_then(read_note) {
            return Ok(Some(kept));
        }
    }
    match store.list("tile/").await?.is_empty() {
        true => Ok(None),
        false => Err(MirrorError::Copy),
    }
}

fn read_note(bytes: &[u8]) -> Option<Copied> {
    let note = Note::parse(bytes).ok()?;
    let Checkpoint { origin, tree, .. } = Checkpoint::parse(&note.text).ok()?;
    let note = note.encode();
    Some(Copied { tree, origin, note })
}

/// The served log must be the copy and more.
async fn extends(reader: &LogReader, served: &Served, copy: &Copied) -> Result<(), MirrorError> {
    if copy.origin != served.origin {
        return Err(MirrorError::OtherLog {
            found: copy.origin.clone(),
            wanted: served.origin.clone(),
        });
    }
    if served.tree.size < copy.tree.size {
        return Err(MirrorError::Behind {
            found: served.tree.size,
            wanted: copy.tree.size,
        });
    }
    let before = reader.tree_at(copy.tree.size, &served.tree).await?;
    if before.root_hash != copy.tree.root_hash {
        return Err(MirrorError::Contradiction {
            size: copy.tree.size,
            found: before.root_hash,
            wanted: copy.tree.root_hash,
            note: served.note.clone(),
            copy: copy.note.clone(),
        });
    }
    Ok(())
}

struct Run {
    from: LogReader,
    copy: LogReader,
    store: Store,
    tree: Tree,
    /// Upper tiles of the chunk before, which the next one mostly needs again.
    upper: BTreeMap<Tile, Bytes>,
    outcome: Mirrored,
    /// An order to erase was seen.
    orders: bool,
}

impl Run {
    /// Fetches, authenticates and stores the bundles of a chunk with every tile above them.
    async fn chunk(&mut self, number: u64) -> Result<(), MirrorError> {
        let size = self.tree.size;
        let first = number * CHUNK_BUNDLES;
        let numbers = first..(first + CHUNK_BUNDLES).min(size.div_ceil(WIDTH));
        let ranges: Vec<_> = numbers
            .clone()
            .map(|bundle| bundle * WIDTH..bundle * WIDTH + 1)
            .collect();
        let plan = TileSet::plan(size, &ranges);

        // What the copy has is taken if it is right; if not, all of the chunk is fetched.
        let mut found = self.local(&plan).await;
        let here =
            found.len() == plan.len() && TileSet::authenticate(&self.tree, pairs(&found)).is_ok();
        if !here {
            found = self.fetch(&plan).await?;
        }
        let tiles = TileSet::authenticate(&self.tree, pairs(&found))?;

        let mut names = Vec::new();
        for bundle in numbers {
            let tile = Tile::entries(bundle, size).expect("the chunk is within the tree");
            let local = self
                .copy
                .tile_bytes(&self.tree, tile)
                .await
                .ok()
                .filter(|(name, bytes)| *name == tile.path() && checks(&tiles, bundle, bytes));
            let bytes = match local {
                Some((_, bytes)) => {
                    self.outcome.kept += 1;
                    bytes
                }
                None => {
                    let (_, bytes) = self.from.tile_bytes(&self.tree, tile).await?;
                    tiles.check_bundle_erased(bundle, &bytes, |_| true)?;
                    self.put(tile, bytes.clone(), &mut names).await?;
                    bytes
                }
            };
            self.orders = self.orders || has_order(&bytes, tile);
        }
        for (tile, bytes) in &found {
            if self.upper.get(tile) == Some(bytes) {
                continue; // Stored with the chunk before.
            }
            match self.store.read(&tile.path(), tile.bytes_max() as u64).await {
                Ok(Some(there)) if there == *bytes => self.outcome.kept += 1,
                // Absent, damaged, or too large: it is replaced.
                Ok(_) | Err(StoreError::TooLarge { .. }) => {
                    self.put(*tile, bytes.clone(), &mut names).await?
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        self.store.sync_all(&names)?;
        self.upper = found
            .into_iter()
            .filter(|(tile, _)| matches!(tile, Tile::Hashes { level: 1.., .. }))
            .collect();
        Ok(())
    }

    async fn put(
        &mut self,
        tile: Tile,
        bytes: Bytes,
        names: &mut Vec<String>,
    ) -> Result<(), MirrorError> {
        self.store.put_lazily(&tile.path(), bytes).await?;
        names.push(tile.path());
        self.outcome.stored += 1;
        Ok(())
    }

    /// What the copy has of a plan.
    async fn local(&self, plan: &[Tile]) -> Vec<(Tile, Bytes)> {
        let mut found = Vec::new();
        for tile in plan {
            match self.store.read(&tile.path(), tile.bytes_max() as u64).await {
                Ok(Some(bytes)) => found.push((*tile, bytes)),
                // Fetched instead, and then compared.
                Ok(None) | Err(_) => break,
            }
        }
        found
    }

    async fn fetch(&self, plan: &[Tile]) -> Result<Vec<(Tile, Bytes)>, MirrorError> {
        let one = |tile: Tile| async move {
            if let Some(bytes) = self.upper.get(&tile) {
                return Ok((tile, bytes.clone()));
            }
            let (_, bytes) = self.from.tile_bytes(&self.tree, tile).await?;
            Ok::<_, MirrorError>((tile, bytes))
        };
        stream::iter(plan.to_vec())
            .map(one)
            .buffered(FETCHES)
            .try_collect()
            .await
    }

    /// Replays the `genesis` and `key` records of the copy, and erases what counted orders name.
    async fn follow_orders(&mut self, genesis: &Hash) -> Result<(), MirrorError> {
        let mut follower = Follower::new(Some(*genesis));
        follower
            .advance(&self.copy, &self.tree, self.tree.size, |_| ())
            .await?;
        let keys = follower.keys();
        let erased: BTreeSet<u64> = keys
            .into_iter()
            .flat_map(KeyState::erasures)
            .map(|erased| erased.erasure.index)
            .collect();
        for number in erased
            .iter()
            .map(|index| index / WIDTH)
            .collect::<BTreeSet<u64>>()
        {
            let tile =
                Tile::entries(number, self.tree.size).expect("an order names an earlier record");
            let mut entries = self.copy.bundle(&self.tree, number).await?;
            let mut changed = false;
            for (index, entry) in (number * WIDTH..).zip(&mut entries) {
                if erased.contains(&index) && !entry.is_empty() {
                    *entry = Bytes::new();
                    changed = true;
                    self.outcome.erased += 1;
                }
            }
            if changed {
                self.store
                    .put(&tile.path(), Bytes::from(tile::encode_bundle(&entries)))
                    .await?;
            }
        }
        Ok(())
    }

    /// Kept checkpoints that are no checkpoints any more (a power cut leaves empty files) are fetched again, and believed only if they are of
    /// this tree. One that can be read is not touched, whatever it says: it may be evidence, and audit judges it.
    async fn repair_kept(&mut self, origin: &str, policies: &[Policy]) -> Result<(), MirrorError> {
        for listed in self.store.list("checkpoints/").await? {
            let name = listed.name;
            let bytes = self.store.read(&name, NOTE_BYTES_MAX as u64).await;
            let is_empty = matches!(&bytes, Ok(Some(bytes)) if bytes.is_empty());
            let is_whole = matches!(&bytes, Ok(Some(bytes)) if read_note(bytes).is_some());
            let size = name.strip_prefix("checkpoints/").unwrap_or_default();
            let Some(size) = size.parse().ok().filter(|_| !is_whole && size.len() == 20) else {
                continue;
            };
            // A server that has it not, or does not answer for it, does not end the run: everything else is there.
            let found = self.from.source().read(&name, NOTE_BYTES_MAX as u64).await;
            let found = found.ok().flatten();
            let note = match found {
                Some(note) if self.is_kept(&note, size, origin, policies).await => Some(note),
                _ => None,
            };
            match note {
                Some(note) => {
                    self.store.put(&name, note).await?;
                    self.outcome.repaired.push(name);
                }
                None if is_empty => {
                    self.store.delete(&name).await?;
                    self.outcome.removed.push(name);
                }
                None => self.outcome.damaged.push(name),
            }
        }
        Ok(())
    }

    /// Whether a note is a checkpoint of this log at this size, by the policies if there are any.
    async fn is_kept(&self, note: &[u8], size: u64, origin: &str, policies: &[Policy]) -> bool {
        let Some(kept) = read_note(note) else {
            return false;
        };
        let is_signed = policies.is_empty() || views::judge(note, policies).is_ok();
        is_signed
            && kept.origin == origin
            && kept.tree.size == size
            && (1..=self.tree.size).contains(&size)
            && matches!(self.copy.tree_at(size, &self.tree).await, Ok(tree) if tree == kept.tree)
    }

    /// Whatever the checkpoint does not imply: partial tiles of trees that runs which broke off were on the way to.
    async fn clear_leftovers(&self) -> Result<(), MirrorError> {
        for listed in self.store.list("tile/").await? {
            let Ok(tile) = Tile::parse_path(&listed.name) else {
                continue;
            };
            let implied = match tile {
                Tile::Hashes { level, index, .. } => Tile::hashes(level, index, self.tree.size),
                Tile::Entries { index, .. } => Tile::entries(index, self.tree.size),
            };
            if implied != Some(tile) {
                self.store.delete(&listed.name).await?;
            }
        }
        if let Some(folder) = self.store.path() {
            // What cannot be removed does no harm: no reader looks at such names.
            let _ = clear_torn(&folder);
        }
        Ok(())
    }

    /// Partial tiles that only the tree before had are of no more use, and might show what was erased since.
    async fn clear_partials(&self, size_before: u64) -> Result<(), MirrorError> {
        if size_before == self.tree.size {
            return Ok(());
        }
        for tile in tile::Edge::needed(size_before) {
            let now = match tile {
                Tile::Hashes { level, index, .. } => Tile::hashes(level, index, self.tree.size),
                Tile::Entries { index, .. } => Tile::entries(index, self.tree.size),
            };
            if now != Some(tile) {
                self.store.delete(&tile.path()).await?;
            }
        }
        Ok(())
    }
}

/// Removes files that a kill left half written: the store writes `<name>#<number>` and renames it when it is whole.
fn clear_torn(folder: &Path) -> std::io::Result<()> {
    for found in std::fs::read_dir(folder)? {
        let found = found?;
        if found.file_type()?.is_dir() {
            clear_torn(&found.path())?;
            continue;
        }
        let name = found.file_name();
        let number = name.to_str().and_then(|name| name.rsplit_once('#'));
        if number.is_some_and(|(_, digits)| digits.bytes().all(|b| b.is_ascii_digit())) {
            std::fs::remove_file(found.path())?;
        }
    }
    Ok(())
}

fn pairs(found: &[(Tile, Bytes)]) -> Vec<(Tile, &Bytes)> {
    found.iter().map(|(tile, bytes)| (*tile, bytes)).collect()
}

fn checks(tiles: &TileSet, number: u64, bytes: &[u8]) -> bool {
    tiles.check_bundle_erased(number, bytes, |_| true).is_ok()
}

/// Whether a `key` statement in the bundle orders an entry to be erased.
fn has_order(bundle: &Bytes, tile: Tile) -> bool {
    let entries = tile::parse_bundle(bundle, tile.width()).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| keys_statement(entry))
        .any(|statement| match statement.body() {
            Body::Key(changes) => changes
                .iter()
                .any(|change| matches!(change, Change::EraseEntry(_))),
            _ => false,
        })
}
