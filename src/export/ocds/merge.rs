//! The merge routine of OCDS 1.1.5: what a list of releases comes to, as ocdsmerge's `create_compiled_release` makes it.
//!
//! A later value takes an earlier one's place; null removes; an array of objects with `id` is merged by `id`; any other array is
//! replaced whole (an empty one says nothing), and so are the lists that the schema marks `wholeListMerge`.

use serde_json::{Map, Value, json};

/// Lists that are taken whole although their items have ids (`wholeListMerge` in release-schema 1.1.5 and the extensions).
const WHOLE_LISTS: &[&str] = &[
    "additionalIdentifiers",
    "additionalClassifications",
    // Of the extensions.
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
        Value::Null => {
            into.shift_remove(name);
        }
        Value::Object(members) => {
            let there = into.entry(name.to_owned()).or_insert_with(|| json!({}));
            if !there.is_object() {
                *there = json!({});
            }
            let there = there.as_object_mut().expect("made an object above");
            for (name, value) in members {
                put(there, name, value);
            }
            // Nothing but nulls: ocdsmerge has no such member.
            if there.is_empty() {
                into.shift_remove(name);
            }
        }
        // Says nothing, rather than that there are none any more.
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) if merges_by_id(name, items) => {
            let there = into.entry(name.to_owned()).or_insert_with(|| json!([]));
            if !there.is_array() {
                *there = json!([]);
            }
            let there = there.as_array_mut().expect("made an array above");
            for item in items {
                put_item(there, item);
            }
        }
        _ => {
            into.insert(name.to_owned(), value.clone());
        }
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
