//! What was imported from OCDS, on its way back: the section that the importer kept in `details.extra`.
//!
//! The grammar of statements has no camel case and no fractions, so the importer writes names in snake case and fractions as strings.
//! Going back, a name gets the capitals that the standard gives it, and a number stands where the standard has one. What the importer
//! committed to (persons) is left out.

use serde_json::{Map, Number, Value};

use crate::trade::json::Value as Json;
use crate::trade::statement::Fields;

/// Names whose capitals are not at the beginnings of words only.
const NAMES: &[(&str, &str)] = &[
    ("award_id", "awardID"),
    ("contract_id", "contractID"),
    ("request_id", "requestID"),
    ("amends_release_id", "amendsReleaseID"),
    ("release_id", "releaseID"),
    ("project_id", "projectID"),
];

/// Members that are numbers in the standard.
const NUMBERS: &[&str] = &[
    "amount",
    "quantity",
    "maxExtentInDays",
    "durationInDays",
    "numberOfTenderers",
];

/// Adds section and rest of the source's release. `false` if there is neither.
pub(super) fn put(fields: &Fields<'_>, release: &mut Map<String, Value>) -> bool {
    let extra = fields.details().and_then(|details| details.get("extra"));
    let Some(section) = extra
        .and_then(|extra| extra.get("section"))
        .map(|s| back(s, ""))
    else {
        return false;
    };
    if let Some(Value::Object(rest)) = extra
        .and_then(|extra| extra.get("release"))
        .map(|r| back(r, ""))
    {
        for (name, value) in rest {
            if !matches!(
                name.as_str(),
                "id" | "ocid" | "date" | "tag" | "initiationType"
            ) {
                release.insert(name, value);
            }
        }
    }
    let kind = fields.kind().unwrap_or_default();
    let (name, value) = match kind {
        "plan_notice" => ("planning", section),
        "award_notice" | "award_change" => ("awards", Value::Array(vec![section])),
        "contract" | "contract_change" | "contract_termination" => {
            ("contracts", Value::Array(vec![section]))
        }
        "payment" | "performance_report" => ("contracts", implementation(section)),
        _ => ("tender", section),
    };
    release.insert(name.to_owned(), value);
    true
}

/// The importer took it out of its contract; OCDS wants it inside one.
fn implementation(section: Value) -> Value {
    let Value::Object(mut members) = section else {
        return Value::Array(Vec::new());
    };
    let id = members.shift_remove("contractID").unwrap_or(Value::Null);
    serde_json::json!([{ "id": id, "implementation": members }])
}

fn back(value: &Json<'_>, name: &str) -> Value {
    if value.get("commitment").is_some() {
        return Value::Null;
    }
    if let Some(members) = value.members() {
        let members = members.iter().filter_map(|(word, value)| {
            let name = camel(word);
            let value = back(value, &name);
            (!value.is_null()).then_some((name, value))
        });
        return Value::Object(members.collect());
    }
    if let Some(items) = value.items() {
        let items = items.iter().map(|item| back(item, name));
        return Value::Array(items.filter(|item| !item.is_null()).collect());
    }
    if let Some(text) = value.as_str() {
        let number = NUMBERS.contains(&name).then(|| number(text)).flatten();
        return number.map_or_else(|| text.into(), Value::Number);
    }
    if let Some(integer) = value.as_integer() {
        return integer.into();
    }
    value.as_bool().map_or(Value::Null, Value::Bool)
}

/// A decimal string as a JSON number. More than 15 digits are rounded, as OCDS readers do.
pub(super) fn number(text: &str) -> Option<Number> {
    text.parse::<i64>()
        .ok()
        .map(Number::from)
        .or_else(|| Number::from_f64(text.parse().ok()?))
}

fn camel(word: &str) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(snake, _)| *snake == word) {
        return (*name).to_owned();
    }
    let mut name = String::new();
    let mut upper = false;
    for c in word.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                name.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => name.push(c),
        }
    }
    name
}
