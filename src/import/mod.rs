//! Disclosures that others have published already, made into drafts: bytes in, drafts and refusals out.
//!
//! | file | source |
//! | --- | --- |
//! | [`ocds`] | OCDS 1.1: packages, releases one a line; [`persons`] finds and hides natural persons in them, [`ocds_fields`] reads what has fields here |
//! | [`notices`] | notices of Chinese trading platforms, a JSON object a line: [`yichang`], [`national`] |
//!
//! Promises: pure (no file, clock, network or random number); the same bytes give the same drafts; every item of the input becomes a draft or
//! a refusal that says where it stands, what was found and what was wanted; nothing is cut, invented or guessed from outside the item.
//!
//! Does not sign or post: a draft has neither `ledger`, `publisher` nor `follows`. Whoever posts it fills them in.

mod national;
pub mod notices;
pub mod ocds;
mod ocds_fields;
#[cfg(test)]
mod ocds_tests;
mod persons;
#[cfg(test)]
mod tests;
mod yichang;

use serde_json::{Map, Value, json};

use crate::tlog::merkle::Hash;
use crate::trade::commitment::VALUE_BYTES_MAX;
use crate::trade::identifiers;
use crate::trade::names;
use crate::trade::statement::TEXT_BYTES_MAX;

/// The most bytes of one item: a line, a release.
pub const ITEM_BYTES_MAX: usize = 8 << 20;
/// Of a section that is too long, its fields repeat no longer texts than this.
const REPEATED_BYTES_MAX: usize = 256;
/// What a draft leaves to the members that the posting client fills in: ledger, publisher, follows.
const HEADER_ROOM: usize = 1_024;

/// What a file gave, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// One statement each.
    pub items: Vec<Item>,
    /// What gave none.
    pub refusals: Vec<Refusal>,
}

/// A statement to be, and what goes with it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it stands in the file.
    pub place: String,
    /// When it says it was issued, for the order of posting.
    pub issued: i64,
    /// The draft: one line of JSON.
    pub draft: String,
    /// What was too long for a statement and stands in it by its digest.
    pub documents: Vec<Vec<u8>>,
}

/// Why an item gave no statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it stands in the file.
    pub place: String,
    /// Found and wanted, in Chinese.
    pub zh: String,
    /// Found and wanted, in English.
    pub en: String,
}

/// Found and wanted, in both languages, before it is known where.
type Fault = (String, String);

fn fault(zh: impl Into<String>, en: impl Into<String>) -> Fault {
    (zh.into(), en.into())
}

fn missing(member: &str) -> Fault {
    fault(
        format!("缺少 {member}，或其值不是非空字符串"),
        format!("{member} is missing or no string with characters, wanted one"),
    )
}

impl Import {
    /// Takes what became of one item.
    fn take(&mut self, place: String, made: Result<Made, Fault>) {
        let finished = made.and_then(|made| made.finish(&place));
        match finished {
            Ok(item) => self.items.push(item),
            Err((zh, en)) => self.refusals.push(Refusal { place, zh, en }),
        }
    }
}

/// A draft as a value, and the documents made for it.
struct Made {
    draft: Value,
    documents: Vec<Vec<u8>>,
}

impl From<Value> for Made {
    fn from(draft: Value) -> Made {
        Made {
            draft,
            documents: Vec::new(),
        }
    }
}

impl Made {
    fn finish(mut self, place: &str) -> Result<Item, Fault> {
        self.shrink();
        let (have, room) = (size(&self.draft), TEXT_BYTES_MAX - HEADER_ROOM);
        if have > room {
            return Err(fault(
                format!("声明将有 {have} 字节，最多 {room} 字节"),
                format!("the statement would have {have} bytes, wanted at most {room}"),
            ));
        }
        let issued = self.draft["issued"].as_str().unwrap_or_default();
        let issued = crate::trade::time::OffsetTime::parse(issued)
            .map_err(|error| {
                fault(
                    format!("日期 {issued:?} 不是时间"),
                    format!("date {issued:?}: {error}"),
                )
            })?
            .time
            .as_ms();
        let draft = self.draft.to_string();
        Ok(Item {
            place: place.to_owned(),
            issued,
            draft,
            documents: self.documents,
        })
    }

