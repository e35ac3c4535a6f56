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
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;

const MS: Duration = Duration::from_millis(1);

/// Limits that no honest step of a test comes near, however busy the machine is. Each test makes short the one that it is about, and waits
/// for what it brings about as long as for everything else.
fn long() -> Limits {
    let minute = Duration::from_secs(60);
    Limits {
        head: minute,
        idle: minute,
        body_patience: minute,
        write_patience: minute,
        linger: minute,
        drain: minute,
        ..Limits::default()
    }
}

/// Until the server has done it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Stopped>,
    gate: Arc<Notify>,
    /// One for each request that has come as far as the gate.
    entered: Arc<Semaphore>,
}

impl Server {
    async fn start(limits: Limits) -> Server {
        let gate = Arc::new(Notify::new());
        let at_gate = Arc::clone(&gate);
        let entered = Arc::new(Semaphore::new(0));
        let (entering, at_never) = (Arc::clone(&entered), Arc::clone(&entered));
        let app = Router::new()
            .route("/", get(|| async { "hello" }))
            .route(
                "/peer",
                get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
            )
            .route(
                "/gate",
                get(move || async move {
                    entering.add_permits(1);
                    at_gate.notified().await;
                }),
            )
            .route(
                "/never",
                get(move || async move {
                    at_never.add_permits(1);
                    pending::<()>().await;
                }),
            )
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
            entered,
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

/// Everything up to the end of the connection, which must come.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends a connection as well as a FIN does.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
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
    let server = Server::start(Limits {
        idle: 200 * MS,
        ..long()
    })
    .await;
    let began = Instant::now();
    assert_eq!(until_closed(&mut server.connect().await).await, "");
    assert!(began.elapsed() >= 200 * MS);
}

#[tokio::test]
async fn a_head_that_trickles_is_closed_at_the_limit() {
    let server = Server::start(Limits {
        head: 1_000 * MS,
        ..long()
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
            began.elapsed() < PATIENCE,
            "still open after {written} bytes"
        );
    }
    assert!(began.elapsed() >= 1_000 * MS);
    assert_eq!(until_closed(&mut stream).await, "");
    server.is_well().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408_and_an_honest_one_is_not() {
    let server = Server::start(Limits {
        body_patience: 2_000 * MS,
        ..long()
    })
    .await;
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
            () = tokio::time::sleep(PATIENCE) => panic!("still open"),
        }
        String::from_utf8(answer).unwrap()
    });
    let mut honest = server
        .say("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\nConnection: close\r\n\r\n")
        .await;
    // Longer than the patience in all, and never near it without a byte.
    for _ in 0..30 {
        honest.write_all(&[b'x'; 100_000]).await.unwrap();
        tokio::time::sleep(80 * MS).await;
    }
    assert!(until_closed(&mut honest).await.ends_with("3000000"));
    let answer = slow.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() >= 2_000 * MS);
}

