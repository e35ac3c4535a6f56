//! Danger: a clerk believes that something is published and it is not, or that it is not and it is: a file of another folder, other words
//! under a known `ref`, a document that nobody can fetch.

use std::os::unix::fs::symlink;

use mingzhang::tlog::merkle::Hash;
use serde_json::json;

use super::*;

fn draft(reference: &str, title: &str, more: Value) -> Value {
    let mut draft = json!({
        "type": "trade", "v": 1, "project": "P-1", "ref": reference, "stage": "announcement", "kind": "tender_notice",
        "category": "construction", "title": title, "region": "430382", "issued": "2026-03-02T10:00:00+08:00", "documents": [], "details": {},
    });
    for (name, value) in more.as_object().unwrap() {
        draft[name] = value.clone();
    }
    draft
}

/// A ledger, its centre's key, and `post` with more arguments.
struct Office {
    desk: Desk,
    served: Served,
    key: String,
}

impl Office {
    fn open() -> Office {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let served = Served::start(&data);
        let key = format!("{data}/keys/centre.key");
        let key = if Path::new(&key).exists() {
            key
        } else {
            format!("{data}/centre.key")
        };
        Office { desk, served, key }
    }

    fn post(&self, more: &[&str]) -> Run {
        let fixed = ["post", "--ledger", &self.served.url, "--key", &self.key];
        run(&[&fixed[..], more].concat())
    }

    fn size(&self) -> u64 {
        let head = self.served.http().get("head", 1 << 16).unwrap().unwrap();
        let head = String::from_utf8(head.to_vec()).unwrap();
        head.lines().nth(1).unwrap().parse().unwrap()
    }

    fn has_document(&self, bytes: &[u8]) -> bool {
        let name = format!("api/v1/documents/{}", Hash::sha256(bytes));
        self.served.http().get(&name, 1 << 20).unwrap().is_some()
    }
}

#[test]
fn only_a_regular_file_inside_the_folder_is_published() {
    let office = Office::open();
    let desk = &office.desk;
    let docs = desk.path("docs");
    std::fs::create_dir_all(format!("{docs}/sub")).unwrap();
    let at = |name: &str| format!("{docs}/{name}");
    std::fs::write(at("sub/a.pdf"), "inside").unwrap();
    std::fs::write(at("small.pdf"), "small").unwrap();
    desk.write("secret.txt", "outside");
    std::fs::copy(&office.key, at("copy.pdf")).unwrap();
    std::fs::hard_link(&office.key, at("hard.pdf")).unwrap();
    symlink(&office.key, at("key.pdf")).unwrap();
    symlink("../secret.txt", at("relative.pdf")).unwrap();
    symlink("..", at("folder")).unwrap();
    symlink("nowhere", at("dangling.pdf")).unwrap();
    symlink("/dev/zero", at("zero.bin")).unwrap();
    symlink("sub/a.pdf", at("good.pdf")).unwrap();
    symlink("loop.pdf", at("loop.pdf")).unwrap();
    std::fs::File::create(at("large.zip"))
        .unwrap()
        .set_len((200 << 20) + 1)
        .unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe.pdf"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let file = at("d.jsonl");
    let before = office.size();
    for (name, why) in [
        ("key.pdf", "leads out"),
        ("relative.pdf", "leads out"),
        ("folder/secret.txt", "leads out"),
        ("../secret.txt", "a path inside"),
        ("dangling.pdf", "cannot be read"),
        ("loop.pdf", "cannot be read"),
        ("zero.bin", "leads out"),
        ("pipe.pdf", "no regular file"),
        ("sub", "no regular file"),
        ("copy.pdf", "private key"),
        ("hard.pdf", "of this very run"),
        ("large.zip", "209715201 bytes"),
        ("d.jsonl", "of this very run"),
    ] {
        let bad = draft("BAD", "示例", json!({"documents": [{"file": name}]}));
        std::fs::write(&file, format!("{bad}\n")).unwrap();
        for check in [&["--check"][..], &[]] {
            office
                .post(&[check, &[&file]].concat())
                .exits(3)
                .says(&[name, why]);
        }
    }
    assert_eq!(office.size(), before, "nothing was logged");

    // All faults of a draft at once; what is refused holds up no other.
    let drafts = [
        draft(
            "BAD",
            "示例",
            json!({"documents": [{"file": "key.pdf"}, {"file": "pipe.pdf"}], "category": "building"}),
        ),
        draft(
            "G-1",
            "示例一",
            json!({"documents": [{"file": "small.pdf"}, {"file": "good.pdf"}]}),
        ),
    ];
    std::fs::write(&file, format!("{}\n{}\n", drafts[0], drafts[1])).unwrap();
    office
        .post(&[&file])
        .exits(3)
        .says(&["key.pdf", "pipe.pdf", "category", "1 logged"]);
    assert!(office.has_document(b"small") && office.has_document(b"inside"));
    assert!(!office.has_document(b"outside"));
}

