//! A commitment is bound to its field, and openings are bounded before they are believed.

use super::*;
use crate::trade::json;
use crate::trade::testing::*;

fn opening(value: &str) -> Opening {
    Opening {
        salt: [7; 32],
        value: value.to_owned(),
    }
}

/// A statement with commitments to the given values at /details/people/N.
fn statement(values: &[&str]) -> Statement {
    let commitments: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let pointer = format!("/details/people/{i}");
            let place = Place {
                ledger: LEDGER,
                publisher: "ggzy.shaoshan.example",
                project: "SS-1",
                pointer: &pointer,
            };
            format!(
                r#"{{"commitment":"{}","class":"person"}}"#,
                opening(value).commit(&place)
            )
        })
        .collect();
    trade(
        "SS-1",
        None,
        &format!(
            r#","details":{{"people":[{}],"clear":"x"}}"#,
            commitments.join(",")
        ),
    )
}

#[test]
fn a_commitment_is_the_hash_of_seven_lines() {
    let place = Place {
        ledger: "a",
        publisher: "b",
        project: "c",
        pointer: "/d",
    };
    let lines = format!(
        "mingzhang-commitment-v1\na\nb\nc\n/d\n{}\n张\n三",
        "07".repeat(32)
    );
    assert_eq!(
        opening("张\n三").commit(&place),
        Hash::sha256(lines.as_bytes())
    );
    let other = Opening {
        salt: [8; 32],
        ..opening("张\n三")
    };
    assert!(!other.opens(&place, &opening("张\n三").commit(&place)));
    for elsewhere in [
        Place {
            ledger: "x",
            ..place
        },
        Place {
            publisher: "x",
            ..place
        },
        Place {
            project: "x",
            ..place
        },
        Place {
            pointer: "/x",
            ..place
        },
    ] {
        assert!(!opening("张三").opens(&elsewhere, &opening("张三").commit(&place)));
    }
}

#[test]
fn openings_must_fit_commitments_that_are_there() {
    let two = statement(&["张三", "李四"]);
    let check = |pairs: &[(&str, &str)], expected: Result<(), &str>| {
        let mut openings = Openings::default();
        for (pointer, value) in pairs {
            openings
                .insert((*pointer).to_owned(), opening(value))
                .unwrap();
        }
        let got = openings.check(&two).map_err(|error| error.to_string());
        match expected {
            Ok(()) => assert_eq!(got, Ok(())),
            Err(words) => assert!(got.clone().is_err_and(|e| e.contains(words)), "{got:?}"),
        }
    };
    check(&[], Ok(()));
    check(&[("/details/people/0", "张三")], Ok(())); // the other stays withheld
    check(
        &[("/details/people/0", "张三"), ("/details/people/1", "李四")],
        Ok(()),
    );
    check(&[("/details/people/0", "李四")], Err("commits to"));
    check(&[("/details/people/1", "张三")], Err("commits to"));
    check(
        &[("/details/people/0", "张三"), ("/details/people/2", "张三")],
        Err("no commitment"),
    );
    check(&[("/details/people/00", "张三")], Err("no commitment"));
    check(&[("/details/clear", "x")], Err("no commitment"));
    check(
        &[("/details/people/0/commitment", "x")],
        Err("no commitment"),
    );
    check(&[("", "x")], Err("no commitment"));
    let mut openings = Openings::default();
    openings.insert("/x".to_owned(), opening("x")).unwrap();
    assert!(openings.check(&genesis()).is_err());
}

