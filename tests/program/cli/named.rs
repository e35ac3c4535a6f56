//! Danger: a file that somebody names is none, and the command waits for ever, fills the memory, or puts a file where something else was.

use std::os::unix::fs::FileTypeExt;

use super::*;

#[test]
fn a_pipe_that_nobody_holds_keeps_no_command_waiting() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let url = served.url.as_str();
    let (key, policy) = (format!("{data}/keys/centre.key"), format!("{data}/policy"));
    let draft = desk.write("d.jsonl", &format!("{}\n", drafts(0..1)[0]));
    let receipts = desk.path("receipts");
    run(&[
        "post",
        "--ledger",
        url,
        "--key",
        &key,
        "--receipts",
        &receipts,
        &draft,
    ])
    .exits(0);
    let receipt = format!("{receipts}/2.tlog-proof");
    let pipe = desk.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );

    let (policy, receipt) = (policy.as_str(), receipt.as_str());
    let (key, draft, pipe) = (key.as_str(), draft.as_str(), pipe.as_str());
    for command in [
        &["verify", "--policy", pipe, receipt][..],
        &["verify", "--policy", policy, pipe],
        &["verify", "--policy", policy, "--document", pipe, receipt],
        &["verify", "--policy", policy, "--entry", pipe, receipt],
        &["post", "--ledger", url, "--key", pipe, draft],
        &["post", "--ledger", url, "--key", key, pipe],
        &["submit", "--ledger", url, pipe],
        &["sign", "--key", key, pipe],
        &["import", "ocds", "--ledger", url, "--key", key, pipe],
        &["audit", url, "--policy", policy, "--state", pipe],
        &["audit", url, "--policy", policy, "--report", pipe],
        &["monitor", url, "--policy", policy, "--state", pipe],
        &[
            "monitor",
            url,
            "--policy",
            policy,
            "--state",
            &desk.path("state"),
            "--events",
            pipe,
        ],
        &["monitor", "--policy", policy, "--check", pipe],
        &["findings", url, "--policy", policy, "--pack", pipe],
        &["receipt", "--ledger", url, "2", "-o", pipe],
        &[
            "receipt",
            "--ledger",
            url,
            "--policy",
            policy,
            "--refresh",
            pipe,
        ],
        &["export", "ocds", "--ledger", url, "-o", pipe],
        &["export", "national", "--ledger", url, "-o", pipe],
        &["verify-page", "-o", pipe],
        &["endorse", "--key", key, pipe],
        &["seal", "--book", pipe, "--key", key, "--bidder", "x", draft],
        &["vocabulary", "--extension", pipe],
        &["verify", "--ca", pipe, "--policy", policy, receipt],
    ] {
        let english = run(command).exits(3).says(&["pipe"]);
        // In the reader's language, and in no other.
        let chinese = run(&[&["--lang", "zh-CN"], command].concat()).exits(3);
        assert!(!english.err.contains("管道"), "{english:?}");
        assert!(!chinese.err.contains("is a pipe"), "{chinese:?}");
        assert_eq!(
            english.err.contains("is a pipe"),
            chinese.err.contains("它是管道"),
            "{chinese:?}"
        );
        let kind = std::fs::symlink_metadata(pipe).unwrap().file_type();
        assert!(kind.is_fifo(), "{command:?} replaced it");
    }
}

/// Danger: `-o` names a key by mistake, or a receipt of another ledger, which may be the only copy.
#[test]
fn what_stands_where_a_receipt_goes_is_not_lost() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let url = served.url.as_str();
    let key = desk.write("precious.key", "the only copy\n");
    run(&["receipt", "--ledger", url, "1", "-o", &key]).exits(0);
    assert_eq!(desk.read("precious.key.no-receipt-1"), "the only copy\n");
    assert!(desk.read("precious.key").contains("tlog-proof"));
    // That of the same record stays, that of another is told.
    run(&["receipt", "--ledger", url, "1", "-o", &key]).exits(0);
    run(&["receipt", "--ledger", url, "0", "-o", &key])
        .exits(3)
        .says(&["another record"]);
    assert!(!Path::new(&desk.path("precious.key.no-receipt-2")).exists());
}
