//! Our own accept loop: HTTP/1.1 over TCP, with a limit on everything a stranger can make us hold.
//!
//! `axum::serve` 0.8 has no time-out at all: silent, half-finished and idle connections stay open until descriptors run
//! out. This loop bounds heads, bodies, idleness, unread answers and the number of connections, outlives every accept error,
//! and never takes the descriptors that the log itself needs. It does not speak TLS or HTTP/2 (a front proxy does), and does not
//! bound how long a handler thinks.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::pace::{Busy, PacedAnswer, PacedBody, PacedIo, Pulse, SharedPulse};

/// What one server grants to all of its peers together, and to each. The defaults are for a public server on one machine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; the next is answered 503 and closed. Lowered when the process may not open that many files.
    pub connections_max: usize,
    /// From the first byte of a request head to its last.
    pub head: Duration,
    /// Bytes of a request head, request line included; more is answered 431.
    pub head_bytes_max: usize,
    /// Without a byte of a request, on a new connection or between two.
    pub idle: Duration,
    /// Waiting for bytes of a request body, beyond what [`rate_bytes_per_s`](Self::rate_bytes_per_s) earns back; then 408.
    pub body_patience: Duration,
    /// Waiting for the peer to read our answer, beyond what [`rate_bytes_per_s`](Self::rate_bytes_per_s) earns back. The
    /// kernel shows a slow reader's progress in steps of up to a third of its send buffer, so this cannot be short.
    pub write_patience: Duration,
    /// The slowest body, in or out, that we keep a connection for: bytes a second, averaged over the patience.
    pub rate_bytes_per_s: u32,
    /// After our last byte, for the peer to read it and close its half.
    pub linger: Duration,
    /// On shutdown, for requests under way to finish.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 4_096,
            head: Duration::from_secs(10),
            head_bytes_max: 16 * 1024,
            idle: Duration::from_secs(30),
            body_patience: Duration::from_secs(10),
            write_patience: Duration::from_secs(30),
            rate_bytes_per_s: 1024,
            linger: Duration::from_secs(2),
            drain: Duration::from_secs(10),
        }
    }
}

/// What was left when the server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were still busy after [`Limits::drain`] and were cut.
    pub cut: usize,
}

/// Serves `app` on `listener` until `shutdown` resolves, then stops accepting, lets requests under way finish for at most
/// [`Limits::drain`], and returns when the last connection is closed.
///
/// Handlers find the peer's address as [`ConnectInfo<SocketAddr>`](ConnectInfo). Accept errors are outlived: at the limit on
/// open files the loop waits for connections to end and goes on.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use axum::{Router, routing::get};
/// use mingzhang::server::accept::{Limits, Stopped, serve};
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let app = Router::new().route("/", get(|| async { "明账" }));
/// let stopped = serve(listener, app, Limits::default(), async { /* e.g. ctrl_c().await */ }).await;
/// assert_eq!(stopped, Stopped { cut: 0 });
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future,
) -> Stopped {
    let connections_max = within_file_limit(limits.connections_max);
    let seats = Arc::new(Semaphore::new(connections_max));
    // Those turned away get a sentence, but only so many at once: beyond that, a bare close.
    let farewells = Arc::new(Semaphore::new(connections_max.clamp(1, 256)));
    let limits = Arc::new(limits);
    let stage = watch::Sender::new(Stage::Serving);

    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            _ = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        if let Ok(seat) = Arc::clone(&seats).try_acquire_owned() {
            tokio::spawn(converse(
                stream,
                peer,
                app.clone(),
                Arc::clone(&limits),
                stage.subscribe(),
                seat,
            ));
        } else if let Ok(permit) = Arc::clone(&farewells).try_acquire_owned() {
            tokio::spawn(turn_away(stream, limits.linger, permit));
        }
    }

    drop(listener);
    stage.send_replace(Stage::Draining);
    // Every conversation holds a seat until its socket is closed: all seats free means all closed.
    let all = u32::try_from(connections_max).expect("within_file_limit() keeps it below 2^16");
    if let Ok(everyone) = tokio::time::timeout(limits.drain, seats.acquire_many(all)).await {
        drop(everyone.expect("the semaphore is never closed"));
        return Stopped { cut: 0 };
    }
    let cut = connections_max - seats.available_permits();
    stage.send_replace(Stage::Closing);
    seats
        .acquire_many(all)
        .await
        .expect("the semaphore is never closed")
        .forget();
    tracing::warn!(cut, "connections still busy after the drain time were cut");
    Stopped { cut }
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Serving,
    /// Finish what is under way, take nothing new.
    Draining,
    /// Stop now.
    Closing,
}

