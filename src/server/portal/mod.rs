//! The portal: what citizens, bidders and auditors see. Rendered here, readable without scripts; what verifies runs in the reader's
//! own browser, from `js/`.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `entry` | one record, and why one is not shown |
//! | `home`, `find` | the front page, searching |
//! | `project`, `parties` | a project on one page |
//! | `whole` | a project as one download |
//! | `feed` | the same as an Atom feed |
//! | `filters`, `list` | the form, and rows of notices |
//! | `ledger`, `charts` | checkpoint, witnesses, keys, timeliness |
//! | `negative` | what is withheld |
//! | `health` | how the ledger is |
//! | `check` | the page on which a document or receipt is checked |
//! | `data` | entry points for programs, help for problems |
//! | `refusal` | problems as pages |
//! | `view` | a statement as labelled rows and tables |
//! | `names` | ids as people know them |
//! | `quoted` | text of others, shown so that it can do nothing |
//! | `words` | every fixed sentence, in both languages |
//! | `statics` | style, scripts, marks |
//! | `verifier` | `verify.html`, the checking page as one file |
//!
//! Promises: no inline script or style, nothing loaded from elsewhere, a Content-Security-Policy without `unsafe-*`; the same pages at `/` in
//! Chinese and at `/en/` in English; only what [`Ledger::showing`](crate::ledger::Ledger::showing) lets be shown.
//! Decides nothing: what it shows can be checked beside it.

mod charts;
mod check;
mod data;
mod entry;
mod feed;
mod filters;
mod find;
mod health;
mod home;
mod ledger;
mod list;
mod names;
mod negative;
mod parties;
mod project;
mod quoted;
mod refusal;
mod statics;
mod verifier;
mod view;
mod whole;
mod words;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::get;

use super::Api;
use super::cache;
use super::problem::Problem;
use super::relative::Rooted;
use crate::tlog::policy::Policy;

use crate::lang::Lang;
pub(super) use home::FiguresMemory;
pub(super) use refusal::refusal;
pub use verifier::PAGE as VERIFIER_PAGE;
use words::{Words, lang_of, prefix, words};

/// Of every page and every script: a worker obeys the policy of the script that it was started from.
pub(super) const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Pages that cost next to nothing, and what pages refer to.
pub(super) fn routes() -> Router<Api> {
    let router = Router::new()
        .route("/portal/{name}", get(statics::style))
        .route("/portal/js/{name}", get(statics::module))
        .route("/verify.html", get(verifier::verifier))
        .route("/favicon.svg", get(statics::favicon))
        .route("/favicon.ico", get(statics::favicon))
        .route("/robots.txt", get(statics::robots))
        .route("/project-files/{*path}", get(whole::whole))
        .route("/policy", get(policy_file));
    in_both(router, |router, at| {
        router
            .route(&at("/check"), get(check::check))
            .route(&at("/data"), get(data::data))
            .route(&at("/problems"), get(data::problems))
            .route(&at("/problems/{code}"), get(data::problem))
    })
}

/// Pages that read a few records.
pub(super) fn moderate() -> Router<Api> {
    in_both(Router::new(), |router, at| {
        router
            .route(&at("/"), get(home::home))
            .route(&at("/ledger"), get(ledger::ledger))
    })
}

/// Pages that read many records, search, or judge.
pub(super) fn expensive() -> Router<Api> {
    in_both(Router::new(), |router, at| {
        router
            .route(&at("/search"), get(find::search))
            .route(&at("/entries/{index}"), get(entry::entry))
            .route(&at("/projects/{*path}"), get(project::project))
            .route(&at("/withheld"), get(negative::withheld))
            .route(&at("/feed.atom"), get(feed::feed))
    })
}

/// The same routes for both languages.
fn in_both(
    router: Router<Api>,
    routes: impl Fn(Router<Api>, &dyn Fn(&str) -> String) -> Router<Api>,
) -> Router<Api> {
    [Lang::Zh, Lang::En]
        .into_iter()
        .fold(router, |router, lang| {
            routes(router, &|path| format!("{}{path}", prefix(lang)))
        })
}

/// What every page has: its language, its words, its address.
#[derive(Debug)]
struct Page {
    lang: Lang,
    w: &'static Words,
    origin: String,
    /// Path and query without the language, for the link to the other one.
    here: String,
    style: &'static str,
    /// Which entry of the navigation it is under.
    place: &'static str,
}

