//! Links that stay below whatever path a proxy has put the ledger at: in a page that goes out, each link to a path of this server is made
//! relative to the page's own path.
//!
//! Templates write `/entries/2` as if the ledger were at the root of its host; only the reader's browser knows whether it is. So no proxy has
//! to say its prefix, nobody can say a wrong one, and the same bytes are right for all of them. Text of others is no link: templates and
//! `portal/quoted.rs` escape its quotation marks, and what a reader has typed stands in a `value`.

use axum::body::{Body, to_bytes};
use axum::http::Response;

/// Marks a page whose links begin at this server's root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rooted;

/// The same page with relative links, if it is one whose links begin at the root.
pub(super) async fn relative(response: Response<Body>, path: &str) -> Response<Body> {
    if response.extensions().get::<Rooted>().is_none() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.extensions.remove::<Rooted>();
    // Rendered whole already, or empty: there is nothing to wait for and nothing to bound.
    let html = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let html = links(&String::from_utf8_lossy(&html), path);
    Response::from_parts(parts, Body::from(html))
}

/// Attributes that hold links.
const LINKS: [&str; 7] = [
    "href",
    "src",
    "action",
    "data-receipt",
    "data-policy",
    "data-ledger",
    "data-worker",
];

/// `href="/x` as seen from `path`; `href="//` is another host and none of ours.
fn links(html: &str, path: &str) -> String {
    const ROOT: &str = "=\"/";
    let up = match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        depth => "../".repeat(depth - 1),
    };
    let mut made = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(ROOT) {
        let is_link = LINKS.iter().any(|name| rest[..at].ends_with(name));
        let (before, after) = rest.split_at(at + ROOT.len() - 1);
        made.push_str(before);
        if !is_link || after.starts_with("//") {
            made.push('/');
        } else {
            made.push_str(&up);
        }
        rest = &after[1..];
    }
    made + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_same_places_from_below_any_prefix() {
        #[track_caller]
        fn check(path: &str, html: &str, wanted: &str) {
            assert_eq!(links(html, path), wanted, "{path}");
        }
        check("/", r#"<a href="/entries/2">"#, r#"<a href="./entries/2">"#);
        check("/search", r#"<a href="/">"#, r#"<a href="./">"#);
        check(
            "/entries/2",
            r#"<a href="/x?y=/z" src="/">"#,
            r#"<a href="../x?y=/z" src="../">"#,
        );
        check(
            "/en/projects/a.b/P-1",
            r#"<a href="/policy">"#,
            r#"<a href="../../../policy">"#,
        );
        check("/en/", r#"<a href="/en/">"#, r#"<a href="../en/">"#);
        for same in [
            r#"<a href="https://a/b">"#,
            r#"<a href="//a/b">"#,
            r#"<a href="?q=1">"#,
            r#"<input value="/b">"#,
            "a = /b",
            "=&quot;/b",
            "",
        ] {
            check("/entries/2", same, same);
        }
    }
}
