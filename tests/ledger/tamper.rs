//! Danger: somebody changes one byte, cuts, deletes or swaps one object of a ledger, and audit does not say which.
//!
//! The ledger is a real one, of real notices (`tests/data/yichang`): 608 records, three bundles, two levels of tiles, partial ones, commits,
//! kept checkpoints. Every byte is changed at least once, those of different entries or tiles in one audit, as each must be named for itself;
//! and a seeded sample one at a time. `MINGZHANG_EXHAUSTIVE=1` changes every single byte alone, which takes hours.
//!
//! Not to be seen by anybody, and therefore not asked for: that a kept checkpoint, an older partial tile or the oldest commit object is gone
//! (each may be collected, or never have been there), and the line of the oldest commit that names its collected predecessor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mingzhang::audit::{EntryCache, Report, Target};
use mingzhang::receipt::Receipt;
use mingzhang::store::commit::Commit;
use mingzhang::store::{OBJECT_BYTES_MAX, Source, Store};
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Note;
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::tile::Tile;
use mingzhang::trade::statement::{Draft, sign_statement};
use mingzhang::verify::verify;

use super::forge::{audit_as, log_signer, policy};
use super::world::{CENTRE, ORIGIN, World, try_post};

type Objects = BTreeMap<String, Bytes>;

/// Objects put in place of the ledger's, `None` for a deletion.
type Changes = Vec<(String, Option<Bytes>)>;
/// Objects, or records of objects, that must be named, and some words of the sentence.
type Wanted = Vec<(String, Option<u64>, String)>;

/// One way to tamper; made when its turn comes, as all together would be many times the ledger.
struct Case<'a> {
    what: String,
    make: Box<dyn Fn() -> (Changes, Wanted) + Send + Sync + 'a>,
}

impl<'a> Case<'a> {
    fn new(what: String, make: impl Fn() -> (Changes, Wanted) + Send + Sync + 'a) -> Case<'a> {
        Case {
            what,
            make: Box::new(make),
        }
    }

    /// One object, which must be named.
    fn object(
        what: String,
        name: &'a str,
        bytes: impl Fn() -> Option<Bytes> + Send + Sync + 'a,
    ) -> Case<'a> {
        Case::new(what, move || {
            (vec![(name.to_owned(), bytes())], vec![named(name)])
        })
    }
}

fn named(name: &str) -> (String, Option<u64>, String) {
    (name.to_owned(), None, String::new())
}

