//! A project on one page, 公告进度: the five stages as a line, what each record says of parties and prices, what replaced what, objections and
//! decisions beside the notices, what the rules find, and the documents.
//!
//! Promises: shows each record of the project's chain or says why not; what it derives (findings, differences) rests on records it links to.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::list::{Notice, notice};
use super::names;
use super::parties::{Party, parties};
use super::quoted::Quoted;
use super::{Page, shown};
use crate::ledger::{EntryView, QueryError, RecordShowing};
use crate::rules::history::{Logged, history};
use crate::rules::{Finding, Outcome, ProjectReport};
use crate::server::Api;
use crate::server::api::project_report;
use crate::server::problem::Problem;
use crate::server::request::ProjectPath;
use crate::tlog::merkle::Hash;
use crate::trade::statement::Effect;
use crate::trade::vocabulary::Stage;

/// Records of one project on its page, at most, the newest; the API lists them all.
pub(super) const RECORDS_MAX: usize = 400;
/// Differences of one amendment, at most.
const DIFFERENCES_MAX: usize = 40;
/// Rows of parties, at most.
const PARTIES_MAX: usize = 300;

/// Kinds that stand beside the notices: what others said of them, and what was decided.
const DISPUTES: [&str; 4] = [
    "objection",
    "objection_reply",
    "complaint_decision",
    "supervision_result",
];

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    p: Page,
    title: Quoted,
    publisher: String,
    source: Quoted,
    project: String,
    api_path: String,
    category: String,
    region: String,
    codes: Vec<Quoted>,
    stages: Vec<StageView>,
    others: Vec<RecordRow>,
    parties: Vec<Party>,
    amendments: Vec<AmendmentView>,
    disputes: Vec<RecordRow>,
    findings: Vec<FindingView>,
    due: Vec<FindingView>,
    settled: Vec<FindingView>,
    has_report: bool,
    rules: String,
    documents: Vec<DocumentView>,
    count: usize,
    omitted: usize,
    indexed_size: u64,
    ledger_size: u64,
}

/// One of the five stages.
#[derive(Debug)]
struct StageView {
    name: &'static str,
    /// Class in the style sheet: `done`, `warn`, `bad`, `due` or `none`.
    state: &'static str,
    state_word: String,
    records: Vec<RecordRow>,
}

