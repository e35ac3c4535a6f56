//! The command line: one function a command; arguments in, exit code out. Nothing else in the program uses clap.
//!
//! | file | commands |
//! | --- | --- |
//! | [`init`] | `init` |
//! | [`serve`], [`replica`] | `serve`, `serve --mirror`, `reindex` |
//! | [`keys`] | key files: `keygen`, `sign` read and write them |
//! | [`key`] | `key`, `endorse` |
//! | [`post`], [`draft`], [`vault`] | `post` |
//! | [`import`] | `import` |
//! | [`search`] | `search`, `export ndjson` |
//! | [`bid`] | `seal`, `bid` |
//! | [`fetch`] | `get` |
//! | [`receipt`] | `receipt`, also from a mirror, and `receipt --refresh` |
//! | [`published`], [`documents`] | `published`, `document` |
//! | [`verify`] | `verify` |
//! | [`verify_page`] | `verify-page` |
//! | [`replay`] | `audit`, `mirror` |
//! | [`backup`], [`restore`] | `backup`, `restore` |
//! | [`from_mirror`] | `restore --from-mirror` |
//! | [`monitor`] | `monitor` |
//! | [`law`] | `findings`, `due`, `statistics`, `rules` |
//! | [`history`] | `history` |
//! | [`announce`] | `announce` |
//! | [`demo`] | `demo` |
//! | [`order`] | `order`, `withheld` |
//! | [`submit`] | `submit`, `countersign` |
//! | [`export`] | `export` |
//! | [`witness`] | `witness serve`, `witness run` |
//! | [`vocabulary`] | `vocabulary` |
//!
//! [`language`] chooses one of the two, [`usage`] makes help and refusals of a command line speak it, [`out`] has what a command hands back and how it is shown.

mod announce;
mod answered;
mod backup;
mod bid;
mod copied;
mod demo;
mod disclose;
mod documents;
mod draft;
mod evidence;
mod export;
mod fetch;
mod files;
mod forms;
mod from_mirror;
mod history;
mod import;
mod init;
mod judged;
mod key;
mod keygen;
pub mod keys;
pub mod language;
mod law;
mod listen;
mod log;
mod monitor;
mod order;
pub mod out;
mod policies;
mod post;
mod published;
mod receipt;
mod replay;
mod replica;
mod restore;
mod search;
mod serve;
mod submit;
mod usage;
mod vault;
mod verify;
mod verify_page;
mod vocabulary;
mod witness;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::lang::{Lang, Said};
use crate::said;
use crate::trade::visible::one_line;
use files::read_file;
use keys::holder::KeyArguments;
use out::{Answer, Console, Exit, Failure};