/// Posts the notices of Yichang to a real ledger and takes all its objects, and some receipts.
async fn ledger(world: &World) -> (Objects, Vec<String>) {
    let store = Store::memory();
    let ledger = world.create(&store).await;
    let lines = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/yichang/drafts.jsonl"
    ))
    .unwrap();
    let mut heads: BTreeMap<String, Hash> = BTreeMap::new();
    let mut wave = Vec::new();
    let mut in_wave = BTreeSet::new();
    let mut receipts = Vec::new();
    for line in lines.lines() {
        let mut draft = Draft::parse(line.as_bytes()).unwrap();
        let project = draft
            .get("project")
            .and_then(|project| project.as_str())
            .unwrap()
            .to_owned();
        // A wave is posted at once and lands in any order: at most one statement of a chain in each.
        if wave.len() == 100 || in_wave.contains(&project) {
            receipts.push(post_all(&ledger, std::mem::take(&mut wave)).await);
            in_wave.clear();
        }
        draft.fill(ORIGIN, CENTRE, heads.get(&project)).unwrap();
        let statement = sign_statement(&draft.text().unwrap(), &[&world.centre]).unwrap();
        heads.insert(project.clone(), statement.id());
        in_wave.insert(project);
        wave.push(statement);
    }
    receipts.push(post_all(&ledger, wave).await);
    while ledger
        .checkpoint()
        .is_none_or(|checkpoint| checkpoint.tree.size < 608)
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ledger.head().tree.size, 608);
    drop(ledger);
    let mut objects = Objects::new();
    for listed in store.list("").await.unwrap() {
        objects.insert(
            listed.name.clone(),
            store
                .read(&listed.name, OBJECT_BYTES_MAX)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    collect(&mut objects);
    (objects, receipts)
}

/// What the ledger's own collection does in time, so that the ledger is not mostly made of leftovers: the newest three commits stay, and of
/// each tile the widest partial one that an older checkpoint implied.
fn collect(objects: &mut Objects) {
    let mut commits: Vec<String> = objects
        .keys()
        .filter(|name| Commit::parse_name(name).is_some())
        .cloned()
        .collect();
    commits.truncate(commits.len() - 3);
    let mut widest: BTreeMap<Tile, Tile> = BTreeMap::new();
    let parse = |name: &String| {
        name.strip_prefix("log/")
            .and_then(|name| Tile::parse_path(name).ok())
    };
    let needless = |tile: &Tile| !Tile::implied(608).any(|implied| implied == *tile);
    for tile in objects.keys().filter_map(parse).filter(needless) {
        let kept = widest.entry(tile.full()).or_insert(tile);
        *kept = (*kept).max(tile);
    }
    objects.retain(|name, _| match parse(name) {
        Some(tile) => !needless(&tile) || widest[&tile.full()] == tile,
        None => !commits.contains(name),
    });
}

async fn post_all(
    ledger: &mingzhang::ledger::Ledger,
    wave: Vec<mingzhang::trade::statement::Statement>,
) -> String {
    let posts = wave.iter().map(|statement| try_post(ledger, statement));
    let posted = join_all(posts)
        .await
        .into_iter()
        .map(|posted| posted.unwrap())
        .collect::<Vec<_>>();
    posted.into_iter().next().expect("no wave is empty").receipt
}

/// Audits the ledger with each case in turn, on all cores, and returns what was not named.
fn unnamed(
    objects: &Objects,
    cases: Vec<Case<'_>>,
    audit: impl Fn(&Objects) -> Report + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    std::thread::scope(|scope| {
        let look = || {
            let mut missed = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (changes, wanted) = (case.make)();
                let mut tampered = objects.clone();
                for (name, bytes) in changes {
                    match bytes {
                        Some(bytes) => tampered.insert(name, bytes),
                        None => tampered.remove(&name),
                    };
                }
                let report = audit(&tampered);
                let mut found: BTreeMap<(String, Option<u64>), String> = BTreeMap::new();
                for fault in &report.faults {
                    for record in BTreeSet::from([None, fault.record]) {
                        *found.entry((shown(&fault.object), record)).or_default() += &fault.en;
                    }
                }
                for (name, record, words) in wanted {
                    if !found
                        .get(&(name.clone(), record))
                        .is_some_and(|said| said.contains(&words))
                    {
                        let some = report.faults.iter().take(3).collect::<Vec<_>>();
                        missed.push(format!(
                            "{}: {name} {record:?} {words:?} is not named among {some:?}",
                            case.what
                        ));
                    }
                }
                if report.ok {
                    missed.push(format!("{}: the report is clean", case.what));
                }
            }
            missed
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}

/// Faults name objects of `log/` as the public sees them.
fn shown(name: &str) -> String {
    if name.starts_with("commit/") {
        name.to_owned()
    } else {
        format!("log/{name}")
    }
}

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
}

/// An audit of objects in memory, signatures verified once.
fn auditor(world: &World) -> impl Fn(&Objects) -> Report + Sync + use<> {
    let (policy, cache) = (policy(world), Arc::new(EntryCache::new()));
    move |objects| {
        let audited = async {
            let store = Store::memory();
            for (name, bytes) in objects {
                store.put(name, bytes.clone()).await.unwrap();
            }
            let target = if objects.keys().any(|name| name.starts_with("commit/")) {
                Target::data("the ledger", &store)
            } else {
                Target::log("the log", Source::Store(store.under("log/")))
            };
            audit_as(&target, std::slice::from_ref(&policy), Some(cache.clone())).await
        };
        RUNTIME.with(|runtime| runtime.block_on(audited))
    }
}

fn flipped(bytes: &Bytes, at: usize) -> Bytes {
    let mut changed = bytes.to_vec();
    // Of a letter the case too: some readers do not care for it.
    changed[at] ^= if changed[at].is_ascii_alphabetic() {
        0x20
    } else {
        0x01
    };
    Bytes::from(changed)
}

fn exhaustive() -> bool {
    std::env::var_os("MINGZHANG_EXHAUSTIVE").is_some_and(|set| set == "1")
}

/// Where the entries of a bundle or commit are: their bytes, without the lengths before them.
fn entries_of(name: &str, bytes: &[u8]) -> Vec<(u64, std::ops::Range<usize>)> {
    let (first, mut at) = if let Some(old_size) = Commit::parse_name(name) {
        (
            old_size,
            bytes.windows(2).position(|two| two == b"\n\n").unwrap() + 2,
        )
    } else {
        match name.strip_prefix("log/").map(Tile::parse_path) {
            Some(Ok(tile @ Tile::Entries { .. })) => (256 * tile.index(), 0),
            _ => return Vec::new(),
        }
    };
    let mut entries = Vec::new();
    while at < bytes.len() {
        let length = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        entries.push((first + entries.len() as u64, at + 2..at + 2 + length));
        at += 2 + length;
    }
    entries
}

/// Whether losing the object can be seen by anybody.
fn implied(name: &str, objects: &Objects) -> bool {
    if let Some(old_size) = Commit::parse_name(name) {
        let oldest = objects
            .keys()
            .filter_map(|name| Commit::parse_name(name))
            .min();
        return Some(old_size) != oldest;
    }
    let public = name.strip_prefix("log/").unwrap_or(name);
    matches!(public, "checkpoint" | "head")
        || Tile::parse_path(public)
            .is_ok_and(|tile| Tile::implied(608).any(|implied| implied == tile))
}

/// One byte of each entry of each object in one audit: byte `at`, where the entry is so long.
fn entry_cases(objects: &Objects) -> Vec<Case<'_>> {
    let entries: Vec<_> = objects
        .iter()
        .map(|(name, bytes)| (name, bytes, entries_of(name, bytes)))
        .filter(|(_, _, entries)| !entries.is_empty())
        .collect();
    let lengths = entries
        .iter()
        .flat_map(|(_, _, entries)| entries.iter().map(|(_, range)| range.len()));
    let longest = lengths.max().unwrap();
    let entries = Arc::new(entries);
    let case = |at: usize| {
        let entries = entries.clone();
        Case::new(format!("byte {at} of each entry"), move || {
            let (mut changes, mut wanted) = (Changes::new(), Wanted::new());
            for (name, bytes, entries) in entries.iter() {
                let mut changed = bytes.to_vec();
                for (record, range) in entries.iter().filter(|(_, range)| at < range.len()) {
                    changed[range.start + at] ^= 0x01;
                    wanted.push(((*name).clone(), Some(*record), String::new()));
                }
                changes.push(((*name).clone(), Some(Bytes::from(changed))));
            }
            (changes, wanted)
        })
    };
    (0..longest).map(case).collect()
}

/// One byte of each hash of each tile of level 0 in one audit, which must count every hash as wrong; those of level 1 by themselves, as they
/// tell which of two is wrong.
fn tile_cases(objects: &Objects) -> Vec<Case<'_>> {
    let level = |name: &str| match name.strip_prefix("log/").map(Tile::parse_path) {
        Some(Ok(Tile::Hashes { level, .. })) => Some(level),
        _ => None,
    };
    let case = |at: usize| {
        Case::new(format!("byte {at} of each hash of each tile"), move || {
            let tiles = objects.iter().filter(|(name, _)| level(name) == Some(0));
            let each = |(name, bytes): (&String, &Bytes)| {
                let mut changed = bytes.to_vec();
                changed.chunks_mut(32).for_each(|hash| hash[at] ^= 0x01);
                let words = format!("; {} of its hashes are wrong", bytes.len() / 32);
                (
                    (name.clone(), Some(Bytes::from(changed))),
                    (name.clone(), None, words),
                )
            };
            tiles.map(each).unzip()
        })
    };
    let mut cases: Vec<Case<'_>> = (0..32).map(case).collect();
    for (name, bytes) in objects
        .iter()
        .filter(|(name, _)| level(name).is_some_and(|level| level > 0))
    {
        cases.extend((0..bytes.len()).map(|at| byte_case(name, bytes, at)));
    }
    cases
}

