//! Danger: a part of a file is lost without a word, or a bad part takes the good ones along.

use super::{Import, notices, ocds};

const RELEASE: &str = r#"{"ocid":"ocds-example-1","id":"r","date":"2026-03-02T10:00:00Z","tag":["tender"],"buyer":{"id":"B","name":"Example City Council"},"tender":{"id":"t","title":"GOOD"}}"#;

/// Every fact of the file is somewhere, and the refusals name the places.
fn check(what: &str, import: &Import, items: usize, refused: &[&str]) {
    let places: Vec<&str> = import
        .refusals
        .iter()
        .map(|one| one.place.as_str())
        .collect();
    assert_eq!(
        (import.items.len(), &places[..]),
        (items, refused),
        "{what}: {:?}",
        import.refusals
    );
    let not: usize = import.refusals.iter().map(|one| one.facts).sum();
    let sum = import.facts().sum() + import.repeated + not;
    assert_eq!(sum, import.source, "{what}: facts in and out");
}

fn check_ocds(file: impl AsRef<[u8]>, items: usize, refused: &[&str]) -> Import {
    let import = ocds::read(file.as_ref());
    check(
        &String::from_utf8_lossy(file.as_ref()),
        &import,
        items,
        refused,
    );
    import
}

#[test]
fn every_shape_of_a_file_is_logged_or_refused_by_place() {
    let r = RELEASE;
    for (file, items, refused) in [
        (String::new(), 0, &[""][..]),
        (" \n".to_owned(), 0, &[""]),
        ("{}".to_owned(), 0, &[""]),
        ("[]".to_owned(), 0, &[""]),
        ("5".to_owned(), 0, &[""]),
        ("[5]".to_owned(), 0, &["/0"]),
        (r.to_owned(), 1, &[]),
        (format!("[{r},{r}]"), 2, &[]),
        (format!("{r}\n{r}\n"), 2, &[]),
        (format!("{{\"releases\":[{r}]}}"), 1, &[]),
        (
            format!("[{{\"releases\":[{r}]}},{{\"releases\":[{r}]}}]"),
            2,
            &[],
        ),
        (
            format!(
                "{{\"records\":[{{\"ocid\":\"ocds-example-1\",\"releases\":[{r}]}}],\"releases\":[{r}]}}"
            ),
            2,
            &[],
        ),
        (format!("{{\"records\":[],\"releases\":[{r}]}}"), 1, &[]),
        (
            format!("{{\"records\":null,\"releases\":[{r}],\"uri\":\"u\"}}"),
            1,
            &[],
        ),
        (format!("{{\"releases\":{r}}}"), 0, &["/releases"]),
        (
            format!("{{\"releases\":\"x\",\"records\":[{{\"releases\":[{r}]}}]}}"),
            1,
            &["/releases"],
        ),
        ("{\"uri\":\"u\",\"releases\":[]}".to_owned(), 0, &[""]),
        (
            format!("{{\"releases\":[{r}],\"releases\":[{r}]}}"),
            0,
            &["/releases", "/releases"],
        ),
        (
            format!("{{\"uri\":\"a\",\"releases\":[{r}],\"uri\":\"b\"}}"),
            1,
            &["/uri", "/uri"],
        ),
        (
            format!("{{\"records\":[{{\"ocid\":\"other\",\"releases\":[{r}]}}]}}"),
            1,
            &["/records/0/ocid"],
        ),
        (
            format!("{{\"records\":[{{\"records\":[{{\"releases\":[{r}]}}]}}]}}"),
            0,
            &["/records/0"],
        ),
        (
            format!("{{\"releases\":[{r},{{\"ocid\":\"x\"}},null,7]}}"),
            1,
            &["/releases/1", "/releases/2", "/releases/3"],
        ),
        (
            format!("{{\"releases\":[{r},{{\"ocid\":\"x\","),
            1,
            &["/releases/1"],
        ),
        (format!("{{\"releases\":[{r}}},{r}]}}"), 1, &["/releases"]),
    ] {
        check_ocds(file, items, refused);
    }
}

#[test]
fn one_bad_release_does_not_take_the_good_ones_along() {
    for bad in [
        &b"{\"ocid\":\"x\",\"a\":NaN}"[..],
        b"{\"ocid\":\"x\",\"a\":\"\xe2\x80 \"}",
        b"{\"ocid\":\"x\",\"a\":\"\\ud800\"}",
        b"{\"ocid\":\"x\",\"a\":1,\"a\":2}",
        b"{\"ocid\":\"x\",\"a\":\"\\u0000\"}",
    ] {
        let file = [b"{\"releases\":[", bad, b",", RELEASE.as_bytes(), b"]}"].concat();
        let import = check_ocds(&file, 1, &["/releases/0"]);
        assert!(
            import.refusals[0].en.contains("line 1, byte"),
            "{:?}",
            import.refusals
        );
        assert!(import.items[0].draft.contains("GOOD"));
    }
}

