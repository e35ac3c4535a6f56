//! Danger: a verifier that forgets one comparison accepts a forgery that is right in all others. Each row is a receipt made with the right keys
//! of its attacker, wrong in one binding only; without that comparison in `verify` the row would pass.

use bytes::Bytes;
use mingzhang::receipt::Receipt;
use mingzhang::store::{LogReader, Source};
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::cosignature::Cosigner;
use mingzhang::tlog::merkle::{Hash, Tree};
use mingzhang::tlog::note::{Note, Signer};
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::witness::{self, AddCheckpoint, Refusal};
use mingzhang::trade::statement::sign_statement;
use mingzhang::verify::{Step, VerifyError, verify};

use super::forge::{Forger, good_log, log_signer, other_text, policy, signed};
use super::world::{CENTRE, ORIGIN, World};

/// The receipt of a record of a forged log, by the notes given.
async fn receipt(world: &World, forger: &Forger, index: u64, evidence: &[Vec<u8>]) -> Receipt {
    let store = forger.publish(world).await;
    let tree = forger.tree_at(forger.next());
    let reader = LogReader::new(Source::Store(store));
    let (_, proof) = reader.prove_inclusion(&tree, index).await.unwrap();
    Receipt {
        index,
        proof,
        checkpoint: String::from_utf8(signed(world, tree).to_vec()).unwrap(),
        entry: Bytes::from(forger.entries[usize::try_from(index).unwrap()].clone()),
        evidence: evidence.iter().cloned().map(Bytes::from).collect(),
    }
}

fn judge(receipt: &Receipt, policy: &Policy) -> Result<(), VerifyError> {
    verify(receipt.encode().as_bytes(), std::slice::from_ref(policy)).map(|_| ())
}

#[track_caller]
fn refused(what: &str, receipt: &Receipt, policy: &Policy, step: Step) -> VerifyError {
    match judge(receipt, policy) {
        Ok(()) => panic!("{what}: accepted"),
        Err(error) => {
            assert_eq!(error.step(), step, "{what}: {error:?}");
            error
        }
    }
}

