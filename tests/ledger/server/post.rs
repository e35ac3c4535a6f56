//! What a centre's system posts, and what it is told when it gets it wrong.

use mingzhang::receipt::Receipt;
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, check_inclusion, leaf_hash};
use mingzhang::tlog::note::Signer;
use mingzhang::trade::commitment::{Opening, Openings, Place};
use mingzhang::trade::statement::sign_statement;
use serde_json::{Value, json};

use super::service::{Service, in_json, note};
use crate::world::{CENTRE, ORIGIN, check_log};

#[tokio::test]
async fn a_statement_is_taken_in_three_forms_and_has_one_receipt() {
    let service = Service::new().await;
    let statement = service.world.trade("P-1", None, "一号");
    let first = service.post(note(&statement)).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.header("location"), "/api/v1/records/2");
    let answer = first.json();
    assert_eq!(
        (answer["index"].as_u64(), answer["id"].as_str()),
        (Some(2), Some(statement.id().to_string().as_str()))
    );

    // The receipt is a proof that a stranger can check: leaf, path, root, signature.
    let receipt = Receipt::parse(answer["receipt"].as_str().unwrap().as_bytes()).unwrap();
    let vkey = Signer::from_seed(ORIGIN, &service.world.log)
        .unwrap()
        .vkey()
        .clone();
    let signed = checkpoint::open(receipt.checkpoint.as_bytes(), ORIGIN, &[&vkey]).unwrap();
    check_inclusion(
        &leaf_hash(&receipt.entry),
        2,
        &signed.tree(),
        &receipt.proof,
    )
    .unwrap();
    assert!(receipt.entry.ends_with(statement.note()));

    // The same text again, in the other forms: known, not new.
    let line = statement.text();
    let signature = format!(
        "{CENTRE} {}",
        std::str::from_utf8(statement.note())
            .unwrap()
            .trim_end()
            .rsplit_once(' ')
            .unwrap()
            .1
    );
    for line in [line, line.trim_end()] {
        let answer = service
            .ask(
                "POST",
                "/api/v1/statements",
                &[("mingzhang-signature", &signature)],
                line.to_owned(),
            )
            .await;
        assert_eq!(
            (answer.status, answer.json()["index"].as_u64()),
            (200, Some(2)),
            "{}",
            answer.text()
        );
    }
    let again = service.post(in_json(&statement).to_string()).await;
    assert_eq!(
        (again.status, again.json()["id"].clone()),
        (200, answer["id"].clone())
    );

    let found = service.get("/api/v1/receipts/2").await;
    assert_eq!(
        (found.status, found.header("content-disposition")),
        (200, "inline; filename=\"2.tlog-proof\"")
    );
    assert_eq!(Receipt::parse(&found.body).unwrap().entry, receipt.entry);
    assert_eq!(
        service.get("/api/v1/receipts/2.tlog-proof").await.body,
        found.body
    );
    check_log(&service.world, &service.store).await;
}

