//! The published examples of our bytes (`tests/vectors/`), read by the code as it is now.
//!
//! They were made once. If one of these tests fails, the code has changed what was promised for thirty years.

use std::collections::HashMap;

use serde_json::Value;

use super::commitment::{Opening, Openings, Place};
use super::keys::KeyState;
use super::log_rules::{Facts, Position, judge};
use super::record::{encode_entry, parse_entry};
use super::statement::{Chain, Statement, sign_statement};
use crate::tlog::checkpoint;
use crate::tlog::merkle::{Hash, Tree, leaf_hash, node_hash};
use crate::tlog::note::{Signer, Vkey};

macro_rules! vectors {
    ($path:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../tests/vectors/", $path)))
            .unwrap()
    };
}

fn rows<'v>(file: &'v Value, name: &str, count: usize) -> &'v [Value] {
    let rows = file[name].as_array().unwrap();
    assert_eq!(rows.len(), count, "{name}");
    rows
}

fn text<'v>(row: &'v Value, name: &str) -> &'v str {
    row[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} of {row}"))
}

fn id_or_null(id: Option<Hash>) -> Value {
    id.map_or(Value::Null, |id| id.to_string().into())
}

/// RFC 6962 §2.1 as it is written.
fn root(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        1 => leaves[0],
        n => {
            let k = n.next_power_of_two() / 2;
            node_hash(&root(&leaves[..k]), &root(&leaves[k..]))
        }
    }
}

/// Replays the ledger by the log rules; what it says of each record must be what follows from the entries.
fn replay() -> (Vec<Statement>, KeyState, Vec<Hash>) {
    let file = vectors!("record/ledger.json");
    let mut state: Option<KeyState> = None;
    let (mut statements, mut leaves, mut time_before) = (Vec::<Statement>::new(), Vec::new(), None);
    let mut heads: HashMap<Chain, Hash> = HashMap::new();
    for (index, record) in (0..).zip(rows(&file, "records", 8)) {
        let entry = text(record, "entry").as_bytes();
        let (header, note) = parse_entry(entry).unwrap();
        assert_eq!(encode_entry(&header, note), entry);
        assert_eq!(
            (header.index, header.time.to_string().as_str()),
            (index, text(record, "time"))
        );
        assert_eq!(header.link, leaves.last().copied().unwrap_or(Hash::ZERO));
        assert_eq!(header.link.to_string(), text(record, "link"));

        let statement = Statement::parse(note).unwrap();
        assert_eq!(statement.id().to_string(), text(record, "statement"));
        assert_eq!(statement.chain().to_string(), text(record, "chain"));
        assert_eq!(id_or_null(statement.follows()), record["follows"]);
        let amended = |id| {
            statements
                .iter()
                .find(|earlier| earlier.id() == id)
                .map(Statement::chain)
        };
        let facts = Facts {
            head: heads.get(statement.chain()).copied(),
            amended_chain: statement
                .amends()
                .and_then(|amends| amended(amends.statement)),
            erased: &[],
        };
        judge(
            &statement,
            &Position {
                index,
                time: header.time,
                time_before,
            },
            state.as_ref(),
            &facts,
        )
        .unwrap();
        match &mut state {
            None => state = Some(KeyState::from_genesis(&statement).unwrap()),
            Some(keys) => {
                keys.verify(&statement).unwrap();
                keys.apply(index, &statement).unwrap();
            }
        }

        leaves.push(leaf_hash(entry));
        assert_eq!(
            leaves.last().unwrap().to_string(),
            text(record, "leaf_hash")
        );
        assert_eq!(
            root(&leaves).to_base64(),
            text(record, "root_hash_of_size_after")
        );
        heads.insert(statement.chain().clone(), statement.id());
        time_before = Some(header.time);
        statements.push(statement);
    }
    let keys = state.unwrap();
    assert_eq!(
        (keys.ledger(), keys.genesis_id().to_string().as_str()),
        (text(&file, "origin"), text(&file, "genesis_id"))
    );
    (statements, keys, leaves)
}

