//! Audits a folder that `mingzhang mirror URL DIR` made (or a ledger's own data folder) and prints every fault.
//!
//! Run with: `cargo run --example audit_mirror -- DIR POLICY`

use std::error::Error;

use mingzhang::audit::{Options, Target, audit};
use mingzhang::ledger::clock::system_clock;
use mingzhang::tlog::policy::Policy;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, policy] = arguments.as_slice() else {
        return Err("a folder and a policy are wanted".into());
    };
    let policy = Policy::parse(&std::fs::read(policy)?)?;
    let target = Target::parse(folder)?;

    // The date stands in the report; nothing is judged by it. What is done meanwhile is of no interest here.
    let today = Options::at(system_clock()().wall);
    let report = audit(&target, &[policy], &today, &mut |_| {}).await?;

    for fault in &report.faults {
        let record = fault.record.map_or("-".to_owned(), |at| at.to_string());
        println!("{}  record {record}: {}", fault.object, fault.en);
    }
    if !report.is_clean() {
        let faults = report.faults.len() as u64 + report.faults_more;
        return Err(format!("{faults} faults").into());
    }
    println!(
        "{} records, {} signatures, root {}: no fault",
        report.counts.records, report.counts.signatures, report.audited.root_hash
    );
    Ok(())
}
