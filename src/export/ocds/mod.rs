//! OCDS 1.1.5: one record of the log, one release; a project, a record package with its compiled release.
//!
//! Promises: releases are immutable as records are (`id` is the statement id, a change is a later release); a sale never becomes a
//! purchase: it is left out and named with the reason; persons, commitments and what the caller keeps back are left out; every field
//! is of the core schema or of the extensions that the package names.
//!
//! Does not check its output: `tests/ocds_check.py` has libcoveocds and ocdsmerge do that.

pub mod extensions;
pub mod imported;
pub mod merge;
mod sections;
pub mod versioned;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Left, Reason, Source};
use extensions::Extensions;
use sections::Standing;

use crate::tlog::merkle::Hash;
use crate::trade::statement::Body;
use crate::trade::vocabulary::{self, Side, Stage};

/// How an export is named.
#[derive(Clone, Debug)]
pub struct Options {
    /// The registered prefix `ocds-xxxxxx`.
    pub prefix: String,
    /// Address of the ledger, for links; empty: no links to documents.
    pub base: String,
    /// Which extensions are named and used.
    pub extensions: Extensions,
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
            extensions: Extensions::default(),
        })
    }

    /// The same with other extensions.
    #[must_use]
    pub fn with_extensions(self, extensions: Extensions) -> Options {
        Options { extensions, ..self }
    }
}

/// The releases of these records, in log order, and what has none.
#[must_use]
pub fn releases(sources: &[Source], options: &Options) -> (Vec<Value>, Vec<Left>) {
    let (mut made, mut left) = (Vec::new(), Vec::new());
    let mut awards = HashMap::new();
    let mut standing = Standing::default();
    // Processes that are known to be purchases, by publisher and project.
    let mut processes: HashMap<(String, String), String> = HashMap::new();
    for source in sources {
        if options.extensions.are_used()
            && let Some((order, told)) = extensions::ordered(source)
            && let Some(ocid) = processes.get(&(order.publisher, order.project))
        {
            let date = date_of(source);
            made.push(json!({
                "ocid": ocid, "id": source.statement.id().to_string(), "date": date,
                "tag": ["tenderUpdate"], "initiationType": "tender", "withheldInformation": [told],
            }));
            continue;
        }
        match release(source, options, &mut standing) {
            Ok(mut release) => {
                name_awards(&mut release, &mut awards);
                let statement = &source.statement;
                if let (Some(publisher), Some(project), Some(ocid)) = (
                    statement.publisher(),
                    statement.project(),
                    release["ocid"].as_str(),
                ) {
                    let process = (publisher.to_owned(), project.to_owned());
                    processes.insert(process, ocid.to_owned());
                }
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

/// What stands around releases or records.
#[derive(Clone, Copy, Debug)]
pub struct Package<'a> {
    /// The time of the newest record, not of the export: the same log gives the same bytes.
    pub published: &'a str,
    /// Name of the publisher.
    pub publisher: &'a str,
    /// Where the package is.
    pub uri: &'a str,
    /// Which extensions are used in it.
    pub extensions: &'a Extensions,
}

impl Package<'_> {
    /// A package of these releases.
    #[must_use]
    pub fn of_releases(&self, releases: Vec<Value>) -> Value {
        self.around("releases", releases)
    }

    /// A package of one record a process, each with its releases and what they come to; if `versioned`, with every value that a field
    /// ever had.
    #[must_use]
    pub fn of_records(&self, releases: Vec<Value>, versioned: bool) -> Value {
        let mut processes: Map<String, Value> = Map::new();
        for release in releases {
            let ocid = release["ocid"].as_str().unwrap_or_default().to_owned();
            let list = processes.entry(ocid).or_insert_with(|| json!([]));
            list.as_array_mut().expect("made a line up").push(release);
        }
        let records = processes.into_iter().map(|(ocid, releases)| {
            let all = releases.as_array().map_or(&[][..], Vec::as_slice);
            let mut record = json!({ "ocid": ocid, "compiledRelease": merge::compile(all) });
            if versioned {
                record["versionedRelease"] = json!(versioned::versioned(all));
            }
            record["releases"] = releases;
            record
        });
        self.around("records", records.collect())
    }

    fn around(&self, name: &str, list: Vec<Value>) -> Value {
        json!({
            "uri": self.uri,
            "version": "1.1",
            "publishedDate": self.published,
            "publisher": { "name": self.publisher },
            "extensions": self.extensions.urls(),
            name: list,
        })
    }
}

fn date_of(source: &Source) -> String {
    let issued = source.statement.issued();
    issued.map_or_else(|| source.time.to_string(), |time| time.to_string())
}

/// One record as one release.
fn release(source: &Source, options: &Options, standing: &mut Standing) -> Result<Value, Reason> {
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
        // OCDS knows purchases only: what was imported from it is one.
        Side::Either if imported_ocid.is_some() => {}
        Side::Either => return Err(Reason::MaybeSale),
    }
    let kind = fields
        .kind()
        .and_then(vocabulary::kind)
        .ok_or(Reason::NoPlace)?;
    // A declaration of what is not public has a place in an extension only.
    let declares = kind.id == "withholding_declaration" && options.extensions.are_used();
    if kind.ocds_tag.is_empty() && !declares {
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
    let date = date_of(source);
    let tag = match fields.stage() {
        _ if !declares => kind.ocds_tag.as_str(),
        Some(Stage::Award) => "awardUpdate",
        Some(Stage::Performance) => "contractUpdate",
        _ => "tenderUpdate",
    };
    let mut release = Map::new();
    for (name, value) in [
        ("ocid", json!(ocid)),
        ("id", json!(statement.id().to_string())),
        ("date", json!(date)),
        ("tag", json!([tag])),
        ("initiationType", json!("tender")),
    ] {
        release.insert(name.to_owned(), value);
    }
    if imported_ocid.is_some() && imported::put(&fields, &mut release) {
        return Ok(Value::Object(release));
    }
    release.insert("language".to_owned(), json!("zh"));
    if declares {
        let told = extensions::declared(source);
        extensions::set_list(&mut release, "withheldInformation", told);
        return Ok(Value::Object(release));
    }
    let process = sections::Process {
        ocid: &ocid,
        project,
        date: &date,
    };
    sections::put(source, process, options, standing, &mut release);
    Ok(Value::Object(release))
}

#[cfg(test)]
mod tests;
