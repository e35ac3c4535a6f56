//! What is a statement and what is not.

use super::*;
use crate::lang::Bilingual;
use crate::tlog::note::{Note, Signer};
use crate::trade::testing::*;
use proptest::prelude::*;

/// The text of a trade statement after one edit gives this: the code and pointer of the refusal, or nothing.
#[track_caller]
fn check(from: &str, to: &str, expected: Result<(), (&str, &str)>) {
    let text = trade_text("SS-1", None, "");
    assert!(text.contains(from), "{from} does not occur");
    check_text(&text.replacen(from, to, 1), &[&centre()], expected);
}

#[track_caller]
fn check_text(text: &str, signers: &[&Signer], expected: Result<(), (&str, &str)>) {
    let got = sign_statement(text, signers);
    let told = got
        .as_ref()
        .map(|_| ())
        .map_err(|e| (e.code(), e.pointer().unwrap_or("-")));
    assert_eq!(told, expected, "{got:?} of {text}");
    if let Err(error) = got {
        assert!(!error.zh().is_ascii());
    }
}

#[test]
fn a_trade_statement_is_read_as_far_as_log_rules_go() {
    let amended = Hash::sha256(b"x");
    let more = format!(
        r#","ref":"A-1","amends":{{"statement":"{amended}","effect":"replace"}},"details":{{"a":[1]}}"#
    );
    let text = trade_text("SS-1", Some(amended), &more);
    let signed = trade("SS-1", Some(amended), &more);
    let statement = Statement::parse(signed.note()).unwrap();
    assert_eq!(statement, signed);
    assert_eq!(statement.text(), text);
    assert_eq!(statement.id(), Hash::sha256(text.as_bytes()));
    assert_eq!(
        (
            statement.statement_type(),
            statement.version(),
            statement.ledger()
        ),
        ("trade", 1, LEDGER)
    );
    assert_eq!(
        (statement.publisher(), statement.project()),
        (Some("ggzy.shaoshan.example"), Some("SS-1"))
    );
    assert_eq!(statement.follows(), Some(amended));
    assert_eq!(
        statement.amends(),
        Some(Amends {
            statement: amended,
            effect: Effect::Replace
        })
    );
    assert_eq!(
        statement.issued().unwrap().to_string(),
        "2026-11-23T09:00:00+08:00"
    );
    assert_eq!(statement.reference(), Some("A-1"));
    assert!(statement.is_understood());
    assert_eq!(
        statement.chain().to_string(),
        "trade ggzy.shaoshan.example SS-1"
    );
    assert_eq!(
        statement.value().pointer("/details/a/0"),
        Some(&Value::Integer(1))
    );
}

