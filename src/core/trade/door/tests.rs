//! What the door says of a trade statement, one problem a row.

use super::*;
use crate::trade::statement::sign_statement;
use crate::trade::testing::*;

/// The problems of the usual statement after one edit: code, pointer, and `!` if it is refused for it.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    let text = trade_text("SS-1", None, "");
    assert!(text.contains(from), "{from} does not occur");
    check_text(&text.replacen(from, to, 1), expected);
}

/// The same of the usual statement with more members.
#[track_caller]
fn check_more(more: &str, expected: &[&str]) {
    check_text(&trade_text("SS-1", None, more), expected);
}

#[track_caller]
fn check_text(text: &str, expected: &[&str]) {
    let problems = super::check(&sign_statement(text, &[&centre()]).unwrap());
    // What the fields of a kind say has tests of its own, in `details_tests.rs`.
    let is_of_fields = |code: &str| code.starts_with("field_") || code == "details_missing";
    let told: Vec<String> = problems
        .iter()
        .filter(|p| !is_of_fields(p.code))
        .map(|p| {
            format!(
                "{} {}{}",
                p.code,
                p.pointer,
                if p.severity == Severity::Error {
                    " !"
                } else {
                    ""
                }
            )
        })
        .collect();
    assert_eq!(told, expected, "{problems:#?}");
    assert_eq!(
        refuses(&problems),
        expected.iter().any(|row| row.ends_with('!'))
    );
    for problem in problems {
        assert!(!problem.zh.is_ascii(), "{problem:?}");
        assert!(!problem.en.is_empty(), "{problem:?}");
    }
}

#[test]
fn header_members_by_type_and_vocabulary() {
    check("{", "{", &[]);
    check("\"stage\":\"award\",", "", &["member_missing /stage !"]);
    check("\"award\"", "\"成交\"", &["stage_unknown /stage !"]);
    check("\"award\"", "5", &["member_mistyped /stage !"]);
    check(
        "\"award\"",
        "\"process\"",
        &["kind_of_another_stage /kind !"],
    );
    check("\"award_notice\"", "\"festival\"", &["kind_unknown /kind"]);
    check(
        "\"kind\":\"award_notice\",",
        "",
        &["member_missing /kind !"],
    );
    check(
        "\"award_notice\"",
        "\"change_notice\"",
        &["amends_missing /amends"],
    );
    check(
        "\"award_notice\"",
        "\"termination\"",
        &["amends_missing /amends"],
    );
    check(
        "\"construction\"",
        "\"festival\"",
        &["category_unknown /category !"],
    );
    check("\"construction\"", "\"other\"", &[]);
    check(
        "\"category\":\"construction\",",
        "",
        &["member_missing /category !"],
    );
    check("中标结果公告", " \u{3000}", &["title /title !"]);
    check("中标结果公告", &"长".repeat(342), &["title /title !"]);
    check("中标结果公告", &"长".repeat(341), &[]);
    check(
        "\"title\"",
        "\"titel\"",
        &["member_unknown /titel !", "member_missing /title !"],
    );
    check("\"region\":\"430382\",", "", &["region_missing /region"]);
    check("430382", "43038", &["region /region !"]);
    check("430382", "湖南韶山", &["region /region !"]);
    check("\"region\"", "\"ref\":\"\",\"region\"", &["ref /ref !"]);
    check(
        "\"region\"",
        &format!("\"ref\":\"{}\",\"region\"", "r".repeat(129)),
        &["ref /ref !"],
    );
    check(
        "\"region\"",
        "\"ref\":\"a\\nb\",\"region\"",
        &["control_character /ref !"],
    );
    check(
        "\"region\"",
        "\"ref\":7,\"region\"",
        &["member_mistyped /ref !"],
    );
    check("\"region\"", "\"ref\":\"2026/招-1\",\"region\"", &[]);
}