#[test]
fn commitments_are_found_where_they_stand() {
    let statement = statement(&["张三", "李四"]);
    let found = find(&statement.value());
    let pointers: Vec<&str> = found.iter().map(|c| c.pointer.as_str()).collect();
    assert_eq!(pointers, ["/details/people/0", "/details/people/1"]);
    assert!(found.iter().all(|c| c.class == Class::Person));
    let hash = "0a".repeat(32);
    let check = |object: String, is_one: bool| {
        let line = format!(r#"{{"details":{object}}}"#);
        let value = json::parse(line.as_bytes()).unwrap();
        assert_eq!(find(&value).len(), usize::from(is_one), "{line}");
    };
    for class in ["person", "privacy", "trade_secret", "not_yet"] {
        check(
            format!(r#"{{"commitment":"{hash}","class":"{class}"}}"#),
            true,
        );
    }
    check(
        format!(r#"{{"class":"person","commitment":"{hash}"}}"#),
        true,
    );
    check(
        format!(r#"{{"commitment":"{hash}","class":"secret"}}"#),
        false,
    );
    check(
        format!(
            r#"{{"commitment":"{}","class":"person"}}"#,
            hash.to_uppercase()
        ),
        false,
    );
    check(
        format!(r#"{{"commitment":"{hash}","class":"person","salt":"x"}}"#),
        false,
    );
    check(format!(r#"{{"commitment":"{hash}"}}"#), false);
    check(r#"{"commitment":null,"class":"person"}"#.to_owned(), false);
}

#[track_caller]
fn check_json(json: &str, expected: Result<usize, &str>) {
    let got = Openings::parse(json.as_bytes());
    match expected {
        Ok(count) => assert_eq!(got.map(|openings| openings.len()), Ok(count)),
        Err(words) => assert!(
            got.as_ref().is_err_and(|e| e.to_string().contains(words)),
            "{got:?}"
        ),
    }
}

#[test]
fn the_json_of_openings_is_bounded_and_says_each_thing_once() {
    let salt = "07".repeat(32);
    let one = |pointer: &str, value: &str| {
        format!(r#""{pointer}":{{"salt":"{salt}","value":"{value}"}}"#)
    };
    let many = |count: usize| {
        let all: Vec<String> = (0..count)
            .map(|i| one(&format!("/details/{i}"), "x"))
            .collect();
        format!("{{{}}}", all.join(","))
    };
    check_json("{}", Ok(0));
    check_json(&format!("{{\n {} \n}}", one("/details/a", "张三")), Ok(1)); // not signed: spaces do not matter
    check_json(&many(OPENINGS_MAX), Ok(OPENINGS_MAX));
    check_json(&many(OPENINGS_MAX + 1), Err("more than 512"));
    check_json(
        &format!("{{{}}}", one("/a", &"x".repeat(VALUE_BYTES_MAX))),
        Ok(1),
    );
    check_json(
        &format!("{{{}}}", one("/a", &"x".repeat(VALUE_BYTES_MAX + 1))),
        Err("4097 bytes"),
    );
    check_json(
        &format!("{{{}}}", one(&"/a".repeat(600), "x")),
        Err("1200 bytes"),
    );
    check_json(
        &format!("{{{},{}}}", one("/a", "x"), one("/a", "y")),
        Err("twice"),
    );
    check_json(
        &format!("{{{}}}", one("/a", "x")).replace("07", "0g"),
        Err("64 lower-case"),
    );
    check_json(
        &format!("{{{}}}", one("/a", "x")).replace("0707", "07"),
        Err("64 lower-case"),
    );
    check_json(
        &format!("{{{}}}", one("/a", "x")).replace("value", "text"),
        Err("unknown field"),
    );
    check_json(r#"{"/a":{"salt":"00"}}"#, Err("missing field"));
    check_json("[]", Err("openings are not"));
    check_json("{} {}", Err("trailing"));
    check_json("", Err("openings are not"));
}

#[test]
fn openings_are_erased_and_never_logged() {
    let mut openings = Openings::default();
    openings.insert("/a".to_owned(), opening("张三")).unwrap();
    assert_eq!(Openings::parse(&openings.encode()), Ok(openings.clone()));
    let shown = format!("{openings:?}");
    assert!(
        !shown.contains("张三") && !shown.contains("0707") && !shown.contains("7, 7"),
        "{shown}"
    );
    assert_eq!(openings.remove("/a"), Some(opening("张三")));
    assert!(openings.is_empty());
}
