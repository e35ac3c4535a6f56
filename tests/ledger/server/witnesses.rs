//! Danger: a witness that lies, hangs, floods or comes uninvited makes the ledger publish what it should not, or stop when it should not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use mingzhang::ledger::clock::system_clock;
use mingzhang::ledger::{Config, Ledger, Writing};
use mingzhang::rules::Book;
use mingzhang::store::Store;
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::{Note, Signer};
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::witness::AddCheckpoint;
use serde_json::json;

use super::service::{Service, note};
use crate::world::{ORIGIN, World};

fn cosigner(at: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{at}.example"), &[0x40 + at; 32]).unwrap()
}

fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// What a bad witness does.
#[derive(Clone, Copy, Debug)]
enum Does {
    Cosign,
    /// Signs another text.
    Forge,
    /// Dates an hour ahead.
    Future,
    /// 409 with this size.
    Conflict(u64),
    /// 422.
    Refuse,
    /// Never answers.
    Hang,
    /// An answer without end.
    Flood,
}

#[derive(Clone)]
struct Bad {
    at: u8,
    does: Does,
    asked: Arc<AtomicUsize>,
}

async fn answer(State(bad): State<Bad>, body: Bytes) -> Response {
    bad.asked.fetch_add(1, Ordering::SeqCst);
    let request = AddCheckpoint::parse(&body).unwrap();
    let text = Note::parse(request.checkpoint.as_bytes()).unwrap().text;
    let sign = |text: &str, time| cosigner(bad.at).sign(text, time).encode().into_response();
    match bad.does {
        Does::Cosign => sign(&text, now_s()),
        Does::Forge => sign(
            "another\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            now_s(),
        ),
        Does::Future => sign(&text, now_s() + 3_600),
        Does::Conflict(size) => (StatusCode::CONFLICT, format!("{size}\n")).into_response(),
        Does::Refuse => (StatusCode::UNPROCESSABLE_ENTITY, "no\n").into_response(),
        Does::Hang => std::future::pending().await,
        Does::Flood => axum::body::Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4096]))
        }))
        .into_response(),
    }
}

/// Serves one witness on loopback; its URL, and how often it was asked.
async fn play(at: u8, does: Does) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let bad = Bad {
        at,
        does,
        asked: asked.clone(),
    };
    let app = Router::new()
        .route("/add-checkpoint", post(answer))
        .route(
            "/{hash}/checkpoint",
            get(|| async { StatusCode::NOT_FOUND }),
        )
        .with_state(bad);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, asked)
}

fn policy(urls: &[Option<String>], quorum: usize) -> Policy {
    let log = Signer::from_seed(ORIGIN, &[0x01; 32]).unwrap();
    let mut text = format!("log {}\n", log.vkey());
    let mut names = String::new();
    for (at, url) in (0u8..).zip(urls) {
        let url = url
            .as_ref()
            .map(|url| format!(" {url}"))
            .unwrap_or_default();
        text.push_str(&format!("witness w{at} {}{url}\n", cosigner(at).vkey()));
        names.push_str(&format!(" w{at}"));
    }
    text.push_str(&format!("group some {quorum}{names}\nquorum some\n"));
    Policy::parse(text.as_bytes()).unwrap()
}

impl Service {
    async fn witnessed(policy: Policy, fail_open_after: Option<Duration>) -> Service {
        let (world, store) = (World::new(), Store::memory());
        // The witnesses have the machine's time, so the ledger has it too; a log of last week would need their word for it first.
        let now_ms = i64::try_from(now_s()).unwrap() * 1_000;
        world.clock_ms.store(now_ms, Ordering::SeqCst);
        let config = Config {
            policy: Some(policy),
            fail_open_after,
            ..world.config()
        };
        let notes = world.first_notes();
        let ledger = Ledger::create(store.clone(), config, system_clock(), &notes)
            .await
            .unwrap();
        Service::of(world, store, ledger, Book::builtin())
    }

