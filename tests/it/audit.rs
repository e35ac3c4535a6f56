//! Danger: a log is not what its signatures say, and the audit that everybody relies on says nothing, or says it of the wrong place.
//!
//! Each test makes one kind of log with the keys that its forger would have, and asks for exactly the faults that are there.

use bytes::Bytes;
use mingzhang::audit::{Options, Report, State, Step, Target, audit};
use mingzhang::store::{OBJECT_BYTES_MAX, Source, Store};
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::record::RecordHeader;
use mingzhang::trade::statement::sign_statement;
use mingzhang::trade::time::Time;

use super::forge::{
    Forger, audit_as, audit_log, bent_trade, blank, date, erase_change, faults, good_log,
    log_signer, other_text, policy, signed,
};
use super::world::{CENTRE, ORIGIN, World, post};

type Wanted<'a> = (&'a str, Option<u64>, Step, &'a str);

/// Audits and asks for exactly these faults.
async fn check(world: &World, store: &Store, wanted: &[Wanted<'_>]) -> Report {
    let report = audit_log(world, store).await;
    assert_eq!(faults(&report), wanted, "{:#?}", report.faults);
    assert_eq!(
        report.exit_code != 0,
        !wanted.is_empty() || !report.contradictions.is_empty()
    );
    for fault in &report.faults {
        assert!(
            !fault.en.is_empty() && fault.zh.chars().any(|c| !c.is_ascii()),
            "{fault:?} is said in both languages"
        );
    }
    report
}

#[tokio::test]
async fn a_log_without_fault_is_clean() {
    let world = World::new();
    let mut forger = good_log(&world, 30, 20);
    // Other types, an amendment, a type of tomorrow.
    let first = world.trade("Q", None, "one");
    forger.log(first.note());
    let amends = bent_trade(&world, "Q", Some(&first.id()), "two", |text| {
        text.replace(
            "\"codes\":[]",
            &format!(
                "\"amends\":{{\"statement\":\"{}\",\"effect\":\"correct\"}},\"codes\":[]",
                first.id()
            ),
        )
    });
    forger.log(amends.note());
    for (statement_type, signer) in [
        ("endorse", &world.supervisor),
        ("order", &world.centre),
        ("notice", &world.operator),
        ("poem", &world.supervisor),
    ] {
        forger.log(
            sign_statement(&other_text(statement_type, signer.name(), None), &[signer])
                .unwrap()
                .note(),
        );
    }
    let store = forger.publish(&world).await;
    let report = check(&world, &store, &[]).await;
    assert!(report.ok && report.exit_code == 0);
    let counts = &report.counts;
    assert_eq!(
        (
            counts.records,
            counts.projects,
            counts.not_understood,
            counts.unread
        ),
        (608, 31, 1, 0)
    );
    assert_eq!(
        (
            counts.types["trade"],
            counts.types["key"],
            counts.types["poem"]
        ),
        (602, 1, 1)
    );
    assert_eq!(counts.signatures, 606 + 2 + 2);
    assert_eq!(report.audited.size, 608);
    assert_eq!(report.audited, report.checkpoint.as_ref().unwrap().tree);
    let page = report.html(mingzhang::audit::Lang::Zh);
    assert!(
        page.contains("未发现问题")
            && page.contains(&world.genesis_id.to_string())
            && page.contains("2026-12-01T00:00:00.000Z")
    );
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(
        (json["ok"].as_bool(), json["counts"]["records"].as_u64()),
        (Some(true), Some(608))
    );
}
