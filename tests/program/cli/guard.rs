//! Danger: a clerk posts a draft as it comes out of the centre's system, and a person's name, a score or who objected stands in a log that
//! nobody can take it out of.
//!
//! Plain drafts go in by `post`; what stands in the log, what is shown beside it and what stays in the centre's file is looked at from
//! outside.

use serde_json::json;

use super::*;

struct Centre {
    desk: Desk,
    key: String,
    served: Served,
}

impl Centre {
    fn new(serve: &[&str]) -> Centre {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let served = Served::start_with(&data, serve);
        let key = format!("{data}/centre.key");
        Centre { desk, key, served }
    }

    fn post(&self, name: &str, drafts: &[Value], more: &[&str]) -> Run {
        let text: String = drafts.iter().map(|draft| format!("{draft}\n")).collect();
        let file = self.desk.write(name, &text);
        let post = [
            "post",
            "--ledger",
            &self.served.url,
            "--key",
            &self.key,
            &file,
        ];
        run(&[&post[..], more].concat())
    }

    /// The whole log as a stranger reads it.
    fn log(&self) -> String {
        let records = self.served.http().get("api/v1/records?limit=200", 1 << 24);
        String::from_utf8(records.unwrap().unwrap().to_vec()).unwrap()
    }

    fn openings(&self, index: u64) -> Value {
        let http = self.served.http();
        let record = http.get(&format!("api/v1/records/{index}"), 1 << 20);
        let record: Value = serde_json::from_slice(&record.unwrap().unwrap()).unwrap();
        let id = record["id"].as_str().unwrap();
        match http.get(&format!("api/v1/openings/{id}"), 1 << 20).unwrap() {
            Some(openings) => serde_json::from_slice(&openings).unwrap(),
            None => Value::Null,
        }
    }
}

fn draft(
    project: &str,
    stage: &str,
    kind: &str,
    category: &str,
    title: &str,
    details: Value,
) -> Value {
    json!({
        "type": "trade", "v": 1, "project": project, "ref": format!("{project}-{kind}"), "stage": stage, "kind": kind,
        "category": category, "title": title, "region": "430382", "issued": "2025-06-03T09:00:00+08:00", "details": details,
    })
}

const COMPANY: &str = "91430304DEM000110D";

#[test]
fn a_plain_draft_becomes_safe_by_itself() {
    let centre = Centre::new(&[]);
    let drafts = [
        draft(
            "P-1",
            "process",
            "candidate_publicity",
            "construction",
            "候选人公示",
            json!({"candidates": [{"rank": 1, "party": {"name": "湘潭甲川建设有限公司（示例）", "uscc": COMPANY}, "project_manager": "张示例", "score": "91.40"}]}),
        ),
        draft(
            "P-2",
            "process",
            "objection",
            "construction",
            "异议",
            json!({"author": {"name": "株洲丙川建设有限公司（示例）"}, "author_role": "bidder", "matter": "认为业绩不实"}),
        ),
        draft(
            "P-3",
            "award",
            "award_notice",
            "rural-property",
            "李示例承包地经营权流转成交公示",
            json!({"winner": {"name": "李示例"}, "price": {"form": "amount", "amount": "100.00", "currency": "CNY"}}),
        ),
    ];
    // Looking first changes nothing, and says line by line what will be done.
    centre.post("d.jsonl", &drafts, &["--check"]).exits(0).says(&[
        "line 1 /details/candidates/0/project_manager: made a commitment (person_in_clear), its opening is shown",
        "line 1 /details/candidates/0/score: made a commitment (withheld_in_clear), its opening stays with the centre",
        "line 2 /details/matter",
        "line 3 /title",
    ]);
    assert!(!Path::new(&centre.desk.path("d.jsonl.openings")).exists());
    let posted = centre
        .post("d.jsonl", &drafts, &["--json"])
        .exits(0)
        .json("posted");
    assert_eq!(posted["logged"], 3, "{posted}");
    assert_eq!(posted["committed"].as_array().unwrap().len(), 6, "{posted}");

    let log = centre.log();
    for secret in ["张示例", "91.40", "株洲丙川", "业绩不实", "李示例"] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    assert!(log.contains("某自然人承包地经营权流转成交公示"));
    assert!(
        log.contains("湘潭甲川建设有限公司（示例）"),
        "what is public stays"
    );

    // What the law wants named is shown beside the log; the rest is in a file of the centre's own.
    let shown: Vec<String> = (2..5)
        .map(|index| centre.openings(index).to_string())
        .collect();
    let shown = shown.concat();
    for name in ["张示例", "李示例", "李示例承包地经营权流转成交公示"] {
        assert!(shown.contains(name), "{name} is not shown: {shown}");
    }
    for secret in ["91.40", "株洲丙川", "业绩不实"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    let kept = centre.desk.read("d.jsonl.openings");
    for secret in ["91.40", "株洲丙川", "业绩不实"] {
        assert!(kept.contains(secret), "{secret} is lost");
    }
    let mode = std::fs::metadata(centre.desk.path("d.jsonl.openings"));
    assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o600);

    // What was kept is disclosed later, by a signature for that; a key of somebody else opens nothing.
    let objection = kept
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["openings"].get("/details/matter").is_some())
        .unwrap();
    let id = objection["statement"].as_str().unwrap();
    let (url, file) = (&centre.served.url, centre.desk.path("d.jsonl.openings"));
    let disclose = |key: &str, pointer: &str| {
        run(&[
            "disclose",
            "--ledger",
            url,
            "--key",
            key,
            "--openings",
            &file,
            "--pointer",
            pointer,
            id,
        ])
    };
    let stranger = centre.desk.path("stranger.key");
    run(&["keygen", "--name", "ggzy.stranger.example", "-o", &stranger]).exits(0);
    disclose(&stranger, "/details/matter")
        .exits(3)
        .says(&["disclosure-refused"]);
    disclose(&centre.key, "/details/nothing")
        .exits(3)
        .says(&["has nothing that opens /details/nothing"]);
    for _ in 0..2 {
        disclose(&centre.key, "/details/matter")
            .exits(0)
            .says(&["认为业绩不实", "1 values of record"]);
    }
    let shown: String = (2..5)
        .map(|index| centre.openings(index).to_string())
        .collect();
    assert!(
        shown.contains("业绩不实") && !shown.contains("株洲丙川"),
        "{shown}"
    );

    // A second run posts nothing and refuses nothing.
    let again = centre
        .post("d.jsonl", &drafts, &["--json"])
        .exits(0)
        .json("posted");
    assert_eq!((&again["logged"], &again["known"]), (&json!(0), &json!(3)));
}

