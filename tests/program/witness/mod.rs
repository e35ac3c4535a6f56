//! The witness as others see it: over HTTP and by the program. What breaks if these break is in `src/witness/tests.rs`.

mod ledger;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use mingzhang::server::witness::router;
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::cosignature::{self, Cosigner};
use mingzhang::tlog::merkle::{Hash, Tree, leaf_hash, node_hash};
use mingzhang::tlog::note::{Note, Signature, Signer, Vkey, parse_signatures};
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::witness::{AddCheckpoint, parse_size};
use mingzhang::witness::{Watched, Witness, origin_hash};
use tower::ServiceExt;

use crate::harness::*;

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
    assert_eq!(add(format!("old 1\n\n{}", note(b"a"))).await.0, 200);
    // Whoever asks shows the body to an operator: one line of plain text, that says what was wrong and whose it is.
    let again = |old: &str, note: String| add(format!("old {old}\n\n{note}"));
    let log = signer();
    let two = |root_hash| {
        let checkpoint = Checkpoint::new(ORIGIN, Tree { size: 2, root_hash });
        log.sign_note(checkpoint.encode()).encode()
    };
    let of_size_2 = two(leaf_hash(b"ab"));
    let forged = note(b"a").replace("\n1\n", "\n2\n");
    let unwatched = note(b"a").replace("log\n", "lag\n");
    for (answer, want, words) in [
        (again("2", note(b"a")).await, 400, "old size 2 is above"),
        (add("old x\n\n".to_owned()).await, 400, "first line"),
        (
            again("1", text(b"a")).await,
            400,
            "no empty line before its signatures",
        ),
        (again("1", text(b"a") + "\n").await, 400, "signature line"),
        (
            again("1\nnot base64", of_size_2.clone()).await,
            400,
            "proof line 1",
        ),
        (
            again("1", forged).await,
            403,
            "signature by ledger.example/log",
        ),
        (again("1", unwatched).await, 404, "ledger.example/lag"),
        (
            again("1", note(b"b")).await,
            422,
            "signed another tree of size 1",
        ),
        (
            again("1", of_size_2).await,
            422,
            "consistency proof from size 1 to size 2",
        ),
        (add("x".repeat(600_000)).await, 413, "bytes"),
        (
            send("GET", "/nowhere".to_owned(), String::new()).await,
            404,
            "/nowhere",
        ),
        (
            send("GET", "/add-checkpoint".to_owned(), String::new()).await,
            405,
            "GET",
        ),
        (
            send(
                "GET",
                format!("/{}/checkpoint", origin_hash("other")),
                String::new(),
            )
            .await,
            404,
            "cosigned here",
        ),
    ] {
        let (status, media_type, body) = answer;
        assert_eq!(
            (status, media_type.as_str()),
            (want, "text/plain; charset=utf-8"),
            "{body}"
        );
        let lines: Vec<&str> = body.lines().collect();
        assert!(
            lines.len() == 1 && body.ends_with('\n') && body.contains(words),
            "{body:?}, wanted {words:?}"
        );
    }
    let (status, _, body) = send("GET", at, String::new()).await;
    assert_eq!(status, 200);
    assert!(
        body.starts_with(&text(b"a")) && body.contains("— witness.example/w "),
        "{body}"
    );
}

