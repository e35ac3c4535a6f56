//! The engine: disclosures of one project, pack, calendar and date in, findings out. Pure.
//!
//! Promises: the answer as of a date depends on nothing logged later; records of other projects do not matter; a rule whose dates
//! are not given answers *cannot tell* and never guesses. A rule that asks for 依法必招 is applied where nothing is stated, and the
//! finding says that this was assumed.

use super::book::Law;
use super::calendar::Day;
use super::contradictions;
use super::facts::{Disclosure, InForce, Moment, in_force};
use super::finding::{Finding, Outcome, ProjectReport, Standing};
use super::pack::{Counting, Point, Rule, RuleType, Unit, points};
use super::words;
use crate::lang::Said;
use crate::trade::time::Time;
use crate::trade::vocabulary::Stage;

const HOUR_MS: i64 = 3_600_000;

/// As of when a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The date. Records logged later are not seen.
    pub date: Time,
    /// See claimed-only records (补录) from the day they claim, not from the day they were logged: history as it claims to have been.
    /// Then later imports do change earlier answers.
    pub by_claim: bool,
}

impl AsOf {
    /// At a date, by the ledger's clock.
    #[must_use]
    pub fn date(date: Time) -> AsOf {
        AsOf {
            date,
            by_claim: false,
        }
    }

    fn sees(self, disclosure: &Disclosure) -> bool {
        if self.by_claim && disclosure.claimed_only {
            disclosure.issued.time <= self.date
        } else {
            disclosure.logged <= self.date
        }
    }
}

/// The report of one project from its disclosures, in any order, with those of no other project; `None` if none is seen as of then.
#[must_use]
pub fn project_report(
    disclosures: &[Disclosure],
    law: Law<'_>,
    as_of: AsOf,
) -> Option<ProjectReport> {
    let mut seen: Vec<&Disclosure> = disclosures
        .iter()
        .filter(|disclosure| as_of.sees(disclosure))
        .collect();
    seen.sort_by_key(|disclosure| disclosure.index);
    let first = *seen.first()?;
    let (lines, withdrawn) = in_force(&seen);
    let last = seen.last().map_or(0, |disclosure| disclosure.index);
    let project = Project {
        lines: &lines,
        law,
        now: Moment::logged(as_of.date),
        last,
        region: &first.region,
    };
    let mut findings = Vec::new();
    for rule in law.pack.rules.iter().filter(|rule| rule.is_judged()) {
        project.judge(rule, &mut findings);
    }
    contradictions::judge(&seen, &lines, &mut findings);
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| {
            (
                std::cmp::Reverse(finding.outcome.is_finding()),
                finding.outcome,
                finding.rule.clone(),
                finding.evidence.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    findings.dedup();
    let next_due = findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Due)
        .filter_map(|finding| finding.due.clone())
        .min();
    let mut standing: Vec<Standing> = lines
        .iter()
        .map(|line| Standing {
            kind: line.first.kind.clone(),
            record: line.latest.index,
            replaced: line.replaced.clone(),
            withdrawn_by: None,
        })
        .collect();
    standing.extend(withdrawn.iter().filter_map(|(record, by)| {
        let kind = seen.iter().find(|one| one.index == *record)?.kind.clone();
        Some(Standing {
            kind,
            record: *record,
            replaced: Vec::new(),
            withdrawn_by: Some(*by),
        })
    }));
    standing.sort_by_key(|one| one.record);
    let title = seen.iter().find(|one| !one.title.is_empty());
    Some(ProjectReport {
        publisher: first.publisher.clone(),
        project: first.project.clone(),
        title: title.map(|one| one.title.clone()).unwrap_or_default(),
        category: first.category.clone(),
        region: first.region.clone(),
        as_of: as_of.date.to_string(),
        last_record: Some(last),
        pack: law.pack.version.clone(),
        calendar: law.calendar.version().to_owned(),
        law: law.told.to_vec(),
        category_without_rules: !law.pack.covers(&first.category),
        findings,
        next_due,
        standing,
    })
}

struct Project<'a> {
    lines: &'a [InForce<'a>],
    law: Law<'a>,
    now: Moment,
    last: u64,
    region: &'a str,
}

/// A point as it occurs in one line.
#[derive(Clone, Copy)]
struct At<'a> {
    line: &'a InForce<'a>,
    moment: Moment,
}

impl<'a> At<'a> {
    fn shares_lot(&self, other: &At<'_>) -> bool {
        self.line.first.shares_lot(other.line.first)
    }
}

