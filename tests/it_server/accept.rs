//! What strangers can do to the accept loop, with real sockets and short limits. Honest requests must go on beside it.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::routing::{get, post};
use mingzhang::server::accept::{Limits, Stopped, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const MS: Duration = Duration::from_millis(1);

/// A tenth of a second where the defaults say ten seconds or more.
fn short() -> Limits {
    Limits {
        head: 100 * MS,
        idle: 200 * MS,
        body_patience: 200 * MS,
        write_patience: 200 * MS,
        linger: 200 * MS,
        drain: 300 * MS,
        ..Limits::default()
    }
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Stopped>,
    gate: Arc<Notify>,
}

impl Server {
    async fn start(limits: Limits) -> Server {
        let gate = Arc::new(Notify::new());
        let at_gate = Arc::clone(&gate);
        let app = Router::new()
            .route("/", get(|| async { "hello" }))
            .route(
                "/peer",
                get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
            )
            .route(
                "/gate",
                get(move || async move { at_gate.notified().await }),
            )
            .route("/never", get(pending::<()>))
            .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
            .route("/megabytes", get(|| async { in_pieces(1024) }))
            .route("/pieces", get(|| async { in_pieces(128) }))
            .route("/count", post(count));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = oneshot::channel::<()>();
        let stopped = tokio::spawn(serve(listener, app, limits, stopping));
        Server {
            address,
            stop,
            stopped,
            gate,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn say(&self, words: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    async fn is_well(&self) {
        let mut stream = self
            .say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
        let answer = until_closed(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
            "{answer}"
        );
    }
}

/// An answer of so many times 64 KiB, none of it before the peer has taken what went before.
fn in_pieces(pieces: usize) -> Body {
    let piece = Bytes::from(vec![b'p'; 64 << 10]);
    let pieces = std::iter::repeat_n(piece, pieces).map(Ok::<_, Infallible>);
    Body::from_stream(futures_util::stream::iter(pieces))
}

/// The length of a body, or 408 when it does not come.
async fn count(body: Body) -> Result<String, StatusCode> {
    let body: Bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    Ok(body.len().to_string())
}

/// Everything up to the end of the connection, which must come within two seconds.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends a connection as well as a FIN does.
    let _ = tokio::time::timeout(2000 * MS, stream.read_to_end(&mut bytes))
        .await
        .expect("the server must close");
    String::from_utf8(bytes).unwrap()
}

/// One answer with a body of `body_bytes`, leaving the connection open.
async fn one_answer(stream: &mut TcpStream, body_bytes: usize) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    let mut body = vec![0; body_bytes];
    stream.read_exact(&mut body).await.unwrap();
    bytes.extend(body);
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = Server::start(short()).await;
    let began = Instant::now();
    assert_eq!(until_closed(&mut server.connect().await).await, "");
    assert!(began.elapsed() >= 200 * MS);
    server.is_well().await;
}

#[tokio::test]
async fn a_head_that_trickles_is_closed_at_the_limit() {
    let server = Server::start(Limits {
        idle: 60_000 * MS,
        ..short()
    })
    .await;
    let began = Instant::now();
    let mut stream = server.connect().await;
    let mut written = 0;
    // A byte every 10 ms would keep any per-read time-out away for ever.
    for byte in "GET / HTTP/1.1\r\nHost: "
        .bytes()
        .chain(std::iter::repeat(b'x'))
    {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        written += 1;
        tokio::select! {
            _ = stream.readable() => break,
            () = tokio::time::sleep(10 * MS) => {}
        }
        assert!(
            began.elapsed() < 1000 * MS,
            "still open after {written} bytes"
        );
    }
    assert!(began.elapsed() >= 100 * MS);
    assert_eq!(until_closed(&mut stream).await, "");
    server.is_well().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408_and_an_honest_one_is_not() {
    let server = Server::start(short()).await;
    let mut slow = server
        .say("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        .await;
    let began = Instant::now();
    let slow = tokio::spawn(async move {
        let (mut read, mut write) = slow.split();
        let trickle = async {
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(10 * MS).await;
            }
            pending::<()>().await;
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ = read.read_to_end(&mut answer) => {}
            () = trickle => {}
            () = tokio::time::sleep(2000 * MS) => panic!("still open"),
        }
        String::from_utf8(answer).unwrap()
    });
    let mut honest = server
        .say("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n")
        .await;
    for _ in 0..30 {
        honest.write_all(&[b'x'; 100_000]).await.unwrap();
        tokio::time::sleep(10 * MS).await;
    }
    assert!(until_closed(&mut honest).await.ends_with("3000000"));
    let answer = slow.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() >= 200 * MS);
}

#[tokio::test]
async fn an_idle_kept_connection_is_closed_but_an_active_one_is_kept() {
    let server = Server::start(Limits {
        idle: 400 * MS,
        ..short()
    })
    .await;
    let mut stream = server.connect().await;
    let began = Instant::now();
    for _ in 0..5 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        assert!(one_answer(&mut stream, 5).await.ends_with("hello"));
        tokio::time::sleep(100 * MS).await;
    }
    assert!(
        began.elapsed() > 400 * MS,
        "kept for longer than the idle limit"
    );
    assert_eq!(until_closed(&mut stream).await, "");
    assert!(began.elapsed() >= 800 * MS);
}

#[tokio::test]
async fn a_slow_handler_is_no_fault_of_the_peer() {
    let server = Server::start(short()).await;
    let mut stream = server.say("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(500 * MS).await;
    server.gate.notify_one();
    assert!(one_answer(&mut stream, 0).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_and_a_slow_one_is_served() {
    let server = Server::start(Limits {
        idle: 60_000 * MS,
        ..short()
    })
    .await;
    let mut stalled = server
        .say("GET /megabytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let mut slow = server
        .say("GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let mut piece = vec![0; 256 << 10];
    let mut bytes = 0;
    let began = Instant::now();
    loop {
        let n = slow.read(&mut piece).await.unwrap();
        if n == 0 {
            break;
        }
        bytes += n;
        tokio::time::sleep(15 * MS).await;
    }
    assert!(bytes > 8 << 20, "{bytes}");
    assert!(
        began.elapsed() > 400 * MS,
        "slow enough to outlast the limit, had progress not counted"
    );
    // The other one took nothing meanwhile. What the kernel had buffered is there, the rest is not.
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(1000 * MS, stalled.read_to_end(&mut rest))
        .await
        .expect("the server must close");
    assert!(rest.len() < 64 << 20, "{}", rest.len());
}

#[tokio::test]
async fn an_early_refusal_is_read_although_the_body_was_not() {
    let server = Server::start(short()).await;
    for _ in 0..20 {
        let mut stream = server
            .say("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n")
            .await;
        // As curl and most libraries do: write first, look for an answer afterwards.
        stream.write_all(&vec![b'x'; 4_000_000]).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}

#[tokio::test]
async fn at_the_cap_a_connection_is_told_so_and_later_ones_are_served() {
    let server = Server::start(Limits {
        connections_max: 2,
        idle: 60_000 * MS,
        ..short()
    })
    .await;
    let one = server.connect().await;
    let mut two = server.connect().await;
    two.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    one_answer(&mut two, 5).await;
    for _ in 0..5 {
        let mut three = server.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = until_closed(&mut three).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(
            answer.contains("\r\nRetry-After: 1\r\n") && answer.contains("connections-full"),
            "{answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
    }
    two.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    one_answer(&mut two, 5).await;
    drop(one);
    // Its seat is free as soon as the server has seen the FIN.
    let began = Instant::now();
    loop {
        let mut again = server
            .say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
        if until_closed(&mut again).await.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < 10_000 * MS);
    }
}

#[tokio::test]
async fn too_long_a_head_is_refused() {
    let server = Server::start(short()).await;
    let mut stream = server
        .say(&format!(
            "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "x".repeat(17_000)
        ))
        .await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut stream = server.say("this is not HTTP\r\n\r\n").await;
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_handlers_know_the_peer() {
    let server = Server::start(short()).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut stream = server
        .say(&[get("/"), get("/peer"), get("/")].concat())
        .await;
    let peer = stream.local_addr().unwrap().to_string();
    assert!(one_answer(&mut stream, 5).await.ends_with("hello"));
    assert!(one_answer(&mut stream, peer.len()).await.ends_with(&peer));
    assert!(one_answer(&mut stream, 5).await.ends_with("hello"));
}

#[tokio::test]
async fn honest_requests_go_on_beside_bad_ones() {
    let server = Server::start(Limits {
        head: 60_000 * MS,
        idle: 60_000 * MS,
        ..short()
    })
    .await;
    let mut bad = Vec::new();
    for n in 0..300 {
        bad.push(
            server
                .say(
                    [
                        "",
                        "GET / HT",
                        "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
                    ][n % 3],
                )
                .await,
        );
    }
    let began = Instant::now();
    for _ in 0..20 {
        server.is_well().await;
    }
    assert!(began.elapsed() < 10_000 * MS, "{:?}", began.elapsed());
}

#[tokio::test]
async fn shutdown_lets_requests_under_way_finish() {
    let server = Server::start(Limits {
        idle: 60_000 * MS,
        ..short()
    })
    .await;
    let mut idle = server.connect().await;
    let mut kept = server.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    one_answer(&mut kept, 5).await;
    let mut busy = server.say("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.is_well().await; // So the requests before it have been taken up.
    server.stop.send(()).unwrap();
    // Idle ones are closed at once, new ones are refused, the busy one gets its answer.
    assert_eq!(until_closed(&mut idle).await, "");
    assert_eq!(until_closed(&mut kept).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    server.gate.notify_one();
    let answer = until_closed(&mut busy).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
        "{answer}"
    );
    drop((idle, kept, busy));
    assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 0 });
}

#[tokio::test]
async fn shutdown_cuts_what_does_not_finish_in_time() {
    let server = Server::start(short()).await;
    let mut never = server.say("GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.is_well().await;
    let began = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(until_closed(&mut never).await, "");
    assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 1 });
    assert!(
        (300 * MS..5_000 * MS).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}
