//! 2: what publishers say, in bytes and in rules. Pure: no clock, no randomness, no store; imports [`crate::tlog`] only.

pub mod json;
pub mod keys;
pub mod names;
pub mod record;
pub mod statement;
pub mod time;
pub mod vocabulary;