#[tokio::test]
async fn an_idle_kept_connection_is_closed_but_an_active_one_is_kept() {
    let server = Server::start(Limits {
        idle: 2_000 * MS,
        ..long()
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
        tokio::time::sleep(500 * MS).await;
    }
    assert!(
        began.elapsed() > 2_000 * MS,
        "kept for longer than the idle limit"
    );
    assert_eq!(until_closed(&mut stream).await, "");
    assert!(began.elapsed() >= 4_000 * MS);
}

#[tokio::test]
async fn a_slow_handler_is_no_fault_of_the_peer() {
    let server = Server::start(Limits {
        idle: 1_000 * MS,
        head: 1_000 * MS,
        write_patience: 1_000 * MS,
        ..long()
    })
    .await;
    let mut stream = server.say("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(2_000 * MS).await;
    server.gate.notify_one();
    assert!(one_answer(&mut stream, 0).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_and_a_slow_one_is_served() {
    let server = Server::start(Limits {
        write_patience: 2_000 * MS,
        ..long()
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
        tokio::time::sleep(80 * MS).await;
    }
    assert!(bytes > 8 << 20, "{bytes}");
    assert!(
        began.elapsed() > 2_000 * MS,
        "slow enough to outlast the limit, had progress not counted"
    );
    // The other one took nothing meanwhile. What the kernel had buffered is there, the rest is not.
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut rest))
        .await
        .expect("the server must close");
    assert!(rest.len() < 64 << 20, "{}", rest.len());
}

#[tokio::test]
async fn an_early_refusal_is_read_although_the_body_was_not() {
    let server = Server::start(long()).await;
    for _ in 0..20 {
        let mut stream = server
            .say("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n")
            .await;
        // As curl and most libraries do: write first, look for an answer afterwards.
        stream.write_all(&vec![b'x'; 4_000_000]).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    // Nothing is left of a body that was read, or of none.
    for (head, body) in [
        ("POST /count HTTP/1.1\r\nContent-Length: 1\r\n", "x"),
        (
            "POST /count HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
            "1\r\nx\r\n0\r\n\r\n",
        ),
        ("POST /refuse HTTP/1.1\r\nContent-Length: 0\r\n", ""),
        ("GET / HTTP/1.1\r\n", ""),
    ] {
        let mut stream = server.say(&format!("{head}Host: x\r\n\r\n{body}")).await;
        let answer = one_answer(&mut stream, 0).await;
        assert!(!answer.contains("connection: close"), "{head}: {answer}");
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn where_all_are_at_work_the_next_is_told_so_and_later_ones_are_served() {
    let server = Server::start(Limits {
        connections_max: 2,
        ..long()
    })
    .await;
    // Their handlers think: nobody sends them away.
    let gate = "GET /gate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut busy = [server.say(gate).await, server.say(gate).await];
    server.entered.acquire_many(2).await.unwrap().forget();
    let answer = until_closed(&mut server.say(GET).await).await;
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
    for busy in &mut busy {
        server.gate.notify_one();
        let answer = until_closed(busy).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.is_well().await;
}

/// Those who only hold seats lose them to whoever needs one: of all seats, or of those of one address, which here are one and the same.
#[tokio::test]
async fn a_hoarder_shuts_nobody_out_not_even_at_his_own_address() {
    for limits in [
        Limits {
            busy_per_address: 8,
            ..long()
        },
        Limits {
            busy_max: 8,
            ..long()
        },
        Limits {
            connections_max: 8,
            ..long()
        },
    ] {
        let server = Server::start(limits).await;
        let post = "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na";
        let read = "GET /megabytes HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut hoard = Vec::new();
        for words in [GET, "", "GET / HT", post, read]
            .into_iter()
            .cycle()
            .take(40)
        {
            hoard.push(server.say(words).await);
            // Long enough to have made the server wait.
            tokio::time::sleep(60 * MS).await;
        }
        for _ in 0..20 {
            server.is_well().await;
        }
    }
}

#[tokio::test]
async fn who_finds_no_seat_waits_for_one_and_is_told_when_there_is_none() {
    for (seat_patience, want) in [(PATIENCE, "HTTP/1.1 200"), (100 * MS, "HTTP/1.1 503")] {
        let server = Server::start(Limits {
            busy_per_address: 2,
            seat_patience,
            ..long()
        })
        .await;
        let gate = "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut busy = [server.say(gate).await, server.say(gate).await];
        server.entered.acquire_many(2).await.unwrap().forget();
        let mut third = server
            .say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
        if seat_patience == PATIENCE {
            // Long enough to have been refused.
            tokio::time::sleep(200 * MS).await;
            server.gate.notify_one();
        }
        let answer = until_closed(&mut third).await;
        assert!(answer.starts_with(want), "{answer}");
        server.gate.notify_waiters();
        for stream in &mut busy {
            assert!(one_answer(stream, 0).await.starts_with("HTTP/1.1 200"));
        }
    }
}

/// Far more connections than seats, each of which asks now and then: none is refused, and none is closed to come again.
#[tokio::test]
async fn who_is_idle_gives_up_his_seat_and_keeps_his_connection() {
    for limits in [
        Limits {
            busy_per_address: 4,
            ..long()
        },
        Limits {
            busy_max: 4,
            ..long()
        },
    ] {
        let server = Server::start(limits).await;
        let mut kept = Vec::new();
        for _ in 0..40 {
            kept.push(server.connect().await);
        }
        for _ in 0..3 {
            for stream in &mut kept {
                stream.write_all(GET.as_bytes()).await.unwrap();
                assert!(one_answer(stream, 5).await.ends_with("hello"));
            }
        }
    }
}

/// Who has sent half a head keeps nobody waiting, and is served when he sends the rest.
#[tokio::test]
async fn half_a_head_takes_no_seat() {
    for limits in [
        Limits {
            busy_per_address: 2,
            seat_patience: Duration::ZERO,
            ..long()
        },
        Limits {
            busy_max: 2,
            seat_patience: Duration::ZERO,
            ..long()
        },
    ] {
        let server = Server::start(limits).await;
        let gate = "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut busy = server.say(gate).await;
        server.entered.acquire().await.unwrap().forget();
        let (begin, end) = GET.split_at(GET.len() - 3);
        let mut halves = Vec::new();
        for _ in 0..8 {
            halves.push(server.say(begin).await);
            server.is_well().await;
        }
        for half in &mut halves {
            half.write_all(end.as_bytes()).await.unwrap();
            assert!(one_answer(half, 5).await.ends_with("hello"));
        }
        server.gate.notify_one();
        assert!(one_answer(&mut busy, 0).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn what_two_readers_could_read_in_two_ways_is_refused() {
    let server = Server::start(long()).await;
    let post = "POST /count HTTP/1.1\r\nHost: x\r\n";
    for (request, want) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "request-framing"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n".to_owned(),
            "request-framing",
        ),
        (
            format!("{post}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
            "request-framing",
        ),
        (
            format!(
                "{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "request-framing",
        ),
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), ""),
        (
            format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
            "request-framing",
        ),
        (
            format!(
                "{post}Content-Length: {}5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                " ".repeat(80)
            ),
            "",
        ),
        // Behind a body, and hidden in the same packet.
        (
            format!("{post}Content-Length: 3\r\n\r\na\nbGET / HTTP/1.1\nHost: x\n\n"),
            "",
        ),
    ] {
        let answer = until_closed(&mut server.say(&request).await).await;
        let refusal = answer
            .rfind("HTTP/1.1 ")
            .map(|at| &answer[at..])
            .unwrap_or_default();
        assert!(refusal.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
        assert!(refusal.contains(want), "{request:?}: {answer}");
    }
    // A trailer that only one of two readers takes for two: the body is broken, and nothing behind it is read.
    let trailer =
        format!("{post}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\nZ: w\r\n\r\n{GET}");
    let answer = until_closed(&mut server.say(&trailer).await).await;
    assert!(!answer.contains(" 200 "), "{answer}");
    let mut whole = server
        .say(&format!(
            "{post}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\na\nb\r\n0\r\n\r\n"
        ))
        .await;
    assert!(until_closed(&mut whole).await.contains("HTTP/1.1 200"));
    // An absolute target is the same as the usual one.
    let mut absolute = server
        .say("GET http://y/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(until_closed(&mut absolute).await.ends_with("hello"));
}

#[tokio::test]
async fn too_long_a_head_is_refused() {
    let server = Server::start(long()).await;
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
    let server = Server::start(long()).await;
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
    let server = Server::start(long()).await;
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
    for _ in 0..20 {
        server.is_well().await;
    }
}

#[tokio::test]
async fn shutdown_lets_requests_under_way_finish() {
    let server = Server::start(long()).await;
    let mut idle = server.connect().await;
    let mut kept = server.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    one_answer(&mut kept, 5).await;
    let mut busy = server.say("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.entered.acquire().await.unwrap().forget();
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
    let server = Server::start(Limits {
        drain: 300 * MS,
        ..long()
    })
    .await;
    let mut never = server.say("GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.entered.acquire().await.unwrap().forget();
    let began = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(until_closed(&mut never).await, "");
    assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 1 });
    assert!(began.elapsed() >= 300 * MS, "{:?}", began.elapsed());
}
