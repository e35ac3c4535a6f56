//! `backup`: a copy of a ledger's folder that is checked before it is kept.
//!
//! Promises: a backup is taken while the ledger serves, and audits clean, or it is not kept; each file stands in `SHA256SUMS` with its
//! digest, as `sha256sum -c` reads it. Does not copy keys or last-signed, which live and die with the key and not with the data; nor the
//! index, which is rebuilt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest, Sha256};

use super::copied::{COMMIT, HEAD, PARTS, SUMS, audit, copy_failed, copy_file, list, write_file};
use super::init::Folder;
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::said;
use crate::store::commit::Commit;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::note;

/// A running ledger may put a file away while it is copied; then the copy begins anew.
const TRIES: u32 = 3;
/// Head and batches are small, and are read anew until both are of one moment.
const MOMENTS: u32 = 100;

/// What `backup` is told.
#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// The folder of the ledger, served or not / 数据目录
    #[arg(long)]
    data: PathBuf,
    /// A folder that is not there yet / 备份目录
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

pub(super) fn backup(console: &Console, arguments: &BackupArguments) -> Result<Answer, Failure> {
    let folder = Folder::new(&arguments.data, None);
    let policy = folder.read_policy()?;
    must_be_new(&arguments.to)?;
    let begun = beside(&arguments.to);
    let mut tries = 0;
    let (files, records) = loop {
        tries += 1;
        let _ = fs::remove_dir_all(&begun);
        let copied = copy_parts(&arguments.data, &begun)
            .map_err(|error| copy_failed(&begun, &error))
            .and_then(|files| Ok((files, audit(&begun, std::slice::from_ref(&policy))?)));
        match copied {
            Ok(done) => break done,
            Err(_) if tries < TRIES => {}
            Err(failure) => {
                let _ = fs::remove_dir_all(&begun);
                return Err(failure);
            }
        }
    };
    finish(&begun, &arguments.to, &files)?;
    let (shown, count) = (arguments.to.display(), files.len());
    let said = said!(
        "备份已写入 {shown}：{count} 个文件，{records} 条记录，已整体审计，没有发现问题。\n不含密钥和 last-signed：它们随密钥保管，不随数据备份。\n",
        "the backup is in {shown}: {count} files, {records} records, audited as a whole without a fault.\nKeys and last-signed are not in it: they are kept with the key, not with the data.\n"
    );
    Ok(plain("backed-up", said.in_(console.lang))
        .with("records", records)
        .with("files", count))
}

