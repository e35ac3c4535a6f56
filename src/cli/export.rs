//! `export`: what the log says, in the forms of others. Reads the ledger's records in order; what is withheld is not among them.
//! Does not verify the log: `audit` does, and whoever wants both exports after it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answered;
use super::fetch::write_new;
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::export::ocds::extensions::Extensions;
use crate::export::{Left, Source, national, ocds};
use crate::lang::Said;
use crate::said;
use crate::store::Http;
use crate::trade::statement::Statement;
use crate::trade::time::Time;

const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// In which form.
#[derive(Debug, Subcommand)]
pub(super) enum Form {
    /// Open Contracting Data Standard 1.1.5 / 开放合同数据标准
    Ocds(OcdsArguments),
    /// With the codes of the national platform / 全国公共资源交易平台代码
    National(Arguments),
    /// Whole records, all or a selection, one JSON object a line, in the order of the log / 整条记录，按登记先后
    Ndjson(super::search::NdjsonArguments),
}

/// What is exported.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Only this project / 只导出该项目
    #[arg(long, value_name = "ID")]
    project: Option<String>,
    /// Where it goes; nothing: standard output / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What OCDS needs beyond.
#[derive(Debug, Args)]
pub(super) struct OcdsArguments {
    #[command(flatten)]
    what: Arguments,
    /// The registered ocid prefix, `ocds-` and six characters / 注册的 ocid 前缀
    #[arg(long, value_name = "PREFIX", default_value = ocds::PREFIX_EXAMPLE)]
    prefix: String,
    /// A record package with compiled releases, not a release package / 记录包
    #[arg(long)]
    records: bool,
    /// In records also every value that a field ever had / 含各字段历次取值
    #[arg(long, requires = "records")]
    versioned: bool,
    /// Where the extensions are: registry, an address of copies, or none for the core schema alone / 扩展
    #[arg(long, value_name = "registry|URL|none", default_value = "registry")]
    extensions: String,
}

pub(super) fn run(console: &Console, form: &Form) -> Result<Answer, Failure> {
    match form {
        Form::Ndjson(arguments) => super::search::export(console, arguments),
        Form::National(arguments) => {
            let (sources, _) = read(arguments)?;
            let (notices, left) = national::export(&sources);
            finish(
                console,
                arguments,
                &json!({ "notices": notices }),
                notices.len(),
                &left,
            )
        }
        Form::Ocds(arguments) => {
            let base = arguments.what.ledger.trim_end_matches('/');
            let options = ocds::Options::new(&arguments.prefix, base).map_err(|error| {
                Failure::usage(
                    "ocds-prefix",
                    said!("ocid 前缀不对", "not an ocid prefix").because(&error),
                )
            })?;
            let extensions = extensions_of(&arguments.extensions)?;
            let options = options.with_extensions(extensions);
            if arguments.prefix == ocds::PREFIX_EXAMPLE {
                console.talk(&said!(
                    "ocds-213czf 是标准的示例前缀，只供试用；正式导出请用 --prefix 给出注册的前缀",
                    "ocds-213czf is the standard's example prefix, for trials only: give your registered one with --prefix"
                ));
            }
            let (sources, ledger) = read(&arguments.what)?;
            let (releases, left) = ocds::releases(&sources, &options);
            let published = sources
                .last()
                .map_or(Time::MIN, |source| source.time)
                .to_string();
            let count = releases.len();
            let uri = format!("{base}/api/v1/ocds");
            let around = ocds::Package {
                published: &published,
                publisher: &ledger,
                uri: &uri,
                extensions: &options.extensions,
            };
            let package = if arguments.records {
                around.of_records(releases, arguments.versioned)
            } else {
                around.of_releases(releases)
            };
            finish(console, &arguments.what, &package, count, &left)
        }
    }
}

/// Reads `--extensions`.
pub(super) fn extensions_of(word: &str) -> Result<Extensions, Failure> {
    Extensions::parse(word).ok_or_else(|| {
        Failure::usage(
            "ocds-extensions",
            said!(
                "扩展为 {word}，应为 registry、none 或 http(s) 网址",
                "the extensions are {word}, wanted registry, none or an address of http or https"
            ),
        )
    })
}

/// All records that are shown, or those of one project; and the ledger's name.
fn read(arguments: &Arguments) -> Result<(Vec<Source>, String), Failure> {
    let http = Http::new(&arguments.ledger)?;
    let ledger = answered::ledger_name(&http)?;
    let (mut sources, mut from) = (Vec::new(), 0);
    loop {
        let (told, stretch) = answered::records(&http, from, ANSWER_BYTES_MAX)?;
        for record in told.array("records")? {
            let source = source(record).ok_or_else(|| {
                Failure::temporary(
                    "record-unreadable",
                    said!(
                        "账本给出的记录读不了；请核对地址，或换用新版本的 mingzhang",
                        "the ledger gave a record that cannot be read; check the address, or use a newer mingzhang"
                    ),
                )
            })?;
            let wanted = arguments.project.as_deref();
            if wanted.is_none() || source.statement.project() == wanted {
                sources.push(source);
            }
        }
        from = stretch.end;
        if from >= stretch.size {
            return Ok((sources, ledger));
        }
    }
}

fn source(record: &Value) -> Option<Source> {
    Some(Source {
        index: record["index"].as_u64()?,
        time: Time::parse(record["time"].as_str()?).ok()?,
        statement: Statement::parse(record["note"].as_str()?.as_bytes()).ok()?,
    })
}

/// Writes it, and says what is not in it and why.
fn finish(
    console: &Console,
    arguments: &Arguments,
    made: &Value,
    count: usize,
    left: &[Left],
) -> Result<Answer, Failure> {
    let mut reasons: std::collections::BTreeMap<&str, (usize, &str)> =
        std::collections::BTreeMap::new();
    for one in left {
        reasons
            .entry(one.reason.code())
            .or_insert((0, one.reason.zh()))
            .0 += 1;
    }
    for (code, (n, zh)) in &reasons {
        console.talk(&said!(
            "{n} 条记录未导出：{zh}",
            "{n} records are not exported: {code}"
        ));
    }
    let left: Vec<Value> = left
        .iter()
        .map(|one| json!({ "index": one.index, "id": one.id.to_string(), "reason": one.reason.code() }))
        .collect();
    let text = ocds::imported::exact(&format!("{made:#}\n"));
    let answer = match &arguments.output {
        None => plain("export", text).exact().with("export", made.clone()),
        Some(path) => {
            write_new(path, text.as_bytes())?;
            let shown = path.display();
            let Said { zh, en } =
                said!("已导出 {count} 条到 {shown}\n", "{count} are in {shown}\n");
            plain("export", console.lang.say(&zh, &en)).with("file", path.display().to_string())
        }
    };
    Ok(answer.with("count", count).with("left", left))
}
