//! mingzhang 明账: an append-only, hash-chained, Merkle-proved log of public-resource trading disclosures.
pub mod server;
pub mod tlog;
pub mod trade;
