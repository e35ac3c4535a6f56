//! What became of the publicities of candidates: the table in `docs/rules.md`, made of findings and nothing else. Pure.

use serde::Serialize;

use super::book::Law;
use super::engine::{AsOf, project_report};
use super::facts::{Disclosure, Moment};
use super::finding::Outcome;

/// Milliseconds of 72 hours.
const HOURS_72_MS: i64 = 72 * 3_600_000;

/// Counts over the publicities of candidates of many projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Publicities {
    /// Notices of kind `candidate_publicity`.
    pub publicities: u64,
    /// Notices of kind `award_notice`.
    pub awards: u64,
    /// Publicities of a project that has an award notice.
    pub with_award: u64,
    /// Publicities of a project that has none.
    pub without_award: u64,
    /// Of the latter: past the last day (CN-OG-26P), not seen in the ledger.
    pub missing: u64,
    /// Of the latter: not yet due.
    pub not_yet_due: u64,
    /// Publicities of exactly 72 hours.
    pub exactly_72_hours: u64,
    /// Publicities that are too short by CN-IR-54B.
    pub too_short: u64,
    /// Publicities whose period is not given, or in words.
    pub period_not_given: u64,
    /// Awards on the last day of the publicity.
    pub award_on_last_day: u64,
    /// Awards out of order by CN-ORDER-1: project and records.
    pub premature: Vec<(String, Vec<u64>)>,
}

impl Publicities {
    /// Counts one more project.
    pub fn add(&mut self, disclosures: &[Disclosure], law: Law<'_>, as_of: AsOf) {
        let of_kind = |kind: &'static str| disclosures.iter().filter(move |one| one.kind == kind);
        let publicities = of_kind("candidate_publicity").count() as u64;
        let awards = of_kind("award_notice").count() as u64;
        self.publicities += publicities;
        self.awards += awards;
        if awards > 0 {
            self.with_award += publicities;
        } else {
            self.without_award += publicities;
        }
        for one in of_kind("candidate_publicity") {
            let moment = |name: &str| one.events.get(name).copied().map(Moment::stated);
            let (Some(from), Some(to)) = (moment("publicity_from"), moment("publicity_to")) else {
                self.period_not_given += 1;
                continue;
            };
            self.exactly_72_hours += u64::from(to.ms - from.ms == HOURS_72_MS);
            let last_day = of_kind("award_notice").any(|award| award.published().day == to.day);
            self.award_on_last_day += u64::from(last_day);
        }
        let Some(report) = project_report(disclosures, law, as_of) else {
            return;
        };
        for finding in &report.findings {
            match (finding.rule.as_str(), finding.outcome) {
                ("CN-IR-54B", Outcome::TooShort) => self.too_short += 1,
                ("CN-OG-26P", Outcome::Missing) => self.missing += 1,
                ("CN-OG-26P", Outcome::Due) => self.not_yet_due += 1,
                ("CN-ORDER-1", Outcome::OutOfOrder) => self
                    .premature
                    .push((report.title.clone(), finding.evidence.clone())),
                _ => {}
            }
        }
    }
}
