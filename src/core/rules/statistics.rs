//! Counts over many projects: how much was disclosed, how much in time, findings by rule, category, region, month. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calendar::Day;
use super::csv;
use super::finding::{Outcome, ProjectReport};

/// Counts of one group of projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Projects that have an answer in this group.
    pub projects: u64,
    /// Of these, projects with at least one finding in it.
    pub with_findings: u64,
    /// Answers by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
}

/// Counts over many projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// All of them.
    pub all: Counts,
    /// By rule.
    pub by_rule: BTreeMap<String, Counts>,
    /// By category.
    pub by_category: BTreeMap<String, Counts>,
    /// By region.
    pub by_region: BTreeMap<String, Counts>,
    /// By the stage whose disclosure is judged.
    pub by_stage: BTreeMap<&'static str, Counts>,
    /// By the month of the due day, else of the day counted from, as `YYYY-MM`.
    pub by_month: BTreeMap<String, Counts>,
}

/// One answer, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What.
    pub outcome: Outcome,
    /// The rule's id.
    pub rule: &'a str,
    /// The stage whose disclosure is judged, or empty.
    pub stage: &'static str,
    /// The due day, else the day counted from.
    pub day: Option<Day>,
}

/// Counts derived from [`Counts`], as they go out.
#[derive(Serialize)]
struct Told<'a> {
    projects: u64,
    with_findings: u64,
    findings: u64,
    findings_per_hundred_projects: Option<String>,
    disclosed_per_mille: Option<u64>,
    in_time_per_mille: Option<u64>,
    outcomes: &'a BTreeMap<&'static str, u64>,
}

impl Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = Told {
            projects: self.projects,
            with_findings: self.with_findings,
            findings: self.findings(),
            findings_per_hundred_projects: self.findings_per_hundred(),
            disclosed_per_mille: self.disclosed_per_mille(),
            in_time_per_mille: self.in_time_per_mille(),
            outcomes: &self.outcomes,
        };
        told.serialize(serializer)
    }
}

/// All outcomes, in the order of the columns of a table.
pub const OUTCOMES: [Outcome; 11] = [
    Outcome::Done,
    Outcome::Due,
    Outcome::Suspended,
    Outcome::CannotTell,
    Outcome::Late,
    Outcome::Missing,
    Outcome::TooShort,
    Outcome::OutOfOrder,
    Outcome::Premature,
    Outcome::Contradiction,
    Outcome::BackDated,
];

impl Counts {
    fn count(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome.as_str()).or_default() += 1;
    }

    /// Answers that somebody should look at.
    #[must_use]
    pub fn findings(&self) -> u64 {
        let is_finding = |outcome: &&Outcome| outcome.is_finding();
        let counts = OUTCOMES.iter().filter(is_finding);
        counts.map(|outcome| self.of(*outcome)).sum()
    }

    /// Findings per hundred projects with one decimal; `None` if there is no project.
    #[must_use]
    pub fn findings_per_hundred(&self) -> Option<String> {
        let tenths = (self.findings() * 1_000).checked_div(self.projects)?;
        Some(format!("{}.{}", tenths / 10, tenths % 10))
    }

    /// How many answers were of this outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.as_str()).copied().unwrap_or(0)
    }

    /// Disclosed, late or not, per thousand of what has fallen due; `None` if nothing has.
    #[must_use]
    pub fn disclosed_per_mille(&self) -> Option<u64> {
        let seen = self.of(Outcome::Done) + self.of(Outcome::Late);
        (seen * 1_000).checked_div(seen + self.of(Outcome::Missing))
    }

    /// In time, per thousand of what has fallen due; `None` if nothing has.
    #[must_use]
    pub fn in_time_per_mille(&self) -> Option<u64> {
        let due = self.of(Outcome::Done) + self.of(Outcome::Late) + self.of(Outcome::Missing);
        (self.of(Outcome::Done) * 1_000).checked_div(due)
    }
}

