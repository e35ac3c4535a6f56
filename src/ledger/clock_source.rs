//! The clock that the ledger stamps by, and its guard.

use std::sync::Mutex;

use super::clock::{Clock, ClockFault, ClockGuard};
use crate::trade::time::Time;

/// The clock and its guard.
pub(super) struct ClockSource {
    pub clock: Clock,
    pub guard: Mutex<ClockGuard>,
}

impl std::fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClockSource")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

impl ClockSource {
    /// The wall clock, unless the guard does not believe it.
    pub fn now(&self) -> Result<Time, ClockFault> {
        let reading = (self.clock)();
        let mut guard = self.guard.lock().expect("no panic while holding the guard");
        match guard.look(reading) {
            Some(fault) => Err(fault.clone()),
            None => Ok(reading.wall),
        }
    }

    /// What was believed all the same.
    pub fn warning(&self) -> Option<ClockFault> {
        let guard = self.guard.lock().expect("no panic while holding the guard");
        guard.warning().cloned()
    }

    /// Since when the clock is not believed, by the boot-time clock.
    pub fn doubted_since_ms(&self) -> Option<i64> {
        let guard = self.guard.lock().expect("no panic while holding the guard");
        guard.doubted_since_ms()
    }

    /// A quorum of witnesses says that the clock is right, or wrong by so many seconds.
    pub fn told(&self, word: Result<(), i64>) {
        let mut guard = self.guard.lock().expect("no panic while holding the guard");
        guard.told(word);
    }
}
