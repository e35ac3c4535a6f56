//! `audit` and `mirror`: a whole log replayed, or copied, by somebody who trusts neither the ledger nor its operator.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::{law, plain, runtime};
use crate::audit::{self, AuditError, MirrorError, Options, Report, State, Target};
use crate::lang::{Lang, Said};
use crate::ledger::clock::system_clock;
use crate::rules::{Finding, Law, ProjectReport};
use crate::said;
use crate::store::{Http, ReadError, Source, SourceError, named};
use crate::tlog::policy::Policy;
use crate::trade::visible::one_line;

/// What `audit` is told.
#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// A data folder, a mirror, or a ledger's address / 目录或网址
    #[arg(value_name = "DIR|URL")]
    target: String,
    /// Whom to trust: policy files or folders of them / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Remembers what was seen, so that the next audit shows that nothing of it changed / 状态文件
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Writes a page that can be filed / 审计报告
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// Faults named on the terminal; the report and `--json` have all.
const FAULTS_SHOWN: usize = 20;
/// Signature lines on the terminal.
const LINES_SHOWN: usize = 40;

pub(super) fn audit(console: &Console, arguments: &AuditArguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    let target = Target::parse(&arguments.target).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("没有可审计的账本", "there is no log to audit").because(&cause),
        )
    })?;
    let state_failed = |error: &audit::StateError| {
        let cause = crate::chain_of(error);
        Failure::input(
            "state",
            said!("状态文件不能用", "the state file cannot be used").because(&cause),
        )
    };
    let state = match &arguments.state {
        Some(path) => State::read(path).map_err(|error| state_failed(&error))?,
        None => None,
    };
    let report = replay(console, &target, &policies, state.as_ref())?;
    if let Some(path) = &arguments.report {
        let mut page = report.html(console.lang);
        // A log that does not hold together has no findings: there is nothing to judge.
        if report.faults.is_empty() {
            let found = law::of_audited(&target, &policies, system_clock()().wall)?;
            add_findings(&mut page, console.lang, &found);
        }
        write_page(path, &page)?;
    }
    if let (Some(path), Some(state)) = (&arguments.state, State::of(&report)) {
        state.write(path).map_err(|error| state_failed(&error))?;
    }
    let exit = match report.exit_code {
        0 => Exit::Ok,
        5 => Exit::Policy,
        6 => Exit::Contradiction,
        _ => Exit::Failed,
    };
    let code = match exit {
        Exit::Ok => "clean",
        Exit::Policy if report.is_unjudged() => "cannot-be-judged",
        Exit::Policy => "not-yet-witnessed",
        Exit::Contradiction => "contradiction",
        _ => "faults",
    };
    let mut answer = plain(code, text_of(console.lang, &report)).exit(exit);
    if let Ok(Value::Object(members)) = serde_json::to_value(&report) {
        answer.members = members;
    }
    Ok(answer)
}

fn replay(
    console: &Console,
    target: &Target,
    policies: &[Policy],
    state: Option<&State>,
) -> Result<Report, Failure> {
    let date = system_clock()().wall;
    let bar = console.progress(0, &said!("重放", "replaying"));
    let options = Options {
        state,
        ..Options::at(date)
    };
    let report = runtime().block_on(audit::audit(target, policies, &options, &mut |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.records);
    }));
    bar.finish_and_clear();
    report.map_err(|error| {
        let cause = crate::chain_of(&error);
        match error {
            AuditError::State(_) => Failure::input(
                "state",
                said!("状态文件不能用", "the state file cannot be used").because(&cause),
            ),
            _ => Failure::temporary(
                "network",
                said!("读不到账本", "the log cannot be read").because(&cause),
            ),
        }
    })
}

/// The audit inside the demo: how many records, if nothing is wrong.
pub(super) fn audit_quietly(url: &str, policy: Policy) -> Result<u64, Failure> {
    let target = Target::log(url, Source::Http(Http::new(url)?));
    audit_of(&target, &[policy])
}

