//! `/api/v1/`: posting and looking up, described for OpenAPI beside each handler.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `form` | the three forms of a post |
//! | `post`, `batch` | one statement, many statements |
//! | `project` | what is asked about one project: records, report, history |
//! | `read` | records, receipts, proofs, keys, openings |
//! | `search` | records by words, numbers and dates |
//! | `lookup` | which documents are published; the words that the door checks by |
//! | `law` | findings, what falls due, counts |
//! | `witnesses` | cosignatures that are delivered, and how each witness stands |
//! | `documents` | files by digest, streamed |
//! | `ocds` | a project in the form of the Open Contracting Data Standard |
//! | `withheld` | what is not shown by order, and the list of it |
//! | `answer` | an answer in JSON, the link to its next page |
//! | `types` | the JSON of answers |

pub(super) mod answer;
mod batch;
mod documents;
mod form;
mod law;
mod lookup;
mod ocds;
mod post;
mod project;
pub(super) mod read;
mod search;
pub(super) mod types;
pub(super) mod withheld;
mod witnesses;

use crate::lang::Bilingual;
use std::sync::LazyLock;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use utoipa::openapi::{Content, Ref, response::Response as Described};
use utoipa::{OpenApi, ToSchema};

use super::Api;
use super::cache;
use super::problem::Problem;
use types::{ProblemAnswer, Readiness, Warning};

pub use batch::STRANGER_LINES_MAX;
pub(super) use documents::no_place;
pub use form::MINGZHANG_SIGNATURE;
pub(super) use law::project_report;
pub use lookup::DIGESTS_MAX;
pub use ocds::EXPORT_RECORDS_MAX;
pub use post::POST_BYTES_MAX;
pub use read::PAGE_MAX;
pub(super) use read::parse_index;
pub(super) use search::{look, malformed};
pub use withheld::WITHHELD_PAGE_MAX;
pub(super) use withheld::refuse_withheld;

/// What only reads, is worth compressing, and costs next to nothing.
pub(super) fn reads() -> Router<Api> {
    Router::new()
        .route("/api/v1/keys", get(read::keys))
        .route("/api/v1/vocabulary", get(lookup::vocabulary))
        .route("/api/v1/documents/lookup", post(lookup::lookup))
        .route("/api/v1/openapi.json", get(openapi_json))
        .route("/api/v1/witnesses", get(witnesses::witnesses))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

/// What reads a record or two.
pub(super) fn moderate() -> Router<Api> {
    Router::new()
        .route("/api/v1/records/{index}", get(read::record))
        .route("/api/v1/statements/{id}", get(read::statement))
        .route("/api/v1/receipts/{index}", get(read::receipt))
        .route("/api/v1/consistency", get(read::consistency))
        .route("/api/v1/openings/{id}", get(read::openings))
}

/// What is below a project: one record, or a report.
pub(super) fn of_project() -> Router<Api> {
    Router::new().route("/api/v1/projects/{*path}", get(project::below))
}

/// What reads many records, searches, or judges.
pub(super) fn expensive() -> Router<Api> {
    Router::new()
        .route("/api/v1/records", get(read::records))
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/findings", get(law::findings))
        .route("/api/v1/due", get(law::due))
        .route("/api/v1/statistics", get(law::statistics))
        .route("/api/v1/withheld", get(withheld::withheld))
        .route("/api/v1/ocds/{*path}", get(ocds::package_of))
}

/// What writes, and documents: their bytes go out as they are.
pub(super) fn writes() -> Router<Api> {
    Router::new()
        .route("/api/v1/statements", post(post::post))
        .route("/api/v1/statements/batch", post(batch::batch))
        .route(
            "/api/v1/cosignatures",
            get(witnesses::to_cosign).post(witnesses::deliver),
        )
        .route(
            "/api/v1/documents/{sha256}",
            put(documents::put).get(documents::get),
        )
}

/// The API as OpenAPI 3.1, for generators of clients.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut described = Description::openapi();
    for (path, item) in &mut described.paths.paths {
        if !path.starts_with("/api/") {
            continue;
        }
        for operation in [&mut item.get, &mut item.put, &mut item.post] {
            let Some(operation) = operation else { continue };
            for (status, why) in ANYWHERE {
                let listed = operation.responses.responses.entry(status.to_owned());
                listed.or_insert_with(|| {
                    let problem = Content::new(Some(Ref::from_schema_name("ProblemAnswer")));
                    Described::builder()
                        .description(why)
                        .content("application/problem+json", problem)
                        .build()
                        .into()
                });
            }
        }
    }
    described
}

