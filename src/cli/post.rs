//! `post`: drafts in, receipts out. Resumable: what is logged already counts as done, however often it is run.
//!
//! Drafts go in the order in which they stand, many in one request: each follows the one before of its project, also where that one is still
//! on its way. Where one is not taken, those behind it are signed and sent again.

mod faults;
mod lines;
mod poster;
mod posting;
mod settle;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::answered;
use super::documents::Attached;
use super::draft::Guard;
use super::forms;
use super::out::{Answer, Console, Exit, Failure};
use super::vault::{Vault, no_vault};
use super::{ANSWER_BYTES_MAX, KeyArguments, plain, read_file};
use crate::lang::{Bilingual, Said};
use crate::said;
use crate::store::Http;
use crate::trade::door;
use crate::trade::guard;
use crate::trade::visible::one_line;
use crate::trade::vocabulary::Vocabulary;
use posting::{Placed, Posted};

pub(super) use super::vault::Kept;
pub(super) use lines::post_lines;
pub(super) use posting::{Posting, Show, WaitFor};

/// What `post` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address, such as http://127.0.0.1:7878 / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Write each receipt into this folder as INDEX.tlog-proof / 回执目录
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// What a receipt waits for: the ledger's signature, or a quorum of witnesses too / 等候账本签名或见证联署
    #[arg(long, value_enum, default_value_t)]
    wait: WaitFor,
    /// Let the ledger check every draft and log nothing / 只检查，不发布
    #[arg(long)]
    check: bool,
    /// Add what opens withheld values to this file, JSON lines, for its owner only; else beside the drafts, as FILE.openings / 不公开内容的原文存放处
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// Post all the same what gives a secrecy or privacy warning of this code, and leave it in the clear; may be given again / 确认某类提示
    #[arg(long, value_name = "CODE")]
    accept: Vec<String>,
    /// Where the files lie that drafts name as {"file":…} or by name and digest, to be sent after their statements; else beside the drafts / 附件目录
    #[arg(long, value_name = "DIR")]
    documents: Option<PathBuf>,
    /// Drafts, one JSON object a line; `-`: standard input / 草稿文件
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

const FILE_BYTES_MAX: u64 = 1 << 30;

