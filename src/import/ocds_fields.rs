//! What of an OCDS section has a field of its own in our vocabulary: parties, prices, dates, lots, numbers.
//!
//! The section itself stays whole in `details.extra`, so OCDS comes out again as it went in; the fields are a reading of it that search,
//! rules and people need. Only the release itself is read, and what cannot be read for sure is left to the section: a date without a zone
//! is no event, several payments have no one amount, two suppliers are a consortium of members.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::json::{Json, Members, is_number};
use super::{amounts, object, persons, project_of, text, withheld};
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

/// A release whose parties and awards are found at once, however many there are.
pub(super) struct Release<'r> {
    json: &'r Json,
    /// The first party of each id.
    parties: HashMap<&'r str, usize>,
    /// The parties of the roles that are asked for, by role.
    roles: HashMap<&'static str, Vec<usize>>,
    /// The first award of each id.
    awards: HashMap<String, &'r Json>,
}

impl<'r> Release<'r> {
    pub fn new(json: &'r Json) -> Release<'r> {
        let mut parties = HashMap::new();
        let mut roles: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (at, party) in list(&json["parties"]).iter().enumerate() {
            if let Some(id) = party["id"].as_str() {
                parties.entry(id).or_insert(at);
            }
            for role in ["buyer", "procuringEntity", "supplier"] {
                if list(&party["roles"])
                    .iter()
                    .any(|there| there.as_str() == Some(role))
                {
                    roles.entry(role).or_default().push(at);
                }
            }
        }
        let mut awards = HashMap::new();
        for award in list(&json["awards"]) {
            awards.entry(award["id"].text()).or_insert(award);
        }
        Release {
            json,
            parties,
            roles,
            awards,
        }
    }

    /// Whether a body that buys is named: OCDS is about buying, but somebody must be the buyer before a category says so.
    pub fn names_buyer(&self) -> bool {
        buyer(self).is_some()
    }

    /// What a later statement repeats of the release, because each stands alone: the buyer, and the parties to which `section` refers.
    pub fn around(&self, section: &Json) -> Members {
        let mut around = Members::default();
        let buyer = &self["buyer"];
        if !buyer.is_null() {
            around.push("buyer", identifying(buyer));
        }
        let parties = self.parties_of(section);
        if !parties.is_empty() {
            around.push("parties", Json::List(parties));
        }
        around
    }

    fn parties_of(&self, section: &Json) -> Vec<Json> {
        let mut ids = Vec::new();
        collect_ids(section, &mut ids);
        collect_ids(&self["buyer"], &mut ids);
        if let Some(award) = awarded(self, &section["awardID"]) {
            collect_ids(&award["suppliers"], &mut ids);
        }
        let mut found: Vec<usize> = ids
            .iter()
            .filter_map(|id| self.parties.get(id))
            .copied()
            .collect();
        for role in ["buyer", "procuringEntity"] {
            // All parties stand with the first statement; a list of thousands is no help with each of the others.
            found.extend(self.roles.get(role).into_iter().flatten().take(LIST_MAX));
        }
        found.sort_unstable();
        found.dedup();
        let parties = list(&self["parties"]);
        found
            .into_iter()
            .map(|at| identifying(&parties[at]))
            .collect()
    }
}

impl std::ops::Index<&str> for Release<'_> {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        &self.json[name]
    }
}

/// The items, if it is a list.
fn list(value: &Json) -> &[Json] {
    value.as_array().unwrap_or_default()
}