/// An audit of which only the outcome is wanted: how many records, or the first fault.
pub(super) fn audit_of(target: &Target, policies: &[Policy]) -> Result<u64, Failure> {
    let console = Console {
        lang: Lang::En,
        json: true,
    };
    let report = replay(&console, target, policies, None)?;
    match report.faults.first() {
        // A quorum of witnesses that is not met yet is no fault of the records.
        None if report.is_clean() => Ok(report.audited.size),
        fault => {
            let contradiction = || {
                let Said { zh, en } = said!("签名互相矛盾", "signed views contradict each other");
                (zh, en)
            };
            let (zh, en) = fault.map_or_else(contradiction, |fault| {
                let object = &fault.object;
                (
                    format!("{object}：{}", fault.zh),
                    format!("{object}: {}", fault.en),
                )
            });
            Err(Failure::new(
                Exit::Failed,
                "faults",
                said!("审计发现问题：{zh}", "the audit found a fault: {en}"),
            ))
        }
    }
}

/// Findings on one page, at most; `mingzhang findings` has all.
const FINDINGS_SHOWN: usize = 1_000;

/// Puts what the law asks at the end of the page.
fn add_findings(page: &mut String, lang: Lang, found: &[(ProjectReport, Finding)]) {
    let law = Law::builtin();
    let (pack, calendar, count) = (&law.pack.version, law.calendar.version(), found.len());
    let (title, head) = (
        said!("依法应公开事项", "What the law asks"),
        said!(
            "规则 {pack}，日历 {calendar}：{count} 条待核对。本账本未见，不等于未公开。",
            "rules {pack}, calendar {calendar}: {count} findings. Not seen here does not mean not published."
        ),
    );
    let mut section = format!(
        "<h2>{}</h2>\n<p>{}</p>\n<ul>\n",
        title.in_(lang),
        head.in_(lang)
    );
    for (report, finding) in found.iter().take(FINDINGS_SHOWN) {
        let sentence = finding.said.in_(lang);
        let line = format!(
            "{} {} {:?}: {sentence}",
            report.project, finding.rule, finding.evidence
        );
        section.push_str(&format!("<li>{}</li>\n", audit::escape(&line)));
    }
    section.push_str("</ul>\n");
    if count > FINDINGS_SHOWN {
        let more = count - FINDINGS_SHOWN;
        let line = said!(
            "另有 {more} 条，见 mingzhang findings",
            "{more} more: see mingzhang findings"
        );
        section.push_str(&format!("<p>{}</p>\n", line.in_(lang)));
    }
    let end = page.rfind("</body>").unwrap_or(page.len());
    page.insert_str(end, &section);
}

fn write_page(path: &Path, page: &str) -> Result<(), Failure> {
    named::replace(path, page.as_bytes()).map_err(|error| {
        let shown = path.display();
        Failure::input(
            "report",
            said!("写不了 {shown}", "cannot write {shown}").because(&error),
        )
    })
}

