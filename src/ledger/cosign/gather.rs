//! Which witness is asked for which checkpoint and when, whose word counts, and whether the policy is met: all that the cosign loop decides.
//!
//! Promises: a line counts only if it is by the policy's key, over exactly the text that this log has signed, at a time that can be; a
//! witness that is slow or dead delays nobody else; the checkpoint that is chosen never gets smaller.
//!
//! | part | what it knows |
//! | --- | --- |
//! | [`Rounds`] | the checkpoints for which lines are gathered: whatever is aimed at or offered is one of them |
//! | [`Seat`] | a witness and what it last did; from all of them, what they say of our clock |
//! | here | both, held against the policy |
//!
//! What moves a round are heads, answers, deliveries by witnesses of the policy, and time. A reader's request moves nothing.
//!
//! Pure: heads, answers and the time are arguments. Asks nobody, writes nothing, and verifies no tree (who calls has the tiles).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rounds::{Candidate, Line, Rounds};
use super::seats::{self, CLOCK_OFF_S_MAX, FRESH_MS, Seat};
use super::status::State;
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
/// What a witness that came by itself has cosigned is offered to the others for so long, or two that come at different times would never
/// cosign one checkpoint.
pub(super) const OFFER_MS_MAX: i64 = 300_000;
/// The same size is cosigned again after this long.
pub(super) const RENEW_MS: i64 = 600_000;
/// A head that no quorum has cosigned for longer than this is an alarm: witnesses answer within seconds.
pub(super) const LAG_MS_MAX: i64 = 60_000;

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

/// The head waits for a quorum for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) struct Overdue {
    /// For so long.
    pub lag_s: i64,
    /// Whether as many witnesses answer as are needed.
    pub witnesses_answer: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub(in crate::ledger) struct Gathering {
    policy: Option<Policy>,
    fail_open_ms: Option<i64>,
    pub(super) seats: Vec<Seat>,
    rounds: Rounds,
    /// Since when the head is larger than what met the policy.
    lag_since_ms: Option<i64>,
    /// What is proved by the log's own signatures: it stands until the process ends.
    proved: Option<String>,
    /// What was judged to meet the policy: judged again only when a line has come.
    judged: Option<Chosen>,
}

impl Gathering {
    /// Nothing is known of any witness yet.
    pub fn new(policy: Option<Policy>, fail_open_ms: Option<i64>) -> Gathering {
        let count = policy.as_ref().map_or(0, |policy| policy.witnesses().len());
        Gathering {
            policy,
            fail_open_ms,
            seats: std::iter::repeat_with(Seat::new).take(count).collect(),
            rounds: Rounds::default(),
            lag_since_ms: None,
            proved: None,
            judged: None,
        }
    }

