//! Opening is recovering: the same steps after a clean end, a crash, a power cut or a lost race.
//!
//! Reads what is committed and published and refuses what could fork the log ([`survey`]), builds the writer's state and judges every
//! record that was not yet published as audit would ([`load`]), and runs apply, sign and publish for the rest (`finish`, below).

mod load;
mod survey;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};

use tokio::sync::watch;

use load::{Loaded, fetch_edge, load};
use survey::{Found, survey};

use super::clock::{Clock, ClockGuard};
use super::clock_source::ClockSource;
use super::config::Config;
use super::cosign::{self, Gathering, guard};
use super::disk::DiskWatch;
use super::holder::{self, Holder, Locks, Places};
use super::index::Index;
use super::last_signed::LastSigned;
use super::objects::log_reader;
use super::objects::{self, HEAD_BYTES_MAX, read_checkpoint, read_head};
use super::open_error::OpenError;
use super::plan::{Past, Plan, State, Tip};
use super::publish;
use super::writer::{self, Exit};
use super::writing::Writing;
use super::{Cosigning, Head, Heads, Indexing, Openings, Posts, Shared};
use crate::store::commit::Commit;
use crate::store::{Created, Http, LogReader, Store};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::Vkey;
use crate::tlog::tile::Edge;
use crate::trade::statement::Statement;

/// Writes the first commit of a new log; opening it does the rest.
pub(super) async fn create(
    store: &Store,
    config: &Config,
    clock: &Clock,
    notes: &[Vec<u8>],
) -> Result<(), OpenError> {
    // Held until it is written: opening takes them again.
    let (_locks, last_signed) = lock(store, config, clock).await?;
    if !store.list("commit/").await?.is_empty()
        || store
            .under("log/")
            .read("head", HEAD_BYTES_MAX)
            .await?
            .is_some()
    {
        return Err(OpenError::Exists);
    }
    if let Some(signed) = last_signed.newest() {
        return Err(OpenError::RolledBack {
            signed: signed.size,
            found: 0,
        });
    }
    let name = Commit::name(0);
    let mut plan = Plan::begin(Tip::empty(), clock().wall);
    let mut head = None;
    for (index, note) in (0..).zip(notes) {
        let fault = |source| OpenError::Record {
            name: name.clone(),
            index,
            source,
        };
        let statement = Statement::parse(note).map_err(|source| fault(source.into()))?;
        if let Some(keys) = &plan.tip().keys {
            keys.verify(&statement)
                .map_err(|source| fault(source.into()))?;
        }
        plan.push(
            &statement,
            &Past {
                head,
                ..Past::default()
            },
        )
        .map_err(|source| fault(source.into()))?;
        head = Some(statement.id());
    }
    let (entries, _, _) = plan.finish();
    let growth = Edge::empty().append(&entries);
    let commit = Commit {
        origin: config.origin.clone(),
        old: growth.old,
        new: growth.new,
        previous: Hash::ZERO,
        entries,
    };
    match store.create(&name, commit.encode()).await? {
        Created::Mine => Ok(()),
        Created::Other(_) => Err(OpenError::Exists),
    }
}

