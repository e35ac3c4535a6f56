//! Disclosures that others have published already, made into drafts: bytes in, drafts and refusals out.
//!
//! | file | source |
//! | --- | --- |
//! | [`encoding`], [`json`] | any: bytes to values that keep their digits, what cannot be read refused where it stands |
//! | [`ocds`] | OCDS 1.1: packages, releases one a line; [`ocds_release`] makes statements of a release, [`persons`] finds and hides natural persons, [`ocds_fields`] reads what has fields here, [`ocds_plain`] keeps the rest |
//! | [`admissible`] | any: what the ledger would refuse for what it shows of people is taken out of a draft |
//! | [`notices`] | notices of Chinese trading platforms, a JSON object a line: [`yichang`], [`national`] |
//!
//! Promises: pure (no file, clock, network or random number); the same bytes give the same drafts; every fact of the input (a text, number, truth
//! value or null) ends in a draft, a document, a commitment or a refusal that says where it stands, what was found and what was wanted, and
//! [`Facts`] counts them; nothing is cut, invented or guessed from outside the item.
//!
//! Does not sign or post: a draft has neither `ledger`, `publisher` nor `follows`. Whoever posts it fills them in.

mod admissible;
mod amounts;
mod body;
mod encoding;
mod json;
#[cfg(test)]
mod measure;
mod national;
pub mod notices;
pub mod ocds;
mod ocds_fields;
mod ocds_plain;
mod ocds_release;
#[cfg(test)]
mod ocds_tests;
mod parties;
mod persons;
#[cfg(test)]
mod shapes_tests;
mod source;
#[cfg(test)]
mod tests;
mod times;
mod yichang;

use json::Json;
use serde_json::{Map, Value, json};

use crate::tlog::merkle::Hash;
use crate::trade::commitment::VALUE_BYTES_MAX;
use crate::trade::json::DEPTH_MAX;
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
    /// What is in the drafts in another way than a reader of the source would expect.
    pub remarks: Vec<Remark>,
    /// How many facts the file has.
    pub source: usize,
    /// Of these, what the file itself says elsewhere too.
    pub repeated: usize,
    /// Refusals of what is no UTF-8, and where it stands.
    foreign: Vec<(usize, std::ops::Range<usize>)>,
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
    /// Which facts of the file it has.
    pub facts: Facts,
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
    /// How many facts it has.
    pub facts: usize,
}

/// What was withheld, moved into a document, or kept as it stands because it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where it stands in the file.
    pub place: String,
    /// What, and where it is now, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// Where the facts of a statement went. A fact is a text, a number, a truth value or a null of the source, or an object or list with nothing in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Members of the statement that have a name in our vocabulary.
    pub fields: usize,
    /// `details.extra`, as the source has it.
    pub extra: usize,
    /// Documents, which the statement has by their digests.
    pub documents: usize,
    /// Commitments: what they hide stands in the file of openings.
    pub withheld: usize,
}

impl Facts {
    /// All of them.
    #[must_use]
    pub fn sum(&self) -> usize {
        self.fields + self.extra + self.documents + self.withheld
    }

    /// These and those.
    pub fn add(&mut self, other: &Facts) {
        self.fields += other.fields;
        self.extra += other.extra;
        self.documents += other.documents;
        self.withheld += other.withheld;
    }
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

/// A member that is not what it should be.
fn mistyped(member: &str, found: &Json, wanted: (&str, &str)) -> Fault {
    let (zh, en) = found.what();
    fault(
        format!("{member} 是{zh}，应为{}", wanted.0),
        format!("{member} is {en}, wanted {}", wanted.1),
    )
}

impl Import {
    /// Takes what became of one item, which has so many facts.
    fn take(&mut self, place: String, facts: usize, made: Result<Made, Fault>) {
        let finished = made.and_then(|made| made.finish(&place));
        match finished {
            Ok((item, mut remarks)) => {
                self.items.push(item);
                self.remarks.append(&mut remarks);
            }
            Err(why) => self.refuse(place, facts, why),
        }
    }

    fn refuse(&mut self, place: String, facts: usize, (zh, en): Fault) {
        self.refusals.push(Refusal {
            place,
            zh,
            en,
            facts,
        });
    }

    /// Remembers that the next refusal may be due to the encoding.
    fn note_encoding(&mut self, file: &[u8], range: std::ops::Range<usize>) {
        if std::str::from_utf8(&file[range.clone()]).is_err() {
            self.foreign.push((self.refusals.len(), range));
        }
    }

    /// Says once for the file what its encoding seems to be, not once an item.
    fn name_encoding(&mut self, file: &[u8]) {
        let foreign = std::mem::take(&mut self.foreign);
        let Some((first, _)) = foreign.first() else {
            return;
        };
        let bytes: Vec<u8> = foreign
            .iter()
            .flat_map(|(_, range)| file[range.clone()].iter().copied())
            .take(1 << 20)
            .collect();
        let (zh, en) = encoding::name_of(&bytes);
        let refused = foreign.iter().map(|(at, _)| &self.refusals[*at]);
        let facts = refused.clone().map(|refusal| refusal.facts).sum();
        let places: Vec<&str> = refused
            .take(5)
            .map(|refusal| refusal.place.as_str())
            .collect();
        let (count, more) = (foreign.len(), foreign.len() > places.len());
        let (list, dots) = (places.join(", "), if more { ", …" } else { "" });
        let at = &self.refusals[*first];
        let made = Refusal {
            place: at.place.clone(),
            zh: format!("{zh}（{count} 项：{list}{dots}；首处：{}）", at.zh),
            en: format!("{en} ({count} items: {list}{dots}; the first: {})", at.en),
            facts,
        };
        let first = *first;
        self.refusals[first] = made;
        let others: std::collections::HashSet<usize> =
            foreign.iter().skip(1).map(|(at, _)| *at).collect();
        let mut at = 0;
        self.refusals.retain(|_| {
            at += 1;
            !others.contains(&(at - 1))
        });
    }

