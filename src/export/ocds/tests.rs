use super::*;
use crate::trade::statement::sign_statement;
use crate::trade::testing::{centre, trade_text};
use crate::trade::time::Time;

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
    assert_eq!(
        award["value"],
        json!({"amount": 17936800.5, "currency": "CNY"})
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