/// Reads `section` of `release`, in which persons are withheld already.
pub(super) fn read(release: &Release<'_>, kind: &str, section: &Json) -> Read {
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

/// What identifies a party, without how to reach it.
fn identifying(party: &Json) -> Json {
    let mut party = party.clone();
    if let Json::Object(members) = &mut party {
        members.0.retain(|(name, _)| {
            matches!(
                name.as_str(),
                "id" | "name" | "identifier" | "additionalIdentifiers" | "roles" | "person"
            )
        });
    }
    party
}

fn collect_ids<'v>(value: &'v Json, ids: &mut Vec<&'v str>) {
    match value {
        Json::Object(members) => {
            ids.extend(value["id"].as_str());
            members.values().for_each(|member| collect_ids(member, ids));
        }
        Json::List(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        _ => {}
    }
}

fn plan(release: &Release<'_>, planning: &Json) -> Read {
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

fn tender(release: &Release<'_>, kind: &str, tender: &Json) -> Read {
    let period = &tender["tenderPeriod"];
    let mut events = object([
        ("documents_from", moment(&period["startDate"])),
        ("bid_deadline", moment(&period["endDate"])),
        ("opening", moment(&tender["bidOpening"]["date"])),
    ]);
    let amendments = || list(&tender["amendments"]).iter();
    let details = match kind {
        "tender_notice" => {
            let lots = list(&tender["lots"]).iter();
            let lots: Vec<Value> = lots.filter_map(tender_lot).collect();
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

fn tender_lot(lot: &Json) -> Option<Value> {
    let made = object([
        ("lot", Some(project_of(&id_of(&lot["id"])?).into())),
        ("name", words(&lot["title"])),
        ("scope", words(&lot["description"])),
        ("price_limit", price(&lot["value"])),
        ("duration", span(&lot["contractPeriod"])),
    ]);
    Some(made.into())
}

fn award(release: &Release<'_>, kind: &str, award: &Json) -> Read {
    let cancelled = matches!(award["status"].as_str(), Some("cancelled" | "unsuccessful"));
    let winner = consortium(release, &award["suppliers"]);
    let details = if kind == "award_notice" {
        let (buyer, agency) = buyer_and_agency(release, &Json::Null);
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
        let amended = list(&award["amendments"]).iter();
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

fn lots_of(award: &Json) -> Vec<Value> {
    lots_named(&award["relatedLots"], &award["id"])
}

/// Lots that it names; else the award itself, which OCDS may give for a part of the tender without calling that a lot.
fn lots_named(related: &Json, award: &Json) -> Vec<Value> {
    let lot = |id: &Json| id_of(id).map(|id| Value::from(project_of(&id)));
    let mut lots: Vec<Value> = list(related).iter().filter_map(lot).collect();
    if lots.is_empty() {
        lots.extend(lot(award));
    }
    lots
}

fn contract(release: &Release<'_>, kind: &str, contract: &Json) -> Read {
    let id = number(contract);
    let award = awarded(release, &contract["awardID"]);
    let amended = || list(&contract["amendments"]).iter();
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
        lots = lots_named(&contract["relatedLots"], &contract["awardID"]);
    }
    Read {
        details,
        events: object([("contract_signed", signed)]),
        lots,
        code: id.map(|id| ("ocds_contract_id", id)),
    }
}

/// Of one payment all is said; of several, which have no one amount and day, what they have in common.
fn payment(release: &Release<'_>, section: &Json) -> Read {
    let paid: Vec<&Json> = list(&section["transactions"]).iter().collect();
    let common = |names: [&str; 2]| {
        let of = |transaction: &Json| {
            let there = names.iter().find_map(|name| transaction.get(name));
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

fn report(section: &Json) -> Read {
    let id = id_of(&section["contractID"]);
    let contracts = id.clone().map(|id| json!([{ "contract": id }]));
    Read {
        details: object([("contracts", contracts)]),
        code: id.map(|id| ("ocds_contract_id", id)),
        ..Read::default()
    }
}

fn awarded<'r>(release: &Release<'r>, id: &Json) -> Option<&'r Json> {
    let known = (!id.is_null()).then(|| release.awards.get(&id.text()));
    known.flatten().copied()
}

fn buyer(release: &Release<'_>) -> Option<Value> {
    party(release, &release["buyer"])
        .or_else(|| party(release, &release["tender"]["procuringEntity"]))
        .or_else(|| only(release, "buyer"))
        .or_else(|| only(release, "procuringEntity"))
}

/// Who procures for another is its agency: as `entity` says, else as the roles of the parties do.
fn buyer_and_agency(release: &Release<'_>, entity: &Json) -> (Option<Value>, Option<Value>) {
    let buyer = buyer(release);
    let procuring = party(release, entity).or_else(|| only(release, "procuringEntity"));
    (
        buyer.clone(),
        procuring.filter(|there| Some(there) != buyer.as_ref()),
    )
}

fn only_supplier(release: &Release<'_>) -> Option<Value> {
    only(release, "supplier")
}

/// The party of a role, if it is the only one.
fn only(release: &Release<'_>, role: &str) -> Option<Value> {
    let [one] = release.roles.get(role)?[..] else {
        return None;
    };
    party(release, &list(&release["parties"])[one])
}

/// One supplier, or several as members of one party.
fn consortium(release: &Release<'_>, suppliers: &Json) -> Option<Value> {
    let suppliers = list(suppliers).iter();
    let members: Vec<Value> = suppliers
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
            withheld(&names.join("; "))
        }
    };
    Some(json!({ "name": name, "members": members }))
}

/// An organisation with its codes; of a person the name alone, as a commitment.
fn party(release: &Release<'_>, reference: &Json) -> Option<Value> {
    let id = reference["id"].as_str();
    let full = id.and_then(|id| release.parties.get(id));
    let full = full.map(|at| &list(&release["parties"])[*at]);
    let full = full.unwrap_or(&Json::Null);
    for person in [&reference["person"], &full["person"]] {
        if let Some(name) = name_of_person(person) {
            return Some(json!({ "name": withheld(&name) }));
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
        let more = list(&from["additionalIdentifiers"]).iter().take(LIST_MAX);
        let all = std::iter::once(&from["identifier"]).chain(more);
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

/// What the whole party was, was kept as JSON in its commitment.
fn name_of_person(person: &Json) -> Option<String> {
    let Json::Withheld(whole, _) = person else {
        return None;
    };
    let party = super::json::parse(whole.as_bytes(), 0).ok()?;
    persons::name_of(&party).map(str::to_owned)
}

/// A price as given, its currency too.
fn price(value: &Json) -> Option<Value> {
    let currency = text(value, "currency").map(Value::from);
    let given = match &value["amount"] {
        Json::Number(digits) => digits.as_str(),
        Json::Text(text) if !text.trim().is_empty() => text.as_str(),
        _ => return None,
    };
    // Digits stay as they are; only an exponent is written out, exactly.
    let amount = match given {
        given if !is_number(given) => None,
        given if given.contains(['e', 'E']) => amounts::without_exponent(given),
        given => Some(given.to_owned()),
    };
    let made = match amount {
        Some(amount) => object([
            ("form", Some("amount".into())),
            ("amount", Some(amount.into())),
            ("currency", currency),
        ]),
        None => object([("form", Some("other".into())), ("text", Some(given.into()))]),
    };
    Some(made.into())
}

/// What was bought, where each thing has a name of one line: one of several would cost the award its place in the log.
fn goods(items: &Json) -> Vec<Value> {
    let made = list(items).iter().map(|item| {
        let name = words(&item["description"])
            .or_else(|| words(&item["classification"]["description"]))
            .filter(|name| {
                !name
                    .as_str()
                    .is_some_and(|name| name.contains(char::is_control))
            })?;
        let unit = text(&item["unit"], "name").unwrap_or_default();
        let quantity = item["quantity"]
            .as_number()
            .map(|digits| format!("{digits} {unit}").trim().to_owned());
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

fn changes(amendment: &Json) -> Vec<Value> {
    let changed = list(&amendment["changes"]).iter();
    let made = changed.filter_map(|change| {
        let item = text(change, "property")?;
        let before = change.get("former_value").filter(|value| !value.is_null());
        let before = before.map(|value| match value {
            Json::Withheld(text, _) => withheld(text),
            value => value.shown().into(),
        });
        Some(Value::Object(object([
            ("item", Some(item.into())),
            ("before", before),
        ])))
    });
    made.collect()
}

fn why(amendment: &Json) -> Option<Value> {
    words(&amendment["rationale"]).or_else(|| words(&amendment["description"]))
}

/// A text, or the commitment to one that names a person.
fn words(value: &Json) -> Option<Value> {
    match value {
        Json::Text(text) if !text.trim().is_empty() => Some(text.as_str().into()),
        Json::Withheld(text, _) => Some(withheld(text)),
        _ => None,
    }
}

/// A period as ISO 8601 writes intervals.
fn span(period: &Json) -> Option<Value> {
    let end = |name: &str| text(period, name).unwrap_or("..");
    if text(period, "startDate").is_some() || text(period, "endDate").is_some() {
        return Some(format!("{}/{}", end("startDate"), end("endDate")).into());
    }
    let days = period["durationInDays"].as_number()?;
    let days: u32 = days.parse().ok()?;
    Some(format!("P{days}D").into())
}

/// A time with its zone; a day is its midnight in UTC, the zone of a source that names none.
fn moment(value: &Json) -> Option<Value> {
    let text = value.as_str()?;
    let text = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    OffsetTime::parse(&text).is_ok().then(|| text.into())
}

fn number(section: &Json) -> Option<String> {
    id_of(&section["id"])
}

/// Ids are texts or integers.
pub(super) fn id_of(value: &Json) -> Option<String> {
    let id = match value {
        Json::Text(text) => text.trim().to_owned(),
        Json::Number(digits) => digits.clone(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= CODE_BYTES_MAX).then_some(id)
}
