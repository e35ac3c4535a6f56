//! Evidence that a witness and this ledger do not agree, kept beside the log key: whoever opens the file later must be able to judge it
//! without us.
//!
//! If the witness shows a checkpoint that our own key has signed, the file is one that `mingzhang monitor --check` verifies (the form is
//! that of `audit/evidence.rs`). Otherwise it holds what we sent and what was said.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::ledger::Head;
use crate::store::LogReader;
use crate::tlog::checkpoint::{self, SignedCheckpoint};
use crate::tlog::merkle::Hash;
use crate::tlog::note::Vkey;

/// Files kept: each is proof enough, and a witness that complains for ever must not fill the disk.
const FILES_MAX: usize = 100;

/// What a witness has, held against our own tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Our key has signed a tree that is not ours: there are two histories.
    Forked { size: u64, file: String },
    /// Our key has signed more records than there are here.
    Restored { size: u64, file: String },
    /// Its checkpoint is one of ours: it is mistaken in refusing.
    Same { size: u64 },
    /// It shows nothing that our key has signed.
    Unproved,
}

/// Judges what the witness shows. `file` is the evidence, if there is any.
pub(super) async fn judge(
    reader: &LogReader,
    head: &Head,
    origin: &str,
    log_vkeys: &[&Vkey],
    shown: Option<&[u8]>,
) -> Finding {
    let Some(theirs) = shown.and_then(|note| checkpoint::open(note, origin, log_vkeys).ok()) else {
        return Finding::Unproved;
    };
    let (tree, note) = (theirs.tree(), note_of(&theirs));
    if tree.size > head.tree.size {
        return Finding::Restored {
            size: tree.size,
            file: encode(&head.note, &note, None),
        };
    }
    let Ok(ours) = reader.tree_at(tree.size, &head.tree).await else {
        return Finding::Unproved;
    };
    if ours == tree {
        return Finding::Same { size: tree.size };
    }
    let proof = reader
        .prove_consistency(tree.size, head.tree.size, &head.tree)
        .await;
    let prefix = match proof {
        Ok(proof) if tree.size < head.tree.size => Some((ours.root_hash, proof)),
        _ => None,
    };
    Finding::Forked {
        size: tree.size,
        file: encode(&note, &head.note, prefix),
    }
}

fn note_of(signed: &SignedCheckpoint) -> String {
    signed.note().encode()
}

/// `mingzhang evidence v1`, the smaller checkpoint first.
fn encode(smaller: &str, larger: &str, prefix: Option<(Hash, Vec<Hash>)>) -> String {
    let mut text = format!(
        "mingzhang evidence v1\n-----BEGIN CHECKPOINT A-----\n{smaller}-----END-----\n-----BEGIN CHECKPOINT B-----\n{larger}-----END-----\n"
    );
    if let Some((root, proof)) = prefix {
        let _ = writeln!(
            text,
            "-----BEGIN WHAT B SAYS OF THE SIZE OF A-----\n{}",
            root.to_base64()
        );
        for hash in proof {
            let _ = writeln!(text, "{}", hash.to_base64());
        }
        let _ = writeln!(text, "-----END-----");
    }
    text
}

/// What was sent and what was said, where nothing is proved.
pub(super) fn dispute(witness: &str, sent: &str, said: &str, shown: Option<&[u8]>) -> String {
    let mut text =
        format!("mingzhang dispute v1\nwitness {witness}\nsaid {said}\n-----SENT-----\n{sent}");
    if let Some(shown) = shown {
        let _ = write!(text, "-----SHOWN-----\n{}", String::from_utf8_lossy(shown));
    }
    text
}

/// Keeps a file in `alarms/` beside the keys; `None` if it is there already or there are enough.
///
/// # Errors
/// The system's.
pub(super) fn keep(keys_folder: &Path, text: &str) -> std::io::Result<Option<PathBuf>> {
    let folder = keys_folder.join("alarms");
    fs::create_dir_all(&folder)?;
    let digest = Hash::sha256(text.as_bytes()).to_string();
    let path = folder.join(format!("witness-{}.txt", &digest[..16]));
    if path.exists() || fs::read_dir(&folder)?.count() >= FILES_MAX {
        return Ok(None);
    }
    let mut file = fs::File::create(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(Some(path))
}
