//! `backup` and `restore`: a copy of a ledger's folder that is checked before it is kept, and again before it is used.
//!
//! Promises: a backup is taken while the ledger serves, and audits clean, or it is not kept; each file stands in `SHA256SUMS` with its
//! digest, as `sha256sum -c` reads it. A restore checks each file and replays the whole log before the first byte goes to its place, and
//! refuses a copy that is behind what the log key has signed (last-signed).
//!
//! Does not copy keys or last-signed, which live and die with the key and not with the data; nor the index, which is rebuilt. What a
//! restored ledger may sign is for `serve` to judge, by the rule of `--operator-word restored`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest, Sha256};

use super::init::Folder;
use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::{plain, replay};
use crate::audit::Target;
use crate::lang::Said;
use crate::ledger::clock::system_clock;
use crate::ledger::holder::{Holder, LockError};
use crate::ledger::last_signed::{LastSigned, LastSignedError};
use crate::said;
use crate::store::commit::Commit;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::Tree;
use crate::tlog::note;
use crate::tlog::policy::Policy;

/// The list of files, as `sha256sum` writes and checks it.
const SUMS: &str = "SHA256SUMS";
/// The list, at most: some millions of files.
const SUMS_BYTES_MAX: u64 = 1 << 30;
/// A running ledger may put a file away while it is copied; then the copy begins anew.
const TRIES: u32 = 3;
/// Head and batches are small, and are read anew until both are of one moment.
const MOMENTS: u32 = 100;
const HEAD: &str = "log/head";
const COMMIT: &str = "commit";
/// In this order: what was signed, then the batches that go beyond it, then the tiles under both. (All that `head` implies is there before
/// `head` is.)
const PARTS: [&str; 8] = [
    "policy",
    "log/checkpoints",
    "log/checkpoint",
    HEAD,
    COMMIT,
    "log/tile",
    "openings",
    "documents",
];

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

/// What `restore` is told.
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup / 备份目录
    #[arg(value_name = "DIR", required_unless_present = "from_mirror")]
    from: Option<PathBuf>,
    /// Instead of a backup: a mirror, which has the records and no commits, openings or documents / 由镜像恢复
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    from_mirror: Option<PathBuf>,
    /// With --from-mirror: an older backup, for openings, documents and kept checkpoints / 补充用的旧备份
    #[arg(long, value_name = "DIR", requires = "from_mirror")]
    pub backup: Option<PathBuf>,
    /// The folder of the ledger, which is not there yet / 数据目录
    #[arg(long)]
    pub data: PathBuf,
    /// Where the log key and last-signed lie / 密钥目录
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// Whom to trust; without it the policy in the backup, which its maker chose / 信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
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
    let Said { zh, en } = said!(
        "备份已写入 {shown}：{count} 个文件，{records} 条记录，已整体审计，没有发现问题。\n不含密钥和 last-signed：它们随密钥保管，不随数据备份。\n",
        "the backup is in {shown}: {count} files, {records} records, audited as a whole without a fault.\nKeys and last-signed are not in it: they are kept with the key, not with the data.\n"
    );
    Ok(plain("backed-up", console.lang.say(&zh, &en))
        .with("records", records)
        .with("files", count))
}

pub(super) fn restore(console: &Console, arguments: &RestoreArguments) -> Result<Answer, Failure> {
    if let Some(mirror) = &arguments.from_mirror {
        return super::from_mirror::restore(console, arguments, mirror);
    }
    let folder = Folder::new(&arguments.data, arguments.keys.as_deref());
    let from = arguments.from.as_deref();
    let from = from.expect("clap wants it without --from-mirror");
    must_be_empty(&folder)?;
    // 1. Every file is the one that was backed up, and none is missing or was added.
    let files = check_sums(from)?;
    // 2. The whole log holds, by the policy that the restorer trusts.
    let policies = restored_policies(console, arguments, Some(from))?;
    let records = audit(from, &policies)?;
    // 3. The key has not signed beyond it, and nobody signs with it meanwhile.
    let held = hold(&folder, &policies)?;
    let behind = held.is_behind(newest_size(from, records))?;
    // 4. Only now the data goes to its place.
    let begun = folder.data.join(".restoring");
    for name in files.keys() {
        copy_file(from, &begun, name).map_err(|error| {
            let _ = fs::remove_dir_all(&begun);
            copy_failed(&folder.data, &error)
        })?;
    }
    if let Err(lost) = audit(&begun, &policies) {
        let _ = fs::remove_dir_all(&begun);
        return Err(lost);
    }
    put_in_place(&begun, &folder)?;
    drop(held);
    let (data, count) = (folder.data.display(), files.len());
    let Said { zh, en } = next_step(&folder, records, behind);
    let Said { zh, en } = said!(
        "已恢复到 {data}：{count} 个文件，{records} 条记录，使用前已全部验证。\n{zh}\n",
        "restored to {data}: {count} files, {records} records, all verified before use.\n{en}\n"
    );
    Ok(plain("restored", console.lang.say(&zh, &en))
        .with("records", records)
        .with("last_signed", behind))
}

/// A restore overwrites nothing.
pub(super) fn must_be_empty(folder: &Folder) -> Result<(), Failure> {
    if fs::read_dir(&folder.data).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.path() != folder.keys))
    }) {
        let data = folder.data.display();
        return Err(Failure::input(
            "exists",
            said!(
                "{data} 不是空目录；恢复不会覆盖任何数据，请换一个目录",
                "{data} is not empty; a restore overwrites nothing, choose another folder"
            ),
        ));
    }
    Ok(())
}

