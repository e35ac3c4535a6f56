//! What is read of a request wherever it is answered: its id, its parameters, whether a page is wanted.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use serde::de::DeserializeOwned;

use super::problem::{Problem, kinds};

/// The header that carries the request id, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request in hand, for handlers that answer in pieces (a batch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's own id, if it is 8 to 64 of `[A-Za-z0-9._-]`, so that both logs can be matched; else a new random one.
    pub(super) fn of(headers: &HeaderMap) -> RequestId {
        let theirs = headers
            .get(X_REQUEST_ID)
            .and_then(|id| id.to_str().ok())
            .filter(|id| {
                (8..=64).contains(&id.len())
                    && id
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            });
        RequestId(theirs.map_or_else(
            || {
                format!(
                    "{:016x}",
                    getrandom::u64().expect("the kernel has randomness once it runs programs")
                )
            },
            str::to_owned,
        ))
    }
}

/// Extracts query parameters; an unknown name, a bad value, a name given twice are a 400 that says which.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(refused) => Err(Problem::new(
                &kinds::REQUEST_FORM,
                shorten(&refused.body_text()),
            )),
        }
    }
}

/// Whether the caller reads pages: browsers say so, programs do not.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accepted| accepted.contains("text/html"))
}

/// A caller's text in an answer of ours, at most 200 characters.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
