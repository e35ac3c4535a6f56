//! `post`: drafts in, receipts out. Resumable: what is logged already counts as done, however often it is run.
//!
//! Drafts go in the order in which they stand, many in one request: each follows the one before of its project, also where that one is still
//! on its way. Where one is not taken, those behind it are signed and sent again.

mod poster;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::answered;
use super::documents::Attached;
use super::draft::{Guard, Line};
use super::keys::holder::Holder;
use super::out::{Answer, Console, Exit, Failure};
use super::text::{Said, said};
use super::vault::Vault;
use super::{KeyArguments, plain, read_file};
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
    /// Logged, but under a checkpoint that has no quorum of witnesses yet.
    pub unwitnessed: usize,
    /// Refused: line, what the ledger said.
    pub refused: Vec<(usize, String)>,
    /// What was made into commitments: line, where and how.
    pub committed: Vec<(usize, Vec<Mark>)>,
    /// What the ledger would have the poster look at: line, remarks.
    pub warned: Vec<(usize, Vec<Value>)>,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    for code in &arguments.accept {
        if !door::is_secrecy(code) && code != guard::LEAK {
            let known = door::SECRECY.join(", ");
            let leak = guard::LEAK;
            return Err(Failure::usage(
                "accept",
                said!(
                    "--accept {code}：没有这样的提示，应为 {known}, {leak} 之一",
                    "--accept {code}: there is no such warning, wanted one of {known}, {leak}"
                ),
            ));
        }
    }
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let guard = Guard {
        words: served_vocabulary(&http)?,
        accepted: arguments.accept.clone(),
    };
    let mut total = Outcome::default();
    for file in &arguments.files {
        let bytes = read_file(file, FILE_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            let shown = file.display();
            Failure::input(
                "not-utf8",
                said!("{shown} 不是 UTF-8 文本", "{shown} is not UTF-8 text"),
            )
        })?;
        let mut vault = vault(arguments, file);
        let beside = file.parent().unwrap_or(Path::new(""));
        let mut attached = Attached::new(arguments.documents.as_deref().unwrap_or(beside));
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
                withhold: Some(&mut keep),
                guard: Some(&guard),
                attached: Some(&mut attached),
            },
        )?;
        if !arguments.check {
            let refused: HashSet<usize> = outcome.refused.iter().map(|(line, _)| *line).collect();
            let (taken, all) = attached.send(&http, |line| !refused.contains(&line))?;
            if all > 0 {
                console.talk(&said!(
                    "附件 {all} 份，新上传 {taken} 份",
                    "{all} documents, {taken} sent now"
                ));
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
        for (line, reason) in &outcome.refused {
            let shown = file.display();
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
        (0, 0) => ("posted", Exit::Ok),
        (0, _) => ("not-yet-witnessed", Exit::Policy),
        _ => ("partly-refused", Exit::Input),
    };
    Ok(plain(code, console.lang.say(&zh, &en))
        .with("logged", new)
        .with("known", known)
        .with("unwitnessed", unwitnessed)
        .with("refused", list)
        .with("committed", committed)
        .with("warnings", warned)
        .exit(exit))
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
            let text = |name: &str| remark.get(name).and_then(Value::as_str).unwrap_or_default();
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
    let mut waiting: VecDeque<Line> = VecDeque::new();
    let mut count = 0;
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let read = Line::read(at + 1, line).and_then(|mut line| {
            if let Some(attached) = &mut attached {
                attached.fill(&mut line)?;
            }
            let marks = posting
                .guard
                .map_or(Ok(Vec::new()), |guard| line.guard(guard))?;
            Ok((line, marks))
        });
        match read {
            Ok((line, marks)) => {
                if !marks.is_empty() {
                    outcome.committed.push((at + 1, marks));
                }
                waiting.push_back(line);
            }
            Err(error) => {
                let said = console.lang.say(&error.zh(), &error.to_string()).to_owned();
                outcome.refused.push((at + 1, said));
            }
        }
        count += 1;
    }
    if let Some(folder) = receipts {
        std::fs::create_dir_all(folder).map_err(|error| folder_failed(folder, &error))?;
    }
    let bar = console.progress(count, &said!("发布", "posting"));
    let mut poster = Poster {
        http,
        signer,
        ledger,
        heads: HashMap::new(),
        made: HashMap::new(),
        tries: HashMap::new(),
        receipts,
        check: posting.check,
        wait: posting.wait,
        show: posting.show,
        withhold: posting.withhold,
        guard: posting.guard,
        lang: console.lang,
    };
    while !waiting.is_empty() {
        let mut undecided = poster.post(window(&mut waiting), &mut outcome)?;
        while let Some(line) = undecided.pop() {
            waiting.push_front(line);
        }
        bar.set_position(count - waiting.len() as u64);
    }
    bar.finish_and_clear();
    outcome.refused.sort();
    Ok(outcome)
}

/// The next drafts, up to one that amends another of them: that one's id is known when it is logged.
fn window(waiting: &mut VecDeque<Line>) -> Vec<Line> {
    let mut window: Vec<Line> = Vec::new();
    while let Some(next) = waiting.front() {
        let amends_one = next
            .amends
            .is_some_and(|number| window.iter().any(|line| line.number == number));
        if amends_one || window.len() == WINDOW {
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
