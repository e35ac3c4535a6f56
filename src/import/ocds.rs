//! OCDS 1.1: release packages, record packages, and releases one a line. One statement a section: planning, tender, each award, each
//! contract, and what its implementation says of payments and of progress.
//!
//! Contact points, e-mails, telephones and persons leave here as `$commit` placeholders: only their salted digests are published.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{
    Fault, ITEM_BYTES_MAX, Import, Made, fault, missing, object, persons, project_of, text,
    withheld,
};
use crate::tlog::merkle::Hash;

/// The most bytes of a code, by the ledger's rules.
const CODE_BYTES_MAX: usize = 512;

#[derive(Deserialize)]
struct Package<'a> {
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
    if serde_json::from_slice::<&RawValue>(file).is_ok() {
        unpack(file.trim_ascii(), "", &mut import);
        return import;
    }
    for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            unpack(line, &(at + 1).to_string(), &mut import);
        }
    }
    import
}

/// A package, a record or a release.
fn unpack(bytes: &[u8], place: &str, import: &mut Import) {
    let package: Package<'_> = match serde_json::from_slice(bytes) {
        Ok(package) => package,
        Err(error) => {
            let faulty = fault(format!("不是 OCDS：{error}"), format!("no OCDS: {error}"));
            return import.take(place.to_owned(), Err(faulty));
        }
    };
    match package {
        Package {
            records: Some(list),
            ..
        } => {
            for (at, record) in list.iter().enumerate() {
                unpack(
                    record.get().as_bytes(),
                    &format!("{place}/records/{at}"),
                    import,
                );
            }
        }
        Package {
            releases: Some(list),
            ..
        } if !list.is_empty() => {
            for (at, raw) in list.iter().enumerate() {
                release(
                    raw.get().as_bytes(),
                    &format!("{place}/releases/{at}"),
                    import,
                );
            }
        }
        Package {
            compiled: Some(raw),
            ..
        } => {
            release(
                raw.get().as_bytes(),
                &format!("{place}/compiledRelease"),
                import,
            );
        }
        _ => release(bytes, place, import),
    }
}

fn release(bytes: &[u8], place: &str, import: &mut Import) {
    match sections(bytes) {
        Ok(list) => {
            for (name, made) in list {
                import.take(format!("{place}/{name}"), Ok(made));
            }
        }
        Err(faulty) => import.take(place.to_owned(), Err(faulty)),
    }
}