#[tokio::test]
async fn a_refusal_says_what_was_found_and_what_to_do() {
    let service = Service::new().await;
    let world = &service.world;
    let first = world.trade("P-1", None, "一号");
    assert_eq!(service.post(note(&first)).await.status, 201);

    // Not at the head of its chain: the head is told.
    let answer = service.post(note(&world.trade("P-1", None, "二号"))).await;
    assert_eq!(answer.problem(), (409, "follows-conflict".into()));
    assert_eq!(answer.json()["head"], first.id().to_string());
    let answer = service
        .post(note(&world.trade("P-2", Some(&first.id()), "三号")))
        .await;
    assert_eq!(
        (answer.status, answer.json()["head"].clone()),
        (409, Value::Null)
    );

    // Changed after signing: the digest of what arrived, and the key that was tried.
    let changed = String::from_utf8(note(&world.trade("P-3", None, "四号")))
        .unwrap()
        .replace("四号", "五号");
    let answer = service.post(changed.clone()).await;
    assert_eq!(answer.problem(), (403, "signature-bad".into()));
    let text = changed.split_inclusive('\n').next().unwrap();
    assert_eq!(
        answer.json()["text_sha256"],
        Hash::sha256(text.as_bytes()).to_string()
    );
    assert_eq!(answer.json()["key_tried"], world.centre.vkey().to_string());

    // A stranger.
    let stranger = Signer::from_seed("stranger.example", &[9; 32]).unwrap();
    let text = world
        .trade_text("P-4", None, "六号")
        .replace(CENTRE, "stranger.example");
    let answer = service
        .post(note(&sign_statement(&text, &[&stranger]).unwrap()))
        .await;
    assert_eq!(answer.problem(), (403, "key-unknown".into()));

    // Another ledger, another role, a door rule, a broken grammar, no note, too large, compressed.
    let text = world
        .trade_text("P-4", None, "七号")
        .replace(ORIGIN, "ledger.example/other");
    assert_eq!(
        service
            .post(note(&sign_statement(&text, &[&world.centre]).unwrap()))
            .await
            .problem(),
        (400, "rule-broken".into())
    );
    let text = world
        .trade_text("P-4", None, "八号")
        .replace(CENTRE, "supervisor.example");
    assert_eq!(
        service
            .post(note(&sign_statement(&text, &[&world.supervisor]).unwrap()))
            .await
            .problem(),
        (403, "key-role".into())
    );
    let text = world
        .trade_text("P-4", None, "九号")
        .replace("announcement", "no_such_stage");
    let answer = service
        .post(note(&sign_statement(&text, &[&world.centre]).unwrap()))
        .await;
    assert_eq!(answer.problem(), (400, "statement-refused".into()));
    assert_eq!(answer.json()["problems"][0]["pointer"], "/stage");
    let answer = service
        .post("{\"type\":\"trade\", \"v\":1.5}\n\n— a AAAA\n")
        .await;
    assert_eq!(answer.problem(), (400, "statement-form".into()));
    assert_eq!(answer.json()["pointer"], "/v");
    assert_eq!(
        service.post("hello").await.problem(),
        (400, "body-form".into())
    );
    assert_eq!(
        service.post(vec![b'x'; 2 << 20]).await.problem(),
        (413, "too-large".into())
    );
    assert_eq!(
        service
            .post(format!("{}\n\n— a AAAA\n", "x".repeat(60_000)))
            .await
            .problem(),
        (413, "too-large".into())
    );
    let answer = service
        .ask(
            "POST",
            "/api/v1/statements",
            &[("content-encoding", "gzip")],
            "x",
        )
        .await;
    assert_eq!(answer.problem(), (415, "media-type".into()));

    // The same `ref` for other bytes: the one that is there, and its receipt.
    let with_ref = |title: &str| {
        let text = world
            .trade_text("P-5", None, title)
            .replace("\"codes\":", "\"ref\":\"r-1\",\"codes\":");
        sign_statement(&text, &[&world.centre]).unwrap()
    };
    assert_eq!(service.post(note(&with_ref("十号"))).await.status, 201);
    let answer = service.post(note(&with_ref("十一号"))).await;
    assert_eq!(answer.problem(), (409, "ref-conflict".into()));
    assert_eq!(
        (
            answer.json()["existing"].as_str(),
            answer.json()["receipt"].as_str()
        ),
        (
            Some(with_ref("十号").id().to_string().as_str()),
            Some("/api/v1/receipts/3")
        )
    );

    // Nothing of all this was logged.
    assert_eq!(service.ledger.head().tree.size, 4);
}

#[tokio::test]
async fn a_dry_run_answers_like_a_post_and_writes_nothing() {
    let service = Service::new().await;
    let ask = |body: Vec<u8>| service.ask("POST", "/api/v1/statements?dry_run=true", &[], body);
    let [one, two] = service.chain("P-1", 2).try_into().unwrap();
    let answer = ask(note(&one)).await;
    assert_eq!(
        (answer.status, answer.json()),
        (
            200,
            json!({"dry_run": true, "id": one.id().to_string(), "index": null})
        )
    );
    assert_eq!(
        ask(note(&two)).await.problem(),
        (409, "follows-conflict".into())
    );
    assert_eq!(service.ledger.head().tree.size, 2);
    service.post(note(&one)).await;
    assert_eq!(ask(note(&one)).await.json()["index"], 2);
    assert_eq!(ask(note(&two)).await.status, 200);
    let answer = service
        .ask("POST", "/api/v1/statements?dryrun=true", &[], note(&two))
        .await;
    assert_eq!(answer.problem(), (400, "request-form".into()));
}