    /// Takes the published checkpoint in: its lines tell what each witness has seen. The answer: the time of its newest line, which is
    /// evidence of time.
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
            self.seats[at].has_seen(published.tree.size);
            self.seats[at]
                .last_seen
                .cosigned(published.tree.size, timestamp);
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
                text: note.text,
                signatures: log_lines,
            }
            .encode(),
            time: published.time,
        });
        self.rounds.begin(&head, lines, met);
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
            self.rounds.aim(head, now.boot_ms);
        }
        self.settle_offer(now);
        let mut asks = Vec::new();
        for (witness, reachable) in reachable.into_iter().enumerate() {
            if !reachable || !self.seats[witness].is_free(now) {
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
        let Some((target, since_ms)) = self.rounds.target() else {
            return true;
        };
        let size = target.size();
        if head.tree.size <= size {
            return false;
        }
        let age_ms = now.boot_ms - since_ms;
        let past_it = self
            .seats
            .iter()
            .zip(reachable)
            .any(|(seat, reachable)| *reachable && seat.seen.is_some_and(|seen| seen > size));
        let met = self.need() == 0 || self.rounds.met().is_some_and(|met| met >= size);
        age_ms >= PATIENCE_MS || (age_ms >= ROUND_MS_MIN && (met || past_it))
    }

    /// What was offered stays until it is met, for a time, and as long as it can be met. Then it is the newest that a witness has brought a
    /// line for and that can be; else whatever is aimed at.
    fn settle_offer(&mut self, now: Reading) {
        let lives = |candidate: &Candidate| {
            let brought = candidate.brought_ms;
            brought.is_some_and(|brought_ms| now.boot_ms - brought_ms < OFFER_MS_MAX)
                && self.rounds.met() != Some(candidate.size())
                && self.can_meet(candidate)
        };
        if self.rounds.offered().is_some_and(lives) {
            return;
        }
        let next = self.rounds.all().rev().find(|candidate| lives(candidate));
        let next = next.map(Candidate::size);
        self.rounds.offer(next);
    }

    /// Whether so many have cosigned this one, or can still, that the policy may be met: no witness cosigns less than it has seen.
    fn can_meet(&self, candidate: &Candidate) -> bool {
        let can = |at: usize| {
            candidate.lines.contains_key(&at)
                || self.seats[at].seen.unwrap_or(0) <= candidate.size()
        };
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| policy.quorum_if(can).met)
    }

    /// The smallest checkpoint in hand that this witness can still cosign and has not, or has long ago; with the size to prove from.
    fn wanted(&self, witness: usize, now: Reading) -> Option<(u64, Arc<Head>)> {
        let seat = &self.seats[witness];
        let newest = self.rounds.in_hand().next_back()?.size();
        for candidate in self.rounds.in_hand() {
            let size = candidate.size();
            if let State::Ahead { .. } = seat.last_seen.state {
                // It is asked again for what we have: perhaps it was mistaken.
                if size == newest {
                    return Some((size, candidate.head.clone()));
                }
                continue;
            }
            let seen = seat.seen.unwrap_or(0);
            if seen > size || self.rounds.is_passed(size) {
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
                    self.seats[witness].failed(State::OtherKey, now);
                    return None;
                };
                let counted = self.count(witness, size, &line, Came::Answered, now);
                let seat = &mut self.seats[witness];
                match counted {
                    // One that came too late to count is a good one all the same.
                    Ok(()) | Err(Uncounted::Past) => seat.answered(size),
                    Err(Uncounted::Signature) => seat.failed(State::BadSignature, now),
                    Err(Uncounted::Clock { off_s }) => {
                        seat.seen = Some(size);
                        seat.failed(State::Clock { off_s }, now);
                    }
                }
                None
            }
            Answer::Size(seen) if seen > head_size => {
                self.seats[witness].failed(State::Ahead { size: seen }, now);
                Some(Alarm::Ahead { size: seen })
            }
            // Witnesses of tlog-witness v1.0.0 answer 409 where later ones answer 422: it has this size, and another root.
            Answer::Size(seen) if seen == ask.old_size && seen == size => {
                self.seats[witness].failed(State::Disagrees { size }, now);
                let said = format!("409 {seen}");
                Some(Alarm::Disagrees { said })
            }
            Answer::Size(seen) => {
                self.seats[witness].corrected(seen, seen == ask.old_size, now);
                None
            }
            Answer::Refused { status: 422, said } => {
                self.seats[witness].failed(State::Disagrees { size }, now);
                Some(Alarm::Disagrees { said })
            }
            Answer::Refused { status, said } => {
                self.seats[witness].failed(State::Refuses { status, said }, now);
                None
            }
            Answer::Failed(why) => {
                self.seats[witness].failed(State::Silent { why }, now);
                None
            }
        }
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
        let candidate = self.rounds.get_mut(size).ok_or(Uncounted::Past)?;
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
            seat.told_time(off_s, now);
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
        seat.has_seen(size);
        seat.last_seen.cosigned(size, timestamp);
        if came == Came::Delivered {
            candidate.brought_ms.get_or_insert(now.boot_ms);
        }
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
            self.judged = None;
        }
        let met = policy.quorum_if(|at| candidate.lines.contains_key(&at)).met;
        if met && self.rounds.meet(size) {
            self.lag_since_ms = None;
        }
        self.settle_offer(now);
        Ok(())
    }

    /// A witness that came by itself says, by its own verified signature, that it has more records or another tree.
    pub fn contradicted(&mut self, witness: usize, state: State, now: Reading) {
        self.seats[witness].failed(state, now);
    }

    /// It said at start that it has another tree: nothing is signed until it cosigns this one. (Later its word alone holds up nothing:
    /// what was given out is given out, and evidence is looked for.)
    pub fn is_beside(&mut self, witness: usize, size: u64, now: Reading) {
        self.seats[witness].was_beside = true;
        self.seats[witness].failed(State::Disagrees { size }, now);
    }

    /// Makes lines for the head count, if it is the head that they are of.
    pub fn gather_for_head(&mut self, head: &Arc<Head>) {
        self.rounds.add(head);
    }

    /// What a witness that comes by itself should cosign: what another of them has cosigned already, until the policy is met; else what the
    /// reachable ones are asked for, which may be half way to a quorum. Whoever asks moves nothing.
    pub fn to_cosign(&self, head: &Arc<Head>) -> Arc<Head> {
        let target = self.rounds.target().map(|(target, _)| target);
        let open = target.filter(|target| self.rounds.met() != Some(target.size()));
        match self.rounds.offered().or(open) {
            Some(candidate) => candidate.head.clone(),
            None => head.clone(),
        }
    }

    fn watch_lag(&mut self, head: &Head, now: Reading) {
        if self.rounds.met().unwrap_or(0) >= head.tree.size {
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

    /// Whether the head has waited for a quorum longer than witnesses that answer would take; with it, whether a quorum of them answers, so
    /// that the fault lies here.
    pub fn overdue(&self, now: Reading) -> Option<Overdue> {
        let policy = self.policy.as_ref().filter(|_| self.needs_witnesses())?;
        let lag_ms = now.boot_ms - self.lag_since_ms?;
        let answer = policy.quorum_if(|at| self.seats[at].answers()).met;
        (lag_ms > LAG_MS_MAX).then_some(Overdue {
            lag_s: lag_ms / 1_000,
            witnesses_answer: answer,
        })
    }

    /// The checkpoint to publish: the largest that meets the policy; the head itself if nobody's word is needed, or if the ledger fails open.
    pub fn chosen(&mut self, head: &Arc<Head>, now: Reading) -> Option<Chosen> {
        let open = self.fails_open(now);
        let (size, met) = if self.need() == 0 || open {
            (head.tree.size, !open)
        } else {
            (self.rounds.met()?, true)
        };
        let judged = self.judged.as_ref();
        if let Some(judged) = judged.filter(|one| one.head.tree.size == size && one.met == met) {
            return Some(judged.clone());
        }
        let Some(candidate) = self.rounds.get(size) else {
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
        let chosen = Chosen {
            head: Arc::new(Head {
                note,
                ..(*candidate.head).clone()
            }),
            met,
        };
        self.judged = Some(chosen.clone());
        Some(chosen)
    }

    /// That the witnesses who answered lately, and after `since_ms`, agree with our clock, or that they say it is wrong by so many seconds;
    /// `None` if they are too few to be believed.
    pub fn clock(&self, since_ms: i64, now: Reading) -> Option<Result<(), i64>> {
        let policy = self.policy.as_ref().filter(|_| self.needs_witnesses())?;
        seats::clock(&self.seats, since_ms, now, |those| {
            policy.quorum_if(those).met
        })
    }

    /// Asks everybody again soon: our clock is in doubt, or the ledger is being opened.
    pub fn hurry(&mut self, now: Reading) {
        for candidate in self.rounds.all_mut() {
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
            let name = &witness.name;
            if let State::Ahead { size } = seat.last_seen.state {
                return Some(format!(
                    "witness {name} has cosigned {size} records of this log, more than there are here: the ledger was restored from an older copy, \
                     or its key is used elsewhere; see docs/operations.md, restore"
                ));
            }
            let cosigns = matches!(seat.last_seen.state, State::Cosigns);
            (seat.was_beside && !cosigns).then(|| {
                format!(
                    "witness {name} said at start that it has cosigned another tree than this ledger's: there may be two histories; see \
                     docs/operations.md, disaster"
                )
            })
        })
    }

    /// Size of the largest checkpoint that met the policy, and since when the head is larger.
    pub fn lag(&self) -> (Option<u64>, Option<i64>) {
        (self.rounds.met(), self.lag_since_ms)
    }

    /// How many of the quorum have cosigned the checkpoint of this size.
    pub fn have(&self, size: u64) -> usize {
        let candidate = self.rounds.get(size);
        let policy = self.policy.as_ref();
        policy.map_or(0, |policy| {
            policy
                .quorum_if(|at| candidate.is_some_and(|c| c.lines.contains_key(&at)))
                .have
        })
    }
    /// For tests: what holds whatever came.
    #[cfg(test)]
    pub fn check(&self) {
        self.rounds.check();
    }
}
