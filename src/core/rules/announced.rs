//! Which packs and calendars the operator has announced in the log, so that a report can say whether what it was made by is among them. Pure.

use std::collections::BTreeMap;

use super::book::Book;
use super::finding::ToldPart;
use crate::tlog::merkle::Hash;
use crate::trade::notice;
use crate::trade::statement::Statement;
use crate::trade::time::Time;

/// Files remembered, at most: the operator alone can announce any.
const ANNOUNCED_MAX: usize = 100_000;

/// What was announced, and where first.
#[derive(Clone, Debug, Default)]
pub struct Announced(BTreeMap<(String, Hash), (u64, Time)>);

impl Announced {
    /// Takes a record in.
    pub fn take(&mut self, index: u64, time: Time, statement: &Statement) {
        for one in notice::announcements(statement) {
            if self.0.len() < ANNOUNCED_MAX {
                self.0
                    .entry((one.what, one.sha256))
                    .or_insert((index, time));
            }
        }
    }

    /// The files of a book, each with the notice that announced it by then.
    #[must_use]
    pub fn of(&self, book: &Book, as_of: Time) -> Vec<ToldPart> {
        let told = |part: &super::book::Part| {
            let known = self.0.get(&(part.kind.as_str().to_owned(), part.sha256));
            ToldPart {
                what: part.kind.as_str(),
                version: part.version.clone(),
                sha256: part.sha256.to_string(),
                announced: known
                    .filter(|(_, time)| *time <= as_of)
                    .map(|(index, _)| *index),
            }
        };
        book.parts.iter().map(told).collect()
    }
}
