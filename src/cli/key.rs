//! `key` and `endorse`: changes of keys, made by one person, read and endorsed by others offline, and posted by any of them.
//!
//! Promises: the text is checked as the ledger would check it before anybody signs it; whoever endorses is shown in words what the
//! signature will mean; a file that is endorsed is replaced whole or not at all. Does not count signatures by itself: the threshold is
//! the ledger's, who says with `--ledger` how many are wanted.

mod erase;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::answered::{self, Answered};
use super::keys::holder::KeyArguments;
use super::keys::{self, read_vkey_file};
use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::{plain, read_file};
use crate::lang::{Bilingual, Lang, Said};
use crate::said;
use crate::store::{Http, named};
use crate::tlog::note::{Note, Signature, Vkey};
use crate::trade::identifiers::{organisation_code_is_valid, uscc_is_valid};
use crate::trade::statement::{Body, Change, GENESIS_NOTE_BYTES_MAX, Statement, sign_statement};
use crate::trade::visible::one_line;

const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// A file of a key or genesis statement, at most.
const FILE_BYTES_MAX: u64 = 2 * GENESIS_NOTE_BYTES_MAX as u64;

/// What `key` is told.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a statement that admits a key / 接纳密钥
    Admit(AdmitArguments),
    /// Write a statement that revokes a key / 撤销密钥
    Revoke(RevokeArguments),
    /// Write a statement that replaces the authorities / 更换管理机构
    Authority(AuthorityArguments),
    /// Write a statement that admits a new log key / 更换日志密钥
    Log(LogArguments),
    /// Write a statement that erases an entry: the last resort, which breaks readers written by others / 依法清除一条记录（最后手段）
    Erase(erase::EraseArguments),
    /// Join the endorsed copies of a statement and post them / 合并各机构的签名并发布
    Post(PostArguments),
    /// Show the keys in force / 查看有效密钥
    Show(ShowArguments),
}

/// Where the statement goes in the ledger's chain of keys.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The ledger's address, which is asked for its name and newest key statement / 账本地址
    #[arg(long, value_name = "URL", required_unless_present = "follows")]
    ledger: Option<String>,
    /// Without a network: the ledger's name / 账本名称
    #[arg(long, value_name = "NAME", requires = "follows")]
    origin: Option<String>,
    /// Without a network: id of the newest genesis or key statement / 前一条密钥声明的编号
    #[arg(
        long,
        value_name = "ID",
        requires = "origin",
        conflicts_with = "ledger"
    )]
    follows: Option<String>,
    /// Where the unsigned statement goes / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Whom a new key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Publisher,
    Supervisor,
    Operator,
}

#[derive(Debug, Args)]
pub(super) struct AdmitArguments {
    #[command(flatten)]
    place: Place,
    /// What the key may sign / 角色
    #[arg(long, value_enum)]
    role: Role,
    /// The key: a vkey or a .vkey file / 公钥
    #[arg(long, value_name = "VKEY|FILE")]
    vkey: String,
    /// The bearer's name in its own language, such as 韶山市公共资源交易中心 / 名称
    #[arg(long, value_name = "NAME")]
    display_name: String,
    /// Its unified social credit code / 统一社会信用代码
    #[arg(long, value_name = "CODE")]
    uscc: Option<String>,
    /// From when on deadlines are judged by the ledger's clock, RFC 3339 / 正式启用时间
    #[arg(long, value_name = "TIME")]
    live_from: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    #[command(flatten)]
    place: Place,
    /// The key: a vkey or a .vkey file / 公钥
    #[arg(long, value_name = "VKEY|FILE")]
    vkey: String,
    /// Why / 原因
    #[arg(long)]
    reason: String,
    /// Since when it may have been in other hands, RFC 3339 / 何时起可疑
    #[arg(long, value_name = "TIME")]
    suspect_since: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct AuthorityArguments {
    #[command(flatten)]
    place: Place,
    /// How many of them must sign / 须几家签名
    #[arg(long)]
    threshold: usize,
    /// All the authorities from then on / 新的全体管理机构公钥
    #[arg(long, required = true, num_args = 1.., value_name = "VKEY|FILE")]
    vkey: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    #[command(flatten)]
    place: Place,
    /// The new log key, named as the ledger: a vkey or a .vkey file / 新的日志公钥
    #[arg(long, value_name = "VKEY|FILE")]
    vkey: String,
    /// The operator's name / 运行者名称
    #[arg(long, value_name = "NAME")]
    display_name: String,
}

#[derive(Debug, Args)]
pub(super) struct PostArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Endorsed copies of one statement / 各机构签过的文件
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
}

