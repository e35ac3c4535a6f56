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
        .says(&["witnessed before"]);
    for (size, witness) in [("checkpoint", 1), ("checkpoints/00000000000000000007", 3)] {
        cosign(&format!("{mirror}/{size}"), &[witness], 1_795_000_000);
    }
    refresh(&["--mirror", &mirror], &strict).exits(5);
    run(&["receipt", "--refresh", &receipt, "--mirror", &mirror])
        .exits(2)
        .says(&["give --policy"]);
    assert_eq!(desk.read("receipt"), before);
    cosign(&format!("{mirror}/checkpoint"), &[2], 1_795_000_060);
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
        .says(&["witnessed before"]);

    // A witness's line that does not hold, or by another key, is not a witness.
    let other = desk
        .read("receipt")
        .replace("— w2.example ", "— w3.example ");
    let other = desk.write("other", &other);
    run(&["verify", &other, "--policy", &strict])
        .exits(5)
        .says(&["that the policy does not know, not counted"]);

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
