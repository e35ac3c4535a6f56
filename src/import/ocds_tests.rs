//! Danger: what an OCDS release says is lost, changed or hidden from search and rules when it comes in, or when it goes out again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use serde_json::{Value, json};

use super::{Item, ocds};
use crate::export::{self, Source};
use crate::tlog::note::Signer;
use crate::trade::door;
use crate::trade::statement::{Draft, Statement, sign_statement};
use crate::trade::time::Time;

const FIVE_STAGES: &str =
    include_str!("../../tests/data/ocds/slices/five-stage-release-package.json");
const SLICES: [&str; 9] = [
    FIVE_STAGES,
    include_str!("../../tests/data/ocds/slices/canada-montreal.jsonl"),
    include_str!("../../tests/data/ocds/slices/fictional-01-planning.json"),
    include_str!("../../tests/data/ocds/slices/fictional-02-tender.json"),
    include_str!("../../tests/data/ocds/slices/fictional-03-tenderAmendment.json"),
    include_str!("../../tests/data/ocds/slices/fictional-04-award.json"),
    include_str!("../../tests/data/ocds/slices/fictional-05-contract.json"),
    include_str!("../../tests/data/ocds/slices/fictional-06-implementation.json"),
    include_str!("../../tests/data/ocds/slices/uk-contracts-finder.jsonl"),
];

fn drafts(file: &str) -> Vec<Value> {
    let import = ocds::read(file.as_bytes());
    assert_eq!(import.refusals, []);
    import.items.iter().map(draft).collect()
}

fn draft(item: &Item) -> Value {
    serde_json::from_str(&item.draft).unwrap()
}

fn of<'d>(drafts: &'d [Value], kind: &str) -> &'d Value {
    drafts.iter().find(|draft| draft["kind"] == kind).unwrap()
}

/// Placeholders become `with`.
fn replace_commitments(value: &mut Value, with: &Value) {
    match value {
        Value::Object(members) if members.contains_key("$commit") => *value = with.clone(),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| replace_commitments(member, with)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_commitments(item, with)),
        _ => {}
    }
}

pub(super) fn signed(draft: &Value) -> Statement {
    let mut draft = draft.clone();
    let hidden = json!({ "commitment": "0a".repeat(32), "class": "person" });
    replace_commitments(&mut draft, &hidden);
    let text = draft.to_string();
    let mut draft = Draft::parse(text.as_bytes()).unwrap();
    let centre = Signer::from_seed("ggzy.shaoshan.example", &[0x21; 32]).unwrap();
    draft.fill("log.example/2026", centre.name(), None).unwrap();
    sign_statement(&draft.text().unwrap(), &[&centre]).unwrap()
}

/// Out of the ledger as one release, and in again as one statement.
fn again(draft: &Value) -> Value {
    let source = Source {
        index: 2,
        time: Time::MIN,
        statement: signed(draft),
    };
    let options = export::ocds::Options::new(export::ocds::PREFIX_EXAMPLE, "").unwrap();
    let (releases, left) = export::ocds::releases(&[source], &options);
    assert_eq!(left, []);
    let back = drafts(&export::ocds::imported::exact(&releases[0].to_string()));
    assert_eq!(back.len(), 1, "{releases:?} of {draft}");
    back.into_iter().next().unwrap()
}

/// What must come back: all but what is hidden, what only the package said, and the ids of the release, which is another one.
fn lasting(draft: &Value) -> Value {
    let mut draft = draft.clone();
    replace_commitments(&mut draft, &Value::Null);
    drop_hidden(&mut draft);
    let details = draft["details"].as_object_mut().unwrap();
    details.shift_remove("source");
    let extra = details["extra"].as_object_mut().unwrap();
    extra.shift_remove("package");
    if let Some(release) = extra.get_mut("release") {
        for name in ["id", "tag", "date", "ocid", "initiation_type"] {
            release.as_object_mut().unwrap().shift_remove(name);
        }
    }
    if extra
        .get("release")
        .is_some_and(|release| *release == json!({}))
    {
        extra.shift_remove("release");
    }
    json!({
        "project": draft["project"],
        "stage": draft["stage"],
        "kind": draft["kind"],
        "category": draft["category"],
        "lots": draft["lots"],
        "events": draft["events"],
        "details": draft["details"],
    })
}

/// Nulls that stood for something hidden, and what is empty without them.
fn drop_hidden(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(drop_hidden);
            members.retain(|_, member| !member.is_null() && *member != json!({}));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(drop_hidden);
            items.retain(|item| !item.is_null() && *item != json!({}));
        }
        _ => {}
    }
}