/// What `endorse` is told.
#[derive(Debug, Args)]
pub(super) struct EndorseArguments {
    /// A genesis or key statement, signed by others already or not / 待签文件
    file: PathBuf,
    #[command(flatten)]
    key: KeyArguments,
    /// The ledger's address: what the statement erases is read there and shown / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,
    /// Policy files by which that ledger is judged / 信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1, requires = "ledger")]
    policy: Vec<PathBuf>,
    /// Where the endorsed statement goes; else the file itself is replaced / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(console: &Console, command: &Command) -> Result<Answer, Failure> {
    match command {
        Command::Admit(admit) => {
            let role = match admit.role {
                Role::Publisher => "publisher",
                Role::Supervisor => "supervisor",
                Role::Operator => "operator",
            };
            if let Some(code) = &admit.uscc {
                check_uscc(code)?;
            }
            let mut change = json!({
                "op": "admit", "role": role, "vkey": vkey(&admit.vkey)?.to_string(),
                "name": admit.display_name, "uscc": admit.uscc,
            });
            if let Some(time) = &admit.live_from {
                change["live_from"] = time.as_str().into();
            }
            write(console, &admit.place, &change)
        }
        Command::Revoke(revoke) => {
            let mut change = json!({
                "op": "revoke", "vkey": vkey(&revoke.vkey)?.to_string(), "reason": revoke.reason,
            });
            if let Some(time) = &revoke.suspect_since {
                change["suspect_since"] = time.as_str().into();
            }
            write(console, &revoke.place, &change)
        }
        Command::Authority(authority) => {
            let vkeys = authority.vkey.iter().map(|text| vkey(text));
            let vkeys: Vec<String> = vkeys
                .map(|vkey| vkey.map(|vkey| vkey.to_string()))
                .collect::<Result<_, _>>()?;
            let change =
                json!({ "op": "authority", "threshold": authority.threshold, "vkeys": vkeys });
            write(console, &authority.place, &change)
        }
        Command::Log(log) => {
            let change = json!({
                "op": "admit", "role": "log", "vkey": vkey(&log.vkey)?.to_string(),
                "name": log.display_name, "uscc": null,
            });
            write(console, &log.place, &change)
        }
        Command::Erase(arguments) => erase::run(console, arguments),
        Command::Post(arguments) => post(console, arguments),
        Command::Show(arguments) => show(console, arguments),
    }
}

/// The log takes more than these two kinds of codes, for ever; that a code was misread is found before anybody signs it.
fn check_uscc(code: &str) -> Result<(), Failure> {
    let organisation = code.replacen('-', "", 1);
    if uscc_is_valid(code)
        || (organisation.len() == 9 && organisation_code_is_valid(organisation.as_bytes()))
    {
        return Ok(());
    }
    let code = one_line(code);
    Err(Failure::usage(
        "uscc",
        said!(
            "--uscc {code} 不是统一社会信用代码（18 位，GB 32100），也不是组织机构代码（9 位，GB 11714）：校验位不符或长度不对。请核对证照；没有代码的单位不写此项",
            "--uscc {code} is neither a unified social credit code (18 characters, GB 32100) nor an organisation code (9, GB 11714): wrong length or check character. Compare it with the certificate; leave it out for a body that has none"
        ),
    ))
}

