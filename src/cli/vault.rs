//! The file of openings that stay with the centre: value and salt of every commitment whose opening is not sent to the ledger.
//!
//! One JSON object a line, `{"statement","ref","openings"}`, as `openings` of a post has them. Promises: added to, never
//! overwritten; readable by its owner only; durable before the statement is sent, because a salt that is lost is lost for
//! ever. A line whose statement the ledger does not have opens nothing. Does not encrypt: the disk of the centre does.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::out::Failure;
use crate::said;
use crate::store::named;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::Openings;

/// What opens the commitments of one statement.
pub(super) struct Kept<'k> {
    /// The statement's id.
    pub id: &'k Hash,
    /// Its `ref`.
    pub reference: &'k str,
    /// Salts and values.
    pub openings: &'k Openings,
}

/// A file of openings, made when the first line is written.
#[derive(Debug)]
pub(super) struct Vault {
    path: PathBuf,
    file: Option<File>,
    kept: usize,
}

impl Vault {
    /// The file at `path`, which is not touched before there is something to keep.
    pub fn new(path: &Path) -> Vault {
        Vault {
            path: path.to_owned(),
            file: None,
            kept: 0,
        }
    }

    /// Adds the openings of statements that are about to be sent.
    pub fn keep(&mut self, kept: &[Kept<'_>]) -> Result<(), Failure> {
        let lines: String = kept
            .iter()
            .map(|one| {
                let openings: Value = serde_json::from_slice(&one.openings.encode())
                    .expect("openings are encoded as JSON");
                let (id, reference) = (one.id.to_string(), one.reference);
                let line = json!({ "statement": id, "ref": reference, "openings": openings });
                format!("{line}\n")
            })
            .collect();
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let opened = named::append(&self.path, 0o600);
                let opened = opened.map_err(|error| failed(&self.path, &error))?;
                self.file.insert(opened)
            }
        };
        file.write_all(lines.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|error| failed(&self.path, &error))?;
        self.kept += kept.len();
        Ok(())
    }

    /// Statements whose openings were kept in this run.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Where.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let shown = path.display();
    Failure::input(
        "openings",
        said!(
            "写不了承诺值原文文件 {shown}",
            "cannot write the file of openings {shown}"
        )
        .because(error),
    )
}

/// That there is no such file, and there ought to be.
pub(super) fn no_vault() -> Failure {
    Failure::usage(
        "openings",
        said!(
            "草稿里有不公开的内容，只发布承诺值；请用 --openings FILE 指明原文存放处",
            "these drafts hold what is withheld, of which only commitments are published; say with --openings FILE where to keep what opens them"
        ),
    )
}
