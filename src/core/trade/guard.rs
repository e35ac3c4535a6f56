//! What of a plain draft belongs into commitments, by the vocabulary: a clerk writes names and texts as they are, and nothing that may
//! not stand in an entry for ever gets there.
//!
//! | what is found | becomes | its opening |
//! | --- | --- | --- |
//! | a field of class `person` | a commitment, one a name | shown: the law that asks for the field wants the name |
//! | a field of class `privacy` or `trade_secret` | a commitment, field by field | stays with the centre |
//! | a field of class `withheld` | one commitment (`not_yet`), so that not even the number of items shows; persons one a name | stays |
//! | a party whose social credit code begins with 92 | its name and code, commitments of class `person` | shown |
//! | a party without a code, where persons take part or its name looks like one | its name | shown |
//! | a title that holds what was committed | the name replaced; the whole title goes to `details.full_title` as a commitment | as the name |
//!
//! Promises: pure; marks what the door (`door/details.rs`) would warn of and nothing else, so that after it the door is silent; what
//! is a commitment already, or marked by hand, stays. Draws no salts: it leaves `{"$commit":{"class","value","shown"}}`, which the
//! client replaces when it signs. Does not find a name in free text that no field of the same statement names.

use crate::lang::Bilingual;
use serde_json::{Value, json};

use super::identifiers::uscc_is_valid;
use super::persons::{self, Day, Named};
use super::vocabulary::by_name::{class_by_name, may_name_person};
use super::vocabulary::{Class, Field, Kind, Type, Vocabulary};

/// The member of `details` that holds the whole title, if the header's had to leave something out.
pub(crate) const FULL_TITLE: &str = "full_title";

/// Something that was made into a commitment, or that no commitment can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it stands.
    pub pointer: String,
    /// The warning that the door would have given; `--accept` with it leaves the value as it is.
    pub code: &'static str,
    /// Whether its opening is shown beside the record.
    pub shown: bool,
}

/// Why a draft cannot be made safe by commitments. For the clerk, who changes the draft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// A value that would be shown holds a citizen's number.
    #[error(
        "{pointer} holds a valid citizen's identity number, which may not be shown beside the record either; leave it out, or say \"shown\":false"
    )]
    CitizenNumber {
        /// Where.
        pointer: String,
    },
    /// What is committed at one place stands in the clear at another.
    #[error(
        "{pointer} holds in the clear what is committed at {committed}; leave it out there, or accept {LEAK}"
    )]
    Leak {
        /// Where it stands in the clear.
        pointer: String,
        /// Where it is committed.
        committed: String,
    },
}

/// The code by which a clerk accepts [`GuardError::Leak`].
pub const LEAK: &str = "committed_in_clear";

impl Bilingual for GuardError {
    fn zh(&self) -> String {
        match self {
            GuardError::CitizenNumber { pointer } => format!(
                "{pointer} 含有有效的公民身份号码，也不得随记录展示；请删去，或写明 \"shown\":false"
            ),
            GuardError::Leak { pointer, committed } => format!(
                "{committed} 处已改为承诺值的内容又以明文出现在 {pointer}；请在该处删去，或用 --accept {LEAK} 确认"
            ),
        }
    }
}

