//! The front page: a search box with the platform's filters, the latest notices, today's figures, and how the ledger is.

use std::sync::{Arc, Mutex};

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::filters::{Filters, filters};
use super::health::{Health, health};
use super::list::{Line, Notice, notice};
use super::names::{self, beijing_day, search_link};
use super::{Page, shown};
use crate::search::{Query, Search};
use crate::server::Api;
use crate::server::problem::Problem;
use crate::trade::statement::Body;
use crate::trade::time::Time;
use crate::trade::vocabulary::Stage;

/// Notices on the front page.
const LATEST: usize = 20;
/// Records at the end of the log that are looked through for them, at most.
const LOOKED_THROUGH_MAX: u64 = 1_024;
const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    p: Page,
    filters: Filters,
    latest: Vec<Line>,
    figures: Option<Arc<Figures>>,
    stages: Vec<StageRow>,
    health: Health,
}

#[derive(Debug)]
struct StageRow {
    name: &'static str,
    /// Count and link: today, in seven days, in all.
    counts: [(usize, String); 3],
}

/// Notices by stage and period, as the search index counts them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    today: String,
    week: String,
    indexed_size: u64,
    /// Today, in seven days, in all; the last row counts all stages.
    counts: Vec<[usize; 3]>,
}

/// The figures last counted: they change only with the day and the index.
#[derive(Debug, Default)]
pub(in crate::server) struct FiguresMemory(Mutex<Option<Arc<Figures>>>);

/// `/`.
pub(super) async fn home(
    State(api): State<Api>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "home");
    let figures = figures(&api).await;
    let stages = figures
        .as_ref()
        .map_or_else(Vec::new, |figures| rows(figures, &p));
    let page = HomePage {
        filters: filters(&api, &[], p.lang),
        latest: latest(&api, p.lang).await?,
        stages,
        figures,
        health: health(&api, &p),
        p,
    };
    shown(&request, &page)
}

/// The newest notices that may be shown, from the end of the log: no index is asked, so none can lag.
async fn latest(api: &Api, lang: super::Lang) -> Result<Vec<Line>, Problem> {
    let mut lines: Vec<Line> = Vec::new();
    let size = api.ledger.head().tree.size;
    let floor = size.saturating_sub(LOOKED_THROUGH_MAX);
    let mut until = size;
    while lines.len() < LATEST && until > floor {
        // One bundle at a time.
        let from = ((until - 1) / 256 * 256).max(floor);
        let count = usize::try_from(until - from).expect("at most 256");
        for view in api.ledger.entries(from, count).await?.iter().rev() {
            let index = view.header.index;
            let is_notice = matches!(view.statement.body(), Body::Trade(_));
            if is_notice && lines.len() < LATEST && api.ledger.showing(index).is_shown() {
                let notice: Notice = notice(api, view, lang);
                lines.push(Line {
                    index,
                    notice: Some(notice),
                    kept_back: None,
                });
            }
        }
        until = from;
    }
    Ok(lines)
}

async fn figures(api: &Api) -> Option<Arc<Figures>> {
    let search = api.options.search.clone()?;
    let now = api.ledger.wall_time();
    let today = beijing_day(now);
    let week = Time::from_ms(now.as_ms() - 6 * DAY_MS).map(beijing_day)?;
    let known = api.figures.0.lock().ok()?.clone();
    if let Some(known) =
        known.filter(|known| known.today == today && known.indexed_size == search.size())
    {
        return Some(known);
    }
    let counted = tokio::task::spawn_blocking(move || count(&search, today, week)).await;
    let counted = Arc::new(counted.ok()??);
    *api.figures.0.lock().ok()? = Some(counted.clone());
    Some(counted)
}

fn count(search: &Search, today: String, week: String) -> Option<Figures> {
    let indexed_size = search.size();
    let mut counts = Vec::new();
    for stage in Stage::ALL {
        let mut row = [0; 3];
        for (cell, from) in row.iter_mut().zip([today.as_str(), week.as_str(), ""]) {
            let conditions = [("stage", stage.as_str()), ("from", from), ("limit", "1")];
            *cell = search.query(&Query::parse(conditions).ok()?).ok()?.count;
        }
        counts.push(row);
    }
    let sum = |n: usize| counts.iter().map(|row: &[usize; 3]| row[n]).sum();
    counts.push([sum(0), sum(1), sum(2)]);
    Some(Figures {
        today,
        week,
        indexed_size,
        counts,
    })
}

fn rows(figures: &Figures, p: &Page) -> Vec<StageRow> {
    let stages = Stage::ALL
        .iter()
        .map(|stage| (names::stage(*stage, p.lang), stage.as_str()));
    let stages = stages.chain([(p.w.all, "")]);
    let rows = stages.zip(&figures.counts).map(|((name, stage), counts)| {
        let link = |from: &str| {
            let conditions = [("stage", stage), ("from", from)];
            let given: Vec<(&str, &str)> = conditions
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect();
            search_link(p.lang, &given)
        };
        StageRow {
            name,
            counts: [
                (counts[0], link(&figures.today)),
                (counts[1], link(&figures.week)),
                (counts[2], link("")),
            ],
        }
    });
    rows.collect()
}
