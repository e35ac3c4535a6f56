//! Searching: the list as JSON, or exactly the same list as CSV for a spreadsheet.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::{json, link_next};
use super::read::{Shown, fetch};
use super::types::WithheldRecord;
use super::types::{ErasedRecord, ProblemAnswer, Record};
use crate::lang::Said;
use crate::rules::csv::cell;
use crate::said;
use crate::search::{Page, Query, QueryError};
use crate::server::Api;
use crate::server::cache;
use crate::server::problem::{Problem, kinds};
use crate::server::request::Params;
use crate::trade::json::{self as strict, Value};

/// What a search is told; all conditions that are given must hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by crate::search::Query")]
pub(super) struct SearchParams {
    /// Words of title and body, each run of characters as it is written.
    q: Option<String>,
    /// Issued on this day (China) or later, or at this RFC 3339 time or later.
    from: Option<String>,
    /// Issued on this day or earlier, or before this time.
    to: Option<String>,
    /// A category of the vocabulary.
    category: Option<String>,
    /// A kind of the vocabulary.
    kind: Option<String>,
    /// announcement, qualification, process, award or performance.
    stage: Option<String>,
    /// 行政区划代码 of 2, 4 or 6 digits, with all below it.
    region: Option<String>,
    /// Key name of the publisher.
    publisher: Option<String>,
    /// 统一社会信用代码 of a party.
    party: Option<String>,
    /// Any id: project, `ref`, statement, code, document digest, index in the log.
    id: Option<String>,
    /// Only records before this index: where the page before ended.
    before: Option<u64>,
    /// At most so many, 1 to 1000; 50 if nothing is said.
    limit: Option<usize>,
    /// `json`, or `csv`.
    format: Option<String>,
    /// `true`: each hit with its whole record; at most 256 then.
    full: Option<bool>,
}

/// One record that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Hit {
    /// Leaf index.
    index: u64,
    /// When the ledger took it.
    time: String,
    /// When the publisher says it was issued.
    issued: String,
    /// Key name of the publisher.
    publisher: String,
    /// The publisher's id of the project.
    project: String,
    /// Stage.
    stage: String,
    /// Kind.
    kind: String,
    /// Category.
    category: String,
    /// 行政区划代码.
    region: String,
    /// Title.
    title: String,
    /// Statement id.
    id: String,
    /// The whole record, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

/// A page of what was found, newest record first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Found {
    /// How many there are, from this page on.
    count: usize,
    /// Records of the log that the answer reflects…
    indexed_size: u64,
    /// …of this many.
    tree_size: u64,
    /// The records.
    hits: Vec<Hit>,
    /// Found, and erased by order since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased: Vec<ErasedRecord>,
    /// Found, and withheld by order since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<WithheldRecord>,
    /// Ask with `before` set to this for the next page; null if this is the last.
    before: Option<u64>,
}

