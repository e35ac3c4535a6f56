//! OCDS 1.1: release packages, record packages, and releases one a line. One statement a section: planning, tender, each award, each
//! contract, and what its implementation says of payments and of progress.
//!
//! Contact points, e-mails, telephones and persons leave here as `$commit` placeholders: only their salted digests are published.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::ocds_fields::{self, CODE_BYTES_MAX};
use super::{
    Fault, ITEM_BYTES_MAX, Import, Made, fault, missing, object, persons, project_of, text,
    withheld,
};
use crate::export::ocds::imported::{camel, is_number};
use crate::tlog::merkle::Hash;

#[derive(Deserialize)]
struct Package<'a> {
    uri: Option<Value>,
    publisher: Option<Value>,
    license: Option<Value>,
    #[serde(rename = "publicationPolicy")]
    policy: Option<Value>,
    #[serde(borrow)]
    releases: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    records: Option<Vec<&'a RawValue>>,
    #[serde(borrow, rename = "compiledRelease")]
    compiled: Option<&'a RawValue>,
}

/// Reads a file.
#[must_use]
pub fn read(file: &[u8]) -> Import {
    let mut import = Import::default();
    let whole = &Value::Null;
    if serde_json::from_slice::<&RawValue>(file).is_ok() {
        unpack(file.trim_ascii(), "", whole, &mut import);
        return import;
    }
    for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            unpack(line, &(at + 1).to_string(), whole, &mut import);
        }
    }
    import
}

/// A package, a record or a release. `origin` is what the package around it says of itself.
fn unpack(bytes: &[u8], place: &str, origin: &Value, import: &mut Import) {
    let package: Package<'_> = match serde_json::from_slice(bytes) {
        Ok(package) => package,
        Err(error) => {
            let faulty = fault(format!("不是 OCDS：{error}"), format!("no OCDS: {error}"));
            return import.take(place.to_owned(), Err(faulty));
        }
    };
    if let Some(list) = &package.records {
        let origin = package.origin();
        for (at, record) in list.iter().enumerate() {
            let place = format!("{place}/records/{at}");
            unpack(record.get().as_bytes(), &place, &origin, import);
        }
        return;
    }
    let releases = package.releases.as_deref().unwrap_or_default();
    if releases.is_empty() && package.compiled.is_none() {
        return release(bytes, place, origin, import);
    }
    let own = package.origin();
    let origin = if own.is_null() { origin } else { &own };
    let mut embedded = false;
    for (at, raw) in releases.iter().enumerate() {
        let place = format!("{place}/releases/{at}");
        match linked(raw.get()) {
            // A record may name its releases only; what they say stands elsewhere.
            Some(url) => import.take(
                place,
                Err(fault(
                    format!("只是指向 {url} 的链接，内容不在本文件中；请导入该文件"),
                    format!("a link to {url}, wanted the release itself: import that file"),
                )),
            ),
            None => {
                embedded = true;
                release(raw.get().as_bytes(), &place, origin, import);
            }
        }
    }
    // What the releases come to says nothing of its own, unless they are not here.
    if let (Some(raw), false) = (package.compiled, embedded) {
        let place = format!("{place}/compiledRelease");
        release(raw.get().as_bytes(), &place, origin, import);
    }
}

/// The address of a linked release.
fn linked(raw: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Link {
        url: Option<String>,
        ocid: Option<Value>,
    }
    let link: Link = serde_json::from_str(raw).ok()?;
    link.url.filter(|_| link.ocid.is_none())
}

impl Package<'_> {
    /// Who published it, where, under which licence.
    fn origin(&self) -> Value {
        let said = object([
            ("uri", self.uri.clone()),
            ("publisher", self.publisher.clone()),
            ("license", self.license.clone()),
            ("publicationPolicy", self.policy.clone()),
        ]);
        if said.is_empty() {
            Value::Null
        } else {
            said.into()
        }
    }
}

