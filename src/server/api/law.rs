//! What the law asks: of one project (`/api/v1/projects/{publisher}/{project}/report`), of the whole ledger (`/api/v1/findings`, `due`,
//! `statistics`). The whole ledger is answered from [`crate::law::View`], and 503 until that has read the log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{json, link_next};
use super::types::ProblemAnswer;
use crate::lang::Said;
use crate::law::{self, Cursor, Filter, Found, Outcomes, Summary, View};
use crate::ledger::QueryError;
use crate::rules::Book;
use crate::rules::ProjectReport;
use crate::rules::ToldPart;
use crate::rules::announced::Announced;
use crate::rules::calendar::Day;
use crate::rules::csv;
use crate::rules::facts::{Disclosure, live_from};
use crate::rules::history::{Logged, Step, history};
use crate::rules::statistics::OUTCOMES;
use crate::said;
use crate::server::Api;
use crate::server::cache;
use crate::server::problem::{Problem, kinds};
use crate::server::request::{Params, ProjectPath};
use crate::tlog::merkle::{Hash, leaf_hash};
use crate::trade::time::{OffsetTime, Time};
use crate::trade::vocabulary::Stage;

/// Records of one project that are judged for a request, at most; a longer project is for `mingzhang findings`.
pub const REPORT_RECORDS_MAX: usize = 2_000;

/// The report of `publisher/project` now, for a page; `None` if there is none, or too much to judge for one request.
pub(in crate::server) async fn project_report(
    api: &Api,
    of: &ProjectPath,
) -> Result<Option<ProjectReport>, Problem> {
    match report(api, of, None).await {
        Err(problem) if problem.kind().status < 500 => Ok(None),
        judged => judged,
    }
}

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
        ("as_of" = Option<String>, Query, description = "As of the end of this day in China (2026-11-23), or of this time as records write it (2026-11-23T01:02:03.456Z); else now"),
    ),
    responses(
        (status = 200, description = "The report, with the versions of rules and calendar", body = Object),
        (status = 400, description = "as_of is malformed, or the project has more records than one request may judge", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "No statement of this publisher names this project, or none was logged by then", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn report(
    api: &Api,
    of: &ProjectPath,
    as_of: Option<&str>,
) -> Result<Option<ProjectReport>, Problem> {
    let Some(chain) = api.ledger.chain(&of.chain())? else {
        return Ok(None);
    };
    let date = match as_of {
        None => api.ledger.wall_time(),
        Some(text) => time_of(text)?,
    };
    let count = chain.records.len();
    if count > REPORT_RECORDS_MAX {
        let said = format!(
            "the project has {count} records, one request judges at most {REPORT_RECORDS_MAX}"
        );
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            Said::new(
                format!(
                    "该项目有 {count} 条记录，一次最多判断 {REPORT_RECORDS_MAX} 条；请用 mingzhang findings"
                ),
                said,
            ),
        ));
    }
    let report = match seen(api, of, &chain.records, date).await? {
        Some(report) => Some(report),
        None => replayed(api, &of.publisher, &chain.records, date).await?,
    };
    report.map(Some).ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "到该时刻，该项目还没有记录",
                "nothing of that project was logged by then"
            ),
        )
    })
}

/// A report waits so long for the view to reflect the project's newest record, before the records are read for it.
const VIEW_WAIT: Duration = Duration::from_secs(2);

/// The report from the view of the whole ledger, which has read the records already; `None` if it has not yet, or there is no view.
async fn seen(
    api: &Api,
    of: &ProjectPath,
    records: &[u64],
    date: Time,
) -> Result<Option<ProjectReport>, Problem> {
    let (Some(view), Some(last)) = (api.options.law.clone(), records.last().copied()) else {
        return Ok(None);
    };
    if tokio::time::timeout(VIEW_WAIT, view.reached(last + 1))
        .await
        .is_err()
    {
        return Ok(None);
    }
    let of = of.clone();
    ask(view, move |view| {
        view.project_report(&of.publisher, &of.project, Some(date))
    })
    .await
}

