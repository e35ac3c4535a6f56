//! What every answer has in common: a request id, safe headers, problems in the caller's language, a panic as a 500, gzip.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{
    Extensions, HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header,
};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::Body as _;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use super::gate::Shared;
use super::problem::{Problem, kinds};
use super::relative::relative;
use super::request::{self, RequestId, X_REQUEST_ID, shorten, wants_page};
use super::room::Client;
use super::tally::{self, Refusal};
use crate::lang::{Lang, Said};
use crate::said;

/// Makes a problem into a page for whoever asks with a browser, given the request's path, language and id; `None` if it cannot be rendered.
pub type RefusalPage = fn(&Problem, &str, Option<Lang>, &RequestId) -> Option<Response<Body>>;

/// In which form whoever asks reads a refusal.
#[derive(Clone, Copy, Debug)]
enum Voice {
    /// A ledger's problems (RFC 9457), pages for browsers.
    Problems(RefusalPage),
    /// One line of plain text, as the handler wrote it: a witness is asked by programs of others, which show the body to their operators.
    PlainText,
}

/// Puts the common layers around `app`, whose unknown paths and methods become problems too; browsers get them as `page` renders them.
pub fn dress(app: Router, page: RefusalPage) -> Router {
    dressed(app, Voice::Problems(page))
}

/// The same for a service whose refusals are plain text (c2sp.org/tlog-witness): what a handler says stays as it is.
pub fn dress_in_plain_text(app: Router) -> Router {
    dressed(app, Voice::PlainText)
}

fn dressed(app: Router, voice: Voice) -> Router {
    app.fallback(|request: Request| async move {
        let path = shorten(request.uri().path());
        Problem::new(
            &kinds::NOT_FOUND,
            said!("{path} 处没有内容", "nothing is at {path}"),
        )
    })
    .method_not_allowed_fallback(|request: Request| async move {
        // HEAD is answered as GET is, with a content-length of the same words.
        let method = match *request.method() {
            Method::HEAD => &Method::GET,
            ref other => other,
        };
        let path = shorten(request.uri().path());
        Problem::new(
            &kinds::METHOD,
            said!("{path} 不接受 {method}", "{method} is not taken at {path}"),
        )
    })
    .layer(from_fn(move |request, next| finish(voice, request, next)))
}

/// Compresses answers that are text, and those marked [`Gzip`]. For read routes: an answer to a post is not worth the time.
pub fn gzip(app: Router) -> Router {
    let worth_it = SizeAbove::new(860).and(
        |_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions| {
            let content_type = headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            extensions.get::<Gzip>().is_some()
                || content_type.starts_with("text/")
                || content_type == "application/json"
        },
    );
    // Links are looked at while a page is still text.
    app.layer(from_fn(async |request: Request, next: Next| {
        let path = request.uri().path().to_owned();
        relative(next.run(request).await, &path).await
    }))
    .layer(
        CompressionLayer::new()
            .quality(CompressionLevel::Fastest)
            .compress_when(worth_it),
    )
    .layer(from_fn(async |request: Request, next: Next| {
        compressed_once(next.run(request).await).await
    }))
}

/// A text that is part of the program is compressed when it is first asked for, and kept: there are few of them, and anybody may ask for the
/// largest again and again.
async fn compressed_once(response: Response<Body>) -> Response<Body> {
    static KEPT: LazyLock<Mutex<HashMap<HeaderValue, Bytes>>> = LazyLock::new(Mutex::default);
    let headers = response.headers();
    let is_shared = response.extensions().get::<Shared>().is_some();
    let Some(tag) = headers.get(header::ETAG).cloned() else {
        return response;
    };
    if !is_shared || !headers.contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept().get(&tag).cloned();
    // The body compresses as it is read: one that is dropped costs nothing.
    let (parts, body) = response.into_parts();
    let bytes = match known {
        Some(bytes) => bytes,
        None => match to_bytes(body, usize::MAX).await {
            Ok(bytes) => kept().entry(tag).or_insert(bytes).clone(),
            Err(failure) => return Problem::internal(failure.to_string()).into_response(),
        },
    };
    Response::from_parts(parts, Body::from(bytes))
}

