//! Erasing an entry by order: the lawful last resort (a citizen's name in a title, a court's order).
//!
//! The entry is served with length 0 from then on; its leaf hash stays in the tile and in the next link, so every proof still holds. What is
//! erased follows from the log alone (`erase_entry` in a `key` statement); this file makes the stored bundles agree with it.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::Shared;
use super::objects::openings_name;
use super::plan::Standing;
use crate::store::{LogReader, OBJECT_BYTES_MAX, ReadError};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::tile::{self, Tile};
use crate::trade::keys::KeyState;
use crate::trade::record::parse_entry;
use crate::trade::statement::Statement;

/// The bytes of a tile as they are to be stored: a bundle without the erased entries, anything else as it is.
pub(super) fn without(tile: &Tile, bytes: &[u8], erased: &BTreeSet<u64>) -> Bytes {
    let Tile::Entries {
        index: number,
        width,
    } = *tile
    else {
        return Bytes::copy_from_slice(bytes);
    };
    let first = number * 256;
    if erased
        .range(first..first + u64::from(width))
        .next()
        .is_none()
    {
        return Bytes::copy_from_slice(bytes);
    }
    let entries = tile::parse_bundle(bytes, width).expect("a bundle that Edge or a reader made");
    let kept: Vec<&[u8]> = (first..)
        .zip(entries)
        .map(|(index, entry)| {
            if erased.contains(&index) {
                &[][..]
            } else {
                entry
            }
        })
        .collect();
    Bytes::from(tile::encode_bundle(&kept))
}

/// Rewrites every stored bundle, full or partial, that still shows an erased entry. A failure is told and tried again at the next opening.
pub(super) async fn run(shared: &Shared, keys: &KeyState) {
    let erased: BTreeSet<u64> = keys
        .erasures()
        .map(|erasure| erasure.erasure.index)
        .collect();
    let mut numbers: Vec<u64> = erased.iter().map(|index| index / 256).collect();
    numbers.dedup();
    for number in numbers {
        if let Err(failure) = rewrite(shared, number, &erased).await {
            tracing::error!(
                number,
                failure,
                "an erased entry still stands in a bundle; it is removed when the ledger is opened again"
            );
        }
    }
    // What was committed in the erased statements opens nothing any more, and must not stay behind.
    for erasure in keys.erasures() {
        let id = erasure.erasure.statement;
        let _lock = shared.lock_openings(&id).await;
        if let Err(failure) = shared.store.delete(&openings_name(&id)).await {
            tracing::error!(
                failure = crate::chain_of(&failure),
                "openings of an erased entry still lie in the store; they are not shown, and are destroyed when the ledger is opened again"
            );
        }
    }
}

async fn rewrite(shared: &Shared, number: u64, erased: &BTreeSet<u64>) -> Result<(), String> {
    for width in (1..=256u16).rev() {
        let tile = Tile::Entries {
            index: number,
            width,
        };
        let name = tile.path();
        let Some(bytes) = shared
            .log
            .read(&name, OBJECT_BYTES_MAX)
            .await
            .map_err(|failure| crate::chain_of(&failure))?
        else {
            continue;
        };
        let wanted = match tile::parse_bundle(&bytes, width) {
            Ok(_) => without(&tile, &bytes, erased),
            Err(damage) => return Err(format!("{name}: {damage}")),
        };
        if wanted != bytes {
            shared
                .log
                .put(&name, wanted)
                .await
                .map_err(|failure| crate::chain_of(&failure))?;
        }
    }
    Ok(())
}

/// What stands at `index` of `tree`.
pub(super) async fn standing_at(
    reader: &LogReader,
    tree: &Tree,
    index: u64,
) -> Result<Standing, ReadError> {
    if index >= tree.size {
        return Ok(Standing {
            leaf_hash: Hash::ZERO,
            statement: None,
        });
    }
    let (leaf_hash, _) = reader.prove_inclusion(tree, index).await?;
    let entry = reader.entry(tree, index).await?;
    let statement = parse_entry(&entry)
        .ok()
        .and_then(|(_, note)| Statement::parse(note).ok());
    Ok(Standing {
        leaf_hash,
        statement,
    })
}
