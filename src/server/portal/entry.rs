//! The page of one record: what it says, who signed it, where it stands, and how to check all that, here and without us.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::names::{self, beijing};
use super::quoted::Quoted;
use super::view::{self, Block, Cell, Seals};
use super::words::words;
use super::{Page, base_url, policy, shown, shown_as};
use crate::ledger::{DocumentShowing, EntryView, QueryError, RecordShowing};
use crate::said;
use crate::server::Api;
use crate::server::api::{parse_index, refuse_withheld};
use crate::server::problem::{Problem, kinds};
use crate::server::request::wants_page;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{Hash, leaf_hash};
use crate::tlog::note::Note;
use crate::trade::orders::Given;
use crate::trade::record::RecordHeader;
use crate::trade::statement::{Act, Chain, Effect, Statement, Target};
use crate::trade::vocabulary;

/// Later records of the chain that are looked through for amendments, at most.
const LATER_RECORDS_MAX: usize = 256;

/// The beginning of a DER public key of Ed25519 (RFC 8410 §4), to which the 32 bytes are added.
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    p: Page,
    index: u64,
    title: Quoted,
    kind: String,
    category: String,
    publisher: Quoted,
    project_link: Option<String>,
    summary: Vec<(&'static str, Vec<Cell>)>,
    blocks: Vec<Block>,
    events: Vec<(Quoted, Cell)>,
    documents: Vec<DocumentRow>,
    names_documents: bool,
    signers: Vec<Signer>,
    time: String,
    time_iso: String,
    id: String,
    leaf_hash: String,
    link: String,
    covering: Covering,
    amended_by: Vec<Amendment>,
    amends: Option<Amendment>,
    seen_size: u64,
    text: Quoted,
    base: String,
    address: String,
    qr: Option<Qr>,
    ledger_size: u64,
}

#[derive(Debug)]
struct DocumentRow {
    name: Quoted,
    size: String,
    sha256: String,
    state: &'static str,
    state_word: &'static str,
    why: Quoted,
    order: Option<u64>,
    is_kept: bool,
}

/// A signature line, and the key it names.
#[derive(Debug)]
struct Signer {
    key_name: Quoted,
    display: Option<Quoted>,
    role: Option<&'static str>,
    vkey: Option<String>,
    admitted_at: Option<u64>,
    revoked_at: Option<u64>,
    /// Its line of the entry, from 1.
    line: usize,
    /// The public key as DER in base64, for openssl.
    spki: Option<String>,
}

#[derive(Debug)]
struct Covering {
    size: u64,
    is_met: bool,
    asks_witnesses: bool,
    have: usize,
    need: usize,
    cosigned: Vec<(String, String)>,
}

#[derive(Debug)]
struct Amendment {
    index: Option<u64>,
    effect: &'static str,
    title: Quoted,
}

/// Dark modules of a QR code as one path, to be scaled.
#[derive(Debug)]
struct Qr {
    side: usize,
    path: String,
}

#[derive(Template)]
#[template(path = "withheld.html")]
struct WithheldPage {
    p: Page,
    index: u64,
    is_erased: bool,
    header: Option<RecordHeader>,
    time: String,
    id: Option<String>,
    leaf_hash: Option<String>,
    publisher: Option<Quoted>,
    project_link: Option<String>,
    order: u64,
    by: Option<Quoted>,
    class: Option<&'static str>,
    basis: Quoted,
    approver: Option<Quoted>,
    review_at: Option<String>,
    checkpoint: Option<String>,
    proof: Vec<String>,
}

#[derive(Template)]
#[template(path = "mismatch.html")]
struct MismatchPage {
    p: Page,
    index: u64,
    wanted: Quoted,
    found: String,
}

