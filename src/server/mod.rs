//! 5: the one door to axum.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`accept`] | connections: how many, how long, how slow |
//! | [`body`] | request bodies and their lines, bounded before memory is taken |
//! | [`cache`] | how long an answer may be kept |
//! | [`layers`] | what every answer has in common |
//! | [`problem`] | errors as the caller reads them, and the one table of their codes |

pub mod accept;
pub mod body;
pub mod cache;
pub mod layers;
mod pace;
pub mod problem;

pub use pace::BodyTooSlow;
