//! Audits a folder that `mingzhang mirror URL DIR` made (or a ledger's own data folder) and prints every fault.
//!
//! Run with: `cargo run --example audit_mirror -- DIR POLICY`

use anyhow::{Context, bail};
use mingzhang::audit::{Options, Target, audit};
use mingzhang::ledger::clock::system_clock;
use mingzhang::tlog::policy::Policy;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, policy] = arguments.as_slice() else {
        bail!("a folder and a policy are wanted");
    };
    let policy = std::fs::read(policy).with_context(|| format!("cannot read {policy}"))?;
    let policy = Policy::parse(&policy).context("this is not a policy")?;
    let target = Target::parse(folder)?;

    // The date stands in the report; nothing is judged by it. What is done meanwhile is of no interest here.
    let today = Options::at(system_clock()().wall);
    let report = audit(&target, &[policy], &today, &mut |_| {}).await?;

    for fault in &report.faults {
        let record = fault.record.map_or("-".to_owned(), |at| at.to_string());
        println!("{}  record {record}: {}", fault.object, fault.en);
    }
    if !report.is_clean() {
        bail!("{} faults", report.faults.len() as u64 + report.faults_more);
    }
    println!(
        "{} records, {} signatures, root {}: no fault",
        report.counts.records, report.counts.signatures, report.audited.root_hash
    );
    Ok(())
}
