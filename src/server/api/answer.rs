//! Answers in JSON, and the link to the next page of a list.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use crate::server::cache;

/// An answer that may be asked for again: with an entity tag.
pub(in crate::server) fn json(request: &HeaderMap, answer: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(answer).expect("strings and numbers are JSON");
    cache::mutable(request, "application/json", bytes)
}

/// Leads to the next page. `target` is a path of this server; the link is relative to the request's (RFC 8288 §3.1), so that it stays below a proxy's prefix.
pub(in crate::server) fn link_next(response: &mut Response, target: &str) {
    let path = target.split('?').next().unwrap_or_default();
    let from = path.rfind('/').map_or(0, |at| at + 1);
    let target = &target[from..];
    let link = format!("<{target}>; rel=\"next\"");
    response.headers_mut().insert(
        header::LINK,
        HeaderValue::from_str(&link).expect("admitted names and digits are visible ASCII"),
    );
}