/// Whether each code is one that can be accepted; `drafts`: also what only who makes commitments sees.
pub(super) fn check_accepted(codes: &[String], drafts: bool) -> Result<(), Failure> {
    let mut known = door::SECRECY.to_vec();
    known.extend(drafts.then_some(guard::LEAK));
    match codes.iter().find(|code| !known.contains(&code.as_str())) {
        None => Ok(()),
        Some(code) => {
            let known = known.join(", ");
            Err(Failure::usage(
                "accept",
                said!(
                    "--accept {code}：没有这样的提示，应为 {known} 之一",
                    "--accept {code}: there is no such warning, wanted one of {known}"
                ),
            ))
        }
    }
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    check_accepted(&arguments.accept, true)?;
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let guard = Guard {
        words: served_vocabulary(&http)?,
        accepted: arguments.accept.clone(),
    };
    let mut total = Posted::default();
    let (mut missing, mut records, mut listed) = (Vec::new(), Vec::new(), String::new());
    for file in &arguments.files {
        let bytes = read_file(file, FILE_BYTES_MAX)?;
        let text = forms::utf8(file, bytes)?;
        let mut vault = vault(arguments, file);
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut private = vec![arguments.key.key.clone(), file.clone()];
        private.extend(vault.as_ref().map(|vault| vault.path().to_owned()));
        private.extend(arguments.key.passphrase_file.clone());
        let mut attached = Attached::new(arguments.documents.as_deref().unwrap_or(beside), private);
        let mut keep = |kept: &[Kept<'_>]| match &mut vault {
            Some(vault) => vault.keep(kept),
            None => Err(no_vault()),
        };
        let outcome = post_lines(
            console,
            &http,
            &signer,
            &text,
            Posting {
                receipts: arguments.receipts.as_deref(),
                check: arguments.check,
                wait: arguments.wait,
                show: Show::AsDrafted,
                apart: &[],
                withhold: Some(&mut keep),
                guard: Some(&guard),
                attached: Some(&mut attached),
            },
        )?;
        if !arguments.check {
            let refused: HashSet<usize> = outcome.refused.iter().map(|(line, _)| *line).collect();
            let sent = attached.send(&http, |line| !refused.contains(&line));
            let (taken, all) = (sent.taken, sent.all);
            if all > 0 {
                console.talk(&said!(
                    "附件 {all} 份，新上传 {taken} 份",
                    "{all} documents, {taken} sent now"
                ));
            }
            for (line, name, why) in sent.missing {
                let (shown, named) = (file.display(), one_line(&name));
                console.talk(
                    &said!(
                        "{shown} 第 {line} 行已登记，附件 {named} 没有上传，再运行一次即可补上",
                        "{shown} line {line} is logged and its document {named} was not sent; run the same command again to send it"
                    )
                    .then(&why),
                );
                let reason = why.in_(console.lang);
                missing.push(json!({ "line": line, "file": name, "reason": reason }));
            }
        }
        tell(console, file, &outcome, arguments.check);
        if let Some(vault) = vault.filter(|vault| vault.kept() > 0) {
            let (kept, shown) = (vault.kept(), vault.path().display().to_string());
            console.talk(&said!(
                "{kept} 条声明中不公开内容的原文存于 {shown}（仅属主可读）：请妥善保管并备份，丢失后无法再证明",
                "what opens the withheld values of {kept} statements is in {shown} (for its owner only): keep it and back it up, once lost nothing can be shown of them"
            ));
        }
        for (line, why) in &outcome.unreceipted {
            let shown = file.display();
            console.talk(
                &said!(
                    "{shown} 第 {line} 行已登记，回执没有写出",
                    "{shown} line {line} is logged and its receipt was not written"
                )
                .then(why),
            );
        }
        if !arguments.check {
            for placed in &outcome.placed {
                let Placed {
                    line, index, id, ..
                } = placed;
                let (shown, url) = (file.display(), address(&http, *index));
                let said = if placed.is_new {
                    said!(
                        "{shown} 第 {line} 行：第 {index} 条，{id}，{url}\n",
                        "{shown} line {line}: record {index}, {id}, {url}\n"
                    )
                } else {
                    said!(
                        "{shown} 第 {line} 行：原为第 {index} 条，{id}，{url}\n",
                        "{shown} line {line}: is record {index} already, {id}, {url}\n"
                    )
                };
                listed.push_str(said.in_(console.lang));
            }
        }
        for placed in &outcome.placed {
            let state = if placed.is_new { "logged" } else { "known" };
            records.push(json!({
                "file": file.display().to_string(), "line": placed.line, "index": placed.index,
                "id": placed.id.to_string(), "url": address(&http, placed.index), "state": state,
            }));
        }
        for (line, reason) in &outcome.refused {
            let (shown, reason) = (file.display(), one_line(reason));
            console.talk(&said!(
                "{shown} 第 {line} 行被拒绝：{reason}",
                "{shown} line {line} refused: {reason}"
            ));
        }
        total.logged.extend(outcome.logged);
        total.known.extend(outcome.known);
        total.unwitnessed += outcome.unwitnessed;
        total.refused.extend(outcome.refused);
        total.committed.extend(outcome.committed);
        total.warned.extend(outcome.warned);
        total.unreceipted.extend(outcome.unreceipted);
    }
    let (new, known, refused) = (total.logged.len(), total.known.len(), total.refused.len());
    let said = if arguments.check {
        said!(
            "可以发布 {new} 条，已在账本 {known} 条，不能发布 {refused} 条\n",
            "{new} can be logged, {known} are in the ledger already, {refused} cannot\n"
        )
    } else {
        said!(
            "新登记 {new} 条，原已登记 {known} 条，被拒绝 {refused} 条\n",
            "{new} logged, {known} were in the ledger already, {refused} refused\n"
        )
    };
    let list: Vec<Value> = total
        .refused
        .iter()
        .map(|(line, reason)| json!({ "line": line, "reason": reason }))
        .collect();
    let committed: Vec<Value> = total
        .committed
        .iter()
        .flat_map(|(line, marks)| marks.iter().map(move |mark| (line, mark)))
        .map(|(line, mark)| {
            json!({ "line": line, "pointer": mark.pointer, "code": mark.code, "shown": mark.shown })
        })
        .collect();
    let warned: Vec<Value> = total
        .warned
        .iter()
        .map(|(line, remarks)| json!({ "line": line, "warnings": remarks }))
        .collect();
    // Who did not wait did not ask.
    let unwitnessed = match arguments.wait {
        WaitFor::Witnessed => total.unwitnessed,
        WaitFor::Signed => 0,
    };
    if unwitnessed > 0 {
        console.talk(&said!(
            "{unwitnessed} 条已登记，但还没有足够的见证联署；稍后用 mingzhang receipt --ledger URL 序号 重新取回执",
            "{unwitnessed} are logged, but too few witnesses have cosigned yet; fetch their receipts again later, with mingzhang receipt --ledger URL INDEX"
        ));
    }
    let (code, exit) = match (refused, unwitnessed) {
        (1.., _) => ("partly-refused", Exit::Input),
        _ if !missing.is_empty() => ("documents-missing", Exit::Temporary),
        _ if !total.unreceipted.is_empty() => ("receipts-missing", Exit::Temporary),
        (0, 0) => ("posted", Exit::Ok),
        (0, _) => ("not-yet-witnessed", Exit::Policy),
    };
    listed.push_str(said.in_(console.lang));
    Ok(plain(code, listed)
        .with("records", records)
        .with("documents_missing", missing)
        .with("logged", new)
        .with("known", known)
        .with("unwitnessed", unwitnessed)
        .with("refused", list)
        .with("committed", committed)
        .with("warnings", warned)
        .exit(exit))
}

