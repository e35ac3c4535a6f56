//! Danger: in some order of ordinary slips (a crash, a copy put back, a lost file, a clock that is set, witnesses that are away) the log key
//! signs two histories, or a record that was acknowledged is not there any more.
//!
//! The property over arbitrary orders of them: **no size has two roots; nothing acknowledged is lost; each start goes on or is refused by
//! name; and with the newest data, its last-signed and the right clock everything goes on.** The canaries are worlds in which the lock or the
//! memory of the key is out of reach: the folder of keys copied beside its original, and put back with the data where no witness knows more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use mingzhang::ledger::clock::{Clock, Reading};
use mingzhang::ledger::last_signed::LastSignedError;
use mingzhang::ledger::{Config, Ledger, OpenError, PostError, Why};
use mingzhang::server::witness;
use mingzhang::store::Store;
use mingzhang::store::commit::Commit;
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::tile::Edge;
use mingzhang::trade::time::Time;
use mingzhang::witness::{Watched, Witness};
use proptest::prelude::*;
use proptest::test_runner::{
    Config as Cases, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};

use super::world::{ORIGIN, World, check_log, try_post};

#[derive(Clone, Copy, Debug)]
enum Slip {
    Start,
    Post(u8),
    /// Its end, with posts under way whose answers nobody waits for.
    Kill(u8),
    Copy,
    /// An older copy of the data takes the place of the data.
    PutBack(usize),
    /// And last-signed of that time takes the place of last-signed.
    PutBackWithKeys(usize),
    PutBackNewest,
    LoseLastSigned,
    EmptyLastSigned,
    /// The wall clock is so many minutes off from now on.
    Clock(i64),
    Away(usize),
    Back(usize),
    /// Another process on a copy of the data, while the first runs.
    Beside,
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        8 => Just(Slip::Start),
        6 => (1u8..4).prop_map(Slip::Post),
        2 => (0u8..4).prop_map(Slip::Kill),
        4 => Just(Slip::Copy),
        2 => (0usize..4).prop_map(Slip::PutBack),
        2 => (0usize..4).prop_map(Slip::PutBackWithKeys),
        4 => Just(Slip::PutBackNewest),
        1 => Just(Slip::LoseLastSigned),
        1 => Just(Slip::EmptyLastSigned),
        1 => prop_oneof![Just(30), Just(-30), Just(120), Just(40 * 24 * 60)].prop_map(Slip::Clock),
        2 => Just(Slip::Clock(0)),
        1 => (0usize..3).prop_map(Slip::Away),
        2 => (0usize..3).prop_map(Slip::Back),
        2 => Just(Slip::Beside),
    ]
}

/// What the world is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Alone,
    Witnessed,
    /// Canary: the process beside has a copy of the folder of keys, so that there is no lock between them.
    NoLock,
    /// Canary: the key's memory is put back with the data, and there is nobody to ask.
    NoMemory,
}

type Holds = Result<(), String>;

/// A machine with a ledger, as its operator handles it, and what the outside has seen of it.
struct Machine {
    kind: Kind,
    world: World,
    folder: tempfile::TempDir,
    ledger: Option<Ledger>,
    /// Copies of data and keys; whether it was taken of a running ledger.
    copies: Vec<(PathBuf, bool)>,
    /// The copy of the most records.
    newest: Option<(u64, PathBuf)>,
    /// What lies there now was copied of a running ledger: it may be refused for other reasons too.
    is_fuzzy: bool,
    base_ms: Arc<AtomicI64>,
    off_ms: Arc<AtomicI64>,
    witnesses: Vec<(Arc<Witness>, Arc<AtomicBool>)>,
    policy: Option<Policy>,
    /// A witness has been away since the start: it may be asked again only after a while.
    is_disturbed: bool,
    /// Every root that was shown.
    signed: BTreeMap<u64, Hash>,
    acknowledged: Vec<(u64, Hash)>,
    posted: usize,
}

