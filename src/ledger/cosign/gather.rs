//! Which witness is asked for which checkpoint and when, whose word counts, and whether the policy is met: all that the cosign loop decides.
//!
//! Promises: a line counts only if it is by the policy's key, over exactly the text that this log has signed, at a time that can be; a
//! witness that is slow or dead delays nobody else; the checkpoint that is chosen never gets smaller.
//!
//! Pure: heads, answers and the time are arguments. Asks nobody, writes nothing, and verifies no tree (who calls has the tiles).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::status::{Said, State};
use crate::ledger::Head;
use crate::ledger::clock::Reading;
use crate::tlog::cosignature;
use crate::tlog::note::{Note, Signature};
use crate::tlog::policy::Policy;
use crate::trade::time::Time;

/// A round is at least this long: under load the newest head is sent, not each.
pub(super) const ROUND_MS_MIN: i64 = 1_000;
/// A round whose policy is not met makes room for a newer head after this long. Its checkpoint is not forgotten: late lines still count.
pub(super) const PATIENCE_MS: i64 = 5_000;
/// What is offered to witnesses that come by themselves stays the same for so long, or two of them that come at different times would
/// never cosign one checkpoint.
pub(super) const OFFER_MS_MAX: i64 = 300_000;
/// The same size is cosigned again after this long.
pub(super) const RENEW_MS: i64 = 600_000;
/// The first and the longest pause after a witness has failed.
const BACKOFF_MS: (i64, i64) = (1_000, 60_000);
/// Sizes told by 409 in a row before it counts as a failure.
const CONFLICTS_MAX: u32 = 3;
/// Checkpoints for which lines are gathered at one time.
const CANDIDATES_MAX: usize = 16;
/// A witness's clock and ours may differ by this much.
pub(in crate::ledger) const CLOCK_OFF_S_MAX: i64 = 300;
/// A witness's time vouches for our clock this long.
const FRESH_MS: i64 = 120_000;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Came {
    /// In answer to us, so that it was made just now.
    Answered,
    /// Delivered by whoever: it may be of any time since the tree was signed.
    Delivered,
}

/// What to send to one witness.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Ask {
    pub witness: usize,
    /// The size that it is believed to have cosigned last.
    pub old_size: u64,
    pub head: Arc<Head>,
}

/// What a witness answered.
#[derive(Clone, Debug)]
pub(in crate::ledger) enum Answer {
    /// 200: lines, not verified.
    Signed(Vec<Signature>),
    /// 409: the size that it has.
    Size(u64),
    /// Another status.
    Refused { status: u16, said: String },
    /// No answer.
    Failed(String),
}

/// What the answer means beyond the witness itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Alarm {
    /// It says that it has cosigned more records than this ledger has.
    Ahead { size: u64 },
    /// It has another tree, or says so.
    Disagrees { said: String },
}

/// Why a line does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Uncounted {
    /// The signature does not verify.
    Signature,
    /// Its time cannot be: so many seconds from ours, or before the tree was made.
    Clock { off_s: i64 },
    /// Good, but of a checkpoint that is not gathered for any more.
    Past,
}

/// The checkpoint to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Chosen {
    /// With all lines that count.
    pub head: Arc<Head>,
    /// Whether it meets the policy; if not, the ledger fails open.
    pub met: bool,
}

/// One witness of the policy.
#[derive(Debug)]
pub(in crate::ledger) struct Seat {
    pub said: Said,
    /// What it has cosigned last, as far as is known.
    seen: Option<u64>,
    busy: bool,
    next_ms: i64,
    failures: u32,
    conflicts: u32,
    /// When it last answered us with a time, and how far that was from ours.
    fresh: Option<(i64, i64)>,
}

/// A checkpoint for which lines are gathered.
#[derive(Debug)]
struct Candidate {
    head: Arc<Head>,
    text: String,
    log_lines: Vec<Signature>,
    lines: BTreeMap<usize, Line>,
}

#[derive(Debug)]
struct Line {
    timestamp: u64,
    got_ms: i64,
    signature: Signature,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    size: u64,
    since_ms: i64,
}