fn text_of(lang: Lang, report: &Report) -> String {
    let (source, size, root) = (
        &report.source,
        report.audited.size,
        &report.audited.root_hash,
    );
    let counts = serde_json::to_value(&report.counts).unwrap_or(Value::Null);
    let faults = report.faults.len() as u64 + report.faults_more;
    let mut text = String::new();
    let mut add = |said: Said| {
        text.push_str(said.in_(lang));
        text.push('\n');
    };
    add(said!("审计对象：{source}", "audited: {source}"));
    add(said!(
        "重放 {size} 条记录，根 {root}",
        "replayed {size} records, root {root}"
    ));
    add(said!("计数：{counts}", "counts: {counts}"));
    // Every line of what was signed: one that counts for nothing is named too, so that a changed one is not overlooked.
    let signed = [&report.checkpoint, &report.head];
    let lines = signed.into_iter().flatten().flat_map(|signed| {
        let lines = signed.lines.iter();
        lines.map(|line| (&*signed.object, line))
    });
    let others = report.not_counted.iter().filter(|one| {
        signed
            .into_iter()
            .flatten()
            .all(|signed| signed.object != one.object)
    });
    let lines = lines.chain(others.map(|one| (&*one.object, &one.line)));
    for (object, line) in lines.take(LINES_SHOWN) {
        let (mark, key) = (if line.counted { "✔" } else { "○" }, one_line(&line.key));
        let (zh, en) = (&line.zh, &line.en);
        add(said!(
            "{mark} {object}：{key}：{zh}",
            "{mark} {object}: {key}: {en}"
        ));
    }
    for fault in report.faults.iter().take(FAULTS_SHOWN) {
        let record = fault
            .record
            .map_or_else(String::new, |record| format!(" #{record}"));
        let mark = if report.is_unjudged() { "○" } else { "✘" };
        let (object, zh, en, step_zh, step_en) = (
            one_line(&fault.object),
            one_line(&fault.zh),
            one_line(&fault.en),
            fault.step.zh(),
            fault.step.en(),
        );
        add(said!(
            "{mark} {object}{record} [{step_zh}] {zh}",
            "{mark} {object}{record} [{step_en}] {en}"
        ));
    }
    if faults > FAULTS_SHOWN as u64 {
        add(said!(
            "……共 {faults} 处，见 --report 或 --json",
            "… {faults} in all, see --report or --json"
        ));
    }
    for contradiction in &report.contradictions {
        let (one, other) = (&contradiction.one, &contradiction.other);
        let evidence = serde_json::to_string_pretty(&[one, other]).unwrap_or_default();
        add(said!(
            "✘✘ 两份签名互相矛盾，证明账本被改写过；请保存并交监督部门：\n{evidence}",
            "✘✘ two signed views cannot both be true: the log was rewritten. Keep this and hand it to the supervising authority:\n{evidence}"
        ));
    }
    for name in &report.strays {
        let name = one_line(name);
        add(said!(
            "○ {name}：操作系统留下的文件，不属于账本，可删除",
            "○ {name}: a file of the operating system, no part of the log; it can be removed"
        ));
    }
    match report.exit_code {
        0 => add(said!(
            "✔ 没有发现问题：签名、链接、时间、散列树、各项目的链全部成立。",
            "✔ no fault found: signatures, links, times, tree and every project's chain hold."
        )),
        5 if report.is_unjudged() => add(said!(
            "○ 无法判断：所给策略都不适用于这个账本，账本未核。请向可信的来源取得它的策略文件。",
            "○ cannot be judged: no policy given is for this log, which was not looked at further. Get its policy file from a source that you trust."
        )),
        5 => add(said!(
            "没有发现问题，但检查点的见证不足策略要求。",
            "no fault found, but the checkpoint lacks witnesses that the policy wants."
        )),
        6 => add(said!(
            "✘ 发现互相矛盾的签名。",
            "✘ signed views contradict each other."
        )),
        _ => add(said!(
            "✘ 发现 {faults} 处问题。",
            "✘ {faults} faults found."
        )),
    }
    for remark in &report.remarks {
        let (code, zh, en) = (remark.code, &remark.zh, &remark.en);
        add(said!("！ 注意（{code}）：{zh}", "! remark ({code}): {en}"));
    }
    add(said!("未检查的：", "not checked:"));
    for sentence in &report.not_checked {
        let (zh, en) = (&sentence.zh, &sentence.en);
        add(said!("  · {zh}", "  · {en}"));
    }
    text
}

/// What `mirror` is told.
#[derive(Debug, Args)]
pub(super) struct MirrorArguments {
    /// The ledger's address / 账本网址
    #[arg(value_name = "URL")]
    url: String,
    /// Where the copy goes: the content of the log itself / 镜像目录
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Whom to trust: policy files or folders of them; without it the copy is checked to hold together only / 信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Goes on: looks for new records every so many seconds / 持续镜像，间隔秒数
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    follow: Option<u64>,
}

