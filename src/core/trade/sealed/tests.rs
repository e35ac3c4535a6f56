use serde_json::Value as Json;

use super::*;
use crate::tlog::note::{Signer, Vkey};
use crate::trade::statement::{Draft, sign_statement};
use crate::trade::time::Time;

const VECTOR: &str = include_str!("../../../../tests/vectors/sealed/register.json");

fn signer() -> Signer {
    Signer::from_seed("ggzy.shaoshan.example", &[1; 32]).unwrap()
}

fn vkeys() -> Vec<Vkey> {
    vec![signer().vkey().clone()]
}

/// A centre with two bids, its register, and everything needed to cheat.
struct Centre {
    lot: Lot,
    slots: u32,
    seed: [u8; 32],
    seed_salt: [u8; 32],
    bids: Vec<Bid>,
}

impl Centre {
    fn of_vector() -> (Centre, Json) {
        let vector: Json = serde_json::from_str(VECTOR).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let hash = |name: &str| Hash::from_hex(&text(name)).unwrap().0;
        let bids = vector["bids"].as_array().unwrap();
        let centre = Centre {
            lot: Lot {
                ledger: text("ledger"),
                publisher: text("publisher"),
                project: text("project"),
                lot: text("lot"),
            },
            slots: 16,
            seed: hash("seed"),
            seed_salt: hash("seed_salt"),
            bids: bids
                .iter()
                .map(|bid| Bid::from_line(&bid.to_string(), 1).unwrap())
                .collect(),
        };
        (centre, vector)
    }

    fn new() -> Centre {
        Centre::of_vector().0
    }

    fn sealed(&self) -> Sealed {
        Sealed::new(&self.lot, self.slots, &self.seed, &self.bids).unwrap()
    }

    /// The register as anybody reads it out of the centre's signed statement.
    fn register(&self) -> Register {
        let text = format!(
            r#"{{"type":"trade","v":1,"project":"{}","lots":["1"],"ref":"r-1","stage":"process","kind":"bid_register","category":"construction","title":"t","region":"430382","issued":"2026-12-20T09:00:00+08:00","details":{{"sealed":[{{"lot":"1","slots":{},"root":"{}","seed":{{"commitment":"{}","class":"not_yet"}}}}]}}}}"#,
            self.lot.project,
            self.slots,
            self.sealed().root(),
            seed_opening(&self.seed, &self.seed_salt).commit(&Place {
                ledger: &self.lot.ledger,
                publisher: &self.lot.publisher,
                project: &self.lot.project,
                pointer: "/details/sealed/0/seed",
            })
        );
        let mut draft = Draft::parse(text.as_bytes()).unwrap();
        draft
            .fill(&self.lot.ledger, &self.lot.publisher, None)
            .unwrap();
        let statement = sign_statement(&draft.text().unwrap(), &[&signer()]).unwrap();
        Register::read(&statement, "1").unwrap()
    }

    fn opening(&self) -> Opening {
        Opening {
            register: self.register().statement,
            seed: self.seed,
            seed_salt: self.seed_salt,
            bids: self.bids.clone(),
            not_decrypted: Vec::new(),
        }
    }

    fn receipt(&self, at: usize) -> BidReceipt {
        BidReceipt {
            lot: self.lot.clone(),
            slots: self.slots,
            bid: self.bids[at].clone(),
        }
    }

