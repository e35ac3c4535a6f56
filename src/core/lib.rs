#![doc = include_str!("README.md")]
#![warn(missing_docs)]

pub mod lang;
pub mod receipt;
pub mod rules;
pub mod tlog;
pub mod trade;
pub mod verify;
pub mod visible;

/// An error with its causes in one line, for the operator: `Display` of an error says its own part only.
pub fn chain_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        // Transparent errors repeat their source.
        if !line.ends_with(&part) {
            line.push_str(": ");
            line.push_str(&part);
        }
        cause = error.source();
    }
    line
}
