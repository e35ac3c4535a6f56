//! The ledger's clock, and the guard that keeps a wrong one from stamping the log for ever (F10): record time never goes back, so one
//! record stamped in 2036 would stamp every later one.
//!
//! Two readings are compared: the wall clock may be set, the boot-time clock (which counts through suspend, so a sleeping laptop does not
//! trip the guard) may not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::trade::time::Time;

/// What both clocks say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// UTC, may jump.
    pub wall: Time,
    /// Milliseconds since the machine started, never jumps.
    pub boot_ms: i64,
}

/// Asked for a reading whenever one is needed; tests hand in their own.
pub type Clock = Arc<dyn Fn() -> Reading + Send + Sync>;

/// The machine's clocks.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Reading {
            wall: Time::from_ms(i64::try_from(wall).unwrap_or(i64::MAX)).unwrap_or(Time::MIN),
            boot_ms: boot.tv_sec * 1_000 + boot.tv_nsec / 1_000_000,
        }
    })
}

/// The two clocks may drift apart by this much between two looks.
pub const JUMP_MS_MAX: i64 = 5_000;
/// The wall clock may be this much past the newest evidence of time when the ledger opens.
pub const START_GAP_MS_MAX: i64 = 24 * 3_600_000;

/// Why the clock is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// Set while running.
    #[error(
        "the wall clock moved by {moved_ms} ms against the boot-time clock, at most {JUMP_MS_MAX} ms is believed: check the time, then start with --operator-word clock"
    )]
    Jumped {
        /// Forward positive.
        moved_ms: i64,
    },
    /// Far past everything known when the ledger opened.
    #[error(
        "the wall clock says {wall}, more than 24 h past the newest evidence of time, {evidence}: check the time, then start with --operator-word clock"
    )]
    Ahead {
        /// The clock.
        wall: Time,
        /// Last record or last stamp.
        evidence: Time,
    },
    /// A quorum of witnesses has another time.
    #[error(
        "a quorum of witnesses is {off_s} s away from this machine's clock, at most 300 s is believed: set the clock; writing goes on by itself"
    )]
    Witnesses {
        /// Positive: the witnesses are ahead.
        off_s: i64,
    },
}

/// Compares the clocks, from opening on.
#[derive(Debug)]
pub struct ClockGuard {
    last: Reading,
    fault: Option<ClockFault>,
    /// When the fault was seen, by the boot-time clock.
    fault_ms: i64,
    stamp: Option<PathBuf>,
    stamped_boot_ms: i64,
}

/// The stamp is renewed this often.
const STAMP_MS: i64 = 60_000;

impl ClockGuard {
    /// Starts from the first reading. `newest_record` is the newest record's time; `stamp` the file beside last-signed that keeps the time
    /// last seen; `believed` is the operator's word that the clock is right.
    pub fn start(
        now: Reading,
        newest_record: Option<Time>,
        stamp: Option<&Path>,
        believed: bool,
    ) -> ClockGuard {
        let stamped =
            stamp.and_then(|path| Time::parse(fs::read_to_string(path).ok()?.trim()).ok());
        let evidence = newest_record.max(stamped);
        let fault = evidence
            .filter(|evidence| !believed && now.wall.as_ms() - evidence.as_ms() > START_GAP_MS_MAX)
            .map(|evidence| ClockFault::Ahead {
                wall: now.wall,
                evidence,
            });
        ClockGuard {
            last: now,
            fault,
            fault_ms: now.boot_ms,
            stamp: stamp.map(Path::to_owned),
            stamped_boot_ms: now.boot_ms - STAMP_MS,
        }
    }

    /// Takes the next reading in. The answer is the fault that stands, if one does: it stands until the ledger is opened
    /// again, or a quorum of witnesses says that the clock is right.
    pub fn look(&mut self, now: Reading) -> Option<&ClockFault> {
        let moved_ms =
            (now.wall.as_ms() - self.last.wall.as_ms()) - (now.boot_ms - self.last.boot_ms);
        self.last = now;
        if self.fault.is_none() && moved_ms.abs() > JUMP_MS_MAX {
            self.fault = Some(ClockFault::Jumped { moved_ms });
            self.fault_ms = now.boot_ms;
        }
        if self.fault.is_none() && now.boot_ms - self.stamped_boot_ms >= STAMP_MS {
            self.stamped_boot_ms = now.boot_ms;
            self.keep_stamp(now.wall);
        }
        self.fault.as_ref()
    }