/// A vkey as given, or the one in a file.
pub(super) fn vkey(text: &str) -> Result<Vkey, Failure> {
    if let Ok(vkey) = text.parse() {
        return Ok(vkey);
    }
    read_vkey_file(Path::new(text))?.ok_or_else(|| {
        Failure::usage(
            "vkey",
            said!(
                "{text} 既不是 vkey，也不是 vkey 文件",
                "{text} is neither a vkey nor a .vkey file"
            ),
        )
    })
}

/// Writes the unsigned statement, after the parser has accepted what it will be.
fn write(console: &Console, place: &Place, change: &Value) -> Result<Answer, Failure> {
    let (origin, follows) = match (&place.ledger, &place.origin, &place.follows) {
        (_, Some(origin), Some(follows)) => (origin.clone(), follows.clone()),
        (Some(url), _, _) => {
            let keys = keys_of(&Http::new(url)?)?;
            (keys.str("ledger")?.to_owned(), keys.str("head")?.to_owned())
        }
        _ => {
            return Err(Failure::usage(
                "place",
                said!(
                    "请给出 --ledger，或 --origin 与 --follows",
                    "give --ledger, or --origin and --follows"
                ),
            ));
        }
    };
    let statement = json!({
        "type": "key", "v": 1, "ledger": origin, "follows": follows, "changes": [change],
    });
    let text = format!("{statement}\n");
    // Signed by a key that nobody has, only to hear what the ledger's parser says.
    let nobody = keys::generate("nobody.example")?.signer;
    let parsed = sign_statement(&text, &[&nobody]).map_err(|error| form(&error))?;
    let changes = words(console.lang, &parsed);
    keys::create(&place.output, text.as_bytes(), 0o644)?;
    let (path, id) = (place.output.display(), parsed.id());
    let said = said!(
        "{changes}声明编号 {id}，尚未签名，已写入 {path}。\n下一步：把文件交给各管理机构，各自运行\n  mingzhang endorse --key 机构.key {path}\n签够后由任何一方发布：\n  mingzhang key post --ledger URL {path} …\n",
        "{changes}statement {id}, not signed yet, is in {path}.\nnext, hand the file to the authorities; each runs\n  mingzhang endorse --key AUTHORITY.key {path}\nwhen enough have, any of you posts it:\n  mingzhang key post --ledger URL {path} …\n"
    );
    Ok(plain("key-statement", said.in_(console.lang))
        .with("file", path.to_string())
        .with("statement", id.to_string()))
}

pub(super) fn endorse(console: &Console, arguments: &EndorseArguments) -> Result<Answer, Failure> {
    let (text, mut signatures) = read(&arguments.file)?;
    let holder = arguments.key.open(console)?;
    let nobody = keys::generate("nobody.example")?.signer;
    let parsed = sign_statement(&text, &[&nobody]).map_err(|error| form(&error))?;
    if !matches!(parsed.body(), Body::Genesis(_) | Body::Key(_)) {
        let found = parsed.statement_type();
        return Err(Failure::input(
            "not-a-key-statement",
            said!(
                "这是 {found} 声明；endorse 只用于 genesis 和 key，其他请用 sign 或 post",
                "this is a {found} statement; endorse is for genesis and key, use sign or post for others"
            ),
        ));
    }
    let changes = words(console.lang, &parsed);
    console.talk(&said!("将要签名：\n{changes}", "to be signed:\n{changes}"));
    if let Some(url) = &arguments.ledger {
        let policies = Policies::read(&arguments.policy)?;
        console.talk(&erase::taken_away(&parsed, url, &policies)?);
    }
    let vkey = holder.vkey();
    let mine = |line: &Signature| line.name == vkey.name() && line.key_id == vkey.key_id();
    if let Some(there) = signatures.iter().find(|line| mine(line)) {
        let name = holder.name();
        if vkey.verify(text.as_bytes(), &there.bytes) {
            return Err(Failure::input(
                "signed-already",
                said!("{name} 已经签过", "{name} has signed already"),
            ));
        }
        // Whoever changed the text after a signature leaves a line that holds no more.
        return Err(Failure::new(
            Exit::Failed,
            "signature",
            said!(
                "文件中 {name} 的签名不成立：签名之后文本被改过，请不要签，并找来原文件",
                "the line of {name} in the file does not hold: the text was changed after it was signed; do not sign, ask for the original"
            ),
        ));
    }
    signatures.push(holder.sign(&text)?);
    let names: Vec<&str> = signatures.iter().map(|line| line.name.as_str()).collect();
    let (count, names) = (names.len(), names.join(", "));
    let note = Note {
        text,
        signatures: signatures.clone(),
    }
    .encode();
    match &arguments.output {
        Some(path) => keys::create(path, note.as_bytes(), 0o644)?,
        None => named::replace(&arguments.file, note.as_bytes()).map_err(|source| {
            keys::KeyFileError::Write {
                path: arguments.file.clone(),
                source,
            }
        })?,
    }
    let path = arguments
        .output
        .as_ref()
        .unwrap_or(&arguments.file)
        .display();
    let said = said!(
        "已签。{path} 现有 {count} 个签名：{names}\n",
        "signed. {path} has {count} signatures now: {names}\n"
    );
    Ok(plain("endorsed", said.in_(console.lang))
        .with("file", path.to_string())
        .with("statement", parsed.id().to_string())
        .with("signatures", count))
}

