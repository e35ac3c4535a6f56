//! Values of others in the grammar of statements: names in snake case, fractions as strings, persons as commitments. Keeps what is needed to
//! write the source's own names and numbers again, and counts the facts.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::json::{Json, is_number as is_json_number};
use super::{Facts, Fault, fault, withheld};
use crate::export::ocds::imported::{camel, is_number};
use crate::trade::json::INTEGER_LIMIT;

/// What the parts of one statement's `details.extra` have in common.
#[derive(Default)]
pub(super) struct Plain {
    /// The word in the statement, by the name in the source.
    words: HashMap<String, String>,
    /// The name in the source, by its word.
    names: BTreeMap<String, String>,
    /// How many names have come to a word.
    same: HashMap<String, usize>,
    /// Where a string stands for a number, or a string was one, and the standard has it the other way round.
    numbers: Vec<String>,
    /// What was made so far.
    pub facts: Facts,
    /// What was withheld.
    pub remarks: Vec<Fault>,
}

impl Plain {
    pub fn make(&mut self, value: &Json, name: &str, pointer: &str) -> Value {
        match value {
            Json::Object(members) if !members.is_empty() => {
                let lower = name.to_ascii_lowercase();
                let contact = lower.contains("contact") && !lower.contains("contract")
                    || value["roles"].as_array().is_some_and(|roles| {
                        roles.iter().any(|role| role.as_str() == Some("contact"))
                    }) && value["identifier"]["id"].is_null();
                let mut made = Map::new();
                for (member, value) in &members.0 {
                    let private =
                        contact && matches!(member.as_str(), "name" | "givenName" | "familyName");
                    let word = self.word(member);
                    let pointer = format!("{pointer}/{word}");
                    let value = if private {
                        self.withhold(value, &pointer)
                    } else {
                        self.make(value, member, &pointer)
                    };
                    made.insert(word, value);
                }
                return Value::Object(made);
            }
            Json::List(items) if !items.is_empty() => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| {
                    let pointer = format!("{pointer}/{at}");
                    if name == "persons" {
                        self.withhold(item, &pointer)
                    } else {
                        self.make(item, name, &pointer)
                    }
                });
                return items.collect();
            }
            Json::Withheld(..) => return self.withhold(value, pointer),
            Json::Text(_) => {
                let lower = name.to_ascii_lowercase();
                let private = ["email", "telephone", "phone", "mobile", "fax"]
                    .iter()
                    .any(|word| lower.contains(word));
                if private {
                    return self.withhold(value, pointer);
                }
            }
            _ => {}
        }
        self.facts.extra += 1;
        self.leaf(value, name, pointer)
    }

    fn leaf(&mut self, value: &Json, name: &str, pointer: &str) -> Value {
        match value {
            Json::Null | Json::Withheld(..) => Value::Null,
            Json::Bool(truth) => (*truth).into(),
            Json::Number(digits) => {
                if let Some(integer) = integer(digits) {
                    return integer.into();
                }
                if !is_number(name) {
                    self.numbers.push(pointer.to_owned());
                }
                digits.as_str().into()
            }
            Json::Text(text) => {
                if is_number(name) && is_json_number(text) {
                    self.numbers.push(pointer.to_owned());
                }
                text.as_str().into()
            }
            Json::List(_) => Value::Array(Vec::new()),
            Json::Object(_) => Value::Object(Map::new()),
        }
    }

    /// What says nothing hides nothing.
    fn withhold(&mut self, value: &Json, pointer: &str) -> Value {
        let shown = match value {
            Json::Withheld(text, _) => text.clone(),
            _ => value.shown(),
        };
        if value.is_null() || shown.trim().is_empty() {
            self.facts.extra += 1;
            return self.leaf(value, "", pointer);
        }
        self.facts.withheld += value.facts();
        self.remarks.push(fault(
            format!("/details/extra{pointer} 涉及自然人，只发布承诺值"),
            format!(
                "/details/extra{pointer} is of a natural person: only a commitment is published"
            ),
        ));
        withheld(&shown)
    }

    /// One word a name: two names that come to the same word would not be told apart on the way back.
    fn word(&mut self, name: &str) -> String {
        if let Some(word) = self.words.get(name) {
            return word.clone();
        }
        let plain = snake(name);
        let mut word = plain.clone();
        let same = self.same.entry(plain.clone()).or_insert(1);
        while self.names.contains_key(&word) {
            *same += 1;
            word = format!("{plain}_{same}");
        }
        self.names.insert(word.clone(), name.to_owned());
        self.words.insert(name.to_owned(), word.clone());
        word
    }

    /// What the rules of the way back do not give.
    pub fn put(self, extra: &mut Map<String, Value>) {
        let names: Map<String, Value> = self
            .names
            .into_iter()
            .filter(|(word, name)| camel(word) != *name)
            .map(|(word, name)| (word, name.into()))
            .collect();
        if !names.is_empty() {
            extra.insert("names".to_owned(), names.into());
        }
        if !self.numbers.is_empty() {
            extra.insert("numbers".to_owned(), self.numbers.into());
        }
    }
}

/// An integer of the grammar of statements, written as it would be there.
fn integer(digits: &str) -> Option<i64> {
    let read: i64 = digits.parse().ok()?;
    let is_in = -INTEGER_LIMIT < read && read < INTEGER_LIMIT;
    (is_in && read.to_string() == digits).then_some(read)
}

fn snake(name: &str) -> String {
    let mut word = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            word.push('_');
        }
        word.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
        before = c;
    }
    if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
        word.insert_str(0, "x_");
    }
    // An object with this member would be read as a commitment.
    if word == "commitment" {
        "commitment_text".to_owned()
    } else {
        word
    }
}