    async fn until(&self, what: &str, done: impl Fn(&serde_json::Value) -> bool) {
        let began = Instant::now();
        loop {
            let said = self.get("/api/v1/witnesses").await.json();
            if done(&said) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{what}: {said}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn state(said: &serde_json::Value, at: usize) -> String {
        said["witnesses"][at]["state"].as_str().unwrap().to_owned()
    }
}

/// Too few witnesses answer for more than a minute: everybody who looks is told, whichever way he looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_lags_is_told_of_in_health_portal_and_api() {
    let (good, _) = play(0, Does::Cosign).await;
    let (hangs, _) = play(1, Does::Hang).await;
    let (world, store) = (World::new(), Store::memory());
    let now_ms = i64::try_from(now_s()).unwrap() * 1_000;
    world.clock_ms.store(now_ms, Ordering::SeqCst);
    let config = Config {
        policy: Some(policy(&[Some(good), Some(hangs)], 2)),
        ..world.config()
    };
    let (clock, notes) = (world.clock(), world.first_notes());
    let ledger = Ledger::create(store.clone(), config, clock, &notes)
        .await
        .unwrap();
    let service = Service::of(world, store, ledger, Book::builtin());
    service
        .until("it waits", |said| said["lag_s"].is_number())
        .await;
    let told = async || {
        let said = service.get("/api/v1/witnesses").await.json();
        let health = service.get("/healthz").await.text().to_owned();
        let page = service.get("/ledger").await.text().to_owned();
        let alarms = [
            said["en"].as_str().unwrap().starts_with("ALARM"),
            health.contains("ALARM"),
            page.contains("答复的见证不足"),
        ];
        (
            said["overdue"].clone(),
            said["witnesses_answer"].clone(),
            alarms,
        )
    };
    let pass = |ms: i64| service.world.clock_ms.fetch_add(ms, Ordering::SeqCst);
    pass(60_000);
    assert_eq!(told().await, (json!(false), json!(true), [false; 3]));
    pass(1_001);
    assert_eq!(told().await, (json!(true), json!(false), [true; 3]));
}

/// Whatever one witness does, the other two and the posts go on; what it sends never counts.
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_witness_of_three_changes_nothing() {
    for (does, want) in [
        (Does::Cosign, "cosigns"),
        (Does::Forge, "bad-signature"),
        (Does::Future, "clock"),
        (Does::Refuse, "disagrees"),
        (Does::Hang, "unheard"),
        (Does::Flood, "silent"),
    ] {
        let (good, _) = play(0, Does::Cosign).await;
        let (other, _) = play(1, Does::Cosign).await;
        let (bad, asked) = play(2, does).await;
        let service =
            Service::witnessed(policy(&[Some(good), Some(other), Some(bad)], 2), None).await;
        service
            .until("a quorum", |said| said["met_size"] == 2)
            .await;
        let statement = &service.chain("P-1", 1)[0];
        let answer = service
            .ask(
                "POST",
                "/api/v1/statements?wait=witnessed",
                &[],
                note(statement),
            )
            .await;
        assert_eq!(answer.status, 201, "{does:?} {}", answer.text());
        assert_eq!(answer.json()["witnessed"], true, "{does:?}");
        service
            .until(want, |said| Service::state(said, 2) == want)
            .await;
        assert!(
            asked.load(Ordering::SeqCst) < 10,
            "{does:?} is not asked without end"
        );
        assert_eq!(service.ledger.writing(), Writing::Yes, "{does:?}");
        let line = service.get("/checkpoint").await;
        assert!(line.text().contains("— w0.example ") || line.text().contains("— w1.example "));
        if want != "cosigns" {
            assert!(
                !line.text().contains("— w2.example "),
                "{does:?}: {}",
                line.text()
            );
        }
    }
}

/// At a start too: only what says that there is more, or another tree, holds up the writing. "Not 0, but 0" says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_held_by_what_contradicts_and_by_no_nonsense() {
    for (does, is_held) in [
        (Does::Conflict(0), false),
        (Does::Conflict(1), false),
        (Does::Conflict(2), true),
        (Does::Conflict(3), true),
        (Does::Flood, false),
        (Does::Forge, false),
        (Does::Refuse, true),
    ] {
        let (good, _) = play(0, Does::Cosign).await;
        let (bad, _) = play(1, does).await;
        let (world, store) = (World::new(), Store::memory());
        let config = || Config {
            policy: Some(policy(&[Some(good.clone()), Some(bad.clone())], 1)),
            ..world.config()
        };
        let notes = world.first_notes();
        let ledger = Ledger::create(store.clone(), config(), system_clock(), &notes).await;
        ledger.unwrap().close().await;
        let ledger = Ledger::open(store, config(), system_clock()).await.unwrap();
        let writing = ledger.writing();
        assert_eq!(
            matches!(writing, Writing::Held { .. }),
            is_held,
            "{does:?}: {writing:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_posts_are_answered_and_the_checkpoint_stays_behind() {
    let (bad, _) = play(0, Does::Forge).await;
    let service = Service::witnessed(policy(&[Some(bad)], 1), None).await;
    let answer = service.post(note(&service.chain("P-1", 1)[0])).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["witnessed"], false);
    let absent = service.get("/checkpoint").await.problem();
    assert_eq!(absent, (404, "not-found".into()));
    assert_eq!(service.get("/head").await.status, 200);
    assert_eq!(service.get("/readyz").await.status, 200);
    let said = service.get("/api/v1/witnesses").await.json();
    assert_eq!(said["met_size"], json!(null), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_open_is_said_and_ends_by_itself() {
    let service = Service::witnessed(policy(&[None], 1), Some(Duration::from_secs(1))).await;
    service
        .until("open", |said| said["failing_open"] == true)
        .await;
    service
        .until("published", |_| service.ledger.checkpoint().is_some())
        .await;
    let health = service.get("/healthz").await;
    assert!(
        health.text().contains("WITHOUT enough cosignatures"),
        "{}",
        health.text()
    );
    let answer = service.post(note(&service.chain("P-1", 1)[0])).await;
    assert_eq!(answer.json()["witnessed"], false);
    assert!(service.ledger.checkpoint().is_some());
    // The witness comes: closed again. What it is offered is some seconds old at most, whoever asks.
    let offered = loop {
        let offered = service.get("/api/v1/cosignatures").await;
        if offered.text().lines().nth(1) == Some("3") {
            break offered;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let delivered = service
        .ask(
            "POST",
            "/api/v1/cosignatures",
            &[],
            cosigned(offered.text(), 0, now_s()),
        )
        .await;
    assert_eq!(delivered.json()["met"], true, "{}", delivered.text());
    service
        .until("closed", |said| {
            said["failing_open"] == false && said["met_size"] == 3
        })
        .await;
}

/// The note as a witness that came by itself sends it.
fn cosigned(log_note: &str, at: u8, time: u64) -> String {
    let text = Note::parse(log_note.as_bytes()).unwrap().text;
    let line = cosigner(at).sign(&text, time);
    Note {
        text,
        signatures: vec![line],
    }
    .encode()
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_bounded_verified_and_counted() {
    let service = Service::witnessed(policy(&[None, None], 2), None).await;
    let offered = service.get("/api/v1/cosignatures").await;
    assert_eq!(offered.status, 200);
    let head = offered.text().to_owned();
    let send = |body: String| service.ask("POST", "/api/v1/cosignatures", &[], body);
    let good = cosigned(&head, 0, now_s());
    let text = Note::parse(head.as_bytes()).unwrap().text;
    let other = text.replace(ORIGIN, "ledger.example/other");
    let longer = format!("{text}extension\n");
    let sign = |text: &str, by: &Cosigner| {
        let line = by.sign(text, now_s());
        format!("{text}\n{}", line.encode())
    };
    let stranger = Cosigner::from_seed("stranger.example", &[9; 32]).unwrap();
    for (body, want) in [
        (String::new(), (400, "cosignature-form")),
        ("x".repeat(70_000), (413, "too-large")),
        (
            "no checkpoint\n\n— w0.example AAAAAAAA\n".into(),
            (400, "cosignature-form"),
        ),
        (sign(&other, &cosigner(0)), (400, "cosignature-form")),
        (sign(&longer, &cosigner(0)), (400, "cosignature-form")),
        // The log's own line is nobody's word but the log's.
        (head.clone(), (403, "cosignature-key")),
        (sign(&text, &stranger), (403, "cosignature-key")),
        (good.replace("\n2\n", "\n1\n"), (403, "cosignature-key")),
        (cosigned(&head, 0, now_s() + 900), (400, "cosignature-time")),
    ] {
        let answer = send(body.clone()).await;
        assert_eq!(answer.problem(), (want.0, want.1.to_owned()), "{body:.80}");
    }
    let before = service.get("/api/v1/witnesses").await.json();
    assert_eq!(before["witnesses"][0]["size"], json!(null), "{before}");

    let answer = send(good.clone()).await.json();
    assert_eq!(answer["witnesses"], json!(["w0"]));
    assert_eq!(
        (&answer["counted"], &answer["met"]),
        (&json!(true), &json!(false)),
        "one of two"
    );
    let answer = send(good).await.json();
    assert_eq!(answer["met"], false, "the same again is no second witness");
    let answer = send(cosigned(&head, 1, now_s())).await.json();
    assert_eq!(answer["met"], true, "{answer}");
    service
        .until("published", |said| said["met_size"] == 2)
        .await;
    let receipt = service.get("/api/v1/receipts/1").await;
    assert!(receipt.text().contains("— w0.example ") && receipt.text().contains("— w1.example "));

    // One that has another tree, and one that has more: both are told so, and the latter stops writing.
    let tree = |size, mark: &[u8]| mingzhang::tlog::merkle::Tree {
        size,
        root_hash: Hash::sha256(mark),
    };
    let forked = Checkpoint::new(ORIGIN, tree(2, b"another")).encode();
    let answer = send(sign(&forked, &cosigner(0))).await;
    assert_eq!(answer.problem(), (422, "cosignature-fork".into()));
    assert_eq!(service.ledger.writing(), Writing::Yes);
    let ahead = Checkpoint::new(ORIGIN, tree(9, b"ahead")).encode();
    let answer = send(sign(&ahead, &cosigner(1))).await;
    assert_eq!(answer.problem(), (409, "cosignature-ahead".into()));
    service.until("held", |said| said["held"].is_string()).await;
    assert_eq!(
        service.get("/readyz").await.problem(),
        (503, "writing-held".into())
    );
    let answer = service.post(note(&service.chain("P-1", 1)[0])).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(
        service.get("/api/v1/records/0").await.status,
        200,
        "reading goes on"
    );
    let alarms = std::fs::read_dir(service.world.keys_folder.path().join("alarms"));
    assert_eq!(alarms.unwrap().count(), 2, "both are kept");
    // It was mistaken, and says so.
    let answer = send(cosigned(&head, 1, now_s())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    service
        .until("released", |said| said["held"].is_null())
        .await;
    assert_eq!(
        service.post(note(&service.chain("P-1", 1)[0])).await.status,
        201
    );
}

#[tokio::test]
async fn a_ledger_whose_policy_has_no_witness_takes_none() {
    let service = Service::new().await;
    assert_eq!(
        service.get("/api/v1/cosignatures").await.problem(),
        (404, "not-found".into())
    );
    let answer = service.ask("POST", "/api/v1/cosignatures", &[], "x").await;
    assert_eq!(answer.problem(), (404, "not-found".into()));
    let said = service.get("/api/v1/witnesses").await.json();
    assert_eq!(
        (&said["quorum"], &said["need"]),
        (&json!("none"), &json!(0)),
        "{said}"
    );
    assert_eq!(service.get("/healthz").await.text(), "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_says_that_it_has_more_stops_writing() {
    let (liar, _) = play(0, Does::Conflict(1_000)).await;
    let (good, _) = play(1, Does::Cosign).await;
    let (other, _) = play(2, Does::Cosign).await;
    let urls = [Some(liar), Some(good), Some(other)];
    let service = Service::witnessed(policy(&urls, 2), None).await;
    service.until("held", |said| said["held"].is_string()).await;
    let Writing::Held { reason } = service.ledger.writing() else {
        panic!("writing goes on");
    };
    assert!(
        reason.contains("witness w0 has cosigned 1000 records"),
        "{reason}"
    );
}
