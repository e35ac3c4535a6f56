//! Danger: a kill -9 loses an acknowledged record, or makes the log say two things.
//!
//! The real program serves a folder, 64 connections post as fast as they can, and SIGKILL comes after a random moment; now and then the
//! next life is killed too, while it recovers. What was acknowledged is kept here, in another process than the victim. `MINGZHANG_KILLS`
//! sets the number of kills, `MINGZHANG_SEED` repeats the random moments of a run (not the scheduling).
//!
//! Does not show what a power cut does: a killed process leaves its written bytes to the kernel.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use mingzhang::cli::keys::KeyFile;
use mingzhang::receipt::Receipt;
use mingzhang::store::Http;
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, Tree, check_inclusion, leaf_hash};
use mingzhang::tlog::note::{Signer, Vkey};
use mingzhang::tlog::tile::{self, Tile, TileBuilder};
use mingzhang::trade::keys::KeyState;
use mingzhang::trade::record::parse_entry;
use mingzhang::trade::statement::Statement;
use mingzhang::trade::time::Time;
use serde_json::Value;
use tokio::net::TcpStream;

const ORIGIN: &str = "ledger.example/kill";
const POSTERS: usize = 64;
/// Signed and waiting when a life begins; more than it can log before it is killed.
const STOCK: usize = 1_500;
/// Acknowledged records looked up after each restart.
const SAMPLE: usize = 12;

#[test]
fn kills_lose_nothing_and_fork_nothing() {
    let kills: u32 = number("MINGZHANG_KILLS").map_or(100, |kills| kills.try_into().unwrap());
    let mut random = Random(number("MINGZHANG_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(now.unwrap().as_nanos() % u128::from(u64::MAX)).unwrap()
    }));
    println!("MINGZHANG_SEED={} MINGZHANG_KILLS={kills}", random.0);
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    init(&data);
    let log_vkey = KeyFile::read(&data.join("keys/log.key"))
        .unwrap()
        .signer(None)
        .unwrap()
        .vkey()
        .clone();
    let mut stock = Stock::new(
        KeyFile::read(&data.join("keys/centre.key"))
            .unwrap()
            .signer(None)
            .unwrap(),
    );
    let mut seen = Seen::default();
    let (mut unclear, mut early) = (0, 0);

    for kill in 0..kills {
        if kill % 4 == 3 {
            // The ledger recovers; it is killed before, while or after it does.
            let mut life = Life::spawn(&data);
            std::thread::sleep(Duration::from_millis(random.below(40)));
            life.kill();
            early += 1;
        }
        let mut life = Life::start(&data);
        life.check(&log_vkey, &mut seen, &mut random);
        stock.fill();
        let moment = Duration::from_millis(5 + random.below(116));
        let results = storm(&mut life, &stock, moment);
        unclear += results.unclear.len();
        seen.take(&results.acknowledged, &log_vkey);
        // Posting again what got no answer must not log it twice; every other one is left to its fate.
        for post in results.unclear.into_iter().step_by(2) {
            stock.posts.lock().unwrap().push_front(post);
        }
        assert_eq!(seen.faults, Vec::<String>::new(), "after kill {kill}");
    }

    let mut life = Life::start(&data);
    life.check(&log_vkey, &mut seen, &mut random);
    life.kill();
    let log = replay(&data, &log_vkey).unwrap();
    assert_eq!(
        judge(&log, &seen),
        Vec::<String>::new(),
        "the log and what was acknowledged"
    );
    let (records, acknowledged) = (log.ids.len(), seen.acknowledged.len());
    println!(
        "{kills} kills and {early} in recovery, {records} records, {acknowledged} acknowledged, {unclear} without an answer, {} roots seen, {:.1} s",
        seen.roots.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(
        acknowledged > usize::try_from(kills).unwrap(),
        "too little was posted for the kills to mean anything"
    );
    assert!(
        kills < 20 || unclear > 0,
        "no kill ever met a post under way"
    );
    the_judge_is_awake(&log, &seen);
    the_replay_is_awake(&data, &log_vkey);
}

