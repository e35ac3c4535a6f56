//! Commitments: what stands in a statement for a natural person or a field that may not be public (DESIGN 3.1).
//!
//! ```text
//! {"commitment":"<64 hex>","class":"person"}
//! ```
//!
//! commitment = SHA-256 of seven UTF-8 lines, a line feed between them and none after the last:
//! `mingzhang-commitment-v1`, ledger, publisher, project, JSON pointer of the field, salt (64 hex), value.
//!
//! Promises: an opening that fits here fits no other field, statement chain or ledger; the salt has 32 random bytes, one
//! a field, so that a commitment to a guessable value tells nothing once its salt is destroyed. Only the value, the last
//! line, may hold line feeds, so two different inputs never give the same seven lines.
//!
//! Does not make salts: randomness is an argument. Does not say whether an opening may be shown.

use crate::lang::Bilingual;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::{POINTER_BYTES_MAX, Value};
use super::names;
use super::persons::{self, Day};
use super::statement::{Chain, Statement};
use crate::tlog::merkle::Hash;

/// The first line of what is hashed.
pub(crate) const PREFIX: &str = "mingzhang-commitment-v1";
/// The most bytes of a committed value.
pub const VALUE_BYTES_MAX: usize = 4_096;
/// The most openings of one statement: more commitments than 36,000 bytes of text can hold.
pub const OPENINGS_MAX: usize = 512;

/// Different bytes that a salt has at least: 32 random ones have 30 of 256, and fewer than 16 less than once in 10^13 salts.
/// A counter, a date, or a short salt filled up with zeros has fewer.
pub(crate) const SALT_DIFFERENT_BYTES_MIN: usize = 16;

/// Why a field does not stand in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A natural person.
    Person,
    /// Personal privacy.
    Privacy,
    /// A trade secret.
    TradeSecret,
    /// To be public later, such as a price before the opening.
    NotYet,
}

impl Class {
    /// Reads the word in a statement.
    #[must_use]
    pub fn parse(word: &str) -> Option<Class> {
        [
            Class::Person,
            Class::Privacy,
            Class::TradeSecret,
            Class::NotYet,
        ]
        .into_iter()
        .find(|c| c.as_str() == word)
    }

    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Person => "person",
            Class::Privacy => "privacy",
            Class::TradeSecret => "trade_secret",
            Class::NotYet => "not_yet",
        }
    }
}

/// Where a commitment stands: it binds the opening to this one field of this one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The ledger's origin.
    pub ledger: &'a str,
    /// The publisher's key name.
    pub publisher: &'a str,
    /// The project; the empty string in a statement that has none.
    pub project: &'a str,
    /// The JSON pointer of the field in the text.
    pub pointer: &'a str,
}

/// What opens a commitment: value and salt. To erase it is to destroy both.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// 32 random bytes, never used for another field.
    pub salt: [u8; 32],
    /// The value, at most [`VALUE_BYTES_MAX`] bytes.
    pub value: String,
}

impl Opening {
    /// The commitment to this value at `place`.
    ///
    /// ```
    /// use mingzhang_core::trade::commitment::{Opening, Place};
    /// let place = Place {
    ///     ledger: "log.example/2026",
    ///     publisher: "ggzy.shaoshan.example",
    ///     project: "SS-2026-001",
    ///     pointer: "/details/manager/name",
    /// };
    /// let opening = Opening { salt: [7; 32], value: "张三".into() };
    /// let commitment = opening.commit(&place);
    /// assert!(opening.opens(&place, &commitment));
    /// // The same value and salt say nothing about another field.
    /// assert!(!opening.opens(&Place { pointer: "/details/winner/name", ..place }, &commitment));
    /// ```
    #[must_use]
    pub fn commit(&self, place: &Place<'_>) -> Hash {
        let salt = hex::encode(self.salt);
        let lines = [
            PREFIX,
            place.ledger,
            place.publisher,
            place.project,
            place.pointer,
            &salt,
            &self.value,
        ];
        Hash::sha256(lines.join("\n").as_bytes())
    }

