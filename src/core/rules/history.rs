//! What became of each notice of a project: what is in force, what it replaced, and what differs, field by field. Pure.
//!
//! Promises: the same steps from the same statements; nothing is edited, so every value that was ever in force is shown beside the one
//! that took its place. A correction keeps the members that it does not restate; a replacement stands alone. What may not be shown
//! has no words here, nor have the differences from it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::tlog::merkle::Hash;
use crate::trade::statement::{Effect, Statement};
use crate::trade::time::Time;

/// One record of the project.
#[derive(Clone, Debug)]
pub struct Logged<'a> {
    /// Leaf index.
    pub index: u64,
    /// The ledger's time.
    pub time: Time,
    /// What it says.
    pub statement: &'a Statement,
    /// Whether its words may be shown.
    pub is_shown: bool,
}

/// One member that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// JSON pointer in the statement.
    pub pointer: String,
    /// What was in force; absent if there was nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What is said now; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What holds of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its words hold.
    InForce,
    /// A later record corrects it; what that does not restate holds still.
    Corrected,
    /// A later record stands in its place.
    Replaced,
    /// A later record says that it no longer holds.
    Withdrawn,
}

/// One record, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Leaf index.
    pub index: u64,
    /// The ledger's time.
    pub time: String,
    /// Statement id.
    pub id: String,
    /// Statement before it in the publisher's chain.
    pub follows: Option<String>,
    /// When the publisher says it was issued, or empty.
    pub issued: String,
    /// Stage.
    pub stage: String,
    /// Kind.
    pub kind: String,
    /// Title.
    pub title: String,
    /// Its words are withheld by order: they are not among these.
    pub withheld: bool,
    /// What holds of it.
    pub status: Status,
    /// The record that it amends, if that is among these.
    pub amends: Option<u64>,
    /// `correct`, `replace` or `withdraw`.
    pub effect: Option<&'static str>,
    /// The records that amend it, first to last.
    pub amended_by: Vec<u64>,
    /// What differs from what was in force before it.
    pub differences: Vec<Difference>,
}

/// Members that say how a statement is logged, not what is announced.
const FRAME: [&str; 10] = [
    "type",
    "v",
    "ledger",
    "publisher",
    "project",
    "follows",
    "amends",
    "ref",
    "issued",
    "kind",
];
/// Members whose own members a correction restates one by one.
const BY_MEMBER: [&str; 2] = ["details", "events"];

/// The steps of a project in log order.
#[must_use]
pub fn history(records: &[Logged<'_>]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::with_capacity(records.len());
    let mut places: BTreeMap<Hash, usize> = BTreeMap::new();
    // What holds of the notice that a record belongs to, by the place of the notice's first record; `None` if part of it is withheld.
    let mut notices: BTreeMap<usize, Option<Value>> = BTreeMap::new();
    let mut notice_of: Vec<usize> = Vec::with_capacity(records.len());
    for (place, record) in records.iter().enumerate() {
        let statement = record.statement;
        let amends = statement.amends();
        let amended = amends.and_then(|amends| places.get(&amends.statement).copied());
        let mut step = blank(record, amends.map(|amends| effect_of(amends.effect)));
        let own = parsed(record);
        let notice = amended.map_or(place, |amended| notice_of[amended]);
        if let (Some(amended), Some(amends)) = (amended, amends) {
            step.amends = Some(records[amended].index);
            steps[amended].amended_by.push(record.index);
            let before = notices.get(&notice).cloned().flatten();
            let after = match (amends.effect, &before, own) {
                (Effect::Correct, Some(before), Some(own)) => Some(corrected(before, &own)),
                (Effect::Replace, _, own) => own,
                (Effect::Withdraw, before, Some(_)) => before.clone(),
                _ => None,
            };
            if let (Some(before), Some(after), true) =
                (&before, &after, amends.effect != Effect::Withdraw)
            {
                step.differences = differences(before, after);
            }
            notices.insert(notice, after);
            let status = match amends.effect {
                Effect::Correct => Status::Corrected,
                Effect::Replace => Status::Replaced,
                Effect::Withdraw => Status::Withdrawn,
            };
            for (earlier, of) in notice_of.iter().enumerate() {
                let stands = matches!(steps[earlier].status, Status::InForce | Status::Corrected);
                if *of == notice && stands {
                    steps[earlier].status = status;
                }
            }
        } else {
            notices.insert(notice, own);
        }
        notice_of.push(notice);
        places.insert(statement.id(), place);
        steps.push(step);
    }
    steps
}

/// Where a chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// Nothing was given.
    #[error("there is no record of the project")]
    Empty,
    /// The first follows a statement that is not there.
    #[error(
        "record {index} follows a statement that is not among these: earlier records are left out"
    )]
    Beginning {
        /// The first that was given.
        index: u64,
    },
    /// One follows another than the one before it.
    #[error("record {index} does not follow record {before}: records between them are left out")]
    Between {
        /// The one before.
        before: u64,
        /// The one that does not follow it.
        index: u64,
    },
}

