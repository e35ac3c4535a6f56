//! The records of a project as OCDS 1.1.5: what is withheld is not among them.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::types::ProblemAnswer;
use crate::export::{Source, ocds};
use crate::lang::Said;
use crate::ledger::QueryError;
use crate::server::problem::{Problem, kinds};
use crate::server::request::{Params, ProjectPath};
use crate::server::{Api, cache};
use crate::trade::time::Time;

/// Records of one project that are exported at once, at most.
pub const EXPORT_RECORDS_MAX: usize = 2_000;

/// Which package.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OcdsParams {
    /// A record package with the compiled release, not a release package.
    records: Option<bool>,
    /// In a record also every value that a field ever had.
    versioned: Option<bool>,
}

/// A project as an OCDS 1.1.5 package. Sales are not in it: OCDS would read them as spending.
#[utoipa::path(
    get,
    path = "/api/v1/ocds/{publisher}/{project}",
    tag = "read",
    params(
        ("publisher" = String, Path, description = "Key name of the publisher, slashes as they are"),
        ("project" = String, Path, description = "The publisher's id of the project"),
        OcdsParams,
    ),
    responses(
        (status = 200, description = "Release package or record package", body = Object),
        (status = 404, description = "No statement of this publisher names this project", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "More records than are exported at once", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn package_of(
    State(api): State<Api>,
    Path(path): Path<String>,
    Params(params): Params<OcdsParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let of = ProjectPath::parse(&path).ok_or_else(ProjectPath::absent)?;
    let found = api
        .ledger
        .chain(&of.chain())?
        .ok_or_else(ProjectPath::absent)?;
    let have = found.records.len();
    if have > EXPORT_RECORDS_MAX {
        let detail = format!(
            "the project has {have} records, exported at once are {EXPORT_RECORDS_MAX}: use mingzhang export"
        );
        return Err(Problem::new(&kinds::TOO_LARGE, Said::new(format!("该项目有 {have} 条记录，一次最多导出 {EXPORT_RECORDS_MAX} 条；请用 mingzhang export"), detail))
            .with("limit", EXPORT_RECORDS_MAX));
    }
    let mut shown = found.records;
    shown.retain(|index| api.ledger.showing(*index).is_shown());
    let mut sources = Vec::with_capacity(shown.len());
    for (index, view) in api.ledger.entries_at(&shown).await? {
        match view {
            Ok(view) => sources.push(Source {
                index,
                time: view.header.time,
                statement: view.statement,
            }),
            Err(QueryError::Erased { .. }) => {} // Ordered this moment.
            Err(failure) => return Err(failure.into()),
        }
    }
    let options = ocds::Options::new(&api.options.ocds_prefix, "")
        .map_err(|error| Problem::internal(error.to_string()))?
        .with_extensions(api.options.ocds_extensions.clone());
    let (releases, _) = ocds::releases(&sources, &options);
    let published = sources
        .last()
        .map_or(Time::MIN, |source| source.time)
        .to_string();
    let uri = format!(
        "https://{}/api/v1/ocds/{}/{}",
        api.ledger.origin(),
        of.publisher,
        of.project
    );
    let around = ocds::Package {
        published: &published,
        publisher: &of.publisher,
        uri: &uri,
        extensions: &options.extensions,
    };
    let package = if params.records == Some(true) {
        around.of_records(releases, params.versioned == Some(true))
    } else {
        around.of_releases(releases)
    };
    let json = ocds::imported::exact(&package.to_string());
    Ok(cache::mutable(
        &request,
        "application/json",
        json.into_bytes(),
    ))
}
