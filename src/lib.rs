//! mingzhang 明账: an append-only, hash-chained, Merkle-proved log of public-resource trading disclosures.
//!
//! A trading centre signs what it announces; the ledger chains and publishes it; anyone can check, offline and trusting nobody, that nothing
//! was altered, dropped, back-dated or shown differently to different people.
//!
//! Reading order, which is also the order of dependence: [`tlog`] (the C2SP formats and their mathematics), [`trade`] (what publishers say),
//! [`rules`] (the law, as findings), [`import`] (what others have published, as drafts),
//! [`receipt`] and [`verify`] (the offline verdict), [`store`] (objects by name), [`ledger`] (the running log), [`search`] and [`law`] (what is
//! derived from it), [`audit`] (replay of a whole log), [`witness`], [`server`] (HTTP and the portal) and [`cli`]. `docs/ARCHITECTURE.md` is the map, `docs/format.md` has the bytes.

#![warn(missing_docs)]

pub mod audit;
pub mod cli;
pub mod export;
pub mod import;
pub mod law;
pub mod ledger;
pub mod search;
pub mod server;
pub mod store;
pub mod witness;

pub use mingzhang_core::{chain_of, lang, receipt, rules, said, tlog, trade, verify};
