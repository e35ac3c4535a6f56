//! `/feed.atom`: notices as they come, by the same conditions as a search (RFC 4287, paged by RFC 5005 §3).
//!
//! Promises: an entry's id is its statement's, for ever; `updated` is the ledger's time. Does not repeat what an order keeps back.

use askama::Template;
use axum::extract::{Query as UrlQuery, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::list::lines;
use super::{Page, base_url};
use crate::search::Query;
use crate::server::Api;
use crate::server::api::{look, malformed};
use crate::server::cache;
use crate::server::problem::Problem;

#[derive(Template)]
#[template(path = "feed.xml")]
struct FeedPage {
    p: Page,
    id: String,
    base: String,
    own: String,
    html: String,
    next: Option<String>,
    updated: String,
    entries: Vec<FeedEntry>,
}

struct FeedEntry {
    id: String,
    index: u64,
    title: String,
    summary: String,
    updated: String,
    published: String,
    author: String,
}

/// `/feed.atom`.
pub(super) async fn feed(
    State(api): State<Api>,
    UrlQuery(pairs): UrlQuery<Vec<(String, String)>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "");
    let conditions = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let query = Query::parse(conditions).map_err(|error| malformed(&error))?;
    let found = look(&api, &query).await?;
    let with = |path: &str, before: Option<u64>| {
        let mut url = form_urlencoded::Serializer::new(String::new());
        url.extend_pairs(
            pairs
                .iter()
                .filter(|(name, value)| name != "before" && !value.is_empty()),
        );
        if let Some(before) = before {
            url.append_pair("before", &before.to_string());
        }
        let query = url.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        p.at(&format!("{path}{mark}{query}"))
    };
    let entries: Vec<FeedEntry> = lines(&api, &found.indexes, p.lang)
        .await?
        .into_iter()
        .filter_map(|line| Some((line.index, line.notice?)))
        .map(|(index, notice)| FeedEntry {
            id: uuid_of(&notice.id),
            index,
            title: notice.title.plain().to_owned(),
            summary: [&notice.kind, &notice.category, &notice.region]
                .map(|said| said.plain().to_owned())
                .join(" · "),
            updated: notice.logged.to_string(),
            published: notice.iso,
            author: notice.source.plain().to_owned(),
        })
        .collect();
    let newest = entries.first().map(|entry| entry.updated.clone());
    let began = api.ledger.head().time.map(|time| time.to_string());
    let page = FeedPage {
        id: uuid_of(&format!("{} {}", p.origin, with("/feed.atom", None))),
        base: base_url(&request),
        own: with("/feed.atom", query.before),
        html: with("/search", None),
        next: found.next.map(|before| with("/feed.atom", Some(before))),
        updated: newest
            .or(began)
            .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned()),
        entries,
        p,
    };
    let xml = page
        .render()
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(cache::mutable(
        &request,
        "application/atom+xml; charset=utf-8",
        xml,
    ))
}

/// A UUID that follows from a name (RFC 9562 §5.8): the same for ever, on every mirror.
fn uuid_of(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|n| digest[n]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_for_ever() {
        assert_eq!(
            uuid_of("a"),
            "urn:uuid:ca978112-ca1b-8dca-bac2-31b39a23dc4d"
        );
        assert_ne!(uuid_of("a"), uuid_of("b"));
    }
}
