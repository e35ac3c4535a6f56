//! What each witness of the policy last did: whether it is being asked, when it may be asked again, what it has cosigned, which time it
//! told. Pure.

use super::status::{LastSeen, State};
use crate::ledger::clock::Reading;

/// The first and the longest pause after a witness has failed.
pub(super) const BACKOFF_MS: (i64, i64) = (1_000, 60_000);
/// Sizes told by 409 in a row before it counts as a failure.
const CONFLICTS_MAX: u32 = 3;
/// A witness's clock and ours may differ by this much.
pub(super) const CLOCK_OFF_S_MAX: i64 = 300;
/// A witness's time vouches for our clock this long.
pub(super) const FRESH_MS: i64 = 120_000;

/// One witness of the policy.
#[derive(Debug)]
pub(in crate::ledger) struct Seat {
    pub last_seen: LastSeen,
    /// What it has cosigned last, as far as is known.
    pub seen: Option<u64>,
    /// A request to it is under way.
    pub busy: bool,
    /// Not asked before this, by the boot-time clock.
    pub next_ms: i64,
    failures: u32,
    conflicts: u32,
    /// When it last answered us with a time, and how far that was from ours.
    fresh: Option<(i64, i64)>,
    /// It had another tree when the ledger was started, before anything was signed.
    pub was_beside: bool,
}

impl Seat {
    pub fn new() -> Seat {
        Seat {
            last_seen: LastSeen::default(),
            seen: None,
            busy: false,
            next_ms: i64::MIN,
            failures: 0,
            conflicts: 0,
            fresh: None,
            was_beside: false,
        }
    }

    /// May be asked.
    pub fn is_free(&self, now: Reading) -> bool {
        !self.busy && now.boot_ms >= self.next_ms
    }

    /// It cosigned what it was asked for, whether or not its line was still wanted.
    pub fn answered(&mut self, size: u64) {
        (self.failures, self.conflicts) = (0, 0);
        self.has_seen(size);
    }

    pub fn has_seen(&mut self, size: u64) {
        self.seen = self.seen.max(Some(size));
    }

    /// It failed, and is left alone for a while that grows.
    pub fn failed(&mut self, state: State, now: Reading) {
        // Silence takes nothing back: who said that it has more records has them still.
        let is_ahead = matches!(self.last_seen.state, State::Ahead { .. });
        if !(is_ahead && matches!(state, State::Silent { .. } | State::Refuses { .. })) {
            self.last_seen.state = state;
        }
        let pause_ms = BACKOFF_MS.0 << self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        self.next_ms = now.boot_ms + pause_ms.min(BACKOFF_MS.1);
    }

    /// It has this size and wants a proof from there: it is asked again at once, but not for ever.
    pub fn corrected(&mut self, seen: u64, was_told: bool, now: Reading) {
        self.seen = Some(seen);
        self.conflicts += 1;
        if self.conflicts > CONFLICTS_MAX || was_told {
            self.conflicts = 0;
            let said = format!("409 {seen}");
            self.failed(State::Refuses { status: 409, said }, now);
        } else {
            self.next_ms = now.boot_ms;
            self.last_seen.state = State::CatchingUp;
        }
    }

    /// It told the time.
    pub fn told_time(&mut self, off_s: i64, now: Reading) {
        self.fresh = Some((now.boot_ms, off_s));
    }

    /// How far its time is from ours, if it told it after `since_ms` and lately.
    fn off_s(&self, since_ms: i64, now: Reading) -> Option<i64> {
        let (got_ms, off_s) = self.fresh?;
        (got_ms > since_ms && now.boot_ms - got_ms <= FRESH_MS).then_some(off_s)
    }

    /// It is there and does what it is asked for, as far as is known.
    pub fn answers(&self) -> bool {
        matches!(self.last_seen.state, State::Cosigns | State::CatchingUp)
    }
}

/// What the witnesses say of our clock: that they who answered lately, and after `since_ms`, agree with it, or that it is wrong by so many
/// seconds; `None` if they are too few to be believed. `met` says whether a set of seats is a quorum.
pub(super) fn clock(
    seats: &[Seat],
    since_ms: i64,
    now: Reading,
    met: impl Fn(&dyn Fn(usize) -> bool) -> bool,
) -> Option<Result<(), i64>> {
    let off_s = |at: usize| seats[at].off_s(since_ms, now);
    let is_near = |off_s: i64| off_s.abs() <= CLOCK_OFF_S_MAX;
    if met(&|at| off_s(at).is_some_and(is_near)) {
        return Some(Ok(()));
    }
    let far = |at: usize| off_s(at).filter(|off_s| !is_near(*off_s));
    if met(&|at| far(at).is_some()) {
        let mut offs: Vec<i64> = (0..seats.len()).filter_map(far).collect();
        offs.sort_unstable();
        return Some(Err(offs[offs.len() / 2]));
    }
    None
}
