//! Rule packs: time limits of the law as data (TOML), one rule a table. `docs/rules.md` has the members.
//!
//! A pack given by file adds rules to the national one, or overrides those of the same id. Promises: a pack that parses has only
//! points, units and dates that the engine understands; [`PackError`] names rule and line.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::calendar::Day;
use crate::trade::vocabulary::{self, Stage};

/// A versioned set of rules.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The version, joined by `+` where packs were added.
    pub version: String,
    /// The rules, national ones first.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The id, such as `CN-TB-46`.
    pub id: String,
    /// The law by its Chinese name.
    pub law: String,
    /// The article's number.
    pub article: String,
    /// What is to be done, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Categories it applies to; none means all.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Methods it applies to; none means all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Only where the law demands a tender. Not stated counts as yes, and the finding says so.
    #[serde(default)]
    pub mandatory_tender: bool,
    /// What is compared.
    #[serde(rename = "type")]
    pub rule_type: RuleType,
    /// From what is counted; `a|b`: the first that is there.
    #[serde(default)]
    pub from: String,
    /// To what; for `secret` the disclosure that comes too early.
    #[serde(default)]
    pub to: String,
    /// How many units.
    #[serde(default)]
    pub limit: u32,
    /// In which unit.
    #[serde(default)]
    pub unit: Unit,
    /// How days are counted.
    #[serde(default)]
    pub counting: Counting,
    /// Whether a last day that is not worked moves to the next that is (民法典 203).
    #[serde(default)]
    pub roll_to_workday: bool,
    /// The clock stands from this point,
    #[serde(default)]
    pub suspend: String,
    /// to this one.
    #[serde(default)]
    pub resume: String,
    /// For `secret`: only if this member of `details` is shown in the clear.
    #[serde(default)]
    pub member: String,
    /// First day in force, `YYYY-MM-DD`.
    #[serde(default)]
    pub effective_from: String,
    /// Last day in force, `YYYY-MM-DD`.
    #[serde(default)]
    pub effective_to: String,
    /// How sure we are of it.
    pub mark: Mark,
    /// Switched on; if nothing is said, V and S are, M and m are not.
    pub on: Option<bool>,
    /// Why no ledger can see it; such a rule is listed and never judged.
    #[serde(default)]
    pub unobservable: String,
}

/// What a rule compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleType {
    /// At least so long.
    Min,
    /// At most so long.
    Max,
    /// `to` not before `from`.
    Order,
    /// The same instant.
    Equal,
    /// `to` not shown before `from`.
    Secret,
    /// To be kept so long: a duty that no single log shows broken.
    Keep,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Days of the calendar.
    #[default]
    CalendarDay,
    /// Working days.
    WorkingDay,
    /// Hours, from the hour.
    Hour,
    /// Years.
    Year,
}

/// How days are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// The day of the event is not counted (民法典 201).
    #[default]
    ExcludeFirstDay,
    /// The first day counts: 「3月16日至3月18日」 are three.
    InclusiveDates,
    /// As `exclude_first_day`, or 24 hours a day from the minute: either will do. Practice of publicities.
    Hours,
}

/// How sure we are of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Mark {
    /// The text was read.
    V,
    /// A secondary public page says so.
    S,
    /// From memory, confident.
    M,
    /// From memory, to be checked.
    #[serde(rename = "m")]
    Unsure,
}

/// Where something happens: an event, an event of one kind of notice, or a notice itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// `EVENT` or `EVENT@KIND`.
    Event {
        /// The event.
        event: String,
        /// Only in notices of this kind.
        kind: Option<String>,
    },
    /// `@KIND`: the disclosure itself.
    Notice {
        /// The kind.
        kind: String,
    },
}

