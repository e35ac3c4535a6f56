//! Receipts made by a reader: of a mirror, when the ledger is gone, or anew for one that no witness had cosigned yet.
//!
//! Promises: every hash in such a receipt hangs from the root of the checkpoint that it carries, and [`crate::verify`] judges it like the
//! ledger's own. A refreshed receipt has the entry and the key notes of the old one, byte for byte. Does not verify signatures.

use bytes::Bytes;

use super::follow::{FollowError, Follower};
use crate::receipt::Receipt;
use crate::store::{LogReader, ReadError, Source, SourceError, StoreError};
use crate::tlog::merkle::{self, Hash, ProofError, Tree};
use crate::tlog::note::NOTE_BYTES_MAX;
use crate::tlog::policy::{self, JudgeError, Judged, Policy};
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::record::{RecordError, parse_entry};
use crate::trade::statement::{Statement, StatementError};

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptFailure {
    /// No checkpoint.
    #[error("there is no checkpoint, so nothing is proved there")]
    NoCheckpoint,
    /// The checkpoint is not accepted.
    #[error(transparent)]
    Checkpoint(#[from] JudgeError),
    /// Not that far.
    #[error("there are {size} records, record {index} is not among them")]
    Outside {
        /// What was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// Erased by order.
    #[error("record {index} was erased by order, its words are gone")]
    Erased {
        /// Which one.
        index: u64,
    },
    /// The entry is not that of the log.
    #[error("the entry at index {index} is another one there")]
    OtherEntry {
        /// Which one.
        index: u64,
        /// How the proof fails.
        #[source]
        source: ProofError,
    },
    /// The entry is no record.
    #[error("entry {index} is not a record")]
    Record {
        /// Which one.
        index: u64,
        /// Why not.
        #[source]
        source: RecordError,
    },
    /// The record has no statement.
    #[error("record {index} does not hold a statement")]
    Statement {
        /// Which one.
        index: u64,
        /// Why not.
        #[source]
        source: StatementError,
    },
    /// The signer's key was never admitted.
    #[error("record {index} is signed by a key that the log does not admit")]
    Signer {
        /// Which one.
        index: u64,
        /// Why not.
        #[source]
        source: KeyError,
    },
    /// Keys cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// Tiles cannot be read or do not hang from the root.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The folder cannot be listed.
    #[error(transparent)]
    List(#[from] StoreError),
}

/// The checkpoints of a copy that cover a record, earliest first, each accepted by a policy: the kept ones, where the place can be listed,
/// then `checkpoint`. All are proved from the tiles of the last one.
#[derive(Debug)]
pub struct Covering {
    /// Each with its note, as published.
    pub checkpoints: Vec<(Judged, Bytes)>,
    /// The tree whose tiles are there.
    pub newest: Tree,
}

/// Looks for them.
///
/// # Errors
/// [`ReceiptFailure`].
pub async fn covering(
    source: &Source,
    policies: &[Policy],
    index: u64,
) -> Result<Covering, ReceiptFailure> {
    let note = source.read("checkpoint", NOTE_BYTES_MAX as u64).await?;
    let note = note.ok_or(ReceiptFailure::NoCheckpoint)?;
    let judged = policy::open_by(policies, &note)?;
    let newest = judged.checkpoint.tree();
    if index >= newest.size {
        return Err(ReceiptFailure::Outside {
            index,
            size: newest.size,
        });
    }
    let mut checkpoints = Vec::new();
    if let Source::Store(store) = source {
        for listed in store.list("checkpoints/").await? {
            let size = listed.name.strip_prefix("checkpoints/");
            let size: Option<u64> = size.and_then(|size| size.parse().ok());
            if !size.is_some_and(|size| index < size && size <= newest.size) {
                continue;
            }
            let kept = source.read(&listed.name, NOTE_BYTES_MAX as u64).await?;
            // One that is damaged is passed over: a later one proves the same, only later.
            if let Some(kept) = kept
                && let Ok(judged) = policy::open_by(policies, &kept)
                && judged.checkpoint.tree().size <= newest.size
                && index < judged.checkpoint.tree().size
            {
                checkpoints.push((judged, kept));
            }
        }
    }
    checkpoints.sort_by_key(|(judged, _)| judged.checkpoint.tree().size);
    checkpoints.push((judged, note));
    Ok(Covering {
        checkpoints,
        newest,
    })
}

impl Covering {
    /// The earliest by which the quorum is met; if there is none, the last.
    pub fn best(&self) -> &(Judged, Bytes) {
        let mut all = self.checkpoints.iter();
        let met = all.find(|(judged, _)| judged.checkpoint.quorum().met);
        met.or(self.checkpoints.last())
            .expect("covering() put `checkpoint` last")
    }
}

/// A receipt of a record from a mirror, or from whatever place has the log's files.
///
/// # Errors
/// [`ReceiptFailure`].
pub async fn receipt_of(
    source: &Source,
    policies: &[Policy],
    index: u64,
) -> Result<Receipt, ReceiptFailure> {
    let covering = covering(source, policies, index).await?;
    let (judged, note) = covering.best();
    let reader = LogReader::new(source.clone());
    let entry = reader.entry(&covering.newest, index).await?;
    if entry.is_empty() {
        return Err(ReceiptFailure::Erased { index });
    }
    let mut follower = Follower::new(policies[judged.policy].genesis());
    follower
        .advance(&reader, &covering.newest, index + 1, |_| ())
        .await?;
    let keys = follower
        .keys()
        .expect("the record itself was gone past, so that there is a genesis");
    let evidence = evidence_of(keys, index, &entry)?;
    let proof = prove(&reader, &covering.newest, judged, index).await?;
    Ok(Receipt {
        index,
        proof,
        checkpoint: String::from_utf8_lossy(note).into_owned(),
        entry,
        evidence,
    })
}

/// The notes from which the signer's key of an entry follows.
///
/// # Errors
/// [`ReceiptFailure::Record`], [`ReceiptFailure::Statement`], [`ReceiptFailure::Signer`].
pub fn evidence_of(
    keys: &KeyState,
    index: u64,
    entry: &[u8],
) -> Result<Vec<Bytes>, ReceiptFailure> {
    let (_, note) =
        parse_entry(entry).map_err(|source| ReceiptFailure::Record { index, source })?;
    let statement =
        Statement::parse(note).map_err(|source| ReceiptFailure::Statement { index, source })?;
    let notes = keys
        .evidence(&statement)
        .map_err(|source| ReceiptFailure::Signer { index, source })?;
    Ok(notes.into_iter().cloned().collect())
}

/// The same receipt under another checkpoint of the same log.
///
/// # Errors
/// [`ReceiptFailure`].
pub async fn renew(
    receipt: &Receipt,
    source: &Source,
    newest: &Tree,
    judged: &Judged,
    note: &[u8],
) -> Result<Receipt, ReceiptFailure> {
    let reader = LogReader::new(source.clone());
    let proof = prove(&reader, newest, judged, receipt.index).await?;
    // The entry is the one that the holder has, and must be in the other tree at the same place.
    let leaf_hash = merkle::leaf_hash(&receipt.entry);
    let tree = judged.checkpoint.tree();
    merkle::check_inclusion(&leaf_hash, receipt.index, &tree, &proof).map_err(|source| {
        ReceiptFailure::OtherEntry {
            index: receipt.index,
            source,
        }
    })?;
    Ok(Receipt {
        proof,
        checkpoint: String::from_utf8_lossy(note).into_owned(),
        ..receipt.clone()
    })
}

/// The inclusion proof under a checkpoint, from the tiles of the newest tree.
async fn prove(
    reader: &LogReader,
    newest: &Tree,
    judged: &Judged,
    index: u64,
) -> Result<Vec<Hash>, ReceiptFailure> {
    let size = judged.checkpoint.tree().size;
    Ok(reader.prove_inclusion_at(newest, index, size).await?)
}