/// See the head of this file.
#[derive(Debug)]
pub(in crate::ledger) struct Gathering {
    policy: Option<Policy>,
    fail_open_ms: Option<i64>,
    pub(super) seats: Vec<Seat>,
    candidates: BTreeMap<u64, Candidate>,
    target: Option<Round>,
    offered: Option<Round>,
    /// The size of the largest checkpoint that met the policy.
    met: Option<u64>,
    /// Since when the head is larger than that.
    lag_since_ms: Option<i64>,
    /// What is proved by the log's own signatures: it stands until the process ends.
    proved: Option<String>,
}

impl Gathering {
    /// Begins with what is published: its lines tell what each witness has seen.
    pub fn new(policy: Option<Policy>, fail_open_ms: Option<i64>) -> Gathering {
        let count = policy.as_ref().map_or(0, |policy| policy.witnesses().len());
        let seat = || Seat {
            said: Said::default(),
            seen: None,
            busy: false,
            next_ms: i64::MIN,
            failures: 0,
            conflicts: 0,
            fresh: None,
        };
        Gathering {
            policy,
            fail_open_ms,
            seats: std::iter::repeat_with(seat).take(count).collect(),
            candidates: BTreeMap::new(),
            target: None,
            offered: None,
            met: None,
            lag_since_ms: None,
            proved: None,
        }
    }

    /// Takes the published checkpoint in. The answer: the time of its newest line, which is evidence of time.
    pub fn begin(&mut self, published: &Head, now: Reading) -> Option<Time> {
        let policy = self.policy.as_ref()?;
        let note = Note::parse(published.note.as_bytes()).ok()?;
        let witness_of =
            |line: &Signature| policy.witnesses().iter().position(|w| line.names(&w.vkey));
        let (cosigned, log_lines): (Vec<Signature>, Vec<Signature>) = note
            .signatures
            .iter()
            .cloned()
            .partition(|line| witness_of(line).is_some());
        let mut lines = BTreeMap::new();
        for signature in cosigned {
            let at = witness_of(&signature)?;
            let vkey = &policy.witnesses()[at].vkey;
            let Some(timestamp) = cosignature::verify(vkey, &note.text, &signature.bytes) else {
                continue;
            };
            self.seats[at].seen = Some(published.tree.size);
            self.seats[at].said.cosigned(published.tree.size, timestamp);
            // Not asked again before its time: what it says now is as good as what a fresh line would.
            let age_ms = (now.wall.as_ms() / 1_000)
                .saturating_sub_unsigned(timestamp)
                .max(0);
            let got_ms = now.boot_ms.saturating_sub(age_ms.saturating_mul(1_000));
            lines.insert(
                at,
                Line {
                    timestamp,
                    got_ms,
                    signature,
                },
            );
        }
        let newest = lines.values().map(|line| line.timestamp).max();
        let met = policy.quorum_if(|at| lines.contains_key(&at)).met;
        let head = Arc::new(Head {
            tree: published.tree,
            note: Note {
                text: note.text.clone(),
                signatures: log_lines.clone(),
            }
            .encode(),
            time: published.time,
        });
        let size = published.tree.size;
        self.candidates.insert(
            size,
            Candidate {
                head,
                text: note.text,
                log_lines,
                lines,
            },
        );
        self.met = met.then_some(size);
        let ms = i64::try_from(newest?).ok()?.checked_mul(1_000)?;
        Time::from_ms(ms)
    }

    /// The policy, if cosignatures are gathered at all.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// Whether a checkpoint needs anybody's word.
    pub fn needs_witnesses(&self) -> bool {
        self.need() > 0
    }

    fn need(&self) -> usize {
        let policy = self.policy.as_ref();
        policy.map_or(0, |policy| policy.quorum_if(|_| false).need)
    }

    /// Whether a note that the log has signed meets the policy.
    pub fn meets(&self, note: &str) -> bool {
        match &self.policy {
            Some(policy) if self.need() > 0 => {
                let judged = policy.open(note.as_bytes());
                judged.is_ok_and(|judged| judged.quorum().met)
            }
            _ => true,
        }
    }

