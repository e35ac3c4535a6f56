//! One OCDS release: a statement a section, and in the first of them whatever belongs to no section or has another type than the standard's.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::json::{Json, Members};
use super::ocds_fields::{self, Release, id_of};
use super::ocds_plain::Plain;
use super::{Facts, Fault, Made, fault, missing, mistyped, object, persons, project_of, text};
use crate::tlog::merkle::Hash;

/// A section of a release on its way to a statement.
struct Section {
    /// Its place in the release.
    name: String,
    stage: &'static str,
    kind: &'static str,
    value: Json,
    /// Facts in it that another section has too.
    copied: Facts,
}

/// The sections of a release, and the rest of it.
struct Taken {
    sections: Vec<Section>,
    rest: Members,
    /// What in the rest should have been a section.
    remarks: Vec<Fault>,
}

/// What a section is made of, and how that is called.
const SECTIONS: [(&str, (&str, &str)); 4] = [
    ("planning", ("对象", "an object")),
    ("tender", ("对象", "an object")),
    ("awards", ("对象的列表", "a list of objects")),
    ("contracts", ("对象的列表", "a list of objects")),
];

/// Takes the sections that are there out of a release.
fn take(release: &Json) -> Taken {
    let tagged = |words: &[&str]| {
        let is = |tag: &Json| tag.as_str().is_some_and(|tag| words.contains(&tag));
        match &release["tag"] {
            Json::List(tags) => tags.iter().any(is),
            tag => is(tag),
        }
    };
    let tender_kind = if tagged(&["tenderCancellation"]) {
        "termination"
    } else if tagged(&["tenderAmendment", "tenderUpdate"]) {
        "change_notice"
    } else {
        "tender_notice"
    };
    let award_kind = if tagged(&["awardCancellation", "awardAmendment", "awardUpdate"]) {
        "award_change"
    } else {
        "award_notice"
    };
    let contract_kind = if tagged(&["contractTermination"]) {
        "contract_termination"
    } else if tagged(&["contractAmendment", "contractUpdate"]) {
        "contract_change"
    } else {
        "contract"
    };
    let mut taken = Taken {
        sections: Vec::new(),
        rest: release.as_object().cloned().unwrap_or_default(),
        remarks: Vec::new(),
    };
    for (name, wanted) in SECTIONS {
        let Some(value) = taken.rest.get(name) else {
            continue;
        };
        let value = value.clone();
        let mut left = None;
        match (name, &value) {
            ("planning" | "tender", Json::Object(members)) if !members.is_empty() => {
                let kind = if name == "tender" {
                    tender_kind
                } else {
                    "plan_notice"
                };
                taken.section(name.to_owned(), "announcement", kind, value);
            }
            ("awards" | "contracts", Json::List(items)) if items.iter().any(is_section) => {
                let mut others = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let place = format!("{name}/{at}");
                    if !is_section(item) {
                        taken.remark(&place, item, ("对象", "an object"));
                        others.push(item.clone());
                    } else if name == "awards" {
                        taken.section(place, "award", award_kind, item.clone());
                    } else {
                        taken.contract(&place, contract_kind, item);
                    }
                }
                left = (!others.is_empty()).then_some(Json::List(others));
            }
            (_, value) => {
                // Nothing there is nothing amiss.
                if !is_empty(value) {
                    taken.remark(name, value, wanted);
                }
                left = Some(value.clone());
            }
        }
        match left {
            Some(left) => {
                for (own, value) in &mut taken.rest.0 {
                    if own == name {
                        *value = left.clone();
                    }
                }
            }
            None => {
                taken.rest.remove(name);
            }
        }
    }
    taken
}

fn is_section(item: &Json) -> bool {
    item.as_object().is_some_and(|members| !members.is_empty())
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::List(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => false,
    }
}

impl Taken {
    fn section(&mut self, name: String, stage: &'static str, kind: &'static str, value: Json) {
        self.sections.push(Section {
            name,
            stage,
            kind,
            value,
            copied: Facts::default(),
        });
    }

    fn remark(&mut self, place: &str, found: &Json, wanted: (&str, &str)) {
        let (zh, en) = mistyped(place, found, wanted);
        self.remarks.push(fault(
            format!("{zh}；原样存于 details.extra.release"),
            format!("{en}: kept as it stands in details.extra.release"),
        ));
    }

