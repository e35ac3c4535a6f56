//! OCDS 1.1.5: one record of the log, one release; a project, a record package with its compiled release.
//!
//! Promises: releases are immutable as records are (`id` is the statement id, a change is a later release); a sale never becomes a
//! purchase: it is left out and named with the reason; persons, commitments and what the caller keeps back are left out; no
//! extension is used, so `extensions` is empty and every field is of the core schema.
//!
//! Does not check its output: `tests/ocds_check.py` has libcoveocds and ocdsmerge do that.

pub mod imported;
pub mod merge;
mod sections;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Left, Reason, Source};
use crate::tlog::merkle::Hash;
use crate::trade::statement::Body;
use crate::trade::vocabulary::{self, Side};

/// How an export is named.
#[derive(Clone, Debug)]
pub struct Options {
    /// The registered prefix `ocds-xxxxxx`.
    pub prefix: String,
    /// Address of the ledger, for links; empty: no links to documents.
    pub base: String,
}

/// The standard's example prefix: for trials only, a real one is given by the OCDS helpdesk.
pub const PREFIX_EXAMPLE: &str = "ocds-213czf";

/// A prefix that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the OCDS prefix is {found:?}, wanted ocds- and six of a-z and 0-9, such as {PREFIX_EXAMPLE}"
)]
pub struct PrefixError {
    /// As given.
    pub found: String,
}

impl Options {
    /// # Errors
    /// [`PrefixError`].
    pub fn new(prefix: &str, base: &str) -> Result<Options, PrefixError> {
        let is_good = prefix.strip_prefix("ocds-").is_some_and(|rest| {
            rest.len() == 6
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if !is_good {
            return Err(PrefixError {
                found: prefix.to_owned(),
            });
        }
        Ok(Options {
            prefix: prefix.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

/// The releases of these records, in log order, and what has none.
#[must_use]
pub fn releases(sources: &[Source], options: &Options) -> (Vec<Value>, Vec<Left>) {
    let (mut made, mut left) = (Vec::new(), Vec::new());
    let mut awards = HashMap::new();
    for source in sources {
        match release(source, options) {
            Ok(mut release) => {
                name_awards(&mut release, &mut awards);
                made.push(release);
            }
            Err(reason) => left.push(Left {
                index: source.index,
                id: source.statement.id(),
                reason,
            }),
        }
    }
    (made, left)
}

/// A contract's later releases name its award as the first one did; an imported payment does not say which.
fn name_awards(release: &mut Value, awards: &mut HashMap<(String, String), Value>) {
    let ocid = release["ocid"].as_str().unwrap_or_default().to_owned();
    let Some(contracts) = release.get_mut("contracts").and_then(Value::as_array_mut) else {
        return;
    };
    for contract in contracts {
        let of = (ocid.clone(), contract["id"].to_string());
        let stands = contract.get("awardID").cloned();
        let is_imported = contract
            .as_object()
            .is_some_and(|members| members.len() == 2);
        match (stands, awards.get(&of)) {
            (Some(award), _) => {
                awards.entry(of).or_insert(award);
            }
            (None, Some(award)) if is_imported => contract["awardID"] = award.clone(),
            (None, _) => {}
        }
    }
}

/// A package of these releases. `published` is the time of the newest record, not of the export: the same log gives the same bytes.
#[must_use]
pub fn release_package(releases: Vec<Value>, published: &str, publisher: &str, uri: &str) -> Value {
    json!({
        "uri": uri,
        "version": "1.1",
        "publishedDate": published,
        "publisher": { "name": publisher },
        "extensions": [],
        "releases": releases,
    })
}

/// A package of one record a process, each with its releases and what they come to.
#[must_use]
pub fn record_package(releases: Vec<Value>, published: &str, publisher: &str, uri: &str) -> Value {
    let mut processes: Map<String, Value> = Map::new();
    for release in releases {
        let ocid = release["ocid"].as_str().unwrap_or_default().to_owned();
        let list = processes.entry(ocid).or_insert_with(|| json!([]));
        list.as_array_mut().expect("made a line up").push(release);
    }
    let records: Vec<Value> = processes
        .into_iter()
        .map(|(ocid, releases)| {
            let compiled = merge::compile(releases.as_array().map_or(&[], Vec::as_slice));
            json!({ "ocid": ocid, "releases": releases, "compiledRelease": compiled })
        })
        .collect();
    json!({
        "uri": uri,
        "version": "1.1",
        "publishedDate": published,
        "publisher": { "name": publisher },
        "extensions": [],
        "records": records,
    })
}

/// One record as one release.
fn release(source: &Source, options: &Options) -> Result<Value, Reason> {
    let statement = &source.statement;
    let fields = statement.fields();
    let (Body::Trade(_), Some(project)) = (statement.body(), statement.project()) else {
        return Err(Reason::NotTrade);
    };
    let codes = fields.codes();
    let imported_ocid = codes
        .iter()
        .find(|code| code.scheme == "ocid")
        .map(|code| code.value);
    let side = fields
        .category()
        .and_then(vocabulary::category)
        .map_or(Side::Either, |category| category.side);
    match side {
        Side::Buy => {}
        Side::Sell => return Err(Reason::Sale),
        // What was OCDS before is a purchase.
        Side::Either if imported_ocid.is_some() => {}
        Side::Either => return Err(Reason::MaybeSale),
    }
    let kind = fields
        .kind()
        .and_then(vocabulary::kind)
        .ok_or(Reason::NoPlace)?;
    if kind.ocds_tag.is_empty() {
        return Err(Reason::NoPlace);
    }
    let publisher = statement.publisher().unwrap_or_default();
    let ocid = imported_ocid.map_or_else(
        || {
            // Two publishers may give one id to different projects.
            let whose = Hash::sha256(publisher.as_bytes()).to_string();
            format!("{}-{}-{project}", options.prefix, &whose[..8])
        },
        str::to_owned,
    );
    let date = statement
        .issued()
        .map_or_else(|| source.time.to_string(), |time| time.to_string());
    let mut release = Map::new();
    for (name, value) in [
        ("ocid", json!(ocid)),
        ("id", json!(statement.id().to_string())),
        ("date", json!(date)),
        ("tag", json!([kind.ocds_tag])),
        ("initiationType", json!("tender")),
    ] {
        release.insert(name.to_owned(), value);
    }
    if imported_ocid.is_some() && imported::put(&fields, &mut release) {
        return Ok(Value::Object(release));
    }
    release.insert("language".to_owned(), json!("zh"));
    sections::put(source, project, &date, options, &mut release);
    Ok(Value::Object(release))
}

#[cfg(test)]
mod tests;
