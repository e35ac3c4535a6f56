//! What the recogniser of natural persons finds in notices at hand, for counting by hand: `cargo run --example people -- FILE…`.
//!
//! Each file has one JSON value a line. Of every string in it, what is found is printed with the characters around; a string of a member
//! for parties (`name`, `bidder`, 招标人, 招标机构, 中标人 …) is judged as a name first. The last line has the sums. Nothing is written anywhere.

use std::collections::BTreeMap;

use mingzhang::trade::persons::{Named, party, scan};
use serde_json::Value;

/// Members that hold the name of a party.
const PARTIES: [&str; 12] = [
    "name",
    "bidder",
    "buyer",
    "agency",
    "issuer",
    "supplier",
    "招标人",
    "招标机构",
    "中标人",
    "采购人名称",
    "供应商名称",
    "中标（成交）供应商名称",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sums = BTreeMap::new();
    for path in std::env::args().skip(1) {
        for (at, line) in std::fs::read_to_string(&path)?.lines().enumerate() {
            let value: Value = serde_json::from_str(line)?;
            look(&value, "", &format!("{path}:{}", at + 1), &mut sums);
        }
    }
    println!("{sums:?}");
    Ok(())
}

fn look(value: &Value, member: &str, place: &str, sums: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                look(value, name, place, sums);
            }
        }
        Value::Array(items) => {
            for item in items {
                look(item, member, place, sums);
            }
        }
        Value::String(text) => {
            if PARTIES.contains(&member) {
                let named = party(text);
                *sums.entry(format!("party {named:?}")).or_insert(0) += 1;
                if named != Named::Body {
                    println!(
                        "{place} {member} {named:?}: {}",
                        text.chars().take(60).collect::<String>()
                    );
                }
            }
            for found in scan(text, None) {
                *sums.entry(format!("{:?}", found.what)).or_insert(0) += 1;
                let before: String = text[..found.at.start].chars().rev().take(12).collect();
                let before: String = before.chars().rev().collect();
                let after: String = text[found.at.end..].chars().take(12).collect();
                println!(
                    "{place} {member} {:?}: {before:?} >>{}<< {after:?}",
                    found.what, &text[found.at]
                );
            }
        }
        _ => {}
    }
}
