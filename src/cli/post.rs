//! `post`: drafts in, receipts out. Resumable: what is logged already counts as done, however often it is run.
//!
//! Drafts go in the order in which they stand, many in one request: each follows the one before of its project, also where that one is still
//! on its way. Where one is not taken, those behind it are signed and sent again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::draft::Line;
use super::keys::holder::Holder;
use super::out::{Answer, Console, Exit, Failure};
use super::text::{Said, said};
use super::vault::Vault;
use super::{KeyArguments, plain, read_file};
use crate::store::{Http, HttpError};
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;

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
/// A full or reopening ledger is asked again so often, with growing pauses, before the run gives up; running again goes on.
const BUSY_TRIES: u32 = 8;
/// The head of a chain may move under us, if another client of the same centre posts; then the draft is signed again.
const FOLLOW_TRIES: u32 = 5;

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
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
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
            },
        )?;
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
        .exit(exit))
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
}

/// Posts every line of a file of drafts.
pub(super) fn post_lines<'a>(
    console: &Console,
    http: &'a Http,
    signer: &'a Holder,
    text: &str,
    posting: Posting<'a>,
) -> Result<Outcome, Failure> {
    let receipts = posting.receipts;
    let ledger = ledger_name(http)?;
    let mut outcome = Outcome::default();
    let mut waiting: VecDeque<Line> = VecDeque::new();
    let mut count = 0;
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        match Line::read(at + 1, line) {
            Ok(line) => waiting.push_back(line),
            Err(error) => outcome.refused.push((at + 1, error.to_string())),
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
    let answer = http.call("GET", "api/v1/keys", &[], None, ANSWER_BYTES_MAX)?;
    let keys: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let ledger = keys
        .as_ref()
        .and_then(|keys| keys.get("ledger")?.as_str())
        .filter(|_| answer.status == 200);
    ledger.map(str::to_owned).ok_or_else(|| {
        let url = http.base();
        Failure::temporary(
            "no-ledger",
            said!("{url} 不是明账账本", "there is no ledger at {url}"),
        )
    })
}

const POST: &str = "api/v1/statements/batch";
const POST_WITNESSED: &str = "api/v1/statements/batch?wait=witnessed";
const DRY_RUN: &str = "api/v1/statements/batch?dry_run=true";

/// A signed draft.
#[derive(Clone)]
struct Ready {
    line: Line,
    id: Hash,
    note: String,
    /// Travels with it.
    shown: Openings,
    /// Stays here, and never goes to the ledger.
    withheld: Openings,
}

impl Ready {
    /// As a batch takes it.
    fn line(&self) -> String {
        let mut post = json!({ "note": self.note });
        if !self.shown.is_empty() {
            post["openings"] =
                serde_json::from_slice(&self.shown.encode()).expect("openings are encoded as JSON");
        }
        format!("{post}\n")
    }

    fn kept(&self) -> Kept<'_> {
        Kept {
            id: &self.id,
            reference: &self.line.reference,
            openings: &self.withheld,
        }
    }
}

/// Whether a dry run says that the ledger has it: the same statement, or another with its `ref`, whose id it tells.
fn known(answer: &Value) -> Option<Option<Hash>> {
    let status = answer.get("status").and_then(Value::as_u64);
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    match (status, member("code").unwrap_or_default()) {
        (Some(200), _) if answer.get("index").is_some_and(Value::is_u64) => Some(None),
        (Some(409), "ref-conflict") => Some(member("existing").and_then(Hash::from_hex)),
        _ => None,
    }
}

struct Poster<'a> {
    http: &'a Http,
    signer: &'a Holder,
    ledger: String,
    heads: HashMap<String, Option<Hash>>,
    /// Ids by line number, for `amends`.
    made: HashMap<usize, Hash>,
    tries: HashMap<usize, u32>,
    receipts: Option<&'a Path>,
    check: bool,
    wait: WaitFor,
    show: Show,
    withhold: Option<&'a mut Withhold<'a>>,
}

