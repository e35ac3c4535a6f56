//! How long a peer may keep us waiting: the clocks of one connection.
//!
//! [`Pace`] and [`Pulse`] are pure (the time is an argument): a pulse notes what a connection does and says when it is
//! overdue. [`PacedIo`] and [`PacedBody`] put them around a socket and a request body. Nothing here bounds how long our
//! own handlers think: a peer is only ever judged by the time it makes us wait.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::framing::Framing;
use super::limits::Limits;
use super::tally::{Refusal, note};
use crate::lang::Bilingual;

/// A budget of waiting: it starts full, waiting spends it, and every byte moved earns `1 / rate` seconds back, never above
/// full. So a transfer below the rate, averaged over any stretch as long as the budget, runs dry; a faster one never does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    left: Duration,
    full: Duration,
    bytes_per_s: u32,
    waiting_since: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(full: Duration, bytes_per_s: u32) -> Self {
        Pace {
            left: full,
            full,
            bytes_per_s,
            waiting_since: None,
        }
    }

    /// We want to move bytes and cannot. Returns when the budget will be spent.
    pub(crate) fn wait(&mut self, now: Instant) -> Instant {
        *self.waiting_since.get_or_insert(now) + self.left
    }

    /// Some bytes moved (or the transfer ended, with 0).
    pub(crate) fn moved(&mut self, bytes: usize, now: Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self
                .left
                .saturating_sub(now.saturating_duration_since(since));
        }
        // Full at most `full`, so whatever `f64` rounds away of a huge frame does not matter.
        let earned = Duration::try_from_secs_f64(bytes as f64 / f64::from(self.bytes_per_s.max(1)));
        self.left = self
            .full
            .min(self.left.saturating_add(earned.unwrap_or(self.full)));
    }

    fn is_spent(&self, now: Instant) -> bool {
        self.waiting_since
            .is_some_and(|since| now.saturating_duration_since(since) >= self.left)
    }
}

/// How long a peer has made us wait on balance: waiting adds to it, and every byte moved takes `1 / `[`RATE_BYTES_PER_S`](Debt::RATE_BYTES_PER_S)
/// seconds off. So who moves his bytes owes nothing, however long he stays.
#[derive(Clone, Copy, Debug, Default)]
struct Debt {
    owed: Duration,
    waiting_since: Option<Instant>,
}

impl Debt {
    /// A telephone moves its bytes faster than this.
    const RATE_BYTES_PER_S: u32 = 32 << 10;

    fn wait(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    fn moved(&mut self, bytes: usize, now: Instant) {
        self.owed = self.at(now);
        self.waiting_since = None;
        let paid = Duration::try_from_secs_f64(bytes as f64 / f64::from(Self::RATE_BYTES_PER_S));
        self.owed = self.owed.saturating_sub(paid.unwrap_or(Duration::MAX));
    }

    fn at(&self, now: Instant) -> Duration {
        let waiting = self
            .waiting_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.owed.saturating_add(waiting)
    }
}

/// A transfer as a whole: after its first minute it must have moved [`RATE_BYTES_PER_S`](Whole::RATE_BYTES_PER_S), averaged over all its time. So a place among
/// few is held no longer than its bytes need on a slow line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    began: Instant,
    bytes: u64,
}

impl Whole {
    pub(crate) const FREE: Duration = Duration::from_secs(60);
    pub(crate) const RATE_BYTES_PER_S: u32 = 16 << 10;

    pub(crate) fn new(now: Instant) -> Whole {
        Whole {
            began: now,
            bytes: 0,
        }
    }

    /// So many more bytes were moved; `false` if it takes too long.
    pub(crate) fn keeps_up(&mut self, bytes: usize, now: Instant) -> bool {
        self.bytes += bytes as u64;
        let allowed = self.bytes as f64 / f64::from(Self::RATE_BYTES_PER_S);
        now.saturating_duration_since(self.began).as_secs_f64()
            <= Self::FREE.as_secs_f64() + allowed
    }
}

/// Why a connection was ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Others needed what it held: a seat, or room.
    Cut,
    /// No byte of a request for [`Limits::idle`].
    Idle,
    /// A request head was begun and not finished within [`Limits::head`].
    Head,
    /// The peer takes our answer slower than [`Limits::rate_bytes_per_s`] and has used up [`Limits::write_patience`].
    Unread,
    /// We closed our half and the peer did not close its own within [`Limits::linger`].
    Linger,
}

