//! The versioned release of OCDS 1.1.5: every value that a field ever had, with the release that brought it, as ocdsmerge's
//! `create_versioned_release` makes it.
//!
//! A value that did not change is not repeated; null is a value here, as it says that a field was taken away; ids of items of a list and
//! the ocid have no history.

use serde_json::{Map, Value, json};

use super::merge::{in_order, merges_by_id};

/// The versioned release; `None` of no releases. They are taken in the order of their dates, equal ones as given.
#[must_use]
pub fn versioned(releases: &[Value]) -> Option<Value> {
    let mut history = Map::new();
    let ordered = in_order(releases);
    let ocid = ordered.last()?["ocid"].clone();
    history.insert("ocid".to_owned(), ocid);
    for release in ordered {
        let brought = Brought {
            id: &release["id"],
            date: &release["date"],
            tag: &release["tag"],
        };
        let members = release.as_object().into_iter().flatten();
        for (name, value) in
            members.filter(|(name, _)| !matches!(name.as_str(), "ocid" | "tag" | "id" | "date"))
        {
            brought.put(&mut history, name, value);
        }
    }
    Some(Value::Object(history))
}

/// By which release a value comes.
struct Brought<'r> {
    id: &'r Value,
    date: &'r Value,
    tag: &'r Value,
}

impl Brought<'_> {
    fn put(&self, into: &mut Map<String, Value>, name: &str, value: &Value) {
        match value {
            Value::Object(members) if members.is_empty() => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(members) => {
                let there = into.entry(name.to_owned()).or_insert_with(|| json!({}));
                let Some(there) = there.as_object_mut() else {
                    return;
                };
                for (name, value) in members {
                    self.put(there, name, value);
                }
            }
            Value::Array(items) if merges_by_id(name, items) => {
                let there = into.entry(name.to_owned()).or_insert_with(|| json!([]));
                let Some(there) = there.as_array_mut() else {
                    return;
                };
                for item in items {
                    self.put_item(there, item);
                }
            }
            _ => {
                let there = into.entry(name.to_owned()).or_insert_with(|| json!([]));
                let Some(there) = there.as_array_mut() else {
                    return;
                };
                if there.last().is_none_or(|last| last["value"] != *value) {
                    there.push(json!({
                        "releaseID": self.id,
                        "releaseDate": self.date,
                        "releaseTag": self.tag,
                        "value": value,
                    }));
                }
            }
        }
    }

    fn put_item(&self, list: &mut Vec<Value>, item: &Value) {
        let id = &item["id"];
        let known = (!id.is_null())
            .then(|| list.iter().position(|there| there["id"] == *id))
            .flatten();
        let at = known.unwrap_or_else(|| {
            list.push(if id.is_null() {
                json!({})
            } else {
                json!({ "id": id })
            });
            list.len() - 1
        });
        let there = list[at].as_object_mut().expect("items are objects");
        for (name, value) in item.as_object().into_iter().flatten() {
            if name != "id" {
                self.put(there, name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_a_field_had_stands_with_its_release() {
        let release = |n: u32, amount: u32, title: Value| {
            json!({"ocid": "o", "id": format!("r{n}"), "date": format!("{n}"), "tag": ["tender"],
                "tender": {"id": "t", "title": title, "items": [{"id": "1", "quantity": amount}]},
                "awards": []})
        };
        let of = |n: u32, value: Value| json!({"releaseID": format!("r{n}"), "releaseDate": format!("{n}"), "releaseTag": ["tender"], "value": value});
        let made = versioned(&[
            release(2, 5, Value::Null),
            release(1, 5, json!("甲")),
            release(3, 6, Value::Null),
        ]);
        assert_eq!(
            made.unwrap(),
            json!({"ocid": "o", "tender": {
                "id": [of(1, json!("t"))],
                "title": [of(1, json!("甲")), of(2, Value::Null)],
                "items": [{"id": "1", "quantity": [of(1, json!(5)), of(3, json!(6))]}],
            }})
        );
        assert_eq!(versioned(&[]), None);
    }
}