#[test]
fn posting_stops_at_a_secrecy_warning_until_somebody_takes_it_upon_himself() {
    let centre = Centre::new(&[]);
    let phone = |project: &str| {
        draft(
            project,
            "announcement",
            "plan_notice",
            "construction",
            "计划",
            json!({"need": "联系 13807310001", "buyer": {"name": "韶山市教育局"}}),
        )
    };
    let stopped = centre.post("a.jsonl", &[phone("P-1")], &[]);
    stopped
        .exits(3)
        .says(&["/details/need [mobile_number]", "--accept"]);
    assert!(
        !centre.log().contains("13807310001"),
        "it never left the centre"
    );
    centre
        .post("a.jsonl", &[phone("P-1")], &["--accept", "mobile_number"])
        .exits(0);
    assert!(centre.log().contains("13807310001"));
    centre
        .post("a.jsonl", &[phone("P-1")], &["--accept", "mobile"])
        .exits(2)
        .says(&["mobile_number"]);

    // Bidders before the opening.
    let mut early = draft(
        "P-2",
        "process",
        "bid_opening",
        "construction",
        "开标",
        json!({"bids": []}),
    );
    early["events"] = json!({"opening": "2025-06-04T09:00:00+08:00"});
    centre
        .post("b.jsonl", &[early.clone()], &[])
        .exits(3)
        .says(&["before_opening"]);
    centre
        .post("b.jsonl", &[early], &["--accept", "before_opening"])
        .exits(0);

    // What is accepted stays as it is written.
    let objection = draft(
        "P-3",
        "process",
        "objection",
        "construction",
        "异议",
        json!({"matter": "某事项"}),
    );
    centre
        .post("c.jsonl", &[objection], &["--accept", "privacy_in_clear"])
        .exits(0);
    assert!(centre.log().contains("某事项"));

    // A name that is committed at one place and written at another is no secret.
    let mut leak = draft(
        "P-4",
        "award",
        "award_notice",
        "forest-right",
        "成交",
        json!({"winner": {"name": "张示例"}, "remark": "张示例已缴款"}),
    );
    centre
        .post("d.jsonl", &[leak.clone()], &[])
        .exits(3)
        .says(&["/details/remark", "committed_in_clear"]);
    leak["details"]["remark"] = "竞得人已缴款".into();
    centre.post("d.jsonl", &[leak], &[]).exits(0);
}

/// 11010519491231002X has the right check character, and was never issued; 18 digits may as well be a social credit code.
#[test]
fn a_citizens_number_is_refused_wherever_it_stands() {
    let centre = Centre::new(&[]);
    let with = |project: &str, details: Value| {
        draft(
            project,
            "award",
            "award_notice",
            "construction",
            "公告",
            details,
        )
    };
    let clear = with("P-1", json!({"remark": "证件号 11010519491231002X"}));
    centre
        .post("a.jsonl", &[clear], &[])
        .exits(3)
        .says(&["/details/remark", "citizen"]);
    // Nor beside the log: the program stops, and so does the ledger if another client tries.
    let shown = with("P-2", json!({"project_manager": "11010519491231002X"}));
    centre
        .post("b.jsonl", &[shown], &[])
        .exits(3)
        .says(&["/details/project_manager", "identity number"]);
    let hidden = with(
        "P-3",
        json!({"extra": {"a": {"$commit": {"class": "person", "value": "11010519491231002X", "shown": false}}}}),
    );
    centre.post("c.jsonl", &[hidden], &[]).exits(0);
    assert!(!centre.log().contains("11010519491231002X"));
    // A social credit code that is all digits and has the form of a citizen's number is none.
    let code = with(
        "P-4",
        json!({"winner": {"name": "示例单位", "uscc": "124303195010120698"}}),
    );
    centre.post("d.jsonl", &[code], &[]).exits(0);
}

