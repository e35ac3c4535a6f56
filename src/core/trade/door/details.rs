//! Door rules of `details`: each field of the kind by need, type and class.
//!
//! Real notices have gaps, so nearly everything here is a warning. One rule guards persons and secrets: whatever is not
//! of class `public` belongs into a commitment, and a poster is told where it does not stand in one.

use super::Problems;
use super::values::{self, Checker, is_commitment};
use crate::lang::Bilingual;
use crate::trade::json::Value;
use crate::trade::names;
use crate::trade::persons::{self, What};
use crate::trade::time::OffsetTime;
use crate::trade::vocabulary::by_name::{class_by_name, may_name_person};
use crate::trade::vocabulary::{Class, Field, Need, Type, Vocabulary};

/// Where a centre keeps what is its own; only persons are looked for in it.
const EXTRA: &str = "extra";

pub(super) fn check(value: &Value<'_>, words: &Vocabulary, problems: &mut Problems) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let category = text("category").and_then(|word| words.category(word));
    let lots = value.get("lots").and_then(Value::items).unwrap_or_default();
    let mut checker = Checker {
        words,
        problems,
        natural_persons: category.is_some_and(|category| category.natural_persons),
        kind_is_known: text("kind").is_some_and(|word| words.kind(word).is_some()),
        title: text("title").unwrap_or_default(),
        lots: lots.iter().filter_map(Value::as_str).collect(),
    };
    let Some(kind) = text("kind").and_then(|word| words.kind(word)) else {
        // Without a kind nothing is known of its fields but what fields of these names are elsewhere; `kind_unknown` says so.
        let details = value.get("details").and_then(Value::members);
        for (name, value) in details.unwrap_or_default() {
            checker.by_name(name, value, &format!("/details/{name}"));
        }
        return;
    };
    let fields: Vec<&Field> = kind.fields.iter().chain(&words.common).collect();
    match value.get("details") {
        None => {
            checker.problems.warning(
                "details_missing",
                "/details",
                format!("没有 details：{}的内容无从检查", kind.zh),
                format!(
                    "there are no details, so nothing of this {} can be checked",
                    kind.en
                ),
            );
            let needed = |field: &&Field| field.need == Need::Error;
            let needed: Vec<&Field> = fields.into_iter().filter(needed).collect();
            checker.fields(&needed, &[], "/details", false);
        }
        Some(details) => {
            // What is no object was refused with the header.
            if let Some(members) = details.members() {
                checker.fields(&fields, members, "/details", false);
            }
        }
    }
}