impl Page {
    fn new(api: &Api, uri: &Uri, place: &'static str) -> Page {
        let lang = lang_of(uri.path());
        let here = uri.path_and_query().map_or("/", |whole| whole.as_str());
        let here = here.strip_prefix(prefix(lang)).unwrap_or(here);
        Page {
            lang,
            w: words(lang),
            origin: api.ledger.origin().to_owned(),
            here: if here.is_empty() { "/" } else { here }.to_owned(),
            style: &statics::STYLE_PATH,
            place,
        }
    }

    /// A path in this language.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", prefix(self.lang))
    }

    /// The page of a record.
    fn entry(&self, index: &u64) -> String {
        self.at(&format!("/entries/{index}"))
    }

    /// The same page in the other language.
    fn other(&self) -> String {
        match self.lang {
            Lang::Zh => format!("/en{}", self.here),
            Lang::En => self.here.clone(),
        }
    }

    fn other_tag(&self) -> &'static str {
        self.lang.other().tag()
    }

    /// A sentence with its one gap filled by a number.
    fn fill(&self, sentence: &str, n: &u64) -> String {
        sentence.replacen("{}", &n.to_string(), 1)
    }

    /// The same with a count.
    fn fill_usize(&self, sentence: &str, n: &usize) -> String {
        sentence.replacen("{}", &n.to_string(), 1)
    }

    /// `aria-current` of a link of the navigation.
    fn current(&self, place: &str) -> &'static str {
        if place == self.place { "page" } else { "false" }
    }
}

/// A page, or 304 if the reader has it.
fn shown(request: &HeaderMap, page: &impl Template) -> Result<Response<Body>, Problem> {
    let html = page
        .render()
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(dressed(cache::mutable(
        request,
        "text/html; charset=utf-8",
        html,
    )))
}

/// A page with a status that no cache keeps.
fn shown_as(status: StatusCode, page: &impl Template) -> Result<Response<Body>, Problem> {
    let html = page
        .render()
        .map_err(|error| Problem::internal(error.to_string()))?;
    let mut response = cache::answer("text/html; charset=utf-8", cache::NO_STORE, html.into());
    *response.status_mut() = status;
    Ok(dressed(response))
}

fn dressed(mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Rooted);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, CSP);
    response
}

/// `/policy`: whom a verifier of this ledger trusts. To be compared with one that was got by another way.
async fn policy_file(State(api): State<Api>, request: HeaderMap) -> Response<Body> {
    cache::mutable(&request, "text/plain; charset=utf-8", policy(&api).encode())
}

/// The ledger's policy: the log's keys and the genesis, without a quorum if none was configured.
fn policy(api: &Api) -> Policy {
    let keys = api.ledger.keys();
    if let Some(given) = api.ledger.policy() {
        // Verifiers of ours want the genesis pinned.
        return match given.genesis() {
            Some(_) => given,
            None => given.with_genesis(keys.genesis_id()),
        };
    }
    let logs: String = keys
        .log_vkeys()
        .map(|vkey| format!("log {vkey}\n"))
        .collect();
    let text = format!(
        "# mingzhang genesis {}\n{logs}quorum none\n",
        keys.genesis_id()
    );
    Policy::parse(text.as_bytes()).expect("admitted keys make log lines")
}

/// Where this server is, as the reader's browser sees it: for addresses on paper. From `Host`, `X-Forwarded-Proto` and `X-Forwarded-Prefix`,
/// which only their asker believes.
fn base_url(request: &HeaderMap) -> String {
    let text = |name| {
        request
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let host = text(header::HOST).filter(|host| {
        host.len() <= 255
            && !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    });
    let https = text(header::HeaderName::from_static("x-forwarded-proto")) == Some("https");
    let scheme = if https { "https" } else { "http" };
    let prefix = text(header::HeaderName::from_static("x-forwarded-prefix"));
    let prefix = prefix.map(|prefix| prefix.trim_end_matches('/'));
    let prefix = prefix.filter(|prefix| {
        let is_segment = |part: &str| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            !matches!(part, "" | "." | "..") && part.bytes().all(is_plain)
        };
        let parts = prefix.strip_prefix('/');
        prefix.len() <= 255 && parts.is_some_and(|parts| parts.split('/').all(is_segment))
    });
    let host = host.unwrap_or("localhost");
    format!("{scheme}://{host}{}", prefix.unwrap_or_default())
}