impl Machine {
    async fn new(kind: Kind) -> Machine {
        let world = World::new();
        let start_ms = world.clock_ms.load(Ordering::SeqCst);
        let mut machine = Machine {
            kind,
            world,
            folder: tempfile::tempdir().unwrap(),
            ledger: None,
            copies: Vec::new(),
            newest: None,
            is_fuzzy: false,
            base_ms: Arc::new(AtomicI64::new(start_ms)),
            off_ms: Arc::default(),
            witnesses: Vec::new(),
            policy: None,
            is_disturbed: false,
            signed: BTreeMap::new(),
            acknowledged: Vec::new(),
            posted: 0,
        };
        std::fs::create_dir(machine.data()).unwrap();
        std::fs::create_dir(machine.keys()).unwrap();
        if kind == Kind::Witnessed {
            machine.play_witnesses().await;
        }
        let store = Store::folder(&machine.data()).unwrap();
        let (config, notes) = (machine.config(&machine.keys()), machine.world.first_notes());
        let ledger = Ledger::create(store, config, machine.clock(), &notes).await;
        machine.ledger = Some(ledger.unwrap());
        machine
    }

    /// Three of them on loopback, of which two are enough; those that are away answer 503.
    async fn play_witnesses(&mut self) {
        let log = Signer::from_seed(ORIGIN, &self.world.log).unwrap();
        let mut text = format!("log {}\n", log.vkey());
        for at in 0..3u8 {
            let cosigner = Cosigner::from_seed(&format!("w{at}.example"), &[0x40 + at; 32]);
            let cosigner = cosigner.unwrap();
            let vkey = cosigner.vkey().to_string();
            let watched = Watched {
                origin: ORIGIN.to_owned(),
                vkeys: vec![log.vkey().clone()],
            };
            let folder = self.folder.path().join(format!("w{at}"));
            let role = Arc::new(Witness::open(&folder, cosigner, &[watched]).unwrap());
            let (away, base_ms) = (Arc::new(AtomicBool::new(false)), self.base_ms.clone());
            let now = move || u64::try_from(base_ms.load(Ordering::SeqCst) / 1_000).unwrap();
            let door = async |State(away): State<Arc<AtomicBool>>, request: Request, next: Next| {
                match away.load(Ordering::SeqCst) {
                    true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                    false => next.run(request).await,
                }
            };
            let app = witness::router(role.clone(), Arc::new(now));
            let app = app.layer(from_fn_with_state(away.clone(), door));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            text.push_str(&format!("witness w{at} {vkey} http://{address}\n"));
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
            self.witnesses.push((role, away));
        }
        text.push_str("group two 2 w0 w1 w2\nquorum two\n");
        self.policy = Some(Policy::parse(text.as_bytes()).unwrap());
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn config(&self, keys: &Path) -> Config {
        Config {
            keys_folder: keys.to_owned(),
            policy: self.policy.clone(),
            ..self.world.config()
        }
    }

    fn clock(&self) -> Clock {
        let (base_ms, off_ms) = (self.base_ms.clone(), self.off_ms.clone());
        Arc::new(move || {
            let boot_ms = base_ms.load(Ordering::SeqCst);
            let wall = Time::from_ms(boot_ms + off_ms.load(Ordering::SeqCst)).unwrap();
            Reading { wall, boot_ms }
        })
    }

    /// How many records are committed here.
    fn committed(&self) -> u64 {
        let commits = std::fs::read_dir(self.data().join("commit")).into_iter();
        let sizes = commits.flatten().filter_map(|entry| {
            let bytes = std::fs::read(entry.ok()?.path()).ok()?;
            Some(Commit::parse(&bytes.into()).ok()?.new.size)
        });
        sizes.max().unwrap_or(0)
    }

    /// What last-signed says.
    fn last_signed(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.keys().join("last-signed")).unwrap_or_default();
        let sizes = text.lines().filter_map(|line| line.get(..20)?.parse().ok());
        sizes.max()
    }

    /// Some witness that answers has cosigned more than is here.
    fn is_told_of_more(&self, here: u64) -> bool {
        let mut answering = self.answering();
        answering.any(|one| one.seen(ORIGIN).is_some_and(|tree| tree.size > here))
    }

    fn answering(&self) -> impl Iterator<Item = &Arc<Witness>> {
        let witnesses = self.witnesses.iter();
        witnesses.filter_map(|(role, away)| (!away.load(Ordering::SeqCst)).then_some(role))
    }

