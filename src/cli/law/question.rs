//! What every question about the law needs: a log read through the newest signed tree, rule packs, a calendar, a date.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use rayon::prelude::*;

use super::walk::walk;
use crate::audit::Target;
use crate::cli::out::Failure;
use crate::cli::policies::Policies;
use crate::cli::{read_file, runtime};
use crate::lang::Said;
use crate::ledger::clock::system_clock;
use crate::rules::Book;
use crate::rules::ToldPart;
use crate::rules::announced::Announced;
use crate::rules::calendar::Day;
use crate::rules::facts::{Disclosure, live_from};
use crate::rules::pack::{Pack, PackError};
use crate::rules::{AsOf, Finding, Law, ProjectReport, project_report};
use crate::said;
use crate::tlog::policy::Policy;
use crate::trade::statement::Body;
use crate::trade::time::{OffsetTime, Time};

const FILE_BYTES_MAX: u64 = 4 << 20;
const JUDGED_AT_ONCE: usize = 4_096;

/// Which log, by which law, as of when.
#[derive(Debug, Args)]
pub(in crate::cli) struct Question {
    /// A data folder, a mirror, or a ledger's address / 目录或网址
    #[arg(value_name = "DIR|URL")]
    pub(super) target: String,
    /// Whom to trust: policy files or folders of them / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    pub(super) policy: Vec<PathBuf>,
    /// Further rule packs, TOML: they add rules or override those of the same id / 另加规则
    #[arg(long, value_name = "FILE.toml", num_args = 1)]
    pub(super) pack: Vec<PathBuf>,
    /// Holidays of a region on top of the national calendar, or a newer national one, JSON / 放假安排
    #[arg(long, value_name = "FILE.json", num_args = 1)]
    pub(super) calendar: Vec<PathBuf>,
    /// The date of the question, YYYY-MM-DD, to its end in China; else now / 截至
    #[arg(long, value_name = "DATE")]
    pub(super) as_of: Option<String>,
    /// See records from before a publisher went live on the day they claim, not on the day they were logged / 补录按所称日期
    #[arg(long)]
    pub(super) by_claim: bool,
    /// Suppose this day for publishers whose keys name no live_from / 未注明上线日的发布者按此日
    #[arg(long, value_name = "DATE")]
    pub(super) live_from: Option<String>,
    /// Only this publisher / 发布者
    #[arg(long, value_name = "NAME")]
    pub(super) publisher: Option<String>,
    /// Only this project / 项目
    #[arg(long, value_name = "ID")]
    pub(super) project: Option<String>,
}

/// Projects of a log, by publisher and id.
pub(super) type Projects = BTreeMap<(String, String), Vec<Disclosure>>;

/// A question made ready: everything that is read.
pub(super) struct Asked {
    pub(super) book: Book,
    pub(super) as_of: AsOf,
    pub(super) told: Vec<ToldPart>,
    pub(super) projects: Projects,
    pub(super) records: u64,
}

impl Asked {
    pub(super) fn law(&self) -> Law<'_> {
        self.book.law(&self.told)
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = ProjectReport> {
        // Judged on all cores, some thousand at a time, handed out in order.
        let projects: Vec<&Vec<Disclosure>> = self.projects.values().collect();
        (0..projects.len())
            .step_by(JUDGED_AT_ONCE)
            .flat_map(move |first| {
                let last = projects.len().min(first + JUDGED_AT_ONCE);
                let reports = projects[first..last].par_iter();
                let judged =
                    reports.filter_map(|project| project_report(project, self.law(), self.as_of));
                judged.collect::<Vec<ProjectReport>>()
            })
    }

    /// By which law, as of when, over how much; a line a file of the law.
    pub(super) fn head(&self) -> Said {
        let (pack, calendar) = (&self.book.pack.version, self.book.calendar.version());
        let (date, records) = (self.as_of.date, self.records);
        let mut said = said!(
            "规则 {pack}，日历 {calendar}，截至 {date}，账本 {records} 条。本账本未见，不等于未公开。",
            "rules {pack}, calendar {calendar}, as of {date}, {records} records. Not seen here does not mean not published."
        );
        for part in &self.told {
            let Said { zh, en } = part_said(part);
            said.zh.push_str(&format!("\n{zh}"));
            said.en.push_str(&format!("\n{en}"));
        }
        said
    }
}

fn part_said(part: &ToldPart) -> Said {
    let (version, sha256) = (&part.version, &part.sha256);
    let (zh, en) = match part.what {
        "calendar" => ("日历", "calendar"),
        _ => ("规则", "rules"),
    };
    match part.announced {
        Some(index) => said!(
            "  {zh} {version}，SHA-256 {sha256}，第{index}条公告",
            "  {en} {version}, SHA-256 {sha256}, announced in record {index}"
        ),
        None => said!(
            "  {zh} {version}，SHA-256 {sha256}，本账本未公告",
            "  {en} {version}, SHA-256 {sha256}, not announced in this log"
        ),
    }
}