/// The report from the records themselves.
async fn replayed(
    api: &Api,
    publisher: &str,
    records: &[u64],
    date: Time,
) -> Result<Option<ProjectReport>, Problem> {
    let keys = api.ledger.keys();
    let mut disclosures = Vec::with_capacity(records.len());
    for (index, view) in api.ledger.entries_at(records).await? {
        let view = match view {
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
    let builtin;
    let book = match &api.options.law {
        Some(view) => view.book(),
        None => {
            builtin = Book::builtin();
            &builtin
        }
    };
    let told = match &api.options.law {
        Some(view) => view.law_told(date),
        None => Announced::default().of(book, date),
    };
    let law = book.law(&told);
    Ok(law::report(law, &api.ledger, &disclosures, date))
}

/// Records of one project whose history is shown with proofs, at most.
pub const HISTORY_RECORDS_MAX: usize = 256;

/// The history of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryAnswer {
    /// Key name of the publisher.
    publisher: String,
    /// The publisher's id of the project.
    project: String,
    /// Id of the last statement of the chain.
    head: String,
    /// The log has so many records; the last of the project is among them.
    tree_size: u64,
    /// The checkpoint that every proof leads to.
    checkpoint: String,
    /// The records: what each says, what holds of it, what differs.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<ProvedStep>,
    /// Records of the project that were erased by order.
    erased: Vec<u64>,
}

/// A step with its place in the tree.
#[derive(Debug, Serialize)]
pub(super) struct ProvedStep {
    #[serde(flatten)]
    step: Step,
    /// Its leaf hash.
    leaf_hash: String,
    /// Inclusion proof, hashes in base64.
    proof: Vec<String>,
}

/// What became of each notice of a project: what is in force, what amends what, and what differs, field by field; with the inclusion of every
/// record under one checkpoint. Each statement names the one before it (`follows`), so none between the first and the last can be left
/// out unseen. That there is none after the last up to `tree_size` is this server's word until the log is read: `mingzhang history`.
#[utoipa::path(
    get,
    path = "/api/v1/projects/{publisher}/{project}/history",
    operation_id = "project_history",
    tag = "read",
    params(
        ("publisher" = String, Path, description = "Key name of the publisher, slashes as they are"),
        ("project" = String, Path, description = "The publisher's id of the project"),
    ),
    responses(
        (status = 200, description = "The steps in log order", body = HistoryAnswer),
        (status = 400, description = "The project has more records than one request may show", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "No statement of this publisher names this project", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn history_of(
    api: &Api,
    of: &ProjectPath,
) -> Result<Option<HistoryAnswer>, Problem> {
    // The head first: what the chain has beyond it is left for the next time.
    let head = api.ledger.head();
    let Some(mut chain) = api.ledger.chain(&of.chain())? else {
        return Ok(None);
    };
    chain.records.retain(|index| *index < head.tree.size);
    let count = chain.records.len();
    if count > HISTORY_RECORDS_MAX {
        let said = format!(
            "the project has {count} records, one request shows the history of at most {HISTORY_RECORDS_MAX}"
        );
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            Said::new(
                format!(
                    "该项目有 {count} 条记录，一次最多列出 {HISTORY_RECORDS_MAX} 条；请用 mingzhang history"
                ),
                said,
            ),
        ));
    }
    let (mut views, mut erased) = (Vec::new(), Vec::new());
    for (index, view) in api.ledger.entries_at(&chain.records).await? {
        match view {
            Ok(view) => views.push(view),
            Err(QueryError::Erased { .. }) => erased.push(index),
            Err(error) => return Err(error.into()),
        }
    }
    let logged: Vec<Logged<'_>> = views
        .iter()
        .map(|view| Logged {
            index: view.header.index,
            time: view.header.time,
            statement: &view.statement,
            is_shown: api.ledger.showing(view.header.index).is_shown(),
        })
        .collect();
    let indexes: Vec<u64> = views.iter().map(|view| view.header.index).collect();
    let reader = api.ledger.reader();
    let proofs = reader.prove_inclusions(&head.tree, &indexes).await;
    let proofs = proofs.map_err(QueryError::from)?;
    let steps = history(&logged)
        .into_iter()
        .zip(&views)
        .zip(proofs)
        .map(|((step, view), (_, proof))| ProvedStep {
            step,
            leaf_hash: leaf_hash(&view.entry).to_string(),
            proof: proof.into_iter().map(Hash::to_base64).collect(),
        })
        .collect();
    Ok(Some(HistoryAnswer {
        publisher: of.publisher.clone(),
        project: of.project.clone(),
        head: chain.head.to_string(),
        tree_size: head.tree.size,
        checkpoint: head.note.clone(),
        steps,
        erased,
    }))
}

/// Which answers are asked for; all conditions that are given must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsParams {
    /// Key name of the publisher.
    publisher: Option<String>,
    /// The publisher's id of the project.
    project: Option<String>,
    /// A category of the vocabulary.
    category: Option<String>,
    /// 行政区划代码 of 2, 4 or 6 digits, with all below it.
    region: Option<String>,
    /// The stage whose disclosure is judged: announcement, qualification, process, award or performance.
    stage: Option<String>,
    /// A rule's id.
    rule: Option<String>,
    /// An outcome, such as late or missing; `all`; if nothing is said, whatever somebody should look at.
    outcome: Option<String>,
    /// As of the end of this day in China (2026-11-23), or of this time (2026-11-23T01:02:03.456Z); else now.
    as_of: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 256; 50 if nothing is said.
    limit: Option<usize>,
    /// `json`, or `csv`.
    format: Option<String>,
}