/// Marks what belongs into commitments. `accepted` says which warnings the clerk takes upon himself.
///
/// ```
/// use mingzhang_core::trade::{guard, vocabulary::Vocabulary};
/// let mut draft = serde_json::json!({
///     "kind": "award_notice", "category": "forest-right", "title": "示例林地成交公示",
///     "details": {"winner": {"name": "张示例"}, "price": {"form": "amount", "amount": "1.00", "currency": "CNY"}},
/// });
/// let marks = guard::mark(&mut draft, Vocabulary::builtin(), &|_| false).unwrap();
/// assert_eq!((marks[0].pointer.as_str(), marks[0].shown), ("/details/winner/name", true));
/// assert_eq!(draft["details"]["winner"]["name"]["$commit"]["value"], "张示例");
/// ```
///
/// # Errors
/// [`GuardError`], and then the draft is not to be posted as it is.
pub fn mark(
    draft: &mut Value,
    words: &Vocabulary,
    accepted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Mark>, GuardError> {
    let word = |name: &str| draft.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = word("kind").and_then(|id| words.kind(&id).cloned());
    let issued = word("issued").and_then(|time| Day::of(&time));
    let natural_persons = word("category")
        .and_then(|id| words.category(&id).map(|category| category.natural_persons))
        .unwrap_or(false);
    let mut guard = Guard {
        words,
        accepted,
        natural_persons,
        kind_is_known: kind.is_some(),
        marks: Vec::new(),
    };
    if let Some(details) = draft.get_mut("details") {
        guard.details(kind.as_ref(), details);
    }
    let mut marks = guard.marks;
    let committed = committed(draft);
    shorten_title(draft, &committed, accepted, &mut marks);
    for one in &committed {
        if one.shown && persons::holds_citizen_number(&one.value, issued) {
            let pointer = one.pointer.clone();
            return Err(GuardError::CitizenNumber { pointer });
        }
    }
    if !accepted(LEAK) {
        refuse_leaks(draft, &committed, accepted("title_names_person"))?;
    }
    Ok(marks)
}

struct Guard<'g> {
    words: &'g Vocabulary,
    accepted: &'g dyn Fn(&str) -> bool,
    natural_persons: bool,
    kind_is_known: bool,
    marks: Vec<Mark>,
}

/// How a value is committed.
#[derive(Clone, Copy)]
struct How {
    code: &'static str,
    class: &'static str,
    shown: bool,
}

const PERSON: How = How {
    code: "person_in_clear",
    class: "person",
    shown: true,
};

/// How what is of this class is committed; `None`: it is public.
fn how(class: Class) -> Option<How> {
    let (code, class) = match class {
        Class::Public => return None,
        Class::Person => return Some(PERSON),
        Class::Privacy => ("privacy_in_clear", "privacy"),
        Class::TradeSecret => ("trade_secret_in_clear", "trade_secret"),
        Class::Withheld => ("withheld_in_clear", "not_yet"),
    };
    let shown = false;
    Some(How { code, class, shown })
}

