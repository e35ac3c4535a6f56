//! The little of HTTP/1.1 that the generator must read: status, then a body by length or in chunks. A fast reader keeps the generator's own
//! share of the processor small. Reads our own server only, so what it does not know it refuses.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Lines of a head, or of what follows the last chunk.
const LINES_MAX: usize = 64;
/// Bytes of one such line.
const LINE_BYTES_MAX: u64 = 8 << 10;
/// Bytes of a body: the receipts of one window of a batch are some 15 MB.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The connection failed or ended too early.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// A line is not what must stand there.
    #[error("found {found:?}, wanted {wanted}")]
    Line {
        /// The line.
        found: String,
        /// What must stand there.
        wanted: &'static str,
    },
    /// The head has more than [`LINES_MAX`] lines.
    #[error("a head of more than {LINES_MAX} lines")]
    Lines,
    /// The body is larger than any of ours.
    #[error("a body of {found} bytes, at most {BODY_BYTES_MAX} were expected")]
    TooLarge {
        /// At least.
        found: usize,
    },
}

/// Reads one answer, its body into `body`, and returns the status.
pub(crate) async fn read_answer(
    reader: &mut (impl AsyncBufRead + Unpin),
    body: &mut Vec<u8>,
) -> Result<u16, AnswerError> {
    body.clear();
    let mut line = Vec::new();
    read_line(reader, &mut line).await?;
    let status = std::str::from_utf8(&line)
        .ok()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .ok_or_else(|| unwanted(&line, "HTTP/1.1 and a status"))?;
    let (mut length, mut chunked) = (None, false);
    for _ in 0..LINES_MAX {
        read_line(reader, &mut line).await?;
        if line.is_empty() {
            return match (length, chunked) {
                (None, true) => read_chunks(reader, body).await.map(|()| status),
                (Some(length), false) => read_exactly(reader, body, length).await.map(|()| status),
                (None, false) if status == 204 || status == 304 => Ok(status),
                (Some(_), true) | (None, false) => Err(unwanted(
                    b"",
                    "content-length or transfer-encoding: chunked",
                )),
            };
        }
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or_else(|| unwanted(&line, "a header"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse().ok());
            length = Some(value.ok_or_else(|| unwanted(&line, "a number of bytes"))?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = value.eq_ignore_ascii_case(b"chunked");
        }
    }
    Err(AnswerError::Lines)
}

async fn read_chunks(
    reader: &mut (impl AsyncBufRead + Unpin),
    body: &mut Vec<u8>,
) -> Result<(), AnswerError> {
    let mut line = Vec::new();
    loop {
        read_line(reader, &mut line).await?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
            .ok_or_else(|| unwanted(&line, "the length of a chunk"))?;
        if length == 0 {
            break;
        }
        read_exactly(reader, body, length).await?;
        read_line(reader, &mut line).await?;
        if !line.is_empty() {
            return Err(unwanted(&line, "the end of a chunk"));
        }
    }
    for _ in 0..LINES_MAX {
        read_line(reader, &mut line).await?;
        if line.is_empty() {
            return Ok(());
        }
    }
    Err(AnswerError::Lines)
}

async fn read_exactly(
    reader: &mut (impl AsyncBufRead + Unpin),
    body: &mut Vec<u8>,
    length: usize,
) -> Result<(), AnswerError> {
    let (start, end) = (body.len(), body.len().saturating_add(length));
    if end > BODY_BYTES_MAX {
        return Err(AnswerError::TooLarge { found: end });
    }
    body.resize(end, 0);
    reader.read_exact(&mut body[start..]).await?;
    Ok(())
}

/// A line without its end.
async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> Result<(), AnswerError> {
    line.clear();
    (&mut *reader)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', line)
        .await?;
    match line.strip_suffix(b"\r\n").map(<[u8]>::len) {
        Some(length) => {
            line.truncate(length);
            Ok(())
        }
        None if line.is_empty() => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        None => Err(unwanted(line, "a line ended by CR LF")),
    }
}

fn unwanted(line: &[u8], wanted: &'static str) -> AnswerError {
    let found = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    AnswerError::Line { found, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &str) -> Result<(u16, String, usize), AnswerError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut rest, mut body) = (bytes.as_bytes(), b"of before".to_vec());
            let status = read_answer(&mut rest, &mut body).await?;
            Ok((status, String::from_utf8(body).unwrap(), rest.len()))
        })
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        #[track_caller]
        fn check(bytes: &str, status: u16, body: &str, rest: usize) {
            assert_eq!(
                read(bytes).unwrap(),
                (status, body.to_owned(), rest),
                "{bytes}"
            );
        }
        check(
            "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabcHTTP",
            201,
            "abc",
            4,
        );
        check("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, "", 0);
        check("HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n", 204, "", 0);
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nnext",
            200,
            "abc0123456789",
            4,
        );
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nt: u\r\n\r\n",
            200,
            "",
            0,
        );
    }

    #[test]
    fn what_is_no_whole_answer_is_refused() {
        for bytes in [
            "",
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 2\r\n\r\n",
            "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        ] {
            assert!(read(bytes).is_err(), "{bytes}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(100));
        assert!(matches!(read(&endless), Err(AnswerError::Lines)));
    }
}
