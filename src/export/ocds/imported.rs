//! What was imported from OCDS, on its way back: the section that the importer kept in `details.extra`.
//!
//! The grammar of statements has no camel case and no fractions, so the importer writes names in snake case and fractions as strings.
//! Going back, a name gets the capitals that the standard gives it, and a number stands where the standard has one; where the source had it
//! otherwise, `names` and `numbers` beside the section say so. What the importer committed to (persons) is left out.

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
    let Some(extra) = fields.details().and_then(|details| details.get("extra")) else {
        return false;
    };
    let back = Back {
        names: extra.get("names"),
        numbers: extra
            .get("numbers")
            .and_then(Json::items)
            .unwrap_or_default(),
    };
    let part = |name: &str| back.make(extra.get(name)?, "", &format!("/{name}"));
    let Some(section) = part("section") else {
        return false;
    };
    if let Some(Value::Object(rest)) = part("release") {
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
    let mut contract = Map::new();
    for (name, from) in [("id", "contractID"), ("awardID", "awardID")] {
        if let Some(value) = members.shift_remove(from) {
            contract.insert(name.to_owned(), value);
        }
    }
    contract.insert("implementation".to_owned(), members.into());
    Value::Array(vec![contract.into()])
}

/// What the source had otherwise than the standard has it.
struct Back<'b> {
    names: Option<&'b Json<'b>>,
    numbers: &'b [Json<'b>],
}

impl Back<'_> {
    /// `None` for what is withheld.
    fn make(&self, value: &Json<'_>, name: &str, pointer: &str) -> Option<Value> {
        if value.get("commitment").is_some() {
            return None;
        }
        if let Some(members) = value.members() {
            let members = members.iter().filter_map(|(word, value)| {
                let named = self.names.and_then(|names| names.get(word)?.as_str());
                let name = named.map_or_else(|| camel(word), str::to_owned);
                let value = self.make(value, &name, &format!("{pointer}/{word}"))?;
                Some((name, value))
            });
            return Some(Value::Object(members.collect()));
        }
        if let Some(items) = value.items() {
            let items = items.iter().enumerate();
            let items =
                items.filter_map(|(at, item)| self.make(item, name, &format!("{pointer}/{at}")));
            return Some(Value::Array(items.collect()));
        }
        if let Some(text) = value.as_str() {
            let otherwise = self
                .numbers
                .iter()
                .any(|there| there.as_str() == Some(pointer));
            let number = (is_number(name) != otherwise)
                .then(|| number(text))
                .flatten();
            return Some(number.unwrap_or_else(|| text.into()));
        }
        if let Some(integer) = value.as_integer() {
            return Some(integer.into());
        }
        Some(value.as_bool().map_or(Value::Null, Value::Bool))
    }
}

/// Whether the standard has a number where something has this name.
#[must_use]
pub fn is_number(name: &str) -> bool {
    NUMBERS.contains(&name)
}

/// Begins a text that stands for a number which no [`Number`] holds; no statement has U+0000, so no text of one begins so.
const DIGITS: &str = "\u{0}#";

/// A decimal string as a JSON number, all digits kept: one that a double would round or write in another way waits for [`exact`].
pub(super) fn number(text: &str) -> Option<Value> {
    if !is_json_number(text) {
        return None;
    }
    let plain = text.parse::<i64>().ok().map(Number::from);
    let plain = plain.or_else(|| Number::from_f64(text.parse().ok()?));
    let plain = plain.filter(|number| number.to_string() == text);
    Some(plain.map_or_else(|| format!("{DIGITS}{text}").into(), Value::Number))
}

/// JSON text in which [`number`] has numbers as texts, with their digits.
#[must_use]
pub fn exact(json: &str) -> String {
    let mut made = String::with_capacity(json.len());
    let mut parts = json.split("\"\\u0000#");
    made.push_str(parts.next().unwrap_or_default());
    for part in parts {
        match part
            .split_once('"')
            .filter(|(digits, _)| is_json_number(digits))
        {
            Some((digits, rest)) => {
                made.push_str(digits);
                made.push_str(rest);
            }
            // Not ours: it stays what it was.
            None => {
                made.push_str("\"\\u0000#");
                made.push_str(part);
            }
        }
    }
    made
}

/// A number by the grammar of RFC 8259.
#[must_use]
pub fn is_json_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|given| digits(given.strip_prefix(['+', '-']).unwrap_or(given)))
}

/// The name in the standard of a word in a statement.
#[must_use]
pub fn camel(word: &str) -> String {
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
