//! What is asked about one project: its records, its report, its history.
//!
//! A publisher's key name may have slashes and a project may be called `report`, so that one path can be read in two ways. [`readings`] is
//! the one place that says in which order they are tried, and which paths have one meaning only.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::answer::{json, link_next};
use super::law;
use super::read::{PageParams, Shown, fetch};
use super::types::{ProblemAnswer, Project};
use crate::server::Api;
use crate::server::problem::Problem;
use crate::server::request::{Params, ProjectPath};

/// What a project is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectParams {
    after: Option<u64>,
    limit: Option<usize>,
    as_of: Option<String>,
}

/// What is asked for below `/api/v1/projects/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Records,
    Report,
    History,
}

/// `/api/v1/projects/…`
pub(super) async fn below(
    State(api): State<Api>,
    uri: Uri,
    Path(path): Path<String>,
    Params(asked): Params<ProjectParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let page = PageParams {
        after: asked.after,
        limit: asked.limit,
    };
    let raw = uri.path();
    let raw = raw.strip_prefix("/api/v1/projects/").unwrap_or(raw);
    for (what, project) in readings(raw, &path) {
        let answer = match what {
            Asked::Records => records(&api, &project, &page, &request).await?,
            Asked::Report => law::report(&api, &project, asked.as_of.as_deref())
                .await?
                .map(|report| json(&request, &report)),
            Asked::History => law::history_of(&api, &project)
                .await?
                .map(|history| json(&request, &history)),
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
    }
    Err(ProjectPath::absent())
}

/// Whether `path`, which is written as `raw`, can only be answered by a page of records.
pub(in crate::server) fn is_page(raw: &str, path: &str) -> bool {
    let raw = raw.strip_prefix("/api/v1/projects/").unwrap_or(raw);
    readings(raw, path).all(|(what, _)| what == Asked::Records)
}

/// How `path`, which is written as `raw`, may be read, in the order in which it is: as the report or the history of a project that is logged,
/// else as a project that is called so. Two segments are a publisher and a project, whatever the project is called: whoever writes a
/// publisher's slashes as `%2F` means one thing.
fn readings(raw: &str, path: &str) -> impl Iterator<Item = (Asked, ProjectPath)> {
    let below = |what, suffix| path.strip_suffix(suffix).map(|of| (what, of));
    let of_project = below(Asked::Report, "/report").or_else(|| below(Asked::History, "/history"));
    of_project
        .filter(|_| raw.matches('/').count() > 1)
        .into_iter()
        .chain([(Asked::Records, path)])
        .filter_map(|(what, of)| Some((what, ProjectPath::parse(of)?)))
}

/// The records of one project. A publisher's name may have slashes, written as they are or as `%2F`. As they are, a path that ends in
/// `/report` or `/history` asks that of the project before it, if there is one, else for a project of that name.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{publisher}/{project}",
    operation_id = "project",
    tag = "read",
    params(
        ("publisher" = String, Path, description = "Key name of the publisher, slashes as they are"),
        ("project" = String, Path, description = "The publisher's id of the project"),
        PageParams,
    ),
    responses(
        (status = 200, description = "A page of its records", body = Project, headers(("Link" = String, description = "rel=\"next\""))),
        (status = 404, description = "No statement of this publisher names this project", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
async fn records(
    api: &Api,
    of: &ProjectPath,
    page: &PageParams,
    request: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    let limit = page.limit()?;
    let Some(chain) = api.ledger.chain(&of.chain())? else {
        return Ok(None);
    };
    let all = &chain.records;
    let begin = all.partition_point(|index| *index < page.from());
    let end = all.len().min(begin + limit);
    let Shown {
        records,
        erased,
        withheld,
    } = fetch(api, &all[begin..end]).await?;
    let after = if end < all.len() {
        all[..end].last().copied()
    } else {
        None
    };
    let answer = Project {
        publisher: of.publisher.clone(),
        project: of.project.clone(),
        head: chain.head.to_string(),
        count: all.len() as u64,
        indexed_size: chain.indexed_size,
        records,
        erased,
        withheld,
        after,
    };
    let mut response = json(request, &answer);
    if let Some(after) = after {
        let path = of.api_path();
        link_next(
            &mut response,
            &format!("{path}?after={after}&limit={limit}"),
        );
    }
    Ok(Some(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_be_called_report_and_is_a_page_all_the_same() {
        #[track_caller]
        fn check(raw: &str, path: &str, wanted: bool) {
            let raw = format!("/api/v1/projects/{raw}");
            assert_eq!(is_page(&raw, path), wanted, "{raw}");
        }
        check("a/P", "a/P", true);
        check("a/report", "a/report", true);
        check("a%2Fb/history", "a/b/history", true);
        check("a/P/report", "a/P/report", false);
        check("a/P/r%65port", "a/P/report", false);
    }

    #[test]
    fn a_path_is_read_in_one_order_and_two_segments_in_one_way() {
        #[track_caller]
        fn check(raw: &str, wanted: &[(Asked, &str, &str)]) {
            let path = raw.replace("%2F", "/");
            let read: Vec<_> = readings(raw, &path).collect();
            let read: Vec<_> = read
                .iter()
                .map(|(what, of)| (*what, of.publisher.as_str(), of.project.as_str()))
                .collect();
            assert_eq!(read, wanted, "{raw}");
        }
        use Asked::{History, Records, Report};
        check("a/P", &[(Records, "a", "P")]);
        check("a/b/P", &[(Records, "a/b", "P")]);
        check("a/report", &[(Records, "a", "report")]);
        check("a/history", &[(Records, "a", "history")]);
        check("a/P/report", &[(Report, "a", "P")]);
        check(
            "a/b/report",
            &[(Report, "a", "b"), (Records, "a/b", "report")],
        );
        check(
            "a/b/history",
            &[(History, "a", "b"), (Records, "a/b", "history")],
        );
        check("a%2Fb/report", &[(Records, "a/b", "report")]);
        check(
            "a%2Fb/report/report",
            &[(Report, "a/b", "report"), (Records, "a/b/report", "report")],
        );
        check(
            "a/report/history",
            &[(History, "a", "report"), (Records, "a/report", "history")],
        );
        check("a/b/findings", &[(Records, "a/b", "findings")]);
        check("report", &[]);
        check("/report", &[]);
        check("a/", &[]);
    }
}
