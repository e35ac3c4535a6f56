//! `bench --law N`: what the law asks of N projects of ten records each, in one pass over the log, beside the plain audit of the same
//! log; and what a running ledger answers from its view.
//!
//! Every tenth project has no contract, every fifth too short a time for bids: findings are made, not only looked for.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::stages;
use super::subject::Subject;
use super::{Fault, program};
use mingzhang::lang::Lang;
use mingzhang::law::{self, Filter, View};
use mingzhang::ledger::clock::system_clock;
use mingzhang::ledger::{Ledger, Wait};
use mingzhang::rules::Book;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Signer;
use mingzhang::trade::statement::sign_statement;

/// Projects that are signed before they are posted.
const CHUNK: usize = 2_000;
/// Posts under way.
const AT_ONCE: usize = 4_096;
/// Questions whose median is told.
const QUESTIONS: usize = 20;

/// The figures.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Projects.
    pub projects: u64,
    /// Records of the log.
    pub records: u64,
    /// Findings in it.
    pub findings: u64,
    /// Seconds of the plain audit: every tile, link and signature.
    pub audit_s: f64,
    /// Seconds of reading the same log and judging every project.
    pub judge_s: f64,
    /// Seconds in which the running ledger's view read and judged it.
    pub view_s: f64,
    /// Milliseconds of the counts of a home page, the first time and once they are known.
    pub statistics_first_ms: f64,
    /// As above.
    pub statistics_ms: f64,
    /// Milliseconds of the summary of findings.
    pub summary_ms: f64,
    /// Milliseconds of a page of 50 findings.
    pub page_ms: f64,
    /// Milliseconds of the report of one project.
    pub report_ms: f64,
    /// Most memory that the process ever held, in MiB.
    pub resident_mib: Option<u64>,
}

impl Figures {
    /// For people, a line a figure.
    pub fn text(&self, lang: Lang) -> String {
        let per_s = |seconds: f64| self.records as f64 / seconds.max(1e-9);
        let ratio = self.judge_s / self.audit_s.max(1e-9);
        let resident = self
            .resident_mib
            .map_or_else(|| "-".to_owned(), |mib| format!("{mib} MiB"));
        let rows = [
            ("项目", "projects", self.projects.to_string()),
            ("记录", "records", self.records.to_string()),
            ("待核对事项", "findings", self.findings.to_string()),
            (
                "审计",
                "plain audit",
                format!("{:.1} s, {:.0}/s", self.audit_s, per_s(self.audit_s)),
            ),
            (
                "读取并判断",
                "read and judged in one pass",
                format!("{:.1} s, {:.0}/s", self.judge_s, per_s(self.judge_s)),
            ),
            ("判断 ÷ 审计", "judged ÷ audit", format!("{ratio:.2}")),
            (
                "运行中的账本建立视图",
                "view of the running ledger made",
                format!("{:.1} s, {:.0}/s", self.view_s, per_s(self.view_s)),
            ),
            (
                "统计，首次",
                "statistics, first",
                format!("{:.1} ms", self.statistics_first_ms),
            ),
            (
                "统计，其后",
                "statistics, after",
                format!("{:.3} ms", self.statistics_ms),
            ),
            ("汇总", "summary", format!("{:.1} ms", self.summary_ms)),
            (
                "一页 50 条",
                "page of 50 findings",
                format!("{:.1} ms", self.page_ms),
            ),
            (
                "单个项目",
                "report of a project",
                format!("{:.2} ms", self.report_ms),
            ),
            ("进程内存峰值", "most memory of the process", resident),
        ];
        let lines = rows
            .iter()
            .map(|(zh, en, value)| format!("{}: {value}\n", lang.say(zh, en)));
        lines.collect()
    }
}

/// Makes the log and measures.
pub(crate) fn measure(
    server: &Runtime,
    folder: &std::path::Path,
    projects: usize,
) -> Result<Figures, Fault> {
    let subject = Subject::create(server, folder, true)?;
    let statements = subject.statements()?;
    // By then it is a little later: a live publisher's claim is not before the log's time by days.
    let issued = system_clock()().wall.to_string();
    for first in (0..projects).step_by(CHUNK) {
        let last = projects.min(first + CHUNK);
        let chains: Vec<Vec<Bytes>> = (first..last)
            .into_par_iter()
            .map(|at| chain(&statements.signer, subject.ledger.origin(), &issued, at))
            .collect();
        server.block_on(post(&subject.ledger, &chains))?;
    }
    let policy = subject.policy()?;
    let begun = Instant::now();
    stages::audit_rate(server, &subject, &policy)?;
    let audit_s = begun.elapsed().as_secs_f64();

    let data = subject.folder().data.display().to_string();
    let with = format!("--policy={data}/policy");
    let begun = Instant::now();
    let told = program(&["statistics", &data, &with, "--json"])?;
    let judge_s = begun.elapsed().as_secs_f64();
    let told: Value = serde_json::from_str(&told)?;
    let count = |name| told["statistics"]["all"][name].as_u64().unwrap_or(0);
    let (judged, findings) = (count("projects"), count("findings"));

    let records = subject.ledger.head().tree.size;
    let view = Arc::new(View::new(
        subject.ledger.clone(),
        Book::builtin(),
        Some(folder),
    ));
    let begun = Instant::now();
    let follower = server.spawn(law::follow(view.clone()));
    server.block_on(view.reached(records));
    let view_s = begun.elapsed().as_secs_f64();
    let filter = Filter::default();
    let begun = Instant::now();
    let statistics = view.statistics()?;
    let statistics_first_ms = begun.elapsed().as_secs_f64() * 1_000.0;
    if (statistics.all.projects, statistics.all.findings()) != (judged, findings) {
        let (projects, found) = (statistics.all.projects, statistics.all.findings());
        return Err(format!(
            "the view has {found} findings in {projects} projects, one pass over the log {findings} in {judged}"
        )
        .into());
    }
    let publisher = statements.signer.name();
    let figures = Figures {
        projects: judged,
        records,
        findings,
        audit_s,
        judge_s,
        view_s,
        statistics_first_ms,
        statistics_ms: median(|| view.statistics().map(drop))?,
        summary_ms: median(|| view.summary(&filter).map(drop))?,
        page_ms: median(|| view.findings(&filter, None, 50, None).map(drop))?,
        report_ms: median(|| {
            view.project_report(publisher, &name(projects / 2), None)
                .map(drop)
        })?,
        resident_mib: peak_mib(),
    };
    follower.abort();
    let _ = server.block_on(follower);
    drop(view);
    subject.close(server);
    Ok(figures)
}