#[derive(Debug, Parser)]
#[command(
    name = "mingzhang",
    version,
    about = "明账: an open, verifiable ledger for public-resource trading\n公共资源交易的公开可验证账本",
    max_term_width = 110
)]
struct Cli {
    /// Language of what is said: zh-CN or en (else LANG) / 语言
    #[arg(long, global = true, value_name = "TAG", value_parser = parse_lang)]
    lang: Option<Lang>,
    /// Trust the certificate authorities of this PEM file too, beside the system's: for a ledger behind a city's own authority / 另信任的证书颁发机构
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<std::path::PathBuf>,
    /// One JSON object on standard output, on success and on failure / 以 JSON 输出
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

fn parse_lang(tag: &str) -> Result<Lang, Said> {
    Lang::parse(tag).ok_or_else(|| {
        said!(
            "这里没有语言 {tag:?}，应为 zh-CN 或 en",
            "{tag:?} is no language here, wanted zh-CN or en"
        )
    })
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new ledger / 新建账本
    Init(init::Arguments),
    /// Start a ledger, publish a project, verify and audit it, and stay up / 演示
    Demo(demo::Arguments),
    /// Serve a ledger over HTTP / 运行账本
    Serve(serve::Arguments),
    /// Rebuild the query index of a ledger that is not being served / 重建查询索引
    Reindex(serve::ReindexArguments),
    /// Make a key / 生成密钥
    Keygen(keygen::Arguments),
    /// Sign one line of JSON, or add a signature to a note / 签名
    Sign(keygen::SignArguments),
    /// Change the ledger's keys: write, join and post key statements / 密钥管理
    #[command(subcommand)]
    Key(key::Command),
    /// Add an authority's signature to a key statement, offline / 会签密钥声明
    Endorse(key::EndorseArguments),
    /// Post drafts, one JSON object a line / 发布
    Post(post::Arguments),
    /// Post notes that are signed already, wherever that was done / 提交已签名的声明
    Submit(submit::SubmitArguments),
    /// Show later what was withheld when it was posted / 公开原先不公开的承诺值
    Disclose(disclose::Arguments),
    /// A supervisor's countersignature of a statement / 监督机构会签声明
    Countersign(submit::CountersignArguments),
    /// Post what others have published already / 导入已发布的公告
    #[command(subcommand)]
    Import(import::Source),
    /// Take in a sealed bid and give its receipt / 登记密封投标
    Seal(bid::SealArguments),
    /// Registers of sealed bids: make, open, check / 密封投标登记
    #[command(subcommand)]
    Bid(bid::Bidding),
    /// Find records by words, numbers and dates / 检索
    Search(search::Arguments),
    /// Show a record / 查看记录
    Get(fetch::GetArguments),
    /// Fetch a receipt, also from a mirror, or refresh one / 取回执、换取带见证的回执
    Receipt(receipt::Arguments),
    /// Fetch a document by its digest, and check it / 下载文件并核对摘要
    Document(documents::Arguments),
    /// Which files of a folder are published, in which record, by whom, when / 批量查验文件是否已公开
    Published(published::Arguments),
    /// Check receipts offline / 离线验证回执
    Verify(verify::Arguments),
    /// Write the page that checks receipts in a browser without any server / 单文件离线核对页
    VerifyPage(verify_page::Arguments),
    /// Replay a whole log and check everything / 审计整个账本
    Audit(replay::AuditArguments),
    /// Copy a log, verified before it is stored / 镜像
    Mirror(replay::MirrorArguments),
    /// Order that something is withheld, disclosed or erased / 不予公开、恢复公开、清除
    #[command(subcommand)]
    Order(order::Order),
    /// List what is withheld by order / 不予公开清单
    Withheld(order::WithheldArguments),
    /// Give the log in the forms of others / 导出
    #[command(subcommand)]
    Export(export::Form),
    /// Copy a ledger's folder while it serves, and check the copy / 备份
    Backup(backup::BackupArguments),
    /// Check a backup and put it in place / 恢复
    Restore(restore::RestoreArguments),
    /// Watch a ledger and its copies for two histories / 监测
    Monitor(monitor::Arguments),
    /// Be a witness: cosign only what is consistent / 见证账本
    #[command(subcommand)]
    Witness(witness::Command),
    /// Show what each kind of notice needs / 各类公告的字段
    Vocabulary(vocabulary::Arguments),
    /// What the law asks and this ledger has not seen, or saw late / 依法应公开而未见、迟、短、早的
    Findings(law::FindingsArguments),
    /// What falls due next / 近期到期
    Due(law::DueArguments),
    /// Counts by rule, category, region, month / 统计
    Statistics(law::StatisticsArguments),
    /// What became of each notice of a project, and what can be proved of it / 项目的更正、变更史
    History(history::Arguments),
    /// Announce the rule pack, the calendar and other files by digest / 公告规则、日历等文件的摘要
    Announce(announce::Arguments),
    /// Time limits of the law: list, show, check a pack / 时限规则
    #[command(subcommand)]
    Rules(law::RulesCommand),
}

/// The operator's word for what the ledger cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Word {
    /// Nothing newer than what lies here was ever signed / 从未签过比这里更新的内容
    Restored,
    /// The clock is right / 时钟准确
    Clock,
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let lang = language::of_run(&arguments, |name| std::env::var(name).ok());
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut command = usage::command(Cli::command(), lang);
    let parsed = command
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| {
            Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
        });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && json => {
            let mut said =
                said!("命令行有误", "the command line cannot be meant so").because(&error);
            let zh = usage::refusal(&error).zh;
            said.zh = format!("命令行有误：{}", one_line(&zh));
            let failure = Failure::usage("usage", said);
            return Console { lang, json }.end(Err(failure));
        }
        Err(error) => {
            // Help and version are answers, a wrong command line is not.
            usage::print(&error, lang);
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Ok.into()
            };
        }
    };
    let console = Console {
        lang: cli.lang.unwrap_or(lang),
        json: cli.json,
    };
    if let Some(failure) = cli.ca.as_deref().and_then(|path| trust(path).err()) {
        return console.end(Err(failure));
    }
    let outcome = match cli.command {
        Command::Init(arguments) => init::run(&console, &arguments),
        Command::Demo(arguments) => demo::run(&console, &arguments),
        Command::Serve(arguments) => serve::run(&console, &arguments),
        Command::Reindex(arguments) => serve::reindex(&console, &arguments),
        Command::Keygen(arguments) => keygen::run(&console, &arguments),
        Command::Sign(arguments) => keygen::sign(&console, &arguments),
        Command::Key(command) => key::run(&console, &command),
        Command::Endorse(arguments) => key::endorse(&console, &arguments),
        Command::Post(arguments) => post::run(&console, &arguments),
        Command::Submit(arguments) => submit::submit(&console, &arguments),
        Command::Disclose(arguments) => disclose::run(&console, &arguments),
        Command::Countersign(arguments) => submit::countersign(&console, &arguments),
        Command::Import(source) => import::run(&console, &source),
        Command::Seal(arguments) => bid::seal(&console, &arguments),
        Command::Bid(bidding) => bid::run(&console, &bidding),
        Command::Search(arguments) => search::run(&console, &arguments),
        Command::Get(arguments) => fetch::get(&console, &arguments),
        Command::Receipt(arguments) => receipt::run(&console, &arguments),
        Command::Document(arguments) => documents::run(&console, &arguments),
        Command::Published(arguments) => published::run(&console, &arguments),
        Command::Verify(arguments) => verify::run(&console, &arguments),
        Command::VerifyPage(arguments) => verify_page::run(&console, &arguments),
        Command::Audit(arguments) => replay::audit(&console, &arguments),
        Command::Mirror(arguments) => replay::mirror(&console, &arguments),
        Command::Order(order) => order::run(&console, &order),
        Command::Withheld(arguments) => order::withheld(&console, &arguments),
        Command::Export(form) => export::run(&console, &form),
        Command::Backup(arguments) => backup::backup(&console, &arguments),
        Command::Restore(arguments) => match &arguments.from_mirror {
            Some(mirror) => from_mirror::restore(&console, &arguments, mirror),
            None => restore::restore(&console, &arguments),
        },
        Command::Monitor(arguments) => monitor::run(&console, &arguments),
        Command::Witness(command) => witness::run(&console, &command),
        Command::Vocabulary(arguments) => vocabulary::run(&console, &arguments),
        Command::Findings(arguments) => law::findings(&console, &arguments),
        Command::Due(arguments) => law::due(&console, &arguments),
        Command::Statistics(arguments) => law::statistics(&console, &arguments),
        Command::History(arguments) => history::run(&console, &arguments),
        Command::Announce(arguments) => announce::run(&console, &arguments),
        Command::Rules(command) => law::rules(&console, &command),
    };
    console.end(outcome)
}