impl Hit {
    fn of(record: Record, full: bool) -> Hit {
        let text = record.statement.get().to_owned();
        let value = strict::parse(text.as_bytes()).ok();
        let member = |name: &str| -> String {
            let found = value.as_ref().and_then(|value| value.get(name)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        let kind = value.as_ref().and_then(|value| {
            value
                .get("kind")
                .or_else(|| value.get("type"))
                .and_then(Value::as_str)
        });
        Hit {
            index: record.index,
            time: record.time.clone(),
            issued: member("issued"),
            publisher: member("publisher"),
            project: member("project"),
            stage: member("stage"),
            kind: kind.unwrap_or_default().to_owned(),
            category: member("category"),
            region: member("region"),
            title: member("title"),
            id: record.id.clone(),
            record: full.then_some(record),
        }
    }
}

const COLUMNS: [&str; 11] = [
    "index",
    "time",
    "issued",
    "publisher",
    "project",
    "stage",
    "kind",
    "category",
    "region",
    "title",
    "id",
];

/// Whole records of one page, at most.
const FULL_MAX: usize = 256;

/// Records by words, numbers and dates, newest first. `Link` (RFC 8288) leads to the next page.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    tag = "read",
    params(SearchParams),
    responses(
        (status = 200, description = "A page of what was found", body = Found, headers(("Link" = String, description = "rel=\"next\""))),
        (status = 400, description = "A condition is malformed", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 503, description = "There is no search index here, or it cannot be read", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn search(
    State(api): State<Api>,
    Params(pairs): Params<Vec<(String, String)>>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let (own, conditions): (Vec<_>, Vec<_>) = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .partition(|(name, _)| matches!(*name, "format" | "full"));
    let query = Query::parse(conditions.iter().copied()).map_err(|error| malformed(&error))?;
    let (mut csv, mut full) = (false, false);
    for (name, value) in own {
        match (name, value) {
            ("format", "csv") => csv = true,
            ("format", "json" | "") | ("full", "false" | "") => {}
            ("full", "true") => full = true,
            (name, value) => {
                let wanted = if name == "format" {
                    "json or csv"
                } else {
                    "true or false"
                };
                let value: String = value.chars().take(80).collect();
                return Err(Problem::new(
                    &kinds::REQUEST_FORM,
                    said!(
                        "{name} 为 {value:?}，应为 {wanted}",
                        "{name} is {value:?}, wanted {wanted}"
                    ),
                ));
            }
        }
    }
    if full && query.limit() > FULL_MAX {
        let limit = query.limit();
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "limit 为 {limit}，full 时最多 {FULL_MAX}",
                "limit is {limit}, wanted at most {FULL_MAX} whole records"
            ),
        ));
    }
    let page = look(&api, &query).await?;
    let Shown {
        records,
        erased,
        withheld,
    } = fetch(&api, &page.indexes).await?;
    let hits: Vec<Hit> = records
        .into_iter()
        .map(|record| Hit::of(record, full))
        .collect();
    let mut response = if csv {
        let mut response = cache::mutable(&request, "text/csv; charset=utf-8", table(&hits));
        response.headers_mut().insert(
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"mingzhang.csv\""),
        );
        response
    } else {
        let found = Found {
            count: page.count,
            indexed_size: page.indexed_size,
            tree_size: api.ledger.head().tree.size,
            hits,
            erased,
            withheld,
            before: page.next,
        };
        json(&request, &found)
    };
    if let Some(before) = page.next {
        let mut next = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs
            .iter()
            .filter(|(name, value)| name != "before" && !value.is_empty())
        {
            next.append_pair(name, value);
        }
        next.append_pair("before", &before.to_string());
        link_next(&mut response, &format!("/api/v1/search?{}", next.finish()));
    }
    Ok(response)
}

pub(in crate::server) async fn look(api: &Api, query: &Query) -> Result<Page, Problem> {
    let Some(search) = api.options.search.clone() else {
        return Err(Problem::new(
            &kinds::SEARCH_UNAVAILABLE,
            said!("本服务器没有检索索引", "this server keeps no search index"),
        ));
    };
    let query = query.clone();
    let found = tokio::task::spawn_blocking(move || search.query(&query)).await;
    found.ok().and_then(Result::ok).ok_or_else(|| {
        Problem::new(
            &kinds::SEARCH_UNAVAILABLE,
            said!(
                "检索索引无法读取，可用 mingzhang reindex 重建",
                "the search index cannot be read; mingzhang reindex makes it anew"
            ),
        )
    })
}

pub(in crate::server) fn malformed(error: &QueryError) -> Problem {
    let zh = match error {
        QueryError::Name(name) => format!("没有检索条件 {name:?}"),
        QueryError::Twice(name) => format!("检索条件 {name} 给了两次"),
        QueryError::Value {
            name,
            found,
            wanted,
        } => format!("{name} 为 {found:?}，应为 {wanted}"),
    };
    Problem::new(&kinds::REQUEST_FORM, Said::new(zh, error.to_string()))
}

/// RFC 4180 with a byte order mark, by which spreadsheets know UTF-8.
fn table(hits: &[Hit]) -> Vec<u8> {
    let mut text = format!("\u{feff}{}\r\n", COLUMNS.join(","));
    for hit in hits {
        let index = hit.index.to_string();
        let cells = [
            &index,
            &hit.time,
            &hit.issued,
            &hit.publisher,
            &hit.project,
            &hit.stage,
            &hit.kind,
            &hit.category,
            &hit.region,
            &hit.title,
            &hit.id,
        ];
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text.into_bytes()
}