#[derive(Debug)]
struct RecordRow {
    index: u64,
    notice: Option<Notice>,
    kept_back: Option<(&'static str, &'static str, u64)>,
    lots: Vec<Quoted>,
    /// What it did to an earlier record.
    amends: Option<(&'static str, Option<u64>)>,
    /// What later records did to it.
    amended: Vec<(&'static str, u64)>,
    withdrawn: bool,
    documents: usize,
}

#[derive(Debug)]
struct AmendmentView {
    index: u64,
    effect: &'static str,
    of: u64,
    title: Quoted,
    rows: Vec<(Quoted, Quoted, Quoted)>,
    omitted: usize,
}

#[derive(Debug)]
struct FindingView {
    class: &'static str,
    word: &'static str,
    text: Quoted,
    article: Quoted,
    rule: Quoted,
    due: String,
    done: String,
    evidence: Vec<u64>,
    claimed_only: bool,
}

#[derive(Debug)]
struct DocumentView {
    name: Quoted,
    record: u64,
    sha256: String,
    size: String,
}

/// A record of the chain, as far as it may be shown.
enum Read {
    Shown(Box<EntryView>),
    KeptBack(u64, &'static str, &'static str, u64),
}

/// `/projects/<publisher>/<project>`.
pub(super) async fn project(
    State(api): State<Api>,
    Path(path): Path<String>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let of = ProjectPath::parse(&path).ok_or_else(ProjectPath::absent)?;
    let records = api
        .ledger
        .chain(&of.chain())?
        .ok_or_else(ProjectPath::absent)?;
    let p = Page::new(&api, &uri, "search");
    let count = records.records.len();
    let omitted = count.saturating_sub(RECORDS_MAX);
    let reads = read(&api, &records.records[omitted..], &p).await?;
    let views: Vec<&EntryView> = reads
        .iter()
        .filter_map(|read| match read {
            Read::Shown(view) => Some(view.as_ref()),
            Read::KeptBack(..) => None,
        })
        .collect();
    let report = project_report(&api, &of).await?;
    let rows: Vec<(Option<Stage>, String, RecordRow)> = reads
        .iter()
        .map(|read| row(&api, read, &views, &p))
        .collect();
    let disputes = rows
        .iter()
        .filter(|(_, kind, _)| DISPUTES.contains(&kind.as_str()));
    let disputes = disputes.map(|(_, _, row)| row.again()).collect();
    let (stages, others) = stages(rows, report.as_ref(), &p);
    let newest = views
        .iter()
        .rev()
        .find_map(|view| view.statement.fields().title().map(str::to_owned));
    let told = report
        .as_ref()
        .map(|report| report.title.clone())
        .filter(|title| !title.is_empty());
    let of_first = |member: &dyn Fn(&EntryView) -> Option<String>| {
        views
            .iter()
            .find_map(|view| member(view))
            .unwrap_or_default()
    };
    let category = of_first(&|view| view.statement.fields().category().map(str::to_owned));
    let region = of_first(&|view| view.statement.fields().region().map(str::to_owned));
    let (findings, due, settled) = findings(report.as_ref(), &p);
    let page = ProjectPage {
        title: Quoted::short(&told.or(newest).unwrap_or_else(|| of.project.clone()), 300),
        source: Quoted::new(&names::publisher(&api.ledger, &of.publisher)),
        category: names::category(&category, p.lang),
        region: names::region(&region, p.lang),
        codes: codes(&views, &p),
        stages,
        others,
        parties: parties(&views, p.lang, PARTIES_MAX),
        amendments: amendments(&views, &p),
        disputes,
        findings,
        due,
        settled,
        has_report: report.is_some(),
        rules: report.map_or_else(String::new, |report| report.pack),
        documents: documents(&views),
        count,
        omitted,
        indexed_size: records.indexed_size,
        ledger_size: api.ledger.head().tree.size,
        api_path: of.api_path(),
        publisher: of.publisher,
        project: of.project,
        p,
    };
    shown(&request, &page)
}

async fn read(api: &Api, indexes: &[u64], p: &Page) -> Result<Vec<Read>, Problem> {
    let w = p.w;
    let mut reads = Vec::with_capacity(indexes.len());
    for (index, view) in api.ledger.entries_at(indexes).await? {
        reads.push(match (api.ledger.showing(index), view) {
            (RecordShowing::Shown, Ok(view)) => Read::Shown(Box::new(view)),
            (RecordShowing::Withheld(given), _) => {
                Read::KeptBack(index, "withheld", w.withheld, given.record)
            }
            (RecordShowing::Erased { order }, _) | (_, Err(QueryError::Erased { order, .. })) => {
                Read::KeptBack(index, "erased", w.erased, order)
            }
            (_, Err(failure)) => return Err(failure.into()),
        });
    }
    Ok(reads)
}

fn row(
    api: &Api,
    read: &Read,
    views: &[&EntryView],
    p: &Page,
) -> (Option<Stage>, String, RecordRow) {
    let view = match read {
        Read::Shown(view) => view,
        Read::KeptBack(index, state, word, order) => {
            let row = RecordRow {
                index: *index,
                notice: None,
                kept_back: Some((state, word, *order)),
                lots: Vec::new(),
                amends: None,
                amended: Vec::new(),
                withdrawn: false,
                documents: 0,
            };
            return (None, String::new(), row);
        }
    };
    let statement = &view.statement;
    let fields = statement.fields();
    let id = statement.id();
    let amended = views.iter().filter_map(|later| {
        let amends = later
            .statement
            .amends()
            .filter(|amends| amends.statement == id)?;
        Some((amends.effect, later.header.index))
    });
    let amended: Vec<(Effect, u64)> = amended.collect();
    let row = RecordRow {
        index: view.header.index,
        notice: Some(notice(api, view, p.lang)),
        kept_back: None,
        lots: fields.lots().iter().map(|lot| Quoted::new(lot)).collect(),
        amends: statement.amends().map(|amends| {
            (
                super::entry::effect(amends.effect, p.lang),
                index_of(views, &amends.statement),
            )
        }),
        withdrawn: amended.iter().any(|(effect, _)| *effect != Effect::Correct),
        amended: amended
            .into_iter()
            .map(|(effect, index)| (super::entry::effect(effect, p.lang), index))
            .collect(),
        documents: fields.documents().len(),
    };
    (
        fields.stage(),
        fields.kind().unwrap_or_default().to_owned(),
        row,
    )
}

impl RecordRow {
    /// The same row in another table.
    fn again(&self) -> RecordRow {
        RecordRow {
            index: self.index,
            notice: self.notice.clone(),
            kept_back: self.kept_back,
            lots: self.lots.clone(),
            amends: self.amends,
            amended: self.amended.clone(),
            withdrawn: self.withdrawn,
            documents: self.documents,
        }
    }
}

fn index_of(views: &[&EntryView], id: &Hash) -> Option<u64> {
    let found = views.iter().find(|view| view.statement.id() == *id)?;
    Some(found.header.index)
}

/// The five stages with their records, and the records that are in none or are not shown.
fn stages(
    rows: Vec<(Option<Stage>, String, RecordRow)>,
    report: Option<&ProjectReport>,
    p: &Page,
) -> (Vec<StageView>, Vec<RecordRow>) {
    let (mut by_stage, mut others): (Vec<Vec<RecordRow>>, Vec<RecordRow>) =
        (Vec::new(), Vec::new());
    by_stage.resize_with(Stage::ALL.len(), Vec::new);
    for (stage, _, row) in rows {
        match stage.and_then(|stage| Stage::ALL.iter().position(|one| *one == stage)) {
            Some(at) => by_stage[at].push(row),
            None => others.push(row),
        }
    }
    let last_reached = by_stage.iter().rposition(|records| !records.is_empty());
    let stages = Stage::ALL
        .iter()
        .zip(by_stage)
        .enumerate()
        .map(|(n, (stage, records))| {
            let of_stage = report
                .into_iter()
                .flat_map(|report| &report.findings)
                .filter(|finding| finding.stage == stage.as_str());
            let has = |outcome: Outcome| {
                of_stage
                    .clone()
                    .filter(|finding| finding.outcome == outcome)
                    .count()
            };
            let problems = of_stage
                .clone()
                .filter(|finding| finding.outcome.is_finding())
                .count();
            let due = of_stage
                .clone()
                .filter(|finding| finding.outcome == Outcome::Due)
                .filter_map(|finding| finding.due.clone())
                .min();
            let (state, state_word) = stage_state(
                p,
                records.len(),
                has(Outcome::Missing),
                problems,
                due,
                last_reached.is_some_and(|last| n < last),
            );
            StageView {
                name: names::stage(*stage, p.lang),
                state,
                state_word,
                records,
            }
        });
    (stages.collect(), others)
}

fn stage_state(
    p: &Page,
    records: usize,
    missing: usize,
    problems: usize,
    due: Option<String>,
    is_passed: bool,
) -> (&'static str, String) {
    let say = |zh: String, en: String| p.lang.say(zh, en);
    if missing > 0 {
        return (
            "bad",
            say(
                format!("{missing} 项应公开而未见"),
                format!("{missing} due and not seen"),
            ),
        );
    }
    if problems > 0 {
        return (
            "warn",
            say(
                format!("{problems} 项待查"),
                format!("{problems} to look at"),
            ),
        );
    }
    if let Some(day) = due {
        return (
            "due",
            say(format!("{day} 前应公开"), format!("due by {day}")),
        );
    }
    match (records, is_passed) {
        (0, true) => (
            "none",
            say("未见公开".to_owned(), "nothing seen".to_owned()),
        ),
        (0, false) => (
            "none",
            say("尚未到此环节".to_owned(), "not reached".to_owned()),
        ),
        _ => ("done", say("已公开".to_owned(), "disclosed".to_owned())),
    }
}

fn codes(views: &[&EntryView], p: &Page) -> Vec<Quoted> {
    let mut codes: Vec<String> = Vec::new();
    for view in views {
        for code in view.statement.fields().codes() {
            let scheme = names::scheme(code.scheme, p.lang).unwrap_or(code.scheme);
            let text = format!("{scheme} {}", code.value);
            if codes.len() < 20 && !codes.contains(&text) {
                codes.push(text);
            }
        }
    }
    codes.iter().map(|code| Quoted::short(code, 200)).collect()
}

/// What each amendment changed.
fn amendments(views: &[&EntryView], p: &Page) -> Vec<AmendmentView> {
    let logged: Vec<Logged<'_>> = views
        .iter()
        .map(|view| Logged {
            index: view.header.index,
            time: view.header.time,
            statement: &view.statement,
            is_shown: true,
        })
        .collect();
    let steps = history(&logged);
    let amending = steps.iter().zip(views).filter_map(|(step, view)| {
        let amends = view.statement.amends()?;
        Some((step, view, amends.effect, step.amends?))
    });
    amending
        .map(|(step, view, effect, of)| {
            let rows = step.differences.iter().take(DIFFERENCES_MAX).map(|one| {
                let label = names::pointer(&one.pointer, Some(&step.kind), p.lang);
                (
                    Quoted::short(&label, 120),
                    Quoted::short(&words_of(one.before.as_ref()), 400),
                    Quoted::short(&words_of(one.after.as_ref()), 400),
                )
            });
            AmendmentView {
                index: step.index,
                effect: super::entry::effect(effect, p.lang),
                of,
                title: super::entry::title_of(&view.statement),
                rows: rows.collect(),
                omitted: step.differences.len().saturating_sub(DIFFERENCES_MAX),
            }
        })
        .collect()
}

/// A value as it is written; a text without its quotes.
fn words_of(value: Option<&serde_json::Value>) -> String {
    match value {
        None => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Findings; what is due; what is done or cannot be told.
fn findings(
    report: Option<&ProjectReport>,
    p: &Page,
) -> (Vec<FindingView>, Vec<FindingView>, Vec<FindingView>) {
    let (mut findings, mut due, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    for finding in report.into_iter().flat_map(|report| &report.findings) {
        let into = match finding.outcome {
            outcome if outcome.is_finding() => &mut findings,
            Outcome::Due | Outcome::Suspended => &mut due,
            _ => &mut settled,
        };
        into.push(finding_view(finding, p));
    }
    (findings, due, settled)
}

fn finding_view(finding: &Finding, p: &Page) -> FindingView {
    let law = format!("{} {}", finding.law, finding.article);
    let (class, word) = names::outcome(finding.outcome, p.lang);
    FindingView {
        class,
        word,
        text: Quoted::short(finding.said.in_(p.lang), 600),
        article: Quoted::short(law.trim(), 120),
        rule: Quoted::short(&finding.rule, 60),
        due: finding.due.clone().unwrap_or_default(),
        done: finding.done.clone().unwrap_or_default(),
        evidence: finding.evidence.clone(),
        claimed_only: finding.claimed_only,
    }
}

fn documents(views: &[&EntryView]) -> Vec<DocumentView> {
    let mut documents = Vec::new();
    for view in views {
        for document in view.statement.fields().documents() {
            documents.push(DocumentView {
                name: Quoted::short(document.name, 160),
                record: view.header.index,
                sha256: document.sha256.to_string(),
                size: super::entry::bytes(document.size),
            });
        }
    }
    documents
}
