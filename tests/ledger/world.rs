//! A small ledger with all its keys, a clock that stands where the test puts it, and [`check_log`], which verifies a published log from its
//! public objects only, as a stranger would, with none of the ledger's own reading code.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use mingzhang::ledger::clock::{Clock, Reading};
use mingzhang::ledger::{Config, Ledger, OpenError, PostError, Posted, Wait};
use mingzhang::store::{OBJECT_BYTES_MAX, Store};
use mingzhang::tlog::checkpoint;
use mingzhang::tlog::merkle::{Hash, Tree, leaf_hash};
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::tile::{self, Tile, TileBuilder};
use mingzhang::trade::keys::KeyState;
use mingzhang::trade::record::parse_entry;
use mingzhang::trade::statement::{Statement, sign_statement};
use mingzhang::trade::time::Time;
use tempfile::TempDir;

pub const ORIGIN: &str = "ledger.example/test";
pub const CENTRE: &str = "centre.example";

/// All keys of a ledger, and where last-signed lies.
pub struct World {
    pub keys_folder: TempDir,
    pub clock_ms: Arc<AtomicI64>,
    pub log: [u8; 32],
    pub authority: Vec<Signer>,
    pub centre: Signer,
    pub supervisor: Signer,
    pub operator: Signer,
    pub genesis: String,
    pub genesis_id: Hash,
}

impl World {
    pub fn new() -> World {
        let authority: Vec<Signer> = (1..=3u8)
            .map(|at| {
                Signer::from_seed(&format!("authority-{at}.example"), &[0x10 + at; 32]).unwrap()
            })
            .collect();
        let log = [0x01; 32];
        let vkeys: Vec<String> = authority
            .iter()
            .map(|signer| format!("\"{}\"", signer.vkey()))
            .collect();
        let genesis = format!(
            "{{\"type\":\"genesis\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"follows\":null,\"hash\":\"sha-256\",\"log\":[\"{}\"],\"authority\":{{\"threshold\":2,\"vkeys\":[{}]}},\"operator\":{{\"name\":\"operator.example\",\"uscc\":null}}}}\n",
            Signer::from_seed(ORIGIN, &log).unwrap().vkey(),
            vkeys.join(",")
        );
        let genesis_id = Hash::sha256(genesis.as_bytes());
        World {
            keys_folder: tempfile::tempdir().unwrap(),
            clock_ms: Arc::new(AtomicI64::new(1_795_395_723_456)),
            log,
            authority,
            centre: Signer::from_seed(CENTRE, &[0x21; 32]).unwrap(),
            supervisor: Signer::from_seed("supervisor.example", &[0x22; 32]).unwrap(),
            operator: Signer::from_seed("operator.example", &[0x23; 32]).unwrap(),
            genesis,
            genesis_id,
        }
    }

    pub fn config(&self) -> Config {
        let signer = Signer::from_seed(ORIGIN, &self.log).unwrap();
        Config {
            genesis: Some(self.genesis_id),
            // Tests beside this one have a ledger with this key too.
            free_bytes_min: 0,
            ..Config::new(signer, self.keys_folder.path().to_owned())
        }
    }

    pub fn clock(&self) -> Clock {
        let clock_ms = self.clock_ms.clone();
        Arc::new(move || {
            let ms = clock_ms.load(Ordering::SeqCst);
            Reading {
                wall: Time::from_ms(ms).unwrap(),
                boot_ms: ms,
            }
        })
    }

    /// Genesis and the admission of the three parties.
    pub fn first_notes(&self) -> Vec<Vec<u8>> {
        let genesis = self.authority_note(&self.genesis, &[0, 1]);
        let admit = |role: &str, signer: &Signer| {
            format!(
                "{{\"op\":\"admit\",\"role\":\"{role}\",\"vkey\":\"{}\",\"name\":\"{}\",\"uscc\":null}}",
                signer.vkey(),
                signer.name()
            )
        };
        let changes = [
            admit("publisher", &self.centre),
            admit("supervisor", &self.supervisor),
            admit("operator", &self.operator),
        ];
        let key = self.key_text(&self.genesis_id, &changes.join(","));
        vec![genesis, self.authority_note(&key, &[1, 2])]
    }

    pub fn key_text(&self, follows: &Hash, changes: &str) -> String {
        format!(
            "{{\"type\":\"key\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"follows\":\"{follows}\",\"changes\":[{changes}]}}\n"
        )
    }

    pub fn authority_note(&self, text: &str, who: &[usize]) -> Vec<u8> {
        let signers: Vec<&Signer> = who.iter().map(|at| &self.authority[*at]).collect();
        sign_statement(text, &signers).unwrap().note().to_vec()
    }

    pub async fn create(&self, store: &Store) -> Ledger {
        Ledger::create(
            store.clone(),
            self.config(),
            self.clock(),
            &self.first_notes(),
        )
        .await
        .unwrap()
    }