/// Whether these are all statements of one chain from its first to the last of them: each names the one before. What was logged after the
/// last, no chain shows.
///
/// # Errors
/// [`Break`], the first one.
pub fn unbroken(chain: &[(u64, Hash, Option<Hash>)]) -> Result<(), Break> {
    let [(first, _, follows), ..] = chain else {
        return Err(Break::Empty);
    };
    if follows.is_some() {
        return Err(Break::Beginning { index: *first });
    }
    for pair in chain.windows(2) {
        if let [(before, id, _), (index, _, follows)] = pair
            && *follows != Some(*id)
        {
            return Err(Break::Between {
                before: *before,
                index: *index,
            });
        }
    }
    Ok(())
}

/// What differs between two statements, member by member and item by item; how they are logged is left out.
///
/// ```
/// use mingzhang_core::rules::history::differences;
/// let before = serde_json::json!({"title": "甲", "details": {"amount": "100", "lots": ["1", "2"]}, "follows": null});
/// let after = serde_json::json!({"title": "甲", "details": {"amount": "120", "lots": ["1"]}, "follows": "…"});
/// let found = differences(&before, &after);
/// let pointers: Vec<&str> = found.iter().map(|one| one.pointer.as_str()).collect();
/// assert_eq!(pointers, ["/details/amount", "/details/lots/1"]);
/// assert_eq!(found[1].after, None);
/// ```
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