/// `/entries/<index>`, with `?id=` the page that a printed code leads to.
pub(super) async fn entry(
    State(api): State<Api>,
    Path(index): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let index = parse_index(&index)?;
    let p = Page::new(&api, &uri, "");
    let showing = api.ledger.showing(index);
    match &showing {
        RecordShowing::Shown => {}
        _ if wants_json(&request) => {
            refuse_withheld(&api.ledger, index).await?;
        }
        RecordShowing::Withheld(given) => return withheld(&api, p, index, given).await,
        RecordShowing::Erased { .. } => return erased(&api, p, index),
    }
    let view = match api.ledger.entry(index).await {
        Ok(view) => view,
        Err(QueryError::Erased { .. }) if !wants_json(&request) => return erased(&api, p, index),
        Err(failure) => return Err(failure.into()),
    };
    let id = view.statement.id().to_string();
    if let Some((_, wanted)) = asked
        .iter()
        .find(|(name, wanted)| name == "id" && *wanted != id)
    {
        let page = MismatchPage {
            p,
            index,
            wanted: Quoted::short(wanted, 100),
            found: id,
        };
        return shown_as(StatusCode::NOT_FOUND, &page);
    }
    let page = page_of(&api, p, view, &request).await?;
    shown(&request, &page)
}

/// Programs that ask for JSON by name get the problem; everybody else the page.
fn wants_json(request: &HeaderMap) -> bool {
    let accepts = request
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    !wants_page(request) && accepts.is_some_and(|accepted| accepted.contains("json"))
}

async fn page_of(
    api: &Api,
    p: Page,
    view: EntryView,
    request: &HeaderMap,
) -> Result<EntryPage, Problem> {
    let (lang, statement, index) = (p.lang, &view.statement, view.header.index);
    let fields = statement.fields();
    let seals = seals(api, index, statement).await?;
    let is_trade = matches!(statement.chain(), Chain::Trade { .. });
    let kind_id = fields.kind().unwrap_or_default().to_owned();
    let kind = if is_trade && !kind_id.is_empty() {
        names::kind(&kind_id, lang)
    } else {
        names::statement_type(statement.statement_type(), lang)
            .map_or_else(|| statement.statement_type().to_owned(), str::to_owned)
    };
    let title = fields
        .title()
        .map_or_else(|| Quoted::new(&kind), |title| Quoted::short(title, 500));
    let details = fields
        .details()
        .filter(|details| details.members().is_some());
    let blocks = match details {
        Some(details) if is_trade => view::blocks(
            details,
            "/details",
            vocabulary::kind(&kind_id),
            &[],
            &seals,
            lang,
        ),
        // No kind's fields: every member by its own name.
        _ => view::blocks(fields.value(), "", None, &FRAME, &seals, lang),
    };
    let events = fields
        .events()
        .into_iter()
        .map(|(name, time)| {
            (
                Quoted::new(&names::event(name, lang)),
                view::time_cell(&time),
            )
        })
        .collect();
    let covering = covering(api, index).await?;
    let ledger_size = api.ledger.head().tree.size;
    let (amended_by, seen_size) = amended_by(api, index, statement, lang).await?;
    let base = base_url(request);
    let address = format!(
        "{base}{}?id={}",
        p.at(&format!("/entries/{index}")),
        statement.id()
    );
    let project_link = statement.project().zip(statement.publisher());
    let project_link =
        project_link.map(|(project, publisher)| p.at(&format!("/projects/{publisher}/{project}")));
    let documents = documents(api, statement, &p).await?;
    Ok(EntryPage {
        index,
        title,
        kind,
        category: fields
            .category()
            .map_or_else(String::new, |id| names::category(id, lang)),
        publisher: Quoted::new(&names::publisher(
            &api.ledger,
            statement.publisher().unwrap_or_default(),
        )),
        project_link,
        summary: summary(api, statement, &p),
        blocks,
        events,
        names_documents: !documents.is_empty(),
        documents,
        signers: signers(api, statement, &p),
        time: beijing(view.header.time),
        time_iso: view.header.time.to_string(),
        id: statement.id().to_string(),
        leaf_hash: leaf_hash(&view.entry).to_string(),
        link: view.header.link.to_string(),
        covering,
        amended_by,
        amends: amends(api, statement, lang).await?,
        seen_size,
        text: Quoted::new(statement.text().trim_end()),
        qr: qr(&address),
        base,
        address,
        ledger_size,
        p,
    })
}

