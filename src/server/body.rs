//! Request bodies with a limit before memory is taken for them (promise 6), and the lines of a stream.
//!
//! Compressed requests are refused: a kilobyte on the wire could become a gigabyte here.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::pace::BodyTooSlow;
use super::problem::{Problem, kinds};
use super::room::{Client, Full, Guest, Room, Share};
use crate::lang::Bilingual;
use crate::said;

/// Extracts a whole request body of at most `MAX` bytes.
///
/// ```
/// use axum::{Router, routing::post};
/// use mingzhang::server::body::Capped;
///
/// let app: Router = Router::new().route("/", post(|Capped(body): Capped<40_000>| async move { body.len().to_string() }));
/// ```
#[derive(Debug)]
pub struct Capped<const MAX: usize>(pub Bytes);

impl<S: Sync, const MAX: usize> FromRequest<S> for Capped<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let room = parts.extensions.get::<Bodies>();
        let guest = room.map(|Bodies(room)| room.guest(Client::of(&parts.extensions)));
        read(&parts.headers, body, MAX, guest.as_ref())
            .await
            .map(Capped)
    }
}

/// The room of all request bodies, in the extensions of a request.
#[derive(Clone, Debug)]
pub(super) struct Bodies(pub Arc<Room>);

/// Bytes of one request body that need no room: most statements.
const FREE_BYTES: usize = 8 << 10;

/// There is no memory for a body.
pub(super) fn no_room(_: Full) -> Problem {
    Problem::new(
        &kinds::BUSY,
        said!(
            "正在接收的请求正文已占满内存",
            "as much memory is taken by request bodies as may"
        ),
    )
    .retry_after(1)
}

/// Reads a body of at most `bytes_max` bytes; a declared length above that is refused before a byte is read. What is more than
/// a few kilobytes takes room of `guest`, and holds it as long as anybody holds the bytes.
///
/// # Errors
/// 413, 415, 408, 503 or 400, as a [`Problem`].
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    bytes_max: usize,
    guest: Option<&Arc<Guest>>,
) -> Result<Bytes, Problem> {
    refuse_encoded(headers)?;
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    let hint = body.size_hint();
    let expected = usize::try_from(hint.upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let share = match guest {
        Some(guest) if expected > FREE_BYTES => {
            let taken = guest.take(expected.min(bytes_max)).await;
            Some(taken.map_err(no_room)?)
        }
        _ => None,
    };
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(unreadable)?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        // Nearly every body is one frame, and is then not copied.
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(match share {
        Some(mut share) => {
            share.shrink_to(bytes.len());
            share.with(bytes)
        }
        None => bytes,
    })
}

/// The lines of a streamed body, each of at most `line_bytes_max` bytes without its LF. The last one need not end in LF.
#[derive(Debug)]
pub struct Lines {
    body: Body,
    /// Bytes received and not yet handed out.
    held: BytesMut,
    /// Of these, how many are known to hold no LF.
    searched: usize,
    ended: bool,
    line_bytes_max: usize,
    guest: Option<Arc<Guest>>,
    share: Option<Share>,
}

/// Bytes of an unfinished line that need no room.
const FREE_LINE_BYTES: usize = 64 << 10;

impl Lines {
    /// Reads `body` line by line.
    ///
    /// # Errors
    /// 415 if it is compressed.
    pub fn new(headers: &HeaderMap, body: Body, line_bytes_max: usize) -> Result<Lines, Problem> {
        refuse_encoded(headers)?;
        Ok(Lines {
            body,
            held: BytesMut::new(),
            searched: 0,
            ended: false,
            line_bytes_max,
            guest: None,
            share: None,
        })
    }

    /// The same, where a line that is long takes room.
    pub(super) fn within(self, guest: Arc<Guest>) -> Lines {
        Lines {
            guest: Some(guest),
            ..self
        }
    }

    /// The next line without its LF, or `None` after the last.
    ///
    /// # Errors
    /// 413 for a longer line, 408 or 400 if the body breaks off; nothing can be read after that.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if let Some(line) = self.held_line()? {
                return Ok(Some(line));
            }
            if self.ended {
                self.searched = 0;
                return Ok((!self.held.is_empty()).then(|| self.held.split().freeze()));
            }
            if self.held.len() > FREE_LINE_BYTES
                && self.share.is_none()
                && let Some(guest) = &self.guest
            {
                let taken = guest.take(self.line_bytes_max).await;
                self.share = Some(taken.map_err(no_room)?);
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame.map_err(unreadable)?.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
                None => self.ended = true,
            }
        }
    }

    /// A line that has come whole already, without waiting for more.
    ///
    /// # Errors
    /// 413 as [`Lines::next`].
    pub fn held_line(&mut self) -> Result<Option<Bytes>, Problem> {
        let found = self.held[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| self.searched + at);
        let length = found.unwrap_or(self.held.len());
        if length > self.line_bytes_max {
            return Err(too_large(self.line_bytes_max));
        }
        let Some(at) = found else {
            self.searched = self.held.len();
            return Ok(None);
        };
        self.searched = 0;
        let mut line = self.held.split_to(at + 1);
        line.truncate(at);
        let line = line.freeze();
        Ok(Some(match self.share.take() {
            Some(share) => share.with(line),
            None => line,
        }))
    }
}

