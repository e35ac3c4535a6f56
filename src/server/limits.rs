//! What one server grants to all of its peers together, and to each.

use std::net::IpAddr;
use std::time::Duration;

/// What one server grants to all of its peers together, and to each. The defaults are for a public server on one machine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time. The next takes the place of the one that has been idle longest, or else has made us wait longest, of the
    /// address with the most; if nobody has, it is answered 503 and closed. Lowered when the process may not open that many files.
    pub connections_max: usize,
    /// Connections with a request under way, or one within the last second: these hold memory. Beyond it as beyond `connections_max`.
    pub busy_max: usize,
    /// The same, of one client address (of IPv6, one network of 64 bits): its next request takes the seat of one of its own.
    pub busy_per_address: usize,
    /// How long a request waits for such a seat before it is answered 503. One who waits is no more than a socket.
    pub seat_patience: Duration,
    /// Front proxies: they may have any number of connections, and what they say in `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
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
            connections_max: 16_384,
            busy_max: 4_096,
            busy_per_address: 512,
            seat_patience: Duration::from_secs(2),
            proxies: Vec::new(),
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
