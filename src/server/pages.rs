//! The few pages of a read-only copy ([`super::replica`]), which has no ledger behind it and so no portal: a frame, and the help page of each
//! problem in both languages.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::cache;
use super::problem::{self, Problem, escape, kinds};
use crate::said;

const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(super) const STYLE: &str = "\
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #1a1a1a; }
[lang=en] { color: #555; }
code, pre { font-size: .9em; overflow-wrap: anywhere; }
pre { background: #f4f4f2; padding: .75rem; white-space: pre-wrap; }
table { border-collapse: collapse; }
td { border-top: 1px solid #ddd; padding: .3rem .75rem .3rem 0; vertical-align: top; }
";

pub(super) async fn all_problems(request: HeaderMap) -> Response {
    page(&request, "错误代码 problems", &problem::page(None))
}

pub(super) async fn one_problem(
    Path(code): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let kind = problem::find(&code).ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            said!("没有这个错误代码", "no problem has this code"),
        )
    })?;
    Ok(page(&request, kind.title_zh, &problem::page(Some(kind))))
}

pub(super) fn page(request: &HeaderMap, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n{body}</html>\n"
    );
    let mut response = cache::mutable(request, "text/html; charset=utf-8", html);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, CSP);
    response
}
