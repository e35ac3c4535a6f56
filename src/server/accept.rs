//! Our own accept loop: HTTP/1.1 over TCP, with a limit on everything a stranger can make us hold.
//!
//! `axum::serve` 0.8 has no time-out at all: silent, half-finished and idle connections stay open until descriptors run
//! out. This loop bounds heads, bodies, idleness, unread answers and the number of connections, in all and of one address, outlives every
//! accept error, and never takes the descriptors that the log itself needs. When seats run short, who is idle or makes us wait makes way: a
//! hoarder shuts nobody out, not even others behind his own address. It does not speak TLS or HTTP/2 (a front proxy does), and does not
//! bound how long a handler thinks.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::framing;
pub use super::limits::Limits;
use super::pace::{Busy, Overdue, PacedAnswer, PacedBody, PacedIo, Pulse, SharedPulse};
use super::request::language;
use super::room::{Client, counted};
use super::tally::{self, Refusal};

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
    // Who has to make way needs a moment to close, while the one who takes his place is here already.
    let closing = (limits.connections_max / 16).clamp(8, 256);
    let sockets_max = within_file_limit(limits.connections_max + closing);
    let sockets = Arc::new(Semaphore::new(sockets_max));
    let connections_max = limits
        .connections_max
        .min(sockets_max.saturating_sub(closing))
        .max(1);
    let places = Seats::new(connections_max, usize::MAX, Idle::Leave, &limits);
    let (all_max, each_max) = (limits.busy_max, limits.busy_per_address);
    let seats = Seats::new(all_max, each_max, Idle::Rest, &limits);
    // Those turned away get a sentence, but only so many at once: beyond that, a bare close.
    let farewells = Arc::new(Semaphore::new(connections_max.clamp(1, 256)));
    let half_heads = Arc::new(Semaphore::new(HALF_HEADS_BYTES));
    let limits = Arc::new(limits);
    let stage = watch::Sender::new(Stage::Serving);

    let mut shutdown = pin!(shutdown);
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        let (stream, peer) = tokio::select! {
            _ = &mut shutdown => break,
            _ = minute.tick() => {
                tally::tell_rest();
                continue;
            }
            accepted = accept(&listener) => accepted,
        };
        let pulse = SharedPulse::new(Pulse::new(&limits, Instant::now()));
        let socket = Arc::clone(&sockets).try_acquire_owned().ok();
        let place = socket.and_then(|socket| Some((places.take(peer.ip(), &pulse)?, socket)));
        let Some(place) = place else {
            tally::note(Refusal::Connections, peer.ip());
            if let Ok(permit) = Arc::clone(&farewells).try_acquire_owned() {
                tokio::spawn(turn_away(stream, limits.linger, permit));
            }
            continue;
        };
        let visit = Visit {
            peer,
            app: app.clone(),
            limits: Arc::clone(&limits),
            seats: Arc::clone(&seats),
            farewells: Arc::clone(&farewells),
            half_heads: Arc::clone(&half_heads),
            pulse,
        };
        tokio::spawn(visit.receive(stream, stage.subscribe(), place));
    }

    drop(listener);
    tally::tell_rest();
    stage.send_replace(Stage::Draining);
    // Every conversation holds its socket until that is closed: all free means all closed.
    let all = u32::try_from(sockets_max).expect("within_file_limit() keeps it below 2^16");
    if let Ok(everyone) = tokio::time::timeout(limits.drain, sockets.acquire_many(all)).await {
        drop(everyone.expect("the semaphore is never closed"));
        return Stopped { cut: 0 };
    }
    let cut = sockets_max - sockets.available_permits();
    stage.send_replace(Stage::Closing);
    sockets
        .acquire_many(all)
        .await
        .expect("the semaphore is never closed")
        .forget();
    tracing::warn!(cut, "connections still busy after the drain time were cut");
    Stopped { cut }
}