#[test]
fn optional_members_by_form() {
    check_more(r#","lots":["1","2"]"#, &[]);
    check_more(r#","lots":["1","1"]"#, &["lot_twice /lots/1 !"]);
    check_more(r#","lots":["第一标段"]"#, &["lot /lots/0 !"]);
    check_more(r#","lots":"1""#, &["member_mistyped /lots !"]);
    check_more(r#","lots":[1]"#, &["member_mistyped /lots/0 !"]);
    let lots = |count: usize| {
        format!(
            r#","lots":[{}]"#,
            (0..count)
                .map(|i| format!("\"{i}\""))
                .collect::<Vec<_>>()
                .join(",")
        )
    };
    check_more(&lots(256), &[]);
    check_more(&lots(257), &["too_many /lots !"]);
    check_more(
        r#","codes":[{"scheme":"local","value":"兰财采字公开招-2026-12"}]"#,
        &[],
    );
    check_more(
        r#","codes":[{"scheme":"local"}]"#,
        &["member_mistyped /codes/0 !"],
    );
    check_more(
        r#","codes":[{"scheme":"","value":"x"}]"#,
        &["member_mistyped /codes/0 !"],
    );
    check_more(
        r#","codes":[{"scheme":"a","value":"x","note":"y"}]"#,
        &["member_unknown /codes/0/note !"],
    );
    check_more(
        r#","codes":[{"scheme":"uscc","value":"12500000745322928L"}]"#,
        &[],
    );
    check_more(
        r#","codes":[{"scheme":"uscc","value":"12500000745322929L"}]"#,
        &["code_check /codes/0/value"],
    );
    check_more(
        r#","codes":[{"scheme":"trading_code","value":"A01-11430382006000001K-20260302-000001-Q"}]"#,
        &["code_check /codes/0/value"],
    );
    check_more(r#","method":"open-tender","mandatory_tender":true"#, &[]);
    check_more(
        r#","method":"auction""#,
        &["method_of_another_side /method"],
    );
    check_more(r#","method":"other""#, &[]);
    check_more(r#","method":"公开招标""#, &["method_unknown /method"]);
    check_more(
        r#","mandatory_tender":"是""#,
        &["member_mistyped /mandatory_tender !"],
    );
    check_more(r#","details":[]"#, &["member_mistyped /details !"]);
    check_more(r#","details":{"extra":{"a":[1]}}"#, &[]);
}

#[test]
fn documents_events_and_about() {
    let digest = "0a".repeat(32);
    let document = format!(
        r#"{{"name":"公告.pdf","media_type":"application/pdf","size":1024,"sha256":"{digest}"}}"#
    );
    let with = |document: &str| format!(r#","documents":[{document}]"#);
    check_more(&with(&document), &[]);
    check_more(
        &with(&document.replace("1024", "-1")),
        &["member_mistyped /documents/0/size !"],
    );
    check_more(
        &with(&document.replace("1024", "\"1 KB\"")),
        &["member_mistyped /documents/0/size !"],
    );
    check_more(
        &with(&document.replace(&digest, "0a")),
        &["sha256 /documents/0/sha256 !"],
    );
    check_more(
        &with(&document.replace("\"sha256\"", "\"md5\"")),
        &[
            "member_unknown /documents/0/md5 !",
            "member_mistyped /documents/0/sha256 !",
        ],
    );
    check_more(
        &with(&document.replace("application/pdf", "pdf")),
        &["member_mistyped /documents/0/media_type !"],
    );
    check_more(
        &with(&document.replace("公告.pdf", "")),
        &["member_mistyped /documents/0/name !"],
    );
    check_more(
        &with(&format!("{document},{document}")),
        &["document_twice /documents/1/sha256 !"],
    );
    check_more(&with("7"), &["member_mistyped /documents/0 !"]);
    check_more(r#","events":{"opening":"2026-11-20T09:00:00+08:00"}"#, &[]);
    check_more(
        r#","events":{"opening":"2026-11-20"}"#,
        &["event_time /events/opening !"],
    );
    check_more(
        r#","events":{"opening":1}"#,
        &["member_mistyped /events/opening !"],
    );
    check_more(
        r#","events":{"lunch":"2026-11-20T09:00:00+08:00"}"#,
        &["event_unknown /events/lunch !"],
    );
    check_more(r#","events":[]"#, &["member_mistyped /events !"]);
    check_more(
        &format!(r#","about":{{"publisher":"a","project":"P","statement":"{digest}"}}"#),
        &[],
    );
    check_more(
        r#","about":{"publisher":"A","project":"P"}"#,
        &["about /about/publisher !"],
    );
    check_more(
        r#","about":{"publisher":"a"}"#,
        &["member_missing /about/project !"],
    );
    check_more(
        r#","about":{"publisher":"a","project":"P","statement":null}"#,
        &["member_mistyped /about/statement !"],
    );
    check_more(
        r#","about":{"publisher":"a","project":"P","why":"x"}"#,
        &["member_unknown /about/why !"],
    );
    check_more(r#","about":"a""#, &["member_mistyped /about !"]);
}

#[test]
fn commitments_are_well_formed_and_stand_in_details() {
    let one = |hash: &str| format!(r#"{{"commitment":"{}","class":"person"}}"#, hash.repeat(32));
    check_more(
        &format!(
            r#","details":{{"manager":{},"expert":{}}}"#,
            one("0a"),
            one("0b")
        ),
        &[],
    );
    check_more(
        &format!(r#","details":{{"a":{},"b":{}}}"#, one("0a"), one("0a")),
        &["commitment_twice /details/b !"],
    );
    check_more(
        &format!(r#","details":{{"a":{}}}"#, one("0A")),
        &["commitment_malformed /details/a !"],
    );
    check(
        "\"中标结果公告\"",
        &one("0a"),
        &[
            "member_mistyped /title !",
            "commitment_outside_details /title !",
        ],
    );
}

/// A number that passes every check and that nobody has: it was born in 1850.
const CITIZEN: &str = "43038218500228001";

#[test]
fn personal_numbers_are_kept_out_of_the_leaf() {
    let p = CITIZEN
        .bytes()
        .fold(0, |p, byte| (p + u32::from(byte - b'0')) * 2 % 11);
    let citizen = format!(
        "{CITIZEN}{}",
        ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][p as usize]
    );
    let wide: String = citizen
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
        .collect();
    let detail = |text: &str| format!(r#","details":{{"a":["项目经理：{text}，高级工程师"]}}"#);
    check_more(&detail(&citizen), &["citizen_number /details/a/0 !"]);
    check_more(&detail(&wide), &["citizen_number /details/a/0 !"]);
    check("中标结果公告", &citizen, &["citizen_number /title !"]);
    check_more(
        &format!(r#","codes":[{{"scheme":"x","value":"{citizen}"}}]"#),
        &["like_citizen_number /codes/0/value"],
    );
    check_more(
        &detail(&format!("9{citizen}")),
        &["citizen_number /details/a/0 !"],
    );
    check_more(&detail(CITIZEN), &[]);
    check_more(&detail("911410315710923245"), &[]); // a social credit code
    check_more(&detail("13800000000"), &["mobile_number /details/a/0"]);
    check_more(r#","details":{"contact_phone":"13800000000"}"#, &[]);
    // The name that another publisher gave to his release.
    check_more(r#","details":{"source":{"id":"GAP-13800000000"}}"#, &[]);
    check_more(&detail("4111111111111111"), &["card_number /details/a/0"]);
    check_more(
        r#","codes":[{"scheme":"x","value":"4111111111111111"}]"#,
        &[],
    );
}

#[test]
fn a_redaction_points_at_its_original_by_a_commitment_only() {
    let hash = "0a".repeat(32);
    let commitment = format!(r#"{{"commitment":"{hash}","class":"trade_secret"}}"#);
    let places = r#"[{"where":"第3页","class":"trade_secret"}]"#;
    let document = |more: &str| {
        format!(
            r#","documents":[{{"name":"合同（公开版）.pdf","media_type":"application/pdf","size":1,"sha256":"{}"{more}}}]"#,
            "0b".repeat(32)
        )
    };
    for (more, wanted) in [
        (
            format!(r#","redaction_of":{commitment},"redacted":{places}"#),
            None,
        ),
        (
            format!(r#","redaction_of":{commitment}"#),
            Some("redacted /documents/0"),
        ),
        // A digest in the clear can be tried against a guessed original.
        (
            format!(r#","redaction_of":"{hash}","redacted":{places}"#),
            Some("redaction_of /documents/0/redaction_of !"),
        ),
        (
            format!(
                r#","redaction_of":{{"commitment":"{hash}","class":"secret"}},"redacted":{places}"#
            ),
            Some("commitment_malformed /documents/0/redaction_of !"),
        ),
        (
            format!(r#","redacted":{places}"#),
            Some("redacted /documents/0/redacted !"),
        ),
        (
            format!(r#","redaction_of":{commitment},"redacted":[]"#),
            Some("redacted /documents/0/redacted !"),
        ),
        (
            format!(r#","redaction_of":{commitment},"redacted":[{{"where":"第3页"}}]"#),
            Some("redacted /documents/0/redacted/0 !"),
        ),
    ] {
        let wanted: Vec<&str> = wanted.into_iter().collect();
        check_more(&document(&more), &wanted);
    }
}

#[test]
fn other_types_are_looked_at_for_what_they_share() {
    assert_eq!(super::check(&genesis()), []);
    assert_eq!(super::check(&other("notice", 1, &operator())), []);
    assert_eq!(
        super::check(&other("endorse", 1, &supervisor()))[0].pointer,
        "/about/statement"
    );
    let sha256 = "0a".repeat(32);
    for (announces, wanted) in [
        (
            format!(r#"[{{"what":"rule_pack","version":"cn-2026.1","sha256":"{sha256}"}}]"#),
            None,
        ),
        ("{}".to_owned(), Some("/announces")),
        ("[]".to_owned(), Some("/announces")),
        (
            format!(
                r#"[{{"what":"rule_pack","version":"1","sha256":"{sha256}"}},{{"what":"Rule","version":"1","sha256":"{sha256}"}}]"#
            ),
            Some("/announces/1"),
        ),
        (
            r#"[{"what":"rule_pack","version":"1","sha256":"0A"}]"#.to_owned(),
            Some("/announces/0"),
        ),
        (
            format!(r#"[{{"what":"rule_pack","version":"","sha256":"{sha256}"}}]"#),
            Some("/announces/0"),
        ),
    ] {
        let text = other("notice", 1, &operator()).text().to_owned();
        let text = text.replace('}', &format!(r#","announces":{announces}}}"#));
        let notice = sign_statement(&text, &[&operator()]).unwrap();
        let problems = super::check(&notice);
        let pointer = problems.first().map(|problem| problem.pointer.as_str());
        assert_eq!(pointer, wanted, "{announces}");
        let known = crate::trade::notice::announcements(&notice).len();
        assert!(known > 0 || wanted.is_some());
    }
    let unknown = super::check(&other("weather", 3, &centre()));
    assert_eq!(
        (unknown[0].code, unknown[0].severity, unknown.len()),
        ("not_understood", Severity::Warning, 1)
    );
}

#[test]
fn an_order_says_what_is_done_to_what_and_why() {
    use crate::trade::statement::{Act, Order, Showing, Target};
    let id = "0a".repeat(32);
    let more = format!(
        r#","about":{{"publisher":"ggzy.shaoshan.example","project":"SS-1","statement":"{id}"}},"act":"withhold","pointer":"/details/manager","class":"privacy","basis":"政府信息公开条例第十五条","approver":"某市公共资源交易中心","review_at":"2027-01-01T00:00:00+08:00"}}"#
    );
    let text = other("order", 1, &supervisor()).text().replace('}', &more);
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} does not occur");
        let statement = sign_statement(&text.replacen(from, to, 1), &[&supervisor()]).unwrap();
        let problems = super::check(&statement);
        (
            Order::read(&statement).ok(),
            problems
                .first()
                .map(|p| format!("{} {}", p.code, p.pointer)),
        )
    };
    let (order, problem) = read("", "");
    let order = order.unwrap();
    assert_eq!(
        (problem, order.act, order.target.clone()),
        (
            None,
            Act::Withhold,
            Target::Opening("/details/manager".into())
        )
    );
    let check = |from: &str, to: &str, expected: Option<&str>| {
        let (order, problem) = read(from, to);
        assert_eq!(problem.as_deref(), expected);
        assert_eq!(order.is_none(), expected.is_some());
    };
    check(
        "\"pointer\":\"/details/manager\"",
        &format!("\"document\":\"{id}\""),
        None,
    );
    check(
        "\"pointer\"",
        &format!("\"document\":\"{id}\",\"pointer\""),
        Some("member_wrong /document"),
    );
    check(
        "\"pointer\":\"/details/manager\",",
        "",
        Some("member_missing /pointer"),
    );
    check("/details/manager", "details", Some("member_wrong /pointer"));
    check("withhold", "hide", Some("member_wrong /act"));
    check("withhold", "erase", None);
    check(
        ",\"review_at\":\"2027-01-01T00:00:00+08:00\"",
        "",
        Some("member_missing /review_at"),
    );
    check("\"privacy\"", "\"secret\"", Some("member_wrong /class"));
    check("政府信息公开条例第十五条", "", Some("member_wrong /basis"));
    check(
        &format!(",\"statement\":\"{id}\""),
        "",
        Some("member_missing /about/statement"),
    );

    let (keys, _) = keys_of_three();
    let may: Vec<bool> = keys.keys().map(|key| order.may_be_given_by(key)).collect();
    assert_eq!(may, [false, true, true, false]); // log, the publisher it is about, supervisor, operator
    let theirs = Order {
        publisher: "other.example".into(),
        ..order
    };
    assert!(!theirs.may_be_given_by(keys.keys().nth(1).unwrap()));

    let shown = |acts: &[Act]| {
        acts.iter()
            .fold(Showing::default(), |showing, act| showing.after(*act))
    };
    assert_eq!(shown(&[]), Showing::Shown);
    assert_eq!(shown(&[Act::Withhold]), Showing::Withheld);
    assert_eq!(shown(&[Act::Withhold, Act::Disclose]), Showing::Shown);
    assert_eq!(shown(&[Act::Erase, Act::Disclose]), Showing::Erased);
}

/// A door that refuses what centres really publish is wrong, and so is one that warns at every notice.
#[test]
fn real_notices_pass_the_door() {
    use crate::trade::statement::Draft;
    let drafts = include_str!("../../../../tests/data/yichang/drafts.jsonl");
    let mut warned = std::collections::BTreeMap::new();
    for line in drafts.lines() {
        let mut draft = Draft::parse(line.as_bytes()).unwrap();
        draft.fill(LEDGER, centre().name(), None).unwrap();
        let statement = sign_statement(&draft.text().unwrap(), &[&centre()]).unwrap();
        for problem in super::check(&statement) {
            assert_eq!(problem.severity, Severity::Warning, "{problem:?} of {line}");
            *warned.entry(problem.code).or_insert(0) += 1;
        }
    }
    assert_eq!(drafts.lines().count(), 606);
    assert!(warned.values().sum::<i32>() < 12, "{warned:?}");
}

/// Danger: a publisher's title writes a line of the verdict, or commands the terminal it is shown on.
#[test]
fn what_is_one_line_holds_no_character_that_commands() {
    for bad in [
        "\\n✔ witnessed by 3 of 3",
        "\\u001b[2J",
        "\\u0007",
        "\\t",
        "\\r",
        "\u{7f}",
        "\u{85}",
        "\u{9b}31m",
        "\u{61c}",
        "\u{200e}",
        "\u{2028}",
        "\u{202e}gnp.exe",
        "\u{2066}",
    ] {
        check(
            "中标结果公告",
            &format!("示例{bad} 标题"),
            &["control_character /title !"],
        );
        check_more(
            &format!(r#","details":{{"winner":{{"name":"示例建设工程{bad}有限公司"}}}}"#),
            &["control_character /details/winner/name !"],
        );
        check_more(
            &format!(
                r#","documents":[{{"name":"a{bad}.pdf","media_type":"application/pdf","size":1,"sha256":"{}"}}]"#,
                "0".repeat(64)
            ),
            &["control_character /documents/0/name !"],
        );
    }
    // Narrative has lines; what commands in it is told and shown.
    let text = |text: &str| format!(r#","details":{{"extra":{{"text":"{text}"}}}}"#);
    check_more(&text("甲\\n\\t乙"), &[]);
    check_more(
        &text("甲\u{202e}乙"),
        &["control_character /details/extra/text"],
    );
    check("中标结果公告", "葛\u{e0100}城 👨 é 中标结果公告", &[]);
}

/// Danger: what only one client refuses is logged by the others.
#[test]
fn what_shows_people_or_secrets_is_refused_until_its_code_is_accepted() {
    let after = |more: &str, accepted: &[&str]| -> Vec<String> {
        let statement = sign_statement(&trade_text("SS-1", None, more), &[&centre()]).unwrap();
        let mut problems = super::check(&statement);
        let accepted: Vec<String> = accepted.iter().map(|code| (*code).to_owned()).collect();
        super::admit(&mut problems, &accepted);
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        errors
            .map(|problem| format!("{} {}", problem.code, problem.pointer))
            .collect()
    };
    for (details, wanted) in [
        (
            r#"{"winner":{"name":"张　三"}}"#,
            "party_may_be_person /details/winner/name",
        ),
        (
            r#"{"buyer":{"name":"买买提．吐尔逊"}}"#,
            "party_may_be_person /details/buyer/name",
        ),
        (
            r#"{"winner":{"name":"张三","uscc":"x"}}"#,
            "party_may_be_person /details/winner/name",
        ),
        (
            r#"{"remark":"联系人：钟示例"}"#,
            "person_in_text /details/remark",
        ),
        (
            r#"{"remark":"电话 138 0013 8000"}"#,
            "mobile_number /details/remark",
        ),
        (
            r#"{"remark":"邮箱 a@b.example.cn"}"#,
            "email_address /details/remark",
        ),
        (
            r#"{"remark":"护照 E12345678"}"#,
            "passport_number /details/remark",
        ),
        (
            r#"{"linkman":"钟示例"}"#,
            "person_in_clear /details/linkman",
        ),
        (
            r#"{"extra":{"xmjl":"钟示例"}}"#,
            "person_in_clear /details/extra/xmjl",
        ),
        (
            r#"{"extra":{"fields":[{"name":"项目经理","value":"钟示例"}]}}"#,
            "person_in_clear /details/extra/fields/0/value",
        ),
        (
            r#"{"project_manager":"钟示例"}"#,
            "person_in_clear /details/project_manager",
        ),
    ] {
        let more = format!(",\"details\":{details}");
        let found = after(&more, &[]);
        assert!(found.contains(&wanted.to_owned()), "{details}: {found:?}");
        let code = wanted.split(' ').next().unwrap();
        let found = after(&more, &[code]);
        assert!(!found.contains(&wanted.to_owned()), "{details}: {found:?}");
    }
    for details in [
        r#"{"seller":{"name":"示例县自然资源局"}}"#,
        r#"{"extra":{"region":"金湾","size":"13800138000"}}"#,
    ] {
        let found = after(&format!(",\"details\":{details}"), &[]);
        assert!(!found.iter().any(|row| row.contains("person")), "{found:?}");
    }
    // Nobody accepts a citizen's number.
    let of = |text: String| format!(r#","details":{{"remark":"{text}"}}"#);
    let spaced = format!("{} {} {}", &CITIZEN[..6], &CITIZEN[6..14], &CITIZEN[14..]);
    for check in "0123456789X".chars() {
        let found = after(&of(format!("{spaced}{check}")), &["citizen_number"]);
        let is_right =
            super::super::identifiers::citizen_number_is_valid(&format!("{CITIZEN}{check}"));
        assert_eq!(
            found,
            if is_right {
                vec!["citizen_number /details/remark"]
            } else {
                vec![]
            }
        );
    }
}

/// Danger: a misspelt kind switches off all that goes by field.
#[test]
fn a_field_of_an_unknown_kind_is_judged_by_its_name() {
    let text = trade_text(
        "SS-1",
        None,
        r#","details":{"candidates":[{"rank":1,"party":{"name":"张三"},"project_manager":"钟示例","score":"96.50"}],"contact":"马示例","complainant":{"name":"胡示例"},"matter":"指控"}"#,
    );
    check_text(
        &text.replace("award_notice", "candidate_publicty"),
        &[
            "kind_unknown /kind",
            "person_in_clear /details/candidates/0/party/name",
            "person_in_clear /details/candidates/0/project_manager",
            "withheld_in_clear /details/candidates/0/score",
            "person_in_clear /details/contact",
            "privacy_in_clear /details/complainant",
            "privacy_in_clear /details/matter",
        ],
    );
}

/// Danger: a contract or a foreign buyer whose number is written as passports' are cannot be published; a firm of another country that has
/// its own register's number is taken for a person.
#[test]
fn numbers_of_contracts_and_registers_are_no_passports() {
    check_more(
        r#","details":{"winner":{"name":"Chicoli Bandi","codes":[{"scheme":"XX-REG","value":"E12345678"}]},"extra":{"number":"E12345678","identifier":{"id":"EC0000012"}}}"#,
        &[],
    );
    check_more(
        r#","details":{"winner":{"name":"张示例","codes":[{"scheme":"x","value":"1"}]},"extra":{"passport":"E12345678"}}"#,
        &[
            "party_may_be_person /details/winner/name",
            "passport_number /details/extra/passport",
        ],
    );
}

/// Danger: a project whose number passes the check of a citizen's number by chance cannot be published.
#[test]
fn numbers_of_projects_are_not_citizens_numbers() {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let numbers = (0..1_000).map(|i| format!("43038220260302{i:04}"));
    let passing = numbers.filter(|number| {
        let sum: u32 = number
            .bytes()
            .zip(WEIGHTS)
            .map(|(b, w)| u32::from(b - b'0') * w)
            .sum();
        number.as_bytes()[17] == b"10X98765432"[(sum % 11) as usize]
    });
    let mut count = 0;
    for number in passing {
        count += 1;
        check("中标结果公告", &number, &[]);
        check("SS-1", &number, &[]);
        check_more(
            &format!(r#","codes":[{{"scheme":"x","value":"{number}"}}],"ref":"{number}""#),
            &[],
        );
    }
    assert!(count > 50, "{count}");
}
