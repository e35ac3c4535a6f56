//! The files that pages refer to, compiled in: style, marks, and the modules that verify in the reader's browser.
//!
//! Promises: a type that fits, an entity tag, and the page's own Content-Security-Policy on every script, because a worker obeys the
//! policy of the script that it was started from. The style sheet's address names its digest and may be kept for ever; modules name
//! each other by plain names, so they are asked for again and answered 304.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::CSP;
use crate::said;
use crate::server::cache;
use crate::server::gate::Shared;
use crate::server::problem::{Problem, kinds};

pub(super) const STYLE: &str = include_str!("portal.css");
const FAVICON: &str = include_str!("favicon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /api/\nDisallow: /tile/\n";

macro_rules! modules {
    ($($name:literal)*) => {
        &[$((concat!($name, ".js"), include_str!(concat!("js/", $name, ".js")))),*]
    };
}

/// Every module that a page or a worker loads: each file of `js/` has its line here, or no browser gets it.
pub(super) const MODULES: &[(&str, &str)] = modules![
    "alone"
    "authority"
    "bytes"
    "check"
    "checker"
    "checkpoint"
    "commitment"
    "cosignature"
    "dom"
    "ed25519"
    "entry"
    "hash-worker"
    "hashing"
    "json"
    "keys"
    "later"
    "later-words"
    "ledger"
    "members"
    "merkle"
    "names"
    "note"
    "policy"
    "proof"
    "receipt"
    "record"
    "sha256"
    "sha512"
    "statement"
    "steps"
    "time"
    "verify"
    "vkey"
    "words"
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
            return Ok(cache::shared(&request, "text/css; charset=utf-8", STYLE));
        }
        return Err(absent());
    }
    let mut response = cache::immutable("text/css; charset=utf-8", STYLE.into());
    response.extensions_mut().insert(Shared);
    Ok(response)
}

/// `/portal/js/<name>.js`.
pub(super) async fn module(
    Path(name): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let found = MODULES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(absent)?;
    let mut response = cache::shared(&request, "text/javascript; charset=utf-8", text);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, CSP);
    Ok(response)
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
    Problem::new(
        &kinds::NOT_FOUND,
        said!("门户没有这个文件", "no such file of the portal"),
    )
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
        assert_eq!(served, there, "name every file of js/ in MODULES");
    }
}
