//! What is asked about one project: its records, its report, its history.
//!
//! How a path is read: [`crate::server::readings`].

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
use crate::server::readings::{Asked, readings};
use crate::server::request::{Params, ProjectPath};

/// What a project is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectParams {
    after: Option<u64>,
    limit: Option<usize>,
    as_of: Option<String>,
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
    for (what, project) in readings(uri.path(), &path) {
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