/// Marks an answer that gzip makes smaller although its type does not say so: an entry bundle. (A hash tile is all hashes.)
#[derive(Clone, Copy, Debug)]
pub struct Gzip;

/// The one function that every request goes in and out through.
async fn finish(voice: Voice, mut request: Request, next: Next) -> Response<Body> {
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    let language = request::language(request.headers());
    let wants_page = wants_page(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let readable = matches!(method, Method::GET | Method::HEAD);
    let client = Client::of(request.extensions());
    if method == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return preflight();
    }
    request.extensions_mut().insert(id.clone());

    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            axum::response::IntoResponse::into_response(Problem::internal(words_of(&*panic)))
        }
    };

    if response.status().is_client_error() || response.status().is_server_error() {
        response = match voice {
            Voice::Problems(_) => in_words(response, language, &id, &method),
            Voice::PlainText => in_plain_text(response, &method),
        };
        let problem = response.extensions().get::<Problem>().cloned();
        if let Some(problem) = problem.as_ref().filter(|problem| leaves_a_line(problem)) {
            tally::note(Refusal::Problem(problem.kind().code), client.address());
        }
        // Who asks with a browser reads a page; programs get the problem itself.
        if let Voice::Problems(page_of) = voice
            && wants_page
            && readable
            && let Some(problem) = problem
            && let Some(mut page) = page_of(&problem, &path, language, &id)
        {
            if method == Method::HEAD {
                strip(&mut page);
            }
            for name in [header::ALLOW, header::RETRY_AFTER] {
                if let Some(value) = response.headers().get(&name) {
                    page.headers_mut().insert(name, value.clone());
                }
            }
            page.extensions_mut().insert(problem);
            response = page;
        }
    }
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let cause = response
            .extensions()
            .get::<Problem>()
            .and_then(Problem::cause)
            .unwrap_or("no cause was given");
        tracing::error!(request_id = id.as_str(), %method, path, cause, "request failed");
    }
    tracing::debug!(request_id = id.as_str(), %method, path, status = response.status().as_u16(), ms = began.elapsed().as_millis(), "answered");

    // Of refusals, which are made here; every other page has been through it before it was compressed.
    response = relative(response, &path).await;
    let headers = response.headers_mut();
    headers.insert(
        X_REQUEST_ID,
        HeaderValue::from_str(id.as_str()).expect("RequestId::of() allows only visible ASCII"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    // Pages bring their own; everything else may not act as a page, whatever a browser takes it for.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        );
    }
    if readable {
        // Everything that may be read may be read by everyone, from any page: verifiers run in other people's.
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        );
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("etag, link, retry-after, x-request-id"),
        );
    }
    response
}

/// Whether our log should count it: what is not there, or not shown, is nobody's misdeed; our own failures have a line each.
fn leaves_a_line(problem: &Problem) -> bool {
    !matches!(problem.kind().status, 404 | 405 | 410 | 451 | 500)
}

/// An error in the caller's language, with the request id. One that did not come as a [`Problem`] (axum's own, in plain text) becomes one.
fn in_words(
    response: Response<Body>,
    language: Option<Lang>,
    id: &RequestId,
    method: &Method,
) -> Response<Body> {
    let status = response.status();
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None => {
            let plain = response
                .headers()
                .get(header::CONTENT_TYPE)
                .is_none_or(|t| t.as_bytes() == b"text/plain; charset=utf-8");
            let Some(kind) = kinds::ALL
                .iter()
                .copied()
                .find(|kind| plain && kind.status == status.as_u16())
            else {
                return response;
            };
            Problem::new(kind, Said::default())
        }
    };
    let mut rendered = problem.render(language, Some(id.as_str()));
    // What others have said about this answer stays true: Allow (with 405), Vary.
    for name in [header::ALLOW, header::VARY] {
        for value in response
            .headers()
            .get_all(&name)
            .iter()
            .filter(|value| rendered.headers().get_all(&name).iter().all(|v| v != value))
            .cloned()
            .collect::<Vec<_>>()
        {
            rendered.headers_mut().append(&name, value);
        }
    }
    rendered.extensions_mut().insert(problem);
    if *method == Method::HEAD {
        strip(&mut rendered);
    }
    rendered
}

