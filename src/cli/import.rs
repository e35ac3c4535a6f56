//! `import`: files of other systems in, drafts made of them, posted by the code of `post`; what gave none stands in a report.
//!
//! Importing again posts only what is new: each draft's `ref` is the digest of the bytes that it was made from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::out::{Answer, Console, Exit, Failure};
use super::post::{Kept, Posting, Show, post_lines};
use super::text::{Said, said};
use super::vault::Vault;
use super::{KeyArguments, plain, read_file};
use crate::import::{Import, Item, notices, ocds};
use crate::store::Http;
use crate::tlog::merkle::Hash;

/// Where the files come from.
#[derive(Debug, Subcommand)]
pub(super) enum Source {
    /// Notices of Chinese trading platforms, one JSON object a line / 公告
    Notices(Arguments),
    /// OCDS 1.1: release or record packages, or releases one a line / OCDS 数据
    Ocds(Arguments),
}

/// What `import` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address, such as http://127.0.0.1:7878 / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Write what was refused and why: a Markdown table for a name that ends in .md, else JSON lines / 拒绝清单
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Add what opens the commitments to persons to this file, JSON lines, for its owner only / 承诺值原文存放处
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// Write each receipt into this folder as INDEX.tlog-proof / 回执目录
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// Let the ledger check every draft and log nothing / 只检查，不发布
    #[arg(long)]
    check: bool,
    /// Files to import; `-`: standard input / 文件
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

const FILE_BYTES_MAX: u64 = 1 << 30;

/// Something that was not logged.
struct Refused {
    file: String,
    place: String,
    reason: String,
}

pub(super) fn run(console: &Console, source: &Source) -> Result<Answer, Failure> {
    let (arguments, read): (_, fn(&[u8]) -> Import) = match source {
        Source::Notices(arguments) => (arguments, notices::read),
        Source::Ocds(arguments) => (arguments, ocds::read),
    };
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;

    let (mut items, mut refused) = (Vec::new(), Vec::new());
    for file in &arguments.files {
        let import = read(&read_file(file, FILE_BYTES_MAX)?);
        let file = file.display().to_string();
        for refusal in import.refusals {
            let reason = console.lang.say(&refusal.zh, &refusal.en).to_owned();
            refused.push(Refused {
                file: file.clone(),
                place: refusal.place,
                reason,
            });
        }
        items.extend(import.items.into_iter().map(|item| (file.clone(), item)));
    }
    // Stable: what one file says of one day stays in the file's order.
    items.sort_by_key(|(_, item)| item.issued);
    let found = items.len() + refused.len();

    let drafts: Vec<&str> = items.iter().map(|(_, item)| item.draft.as_str()).collect();
    let text = drafts.join("\n");
    let mut vault = match &arguments.openings {
        _ if !text.contains("\"$commit\"") || arguments.check => None,
        Some(path) => Some(Vault::new(path)),
        None => {
            return Err(Failure::usage(
                "openings",
                said!(
                    "文件涉及自然人，只发布承诺值；请用 --openings FILE 指明原文存放处",
                    "these files name persons, of whom only commitments are published; say with --openings FILE where to keep what opens them"
                ),
            ));
        }
    };
    let post = Posting {
        receipts: arguments.receipts.as_deref(),
        check: arguments.check,
        wait: super::post::WaitFor::Signed,
        show: Show::Nothing,
        withhold: Some(&mut |kept: &[Kept<'_>]| match &mut vault {
            Some(vault) => vault.keep(kept),
            None => Ok(()),
        }),
        guard: None,
        attached: None,
    };
    let outcome = post_lines(console, &http, &signer, &text, post)?;
    let mut sums: Vec<Sum> = Vec::new();
    for file in &arguments.files {
        sums.push(Sum::of(file.display().to_string()));
    }
    for (line, _) in &outcome.logged {
        sum(&mut sums, &items[line - 1].0).logged += 1;
    }
    for line in &outcome.known {
        sum(&mut sums, &items[line - 1].0).known += 1;
    }
    let mut posted = vec![true; items.len()];
    for (line, reason) in outcome.refused {
        let (file, item) = &items[line - 1];
        posted[line - 1] = false;
        refused.push(Refused {
            file: file.clone(),
            place: item.place.clone(),
            reason,
        });
    }
    if !arguments.check {
        let items = items.iter().zip(&posted).filter(|(_, posted)| **posted);
        put_documents(&http, items.map(|((_, item), _)| item))?;
    }
    for one in &refused {
        let Refused {
            file,
            place,
            reason,
        } = one;
        console.talk(&said!(
            "{file} 第 {place} 行被拒绝：{reason}",
            "{file} line {place} refused: {reason}"
        ));
    }
    if let Some(path) = &arguments.report {
        for one in &refused {
            sum(&mut sums, &one.file).refused += 1;
        }
        let report = if path.extension().is_some_and(|ending| ending == "md") {
            table(console, &sums, &refused)
        } else {
            refused
                .iter()
                .map(|one| format!("{}\n", one.json()))
                .collect()
        };
        std::fs::write(path, report).map_err(|error| {
            let shown = path.display();
            Failure::input(
                "report",
                said!("写不了报告 {shown}", "cannot write the report {shown}").because(&error),
            )
        })?;
    }
    let (new, known, not) = (outcome.logged.len(), outcome.known.len(), refused.len());
    let Said { zh, en } = if arguments.check {
        said!(
            "读到 {found} 项：可以发布 {new} 条，已在账本 {known} 条，不能发布 {not} 条\n",
            "{found} found: {new} can be logged, {known} are in the ledger already, {not} cannot\n"
        )
    } else {
        said!(
            "读到 {found} 项：新登记 {new} 条，原已登记 {known} 条，被拒绝 {not} 条\n",
            "{found} found: {new} logged, {known} were in the ledger already, {not} refused\n"
        )
    };
    let (code, exit) = match not {
        0 => ("imported", Exit::Ok),
        _ => ("partly-refused", Exit::Input),
    };
    let list: Vec<Value> = refused.iter().map(Refused::json).collect();
    Ok(plain(code, console.lang.say(&zh, &en))
        .with("found", found)
        .with("logged", new)
        .with("known", known)
        .with("refused", list)
        .exit(exit))
}