/// Members of the frame, which the page shows in its other parts.
const FRAME: [&str; 18] = [
    "type",
    "v",
    "ledger",
    "publisher",
    "follows",
    "project",
    "ref",
    "stage",
    "kind",
    "category",
    "title",
    "region",
    "issued",
    "codes",
    "lots",
    "documents",
    "events",
    "method",
];

fn summary(api: &Api, statement: &Statement, p: &Page) -> Vec<(&'static str, Vec<Cell>)> {
    let (lang, w) = (p.lang, p.w);
    let fields = statement.fields();
    let mut rows: Vec<(&'static str, Vec<Cell>)> = Vec::new();
    let text = |text: &str| vec![Cell::Text(Quoted::new(text))];
    if let (Some(project), Some(publisher)) = (statement.project(), statement.publisher()) {
        let link = Cell::Link {
            href: p.at(&format!("/projects/{publisher}/{project}")),
            text: Quoted::new(project),
        };
        rows.push((w.col_project, vec![link]));
    }
    match (fields.kind(), fields.stage()) {
        (Some(kind), Some(stage)) => {
            let kind = names::kind(kind, lang);
            rows.push((
                w.col_kind,
                text(&format!("{kind} · {}", names::stage(stage, lang))),
            ));
        }
        (Some(kind), None) => rows.push((w.col_kind, text(&names::kind(kind, lang)))),
        _ => {
            let id = statement.statement_type();
            rows.push((
                w.statement_type,
                text(names::statement_type(id, lang).unwrap_or(id)),
            ));
        }
    }
    if let Some(category) = fields.category() {
        rows.push((w.col_category, text(&names::category(category, lang))));
    }
    if let Some(publisher) = statement.publisher() {
        let display = names::publisher(&api.ledger, publisher);
        let mut cells = vec![Cell::Link {
            href: names::search_link(lang, &[("publisher", publisher)]),
            text: Quoted::new(&display),
        }];
        if display != publisher {
            cells.push(Cell::Code(Quoted::new(publisher)));
        }
        rows.push((w.col_source, cells));
    }
    if let Some(region) = fields.region() {
        rows.push((w.col_region, text(&names::region(region, lang))));
    }
    let lots = fields.lots();
    if !lots.is_empty() {
        rows.push((
            w.col_lots,
            lots.iter()
                .map(|lot| Cell::Text(Quoted::new(lot)))
                .collect(),
        ));
    }
    if let Some(issued) = statement.issued() {
        rows.push((w.issued, vec![view::time_cell(&issued)]));
    }
    if let Some(method) = fields.method() {
        rows.push((w.method, text(&names::method(method, lang))));
    }
    if let Some(mandatory) = fields.mandatory_tender() {
        rows.push((w.mandatory, text(if mandatory { w.yes } else { w.no })));
    }
    let codes: Vec<Cell> = fields
        .codes()
        .iter()
        .map(|code| {
            let scheme = names::scheme(code.scheme, lang).unwrap_or(code.scheme);
            Cell::Text(Quoted::new(&format!("{scheme} {}", code.value)))
        })
        .collect();
    if !codes.is_empty() {
        rows.push((w.codes, codes));
    }
    if let Some(reference) = fields.reference() {
        rows.push((w.reference, vec![Cell::Code(Quoted::new(reference))]));
    }
    if let Some(about) = fields.about() {
        let mut cells = vec![Cell::Link {
            href: p.at(&format!("/projects/{}/{}", about.publisher, about.project)),
            text: Quoted::new(&format!("{} {}", about.publisher, about.project)),
        }];
        if let Some(id) = about.statement {
            cells.push(Cell::Link {
                href: names::search_link(lang, &[("id", &id.to_string())]),
                text: Quoted::new(&id.to_string()),
            });
        }
        rows.push((w.about, cells));
    }
    rows
}

/// What may be shown of the statement's commitments, and what keeps the others back.
async fn seals(api: &Api, index: u64, statement: &Statement) -> Result<Seals, Problem> {
    let id = statement.id();
    let mut kept_back = std::collections::HashMap::new();
    for given in api.ledger.orders().about_statement(&id) {
        if let Target::Opening(pointer) = &given.order.target
            && let Some(by) = api.ledger.opening_shown(index, &id, pointer)?.withheld_by()
        {
            kept_back.insert(pointer.clone(), by.clone());
        }
    }
    Ok(Seals {
        openings: api.ledger.openings(&id).await?,
        kept_back,
    })
}

async fn documents(
    api: &Api,
    statement: &Statement,
    p: &Page,
) -> Result<Vec<DocumentRow>, Problem> {
    let w = p.w;
    let mut rows = Vec::new();
    for document in statement.fields().documents() {
        let digest = document.sha256;
        let showing = api.ledger.document_shown(&digest).await?;
        let (state, state_word, given) = match &showing {
            DocumentShowing::Withheld(given) => ("withheld", w.withheld, Some(given)),
            DocumentShowing::Erased(given) => ("erased", w.erased, Some(given)),
            DocumentShowing::RecordErased { .. } => ("erased", w.erased, None),
            DocumentShowing::Shown(_) | DocumentShowing::Unnamed => ("", "", None),
        };
        let name = format!("documents/{digest}");
        let is_kept = state.is_empty() && api.ledger.store().size(&name).await?.is_some();
        rows.push(DocumentRow {
            name: Quoted::short(document.name, 200),
            size: bytes(document.size),
            sha256: digest.to_string(),
            state,
            state_word,
            why: given.map_or_else(Quoted::default, |given| {
                Quoted::new(&view::reason(given, p.lang))
            }),
            order: given.map(|given| given.record),
            is_kept,
        });
    }
    Ok(rows)
}

/// `1.9 kB`, for people.
pub(super) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut rest, mut tenths, mut unit) = (count, 0, 0);
    while rest >= 1_000 && unit + 1 < units.len() {
        (tenths, rest, unit) = (rest % 1_000 / 100, rest / 1_000, unit + 1);
    }
    if unit == 0 {
        format!("{rest} B")
    } else {
        format!("{rest}.{tenths} {}", units[unit])
    }
}

