//! Danger: a crash, a lost answer or a failing store loses an acknowledged record, forks the log, or leaves it unable to open.
//!
//! A life of the ledger is a runtime of its own, torn down without a word: that is what a kill looks like from the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mingzhang::ledger::{Lacking, PostError, Why, Writing};
use mingzhang::store::Store;
use mingzhang::tlog::merkle::Hash;
use mingzhang::trade::statement::Statement;
use object_store::local::LocalFileSystem;
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

/// Ends a life, and waits until last-signed is let go of: a thread of its own may outlive the runtime by a moment.
fn kill(life: Runtime, world: &World) {
    kill_in(life, world.keys_folder.path(), "last-signed");
}

/// The same for a lock elsewhere.
fn kill_in(life: Runtime, folder: &std::path::Path, name: &str) {
    life.shutdown_timeout(Duration::from_secs(5));
    let lock = std::fs::File::options().write(true).open(folder.join(name));
    lock.unwrap().lock().unwrap();
}

/// On what a ledger is kept: what is true of one branch of the store need not be of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    /// Objects that others may write too, as in a bucket: a write that failed may still land, and is sent again.
    Shared,
    /// A folder of its own, under its lock: a write that failed ends the process.
    Folder,
}

/// A store whose writes fail when told to.
struct Disk {
    faulty: Faulty,
    store: Store,
    folder: Option<tempfile::TempDir>,
}

impl Disk {
    fn new(on: On) -> Disk {
        match on {
            On::Shared => {
                let faulty = Faulty::new();
                let store = Store::over(Arc::new(faulty.clone()));
                Disk {
                    faulty,
                    store,
                    folder: None,
                }
            }
            On::Folder => {
                let folder = tempfile::tempdir().unwrap();
                let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
                let faulty = Faulty::over(Arc::new(files));
                let store = Store::folder(folder.path()).unwrap();
                Disk {
                    store: store.with_writes(Arc::new(faulty.clone())),
                    faulty,
                    folder: Some(folder),
                }
            }
        }
    }

    fn kill(&self, life: Runtime, world: &World) {
        match &self.folder {
            Some(folder) => kill_in(life, folder.path(), "lock"),
            None => kill(life, world),
        }
    }
}

/// A ledger with `size` records, one project each, made in one life.
fn prepared(world: &World, on: On, size: u64) -> Disk {
    let disk = Disk::new(on);
    let store = disk.store.clone();
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
    disk.kill(life, world);
    disk
}

