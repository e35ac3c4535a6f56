//! The HTTP service seen from outside: a file a topic.

mod accept;
mod batch;
mod documents;
mod files;
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
