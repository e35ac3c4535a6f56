//! The whole service over a small real ledger: what a centre's system, a citizen's browser and a mirror would ask, and what
//! they are told when they get it wrong.

#[allow(dead_code, reason = "shared with the other tests, which use the rest")]
#[path = "it/world.rs"]
mod world;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mingzhang::ledger::Ledger;
use mingzhang::receipt::Receipt;
use mingzhang::server::accept::{Limits, serve};
use mingzhang::server::{Options, router};
use mingzhang::store::Store;
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, Tree, check_consistency, check_inclusion, leaf_hash};
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::tile::Tile;
use mingzhang::trade::commitment::{Opening, Openings, Place};
use mingzhang::trade::statement::{Statement, sign_statement};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;
use world::{CENTRE, ORIGIN, World, check_log};

struct Service {
    world: World,
    store: Store,
    ledger: Ledger,
    app: Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Status and code of a problem.
    #[track_caller]
    fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        (
            self.status,
            self.json()["code"].as_str().unwrap().to_owned(),
        )
    }
}

impl Service {
    async fn new() -> Service {
        let (world, store) = (World::new(), Store::memory());
        let ledger = world.create(&store).await;
        let options = Options {
            document_bytes_max: 1_000_000,
            ..Options::default()
        };
        let app = router(ledger.clone(), options);
        Service {
            world,
            store,
            ledger,
            app,
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    async fn post(&self, body: impl Into<Body>) -> Answer {
        self.ask("POST", "/api/v1/statements", &[], body).await
    }

    /// A chain of `length` statements on `project`, not posted.
    fn chain(&self, project: &str, length: usize) -> Vec<Statement> {
        let mut chain: Vec<Statement> = Vec::new();
        for n in 0..length {
            let follows = chain.last().map(Statement::id);
            chain.push(
                self.world
                    .trade(project, follows.as_ref(), &format!("{project} {n}")),
            );
        }
        chain
    }
}

fn note(statement: &Statement) -> Vec<u8> {
    statement.note().to_vec()
}

fn in_json(statement: &Statement) -> Value {
    json!({ "note": std::str::from_utf8(statement.note()).unwrap() })
}

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
async fn a_batch_is_answered_line_by_line_in_order() {
    let service = Service::new().await;
    let chains: Vec<Vec<Statement>> = (0..20)
        .map(|n| service.chain(&format!("P-{n}"), 6))
        .collect();
    // Stage by stage over all projects: each line follows one that is still on its way.
    let mut lines = Vec::new();
    let mut want = Vec::new();
    for stage in 0..6 {
        for chain in &chains {
            lines.push(in_json(&chain[stage]).to_string());
            want.push((201, Some(chain[stage].id())));
        }
    }
    // Pairs of one project side by side, a line known before, one that is no JSON, one that breaks a rule, empty ones.
    for statement in service.chain("Q", 5) {
        lines.push(in_json(&statement).to_string());
        want.push((201, Some(statement.id())));
    }
    lines.push(in_json(&chains[3][3]).to_string());
    want.push((200, Some(chains[3][3].id())));
    lines.extend([
        "nonsense".to_owned(),
        String::new(),
        " \r".to_owned(),
        in_json(&service.world.trade("P-1", None, "x")).to_string(),
    ]);
    want.extend([(400, None), (409, None)]);

    let answer = service
        .ask(
            "POST",
            "/api/v1/statements/batch",
            &[("x-request-id", "batch-0001")],
            lines.join("\n"),
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/x-ndjson")
    );
    let answers: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), want.len());
    for (answer, (status, id)) in answers.iter().zip(want) {
        assert_eq!(
            (answer["status"].as_u64(), answer["id"].as_str()),
            (Some(status), id.map(|id| id.to_string()).as_deref()),
            "{answer}"
        );
        match status {
            200 | 201 => {
                drop(Receipt::parse(answer["receipt"].as_str().unwrap().as_bytes()).unwrap())
            }
            _ => assert_eq!(answer["request_id"], "batch-0001"),
        }
    }
    let (tree, _) = check_log(&service.world, &service.store).await;
    assert_eq!(tree.size, 2 + 125);
}