/// Copies once, or again and again until something is wrong that waiting does not cure.
pub(super) fn mirror(console: &Console, arguments: &MirrorArguments) -> Result<Answer, Failure> {
    let Some(seconds) = arguments.follow else {
        return mirror_once(console, arguments);
    };
    super::log::start();
    let mut records = None;
    loop {
        match mirror_once(console, arguments) {
            Ok(answer) => {
                let now = answer.members.get("records").cloned();
                if now != records {
                    records = now;
                    if console.json {
                        console.announce(answer.members);
                    } else {
                        console.tell(&answer.text);
                    }
                }
            }
            // The ledger is away, or shows less than the copy has: the copy stays as it is.
            Err(failure) if failure.exit == Exit::Temporary => console.talk(&failure.said),
            Err(failure) => return Err(failure),
        }
        std::thread::sleep(std::time::Duration::from_secs(seconds));
    }
}

fn mirror_once(console: &Console, arguments: &MirrorArguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    let source = Source::Http(Http::new(&arguments.url)?);
    let bar = console.progress(0, &said!("镜像", "mirroring"));
    let mirrored = runtime().block_on(audit::mirror(
        &source,
        &arguments.folder,
        &policies,
        &mut |progress| {
            bar.set_length(progress.of);
            bar.set_position(progress.records);
        },
    ));
    bar.finish_and_clear();
    let mirrored = mirrored.map_err(|error| {
        let cause = crate::chain_of(&error);
        let said = said!(
            "镜像未完成；已存的都经过验证，再运行一次即可接着做",
            "the mirror is not complete; what is stored was verified, run it again to go on"
        )
        .because(&cause);
        match error {
            MirrorError::Source(_)
            | MirrorError::Read(ReadError::Source(SourceError::Http(_)))
            | MirrorError::NoCheckpoint { .. }
            | MirrorError::Behind { .. } => Failure::temporary("network", said),
            MirrorError::NoPolicy { .. } => Failure::new(
                Exit::Policy,
                "cannot-be-judged",
                said!(
                    "无法判断：没有适用的策略，没有镜像",
                    "cannot be judged: no policy given fits, and nothing was copied"
                )
                .because(&cause),
            ),
            MirrorError::Contradiction { .. } => {
                Failure::new(Exit::Contradiction, "contradiction", said)
            }
            _ => Failure::new(Exit::Failed, "mirror", said),
        }
    })?;
    let (records, before, stored, kept) = (
        mirrored.records,
        mirrored.records_before,
        mirrored.stored,
        mirrored.kept,
    );
    let folder = arguments.folder.display();
    let signed = if mirrored.signed {
        said!(
            "检查点由策略认可的日志密钥签名",
            "the checkpoint is signed by a log key of the policy"
        )
    } else {
        said!(
            "没有给策略，未核对由谁签名",
            "no policy was given: who signed it was not checked"
        )
    };
    let (zh, en) = (&signed.zh, &signed.en);
    let Said { zh, en } = said!(
        "{folder}：{records} 条记录（原有 {before} 条），新存 {stored} 个对象，已有 {kept} 个。{zh}。\n",
        "{folder}: {records} records ({before} before), {stored} objects stored, {kept} were there. {en}.\n"
    );
    let mut text = console.lang.say(&zh, &en).to_owned();
    let repairs = [
        (
            &mirrored.repaired,
            said!(
                "已损坏，已从账本重新取得",
                "was damaged, and was fetched again"
            ),
        ),
        (
            &mirrored.removed,
            said!(
                "是空的，账本也没有它，已删除",
                "was empty, and the ledger has none: it was removed"
            ),
        ),
        (
            &mirrored.damaged,
            said!(
                "已损坏，账本没有可替换的；未改动",
                "is damaged, and the ledger has none to replace it: left as it is"
            ),
        ),
    ];
    for (names, what) in &repairs {
        for name in *names {
            text.push_str(&format!("{name}: {}\n", what.in_(console.lang)));
        }
    }
    let exit = match mirrored.damaged.is_empty() {
        true => Exit::Ok,
        false => Exit::Failed,
    };
    Ok(plain("mirrored", text)
        .exit(exit)
        .with("records", records)
        .with("stored", stored)
        .with("repaired", mirrored.repaired)
        .with("removed", mirrored.removed)
        .with("damaged", mirrored.damaged)
        .with("signed", mirrored.signed)
        .with("witnessed", mirrored.witnessed))
}