    /// Moves the full text into a document where the statement would be too long with it; what a field repeats of it goes first.
    fn shrink(&mut self) {
        if size(&self.draft) <= TEXT_BYTES_MAX - HEADER_ROOM {
            return;
        }
        let extra = self.draft["details"]["extra"].as_object_mut();
        if let Some(Value::String(text)) = extra.and_then(|found| found.shift_remove("text")) {
            self.attach("text.txt", "text/plain", text.into_bytes());
        }
        if let Some(details) = self.draft["details"].as_object_mut()
            && details["extra"].get("section").is_some()
        {
            details.shift_remove("goods");
            details.retain(|_, value| {
                value
                    .as_str()
                    .is_none_or(|text| text.len() <= REPEATED_BYTES_MAX)
            });
        }
        for name in ["release", "section"] {
            if size(&self.draft) <= TEXT_BYTES_MAX - HEADER_ROOM {
                return;
            }
            let extra = self.draft["details"]["extra"].as_object_mut();
            if let Some(mut part) = extra.and_then(|found| found.shift_remove(name)) {
                self.hoist(&mut part);
                let bytes = part.to_string().into_bytes();
                self.attach(&format!("{name}.json"), "application/json", bytes);
            }
        }
    }

    /// A document has no commitments: what is withheld in it goes to `/details/extra/persons`, commitments over JSON lists of
    /// texts, which the document refers to by their number over all lists.
    fn hoist(&mut self, part: &mut Value) {
        let mut taken = Vec::new();
        take_placeholders(part, &mut taken);
        let (mut lists, mut list): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
        let full = |list: &[String], next: &str| {
            json!(list).to_string().len() + json!(next).to_string().len() + 1 > VALUE_BYTES_MAX
        };
        for secret in taken {
            if !list.is_empty() && full(&list, &secret) {
                lists.push(withheld(&json!(std::mem::take(&mut list))));
            }
            list.push(secret);
        }
        if !list.is_empty() {
            lists.push(withheld(&json!(list)));
        }
        let extra = self.draft["details"]["extra"].as_object_mut();
        if let (Some(extra), false) = (extra, lists.is_empty()) {
            let persons = extra.entry("persons").or_insert_with(|| json!([]));
            if let Some(there) = persons.as_array_mut() {
                there.extend(lists);
            }
        }
    }

    fn attach(&mut self, name: &str, media_type: &str, bytes: Vec<u8>) {
        if let Some(documents) = self.draft["documents"].as_array_mut() {
            documents.push(json!({
                "name": name,
                "media_type": media_type,
                "size": bytes.len(),
                "sha256": Hash::sha256(&bytes).to_string(),
            }));
            self.documents.push(bytes);
        }
    }
}

/// The ledger's id of a project that the source calls `id`.
///
/// ```
/// use mingzhang::import::project_of;
/// assert_eq!(project_of("SS-2026-001"), "SS-2026-001");
/// assert_eq!(project_of("韶山一号").len(), 42);
/// ```
#[must_use]
pub fn project_of(id: &str) -> String {
    if names::check_project(id).is_ok() {
        id.to_owned()
    } else {
        hashed(id)
    }
}

/// The id of a project whose own is a name, not a number.
fn hashed(id: &str) -> String {
    format!("x-{}", &Hash::sha256(id.as_bytes()).to_string()[..40])
}

/// The bytes of a draft once its placeholders are commitments.
fn size(draft: &Value) -> usize {
    let text = draft.to_string();
    text.len() + 100 * text.matches("\"$commit\"").count()
}

/// What becomes a commitment, of class person: a string as it is, anything else as JSON. What is longer than a commitment takes
/// becomes several.
fn withheld(value: &Value) -> Value {
    let shown = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    if value.is_null() || shown.trim().is_empty() {
        return Value::Null;
    }
    let commit = |value: &str| json!({ "$commit": { "class": "person", "value": value } });
    if shown.len() <= VALUE_BYTES_MAX {
        return commit(&shown);
    }
    let (mut pieces, mut rest) = (Vec::new(), shown.as_str());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(VALUE_BYTES_MAX));
        pieces.push(commit(piece));
        rest = after;
    }
    pieces.into()
}

/// Takes the placeholders out of `value`; in their place stands which item of which list they went to.
fn take_placeholders(value: &mut Value, taken: &mut Vec<String>) {
    match value {
        Value::Object(members) if members.contains_key("$commit") => {
            let secret = members["$commit"]["value"].as_str().unwrap_or_default();
            let at = taken.len();
            taken.push(secret.to_owned());
            *value = json!({ "withheld": "person", "item": at });
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| take_placeholders(member, taken)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| take_placeholders(item, taken)),
        _ => {}
    }
}

/// Where a mobile number stands; the source's own address and id of the notice are no such place.
fn phone(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::String(text) => identifiers::runs(text)
            .iter()
            .any(|run| identifiers::mobile_number_is_valid(run))
            .then(|| pointer.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| phone(item, &format!("{pointer}/{at}"))),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| {
                !matches!(
                    name.as_str(),
                    "source" | "url" | "original_link" | "full_page"
                )
            })
            .find_map(|(name, member)| phone(member, &format!("{pointer}/{name}"))),
        _ => None,
    }
}

/// A string member with more than spaces.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value
        .get(name)?
        .as_str()
        .filter(|text| !text.trim().is_empty())
}

/// An object of what there is.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