/// What any route may answer; a route that has more to say of one of them says it beside its handler.
const ANYWHERE: [(&str, &str); 2] = [
    (
        "400",
        "The path, a parameter, a header or the body is malformed",
    ),
    (
        "503",
        "Not now: busy, or not writing. Ask again after `Retry-After` seconds",
    ),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "mingzhang 明账",
        version = "1",
        description = "An append-only, verifiable ledger for public-resource trading. The log itself is at the C2SP paths (/checkpoint, /tile/…); this is how statements are posted and looked up. Every answer can be checked without trusting this server: /api/v1/receipts.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        post::post,
        batch::batch,
        read::record,
        read::records,
        search::search,
        read::statement,
        project::records,
        law::report,
        law::history_of,
        law::findings,
        law::due,
        law::statistics,
        read::receipt,
        read::consistency,
        read::keys,
        read::openings,
        withheld::withheld,
        ocds::package_of,
        witnesses::witnesses,
        witnesses::to_cosign,
        witnesses::deliver,
        documents::put,
        documents::get,
        lookup::lookup,
        lookup::vocabulary,
        healthz,
        readyz,
    ),
    components(schemas(types::DryRunAnswer, ProblemAnswer)),
    tags(
        (name = "post", description = "Log statements"),
        (name = "read", description = "Look up what is logged"),
        (name = "witnesses", description = "Who cosigns this log, and delivering cosignatures"),
        (name = "documents", description = "Files that statements name by digest"),
        (name = "health", description = "For whoever runs the server"),
    ),
)]
struct Description;

/// A statement with openings to be shown.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read by form.rs")]
struct PostBody {
    /// The signed note.
    note: String,
    /// Salt (64 hex) and value by JSON pointer of the commitment.
    #[schema(value_type = Option<Object>)]
    openings: Option<()>,
    /// To show openings of a statement that is in the log: a signed note over `mingzhang-disclosure-v1`, ledger, statement id and the
    /// pointers of all openings here in byte order, one a line, by the publisher's or a supervisor's key.
    disclosure: Option<String>,
}

static DESCRIPTION: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string(&openapi()).expect("a description is JSON"));

async fn openapi_json(request: HeaderMap) -> Response {
    cache::shared(&request, "application/json", DESCRIPTION.as_str())
}

/// The process answers; then, line by line, whether statements are taken and how each witness stands.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does: `ok`, and what else there is to say. The same as data is at /api/v1/witnesses", body = String, content_type = "text/plain")))]
async fn healthz(State(api): State<Api>) -> Response {
    cache::answer(
        "text/plain; charset=utf-8",
        cache::NO_STORE,
        witnesses::health(&api).into(),
    )
}

/// Statements are taken.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "They are", body = Readiness),
        (status = 503, description = "They are not, reading goes on", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
async fn readyz(State(api): State<Api>) -> Result<Response, Problem> {
    let (tree_size, indexed_size) = (api.ledger.head().tree.size, api.ledger.index_size());
    if let Err(refused) = api.ledger.ready() {
        // What a post would be told; but a full disk is a state of this service, not of a request.
        let problem = Problem::from(refused).into_unready();
        return Err(problem
            .with("tree_size", tree_size)
            .with("indexed_size", indexed_size));
    }
    let warnings = api
        .ledger
        .clock_warning()
        .into_iter()
        .map(|warning| Warning {
            code: "clock",
            zh: warning.zh(),
            en: warning.to_string(),
        });
    let ready = Json(Readiness {
        warnings: warnings.collect(),
        writing: true,
        tree_size,
        indexed_size,
    });
    let no_store = [(header::CACHE_CONTROL, cache::NO_STORE)];
    Ok((no_store, ready).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Client generators refuse a description that lacks these, and utoipa leaves them out without a word.
    #[test]
    fn the_description_has_what_generators_want() {
        let json = serde_json::to_value(openapi()).unwrap();
        assert_eq!(json["openapi"], "3.1.0");
        assert_eq!(json["info"]["license"]["identifier"], "Apache-2.0");
        let mut ids = Vec::new();
        let mut operations = 0;
        for (path, methods) in json["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                operations += 1;
                let at = format!("{method} {path}");
                ids.push(operation["operationId"].as_str().unwrap().to_owned());
                assert!(
                    operation["summary"].is_string() || operation["description"].is_string(),
                    "{at}"
                );
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    assert!(
                        !parameter["description"]
                            .as_str()
                            .unwrap_or_default()
                            .is_empty(),
                        "{at}: {parameter}"
                    );
                }
                for (status, _) in ANYWHERE.iter().filter(|_| path.starts_with("/api/")) {
                    assert!(operation["responses"][status].is_object(), "{at} {status}");
                }
                for (status, response) in operation["responses"].as_object().unwrap() {
                    assert!(
                        !response["description"]
                            .as_str()
                            .unwrap_or_default()
                            .is_empty(),
                        "{at} {status}"
                    );
                }
            }
        }
        assert_eq!(operations, 27);
        ids.sort();
        ids.dedup();
        assert_eq!(
            ids.len(),
            operations,
            "each operation has its own id: {ids:?}"
        );
    }

    #[test]
    fn every_reference_in_the_description_leads_somewhere() {
        fn walk<'a>(json: &'a Value, found: &mut Vec<&'a str>) {
            match json {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    members.values().for_each(|value| walk(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let json = serde_json::to_value(openapi()).unwrap();
        let mut references = Vec::new();
        walk(&json, &mut references);
        assert!(references.len() > 20);
        for reference in references {
            assert!(
                json.pointer(reference.trim_start_matches('#')).is_some(),
                "{reference}"
            );
        }
    }
}
