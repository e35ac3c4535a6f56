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
use super::world::{CENTRE, ORIGIN, World};

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
            !fault.en.is_empty() && !fault.zh.is_ascii(),
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
    let page = report.html(mingzhang::lang::Lang::Zh);
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

/// A record of `good_log` that is neither first nor last of its chain.
const SOME: u64 = 100;

/// Logs `good_log` again with one note changed under way; every link is right, as the forger has time.
fn relogged(good: &Forger, change: impl Fn(u64, RecordHeader, &[u8], &mut Forger)) -> Forger {
    let mut forger = Forger::default();
    for entry in &good.entries {
        let at = forger.next();
        let (header, note) = mingzhang::trade::record::parse_entry(entry).unwrap();
        let header = RecordHeader {
            index: at,
            time: header.time,
            ..forger.header()
        };
        change(at, header, note, &mut forger);
    }
    forger
}

#[tokio::test]
async fn a_forged_header_is_named() {
    let world = World::new();
    let good = good_log(&world, 20, 20);
    let bundle = "tile/entries/000";
    type Row = (fn(RecordHeader) -> RecordHeader, Step, &'static str);
    let rows: [Row; 4] = [
        (
            |header| RecordHeader {
                link: Hash::sha256(b"another"),
                ..header
            },
            Step::Link,
            "link",
        ),
        (
            |header| RecordHeader {
                link: Hash::ZERO,
                ..header
            },
            Step::Link,
            "link",
        ),
        (
            |header| RecordHeader {
                index: header.index + 1,
                ..header
            },
            Step::Record,
            "index",
        ),
        (
            |header| RecordHeader {
                time: Time::from_ms(header.time.as_ms() - 1_001).unwrap(),
                ..header
            },
            Step::Rule,
            "time_back",
        ),
    ];
    for (bend, step, code) in rows {
        let forged = relogged(&good, |at, header, note, forger| {
            forger.log_as(&if at == SOME { bend(header) } else { header }, note);
        });
        check(
            &world,
            &forged.publish(&world).await,
            &[(bundle, Some(SOME), step, code)],
        )
        .await;
    }
}

#[tokio::test]
async fn a_dropped_inserted_doubled_or_reordered_statement_is_named() {
    let world = World::new();
    let good = good_log(&world, 20, 20);
    let bundle = "tile/entries/000";
    let mut dropped = Forger::default();
    let mut doubled = Forger::default();
    let mut reordered = Forger::default();
    for (at, entry) in good.entries.iter().enumerate() {
        let note = mingzhang::trade::record::parse_entry(entry).unwrap().1;
        let with = |place: usize| {
            mingzhang::trade::record::parse_entry(&good.entries[place])
                .unwrap()
                .1
        };
        let some = usize::try_from(SOME).unwrap();
        if at != some {
            dropped.log(note);
        }
        doubled.log(note);
        if at == some {
            doubled.log(note);
        }
        // The two statements of one chain change places.
        reordered.log(match at {
            at if at == some => with(some + 20),
            at if at == some + 20 => with(some),
            _ => note,
        });
    }
    check(
        &world,
        &dropped.publish(&world).await,
        &[(bundle, Some(SOME + 19), Step::Rule, "follows")],
    )
    .await;
    check(
        &world,
        &doubled.publish(&world).await,
        &[(bundle, Some(SOME + 1), Step::Rule, "follows")],
    )
    .await;
    let wanted =
        [SOME, SOME + 20, SOME + 40].map(|record| (bundle, Some(record), Step::Rule, "follows"));
    check(&world, &reordered.publish(&world).await, &wanted).await;
}

/// Logs one more statement behind a good log and asks what is wrong with it.
async fn check_last(note: impl AsRef<[u8]>, world: &World, good: &Forger, wanted: &[(Step, &str)]) {
    let mut forger = good.clone();
    let record = forger.log(note.as_ref());
    // A good one behind it: the log goes on, and nothing else is blamed.
    forger.log(world.trade("behind", None, "x").note());
    let bundle = "tile/entries/000.p/".to_owned() + &forger.next().to_string();
    let wanted: Vec<Wanted<'_>> = wanted
        .iter()
        .map(|(step, code)| (bundle.as_str(), Some(record), *step, *code))
        .collect();
    check(world, &forger.publish(world).await, &wanted).await;
}

#[tokio::test]
async fn a_statement_that_breaks_a_log_rule_is_named_with_the_rule() {
    let world = World::new();
    let mut good = good_log(&world, 5, 4);
    let head = world.trade("mine", None, "one");
    good.log(head.note());
    let other = world.trade("other", None, "one");
    good.log(other.note());
    let rule = |code| [(Step::Rule, code)];
    let trade = |bend: &dyn Fn(String) -> String| {
        bent_trade(&world, "mine", Some(&head.id()), "two", bend)
            .note()
            .clone()
    };
    let amends = |id: &Hash| {
        let member =
            format!("\"amends\":{{\"statement\":\"{id}\",\"effect\":\"replace\"}},\"codes\":[]");
        trade(&move |text| text.replace("\"codes\":[]", &member))
    };

    check_last(trade(&|text| text), &world, &good, &[]).await;
    check_last(
        world.trade("mine", None, "two").note(),
        &world,
        &good,
        &rule("follows"),
    )
    .await;
    check_last(
        world.trade("mine", Some(&other.id()), "two").note(),
        &world,
        &good,
        &rule("follows"),
    )
    .await;
    check_last(
        world.trade("new", Some(&head.id()), "two").note(),
        &world,
        &good,
        &rule("follows"),
    )
    .await;
    check_last(amends(&head.id()), &world, &good, &[]).await;
    check_last(amends(&other.id()), &world, &good, &rule("amends")).await;
    check_last(
        amends(&Hash::sha256(b"never logged")),
        &world,
        &good,
        &rule("amends"),
    )
    .await;
    check_last(
        trade(&|text| text.replace(ORIGIN, "ledger.example/other")),
        &world,
        &good,
        &rule("ledger"),
    )
    .await;
    check_last(
        trade(&|text| text.replace("2026-11-23T09:00:00", "2027-11-23T09:00:00")),
        &world,
        &good,
        &rule("issued_ahead"),
    )
    .await;

    // Keys: a stranger's, one under the centre's name, one of a role that may not say this, the log's own.
    let signed_by = |signer: &Signer| {
        let text = world
            .trade_text("mine", Some(&head.id()), "two")
            .replace(CENTRE, signer.name());
        sign_statement(&text, &[signer]).unwrap().note().clone()
    };
    let stranger = Signer::from_seed("stranger.example", &[0x41; 32]).unwrap();
    let namesake = Signer::from_seed(CENTRE, &[0x42; 32]).unwrap();
    check_last(signed_by(&stranger), &world, &good, &rule("key_unknown")).await;
    check_last(signed_by(&namesake), &world, &good, &rule("key_unknown")).await;
    check_last(
        signed_by(&world.supervisor),
        &world,
        &good,
        &rule("key_role"),
    )
    .await;
    check_last(
        signed_by(&log_signer(&world)),
        &world,
        &good,
        &rule("key_role"),
    )
    .await;
    check_last(
        sign_statement(&other_text("poem", ORIGIN, None), &[&log_signer(&world)])
            .unwrap()
            .note(),
        &world,
        &good,
        &rule("key_role"),
    )
    .await;

    // The right key ID over another text: only the arithmetic tells.
    let note = String::from_utf8(head.note().to_vec()).unwrap();
    let line = note.rsplit_once("\n\n").unwrap().1;
    let text = world.trade_text("mine", Some(&head.id()), "two");
    check_last(
        format!("{text}\n{line}"),
        &world,
        &good,
        &[(Step::Signature, "signature")],
    )
    .await;

    // Nothing that could be a statement.
    check_last(
        b"{\"type\":\"trade\"}\n",
        &world,
        &good,
        &[(Step::Statement, "statement")],
    )
    .await;
    check_last(
        trade(&|text| text.replace("\"codes\":[]", "\"codes\":[ ]")),
        &world,
        &good,
        &[],
    )
    .await;

    // Keys again: a second genesis, a change with one authority, one by somebody else, a key admitted twice.
    let admit = |signer: &Signer| {
        format!(
            "{{\"op\":\"admit\",\"role\":\"publisher\",\"vkey\":\"{}\",\"name\":\"x\",\"uscc\":null}}",
            signer.vkey()
        )
    };
    let follows = mingzhang::trade::statement::Statement::parse(&world.first_notes()[1])
        .unwrap()
        .id();
    let key = |changes: &str, who: &[usize]| {
        world.authority_note(&world.key_text(&follows, changes), who)
    };
    check_last(key(&admit(&stranger), &[0, 1]), &world, &good, &[]).await;
    check_last(
        key(&admit(&stranger), &[0]),
        &world,
        &good,
        &rule("authority_threshold"),
    )
    .await;
    check_last(
        key(&admit(&world.centre), &[0, 1]),
        &world,
        &good,
        &rule("key_known"),
    )
    .await;
    check_last(&world.first_notes()[0], &world, &good, &rule("genesis")).await;
    let stolen = sign_statement(
        &world.key_text(&follows, &admit(&stranger)),
        &[&stranger, &world.authority[0]],
    )
    .unwrap();
    check_last(stolen.note(), &world, &good, &rule("authority_line")).await;
}

#[tokio::test]
async fn a_key_counts_from_its_admission_to_its_revocation_and_not_a_record_longer() {
    let world = World::new();
    let second = Signer::from_seed(CENTRE, &[0x51; 32]).unwrap();
    let by_second =
        |project: &str| sign_statement(&world.trade_text(project, None, "x"), &[&second]).unwrap();
    let admission = mingzhang::trade::statement::Statement::parse(&world.first_notes()[1]).unwrap();
    let admit = format!(
        "{{\"op\":\"admit\",\"role\":\"publisher\",\"vkey\":\"{}\",\"name\":\"x\",\"uscc\":null}}",
        second.vkey()
    );
    let revoke = format!(
        "{{\"op\":\"revoke\",\"vkey\":\"{}\",\"reason\":\"lost\"}}",
        world.centre.vkey()
    );
    let admit = world.authority_note(&world.key_text(&admission.id(), &admit), &[0, 2]);
    let admit_id = mingzhang::trade::statement::Statement::parse(&admit)
        .unwrap()
        .id();
    let revoke = world.authority_note(&world.key_text(&admit_id, &revoke), &[0, 2]);

    let mut forger = Forger::new(&world);
    let early = forger.log(by_second("early").note());
    forger.log(&admit);
    forger.log(by_second("in-time").note());
    forger.log(world.trade("too", None, "x").note());
    forger.log(&revoke);
    let late = forger.log(world.trade("late", None, "x").note());
    forger.log(by_second("later").note());
    let bundle = format!("tile/entries/000.p/{}", forger.next());
    let wanted = [
        (bundle.as_str(), Some(early), Step::Rule, "key_unknown"),
        (bundle.as_str(), Some(late), Step::Rule, "key_revoked"),
    ];
    check(&world, &forger.publish(&world).await, &wanted).await;

    // The statement that did not count is not the head of its chain either.
    forger.log(by_second("late").note());
    let bundle = format!("tile/entries/000.p/{}", forger.next());
    let wanted = wanted.map(|(_, record, step, code)| (bundle.as_str(), record, step, code));
    check(&world, &forger.publish(&world).await, &wanted).await;
}

#[tokio::test]
async fn another_genesis_than_the_pinned_one_is_named() {
    let world = World::new();
    let good = good_log(&world, 3, 3);
    let store = good.publish(&world).await;
    let target = Target::log("the log", Source::Store(store.clone()));
    let bundle = "tile/entries/000.p/11";
    let ours = policy(&world);
    let other = Policy::new(ours.logs()[0].vkey.clone(), None)
        .unwrap()
        .with_genesis(Hash::sha256(b"another"));
    let report = audit_as(&target, &[other], None).await;
    assert_eq!(
        faults(&report),
        [(bundle, Some(0), Step::Genesis, "genesis")]
    );
    let unpinned = Policy::new(ours.logs()[0].vkey.clone(), None).unwrap();
    let report = audit_as(&target, &[unpinned], None).await;
    assert_eq!(
        faults(&report),
        [("checkpoint", None, Step::Policy, "genesis_not_pinned")]
    );
    // A policy of another log, of another key, of none at all.
    let stranger = Signer::from_seed("elsewhere.example", &[7; 32]).unwrap();
    let elsewhere = Policy::new(stranger.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id);
    for policies in [
        vec![],
        vec![elsewhere.clone()],
        vec![ours.clone().with_until(10)],
    ] {
        let report = audit_as(&target, &policies, None).await;
        assert_eq!(
            faults(&report),
            [
                ("checkpoint", None, Step::Checkpoint, "policy"),
                ("head", None, Step::Head, "policy")
            ]
        );
        // Nothing speaks against the log: it is not judged.
        assert_eq!((report.exit_code, report.counts.records), (5, 0));
        assert!(report.is_unjudged() && !report.ok);
    }
    let other_key = Signer::from_seed(ORIGIN, &[8; 32]).unwrap();
    let imposter = Policy::new(other_key.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id);
    let report = audit_as(&target, &[imposter], None).await;
    assert_eq!(
        faults(&report),
        [
            ("checkpoint", None, Step::Checkpoint, "not_signed"),
            ("head", None, Step::Head, "not_signed")
        ]
    );
    // Of several, the one that fits decides.
    let report = audit_as(
        &target,
        &[elsewhere, ours.clone().with_until(10), ours],
        None,
    )
    .await;
    assert!(report.ok, "{:?}", report.faults);
}

#[tokio::test]
async fn a_checkpoint_by_a_key_that_the_log_does_not_name_is_named() {
    let world = World::new();
    let good = good_log(&world, 3, 3);
    let store = good.publish(&world).await;
    // The operator of the place made a new log key and told only his friends of it.
    let private = Signer::from_seed(ORIGIN, &[0x61; 32]).unwrap();
    let tree = good.tree_at(good.next());
    let note = private
        .sign_note(mingzhang::tlog::checkpoint::Checkpoint::new(ORIGIN, tree).encode())
        .encode();
    for name in ["checkpoint", "head"] {
        store.put(name, Bytes::from(note.clone())).await.unwrap();
    }
    let policy = Policy::new(private.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id);
    let report = audit_as(
        &Target::log("the log", Source::Store(store)),
        &[policy],
        None,
    )
    .await;
    assert_eq!(
        faults(&report),
        [
            ("checkpoint", None, Step::Checkpoint, "log_key"),
            ("head", None, Step::Head, "log_key")
        ]
    );
}

/// Changes an object of the store.
async fn bend(store: &Store, name: &str, bend: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = store
        .read(name, OBJECT_BYTES_MAX)
        .await
        .unwrap()
        .unwrap_or_else(|| panic!("{name} is there"))
        .to_vec();
    bend(&mut bytes);
    store.put(name, Bytes::from(bytes)).await.unwrap();
}

/// A log of 602 records: three bundles, two levels of tiles.
async fn published() -> (World, Forger, Store) {
    let world = World::new();
    let good = good_log(&world, 30, 20);
    let store = good.publish(&world).await;
    (world, good, store)
}

const FULL: &str = "tile/entries/001";
const LAST: &str = "tile/entries/002.p/90";

#[tokio::test]
async fn a_damaged_object_is_named_and_no_other() {
    let (world, good, store) = published().await;
    // The 40th entry of the second bundle, the 40th of the last.
    let offset = |first: usize| {
        good.entries[first..first + 40]
            .iter()
            .map(|entry| 2 + entry.len())
            .sum::<usize>()
            + 2
    };
    let copy = async || {
        let copy = Store::memory();
        for listed in store.list("").await.unwrap() {
            copy.put(
                &listed.name,
                store
                    .read(&listed.name, OBJECT_BYTES_MAX)
                    .await
                    .unwrap()
                    .unwrap(),
            )
            .await
            .unwrap();
        }
        copy
    };

    for (bundle, first) in [(FULL, 256usize), (LAST, 512)] {
        let record = Some(first as u64 + 40);
        // In the header, in the text, in the signature.
        for at in [0, 1, 80, 200, good.entries[first + 40].len() - 1] {
            let store = copy().await;
            bend(&store, bundle, |bytes| bytes[offset(first) + at] ^= 1).await;
            let report = check(&world, &store, &[(bundle, record, Step::Leaf, "leaf_hash")]).await;
            assert_eq!(report.counts.unread, 1);
        }
        // A length: the rest of the bundle cannot be taken apart, and is named as a whole; what comes before it is still judged.
        let store = copy().await;
        bend(&store, bundle, |bytes| bytes[offset(first) - 2] ^= 0x80).await;
        let report = check(&world, &store, &[(bundle, None, Step::Bundle, "framing")]).await;
        assert!(report.counts.unread < 256);
        // Cut, lengthened, gone.
        let store = copy().await;
        bend(&store, bundle, |bytes| {
            bytes.pop();
        })
        .await;
        check(&world, &store, &[(bundle, None, Step::Bundle, "framing")]).await;
        let store = copy().await;
        bend(&store, bundle, |bytes| bytes.push(0)).await;
        check(&world, &store, &[(bundle, None, Step::Bundle, "framing")]).await;
        let store = copy().await;
        store.delete(bundle).await.unwrap();
        let report = check(&world, &store, &[(bundle, None, Step::Read, "missing")]).await;
        assert!(
            report.counts.unread >= 90 && report.audited.size == 602,
            "the tile stands for the bundle"
        );
    }

    for (tile, record) in [
        ("tile/0/001", Some(256 + 5)),
        ("tile/0/002.p/90", Some(512 + 5)),
        ("tile/1/000.p/2", None),
    ] {
        let store = copy().await;
        let at = if record.is_some() { 32 * 5 + 7 } else { 40 };
        bend(&store, tile, |bytes| bytes[at] ^= 1).await;
        let code = if record.is_some() {
            "leaf_hash"
        } else {
            "hash"
        };
        check(&world, &store, &[(tile, record, Step::Tile, code)]).await;
        for length in [0, 1, 31, 32] {
            let store = copy().await;
            bend(&store, tile, |bytes| bytes.truncate(length)).await;
            check(&world, &store, &[(tile, None, Step::Tile, "length")]).await;
        }
        let store = copy().await;
        bend(&store, tile, |bytes| bytes.push(0)).await;
        check(&world, &store, &[(tile, None, Step::Read, "unreadable")]).await;
        let store = copy().await;
        store.delete(tile).await.unwrap();
        check(&world, &store, &[(tile, None, Step::Read, "missing")]).await;
    }

    // Bundle and tile both gone: from there on the tree is not known, and the report says so.
    let store = copy().await;
    store.delete(FULL).await.unwrap();
    store.delete("tile/0/001").await.unwrap();
    let report = check(
        &world,
        &store,
        &[
            (FULL, None, Step::Read, "missing"),
            ("tile/0/001", None, Step::Read, "missing"),
        ],
    )
    .await;
    assert_eq!((report.audited.size, report.counts.unread), (256, 256));
    assert!(
        report
            .not_checked
            .iter()
            .any(|sentence| sentence.en.contains("record 256"))
    );
}

#[tokio::test]
async fn an_old_a_swapped_and_a_replayed_object_is_named() {
    let (world, good, store) = published().await;
    let swap = async |one: &str, other: &str| {
        let (first, second) = (
            store.read(one, OBJECT_BYTES_MAX).await.unwrap().unwrap(),
            store.read(other, OBJECT_BYTES_MAX).await.unwrap().unwrap(),
        );
        store.put(one, second).await.unwrap();
        store.put(other, first).await.unwrap();
    };
    swap("tile/entries/000", FULL).await;
    let report = audit_log(&world, &store).await;
    for (bundle, range) in [("tile/entries/000", 0..256u64), (FULL, 256..512)] {
        for record in range {
            assert!(
                faults(&report).contains(&(bundle, Some(record), Step::Leaf, "leaf_hash")),
                "{bundle} {record}"
            );
        }
    }
    swap("tile/entries/000", FULL).await;
    check(&world, &store, &[]).await;
    swap("tile/0/000", "tile/0/001").await;
    check(
        &world,
        &store,
        &[
            ("tile/0/000", Some(0), Step::Tile, "leaf_hash"),
            ("tile/0/001", Some(256), Step::Tile, "leaf_hash"),
        ],
    )
    .await;
    swap("tile/0/000", "tile/0/001").await;

    // A bundle of another log by the same keys, well formed, with its own tile.
    let other = relogged(&good, |at, header, note, forger| {
        let note = if at == 300 {
            world.trade("elsewhere", None, "x").note().to_vec()
        } else {
            note.to_vec()
        };
        forger.log_as(&header, &note);
    });
    let foreign = other.publish(&world).await;
    for name in [FULL, "tile/0/001"] {
        store
            .put(
                name,
                foreign.read(name, OBJECT_BYTES_MAX).await.unwrap().unwrap(),
            )
            .await
            .unwrap();
    }
    let report = audit_log(&world, &store).await;
    let found = faults(&report);
    assert!(
        found.contains(&("tile/1/000.p/2", None, Step::Tile, "hash"))
            && found.contains(&("checkpoint", None, Step::Root, "root_hash")),
        "{found:?}"
    );
    assert!(
        found.contains(&(LAST, Some(512), Step::Link, "link")),
        "the next bundle links to what was there"
    );
    assert_eq!(
        report.exit_code, 1,
        "no signed view is confirmed, so none is contradicted"
    );
}

#[tokio::test]
async fn a_size_that_nothing_stands_for_ends_the_audit_early() {
    let (world, good, store) = published().await;
    let huge = mingzhang::tlog::merkle::Tree {
        size: 1 << 40,
        ..good.tree_at(602)
    };
    for name in ["checkpoint", "head"] {
        store.put(name, signed(&world, huge)).await.unwrap();
    }
    let report = audit_log(&world, &store).await;
    assert!(
        faults(&report)
            .iter()
            .any(|fault| fault.3 == "not_looked_for")
    );
    assert!(report.counts.records < 30_000 && report.exit_code == 1);
}

#[tokio::test]
async fn kept_checkpoints_and_head_must_be_views_of_one_log() {
    let (world, good, store) = published().await;
    let kept = |size: u64| format!("checkpoints/{size:020}");
    for size in [2, 256, 300] {
        store
            .put(&kept(size), signed(&world, good.tree_at(size)))
            .await
            .unwrap();
    }
    let report = check(&world, &store, &[]).await;
    assert_eq!(report.counts.kept, 3);

    // A checkpoint that lags behind head: both are judged, and its own partial tiles too. A partial one may be gone where the full one stands.
    store
        .put("checkpoint", signed(&world, good.tree_at(300)))
        .await
        .unwrap();
    check(
        &world,
        &store,
        &[("tile/1/000.p/1", None, Step::Read, "missing")],
    )
    .await;
    let edge = Forger {
        entries: good.entries[..300].to_vec(),
    }
    .edge()
    .1;
    for (tile, bytes) in &edge {
        store
            .put(&tile.path(), Bytes::from(bytes.clone()))
            .await
            .unwrap();
    }
    let report = check(&world, &store, &[]).await;
    assert_eq!(
        (report.counts.records, report.checkpoint.unwrap().tree.size),
        (602, 300)
    );
    for (name, at, wanted) in [
        (
            "tile/entries/001.p/44",
            9,
            ("tile/entries/001.p/44", Some(256), Step::Leaf, "leaf_hash"),
        ),
        (
            "tile/0/001.p/44",
            9,
            ("tile/0/001.p/44", Some(256), Step::Tile, "leaf_hash"),
        ),
        (
            "tile/1/000.p/1",
            9,
            ("tile/1/000.p/1", None, Step::Tile, "hash"),
        ),
    ] {
        bend(&store, name, |bytes| bytes[at] ^= 1).await;
        check(&world, &store, &[wanted]).await;
        bend(&store, name, |bytes| bytes[at] ^= 1).await;
    }

    // A kept one newer than `checkpoint`, of which it is a copy: somebody rolled `checkpoint` back.
    store
        .put(&kept(602), signed(&world, good.tree_at(602)))
        .await
        .unwrap();
    let behind = ("checkpoint", None, Step::Checkpoint, "behind");
    check(&world, &store, &[behind]).await;

    // A kept one under a wrong name, by a wrong key, of more records than there are.
    store
        .put(&kept(299), signed(&world, good.tree_at(300)))
        .await
        .unwrap();
    store
        .put("checkpoints/7", signed(&world, good.tree_at(7)))
        .await
        .unwrap();
    store
        .put(
            &kept(700),
            signed(
                &world,
                mingzhang::tlog::merkle::Tree {
                    size: 700,
                    ..good.tree_at(602)
                },
            ),
        )
        .await
        .unwrap();
    let stranger = Signer::from_seed(ORIGIN, &[9; 32]).unwrap();
    let foreign = stranger
        .sign_note(mingzhang::tlog::checkpoint::Checkpoint::new(ORIGIN, good.tree_at(256)).encode())
        .encode();
    store.put(&kept(256), Bytes::from(foreign)).await.unwrap();
    check(
        &world,
        &store,
        &[
            (&kept(256), None, Step::Kept, "not_signed"),
            (&kept(299), None, Step::Kept, "name"),
            ("checkpoints/7", None, Step::Kept, "name"),
            behind,
            (&kept(700), None, Step::Kept, "beyond"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_fork_signed_with_the_right_key_is_a_contradiction_with_both_notes() {
    let (world, good, store) = published().await;
    // The operator changes record 100 and signs everything behind it anew; an old checkpoint was kept.
    let fork = relogged(&good, |at, header, note, forger| {
        let note = if at == SOME {
            world.trade("elsewhere", None, "x").note().to_vec()
        } else {
            note.to_vec()
        };
        forger.log_as(&header, &note);
    });
    let forked = fork.publish(&world).await;
    let name = format!("checkpoints/{:020}", 400);
    forked
        .put(&name, signed(&world, good.tree_at(400)))
        .await
        .unwrap();
    let report = audit_log(&world, &forked).await;
    assert_eq!(report.exit_code, 6);
    assert!(faults(&report).contains(&(name.as_str(), None, Step::Root, "root_hash")));
    let [contradiction] = &report.contradictions[..] else {
        panic!("one pair: {:?}", report.contradictions)
    };
    assert_eq!(
        contradiction.one.note.as_bytes(),
        signed(&world, good.tree_at(400))
    );
    assert_eq!(
        contradiction.other.note.as_bytes(),
        signed(&world, fork.tree_at(602))
    );
    assert!(report.html(mingzhang::lang::Lang::Zh).contains("互相矛盾"));

    // Two heads of one size.
    store
        .put("head", signed(&world, fork.tree_at(602)))
        .await
        .unwrap();
    let report = audit_log(&world, &store).await;
    assert_eq!((report.exit_code, report.contradictions.len()), (6, 1));
    assert!(faults(&report).contains(&("head", None, Step::Root, "root_hash")));
    // A head that is behind, but of the same log, contradicts nothing.
    store
        .put("head", signed(&world, good.tree_at(500)))
        .await
        .unwrap();
    check(&world, &store, &[("head", None, Step::Head, "behind")]).await;
}

#[tokio::test]
async fn an_erased_entry_needs_its_order_and_an_order_its_erasure() {
    let world = World::new();
    let mut good = good_log(&world, 10, 3);
    let follows = mingzhang::trade::statement::Statement::parse(&world.first_notes()[1])
        .unwrap()
        .id();
    let statement_at = |forger: &Forger, index: u64| {
        let entry = &forger.entries[usize::try_from(index).unwrap()];
        mingzhang::trade::statement::Statement::parse(
            mingzhang::trade::record::parse_entry(entry).unwrap().1,
        )
        .unwrap()
    };
    let change = |forger: &Forger, index: u64| {
        erase_change(
            index,
            &forger.entries[usize::try_from(index).unwrap()],
            &statement_at(forger, index),
        )
    };
    let order = |follows: &Hash, changes: &[String]| {
        world.authority_note(&world.key_text(follows, &changes.join(",")), &[0, 1])
    };

    // The first, the middle and the newest of chains; two in a row of one.
    let (first, middle, newest) = (2, 13, 24);
    let also_middle = 3;
    let before = good.clone();
    let changes: Vec<String> = [first, middle, newest, also_middle]
        .iter()
        .map(|index| change(&good, *index))
        .collect();
    let newest_id = statement_at(&good, newest).id();
    let note = order(&follows, &changes);
    let ordered_by = good.log(&note);
    good.log(world.trade("P-2", Some(&newest_id), "goes on").note());
    let store = good.publish(&world).await;
    let bundle = format!("tile/entries/000.p/{}", good.next());

    // Ordered and still shown.
    let still: Vec<Wanted<'_>> = [first, also_middle, middle, newest]
        .iter()
        .map(|index| (bundle.as_str(), Some(*index), Step::Erasure, "still_shown"))
        .collect();
    check(&world, &store, &still).await;
    // Ordered and erased.
    for index in [first, middle, newest, also_middle] {
        blank(&store, index).await;
    }
    let report = check(&world, &store, &[]).await;
    assert_eq!(
        (
            report.counts.erased,
            report.counts.records,
            report.counts.projects
        ),
        (4, good.next(), 10)
    );
    assert!(
        report
            .erased
            .iter()
            .all(|erased| erased.ordered_by == ordered_by)
    );
    assert!(
        report
            .html(mingzhang::lang::Lang::Zh)
            .contains(&format!("依第 {ordered_by} 号记录的命令清除"))
    );
    // Erased without order, in the middle of a chain and at the end of one.
    for index in [14, 31] {
        blank(&store, index).await;
        let report = audit_log(&world, &store).await;
        assert_eq!(
            faults(&report).last(),
            Some(&(bundle.as_str(), Some(index), Step::Erasure, "no_order"))
        );
    }

    // Orders that do not say what stands there; the entries are shown, so that everything can be compared.
    let id = statement_at(&before, middle).id().to_string();
    for (from, to) in [
        (
            mingzhang::tlog::merkle::leaf_hash(&before.entries[13]).to_string(),
            Hash::ZERO.to_string(),
        ),
        (id.clone(), Hash::ZERO.to_string()),
        ("P-1".to_owned(), "P-7".to_owned()),
    ] {
        let mut forger = before.clone();
        let record = forger.log(&order(
            &follows,
            &[change(&before, middle).replace(&from, &to)],
        ));
        let store = forger.publish(&world).await;
        let bundle = format!("tile/entries/000.p/{}", forger.next());
        let wanted = [(bundle.as_str(), Some(record), Step::Rule, "erasure")];
        let report = audit_log(&world, &store).await;
        assert!(
            faults(&report).contains(&wanted[0]),
            "{from}: {:?}",
            report.faults
        );
        // Erased all the same, only the leaf hash can be compared; what the chain needs must fit all the same.
        blank(&store, middle).await;
        let report = audit_log(&world, &store).await;
        assert!(!report.ok && !report.faults.is_empty(), "{from}");
    }

    // An order by those who may not give it, for what was never logged, for a key statement, twice.
    let by_one = world.authority_note(&world.key_text(&follows, &change(&before, middle)), &[0]);
    check_last(
        by_one,
        &world,
        &before,
        &[(Step::Rule, "authority_threshold")],
    )
    .await;
    let later = change(&before, middle).replace("\"index\":13", "\"index\":40");
    check_last(
        order(&follows, &[later]),
        &world,
        &before,
        &[(Step::Rule, "erasure")],
    )
    .await;
    let of_keys = change(&before, middle).replace("\"index\":13", "\"index\":1");
    check_last(
        order(&follows, &[of_keys]),
        &world,
        &before,
        &[(Step::Rule, "erasure")],
    )
    .await;
}

#[tokio::test]
async fn what_was_seen_the_last_time_must_be_the_beginning_of_what_is_seen_now() {
    let (world, good, store) = published().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.json");
    assert_eq!(State::read(&path).unwrap(), None);
    let target = |store: &Store| Target::log("the log", Source::Store(store.clone()));
    let run = async |store: &Store, state: Option<&State>| {
        let options = Options {
            state,
            ..Options::at(date())
        };
        audit(&target(store), &[policy(&world)], &options, &mut |_| {})
            .await
            .unwrap()
    };
    let smaller = Forger {
        entries: good.entries[..300].to_vec(),
    }
    .publish(&world)
    .await;
    let report = run(&smaller, None).await;
    State::of(&report).unwrap().write(&path).unwrap();
    let state = State::read(&path).unwrap().unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );

    // The log grew: only the arithmetic below the last size is skipped.
    let report = run(&store, Some(&state)).await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!(
        (report.counts.signatures_before, report.counts.signatures),
        (298, 302 + 4)
    );
    assert_eq!(report.state.as_ref().unwrap().size, 300);
    // What is skipped is skipped for the same bytes only.
    bend(&store, "tile/entries/000", |bytes| {
        *bytes.last_mut().unwrap() ^= 1
    })
    .await;
    let report = run(&store, Some(&state)).await;
    assert!(faults(&report).contains(&("tile/entries/000", Some(255), Step::Leaf, "leaf_hash")));
    assert!(State::of(&report).is_none(), "the state stays what it was");
    bend(&store, "tile/entries/000", |bytes| {
        *bytes.last_mut().unwrap() ^= 1
    })
    .await;

    // The log shrank.
    let least = Forger {
        entries: good.entries[..200].to_vec(),
    }
    .publish(&world)
    .await;
    let report = run(&least, Some(&state)).await;
    assert_eq!(faults(&report), [("state", None, Step::State, "beyond")]);
    assert_eq!((report.exit_code, report.counts.signatures_before), (1, 0));

    // Another history: exit 6, both notes, and every signature verified anew.
    let mut fork = relogged(&good, |at, header, note, forger| {
        let note = if at == SOME {
            world.trade("elsewhere", None, "x").note().to_vec()
        } else {
            note.to_vec()
        };
        forger.log_as(&header, &note);
    });
    let report = run(&fork.publish(&world).await, Some(&state)).await;
    assert_eq!((report.exit_code, report.counts.signatures_before), (6, 0));
    assert!(faults(&report).contains(&("state", None, Step::State, "root_hash")));
    assert_eq!(
        report.contradictions[0].one.note.as_bytes(),
        signed(&world, good.tree_at(300))
    );
    // The same of the very size.
    fork.entries.truncate(300);
    let report = run(&fork.publish(&world).await, Some(&state)).await;
    assert_eq!((report.exit_code, report.contradictions.len()), (6, 1));

    // A state of another log, and one that somebody edited, are refused before anything is said of the log.
    let json = std::fs::read_to_string(&path).unwrap();
    let refused = async |json: &str| {
        std::fs::write(&path, json).unwrap();
        let state = State::read(&path).unwrap().unwrap();
        let options = Options {
            state: Some(&state),
            ..Options::at(date())
        };
        audit(&target(&store), &[policy(&world)], &options, &mut |_| {})
            .await
            .unwrap_err()
            .to_string()
    };
    let genesis = world.genesis_id.to_string();
    assert!(
        refused(&json.replace(&genesis, &Hash::ZERO.to_string()))
            .await
            .contains("no policy given")
    );
    assert!(
        refused(&json.replace("\\n300\\n", "\\n299\\n"))
            .await
            .contains("does not verify")
    );
    std::fs::write(&path, "{}").unwrap();
    assert!(State::read(&path).is_err());
}

#[tokio::test]
async fn an_unmet_quorum_is_neither_a_fault_nor_silence() {
    use mingzhang::tlog::cosignature::Cosigner;
    use mingzhang::tlog::note::Note;
    let (world, good, store) = published().await;
    let witness =
        |seed: u8| Cosigner::from_seed(&format!("witness-{seed}.example"), &[seed; 32]).unwrap();
    let file = format!(
        "# mingzhang genesis {}\nlog {}\nwitness one {}\nwitness two {}\ngroup both all one two\nquorum both\n",
        world.genesis_id,
        log_signer(&world).vkey(),
        witness(101).vkey(),
        witness(102).vkey()
    );
    let policy = Policy::parse(file.as_bytes()).unwrap();
    let target = Target::log("the log", Source::Store(store.clone()));
    let report = audit_as(&target, std::slice::from_ref(&policy), None).await;
    assert_eq!(
        (report.exit_code, report.ok, report.faults.len()),
        (5, false, 0)
    );
    assert!(
        State::of(&report).is_some(),
        "what the log has signed binds it, witnessed or not"
    );

    let cosigned = |who: &[u8]| {
        let mut note = Note::parse(&signed(&world, good.tree_at(602))).unwrap();
        for seed in who {
            note.signatures
                .push(witness(*seed).sign(&note.text, 1_795_400_000));
        }
        Bytes::from(note.encode())
    };
    store
        .put("checkpoint", cosigned(&[101, 102]))
        .await
        .unwrap();
    let report = audit_as(&target, std::slice::from_ref(&policy), None).await;
    assert!(report.ok && report.checkpoint.as_ref().unwrap().have == 2);
    // A line that nobody asked for is named as not counted.
    store
        .put("checkpoint", cosigned(&[101, 102, 103]))
        .await
        .unwrap();
    let report = audit_as(&target, std::slice::from_ref(&policy), None).await;
    assert!(
        report.ok && report.not_counted.len() == 1 && report.not_counted[0].object == "checkpoint"
    );
    // One of a witness that is asked for must be right.
    bend(&store, "checkpoint", |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let at = text.find("witness-102").unwrap() + "witness-102.example ".len() + 40;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    })
    .await;
    let report = audit_as(&target, &[policy], None).await;
    assert_eq!(
        faults(&report),
        [("checkpoint", None, Step::Checkpoint, "not_signed")]
    );
}

#[tokio::test]
async fn what_a_publisher_writes_cannot_become_markup_in_the_page() {
    let world = World::new();
    let mut forger = good_log(&world, 1, 1);
    forger.log(b"<script>alert(1)</script>\n\n\xe2\x80\x94 <b> x\n");
    let report = audit_log(&world, &forger.publish(&world).await).await;
    let hostile = Report {
        source: "<img src=x onerror=alert(1)>".to_owned(),
        policy: Some("</pre><script>".to_owned()),
        ..report
    };
    for lang in [mingzhang::lang::Lang::Zh, mingzhang::lang::Lang::En] {
        let page = hostile.html(lang);
        assert!(!page.contains("<script") && !page.contains("<img") && page.contains("&lt;img"));
        assert!(
            !page.contains("http:") && !page.contains("https:"),
            "nothing is loaded from elsewhere"
        );
    }
}
