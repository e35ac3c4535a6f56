//! `published`: which files of a folder are published in a ledger, in which record, by whom, when.
//!
//! Promises: every file of the folder has a line, also one that cannot be read; the folder is only read; a file of any size takes no
//! more memory than another. With `--policy` nothing the ledger says is believed: the receipt of the record is verified, and the
//! statement inside must name the digest. Does not send the files anywhere: only their digests leave this machine.

use std::collections::HashMap;
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::answered::{self, Answered, Lag, behind, caught_up};
use super::files::digest_of;
use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::verify::not_held;
use super::{ANSWER_BYTES_MAX, plain};
use crate::lang::Bilingual;
use crate::rules::csv;
use crate::said;
use crate::store::Http;
use crate::tlog::policy::Policy;
use crate::trade::statement::Document;
use crate::trade::visible::one_line;
use crate::verify::VerifiedRecord;

/// What `published` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Verify each record's receipt by these policies, files or folders, instead of believing the ledger / 信任策略
    #[arg(long, value_name = "POLICY", num_args = 1)]
    policy: Vec<PathBuf>,
    /// The same list as CSV for a spreadsheet / 输出 CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Folders, with all below them, and files / 目录或文件
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
}

/// Files of one run; a folder with more is asked about in parts.
const FILES_MAX: usize = 1_000_000;
/// Digests of one request, as the server takes them.
const DIGESTS: usize = 1_000;
const LOOKUP: &str = "api/v1/documents/lookup";

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lookup {
    /// A record names it, as the ledger says; with a policy, as the verified receipt shows.
    Published,
    /// No record names it.
    NotFound,
    /// The ledger says so, and the receipt does not show it.
    Unproved,
    /// It cannot be read, or is no file.
    Unreadable,
}

impl Lookup {
    /// The word for programs.
    fn word(self) -> &'static str {
        match self {
            Lookup::Published => "published",
            Lookup::NotFound => "not_found",
            Lookup::Unproved => "unproved",
            Lookup::Unreadable => "unreadable",
        }
    }
}

