//! A log written by an operator who holds every key and obeys no rule: entries as the test wants them, linked, hashed and signed, straight
//! into a store. The ledger's own code would refuse most of it; audit must find it.

use bytes::Bytes;
use mingzhang::audit::{EntryCache, Options, Report, Step, Target, audit};
use mingzhang::store::{OBJECT_BYTES_MAX, Store};
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::merkle::{Hash, Tree, leaf_hash};
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::tile::{Edge, Tile, encode_bundle, parse_bundle};
use mingzhang::trade::record::{RecordHeader, encode_entry};
use mingzhang::trade::statement::{Statement, sign_statement};
use mingzhang::trade::time::Time;

use super::world::{CENTRE, ORIGIN, World};

/// The time of record 0; each record is a second later.
pub const START_MS: i64 = 1_795_395_723_456;

pub fn log_signer(world: &World) -> Signer {
    Signer::from_seed(ORIGIN, &world.log).unwrap()
}

pub fn policy(world: &World) -> Policy {
    Policy::new(log_signer(world).vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id)
}

pub fn date() -> Time {
    Time::parse("2026-12-01T00:00:00.000Z").unwrap()
}

/// Entries as they will be logged; link and index follow from the place.
#[derive(Clone, Default)]
pub struct Forger {
    pub entries: Vec<Vec<u8>>,
}

impl Forger {
    pub fn new(world: &World) -> Forger {
        let mut forger = Forger::default();
        for note in world.first_notes() {
            forger.log(&note);
        }
        forger
    }

    pub fn next(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The header of the next record as it should be.
    pub fn header(&self) -> RecordHeader {
        let index = self.next();
        let link = self
            .entries
            .last()
            .map_or(Hash::ZERO, |entry| leaf_hash(entry));
        RecordHeader {
            index,
            link,
            time: Time::from_ms(START_MS + 1_000 * i64::try_from(index).unwrap()).unwrap(),
        }
    }

    /// Logs a note as it should be logged.
    pub fn log(&mut self, note: &[u8]) -> u64 {
        self.log_as(&self.header(), note)
    }

    /// Logs a note under any header.
    pub fn log_as(&mut self, header: &RecordHeader, note: &[u8]) -> u64 {
        self.entries.push(encode_entry(header, note));
        self.next() - 1
    }

    pub fn edge(&self) -> (Edge, Vec<(Tile, Vec<u8>)>) {
        let mut edge = Edge::empty();
        let growth = edge.append(&self.entries);
        (edge, growth.objects)
    }

    pub fn tree_at(&self, size: u64) -> Tree {
        let mut edge = Edge::empty();
        edge.append(&self.entries[..usize::try_from(size).unwrap()]);
        edge.tree()
    }

    /// Every object that a checkpoint of all entries implies, and `head` beside it.
    pub async fn publish(&self, world: &World) -> Store {
        let store = Store::memory();
        let (edge, objects) = self.edge();
        for (tile, bytes) in objects {
            store.put(&tile.path(), Bytes::from(bytes)).await.unwrap();
        }
        let note = signed(world, edge.tree());
        store.put("head", note.clone()).await.unwrap();
        store.put("checkpoint", note).await.unwrap();
        store
    }
}

/// A checkpoint of any tree, signed by the log key.
pub fn signed(world: &World, tree: Tree) -> Bytes {
    Bytes::from(
        log_signer(world)
            .sign_note(Checkpoint::new(ORIGIN, tree).encode())
            .encode(),
    )
}

/// A log of `projects` projects with `each` statements, interleaved, all as it should be.
pub fn good_log(world: &World, projects: usize, each: usize) -> Forger {
    let mut forger = Forger::new(world);
    let mut heads = vec![None; projects];
    for round in 0..each {
        for (project, head) in heads.iter_mut().enumerate() {
            let statement = world.trade(
                &format!("P-{project}"),
                head.as_ref(),
                &format!("notice {round}"),
            );
            *head = Some(statement.id());
            forger.log(statement.note());
        }
    }
    forger
}

/// A `trade` statement with other members than [`World::trade`] gives it.
pub fn bent_trade(
    world: &World,
    project: &str,
    follows: Option<&Hash>,
    title: &str,
    bend: impl Fn(String) -> String,
) -> Statement {
    sign_statement(
        &bend(world.trade_text(project, follows, title)),
        &[&world.centre],
    )
    .unwrap()
}

/// A statement of another type.
pub fn other_text(statement_type: &str, publisher: &str, follows: Option<&Hash>) -> String {
    let follows = follows.map_or("null".to_owned(), |id| format!("\"{id}\""));
    format!(
        "{{\"type\":\"{statement_type}\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{publisher}\",\"follows\":{follows}}}\n"
    )
}

/// The change that erases `entry` at `index`.
pub fn erase_change(index: u64, entry: &[u8], statement: &Statement) -> String {
    let project = statement
        .project()
        .map_or("null".to_owned(), |project| format!("\"{project}\""));
    format!(
        "{{\"op\":\"erase_entry\",\"index\":{index},\"leaf_hash\":\"{}\",\"statement\":\"{}\",\"statement_type\":\"{}\",\"publisher\":\"{CENTRE}\",\
         \"project\":{project},\"basis\":\"court order 1\"}}",
        leaf_hash(entry),
        statement.id(),
        statement.statement_type()
    )
}

/// Blanks an entry in every bundle of the store that has it.
pub async fn blank(store: &Store, index: u64) {
    for listed in store.list("tile/entries/").await.unwrap() {
        let tile = Tile::parse_path(&listed.name).unwrap();
        let Some(at) = index
            .checked_sub(tile.index() * 256)
            .filter(|at| *at < u64::from(tile.width()))
        else {
            continue;
        };
        let bytes = store
            .read(&listed.name, OBJECT_BYTES_MAX)
            .await
            .unwrap()
            .unwrap();
        let mut entries = parse_bundle(&bytes, tile.width()).unwrap();
        entries[usize::try_from(at).unwrap()] = &[];
        store
            .put(&listed.name, Bytes::from(encode_bundle(&entries)))
            .await
            .unwrap();
    }
}

pub async fn audit_log(world: &World, store: &Store) -> Report {
    audit_as(
        &Target::log("the log", mingzhang::store::Source::Store(store.clone())),
        &[policy(world)],
        None,
    )
    .await
}

pub async fn audit_as(
    target: &Target,
    policies: &[Policy],
    cache: Option<std::sync::Arc<EntryCache>>,
) -> Report {
    let options = Options {
        cache,
        ..Options::at(date())
    };
    audit(target, policies, &options, &mut |_| {})
        .await
        .unwrap()
}

/// The faults without their sentences.
pub fn faults(report: &Report) -> Vec<(&str, Option<u64>, Step, &str)> {
    report
        .faults
        .iter()
        .map(|fault| (fault.object.as_str(), fault.record, fault.step, fault.code))
        .collect()
}
