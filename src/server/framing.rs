//! How requests are framed (RFC 9112), where the parser is laxer than we want: two readers of one stream must never disagree about where a request
//! ends, or one hides a request from the other.
//!
//! [`Framing`] follows the raw bytes of a connection, head by head and body by body, and finds what hyper would forgive: a line of a head that
//! ends in LF alone (of a trailer too), a CR alone, a length beside a transfer coding, a length or a chunk's size drawn out until readers disagree
//! about it. [`check`] judges what hyper keeps: `Host`, `Transfer-Encoding`.

use axum::http::uri::Authority;
use hyper::header::{HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Uri, Version};

use super::problem::{Problem, kinds};
use crate::lang::Said;
use crate::said;

/// The beginning of a line is enough to know the two headers that frame a body, and the size of a chunk. One that is longer was padded to be
/// overlooked.
const LINE_BYTES: usize = 64;

/// Where in the stream of one connection we are.
#[derive(Debug)]
pub(crate) struct Framing {
    state: Part,
    /// The byte before was a CR.
    after_cr: bool,
    /// The beginning of the line in hand, and its whole length.
    line: [u8; LINE_BYTES],
    line_bytes: usize,
    lines: usize,
    has_length: bool,
    length: u64,
    is_chunked: bool,
}

/// The part of a message that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Body(u64),
    ChunkSize,
    /// The bytes of a chunk with the line end behind them.
    Chunk(u64),
    Trailer,
    /// hyper refuses what comes here, or the head before.
    Lost,
}

/// The stream is not framed as RFC 9112 wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misframed {
    /// Which byte of those that were given shows it.
    pub at: usize,
}

impl Framing {
    pub(crate) fn new() -> Framing {
        Framing {
            state: Part::Head,
            after_cr: false,
            line: [0; LINE_BYTES],
            line_bytes: 0,
            lines: 0,
            has_length: false,
            length: 0,
            is_chunked: false,
        }
    }

    /// The next bytes of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Misframed> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                Part::Lost => return Ok(()),
                Part::Body(left) | Part::Chunk(left) => {
                    let here = left.min((bytes.len() - at) as u64);
                    at += usize::try_from(here).expect("at most what was given");
                    let left = left - here;
                    self.state = match self.state {
                        Part::Body(_) if left == 0 => Part::Head,
                        Part::Body(_) => Part::Body(left),
                        _ if left == 0 => Part::ChunkSize,
                        _ => Part::Chunk(left),
                    };
                }
                Part::Head | Part::ChunkSize | Part::Trailer => {
                    if !self.byte(bytes[at]) {
                        self.state = Part::Lost;
                        return Err(Misframed { at });
                    }
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// Whether with these bytes a head has come to its end, or will not, because it is none.
    pub(crate) fn ends_head(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| {
            let has_begun = self.lines > 0;
            // A request begins with a letter, or an empty line: who speaks TLS to us hears so at once.
            let is_none = self.lines == 0
                && self.line_bytes == 0
                && !(byte.is_ascii_alphabetic() || matches!(byte, b'\r' | b'\n'));
            is_none
                || self.feed(&[*byte]).is_err()
                || self.state != Part::Head
                || has_begun && self.lines == 0
        })
    }

    /// One byte of a line; `false` if it may not stand there.
    fn byte(&mut self, byte: u8) -> bool {
        match (byte, self.after_cr) {
            (b'\n', true) => {
                self.after_cr = false;
                self.end_of_line()
            }
            (b'\n', false) | (_, true) => false,
            (b'\r', false) => {
                self.after_cr = true;
                true
            }
            (byte, false) => {
                if let Some(place) = self.line.get_mut(self.line_bytes) {
                    *place = byte;
                }
                self.line_bytes += 1;
                true
            }
        }
    }

    fn end_of_line(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.line_bytes);
        let line = &self.line[..bytes.min(LINE_BYTES)];
        match self.state {
            Part::Head if bytes > 0 => {
                self.lines += 1;
                if let Some(value) = value_of(line, "content-length") {
                    // What is no number hyper refuses.
                    let length = std::str::from_utf8(value).ok();
                    self.length = length.and_then(|v| v.parse().ok()).unwrap_or(0);
                    self.has_length = true;
                    if bytes > LINE_BYTES {
                        return false;
                    }
                } else if value_of(line, "transfer-encoding").is_some() {
                    self.is_chunked = true;
                }
                !(self.is_chunked && self.has_length)
            }
            // Empty lines before a request are passed over (RFC 9112 §2.2).
            Part::Head if self.lines == 0 => true,
            Part::Head => {
                self.lines = 0;
                self.has_length = false;
                let length = std::mem::take(&mut self.length);
                self.state = match (std::mem::take(&mut self.is_chunked), length) {
                    (true, _) => Part::ChunkSize,
                    (false, 0) => Part::Head,
                    (false, length) => Part::Body(length),
                };
                true
            }
            Part::ChunkSize => {
                if bytes > LINE_BYTES && !line.contains(&b';') {
                    return false;
                }
                let size = line.split(|b| *b == b';').next().unwrap_or_default();
                let size = std::str::from_utf8(size).unwrap_or_default().trim();
                self.state = match u64::from_str_radix(size, 16) {
                    Ok(0) => Part::Trailer,
                    Ok(size) => Part::Chunk(size.saturating_add(2)),
                    Err(_) => Part::Lost,
                };
                true
            }
            Part::Trailer => {
                if bytes == 0 {
                    self.state = Part::Head;
                }
                true
            }
            Part::Body(_) | Part::Chunk(_) | Part::Lost => true,
        }
    }
}

