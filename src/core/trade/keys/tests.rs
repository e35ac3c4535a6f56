//! Whose signatures count, from where to where.

use super::*;
use crate::lang::Bilingual;
use crate::trade::statement::sign_statement;
use crate::trade::testing::*;

/// The code of a refusal, or nothing.
#[track_caller]
fn check<T>(got: Result<T, KeyError>, expected: Result<(), &str>) {
    let got = got.map(|_| ());
    assert_eq!(
        got.as_ref().copied().map_err(KeyError::code),
        expected,
        "{got:?}"
    );
    if let Err(error) = got {
        assert!(!error.zh().is_ascii() && !error.to_string().is_empty());
    }
}

fn listed(state: &KeyState, index: u64) -> Vec<(&str, &str)> {
    state
        .in_force_at(index)
        .map(|key| (key.role.as_str(), key.vkey.name()))
        .collect()
}

#[test]
fn a_genesis_is_signed_by_its_own_threshold_and_nobody_else() {
    let (a, b, c, d) = (
        authority('a'),
        authority('b'),
        authority('c'),
        authority('d'),
    );
    let genesis = |signers: &[&crate::tlog::note::Signer]| {
        KeyState::from_genesis(&sign_statement(&genesis_text(), signers).unwrap())
    };
    check(genesis(&[&a, &b]), Ok(()));
    check(genesis(&[&c, &a]), Ok(())); // in any order
    check(genesis(&[&a, &b, &c]), Ok(()));
    check(genesis(&[&a]), Err("authority_threshold"));
    check(genesis(&[&a, &a]), Err("authority_line"));
    check(genesis(&[&a, &b, &d]), Err("authority_line"));
    check(genesis(&[&a, &b, &log()]), Err("authority_line"));
    // The name and key ID of an authority, and another key's signature.
    let mut signed =
        crate::tlog::note::Note::parse(super::super::testing::genesis().note()).unwrap();
    signed.signatures[1].bytes = signed.signatures[0].bytes.clone();
    check(
        KeyState::from_genesis(&Statement::parse(signed.encode().as_bytes()).unwrap()),
        Err("signature"),
    );

    let state = genesis(&[&a, &b]).unwrap();
    assert_eq!(
        (state.ledger(), state.genesis_id()),
        (LEDGER, Hash::sha256(genesis_text().as_bytes()))
    );
    assert_eq!(state.log_vkeys().collect::<Vec<_>>(), [log().vkey()]);
    assert_eq!(state.operator().name, "示例运营单位");
}

#[test]
fn a_genesis_has_log_keys_of_its_name_and_authorities_of_others() {
    let edited = |from: &str, to: &str| {
        let text = genesis_text().replace(from, to);
        assert_ne!(text, genesis_text());
        KeyState::from_genesis(&sign_statement(&text, &[&authority('a'), &authority('b')]).unwrap())
    };
    let (log, c) = (log(), authority('c'));
    check(
        edited(
            &log.vkey().to_string(),
            &signer("other.example", 1).vkey().to_string(),
        ),
        Err("key_name"),
    );
    check(
        edited(&c.vkey().to_string(), &signer(LEDGER, 9).vkey().to_string()),
        Err("key_name"),
    );
    check(
        edited(
            &c.vkey().to_string(),
            &signer("c.example", 1).vkey().to_string(),
        ),
        Err("key_known"),
    ); // the log's key
    check(
        edited(
            "\"follows\":null",
            &format!("\"follows\":\"{}\"", Hash::ZERO),
        ),
        Err("genesis"),
    );
    check(
        KeyState::from_genesis(&trade("SS-1", None, "")),
        Err("genesis"),
    );
}

