//! `demo`: the main job, for real, on the embedded default: a ledger, a project through all five stages, a receipt verified, the log replayed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;

use super::init::{Folder, opening_failed, trial};
use super::keys::KeyFile;
use super::keys::holder::Holder;
use super::out::{Answer, Console, Failure};
use super::text::{Said, said};
use super::{default_listen, plain, post, replay, runtime, serve};
use crate::ledger::Ledger;
use crate::ledger::clock::system_clock;
use crate::store::Http;
use crate::tlog::merkle::Hash;

/// What `demo` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the demo's ledger; a second run continues it / 数据目录
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// Address and port; the next free port if it is taken / 监听地址
    #[arg(long, default_value_t = default_listen())]
    listen: SocketAddr,
    /// End after the work instead of staying up / 做完即退出
    #[arg(long)]
    once: bool,
}

const ORIGIN: &str = "demo.mingzhang.example";
const PROJECT: &str = include_str!("demo/project.jsonl");
const DOCUMENTS: [&str; 3] = [
    include_str!("demo/tender-notice.txt"),
    include_str!("demo/award-notice.txt"),
    include_str!("demo/acceptance-report.txt"),
];
/// Ports that are tried after the first.
const PORTS: u16 = 50;

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    serve::start_log();
    let folder = Folder::new(&arguments.data, None);
    let shown = arguments.data.display();
    if folder.policy().exists() {
        console.talk(&said!(
            "1. 继续 {shown} 里的演示账本",
            "1. going on with the demo ledger in {shown}"
        ));
    } else {
        std::fs::create_dir_all(&folder.keys).map_err(|error| {
            Failure::input(
                "folder",
                said!("建不了目录 {shown}", "cannot make the folder {shown}").because(&error),
            )
        })?;
        trial(&folder, ORIGIN, None)?;
        console.talk(&said!(
            "1. 新建演示账本 {ORIGIN}，在 {shown}：生成了日志、三家管理机构和一家交易中心的密钥（试用设置：都在本机）",
            "1. a new demo ledger, {ORIGIN}, in {shown}: keys were made for the log, three authorities and a trading centre (a trial set-up: all on this machine)"
        ));
    }
    runtime().block_on(async {
        let listener = listen(arguments.listen).await?;
        let url = serve::url_of(&listener);
        let ledger = Ledger::open(folder.store()?, folder.config()?, system_clock()).await.map_err(|error| opening_failed(&error))?;
        console.talk(&said!("2. 账本在 {url} 运行", "2. the ledger runs at {url}"));
        let options = crate::server::Options {
            law: serve::law_of(&ledger, crate::rules::Book::builtin(), None),
            ..crate::server::Options::default()
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let service = tokio::spawn(serve::serve(listener, ledger.clone(), options, async move { drop(stopped.await) }));

        // The work is that of a client: over HTTP, as a trading centre and a bidder would do it.
        let (worker, at) = (*console, (folder.clone(), url.clone()));
        let worked = tokio::task::spawn_blocking(move || work(&worker, &at.0, &at.1)).await;
        let record = worked.map_err(|panic| Failure::temporary("demo", said!("演示中断", "the demo broke off").because(&panic)))??;

        let policy = folder.policy().display().to_string();
        let Said { zh, en } = said!(
            "\n一切成立。账本在 {url}\n接下来可以试试（另开一个终端）：\n  mingzhang receipt --ledger {url} {record} -o {record}.tlog-proof\n  mingzhang verify {record}.tlog-proof --policy {policy}\n  mingzhang audit {url} --policy {policy}\n",
            "\nEverything holds. The ledger is at {url}\nnext, in another terminal:\n  mingzhang receipt --ledger {url} {record} -o {record}.tlog-proof\n  mingzhang verify {record}.tlog-proof --policy {policy}\n  mingzhang audit {url} --policy {policy}\n"
        );
        let text = console.lang.say(&zh, &en);
        let ended = plain("demo", String::new()).with("url", url.clone()).with("record", record);
        if arguments.once {
            if !console.json {
                console.print(text)?;
            }
            let _ = stop.send(());
            let _ = service.await;
            ledger.close().await;
            return Ok(ended);
        }
        if !console.json {
            console.print(text)?;
            console.print(&format!("{}\n", console.lang.say("按 Ctrl-C 停止。", "Ctrl-C stops it.")))?;
        }
        tokio::select! {
            () = serve::stop_signal() => {}
            reason = ledger.stopped() => return Err(Failure::temporary("ledger-stopped", said!("账本已停止写入", "the ledger has stopped").because(&reason))),
        }
        let _ = stop.send(());
        let _ = service.await;
        ledger.close().await;
        Ok(ended)
    })
}

