//! Searching: one box that understands words and every kind of id, the platform's filters, a list with a stable address, and the same
//! list as CSV and JSON.
//!
//! Promises: the page says how what was typed was read, and how far the index has come; the files linked hold exactly the records listed.

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::filters::{Filters, filters, value};
use super::list::{Line, lines};
use super::names::search_link;
use super::quoted::Quoted;
use super::{Page, shown};
use crate::search::{Page as Found, Query};
use crate::server::Api;
use crate::server::api::{look, malformed};
use crate::server::problem::Problem;
use crate::trade::identifiers::uscc_is_valid;
use crate::trade::names::parse_hash;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    p: Page,
    filters: Filters,
    /// How what stands in the box was read.
    read_as: Option<&'static str>,
    /// The same as words, where it was read as an id.
    as_words: Option<String>,
    /// The record of this number, if there is one.
    record: Option<u64>,
    lines: Vec<Line>,
    count: usize,
    is_first: bool,
    first: String,
    next: Option<String>,
    csv: String,
    json: String,
    feed: String,
    indexed_size: u64,
    tree_size: u64,
    said: Quoted,
}

/// What stands in the box, read.
struct Read {
    /// Conditions of [`Query`], with the box as the one it was read as.
    pairs: Vec<(String, String)>,
    found: Found,
    as_words: Option<&'static str>,
}

/// `/search`.
pub(super) async fn search(
    State(api): State<Api>,
    UrlQuery(pairs): UrlQuery<Vec<(String, String)>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "search");
    let pairs: Vec<(String, String)> = pairs
        .into_iter()
        .map(|(name, value)| (name, value.trim().to_owned()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let read = read(&api, &pairs, &p).await?;
    let tree_size = api.ledger.head().tree.size;
    let typed = value(&pairs, "q");
    let is_number =
        !typed.is_empty() && typed.len() <= 15 && typed.bytes().all(|b| b.is_ascii_digit());
    let record = typed
        .parse()
        .ok()
        .filter(|index| is_number && *index < tree_size);
    let given: Vec<(&str, &str)> = read
        .pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let own: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let page_of = |before: Option<u64>| {
        let before = before.map(|before| before.to_string());
        let mut conditions: Vec<(&str, &str)> = own
            .iter()
            .copied()
            .filter(|(name, _)| *name != "before")
            .collect();
        if let Some(before) = &before {
            conditions.push(("before", before));
        }
        search_link(p.lang, &conditions)
    };
    let file = |format: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&given).append_pair("format", format);
        format!("/api/v1/search?{}", query.finish())
    };
    let feed = {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            given
                .iter()
                .filter(|(name, _)| !matches!(*name, "before" | "limit")),
        );
        p.at(&format!("/feed.atom?{}", query.finish()))
    };
    let page = SearchPage {
        filters: filters(&api, &pairs, p.lang),
        read_as: read.as_words,
        as_words: read.as_words.map(|_| {
            let quoted = own.iter().map(|(name, value)| {
                if *name == "q" {
                    ("words", *value)
                } else {
                    (*name, *value)
                }
            });
            search_link(p.lang, &quoted.collect::<Vec<_>>())
        }),
        record,
        lines: lines(&api, &read.found.indexes, p.lang).await?,
        count: read.found.count,
        is_first: value(&pairs, "before").is_empty(),
        first: page_of(None),
        next: read.found.next.map(|before| page_of(Some(before))),
        csv: file("csv"),
        json: file("json"),
        feed,
        indexed_size: read.found.indexed_size,
        tree_size,
        said: Quoted::short(typed, 80),
        p,
    };
    shown(&request, &page)
}

/// Reads the box as an id where it is one and something has it, else as words.
async fn read(api: &Api, pairs: &[(String, String)], p: &Page) -> Result<Read, Problem> {
    let w = p.w;
    let typed = value(pairs, "q");
    let shape = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '-' | '_' | '.' | '〔' | '〕' | '[' | ']' | '(' | ')' | '第' | '号' | '/'
            )
    };
    let may_be_id = typed.chars().any(|c| c.is_ascii_digit())
        && typed.chars().all(|c| shape(c) || !c.is_ascii())
        && !typed.contains(char::is_whitespace);
    let mut readings: Vec<(&str, Option<&'static str>)> = Vec::new();
    if parse_hash(&typed.to_ascii_lowercase()).is_ok() {
        readings.push(("id", Some(w.read_as_hash)));
    } else if uscc_is_valid(typed) {
        readings.push(("party", Some(w.read_as_party)));
    } else if may_be_id {
        readings.push(("id", Some(w.read_as_id)));
    }
    readings.push(("q", None));
    let last = readings.len() - 1;
    for (n, (reading, as_words)) in readings.into_iter().enumerate() {
        let renamed: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| {
                let name = match name.as_str() {
                    "q" => reading,
                    // `words`: the box, to be read as words and nothing else.
                    "words" => "q",
                    other => other,
                };
                (name.to_owned(), value.clone())
            })
            .collect();
        let conditions = renamed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let query = match Query::parse(conditions) {
            Ok(query) => query,
            // What is typed is no such id, after all.
            Err(_) if n < last => continue,
            Err(error) => return Err(malformed(&error)),
        };
        let found = look(api, &query).await?;
        if found.count > 0 || n == last || query.before.is_some() {
            return Ok(Read {
                pairs: renamed,
                found,
                as_words,
            });
        }
    }
    unreachable!("the last reading is always taken")
}