fn mingzhang(folder: &Path, arguments: &[&str]) -> (i32, serde_json::Value) {
    let mut command = program();
    let output = command
        .arg("--json")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(serde_json::Value::Null);
    (output.status.code().unwrap(), json)
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

/// A witness in a process of its own.
struct Process {
    served: Served,
    vkey: String,
}

impl Process {
    fn start(folder: &Path, name: &str) -> Process {
        let log = signer().vkey().to_string();
        let mut command = program();
        command
            .args(["--json", "witness", "serve", "--listen", "127.0.0.1:0"])
            .args(["--data", name, "--name", name, "--log", &log])
            .current_dir(folder)
            .stderr(Stdio::null());
        let served = Served::of(&mut command);
        let vkey = served.said["vkey"].as_str().unwrap().to_owned();
        Process { served, vkey }
    }

    /// What a log does: with the size it remembers, and once more with the size that a 409 says.
    fn cosign(&self, mut old_size: u64, tree: &Tree, leaves: &[Hash]) -> Result<Signature, u16> {
        loop {
            let checkpoint = signer()
                .sign_note(Checkpoint::new(ORIGIN, *tree).encode())
                .encode();
            let proof = match (old_size, tree.size) {
                (1, 2) => vec![leaves[1]],
                _ => Vec::new(),
            };
            let request = AddCheckpoint {
                old_size,
                proof,
                checkpoint,
            };
            let body = request.encode();
            let answer = self
                .served
                .http()
                .call(
                    "POST",
                    "add-checkpoint",
                    &[],
                    Some(body.as_bytes()),
                    1 << 20,
                )
                .map_err(|_| 0u16)?;
            match answer.status {
                200 => return Ok(parse_signatures(&answer.body).unwrap().remove(0)),
                409 => {
                    let seen = parse_size(&answer.body).unwrap();
                    if seen == old_size || seen > tree.size {
                        return Err(409);
                    }
                    old_size = seen;
                }
                status => return Err(status),
            }
        }
    }
}

/// Two of three are enough; one that was killed in between catches up, and none of them follows a fork.
#[test]
fn two_of_three_witnesses_are_enough_and_none_follows_a_fork() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["w1.example", "w2.example", "w3.example"];
    let mut processes: Vec<Process> = names
        .iter()
        .map(|name| Process::start(folder.path(), name))
        .collect();
    let mut policy = format!("log {}\n", signer().vkey());
    for (name, process) in names.iter().zip(&processes) {
        policy.push_str(&format!("witness {name} {}\n", process.vkey));
    }
    policy.push_str("group all 2 w1.example w2.example w3.example\nquorum all\n");
    let policy = Policy::parse(policy.as_bytes()).unwrap();
    let leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
    let one = Tree {
        size: 1,
        root_hash: leaves[0],
    };
    let two = Tree {
        size: 2,
        root_hash: node_hash(&leaves[0], &leaves[1]),
    };
    let forked = Tree {
        size: 2,
        root_hash: node_hash(&leaves[0], &leaves[2]),
    };
    let judge = |tree: &Tree, lines: Vec<Signature>| {
        let text = Checkpoint::new(ORIGIN, *tree).encode();
        let log_line = signer().sign(&text);
        let signatures = [vec![log_line], lines].concat();
        let note = Note { text, signatures }.encode();
        policy.open(note.as_bytes()).unwrap()
    };

    let cosign = |processes: &[Process], old_size: u64, tree: &Tree, leaves: &[Hash]| {
        let lines = processes
            .iter()
            .filter_map(|process| process.cosign(old_size, tree, leaves).ok());
        lines.collect::<Vec<_>>()
    };
    let judged = judge(&one, cosign(&processes, 0, &one, &leaves));
    assert!(judged.quorum().met && judged.missing().is_empty());

    drop(processes.pop());
    let judged = judge(&two, cosign(&processes, 1, &two, &leaves));
    assert!(judged.quorum().met);
    assert_eq!(judged.missing(), ["w3.example"]);
    let judged = judge(&two, cosign(&processes[..1], 2, &two, &leaves));
    assert!(!judged.quorum().met, "one of three is not two");

    // The operator shows the one that slept another history, signed with the log's own key: it cannot tell, and is one of three only.
    let slept = Process::start(folder.path(), names[2]);
    let fork_leaves = [leaves[0], leaves[2]];
    slept.cosign(2, &forked, &fork_leaves).unwrap();
    for process in &processes {
        assert_eq!(process.cosign(2, &forked, &fork_leaves), Err(422));
    }
    processes.push(slept);
    assert_eq!(processes[2].cosign(2, &two, &leaves), Err(422));
    let forks = cosign(&processes, 2, &forked, &fork_leaves);
    assert!(
        !judge(&forked, forks).quorum().met,
        "a fork never has a quorum"
    );
    assert!(
        judge(&two, cosign(&processes, 2, &two, &leaves))
            .quorum()
            .met
    );

    // Two processes never share a folder: the second ends at once.
    let arguments = [
        "witness",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        names[0],
    ];
    let log = signer().vkey().to_string();
    let (code, said) = mingzhang(folder.path(), &[&arguments[..], &["--log", &log]].concat());
    assert_eq!(
        (code, said["code"].as_str()),
        (4, Some("state-in-use")),
        "{said}"
    );
}

/// The danger is a race: two requests compared with one state. Half of the clients speak for another history of the same log key.
#[test]
fn eight_clients_race_over_http_and_one_history_is_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), "w1.example");
    let tree = |entry: &[u8]| Tree {
        size: 1,
        root_hash: leaf_hash(entry),
    };
    for old_size in [0, 1] {
        let barrier = std::sync::Barrier::new(8);
        let answers: Vec<(bool, Result<(), u16>)> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|client| {
                    let (process, barrier) = (&process, &barrier);
                    scope.spawn(move || {
                        let ours = client % 2 == 0;
                        let tree = tree(if ours { b"a" } else { b"b" });
                        barrier.wait();
                        let answer = process.cosign(old_size, &tree, &[]);
                        (ours, answer.map(drop))
                    })
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .collect()
        });
        // Whoever was late is told the size by a 409, asks again, and is then judged by the tree: four have it, four have a fork.
        let cosigned: Vec<bool> = answers
            .iter()
            .filter(|(_, answer)| answer.is_ok())
            .map(|(ours, _)| *ours)
            .collect();
        assert_eq!(cosigned.len(), 4, "{answers:?}");
        assert!(
            cosigned.iter().all(|ours| *ours == cosigned[0]),
            "{answers:?}"
        );
        let refused = answers.iter().filter_map(|(_, answer)| answer.err());
        assert!(refused.clone().all(|status| status == 422), "{answers:?}");
    }
}