impl<'a> Project<'a> {
    fn judge(&self, rule: &Rule, findings: &mut Vec<Finding>) {
        let Some(assumed) = self.applies(rule) else {
            return;
        };
        let from = self.occurrences(rule, &rule.from);
        let to = self.occurrences(rule, &rule.to);
        let mut found = if rule.methods.is_empty() || self.method().is_some() {
            match rule.rule_type {
                RuleType::Max => self.at_most(rule, &from, &to),
                RuleType::Min => self.at_least(rule, &from, &to),
                RuleType::Order => self.in_order(rule, &from, &to),
                RuleType::Equal => self.equal(rule, &from, &to),
                RuleType::Secret => self.secret(rule, &from, &to),
                RuleType::Keep => Vec::new(),
            }
        } else {
            // A rule for all categories by method alone says nothing of a project that names none.
            let start = from.first().filter(|_| !rule.categories.is_empty());
            let told = start.map(|start| cannot_tell(rule, start.line, "method"));
            told.into_iter().collect()
        };
        for finding in &mut found {
            finding.assumed = assumed;
            finding.said = words::say(rule, finding, self.last);
        }
        findings.extend(found);
    }

    /// Whether it is for such a project, and then whether 依法必招 had to be assumed.
    fn applies(&self, rule: &Rule) -> Option<bool> {
        let category = self
            .lines
            .iter()
            .map(|line| line.first.category.as_str())
            .find(|category| !category.is_empty())?;
        if !rule.categories.is_empty() && !rule.categories.iter().any(|one| one == category) {
            return None;
        }
        if let (false, Some(method)) = (rule.methods.is_empty(), self.method())
            && !rule.methods.iter().any(|one| one == method)
        {
            return None;
        }
        if !rule.mandatory_tender {
            return Some(false);
        }
        let stated = self
            .lines
            .iter()
            .rev()
            .find_map(|line| line.latest.mandatory_tender.or(line.first.mandatory_tender));
        match stated {
            Some(false) => None,
            Some(true) => Some(false),
            None => Some(true),
        }
    }