/// What one connection is doing, and since when.
#[derive(Debug)]
pub(crate) struct Pulse {
    phase: Phase,
    write: Pace,
    /// What the peer owes us of request bodies, and of taking our answers.
    bodies: Debt,
    answers: Debt,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Between requests, no byte of the next one seen.
    Waiting { since: Instant },
    /// Some bytes of a request head are there.
    Head { since: Instant },
    /// A handler is at work, or its answer is on the way. The request body has its own [`PacedBody`].
    Busy,
    /// Our half is closed; what still comes is read and dropped.
    Closing { since: Instant },
}

impl Pulse {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Pulse {
            phase: Phase::Waiting { since: now },
            write: Pace::new(limits.write_patience, limits.rate_bytes_per_s),
            bodies: Debt::default(),
            answers: Debt::default(),
        }
    }

    /// A handler wants more of the request body, and it is not there.
    pub(crate) fn body_waits(&mut self, now: Instant) {
        self.bodies.wait(now);
    }

    /// Some of the request body came, or it ended.
    fn body_came(&mut self, bytes: usize, now: Instant) {
        self.bodies.moved(bytes, now);
    }

    /// How long the peer has made us wait. Nothing while we are the ones who think.
    pub(crate) fn owes(&self, now: Instant) -> Duration {
        match self.phase {
            Phase::Waiting { since } if self.answers.waiting_since.is_none() => {
                now.saturating_duration_since(since)
            }
            Phase::Head { since } | Phase::Closing { since } => {
                now.saturating_duration_since(since)
            }
            Phase::Waiting { .. } | Phase::Busy => self.answers.at(now).max(self.bodies.at(now)),
        }
    }

    /// Whether it is between two requests, and the last answer went out whole.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. }) && self.answers.waiting_since.is_none()
    }

    /// Whether all is said and only the peer's end is waited for.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// Whether the peer leaves an answer of ours where it is.
    pub(crate) fn is_unread(&self) -> bool {
        self.answers.waiting_since.is_some()
    }

    /// A request head has begun; what was before is no debt of the peer.
    pub(crate) fn begins(&mut self, now: Instant) {
        self.phase = Phase::Head { since: now };
    }

    fn read(&mut self, now: Instant) {
        if let Phase::Waiting { .. } = self.phase {
            self.phase = Phase::Head { since: now };
        }
    }

    /// The peer took `bytes` of what we have to say.
    fn wrote(&mut self, bytes: usize, now: Instant) {
        self.write.moved(bytes, now);
        self.answers.moved(bytes, now);
        // The end of a long answer may still be on its way when its body is done: a slow reader is not an idle one.
        if let Phase::Waiting { since } = &mut self.phase {
            *since = now;
        }
    }

    fn unwritable(&mut self, now: Instant) {
        self.write.wait(now);
        self.answers.wait(now);
    }

    pub(crate) fn began(&mut self) {
        self.phase = Phase::Busy;
        self.bodies = Debt::default();
    }

    pub(crate) fn answered(&mut self, now: Instant) {
        if let Phase::Busy = self.phase {
            self.phase = Phase::Waiting { since: now };
        }
    }

    fn closing(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Closing { .. }) {
            self.phase = Phase::Closing { since: now };
        }
    }

    pub(crate) fn overdue(&self, limits: &Limits, now: Instant) -> Option<Overdue> {
        let past = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        match self.phase {
            _ if self.write.is_spent(now) => Some(Overdue::Unread),
            // Bytes of ours that the peer has yet to take: the write clock alone counts.
            Phase::Waiting { .. } if self.write.waiting_since.is_some() => None,
            Phase::Waiting { since } if past(since, limits.idle) => Some(Overdue::Idle),
            Phase::Head { since } if past(since, limits.head) => Some(Overdue::Head),
            Phase::Closing { since } if past(since, limits.linger) => Some(Overdue::Linger),
            _ => None,
        }
    }
}

/// A [`Pulse`] that the socket, the service and the watchdog of one connection share, with whoever may end it.
#[derive(Clone, Debug)]
pub(crate) struct SharedPulse(Arc<Line>);

#[derive(Debug)]
struct Line {
    pulse: Mutex<Pulse>,
    cut: Notify,
    rest: Notify,
}