/// Compressed bodies are not taken.
pub(super) fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        None => Ok(()),
        Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(()),
        Some(encoding) => {
            let found = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
            Err(Problem::new(
                &kinds::MEDIA_TYPE,
                said!(
                    "请求正文不得压缩",
                    "request bodies are not taken compressed"
                ),
            )
            .with("found", found)
            .with("wanted", "identity"))
        }
    }
}

/// A refusal that names the limit.
pub(super) fn too_large(
    bytes_max: impl Into<serde_json::Value> + std::fmt::Display + Copy,
) -> Problem {
    Problem::new(
        &kinds::TOO_LARGE,
        said!(
            "此处最多接受 {bytes_max} 字节",
            "at most {bytes_max} bytes are taken here"
        ),
    )
    .with("limit", bytes_max)
}

/// A body that breaks off: too slow, or the peer is gone or speaks bad HTTP.
pub(super) fn unreadable(error: axum::Error) -> Problem {
    let inner = error.into_inner();
    match inner.downcast_ref::<BodyTooSlow>() {
        Some(slow) => Problem::new(&kinds::BODY_SLOW, slow.said())
            .with("wanted_bytes_per_s", slow.bytes_per_s),
        None => Problem::new(
            &kinds::BODY_FORM,
            said!("请求正文中断", "the body broke off").because(&inner.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn in_frames(frames: &[&'static str]) -> Body {
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| Ok::<_, std::io::Error>(Bytes::from_static(frame.as_bytes())))
            .collect();
        Body::from_stream(stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_beyond() {
        async fn check(frames: &[&'static str], want: Result<&str, &str>) {
            let found = read(&HeaderMap::new(), in_frames(frames), 5, None).await;
            let found = found
                .as_ref()
                .map(|bytes| std::str::from_utf8(bytes).unwrap())
                .map_err(|problem| problem.kind().code);
            assert_eq!(found, want, "{frames:?}");
        }
        check(&[], Ok("")).await;
        check(&["", ""], Ok("")).await;
        check(&["12345"], Ok("12345")).await;
        check(&["12", "", "345"], Ok("12345")).await;
        check(&["1", "2", "3", "4", "5"], Ok("12345")).await;
        check(&["123456"], Err("too-large")).await;
        check(&["12345", "6"], Err("too-large")).await;
        check(&["1", "2345", "6"], Err("too-large")).await;
    }

    #[tokio::test]
    async fn a_declared_length_above_the_limit_is_refused_unread() {
        struct Declared;
        impl http_body::Body for Declared {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                panic!("must not be read");
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(6)
            }
        }
        let refused = read(&HeaderMap::new(), Body::new(Declared), 5, None)
            .await
            .unwrap_err();
        assert_eq!(refused.kind().code, "too-large");
    }

    #[tokio::test]
    async fn a_compressed_or_broken_body_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(
            read(&headers, Body::empty(), 5, None)
                .await
                .unwrap_err()
                .kind()
                .code,
            "media-type"
        );
        assert_eq!(
            Lines::new(&headers, Body::empty(), 5)
                .unwrap_err()
                .kind()
                .code,
            "media-type"
        );
        headers.insert(header::CONTENT_ENCODING, "identity".parse().unwrap());
        assert!(read(&headers, Body::empty(), 5, None).await.is_ok());

        let broken = || {
            Body::from_stream(stream::iter([
                Ok(Bytes::from_static(b"1\n2")),
                Err(std::io::Error::other("gone")),
            ]))
        };
        assert_eq!(
            read(&HeaderMap::new(), broken(), 5, None)
                .await
                .unwrap_err()
                .kind()
                .code,
            "body-form"
        );
        let mut lines = Lines::new(&HeaderMap::new(), broken(), 5).unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "1");
        assert_eq!(lines.next().await.unwrap_err().kind().code, "body-form");
    }

    #[tokio::test]
    async fn lines_are_the_same_however_the_bytes_arrive() {
        async fn check(frames: &[&'static str], want: &[&str]) {
            let mut lines = Lines::new(&HeaderMap::new(), in_frames(frames), 3).unwrap();
            let mut found = Vec::new();
            loop {
                match lines.next().await {
                    Ok(Some(line)) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                    Ok(None) => break,
                    Err(problem) => {
                        found.push(problem.kind().code.to_owned());
                        break;
                    }
                }
            }
            assert_eq!(found, want, "{frames:?}");
        }
        check(&[], &[]).await;
        check(&["ab\ncd\n"], &["ab", "cd"]).await;
        check(&["a", "b\nc", "d"], &["ab", "cd"]).await;
        check(&["ab", "\n", "", "\n", "abc"], &["ab", "", "abc"]).await;
        check(&["abc\nabcd\n"], &["abc", "too-large"]).await;
        check(&["ab", "cd"], &["too-large"]).await;
    }
}
