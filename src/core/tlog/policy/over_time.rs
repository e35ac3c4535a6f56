//! Policies over time: which of several judges a checkpoint.
//!
//! Witnesses and log keys change; what was cosigned before stays good by the policy of its time. A retired policy carries
//! `# mingzhang until <tree size>` and judges trees up to there; at most one without that line is in force for a log.
//!
//! Promises: [`open_by`] tries those that are for the checkpoint's log and size, the one that was retired first before later ones, and takes
//! the first by which the quorum is met; else the first that accepts the log's signature, with its quorum unmet; else it says what is wrong
//! by the first. So whoever gives several trusts each of them, for the trees it is for, and is told which one it was.

use super::super::checkpoint::{Checkpoint, OpenError};
use super::super::note::Note;
use super::{Policy, VerifiedCheckpoint};

/// A checkpoint with the policy that judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its place among those given.
    pub policy: usize,
    /// What it says of the checkpoint.
    pub checkpoint: VerifiedCheckpoint,
    /// Those for this log and size that were asked before and did not do, in the order of asking.
    pub passed_over: Vec<PassedOver>,
}

/// A policy for the checkpoint's log and size that another was preferred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// Its place among those given.
    pub policy: usize,
    /// Why it does not accept the checkpoint; `None` if it does, and its quorum is unmet.
    pub error: Option<OpenError>,
}

/// Why no policy accepts a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// It cannot be read, so that it is not known which policy it is for.
    #[error(transparent)]
    Form(OpenError),
    /// None is for this log, or none for trees of this size.
    #[error(
        "no policy given is for the log {origin:?} at size {size}; given: {given}. Ask for the policy that stood at that size, or for the one in force now"
    )]
    NoneFits {
        /// Of the checkpoint.
        origin: String,
        /// Of the checkpoint.
        size: u64,
        /// Which logs those given are for, and until when.
        given: String,
    },
    /// The first that is for it does not accept it, and no other does.
    #[error("the checkpoint is not one that the policy accepts")]
    Refused {
        /// Place of the policy among those given.
        policy: usize,
        /// What is wrong.
        #[source]
        source: OpenError,
    },
}

/// Two policies of which it could not be said which judges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConflictError {
    /// Both in force, or retired at the same size.
    #[error(
        "both are for the log {origin:?} {until}, and differ: give one of them, or say in the older `# mingzhang until <tree size>`"
    )]
    SameTime {
        /// The log.
        origin: String,
        /// "now" or until when.
        until: String,
        /// Places among those given.
        places: (usize, usize),
    },
    /// An origin is never used for a second ledger.
    #[error(
        "both are for the log {origin:?}, and pin different genesis ids: one of them is not this ledger's"
    )]
    Genesis {
        /// The log.
        origin: String,
        /// Places among those given.
        places: (usize, usize),
    },
}

/// Judges a checkpoint by the policies that are for it.
///
/// # Errors
/// [`JudgeError`].
pub fn open_by(policies: &[Policy], note: &[u8]) -> Result<Judged, JudgeError> {
    let parsed = Note::parse(note).map_err(|error| JudgeError::Form(error.into()))?;
    // Nothing is decided by these unverified lines but which policies must hold: these then check them.
    let Checkpoint { origin, tree, .. } =
        Checkpoint::parse(&parsed.text).map_err(|error| JudgeError::Form(error.into()))?;
    let mut asked: Vec<usize> = (0..policies.len())
        .filter(|at| policies[*at].is_for(&origin, tree.size))
        .collect();
    asked.sort_by_key(|at| policies[*at].until().unwrap_or(u64::MAX));
    let (mut unmet, mut passed_over) = (None, Vec::new());
    for policy in asked {
        match policies[policy].open(note) {
            Ok(checkpoint) if checkpoint.quorum().met => {
                return Ok(Judged {
                    policy,
                    checkpoint,
                    passed_over,
                });
            }
            Ok(checkpoint) => {
                unmet.get_or_insert((policy, checkpoint));
                passed_over.push(PassedOver {
                    policy,
                    error: None,
                });
            }
            Err(error) => passed_over.push(PassedOver {
                policy,
                error: Some(error),
            }),
        }
    }
    if let Some((policy, checkpoint)) = unmet {
        passed_over.retain(|passed| passed.policy != policy);
        return Ok(Judged {
            policy,
            checkpoint,
            passed_over,
        });
    }
    match passed_over.into_iter().next() {
        Some(PassedOver {
            policy,
            error: Some(source),
        }) => Err(JudgeError::Refused { policy, source }),
        _ => Err(JudgeError::NoneFits {
            origin,
            size: tree.size,
            given: given(policies),
        }),
    }
}

