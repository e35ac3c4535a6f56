//! The tool works: its figures are of what was made. Nothing is said of speed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

use serde_json::Value;

fn figures(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingzhang-bench"));
    let output = command
        .args(arguments)
        .arg("--json")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "something is left behind"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_law_is_asked_of_every_project_that_was_made() {
    let told = figures(&["--law", "20"]);
    assert_eq!(told["projects"], 20);
    // Two begin the log; every tenth project lacks its contract.
    assert_eq!(told["records"], 2 + 200 - 2);
    assert!(told["findings"].as_u64().unwrap() > 20, "{told}");
}

#[test]
fn posts_reads_and_audit_have_rates() {
    let told = figures(&["--quick", "--records", "1000"]);
    assert!(told["audit_per_s"].as_f64().unwrap() > 0.0, "{told}");
    let posts = told["posts"].as_array().unwrap();
    assert_eq!(posts.len(), 7, "{told}");
    assert!(posts.iter().all(|run| run["done"].as_u64().unwrap() > 0));
}

#[test]
fn searches_find_what_was_posted_and_imported() {
    let told = figures(&["--quick", "--scale", "10000"]);
    assert_eq!(told["records"], 2 + 1000 + 1000);
    let reads = told["reads"].as_array().unwrap();
    assert!(reads.iter().any(|read| read["hits"] == 1), "{told}");
}