#[test]
fn a_key_counts_after_it_is_admitted_and_until_it_is_revoked() {
    let (mut state, key_1) = keys_of_three();
    let statement = trade("SS-1", None, "");
    check(state.verify(&statement), Ok(()));
    assert_eq!(state.signer(&statement).unwrap().admitted_at, 1);
    let successor = signer(centre().name(), 0x41);
    let rotate = key(key_1, &[admit("publisher", &successor), revoke(&centre())]);
    state.apply(7, &rotate).unwrap();
    check(state.verify(&statement), Err("key_revoked"));
    check(
        state.verify(&sign_statement(statement.text(), &[&successor]).unwrap()),
        Ok(()),
    );
    let centre_key = state
        .keys()
        .find(|key| key.vkey == *centre().vkey())
        .unwrap();
    let in_force: Vec<u64> = (0..=9)
        .filter(|index| centre_key.in_force_at(*index))
        .collect();
    assert_eq!(in_force, [2, 3, 4, 5, 6, 7]); // of record 7, which revokes it, too
    assert_eq!(listed(&state, 0), []);
    assert_eq!(listed(&state, 1), [("log", LEDGER)]);
    assert_eq!(listed(&state, 8).len(), 4);
    assert_eq!(state.authority_at(0), state.authority_at(8));
}

#[test]
fn strangers_and_forgers_do_not_count() {
    let (state, _) = keys_of_three();
    let statement = trade("SS-1", None, "");
    let by =
        |signer: &crate::tlog::note::Signer| sign_statement(statement.text(), &[signer]).unwrap();
    check(
        state.verify(&by(&signer(centre().name(), 0x66))),
        Err("key_unknown"),
    ); // the name, and a key of one's own
    let edited = |edit: fn(&mut crate::tlog::note::Signature)| {
        let mut note = crate::tlog::note::Note::parse(statement.note()).unwrap();
        edit(&mut note.signatures[0]);
        Statement::parse(note.encode().as_bytes()).unwrap()
    };
    check(state.verify(&edited(|s| s.bytes[7] ^= 1)), Err("signature"));
    check(
        state.verify(&edited(|s| s.bytes[63] ^= 0x80)),
        Err("signature"),
    );
    check(
        state.verify(&edited(|s| s.bytes = vec![0; 64])),
        Err("signature"),
    );
    check(state.verify(&edited(|s| s.key_id ^= 1)), Err("key_unknown"));
    check(state.check_lines(&edited(|s| s.bytes[7] ^= 1)), Ok(())); // without the arithmetic
    let other_text = sign_statement(&trade_text("SS-2", None, ""), &[&centre()]).unwrap();
    let mut note = crate::tlog::note::Note::parse(statement.note()).unwrap();
    note.text = other_text.text().to_owned();
    check(
        state.verify(&Statement::parse(note.encode().as_bytes()).unwrap()),
        Err("signature"),
    );
}

#[test]
fn the_role_decides_what_a_key_signs() {
    let (mut state, key_1) = keys_of_three();
    let log_2 = signer(LEDGER, 0x51);
    state
        .apply(2, &key(key_1, &[admit("log", &log_2)]))
        .unwrap();
    let (publisher, supervisor, operator) = (centre(), supervisor(), operator());
    for (statement_type, allowed) in [
        ("endorse", [false, true, false]),
        ("order", [true, true, false]),
        ("notice", [false, false, true]),
        ("weather", [true, true, true]),
    ] {
        for (by, allowed) in [&publisher, &supervisor, &operator]
            .into_iter()
            .zip(allowed)
        {
            for version in [1, 2] {
                let expected = if allowed { Ok(()) } else { Err("key_role") };
                check(state.verify(&other(statement_type, version, by)), expected);
            }
        }
        check(
            state.verify(&other(statement_type, 1, &log())),
            Err("key_role"),
        );
        check(
            state.verify(&other(statement_type, 1, &log_2)),
            Err("key_role"),
        );
        check(
            state.verify(&other(statement_type, 1, &authority('a'))),
            Err("key_unknown"),
        );
    }
    for (by, expected) in [
        (&publisher, Ok(())),
        (&supervisor, Err("key_role")),
        (&operator, Err("key_role")),
    ] {
        let text = trade_text("SS-1", None, "").replace(publisher.name(), by.name());
        check(
            state.verify(&sign_statement(&text, &[by]).unwrap()),
            expected,
        );
    }
    check(state.signer(&genesis()), Err("authorities_sign"));
}

