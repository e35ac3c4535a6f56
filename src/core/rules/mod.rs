//! 2b: the law as rules. From the records of a project, a pack, a calendar and a date follow findings, the same for everybody.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`calendar`] | which days are worked |
//! | [`pack`] | time limits as data |
//! | [`book`] | which files of packs and calendars are applied |
//! | [`facts`] | what rules read of a record, and which statement is in force |
//! | [`finding`] | what is answered |
//! | [`engine`] | what is due, done, late, too short, premature, missing |
//! | [`contradictions`] | what cannot both be so |
//! | [`words`] | the sentence of a finding |
//! | [`publicity`] | what became of publicities of candidates |
//! | [`statistics`] | counts over many projects |
//! | [`history`] | what replaced what, field by field |
//! | [`announced`] | which packs and calendars the log itself names |
//! | [`csv`] | findings as rows of a table |
//!
//! Pure: no clock, no store; the date is an argument. A finding is derived, never stored; it says what this ledger has not seen,
//! never that somebody broke the law.

pub mod announced;
pub mod book;
pub mod calendar;
pub mod contradictions;
pub mod csv;
pub mod engine;
pub mod facts;
pub mod finding;
pub mod history;
pub mod pack;
pub mod publicity;
pub mod statistics;
pub mod words;

pub use book::{Book, Law};
pub use engine::{AsOf, project_report};
pub use facts::Disclosure;
pub use finding::{Finding, Outcome, ProjectReport, Standing, ToldPart};

#[cfg(test)]
mod tests;
