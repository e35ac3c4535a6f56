//! Documents: files that a logged statement names by SHA-256. They live outside the log and may have to be forgotten, so no
//! cache keeps them. Streamed both ways; nobody sees a file whose digest has not been checked.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http_body::Body as _;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::read::parse_id;
use super::types::{DocumentAnswer, ProblemAnswer};
use super::withheld::by_order;
use crate::ledger::DocumentShowing;
use crate::said;
use crate::server::Api;
use crate::server::body::{refuse_encoded, too_large, unreadable};
use crate::server::cache::{self, NO_STORE};
use crate::server::pace::Whole;
use crate::server::problem::{Problem, kinds};
use crate::server::room::{Client, Full};
use crate::store::{StoreError, Upload};
use crate::tlog::merkle::Hash;

/// A statement that was just logged is waited for so long before its document is refused.
const INDEX_WAIT: Duration = Duration::from_secs(5);

/// Store a document that a logged statement names.
#[utoipa::path(
    put,
    path = "/api/v1/documents/{sha256}",
    tag = "documents",
    params(("sha256" = String, Path, description = "Its SHA-256, 64 hex")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes of the document"),
    responses(
        (status = 201, description = "Stored", body = DocumentAnswer),
        (status = 200, description = "Was there already", body = DocumentAnswer),
        (status = 400, description = "The bytes have another digest", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "No logged statement names it", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 408, description = "The bytes came too slowly", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 503, description = "As many uploads are under way as may", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 507, description = "The disk is nearly full", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(api): State<Api>,
    client: Client,
    Path(sha256): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let digest = parse_id(&sha256)?;
    refuse_encoded(&headers)?;
    let bytes_max = api.options.document_bytes_max;
    if body.size_hint().lower() > bytes_max {
        return Err(too_large(bytes_max));
    }
    let guest = api.rooms.uploads.guest(client);
    let _place = guest.take(1).await.map_err(|Full| {
        Problem::new(
            &kinds::BUSY,
            said!(
                "正在上传的文件已达上限",
                "as many documents are being stored as may"
            ),
        )
        .retry_after(2)
    })?;
    if !is_named(&api, &digest).await? {
        return Err(Problem::new(
            &kinds::DOCUMENT_UNNAMED,
            said!(
                "没有已登记的声明提到 SHA-256 为 {digest} 的文件",
                "no logged statement names a document with SHA-256 {digest}"
            ),
        ));
    }
    let is_gone = |showing: &DocumentShowing| {
        let gone = matches!(
            showing,
            DocumentShowing::Erased(_) | DocumentShowing::RecordErased { .. }
        );
        gone.then(|| not_shown(showing))
    };
    if let Some(gone) = is_gone(&api.ledger.document_shown(&digest).await?) {
        return Err(gone);
    }
    let name = name_of(&digest);
    if let Some(size) = api.ledger.store().size(&name).await? {
        return Ok(Json(DocumentAnswer {
            sha256: digest.to_string(),
            size,
        })
        .into_response());
    }
    room_for(&api, body.size_hint().lower())?;
    let mut upload = api.ledger.store().upload(&name).await?;
    match receive(&api, &mut upload, body, &digest, bytes_max).await {
        Ok(size) => {
            upload.finish().await?;
            // Ordered to be erased while it was coming.
            if let Some(gone) = is_gone(&api.ledger.document_shown(&digest).await?) {
                api.ledger.store().delete(&name).await?;
                return Err(gone);
            }
            Ok((
                StatusCode::CREATED,
                Json(DocumentAnswer {
                    sha256: digest.to_string(),
                    size,
                }),
            )
                .into_response())
        }
        Err(refused) => {
            upload.abort().await;
            Err(refused)
        }
    }
}

/// A document. Its name and media type are those in the statement.
#[utoipa::path(
    get,
    path = "/api/v1/documents/{sha256}",
    tag = "documents",
    params(("sha256" = String, Path, description = "Its SHA-256, 64 hex")),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "It is not kept here", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 410, description = "Erased by order", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 451, description = "Withheld by order", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(api): State<Api>,
    client: Client,
    Path(sha256): Path<String>,
) -> Result<Response, Problem> {
    let digest = parse_id(&sha256)?;
    let absent = || {
        Problem::new(
            &kinds::NOT_FOUND,
            said!("此处没有保存该文件", "this document is not kept here"),
        )
    };
    // Named by the log, or it would not be shown: also after a restore of too much.
    let naming = match api.ledger.document_shown(&digest).await? {
        DocumentShowing::Shown(index) => index,
        DocumentShowing::Unnamed => return Err(absent()),
        kept_back => return Err(not_shown(&kept_back)),
    };
    let guest = api.rooms.downloads.guest(client);
    let place = guest.take(1).await.map_err(no_place)?;
    let name = name_of(&digest);
    let download = api.ledger.store().download(&name).await?;
    let mut download = download.ok_or_else(absent)?.of_digest(name, digest);
    // Before the status is said: a document of one piece is known to be right then.
    let first = download.pieces.next().await.transpose()?;
    let first = futures_util::stream::iter(first.map(Ok));
    let (media_type, file_name) = as_named(&api, naming, &digest).await;
    let mut whole = Whole::new(Instant::now());
    let mut response = cache::answer(
        "application/octet-stream",
        NO_STORE,
        Body::from_stream(first.chain(download.pieces).map(move |piece| {
            let _held = &place;
            let piece = piece.inspect_err(|failure: &StoreError| {
                tracing::error!(
                    failure = crate::chain_of(failure),
                    "a document cannot be given"
                );
            })?;
            match whole.keeps_up(piece.len(), Instant::now()) {
                true => Ok(piece),
                false => Err(axum::BoxError::from("the document is read too slowly")),
            }
        })),
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(download.bytes));
    headers.insert(
        header::ETAG,
        HeaderValue::from_str(&format!("\"{digest}\"")).expect("hex in quotes"),
    );
    if let Some(media_type) = media_type {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CONTENT_DISPOSITION, file_name);
    Ok(response)
}

/// There is no place for another download.
pub(in crate::server) fn no_place(_: Full) -> Problem {
    Problem::new(
        &kinds::BUSY,
        said!(
            "正在进行的下载已达上限",
            "as many downloads are under way as may"
        ),
    )
    .retry_after(5)
}

/// Why a document is not shown.
fn not_shown(showing: &DocumentShowing) -> Problem {
    match showing {
        DocumentShowing::Withheld(given) | DocumentShowing::Erased(given) => {
            by_order(given, &said!("该文件", "this document"))
        }
        DocumentShowing::RecordErased { order } => Problem::new(
            &kinds::ERASED,
            said!(
                "提到该文件的记录已依第 {order} 号记录的命令清除",
                "the record that named this document was erased by order, record {order}"
            ),
        )
        .with("order", *order),
        DocumentShowing::Unnamed | DocumentShowing::Shown(_) => Problem::new(
            &kinds::NOT_FOUND,
            said!("此处没有保存该文件", "this document is not kept here"),
        ),
    }
}

/// Reads the body into the upload, and compares.
async fn receive(
    api: &Api,
    upload: &mut Upload,
    mut body: Body,
    digest: &Hash,
    bytes_max: u64,
) -> Result<u64, Problem> {
    let (mut hasher, mut bytes, mut looked_at) = (Sha256::new(), 0, 0);
    let mut whole = Whole::new(Instant::now());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(unreadable)?.into_data() else {
            continue;
        };
        if !whole.keeps_up(data.len(), Instant::now()) {
            return Err(too_slow());
        }
        bytes += data.len() as u64;
        if bytes > bytes_max {
            return Err(too_large(bytes_max));
        }
        if bytes - looked_at > ROOM_LOOK_BYTES {
            looked_at = bytes;
            room_for(api, 0)?;
        }
        hasher.update(&data);
        upload.write(&data).await?;
    }
    let found = Hash(hasher.finalize().into());
    if found == *digest {
        return Ok(bytes);
    }
    Err(Problem::new(
        &kinds::DIGEST_MISMATCH,
        said!(
            "收到的 {bytes} 字节的 SHA-256 为 {found}",
            "the {bytes} bytes received have SHA-256 {found}"
        ),
    )
    .with("found", found.to_string())
    .with("wanted", digest.to_string())
    .with("bytes", bytes))
}

