use super::*;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Signer;
use crate::trade::statement::sign_statement;
use crate::trade::time::Time;

fn centre() -> Signer {
    Signer::from_seed("ggzy.shaoshan.example", &[0x21; 32]).unwrap()
}

fn trade_text(project: &str, follows: Option<Hash>, more: &str) -> String {
    let follows = follows.map_or("null".to_owned(), |id| format!("\"{id}\""));
    format!(
        r#"{{"type":"trade","v":1,"ledger":"log.example/2026","publisher":"ggzy.shaoshan.example","follows":{follows},"project":"{project}","stage":"award","kind":"award_notice","category":"construction","title":"中标结果公告","region":"430382","issued":"2026-11-23T09:00:00+08:00"{more}}}"#
    ) + "\n"
}

fn source(index: u64, text: &str) -> Source {
    Source {
        index,
        time: Time::MIN,
        statement: sign_statement(text, &[&centre()]).unwrap(),
    }
}

fn options() -> Options {
    Options::new(PREFIX_EXAMPLE, "https://ledger.example").unwrap()
}

const AWARD: &str = r#","details":{"winner":{"name":"某建设有限公司"},"price":{"form":"amount","amount":"17936800.50","currency":"CNY"}}"#;

#[test]
fn a_sale_is_never_a_purchase() {
    let text = trade_text("SS-1", None, AWARD);
    let check = |category: &str, reason: Option<Reason>| {
        let text = text.replace("\"construction\"", &format!("\"{category}\""));
        let (made, left) = releases(&[source(2, &text)], &options());
        assert_eq!(left.first().map(|left| left.reason), reason, "{category}");
        assert_eq!(made.len(), usize::from(reason.is_none()), "{category}");
    };
    check("construction", None);
    check("gov-procurement", None);
    check("land-use-right", Some(Reason::Sale));
    check("carbon-emission", Some(Reason::Sale));
    check("forest-right", Some(Reason::Sale));
    check("other", Some(Reason::MaybeSale));
    check("something-new", Some(Reason::MaybeSale));
}

#[test]
fn an_award_has_its_supplier_and_value_and_no_commitment() {
    let text = trade_text("SS-1", None, AWARD);
    let (made, _) = releases(&[source(2, &text)], &options());
    let award = &made[0]["awards"][0];
    // As the notice wrote it, its last zero too.
    assert_eq!(
        super::imported::exact(&award["value"].to_string()),
        r#"{"amount":17936800.50,"currency":"CNY"}"#
    );
    assert_eq!(award["suppliers"][0]["id"], made[0]["parties"][0]["id"]);
    assert_eq!(made[0]["parties"][0]["roles"], json!(["supplier"]));
    let hidden = format!(
        r#"{{"commitment":"{}","class":"trade_secret"}}"#,
        "0a".repeat(32)
    );
    let text = text.replace(
        r#"{"form":"amount","amount":"17936800.50","currency":"CNY"}"#,
        &hidden,
    );
    let (made, _) = releases(&[source(2, &text)], &options());
    assert!(!made[0].to_string().contains("0a0a") && made[0]["awards"][0]["value"].is_null());
}

/// A chain of records of one project, each of a stage and kind with these other members.
fn project(said: &[(&str, &str, &str)]) -> Vec<Source> {
    let mut made: Vec<Source> = Vec::new();
    for (index, (stage, kind, more)) in (2..).zip(said) {
        let follows = made.last().map(|last| last.statement.id());
        let mut more = (*more).to_owned();
        for (at, one) in made.iter().enumerate() {
            more = more.replace(&format!("${{{at}}}"), &one.statement.id().to_string());
        }
        let text = trade_text("SS-1", follows, &more);
        let text = text.replace("\"stage\":\"award\"", &format!("\"stage\":\"{stage}\""));
        let text = text.replace("\"kind\":\"award_notice\"", &format!("\"kind\":\"{kind}\""));
        assert!(text.contains(kind) && text.contains(stage), "{text}");
        made.push(source(index, &text));
    }
    made
}

const FIRST: &str = r#","lots":["1"],"details":{"winner":{"name":"甲公司"},"price":{"form":"amount","amount":"100","currency":"CNY"}}"#;

