//! The words of trading as data: stages, kinds with their fields, categories, methods, and the closed list of events.
//!
//! | file | holds |
//! | --- | --- |
//! | `vocabulary/table.json` | the words themselves; a centre's own file has the same form |
//! | [`mod@file`] | reading such a file, and what one may not do |
//! | `by_name` | what a field is judged by of which only the name is known |
//! | [`field`] | what a field is: type, need, class |
//!
//! Promises: an id, once here, keeps its meaning. Does not judge a statement ([`door`](super::door)); an unknown kind,
//! category or method never breaks a reader, because what stands in a log stands there (`DOMAIN.md` 1 and 2).

pub(super) mod by_name;
pub mod field;
pub mod file;

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use field::{Class, Field, Need, Type};
pub use file::VocabularyError;

/// The five stages of a disclosure (国务院办公厅: 公共资源交易 五类信息).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// 交易公告: what is to be traded, and how.
    Announcement,
    /// 资格审查: who may take part.
    Qualification,
    /// 交易过程: opening, evaluation, candidates, objections.
    Process,
    /// 成交: who won, for how much.
    Award,
    /// 履约: contract, change, acceptance, payment.
    Performance,
}

impl Stage {
    /// All five, in their order.
    pub const ALL: [Stage; 5] = [
        Stage::Announcement,
        Stage::Qualification,
        Stage::Process,
        Stage::Award,
        Stage::Performance,
    ];

    /// Reads the word in a statement.
    ///
    /// ```
    /// use mingzhang_core::trade::vocabulary::Stage;
    /// assert_eq!(Stage::parse("award"), Some(Stage::Award));
    /// assert_eq!(Stage::parse("Award"), None);
    /// ```
    #[must_use]
    pub fn parse(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
    }

    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Announcement => "announcement",
            Stage::Qualification => "qualification",
            Stage::Process => "process",
            Stage::Award => "award",
            Stage::Performance => "performance",
        }
    }

    /// Its name in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Stage::Announcement => "交易公告",
            Stage::Qualification => "资格审查",
            Stage::Process => "交易过程",
            Stage::Award => "成交",
            Stage::Performance => "履约",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who pays: the body that announces, or the one that wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The announcing body buys; the price limit is a ceiling.
    Buy,
    /// The announcing body sells; the price limit is a floor.
    Sell,
    /// Either.
    Either,
}

impl Side {
    /// The word in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
            Side::Either => "either",
        }
    }
}

/// A kind of notice (公告类型).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// The word in a statement.
    pub id: String,
    /// Its stage; `None` if it takes the stage of what it amends.
    pub stage: Option<Stage>,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// Its codes on the national platform; empty where none is known.
    pub platform_codes: Vec<String>,
    /// Tables of the data specification and items of the notice formats (MOF-n) that it follows.
    pub source: String,
    /// The tag of an OCDS release made from it; empty where OCDS has none (a sale is never exported as a purchase).
    pub ocds_tag: String,
    /// Where in that release it goes.
    pub ocds_section: String,
    /// What stands in `details`, beside the fields common to all kinds.
    pub fields: Vec<Field>,
}

/// A named form of object that fields may have, such as a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The word in a field's type.
    pub id: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// Its members.
    pub fields: Vec<Field>,
}

/// A category of trading (交易类别).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The word in a statement.
    pub id: String,
    /// Who pays.
    pub side: Side,
    /// The code in queries of the national platform (`DOMAIN.md` 1); the catch-all 90 where it has none of its own.
    pub platform_code: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// The methods usual in it; empty: any.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Whether natural persons often take part: a party without a social credit code may be one.
    #[serde(default)]
    pub natural_persons: bool,
}

/// A method of trading (交易方式).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The word in a statement.
    pub id: String,
    /// On which side it is used.
    pub side: Side,
    /// The word of OCDS (`procurementMethod`); empty where OCDS has none, as for sales.
    #[serde(default)]
    pub ocds: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
}

/// A time that rules count from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The word in `events`.
    pub id: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
}

/// All words that a ledger knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vocabulary {
    /// The kinds, in the order of their stages.
    pub kinds: Vec<Kind>,
    /// The categories.
    pub categories: Vec<Category>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The events; the list is closed.
    pub events: Vec<Event>,
    /// The forms of objects that fields name.
    pub shapes: Vec<Shape>,
    /// Fields that every kind may have.
    pub common: Vec<Field>,
}

static BUILTIN: LazyLock<Vocabulary> = LazyLock::new(|| {
    Vocabulary::read(include_bytes!("vocabulary/table.json"))
        .expect("the table is ours, and a test reads it")
});

impl Vocabulary {
    /// The words of this program.
    #[must_use]
    pub fn builtin() -> &'static Vocabulary {
        &BUILTIN
    }

    /// The kind called `id`.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.id == id)
    }

    /// The category called `id`.
    #[must_use]
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The method called `id`.
    #[must_use]
    pub fn method(&self, id: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.id == id)
    }

    /// The event called `id`.
    #[must_use]
    pub fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// The form of object called `id`.
    #[must_use]
    pub fn shape(&self, id: &str) -> Option<&Shape> {
        self.shapes.iter().find(|shape| shape.id == id)
    }
}

/// The kind of this program called `id`.
#[must_use]
pub fn kind(id: &str) -> Option<&'static Kind> {
    BUILTIN.kind(id)
}

/// The category of this program called `id`.
#[must_use]
pub fn category(id: &str) -> Option<&'static Category> {
    BUILTIN.category(id)
}

/// The method of this program called `id`.
#[must_use]
pub fn method(id: &str) -> Option<&'static Method> {
    BUILTIN.method(id)
}

/// The event of this program called `id`.
#[must_use]
pub fn event(id: &str) -> Option<&'static Event> {
    BUILTIN.event(id)
}

#[cfg(test)]
mod tests;
