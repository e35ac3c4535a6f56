//! `key erase`, and what whoever endorses such a statement is shown of the record that it takes away.
//!
//! Promises: the record is authenticated to a checkpoint of the ledger before a byte of it is believed; the statement names what was read
//! and nothing that was typed; its consequence for other readers is said before it is written. Does not sign and does not post.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Place, write};
use crate::cli::fetch::index as parse_index;
use crate::cli::out::{Answer, Console, Failure};
use crate::cli::policies::Policies;
use crate::cli::runtime;
use crate::lang::Said;
use crate::said;
use crate::store::{Http, LogReader, Source};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Hash, Tree, leaf_hash};
use crate::tlog::note::{NOTE_BYTES_MAX, Note};
use crate::tlog::policy::open_by;
use crate::trade::record::parse_entry;
use crate::trade::statement::{Body, Change, Erasure, Statement};
use crate::trade::visible::one_line;

#[derive(Debug, Args)]
pub(in crate::cli) struct EraseArguments {
    #[command(flatten)]
    place: Place,
    /// Where the record is read, if not at --ledger: a ledger's or a mirror's address / 读取记录的网址
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Policy files: the ledger's checkpoint must be one that they accept / 信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// The legal basis, which stands in the log for ever; never a person's name / 法律依据
    #[arg(long, value_name = "TEXT")]
    basis: String,
    /// The consequence is understood: do not ask / 已知后果，不再询问
    #[arg(long)]
    yes: bool,
    /// The record's index / 序号
    #[arg(value_name = "INDEX")]
    index: String,
}

/// Why there is another way, and what this one does to others.
pub(super) fn consequence() -> Said {
    said!(
        "    后果：条目从此以长度 0 给出，散列和链接照旧。别人写的读取程序（如 Tessera fsck、torchwood）读到该条目所在的 256 条一包即报错停止，\n    镜像也会删去它，且不能恢复。若要去掉的只是承诺的开启值或附件，请改用 mingzhang order erase，不影响任何读取程序。",
        "    consequence: from then on the entry is served with length 0; its hash and the next link stay. Readers written by others (Tessera fsck,\n    torchwood) fail at the bundle of 256 that it is in, mirrors drop it too, and it cannot be brought back. What stands as a commitment or a\n    document can be erased with mingzhang order erase instead, which no reader notices."
    )
}

pub(super) fn run(console: &Console, arguments: &EraseArguments) -> Result<Answer, Failure> {
    let index = parse_index(&arguments.index)?;
    let from = arguments.from.as_ref().or(arguments.place.ledger.as_ref());
    let Some(from) = from else {
        return Err(Failure::usage(
            "from",
            said!(
                "请用 --ledger 或 --from 给出可读取该记录的网址",
                "say with --ledger or --from where the record can be read"
            ),
        ));
    };
    let policies = Policies::read(&arguments.policy)?;
    let record = Logged::read(from, &policies, index)?;
    if matches!(record.statement.body(), Body::Genesis(_) | Body::Key(_)) {
        let kind = record.statement.statement_type();
        return Err(Failure::input(
            "never-erased",
            said!(
                "第 {index} 条是 {kind} 声明，密钥由它推出，不能删除",
                "record {index} is a {kind} statement, from which keys follow: it is never erased"
            ),
        ));
    }
    let (shown, consequence) = (record.words(), consequence());
    let (zh, en) = (&shown.zh, &shown.en);
    let (why_zh, why_en) = (&consequence.zh, &consequence.en);
    console.talk(&said!(
        "将要清除第 {index} 条：\n{zh}\n{why_zh}",
        "record {index} is to be erased:\n{en}\n{why_en}"
    ));
    if !arguments.yes {
        confirm(console, index)?;
    }
    write(console, &arguments.place, &record.change(&arguments.basis))
}

/// The person at the terminal writes the index; a script says `--yes`.
fn confirm(console: &Console, index: u64) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::usage(
            "yes",
            said!(
                "请确认后果后加上 --yes 再运行",
                "see the consequence above, then run it again with --yes"
            ),
        ));
    }
    console.talk(&said!(
        "请输入序号 {index} 以继续，其他输入则放弃：",
        "write the index {index} to go on, anything else to stop:"
    ));
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if read.is_ok() && line.trim() == index.to_string() {
        return Ok(());
    }
    Err(Failure::usage(
        "not-confirmed",
        said!("已放弃，没有写任何文件", "stopped, nothing was written"),
    ))
}

/// A record as the ledger has it, authenticated to one of its checkpoints.
pub(super) struct Logged {
    index: u64,
    leaf_hash: Hash,
    statement: Statement,
}