    /// Since when the clock is not believed.
    pub fn doubted_since_ms(&self) -> Option<i64> {
        self.fault.as_ref().map(|_| self.fault_ms)
    }

    /// What a quorum of witnesses says of the clock, by answers that are newer than the fault: that it is right, which ends every doubt, or
    /// that it is wrong by so many seconds.
    pub fn told(&mut self, word: Result<(), i64>) {
        match word {
            Ok(()) => {
                if let Some(fault) = self.fault.take() {
                    tracing::warn!(%fault, "the witnesses say that the clock is right: writing goes on");
                }
            }
            Err(off_s) => {
                let fault = ClockFault::Witnesses { off_s };
                if self.fault.is_none() {
                    tracing::error!(%fault, "nothing is written any more");
                    self.fault_ms = self.last.boot_ms;
                    self.fault = Some(fault);
                }
            }
        }
    }

    /// Goes on from here: the fault was told, and there is nobody to ask.
    pub fn forgive(&mut self) {
        self.fault = None;
    }

    /// A lost stamp only makes the guard ask the operator once too often, so it is not synced and a failure is only told.
    fn keep_stamp(&self, wall: Time) {
        let Some(path) = &self.stamp else { return };
        if let Err(failure) = fs::write(path, format!("{wall}\n")) {
            tracing::warn!(path = %path.display(), %failure, "the time last seen could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_800_000_000_000;

    fn reading(wall_ms: i64, boot_ms: i64) -> Reading {
        Reading {
            wall: Time::from_ms(START + wall_ms).unwrap(),
            boot_ms,
        }
    }

    #[test]
    fn steps_beyond_five_seconds_are_seen_either_way_and_stay() {
        for (step_ms, seen) in [
            (0, false),
            (5_000, false),
            (-5_000, false),
            (5_001, true),
            (-5_001, true),
            (315_360_000_000, true),
        ] {
            let mut guard = ClockGuard::start(reading(0, 0), None, None, false);
            assert_eq!(guard.look(reading(1_000, 1_000)), None);
            assert_eq!(
                guard.look(reading(2_000 + step_ms, 2_000)).is_some(),
                seen,
                "{step_ms}"
            );
            assert_eq!(
                guard.look(reading(3_000 + step_ms, 3_000)).is_some(),
                seen,
                "{step_ms} stays"
            );
        }
    }

    #[test]
    fn a_quorum_of_witnesses_ends_a_doubt_or_begins_one() {
        let mut guard = ClockGuard::start(reading(0, 0), None, None, false);
        guard.told(Ok(()));
        assert_eq!(guard.doubted_since_ms(), None);
        guard.told(Err(-400));
        assert!(matches!(
            guard.look(reading(1_000, 1_000)),
            Some(ClockFault::Witnesses { off_s: -400 })
        ));
        guard.told(Ok(()));
        assert_eq!(guard.look(reading(2_000, 2_000)), None);
        assert!(guard.look(reading(60_000, 3_000)).is_some());
        assert_eq!(guard.doubted_since_ms(), Some(3_000));
        guard.told(Ok(()));
        assert_eq!(guard.look(reading(61_000, 4_000)), None);
    }

    #[test]
    fn a_sleeping_machine_is_no_jump() {
        let mut guard = ClockGuard::start(reading(0, 0), None, None, false);
        assert_eq!(guard.look(reading(9 * 3_600_000, 9 * 3_600_000)), None);
    }

    #[test]
    fn a_day_past_all_evidence_needs_the_operators_word() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("last-seen");
        let record = Time::from_ms(START).unwrap();
        let ahead = reading(START_GAP_MS_MAX + 1, 0);
        assert!(
            ClockGuard::start(reading(START_GAP_MS_MAX, 0), Some(record), None, false)
                .look(reading(START_GAP_MS_MAX, 0))
                .is_none()
        );
        assert!(matches!(
            ClockGuard::start(ahead, Some(record), None, false).look(ahead),
            Some(ClockFault::Ahead { .. })
        ));
        assert!(
            ClockGuard::start(ahead, Some(record), None, true)
                .look(ahead)
                .is_none()
        );
        // The stamp of the minute before is evidence too.
        let mut guard = ClockGuard::start(reading(0, 0), Some(record), Some(&stamp), false);
        guard.look(reading(10 * 3_600_000, 10 * 3_600_000));
        assert!(
            ClockGuard::start(ahead, Some(record), Some(&stamp), false)
                .look(ahead)
                .is_none()
        );
    }
}
