//! Danger: a receipt that nobody has witnessed passes for one that was; a policy of another time judges; a receipt is replaced by a worse one,
//! or by one of another history; the ledger is gone and with it the proof.

use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::note::Note;

use super::{Desk, ORIGIN, Served, copy, init, post, run};

/// Witnesses of the test: `w1`, `w2`, `w3`.
pub fn witness(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
}

/// A policy like the one given, with a quorum of `need` of three witnesses.
pub fn with_witnesses(policy: &str, need: u8) -> String {
    let mut text: String = policy
        .lines()
        .filter(|line| !line.starts_with("quorum"))
        .map(|line| format!("{line}\n"))
        .collect();
    for number in 1..=3 {
        let vkey = witness(number).vkey().to_string();
        text.push_str(&format!("witness w{number} {vkey}\n"));
    }
    text + &format!("group offices {need} w1 w2 w3\nquorum offices\n")
}

/// Adds cosignatures to a checkpoint file.
pub fn cosign(path: &str, witnesses: &[u8], time: u64) {
    let mut note = Note::parse(&std::fs::read(path).unwrap()).unwrap();
    for number in witnesses {
        note.signatures
            .push(witness(*number).sign(&note.text, time));
    }
    std::fs::write(path, note.encode()).unwrap();
}

#[test]
fn a_receipt_says_who_has_witnessed_it_and_is_refreshed_only_for_the_better() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let forked = desk.path("forked");
    copy(&data, &forked);
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..5).exits(0);
    let receipt = desk.path("receipt");
    served.until_published("7");
    let fetch = ["receipt", "--ledger", &served.url, "3", "-o", &receipt];
    run(&fetch).exits(0);
    run(&["verify", &receipt, "--policy", &policy])
        .exits(0)
        .says(&["in force"]);

    // By a policy with witnesses it is signed and no more: each witness is named, and what is missing.
    let strict = desk.write("strict", &with_witnesses(&desk.read("data/policy"), 2));
    let verdict = run(&["verify", &receipt, "--policy", &strict, "--json"])
        .exits(5)
        .json("not-yet-witnessed");
    let record = &verdict["verdicts"][0]["record"];
    assert_eq!(record["quorum"]["met"], false);
    assert_eq!(
        record["quorum"]["missing"],
        serde_json::json!([{ "group": "offices", "missing": 2, "of": ["w1", "w2", "w3"] }])
    );
    assert_eq!(record["witnesses"].as_array().unwrap().len(), 3);
    assert!(record["witnesses"][0]["cosigned"].is_null());
    run(&["verify", &receipt, "--policy", &strict])
        .exits(5)
        .says(&["w2.example", "has not cosigned", "lacks 2 of: w1, w2, w3"]);
    run(&["verify", &receipt, "--policy", &strict, "--lang", "zh-CN"])
        .exits(5)
        .says(&["未联署此检查点", "还缺 2 个，可由下列补足：w1, w2, w3"]);

    // Nothing better there yet; one witness is not enough; two are.
    let mirror = desk.path("mirror");
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
    let before = desk.read("receipt");
    let refresh = |from: &[&str], policy: &str| {
        run(&[
            &["receipt", "--refresh", &receipt, "--policy", policy][..],
            from,
        ]
        .concat())
    };
    refresh(&["--ledger", &served.url], &strict)
        .exits(5)
        .says(&["left as it is"]);
    refresh(&["--mirror", &mirror], &policy)
        .exits(0)
        .says(&["has all witnesses that the policy wants already"]);
    for (size, witness) in [("checkpoint", 1), ("checkpoints/00000000000000000007", 3)] {
        cosign(&format!("{mirror}/{size}"), &[witness], 1_795_000_000);
    }
    refresh(&["--mirror", &mirror], &strict).exits(5);
    run(&["receipt", "--refresh", &receipt, "--mirror", &mirror])
        .exits(2)
        .says(&["give --policy"]);
    assert_eq!(desk.read("receipt"), before);
    cosign(&format!("{mirror}/checkpoint"), &[2], 1_795_000_060);
    // As an editor has saved it.
    desk.write(
        "receipt",
        &format!("\u{feff}{}", before.replace('\n', "\r\n")),
    );
    refresh(&["--mirror", &mirror], &strict)
        .exits(0)
        .says(&["replaced by a witnessed one"]);
    let extra = |text: &str| text.lines().nth(1).unwrap().to_owned();
    assert_eq!(extra(&desk.read("receipt")), extra(&before));
    run(&["verify", &receipt, "--policy", &strict])
        .exits(0)
        .says(&[
            "✔ witness w1 (w1.example): cosigned at 2026-11-18T",
            "○ witness w3 (w3.example): has not cosigned",
            "witnesses: 2 of 2",
        ]);
    refresh(&["--mirror", &mirror], &strict)
        .exits(0)
        .says(&["has all witnesses that the policy wants already"]);

    // A witness's line that does not hold, or by another key, is not a witness.
    let other = desk
        .read("receipt")
        .replace("— w2.example ", "— w3.example ");
    let other = desk.write("other", &other);
    run(&["verify", &other, "--policy", &strict])
        .exits(5)
        .says(&["not counted: the policy knows this name, but with another key ID"]);

    // The operator with the log key: another history has a witnessed checkpoint. The receipt is not given up for it.
    let alone = desk.write("alone", &before);
    drop(served);
    let served = Served::start(&forked);
    post(&desk, &served, &key, 20..25).exits(0);
    served.until_published("7");
    assert_eq!(served.terminate(), Some(0));
    cosign(&format!("{forked}/log/checkpoint"), &[1, 2], 1_795_000_120);
    let evidence = desk.path("evidence");
    let refused = run(&[
        "receipt",
        "--refresh",
        &alone,
        "--mirror",
        &forked,
        "--policy",
        &strict,
        "--evidence",
        &evidence,
    ]);
    refused.exits(6).says(&["this proves it"]);
    assert_eq!(desk.read("alone"), before);
    run(&["verify", &evidence, "--policy", &policy])
        .exits(6)
        .says(&["this proves it"]);
    run(&["verify", &evidence, "--policy", &strict, "--json"])
        .exits(6)
        .json("contradiction");
    let altered = desk.read("evidence").replacen("\n7\n", "\n8\n", 1);
    let altered = desk.write("altered", &altered);
    run(&["verify", &altered, "--policy", &policy])
        .exits(1)
        .says(&["proves nothing"]);
}

