//! `--policy`: policy files and folders of them, wherever a command asks whom to trust.
//!
//! Promises: a file that is named and cannot be read is an error, also inside a folder; two policies of which it could not be said which
//! judges are refused with both names. Of a folder the files `policy` and `*.policy` are read, in the order of their names, none below it.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::judged;
use super::out::{Exit, Failure};
use super::read_file;
use crate::lang::Said;
use crate::said;
use crate::tlog::policy::{
    ConflictError, JudgeError, POLICY_BYTES_MAX, PassedOver, Policy, check_together,
};

/// Policies in one folder, at most.
const FILES_MAX: usize = 256;

/// Policies with the files they are from.
#[derive(Clone, Debug)]
pub(super) struct Policies {
    files: Vec<PathBuf>,
    policies: Vec<Policy>,
}

impl Deref for Policies {
    type Target = [Policy];

    fn deref(&self) -> &[Policy] {
        &self.policies
    }
}

impl Policies {
    /// Reads all that is named. The same policy twice is one.
    pub fn read(named: &[PathBuf]) -> Result<Policies, Failure> {
        let mut found = Policies {
            files: Vec::new(),
            policies: Vec::new(),
        };
        for path in named {
            for file in files_of(path)? {
                let policy = read_policy(&file)?;
                if !found.policies.contains(&policy) {
                    found.files.push(file);
                    found.policies.push(policy);
                }
            }
        }
        check_together(&found.policies).map_err(|conflict| {
            let (ConflictError::SameTime { places, .. } | ConflictError::Genesis { places, .. }) =
                &conflict;
            let (one, other) = (
                found.files[places.0].display(),
                found.files[places.1].display(),
            );
            Failure::input(
                "policies-conflict",
                said!(
                    "{one} 与 {other} 不能同时使用",
                    "{one} and {other} cannot be used together"
                )
                .because(&conflict),
            )
        })?;
        Ok(found)
    }

    /// The file of one of them.
    pub fn file(&self, at: usize) -> &Path {
        &self.files[at]
    }

    /// Which one judged, and why that one.
    pub fn why(&self, judged: usize, passed_over: &[PassedOver], size: u64) -> Said {
        let file = self.files[judged].display();
        let mut why = match self.policies[judged].until() {
            Some(until) => said!(
                "{file}（适用至 {until} 条，此检查点为 {size} 条）",
                "{file} (retired, for trees up to {until}; this one has {size})"
            ),
            None => said!("{file}（现行）", "{file} (in force)"),
        };
        for passed in passed_over {
            let file = self.files[passed.policy].display();
            let more = match &passed.error {
                None => said!("；按 {file} 见证不足", "; by {file} witnesses are missing"),
                Some(error) => said!(
                    "；{file} 不认可（{error}）",
                    "; {file} does not accept it ({error})"
                ),
            };
            why.zh.push_str(&more.zh);
            why.en.push_str(&more.en);
        }
        why
    }
}

/// That a checkpoint could not be judged, if that is all: no policy given is for its log and size, or it is none. Neither speaks against the log.
pub(super) fn unjudged(error: &JudgeError) -> Option<Failure> {
    let (exit, code, said) = match error {
        JudgeError::NoneFits { .. } => (
            Exit::Policy,
            "cannot-be-judged",
            said!(
                "无法判断：没有适用的策略，账本未核；请向可信的来源取得该账本、该时期的策略文件",
                "cannot be judged: no policy given fits, and the log was not looked at further; get its policy file for that time from a source that you trust"
            ),
        ),
        JudgeError::Form(_) => (
            Exit::Input,
            "checkpoint",
            said!(
                "所给的不是检查点，什么也证明不了；请核对地址",
                "what is given is no checkpoint and proves nothing; check the address"
            ),
        ),
        JudgeError::Refused { .. } => return None,
    };
    Some(Failure::new(
        exit,
        code,
        said.then(&judged::of_checkpoint(error)),
    ))
}

/// A file, or the policies in a folder.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::input(
            "policy",
            said!("读不了目录 {shown}", "cannot read the folder {shown}").because(&error),
        )
    };
    let mut files = Vec::new();
    for found in std::fs::read_dir(path).map_err(unreadable)? {
        let file = found.map_err(unreadable)?.path();
        let named = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_policy =
            named == "policy" || (named.ends_with(".policy") && !named.starts_with('.'));
        if is_policy && !file.is_dir() {
            files.push(file);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::input(
                "policy",
                said!(
                    "{shown} 中的策略文件超过 {FILES_MAX} 个",
                    "the folder {shown} has more than {FILES_MAX} policies"
                ),
            ));
        }
    }
    if files.is_empty() {
        return Err(Failure::input(
            "policy",
            said!(
                "{shown} 中没有策略文件（policy 或 *.policy）",
                "the folder {shown} has no policy (a file `policy` or `*.policy`)"
            ),
        ));
    }
    files.sort();
    Ok(files)
}

/// Reads a policy file.
pub(super) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let bytes = read_file(path, POLICY_BYTES_MAX as u64)?;
    Policy::parse(&crate::receipt::unix(&bytes)).map_err(|error| {
        let (shown, cause) = (path.display(), crate::chain_of(&error));
        Failure::input(
            "policy",
            said!("{shown} 不是策略文件", "{shown} is not a policy file").because(&cause),
        )
    })
}
