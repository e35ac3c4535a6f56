//! What this machine can do at most, measured in the same run: the figures of the ledger mean something only beside these.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::generator::{Generator, Load, Run, percentile};
use super::subject::{Service, get_request};
use super::{Fault, Statements};
use mingzhang::tlog::merkle::Hash;
use mingzhang::tlog::note::Vkey;

/// Connections of the empty route.
const EMPTY_ROUTE_CONNECTIONS: usize = 64;
/// Bytes of what is hashed and written.
const SAMPLE_BYTES: usize = 1_024;

/// A second's work of each kind, at most.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Limits {
    /// `verify_strict` of 1 KB statements on all cores, a second: once for each time it was measured in this run.
    pub verify_per_s: Vec<f64>,
    /// SHA-256 of 1 KB on one core, a second.
    pub sha256_one_core_per_s: f64,
    /// SHA-256 of 1 KB on all cores, a second.
    pub sha256_per_s: f64,
    /// A file of 1 KB created, synced, and its folder synced, one after another, a second.
    pub fsync_per_s: f64,
    /// Median of these, in ms.
    pub fsync_p50_ms: f64,
    /// 99 of 100 of these, in ms.
    pub fsync_p99_ms: f64,
    /// A route that does nothing, through our own accept loop.
    pub empty_route: Run,
}

impl Limits {
    /// Measures all of them, each for `during`.
    pub fn measure(
        server: &Runtime,
        generator: &Generator,
        folder: &Path,
        statements: &Statements,
        during: Duration,
    ) -> Result<Limits, Fault> {
        let (fsync_per_s, fsync_p50_ms, fsync_p99_ms) = fsync(folder, during)?;
        Ok(Limits {
            verify_per_s: vec![verify(statements, during)],
            sha256_one_core_per_s: sha256_one_core(during),
            sha256_per_s: on_all_cores(during, |_| {
                black_box(Hash::sha256(black_box(&SAMPLE)));
            }),
            fsync_per_s,
            fsync_p50_ms,
            fsync_p99_ms,
            empty_route: empty_route(server, generator, during, EMPTY_ROUTE_CONNECTIONS)?,
        })
    }

    /// The median of the measurements of `verify_strict`: host neighbours make any single one wrong by a quarter.
    pub fn verify(&self) -> f64 {
        let mut sorted = self.verify_per_s.clone();
        sorted.sort_by(f64::total_cmp);
        percentile(&sorted, 50).unwrap_or(f64::NAN)
    }
}

const SAMPLE: [u8; SAMPLE_BYTES] = [0x5a; SAMPLE_BYTES];

/// `verify_strict` a second on all cores; the key is decompressed once.
pub(crate) fn verify(statements: &Statements, during: Duration) -> f64 {
    let vkey: &Vkey = statements.signer.vkey();
    let samples = statements.samples();
    on_all_cores(during, |at| {
        let (text, signature) = &samples[at % samples.len()];
        assert!(
            vkey.verify(text.as_bytes(), signature),
            "a signature made a moment ago"
        );
    })
}

fn sha256_one_core(during: Duration) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < during {
        for _ in 0..64 {
            black_box(Hash::sha256(black_box(&SAMPLE)));
        }
        count += 64;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// How often `work` is done in a second when every core does nothing else. It is given a number to choose its input by.
pub(crate) fn on_all_cores(during: Duration, work: impl Fn(usize) + Sync) -> f64 {
    const BUNCH: usize = 16;
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let counts = rayon::broadcast(|_| {
        let mut count = 0;
        while begun.elapsed() < during {
            let first = next.fetch_add(BUNCH, Ordering::Relaxed);
            (first..first + BUNCH).for_each(&work);
            count += BUNCH;
        }
        count
    });
    counts.iter().sum::<usize>() as f64 / begun.elapsed().as_secs_f64()
}

/// Files created, synced and their folder synced, a second; median and 99th percentile in ms.
fn fsync(folder: &Path, during: Duration) -> io::Result<(f64, f64, f64)> {
    let folder = folder.join("fsync");
    fs::create_dir_all(&folder)?;
    let directory = File::open(&folder)?;
    let (begun, mut micros) = (Instant::now(), Vec::new());
    while begun.elapsed() < during {
        let one = Instant::now();
        let mut file = File::create_new(folder.join(micros.len().to_string()))?;
        file.write_all(&SAMPLE)?;
        file.sync_all()?;
        directory.sync_all()?;
        micros.push(one.elapsed().as_secs_f64());
    }
    let per_s = micros.len() as f64 / begun.elapsed().as_secs_f64();
    fs::remove_dir_all(&folder)?;
    micros.sort_by(f64::total_cmp);
    let ms = |hundredth| percentile(&micros, hundredth).unwrap_or(f64::NAN) * 1e3;
    Ok((per_s, ms(50), ms(99)))
}

/// A route that does nothing, through our own accept loop.
pub(crate) fn empty_route(
    server: &Runtime,
    generator: &Generator,
    during: Duration,
    connections: usize,
) -> Result<Run, Fault> {
    let service = Service::start(server, Router::new().route("/", get(|| async { "明账" })))?;
    let load = Load {
        connections,
        requests: vec![Bytes::from(get_request("/"))],
        during: Some(during),
        lines: false,
        keep: 0,
    };
    let run = generator.run(service.address, load);
    service.stop(server);
    Ok(run?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_works_and_all_work_is_counted() {
        let done = AtomicUsize::new(0);
        let begun = Instant::now();
        let per_s = on_all_cores(Duration::from_millis(20), |_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        let counted = per_s * begun.elapsed().as_secs_f64();
        assert!(done.load(Ordering::Relaxed) > 0);
        // The clock was read a moment later than inside.
        assert!(counted >= done.load(Ordering::Relaxed) as f64);
    }
}
