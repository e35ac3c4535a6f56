//! How long an answer may be kept: for ever, or until asked again.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::gate::Shared;

/// For objects whose name says what they are: full and partial tiles, kept checkpoints, documents by digest.
pub const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For what may be different the next time; it may be kept, but not used without asking.
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// For what must leave no trace in a cache, as it may have to be forgotten: openings.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The entity tag of these bytes. Weak (RFC 9110 §8.8.1), as the same bytes may go out compressed or not.
pub fn etag(bytes: &[u8]) -> HeaderValue {
    let digest = hex::encode(&Sha256::digest(bytes)[..16]);
    HeaderValue::from_str(&format!("W/\"{digest}\"")).expect("hex in quotes")
}

/// An object that never changes.
pub fn immutable(content_type: &'static str, bytes: Bytes) -> Response<Body> {
    answer(content_type, IMMUTABLE, Body::from(bytes))
}

/// Something that may change: with an [`etag`], or 304 if `request` shows that the caller has it.
pub fn mutable(
    request: &HeaderMap,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let bytes = bytes.into();
    let tag = etag(&bytes);
    tagged(request, content_type, bytes, tag)
}

fn tagged(
    request: &HeaderMap,
    content_type: &'static str,
    bytes: Bytes,
    tag: HeaderValue,
) -> Response<Body> {
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|tags| matches(tags, &tag));
    let mut response = answer(
        content_type,
        NO_CACHE,
        if known {
            Body::empty()
        } else {
            Body::from(bytes)
        },
    );
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// As [`mutable`], of a text that is part of the program: its tag is computed once, and no answer has bytes of its own.
pub(super) fn shared(
    request: &HeaderMap,
    content_type: &'static str,
    text: &'static str,
) -> Response<Body> {
    static TAGS: LazyLock<Mutex<HashMap<usize, HeaderValue>>> = LazyLock::new(Mutex::default);
    let tag = {
        let mut tags = TAGS.lock().unwrap_or_else(PoisonError::into_inner);
        let tag = tags
            .entry(text.as_ptr().addr())
            .or_insert_with(|| etag(text.as_bytes()));
        tag.clone()
    };
    let mut response = tagged(request, content_type, text.into(), tag);
    response.extensions_mut().insert(Shared);
    response
}

/// A 200 with these headers.
pub(super) fn answer(
    content_type: &'static str,
    cache_control: HeaderValue,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, cache_control);
    response
}

/// Weak comparison of `If-None-Match` with one tag (RFC 9110 §13.1.2). Our tags have no comma inside.
fn matches(tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(tags), Ok(tag)) = (tags.to_str(), tag.to_str()) else {
        return false;
    };
    tags.split(',')
        .any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        #[track_caller]
        fn check(if_none_match: &str, want: StatusCode) {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, if_none_match.parse().unwrap());
            let response = mutable(&request, "text/plain", "a");
            assert_eq!(response.status(), want, "{if_none_match}");
            assert_eq!(response.headers()[header::ETAG], etag(b"a"));
        }
        let tag = etag(b"a").to_str().unwrap().to_owned();
        check(&tag, StatusCode::NOT_MODIFIED);
        check(tag.trim_start_matches("W/"), StatusCode::NOT_MODIFIED);
        check(&format!("\"x\", {tag}"), StatusCode::NOT_MODIFIED);
        check("*", StatusCode::NOT_MODIFIED);
        check("\"x\"", StatusCode::OK);
        check(&tag[..10], StatusCode::OK);
        check(etag(b"b").to_str().unwrap(), StatusCode::OK);
    }
}
