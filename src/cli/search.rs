//! `search` and `export ndjson`: what a ledger's search index finds, as a table, JSON, CSV, or whole records.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::out::{Answer, Console, Failure};
use super::plain;
use super::text::{Said, said};
use crate::search::{Query, QueryError};
use crate::store::{Http, HttpError};

/// The conditions; all that are given must hold.
#[derive(Debug, Args)]
pub(super) struct Conditions {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Issued on this day or later, or at this time or later / 起始日期
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Issued on this day or earlier, or before this time / 截止日期
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Category / 类别
    #[arg(long)]
    category: Option<String>,
    /// Kind / 公告种类
    #[arg(long)]
    kind: Option<String>,
    /// announcement, qualification, process, award, performance / 阶段
    #[arg(long)]
    stage: Option<String>,
    /// 行政区划代码, 2, 4 or 6 digits / 行政区划
    #[arg(long)]
    region: Option<String>,
    /// Key name of the publisher / 发布者
    #[arg(long)]
    publisher: Option<String>,
    /// 统一社会信用代码 of a party / 主体代码
    #[arg(long)]
    party: Option<String>,
    /// Any id: project, ref, statement, code, document digest, index in the log / 任意编号
    #[arg(long)]
    id: Option<String>,
    /// Words of title and body / 词语
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
}

/// What `search` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    conditions: Conditions,
    /// Only records before this index: the next page / 下一页
    #[arg(long, value_name = "INDEX")]
    before: Option<u64>,
    /// At most so many, 1 to 1000 / 条数
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// The same list as CSV for a spreadsheet / 输出 CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What `export ndjson` is told.
#[derive(Debug, Args)]
pub(super) struct NdjsonArguments {
    #[command(flatten)]
    conditions: Conditions,
    /// Where it goes; nothing: standard output / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Whole records asked for at a time.
const PAGE: usize = 256;

impl Conditions {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let words = (!self.words.is_empty()).then(|| self.words.join(" "));
        [
            ("q", &words),
            ("from", &self.from),
            ("to", &self.to),
            ("category", &self.category),
            ("kind", &self.kind),
            ("stage", &self.stage),
            ("region", &self.region),
            ("publisher", &self.publisher),
            ("party", &self.party),
            ("id", &self.id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect()
    }
}

/// One request; what cannot be meant is told before anything is sent.
fn ask(
    http: &Http,
    pairs: &[(&'static str, String)],
    own: &[(&str, &str)],
) -> Result<bytes::Bytes, Failure> {
    Query::parse(pairs.iter().map(|(name, value)| (*name, value.as_str()))).map_err(|error| {
        let cause = error.to_string();
        let said = match &error {
            QueryError::Value { name, found, .. } => {
                said!(
                    "检索条件 {name} 有误：{found}",
                    "the condition {name} cannot be meant"
                )
            }
            _ => said!("检索条件有误", "the conditions cannot be meant"),
        };
        Failure::usage("condition", said.because(&cause))
    })?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs).extend_pairs(own);
    let name = format!("api/v1/search?{}", query.finish());
    let answer = http.call("GET", &name, &[], None, ANSWER_BYTES_MAX)?;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let (url, body) = (
        format!("{}/{name}", http.base()),
        String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]).into_owned(),
    );
    let status = answer.status;
    Err(HttpError::Status { url, status, body }.into())
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.conditions.ledger)?;
    let mut pairs = arguments.conditions.pairs();
    pairs.push(("limit", arguments.limit.to_string()));
    pairs.extend(
        arguments
            .before
            .map(|before| ("before", before.to_string())),
    );
    if arguments.csv {
        let table = ask(&http, &pairs, &[("format", "csv")])?;
        return Ok(plain("found", String::from_utf8_lossy(&table)));
    }
    let found = object(&ask(&http, &pairs, &[])?)?;
    let mut text = String::new();
    for hit in found["hits"].as_array().into_iter().flatten() {
        let member = |name: &str| hit[name].as_str().unwrap_or_default();
        let issued = member("issued").get(..10).unwrap_or_default();
        text.push_str(&format!(
            "{:>8}  {issued}  {} {}  {}\n",
            hit["index"],
            member("project"),
            member("kind"),
            member("title")
        ));
    }
    let (count, indexed, size) = (&found["count"], &found["indexed_size"], &found["tree_size"]);
    let Said { zh, en } = said!(
        "共 {count} 条（检索索引已到第 {indexed} 条，账本共 {size} 条）\n",
        "{count} found (indexed up to record {indexed} of {size})\n"
    );
    text.push_str(console.lang.say(&zh, &en));
    if let Some(before) = found["before"].as_u64() {
        let Said { zh, en } = said!(
            "下一页：--before {before}\n",
            "next page: --before {before}\n"
        );
        text.push_str(console.lang.say(&zh, &en));
    }
    let mut answer = plain("found", text);
    if let Value::Object(members) = found {
        answer.members = members;
    }
    Ok(answer)
}

pub(super) fn export(console: &Console, arguments: &NdjsonArguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.conditions.ledger)?;
    let failed = |error: std::io::Error| {
        Failure::input(
            "file-write",
            said!("写不了输出文件", "cannot write the output").because(&error),
        )
    };
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => {
            let file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path);
            Box::new(std::io::BufWriter::new(file.map_err(failed)?))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let (mut before, mut count, mut erased) = (None::<u64>, 0_usize, 0_usize);
    let indexed = loop {
        let mut pairs = arguments.conditions.pairs();
        pairs.push(("limit", PAGE.to_string()));
        pairs.extend(before.map(|before| ("before", before.to_string())));
        let page = object(&ask(&http, &pairs, &[("full", "true")])?)?;
        for hit in page["hits"].as_array().into_iter().flatten() {
            writeln!(out, "{}", hit["record"]).map_err(failed)?;
            count += 1;
        }
        erased += page["erased"].as_array().map_or(0, Vec::len);
        before = page["before"].as_u64();
        if before.is_none() {
            break page["indexed_size"].clone();
        }
    };
    out.flush().map_err(failed)?;
    console.talk(&said!(
        "已导出 {count} 条，另有 {erased} 条已依令删除；检索索引已到第 {indexed} 条",
        "{count} records exported, {erased} more were erased by order; indexed up to record {indexed}"
    ));
    let mut answer = plain("exported", String::new());
    if arguments.output.is_some() {
        answer = answer.with("records", count).with("erased", erased);
    }
    Ok(answer)
}

fn object(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::temporary(
            "answer",
            said!("账本的应答不是 JSON", "the ledger's answer is no JSON").because(&error),
        )
    })
}
