//! `get`: what a ledger has, fetched. Nothing fetched is believed: `verify` checks it.

use std::path::Path;

use super::answered;
use super::out::{Answer, Console, Failure};
use super::{keys, plain};
use crate::receipt::{RECEIPT_BYTES_MAX, Receipt};
use crate::said;
use crate::store::{Http, named};
use crate::tlog::merkle::Hash;
use crate::trade::visible::one_line;
use clap::Args;

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
    let record = answered::get(&http, &name, 1 << 20)?;
    let (index, id) = (record.u64("index")?, record.str("id")?);
    if index.to_string() != *what && id != what {
        return Err(other_record(&http, &name, index));
    }
    let mut text = format!(
        "{index} {} {}\n{}",
        record.str("link")?,
        record.str("time")?,
        record.str("note")?
    );
    let endorsements = record.value("endorsed_by").as_array();
    for endorsement in endorsements.into_iter().flatten() {
        let by = one_line(record.str_in(endorsement, "supervisor")?);
        let time = one_line(record.str_in(endorsement, "time")?);
        let index = record.u64_in(endorsement, "index")?;
        let said = said!(
            "监督机构 {by} 已会签（第 {index} 条，{time}）",
            "endorsed by the supervisor {by} (record {index}, {time})"
        );
        text.push_str(said.in_(console.lang));
        text.push('\n');
    }
    let mut answer = plain("record", text);
    answer.members = record.into_members();
    Ok(answer)
}

fn other_record(http: &Http, name: &str, index: u64) -> Failure {
    let base = http.base();
    Failure::temporary(
        "answer",
        said!(
            "向 {base} 要的是 {name}，给的却是第 {index} 条",
            "{base} was asked for {name} and gives record {index}"
        ),
    )
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

/// Keeps the receipt of record `index` in a file. One that is there and is a receipt of the same record stays: receipts of one record may
/// differ in proof and checkpoint, a newer one is not better, and the old one may be filed already. What is no receipt gives way to the
/// true one, under another name. `false`: the one that was there stays.
pub(super) fn keep_receipt(path: &Path, bytes: &[u8], index: u64) -> Result<bool, Failure> {
    let new = answered::whole(bytes, index).map_err(|cause| {
        Failure::temporary(
            "no-receipt",
            said!(
                "账本给出的不是第 {index} 条的回执，没有保存",
                "what the ledger gives is not the receipt of record {index} and was not stored"
            )
            .because(&cause),
        )
    })?;
    if not_anothers(path, &new)? {
        return Ok(false);
    }
    named::replace(path, bytes).map_err(|error| {
        let shown = path.display();
        Failure::input(
            "file-write",
            said!("写不了 {shown}", "cannot write {shown}").because(&error),
        )
    })?;
    Ok(true)
}

/// Whether `path` is a receipt of the record of `new`. One of another record is an error; what is no receipt gets another name, for it may
/// be a key that was named by mistake.
pub(super) fn not_anothers(path: &Path, new: &Receipt) -> Result<bool, Failure> {
    let shown = path.display();
    let unwritable = |error: &dyn std::fmt::Display| {
        let cause = error.to_string();
        Failure::input(
            "file-write",
            said!("写不了 {shown}", "cannot write {shown}").because(&cause),
        )
    };
    let there = match named::read(path, RECEIPT_BYTES_MAX as u64) {
        Ok(there) => there.unwrap_or_default(),
        Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unwritable(&error)),
    };
    if let Ok(receipt) = Receipt::parse(&there)
        && answered::whole(&there, receipt.index).is_ok()
    {
        if receipt.entry == new.entry {
            return Ok(true);
        }
        return Err(Failure::input(
            "file-exists",
            said!(
                "{shown} 已是另一条记录的回执，没有覆盖",
                "{shown} is the receipt of another record and was left alone"
            ),
        ));
    }
    let mut number = 1_u32;
    let aside = loop {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".no-receipt-{number}"));
        if std::fs::symlink_metadata(&aside).is_err() {
            break aside;
        }
        number += 1;
    };
    std::fs::rename(path, aside).map_err(|error| unwritable(&error))?;
    Ok(false)
}

/// Writes a file whole or not at all. One that is there already must have the same bytes, or is left alone.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if named::holds(path, bytes) {
        return Ok(());
    }
    if path.symlink_metadata().is_ok() {
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
