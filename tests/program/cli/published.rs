//! Danger: a bidder holds a file that was never published and is told that it was, or the other way; or a file of the folder is left out.

use mingzhang::tlog::merkle::Hash;
use serde_json::json;

use super::*;

#[test]
fn a_folder_is_looked_up_file_by_file() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let texts = ["招标公告正文\n", "中标结果正文\n", "没有公开过\n"];
    let digest = |text: &str| Hash::sha256(text.as_bytes()).to_string();
    let draft = |project: &str, text: &str| {
        json!({
            "type": "trade", "v": 1, "project": project, "stage": "announcement", "kind": "plan_notice", "category": "construction",
            "title": "=示例,招标公告", "region": "430382", "issued": "2025-06-03T09:00:00+08:00", "details": {},
            "documents": [{"name": "公告.txt", "media_type": "text/plain", "size": text.len(), "sha256": digest(text)}],
        })
    };
    let drafts = format!("{}\n{}\n", draft("P-1", texts[0]), draft("P-2", texts[1]));
    let file = desk.write("drafts.jsonl", &drafts);
    let key = format!("{data}/centre.key");
    run(&["post", "--ledger", &served.url, "--key", &key, &file]).exits(0);
    let http = served.http();
    let name = format!("api/v1/documents/{}", digest(texts[0]));
    let put = http.call("PUT", &name, &[], Some(texts[0].as_bytes()), 1 << 16);
    assert_eq!(put.unwrap().status, 201);

    let folder = desk.path("folder");
    std::fs::create_dir_all(format!("{folder}/sub")).unwrap();
    for (at, text) in texts.iter().enumerate() {
        std::fs::write(format!("{folder}/sub/{at}.txt"), text).unwrap();
    }
    std::fs::write(format!("{folder}/copy.txt"), texts[0]).unwrap();
    let policy = format!("{data}/policy");
    let ask = ["published", "--ledger", &served.url];
    let listed = |more: &[&str], exit: i32, code: &str| -> Value {
        run(&[&ask[..], more, &["--json"]].concat())
            .exits(exit)
            .json(code)
    };
    served.until(|http| {
        let ready: Value =
            serde_json::from_slice(&http.get("readyz", 1 << 16).unwrap().unwrap()).unwrap();
        ready["tree_size"] == ready["indexed_size"]
    });
    let told = listed(&[folder.as_str()], 1, "not-all-published");
    let files: Vec<(String, String)> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let name = file["file"]
                .as_str()
                .unwrap()
                .strip_prefix(&folder)
                .unwrap();
            (name.to_owned(), file["state"].as_str().unwrap().to_owned())
        })
        .collect();
    let wanted = [
        ("/copy.txt", "published"),
        ("/sub/0.txt", "published"),
        ("/sub/1.txt", "published"),
        ("/sub/2.txt", "not_found"),
    ];
    assert_eq!(
        files,
        wanted.map(|(name, state)| (name.to_owned(), state.to_owned()))
    );
    let first = &told["files"][1]["record"];
    assert_eq!(
        (&first["project"], &first["publisher"], &first["name"]),
        (&json!("P-1"), &json!(CENTRE), &json!("公告.txt"))
    );
    let index = first["index"].as_u64().unwrap();
    let record = http
        .get(&format!("api/v1/records/{index}"), 1 << 20)
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&record).contains(&digest(texts[0])));
    assert_eq!(told["verified"], false);

    // The digest is an id that a search knows.
    served.until(|http| {
        let body = http.get("api/v1/search?limit=1", 1 << 20).unwrap().unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer["indexed_size"] == answer["tree_size"]
    });
    let by_digest = [
        "search",
        "--json",
        "--ledger",
        &served.url,
        "--id",
        &digest(texts[1]),
    ];
    assert_eq!(
        run(&by_digest).exits(0).json("found")["hits"][0]["project"],
        "P-2"
    );

    // With a policy the ledger is not believed: each receipt is verified.
    let only = [format!("{folder}/copy.txt"), format!("{folder}/sub/1.txt")];
    let proved = listed(
        &[&only[0], &only[1], "--policy", &policy],
        0,
        "all-published",
    );
    assert_eq!(
        (&proved["published"], &proved["verified"]),
        (&json!(2), &json!(true))
    );
    // By another ledger's policy nothing is proved.
    let other = init(&desk, "other", "other.example/published");
    let foreign = format!("{other}/policy");
    let doubted = listed(&[&only[0], "--policy", &foreign], 1, "not-all-published");
    assert_eq!(doubted["files"][0]["state"], "unproved");

    // A link is in the list, and leads nowhere; a folder that is not there is told.
    std::os::unix::fs::symlink(format!("{folder}/copy.txt"), format!("{folder}/link")).unwrap();
    let told = listed(&[folder.as_str()], 3, "partly-unreadable");
    assert_eq!(
        (
            &told["files"].as_array().unwrap().len(),
            &told["unreadable"]
        ),
        (&5, &json!(1))
    );
    listed(&[desk.path("nowhere").as_str()], 3, "partly-unreadable");

    run(&[&ask[..], &[folder.as_str()]].concat())
        .exits(3)
        .says(&["published  ", "not_found  ", "unreadable  "]);
    let csv = run(&[&ask[..], &[only[0].as_str(), "--csv"]].concat())
        .exits(0)
        .out;
    assert!(csv.starts_with("\u{feff}file,state,sha256,index,"));
    assert!(csv.contains("\"'=示例,招标公告\""), "{csv}");
}