    /// A contract, and what its implementation says of payments and of progress.
    fn contract(&mut self, place: &str, kind: &'static str, contract: &Json) {
        let (id, award) = (contract["id"].clone(), contract["awardID"].clone());
        let mut own = contract.as_object().cloned().unwrap_or_default();
        let report = own.get("implementation").and_then(Json::as_object);
        let Some(mut report) = report.filter(|report| !report.is_empty()).cloned() else {
            self.section(place.to_owned(), "performance", kind, contract.clone());
            return;
        };
        own.remove("implementation");
        let paid = report.get("transactions").and_then(Json::as_array);
        let paid = paid.filter(|paid| !paid.is_empty()).map(<[Json]>::to_vec);
        if paid.is_some() {
            report.remove("transactions");
        }
        // Named only to say what was done under it: then what was done has its names.
        let says = own.keys().any(|name| !matches!(name, "id" | "awardID"))
            || ["contractID", "awardID"]
                .iter()
                .any(|name| report.contains_key(name));
        let mut first = !says;
        if says {
            self.section(place.to_owned(), "performance", kind, own.clone().into());
        }
        let mut put = |made: &mut Taken, name: &str, kind, mut members: Members| {
            let mut copied = Facts::default();
            for (member, value) in [("contractID", &id), ("awardID", &award)] {
                let source = if member == "contractID" { "id" } else { member };
                if own.contains_key(source) && !members.contains_key(member) {
                    members.push(member, value.clone());
                    match value {
                        _ if first => {}
                        Json::Withheld(_, facts) => copied.withheld += facts,
                        value => copied.extra += value.facts(),
                    }
                }
            }
            first = false;
            made.section(
                format!("{place}/{name}"),
                "performance",
                kind,
                members.into(),
            );
            if let Some(section) = made.sections.last_mut() {
                section.copied = copied;
            }
        };
        if let Some(paid) = paid {
            let mut members = Members::default();
            members.push("transactions", Json::List(paid));
            put(self, "payment", "payment", members);
        }
        if !report.is_empty() {
            put(self, "report", "performance_report", report);
        }
    }
}

/// What is hidden may bring another name forth; no release needs more.
const HIDE_ROUNDS_MAX: usize = 4;

/// The statements of a release. `origin` is what the package around it says of itself.
pub(super) fn statements(
    bytes: &[u8],
    mut release: Json,
    origin: &Json,
) -> Result<Vec<(String, Made)>, Fault> {
    if release.as_object().is_none() {
        return Err(mistyped("release", &release, ("对象", "an object")));
    }
    persons::hide(&mut release);
    // Whom the ledger would refuse in the clear may stand there anywhere in the release: each is hidden everywhere.
    for _ in 0..HIDE_ROUNDS_MAX {
        let made = statements_of(bytes, &release, origin)?;
        let mut names: Vec<String> = made.iter().flat_map(|(_, made)| made.doubted()).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(made);
        }
        persons::hide_named(&mut release, &names);
    }
    statements_of(bytes, &release, origin)
}

