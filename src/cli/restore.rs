//! `restore`: a backup put in place, once each of its files and its whole log are checked.
//!
//! Promises: the whole log is replayed before the first byte goes to its place; a copy that is behind what the log key has signed
//! (last-signed) is refused. What a restored ledger may sign is for `serve` to judge, by the rule of `--operator-word restored`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::copied::{audit, check_sums, copy_failed, copy_file};
use super::init::Folder;
use super::out::{Answer, Console, Exit, Failure};
use super::plain;
use super::policies::Policies;
use crate::lang::{Bilingual, Said};
use crate::ledger::clock::system_clock;
use crate::ledger::holder::{Holder, LockError};
use crate::ledger::last_signed::{LastSigned, LastSignedError};
use crate::said;
use crate::store::commit::Commit;
use crate::tlog::merkle::Tree;
use crate::tlog::policy::Policy;

/// What `restore` is told.
#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup / 备份目录
    #[arg(value_name = "DIR", required_unless_present = "from_mirror")]
    from: Option<PathBuf>,
    /// Instead of a backup: a mirror, which has the records and no commits, openings or documents / 由镜像恢复
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub from_mirror: Option<PathBuf>,
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

pub(super) fn restore(console: &Console, arguments: &RestoreArguments) -> Result<Answer, Failure> {
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