impl Checker<'_> {
    /// The members of an object. `told`: that it stands in the clear has been said, and once is enough.
    fn fields(
        &mut self,
        fields: &[&Field],
        members: &[(&str, Value<'_>)],
        pointer: &str,
        told: bool,
    ) {
        let stands = |name: &str| members.iter().any(|(there, _)| *there == name);
        for field in fields {
            let other_stands = field.or.as_deref().is_some_and(stands);
            if !stands(&field.name) && !other_stands {
                self.missing(field, pointer);
            }
        }
        for (name, value) in members {
            let pointer = format!("{pointer}/{name}");
            match fields.iter().find(|field| field.name == *name) {
                Some(field) => {
                    let told = told || self.in_the_clear(field, value, &pointer);
                    self.value(field, &field.kind, value, &pointer, told);
                }
                None if *name == EXTRA => self.by_name(name, value, &pointer),
                None => {
                    self.unknown(&pointer, name);
                    if !told {
                        self.by_name(name, value, &pointer);
                    }
                }
            }
        }
    }

    fn missing(&mut self, field: &Field, pointer: &str) {
        let pointer = format!("{pointer}/{}", field.name);
        let zh = format!("缺少{}（{}）；依据：{}", field.zh, field.name, field.source);
        let en = format!("{} is missing: {} ({})", field.name, field.en, field.source);
        match field.need {
            Need::Error => self.problems.error("field_missing", pointer, zh, en),
            Need::Warn => self.problems.warning("field_missing", pointer, zh, en),
            Need::Optional => {}
        }
    }

    /// What nothing is known of but its name: secret where a field of this name is, a person's where its value is a name.
    fn by_name(&mut self, name: &str, value: &Value<'_>, pointer: &str) {
        let class = class_by_name(self.words, name, pointer, self.kind_is_known);
        let says_person = may_name_person(name, pointer);
        if class != Class::Public {
            self.clear(class, name, name, value, pointer);
        } else if let Some(text) = value.as_str() {
            if says_person && persons::is_name(text) {
                self.clear(Class::Person, name, name, value, pointer);
            }
        } else if let Some(members) = value.members().filter(|_| !is_commitment(value)) {
            let text = |name: &str| value.get(name).and_then(Value::as_str);
            // `{"name":"项目经理","value":"…"}`
            if let (Some(label), Some(said)) = (text("name"), text("value")) {
                let joined = format!("{label}：{said}");
                if persons::scan(&joined, None)
                    .iter()
                    .any(|found| found.what == What::Name && found.at.start > label.len())
                {
                    let pointer = format!("{pointer}/value");
                    return self.clear(Class::Person, label, label, value, &pointer);
                }
            }
            for (name, value) in members {
                self.by_name(name, value, &format!("{pointer}/{name}"));
            }
        } else if let Some(items) = value.items() {
            for (i, item) in items.iter().enumerate() {
                self.by_name(name, item, &format!("{pointer}/{i}"));
            }
        }
    }

    /// Whether something of a class that is not public stands here without a commitment. Says so once a field.
    fn in_the_clear(&mut self, field: &Field, value: &Value<'_>, pointer: &str) -> bool {
        let clear = shows_something(value);
        self.clear(field.class, &field.zh, &field.name, value, pointer);
        clear && field.class != Class::Public
    }

    fn clear(
        &mut self,
        class: Class,
        zh_name: &str,
        en_name: &str,
        value: &Value<'_>,
        pointer: &str,
    ) {
        let (code, zh, en) = match class {
            Class::Public => return,
            Class::Person => ("person_in_clear", "指向自然人", "names a natural person"),
            Class::Privacy => (
                "privacy_in_clear",
                "可能涉及个人隐私",
                "may touch somebody's privacy",
            ),
            Class::TradeSecret => (
                "trade_secret_in_clear",
                "可能含商业秘密",
                "may hold a trade secret",
            ),
            Class::Withheld => ("withheld_in_clear", "通常不予公开", "is usually withheld"),
        };
        if shows_something(value) {
            self.problems.warning(
                code,
                pointer,
                format!("{}{zh}，却以明文写入；条目不可更改，请改用加盐承诺值，或确认应当公开", zh_name),
                format!("{} {en} and stands in the clear; entries cannot be changed, so use a salted commitment, or make sure that it is to be public", en_name),
            );
        }
    }

    fn value(&mut self, field: &Field, kind: &Type, value: &Value<'_>, pointer: &str, told: bool) {
        if is_commitment(value) {
            return;
        }
        let text = value.as_str();
        let is_right = match kind {
            Type::Text | Type::Code => text.is_some(),
            Type::DateTime => text.is_some_and(is_time),
            Type::Date => text.is_some_and(|day| is_time(&format!("{day}T00:00:00+08:00"))),
            Type::Month => text.is_some_and(|month| is_time(&format!("{month}-01T00:00:00+08:00"))),
            Type::Decimal => text.is_some_and(values::is_decimal),
            Type::Lot => text.is_some_and(|lot| names::check_project(lot).is_ok()),
            Type::Integer => value.as_integer().is_some(),
            Type::Boolean => value.as_bool().is_some(),
            Type::List(_) => value.items().is_some(),
            Type::Price | Type::Party | Type::Document | Type::Shape(_) => {
                value.members().is_some()
            }
            // A person in the clear has been reported by its class.
            Type::Person => true,
        };
        if !is_right {
            return self.mistyped(field, kind, value, pointer);
        }
        match kind {
            Type::List(of) => {
                for (i, item) in value.items().unwrap_or_default().iter().enumerate() {
                    self.value(field, of, item, &format!("{pointer}/{i}"), told);
                }
            }
            Type::Shape(id) => {
                // That the shape is there was checked with the words.
                if let Some(shape) = self.words.shape(id) {
                    let fields: Vec<&Field> = shape.fields.iter().collect();
                    self.fields(&fields, value.members().unwrap_or_default(), pointer, told);
                }
            }
            Type::Price => values::check_price(self, value, pointer),
            Type::Party => values::check_party(self, value, pointer, told),
            Type::Document => values::check_document(self, value, pointer),
            Type::Text => self.text(field, text.unwrap_or_default(), pointer),
            Type::Code => self.code(field, text.unwrap_or_default(), pointer),
            Type::Lot => self.lot(text.unwrap_or_default(), pointer),
            _ => {}
        }
    }

    fn mistyped(&mut self, field: &Field, kind: &Type, value: &Value<'_>, pointer: &str) {
        let zh = format!("{}应为{}", field.zh, kind.zh());
        let en = format!(
            "{} is {}, wanted {}",
            field.name,
            value.what(),
            wanted(kind)
        );
        if field.need == Need::Error {
            self.problems.error("field_mistyped", pointer, zh, en);
        } else {
            self.problems.warning("field_mistyped", pointer, zh, en);
        }
    }

    fn text(&mut self, field: &Field, text: &str, pointer: &str) {
        if text.trim().is_empty() {
            self.problems.warning(
                "text_empty",
                pointer,
                format!("{}为空", field.zh),
                format!("{} is empty", field.name),
            );
        }
    }

    fn code(&mut self, field: &Field, code: &str, pointer: &str) {
        if !field.codes.is_empty() && !field.codes.iter().any(|there| there == code) {
            let words = field.codes.join(", ");
            self.problems.warning(
                "code_unknown",
                pointer,
                format!("{} {code:?} 不在代码表中，应为 {words} 之一", field.zh),
                format!(
                    "{} {code:?} is no code here, wanted one of {words}",
                    field.name
                ),
            );
        } else {
            self.text(field, code, pointer);
        }
    }

    fn lot(&mut self, lot: &str, pointer: &str) {
        if !self.lots.is_empty() && !self.lots.contains(&lot) {
            self.problems.warning(
                "lot_not_named",
                pointer,
                format!("标段 {lot} 不在本声明的 lots 中"),
                format!("lot {lot} is not among the lots of this statement"),
            );
        }
    }
}

/// Whether anything stands here outside of a commitment. Composite values are committed field by field, and of these the lot, the form
/// and the currency of a price are no secret alone.
fn shows_something(value: &Value<'_>) -> bool {
    if let Some(items) = value.items() {
        return items.iter().any(shows_something);
    }
    if is_commitment(value) || value.is_null() {
        return false;
    }
    match value.members() {
        Some(members) => members.iter().any(|(name, value)| {
            !matches!(*name, "lot" | "form" | "currency") && shows_something(value)
        }),
        None => true,
    }
}

fn is_time(text: &str) -> bool {
    OffsetTime::parse(text).is_ok()
}

/// The type with an example where the word alone does not say how to write it.
fn wanted(kind: &Type) -> String {
    match kind {
        Type::Date => "a date such as 2026-11-23".to_owned(),
        Type::Month => "a month such as 2026-11".to_owned(),
        Type::DateTime => "a time such as 2026-11-23T09:02:03+08:00".to_owned(),
        Type::Decimal => "a decimal number as a string such as \"12.50\"".to_owned(),
        _ => kind.to_string(),
    }
}
