//! What is searched for: conditions that all must hold, as they stand in a URL.

use crate::trade::names;
use crate::trade::time::{OffsetTime, Time};
use crate::trade::vocabulary::Stage;

use super::words::fold;

/// Bytes of the words searched for, at most.
pub const WORDS_BYTES_MAX: usize = 512;
/// Bytes of any other condition, at most.
pub const VALUE_BYTES_MAX: usize = 512;
/// Hits of one page, at most.
pub const PAGE_MAX: usize = 1_000;
/// Hits of one page, if nothing is said.
pub const PAGE: usize = 50;
/// Days are days in China.
const OFFSET_MINUTES: i16 = 480;
const DAY_MS: i64 = 24 * 3_600_000;

/// Conditions; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words of title and body, each run as it is written.
    pub words: Option<String>,
    /// Issued at or after.
    pub from: Option<Time>,
    /// Issued before.
    pub until: Option<Time>,
    /// A category of the vocabulary, or another one.
    pub category: Option<String>,
    /// A kind.
    pub kind: Option<String>,
    /// A stage.
    pub stage: Option<Stage>,
    /// 行政区划代码: 2, 4 or 6 digits, with all below it.
    pub region: Option<String>,
    /// Key name of the publisher.
    pub publisher: Option<String>,
    /// 统一社会信用代码 of a party.
    pub party: Option<String>,
    /// Any id: project, `ref`, statement, code, document digest, index in the log.
    pub id: Option<String>,
    /// Records before this index only: where the page before ended.
    pub before: Option<u64>,
    /// Hits wanted, 1 to [`PAGE_MAX`]; [`PAGE`] if nothing is said.
    pub limit: Option<usize>,
}

/// Why there is no such query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No condition of this name.
    #[error(
        "{0:?} is no condition, wanted one of q, from, to, category, kind, stage, region, publisher, party, id, before, limit"
    )]
    Name(String),
    /// The same condition twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// A value that cannot be meant.
    #[error("{name} is {found:?}, wanted {wanted}")]
    Value {
        /// The condition.
        name: &'static str,
        /// As given, shortened.
        found: String,
        /// What would do.
        wanted: &'static str,
    },
}

impl Query {
    /// Reads name and value pairs, as they stand in a URL after decoding. Empty values are no conditions: forms send them.
    ///
    /// # Errors
    /// [`QueryError`], the first that is found.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Query, QueryError> {
        let mut query = Query::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name) {
                return Err(QueryError::Twice(name.to_owned()));
            }
            seen.push(name);
            let value = value.trim();
            if !value.is_empty() {
                query.set(name, value)?;
            }
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        let wrong = |name, wanted| QueryError::Value {
            name,
            found: value.chars().take(80).collect(),
            wanted,
        };
        let text = |name| {
            if value.len() <= VALUE_BYTES_MAX && !value.contains(char::is_control) {
                Ok(Some(value.to_owned()))
            } else {
                Err(wrong(name, "one line of at most 512 bytes"))
            }
        };
        match name {
            "q" => {
                if value.len() > WORDS_BYTES_MAX || super::words::runs(value).is_empty() {
                    return Err(wrong("q", "words, at most 512 bytes"));
                }
                self.words = Some(value.to_owned());
            }
            "from" => {
                let wanted =
                    "a day such as 2026-11-23, or a time such as 2026-11-23T09:00:00+08:00";
                self.from = Some(moment(value, false).ok_or_else(|| wrong("from", wanted))?);
            }
            "to" => {
                let wanted = "a day such as 2026-11-23, which is included, or a time, which is not";
                self.until = Some(moment(value, true).ok_or_else(|| wrong("to", wanted))?);
            }
            "category" => self.category = text("category")?,
            "kind" => self.kind = text("kind")?,
            "stage" => {
                let wanted = "announcement, qualification, process, award or performance";
                self.stage = Some(Stage::parse(value).ok_or_else(|| wrong("stage", wanted))?);
            }
            "region" => {
                if !matches!(value.len(), 2 | 4 | 6) || !value.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(wrong("region", "2, 4 or 6 digits of a 行政区划代码"));
                }
                self.region = Some(value.to_owned());
            }
            "publisher" => {
                names::check_name(value)
                    .map_err(|_| wrong("publisher", "a key name such as ggzy.city.example"))?;
                self.publisher = Some(value.to_owned());
            }
            "party" => self.party = text("party")?.map(|code| code.to_uppercase()),
            "id" => self.id = text("id")?.map(|id| fold(&id)),
            "before" => {
                let wanted = "the index of a record";
                self.before = Some(value.parse().map_err(|_| wrong("before", wanted))?);
            }
            "limit" => {
                let wanted = "1 to 1000";
                let limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=PAGE_MAX).contains(limit));
                self.limit = Some(limit.ok_or_else(|| wrong("limit", wanted))?);
            }
            other => return Err(QueryError::Name(other.chars().take(80).collect())),
        }
        Ok(())
    }

    /// Hits wanted.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)
    }
}

/// A time, or the beginning or end of a day in China.
fn moment(text: &str, end: bool) -> Option<Time> {
    if text.len() != 10 {
        return OffsetTime::parse(text).ok().map(|time| time.time);
    }
    let midnight = OffsetTime::parse(&format!("{text}T00:00:00+08:00")).ok()?;
    debug_assert_eq!(midnight.offset_minutes, OFFSET_MINUTES);
    Time::from_ms(midnight.time.as_ms() + if end { DAY_MS } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_stand_in_a_url() {
        let query = Query::parse([
            ("q", "小学 教学楼"),
            ("from", "2026-01-01"),
            ("to", "2026-01-31"),
            ("category", "construction"),
            ("kind", ""),
            ("stage", "award"),
            ("region", "4303"),
            ("publisher", "ggzy.city.example"),
            ("party", "91430304dem000110d"),
            ("id", "SSJS-2026-0001"),
            ("before", "7"),
            ("limit", "1000"),
        ])
        .unwrap();
        assert_eq!(query.from.unwrap().to_string(), "2025-12-31T16:00:00.000Z");
        assert_eq!(query.until.unwrap().to_string(), "2026-01-31T16:00:00.000Z");
        assert_eq!(query.party.as_deref(), Some("91430304DEM000110D"));
        assert_eq!(query.id.as_deref(), Some("ssjs-2026-0001"));
        assert_eq!(
            (query.kind.clone(), query.stage, query.limit()),
            (None, Some(Stage::Award), 1_000)
        );
        assert_eq!(Query::parse([]).unwrap(), Query::default());
        assert_eq!(Query::default().limit(), PAGE);
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_its_name() {
        let long = "x".repeat(513);
        let rows = [
            ("q", "，。"),
            ("q", &long),
            ("from", "2026-13-01"),
            ("from", "yesterday"),
            ("to", "2026-02-30"),
            ("to", "2026"),
            ("stage", "awards"),
            ("region", "430"),
            ("region", "43030x"),
            ("publisher", "a b"),
            ("category", &long),
            ("party", "a\nb"),
            ("id", &long),
            ("before", "-1"),
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "many"),
        ];
        for (name, value) in rows {
            let error = Query::parse([(name, value)]).unwrap_err();
            assert!(
                matches!(error, QueryError::Value { name: said, .. } if said == name),
                "{name}={value}: {error}"
            );
        }
        assert_eq!(
            Query::parse([("kinds", "x")]),
            Err(QueryError::Name("kinds".into()))
        );
        assert_eq!(
            Query::parse([("q", "a"), ("q", "b")]),
            Err(QueryError::Twice("q".into()))
        );
    }
}