fn byte_case<'a>(name: &'a str, bytes: &'a Bytes, at: usize) -> Case<'a> {
    Case::object(format!("byte {at} of {name}"), name, move || {
        Some(flipped(bytes, at))
    })
}

/// The line of the oldest commit that names the commit before it, which is collected: anybody's word.
fn unseen(name: &str, objects: &Objects) -> std::ops::Range<usize> {
    let oldest = objects
        .keys()
        .filter_map(|name| Commit::parse_name(name))
        .min();
    match Commit::parse_name(name) {
        Some(old_size) if Some(old_size) == oldest && old_size > 0 => {
            let end = objects[name]
                .windows(2)
                .position(|two| two == b"\n\n")
                .unwrap();
            end - 64..end
        }
        _ => 0..0,
    }
}

/// What is not inside an entry or a hash: checkpoints, the lengths in bundles, the head lines of commits; each byte alone.
fn frame_cases(objects: &Objects, of: impl Fn(&str) -> bool) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (name, bytes) in objects.iter().filter(|(name, _)| of(name)) {
        if matches!(
            name.strip_prefix("log/").map(Tile::parse_path),
            Some(Ok(Tile::Hashes { .. }))
        ) {
            continue;
        }
        let entries = entries_of(name, bytes);
        let in_entry = |at: usize| {
            let next = entries.partition_point(|(_, range)| range.end <= at);
            entries
                .get(next)
                .is_some_and(|(_, range)| range.contains(&at))
        };
        let unseen = unseen(name, objects);
        let places = (0..bytes.len()).filter(|at| !in_entry(*at) && !unseen.contains(at));
        cases.extend(places.map(|at| byte_case(name, bytes, at)));
    }
    cases
}