/// What `changes`, signed by these authorities, give after genesis and the three admissions.
fn after(changes: &[String], signers: &[&crate::tlog::note::Signer]) -> Result<KeyState, KeyError> {
    let (mut state, key_1) = keys_of_three();
    let statement = sign_statement(&key_text(key_1, changes), signers).unwrap();
    let untouched = state.clone();
    let result = state.apply(5, &statement);
    if result.is_err() {
        assert!(
            Arc::ptr_eq(&untouched.0, &state.0),
            "nothing is applied if one change is invalid"
        );
    }
    result.map(|()| state)
}

#[test]
fn key_statements_need_the_threshold_in_force() {
    let (a, b, c, d) = (
        authority('a'),
        authority('b'),
        authority('c'),
        authority('d'),
    );
    let changes = [admit("publisher", &signer("n.example", 0x31))];
    check(after(&changes, &[&a, &b]), Ok(()));
    check(after(&changes, &[&b, &c]), Ok(()));
    check(after(&changes, &[&a]), Err("authority_threshold"));
    check(after(&changes, &[&a, &d]), Err("authority_line"));
    check(after(&changes, &[&a, &b, &d]), Err("authority_line"));
    check(after(&changes, &[&a, &b, &a]), Err("authority_line"));
    check(after(&changes, &[&a, &b, &centre()]), Err("authority_line"));
    check(
        after(&changes, &[&signer(a.name(), 0x77), &b]),
        Err("authority_line"),
    );
}

#[test]
fn a_change_of_authorities_needs_the_old_and_the_new() {
    let (a, b, c, d, e) = (
        authority('a'),
        authority('b'),
        authority('c'),
        authority('d'),
        authority('e'),
    );
    let new = [authorities(2, &[&b, &d, &e])];
    check(after(&new, &[&a, &b, &d]), Ok(())); // b counts for both
    check(after(&new, &[&a, &c, &d, &e]), Ok(()));
    check(after(&new, &[&b, &d]), Err("authority_threshold")); // one of the old
    check(after(&new, &[&a, &b]), Err("authority_threshold")); // one of the new
    check(after(&new, &[&d, &e]), Err("authority_threshold"));
    check(
        after(&new, &[&a, &b, &d, &signer("x.example", 0x71)]),
        Err("authority_line"),
    );
    let two = [authorities(2, &[&b, &d]), authorities(2, &[&b, &e])];
    check(after(&two, &[&a, &b, &d, &e]), Err("authority_twice"));

    let mut state = after(&new, &[&a, &b, &d]).unwrap();
    let head = state.0.records.last().unwrap().1;
    let next = |signers: &[&crate::tlog::note::Signer], changes: &[String]| {
        sign_statement(&key_text(head, changes), signers).unwrap()
    };
    let admission = [admit("publisher", &signer("n.example", 0x31))];
    check(
        state.verify(&next(&[&a, &b], &admission)),
        Err("authority_line"),
    ); // a is out
    check(state.verify(&next(&[&d, &e], &admission)), Ok(()));
    assert_eq!(state.authority_at(5).vkeys.len(), 3);
    assert!(state.authority_at(5).vkeys.contains(a.vkey()));
    assert!(!state.authority_at(6).vkeys.contains(a.vkey()));
    // Whoever left the set does not come back, and is not admitted as anything else.
    check(
        state.apply(6, &next(&[&b, &d, &a], &[authorities(1, &[&b, &a])])),
        Err("key_known"),
    );
    check(
        state.apply(6, &next(&[&b, &d], &[admit("publisher", &a)])),
        Err("key_known"),
    );
    check(
        state.apply(6, &next(&[&b, &d], &[authorities(1, &[&b])])),
        Ok(()),
    );
}

