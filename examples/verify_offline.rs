//! Checks a receipt against a policy, offline: what a bidder's own program would do with a file that it was sent.
//!
//! Run with: `cargo run --example verify_offline -- RECEIPT.tlog-proof POLICY` (`examples/receipt.tlog-proof keys/example.policy` for a try).

use anyhow::{Context, bail};
use mingzhang::tlog::policy::Policy;
use mingzhang::verify::{VerifiedRecord, verify};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [receipt, policy] = arguments.as_slice() else {
        bail!("two files are wanted: a receipt and a policy");
    };
    let receipt = std::fs::read(receipt).with_context(|| format!("cannot read {receipt}"))?;
    let policy = std::fs::read(policy).with_context(|| format!("cannot read {policy}"))?;
    let policy = Policy::parse(&policy).context("this is not a policy")?;

    // One call does all seven steps; an error names the step that failed.
    let record = match verify(&receipt, &[policy]) {
        Ok(record) => record,
        Err(error) => bail!(
            "step {} ({:?}) failed: {}",
            error.step() as u8,
            error.step(),
            mingzhang::chain_of(&error)
        ),
    };
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
