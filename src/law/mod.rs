//! 4: what the law asks of a whole running ledger, ready to be asked: a view derived from the log, never truth.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`View`] (here) | who asks what, and what is answered |
//! | `facts` | what rules read of each record, in an anonymous temporary file |
//! | `state` | the answers of every project, a few bytes each |
//! | `follow` | the log into the view, by a task of its own |
//!
//! Promises: the same answers as [`crate::rules::project_report`] over the same records, pack, calendar and date; an answer says how
//! many records it reflects. What withholding keeps back is judged like the rest, as whoever replays the log judges it, but its words are
//! not shown. Memory: some 300 bytes a project and 8 an answer; the rest lies in a file. It is made anew from the log at
//! each start.

mod facts;
mod follow;
mod state;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};

use serde::Serialize;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::rules::facts::Moment;
use crate::rules::statistics::Statistics;
use crate::rules::{
    AsOf, Book, Disclosure, Finding, Law, Outcome, ProjectReport, ToldPart, project_report,
};
use crate::said;
use crate::trade::time::Time;
use crate::trade::vocabulary::Stage;
use state::{Answer, Entry, Key, State};

pub use follow::follow;

/// Records of one project that are judged, at most: a longer one is for `mingzhang findings`.
pub const RECORDS_MAX: u32 = 2_000;
/// Projects that are kept, at most: some gigabyte of memory.
pub const PROJECTS_MAX: usize = 2_000_000;
/// Projects that one question about another day than now may judge.
pub const JUDGED_MAX: usize = 400;

/// What the law asks of a running ledger.
#[derive(Debug)]
pub struct View {
    ledger: Ledger,
    book: Book,
    state: RwLock<State>,
    /// One at a time judges.
    judging: Mutex<()>,
    statistics: Mutex<Option<(u64, Arc<Statistics>)>>,
    reached: watch::Sender<u64>,
    /// It does not follow, and that is tried again.
    is_failing: AtomicBool,
}

/// Which answers are asked for; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Key name of the publisher.
    pub publisher: Option<String>,
    /// The publisher's id of the project.
    pub project: Option<String>,
    /// Category id.
    pub category: Option<String>,
    /// 行政区划代码, with all below it.
    pub region: Option<String>,
    /// The stage whose disclosure is judged.
    pub stage: Option<Stage>,
    /// The rule's id.
    pub rule: Option<String>,
    /// What the answer is.
    pub outcome: Outcomes,
}

/// Which outcomes are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcomes {
    /// What somebody should look at.
    #[default]
    Findings,
    /// All.
    All,
    /// One.
    One(Outcome),
}

/// A place in a list: after so many answers of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The publisher.
    pub publisher: String,
    /// The project.
    pub project: String,
    /// Answers of it that were shown already.
    pub shown: usize,
}

/// One answer, with its project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The publisher.
    pub publisher: String,
    /// The project.
    pub project: String,
    /// Its title, if it may be shown.
    pub title: String,
    /// Its category.
    pub category: String,
    /// Its region.
    pub region: String,
    /// The answer.
    #[serde(flatten)]
    pub finding: Finding,
}

/// A page of answers, by publisher and project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The answers.
    pub found: Vec<Found>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// As of when.
    pub as_of: Time,
    /// Records of the log that they reflect.
    pub size: u64,
}

/// How many answers there are, by rule and category.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Projects that the question is about.
    pub projects: u64,
    /// Projects with at least one such answer.
    pub with_findings: u64,
    /// Such answers.
    pub findings: u64,
    /// By outcome.
    pub by_outcome: std::collections::BTreeMap<&'static str, u64>,
    /// By rule.
    pub by_rule: std::collections::BTreeMap<String, u64>,
    /// By category.
    pub by_category: std::collections::BTreeMap<String, u64>,
    /// Projects with more records than are judged here.
    pub too_long: u64,
    /// More projects than are kept here: the counts are too small.
    pub incomplete: bool,
}

impl View {
    /// An empty view of a ledger by this law, for [`follow`] to fill. `folder` holds what does not belong into memory; while it has no room, the
    /// view does not follow.
    pub fn new(ledger: Ledger, book: Book, folder: Option<&Path>) -> View {
        View {
            ledger,
            book,
            state: RwLock::new(State::new(folder)),
            judging: Mutex::default(),
            statistics: Mutex::default(),
            reached: watch::Sender::new(0),
            is_failing: AtomicBool::new(false),
        }
    }

