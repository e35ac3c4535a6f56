//! Danger: a poster is told something that is not so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use mingzhang::ledger::{PostError, QueryError, Terms, Wait};
use mingzhang::store::Store;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::commitment::{Opening, OpeningError, Openings, Place};
use mingzhang::trade::disclosure::{self, DisclosureError};
use mingzhang::trade::log_rules::LogFault;
use mingzhang::trade::statement::{Chain, sign_statement};
use mingzhang::verify::verify;

use super::world::{CENTRE, ORIGIN, World, check_log, post, try_post};

fn policy(world: &World) -> Policy {
    let log = Signer::from_seed(ORIGIN, &world.log).unwrap();
    Policy::new(log.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id)
}

#[tokio::test]
async fn a_statement_gets_a_receipt_that_verifies_offline() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "one");
    let posted = post(&ledger, &first).await;
    assert_eq!((posted.index, posted.id, posted.new), (2, first.id(), true));
    let record = verify(posted.receipt.as_bytes(), &[policy(&world)]).unwrap();
    assert_eq!(record.statement().id(), first.id());
    assert_eq!(record.signers(), [world.centre.vkey().to_string()]);
    check_log(&world, &store).await;
    // Key records have receipts too, genesis included.
    for index in 0..2 {
        let receipt = ledger.receipt(index).await.unwrap();
        assert_eq!(
            verify(receipt.as_bytes(), &[policy(&world)])
                .unwrap()
                .header()
                .index,
            index
        );
    }
}

#[tokio::test]
async fn a_statement_posted_twice_has_one_receipt_also_after_its_key_was_revoked() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "one");
    let posted = post(&ledger, &first).await;
    let again = post(&ledger, &first).await;
    assert_eq!(
        (again.index, again.new, again.time),
        (posted.index, false, posted.time)
    );

    let revoke = format!(
        "{{\"op\":\"revoke\",\"vkey\":\"{}\",\"reason\":\"rotation\"}}",
        world.centre.vkey()
    );
    let head = ledger.chain(&Chain::Keys).unwrap().unwrap().head;
    let key = world.authority_note(&world.key_text(&head, &revoke), &[0, 2]);
    ledger
        .post(Bytes::from(key), None, Wait::Signed)
        .await
        .unwrap();
    let again = post(&ledger, &first).await;
    assert_eq!((again.index, again.new), (posted.index, false));
    let next = world.trade("A-1", Some(&first.id()), "two");
    assert!(matches!(
        try_post(&ledger, &next).await,
        Err(PostError::Key(_))
    ));
    check_log(&world, &store).await;
}

#[tokio::test]
async fn one_statement_posted_by_many_at_once_is_one_record() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "one");
    let posts = (0..32).map(|_| {
        let (ledger, statement) = (ledger.clone(), first.clone());
        tokio::spawn(async move { post(&ledger, &statement).await })
    });
    let posted: Vec<_> = futures_util::future::join_all(posts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(posted.iter().all(|posted| posted.index == 2));
    assert_eq!(posted.iter().filter(|posted| posted.new).count(), 1);
    assert_eq!(check_log(&world, &store).await.0.size, 3);
}

#[tokio::test]
async fn what_does_not_follow_the_head_is_refused_with_the_head() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "one");
    post(&ledger, &first).await;
    for (follows, title) in [(None, "two"), (Some(world.genesis_id), "three")] {
        let wrong = world.trade("A-1", follows.as_ref(), title);
        match try_post(&ledger, &wrong).await {
            Err(PostError::Rule(fault)) => assert!(
                matches!(*fault, LogFault::Follows { head, .. } if head == Some(first.id()))
            ),
            other => panic!("{other:?}"),
        }
    }
    // Another project is another chain.
    post(&ledger, &world.trade("A-2", None, "two")).await;
    check_log(&world, &store).await;
}

#[tokio::test]
async fn strangers_wrong_signatures_and_other_ledgers_are_refused_and_leave_nothing() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let text = world.trade_text("A-1", None, "one");
    let stranger = Signer::from_seed(CENTRE, &[0x77; 32]).unwrap();
    let by_stranger = sign_statement(&text, &[&stranger]).unwrap();
    assert!(matches!(
        try_post(&ledger, &by_stranger).await,
        Err(PostError::Key(_))
    ));

    let mut flipped = world.trade("A-1", None, "one").note().to_vec();
    let at = String::from_utf8_lossy(&flipped).find("\"one\"").unwrap() + 1;
    flipped[at] = b'x';
    match ledger.post(Bytes::from(flipped), None, Wait::Signed).await {
        Err(PostError::Signature { key_tried, .. }) => {
            assert_eq!(key_tried, world.centre.vkey().to_string())
        }
        other => panic!("{other:?}"),
    }
    let elsewhere = text.replace(ORIGIN, "other.example");
    let elsewhere = sign_statement(&elsewhere, &[&world.centre]).unwrap();
    assert!(matches!(
        try_post(&ledger, &elsewhere).await,
        Err(PostError::Rule(_))
    ));
    assert!(
        ledger
            .post(Bytes::from("not a note"), None, Wait::Signed)
            .await
            .is_err()
    );
    assert_eq!(check_log(&world, &store).await.0.size, 2);
}