async fn listen(wanted: SocketAddr) -> Result<TcpListener, Failure> {
    for port in wanted.port()..=wanted.port().saturating_add(PORTS) {
        if let Ok(listener) = TcpListener::bind(SocketAddr::new(wanted.ip(), port)).await {
            return Ok(listener);
        }
    }
    serve::bind(wanted).await
}

/// Posts the project, checks a receipt and replays the log. Returns the index of the receipt's record.
fn work(console: &Console, folder: &Folder, url: &str) -> Result<u64, Failure> {
    let http = Http::new(url)?;
    let signer = Holder::Key(KeyFile::read(&folder.centre_key())?.signer(None)?);
    let outcome = post::post_lines(
        console,
        &http,
        &signer,
        PROJECT,
        post::Posting {
            receipts: None,
            check: false,
            withhold: None,
        },
    )?;
    if let Some((line, reason)) = outcome.refused.first() {
        return Err(Failure::input(
            "demo",
            said!(
                "第 {line} 行草稿被拒绝：{reason}",
                "draft {line} was refused: {reason}"
            ),
        ));
    }
    let (new, known) = (outcome.logged.len(), outcome.known.len());
    console.talk(&said!(
        "3. 以交易中心身份发布示例项目「韶山市清溪示例小学教学综合楼」，五个环节：交易公告、资格审查、交易过程、成交、履约。新登记 {new} 条，原有 {known} 条",
        "3. as the trading centre, published a sample project (a school building) through all five stages: announcement, qualification, process, award, performance. {new} logged now, {known} were there"
    ));
    for document in DOCUMENTS {
        let digest = Hash::sha256(document.as_bytes());
        let answer = http.call(
            "PUT",
            &format!("api/v1/documents/{digest}"),
            &[],
            Some(document.as_bytes()),
            1 << 16,
        )?;
        if !matches!(answer.status, 200 | 201 | 204) {
            let status = answer.status;
            return Err(Failure::temporary(
                "demo",
                said!(
                    "文件上传失败（{status}）",
                    "a document was not taken ({status})"
                ),
            ));
        }
    }
    let count = DOCUMENTS.len();
    console.talk(&said!(
        "   公告原文 {count} 份按摘要存放，账本只记摘要",
        "   {count} documents are kept by digest; the ledger holds the digests"
    ));

    let record = award(&http, signer.name())?;
    let receipt = http.call(
        "GET",
        &format!("api/v1/receipts/{record}"),
        &[],
        None,
        1 << 20,
    )?;
    let policy = folder.read_policy()?;
    let verified =
        crate::verify::verify(&receipt.body, std::slice::from_ref(&policy)).map_err(|error| {
            Failure::new(
                super::out::Exit::Failed,
                "demo",
                said!("回执未通过验证", "the receipt does not verify")
                    .because(&crate::chain_of(&error)),
            )
        })?;
    let title = verified
        .statement()
        .fields()
        .title()
        .unwrap_or_default()
        .to_owned();
    console.talk(&said!(
        "4. 以投标人身份取第 {record} 条「{title}」的回执，只凭策略文件离线验证：七步全部通过",
        "4. as a bidder, fetched the receipt of record {record} ({title}) and verified it offline with nothing but the policy file: all seven steps hold"
    ));
    let records = replay::audit_quietly(url, policy)?;
    console.talk(&said!(
        "5. 以审计员身份重放整个账本：{records} 条记录的签名、链接、时间、散列树逐一重算，没有发现问题",
        "5. as an auditor, replayed the whole log: signatures, links, times and tree of {records} records recomputed, no fault found"
    ));
    Ok(record)
}

/// The award notice of the sample project.
fn award(http: &Http, publisher: &str) -> Result<u64, Failure> {
    let missing = || {
        Failure::temporary(
            "demo",
            said!(
                "查不到示例项目的成交公告",
                "the sample project's award notice is not found"
            ),
        )
    };
    let project: serde_json::Value = PROJECT
        .lines()
        .next()
        .and_then(|line| serde_json::from_str(line).ok())
        .ok_or_else(missing)?;
    let project = project
        .get("project")
        .and_then(|id| id.as_str())
        .ok_or_else(missing)?;
    let answer = http.call(
        "GET",
        &format!("api/v1/projects/{publisher}/{project}"),
        &[],
        None,
        16 << 20,
    )?;
    let view: serde_json::Value = serde_json::from_slice(&answer.body).map_err(|_| missing())?;
    let records = view
        .get("records")
        .and_then(|records| records.as_array())
        .ok_or_else(missing)?;
    let award = records.iter().find(|record| {
        record
            .pointer("/statement/stage")
            .and_then(|stage| stage.as_str())
            == Some("award")
    });
    award
        .and_then(|record| record.get("index")?.as_u64())
        .ok_or_else(missing)
}