#[test]
fn all_problems_of_a_draft_are_told_at_once_with_their_places() {
    let centre = Centre::new(&[]);
    let mut bad = draft(
        "P-1",
        "award",
        "tender_notice",
        "no-such",
        "",
        json!({"buyer": {"name": "局", "uscc": "1"}, "consortium": "yes"}),
    );
    bad["region"] = "43".into();
    bad["events"] = json!({"opening": "tomorrow", "lunch": "x"});
    let file = centre
        .post("a.jsonl", &[bad.clone()], &["--check"])
        .exits(3);
    file.says(&[
        "/kind",
        "/category",
        "/title",
        "/region",
        "/events/opening",
        "/events/lunch",
        "/details/buyer/uscc",
        "/details/consortium",
    ]);
    let text = format!("{bad}\n");
    let path = centre.desk.write("b.jsonl", &text);
    run(&[
        "post",
        "--lang",
        "zh-CN",
        "--check",
        "--ledger",
        &centre.served.url,
        "--key",
        &centre.key,
        &path,
    ])
    .exits(3)
    .says(&["/region", "行政区划", "/category", "交易类别"]);
}

/// A centre's own words, without a rebuild: the ledger's door, `post` and whoever asks check by one table.
#[test]
fn a_ledger_is_served_with_a_centres_own_words() {
    let desk = Desk::new();
    let words = desk.write(
        "words.json",
        r#"{
  "categories": [{"id": "data-asset", "side": "sell", "platform_code": "90", "zh": "数据资产", "en": "data assets", "natural_persons": true}],
  "kinds": [
    {"id": "data_rights_notice", "stage": "announcement", "zh": "数据授权运营公告", "en": "notice of data rights", "fields": [
      {"name": "holder", "type": "person", "need": "warn", "class": "person", "zh": "数据持有人", "en": "holder", "source": "示例市规定 3"}
    ]}
  ]
}
"#,
    );
    let centre = Centre::new(&["--vocabulary", &words]);
    let http = centre.served.http();
    let served = http.get("api/v1/vocabulary", 1 << 24).unwrap().unwrap();
    let served: Value = serde_json::from_slice(&served).unwrap();
    let has = |list: &str, id: &str| {
        served[list]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["id"] == id)
    };
    assert!(
        has("categories", "data-asset")
            && has("kinds", "data_rights_notice")
            && has("kinds", "award_notice")
    );

    let own = draft(
        "P-1",
        "announcement",
        "data_rights_notice",
        "data-asset",
        "公告",
        json!({"holder": "张示例"}),
    );
    let posted = centre
        .post("a.jsonl", std::slice::from_ref(&own), &["--json"])
        .exits(0)
        .json("posted");
    assert_eq!(
        (&posted["logged"], &posted["warnings"]),
        (&json!(1), &json!([])),
        "{posted}"
    );
    assert!(!centre.log().contains("张示例"));
    let bare = draft(
        "P-2",
        "announcement",
        "data_rights_notice",
        "data-asset",
        "公告",
        json!({}),
    );
    centre
        .post("b.jsonl", &[bare], &["--check"])
        .exits(0)
        .says(&["/details/holder", "field_missing", "示例市规定 3"]);
    // Another ledger does not know the category.
    let other = Centre::new(&[]);
    other
        .post("a.jsonl", &[own], &[])
        .exits(3)
        .says(&["/category", "data-asset"]);

    // What is wrong is told before anything is served, with its line.
    for (text, line) in [
        ("{\n\"kinds\": [\n}\n", 3),
        (
            "{\"categories\": [\n {\"id\": \"forest-right\", \"side\": \"sell\", \"platform_code\": \"25\", \"zh\": \"x\", \"en\": \"x\"}]}\n",
            2,
        ),
        (
            "{\"kinds\": [{\"id\": \"contract\", \"fields\": [\n\n {\"name\": \"own\", \"type\": \"no_shape\", \"need\": \"warn\", \"class\": \"public\", \"zh\": \"x\", \"en\": \"x\", \"source\": \"x\"}]}]}\n",
            3,
        ),
    ] {
        let bad = desk.write("bad.json", text);
        let data = init(
            &desk,
            &format!("data-{line}-{}", text.len()),
            "bad.example/words",
        );
        run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            &data,
            "--vocabulary",
            &bad,
        ])
        .exits(3)
        .says(&[&format!("line {line}"), "bad.json"]);
    }
}