impl Logged {
    /// Reads it from the tiles, which have it also when it is not shown any more.
    pub fn read(url: &str, policies: &Policies, index: u64) -> Result<Logged, Failure> {
        let http = Http::new(url)?;
        let entry = runtime().block_on(async {
            let tree = tree_of(&http, policies).await?;
            if index >= tree.size {
                let size = tree.size;
                return Err(Failure::input(
                    "not-found",
                    said!(
                        "{url} 有 {size} 条记录，没有第 {index} 条",
                        "{url} has {size} records, and none of index {index}"
                    ),
                ));
            }
            let reader = LogReader::new(Source::Http(http.clone()));
            let entry = reader.entry(&tree, index).await;
            entry.map_err(|error| unreadable(url, &crate::chain_of(&error)))
        })?;
        if entry.is_empty() {
            return Err(Failure::input(
                "erased",
                said!("第 {index} 条已经清除", "record {index} is erased already"),
            ));
        }
        let (_, note) = parse_entry(&entry).map_err(|error| unreadable(url, &error))?;
        let statement = Statement::parse(note).map_err(|error| unreadable(url, &error))?;
        Ok(Logged {
            index,
            leaf_hash: leaf_hash(&entry),
            statement,
        })
    }

    /// What it is, for people.
    pub fn words(&self) -> Said {
        let statement = &self.statement;
        let fields = statement.fields();
        let title = one_line(fields.title().unwrap_or("-")).into_owned();
        let publisher = one_line(statement.publisher().unwrap_or("-")).into_owned();
        let project = one_line(statement.project().unwrap_or("-")).into_owned();
        let (kind, id) = (statement.statement_type(), statement.id());
        said!(
            "    标题：{title}\n    发布者：{publisher}；项目：{project}；{kind} 声明 {id}",
            "    title: {title}\n    publisher: {publisher}; project: {project}; {kind} statement {id}"
        )
    }

    fn change(&self, basis: &str) -> serde_json::Value {
        let statement = &self.statement;
        json!({
            "op": "erase_entry", "index": self.index, "leaf_hash": self.leaf_hash.to_string(),
            "statement": statement.id().to_string(), "statement_type": statement.statement_type(),
            "publisher": statement.publisher(), "project": statement.project(), "basis": basis,
        })
    }

    /// The order names this very record.
    fn check(&self, order: &Erasure) -> Result<(), Failure> {
        let statement = &self.statement;
        let same = order.leaf_hash == self.leaf_hash
            && order.statement == statement.id()
            && order.statement_type == statement.statement_type()
            && Some(order.publisher.as_str()) == statement.publisher()
            && order.project.as_deref() == statement.project();
        if same {
            return Ok(());
        }
        let index = self.index;
        Err(Failure::input(
            "other-record",
            said!(
                "声明要删除的与账本的第 {index} 条不符：请不要签，并向起草者核对",
                "what the statement erases is not the ledger's record {index}: do not sign, ask whoever wrote it"
            ),
        ))
    }
}

/// What each order in a `key` statement takes away, read from the ledger at `url`. Refused is an order that names what is not there.
pub(super) fn taken_away(
    statement: &Statement,
    url: &str,
    policies: &Policies,
) -> Result<Said, Failure> {
    let mut all = said!("", "");
    let Body::Key(changes) = statement.body() else {
        return Ok(all);
    };
    for change in changes {
        let Change::EraseEntry(order) = change else {
            continue;
        };
        let record = Logged::read(url, policies, order.index)?;
        record.check(order)?;
        let (index, words) = (order.index, record.words());
        all.zh += &format!("账本的第 {index} 条：\n{}\n", words.zh);
        all.en += &format!("record {index} of the ledger:\n{}\n", words.en);
    }
    Ok(all)
}

/// The newest tree, by a policy if one is given.
async fn tree_of(http: &Http, policies: &Policies) -> Result<Tree, Failure> {
    let url = http.base();
    let mut note = None;
    for name in ["head", "checkpoint"] {
        if note.is_none() {
            note = http.read(name, NOTE_BYTES_MAX as u64).await?;
        }
    }
    let note = note.ok_or_else(|| unreadable(url, &"no checkpoint"))?;
    if policies.is_empty() {
        let note = Note::parse(&note).map_err(|error| unreadable(url, &error))?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|error| unreadable(url, &error))?;
        return Ok(checkpoint.tree);
    }
    let judged =
        open_by(policies, &note).map_err(|error| unreadable(url, &crate::chain_of(&error)))?;
    Ok(judged.checkpoint.tree())
}

fn unreadable(url: &str, cause: &impl std::fmt::Display) -> Failure {
    Failure::temporary(
        "unreadable",
        said!(
            "读不到 {url} 的这条记录",
            "this record of {url} cannot be read"
        )
        .because(cause),
    )
}