#[test]
fn another_type_than_the_standards_is_kept_and_told() {
    for (member, fact) in [
        (r#""awards":{"id":"a1","title":"FACT"}"#, "FACT"),
        (r#""contracts":{"id":"c1","title":"FACT"}"#, "FACT"),
        (r#""planning":["FACT"]"#, "FACT"),
        (r#""awards":[{"id":"a1"},"FACT",7]"#, "FACT"),
        (
            r#""contracts":[{"id":"c1","implementation":{"transactions":{"id":"FACT"}}}]"#,
            "FACT",
        ),
        (
            r#""contracts":[{"id":"c1","implementation":"FACT"}]"#,
            "FACT",
        ),
        (r#""contracts":[{"id":"c1","implementation":{}}]"#, "c1"),
        (
            r#""contracts":[{"id":"c1","awardID":"a","implementation":{"contractID":"FACT"}}]"#,
            "FACT",
        ),
        (r#""awards":null,"contracts":[],"x":"FACT""#, "FACT"),
        (r#""$commit":{"class":"person","value":"FACT"}"#, "FACT"),
    ] {
        let file = RELEASE.replacen("\"id\":\"r\"", &format!("{member},\"id\":\"r\""), 1);
        let import = ocds::read(file.as_bytes());
        let sum = import.facts().sum();
        assert_eq!(
            (sum, import.refusals.len()),
            (import.source, 0),
            "{member}: {:?}",
            import.refusals
        );
        let all: String = import
            .items
            .iter()
            .map(|item| item.draft.as_str())
            .collect();
        assert!(
            all.contains(fact) && !all.contains("\"$commit\":"),
            "{member}: {all}"
        );
    }
    let only = RELEASE.replace("\"tender\":{", "\"awards\":{");
    let import = check_ocds(only, 0, &[""]);
    assert!(
        import.refusals[0]
            .en
            .contains("awards is an object, wanted a list of objects"),
        "{:?}",
        import.refusals
    );
}

#[test]
fn numbers_keep_their_digits_and_ids_stay_apart() {
    for digits in [
        "1234567890123456.78",
        "98765432109876543210",
        "1.10",
        "100000000000000000.01",
    ] {
        let file = RELEASE.replace(
            "\"title\"",
            &format!("\"value\":{{\"amount\":{digits},\"currency\":\"COP\"}},\"title\""),
        );
        let import = check_ocds(file, 1, &[]);
        let wanted = format!("\"amount\":\"{digits}\"");
        assert_eq!(
            import.items[0].draft.matches(&wanted).count(),
            2,
            "field and section: {}",
            import.items[0].draft
        );
    }
    for id in ["430382202501010000117", "-9223372036854775808", "7"] {
        let file = RELEASE.replace("\"id\":\"t\"", &format!("\"id\":{id}"));
        let import = check_ocds(file, 1, &[]);
        let wanted = format!("{{\"scheme\":\"ocds_tender_id\",\"value\":\"{id}\"}}");
        assert!(
            import.items[0].draft.contains(&wanted),
            "{}",
            import.items[0].draft
        );
    }
}

#[test]
fn a_file_in_another_encoding_is_read_or_refused_once_by_name() {
    let text = RELEASE.replace("GOOD", "GOOD 道路工程，含桥梁");
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for file in [format!("\u{feff}{text}").into_bytes(), utf16] {
        let import = check_ocds(&file, 1, &[]);
        assert!(import.items[0].draft.contains("GOOD 道路工程，含桥梁"));
    }
    // 道路工程 in GBK, on three lines.
    let line = [
        &b"{\"record_id\":\"1\",\"stage_code\":\"0101\",\"title\":\""[..],
        b"\xb5\xc0\xc2\xb7\xb9\xa4\xb3\xcc",
        b"\"}\r\n",
    ]
    .concat();
    let import = notices::read(&line.repeat(3));
    check("GB18030", &import, 0, &["1"]);
    assert!(
        import.refusals[0].en.contains("GB18030")
            && import.refusals[0].en.contains("3 items: 1, 2, 3"),
        "{:?}",
        import.refusals
    );
}

#[test]
fn what_a_record_comes_to_is_said_by_its_releases_or_refused() {
    let compiled = RELEASE
        .replace("\"id\":\"r\"", "\"id\":\"c\"")
        .replace("[\"tender\"]", "[\"compiled\"]");
    let record = |compiled: &str| {
        format!(
            "{{\"records\":[{{\"ocid\":\"ocds-example-1\",\"releases\":[{RELEASE}],\"compiledRelease\":{compiled}}}]}}"
        )
    };
    check_ocds(record(&compiled), 1, &[]);
    let import = check_ocds(
        record(&compiled.replace("GOOD", "OTHER")),
        1,
        &["/records/0/compiledRelease"],
    );
    assert!(
        import.refusals[0].en.starts_with("/tender/title"),
        "{:?}",
        import.refusals
    );
    let versioned = r#"{"ocid":"ocds-example-1","tender":{"id":"t","title":[{"releaseID":"r","releaseDate":"2026-03-02T10:00:00Z","releaseTag":["tender"],"value":"GOOD"}]}}"#;
    let file = |versioned: &str| {
        format!(
            "{{\"records\":[{{\"ocid\":\"ocds-example-1\",\"releases\":[{RELEASE}],\"versionedRelease\":{versioned}}}]}}"
        )
    };
    check_ocds(file(versioned), 1, &[]);
    check_ocds(
        file(&versioned.replace("GOOD", "OTHER")),
        1,
        &["/records/0/versionedRelease"],
    );
}

#[test]
fn deep_nesting_is_refused_in_time() {
    for depth in [64, 2_000, 10_000, 100_000] {
        let file = format!(
            "{}{{\"ocid\":\"o\"}}{}",
            "{\"records\":[".repeat(depth),
            "]}".repeat(depth)
        );
        check_ocds(file, 0, &["/records/0"]);
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let import = check_ocds(RELEASE.replace("\"GOOD\"", &deep), 0, &[""]);
    assert!(
        import.refusals[0].en.contains("nested deeper than 100"),
        "{:?}",
        import.refusals
    );
    // Deeper than a statement may be: a document.
    let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
    let import = check_ocds(RELEASE.replace("\"GOOD\"", &deep), 1, &[]);
    assert_eq!(import.items[0].documents.len(), 1);
    assert!(import.remarks[0].en.contains("section.json"));
}

/// Files of random shape: all facts are accounted for, and nothing panics.
#[test]
fn facts_in_are_facts_out_for_arbitrary_files() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % 1_000_003).unwrap_or(0) % below
    };
    const WORDS: [&str; 22] = [
        "ocid",
        "id",
        "date",
        "tag",
        "planning",
        "tender",
        "awards",
        "contracts",
        "implementation",
        "transactions",
        "parties",
        "name",
        "roles",
        "suppliers",
        "awardID",
        "contactPoint",
        "releases",
        "records",
        "compiledRelease",
        "$commit",
        "value",
        "amount",
    ];
    const LEAVES: [&str; 12] = [
        "\"ocds-example-1\"",
        "\"2026-03-02T10:00:00Z\"",
        "null",
        "1.10",
        "-9223372036854775808",
        "\"Jo Example\"",
        "\"supplier\"",
        "true",
        "[]",
        "{}",
        "\"tender\"",
        "\"\"",
    ];
    fn tree(next: &mut impl FnMut(usize) -> usize, depth: usize, out: &mut String) {
        match next(if depth > 6 { 2 } else { 8 }) {
            0 | 1 => out.push_str(LEAVES[next(LEAVES.len())]),
            2 | 3 => {
                out.push('[');
                for at in 0..=next(3) {
                    if at > 0 {
                        out.push(',');
                    }
                    tree(next, depth + 1, out);
                }
                out.push(']');
            }
            _ => {
                out.push('{');
                let start = next(WORDS.len());
                for at in 0..=next(6) {
                    if at > 0 {
                        out.push(',');
                    }
                    let word = WORDS[(start + at * 5) % WORDS.len()];
                    out.push_str(&format!("\"{word}\":"));
                    tree(next, depth + 1, out);
                }
                out.push('}');
            }
        }
    }
    let mut taken = 0;
    for round in 0..600 {
        let mut part = String::new();
        tree(&mut next, 0, &mut part);
        let release = match part.strip_prefix('{').filter(|rest| rest.len() > 1) {
            Some(rest) if !rest.contains("\"ocid\"") => {
                format!("{{\"ocid\":\"ocds-example-1\",\"date\":\"2026-03-02\",{rest}")
            }
            _ => part,
        };
        let file = match round % 3 {
            0 => release,
            1 => format!("{{\"uri\":\"u\",\"releases\":[{release},{RELEASE}]}}"),
            _ => format!(
                "{{\"records\":[{{\"ocid\":\"ocds-example-1\",\"releases\":[{RELEASE}],\"compiledRelease\":{release}}}]}}"
            ),
        };
        let import = ocds::read(file.as_bytes());
        let not: usize = import.refusals.iter().map(|one| one.facts).sum();
        let sum = import.facts().sum() + import.repeated + not;
        assert_eq!(sum, import.source, "{file}\n{:?}", import.refusals);
        taken += import.items.len();
        let import = notices::read(file.as_bytes());
        let not: usize = import.refusals.iter().map(|one| one.facts).sum();
        assert_eq!(
            import.facts().sum() + import.repeated + not,
            import.source,
            "{file}"
        );
    }
    assert!(taken > 300, "{taken} drafts");
}
