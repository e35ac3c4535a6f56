//! `get`: what a ledger has, fetched. Nothing fetched is believed: `verify` checks it.

use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::out::{Answer, Console, Failure};
use super::text::said;
use super::{keys, plain};
use crate::store::{Http, HttpError};
use crate::tlog::merkle::Hash;

/// What `get` is told.
#[derive(Debug, Args)]
pub(super) struct GetArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// A record's index, or a statement's id (64 hex) / 序号或声明编号
    #[arg(value_name = "INDEX|ID")]
    what: String,
}

pub(super) fn get(console: &Console, arguments: &GetArguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.ledger)?;
    let what = &arguments.what;
    let name = if Hash::from_hex(what).is_some() {
        format!("api/v1/statements/{what}")
    } else {
        format!("api/v1/records/{}", index(what)?)
    };
    let body = found(&http, &name, 1 << 20)?;
    let record: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let member = |name: &str| {
        record
            .get(name)
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .unwrap_or_default()
    };
    let mut text = format!(
        "{} {} {}\n{}",
        member("index"),
        member("link"),
        member("time"),
        member("note")
    );
    let endorsements = record.get("endorsed_by").and_then(Value::as_array);
    for endorsement in endorsements.into_iter().flatten() {
        let word = |name: &str| endorsement[name].as_str().unwrap_or_default().to_owned();
        let (by, time, index) = (word("supervisor"), word("time"), &endorsement["index"]);
        let said = said!(
            "监督机构 {by} 已会签（第 {index} 条，{time}）",
            "endorsed by the supervisor {by} (record {index}, {time})"
        );
        text.push_str(said.in_(console.lang));
        text.push('\n');
    }
    let mut answer = plain("record", text);
    if let Value::Object(members) = record {
        answer.members = members;
    }
    Ok(answer)
}

pub(super) fn index(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(
            "index",
            said!(
                "{text} 不是序号，也不是 64 位十六进制编号",
                "{text} is neither an index nor an id of 64 hexadecimal digits"
            ),
        )
    })
}

/// What the ledger has under that name; what it has not is said with its own reason.
pub(super) fn found(http: &Http, name: &str, bytes_max: u64) -> Result<bytes::Bytes, Failure> {
    let answer = http.call("GET", name, &[], None, bytes_max)?;
    let base = http.base();
    let status = answer.status;
    match status {
        200 => Ok(answer.body),
        404 | 410 | 451 => {
            let cause = serde_json::from_slice::<Value>(&answer.body)
                .ok()
                .and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
            let (code, said) = match status {
                451 => (
                    "withheld",
                    said!("{base} 不显示 {name}", "{base} does not show {name}"),
                ),
                _ => (
                    "not-found",
                    said!("{base} 没有 {name}", "{base} has no {name}"),
                ),
            };
            Err(Failure::input(
                code,
                match cause {
                    Some(cause) => said.because(&cause),
                    None => said,
                },
            ))
        }
        _ => {
            let (url, body) = (
                format!("{base}/{name}"),
                String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]).into_owned(),
            );
            Err(HttpError::Status { url, status, body }.into())
        }
    }
}

/// Writes a file whole or not at all. One that is there already must have the same bytes, or is left alone.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if path.exists() {
        // Receipts of one record may differ in proof and checkpoint: a newer one is not better, and the old one may be filed already.
        let shown = path.display();
        return Err(Failure::input(
            "file-exists",
            said!(
                "{shown} 已存在且内容不同，没有覆盖",
                "{shown} exists with other content and was left alone"
            ),
        ));
    }
    let begun = path.with_extension(format!("tmp-{}", std::process::id()));
    keys::create(&begun, bytes, 0o644)?;
    std::fs::rename(&begun, path).map_err(|error| {
        let shown = path.display();
        Failure::input(
            "file-write",
            said!("写不了 {shown}", "cannot write {shown}").because(&error),
        )
    })
}
