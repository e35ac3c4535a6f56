//! The files that pages refer to, compiled in: style, marks, and the modules that verify in the reader's browser.
//!
//! Promises: a type that fits, an entity tag, and the page's own Content-Security-Policy on every script, because a worker obeys the
//! policy of the script that it was started from. The style sheet's address names its digest and may be kept for ever; modules name
//! each other by plain names, so they are asked for again and answered 304.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::CSP;
use super::verifier::PAGE;
use crate::server::cache;
use crate::server::problem::{Problem, kinds};

pub(super) const STYLE: &str = include_str!("portal.css");
const FAVICON: &str = include_str!("favicon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /api/\nDisallow: /tile/\n";

/// Every module a page or a worker loads. A test holds it against the folder.
pub(super) const MODULES: &[(&str, &str)] = &[
    ("alone.js", include_str!("js/alone.js")),
    ("authority.js", include_str!("js/authority.js")),
    ("bytes.js", include_str!("js/bytes.js")),
    ("check.js", include_str!("js/check.js")),
    ("checker.js", include_str!("js/checker.js")),
    ("checkpoint.js", include_str!("js/checkpoint.js")),
    ("commitment.js", include_str!("js/commitment.js")),
    ("cosignature.js", include_str!("js/cosignature.js")),
    ("dom.js", include_str!("js/dom.js")),
    ("ed25519.js", include_str!("js/ed25519.js")),
    ("entry.js", include_str!("js/entry.js")),
    ("hash-worker.js", include_str!("js/hash-worker.js")),
    ("hashing.js", include_str!("js/hashing.js")),
    ("json.js", include_str!("js/json.js")),
    ("keys.js", include_str!("js/keys.js")),
    ("later-words.js", include_str!("js/later-words.js")),
    ("later.js", include_str!("js/later.js")),
    ("ledger.js", include_str!("js/ledger.js")),
    ("members.js", include_str!("js/members.js")),
    ("merkle.js", include_str!("js/merkle.js")),
    ("names.js", include_str!("js/names.js")),
    ("note.js", include_str!("js/note.js")),
    ("policy.js", include_str!("js/policy.js")),
    ("proof.js", include_str!("js/proof.js")),
    ("receipt.js", include_str!("js/receipt.js")),
    ("record.js", include_str!("js/record.js")),
    ("sha256.js", include_str!("js/sha256.js")),
    ("sha512.js", include_str!("js/sha512.js")),
    ("statement.js", include_str!("js/statement.js")),
    ("steps.js", include_str!("js/steps.js")),
    ("time.js", include_str!("js/time.js")),
    ("verify.js", include_str!("js/verify.js")),
    ("vkey.js", include_str!("js/vkey.js")),
    ("words.js", include_str!("js/words.js")),
];

/// Where the style sheet is; the digest changes with it.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(&Sha256::digest(STYLE.as_bytes())[..6]);
    format!("/portal/{digest}.css")
});

/// `/portal/<digest>.css`.
pub(super) async fn style(
    Path(name): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    if STYLE_PATH.strip_prefix("/portal/") != Some(&name) {
        // An older page asks for an older style: the present one will do, for now.
        if name.ends_with(".css") {
            return Ok(cache::mutable(&request, "text/css; charset=utf-8", STYLE));
        }
        return Err(absent());
    }
    Ok(cache::immutable("text/css; charset=utf-8", STYLE.into()))
}

/// `/portal/js/<name>.js`.
pub(super) async fn module(
    Path(name): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let found = MODULES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(absent)?;
    let mut response = cache::mutable(&request, "text/javascript; charset=utf-8", *text);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, CSP);
    Ok(response)
}

/// `/verify.html`: to be kept, and opened without any server.
pub(super) async fn verifier(request: HeaderMap) -> Result<Response, Problem> {
    let mut response = cache::mutable(&request, "text/html; charset=utf-8", PAGE.as_str());
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"verify.html\""),
    );
    Ok(response)
}

/// SHA-256 of the verifier file.
pub(super) fn verifier_sha256() -> String {
    hex::encode(Sha256::digest(PAGE.as_bytes()))
}

/// `/favicon.svg`, and `/favicon.ico` for those who ask without looking.
pub(super) async fn favicon(request: HeaderMap) -> Response {
    cache::mutable(&request, "image/svg+xml", FAVICON)
}

/// `/robots.txt`: pages may be found, machines have better ways than the API.
pub(super) async fn robots(request: HeaderMap) -> Response {
    cache::mutable(&request, "text/plain; charset=utf-8", ROBOTS)
}

fn absent() -> Problem {
    Problem::new(&kinds::NOT_FOUND, "no such file of the portal").zh("门户没有这个文件")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that lies in the folder and is not served fails only in somebody's browser.
    #[test]
    fn every_module_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/portal/js");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".js"))
            .collect();
        there.sort();
        let mut served: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        served.sort_unstable();
        assert_eq!(served, there);
    }
}