    /// By which law it judges.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether it has reached the head of the log once. Before, counts would be too small.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.read().is_ready
    }

    /// Whether it has left off following the log for now.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    /// Records of the log that the answers reflect.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.read().judged_size
    }

    /// Waits until the answers reflect at least `size` records.
    pub async fn reached(&self, size: u64) {
        let mut reached = self.reached.subscribe();
        let _ = reached.wait_for(|reached| *reached >= size).await;
    }

    /// Everything that follows for one project, now or as of another time; `None` if nothing of it was logged by then.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn project_report(
        &self,
        publisher: &str,
        project: &str,
        as_of: Option<Time>,
    ) -> io::Result<Option<ProjectReport>> {
        let state = self.read();
        let key = Key::new(publisher, project);
        let Some(entry) = state.projects.get(&key) else {
            return Ok(None);
        };
        let disclosures = state.facts.read(entry.tail, publisher, project)?;
        let as_of = as_of.unwrap_or_else(|| self.ledger.wall_time());
        let told = state.announced.of(&self.book, as_of);
        drop(state);
        let law = self.book.law(&told);
        Ok(report(law, &self.ledger, &disclosures, as_of))
    }

    /// The files it judges by, by digest, and which notice of the log announces each.
    #[must_use]
    pub fn law_told(&self, as_of: Time) -> Vec<ToldPart> {
        self.read().announced.of(&self.book, as_of)
    }

    /// How many findings there are.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn summary(&self, filter: &Filter) -> io::Result<Summary> {
        self.refresh()?;
        let state = self.read();
        let mut summary = Summary {
            incomplete: state.is_full,
            ..Summary::default()
        };
        for (key, entry) in state.of(filter, None) {
            if !filter.takes_project(key, entry) {
                continue;
            }
            summary.projects += 1;
            summary.too_long += u64::from(entry.is_too_long());
            let mut any = 0;
            for answer in &entry.answers {
                let rule = state.rule(*answer);
                if filter.takes(answer.outcome, rule, answer.stage()) {
                    any += 1;
                    let by_outcome = &mut summary.by_outcome;
                    *by_outcome.entry(answer.outcome.as_str()).or_default() += 1;
                    add(&mut summary.by_rule, rule, 1);
                }
            }
            if any > 0 {
                summary.with_findings += 1;
                summary.findings += any;
                add(&mut summary.by_category, &entry.category, any);
            }
        }
        Ok(summary)
    }

    /// A page of answers by publisher and project. About another day than now few projects are judged at once: then a page may be
    /// short, even empty, and still have a next one.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn findings(
        &self,
        filter: &Filter,
        after: Option<&Cursor>,
        limit: usize,
        as_of: Option<Time>,
    ) -> io::Result<Page> {
        self.refresh()?;
        let state = self.read();
        let date = as_of.unwrap_or_else(|| self.ledger.wall_time());
        let mut page = Page {
            found: Vec::new(),
            next: None,
            as_of: date,
            size: state.judged_size,
        };
        let told = state.announced.of(&self.book, date);
        let law = self.book.law(&told);
        let mut judged = 0;
        for (key, entry) in state.of(filter, after) {
            if !filter.takes_project(key, entry) || entry.is_too_long() {
                continue;
            }
            let takes = |answer: &&Answer| {
                filter.takes(answer.outcome, state.rule(**answer), answer.stage())
            };
            if as_of.is_none() && !entry.answers.iter().any(|answer| takes(&answer)) {
                continue;
            }
            let here = after.filter(|after| key.is(&after.publisher, &after.project));
            let skip = here.map_or(0, |here| here.shown);
            if page.found.len() >= limit || judged >= JUDGED_MAX {
                page.next = Some(key.cursor(skip));
                break;
            }
            judged += 1;
            let disclosures = state.facts.read(entry.tail, &key.publisher, &key.project)?;
            let Some(report) = report(law, &self.ledger, &disclosures, date) else {
                continue;
            };
            let mut own = report
                .findings
                .iter()
                .filter(|one| filter.takes(one.outcome, &one.rule, one.stage))
                .skip(skip);
            let room = limit - page.found.len();
            page.found.extend(
                own.by_ref()
                    .take(room)
                    .map(|finding| Found::of(&report, finding)),
            );
            if own.next().is_some() {
                page.next = Some(key.cursor(skip + room));
                break;
            }
        }
        Ok(page)
    }

    /// What falls due within so many days, the first day first, after `after` lines; with how many there are.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn due(
        &self,
        filter: &Filter,
        days: i64,
        after: usize,
        limit: usize,
    ) -> io::Result<(Page, usize)> {
        self.refresh()?;
        let state = self.read();
        let date = self.ledger.wall_time();
        let last = Moment::logged(date).day.plus(days);
        let filter = Filter {
            outcome: Outcomes::One(Outcome::Due),
            ..filter.clone()
        };
        // Of each project the days, so that a page is read from few.
        let mut lines: Vec<(i32, &Key, u64)> = Vec::new();
        for (key, entry) in state.of(&filter, None) {
            if !filter.takes_project(key, entry) {
                continue;
            }
            let due = entry.answers.iter().filter(|answer| {
                filter.takes(answer.outcome, state.rule(**answer), answer.stage())
                    && i64::from(answer.day) <= last.0
            });
            lines.extend(due.map(|answer| (answer.day, key, entry.tail)));
        }
        lines.sort_unstable();
        let count = lines.len();
        let told = state.announced.of(&self.book, date);
        let law = self.book.law(&told);
        let mut found: Vec<Found> = Vec::new();
        let wanted = &lines[after.min(count)..count.min(after.saturating_add(limit))];
        for (at, (day, key, tail)) in wanted.iter().enumerate() {
            // Several of one project on one day stand side by side, and are read once.
            if at > 0 && (wanted[at - 1].0, wanted[at - 1].1) == (*day, *key) {
                continue;
            }
            let disclosures = state.facts.read(*tail, &key.publisher, &key.project)?;
            let Some(report) = report(law, &self.ledger, &disclosures, date) else {
                continue;
            };
            let begin = lines.partition_point(|line| (line.0, line.1) < (*day, *key));
            let skip = (after + at).saturating_sub(begin);
            let many = wanted[at..]
                .iter()
                .take_while(|line| (line.0, line.1) == (*day, *key))
                .count();
            let day = crate::rules::calendar::Day(i64::from(*day)).to_string();
            let own = report.findings.iter().filter(|one| {
                filter.takes(one.outcome, &one.rule, one.stage)
                    && one.due.as_deref() == Some(day.as_str())
            });
            found.extend(
                own.skip(skip)
                    .take(many)
                    .map(|finding| Found::of(&report, finding)),
            );
        }
        let page = Page {
            found,
            next: None,
            as_of: date,
            size: state.judged_size,
        };
        Ok((page, count))
    }

    /// Counts over all projects by category, region, stage, month and rule. Counted once for every state of the view.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn statistics(&self) -> io::Result<Arc<Statistics>> {
        self.refresh()?;
        let mut kept = self
            .statistics
            .lock()
            .expect("no panic while holding the statistics");
        let state = self.read();
        if let Some((generation, statistics)) = kept.as_ref()
            && *generation == state.generation
        {
            return Ok(statistics.clone());
        }
        let mut statistics = Statistics::default();
        for entry in state.projects.values() {
            let answers = entry.answers.iter().map(|answer| answer.told(&state));
            statistics.add_answers(&entry.category, &entry.region, answers);
        }
        let statistics = Arc::new(statistics);
        *kept = Some((state.generation, statistics.clone()));
        Ok(statistics)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no panic while holding the view")
    }

    /// Judges anew what has become due or overdue by the passing of time.
    fn refresh(&self) -> io::Result<()> {
        let now = self.ledger.wall_time();
        if self.read().is_stale(now) {
            self.judge(now)?;
        }
        Ok(())
    }
}