    /// Whom to ask for what, now. Whoever is in the answer is busy until [`Gathering::answered`] is told of it.
    pub fn tick(&mut self, head: &Arc<Head>, now: Reading) -> Vec<Ask> {
        self.watch_lag(head, now);
        let Some(policy) = &self.policy else {
            return Vec::new();
        };
        if head.tree.size == 0 {
            return Vec::new();
        }
        let reachable: Vec<bool> = policy.witnesses().iter().map(|w| w.url.is_some()).collect();
        if self.moves_on(head, &reachable, now) {
            self.target = Some(self.round(head, now));
        }
        let mut asks = Vec::new();
        for (witness, reachable) in reachable.into_iter().enumerate() {
            let seat = &self.seats[witness];
            if !reachable || seat.busy || now.boot_ms < seat.next_ms {
                continue;
            }
            let Some((old_size, head)) = self.wanted(witness, now) else {
                continue;
            };
            self.seats[witness].busy = true;
            asks.push(Ask {
                witness,
                old_size,
                head,
            });
        }
        asks
    }

    fn moves_on(&self, head: &Head, reachable: &[bool], now: Reading) -> bool {
        let Some(target) = self.target else {
            return true;
        };
        if head.tree.size <= target.size {
            return false;
        }
        let age_ms = now.boot_ms - target.since_ms;
        let past_it = self
            .seats
            .iter()
            .zip(reachable)
            .any(|(seat, reachable)| *reachable && seat.seen.is_some_and(|s| s > target.size));
        let met = self.need() == 0 || self.met.is_some_and(|met| met >= target.size);
        age_ms >= PATIENCE_MS || (age_ms >= ROUND_MS_MIN && (met || past_it))
    }

    fn round(&mut self, head: &Arc<Head>, now: Reading) -> Round {
        self.gather_for(head);
        Round {
            size: head.tree.size,
            since_ms: now.boot_ms,
        }
    }

    fn gather_for(&mut self, head: &Arc<Head>) {
        let size = head.tree.size;
        self.candidates.entry(size).or_insert_with(|| {
            let note = Note::parse(head.note.as_bytes()).expect("a head is a note that we signed");
            Candidate {
                head: head.clone(),
                text: note.text,
                log_lines: note.signatures,
                lines: BTreeMap::new(),
            }
        });
        let held = [
            Some(size),
            self.met,
            self.target.map(|round| round.size),
            self.offered.map(|round| round.size),
        ];
        while self.candidates.len() > CANDIDATES_MAX {
            let mut sizes = self.candidates.keys().copied();
            let Some(drop) = sizes.find(|size| !held.contains(&Some(*size))) else {
                break;
            };
            self.candidates.remove(&drop);
        }
    }

    /// The smallest checkpoint in hand that this witness can still cosign and has not, or has long ago; with the size to prove from.
    fn wanted(&self, witness: usize, now: Reading) -> Option<(u64, Arc<Head>)> {
        let seat = &self.seats[witness];
        let mut rounds: Vec<u64> = [self.offered, self.target]
            .iter()
            .flatten()
            .map(|round| round.size)
            .collect();
        rounds.sort_unstable();
        let newest = *rounds.last()?;
        for size in rounds {
            let candidate = self.candidates.get(&size)?;
            if let State::Ahead { .. } = seat.said.state {
                // It is asked again for what we have: perhaps it was mistaken.
                return (size == newest).then(|| (size, candidate.head.clone()));
            }
            let seen = seat.seen.unwrap_or(0);
            let passed = self.met.is_some_and(|met| met > size);
            if seen > size || passed {
                continue;
            }
            let due = match candidate.lines.get(&witness) {
                None => true,
                Some(line) => size == newest && now.boot_ms - line.got_ms >= RENEW_MS,
            };
            if due {
                return Some((seen, candidate.head.clone()));
            }
        }
        None
    }

