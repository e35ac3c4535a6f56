//! `import`: files of other systems in, drafts made of them, posted by the code of `post`; what gave none stands in a report.
//!
//! Importing again posts only what is new: each draft's `ref` is the digest of the bytes that it was made from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::out::{Answer, Console, Exit, Failure};
use super::post::{Posting, Show, post_lines};
use super::vault::{Kept, Vault};
use super::{KeyArguments, plain, read_file};
use crate::import::{Facts, Import, Item, notices, ocds};
use crate::lang::Said;
use crate::said;
use crate::store::{Http, named};
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

/// Where a draft holds what is around its item in the file, not in it: one item stands in several packages, and is the same. (`names` and
/// `numbers` are of the item too, but items of one `ref` are equal byte for byte.)
const PACKAGE: [&str; 4] = [
    "/details/source",
    "/details/extra/package",
    "/details/extra/names",
    "/details/extra/numbers",
];

/// Something that was not logged.
struct Refused {
    file: String,
    place: String,
    reason: String,
    facts: usize,
}

/// Something that stands in the ledger in another way than a reader of the source would expect.
struct Remarked {
    file: String,
    place: String,
    remark: String,
}

/// How many remarks are told on the terminal; all of them stand in the report.
const REMARKS_TOLD: usize = 20;

