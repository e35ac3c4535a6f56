//! `disclose`: the centre shows later what it withheld when it posted.
//!
//! Promises: signs `mingzhang-disclosure-v1` over this ledger, this statement and these places, and nothing else; says what becomes public
//! before it sends it. The statement's own note proves nothing, because everybody has it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::KeyArguments;
use super::answered::{self, Answered};
use super::order::about;
use super::out::{Answer, Console, Failure};
use super::{plain, read_file};
use crate::said;
use crate::store::Http;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Note;
use crate::trade::commitment::Openings;
use crate::trade::disclosure;

const POST: &str = "api/v1/statements";
const ANSWER_BYTES_MAX: u64 = 16 << 20;
const OPENINGS_BYTES_MAX: u64 = 1 << 30;

/// What `disclose` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// The file of openings that `post` kept, DRAFTS.openings, or one JSON object of openings / 承诺值原文文件
    #[arg(long, value_name = "FILE")]
    openings: PathBuf,
    /// Only the commitment at this JSON pointer; may be given again. Else all that the file has of the statement / 承诺值位置
    #[arg(long, value_name = "POINTER")]
    pointer: Vec<String>,
    /// The record's index, or the statement's id / 序号或声明编号
    #[arg(value_name = "INDEX|ID")]
    what: String,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let ledger = answered::ledger_name(&http)?;
    let about = about(&http, &arguments.what)?;
    let id = about["statement"]
        .as_str()
        .and_then(Hash::from_hex)
        .unwrap_or(Hash::ZERO);
    let openings = chosen(arguments, &id)?;
    for (pointer, opening) in openings.iter() {
        let value = &opening.value;
        console.talk(&said!(
            "将公开 {pointer}：{value:?}",
            "to be public: {pointer}: {value:?}"
        ));
    }
    let text = disclosure::text(&ledger, &id, openings.iter().map(|(pointer, _)| pointer));
    let word = Note {
        signatures: vec![signer.sign(&text)?],
        text,
    };
    let note = answered::get(&http, &format!("{POST}/{id}"), ANSWER_BYTES_MAX)?
        .str("note")?
        .to_owned();
    let openings_json: Value =
        serde_json::from_slice(&openings.encode()).expect("openings are encoded as JSON");
    let body = json!({ "note": note, "openings": openings_json, "disclosure": word.encode() });
    let answer = http.call(
        "POST",
        POST,
        &[
            ("content-type", "application/json"),
            ("accept-language", console.lang.tag()),
        ],
        Some(body.to_string().as_bytes()),
        ANSWER_BYTES_MAX,
    )?;
    let told = Answered::of(&http, POST, &answer)?;
    let (index, count) = (told.u64("index")?, openings.len());
    let said = said!(
        "第 {index} 号记录的 {count} 项原文已公开\n",
        "{count} values of record {index} are public now\n"
    );
    Ok(plain("disclosed", said.in_(console.lang))
        .with("index", index)
        .with("statement", id.to_string())
        .with("disclosed", count))
}

/// What the file has of the statement, and of that what was asked for.
fn chosen(arguments: &Arguments, id: &Hash) -> Result<Openings, Failure> {
    let bytes = read_file(&arguments.openings, OPENINGS_BYTES_MAX)?;
    let shown = arguments.openings.display().to_string();
    let mut all = Openings::parse(&bytes).unwrap_or_default();
    if all.is_empty() {
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            if line["statement"] != id.to_string() {
                continue;
            }
            let openings = Openings::parse(line["openings"].to_string().as_bytes());
            for (pointer, opening) in openings.unwrap_or_default().iter() {
                // More than a statement can hold is refused by the ledger in its own words.
                let _ = all.insert(pointer.to_owned(), opening.clone());
            }
        }
    }
    let mut chosen = Openings::default();
    for (pointer, opening) in all.iter() {
        if arguments.pointer.is_empty() || arguments.pointer.iter().any(|asked| asked == pointer) {
            let _ = chosen.insert(pointer.to_owned(), opening.clone());
        }
    }
    let missing = arguments
        .pointer
        .iter()
        .find(|asked| chosen.get(asked).is_none());
    if chosen.is_empty() || missing.is_some() {
        let what = missing.cloned().unwrap_or_else(|| id.to_string());
        return Err(Failure::input(
            "openings",
            said!(
                "{shown} 中没有声明 {id} 的 {what} 的原文；请用发布时生成的 .openings 文件",
                "{shown} has nothing that opens {what} of statement {id}; give the .openings file of when it was posted"
            ),
        ));
    }
    Ok(chosen)
}
