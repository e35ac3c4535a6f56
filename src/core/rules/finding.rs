//! What the rules answer: a finding, what is in force, and the report of a project. Data alone; `engine` makes it, `words` says it.

use serde::Serialize;

use crate::lang::Said;

/// What a rule says of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In time.
    Done,
    /// Not yet due.
    Due,
    /// The clock stands.
    Suspended,
    /// The dates are not given.
    CannotTell,
    /// Done after its last day.
    Late,
    /// Past its last day and not seen in this ledger.
    Missing,
    /// Shorter than the law asks.
    TooShort,
    /// In the wrong order.
    OutOfOrder,
    /// Shown before it might be.
    Premature,
    /// Two records that cannot both be so.
    Contradiction,
    /// Logged long after the day it claims.
    BackDated,
}

impl Outcome {
    /// Whether somebody should look at it.
    #[must_use]
    pub fn is_finding(self) -> bool {
        !matches!(
            self,
            Outcome::Done | Outcome::Due | Outcome::Suspended | Outcome::CannotTell
        )
    }

    /// The word that JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Due => "due",
            Outcome::Suspended => "suspended",
            Outcome::CannotTell => "cannot_tell",
            Outcome::Late => "late",
            Outcome::Missing => "missing",
            Outcome::TooShort => "too_short",
            Outcome::OutOfOrder => "out_of_order",
            Outcome::Premature => "premature",
            Outcome::Contradiction => "contradiction",
            Outcome::BackDated => "back_dated",
        }
    }
}

/// One answer of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub outcome: Outcome,
    /// The rule's id; of what no rule pack decides, such as `AWARD-TWICE`.
    pub rule: String,
    /// The stage whose disclosure is judged, or empty.
    pub stage: &'static str,
    /// The law, or empty.
    pub law: String,
    /// The article, or empty.
    pub article: String,
    /// The lots concerned; none means the whole project.
    pub lots: Vec<String>,
    /// Record indexes, ascending.
    pub evidence: Vec<u64>,
    /// The day that is counted from.
    pub from: Option<String>,
    /// The last day (MAX) or the first lawful one (MIN).
    pub due: Option<String>,
    /// The day on which it was done.
    pub done: Option<String>,
    /// Days late, or days too short; 0 otherwise.
    pub days: i64,
    /// A day counted beyond the last year whose holidays are known.
    pub provisional: bool,
    /// Rests on what was claimed before the publisher went live (补录).
    pub claimed_only: bool,
    /// 依法必招 was not stated and taken for yes.
    pub assumed: bool,
    /// Of what cannot be told: the date or word that is not given.
    #[serde(skip)]
    pub missing: Option<String>,
    /// The sentence.
    #[serde(flatten)]
    pub said: Said,
}

/// What is in force, for readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The kind.
    pub kind: String,
    /// The record whose words hold.
    pub record: u64,
    /// What it replaced or corrected, first to last.
    pub replaced: Vec<u64>,
    /// The record that withdrew it.
    pub withdrawn_by: Option<u64>,
}

/// All that follows for one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectReport {
    /// The publisher.
    pub publisher: String,
    /// The project.
    pub project: String,
    /// Its title, of the first record that has one.
    pub title: String,
    /// Its category.
    pub category: String,
    /// Its region.
    pub region: String,
    /// As of when.
    pub as_of: String,
    /// The last record that was seen.
    pub last_record: Option<u64>,
    /// Version of the rules.
    pub pack: String,
    /// Version of the calendar.
    pub calendar: String,
    /// The files of both by digest, and whether the log announced them, as the law was given.
    pub law: Vec<ToldPart>,
    /// No rule that was checked is written for this category.
    pub category_without_rules: bool,
    /// Every answer: findings first, then what is due, done and cannot be told.
    pub findings: Vec<Finding>,
    /// The next day on which something is due.
    pub next_due: Option<String>,
    /// What is in force.
    pub standing: Vec<Standing>,
}

impl ProjectReport {
    /// What somebody should look at.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.outcome.is_finding())
    }
}

/// A file that findings were made by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldPart {
    /// `rule_pack` or `calendar`.
    pub what: &'static str,
    /// The version that it names.
    pub version: String,
    /// Of its bytes, 64 hex.
    pub sha256: String,
    /// The record of the notice that announces it; null if none had by then.
    pub announced: Option<u64>,
}
