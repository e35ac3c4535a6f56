//! A witness over HTTP (c2sp.org/tlog-witness@v1.0.0): `POST add-checkpoint`, and `GET <origin hash>/checkpoint` for monitors.
//!
//! Translates only: what is cosigned is decided in [`crate::witness`]. Refusals are one line of plain text that says what is wrong, as
//! clients written by others show it to their operators; a 409's body is the size alone.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::problem::Problem;
use super::{body, cache, layers};
use crate::tlog::merkle::Hash;
use crate::tlog::witness::{
    AddCheckpoint, REQUEST_BYTES_MAX, Refusal, SIZE_MEDIA_TYPE, encode_size,
};
use crate::witness::{AddError, Witness};

/// Where the time comes from, in POSIX seconds.
pub type Seconds = Arc<dyn Fn() -> u64 + Send + Sync>;

const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone)]
struct Role {
    witness: Arc<Witness>,
    now: Seconds,
}

/// The whole service, as a value: tests ask it without a socket.
pub fn router(witness: Arc<Witness>, now: Seconds) -> Router {
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{hash}/checkpoint", get(checkpoint))
        .route("/healthz", get(healthz))
        .with_state(Role { witness, now });
    layers::dress_in_plain_text(routes)
}

async fn add_checkpoint(
    State(role): State<Role>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(&headers, body, REQUEST_BYTES_MAX, None).await?;
    // Off the threads that serve connections: it waits for the disk.
    let answer = tokio::task::spawn_blocking(move || {
        let request = AddCheckpoint::parse(&bytes).map_err(Refusal::from)?;
        role.witness.add(&request, (role.now)())
    });
    Ok(match answer.await {
        Ok(Ok(line)) => said(StatusCode::OK, TEXT, line.encode()),
        Ok(Err(error)) => refused(&error),
        Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "internal\n".into()),
    })
}

fn refused(error: &AddError) -> Response {
    match error {
        AddError::Refused(Refusal::Conflict { seen, .. }) => {
            said(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, encode_size(*seen))
        }
        AddError::Refused(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).expect("one of a few constants");
            said(status, TEXT, format!("{}\n", crate::chain_of(refusal)))
        }
        // Ours, not the client's; which file it was is for our operator only.
        AddError::Clock { .. } | AddError::State { .. } => {
            tracing::error!(failure = crate::chain_of(error), "nothing is cosigned");
            let text = "the witness cannot cosign at present; its operator has been told\n";
            said(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text.into())
        }
    }
}

/// The checkpoint cosigned last, by the hash of its origin, for monitors and whoever compares views.
async fn checkpoint(State(role): State<Role>, Path(hash): Path<String>) -> Response {
    let found = Hash::from_hex(&hash).and_then(|hash| role.witness.checkpoint(&hash));
    match found {
        Some(note) => said(StatusCode::OK, TEXT, note),
        None => {
            let text = "no checkpoint of a log with this origin hash has been cosigned here\n";
            said(StatusCode::NOT_FOUND, TEXT, text.into())
        }
    }
}

async fn healthz() -> Response {
    said(StatusCode::OK, TEXT, "ok\n".into())
}

fn said(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, cache::NO_STORE),
    ];
    (status, headers, text).into_response()
}
