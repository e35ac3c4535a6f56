//! `audit` and `mirror`.
use super::out::{Answer, Console, Failure};
use super::plain;
use clap::Args;
#[derive(Debug, Args)]
pub(super) struct AuditArguments {}
#[derive(Debug, Args)]
pub(super) struct MirrorArguments {}
pub(super) fn audit(_c: &Console, _a: &AuditArguments) -> Result<Answer, Failure> {
    Ok(plain("x", ""))
}
pub(super) fn mirror(_c: &Console, _a: &MirrorArguments) -> Result<Answer, Failure> {
    Ok(plain("x", ""))
}
pub(super) fn audit_quietly(_url: &str, _p: crate::tlog::policy::Policy) -> Result<u64, Failure> {
    Ok(0)
}
