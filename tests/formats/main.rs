//! The formats and the mathematics against what others published and wrote.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod house;
mod tlog_differential;
mod tlog_vectors;
