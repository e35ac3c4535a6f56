//! What our kinds become in OCDS: parties, tender, awards, contracts and what was done under them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::imported::number;
use super::{Options, extensions};
use crate::export::Source;
use crate::tlog::merkle::Hash;
use crate::trade::json::Value as Json;
use crate::trade::statement::{Effect, Fields};
use crate::trade::vocabulary;

/// Of which process a release is.
#[derive(Clone, Copy)]
pub(super) struct Process<'a> {
    pub ocid: &'a str,
    pub project: &'a str,
    pub date: &'a str,
}

/// The awards that stand, of all processes: a winner who is replaced had an award of his own, which is cancelled and not overwritten.
#[derive(Default)]
pub(super) struct Standing {
    /// By process and lot.
    awards: HashMap<(String, String), Award>,
    /// Which of them a statement made.
    made_by: HashMap<Hash, Vec<(String, String)>>,
}

struct Award {
    id: String,
    suppliers: Vec<Value>,
}

/// Adds parties and the section of the kind.
pub(super) fn put(
    source: &Source,
    process: Process<'_>,
    options: &Options,
    standing: &mut Standing,
    release: &mut Map<String, Value>,
) {
    let fields = source.statement.fields();
    let mut parties = Parties::default();
    let empty = Json::Object(Vec::new());
    let made = Maker {
        details: fields.details().unwrap_or(&empty),
        id: source.statement.id().to_string(),
        amends: source.statement.amends().map(|amends| amends.statement),
        fields: &fields,
        ocid: process.ocid,
        project: process.project,
        date: process.date,
        extended: options.extensions.are_used(),
        options,
    };
    let withdrawn = source
        .statement
        .amends()
        .filter(|amends| amends.effect == Effect::Withdraw)
        .map(|amends| made.withdrawn(&amends.statement, standing))
        .unwrap_or_default();
    if let Some(buyer) = made
        .details
        .get("buyer")
        .and_then(|b| parties.take(b, &["buyer"]))
    {
        release.insert("buyer".to_owned(), buyer);
    }
    let kind = fields.kind().unwrap_or_default();
    let (name, section) = match kind {
        "plan_notice" | "drug_catalogue" => ("planning", made.planning()),
        "award_notice" | "award_letter" | "award_change" => {
            let keys = &mut Vec::new();
            let awards = made.awards(kind, keys, standing, &mut parties);
            let own = source.statement.id();
            standing.made_by.insert(own, std::mem::take(keys));
            ("awards", awards)
        }
        "contract" | "contract_change" | "contract_termination" => {
            ("contracts", made.contract(kind, standing, &mut parties))
        }
        "payment" => ("contracts", made.payment(standing, &mut parties)),
        "acceptance" | "delivery_handover" | "performance_report" => {
            ("contracts", made.milestones(kind, standing, &mut parties))
        }
        _ => ("tender", made.tender(kind, &mut parties)),
    };
    let bids = made.bids(kind, &mut parties);
    if !parties.0.is_empty() {
        release.insert(
            "parties".to_owned(),
            parties.0.into_iter().map(|(_, p)| p).collect(),
        );
    }
    release.insert(name.to_owned(), section);
    if let Some(bids) = bids {
        release.insert("bids".to_owned(), bids);
    }
    if !withdrawn.is_empty() {
        let there = release
            .entry("awards".to_owned())
            .or_insert_with(|| json!([]));
        if let Some(there) = there.as_array_mut() {
            // Of one award, the last that is said of it.
            there.retain(|one| withdrawn.iter().all(|gone| gone["id"] != one["id"]));
            there.extend(withdrawn);
        }
    }
    let awards = release.get("awards").and_then(Value::as_array);
    if awards.is_some_and(|all| all.iter().all(|one| one["status"] == "cancelled")) {
        release.insert("tag".to_owned(), json!(["awardCancellation"]));
    }
    if made.extended {
        let committed = extensions::committed(source);
        extensions::set_list(release, "withheldInformation", committed);
    }
}

