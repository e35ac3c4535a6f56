//! Replay of a whole log, from a store or a URL, by somebody who trusts neither.
//!
//! [`audit`] is always full: every bundle, tile, leaf hash, link, time, key, chain, amendment, erasure and signature up to the newest signed
//! tree, every signed root on the way, and, in a data folder, the commit objects and openings beside the log. It never stops at the first
//! fault, and names object, record and step of each. [`mirror`](mirror()) copies a log so that it can be audited anywhere.
//!
//! Promises: no check is skipped because its input is absent (promise 10); what could not be checked is in the report. Memory is a few chunks
//! of the log, one head a chain and one id a `trade` statement, whatever the size of the log.
//!
//! Does not judge law or procedure, nor the door rules, nor documents; and nobody can see from one copy of a log whether others are shown
//! another one: that is what witnesses and `--state` are for.

mod chunk;
mod commits;
mod evidence;
mod feed;
mod fetch;
mod follow;
mod memory;
mod mirror;
mod page;
mod receipts;
mod replay;
mod replica;
mod report;
mod signatures;
mod state;
mod target;
mod views;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};

pub use evidence::{EVIDENCE_BYTES_MAX, EvidenceError, FIRST_LINE, ForkEvidence, Shown};
pub use follow::{FollowError, Follower, Visited};
pub use memory::EntryCache;
pub use mirror::{MirrorError, Mirrored, mirror};
pub use page::escape;
pub use receipts::{Covering, ReceiptFailure, covering, evidence_of, receipt_of, renew};
pub use replica::{Replica, ReplicaError, ShownTree};
pub use report::{
    Contradiction, Counts, ERASED_MAX, ErasedShown, Evidence, FAULTS_MAX, Fault, NotCounted,
    Remark, Report, Sentence, SignatureLine, SignedShown, Step, TreeShown,
};
pub use state::{State, StateError};
pub use target::{Target, TargetError};
pub use views::open_by;
pub use words::{note_zh, open_zh, record_zh};

use chunk::{Item, Placed};
use commits::Commits;
use feed::Feed;
use fetch::{CHUNK_BUNDLES, Chunk, Plan, WIDTH};
use replay::{Job, Pins, Replay, Standing};
use report::Findings;
use signatures::Verified;
use views::{Views, Want};

use crate::lang::Said;
use crate::store::{LogReader, SourceError, StoreError};
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::policy::Policy;
use crate::tlog::tile::Tile;
use crate::trade::record::parse_entry;
use crate::trade::statement::{Chain, Statement};
use crate::trade::time::Time;

/// How to audit.
#[derive(Debug)]
pub struct Options<'a> {
    /// The date that the report bears, and the clock that the times of records are held against.
    pub date: Time,
    /// What was seen the last time.
    pub state: Option<&'a State>,
    /// What this process remembers of entries that it has seen before.
    pub cache: Option<Arc<EntryCache>>,
}

impl Options<'_> {
    /// Without memory of earlier runs.
    #[must_use]
    pub fn at(date: Time) -> Options<'static> {
        Options {
            date,
            state: None,
            cache: None,
        }
    }
}

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Records replayed.
    pub records: u64,
    /// Records there are.
    pub of: u64,
    /// Faults found so far.
    pub faults: u64,
}

