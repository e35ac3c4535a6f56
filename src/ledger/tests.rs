//! Danger: a look-up names a record that the head does not cover, and its receipt is "there is no record"; an index that is damaged or full
//! takes the ledger down, or comes back with holes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::watched;
use super::*;
use crate::ledger::clock::Reading;
use crate::tlog::merkle::Hash;
use crate::tlog::merkle::Tree;
use crate::tlog::note::Signer;
use crate::tlog::tile::Tile;
use crate::trade::statement::{Chain, Statement, sign_statement};
use crate::trade::time::Time;

const ORIGIN: &str = "ledger.example/test";

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name, &[seed; 32]).unwrap()
}

/// A ledger in memory, its index in a folder, with one authority and one centre.
pub(super) async fn ledger(follow: bool) -> (Ledger, Signer, tempfile::TempDir) {
    ledger_on(Store::memory(), follow).await
}

async fn ledger_on(store: Store, follow: bool) -> (Ledger, Signer, tempfile::TempDir) {
    let (log, authority, centre) = (
        signer(ORIGIN, 1),
        signer("authority.example", 2),
        signer("centre.example", 3),
    );
    let genesis = format!(
        "{{\"type\":\"genesis\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"follows\":null,\"hash\":\"sha-256\",\"log\":[\"{}\"],\
         \"authority\":{{\"threshold\":1,\"vkeys\":[\"{}\"]}},\"operator\":{{\"name\":\"operator.example\",\"uscc\":null}}}}\n",
        log.vkey(),
        authority.vkey()
    );
    let genesis = sign_statement(&genesis, &[&authority]).unwrap();
    let key = format!(
        "{{\"type\":\"key\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"follows\":\"{}\",\"changes\":[{{\"op\":\"admit\",\"role\":\"publisher\",\"vkey\":\"{}\",\"name\":\"c\",\"uscc\":null}}]}}\n",
        genesis.id(),
        centre.vkey()
    );
    let key = sign_statement(&key, &[&authority]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        free_bytes_min: 0,
        follow,
        index_folder: Some(folder.path().join("index")),
        ..Config::new(log, folder.path().to_owned())
    };
    let clock: Clock = Arc::new(|| Reading {
        wall: Time::from_ms(1_795_395_723_456).unwrap(),
        boot_ms: 0,
    });
    let notes = [genesis.note().to_vec(), key.note().to_vec()];
    let ledger = Ledger::create(store, config, clock, &notes).await.unwrap();
    (ledger, centre, folder)
}

pub(super) fn trade(centre: &Signer, project: &str, follows: Option<Hash>) -> Statement {
    let follows = follows.map_or("null".to_owned(), |id| format!("\"{id}\""));
    let text = format!(
        "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"centre.example\",\"project\":\"{project}\",\"follows\":{follows},\
         \"codes\":[],\"stage\":\"announcement\",\"kind\":\"tender_notice\",\"category\":\"construction\",\"title\":\"t\",\
         \"region\":\"430382\",\"issued\":\"2026-11-23T09:00:00+08:00\",\"documents\":[],\"events\":{{}},\"details\":{{\"buyer\":{{\"name\":\"甲局\"}},\"qualification\":\"不限\",\"consortium\":false,\"documents_how\":\"平台\",\"bids_how\":\"平台\"}}}}\n"
    );
    sign_statement(&text, &[centre]).unwrap()
}

/// Posts one statement in each of these projects, all at once.
async fn post_all(ledger: &Ledger, centre: &Signer, projects: Range<usize>) -> Vec<Hash> {
    let statements: Vec<Statement> = projects
        .map(|n| trade(centre, &format!("P{n}"), None))
        .collect();
    let posts = statements
        .iter()
        .map(|one| ledger.post(one.note().clone(), None, Wait::Signed));
    for posted in futures_util::future::join_all(posts).await {
        posted.unwrap();
    }
    statements.iter().map(Statement::id).collect()
}

pub(super) async fn until(mut what: impl FnMut() -> bool) {
    let waited = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, waited).await.unwrap();
}