fn release(bytes: &[u8], place: &str, origin: &Value, import: &mut Import) {
    match sections(bytes, origin) {
        Ok(list) => {
            for (name, made) in list {
                import.take(format!("{place}/{name}"), Ok(made));
            }
        }
        Err(faulty) => import.take(place.to_owned(), Err(faulty)),
    }
}

/// A section of a release on its way to a statement.
struct Section {
    /// Its place in the release.
    name: String,
    stage: &'static str,
    kind: &'static str,
    value: Value,
}

/// The sections that are there, and what kind of notice each is.
fn found(release: &Value) -> Vec<Section> {
    let tagged = |words: &[&str]| {
        let is = |tag: &Value| words.iter().any(|word| tag == word);
        match &release["tag"] {
            Value::Array(tags) => tags.iter().any(is),
            tag => is(tag),
        }
    };
    let mut found = Vec::new();
    let mut take = |name: String, stage, kind, value: &Value| {
        found.push(Section {
            name,
            stage,
            kind,
            value: value.clone(),
        });
    };
    if there(&release["planning"]) {
        let planning = &release["planning"];
        take("planning".into(), "announcement", "plan_notice", planning);
    }
    if there(&release["tender"]) {
        let kind = if tagged(&["tenderCancellation"]) {
            "termination"
        } else if tagged(&["tenderAmendment", "tenderUpdate"]) {
            "change_notice"
        } else {
            "tender_notice"
        };
        take("tender".into(), "announcement", kind, &release["tender"]);
    }
    let list = |name: &str| release[name].as_array().into_iter().flatten().enumerate();
    for (at, award) in list("awards") {
        let changed = tagged(&["awardCancellation", "awardAmendment", "awardUpdate"]);
        let kind = if changed {
            "award_change"
        } else {
            "award_notice"
        };
        take(format!("awards/{at}"), "award", kind, award);
    }
    for (at, contract) in list("contracts") {
        let kind = if tagged(&["contractTermination"]) {
            "contract_termination"
        } else if tagged(&["contractAmendment", "contractUpdate"]) {
            "contract_change"
        } else {
            "contract"
        };
        let mut contract = contract.clone();
        let (id, award) = (contract["id"].clone(), contract["awardID"].clone());
        let members = contract.as_object_mut();
        let done = members.and_then(|members| members.shift_remove("implementation"));
        // Named only to say what was done under it.
        let says = contract.as_object().is_none_or(|members| {
            members
                .keys()
                .any(|name| !matches!(name.as_str(), "id" | "awardID"))
        });
        if says || done.is_none() {
            take(format!("contracts/{at}"), "performance", kind, &contract);
        }
        let Some(Value::Object(mut report)) = done else {
            continue;
        };
        let paid = report.shift_remove("transactions");
        let of = |mut members: Map<String, Value>| {
            members.insert("contractID".to_owned(), id.clone());
            if !award.is_null() {
                members.insert("awardID".to_owned(), award.clone());
            }
            Value::Object(members)
        };
        if let Some(paid) = paid.filter(|paid| paid.as_array().is_some_and(|p| !p.is_empty())) {
            let paid = of(object([("transactions", Some(paid))]));
            take(
                format!("contracts/{at}/payment"),
                "performance",
                "payment",
                &paid,
            );
        }
        if !report.is_empty() {
            let report = of(report);
            let name = format!("contracts/{at}/report");
            take(name, "performance", "performance_report", &report);
        }
    }
    found
}

fn there(value: &Value) -> bool {
    value.as_object().is_some_and(|members| !members.is_empty())
}