#[test]
fn what_goes_out_and_comes_in_again_is_the_same() {
    let mut count = 0;
    for draft in SLICES.iter().flat_map(|file| drafts(file)) {
        assert_eq!(lasting(&again(&draft)), lasting(&draft), "{draft}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn names_numbers_and_nulls_of_the_source_come_back_as_they_were() {
    let tender = json!({
        "id": "1", "description_hy": "a", "descriptionHy": "b", "Título": "c", "commitment": "d", "awardID": "e",
        "share": 0.25, "value": {"amount": "12.50", "currency": "EUR"}, "big": 12_345_678_901_234_567_u64,
        "items": [{"id": 1, "quantity": 2.5, "code": "7"}], "cancelled": null,
    });
    let release = json!({ "ocid": "ocds-213czf-1", "date": "2026-01-02T03:04:05Z", "tag": ["tender"],
        "buyer": {"name": "B Council"}, "tender": tender });
    let [draft] = &drafts(&release.to_string())[..] else {
        panic!("one section")
    };
    let source = Source {
        index: 2,
        time: Time::MIN,
        statement: signed(draft),
    };
    let options = export::ocds::Options::new(export::ocds::PREFIX_EXAMPLE, "").unwrap();
    let (releases, _) = export::ocds::releases(&[source], &options);
    assert_eq!(releases[0]["tender"], tender);
    assert_eq!(releases[0]["buyer"], release["buyer"]);
}

#[test]
fn the_five_stages_stand_in_fields_that_rules_and_search_read() {
    let drafts = drafts(FIVE_STAGES);
    let tender = of(&drafts, "tender_notice");
    let buyer = &tender["details"]["buyer"];
    assert!(
        door_accepts(tender)
            && crate::trade::identifiers::uscc_is_valid(buyer["uscc"].as_str().unwrap()),
        "{tender}"
    );
    assert_eq!(tender["details"]["budget"]["currency"], "CNY");
    assert!(tender["events"]["bid_deadline"].is_string());
    assert_eq!(
        tender["details"]["source"]["name"],
        json!(package_publisher())
    );

    let award = of(&drafts, "award_notice");
    let winner = &award["details"]["winner"];
    assert!(winner["uscc"].is_string() && winner["name"].is_string());
    assert_eq!(award["details"]["price"]["form"], "amount");
    assert!(award["events"]["winner_set"].is_string());
    assert_eq!(award["lots"].as_array().unwrap().len(), 1);

    let contract = of(&drafts, "contract");
    assert_eq!(contract["lots"], award["lots"]);
    assert_eq!(contract["details"]["supplier"], *winner);
    assert!(contract["events"]["contract_signed"].is_string());
    assert!(contract["details"]["number"].is_string());

    let payment = of(&drafts, "payment");
    assert_eq!(
        payment["details"]["contract"],
        contract["details"]["number"]
    );
    assert_eq!(payment["details"]["paid"]["form"], "amount");
    assert!(payment["events"]["paid"].is_string());
}

fn package_publisher() -> String {
    let package: Value = serde_json::from_str(FIVE_STAGES).unwrap();
    package["publisher"]["name"].as_str().unwrap().to_owned()
}

fn door_accepts(draft: &Value) -> bool {
    let problems = door::check(&signed(draft));
    problems.iter().all(|problem| {
        !matches!(
            problem.code,
            "field_unknown" | "field_mistyped" | "price_number" | "member_mistyped"
        )
    })
}

#[test]
fn no_field_is_unknown_or_of_another_type_than_the_vocabulary_has() {
    for draft in SLICES.iter().flat_map(|file| drafts(file)) {
        assert!(door_accepts(&draft), "{draft}");
    }
}

fn one(sections: Value) -> Vec<Value> {
    let mut release = json!({ "ocid": "ocds-213czf-1", "id": "r", "date": "2026-01-02T03:04:05Z", "tag": ["award"],
        "buyer": {"id": "b", "name": "B Council"} });
    release
        .as_object_mut()
        .unwrap()
        .extend(sections.as_object().unwrap().clone());
    drafts(&release.to_string())
}

#[test]
fn a_supplier_who_is_a_person_wins_under_a_commitment() {
    let made = one(json!({
        "parties": [{"id": "CO-CC-12345678", "name": "Jo Example", "roles": ["supplier"], "identifier": {"scheme": "CO-CC", "id": "12345678"}}],
        "awards": [{"id": "a", "suppliers": [{"id": "CO-CC-12345678", "name": "Jo Example"}]}],
        "contracts": [{"id": "c", "awardID": "a", "title": "t"}],
    }));
    let hidden = json!({ "name": { "$commit": { "class": "person", "value": "Jo Example" } } });
    assert_eq!(of(&made, "award_notice")["details"]["winner"], hidden);
    assert_eq!(of(&made, "contract")["details"]["supplier"], hidden);
    let mut shown = Value::Array(made);
    replace_commitments(&mut shown, &Value::Null);
    assert!(!shown.to_string().contains("12345678") && !shown.to_string().contains("Jo Ex"));
}

/// Danger: a guess of the recogniser costs a release its place in the log, or what it is right about gets there.
#[test]
fn nothing_is_made_that_the_door_refuses() {
    let tender = json!({
        "id": "t", "title": "Call 13800138000",
        "description": "Write to zhang.san@example.org. We read.",
        "procuringEntity": {"id": "1", "name": "Jo Maria Example"},
        "documents": [{"id": "d", "description": "联系人：张示例，电话13900139000"}],
    });
    let long = "Example Unlimited Trading ".repeat(3);
    let suppliers = json!([{"name": format!("{long}Ltd")}, {"name": format!("{long}Two Ltd")}]);
    let paid = json!([{"id": "1", "receiverOrganization": {"legalName": "PEDRO EJEMPLO PRUEBA", "scheme": "PEDRO EJEMPLO PRUEBA"}}]);
    let drafts = one(json!({
        "tender": tender,
        "awards": [{"id": "a", "suppliers": suppliers}],
        "contracts": [{"id": "c", "implementation": {"transactions": paid}}],
    }));
    for draft in &drafts {
        let problems = door::check(&signed(draft));
        let refused: Vec<_> = problems
            .iter()
            .filter(|problem| door::is_secrecy(problem.code))
            .collect();
        assert!(refused.is_empty(), "{refused:?} {draft}");
    }
    let mut shown = Value::Array(drafts.clone());
    replace_commitments(&mut shown, &Value::Null);
    for secret in [
        "13800138000",
        "13900139000",
        "@",
        "张示例",
        "Jo Maria",
        "PEDRO",
    ] {
        assert!(!shown.to_string().contains(secret), "{secret} in {shown}");
    }
    // The texts stand in a document, by where they were.
    let import = ocds::read(json!({ "ocid": "ocds-213czf-1", "id": "r", "date": "2026-01-02T03:04:05Z", "tender": tender }).to_string().as_bytes());
    let [item] = &import.items[..] else {
        panic!("{import:?}")
    };
    let texts: Value = serde_json::from_slice(&item.documents[0]).unwrap();
    assert_eq!(
        texts["/details/extra/section/description"],
        tender["description"]
    );
    assert_eq!(texts["/title"], tender["title"]);
    assert_eq!(draft(item)["title"], "ocds-213czf-1");
    assert_eq!(draft(item)["documents"][0]["name"], "texts.json");
    assert_eq!(item.facts.sum(), import.source, "{:?}", item.facts);
    assert_eq!(item.facts.documents, 3, "title, description, document");
}

#[test]
fn awards_of_one_process_are_told_apart_and_contracts_follow_theirs() {
    let made = one(json!({
        "awards": [{"id": "a/1", "suppliers": [{"id": "GB-COH-1", "name": "Acme Ltd"}], "value": {"amount": 1.5, "currency": "GBP"}},
                   {"id": 2, "relatedLots": ["L1"], "suppliers": [{"name": "Acme Ltd"}, {"name": "Brown & Sons"}]}],
        "contracts": [{"id": "c1", "awardID": "a/1", "title": "t"}, {"id": "c2", "awardID": 2, "value": {"amount": 1e21}}],
    }));
    let lots: Vec<&Value> = made.iter().map(|draft| &draft["lots"]).collect();
    assert_eq!(lots[0], lots[2]);
    assert_eq!(*lots[1], json!(["L1"]));
    assert_eq!(lots[1], lots[3]);
    assert_ne!(lots[0], lots[1]);
    assert_eq!(
        made[0]["details"]["winner"]["codes"],
        json!([{ "scheme": "ocds_party_id", "value": "GB-COH-1" }])
    );
    assert_eq!(
        made[0]["details"]["price"],
        json!({ "form": "amount", "amount": "1.5", "currency": "GBP" })
    );
    let both = &made[1]["details"]["winner"];
    assert_eq!(both["name"], "Acme Ltd; Brown & Sons");
    assert_eq!(both["members"].as_array().unwrap().len(), 2);
    let price = &made[3]["details"]["price"];
    assert_eq!(
        *price,
        json!({ "form": "amount", "amount": "1000000000000000000000" }),
        "as given: no currency"
    );
}

/// Danger: one line feed in the name of a thing costs the award its place in the log.
#[test]
fn goods_are_named_in_one_line_or_left_to_the_source() {
    for (name, is_listed) in [
        ("Chairs", true),
        ("Chairs\nof wood", false),
        ("Chairs\t", false),
    ] {
        let award = json!({ "id": "1", "status": "active", "items": [{ "id": "1", "description": name, "quantity": 2 }] });
        let drafts = one(json!({ "awards": [award] }));
        let draft = of(&drafts, "award_notice");
        assert_eq!(
            draft["details"].get("goods").is_some(),
            is_listed,
            "{name:?}"
        );
        assert!(door_accepts(draft), "{name:?}: {draft}");
    }
}

#[test]
fn a_cancelled_award_has_no_winner() {
    let made = one(
        json!({ "tag": ["awardCancellation"], "awards": [{"id": "a", "status": "cancelled", "date": "2026-01-02T00:00:00Z",
        "suppliers": [{"name": "Acme Ltd"}], "value": {"amount": 1, "currency": "GBP"}}] }),
    );
    let change = of(&made, "award_change");
    assert_eq!(change["details"]["former"]["name"], "Acme Ltd");
    assert_eq!(
        (&change["details"]["price"], &change["events"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_day_is_midnight_and_a_time_without_zone_is_no_event() {
    let made = one(
        json!({ "tag": ["tender"], "tender": { "id": "t", "tenderPeriod": { "startDate": "2026-01-02", "endDate": "2026-02-02T10:00:00" } } }),
    );
    assert_eq!(
        made[0]["events"],
        json!({ "documents_from": "2026-01-02T00:00:00Z" })
    );
}

#[test]
fn several_payments_have_no_one_amount() {
    let pay = |day: &str| json!({ "id": day, "date": day, "value": { "amount": 1, "currency": "GBP" }, "payee": { "name": "Acme Ltd" } });
    let contract = |paid: Value| json!({ "tag": ["implementation"], "contracts": [{ "id": "c", "awardID": "a", "implementation": { "transactions": paid } }] });
    let made = one(contract(json!([pay("2026-01-02T00:00:00Z")])));
    let [payment] = &made[..] else {
        panic!("{made:?}")
    };
    assert_eq!(payment["details"]["paid"]["amount"], "1");
    assert_eq!(payment["events"]["paid"], "2026-01-02T00:00:00Z");
    let made = one(contract(json!([
        pay("2026-01-02T00:00:00Z"),
        pay("2026-01-03T00:00:00Z")
    ])));
    let [payment] = &made[..] else {
        panic!("{made:?}")
    };
    assert_eq!(
        (&payment["details"]["paid"], &payment["events"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(payment["details"]["payee"]["name"], "Acme Ltd");
}

#[test]
fn a_record_of_links_gives_its_compiled_release_and_says_which_releases_are_not_here() {
    let record = |releases: Value| {
        json!({ "uri": "https://example.org/r", "publisher": { "name": "P" }, "license": "https://example.org/licence", "records": [{
            "ocid": "ocds-213czf-1", "releases": releases,
            "compiledRelease": { "ocid": "ocds-213czf-1", "id": "c", "date": "2026-01-02T03:04:05Z", "tag": ["compiled"], "tender": { "id": "t" } } }] })
    };
    let links = record(
        json!([{ "url": "https://example.org/1", "date": "2026-01-01T00:00:00Z", "tag": ["tender"] }]),
    );
    let import = ocds::read(links.to_string().as_bytes());
    assert_eq!(import.refusals.len(), 1);
    assert_eq!(import.refusals[0].place, "/records/0/releases/0");
    assert!(import.refusals[0].en.contains("https://example.org/1"));
    let [item] = &import.items[..] else {
        panic!("{:?}", import.items)
    };
    assert_eq!(item.place, "/records/0/compiledRelease/tender");
    let made = draft(item);
    assert_eq!(
        made["details"]["source"],
        json!({ "name": "P", "url": "https://example.org/r", "id": "c" })
    );
    assert_eq!(
        made["details"]["extra"]["package"]["license"],
        "https://example.org/licence"
    );
    // Embedded releases say it all.
    let embedded = record(
        json!([{ "ocid": "ocds-213czf-1", "id": "1", "date": "2026-01-01T00:00:00Z", "tag": ["tender"], "tender": { "id": "t" } }]),
    );
    let import = ocds::read(embedded.to_string().as_bytes());
    assert_eq!((import.items.len(), import.refusals.len()), (1, 0));
}
