//! What the JSON door takes and what it refuses.

use super::*;
use crate::lang::Bilingual;
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

/// The pointer and rule of a refusal, or the value encoded.
#[track_caller]
fn check(line: impl AsRef<[u8]>, expected: Result<&str, (&str, Rule)>) {
    let got = parse(line.as_ref());
    let got = got
        .as_ref()
        .map(encode)
        .map_err(|e| (e.pointer.as_str(), e.rule));
    let shown = String::from_utf8_lossy(line.as_ref()).into_owned();
    assert_eq!(
        got.as_deref().map_err(Clone::clone),
        expected,
        "line {shown:?}"
    );
}

#[test]
fn lines_in_the_grammar_are_read_as_written() {
    check("{}", Ok("{}"));
    check("{ }", Ok("{}"));
    check(r#"{ "a" : 1 , "b" : [ ] }"#, Ok(r#"{"a":1,"b":[]}"#));
    check(
        r#"{"a":[1,[2,{"b":null}],true,false]}"#,
        Ok(r#"{"a":[1,[2,{"b":null}],true,false]}"#),
    );
    check(r#"{"a_1":0}"#, Ok(r#"{"a_1":0}"#));
    check(r#"{"a":-1}"#, Ok(r#"{"a":-1}"#));
    check(r#"{"a":9007199254740991}"#, Ok(r#"{"a":9007199254740991}"#));
    check(
        r#"{"a":-9007199254740991}"#,
        Ok(r#"{"a":-9007199254740991}"#),
    );
    check(r#"{"a":""}"#, Ok(r#"{"a":""}"#));
    check(r#"{"a":"韶山市"}"#, Ok(r#"{"a":"韶山市"}"#));
    check(r#"{"a":"\u97F6\u97f6"}"#, Ok(r#"{"a":"韶韶"}"#));
    check(r#"{"a":"\ud834\udd1e"}"#, Ok("{\"a\":\"\u{1d11e}\"}"));
    check(
        r#"{"a":"\"\\\/\b\f\n\r\t\u001f"}"#,
        Ok(r#"{"a":"\"\\/\b\f\n\r\t\u001f"}"#),
    );
    check(
        "{\"a\":\"\u{7f}\u{85}\u{feff}\u{2028}\"}",
        Ok("{\"a\":\"\u{7f}\u{85}\u{feff}\u{2028}\"}"),
    );
    check(
        "{\"a\":\"\u{fdcf}\u{fdf0}\u{fffd}\u{10fffd}\"}",
        Ok("{\"a\":\"\u{fdcf}\u{fdf0}\u{fffd}\u{10fffd}\"}"),
    );
    check(r#"{"a":{"a":{"a":1}}}"#, Ok(r#"{"a":{"a":{"a":1}}}"#)); // the same name at other levels
}

#[test]
fn what_stands_outside_the_object_is_refused() {
    check("", Err(("", Rule::FirstByte)));
    check(" {}", Err(("", Rule::FirstByte)));
    check("\u{feff}{}", Err(("", Rule::FirstByte)));
    check("[]", Err(("", Rule::FirstByte)));
    check("null", Err(("", Rule::FirstByte)));
    check("{} ", Err(("", Rule::LastByte)));
    check("{}\n", Err(("", Rule::LastByte)));
    check("{}{}", Err(("", Rule::LastByte)));
    check("{}}", Err(("", Rule::LastByte)));
    check(b"{\"a\":\"\xff\"}", Err(("", Rule::Utf8)));
    check(b"{\"a\":\"\xed\xa0\x80\"}", Err(("", Rule::Utf8))); // a surrogate in UTF-8
    check(b"{\"a\":\"\xc0\x80\"}", Err(("", Rule::Utf8))); // U+0000 in two bytes
    check(b"{\"a\":\"\xe9\x9f\"}", Err(("", Rule::Utf8))); // half a character
}

#[test]
fn tokens_out_of_place_are_refused() {
    check("{", Err(("", Rule::NameQuote)));
    check("{\"a\"", Err(("", Rule::Colon)));
    check("{\"a\":", Err(("/a", Rule::Value)));
    check("{\"a\":1", Err(("", Rule::ObjectNext)));
    check("{\"a\":1,", Err(("", Rule::NameQuote)));
    check("{\"a\":1,}", Err(("", Rule::NameQuote)));
    check("{,}", Err(("", Rule::NameQuote)));
    check("{a:1}", Err(("", Rule::NameQuote)));
    check("{'a':1}", Err(("", Rule::NameQuote)));
    check("{\"a\"=1}", Err(("", Rule::Colon)));
    check("{\"a\":1 \"b\":2}", Err(("", Rule::ObjectNext)));
    check("{\"a\":[1,]}", Err(("/a/1", Rule::Value)));
    check("{\"a\":[,1]}", Err(("/a/0", Rule::Value)));
    check("{\"a\":[1 2]}", Err(("/a", Rule::ArrayNext)));
    check("{\"a\":[1}", Err(("/a", Rule::ArrayNext)));
    check("{\"a\":[", Err(("/a/0", Rule::Value)));
    check("{\"a\":nul}", Err(("/a", Rule::Value)));
    check("{\"a\":NaN}", Err(("/a", Rule::Value)));
    check("{\"a\":Infinity}", Err(("/a", Rule::Value)));
    check("{\"a\":True}", Err(("/a", Rule::Value)));
    check("{\"a\":nullx}", Err(("", Rule::ObjectNext)));
    check("{/**/}", Err(("", Rule::NameQuote)));
    check("{\"a\":\t1}", Err(("", Rule::Space)));
    check("{\n}", Err(("", Rule::Space)));
    check("{\"a\":1\r\n}", Err(("", Rule::Space)));
    check("{\"a\":\u{a0}1}", Err(("/a", Rule::Value)));
}

#[test]
fn names_have_one_spelling_and_stand_once() {
    check(r#"{"":1}"#, Err(("", Rule::Name)));
    check(r#"{"A":1}"#, Err(("", Rule::Name)));
    check(r#"{"bidDeadline":1}"#, Err(("", Rule::Name)));
    check(r#"{"1a":1}"#, Err(("", Rule::Name)));
    check(r#"{"_a":1}"#, Err(("", Rule::Name)));
    check(r#"{"a-b":1}"#, Err(("", Rule::Name)));
    check(r#"{"a b":1}"#, Err(("", Rule::Name)));
    check(r#"{"项目":1}"#, Err(("", Rule::Name)));
    check(r#"{"\u0061":1}"#, Err(("", Rule::Name)));
    check(r#"{"a":{"B":1}}"#, Err(("/a", Rule::Name)));
    check(r#"{"a":1,"a":1}"#, Err(("", Rule::NameTwice)));
    check(r#"{"a":{"b":1,"c":2,"b":3}}"#, Err(("/a", Rule::NameTwice)));
    check(
        r#"{"a":[{},{"b":1,"b":1}]}"#,
        Err(("/a/1", Rule::NameTwice)),
    );
    let many: Vec<String> = (0..40).map(|i| format!("\"m{i}\":{i}")).collect();
    let line = format!("{{{}}}", many.join(","));
    check(&line, Ok(&line));
    let error = parse(format!("{{{},\"m7\":0,\"m3\":0}}", many.join(",")).as_bytes()).unwrap_err();
    assert_eq!(
        (error.rule, error.found.as_str()),
        (Rule::NameTwice, "`m7` again")
    );
    assert_eq!(error.offset, line.len()); // the first that stands twice, where it stands again
}

#[test]
fn numbers_are_integers_that_every_reader_holds() {
    for refused in [
        "-0", "01", "-01", "1.0", "1.5", "1e2", "1E2", "1e400", "-", "+1", ".5", "0x10", "1_0",
        "--1",
    ] {
        let rule = match refused {
            "+1" | ".5" => Rule::Value,
            "1_0" => Rule::ObjectNext,
            _ => Rule::Number,
        };
        let pointer = if rule == Rule::ObjectNext { "" } else { "/a" };
        check(format!("{{\"a\":{refused}}}"), Err((pointer, rule)));
    }
    for refused in [
        "9007199254740992",
        "-9007199254740992",
        "9999999999999999",
        "10000000000000000",
    ] {
        check(
            format!("{{\"a\":{refused}}}"),
            Err(("/a", Rule::NumberRange)),
        );
    }
    check(
        format!("{{\"a\":{}}}", "9".repeat(400)),
        Err(("/a", Rule::NumberRange)),
    );
}

#[test]
fn strings_hold_only_what_every_reader_reads_alike() {
    check("{\"a\":\"b", Err(("/a", Rule::StringEnd)));
    check("{\"a\":\"b\\\"}", Err(("/a", Rule::StringEnd)));
    check("{\"a\":\"x\ny\"}", Err(("/a", Rule::Control)));
    check("{\"a\":\"\u{1}\"}", Err(("/a", Rule::Control)));
    check("{\"a\":\"\0\"}", Err(("/a", Rule::Control)));
    check(r#"{"a":"\x"}"#, Err(("/a", Rule::Escape)));
    check(r#"{"a":"\u12"}"#, Err(("/a", Rule::Escape)));
    check(r#"{"a":"\u12g4"}"#, Err(("/a", Rule::Escape)));
    check(r#"{"a":"\U0041"}"#, Err(("/a", Rule::Escape)));
    check(r#"{"a":"\u+041"}"#, Err(("/a", Rule::Escape)));
    check(r#"{"a":"b\u0000"}"#, Err(("/a", Rule::Nul)));
    check(r#"{"a":"\ud800"}"#, Err(("/a", Rule::Surrogate)));
    check(r#"{"a":"\udc00"}"#, Err(("/a", Rule::Surrogate)));
    check(r#"{"a":"\udc00\ud800"}"#, Err(("/a", Rule::Surrogate)));
    check(r#"{"a":"\ud800\ud800"}"#, Err(("/a", Rule::Surrogate)));
    check(r#"{"a":"\ud800x"}"#, Err(("/a", Rule::Surrogate)));
    check(r#"{"a":"\ud800\u0041"}"#, Err(("/a", Rule::Surrogate)));
    for refused in [
        "\u{fdd0}",
        "\u{fdef}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{1fffe}",
        "\u{10ffff}",
    ] {
        check(
            format!("{{\"a\":[\"{refused}\"]}}"),
            Err(("/a/0", Rule::Noncharacter)),
        );
    }
    check(r#"{"a":"\uFDD0"}"#, Err(("/a", Rule::Noncharacter)));
    check(r#"{"a":"\uffff"}"#, Err(("/a", Rule::Noncharacter)));
    check(r#"{"a":"\ud83f\udffe"}"#, Err(("/a", Rule::Noncharacter)));
}

#[test]
fn sixteen_levels_and_no_more() {
    let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
    check(nested(16), Ok(&nested(16)));
    check(
        nested(17),
        Err((&format!("/a{}", "/0".repeat(15)), Rule::Depth)),
    );
    check(
        nested(18_000),
        Err((&format!("/a{}", "/0".repeat(15)), Rule::Depth)),
    );
    let objects = format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17));
    check(objects, Err((&"/a".repeat(16), Rule::Depth)));
}

#[test]
fn a_refusal_says_where_what_and_what_to_do() {
    let error = parse(r#"{"details":{"items":[{},{"price":12.50}]}}"#.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/details/items/1/price at byte 33: found `12.50`, wanted an integer of the form \
         -?(0|[1-9][0-9]{0,15}), not -0; write it as a string, as amounts and identifiers are"
    );
    assert!(
        error
            .zh()
            .starts_with("/details/items/1/price，第 33 字节：见到 `12.50`，数字应为整数")
    );
    assert_eq!(parse("\u{feff}{}".as_bytes()).unwrap_err().found, "U+FEFF");
    assert_eq!(parse(b"{").unwrap_err().found, "the end of the line");
    assert_eq!(parse(b"{\"a\":\"\xff\"}").unwrap_err().found, "byte 0xff");
}

#[test]
fn the_inputs_that_must_be_refused_are() {
    let file = include_str!("../../../../tests/vectors/json/must-refuse.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 14);
    for case in cases {
        let input = STANDARD
            .decode(case["input_base64"].as_str().unwrap())
            .unwrap();
        assert!(parse(&input).is_err(), "{case}");
        // As a value inside an object too: then it is not the missing object that refuses it.
        let inside = [b"{\"a\":", input.as_slice(), b"}"].concat();
        assert!(parse(&inside).is_err(), "{case}");
    }
}

#[test]
fn a_duplicate_among_thousands_of_members_is_found() {
    let names: Vec<String> = (0..3_800)
        .map(|i| format!("\"{}\":1", letters(i)))
        .collect();
    let line = format!("{{{}}}", names.join(","));
    assert!((30_000..36_000).contains(&line.len()));
    assert_eq!(
        parse(line.as_bytes()).unwrap().members().unwrap().len(),
        3_800
    );
    let line = format!("{{{},{}}}", names.join(","), names[1_234]);
    check(&line, Err(("", Rule::NameTwice)));
}

fn letters(mut i: u32) -> String {
    let mut name = String::from("a");
    while i > 0 {
        name.push(char::from_digit(i % 36, 36).unwrap());
        i /= 36;
    }
    name
}

/// Values as serde_json builds them, in our grammar.
fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (1 - INTEGER_LIMIT..INTEGER_LIMIT).prop_map(Into::into),
        any::<String>().prop_map(|s| s
            .chars()
            .filter(|c| *c != '\0' && !is_noncharacter(*c))
            .collect::<String>()
            .into()),
    ];
    leaf.prop_recursive(8, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map("[a-z][a-z0-9_]{0,6}", inner, 0..24)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

fn as_serde(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Integer(n) => (*n).into(),
        Value::String(s) => s.as_ref().into(),
        Value::Array(items) => items.iter().map(as_serde).collect(),
        Value::Object(members) => serde_json::Value::Object(
            members
                .iter()
                .map(|(n, v)| ((*n).to_owned(), as_serde(v)))
                .collect(),
        ),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    /// Bytes near the grammar reach deeper than arbitrary ones; what is accepted, others read alike.
    #[test]
    fn what_is_accepted_serde_json_reads_alike(
        line in r#"\{"a":([\[\]{}",:0-9a-fu\\ \-.\n]|"[a-z]{0,2}"|\\u[dD][89c-fC-F][0-9]{2}|null|true|"b":){0,12}\}"#
    ) {
        if let Ok(value) = parse(line.as_bytes()) {
            let theirs: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(as_serde(&value), theirs);
        }
    }

    #[test]
    fn what_is_encoded_is_read_back(value in values()) {
        let object = serde_json::json!({ "a": value });
        let line = object.to_string();
        let read = parse(line.as_bytes()).unwrap();
        prop_assert_eq!(as_serde(&read), object);
        let encoded = encode(&read);
        prop_assert_eq!(parse(encoded.as_bytes()).unwrap(), read);
    }

    #[test]
    fn one_changed_byte_never_panics(value in values(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = serde_json::json!({ "a": value }).to_string().into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        if let Ok(value) = parse(&line) {
            let theirs: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(as_serde(&value), theirs);
        }
    }
}
