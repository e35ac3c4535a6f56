//! What of an OCDS section has a field of its own in our vocabulary: parties, prices, dates, lots, numbers.
//!
//! The section itself stays whole in `details.extra`, so OCDS comes out again as it went in; the fields are a reading of it that search,
//! rules and people need. Only the release itself is read, and what cannot be read for sure is left to the section: a date without a zone
//! is no event, several payments have no one amount, two suppliers are a consortium of members.

use serde_json::{Map, Number, Value, json};

use super::{object, project_of, text, withheld};
use crate::trade::identifiers::uscc_is_valid;
use crate::trade::time::OffsetTime;

/// The most bytes of a code, by the ledger's rules.
pub(super) const CODE_BYTES_MAX: usize = 512;
/// The most codes of a party, and lots of a statement, that are taken over.
const LIST_MAX: usize = 64;

/// The fields of one statement.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Members of `details`.
    pub details: Map<String, Value>,
    pub events: Map<String, Value>,
    pub lots: Vec<Value>,
    /// The section's own number, with what kind of number it is.
    pub code: Option<(&'static str, String)>,
}

/// Reads `section` of `release`, in which persons are placeholders already.
pub(super) fn read(release: &Value, kind: &str, section: &Value) -> Read {
    let mut made = match kind {
        "plan_notice" => plan(release, section),
        "tender_notice" | "change_notice" | "termination" => tender(release, kind, section),
        "award_notice" | "award_change" => award(release, kind, section),
        "contract" | "contract_change" | "contract_termination" => contract(release, kind, section),
        "payment" => payment(release, section),
        _ => report(section),
    };
    made.details.retain(|_, value| !value.is_null());
    made.events.retain(|_, value| !value.is_null());
    made.lots.truncate(LIST_MAX);
    made.lots.dedup();
    made
}

/// Whether a body that buys is named: OCDS is about buying, but somebody must be the buyer before a category says so.
pub(super) fn names_buyer(release: &Value) -> bool {
    buyer(release).is_some()
}

/// The parties to which `section` refers, by what identifies them: each statement stands alone.
pub(super) fn parties_of(release: &Value, section: &Value) -> Vec<Value> {
    let mut ids = Vec::new();
    collect_ids(section, &mut ids);
    collect_ids(&release["buyer"], &mut ids);
    let awarded = release["awards"].as_array().into_iter().flatten();
    for award in
        awarded.filter(|award| !section["awardID"].is_null() && award["id"] == section["awardID"])
    {
        collect_ids(&award["suppliers"], &mut ids);
    }
    let parties = release["parties"].as_array().into_iter().flatten();
    let wanted = parties.filter(|party| {
        party["id"].as_str().is_some_and(|id| ids.contains(&id))
            || has_role(party, "buyer")
            || has_role(party, "procuringEntity")
    });
    wanted.map(identifying).collect()
}

/// What identifies a party, without how to reach it.
pub(super) fn identifying(party: &Value) -> Value {
    let mut party = party.clone();
    if let Some(members) = party.as_object_mut() {
        members.retain(|name, _| {
            matches!(
                name.as_str(),
                "id" | "name" | "identifier" | "additionalIdentifiers" | "roles" | "person"
            )
        });
    }
    party
}

fn collect_ids<'v>(value: &'v Value, ids: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            ids.extend(value["id"].as_str());
            members.values().for_each(|member| collect_ids(member, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        _ => {}
    }
}

fn plan(release: &Value, planning: &Value) -> Read {
    let budget = &planning["budget"];
    let need = words(&planning["rationale"]).or_else(|| words(&budget["description"]));
    Read {
        details: object([
            ("buyer", buyer(release)),
            ("need", need),
            ("budget", price(&budget["amount"])),
        ]),
        ..Read::default()
    }
}