    /// Takes an answer in. `head_size` is the head's at present: a witness may well be past what it was asked for.
    pub fn answered(
        &mut self,
        ask: &Ask,
        answer: Answer,
        head_size: u64,
        now: Reading,
    ) -> Option<Alarm> {
        let (witness, size) = (ask.witness, ask.head.tree.size);
        self.seats[witness].busy = false;
        match answer {
            Answer::Signed(lines) => {
                let vkey = &self.policy.as_ref()?.witnesses()[witness].vkey;
                // "Clients MUST ignore unknown keys": a witness may have several.
                let Some(line) = lines.iter().find(|line| line.names(vkey)).cloned() else {
                    self.failed(witness, State::OtherKey, now);
                    return None;
                };
                match self.count(witness, size, &line, Came::Answered, now) {
                    Ok(()) | Err(Uncounted::Past) => {
                        let seat = &mut self.seats[witness];
                        (seat.failures, seat.conflicts) = (0, 0);
                        // It came too late to count, and the witness has moved on to this size all the same.
                        seat.seen = seat.seen.max(Some(size));
                    }
                    Err(Uncounted::Signature) => self.failed(witness, State::BadSignature, now),
                    Err(Uncounted::Clock { off_s }) => {
                        self.seats[witness].seen = Some(size);
                        self.failed(witness, State::Clock { off_s }, now);
                    }
                }
                None
            }
            Answer::Size(seen) if seen > head_size => {
                self.failed(witness, State::Ahead { size: seen }, now);
                Some(Alarm::Ahead { size: seen })
            }
            // Witnesses of tlog-witness v1.0.0 answer 409 where later ones answer 422: it has this size, and another root.
            Answer::Size(seen) if seen == ask.old_size && seen == size => {
                self.failed(witness, State::Disagrees { size }, now);
                let said = format!("409 {seen}");
                Some(Alarm::Disagrees { said })
            }
            Answer::Size(seen) => {
                let seat = &mut self.seats[witness];
                seat.seen = Some(seen);
                seat.conflicts += 1;
                if seat.conflicts > CONFLICTS_MAX || seen == ask.old_size {
                    seat.conflicts = 0;
                    let said = format!("409 {seen}");
                    self.failed(witness, State::Refuses { status: 409, said }, now);
                } else {
                    seat.next_ms = now.boot_ms;
                    seat.said.state = State::CatchingUp;
                }
                None
            }
            Answer::Refused { status: 422, said } => {
                self.failed(witness, State::Disagrees { size }, now);
                Some(Alarm::Disagrees { said })
            }
            Answer::Refused { status, said } => {
                self.failed(witness, State::Refuses { status, said }, now);
                None
            }
            Answer::Failed(why) => {
                self.failed(witness, State::Silent { why }, now);
                None
            }
        }
    }

    fn failed(&mut self, witness: usize, state: State, now: Reading) {
        let seat = &mut self.seats[witness];
        seat.said.state = state;
        let pause_ms = BACKOFF_MS.0 << seat.failures.min(16);
        seat.failures = seat.failures.saturating_add(1);
        seat.next_ms = now.boot_ms + pause_ms.min(BACKOFF_MS.1);
    }

