//! What the ledger's door would refuse of a draft for what it shows of people is taken out of it here, by the door's own rules: a guess of
//! the recogniser costs no notice its place in the log, and what it is right about never gets there.
//!
//! | the door finds | becomes |
//! | --- | --- |
//! | a party that may be a natural person | a commitment; other texts that have the name go the second way |
//! | a text with a name, telephone, e-mail, number of papers, or one in the place of a name | an item of `texts.json`, a document, by its pointer |
//! | the same in the title | that, and the first code in its place |

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Made, fault, withheld};
use crate::tlog::merkle::Hash;
use crate::trade::door;
use crate::trade::persons;
use crate::trade::statement::Statement;

/// What is mended may show what was hidden by it before; no draft needs more.
const ROUNDS_MAX: usize = 4;
/// Whom nobody is, for a statement that is judged and not kept.
const NOBODY: &str = "import.example";

/// Where the door would refuse a draft that says it is posted now, and by which code.
fn refused(draft: &Value) -> Vec<(String, &'static str)> {
    let mut whole = draft.clone();
    for (name, value) in [
        ("ledger", NOBODY.into()),
        ("publisher", NOBODY.into()),
        ("follows", Value::Null),
    ] {
        whole[name] = value;
    }
    commit(&mut whole, &mut 0);
    // The signature of nobody: the door does not look at it.
    let note = format!("{whole}\n\n\u{2014} {NOBODY} {}=\n", "A".repeat(91));
    let Ok(statement) = Statement::from_bytes(Bytes::from(note)) else {
        return Vec::new();
    };
    door::check(&statement)
        .into_iter()
        .filter(|problem| {
            door::is_secrecy(problem.code)
                || matches!(problem.code, "citizen_number" | "control_character")
                    && problem.severity == door::Severity::Error
        })
        .map(|problem| (problem.pointer, problem.code))
        .collect()
}

/// Placeholders as they will be.
fn commit(value: &mut Value, count: &mut usize) {
    match value {
        Value::Object(members) if members.contains_key("$commit") => {
            *count += 1;
            let digest = Hash::sha256(count.to_string().as_bytes()).to_string();
            *value = json!({ "commitment": digest, "class": members["$commit"]["class"] });
        }
        Value::Object(members) => members.values_mut().for_each(|value| commit(value, count)),
        Value::Array(items) => items.iter_mut().for_each(|item| commit(item, count)),
        _ => {}
    }
}

/// Whether a code says that a party is a person.
fn is_of_party(code: &str) -> bool {
    matches!(code, "party_may_be_person" | "party_is_person")
}

impl Made {
    /// Names of parties that the door would refuse in the clear.
    pub(super) fn doubted(&self) -> Vec<String> {
        // What makes a statement too long stands in `extra`, and no party.
        let mut draft = self.draft.clone();
        if let Some(details) = draft["details"].as_object_mut() {
            details.shift_remove("extra");
        }
        let doubted = refused(&draft).into_iter();
        let doubted = doubted.filter(|(_, code)| is_of_party(code));
        doubted
            .filter_map(|(pointer, _)| self.draft.pointer(&pointer)?.as_str().map(str::to_owned))
            .collect()
    }

    /// Takes out what the door would refuse.
    pub(super) fn settle(&mut self) {
        let mut texts = Map::new();
        for _ in 0..ROUNDS_MAX {
            let refused = refused(&self.draft);
            if refused.is_empty() {
                break;
            }
            for (pointer, code) in refused {
                if is_of_party(code) {
                    self.commit_party(&pointer, &mut texts);
                } else {
                    self.move_text(&pointer, &mut texts);
                }
            }
            if let Some(fields) = self.draft.pointer_mut("/details/extra/fields")
                && let Some(fields) = fields.as_array_mut()
            {
                fields.retain(|field| !field.is_null());
            }
        }
        if !texts.is_empty() {
            self.attach(
                "texts.json",
                "application/json",
                Value::Object(texts).to_string().into_bytes(),
            );
        }
    }

    fn commit_party(&mut self, pointer: &str, texts: &mut Map<String, Value>) {
        let Some(party) = pointer.strip_suffix("/name") else {
            return;
        };
        let mut name = None;
        for member in ["name", "uscc"] {
            let place = format!("{party}/{member}");
            let Some(value) = self.draft.pointer_mut(&place) else {
                continue;
            };
            let Some(text) = value.as_str().map(str::to_owned) else {
                continue;
            };
            *value = withheld(&text);
            if self.facts.fields > 0 {
                self.facts.fields -= 1;
                self.facts.withheld += 1;
            }
            if member == "name" {
                name = Some(text);
            }
            self.remarks.push(fault(
                format!("{place} 可能是自然人，只发布承诺值"),
                format!("{place} may be a natural person: only a commitment is published"),
            ));
        }
        if let Some(name) = name {
            let mut places = Vec::new();
            naming(&self.draft, &name, "", &mut places);
            for place in places {
                self.move_text(&place, texts);
            }
        }
    }

    fn move_text(&mut self, pointer: &str, texts: &mut Map<String, Value>) {
        let Some(value) = self
            .draft
            .pointer(pointer)
            .filter(|value| value.is_string())
        else {
            return;
        };
        let value = value.clone();
        if pointer == "/title" {
            let code = self.draft["codes"][0]["value"].clone();
            let instead = if code.is_string() && code != value {
                code
            } else {
                self.draft["project"].clone()
            };
            self.draft["title"] = instead;
        } else if pointer.starts_with("/details/") {
            let (around, last) = pointer.rsplit_once('/').unwrap_or_default();
            match self.draft.pointer_mut(around) {
                // A fact of a notice is a name and a value.
                Some(item) if around.starts_with("/details/extra/fields/") => *item = Value::Null,
                Some(Value::Object(members)) => {
                    members.shift_remove(last);
                }
                Some(Value::Array(items)) => {
                    if let Some(item) = last.parse().ok().and_then(|at: usize| items.get_mut(at)) {
                        *item = Value::Null;
                    }
                }
                _ => return,
            }
        } else {
            return;
        }
        self.count_moved(pointer);
        self.remarks.push(fault(
            format!("{pointer} 涉及自然人或不是一行文字，移入文件 texts.json"),
            format!(
                "{pointer} is of natural persons or no line of text, and is in document texts.json"
            ),
        ));
        texts.insert(pointer.to_owned(), value);
    }

    /// One fact went from where `pointer` is into a document. What a statement has twice was counted once.
    fn count_moved(&mut self, pointer: &str) {
        let facts = &mut self.facts;
        let from = match pointer.strip_prefix("/details/extra/") {
            None => &mut facts.fields,
            Some(inside) => {
                let part = inside.split('/').next().unwrap_or_default();
                if inside != part {
                    let counted = self.parts.iter_mut().find(|(name, _)| *name == part);
                    let Some((_, count)) = counted.filter(|(_, count)| *count > 0) else {
                        return;
                    };
                    *count -= 1;
                }
                &mut facts.extra
            }
        };
        if *from > 0 {
            *from -= 1;
            facts.documents += 1;
        }
    }
}

/// Where texts have `name`.
fn naming(value: &Value, name: &str, pointer: &str, places: &mut Vec<String>) {
    match value {
        Value::String(text) if !persons::places_of(name, text).is_empty() => {
            places.push(pointer.to_owned());
        }
        Value::Object(members) if !members.contains_key("$commit") => {
            for (member, value) in members {
                naming(value, name, &format!("{pointer}/{member}"), places);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                naming(item, name, &format!("{pointer}/{at}"), places);
            }
        }
        _ => {}
    }
}