fn tender(release: &Value, kind: &str, tender: &Value) -> Read {
    let period = &tender["tenderPeriod"];
    let mut events = object([
        ("documents_from", moment(&period["startDate"])),
        ("bid_deadline", moment(&period["endDate"])),
        ("opening", moment(&tender["bidOpening"]["date"])),
    ]);
    let amendments = || tender["amendments"].as_array().into_iter().flatten();
    let details = match kind {
        "tender_notice" => {
            let lots: Vec<Value> = tender["lots"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(tender_lot)
                .collect();
            let (buyer, agency) = buyer_and_agency(release, &tender["procuringEntity"]);
            object([
                ("buyer", buyer),
                ("agency", agency),
                ("scale", words(&tender["description"])),
                ("budget", price(&tender["value"])),
                ("qualification", words(&tender["eligibilityCriteria"])),
                ("bids_how", words(&tender["submissionMethodDetails"])),
                ("lots", (!lots.is_empty()).then(|| lots.into())),
            ])
        }
        "change_notice" => {
            let changes: Vec<Value> = amendments()
                .chain(std::iter::once(&tender["amendment"]))
                .flat_map(changes)
                .collect();
            let why = amendments()
                .chain(std::iter::once(&tender["amendment"]))
                .filter_map(why)
                .next_back();
            object([
                ("changes", (!changes.is_empty()).then(|| changes.into())),
                ("content", why),
            ])
        }
        _ => {
            events.clear();
            let why = words(&tender["statusDetails"])
                .or_else(|| amendments().filter_map(why).next_back());
            object([("reason", why)])
        }
    };
    Read {
        details,
        events,
        lots: Vec::new(),
        code: number(tender).map(|id| ("ocds_tender_id", id)),
    }
}

fn tender_lot(lot: &Value) -> Option<Value> {
    let made = object([
        ("lot", Some(project_of(&id_of(&lot["id"])?).into())),
        ("name", words(&lot["title"])),
        ("scope", words(&lot["description"])),
        ("price_limit", price(&lot["value"])),
        ("duration", span(&lot["contractPeriod"])),
    ]);
    Some(made.into())
}

fn award(release: &Value, kind: &str, award: &Value) -> Read {
    let cancelled = matches!(award["status"].as_str(), Some("cancelled" | "unsuccessful"));
    let winner = consortium(release, &award["suppliers"]);
    let details = if kind == "award_notice" {
        let (buyer, agency) = buyer_and_agency(release, &Value::Null);
        let goods = goods(&award["items"]);
        object([
            ("buyer", buyer),
            ("agency", agency),
            ("lot_name", words(&award["title"])),
            ("scope", words(&award["description"])),
            ("winner", winner),
            ("price", price(&award["value"])),
            ("duration", span(&award["contractPeriod"])),
            ("goods", (!goods.is_empty()).then(|| goods.into())),
        ])
    } else {
        let amended = award["amendments"].as_array().into_iter().flatten();
        let reason = words(&award["statusDetails"])
            .or_else(|| amended.filter_map(why).next_back())
            .or_else(|| words(&award["rationale"]));
        // Who the award is taken from, or who has it now.
        let role = if cancelled { "former" } else { "replacement" };
        object([
            ("reason", reason),
            (role, winner),
            ("price", price(&award["value"]).filter(|_| !cancelled)),
        ])
    };
    let set = moment(&award["date"]).filter(|_| kind == "award_notice" && !cancelled);
    Read {
        details,
        events: object([("winner_set", set)]),
        lots: lots_of(award),
        code: number(award).map(|id| ("ocds_award_id", id)),
    }
}

/// Lots that it names; else the award itself, which OCDS may give for a part of the tender without calling that a lot.
fn lots_of(award: &Value) -> Vec<Value> {
    let related = award["relatedLots"].as_array().into_iter().flatten();
    let mut lots: Vec<Value> = related
        .filter_map(id_of)
        .map(|id| project_of(&id).into())
        .collect();
    if lots.is_empty() {
        lots.extend(number(award).map(|id| Value::from(project_of(&id))));
    }
    lots
}

fn contract(release: &Value, kind: &str, contract: &Value) -> Read {
    let id = number(contract);
    let award = awarded(release, &contract["awardID"]);
    let amended = || contract["amendments"].as_array().into_iter().flatten();
    let reason = words(&contract["statusDetails"])
        .or_else(|| amended().filter_map(why).next_back())
        .or_else(|| words(&contract["rationale"]));
    let details = match kind {
        "contract" => {
            let own = consortium(release, &contract["suppliers"]);
            let supplier = own
                .or_else(|| consortium(release, &award?["suppliers"]))
                .or_else(|| only_supplier(release));
            object([
                ("number", id.clone().map(Value::from)),
                ("name", words(&contract["title"])),
                ("buyer", buyer(release)),
                ("supplier", supplier),
                ("price", price(&contract["value"])),
                ("duration", span(&contract["period"])),
            ])
        }
        "contract_change" => {
            let changes: Vec<Value> = amended()
                .chain(std::iter::once(&contract["amendment"]))
                .flat_map(changes)
                .collect();
            object([
                ("contract", id.clone().map(Value::from)),
                ("changes", (!changes.is_empty()).then(|| changes.into())),
                ("reason", reason),
            ])
        }
        _ => object([
            ("contract", id.clone().map(Value::from)),
            ("reason", reason),
        ]),
    };
    let signed = moment(&contract["dateSigned"]).filter(|_| kind == "contract");
    let mut lots = award.map(lots_of).unwrap_or_default();
    if lots.is_empty() {
        lots =
            lots_of(&json!({ "id": contract["awardID"], "relatedLots": contract["relatedLots"] }));
    }
    Read {
        details,
        events: object([("contract_signed", signed)]),
        lots,
        code: id.map(|id| ("ocds_contract_id", id)),
    }
}

/// Of one payment all is said; of several, which have no one amount and day, what they have in common.
fn payment(release: &Value, section: &Value) -> Read {
    let paid: Vec<&Value> = section["transactions"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let common = |names: [&str; 2]| {
        let of = |transaction: &Value| {
            let there = names.iter().find_map(|name| transaction.get(*name));
            there.and_then(|reference| party(release, reference))
        };
        let first = of(paid.first()?)?;
        paid.iter()
            .all(|one| of(one).as_ref() == Some(&first))
            .then_some(first)
    };
    let (amount, day) = match paid[..] {
        [one] => {
            let value = one.get("value").unwrap_or(&one["amount"]);
            (price(value), moment(&one["date"]))
        }
        _ => (None, None),
    };
    let id = id_of(&section["contractID"]);
    Read {
        details: object([
            ("contract", id.clone().map(Value::from)),
            ("paid", amount),
            ("payer", common(["payer", "providerOrganization"])),
            ("payee", common(["payee", "receiverOrganization"])),
        ]),
        events: object([("paid", day)]),
        lots: Vec::new(),
        code: id.map(|id| ("ocds_contract_id", id)),
    }
}

fn report(section: &Value) -> Read {
    let id = id_of(&section["contractID"]);
    let contracts = id.clone().map(|id| json!([{ "contract": id }]));
    Read {
        details: object([("contracts", contracts)]),
        code: id.map(|id| ("ocds_contract_id", id)),
        ..Read::default()
    }
}

fn awarded<'r>(release: &'r Value, id: &Value) -> Option<&'r Value> {
    let awards = release["awards"].as_array().into_iter().flatten();
    awards
        .filter(|_| !id.is_null())
        .find(|award| award["id"] == *id)
}

