//! Danger: a real notice is lost, changed, or imported under another id than it had.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use super::{notices, ocds};

const NATIONAL: &str = include_str!("../../tests/data/national/notices.jsonl");
const YICHANG: &str = include_str!("../../tests/data/national/yichang.jsonl");
const DRAFTS: &str = include_str!("../../tests/data/yichang/drafts.jsonl");

/// What the importer keeps of the source beside its fields is no business of the other code.
fn fields(draft: &str) -> serde_json::Value {
    let mut draft: serde_json::Value = serde_json::from_str(draft).unwrap();
    draft["details"]
        .as_object_mut()
        .unwrap()
        .shift_remove("extra");
    draft["codes"]
        .as_array_mut()
        .unwrap()
        .retain(|code| code["scheme"] != "round");
    draft
}

#[test]
fn the_same_notices_give_the_fields_that_other_code_made_of_them() {
    let import = notices::read(YICHANG.as_bytes());
    assert_eq!(import.refusals, []);
    assert_eq!(import.items.len(), YICHANG.lines().count());
    let drafts: Vec<serde_json::Value> = DRAFTS.lines().map(fields).collect();
    for item in &import.items {
        assert!(drafts.contains(&fields(&item.draft)), "{}", item.draft);
        assert!(
            !item.draft.contains("\"rank\""),
            "the list is no ranking: {}",
            item.draft
        );
    }
}

#[test]
fn every_line_becomes_a_draft_or_a_refusal_that_names_it() {
    let bad = "\n{\"x\":1}\nnonsense\n";
    let import = notices::read(format!("{NATIONAL}{bad}").as_bytes());
    let count = NATIONAL.lines().count();
    assert_eq!(import.items.len(), count);
    let places: Vec<String> = import.refusals.iter().map(|r| r.place.clone()).collect();
    assert_eq!(places, [(count + 2).to_string(), (count + 3).to_string()]);
}

#[test]
fn what_a_notice_says_of_money_and_parties_stands_in_fields_that_rules_and_search_read() {
    let import = notices::read(format!("{NATIONAL}{YICHANG}").as_bytes());
    let mut seen = std::collections::BTreeSet::new();
    for item in &import.items {
        let draft: serde_json::Value = serde_json::from_str(&item.draft).unwrap();
        let statement = super::ocds_tests::signed(&draft);
        for problem in crate::trade::door::check(&statement) {
            assert!(
                !matches!(
                    problem.code,
                    "field_unknown" | "field_mistyped" | "price_number" | "price_form"
                ),
                "{}: {} in {}",
                problem.code,
                problem.pointer,
                item.draft
            );
        }
        let fields = draft["details"].as_object().unwrap().keys().cloned();
        seen.extend(fields.map(|field| format!("{} {field}", draft["kind"].as_str().unwrap())));
        if let Some(events) = draft["events"].as_object() {
            seen.extend(events.keys().cloned());
        }
        seen.extend(draft["region"].as_str().map(|_| "region".to_owned()));
    }
    for wanted in [
        "tender_notice buyer",
        "tender_notice agency",
        "tender_notice budget",
        "candidate_publicity candidates",
        "award_notice winner",
        "award_notice price",
        "award_notice agency",
        "contract supplier",
        "contract price",
        "contract_signed",
        "publicity_from",
        "publicity_to",
        "region",
    ] {
        assert!(seen.contains(wanted), "{wanted} in {seen:?}");
    }
}

#[test]
fn a_text_too_long_for_a_statement_becomes_a_document_and_is_not_cut() {
    let line = NATIONAL.lines().next().unwrap();
    let mut notice: serde_json::Value = serde_json::from_str(line).unwrap();
    let text = "文".repeat(20_000);
    notice["content_text"] = text.clone().into();
    let import = notices::read(notice.to_string().as_bytes());
    let [item] = &import.items[..] else {
        panic!("{:?}", import.refusals);
    };
    assert_eq!(item.documents, [text.into_bytes()]);
    let digest = crate::tlog::merkle::Hash::sha256(&item.documents[0]).to_string();
    assert!(item.draft.contains(&digest) && item.draft.len() < 36_000);
}

#[test]
fn the_full_text_is_a_document_and_never_in_the_statement() {
    let line = NATIONAL.lines().next().unwrap();
    let mut notice: serde_json::Value = serde_json::from_str(line).unwrap();
    let text = "项目负责人：楚示例（湘143202100001）。联系电话 13800138000";
    notice["content_text"] = text.into();
    let import = notices::read(notice.to_string().as_bytes());
    let [item] = &import.items[..] else {
        panic!("{:?}", import.refusals);
    };
    for secret in ["楚示例", "湘143202100001", "13800138000"] {
        assert!(!item.draft.contains(secret), "{secret}");
    }
    assert_eq!(item.documents, [text.as_bytes()]);
    assert!(
        import
            .remarks
            .iter()
            .any(|remark| remark.en.contains("text.txt"))
    );
}

#[test]
fn a_release_gives_a_statement_a_section_and_shows_no_contact() {
    let release = r#"{"ocid":"ocds-213czf-1","date":"2026-01-02","tag":["contract"],"buyer":{"name":"B",
        "contactPoint":{"name":"Jo Example","email":"jo@example.org"}},"planning":{"rationale":"r"},"tender":{"id":"1"},
        "awards":[{"id":"1","value":{"amount":1.5}}],
        "contracts":[{"id":"1","title":"c","implementation":{"transactions":[{"id":"1"}],"milestones":[{"id":"1"}]}}]}"#;
    let import = ocds::read(format!(r#"{{"releases":[{release},{{"ocid":"x"}}]}}"#).as_bytes());
    assert_eq!((import.items.len(), import.refusals.len()), (6, 1));
    assert_eq!(import.refusals[0].place, "/releases/1");
    let all: String = import
        .items
        .iter()
        .map(|item| item.draft.as_str())
        .collect();
    assert_eq!(all.matches("Jo Example").count(), 1);
    assert!(all.contains(r#""name":{"$commit":{"class":"person","value":"Jo Example"}}"#));
    assert!(all.contains(r#""amount":"1.5""#) && all.contains("2026-01-02T00:00:00Z"));
}
