//! The real program in processes of its own: what a script, a keeper, a witness and an attacker meet.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod cli;
mod harness;
mod keeper;
mod witness;