/// Organisations of a release by id, in the order met.
#[derive(Default)]
struct Parties(Vec<(String, Value)>);

impl Parties {
    /// A reference to a party, which is kept with these roles. `None` for what is no organisation in the clear.
    fn take(&mut self, party: &Json<'_>, roles: &[&str]) -> Option<Value> {
        let name = party
            .get("name")?
            .as_str()
            .filter(|name| !name.trim().is_empty())?;
        let uscc = party.get("uscc").and_then(Json::as_str);
        let id = uscc.map_or_else(
            || format!("name-{}", &Hash::sha256(name.as_bytes()).to_string()[..16]),
            |uscc| format!("CN-USCC-{uscc}"),
        );
        let at = self
            .0
            .iter()
            .position(|(there, _)| *there == id)
            .unwrap_or_else(|| {
                let mut made = json!({ "id": id, "name": name, "roles": [] });
                if let Some(uscc) = uscc {
                    made["identifier"] =
                        json!({ "scheme": "CN-USCC", "id": uscc, "legalName": name });
                }
                self.0.push((id.clone(), made));
                self.0.len() - 1
            });
        let there = self.0[at].1["roles"]
            .as_array_mut()
            .expect("made with roles");
        for role in roles {
            if !there.iter().any(|known| known == role) {
                there.push(json!(role));
            }
        }
        Some(json!({ "id": id, "name": name }))
    }
}

struct Maker<'m> {
    details: &'m Json<'m>,
    fields: &'m Fields<'m>,
    id: String,
    amends: Option<Hash>,
    ocid: &'m str,
    project: &'m str,
    date: &'m str,
    /// Whether members of the extensions may be written.
    extended: bool,
    options: &'m Options,
}