#[tokio::test]
async fn a_ref_stands_for_one_statement() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let with_ref = |title: &str, project: &str| {
        let text = world
            .trade_text(project, None, title)
            .replace("\"codes\"", "\"ref\":\"no-7\",\"codes\"");
        sign_statement(&text, &[&world.centre]).unwrap()
    };
    let first = with_ref("one", "A-1");
    post(&ledger, &first).await;
    post(&ledger, &first).await;
    let (other, elsewhere) = (with_ref("two", "A-1"), with_ref("two", "A-2"));
    for other in [other, elsewhere] {
        assert!(
            matches!(try_post(&ledger, &other).await, Err(PostError::ReferenceTaken { id, .. }) if id == first.id())
        );
    }
    // Also when the index has taken it over from the writer's memory.
    ledger.index_reached(3).await;
    ledger.close().await;
    let ledger = world.open(&store).await.unwrap();
    assert!(matches!(
        try_post(&ledger, &with_ref("three", "A-3")).await,
        Err(PostError::ReferenceTaken { .. })
    ));
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "one");
    let note = Bytes::copy_from_slice(first.note());
    assert_eq!(
        ledger
            .check(note.clone(), &Terms::default())
            .await
            .unwrap()
            .1,
        None
    );
    post(&ledger, &first).await;
    assert_eq!(
        ledger.check(note, &Terms::default()).await.unwrap().1,
        Some(2)
    );
    let wrong = Bytes::copy_from_slice(world.trade("A-1", None, "two").note());
    assert!(matches!(
        ledger.check(wrong, &Terms::default()).await,
        Err(PostError::Rule(_))
    ));
    assert_eq!(check_log(&world, &store).await.0.size, 3);
}

#[tokio::test]
async fn a_deleted_index_gives_the_same_answers_again() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let store = Store::folder(folder.path()).unwrap();
    let index = folder.path().join("index");
    let config = || mingzhang::ledger::Config {
        index_folder: Some(index.clone()),
        ..world.config()
    };
    let ledger = mingzhang::ledger::Ledger::create(
        store.clone(),
        config(),
        world.clock(),
        &world.first_notes(),
    )
    .await
    .unwrap();
    let mut before = None;
    for at in 0..300 {
        let statement = world.trade("A-1", before.as_ref(), &format!("notice {at}"));
        post(&ledger, &statement).await;
        before = Some(statement.id());
    }
    let chain = Chain::Trade {
        publisher: CENTRE.to_owned(),
        project: "A-1".to_owned(),
    };
    ledger.index_reached(302).await;
    let answers = |ledger: &mingzhang::ledger::Ledger| {
        (
            ledger.chain(&chain).unwrap().unwrap().records,
            ledger.statement(&before.unwrap()).unwrap(),
            ledger.keys().keys().count(),
        )
    };
    let known = answers(&ledger);
    assert_eq!(known.0.len(), 300);
    drop(ledger);
    for damage in [true, false] {
        wait_for_lock(folder.path()).await;
        std::fs::remove_dir_all(&index).unwrap();
        if damage {
            std::fs::create_dir(&index).unwrap();
            std::fs::write(index.join("db"), "not a database").unwrap();
        }
        let ledger = mingzhang::ledger::Ledger::open(store.clone(), config(), world.clock())
            .await
            .unwrap();
        assert_eq!(answers(&ledger), known);
        let next = world.trade("A-1", before.as_ref(), "never posted");
        assert_eq!(
            ledger
                .check(Bytes::copy_from_slice(next.note()), &Terms::default())
                .await
                .unwrap()
                .1,
            None
        );
        ledger.index_reached(302).await;
    }
    check_log(&world, &store).await;
}

