//! How well the text of national notices is read, over notices that a person has read too: `cargo test --lib import::measure -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use serde_json::Value;

use super::notices;

const NOTICES: &str = include_str!("../../tests/data/national/measured.jsonl");
const LABELS: &str = include_str!("../../tests/data/national/labels.jsonl");

/// Where each thing stands in a draft.
const ASKED: [(&str, &str); 4] = [
    ("winner", "/details/winner/name"),
    ("price", "/details/price/amount"),
    ("bid_deadline", "/events/bid_deadline"),
    ("opening", "/events/opening"),
];

#[test]
fn precision_and_recall() {
    let import = notices::read(NOTICES.as_bytes());
    assert_eq!(
        (import.items.len(), import.refusals.len()),
        (LABELS.lines().count(), 0),
        "{:?}",
        import.refusals
    );
    println!("| field | said | read | right | precision | recall |");
    for (name, pointer) in ASKED {
        let (mut said, mut read, mut right) = (0, 0, 0);
        for (item, label) in import.items.iter().zip(LABELS.lines()) {
            let (draft, label): (Value, Value) = (
                serde_json::from_str(&item.draft).unwrap(),
                serde_json::from_str(label).unwrap(),
            );
            assert_eq!(draft["details"]["source"]["id"], label["record_id"]);
            let (found, wanted) = (
                draft.pointer(pointer).and_then(Value::as_str),
                label[name].as_str(),
            );
            // 36025688 and 36025688.00 are one amount.
            let plain = |text: &str| {
                text.trim_end_matches(".00")
                    .trim_end_matches(".0")
                    .to_owned()
            };
            let same = found.map(plain) == wanted.map(plain);
            said += usize::from(wanted.is_some());
            read += usize::from(found.is_some());
            right += usize::from(wanted.is_some() && same);
            if !same {
                println!(
                    "  {name} of {}: read {found:?}, the text says {wanted:?}",
                    item.place
                );
            }
        }
        println!(
            "| {name} | {said} | {read} | {right} | {}/{read} | {}/{said} |",
            right, right
        );
        assert_eq!(
            read, right,
            "{name}: something is read that the text does not say"
        );
        assert!(right * 10 >= said * 8, "{name}: {right} of {said}");
    }
}