#[test]
fn a_public_key_is_admitted_once_under_one_name_and_role() {
    let signers = [&authority('a'), &authority('b')];
    let fresh = signer("n.example", 0x31);
    let one = |change: String| after(&[change], &signers);
    check(one(admit("publisher", &fresh)), Ok(()));
    check(one(admit("publisher", &centre())), Err("key_known"));
    check(one(admit("supervisor", &centre())), Err("key_known"));
    check(
        one(admit("publisher", &signer("other.example", 0x21))),
        Err("key_known"),
    ); // the centre's key, renamed
    check(one(admit("publisher", &authority('c'))), Err("key_known"));
    check(
        one(admit("publisher", &signer("other.example", 1))),
        Err("key_known"),
    ); // the log's key
    check(
        after(
            &[admit("publisher", &fresh), admit("supervisor", &fresh)],
            &signers,
        ),
        Err("key_known"),
    );
    check(
        after(
            &[revoke(&centre()), admit("publisher", &centre())],
            &signers,
        ),
        Err("key_known"),
    );
    check(
        one(admit("publisher", &signer(LEDGER, 0x32))),
        Err("key_name"),
    );
    check(one(admit("log", &fresh)), Err("key_name"));
    check(one(admit("log", &signer(LEDGER, 0x32))), Ok(()));
    let new_set = authorities(1, &[&authority('a'), &centre()]);
    check(
        after(&[new_set], &[&authority('a'), &authority('b')]),
        Err("key_known"),
    );
    // The same bearer may have several keys, and roles, under one name.
    check(
        one(admit("supervisor", &signer(centre().name(), 0x33))),
        Ok(()),
    );
}

#[test]
fn only_what_is_in_force_is_revoked() {
    let signers = [&authority('a'), &authority('b')];
    let fresh = signer("n.example", 0x31);
    check(after(&[revoke(&centre())], &signers), Ok(()));
    check(after(&[revoke(&fresh)], &signers), Err("key_not_in_force"));
    check(
        after(&[revoke(&centre()), revoke(&centre())], &signers),
        Err("key_not_in_force"),
    );
    check(
        after(&[admit("publisher", &fresh), revoke(&fresh)], &signers),
        Err("key_not_in_force"),
    );
    check(
        after(&[revoke(&authority('c'))], &signers),
        Err("key_not_in_force"),
    );
    check(
        after(&[revoke(&signer("renamed.example", 0x21))], &signers),
        Err("key_not_in_force"),
    );
    check(after(&[revoke(&log())], &signers), Err("last_log_key"));
    check(
        after(
            &[revoke(&log()), admit("log", &signer(LEDGER, 0x32))],
            &signers,
        ),
        Ok(()),
    );
}

fn erase(index: u64) -> String {
    let hash = Hash::ZERO;
    format!(
        r#"{{"op":"erase_entry","index":{index},"leaf_hash":"{hash}","statement":"{hash}","statement_type":"trade","publisher":"a","project":"P","basis":"x"}}"#
    )
}

