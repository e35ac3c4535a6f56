//! `announce`: the operator says in a `notice` which rule pack, which calendar and which other files this ledger stands by, by digest.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::KeyArguments;
use super::answered;
use super::files::digest_of;
use super::order::post_own;
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::ledger::clock::system_clock;
use crate::rules::Book;
use crate::said;
use crate::store::Http;

/// What `announce` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// The rules and the calendar compiled into this program / 内置规则和日历
    #[arg(long)]
    builtin: bool,
    /// Rule packs, TOML / 规则文件
    #[arg(long, value_name = "FILE.toml", num_args = 1)]
    pack: Vec<PathBuf>,
    /// Calendars, JSON / 日历文件
    #[arg(long, value_name = "FILE.json", num_args = 1)]
    calendar: Vec<PathBuf>,
    /// Any other file, as WHAT@VERSION=FILE, such as verify_html@1=verify.html / 其他文件
    #[arg(long, value_name = "WHAT@VERSION=FILE", num_args = 1)]
    file: Vec<String>,
    /// What else is to be said / 说明
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Print what would be said, and sign and post nothing / 只显示
    #[arg(long)]
    check: bool,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let announces = announces(arguments)?;
    if announces.is_empty() {
        return Err(Failure::usage(
            "announce-nothing",
            said!(
                "没有要公告的文件：用 --builtin、--pack、--calendar 或 --file",
                "nothing to announce: use --builtin, --pack, --calendar or --file"
            ),
        ));
    }
    let mut listed = String::new();
    for one in &announces {
        let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        listed.push_str(&format!(
            "{} {} {}\n",
            word("sha256"),
            word("what"),
            word("version")
        ));
    }
    if arguments.check {
        return Ok(plain("announcement", listed).with("announces", announces));
    }
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let ledger = answered::ledger_name(&http)?;
    let mut notice = json!({
        "type": "notice", "v": 1, "ledger": ledger, "publisher": signer.name(), "follows": null,
        "issued": issued(), "announces": announces,
    });
    if let Some(text) = &arguments.text {
        notice["text"] = json!(text);
    }
    let answer = post_own(&http, &signer, notice)?;
    let index = answer.get("index").and_then(Value::as_u64).unwrap_or(0);
    let said = said!(
        "{listed}已登记为第 {index} 号记录；依据这些文件作出的报告会写明此条\n",
        "{listed}logged as record {index}; reports made by these files name it\n"
    );
    let mut said = plain("announced", said.in_(console.lang))
        .with("index", index)
        .with("announces", announces);
    for name in ["id", "receipt"] {
        said = said.with(name, answer.get(name).cloned().unwrap_or(Value::Null));
    }
    Ok(said)
}

/// Each file is read as what it is said to be: what is announced can be used.
fn announces(arguments: &Arguments) -> Result<Vec<Value>, Failure> {
    let builtin = Book::builtin();
    let of_builtin = builtin.parts.len();
    let book = super::law::book(&arguments.pack, &arguments.calendar)?;
    // A national calendar takes the place of the one compiled in.
    let own = book
        .parts
        .iter()
        .filter(|part| !builtin.parts.contains(part));
    let mut announces: Vec<Value> = builtin.parts[..of_builtin]
        .iter()
        .filter(|_| arguments.builtin)
        .chain(own)
        .map(|part| json!({"what": part.kind.as_str(), "version": part.version, "sha256": part.sha256.to_string()}))
        .collect();
    for named in &arguments.file {
        let parts = named
            .split_once('=')
            .and_then(|(name, path)| Some((name.split_once('@')?, path)));
        let Some(((what, version), path)) = parts else {
            return Err(Failure::usage(
                "announce-file",
                said!(
                    "--file 为 {named}，应为 WHAT@VERSION=FILE",
                    "--file is {named}, wanted WHAT@VERSION=FILE"
                ),
            ));
        };
        let sha256 = digest_of(Path::new(path))?;
        announces.push(json!({"what": what, "version": version, "sha256": sha256}));
    }
    Ok(announces)
}

/// Now, by China's clocks.
fn issued() -> String {
    let now = system_clock()().wall;
    let local = crate::trade::time::Time::from_ms(now.as_ms() + 8 * 3_600_000).unwrap_or(now);
    let text = local.to_string();
    format!("{}+08:00", &text[..19])
}