/// Canary: the judge finds what would be wrong in a worse world.
fn the_judge_is_awake(log: &Log, seen: &Seen) {
    let check = |doctor: &dyn Fn(&mut Log, &mut Seen), wanted: &str| {
        let (mut log, mut seen) = (log.clone(), seen.clone());
        doctor(&mut log, &mut seen);
        let faults = judge(&log, &seen);
        assert!(
            faults.iter().any(|fault| fault.contains(wanted)),
            "{wanted:?} was not found: {faults:?}"
        );
    };
    let (id, index) = seen
        .acknowledged
        .iter()
        .next_back()
        .map(|(id, index)| (*id, *index))
        .unwrap();
    check(
        &|_, seen| {
            seen.acknowledged
                .insert(Hash::sha256(b"never posted"), index);
        },
        "is lost",
    );
    check(
        &|_, seen| {
            seen.acknowledged.insert(id, index - 1);
        },
        "acknowledged at",
    );
    check(&|log, _| log.ids.push(log.ids[2]), "twice");
    check(
        &|_, seen| {
            seen.roots.last_entry().unwrap().insert(Hash::ZERO);
        },
        "two roots",
    );
    check(
        &|log, _| {
            let last = log.leaves.len() - 1;
            log.leaves[last] = Hash::ZERO;
        },
        "two roots",
    );
    check(
        &|_, seen| {
            let size = log.tree.size + 1;
            seen.roots.insert(size, Hash::ZERO);
        },
        "was cut",
    );
    let mut twice = seen.clone();
    twice.root(log.tree.size, Hash::ZERO);
    assert_eq!(twice.faults.len(), 1, "a second root of a size is noticed");
}