fn sections(bytes: &[u8], origin: &Value) -> Result<Vec<(String, Made)>, Fault> {
    if bytes.len() > ITEM_BYTES_MAX {
        let have = bytes.len();
        return Err(fault(
            format!("有 {have} 字节，最多 {ITEM_BYTES_MAX} 字节"),
            format!("{have} bytes, wanted at most {ITEM_BYTES_MAX}"),
        ));
    }
    let mut release: Value = serde_json::from_slice(bytes)
        .map_err(|error| fault(format!("不是 JSON：{error}"), format!("no JSON: {error}")))?;
    persons::hide(&mut release);
    let ocid = text(&release, "ocid").ok_or_else(|| missing("ocid"))?;
    let date = text(&release, "date").ok_or_else(|| missing("date"))?;
    let issued = if date.len() == 10 {
        format!("{date}T00:00:00Z")
    } else {
        date.to_owned()
    };
    let found = found(&release);
    if found.is_empty() {
        return Err(fault(
            "没有 planning、tender、awards 或 contracts",
            "there is no planning, tender, awards or contracts, wanted one",
        ));
    }
    let digest = Hash::sha256(bytes);
    let category = if ocds_fields::names_buyer(&release) {
        "gov-procurement"
    } else {
        "other"
    };
    let method = match release["tender"]["procurementMethod"].as_str() {
        Some("open") => Some("open-tender"),
        Some("selective") => Some("invited-tender"),
        Some("direct") => Some("single-source"),
        Some("limited") => Some("other"),
        _ => None,
    };
    let origin = if origin.is_null() {
        &release["packageInfo"]
    } else {
        origin
    };
    let source = object([
        ("name", text(&origin["publisher"], "name").map(Value::from)),
        ("url", text(origin, "uri").map(Value::from)),
        ("id", text(&release, "id").map(Value::from)),
    ]);
    let mut made = Vec::new();
    for (at, section) in found.iter().enumerate() {
        let read = ocds_fields::read(&release, section.kind, &section.value);
        let mut codes = vec![json!({ "scheme": "ocid", "value": ocid })];
        if let Some(id) = text(&release, "id").filter(|id| id.len() <= CODE_BYTES_MAX) {
            codes.push(json!({ "scheme": "ocds_release_id", "value": id }));
        }
        if let Some((scheme, id)) = &read.code {
            codes.push(json!({ "scheme": scheme, "value": id }));
        }
        let mut rest = around(&release, section, at == 0);
        let mut plain = Plain::default();
        let mut extra = object([("section", Some(plain.make(&section.value, "", "/section")))]);
        if at == 0 && !origin.is_null() && release["packageInfo"].is_null() {
            extra.insert("package".to_owned(), plain.make(origin, "", "/package"));
        }
        if !rest.is_empty() {
            let rest = Value::Object(std::mem::take(&mut rest));
            extra.insert("release".to_owned(), plain.make(&rest, "", "/release"));
        }
        plain.put(&mut extra);
        let mut details = read.details;
        if !source.is_empty() {
            details.insert("source".to_owned(), source.clone().into());
        }
        details.insert("extra".to_owned(), extra.into());
        let reference = format!("{digest}-{}", section.name.replace('/', "-"));
        let members = object([
            ("type", Some("trade".into())),
            ("v", Some(1.into())),
            ("project", Some(project_of(ocid).into())),
            ("codes", Some(codes.into())),
            ("lots", (!read.lots.is_empty()).then(|| read.lots.into())),
            ("ref", Some(reference.into())),
            ("stage", Some(section.stage.into())),
            ("kind", Some(section.kind.into())),
            ("category", Some(category.into())),
            ("method", method.map(Value::from)),
            ("title", Some(title(&release, &section.value, ocid).into())),
            ("issued", Some(issued.clone().into())),
            (
                "events",
                (!read.events.is_empty()).then(|| read.events.into()),
            ),
            ("documents", Some(json!([]))),
            ("details", Some(details.into())),
        ]);
        made.push((section.name.clone(), Made::from(Value::Object(members))));
    }
    Ok(made)
}

/// What a section's statement keeps of the release around it: the first all that belongs to no section, the others whom they name.
fn around(release: &Value, section: &Section, first: bool) -> Map<String, Value> {
    if first {
        let mut rest = release.as_object().cloned().unwrap_or_default();
        rest.retain(|name, _| {
            !matches!(
                name.as_str(),
                "planning" | "tender" | "awards" | "contracts"
            )
        });
        return rest;
    }
    let parties = ocds_fields::parties_of(release, &section.value);
    let buyer = &release["buyer"];
    object([
        (
            "buyer",
            (!buyer.is_null()).then(|| ocds_fields::identifying(buyer)),
        ),
        ("parties", (!parties.is_empty()).then(|| parties.into())),
    ])
}