/// Why an audit cannot say anything of the log. (What is wrong with the log is in the report.)
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The line to the log, not the log.
    #[error("cannot fetch {name}")]
    Source {
        /// The object.
        name: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The folder cannot be listed.
    #[error(transparent)]
    List(StoreError),
    /// What was seen the last time cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Audits a log: see the module. The first policy that fits the log and the size of a checkpoint judges it.
///
/// The tree that is replayed is that of `head` where it is signed and not behind `checkpoint`, so that what the log has signed and not had
/// cosigned yet is judged as well; what `checkpoint` implies besides (its own partial tiles) is compared on the way. A checkpoint that cannot
/// be believed is a fault, and the log is replayed up to another signed one.
///
/// ```
/// use mingzhang::audit::{Options, Target, audit};
/// use mingzhang::store::Store;
/// use mingzhang::trade::time::Time;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let date = Time::parse("2026-11-23T00:00:00.000Z").unwrap();
/// let report = audit(&Target::data("nothing", &Store::memory()), &[], &Options::at(date), &mut |_| {}).await.unwrap();
/// assert_eq!(report.exit_code, 1);
/// assert_eq!(report.faults[0].object, "checkpoint");
/// # });
/// ```
///
/// # Errors
/// [`AuditError`] if nothing can be said of the log: no answer from the server, or a state of another log.
pub async fn audit(
    target: &Target,
    policies: &[Policy],
    options: &Options<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, AuditError> {
    let (report, state_holds) = run(target, policies, options, true, progress).await?;
    if options.state.is_none() || state_holds {
        return Ok(report);
    }
    // The log is not the one that was seen the last time: what was skipped for its sake is verified now.
    Ok(run(target, policies, options, false, progress).await?.0)
}

/// One run; also whether the log extends the state.
async fn run(
    target: &Target,
    policies: &[Policy],
    options: &Options<'_>,
    skip: bool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(Report, bool), AuditError> {
    let mut findings = Findings::default();

    // 1. What the log has signed, and what it showed the last time.
    let mut views = views::read_all(target, policies, &mut findings).await?;
    let mut skip_below = 0;
    if let Some(state) = options.state {
        let verified = state.verify(policies)?;
        skip_below = if skip { verified.tree().size } else { 0 };
        views.take_state(&verified);
    }
    let Some(tree) = views.largest() else {
        let report = Report {
            not_checked: vec![nothing_signed().into()],
            ..blank(target, policies, options, views, findings)
        };
        return Ok((report.conclude(), false));
    };
    let policy = views.policy.map(|at| &policies[at]);
    let origin = views.views[0].logs[0].name().to_owned();
    let genesis = policy.and_then(Policy::genesis);
    if let Some(state) = options.state {
        state.check_log(&origin, genesis.as_ref())?;
    }

    // 2. What is to be read.
    let plan = Arc::new(plan(target, &views, tree).await?);
    let mut feed = Feed::new();
    for (at, view) in views.views.iter().enumerate() {
        feed.want(
            view.tree.size,
            Want {
                object: view.object.clone(),
                step: view.step,
                root_hash: view.tree.root_hash,
                view: Some(at),
            },
        );
    }
    let commits = Commits::list(target.data_store(), tree.size, &mut findings).await?;
    let openings = commits::list_openings(target.data_store(), &mut findings).await?;

    // 3. The log, chunk by chunk.
    let mut work = Work {
        tree,
        skip_below,
        cache: options.cache.clone(),
        feed,
        views: views.views.clone(),
        replay: Replay::new(
            Pins {
                origin: origin.clone(),
                genesis,
            },
            options.date,
        ),
        commits,
        openings,
        opened: Vec::new(),
        jobs: Vec::new(),
        shown_in_extras: Vec::new(),
        findings,
    };
    work = replay_log(target, &plan, work, &origin, progress).await?;

    // 4. What is committed and not signed yet, and what was held open till the end.
    work = finish(target, work, &origin).await?;

    // 5. The verdict.
    let Work {
        feed,
        views: judged,
        replay,
        commits,
        openings,
        findings,
        ..
    } = work;
    let state_holds = judged
        .iter()
        .any(|view| view.step == Step::State && view.holds == Some(true));
    views.views = judged;
    let mut report = blank(target, policies, options, views, findings);
    report.genesis = genesis.map(|id| id.to_string());
    report.audited = feed.known().into();
    report.counts = replay_counts(&replay, &commits, report.counts.kept);
    report.remarks = replay.remarks();
    report.erased = replay.erased;
    report.not_checked = not_checked(target, &report, &openings, skip_below.min(tree.size));
    Ok((report.conclude(), state_holds))
}

/// All that goes from chunk to chunk.
struct Work {
    tree: Tree,
    skip_below: u64,
    cache: Option<Arc<EntryCache>>,
    feed: Feed,
    views: Vec<views::View>,
    replay: Replay,
    commits: Commits,
    /// Ids of statements of which openings are shown, and that were not met yet.
    openings: HashSet<Hash>,
    opened: Vec<(u64, Statement)>,
    /// Signatures of the chunk before, which are verified while this one is replayed.
    jobs: Vec<Job>,
    shown_in_extras: Vec<(u64, String)>,
    findings: Findings,
}

async fn replay_log(
    target: &Target,
    plan: &Arc<Plan>,
    mut work: Work,
    origin: &str,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Work, AuditError> {
    let chunks = work.tree.size.div_ceil(CHUNK_BUNDLES * WIDTH);
    let fetch = |number| tokio::spawn(fetch::chunk(plan.clone(), number));
    let mut next = (chunks > 0).then(|| fetch(0));
    for number in 0..chunks {
        let chunk = Arc::new(joined(
            next.take().expect("spawned by the round before").await,
        )?);
        // The next one is read while this one is computed.
        next = (number + 1 < chunks).then(|| fetch(number + 1));
        work.commits
            .read_until(chunk.end, origin, &mut work.feed, &mut work.findings)
            .await?;
        let (end, empty) = (chunk.end, chunk.is_empty());
        work = one_chunk(target, chunk, work).await?;
        progress(Progress {
            records: end,
            of: work.tree.size,
            faults: work.findings.count(),
        });
        if empty && end < work.tree.size {
            work.findings.add(hollow(end, work.tree.size));
            break;
        }
    }
    Ok(work)
}

async fn one_chunk(target: &Target, chunk: Arc<Chunk>, mut work: Work) -> Result<Work, AuditError> {
    // Take apart and hash, all cores.
    let given = chunk.clone();
    let cache = work.cache.clone();
    let bundles = blocking(move || chunk::prepare(&given, cache.as_deref())).await;

    // Where bundle and tile differ, the hash above them tells which is wrong.
    let mut parents = HashMap::new();
    for bundle in bundles.iter().filter(|bundle| bundle.differs()) {
        if let Some((tile, at)) = chunk::parent_of(bundle.number, work.tree.size) {
            let object = fetch::tile(target.source(), tile).await?;
            let hashes = object
                .bytes()
                .and_then(|bytes| chunk::hashes_of(bytes, usize::from(tile.width())));
            parents.extend(hashes.map(|hashes| (bundle.number, hashes[at])));
        }
    }
    let mut faults = Vec::new();
    let leaves = chunk::resolve(
        bundles,
        &parents,
        work.feed.builder(),
        &work.tree,
        &mut faults,
    );
    work.findings.extend(faults);

    // Orders to erase need to know what stands where they erase.
    let standings = standings(target, &work.tree, &leaves, &[]).await;

    // Replay, while the signatures of the chunk before are verified.
    let work = blocking(move || {
        let jobs = std::mem::take(&mut work.jobs);
        let (skip_below, cache) = (work.skip_below, work.cache.clone());
        let (mut work, verified) = rayon::join(
            || replay_chunk(work, &chunk, leaves, &standings),
            || signatures::verify(&jobs, skip_below, cache.as_deref()),
        );
        work.take_verified(verified);
        work
    })
    .await;
    check_opened(target, work).await
}

fn replay_chunk(
    mut work: Work,
    chunk: &Chunk,
    leaves: Vec<Placed>,
    standings: &HashMap<u64, Standing>,
) -> Work {
    let made = work
        .feed
        .append(&leaves, &mut work.views, &mut work.findings);
    let at_end = chunk.end == work.tree.size;
    let mut compared = (chunk.bundles.len() + chunk.leaves.len()) as u64;
    let (low, high): (Vec<_>, Vec<_>) = chunk.extras.iter().cloned().partition(|extra| {
        matches!(
            extra.tile,
            Tile::Entries { .. } | Tile::Hashes { level: 0, .. }
        )
    });
    compared += work
        .feed
        .compare_tiles(&chunk.upper, made.clone(), at_end, &mut work.findings);
    compared += work
        .feed
        .compare_tiles(&high, made, at_end, &mut work.findings);
    for extra in &low {
        let first =
            usize::try_from(extra.tile.index() * WIDTH - chunk.start).expect("within the chunk");
        work.findings.extend(chunk::compare_extra(
            extra,
            &leaves[first..],
            &mut work.shown_in_extras,
        ));
        compared += 1;
    }
    work.replay.counts.tiles += compared;
    work.commits
        .compare(chunk.start, &leaves, &mut work.findings);
    work.take(leaves, standings);
    work
}

impl Work {
    fn take(&mut self, leaves: Vec<Placed>, standings: &HashMap<u64, Standing>) {
        for (object, leaf) in leaves {
            if let Item::Record(parsed) = &leaf.item
                && !self.openings.is_empty()
                && self.openings.remove(&parsed.statement.id())
            {
                self.opened
                    .push((self.replay.next(), parsed.statement.clone()));
            }
            self.replay
                .take(&object, leaf, standings, &mut self.jobs, &mut self.findings);
        }
    }

    fn take_verified(&mut self, verified: Verified) {
        self.replay.counts.signatures += verified.now;
        self.replay.counts.signatures_before += verified.before;
        self.findings.extend(verified.faults);
    }
}

async fn check_opened(target: &Target, mut work: Work) -> Result<Work, AuditError> {
    let opened = std::mem::take(&mut work.opened);
    if let Some(store) = target.data_store().filter(|_| !opened.is_empty()) {
        work.replay.counts.openings += opened.len() as u64;
        let faults = stream::iter(&opened)
            .map(|(record, statement)| commits::check_openings(store, *record, statement))
            .buffered(8);
        work.findings
            .extend(faults.collect::<Vec<_>>().await.into_iter().flatten());
    }
    Ok(work)
}

/// What stands where orders in these leaves erase, authenticated to the signed root; `beyond` are committed leaves behind it.
async fn standings(
    target: &Target,
    tree: &Tree,
    leaves: &[Placed],
    beyond: &[Placed],
) -> HashMap<u64, Standing> {
    let mut standings = HashMap::new();
    let reader = LogReader::new(target.source().clone());
    for (_, leaf) in leaves {
        let Item::Record(parsed) = &leaf.item else {
            continue;
        };
        if *parsed.statement.chain() != Chain::Keys {
            continue;
        }
        for erasure in crate::trade::log_rules::wants(&parsed.statement).erasures {
            let index = erasure.index;
            if index < tree.size {
                standings.insert(index, standing(&reader, tree, index).await);
            } else if let Some((_, leaf)) = usize::try_from(index - tree.size)
                .ok()
                .and_then(|at| beyond.get(at))
            {
                let statement = match &leaf.item {
                    Item::Record(parsed) => Some(parsed.statement.clone()),
                    Item::Empty | Item::Unread => None,
                };
                standings.insert(index, Ok((leaf.hash.unwrap_or(Hash::ZERO), statement)));
            }
        }
    }
    standings
}

async fn standing(reader: &LogReader, tree: &Tree, index: u64) -> Standing {
    let why = |error| crate::chain_of(&error);
    let (leaf_hash, _) = reader.prove_inclusion(tree, index).await.map_err(why)?;
    let entry = reader.entry(tree, index).await.map_err(why)?;
    let statement = parse_entry(&entry)
        .ok()
        .and_then(|(_, note)| Statement::parse(note).ok());
    Ok((leaf_hash, statement))
}

async fn finish(target: &Target, mut work: Work, origin: &str) -> Result<Work, AuditError> {
    // An empty log has its roots compared here.
    work.feed.compare(&mut work.views, &mut work.findings);
    let signed = work.replay.next();
    let whole = signed == work.tree.size;
    work.commits
        .read_until(u64::MAX, origin, &mut work.feed, &mut work.findings)
        .await?;
    let beyond = if whole {
        work.commits.beyond(signed, &mut work.findings)
    } else {
        Vec::new()
    };
    if !beyond.is_empty() {
        work.replay.counts.unsigned = beyond.len() as u64;
        let standings = standings(target, &work.tree, &beyond, &beyond).await;
        work.feed
            .append(&beyond, &mut work.views, &mut work.findings);
        work.take(beyond, &standings);
    } else {
        work.feed.compare(&mut work.views, &mut work.findings);
    }
    work.commits.check_end(work.tree.size, &mut work.findings);
    work = blocking(move || {
        let jobs = std::mem::take(&mut work.jobs);
        let verified = signatures::verify(&jobs, work.skip_below, work.cache.as_deref());
        work.take_verified(verified);
        work
    })
    .await;
    work = check_opened(target, work).await?;

    work.replay.finish(&mut work.findings);
    if let Some(keys) = &work.replay.keys {
        views::check_log_keys(&work.views, keys, &mut work.findings);
    }
    let faults = unmet(&work, whole);
    work.findings.extend(faults);
    still_shown(target, &mut work, signed).await?;
    Ok(work)
}

/// Signed sizes that the log does not reach.
fn unmet(work: &Work, whole: bool) -> Vec<Fault> {
    let known = work.feed.builder().is_some() && whole;
    let fault = |(size, want): (u64, &Want)| {
        // Where leaf hashes are missing, the faults say which.
        if !known && size <= work.tree.size {
            return None;
        }
        let have = work.replay.next();
        let said = if want.step == Step::State {
            Said::new(
                format!(
                    "上次所见有 {size} 条已签名的记录，现在只有 {have} 条：这是旧的副本，或有记录被收回"
                ),
                format!(
                    "the last time the log showed {size} signed records, now it shows {have}: this is an older copy, or records were taken back"
                ),
            )
        } else {
            Said::new(
                format!("其中说到 {size} 条记录，账本只有 {have} 条"),
                format!("it speaks of {size} records, the log has {have}"),
            )
        };
        Some(Fault::new(&want.object, None, want.step, "beyond", said))
    };
    let mut faults: Vec<Fault> = work.feed.unmet().filter_map(fault).collect();
    // A commit wants two roots.
    faults.dedup_by(|one, other| one.object == other.object && one.step == Step::Commit);
    faults
}

/// Entries that were shown although an order erases them; read once more, as the order may have taken effect since.
async fn still_shown(target: &Target, work: &mut Work, signed: u64) -> Result<(), AuditError> {
    let said = |ordered_by| {
        Said::new(
            format!("第 {ordered_by} 号记录命令清除此条目，而其内容仍在"),
            format!(
                "record {ordered_by} orders to erase this entry, and its bytes are still there"
            ),
        )
    };
    for (index, ordered_by) in std::mem::take(&mut work.replay.shown) {
        // An order that is not signed yet has no effect yet.
        let Some(tile) =
            Tile::entries(index / WIDTH, work.tree.size).filter(|_| ordered_by < signed)
        else {
            continue;
        };
        let object = fetch::tile(target.source(), tile).await?;
        let at = usize::try_from(index % WIDTH).expect("below 256");
        let entries = object
            .bytes()
            .and_then(|bytes| crate::tlog::tile::parse_bundle(bytes, tile.width()).ok());
        if entries.is_some_and(|entries| !entries[at].is_empty()) {
            work.findings.add(Fault::new(
                &object.name,
                Some(index),
                Step::Erasure,
                "still_shown",
                said(ordered_by),
            ));
        } else {
            work.replay.counts.erased += 1;
        }
    }
    for (index, object) in std::mem::take(&mut work.shown_in_extras) {
        if let Some(erased) = work
            .replay
            .keys
            .as_ref()
            .and_then(|keys| keys.erased(index))
        {
            work.findings.add(Fault::new(
                &object,
                Some(index),
                Step::Erasure,
                "still_shown",
                said(erased.ordered_at),
            ));
        }
    }
    Ok(())
}

/// What is there to be compared besides the tiles of the tree: those that `checkpoint` implies and a larger `head` does not, and, in a store,
/// partial ones of older checkpoints.
async fn plan(target: &Target, views: &Views, tree: Tree) -> Result<Plan, AuditError> {
    let mut plan = Plan {
        source: target.source().clone(),
        size: tree.size,
        extras: BTreeMap::new(),
        required: BTreeSet::new(),
    };
    let mut add = |tile: Tile, required: bool| {
        let of_tree = match tile {
            Tile::Hashes { level, index, .. } => Tile::hashes(level, index, tree.size),
            Tile::Entries { index, .. } => Tile::entries(index, tree.size),
        };
        // What lies ahead of every signed tree was never published.
        if of_tree.is_some_and(|of_tree| tile.width() < of_tree.width()) {
            plan.extras.entry(tile.full()).or_default().insert(tile);
            if required {
                plan.required.insert(tile);
            }
        }
    };
    if let Some(checkpoint) = views.tree(Step::Checkpoint) {
        crate::tlog::tile::Edge::needed(checkpoint.size)
            .into_iter()
            .for_each(|tile| add(tile, true));
    }
    if let Some(store) = target.listed() {
        for listed in store.list("tile/").await.map_err(AuditError::List)? {
            if let Ok(tile) = Tile::parse_path(&listed.name)
                && !tile.is_full()
            {
                add(tile, false);
            }
        }
    }
    Ok(plan)
}

fn replay_counts(replay: &Replay, commits: &Commits, kept: u64) -> Counts {
    Counts {
        commits: commits.count,
        kept,
        ..replay.counts.clone()
    }
}

/// A report with what is known before anything is replayed.
fn blank(
    target: &Target,
    policies: &[Policy],
    options: &Options<'_>,
    views: Views,
    findings: Findings,
) -> Report {
    let state = views.tree(Step::State).map(TreeShown::from);
    Report {
        ok: false,
        exit_code: 1,
        date: options.date.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        source: target.shown().to_owned(),
        policy: views.policy.map(|at| policies[at].encode()),
        genesis: None,
        contradictions: views::contradictions(&views.views),
        checkpoint: views.checkpoint,
        head: views.head,
        state,
        audited: Tree::EMPTY.into(),
        counts: Counts {
            kept: views.kept,
            ..Counts::default()
        },
        faults: findings.faults,
        faults_more: findings.more,
        not_counted: views.not_counted,
        not_counted_more: views.not_counted_more,
        strays: views.strays,
        erased: Vec::new(),
        remarks: Vec::new(),
        not_checked: Vec::new(),
    }
}

fn nothing_signed() -> Said {
    Said::new(
        "全部：没有可用的已签名检查点，无从核对",
        "everything: there is no signed checkpoint to hold the log against",
    )
}

fn hollow(end: u64, size: u64) -> Fault {
    let name = Tile::entries(end / WIDTH, size)
        .map(Tile::path)
        .unwrap_or_default();
    let said = Said::new(
        format!(
            "此前 {} 条记录没有任何文件，故不再查找第 {end} 至 {size} 号记录",
            CHUNK_BUNDLES * WIDTH
        ),
        format!(
            "not one bundle or tile of the {} before it is there: the records from {end} to {size} were not looked for",
            CHUNK_BUNDLES * WIDTH
        ),
    );
    Fault::new(&name, None, Step::Read, "not_looked_for", said)
}

fn not_checked(
    target: &Target,
    report: &Report,
    openings: &HashSet<Hash>,
    skipped: u64,
) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut say = |zh: String, en: String| sentences.push(Sentence { en, zh });
    let counts = &report.counts;
    if target.listed().is_none() {
        say(
            "留存检查点和旧检查点的摘要块：网址无法列目录".to_owned(),
            "kept checkpoints and tiles of older checkpoints: a URL cannot be listed".to_owned(),
        );
    }
    if report.head.is_none() && target.data_store().is_none() {
        say(
            "检查点之后的记录：此处没有 head".to_owned(),
            "records newer than the checkpoint: there is no head here".to_owned(),
        );
    }
    if target.data_store().is_none() {
        say(
            "提交文件和公开的原值：不在公开副本之内".to_owned(),
            "commit objects and openings, which are not part of a public copy".to_owned(),
        );
    } else if !openings.is_empty() {
        let count = openings.len();
        say(
            format!("{count} 份声明的原值：账本中没有这些声明（提交未成，或记录已清除、无法读取）"),
            format!(
                "openings of {count} statements that are not in the log (their post did not get through, or the record is erased or unread)"
            ),
        );
    }
    if skipped > 0 {
        say(
            format!("第 {skipped} 号之前的签名运算：上次已验证；根摘要证明字节未变"),
            format!(
                "the arithmetic of signatures below record {skipped}, verified in the last run; the bytes are the same, as the root hash proves"
            ),
        );
    }
    if counts.unjudged > 0 {
        let count = counts.unjudged;
        say(
            format!("{count} 份声明在链中的位置：其前的记录无法读取"),
            format!(
                "the place of {count} statements in their chains, as records before them cannot be read"
            ),
        );
    }
    if report
        .checkpoint
        .as_ref()
        .is_some_and(|checkpoint| report.audited.size < checkpoint.tree.size)
    {
        let size = report.audited.size;
        say(
            format!("第 {size} 号之后的摘要树：其后缺少条目摘要"),
            format!("the tree above record {size}: leaf hashes from there on are missing"),
        );
    }
    if report
        .checkpoint
        .as_ref()
        .is_some_and(|checkpoint| checkpoint.need == 0)
    {
        say("他人所见是否为同一本账：策略不要求见证。请与他人核对检查点".to_owned(), "whether others are shown another log: the policy asks for no witness. Compare the checkpoint with theirs".to_owned());
    }
    say("声明内容是否属实、完整、及时；账本之外的文件；从未提交过的事".to_owned(), "whether what the statements say is true, complete and in time; documents outside the log; what was never posted".to_owned());
    sentences
}

/// Runs a computation where it does not hold up the fetching.
async fn blocking<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(compute).await)
}

/// The result of a task; its panic is ours.
fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> T {
    outcome.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
}