#[test]
fn members_that_log_rules_read_have_one_form() {
    check("\"type\":\"trade\",", "", Err(("member_missing", "/type")));
    check("\"trade\"", "1", Err(("member_wrong", "/type")));
    check("\"trade\"", "\"Trade\"", Err(("name", "/type")));
    check("\"v\":1,", "", Err(("member_missing", "/v")));
    check("\"v\":1", "\"v\":\"1\"", Err(("member_wrong", "/v")));
    check("\"v\":1", "\"v\":0", Err(("member_wrong", "/v")));
    check("\"v\":1", "\"v\":-1", Err(("member_wrong", "/v")));
    check(LEDGER, "log.example:443", Err(("name", "/ledger")));
    check(
        "\"ledger\"",
        "\"ledgers\"",
        Err(("member_missing", "/ledger")),
    );
    check(
        "\"publisher\"",
        "\"publishers\"",
        Err(("member_missing", "/publisher")),
    );
    check(
        "ggzy.shaoshan",
        "GGZY.shaoshan",
        Err(("name", "/publisher")),
    );
    check("\"follows\":null,", "", Err(("member_missing", "/follows")));
    check(
        "\"follows\":null",
        "\"follows\":\"\"",
        Err(("name", "/follows")),
    );
    check(
        "\"follows\":null",
        "\"follows\":false",
        Err(("member_wrong", "/follows")),
    );
    check(
        "\"follows\":null",
        &format!("\"follows\":\"{}\"", "0A".repeat(32)),
        Err(("name", "/follows")),
    );
    check(
        "\"follows\":null",
        &format!("\"follows\":\"{}\"", "0a".repeat(32)),
        Ok(()),
    );
    check("SS-1", "韶采-1", Err(("name", "/project")));
    check(
        "\"project\":\"SS-1\",",
        "",
        Err(("member_missing", "/project")),
    );
    check(
        "2026-11-23T09:00:00+08:00",
        "2026-11-23 09:00:00",
        Err(("time", "/issued")),
    );
    check(
        "\"issued\"",
        "\"issue\"",
        Err(("member_missing", "/issued")),
    );
    let amends = |value: &str| format!("\"amends\":{value},\"title\"");
    let id = "0a".repeat(32);
    let good = format!(r#"{{"statement":"{id}","effect":"withdraw"}}"#);
    check("\"title\"", &amends(&good), Ok(()));
    check(
        "\"title\"",
        &amends(&good.replace("withdraw", "delete")),
        Err(("member_wrong", "/amends/effect")),
    );
    check(
        "\"title\"",
        &amends(&good.replace("0a", "0A")),
        Err(("name", "/amends/statement")),
    );
    check(
        "\"title\"",
        &amends(&good.replace("\"effect\"", "\"how\"")),
        Err(("member_unknown", "/amends/how")),
    );
    check(
        "\"title\"",
        &amends(&format!("\"{id}\"")),
        Err(("member_wrong", "/amends")),
    );
    check(
        "\"title\"",
        &amends("null"),
        Err(("member_wrong", "/amends")),
    );
    check(
        "\"title\"",
        &amends("{}"),
        Err(("member_missing", "/amends/effect")),
    );
}

#[test]
fn other_members_are_for_the_door() {
    check("\"stage\":\"award\",", "", Ok(()));
    check("\"award\"", "[{}]", Ok(()));
    check("\"title\"", "\"titel\"", Ok(()));
    check("\"title\"", "\"ref\":7,\"title\"", Ok(()));
}

#[test]
fn a_version_that_is_not_known_is_judged_by_its_frame_only() {
    let text = trade_text("SS-1", None, "")
        .replace("\"v\":1", "\"v\":2")
        .replace("\"issued\"", "\"issued_at\"");
    let statement = sign_statement(&text, &[&centre()]).unwrap();
    assert_eq!(
        (statement.body(), statement.is_understood()),
        (&Body::Unknown, false)
    );
    // Whatever its v, it stands in the chain of the project.
    assert_eq!(statement.chain(), trade("SS-1", None, "").chain());
    assert_eq!(statement.issued(), None);
    let unknown = other("weather", 7, &centre());
    assert_eq!(
        (unknown.body(), unknown.chain().to_string()),
        (&Body::Unknown, "weather ggzy.shaoshan.example".into())
    );
    for (name, body) in [
        ("endorse", Body::Endorse),
        ("order", Body::Order),
        ("notice", Body::Notice),
    ] {
        assert_eq!(*other(name, 1, &centre()).body(), body);
        assert_eq!(*other(name, 2, &centre()).body(), Body::Unknown);
    }
    // Keys that cannot be followed are worse than a statement that is not understood.
    check_text(
        &genesis_text().replace("\"v\":1", "\"v\":2"),
        &[&authority('a')],
        Err(("key_version", "-")),
    );
    let key = key_text(Hash::ZERO, &[revoke(&centre())]).replace("\"v\":1", "\"v\":2");
    check_text(&key, &[&authority('a')], Err(("key_version", "-")));
}

#[test]
fn a_text_is_one_line_of_the_grammar() {
    check("{", " {", Err(("json", "")));
    check("}", "} ", Err(("json", "")));
    check("\"v\":1", "\"v\":1.0", Err(("json", "/v")));
    check("\"v\":1", "\"v\":1,\"v\":1", Err(("json", "")));
    check("{", "{\n", Err(("not_one_line", "-")));
    check("}\n", "}\n\n", Err(("not_one_line", "-")));
    check("}\n", "}", Err(("not_one_line", "-"))); // sign_statement() signs no text without its line feed
    check("\"v\":1", "\t\"v\":1", Err(("json", "")));
    check_text("[]\n", &[&centre()], Err(("json", "")));
    check_text("\n", &[&centre()], Err(("json", "")));
}

#[test]
fn one_line_by_the_publisher_and_no_other() {
    let text = trade_text("SS-1", None, "");
    check_text(
        &text,
        &[&centre(), &supervisor()],
        Err(("signature_lines", "-")),
    );
    check_text(
        &text,
        &[&centre(), &centre()],
        Err(("signature_lines", "-")),
    );
    check_text(&text, &[&supervisor()], Err(("signature_name", "-")));
    check_text(&text, &[], Err(("not_a_note", "-")));
    let mut signature = centre().sign(&text);
    signature.bytes.pop();
    let note = Note {
        text: text.clone(),
        signatures: vec![signature],
    }
    .encode();
    assert!(matches!(
        Statement::parse(note.as_bytes()),
        Err(StatementError::SignatureBytes { have: 63, .. })
    ));
    // A signature line may be by anybody and say anything: it is parsed here, and verified elsewhere.
    let mut signature = centre().sign(&text);
    signature.bytes = vec![0; 64];
    signature.key_id = 7;
    let note = Note {
        text,
        signatures: vec![signature],
    }
    .encode();
    assert!(Statement::parse(note.as_bytes()).is_ok());
}

#[test]
fn texts_and_notes_have_a_largest_size() {
    let padded = |bytes: usize| {
        let short = trade_text("SS-1", None, ",\"details\":{\"x\":\"\"}");
        trade_text(
            "SS-1",
            None,
            &format!(
                ",\"details\":{{\"x\":\"{}\"}}",
                "x".repeat(bytes - short.len())
            ),
        )
    };
    check_text(&padded(TEXT_BYTES_MAX), &[&centre()], Ok(()));
    check_text(
        &padded(TEXT_BYTES_MAX + 1),
        &[&centre()],
        Err(("text_too_long", "-")),
    );
    check_text(
        &padded(TEXT_BYTES_MAX + 500),
        &[&centre()],
        Err(("note_too_long", "-")),
    );
    assert!(matches!(
        Statement::parse(&[b'x'; 1 << 20]),
        Err(StatementError::NoteBytes { .. })
    ));

    // The longest name leaves no doubt that the bound of a note is that of a text.
    let longest = signer(&"a".repeat(128), 9);
    let text = padded(TEXT_BYTES_MAX - 128 + "ggzy.shaoshan.example".len());
    let text = text.replace("ggzy.shaoshan.example", longest.name());
    assert_eq!(text.len(), TEXT_BYTES_MAX);
    assert_eq!(
        sign_statement(&text, &[&longest]).unwrap().note().len(),
        NOTE_BYTES_MAX
    );

    let lines = [&authority('a'), &authority('b')];
    let reason = |bytes: usize| {
        let vkey = centre().vkey().to_string();
        let one = format!(
            r#"{{"op":"revoke","vkey":"{vkey}","reason":"{}"}}"#,
            "r".repeat(bytes)
        );
        key_text(Hash::ZERO, &[one.clone(), one])
    };
    check_text(&reason(400), &lines, Ok(()));
    check_text(&reason(900), &lines, Err(("note_too_long", "-")));
    let long = genesis_text().replace("示例运营单位", &"x".repeat(256));
    check_text(&long, &lines, Ok(()));
    let many: Vec<Signer> = (100..116)
        .map(|i| signer(&format!("{}{i}", "a".repeat(120)), i))
        .collect();
    let many: Vec<&Signer> = many.iter().collect();
    let (few, vkeys) = (
        vkeys(&[&authority('a'), &authority('b'), &authority('c')]),
        vkeys(&many),
    );
    check_text(
        &genesis_text().replace(&few, &vkeys),
        &many,
        Err(("note_too_long", "-")),
    );
}

/// The genesis after one edit.
#[track_caller]
fn check_genesis(from: &str, to: &str, expected: Result<(), (&str, &str)>) {
    assert!(genesis_text().contains(from), "{from} does not occur");
    check_text(
        &genesis_text().replacen(from, to, 1),
        &[&authority('a'), &authority('b')],
        expected,
    );
}

#[test]
fn a_genesis_is_closed() {
    let genesis = genesis();
    let Body::Genesis(body) = genesis.body() else {
        panic!("{genesis:?}")
    };
    assert_eq!(
        (
            body.authority.threshold,
            body.authority.vkeys.len(),
            body.log.len()
        ),
        (2, 3, 1)
    );
    assert_eq!((genesis.chain(), genesis.publisher()), (&Chain::Keys, None));
    check_genesis(
        "\"hash\":\"sha-256\"",
        "\"hash\":\"sm3\"",
        Err(("member_wrong", "/hash")),
    );
    check_genesis(
        "\"hash\":\"sha-256\",",
        "",
        Err(("member_missing", "/hash")),
    );
    check_genesis(
        "\"hash\"",
        "\"note\":\"x\",\"hash\"",
        Err(("member_unknown", "/note")),
    );
    check_genesis(
        "\"hash\"",
        "\"publisher\":\"a\",\"hash\"",
        Err(("member_unknown", "/publisher")),
    );
    check_genesis(
        "\"threshold\":2",
        "\"threshold\":0",
        Err(("member_wrong", "/authority/threshold")),
    );
    check_genesis(
        "\"threshold\":2",
        "\"threshold\":4",
        Err(("member_wrong", "/authority/threshold")),
    );
    check_genesis("\"threshold\":2", "\"threshold\":3", Ok(()));
    check_genesis(
        "\"threshold\":2,",
        "",
        Err(("member_missing", "/authority/threshold")),
    );
    check_genesis(
        "\"uscc\":null",
        "\"uscc\":\"\"",
        Err(("member_wrong", "/operator/uscc")),
    );
    check_genesis(
        "\"uscc\":null",
        "\"uscc\":\"91x\"",
        Err(("member_wrong", "/operator/uscc")),
    );
    check_genesis(
        ",\"uscc\":null",
        "",
        Err(("member_missing", "/operator/uscc")),
    );
    check_genesis("\"uscc\":null", "\"uscc\":\"12500000745322928L\"", Ok(()));
    check_genesis("示例运营单位", "", Err(("member_wrong", "/operator/name")));
    check_genesis(
        "示例运营单位",
        &"x".repeat(257),
        Err(("member_wrong", "/operator/name")),
    );
    let log = log().vkey().to_string();
    check_genesis(&format!("[\"{log}\"]"), "[]", Err(("member_wrong", "/log")));
    check_genesis(
        &format!("[\"{log}\"]"),
        "[1]",
        Err(("member_wrong", "/log/0")),
    );
    check_genesis(
        &format!("[\"{log}\"]"),
        &format!("\"{log}\""),
        Err(("member_wrong", "/log")),
    );
    check_genesis(
        &format!("[\"{log}\"]"),
        &format!("[\"{log}\",\"{log}\"]"),
        Err(("key_twice", "/log/1")),
    );
    check_genesis(&log, &log.replace("+A", "+B"), Err(("vkey", "/log/0")));
    // A witness's key (0x04) signs no checkpoint of ours, and a name that only signed-note takes is not admitted.
    let witness = "w.example+4d366b6a+BDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    check_genesis(&log, witness, Err(("vkey", "/log/0")));
    let shouting = signer("LOG.example", 1).vkey().to_string();
    check_genesis(&log, &shouting, Err(("name", "/log/0")));
}

#[track_caller]
fn check_change(change: &str, expected: Result<(), (&str, &str)>) {
    let text = key_text(Hash::ZERO, &[change.to_owned()]);
    check_text(&text, &[&authority('a'), &authority('b')], expected);
}

#[test]
fn changes_of_keys_are_closed() {
    let good = admit("publisher", &centre());
    check_change(&good, Ok(()));
    check_change(
        &good.replace("}", ",\"live_from\":\"2026-11-23T00:00:00+08:00\"}"),
        Ok(()),
    );
    check_change(
        &good.replace("}", ",\"live_from\":\"2026\"}"),
        Err(("time", "/changes/0/live_from")),
    );
    check_change(
        &good.replace("}", ",\"until\":null}"),
        Err(("member_unknown", "/changes/0/until")),
    );
    check_change(
        &good.replace("publisher", "admin"),
        Err(("member_wrong", "/changes/0/role")),
    );
    check_change(
        &good.replace("\"admit\"", "\"grant\""),
        Err(("member_wrong", "/changes/0/op")),
    );
    check_change(
        &good.replace(",\"uscc\":null", ""),
        Err(("member_missing", "/changes/0/uscc")),
    );
    check_change(
        &good.replace("\"vkey\"", "\"key\""),
        Err(("member_unknown", "/changes/0/key")),
    );
    check_change("{}", Err(("member_missing", "/changes/0/op")));
    check_change("[]", Err(("member_wrong", "/changes/0")));
    let good = revoke(&centre());
    check_change(
        &good.replace("}", ",\"suspect_since\":\"2026-11-23T00:00:00Z\"}"),
        Ok(()),
    );
    check_change(
        &good.replace("轮换", ""),
        Err(("member_wrong", "/changes/0/reason")),
    );
    check_change(&authorities(1, &[&authority('d')]), Ok(()));
    check_change(
        &authorities(2, &[&authority('d')]),
        Err(("member_wrong", "/changes/0/threshold")),
    );
    check_change(
        &authorities(1, &[]),
        Err(("member_wrong", "/changes/0/vkeys")),
    );
    let twice = authorities(1, &[&authority('d'), &authority('d')]);
    check_change(&twice, Err(("key_twice", "/changes/0/vkeys/1")));
    let text = key_text(Hash::ZERO, &[]);
    check_text(&text, &[&authority('a')], Err(("member_wrong", "/changes")));

    let hash = "0a".repeat(32);
    let erase = format!(
        r#"{{"op":"erase_entry","index":7,"leaf_hash":"{hash}","statement":"{hash}","statement_type":"trade","publisher":"a","project":"P","basis":"判决书"}}"#
    );
    check_change(&erase, Ok(()));
    check_change(
        &erase
            .replace("\"trade\"", "\"order\"")
            .replace("\"P\"", "null"),
        Ok(()),
    );
    check_change(
        &erase.replace("\"trade\"", "\"order\""),
        Err(("member_wrong", "/changes/0/project")),
    );
    check_change(
        &erase
            .replace("\"trade\"", "\"order\"")
            .replace("\"project\":\"P\",", ""),
        Err(("member_missing", "/changes/0/project")),
    );
    check_change(
        &erase.replace("\"P\"", "null"),
        Err(("member_wrong", "/changes/0/project")),
    );
    check_change(
        &erase.replace("\"trade\"", "\"key\""),
        Err(("member_wrong", "/changes/0/statement_type")),
    );
    check_change(
        &erase.replace("\"trade\"", "\"genesis\""),
        Err(("member_wrong", "/changes/0/statement_type")),
    );
    check_change(
        &erase.replace("7", "-7"),
        Err(("member_wrong", "/changes/0/index")),
    );
    check_change(
        &erase.replace("判决书", ""),
        Err(("member_wrong", "/changes/0/basis")),
    );
    check_change(
        &erase.replace(&hash, "0a"),
        Err(("name", "/changes/0/leaf_hash")),
    );
}

#[test]
fn fields_are_read_by_name_and_wrong_types_read_as_absent() {
    let digest = Hash::sha256(b"pdf");
    let more = format!(
        r#","lots":["1","2"],"codes":[{{"scheme":"s","value":"兰财采字"}},{{"scheme":1}}],"documents":[{{"name":"a.pdf","media_type":"application/pdf","size":3,"sha256":"{digest}"}},{{}}],"about":{{"publisher":"a","project":"P"}},"events":{{"opening":"2026-11-20T09:00:00+08:00","paid":7}},"method":"open-tender","mandatory_tender":true,"details":{{"a":1}}"#
    );
    let statement = trade("SS-1", None, &more);
    let fields = statement.fields();
    assert_eq!(fields.stage().map(|s| s.as_str()), Some("award"));
    assert_eq!(
        (fields.kind(), fields.category()),
        (Some("award_notice"), Some("construction"))
    );
    assert_eq!(
        (fields.title(), fields.region()),
        (Some("中标结果公告"), Some("430382"))
    );
    assert_eq!(
        (fields.method(), fields.mandatory_tender()),
        (Some("open-tender"), Some(true))
    );
    assert_eq!(fields.lots(), ["1", "2"]);
    assert_eq!(
        fields.codes(),
        [Code {
            scheme: "s",
            value: "兰财采字"
        }]
    );
    let document = Document {
        name: "a.pdf",
        media_type: "application/pdf",
        size: 3,
        sha256: digest,
    };
    assert_eq!(fields.documents(), [document]);
    assert_eq!(
        fields.about(),
        Some(About {
            publisher: "a",
            project: "P",
            statement: None
        })
    );
    assert_eq!(
        fields.event("opening").unwrap().to_string(),
        "2026-11-20T09:00:00+08:00"
    );
    assert_eq!((fields.event("paid"), fields.events().len()), (None, 1));
    assert!(fields.details().is_some());
    let statement = trade(
        "SS-1",
        None,
        r#","lots":7,"events":[],"about":{"publisher":"a"}"#,
    );
    let fields = statement.fields();
    assert!(fields.lots().is_empty() && fields.events().is_empty() && fields.about().is_none());
}

#[test]
fn a_draft_is_filled_in_and_never_overruled() {
    let mut draft = Draft::parse(r#"{"title":"标题","project":"P"}"#.as_bytes()).unwrap();
    let head = Hash::sha256(b"head");
    draft.fill(LEDGER, "a.example", Some(&head)).unwrap();
    let text = draft.text().unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"type":"trade","v":1,"ledger":"{LEDGER}","publisher":"a.example","follows":"{head}","project":"P","title":"标题"}}"#
        ) + "\n"
    );
    draft.fill(LEDGER, "a.example", Some(&head)).unwrap(); // the same again is no conflict
    let before = draft.clone();
    assert!(matches!(
        draft.fill(LEDGER, "b.example", Some(&head)),
        Err(DraftError::Conflict {
            member: "publisher",
            ..
        })
    ));
    assert!(matches!(
        draft.fill(LEDGER, "a.example", None),
        Err(DraftError::Conflict {
            member: "follows",
            ..
        })
    ));
    assert_eq!(draft, before);
    draft.remove("follows");
    draft.fill(LEDGER, "a.example", None).unwrap();
    draft.set("title", "a\u{ffff}");
    assert!(matches!(draft.text(), Err(DraftError::Json(_))));
    draft.set("title", "x".repeat(TEXT_BYTES_MAX));
    assert!(matches!(draft.text(), Err(DraftError::TextBytes { .. })));
    assert!(Draft::parse(b"[]").is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Statement::parse(&bytes);
    }

    /// Whatever byte of a note is changed: it is refused, or it is another note with its own bytes, text and id.
    #[test]
    fn a_changed_byte_is_refused_or_another_statement(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let signed = trade("SS-1", None, r#","details":{"a":"韶山\n"}"#);
        let mut bytes = signed.note().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Statement::parse(&bytes) {
            prop_assert_eq!(other.note().as_ref(), bytes.as_slice());
            prop_assert_eq!(other.id(), Hash::sha256(other.text().as_bytes()));
            let verifies = centre().vkey().verify(other.text().as_bytes(), &other.signatures()[0].bytes);
            let same_key = other.signatures()[0].names(centre().vkey());
            prop_assert!(!(verifies && same_key));
        }
    }
}