fn median(question: impl Fn() -> std::io::Result<()>) -> Result<f64, Fault> {
    let mut times = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let begun = Instant::now();
        question()?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[QUESTIONS / 2])
}

fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024)
}

async fn post(ledger: &Ledger, chains: &[Vec<Bytes>]) -> Result<(), Fault> {
    // One step of all projects after the other: a statement may follow one that is still in the queue, not one that never came.
    for step in 0..chains.iter().map(Vec::len).max().unwrap_or(0) {
        let notes = chains.iter().filter_map(|chain| chain.get(step).cloned());
        stream::iter(notes.map(|note| async move {
            let posted = ledger.post(note, None, Wait::Signed).await;
            posted.map(drop).map_err(Fault::from)
        }))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    }
    Ok(())
}

fn name(at: usize) -> String {
    format!("L-{at:07}")
}

/// The ten records of a project, from notice to payment.
fn chain(signer: &Signer, ledger: &str, issued: &str, at: usize) -> Vec<Bytes> {
    let deadline = if at.is_multiple_of(5) {
        "2026-03-10"
    } else {
        "2026-03-30"
    };
    let winner = format!("{{\"name\":\"示例建设有限公司{}\"}}", at % 1_000);
    let price = "\"price\":{\"form\":\"amount\",\"amount\":\"1793680.00\",\"currency\":\"CNY\"}";
    let day = |day: &str| format!("\"{day}T09:00:00+08:00\"");
    let opening = day(deadline);
    let steps = [
        ("announcement", "plan_notice", String::new(), String::new()),
        (
            "announcement",
            "tender_notice",
            format!(
                "\"documents_from\":{},\"documents_to\":{},\"bid_deadline\":{opening},\"opening\":{opening}",
                day("2026-03-01"),
                day("2026-03-08")
            ),
            String::new(),
        ),
        (
            "announcement",
            "clarification",
            format!("\"clarified\":{}", day("2026-03-05")),
            String::new(),
        ),
        (
            "process",
            "bid_opening",
            format!("\"opening\":{opening}"),
            format!("\"bids\":[{{\"party\":{winner},{price}}}]"),
        ),
        (
            "process",
            "evaluation_report",
            format!("\"evaluated\":{}", day("2026-04-02")),
            String::new(),
        ),
        (
            "process",
            "candidate_publicity",
            format!(
                "\"publicity_from\":{},\"publicity_to\":{}",
                day("2026-04-03"),
                day("2026-04-07")
            ),
            format!("\"candidates\":[{{\"rank\":1,\"party\":{winner},{price}}}]"),
        ),
        (
            "award",
            "award_notice",
            format!("\"winner_set\":{}", day("2026-04-08")),
            format!("\"winner\":{winner},{price}"),
        ),
        (
            "award",
            "award_letter",
            format!("\"letter_issued\":{}", day("2026-04-09")),
            format!("\"winner\":{winner},{price}"),
        ),
        (
            "performance",
            "contract",
            format!("\"contract_signed\":{}", day("2026-04-20")),
            format!("\"supplier\":{winner},{price}"),
        ),
        (
            "performance",
            "payment",
            format!("\"paid\":{}", day("2026-05-20")),
            String::new(),
        ),
    ];
    let mut follows: Option<Hash> = None;
    let mut notes = Vec::with_capacity(steps.len());
    let contracted = !at.is_multiple_of(10);
    for (stage, kind, events, details) in steps {
        if kind == "contract" && !contracted {
            continue;
        }
        let before = follows.map_or("null".to_owned(), |id| format!("\"{id}\""));
        let text = format!(
            "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ledger}\",\"publisher\":\"{}\",\"project\":\"{}\",\"follows\":{before},\"codes\":[],\"stage\":\"{stage}\",\
             \"kind\":\"{kind}\",\"category\":\"construction\",\"method\":\"open-tender\",\"mandatory_tender\":true,\"title\":\"示例工程{at}\",\"region\":\"430382\",\
             \"issued\":\"{issued}\",\"documents\":[],\"events\":{{{events}}},\"details\":{{{details}}}}}\n",
            signer.name(),
            name(at)
        );
        let statement =
            sign_statement(&text, &[signer]).expect("the text is ours and its form is fixed");
        follows = Some(statement.id());
        notes.push(statement.note().clone());
    }
    notes
}
