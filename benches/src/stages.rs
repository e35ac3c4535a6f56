//! What is measured of the ledger, one function a measurement.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::Fault;
use super::generator::{Generator, Load, Run};
use super::limits::on_all_cores;
use super::machine;
use super::subject::{Statements, Subject, get_request};
use mingzhang::audit::{Options, Target, audit};
use mingzhang::ledger::clock::system_clock;
use mingzhang::store::Source;
use mingzhang::tlog::policy::Policy;
use mingzhang::verify::verify;

/// Connections that read.
const READERS: usize = 64;
/// Connections that post batches.
const BATCHERS: usize = 4;
/// Receipts that are read and verified, over and over.
const RECEIPTS: u64 = 2_048;

/// Posts, each answered with a receipt.
#[derive(Debug, Serialize)]
pub(crate) struct Posting {
    /// By the batch route, many a request.
    pub batch: bool,
    /// With the query index following.
    pub index_follows: bool,
    /// Records that the index lacked when the last receipt was out.
    pub index_behind: u64,
    /// The figures; of batches, times are those of a whole window.
    #[serde(flatten)]
    pub run: Run,
}

/// The query index built anew from a log.
#[derive(Debug, Serialize)]
pub(crate) struct CatchUp {
    /// Records indexed.
    pub records: u64,
    /// Records a second.
    pub per_s: f64,
    /// Bytes on disk for each.
    pub disk_bytes_a_record: f64,
    /// Bytes of memory by which the process grew, for each; absent if it did not grow or cannot be told.
    pub resident_bytes_a_record: Option<f64>,
}

/// Posts one statement a request.
pub(crate) fn post(
    server: &Runtime,
    generator: &Generator,
    subject: &Subject,
    statements: &Statements,
    connections: usize,
    count: usize,
) -> Result<Posting, Fault> {
    let requests = statements.posts(&format!("c{connections}"), count);
    posting(server, generator, subject, requests, connections, false)
}

/// Posts by the batch route.
pub(crate) fn post_batches(
    server: &Runtime,
    generator: &Generator,
    subject: &Subject,
    statements: &Statements,
    count: usize,
) -> Result<Posting, Fault> {
    let requests = statements.batches("batch", count);
    posting(server, generator, subject, requests, BATCHERS, true)
}

fn posting(
    server: &Runtime,
    generator: &Generator,
    subject: &Subject,
    requests: Vec<Bytes>,
    connections: usize,
    batch: bool,
) -> Result<Posting, Fault> {
    let load = Load {
        connections,
        requests,
        during: None,
        lines: batch,
        keep: 0,
    };
    let run = generator.run(subject.address(), load)?;
    let index_behind = subject.ledger.head().tree.size - subject.ledger.index_size();
    let index_follows = subject.follows;
    if index_follows {
        // The next measurement is not to pay for this one's index.
        subject.wait_for_index(server, 0)?;
    }
    Ok(Posting {
        batch,
        index_follows,
        index_behind,
        run,
    })
}

/// Opens a ledger whose index has followed nothing so far, and lets it.
pub(crate) fn catch_up(server: &Runtime, subject: Subject) -> Result<CatchUp, Fault> {
    let resident_before = machine::resident_bytes();
    let subject = subject.reopen(server, true)?;
    let (begun, indexed) = (Instant::now(), subject.ledger.index_size());
    subject.wait_for_index(server, 0)?;
    let seconds = begun.elapsed().as_secs_f64();
    let size = subject.ledger.head().tree.size;
    let grown = machine::resident_bytes()
        .zip(resident_before)
        .and_then(|(after, before)| after.checked_sub(before));
    let caught = CatchUp {
        records: size - indexed,
        per_s: (size - indexed) as f64 / seconds,
        disk_bytes_a_record: subject.ledger.index_disk_bytes() as f64 / size as f64,
        resident_bytes_a_record: grown
            .filter(|grown| *grown > 0)
            .map(|grown| grown as f64 / size as f64),
    };
    subject.close(server);
    Ok(caught)
}

/// Fetches receipts, and keeps each once.
pub(crate) fn receipts(
    generator: &Generator,
    subject: &Subject,
    during: Duration,
) -> Result<Run, Fault> {
    let size = subject.ledger.head().tree.size;
    let count = RECEIPTS.min(size);
    // Spread over the whole log, so that they come from many tiles.
    let requests: Vec<Bytes> = (0..count)
        .map(|at| {
            Bytes::from(get_request(&format!(
                "/api/v1/receipts/{}",
                at * size / count
            )))
        })
        .collect();
    let keep = requests.len();
    Ok(generator.run(
        subject.address(),
        Load {
            connections: READERS,
            requests,
            during: Some(during),
            lines: false,
            keep,
        },
    )?)
}

/// Fetches one object over and over.
pub(crate) fn read(
    generator: &Generator,
    subject: &Subject,
    path: &str,
    during: Duration,
) -> Result<Run, Fault> {
    let requests = vec![Bytes::from(get_request(path))];
    Ok(generator.run(
        subject.address(),
        Load {
            connections: READERS,
            requests,
            during: Some(during),
            lines: false,
            keep: 0,
        },
    )?)
}

/// Receipts verified a second, on all cores: all seven steps, two signatures of the genesis and one each of key, log and publisher among them.
pub(crate) fn proofs(
    receipts: &[Vec<u8>],
    policy: &Policy,
    during: Duration,
) -> Result<f64, Fault> {
    let policies = std::slice::from_ref(policy);
    for receipt in receipts {
        verify(receipt, policies)?;
    }
    Ok(on_all_cores(during, |at| {
        drop(verify(&receipts[at % receipts.len()], policies))
    }))
}

/// Records audited a second: [`audit`] as an auditor runs it over the public objects, everything checked.
pub(crate) fn audit_rate(
    server: &Runtime,
    subject: &Subject,
    policy: &Policy,
) -> Result<f64, Fault> {
    let log = Source::Store(subject.ledger.store().under("log/"));
    let target = Target::log("bench", log);
    let options = Options::at(system_clock()().wall);
    let begun = Instant::now();
    let report = server.block_on(audit(
        &target,
        std::slice::from_ref(policy),
        &options,
        &mut |_| {},
    ));
    let seconds = begun.elapsed().as_secs_f64();
    let report = report?;
    if let Some(fault) = report.faults.first() {
        return Err(format!("the log just made does not audit: {fault:?}").into());
    }
    Ok(report.counts.records as f64 / seconds)
}