fn statements_of(
    bytes: &[u8],
    release: &Json,
    origin: &Json,
) -> Result<Vec<(String, Made)>, Fault> {
    let ocid = text(release, "ocid").ok_or_else(|| missing("ocid"))?;
    let date = text(release, "date").ok_or_else(|| missing("date"))?;
    let issued = if date.len() == 10 {
        format!("{date}T00:00:00Z")
    } else {
        date.to_owned()
    };
    let taken = take(release);
    if taken.sections.is_empty() {
        let (mut zh, mut en) = fault(
            "没有 planning、tender、awards 或 contracts",
            "there is no planning, tender, awards or contracts, wanted one",
        );
        for (why_zh, why_en) in &taken.remarks {
            let cut = |why: &str, end: &str| why.split(end).next().unwrap_or_default().to_owned();
            zh = format!("{zh}；{}", cut(why_zh, "；"));
            en = format!("{en}; {}", cut(why_en, ": kept"));
        }
        return Err((zh, en));
    }
    let digest = Hash::sha256(bytes);
    let known = Release::new(release);
    let category = if known.names_buyer() {
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
    let told = if origin.is_null() {
        &release["packageInfo"]
    } else {
        origin
    };
    let id = id_of(&release["id"]);
    let source = object([
        ("name", text(&told["publisher"], "name").map(Value::from)),
        ("url", text(told, "uri").map(Value::from)),
        ("id", id.clone().map(Value::from)),
    ]);
    let mut made = Vec::new();
    for (at, section) in taken.sections.iter().enumerate() {
        let read = ocds_fields::read(&known, section.kind, &section.value);
        let mut codes = vec![json!({ "scheme": "ocid", "value": ocid })];
        if let Some(id) = &id {
            codes.push(json!({ "scheme": "ocds_release_id", "value": id }));
        }
        if let Some((scheme, id)) = &read.code {
            codes.push(json!({ "scheme": scheme, "value": id }));
        }
        let mut plain = Plain::default();
        let mut parts: Vec<(&'static str, usize)> = Vec::new();
        let mut extra = Map::new();
        let mut put = |plain: &mut Plain, name: &'static str, value: &Json, counts: bool| {
            let before = plain.facts;
            let value = plain.make(value, "", &format!("/{name}"));
            extra.insert(name.to_owned(), value);
            if counts {
                parts.push((name, plain.facts.extra - before.extra));
            } else {
                plain.facts = before;
            }
        };
        put(&mut plain, "section", &section.value, true);
        if at == 0 {
            if !origin.is_null() {
                // Counted once for the package, not for each release.
                put(&mut plain, "package", origin, false);
            }
            if !taken.rest.is_empty() {
                put(&mut plain, "release", &taken.rest.clone().into(), true);
            }
        } else {
            let around = known.around(&section.value);
            if !around.is_empty() {
                put(&mut plain, "release", &around.into(), false);
            }
        }
        let copied = section.copied;
        plain.facts.extra -= copied.extra;
        plain.facts.withheld -= copied.withheld;
        parts[0].1 -= copied.extra;
        let (facts, mut remarks) = (plain.facts, std::mem::take(&mut plain.remarks));
        if at == 0 {
            remarks.extend(taken.remarks.iter().cloned());
        } else {
            // What is repeated of the first statement was remarked there.
            remarks.retain(|(zh, _)| !zh.starts_with("/details/extra/release"));
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
            ("title", Some(title(release, &section.value, ocid).into())),
            ("issued", Some(issued.clone().into())),
            (
                "events",
                (!read.events.is_empty()).then(|| read.events.into()),
            ),
            ("documents", Some(json!([]))),
            ("details", Some(details.into())),
        ]);
        let mut one = Made::from(Value::Object(members));
        (one.facts, one.parts, one.remarks) = (facts, parts, remarks);
        made.push((section.name.clone(), one));
    }
    Ok(made)
}

fn title<'r>(release: &'r Json, section: &'r Json, ocid: &'r str) -> &'r str {
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

/// The facts that a record's releases state, to find what its compiled and versioned releases have beyond them.
#[derive(Default)]
pub(super) struct Stated(HashSet<String>);

impl Stated {
    pub fn add(&mut self, value: &Json) {
        walk(value, "", "", false, &mut |name, _, leaf| {
            self.0.insert(format!("{name} {}", leaf.text()));
        });
    }

    /// Where the first thing stands that was not said, and how many there are.
    pub fn unsaid(&self, value: &Json, versioned: bool) -> Option<(String, usize)> {
        let (mut first, mut count) = (None, 0);
        walk(value, "", "", versioned, &mut |name, pointer, leaf| {
            // A compiled release has an id, a tag and a day of its own.
            let own = !versioned && matches!(pointer, "/id" | "/date" | "/tag" | "/tag/0");
            if !own && !self.0.contains(&format!("{name} {}", leaf.text())) {
                first.get_or_insert_with(|| pointer.to_owned());
                count += 1;
            }
        });
        first.map(|first| (first, count))
    }
}

/// Each fact with the name of the member it is of. In a versioned release a value stands in `value`, beside the release that said it.
fn walk(
    value: &Json,
    name: &str,
    pointer: &str,
    versioned: bool,
    each: &mut dyn FnMut(&str, &str, &Json),
) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            let entry = versioned && members.contains_key("releaseID");
            for (member, value) in &members.0 {
                let of = match member.as_str() {
                    "value" if entry => name,
                    "releaseID" if entry => "id",
                    "releaseDate" if entry => "date",
                    "releaseTag" if entry => "tag",
                    member => member,
                };
                walk(value, of, &format!("{pointer}/{member}"), versioned, each);
            }
        }
        Json::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                walk(item, name, &format!("{pointer}/{at}"), versioned, each);
            }
        }
        leaf => each(name, pointer, leaf),
    }
}
