//! 2: what publishers say, in bytes and in rules. Pure: no clock, no randomness, no store; imports [`crate::tlog`] only.
//!
//! The way of a statement through here: [`statement::Statement::parse`] reads the posted bytes by [`json`]'s grammar and
//! judges what log rules read; [`keys::KeyState`] says whether its signature counts; [`door::check`] says what a ledger
//! asks beyond that; [`log_rules::judge`] decides whether it may stand at its place; [`record::encode_entry`] gives the
//! bytes that the log hashes.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`json`] | the strict grammar of a text |
//! | [`names`], [`time`], [`identifiers`] | forms of names, ids, times, and of the numbers that notices carry |
//! | [`statement`] | a signed text, its chain, and drafts on their way to one |
//! | [`keys`] | which keys are in force, and the evidence for it |
//! | [`record`] | index, link, time and note as an entry |
//! | [`log_rules`] | what never changes within `v` 1 |
//! | [`door`], [`vocabulary`] | what may change: members, stages, kinds, categories |
//! | [`commitment`], [`guard`] | what stands for a natural person, and what of a plain draft must be one |
//! | [`persons`] | the one recogniser of natural persons, in names and in text |
//! | [`disclosure`] | what a publisher signs to open a commitment later |
//! | [`sealed`] | registers of sealed bids, and what a bidder can prove |
//! | [`notice`] | which files the operator announces by digest |
//! | [`orders`] | what is withheld or erased, and by which order |
//!
//! `docs/format.md` says the same for those who read bytes and not Rust.

pub mod commitment;
pub mod disclosure;
pub mod door;
pub mod guard;
pub mod identifiers;
pub mod json;
pub mod keys;
pub mod log_rules;
pub mod names;
pub mod notice;
pub mod orders;
pub mod persons;
pub mod record;
pub mod sealed;
pub mod statement;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod vocabulary;

pub use crate::visible;

#[cfg(test)]
mod vectors;
