//! A notice while its draft is made: what is read is taken out of it, and what is left is kept as it stands.

use serde_json::{Value, json};

use super::json::{Json, Members};
use super::{Facts, Fault, Made, fault};

/// A notice of which what was read is taken away: what is left at the end is kept as it stands.
pub(super) struct Source {
    pub json: Json,
    facts: usize,
    /// What could not be read as what it should be, and other things to tell.
    pub remarks: Vec<Fault>,
    /// Facts that stand in the statement as placeholders.
    pub withheld: usize,
    /// Facts that were taken and stand in `details.extra` all the same.
    pub extra: usize,
    /// Facts that were taken for the text.
    pub moved: usize,
    /// Facts that the notice says twice.
    pub repeated: usize,
}

impl Source {
    pub fn new(json: Json) -> Source {
        let facts = json.facts();
        Source {
            json,
            facts,
            remarks: Vec::new(),
            withheld: 0,
            extra: 0,
            moved: 0,
            repeated: 0,
        }
    }

    fn part(&mut self, path: &[&str]) -> Option<&mut Json> {
        let mut part = &mut self.json;
        for name in path {
            let Json::Object(members) = part else {
                return None;
            };
            part = members
                .0
                .iter_mut()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value)?;
        }
        Some(part)
    }

    /// Whether a member is there, whatever it is.
    pub fn has(&self, path: &[&str]) -> bool {
        path.iter()
            .try_fold(&self.json, |part, name| part.get(name))
            .is_some()
    }

    /// A text that says something, without taking it.
    pub fn look(&self, path: &[&str]) -> Option<&str> {
        let part = path
            .iter()
            .try_fold(&self.json, |part, name| part.get(name))?;
        part.as_str()
            .filter(|text| !super::amounts::says_nothing(text))
    }

    /// Takes a text that says something.
    pub fn take(&mut self, path: &[&str]) -> Option<String> {
        self.look(path)?;
        self.remove(path)?.as_str().map(str::to_owned)
    }

    /// Takes a list.
    pub fn take_list(&mut self, path: &[&str]) -> Option<Vec<Json>> {
        let part = self.part(path)?;
        if !matches!(part, Json::List(items) if !items.is_empty()) {
            return None;
        }
        match self.remove(path)? {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn remove(&mut self, path: &[&str]) -> Option<Json> {
        let (last, around) = path.split_last()?;
        let Json::Object(members) = self.part(around)? else {
            return None;
        };
        let removed = members.remove(last);
        // What lost all its members is no empty object of the source.
        if removed.is_some() && members.is_empty() && !around.is_empty() {
            self.remove(around);
        }
        removed
    }

    /// Puts back what was taken and not used.
    pub fn put_back(&mut self, path: &[&str], value: Json) {
        let [around, last] = path else { return };
        match self.part(&[*around]) {
            Some(Json::Object(members)) => members.push(last, value),
            _ => {
                let mut made = Members::default();
                made.push(last, value);
                if let Json::Object(members) = &mut self.json {
                    members.push(around, made.into());
                }
            }
        }
    }

    pub fn remark(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.remarks.push(fault(zh, en));
    }

    /// The draft with what is left.
    pub fn made(self, mut draft: Value) -> Made {
        let mut left = Vec::new();
        flatten(&self.json, "", &mut left);
        let elsewhere = left.len() + self.extra + self.moved + self.withheld + self.repeated;
        let facts = Facts {
            fields: self.facts - elsewhere,
            extra: left.len() + self.extra,
            documents: self.moved,
            withheld: self.withheld,
        };
        let mut parts = Vec::new();
        if let Some(details) = draft["details"].as_object_mut()
            && !left.is_empty()
        {
            parts.push(("fields", left.len()));
            let extra = details.entry("extra").or_insert_with(|| json!({}));
            extra["fields"] = left.into();
        }
        let mut made = Made::from(draft);
        (made.facts, made.parts, made.remarks) = (facts, parts, self.remarks);
        made
    }
}

/// What is left of a notice, a fact an item, each with the path of its names.
fn flatten(value: &Json, path: &str, left: &mut Vec<Value>) {
    let inner = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}/{name}")
        }
    };
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in &members.0 {
                flatten(value, &inner(name), left);
            }
        }
        Json::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                flatten(item, &inner(&at.to_string()), left);
            }
        }
        _ => {
            let value = match value {
                Json::Null => Value::Null,
                Json::Bool(truth) => (*truth).into(),
                Json::List(_) => json!([]),
                Json::Object(_) => json!({}),
                other => other.shown().into(),
            };
            left.push(json!({ "name": path, "value": value }));
        }
    }
}