    /// What the outside sees: a second root of a size is a fork.
    fn see(&mut self, size: u64, root: Hash) -> Holds {
        match self.signed.insert(size, root).filter(|seen| *seen != root) {
            None => Ok(()),
            Some(seen) => Err(format!("two roots of size {size}: {seen} and {root}")),
        }
    }

    async fn take(&mut self, slip: Slip) -> Holds {
        self.base_ms.fetch_add(1_000, Ordering::SeqCst);
        match slip {
            Slip::Start => return self.start().await,
            Slip::Post(count) => {
                for _ in 0..count {
                    self.post().await?;
                }
                self.cosigned().await;
            }
            Slip::Kill(count) => self.kill(count).await?,
            Slip::Copy => self.copy(),
            Slip::PutBack(at) => return self.put_back(at, false).await,
            Slip::PutBackWithKeys(at) => {
                // Without a witness nobody can know, as `docs/operations.md` says.
                let with_keys = matches!(self.kind, Kind::Witnessed | Kind::NoMemory);
                return self.put_back(at, with_keys).await;
            }
            Slip::PutBackNewest => {
                self.kill(0).await?;
                let (_, newest) = self.newest.clone().expect("kept by kill()");
                replace(&newest.join("data"), &self.data());
                self.is_fuzzy = false;
            }
            Slip::LoseLastSigned | Slip::EmptyLastSigned => {
                self.kill(0).await?;
                let path = self.keys().join("last-signed");
                match slip {
                    Slip::LoseLastSigned => drop(std::fs::remove_file(path)),
                    _ => std::fs::write(path, "").unwrap(),
                }
            }
            Slip::Clock(minutes) => self.off_ms.store(minutes * 60_000, Ordering::SeqCst),
            Slip::Away(at) | Slip::Back(at) => {
                if let Some((_, away)) = self.witnesses.get(at) {
                    away.store(matches!(slip, Slip::Away(_)), Ordering::SeqCst);
                    self.is_disturbed = true;
                }
            }
            Slip::Beside => self.beside().await?,
        }
        Ok(())
    }

    async fn start(&mut self) -> Holds {
        if self.ledger.is_some() {
            return Ok(());
        }
        let (here, signed) = (self.committed(), self.last_signed());
        let all = self.signed.keys().next_back().copied().unwrap_or(0);
        let more = self.is_told_of_more(here);
        if self.kind == Kind::Witnessed
            && here < all
            && signed.is_none_or(|size| size <= here)
            && !more
        {
            // What no witness that answers has cosigned nobody can tell of: that is why a receipt says whether it is witnessed.
            return Ok(());
        }
        let silent = self.witnesses.len() - self.answering().count();
        let store = Store::folder(&self.data()).unwrap();
        let opened = Ledger::open(store, self.config(&self.keys()), self.clock()).await;
        let wanted = match signed {
            Some(size) if size > here => "rolled back",
            Some(size) if size == here => "goes on",
            // Newer data than last-signed, or none: somebody has to vouch.
            _ if self.policy.is_none() => "unknown",
            _ if more => "ahead",
            _ if silent >= 2 => "silent",
            _ => "goes on",
        };
        let found = match &opened {
            Ok(_) => "goes on",
            Err(OpenError::RolledBack { .. }) => "rolled back",
            Err(OpenError::LastSignedUnknown { .. }) => "unknown",
            Err(OpenError::WitnessAhead { .. }) => "ahead",
            Err(OpenError::WitnessesSilent { .. }) => "silent",
            Err(_) if self.is_fuzzy => wanted,
            Err(_) => "other",
        };
        if found != wanted && !(self.is_fuzzy && opened.is_err()) {
            let why = opened.err().map(|refused| refused.to_string());
            return Err(format!(
                "a start with {here} records here, last-signed {signed:?}, {all} ever signed, {silent} witnesses silent: wanted {wanted}, found {found}: {why:?}"
            ));
        }
        self.ledger = opened.ok();
        self.is_disturbed = false;
        match &self.ledger {
            Some(ledger) => {
                let tree = ledger.head().tree;
                self.see(tree.size, tree.root_hash)
            }
            None => Ok(()),
        }
    }