fn signers(api: &Api, statement: &Statement, p: &Page) -> Vec<Signer> {
    let keys = api.ledger.keys();
    // Line 1 header, 2 text, 3 empty: signature lines begin at 4.
    let lines = statement.signatures().iter().zip(4..);
    lines
        .map(|(signature, line)| {
            let key = keys.keys().find(|key| signature.names(&key.vkey));
            let authority = || {
                let sets = keys.authorities();
                let vkey = sets
                    .flat_map(|(_, set)| &set.vkeys)
                    .find(|vkey| signature.names(vkey));
                vkey.cloned()
            };
            let vkey = key.map(|key| key.vkey.clone()).or_else(authority);
            let role = match key {
                Some(key) => Some(names::role(key.role, p.lang)),
                None => vkey.as_ref().map(|_| p.lang.say("管理机关", "authority")),
            };
            Signer {
                key_name: Quoted::new(&signature.name),
                display: key
                    .filter(|key| key.name != signature.name)
                    .map(|key| Quoted::new(&key.name)),
                role,
                spki: vkey
                    .as_ref()
                    .map(|vkey| STANDARD.encode([&SPKI_ED25519[..], vkey.public_key()].concat())),
                vkey: vkey.map(|vkey| vkey.to_string()),
                admitted_at: key.map(|key| key.admitted_at),
                revoked_at: key.and_then(|key| key.revoked.as_ref().map(|revoked| revoked.index)),
                line,
            }
        })
        .collect()
}