impl Poster<'_> {
    /// Posts drafts in their order; gives back those whose fate is undecided.
    fn post(&mut self, window: Vec<Line>, outcome: &mut Outcome) -> Result<Vec<Line>, Failure> {
        let mut ready = self.sign(window, outcome)?;
        if self.check {
            let answers = self.send(DRY_RUN, &ready)?;
            for (one, answer) in ready.iter().zip(answers) {
                self.take_checked(&one.line, &answer, outcome)?;
            }
            return Ok(Vec::new());
        }
        if ready.iter().any(|one| !one.withheld.is_empty()) {
            ready = self.keep(ready, outcome)?;
        }
        let name = match self.wait {
            WaitFor::Signed => POST,
            WaitFor::Witnessed => POST_WITNESSED,
        };
        let answers = self.send(name, &ready)?;
        let (mut undecided, mut shaken) = (Vec::new(), HashSet::new());
        for (one, answer) in ready.into_iter().zip(answers) {
            let after_a_gap = shaken.contains(&one.line.project);
            let before = outcome.logged.len();
            let done = self.take(&one.line, one.id, &answer, after_a_gap, outcome)?;
            if outcome.logged.len() == before {
                shaken.insert(one.line.project.clone());
            }
            if !done {
                undecided.push(one.line);
            }
        }
        Ok(undecided)
    }

    /// Signs each draft to follow the one before, as if that one were logged already.
    fn sign(&mut self, lines: Vec<Line>, outcome: &mut Outcome) -> Result<Vec<Ready>, Failure> {
        let mut heads: HashMap<String, Option<Hash>> = HashMap::new();
        let mut ready = Vec::new();
        for line in lines {
            let head = match heads.get(&line.project) {
                Some(head) => *head,
                None => self.head(&line.project)?,
            };
            match line.sign(&self.ledger, head.as_ref(), self.signer, |number| {
                self.made.get(&number).copied()
            }) {
                Ok((statement, opened)) => {
                    // What is only checked is logged by nobody.
                    let after = if self.check {
                        head
                    } else {
                        Some(statement.id())
                    };
                    heads.insert(line.project.clone(), after);
                    let (shown, withheld) = match self.show {
                        Show::AsDrafted => (opened.shown, opened.withheld),
                        Show::Nothing => (Openings::default(), opened.all()),
                    };
                    ready.push(Ready {
                        note: String::from_utf8_lossy(statement.note()).into_owned(),
                        id: statement.id(),
                        line,
                        shown,
                        withheld,
                    });
                }
                Err(error) => outcome.refused.push((line.number, error.to_string())),
            }
        }
        Ok(ready)
    }

    /// Keeps the openings that do not go to the ledger, those of the statements only that the ledger does not have: salts that open
    /// nothing help nobody.
    fn keep(&mut self, ready: Vec<Ready>, outcome: &mut Outcome) -> Result<Vec<Ready>, Failure> {
        let answers = self.send(DRY_RUN, &ready)?;
        let (mut new, mut ready) = (Vec::new(), ready);
        for (one, answer) in ready.iter().zip(answers) {
            match known(&answer) {
                Some(existing) => {
                    self.made
                        .insert(one.line.number, existing.unwrap_or(one.id));
                    outcome.known.push(one.line.number);
                }
                None => new.push(one.line.clone()),
            }
        }
        if new.len() < ready.len() {
            ready = self.sign(new, outcome)?;
        }
        let hiding = ready.iter().filter(|one| !one.withheld.is_empty());
        let kept: Vec<Kept<'_>> = hiding.map(Ready::kept).collect();
        if !kept.is_empty() {
            let keep = self.withhold.as_mut().ok_or_else(no_vault)?;
            keep(&kept)?;
        }
        Ok(ready)
    }

    /// One line's answer. `false`: undecided, to be sent again. `after_a_gap`: the one that it was to follow was not taken.
    fn take(
        &mut self,
        line: &Line,
        id: Hash,
        answer: &Value,
        after_a_gap: bool,
        outcome: &mut Outcome,
    ) -> Result<bool, Failure> {
        let status = answer.get("status").and_then(Value::as_u64).unwrap_or(0);
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        match (status, member("code").unwrap_or_default()) {
            (200 | 201, _) => {
                let index = answer.get("index").and_then(Value::as_u64).unwrap_or(0);
                self.heads.insert(line.project.clone(), Some(id));
                self.made.insert(line.number, id);
                if let (Some(folder), Some(receipt)) = (self.receipts, member("receipt")) {
                    let path = folder.join(format!("{index}.tlog-proof"));
                    super::fetch::write_new(&path, receipt.as_bytes())?;
                }
                if answer.get("witnessed").and_then(Value::as_bool) == Some(false) {
                    outcome.unwitnessed += 1;
                }
                if status == 201 {
                    outcome.logged.push((line.number, index))
                } else {
                    outcome.known.push(line.number);
                }
                Ok(true)
            }
            // The same disclosure was posted before, in other words or with other salts: that one stands.
            (409, "ref-conflict") => {
                if let Some(existing) = member("existing").and_then(Hash::from_hex) {
                    self.made.insert(line.number, existing);
                }
                outcome.known.push(line.number);
                Ok(true)
            }
            (409, "follows-conflict") => {
                let tries = self.tries.entry(line.number).or_default();
                *tries += u32::from(!after_a_gap);
                if *tries > FOLLOW_TRIES {
                    outcome.refused.push((line.number, said_by(answer)));
                    return Ok(true);
                }
                self.heads.insert(
                    line.project.clone(),
                    member("head").and_then(Hash::from_hex),
                );
                Ok(false)
            }
            (503, _) => {
                let tries = self.tries.entry(line.number).or_default();
                *tries += 1;
                if *tries > BUSY_TRIES {
                    return Err(busy(answer));
                }
                std::thread::sleep(Duration::from_millis(50 << (*tries).min(6)));
                Ok(false)
            }
            (507, _) => Err(busy(answer)),
            _ => {
                outcome.refused.push((line.number, said_by(answer)));
                Ok(true)
            }
        }
    }

    /// What a line that was checked only would have become.
    fn take_checked(
        &mut self,
        line: &Line,
        answer: &Value,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        match answer.get("status").and_then(Value::as_u64) {
            _ if known(answer).is_some() => outcome.known.push(line.number),
            Some(200) => outcome.logged.push((line.number, 0)),
            Some(503 | 507) => return Err(busy(answer)),
            _ => outcome.refused.push((line.number, said_by(answer))),
        }
        Ok(())
    }

    /// The newest statement of the project, by us or by an earlier run.
    fn head(&mut self, project: &str) -> Result<Option<Hash>, Failure> {
        if let Some(head) = self.heads.get(project) {
            return Ok(*head);
        }
        let name = format!("api/v1/projects/{}/{project}?limit=1", self.signer.name());
        let answer = self.http.call("GET", &name, &[], None, ANSWER_BYTES_MAX)?;
        let view: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let head = match answer.status {
            200 => view
                .get("head")
                .and_then(Value::as_str)
                .and_then(Hash::from_hex),
            404 | 400 => None,
            _ => return Err(busy(&view)),
        };
        self.heads.insert(project.to_owned(), head);
        Ok(head)
    }

    fn send(&self, name: &str, ready: &[Ready]) -> Result<Vec<Value>, Failure> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let lines = ready.len();
        let body: String = ready.iter().map(Ready::line).collect();
        let mut tries = 0;
        loop {
            let sent = self.http.call(
                "POST",
                name,
                &[("content-type", "application/x-ndjson")],
                Some(body.as_bytes()),
                ANSWER_BYTES_MAX,
            );
            tries += 1;
            match sent {
                Ok(answer) if answer.status == 200 => {
                    let answers: Vec<Value> = answer
                        .body
                        .split(|byte| *byte == b'\n')
                        .filter(|line| !line.is_empty())
                        .map(|line| serde_json::from_slice(line).unwrap_or(Value::Null))
                        .collect();
                    if answers.len() == lines {
                        return Ok(answers);
                    }
                }
                Ok(answer) if !matches!(answer.status, 502..=504 | 429) => {
                    return Err(busy(
                        &serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
                    ));
                }
                // Posting the same bytes again is harmless, whatever became of them.
                Ok(_) => {}
                Err(error @ (HttpError::TooLarge { .. } | HttpError::Url { .. })) => {
                    return Err(error.into());
                }
                Err(error) if tries >= BUSY_TRIES => return Err(error.into()),
                Err(_) => {}
            }
            if tries >= BUSY_TRIES {
                return Err(busy(&Value::Null));
            }
            std::thread::sleep(Duration::from_millis(50 << tries.min(6)));
        }
    }
}

/// What the ledger said of a line, in its own words.
pub(super) fn said_by(answer: &Value) -> String {
    let member = |name: &str| answer.get(name).and_then(Value::as_str);
    let (code, title) = (
        member("code").unwrap_or("?"),
        member("title").unwrap_or_default(),
    );
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