fn sections(bytes: &[u8]) -> Result<Vec<(String, Made)>, Fault> {
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
    let tagged = |word: &str| match &release["tag"] {
        Value::Array(tags) => tags.iter().any(|tag| tag == word),
        tag => tag == word,
    };
    let mut found: Vec<(String, &str, &str, Value)> = Vec::new();
    let there = |value: &Value| value.as_object().is_some_and(|members| !members.is_empty());
    if there(&release["planning"]) {
        found.push((
            "planning".into(),
            "announcement",
            "plan_notice",
            release["planning"].clone(),
        ));
    }
    if there(&release["tender"]) {
        let kind = if tagged("tenderCancellation") {
            "termination"
        } else if tagged("tenderAmendment") || tagged("tenderUpdate") {
            "change_notice"
        } else {
            "tender_notice"
        };
        found.push((
            "tender".into(),
            "announcement",
            kind,
            release["tender"].clone(),
        ));
    }
    for (at, award) in release["awards"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let changed = ["awardCancellation", "awardAmendment", "awardUpdate"]
            .iter()
            .any(|tag| tagged(tag));
        let kind = if changed {
            "award_change"
        } else {
            "award_notice"
        };
        found.push((format!("awards/{at}"), "award", kind, award.clone()));
    }
    for (at, contract) in release["contracts"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let kind = if tagged("contractTermination") {
            "contract_termination"
        } else if tagged("contractAmendment") || tagged("contractUpdate") {
            "contract_change"
        } else {
            "contract"
        };
        let mut contract = contract.clone();
        let done = contract
            .as_object_mut()
            .and_then(|members| members.shift_remove("implementation"));
        let id = contract["id"].clone();
        found.push((format!("contracts/{at}"), "performance", kind, contract));
        let Some(Value::Object(mut report)) = done else {
            continue;
        };
        if let Some(paid) = report
            .shift_remove("transactions")
            .filter(|paid| paid.as_array().is_some_and(|p| !p.is_empty()))
        {
            let paid = json!({ "contractID": id, "transactions": paid });
            found.push((
                format!("contracts/{at}/payment"),
                "performance",
                "payment",
                paid,
            ));
        }
        if !report.is_empty() {
            report.insert("contractID".to_owned(), id);
            found.push((
                format!("contracts/{at}/report"),
                "performance",
                "performance_report",
                report.into(),
            ));
        }
    }
    if found.is_empty() {
        return Err(fault(
            "没有 planning、tender、awards 或 contracts",
            "there is no planning, tender, awards or contracts, wanted one",
        ));
    }
    let digest = Hash::sha256(bytes);
    let public = there(&release["buyer"]) || there(&release["tender"]["procuringEntity"]);
    let method = match release["tender"]["procurementMethod"].as_str() {
        Some("open") => Some("open-tender"),
        Some("selective") => Some("invited-tender"),
        Some("direct") => Some("single-source"),
        Some("limited") => Some("other"),
        _ => None,
    };
    let mut codes = vec![json!({ "scheme": "ocid", "value": ocid })];
    if let Some(id) = text(&release, "id").filter(|id| id.len() <= CODE_BYTES_MAX) {
        codes.push(json!({ "scheme": "ocds_release_id", "value": id }));
    }
    // What belongs to no section stands once, with the first.
    let mut rest = release.clone();
    if let Some(members) = rest.as_object_mut() {
        members.retain(|name, _| {
            !matches!(
                name.as_str(),
                "planning" | "tender" | "awards" | "contracts"
            )
        });
    }
    let made = found
        .into_iter()
        .enumerate()
        .map(|(at, (name, stage, kind, section))| {
            let title = [
                &section["title"],
                &release["tender"]["title"],
                &section["description"],
            ];
            let title = title
                .iter()
                .find_map(|t| {
                    t.as_str()
                        .filter(|t| !t.trim().is_empty() && t.len() <= 1_024)
                })
                .unwrap_or(ocid);
            let mut extra = object([("section", Some(plain(&section, "")))]);
            if at == 0 {
                extra.insert("release".to_owned(), plain(&rest, ""));
            }
            let members = object([
                ("type", Some("trade".into())),
                ("v", Some(1.into())),
                ("project", Some(project_of(ocid).into())),
                ("codes", Some(codes.clone().into())),
                (
                    "ref",
                    Some(format!("{digest}-{}", name.replace('/', "-")).into()),
                ),
                ("stage", Some(stage.into())),
                ("kind", Some(kind.into())),
                (
                    "category",
                    Some(if public { "gov-procurement" } else { "other" }.into()),
                ),
                ("method", method.map(Value::from)),
                ("title", Some(title.into())),
                ("issued", Some(issued.clone().into())),
                ("documents", Some(json!([]))),
                ("details", Some(json!({ "extra": extra }))),
            ]);
            (name, Made::from(Value::Object(members)))
        });
    Ok(made.collect())
}

/// A value in the grammar of statements: names in snake case, fractions as strings, persons as commitments.
fn plain(value: &Value, name: &str) -> Value {
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
                let mut word = snake(member);
                while made.contains_key(&word) {
                    word.push_str("_2");
                }
                made.insert(
                    word,
                    if private {
                        withheld(value)
                    } else {
                        plain(value, member)
                    },
                );
            }
            Value::Object(made)
        }
        Value::Array(items) if name == "persons" => items.iter().map(withheld).collect(),
        Value::Array(items) => items.iter().map(|item| plain(item, name)).collect(),
        Value::Number(number) => match number.as_i64() {
            Some(n) if n.abs() < 1 << 53 => value.clone(),
            _ => number.to_string().into(),
        },
        Value::String(_) => {
            let name = name.to_ascii_lowercase();
            let private = ["email", "telephone", "phone", "mobile", "fax"]
                .iter()
                .any(|word| name.contains(word));
            if private {
                withheld(value)
            } else {
                value.clone()
            }
        }
        _ => value.clone(),
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