impl SharedPulse {
    pub(crate) fn new(pulse: Pulse) -> Self {
        SharedPulse(Arc::new(Line {
            pulse: Mutex::new(pulse),
            cut: Notify::new(),
            rest: Notify::new(),
        }))
    }

    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.0.cut.notify_one();
    }

    /// Until somebody ends it.
    pub(crate) async fn is_cut(&self) {
        self.0.cut.notified().await;
    }

    /// Takes its seat, which somebody else has now. The connection stays, if nothing is under way on it.
    pub(crate) fn rest(&self) {
        self.0.rest.notify_one();
    }

    /// Until somebody else has its seat.
    pub(crate) async fn is_to_rest(&self) {
        self.0.rest.notified().await;
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pulse> {
        // A pulse is valid after every assignment, so a panic elsewhere cannot have left it half written.
        self.0.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the peer is overdue. Looks eight times per shortest limit rather than setting a timer per request.
    pub(crate) async fn watch(&self, limits: &Limits) -> Overdue {
        let shortest = limits
            .idle
            .min(limits.head)
            .min(limits.write_patience)
            .min(limits.linger);
        let tick = (shortest / 8).max(Duration::from_millis(5));
        loop {
            tokio::select! {
                () = tokio::time::sleep(tick) => {}
                () = self.is_cut() => return Overdue::Cut,
            }
            if let Some(overdue) = self.lock().overdue(limits, Instant::now()) {
                return overdue;
            }
        }
    }
}

/// Notes every byte of a socket in its [`Pulse`], and closes without losing the last answer.
pub(crate) struct PacedIo {
    stream: TcpStream,
    pulse: SharedPulse,
    framing: Framing,
    /// Boxed: most connections have none.
    half: Option<Box<HalfHead>>,
    fin_sent: bool,
}

/// What has come of a request before its head was whole.
struct HalfHead {
    bytes: Vec<u8>,
    taken: usize,
    framing: Framing,
    room: Option<OwnedSemaphorePermit>,
}

impl PacedIo {
    pub(crate) fn new(stream: TcpStream, pulse: SharedPulse) -> Self {
        PacedIo {
            stream,
            pulse,
            framing: Framing::new(),
            half: None,
            fin_sent: false,
        }
    }

    /// Until the head of a request is here whole, or as much of it as there is `room` for; `false` if the peer ends before. A head that is
    /// whole stays with the kernel.
    pub(crate) async fn has_head(&mut self, room: &Arc<Semaphore>) -> io::Result<bool> {
        if self.half.is_some() {
            // Sent before the answer to the request before.
            return Ok(true);
        }
        std::future::poll_fn(|cx| self.poll_head(cx, room)).await
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, room: &Arc<Semaphore>) -> Poll<io::Result<bool>> {
        // On the stack: who waits has no buffer.
        let mut scratch = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            let bytes = ready!(self.stream.poll_peek(cx, &mut buf))?;
            if bytes == 0 {
                return Poll::Ready(Ok(false));
            }
            let half = self.half.get_or_insert_with(|| HalfHead::new().into());
            if half.framing.ends_head(&scratch[..bytes]) || !half.has_room(bytes, room) {
                return Poll::Ready(Ok(true));
            }
            // Only when it was read does the kernel tell of what comes next.
            let mut buf = ReadBuf::new(&mut scratch[..bytes]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            half.bytes.extend_from_slice(buf.filled());
        }
    }

    /// Until there is something to read; `false` at the end.
    pub(crate) async fn has_bytes(&self) -> io::Result<bool> {
        // Peeked at: `readable()` may be wrong, and the head's clock runs from here.
        Ok(self.stream.peek(&mut [0]).await? > 0)
    }

    /// Closes it without what the peer has not taken: the kernel would keep that, up to megabytes a connection, and offer it for minutes.
    pub(crate) fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.pulse.lock().wrote(*bytes, Instant::now()),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.pulse.lock().unwritable(Instant::now()),
        }
    }
}

impl HalfHead {
    fn new() -> HalfHead {
        HalfHead {
            bytes: Vec::new(),
            taken: 0,
            framing: Framing::new(),
            room: None,
        }
    }