/// What is asked about what falls due.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DueParams {
    /// How far ahead, such as `7d`; up to `3650d`.
    within: Option<String>,
    /// Key name of the publisher.
    publisher: Option<String>,
    /// The publisher's id of the project.
    project: Option<String>,
    /// A category of the vocabulary.
    category: Option<String>,
    /// 行政区划代码 of 2, 4 or 6 digits, with all below it.
    region: Option<String>,
    /// The stage that falls due.
    stage: Option<String>,
    /// A rule's id.
    rule: Option<String>,
    /// Lines that are left out: where the page before ended.
    offset: Option<usize>,
    /// At most so many, 1 to 256; 50 if nothing is said.
    limit: Option<usize>,
    /// `json`, or `csv`.
    format: Option<String>,
}

/// How counts are given.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatisticsParams {
    /// `json`, or `csv`.
    format: Option<String>,
}

/// By which law, as of when, and how much of the log is in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Basis {
    /// Version of the rules.
    pack: String,
    /// Version of the calendar.
    calendar: String,
    /// The files of both: `what`, `version`, `sha256`, and the record that announces it, or null.
    #[schema(value_type = Vec<Object>)]
    law: Vec<ToldPart>,
    /// As of when.
    as_of: String,
    /// Records of the log that the answer reflects…
    indexed_size: u64,
    /// …of this many.
    tree_size: u64,
}

/// A page of answers, by publisher and project.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingsAnswer {
    #[serde(flatten)]
    basis: Basis,
    /// How many there are in all; on the first page, as of now.
    #[schema(value_type = Option<Object>)]
    summary: Option<Summary>,
    /// The answers.
    #[schema(value_type = Vec<Object>)]
    findings: Vec<Found>,
    /// Ask with `after` set to this for the next page; null if this is the last.
    next: Option<String>,
}

/// A page of what falls due, the first day first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DueAnswer {
    #[serde(flatten)]
    basis: Basis,
    /// Days ahead.
    within_days: i64,
    /// How many there are in all.
    count: usize,
    /// The answers.
    #[schema(value_type = Vec<Object>)]
    due: Vec<Found>,
    /// `offset` of the next page; null if this is the last.
    offset: Option<usize>,
}

/// Counts over all projects.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatisticsAnswer {
    #[serde(flatten)]
    basis: Basis,
    /// By category, region, stage, month and rule.
    #[schema(value_type = Object)]
    statistics: serde_json::Value,
}

/// Answers of one page, at most.
const PAGE_MAX: usize = 256;
const PAGE: usize = 50;

/// What the rules find over the whole ledger. A finding says what this ledger has not seen, never that the law was broken. About another
/// day than now few projects are judged for each request: a page may be short, even empty, and still have a `next`.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "read",
    params(FindingsParams),
    responses(
        (status = 200, description = "A page of findings, with a summary by rule and category", body = FindingsAnswer, headers(("Link" = String, description = "rel=\"next\""))),
        (status = 400, description = "A condition is malformed", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 503, description = "The log is still being read", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn findings(
    State(api): State<Api>,
    Params(asked): Params<FindingsParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let view = view(&api)?;
    let filter = Filter {
        publisher: asked.publisher.clone(),
        project: asked.project.clone(),
        category: asked.category.clone(),
        region: asked.region.clone(),
        stage: stage_of(asked.stage.as_deref())?,
        rule: asked.rule.clone(),
        outcome: outcomes_of(asked.outcome.as_deref())?,
    };
    let (csv, limit) = (is_csv(asked.format.as_deref())?, limit_of(asked.limit)?);
    let as_of = asked.as_of.as_deref().map(time_of).transpose()?;
    let after = match asked.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            Cursor::parse(text)
                .ok_or_else(|| wanted("after", text, "\u{201c}next\u{201d} of the page before"))?,
        ),
    };
    let wants_summary = after.is_none() && as_of.is_none() && !csv;
    let (page, summary, book) = ask(view, move |view| {
        let summary = wants_summary.then(|| view.summary(&filter)).transpose()?;
        let page = view.findings(&filter, after.as_ref(), limit, as_of)?;
        Ok((page, summary, told(view)))
    })
    .await?;
    let next = page.next.as_ref().map(ToString::to_string);
    let mut response = if csv {
        table(&request, "findings.csv", &page.found)
    } else {
        let answer = FindingsAnswer {
            basis: basis(&api, book, page.as_of, page.size),
            summary,
            findings: page.found,
            next: next.clone(),
        };
        json(&request, &answer)
    };
    if let Some(next) = next {
        let limit = asked.limit.map(|limit| limit.to_string());
        let pairs = [
            ("publisher", &asked.publisher),
            ("project", &asked.project),
            ("category", &asked.category),
            ("region", &asked.region),
            ("stage", &asked.stage),
            ("rule", &asked.rule),
            ("outcome", &asked.outcome),
            ("as_of", &asked.as_of),
            ("limit", &limit),
            ("format", &asked.format),
            ("after", &Some(next)),
        ];
        link(&mut response, "/api/v1/findings", &pairs);
    }
    Ok(response)
}

