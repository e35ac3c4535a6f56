//! Danger: real data comes in twice, in another order than it was said, without what was promised to be kept apart, or is lost without a word.

use super::*;

#[test]
fn notices_are_imported_once_however_often_it_is_run() {
    let desk = Desk::new();
    let data = desk.path("ledger");
    run(&["init", "--data", &data, "--origin", ORIGIN]).exits(0);
    let served = Served::start(&data);
    let key = format!("{data}/centre.key");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/national");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let national = read("notices.jsonl");
    let (all_but_last, last) = national.trim_end().rsplit_once('\n').unwrap();
    let file = desk.write("notices.jsonl", &format!("{all_but_last}\n"));
    let yichang = desk.write("yichang.jsonl", &read("yichang.jsonl"));
    let report = desk.path("report.jsonl");
    let kept = desk.path("receipts");
    let import = |more: &[&str]| {
        let fixed = ["import", "notices", "--json", "--ledger", &served.url];
        let files = ["--key", &key, "--report", &report, &file, &yichang];
        let kept = ["--receipts", &kept];
        run(&[&fixed[..], &files, &kept, more].concat())
    };
    let count = all_but_last.lines().count() + 30;
    let said = import(&["--check"]).exits(0).json("imported");
    assert_eq!(
        (&said["logged"], &said["known"]),
        (&count.into(), &0.into())
    );
    let said = import(&[]).exits(0).json("imported");
    assert_eq!(
        (&said["logged"], &said["known"]),
        (&count.into(), &0.into())
    );
    let said = import(&[]).exits(0).json("imported");
    assert_eq!(
        (&said["logged"], &said["known"]),
        (&0.into(), &count.into())
    );
    let refused = || {
        let report = desk.read("report.jsonl");
        let lines = report.lines().filter(|line| line.contains("\"reason\""));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    assert!(refused().is_empty());
    assert!(desk.read("report.jsonl").contains("document text.txt"));
    let facts = &said["facts"];
    let sum: u64 = [
        "fields",
        "extra",
        "documents",
        "withheld",
        "repeated",
        "refused",
    ]
    .iter()
    .map(|name| facts[*name].as_u64().unwrap())
    .sum();
    assert!(facts["source"] == sum && sum > 500, "{facts}");

    // One line more, and one that is no notice.
    desk.write(
        "notices.jsonl",
        &format!("{all_but_last}\nno notice\n{last}\n"),
    );
    let said = import(&[]).exits(3).json("partly-refused");
    assert_eq!(
        (&said["logged"], &said["known"]),
        (&1.into(), &count.into())
    );
    let [line] = &refused()[..] else {
        panic!("{:?}", refused())
    };
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["line"], national.lines().count().to_string());
    assert!(
        line["reason"].as_str().unwrap().contains("no JSON"),
        "{line}"
    );

    // Every receipt that was written holds; one that was altered is shown.
    let policy = format!("{data}/policy");
    let receipts = desk.path("receipts");
    let verify = || run(&["verify", &receipts, "--policy", &policy, "--json"]);
    let said = verify().exits(0).json("verified");
    assert_eq!(said["verdicts"][0]["hold"], count + 1);
    let one = std::fs::read_dir(&receipts).unwrap().next().unwrap();
    let one = one.unwrap().path();
    let altered = std::fs::read_to_string(&one)
        .unwrap()
        .replacen("index ", "index 1", 1);
    std::fs::write(&one, altered).unwrap();
    let said = verify().exits(1).json("verification-failed");
    assert_eq!(said["verdicts"].as_array().unwrap().len(), 2);
    assert_eq!(said["verdicts"][1]["hold"], count);
    run(&["verify", &desk.path(""), "--policy", &policy, "--json"])
        .exits(3)
        .json("folder");

    run(&["audit", &served.url, "--policy", &policy]).exits(0);
    assert_eq!(served.terminate(), Some(0));
}

/// The standard's worked example, newest file first, and releases of a city.
fn slices() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ocds/slices");
    let names = [
        "fictional-06-implementation.json",
        "fictional-05-contract.json",
        "fictional-04-award.json",
        "fictional-03-tenderAmendment.json",
        "fictional-02-tender.json",
        "fictional-01-planning.json",
        "five-stage-release-package.json",
        "canada-montreal.jsonl",
    ];
    names
        .iter()
        .map(|name| folder.join(name).to_str().unwrap().to_owned())
        .collect()
}