    async fn post(&mut self) -> Holds {
        let Some(ledger) = self.ledger.clone() else {
            return Ok(());
        };
        // Witnesses are asked once a second at most.
        self.base_ms.fetch_add(1_100, Ordering::SeqCst);
        self.posted += 1;
        let statement = self
            .world
            .trade(&format!("P{}", self.posted), None, "a notice");
        match try_post(&ledger, &statement).await {
            Ok(posted) => {
                let head = ledger.head();
                self.see(head.tree.size, head.tree.root_hash)?;
                self.acknowledged.push((posted.index, statement.id()));
                let ahead_ms = head.time.unwrap().as_ms() - self.base_ms.load(Ordering::SeqCst);
                if ahead_ms > 3 * 3_600_000 {
                    return Err(format!("a record is stamped {ahead_ms} ms ahead"));
                }
                Ok(())
            }
            Err(PostError::Clock(_) | PostError::NotWriting { why: Why::Held, .. }) => Ok(()),
            Err(other) => Err(format!("a post is refused: {other}")),
        }
    }

    /// Gives the witnesses the moment that they need, where they can be asked at all.
    async fn cosigned(&self) {
        let Some(ledger) = self.ledger.as_ref().filter(|_| self.policy.is_some()) else {
            return;
        };
        let has_all = || {
            let checkpoint = ledger.checkpoint();
            checkpoint.is_some_and(|one| one.tree == ledger.head().tree)
        };
        for _ in 0..100 {
            if self.is_disturbed || self.answering().count() < 2 || has_all() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// It ends; what lies there then is kept, if it is the newest.
    async fn kill(&mut self, under_way: u8) -> Holds {
        if let Some(ledger) = self.ledger.take() {
            let mut posts = Vec::new();
            for _ in 0..under_way {
                self.posted += 1;
                let statement = self
                    .world
                    .trade(&format!("P{}", self.posted), None, "cut off");
                let ledger = ledger.clone();
                posts.push(tokio::spawn(async move {
                    let posted = try_post(&ledger, &statement).await.ok()?;
                    Some((posted.index, statement.id()))
                }));
            }
            tokio::task::yield_now().await;
            ledger.close().await;
            for post in posts {
                self.acknowledged.extend(post.await.unwrap());
            }
        }
        let here = self.committed();
        let has_last_signed = self.last_signed() == Some(here);
        if has_last_signed && self.newest.as_ref().is_none_or(|(size, _)| here > *size) {
            let to = self.folder.path().join(format!("newest-{here}"));
            self.copy_to(&to);
            self.newest = Some((here, to));
        }
        Ok(())
    }

    fn copy(&mut self) {
        let to = self
            .folder
            .path()
            .join(format!("copy-{}", self.copies.len()));
        self.copy_to(&to);
        self.copies
            .push((to, self.ledger.is_some() || self.is_fuzzy));
    }

    fn copy_to(&self, to: &Path) {
        replace(&self.data(), &to.join("data"));
        replace(&self.keys(), &to.join("keys"));
    }

    async fn put_back(&mut self, at: usize, with_keys: bool) -> Holds {
        self.kill(0).await?;
        let Some(at) = at.checked_rem(self.copies.len()) else {
            return Ok(());
        };
        let (from, is_fuzzy) = self.copies[at].clone();
        replace(&from.join("data"), &self.data());
        if with_keys {
            replace(&from.join("keys"), &self.keys());
        }
        self.is_fuzzy = is_fuzzy;
        Ok(())
    }

    async fn beside(&mut self) -> Holds {
        let Some(ledger) = self.ledger.clone() else {
            return Ok(());
        };
        let to = self.folder.path().join("beside");
        self.copy_to(&to);
        let keys = match self.kind {
            Kind::NoLock => to.join("keys"),
            _ => self.keys(),
        };
        let store = Store::folder(&to.join("data")).unwrap();
        match Ledger::open(store, self.config(&keys), self.clock()).await {
            Err(OpenError::LastSigned(LastSignedError::Lock(_))) => Ok(()),
            Err(_) if self.kind == Kind::NoLock => Ok(()),
            Err(other) => Err(format!("beside it is refused by another name: {other}")),
            Ok(other) => {
                for one in [&ledger, &other] {
                    self.posted += 1;
                    let project = format!("P{}", self.posted);
                    let posted = try_post(one, &self.world.trade(&project, None, "twice")).await;
                    if posted.is_ok() {
                        let tree = one.head().tree;
                        self.see(tree.size, tree.root_hash)?;
                    }
                }
                other.close().await;
                match self.kind {
                    Kind::NoLock => Ok(()),
                    _ => Err("two processes have one key".to_owned()),
                }
            }
        }
    }

    /// The newest data, its last-signed, the right clock, all witnesses: it goes on, and all that was acknowledged is there.
    async fn home(&mut self) -> Holds {
        self.kill(0).await?;
        let (size, newest) = self.newest.clone().expect("kept by kill()");
        self.copy_to(&newest.with_extension("left"));
        replace(&newest.join("data"), &self.data());
        replace(&newest.join("keys"), &self.keys());
        self.is_fuzzy = false;
        self.off_ms.store(0, Ordering::SeqCst);
        for (_, away) in &self.witnesses {
            away.store(false, Ordering::SeqCst);
        }
        let all = self.signed.keys().next_back().copied().unwrap_or(0);
        if size < all {
            return Err(format!("{all} records were signed, {size} were ever kept"));
        }
        self.start().await?;
        let before = self.acknowledged.len();
        self.post().await?;
        if self.acknowledged.len() == before {
            let writing = self.ledger.as_ref().map(Ledger::writing);
            return Err(format!("it does not go on: {writing:?}"));
        }
        let ledger = self.ledger.clone().expect("a post was taken");
        let store = Store::folder(&self.data()).unwrap();
        let (tree, ids) = check_log(&self.world, &store).await;
        for (index, id) in &self.acknowledged {
            if ids.get(usize::try_from(*index).unwrap()) != Some(id) {
                return Err(format!("acknowledged record {index} is lost"));
            }
        }
        let mut edge = Edge::empty();
        for index in 0..tree.size {
            let entry = ledger.reader().entry(&tree, index).await.unwrap();
            edge.append(&[entry]);
            let now = edge.tree();
            self.see(now.size, now.root_hash)?;
        }
        drop(ledger);
        self.kill(0).await
    }
}

/// `from` takes the place of `to`, as far as it is there: the ledger may run.
fn replace(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => replace(&from, &to),
            _ => drop(std::fs::copy(from, to)),
        }
    }
}