    /// Whether this opens `commitment` at `place`.
    #[must_use]
    pub fn opens(&self, place: &Place<'_>, commitment: &Hash) -> bool {
        self.commit(place) == *commitment
    }
}

impl fmt::Debug for Opening {
    /// Neither value nor salt: logs outlive erasures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening(a value of {} bytes)", self.value.len())
    }
}

/// A commitment found in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Where it stands.
    pub pointer: String,
    /// Why.
    pub class: Class,
    /// The hash.
    pub commitment: Hash,
}

impl Commitment {
    /// Reads `{"commitment":…,"class":…}`, both members and no other; `None` for anything else.
    pub(super) fn read(pointer: &str, value: &Value<'_>) -> Option<Commitment> {
        let [(_, _), (_, _)] = value.members()? else {
            return None;
        };
        let commitment = names::parse_hash(value.get("commitment")?.as_str()?).ok()?;
        let class = Class::parse(value.get("class")?.as_str()?)?;
        Some(Commitment {
            pointer: pointer.to_owned(),
            class,
            commitment,
        })
    }
}

/// All well-formed commitments in a value, with their pointers, in the order written.
#[must_use]
pub fn find(value: &Value<'_>) -> Vec<Commitment> {
    let mut found = Vec::new();
    walk(value, &mut String::new(), &mut |pointer, value| {
        found.extend(Commitment::read(pointer, value));
    });
    found
}