/// Where people look at a record.
fn address(http: &Http, index: u64) -> String {
    format!("{}/entries/{index}", http.base())
}

/// What the program did of its own accord, and what the ledger would have the clerk look at: every line when checking, else in sum.
fn tell(console: &Console, file: &Path, outcome: &Posted, each: bool) {
    let shown = file.display();
    for (line, marks) in outcome.committed.iter().filter(|_| each) {
        for mark in marks {
            let (pointer, code) = (&mark.pointer, mark.code);
            let Said { zh, en } = if mark.shown {
                said!("原文随记录展示", "its opening is shown beside the record")
            } else {
                said!("原文留在本中心", "its opening stays with the centre")
            };
            console.talk(&said!(
                "{shown} 第 {line} 行 {pointer}：改为承诺值（{code}），{zh}",
                "{shown} line {line} {pointer}: made a commitment ({code}), {en}"
            ));
        }
    }
    for (line, remarks) in outcome.warned.iter().filter(|_| each) {
        for remark in remarks {
            let text =
                |name: &str| one_line(remark.get(name).and_then(Value::as_str).unwrap_or_default());
            let (code, pointer, zh, en) = (text("code"), text("pointer"), text("zh"), text("en"));
            console.talk(&said!(
                "{shown} 第 {line} 行 {pointer}：[{code}] {zh}",
                "{shown} line {line} {pointer}: [{code}] {en}"
            ));
        }
    }
    let sum = |lines: &mut dyn Iterator<Item = usize>| lines.sum::<usize>();
    let committed = sum(&mut outcome.committed.iter().map(|(_, marks)| marks.len()));
    if committed > 0 && !each {
        console.talk(&said!(
            "{shown}：{committed} 处不宜明文的内容已自动改为承诺值（--check 逐条列出）",
            "{shown}: {committed} values that may not stand in the clear were made into commitments (--check lists them)"
        ));
    }
    let warned = sum(&mut outcome.warned.iter().map(|(_, remarks)| remarks.len()));
    if warned > 0 && !each {
        console.talk(&said!(
            "{shown}：账本提示 {warned} 处（--check 逐条列出）",
            "{shown}: the ledger remarks on {warned} places (--check lists them)"
        ));
    }
}

/// The words that the ledger checks by. An older ledger serves none; then ours.
fn served_vocabulary(http: &Http) -> Result<Vocabulary, Failure> {
    const NAME: &str = "api/v1/vocabulary";
    let answer = answered::ask(http, NAME, ANSWER_BYTES_MAX)?;
    if answer.status == 404 {
        return Ok(Vocabulary::builtin().clone());
    }
    if answer.status != 200 {
        return Err(answered::refusal(http, NAME, &answer));
    }
    answered::object(http, NAME, &answer)?;
    Vocabulary::with_served(&answer.body).map_err(|error| {
        let zh = error.zh();
        Failure::temporary(
            "vocabulary",
            said!(
                "账本给出的词表不可用：{zh}",
                "the ledger's vocabulary is not taken: {error}"
            ),
        )
    })
}

/// Where what is withheld is kept: as told, else beside the drafts. Standard input has no beside.
fn vault(arguments: &Arguments, drafts: &Path) -> Option<Vault> {
    if let Some(path) = &arguments.openings {
        return Some(Vault::new(path));
    }
    if drafts.as_os_str() == "-" {
        return None;
    }
    let mut path = drafts.as_os_str().to_owned();
    path.push(".openings");
    Some(Vault::new(Path::new(&path)))
}