#[tokio::test]
async fn openings_travel_with_the_post_and_are_shown() {
    let service = Service::new().await;
    let opening = Opening {
        salt: Hash::sha256(b"salt 7").0,
        value: "张三".into(),
    };
    let place = Place {
        ledger: ORIGIN,
        publisher: CENTRE,
        project: "P-1",
        pointer: "/details/manager",
    };
    let commitment = opening.commit(&place);
    let text = service.world.trade_text("P-1", None, "x").replace(
        "\"details\":{",
        &format!(
            "\"details\":{{\"manager\":{{\"commitment\":\"{commitment}\",\"class\":\"person\"}},"
        ),
    );
    let statement = sign_statement(&text, &[&service.world.centre]).unwrap();
    let mut openings = Openings::default();
    openings.insert(place.pointer.to_owned(), opening).unwrap();
    let openings: Value = serde_json::from_slice(&openings.encode()).unwrap();
    let path = format!("/api/v1/openings/{}", statement.id());

    let wrong = openings.to_string().replace("张三", "李四");
    let body = format!(
        "{{\"note\":{},\"openings\":{wrong}}}",
        in_json(&statement)["note"]
    );
    assert_eq!(
        service.post(body).await.problem(),
        (400, "openings-mismatch".into())
    );
    assert_eq!(
        service.get(&path).await.problem(),
        (404, "not-found".into())
    );
    let body = json!({"note": in_json(&statement)["note"], "openings": openings});
    let answer = service.post(body.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let answer = service.get(&path).await;
    assert_eq!(
        (answer.status, answer.json(), answer.header("cache-control")),
        (200, openings.clone(), "no-store")
    );
    // One bit of the file, and it may be another pointer: what opens no commitment of the statement is not shown.
    let stored = format!("openings/{}", statement.id());
    let damaged = openings.to_string().replace("manager", "man`ger");
    service.store.put(&stored, damaged.into()).await.unwrap();
    let (status, code) = service.get(&path).await.problem();
    assert_eq!((status, code.as_str()), (500, "internal"));
}

/// Danger: what a client of ours would not send, another sends.
#[tokio::test]
async fn people_are_refused_at_the_door_unless_the_request_accepts_them_by_name() {
    let service = Service::new().await;
    let text = service.world.trade_text("P-1", None, "x");
    let text = text.replace("\"name\":\"甲局\"", "\"name\":\"张 三\"");
    let person = sign_statement(&text, &[&service.world.centre]).unwrap();
    let ask = async |path: &str| service.ask("POST", path, &[], note(&person)).await;
    for path in [
        "/api/v1/statements",
        "/api/v1/statements?dry_run=true",
        "/api/v1/statements?accept=mobile_number",
    ] {
        let answer = ask(path).await;
        assert_eq!(
            answer.problem(),
            (400, "statement-refused".into()),
            "{path}"
        );
        assert_eq!(answer.json()["accept"], json!(["party_may_be_person"]));
        let told = answer.json()["problems"].to_string();
        assert!(told.contains("/details/buyer/name"), "{told}");
    }
    let answer = ask("/api/v1/statements?accept=anything").await;
    assert_eq!(answer.problem(), (400, "request-form".into()));
    // Said twice, it is not said which counts.
    let twice = "accept=party_may_be_person&accept=person_in_text";
    let answer = ask(&format!("/api/v1/statements?{twice}")).await;
    assert_eq!(answer.problem(), (400, "request-form".into()));
    let batch = async |path: &str| {
        let line = format!("{}\n", in_json(&person));
        service.ask("POST", path, &[], line).await.json()["status"].clone()
    };
    assert_eq!(batch("/api/v1/statements/batch").await, 400);
    let accepted = "accept=person_in_text,party_may_be_person";
    assert_eq!(
        batch(&format!("/api/v1/statements/batch?{accepted}")).await,
        201
    );
    // What is logged has its receipt, whatever the door would say today.
    assert_eq!(ask("/api/v1/statements").await.status, 200);

    // In a batch it is accepted for every line, and nothing else is.
    let said = |project: &str, from: &str, to: &str| {
        let text = service
            .world
            .trade_text(project, None, "x")
            .replace(from, to);
        in_json(&sign_statement(&text, &[&service.world.centre]).unwrap()).to_string()
    };
    let buyer = "\"name\":\"甲局\"";
    let lines = [
        said("P-2", buyer, "\"name\":\"张 三\""),
        said(
            "P-3",
            buyer,
            "\"name\":\"甲局\",\"codes\":[{\"scheme\":\"电话13800138000\",\"value\":\"1\"}]",
        ),
        said("P-4", buyer, "\"name\":\"李 四\""),
    ];
    let path = "/api/v1/statements/batch?accept=party_may_be_person";
    let answer = service.ask("POST", path, &[], lines.join("\n")).await;
    let statuses: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 400, 201], "{}", answer.text());
}