/// Canary: one byte of a bundle is enough.
fn the_replay_is_awake(data: &Path, log_vkey: &Vkey) {
    let bundle = data.join("log/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, &bytes).unwrap();
    assert!(
        replay(data, log_vkey).is_err(),
        "an altered bundle passed the replay"
    );
}

/// What the outside world was told, over all lives.
#[derive(Clone, Debug, Default)]
struct Seen {
    acknowledged: BTreeMap<Hash, u64>,
    /// Root by size, of every signed view.
    roots: BTreeMap<u64, Hash>,
    /// A sample is drawn from here.
    order: Vec<Hash>,
    faults: Vec<String>,
}

impl Seen {
    fn root(&mut self, size: u64, root: Hash) {
        let first = *self.roots.entry(size).or_insert(root);
        if first != root {
            self.faults
                .push(format!("two roots of size {size}: {first} and {root}"));
        }
    }

    /// Every answer to a post: its receipt is taken apart, and must itself hold.
    fn take(&mut self, answers: &[(Hash, Bytes)], log_vkey: &Vkey) {
        for (id, body) in answers {
            let answer: Value = serde_json::from_slice(body).unwrap();
            let index = answer["index"].as_u64().unwrap();
            let receipt = Receipt::parse(answer["receipt"].as_str().unwrap().as_bytes()).unwrap();
            let signed = checkpoint::open(receipt.checkpoint.as_bytes(), ORIGIN, &[log_vkey]);
            let tree = signed.unwrap().tree();
            self.root(tree.size, tree.root_hash);
            let leaf = leaf_hash(&receipt.entry);
            let (_, note) = parse_entry(&receipt.entry).unwrap();
            if receipt.index != index
                || check_inclusion(&leaf, index, &tree, &receipt.proof).is_err()
                || Statement::parse(note).unwrap().id() != *id
            {
                self.faults
                    .push(format!("the receipt of {id} does not show record {index}"));
            }
            match self.acknowledged.insert(*id, index) {
                None => self.order.push(*id),
                Some(before) if before == index => {}
                Some(before) => self.faults.push(format!(
                    "{id} was acknowledged at {before}, then at {index}"
                )),
            }
        }
    }
}

/// A log as its public objects have it.
#[derive(Clone, Debug)]
struct Log {
    tree: Tree,
    ids: Vec<Hash>,
    leaves: Vec<Hash>,
}

/// Holds what was told against what is there; nothing wrong: an empty list.
fn judge(log: &Log, seen: &Seen) -> Vec<String> {
    let mut faults = seen.faults.clone();
    let mut places = HashMap::new();
    for (index, id) in (0u64..).zip(&log.ids) {
        if let Some(first) = places.insert(*id, index) {
            faults.push(format!("{id} is logged twice, at {first} and {index}"));
        }
    }
    for (id, index) in &seen.acknowledged {
        match places.get(id) {
            None => faults.push(format!("{id}, acknowledged as record {index}, is lost")),
            Some(place) if place != index => faults.push(format!(
                "{id} was acknowledged at {index} and stands at {place}"
            )),
            Some(_) => {}
        }
    }
    let (mut builder, mut from) = (TileBuilder::new(), 0);
    for (size, root) in &seen.roots {
        let upto = usize::try_from(*size).unwrap();
        if upto > log.leaves.len() {
            faults.push(format!(
                "the log was cut: {size} records were signed, {} are there",
                log.leaves.len()
            ));
            break;
        }
        builder.append(&log.leaves[from..upto]);
        from = upto;
        if builder.tree().root_hash != *root {
            faults.push(format!(
                "two roots of size {size}: {root} was signed, the entries make {}",
                builder.tree().root_hash
            ));
        }
    }
    faults
}

/// Reads the whole log as a stranger would, with the policy's log key and record 0 as the only trust, and checks all that `head` implies.
fn replay(data: &Path, log_vkey: &Vkey) -> Result<Log, String> {
    let log = data.join("log");
    let head = std::fs::read(log.join("head")).map_err(|error| format!("head: {error}"))?;
    let head = checkpoint::open(&head, ORIGIN, &[log_vkey])
        .map_err(|error| format!("head: {error}"))?
        .tree();
    let (mut builder, mut tiles) = (TileBuilder::new(), Vec::new());
    let (mut ids, mut all_leaves, mut heads) = (Vec::new(), Vec::new(), HashMap::new());
    let (mut keys, mut link, mut time): (Option<KeyState>, Hash, Option<Time>) =
        (None, Hash::ZERO, None);
    for number in 0..head.size.div_ceil(256) {
        let bundle = Tile::entries(number, head.size).unwrap();
        let bytes = read_tile(&log, bundle)?;
        let entries =
            tile::parse_bundle(&bytes, bundle.width()).map_err(|e| format!("{bundle}: {e}"))?;
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (index, entry) in (number * 256..).zip(&entries) {
            let at = |what: &str| format!("record {index}: {what}");
            let (header, note) = parse_entry(entry).map_err(|e| at(&e.to_string()))?;
            let statement = Statement::parse(note).map_err(|e| at(&e.to_string()))?;
            if (header.index, header.link) != (index, link) {
                return Err(at("not linked to the record before"));
            }
            if time.is_some_and(|before| before > header.time) {
                return Err(at("time goes back"));
            }
            match &mut keys {
                None => {
                    let genesis = KeyState::from_genesis(&statement);
                    keys = Some(genesis.map_err(|e| at(&e.to_string()))?);
                }
                Some(keys) => {
                    keys.verify(&statement).map_err(|e| at(&e.to_string()))?;
                    keys.apply(index, &statement)
                        .map_err(|e| at(&e.to_string()))?;
                }
            }
            if statement.follows() != heads.insert(statement.chain().clone(), statement.id()) {
                return Err(at("does not follow the head of its chain"));
            }
            ids.push(statement.id());
            (link, time) = (leaf_hash(entry), Some(header.time));
        }
        tiles.extend(builder.append(&leaves));
        all_leaves.extend(leaves);
    }
    tiles.extend(builder.partials());
    if builder.tree() != head {
        return Err("the entries do not make the signed root".to_owned());
    }
    for (tile, bytes) in tiles {
        if read_tile(&log, tile)? != bytes {
            return Err(format!("{tile} is not what the entries make"));
        }
    }
    Ok(Log {
        tree: head,
        ids,
        leaves: all_leaves,
    })
}

fn read_tile(log: &Path, tile: Tile) -> Result<Vec<u8>, String> {
    if let Ok(bytes) = std::fs::read(log.join(tile.path())) {
        return Ok(bytes);
    }
    let full = std::fs::read(log.join(tile.full().path())).map_err(|e| format!("{tile}: {e}"))?;
    let cut = tile.cut(&full).map_err(|e| format!("{tile}: {e}"))?;
    Ok(cut.to_vec())
}

/// One process of the program that serves the folder; killed at the latest when it is dropped.
struct Life {
    child: Child,
    stderr: PathBuf,
    url: String,
}

impl Life {
    fn spawn(data: &Path) -> Life {
        let stderr = data.with_extension("stderr");
        let child = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Life {
            child,
            stderr,
            url: String::new(),
        }
    }

    /// Waits until it serves.
    fn start(data: &Path) -> Life {
        let mut life = Life::spawn(data);
        let mut line = String::new();
        let stdout = life.child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        match said["url"].as_str() {
            Some(url) => life.url = url.to_owned(),
            None => panic!(
                "the ledger did not come up again: {line}{}",
                std::fs::read_to_string(&life.stderr).unwrap_or_default()
            ),
        }
        life
    }

    /// SIGKILL, and its locks are gone when this returns.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// After a restart: nothing is smaller, nothing is signed anew, and what was acknowledged is found.
    fn check(&self, log_vkey: &Vkey, seen: &mut Seen, random: &mut Random) {
        let http = Http::new(&self.url).unwrap();
        let head = http.get("head", 1 << 16).unwrap().unwrap();
        let tree = checkpoint::open(&head, ORIGIN, &[log_vkey]).unwrap().tree();
        seen.root(tree.size, tree.root_hash);
        let largest = *seen.roots.last_key_value().unwrap().0;
        if tree.size < largest {
            let size = tree.size;
            seen.faults
                .push(format!("head has {size} records, {largest} were signed"));
        }
        let mut sample: BTreeSet<Hash> = seen.order.iter().rev().take(2).copied().collect();
        for _ in 0..SAMPLE.min(seen.order.len()) {
            let at = usize::try_from(random.below(seen.order.len() as u64)).unwrap();
            sample.insert(seen.order[at]);
        }
        for id in sample {
            let index = seen.acknowledged[&id];
            let found = http.get(&format!("api/v1/statements/{id}"), 1 << 20);
            let found: Option<Value> = found
                .unwrap()
                .map(|body| serde_json::from_slice(&body).unwrap());
            if found.as_ref().and_then(|found| found["index"].as_u64()) != Some(index) {
                seen.faults.push(format!(
                    "{id}, acknowledged as record {index}, is not found there: {found:?}"
                ));
            }
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A signed statement on its way.
#[derive(Clone, Debug)]
struct Post {
    id: Hash,
    note: Bytes,
}

/// Distinct statements, signed before a life begins.
struct Stock {
    signer: Signer,
    made: usize,
    posts: Arc<Mutex<VecDeque<Post>>>,
}

impl Stock {
    fn new(signer: Signer) -> Stock {
        Stock {
            signer,
            made: 0,
            posts: Arc::default(),
        }
    }

    fn fill(&mut self) {
        let mut posts = self.posts.lock().unwrap();
        while posts.len() < STOCK {
            self.made += 1;
            let (made, centre) = (self.made, self.signer.name());
            let text = format!(
                "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{centre}\",\"project\":\"K-{made}\",\"follows\":null,\
                 \"codes\":[],\"stage\":\"announcement\",\"kind\":\"tender_notice\",\"category\":\"construction\",\"title\":\"第 {made} 号招标公告\",\
                 \"region\":\"430382\",\"issued\":\"2025-06-12T09:00:00+08:00\",\"documents\":[],\"events\":{{}},\"details\":{{}}}}\n"
            );
            posts.push_back(Post {
                id: Hash::sha256(text.as_bytes()),
                note: self.signer.sign_note(text).encode().into(),
            });
        }
    }
}

/// What a storm of posts brought.
#[derive(Default)]
struct Results {
    /// Id, and the body of the answer.
    acknowledged: Vec<(Hash, Bytes)>,
    /// Sent, and whether it was logged nobody said.
    unclear: Vec<Post>,
    /// Answers that no post may get.
    strange: Vec<String>,
}

/// Posts over all connections at once, and kills after `moment`.
fn storm(life: &mut Life, stock: &Stock, moment: Duration) -> Results {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let results = Arc::new(Mutex::new(Results::default()));
    let address = life.url.strip_prefix("http://").unwrap().to_owned();
    runtime.block_on(async {
        let mut connections = Vec::new();
        for _ in 0..POSTERS {
            let stream = TcpStream::connect(&address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            connections.push(sender);
        }
        let posters: Vec<_> = connections
            .into_iter()
            .map(|sender| {
                tokio::spawn(post_on(
                    sender,
                    address.clone(),
                    stock.posts.clone(),
                    results.clone(),
                ))
            })
            .collect();
        tokio::time::sleep(moment).await;
        life.kill();
        for poster in posters {
            // The peer is gone: every connection ends by itself.
            tokio::time::timeout(Duration::from_secs(10), poster)
                .await
                .expect("a connection outlived the ledger")
                .unwrap();
        }
    });
    drop(runtime);
    let results = Arc::into_inner(results).unwrap().into_inner().unwrap();
    assert_eq!(results.strange, Vec::<String>::new());
    results
}

async fn post_on(
    mut sender: SendRequest<Full<Bytes>>,
    address: String,
    posts: Arc<Mutex<VecDeque<Post>>>,
    results: Arc<Mutex<Results>>,
) {
    loop {
        let Some(post) = posts.lock().unwrap().pop_front() else {
            return;
        };
        let request = hyper::Request::post("/api/v1/statements")
            .header("host", &address)
            .header("content-type", "text/plain")
            .body(Full::new(post.note.clone()))
            .unwrap();
        let answer = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            // A body that breaks off is no acknowledgement.
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        match answer.await {
            Ok((200 | 201, body)) => results.lock().unwrap().acknowledged.push((post.id, body)),
            Ok((503, _)) => {
                results.lock().unwrap().unclear.push(post);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok((status, body)) => {
                let body = String::from_utf8_lossy(&body).into_owned();
                let strange = format!("{} was answered {status}: {body}", post.id);
                results.lock().unwrap().strange.push(strange);
            }
            Err(_) => {
                results.lock().unwrap().unclear.push(post);
                return;
            }
        }
    }
}

fn init(data: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_mingzhang"))
        .args(["init", "--origin", ORIGIN, "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to choose moments.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[test]
fn every_moment_is_chosen_some_time() {
    let mut random = Random(7);
    let chosen: HashSet<u64> = (0..2_000).map(|_| random.below(116)).collect();
    assert_eq!(chosen.len(), 116);
}
