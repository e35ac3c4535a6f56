//! The table compiled in, and what a centre's file may do.

use super::*;

#[test]
fn every_word_has_a_name_in_both_languages() {
    let check = |words: Vec<(&str, &str, &str)>| {
        for (id, zh, en) in words {
            assert!(!zh.is_ascii() && en.is_ascii() && !en.is_empty(), "{id}");
        }
    };
    let all = Vocabulary::builtin();
    check(all.kinds.iter().map(|k| (&*k.id, &*k.zh, &*k.en)).collect());
    check(
        all.categories
            .iter()
            .map(|c| (&*c.id, &*c.zh, &*c.en))
            .collect(),
    );
    check(
        all.methods
            .iter()
            .map(|m| (&*m.id, &*m.zh, &*m.en))
            .collect(),
    );
    check(
        all.events
            .iter()
            .map(|e| (&*e.id, &*e.zh, &*e.en))
            .collect(),
    );
    let of_kinds = all.kinds.iter().flat_map(|kind| &kind.fields);
    let of_shapes = all.shapes.iter().flat_map(|shape| &shape.fields);
    for field in of_kinds.chain(of_shapes).chain(&all.common) {
        check(vec![(&field.name, &field.zh, &field.en)]);
        assert!(!field.source.is_empty(), "{}", field.name);
    }
    let counts = [
        all.kinds.len(),
        all.categories.len(),
        all.methods.len(),
        all.events.len(),
    ];
    assert_eq!(counts, [36, 21, 15, 19]);
    // One a bid would tell how many there are before the opening.
    assert_eq!(kind("bid_commitment"), None);
}

#[test]
fn every_stage_has_kinds_and_every_kind_has_fields() {
    let kinds = &Vocabulary::builtin().kinds;
    for stage in Stage::ALL {
        assert_eq!(Stage::parse(stage.as_str()), Some(stage));
        assert!(
            kinds.iter().any(|kind| kind.stage == Some(stage)),
            "{stage}"
        );
    }
    assert!(
        kinds
            .iter()
            .all(|k| kind(&k.id) == Some(k) && !k.fields.is_empty())
    );
    assert_eq!(
        kind("candidate_publicity").and_then(|k| k.stage),
        Some(Stage::Process)
    );
    let found = (
        Stage::parse("成交"),
        kind(""),
        category("Construction"),
        method("公开招标"),
        event(""),
    );
    assert_eq!(found, (None, None, None, None, None));
}

#[test]
fn a_person_stands_in_a_class_of_its_own() {
    let all = Vocabulary::builtin();
    let of_kinds = all.kinds.iter().flat_map(|kind| &kind.fields);
    for field in of_kinds.chain(all.shapes.iter().flat_map(|shape| &shape.fields)) {
        let is_person = matches!(&field.kind, Type::Person)
            || matches!(&field.kind, Type::List(of) if **of == Type::Person);
        assert!(!is_person || field.class != Class::Public, "{}", field.name);
    }
}

#[track_caller]
fn refused(file: &str, expected: &str) {
    let error = Vocabulary::with_file(file.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(!error.zh().is_ascii());
}

#[test]
fn a_centres_file_adds_words_and_changes_none() {
    let field = |name: &str, kind: &str, need: &str| {
        format!(
            r#"{{"name":"{name}","type":"{kind}","need":"{need}","class":"public","zh":"绿色","en":"green","source":"本地办法 3"}}"#
        )
    };
    let kinds = |id: &str, more: &str, field: &str| {
        format!(r#"{{"kinds":[{{"id":"{id}"{more},"fields":[{field}]}}]}}"#)
    };
    let names = r#","stage":"award","zh":"成交确认","en":"deal""#;

    let more = kinds("contract", "", &field("green", "text", "warn"));
    let vocabulary = Vocabulary::with_file(more.as_bytes()).unwrap();
    let contract = vocabulary.kind("contract").unwrap();
    assert_eq!(contract.fields.last().unwrap().name, "green");
    assert_eq!(contract.zh, "合同公告");
    let new = kinds("deal", names, &field("green", "list of party", "error"));
    let vocabulary = Vocabulary::with_file(new.as_bytes()).unwrap();
    assert_eq!(vocabulary.kind("deal").unwrap().stage, Some(Stage::Award));

    let text = field("green", "text", "warn");
    refused(
        &kinds("contract", names, &text),
        r#"kinds: "contract" is there already"#,
    );
    refused(&kinds("deal", "", &text), "needs zh and en");
    refused(&kinds("Deal", names, &text), r#"kinds: "Deal" is no id"#);
    refused(
        &kinds("contract", "", &field("price", "text", "warn")),
        r#"kinds/contract: "price" is there already"#,
    );
    refused(
        &kinds("contract", "", &field("extra", "text", "warn")),
        r#"kinds/contract: "extra""#,
    );
    refused(
        &kinds("contract", "", &field("green", "text", "error")),
        r#"kinds/contract: "green" may be"#,
    );
    refused(
        &kinds("contract", "", &field("green", "list of tree", "warn")),
        r#"kinds/contract/green: nothing is called "tree""#,
    );
    refused(
        r#"{"events":[{"id":"lunch","zh":"午餐","en":"lunch"}]}"#,
        "events",
    );
    refused(r#"{"colours":[]}"#, "line 1 column");
    refused("[", "line 1 column");
}