#[test]
fn other_words_under_a_known_ref_are_an_error_and_the_same_words_have_their_receipt() {
    let office = Office::open();
    let desk = &office.desk;
    let award = |reference: &str, amount: &str| {
        let mut draft = draft(
            reference,
            "示例工程结果",
            json!({"stage": "award", "kind": "award_notice"}),
        );
        draft["details"] = json!({
            "winner": {"name": "示例建设有限公司"}, "project_manager": "钟示例",
            "price": {"form": "amount", "amount": amount, "currency": "CNY"},
        });
        format!("{draft}\n")
    };
    let first = desk.write("first", &award("R-1", "100.00"));
    let told = office.post(&["--json", &first]).exits(0).json("posted");
    let record = &told["records"][0];
    assert_eq!(
        (&record["line"], &record["state"]),
        (&json!(1), &json!("logged"))
    );
    let (index, id) = (
        record["index"].as_u64().unwrap(),
        record["id"].as_str().unwrap(),
    );
    assert_eq!(
        record["url"],
        format!("{}/entries/{index}", office.served.url)
    );
    let other = desk.write("other", &award("R-1", "999.00"));
    for check in [&["--check"][..], &[]] {
        office.post(&[check, &[&other]].concat()).exits(3).says(&[
            "R-1",
            &format!("record {index}"),
            "/details/price/amount",
        ]);
    }
    // With new salts, and after other records, the same words are the same.
    let receipts = desk.path("receipts");
    office
        .post(&["--receipts", &receipts, &first])
        .exits(0)
        .says(&["1 were in the ledger already", id]);
    let receipt = desk.read(&format!("receipts/{index}.tlog-proof"));
    office.post(&["--receipts", &receipts, &first]).exits(0);
    assert_eq!(desk.read(&format!("receipts/{index}.tlog-proof")), receipt);

    let twice = desk.write("twice", &(award("R-2", "1.00") + &award("R-2", "2.00")));
    for check in [&["--check"][..], &[]] {
        office.post(&[check, &[&twice]].concat()).exits(3).says(&[
            "line 2 refused",
            "R-2",
            "line 1",
        ]);
    }
    let same = desk.write("same", &(award("R-3", "1.00") + &award("R-3", "1.00")));
    office.post(&["--check", &same]).exits(0);
    office.post(&[&same]).exits(0).says(&["1 logged, 1 were"]);
}

#[test]
fn what_is_amended_is_named_by_line_ref_or_index() {
    let office = Office::open();
    let desk = &office.desk;
    let change = |reference: &str, amends: Value| {
        let more = json!({"kind": "change_notice", "amends": amends});
        format!("{}\n", draft(reference, "示例更正", more))
    };
    let first = format!("{}\n", draft("A-1", "示例", json!({})));
    let file = |text: &str| desk.write("d.jsonl", text);
    let by_line = first.clone() + &change("A-2", json!({"statement": "$1", "effect": "correct"}));
    office.post(&["--check", &file(&by_line)]).exits(0);
    office.post(&[&file(&by_line)]).exits(0).says(&["2 logged"]);
    let of_new = format!("{}\n", draft("B-1", "示例二", json!({})))
        + &change("B-2", json!({"ref": "B-1", "effect": "correct"}));
    office.post(&["--check", &file(&of_new)]).exits(0);
    office.post(&[&file(&of_new)]).exits(0).says(&["2 logged"]);

    let record = office.served.project("P-1")["records"][0].clone();
    let (index, id) = (record["index"].clone(), record["id"].clone());
    for (at, amends) in [
        json!({"statement": id, "effect": "correct"}),
        json!({"ref": "A-1", "effect": "correct"}),
        json!({"statement": "A-1", "effect": "correct"}),
        json!({"index": index, "effect": "correct"}),
        json!({"statement": index.to_string(), "effect": "correct"}),
    ]
    .into_iter()
    .enumerate()
    {
        let text = change(&format!("C-{at}"), amends.clone());
        office.post(&["--check", &file(&text)]).exits(0);
        let told = office
            .post(&["--json", &file(&text)])
            .exits(0)
            .json("posted");
        let made = told["records"][0]["index"].as_u64().unwrap();
        let name = format!("api/v1/records/{made}");
        let made = office.served.http().get(&name, 1 << 20).unwrap().unwrap();
        let made: Value = serde_json::from_slice(&made).unwrap();
        assert_eq!(
            made["statement"]["amends"],
            json!({"effect": "correct", "statement": id}),
            "{amends}"
        );
    }
    for unknown in [
        json!({"ref": "NO-1", "effect": "correct"}),
        json!({"index": 0, "effect": "correct"}),
        json!({"index": 4_000, "effect": "correct"}),
        json!({"statement": "$7", "effect": "correct"}),
    ] {
        let before = office.size();
        office
            .post(&[&file(&change("D-1", unknown))])
            .exits(3)
            .says(&["`amends` names"]);
        assert_eq!(office.size(), before);
    }
}

