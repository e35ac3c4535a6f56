//! `serve` and `reindex`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::init::{Folder, opening_failed};
use super::keys::holder::open_key;
use super::listen::check_files;
use super::out::{Answer, Console, Exit, Failure, envelope};
use super::policies::Policies;
use super::{Word, default_listen, keys, plain, runtime};
use crate::lang::Said;
use crate::law::{self, View};
use crate::ledger::clock::system_clock;
use crate::ledger::{Ledger, OperatorWord};
use crate::said;
use crate::search::{self, Search};
use crate::server::accept::{self, Limits};
use crate::server::{self, Options};

pub(super) use super::listen::{bind, stop_signal, url_of};

/// What `serve` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the ledger / 数据目录
    #[arg(long, required_unless_present = "mirror")]
    data: Option<PathBuf>,
    /// Instead of a ledger: a mirror's folder, for reading only / 只读提供镜像目录
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "keys", "operator_word", "vocabulary"], requires = "policy")]
    mirror: Option<PathBuf>,
    /// Whose cosignatures `checkpoint` needs (unless given, the policy in the data folder); with --mirror, whom to trust / 见证或信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Address and port / 监听地址
    #[arg(long, default_value_t = default_listen())]
    listen: SocketAddr,
    /// Where the log key and last-signed lie / 密钥目录
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Seconds without a quorum of witnesses after which `checkpoint` goes on without one; never unless given / 无见证时放行的秒数
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    fail_open_after: Option<u64>,
    /// A further log key that signs too, while readers and witnesses change to it or from it / 同时签名的另一把账本密钥
    #[arg(long, value_name = "FILE")]
    log_key: Vec<PathBuf>,
    /// The passphrase of log keys that are under one, in its first line / 口令文件
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What you vouch for in person, when the ledger refused to start and said so / 运行者担保
    #[arg(long, value_enum)]
    operator_word: Vec<Word>,
    /// A centre's own file of words, JSON, on top of this program's; may be given again / 中心自有词表
    #[arg(long, value_name = "FILE")]
    vocabulary: Vec<PathBuf>,
    /// The registered ocid prefix of OCDS exports / 注册的 ocid 前缀
    #[arg(long, value_name = "PREFIX", default_value = crate::export::ocds::PREFIX_EXAMPLE)]
    ocds_prefix: String,
    /// Where the extensions of OCDS exports are: registry, an address of copies, or none / OCDS 扩展
    #[arg(long, value_name = "registry|URL|none", default_value = "registry")]
    ocds_extensions: String,
    /// Further rule packs, TOML: they add rules or override those of the same id / 另加规则
    #[arg(long, value_name = "FILE.toml", num_args = 1)]
    pack: Vec<PathBuf>,
    /// Holidays of a region on top of the national calendar, or a newer national one, JSON / 放假安排
    #[arg(long, value_name = "FILE.json", num_args = 1)]
    calendar: Vec<PathBuf>,
    #[command(flatten)]
    clients: ClientLimits,
}

/// How much of the machine clients may take.
#[derive(Debug, Args)]
pub(super) struct ClientLimits {
    /// Connections at a time / 最大连接数
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_max, value_parser = at_least_one)]
    connections: usize,
    /// Connections of one client address with a request under way; its next one takes the place of its own that waits longest / 每个客户地址同时处理请求的最大连接数
    #[arg(long, value_name = "N", default_value_t = Limits::default().busy_per_address, value_parser = at_least_one)]
    connections_per_address: usize,
    /// A front proxy: its connections are not counted, and its X-Forwarded-For is believed; may be given again / 前置代理的地址
    #[arg(long, value_name = "ADDR")]
    proxy: Vec<IpAddr>,
    /// Searches, exports, reports and pages of many records at a time; the next waits for two seconds, then gets 503 / 同时进行的检索、导出和报告数
    #[arg(long, value_name = "N", default_value_t = Options::default().expensive_max, value_parser = at_least_one)]
    expensive_reads: usize,
}

fn at_least_one(text: &str) -> Result<usize, Said> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(said!("应为不小于 1 的整数", "1 or more is wanted")),
    }
}