/// Emptying the index took a while, and the thread that fills it went on meanwhile: what it put in was taken out again, for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_is_rebuilt_without_holes() {
    let (ledger, centre, _folder) = ledger(true).await;
    let shared = ledger.shared.clone();
    let mut ids = post_all(&ledger, &centre, 0..600).await;
    // As many keys as a larger log would have: emptying them is what took time.
    shared.indexing.index.more_statements(50_000);
    for round in 0..3 {
        ledger.index_reached(ledger.head().tree.size).await;
        shared.damaged_index();
        let ready = ledger.ready();
        assert!(
            matches!(
                ready,
                Err(PostError::NotWriting {
                    why: Why::IndexDamaged,
                    may_pass: true,
                    ..
                })
            ),
            "{ready:?}"
        );
        until(|| ledger.ready().is_ok()).await;
        let next = 600 + 20 * round;
        ids.extend(post_all(&ledger, &centre, next..next + 20).await);
        let size = ledger.head().tree.size;
        until(|| {
            shared
                .indexing
                .index
                .state()
                .is_ok_and(|(tree, _)| tree.size == size)
        })
        .await;
        let missing = |id: &&Hash| shared.indexing.index.statement(id).unwrap().is_none();
        assert_eq!(ids.iter().filter(missing).count(), 0, "round {round}");
    }
    assert_eq!(*shared.writing.borrow(), Writing::Yes);
}

/// A full disk once took the ledger down through its index, which is never truth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_be_written_falls_behind_and_nothing_else() {
    let (ledger, centre, _folder) = ledger(true).await;
    let shared = ledger.shared.clone();
    let first = post_all(&ledger, &centre, 0..3).await;
    ledger.index_reached(5).await;
    shared.indexing.index.fail(true);
    // Posts and reads go on; heads of chains and statements are found, whether the index has them or not.
    let mut last = first[0];
    // Of three that are posted at once, any may be the first.
    let began = ledger.statement(&last).unwrap().unwrap();
    for _ in 0..3 {
        let next = trade(&centre, "P0", Some(last));
        ledger
            .post(next.note().clone(), None, Wait::Signed)
            .await
            .unwrap();
        last = next.id();
    }
    until(|| ledger.index_behind().is_some()).await;
    assert!(ledger.ready().is_ok());
    assert_eq!(ledger.index_size(), 5);
    assert_eq!(ledger.statement(&last).unwrap(), Some(7));
    let chain = Chain::Trade {
        publisher: "centre.example".into(),
        project: "P0".into(),
    };
    let found = ledger.chain(&chain).unwrap().unwrap();
    assert_eq!((found.head, found.records), (last, vec![began, 5, 6, 7]));
    // The disk has room again.
    shared.indexing.index.fail(false);
    until(|| ledger.index_behind().is_none() && ledger.index_size() == 8).await;
    assert_eq!(shared.indexing.index.statement(&last).unwrap(), Some(7));
    // What the index has made durable is let go of.
    until(|| shared.posts.recent().len() == 0).await;
    assert_eq!(
        ledger.chain(&chain).unwrap().unwrap().records,
        [began, 5, 6, 7]
    );
}

/// A task that dies takes the ledger with it, so that the process ends and is started again.
#[tokio::test]
async fn a_task_that_panics_stops_the_ledger() {
    let (ledger, _, _folder) = ledger(false).await;
    watched(&ledger.shared, "a task", async { panic!("on purpose") });
    let reason = ledger.stopped().await;
    assert!(reason.contains("a task panicked"), "{reason}");
    // It stays so, whatever the writer says afterwards.
    ledger.shared.set_writing(Writing::Yes);
    assert!(matches!(
        ledger.ready(),
        Err(PostError::NotWriting {
            why: Why::Stopped,
            ..
        })
    ));
}

