//! Danger: a crash, a lost answer or a failing store loses an acknowledged record, forks the log, or leaves it unable to open.
//!
//! A life of the ledger is a runtime of its own, torn down without a word: that is what a kill looks like from the store.

use std::sync::Arc;
use std::time::Duration;

use mingzhang::ledger::PostError;
use mingzhang::store::Store;
use mingzhang::tlog::merkle::Hash;
use mingzhang::trade::statement::Statement;
use tokio::runtime::{Builder, Runtime};

use super::faulty::{Fault, Faulty};
use super::world::{World, check_log, try_post};

fn life() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn kill(life: Runtime) {
    life.shutdown_timeout(Duration::from_secs(5));
}

/// [`kill`], and wait until the folder's lock is let go of: a thread of its own may outlive the runtime by a moment.
fn kill_in(life: Runtime, folder: &std::path::Path) {
    kill(life);
    let lock = std::fs::File::options()
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    lock.lock().unwrap();
}

/// A ledger with `size` records, one project each, made in one life.
fn prepared(world: &World, faulty: &Faulty, size: u64) -> Store {
    let store = Store::over(Arc::new(faulty.clone()));
    let life = life();
    life.block_on(async {
        let ledger = world.create(&store).await;
        let statements: Vec<Statement> = (2..size)
            .map(|at| world.trade(&format!("P-{at}"), None, "before"))
            .collect();
        let posts = statements
            .iter()
            .map(|statement| try_post(&ledger, statement));
        futures_util::future::join_all(posts)
            .await
            .into_iter()
            .for_each(|posted| drop(posted.unwrap()));
        // checkpoint and its kept copy are put behind: let them settle, so that the writes counted later are those of one batch.
        while ledger
            .checkpoint()
            .is_none_or(|checkpoint| checkpoint.tree.size < size)
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    kill(life);
    store
}

/// Posts three statements under the given fault, kills, reopens, posts the same or others, and checks what is published.
fn fail_at(size: u64, at: usize, fault: Fault, sticky: bool, same: bool) -> bool {
    let (world, faulty) = (World::new(), Faulty::new());
    let store = prepared(&world, &faulty, size);
    let batch: Vec<Statement> = (0..3)
        .map(|n| world.trade(&format!("Q-{n}"), None, "in the batch"))
        .collect();

    let first = life();
    let mut acknowledged: Vec<Hash> = Vec::new();
    first.block_on(async {
        let ledger = world.open(&store).await.unwrap();
        faulty.arm(at, fault, sticky);
        let posts = batch.iter().map(|statement| {
            tokio::time::timeout(Duration::from_millis(300), try_post(&ledger, statement))
        });
        for (statement, posted) in batch
            .iter()
            .zip(futures_util::future::join_all(posts).await)
        {
            match posted {
                Ok(Ok(_)) => acknowledged.push(statement.id()),
                Ok(Err(PostError::Unknown | PostError::NotWriting { .. })) | Err(_) => {}
                Ok(Err(other)) => panic!("fault {at} {fault:?}: {other:?}"),
            }
        }
    });
    kill(first);
    let (_, met) = faulty.disarm();

    let second = life();
    second.block_on(async {
        let ledger = world
            .open(&store)
            .await
            .unwrap_or_else(|failure| panic!("fault {at} {fault:?} sticky {sticky}: {failure}"));
        let (_, ids) = check_log(&world, &store).await;
        assert!(
            acknowledged.iter().all(|id| ids.contains(id)),
            "fault {at} {fault:?}: an acknowledged record is lost"
        );
        let next: Vec<Statement> = match same {
            true => batch.clone(),
            false => (0..3)
                .map(|n| world.trade(&format!("R-{n}"), None, "other"))
                .collect(),
        };
        for statement in &next {
            try_post(&ledger, statement)
                .await
                .unwrap_or_else(|failure| panic!("fault {at} {fault:?}: {failure}"));
        }
        let (_, ids) = check_log(&world, &store).await;
        for statement in &next {
            assert_eq!(
                ids.iter().filter(|id| **id == statement.id()).count(),
                1,
                "one text, one record"
            );
        }
    });
    kill(second);
    met
}

#[test]
fn every_write_of_a_batch_may_fail_before_or_after_it_lands() {
    // 3 → 6 grows a partial tile; 254 → 257 fills a tile and a bundle and begins the next level.
    for size in [3, 254] {
        let mut last = 0;
        // Most of each case is waiting for time-outs: the cases run side by side.
        std::thread::scope(|scope| {
            let cases = (0..12).map(|at| {
                scope.spawn(move || {
                    let faults = [Fault::Before, Fault::After, Fault::Conflict].into_iter();
                    let cases = faults.flat_map(|fault| [(fault, false), (fault, true)]);
                    (
                        at,
                        cases.fold(false, |met, (fault, sticky)| {
                            met | fail_at(size, at, fault, sticky, at % 2 == 0)
                        }),
                    )
                })
            });
            for case in cases.collect::<Vec<_>>() {
                let (at, met) = case.join().unwrap();
                last = if met { at.max(last) } else { last };
            }
        });
        // The harness itself: a batch makes at least commit, tile, bundle and head.
        assert!(last >= 3, "the faults were never met");
    }
}

#[test]
fn pairs_of_faults_with_the_second_during_recovery() {
    for first in 0..5 {
        for second in 0..5 {
            let (world, faulty) = (World::new(), Faulty::new());
            let store = prepared(&world, &faulty, 254);
            let batch: Vec<Statement> = (0..3)
                .map(|n| world.trade(&format!("Q-{n}"), None, "in the batch"))
                .collect();
            let acknowledged = std::sync::Mutex::new(Vec::new());
            for (at, fault) in [(first, Fault::After), (second, Fault::Before)] {
                let life = life();
                life.block_on(async {
                    faulty.arm(at, fault, true);
                    // Opening may fail, or succeed and let posts fail.
                    let Ok(ledger) = world.open(&store).await else {
                        return;
                    };
                    let posts = batch.iter().map(|statement| {
                        tokio::time::timeout(
                            Duration::from_millis(100),
                            try_post(&ledger, statement),
                        )
                    });
                    for (statement, posted) in batch
                        .iter()
                        .zip(futures_util::future::join_all(posts).await)
                    {
                        if let Ok(Ok(_)) = posted {
                            acknowledged.lock().unwrap().push(statement.id());
                        }
                    }
                });
                kill(life);
                faulty.disarm();
            }
            let last = life();
            last.block_on(async {
                let ledger = world
                    .open(&store)
                    .await
                    .unwrap_or_else(|failure| panic!("{first}, {second}: {failure}"));
                for statement in &batch {
                    try_post(&ledger, statement).await.unwrap();
                }
                let (tree, ids) = check_log(&world, &store).await;
                assert_eq!(tree.size, 257);
                assert!(
                    acknowledged
                        .lock()
                        .unwrap()
                        .iter()
                        .all(|id| ids.contains(id))
                );
            });
            kill(last);
        }
    }
}

#[test]
fn stale_restores_are_refused() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let (data, old) = (folder.path().join("data"), folder.path().join("old"));
    std::fs::create_dir(&data).unwrap();
    let store = Store::folder(&data).unwrap();
    let first = life();
    first.block_on(async {
        world.create(&store).await;
    });
    kill_in(first, &data);
    for round in 0..50 {
        copy(&data, &old);
        let life = life();
        life.block_on(async {
            let ledger = world.open(&store).await.unwrap();
            try_post(&ledger, &world.trade(&format!("P-{round}"), None, "newer"))
                .await
                .unwrap();
        });
        kill_in(life, &data);
        // An older copy is put back; the key's own memory is not part of it.
        let stale = self::life();
        stale.block_on(async {
            let refused = world.open(&Store::folder(&old).unwrap()).await;
            assert!(
                matches!(
                    refused,
                    Err(mingzhang::ledger::OpenError::RolledBack { .. })
                ),
                "round {round}: {refused:?}"
            );
        });
        kill_in(stale, &old);
        std::fs::remove_dir_all(&old).unwrap();
    }
}

#[test]
fn a_lost_last_signed_needs_the_operators_word() {
    let (world, faulty) = (World::new(), Faulty::new());
    let store = prepared(&world, &faulty, 5);
    std::fs::remove_file(world.keys_folder.path().join("last-signed")).unwrap();
    let life = life();
    life.block_on(async {
        let refused = world.open(&store).await;
        assert!(
            matches!(
                refused,
                Err(mingzhang::ledger::OpenError::LastSignedUnknown { .. })
            ),
            "{refused:?}"
        );
        let word = mingzhang::ledger::OperatorWord {
            restored: true,
            clock: false,
        };
        let config = mingzhang::ledger::Config {
            operator_word: word,
            ..world.config()
        };
        let ledger = mingzhang::ledger::Ledger::open(store.clone(), config, world.clock())
            .await
            .unwrap();
        try_post(&ledger, &world.trade("Q", None, "after"))
            .await
            .unwrap();
        assert_eq!(check_log(&world, &store).await.0.size, 6);
    });
    kill(life);
}

#[test]
fn a_torn_tile_is_made_whole_from_the_commits() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::folder(folder.path()).unwrap();
    let first = life();
    first.block_on(async {
        let ledger = world.create(&store).await;
        for at in 0..4 {
            try_post(&ledger, &world.trade(&format!("P-{at}"), None, "x"))
                .await
                .unwrap();
        }
    });
    kill_in(first, folder.path());
    // A power cut before the tiles were synced: any of them may be empty or gone.
    for name in [
        "tile/0/000.p/6",
        "tile/entries/000.p/6",
        "tile/entries/000.p/5",
    ] {
        std::fs::write(folder.path().join("log").join(name), "").unwrap();
    }
    std::fs::remove_file(folder.path().join("log/tile/0/000.p/5")).unwrap();
    let second = life();
    second.block_on(async {
        let ledger = world.open(&store).await.unwrap();
        try_post(&ledger, &world.trade("Q", None, "after"))
            .await
            .unwrap();
        assert_eq!(check_log(&world, &store).await.0.size, 7);
    });
    kill_in(second, folder.path());
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}
