//! When the process has no descriptor left, the accept loop waits and goes on. It lowers the limit on open files of the whole process, so
//! it runs in one of its own: this binary once more, told by a variable to be that process.

use std::fs::File;
use std::future::pending;
use std::process::Command;
use std::time::Duration;

use axum::{Router, routing::get};
use mingzhang::server::accept::{Limits, serve};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ALONE: &str = "MINGZHANG_TEST_ALONE";

#[test]
fn running_out_of_files_does_not_end_the_loop() {
    let name = "server::files::running_out_of_files_does_not_end_the_loop";
    if std::env::var_os(ALONE).is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // A name that is of no test would pass too.
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(starved());
}

async fn starved() {
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(64),
            maximum: Some(128),
        },
    )
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(serve(listener, app, Limits::default(), pending::<()>()));
    tokio::task::yield_now().await;
    // The connections of the defaults want more than may be had: the soft limit goes up to the hard one, and connections get half.
    assert_eq!(getrlimit(Resource::Nofile).current, Some(128));

    // Connected but for the accept(2), which needs a descriptor that we take away.
    let mut hog = Vec::new();
    let mut client = TcpStream::connect(address).await.unwrap();
    while let Ok(file) = File::open("/dev/null") {
        hog.push(file);
    }
    assert!(hog.len() > 50);
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    let unanswered = tokio::time::timeout(Duration::from_millis(150), client.read(&mut byte)).await;
    let was_starved = unanswered.is_err();

    drop(hog);
    let mut rest = String::new();
    if was_starved {
        let read = tokio::time::timeout(Duration::from_secs(5), client.read_to_string(&mut rest));
        read.await.expect("the loop must go on").unwrap();
        assert!(rest.starts_with("HTTP/1.1 200"), "{rest}");
    } else {
        panic!("the server had a descriptor after all: the test shows nothing");
    }
}
