//! What the ledger promises, seen from outside: one binary, a file a danger.

mod audit;
mod crash;
mod faulty;
mod forge;
mod post;
mod race;
mod tamper;
mod world;