/// The value of this header, if the line is one of it.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let at = line.iter().position(|b| *b == b':')?;
    line[..at]
        .eq_ignore_ascii_case(name.as_bytes())
        .then(|| line[at + 1..].trim_ascii())
}

/// Judges the head as parsed, and makes an absolute target the same as the usual form: its authority counts, not `Host` (RFC 9112 §3.2.2).
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<(), Problem> {
    let refused = |why: Said, found: String, wanted: &str| {
        Err(Problem::new(&kinds::FRAMING, why)
            .with("found", found)
            .with("wanted", wanted))
    };
    let headers = request.headers();
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && request.version() >= Version::HTTP_11 {
        return refused(
            said!(
                "请求须恰好有一个 Host 标头",
                "a request names its host exactly once"
            ),
            format!("{hosts} × Host"),
            "1 × Host",
        );
    }
    if let Some(host) = headers.get(HOST)
        && !is_host(host)
    {
        return refused(
            said!("Host 标头的值不是主机名", "the value of Host is no host"),
            shown(&String::from_utf8_lossy(host.as_bytes())),
            "name or address, and maybe a port",
        );
    }
    let codings = joined(headers, &TRANSFER_ENCODING);
    if !codings.is_empty()
        && (!codings.eq_ignore_ascii_case("chunked") || request.version() < Version::HTTP_11)
    {
        return refused(
            said!(
                "只接受一次且单独使用的 chunked 传输编码（HTTP/1.1）",
                "the transfer coding chunked is taken, once and alone, in HTTP/1.1"
            ),
            shown(&codings),
            "chunked",
        );
    }
    if *request.method() != Method::CONNECT
        && let Some(authority) = request.uri().authority().cloned()
    {
        let path = request.uri().path_and_query().cloned();
        let host = HeaderValue::from_str(authority.as_str());
        if let (Some(path), Ok(host)) = (path, host) {
            *request.uri_mut() = Uri::from(path);
            request.headers_mut().insert(HOST, host);
        }
    }
    Ok(())
}

/// uri-host and maybe a port (RFC 9112 §3.2), or nothing, for a target without an authority.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let authority = || text.parse::<Authority>().ok();
    text.is_empty()
        || !text.contains('@')
            && authority().is_some_and(|authority| {
                let port = text.strip_prefix(authority.host());
                port.is_some_and(|port| matches!(port, "" | ":") || authority.port_u16().is_some())
            })
}

fn shown(value: &str) -> String {
    value.chars().take(200).collect()
}

