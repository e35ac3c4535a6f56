//! Looking things up: records, statements, projects, receipts, proofs, keys, openings.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{json, link_next};
use super::types::WithheldRecord;
use super::types::{
    Consistency, Endorsement, ErasedRecord, Feed, Key, Keys, ProblemAnswer, Record, TreeAnswer,
};
use super::withheld::{by_order, refuse_withheld};
use crate::lang::{Bilingual, Said};
use crate::ledger::{QueryError, RecordShowing};
use crate::said;
use crate::server::Api;
use crate::server::cache;
use crate::server::problem::{Problem, kinds};
use crate::server::request::Params;
use crate::tlog::merkle::Hash;
use crate::trade::names;
use crate::trade::statement::{Act, Chain, Target};

/// Records of one page, at most: a full bundle.
pub const PAGE_MAX: usize = 256;
/// Records of one page, if nothing is said.
const PAGE: usize = 50;

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct PageParams {
    /// The index of the last record already known; absent: from the first.
    pub(super) after: Option<u64>,
    /// At most so many records, 1 to 256; 50 if nothing is said.
    pub(super) limit: Option<usize>,
}

impl PageParams {
    /// The first index wanted.
    pub(in crate::server) fn from(&self) -> u64 {
        self.after.map_or(0, |after| after.saturating_add(1))
    }

    /// How many, at most.
    pub(in crate::server) fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if (1..=PAGE_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "limit 为 {limit}，应为 1 至 {PAGE_MAX}",
                "limit is {limit}, wanted 1 to {PAGE_MAX}"
            ),
        ))
    }
}