fn buyer(release: &Value) -> Option<Value> {
    party(release, &release["buyer"])
        .or_else(|| party(release, &release["tender"]["procuringEntity"]))
        .or_else(|| only(release, "buyer"))
        .or_else(|| only(release, "procuringEntity"))
}

/// Who procures for another is its agency: as `entity` says, else as the roles of the parties do.
fn buyer_and_agency(release: &Value, entity: &Value) -> (Option<Value>, Option<Value>) {
    let buyer = buyer(release);
    let procuring = party(release, entity).or_else(|| only(release, "procuringEntity"));
    (
        buyer.clone(),
        procuring.filter(|there| Some(there) != buyer.as_ref()),
    )
}

fn only_supplier(release: &Value) -> Option<Value> {
    only(release, "supplier")
}

/// The party of a role, if it is the only one.
fn only(release: &Value, role: &str) -> Option<Value> {
    let parties = release["parties"].as_array()?;
    let mut of_role = parties.iter().filter(|party| has_role(party, role));
    let found = of_role.next().filter(|_| of_role.next().is_none())?;
    party(release, found)
}

fn has_role(party: &Value, role: &str) -> bool {
    let roles = party["roles"].as_array();
    roles.is_some_and(|roles| roles.iter().any(|there| there == role))
}

/// One supplier, or several as members of one party.
fn consortium(release: &Value, suppliers: &Value) -> Option<Value> {
    let members: Vec<Value> = suppliers
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reference| party(release, reference))
        .collect();
    if members.len() < 2 {
        return members.into_iter().next();
    }
    let names: Option<Vec<&str>> = members
        .iter()
        .map(|member| member["name"].as_str())
        .collect();
    let name = match names {
        Some(names) => names.join("; ").into(),
        // One of them is a person.
        None => {
            let told = |member: &Value| {
                let name = member["name"].as_str();
                let hidden = member["name"]["$commit"]["value"].as_str();
                name.or(hidden).unwrap_or_default().to_owned()
            };
            let names: Vec<String> = members.iter().map(told).collect();
            withheld(&names.join("; ").into())
        }
    };
    Some(json!({ "name": name, "members": members }))
}