    /// Takes one line for the checkpoint of `size` in. The caller has seen to it that the tree of that size is ours.
    ///
    /// # Errors
    /// [`Uncounted`].
    pub fn count(
        &mut self,
        witness: usize,
        size: u64,
        line: &Signature,
        came: Came,
        now: Reading,
    ) -> Result<(), Uncounted> {
        let policy = self.policy.as_ref().ok_or(Uncounted::Past)?;
        let candidate = self.candidates.get_mut(&size).ok_or(Uncounted::Past)?;
        let vkey = &policy.witnesses()[witness].vkey;
        let timestamp = cosignature::verify(vkey, &candidate.text, &line.bytes);
        let timestamp = timestamp.ok_or(Uncounted::Signature)?;
        let now_s = now.wall.as_ms() / 1_000;
        let off_s = i64::try_from(timestamp)
            .unwrap_or(i64::MAX)
            .saturating_sub(now_s);
        let made_s = candidate.head.time.map(|time| time.as_ms() / 1_000);
        let seat = &mut self.seats[witness];
        // A line made just now tells the time. A delivered one may be old: near our clock it agrees with it, far from it it says nothing.
        if came == Came::Answered || off_s.abs() <= CLOCK_OFF_S_MAX {
            seat.fresh = Some((now.boot_ms, off_s));
        }
        let too_old = match came {
            Came::Answered => off_s < -CLOCK_OFF_S_MAX,
            Came::Delivered => {
                made_s.is_some_and(|made| now_s.saturating_add(off_s) < made - CLOCK_OFF_S_MAX)
            }
        };
        if off_s > CLOCK_OFF_S_MAX || too_old {
            return Err(Uncounted::Clock { off_s });
        }
        seat.seen = seat.seen.max(Some(size));
        seat.said.cosigned(size, timestamp);
        let newer = candidate
            .lines
            .get(&witness)
            .is_none_or(|line| line.timestamp <= timestamp);
        if newer {
            candidate.lines.insert(
                witness,
                Line {
                    timestamp,
                    got_ms: now.boot_ms,
                    signature: line.clone(),
                },
            );
        }
        let met = policy.quorum_if(|at| candidate.lines.contains_key(&at)).met;
        if met && self.met.is_none_or(|before| before < size) {
            self.met = Some(size);
            self.lag_since_ms = None;
            self.candidates = self.candidates.split_off(&size);
        }
        Ok(())
    }

    /// A witness that came by itself says, by its own verified signature, that it has more records or another tree.
    pub fn contradicted(&mut self, witness: usize, state: State, now: Reading) {
        self.failed(witness, state, now);
    }

    /// Makes lines for the head count, if it is the head that they are of.
    pub fn gather_for_head(&mut self, head: &Arc<Head>) {
        if self.met.is_none_or(|met| met <= head.tree.size) {
            self.gather_for(head);
        }
    }

    /// What a witness that comes by itself should cosign: the same for all of them until the policy is met, or for
    /// [`OFFER_MS_MAX`].
    pub fn offer(&mut self, head: &Arc<Head>, now: Reading) -> Arc<Head> {
        let stands = self.offered.filter(|offered| {
            let met = self.met.is_some_and(|met| met >= offered.size);
            let newer = head.tree.size > offered.size;
            let late = now.boot_ms - offered.since_ms >= OFFER_MS_MAX;
            self.candidates.contains_key(&offered.size) && !(newer && (met || late))
        });
        if stands.is_none() {
            // What a reachable witness has cosigned already is half way to a quorum; what nobody has is worth less than what is newer.
            let open = self.target.filter(|target| {
                let late = now.boot_ms - target.since_ms >= PATIENCE_MS;
                let begun = self.candidates.get(&target.size);
                !late
                    && begun.is_some_and(|begun| !begun.lines.is_empty())
                    && self.met.is_none_or(|met| met < target.size)
            });
            let size = match open {
                Some(target) => target.size,
                None => {
                    let round = self.round(head, now);
                    self.target = Some(round);
                    round.size
                }
            };
            self.offered = Some(Round {
                size,
                since_ms: now.boot_ms,
            });
        }
        let size = self.offered.expect("set two lines up").size;
        self.candidates[&size].head.clone()
    }

    fn watch_lag(&mut self, head: &Head, now: Reading) {
        if self.met.unwrap_or(0) >= head.tree.size {
            self.lag_since_ms = None;
        } else if self.lag_since_ms.is_none() {
            self.lag_since_ms = Some(now.boot_ms);
        }
    }

    /// Whether the policy has been unmet for so long that the operator wants to go on without.
    pub fn fails_open(&self, now: Reading) -> bool {
        let since = self.lag_since_ms.filter(|_| self.needs_witnesses());
        match (since, self.fail_open_ms) {
            (Some(since), Some(after)) => now.boot_ms - since >= after,
            _ => false,
        }
    }

