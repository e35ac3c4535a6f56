//! `history`: what became of each notice of a project, and what can be proved of it.
//!
//! From a log (a ledger's address, a mirror, a data folder) it reads every record up to the newest signed tree through tiles that hang from its root;
//! so "no later amendment up to record N" was looked for in all of them. It saves receipts of all the project's records under one
//! checkpoint. From such receipts alone, offline, `--check` shows that none between the first and the last was left out: each
//! statement names the one before it. That there is none *after* the last is shown by reading the log, by nothing shorter.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::fetch;
use super::law::walk::{Walked, walk};
use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::verify::holding;
use super::{plain, runtime};
use crate::audit::Target;
use crate::lang::Said;
use crate::receipt::Receipt;
use crate::rules::history::{Logged, Status, Step, history, unbroken};
use crate::said;
use crate::store::named;
use crate::tlog::merkle::Hash;
use crate::tlog::policy::Policy;
use crate::trade::statement::Statement;
use crate::trade::time::Time;
use crate::trade::visible::one_line;
use crate::verify::VerifiedRecord;

/// What `history` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A data folder, a mirror, or a ledger's address; with --check a folder of receipts / 目录或网址
    #[arg(value_name = "DIR|URL")]
    target: String,
    /// Whom to trust: policy files, or folders of them / 信任策略
    #[arg(long, required = true, value_name = "POLICY", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Key name of the publisher / 发布者
    #[arg(long, value_name = "NAME", required_unless_present = "check")]
    publisher: Option<String>,
    /// The publisher's id of the project / 项目
    #[arg(long, value_name = "ID", required_unless_present = "check")]
    project: Option<String>,
    /// Only up to this record / 截至此条
    #[arg(long, value_name = "INDEX")]
    up_to: Option<u64>,
    /// Save the receipts of all its records, under one checkpoint, into this folder / 保存全部回执
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// Check such receipts offline: that they are the chain, whole from its first record to the last of them / 离线核对
    #[arg(long, conflicts_with_all = ["receipts", "up_to"])]
    check: bool,
}

/// Records of one project, at most.
const RECORDS_MAX: usize = 100_000;

struct Found {
    index: u64,
    time: Time,
    statement: Statement,
    entry: bytes::Bytes,
    evidence: Vec<bytes::Bytes>,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    if arguments.check {
        return check(console, Path::new(&arguments.target), &policies);
    }
    let target = Target::parse(&arguments.target).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("没有账本", "there is no log").because(&cause),
        )
    })?;
    let (found, walked) = runtime().block_on(read(arguments, &target, &policies))?;
    let chain: Vec<(u64, Hash, Option<Hash>)> = found
        .iter()
        .map(|one| (one.index, one.statement.id(), one.statement.follows()))
        .collect();
    let project = arguments.project.as_deref().unwrap_or_default();
    if found.is_empty() {
        return Err(Failure::input(
            "no-record",
            said!(
                "账本里没有该发布者的项目 {project}",
                "the log has no record of project {project} by that publisher"
            ),
        ));
    }
    // Erased records leave gaps that the log itself explains; any other gap is a fault.
    let erased = walked.keys.as_ref().is_some_and(|keys| {
        let is_own = |project_of: &Option<String>, publisher: &str| {
            project_of.as_deref() == Some(project)
                && arguments.publisher.as_deref() == Some(publisher)
        };
        keys.erasures()
            .any(|one| is_own(&one.erasure.project, &one.erasure.publisher))
    });
    if let (Err(fault), false) = (unbroken(&chain), erased) {
        let cause = fault.to_string();
        return Err(Failure::new(
            Exit::Failed,
            "chain-broken",
            said!(
                "该项目的链不完整；请审计账本",
                "the project's chain is not whole; audit the log"
            )
            .because(&cause),
        ));
    }
    let last = arguments.up_to.unwrap_or(walked.tree.size - 1);
    let logged: Vec<Logged<'_>> = found
        .iter()
        .map(|one| Logged {
            index: one.index,
            time: one.time,
            statement: &one.statement,
            is_shown: true,
        })
        .collect();
    let steps = history(&logged);
    let mut text = told(console, &steps);
    let latest = steps.last().map_or(0, |step| step.index);
    let (size, root) = (walked.tree.size, walked.tree.root_hash.to_base64());
    let line = said!(
        "截至第 {last} 条，除上列外未见该项目的其他声明（最后一条是第 {latest} 条）。已读完 {size} 条，每条都在根 {root} 之下；签名均已验证。\n",
        "up to record {last} there is no other statement of this project (the last is record {latest}). All {size} records were read, each under the root {root}; the signatures were verified.\n"
    );
    text.push_str(line.in_(console.lang));
    if erased {
        let line = said!(
            "其中有依命令清除的记录，其内容不可见。\n",
            "records of it were erased by order: what they said cannot be seen.\n"
        );
        text.push_str(line.in_(console.lang));
    }
    if let Some(folder) = &arguments.receipts {
        let saved = runtime().block_on(save(folder, &found, &walked))?;
        let shown = folder.display();
        let line = said!(
            "{saved} 份回执已存入 {shown}，可离线核对：mingzhang history --check {shown} --policy POLICY\n",
            "{saved} receipts are in {shown}; offline: mingzhang history --check {shown} --policy POLICY\n"
        );
        text.push_str(line.in_(console.lang));
    }
    Ok(plain("history", text)
        .with("up_to", last)
        .with("last_record", latest)
        .with("tree_size", size)
        .with("root_hash", root)
        .with("steps", serde_json::to_value(&steps).unwrap_or_default()))
}

