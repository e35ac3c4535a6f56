//! What breaks if a witness errs: two people hold receipts of two histories, and both verify.

use std::sync::{Arc, Barrier};

use super::*;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature;
use crate::tlog::note::Signer;
use crate::tlog::tile::Edge;

const ORIGIN: &str = "ledger.example/log";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn cosigner() -> Cosigner {
    Cosigner::from_seed("witness.example/w", &[2; 32]).unwrap()
}

fn witness(folder: &Path) -> Result<Witness, StateError> {
    let watched = Watched {
        origin: ORIGIN.to_owned(),
        vkeys: vec![signer().vkey().clone()],
    };
    Witness::open(folder, cosigner(), &[watched])
}

/// A log of entries that begin with `mark`: another mark, another history.
fn entry(mark: u8, n: u64) -> Vec<u8> {
    [&[mark][..], &n.to_be_bytes()].concat()
}

fn tree(mark: u8, size: u64) -> Tree {
    let mut edge = Edge::empty();
    let entries: Vec<Vec<u8>> = (0..size).map(|n| entry(mark, n)).collect();
    edge.append(&entries);
    edge.tree()
}

fn request(mark: u8, old_size: u64, size: u64) -> AddCheckpoint {
    let leaf = |n: u64| crate::tlog::merkle::leaf_hash(&entry(mark, n));
    let proof = if old_size == 0 || old_size == size {
        Vec::new()
    } else {
        let hash = |range: std::ops::Range<u64>| range_of(range, &leaf);
        let siblings = crate::tlog::merkle::consistency_siblings(old_size, size);
        siblings.into_iter().map(hash).collect()
    };
    let text = Checkpoint::new(ORIGIN, tree(mark, size)).encode();
    AddCheckpoint {
        old_size,
        proof,
        checkpoint: signer().sign_note(text).encode(),
    }
}

fn range_of(range: std::ops::Range<u64>, leaf: &dyn Fn(u64) -> Hash) -> Hash {
    let size = range.end - range.start;
    if size == 1 {
        return leaf(range.start);
    }
    let mid = range.start + size.next_power_of_two() / 2;
    crate::tlog::merkle::node_hash(
        &range_of(range.start..mid, leaf),
        &range_of(mid..range.end, leaf),
    )
}

#[track_caller]
fn status(answer: Result<Signature, AddError>) -> u16 {
    match answer {
        Ok(_) => 200,
        Err(AddError::Refused(refusal)) => refusal.status(),
        Err(_) => 500,
    }
}

#[test]
fn a_growing_log_is_cosigned_and_the_state_survives() {
    let folder = tempfile::tempdir().unwrap();
    let first = witness(folder.path()).unwrap();
    let line = first.add(&request(b'a', 0, 3), 100).unwrap();
    let text = Checkpoint::new(ORIGIN, tree(b'a', 3)).encode();
    let vkey = cosigner().vkey().clone();
    assert_eq!(cosignature::verify(&vkey, &text, &line.bytes), Some(100));
    // The same size again is dated anew.
    let line = first.add(&request(b'a', 3, 3), 700).unwrap();
    assert_eq!(cosignature::verify(&vkey, &text, &line.bytes), Some(700));
    drop(first);

    let again = witness(folder.path()).unwrap();
    assert_eq!(again.seen(ORIGIN), Some(tree(b'a', 3)));
    assert_eq!(status(again.add(&request(b'a', 0, 7), 800)), 409);
    assert_eq!(status(again.add(&request(b'a', 3, 7), 800)), 200);
    assert_eq!(status(again.add(&request(b'a', 3, 5), 800)), 409);
    let shown = again.checkpoint(&origin_hash(ORIGIN)).unwrap();
    assert!(shown.starts_with(&Checkpoint::new(ORIGIN, tree(b'a', 7)).encode()));
    assert_eq!(again.checkpoint(&origin_hash("other")), None);
}

#[test]
fn a_forked_log_is_never_cosigned_and_the_evidence_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path()).unwrap();
    assert_eq!(status(witness.add(&request(b'a', 0, 5), 100)), 200);
    assert_eq!(status(witness.add(&request(b'b', 5, 5), 100)), 422);
    assert_eq!(status(witness.add(&request(b'b', 5, 9), 100)), 422);
    assert_eq!(status(witness.add(&request(b'b', 0, 9), 100)), 409);
    assert_eq!(witness.seen(ORIGIN), Some(tree(b'a', 5)));
    let kept: Vec<_> = std::fs::read_dir(folder.path().join("evidence"))
        .unwrap()
        .collect();
    assert_eq!(kept.len(), 1);
    let text = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    for mark in [b'a', b'b'] {
        let root = tree(mark, 5).root_hash.to_base64();
        assert!(text.contains(&root), "{text}");
    }
    assert_eq!(status(witness.add(&request(b'a', 5, 9), 100)), 200);
}