/// Looks for two policies that cannot stand beside each other. The same one twice can.
///
/// # Errors
/// [`ConflictError`].
pub fn check_together(policies: &[Policy]) -> Result<(), ConflictError> {
    for (later, one) in policies.iter().enumerate() {
        for (earlier, other) in policies[..later].iter().enumerate() {
            let same_log = one.logs().iter().find(|log| {
                let name = log.vkey.name();
                other.logs().iter().any(|log| log.vkey.name() == name)
            });
            let Some(log) = same_log.filter(|_| one != other) else {
                continue;
            };
            let (origin, places) = (log.vkey.name().to_owned(), (earlier, later));
            let pins = (one.genesis(), other.genesis());
            if matches!(pins, (Some(one), Some(other)) if one != other) {
                return Err(ConflictError::Genesis { origin, places });
            }
            if one.until() == other.until() {
                let until = one
                    .until()
                    .map_or("now".to_owned(), |until| format!("until {until} records"));
                return Err(ConflictError::SameTime {
                    origin,
                    until,
                    places,
                });
            }
        }
    }
    Ok(())
}

impl Policy {
    /// Whether it judges trees of this log and size.
    pub(crate) fn is_for(&self, origin: &str, size: u64) -> bool {
        self.logs().iter().any(|log| log.vkey.name() == origin)
            && self.until().is_none_or(|until| size <= until)
    }
}