/// What is wrong with a pack, and where.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Not TOML, or not of the wanted members. The message has line and column.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// One rule cannot be meant so.
    #[error("line {line}, rule {rule}: {fault}")]
    Rule {
        /// The line where the rule begins, from 1.
        line: usize,
        /// Its id.
        rule: String,
        /// What is wrong.
        fault: RuleFault,
    },
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// The id stands twice in one pack.
    #[error("the id is used before in this pack")]
    Twice,
    /// An empty or ill-formed id.
    #[error("the id is no id, wanted 1 to 64 of A-Z a-z 0-9 . _ -")]
    Id,
    /// A word that the vocabulary does not have.
    #[error("{member} is {found:?}, which is no {wanted}")]
    Unknown {
        /// Which member.
        member: &'static str,
        /// As written.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A member is missing.
    #[error("{member} is missing, wanted {wanted}")]
    Missing {
        /// Which member.
        member: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A date that is none.
    #[error("{member} is {found:?}, wanted a date YYYY-MM-DD")]
    Date {
        /// Which member.
        member: &'static str,
        /// As written.
        found: String,
    },
    /// It ends before it begins.
    #[error("effective_to is before effective_from")]
    Backwards,
    /// A limit out of range.
    #[error("limit is {found}, wanted 1 to 1000 for {rule_type}")]
    Limit {
        /// As written.
        found: u32,
        /// Of this type.
        rule_type: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    #[serde(default)]
    rule: Vec<toml::Spanned<Rule>>,
}

impl Pack {
    /// The file that is compiled in.
    pub(crate) const BUILTIN_TEXT: &str = include_str!("data/pack-cn.toml");

    /// The national pack compiled in.
    #[must_use]
    pub fn builtin() -> &'static Pack {
        static BUILTIN: OnceLock<Pack> = OnceLock::new();
        BUILTIN.get_or_init(|| Pack::parse(Pack::BUILTIN_TEXT).expect("compiled in, and tested"))
    }

    /// Reads a pack and checks every rule.
    ///
    /// # Errors
    /// [`PackError`], the first fault, with its line.
    pub fn parse(text: &str) -> Result<Pack, PackError> {
        let file: File = toml::from_str(text)?;
        let (mut seen, mut rules) = (BTreeSet::new(), Vec::new());
        for spanned in file.rule {
            let start = spanned.span().start.min(text.len());
            let line = text[..start].matches('\n').count() + 1;
            let rule = spanned.into_inner();
            let twice = !seen.insert(rule.id.clone());
            let fault = if twice {
                Err(RuleFault::Twice)
            } else {
                rule.check()
            };
            fault.map_err(|fault| PackError::Rule {
                line,
                rule: rule.id.clone(),
                fault,
            })?;
            rules.push(rule);
        }
        Ok(Pack {
            version: file.version,
            rules,
        })
    }

    /// The same with the rules of another pack added; a rule of the same id is replaced.
    #[must_use]
    pub fn with(mut self, other: Pack) -> Pack {
        self.version = format!("{}+{}", self.version, other.version);
        for rule in other.rules {
            match self.rules.iter_mut().find(|old| old.id == rule.id) {
                Some(old) => *old = rule,
                None => self.rules.push(rule),
            }
        }
        self
    }

    /// Whether a rule that is on was written for this category by name.
    #[must_use]
    pub fn covers(&self, category: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.is_judged() && rule.categories.iter().any(|name| name == category))
    }
}

impl Rule {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.unwrap_or(matches!(self.mark, Mark::V | Mark::S))
    }

    /// Whether it is on and a ledger can see what it speaks of.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.is_on() && self.unobservable.is_empty() && self.rule_type != RuleType::Keep
    }

    /// Whether it is in force on a day.
    #[must_use]
    pub fn in_force(&self, day: Day) -> bool {
        Day::parse(&self.effective_from).is_none_or(|from| from <= day)
            && Day::parse(&self.effective_to).is_none_or(|to| day <= to)
    }

    /// The stage whose disclosure it judges: that of `to`, else that of `from`.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        [("to", &self.to), ("from", &self.from)]
            .into_iter()
            .flat_map(|(member, text)| points(member, text).unwrap_or_default())
            .find_map(|point| match point {
                Point::Event {
                    event, kind: None, ..
                } => Some(stage_of_event(&event)),
                Point::Event {
                    kind: Some(kind), ..
                }
                | Point::Notice { kind } => vocabulary::kind(&kind)?.stage,
            })
    }

    fn check(&self) -> Result<(), RuleFault> {
        let id_ok = (1..=64).contains(&self.id.len())
            && self
                .id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !id_ok {
            return Err(RuleFault::Id);
        }
        for (member, value) in [
            ("law", &self.law),
            ("article", &self.article),
            ("zh", &self.zh),
        ] {
            if value.trim().is_empty() {
                return Err(RuleFault::Missing {
                    member,
                    wanted: "some words",
                });
            }
        }
        for found in &self.categories {
            if vocabulary::category(found).is_none() {
                return Err(unknown("categories", found, "category"));
            }
        }
        for found in &self.methods {
            if vocabulary::method(found).is_none() {
                return Err(unknown("methods", found, "method"));
            }
        }
        let mut dates = [None, None];
        for (at, (member, found)) in [
            ("effective_from", &self.effective_from),
            ("effective_to", &self.effective_to),
        ]
        .into_iter()
        .enumerate()
        {
            if !found.is_empty() {
                dates[at] = Some(Day::parse(found).ok_or_else(|| RuleFault::Date {
                    member,
                    found: found.clone(),
                })?);
            }
        }
        if let [Some(from), Some(to)] = dates
            && to < from
        {
            return Err(RuleFault::Backwards);
        }
        if !self.unobservable.is_empty() || self.rule_type == RuleType::Keep {
            return Ok(());
        }
        for (member, found) in [("from", &self.from), ("to", &self.to)] {
            if found.is_empty() {
                return Err(RuleFault::Missing {
                    member,
                    wanted: "EVENT, EVENT@KIND or @KIND",
                });
            }
            points(member, found)?;
        }
        match (self.suspend.is_empty(), self.resume.is_empty()) {
            (true, true) => {}
            (false, false) => {
                points("suspend", &self.suspend)?;
                points("resume", &self.resume)?;
            }
            (empty, _) => {
                return Err(RuleFault::Missing {
                    member: if empty { "suspend" } else { "resume" },
                    wanted: "both suspend and resume, or neither",
                });
            }
        }
        if self.unit == Unit::Year {
            return Err(unknown("unit", "year", "unit of a rule that is judged"));
        }
        let words = match self.rule_type {
            RuleType::Min => "min",
            RuleType::Max => "max",
            _ => return Ok(()),
        };
        if !(1..=1_000).contains(&self.limit) {
            return Err(RuleFault::Limit {
                found: self.limit,
                rule_type: words,
            });
        }
        Ok(())
    }
}