async fn read(
    arguments: &Arguments,
    target: &Target,
    policies: &[Policy],
) -> Result<(Vec<Found>, Walked), Failure> {
    let mut found: Vec<Found> = Vec::new();
    let walked = walk(target, policies, |seen| {
        let (index, statement) = (seen.header.index, seen.statement);
        let is_own = arguments.publisher.as_deref() == statement.publisher()
            && arguments.project.as_deref() == statement.project()
            && arguments.up_to.is_none_or(|last| index <= last);
        let Some(keys) = seen.keys.filter(|_| is_own) else {
            return Ok(());
        };
        let wrong = |error: &dyn std::fmt::Display| {
            let cause = error.to_string();
            Failure::new(
                Exit::Failed,
                "signature",
                said!(
                    "第 {index} 条的签名不成立",
                    "the signature of record {index} does not hold"
                )
                .because(&cause),
            )
        };
        keys.verify(statement).map_err(|error| wrong(&error))?;
        if found.len() >= RECORDS_MAX {
            return Err(Failure::input(
                "too-many",
                said!(
                    "该项目超过 {RECORDS_MAX} 条记录",
                    "the project has more than {RECORDS_MAX} records"
                ),
            ));
        }
        let evidence = keys.evidence(statement).map_err(|error| wrong(&error))?;
        found.push(Found {
            index,
            time: seen.header.time,
            statement: statement.clone(),
            entry: seen.entry.clone(),
            evidence: evidence.into_iter().cloned().collect(),
        });
        Ok(())
    })
    .await?;
    let size = walked.tree.size;
    if let Some(last) = arguments.up_to.filter(|last| *last >= size) {
        return Err(Failure::input(
            "up-to",
            said!(
                "账本只有 {size} 条，没有第 {last} 条",
                "the log has {size} records, there is no record {last}"
            ),
        ));
    }
    Ok((found, walked))
}

/// A step a paragraph: what it is, what holds of it, what differs.
fn told(console: &Console, steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let status = match step.status {
            Status::InForce => said!("现行", "in force"),
            Status::Corrected => said!("已更正", "corrected"),
            Status::Replaced => said!("已被取代", "replaced"),
            Status::Withdrawn => said!("已撤回", "withdrawn"),
        };
        let by = if step.amended_by.is_empty() {
            said!("", "")
        } else {
            let by = &step.amended_by;
            said!("，见第 {by:?} 条", " by {by:?}")
        };
        let (index, time) = (step.index, &step.time);
        let (kind, title) = (one_line(&step.kind), one_line(&step.title));
        let (
            Said { zh, en },
            Said {
                zh: by_zh,
                en: by_en,
            },
        ) = (status, by);
        let line = said!(
            "第 {index} 条 {time} {kind} {title} [{zh}{by_zh}]\n",
            "record {index} {time} {kind} {title} [{en}{by_en}]\n"
        );
        text.push_str(line.in_(console.lang));
        for one in &step.differences {
            let value = |value: &Option<Value>| match value {
                None => "-".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            let (before, after) = (value(&one.before), value(&one.after));
            let (before, after) = (one_line(&before), one_line(&after));
            let pointer = one_line(&one.pointer);
            text.push_str(&format!("    {pointer}: {before} → {after}\n"));
        }
    }
    text
}