    fn path(&self, at: usize) -> Path {
        let slot = self.bids[at].slot;
        Path {
            register: self.register().statement,
            slot,
            proof: self.sealed().path(slot),
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_known_answer() {
    let (centre, vector) = Centre::of_vector();
    for bid in &centre.bids {
        assert_eq!(
            bid.leaf(&centre.lot).to_string(),
            vector["leaves"][bid.slot.to_string()]
        );
    }
    assert_eq!(empty_leaf(&centre.seed, 0).to_string(), vector["empty_0"]);
    assert_eq!(centre.sealed().root().to_string(), vector["root"]);
    assert_eq!(
        centre.register().seed.to_string(),
        vector["seed_commitment"]
    );
    let path: Vec<String> = centre
        .sealed()
        .path(4)
        .iter()
        .map(Hash::to_string)
        .collect();
    assert_eq!(Json::from(path), vector["path_4"]);
}

#[test]
fn an_honest_centre_is_believed() {
    let centre = Centre::new();
    let (register, opening) = (centre.register(), centre.opening());
    for at in [0, 1] {
        check_path(&centre.receipt(at), &register, &centre.path(at)).unwrap();
        assert_eq!(
            check_bid(&centre.receipt(at), &register, &opening),
            Ok(true)
        );
    }
    let opened = check_opening(&register, &opening, None).unwrap();
    assert_eq!(
        (opened.bids, opened.not_decrypted, opened.empty),
        (2, 0, 14)
    );
    assert!(opened.several.is_empty() && opened.late.is_empty());
}

#[test]
fn a_bid_that_was_not_decrypted_is_listed_with_its_leaf() {
    let centre = Centre::new();
    let mut opening = centre.opening();
    let kept = opening.bids.pop().unwrap();
    opening.not_decrypted = vec![(kept.slot, kept.leaf(&centre.lot))];
    let opened = check_opening(&centre.register(), &opening, None).unwrap();
    assert_eq!((opened.bids, opened.not_decrypted), (1, 1));
    assert_eq!(
        check_bid(&centre.receipt(1), &centre.register(), &opening),
        Ok(false)
    );
}

/// What a cheating centre publishes, and what each side says of it: anybody with the register, and the first bidder alone.
fn check_cheat(
    what: &str,
    honest: &Centre,
    register: &Register,
    opening: &Opening,
    anybody: Option<&str>,
    bidder: Option<&str>,
) {
    let public = check_opening(register, opening, None).err();
    let alone = check_bid(&honest.receipt(0), register, opening).err();
    let name = |fault: Option<String>| {
        fault.map(|fault| fault.split([' ', '{', '(']).next().unwrap().to_owned())
    };
    assert_eq!(
        name(public.map(|fault| format!("{fault:?}"))).as_deref(),
        anybody,
        "{what}: anybody"
    );
    assert_eq!(
        name(alone.map(|fault| format!("{fault:?}"))).as_deref(),
        bidder,
        "{what}: bidder"
    );
}

#[test]
fn six_cheats_are_found_out() {
    let honest = Centre::new();
    let register = honest.register();

    // 1. A bid that is in the register is dropped at the opening.
    let mut opening = honest.opening();
    opening.bids.remove(0);
    check_cheat(
        "dropped",
        &honest,
        &register,
        &opening,
        Some("Root"),
        Some("Dropped"),
    );

    // 2. A bid is added after the register.
    let mut opening = honest.opening();
    opening.bids.push(Bid {
        slot: 6,
        ..honest.bids[1].clone()
    });
    check_cheat("added", &honest, &register, &opening, Some("Root"), None);

    // 3. A bid's file is swapped for another after the register.
    let mut opening = honest.opening();
    opening.bids[0].file = Hash::sha256(b"a better price");
    check_cheat(
        "swapped",
        &honest,
        &register,
        &opening,
        Some("Root"),
        Some("Swapped"),
    );

    // 4. The register itself was made without the bid that the receipt is for: all fits, save the bidder's receipt.
    let mut forged = Centre::new();
    forged.bids.remove(0);
    check_cheat(
        "left out of the register",
        &honest,
        &forged.register(),
        &forged.opening(),
        None,
        Some("Dropped"),
    );
    let path = Path {
        register: forged.register().statement,
        slot: 4,
        proof: forged.sealed().path(4),
    };
    assert_eq!(
        check_path(&honest.receipt(0), &forged.register(), &path),
        Err(BidFault::NotInRegister { slot: 4 })
    );

    // 5. Another seed than the committed one, so that "empty" can mean anything.
    let mut opening = honest.opening();
    opening.seed = [9; 32];
    check_cheat(
        "another seed",
        &honest,
        &register,
        &opening,
        Some("Seed"),
        None,
    );

    // 6. The bid is called undecryptable under a leaf that is not its own, or an empty slot is called a bid.
    let mut opening = honest.opening();
    opening.bids.remove(0);
    opening.not_decrypted = vec![(4, Hash::sha256(b"some leaf"))];
    check_cheat(
        "another leaf",
        &honest,
        &register,
        &opening,
        Some("Root"),
        Some("Swapped"),
    );
    let mut opening = honest.opening();
    opening.not_decrypted = vec![(6, empty_leaf(&honest.seed, 6))];
    check_cheat("phantom", &honest, &register, &opening, Some("Slot"), None);
    let mut opening = honest.opening();
    opening.not_decrypted = vec![(4, honest.bids[0].leaf(&honest.lot))];
    check_cheat("twice", &honest, &register, &opening, Some("Slot"), None);

    // And the register is changed under the bidder: narrower, for another lot, or an older one opened.
    let mut other = Centre::new();
    other.slots = 32;
    check_cheat(
        "another width",
        &honest,
        &other.register(),
        &other.opening(),
        None,
        Some("Slots"),
    );
    let mut other = Centre::new();
    other.lot.project = "SSJS-2026-0002".into();
    check_cheat(
        "another project",
        &honest,
        &other.register(),
        &other.opening(),
        None,
        Some("Lot"),
    );
    check_cheat(
        "another register",
        &honest,
        &register,
        &other.opening(),
        Some("Register"),
        None,
    );
    assert!(matches!(
        check_path(&honest.receipt(0), &register, &honest.path(1)),
        Err(BidFault::OtherPath { slot: 10, .. })
    ));
}

#[test]
fn what_people_should_look_at_is_said_and_is_no_fault() {
    let mut centre = Centre::new();
    centre.bids[1].bidder = centre.bids[0].bidder.clone();
    let until = Time::parse("2026-12-20T00:00:00.000Z").unwrap();
    let opened = check_opening(&centre.register(), &centre.opening(), Some(until)).unwrap();
    assert_eq!(opened.several, [(centre.bids[0].bidder.clone(), 2)]);
    assert_eq!(
        opened.late,
        [(10, "2026-12-20T08:59:59.500+08:00".to_owned())]
    );
}

#[test]
fn nothing_public_depends_on_the_number_of_bids() {
    let none = Centre {
        bids: Vec::new(),
        ..Centre::new()
    };
    let two = Centre::new();
    // The same members of the same lengths; only digests differ.
    assert_eq!(none.register().slots, two.register().slots);
    assert_eq!(none.register().pointer, two.register().pointer);
    // A register without a new bid has another root all the same, and no sibling of a bid stays as it was.
    let again = Centre {
        seed: [5; 32],
        ..Centre::new()
    };
    assert_ne!(again.sealed().root(), two.sealed().root());
    for (before, after) in two.sealed().path(4).iter().zip(again.sealed().path(4)) {
        assert_ne!(*before, after);
    }
}

#[test]
fn slots_are_even_free_and_used_up_at_half() {
    let bids = &Centre::new().bids;
    for random in 0..100 {
        let slot = draw_slot(16, bids, random).unwrap();
        assert!(
            slot.is_multiple_of(2) && slot < 16 && slot != 4 && slot != 10,
            "{slot}"
        );
    }
    let full: Vec<Bid> = (0..8)
        .map(|n| Bid {
            slot: n * 2,
            ..bids[0].clone()
        })
        .collect();
    assert_eq!(draw_slot(16, &full, 0), Err(SealError::Full(8)));
    for slots in [0, 1, 3, 1_000, SLOTS_MAX * 2] {
        assert_eq!(draw_slot(slots, &[], 0), Err(SealError::Slots(slots)));
    }
    let lot = Centre::new().lot;
    let twice = [bids[0].clone(), bids[0].clone()];
    let seal = |slots, bids: &[Bid]| Sealed::new(&lot, slots, &[0; 32], bids).err();
    assert_eq!(seal(16, &twice), Some(SealError::Twice(4)));
    assert_eq!(seal(8, bids), Some(SealError::Slot { slot: 10, slots: 8 }));
    assert_eq!(seal(7, bids), Some(SealError::Slots(7)));
}

#[test]
fn files_say_the_same_when_read_again() {
    let centre = Centre::new();
    let receipt = centre.receipt(1);
    let note = receipt.sign(&signer());
    assert_eq!(
        BidReceipt::verify(note.as_bytes(), &vkeys()).unwrap(),
        receipt
    );
    let path = centre.path(0);
    assert_eq!(Path::parse(path.encode().as_bytes()).unwrap(), path);
    let mut opening = centre.opening();
    let kept = opening.bids.pop().unwrap();
    opening.not_decrypted = vec![(kept.slot, kept.leaf(&centre.lot))];
    assert_eq!(
        Opening::parse(opening.encode().as_bytes()).unwrap(),
        opening
    );
}

#[test]
fn a_receipt_that_the_centre_did_not_sign_is_refused() {
    let note = Centre::new().receipt(0).sign(&signer());
    let stranger = Signer::from_seed("ggzy.shaoshan.example", &[2; 32]).unwrap();
    let other_name = Signer::from_seed("ggzy.yichang.example", &[1; 32]).unwrap();
    for key in [stranger.vkey(), other_name.vkey()] {
        let refused = BidReceipt::verify(note.as_bytes(), std::slice::from_ref(key));
        assert!(matches!(refused, Err(FileError::Signature { .. })));
    }
    // Signed by the right key, but for a lot of another centre.
    let mut foreign = Centre::new().receipt(0);
    foreign.lot.publisher = "ggzy.yichang.example".into();
    let refused = BidReceipt::verify(foreign.sign(&signer()).as_bytes(), &vkeys());
    assert!(matches!(refused, Err(FileError::Signature { .. })));
    let row = |from: &str, to: &str| note.replacen(from, to, 1);
    let changed = [
        row("91430304DEM000110D", "91430304DEM000110E"),
        row("mingzhang-bid-receipt-v1", "mingzhang-bid-receipt-v2"),
        row("\n16\n", "\n016\n"),
        row("\n16\n", "\n15\n"),
        row("\n4\n", "\n99\n"),
        row("+08:00", ""),
        row("\n16\n", "\n16\n\n"),
        String::new(),
        "x".repeat(RECEIPT_BYTES_MAX + 1),
    ];
    for (at, text) in changed.iter().enumerate() {
        assert!(
            BidReceipt::verify(text.as_bytes(), &vkeys()).is_err(),
            "row {at}"
        );
    }
}

#[test]
fn files_that_are_something_else_are_refused_with_their_line() {
    let opening = Centre::new().opening().encode();
    let rows = [
        String::new(),
        "{}\n".into(),
        opening.replace("\"slot\":4", "\"slot\":-4"),
        opening.replace("\"slot\":4", "\"slot\":65536"),
        opening.replace("\"bidder\":\"91", "\"bidder\":\" 91"),
        opening.replace("+08:00", ""),
        format!("{opening}{{\"slot\":6,\"decrypted\":false}}\n"),
        format!("{opening}not json\n"),
    ];
    for (at, text) in rows.iter().enumerate() {
        assert!(Opening::parse(text.as_bytes()).is_err(), "row {at}");
    }
    for text in ["", "{}", r#"{"register":"x","slot":1,"proof":[]}"#] {
        assert!(Path::parse(text.as_bytes()).is_err(), "{text}");
    }
}