    fn method(&self) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| {
            line.latest
                .method
                .as_deref()
                .or(line.first.method.as_deref())
        })
    }

    /// Where a rule's point occurs, in log order; of the same instant for the same lots one.
    fn occurrences(&self, rule: &Rule, text: &str) -> Vec<At<'a>> {
        let points = points("from", text).unwrap_or_default();
        let mut found: Vec<At<'a>> = Vec::new();
        for line in self.lines {
            let Some(moment) = points.iter().find_map(|point| moment_of(point, line)) else {
                continue;
            };
            let same =
                |at: &At<'_>| at.moment.ms == moment.ms && at.line.first.lots == line.first.lots;
            if rule.in_force(moment.day) && !found.iter().any(same) {
                found.push(At { line, moment });
            }
        }
        found
    }

    fn at_most(&self, rule: &Rule, from: &[At<'a>], to: &[At<'a>]) -> Vec<Finding> {
        let mut found = Vec::new();
        for start in from {
            let (mut due, instant) = self.limit(rule, start.moment);
            let standing = self.suspended(rule, start, &mut due);
            let ends: Vec<&At<'a>> = to.iter().filter(|end| end.shares_lot(start)).collect();
            let end = ends
                .iter()
                .filter(|end| !end.moment.before(start.moment))
                .min_by_key(|end| end.moment.ms)
                // Done before it was asked for: another rule's matter.
                .or_else(|| ends.first());
            let late = |at: Moment| match instant {
                Some(instant) => at.ms > instant,
                None => at.day > due,
            };
            let mut finding = self.blank(rule, Outcome::Done, start, due);
            match end {
                Some(end) => {
                    finding.done = Some(end.moment.day.to_string());
                    finding.evidence.extend(end.line.records());
                    finding.claimed_only |= end.line.first.claimed_only;
                    if late(end.moment) {
                        finding.outcome = Outcome::Late;
                        finding.days = (end.moment.day.0 - due.0).max(0);
                    }
                }
                None if standing => finding.outcome = Outcome::Suspended,
                None if self.terminated(start) => continue,
                None if late(self.now) => {
                    finding.outcome = Outcome::Missing;
                    finding.days = (self.now.day.0 - due.0).max(0);
                }
                None => finding.outcome = Outcome::Due,
            }
            found.push(finding);
        }
        found
    }

    fn at_least(&self, rule: &Rule, from: &[At<'a>], to: &[At<'a>]) -> Vec<Finding> {
        let mut found = Vec::new();
        for start in from {
            let (due, instant) = self.limit(rule, start.moment);
            let own = to
                .iter()
                .find(|end| end.line.latest.index == start.line.latest.index);
            let notice = rule.to.starts_with('@');
            let others = || to.iter().filter(|end| end.shares_lot(start));
            let end = match own {
                Some(own) => Some(own),
                None if notice => others()
                    .filter(|end| !end.moment.before(start.moment))
                    .min_by_key(|end| end.moment.ms),
                None => others().max_by_key(|end| end.line.latest.index),
            };
            let Some(end) = end else {
                if !notice {
                    found.push(cannot_tell(rule, start.line, &rule.to));
                }
                continue;
            };
            let long_enough = match instant {
                Some(instant) => end.moment.ms >= instant,
                None => {
                    let hours = i64::from(rule.limit) * 24 * HOUR_MS;
                    end.moment.day >= due
                        || (rule.counting == Counting::Hours
                            && rule.unit == Unit::CalendarDay
                            && end.moment.ms - start.moment.ms >= hours)
                }
            };
            let mut finding = self.blank(rule, Outcome::Done, start, due);
            finding.done = Some(end.moment.day.to_string());
            finding.evidence.extend(end.line.records());
            if !long_enough {
                finding.outcome = Outcome::TooShort;
                finding.days = (due.0 - end.moment.day.0).max(0);
            }
            found.push(finding);
        }
        // A notice of the rule's own kind that does not state the day it is counted from.
        for point in points("from", &rule.from).unwrap_or_default() {
            let Point::Event {
                event,
                kind: Some(kind),
            } = point
            else {
                continue;
            };
            for line in self.lines.iter().filter(|line| line.first.kind == kind) {
                let known = from
                    .iter()
                    .any(|at| at.line.latest.index == line.latest.index);
                if !known && !line.events.contains_key(event.as_str()) {
                    found.push(cannot_tell(rule, line, &event));
                }
            }
        }
        found
    }

    /// `to` not before `from`. Where there are several publicities, the one that had last begun when `to` came is the one it ends.
    fn in_order(&self, rule: &Rule, from: &[At<'a>], to: &[At<'a>]) -> Vec<Finding> {
        let mut found = Vec::new();
        for end in to {
            let starts = || from.iter().filter(|start| start.shares_lot(end));
            let begun = starts()
                .filter(|start| start.line.first.published().day <= end.moment.day)
                .max_by_key(|start| start.moment.ms);
            let Some(start) = begun.or_else(|| starts().min_by_key(|start| start.moment.ms)) else {
                continue;
            };
            let outcome = if end.moment.before(start.moment) {
                Outcome::OutOfOrder
            } else {
                Outcome::Done
            };
            let mut finding = self.blank(rule, outcome, start, start.moment.day);
            finding.done = Some(end.moment.day.to_string());
            finding.evidence.extend(end.line.records());
            finding.claimed_only |= end.line.first.claimed_only;
            finding.days = (start.moment.day.0 - end.moment.day.0).max(0);
            found.push(finding);
        }
        found
    }

    fn equal(&self, rule: &Rule, from: &[At<'a>], to: &[At<'a>]) -> Vec<Finding> {
        let latest = |list: &[At<'a>], with: &At<'a>| {
            list.iter()
                .filter(|at| at.shares_lot(with))
                .max_by_key(|at| at.line.latest.index)
                .copied()
        };
        let mut found = Vec::new();
        for end in to {
            // Only what was stated last holds.
            if latest(to, end).is_some_and(|last| last.line.latest.index != end.line.latest.index) {
                continue;
            }
            let Some(start) = latest(from, end) else {
                continue;
            };
            let same = start.moment.ms == end.moment.ms
                || ((start.moment.day_only || end.moment.day_only)
                    && start.moment.day == end.moment.day);
            let outcome = if same {
                Outcome::Done
            } else {
                Outcome::OutOfOrder
            };
            let mut finding = self.blank(rule, outcome, &start, start.moment.day);
            finding.done = Some(end.moment.day.to_string());
            finding.evidence.extend(end.line.records());
            found.push(finding);
        }
        found
    }

    /// `to`, or its `member` in the clear, not shown before `from`.
    fn secret(&self, rule: &Rule, from: &[At<'a>], to: &[At<'a>]) -> Vec<Finding> {
        let mut found = Vec::new();
        for shown in to {
            let first = shown.line.first;
            if !rule.member.is_empty() && !first.shown.contains(&rule.member) {
                continue;
            }
            // What was stated last holds, as for an opening that was postponed.
            let until = from
                .iter()
                .filter(|until| until.shares_lot(shown))
                .max_by_key(|until| until.line.latest.index);
            let Some(until) = until else {
                found.push(cannot_tell(rule, shown.line, &rule.from));
                continue;
            };
            let outcome = if shown.moment.before(until.moment) {
                Outcome::Premature
            } else {
                Outcome::Done
            };
            let mut finding = self.blank(rule, outcome, until, until.moment.day);
            finding.done = Some(shown.moment.day.to_string());
            finding.evidence.extend(shown.line.records());
            finding.claimed_only |= first.claimed_only;
            found.push(finding);
        }
        found
    }

    /// The last day of a MAX, the first lawful one of a MIN; with the instant where hours are counted.
    fn limit(&self, rule: &Rule, from: Moment) -> (Day, Option<i64>) {
        let calendar = self.law.calendar;
        let inclusive = rule.counting == Counting::InclusiveDates;
        let count = rule.limit - u32::from(inclusive && rule.limit > 0);
        let day = match rule.unit {
            Unit::CalendarDay => from.day.plus(i64::from(count)),
            Unit::WorkingDay if inclusive => calendar.add_working_days(
                calendar.next_workday(from.day, self.region),
                count,
                self.region,
            ),
            Unit::WorkingDay => calendar.add_working_days(from.day, count, self.region),
            Unit::Hour => {
                let instant = from.ms + i64::from(rule.limit) * HOUR_MS;
                let day = from.day.plus((instant - from.ms) / (24 * HOUR_MS));
                return (day, Some(instant));
            }
            Unit::Year => from.day.plus(i64::from(rule.limit) * 365),
        };
        let day = if rule.roll_to_workday {
            calendar.next_workday(day, self.region)
        } else {
            day
        };
        (day, None)
    }

    /// Moves `due` by the days for which the clock stood; true if it stands now.
    fn suspended(&self, rule: &Rule, start: &At<'a>, due: &mut Day) -> bool {
        if rule.suspend.is_empty() {
            return false;
        }
        let resumed = self.occurrences(rule, &rule.resume);
        let mut stops = self.occurrences(rule, &rule.suspend);
        stops.sort_by_key(|stop| stop.moment.ms);
        let mut counted_to = start.moment.day;
        for stop in stops.iter().filter(|stop| stop.shares_lot(start)) {
            if stop.moment.day < start.moment.day || stop.moment.day > *due {
                continue;
            }
            let end = resumed
                .iter()
                .filter(|end| !end.moment.before(stop.moment))
                .min_by_key(|end| end.moment.ms);
            let Some(end) = end else { return true };
            let from = stop.moment.day.max(counted_to);
            *due = due.plus((end.moment.day.0 - from.0).max(0));
            counted_to = end.moment.day.max(counted_to);
        }
        false
    }

    fn terminated(&self, start: &At<'a>) -> bool {
        self.lines
            .iter()
            .any(|line| line.first.kind == "termination" && line.first.shares_lot(start.line.first))
    }

    fn blank(&self, rule: &Rule, outcome: Outcome, start: &At<'a>, due: Day) -> Finding {
        Finding {
            outcome,
            rule: rule.id.clone(),
            stage: rule.stage().map_or("", Stage::as_str),
            law: rule.law.clone(),
            article: rule.article.clone(),
            lots: start.line.first.lots.clone(),
            evidence: start.line.records(),
            from: Some(start.moment.day.to_string()),
            due: Some(due.to_string()),
            done: None,
            days: 0,
            provisional: rule.unit == Unit::WorkingDay && self.law.calendar.is_provisional(due),
            claimed_only: start.line.first.claimed_only,
            assumed: false,
            missing: None,
            said: Said::default(),
        }
    }
}

fn cannot_tell(rule: &Rule, line: &InForce<'_>, what: &str) -> Finding {
    Finding {
        outcome: Outcome::CannotTell,
        rule: rule.id.clone(),
        stage: rule.stage().map_or("", Stage::as_str),
        law: rule.law.clone(),
        article: rule.article.clone(),
        lots: line.first.lots.clone(),
        evidence: line.records(),
        from: None,
        due: None,
        done: None,
        days: 0,
        provisional: false,
        claimed_only: line.first.claimed_only,
        assumed: false,
        missing: Some(what.to_owned()),
        said: Said::default(),
    }
}

fn moment_of(point: &Point, line: &InForce<'_>) -> Option<Moment> {
    match point {
        Point::Event { event, kind } => {
            if kind.as_ref().is_some_and(|kind| *kind != line.first.kind) {
                return None;
            }
            line.events.get(event.as_str()).copied().map(Moment::stated)
        }
        Point::Notice { kind } => (*kind == line.first.kind).then(|| line.first.published()),
    }
}
