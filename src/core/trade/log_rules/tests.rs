//! One row a log rule, accepted and refused: what the writer would not log, audit would report.

use super::*;
use crate::tlog::note::Signer;
use crate::trade::statement::sign_statement;
use crate::trade::testing::*;

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

/// The trade statements of the tests are issued at 2026-11-23T01:00:00Z.
fn at(index: u64, now: &str, before: Option<&str>) -> Position {
    Position {
        index,
        time: time(now),
        time_before: before.map(time),
    }
}

fn usual() -> Position {
    at(
        2,
        "2026-11-23T01:00:00.000Z",
        Some("2026-11-23T01:00:00.000Z"),
    )
}

#[track_caller]
fn check(
    statement: &Statement,
    position: &Position,
    keys: Option<&KeyState>,
    facts: &Facts<'_>,
    expected: Result<(), &str>,
) {
    let got = judge(statement, position, keys, facts);
    assert_eq!(
        got.as_ref().copied().map_err(LogFault::code),
        expected,
        "{got:?}"
    );
    if let Err(fault) = got {
        assert!(!fault.zh().is_ascii() && !fault.to_string().is_empty());
    }
}

#[track_caller]
fn check_trade(
    follows: Option<Hash>,
    more: &str,
    position: &Position,
    facts: &Facts<'_>,
    expected: Result<(), &str>,
) {
    let (keys, _) = keys_of_three();
    check(
        &trade("SS-1", follows, more),
        position,
        Some(&keys),
        facts,
        expected,
    );
}

#[test]
fn record_0_is_the_genesis_and_no_other_is() {
    let (keys, key_1) = keys_of_three();
    let zero = at(0, "2026-11-23T01:00:00.000Z", None);
    let none = Facts::default();
    check(&genesis(), &zero, None, &none, Ok(()));
    check(&trade("SS-1", None, ""), &zero, None, &none, Err("genesis"));
    check(
        &key(key_1, &[revoke(&centre())]),
        &zero,
        None,
        &none,
        Err("genesis"),
    );
    check(
        &genesis(),
        &at(1, "2026-11-23T01:00:00.000Z", None),
        None,
        &none,
        Err("genesis"),
    );
    check(
        &genesis(),
        &usual(),
        Some(&keys),
        &Facts {
            head: Some(key_1),
            ..none.clone()
        },
        Err("genesis"),
    );
    check(
        &trade("SS-1", None, ""),
        &zero,
        Some(&keys),
        &none,
        Err("genesis"),
    );
    let unsigned = sign_statement(&genesis_text(), &[&authority('a')]).unwrap();
    check(&unsigned, &zero, None, &none, Err("authority_threshold"));
}

#[test]
fn a_statement_is_for_this_ledger_and_by_a_key_in_force() {
    let (keys, _) = keys_of_three();
    let edited = |from: &str, to: &str, by: &Signer| {
        sign_statement(&trade_text("SS-1", None, "").replace(from, to), &[by]).unwrap()
    };
    let none = Facts::default();
    check(
        &edited(LEDGER, "log.example/2027", &centre()),
        &usual(),
        Some(&keys),
        &none,
        Err("ledger"),
    );
    check(
        &edited("", "", &signer(centre().name(), 0x31)),
        &usual(),
        Some(&keys),
        &none,
        Err("key_unknown"),
    );
    check(
        &edited(centre().name(), supervisor().name(), &supervisor()),
        &usual(),
        Some(&keys),
        &none,
        Err("key_role"),
    );
    check(
        &other("weather", 9, &centre()),
        &usual(),
        Some(&keys),
        &none,
        Ok(()),
    );
    check(
        &other("notice", 1, &centre()),
        &usual(),
        Some(&keys),
        &none,
        Err("key_role"),
    );
}

#[test]
fn a_statement_follows_the_head_of_its_chain() {
    let (head, older) = (Hash::sha256(b"head"), Hash::sha256(b"older"));
    let with = |head| Facts {
        head,
        ..Facts::default()
    };
    check_trade(None, "", &usual(), &with(None), Ok(()));
    check_trade(Some(head), "", &usual(), &with(Some(head)), Ok(()));
    check_trade(None, "", &usual(), &with(Some(head)), Err("follows"));
    check_trade(Some(head), "", &usual(), &with(None), Err("follows"));
    check_trade(Some(older), "", &usual(), &with(Some(head)), Err("follows"));
    let (keys, _) = keys_of_three();
    let fault = judge(
        &trade("SS-1", None, ""),
        &usual(),
        Some(&keys),
        &with(Some(head)),
    )
    .unwrap_err();
    let LogFault::Follows { head: told, .. } = &fault else {
        panic!("{fault}")
    };
    assert_eq!(*told, Some(head)); // so that the poster can sign again
    assert_eq!(
        fault.to_string(),
        format!("follows is null, the head of chain trade ggzy.shaoshan.example SS-1 is {head}")
    );
}

#[test]
fn only_an_earlier_statement_of_the_same_chain_is_amended() {
    let first = trade("SS-1", None, "");
    let amending = format!(
        r#","amends":{{"statement":"{}","effect":"correct"}}"#,
        first.id()
    );
    let head = Some(first.id());
    let with = |amended_chain| Facts {
        head,
        amended_chain,
        ..Facts::default()
    };
    let elsewhere = trade("SS-2", None, "");
    check_trade(
        head,
        &amending,
        &usual(),
        &with(Some(first.chain())),
        Ok(()),
    );
    check_trade(
        head,
        &amending,
        &usual(),
        &with(Some(elsewhere.chain())),
        Err("amends"),
    );
    check_trade(
        head,
        &amending,
        &usual(),
        &with(Some(&Chain::Keys)),
        Err("amends"),
    );
    check_trade(head, &amending, &usual(), &with(None), Err("amends"));
    assert_eq!(wants(&trade("SS-1", head, &amending)).amended, head);
    assert_eq!(wants(&first).amended, None);
    // In a version that is not understood, amends has no meaning yet.
    let text = trade_text("SS-1", head, &amending).replace("\"v\":1", "\"v\":2");
    let statement = sign_statement(&text, &[&centre()]).unwrap();
    check(
        &statement,
        &usual(),
        Some(&keys_of_three().0),
        &with(None),
        Ok(()),
    );
}