/// Shows every value inside `value`, itself first, with its pointer. At most [`DEPTH_MAX`](super::json::DEPTH_MAX) deep.
pub(super) fn walk<'v, 'a>(
    value: &'v Value<'a>,
    pointer: &mut String,
    visit: &mut impl FnMut(&str, &'v Value<'a>),
) {
    visit(pointer, value);
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(name);
                walk(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                write!(pointer, "/{i}").expect("a String takes it");
                walk(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// Openings by JSON pointer: what travels with a post and stands in `openings/<statement id>`.
///
/// As JSON: `{"/details/manager/name":{"salt":"<64 hex>","value":"…"}}`. Pointers are exempt from the member-name rule of
/// statements, and this JSON is not signed: how it is spaced does not matter, but a pointer stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openings(BTreeMap<String, Opening>);

impl Openings {
    /// Reads the JSON object.
    ///
    /// ```
    /// use mingzhang_core::trade::commitment::Openings;
    /// let json = format!(r#"{{"/details/name":{{"salt":"{}","value":"张三"}}}}"#, "07".repeat(32));
    /// let openings = Openings::parse(json.as_bytes()).unwrap();
    /// assert_eq!(openings.get("/details/name").unwrap().value, "张三");
    /// assert_eq!(Openings::parse(&openings.encode()).unwrap(), openings);
    /// ```
    ///
    /// # Errors
    /// [`OpeningError::Json`] for anything else, more than [`OPENINGS_MAX`] openings, a value over [`VALUE_BYTES_MAX`] or
    /// a pointer over [`POINTER_BYTES_MAX`]. The caller limits the bytes first.
    pub fn parse(json: &[u8]) -> Result<Openings, OpeningError> {
        serde_json::from_slice(json).map_err(|source| OpeningError::Json {
            reason: source.to_string(),
        })
    }

    /// The JSON object on one line, pointers in byte order.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings become JSON")
    }

    /// Adds an opening, in place of one at the same pointer.
    ///
    /// # Errors
    /// [`OpeningError`] if a limit is passed; then nothing is changed.
    pub fn insert(&mut self, pointer: String, opening: Opening) -> Result<(), OpeningError> {
        if pointer.len() > POINTER_BYTES_MAX {
            return Err(OpeningError::PointerBytes {
                have: pointer.len(),
                max: POINTER_BYTES_MAX,
            });
        }
        if opening.value.len() > VALUE_BYTES_MAX {
            return Err(OpeningError::ValueBytes {
                pointer,
                have: opening.value.len(),
                max: VALUE_BYTES_MAX,
            });
        }
        if self.0.len() >= OPENINGS_MAX && !self.0.contains_key(&pointer) {
            return Err(OpeningError::Count { max: OPENINGS_MAX });
        }
        self.0.insert(pointer, opening);
        Ok(())
    }

    /// Takes an opening out, to erase it.
    pub fn remove(&mut self, pointer: &str) -> Option<Opening> {
        self.0.remove(pointer)
    }

    /// The opening at a pointer.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<&Opening> {
        self.0.get(pointer)
    }

    /// All openings, by pointer.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Opening)> {
        self.0
            .iter()
            .map(|(pointer, opening)| (pointer.as_str(), opening))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that nothing that would be shown is a citizen's number: a door rule, for what stands beside the log.
    ///
    /// # Errors
    /// [`OpeningError::CitizenNumber`], the first by pointer.
    pub fn check_numbers(&self, statement: &Statement) -> Result<(), OpeningError> {
        let value = statement.value();
        let issued = value
            .get("issued")
            .and_then(Value::as_str)
            .and_then(Day::of);
        let found = self
            .iter()
            .find(|(_, opening)| persons::holds_citizen_number(&opening.value, issued));
        match found {
            Some((pointer, _)) => Err(OpeningError::CitizenNumber {
                pointer: pointer.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Checks that each of these openings opens a commitment at its pointer of `statement`. Commitments that stay closed
    /// are no fault.
    ///
    /// # Errors
    /// [`OpeningError::NoCommitment`] or [`OpeningError::Mismatch`], the first by pointer.
    pub fn check(&self, statement: &Statement) -> Result<(), OpeningError> {
        if self.is_empty() {
            return Ok(());
        }
        let value = statement.value();
        for (pointer, opening) in self.iter() {
            let commitment = value
                .pointer(pointer)
                .and_then(|value| Commitment::read(pointer, value))
                .ok_or_else(|| OpeningError::NoCommitment {
                    pointer: pointer.to_owned(),
                })?;
            let place = place(statement, pointer).ok_or_else(|| OpeningError::NoCommitment {
                pointer: pointer.to_owned(),
            })?;
            let found = opening.commit(&place);
            if found != commitment.commitment {
                let (pointer, wanted) = (pointer.to_owned(), commitment.commitment);
                return Err(OpeningError::Mismatch {
                    pointer,
                    found,
                    wanted,
                });
            }
        }
        Ok(())
    }
}

impl Openings {
    /// Checks that the salts can be random, and that none stands twice. What is guessable opens a commitment to a guessable value.
    ///
    /// # Errors
    /// [`OpeningError::WeakSalt`], [`OpeningError::SaltTwice`].
    pub fn check_salts(&self) -> Result<(), OpeningError> {
        let mut seen: BTreeMap<[u8; 32], &str> = BTreeMap::new();
        for (pointer, opening) in self.iter() {
            let mut bytes = opening.salt;
            bytes.sort_unstable();
            let different = 1 + bytes.windows(2).filter(|two| two[0] != two[1]).count();
            if different < SALT_DIFFERENT_BYTES_MIN {
                return Err(OpeningError::WeakSalt {
                    pointer: pointer.to_owned(),
                    different,
                });
            }
            if let Some(other) = seen.insert(opening.salt, pointer) {
                return Err(OpeningError::SaltTwice {
                    pointer: pointer.to_owned(),
                    other: other.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// The place of a field of `statement`; `None` for `genesis` and `key`, which commit to nothing.
#[must_use]
pub fn place<'a>(statement: &'a Statement, pointer: &'a str) -> Option<Place<'a>> {
    let (publisher, project) = match statement.chain() {
        Chain::Keys => return None,
        Chain::Trade { publisher, project } => (publisher.as_str(), project.as_str()),
        Chain::Other { publisher, .. } => (publisher.as_str(), ""),
    };
    Some(Place {
        ledger: statement.ledger(),
        publisher,
        project,
        pointer,
    })
}

/// Why openings are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// Not the JSON of openings.
    #[error(
        "openings are not {{\"<JSON pointer>\":{{\"salt\":\"<64 hex>\",\"value\":\"…\"}}}}: {reason}"
    )]
    Json {
        /// What the parser says.
        reason: String,
    },
    /// Too many.
    #[error("more than {max} openings")]
    Count {
        /// The limit.
        max: usize,
    },
    /// A pointer too long.
    #[error("a pointer has {have} bytes, wanted at most {max}")]
    PointerBytes {
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// A value too long.
    #[error("value of {pointer} has {have} bytes, wanted at most {max}")]
    ValueBytes {
        /// Where.
        pointer: String,
        /// Bytes found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// Nothing to open.
    #[error("{pointer} is no commitment in the statement, so there is nothing to open")]
    NoCommitment {
        /// Where.
        pointer: String,
    },
    /// A salt that nobody drew at random.
    #[error(
        "the salt of {pointer} has {different} different bytes, wanted 32 random ones (at least {SALT_DIFFERENT_BYTES_MIN} different)"
    )]
    WeakSalt {
        /// Where.
        pointer: String,
        /// Different bytes found.
        different: usize,
    },
    /// One salt for two fields.
    #[error("{pointer} and {other} have the same salt, wanted a random one for each field")]
    SaltTwice {
        /// Where.
        pointer: String,
        /// Where else.
        other: String,
    },
    /// What would be shown to everybody holds a citizen's number.
    #[error(
        "the value of {pointer} holds a valid citizen's identity number, which is not shown beside a record; keep this opening, or commit to the value without the number"
    )]
    CitizenNumber {
        /// Where.
        pointer: String,
    },
    /// It opens something else.
    #[error("opening of {pointer} commits to {found}, the statement has {wanted}")]
    Mismatch {
        /// Where.
        pointer: String,
        /// What salt and value give.
        found: Hash,
        /// What stands in the statement.
        wanted: Hash,
    },
}

impl Bilingual for OpeningError {
    fn zh(&self) -> String {
        match self {
            OpeningError::Json { reason } => format!("openings 格式不对：{reason}"),
            OpeningError::CitizenNumber { pointer } => format!(
                "{pointer} 的原文含有有效的公民身份号码，不得随记录展示；请不要提交这一原文，或不含号码另作承诺"
            ),
            OpeningError::Count { max } => format!("openings 超过 {max} 项"),
            OpeningError::PointerBytes { have, max } => {
                format!("JSON 指针有 {have} 字节，最多 {max} 字节")
            }
            OpeningError::ValueBytes { pointer, have, max } => {
                format!("{pointer} 的原值有 {have} 字节，最多 {max} 字节")
            }
            OpeningError::NoCommitment { pointer } => {
                format!("声明的 {pointer} 处没有承诺值，无可公开")
            }
            OpeningError::WeakSalt { pointer, different } => {
                format!("{pointer} 的盐只有 {different} 种不同字节，不是随机数；应为 32 字节随机数")
            }
            OpeningError::SaltTwice { pointer, other } => {
                format!("{pointer} 与 {other} 用了同一个盐；每个字段应各用一个随机盐")
            }
            OpeningError::Mismatch {
                pointer,
                found,
                wanted,
            } => {
                format!("{pointer} 的原值与盐算得 {found}，声明中为 {wanted}")
            }
        }
    }
}

/// An opening as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    salt: String,
    value: String,
}

impl Serialize for Openings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = |opening: &Opening| Wire {
            salt: hex::encode(opening.salt),
            value: opening.value.clone(),
        };
        serializer.collect_map(
            self.0
                .iter()
                .map(|(pointer, opening)| (pointer, wire(opening))),
        )
    }
}

impl<'de> Deserialize<'de> for Openings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Openings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of openings by JSON pointer")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Openings, M::Error> {
                let mut openings = Openings::default();
                while let Some((pointer, wire)) = map.next_entry::<String, Wire>()? {
                    if openings.get(&pointer).is_some() {
                        return Err(de::Error::custom(format!(
                            "pointer {pointer:?} stands twice"
                        )));
                    }
                    let salt = names::parse_hash(&wire.salt).map_err(de::Error::custom)?.0;
                    let opening = Opening {
                        salt,
                        value: wire.value,
                    };
                    openings
                        .insert(pointer, opening)
                        .map_err(de::Error::custom)?;
                }
                Ok(openings)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests;