/// An organisation with its codes; of a person the name alone, as a commitment.
fn party(release: &Value, reference: &Value) -> Option<Value> {
    let parties = release["parties"].as_array().into_iter().flatten();
    let id = reference["id"].as_str();
    let full = id.and_then(|id| parties.clone().find(|party| party["id"] == id));
    let empty = Value::Null;
    let full = full.unwrap_or(&empty);
    for person in [&reference["person"], &full["person"]] {
        if let Some(name) = name_of_person(person) {
            return Some(json!({ "name": withheld(&name.into()) }));
        }
    }
    let name = [reference, full].into_iter().find_map(|from| {
        let legal = from["identifier"]
            .get("legalName")
            .unwrap_or(&from["legalName"]);
        words(&from["name"]).or_else(|| words(legal))
    })?;
    let mut made = object([("name", Some(name))]);
    let mut codes = Vec::new();
    for from in [full, reference] {
        let more = from["additionalIdentifiers"].as_array();
        let all = std::iter::once(&from["identifier"]).chain(more.into_iter().flatten());
        // Before OCDS 1.1 payers stood as identifiers.
        let bare = (!from["scheme"].is_null()).then_some(from);
        for identifier in all.chain(bare) {
            let Some(value) = id_of(&identifier["id"]) else {
                continue;
            };
            if uscc_is_valid(&value) {
                made.entry("uscc").or_insert_with(|| value.into());
                continue;
            }
            let scheme = text(identifier, "scheme").unwrap_or("identifier");
            let code = json!({ "scheme": scheme, "value": value });
            if scheme.len() <= CODE_BYTES_MAX && !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    if let (Some(id), true, false) = (id, codes.is_empty(), made.contains_key("uscc")) {
        codes.extend(
            (id.len() <= CODE_BYTES_MAX && !id.is_empty())
                .then(|| json!({ "scheme": "ocds_party_id", "value": id })),
        );
    }
    codes.truncate(LIST_MAX);
    if !codes.is_empty() {
        made.insert("codes".to_owned(), codes.into());
    }
    Some(made.into())
}

/// What the whole party was, was kept as JSON in its commitment, or in several if it was long.
fn name_of_person(person: &Value) -> Option<String> {
    let piece = |value: &Value| value["$commit"]["value"].as_str().map(str::to_owned);
    let whole = match person {
        Value::Array(pieces) => pieces.iter().map(piece).collect::<Option<String>>()?,
        one => piece(one)?,
    };
    let party: Value = serde_json::from_str(&whole).ok()?;
    text(&party, "name").map(str::to_owned)
}

/// A price as given, its currency too.
fn price(value: &Value) -> Option<Value> {
    let currency = text(value, "currency").map(Value::from);
    let amount = match &value["amount"] {
        Value::Number(number) => decimal(number),
        Value::String(text) if is_decimal(text) => text.clone(),
        Value::String(text) if !text.trim().is_empty() => {
            return Some(json!({ "form": "other", "text": text }));
        }
        _ => return None,
    };
    let made = object([
        ("form", Some("amount".into())),
        ("amount", Some(amount.into())),
        ("currency", currency),
    ]);
    Some(made.into())
}

/// `1e21` in digits.
fn decimal(number: &Number) -> String {
    let text = number.to_string();
    match number.as_f64() {
        Some(value) if text.contains(['e', 'E']) => value.to_string(),
        _ => text,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').map_or_else(
        || digits(text),
        |(whole, part)| digits(whole) && digits(part),
    )
}

/// What was bought, where each thing has a name.
fn goods(items: &Value) -> Vec<Value> {
    let items = items.as_array().into_iter().flatten();
    let made = items.map(|item| {
        let name = words(&item["description"])
            .or_else(|| words(&item["classification"]["description"]))?;
        let unit = text(&item["unit"], "name").unwrap_or_default();
        let quantity = item["quantity"]
            .as_number()
            .map(|number| format!("{} {unit}", decimal(number)).trim().to_owned());
        let made = object([
            ("name", Some(name)),
            ("quantity", quantity.map(Value::from)),
            ("unit_price", price(&item["unit"]["value"])),
        ]);
        Some(Value::Object(made))
    });
    // A list that leaves some out would read as if that were all.
    made.collect::<Option<Vec<Value>>>().unwrap_or_default()
}

fn changes(amendment: &Value) -> Vec<Value> {
    let changed = amendment["changes"].as_array().into_iter().flatten();
    let made = changed.filter_map(|change| {
        let item = text(change, "property")?;
        let before = change.get("former_value").filter(|value| !value.is_null());
        let before = before.map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        });
        Some(Value::Object(object([
            ("item", Some(item.into())),
            ("before", before.map(Value::from)),
        ])))
    });
    made.collect()
}

fn why(amendment: &Value) -> Option<Value> {
    words(&amendment["rationale"]).or_else(|| words(&amendment["description"]))
}

/// A text, or the placeholder of one that names a person.
fn words(value: &Value) -> Option<Value> {
    let told = value.as_str().is_some_and(|text| !text.trim().is_empty());
    (told || value.get("$commit").is_some()).then(|| value.clone())
}

/// A period as ISO 8601 writes intervals.
fn span(period: &Value) -> Option<Value> {
    let end = |name: &str| text(period, name).unwrap_or("..");
    if text(period, "startDate").is_some() || text(period, "endDate").is_some() {
        return Some(format!("{}/{}", end("startDate"), end("endDate")).into());
    }
    let days = period["durationInDays"].as_i64()?;
    Some(format!("P{days}D").into())
}

/// A time with its zone; a day is its midnight in UTC, the zone of a source that names none.
fn moment(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let text = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    OffsetTime::parse(&text).is_ok().then(|| text.into())
}

fn number(section: &Value) -> Option<String> {
    id_of(&section["id"])
}

/// Ids are texts or integers.
fn id_of(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= CODE_BYTES_MAX).then_some(id)
}
