//! The members of a statement that people and rules read, by name and type.
//!
//! Every accessor answers `None` (or nothing) for a member that is absent *or of another type*: what stands in a log
//! cannot be refused any more, and [`door`](crate::trade::door) has said at the time what was wrong with it.

use crate::tlog::merkle::Hash;
use crate::trade::json::Value;
use crate::trade::names;
use crate::trade::time::OffsetTime;
use crate::trade::vocabulary::Stage;

/// The JSON of a statement, by member.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    value: Value<'a>,
}

/// A file named by its digest; its bytes live outside the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its name, for people.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Hash,
}

/// A number or code that somebody else gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code<'a> {
    /// Whose scheme it is.
    pub scheme: &'a str,
    /// The number as written.
    pub value: &'a str,
}

/// What a statement in another body's chain is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About<'a> {
    /// The publisher of the project.
    pub publisher: &'a str,
    /// The project.
    pub project: &'a str,
    /// One statement of that chain, if it is about one.
    pub statement: Option<Hash>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: Value<'a>) -> Fields<'a> {
        Fields { value }
    }

    /// The whole object.
    #[must_use]
    pub fn value(&self) -> &Value<'a> {
        &self.value
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.value.get(name)?.as_str()
    }

    /// The publisher's own id of the disclosure.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.text("ref")
    }

    /// The stage, if it is one of the five.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        Stage::parse(self.text("stage")?)
    }

    /// The kind, known or not.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.text("kind")
    }

    /// The category, known or not.
    #[must_use]
    pub fn category(&self) -> Option<&str> {
        self.text("category")
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.text("title")
    }

    /// The region, six digits of GB/T 2260.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.text("region")
    }

    /// The method of trading, known or not.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.text("method")
    }

    /// Whether the law demands a tender (依法必招).
    #[must_use]
    pub fn mandatory_tender(&self) -> Option<bool> {
        self.value.get("mandatory_tender")?.as_bool()
    }

    /// The lots it speaks of; none means the whole project.
    #[must_use]
    pub fn lots(&self) -> Vec<&str> {
        self.array("lots")
            .iter()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Outside numbers and codes.
    #[must_use]
    pub fn codes(&self) -> Vec<Code<'_>> {
        self.array("codes")
            .iter()
            .filter_map(|code| {
                Some(Code {
                    scheme: code.get("scheme")?.as_str()?,
                    value: code.get("value")?.as_str()?,
                })
            })
            .collect()
    }

    /// The documents it names.
    #[must_use]
    pub fn documents(&self) -> Vec<Document<'_>> {
        self.array("documents")
            .iter()
            .filter_map(Document::read)
            .collect()
    }

    /// What it is about, if it stands in another chain than that.
    #[must_use]
    pub fn about(&self) -> Option<About<'_>> {
        let about = self.value.get("about")?;
        Some(About {
            publisher: about.get("publisher")?.as_str()?,
            project: about.get("project")?.as_str()?,
            statement: about
                .get("statement")
                .and_then(Value::as_str)
                .and_then(|id| names::parse_hash(id).ok()),
        })
    }

    /// The times that rules count from, in the order written.
    #[must_use]
    pub fn events(&self) -> Vec<(&str, OffsetTime)> {
        let events = self
            .value
            .get("events")
            .and_then(Value::members)
            .unwrap_or_default();
        events
            .iter()
            .filter_map(|(name, time)| Some((*name, OffsetTime::parse(time.as_str()?).ok()?)))
            .collect()
    }

    /// One such time.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<OffsetTime> {
        OffsetTime::parse(self.value.get("events")?.get(name)?.as_str()?).ok()
    }

    /// The members that depend on the kind.
    #[must_use]
    pub fn details(&self) -> Option<&Value<'a>> {
        self.value.get("details")
    }

    fn array(&self, name: &str) -> &[Value<'a>] {
        self.value
            .get(name)
            .and_then(Value::items)
            .unwrap_or_default()
    }
}

impl<'v> Document<'v> {
    /// A document object that has all four members; `None` otherwise.
    #[must_use]
    pub fn read(value: &'v Value<'_>) -> Option<Document<'v>> {
        Some(Document {
            name: value.get("name")?.as_str()?,
            media_type: value.get("media_type")?.as_str()?,
            size: u64::try_from(value.get("size")?.as_integer()?).ok()?,
            sha256: names::parse_hash(value.get("sha256")?.as_str()?).ok()?,
        })
    }
}