    /// Makes room for so many more bytes, if there is any.
    fn has_room(&mut self, more: usize, room: &Arc<Semaphore>) -> bool {
        let missing = (self.bytes.len() + more).saturating_sub(self.bytes.capacity());
        if missing == 0 {
            return true;
        }
        // Doubled, as a vector would, so that a byte at a time is not copied over and over.
        let add = missing.max(self.bytes.capacity()).max(128);
        let permits = u32::try_from(add).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(room).try_acquire_many_owned(permits) else {
            return false;
        };
        match &mut self.room {
            Some(room) => room.merge(permit),
            none => *none = Some(permit),
        }
        self.bytes
            .reserve_exact(self.bytes.capacity() + add - self.bytes.len());
        true
    }

    fn take(&mut self, buf: &mut ReadBuf<'_>) {
        let left = &self.bytes[self.taken..];
        let here = left.len().min(buf.remaining());
        buf.put_slice(&left[..here]);
        self.taken += here;
    }
}

impl AsyncRead for PacedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Some(half) = &mut self.half {
            half.take(buf);
            if half.taken == half.bytes.len() {
                self.half = None;
            }
        }
        let read = if buf.filled().len() > before {
            Poll::Ready(Ok(()))
        } else {
            Pin::new(&mut self.stream).poll_read(cx, buf)
        };
        if buf.filled().len() > before {
            self.pulse.lock().read(Instant::now());
            let this = &mut *self;
            if let Err(misframed) = this.framing.feed(&buf.filled()[before..]) {
                note(Refusal::Framing, peer_of(&this.stream));
                // A byte that stands in no head, no size of a chunk and no trailer, and the end of either, so that hyper answers 400 and closes.
                buf.set_filled(before + misframed.at);
                let end = b"\0\r\n\r\n";
                buf.put_slice(&end[..end.len().min(buf.remaining())]);
            }
        }
        read
    }
}

fn peer_of(stream: &TcpStream) -> IpAddr {
    stream
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}

impl AsyncWrite for PacedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Sends FIN, then reads and drops until the peer closes too. Closing a socket with unread bytes sends RST, and an RST
    /// destroys the answer (413, say) that the peer has not read yet (RFC 9112 §9.6). [`Limits::linger`] bounds it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.fin_sent {
            // Said first: who sees our FIN may count on the seat.
            self.pulse.lock().closing(Instant::now());
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.fin_sent = true;
        }
        let mut scratch = [0; 8192];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// A request body came slower than [`Limits::rate_bytes_per_s`]; an answer of 408 is due.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body came slower than {bytes_per_s} bytes/s for more than {} ms", patience.as_millis())]
pub struct BodyTooSlow {
    /// What was wanted, on average.
    pub bytes_per_s: u32,
    /// For how long we waited beyond that.
    pub patience: Duration,
}

impl Bilingual for BodyTooSlow {
    fn zh(&self) -> String {
        let BodyTooSlow {
            bytes_per_s,
            patience,
        } = self;
        let ms = patience.as_millis();
        format!("请求正文在 {ms} 毫秒以上的时间里慢于每秒 {bytes_per_s} 字节")
    }
}

/// A request body that must keep up: fails with [`BodyTooSlow`] when it does not. Time in which nobody asks for more
/// of it (we are busy with what came) does not count.
pub(crate) struct PacedBody<B> {
    inner: B,
    pace: Pace,
    alarm: Option<Pin<Box<tokio::time::Sleep>>>,
    pulse: SharedPulse,
    has_ended: bool,
    left: Arc<AtomicBool>,
}