fn joined(headers: &HeaderMap, name: &hyper::header::HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    values.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the bytes are cut, the answer is the same.
    #[track_caller]
    fn raw(stream: &str, is_right: bool) {
        for step in [1, 2, 7, stream.len()] {
            let mut framing = Framing::new();
            let judged = stream
                .as_bytes()
                .chunks(step)
                .try_for_each(|bytes| framing.feed(bytes));
            assert_eq!(judged.is_ok(), is_right, "{stream:?} in steps of {step}");
        }
    }

    #[test]
    fn a_head_ends_its_lines_in_crlf_and_says_the_length_once() {
        raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n", true);
        raw("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", true);
        raw("GET / HTTP/1.1\nHost: x\n\n", false);
        raw("GET / HTTP/1.1\r\nHost: x\n\r\n", false);
        raw("GET / HTTP/1.1\r\nHost: x\r\n\n", false);
        raw("GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", false);
        let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        raw(&format!("POST / HTTP/1.1\r\nHost: x\r\n{both}"), false);
        let both = "transfer-encoding: chunked\r\ncontent-length:5\r\n\r\n0\r\n\r\n";
        raw(&format!("POST / HTTP/1.1\r\nHost: x\r\n{both}"), false);
        // Padded out of sight.
        for (name, value) in [(" ", 80), ("0", 80), ("0", 200)] {
            let length = format!("Content-Length: {}5\r\n", name.repeat(value));
            let both = format!("{length}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
            raw(&format!("POST / HTTP/1.1\r\nHost: x\r\n{both}"), false);
            let alone = format!("POST / HTTP/1.1\r\nHost: x\r\n{length}\r\nhello");
            raw(&alone, false);
        }
        let other = format!("X-Long: {}\r\n", "y".repeat(500));
        raw(&format!("GET / HTTP/1.1\r\n{other}Host: x\r\n\r\n"), true);
    }

    /// hyper would take it, and everything behind it on this connection would go unjudged.
    #[test]
    fn the_sizes_of_chunks_and_trailers_hide_nothing() {
        let post = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (body, is_right) in [
            ("0\r\nX: y\r\n\r\n".to_owned(), true),
            ("0\r\nX: y\nZ: w\r\n\r\n".to_owned(), false),
            ("0\r\nX: y\rZ: w\r\n\r\n".to_owned(), false),
            (format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100)), true),
            (format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(80)), false),
            (format!("5{}\r\nhello\r\n0\r\n\r\n", " ".repeat(80)), false),
            ("5\nhello\r\n0\r\n\r\n".to_owned(), false),
        ] {
            raw(&format!("{post}{body}"), is_right);
        }
    }

    #[test]
    fn a_head_is_waited_for_until_it_is_whole_or_is_none() {
        let head = "\r\nGET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";
        for (bytes, ends_at) in [
            (head.to_owned(), Some(head.len())),
            (format!("{head}abc"), Some(head.len())),
            (head[..head.len() - 1].to_owned(), None),
            ("GET / HTTP/1.1\r\nHost".to_owned(), None),
            ("\r\n\r\n".to_owned(), None),
            ("GET / HTTP/1.1\n".to_owned(), Some(15)),
            ("\x16\x03\x01".to_owned(), Some(1)),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0".to_owned(),
                Some(47),
            ),
        ] {
            let mut framing = Framing::new();
            let ended = (0..bytes.len()).find(|at| framing.ends_head(&bytes.as_bytes()[*at..=*at]));
            assert_eq!(ended.map(|at| at + 1), ends_at, "{bytes:?}");
            assert_eq!(
                Framing::new().ends_head(bytes.as_bytes()),
                ends_at.is_some()
            );
        }
    }

    #[test]
    fn a_body_is_passed_over_and_the_head_behind_it_is_judged() {
        for (length, body) in [
            ("Content-Length: 6", "a\nb\r\r\n"),
            (
                "Transfer-Encoding: chunked",
                "6\r\na\nb\r\r\n\r\n0\r\nT: 1\r\n\r\n",
            ),
            (
                "Transfer-Encoding: chunked",
                "3;x=y\r\na\nb\r\n3\r\n\r\r\n\r\n0\r\n\r\n",
            ),
            ("Content-Length: 0", ""),
        ] {
            let post = format!("POST / HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n{body}");
            raw(&post, true);
            raw(
                &format!("{post}{post}GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                true,
            );
            raw(&format!("{post}GET / HTTP/1.1\nHost: x\n\n"), false);
        }
        // What hyper refuses is left to it.
        raw(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\n",
            true,
        );
    }

    #[test]
    fn one_host_one_coding_and_the_authority_of_an_absolute_target() {
        #[track_caller]
        fn parsed(uri: &str, headers: &[(&str, &str)], want: Result<&str, u16>) {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let mut request = request.body(()).expect("a request");
            let judged = check(&mut request).map_err(|problem| problem.kind().status);
            let host = request.headers().get(HOST).map(|host| host.as_bytes());
            let shown = judged.map(|()| {
                let host = String::from_utf8_lossy(host.unwrap_or_default());
                format!("{host} {}", request.uri())
            });
            assert_eq!(
                shown.as_deref(),
                want.as_ref().copied(),
                "{uri} {headers:?}"
            );
        }
        parsed("/a?b", &[("host", "x")], Ok("x /a?b"));
        parsed("http://y/a?b", &[("host", "x")], Ok("y /a?b"));
        parsed("/", &[], Err(400));
        parsed("/", &[("host", "x"), ("host", "x")], Err(400));
        for host in [
            "",
            "x",
            "x:80",
            "x:",
            "[::1]:7878",
            "账本.example",
            "a_b.example",
        ] {
            let is_ascii = host.is_ascii();
            let want = format!("{host} /");
            let want = if is_ascii {
                Ok(want.as_str())
            } else {
                Err(400)
            };
            parsed("/", &[("host", host)], want);
        }
        for host in [
            "a b", "a/b", "u@a", "a, b", "a?b", "a#b", "a\\b", "x:y", "x:99999", "[::1", "http://x",
        ] {
            parsed("/", &[("host", host)], Err(400));
        }
        let host = ("host", "x");
        for (codings, want) in [
            (&["chunked"][..], Ok("x /")),
            (&["Chunked"], Ok("x /")),
            (&["chunked", "chunked"], Err(400)),
            (&["chunked, chunked"], Err(400)),
            (&["identity, chunked"], Err(400)),
            (&["gzip, chunked"], Err(400)),
            (&["identity"], Err(400)),
        ] {
            let headers: Vec<_> = [host]
                .into_iter()
                .chain(codings.iter().map(|c| ("transfer-encoding", *c)))
                .collect();
            parsed("/", &headers, want);
        }
    }
}