impl Display for Lookup {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Bilingual for Lookup {
    fn zh(&self) -> String {
        let zh = match self {
            Lookup::Published => "已公开",
            Lookup::NotFound => "未见公开",
            Lookup::Unproved => "未能证明",
            Lookup::Unreadable => "读不了",
        };
        zh.to_owned()
    }
}

struct Line {
    path: PathBuf,
    sha256: String,
    state: Lookup,
    /// What the ledger says of the record, or null.
    first: Value,
    /// How many records name it.
    records: usize,
    /// Its receipt holds, but for the witnesses that the policy wants.
    is_unwitnessed: bool,
    /// Why, where something is wrong.
    reason: String,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.ledger)?;
    let policies = Policies::read(&arguments.policy)?;
    let mut lines = Vec::new();
    for path in &arguments.paths {
        collect(console, path, &mut lines)?;
    }
    if lines.is_empty() {
        return Err(Failure::input(
            "no-files",
            said!(
                "所给目录里没有文件，什么也没有核对",
                "there is no file in what is given, and nothing was looked up"
            ),
        ));
    }
    let bar = console.progress(lines.len() as u64, &said!("计算摘要", "hashing"));
    for line in lines
        .iter_mut()
        .filter(|line| line.state != Lookup::Unreadable)
    {
        match digest_of(&line.path) {
            Ok(digest) => line.sha256 = digest,
            Err(failure) => {
                line.state = Lookup::Unreadable;
                line.reason = console
                    .lang
                    .say(&failure.said.zh, &failure.said.en)
                    .to_owned();
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let Asked {
        found,
        indexed,
        size,
        lag,
    } = ask(&http, &lines)?;
    let mut proved: HashMap<u64, Result<Proved, String>> = HashMap::new();
    for line in lines
        .iter_mut()
        .filter(|line| line.state != Lookup::Unreadable)
    {
        let Some(document) = found.get(&line.sha256) else {
            continue;
        };
        if document["published"] != true {
            continue;
        }
        line.state = Lookup::Published;
        line.first = document["first"].clone();
        line.records = document["records"].as_array().map_or(0, Vec::len);
        if !policies.is_empty() {
            prove(console, &http, &policies, line, &mut proved);
        }
    }
    Ok(answer(console, arguments, &lines, (indexed, size, lag)))
}

/// Every file below, in the order of names. Links are not followed: what they lead to is not in this folder.
fn collect(console: &Console, path: &Path, lines: &mut Vec<Line>) -> Result<(), Failure> {
    if lines.len() >= FILES_MAX {
        return Err(Failure::input(
            "too-many-files",
            said!(
                "超过 {FILES_MAX} 个文件，请分目录查询",
                "more than {FILES_MAX} files; ask folder by folder"
            ),
        ));
    }
    let unreadable = |reason: String| Line {
        path: path.to_owned(),
        sha256: String::new(),
        state: Lookup::Unreadable,
        first: Value::Null,
        records: 0,
        is_unwitnessed: false,
        reason,
    };
    match std::fs::symlink_metadata(path) {
        Ok(kind) if kind.is_dir() => match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut inside: Vec<PathBuf> = Vec::new();
                for entry in entries {
                    match entry {
                        Ok(entry) => inside.push(entry.path()),
                        Err(error) => lines.push(unreadable(error.to_string())),
                    }
                }
                inside.sort();
                inside
                    .iter()
                    .try_for_each(|path| collect(console, path, lines))?;
            }
            Err(error) => lines.push(unreadable(error.to_string())),
        },
        Ok(kind) if kind.is_file() => lines.push(Line {
            state: Lookup::NotFound,
            ..unreadable(String::new())
        }),
        Ok(_) => {
            let words = console.lang.say("不是普通文件", "not a regular file");
            lines.push(unreadable(words.to_owned()));
        }
        Err(error) => lines.push(unreadable(error.to_string())),
    }
    Ok(())
}

/// What the ledger says of all digests, and up to which record.
struct Asked {
    /// By digest.
    found: HashMap<String, Value>,
    indexed: u64,
    size: u64,
    lag: Option<Lag>,
}

fn ask(http: &Http, lines: &[Line]) -> Result<Asked, Failure> {
    let mut digests: Vec<&str> = lines
        .iter()
        .map(|line| line.sha256.as_str())
        .filter(|digest| !digest.is_empty())
        .collect();
    digests.sort_unstable();
    digests.dedup();
    let mut found = HashMap::new();
    let (mut indexed, mut size, mut lag) = (u64::MAX, 0, None);
    for part in digests.chunks(DIGESTS) {
        let body = json!({ "sha256": part }).to_string();
        let headers = [("content-type", "application/json")];
        let (said, behind) = caught_up(|| {
            let body = Some(body.as_bytes());
            let answer = http.call("POST", LOOKUP, &headers, body, ANSWER_BYTES_MAX)?;
            Answered::of(http, LOOKUP, &answer)
        })?;
        for document in said.array("documents")? {
            let digest = said.str_in(document, "sha256")?.to_owned();
            found.insert(digest, document.clone());
        }
        // What was not answered is not "not found".
        if let Some(digest) = part.iter().find(|digest| !found.contains_key(**digest)) {
            let base = http.base();
            return Err(Failure::temporary(
                "answer",
                said!(
                    "{base} 没有回答 {digest}",
                    "{base} says nothing of {digest}"
                ),
            ));
        }
        indexed = indexed.min(said.u64("indexed_size")?);
        size = said.u64("tree_size")?;
        lag = lag.or(behind);
    }
    if digests.is_empty() {
        indexed = 0;
    }
    Ok(Asked {
        found,
        indexed,
        size,
        lag,
    })
}

/// What a verified receipt shows of a record.
struct Proved {
    record: VerifiedRecord,
    /// Whether it is witnessed as the policy wants.
    is_witnessed: bool,
}

/// The receipt of the record must verify, and its statement name the digest. What is then told of the record is what the receipt shows.
fn prove(
    console: &Console,
    http: &Http,
    policies: &[Policy],
    line: &mut Line,
    proved: &mut HashMap<u64, Result<Proved, String>>,
) {
    line.state = Lookup::Unproved;
    let Some(index) = line.first["index"].as_u64() else {
        let words = console
            .lang
            .say("该记录不予展示", "the record is not shown");
        line.reason = words.to_owned();
        return;
    };
    let proved = proved.entry(index).or_insert_with(|| {
        let words = |failure: Failure| failure.said.in_(console.lang).to_owned();
        let receipt = answered::receipt(http, index).map_err(words)?;
        let verified = crate::verify::verify(&receipt, policies);
        let record = verified.map_err(|error| words(not_held(&format!("#{index}"), &error)))?;
        let is_witnessed = record.checkpoint().quorum().met;
        Ok(Proved {
            record,
            is_witnessed,
        })
    });
    let Proved {
        record,
        is_witnessed,
    } = match proved {
        Ok(proved) => proved,
        Err(reason) => {
            line.reason = reason.clone();
            return;
        }
    };
    let (statement, fields) = (record.statement(), record.statement().fields());
    let documents = fields.documents();
    let named = |document: &&Document<'_>| document.sha256.to_string() == line.sha256;
    let Some(document) = documents.iter().find(named) else {
        let words = console
            .lang
            .say("该记录没有提到这一摘要", "the record names no such digest");
        line.reason = words.to_owned();
        return;
    };
    line.first = json!({
        "index": index,
        "time": record.header().time.to_string(),
        "id": statement.id().to_string(),
        "publisher": statement.publisher(),
        "project": statement.project(),
        "kind": fields.kind(),
        "title": fields.title(),
        "issued": statement.issued().map(|time| time.to_string()),
        "name": document.name,
        "receipt": format!("/api/v1/receipts/{index}"),
    });
    line.state = Lookup::Published;
    if !*is_witnessed {
        line.is_unwitnessed = true;
        let words = console.lang.say("见证尚不足", "too few witnesses yet");
        line.reason = words.to_owned();
    }
}

const COLUMNS: [&str; 12] = [
    "file",
    "state",
    "sha256",
    "index",
    "time",
    "publisher",
    "project",
    "kind",
    "issued",
    "title",
    "name",
    "reason",
];

fn answer(
    console: &Console,
    arguments: &Arguments,
    lines: &[Line],
    (indexed, size, lag): (u64, u64, Option<Lag>),
) -> Answer {
    let count = |state: Lookup| lines.iter().filter(|line| line.state == state).count();
    let (published, missing) = (count(Lookup::Published), count(Lookup::NotFound));
    let (unproved, unreadable) = (count(Lookup::Unproved), count(Lookup::Unreadable));
    let (exit, code) = if unreadable > 0 {
        (Exit::Input, "partly-unreadable")
    } else if missing + unproved > 0 {
        (Exit::Failed, "not-all-published")
    } else if lines.iter().any(|line| line.is_unwitnessed) {
        (Exit::Policy, "not-yet-witnessed")
    } else {
        (Exit::Ok, "all-published")
    };
    let text = |line: &Line, name: &str| match &line.first[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut out = String::new();
    if arguments.csv {
        out.push('\u{feff}');
        out.push_str(&COLUMNS.join(","));
        out.push_str("\r\n");
        for line in lines {
            let cells: Vec<String> = COLUMNS
                .iter()
                .map(|column| match *column {
                    "file" => line.path.display().to_string(),
                    "state" => line.state.word().to_owned(),
                    "sha256" => line.sha256.clone(),
                    "reason" => line.reason.clone(),
                    of_record => text(line, of_record),
                })
                .map(|cell| csv::cell(&cell))
                .collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
    } else {
        for line in lines {
            let state = line.state.said();
            let state = state.in_(console.lang);
            let path = line.path.to_string_lossy();
            let path = one_line(&path);
            out.push_str(&match line.state {
                Lookup::Published => format!(
                    "{state}  {path}  [{}] {} {} {}\n",
                    text(line, "index"),
                    text(line, "time"),
                    one_line(&text(line, "publisher")),
                    one_line(&text(line, "title"))
                ),
                Lookup::NotFound => format!("{state}  {path}\n"),
                Lookup::Unproved | Lookup::Unreadable => {
                    format!("{state}  {path}  ({})\n", line.reason)
                }
            });
        }
        let total = lines.len();
        let sum = said!(
            "{total} 个文件：已公开 {published}，未见公开 {missing}，未能证明 {unproved}，读不了 {unreadable}（账本 {size} 条记录，已检索到第 {indexed} 条）\n",
            "{total} files: {published} published, {missing} not found, {unproved} unproved, {unreadable} unreadable ({size} records in the ledger, looked up to {indexed})\n"
        );
        out.push_str(console.lang.say(&sum.zh, &sum.en));
        let unwitnessed = lines.iter().filter(|line| line.is_unwitnessed).count();
        if unwitnessed > 0 {
            let said = said!(
                "其中 {unwitnessed} 个的回执成立，但见证尚不足\n",
                "{unwitnessed} of them have a receipt that holds, with too few witnesses yet\n"
            );
            out.push_str(said.in_(console.lang));
        }
        if arguments.policy.is_empty() && published > 0 {
            out.push_str(console.lang.say(
                "以上是账本所说；加 --policy 则逐条验证回执\n",
                "so says the ledger; with --policy each receipt is verified\n",
            ));
        }
    }
    let files: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "file": line.path.display().to_string(),
                "state": line.state.word(),
                "sha256": line.sha256,
                "record": line.first,
                "records": line.records,
                "reason": line.reason,
            })
        })
        .collect();
    let answer = plain(code, out);
    let answer = if arguments.csv {
        answer.exact()
    } else {
        answer
    };
    let answer = answer
        .exit(exit)
        .with("published", published)
        .with("not_found", missing)
        .with("unproved", unproved)
        .with("unreadable", unreadable)
        .with("verified", !arguments.policy.is_empty())
        .with("indexed_size", indexed)
        .with("tree_size", size)
        .with("files", files);
    // What is not found may be among the records that were not looked at; what is unreadable stays so.
    match lag {
        Some(lag) if missing > 0 && unreadable == 0 => behind(answer, console, lag),
        _ => answer,
    }
}