    /// How many facts went where: the sum is [`source`](Import::source), which a test holds for arbitrary files.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut all = Facts::default();
        self.items.iter().for_each(|item| all.add(&item.facts));
        all
    }
}

/// A draft as a value, and the documents made for it.
struct Made {
    draft: Value,
    documents: Vec<Vec<u8>>,
    facts: Facts,
    /// How many facts of [`Facts::extra`] each part of `details.extra` has.
    parts: Vec<(&'static str, usize)>,
    /// What, in Chinese and English.
    remarks: Vec<Fault>,
}

impl From<Value> for Made {
    fn from(draft: Value) -> Made {
        Made {
            draft,
            documents: Vec::new(),
            facts: Facts::default(),
            parts: Vec::new(),
            remarks: Vec::new(),
        }
    }
}

/// What is moved into a document where the statement would be too long or too deep with it: name in `details.extra`, file, media type.
const MOVABLE: [(&str, &str, &str); 7] = [
    ("text", "text.txt", "text/plain"),
    ("fields", "fields.json", "application/json"),
    ("rows", "rows.json", "application/json"),
    ("release", "release.json", "application/json"),
    ("section", "section.json", "application/json"),
    ("package", "package.json", "application/json"),
    ("source_members", "source.json", "application/json"),
];

impl Made {
    fn finish(mut self, place: &str) -> Result<(Item, Vec<Remark>), Fault> {
        self.shrink();
        self.settle();
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
        let remarks = self.remarks.into_iter().map(|(zh, en)| Remark {
            place: place.to_owned(),
            zh,
            en,
        });
        let remarks = remarks.collect();
        let item = Item {
            place: place.to_owned(),
            issued,
            draft: self.draft.to_string(),
            documents: self.documents,
            facts: self.facts,
        };
        Ok((item, remarks))
    }

    /// Moves parts into documents until the statement is short and flat enough; what a field repeats of a section goes first.
    fn shrink(&mut self) {
        let fits = |draft: &Value| {
            size(draft) <= TEXT_BYTES_MAX - HEADER_ROOM && is_flat(draft, DEPTH_MAX)
        };
        if fits(&self.draft) {
            return;
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
        for (name, file, media_type) in MOVABLE {
            if fits(&self.draft) {
                return;
            }
            // What is flat is left where only depth is in the way; it stands in the third object.
            let short = size(&self.draft) <= TEXT_BYTES_MAX - HEADER_ROOM;
            if short && is_flat(&self.draft["details"]["extra"][name], DEPTH_MAX - 3) {
                continue;
            }
            let extra = self.draft["details"]["extra"].as_object_mut();
            if let Some(mut part) = extra.and_then(|found| found.shift_remove(name)) {
                let counted = self.parts.iter().find(|(own, _)| *own == name);
                let moved = counted.map_or(0, |(_, facts)| *facts);
                self.hoist(&mut part);
                let bytes = match part {
                    Value::String(text) => text.into_bytes(),
                    other => other.to_string().into_bytes(),
                };
                self.attach(file, media_type, bytes);
                self.facts.extra -= moved;
                self.facts.documents += moved;
                self.remarks.push(fault(
                    format!("{name} 过长，移入文件 {file}"),
                    format!("{name} is too long for a statement and is document {file}"),
                ));
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
                lists.push(withheld(&json!(std::mem::take(&mut list)).to_string()));
            }
            list.push(secret);
        }
        if !list.is_empty() {
            lists.push(withheld(&json!(list).to_string()));
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

/// Whether nothing in it is deeper than `room`; it is one itself.
fn is_flat(value: &Value, room: usize) -> bool {
    match value {
        Value::Object(members) => {
            room > 0 && members.values().all(|member| is_flat(member, room - 1))
        }
        Value::Array(items) => room > 0 && items.iter().all(|item| is_flat(item, room - 1)),
        _ => true,
    }
}

/// The bytes of a draft once its placeholders are commitments.
fn size(draft: &Value) -> usize {
    let text = draft.to_string();
    text.len() + 100 * text.matches("\"$commit\":").count()
}

/// What becomes a commitment, of class person. What is longer than a commitment takes becomes several.
fn withheld(shown: &str) -> Value {
    if shown.trim().is_empty() {
        return Value::Null;
    }
    let commit = |value: &str| json!({ "$commit": { "class": "person", "value": value } });
    if shown.len() <= VALUE_BYTES_MAX {
        return commit(shown);
    }
    let (mut pieces, mut rest) = (Vec::new(), shown);
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

/// A string member with more than spaces.
fn text<'v>(value: &'v Json, name: &str) -> Option<&'v str> {
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
