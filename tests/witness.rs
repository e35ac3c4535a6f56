//! The witness as others see it: over HTTP and by the program. What breaks if these break is in `src/witness/tests.rs`.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use mingzhang::server::witness::router;
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::cosignature::{self, Cosigner};
use mingzhang::tlog::merkle::{Tree, leaf_hash};
use mingzhang::tlog::note::{Signature, Signer, Vkey, parse_signatures};
use mingzhang::witness::{Watched, Witness, origin_hash};
use tower::ServiceExt;

const ORIGIN: &str = "ledger.example/log";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn text(entry: &[u8]) -> String {
    let tree = Tree {
        size: 1,
        root_hash: leaf_hash(entry),
    };
    Checkpoint::new(ORIGIN, tree).encode()
}

fn note(entry: &[u8]) -> String {
    signer().sign_note(text(entry)).encode()
}

#[tokio::test]
async fn each_status_is_that_of_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let cosigner = Cosigner::from_seed("witness.example/w", &[2; 32]).unwrap();
    let vkey = cosigner.vkey().clone();
    let watched = Watched {
        origin: ORIGIN.to_owned(),
        vkeys: vec![signer().vkey().clone()],
    };
    let witness = Arc::new(Witness::open(folder.path(), cosigner, &[watched]).unwrap());
    let app = router(witness, Arc::new(|| 1_700_000_000));
    let send = |method: &str, path: String, body: String| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::from(body))
            .unwrap();
        let app = app.clone();
        async move {
            let answer = app.oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let media_type = answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            (
                status,
                media_type,
                String::from_utf8(body.to_vec()).unwrap(),
            )
        }
    };
    let add = |body: String| send("POST", "/add-checkpoint".to_owned(), body);
    let at = format!("/{}/checkpoint", origin_hash(ORIGIN));

    assert_eq!(send("GET", at.clone(), String::new()).await.0, 404);
    let (status, _, body) = add(format!("old 0\n\n{}", note(b"a"))).await;
    assert_eq!(status, 200, "{body}");
    let lines: Vec<Signature> = parse_signatures(body.as_bytes()).unwrap();
    assert_eq!(lines.len(), 1);
    let time = cosignature::verify(&vkey, &text(b"a"), &lines[0].bytes);
    assert_eq!(time, Some(1_700_000_000));

    let (status, media_type, body) = add(format!("old 0\n\n{}", note(b"a"))).await;
    assert_eq!((status, media_type.as_str()), (409, "text/x.tlog.size"));
    assert_eq!(body, "1\n");
    for (body, want) in [
        (format!("old 1\n\n{}", note(b"a")), 200),
        (format!("old 2\n\n{}", note(b"a")), 400),
        ("old x\n\n".to_owned(), 400),
        (
            format!("old 1\n\n{}", note(b"a").replace("\n1\n", "\n2\n")),
            403,
        ),
        (
            format!("old 1\n\n{}", note(b"a").replace("log\n", "lag\n")),
            404,
        ),
        (format!("old 1\n\n{}", note(b"b")), 422),
        ("x".repeat(600_000), 413),
    ] {
        let (status, _, answer) = add(body.clone()).await;
        assert_eq!(status, want, "{body:.80} {answer}");
    }
    let (status, _, body) = send("GET", at, String::new()).await;
    assert_eq!(status, 200);
    assert!(
        body.starts_with(&text(b"a")) && body.contains("— witness.example/w "),
        "{body}"
    );
    let other = format!("/{}/checkpoint", origin_hash("other"));
    assert_eq!(send("GET", other, String::new()).await.0, 404);
}

fn mingzhang(folder: &Path, arguments: &[&str]) -> (i32, serde_json::Value) {
    let Output { status, stdout, .. } = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .arg("--json")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let json = serde_json::from_slice(&stdout).unwrap_or(serde_json::Value::Null);
    (status.code().unwrap(), json)
}

/// Serves what a log shows, and changes its mind when told.
async fn serve_log(listener: tokio::net::TcpListener, shown: Arc<std::sync::Mutex<String>>) {
    use axum::{Router, routing::get};
    let app = Router::new().route(
        "/checkpoint",
        get(move || {
            let shown = shown.lock().unwrap().clone();
            async move { shown }
        }),
    );
    axum::serve(listener, app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_makes_a_witness_and_a_fork_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shown = Arc::new(std::sync::Mutex::new(note(b"a")));
    tokio::spawn(serve_log(listener, shown.clone()));
    let log = signer().vkey().to_string();
    let run = |more: &[&str]| {
        let arguments = [
            "witness", "run", "--once", "--data", "w", "--ledger", &url, "--log", &log,
        ];
        let arguments = [&arguments[..], more].concat();
        tokio::task::block_in_place(|| mingzhang(folder.path(), &arguments))
    };
    // Without a name there is nobody to be.
    assert_eq!(run(&[]).0, 2);
    let (code, said) = run(&["--name", "witness.example/w"]);
    assert_eq!(
        (code, said["code"].as_str()),
        (0, Some("cosigned-kept")),
        "{said}"
    );
    assert_eq!(said["tree_size"], 1);
    let vkey = std::fs::read_to_string(folder.path().join("w/witness.vkey")).unwrap();
    let vkey = Vkey::parse(vkey.trim_end()).unwrap();
    let cosigned = said["note"].as_str().unwrap();
    let (text, _) = cosigned.split_once("\n\n").unwrap();
    let parsed = mingzhang::tlog::note::Note::parse(cosigned.as_bytes()).unwrap();
    let line = &parsed.signatures[0];
    assert!(cosignature::verify(&vkey, &format!("{text}\n"), &line.bytes).is_some());
    // Again, without the name; then the log shows another tree of that size.
    assert_eq!(run(&[]).0, 0);
    *shown.lock().unwrap() = note(b"b");
    let (code, said) = run(&[]);
    assert_eq!((code, said["code"].as_str()), (6, Some("fork")), "{said}");
    let evidence = std::fs::read_dir(folder.path().join("w/state/evidence")).unwrap();
    assert_eq!(evidence.count(), 1);
    *shown.lock().unwrap() = note(b"a");
    assert_eq!(run(&[]).0, 0, "the history that was cosigned goes on");
    // Another key over this state is another witness.
    for name in ["w/witness.key", "w/witness.vkey"] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert_eq!(run(&["--name", "witness.example/w"]).0, 3);
}