/// A course of slips, and home again.
fn course(kind: Kind, slips: &[Slip]) -> Holds {
    let life = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    life.block_on(async {
        let mut machine = Machine::new(kind).await;
        for slip in slips {
            machine.take(*slip).await?;
        }
        machine.home().await
    })
}

fn play(kind: Kind) -> Result<(), TestError<Vec<Slip>>> {
    let config = Cases {
        cases: 12,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Cases::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let slips = proptest::collection::vec(slip(), 4..20);
    TestRunner::new_with_rng(config, rng).run(&slips, |slips| {
        course(kind, &slips).map_err(TestCaseError::fail)
    })
}

#[test]
fn no_order_of_slips_makes_a_key_sign_two_histories() {
    if let Err(failure) = play(Kind::Alone) {
        panic!("{failure}");
    }
}

#[test]
fn with_witnesses_not_even_a_key_that_was_put_back_does() {
    if let Err(failure) = play(Kind::Witnessed) {
        panic!("{failure}");
    }
}

/// The canaries: a lock that is not common to both, and a memory that was put back where there is nobody to ask.
#[test]
fn a_key_without_its_lock_or_without_its_memory_is_found_out() {
    let beside = [Slip::Post(1), Slip::Beside];
    let put_back = [
        Slip::Kill(0),
        Slip::Copy,
        Slip::Start,
        Slip::Post(2),
        Slip::PutBackWithKeys(0),
        Slip::Start,
        Slip::Post(2),
    ];
    for (worse, slips) in [(Kind::NoLock, &beside[..]), (Kind::NoMemory, &put_back)] {
        for kind in [Kind::Alone, Kind::Witnessed] {
            assert_eq!(course(kind, slips), Ok(()), "{kind:?}");
        }
        let found = course(worse, slips).expect_err("the key has signed two histories");
        assert!(found.contains("two roots"), "{worse:?}: {found}");
    }
}
