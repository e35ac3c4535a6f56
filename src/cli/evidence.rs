//! Evidence of two histories on disk, where nobody can lose it.
//!
//! Promises: no file that is there is overwritten, since what was found first may be the only copy; a name that is taken, a full or
//! unwritable folder lose nothing: another name, then the system's folder for temporary files, at last standard error take it. Never a
//! failure: whoever found a fork goes on telling of it.

use std::path::{Path, PathBuf};

use super::keys::{self, KeyFileError};
use super::out::Console;
use crate::said;
use crate::store::named;

/// Names that are tried in a folder: `NAME.txt`, `NAME-2.txt`, …
const NAMES_MAX: usize = 1_000;

/// Keeps `text` under `wanted` or the next free name and says where; `None` if nothing could be written: it then stands on standard error.
pub(super) fn keep(console: &Console, wanted: &Path, text: &str) -> Option<PathBuf> {
    let elsewhere = std::env::temp_dir().join(wanted.file_name().unwrap_or("evidence".as_ref()));
    for first in [wanted, &elsewhere] {
        match write(first, text) {
            Ok(path) => return Some(path),
            Err(error) => {
                let shown = first.display();
                let said = said!(
                    "证据写不到 {shown}",
                    "the evidence cannot be written to {shown}"
                );
                console.talk(&said.because(&crate::chain_of(&error)));
            }
        }
    }
    console.talk(&said!(
        "证据全文如下，请保存为文件：\n{text}",
        "this is the whole evidence, keep it as a file:\n{text}"
    ));
    None
}

fn write(wanted: &Path, text: &str) -> Result<PathBuf, KeyFileError> {
    let mut path = wanted.to_owned();
    for number in 2..=NAMES_MAX {
        match keys::create(&path, text.as_bytes(), 0o644) {
            Ok(()) => return Ok(path),
            Err(KeyFileError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        // The same evidence, found again, is kept once.
        if named::holds(&path, text.as_bytes()) {
            return Ok(path);
        }
        path = numbered(wanted, number);
    }
    Err(KeyFileError::Exists { path })
}

/// `evidence.txt` as `evidence-2.txt`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    const CONSOLE: Console = Console {
        lang: Lang::En,
        json: false,
    };

    /// Danger: the second fork that is found on a machine overwrites the evidence of the first, or is lost because its name is taken.
    #[test]
    fn evidence_is_kept_under_a_free_name_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("evidence.txt");
        let named = |name: &str| Some(folder.path().join(name));
        for (text, name) in [
            ("one", "evidence.txt"),
            ("two", "evidence-2.txt"),
            ("one", "evidence.txt"),
            ("three", "evidence-3.txt"),
            ("two", "evidence-2.txt"),
        ] {
            assert_eq!(keep(&CONSOLE, &wanted, text), named(name), "{text}");
            assert_eq!(
                std::fs::read_to_string(folder.path().join(name)).unwrap(),
                text
            );
        }
        // A folder stands where the file should, or there is no such folder.
        std::fs::create_dir(folder.path().join("taken")).unwrap();
        let beside = keep(&CONSOLE, &folder.path().join("taken"), "four");
        assert_eq!(beside, named("taken-2"));
        let name = format!("mingzhang-test-{}", std::process::id());
        let nowhere = folder.path().join("none").join(name);
        let elsewhere = keep(&CONSOLE, &nowhere, "five").unwrap();
        assert!(elsewhere.starts_with(std::env::temp_dir()), "{elsewhere:?}");
        std::fs::remove_file(elsewhere).unwrap();
    }
}
