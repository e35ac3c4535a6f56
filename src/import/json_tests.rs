//! Danger: a number is bent, a member chosen by chance, or a bad part takes its neighbours along.

use super::*;

#[test]
fn numbers_keep_their_digits() {
    for digits in [
        "0",
        "-0",
        "1.10",
        "98765432109876543210",
        "1e400",
        "-9223372036854775808",
        "0E-8",
    ] {
        let read = parse(digits.as_bytes(), 0).ok();
        assert_eq!(read, Some(Json::Number(digits.to_owned())));
        assert_eq!(read.map(|read| read.text()).as_deref(), Some(digits));
    }
}

#[test]
fn what_is_no_json_is_refused_where_it_stands() {
    for (text, pointer, offset) in [
        (&br#"{"a":{"b":1,"b":2}}"#[..], "/a/b", 12),
        (br#"{"a":{"b":1,"\u0062":2}}"#, "/a/b", 12),
        (br#"{"a":[1,NaN]}"#, "/a/1", 8),
        (br#"{"a":01}"#, "/a", 5),
        (br#"{"a":.5}"#, "/a", 5),
        (br#"{"a":"\ud800"}"#, "/a", 6),
        (br#"{"a":"\ud800\u0041"}"#, "/a", 6),
        (br#"{"a":"\u0000"}"#, "/a", 6),
        (br#"{"a":"\uffff"}"#, "/a", 6),
        (b"{\"a\":\"x\xffy\"}", "/a", 7),
        (b"{\"a\":\"x\ny\"}", "/a", 7),
        (br#"{"a/b~":tru}"#, "/a~1b~0", 8),
        (br#"{"a":1,}"#, "", 7),
        (br#"[1,]"#, "/1", 3),
        (br#"{"a":1"#, "", 6),
        (br#"{} {}"#, "", 3),
        (b"", "", 0),
    ] {
        let shown = String::from_utf8_lossy(text).into_owned();
        match parse(text, 100) {
            Err(found) => {
                assert_eq!(
                    (found.pointer.as_str(), found.offset),
                    (pointer, 100 + offset),
                    "{shown}"
                );
            }
            Ok(read) => panic!("{shown} was read as {read:?}"),
        }
    }
}

#[test]
fn depth_is_bounded_by_name() {
    let nest = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nest(DEPTH_MAX).as_bytes(), 0).is_ok());
    let Err(found) = parse(nest(DEPTH_MAX + 1).as_bytes(), 0) else {
        panic!("read")
    };
    assert!(
        found
            .at(&Lines::new(b""))
            .1
            .contains("nested deeper than 100")
    );
    let deep = nest(100_000);
    assert_eq!(end_of(deep.as_bytes(), 0), Some(deep.len()));
}

#[test]
fn parts_are_found_whatever_stands_in_them() {
    let text = b"[{\"a\":\"\xff]\"}, NaN, {\"b\":[1,{}]} , \"\\\"]\"]";
    let found = items(text, 0..text.len());
    let shown: Vec<String> = found
        .parts
        .iter()
        .map(|(_, part)| String::from_utf8_lossy(&text[part.clone()]).into_owned())
        .collect();
    assert_eq!(found.broken, None);
    assert_eq!(shown[1..], ["NaN", "{\"b\":[1,{}]}", "\"\\\"]\""]);
    for (text, parts, broken) in [
        (&b"[{\"a\":1}, {\"b\":2}} ]"[..], 2, Some(17)),
        (b"[{\"a\":1}, {\"b\":", 2, None),
        (b"[{\"a\":1} {\"b\":1}]", 1, Some(9)),
        (b"[]", 0, None),
    ] {
        let found = items(text, 0..text.len());
        assert_eq!(
            (found.parts.len(), found.broken),
            (parts, broken),
            "{text:?}"
        );
    }
}

#[test]
fn facts_are_counted_alike_with_and_without_reading() {
    for text in [
        r#"{"a":1,"b":{"c":[],"d":{}},"e":[1,"x",null,true]}"#,
        r#"[]"#,
        r#""x""#,
        r#"{"a" : "b" , "c":["d:",{"e":"f"}]}"#,
    ] {
        let read = parse(text.as_bytes(), 0).map(|read| read.facts()).ok();
        assert_eq!(read, Some(facts(text.as_bytes())), "{text}");
    }
    assert_eq!(
        facts(br#"{"a":1,"b":{"c":[],"d":{}},"e":[1,"x",null,true]}"#),
        7
    );
}

#[test]
fn a_place_is_told_by_line_and_byte() {
    let lines = Lines::new(b"a\nbc\n");
    assert_eq!(
        [lines.of(0), lines.of(1), lines.of(2), lines.of(3)],
        [(1, 1), (1, 2), (2, 1), (2, 2)]
    );
}