/// Policies that change: each tree is judged by the one of its time, from files or a folder, and the verdict says by which.
#[test]
fn policies_over_time_are_taken_from_a_folder() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..5).exits(0);
    served.until_published("7");
    let receipt = desk.path("receipt");
    // Of a mirror, which has the checkpoint of 7 records only; the ledger may have kept an earlier one.
    let mirror = desk.path("mirror");
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
    run(&[
        "receipt", "--mirror", &mirror, "3", "--policy", &policy, "-o", &receipt,
    ])
    .exits(0);

    let folder = desk.path("policies");
    std::fs::create_dir(&folder).unwrap();
    run(&["verify", &receipt, "--policy", &folder])
        .exits(3)
        .says(&["has no policy"]);
    let now = with_witnesses(&desk.read("data/policy"), 2);
    desk.write("policies/now.policy", &now);
    desk.write("policies/README.md", "not a policy\n");
    run(&["verify", &receipt, "--policy", &folder]).exits(5);
    // The office's files say: until 7 records there were no witnesses.
    let first = desk.read("data/policy");
    let retired = |until: u64| format!("# mingzhang until {until}\n{first}");
    desk.write("policies/2025.policy", &retired(7));
    for command in [
        &["verify", &receipt, "--policy", &folder][..],
        &["audit", &data, "--policy", &folder],
        &[
            "mirror",
            &served.url,
            &desk.path("mirror"),
            "--policy",
            &folder,
        ],
    ] {
        run(command).exits(0);
    }
    let verdict = run(&["verify", &receipt, "--policy", &folder, "--json"])
        .exits(0)
        .json("verified");
    let used = &verdict["verdicts"][0]["record"]["policy"];
    assert!(used["file"].as_str().unwrap().ends_with("2025.policy"));
    assert_eq!(used["until"], 7);
    run(&["verify", &receipt, "--policy", &folder, "--lang", "zh-CN"])
        .exits(0)
        .says(&["2025.policy（适用至 7 条，此检查点为 7 条）"]);
    // Past its end it judges nothing; alone, nothing fits.
    desk.write("policies/2025.policy", &retired(6));
    run(&["verify", &receipt, "--policy", &folder]).exits(5);
    run(&[
        "verify",
        &receipt,
        "--policy",
        &desk.path("policies/2025.policy"),
    ])
    .exits(5)
    .says(&[
        "cannot be judged",
        "no policy given is for",
        "until 6 records",
        "Ask for the policy",
    ]);
    // Two for the same time cannot be told apart; a misspelt one in the folder is not passed over.
    run(&["verify", &receipt, "--policy", &folder, "--policy", &policy])
        .exits(3)
        .says(&["cannot be used together", "# mingzhang until"]);
    desk.write("policies/2024.policy", "quorum all\n");
    run(&["verify", &receipt, "--policy", &folder])
        .exits(3)
        .says(&["2024.policy", "is not a policy file"]);
}

