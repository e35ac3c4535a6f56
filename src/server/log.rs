//! The public objects of the log at the paths that C2SP fixes (c2sp.org/tlog-tiles): what a mirror, a CDN or a client
//! written by others reads. Nothing here is ours but `head` and `checkpoints/`.
//!
//! A path is parsed into a tile and written anew; no text of a request ever reaches the store. A tile that the head does not
//! imply yet is not shown.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::cache;
use super::gate::{Shared, no_room};
use super::layers::Gzip;
use super::problem::{Problem, kinds};
use super::request::shorten;
use super::room::Client;
use crate::lang::Said;
use crate::said;
use crate::tlog::tile::Tile;

/// A checkpoint with the cosignatures of all witnesses there may be.
const CHECKPOINT_BYTES_MAX: u64 = 64 << 10;

const NOTE: &str = "text/plain; charset=utf-8";

/// `/checkpoint`, `/head`, `/checkpoints/<size>`, `/tile/…`.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/head", get(head))
        .route("/checkpoints/{size}", get(kept_checkpoint))
        .route("/tile/{*path}", get(tile))
}

async fn checkpoint(State(api): State<Api>, request: HeaderMap) -> Result<Response, Problem> {
    match api.ledger.checkpoint() {
        Some(checkpoint) => Ok(cache::mutable(&request, NOTE, checkpoint.note.clone())),
        None => Err(Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "尚无满足见证策略的检查点；/head 是账本签署的最新检查点",
                "no checkpoint has met the policy yet; /head has the newest that the log signed"
            ),
        )),
    }
}

async fn head(State(api): State<Api>, request: HeaderMap) -> Response {
    cache::mutable(&request, NOTE, api.ledger.head().note.clone())
}

async fn kept_checkpoint(
    State(api): State<Api>,
    Path(size): Path<String>,
) -> Result<Response, Problem> {
    let digits = size.len() == 20 && size.bytes().all(|b| b.is_ascii_digit());
    let size: u64 = size.parse().ok().filter(|_| digits).ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "保留的检查点以 20 位数字的树大小命名",
                "kept checkpoints are named by their tree size in 20 digits"
            ),
        )
    })?;
    let kept = api
        .log()
        .read(&format!("checkpoints/{size:020}"), CHECKPOINT_BYTES_MAX)
        .await?;
    let kept = kept.ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "没有保留树大小为 {size} 的检查点",
                "no checkpoint of size {size} was kept"
            ),
        )
    })?;
    Ok(cache::immutable(NOTE, kept))
}

async fn tile(
    State(api): State<Api>,
    client: Client,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let absent = |why| Problem::new(&kinds::NOT_FOUND, why);
    let tile = Tile::parse_path(&format!("tile/{path}")).map_err(|error| {
        let why = shorten(&error.to_string());
        absent(Said::new(format!("瓦片的路径不合格式：{why}"), why))
    })?;
    if !implies(api.ledger.head().tree.size, tile) {
        return Err(absent(said!(
            "账本还没有这个瓦片",
            "the log does not reach as far as this tile"
        )));
    }
    let gone = || {
        absent(said!(
            "这个未满的瓦片已由满的取代",
            "this partial tile is gone; the full one has taken its place"
        ))
    };
    let (log, name) = (api.log(), tile.path());
    // A bundle may have megabytes: the room for it is taken before it is read.
    let share = match tile {
        Tile::Entries { .. } => {
            let bytes = log.size(&name).await?.ok_or_else(gone)?;
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            let guest = api.rooms.answers.guest(client);
            Some(guest.take(bytes).await.map_err(no_room)?)
        }
        Tile::Hashes { .. } => None,
    };
    let bytes = log.read(&name, tile.bytes_max() as u64).await?;
    let mut bytes = bytes.ok_or_else(gone)?;
    let is_held = share.is_some();
    if let Some(share) = share {
        bytes = share.with(bytes);
    }
    let mut response = cache::immutable("application/octet-stream", bytes).into_response();
    if matches!(tile, Tile::Entries { .. }) {
        response.extensions_mut().insert(Gzip);
    }
    if is_held {
        response.extensions_mut().insert(Shared);
    }
    Ok(response)
}

/// Whether a tree of `size` leaves has all that this tile holds.
fn implies(size: u64, tile: Tile) -> bool {
    let there = match tile {
        Tile::Hashes { level, index, .. } => Tile::hashes(level, index, size),
        Tile::Entries { index, .. } => Tile::entries(index, size),
    };
    there.is_some_and(|there| there.width() >= tile.width())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_shown_when_the_head_has_reached_its_end() {
        #[track_caller]
        fn check(path: &str, first_size: u64) {
            let tile = Tile::parse_path(path).unwrap();
            assert!(!implies(first_size - 1, tile), "{path}");
            assert!(implies(first_size, tile), "{path}");
            assert!(implies(1 << 40, tile), "{path}");
        }
        check("tile/entries/000.p/1", 1);
        check("tile/entries/000.p/255", 255);
        check("tile/entries/000", 256);
        check("tile/0/001.p/3", 259);
        check("tile/1/000.p/1", 256);
        check("tile/1/000", 65_536);
    }
}