/// The report of one project; words that may not be shown are taken out of it. `None` if nothing of it was logged by then.
#[must_use]
pub fn report(
    law: Law<'_>,
    ledger: &Ledger,
    disclosures: &[Disclosure],
    as_of: Time,
) -> Option<ProjectReport> {
    let mut report = project_report(disclosures, law, AsOf::date(as_of))?;
    let kept_back = |index: u64| !ledger.showing(index).is_shown();
    if disclosures.iter().all(|one| !kept_back(one.index)) {
        return Some(report);
    }
    let seen = |one: &&Disclosure| one.logged <= as_of && !kept_back(one.index);
    report.title = disclosures
        .iter()
        .filter(seen)
        .map(|one| one.title.as_str())
        .find(|title| !title.is_empty())
        .unwrap_or_default()
        .to_owned();
    for finding in &mut report.findings {
        // What a rule says has days and articles in it; what no rule decides, names and amounts.
        let hidden = finding.evidence.iter().find(|index| kept_back(**index));
        if let (Some(hidden), true) = (hidden, finding.law.is_empty()) {
            finding.said = said!(
                "所据的第{hidden}条依命令不予公开，不列内容。",
                "rests on record {hidden}, which is withheld by order: no words are shown."
            );
        }
    }
    Some(report)
}

impl Filter {
    fn takes_project(&self, key: &Key, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        is(&self.publisher, &key.publisher)
            && is(&self.project, &key.project)
            && is(&self.category, &entry.category)
            && self
                .region
                .as_deref()
                .is_none_or(|region| entry.region.starts_with(region))
    }

    fn takes(&self, outcome: Outcome, rule: &str, stage: &str) -> bool {
        let wanted = match self.outcome {
            Outcomes::All => true,
            Outcomes::Findings => outcome.is_finding(),
            Outcomes::One(one) => one == outcome,
        };
        wanted
            && self.rule.as_deref().is_none_or(|wanted| wanted == rule)
            && self.stage.is_none_or(|wanted| wanted.as_str() == stage)
    }
}

impl Cursor {
    /// Reads what [`Cursor`] displays as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Cursor> {
        let (project, shown) = text.rsplit_once(':')?;
        let (publisher, project) = project.rsplit_once('/')?;
        Some(Cursor {
            publisher: publisher.to_owned(),
            project: project.to_owned(),
            shown: shown.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.publisher, self.project, self.shown)
    }
}

impl Found {
    /// An answer of a report.
    #[must_use]
    pub fn of(report: &ProjectReport, finding: &Finding) -> Found {
        Found {
            publisher: report.publisher.clone(),
            project: report.project.clone(),
            title: report.title.clone(),
            category: report.category.clone(),
            region: report.region.clone(),
            finding: finding.clone(),
        }
    }
}

fn add(counts: &mut std::collections::BTreeMap<String, u64>, name: &str, many: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += many,
        None => {
            counts.insert(name.to_owned(), many);
        }
    }
}
