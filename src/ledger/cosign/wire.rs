//! The one door to witnesses (c2sp.org/tlog-witness@v1.0.0, as its client): one `add-checkpoint`, and the look at what a witness has.
//!
//! Every call has a time limit and a maximum answer. Believes nothing of what comes back.

use std::time::Duration;

use super::gather::Answer;
use crate::store::{Http, HttpError};
use crate::tlog::merkle::Hash;
use crate::tlog::note::parse_signatures;
use crate::tlog::witness::{AddCheckpoint, parse_size};

/// A witness that has not answered after this long is not waited for.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(10);
/// Lines of a few keys, of the largest kind.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// Of what a witness says in refusing, so much is kept.
const SAID_CHARS_MAX: usize = 200;

/// Talks to the witness whose submission prefix is `url`.
///
/// # Errors
/// [`HttpError::Url`].
pub(super) fn door(url: &str) -> Result<Http, HttpError> {
    Http::with_time_limit(url, CALL_TIME_MAX)
}

/// Sends one request.
pub(super) async fn add_checkpoint(http: &Http, request: &AddCheckpoint) -> Answer {
    let (http, body) = (http.clone(), request.encode());
    let called = tokio::task::spawn_blocking(move || {
        let headers = [("content-type", "text/plain; charset=utf-8")];
        http.call(
            "POST",
            "add-checkpoint",
            &headers,
            Some(body.as_bytes()),
            ANSWER_BYTES_MAX,
        )
    });
    let answer = match called.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => return Answer::Failed(shorten(&crate::chain_of(&failure))),
        Err(panic) => return Answer::Failed(shorten(&panic.to_string())),
    };
    let said = || shorten(&String::from_utf8_lossy(&answer.body));
    match answer.status {
        200 => match parse_signatures(&answer.body) {
            Ok(lines) => Answer::Signed(lines),
            Err(error) => Answer::Refused {
                status: 200,
                said: shorten(&error.to_string()),
            },
        },
        409 => match parse_size(&answer.body) {
            Some(size) => Answer::Size(size),
            None => Answer::Refused {
                status: 409,
                said: said(),
            },
        },
        status => Answer::Refused {
            status,
            said: said(),
        },
    }
}

/// The checkpoint that the witness shows for this log; `None` if it shows none (not every witness does) or does not answer.
pub(super) async fn seen(http: &Http, origin: &str) -> Option<Vec<u8>> {
    let name = format!("{}/checkpoint", Hash::sha256(origin.as_bytes()));
    let read = http.read(&name, ANSWER_BYTES_MAX).await;
    read.ok().flatten().map(|bytes| bytes.to_vec())
}

fn shorten(text: &str) -> String {
    let line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SAID_CHARS_MAX)
        .collect();
    line
}