/// A document that takes longer than a minute and its bytes on a slow line.
fn too_slow() -> Problem {
    let (free_s, rate) = (Whole::FREE.as_secs(), Whole::RATE_BYTES_PER_S);
    Problem::new(
        &kinds::BODY_SLOW,
        said!(
            "文件的上传速度低于每秒 {rate} 字节（头 {free_s} 秒不计）",
            "the document came slower than {rate} bytes/s, its first {free_s} s not counted"
        ),
    )
}

/// How often the free space is looked at while a document comes.
const ROOM_LOOK_BYTES: u64 = 8 << 20;

/// Documents must never take the room that the log needs.
fn room_for(api: &Api, bytes: u64) -> Result<(), Problem> {
    let wanted = bytes.saturating_add(api.options.free_bytes_min);
    match api.ledger.store().free_bytes() {
        Some(free) if free < wanted => Err(Problem::new(
            &kinds::DISK_FULL,
            said!(
                "剩余 {free} 字节，需要 {wanted} 字节",
                "{free} bytes are free, {wanted} are wanted"
            ),
        )
        .retry_after(10)),
        _ => Ok(()),
    }
}

/// Whether a logged statement names the document; one logged a moment ago may not be indexed yet.
async fn is_named(api: &Api, digest: &Hash) -> Result<bool, Problem> {
    let size = api.ledger.head().tree.size;
    if !api.ledger.document_records(digest)?.is_empty() {
        return Ok(true);
    }
    let _ = tokio::time::timeout(INDEX_WAIT, api.ledger.index_reached(size)).await;
    Ok(!api.ledger.document_records(digest)?.is_empty())
}

