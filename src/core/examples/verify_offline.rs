//! Checks a receipt against a policy, offline: what a bidder's own program would do with a file that it was sent.
//!
//! Run with: `cargo run -p mingzhang-core --example verify_offline -- RECEIPT.tlog-proof POLICY` (`src/core/examples/` has one of each for a try).

use std::error::Error;

use mingzhang_core::chain_of;
use mingzhang_core::tlog::policy::Policy;
use mingzhang_core::verify::{VerifiedRecord, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [receipt, policy] = arguments.as_slice() else {
        return Err("two files are wanted: a receipt and a policy".into());
    };
    let receipt = std::fs::read(receipt)?;
    let policy = Policy::parse(&std::fs::read(policy)?)?;

    // One call does all seven steps; an error names the step that failed.
    let record = verify(&receipt, &[policy]).map_err(|error| {
        let (step, why) = (error.step(), chain_of(&error));
        format!("step {} ({step:?}) failed: {why}", step as u8)
    })?;
    println!(
        "record {} of {}, logged {}, signed by {}",
        record.header().index,
        record.checkpoint().checkpoint().origin,
        record.header().time,
        record.signers().join(", ")
    );
    print!("{}", record.statement().text());
    // Whether enough witnesses have cosigned is data: the policy says how many are wanted, you say what it means to you.
    if !record.checkpoint().quorum().met {
        println!("the policy asks for more witnesses than have cosigned");
    }
    for (_, not_shown) in VerifiedRecord::NOT_SHOWN {
        println!("not shown: {not_shown}");
    }
    Ok(())
}
