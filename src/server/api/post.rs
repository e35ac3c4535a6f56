//! `POST /api/v1/statements`: one statement in, its receipt out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::form::Form;
use super::types::{DryRunAnswer, PostedAnswer, ProblemAnswer, Remark};
use crate::ledger::{Ledger, Place, PostError, Posted, Wait};
use crate::said;
use crate::server::Api;
use crate::server::body::Capped;
use crate::server::problem::{Problem, kinds};
use crate::server::request::{Params, shorten};
use crate::trade::door;

/// The most bytes of a post. A note has 36 KB; the rest is for openings, 200 of the largest at a time.
pub const POST_BYTES_MAX: usize = 1 << 20;

/// How to post.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PostParams {
    /// Check only, write nothing.
    #[serde(default)]
    dry_run: bool,
    /// What to wait for: `signed` (durable, under a checkpoint of the log) or `witnessed` (one that meets the policy).
    #[serde(default)]
    #[param(inline)]
    pub wait: WaitFor,
    /// Codes of remarks that are meant, comma between: the door refuses what may show a person or a secret, and an unknown kind, unless
    /// the code is named here.
    #[serde(default)]
    accept: Option<String>,
}

/// The codes in `accept`, each one that can be accepted.
pub(super) fn accepted(accept: Option<&str>) -> Result<Vec<String>, Problem> {
    let codes: Vec<String> = accept
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|code| !code.is_empty())
        .map(str::to_owned)
        .collect();
    match codes.iter().find(|code| !door::is_secrecy(code)) {
        None => Ok(codes),
        Some(code) => {
            let (code, known) = (shorten(code), door::SECRECY.join(", "));
            Err(Problem::new(
                &kinds::REQUEST_FORM,
                said!(
                    "accept={code}：没有可以这样确认的提示，应为 {known} 中的若干个，以逗号分隔",
                    "accept={code}: no such remark can be accepted, wanted some of {known}, comma between"
                ),
            ))
        }
    }
}

/// What a post waits for.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum WaitFor {
    /// Durable and signed.
    #[default]
    Signed,
    /// Cosigned as the policy wants; after 30 s the receipt comes without.
    Witnessed,
}

impl WaitFor {
    pub fn wait(self) -> Wait {
        match self {
            WaitFor::Signed => Wait::Signed,
            WaitFor::Witnessed => Wait::Witnessed,
        }
    }
}

/// Log a statement. Posting the same statement again is harmless and gives its first receipt.
#[utoipa::path(
    post,
    path = "/api/v1/statements",
    tag = "post",
    params(
        PostParams,
        ("Mingzhang-Signature" = Option<String>, Header, description = "`<key name> <base64(key ID ‖ signature)>` when the body is the bare line of JSON; the signature is over the line with its line feed"),
    ),
    request_body(
        content(
            (String = "text/plain", example = "{\"type\":\"trade\",…}\n\n— ggzy.shaoshan.example Az3grl…=\n"),
            (super::PostBody = "application/json"),
        ),
        description = "The signed note; or it in JSON with openings; or the bare line of JSON with the header Mingzhang-Signature. At most 1 MiB."
    ),
    responses(
        (status = 201, description = "Logged", body = PostedAnswer, headers(("Location" = String, description = "The record"))),
        (status = 200, description = "In the log before: its first receipt. With `dry_run`, what a post would have got (DryRunAnswer)", body = PostedAnswer),
        (status = 400, description = "Malformed, or refused by a rule", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 403, description = "The key does not count or the signature does not verify", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 409, description = "`follows` is not the head of the chain, or `ref` is taken", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 503, description = "Not now: post the same bytes again after `Retry-After`", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 507, description = "The disk is nearly full", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn post(
    State(api): State<Api>,
    Params(params): Params<PostParams>,
    headers: HeaderMap,
    Capped(body): Capped<POST_BYTES_MAX>,
) -> Result<Response, Problem> {
    let form = Form::parse(&headers, body)?;
    let accepted = accepted(params.accept.as_deref())?;
    if params.dry_run {
        return Ok(Json(check(&api.ledger, form, &accepted).await?).into_response());
    }
    let posted = log(&api.ledger, form, &accepted, params.wait.wait(), None).await?;
    let status = status_of(&posted);
    // Relative to `/api/v1/statements`, so that it stays below a proxy's prefix.
    let location = format!("records/{}", posted.index);
    let mut response = (status, Json(PostedAnswer::of(posted))).into_response();
    response.headers_mut().insert(
        header::LOCATION,
        HeaderValue::from_str(&location).expect("a path and digits"),
    );
    Ok(response)
}

/// Checks only, here and in a batch.
pub(super) async fn check(
    ledger: &Ledger,
    form: Form,
    accepted: &[String],
) -> Result<DryRunAnswer, Problem> {
    let (id, index, warnings) = ledger
        .check(form.note.clone(), &form.terms(accepted))
        .await
        .map_err(|error| refused(ledger, error))?;
    Ok(DryRunAnswer {
        dry_run: true,
        id: id.to_string(),
        index,
        warnings: warnings.iter().map(Remark::of).collect(),
    })
}

/// Posts, here and in a batch.
pub(super) async fn log(
    ledger: &Ledger,
    form: Form,
    accepted: &[String],
    wait: Wait,
    place: Option<Place>,
) -> Result<Posted, Problem> {
    ledger
        .post_on(form.note.clone(), &form.terms(accepted), wait, place)
        .await
        .map_err(|error| refused(ledger, error))
}

pub(super) fn status_of(posted: &Posted) -> StatusCode {
    if posted.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// A `ref` that is taken counts as done for whoever posted it before: the answer says where its receipt is.
fn refused(ledger: &Ledger, error: PostError) -> Problem {
    let taken = match &error {
        PostError::ReferenceTaken { id, .. } => ledger.statement(id).ok().flatten(),
        _ => None,
    };
    let problem = Problem::from(error);
    match taken {
        Some(index) => problem
            .with("index", index)
            .with("receipt", format!("/api/v1/receipts/{index}")),
        None => problem,
    }
}