impl ClientLimits {
    fn limits(&self) -> Limits {
        Limits {
            connections_max: self.connections,
            busy_per_address: self.connections_per_address,
            proxies: self.proxy.clone(),
            ..Limits::default()
        }
    }
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    check_files()?;
    if let Some(mirror) = &arguments.mirror {
        let policies = Policies::read(&arguments.policy)?;
        let limits = arguments.clients.limits();
        return super::replica::serve(console, mirror, &policies, arguments.listen, limits);
    }
    let data = arguments
        .data
        .as_deref()
        .expect("clap wants it without --mirror");
    let ocds = crate::export::ocds::Options::new(&arguments.ocds_prefix, "");
    let ocds = ocds.map_err(|error| {
        Failure::usage(
            "ocds-prefix",
            said!("ocid 前缀不对", "not an ocid prefix").because(&error),
        )
    })?;
    let options = Options {
        ocds_prefix: ocds.prefix,
        ocds_extensions: super::export::extensions_of(&arguments.ocds_extensions)?,
        expensive_max: arguments.clients.expensive_reads,
        ..Options::default()
    };
    let book = super::law::book(&arguments.pack, &arguments.calendar)?;
    super::log::start();
    let folder = Folder::new(data, arguments.keys.as_deref());
    let operator_word = OperatorWord {
        restored: arguments.operator_word.contains(&Word::Restored),
        clock: arguments.operator_word.contains(&Word::Clock),
    };
    for path in std::iter::once(&folder.log_key()).chain(&arguments.log_key) {
        if let Some(warning) = keys::warning_of(path) {
            console.talk(&warning);
        }
    }
    let mut config = crate::ledger::Config {
        operator_word,
        vocabulary: Arc::new(super::vocabulary::read_files(&arguments.vocabulary)?),
        fail_open_after: arguments.fail_open_after.map(Duration::from_secs),
        ..folder.config_with(arguments.passphrase_file.as_deref())?
    };
    if !arguments.policy.is_empty() {
        let policies = Policies::read(&arguments.policy)?;
        let in_force = policies.iter().find(|policy| policy.until().is_none());
        let policy = in_force.cloned().ok_or_else(|| {
            Failure::usage(
                "policy",
                said!(
                    "给出的策略都已停用（mingzhang until）：运行账本需要现行的一份",
                    "every policy given is retired (mingzhang until): a ledger runs by the one in force"
                ),
            )
        })?;
        config.genesis = policy.genesis();
        config.policy = Some(policy);
    }
    for path in &arguments.log_key {
        let key = open_key(path, arguments.passphrase_file.as_deref())?;
        let signer = key.signer(Some(&config.origin))?;
        config.also_sign.push(signer);
    }
    say_who_witnesses(console, &config);
    check_quorum(&config)?;
    // The writer has threads of its own, also for the disk: no reader's work stands in a queue before a commit's.
    let writer = runtime();
    runtime().block_on(async {
        // To begin anew and fail (main.rs) leaves the signal of a broken pipe deadly: a log that nobody takes would end the ledger.
        let _heard = signal(SignalKind::pipe());
        let listener = bind(arguments.listen).await?;
        let opening = Ledger::open(folder.store()?, config, system_clock());
        let ledger = writer
            .spawn(opening)
            .await
            .expect("opening does not panic")
            .map_err(|error| opening_failed(&error))?;
        let (url, size) = (url_of(&listener), ledger.head().tree.size);
        let stop = stop_signal();
        let origin = ledger.origin().to_owned();
        if console.json {
            let mut members = serde_json::Map::new();
            members.insert("url".to_owned(), url.clone().into());
            members.insert("origin".to_owned(), origin.clone().into());
            members.insert("tree_size".to_owned(), size.into());
            console.announce(envelope(Exit::Ok, "serving", &members, None));
        } else {
            console.talk(&said!(
                "账本 {origin}，{size} 条记录，正在 {url} 提供服务。按 Ctrl-C 停止。",
                "ledger {origin}, {size} records, is served at {url}. Ctrl-C stops it."
            ));
        }
        let index = folder.data.join("index");
        let options = Options {
            search: search_of(Some(&index.join("search"))),
            law: Some(Arc::new(View::new(
                ledger.clone(),
                book,
                Some(&index.join("law")),
            ))),
            ..options
        };
        let limits = arguments.clients.limits();
        serve(listener, ledger, options, limits, stop).await
    })
}

/// What the policy asks of whom, once, so that an operator who pointed at the wrong file sees it.
fn say_who_witnesses(console: &Console, config: &crate::ledger::Config) {
    let Some(policy) = &config.policy else { return };
    let names: Vec<&str> = policy.witnesses().iter().map(|w| w.name.as_str()).collect();
    for other in policy.unsupported() {
        let (name, algorithm) = (&other.name, other.vkey.algorithm());
        console.talk(&said!(
            "注意：见证 {name} 的密钥的签名类型为 0x{algorithm:02x}，本程序不能验证：不会请它联署，按未联署计",
            "note: the key of the witness {name} is of signature type 0x{algorithm:02x}, which this program cannot verify: it is not asked, and counts as not having cosigned"
        ));
    }
    if names.is_empty() {
        return;
    }
    let (names, need) = (names.join(", "), policy.quorum_if(|_| false).need);
    console.talk(&said!(
        "见证：{names}；检查点须其中 {need} 家联署",
        "witnesses: {names}; a checkpoint needs {need} of the quorum"
    ));
    if let Some(after) = config.fail_open_after {
        let seconds = after.as_secs();
        console.talk(&said!(
            "注意：{seconds} 秒没有足够联署时，检查点将在未经见证的情况下发布（--fail-open-after）",
            "note: after {seconds} s without a quorum, checkpoints are published WITHOUT it (--fail-open-after)"
        ));
    }
}