/// Posts three statements under the given fault, kills, reopens, posts the same or others, and checks what is published.
fn fail_at(on: On, size: u64, at: usize, fault: Fault, sticky: bool, same: bool) -> bool {
    let world = World::new();
    let disk = prepared(&world, on, size);
    let (faulty, store) = (disk.faulty.clone(), disk.store.clone());
    let batch: Vec<Statement> = (0..3)
        .map(|n| world.trade(&format!("Q-{n}"), None, "in the batch"))
        .collect();

    let first = life();
    let (mut acknowledged, mut refused) = (Vec::<Hash>::new(), Vec::<Hash>::new());
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
                // Its word is "not logged": nobody may find it in the log.
                Ok(Err(PostError::DiskFailed | PostError::DiskFull(_))) => {
                    refused.push(statement.id());
                }
                Ok(Err(other)) => panic!("{on:?}, fault {at} {fault:?}: {other:?}"),
            }
        }
    });
    disk.kill(first, &world);
    let (_, met) = faulty.disarm();

    let second = life();
    second.block_on(async {
        let ledger = world.open(&store).await.unwrap_or_else(|failure| {
            panic!("{on:?}, fault {at} {fault:?} sticky {sticky}: {failure}")
        });
        let (_, ids) = check_log(&world, &store).await;
        assert!(
            acknowledged.iter().all(|id| ids.contains(id)),
            "{on:?}, fault {at} {fault:?}: an acknowledged record is lost"
        );
        assert!(
            !refused.iter().any(|id| ids.contains(id)),
            "{on:?}, fault {at} {fault:?}: logged, and its poster was told that it is not"
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
    disk.kill(second, &world);
    met
}

/// Every write of a batch fails before or after it lands, or finds the disk full.
fn each_write_fails(on: On) {
    // 3 → 6 grows a partial tile; 254 → 257 fills a tile and a bundle and begins the next level.
    for size in [3, 254] {
        let mut last = 0;
        // Most of each case is waiting for time-outs: the cases run side by side.
        std::thread::scope(|scope| {
            let cases = (0..10).map(|at| {
                scope.spawn(move || {
                    let faults = match on {
                        On::Shared => [Fault::Before, Fault::After, Fault::Conflict].as_slice(),
                        // Whether the disk is full or fails; nobody else writes here.
                        On::Folder => &[Fault::Before, Fault::After, Fault::Full, Fault::FullAfter],
                    };
                    let cases = faults
                        .iter()
                        .flat_map(|fault| [(*fault, false), (*fault, true)]);
                    (
                        at,
                        cases.fold(false, |met, (fault, sticky)| {
                            met | fail_at(on, size, at, fault, sticky, at % 2 == 0)
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
fn every_write_of_a_batch_may_fail_on_a_store_of_many() {
    each_write_fails(On::Shared);
}

#[test]
fn every_write_of_a_batch_may_fail_in_a_folder() {
    each_write_fails(On::Folder);
}

#[test]
fn pairs_of_faults_with_the_second_during_recovery() {
    for on in [On::Shared, On::Folder] {
        for (first, second) in (0..25).map(|pair| (pair / 5, pair % 5)) {
            let world = World::new();
            let disk = prepared(&world, on, 254);
            let (faulty, store) = (disk.faulty.clone(), disk.store.clone());
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
                disk.kill(life, &world);
                faulty.disarm();
            }
            let last = life();
            last.block_on(async {
                let ledger = world
                    .open(&store)
                    .await
                    .unwrap_or_else(|failure| panic!("{on:?}, {first}, {second}: {failure}"));
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
            disk.kill(last, &world);
        }
    }
}

/// On a disk of its own a write that failed ends the process: its poster is told that nothing was logged, everybody that the ledger has
/// stopped and why, and the next life goes on.
#[test]
fn a_disk_that_refuses_the_commit_stops_the_ledger() {
    let world = World::new();
    let disk = prepared(&world, On::Folder, 3);
    let statement = world.trade("Q", None, "in the batch");
    let first = life();
    first.block_on(async {
        let ledger = world.open(&disk.store).await.unwrap();
        disk.faulty.arm(0, Fault::Before, true);
        let refused = try_post(&ledger, &statement).await;
        assert!(matches!(refused, Err(PostError::DiskFailed)), "{refused:?}");
        let reason = ledger.stopped().await;
        assert!(reason.contains("commit/"), "{reason}");
        assert_eq!(ledger.writing(), Writing::Stopped { reason });
        let ready = ledger.ready();
        let is_told = matches!(
            ready,
            Err(PostError::NotWriting {
                why: Why::Stopped,
                may_pass: false,
                ..
            })
        );
        assert!(is_told, "{ready:?}");
        // Reading goes on until the process ends.
        assert!(ledger.entry(2).await.is_ok());
    });
    disk.kill(first, &world);
    disk.faulty.disarm();
    let second = life();
    second.block_on(async {
        let ledger = world.open(&disk.store).await.unwrap();
        assert_eq!(try_post(&ledger, &statement).await.unwrap().index, 3);
        check_log(&world, &disk.store).await;
    });
    disk.kill(second, &world);
}

/// After a failed fsync the page cache may show what the disk has lost: nothing is answered by it, and the process ends.
#[test]
fn a_disk_that_cannot_sync_stops_the_ledger() {
    let world = World::new();
    let disk = prepared(&world, On::Folder, 3);
    let is_sick = Arc::new(AtomicBool::new(false));
    let asked = is_sick.clone();
    let sick = disk
        .store
        .clone()
        .with_sync(move |_| match asked.load(Ordering::SeqCst) {
            true => Err(std::io::Error::other("the disk has gone")),
            false => Ok(()),
        });
    let (first, statement) = (life(), world.trade("Q", None, "in the batch"));
    first.block_on(async {
        let ledger = world.open(&sick).await.unwrap();
        is_sick.store(true, Ordering::SeqCst);
        // The commit lands, its answer is lost; what was read back must be synced before it is believed.
        disk.faulty.arm(0, Fault::After, true);
        let unknown = try_post(&ledger, &statement).await;
        assert!(matches!(unknown, Err(PostError::Unknown)), "{unknown:?}");
        let reason = ledger.stopped().await;
        assert!(reason.contains("cannot sync"), "{reason}");
        assert!(ledger.ready().is_err());
    });
    disk.kill(first, &world);
    disk.faulty.disarm();
    let second = life();
    second.block_on(async {
        let ledger = world.open(&disk.store).await.unwrap();
        let posted = try_post(&ledger, &statement).await.unwrap();
        assert_eq!((posted.index, posted.new), (3, false));
    });
    disk.kill(second, &world);
}

/// Below the floor of the disk a post is refused by name, before anything is written, and everybody who asks is told so.
#[test]
fn a_disk_below_its_floor_is_told_of() {
    let world = World::new();
    let disk = prepared(&world, On::Folder, 3);
    let life = life();
    life.block_on(async {
        let config = mingzhang::ledger::Config {
            free_bytes_min: u64::MAX,
            ..world.config()
        };
        let store = disk.store.clone();
        let ledger = mingzhang::ledger::Ledger::open(store, config, world.clock())
            .await
            .unwrap();
        let wanted = |refused: &PostError| {
            matches!(
                refused,
                PostError::DiskFull(Lacking::Bytes {
                    wanted: u64::MAX,
                    ..
                })
            )
        };
        let refused = ledger.ready().unwrap_err();
        assert!(wanted(&refused), "{refused:?}");
        let said = refused.to_string();
        assert!(said.starts_with("not logged, the disk is full: "), "{said}");
        let refused = try_post(&ledger, &world.trade("Q", None, "x")).await;
        assert!(refused.as_ref().is_err_and(wanted), "{refused:?}");
        assert!(ledger.entry(2).await.is_ok());
    });
    disk.kill(life, &world);
}

/// A store that does not answer: whoever posts is told, and not left hanging.
#[test]
fn a_store_that_does_not_answer_is_told_of() {
    let world = World::new();
    let disk = prepared(&world, On::Shared, 3);
    let life = life();
    life.block_on(async {
        let ledger = world.open(&disk.store).await.unwrap();
        disk.faulty.arm(0, Fault::Before, true);
        let unknown = try_post(&ledger, &world.trade("Q", None, "x")).await;
        assert!(matches!(unknown, Err(PostError::Unknown)), "{unknown:?}");
        let next = world.trade("R", None, "x");
        let refused = loop {
            match ledger.ready() {
                Ok(()) => tokio::task::yield_now().await,
                Err(refused) => break refused,
            }
        };
        let is_told = |refused: &PostError| {
            matches!(
                refused,
                PostError::NotWriting {
                    why: Why::Store,
                    may_pass: true,
                    ..
                }
            )
        };
        assert!(is_told(&refused), "{refused:?}");
        let refused = try_post(&ledger, &next).await.unwrap_err();
        assert!(is_told(&refused), "{refused:?}");
        disk.faulty.disarm();
        while ledger.ready().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        try_post(&ledger, &next).await.unwrap();
    });
    disk.kill(life, &world);
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
    kill_in(first, &data, "lock");
    for round in 0..50 {
        copy(&data, &old);
        let life = life();
        life.block_on(async {
            let ledger = world.open(&store).await.unwrap();
            try_post(&ledger, &world.trade(&format!("P-{round}"), None, "newer"))
                .await
                .unwrap();
        });
        kill_in(life, &data, "lock");
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
        kill_in(stale, &old, "lock");
        std::fs::remove_dir_all(&old).unwrap();
    }
}

#[test]
fn a_lost_last_signed_needs_the_operators_word() {
    let world = World::new();
    let store = prepared(&world, On::Shared, 5).store;
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
    kill(life, &world);
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
    kill_in(first, folder.path(), "lock");
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
    kill_in(second, folder.path(), "lock");
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
