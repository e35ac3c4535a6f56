//! What is in the ledger already: whether a draft's `ref` stands there for the same words, and which statement an `amends` means.
//!
//! Promises: the ledger's answer is read as what it signed: the id is that of the text, the publisher ours. The same words under one `ref`
//! are known; other words are an error that names the record, never "in the ledger already". Commitments are not compared: their salts are
//! new each time, and what they hide the ledger does not know.

use serde_json::Value;

use super::super::ANSWER_BYTES_MAX;
use super::super::answered::{self, Answered, caught_up};
use super::super::draft::{Amended, Line, LineError};
use super::super::out::Failure;
use crate::lang::Said;
use crate::said;
use crate::server::project_path;
use crate::store::Http;
use crate::tlog::merkle::Hash;
use crate::trade::statement::Statement;
use crate::trade::visible::one_line;

/// Records of one page of a project.
const PAGE: usize = 256;
/// Places that are told of two texts that differ.
const PLACES: usize = 5;

/// A statement in the ledger.
pub(super) struct There {
    pub index: u64,
    /// `None`: it is withheld or erased, and cannot be compared.
    statement: Option<Statement>,
}

/// Reads one by its id.
pub(super) fn by_id(http: &Http, id: &Hash) -> Result<There, Failure> {
    let name = format!("api/v1/statements/{id}");
    let answer = answered::ask(http, &name, ANSWER_BYTES_MAX)?;
    if matches!(answer.status, 410 | 451) {
        let told = Value::Object(answered::object(http, &name, &answer)?);
        return Ok(There {
            index: told["index"].as_u64().unwrap_or_default(),
            statement: None,
        });
    }
    let told = Answered::of(http, &name, &answer)?;
    let statement = Statement::parse(told.str("note")?.as_bytes()).ok();
    let statement = statement.filter(|statement| statement.id() == *id);
    if statement.is_none() {
        let base = http.base();
        return Err(Failure::temporary(
            "answer",
            said!(
                "{base} 对声明 {id} 的应答不是这条声明",
                "what {base} answers for statement {id} is not that statement"
            ),
        ));
    }
    Ok(There {
        index: told.u64("index")?,
        statement,
    })
}

impl There {
    /// Where our words and its differ; empty if they are the same, or cannot be compared.
    pub fn differs(&self, ours: &Statement) -> Vec<String> {
        let mut places = Vec::new();
        if let Some(theirs) = &self.statement {
            differences(&words(ours), &words(theirs), "", &mut places);
        }
        places
    }

    /// Why the draft is refused.
    pub fn other_words(&self, reference: &str, places: &[String]) -> Said {
        let (index, count) = (self.index, places.len());
        let told = places.iter().take(PLACES);
        let told: Vec<&str> = told.map(String::as_str).collect();
        let (told, reference) = (told.join(", "), one_line(reference));
        said!(
            "ref {reference} 已是第 {index} 条记录，而内容不同（{count} 处：{told}）：要更正请用 amends，另一条公告请用另一个 ref",
            "ref {reference} is record {index} already, with other words ({count} places: {told}): amend that one, or give another ref"
        )
    }
}

/// What is compared: all but the place in the chain.
fn words(statement: &Statement) -> Value {
    let text = statement.text().trim_end();
    let mut value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    if let Some(members) = value.as_object_mut() {
        members.remove("follows");
    }
    value
}

fn is_commitment(value: &Value) -> bool {
    value.get("commitment").is_some_and(Value::is_string)
}

/// Whether a pointer is one of `parts`, or leads into one.
pub(super) fn is_in(pointer: &str, parts: &[&str]) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    let mut parts = parts.iter();
    parts.any(|part| pointer.strip_prefix(part).is_some_and(is_below))
}

/// Pointers at which two values differ.
pub(super) fn differences(one: &Value, other: &Value, pointer: &str, places: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(_), Value::Object(_)) if is_commitment(one) && is_commitment(other) => {}
        (Value::Object(ours), Value::Object(theirs)) => {
            for (name, value) in ours {
                let pointer = format!("{pointer}/{name}");
                let there = theirs.get(name).unwrap_or(&Value::Null);
                differences(value, there, &pointer, places);
            }
            let more = theirs.keys().filter(|name| !ours.contains_key(*name));
            places.extend(more.map(|name| format!("{pointer}/{name}")));
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (at, (one, other)) in ours.iter().zip(theirs).enumerate() {
                differences(one, other, &format!("{pointer}/{at}"), places);
            }
        }
        _ if one == other => {}
        _ => places.push(pointer.to_owned()),
    }
}