impl Guard<'_> {
    /// Of an unknown kind, what is known of a field is what its name says.
    fn details(&mut self, kind: Option<&Kind>, details: &mut Value) {
        let of_kind = kind.into_iter().flat_map(|kind| &kind.fields);
        let common = self.words.common.iter().filter(|_| kind.is_some());
        let fields: Vec<&Field> = of_kind.chain(common).collect();
        self.members(&fields, details, "/details");
    }

    fn members(&mut self, fields: &[&Field], value: &mut Value, pointer: &str) {
        let Some(members) = value.as_object_mut() else {
            return;
        };
        for (name, value) in members {
            let pointer = format!("{pointer}/{name}");
            match fields.iter().find(|field| field.name == *name) {
                Some(field) => self.field(field, value, &pointer),
                None => self.by_name(name, value, &pointer),
            }
        }
    }

    /// The same question as the door's of a field that the kind does not have.
    fn by_name(&mut self, name: &str, value: &mut Value, pointer: &str) {
        if is_committed(value) {
            return;
        }
        let class = class_by_name(self.words, name, pointer, self.kind_is_known);
        let says_person = may_name_person(name, pointer);
        if let Some(how) = how(class) {
            if !(self.accepted)(how.code) {
                self.by_field(how, value, pointer);
            }
            return;
        }
        match value {
            Value::String(text)
                if says_person && persons::is_name(text) && !(self.accepted)(PERSON.code) =>
            {
                // No law is known to ask for it.
                let shown = false;
                self.whole(How { shown, ..PERSON }, value, pointer);
            }
            Value::Object(members) => {
                if members.get("name").is_some_and(Value::is_string) && !self.kind_is_known {
                    self.party(value, pointer);
                }
                let Some(members) = value.as_object_mut() else {
                    return;
                };
                for (name, value) in members {
                    self.by_name(name, value, &format!("{pointer}/{name}"));
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.by_name(name, item, &format!("{pointer}/{i}"));
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, field: &Field, value: &mut Value, pointer: &str) {
        let Some(how) = how(field.class) else {
            return self.value(&field.kind, value, pointer);
        };
        if (self.accepted)(how.code) {
            return self.value(&field.kind, value, pointer);
        }
        if field.class == Class::Withheld && !is_list_of_persons(&field.kind) {
            return self.whole(how, value, pointer);
        }
        // A committee is of persons, whatever else it is.
        let class = if is_list_of_persons(&field.kind) {
            "person"
        } else {
            how.class
        };
        self.by_field(How { class, ..how }, value, pointer);
    }

    /// What is public itself may hold what is not.
    fn value(&mut self, kind: &Type, value: &mut Value, pointer: &str) {
        if is_committed(value) {
            return;
        }
        match kind {
            Type::List(of) => {
                for (i, item) in value.as_array_mut().into_iter().flatten().enumerate() {
                    self.value(of, item, &format!("{pointer}/{i}"));
                }
            }
            Type::Shape(id) => {
                if let Some(shape) = self.words.shape(id) {
                    let fields: Vec<&Field> = shape.fields.iter().collect();
                    self.members(&fields, value, pointer);
                }
            }
            Type::Party => self.party(value, pointer),
            _ => {}
        }
    }

    /// The same questions as the door's, of which each has its answer here: the name of a person is committed.
    fn party(&mut self, party: &mut Value, pointer: &str) {
        let members = party.get_mut("members").and_then(Value::as_array_mut);
        let is_consortium = members.is_some();
        for (i, member) in members.into_iter().flatten().enumerate() {
            self.party(member, &format!("{pointer}/members/{i}"));
        }
        let code = party.get("uscc").filter(|code| !is_committed(code));
        let code = code.and_then(Value::as_str).unwrap_or_default().to_owned();
        let has_code = uscc_is_valid(&code) || party.get("uscc").is_some_and(is_committed);
        let name = party
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let codes = party.get("codes").and_then(Value::as_array);
        let has_code =
            has_code || codes.is_some_and(|codes| !codes.is_empty()) && persons::is_foreign(name);
        let is_person = code.starts_with("92");
        let in_doubt =
            self.natural_persons && !is_consortium && !name.is_empty() && !persons::is_body(name);
        let may_be = !has_code && (persons::party_at(name, pointer) == Named::Person || in_doubt);
        let how = if is_person {
            How {
                code: "party_is_person",
                ..PERSON
            }
        } else if may_be {
            How {
                code: "party_may_be_person",
                ..PERSON
            }
        } else {
            return;
        };
        if (self.accepted)(how.code) {
            return;
        }
        for name in ["name", "uscc"] {
            if let Some(value) = party.get_mut(name) {
                self.by_field(how, value, &format!("{pointer}/{name}"));
            }
        }
    }

    /// Each string and number inside is committed at its own place; lots, the forms of prices and the like are no secret alone.
    fn by_field(&mut self, how: How, value: &mut Value, pointer: &str) {
        if is_committed(value) {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if !matches!(name.as_str(), "lot" | "form" | "currency") {
                        self.by_field(how, value, &format!("{pointer}/{name}"));
                    }
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.by_field(how, item, &format!("{pointer}/{i}"));
                }
            }
            Value::Null => {}
            _ => self.whole(how, value, pointer),
        }
    }

    fn whole(&mut self, how: How, value: &mut Value, pointer: &str) {
        if is_committed(value) || value.is_null() {
            return;
        }
        // A list whose items are committed by hand stays so.
        let by_hand = |items: &Vec<Value>| items.iter().all(is_committed);
        if value.as_array().is_some_and(by_hand) {
            return;
        }
        let text = match &*value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // Longer than one commitment takes: a list is committed item by item then, and an object by its members.
        if text.len() > super::commitment::VALUE_BYTES_MAX && !value.is_string() {
            return self.by_field(how, value, pointer);
        }
        let How { code, class, shown } = how;
        *value = json!({ "$commit": { "class": class, "value": text, "shown": shown } });
        self.marks.push(Mark {
            pointer: pointer.to_owned(),
            code,
            shown,
        });
    }
}