/// The checkpoint that the record's receipt has, and who cosigned it.
async fn covering(api: &Api, index: u64) -> Result<Covering, Problem> {
    let (note, _) = api.ledger.inclusion(index).await?;
    let policy = policy(api);
    // One under an older log key, or by a retired policy, is shown by its size; who signed it the verifier says.
    let Ok(opened) = policy.open(note.as_bytes()) else {
        let size = Note::parse(note.as_bytes())
            .ok()
            .and_then(|note| Checkpoint::parse(&note.text).ok());
        return Ok(Covering {
            size: size.map_or(0, |checkpoint| checkpoint.tree.size),
            is_met: false,
            asks_witnesses: !policy.witnesses().is_empty(),
            have: 0,
            need: 0,
            cosigned: Vec::new(),
        });
    };
    let quorum = opened.quorum();
    let time = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| crate::trade::time::Time::from_ms(seconds.checked_mul(1_000)?))
            .map_or_else(|| seconds.to_string(), beijing)
    };
    Ok(Covering {
        size: opened.tree().size,
        is_met: quorum.met,
        asks_witnesses: !policy.witnesses().is_empty(),
        have: quorum.have,
        need: quorum.need,
        cosigned: opened
            .cosignatures()
            .iter()
            .map(|one| (one.name.clone(), time(one.timestamp)))
            .collect(),
    })
}

/// Later statements of the chain that amend this one, and how far was looked.
async fn amended_by(
    api: &Api,
    index: u64,
    statement: &Statement,
    lang: super::Lang,
) -> Result<(Vec<Amendment>, u64), Problem> {
    let Some(chain) = api.ledger.chain(statement.chain())? else {
        return Ok((Vec::new(), index + 1));
    };
    let seen_size = api.ledger.head().tree.size;
    let mut found = Vec::new();
    let later = &chain.records[chain.records.partition_point(|record| *record <= index)..];
    let (looked, beyond) = later.split_at(later.len().min(LATER_RECORDS_MAX));
    let seen_to = beyond.first().copied().unwrap_or(seen_size);
    let mut shown = looked.to_vec();
    shown.retain(|record| api.ledger.showing(*record).is_shown());
    for (record, view) in api.ledger.entries_at(&shown).await? {
        let view = match view {
            Ok(view) => view,
            Err(QueryError::Erased { .. }) => continue, // Ordered this moment.
            Err(failure) => return Err(failure.into()),
        };
        if let Some(amends) = view.statement.amends()
            && amends.statement == statement.id()
        {
            found.push(Amendment {
                index: Some(record),
                effect: effect(amends.effect, lang),
                title: title_of(&view.statement),
            });
        }
    }
    Ok((found, seen_to))
}

async fn amends(
    api: &Api,
    statement: &Statement,
    lang: super::Lang,
) -> Result<Option<Amendment>, Problem> {
    let Some(amends) = statement.amends() else {
        return Ok(None);
    };
    let index = api.ledger.statement(&amends.statement)?;
    let mut title = Quoted::new(&amends.statement.to_string());
    if let Some(index) = index.filter(|index| api.ledger.showing(*index).is_shown()) {
        title = title_of(&api.ledger.entry(index).await?.statement);
    }
    Ok(Some(Amendment {
        index,
        effect: effect(amends.effect, lang),
        title,
    }))
}

pub(super) fn effect(effect: Effect, lang: super::Lang) -> &'static str {
    let w = words(lang);
    match effect {
        Effect::Correct => w.effect_correct,
        Effect::Replace => w.effect_replace,
        Effect::Withdraw => w.effect_withdraw,
    }
}

