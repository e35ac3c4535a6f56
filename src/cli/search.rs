//! `search` and `export ndjson`: what a ledger's search index finds, as a table, JSON, CSV, or whole records.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::answered::{self, Answered, behind, caught_up};
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::said;
use crate::search::{Query, QueryError};
use crate::store::{self, Http};
use crate::trade::visible::one_line;
use clap::Args;

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
    /// Code of an administrative division (行政区划代码), 2, 4 or 6 digits / 行政区划代码，2、4 或 6 位
    #[arg(long)]
    region: Option<String>,
    /// Key name of the publisher / 发布者
    #[arg(long)]
    publisher: Option<String>,
    /// Unified social credit code (统一社会信用代码) of a party / 主体的统一社会信用代码
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
) -> Result<(store::Answer, String), Failure> {
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
    Ok((answered::ask(http, &name, ANSWER_BYTES_MAX)?, name))
}

/// A file that is being written: away when it is not finished.
struct Begun(PathBuf);

impl Begun {
    fn of(path: &Path) -> Begun {
        Begun(path.with_extension(format!("tmp-{}", std::process::id())))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn page(
    http: &Http,
    pairs: &[(&'static str, String)],
    own: &[(&str, &str)],
) -> Result<Answered, Failure> {
    let (answer, name) = ask(http, pairs, own)?;
    Answered::of(http, &name, &answer)
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
        let (table, name) = ask(&http, &pairs, &[("format", "csv")])?;
        if table.status != 200 {
            return Err(answered::refusal(&http, &name, &table));
        }
        let base = http.base();
        let Some(text) = String::from_utf8(table.body.to_vec())
            .ok()
            .filter(|_| table.content_type == "text/csv")
        else {
            let found = table.content_type;
            return Err(Failure::temporary(
                "answer",
                said!(
                    "{base} 的应答是 {found}，不是 CSV：答话的不是账本",
                    "the answer of {base} is {found} and no CSV: what answers is not a ledger"
                ),
            ));
        };
        // A header at least, and each line ended: an answer that was cut has lost its last line end.
        if !text.ends_with("\r\n") || !text.trim_start_matches('\u{feff}').starts_with("index,") {
            return Err(Failure::temporary(
                "answer",
                said!(
                    "{base} 的 CSV 不完整（没有表头，或最后一行没有结束）；请再运行一次",
                    "the CSV of {base} is not whole (no header, or its last line does not end); run the same command again"
                ),
            ));
        }
        return Ok(plain("found", text).exact());
    }
    let (found, lag) = caught_up(|| page(&http, &pairs, &[]))?;
    let (shown, next) = found.found(arguments.before, arguments.limit)?;
    if arguments.conditions.pairs().is_empty() {
        let indexed = found.u64("indexed_size")?;
        let end = arguments
            .before
            .map_or(indexed, |before| before.min(indexed));
        answered::no_gaps(&http, next.unwrap_or(0)..end, &shown, ANSWER_BYTES_MAX)?;
    }
    let mut text = String::new();
    for hit in found.array("hits")? {
        let member = |name: &str| one_line(hit[name].as_str().unwrap_or_default());
        let index = found.u64_in(hit, "index")?;
        let issued = member("issued");
        text.push_str(&format!(
            "{index:>8}  {}  {} {}  {}\n",
            issued.get(..10).unwrap_or_default(),
            member("project"),
            member("kind"),
            member("title")
        ));
    }
    let count = found.u64("count")?;
    let (indexed, size) = (found.u64("indexed_size")?, found.u64("tree_size")?);
    let said = said!(
        "共 {count} 条（检索索引已到第 {indexed} 条，账本共 {size} 条）\n",
        "{count} found (indexed up to record {indexed} of {size})\n"
    );
    text.push_str(said.in_(console.lang));
    if let Some(before) = found.value("before").as_u64() {
        let said = said!(
            "下一页：--before {before}\n",
            "next page: --before {before}\n"
        );
        text.push_str(said.in_(console.lang));
    }
    let mut answer = plain("found", text);
    answer.members = found.into_members();
    Ok(match lag {
        Some(lag) => behind(answer, console, lag),
        None => answer,
    })
}

pub(super) fn export(console: &Console, arguments: &NdjsonArguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.conditions.ledger)?;
    let failed = |error: std::io::Error| {
        Failure::input(
            "file-write",
            said!("写不了输出文件", "cannot write the output").because(&error),
        )
    };
    let mut begun = None;
    let mut out: Box<dyn Write> = match &arguments.output {
        Some(path) => {
            if path.exists() {
                let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
                return Err(failed(there));
            }
            // Whole or not at all: a file of the first half of a log is taken for all of it.
            begun = Some(Begun::of(path));
            let file = std::fs::File::create_new(&begun.as_ref().expect("one line up").0);
            Box::new(std::io::BufWriter::new(file.map_err(failed)?))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    // The server pages from the newest record down, and a log is read from its beginning: first where the pages end, then the pages from the last up.
    let (mut ends, mut erased, mut lag) = (Vec::<u64>::new(), 0_usize, None);
    let ask = |before: Option<u64>, full: &str| {
        let mut pairs = arguments.conditions.pairs();
        pairs.push(("limit", PAGE.to_string()));
        pairs.extend(before.map(|before| ("before", before.to_string())));
        page(&http, &pairs, &[("full", full)])
    };
    let mut wanted = Vec::new();
    let indexed = loop {
        let before = ends.last().copied();
        // What the first page did not wait for no later one has either.
        let page = match before {
            None => {
                let (page, behind) = caught_up(|| ask(None, "false"))?;
                lag = behind;
                ends.push(page.u64("indexed_size")?);
                page
            }
            Some(_) => ask(before, "false")?,
        };
        let (found, next) = page.found(before, PAGE)?;
        erased += page.value("erased").as_array().map_or(0, Vec::len);
        let end = *ends.last().expect("the first page has put one there");
        wanted.push(found.range(..end).count());
        match next {
            Some(next) => ends.push(next),
            None => break ends[0],
        }
    };
    let is_all = arguments.conditions.pairs().is_empty();
    let (mut count, mut from) = (0_usize, 0);
    for (end, wanted) in ends.into_iter().zip(wanted).rev() {
        // More than one answer only where a record was shown again meanwhile.
        let (mut lines, mut seen, mut before) = (Vec::new(), BTreeSet::new(), Some(end));
        while let Some(at) = before {
            let page = ask(Some(at), "true")?;
            let (found, next) = page.found(Some(at), PAGE)?;
            for hit in page.array("hits")? {
                let index = page.u64_in(hit, "index")?;
                let (record, stated) = (&hit["record"], &hit["record"]["index"]);
                if stated.as_u64() != Some(index) {
                    return Err(page.wrong(
                        &said!(
                            "第 {index} 条的 record.index 为 {stated}",
                            "record.index of record {index} is {stated}"
                        ),
                        &said!("{index}", "{index}"),
                    ));
                }
                if index >= from {
                    lines.push(record.to_string());
                }
            }
            seen.extend(found.range(from..));
            let have = seen.len();
            before = next.filter(|next| *next > from);
            if before.is_none() && have < wanted {
                return Err(page.wrong(
                    &said!(
                        "第 {from} 至 {end} 条之间有 {have} 条",
                        "{have} from {from} to {end}"
                    ),
                    &said!("刚才所说的 {wanted} 条", "{wanted}, as it said before"),
                ));
            }
        }
        if is_all {
            erased += answered::no_gaps(&http, from..end, &seen, ANSWER_BYTES_MAX)?;
        }
        for line in lines.iter().rev() {
            writeln!(out, "{line}").map_err(failed)?;
        }
        count += lines.len();
        from = end;
    }
    out.flush().map_err(failed)?;
    drop(out);
    if let (Some(begun), Some(path)) = (&begun, &arguments.output) {
        std::fs::rename(&begun.0, path).map_err(failed)?;
    }
    console.talk(&said!(
        "已导出 {count} 条，另有 {erased} 条已依令删除；检索索引已到第 {indexed} 条",
        "{count} records exported, {erased} more were erased by order; indexed up to record {indexed}"
    ));
    let mut answer = plain("exported", String::new());
    if arguments.output.is_some() {
        answer = answer.with("records", count).with("erased", erased);
    }
    Ok(match lag {
        Some(lag) => behind(answer.exact(), console, lag),
        None => answer,
    })
}