#[tokio::test]
async fn a_batch_that_breaks_off_is_answered_as_far_as_it_came() {
    let service = Service::new().await;
    let line = in_json(&service.world.trade("P-1", None, "x")).to_string();
    let too_long = format!("{line}\n{}\n{line}\n", "x".repeat(2 << 20));
    let answer = service
        .ask("POST", "/api/v1/statements/batch", &[], too_long)
        .await;
    let statuses: Vec<u64> = answer
        .text()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["status"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(statuses, [201, 413]);
}

/// Most HTTP libraries write the whole request before they read: a server that waits to be read would hang them.
#[tokio::test]
async fn a_client_that_reads_only_after_writing_gets_its_batch_answered() {
    let service = Service::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(
        listener,
        service.app.clone(),
        Limits::default(),
        std::future::pending::<()>(),
    ));

    let lines: String = (0..3_000)
        .map(|n| {
            format!(
                "{}\n",
                in_json(&service.world.trade(&format!("P-{n}"), None, "x"))
            )
        })
        .collect();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/statements/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        lines.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), stream.write_all(lines.as_bytes()))
        .await
        .expect("the server must go on reading")
        .unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer))
        .await
        .expect("the server must answer")
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer.matches("{\"status\":201,").count(), 3_000);
    assert_eq!(service.ledger.head().tree.size, 3_002);
}