fn is_list_of_persons(kind: &Type) -> bool {
    matches!(kind, Type::List(of) if **of == Type::Person) || *kind == Type::Person
}

fn is_committed(value: &Value) -> bool {
    value.get("$commit").is_some() || value.get("commitment").is_some()
}

/// A value that is marked.
struct Committed {
    pointer: String,
    value: String,
    class: String,
    shown: bool,
}

fn committed(draft: &Value) -> Vec<Committed> {
    let mut found = Vec::new();
    walk(draft, &mut String::new(), &mut |pointer, value| {
        let Some(secret) = value.get("$commit") else {
            return;
        };
        let text = |name: &str| secret.get(name).and_then(Value::as_str);
        if let (Some(class), Some(value)) = (text("class"), text("value")) {
            let shown = secret.get("shown").and_then(Value::as_bool);
            found.push(Committed {
                pointer: pointer.to_owned(),
                value: value.to_owned(),
                class: class.to_owned(),
                shown: shown.unwrap_or(class == "person"),
            });
        }
    });
    found
}

/// A title stands in the clear for ever: what is committed leaves it, and the whole title is committed in turn.
fn shorten_title(
    draft: &mut Value,
    committed: &[Committed],
    accepted: &dyn Fn(&str) -> bool,
    marks: &mut Vec<Mark>,
) {
    const CODE: &str = "title_names_person";
    let Some(title) = draft.get("title").and_then(Value::as_str) else {
        return;
    };
    let whole = title.to_owned();
    let mut short = whole.clone();
    let (mut class, mut shown) = ("person", true);
    // The longest first: a name may be part of another.
    let mut names: Vec<&Committed> = committed.iter().filter(|one| is_name(one)).collect();
    names.sort_by_key(|one| std::cmp::Reverse(one.value.len()));
    for one in names {
        let places = persons::places_of(&one.value, &short);
        if !places.is_empty() {
            let instead = if one.class == "person" {
                "某自然人"
            } else {
                "某单位"
            };
            for place in places.into_iter().rev() {
                short.replace_range(place, instead);
            }
            if !one.shown {
                shown = false;
                class = "privacy";
            }
        }
    }
    if short == whole || accepted(CODE) || draft["details"].get(FULL_TITLE).is_some() {
        return;
    }
    draft["title"] = short.into();
    draft["details"][FULL_TITLE] =
        json!({ "$commit": { "class": class, "value": whole, "shown": shown } });
    marks.push(Mark {
        pointer: "/title".to_owned(),
        code: CODE,
        shown,
    });
}

/// Whether it is a name, not a text that a title could hold by chance.
fn is_name(one: &Committed) -> bool {
    one.value.chars().count() >= 2
        && (one.pointer.ends_with("/name") || one.class == "person")
        && !one.pointer.ends_with(FULL_TITLE)
}

fn refuse_leaks(
    draft: &Value,
    committed: &[Committed],
    title_is_meant: bool,
) -> Result<(), GuardError> {
    let names: Vec<&Committed> = committed.iter().filter(|one| is_name(one)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut leak = None;
    walk(draft, &mut String::new(), &mut |pointer, value| {
        let (Some(text), None) = (value.as_str(), &leak) else {
            return;
        };
        if pointer.contains("/$commit/") || (title_is_meant && pointer == "/title") {
            return;
        }
        if let Some(one) = names
            .iter()
            .find(|one| !persons::places_of(&one.value, text).is_empty())
        {
            leak = Some(GuardError::Leak {
                pointer: pointer.to_owned(),
                committed: one.pointer.clone(),
            });
        }
    });
    leak.map_or(Ok(()), Err)
}

fn walk<'v>(value: &'v Value, pointer: &mut String, visit: &mut impl FnMut(&str, &'v Value)) {
    visit(pointer, value);
    let length = pointer.len();
    let mut inside = |name: &str, value: &'v Value, pointer: &mut String| {
        pointer.push('/');
        pointer.push_str(name);
        walk(value, pointer, visit);
        pointer.truncate(length);
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| inside(name, value, pointer)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, value)| inside(&i.to_string(), value, pointer)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
