//! Danger: two writers on one store each believe that they won, and the log forks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mingzhang::ledger::last_signed::LastSignedError;
use mingzhang::ledger::{Config, Ledger, OpenError, OperatorWord, PostError};
use mingzhang::store::Store;
use mingzhang::tlog::merkle::Hash;

use super::faulty::{Fault, Faulty};
use super::world::{World, check_log, try_post};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_folder_is_refused() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let store = Store::folder(folder.path()).unwrap();
    let ledger = world.create(&store).await;
    // The lock is the file's, not the process's: a second opening is refused even from within.
    assert!(matches!(world.open(&store).await, Err(OpenError::Lock(_))));
    drop(ledger);
    super::post::wait_for_lock(folder.path()).await;
    // A lock file that a dead process left behind locks nothing.
    assert!(folder.path().join("lock").exists());
    world.open(&store).await.unwrap();
}

/// The key has signed already: it begins no second log, neither beside the one that runs nor after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_signed_begins_no_other_log() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let ledger = world.create(&Store::memory()).await;
    let begin = async || {
        let store = Store::folder(folder.path()).unwrap();
        let notes = world.first_notes();
        let begun = Ledger::create(store.clone(), world.config(), world.clock(), &notes).await;
        assert!(store.list("commit/").await.unwrap().is_empty());
        begun.map(drop)
    };
    let begun = begin().await;
    assert!(
        matches!(begun, Err(OpenError::LastSigned(LastSignedError::Lock(_)))),
        "{begun:?}"
    );
    ledger.close().await;
    let begun = begin().await;
    assert!(
        matches!(
            begun,
            Err(OpenError::RolledBack {
                signed: 2,
                found: 0
            })
        ),
        "{begun:?}"
    );
}

/// Writers on one store, each posting to projects of its own; every so often the store answers what is not so.
async fn contend(
    writers: usize,
    records: usize,
    faults: bool,
    conditions: bool,
) -> Result<usize, String> {
    let faulty = Faulty::new();
    let store = Store::over(Arc::new(faulty.clone()));
    let world = Arc::new(World::new());
    drop(world.create(&store).await);
    if !conditions {
        faulty.ignore_conditions();
    }
    let posted = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    let mut folders = Vec::new();
    for writer in 0..writers {
        let folder = tempfile::tempdir().unwrap();
        let word = OperatorWord {
            restored: true,
            clock: true,
        };
        let config = Config {
            keys_folder: folder.path().to_owned(),
            operator_word: word,
            ..world.config()
        };
        folders.push(folder);
        let ledger = Ledger::open(store.clone(), config, world.clock())
            .await
            .map_err(|failure| failure.to_string())?;
        let (world, posted, faulty) = (world.clone(), posted.clone(), faulty.clone());
        tasks.push(tokio::spawn(async move {
            let mut acknowledged: Vec<Hash> = Vec::new();
            for at in 0.. {
                let total = posted.load(Ordering::SeqCst);
                if total >= records {
                    break;
                }
                if faults && at % 7 == 3 {
                    let fault = [Fault::After, Fault::Conflict, Fault::Before][at % 3];
                    faulty.arm(at % 5, fault, false);
                }
                let statement = world.trade(&format!("W{writer}-{at}"), None, "contended");
                let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
                loop {
                    match try_post(&ledger, &statement).await {
                        Ok(_) => break acknowledged.push(statement.id()),
                        Err(PostError::Unknown | PostError::NotWriting { may_pass: true, .. })
                            if tokio::time::Instant::now() < deadline =>
                        {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        Err(other) => return Err(other.to_string()),
                    }
                }
                posted.fetch_add(1, Ordering::SeqCst);
            }
            Ok(acknowledged)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(|panic| panic.to_string())??);
    }
    faulty.disarm();
    // A last look by a fresh writer, which publishes whatever is committed.
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        keys_folder: folder.path().to_owned(),
        operator_word: OperatorWord {
            restored: true,
            clock: true,
        },
        ..world.config()
    };
    let _ledger = Ledger::open(store.clone(), config, world.clock())
        .await
        .map_err(|failure| failure.to_string())?;
    let (_, ids) = check_log(&world, &store).await;
    for id in &all {
        if ids.iter().filter(|logged| *logged == id).count() != 1 {
            return Err(format!(
                "acknowledged statement {id} is not in the log exactly once"
            ));
        }
    }
    Ok(all.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_contending_writers_one_wins_each_slot() {
    assert!(contend(2, 1_000, false, true).await.unwrap() >= 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_contending_writers_one_wins_each_slot_whatever_the_store_answers() {
    assert!(contend(3, 10_000, true, true).await.unwrap() >= 10_000);
}

/// The canary: on a store that lets everybody win, the harness must notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_conditions_is_found_out() {
    let outcome = tokio::spawn(contend(3, 300, false, false)).await;
    assert!(
        !matches!(outcome, Ok(Ok(_))),
        "three writers without a commit point went unnoticed"
    );
}