/// What a handler wrote stays; a [`Problem`] (no such path, a body too long or too slow) becomes its one English sentence.
fn in_plain_text(response: Response<Body>, method: &Method) -> Response<Body> {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    for name in [
        header::CONTENT_LANGUAGE,
        header::CONTENT_LENGTH,
        header::VARY,
    ] {
        parts.headers.remove(name);
    }
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    let body = Body::from(format!("{}\n", problem.in_short()));
    let mut response = Response::from_parts(parts, body);
    if *method == Method::HEAD {
        strip(&mut response);
    }
    response
}

/// What HEAD gets: the headers of GET, its length among them (RFC 9110 §9.3.2), and no body.
fn strip(response: &mut Response<Body>) {
    if let Some(bytes) = response.body().size_hint().exact() {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    *response.body_mut() = Body::empty();
}

/// A browser asks before it sends our conditional or language headers from another site: yes for reading, no for anything else.
fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("if-none-match, x-request-id"),
    );
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("86400"),
    );
    response
}

/// What a panic said, for our log only.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a handler panicked: {}", words.unwrap_or("(not a text)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::extract::Path;
    use axum::routing::{get, post};
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt;

    use crate::server::body::Capped;
    use crate::server::cache;
    use crate::server::request::Params;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: Option<u8>,
    }

    fn app() -> Router {
        let reads = Router::new()
            .route(
                "/text",
                get(|headers: HeaderMap| async move {
                    cache::mutable(&headers, "text/plain; charset=utf-8", "明账\n".repeat(300))
                }),
            )
            .route("/short", get(|| async { "short" }))
            .route(
                "/ours",
                get(|headers: HeaderMap| async move {
                    static OURS: LazyLock<String> = LazyLock::new(|| "明账\n".repeat(30_000));
                    cache::shared(&headers, "text/plain; charset=utf-8", &OURS)
                }),
            )
            .route(
                "/tile",
                get(|| async {
                    cache::immutable("application/octet-stream", vec![7; 8192].into())
                }),
            )
            .route(
                "/bundle",
                get(|| async {
                    let mut response =
                        cache::immutable("application/octet-stream", vec![7; 8192].into());
                    response.extensions_mut().insert(Gzip);
                    response
                }),
            )
            .route(
                "/page",
                get(|Params(Page { limit }): Params<Page>| async move { format!("{limit:?}") }),
            )
            .route(
                "/number/{n}",
                get(|Path(n): Path<u8>| async move { n.to_string() }),
            )
            .route(
                "/panic",
                get(|| async {
                    if true {
                        panic!("the secret {}", 42)
                    }
                }),
            )
            .route(
                "/fails",
                get(|| async { Err::<(), _>(Problem::internal("the secret 42")) }),
            )
            .route(
                "/size",
                get(|| async {
                    (
                        StatusCode::CONFLICT,
                        [(header::CONTENT_TYPE, "text/x.tlog.size")],
                        "17\n",
                    )
                }),
            );
        let writes = Router::new().route(
            "/post",
            post(|Capped(body): Capped<10>| async move { body.len().to_string() }),
        );
        dress(gzip(reads).merge(writes), |_, _, _, _| None)
    }

    struct Answer {
        status: u16,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    impl Answer {
        fn header(&self, name: &str) -> &str {
            self.headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
        }

        fn json(&self) -> Value {
            serde_json::from_slice(&self.body).unwrap()
        }
    }

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = app()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    async fn get_(path: &str, headers: &[(&str, &str)]) -> Answer {
        ask("GET", path, headers, "").await
    }

    #[tokio::test]
    async fn every_error_is_a_problem_with_a_code_and_the_request_id() {
        async fn check(method: &str, path: &str, body: &'static str, status: u16, code: &str) {
            let answer = ask(
                method,
                path,
                &[("accept-language", "en"), ("x-request-id", "caller-0001")],
                body,
            )
            .await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(
                answer.header("content-type"),
                "application/problem+json",
                "{method} {path}"
            );
            assert_eq!(answer.header("content-language"), "en");
            let json = answer.json();
            assert_eq!(
                (json["code"].as_str(), json["status"].as_u64()),
                (Some(code), Some(status.into())),
                "{json}"
            );
            assert_eq!(json["request_id"], "caller-0001");
            assert_eq!(json["type"], format!("/problems/{code}"));
            assert_eq!(answer.header("x-request-id"), "caller-0001");
            assert!(!json.to_string().contains("secret"), "{json}");
        }
        check("GET", "/nowhere", "", 404, "not-found").await;
        check("DELETE", "/text", "", 405, "method-not-allowed").await;
        check("GET", "/post", "", 405, "method-not-allowed").await;
        check("POST", "/post", "12345678901", 413, "too-large").await;
        check("GET", "/page?limit=1000", "", 400, "request-form").await;
        check("GET", "/page?limit=1&limit=2", "", 400, "request-form").await;
        check("GET", "/page?limt=1", "", 400, "request-form").await;
        // axum's own plain-text refusal.
        check("GET", "/number/x", "", 400, "request-form").await;
        check("GET", "/panic", "", 500, "internal").await;
        check("GET", "/fails", "", 500, "internal").await;
    }

    #[tokio::test]
    async fn answers_that_are_no_errors_or_have_a_form_of_their_own_are_left_alone() {
        assert_eq!(get_("/page?limit=7", &[]).await.body, b"Some(7)");
        assert_eq!(get_("/number/7", &[]).await.body, b"7");
        assert_eq!(ask("POST", "/post", &[], "1234567890").await.body, b"10");
        // A witness's 409 (c2sp.org/tlog-witness) has the size as its body.
        let answer = get_("/size", &[]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (409, "text/x.tlog.size")
        );
        assert_eq!(answer.body, b"17\n");
    }

    #[tokio::test]
    async fn a_405_says_what_is_allowed_and_head_has_no_body() {
        assert_eq!(
            ask("DELETE", "/text", &[], "").await.header("allow"),
            "GET,HEAD"
        );
        let get = get_("/post", &[]).await;
        assert_eq!(get.header("allow"), "POST");
        let head = ask("HEAD", "/post", &[("x-request-id", "caller-0001")], "").await;
        let get = get_("/post", &[("x-request-id", "caller-0001")]).await;
        assert_eq!(head.header("content-length"), get.header("content-length"));
        let head = ask("HEAD", "/short", &[], "").await;
        assert_eq!(
            (head.status, head.body.len(), head.header("content-length")),
            (200, 0, "5")
        );
        let head = ask("HEAD", "/nowhere", &[], "").await;
        assert_eq!((head.status, head.body.len()), (404, 0));
    }

    #[tokio::test]
    async fn a_request_id_is_taken_over_only_if_it_is_harmless() {
        for id in [
            "short",
            "with space",
            "<script>alert(1)</script>",
            &"x".repeat(65),
        ] {
            let answer = get_("/short", &[("x-request-id", id)]).await;
            let made = answer.header("x-request-id");
            assert!(
                made != id && made.len() == 16 && made.bytes().all(|b| b.is_ascii_hexdigit()),
                "{made}"
            );
        }
        assert_eq!(
            get_("/short", &[("x-request-id", "abc.DEF_1-2")])
                .await
                .header("x-request-id"),
            "abc.DEF_1-2"
        );
        assert_ne!(
            get_("/short", &[]).await.header("x-request-id"),
            get_("/short", &[]).await.header("x-request-id")
        );
    }

    #[tokio::test]
    async fn text_and_marked_answers_are_compressed_once_and_tiles_never() {
        async fn check(path: &str, want: &str) {
            let answer = get_(path, &[("accept-encoding", "gzip")]).await;
            assert_eq!(answer.header("content-encoding"), want, "{path}");
            assert_eq!(get_(path, &[]).await.header("content-encoding"), "");
        }
        check("/text", "gzip").await;
        check("/bundle", "gzip").await;
        check("/tile", "").await;
        check("/short", "").await;
        // An error behind the compressing layer is rendered again: it must not still claim to be compressed.
        let answer = get_(
            &format!("/number/{}", "x".repeat(2000)),
            &[("accept-encoding", "gzip")],
        )
        .await;
        assert_eq!(
            (answer.status, answer.header("content-encoding")),
            (400, "")
        );
        assert_eq!(answer.json()["code"], "request-form");
    }

    /// Its length is known only where it was compressed before.
    #[tokio::test]
    async fn a_text_of_the_program_is_compressed_once_for_all() {
        let zipped = [("accept-encoding", "gzip")];
        let (first, again) = (get_("/ours", &zipped).await, get_("/ours", &zipped).await);
        for method in ["GET", "HEAD"] {
            let answer = ask(method, "/ours", &zipped, "").await;
            assert_eq!(answer.header("content-encoding"), "gzip");
            assert_eq!(answer.header("vary"), first.header("vary"));
        }
        assert!(!first.body.is_empty() && first.body.len() < 10_000);
        assert_eq!(first.body, again.body);
        let plain = get_("/ours", &[]).await;
        assert_eq!(plain.header("content-encoding"), "");
        assert_eq!(plain.body.len(), 210_000);
    }

    #[tokio::test]
    async fn an_unchanged_answer_is_not_sent_again() {
        let first = get_("/text", &[("accept-encoding", "gzip")]).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "no-cache");
        let again = get_("/text", &[("if-none-match", &tag)]).await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (304, 0, tag.as_str())
        );
        assert_eq!(
            get_("/tile", &[]).await.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
    }

    #[tokio::test]
    async fn only_these_headers_leave_the_server() {
        const ALLOWED: [&str; 16] = [
            "access-control-allow-origin",
            "access-control-expose-headers",
            "allow",
            "cache-control",
            "content-encoding",
            "content-language",
            "content-length",
            "content-security-policy",
            "content-type",
            "etag",
            "link",
            "referrer-policy",
            "retry-after",
            "vary",
            "x-content-type-options",
            "x-request-id",
        ];
        for (method, path) in [
            ("GET", "/text"),
            ("GET", "/bundle"),
            ("GET", "/nowhere"),
            ("DELETE", "/text"),
            ("POST", "/post"),
            ("GET", "/panic"),
        ] {
            let answer = ask(method, path, &[("accept-encoding", "gzip")], "").await;
            for name in answer.headers.keys() {
                assert!(ALLOWED.contains(&name.as_str()), "{method} {path}: {name}");
            }
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(
                answer
                    .header("content-security-policy")
                    .starts_with("default-src 'none'")
            );
            let cors = if method == "GET" { "*" } else { "" };
            assert_eq!(
                answer.header("access-control-allow-origin"),
                cors,
                "{method} {path}"
            );
        }
    }

    #[tokio::test]
    async fn other_sites_may_ask_to_read_and_not_to_write() {
        let asked = [
            ("origin", "https://example.org"),
            ("access-control-request-method", "GET"),
        ];
        let answer = ask("OPTIONS", "/text", &asked, "").await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-methods")),
            (204, "GET, HEAD")
        );
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(ask("OPTIONS", "/text", &[], "").await.status, 405);
    }
}
