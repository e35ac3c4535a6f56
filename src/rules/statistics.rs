//! Counts over many projects: how much was disclosed, how much in time, findings by rule, category, region, month. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::engine::{Outcome, ProjectReport};

/// Counts of one group of projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Projects.
    pub projects: u64,
    /// Projects with at least one finding.
    pub with_findings: u64,
    /// Answers by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
}

/// Counts over many projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// All of them.
    pub all: Counts,
    /// By rule: outcomes only, `projects` counts answers.
    pub by_rule: BTreeMap<String, Counts>,
    /// By category.
    pub by_category: BTreeMap<String, Counts>,
    /// By region.
    pub by_region: BTreeMap<String, Counts>,
    /// By the month of the due day, else of the day counted from, as `YYYY-MM`.
    pub by_month: BTreeMap<String, Counts>,
}

impl Counts {
    fn add(&mut self, report: &ProjectReport) {
        self.projects += 1;
        self.with_findings += u64::from(report.faults().next().is_some());
        for finding in &report.findings {
            self.count(finding.outcome);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome.as_str()).or_default() += 1;
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
        self.all.add(report);
        self.by_category
            .entry(report.category.clone())
            .or_default()
            .add(report);
        self.by_region
            .entry(report.region.clone())
            .or_default()
            .add(report);
        for finding in &report.findings {
            let month = finding.due.as_ref().or(finding.from.as_ref());
            let month = month.and_then(|day| day.get(..7)).unwrap_or("").to_owned();
            for counts in [
                self.by_rule.entry(finding.rule.clone()).or_default(),
                self.by_month.entry(month).or_default(),
            ] {
                counts.projects += 1;
                counts.with_findings += u64::from(finding.outcome.is_finding());
                counts.count(finding.outcome);
            }
        }
    }

    /// One row a group, with a head: `group,name,projects,with_findings,` and a column an outcome.
    #[must_use]
    pub fn csv(&self) -> String {
        const OUTCOMES: [Outcome; 11] = [
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
        let mut text = "group,name,projects,with_findings".to_owned();
        for outcome in OUTCOMES {
            text.push(',');
            text.push_str(outcome.as_str());
        }
        text.push('\n');
        let all = BTreeMap::from([(String::new(), self.all.clone())]);
        for (group, counts) in [
            ("all", &all),
            ("rule", &self.by_rule),
            ("category", &self.by_category),
            ("region", &self.by_region),
            ("month", &self.by_month),
        ] {
            for (name, counts) in counts {
                let (projects, with) = (counts.projects, counts.with_findings);
                text.push_str(&format!("{group},{name},{projects},{with}"));
                for outcome in OUTCOMES {
                    text.push_str(&format!(",{}", counts.of(outcome)));
                }
                text.push('\n');
            }
        }
        text
    }
}
