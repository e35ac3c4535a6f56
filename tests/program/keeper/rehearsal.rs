//! Danger: a page says what to do when a key is stolen, and on that day its commands do not work. Here they are run as they stand on the page.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Desk, drafts};

#[test]
fn the_operators_page_works_command_by_command() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page
        .split("```sh rehearsal\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 7, "the page has lost its rehearsal");
    let desk = Desk::new();
    desk.write("drafts.jsonl", &(drafts(0..3).join("\n") + "\n"));
    desk.write("more.jsonl", &(drafts(3..5).join("\n") + "\n"));
    // Each command is named when it fails, and the server ends with the shell.
    let script = format!(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n{}\n",
        blocks.join("\n")
    );
    let program = Path::new(env!("CARGO_BIN_EXE_mingzhang"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let ran = Command::new("bash")
        .args(["-x", "-c", &script])
        .current_dir(desk.path(""))
        .env("PATH", path)
        .env("LANG", "en_GB.UTF-8")
        .env_remove("LC_ALL")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{out}\n{err}");
    for wanted in [
        "revoke a key, for ever",
        "suspect since: 2026-11-20T00:00:00+08:00",
        "replace the authorities",
        "log  Operator",
        "no fault found",
        "record 10",
        "endorsed by the supervisor office.example",
    ] {
        assert!(out.contains(wanted), "no {wanted:?} in\n{out}\n{err}");
    }
}

/// The second table of the gallery names a test for each attack, and that test is there.
#[test]
fn every_attack_with_the_right_keys_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/tamper-gallery.md")).unwrap();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| R")) {
        let test = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut words = test.split('`');
        let (file, name) = (words.nth(1).unwrap(), words.nth(1).unwrap());
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        let begin = text
            .find(&format!("fn {name}("))
            .unwrap_or_else(|| panic!("{file} has no test {name}, wanted by {line}"));
        if let Some(label) = test.split('“').nth(1) {
            let label = label.trim_end_matches('”');
            assert!(
                text[begin..].contains(&format!("\"{label}\"")),
                "{name} has no row {label:?}"
            );
        }
        rows += 1;
    }
    assert!(rows >= 40, "{rows} rows");
}
