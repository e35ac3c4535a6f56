//! The checkpoints for which lines are gathered, and which of them the witnesses are asked for.
//!
//! One invariant: whatever is aimed at or offered has a candidate. Only [`Rounds::begin`] and [`Rounds::add`] put candidates in, only
//! `forget` takes them out, and what is forgotten is neither aimed at nor offered any more. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ledger::Head;
use crate::tlog::note::{Note, Signature};

/// Checkpoints held at one time: more rounds than fit into the life of an offer, so that the line of a witness that carries a checkpoint
/// away for minutes still finds it.
const CANDIDATES_MAX: usize = 64;

/// A checkpoint for which lines are gathered.
#[derive(Debug)]
pub(super) struct Candidate {
    pub head: Arc<Head>,
    pub text: String,
    pub log_lines: Vec<Signature>,
    /// By the witness's place in the policy.
    pub lines: BTreeMap<usize, Line>,
    /// When a witness that comes by itself first brought a line.
    pub brought_ms: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub timestamp: u64,
    pub got_ms: i64,
    pub signature: Signature,
}

impl Candidate {
    pub fn size(&self) -> u64 {
        self.head.tree.size
    }

    fn new(head: &Arc<Head>) -> Candidate {
        let note = Note::parse(head.note.as_bytes()).expect("a head is a note that we signed");
        Candidate {
            head: head.clone(),
            text: note.text,
            log_lines: note.signatures,
            lines: BTreeMap::new(),
            brought_ms: None,
        }
    }
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    candidates: BTreeMap<u64, Candidate>,
    /// The size that reachable witnesses are asked for, and since when.
    target: Option<(u64, i64)>,
    /// The size that a witness which came by itself has cosigned, and that the others are to meet it on.
    offered: Option<u64>,
    /// The largest that met the policy.
    met: Option<u64>,
}

impl Rounds {
    /// Takes in what was published before.
    pub fn begin(&mut self, head: &Arc<Head>, lines: BTreeMap<usize, Line>, met: bool) {
        let size = head.tree.size;
        let candidate = Candidate {
            lines,
            ..Candidate::new(head)
        };
        self.candidates.insert(size, candidate);
        if met {
            self.meet(size);
        }
    }

    /// Makes lines for `head` count.
    pub fn add(&mut self, head: &Arc<Head>) {
        let size = head.tree.size;
        if self.is_passed(size) {
            return;
        }
        self.candidates
            .entry(size)
            .or_insert_with(|| Candidate::new(head));
        if self.candidates.len() > CANDIDATES_MAX {
            let held = [
                Some(size),
                self.met,
                self.target.map(|(size, _)| size),
                self.offered,
            ];
            let mut sizes = self.candidates.keys().copied();
            if let Some(oldest) = sizes.find(|size| !held.contains(&Some(*size))) {
                self.forget(|size| size == oldest);
            }
        }
    }

    /// Aims at `head` from now on.
    pub fn aim(&mut self, head: &Arc<Head>, now_ms: i64) {
        self.add(head);
        if self.candidates.contains_key(&head.tree.size) {
            self.target = Some((head.tree.size, now_ms));
        }
    }

    /// What reachable witnesses are asked for, and since when.
    pub fn target(&self) -> Option<(&Candidate, i64)> {
        let (size, since_ms) = self.target?;
        Some((self.candidates.get(&size)?, since_ms))
    }

    /// What those who come by themselves are to meet on.
    pub fn offered(&self) -> Option<&Candidate> {
        self.candidates.get(&self.offered?)
    }

    /// From here on they are to meet on this one; `None`: on whatever is aimed at.
    pub fn offer(&mut self, size: Option<u64>) {
        self.offered = size.filter(|size| {
            self.candidates.contains_key(size) && self.met.is_none_or(|met| met < *size)
        });
    }

    /// What witnesses are asked for, the smallest first.
    pub fn in_hand(&self) -> impl DoubleEndedIterator<Item = &Candidate> {
        let target = self.target().map(|(target, _)| target);
        let mut both = [self.offered(), target];
        both.sort_unstable_by_key(|one| one.map(Candidate::size));
        if both[0].map(Candidate::size) == both[1].map(Candidate::size) {
            both[0] = None;
        }
        both.into_iter().flatten()
    }

    pub fn get(&self, size: u64) -> Option<&Candidate> {
        self.candidates.get(&size)
    }

    pub fn get_mut(&mut self, size: u64) -> Option<&mut Candidate> {
        self.candidates.get_mut(&size)
    }

    /// All of them, ascending.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Candidate> {
        self.candidates.values()
    }

    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Candidate> {
        self.candidates.values_mut()
    }

    /// The size of the largest checkpoint that met the policy.
    pub fn met(&self) -> Option<u64> {
        self.met
    }

    /// Whether a larger one has met the policy.
    pub fn is_passed(&self, size: u64) -> bool {
        self.met.is_some_and(|met| met > size)
    }

    /// This one meets the policy: smaller ones are of no use any more. `true` if it is larger than all that met it before.
    pub fn meet(&mut self, size: u64) -> bool {
        if self.met.is_some_and(|met| met >= size) {
            return false;
        }
        self.met = Some(size);
        self.forget(|other| other < size);
        true
    }

    fn forget(&mut self, which: impl Fn(u64) -> bool) {
        self.candidates.retain(|size, _| !which(*size));
        self.offered = self.offered.filter(|size| !which(*size));
        if self.offered == self.met {
            self.offered = None;
        }
        // A round goes on with what has overtaken it: it keeps its beginning, so that rounds do not follow each other any faster.
        if let Some((size, since_ms)) = self.target.filter(|(size, _)| which(*size)) {
            let larger = self.met.filter(|met| *met > size);
            self.target = larger.map(|met| (met, since_ms));
        }
    }

    /// For tests: the invariant.
    #[cfg(test)]
    pub fn check(&self) {
        assert!(self.candidates.len() <= CANDIDATES_MAX);
        for size in [self.target.map(|(size, _)| size), self.offered, self.met] {
            let missing = size.filter(|size| !self.candidates.contains_key(size));
            assert_eq!(missing, None, "{self:?}");
        }
    }
}