impl Statistics {
    /// Counts one more project.
    pub fn add(&mut self, report: &ProjectReport) {
        let answers = report.findings.iter().map(|finding| {
            let day = finding.due.as_deref().or(finding.from.as_deref());
            Answer {
                outcome: finding.outcome,
                rule: &finding.rule,
                stage: finding.stage,
                day: day.and_then(Day::parse),
            }
        });
        self.add_answers(&report.category, &report.region, answers);
    }

    /// Counts one more project from its answers alone.
    pub fn add_answers<'a>(
        &mut self,
        category: &str,
        region: &str,
        answers: impl Iterator<Item = Answer<'a>>,
    ) {
        let mut own = [Counts::default()];
        let mut by_rule: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut by_stage: BTreeMap<&'static str, Counts> = BTreeMap::new();
        let mut by_month: BTreeMap<(i64, u8), Counts> = BTreeMap::new();
        for answer in answers {
            let month = answer.day.map_or((0, 0), Day::month);
            for counts in [
                &mut own[0],
                by_rule.entry(answer.rule).or_default(),
                by_stage.entry(answer.stage).or_default(),
                by_month.entry(month).or_default(),
            ] {
                counts.count(answer.outcome);
            }
        }
        self.all.take(&own[0]);
        entry(&mut self.by_category, category).take(&own[0]);
        entry(&mut self.by_region, region).take(&own[0]);
        for (rule, counts) in &by_rule {
            entry(&mut self.by_rule, rule).take(counts);
        }
        for (stage, counts) in &by_stage {
            self.by_stage.entry(stage).or_default().take(counts);
        }
        for ((year, month), counts) in &by_month {
            let name = match (year, month) {
                (0, 0) => String::new(),
                (year, month) => format!("{year:04}-{month:02}"),
            };
            self.by_month.entry(name).or_default().take(counts);
        }
    }

    /// One row a group, with a head: `group,name,projects,with_findings,findings,findings_per_hundred_projects,disclosed_per_mille,`
    /// `in_time_per_mille,` and a column an outcome.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = "group,name,projects,with_findings,findings,findings_per_hundred_projects,disclosed_per_mille,in_time_per_mille".to_owned();
        for outcome in OUTCOMES {
            text.push(',');
            text.push_str(outcome.as_str());
        }
        text.push('\n');
        row(&mut text, "all", "", &self.all);
        for (group, counts) in [
            ("rule", &self.by_rule),
            ("category", &self.by_category),
            ("region", &self.by_region),
            ("month", &self.by_month),
        ] {
            for (name, counts) in counts {
                row(&mut text, group, name, counts);
            }
        }
        for (name, counts) in &self.by_stage {
            row(&mut text, "stage", name, counts);
        }
        text
    }
}

impl Counts {
    /// Adds the counts of one project.
    fn take(&mut self, one: &Counts) {
        self.projects += 1;
        self.with_findings += u64::from(one.findings() > 0);
        for (outcome, count) in &one.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }
}

/// Like `entry().or_default()`, without a string for a name that is known.
fn entry<'m>(groups: &'m mut BTreeMap<String, Counts>, name: &str) -> &'m mut Counts {
    if !groups.contains_key(name) {
        groups.insert(name.to_owned(), Counts::default());
    }
    groups.get_mut(name).expect("inserted above")
}

fn row(text: &mut String, group: &str, name: &str, counts: &Counts) {
    let number = |rate: Option<u64>| rate.map_or_else(String::new, |rate| rate.to_string());
    let cells = [
        group.to_owned(),
        csv::cell(name),
        counts.projects.to_string(),
        counts.with_findings.to_string(),
        counts.findings().to_string(),
        counts.findings_per_hundred().unwrap_or_default(),
        number(counts.disclosed_per_mille()),
        number(counts.in_time_per_mille()),
    ];
    text.push_str(&cells.join(","));
    for outcome in OUTCOMES {
        text.push_str(&format!(",{}", counts.of(outcome)));
    }
    text.push('\n');
}