/// Over HTTP: bounded, in the order asked, and what is malformed is told with its place.
#[test]
fn many_digests_are_asked_about_in_one_request() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let ask = |body: String| {
        let headers = [("content-type", "application/json")];
        let answer = served.http().call(
            "POST",
            "api/v1/documents/lookup",
            &headers,
            Some(body.as_bytes()),
            1 << 22,
        );
        let answer = answer.unwrap();
        (
            answer.status,
            serde_json::from_slice::<Value>(&answer.body).unwrap(),
        )
    };
    let digests: Vec<String> = (0..1000)
        .map(|n| Hash::sha256(format!("{n}").as_bytes()).to_string())
        .collect();
    let (status, answer) = ask(json!({ "sha256": digests }).to_string());
    assert_eq!(status, 200, "{answer}");
    let documents = answer["documents"].as_array().unwrap();
    let order: Vec<&str> = documents
        .iter()
        .map(|one| one["sha256"].as_str().unwrap())
        .collect();
    assert_eq!(order, digests);
    assert!(
        documents
            .iter()
            .all(|one| one["published"] == false && one["bytes"] == "not_kept")
    );
    let more = [digests.clone(), vec![digests[0].clone()]].concat();
    let (status, answer) = ask(json!({ "sha256": more }).to_string());
    assert_eq!((status, &answer["limit"]), (400, &json!(1000)));
    let (status, answer) = ask(json!({"sha256": [digests[0], "ABC"]}).to_string());
    assert_eq!((status, &answer["pointer"]), (400, &json!("/sha256/1")));
    assert_eq!(ask("[]".to_owned()).0, 400);
    assert_eq!(ask(" ".repeat(200 << 10)).0, 413);
}

/// What a clerk attaches goes up after its statement, and comes down as it was.
#[test]
fn a_file_that_a_draft_names_is_hashed_posted_and_sent() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let text = "招标公告（示例）\n".repeat(1000);
    desk.write("公告.txt", &text);
    std::fs::create_dir(desk.path("附件")).unwrap();
    desk.write("附件/图纸.pdf", "%PDF-1.7");
    let draft = |project: &str, file: &str| {
        json!({
            "type": "trade", "v": 1, "project": project, "stage": "announcement", "kind": "plan_notice", "category": "construction",
            "title": "招标计划", "region": "430382", "issued": "2025-06-03T09:00:00+08:00", "details": {},
            "documents": [{"file": "公告.txt"}, {"file": file, "name": "图纸.pdf"}],
        })
    };
    let key = format!("{data}/centre.key");
    let post = |name: &str, draft: &Value| {
        let file = desk.write(name, &format!("{draft}\n"));
        run(&["post", "--ledger", &served.url, "--key", &key, &file])
    };
    post("a.jsonl", &draft("P-1", "附件/图纸.pdf"))
        .exits(0)
        .says(&["2 documents, 2 sent now"]);
    post("a.jsonl", &draft("P-1", "附件/图纸.pdf"))
        .exits(0)
        .says(&["1 were in the ledger", "2 documents, 0 sent now"]);
    let record = served
        .http()
        .get("api/v1/records/2", 1 << 20)
        .unwrap()
        .unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let digest = Hash::sha256(text.as_bytes()).to_string();
    let wanted = json!([
        {"name": "公告.txt", "media_type": "text/plain", "size": text.len(), "sha256": digest},
        {"name": "图纸.pdf", "media_type": "application/pdf", "size": 8, "sha256": Hash::sha256(b"%PDF-1.7").to_string()},
    ]);
    assert_eq!(record["statement"]["documents"], wanted);

    let down = desk.path("down.txt");
    run(&["document", "--ledger", &served.url, "-o", &down, &digest]).exits(0);
    assert_eq!(desk.read("down.txt"), text);
    run(&[
        "document",
        "--ledger",
        &served.url,
        "-o",
        &down,
        &"0".repeat(64),
    ])
    .exits(3);
    run(&["document", "--ledger", &served.url, "-o", &down, "xyz"]).exits(2);

    // A file that is not there, or above the folder, is told, and nothing is posted.
    for file in ["没有.pdf", "../公告.txt", "/etc/hostname"] {
        post("b.jsonl", &draft("P-2", file)).exits(3).says(&[file]);
    }
    let known = served
        .http()
        .get(&format!("api/v1/projects/{CENTRE}/P-2"), 1 << 20);
    assert!(known.unwrap().is_none());
}
