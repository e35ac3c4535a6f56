//! What the door says of `details`: golden examples of every kind, and one problem a row.

use super::*;
use crate::trade::statement::{Draft, sign_statement};
use crate::trade::testing::*;
use crate::trade::vocabulary::Vocabulary;

fn problems_of(draft: &str) -> Vec<Problem> {
    let mut draft = Draft::parse(draft.as_bytes()).unwrap();
    draft.fill(LEDGER, centre().name(), None).unwrap();
    super::check(&sign_statement(&draft.text().unwrap(), &[&centre()]).unwrap())
}

#[test]
fn every_kind_has_an_example_that_the_door_has_nothing_to_say_of() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/kinds");
    for kind in &Vocabulary::builtin().kinds {
        let path = folder.join(format!("{}.json", kind.id));
        let text = std::fs::read_to_string(&path).expect("an example of the kind");
        let line = text.trim_end();
        assert!(!line.contains('\n'), "{}", kind.id);
        assert!(
            line.contains(&format!("\"kind\":\"{}\"", kind.id)),
            "{}",
            kind.id
        );
        assert_eq!(problems_of(line), [], "{}", kind.id);
    }
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, Vocabulary::builtin().kinds.len());
}

/// The demonstration, each `$commit` of its drafts replaced as `post` would.
#[test]
fn the_demonstration_has_no_problem() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let drafts = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let drafts: Vec<String> = drafts
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(drafts.len() > 10);
    for line in drafts.iter().flat_map(|drafts| drafts.lines()) {
        let mut parts = line.split(r#"{"$commit":{"class":"#);
        let mut text = parts.next().unwrap().to_owned();
        for (i, part) in parts.enumerate() {
            let (class, rest) = part.split_once(',').unwrap();
            let (_, rest) = rest.split_once("}}").unwrap();
            text += &format!(r#"{{"commitment":"{i:064x}","class":{class}}}{rest}"#);
        }
        for number in 1..=14 {
            text = text.replace(&format!("\"${number}\""), &format!("\"{number:064x}\""));
        }
        assert_eq!(problems_of(&text), [], "{line}");
    }
}

/// The problems of a statement of `kind` with these details: code and pointer, and `!` if it is refused for it.
#[track_caller]
fn check_in(stage: &str, kind: &str, category: &str, details: &str, expected: &[&str]) {
    let text = trade_text("SS-1", None, &format!(",\"details\":{details}"))
        .replace("\"award\"", &format!("\"{stage}\""))
        .replace("award_notice", kind)
        .replace("construction", category);
    let problems = super::check(&sign_statement(&text, &[&centre()]).unwrap());
    let told: Vec<String> = problems
        .iter()
        .map(|p| {
            let mark = if p.severity == Severity::Error {
                " !"
            } else {
                ""
            };
            format!("{} {}{mark}", p.code, p.pointer)
        })
        .collect();
    assert_eq!(told, expected, "{problems:#?}");
    assert!(
        problems
            .iter()
            .all(|p| !p.zh.is_ascii() && !p.en.is_empty())
    );
}

#[track_caller]
fn award(details: &str, expected: &[&str]) {
    check_in("award", "award_notice", "construction", details, expected);
}

const WINNER: &str = r#""winner":{"name":"湘潭甲川建设有限公司"}"#;

#[test]
fn fields_by_need_type_and_name() {
    let price = r#""price":{"form":"amount","amount":"1.00","currency":"CNY"}"#;
    award(&format!("{{{WINNER},{price}}}"), &[]);
    award(
        "{}",
        &[
            "field_missing /details/winner",
            "field_missing /details/price",
        ],
    );
    award("{\"awards\":[]}", &[]); // which stands for both
    award(
        "{\"awards\":[{}]}",
        &[
            "field_missing /details/awards/0/winner !",
            "field_missing /details/awards/0/price",
        ],
    );
    award(
        &format!("{{\"awards\":[{{\"winner\":\"甲\",{price}}}]}}"),
        &["field_mistyped /details/awards/0/winner !"],
    );
    award("{\"awards\":{}}", &["field_mistyped /details/awards"]);
    award(
        "{\"awards\":[],\"winer\":1}",
        &["field_unknown /details/winer"],
    );
    award("{\"awards\":[],\"extra\":{\"winer\":1}}", &[]);
    award(
        "{\"awards\":[],\"buyer\":{\"name\":\"甲局\",\"city\":\"湘潭\"}}",
        &["field_unknown /details/buyer/city"],
    );
    award(
        "{\"awards\":[],\"duration\":\" \"}",
        &["text_empty /details/duration"],
    );
    award(
        "{\"awards\":[],\"duration\":150}",
        &["field_mistyped /details/duration"],
    );
    let plan = |details: &str, expected: &[&str]| {
        let details = format!("{{\"buyer\":{{\"name\":\"甲局\"}},\"need\":\"办公\",{details}}}");
        check_in(
            "announcement",
            "plan_notice",
            "gov-procurement",
            &details,
            expected,
        );
    };
    plan("\"expected_month\":\"2026-11\"", &[]);
    plan(
        "\"expected_month\":\"2026-13\"",
        &["field_mistyped /details/expected_month"],
    );
    plan(
        "\"parcels\":[{\"id\":\"1\",\"area\":12}]",
        &["field_mistyped /details/parcels/0/area"],
    );
    check_in(
        "performance",
        "delivery_handover",
        "carbon-emission",
        "{\"what\":\"配额\",\"delivered_on\":\"2026-02-30\"}",
        &["field_mistyped /details/delivered_on"],
    );
    check_in(
        "process",
        "festival",
        "construction",
        "{\"a\":1}",
        &["kind_unknown /kind"],
    );
}

#[test]
fn prices_by_form() {
    let check = |price: &str, expected: &[&str]| {
        award(&format!("{{{WINNER},\"price\":{price}}}"), expected);
    };
    check(r#"{"form":"rate","rate":"1.62"}"#, &[]);
    check(
        r#"{"form":"unit_price","amount":"0.85","currency":"CNY"}"#,
        &[],
    );
    check(r#"{"form":"other","text":"按收费标准下浮"}"#, &[]);
    check(r#"{"form":"free"}"#, &["price_form /details/price/form"]);
    check("{}", &["price_form /details/price/form"]);
    check(
        r#"{"form":"rate"}"#,
        &["price_incomplete /details/price/rate"],
    );
    check(
        r#"{"form":"rate","rate":"5%"}"#,
        &["price_number /details/price/rate"],
    );
    check(
        r#"{"form":"amount","text":"一百元"}"#,
        &["price_incomplete /details/price/amount"],
    );
    check(
        r#"{"form":"amount","amount":"0.00","currency":"CNY"}"#,
        &["amount_zero /details/price/amount"],
    );
    check(
        r#"{"form":"amount","amount":"1"}"#,
        &["price_currency /details/price/currency"],
    );
    check("\"100\"", &["field_mistyped /details/price"]);
}

#[test]
fn parties_that_are_or_may_be_persons() {
    let check = |category: &str, party: &str, expected: &[&str]| {
        let details =
            format!("{{\"winner\":{party},\"price\":{{\"form\":\"rate\",\"rate\":\"1\"}}}}");
        check_in("award", "award_notice", category, &details, expected);
    };
    // Persons take part everywhere; where they seldom do, the form of the name decides.
    check(
        "construction",
        r#"{"name":"张示例"}"#,
        &["party_may_be_person /details/winner/name"],
    );
    check("construction", r#"{"name":"某建设有限公司"}"#, &[]);
    check(
        "forest-right",
        r#"{"name":"张示例"}"#,
        &["party_may_be_person /details/winner/name"],
    );
    check(
        "forest-right",
        r#"{"name":"甲林场","uscc":"12500000745322928L"}"#,
        &[],
    );
    check(
        "forest-right",
        r#"{"name":"中标"}"#,
        &[
            "party_may_be_person /details/winner/name",
            "title_names_person /title",
        ],
    );
    check(
        "construction",
        r#"{"name":"张示例商店","uscc":"92350111570987820W"}"#,
        &[
            "code_check /details/winner/uscc",
            "party_is_person /details/winner/name",
        ],
    );
    check("construction", "{}", &["party_name /details/winner/name"]);
    let hidden = format!(r#"{{"commitment":"{}","class":"person"}}"#, "0a".repeat(32));
    check("forest-right", &hidden, &[]);
    check("forest-right", &format!("{{\"name\":{hidden}}}"), &[]);
}

#[test]
fn what_is_not_public_in_the_clear() {
    award(
        "{\"awards\":[],\"project_manager\":\"张示例\",\"experts\":[\"李示例\"]}",
        &[
            "person_in_clear /details/project_manager",
            "person_in_clear /details/experts",
        ],
    );
    check_in(
        "process",
        "evaluation_report",
        "construction",
        r#"{"summary":"综合评估法","scores":[{"party":{"name":"甲"},"score":"91.20"}],"committee":["张示例"]}"#,
        &[
            "withheld_in_clear /details/scores",
            "withheld_in_clear /details/committee",
        ],
    );
    check_in(
        "performance",
        "breach",
        "rural-property",
        r#"{"subject":{"name":"张示例"},"facts":"逾期未缴"}"#,
        &[
            "privacy_in_clear /details/subject",
            "privacy_in_clear /details/facts",
        ],
    );
    check_in(
        "process",
        "complaint_decision",
        "construction",
        r#"{"number":"湘财采决〔2026〕1号","outcome":"no","facts":"甲"}"#,
        &[
            "code_unknown /details/outcome",
            "privacy_in_clear /details/facts",
        ],
    );
}

#[test]
fn a_statement_without_details_is_flagged_once() {
    let problems = super::check(&trade("SS-1", None, ""));
    let codes: Vec<_> = problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["details_missing"]);
}

#[test]
fn lots_of_details_are_lots_of_the_header() {
    let text = trade_text(
        "SS-1",
        None,
        r#","lots":["1"],"details":{"awards":[{"lot":"2","winner":{"name":"甲公司"},"price":{"form":"rate","rate":"1"}}]}"#,
    );
    let problems = super::check(&sign_statement(&text, &[&centre()]).unwrap());
    assert_eq!((problems.len(), problems[0].code), (1, "lot_not_named"));
}

#[test]
fn a_centres_words_count_at_its_own_door() {
    let file = r#"{"kinds":[{"id":"deal","stage":"award","zh":"成交确认","en":"deal","fields":[
        {"name":"hall","type":"text","need":"error","class":"public","zh":"交易厅","en":"hall","source":"本地办法 3"}]}]}"#;
    let words = Vocabulary::with_file(file.as_bytes()).unwrap();
    let text = trade_text("SS-1", None, ",\"details\":{}").replace("award_notice", "deal");
    let statement = sign_statement(&text, &[&centre()]).unwrap();
    assert_eq!(super::check(&statement)[0].code, "kind_unknown");
    let problems = super::check_with(&statement, &words);
    assert_eq!(
        (problems[0].code, refuses(&problems)),
        ("field_missing", true)
    );
}