#[test]
fn a_file_is_read_however_it_was_saved_and_all_its_faults_are_told_at_once() {
    let office = Office::open();
    let desk = &office.desk;
    let drafts = [
        draft("F-1", "示例一", json!({})),
        draft("F-2", "示例二", json!({})),
    ];
    let lines = format!("{}\n{}\n", drafts[0], drafts[1]);
    let marked = |text: &str| format!("\u{feff}{text}");
    for text in [
        lines.clone(),
        marked(&lines),
        lines.replace('\n', "\r\n"),
        marked(&lines.replace('\n', "\r\n")),
        json!(drafts).to_string(),
        format!("{:#}\n{:#}\n", drafts[0], drafts[1]),
        format!("{:#}", json!(drafts)),
    ] {
        let file = desk.write("d.json", &text);
        office
            .post(&["--check", &file])
            .exits(0)
            .says(&["2 can be logged"]);
    }
    let gbk = desk.path("gbk");
    std::fs::write(&gbk, b"{\"title\":\"\xca\xbe\xc0\xfd\"}\n").unwrap();
    office.post(&["--check", &gbk]).exits(3).says(&["GB18030"]);
    let vkey = office.key.replace(".key", ".vkey");
    let text = std::fs::read_to_string(&vkey).unwrap();
    std::fs::write(&vkey, marked(&text.replace('\n', "\r\n"))).unwrap();
    let file = desk.write("d.json", &lines);
    office.post(&["--check", &file]).exits(0);

    let faults = [
        draft(
            "F-3",
            "示例",
            json!({"category": "building", "issued": "2026-13-02T10:00:00+08:00"}),
        ),
        draft("F-4", "示例", json!({"stage": "opening"})),
        draft("F-5", "示\n例", json!({"project": "有 空格"})),
    ];
    let text: String = faults.iter().map(|draft| format!("{draft}\n")).collect();
    let file = desk.write(
        "faults",
        &(text + r#"{"project":"P-1","title":"a","title":"b"}"#),
    );
    let told = office.post(&["--check", "--lang", "zh-CN", &file]).exits(3);
    for (line, words) in [
        (1, &["/issued", "/category"][..]),
        (2, &["/stage"]),
        (3, &["/project", "/title"]),
        (4, &["/title", "两次"]),
    ] {
        let start = format!("第 {line} 行被拒绝");
        let said = told.err.lines().find(|said| said.contains(&start)).unwrap();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

/// Danger: a file of openings grows by lines that open nothing, with each run and each refusal.
#[test]
fn openings_are_kept_once_for_what_is_logged_and_never_for_what_is_refused() {
    let office = Office::open();
    let person = json!({ "details": { "manager": [{ "$commit": { "class": "person", "value": "张示例", "shown": false } }] } });
    let mut refused = draft("R-2", "二", person.clone());
    refused["category"] = "no-such-category".into();
    let lines = [
        draft("R-1", "一", person.clone()),
        refused,
        draft("R-3", "三", person.clone()),
        draft("R-1", "一", person),
    ];
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let file = office.desk.write("d.jsonl", &text.join("\n"));
    for run in 1..=2 {
        let said = office
            .post(&["--json", &file])
            .exits(3)
            .json("partly-refused");
        let refused = said["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "run {run}: {said}");
        assert_eq!(refused[0]["line"], 2, "run {run}: {said}");
        let kept = office.desk.read("d.jsonl.openings");
        let kept: Vec<Value> = kept
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let refs: Vec<&str> = kept
            .iter()
            .map(|one| one["ref"].as_str().unwrap())
            .collect();
        assert_eq!(refs, ["R-1", "R-3"], "run {run}");
        for one in kept {
            let name = format!("api/v1/statements/{}", one["statement"].as_str().unwrap());
            assert!(office.served.http().get(&name, 1 << 20).unwrap().is_some());
        }
    }
}

/// Danger: what a draft says of a file beside its name is lost on the way, or another file is published than the one that was meant.
#[test]
fn what_a_draft_says_of_a_file_is_kept_or_refused() {
    let office = Office::open();
    office.desk.write("redacted.txt", "○○○\n");
    let whole = Hash::sha256(b"the whole").to_string();
    let document = json!({
        "file": "redacted.txt",
        "redaction_of": { "commitment": whole, "class": "trade_secret" },
        "redacted": [{ "where": "第3页", "class": "trade_secret" }],
    });
    let drafts = [
        draft("R-1", "one", json!({ "documents": [document] })),
        draft(
            "R-2",
            "two",
            json!({ "documents": [{ "file": "redacted.txt", "sha256": whole }] }),
        ),
        draft(
            "R-3",
            "three",
            json!({ "documents": [{ "file": "redacted.txt", "size": 99 }] }),
        ),
    ];
    let lines: String = drafts.iter().map(|draft| format!("{draft}\n")).collect();
    let file = office.desk.write("d.jsonl", &lines);
    office.post(&[&file]).exits(3).says(&[
        "line 2 refused",
        "line 3 refused",
        "another SHA-256 or size",
    ]);
    run(&["get", "--ledger", &office.served.url, "2"])
        .exits(0)
        .says(&[&whole, "redacted"]);
}