#[tokio::test]
async fn the_entry_is_bound_to_its_place_tree_log_and_ledger() {
    let world = World::new();
    let mut forger = Forger::new(&world);
    let statement = world.trade("A-1", None, "one");
    let index = forger.log(statement.note());
    let other = forger.log(world.trade("A-2", None, "two").note());
    let (notes, policy) = (world.first_notes(), policy(&world));
    let good = receipt(&world, &forger, index, &notes).await;
    judge(&good, &policy).unwrap();

    // This entry: another one, also of this log, under the proof of this place.
    let mut bent = good.clone();
    bent.entry = Bytes::from(forger.entries[usize::try_from(other).unwrap()].clone());
    refused("another entry", &bent, &policy, Step::Inclusion);
    // One bit of it, outside of what the publisher signed: the ledger's time.
    let mut header = good.entry.to_vec();
    let at = header.iter().position(|byte| *byte == b'Z').unwrap() - 1;
    header[at] ^= 1;
    bent.entry = Bytes::from(header);
    refused("another time", &bent, &policy, Step::Inclusion);
    // Index: another place.
    let bent = Receipt {
        index: other,
        ..good.clone()
    };
    refused("another index", &bent, &policy, Step::Inclusion);
    // Index inside the entry: logged under a header that says another one.
    let mut lying = Forger::new(&world);
    let mut header = lying.header();
    header.index += 1;
    let lied = lying.log_as(&header, statement.note());
    let bent = receipt(&world, &lying, lied, &notes).await;
    let error = refused("a lying header", &bent, &policy, Step::Record);
    assert!(matches!(
        error,
        VerifyError::Index {
            found: 3,
            wanted: 2
        }
    ));
    // Root: a checkpoint of another tree of that size, signed by the same log key.
    let mut fork = Forger::new(&world);
    fork.log(world.trade("A-1", None, "changed afterwards").note());
    fork.log(world.trade("A-2", None, "two").note());
    let bent = Receipt {
        checkpoint: String::from_utf8(signed(&world, fork.tree_at(4)).to_vec()).unwrap(),
        ..good.clone()
    };
    refused("another root", &bent, &policy, Step::Inclusion);
    // Size: the same root under another size.
    let mut tree = forger.tree_at(4);
    tree.size = 5;
    let bent = Receipt {
        checkpoint: String::from_utf8(signed(&world, tree).to_vec()).unwrap(),
        ..good.clone()
    };
    refused("another size", &bent, &policy, Step::Inclusion);

    // Origin: the same tree as another log's, whose operator has a key of his own; the reader trusts both logs.
    let other_log = Signer::from_seed("other.example", &[9; 32]).unwrap();
    let elsewhere = Checkpoint::new("other.example", forger.tree_at(4)).encode();
    let elsewhere = other_log.sign_note(elsewhere).encode();
    let both = format!(
        "# mingzhang genesis {}\nlog {}\nlog {}\nquorum none\n",
        world.genesis_id,
        log_signer(&world).vkey(),
        other_log.vkey()
    );
    let both = Policy::parse(both.as_bytes()).unwrap();
    judge(&good, &both).unwrap();
    let bent = Receipt {
        checkpoint: elsewhere.clone(),
        ..good.clone()
    };
    let error = refused("another log's tree", &bent, &both, Step::Signature);
    assert!(matches!(error, VerifyError::Ledger { .. }), "{error:?}");
    refused("a log nobody named", &bent, &policy, Step::Policy);
    // Origin and key: that log's key under this log's name.
    let text = Checkpoint::new(ORIGIN, forger.tree_at(4)).encode();
    let bent = Receipt {
        checkpoint: other_log.sign_note(text).encode(),
        ..good.clone()
    };
    refused("another log's key", &bent, &both, Step::Checkpoint);

    // Ledger: a statement made for another ledger, logged here.
    let text = world
        .trade_text("A-3", None, "for elsewhere")
        .replace(ORIGIN, "ledger.example/elsewhere");
    let foreign = sign_statement(&text, &[&world.centre]).unwrap();
    let mut forger = Forger::new(&world);
    let index = forger.log(foreign.note());
    let bent = receipt(&world, &forger, index, &notes).await;
    let error = refused("another ledger", &bent, &policy, Step::Signature);
    assert!(matches!(error, VerifyError::Ledger { .. }), "{error:?}");
}

/// Danger: it is believed that a receipt binds the size of its tree in every case. Where a proof at the next size has the same form it does not,
/// and what is left is that no honest witness cosigns such a size, whatever proof it is shown.
#[tokio::test]
async fn a_size_that_no_proof_leads_to_is_cosigned_by_nobody() {
    let world = World::new();
    let forger = good_log(&world, 3, 2);
    let size = forger.next() - 1;
    let (true_tree, longer) = (forger.tree_at(size), forger.tree_at(size + 1));
    assert_eq!(
        size, 7,
        "of 7 and of 8 leaves a proof for index 2 has three hashes"
    );
    let lie = Tree {
        size: size + 1,
        ..true_tree
    };
    let store = forger.publish(&world).await;
    let reader = LogReader::new(Source::Store(store));
    let proof = reader.prove_inclusion_at(&longer, 2, size).await.unwrap();
    let checkpoint = |tree: Tree| String::from_utf8(signed(&world, tree).to_vec()).unwrap();
    let receipt = Receipt {
        index: 2,
        proof,
        checkpoint: checkpoint(lie),
        entry: Bytes::from(forger.entries[2].clone()),
        evidence: world.first_notes().into_iter().map(Bytes::from).collect(),
    };
    judge(&receipt, &policy(&world)).unwrap();

    let key = log_signer(&world).vkey().clone();
    let honest = reader
        .prove_consistency(size, size + 1, &longer)
        .await
        .unwrap();
    for proof in [Vec::new(), honest.clone(), receipt.proof.clone()] {
        let ask = |tree: Tree, proof: &[Hash]| {
            let request = AddCheckpoint {
                old_size: size,
                proof: proof.to_vec(),
                checkpoint: checkpoint(tree),
            };
            witness::judge(&request, ORIGIN, &[&key], &true_tree).map(drop)
        };
        assert!(matches!(ask(lie, &proof), Err(Refusal::Proof { .. })));
        ask(longer, &honest).unwrap();
    }
}

