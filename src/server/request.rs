//! What is read of a request wherever it is answered: its id, its parameters, whether a page is wanted.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use serde::de::DeserializeOwned;

use super::problem::{Problem, kinds};
use crate::lang::{Lang, Said};
use crate::said;
use crate::trade::names::{check_name, check_project};
use crate::trade::statement::Chain;

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
            Err(refused) => Err(Problem::new(&kinds::REQUEST_FORM, {
                let why = shorten(&refused.body_text());
                Said::new(format!("参数不合格式：{why}"), why)
            })),
        }
    }
}

/// The better of the two languages by `Accept-Language` (RFC 9110 §12.5.4); `None`, which is both, if neither is asked for.
pub fn language(headers: &HeaderMap) -> Option<Lang> {
    let accepted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (mut zh, mut en) = (0.0, 0.0);
    for range in accepted.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |q| q.parse().unwrap_or(0.0));
        let better = match tag.split('-').next() {
            Some(primary) if primary.eq_ignore_ascii_case("zh") => &mut zh,
            Some(primary) if primary.eq_ignore_ascii_case("en") => &mut en,
            _ => continue,
        };
        *better = f32::max(*better, quality);
    }
    match zh.total_cmp(&en) {
        std::cmp::Ordering::Greater => Some(Lang::Zh),
        std::cmp::Ordering::Less => Some(Lang::En),
        // Named with one weight: whichever stands first. Never named: both.
        std::cmp::Ordering::Equal if zh > 0.0 => {
            let first = |primary| accepted.to_ascii_lowercase().find(primary);
            if first("zh") < first("en") {
                Some(Lang::Zh)
            } else {
                Some(Lang::En)
            }
        }
        std::cmp::Ordering::Equal => None,
    }
}

/// A project as paths name it: `publisher/project`. The publisher's key name may have slashes, the project's id has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectPath {
    /// Key name of the publisher.
    pub publisher: String,
    /// The publisher's id of the project.
    pub project: String,
}

/// The path of a project in the API, below the address of a ledger; a project that is called as what may be asked about one needs the form
/// that has one meaning only.
#[must_use]
pub fn project_path(publisher: &str, project: &str) -> String {
    let publisher = match project {
        "report" | "history" => publisher.replace('/', "%2F"),
        _ => publisher.to_owned(),
    };
    format!("api/v1/projects/{publisher}/{project}")
}

impl ProjectPath {
    /// `None` if it names no project that could be logged.
    pub fn parse(path: &str) -> Option<ProjectPath> {
        let (publisher, project) = path.rsplit_once('/')?;
        (check_name(publisher).is_ok() && check_project(project).is_ok()).then(|| ProjectPath {
            publisher: publisher.to_owned(),
            project: project.to_owned(),
        })
    }

    /// The chain of its statements.
    pub fn chain(&self) -> Chain {
        Chain::Trade {
            publisher: self.publisher.clone(),
            project: self.project.clone(),
        }
    }

    /// Its path in the API; a project that is called as what may be asked about one needs the form that has one meaning only.
    pub fn api_path(&self) -> String {
        format!("/{}", project_path(&self.publisher, &self.project))
    }

    /// 404: no statement of that publisher names that project.
    pub fn absent() -> Problem {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "该发布者没有登记过该项目的声明",
                "no logged statement of that publisher names that project"
            ),
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_is_the_project_and_nothing_climbs() {
        let read = |path| ProjectPath::parse(path).map(|of| (of.publisher, of.project));
        let two = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(read("a/b"), two("a", "b"));
        assert_eq!(read("ggzy.example/x/P-1"), two("ggzy.example/x", "P-1"));
        for path in [
            "", "a", "/a", "a/", "../a", "a/..", "a/../b", "a/b c", "a//b", "A/b",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn the_language_is_the_one_asked_for() {
        #[track_caller]
        fn check(accept: &str, want: Option<Lang>) {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::ACCEPT_LANGUAGE,
                axum::http::HeaderValue::from_str(accept).unwrap(),
            );
            assert_eq!(language(&headers), want, "{accept}");
        }
        assert_eq!(language(&HeaderMap::new()), None);
        check("", None);
        check("*", None);
        check("fr", None);
        check("zh", Some(Lang::Zh));
        check("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::Zh));
        check("en-GB, zh;q=0.9", Some(Lang::En));
        check("zh;q=0.1,EN;q=0.2", Some(Lang::En));
        check("zh-Hans,en", Some(Lang::Zh));
        check("en,zh", Some(Lang::En));
        check("en;q=0", None);
        check("en;q=nonsense, zh;q=0.001", Some(Lang::Zh));
    }
}
