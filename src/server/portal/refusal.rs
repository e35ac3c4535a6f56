//! Problems as pages, for whoever asks with a browser. The same words as `application/problem+json`, which everybody else gets.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use super::dressed;
use super::quoted::Quoted;
use super::statics;
use super::words::{Words, lang_of, prefix, words};
use crate::lang::Lang;
use crate::server::cache;
use crate::server::problem::Problem;
use crate::server::request::RequestId;

/// A problem as a page; `None` if it cannot even be rendered.
pub(in crate::server) fn refusal(
    problem: &Problem,
    path: &str,
    language: Option<Lang>,
    request_id: &RequestId,
) -> Option<Response<Body>> {
    let is_page = !path.starts_with("/api/");
    let lang = match is_page {
        true => lang_of(path),
        false => language.unwrap_or_default(),
    };
    let kind = problem.kind();
    let page = RefusalPage {
        lang,
        w: words(lang),
        style: &statics::STYLE_PATH,
        status: kind.status,
        code: kind.code,
        title: lang.say(kind.title_zh, kind.title_en),
        detail: Quoted::short(problem.detail().in_(lang), 2_000),
        help: lang.say(kind.help_zh, kind.help_en),
        other: in_other_language(lang, if is_page { path } else { "/" }),
        request_id: request_id.as_str(),
    };
    let html = page.render().ok()?;
    let mut response = cache::answer("text/html; charset=utf-8", cache::NO_STORE, html.into());
    *response.status_mut() = StatusCode::from_u16(kind.status).ok()?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(lang.tag()),
    );
    headers.append(
        header::VARY,
        HeaderValue::from_static("accept, accept-language"),
    );
    Some(dressed(response))
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct RefusalPage<'a> {
    lang: Lang,
    w: &'static Words,
    style: &'static str,
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: Quoted,
    help: &'static str,
    /// The same path in the other language.
    other: String,
    request_id: &'a str,
}

impl RefusalPage<'_> {
    /// A path in this language.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", prefix(self.lang))
    }
}

/// A path that begins with two slashes would lead to another host.
fn in_other_language(lang: Lang, path: &str) -> String {
    let rest = path.strip_prefix(prefix(lang)).unwrap_or(path);
    let rest = if rest.starts_with('/') && !rest.starts_with("//") {
        rest
    } else {
        "/"
    };
    format!("{}{rest}", prefix(lang.other()))
}