impl Maker<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.details.get(name)?.as_str()
    }

    fn planning(&self) -> Value {
        let mut planning = Map::new();
        planning.insert(
            "rationale".to_owned(),
            json!(self.fields.title().unwrap_or(self.project)),
        );
        if let Some(amount) = self.details.get("budget").and_then(value_of) {
            planning.insert("budget".to_owned(), json!({ "amount": amount }));
        }
        self.documents("procurementPlan", &mut planning);
        Value::Object(planning)
    }

    fn tender(&self, kind: &str, parties: &mut Parties) -> Value {
        let mut tender = Map::new();
        let mut set = |name: &str, value: Value| tender.insert(name.to_owned(), value);
        set("id", json!(self.project));
        let is_notice = matches!(
            kind,
            "tender_notice" | "prequalification_notice" | "invitation" | "single_source_notice"
        );
        if let Some(title) = self.fields.title().filter(|_| is_notice) {
            set("title", json!(title));
        }
        let ended = (kind == "termination").then(|| match self.text("cause") {
            Some("failed") => "unsuccessful",
            Some("withdrawn") => "withdrawn",
            _ => "cancelled",
        });
        // What ends for some lots goes on for the others.
        let own_lots = self.fields.lots();
        let whole = ended.filter(|_| own_lots.is_empty());
        set("status", json!(whole.unwrap_or("active")));
        if let (Some(ended), true) = (ended, self.extended) {
            let lots = own_lots
                .iter()
                .map(|lot| json!({ "id": lot, "status": ended }));
            let lots: Vec<Value> = lots.collect();
            if !lots.is_empty() {
                set("lots", lots.into());
            }
        }
        if is_notice && let Some((method, own)) = self.fields.method().map(method_of) {
            set("procurementMethod", json!(method));
            set("procurementMethodDetails", json!(own));
        }
        if let Some(agency) = self
            .details
            .get("agency")
            .and_then(|a| parties.take(a, &["procuringEntity"]))
        {
            set("procuringEntity", agency);
        }
        if is_notice {
            if let Some(value) = ["price_limit", "budget"]
                .iter()
                .find_map(|name| value_of(self.details.get(name)?))
            {
                set("value", value);
            }
            let (name, lots): (&str, Vec<Value>) = if self.extended {
                ("lots", self.lots("lots").map(lot_of).collect())
            } else {
                (
                    "items",
                    self.lots("lots").map(|lot| item(lot, "name")).collect(),
                )
            };
            if !lots.is_empty() {
                set(name, lots.into());
            }
        }
        let event = |name: &str| self.fields.event(name).map(|time| time.to_string());
        let period = |from: Option<String>, to: Option<String>| {
            let ends = [("startDate", from), ("endDate", to)];
            let ends = ends
                .into_iter()
                .filter_map(|(name, at)| Some((name.to_owned(), json!(at?))));
            Value::Object(ends.collect())
        };
        if let Some(deadline) = event("bid_deadline") {
            set(
                "tenderPeriod",
                period(event("documents_from"), Some(deadline)),
            );
        }
        let mut bidders = Vec::new();
        for bid in self.lots("bids").chain(self.lots("bidders")) {
            let party = bid.get("party").unwrap_or(bid);
            if let Some(reference) = parties.take(party, &["tenderer"])
                && !bidders.contains(&reference)
            {
                bidders.push(reference);
            }
        }
        if !bidders.is_empty() {
            set("numberOfTenderers", json!(bidders.len()));
            set("tenderers", bidders.into());
        }
        if matches!(kind, "change_notice" | "clarification") {
            let mut amendment = json!({ "id": self.id, "date": self.date, "releaseID": self.id });
            if let Some(amended) = self.amends {
                amendment["amendsReleaseID"] = json!(amended.to_string());
            }
            if let Some(why) = ["content", "reason"]
                .iter()
                .find_map(|name| self.text(name))
            {
                amendment["rationale"] = json!(why);
            }
            set("amendments", json!([amendment]));
        }
        if let Some(enquiry) = self.enquiry(kind, parties) {
            set("enquiries", json!([enquiry]));
        }
        let document_type = match kind {
            "clarification" => "clarifications",
            "qualification_result" => "shortlistedFirms",
            "evaluation_report" | "candidate_publicity" => "evaluationReports",
            "termination" => "cancellationDetails",
            "objection" | "objection_reply" | "complaint_decision" => "complaints",
            _ => "tenderNotice",
        };
        self.documents(document_type, &mut tender);
        Value::Object(tender)
    }

    /// An objection, or the reply to one, as the extension has it.
    fn enquiry(&self, kind: &str, parties: &mut Parties) -> Option<Value> {
        let is_reply = kind == "objection_reply";
        if !self.extended || !(is_reply || kind == "objection") {
            return None;
        }
        let event = |name: &str| {
            let time = self.fields.event(name).map(|time| time.to_string());
            time.unwrap_or_else(|| self.date.to_owned())
        };
        // A reply says to what.
        let about = self.fields.about().and_then(|about| about.statement);
        let asked = about.or(self.amends).filter(|_| is_reply);
        let id = asked.map_or_else(|| self.id.clone(), |asked| asked.to_string());
        let mut made = json!({ "id": id });
        if is_reply {
            made["dateAnswered"] = json!(event("replied"));
            if let Some(answer) = self.text("reply").or(self.text("outcome")) {
                made["answer"] = json!(answer);
            }
        } else {
            made["date"] = json!(event("received"));
            for (name, text) in [
                ("title", self.fields.title()),
                ("description", self.text("matter")),
            ] {
                if let Some(text) = text {
                    made[name] = json!(text);
                }
            }
            let author = self.details.get("author");
            if let Some(author) = author.and_then(|one| parties.take(one, &["enquirer"])) {
                made["author"] = author;
            }
        }
        if let [lot] = self.fields.lots()[..] {
            made["relatedLot"] = json!(lot);
        }
        Some(made)
    }

    /// What is known of each bid: at the opening its price, later its rank, or that it was rejected.
    fn bids(&self, kind: &str, parties: &mut Parties) -> Option<Value> {
        let list = match kind {
            "bid_opening" => "bids",
            "candidate_publicity" => "candidates",
            "evaluation_report" => "rejected",
            _ => return None,
        };
        if !self.extended {
            return None;
        }
        let mut details: Vec<Value> = Vec::new();
        let mut counts: Vec<(Option<&str>, u64)> = Vec::new();
        for bid in self.lots(list) {
            let lot = bid.get("lot").and_then(Json::as_str).or(self.only_lot());
            match counts.iter_mut().find(|(of, _)| *of == lot) {
                Some((_, count)) => *count += 1,
                None => counts.push((lot, 1)),
            }
            let party = bid.get("party");
            let Some(tenderer) = party.and_then(|one| parties.take(one, &["tenderer"])) else {
                continue;
            };
            let of = tenderer["id"].as_str().unwrap_or_default();
            let undecrypted = bid.get("decrypted").and_then(Json::as_bool) == Some(false);
            let status = match kind {
                "candidate_publicity" => "valid",
                "evaluation_report" => "disqualified",
                _ if undecrypted => "withdrawn",
                _ => "pending",
            };
            let mut made = json!({
                "id": format!("{}-{of}", self.award_id(lot)),
                "status": status,
                "tenderers": [tenderer],
            });
            if let Some(received) = bid.get("received_at").and_then(Json::as_str) {
                made["date"] = json!(received);
            }
            if let Some(value) = bid.get("price").and_then(value_of) {
                made["value"] = value;
            }
            if let Some(rank) = bid.get("rank").and_then(Json::as_integer) {
                made["rank"] = json!(rank);
                made["hasRank"] = json!(true);
            }
            if let Some(lot) = lot {
                made["relatedLots"] = json!([lot]);
            }
            if !details.iter().any(|known| known["id"] == made["id"]) {
                details.push(made);
            }
        }
        let mut bids = Map::new();
        extensions::set_list(&mut bids, "details", details);
        if kind == "bid_opening" {
            let statistics = counts.iter().map(|(lot, count)| {
                let mut made = json!({
                    "id": lot.map_or_else(|| "bids".to_owned(), |lot| format!("bids-{lot}")),
                    "measure": "bids",
                    "value": count,
                    "date": self.date,
                });
                if let Some(lot) = lot {
                    made["relatedLot"] = json!(lot);
                }
                made
            });
            extensions::set_list(&mut bids, "statistics", statistics.collect());
        }
        (!bids.is_empty()).then_some(Value::Object(bids))
    }

    /// The one lot that the whole statement is about.
    fn only_lot(&self) -> Option<&str> {
        match self.fields.lots()[..] {
            [lot] => Some(lot),
            _ => None,
        }
    }

    fn key(&self, lot: Option<&str>) -> (String, String) {
        (self.ocid.to_owned(), lot.unwrap_or_default().to_owned())
    }

    /// The award that stands for a lot.
    fn standing_id(&self, lot: Option<&str>, standing: &Standing) -> String {
        let known = standing.awards.get(&self.key(lot));
        known.map_or_else(|| self.award_id(lot), |award| award.id.clone())
    }

    /// The awards that a withdrawn statement made, as cancelled.
    fn withdrawn(&self, statement: &Hash, standing: &mut Standing) -> Vec<Value> {
        let keys = standing.made_by.remove(statement).unwrap_or_default();
        let gone = keys.iter().filter_map(|key| standing.awards.remove(key));
        gone.map(|award| json!({ "id": award.id, "date": self.date, "status": "cancelled" }))
            .collect()
    }

    fn awards(
        &self,
        kind: &str,
        keys: &mut Vec<(String, String)>,
        standing: &mut Standing,
        parties: &mut Parties,
    ) -> Value {
        let mut awards = Vec::new();
        let several: Vec<&Json<'_>> = self.lots("awards").collect();
        let all = if several.is_empty() {
            vec![self.details]
        } else {
            several
        };
        for award in all {
            let lot = award.get("lot").and_then(Json::as_str).or(self.only_lot());
            let several = award.get("winners").and_then(Json::items);
            let winners = ["winner", "replacement"]
                .iter()
                .filter_map(|name| award.get(name))
                .chain(several.into_iter().flatten());
            let suppliers: Vec<Value> = winners
                .filter_map(|winner| parties.take(winner, &["supplier"]))
                .collect();
            let key = self.key(lot);
            let known = standing.awards.get(&key);
            let others = known.is_some_and(|known| {
                !known.suppliers.is_empty() && !suppliers.is_empty() && known.suppliers != suppliers
            });
            let is_change = kind == "award_change" || (others && self.amends.is_some());
            let mut id = self.standing_id(lot, standing);
            if is_change {
                awards.push(json!({ "id": id, "date": self.date, "status": "cancelled" }));
                id = format!("{}-{}", self.award_id(lot), &self.id[..8]);
                if suppliers.is_empty() {
                    standing.awards.remove(&key);
                    continue;
                }
            }
            let mut made = json!({ "id": id, "date": self.date, "status": "active" });
            if let Some(title) = self.fields.title() {
                made["title"] = json!(title);
            }
            if let Some(value) = award.get("price").and_then(value_of) {
                made["value"] = value;
            }
            if !suppliers.is_empty() {
                made["suppliers"] = suppliers.clone().into();
            }
            if let Some(lot) = lot {
                if self.extended {
                    made["relatedLots"] = json!([lot]);
                } else {
                    made["items"] = json!([item_of(lot, award, "name")]);
                }
            }
            awards.push(made);
            keys.push(key.clone());
            standing.awards.insert(key, Award { id, suppliers });
        }
        if let Some(Value::Object(last)) = awards.last_mut() {
            self.documents("awardNotice", last);
        }
        awards.into()
    }

    fn contract(&self, kind: &str, standing: &Standing, parties: &mut Parties) -> Value {
        let status = if kind == "contract_termination" {
            "terminated"
        } else {
            "active"
        };
        let mut contract = Map::new();
        let mut set = |name: &str, value: Value| contract.insert(name.to_owned(), value);
        set("id", json!(self.contract_id(self.details)));
        let lot = self.fields.lots().first().copied();
        set("awardID", json!(self.standing_id(lot, standing)));
        set("status", json!(status));
        if let Some(title) = self.text("name").or(self.fields.title()) {
            set("title", json!(title));
        }
        if let Some(value) = self.details.get("price").and_then(value_of) {
            set("value", value);
        }
        if let Some(signed) = self.fields.event("contract_signed") {
            set("dateSigned", json!(signed.to_string()));
        }
        if kind == "contract_change" {
            let mut amendment = json!({ "id": self.id, "date": self.date, "releaseID": self.id });
            if let Some(amended) = self.amends {
                amendment["amendsReleaseID"] = json!(amended.to_string());
            }
            set("amendments", json!([amendment]));
        }
        if let Some(supplier) = self.details.get("supplier") {
            parties.take(supplier, &["supplier"]);
        }
        self.documents("contractSigned", &mut contract);
        json!([contract])
    }

    fn payment(&self, standing: &Standing, parties: &mut Parties) -> Value {
        let paid_on = self
            .fields
            .event("paid")
            .map_or_else(|| self.date.to_owned(), |time| time.to_string());
        let mut paid = json!({ "id": self.id, "date": paid_on });
        if let Some(value) = self.details.get("paid").and_then(value_of) {
            paid["value"] = value;
        }
        for (name, role) in [("payer", "payer"), ("payee", "payee")] {
            if let Some(party) = self
                .details
                .get(name)
                .and_then(|party| parties.take(party, &[role]))
            {
                paid[name] = party;
            }
        }
        json!([{
            "id": self.contract_id(self.details),
            "awardID": self.standing_id(self.fields.lots().first().copied(), standing),
            "implementation": { "transactions": [paid] },
        }])
    }

    fn milestones(&self, kind: &str, standing: &Standing, parties: &mut Parties) -> Value {
        let milestone_type = match kind {
            "delivery_handover" => "delivery",
            "performance_report" => "reporting",
            _ => "assessment",
        };
        let several: Vec<&Json<'_>> = self.lots("contracts").collect();
        let all = if several.is_empty() {
            vec![self.details]
        } else {
            several
        };
        let mut contracts = Vec::new();
        for one in all {
            if let Some(supplier) = one.get("supplier") {
                parties.take(supplier, &["supplier"]);
            }
            let lot = one
                .get("lot")
                .and_then(Json::as_str)
                .or(self.fields.lots().first().copied());
            let milestone = json!({
                "id": self.id,
                "title": self.fields.title().unwrap_or(kind),
                "type": milestone_type,
                "status": "met",
                "dateMet": self.date,
            });
            contracts.push(json!({
                "id": self.contract_id(one),
                "awardID": self.standing_id(lot, standing),
                "implementation": { "milestones": [milestone] },
            }));
        }
        contracts.into()
    }

    fn lots(&self, name: &str) -> impl Iterator<Item = &Json<'_>> {
        self.details
            .get(name)
            .and_then(Json::items)
            .into_iter()
            .flatten()
    }

    fn award_id(&self, lot: Option<&str>) -> String {
        lot.map_or_else(
            || self.project.to_owned(),
            |lot| format!("{}-{lot}", self.project),
        )
    }

    /// The contract's number; one a project where none is given.
    fn contract_id(&self, of: &Json<'_>) -> String {
        ["number", "contract"]
            .iter()
            .find_map(|name| of.get(name)?.as_str())
            .map_or_else(|| format!("{}-contract", self.project), str::to_owned)
    }

    fn documents(&self, document_type: &str, section: &mut Map<String, Value>) {
        let documents: Vec<Value> = self
            .fields
            .documents()
            .iter()
            .map(|document| {
                let mut made = json!({
                    "id": document.sha256.to_string(),
                    "documentType": document_type,
                    "title": document.name,
                    "format": document.media_type,
                    "datePublished": self.date,
                });
                if !self.options.base.is_empty() {
                    let base = &self.options.base;
                    made["url"] = json!(format!("{base}/api/v1/documents/{}", document.sha256));
                }
                made
            })
            .collect();
        if !documents.is_empty() {
            section.insert("documents".to_owned(), documents.into());
        }
    }
}