/// What falls due within so many days, the first day first.
#[utoipa::path(
    get,
    path = "/api/v1/due",
    tag = "read",
    params(DueParams),
    responses(
        (status = 200, description = "A page of what falls due", body = DueAnswer, headers(("Link" = String, description = "rel=\"next\""))),
        (status = 400, description = "A condition is malformed", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 503, description = "The log is still being read", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn due(
    State(api): State<Api>,
    Params(asked): Params<DueParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let view = view(&api)?;
    let within = asked.within.as_deref().unwrap_or("7d");
    let days: i64 = within
        .strip_suffix('d')
        .and_then(|days| days.parse().ok())
        .filter(|days| (0..=3_650).contains(days))
        .ok_or_else(|| wanted("within", within, "days such as 7d, 0d to 3650d"))?;
    let filter = Filter {
        publisher: asked.publisher.clone(),
        project: asked.project.clone(),
        category: asked.category.clone(),
        region: asked.region.clone(),
        stage: stage_of(asked.stage.as_deref())?,
        rule: asked.rule.clone(),
        outcome: Outcomes::All,
    };
    let (csv, limit) = (is_csv(asked.format.as_deref())?, limit_of(asked.limit)?);
    let offset = asked.offset.unwrap_or(0);
    let (page, count, book) = ask(view, move |view| {
        let (page, count) = view.due(&filter, days, offset, limit)?;
        Ok((page, count, told(view)))
    })
    .await?;
    let next = offset.saturating_add(limit);
    let next = (next < count).then_some(next);
    let mut response = if csv {
        table(&request, "due.csv", &page.found)
    } else {
        let answer = DueAnswer {
            basis: basis(&api, book, page.as_of, page.size),
            within_days: days,
            count,
            due: page.found,
            offset: next,
        };
        json(&request, &answer)
    };
    if let Some(next) = next {
        let limit = asked.limit.map(|limit| limit.to_string());
        let pairs = [
            ("within", &asked.within),
            ("publisher", &asked.publisher),
            ("project", &asked.project),
            ("category", &asked.category),
            ("region", &asked.region),
            ("stage", &asked.stage),
            ("rule", &asked.rule),
            ("limit", &limit),
            ("format", &asked.format),
            ("offset", &Some(next.to_string())),
        ];
        link(&mut response, "/api/v1/due", &pairs);
    }
    Ok(response)
}

/// Disclosure rate, timeliness and findings per hundred projects by category, region, stage, month and rule. Rates are per thousand of what
/// has fallen due; a month is that of the due day.
#[utoipa::path(
    get,
    path = "/api/v1/statistics",
    tag = "read",
    params(StatisticsParams),
    responses(
        (status = 200, description = "The counts", body = StatisticsAnswer),
        (status = 503, description = "The log is still being read", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn statistics(
    State(api): State<Api>,
    Params(asked): Params<StatisticsParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let view = view(&api)?;
    let csv = is_csv(asked.format.as_deref())?;
    let (statistics, size, book) = ask(view, |view| {
        Ok((view.statistics()?, view.size(), told(view)))
    })
    .await?;
    if csv {
        return Ok(attachment(&request, "statistics.csv", &statistics.csv()));
    }
    let answer = StatisticsAnswer {
        basis: basis(&api, book, api.ledger.wall_time(), size),
        statistics: serde_json::to_value(&*statistics).expect("counts and words are JSON"),
    };
    Ok(json(&request, &answer))
}

/// The view, if it has read the log.
fn view(api: &Api) -> Result<Arc<View>, Problem> {
    let view = api.options.law.clone().filter(|view| view.is_ready());
    view.ok_or_else(|| {
        Problem::new(
            &kinds::LAW_UNAVAILABLE,
            said!(
                "账本尚未读完，或本服务器不作规则判断",
                "the log has not been read to its end yet, or this server judges no rules"
            ),
        )
    })
}

/// Asks in a thread that may wait for the disk.
async fn ask<T: Send + 'static>(
    view: Arc<View>,
    question: impl FnOnce(&View) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(move || question(&view)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Problem::internal(crate::chain_of(&error))),
        Err(panic) => Err(Problem::internal(panic.to_string())),
    }
}

fn told(view: &View) -> (String, String) {
    let book = view.book();
    (
        book.pack.version.clone(),
        book.calendar.version().to_owned(),
    )
}

fn basis(api: &Api, book: (String, String), as_of: Time, size: u64) -> Basis {
    Basis {
        pack: book.0,
        calendar: book.1,
        law: api
            .options
            .law
            .as_ref()
            .map(|view| view.law_told(as_of))
            .unwrap_or_default(),
        as_of: as_of.to_string(),
        indexed_size: size,
        tree_size: api.ledger.head().tree.size,
    }
}

fn wanted(name: &str, found: &str, wanted: &str) -> Problem {
    let found: String = found.chars().take(80).collect();
    Problem::new(
        &kinds::REQUEST_FORM,
        said!(
            "{name} 为 {found:?}，应为 {wanted}",
            "{name} is {found:?}, wanted {wanted}"
        ),
    )
}

/// The end of a day in China, or an instant.
fn time_of(text: &str) -> Result<Time, Problem> {
    let day = Day::parse(text)
        .and_then(|day| OffsetTime::parse(&format!("{day}T23:59:59.999+08:00")).ok());
    match day {
        Some(end) => Ok(end.time),
        None => Time::parse(text)
            .map_err(|_| wanted("as_of", text, "2026-11-23 or 2026-11-23T01:02:03.456Z")),
    }
}

fn stage_of(word: Option<&str>) -> Result<Option<Stage>, Problem> {
    let parse = |word: &str| {
        let words = Stage::ALL.map(Stage::as_str).join(", ");
        Stage::parse(word).ok_or_else(|| wanted("stage", word, &format!("one of {words}")))
    };
    word.filter(|word| !word.is_empty()).map(parse).transpose()
}

fn outcomes_of(word: Option<&str>) -> Result<Outcomes, Problem> {
    match word {
        None | Some("" | "findings") => Ok(Outcomes::Findings),
        Some("all") => Ok(Outcomes::All),
        Some(word) => OUTCOMES
            .into_iter()
            .find(|one| one.as_str() == word)
            .map(Outcomes::One)
            .ok_or_else(|| {
                let words = OUTCOMES.map(|one| one.as_str()).join(", ");
                wanted(
                    "outcome",
                    word,
                    &format!("all, findings, or one of {words}"),
                )
            }),
    }
}

fn is_csv(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("" | "json") => Ok(false),
        Some("csv") => Ok(true),
        Some(other) => Err(wanted("format", other, "json or csv")),
    }
}

fn limit_of(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(wanted(
        "limit",
        &limit.to_string(),
        &format!("1 to {PAGE_MAX}"),
    ))
}

fn table(request: &HeaderMap, name: &'static str, found: &[Found]) -> Response {
    let mut text = csv::HEAD.to_owned();
    for one in found {
        let about = csv::About {
            publisher: &one.publisher,
            project: &one.project,
            title: &one.title,
            category: &one.category,
            region: &one.region,
        };
        text.push_str(&csv::row(about, &one.finding));
    }
    attachment(request, name, &text)
}

/// A table with the byte order mark by which spreadsheets know UTF-8.
fn attachment(request: &HeaderMap, name: &'static str, table: &str) -> Response {
    let bytes = format!("\u{feff}{table}");
    let mut response = cache::mutable(request, "text/csv; charset=utf-8", bytes);
    let name = format!("attachment; filename=\"{name}\"");
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&name).expect("names of ours are ASCII"),
    );
    response
}

fn link(response: &mut Response, path: &str, pairs: &[(&str, &Option<String>)]) {
    let mut next = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            next.append_pair(name, value);
        }
    }
    link_next(response, &format!("{path}?{}", next.finish()));
}