    pub async fn open(&self, store: &Store) -> Result<Ledger, OpenError> {
        Ledger::open(store.clone(), self.config(), self.clock()).await
    }

    /// A trade statement by the centre; `title` makes it different from others.
    pub fn trade(&self, project: &str, follows: Option<&Hash>, title: &str) -> Statement {
        sign_statement(&self.trade_text(project, follows, title), &[&self.centre]).unwrap()
    }

    pub fn trade_text(&self, project: &str, follows: Option<&Hash>, title: &str) -> String {
        let follows = follows.map_or("null".to_owned(), |id| format!("\"{id}\""));
        format!(
            "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{CENTRE}\",\"project\":\"{project}\",\"follows\":{follows},\
             \"codes\":[],\"stage\":\"announcement\",\"kind\":\"tender_notice\",\"category\":\"construction\",\"title\":\"{title}\",\
             \"region\":\"430382\",\"issued\":\"2026-11-23T09:00:00+08:00\",\"documents\":[],\"events\":{{}},\"details\":{{\"buyer\":{{\"name\":\"甲局\"}},\"qualification\":\"不限\",\"consortium\":false,\"documents_how\":\"平台\",\"bids_how\":\"平台\"}}}}\n"
        )
    }
}

/// Posts and expects success.
pub async fn post(ledger: &Ledger, statement: &Statement) -> Posted {
    try_post(ledger, statement)
        .await
        .unwrap_or_else(|failure| panic!("{failure}"))
}

pub async fn try_post(ledger: &Ledger, statement: &Statement) -> Result<Posted, PostError> {
    ledger
        .post(Bytes::copy_from_slice(statement.note()), None, Wait::Signed)
        .await
}

/// Everything that `head` implies is there and right: tiles, bundles, links, times, chains, signatures. Returns the tree and the ids in order.
pub async fn check_log(world: &World, store: &Store) -> (Tree, Vec<Hash>) {
    let log = store.under("log/");
    let vkey = Signer::from_seed(ORIGIN, &world.log)
        .unwrap()
        .vkey()
        .clone();
    let head = log
        .read("head", 1 << 16)
        .await
        .unwrap()
        .expect("head is published");
    let head = checkpoint::open(&head, ORIGIN, &[&vkey]).expect("head is signed by the log key");
    let tree = head.tree();
    let mut builder = TileBuilder::new();
    let mut tiles = Vec::new();
    let (mut ids, mut heads) = (Vec::new(), std::collections::HashMap::new());
    let (mut keys, mut link, mut time): (Option<KeyState>, Hash, Option<Time>) =
        (None, Hash::ZERO, None);
    for number in 0..tree.size.div_ceil(256) {
        let tile = Tile::entries(number, tree.size).unwrap();
        let bytes = read_tile(&log, tile).await;
        let entries = tile::parse_bundle(&bytes, tile.width()).unwrap();
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (index, entry) in (number * 256..).zip(&entries) {
            let (header, note) = parse_entry(entry).unwrap();
            let statement = Statement::parse(note).unwrap();
            assert_eq!(
                (header.index, header.link),
                (index, link),
                "record {index} is linked to the one before"
            );
            assert!(
                time.is_none_or(|before| before <= header.time),
                "time goes back at {index}"
            );
            match &mut keys {
                None => keys = Some(KeyState::from_genesis(&statement).unwrap()),
                Some(keys) => {
                    keys.verify(&statement)
                        .unwrap_or_else(|fault| panic!("record {index}: {fault}"));
                    keys.apply(index, &statement).unwrap();
                }
            }
            let before = heads.insert(statement.chain().clone(), statement.id());
            assert_eq!(
                statement.follows(),
                before,
                "record {index} follows the head of its chain"
            );
            ids.push(statement.id());
            (link, time) = (leaf_hash(entry), Some(header.time));
        }
        tiles.extend(builder.append(&leaves));
    }
    tiles.extend(builder.partials());
    assert_eq!(builder.tree(), tree, "the entries make the signed root");
    for (tile, bytes) in tiles {
        assert_eq!(
            read_tile(&log, tile).await,
            bytes,
            "{tile} is what the entries make"
        );
    }
    if let Some(checkpoint) = log.read("checkpoint", 1 << 16).await.unwrap() {
        let signed = checkpoint::open(&checkpoint, ORIGIN, &[&vkey])
            .expect("checkpoint is signed by the log key");
        assert!(signed.tree().size <= tree.size);
    }
    (tree, ids)
}

async fn read_tile(log: &Store, tile: Tile) -> Bytes {
    if let Some(bytes) = log.read(&tile.path(), OBJECT_BYTES_MAX).await.unwrap() {
        return bytes;
    }
    let full = log
        .read(&tile.full().path(), OBJECT_BYTES_MAX)
        .await
        .unwrap()
        .unwrap_or_else(|| panic!("{tile} is missing"));
    Bytes::copy_from_slice(tile.cut(&full).unwrap())
}