impl<B: Body> PacedBody<B> {
    /// `left` becomes true if nobody reads it to its end.
    pub(crate) fn new(
        inner: B,
        limits: &Limits,
        pulse: SharedPulse,
        left: Arc<AtomicBool>,
    ) -> Self {
        PacedBody {
            has_ended: inner.is_end_stream(),
            left,
            inner,
            pulse,
            pace: Pace::new(limits.body_patience, limits.rate_bytes_per_s),
            alarm: None,
        }
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<BodyTooSlow> {
        let deadline = self.pace.wait(Instant::now()).into();
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(BodyTooSlow {
            bytes_per_s: self.pace.bytes_per_s,
            patience: self.pace.full,
        })
    }
}

impl<B> Drop for PacedBody<B> {
    fn drop(&mut self) {
        self.left.fetch_or(!self.has_ended, Ordering::Relaxed);
        // Nobody asks for more of it, so nobody waits.
        self.pulse.lock().bodies = Debt::default();
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                let bytes = match &frame {
                    Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) | None => 0,
                };
                let now = Instant::now();
                this.pace.moved(bytes, now);
                this.pulse.lock().body_came(bytes, now);
                this.has_ended = frame.is_none() || this.inner.is_end_stream();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                this.pulse.lock().body_waits(Instant::now());
                this.poll_alarm(cx).map(|slow| Some(Err(slow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer on its way: while it lives, the connection is busy.
pub(crate) struct PacedAnswer {
    inner: axum::body::Body,
    _busy: Busy,
}

impl PacedAnswer {
    pub(crate) fn new(inner: axum::body::Body, busy: Busy) -> Self {
        PacedAnswer { inner, _busy: busy }
    }
}

impl Body for PacedAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Held from the moment a request head is complete until the last byte of its answer has been handed over.
pub(crate) struct Busy(SharedPulse);

impl Busy {
    pub(crate) fn new(pulse: SharedPulse) -> Self {
        pulse.lock().began();
        Busy(pulse)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.lock().answered(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            head: 10 * S,
            idle: 30 * S,
            write_patience: 20 * S,
            linger: 2 * S,
            ..Limits::default()
        }
    }

    #[derive(Clone, Copy)]
    enum Do {
        Read,
        Wrote(usize),
        Unwritable,
        Began,
        Answered,
        Closing,
    }
    use Do::*;

    /// Plays (second, event) pairs, then asks at `at_s`.
    #[track_caller]
    fn check(events: &[(u32, Do)], at_s: u32, want: Option<Overdue>) {
        let start = Instant::now();
        let mut pulse = Pulse::new(&limits(), start);
        for &(s, event) in events {
            let now = start + s * S;
            match event {
                Read => pulse.read(now),
                Wrote(bytes) => pulse.wrote(bytes, now),
                Unwritable => pulse.unwritable(now),
                Began => pulse.began(),
                Answered => pulse.answered(now),
                Closing => pulse.closing(now),
            }
        }
        assert_eq!(pulse.overdue(&limits(), start + at_s * S), want);
    }

    #[test]
    fn a_peer_is_judged_by_the_time_it_makes_us_wait() {
        check(&[], 29, None);
        check(&[], 30, Some(Overdue::Idle));
        // A head: ten seconds from its first byte, whatever trickles in after.
        check(&[(29, Read)], 38, None);
        check(
            &[(29, Read), (33, Read), (38, Read)],
            39,
            Some(Overdue::Head),
        );
        // A handler may think as long as it likes.
        check(&[(1, Read), (1, Began)], 4000, None);
        check(&[(1, Read), (1, Began), (100, Answered)], 129, None);
        check(
            &[(1, Read), (1, Began), (100, Answered)],
            130,
            Some(Overdue::Idle),
        );
        // A request that was read and answered at once leaves no head clock running.
        check(&[(1, Read), (1, Began), (1, Answered)], 20, None);
        // A reader that takes nothing, also behind an idle connection or in the middle of an answer.
        check(&[(1, Began), (2, Unwritable)], 21, None);
        check(&[(1, Began), (2, Unwritable)], 22, Some(Overdue::Unread));
        check(
            &[(1, Began), (2, Unwritable), (2, Answered)],
            22,
            Some(Overdue::Unread),
        );
        // One that takes 100 KiB every 19 s is slow, not dead; one that takes a byte is dead.
        check(
            &[
                (0, Began),
                (0, Unwritable),
                (19, Wrote(102_400)),
                (19, Unwritable),
            ],
            38,
            None,
        );
        check(
            &[
                (0, Began),
                (0, Unwritable),
                (19, Wrote(1)),
                (19, Unwritable),
            ],
            21,
            Some(Overdue::Unread),
        );
        // The tail of an answer still on its way is not idleness, and idleness counts from its last byte.
        check(
            &[(0, Began), (0, Answered), (29, Wrote(9)), (29, Unwritable)],
            31,
            None,
        );
        check(&[(0, Began), (0, Answered), (29, Wrote(9))], 58, None);
        check(
            &[(0, Began), (0, Answered), (29, Wrote(9))],
            59,
            Some(Overdue::Idle),
        );
        // Our half closed: two seconds, however often it is said, and answers no longer matter.
        check(&[(5, Closing), (6, Closing), (6, Read)], 6, None);
        check(
            &[(5, Closing), (6, Closing), (6, Answered)],
            7,
            Some(Overdue::Linger),
        );
    }

    /// Bytes arriving every `every_ms`; returns the millisecond at which patience (10 s at 1 KiB/s) ends.
    fn dry_at_ms(bytes: usize, every_ms: u64, for_ms: u64) -> Option<u64> {
        let start = Instant::now();
        let mut pace = Pace::new(10 * S, 1024);
        let mut at_ms = 0;
        while at_ms < for_ms {
            let dry = pace.wait(start + Duration::from_millis(at_ms));
            at_ms += every_ms;
            if dry <= start + Duration::from_millis(at_ms) {
                return Some(u64::try_from((dry - start).as_millis()).unwrap());
            }
            pace.moved(bytes, start + Duration::from_millis(at_ms));
        }
        None
    }

    #[test]
    fn who_moves_his_bytes_owes_nothing() {
        #[track_caller]
        fn check(events: &[(u32, Do)], at_s: u32, want_s: u32) {
            let start = Instant::now();
            let mut pulse = Pulse::new(&limits(), start);
            for &(s, event) in events {
                let now = start + s * S;
                match event {
                    Read => pulse.read(now),
                    Wrote(bytes) => pulse.wrote(bytes, now),
                    Unwritable => pulse.unwritable(now),
                    Began => pulse.began(),
                    Answered => pulse.answered(now),
                    Closing => pulse.closing(now),
                }
            }
            assert_eq!(pulse.owes(start + at_s * S), want_s * S);
        }
        // Silent, a head begun, our half closed: since then.
        check(&[], 7, 7);
        check(&[(3, Read)], 7, 4);
        check(&[(3, Began), (4, Answered), (5, Closing)], 7, 2);
        check(&[(3, Began), (4, Answered)], 7, 3);
        // We think, the peer owes nothing.
        check(&[(3, Began)], 100, 0);
        // It takes nothing; or 32 KiB a second and more; or half of that.
        check(&[(3, Began), (4, Unwritable)], 9, 5);
        let quick = [(4, Unwritable), (5, Wrote(64 << 10)), (5, Unwritable)];
        check(&[&[(3, Began)], &quick[..]].concat(), 5, 0);
        let slow: Vec<_> = (4..14)
            .flat_map(|s| [(s, Unwritable), (s + 1, Wrote(16 << 10))])
            .collect();
        check(&[&[(3, Began)], &slow[..]].concat(), 14, 5);
        // The tail of an answer is still on its way.
        check(&[(3, Began), (4, Unwritable), (4, Answered)], 9, 5);
    }

    #[test]
    fn a_transfer_below_the_rate_runs_dry_and_one_above_never_does() {
        assert_eq!(dry_at_ms(0, 1_000, 60_000), Some(10_000));
        assert_eq!(dry_at_ms(1, 1_000, 60_000), Some(10_009));
        // Half the rate: half of each second is earned back, so ten seconds last nearly twenty.
        assert_eq!(dry_at_ms(512, 1_000, 60_000), Some(19_000));
        assert_eq!(dry_at_ms(1024, 1_000, 3_600_000), None);
        assert_eq!(dry_at_ms(10_240, 9_999, 3_600_000), None);
        // A burst cannot be saved up beyond full.
        assert_eq!(dry_at_ms(1 << 30, 10_001, 60_000), Some(10_000));
    }

    #[test]
    fn a_transfer_has_a_minute_and_the_time_that_its_bytes_take() {
        let start = Instant::now();
        // 1.4 KB a second: over after little more than a minute; 16 KiB a second: never.
        for (bytes, want) in [(1_400, Some(66)), (16 << 10, None)] {
            let mut whole = Whole::new(start);
            let over = (1..3_600).find(|s| !whole.keeps_up(bytes, start + *s * S));
            assert_eq!(over, want, "{bytes} bytes/s");
        }
    }

    #[test]
    fn time_in_which_we_do_not_ask_for_more_is_not_counted() {
        let start = Instant::now();
        let mut pace = Pace::new(10 * S, 1024);
        pace.wait(start);
        pace.moved(0, start + 4 * S);
        assert_eq!(pace.wait(start + 1000 * S), start + 1006 * S);
    }
}