#[tokio::test]
async fn the_signature_is_bound_to_a_key_that_follows_from_the_pinned_genesis() {
    let world = World::new();
    let notes = world.first_notes();
    let policy = policy(&world);
    let statement = world.trade("A-1", None, "one");
    let mut forger = Forger::new(&world);
    let index = forger.log(statement.note());
    let good = receipt(&world, &forger, index, &notes).await;
    judge(&good, &policy).unwrap();
    let with = |evidence: &[&[u8]]| Receipt {
        evidence: evidence
            .iter()
            .map(|note| Bytes::copy_from_slice(note))
            .collect(),
        ..good.clone()
    };

    // Policy: the genesis is pinned, whole.
    let mut other = World::new();
    other.authority = (7..10u8)
        .map(|at| Signer::from_seed(&format!("authority-{at}.example"), &[at; 32]).unwrap())
        .collect();
    let vkeys: Vec<String> = other
        .authority
        .iter()
        .map(|signer| format!("\"{}\"", signer.vkey()))
        .collect();
    let set = world.genesis.find("\"vkeys\":[").unwrap();
    let end = world.genesis[set..].find(']').unwrap() + set;
    other.genesis = format!(
        "{}\"vkeys\":[{}{}",
        &world.genesis[..set],
        vkeys.join(","),
        &world.genesis[end..]
    );
    other.genesis_id = mingzhang::tlog::merkle::Hash::sha256(other.genesis.as_bytes());
    let forged = other.first_notes();
    let bent = with(&[&forged[0], &forged[1]]);
    refused("authorities of somebody's own", &bent, &policy, Step::Keys);
    // Evidence: an admission by one authority where two must sign; by authorities of another genesis; of another ledger.
    let admit = String::from_utf8(notes[1].clone()).unwrap();
    let text = format!("{}\n", admit.lines().next().unwrap());
    let one = world.authority_note(&text, &[1]);
    refused("one of two", &with(&[&notes[0], &one]), &policy, Step::Keys);
    let strangers = other.authority_note(&text, &[0, 1]);
    let bent = with(&[&notes[0], &strangers]);
    refused("strangers", &bent, &policy, Step::Keys);
    let elsewhere = text.replace(ORIGIN, "ledger.example/elsewhere");
    let elsewhere = world.authority_note(&elsewhere, &[1, 2]);
    let bent = with(&[&notes[0], &elsewhere]);
    refused("another ledger's key note", &bent, &policy, Step::Keys);
    let bent = with(&[&notes[0], &notes[1], statement.note()]);
    refused("evidence that is none", &bent, &policy, Step::Keys);
    let bent = with(&[&notes[1], &notes[0]]);
    refused("evidence in another order", &bent, &policy, Step::Keys);

    // Key: not admitted by the evidence; revoked in it; another one under the same name; one that may not say this.
    let bent = with(&[&notes[0]]);
    refused("no admission", &bent, &policy, Step::Signature);
    let admitting = mingzhang::trade::statement::Statement::parse(&notes[1]).unwrap();
    let revoke = format!(
        "{{\"op\":\"revoke\",\"vkey\":\"{}\",\"reason\":\"stolen\"}}",
        world.centre.vkey()
    );
    let revoke = world.authority_note(&world.key_text(&admitting.id(), &revoke), &[0, 1]);
    let bent = with(&[&notes[0], &notes[1], &revoke]);
    refused("revoked", &bent, &policy, Step::Signature);
    let impostor = Signer::from_seed(CENTRE, &[0x55; 32]).unwrap();
    let by_impostor = sign_statement(&world.trade_text("A-1", None, "one"), &[&impostor]).unwrap();
    let by_centre = |statement_type: &str| {
        let text = other_text(statement_type, CENTRE, None);
        sign_statement(&text, &[&world.centre]).unwrap()
    };
    // Another statement's signature under this text: the line is well-formed and by the right key.
    let line = world.trade("A-1", None, "two");
    let mut moved = Note::parse(statement.note()).unwrap();
    moved.signatures = line.signatures().to_vec();
    for (what, note) in [
        ("an impostor", by_impostor.note().to_vec()),
        (
            "a centre that endorses",
            by_centre("endorse").note().to_vec(),
        ),
        (
            "a centre that announces",
            by_centre("notice").note().to_vec(),
        ),
        ("another text's signature", moved.encode().into_bytes()),
    ] {
        let mut forger = Forger::new(&world);
        let index = forger.log(&note);
        let bent = receipt(&world, &forger, index, &notes).await;
        refused(what, &bent, &policy, Step::Signature);
    }
}

