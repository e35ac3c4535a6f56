//! What the ledger promises, seen from outside: one binary, a file a danger.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod bindings;
mod crash;
mod faulty;
mod forge;
mod late;
mod post;
mod power;
mod race;
mod replica;
mod server;
mod slips;
mod tamper;
mod vectors;
mod world;