struct Importing {
    desk: Desk,
    data: String,
    served: Served,
}

impl Importing {
    fn new() -> Importing {
        let desk = Desk::new();
        let data = init(&desk, "ledger", ORIGIN);
        let served = Served::start(&data);
        Importing { desk, data, served }
    }

    fn ocds(&self, more: &[&str]) -> Run {
        let (key, kept) = (
            format!("{}/centre.key", self.data),
            self.desk.path("openings.jsonl"),
        );
        let fixed = ["import", "ocds", "--json", "--ledger", &self.served.url];
        let keeps = ["--key", &key, "--openings", &kept];
        run(&[&fixed[..], &keeps, more].concat())
    }

    fn get(&self, name: &str) -> Value {
        let body = self.served.http().get(name, 1 << 24).unwrap().unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The statements of the centre, in log order.
    fn statements(&self) -> Vec<Value> {
        let page = self.get("api/v1/records?limit=256");
        let records = page["records"].as_array().unwrap();
        assert!(records.len() < 256, "all on one page");
        let said = records.iter().map(|record| record["statement"].clone());
        said.filter(|statement| statement["type"] == "trade")
            .collect()
    }
}

#[test]
fn releases_go_in_by_their_dates_and_keep_people_out() {
    let importing = Importing::new();
    let files = slices();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let said = importing.ocds(&files).exits(0).json("imported");
    let logged = said["logged"].as_u64().unwrap();
    assert!(logged > 25, "{said}");

    let statements = importing.statements();
    assert_eq!(statements.len() as u64, logged);
    // Of each project in the order of its dates, whatever the order of the files.
    let mut last: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for statement in &statements {
        let issued = statement["issued"].as_str().unwrap();
        let issued = mingzhang::trade::time::OffsetTime::parse(issued)
            .unwrap()
            .time
            .as_ms();
        let before = last.insert(statement["project"].as_str().unwrap(), issued);
        assert!(before.is_none_or(|before| before <= issued), "{statement}");
    }
    let of_example = |statement: &&Value| statement["project"] == "ocds-213czf-000-00001";
    let kinds: Vec<&str> = statements
        .iter()
        .filter(of_example)
        .map(|statement| statement["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds[0], *kinds.last().unwrap()),
        ("plan_notice", "performance_report")
    );

    // Every commitment can be opened by what was kept, and by nothing that the ledger has.
    let kept = importing.desk.read("openings.jsonl");
    let mode = std::fs::metadata(importing.desk.path("openings.jsonl")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let mut names = 0;
    for line in kept.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["statement"].as_str().unwrap();
        let found = importing.served.http();
        let shown = found
            .get(&format!("api/v1/openings/{id}"), 1 << 20)
            .unwrap();
        assert!(
            shown.is_none_or(|shown| !String::from_utf8_lossy(&shown).contains("salt")),
            "{id}"
        );
        names += line["openings"].as_object().unwrap().len();
    }
    assert!(names > 10);
    let all = serde_json::to_string(&statements).unwrap();
    assert!(
        !all.contains("Bureau de la Ville Intelligente") && !all.contains("villeintelligente@")
    );

    // Again: nothing new, no line more that opens nothing.
    let said = importing.ocds(&files).exits(0).json("imported");
    assert_eq!(
        (&said["logged"], &said["known"]),
        (&0.into(), &logged.into())
    );
    assert_eq!(importing.desk.read("openings.jsonl"), kept);
    assert_eq!(kept.lines().count(), {
        let ids: std::collections::BTreeSet<String> = kept
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                line["ref"].as_str().unwrap().to_owned()
            })
            .collect();
        ids.len()
    });

    // What rules and search need stands in fields: a winner is found by its code, also by one from abroad.
    importing.served.until(|http| {
        let body = http.get("api/v1/search?limit=1", 1 << 20).unwrap().unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer["indexed_size"] == answer["tree_size"]
    });
    for (query, wanted) in [
        ("party=91430300MA4L000033&kind=award_notice", 1),
        ("party=GB-LAC-E09000003&kind=award_notice", 0),
        ("party=E09000003&kind=award_notice", 3),
        ("id=contract-1", 6),
    ] {
        let found = importing.get(&format!("api/v1/search?{query}"));
        assert_eq!(
            found["hits"].as_array().unwrap().len(),
            wanted,
            "{query}: {found}"
        );
    }

    let policy = format!("{}/policy", importing.data);
    run(&["audit", &importing.served.url, "--policy", &policy]).exits(0);
}