impl Refused {
    fn json(&self) -> Value {
        json!({ "file": self.file, "line": self.place, "reason": self.reason })
    }
}

/// What became of the items of a file.
struct Sum {
    file: String,
    logged: usize,
    known: usize,
    refused: usize,
}

impl Sum {
    fn of(file: String) -> Sum {
        Sum {
            file,
            logged: 0,
            known: 0,
            refused: 0,
        }
    }
}

fn sum<'s>(sums: &'s mut Vec<Sum>, file: &str) -> &'s mut Sum {
    let at = sums.iter().position(|sum| sum.file == file);
    let at = at.unwrap_or_else(|| {
        sums.push(Sum::of(file.to_owned()));
        sums.len() - 1
    });
    &mut sums[at]
}

/// What became of each file, and what was refused, for people.
fn table(console: &Console, sums: &[Sum], refused: &[Refused]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let head = console.lang.say(
        "| 文件 | 项 | 新登记 | 原已登记 | 被拒绝 |",
        "| file | items | logged | known | refused |",
    );
    let mut table = format!("{head}\n| --- | --- | --- | --- | --- |\n");
    for one in sums {
        let (file, found) = (cell(&one.file), one.logged + one.known + one.refused);
        let (logged, known, not) = (one.logged, one.known, one.refused);
        table.push_str(&format!(
            "| {file} | {found} | {logged} | {known} | {not} |\n"
        ));
    }
    if refused.is_empty() {
        return table;
    }
    let head = console
        .lang
        .say("| 文件 | 行 | 原因 |", "| file | line | reason |");
    table.push_str(&format!("\n{head}\n| --- | --- | --- |\n"));
    for one in refused {
        let (file, place, reason) = (cell(&one.file), cell(&one.place), cell(&one.reason));
        table.push_str(&format!("| {file} | {place} | {reason} |\n"));
    }
    table
}

/// Stores what statements name by digest. After the statements, because a ledger keeps no document that no record names.
fn put_documents<'i>(http: &Http, items: impl Iterator<Item = &'i Item>) -> Result<(), Failure> {
    for document in items.flat_map(|item| &item.documents) {
        super::documents::put(http, &Hash::sha256(document).to_string(), document)?;
    }
    Ok(())
}