/// Danger: a copy that was broken off is a wrong copy, or is never made whole; the public is shown what was not verified; with the ledger the
/// proofs are gone. Kills at every stage, a replica that reads meanwhile, and then the ledger is gone for good.
#[test]
fn a_mirror_survives_kills_is_served_and_proves_everything_alone() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    let mirror = desk.path("mirror");
    let replica = Served::start_replica(&mirror, &policy);
    let http = replica.http();
    assert!(
        http.get("checkpoint", 1 << 16).is_err(),
        "nothing is there yet"
    );

    // The copy is begun at several sizes, and killed after each further file; what its checkpoint implies holds every time.
    for (round, range) in [0..100, 100..300, 300..310].into_iter().enumerate() {
        post(&desk, &served, &key, range.clone()).exits(0);
        served.until_published(&format!("{}", range.end + 2));
        for kill_at in 1..6 {
            let before = files(&mirror);
            let mut child = super::program()
                .args(["mirror", &served.url, &mirror, "--policy", &policy])
                .args(["--follow", "1"])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let whole = |size: usize| {
                let note = std::fs::read_to_string(format!("{mirror}/checkpoint"));
                note.is_ok_and(|note| note.lines().nth(1) == Some(&size.to_string()))
                    && !std::path::Path::new(&format!("{mirror}/mirroring")).exists()
            };
            while files(&mirror) < before + kill_at && !whole(range.end + 2) {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if std::path::Path::new(&format!("{mirror}/checkpoint")).exists() {
                run(&["audit", &mirror, "--policy", &policy]).exits(0);
            }
        }
        run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
        run(&["audit", &mirror, "--policy", &policy]).exits(0);
        let size = range.end as u64 + 2;
        // Exactly what the checkpoint implies, and its kept copies: nothing else is left over.
        let implied = mingzhang::tlog::tile::Tile::implied(size).count();
        assert_eq!(files(&format!("{mirror}/tile")), implied, "round {round}");
        assert!(!std::path::Path::new(&format!("{mirror}/mirroring")).exists());
        replica.until(|http| {
            let note = http.get("checkpoint", 1 << 16).ok().flatten();
            note.is_some_and(|note| {
                String::from_utf8_lossy(&note).lines().nth(1) == Some(&size.to_string())
            })
        });
    }
    // A replica is a log to every command, and takes no posts.
    run(&["audit", &replica.url, "--policy", &policy]).exits(0);
    let second = desk.path("second");
    run(&["mirror", &replica.url, &second, "--policy", &policy]).exits(0);
    run(&["audit", &second, "--policy", &policy]).exits(0);
    let posted = http
        .call("POST", "api/v1/statements", &[], Some(b"x"), 1 << 16)
        .unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(
        (posted.status, &problem["code"]),
        (403, &"read-only".into())
    );
    // A partial tile that only an earlier tree had is cut from the later one, as its readers may still ask for it.
    let partial = http.get("tile/0/000.p/102", 1 << 16).unwrap().unwrap();
    assert_eq!(partial.len(), 102 * 32);
    assert!(
        http.get("tile/0/001.p/57", 1 << 16).unwrap().is_none(),
        "beyond the tree"
    );

    // The ledger is gone, its disk too.
    assert_eq!(served.terminate(), Some(0));
    std::fs::rename(&data, desk.path("gone")).unwrap();
    let policy = desk.path("gone/policy");
    let (made, fetched) = (desk.path("made"), desk.path("fetched"));
    for index in ["0", "1", "77", "311"] {
        for (from, place) in [("--mirror", mirror.as_str()), ("--mirror", &replica.url)] {
            let _ = std::fs::remove_file(&made);
            run(&[
                "receipt", from, place, index, "--policy", &policy, "-o", &made,
            ])
            .exits(0);
            run(&["verify", &made, "--policy", &policy]).exits(0);
        }
        let _ = std::fs::remove_file(&fetched);
        run(&["receipt", "--ledger", &replica.url, index, "-o", &fetched]).exits(0);
        run(&["verify", &fetched, "--policy", &policy]).exits(0);
    }
    run(&["receipt", "--mirror", &mirror, "312", "--policy", &policy])
        .exits(3)
        .says(&["there are 312 records"]);

    // Somebody changes a byte of the folder: the replica hands out nothing of it.
    let bundle = format!("{mirror}/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&bundle, &bytes).unwrap();
    let answer = http
        .call("GET", "tile/entries/000", &[], None, 1 << 24)
        .unwrap();
    assert_eq!(answer.status, 503);
    run(&["receipt", "--mirror", &mirror, "77", "--policy", &policy]).exits(1);
    // An older or other checkpoint in the folder is not shown either, and is told.
    std::fs::copy(
        format!("{mirror}/checkpoints/00000000000000000102"),
        format!("{mirror}/checkpoint"),
    )
    .unwrap();
    replica.until(|http| {
        http.call("GET", "readyz", &[], None, 1 << 16)
            .is_ok_and(|ready| ready.status == 503)
    });
    let note = http.get("checkpoint", 1 << 16).unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&note).lines().nth(1), Some("312"));
}

/// How many files are under a folder.
fn files(folder: &str) -> usize {
    let Ok(found) = std::fs::read_dir(folder) else {
        return 0;
    };
    found
        .filter_map(Result::ok)
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(entry.path().to_str().unwrap()),
            Ok(_) => 1,
            Err(_) => 0,
        })
        .sum()
}