/// The title, else the type.
pub(super) fn title_of(statement: &Statement) -> Quoted {
    let fields = statement.fields();
    Quoted::short(fields.title().unwrap_or(statement.statement_type()), 200)
}

async fn withheld(api: &Api, p: Page, index: u64, given: &Given) -> Result<Response, Problem> {
    let view = api.ledger.entry(index).await?;
    let (checkpoint, proof) = api.ledger.inclusion(index).await?;
    let order = &given.order;
    let statement = &view.statement;
    let project_link = statement.project().zip(statement.publisher());
    let page = WithheldPage {
        project_link: project_link
            .map(|(project, publisher)| p.at(&format!("/projects/{publisher}/{project}"))),
        index,
        is_erased: order.act == Act::Erase,
        time: beijing(view.header.time),
        header: Some(view.header),
        id: Some(statement.id().to_string()),
        leaf_hash: Some(leaf_hash(&view.entry).to_string()),
        publisher: statement
            .publisher()
            .map(|name| Quoted::new(&names::publisher(&api.ledger, name))),
        order: given.record,
        by: Some(Quoted::new(&names::publisher(&api.ledger, &given.by))),
        class: Some(names::order_class(order.class, p.lang)),
        basis: Quoted::new(&order.basis),
        approver: Some(Quoted::new(&order.approver)),
        review_at: order.review_at.map(|time| beijing(time.time)),
        checkpoint: Some(checkpoint),
        proof: proof.into_iter().map(Hash::to_base64).collect(),
        p,
    };
    shown_as(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, &page)
}

fn erased(api: &Api, p: Page, index: u64) -> Result<Response, Problem> {
    let keys = api.ledger.keys();
    let Some(erased) = keys.erased(index) else {
        return Err(Problem::new(
            &kinds::ERASED,
            said!(
                "第 {index} 号记录已依命令清除",
                "record {index} was erased by order"
            ),
        ));
    };
    let erasure = &erased.erasure;
    let link = erasure.project.as_ref();
    let page = WithheldPage {
        project_link: link
            .map(|project| p.at(&format!("/projects/{}/{project}", erasure.publisher))),
        index,
        is_erased: true,
        header: None,
        time: String::new(),
        id: Some(erasure.statement.to_string()),
        leaf_hash: Some(erasure.leaf_hash.to_string()),
        publisher: Some(Quoted::new(&names::publisher(
            &api.ledger,
            &erasure.publisher,
        ))),
        order: erased.ordered_at,
        by: None,
        class: None,
        basis: Quoted::new(&erasure.basis),
        approver: None,
        review_at: None,
        checkpoint: None,
        proof: Vec::new(),
        p,
    };
    shown_as(StatusCode::GONE, &page)
}

/// The address as a QR code of medium redundancy: paper gets stamped and folded.
fn qr(address: &str) -> Option<Qr> {
    let code = qrcode::QrCode::with_error_correction_level(address, qrcode::EcLevel::M).ok()?;
    let side = code.width();
    let mut path = String::new();
    for (n, colour) in code.to_colors().into_iter().enumerate() {
        if colour == qrcode::Color::Dark {
            // Four modules of quiet zone on every side (ISO/IEC 18004 §6.3.8).
            path.push_str(&format!("M{} {}h1v1h-1z", n % side + 4, n / side + 4));
        }
    }
    Some(Qr {
        side: side + 8,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_round_figures() {
        for (count, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_960, "1.9 kB"),
            (2_000_000_000, "2.0 GB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
    }

    #[test]
    fn an_address_has_a_code_with_a_quiet_zone() {
        let address = format!(
            "https://ggzy.example.gov.cn/entries/123456?id={}",
            "a".repeat(64)
        );
        let code = qr(&address).unwrap();
        assert!(code.side >= 29 + 8 && code.path.starts_with("M4 4h1v1h-1z"));
        assert!(qr(&"x".repeat(10_000)).is_none());
    }
}