/// One receipt a record, all under the checkpoint that was read.
async fn save(folder: &Path, found: &[Found], walked: &Walked) -> Result<usize, Failure> {
    let shown = folder.display();
    let unwritable = |error: &dyn std::fmt::Display| {
        let cause = error.to_string();
        Failure::input(
            "receipts",
            said!("写不了 {shown}", "cannot write {shown}").because(&cause),
        )
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    let checkpoint = String::from_utf8_lossy(&walked.checkpoint).into_owned();
    for one in found {
        let (_, proof) = walked
            .reader
            .prove_inclusion(&walked.tree, one.index)
            .await
            .map_err(|error| unwritable(&error))?;
        let receipt = Receipt {
            index: one.index,
            proof,
            checkpoint: checkpoint.clone(),
            entry: one.entry.clone(),
            evidence: one.evidence.clone(),
        };
        let path = folder.join(format!("{}.tlog-proof", one.index));
        // Of this record a newer one takes its place, so that all are under one checkpoint; another record's may be the only copy.
        fetch::not_anothers(&path, &receipt)?;
        named::replace(&path, receipt.encode().as_bytes()).map_err(|error| unwritable(&error))?;
    }
    Ok(found.len())
}

/// Receipts alone, offline.
fn check(console: &Console, folder: &Path, policies: &[Policy]) -> Result<Answer, Failure> {
    let shown = folder.display();
    let listed = std::fs::read_dir(folder).map_err(|error| {
        Failure::input(
            "receipts",
            said!("读不了目录 {shown}", "cannot read the folder {shown}").because(&error),
        )
    })?;
    let mut records: Vec<VerifiedRecord> = Vec::new();
    for file in listed.flatten().map(|file| file.path()) {
        if file
            .extension()
            .is_none_or(|extension| extension != "tlog-proof")
        {
            continue;
        }
        records.push(holding(&file, policies)?);
    }
    records.sort_by_key(|record| record.header().index);
    let chain: Vec<(u64, Hash, Option<Hash>)> = records
        .iter()
        .map(|record| {
            let statement = record.statement();
            (record.header().index, statement.id(), statement.follows())
        })
        .collect();
    let first = records
        .first()
        .map(|record| record.statement().chain().clone());
    let is_one = records
        .iter()
        .all(|record| Some(record.statement().chain()) == first.as_ref());
    let whole = unbroken(&chain)
        .map_err(|fault| fault.to_string())
        .and_then(|()| {
            let one = is_one && records[0].statement().project().is_some();
            one.then_some(())
                .ok_or_else(|| "the receipts are not of one project".to_owned())
        });
    if let Err(cause) = whole {
        return Err(Failure::new(
            Exit::Failed,
            "chain-broken",
            said!(
                "这些回执不是一条完整的链",
                "these receipts are not one whole chain"
            )
            .because(&cause),
        ));
    }
    let logged: Vec<Logged<'_>> = records
        .iter()
        .map(|record| Logged {
            index: record.header().index,
            time: record.header().time,
            statement: record.statement(),
            is_shown: true,
        })
        .collect();
    let steps = history(&logged);
    let mut text = told(console, &steps);
    let (from, to) = (chain[0].0, chain[chain.len() - 1].0);
    let size = records
        .iter()
        .map(|record| record.checkpoint().tree().size)
        .min()
        .unwrap_or(0);
    let line = said!(
        "已证明：该项目从第 {from} 条到第 {to} 条的声明全部在此，中间没有别的（每条声明都写明前一条），都在 {size} 条以上的检查点之下。\n未证明：第 {to} 条之后没有别的声明。这要读完账本：mingzhang history URL|镜像 …\n",
        "proved: these are all statements of the project from record {from} to record {to}, with none between (each names the one before), under checkpoints of {size} records or more.\nnot proved: that there is none after record {to}. For that the log is read: mingzhang history URL|MIRROR …\n"
    );
    text.push_str(line.in_(console.lang));
    // As `verify` does: what the policy wants of witnesses is not met by the log's own word.
    let unwitnessed = records
        .iter()
        .filter(|record| !record.checkpoint().quorum().met)
        .count();
    let (code, exit) = match unwitnessed {
        0 => ("history-checked", Exit::Ok),
        _ => ("not-yet-witnessed", Exit::Policy),
    };
    if unwitnessed > 0 {
        let line = said!(
            "其中 {unwitnessed} 份回执见证不足，只有账本自己的签名：稍后用 mingzhang receipt --refresh 换取\n",
            "{unwitnessed} of the receipts have too few witnesses, and the log's own word only: mingzhang receipt --refresh gets theirs later\n"
        );
        text.push_str(line.in_(console.lang));
    }
    Ok(plain(code, text)
        .exit(exit)
        .with("unwitnessed", unwitnessed)
        .with("first_record", from)
        .with("last_record", to)
        .with("tree_size", size)
        .with("steps", serde_json::to_value(&steps).unwrap_or_default()))
}