/// A quorum that cannot be met without witnesses whose keys we cannot verify would never publish a checkpoint, and nobody would know why.
fn check_quorum(config: &crate::ledger::Config) -> Result<(), Failure> {
    let Some(policy) = &config.policy else {
        return Ok(());
    };
    if config.fail_open_after.is_some() || policy.quorum_if(|_| true).met {
        return Ok(());
    }
    let others = policy.unsupported().iter();
    let names: Vec<String> = others
        .map(|other| format!("{} (0x{:02x})", other.name, other.vkey.algorithm()))
        .collect();
    let names = names.join(", ");
    Err(Failure::input(
        "quorum",
        said!(
            "策略的法定数永远达不到：它缺不了 {names}，而本程序不能验证这些签名类型；请换一份策略",
            "the quorum of the policy can never be met: it needs {names}, whose signature types this program cannot verify; give another policy"
        ),
    ))
}

/// The search index in `folder`. Without one everything else goes on: it is derived, and who searches is told.
pub(super) fn search_of(folder: Option<&Path>) -> Option<Arc<Search>> {
    Search::open(folder)
        .inspect_err(|error| tracing::warn!(error = crate::chain_of(error), "no search index"))
        .ok()
        .map(Arc::new)
}

/// Serves until told to stop, or until the ledger stops itself; the latter ends the process with code 7.
pub(super) async fn serve(
    listener: TcpListener,
    ledger: Ledger,
    options: Options,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Result<Answer, Failure> {
    let feed = options
        .search
        .clone()
        .map(|search| tokio::spawn(search::follow(ledger.clone(), search)));
    let judge = options
        .law
        .clone()
        .map(|view| tokio::spawn(law::follow(view)));
    let app = server::router(ledger.clone(), options);
    let (told, mut reason) = (ledger.clone(), None);
    let shutdown = async {
        tokio::select! {
            () = stop => {}
            why = told.stopped() => reason = Some(why),
        }
    };
    accept::serve(listener, app, limits, shutdown).await;
    for behind in feed.into_iter().chain(judge) {
        behind.abort();
        // Until it has let go of the ledger.
        let _ = behind.await;
    }
    match reason {
        Some(why) => Err(Failure::new(
            Exit::Stopped,
            "ledger-stopped",
            said!("账本已停止写入", "the ledger has stopped").because(&why),
        )),
        None => Ok(plain("stopped", String::new())),
    }
}

/// What `reindex` is told.
#[derive(Debug, Args)]
pub(super) struct ReindexArguments {
    /// The folder of the ledger / 数据目录
    #[arg(long)]
    data: PathBuf,
    /// Where the log key and last-signed lie / 密钥目录
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

pub(super) fn reindex(console: &Console, arguments: &ReindexArguments) -> Result<Answer, Failure> {
    let folder = Folder::new(&arguments.data, arguments.keys.as_deref());
    if let Some(warning) = keys::warning_of(&folder.log_key()) {
        console.talk(&warning);
    }
    let config = folder.config()?;
    let index = folder.data.join("index");
    runtime().block_on(async {
        let store = folder.store()?;
        // The lock first: an index is not taken from under a running ledger.
        let held = Ledger::open(store.clone(), folder.config()?, system_clock())
            .await
            .map_err(|error| opening_failed(&error))?;
        held.close().await;
        if index.exists() {
            std::fs::remove_dir_all(&index).map_err(|error| {
                let shown = index.display();
                Failure::input(
                    "index",
                    said!("删不了 {shown}", "cannot remove {shown}").because(&error),
                )
            })?;
        }
        let ledger = Ledger::open(store, config, system_clock())
            .await
            .map_err(|error| opening_failed(&error))?;
        let size = ledger.head().tree.size;
        let bar = console.progress(size, &said!("重建查询索引", "rebuilding the index"));
        while ledger.index_size() < size {
            bar.set_position(ledger.index_size());
            let _ = tokio::time::timeout(
                std::time::Duration::from_millis(200),
                ledger.index_reached(size),
            )
            .await;
        }
        bar.finish_and_clear();
        let bytes = ledger.index_disk_bytes();
        ledger.close().await;
        let said = said!(
            "查询索引已由 {size} 条记录重建，{bytes} 字节\n",
            "the query index was rebuilt from {size} records, {bytes} bytes\n"
        );
        Ok(plain("reindexed", said.in_(console.lang)).with("records", size))
    })
}
