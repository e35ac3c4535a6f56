//! The arithmetic of signatures, in parallel: one `verify_strict` a statement (promise 8), by the keys in force at its place.

use rayon::prelude::*;

use super::memory::EntryCache;
use super::replay::Job;
use super::report::{Fault, Step};
use crate::lang::Bilingual;
use crate::tlog::merkle::Hash;
use crate::trade::keys::KeyError;

/// What came of some jobs.
#[derive(Debug, Default)]
pub(super) struct Verified {
    pub faults: Vec<Fault>,
    pub now: u64,
    pub before: u64,
}

enum Outcome {
    Now(Option<(Hash, [u8; 32])>),
    Before,
    Fault(Fault),
    /// The key does not count, which is named already.
    Named,
}

/// Verifies the jobs; those below `skip_below` were verified in an earlier run over the same bytes.
pub(super) fn verify(jobs: &[Job], skip_below: u64, cache: Option<&EntryCache>) -> Verified {
    let outcomes: Vec<Outcome> = jobs
        .par_iter()
        .map(|job| verify_one(job, skip_below, cache))
        .collect();
    let mut verified = Verified::default();
    let mut fresh = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Now(key) => {
                verified.now += 1;
                fresh.extend(key);
            }
            Outcome::Before => verified.before += 1,
            Outcome::Fault(fault) => verified.faults.push(fault),
            Outcome::Named => {}
        }
    }
    if let Some(cache) = cache {
        cache.add_verified(fresh);
    }
    verified
}

fn verify_one(job: &Job, skip_below: u64, cache: Option<&EntryCache>) -> Outcome {
    let key = match (job.keys.signer(&job.statement), job.leaf_hash) {
        (Ok(key), Some(leaf_hash)) => Some((leaf_hash, *key.vkey.public_key())),
        _ => None,
    };
    // Only the arithmetic is skipped: whether the key counts was judged for each record.
    if key.is_some()
        && (job.index < skip_below
            || key.is_some_and(|key| cache.is_some_and(|cache| cache.has_verified(&key))))
    {
        return Outcome::Before;
    }
    match job.keys.verify(&job.statement) {
        Ok(()) => Outcome::Now(key.filter(|_| cache.is_some())),
        Err(error) if job.key_named && !matches!(error, KeyError::Signature { .. }) => {
            drop(error);
            Outcome::Named
        }
        Err(error) => {
            let said = error.said();
            Outcome::Fault(Fault::new(
                &job.object,
                Some(job.index),
                Step::Signature,
                error.code(),
                said,
            ))
        }
    }
}