/// A release with a text that no statement could hold, signed by a person.
fn long_release(title: &str) -> String {
    let text = "A long road ".repeat(4_000);
    serde_json::json!({
        "ocid": "ocds-213czf-long", "id": title, "date": "2026-01-02", "tag": ["award"],
        "buyer": {"name": "Example Council", "contactPoint": {"name": "Jo Example", "email": "jo@example.org"}},
        "awards": [{"id": "a1", "title": title, "description": text, "value": {"amount": 12.5, "currency": "GBP"},
            "suppliers": [{"name": "Acme Ltd", "contactPoint": {"name": "Sam Example"}}]}],
    })
    .to_string()
}

#[test]
fn what_is_too_long_becomes_a_document_without_people_and_nothing_is_lost_in_silence() {
    let importing = Importing::new();
    let file = importing.desk.write(
        "long.jsonl",
        &format!("{}\nnonsense\n{{\"ocid\":\"x\"}}\n", long_release("Road")),
    );
    let report = importing.desk.path("report.md");
    let said = importing
        .ocds(&["--report", &report, &file])
        .exits(3)
        .json("partly-refused");
    assert_eq!((&said["found"], &said["logged"]), (&3.into(), &1.into()));
    let lines: Vec<String> = importing
        .desk
        .read("report.md")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(
        lines[2].contains("long.jsonl | 3 | 1 | 0 | 2 |"),
        "{lines:?}"
    );
    assert!(lines[6].contains("long.jsonl | 2 |") && lines[7].contains("date"));

    let [statement] = &importing.statements()[..] else {
        panic!("one statement")
    };
    assert_eq!(statement["details"]["price"]["amount"], "12.5");
    assert_eq!(statement["details"]["winner"]["name"], "Acme Ltd");
    let documents = statement["documents"].as_array().unwrap();
    let mut whole = String::new();
    for document in documents {
        let digest = document["sha256"].as_str().unwrap();
        let bytes = importing
            .served
            .http()
            .get(&format!("api/v1/documents/{digest}"), 1 << 20)
            .unwrap()
            .unwrap();
        assert_eq!(bytes.len() as u64, document["size"].as_u64().unwrap());
        whole.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    assert!(whole.contains(&"A long road ".repeat(4_000)), "not cut");
    for person in ["Jo Example", "Sam Example", "jo@example.org"] {
        assert!(
            !whole.contains(person) && !statement.to_string().contains(person),
            "{person}"
        );
        assert!(importing.desk.read("openings.jsonl").contains(person));
    }

    // A file with one line more gives one record more.
    let more = importing.desk.write(
        "long.jsonl",
        &format!("{}\n{}\n", long_release("Bridge"), long_release("Road")),
    );
    let said = importing.ocds(&[&more]).exits(0).json("imported");
    assert_eq!((&said["logged"], &said["known"]), (&1.into(), &1.into()));
    assert_eq!(importing.desk.read("openings.jsonl").lines().count(), 2);
    assert_eq!(importing.statements().len(), 2);
}

/// Danger: a package is published anew, with another date, and all that it holds is refused; or openings are kept that open nothing.
#[test]
fn a_release_in_another_package_is_known_and_its_openings_are_kept_once() {
    let importing = Importing::new();
    let release: Value = serde_json::from_str(&long_release("Road")).unwrap();
    let package = |name: &str, more: Value| {
        let mut package = serde_json::json!({ "uri": name, "releases": [release, release] });
        for (name, value) in more.as_object().unwrap() {
            package[name] = value.clone();
        }
        importing.desk.write(name, &package.to_string())
    };
    let first = package("first.json", serde_json::json!({}));
    let newer = serde_json::json!({ "publishedDate": "2026-05-05", "publisher": {"name": "Example Council"}, "x_Y": 1.5 });
    let newer = package("newer.json", newer);
    let said = importing.ocds(&[&first]).exits(0).json("imported");
    assert_eq!((&said["logged"], &said["known"]), (&1.into(), &1.into()));
    let remarks = said["remarks"].as_u64().unwrap();
    let said = importing.ocds(&[&newer, &first]).exits(0).json("imported");
    assert_eq!((&said["logged"], &said["known"]), (&0.into(), &4.into()));
    assert_eq!(said["remarks"].as_u64().unwrap(), 2 * remarks + 2);
    assert_eq!(importing.desk.read("openings.jsonl").lines().count(), 1);
}