#[tokio::test]
async fn the_feed_can_be_followed_to_its_end_and_on() {
    let service = Service::new().await;
    for statement in service.chain("P-1", 8) {
        service.post(note(&statement)).await;
    }
    let (mut path, mut seen) = ("/api/v1/records?limit=3".to_owned(), Vec::new());
    let last = loop {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        assert_eq!(json["tree_size"], 10);
        for record in json["records"].as_array().unwrap() {
            seen.push(record["index"].as_u64().unwrap());
            // A record can be put together again from what is shown, and hashes to its leaf hash.
            let entry = format!(
                "{} {} {}\n{}",
                record["index"],
                record["link"].as_str().unwrap(),
                record["time"].as_str().unwrap(),
                record["note"].as_str().unwrap()
            );
            assert_eq!(
                leaf_hash(entry.as_bytes()).to_string(),
                record["leaf_hash"].as_str().unwrap()
            );
        }
        match answer
            .header("link")
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
        {
            Some(next) => path = next.to_owned(),
            None => break json["after"].as_u64().unwrap(),
        }
    };
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(last, 9);
    // Later: nothing new yet, then one more.
    let answer = service.get("/api/v1/records?after=9").await.json();
    assert_eq!(
        (
            answer["records"].as_array().unwrap().len(),
            answer["after"].as_u64()
        ),
        (0, Some(9))
    );
    service
        .post(note(&service.world.trade("P-2", None, "x")))
        .await;
    let answer = service.get("/api/v1/records?after=9").await.json();
    assert_eq!(
        (
            answer["records"][0]["index"].as_u64(),
            answer["after"].as_u64()
        ),
        (Some(10), Some(10))
    );

    for bad in ["limit=0", "limit=257", "after=-1", "after=x", "since=1"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/records?{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
    let far = service
        .get("/api/v1/records?after=18446744073709551615")
        .await;
    assert_eq!(
        (far.status, far.json()["records"].as_array().unwrap().len()),
        (200, 0)
    );
}

#[tokio::test]
async fn a_project_shows_all_its_records_and_the_head_to_follow() {
    let service = Service::new().await;
    let chain = service.chain("P-1", 5);
    for statement in &chain {
        service.post(note(statement)).await;
    }
    service
        .post(note(&service.world.trade("P-2", None, "x")))
        .await;
    let path = format!("/api/v1/projects/{CENTRE}/P-1");
    let answer = service.get(&path).await;
    let json = answer.json();
    assert_eq!(
        (
            json["count"].as_u64(),
            json["head"].as_str(),
            json["after"].as_u64()
        ),
        (Some(5), Some(chain[4].id().to_string().as_str()), None)
    );
    let titles: Vec<&str> = json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["statement"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["P-1 0", "P-1 1", "P-1 2", "P-1 3", "P-1 4"]);

    let page = service.get(&format!("{path}?limit=2")).await;
    assert_eq!(
        page.header("link"),
        format!("<{path}?after=3&limit=2>; rel=\"next\"")
    );
    let page = service.get(&format!("{path}?after=3&limit=3")).await;
    assert_eq!(
        (
            page.json()["records"][0]["index"].as_u64(),
            page.header("link")
        ),
        (Some(4), "")
    );

    for absent in [
        "/api/v1/projects/centre.example/P-3",
        "/api/v1/projects/x/P-1",
        "/api/v1/projects/P-1",
        "/api/v1/projects/a/../P-1",
        "/api/v1/projects/A/P-1",
    ] {
        assert_eq!(
            service.get(absent).await.problem(),
            (404, "not-found".into()),
            "{absent}"
        );
    }
    let record = service
        .get(&format!("/api/v1/statements/{}", chain[0].id()))
        .await;
    assert_eq!(
        record.json()["note"],
        std::str::from_utf8(chain[0].note()).unwrap()
    );
    assert_eq!(
        service
            .get(&format!("/api/v1/statements/{}", Hash::ZERO))
            .await
            .problem(),
        (404, "not-found".into())
    );
    assert_eq!(
        service.get("/api/v1/statements/xyz").await.problem(),
        (400, "request-form".into())
    );
    assert_eq!(
        service.get("/api/v1/records/8").await.problem(),
        (404, "not-found".into())
    );
    for bad in ["08", "+8", "-1", "x", "99999999999999999999999"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/records/{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_log_can_be_mirrored_through_the_c2sp_paths() {
    let service = Service::new().await;
    let lines: Vec<String> = (0..300)
        .map(|n| in_json(&service.world.trade(&format!("P-{n}"), None, "x")).to_string())
        .collect();
    service
        .ask("POST", "/api/v1/statements/batch", &[], lines.join("\n"))
        .await;

    let vkey = Signer::from_seed(ORIGIN, &service.world.log)
        .unwrap()
        .vkey()
        .clone();
    let head = service.get("/head").await;
    assert_eq!(
        (head.status, head.header("cache-control")),
        (200, "no-cache")
    );
    let tree = checkpoint::open(&head.body, ORIGIN, &[&vkey])
        .unwrap()
        .tree();
    assert_eq!(tree.size, 302);
    assert_eq!(
        service
            .ask(
                "GET",
                "/head",
                &[("if-none-match", head.header("etag"))],
                ""
            )
            .await
            .status,
        304
    );
    let mut tiles = 0;
    for tile in Tile::implied(tree.size) {
        let answer = service.get(&format!("/{}", tile.path())).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, "public, max-age=31536000, immutable"),
            "{tile}"
        );
        let stored = service
            .store
            .under("log/")
            .read(&tile.path(), 1 << 25)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer.body, stored, "{tile}");
        tiles += 1;
    }
    assert_eq!(tiles, 5);
    let bundle = service
        .ask(
            "GET",
            "/tile/entries/000",
            &[("accept-encoding", "gzip")],
            "",
        )
        .await;
    assert_eq!(bundle.header("content-encoding"), "gzip");
    assert_eq!(
        service
            .ask("GET", "/tile/0/000", &[("accept-encoding", "gzip")], "")
            .await
            .header("content-encoding"),
        ""
    );

    for absent in [
        "/tile/0/002",
        "/tile/entries/001",
        "/tile/entries/001.p/47",
        "/tile/1/000.p/2",
        "/tile/0/000.p/256",
        "/tile/0/000.p/0",
        "/tile/0/0",
        "/tile/0/000/",
        "/tile/00/000",
        "/tile/9/000",
        "/tile/0/../0/000",
        "/tile/%2e%2e/head",
        "/tile/entries/000%00",
        "/tile/",
        "/checkpoints/",
        "/checkpoints/302",
        "/checkpoints/..%2Fhead",
        "/checkpoints/00000000000000000099",
        "/commit/00000000000000000000",
        "/openings/x",
        "/log/head",
    ] {
        assert_eq!(
            service.get(absent).await.problem(),
            (404, "not-found".into()),
            "{absent}"
        );
    }
    let checkpoint = service.get("/checkpoint").await;
    if checkpoint.status == 200 {
        let size = checkpoint::open(&checkpoint.body, ORIGIN, &[&vkey])
            .unwrap()
            .tree()
            .size;
        assert!(size <= tree.size);
    }
    for listed in service
        .store
        .under("log/")
        .list("checkpoints/")
        .await
        .unwrap()
    {
        let kept = service.get(&format!("/{}", listed.name)).await;
        assert_eq!(kept.status, 200);
        checkpoint::open(&kept.body, ORIGIN, &[&vkey]).unwrap();
    }
}

#[tokio::test]
async fn growth_is_proved_and_keys_are_told() {
    let service = Service::new().await;
    for statement in service.chain("P-1", 7) {
        service.post(note(&statement)).await;
    }
    let tree = |json: &Value| Tree {
        size: json["size"].as_u64().unwrap(),
        root_hash: Hash::from_base64(json["root_hash"].as_str().unwrap()).unwrap(),
    };
    for (query, sizes) in [
        ("old=1", (1, 9)),
        ("old=3&new=7", (3, 7)),
        ("old=9&new=9", (9, 9)),
        ("old=8", (8, 9)),
    ] {
        let json = service
            .get(&format!("/api/v1/consistency?{query}"))
            .await
            .json();
        let (old, new) = (tree(&json["old"]), tree(&json["new"]));
        assert_eq!((old.size, new.size), sizes);
        let proof: Vec<Hash> = json["proof"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| {
                Hash(
                    BASE64_STANDARD
                        .decode(hash.as_str().unwrap())
                        .unwrap()
                        .try_into()
                        .unwrap(),
                )
            })
            .collect();
        check_consistency(&old, &new, &proof).unwrap();
    }
    for bad in ["", "old=0", "old=5&new=4", "old=x"] {
        assert_eq!(
            service
                .get(&format!("/api/v1/consistency?{bad}"))
                .await
                .problem(),
            (400, "request-form".into()),
            "{bad}"
        );
    }
    assert_eq!(
        service
            .get("/api/v1/consistency?old=1&new=10")
            .await
            .problem(),
        (404, "not-found".into())
    );

    let keys = service.get("/api/v1/keys").await.json();
    assert_eq!(
        (keys["ledger"].as_str(), keys["genesis"].as_str()),
        (
            Some(ORIGIN),
            Some(service.world.genesis_id.to_string().as_str())
        )
    );
    assert_eq!(
        (
            keys["threshold"].as_u64(),
            keys["authorities"].as_array().unwrap().len()
        ),
        (Some(2), 3)
    );
    let roles = |keys: &Value| {
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["role"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(roles(&keys), ["log", "publisher", "supervisor", "operator"]);
    assert_eq!(
        roles(&service.get("/api/v1/keys?at=1").await.json()),
        ["log"]
    );
    assert_eq!(
        service.get("/api/v1/keys?at=10").await.problem(),
        (404, "not-found".into())
    );
}

#[tokio::test]
async fn a_document_is_kept_only_if_the_log_names_it_and_its_digest_is_right() {
    let service = Service::new().await;
    let content = "招标文件\n".repeat(10_000).into_bytes();
    let digest = Hash::sha256(&content);
    let path = format!("/api/v1/documents/{digest}");
    let put = |content: Vec<u8>| service.ask("PUT", &path, &[], content);

    assert_eq!(
        put(content.clone()).await.problem(),
        (404, "document-unnamed".into())
    );
    let documents = json!([{"name": "招标文件.pdf", "media_type": "application/pdf", "size": content.len(), "sha256": digest.to_string()}]);
    let text = service
        .world
        .trade_text("P-1", None, "x")
        .replace("\"documents\":[]", &format!("\"documents\":{documents}"));
    let answer = service
        .post(note(
            &sign_statement(&text, &[&service.world.centre]).unwrap(),
        ))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());

    // At once: the index may not have come so far, the upload waits for it.
    let mut changed = content.clone();
    changed[5] ^= 1;
    let answer = put(changed.clone()).await;
    assert_eq!(answer.problem(), (400, "digest-mismatch".into()));
    assert_eq!(answer.json()["found"], Hash::sha256(&changed).to_string());
    assert_eq!(
        service.get(&path).await.problem(),
        (404, "not-found".into())
    );
    assert_eq!(
        put(vec![0; 1_000_001]).await.problem(),
        (413, "too-large".into())
    );
    assert!(service.store.list("documents/").await.unwrap().is_empty());

    let answer = put(content.clone()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (
            201,
            json!({"sha256": digest.to_string(), "size": content.len()})
        )
    );
    assert_eq!(put(content.clone()).await.status, 200);
    let answer = service.get(&path).await;
    assert_eq!(
        (
            answer.status,
            answer.header("content-type"),
            answer.header("cache-control")
        ),
        (200, "application/pdf", "no-store")
    );
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename*=UTF-8''%E6%8B%9B"),
        "{}",
        answer.header("content-disposition")
    );
    assert!(answer.header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.body, content);
    assert_eq!(
        service
            .ask("HEAD", &path, &[], "")
            .await
            .header("content-length"),
        content.len().to_string()
    );
    assert_eq!(
        service.get("/api/v1/documents/xyz").await.problem(),
        (400, "request-form".into())
    );
}

#[tokio::test]
async fn openings_travel_with_the_post_and_are_shown() {
    let service = Service::new().await;
    let opening = Opening {
        salt: [7; 32],
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
        "\"details\":{}",
        &format!(
            "\"details\":{{\"manager\":{{\"commitment\":\"{commitment}\",\"class\":\"person\"}}}}"
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
        (200, openings, "no-store")
    );
}

#[tokio::test]
async fn the_pages_and_health_answer_and_every_link_leads_somewhere() {
    let service = Service::new().await;
    assert_eq!(service.get("/healthz").await.body, b"ok\n");
    let ready = service.get("/readyz").await;
    assert_eq!(
        (
            ready.status,
            ready.json()["writing"].as_bool(),
            ready.json()["tree_size"].as_u64()
        ),
        (200, Some(true), Some(2))
    );

    let front = service.get("/").await;
    assert_eq!(
        (front.status, front.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        front
            .header("content-security-policy")
            .starts_with("default-src 'none'; style-src 'self';")
    );
    assert!(
        front.text().contains(ORIGIN)
            && front.text().contains(&service.world.genesis_id.to_string())
    );
    let mut links: Vec<&str> = front
        .text()
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert!(links.len() >= 10);
    let problems = service.get("/problems").await;
    links.extend(
        problems
            .text()
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap()),
    );
    for link in links {
        let answer = service.get(link).await;
        // Without a witness there may be no checkpoint for a moment.
        assert!(
            answer.status == 200 || link == "/checkpoint",
            "{link}: {}",
            answer.status
        );
    }
    let page = service.get("/problems/signature-bad").await;
    assert!(page.text().contains("text_sha256") && page.text().contains("签名验证不通过"));
    assert_eq!(
        service.get("/problems/nothing").await.problem(),
        (404, "not-found".into())
    );
    for page in [&front, &problems, &page] {
        assert!(!page.text().contains("<script") && !page.text().contains("style="));
    }
}

/// A description that says other than the server does is worse than none.
#[tokio::test]
async fn every_described_path_exists_and_takes_the_described_method() {
    let service = Service::new().await;
    let description = service.get("/api/v1/openapi.json").await;
    assert_eq!(description.header("content-type"), "application/json");
    for (path, methods) in description.json()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path
                .replace("{index}", "0")
                .replace("{publisher}/{project}", "a/b")
                .replace("{id}", &Hash::ZERO.to_string())
                .replace("{sha256}", &Hash::ZERO.to_string());
            let answer = service.ask(&method.to_uppercase(), &path, &[], "").await;
            assert_ne!(answer.status, 405, "{method} {path}");
            if answer.status == 404 {
                assert_ne!(
                    answer.json()["detail"],
                    format!("nothing is at {path}"),
                    "{method} {path}"
                );
            }
        }
    }
}