/// A lot as an item: the core schema has no lots.
fn item(lot: &Json<'_>, name: &str) -> Value {
    let id = lot.get("lot").and_then(Json::as_str).unwrap_or("1");
    item_of(id, lot, name)
}

/// A lot as the extension has it.
fn lot_of(lot: &Json<'_>) -> Value {
    let text = |name: &str| lot.get(name).and_then(Json::as_str);
    let mut made = json!({ "id": text("lot").unwrap_or("1"), "status": "active" });
    for (name, own) in [("title", "name"), ("description", "scope")] {
        if let Some(text) = text(own) {
            made[name] = json!(text);
        }
    }
    if let Some(value) = lot.get("price_limit").and_then(value_of) {
        made["value"] = value;
    }
    made
}

fn item_of(id: &str, lot: &Json<'_>, name: &str) -> Value {
    let mut made = json!({ "id": id });
    if let Some(name) = lot.get(name).and_then(Json::as_str) {
        made["description"] = json!(name);
    }
    made
}

/// A price in money; a rate or a unit price is none.
fn value_of(price: &Json<'_>) -> Option<Value> {
    let amount = number(price.get("amount")?.as_str()?)?;
    let currency = price
        .get("currency")
        .and_then(Json::as_str)
        .unwrap_or("CNY");
    Some(json!({ "amount": amount, "currency": currency }))
}

/// The standard's word for a method, and our own. A method that we do not know is not open to everybody.
fn method_of(method: &str) -> (&'static str, &str) {
    let word = vocabulary::method(method).map_or("", |known| &known.ocds);
    (if word.is_empty() { "limited" } else { word }, method)
}