pub(super) fn ask(question: &Question) -> Result<Asked, Failure> {
    let book = book(&question.pack, &question.calendar)?;
    let date = match &question.as_of {
        None => system_clock()().wall,
        Some(text) => day_of(text, "23:59:59.999")?,
    };
    let supposed = match &question.live_from {
        None => None,
        Some(text) => Some(OffsetTime {
            time: day_of(text, "00:00:00.000")?,
            offset_minutes: crate::rules::facts::CHINA_MINUTES,
        }),
    };
    let target = Target::parse(&question.target).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!("没有账本", "there is no log").because(&cause),
        )
    })?;
    let policies = Policies::read(&question.policy)?;
    let wanted = Wanted {
        target: &target,
        policies: &policies,
        publisher: question.publisher.as_deref(),
        project: question.project.as_deref(),
    };
    let read = runtime().block_on(read_log(wanted, supposed))?;
    let law = read.announced.of(&book, date);
    Ok(Asked {
        told: law,
        book,
        as_of: AsOf {
            date,
            by_claim: question.by_claim,
        },
        projects: read.projects,
        records: read.size,
    })
}

fn day_of(text: &str, clock: &str) -> Result<Time, Failure> {
    let wrong = || {
        Failure::usage(
            "date",
            said!(
                "{text} 不是日期，应如 2026-02-07",
                "{text} is no date, wanted one like 2026-02-07"
            ),
        )
    };
    Day::parse(text).ok_or_else(wrong)?;
    let stated = OffsetTime::parse(&format!("{text}T{clock}+08:00"));
    stated.map(|stated| stated.time).map_err(|_| wrong())
}

fn read_text(path: &std::path::Path) -> Result<String, Failure> {
    let shown = path.display();
    String::from_utf8(read_file(path, FILE_BYTES_MAX)?).map_err(|_| {
        Failure::input(
            "not-utf-8",
            said!("{shown} 不是 UTF-8 文本", "{shown} is not UTF-8"),
        )
    })
}

pub(super) fn read_pack(path: &std::path::Path) -> Result<Pack, Failure> {
    Pack::parse(&read_text(path)?).map_err(|error| wrong_pack(path, &error))
}

fn wrong_pack(path: &std::path::Path, error: &PackError) -> Failure {
    let (shown, cause) = (path.display(), crate::chain_of(error));
    Failure::input(
        "pack",
        said!("规则文件 {shown} 有误", "the rule pack {shown} is wrong")
            // Several lines: the place is drawn.
            .then(&said!("{cause}", "{cause}")),
    )
}

/// What is compiled in, with these packs and calendars on top.
pub(in crate::cli) fn book(packs: &[PathBuf], calendars: &[PathBuf]) -> Result<Book, Failure> {
    let mut book = Book::builtin();
    for path in packs {
        let added = book.with_pack(&read_text(path)?);
        book = added.map_err(|error| wrong_pack(path, &error))?;
    }
    for path in calendars {
        let added = book.with_calendar(&read_text(path)?);
        book = added.map_err(|error| {
            let (shown, cause) = (path.display(), crate::chain_of(&error));
            Failure::input(
                "calendar",
                said!("{shown} 不是日历文件", "{shown} is no calendar file").because(&cause),
            )
        })?;
    }
    Ok(book)
}

/// What the rules compiled in say of a log that was audited, as of `date`: findings by rule, and each finding.
pub(in crate::cli) fn of_audited(
    target: &Target,
    policies: &[Policy],
    date: Time,
) -> Result<Vec<(ProjectReport, Finding)>, Failure> {
    let wanted = Wanted {
        target,
        policies,
        publisher: None,
        project: None,
    };
    let read = runtime().block_on(read_log(wanted, None))?;
    let book = Book::builtin();
    let told = read.announced.of(&book, date);
    let mut found = Vec::new();
    for project in read.projects.values() {
        let Some(mut report) = project_report(project, book.law(&told), AsOf::date(date)) else {
            continue;
        };
        let faults: Vec<Finding> = report.faults().cloned().collect();
        // Beside each finding stands its project, not all that was found of it.
        report.findings.clear();
        report.standing.clear();
        found.extend(faults.into_iter().map(|finding| (report.clone(), finding)));
    }
    Ok(found)
}

/// Which records are read.
struct Wanted<'a> {
    target: &'a Target,
    policies: &'a [Policy],
    publisher: Option<&'a str>,
    project: Option<&'a str>,
}

/// What the rules read of a log.
#[derive(Default)]
struct Read {
    projects: Projects,
    announced: Announced,
    size: u64,
}

async fn read_log(wanted: Wanted<'_>, supposed: Option<OffsetTime>) -> Result<Read, Failure> {
    let mut read = Read::default();
    let walked = walk(wanted.target, wanted.policies, |seen| {
        let (index, statement) = (seen.header.index, seen.statement);
        if matches!(statement.body(), Body::Notice) {
            read.announced.take(index, seen.header.time, statement);
        }
        let publisher = statement.publisher().unwrap_or_default();
        let project = statement.project().unwrap_or_default();
        let asked = wanted.publisher.is_none_or(|one| one == publisher)
            && wanted.project.is_none_or(|one| one == project);
        if !asked {
            return Ok(());
        }
        let live = seen
            .keys
            .and_then(|keys| live_from(keys, publisher, index))
            .or(supposed);
        if let Some(one) = Disclosure::read(index, seen.header.time, statement, live) {
            let key = (one.publisher.clone(), one.project.clone());
            read.projects.entry(key).or_default().push(one);
        }
        Ok(())
    })
    .await?;
    read.size = walked.tree.size;
    Ok(read)
}