pub(super) fn run(console: &Console, source: &Source) -> Result<Answer, Failure> {
    let (arguments, read): (_, fn(&[u8]) -> Import) = match source {
        Source::Notices(arguments) => (arguments, notices::read),
        Source::Ocds(arguments) => (arguments, ocds::read),
    };
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;

    let (mut items, mut refused, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    let mut sums: Vec<Sum> = Vec::new();
    for file in &arguments.files {
        let import = read(&read_file(file, FILE_BYTES_MAX)?);
        let file = file.display().to_string();
        let mut sum = Sum::of(file.clone());
        (sum.source, sum.repeated) = (import.source, import.repeated);
        let placed = import.facts().sum() + import.repeated;
        let not: usize = import.refusals.iter().map(|refusal| refusal.facts).sum();
        if placed + not != import.source {
            let lost = import.source.abs_diff(placed + not);
            refused.push(Refused {
                file: file.clone(),
                place: String::new(),
                reason: console.lang.say(
                    &format!("有 {lost} 处内容去向不明：这是本程序的错误，请报告"),
                    &format!("{lost} facts of the file are not accounted for: this is a fault of this program, please report it"),
                ).to_owned(),
                facts: lost,
            });
        }
        for refusal in import.refusals {
            let reason = console.lang.say(&refusal.zh, &refusal.en).to_owned();
            refused.push(Refused {
                file: file.clone(),
                place: refusal.place,
                reason,
                facts: refusal.facts,
            });
        }
        for remark in import.remarks {
            remarks.push(Remarked {
                file: file.clone(),
                place: remark.place,
                remark: console.lang.say(&remark.zh, &remark.en).to_owned(),
            });
        }
        sums.push(sum);
        for item in import.items {
            // What opens a commitment must be kept before the commitment is published.
            if item.draft.contains("\"$commit\":")
                && arguments.openings.is_none()
                && !arguments.check
            {
                refused.push(Refused {
                    file: file.clone(),
                    place: item.place,
                    reason: console.lang.say(
                        "涉及自然人，只发布承诺值；请用 --openings FILE 指明原文存放处",
                        "names natural persons, of whom only commitments are published; say with --openings FILE where to keep what opens them",
                    ).to_owned(),
                    facts: item.facts.sum(),
                });
                continue;
            }
            items.push((file.clone(), item));
        }
    }
    // Stable: what one file says of one day stays in the file's order.
    items.sort_by_key(|(_, item)| item.issued);
    let found = items.len() + refused.len();

    let drafts: Vec<&str> = items.iter().map(|(_, item)| item.draft.as_str()).collect();
    let text = drafts.join("\n");
    let mut vault = match &arguments.openings {
        _ if !text.contains("\"$commit\":") || arguments.check => None,
        Some(path) => Some(Vault::new(path)),
        None => None,
    };
    let post = Posting {
        receipts: arguments.receipts.as_deref(),
        check: arguments.check,
        wait: super::post::WaitFor::Signed,
        show: Show::Nothing,
        apart: &PACKAGE,
        withhold: Some(&mut |kept: &[Kept<'_>]| match &mut vault {
            Some(vault) => vault.keep(kept),
            None => Ok(()),
        }),
        guard: None,
        attached: None,
    };
    let outcome = post_lines(console, &http, &signer, &text, post)?;
    for (line, _) in &outcome.logged {
        let (file, item) = &items[line - 1];
        let sum = sum(&mut sums, file);
        sum.logged += 1;
        sum.facts.add(&item.facts);
    }
    for line in &outcome.known {
        let (file, item) = &items[line - 1];
        let sum = sum(&mut sums, file);
        sum.known += 1;
        sum.facts.add(&item.facts);
    }
    for (line, index, places) in &outcome.apart {
        let (file, item) = &items[line - 1];
        let places = places.join(", ");
        let Said { zh, en } = said!(
            "已是第 {index} 条记录，该记录来自另一个包，包的自述不同：{places}",
            "is record {index} already, from another package, which says other things of itself: {places}"
        );
        remarks.push(Remarked {
            file: file.clone(),
            place: item.place.clone(),
            remark: console.lang.say(&zh, &en).to_owned(),
        });
    }
    let mut posted = vec![true; items.len()];
    for (line, reason) in outcome.refused {
        let (file, item) = &items[line - 1];
        posted[line - 1] = false;
        refused.push(Refused {
            file: file.clone(),
            place: item.place.clone(),
            reason,
            facts: item.facts.sum(),
        });
    }
    if !arguments.check {
        let items = items.iter().zip(&posted).filter(|(_, posted)| **posted);
        put_documents(&http, items.map(|((_, item), _)| item))?;
    }
    for one in &remarks[..remarks.len().min(REMARKS_TOLD)] {
        let (Said { zh, en }, remark) = (place(&one.file, &one.place), &one.remark);
        console.talk(&said!("{zh}：{remark}", "{en}: {remark}"));
    }
    if remarks.len() > REMARKS_TOLD {
        let more = remarks.len() - REMARKS_TOLD;
        console.talk(&said!(
            "另有 {more} 处说明，见 --report",
            "{more} more remarks are in --report"
        ));
    }
    for one in &refused {
        let (Said { zh, en }, reason) = (place(&one.file, &one.place), &one.reason);
        console.talk(&said!("{zh}被拒绝：{reason}", "{en} refused: {reason}"));
    }
    for one in &refused {
        let sum = sum(&mut sums, &one.file);
        sum.refused += 1;
        sum.not += one.facts;
    }
    if let Some(path) = &arguments.report {
        let report = if path.extension().is_some_and(|ending| ending == "md") {
            table(console, &sums, &refused)
        } else {
            let refused = refused.iter().map(Refused::json);
            let all = refused.chain(remarks.iter().map(Remarked::json));
            all.map(|line| format!("{line}\n")).collect()
        };
        named::replace(path, report.as_bytes()).map_err(|error| {
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
    let mut all = Sum::of(String::new());
    for one in &sums {
        all.source += one.source;
        all.repeated += one.repeated;
        all.facts.add(&one.facts);
        all.not += one.not;
    }
    let facts = all.said();
    let text = console
        .lang
        .say(
            &format!("{zh}{}\n", facts.zh),
            &format!("{en}{}\n", facts.en),
        )
        .to_owned();
    Ok(plain(code, &text)
        .with("found", found)
        .with("logged", new)
        .with("known", known)
        .with("refused", list)
        .with("remarks", remarks.len())
        .with("facts", all.json())
        .exit(exit))
}

impl Refused {
    fn json(&self) -> Value {
        json!({ "file": self.file, "line": self.place, "reason": self.reason, "facts": self.facts })
    }
}

impl Remarked {
    fn json(&self) -> Value {
        json!({ "file": self.file, "line": self.place, "remark": self.remark })
    }
}

/// Where something stands: a line has a number, a part of a line or file a pointer, a file as a whole neither.
fn place(file: &str, place: &str) -> Said {
    let number: String = place.chars().take_while(char::is_ascii_digit).collect();
    let rest = &place[number.len()..];
    match (number.is_empty(), rest.is_empty()) {
        (true, true) => said!("{file} ", "{file}"),
        (true, false) => said!("{file} {rest} ", "{file} {rest}"),
        (false, true) => said!("{file} 第 {number} 行", "{file} line {number}"),
        (false, false) => said!(
            "{file} 第 {number} 行 {rest} ",
            "{file} line {number} {rest}"
        ),
    }
}

/// What became of the items of a file, and of its facts.
struct Sum {
    file: String,
    logged: usize,
    known: usize,
    refused: usize,
    source: usize,
    facts: Facts,
    repeated: usize,
    /// Facts of what was refused.
    not: usize,
}

impl Sum {
    fn of(file: String) -> Sum {
        Sum {
            file,
            logged: 0,
            known: 0,
            refused: 0,
            source: 0,
            facts: Facts::default(),
            repeated: 0,
            not: 0,
        }
    }

    fn said(&self) -> Said {
        let Facts {
            fields,
            extra,
            documents,
            withheld,
        } = self.facts;
        let (source, repeated, not) = (self.source, self.repeated, self.not);
        said!(
            "来源共 {source} 处内容：字段 {fields}，details.extra {extra}，文件 {documents}，不公开（承诺值）{withheld}，重复 {repeated}，被拒绝 {not}",
            "{source} facts in the source: {fields} in fields, {extra} in details.extra, {documents} in documents, {withheld} withheld, {repeated} said twice, {not} refused"
        )
    }

    fn json(&self) -> Value {
        json!({
            "source": self.source, "fields": self.facts.fields, "extra": self.facts.extra, "documents": self.facts.documents,
            "withheld": self.facts.withheld, "repeated": self.repeated, "refused": self.not,
        })
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
        "| 文件 | 项 | 新登记 | 原已登记 | 被拒绝 | 内容 | 字段 | extra | 文件内 | 不公开 | 重复 | 拒绝的内容 |",
        "| file | items | logged | known | refused | facts | in fields | in extra | in documents | withheld | said twice | refused |",
    );
    let mut table = format!("{head}\n|{}\n", " --- |".repeat(12));
    for one in sums {
        let (file, found) = (cell(&one.file), one.logged + one.known + one.refused);
        let numbers = [
            found,
            one.logged,
            one.known,
            one.refused,
            one.source,
            one.facts.fields,
            one.facts.extra,
            one.facts.documents,
            one.facts.withheld,
            one.repeated,
            one.not,
        ];
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        table.push_str(&format!("| {file} | {} |\n", numbers.join(" | ")));
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
