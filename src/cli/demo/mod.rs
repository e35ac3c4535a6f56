//! `demo`: the main job, for real, on the embedded default: a ledger, projects of every category through all five stages, a receipt
//! verified, the log replayed.

mod data;
mod offices;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::net::TcpListener;

use super::draft::Guard;
use super::init::{Centre, Folder, opening_failed, trial};
use super::keys::KeyFile;
use super::keys::holder::Holder;
use super::out::{Answer, Console, Failure};
use super::vault::Vault;
use super::{default_listen, plain, post, replay, runtime, serve};
use crate::lang::Said;
use crate::law::View;
use crate::ledger::Ledger;
use crate::ledger::clock::system_clock;
use crate::rules::Book;
use crate::said;
use crate::server::project_path;
use crate::store::Http;
use crate::tlog::merkle::Hash;
use crate::trade::vocabulary::Vocabulary;
use data::{DOCUMENTS, PROJECTS, SCHOOL};
use offices::Offices;

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
/// The demo's centre went live that day: what it says of earlier days is taken at its word, and findings say so (补录).
const CENTRE: Centre<'_> = Centre {
    name: "韶山市公共资源交易中心（演示）",
    live_from: "2026-01-01T00:00:00+08:00",
};
/// Ports that are tried after the first.
const PORTS: u16 = 50;

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    super::log::start();
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
        trial(&folder, ORIGIN, None, Some(CENTRE))?;
        Offices::make(&folder)?;
        console.talk(&said!(
            "1. 新建演示账本 {ORIGIN}，在 {shown}：生成了日志、三家管理机构、三家见证和一家交易中心的密钥（试用设置：都在本机）",
            "1. a new demo ledger, {ORIGIN}, in {shown}: keys were made for the log, three authorities, three witnesses and a trading centre (a trial set-up: all on this machine)"
        ));
    }
    runtime().block_on(async {
        let listener = listen(arguments.listen).await?;
        let url = serve::url_of(&listener);
        let ledger = Ledger::open(folder.store()?, folder.config()?, system_clock()).await.map_err(|error| opening_failed(&error))?;
        console.talk(&said!("2. 账本在 {url} 运行", "2. the ledger runs at {url}"));
        let options = crate::server::Options {
            search: serve::search_of(Some(&folder.data.join("index").join("search"))),
            law: Some(View::new(ledger.clone(), Book::builtin(), None).into()),
            ..crate::server::Options::default()
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let service = tokio::spawn(serve::serve(listener, ledger.clone(), options, crate::server::accept::Limits::default(), async move { drop(stopped.await) }));

        let witnesses = Offices::open(&folder)?.run(*console, Http::new(&url)?, ledger.clone());
        let witnesses = tokio::spawn(witnesses);

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
            witnesses.abort();
            let _ = witnesses.await;
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
        // They hold the ledger: who closes it waits for the last one that does.
        witnesses.abort();
        let _ = witnesses.await;
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
    // Projects side by side, as a centre's system posts them; what is withheld stays in the demo's own folder.
    let mut vault = Vault::new(&folder.keys.join("centre.openings"));
    let guard = Guard {
        words: Vocabulary::builtin().clone(),
        accepted: Vec::new(),
    };
    let drafts = all_drafts();
    let outcome = post::post_lines(
        console,
        &http,
        &signer,
        &drafts,
        post::Posting {
            receipts: None,
            check: false,
            wait: post::WaitFor::Signed,
            show: post::Show::AsDrafted,
            apart: &[],
            withhold: Some(&mut |kept: &[post::Kept<'_>]| vault.keep(kept)),
            guard: Some(&guard),
            attached: None,
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
    let (projects, new, known) = (PROJECTS.len(), outcome.logged.len(), outcome.known.len());
    console.talk(&said!(
        "3. 以交易中心身份发布 {projects} 个示例项目，工程建设、政府采购、土地、产权、碳排放权、排污权、药品、器械、林权、矿业权各有从公告到履约的全过程。新登记 {new} 条，原有 {known} 条",
        "3. as the trading centre, published {projects} sample projects: construction, procurement, land, property, carbon, discharge, drugs, devices, forest and mineral rights, each from its announcement to its performance. {new} logged now, {known} were there"
    ));
    let (held, path) = (vault.kept(), vault.path().display());
    if held > 0 {
        console.talk(&said!(
            "   自然人姓名以承诺值登记、另附原文；质疑人、得分等不公开内容只登记承诺值，{held} 条的原文留在 {path}",
            "   persons stand as commitments, their names beside the log; who objected, scores and the like stay closed: what opens those of {held} statements is in {path}"
        ));
    }
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

    offices::wait(console, &http)?;
    let record = award(&http, signer.name())?;
    let receipt = super::answered::receipt(&http, record)?;
    let policy = folder.read_policy()?;
    let verified =
        crate::verify::verify(&receipt, std::slice::from_ref(&policy)).map_err(|error| {
            Failure::new(
                super::out::Exit::Failed,
                "demo",
                said!("回执未通过验证", "the receipt does not verify")
                    .because(&crate::chain_of(&error)),
            )
        })?;
    if !verified.checkpoint().quorum().met {
        return Err(Failure::new(
            super::out::Exit::Policy,
            "demo",
            said!("回执还没有见证", "the receipt is not witnessed yet"),
        ));
    }
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

/// All files as one: `"$2"` of a file is line 2 of it, wherever it stands here.
fn all_drafts() -> String {
    const NAMED: &str = "\"statement\":\"$";
    let (mut all, mut before) = (String::new(), 0_usize);
    for (_, drafts) in PROJECTS {
        let lines: Vec<&str> = drafts.lines().collect();
        for line in &lines {
            match line.split_once(NAMED) {
                Some((head, tail)) => {
                    let (number, tail) = tail.split_once('"').expect("the drafts are ours");
                    let number: usize = number.parse().expect("the drafts are ours");
                    all.push_str(&format!("{head}{NAMED}{}\"{tail}\n", number + before));
                }
                None => all.push_str(&format!("{line}\n")),
            }
        }
        before += lines.len();
    }
    all
}

/// The award notice of the school.
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
    let answer = http.call("GET", &project_path(publisher, SCHOOL), &[], None, 16 << 20)?;
    let view = super::answered::object(http, "api/v1/projects", &answer).map_err(|_| missing())?;
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