/// Behind the posts too: what could not be synced is not put away, and nothing more is answered by such a disk.
#[tokio::test]
async fn a_collector_that_cannot_sync_stops_the_ledger() {
    let (data, is_sick) = (
        tempfile::tempdir().unwrap(),
        Arc::new(AtomicBool::new(false)),
    );
    let asked = is_sick.clone();
    let store = Store::folder(data.path()).unwrap();
    let store = store.with_sync(move |_| match asked.load(Ordering::SeqCst) {
        true => Err(std::io::Error::other("the disk has gone")),
        false => Ok(()),
    });
    let (ledger, centre, _folder) = ledger_on(store, false).await;
    post_all(&ledger, &centre, 0..1).await;
    let shared = ledger.shared.clone();
    let kept = async || shared.store.list("commit/").await.unwrap().len();
    let before = kept().await;
    assert!(before > 1, "there is something to put away");
    is_sick.store(true, Ordering::SeqCst);
    assert!(!collect::goes_on(&shared, collect::commits(&shared).await));
    assert_eq!(kept().await, before);
    let reason = ledger.stopped().await;
    assert!(reason.contains("cannot sync"), "{reason}");
    assert!(ledger.ready().is_err());
}

#[tokio::test]
async fn a_full_queue_is_told_of() {
    let (ledger, _, _folder) = ledger(false).await;
    assert!(ledger.ready().is_ok());
    let places = ledger
        .queue
        .reserve_many(ledger.queue.max_capacity())
        .await
        .unwrap();
    assert!(matches!(ledger.ready(), Err(PostError::QueueFull)));
    drop(places);
    assert!(ledger.ready().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_record_before_the_head_covers_it() {
    let (ledger, centre, _folder) = ledger(false).await;

    // A record that is planned and won; its head is about to be published.
    let next = trade(&centre, "P", None);
    let shared = ledger.shared.clone();
    shared.posts.recent().add(2, &next);
    let tree = Tree {
        size: 3,
        root_hash: Hash::ZERO,
    };
    let head = Arc::new(Head {
        tree,
        ..Head::clone(&shared.head())
    });

    // Whoever holds the old head keeps the new one from coming out: the writer stands exactly between its two steps.
    let old = shared.heads.head.borrow();
    let writer = {
        let shared = shared.clone();
        std::thread::spawn(move || shared.publish(3, head))
    };
    while let Ok(recent) = shared.posts.recent.try_lock() {
        assert_eq!(
            recent.statement(&next.id()),
            None,
            "found, but the head has {} records",
            old.tree.size
        );
        drop(recent);
        std::thread::yield_now();
    }
    drop(old);
    writer.join().unwrap();
    assert_eq!(shared.logged(&next.id()).unwrap(), Some(2));
    assert_eq!(shared.head().tree.size, 3);
}

/// On a busy ledger the partial tiles of an hour are several times the log: where room lacks they go at once, and nothing is missed.
#[tokio::test]
async fn partial_tiles_make_room_as_soon_as_their_full_tile_is_durable() {
    let (ledger, centre, _folder) = ledger(true).await;
    for batch in 0..6 {
        post_all(&ledger, &centre, batch * 50..batch * 50 + 50).await;
    }
    let shared = ledger.shared.clone();
    let partials = async || {
        let names = shared.log.list("tile/").await.unwrap();
        let tiles = names
            .iter()
            .filter_map(|listed| Tile::parse_path(&listed.name).ok());
        tiles.filter(|tile| !tile.is_full()).collect::<Vec<_>>()
    };
    let superseded =
        |tile: &Tile| matches!(&*tile.full().path(), "tile/0/000" | "tile/entries/000");
    assert!(partials().await.iter().any(superseded));
    collect::partials(&shared, Duration::from_secs(3_600))
        .await
        .unwrap();
    assert!(
        partials().await.iter().any(superseded),
        "they have not stood for an hour"
    );
    collect::partials(&shared, Duration::ZERO).await.unwrap();
    let left = partials().await;
    assert!(!left.is_empty() && !left.iter().any(superseded), "{left:?}");
    let tree = ledger.head().tree;
    for number in 0..2 {
        shared.reader.bundle(&tree, number).await.unwrap();
    }
    post_all(&ledger, &centre, 300..301).await;
}
