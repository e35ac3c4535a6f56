//! `post`: drafts in, receipts out. Resumable: what is logged already counts as done, however often it is run.
//!
//! Drafts go in the order in which they stand, many in one request: each follows the one before of its project, also where that one is still
//! on its way. Where one is not taken, those behind it are signed and sent again.

mod faults;
mod poster;
mod settle;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::answered;
use super::documents::Attached;
use super::draft::{Amended, Guard, Line};
use super::forms;
use super::keys::holder::Holder;
use super::out::{Answer, Console, Exit, Failure};
use super::vault::Vault;
use super::{KeyArguments, plain, read_file};
use crate::lang::Said;
use crate::said;
use crate::store::Http;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;
use crate::trade::door;
use crate::trade::guard::{self, Mark};
use crate::trade::visible::one_line;
use crate::trade::vocabulary::Vocabulary;
use poster::Poster;

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

/// What a receipt waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum WaitFor {
    /// Durable and signed by the log.
    #[default]
    Signed,
    /// Cosigned as the ledger's policy wants, too.
    Witnessed,
}

const FILE_BYTES_MAX: u64 = 1 << 30;
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Lines sent in one request.
const WINDOW: usize = 500;

/// What became of a run.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Logged now: line, index.
    pub logged: Vec<(usize, u64)>,
    /// In the ledger before: line.
    pub known: Vec<usize>,
    /// Checked only, and the same as an earlier line of the file: both lines.
    pub repeated: Vec<(usize, usize)>,
    /// In the ledger, with other words where that does not count: line, index, pointers.
    pub apart: Vec<(usize, u64, Vec<String>)>,
    /// Where both are.
    pub placed: Vec<Placed>,
    /// In the ledger, and its receipt was not written: line, why.
    pub unreceipted: Vec<(usize, Said)>,
    /// Logged, but under a checkpoint that has no quorum of witnesses yet.
    pub unwitnessed: usize,
    /// Refused: line, what the ledger said.
    pub refused: Vec<(usize, String)>,
    /// What was made into commitments: line, where and how.
    pub committed: Vec<(usize, Vec<Mark>)>,
    /// What the ledger would have the poster look at: line, remarks.
    pub warned: Vec<(usize, Vec<Value>)>,
}

/// Where a line is in the ledger.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub line: usize,
    pub index: u64,
    pub id: Hash,
    pub is_new: bool,
}

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
    let mut total = Outcome::default();
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
                let Said { zh, en } = if placed.is_new {
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
                listed.push_str(console.lang.say(&zh, &en));
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
    let Said { zh, en } = if arguments.check {
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
    listed.push_str(console.lang.say(&zh, &en));
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
fn tell(console: &Console, file: &Path, outcome: &Outcome, each: bool) {
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

/// What opens the commitments of one statement.
pub(super) struct Kept<'k> {
    /// The statement's id.
    pub id: &'k Hash,
    /// Its `ref`.
    pub reference: &'k str,
    /// Salts and values.
    pub openings: &'k Openings,
}

/// Which openings travel with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Those that the draft says are shown.
    AsDrafted,
    /// None: what others have published is not published again by us.
    Nothing,
}

/// Keeps the openings of statements that are about to be sent.
pub(super) type Withhold<'a> = dyn FnMut(&[Kept<'_>]) -> Result<(), Failure> + 'a;

/// How drafts are posted.
pub(super) struct Posting<'a> {
    /// Where receipts go.
    pub receipts: Option<&'a Path>,
    /// Log nothing.
    pub check: bool,
    /// What receipts wait for.
    pub wait: WaitFor,
    /// Which openings go to the ledger.
    pub show: Show,
    /// Pointers to what does not make two statements under one `ref` different.
    pub apart: &'static [&'static str],
    /// Takes the others, before the statement is sent. Without it, a draft that needs it ends the run.
    pub withhold: Option<&'a mut Withhold<'a>>,
    /// Makes plain drafts safe, and stops at what is not. Without one, drafts are posted as they are.
    pub guard: Option<&'a Guard>,
    /// Finds the files that drafts name.
    pub attached: Option<&'a mut Attached>,
}

