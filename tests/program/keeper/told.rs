//! Danger: a right receipt is called false because the wrong policy was given, another file is called the published one, a line that counts for
//! nothing is overlooked, an authority signs what it was not shown, a fork that was found is not told because a file could not be written.

use mingzhang::receipt::Receipt;
use mingzhang::tlog::note::Note;
use serde_json::Value;

use super::trust::{cosign, witness};
use super::{Desk, ORIGIN, Served, copy, init, post, run};

/// A ledger of a few records, its policy and the receipt of record 3.
fn with_receipt(desk: &Desk) -> (String, String, String) {
    let data = init(desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(desk, &served, &key, 0..5).exits(0);
    served.until_published("7");
    let receipt = desk.path("receipt");
    run(&["receipt", "--ledger", &served.url, "3", "-o", &receipt]).exits(0);
    assert_eq!(served.terminate(), Some(0));
    (data, policy, receipt)
}

#[test]
fn without_a_fitting_policy_nobody_is_accused_and_of_another_file_nothing_holds() {
    let desk = Desk::new();
    let (_, policy, receipt) = with_receipt(&desk);
    let second = init(&desk, "second", "second.example");
    let text = desk.read("data/policy");
    let unpinned: String = text
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    let rows = [
        format!("{second}/policy"),
        desk.write("retired", &format!("# mingzhang until 2\n{text}")),
        desk.write("unpinned", &unpinned),
    ];
    for wrong in &rows {
        let told = run(&["verify", &receipt, "--policy", wrong]).exits(5);
        assert!(
            told.out.contains("cannot be judged") && !told.out.contains("supervis"),
            "{told:#?}"
        );
        let told = run(&["verify", &receipt, "--policy", wrong, "--lang", "zh-CN"]).exits(5);
        assert!(
            told.out.contains("无法判断") && !told.out.contains("监督"),
            "{told:#?}"
        );
        assert!(!told.out.contains("成立"), "{told:#?}");
        let told = run(&["verify", &receipt, "--policy", wrong, "--json"]).exits(5);
        let told = told.json("cannot-be-judged");
        let verdict = &told["verdicts"][0];
        let last = verdict["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&verdict["judged"], &last["step"]),
            (&false.into(), &2.into())
        );
        assert_eq!(last["passed"], Value::Null);
    }
    // A receipt that was changed is still called false, and a file that is none of its own does not "hold".
    let forged = desk
        .read("receipt")
        .replacen("\nindex 3\n", "\nindex 2\n", 1);
    let forged = desk.write("forged", &forged);
    run(&["verify", &forged, "--policy", &policy])
        .exits(1)
        .says(&["does not hold", "supervising authority"]);
    let other = desk.write("other.txt", "another file");
    let document = [
        "verify",
        &receipt,
        "--policy",
        &policy,
        "--document",
        &other,
    ];
    for (lang, no, yes) in [
        ("en", "no: the file you hold", "it holds"),
        ("zh-CN", "不符：", "成立："),
    ] {
        let told = run(&[&document[..], &["--lang", lang]].concat()).exits(1);
        let conclusion = told
            .out
            .lines()
            .find(|line| !line.starts_with(' ') && line.contains(no));
        assert!(conclusion.is_some(), "{told:#?}");
        assert!(
            told.out.lines().all(|line| !line.starts_with(yes)),
            "{told:#?}"
        );
    }
}

#[test]
fn a_proof_that_others_made_is_judged_with_the_entry_beside_it() {
    let desk = Desk::new();
    let (_, policy, receipt) = with_receipt(&desk);
    let text = desk.read("receipt");
    let bare: String = text
        .lines()
        .filter(|line| !line.starts_with("extra "))
        .map(|line| format!("{line}\n"))
        .collect();
    let bare = desk.write("bare", &bare);
    let parsed = Receipt::parse(text.as_bytes()).unwrap();
    let entry = String::from_utf8(parsed.entry.to_vec()).unwrap();
    let changed = desk.write("changed", &entry.replacen("20", "21", 1));
    let entry = desk.write("entry", &entry);
    let verify = |proof: &str, entry: &str, more: &[&str]| {
        run(&[
            &["verify", proof, "--policy", &policy, "--entry", entry],
            more,
        ]
        .concat())
    };
    run(&["verify", &bare, "--policy", &policy])
        .exits(3)
        .says(&["--entry"]);
    let told = verify(&bare, &entry, &[]).exits(0);
    assert!(
        told.out.contains("○ 7") && told.out.contains("Who signed the statement is not judged"),
        "{told:#?}"
    );
    let told = verify(&bare, &entry, &["--json"]).exits(0).json("verified");
    let verdict = &told["verdicts"][0];
    let passed: Vec<&Value> = verdict["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["passed"])
        .collect();
    let (yes, null) = (Value::Bool(true), Value::Null);
    assert_eq!(passed, [&yes, &yes, &yes, &yes, &yes, &null, &null]);
    assert_eq!(
        (&verdict["record"]["index"], &verdict["record"]["signers"]),
        (&3.into(), &null)
    );
    verify(&bare, &changed, &[])
        .exits(1)
        .says(&["not in the tree"]);
    // A receipt has an entry of its own: with the same one it says all that it says alone.
    verify(&receipt, &entry, &[]).exits(0).says(&["✔ 7"]);
    verify(&receipt, &changed, &[])
        .exits(1)
        .says(&["two records"]);
    run(&[
        "verify", &bare, &bare, "--policy", &policy, "--entry", &entry,
    ])
    .exits(2);
}

/// A vkey of a signature type that this program does not verify.
fn other_vkey(name: &str, algorithm: u8, bytes: usize) -> String {
    use base64::Engine;
    let key = [&[algorithm][..], &vec![7; bytes]].concat();
    let id = mingzhang::tlog::merkle::Hash::sha256(&[name.as_bytes(), b"\n", &key].concat());
    let base64 = base64::engine::general_purpose::STANDARD.encode(key);
    format!("{name}+{}+{base64}", &id.to_string()[..8])
}

#[test]
fn a_policy_with_an_algorithm_of_tomorrow_is_read_and_says_that_it_does_not_count() {
    let desk = Desk::new();
    let (data, policy, receipt) = with_receipt(&desk);
    let text = desk.read("data/policy").replace("quorum none\n", "");
    for (algorithm, bytes) in [(0x06, 1_312), (0x02, 91), (0xff, 33)] {
        let pq = other_vkey("pq.example", algorithm, bytes);
        let vkey = witness(1).vkey().to_string();
        let lines = format!("{text}witness w {vkey}\nwitness pq {pq} https://pq.example\n");
        let any = desk.write("any", &format!("{lines}group g any w pq\nquorum g\n"));
        let all = desk.write("all", &format!("{lines}group g all w pq\nquorum g\n"));
        let mut witnessed = Receipt::parse(desk.read("receipt").as_bytes()).unwrap();
        let note = desk.write("note", &witnessed.checkpoint);
        cosign(&note, &[1], 1_795_400_000);
        witnessed.checkpoint = desk.read("note");
        let witnessed = desk.write("witnessed", &witnessed.encode());
        let says = format!("signature type 0x{algorithm:02x}");
        run(&["verify", &witnessed, "--policy", &any])
            .exits(0)
            .says(&[&says]);
        run(&["verify", &witnessed, "--policy", &all])
            .exits(5)
            .says(&[&says, "lacks 1 of: pq"]);
        run(&["verify", &receipt, "--policy", &any])
            .exits(5)
            .says(&["lacks 1 of: w, pq"]);
        run(&["audit", &data, "--policy", &any]).exits(5);
        let listen = [
            "serve",
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
            "--policy",
            &all,
        ];
        run(&listen).exits(3).says(&["can never be met", "pq (0x"]);
        let witness = [
            "witness",
            "serve",
            "--data",
            &desk.path("w"),
            "--name",
            "w.example",
            "--log",
        ];
        let log = other_vkey("logs.example", algorithm, bytes);
        run(&[&witness[..], &[&log]].concat())
            .exits(2)
            .says(&[&says]);
    }
    // The ledger runs by such a policy, and tells of the witness that it cannot ask.
    let pq = other_vkey("pq.example", 0x06, 1_312);
    let lines = format!("{text}witness pq {pq}\nquorum none\n");
    let named = desk.write("named", &lines);
    let served = Served::start_with(&data, &["--policy", &named]);
    let answer = served
        .http()
        .get("api/v1/witnesses", 1 << 16)
        .unwrap()
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["witnesses"][0]["state"], "unsupported", "{answer}");
    run(&[
        "monitor",
        &served.url,
        "--policy",
        &named,
        "--state",
        &desk.path("state"),
    ])
    .exits(0);
    drop(served);
    run(&["verify", &receipt, "--policy", &policy]).exits(0);
}

#[test]
fn audit_names_every_signature_line_and_what_a_system_left_is_no_fault() {
    let desk = Desk::new();
    let (data, policy, _) = with_receipt(&desk);
    // Two witnesses of which one is enough. The other's line, its key ID changed, passes for a stranger's; the first one's stands there twice.
    let text = desk.read("data/policy").replace("quorum none\n", "");
    let [one, two] = [1, 2].map(|number| witness(number).vkey().to_string());
    let strict = desk.write(
        "strict",
        &format!("{text}witness one {one}\nwitness two {two}\ngroup g any one two\nquorum g\n"),
    );
    let checkpoint = format!("{data}/log/checkpoint");
    cosign(&checkpoint, &[1, 1, 2], 1_795_400_000);
    let mut note = Note::parse(&std::fs::read(&checkpoint).unwrap()).unwrap();
    note.signatures.last_mut().unwrap().key_id ^= 1;
    std::fs::write(&checkpoint, note.encode()).unwrap();
    let report = run(&["audit", &data, "--policy", &strict, "--json"])
        .exits(0)
        .json("clean");
    let codes = |lines: &Value| -> Vec<String> {
        let lines = lines.as_array().unwrap().iter();
        lines
            .map(|line| line["code"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        codes(&report["checkpoint"]["lines"]),
        ["log", "witness", "twice", "unknown"]
    );
    assert_eq!(codes(&report["not_counted"]), ["twice", "unknown"]);
    run(&["audit", &data, "--policy", &strict]).exits(0).says(&[
        "○ checkpoint: w2.example",
        "the line may have been changed",
        "by the same key",
    ]);
    // A line by a key of the policy that does not verify condemns the checkpoint.
    let mut note = Note::parse(&std::fs::read(&checkpoint).unwrap()).unwrap();
    note.signatures[1].bytes[20] ^= 1;
    std::fs::write(&checkpoint, note.encode()).unwrap();
    run(&["audit", &data, "--policy", &strict])
        .exits(1)
        .says(&["w1.example", "does not verify"]);
    note.signatures.truncate(1);
    std::fs::write(&checkpoint, note.encode()).unwrap();

    // Files of the system in each folder: named, and no fault. Any other is one.
    for name in [
        "log/checkpoints/.DS_Store",
        "log/tile/Thumbs.db",
        "commit/desktop.ini",
    ] {
        std::fs::write(format!("{data}/{name}"), "x").unwrap();
    }
    run(&["audit", &data, "--policy", &policy]).exits(0).says(&[
        "○ checkpoints/.DS_Store",
        "○ tile/Thumbs.db",
        "○ commit/desktop.ini",
    ]);
    std::fs::write(format!("{data}/log/checkpoints/notes.txt"), "x").unwrap();
    run(&["audit", &data, "--policy", &policy])
        .exits(1)
        .says(&["checkpoints/notes.txt"]);
}

#[test]
fn a_mirror_repairs_what_a_power_cut_left_empty() {
    let desk = Desk::new();
    let (data, policy, _) = with_receipt(&desk);
    let served = Served::start(&data);
    let copied = desk.path("copy");
    let mirror = ["mirror", &served.url, &copied, "--policy", &policy];
    run(&mirror).exits(0);
    let kept = |size: u64| format!("{copied}/checkpoints/{size:020}");
    std::fs::write(format!("{copied}/checkpoints/.DS_Store"), "x").unwrap();
    // Empty: the ledger's own is fetched. Empty, and the ledger never kept one of that size: removed. Neither is passed over in silence.
    std::fs::write(kept(7), "").unwrap();
    std::fs::write(kept(5), "").unwrap();
    run(&["audit", &copied, "--policy", &policy]).exits(1);
    run(&mirror)
        .exits(0)
        .says(&["00007: was damaged", "00005: was empty"]);
    run(&["audit", &copied, "--policy", &policy]).exits(0);
    // What is not empty may be evidence, and stays.
    std::fs::write(kept(5), "half a checkpo").unwrap();
    run(&mirror).exits(1).says(&["00005: is damaged"]);
    assert_eq!(std::fs::read_to_string(kept(5)).unwrap(), "half a checkpo");
    std::fs::remove_file(kept(5)).unwrap();
    // `checkpoint` itself: the newest kept one stands for it, also against a ledger that was rewritten.
    std::fs::write(format!("{copied}/checkpoint"), "").unwrap();
    run(&mirror).exits(0);
    run(&["audit", &copied, "--policy", &policy]).exits(0);
}

#[test]
fn what_is_endorsed_is_shown_whole_and_an_erasure_says_what_it_breaks() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..3).exits(0);
    served.until_published("5");
    let second = desk.path("second.key");
    run(&["keygen", "--name", "second.example", "-o", &second]).exits(0);
    let admit = |uscc: &str, name: &str| {
        let file = desk.path(name);
        run(&[
            "key",
            "admit",
            "--ledger",
            &served.url,
            "--role",
            "publisher",
            "--vkey",
            &desk.path("second.vkey"),
            "--display-name",
            "Second \u{202e}centre",
            "--uscc",
            uscc,
            "--live-from",
            "2099-01-01T00:00:00+08:00",
            "-o",
            &file,
        ])
    };
    for wrong in [
        "NOT-A-CODE-123",
        "12500000745322929L",
        "1250000074532292",
        "12345678-9",
    ] {
        admit(wrong, "wrong").exits(2).says(&["GB 32100"]);
    }
    admit("74532292-8", "organisation").exits(0);
    admit("12500000745322928L", "admit").exits(0);
    let authority = |n: u8| format!("{data}/authority-{n}.key");
    let endorsed = run(&["endorse", &desk.path("admit"), "--key", &authority(1)]).exits(0);
    for words in [
        "12500000745322928L",
        "2099-01-01T00:00:00+08:00",
        "publisher",
        "second.example+",
        "⟦U+202E⟧centre",
    ] {
        assert!(endorsed.err.contains(words), "no {words} in {endorsed:#?}");
    }

    // The statement is made from the record itself, after its consequence was said.
    let erase = desk.path("erase");
    let make = [
        "key",
        "erase",
        "--ledger",
        &served.url,
        "--policy",
        &policy,
        "--basis",
        "court order 7",
        "3",
        "-o",
        &erase,
    ];
    let told = run(&make)
        .exits(2)
        .says(&["--yes", "Tessera", "centre.ledger.example"]);
    assert!(!std::path::Path::new(&erase).exists(), "{told:#?}");
    run(&[&make[..], &["--yes"]].concat())
        .exits(0)
        .says(&["court order 7", "length 0"]);
    for index in ["0", "1"] {
        let keys = [
            "key",
            "erase",
            "--ledger",
            &served.url,
            "--basis",
            "x",
            index,
            "--yes",
            "-o",
            &desk.path("no"),
        ];
        run(&keys).exits(3).says(&["never erased"]);
    }
    // Whoever endorses sees what it is; one that names another record is not signed.
    let text = desk.read("erase");
    let other = desk.write("other", &text.replace("\"index\":3", "\"index\":2"));
    let ledger = ["--ledger", &served.url, "--policy", &policy];
    let with = |file: &str, n: u8| {
        run(&[&["endorse", file, "--key", &authority(n)][..], &ledger].concat())
    };
    with(&other, 1).exits(3).says(&["do not sign"]);
    let told = with(&erase, 1).exits(0);
    let title = told
        .err
        .lines()
        .find(|line| line.trim_start().starts_with("title: "));
    assert!(
        title.is_some_and(|line| line.trim().len() > "title: ".len() + 4),
        "{told:#?}"
    );
    with(&erase, 2).exits(0);
    run(&["key", "post", "--ledger", &served.url, &erase]).exits(0);
    served.until_published("6");
    run(&[&make[..], &["--yes"]].concat()).exits(3);
    assert_eq!(served.terminate(), Some(0));
    run(&["audit", &data, "--policy", &policy]).exits(0);
}

#[test]
fn init_over_a_log_key_that_lies_there_makes_a_ledger_that_serves() {
    let desk = Desk::new();
    init(&desk, "first", ORIGIN);
    let keys = desk.path("keys");
    std::fs::create_dir(&keys).unwrap();
    copy(&desk.path("first/keys/log.key"), &keys);
    let data = desk.path("second");
    run(&["init", "--data", &data, "--origin", ORIGIN, "--keys", &keys]).exits(0);
    assert_eq!(desk.read("keys/log.vkey"), desk.read("first/keys/log.vkey"));
    drop(Served::start_with(&data, &["--keys", &keys]));
}

#[test]
fn a_fork_is_told_whatever_can_be_written_and_a_damaged_state_is_refused() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let forked = desk.path("forked");
    copy(&data, &forked);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let (one, other) = (Served::start(&data), Served::start(&forked));
    let alarm = desk.path("alarm");
    let monitor = |number: usize, more: &[&str]| {
        let fixed = [
            "monitor",
            &one.url,
            &other.url,
            "--policy",
            &policy,
            "--state",
            &desk.path(&format!("state-{number}")),
            "--evidence",
            &desk.path("evidence.txt"),
            "--exec",
            &format!("cp \"$MINGZHANG_EVIDENCE\" {alarm}-{number}"),
            "--json",
        ];
        run(&[&fixed[..], more].concat())
    };
    // The first fork, and on the same machine the second: its evidence has a name of its own.
    for (number, name) in [(1, "evidence.txt"), (2, "evidence-2.txt")] {
        post(&desk, &one, &key, 10 * number..10 * number + 1).exits(0);
        post(&desk, &other, &key, 10 * number + 5..10 * number + 6).exits(0);
        let size = (2 + number).to_string();
        one.until_published(&size);
        other.until_published(&size);
        let told = monitor(number, &[])
            .exits(6)
            .says(&["two roots"])
            .json("contradiction");
        assert_eq!(told["evidence"], desk.path(name));
        assert_eq!(desk.read(&format!("alarm-{number}")), desk.read(name));
        run(&["verify", &desk.path(name), "--policy", &policy]).exits(6);
    }
    // Events cannot be written, the evidence not where it should be: told all the same, kept elsewhere.
    let nowhere = desk.path("none/events");
    let told = monitor(3, &["--events", &nowhere])
        .exits(6)
        .says(&["two roots", "cannot write"]);
    assert!(
        std::path::Path::new(&format!("{alarm}-3")).exists(),
        "{told:#?}"
    );
    assert_eq!(
        told.json("contradiction")["evidence"],
        desk.path("evidence-2.txt")
    );

    // A witness that has no checkpoint to show has not been shown to be idle: the ledger's own address answers 404 there.
    let state = desk.path("state");
    let alone = |more: &[&str]| {
        let fixed = ["monitor", &one.url, "--policy", &policy, "--state", &state];
        run(&[&fixed[..], more].concat())
    };
    let told = alone(&["--witness", &one.url])
        .exits(0)
        .says(&["shows no checkpoint"]);
    assert!(
        !told.err.contains("has not cosigned") && !told.out.contains("has not cosigned"),
        "{told:#?}"
    );

    // What a monitor remembers is believed whole or not at all.
    let good: Value = serde_json::from_str(&desk.read("state")).unwrap();
    type Change = fn(&mut Value);
    let changes: [(&str, &str, Change); 9] = [
        ("next beyond all", "its own checkpoint has 4", |s| {
            s["next"] = u64::MAX.into()
        }),
        ("next beyond the checkpoint", "`next` is 5", |s| {
            s["next"] = 5.into()
        }),
        ("a key twice", "rising", |s| {
            let first = s["keys"][0].clone();
            s["keys"].as_array_mut().unwrap().insert(0, first);
        }),
        ("keys backwards", "rising", |s| {
            s["keys"].as_array_mut().unwrap().reverse()
        }),
        ("a key that is still to come", "rising", |s| {
            s["keys"][1][0] = 4.into()
        }),
        ("no keys", "genesis", |s| {
            s["keys"] = Value::Array(Vec::new())
        }),
        ("a time that is none", "record_time", |s| {
            s["record_time"] = "x".into()
        }),
        ("no checkpoint", "its own checkpoint has 0", |s| {
            s["checkpoint"] = Value::Null
        }),
        ("another format", "format 2", |s| {
            s["mingzhang_monitor_state"] = 2.into()
        }),
    ];
    for (what, words, change) in changes {
        let mut state = good.clone();
        change(&mut state);
        desk.write("state", &state.to_string());
        let told = alone(&[]).exits(3);
        assert!(told.err.contains("cannot be used"), "{what}: {told:#?}");
        assert!(told.err.contains(words), "{what}: {told:#?}");
    }
    desk.write("state", &good.to_string());
    alone(&[]).exits(0);
}