#[test]
fn an_entry_is_erased_once_afterwards_and_never_of_the_keys() {
    let signers = [&authority('a'), &authority('b')];
    let state = after(&[erase(3), erase(2)], &signers).unwrap();
    assert_eq!(state.erased(3).unwrap().ordered_at, 5);
    assert_eq!(
        state
            .erasures()
            .map(|erased| erased.erasure.index)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(
        state.erased(3).unwrap().erasure.chain().to_string(),
        "trade a P"
    );
    assert!(state.erased(4).is_none());
    check(after(&[erase(3), erase(3)], &signers), Err("erasure"));
    check(after(&[erase(5)], &signers), Err("erasure")); // itself
    check(after(&[erase(6)], &signers), Err("erasure"));
    check(after(&[erase(0)], &signers), Err("erasure")); // genesis
    check(after(&[erase(1)], &signers), Err("erasure")); // a key statement
    check(
        after(&[erase(3), revoke(&signer("n.example", 0x31))], &signers),
        Err("key_not_in_force"),
    );
}

#[test]
fn live_from_is_the_earliest_of_the_publisher() {
    let signers = [&authority('a'), &authority('b')];
    let with = |seed: u8, from: &str| {
        admit("publisher", &signer(centre().name(), seed))
            .replace("}", &format!(",\"live_from\":\"{from}\"}}"))
    };
    let state = after(
        &[
            with(0x31, "2026-11-02T00:00:00+08:00"),
            with(0x32, "2026-11-01T00:00:00+08:00"),
        ],
        &signers,
    )
    .unwrap();
    assert_eq!(
        state.live_from(centre().name()).unwrap().to_string(),
        "2026-11-01T00:00:00+08:00"
    );
    assert_eq!(state.live_from("n.example"), None);
}

#[test]
#[should_panic(expected = "record 1 applied after record 1")]
fn records_are_applied_in_order() {
    let (mut state, key_1) = keys_of_three();
    let _ = state.apply(1, &key(key_1, &[revoke(&centre())]));
}

/// Keys through two changes of authority: b and d rule after 2, d and e after 4; `late` is admitted at 5.
fn long_history() -> (KeyState, Vec<Statement>, crate::tlog::note::Signer) {
    let (a, b, d, e) = (
        authority('a'),
        authority('b'),
        authority('d'),
        authority('e'),
    );
    let late = signer("late.example", 0x61);
    let admissions = [
        admit("publisher", &centre()),
        admit("supervisor", &supervisor()),
    ];
    let steps: [(&[String], &[&crate::tlog::note::Signer]); 5] = [
        (&admissions, &[&a, &b]),
        (&[authorities(2, &[&b, &d])], &[&a, &b, &d]),
        (&[revoke(&supervisor())], &[&b, &d]),
        (
            &[authorities(2, &[&d, &e]), admit("operator", &operator())],
            &[&b, &d, &e],
        ),
        (&[admit("publisher", &late), revoke(&centre())], &[&d, &e]),
    ];
    let mut statements = vec![genesis()];
    let mut state = KeyState::from_genesis(&statements[0]).unwrap();
    for (index, (changes, signers)) in (1..).zip(steps) {
        let head = statements.last().unwrap().id();
        let statement = sign_statement(&key_text(head, changes), signers).unwrap();
        state.apply(index, &statement).unwrap();
        statements.push(statement);
    }
    (state, statements, late)
}

#[test]
fn evidence_is_what_the_key_follows_from_and_no_more() {
    let (state, statements, late) = long_history();
    let places = |statement: &Statement| -> Vec<usize> {
        let notes = state.evidence(statement).unwrap();
        notes
            .iter()
            .map(|note| statements.iter().position(|s| s.note() == *note).unwrap())
            .collect()
    };
    assert_eq!(places(&trade("SS-1", None, "")), [0, 1]); // admitted at 1, revoked since
    assert_eq!(places(&other("notice", 1, &operator())), [0, 2, 4]); // 4 admits it and changes the authorities
    assert_eq!(places(&other("weather", 1, &late)), [0, 2, 4, 5]);
    assert_eq!(places(&statements[0]), [0]);
    assert_eq!(places(&statements[3]), [0, 2]);
    check(
        state.evidence(&other("weather", 1, &signer("n.example", 0x31))),
        Err("key_unknown"),
    );
}

#[test]
fn evidence_is_replayed_from_the_pinned_genesis_and_nothing_is_believed() {
    let (state, statements, late) = long_history();
    let pinned = state.genesis_id();
    let replay = |places: &[usize]| {
        let notes: Vec<&[u8]> = places
            .iter()
            .map(|place| statements[*place].note().as_ref())
            .collect();
        KeyState::from_evidence(&pinned, &notes)
    };
    // With gaps: 1 and 3 are left out, and what 5 revokes was admitted by 1.
    let replayed = replay(&[0, 2, 4, 5]).unwrap();
    check(replayed.verify(&other("weather", 1, &late)), Ok(()));
    check(replayed.verify(&other("notice", 1, &operator())), Ok(()));
    check(
        replayed.verify(&trade("SS-1", None, "")),
        Err("key_unknown"),
    );
    check(
        replay(&[0, 1]).unwrap().verify(&trade("SS-1", None, "")),
        Ok(()),
    );
    check(replay(&[0, 4, 5]), Err("authority_threshold")); // without the change by which d came in
    check(replay(&[0, 5]), Err("authority_line"));
    check(replay(&[0, 2, 5]), Err("authority_line"));
    check(replay(&[1]), Err("genesis"));
    check(replay(&[]), Err("genesis"));
    check(replay(&[0, 0]), Err("evidence"));
    check(replay(&[0, 2, 2]), Err("authority_line"));
    let genesis = statements[0].note().as_ref();
    check(
        KeyState::from_evidence(&Hash::ZERO, &[genesis]),
        Err("genesis"),
    );
    check(
        KeyState::from_evidence(&pinned, &[genesis, b"x"]),
        Err("evidence"),
    );
    check(
        KeyState::from_evidence(&pinned, &[genesis, trade("SS-1", None, "").note()]),
        Err("evidence"),
    );
    check(
        KeyState::from_evidence(&pinned, &[genesis; 257]),
        Err("evidence"),
    );
    let text = statements[1].text().replace(LEDGER, "other.example");
    let elsewhere = sign_statement(&text, &[&authority('a'), &authority('b')]).unwrap();
    check(
        KeyState::from_evidence(&pinned, &[genesis, elsewhere.note()]),
        Err("ledger"),
    );
    // Another genesis of the same name, by other authorities, has another id.
    let (x, y) = (signer("x.example", 0x71), signer("y.example", 0x72));
    let theirs = genesis_text().replace(
        &vkeys(&[&authority('a'), &authority('b'), &authority('c')]),
        &vkeys(&[&x, &y]),
    );
    let theirs = sign_statement(&theirs, &[&x, &y]).unwrap();
    assert!(KeyState::from_genesis(&theirs).is_ok());
    check(
        KeyState::from_evidence(&pinned, &[theirs.note()]),
        Err("genesis"),
    );
}

#[test]
fn low_order_and_noncanonical_keys_are_never_read() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut not_reduced = [0xff; 32]; // y = p + 1 in its low bits: the identity, written another way
    (not_reduced[0], not_reduced[31]) = (0xee, 0x7f);
    for key in [identity, [0; 32], not_reduced] {
        let id =
            crate::tlog::note::key_id("n.example", crate::tlog::note::Algorithm::Ed25519, &key);
        let vkey = format!(
            "n.example+{id:08x}+{}",
            STANDARD.encode([[1].as_slice(), &key].concat())
        );
        let change = format!(
            r#"{{"op":"admit","role":"publisher","vkey":"{vkey}","name":"x","uscc":null}}"#
        );
        let error =
            sign_statement(&key_text(Hash::ZERO, &[change]), &[&authority('a')]).unwrap_err();
        assert_eq!(
            (error.code(), error.pointer()),
            ("vkey", Some("/changes/0/vkey")),
            "{error}"
        );
    }
}