fn title<'r>(release: &'r Value, section: &'r Value, ocid: &'r str) -> &'r str {
    let titles = [
        &section["title"],
        &release["tender"]["title"],
        &section["description"],
    ];
    let told = titles.iter().filter_map(|title| title.as_str());
    told.into_iter()
        .find(|title| !title.trim().is_empty() && title.len() <= 1_024)
        .unwrap_or(ocid)
}

/// Values in the grammar of statements: names in snake case, fractions as strings, persons as commitments. Keeps what is needed to write the
/// source's own names and numbers again.
#[derive(Default)]
struct Plain {
    /// The word in the statement, by the name in the source.
    words: HashMap<String, String>,
    /// The name in the source, by its word.
    names: BTreeMap<String, String>,
    /// Where a string stands for a number, or a string was one, and the standard has it the other way round.
    numbers: Vec<String>,
}

impl Plain {
    fn make(&mut self, value: &Value, name: &str, pointer: &str) -> Value {
        match value {
            Value::Object(members) if members.contains_key("$commit") => value.clone(),
            Value::Object(members) => {
                let lower = name.to_ascii_lowercase();
                let contact = lower.contains("contact") && !lower.contains("contract")
                    || value["roles"]
                        .as_array()
                        .is_some_and(|roles| roles.iter().any(|role| role == "contact"))
                        && value["identifier"]["id"].is_null();
                let mut made = Map::new();
                for (member, value) in members {
                    let private =
                        contact && matches!(member.as_str(), "name" | "givenName" | "familyName");
                    let word = self.word(member);
                    let value = if private {
                        withheld(value)
                    } else {
                        self.make(value, member, &format!("{pointer}/{word}"))
                    };
                    made.insert(word, value);
                }
                Value::Object(made)
            }
            Value::Array(items) if name == "persons" => items.iter().map(withheld).collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(at, item)| self.make(item, name, &format!("{pointer}/{at}")))
                .collect(),
            Value::Number(number) => match number.as_i64() {
                Some(n) if n.abs() < 1 << 53 => value.clone(),
                _ => {
                    if !is_number(name) {
                        self.numbers.push(pointer.to_owned());
                    }
                    number.to_string().into()
                }
            },
            Value::String(text) => {
                let lower = name.to_ascii_lowercase();
                let private = ["email", "telephone", "phone", "mobile", "fax"]
                    .iter()
                    .any(|word| lower.contains(word));
                if private {
                    return withheld(value);
                }
                if is_number(name) && text.parse::<f64>().is_ok() {
                    self.numbers.push(pointer.to_owned());
                }
                value.clone()
            }
            _ => value.clone(),
        }
    }

    /// One word a name: two names that come to the same word would not be told apart on the way back.
    fn word(&mut self, name: &str) -> String {
        if let Some(word) = self.words.get(name) {
            return word.clone();
        }
        let mut word = snake(name);
        while self.names.contains_key(&word) {
            word.push_str("_2");
        }
        self.names.insert(word.clone(), name.to_owned());
        self.words.insert(name.to_owned(), word.clone());
        word
    }

    /// What the rules of the way back do not give.
    fn put(self, extra: &mut Map<String, Value>) {
        let names: Map<String, Value> = self
            .names
            .into_iter()
            .filter(|(word, name)| camel(word) != *name)
            .map(|(word, name)| (word, name.into()))
            .collect();
        if !names.is_empty() {
            extra.insert("names".to_owned(), names.into());
        }
        if !self.numbers.is_empty() {
            extra.insert("numbers".to_owned(), self.numbers.into());
        }
    }
}

fn snake(name: &str) -> String {
    let mut word = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            word.push('_');
        }
        word.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
        before = c;
    }
    if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
        word.insert_str(0, "x_");
    }
    // An object with this member would be read as a commitment.
    if word == "commitment" {
        "commitment_text".to_owned()
    } else {
        word
    }
}
