//! Which law is applied: pack and calendar with every file they were made of, by version and SHA-256. Pure.
//!
//! Promises: what is judged by is what is named; two books with the same digests give the same answers.

use serde::Serialize;

use super::calendar::{Calendar, CalendarError};
use super::finding::ToldPart;
use super::pack::{Pack, PackError};
use crate::tlog::merkle::Hash;

/// A pack, a calendar, and the files they are of.
#[derive(Clone, Debug)]
pub struct Book {
    /// The rules.
    pub pack: Pack,
    /// The working days.
    pub calendar: Calendar,
    /// The files, in the order in which they were laid over each other.
    pub parts: Vec<Part>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// Rules.
    RulePack,
    /// Working days.
    Calendar,
}

impl PartKind {
    /// The word in a `notice` and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PartKind::RulePack => "rule_pack",
            PartKind::Calendar => "calendar",
        }
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub kind: PartKind,
    /// The version that it names.
    pub version: String,
    /// Of its bytes.
    pub sha256: Hash,
}

impl Default for Book {
    fn default() -> Book {
        Book::builtin()
    }
}

impl Book {
    /// What is compiled in.
    #[must_use]
    pub fn builtin() -> Book {
        let (pack, calendar) = (Pack::builtin().clone(), Calendar::builtin().clone());
        let part = |kind, version: &str, text: &str| Part {
            kind,
            version: version.to_owned(),
            sha256: Hash::sha256(text.as_bytes()),
        };
        let parts = vec![
            part(PartKind::RulePack, &pack.version, Pack::BUILTIN_TEXT),
            part(
                PartKind::Calendar,
                calendar.version(),
                Calendar::BUILTIN_TEXT,
            ),
        ];
        Book {
            pack,
            calendar,
            parts,
        }
    }

    /// The same with a pack on top: it adds rules, or replaces those of the same id.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn with_pack(mut self, text: &str) -> Result<Book, PackError> {
        let pack = Pack::parse(text)?;
        self.parts.push(Part {
            kind: PartKind::RulePack,
            version: pack.version.clone(),
            sha256: Hash::sha256(text.as_bytes()),
        });
        self.pack = self.pack.with(pack);
        Ok(self)
    }

    /// The same with the holidays of a region on top, or, if the file names no region, with this national calendar instead.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn with_calendar(mut self, text: &str) -> Result<Book, CalendarError> {
        let before = self.calendar.version().to_owned();
        if Calendar::is_national(text) {
            self.calendar = self.calendar.with_national(text)?;
            // The national calendar before is not counted by any more.
            let replaced = self
                .parts
                .iter()
                .position(|part| part.kind == PartKind::Calendar);
            if let Some(replaced) = replaced {
                self.parts.remove(replaced);
            }
        } else {
            self.calendar = self.calendar.with_overlay(text)?;
        }
        let version = self.calendar.version();
        let own = version
            .strip_prefix(before.as_str())
            .and_then(|rest| rest.strip_prefix('+'))
            .unwrap_or_else(|| version.split('+').next().unwrap_or_default());
        let part = Part {
            kind: PartKind::Calendar,
            version: own.to_owned(),
            sha256: Hash::sha256(text.as_bytes()),
        };
        self.parts.push(part);
        Ok(self)
    }

    /// For the engine; what the log tells of these files is [`Announced::of`](super::announced::Announced::of) this book.
    #[must_use]
    pub fn law<'a>(&'a self, told: &'a [ToldPart]) -> Law<'a> {
        Law {
            pack: &self.pack,
            calendar: &self.calendar,
            told,
        }
    }
}

/// The law as this ledger counts it.
#[derive(Clone, Copy, Debug)]
pub struct Law<'a> {
    /// The rules.
    pub pack: &'a Pack,
    /// The working days.
    pub calendar: &'a Calendar,
    /// The files of both, each with the notice that announced it by the day of the question.
    pub told: &'a [ToldPart],
}

impl Law<'static> {
    /// What is compiled in, of no log: its files are not named.
    #[must_use]
    pub fn builtin() -> Law<'static> {
        Law {
            pack: Pack::builtin(),
            calendar: Calendar::builtin(),
            told: &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_names_every_file_it_is_made_of() {
        let overlay = r#"{"version":"gx.1","region":"450000","off":["2026-04-20"]}"#;
        let book = Book::builtin()
            .with_pack("version = \"own.1\"\n")
            .unwrap()
            .with_calendar(overlay)
            .unwrap();
        let told: Vec<(&str, &str)> = book
            .parts
            .iter()
            .map(|part| (part.kind.as_str(), part.version.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("rule_pack", "cn-2026.1"),
                ("calendar", "cn-2026.1"),
                ("rule_pack", "own.1"),
                ("calendar", "gx.1")
            ]
        );
        assert_eq!(book.parts[3].sha256, Hash::sha256(overlay.as_bytes()));
        // The next year's holidays, as the State Council publishes them, without a rebuild.
        let next = Calendar::BUILTIN_TEXT.replace("\"cn-2026.1\"", "\"cn-2027.1\"");
        let book = book.with_calendar(&next).unwrap();
        assert_eq!(book.calendar.version(), "cn-2027.1+gx.1");
        let told: Vec<&str> = book
            .parts
            .iter()
            .map(|part| part.version.as_str())
            .collect();
        assert_eq!(told, ["cn-2026.1", "own.1", "gx.1", "cn-2027.1"]);
        assert!(Book::builtin().with_calendar("{}").is_err());
        assert!(Book::builtin().with_pack("x").is_err());
    }
}
