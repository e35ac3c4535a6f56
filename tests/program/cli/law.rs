//! What became of a notice, by which law it is judged, and what can be proved of both, each by the command that a clerk or an auditor runs.

use super::*;

/// A notice, two corrections of it and the award, of one project; and one of another between them.
fn corrected(desk: &Desk, data: &str, served: &Served) {
    let draft = |kind: &str, project: &str, more: &str, details: &str| {
        format!(
            "{{\"type\":\"trade\",\"v\":1,\"project\":\"{project}\",\"codes\":[],\"stage\":\"announcement\",\"kind\":\"{kind}\",\
             \"category\":\"construction\",\"title\":\"某桥工程\",\"region\":\"430382\",\"issued\":\"2026-11-23T09:00:00+08:00\",\
             \"events\":{{}},\"documents\":[]{more},\"details\":{{{details}}}}}"
        )
    };
    let amends =
        |line: u32| format!(",\"amends\":{{\"statement\":\"${line}\",\"effect\":\"correct\"}}");
    let lines = [
        draft(
            "tender_notice",
            "P-1",
            "",
            "\"scale\":\"桥长一百米\",\"qualification\":\"一级\"",
        ),
        draft("tender_notice", "P-2", "", "\"qualification\":\"不限\""),
        draft(
            "change_notice",
            "P-1",
            &amends(1),
            "\"qualification\":\"二级\"",
        ),
        draft(
            "change_notice",
            "P-1",
            &amends(1),
            "\"scale\":\"桥长八十米\"",
        ),
    ];
    // Lines of different projects that are sent together may be logged in any order, so these are sent one after the other. The
    // notice is posted again with its corrections, for `$1`: it is known by then.
    let key = format!("{data}/centre.key");
    for (n, which) in [&[0][..], &[1], &[0, 2, 3]].into_iter().enumerate() {
        let text: String = which
            .iter()
            .map(|line| lines[*line].clone() + "\n")
            .collect();
        let file = desk.write(&format!("corrected-{n}.jsonl"), &text);
        run(&["post", "--ledger", &served.url, "--key", &key, &file]).exits(0);
    }
}

#[test]
fn what_a_notice_became_is_shown_and_no_record_between_can_be_left_out() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    corrected(&desk, &data, &served);
    let policy = format!("{data}/policy");
    let receipts = desk.path("receipts");
    let about = [
        "--policy",
        &policy,
        "--publisher",
        CENTRE,
        "--project",
        "P-1",
    ];
    let ask = |target: &str, more: &[&str]| run(&[&["history", target][..], &about, more].concat());

    let said = ask(&served.url, &["--receipts", &receipts]).exits(0);
    for words in [
        "record 2 ",
        "[corrected by [4, 5]]",
        "/details/qualification: 一级 → 二级",
        "/details/scale: 桥长一百米 → 桥长八十米",
        "[in force]",
        "up to record 5 there is no other statement",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    // The same from the folder, and as it was before the last correction.
    let then = ask(&data, &["--up-to", "4", "--json"])
        .exits(0)
        .json("history");
    assert_eq!(
        (&then["last_record"], &then["up_to"]),
        (&4.into(), &4.into())
    );
    assert_eq!(then["steps"][0]["amended_by"], serde_json::json!([4]));
    ask(&served.url, &["--up-to", "99"]).exits(3);
    run(&[
        "history",
        &served.url,
        "--policy",
        &policy,
        "--publisher",
        CENTRE,
        "--project",
        "P-9",
    ])
    .exits(3)
    .says(&["no record"]);

    // Offline, without a ledger. A receipt left out is noticed, unless it is the last: which is said.
    assert_eq!(served.terminate(), Some(0));
    let check = || run(&["history", &receipts, "--policy", &policy, "--check"]);
    check().exits(0).says(&[
        "none between",
        "not proved: that there is none after record 5",
    ]);
    let (away, last) = (desk.path("away"), format!("{receipts}/5.tlog-proof"));
    std::fs::rename(&last, &away).unwrap();
    check().exits(0).says(&["none after record 4"]);
    std::fs::rename(&away, &last).unwrap();
    for index in [2, 4] {
        let one = format!("{receipts}/{index}.tlog-proof");
        std::fs::rename(&one, &away).unwrap();
        check().exits(1).says(&["left out"]);
        std::fs::rename(&away, &one).unwrap();
    }
    let bytes = std::fs::read_to_string(&last).unwrap();
    std::fs::write(&last, bytes.replacen("index 5", "index 4", 1)).unwrap();
    check().exits(1).says(&["does not hold"]);
}

#[test]
fn every_report_names_its_law_by_digest_and_whether_the_log_announced_it() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let pack = desk.write("own.toml", "version = \"own.1\"\n");
    let served = Served::start_with(&data, &["--pack", &pack]);
    corrected(&desk, &data, &served);
    let policy = format!("{data}/policy");
    let key = format!("{data}/operator.key");
    let digest = mingzhang::tlog::merkle::Hash::sha256(b"version = \"own.1\"\n").to_string();
    let findings = || {
        let about = ["--policy", &policy, "--pack", &pack, "--json"];
        run(&[&["findings", &served.url][..], &about].concat())
            .exits(0)
            .json("findings")
    };
    let before = findings();
    assert_eq!(before["pack"], "cn-2026.1+own.1");
    let parts = before["law"].as_array().unwrap();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part["announced"].is_null()));
    assert_eq!(parts[2]["sha256"], digest.as_str());

    let announce = |more: &[&str]| {
        let about = ["announce", "--ledger", &served.url, "--key", &key];
        run(&[&about[..], more].concat())
    };
    announce(&[]).exits(2);
    announce(&["--pack", &policy])
        .exits(3)
        .says(&["the rule pack"]);
    announce(&["--pack", &pack, "--check"])
        .exits(0)
        .says(&[&digest]);
    announce(&["--builtin", "--pack", &pack, "--file", "page@1=nowhere"]).exits(3);
    let said = announce(&["--builtin", "--pack", &pack, "--text", "自即日起"]);
    let said = said.exits(0);
    assert!(said.out.contains("logged as record 6"), "{}", said.out);
    // The centre's key may not speak for the operator.
    let centre = format!("{data}/centre.key");
    run(&[
        "announce",
        "--ledger",
        &served.url,
        "--key",
        &centre,
        "--builtin",
    ])
    .exits(3);

    let after = findings();
    let announced: Vec<&Value> = after["law"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["announced"])
        .collect();
    assert_eq!(announced, [&Value::from(6); 3]);
    run(&["findings", &served.url, "--policy", &policy])
        .exits(0)
        .says(&["announced in record 6"]);
    // As of the day before, nothing was announced.
    let then = run(&[
        "findings",
        &served.url,
        "--policy",
        &policy,
        "--as-of",
        "2026-01-01",
        "--json",
    ]);
    assert!(then.exits(0).json("findings")["law"][0]["announced"].is_null());
    // The running ledger judges by that pack too, and says the same.
    served.until(|http| {
        let found = http.get("api/v1/findings", 1 << 20).ok().flatten();
        let told: Value =
            found.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        told["law"][2]["announced"] == 6 && told["pack"] == "cn-2026.1+own.1"
    });
}