    /// The checkpoint to publish: the largest that meets the policy; the head itself if nobody's word is needed, or if the ledger fails open.
    pub fn chosen(&self, head: &Arc<Head>, now: Reading) -> Option<Chosen> {
        let open = self.fails_open(now);
        let (size, met) = if self.need() == 0 || open {
            (head.tree.size, !open)
        } else {
            (self.met?, true)
        };
        let Some(candidate) = self.candidates.get(&size) else {
            return (size == head.tree.size && size > 0).then(|| Chosen {
                head: head.clone(),
                met,
            });
        };
        let mut signatures = candidate.log_lines.clone();
        signatures.extend(candidate.lines.values().map(|line| line.signature.clone()));
        let note = Note {
            text: candidate.text.clone(),
            signatures,
        }
        .encode();
        // Twice: what was counted line by line is judged once more as a stranger would, before anybody is shown it.
        if met && !self.meets(&note) {
            tracing::error!(size, note, "a checkpoint that was counted as met is not");
            return None;
        }
        Some(Chosen {
            head: Arc::new(Head {
                note,
                ..(*candidate.head).clone()
            }),
            met,
        })
    }

    /// That the witnesses who answered lately, and after `since_ms`, agree with our clock, or that they say it is wrong by so many seconds;
    /// `None` if they are too few to be believed.
    pub fn clock(&self, since_ms: i64, now: Reading) -> Option<Result<(), i64>> {
        let policy = self.policy.as_ref().filter(|_| self.needs_witnesses())?;
        let fresh = |at: usize| {
            let (got_ms, off_s) = self.seats[at].fresh?;
            (got_ms > since_ms && now.boot_ms - got_ms <= FRESH_MS).then_some(off_s)
        };
        let near = |off_s: i64| off_s.abs() <= CLOCK_OFF_S_MAX;
        if policy.quorum_if(|at| fresh(at).is_some_and(near)).met {
            return Some(Ok(()));
        }
        let far = |at: usize| fresh(at).filter(|off_s| !near(*off_s));
        if policy.quorum_if(|at| far(at).is_some()).met {
            let mut offs: Vec<i64> = (0..self.seats.len()).filter_map(far).collect();
            offs.sort_unstable();
            return Some(Err(offs[offs.len() / 2]));
        }
        None
    }

    /// Asks everybody again soon: our clock is in doubt, or the ledger is being opened.
    pub fn hurry(&mut self, now: Reading) {
        for candidate in self.candidates.values_mut() {
            for line in candidate.lines.values_mut() {
                if now.boot_ms - line.got_ms >= FRESH_MS / 4 {
                    line.got_ms = line.got_ms.min(now.boot_ms - RENEW_MS);
                }
            }
        }
    }

    /// What the log's own signatures prove against it.
    pub fn prove(&mut self, what: String) {
        self.proved.get_or_insert(what);
    }

    /// Why nothing may be written: it is proved that the log key has signed another history, or a witness is ahead.
    pub fn holds(&self) -> Option<String> {
        if let Some(what) = &self.proved {
            return Some(what.clone());
        }
        let names = self.policy.as_ref()?.witnesses();
        self.seats.iter().zip(names).find_map(|(seat, witness)| {
            let State::Ahead { size } = seat.said.state else {
                return None;
            };
            Some(format!(
                "witness {} has cosigned {size} records of this log, more than there are here: the ledger was restored from an older copy, or \
                 its key is used elsewhere; see docs/operations.md, restore",
                witness.name
            ))
        })
    }

    /// Size of the largest checkpoint that met the policy, and since when the head is larger.
    pub fn lag(&self) -> (Option<u64>, Option<i64>) {
        (self.met, self.lag_since_ms)
    }

    /// How many of the quorum have cosigned the checkpoint of this size.
    pub fn have(&self, size: u64) -> usize {
        let candidate = self.candidates.get(&size);
        let policy = self.policy.as_ref();
        policy.map_or(0, |policy| {
            policy
                .quorum_if(|at| candidate.is_some_and(|c| c.lines.contains_key(&at)))
                .have
        })
    }
}
