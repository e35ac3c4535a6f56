//! A copy of a ledger's folder: which files are in it, the list of their digests, and whether both hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::out::{Exit, Failure};
use super::replay;
use crate::audit::Target;
use crate::lang::Said;
use crate::said;
use crate::tlog::policy::Policy;

/// The list of files, as `sha256sum` writes and checks it.
pub(super) const SUMS: &str = "SHA256SUMS";

/// The list, at most: some millions of files.
pub(super) const SUMS_BYTES_MAX: u64 = 1 << 30;

pub(super) const HEAD: &str = "log/head";

pub(super) const COMMIT: &str = "commit";

/// In this order: what was signed, then the batches that go beyond it, then the tiles under both. (All that `head` implies is there before
/// `head` is.)
pub(super) const PARTS: [&str; 8] = [
    "policy",
    "log/checkpoints",
    "log/checkpoint",
    HEAD,
    COMMIT,
    "log/tile",
    "openings",
    "documents",
];

/// The regular files at and under `name`, which need not be there.
pub(super) fn list(data: &Path, name: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    let path = data.join(name);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if metadata.is_file() {
        names.push(name.to_owned());
        return Ok(());
    }
    if !metadata.is_dir() {
        return Ok(()); // Nothing of ours is a link.
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.file_name();
        match entry.to_str() {
            // What the store is writing has `#` in its name until it is whole.
            Some(entry) if !entry.contains('#') => {
                list(data, &format!("{name}/{entry}"), names)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Copies a file durably; its digest.
pub(super) fn copy_file(from: &Path, to: &Path, name: &str) -> std::io::Result<String> {
    let bytes = fs::read(from.join(name))?;
    write_file(to, name, &bytes)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

/// Writes a file durably.
pub(super) fn write_file(to: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let path = to.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::File::create(&path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

/// Holds every file against the list.
pub(super) fn check_sums(from: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let bytes = super::read_file(&from.join(SUMS), SUMS_BYTES_MAX)?;
    let wrong = |code, said: Said| Failure::new(Exit::Failed, code, said);
    let mut files = BTreeMap::new();
    for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        let known = line.split_once("  ").filter(|(digest, name)| {
            digest.len() == 64
                && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
                && PARTS.iter().any(|part| {
                    name.strip_prefix(part)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
        });
        let Some((digest, name)) = known else {
            let number = at + 1;
            return Err(wrong(
                "sums",
                said!(
                    "{SUMS} 第 {number} 行不是备份中的文件",
                    "line {number} of {SUMS} names no file that a backup has"
                ),
            ));
        };
        files.insert(name.to_owned(), digest.to_owned());
    }
    for (name, wanted) in &files {
        match fs::read(from.join(name)).map(|bytes| hex::encode(Sha256::digest(bytes))) {
            Ok(found) if found == *wanted => {}
            Ok(found) => {
                return Err(wrong(
                    "file-changed",
                    said!(
                        "备份中的 {name} 被改过：摘要为 {found}，应为 {wanted}",
                        "{name} in the backup was changed: its digest is {found}, wanted {wanted}"
                    ),
                ));
            }
            Err(error) => {
                return Err(wrong(
                    "file-missing",
                    said!("备份中缺少 {name}", "{name} is missing in the backup").because(&error),
                ));
            }
        }
    }
    let mut there = Vec::new();
    for part in PARTS {
        list(from, part, &mut there).map_err(|error| copy_failed(from, &error))?;
    }
    match there.iter().find(|name| !files.contains_key(*name)) {
        Some(name) => Err(wrong(
            "file-added",
            said!(
                "备份中多出 {name}，{SUMS} 里没有它",
                "{name} was added to the backup, {SUMS} does not have it"
            ),
        )),
        None => {
            // A document is named by its digest, so that it can be checked without the list too.
            let documents = files.iter().filter_map(|(name, digest)| {
                let file = name.strip_prefix("documents/")?.rsplit('/').next()?;
                (file.len() == 64 && file != digest).then_some(name)
            });
            match documents.into_iter().next() {
                Some(name) => Err(wrong(
                    "document",
                    said!("{name} 与其摘要不符", "{name} is not what its name says"),
                )),
                None => Ok(files),
            }
        }
    }
}

/// The whole log replayed: how many records, or the first fault.
pub(super) fn audit(folder: &Path, policies: &[Policy]) -> Result<u64, Failure> {
    let target = Target::folder(folder).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("其中没有账本", "there is no ledger in it").because(&cause),
        )
    })?;
    replay::audit_of(&target, policies)
}

pub(super) fn copy_failed(folder: &Path, error: &std::io::Error) -> Failure {
    let shown = folder.display();
    Failure::temporary(
        "copy",
        said!(
            "复制到 {shown} 没有完成",
            "the copy in {shown} is not complete"
        )
        .because(error),
    )
}
