//! The merge routine of OCDS 1.1.5: what a list of releases comes to, as ocdsmerge's `create_compiled_release` makes it.
//!
//! A later value takes an earlier one's place; null removes; an array of objects with `id` is merged by `id`; any other array is
//! replaced whole (an empty one says nothing), and so are the lists that the schema marks `wholeListMerge`.

use serde_json::{Map, Value, json};

/// Lists that are taken whole although their items have ids (`wholeListMerge` in release-schema 1.1.5 and the extensions).
const WHOLE_LISTS: &[&str] = &[
    "additionalIdentifiers",
    "additionalClassifications",
    // These two are named by extensions of OCDS, not by its schema.
    "rationaleClassifications",
    "identifiers",
];

/// The compiled release; `None` of no releases. They are merged in the order of their dates, equal ones as given.
#[must_use]
pub fn compile(releases: &[Value]) -> Option<Value> {
    let ordered = in_order(releases);
    let last = ordered.last()?;
    let (ocid, date) = (last["ocid"].as_str()?, last["date"].as_str()?);
    let mut compiled = Map::new();
    compiled.insert("tag".to_owned(), json!(["compiled"]));
    compiled.insert("id".to_owned(), json!(format!("{ocid}-{date}")));
    compiled.insert("date".to_owned(), json!(date));
    for release in ordered {
        let members = release.as_object().into_iter().flatten();
        for (name, value) in
            members.filter(|(name, _)| !matches!(name.as_str(), "tag" | "id" | "date"))
        {
            put(&mut compiled, name, value);
        }
    }
    Some(Value::Object(compiled))
}

/// By date, equal ones as given.
pub(super) fn in_order(releases: &[Value]) -> Vec<&Value> {
    let mut ordered: Vec<&Value> = releases.iter().collect();
    ordered.sort_by_key(|release| release["date"].as_str().unwrap_or_default());
    ordered
}

fn put(into: &mut Map<String, Value>, name: &str, value: &Value) {
    match value {
        // Removes a value, not what objects and lists of objects are made of: ocdsmerge removes by whole paths.
        Value::Null => {
            let stands = match into.get(name) {
                Some(Value::Object(_)) => true,
                Some(Value::Array(items)) => merges_by_id(name, items),
                _ => false,
            };
            if !stands {
                into.shift_remove(name);
            }
        }
        // An empty list says nothing, rather than that there are none any more.
        Value::Object(_) | Value::Array(_) if !says(value) => {}
        Value::Object(members) => {
            let there = into.entry(name.to_owned()).or_insert_with(|| json!({}));
            if !there.is_object() {
                *there = json!({});
            }
            let there = there.as_object_mut().expect("made an object above");
            for (name, value) in members {
                put(there, name, value);
            }
        }
        Value::Array(items) if merges_by_id(name, items) => {
            let there = into.entry(name.to_owned()).or_insert_with(|| json!([]));
            if !there.is_array() {
                *there = json!([]);
            }
            let there = there.as_array_mut().expect("made an array above");
            for item in items.iter().filter(|item| says(item)) {
                put_item(there, item);
            }
        }
        _ => {
            into.insert(name.to_owned(), value.clone());
        }
    }
}

/// Whether anything is left of a value when it is taken apart into paths and single values: a null is a value, an empty object is none.
fn says(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().any(says),
        Value::Array(items) => items.iter().any(|item| !item.is_object()) || items.iter().any(says),
        _ => true,
    }
}

pub(super) fn merges_by_id(name: &str, items: &[Value]) -> bool {
    !WHOLE_LISTS.contains(&name) && items.iter().all(Value::is_object)
}

fn put_item(list: &mut Vec<Value>, item: &Value) {
    let id = &item["id"];
    let known = (!id.is_null())
        .then(|| list.iter().position(|there| there["id"] == *id))
        .flatten();
    let at = known.unwrap_or_else(|| {
        list.push(json!({}));
        list.len() - 1
    });
    let there = list[at].as_object_mut().expect("items are objects");
    for (name, value) in item.as_object().into_iter().flatten() {
        put(there, name, value);
    }
}
