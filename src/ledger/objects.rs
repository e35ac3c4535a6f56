//! What the ledger's objects are called where more than one file has to know, and the one reader of published checkpoints.

use super::Shared;
use super::open_error::OpenError;
use crate::store::Store;
use crate::tlog::checkpoint;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::Vkey;

/// A checkpoint with many cosignatures is a few kilobytes.
pub(super) const HEAD_BYTES_MAX: u64 = 64 << 10;

/// The name of a kept checkpoint.
pub(super) fn kept_name(size: u64) -> String {
    format!("checkpoints/{size:020}")
}

/// The sizes of the kept checkpoints, ascending.
pub(super) async fn kept(log: &Store) -> Result<Vec<u64>, OpenError> {
    let names = log.list("checkpoints/").await?;
    Ok(names
        .iter()
        .filter_map(|listed| listed.name.strip_prefix("checkpoints/")?.parse().ok())
        .collect())
}

/// Where the openings of a statement are kept.
pub(super) fn openings_name(id: &Hash) -> String {
    format!("openings/{id}")
}

/// A published checkpoint of this log, verified; `None` if there is none. A torn one counts as none only where the commits tell more.
pub(super) async fn read_checkpoint(
    log: &Store,
    name: &str,
    origin: &str,
    vkeys: &[&Vkey],
) -> Result<Option<Checked>, OpenError> {
    let Some(bytes) = log.read(name, HEAD_BYTES_MAX).await? else {
        return Ok(None);
    };
    // `head` is not synced: after a power cut its name may stand there without its bytes. The commits tell more.
    if bytes.iter().all(|byte| *byte == 0) {
        tracing::warn!(name, "torn by a power cut, taken as absent");
        return Ok(None);
    }
    let signed = checkpoint::open(&bytes, origin, vkeys).map_err(|source| OpenError::Head {
        name: name.to_owned(),
        origin: origin.to_owned(),
        source,
    })?;
    Ok(Some(Checked {
        tree: signed.tree(),
        note: signed.note().encode(),
    }))
}

/// The `head` that is published now.
pub(super) async fn read_head(shared: &Shared) -> Result<Option<Checked>, OpenError> {
    let vkeys = shared.config.log_vkeys();
    read_checkpoint(&shared.log, "head", &shared.config.origin, &vkeys).await
}

/// A checkpoint of ours.
pub(super) struct Checked {
    pub tree: Tree,
    pub note: String,
}

pub(in crate::ledger) fn log_reader(log: &crate::store::Store) -> crate::store::LogReader {
    crate::store::LogReader::new(crate::store::Source::Store(log.clone()))
}
