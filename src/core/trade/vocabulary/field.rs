//! What a field of `details` is: its type, whether it is needed, who may read it.

use crate::lang::Bilingual;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A field of a kind or of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The member's name.
    pub name: String,
    /// What stands there.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it must.
    pub need: Need,
    /// Who may read it.
    pub class: Class,
    /// Its label in Chinese.
    pub zh: String,
    /// Its label in English.
    pub en: String,
    /// The article of law, the table of the data specification, or the notice format that asks for it.
    pub source: String,
    /// Where not empty: the words that a code may be.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Another field that may stand instead.
    #[serde(default)]
    pub or: Option<String>,
}

/// What becomes of a statement without the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Refused.
    Error,
    /// Taken, and flagged: real notices have gaps, and a wall would stop lawful ones.
    Warn,
    /// Taken.
    Optional,
}

impl Need {
    /// The word in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Need::Error => "error",
            Need::Warn => "warn",
            Need::Optional => "optional",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Need::Error => "必填（否则拒收）",
            Need::Warn => "应填（缺则提示）",
            Need::Optional => "选填",
        }
    }
}

/// Who may read a field. Whatever is not public belongs into a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Everybody.
    Public,
    /// It names a natural person.
    Person,
    /// It may touch somebody's privacy.
    Privacy,
    /// It may be a trade secret.
    TradeSecret,
    /// Authorities only, at least for a time.
    Withheld,
}

impl Class {
    /// The word in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Person => "person",
            Class::Privacy => "privacy",
            Class::TradeSecret => "trade_secret",
            Class::Withheld => "withheld",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Class::Public => "公开",
            Class::Person => "个人（承诺值）",
            Class::Privacy => "隐私",
            Class::TradeSecret => "商业秘密",
            Class::Withheld => "不予公开",
        }
    }
}

/// What stands in a field. A commitment may stand in place of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// `{form, amount?, currency?, rate?, text?}`.
    Price,
    /// `{name, uscc?, codes?, members?}`.
    Party,
    /// A natural person: a commitment, always.
    Person,
    /// `{name, media_type?, sha256}`: a document of this statement.
    Document,
    /// RFC 3339 with an offset.
    DateTime,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM`.
    Month,
    /// An integer.
    Integer,
    /// A decimal number as a string.
    Decimal,
    /// `true` or `false`.
    Boolean,
    /// A word of a list, or a number that an office gave.
    Code,
    /// The id of a lot.
    Lot,
    /// An object of a named shape.
    Shape(String),
    /// An array of such.
    List(Box<Type>),
}

/// Levels of `list of`, at most: a table of tables is two.
pub const LISTS_MAX: usize = 4;

const WORDS: [(&str, Type, &str); 13] = [
    ("text", Type::Text, "文本"),
    ("price", Type::Price, "价款"),
    ("party", Type::Party, "主体"),
    ("person", Type::Person, "自然人"),
    ("document", Type::Document, "文件"),
    ("date-time", Type::DateTime, "时间"),
    ("date", Type::Date, "日期"),
    ("month", Type::Month, "年月"),
    ("integer", Type::Integer, "整数"),
    ("decimal", Type::Decimal, "小数"),
    ("boolean", Type::Boolean, "是否"),
    ("code", Type::Code, "代码"),
    ("lot", Type::Lot, "标段编号"),
];

impl Type {
    /// Reads the words in a file: `text`, `list of candidate`. A word that is no type is the id of a shape.
    ///
    /// # Errors
    /// How many levels of `list of` there are, if more than [`LISTS_MAX`]: whoever walks a type walks each of them.
    pub fn parse(words: &str) -> Result<Type, usize> {
        let (mut of, mut lists) = (words, 0);
        while let Some(rest) = of.strip_prefix("list of ") {
            (of, lists) = (rest, lists + 1);
        }
        if lists > LISTS_MAX {
            return Err(lists);
        }
        let known = WORDS.iter().find(|(word, _, _)| *word == of);
        let of = known.map_or_else(|| Type::Shape(of.to_owned()), |(_, kind, _)| kind.clone());
        Ok((0..lists).fold(of, |of, _| Type::List(Box::new(of))))
    }

    /// The shape that it names, if any.
    #[must_use]
    pub fn shape(&self) -> Option<&str> {
        match self {
            Type::Shape(id) => Some(id),
            Type::List(of) => of.shape(),
            _ => None,
        }
    }
}

impl Bilingual for Type {
    fn zh(&self) -> String {
        match self {
            Type::Shape(id) => id.clone(),
            Type::List(of) => format!("{}列表", of.zh()),
            _ => WORDS
                .iter()
                .find(|(_, kind, _)| kind == self)
                .map_or_else(String::new, |(_, _, zh)| (*zh).to_owned()),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Shape(id) => f.write_str(id),
            Type::List(of) => write!(f, "list of {of}"),
            _ => {
                let word = WORDS.iter().find(|(_, kind, _)| kind == self);
                f.write_str(word.map_or("", |(word, _, _)| word))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Type, D::Error> {
        let words = String::deserialize(deserializer)?;
        Type::parse(&words).map_err(|lists| {
            serde::de::Error::custom(format!(
                "a type has {lists} levels of \"list of\", wanted at most {LISTS_MAX} (“list of” 至多 {LISTS_MAX} 层)"
            ))
        })
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