fn unknown(member: &'static str, found: &str, wanted: &'static str) -> RuleFault {
    RuleFault::Unknown {
        member,
        found: found.to_owned(),
        wanted,
    }
}

/// Reads `a|b|c`.
pub(super) fn points(member: &'static str, text: &str) -> Result<Vec<Point>, RuleFault> {
    text.split('|')
        .map(|part| {
            let (event, kind) = match part.split_once('@') {
                Some((event, kind)) => (event, Some(kind)),
                None => (part, None),
            };
            if let Some(kind) = kind
                && vocabulary::kind(kind).is_none()
            {
                return Err(unknown(member, part, "kind of notice after @"));
            }
            match (event, kind) {
                ("", Some(kind)) => Ok(Point::Notice {
                    kind: kind.to_owned(),
                }),
                (event, kind) if vocabulary::event(event).is_some() => Ok(Point::Event {
                    event: event.to_owned(),
                    kind: kind.map(str::to_owned),
                }),
                _ => Err(unknown(member, part, "event, EVENT@KIND or @KIND")),
            }
        })
        .collect()
}

/// The stage in which an event is disclosed, where a rule does not say in which kind of notice.
fn stage_of_event(event: &str) -> Stage {
    match event {
        "opening" | "evaluated" | "publicity_from" | "publicity_to" | "received" | "replied" => {
            Stage::Process
        }
        "winner_set" | "letter_issued" | "trade" => Stage::Award,
        "contract_signed" | "paid" | "accepted" | "terminated" => Stage::Performance,
        _ => Stage::Announcement,
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mark::V => "V",
            Mark::S => "S",
            Mark::M => "M",
            Mark::Unsure => "m",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"version = "x.1"
[[rule]]
id = "X-1"
law = "某办法"
article = "1"
zh = "合同公开"
en = "contract published"
type = "max"
from = "contract_signed"
to = "@contract"
limit = 2
unit = "working_day"
mark = "V"
"#;

    #[track_caller]
    fn check(old: &str, new: &str, words: &str) {
        assert!(RULE.contains(old), "{old}");
        let error = Pack::parse(&RULE.replace(old, new))
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_wrong_pack_says_what_is_wrong_where() {
        assert_eq!(Pack::parse(RULE).unwrap().rules.len(), 1);
        check("limit = 2", "limit = 0", "line 2, rule X-1: limit is 0");
        check("contract_signed", "signed", "from is \"signed\"");
        check("@contract", "@treaty", "to is \"@treaty\"");
        check("to = \"@contract\"\n", "", "to is missing");
        check("\"working_day\"", "\"week\"", "unknown variant");
        check("mark = \"V\"", "mark = \"Z\"", "line 13");
        check("mark = \"V\"", "mark = \"V\"\nlimits = 3", "unknown field");
        check(
            "mark = \"V\"",
            "mark = \"V\"\neffective_from = \"2020\"",
            "wanted a date",
        );
        check(
            "mark = \"V\"",
            "mark = \"V\"\neffective_from = \"2020-01-02\"\neffective_to = \"2020-01-01\"",
            "before",
        );
        check(
            "mark = \"V\"",
            "mark = \"V\"\ncategories = [\"houses\"]",
            "no category",
        );
        check(
            "mark = \"V\"",
            "mark = \"V\"\nmethods = [\"dice\"]",
            "no method",
        );
        check(
            "mark = \"V\"",
            "mark = \"V\"\nsuspend = \"@objection\"",
            "both suspend",
        );
        check("id = \"X-1\"", "id = \"X 1\"", "no id");
        let twice = format!("{RULE}{}", RULE.trim_start_matches("version = \"x.1\"\n"));
        let error = Pack::parse(&twice).unwrap_err().to_string();
        assert!(
            error.contains("line 14, rule X-1: the id is used"),
            "{error}"
        );
    }

    #[test]
    fn a_pack_adds_and_overrides() {
        let own = Pack::parse(&RULE.replace("X-1", "CN-GPR-50")).unwrap();
        let national = Pack::builtin();
        let both = national.clone().with(own);
        assert_eq!(both.rules.len(), national.rules.len());
        assert!(both.version.ends_with("+x.1"));
        let more = national.clone().with(Pack::parse(RULE).unwrap());
        assert_eq!(more.rules.len(), national.rules.len() + 1);
    }

    #[test]
    fn v_and_s_are_on_and_memory_is_off() {
        for rule in &Pack::builtin().rules {
            let sure = matches!(rule.mark, Mark::V | Mark::S);
            assert_eq!(rule.is_on(), sure, "{}", rule.id);
        }
        assert!(Pack::builtin().covers("construction"));
        assert!(!Pack::builtin().covers("carbon-emission"));
    }
}