#[test]
fn a_winner_who_is_replaced_is_cancelled_and_contracts_name_the_one_who_stands() {
    let all = project(&[
        ("award", "award_notice", FIRST),
        (
            "award",
            "award_change",
            r#","lots":["1"],"details":{"reason":"放弃","former":{"name":"甲公司"},"replacement":{"name":"乙公司"},"price":{"form":"amount","amount":"110","currency":"CNY"}}"#,
        ),
        (
            "performance",
            "contract",
            r#","lots":["1"],"details":{"number":"HT-1","supplier":{"name":"乙公司"}}"#,
        ),
        (
            "award",
            "award_change",
            r#","lots":["1"],"details":{"reason":"取消"}"#,
        ),
    ]);
    let (made, _) = releases(&all, &options());
    let told = |at: usize| -> Vec<(String, String)> {
        let awards = made[at]["awards"].as_array().unwrap();
        awards
            .iter()
            .map(|one| {
                (
                    one["id"].as_str().unwrap().to_owned(),
                    one["status"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    };
    let second = format!("SS-1-1-{}", &all[1].statement.id().to_string()[..8]);
    let pair = |id: &str, status: &str| (id.to_owned(), status.to_owned());
    assert_eq!(told(0), [pair("SS-1-1", "active")]);
    assert_eq!(
        told(1),
        [pair("SS-1-1", "cancelled"), pair(&second, "active")]
    );
    assert_eq!(
        (&made[1]["tag"], &made[1]["awards"][1]["value"]["amount"]),
        (&json!(["awardUpdate"]), &json!(110))
    );
    assert_eq!(made[2]["contracts"][0]["awardID"], second);
    assert_eq!(told(3), [pair(&second, "cancelled")]);
    assert_eq!(made[3]["tag"], json!(["awardCancellation"]));
    // In the compiled release each winner stands with his own award, and none with both suppliers.
    let compiled = merge::compile(&made).unwrap();
    let suppliers: Vec<usize> = compiled["awards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["suppliers"].as_array().unwrap().len())
        .collect();
    assert_eq!(suppliers, [1, 1]);
}

#[test]
fn an_award_that_is_withdrawn_or_corrected_to_another_winner_is_cancelled() {
    let withdraw =
        r#","amends":{"statement":"${0}","effect":"withdraw"},"details":{"cause":"withdrawn"}"#;
    let all = project(&[
        ("award", "award_notice", FIRST),
        ("award", "termination", withdraw),
    ]);
    let (made, _) = releases(&all, &options());
    assert_eq!(
        (&made[1]["awards"][0]["id"], &made[1]["awards"][0]["status"]),
        (&json!("SS-1-1"), &json!("cancelled"))
    );
    let correct =
        FIRST.replace("甲公司", "丙公司") + r#","amends":{"statement":"${0}","effect":"correct"}"#;
    let all = project(&[
        ("award", "award_notice", FIRST),
        ("award", "award_notice", &correct),
    ]);
    let (made, _) = releases(&all, &options());
    assert_eq!(made[1]["awards"][0]["status"], "cancelled");
    assert_eq!(made[1]["awards"][1]["suppliers"][0]["name"], "丙公司");
    // A correction that keeps the winner keeps the award.
    let same = FIRST.replace("100", "99") + r#","amends":{"statement":"${0}","effect":"correct"}"#;
    let all = project(&[
        ("award", "award_notice", FIRST),
        ("award", "award_notice", &same),
    ]);
    let (made, _) = releases(&all, &options());
    assert_eq!(made[1]["awards"].as_array().unwrap().len(), 1);
    assert_eq!(made[1]["awards"][0]["value"]["amount"], 99);
}

#[test]
fn lots_bids_enquiries_and_what_is_withheld_stand_in_the_extensions_or_nowhere() {
    let hidden = format!(
        r#"{{"commitment":"{}","class":"trade_secret"}}"#,
        "0a".repeat(32)
    );
    let objection = format!(r#","details":{{"author_role":"bidder","matter":{hidden}}}"#);
    let all = project(&[
        (
            "announcement",
            "tender_notice",
            r#","details":{"lots":[{"lot":"1","name":"一标段","price_limit":{"form":"amount","amount":"500","currency":"CNY"}}]}"#,
        ),
        (
            "process",
            "bid_opening",
            r#","lots":["1"],"details":{"bids":[{"party":{"name":"甲公司"},"price":{"form":"amount","amount":"450","currency":"CNY"},"received_at":"2026-12-19T16:12:00+08:00"},{"party":{"name":"乙公司"},"decrypted":false}]}"#,
        ),
        (
            "process",
            "candidate_publicity",
            r#","lots":["1"],"details":{"candidates":[{"rank":1,"party":{"name":"甲公司"}}]}"#,
        ),
        ("process", "objection", &objection),
        (
            "process",
            "objection_reply",
            r#","amends":{"statement":"${3}","effect":"correct"},"details":{"outcome":"rejected"}"#,
        ),
        (
            "announcement",
            "termination",
            r#","lots":["1"],"details":{"cause":"failed"}"#,
        ),
    ]);
    let (made, _) = releases(&all, &options());
    let compiled = merge::compile(&made).unwrap();
    assert_eq!(
        compiled["tender"]["lots"],
        json!([{"id": "1", "status": "unsuccessful", "title": "一标段", "value": {"amount": 500, "currency": "CNY"}}])
    );
    // Of one lot that fails the tender goes on.
    assert_eq!(compiled["tender"]["status"], "active");
    let bids = compiled["bids"]["details"].as_array().unwrap();
    assert_eq!(bids.len(), 2);
    assert_eq!(
        (
            &bids[0]["status"],
            &bids[0]["rank"],
            &bids[0]["value"]["amount"]
        ),
        (&json!("valid"), &json!(1), &json!(450))
    );
    assert_eq!(bids[1]["status"], "withdrawn");
    assert_eq!(compiled["bids"]["statistics"][0]["value"], 2);
    let enquiries = compiled["tender"]["enquiries"].as_array().unwrap();
    assert_eq!(
        (enquiries.len(), &enquiries[0]["answer"]),
        (1, &json!("rejected"))
    );
    let withheld = &compiled["withheldInformation"][0];
    assert_eq!(withheld["name"], "/details/matter");
    assert!(!compiled.to_string().contains("0a0a"));

    let (made, _) = releases(&all, &options().with_extensions(Extensions::None));
    let core = merge::compile(&made).unwrap().to_string();
    for name in [
        "\"lots\"",
        "\"bids\"",
        "enquiries",
        "withheldInformation",
        "relatedLots",
    ] {
        assert!(!core.contains(name), "{name}");
    }
    assert!(Extensions::None.urls().is_empty());
    assert_eq!(
        Extensions::At("http://127.0.0.1:1".to_owned()).urls()[1],
        "http://127.0.0.1:1/bids/extension.json"
    );
    for (word, wanted) in [
        ("", true),
        ("none", true),
        ("registry", true),
        ("https://x.example/", true),
        ("file:///x", false),
        ("x", false),
    ] {
        assert_eq!(Extensions::parse(word).is_some(), wanted, "{word}");
    }
}

#[test]
fn a_prefix_is_six_of_a_to_z_and_digits() {
    for good in ["ocds-213czf", "ocds-abcdef", "ocds-000000"] {
        assert!(Options::new(good, "").is_ok(), "{good}");
    }
    for bad in [
        "",
        "ocds-",
        "ocds-213cz",
        "ocds-213czfg",
        "ocds-213CZF",
        "213czf",
    ] {
        assert!(Options::new(bad, "").is_err(), "{bad}");
    }
}

#[test]
fn later_releases_take_earlier_ones_places_by_id() {
    let release = |date: &str, more: Value| {
        let mut made =
            json!({"ocid": "ocds-213czf-1", "id": date, "date": date, "tag": ["tender"]});
        for (name, value) in more.as_object().unwrap() {
            made[name] = value.clone();
        }
        made
    };
    let compiled = merge::compile(&[
        release(
            "2",
            json!({"tender": {"id": "1", "status": "cancelled", "title": null}, "awards": [{"id": "b"}]}),
        ),
        release(
            "1",
            json!({"tender": {"id": "1", "status": "active", "title": "x"}, "awards": [{"id": "a", "x": [1, 2]}, {"id": "b", "y": 1}]}),
        ),
        release("3", json!({"awards": [{"id": "a", "x": [3]}]})),
    ]);
    assert_eq!(
        compiled.unwrap(),
        json!({"tag": ["compiled"], "id": "ocds-213czf-1-3", "date": "3", "ocid": "ocds-213czf-1",
            "tender": {"id": "1", "status": "cancelled"},
            "awards": [{"id": "a", "x": [3]}, {"id": "b", "y": 1}]})
    );
    assert_eq!(merge::compile(&[]), None);
}

/// What ocdsmerge 0.8.0 makes of the same releases.
#[test]
fn nulls_and_empty_members_merge_as_others_merge_them() {
    let check = |releases: &[Value], expected: Value| {
        let dated = releases.iter().enumerate().map(|(at, members)| {
            let mut release = json!({"ocid": "o", "id": at.to_string(), "date": at.to_string(), "tag": ["tender"]});
            let members = members.as_object().unwrap().clone();
            release.as_object_mut().unwrap().extend(members);
            release
        });
        let mut compiled = merge::compile(&dated.collect::<Vec<_>>()).unwrap();
        for name in ["ocid", "id", "date", "tag"] {
            compiled.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(compiled, expected, "{releases:?}");
    };
    let (a, null) = (json!({"x": {"n": "a"}}), json!({"x": {"n": null}}));
    check(std::slice::from_ref(&null), json!({"x": {}}));
    check(&[json!({"x": {"y": {}}})], json!({}));
    check(&[json!({"x": {}})], json!({}));
    check(&[a.clone(), null], json!({"x": {}}));
    check(&[a.clone(), json!({"x": null})], a.clone());
    check(&[json!({"x": null}), a.clone()], a);
    check(&[json!({"x": "a"}), json!({"x": null})], json!({}));
    let party = |c: Value| json!({"parties": [{"id": "1", "c": c}]});
    check(&[party(json!({"n": null}))], party(json!({})));
    check(
        &[party(json!({"n": "k"})), party(json!({"n": null}))],
        party(json!({})),
    );
    check(&[party(json!({"d": {"n": null}}))], party(json!({"d": {}})));
    check(&[json!({"parties": [{}]})], json!({}));
}