/// What holds after a correction: members that it does not restate stay.
#[must_use]
pub fn corrected(before: &Value, correction: &Value) -> Value {
    let (Some(before), Some(correction)) = (before.as_object(), correction.as_object()) else {
        return correction.clone();
    };
    let mut after = before.clone();
    for (name, value) in correction {
        let inner = after.get_mut(name).and_then(Value::as_object_mut);
        match (BY_MEMBER.contains(&name.as_str()), inner, value.as_object()) {
            (true, Some(inner), Some(value)) => {
                for (name, value) in value {
                    inner.insert(name.clone(), value.clone());
                }
            }
            _ => {
                after.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(after)
}

fn compare(
    pointer: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (before, after) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let is_frame = |name: &str| pointer.is_empty() && FRAME.contains(&name);
            let added = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(added).filter(|name| !is_frame(name)) {
                let at = format!("{pointer}/{}", escaped(name));
                compare(at, a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                compare(format!("{pointer}/{at}"), a.get(at), b.get(at), found);
            }
        }
        (before, after) => found.push(Difference {
            pointer,
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

/// RFC 6901 section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn blank(record: &Logged<'_>, effect: Option<&'static str>) -> Step {
    let statement = record.statement;
    let fields = statement.fields();
    let shown = |text: Option<&str>| {
        let text = text.filter(|_| record.is_shown);
        text.unwrap_or_default().to_owned()
    };
    Step {
        index: record.index,
        time: record.time.to_string(),
        id: statement.id().to_string(),
        follows: statement.follows().map(|id| id.to_string()),
        issued: if record.is_shown {
            let members = statement_value(statement);
            let issued = members.get("issued").and_then(Value::as_str);
            issued.unwrap_or_default().to_owned()
        } else {
            String::new()
        },
        stage: shown(fields.stage().map(|stage| stage.as_str())),
        kind: shown(fields.kind()),
        title: shown(fields.title()),
        withheld: !record.is_shown,
        status: Status::InForce,
        amends: None,
        effect,
        amended_by: Vec::new(),
        differences: Vec::new(),
    }
}

fn effect_of(effect: Effect) -> &'static str {
    match effect {
        Effect::Correct => "correct",
        Effect::Replace => "replace",
        Effect::Withdraw => "withdraw",
    }
}

fn parsed(record: &Logged<'_>) -> Option<Value> {
    record
        .is_shown
        .then(|| Value::Object(statement_value(record.statement)))
}

fn statement_value(statement: &Statement) -> Map<String, Value> {
    serde_json::from_str(statement.text()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tlog::note::Signer;
    use crate::trade::statement::sign_statement;

    /// Kind, details, and which earlier one it amends how.
    type Said<'a> = (&'a str, Value, Option<(usize, &'a str)>);

    /// A chain of statements from what each says, and which of them it amends.
    fn chain(said: &[Said<'_>]) -> Vec<Statement> {
        let centre = Signer::from_seed("centre.example", &[7; 32]).unwrap();
        let mut made: Vec<Statement> = Vec::new();
        for (kind, details, amends) in said {
            let mut text = json!({
                "type": "trade", "v": 1, "ledger": "ledger.example/t", "publisher": "centre.example", "project": "P-1",
                "follows": made.last().map(|last| last.id().to_string()), "stage": "announcement", "kind": kind,
                "category": "construction", "title": "标题", "region": "430382", "codes": [], "documents": [],
                "issued": "2026-11-23T09:00:00+08:00", "events": {}, "details": details,
            });
            if let Some((place, effect)) = amends {
                text["amends"] =
                    json!({"statement": made[*place].id().to_string(), "effect": effect});
            }
            made.push(sign_statement(&format!("{text}\n"), &[&centre]).unwrap());
        }
        made
    }

    fn steps(statements: &[Statement], hidden: &[u64]) -> Vec<Step> {
        let records: Vec<Logged<'_>> = (0..)
            .zip(statements)
            .map(|(index, statement)| Logged {
                index,
                time: Time::from_ms(1_795_395_723_456).unwrap(),
                statement,
                is_shown: !hidden.contains(&index),
            })
            .collect();
        history(&records)
    }

    #[test]
    fn a_correction_keeps_what_it_does_not_restate_and_a_replacement_does_not() {
        let said = [
            (
                "tender_notice",
                json!({"budget": "100", "need": "桥", "lots": ["1", "2"]}),
                None,
            ),
            (
                "change_notice",
                json!({"budget": "120"}),
                Some((0, "correct")),
            ),
            // Again of the first notice, as centres write it.
            (
                "change_notice",
                json!({"lots": ["1"]}),
                Some((0, "correct")),
            ),
            (
                "tender_notice",
                json!({"budget": "130"}),
                Some((2, "replace")),
            ),
            ("award_notice", json!({"winner": "甲"}), None),
            ("termination", json!({}), Some((3, "withdraw"))),
        ];
        let steps = steps(&chain(&said), &[]);
        let told: Vec<(Status, Option<u64>, Vec<String>)> = steps
            .iter()
            .map(|step| {
                let told = step.differences.iter().map(|one| {
                    let text = |value: &Option<Value>| {
                        value.as_ref().map_or("-".to_owned(), ToString::to_string)
                    };
                    format!("{} {} {}", one.pointer, text(&one.before), text(&one.after))
                });
                (step.status, step.amends, told.collect())
            })
            .collect();
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                (Status::Replaced, None, vec![]),
                (
                    Status::Replaced,
                    Some(0),
                    strings(&["/details/budget \"100\" \"120\""])
                ),
                (
                    Status::Replaced,
                    Some(0),
                    strings(&["/details/lots/1 \"2\" -"])
                ),
                (
                    Status::Withdrawn,
                    Some(2),
                    strings(&[
                        "/details/budget \"120\" \"130\"",
                        "/details/need \"桥\" -",
                        "/details/lots [\"1\"] -"
                    ])
                ),
                (Status::InForce, None, vec![]),
                (Status::InForce, Some(3), vec![]),
            ]
        );
        assert_eq!(steps[0].amended_by, [1, 2]);
        let until = |n: usize| steps_until(&said, n);
        assert_eq!(until(2), [Status::Corrected, Status::InForce]);
        assert_eq!(
            until(4),
            [
                Status::Replaced,
                Status::Replaced,
                Status::Replaced,
                Status::InForce
            ]
        );
    }

    fn steps_until(said: &[Said<'_>], n: usize) -> Vec<Status> {
        let steps = steps(&chain(&said[..n]), &[]);
        steps.iter().map(|step| step.status).collect()
    }

    #[test]
    fn what_is_withheld_has_no_words_and_gives_none_away_by_a_difference() {
        let said = [
            ("tender_notice", json!({"budget": "秘一"}), None),
            (
                "change_notice",
                json!({"budget": "秘二"}),
                Some((0, "correct")),
            ),
            (
                "change_notice",
                json!({"budget": "三"}),
                Some((1, "correct")),
            ),
        ];
        let chain = chain(&said);
        for hidden in [&[0][..], &[1], &[0, 1]] {
            let text = serde_json::to_string(&steps(&chain, hidden)).unwrap();
            for index in hidden {
                assert!(
                    !text.contains(["秘一", "秘二"][usize::try_from(*index).unwrap()]),
                    "{text}"
                );
            }
        }
        assert!(
            serde_json::to_string(&steps(&chain, &[]))
                .unwrap()
                .contains("秘一")
        );
    }

    #[test]
    fn a_chain_with_a_record_left_out_is_broken() {
        let statements = chain(&[
            ("tender_notice", json!({}), None),
            ("change_notice", json!({}), None),
            ("award_notice", json!({}), None),
        ]);
        let all: Vec<(u64, Hash, Option<Hash>)> = (4..)
            .zip(&statements)
            .map(|(index, one)| (index, one.id(), one.follows()))
            .collect();
        assert_eq!(unbroken(&all), Ok(()));
        assert_eq!(unbroken(&all[..2]), Ok(()));
        assert_eq!(unbroken(&[]), Err(Break::Empty));
        assert_eq!(unbroken(&all[1..]), Err(Break::Beginning { index: 5 }));
        assert_eq!(
            unbroken(&[all[0], all[2]]),
            Err(Break::Between {
                before: 4,
                index: 6
            })
        );
    }
}
