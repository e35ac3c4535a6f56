//! `findings`, `due`, `statistics`, `rules`: what follows from a log, a rule pack and a calendar, recomputed by whoever asks.
//!
//! Reads every record through tiles that hang from the newest signed tree. Does not verify statements' signatures: `audit` does.

mod question;
pub(super) mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::out::{Answer, Console, Failure};
use super::plain;
use crate::lang::Said;
use crate::rules::csv;
use crate::rules::pack::Rule;
use crate::rules::publicity::Publicities;
use crate::rules::statistics::Statistics;
use crate::rules::{Finding, Outcome, ProjectReport};
use crate::said;
use crate::trade::visible::one_line;
pub(super) use question::book;
pub(super) use question::of_audited;
use question::{Asked, Question, ask, read_pack};

/// How a list is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people / 供人阅读
    #[default]
    Text,
    /// Comma-separated / 逗号分隔
    Csv,
}

/// What `findings` is told.
#[derive(Debug, Args)]
pub(super) struct FindingsArguments {
    #[command(flatten)]
    question: Question,
    /// Also what is done, due, or cannot be told / 全部结论
    #[arg(long)]
    all: bool,
    /// How it is printed / 格式
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `due` is told.
#[derive(Debug, Args)]
pub(super) struct DueArguments {
    #[command(flatten)]
    question: Question,
    /// How far ahead, such as 7d / 天数
    #[arg(long, value_name = "DAYS", default_value = "7d")]
    within: String,
    /// How it is printed / 格式
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `statistics` is told.
#[derive(Debug, Args)]
pub(super) struct StatisticsArguments {
    #[command(flatten)]
    question: Question,
    /// The table of publicities of candidates instead / 中标候选人公示一览
    #[arg(long)]
    publicity: bool,
    /// How it is printed / 格式
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is asked of the rules.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// All rules, with mark and whether they are on / 列出
    List {
        /// Further packs / 另加规则
        #[arg(long, value_name = "FILE.toml", num_args = 1)]
        pack: Vec<PathBuf>,
    },
    /// One rule / 查看一条
    Show {
        /// Its id / 编号
        id: String,
        /// Further packs / 另加规则
        #[arg(long, value_name = "FILE.toml", num_args = 1)]
        pack: Vec<PathBuf>,
    },
    /// Say what is wrong with a pack, and where / 检查规则文件
    Check {
        /// The pack / 文件
        #[arg(value_name = "PACK")]
        pack: PathBuf,
    },
}

pub(super) fn findings(
    console: &Console,
    arguments: &FindingsArguments,
) -> Result<Answer, Failure> {
    let asked = ask(&arguments.question)?;
    let wanted = |finding: &&Finding| arguments.all || finding.outcome.is_finding();
    // Of a large log only what is asked for is kept.
    let asked_for = asked.reports().map(|mut report| {
        report.findings.retain(|finding| wanted(&finding));
        report
    });
    let reports: Vec<ProjectReport> = asked_for.collect();
    let mut text = String::new();
    if arguments.format == Format::Csv {
        text.push_str(csv::HEAD);
        for report in &reports {
            for finding in report.findings.iter().filter(wanted) {
                text.push_str(&csv::row(report, finding));
            }
        }
    } else {
        text.push_str(asked.head().in_(console.lang));
        text.push('\n');
        for report in &reports {
            let list: Vec<&Finding> = report.findings.iter().filter(wanted).collect();
            if !list.is_empty() {
                let (project, title) = (one_line(&report.project), one_line(&report.title));
                text.push_str(&format!("{project} {title}\n"));
            }
            for finding in list {
                let (word, records) = (finding.outcome.as_str(), &finding.evidence);
                // Sentences quote what publishers wrote.
                let sentence = one_line(finding.said.in_(console.lang));
                text.push_str(&format!(
                    "  {word} {} {records:?} {sentence}\n",
                    finding.rule
                ));
            }
        }
        let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
        for report in reports
            .iter()
            .filter(|report| report.category_without_rules)
        {
            *unknown.entry(&report.category).or_default() += 1;
        }
        for (category, count) in unknown {
            let category = one_line(category);
            let line = said!(
                "类别 {category} 没有核对过的规则（{count} 个项目）",
                "category {category} has no checked rule ({count} projects)"
            );
            text.push_str(line.in_(console.lang));
            text.push('\n');
        }
        let found: usize = reports.iter().map(|report| report.faults().count()).sum();
        let projects = reports.len();
        let line = said!(
            "{projects} 个项目，{found} 条待核对事项",
            "{projects} projects, {found} findings"
        );
        text.push_str(line.in_(console.lang));
        text.push('\n');
    }
    let list: Vec<serde_json::Value> = reports
        .into_iter()
        .filter_map(|mut report| {
            report.findings.retain(|finding| wanted(&finding));
            let keep = !report.findings.is_empty() || arguments.question.project.is_some();
            keep.then(|| serde_json::to_value(report).ok()).flatten()
        })
        .collect();
    Ok(answer("findings", text, &asked).with("projects", list))
}

pub(super) fn due(console: &Console, arguments: &DueArguments) -> Result<Answer, Failure> {
    let within = &arguments.within;
    let days: i64 = within
        .strip_suffix('d')
        .unwrap_or(within)
        .parse()
        .ok()
        .filter(|days| (0..=3_650).contains(days))
        .ok_or_else(|| {
            Failure::usage(
                "within",
                said!(
                    "--within 为 {within}，应为天数，如 7d",
                    "--within is {within}, wanted days, such as 7d"
                ),
            )
        })?;
    let asked = ask(&arguments.question)?;
    let last = crate::rules::facts::Moment::logged(asked.as_of.date)
        .day
        .plus(days)
        .to_string();
    let mut rows: Vec<(ProjectReport, Finding)> = Vec::new();
    for report in asked.reports() {
        let found: Vec<Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Due)
            .filter(|finding| finding.due.as_ref().is_some_and(|due| *due <= last))
            .cloned()
            .collect();
        rows.extend(found.into_iter().map(|finding| (report.clone(), finding)));
    }
    rows.sort_by(|a, b| (&a.1.due, &a.0.project).cmp(&(&b.1.due, &b.0.project)));
    let mut text = String::new();
    if arguments.format == Format::Csv {
        text.push_str(csv::HEAD);
        for (report, finding) in &rows {
            text.push_str(&csv::row(report, finding));
        }
    } else {
        text.push_str(asked.head().in_(console.lang));
        text.push('\n');
        for (report, finding) in &rows {
            let day = finding.due.as_deref().unwrap_or_default();
            let sentence = one_line(finding.said.in_(console.lang));
            let (project, title) = (one_line(&report.project), one_line(&report.title));
            text.push_str(&format!("{day} {project} {title} {sentence}\n"));
        }
        let count = rows.len();
        let line = said!(
            "{days} 日内到期 {count} 项",
            "{count} due within {days} days"
        );
        text.push_str(line.in_(console.lang));
        text.push('\n');
    }
    let list: Vec<serde_json::Value> = rows
        .iter()
        .filter_map(|(report, finding)| {
            let mut value = serde_json::to_value(finding).ok()?;
            let members = value.as_object_mut()?;
            members.insert("publisher".to_owned(), report.publisher.clone().into());
            members.insert("project".to_owned(), report.project.clone().into());
            members.insert("title".to_owned(), report.title.clone().into());
            Some(value)
        })
        .collect();
    Ok(answer("due", text, &asked).with("due", list))
}

pub(super) fn statistics(
    console: &Console,
    arguments: &StatisticsArguments,
) -> Result<Answer, Failure> {
    let asked = ask(&arguments.question)?;
    if arguments.publicity {
        return Ok(publicity(console, &asked));
    }
    let mut statistics = Statistics::default();
    for report in asked.reports() {
        statistics.add(&report);
    }
    let mut text = String::new();
    if arguments.format == Format::Csv {
        text = statistics.csv();
    } else {
        text.push_str(asked.head().in_(console.lang));
        text.push('\n');
        let all = &statistics.all;
        let (projects, with) = (all.projects, all.with_findings);
        let percent = |rate: Option<u64>| {
            rate.map_or_else(
                || "-".to_owned(),
                |rate| format!("{}.{}%", rate / 10, rate % 10),
            )
        };
        let (disclosed, in_time) = (
            percent(all.disclosed_per_mille()),
            percent(all.in_time_per_mille()),
        );
        let line = said!(
            "项目 {projects}，有待核对事项的 {with}，公开率 {disclosed}，及时率 {in_time}",
            "{projects} projects, {with} with findings, disclosed {disclosed}, in time {in_time}"
        );
        text.push_str(line.in_(console.lang));
        text.push('\n');
        let stages = statistics.by_stage.iter();
        let groups = [
            (said!("类别", "category"), &statistics.by_category),
            (said!("地区", "region"), &statistics.by_region),
            (said!("月份", "month"), &statistics.by_month),
        ];
        let groups = groups.iter().flat_map(|(group, all)| {
            let all = all.iter();
            all.map(move |(name, counts)| (group.clone(), name.clone(), counts))
        });
        let stages =
            stages.map(|(name, counts)| (said!("环节", "stage"), (*name).to_owned(), counts));
        for (group, name, counts) in groups.chain(stages) {
            let name = if name.is_empty() { "-" } else { &name };
            let (projects, per_hundred) = (counts.projects, counts.findings_per_hundred());
            let per_hundred = per_hundred.unwrap_or_else(|| "-".to_owned());
            let (disclosed, in_time) = (
                percent(counts.disclosed_per_mille()),
                percent(counts.in_time_per_mille()),
            );
            let Said { zh, en } = group;
            let line = said!(
                "  {zh} {name}：项目 {projects}，公开率 {disclosed}，及时率 {in_time}，每百项目待核对 {per_hundred}",
                "  {en} {name}: {projects} projects, disclosed {disclosed}, in time {in_time}, {per_hundred} findings per hundred projects"
            );
            text.push_str(line.in_(console.lang));
            text.push('\n');
        }
        for (rule, counts) in &statistics.by_rule {
            text.push_str(&format!("  {rule}"));
            for (outcome, count) in &counts.outcomes {
                text.push_str(&format!(" {outcome} {count}"));
            }
            text.push('\n');
        }
    }
    let value = serde_json::to_value(&statistics).unwrap_or_default();
    Ok(answer("statistics", text, &asked).with("statistics", value))
}

fn publicity(console: &Console, asked: &Asked) -> Answer {
    let mut counts = Publicities::default();
    for project in asked.projects.values() {
        counts.add(project, asked.law(), asked.as_of);
    }
    let premature = counts.premature.len() as u64;
    let rows = [
        (
            "中标候选人公示",
            "publicities of candidates",
            counts.publicities,
        ),
        ("中标结果公告", "award notices", counts.awards),
        (
            "公示：已见中标结果",
            "publicities with an award notice",
            counts.with_award,
        ),
        (
            "公示：未见中标结果",
            "publicities without an award notice",
            counts.without_award,
        ),
        (
            "　其中：已过期限，本账本未见（CN-OG-26P）",
            "- past the last day, not seen here (CN-OG-26P)",
            counts.missing,
        ),
        ("　其中：尚未到期", "- not yet due", counts.not_yet_due),
        (
            "公示恰为72小时（不列为问题）",
            "publicities of exactly 72 hours (no finding)",
            counts.exactly_72_hours,
        ),
        (
            "公示期最后一日公布结果（不列为问题）",
            "awards on the last day (no finding)",
            counts.award_on_last_day,
        ),
        (
            "公示期不足（CN-IR-54B）",
            "publicities too short (CN-IR-54B)",
            counts.too_short,
        ),
        (
            "公示期未载明，无法判断",
            "period not given, cannot tell",
            counts.period_not_given,
        ),
        (
            "公示期满前公布结果（CN-ORDER-1）",
            "awards before the publicity ended (CN-ORDER-1)",
            premature,
        ),
    ];
    let mut text = String::new();
    text.push_str(asked.head().in_(console.lang));
    text.push('\n');
    text.push_str(console.lang.say(
        "\n| 项目 | 数量 |\n| --- | ---: |\n",
        "\n| what | count |\n| --- | ---: |\n",
    ));
    for (zh, en, count) in rows {
        let name = console.lang.say(zh, en);
        text.push_str(&format!("| {name} | {count} |\n"));
    }
    text.push('\n');
    for (title, evidence) in &counts.premature {
        text.push_str(&format!("{} {evidence:?}\n", one_line(title)));
    }
    let value = serde_json::to_value(&counts).unwrap_or_default();
    answer("publicity", text, asked).with("publicity", value)
}

pub(super) fn rules(console: &Console, command: &RulesCommand) -> Result<Answer, Failure> {
    match command {
        RulesCommand::List { pack } => {
            let pack = book(pack, &[])?.pack;
            let mut text = format!("{}\n", pack.version);
            for rule in &pack.rules {
                let state = if !rule.is_on() {
                    said!("关", "off")
                } else if rule.is_judged() {
                    said!("开", "on")
                } else {
                    said!("看不到", "not seen here")
                };
                let state = state.in_(console.lang);
                let what = console.lang.say(&rule.zh, &rule.en);
                text.push_str(&format!(
                    "{} [{}] {state} 《{}》{} {what}\n",
                    rule.id, rule.mark, rule.law, rule.article
                ));
            }
            let count = pack.rules.len() as u64;
            Ok(plain("rules", text)
                .with("version", pack.version.clone())
                .with("count", count)
                .with(
                    "rules",
                    serde_json::to_value(&pack.rules).unwrap_or_default(),
                ))
        }
        RulesCommand::Show { id, pack } => {
            let pack = book(pack, &[])?.pack;
            let found = pack.rules.iter().find(|rule| rule.id == *id);
            let rule: &Rule = found.ok_or_else(|| {
                Failure::input(
                    "rule",
                    said!(
                        "没有规则 {id}；mingzhang rules list 列出全部",
                        "there is no rule {id}; see mingzhang rules list"
                    ),
                )
            })?;
            let value = serde_json::to_value(rule).unwrap_or_default();
            let text = serde_json::to_string_pretty(&value).unwrap_or_default();
            Ok(plain("rule", text + "\n").with("rule", value))
        }
        RulesCommand::Check { pack } => {
            let read = read_pack(pack)?;
            let (count, version, shown) = (read.rules.len(), read.version, pack.display());
            let said = said!(
                "{shown}：版本 {version}，{count} 条规则，没有发现问题\n",
                "{shown}: version {version}, {count} rules, nothing wrong\n"
            );
            Ok(plain("pack", said.in_(console.lang))
                .with("version", version)
                .with("count", count as u64))
        }
    }
}

fn answer(code: &'static str, text: String, asked: &Asked) -> Answer {
    plain(code, text)
        .with("pack", asked.book.pack.version.clone())
        .with("calendar", asked.book.calendar.version())
        .with("law", serde_json::to_value(&asked.told).unwrap_or_default())
        .with("as_of", asked.as_of.date.to_string())
        .with("records", asked.records)
}