/// The ledger's tasks let go of the folder shortly after the last handle.
pub async fn wait_for_lock(folder: &std::path::Path) {
    let lock = std::fs::File::options()
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    while lock.try_lock().is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Danger: an erased entry comes back, or its chain breaks when the index is rebuilt.
#[tokio::test]
async fn an_entry_erased_by_order_stays_erased_and_its_chain_goes_on() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let first = world.trade("A-1", None, "a name that a court orders to erase");
    let receipt = post(&ledger, &first).await.receipt;
    let record = verify(receipt.as_bytes(), &[policy(&world)]).unwrap();
    let erase = |leaf_hash: Hash| {
        let change = format!(
            "{{\"op\":\"erase_entry\",\"index\":2,\"leaf_hash\":\"{leaf_hash}\",\"statement\":\"{}\",\"statement_type\":\"trade\",\"publisher\":\"{CENTRE}\",\"project\":\"A-1\",\"basis\":\"court order 7\"}}",
            first.id()
        );
        let head = ledger.chain(&Chain::Keys).unwrap().unwrap().head;
        Bytes::from(world.authority_note(&world.key_text(&head, &change), &[0, 1]))
    };
    // An order that names another leaf hash erases nothing.
    let wrong = ledger.post(erase(Hash::ZERO), None, Wait::Signed).await;
    assert!(matches!(wrong, Err(PostError::Rule(_))), "{wrong:?}");
    ledger
        .post(erase(record.leaf_hash()), None, Wait::Signed)
        .await
        .unwrap();
    assert!(matches!(
        ledger.entry(2).await,
        Err(QueryError::Erased { index: 2, order: 3 })
    ));
    ledger.close().await;
    for name in ["tile/entries/000.p/3", "tile/entries/000.p/4"] {
        let bundle = store
            .under("log/")
            .read(name, 1 << 20)
            .await
            .unwrap()
            .unwrap();
        assert!(
            !String::from_utf8_lossy(&bundle).contains("court orders to erase"),
            "{name}"
        );
    }
    // A new index learns the head of the chain from the order.
    for _ in 0..2 {
        let ledger = world.open(&store).await.unwrap();
        assert!(matches!(
            ledger.entry(2).await,
            Err(QueryError::Erased { .. })
        ));
        ledger.index_reached(4).await;
        let chain = Chain::Trade {
            publisher: CENTRE.to_owned(),
            project: "A-1".to_owned(),
        };
        assert_eq!(ledger.chain(&chain).unwrap().unwrap().head, first.id());
        ledger.close().await;
    }
    let ledger = world.open(&store).await.unwrap();
    post(&ledger, &world.trade("A-1", Some(&first.id()), "two")).await;
}

