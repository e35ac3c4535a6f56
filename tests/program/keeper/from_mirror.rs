//! Danger: what was logged after the last backup is lost with the machine, although a mirror has it all; or a mirror that must not be gone on
//! from is gone on from.

use super::trust::with_witnesses;
use super::*;

/// Post, back up, post on, mirror, lose the machine: mirror and backup together are the ledger again.
#[test]
fn a_mirror_and_an_older_backup_bring_a_writer_back() {
    let desk = Desk::new();
    let path = |name: &str| desk.path(name);
    let (data, keys, key) = (path("data"), path("keys"), path("keys/centre.key"));
    run(&["init", "--data", &data, "--keys", &keys, "--origin", ORIGIN]).exits(0);
    copy(&format!("{data}/policy"), &path("policy"));
    let with_keys = ["--keys", keys.as_str()];
    let served = Served::start_with(&data, &with_keys);
    post(&desk, &served, &key, 0..4).exits(0);
    served.until_checkpoint();
    run(&["backup", "--data", &data, &path("backup")]).exits(0);
    run(&[
        "mirror",
        &served.url,
        &path("old-mirror"),
        "--policy",
        &path("policy"),
    ])
    .exits(0);
    let file = desk.write("more.jsonl", &(drafts(4..9).join("\n") + "\n"));
    let receipts = path("receipts");
    run(&[
        "post",
        "--ledger",
        &served.url,
        "--key",
        &key,
        "--receipts",
        &receipts,
        &file,
    ])
    .exits(0);
    // At once: what was acknowledged is in the mirror, `checkpoint` or not.
    run(&[
        "mirror",
        &served.url,
        &path("mirror"),
        "--policy",
        &path("policy"),
    ])
    .exits(0)
    .says(&["11 records"]);
    drop(served);
    std::fs::remove_dir_all(&data).unwrap();

    // The backup alone is refused, and says what there is to do.
    run(&[
        "restore",
        &path("backup"),
        "--data",
        &path("b"),
        "--keys",
        &keys,
    ])
    .exits(1)
    .says(&["has signed 11 records, the backup has 6", "--from-mirror"]);
    let from = |mirror: &str, more: &[&str]| {
        let (mirror, to) = (path(mirror), path("back"));
        let base = [
            "restore",
            "--json",
            "--from-mirror",
            &mirror,
            "--data",
            &to,
            "--keys",
            &keys,
        ];
        run(&[&base[..], more].concat())
    };
    let (backup, policy) = (path("backup"), path("policy"));
    let and_backup = ["--backup", backup.as_str()];
    let trusted = ["--policy", policy.as_str()];

    // Behind, damaged, of another log, beside, without a policy, older than the backup: refused by name, and nothing is written.
    from("old-mirror", &trusted)
        .exits(1)
        .json("behind-last-signed");
    // With a quorum, what was signed and not cosigned is in no mirror: it says where else to look.
    let quorum = desk.write("quorum", &with_witnesses(&desk.read("policy"), 2));
    from("old-mirror", &["--policy", &quorum])
        .exits(1)
        .says(&["is in no mirror, only in a backup or on the old disk"]);
    copy(&path("mirror"), &path("damaged"));
    let tile = path("damaged/tile/entries/000.p/11");
    let mut bytes = std::fs::read(&tile).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    from("damaged", &trusted)
        .exits(1)
        .says(&["the mirror is damaged"]);
    init(&desk, "other", "ledger.example/other");
    let other = path("other/policy");
    from("mirror", &["--policy", &other])
        .exits(1)
        .json("other-log");
    from("mirror", &[]).exits(2).json("policy");
    from("backup", &trusted).exits(3).json("no-mirror");
    assert!(!Path::new(&path("back")).exists());

    let restored = from("mirror", &and_backup).exits(0).json("restored");
    assert_eq!(restored["records"], 11);
    assert_eq!(restored["last_signed"], true);
    let named = restored["documents_missing"].as_array().unwrap();
    assert!(named.iter().all(|document| document["sha256"].is_string()));
    from("mirror", &and_backup).exits(3).json("exists");

    // It goes on where it was, and what was promised before is still good.
    let served = Served::start_with(&path("back"), &with_keys);
    post(&desk, &served, &key, 9..11).exits(0);
    served.until_published("13");
    assert_eq!(served.terminate(), Some(0));
    run(&["audit", &path("back"), "--policy", &policy]).exits(0);
    for index in 6..11 {
        let receipt = format!("{receipts}/{index}.tlog-proof");
        run(&["verify", &receipt, "--policy", &policy]).exits(0);
    }
}