/// One record.
#[utoipa::path(
    get,
    path = "/api/v1/records/{index}",
    tag = "read",
    params(("index" = u64, Path, description = "Leaf index, from 0")),
    responses(
        (status = 200, description = "The record", body = Record),
        (status = 404, description = "The log does not reach so far", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 410, description = "Erased by order", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 451, description = "Withheld by order; header, hash and proof are told", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn record(
    State(api): State<Api>,
    Path(index): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let index = parse_index(&index)?;
    refuse_withheld(&api.ledger, index).await?;
    let view = api.ledger.entry(index).await?;
    let mut record = Record::of(&view);
    record.endorsed_by = endorsed_by(&api, &view.statement.id()).await?;
    Ok(json(&request, &record))
}

/// The records in log order. `Link` (RFC 8288) leads to the next page while there is one; `after` in the answer is where a
/// follower goes on later.
#[utoipa::path(
    get,
    path = "/api/v1/records",
    tag = "read",
    params(PageParams),
    responses(
        (status = 200, description = "A page of records", body = Feed, headers(("Link" = String, description = "rel=\"next\""))),
        (status = 400, description = "A parameter is malformed", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn records(
    State(api): State<Api>,
    Params(page): Params<PageParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let (from, limit) = (page.from(), page.limit()?);
    let tree_size = api.ledger.head().tree.size;
    let until = from.saturating_add(limit as u64).min(tree_size);
    let taken = usize::try_from(until.saturating_sub(from)).expect("at most limit");
    let (mut records, mut withheld) = (Vec::new(), Vec::new());
    for view in api.ledger.entries(from, taken).await? {
        match api.ledger.showing(view.header.index) {
            RecordShowing::Shown => records.push(Record::of(&view)),
            RecordShowing::Withheld(given) => withheld.push(WithheldRecord::of(&view, &given)),
            RecordShowing::Erased { .. } => {} // Ordered a moment ago; told below.
        }
    }
    let keys = api.ledger.keys();
    let erased = keys
        .erasures()
        .filter(|erased| (from..until).contains(&erased.erasure.index))
        .map(|erased| ErasedRecord {
            index: erased.erasure.index,
            order: erased.ordered_at,
        })
        .collect();
    let after = if until > from {
        until.checked_sub(1)
    } else {
        page.after
    };
    let mut response = json(
        &request,
        &Feed {
            tree_size,
            records,
            erased,
            withheld,
            after,
        },
    );
    if let Some(after) = after.filter(|_| until < tree_size) {
        link_next(
            &mut response,
            &format!("/api/v1/records?after={after}&limit={limit}"),
        );
    }
    Ok(response)
}

/// The record of a statement.
#[utoipa::path(
    get,
    path = "/api/v1/statements/{id}",
    tag = "read",
    params(("id" = String, Path, description = "Statement id: SHA-256 of the text with its line feed, 64 hex")),
    responses(
        (status = 200, description = "Its record", body = Record),
        (status = 404, description = "Not logged", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 410, description = "Erased by order", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 451, description = "Withheld by order; header, hash and proof are told", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn statement(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let index = api.ledger.statement(&id)?.ok_or_else(|| not_logged(&id))?;
    refuse_withheld(&api.ledger, index).await?;
    let view = api.ledger.entry(index).await?;
    let mut record = Record::of(&view);
    record.endorsed_by = endorsed_by(&api, &view.statement.id()).await?;
    Ok(json(&request, &record))
}

/// Countersignatures of one statement that an answer lists, at most.
const ENDORSEMENTS_MAX: usize = 64;

/// Who countersigned a statement. Log rules have it that only supervisors' `endorse` statements are in the log.
async fn endorsed_by(api: &Api, id: &Hash) -> Result<Vec<Endorsement>, Problem> {
    let indexes = api.ledger.endorsements(id)?;
    let indexes = &indexes[..indexes.len().min(ENDORSEMENTS_MAX)];
    let mut found = Vec::with_capacity(indexes.len());
    for (index, view) in api.ledger.entries_at(indexes).await? {
        match view {
            Ok(view) => found.push(Endorsement {
                supervisor: view.statement.publisher().unwrap_or_default().to_owned(),
                index,
                time: view.header.time.to_string(),
                id: view.statement.id().to_string(),
            }),
            Err(QueryError::Erased { .. }) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(found)
}

/// The receipt of a record: a c2sp.org/tlog-proof@v1 file that can be checked offline.
#[utoipa::path(
    get,
    path = "/api/v1/receipts/{index}",
    tag = "read",
    params(("index" = u64, Path, description = "Leaf index; `.tlog-proof` may follow")),
    responses(
        (status = 200, description = "The receipt", body = String, content_type = "text/plain"),
        (status = 404, description = "The log does not reach so far", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 410, description = "Erased by order", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 451, description = "Withheld by order; the proof is told without the words", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn receipt(
    State(api): State<Api>,
    Path(index): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let index = parse_index(index.strip_suffix(".tlog-proof").unwrap_or(&index))?;
    // A receipt holds the words. Whoever has them posts them again and gets it.
    refuse_withheld(&api.ledger, index).await?;
    let receipt = api.ledger.receipt(index).await?;
    let mut response = cache::mutable(&request, "text/plain; charset=utf-8", receipt);
    let name = format!("inline; filename=\"{index}.tlog-proof\"");
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&name).expect("digits in ASCII"),
    );
    Ok(response)
}

/// Two tree sizes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct ConsistencyParams {
    /// The smaller size, at least 1.
    pub(in crate::server) old: u64,
    /// The larger size; absent: the newest signed one.
    pub(in crate::server) new: Option<u64>,
}

/// Proof that the tree of size `old` is the beginning of the tree of size `new`.
#[utoipa::path(
    get,
    path = "/api/v1/consistency",
    tag = "read",
    params(ConsistencyParams),
    responses(
        (status = 200, description = "The proof with both roots", body = Consistency),
        (status = 400, description = "Not 1 ≤ old ≤ new", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "The log does not reach so far", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn consistency(
    State(api): State<Api>,
    Params(sizes): Params<ConsistencyParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let (old, new) = (
        sizes.old,
        sizes.new.unwrap_or_else(|| api.ledger.head().tree.size),
    );
    if old == 0 || old > new {
        let detail = format!("old is {old} and new is {new}, wanted 1 ≤ old ≤ new");
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            Said::new(
                format!("old 为 {old}，new 为 {new}，应为 1 ≤ old ≤ new"),
                detail,
            ),
        ));
    }
    let (old, new, proof) = api.ledger.consistency(old, new).await?;
    let proof = proof.into_iter().map(Hash::to_base64).collect();
    Ok(json(
        &request,
        &Consistency {
            old: TreeAnswer::of(&old),
            new: TreeAnswer::of(&new),
            proof,
        },
    ))
}

/// A place in the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct KeysParams {
    /// In force for the record at this index; absent: for the next one.
    pub(in crate::server) at: Option<u64>,
}

/// The keys in force.
#[utoipa::path(
    get,
    path = "/api/v1/keys",
    tag = "read",
    params(KeysParams),
    responses(
        (status = 200, description = "The keys", body = Keys),
        (status = 404, description = "The log does not reach so far", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keys(
    State(api): State<Api>,
    Params(params): Params<KeysParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    // The state may be ahead of the head, never behind: what is asked for is below both.
    let (size, state) = (api.ledger.head().tree.size, api.ledger.keys());
    let at = params.at.unwrap_or(size);
    if at > size {
        return Err(QueryError::Outside { index: at, size }.into());
    }
    let authority = state.authority_at(at);
    let answer = Keys {
        ledger: state.ledger().to_owned(),
        genesis: state.genesis_id().to_string(),
        head: api
            .ledger
            .chain(&Chain::Keys)?
            .map(|chain| chain.head.to_string()),
        at,
        threshold: authority.threshold as u64,
        authorities: authority.vkeys.iter().map(ToString::to_string).collect(),
        keys: state.in_force_at(at).map(Key::of).collect(),
    };
    Ok(json(&request, &answer))
}

/// The openings of a statement that are shown: salt and value by JSON pointer.
#[utoipa::path(
    get,
    path = "/api/v1/openings/{id}",
    tag = "read",
    params(("id" = String, Path, description = "Statement id, 64 hex")),
    responses(
        (status = 200, description = "`{\"<JSON pointer>\":{\"salt\":…,\"value\":…}}`", body = Object),
        (status = 404, description = "None was ever given", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 410, description = "All that were given, or the record, are erased by order", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 451, description = "Withheld by order", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn openings(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&id)?;
    let absent = || {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "该声明没有公开的开启值",
                "no opening of this statement is shown"
            ),
        )
    };
    // Openings are durable before the record is: only those of a logged statement are shown.
    let index = api.ledger.statement(&id)?.ok_or_else(absent)?;
    refuse_withheld(&api.ledger, index).await?;
    if let RecordShowing::Erased { order } = api.ledger.showing(index) {
        return Err(QueryError::Erased { index, order }.into());
    }
    let openings = api.ledger.openings(&id).await?;
    let Some(openings) = openings.filter(|openings| !openings.is_empty()) else {
        return Err(opening_kept_back(&api, index, &id)?.unwrap_or_else(absent));
    };
    // They may have to be forgotten some day: no cache may keep them.
    Ok(cache::answer(
        "application/json",
        cache::NO_STORE,
        openings.encode().into(),
    ))
}

/// The order that keeps openings of a statement back, as a problem: what is kept rather than what is destroyed.
fn opening_kept_back(api: &Api, index: u64, id: &Hash) -> Result<Option<Problem>, Problem> {
    let mut kept_back = None;
    for given in api.ledger.orders().about_statement(id) {
        let Target::Opening(pointer) = &given.order.target else {
            continue;
        };
        let shown = api.ledger.opening_shown(index, id, pointer)?;
        let Some(given) = shown.withheld_by() else {
            continue;
        };
        if kept_back.is_none() || given.order.act == Act::Withhold {
            kept_back = Some((given.clone(), pointer.clone()));
        }
    }
    Ok(kept_back.map(|(given, pointer)| {
        by_order(
            &given,
            &said!("{pointer} 的原值", "the opening of {pointer}"),
        )
        .with("pointer", pointer)
    }))
}

/// Records of a page, each as far as it is shown.
#[derive(Default)]
pub(super) struct Shown {
    pub records: Vec<Record>,
    pub erased: Vec<ErasedRecord>,
    pub withheld: Vec<WithheldRecord>,
}

/// The records at these indexes.
pub(super) async fn fetch(api: &Api, indexes: &[u64]) -> Result<Shown, Problem> {
    let ledger = &api.ledger;
    let mut page = Shown::default();
    for (index, view) in ledger.entries_at(indexes).await? {
        match (ledger.showing(index), view) {
            (RecordShowing::Shown, Ok(view)) => page.records.push(Record::of(&view)),
            (RecordShowing::Withheld(given), Ok(view)) => {
                page.withheld.push(WithheldRecord::of(&view, &given));
            }
            (RecordShowing::Erased { order }, _) | (_, Err(QueryError::Erased { order, .. })) => {
                page.erased.push(ErasedRecord { index, order });
            }
            (_, Err(failure)) => return Err(failure.into()),
        }
    }
    Ok(page)
}

/// A leaf index in its one spelling.
pub(in crate::server) fn parse_index(text: &str) -> Result<u64, Problem> {
    let canonical =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical).ok_or_else(|| {
        Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "记录序号为不带前导零的十进制数",
                "a leaf index is a decimal number without leading zeros"
            ),
        )
    })
}

/// A statement id or digest.
pub(super) fn parse_id(text: &str) -> Result<Hash, Problem> {
    names::parse_hash(text).map_err(|error| {
        Problem::new(&kinds::REQUEST_FORM, error.said())
            .with("wanted", "64 lower-case hexadecimal digits")
    })
}

fn not_logged(id: &Hash) -> Problem {
    Problem::new(
        &kinds::NOT_FOUND,
        said!("声明 {id} 未登记", "statement {id} is not logged"),
    )
}