#[test]
fn two_keys_of_one_name_and_key_id_are_not_both_admitted() {
    // Found by trying 147,353 seeds: 32 bits are that short. A line could else select either key.
    let twin = |seed: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        crate::tlog::note::Signer::from_seed("twin.example", &bytes).unwrap()
    };
    let (first, second) = (twin(68_723), twin(147_353));
    assert_eq!(
        (first.vkey().key_id(), second.vkey().key_id()),
        (0xf5a7_3201, 0xf5a7_3201)
    );
    let signers = [&authority('a'), &authority('b')];
    let admit = |twin| admit("publisher", twin);
    check(after(&[admit(&first)], &signers), Ok(()));
    check(
        after(&[admit(&first), admit(&second)], &signers),
        Err("key_known"),
    );
    let set = [authorities(1, &[&authority('b'), &second])];
    let both = [admit(&first), set[0].clone()];
    check(
        after(&both, &[&authority('a'), &authority('b'), &second]),
        Err("key_known"),
    );
    let list = key_text(Hash::ZERO, &[authorities(1, &[&first, &second])]);
    let error = sign_statement(&list, &[&authority('a')]).unwrap_err();
    assert_eq!(error.code(), "key_twice");
    // The name and key ID of the admitted twin select its key, and the full key decides.
    let state = after(&[admit(&first)], &signers).unwrap();
    let statement = other("weather", 1, &second);
    assert_eq!(state.signer(&statement).unwrap().vkey, *first.vkey());
    check(state.verify(&statement), Err("signature"));
    check(state.verify(&other("weather", 1, &first)), Ok(()));
}
