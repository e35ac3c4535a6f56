//! `keygen` and `sign`: keys are made and used here, and never sent anywhere.

use std::path::PathBuf;

use clap::Args;

use super::key;
use super::keys::{self, holder};
use super::out::{Answer, Console, Failure};
use super::{KeyArguments, plain, read_file};
use crate::lang::Said;
use crate::said;
use crate::tlog::note::{Note, text_is_valid};
use crate::trade::door;
use crate::trade::json;
use crate::trade::statement::{Chain, Statement, TEXT_BYTES_MAX};

/// What `keygen` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The name the key will sign under, such as ggzy.city.example / 密钥名
    #[arg(long)]
    name: String,
    /// Where the private key goes; its `.vkey` is written beside it / 私钥文件
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Under a passphrase: typed twice, or from --passphrase-file / 用口令保护
    #[arg(long)]
    encrypt: bool,
    /// The passphrase, first line of this file / 口令文件
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    passphrase_file: Option<PathBuf>,
    /// A witness's key, which cosigns checkpoints and nothing else / 见证人密钥
    #[arg(long, conflicts_with = "encrypt")]
    witness: bool,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let passphrase = if arguments.encrypt {
        Some(holder::new_passphrase(
            arguments.passphrase_file.as_deref(),
        )?)
    } else {
        None
    };
    let generated = keys::generate(&arguments.name)?;
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
    let cosigner = generated.cosigner();
    let (vkey_path, vkey) = if arguments.witness {
        (generated.write_witness(&arguments.output)?, cosigner.vkey())
    } else {
        (
            generated.write_under(&arguments.output, passphrase)?,
            generated.signer.vkey(),
        )
    };
    let (key_path, vkey_path) = (arguments.output.display(), vkey_path.display());
    let fingerprint = keys::fingerprint(vkey);
    let said = said!(
        "私钥已写入 {key_path}（仅本人可读；请妥善保管，不要外传）\n公钥（vkey）已写入 {vkey_path}：\n{vkey}\n指纹（可电话核对）：{fingerprint}\n",
        "private key written to {key_path} (readable by you only; never give it away)\npublic key (vkey) written to {vkey_path}:\n{vkey}\nfingerprint, to be compared by telephone: {fingerprint}\n"
    );
    Ok(plain("key-made", said.in_(console.lang))
        .with("vkey", vkey.to_string())
        .with("fingerprint", fingerprint))
}

/// What `sign` is told.
#[derive(Debug, Args)]
pub(super) struct SignArguments {
    #[command(flatten)]
    key: KeyArguments,
    /// One line of JSON, or a note that lacks this key's line; `-` or nothing: standard input / 待签文件
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Reads a line of JSON (a lost line feed is given back) or a note, and prints the note with this key's line.
pub(super) fn sign(console: &Console, arguments: &SignArguments) -> Result<Answer, Failure> {
    let signer = arguments.key.open(console)?;
    let bytes = read_file(&arguments.file, 2 * TEXT_BYTES_MAX as u64)?;
    let (text, mut signatures) = match Note::parse(&bytes) {
        Ok(note) => (note.text, note.signatures),
        Err(_) => (one_line(&bytes)?, Vec::new()),
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    json::parse(line.as_bytes()).map_err(|error| {
        let cause = error.to_string();
        Failure::input(
            "grammar",
            said!(
                "不符合声明语法，未签名",
                "not in the grammar of statements, not signed"
            )
            .because(&cause),
        )
    })?;
    let signature = signer.sign(&text)?;
    if signatures
        .iter()
        .any(|there| there.name == signature.name && there.key_id == signature.key_id)
    {
        let name = signer.name();
        return Err(Failure::input(
            "signed-already",
            said!(
                "已有 {name} 的签名",
                "there is a signature by {name} already"
            ),
        ));
    }
    signatures.push(signature);
    let note = Note { text, signatures }.encode();
    let statement = Statement::parse(note.as_bytes()).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "statement",
            said!(
                "这不是声明，未签名。草稿（缺 ledger、publisher、follows）请用 post 补全、签名并发布",
                "this is no statement, not signed. A draft (without ledger, publisher, follows) is filled in, signed and posted by `post`"
            )
            .because(&cause),
        )
    })?;
    let by = signer.name();
    if let Some(publisher) = statement.publisher().filter(|publisher| *publisher != by) {
        return Err(Failure::input(
            "other-publisher",
            said!(
                "声明的 publisher 是 {publisher}，而密钥是 {by} 的，未签名",
                "the statement's publisher is {publisher}, and the key is of {by}: not signed"
            ),
        ));
    }
    show(console, &statement);
    Ok(plain("signed", note.clone())
        .exact()
        .with("note", note)
        .with("vkey", signer.vkey().to_string()))
}

/// What is being signed, in words, and what the ledger will remark on.
fn show(console: &Console, statement: &Statement) {
    if *statement.chain() == Chain::Keys {
        let words = key::words(console.lang, statement);
        return console.talk(&said!("签名内容：\n{words}", "what is signed:\n{words}"));
    }
    let value: serde_json::Value = serde_json::from_str(statement.text()).unwrap_or_default();
    let mut lines = String::new();
    leaves(&value, "", &mut lines);
    console.talk(&said!("签名内容：\n{lines}", "what is signed:\n{lines}"));
    for problem in door::check(statement) {
        let (code, pointer, zh, en) = (problem.code, problem.pointer, problem.zh, problem.en);
        console.talk(&said!(
            "{pointer}：[{code}] {zh}",
            "{pointer}: [{code}] {en}"
        ));
    }
}

/// Every value by its place. Quoted as Rust does, so that nothing in it commands the screen.
fn leaves(value: &serde_json::Value, pointer: &str, lines: &mut String) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                leaves(value, &format!("{pointer}/{name}"), lines);
            }
        }
        serde_json::Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, &format!("{pointer}/{at}"), lines);
            }
        }
        serde_json::Value::String(text) => lines.push_str(&format!("  {pointer}  {text:?}\n")),
        other => lines.push_str(&format!("  {pointer}  {other}\n")),
    }
}

fn one_line(bytes: &[u8]) -> Result<String, Failure> {
    let wrong = |what: Said| Failure::input("not-one-line", what);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| wrong(said!("不是 UTF-8 文本", "this is not UTF-8 text")))?;
    let text = text.trim_end_matches(['\n', '\r']);
    let (have, max) = (text.len() + 1, TEXT_BYTES_MAX);
    if have > max {
        return Err(wrong(said!(
            "文本有 {have} 字节，最多 {max} 字节",
            "the text has {have} bytes, at most {max} are possible"
        )));
    }
    let text = format!("{text}\n");
    if text.lines().count() != 1 || !text_is_valid(&text) {
        return Err(wrong(said!(
            "应为一行 JSON，或一份已签的 note",
            "wanted one line of JSON, or a signed note"
        )));
    }
    Ok(text)
}
