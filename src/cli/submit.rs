//! `submit` and `countersign`: statements that are signed already, and a supervisor's word on another's statement.
//!
//! Promises: a note is posted as it is, whoever signed it and wherever (an air-gapped machine, an HSM); the same note submitted twice is one
//! record with one receipt. A countersignature names the statement by its whole id. Does not sign for anybody: `submit` needs no key.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::answered::{self, Answered};
use super::fetch::keep_receipt;
use super::keys::holder::{Holder, KeyArguments};
use super::order::{about, post_own};
use super::out::{Answer, Console, Exit, Failure};
use super::{plain, read_file};
use crate::said;
use crate::store::Http;
use crate::trade::commitment::Openings;
use crate::trade::statement::{NOTE_BYTES_MAX, Statement};

const ANSWER_BYTES_MAX: u64 = 4 << 20;
const POST: &str = "api/v1/statements";
const OPENINGS_BYTES_MAX: u64 = 4 << 20;

/// What `submit` is told.
#[derive(Debug, Args)]
pub(super) struct SubmitArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Salts and values to be shown, as JSON, with the one note given / 随附的公开原值
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// Write each receipt into this folder as INDEX.tlog-proof / 回执目录
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// Say that a remark of this code is meant, so that the door takes the statement all the same; may be given again / 确认某类提示
    #[arg(long, value_name = "CODE")]
    accept: Vec<String>,
    /// Signed notes, as `sign` prints them; `-`: standard input / 已签名的声明
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn submit(console: &Console, arguments: &SubmitArguments) -> Result<Answer, Failure> {
    super::post::check_accepted(&arguments.accept, false)?;
    if arguments.openings.is_some() && arguments.files.len() > 1 {
        return Err(Failure::usage(
            "openings",
            said!(
                "--openings 属于一份声明，请一次只提交一份",
                "--openings are of one statement: submit one note at a time"
            ),
        ));
    }
    let openings = arguments.openings.as_deref().map(|path| {
        let bytes = read_file(path, OPENINGS_BYTES_MAX)?;
        Openings::parse(&bytes).map_err(|error| {
            let (shown, cause) = (path.display(), crate::chain_of(&error));
            Failure::input(
                "openings",
                said!("{shown} 不是原值文件", "{shown} holds no openings").because(&cause),
            )
        })?;
        serde_json::from_slice::<Value>(&bytes).map_err(|error| {
            let shown = path.display();
            Failure::input(
                "openings",
                said!("{shown} 不是原值文件", "{shown} holds no openings").because(&error),
            )
        })
    });
    let openings = openings.transpose()?;
    if let Some(folder) = &arguments.receipts {
        std::fs::create_dir_all(folder).map_err(|error| {
            let shown = folder.display();
            Failure::input(
                "folder",
                said!("建不了目录 {shown}", "cannot make the folder {shown}").because(&error),
            )
        })?;
    }
    let http = Http::new(&arguments.ledger)?;
    let name = match arguments.accept.join(",") {
        none if none.is_empty() => "api/v1/statements".to_owned(),
        codes => format!("api/v1/statements?accept={codes}"),
    };
    let (mut text, mut list, mut exit) = (String::new(), Vec::new(), Exit::Ok);
    for file in &arguments.files {
        let shown = file.display().to_string();
        let bytes = read_file(file, NOTE_BYTES_MAX as u64)?;
        let bytes = crate::receipt::unix(&bytes);
        // A file that is no statement is told before anything of it leaves this machine.
        let parsed = Statement::parse(&bytes).map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::input(
                "statement",
                said!(
                    "{shown} 不是已签名的声明（先用 sign 签名）",
                    "{shown} is not a signed statement (`sign` makes one)"
                )
                .because(&cause),
            )
        })?;
        let mut body = json!({ "note": String::from_utf8_lossy(&bytes) });
        if let Some(openings) = &openings {
            body["openings"] = openings.clone();
        }
        let answer = http.call(
            "POST",
            &name,
            &[
                ("content-type", "application/json"),
                ("accept-language", console.lang.tag()),
            ],
            Some(body.to_string().as_bytes()),
            ANSWER_BYTES_MAX,
        )?;
        let id = parsed.id();
        let said = match answer.status {
            200 | 201 => {
                let told = Answered::of(&http, POST, &answer)?;
                let (index, receipt) = (told.u64("index")?, told.str("receipt")?);
                if let Some(folder) = &arguments.receipts {
                    let path = folder.join(format!("{index}.tlog-proof"));
                    keep_receipt(&path, receipt.as_bytes(), index)?;
                }
                list.push(json!({ "file": shown, "id": id.to_string(), "index": index }));
                said!("{shown}：第 {index} 条", "{shown}: record {index}")
            }
            400..=499 if answer.status != 429 => {
                let told = Value::Object(answered::object(&http, POST, &answer)?);
                let cause = answered::said_by(&told);
                let said = said!(
                    "{shown}：账本没有接受",
                    "{shown}: the ledger did not take it"
                )
                .because(&cause);
                exit = Exit::Input;
                list.push(json!({ "file": shown, "id": id.to_string(), "refused": cause, "code": told["code"] }));
                said
            }
            _ => return Err(answered::refusal(&http, POST, &answer)),
        };
        text.push_str(said.in_(console.lang));
        text.push('\n');
    }
    let code = if exit == Exit::Ok {
        "submitted"
    } else {
        "partly-refused"
    };
    Ok(plain(code, text).exit(exit).with("statements", list))
}

/// What `countersign` is told.
#[derive(Debug, Args)]
pub(super) struct CountersignArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// Where the receipt goes / 回执文件
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The record's index, or the statement's id / 序号或声明编号
    #[arg(value_name = "INDEX|ID")]
    what: String,
}

/// Posts an `endorse` statement about another body's.
pub(super) fn countersign(
    console: &Console,
    arguments: &CountersignArguments,
) -> Result<Answer, Failure> {
    let holder: Holder = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let ledger = answered::ledger_name(&http)?;
    let about = about(&http, &arguments.what)?;
    let (by, of) = (
        holder.name().to_owned(),
        about["statement"].as_str().unwrap_or_default().to_owned(),
    );
    let endorse = json!({
        "type": "endorse", "v": 1, "ledger": ledger, "publisher": by, "follows": null, "about": about,
    });
    let told = post_own(&http, &holder, endorse)?;
    let index = told["index"].as_u64().unwrap_or(0);
    if let (Some(path), Some(receipt)) = (&arguments.output, told["receipt"].as_str()) {
        keep_receipt(path, receipt.as_bytes(), index)?;
    }
    let said = said!(
        "{by} 已会签声明 {of}，登记为第 {index} 条。连同两份回执一起 verify，结论会写明会签者\n",
        "{by} has countersigned statement {of}, record {index}. Give `verify` both receipts, and the verdict names the countersigner\n"
    );
    Ok(plain("countersigned", said.in_(console.lang))
        .with("index", index)
        .with("statement", of)
        .with("id", told["id"].clone())
        .with("receipt", told["receipt"].clone()))
}