/// Danger: a person's name lies about for a record that never was, or is shown for a commitment it does not open.
#[tokio::test]
async fn openings_are_shown_for_logged_statements_only_and_must_match() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let place = Place {
        ledger: ORIGIN,
        publisher: CENTRE,
        project: "A-1",
        pointer: "/details/manager",
    };
    let opening = Opening {
        salt: Hash::sha256(b"salt 7").0,
        value: "张示例".to_owned(),
    };
    let committed = format!(
        "\"details\":{{\"manager\":{{\"commitment\":\"{}\",\"class\":\"person\"}},",
        opening.commit(&place)
    );
    let with = |follows: Option<&Hash>, title: &str| {
        let text = world.trade_text("A-1", follows, title);
        let text = text.replace("\"details\":{", &committed);
        sign_statement(&text, &[&world.centre]).unwrap()
    };
    let mut openings = Openings::default();
    openings
        .insert("/details/manager".to_owned(), opening.clone())
        .unwrap();
    let mut wrong = Openings::default();
    wrong
        .insert(
            "/details/manager".to_owned(),
            Opening {
                salt: Hash::sha256(b"salt 9").0,
                ..opening
            },
        )
        .unwrap();

    let first = with(None, "one");
    let note = |statement: &mingzhang::trade::statement::Statement| statement.note().clone();
    let refused = ledger.post(note(&first), Some(&wrong), Wait::Signed).await;
    assert!(matches!(refused, Err(PostError::Openings(_))));
    ledger
        .post(note(&first), Some(&openings), Wait::Signed)
        .await
        .unwrap();
    assert_eq!(
        ledger.openings(&first.id()).await.unwrap(),
        Some(openings.clone())
    );

    // Refused by a log rule: its openings go too.
    let astray = with(None, "two");
    let post_astray = |openings: Openings| {
        let (ledger, bytes) = (ledger.clone(), note(&astray));
        async move { ledger.post(bytes, Some(&openings), Wait::Signed).await }
    };
    // One salt for two fields of a project: whoever learns it for one tries the other.
    let refused = post_astray(openings.clone()).await;
    assert!(
        matches!(
            refused,
            Err(PostError::Openings(OpeningError::SaltTwice { .. }))
        ),
        "{refused:?}"
    );
    let weak = Opening {
        salt: [7; 32],
        value: "张示例".to_owned(),
    };
    let astray_weak = {
        let committed = format!(
            "\"details\":{{\"manager\":{{\"commitment\":\"{}\",\"class\":\"person\"}},",
            weak.commit(&place)
        );
        let text = world.trade_text("A-1", None, "weak");
        let text = text.replace("\"details\":{", &committed);
        sign_statement(&text, &[&world.centre]).unwrap()
    };
    let mut weak_openings = Openings::default();
    weak_openings
        .insert("/details/manager".to_owned(), weak)
        .unwrap();
    let refused = ledger
        .post(note(&astray_weak), Some(&weak_openings), Wait::Signed)
        .await;
    assert!(
        matches!(
            refused,
            Err(PostError::Openings(OpeningError::WeakSalt {
                different: 1,
                ..
            }))
        ),
        "{refused:?}"
    );
    let fresh = Opening {
        salt: Hash::sha256(b"salt 11").0,
        value: "张示例".to_owned(),
    };
    let committed = format!(
        "\"details\":{{\"manager\":{{\"commitment\":\"{}\",\"class\":\"person\"}},",
        fresh.commit(&place)
    );
    let text = world.trade_text("A-1", None, "two");
    let text = text.replace("\"details\":{", &committed);
    let astray = sign_statement(&text, &[&world.centre]).unwrap();
    let mut fresh_openings = Openings::default();
    fresh_openings
        .insert("/details/manager".to_owned(), fresh)
        .unwrap();
    let refused = ledger
        .post(note(&astray), Some(&fresh_openings), Wait::Signed)
        .await;
    assert!(matches!(refused, Err(PostError::Rule(_))));
    assert_eq!(ledger.openings(&astray.id()).await.unwrap(), None);

    // A statement logged without openings takes them later, by a signature made for that: its own note is public.
    let second = with(Some(&first.id()), "three");
    ledger
        .post(note(&second), None, Wait::Signed)
        .await
        .unwrap();
    assert_eq!(ledger.openings(&second.id()).await.unwrap(), None);
    let disclose = async |signer: &Signer, text: String, bytes: Bytes| {
        let word = signer.sign_note(text).encode();
        let terms = Terms {
            openings: Some(&openings),
            disclosure: Some(word.as_bytes()),
            ..Terms::default()
        };
        ledger.post_on(bytes, &terms, Wait::Signed, None).await
    };
    let zeros = {
        let text = String::from_utf8(second.note().to_vec()).unwrap();
        let (line, signature) = text.rsplit_once(' ').unwrap();
        let mut bytes = BASE64.decode(signature.trim_end()).unwrap();
        bytes[4..].fill(0);
        Bytes::from(format!("{line} {}\n", BASE64.encode(bytes)))
    };
    for bytes in [note(&second), zeros] {
        let refused = ledger.post(bytes, Some(&openings), Wait::Signed).await;
        let named = "/details/manager".to_owned();
        assert!(
            matches!(&refused, Err(PostError::Disclosure(DisclosureError::Missing { pointer })) if *pointer == named),
            "{refused:?}"
        );
    }
    let text = |id: &Hash, pointer: &str| disclosure::text(ORIGIN, id, [pointer]);
    let wanted = text(&second.id(), "/details/manager");
    let stranger = Signer::from_seed(world.centre.name(), &[99; 32]).unwrap();
    for (signer, text) in [
        (&stranger, wanted.clone()),
        (&world.centre, text(&first.id(), "/details/manager")),
        (&world.centre, text(&second.id(), "/details/title")),
        (&world.centre, wanted.to_uppercase()),
    ] {
        let refused = disclose(signer, text, note(&second)).await;
        assert!(
            matches!(refused, Err(PostError::Disclosure(_))),
            "{refused:?}"
        );
    }
    assert_eq!(ledger.openings(&second.id()).await.unwrap(), None);
    for _ in 0..2 {
        let again = disclose(&world.centre, wanted.clone(), note(&second)).await;
        assert!(!again.unwrap().new);
    }
    // What is shown already is no disclosure.
    let again = ledger
        .post(note(&second), Some(&openings), Wait::Signed)
        .await
        .unwrap();
    assert!(!again.new);
    assert_eq!(ledger.openings(&second.id()).await.unwrap(), Some(openings));
}
