//! The page about the ledger itself: checkpoint, witnesses, keys with their history, and how timely the disclosures are.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::charts::{Bar, Months, bars, months, percent};
use super::health::{Health, health};
use super::names::{self, beijing};
use super::quoted::Quoted;
use super::{Page, policy, shown};
use crate::rules::statistics::{Counts, Statistics};
use crate::server::Api;
use crate::server::problem::Problem;
use crate::trade::keys::AdmittedKey;
use crate::trade::statement::Role;

/// Keys on the page, at most; the API lists them all.
const KEYS_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    p: Page,
    health: Health,
    note: String,
    policy: String,
    operator: Quoted,
    genesis: String,
    authorities: Vec<AuthorityRow>,
    keys: Vec<KeyRow>,
    keys_omitted: usize,
    timeliness: Option<Timeliness>,
}

#[derive(Debug)]
struct AuthorityRow {
    set_at: u64,
    threshold: usize,
    vkeys: Vec<String>,
    is_in_force: bool,
}

#[derive(Debug)]
struct KeyRow {
    role: &'static str,
    name: Quoted,
    vkey: String,
    live_from: Option<String>,
    admitted_at: u64,
    revoked: Option<(u64, Quoted)>,
}

/// What the rules say of the whole ledger.
#[derive(Debug)]
struct Timeliness {
    size: u64,
    is_ready: bool,
    pack: String,
    projects: u64,
    with_findings: u64,
    findings: u64,
    in_time: Option<String>,
    by_category: Vec<Bar>,
    by_region: Vec<Bar>,
    by_stage: Vec<Bar>,
    by_month: Option<Months>,
}

/// `/ledger`.
pub(super) async fn ledger(
    State(api): State<Api>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "ledger");
    let keys = api.ledger.keys();
    let sets: Vec<_> = keys.authorities().collect();
    let last = sets.len().saturating_sub(1);
    let authorities = sets
        .iter()
        .enumerate()
        .map(|(n, (set_at, set))| AuthorityRow {
            set_at: *set_at,
            threshold: set.threshold,
            vkeys: set.vkeys.iter().map(ToString::to_string).collect(),
            is_in_force: n == last,
        });
    let authorities = authorities.collect();
    let all: Vec<&AdmittedKey> = keys.keys().collect();
    let head = api.ledger.head();
    let shown_note = api
        .ledger
        .checkpoint()
        .map_or_else(|| head.note.clone(), |checkpoint| checkpoint.note.clone());
    let page = LedgerPage {
        health: health(&api, &p),
        note: shown_note,
        policy: policy(&api).encode(),
        operator: Quoted::new(&keys.operator().name),
        genesis: keys.genesis_id().to_string(),
        authorities,
        keys_omitted: all.len().saturating_sub(KEYS_MAX),
        keys: all.iter().take(KEYS_MAX).map(|key| row(key, &p)).collect(),
        timeliness: timeliness(&api, &p).await?,
        p,
    };
    shown(&request, &page)
}

fn row(key: &AdmittedKey, p: &Page) -> KeyRow {
    KeyRow {
        role: names::role(key.role, p.lang),
        name: Quoted::short(&key.name, 80),
        vkey: key.vkey.to_string(),
        live_from: key
            .live_from
            .filter(|_| key.role == Role::Publisher)
            .map(|time| beijing(time.time)),
        admitted_at: key.admitted_at,
        revoked: key
            .revoked
            .as_ref()
            .map(|revoked| (revoked.index, Quoted::short(&revoked.reason, 200))),
    }
}

async fn timeliness(api: &Api, p: &Page) -> Result<Option<Timeliness>, Problem> {
    let Some(view) = api.options.law.clone() else {
        return Ok(None);
    };
    let counted = tokio::task::spawn_blocking(move || {
        let statistics = view.statistics()?;
        let pack = view.book().pack.version.clone();
        Ok::<_, std::io::Error>((statistics, view.size(), view.is_ready(), pack))
    });
    let counted = counted
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    let (statistics, size, is_ready, pack) =
        counted.map_err(|error| Problem::internal(error.to_string()))?;
    let lang = p.lang;
    let Statistics {
        all,
        by_category,
        by_region,
        by_stage,
        by_month,
        ..
    } = &*statistics;
    let named = |name: &dyn Fn(&str) -> String,
                 groups: &mut dyn Iterator<Item = (&str, &Counts)>|
     -> Vec<Bar> { bars(groups.map(|(id, counts)| (name(id), counts))) };
    Ok(Some(Timeliness {
        size,
        is_ready,
        pack,
        projects: all.projects,
        with_findings: all.with_findings,
        findings: all.findings(),
        in_time: all.in_time_per_mille().map(percent),
        by_category: named(
            &|id| names::category(id, lang),
            &mut by_category.iter().map(|(id, counts)| (id.as_str(), counts)),
        ),
        by_region: named(
            &|id| names::region(id, lang),
            &mut by_region.iter().map(|(id, counts)| (id.as_str(), counts)),
        ),
        by_stage: named(
            &|id| {
                crate::trade::vocabulary::Stage::parse(id).map_or_else(
                    || id.to_owned(),
                    |stage| names::stage(stage, lang).to_owned(),
                )
            },
            &mut by_stage.iter().map(|(id, counts)| (*id, counts)),
        ),
        by_month: months(
            by_month
                .iter()
                .map(|(month, counts)| (month.as_str(), counts)),
        ),
    }))
}
