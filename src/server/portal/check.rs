//! The page on which somebody checks a document or a receipt that he holds. What is computed is computed by `js/check.js`, in his browser.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Page, base_url, shown, verifier};
use crate::server::Api;
use crate::server::problem::Problem;

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    p: Page,
    base: String,
    verifier_sha256: String,
}

/// `/check`.
pub(super) async fn check(
    State(api): State<Api>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let page = CheckPage {
        p: Page::new(&api, &uri, "check"),
        base: base_url(&request),
        verifier_sha256: verifier::verifier_sha256(),
    };
    shown(&request, &page)
}
