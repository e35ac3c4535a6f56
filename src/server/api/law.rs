//! What follows from a project's records by the rules compiled in: `/api/v1/projects/{publisher}/{project}/report`.

use super::types::ProblemAnswer;
use crate::ledger::QueryError;
use crate::ledger::clock::system_clock;
use crate::rules::engine::{AsOf, Law, ProjectReport, project_report};
use crate::rules::facts::{Disclosure, live_from};
use crate::server::Api;
use crate::server::problem::{Problem, kinds};
use crate::trade::names;
use crate::trade::statement::Chain;
use crate::trade::time::Time;

/// Records of one project that are judged for a request, at most; a longer project is for `mingzhang findings`.
pub const REPORT_RECORDS_MAX: usize = 2_000;

/// Findings, what is due, done or cannot be told, and what is in force, of one project. A finding says what this ledger has not seen, never
/// that the law was broken.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{publisher}/{project}/report",
    operation_id = "project_report",
    tag = "read",
    params(
        ("publisher" = String, Path, description = "Key name of the publisher, slashes as they are"),
        ("project" = String, Path, description = "The publisher's id of the project"),
        ("as_of" = Option<String>, Query, description = "As of this time, as records write it (2026-11-23T01:02:03.456Z); else now"),
    ),
    responses(
        (status = 200, description = "The report, with the versions of rules and calendar", body = Object),
        (status = 400, description = "as_of is malformed, or the project has more records than one request may judge", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "No statement of this publisher names this project, or none was logged by then", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
#[expect(
    dead_code,
    reason = "described here; read::project finds out that a path asks for it"
)]
pub(super) fn description() {}

/// The report of `publisher/project`; `None` if there is no such project.
pub(super) async fn report(
    api: &Api,
    path: &str,
    as_of: Option<&str>,
) -> Result<Option<ProjectReport>, Problem> {
    let Some((publisher, project)) = path.rsplit_once('/') else {
        return Ok(None);
    };
    if names::check_name(publisher).is_err() || names::check_project(project).is_err() {
        return Ok(None);
    }
    let chain = Chain::Trade {
        publisher: publisher.to_owned(),
        project: project.to_owned(),
    };
    let Some(chain) = api.ledger.chain(&chain)? else {
        return Ok(None);
    };
    let date = match as_of {
        None => system_clock()().wall,
        Some(text) => Time::parse(text).map_err(|error| {
            Problem::new(&kinds::REQUEST_FORM, crate::chain_of(&error))
                .zh(format!("as_of 为 {text}，应如 2026-11-23T01:02:03.456Z"))
        })?,
    };
    let count = chain.records.len();
    if count > REPORT_RECORDS_MAX {
        let said = format!(
            "the project has {count} records, one request judges at most {REPORT_RECORDS_MAX}"
        );
        return Err(Problem::new(&kinds::REQUEST_FORM, said).zh(format!(
            "该项目有 {count} 条记录，一次最多判断 {REPORT_RECORDS_MAX} 条；请用 mingzhang findings"
        )));
    }
    let keys = api.ledger.keys();
    let mut disclosures = Vec::with_capacity(count);
    for index in chain.records {
        let view = match api.ledger.entry(index).await {
            Ok(view) => view,
            // Erased by order: what it said is gone.
            Err(QueryError::Erased { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let live = live_from(&keys, publisher, index);
        disclosures.extend(Disclosure::read(
            index,
            view.header.time,
            &view.statement,
            live,
        ));
    }
    let report = project_report(&disclosures, Law::builtin(), AsOf::date(date));
    report.map(Some).ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            "nothing of that project was logged by then",
        )
        .zh("到该时刻，该项目还没有记录")
    })
}
