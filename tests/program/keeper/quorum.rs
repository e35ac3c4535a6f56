//! Danger: each part holds in its own test, and together nobody is protected. A ledger, three witnesses of which two are enough, a mirror, a
//! monitor, all as processes; each is killed, stopped or lies, and what a bidder holds is asked each time.

use std::process::Stdio;

use super::{Desk, ORIGIN, Run, Served, copy, init, post, program, run};

/// `witness serve`, ended when it is dropped.
fn witness(desk: &Desk, number: u8, policy: &str) -> Served {
    let data = desk.path(&format!("w{number}"));
    let mut command = program();
    command
        .args(["witness", "serve", "--listen", "127.0.0.1:0", "--json"])
        .args(["--data", &data, "--name", &format!("w{number}.example")])
        .args(["--policy", policy]);
    Served::of(command.stderr(Stdio::null()))
}

#[test]
fn a_bidder_is_protected_while_parts_die_and_lie() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (desk.path("policy"), format!("{data}/centre.key"));
    std::fs::copy(format!("{data}/policy"), &policy).unwrap();
    let mut witnesses: Vec<Option<Served>> = (1..=3)
        .map(|number| Some(witness(&desk, number, &policy)))
        .collect();
    let without = desk.read("policy");
    let mut text = without.replace("quorum none\n", "");
    for (number, witness) in (1..).zip(&witnesses) {
        let vkey = desk.read(&format!("w{number}/witness.vkey"));
        let url = &witness.as_ref().unwrap().url;
        text.push_str(&format!("witness w{number} {} {url}\n", vkey.trim()));
    }
    text.push_str("group offices 2 w1 w2 w3\nquorum offices\n");
    let policy = desk.write("policy", &text);
    desk.write("data/policy", &text);
    let young = desk.path("young");
    copy(&data, &young);
    let served = Served::start(&data);
    let fetch = |index: &str, file: &str| {
        run(&["receipt", "--ledger", &served.url, index, "-o", file]).exits(0);
    };
    let refresh = |file: &str| -> Run {
        run(&[
            "receipt",
            "--refresh",
            file,
            "--ledger",
            &served.url,
            "--policy",
            &policy,
        ])
    };
    let witnessed = |file: &str| {
        served.until(|_| refresh(file).exit == 0);
        let verdict = run(&["verify", file, "--policy", &policy, "--json"])
            .exits(0)
            .json("verified");
        let told = verdict["verdicts"][0]["record"]["witnesses"].clone();
        let told = told.as_array().unwrap().clone();
        told.iter()
            .filter(|one| one["cosigned"].is_string())
            .count()
    };

    // All are there.
    post(&desk, &served, &key, 0..3).exits(0);
    let first = desk.path("first");
    fetch("2", &first);
    assert!(witnessed(&first) >= 2);
    let mirror = desk.path("mirror");
    served.until_published("5");
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);

    // One is killed: two of three are enough.
    witnesses[0] = None;
    post(&desk, &served, &key, 3..5).exits(0);
    let second = desk.path("second");
    fetch("5", &second);
    assert_eq!(witnessed(&second), 2);
    served.until_published("7");

    // Two are killed: the ledger goes on, `checkpoint` does not, and nobody takes the receipt for a witnessed one.
    witnesses[1] = None;
    post(&desk, &served, &key, 5..7).exits(0);
    let third = desk.path("third");
    fetch("8", &third);
    run(&["verify", &third, "--policy", &policy])
        .exits(5)
        .says(&["signed, not yet witnessed", "the quorum offices lacks"]);
    refresh(&third).exits(5).says(&["left as it is"]);
    let checkpoint = served.http().get("checkpoint", 1 << 16).unwrap().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&checkpoint).lines().nth(1),
        Some("7")
    );

    // One comes back as an office that accepts no traffic: it fetches, checks, cosigns and delivers.
    let again = [
        "witness",
        "run",
        "--once",
        "--data",
        &desk.path("w2"),
        "--policy",
        &policy,
        "--ledger",
        &served.url,
    ];
    served.until(|_| run(&again).exit == 0);
    assert!(witnessed(&third) >= 2);

    // The monitor sees one history, hears which witnesses are away, and is not content when the ledger is.
    let state = desk.path("state");
    let monitor = |places: &[&str], state: &str| -> Run {
        let evidence = format!("{state}.evidence");
        let fixed = [
            "monitor",
            "--witnesses",
            "--policy",
            &policy,
            "--state",
            state,
            "--evidence",
            &evidence,
            "--json",
        ];
        run(&[&fixed[..], places].concat())
    };
    let looked = monitor(&[&served.url, &mirror], &state)
        .exits(0)
        .json("consistent");
    let away = looked["events"].as_array().unwrap();
    let away = away.iter().filter(|event| event["event"] == "unreachable");
    assert_eq!(away.count(), 2);

    // The ledger is killed: the mirror proves what it has, to whoever has the policy.
    assert_eq!(served.terminate(), Some(0));
    monitor(&["http://127.0.0.1:1", &mirror], &state)
        .exits(4)
        .json("ledger-away");
    let kept = desk.path("kept");
    run(&[
        "receipt", "--mirror", &mirror, "4", "--policy", &policy, "-o", &kept,
    ])
    .exits(0);
    run(&[
        "verify", &kept, &first, &second, &third, "--policy", &policy,
    ])
    .exits(0);

    // It lies: the operator begins again from his first backup, with every key in his hand, and has another history.
    // His own ledger would see that the witnesses are ahead of it and not write, so he takes them out of his policy.
    std::fs::write(format!("{young}/policy"), &without).unwrap();
    let lying = Served::start(&young);
    post(&desk, &lying, &key, 20..27).exits(0);
    let forged = desk.path("forged");
    run(&["receipt", "--ledger", &lying.url, "4", "-o", &forged]).exits(0);
    // No witness that has seen the first follows: there is no quorum for it, and the bidder's tool says so.
    run(&["verify", &forged, "--policy", &policy]).exits(5);
    // Whoever compares, with the mirror or with the last witness alone, has the proof.
    let by_mirror = desk.path("by-mirror");
    monitor(&[&lying.url, &mirror], &by_mirror).exits(6);
    let fresh = desk.path("fresh");
    monitor(&[&lying.url], &fresh)
        .exits(6)
        .json("contradiction");
    run(&["verify", &format!("{fresh}.evidence"), "--policy", &policy]).exits(6);
    drop(witnesses);
}