/// The most bytes of a file of certificates: a whole system's store has a quarter of it.
const CA_BYTES_MAX: u64 = 1 << 20;

/// Reads `--ca`, for every call that this run makes.
fn trust(path: &std::path::Path) -> Result<(), Failure> {
    let pem = read_file(path, CA_BYTES_MAX)?;
    crate::store::trust(&pem).map(|_| ()).map_err(|cause| {
        let shown = path.display();
        Failure::input(
            "ca",
            said!(
                "--ca {shown} 不是 PEM 证书文件（应含 -----BEGIN CERTIFICATE-----）",
                "--ca {shown} is no PEM file of certificates (-----BEGIN CERTIFICATE----- is wanted)"
            )
            .because(&cause),
        )
    })
}

/// The runtime of commands that wait for many things at once.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the system gives threads to a process that just began")
}

/// Where a ledger listens unless it is told otherwise.
const LISTEN: &str = "127.0.0.1:7878";

fn default_listen() -> SocketAddr {
    LISTEN.parse().expect("a constant")
}

/// The most bytes of an answer that is read whole.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

impl From<crate::store::HttpError> for Failure {
    fn from(error: crate::store::HttpError) -> Failure {
        let cause = crate::chain_of(&error);
        match error {
            crate::store::HttpError::Url { .. } => Failure::usage(
                "url",
                said!("网址有误", "not a ledger's URL").because(&cause),
            ),
            crate::store::HttpError::Status { status, ref url, .. } => Failure::temporary(
                "network",
                said!(
                    "{url} 应答 HTTP {status}，不是所要的",
                    "{url} answers HTTP {status}, which is not what was asked for"
                ),
            ),
            crate::store::HttpError::Redirect { .. } => Failure::temporary(
                "redirect",
                said!(
                    "应答指向另一网址，没有跟随；该网址如果正确，请直接给出",
                    "the answer points to another address, which was not followed; give that one if it is right"
                )
                .because(&cause),
            ),
            crate::store::HttpError::Roots { .. } => Failure::input(
                "roots",
                said!(
                    "读不了受信任的证书颁发机构",
                    "the authorities that vouch for servers cannot be read"
                )
                .because(&cause),
            ),
            _ => Failure::temporary(
                "network",
                said!(
                    "网络或账本无应答",
                    "the network or the ledger does not answer"
                )
                .because(&cause),
            ),
        }
    }
}

/// A success whose text is in one language only because it is data.
fn plain(code: &'static str, text: impl Into<String>) -> Answer {
    Answer::ok(code, text)
}