#[test]
fn the_ledger_of_eight_records_replays() {
    let (statements, keys, leaves) = replay();
    let file = vectors!("record/ledger.json");
    let log = keys.log_vkeys().next().unwrap();
    let signed =
        checkpoint::open(text(&file, "checkpoint").as_bytes(), keys.ledger(), &[log]).unwrap();
    assert_eq!(
        signed.tree(),
        Tree {
            size: 8,
            root_hash: root(&leaves)
        }
    );

    for (record, statement) in rows(&file, "records", 8).iter().zip(&statements) {
        let evidence = keys.evidence(statement).unwrap();
        let places: Vec<Value> = evidence
            .iter()
            .map(|note| {
                statements
                    .iter()
                    .position(|s| s.note() == *note)
                    .unwrap()
                    .into()
            })
            .collect();
        assert_eq!(Value::from(places), record["evidence_records"]);
        // A stranger with the pinned id and these notes comes to the same key.
        let notes: Vec<&[u8]> = evidence.iter().map(|note| note.as_ref()).collect();
        let replayed = KeyState::from_evidence(&keys.genesis_id(), &notes).unwrap();
        replayed.verify(statement).unwrap();
    }
}

#[test]
fn entries_without_a_header_in_its_one_form_are_refused() {
    let file = vectors!("record/refused.json");
    for case in rows(&file, "cases", 13) {
        assert!(
            parse_entry(text(case, "entry").as_bytes()).is_err(),
            "{}",
            case["what"]
        );
    }
}

#[test]
fn statements_are_read_as_they_always_were() {
    let file = vectors!("statement/accepted.json");
    for case in rows(&file, "cases", 8) {
        let statement = Statement::parse(text(case, "note").as_bytes()).unwrap();
        assert_eq!(statement.id().to_string(), text(case, "statement"));
        assert_eq!(statement.statement_type(), text(case, "type"));
        assert_eq!(Some(statement.version()), case["v"].as_u64());
        assert_eq!(statement.publisher(), case["publisher"].as_str());
        assert_eq!(statement.project(), case["project"].as_str());
        assert_eq!(id_or_null(statement.follows()), case["follows"]);
        assert_eq!(statement.chain().to_string(), text(case, "chain"));
        let vkeys = rows(case, "signed_by", statement.signatures().len());
        for (signature, vkey) in statement.signatures().iter().zip(vkeys) {
            let vkey = Vkey::parse(vkey.as_str().unwrap()).unwrap();
            assert!(
                signature.names(&vkey)
                    && vkey.verify(statement.text().as_bytes(), &signature.bytes),
                "{case}"
            );
        }
    }
}

#[test]
fn what_is_no_statement_never_becomes_one() {
    let file = vectors!("statement/refused.json");
    for case in rows(&file, "cases", 55) {
        let error = Statement::parse(text(case, "note").as_bytes()).expect_err(text(case, "what"));
        let told = (error.code(), error.pointer());
        assert_eq!(
            told,
            (text(case, "code"), case["pointer"].as_str()),
            "{}: {error}",
            case["what"]
        );
    }
}

#[test]
fn test_keys_are_those_of_their_seeds_and_sign_alike() {
    let file = vectors!("keys/keys.json");
    let mut signers = Vec::new();
    for key in rows(&file, "keys", 10) {
        let seed: [u8; 32] = hex::decode(text(key, "secret_seed_hex"))
            .unwrap()
            .try_into()
            .unwrap();
        let signer = Signer::from_seed(text(key, "name"), &seed).unwrap();
        assert_eq!(signer.vkey().to_string(), text(key, "vkey"));
        assert_eq!(
            hex::encode(signer.vkey().public_key()),
            text(key, "public_key_hex")
        );
        assert_eq!(
            format!("{:08x}", signer.vkey().key_id()),
            text(key, "key_id_hex")
        );
        signers.push(signer);
    }
    // Ed25519 has no randomness (RFC 8032 §5.1.6): signing again gives the same bytes.
    for statement in replay().0 {
        let by = |s: &crate::tlog::note::Signature| {
            signers
                .iter()
                .find(|signer| s.names(signer.vkey()))
                .unwrap()
        };
        let by: Vec<&Signer> = statement.signatures().iter().map(by).collect();
        assert_eq!(sign_statement(statement.text(), &by).unwrap(), statement);
    }
}

