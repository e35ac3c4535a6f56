//! What the operator announces in a `notice`: files by their digest, such as the rule pack and the calendar that findings are made by.
//!
//! `"announces":[{"what":"rule_pack","version":"cn-2026.1","sha256":"<64 hex>"}]`. Whoever holds the file compares its SHA-256. Pure;
//! what is ill-formed is not there.

use super::json::Value;
use super::names;
use super::statement::{Body, Statement};
use crate::tlog::merkle::Hash;

/// One file that is announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement {
    /// What the file is: `rule_pack`, `calendar`, or another word.
    pub what: String,
    /// Its version, as it names it.
    pub version: String,
    /// Of its bytes.
    pub sha256: Hash,
}

/// Files of one notice, at most.
pub(crate) const ANNOUNCEMENTS_MAX: usize = 64;

/// What a statement announces; nothing unless it is a `notice`.
#[must_use]
pub(crate) fn announcements(statement: &Statement) -> Vec<Announcement> {
    if !matches!(statement.body(), Body::Notice) {
        return Vec::new();
    }
    let value = statement.value();
    let items = value.get("announces").and_then(Value::items);
    let items = items.unwrap_or_default().iter().take(ANNOUNCEMENTS_MAX);
    items.filter_map(read).collect()
}

/// Whether `announces` is absent or well-formed; else the place of the first item that is not.
pub(super) fn check(value: &Value<'_>) -> Result<(), Option<usize>> {
    let Some(announces) = value.get("announces") else {
        return Ok(());
    };
    let items = announces.items().ok_or(None)?;
    if items.is_empty() || items.len() > ANNOUNCEMENTS_MAX {
        return Err(None);
    }
    match items.iter().position(|item| read(item).is_none()) {
        Some(place) => Err(Some(place)),
        None => Ok(()),
    }
}

fn read(item: &Value<'_>) -> Option<Announcement> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let what = text("what").filter(|what| {
        (1..=64).contains(&what.len())
            && what
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })?;
    let version = text("version").filter(|version| (1..=128).contains(&version.len()))?;
    Some(Announcement {
        what: what.to_owned(),
        version: version.to_owned(),
        sha256: names::parse_hash(text("sha256")?).ok()?,
    })
}
