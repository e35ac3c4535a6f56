//! bench
use super::out::{Answer, Console, Failure};
use super::plain;
use clap::Args;
/// x
#[derive(Debug, Args)]
pub struct Arguments {}
pub(super) fn run(_c: &Console, _a: &Arguments) -> Result<Answer, Failure> {
    Ok(plain("x", ""))
}