/// The next connection. Errors of one connection are skipped; errors of ours (no descriptor, no memory) are waited out.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    const PAUSE_MAX: Duration = Duration::from_secs(1);
    let mut pause = Duration::from_millis(10);
    loop {
        let error = match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => error,
        };
        // accept(2): "error handling for already pending network errors"; the connection is gone, the listener is well.
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        ) {
            continue;
        }
        tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections for now");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Files that connections may never take: the log's objects, sled, the lock, outgoing calls to witnesses.
const FILES_RESERVED: u64 = 256;

/// Raises this process's soft limit on open files as far as `wanted` needs and may be had, and returns how many
/// connections fit below it. A server that runs out of descriptors could no longer write its log.
fn within_file_limit(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const CONNECTIONS_EVER: u64 = 60_000; // Fits the semaphore's u32 with room; one machine's ports are fewer.

    let wanted = u64::try_from(wanted)
        .unwrap_or(u64::MAX)
        .clamp(1, CONNECTIONS_EVER);
    let files = wanted + FILES_RESERVED;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let mut soft = current.unwrap_or(u64::MAX);
    if soft < files {
        let raised = files.min(maximum.unwrap_or(u64::MAX));
        match setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(raised),
                maximum,
            },
        ) {
            Ok(()) => soft = raised,
            Err(error) => {
                tracing::warn!(%error, soft, raised, "cannot raise the limit on open files")
            }
        }
    }
    let granted = wanted.min(soft - FILES_RESERVED.min(soft / 2)).max(1);
    if granted < wanted {
        tracing::warn!(
            granted,
            wanted,
            open_files_max = soft,
            "fewer connections: the limit on open files is low (ulimit -n)"
        );
    }
    usize::try_from(granted).expect("at most CONNECTIONS_EVER")
}

/// One connection from its first byte to its last.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    limits: Arc<Limits>,
    mut stage: watch::Receiver<Stage>,
    _seat: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "connection ended before it began");
        return;
    }
    let pulse = SharedPulse::new(Pulse::new(&limits, Instant::now()));
    let answer = service_fn(|request: Request<Incoming>| {
        let busy = Busy::new(pulse.clone());
        let mut request = request.map(|body| Body::new(PacedBody::new(body, &limits)));
        request.extensions_mut().insert(ConnectInfo(peer));
        let app = app.clone();
        async move {
            let response: Response<Body> = app
                .oneshot(request)
                .await
                .unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response.map(|body| PacedAnswer::new(body, busy)))
        }
    });
    // hyper's own head time-out stays off: it runs from the answer before, and counts while a slow reader still takes that.
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(BUFFER_BYTES_MAX.max(limits.head_bytes_max))
        .serve_connection(TokioIo::new(PacedIo::new(stream, pulse.clone())), answer);
    let mut connection = pin!(connection);
    let mut watchdog = pin!(pulse.watch(&limits));
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended");
                }
                return;
            }
            overdue = &mut watchdog => {
                tracing::debug!(%peer, ?overdue, "connection closed: peer overdue");
                return;
            }
            Ok(()) = stage.changed() => match *stage.borrow_and_update() {
                Stage::Serving => {}
                Stage::Draining => connection.as_mut().graceful_shutdown(),
                Stage::Closing => return,
            }
        }
    }
}

/// hyper's buffers of one connection, each way. Its default of 400 KiB would let 4,096 connections hold 3 GB.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Says 503 to a connection beyond the cap and closes it, without reading a request first.
async fn turn_away(mut stream: TcpStream, linger: Duration, _permit: OwnedSemaphorePermit) {
    const BODY: &str = concat!(
        r#"{"type":"/problems/connections-full","title":"连接数已满，请稍后再试 / too many connections, try again","#,
        r#""status":503,"code":"connections-full"}"#
    );
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Retry-After: 1\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // As in `PacedIo::poll_shutdown`: closing with its request unread would destroy the answer.
        let mut scratch = [0; 1024];
        while stream.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the peer heard it is its own affair.
    let _ = tokio::time::timeout(linger, farewell).await;
}