/// The id of what a draft amends, where it names neither its id nor a line of the same file. `Err` of the inner result: the draft is refused.
pub(super) fn amended(
    http: &Http,
    publisher: &str,
    line: &Line,
    named: &Amended,
) -> Result<Result<Hash, LineError>, Failure> {
    let found = match named {
        Amended::Line(_) => None,
        Amended::Reference(reference) => by_reference(http, publisher, line, reference)?,
        Amended::Index(index) => by_index(http, publisher, line, *index)?,
        Amended::Either(digits) => {
            let by_reference = by_reference(http, publisher, line, digits)?;
            let by_index = match digits.parse() {
                Ok(index) => by_index(http, publisher, line, index)?,
                Err(_) => None,
            };
            match (by_reference, by_index) {
                (Some(one), Some(other)) if one != other => {
                    return Ok(Err(LineError::Form {
                        pointer: Some("/amends".to_owned()),
                        said: said!(
                            "amends 所指 {digits:?} 既是一条记录的 ref，又是另一条的序号：请写 {{\"ref\":…}} 或 {{\"index\":…}}",
                            "`amends` names {digits:?}, which is the ref of one record and the index of another: write {{\"ref\":…}} or {{\"index\":…}}"
                        ),
                    }));
                }
                (by_reference, by_index) => by_reference.or(by_index),
            }
        }
    };
    Ok(found.ok_or_else(|| LineError::Amends(named.to_string())))
}

fn by_reference(
    http: &Http,
    publisher: &str,
    line: &Line,
    reference: &str,
) -> Result<Option<Hash>, Failure> {
    if let Some(id) = search_chain(http, publisher, line, reference)? {
        return Ok(Some(id));
    }
    // The list is made from an index behind the log: what it did not have yet is looked for once more.
    caught_up(|| answered::get(http, "readyz", ANSWER_BYTES_MAX))?;
    search_chain(http, publisher, line, reference)
}

fn search_chain(
    http: &Http,
    publisher: &str,
    line: &Line,
    reference: &str,
) -> Result<Option<Hash>, Failure> {
    let project = &line.project;
    let mut after = None::<u64>;
    loop {
        let mut name = format!("{}?limit={PAGE}", project_path(publisher, project));
        if let Some(after) = after {
            name += &format!("&after={after}");
        }
        let answer = answered::ask(http, &name, ANSWER_BYTES_MAX)?;
        if matches!(answer.status, 400 | 404) {
            return Ok(None);
        }
        let page = Answered::of(http, &name, &answer)?;
        for record in page.array("records")? {
            let statement = Statement::parse(page.str_in(record, "note")?.as_bytes()).ok();
            let is_it = |statement: &Statement| {
                is_ours(statement, publisher, project) && statement.reference() == Some(reference)
            };
            if let Some(statement) = statement.filter(is_it) {
                return Ok(Some(statement.id()));
            }
        }
        match page.after(after) {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}

fn by_index(
    http: &Http,
    publisher: &str,
    line: &Line,
    index: u64,
) -> Result<Option<Hash>, Failure> {
    let name = format!("api/v1/records/{index}");
    let answer = answered::ask(http, &name, ANSWER_BYTES_MAX)?;
    if answer.status == 404 {
        return Ok(None);
    }
    let told = Answered::of(http, &name, &answer)?;
    let statement = Statement::parse(told.str("note")?.as_bytes()).ok();
    let is_it = told.u64("index")? == index;
    let statement = statement.filter(|one| is_it && is_ours(one, publisher, &line.project));
    Ok(statement.map(|statement| statement.id()))
}

fn is_ours(statement: &Statement, publisher: &str, project: &str) -> bool {
    statement.publisher() == Some(publisher) && statement.project() == Some(project)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_but_commitments_is_compared() {
        #[track_caller]
        fn check(one: Value, other: Value, wanted: &[&str]) {
            let mut places = Vec::new();
            differences(&one, &other, "", &mut places);
            assert_eq!(places, wanted);
        }
        check(
            json!({"a": [1, {"b": "x"}]}),
            json!({"a": [1, {"b": "x"}]}),
            &[],
        );
        check(json!({"a": "1.00"}), json!({"a": "2.00"}), &["/a"]);
        check(json!({"a": 1}), json!({"b": 1}), &["/a", "/b"]);
        check(json!({"a": [1]}), json!({"a": [1, 2]}), &["/a"]);
        let secret = |salt: &str| json!({"m": {"commitment": salt, "class": "person"}});
        check(secret("aa"), secret("bb"), &[]);
        check(secret("aa"), json!({"m": "张示例"}), &["/m"]);
    }
}
