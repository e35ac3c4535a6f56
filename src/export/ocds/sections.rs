//! What our kinds become in OCDS: parties, tender, awards, contracts and what was done under them.

use serde_json::{Map, Value, json};

use super::Options;
use super::imported::number;
use crate::export::Source;
use crate::tlog::merkle::Hash;
use crate::trade::json::Value as Json;
use crate::trade::statement::Fields;
use crate::trade::vocabulary;

/// Adds parties and the section of the kind.
pub(super) fn put(
    source: &Source,
    project: &str,
    date: &str,
    options: &Options,
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
        project,
        date,
        options,
    };
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
        "award_notice" | "award_letter" | "award_change" => ("awards", made.awards(&mut parties)),
        "contract" | "contract_change" | "contract_termination" => {
            ("contracts", made.contract(kind, &mut parties))
        }
        "payment" => ("contracts", made.payment(&mut parties)),
        "acceptance" | "delivery_handover" | "performance_report" => {
            ("contracts", made.milestones(kind, &mut parties))
        }
        _ => ("tender", made.tender(kind, &mut parties)),
    };
    if !parties.0.is_empty() {
        release.insert(
            "parties".to_owned(),
            parties.0.into_iter().map(|(_, p)| p).collect(),
        );
    }
    release.insert(name.to_owned(), section);
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
    project: &'m str,
    date: &'m str,
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
        set(
            "status",
            json!(if kind == "termination" {
                "cancelled"
            } else {
                "active"
            }),
        );
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
            let items: Vec<Value> = self.lots("lots").map(|lot| item(lot, "name")).collect();
            if !items.is_empty() {
                set("items", items.into());
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

    fn awards(&self, parties: &mut Parties) -> Value {
        let mut awards = Vec::new();
        let several: Vec<&Json<'_>> = self.lots("awards").collect();
        let all = if several.is_empty() {
            vec![self.details]
        } else {
            several
        };
        for award in all {
            let lot = award.get("lot").and_then(Json::as_str);
            let mut made =
                json!({ "id": self.award_id(lot), "date": self.date, "status": "active" });
            if let Some(title) = self.fields.title() {
                made["title"] = json!(title);
            }
            if let Some(value) = award.get("price").and_then(value_of) {
                made["value"] = value;
            }
            let winners = award.get("winner").into_iter();
            let winners = winners.chain(
                award
                    .get("winners")
                    .and_then(Json::items)
                    .into_iter()
                    .flatten(),
            );
            let suppliers: Vec<Value> = winners
                .filter_map(|winner| parties.take(winner, &["supplier"]))
                .collect();
            if !suppliers.is_empty() {
                made["suppliers"] = suppliers.into();
            }
            if lot.is_some() {
                made["items"] = json!([item(award, "name")]);
            }
            awards.push(made);
        }
        if let Some(Value::Object(first)) = awards.first_mut() {
            self.documents("awardNotice", first);
        }
        awards.into()
    }

    fn contract(&self, kind: &str, parties: &mut Parties) -> Value {
        let status = if kind == "contract_termination" {
            "terminated"
        } else {
            "active"
        };
        let mut contract = Map::new();
        let mut set = |name: &str, value: Value| contract.insert(name.to_owned(), value);
        set("id", json!(self.contract_id(self.details)));
        set(
            "awardID",
            json!(self.award_id(self.fields.lots().first().copied())),
        );
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

    fn payment(&self, parties: &mut Parties) -> Value {
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
            "awardID": self.award_id(self.fields.lots().first().copied()),
            "implementation": { "transactions": [paid] },
        }])
    }

    fn milestones(&self, kind: &str, parties: &mut Parties) -> Value {
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
                "awardID": self.award_id(lot),
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