/// Cut, lengthened, deleted, emptied, and each put in place of each other.
fn object_cases(objects: &Objects) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for (name, bytes) in objects {
        let all = bytes.len();
        for length in [0, 1, 31, all / 2, all - 32.min(all), all - 1]
            .into_iter()
            .filter(|length| *length < all)
        {
            cases.push(Case::object(
                format!("{name} cut to {length}"),
                name,
                move || Some(bytes.slice(..length)),
            ));
        }
        cases.push(Case::object(format!("{name} lengthened"), name, || {
            Some(Bytes::from([&bytes[..], b"\0"].concat()))
        }));
        if implied(name, objects) {
            cases.push(Case::object(format!("{name} deleted"), name, || None));
        }
        for (other, others) in objects
            .range(name.clone()..)
            .skip(1)
            .filter(|(_, others)| *others != bytes)
        {
            cases.push(Case::new(
                format!("{name} and {other} swapped"),
                move || {
                    let changes = vec![
                        (name.clone(), Some(others.clone())),
                        (other.clone(), Some(bytes.clone())),
                    ];
                    (changes, vec![named(name), named(other)])
                },
            ));
        }
    }
    cases
}

/// Single bytes anywhere: a seeded few, or all.
fn single_cases(objects: &Objects) -> Vec<Case<'_>> {
    let mut state = 0x2026_1123u64;
    let mut random = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut cases = Vec::new();
    for (name, bytes) in objects {
        let unseen = unseen(name, objects);
        let places: Vec<usize> = if exhaustive() {
            (0..bytes.len()).collect()
        } else {
            (0..25)
                .map(|_| usize::try_from(random() % bytes.len() as u64).unwrap())
                .collect()
        };
        cases.extend(
            places
                .into_iter()
                .filter(|at| !unseen.contains(at))
                .map(|at| byte_case(name, bytes, at)),
        );
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_and_every_object_is_covered() {
    let world = World::new();
    let (objects, receipts) = ledger(&world).await;
    let audit = auditor(&world);
    tokio::task::spawn_blocking(move || {
        let report = audit(&objects);
        assert!(report.ok, "{:?}", report.faults);
        assert_eq!(
            (
                report.counts.records,
                report.counts.types["trade"],
                report.counts.projects
            ),
            (608, 606, 321)
        );
        assert!(
            report.counts.kept > 0 && report.counts.commits > 1,
            "{:?}",
            objects.keys()
        );
        for name in [
            "log/checkpoint",
            "log/head",
            "log/tile/entries/001",
            "log/tile/entries/002.p/96",
            "log/tile/0/002.p/96",
            "log/tile/1/000.p/2",
        ] {
            assert!(objects.contains_key(name), "{name} is there");
        }

        // Every byte of what `checkpoint` implies, on a public copy; then the rest of a data folder.
        let public: Objects = objects
            .iter()
            .filter(|(name, _)| {
                name.starts_with("log/")
                    && (implied(name, &objects) || name.contains("checkpoints"))
            })
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect();
        let rest = |name: &str| !public.contains_key(name);
        let is = |one: &'static str| move |name: &str| name == one;
        for (what, objects, cases) in [
            (
                "checkpoint",
                &public,
                frame_cases(&public, is("log/checkpoint")),
            ),
            ("tiles", &objects, tile_cases(&objects)),
            ("entries", &public, entry_cases(&public)),
            (
                "lengths and other checkpoints",
                &public,
                frame_cases(&public, |name| name != "log/checkpoint"),
            ),
            (
                "heads of commits",
                &objects,
                frame_cases(&objects, |name| rest(name) && name.starts_with("commit/")),
            ),
            ("whole objects", &objects, object_cases(&objects)),
            ("single bytes", &objects, single_cases(&objects)),
        ] {
            let (count, begin) = (cases.len(), std::time::Instant::now());
            let missed = unnamed(objects, cases, &audit);
            assert!(
                missed.is_empty(),
                "{what}: {} of {count}: {:#?}",
                missed.len(),
                &missed[..missed.len().min(20)]
            );
            eprintln!(
                "{what}: {count} audits in {:.1} s",
                begin.elapsed().as_secs_f32()
            );
        }

        // The canary: an audit that never looks at one object. Each kind of case must see that.
        for (blind, name) in [
            ("log/tile/0/001", "tiles"),
            ("log/tile/entries/001", "entries"),
            ("log/tile/1/000.p/2", "objects"),
            ("log/head", "frames"),
        ] {
            let original = objects[blind].clone();
            let blinded = |tampered: &Objects| {
                let mut tampered = tampered.clone();
                tampered.insert(blind.to_owned(), original.clone());
                audit(&tampered)
            };
            let mut cases = match name {
                "tiles" => tile_cases(&objects),
                "entries" => entry_cases(&objects),
                "objects" => object_cases(&objects),
                _ => frame_cases(&objects, |name| name == blind),
            };
            // Those of entries and tiles change every object at once, the others say which.
            cases.retain(|case| matches!(name, "tiles" | "entries") || case.what.contains(blind));
            cases.truncate(10);
            assert!(
                !cases.is_empty() && !unnamed(&objects, cases, blinded).is_empty(),
                "nobody noticed that {blind} was not looked at"
            );
        }
    })
    .await
    .unwrap();

    // Receipts that this ledger has issued.
    check_receipt(receipts[0].as_bytes(), &policy(&world), &[]);
}

/// Every bit of a receipt: refused, or, in one of the lines that the quorum does not need, named as not counted.
fn check_receipt(receipt: &[u8], policy: &Policy, unneeded: &[std::ops::Range<usize>]) {
    verify(receipt, std::slice::from_ref(policy)).unwrap();
    for at in 0..receipt.len() {
        for bit in 0..8 {
            let mut changed = receipt.to_vec();
            changed[at] ^= 1 << bit;
            match verify(&changed, std::slice::from_ref(policy)) {
                Err(_) => {}
                Ok(record) => {
                    let not_counted = record.checkpoint().not_counted();
                    let known =
                        unneeded.iter().any(|range| range.contains(&at)) && !not_counted.is_empty();
                    assert!(known, "bit {bit} of byte {at} is not covered");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_bit_of_a_witnessed_receipt_is_covered_or_named_as_not_counted() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    let posted = try_post(&ledger, &world.trade("A-1", None, "one"))
        .await
        .unwrap();
    let witness =
        |seed: u8| Cosigner::from_seed(&format!("witness-{seed}.example"), &[seed; 32]).unwrap();
    let mut receipt = Receipt::parse(posted.receipt.as_bytes()).unwrap();
    let mut note = Note::parse(receipt.checkpoint.as_bytes()).unwrap();
    for seed in [101, 102] {
        note.signatures
            .push(witness(seed).sign(&note.text, 1_795_400_000));
    }
    receipt.checkpoint = note.encode();
    let file = format!(
        "# mingzhang genesis {}\nlog {}\nwitness one {}\nwitness two {}\ngroup either any one two\nquorum either\n",
        world.genesis_id,
        log_signer(&world).vkey(),
        witness(101).vkey(),
        witness(102).vkey()
    );
    let policy = Policy::parse(file.as_bytes()).unwrap();
    let text = receipt.encode();
    let line = |name: &str| {
        let at = text.find(&format!("— {name}")).unwrap();
        at..at + text[at..].find('\n').unwrap()
    };
    assert!(
        verify(text.as_bytes(), std::slice::from_ref(&policy))
            .unwrap()
            .checkpoint()
            .quorum()
            .met
    );
    check_receipt(
        text.as_bytes(),
        &policy,
        &[line("witness-101"), line("witness-102")],
    );
}
