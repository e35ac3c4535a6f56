//! Danger: a receipt written today is refused in ten years, because a byte of its form changed unseen.
//!
//! `tests/vectors/receipt` was written once, by the ledger of [`World`] with its fixed keys and clock. It is never written again.

use mingzhang::store::Store;
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::statement::sign_statement;
use mingzhang::verify::{Step, verify};

use super::world::{World, post};

const RECEIPT: &[u8] = include_bytes!("../vectors/receipt/record-2.tlog-proof");
const POLICY: &[u8] = include_bytes!("../vectors/receipt/policy");

#[tokio::test]
async fn the_ledger_still_writes_the_receipt_of_the_vector() {
    let (world, store) = (World::new(), Store::memory());
    let ledger = world.create(&store).await;
    // The vector is older than the fields of kinds, and its statement has none.
    let text = world.trade_text("A-1", None, "韶山市示例公告");
    let (head, _) = text.split_once("\"details\":{").unwrap();
    let text = format!("{head}\"details\":{{}}}}\n");
    let statement = sign_statement(&text, &[&world.centre]).unwrap();
    let posted = post(&ledger, &statement).await;
    assert_eq!(posted.receipt, String::from_utf8_lossy(RECEIPT));
}

#[test]
fn the_vector_verifies_and_no_bit_of_it_can_change() {
    let policies = [Policy::parse(POLICY).unwrap()];
    let record = verify(RECEIPT, &policies).unwrap();
    assert_eq!(record.header().index, 2);
    let mut refused = 0;
    for at in 0..RECEIPT.len() {
        for bit in 0..8 {
            let mut changed = RECEIPT.to_vec();
            changed[at] ^= 1 << bit;
            assert!(verify(&changed, &policies).is_err(), "byte {at}, bit {bit}");
            refused += 1;
        }
    }
    assert_eq!(refused, RECEIPT.len() * 8);
}

/// Each binding has a case that dies without it.
#[test]
fn every_step_refuses_what_it_is_there_for() {
    let check = |receipt: &str, policy: &str, step: Step| {
        let failure = verify(
            receipt.as_bytes(),
            &[Policy::parse(policy.as_bytes()).unwrap()],
        )
        .unwrap_err();
        assert_eq!(failure.step(), step, "{failure}");
    };
    let (receipt, policy) = (
        std::str::from_utf8(RECEIPT).unwrap(),
        std::str::from_utf8(POLICY).unwrap(),
    );
    check("", policy, Step::Form);
    check(&receipt.replace("extra ", "other "), policy, Step::Form);
    // Another ledger's policy; ours without a pin; ours with another pin.
    let world = World::new();
    let other = mingzhang::tlog::note::Signer::from_seed("other.example", &world.log).unwrap();
    let other = Policy::new(other.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id)
        .encode();
    check(receipt, &other, Step::Policy);
    let unpinned: String = policy
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    check(receipt, &unpinned, Step::Policy);
    let pin = world.genesis_id.to_string();
    check(receipt, &policy.replace(&pin, &"0".repeat(64)), Step::Keys);
    // The same name with another key, and a retired policy.
    let impostor =
        mingzhang::tlog::note::Signer::from_seed(super::world::ORIGIN, &[0x55; 32]).unwrap();
    let impostor = Policy::new(impostor.vkey().clone(), None)
        .unwrap()
        .with_genesis(world.genesis_id)
        .encode();
    check(receipt, &impostor, Step::Checkpoint);
    check(
        receipt,
        &format!("# mingzhang until 2\n{policy}"),
        Step::Policy,
    );
    // Another place in the tree.
    check(
        &receipt.replace("\nindex 2\n", "\nindex 1\n"),
        policy,
        Step::Inclusion,
    );
}