/// What those given are for, in words.
fn given(policies: &[Policy]) -> String {
    let one = |policy: &Policy| {
        let mut names: Vec<&str> = policy.logs().iter().map(|log| log.vkey.name()).collect();
        names.dedup();
        let until = policy
            .until()
            .map_or(String::new(), |until| format!(" until {until} records"));
        format!("{}{until}", names.join(" and "))
    };
    let all: Vec<String> = policies.iter().map(one).collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::cosignature::Cosigner;
    use crate::tlog::merkle::{Hash, Tree};
    use crate::tlog::note::{Signature, Signer};

    const ORIGIN: &str = "example.com/log";

    fn log(seed: u8) -> Signer {
        Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> Cosigner {
        Cosigner::from_seed("w.example/x", &[100 + seed; 32]).unwrap()
    }

    fn note(size: u64, logs: &[u8], witnesses: &[u8]) -> Vec<u8> {
        let tree = Tree {
            size,
            root_hash: Hash::sha256(&size.to_be_bytes()),
        };
        let text = Checkpoint::new(ORIGIN, tree).encode();
        let mut signatures: Vec<Signature> =
            logs.iter().map(|seed| log(*seed).sign(&text)).collect();
        signatures.extend(witnesses.iter().map(|seed| witness(*seed).sign(&text, 9)));
        Note { text, signatures }.encode().into_bytes()
    }

    /// A policy of one log key and one witness (0: none).
    fn policy(until: Option<u64>, logs: &[u8], witness_seed: u8) -> Policy {
        let mut text = String::new();
        if let Some(until) = until {
            text.push_str(&format!("# mingzhang until {until}\n"));
        }
        for seed in logs {
            text.push_str(&format!("log {}\n", log(*seed).vkey()));
        }
        if witness_seed > 0 {
            let vkey = witness(witness_seed);
            text.push_str(&format!("witness w {}\nquorum w\n", vkey.vkey()));
        } else {
            text.push_str("quorum none\n");
        }
        Policy::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn each_tree_is_judged_by_the_policy_of_its_time() {
        // First key 1 with witness 1 until 100; then both keys with witness 2 until 200; now key 2 with witness 2. Newest first, as people give them.
        let policies = [
            policy(None, &[2], 2),
            policy(Some(200), &[1, 2], 2),
            policy(Some(100), &[1], 1),
        ];
        #[track_caller]
        fn check(policies: &[Policy], note: &[u8], wanted: Result<(usize, bool), &str>) {
            let judged = open_by(policies, note);
            match (judged, wanted) {
                (Ok(judged), Ok(wanted)) => {
                    assert_eq!((judged.policy, judged.checkpoint.quorum().met), wanted);
                }
                (Err(error), Err(words)) => {
                    let said = crate::chain_of(&error);
                    assert!(said.contains(words), "{said}");
                }
                (judged, wanted) => panic!("{judged:?}, wanted {wanted:?}"),
            }
        }
        check(&policies, &note(50, &[1], &[1]), Ok((2, true)));
        check(&policies, &note(100, &[1], &[1]), Ok((2, true)));
        // The log stood still while the policy changed: the same tree, cosigned anew.
        check(&policies, &note(100, &[1, 2], &[2]), Ok((1, true)));
        check(&policies, &note(150, &[1], &[2]), Ok((1, true)));
        check(&policies, &note(150, &[2], &[2]), Ok((1, true)));
        check(&policies, &note(201, &[2], &[2]), Ok((0, true)));
        // Unmet: judged by the earliest that accepts the signature.
        check(&policies, &note(50, &[1], &[]), Ok((2, false)));
        check(&policies, &note(150, &[1], &[1]), Ok((1, false)));
        // The old key signs nothing past its time, nor does a stranger's sign anything.
        check(&policies, &note(201, &[1], &[2]), Err("no known key"));
        check(&policies, &note(50, &[3], &[1]), Err("no known key"));
        check(
            &policies[1..],
            &note(201, &[2], &[2]),
            Err(
                "at size 201; given: example.com/log until 200 records; example.com/log until 100 records",
            ),
        );
        check(&[], &note(1, &[1], &[]), Err("given: none"));
        check(&policies, b"what?", Err("not a signed note"));
    }

    #[test]
    fn what_was_asked_before_is_told() {
        let policies = [policy(None, &[2], 2), policy(Some(100), &[1], 1)];
        let judged = open_by(&policies, &note(100, &[2], &[2])).unwrap();
        assert_eq!(judged.policy, 0);
        let [passed] = &judged.passed_over[..] else {
            panic!("{judged:?}");
        };
        assert_eq!(passed.policy, 1);
        assert!(matches!(passed.error, Some(OpenError::Unsigned { .. })));
    }

    #[test]
    fn policies_that_cannot_stand_together_are_named() {
        let (now, other) = (policy(None, &[1], 1), policy(None, &[1], 2));
        assert_eq!(check_together(&[now.clone(), now.clone()]), Ok(()));
        assert_eq!(
            check_together(&[now.clone(), policy(Some(7), &[1], 2)]),
            Ok(())
        );
        assert!(matches!(
            check_together(&[now.clone(), other]),
            Err(ConflictError::SameTime { places: (0, 1), .. })
        ));
        let pinned = |policy: Policy, of: &[u8]| policy.with_genesis(Hash::sha256(of));
        assert!(matches!(
            check_together(&[pinned(now, b"a"), pinned(policy(Some(7), &[1], 1), b"b")]),
            Err(ConflictError::Genesis { .. })
        ));
    }
}
