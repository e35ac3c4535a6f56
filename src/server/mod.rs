//! 5: the one door to axum.

pub mod accept;
mod pace;

pub use pace::BodyTooSlow;