/// Who sits where. A seat is free from the moment its holder was told to leave.
#[derive(Debug)]
struct Seats {
    seats_max: usize,
    address_max: usize,
    idle: Idle,
    proxies: Vec<IpAddr>,
    seated: Mutex<Seated>,
}

#[derive(Debug, Default)]
struct Seated {
    count: usize,
    next: u64,
    by_address: HashMap<IpAddr, Held>,
}

/// The seats of one address.
#[derive(Debug, Default)]
struct Held {
    pulses: HashMap<u64, SharedPulse>,
    /// When all of them were found at work, last.
    all_at_work: Option<Instant>,
}

/// What becomes of an idle connection that makes way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    /// It is closed; its peer opens another one when it needs it.
    Leave,
    /// It is no more than a socket until it says something. Closing it would bring it back at once, and with it another one to close.
    Rest,
}

/// A seat, until it is dropped.
struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
    number: u64,
}

impl Seats {
    fn new(seats_max: usize, address_max: usize, idle: Idle, limits: &Limits) -> Arc<Seats> {
        Arc::new(Seats {
            seats_max: seats_max.max(1),
            address_max: address_max.max(1),
            idle,
            proxies: limits.proxies.clone(),
            seated: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, if need be that of another connection.
    fn take(self: &Arc<Seats>, peer: IpAddr, pulse: &SharedPulse) -> Option<Seat> {
        let (address, now) = (counted(peer), Instant::now());
        let is_proxy = self.is_proxy(peer);
        let mut seated = self.lock();
        if !is_proxy && seated.of(address) >= self.address_max {
            seated.make_way(address, self.idle, now)?;
        } else if seated.count >= self.seats_max {
            let mut addresses: Vec<(bool, usize, IpAddr)> = seated
                .by_address
                .iter()
                .map(|(address, held)| (!self.is_proxy(*address), held.pulses.len(), *address))
                .collect();
            addresses.sort_unstable();
            let mut worst_first = addresses.iter().rev();
            worst_first.find_map(|(_, _, address)| seated.make_way(*address, self.idle, now))?;
        }
        let number = seated.next;
        seated.next += 1;
        seated.count += 1;
        seated
            .by_address
            .entry(address)
            .or_default()
            .pulses
            .insert(number, pulse.clone());
        Some(Seat {
            seats: self.clone(),
            address,
            number,
        })
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies
            .iter()
            .any(|proxy| counted(*proxy) == counted(address))
    }
}

/// Who has made us wait less is not sent away for others, unless all is said to him.
const OWES_MIN: Duration = Duration::from_millis(50);
/// An idle connection of this age goes before all others: its peer opens another one when it needs it.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// Where nobody could make way, nobody is looked for again so soon.
const LOOKED_FOR: Duration = Duration::from_millis(10);

impl Seated {
    fn of(&self, address: IpAddr) -> usize {
        let held = self.by_address.get(&address);
        held.map_or(0, |held| held.pulses.len())
    }

    /// Frees one seat of this address: that of the longest idle connection, else of the one that has made us wait longest.
    fn make_way(&mut self, address: IpAddr, idle: Idle, now: Instant) -> Option<()> {
        let held = self.by_address.get_mut(&address)?;
        // Thousands may wait, and look again and again.
        let is_known = |at| now.saturating_duration_since(at) < LOOKED_FOR;
        if idle == Idle::Rest && held.all_at_work.is_some_and(is_known) {
            return None;
        }
        let worst = held
            .pulses
            .iter()
            .filter_map(|(number, pulse)| {
                let pulse = pulse.lock();
                let (owes, is_idle) = (pulse.owes(now), pulse.is_idle());
                let rests = is_idle && idle == Idle::Rest;
                let is_long = (is_idle || pulse.is_closing()) && owes >= IDLE_MIN;
                let may_go = rests || owes >= OWES_MIN || pulse.is_closing();
                may_go.then_some((rests, is_long, owes, *number))
            })
            .max();
        held.all_at_work = worst.is_none().then_some(now);
        let (rests, _, _, number) = worst?;
        if let Some(pulse) = self.leave(address, number) {
            if rests {
                pulse.rest();
            } else {
                tally::note(Refusal::CutForSeat, address);
                pulse.cut();
            }
        }
        Some(())
    }

    fn leave(&mut self, address: IpAddr, number: u64) -> Option<SharedPulse> {
        let held = self.by_address.get_mut(&address)?;
        let pulse = held.pulses.remove(&number)?;
        if held.pulses.is_empty() {
            self.by_address.remove(&address);
        }
        self.count -= 1;
        Some(pulse)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().leave(self.address, self.number);
    }
}

/// The address that counts for a request: the peer's, or the one that a listed proxy says it speaks for. The last address in `X-Forwarded-For` was
/// written by the proxy next to us, the ones before it by whoever is next to that.
fn address_of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let is_proxy = |address: IpAddr| {
        let address = address.to_canonical();
        proxies.iter().any(|proxy| proxy.to_canonical() == address)
    };
    if !is_proxy(peer) {
        return peer;
    }
    let said = headers.get_all("x-forwarded-for").iter();
    let said: Vec<&str> = said
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for text in said.into_iter().rev() {
        let address = text
            .parse::<IpAddr>()
            .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
        match address {
            Ok(address) if is_proxy(address) => {}
            Ok(address) => return address,
            Err(_) => break,
        }
    }
    peer
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

/// What one connection needs to be served.
struct Visit {
    peer: SocketAddr,
    app: Router,
    limits: Arc<Limits>,
    seats: Arc<Seats>,
    farewells: Arc<Semaphore>,
    half_heads: Arc<Semaphore>,
    pulse: SharedPulse,
}

/// Of all heads together that are not whole yet. Beyond it, a half head takes a seat as a whole one does.
const HALF_HEADS_BYTES: usize = 8 << 20;

/// After an answer, a connection keeps its seat and its buffers for so long.
const STAY: Duration = Duration::from_secs(1);

/// Between two looks of one who waits for a seat.
const SEAT_LOOK: Duration = Duration::from_millis(25);

impl Visit {
    /// One connection from its first byte to its last. Until a request's head is whole it is no more than a socket and what came of the head: who
    /// keeps thousands open holds next to nothing, and nobody's seat.
    async fn receive(
        self,
        stream: TcpStream,
        mut stage: watch::Receiver<Stage>,
        _place: (Seat, OwnedSemaphorePermit),
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(peer = %self.peer, %error, "connection ended before it began");
            return;
        }
        let mut io = PacedIo::new(stream, self.pulse.clone());
        loop {
            let silent = self.pulse.lock().owes(Instant::now());
            tokio::select! {
                has_bytes = io.has_bytes() => if !has_bytes.unwrap_or(false) { return },
                () = tokio::time::sleep(self.limits.idle.saturating_sub(silent)) => return,
                () = self.pulse.is_cut() => return,
                changed = stage.changed() => if changed.is_err() || !matches!(*stage.borrow(), Stage::Serving) { return },
            }
            self.pulse.lock().begins(Instant::now());
            tokio::select! {
                has_head = io.has_head(&self.half_heads) => if !has_head.unwrap_or(false) { return },
                () = tokio::time::sleep(self.limits.head) => {
                    tally::note(Refusal::Overdue, self.peer.ip());
                    return;
                }
                () = self.pulse.is_cut() => return,
                changed = stage.changed() => if changed.is_err() || !matches!(*stage.borrow(), Stage::Serving) { return },
            }
            let Some(seat) = self.seat().await else {
                tally::note(Refusal::Connections, self.peer.ip());
                if let Ok(permit) = Arc::clone(&self.farewells).try_acquire_owned() {
                    turn_away(io.into_stream(), self.limits.linger, permit).await;
                }
                return;
            };
            // Boxed, so that a silent connection does not have room for all this.
            match Box::pin(self.converse(io, seat, &mut stage)).await {
                Some(silent) => io = silent,
                None => return,
            }
        }
    }

    /// A seat for a request that has begun.
    async fn seat(&self) -> Option<Seat> {
        let began = Instant::now();
        loop {
            self.pulse.lock().begins(Instant::now());
            let seat = self.seats.take(self.peer.ip(), &self.pulse);
            if seat.is_some() || began.elapsed() >= self.limits.seat_patience {
                return seat;
            }
            tokio::time::sleep(SEAT_LOOK).await;
        }
    }

    /// Answers requests. The connection comes back when nothing is under way for a while, or at once if somebody needs its seat.
    async fn converse(
        &self,
        io: PacedIo,
        mut _seat: Seat,
        stage: &mut watch::Receiver<Stage>,
    ) -> Option<PacedIo> {
        let (peer, pulse, limits) = (self.peer, &self.pulse, &self.limits);
        let answer = service_fn(|mut request: Request<Incoming>| {
            let busy = Busy::new(pulse.clone());
            let framed = framing::check(&mut request);
            let address = address_of(peer.ip(), request.headers(), &limits.proxies);
            let left = Arc::new(AtomicBool::new(false));
            let paced = |body| PacedBody::new(body, limits, pulse.clone(), Arc::clone(&left));
            let mut request = request.map(|body| Body::new(paced(body)));
            request.extensions_mut().insert(ConnectInfo(peer));
            request
                .extensions_mut()
                .insert(Client::new(address, pulse.clone()));
            let app = self.app.clone();
            async move {
                let mut response: Response<Body> = match framed {
                    Ok(()) => app
                        .oneshot(request)
                        .await
                        .unwrap_or_else(|never: Infallible| match never {}),
                    Err(problem) => {
                        tally::note(Refusal::Framing, address);
                        left.store(true, Ordering::Relaxed);
                        problem.render(language(request.headers()), None)
                    }
                };
                // Behind a body that nobody reads no request can follow, so hyper closes the connection; a client that was not told asks
                // again on it, and hears nothing (RFC 9112, 9.6).
                if left.load(Ordering::Relaxed) {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response.map(|body| PacedAnswer::new(body, busy)))
            }
        });
        // hyper's own head time-out stays off: it runs from the answer before, and counts while a slow reader still takes that.
        let mut connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes_max)
            .max_buf_size(BUFFER_BYTES_MAX.max(limits.head_bytes_max))
            .serve_connection(TokioIo::new(io), answer);
        let stay = Limits {
            idle: limits.idle.min(STAY),
            proxies: Vec::new(),
            ..**limits
        };
        let mut watchdog = pin!(pulse.watch(&stay));
        let overdue = loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "connection ended");
                    }
                    return None;
                }
                overdue = &mut watchdog => break overdue,
                () = pulse.is_to_rest() => {
                    if pulse.lock().is_idle() {
                        break Overdue::Idle;
                    }
                    // It was idle when its seat was given away, and something has come since.
                    _seat = self.seats.take(peer.ip(), pulse)?;
                }
                Ok(()) = stage.changed() => match *stage.borrow_and_update() {
                    Stage::Serving => {}
                    Stage::Draining => Pin::new(&mut connection).graceful_shutdown(),
                    Stage::Closing => return None,
                }
            }
        };
        // Nothing was read since the last answer went out whole, so no buffer holds anything.
        if overdue == Overdue::Idle && matches!(*stage.borrow(), Stage::Serving) {
            let parts = connection.into_parts();
            return parts.read_buf.is_empty().then(|| parts.io.into_inner());
        }
        if matches!(overdue, Overdue::Head | Overdue::Unread) {
            tally::note(Refusal::Overdue, peer.ip());
        }
        tracing::debug!(%peer, ?overdue, "connection closed: peer overdue");
        if pulse.lock().is_unread() {
            connection.into_parts().io.into_inner().reset();
        }
        None
    }
}

/// hyper's buffers of one connection, each way. Its default of 400 KiB would let 4,096 connections hold 3 GB, and what is written whole is not copied into it.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

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