#[test]
fn time_never_goes_back_and_issued_is_not_far_ahead() {
    let (now, later) = ("2026-11-23T01:00:00.000Z", "2026-11-23T01:00:00.001Z");
    let none = Facts::default();
    check_trade(None, "", &at(2, now, Some(now)), &none, Ok(())); // equal allowed: one time a batch
    check_trade(None, "", &at(2, later, Some(now)), &none, Ok(()));
    check_trade(None, "", &at(2, now, Some(later)), &none, Err("time_back"));
    check_trade(
        None,
        "",
        &at(2, "2026-11-23T00:55:00.000Z", None),
        &none,
        Ok(()),
    ); // 300 s ahead
    check_trade(
        None,
        "",
        &at(2, "2026-11-23T00:54:59.999Z", None),
        &none,
        Err("issued_ahead"),
    );
    check_trade(
        None,
        "",
        &at(2, "2036-11-23T01:00:00.000Z", None),
        &none,
        Ok(()),
    ); // late is for the rules to report
    // Other types and versions have no issued that is judged.
    let text = trade_text("SS-1", None, "")
        .replace("\"v\":1", "\"v\":2")
        .replace("2026-11-23T09", "2099-11-23T09");
    let statement = sign_statement(&text, &[&centre()]).unwrap();
    check(
        &statement,
        &usual(),
        Some(&keys_of_three().0),
        &none,
        Ok(()),
    );
}

#[test]
fn changes_of_keys_are_judged_before_they_are_logged() {
    let (keys, key_1) = keys_of_three();
    let facts = Facts {
        head: Some(key_1),
        ..Facts::default()
    };
    let fresh = signer("n.example", 0x31);
    check(
        &key(key_1, &[admit("publisher", &fresh)]),
        &usual(),
        Some(&keys),
        &facts,
        Ok(()),
    );
    check(
        &key(key_1, &[admit("publisher", &centre())]),
        &usual(),
        Some(&keys),
        &facts,
        Err("key_known"),
    );
    check(
        &key(key_1, &[revoke(&fresh)]),
        &usual(),
        Some(&keys),
        &facts,
        Err("key_not_in_force"),
    );
    let one = sign_statement(
        &key_text(key_1, &[admit("publisher", &fresh)]),
        &[&authority('a')],
    )
    .unwrap();
    check(
        &one,
        &usual(),
        Some(&keys),
        &facts,
        Err("authority_threshold"),
    );
    check(
        &key(Hash::ZERO, &[admit("publisher", &fresh)]),
        &usual(),
        Some(&keys),
        &facts,
        Err("follows"),
    );
}

#[test]
fn an_order_to_erase_says_of_the_entry_what_it_is() {
    let (keys, key_1) = keys_of_three();
    let erased = trade("SS-1", None, "");
    let leaf_hash = Hash::sha256(b"leaf");
    let order = |leaf_hash: Hash, statement: Hash, project: &str| {
        key(
            key_1,
            &[format!(
                r#"{{"op":"erase_entry","index":2,"leaf_hash":"{leaf_hash}","statement":"{statement}","statement_type":"trade","publisher":"{}","project":"{project}","basis":"判决书"}}"#,
                centre().name()
            )],
        )
    };
    let position = at(3, "2026-11-23T01:00:00.000Z", None);
    let check = |order: &Statement, statement: Option<&Statement>, expected| {
        let entries = [ErasedEntry {
            leaf_hash,
            statement,
        }];
        let facts = Facts {
            head: Some(key_1),
            erased: &entries,
            ..Facts::default()
        };
        check(order, &position, Some(&keys), &facts, expected);
    };
    check(
        &order(leaf_hash, erased.id(), "SS-1"),
        Some(&erased),
        Ok(()),
    );
    check(&order(leaf_hash, erased.id(), "SS-1"), None, Ok(())); // erased before the auditor came
    check(
        &order(Hash::ZERO, erased.id(), "SS-1"),
        Some(&erased),
        Err("erasure"),
    );
    check(
        &order(Hash::ZERO, erased.id(), "SS-1"),
        None,
        Err("erasure"),
    );
    check(
        &order(leaf_hash, Hash::ZERO, "SS-1"),
        Some(&erased),
        Err("erasure"),
    );
    check(
        &order(leaf_hash, erased.id(), "SS-2"),
        Some(&erased),
        Err("erasure"),
    );
    assert_eq!(
        wants(&order(leaf_hash, erased.id(), "SS-1")).erasures[0].index,
        2
    );
}

#[test]
#[should_panic(expected = "one fact for each erasure")]
fn a_missing_fact_is_no_fact_in_favour() {
    let (keys, key_1) = keys_of_three();
    let hash = Hash::ZERO;
    let order = key(
        key_1,
        &[format!(
            r#"{{"op":"erase_entry","index":2,"leaf_hash":"{hash}","statement":"{hash}","statement_type":"order","publisher":"a","project":null,"basis":"x"}}"#
        )],
    );
    let facts = Facts {
        head: Some(key_1),
        ..Facts::default()
    };
    let _ = judge(
        &order,
        &at(3, "2026-11-23T01:00:00.000Z", None),
        Some(&keys),
        &facts,
    );
}