/// By whom the data is judged before it is used.
pub(super) fn restored_policies(
    console: &Console,
    arguments: &RestoreArguments,
    backup: Option<&Path>,
) -> Result<Policies, Failure> {
    if !arguments.policy.is_empty() {
        return Policies::read(&arguments.policy);
    }
    let Some(backup) = backup else {
        return Err(Failure::usage(
            "policy",
            said!(
                "镜像里没有策略：请用 --policy 给出信任策略，或用 --backup 给出备份",
                "there is no policy in a mirror: give --policy, or a backup with --backup"
            ),
        ));
    };
    console.talk(&said!(
        "注意：未给 --policy，用的是备份自带的策略；它若被换掉，这里看不出来",
        "note: without --policy the one in the backup is used; if that was exchanged, this cannot be seen here"
    ));
    Policies::read(&[backup.join("policy")])
}

/// What lies in `begun`, whole and checked, goes to its place.
pub(super) fn put_in_place(begun: &Path, folder: &Folder) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| copy_failed(&folder.data, error);
    for entry in fs::read_dir(begun).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        fs::rename(entry.path(), folder.data.join(entry.file_name()))
            .map_err(|error| failed(&error))?;
    }
    fs::remove_dir(begun)
        .and_then(|()| fs::File::open(&folder.data)?.sync_all())
        .map_err(|error| failed(&error))
}

/// What to do with a restored ledger; `agrees` if last-signed has said that nothing more was signed.
pub(super) fn next_step(folder: &Folder, records: u64, agrees: bool) -> Said {
    let (data, keys) = (folder.data.display(), folder.keys.display());
    if agrees {
        said!(
            "last-signed 与数据相符，可直接运行：\n  mingzhang serve --data {data} --keys {keys}",
            "last-signed agrees with the data; serve it:\n  mingzhang serve --data {data} --keys {keys}"
        )
    } else {
        said!(
            "没有 last-signed，或它比数据旧：程序无法知道日志密钥最后签到哪里。策略中有见证方的，serve 会先问它们。否则请先向镜像、审计方和见证方询问是否有人持有超过 {records} 条的检查点；有则先补回那些记录，没有才可运行：\n  mingzhang serve --data {data} --keys {keys} --operator-word restored\n如果有人持有更新的检查点而您仍然这样做，账本会被证明分叉，且无法挽回。",
            "there is no last-signed, or it is older than the data: nobody here knows how far the log key has signed. With witnesses in the policy `serve` asks them. Else ask mirrors, auditors and witnesses whether anyone holds a checkpoint beyond {records} records; if so, bring those records back first; only if not:\n  mingzhang serve --data {data} --keys {keys} --operator-word restored\nIf anyone holds a newer checkpoint and you do this all the same, the ledger will be proved to have forked, for ever."
        )
    }
}

/// The log key's memory and its lock, held while the data is put back: nobody signs with the key meanwhile.
#[derive(Debug)]
pub(super) struct Held {
    last_signed: Option<LastSigned>,
}

impl Held {
    /// What the key has signed; `None` if that is not known.
    pub fn newest(&self) -> Option<Tree> {
        self.last_signed.as_ref().and_then(LastSigned::newest)
    }

    /// Whether last-signed is there and says no more than the copy has.
    fn is_behind(&self, size: u64) -> Result<bool, Failure> {
        match self.newest() {
            None => Ok(false),
            Some(tree) if tree.size <= size => Ok(true),
            Some(tree) => {
                let signed = tree.size;
                Err(Failure::new(
                    Exit::Failed,
                    "behind-last-signed",
                    said!(
                        "日志密钥已签到 {signed} 条，备份只有 {size} 条：恢复它再继续写，就会有两份历史。没有恢复任何文件。请用更新的备份，或用镜像恢复并以此备份补充：mingzhang restore --from-mirror 镜像目录 --backup 备份目录",
                        "the log key has signed {signed} records, the backup has {size}: going on from it would make a second history. Nothing was restored. Use a newer backup, or a mirror with this backup beside it: mingzhang restore --from-mirror MIRROR --backup BACKUP"
                    ),
                ))
            }
        }
    }
}

/// Takes the locks of the log key.
pub(super) fn hold(folder: &Folder, policies: &[Policy]) -> Result<Held, Failure> {
    let mut logs = policies.iter().flat_map(Policy::logs);
    let origin = logs.next().map_or("", |log| log.vkey.name());
    let busy = |lock: &LockError| {
        let (zh, en) = (lock.zh(), lock.to_string());
        Failure::temporary("ledger-busy", Said { zh, en })
    };
    let path = folder.keys.join("last-signed");
    let last_signed = if path.exists() {
        let since = system_clock()().wall.to_string();
        let holder = Holder::this(&folder.data.display().to_string(), &since);
        let opened = LastSigned::open(&path, origin, &holder).map_err(|error| match error {
            LastSignedError::Lock(lock) => busy(&lock),
            error => {
                let cause = crate::chain_of(&error);
                Failure::input(
                    "last-signed",
                    said!("last-signed 不能用", "last-signed cannot be used").because(&cause),
                )
            }
        })?;
        Some(opened)
    } else {
        None
    };
    Ok(Held { last_signed })
}

/// How far the batches in the copy go, which may be beyond its head.
pub(super) fn newest_size(from: &Path, records: u64) -> u64 {
    let commits = fs::read_dir(from.join("commit")).into_iter().flatten();
    let sizes = commits.filter_map(|entry| {
        let bytes = fs::read(entry.ok()?.path()).ok()?;
        let commit = Commit::parse(&bytes.into()).ok()?;
        Some(commit.new.size)
    });
    sizes.max().unwrap_or(0).max(records)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::Hash;
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