/// Opens a log for writing.
pub(super) async fn open(
    store: Store,
    config: Config,
    clock: Clock,
) -> Result<(Shared, State, Vec<Option<Http>>), OpenError> {
    let (locks, last_signed) = lock(&store, &config, &clock).await?;
    let log = store.under("log/");
    let reader = log_reader(&log);
    let index = match &config.index_folder {
        Some(folder) => Index::open(folder)?,
        None => Index::temporary()?,
    };
    let doors = doors_of(&config)?;
    let places = hold_places(&store)?;
    let signed = last_signed.newest();
    let (found, words) = vouched(&store, &log, &reader, &config, &doors, signed).await?;
    let Loaded {
        keys,
        state,
        recent,
        orders,
    } = load(&reader, &index, &found).await?;
    if let Some(wanted) = config.genesis
        && keys.genesis_id() != wanted
    {
        return Err(OpenError::Genesis {
            found: keys.genesis_id(),
            wanted,
        });
    }

    let named = |vkey: &&Vkey| !keys.log_key_signs(vkey, state.tip.size);
    if let Some(vkey) = config.log_vkeys().into_iter().find(named) {
        let vkey = vkey.to_string();
        return Err(OpenError::LogKey { vkey });
    }

    let fail_open_ms = config
        .fail_open_after
        .map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
    let mut gathering = Gathering::new(config.policy.clone(), fail_open_ms);
    let published = publish::read(&log, &config).await?;
    let cosigned = published
        .as_ref()
        .and_then(|published| gathering.begin(published, clock()));
    guard::tell(&words, &doors, &mut gathering, clock());
    let held = gathering.holds();
    if let Some(reason) = &held {
        tracing::error!(reason, "nothing is written: the witnesses were asked first");
    }
    let stamp = config.keys_folder.join("last-seen");
    let guard = ClockGuard::start(
        clock(),
        state.tip.time.max(cosigned),
        Some(&stamp),
        config.operator_word.clock,
        gathering.needs_witnesses(),
    );
    let unpublished = Arc::new(Head {
        tree: Tree::EMPTY,
        note: String::new(),
        time: None,
    });
    let index_size = index.state()?.0.size;
    let shared = Shared {
        clock: ClockSource {
            clock,
            guard: Mutex::new(guard),
        },
        last_signed: Mutex::new(last_signed),
        keys: RwLock::new(keys),
        heads: Heads {
            head: watch::Sender::new(unpublished),
            checkpoint: watch::Sender::new(None),
            chosen: watch::Sender::new(None),
            met_size: watch::Sender::new(0),
            kept: RwLock::new(objects::kept(&log).await?),
        },
        cosigning: Cosigning {
            gathering: Mutex::new(gathering),
            woken: Arc::default(),
            held: watch::Sender::new(held),
        },
        openings: Openings {
            told: RwLock::default(),
            turns: super::showing::locks(),
        },
        posts: Posts {
            recent: Mutex::new(recent),
            in_flight: Mutex::default(),
        },
        indexing: Indexing {
            index,
            size: watch::Sender::new(index_size),
            turn: tokio::sync::Mutex::default(),
            behind: Mutex::default(),
            failed: false.into(),
            damaged: false.into(),
        },
        writing: watch::Sender::new(Writing::Yes),
        reopen: tokio::sync::Notify::new(),
        disk: DiskWatch::default(),
        places,
        _locks: locks,
        released: watch::Sender::new(()),
        config,
        store,
        log,
        reader,
    };
    let shared = Arc::new(shared);
    let mut outcome = finish(&shared, &found, &state).await.map(|()| state);
    let mut tries = 0;
    let state = loop {
        match outcome {
            Ok(state) => break state,
            // Other writers of a shared store may be further on each time one looks: one of the next looks meets a pause.
            Err(failure)
                if shared.store.is_shared() && failure.may_pass() && tries < OPEN_TRIES =>
            {
                tries += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
                outcome = reopen(&shared).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    shared.set_orders(orders)?;
    publish::begin(&shared, published);
    let shared = Arc::into_inner(shared).expect("finish() keeps no clone");
    Ok((shared, state, doors))
}

/// A policy by which this ledger can gather, and the doors to its witnesses.
fn doors_of(config: &Config) -> Result<Vec<Option<Http>>, OpenError> {
    let Some(policy) = &config.policy else {
        return Ok(Vec::new());
    };
    let refused = |what: String| OpenError::Policy { what };
    let ours = config.signer.vkey();
    if !policy.logs().iter().any(|log| log.vkey == *ours) {
        return Err(refused(format!("it has no line `log {ours}`")));
    }
    if let Some(until) = policy.until() {
        return Err(refused(format!("it is retired, for trees up to {until}")));
    }
    cosign::doors(policy).map_err(|error| refused(error.to_string()))
}

/// What lies here, and what the witnesses have against it. They are asked at every start, before anything is signed; where last-signed does
/// not tell whether more was signed it is they who must, or the operator.
async fn vouched(
    store: &Store,
    log: &Store,
    reader: &LogReader,
    config: &Config,
    doors: &[Option<Http>],
    signed: Option<Tree>,
) -> Result<(Found, Vec<guard::Word>), OpenError> {
    let restored = config.operator_word.restored;
    let (found, refused) = match survey(store, log, config, signed, restored).await {
        Err(refused @ OpenError::LastSignedUnknown { .. }) => {
            let found = survey(store, log, config, signed, true).await?;
            (found, Some(refused))
        }
        other => (other?, None),
    };
    let policy = config.policy.as_ref();
    let policy = policy.filter(|policy| policy.quorum_if(|_| false).need > 0);
    let vkeys = config.log_vkeys();
    let head = read_checkpoint(log, "head", &config.origin, &vkeys).await?;
    let (Some(policy), Some(head)) = (policy, head) else {
        return refused.map_or(Ok((found, Vec::new())), Err);
    };
    let here = guard::Here {
        origin: &config.origin,
        log_vkeys: &vkeys,
        reader,
        head: &head.tree,
        note: &head.note,
        commits: &found.commits,
    };
    if refused.is_some() {
        let words = guard::ask(policy, doors, here, guard::WAIT_MAX).await;
        guard::must_vouch(policy, &words, here)?;
        tracing::warn!(
            "last-signed did not tell how far this key has signed; the witnesses did: nothing newer than what lies here"
        );
        return Ok((found, words));
    }
    let mut words = guard::ask(policy, doors, here, guard::START_WAIT_MAX).await;
    if store.is_shared() {
        // Another writer may have gone on while they were asked; what he has published nobody is ahead of.
        let there = read_checkpoint(log, "head", &config.origin, &vkeys).await?;
        let size = there.map_or(0, |there| there.tree.size);
        let known =
            |word: &guard::Word| matches!(word, guard::Word::Ahead { size: more } if *more <= size);
        words.retain_mut(|word| {
            if known(word) {
                *word = guard::Word::Agrees;
            }
            true
        });
    }
    // What is committed and was never signed would be signed while opening.
    let is_signed = |tree: Tree| signed == Some(tree) || head.tree == tree;
    if !is_signed(found.newest()) {
        guard::none_against(policy, &words, here)?;
    }
    let silent = guard::silent(policy, doors, &words);
    if !silent.is_empty() {
        let silent = silent.join(", ");
        tracing::warn!(
            silent,
            "these witnesses did not answer at start: whether they know a larger or another tree is not known; going on by last-signed"
        );
    }
    Ok((found, words))
}

/// Reads the state again after a lost race, a doubt, or a damaged index.
pub(super) async fn reopen(shared: &Arc<Shared>) -> Result<State, OpenError> {
    // The thread that fills the index waits meanwhile: what it reads and writes is of one generation.
    let _indexing = shared.indexing.turn.lock().await;
    if shared.indexing.damaged.load(Ordering::Acquire) {
        shared.indexing.index.clear()?;
        shared.indexing.size.send_replace(0);
        shared.indexing.damaged.store(false, Ordering::Release);
    }
    let signed = shared.last_signed().newest();
    let restored = shared.config.operator_word.restored;
    let found = survey(&shared.store, &shared.log, &shared.config, signed, restored).await?;
    let Loaded {
        keys,
        state,
        recent,
        orders,
    } = load(&shared.reader, &shared.indexing.index, &found).await?;
    shared.posts.recent().restart(recent);
    finish(shared, &found, &state).await?;
    *shared.keys_mut() = keys;
    shared.set_orders(orders)?;
    shared
        .indexing
        .size
        .send_replace(shared.indexing.index.state()?.0.size);
    Ok(state)
}

/// Looks at a shared store on which others write, before opening gives up.
const OPEN_TRIES: u32 = 50;
const OPEN_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

fn holder_of(store: &Store, clock: &Clock) -> Holder {
    let data = match store.path() {
        Some(folder) => {
            let whole = folder.canonicalize().unwrap_or(folder);
            whole.display().to_string()
        }
        None => "in a shared store".to_owned(),
    };
    Holder::this(&data, &clock().wall.to_string())
}

/// The folders that a batch is written into.
fn hold_places(store: &Store) -> Result<Places, OpenError> {
    let Some(data) = store.path() else {
        return Ok(Places::default());
    };
    let paths = [data.join("commit"), data.join("log"), data.clone()];
    Places::hold(&paths).map_err(|source| OpenError::Places { data, source })
}

/// Takes both: the folder's, last-signed's.
async fn lock(
    store: &Store,
    config: &Config,
    clock: &Clock,
) -> Result<(Locks, LastSigned), OpenError> {
    let holder = holder_of(store, clock);
    let folder = store.path();
    let locked = match &folder {
        Some(folder) => Some(holder::lock_new(&folder.join("lock"), &holder)?),
        None => None,
    };
    let path = config.keys_folder.join("last-signed");
    let last_signed = LastSigned::open(&path, &config.origin, &holder)?;
    let locks = Locks { _folder: locked };
    Ok((locks, last_signed))
}

/// Apply, sign, publish: what a crash may have left undone, by the very functions that do it every day.
async fn finish(shared: &Arc<Shared>, found: &Found, state: &State) -> Result<(), OpenError> {
    let stop = |exit: Exit| match exit {
        Exit::Reopen(reason) => OpenError::Publish {
            reason,
            may_pass: true,
        },
        Exit::Stop(reason) => OpenError::Publish {
            reason,
            may_pass: false,
        },
        Exit::Closed => unreachable!("apply and publish never end for want of posters"),
    };
    let base = found.oldest();
    let keys = state.tip.keys.clone().expect("load() found genesis");
    let erased: BTreeSet<u64> = keys
        .erasures()
        .map(|erasure| erasure.erasure.index)
        .collect();
    let needed = fetch_edge(&shared.reader, &base).await?;
    let mut edge =
        Edge::load_erased(&base, &needed, |_| true).map_err(|source| OpenError::Edge {
            size: base.size,
            source,
        })?;
    for (_, commit) in &found.commits {
        let growth = edge.append(&commit.entries);
        writer::apply(&shared.log, &growth.objects, &erased)
            .await
            .map_err(stop)?;
    }
    let newest = found.newest();
    if shared.store.is_shared() {
        // Another writer may have published more since the survey. Then this one is a reader until it wins a slot, and it will lose the next
        // one, for its state is old, and look again.
        let there = read_head(shared).await?;
        if let Some(there) = there.filter(|there| there.tree.size > newest.size) {
            let head = Head {
                tree: there.tree,
                note: there.note,
                time: state.tip.time,
            };
            shared.publish(newest.size, Arc::new(head));
            return Ok(());
        }
    }
    writer::advance(shared, newest).await.map_err(stop)?;
    let head = writer::publish_head(shared, newest, state.tip.time, &keys)
        .await
        .map_err(stop)?;
    shared.publish(newest.size, head);
    if !erased.is_empty() {
        super::erase::run(shared, &keys).await;
    }
    Ok(())
}
