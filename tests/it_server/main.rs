//! The HTTP service seen from outside: one binary, a file a topic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod accept;
mod batch;
mod documents;
mod hostile;
mod law;
mod pages;
mod portal;
mod post;
mod prefix;
mod read;
mod service;
mod withheld;
mod witnesses;
#[allow(
    dead_code,
    reason = "shared with the ledger's tests, which use the rest"
)]
#[path = "../it/world.rs"]
mod world;