#[test]
fn eight_clients_race_and_one_history_wins() {
    let folder = tempfile::tempdir().unwrap();
    let witness = Arc::new(witness(folder.path()).unwrap());
    for round in 0..20 {
        let old_size = witness.seen(ORIGIN).unwrap().size;
        let barrier = Arc::new(Barrier::new(8));
        let clients: Vec<_> = (0..8u64)
            .map(|client| {
                let (witness, barrier) = (witness.clone(), barrier.clone());
                // Half of them speak for another history of the same log key.
                let mark = if client % 2 == 0 { b'a' } else { b'b' };
                let request = request(mark, old_size, old_size + 1 + client % 4);
                std::thread::spawn(move || {
                    barrier.wait();
                    witness.add(&request, 100 + round).map(|_| request)
                })
            })
            .collect();
        let answers = clients.into_iter().map(|client| client.join().unwrap());
        let cosigned = answers.filter_map(Result::ok).collect::<Vec<_>>();
        // All eight start from one size: after the first, the others' old size is stale.
        assert_eq!(cosigned.len(), 1, "round {round}");
        let seen = witness.seen(ORIGIN).unwrap();
        assert!(seen.size > old_size);
        assert!(cosigned[0].checkpoint.contains(&seen.root_hash.to_base64()));
    }
}

#[test]
fn two_processes_never_share_a_state() {
    let folder = tempfile::tempdir().unwrap();
    let first = witness(folder.path()).unwrap();
    assert!(matches!(
        witness(folder.path()),
        Err(StateError::InUse { .. })
    ));
    drop(first);
    witness(folder.path()).unwrap();
}

#[test]
fn a_damaged_or_foreign_state_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let first = witness(folder.path()).unwrap();
    first.add(&request(b'a', 0, 3), 100).unwrap();
    drop(first);
    let path = folder
        .path()
        .join(format!("{}.checkpoint", origin_hash(ORIGIN)));
    let good = std::fs::read_to_string(&path).unwrap();
    let unsigned = good.lines().take(5).map(|line| format!("{line}\n"));
    for bad in [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("\n3\n", "\n2\n"),
        unsigned.collect(),
    ] {
        std::fs::write(&path, &bad).unwrap();
        assert!(witness(folder.path()).is_err(), "{bad}");
    }
    std::fs::write(&path, &good).unwrap();
    let other = Cosigner::from_seed("witness.example/w", &[3; 32]).unwrap();
    let watched = Watched {
        origin: ORIGIN.to_owned(),
        vkeys: vec![signer().vkey().clone()],
    };
    assert!(matches!(
        Witness::open(folder.path(), other, std::slice::from_ref(&watched)),
        Err(StateError::Foreign { .. })
    ));
    assert!(matches!(
        Witness::open(folder.path(), cosigner(), &[watched.clone(), watched]),
        Err(StateError::Twice { .. })
    ));
    witness(folder.path()).unwrap();
}

#[test]
fn a_clock_that_went_back_cosigns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path()).unwrap();
    witness.add(&request(b'a', 0, 3), 1_000).unwrap();
    assert!(matches!(
        witness.add(&request(b'a', 3, 4), 994),
        Err(AddError::Clock {
            now: 994,
            last: 1_000
        })
    ));
    let line = witness.add(&request(b'a', 3, 4), 995).unwrap();
    let text = Checkpoint::new(ORIGIN, tree(b'a', 4)).encode();
    let timestamp = cosignature::verify(cosigner().vkey(), &text, &line.bytes);
    assert_eq!(timestamp, Some(1_000), "a time never goes back");
}

#[test]
fn what_cannot_be_kept_is_not_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path()).unwrap();
    // A folder where the file is to be written: the write fails as on a bad disk.
    let beside = folder.path().join(format!("{}.new", origin_hash(ORIGIN)));
    std::fs::create_dir(&beside).unwrap();
    assert_eq!(status(witness.add(&request(b'a', 0, 3), 100)), 500);
    std::fs::remove_dir(&beside).unwrap();
    assert_eq!(
        status(witness.add(&request(b'a', 0, 3), 100)),
        500,
        "until it is started again, what is on disk is not known"
    );
    assert_eq!(witness.seen(ORIGIN), Some(Tree::EMPTY));
}