#[test]
fn keys_in_force_follow_from_the_records() {
    let (statements, keys, _) = replay();
    let file = vectors!("keys/in_force.json");
    for (size, row) in (0..).zip(rows(&file, "sizes", 9)) {
        assert_eq!(row["size"].as_u64(), Some(size));
        let listed: Vec<(&str, &str)> = row["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| (text(key, "role"), text(key, "vkey")))
            .collect();
        let vkeys: Vec<(&str, String)> = keys
            .in_force_at(size)
            .map(|key| (key.role.as_str(), key.vkey.to_string()))
            .collect();
        assert_eq!(
            listed,
            vkeys
                .iter()
                .map(|(role, vkey)| (*role, vkey.as_str()))
                .collect::<Vec<_>>()
        );
        if size > 0 {
            let set = keys.authority_at(size);
            let wanted: Vec<Value> = set
                .vkeys
                .iter()
                .map(|vkey| vkey.to_string().into())
                .collect();
            assert_eq!(
                row["authority"],
                serde_json::json!({ "threshold": set.threshold, "vkeys": wanted })
            );
        }
        // The keys in force at an earlier size, asked of the newest state, are those that a state of that size had.
        if let Some((genesis, rest)) = statements[..usize::try_from(size).unwrap()].split_first() {
            let mut then = KeyState::from_genesis(genesis).unwrap();
            for (index, statement) in (1..).zip(rest) {
                then.apply(index, statement).unwrap();
            }
            let then: Vec<String> = then
                .in_force_at(size)
                .map(|key| key.vkey.to_string())
                .collect();
            assert_eq!(
                then,
                vkeys
                    .iter()
                    .map(|(_, vkey)| vkey.clone())
                    .collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn changes_of_keys_are_taken_and_refused_as_they_always_were() {
    let (_, keys, _) = replay();
    let file = vectors!("keys/changes.json");
    let apply = |case: &Value| {
        keys.clone()
            .apply(8, &Statement::parse(text(case, "note").as_bytes()).unwrap())
    };
    for case in rows(&file, "accepted", 5) {
        assert_eq!(apply(case), Ok(()), "{}", case["what"]);
    }
    for case in rows(&file, "refused", 19) {
        let error = apply(case).expect_err(text(case, "what"));
        assert_eq!(
            error.code(),
            text(case, "code"),
            "{}: {error}",
            case["what"]
        );
    }
}

#[test]
fn commitments_are_the_same_hashes_for_ever() {
    let file = vectors!("commitment/commitments.json");
    for case in rows(&file, "cases", 8) {
        let salt = hex::decode(text(case, "salt")).unwrap().try_into().unwrap();
        let opening = Opening {
            salt,
            value: text(case, "value").to_owned(),
        };
        let place = Place {
            ledger: text(case, "ledger"),
            publisher: text(case, "publisher"),
            project: text(case, "project"),
            pointer: text(case, "pointer"),
        };
        assert_eq!(opening.commit(&place).to_string(), text(case, "commitment"));
    }
    let statements = replay().0;
    let statement = statements
        .iter()
        .find(|s| s.id().to_string() == text(&file, "statement_of_the_first_two"));
    let openings = Openings::parse(file["openings"].to_string().as_bytes()).unwrap();
    assert_eq!(
        (openings.len(), openings.check(statement.unwrap())),
        (2, Ok(()))
    );
    assert!(openings.check(&statements[6]).is_err());
}