fn post(console: &Console, arguments: &PostArguments) -> Result<Answer, Failure> {
    let (mut text, mut lines): (Option<String>, Vec<Signature>) = (None, Vec::new());
    for file in &arguments.files {
        let (found, signatures) = read(file)?;
        if text.as_ref().is_some_and(|text| *text != found) {
            let path = file.display();
            return Err(Failure::input(
                "other-statement",
                said!(
                    "{path} 是另一条声明，不能合并签名",
                    "{path} is another statement, its signatures cannot be joined"
                ),
            ));
        }
        text = Some(found);
        for line in signatures {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let note = Note {
        text: text.unwrap_or_default(),
        signatures: lines,
    }
    .encode();
    let statement = Statement::parse(note.as_bytes()).map_err(|error| form(&error))?;
    let http = Http::new(&arguments.ledger)?;
    let answer = http.call(
        "POST",
        "api/v1/statements",
        &[
            ("content-type", "text/plain"),
            ("accept-language", console.lang.tag()),
        ],
        Some(note.as_bytes()),
        ANSWER_BYTES_MAX,
    )?;
    let index = Answered::of(&http, "api/v1/statements", &answer)?.u64("index")?;
    let changes = words(console.lang, &statement);
    let said = said!(
        "{changes}已登记为第 {index} 条，自第 {index} 条之后生效。\n",
        "{changes}logged as record {index}, in effect after it.\n"
    );
    Ok(plain("key-changed", said.in_(console.lang))
        .with("index", index)
        .with("statement", statement.id().to_string()))
}

fn show(console: &Console, arguments: &ShowArguments) -> Result<Answer, Failure> {
    let keys = keys_of(&Http::new(&arguments.ledger)?)?;
    let authorities = keys.array("authorities")?;
    let (threshold, count) = (keys.u64("threshold")?, authorities.len());
    if threshold == 0 || threshold > count as u64 {
        return Err(keys.wrong(
            &said!(
                "{count} 家，须 {threshold} 家签名",
                "{count} authorities of which {threshold} must sign"
            ),
            &said!("至少一家，至多全部", "one at least and all at most"),
        ));
    }
    let at = keys.u64("at")?;
    let origin = one_line(keys.str("ledger")?);
    let said = said!(
        "账本 {origin}\n管理机构 {count} 家，须 {threshold} 家签名：\n",
        "ledger {origin}\n{count} authorities, {threshold} must sign:\n"
    );
    let mut text = said.in_(console.lang).to_owned();
    let mut known = BTreeSet::new();
    for vkey in authorities {
        let shown = vkey.as_str().unwrap_or_default();
        if Vkey::parse(shown).is_err() || !known.insert(shown) {
            let shown = one_line(shown);
            return Err(keys.wrong(
                &said!("管理机构 {shown}", "the authority {shown}"),
                &said!("一把公钥，每把一次", "a public key, each once"),
            ));
        }
        text.push_str(&format!("  {}\n", one_line(shown)));
    }
    for key in keys.array("keys")? {
        keys.index_in(key, "admitted_at", at)?;
        let word = |name: &str| Ok::<_, Failure>(one_line(keys.str_in(key, name)?));
        let (role, name, vkey) = (word("role")?, word("name")?, word("vkey")?);
        text.push_str(&format!("{role}  {name}\n  {vkey}\n"));
    }
    let mut answer = plain("keys", text);
    answer.members = keys.into_members();
    Ok(answer)
}

fn keys_of(http: &Http) -> Result<Answered, Failure> {
    answered::get(http, "api/v1/keys", ANSWER_BYTES_MAX)
}

/// A statement's text with the lines it has so far.
fn read(path: &Path) -> Result<(String, Vec<Signature>), Failure> {
    let bytes = read_file(path, FILE_BYTES_MAX)?;
    if let Ok(note) = Note::parse(&bytes) {
        return Ok((note.text, note.signatures));
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.contains('\n') {
        let path = path.display();
        return Err(Failure::input(
            "not-a-key-statement",
            said!(
                "{path} 不是一行 JSON，也不是签过的声明；应为 key admit 等命令写出的文件",
                "{path} is neither a line of JSON nor a signed statement; wanted a file that key admit and the like have written"
            ),
        ));
    }
    Ok((format!("{line}\n"), Vec::new()))
}

fn form(error: &crate::trade::statement::StatementError) -> Failure {
    let (zh, en) = (error.zh(), crate::chain_of(error));
    Failure::input(
        "statement-form",
        said!("声明有误：{zh}", "the statement cannot be so: {en}"),
    )
}

/// What a signature under the statement means, for whoever gives it.
pub(super) fn words(lang: Lang, statement: &Statement) -> String {
    let mut text = String::new();
    let mut add = |said: Said| {
        text.push_str(said.in_(lang));
        text.push('\n');
    };
    let ledger = statement.ledger();
    add(said!("账本 {ledger}", "ledger {ledger}"));
    match statement.body() {
        Body::Genesis(genesis) => {
            let (threshold, count) = (genesis.authority.threshold, genesis.authority.vkeys.len());
            let operator = one_line(&genesis.operator.name);
            let uscc = shown(genesis.operator.uscc.as_deref());
            let (logs, vkeys) = (listed(&genesis.log), listed(&genesis.authority.vkeys));
            add(said!(
                "· 建立账本：{count} 家管理机构，须 {threshold} 家签名\n{vkeys}\n    日志密钥：\n{logs}\n    运行者：{operator}；统一社会信用代码：{uscc}",
                "· begin the ledger: {count} authorities, {threshold} must sign\n{vkeys}\n    log keys:\n{logs}\n    operator: {operator}; credit code: {uscc}"
            ));
        }
        Body::Key(changes) => changes.iter().for_each(|change| add(change_words(change))),
        _ => {}
    }
    text
}

/// One key a line.
fn listed(vkeys: &[Vkey]) -> String {
    let vkeys: Vec<String> = vkeys.iter().map(|vkey| format!("    {vkey}")).collect();
    vkeys.join("\n")
}

/// A text of whoever wrote the statement, or a dash for none.
fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| one_line(text).into_owned())
}

/// What a change of keys means, in words: all that is signed.
pub(super) fn change_words(change: &Change) -> Said {
    match change {
        Change::Admit(admit) => {
            let (role, name, vkey) = (admit.role, one_line(&admit.name), &admit.vkey);
            let print = keys::fingerprint(vkey);
            let uscc = shown(admit.uscc.as_deref());
            let live = admit.live_from.as_ref().map(ToString::to_string);
            let live = live.unwrap_or_else(|| "-".to_owned());
            said!(
                "· 接纳 {role} 密钥：{name}\n    {vkey}\n    指纹（请电话核对）：{print}\n    统一社会信用代码：{uscc}；正式启用时间：{live}",
                "· admit a {role} key: {name}\n    {vkey}\n    fingerprint, compare it by telephone: {print}\n    credit code: {uscc}; live from: {live}"
            )
        }
        Change::Revoke(revoke) => {
            let (vkey, reason) = (&revoke.vkey, one_line(&revoke.reason));
            let since = revoke.suspect_since.as_ref().map(ToString::to_string);
            let since = since.unwrap_or_else(|| "-".to_owned());
            said!(
                "· 撤销密钥（不能恢复）：{vkey}\n    原因：{reason}；可疑起始：{since}",
                "· revoke a key, for ever: {vkey}\n    reason: {reason}; suspect since: {since}"
            )
        }
        Change::Authority(set) => {
            let (threshold, count) = (set.threshold, set.vkeys.len());
            let vkeys = listed(&set.vkeys);
            said!(
                "· 更换管理机构：此后 {count} 家，须 {threshold} 家签名（新旧两组都须达到门限）\n{vkeys}",
                "· replace the authorities: {count} from then on, {threshold} must sign (old and new set both reach their threshold)\n{vkeys}"
            )
        }
        Change::EraseEntry(erasure) => {
            let (index, basis) = (erasure.index, one_line(&erasure.basis));
            let (publisher, kind) = (&erasure.publisher, &erasure.statement_type);
            let (id, leaf) = (erasure.statement, erasure.leaf_hash);
            let project = shown(erasure.project.as_deref());
            let consequence = erase::consequence();
            let (why_zh, why_en) = (&consequence.zh, &consequence.en);
            said!(
                "· 依法清除第 {index} 条的内容，依据：{basis}\n    发布者：{publisher}；项目：{project}；{kind} 声明 {id}\n    叶散列：{leaf}\n{why_zh}",
                "· erase the content of record {index} by order, on the basis: {basis}\n    publisher: {publisher}; project: {project}; {kind} statement {id}\n    leaf hash: {leaf}\n{why_en}"
            )
        }
    }
}

/// The id that a file's statement will have, for tests and scripts.
#[cfg(test)]
fn id_of(path: &Path) -> crate::tlog::merkle::Hash {
    crate::tlog::merkle::Hash::sha256(read(path).expect("a test wrote it").0.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: Console = Console {
        lang: Lang::En,
        json: true,
    };

    /// Danger: an authority signs something else than what it was shown, or a changed text keeps its signatures.
    #[test]
    fn a_text_changed_after_a_signature_is_not_signed_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a1", "a2", "centre"] {
            let key = keys::generate(&format!("{name}.example")).unwrap();
            key.write(&at(&format!("{name}.key"))).unwrap();
        }
        let place = Place {
            ledger: None,
            origin: Some("ledger.example/2026".to_owned()),
            follows: Some("0".repeat(64)),
            output: at("change"),
        };
        let centre = at("centre.vkey").display().to_string();
        let admit = AdmitArguments {
            place,
            role: Role::Publisher,
            vkey: centre,
            display_name: "Centre".to_owned(),
            uscc: None,
            live_from: None,
        };
        run(&CONSOLE, &Command::Admit(admit)).unwrap();
        let id = id_of(&at("change"));
        let sign = |key: &str| {
            endorse(
                &CONSOLE,
                &EndorseArguments {
                    file: at("change"),
                    key: KeyArguments {
                        key: at(key),
                        name: None,
                        passphrase_file: None,
                        signer: None,
                    },
                    ledger: None,
                    policy: Vec::new(),
                    output: None,
                },
            )
        };
        sign("a1.key").unwrap();
        assert_eq!(sign("a1.key").unwrap_err().code, "signed-already");
        assert_eq!(sign("a2.key").unwrap().members["signatures"], 2);
        assert_eq!(
            id_of(&at("change")),
            id,
            "endorsing does not change the text"
        );

        let changed = std::fs::read_to_string(at("change"))
            .unwrap()
            .replace("\"Centre\"", "\"Cantre\"");
        std::fs::write(at("change"), changed).unwrap();
        assert_eq!(sign("a1.key").unwrap_err().code, "signature");
    }
}