/// Copies all parts; the digests of what was copied.
fn copy_parts(data: &Path, to: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for part in PARTS {
        match part {
            HEAD => {
                for (name, bytes) in one_moment(data, &|path| fs::read(path))? {
                    write_file(to, &name, &bytes)?;
                    files.insert(name, hex::encode(Sha256::digest(&bytes)));
                }
                continue;
            }
            COMMIT => continue, // With head.
            _ => {}
        }
        let mut names = Vec::new();
        list(data, part, &mut names)?;
        for name in names {
            match copy_file(data, to, &name) {
                Ok(digest) => drop(files.insert(name, digest)),
                // A partial tile that the ledger has put away since: the audit says whether it was needed.
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(files)
}

/// Head, and the batches from the one that head is in or ends with: without a gap, or nobody could
/// go on from the copy.
///
/// A running ledger puts batches away once head is past them: between a look at head and one at the batches, or between two batches. What
/// does not fit together is read anew; what never does (a damaged folder) is copied as it is, for the audit to name.
fn one_moment(
    data: &Path,
    read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>,
) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for _ in 0..MOMENTS {
        found.clear();
        let head = there(read(&data.join(HEAD)))?;
        let size = head.as_deref().and_then(size_of);
        found.extend(head.map(|head| (HEAD.to_owned(), head)));
        let mut names = Vec::new();
        list(data, COMMIT, &mut names)?;
        names.sort_unstable(); // Their numbers have one length.
        let below = |name: &String| {
            Commit::parse_name(name).is_some_and(|old| size.is_some_and(|size| old < size))
        };
        // What lies wholly below head has its tiles, which are copied and audited.
        names.drain(..names.iter().rposition(below).unwrap_or(0));
        let mut reached = size;
        let mut fits = size.is_some() && !names.is_empty();
        for name in names {
            let bytes = there(read(&data.join(&name)))?.unwrap_or_default();
            let commit = Commit::parse(&bytes.clone().into());
            // The first one may begin below head, each other one begins where that before it ends.
            fits &= commit.as_ref().is_ok_and(|commit| {
                let first = found.len() == 1;
                reached.is_some_and(|reached| {
                    commit.old.size == reached || (first && commit.old.size < reached)
                })
            });
            reached = commit.ok().map(|commit| commit.new.size);
            if !bytes.is_empty() {
                found.push((name, bytes));
            }
        }
        if size.is_none() || (fits && reached >= size) {
            break;
        }
    }
    Ok(found)
}

/// What is not there is no error.
fn there(read: std::io::Result<Vec<u8>>) -> std::io::Result<Option<Vec<u8>>> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The size that a head speaks of; its signature is for the audit.
fn size_of(head: &[u8]) -> Option<u64> {
    let (text, _) = note::split(head).ok()?;
    Some(Checkpoint::parse(text).ok()?.tree.size)
}

/// Writes the list, and gives the copy its name.
fn finish(begun: &Path, to: &Path, files: &BTreeMap<String, String>) -> Result<(), Failure> {
    let lines = files
        .iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"));
    let lines: String = lines.collect();
    crate::store::named::replace(&begun.join(SUMS), lines.as_bytes())
        .and_then(|()| fs::rename(begun, to))
        .map_err(|error| copy_failed(to, &error))
}

fn must_be_new(to: &Path) -> Result<(), Failure> {
    if !to.exists() {
        return Ok(());
    }
    let shown = to.display();
    Err(Failure::input(
        "exists",
        said!(
            "{shown} 已存在；备份从不覆盖，请换一个名称",
            "{shown} exists already; a backup overwrites nothing, choose another name"
        ),
    ))
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".begun");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::Hash;
    use crate::tlog::merkle::Tree;
    use std::cell::Cell;

    fn tree(size: u64) -> Tree {
        Tree {
            size,
            root_hash: Hash::ZERO,
        }
    }

    fn put_head(data: &Path, size: u64) {
        let text = Checkpoint::new("example.com/log", tree(size)).encode();
        let note = format!("{text}\n\u{2014} example.com/log AAAAAAAA\n");
        write_file(data, HEAD, note.as_bytes()).unwrap();
    }

    fn put_commit(data: &Path, old: u64) {
        let commit = Commit {
            origin: "example.com/log".to_owned(),
            old: tree(old),
            new: tree(old + 1),
            previous: Hash::ZERO,
            entries: vec![bytes::Bytes::from_static(b"entry")],
        };
        write_file(data, &Commit::name(old), &commit.encode()).unwrap();
    }

    /// As the collector does: all but the newest are put away.
    fn collect(data: &Path, newest: u64) {
        for old in 0..newest {
            let _ = fs::remove_file(data.join(Commit::name(old)));
        }
    }

    /// A ledger that goes on and collects before read number `at`, whichever that is: the copy begins at its head or below, and has no gap.
    #[test]
    fn head_and_batches_are_of_one_moment_whenever_batches_are_put_away() {
        for at in 0..6 {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path();
            put_head(data, 5);
            (3..7).for_each(|old| put_commit(data, old));
            let reads = Cell::new(0);
            let read = |path: &Path| {
                if reads.replace(reads.get() + 1) == at {
                    (7..10).for_each(|old| put_commit(data, old));
                    put_head(data, 10);
                    collect(data, 9);
                }
                fs::read(path)
            };
            let found = one_moment(data, &read).unwrap();
            let size = size_of(&found[0].1).unwrap();
            let olds: Vec<u64> = found[1..]
                .iter()
                .map(|(name, _)| Commit::parse_name(name).unwrap())
                .collect();
            let wanted: Vec<u64> = match size {
                5 => (4..7).collect(),
                _ => vec![9],
            };
            assert_eq!((found[0].0.as_str(), olds), (HEAD, wanted), "at {at}");
        }
    }

    /// What does not fit together is copied all the same, for the audit to name; a copy never hides it.
    #[test]
    fn a_gap_that_stays_is_copied_as_it_is() {
        let rows: [(&str, Option<u64>, &[u64], usize); 5] = [
            ("all begin beyond head", Some(5), &[7, 8], 3),
            ("a hole", Some(5), &[4, 6], 3),
            ("head beyond all", Some(9), &[4, 5], 2),
            ("no head", None, &[4, 5], 2),
            ("no commit", Some(5), &[], 1),
        ];
        for (name, head, commits, count) in rows {
            let folder = tempfile::tempdir().unwrap();
            if let Some(size) = head {
                put_head(folder.path(), size);
            }
            commits
                .iter()
                .for_each(|old| put_commit(folder.path(), *old));
            let found = one_moment(folder.path(), &|path| fs::read(path)).unwrap();
            assert_eq!(found.len(), count, "{name}");
        }
    }
}
