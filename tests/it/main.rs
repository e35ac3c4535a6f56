//! What the ledger promises, seen from outside: one binary, a file a danger.

mod crash;
mod faulty;
mod post;
mod race;
mod world;