#[tokio::test]
async fn the_checkpoint_is_bound_to_the_policy_its_time_and_its_witnesses() {
    let world = World::new();
    let mut forger = Forger::new(&world);
    let index = forger.log(world.trade("A-1", None, "one").note());
    let good = receipt(&world, &forger, index, &world.first_notes()).await;
    let plain = policy(&world).encode();
    let parse = |text: &str| Policy::parse(text.as_bytes()).unwrap();
    refused(
        "a policy that ended before",
        &good,
        &parse(&format!("# mingzhang until 2\n{plain}")),
        Step::Policy,
    );
    let unpinned: String = plain
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    refused("no pin", &good, &parse(&unpinned), Step::Policy);

    // Witnesses: counted only if their line is a cosignature of this checkpoint by that key.
    let witness = Cosigner::from_seed("w.example", &[5; 32]).unwrap();
    let strict = plain.replace(
        "quorum none",
        &format!("witness w {}\nquorum w", witness.vkey()),
    );
    let strict = parse(&strict);
    let met = |receipt: &Receipt| {
        let record = verify(receipt.encode().as_bytes(), std::slice::from_ref(&strict));
        record.map(|record| record.checkpoint().quorum().met)
    };
    assert!(!met(&good).unwrap());
    let cosigned = |text: &str, by: &Cosigner| {
        let mut note = Note::parse(good.checkpoint.as_bytes()).unwrap();
        note.signatures.push(by.sign(text, 1_795_395_800));
        Receipt {
            checkpoint: note.encode(),
            ..good.clone()
        }
    };
    let text = Note::parse(good.checkpoint.as_bytes()).unwrap().text;
    assert!(met(&cosigned(&text, &witness)).unwrap());
    let stranger = Cosigner::from_seed("w.example", &[6; 32]).unwrap();
    assert!(!met(&cosigned(&text, &stranger)).unwrap());
    let other = Checkpoint::new(ORIGIN, forger.tree_at(2)).encode();
    refused(
        "a cosignature of another checkpoint",
        &cosigned(&other, &witness),
        &strict,
        Step::Checkpoint,
    );
    // The log's own key is no witness, and a witness's is no log key.
    let as_witness = Cosigner::from_seed(ORIGIN, &world.log).unwrap();
    assert!(!met(&cosigned(&text, &as_witness)).unwrap());
    let mut alone = Note::parse(cosigned(&text, &witness).checkpoint.as_bytes()).unwrap();
    alone.signatures.remove(0);
    let bent = Receipt {
        checkpoint: alone.encode(),
        ..good.clone()
    };
    refused(
        "a witness without the log",
        &bent,
        &strict,
        Step::Checkpoint,
    );
}