/// Posts every line of a file of drafts.
pub(super) fn post_lines<'a>(
    console: &Console,
    http: &'a Http,
    signer: &'a Holder,
    text: &str,
    posting: Posting<'a>,
) -> Result<Outcome, Failure> {
    let (receipts, mut attached) = (posting.receipts, posting.attached);
    let ledger = ledger_name(http)?;
    let mut outcome = Outcome::default();
    let mut poster = Poster {
        http,
        signer,
        ledger,
        heads: HashMap::new(),
        made: HashMap::new(),
        tries: HashMap::new(),
        held: HashMap::new(),
        receipts,
        check: posting.check,
        wait: posting.wait,
        show: posting.show,
        apart: posting.apart,
        withhold: posting.withhold,
        guard: posting.guard,
        lang: console.lang,
    };
    let mut waiting: VecDeque<Line> = VecDeque::new();
    // The words of each `ref` of the file, and the line where they stand.
    let mut references: HashMap<String, (usize, Value)> = HashMap::new();
    let mut count = 0;
    for drafted in forms::drafts(text) {
        count += 1;
        let at = drafted.line;
        let mut line = match Line::read(at, &drafted.text) {
            Ok(line) => line,
            Err(error) => {
                let said = console.lang.say(&error.zh(), &error.to_string()).to_owned();
                outcome.refused.push((at, said));
                continue;
            }
        };
        if let Some(Err(faults)) = attached.as_mut().map(|attached| attached.fill(&mut line)) {
            let said = faults
                .iter()
                .map(|error| console.lang.say(&error.zh(), &error.to_string()).to_owned());
            // What else is wrong is told too; the documents are not, for they have no digest yet.
            let rest = poster.faults(&line);
            let rest = rest.into_iter().filter(|one| !one.contains("/documents"));
            let said: Vec<String> = said.chain(rest).collect();
            outcome.refused.push((at, said.join("; ")));
            continue;
        }
        match posting
            .guard
            .map_or(Ok(Vec::new()), |guard| line.guard(guard))
        {
            Ok(marks) if marks.is_empty() => {}
            Ok(marks) => outcome.committed.push((at, marks)),
            Err(error) => {
                poster.refuse(&line, &error, &mut outcome);
                continue;
            }
        }
        if let Some(Amended::Reference(named) | Amended::Either(named)) = &line.amends
            && let Some((earlier, _)) = references.get(named)
        {
            line.amends = Some(Amended::Line(*earlier));
        }
        let words: Value = serde_json::from_str(&line.text).unwrap_or(Value::Null);
        if words.get("ref").is_some() {
            match references.get(&line.reference) {
                Some((earlier, there)) if is_other(there, &words, posting.apart) => {
                    let reference = one_line(&line.reference);
                    let Said { zh, en } = said!(
                        "ref {reference} 在本文件第 {earlier} 行已用于另一内容：要更正请用 amends，另一条公告请用另一个 ref",
                        "ref {reference} stands at line {earlier} of this file for other words: amend that one, or give another ref"
                    );
                    outcome
                        .refused
                        .push((at, console.lang.say(&zh, &en).to_owned()));
                    continue;
                }
                Some((earlier, _)) if posting.check => {
                    outcome.repeated.push((at, *earlier));
                    continue;
                }
                Some(_) => {}
                None => {
                    references.insert(line.reference.clone(), (at, words));
                }
            }
        }
        waiting.push_back(line);
    }
    if let Some(folder) = receipts {
        std::fs::create_dir_all(folder).map_err(|error| folder_failed(folder, &error))?;
    }
    let bar = console.progress(count, &said!("发布", "posting"));
    while !waiting.is_empty() {
        let mut undecided = poster.post(window(&mut waiting), &mut outcome)?;
        while let Some(line) = undecided.pop() {
            waiting.push_front(line);
        }
        bar.set_position(count - waiting.len() as u64);
    }
    bar.finish_and_clear();
    let repeated = std::mem::take(&mut outcome.repeated);
    for (line, earlier) in repeated {
        let is_refused = outcome.refused.iter().any(|(line, _)| *line == earlier);
        if !is_refused {
            outcome.known.push(line);
        }
    }
    outcome.refused.sort();
    outcome.placed.sort_by_key(|placed| placed.line);
    Ok(outcome)
}

/// Whether two drafts differ in what is not `apart`.
fn is_other(one: &Value, other: &Value, apart: &[&str]) -> bool {
    if one == other || apart.is_empty() {
        return one != other;
    }
    let mut places = Vec::new();
    settle::differences(one, other, "", &mut places);
    places.iter().any(|place| !settle::is_in(place, apart))
}

/// The next drafts, up to one that amends another of them, whose id is known when it is logged, or has the `ref` of another, which is in the
/// ledger already when that one is logged.
fn window(waiting: &mut VecDeque<Line>) -> Vec<Line> {
    let mut window: Vec<Line> = Vec::new();
    while let Some(next) = waiting.front() {
        let amends_one = match &next.amends {
            Some(Amended::Line(number)) => window.iter().any(|line| line.number == *number),
            _ => false,
        };
        let repeats_one = window.iter().any(|line| line.reference == next.reference);
        if amends_one || repeats_one || window.len() == WINDOW {
            break;
        }
        window.extend(waiting.pop_front());
    }
    window
}

/// The ledger's origin, which every statement names.
pub(super) fn ledger_name(http: &Http) -> Result<String, Failure> {
    let keys = answered::get(http, "api/v1/keys", ANSWER_BYTES_MAX)?;
    Ok(keys.str("ledger")?.to_owned())
}

/// What the ledger said of a line, in its own words.
pub(super) fn said_by(answer: &Value) -> String {
    let member = |name: &str| answer.get(name).and_then(Value::as_str).map(one_line);
    let code = member("code").unwrap_or("?".into());
    let title = member("title").unwrap_or_default();
    match member("detail") {
        Some(detail) => format!("[{code}] {title}: {detail}"),
        None => format!("[{code}] {title}"),
    }
}

fn busy(answer: &Value) -> Failure {
    let cause = said_by(answer);
    Failure::temporary(
        "ledger-busy",
        said!(
            "账本现在不能登记；稍后再运行一次即可接着做",
            "the ledger cannot log now; run the same command again to go on"
        )
        .because(&cause),
    )
}

fn no_vault() -> Failure {
    Failure::usage(
        "openings",
        said!(
            "草稿里有不公开的内容，只发布承诺值；请用 --openings FILE 指明原文存放处",
            "these drafts hold what is withheld, of which only commitments are published; say with --openings FILE where to keep what opens them"
        ),
    )
}

fn folder_failed(folder: &Path, error: &std::io::Error) -> Failure {
    let shown = folder.display();
    Failure::input(
        "folder",
        said!("建不了目录 {shown}", "cannot make the folder {shown}").because(error),
    )
}