/// Media type and file name from the statement at `index`: for people, never believed (the answer is a sandboxed download).
async fn as_named(api: &Api, index: u64, digest: &Hash) -> (Option<HeaderValue>, HeaderValue) {
    let plain = HeaderValue::from_static("attachment");
    let Ok(view) = api.ledger.entry(index).await else {
        return (None, plain);
    };
    let fields = view.statement.fields();
    let documents = fields.documents();
    let Some(document) = documents.iter().find(|document| document.sha256 == *digest) else {
        return (None, plain);
    };
    let media_type = Some(document.media_type)
        .filter(|text| is_media_type(text))
        .and_then(|text| HeaderValue::from_str(text).ok());
    let named = HeaderValue::from_str(&format!(
        "attachment; filename*=UTF-8''{}",
        percent_encode(document.name)
    ));
    (media_type, named.unwrap_or(plain))
}

/// `type/subtype` of RFC 9110 tokens, without parameters.
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    text.split_once('/')
        .is_some_and(|(main, sub)| token(main) && token(sub))
}

/// RFC 8187 §3.2.1: everything but `attr-char`.
fn percent_encode(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |encoded, byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                encoded + std::str::from_utf8(&[byte]).expect("ASCII")
            }
            _ => encoded + &format!("%{byte:02X}"),
        })
}

fn name_of(digest: &Hash) -> String {
    format!("documents/{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_encoded_and_media_types_are_checked() {
        assert_eq!(
            percent_encode("公告 (1).pdf"),
            "%E5%85%AC%E5%91%8A%20%281%29.pdf"
        );
        assert_eq!(percent_encode("a\r\nb\""), "a%0D%0Ab%22");
        for good in [
            "application/pdf",
            "application/vnd.ms-excel",
            "image/svg+xml",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in [
            "",
            "pdf",
            "/",
            "text/html; charset=utf-8",
            "text/ html",
            "text/html\r\nX: y",
            "a/b/c",
        ] {
            assert!(!is_media_type(bad), "{bad:?}");
        }
    }
}
