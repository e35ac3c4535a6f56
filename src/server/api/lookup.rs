//! "Is this file published?": many digests in one question, as a folder of files gives them; and the words that the door checks by.
//!
//! Promises: at most [`DIGESTS_MAX`] digests and one record read a digest, however many records name it. What is answered here proves
//! nothing: the receipt of the record does, and it holds the statement that names the digest.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::types::ProblemAnswer;
use crate::lang::Bilingual;
use crate::ledger::{DocumentShowing, QueryError, RecordShowing};
use crate::said;
use crate::server::Api;
use crate::server::body::Capped;
use crate::server::cache;
use crate::server::problem::{Problem, kinds};
use crate::server::request::shorten;
use crate::tlog::merkle::Hash;
use crate::trade::names;

/// Digests that one question may hold.
pub const DIGESTS_MAX: usize = 1_000;
/// Bytes of one question: so many digests in quotes, with room for how they are spaced.
pub const LOOKUP_BYTES_MAX: usize = 128 << 10;
/// Records that are listed of one digest.
const RECORDS_MAX: usize = 64;
/// Digests that are looked up side by side.
const SIDE_BY_SIDE: usize = 8;

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupBody {
    /// SHA-256 digests, 64 lower-case hex digits each; at most 1000.
    sha256: Vec<String>,
}

/// What is known of the digests, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LookupAnswer {
    /// Records of the log that the answer reflects…
    indexed_size: u64,
    /// …of this many.
    tree_size: u64,
    /// One a digest.
    documents: Vec<LookedUp>,
}

/// One digest.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LookedUp {
    /// The digest.
    sha256: String,
    /// Whether a logged statement names it.
    published: bool,
    /// `kept`: it can be downloaded here; `not_kept`; `withheld` or `erased` by order.
    bytes: &'static str,
    /// The first records that name it, oldest first, at most 64.
    records: Vec<u64>,
    /// What the first of them that is shown says.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Naming>,
}

/// A record that names a document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Naming {
    /// Leaf index.
    index: u64,
    /// When the ledger took it.
    time: String,
    /// Statement id.
    id: String,
    /// Key name of the publisher.
    publisher: String,
    /// The publisher's id of the project.
    project: String,
    /// Kind.
    kind: String,
    /// Title.
    title: String,
    /// When the publisher says it was issued.
    issued: String,
    /// The document's name there.
    name: String,
    /// Where the receipt is.
    receipt: String,
}

/// Which of these documents are published, in which record, by whom, when.
#[utoipa::path(
    post,
    path = "/api/v1/documents/lookup",
    tag = "documents",
    request_body(content = LookupBody, description = "Digests, at most 1000"),
    responses(
        (status = 200, description = "What is known of each", body = LookupAnswer),
        (status = 400, description = "Malformed, or too many", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn lookup(
    State(api): State<Api>,
    Capped(body): Capped<LOOKUP_BYTES_MAX>,
) -> Result<Response, Problem> {
    let digests = read(&body)?;
    let (indexed_size, tree_size) = (api.ledger.index_size(), api.ledger.head().tree.size);
    let gate = api.gate.clone();
    let look_up_all = async move {
        let documents = stream::iter(digests).map(|digest| look_up(&api, digest));
        documents.buffered(SIDE_BY_SIDE).try_collect().await
    };
    let documents: Result<Vec<LookedUp>, Problem> = gate.run(look_up_all).await?;
    let documents = documents?;
    let answer = LookupAnswer {
        indexed_size,
        tree_size,
        documents,
    };
    Ok(([(header::CACHE_CONTROL, cache::NO_STORE)], Json(answer)).into_response())
}

fn read(body: &[u8]) -> Result<Vec<Hash>, Problem> {
    let asked: LookupBody = serde_json::from_slice(body).map_err(|error| {
        let error = shorten(&error.to_string());
        Problem::new(
            &kinds::BODY_FORM,
            said!(
                "正文不是 {{\"sha256\":[…]}}：{error}",
                "the body is not {{\"sha256\":[…]}}: {error}"
            ),
        )
    })?;
    let count = asked.sha256.len();
    if count > DIGESTS_MAX {
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "有 {count} 个摘要，一次最多 {DIGESTS_MAX} 个，请分次查询",
                "{count} digests, wanted at most {DIGESTS_MAX}; ask in several requests"
            ),
        )
        .with("limit", DIGESTS_MAX));
    }
    let parsed = asked.sha256.iter().enumerate().map(|(at, text)| {
        names::parse_hash(text).map_err(|error| {
            Problem::new(&kinds::REQUEST_FORM, error.said())
                .with("pointer", format!("/sha256/{at}"))
                .with("wanted", "64 lower-case hexadecimal digits")
        })
    });
    parsed.collect()
}

async fn look_up(api: &Api, digest: Hash) -> Result<LookedUp, Problem> {
    let ledger = &api.ledger;
    let mut records = ledger.document_records(&digest)?;
    records.sort_unstable();
    let bytes = match ledger.document_shown(&digest).await? {
        DocumentShowing::Withheld(_) => "withheld",
        DocumentShowing::Erased(_) | DocumentShowing::RecordErased { .. } => "erased",
        DocumentShowing::Unnamed => "not_kept",
        DocumentShowing::Shown(_) => {
            let kept = ledger.store().size(&format!("documents/{digest}")).await?;
            if kept.is_some() { "kept" } else { "not_kept" }
        }
    };
    let shown = records
        .iter()
        .copied()
        .find(|index| matches!(ledger.showing(*index), RecordShowing::Shown));
    let first = match shown {
        Some(index) => naming(api, index, &digest).await?,
        None => None,
    };
    let published = !records.is_empty();
    records.truncate(RECORDS_MAX);
    Ok(LookedUp {
        sha256: digest.to_string(),
        published,
        bytes,
        records,
        first,
    })
}

async fn naming(api: &Api, index: u64, digest: &Hash) -> Result<Option<Naming>, Problem> {
    let view = match api.ledger.entry(index).await {
        Ok(view) => view,
        // Between the look-up and now.
        Err(QueryError::Erased { .. }) => return Ok(None),
        Err(failure) => return Err(failure.into()),
    };
    let statement = &view.statement;
    let fields = statement.fields();
    let documents = fields.documents();
    let document = documents.iter().find(|document| document.sha256 == *digest);
    let value = statement.value();
    let text = |name: &str| {
        let found = value.get(name).and_then(crate::trade::json::Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    Ok(Some(Naming {
        index,
        time: view.header.time.to_string(),
        id: statement.id().to_string(),
        publisher: text("publisher"),
        project: text("project"),
        kind: text("kind"),
        title: text("title"),
        issued: text("issued"),
        name: document.map_or_else(String::new, |document| document.name.to_owned()),
        receipt: format!("/api/v1/receipts/{index}"),
    }))
}

/// The words that this ledger's door checks by: kinds with their fields, categories, methods, events. A client that checks drafts by
/// them says what the door will say.
#[utoipa::path(
    get,
    path = "/api/v1/vocabulary",
    tag = "read",
    responses((status = 200, description = "The words, in the form of src/core/trade/vocabulary/table.json", body = Object))
)]
pub(super) async fn vocabulary(State(api): State<Api>, request: HeaderMap) -> Response {
    cache::mutable(
        &request,
        "application/json",
        api.ledger.vocabulary().encode(),
    )
}
