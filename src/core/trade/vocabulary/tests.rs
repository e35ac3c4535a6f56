//! The table compiled in, and what a centre's file may do.

use super::*;
use crate::lang::Bilingual;

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

/// The kinds, categories and sides that the law and the national directory ask for; a word that is lost here is lost for every centre.
#[test]
fn the_table_is_complete() {
    let all = Vocabulary::builtin();
    let by_stage = [
        (
            Some(Stage::Announcement),
            "plan_notice tender_notice prequalification_notice invitation single_source_notice transfer_notice pre_disclosure drug_catalogue clarification",
        ),
        (
            Some(Stage::Qualification),
            "qualification_result bidder_register",
        ),
        (
            Some(Stage::Process),
            "bid_register bid_opening bidding_log evaluation_report candidate_publicity objection objection_reply complaint_decision supervision_result",
        ),
        (
            Some(Stage::Award),
            "award_notice award_letter award_change written_report",
        ),
        (
            Some(Stage::Performance),
            "contract contract_change contract_termination acceptance delivery_handover payment performance_report breach",
        ),
        (
            None,
            "change_notice correction termination withholding_declaration",
        ),
    ];
    for (stage, kinds) in by_stage {
        let found: Vec<&str> = all
            .kinds
            .iter()
            .filter(|kind| kind.stage == stage)
            .map(|kind| &*kind.id)
            .collect();
        let wanted: Vec<&str> = kinds.split(' ').collect();
        assert_eq!(found, wanted);
    }
    let by_side = [
        (
            Side::Buy,
            "construction/01 gov-procurement/02 medical-drug/23 medical-device/23 vaccine/24 mech-elec-intl/90 ppp/90",
        ),
        (
            Side::Sell,
            "land-use-right/03 mineral-right/04 state-property/05 carbon-emission/21 pollutant-discharge/22 forest-right/25 energy-use-right/90 water-right/90 sea-area-use/90 rural-property/90 intangible-asset/90 judicial-disposal/90 admin-asset/90",
        ),
        (Side::Either, "other/90"),
    ];
    for (side, categories) in by_side {
        let mut found: Vec<String> = all
            .categories
            .iter()
            .filter(|row| row.side == side)
            .map(|row| format!("{}/{}", row.id, row.platform_code))
            .collect();
        let mut wanted: Vec<String> = categories.split(' ').map(str::to_owned).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
    }
    for category in &all.categories {
        let is_usual = |id: &String| {
            all.method(id)
                .is_some_and(|method| [category.side, Side::Either].contains(&method.side))
        };
        assert!(category.methods.iter().all(is_usual), "{}", category.id);
        assert!(
            !category.methods.is_empty() || category.id == "other",
            "{}",
            category.id
        );
    }
    for method in &all.methods {
        let word = &*method.ocds;
        assert_eq!(
            method.side == Side::Buy,
            ["open", "selective", "limited", "direct"].contains(&word),
            "{}",
            method.id
        );
    }
    let persons: Vec<&str> = all
        .categories
        .iter()
        .filter(|row| row.natural_persons)
        .map(|row| &*row.id)
        .collect();
    assert_eq!(
        persons,
        [
            "land-use-right",
            "forest-right",
            "rural-property",
            "judicial-disposal"
        ]
    );
}

/// What a ledger serves is read again as it was; and no ledger talks a client into showing what our table keeps back.
#[test]
fn served_words_add_and_never_weaken() {
    let all = Vocabulary::builtin();
    assert_eq!(&Vocabulary::with_served(&all.encode()).unwrap(), all);
    let file = r#"{"categories":[{"id":"data-asset","side":"sell","platform_code":"90","zh":"数据资产","en":"data assets"}]}"#;
    let own = Vocabulary::with_file(file.as_bytes()).unwrap();
    assert_eq!(Vocabulary::with_served(&own.encode()).unwrap(), own);
    let weak = String::from_utf8(all.encode()).unwrap();
    let weak = weak
        .replace(r#""class":"person""#, r#""class":"public""#)
        .replace(r#""class":"privacy""#, r#""class":"public""#);
    assert_eq!(&Vocabulary::with_served(weak.as_bytes()).unwrap(), all);
    assert!(Vocabulary::with_served(b"{").is_err());
    assert!(Vocabulary::with_served(&vec![b' '; file::SERVED_BYTES_MAX + 1]).is_err());
}

#[test]
fn several_files_stand_one_on_the_other_and_an_error_has_its_line() {
    let one = r#"{"methods":[{"id":"raffle","side":"sell","zh":"摇号","en":"raffle"}]}"#;
    let two = "{\"categories\":[\n{\"id\":\"stall\",\"side\":\"sell\",\"platform_code\":\"90\",\"zh\":\"摊位\",\"en\":\"stalls\",\"methods\":[\"raffle\"]}]}";
    let both = Vocabulary::with_files(&[one.as_bytes(), two.as_bytes()]).unwrap();
    assert!(both.method("raffle").is_some() && both.category("stall").is_some());
    let (at, error) = Vocabulary::with_files(&[two.as_bytes(), one.as_bytes()]).unwrap_err();
    assert_eq!((at, error.line(two.as_bytes())), (0, Some(2)), "{error}");
    let (at, error) = Vocabulary::with_files(&[one.as_bytes(), one.as_bytes()]).unwrap_err();
    assert_eq!((at, error.line(one.as_bytes())), (1, Some(1)), "{error}");
    let bad = "{\n\"kinds\": [\n}\n";
    let (_, error) = Vocabulary::with_files(&[bad.as_bytes()]).unwrap_err();
    assert_eq!(error.line(bad.as_bytes()), Some(3), "{error}");
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

/// Danger: a ledger aborts its centre's client, or keeps it busy for minutes, with the words that it serves.
#[test]
fn words_without_bounds_are_refused_by_name_in_linear_time() {
    let field = |kind: &str| {
        format!(
            r#"{{"common":[{{"name":"own_x","type":"{kind}","need":"optional","class":"public","zh":"例","en":"x","source":"x"}}]}}"#
        )
    };
    #[track_caller]
    fn refused(file: &str, words: &str) {
        let served = Vocabulary::with_served(file.as_bytes()).unwrap_err();
        assert!(served.to_string().contains(words), "{served}");
        if file.len() <= super::file::FILE_BYTES_MAX {
            let own = Vocabulary::with_file(file.as_bytes()).unwrap_err();
            assert!(own.to_string().contains(words), "{own}");
            assert!(!own.zh().is_ascii());
        }
    }
    assert!(Vocabulary::with_served(field("list of list of text").as_bytes()).is_ok());
    for lists in [5, 1_000, 900_000] {
        let words = format!("{lists} levels");
        refused(&field(&("list of ".repeat(lists) + "text")), &words);
    }
    refused(&field(&"x".repeat(1_001)), "1001 bytes");
    refused(
        &field("text").replace('例', "例\\u001b[2J"),
        "control character",
    );
    refused(&field("text").replace('例', "例\\n✔"), "control character");
    let kinds: Vec<String> = (0..128_000)
        .map(|n| format!(r#"{{"id":"k{n}","zh":"例","en":"x","fields":[]}}"#))
        .collect();
    let many = |n: usize| format!(r#"{{"kinds":[{}]}}"#, kinds[..n].join(","));
    refused(&many(128_000), "128000 kinds");
    assert!(Vocabulary::with_served(many(19_000).as_bytes()).is_ok());
    refused(&"[".repeat(100_000), "not a file of words");
}
