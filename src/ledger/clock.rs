//! The ledger's clock, and the guard that keeps a wrong one from stamping the log for ever (F10): record time never goes back, so one
//! record stamped in 2036 would stamp every later one.
//!
//! Two readings are compared: the wall clock may be set, the boot-time clock (which counts through suspend, so a sleeping laptop does not
//! trip the guard) may not.

use crate::lang::Bilingual;
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

/// Between two looks the two clocks may drift apart by this much without a word.
pub const JUMP_MS_MAX: i64 = 5_000;
/// The wall clock may be this much past the newest evidence of time when the ledger opens without a word.
pub const START_GAP_MS_MAX: i64 = 24 * 3_600_000;
/// Without witnesses nobody else can tell the time. Up to here, in all since the ledger was opened, it warns and goes on.
pub const JUMP_ALONE_MS_MAX: i64 = 3_600_000;
/// The same at start: a trial ledger goes on after a holiday.
pub const START_GAP_ALONE_MS_MAX: i64 = 30 * 24 * 3_600_000;
/// A clock this much behind the newest record is told of.
const BEHIND_MS_MAX: i64 = 300_000;
/// A warning is shown for so long.
const WARNING_MS: i64 = 24 * 3_600_000;

/// Why the clock is not believed, or not without a warning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    /// Set while running.
    #[error(
        "the wall clock moved by {} s against the boot-time clock, at most {} s is believed: check the time, then start with --operator-word clock",
        .moved_ms / 1_000, .max_ms / 1_000
    )]
    Jumped {
        /// Forward positive.
        moved_ms: i64,
        /// What would be believed.
        max_ms: i64,
    },
    /// Far past everything known when the ledger opened.
    #[error(
        "the wall clock says {wall}, more than {} h past the newest evidence of time, {evidence}: check the time, then start with --operator-word clock",
        .max_ms / 3_600_000
    )]
    Ahead {
        /// The clock.
        wall: Time,
        /// Last record or last stamp.
        evidence: Time,
        /// What would be believed.
        max_ms: i64,
    },
    /// Behind the newest record: the times of records stand still until the clock has passed it.
    #[error(
        "the wall clock says {wall}, the newest record is dated {newest}: check the time; if it is right, records were logged by a clock that was ahead"
    )]
    Behind {
        /// The clock.
        wall: Time,
        /// The newest record's time.
        newest: Time,
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

impl Bilingual for ClockFault {
    fn zh(&self) -> String {
        match self {
            ClockFault::Jumped { moved_ms, max_ms } => format!(
                "系统时间相对开机时钟变动了 {} 秒，最多采信 {} 秒：请核对时间，确认无误后用 --operator-word clock 启动",
                moved_ms / 1_000,
                max_ms / 1_000
            ),
            ClockFault::Ahead {
                wall,
                evidence,
                max_ms,
            } => format!(
                "系统时间为 {wall}，比已知最近的时间 {evidence} 晚了 {} 小时以上：请核对时间，确认无误后用 --operator-word clock 启动",
                max_ms / 3_600_000
            ),
            ClockFault::Behind { wall, newest } => format!(
                "系统时间为 {wall}，而最新记录的时间为 {newest}：请核对时间；如果时间无误，则此前有记录是按走快的时钟登记的"
            ),
            ClockFault::Witnesses { off_s } => format!(
                "达到法定数的见证方与本机时间相差 {off_s} 秒，最多采信 300 秒：请校准时间，之后自行恢复写入"
            ),
        }
    }
}

/// Compares the clocks, from opening on.
#[derive(Debug)]
pub struct ClockGuard {
    last: Reading,
    /// The reading at opening: many small steps are one large one.
    first: Reading,
    fault: Option<ClockFault>,
    /// When the fault was seen, by the boot-time clock.
    fault_ms: i64,
    /// What was believed all the same, and since when it is told.
    warning: Option<(ClockFault, i64)>,
    /// Whether there are witnesses who can tell the time.
    witnessed: bool,
    stamp: Option<PathBuf>,
    stamped_boot_ms: i64,
}

/// The stamp is renewed this often.
const STAMP_MS: i64 = 60_000;
/// The stamp's second line, after a step that stopped the writing: the next start has to be as near as a step may be.
const DOUBTED: &str = "doubted";

impl ClockGuard {
    /// Starts from the first reading. `newest_record` is the newest record's time, or a cosignature's; `stamp` the file beside last-signed
    /// that keeps the time last seen; `believed` is the operator's word that the clock is right; `witnessed`, whether there are witnesses.
    pub fn start(
        now: Reading,
        newest_record: Option<Time>,
        stamp: Option<&Path>,
        believed: bool,
        witnessed: bool,
    ) -> ClockGuard {
        let (stamped, doubted) = stamp.map_or((None, false), read_stamp);
        let max_ms = match (witnessed, doubted) {
            (true, _) => START_GAP_MS_MAX,
            (false, true) => JUMP_ALONE_MS_MAX,
            (false, false) => START_GAP_ALONE_MS_MAX,
        };
        let mut guard = ClockGuard {
            last: now,
            first: now,
            fault: None,
            fault_ms: now.boot_ms,
            warning: None,
            witnessed,
            stamp: stamp.map(Path::to_owned),
            stamped_boot_ms: now.boot_ms - STAMP_MS,
        };
        let ahead = |max_ms: i64| {
            let evidence = newest_record.max(stamped)?;
            let gap_ms = now.wall.as_ms() - evidence.as_ms();
            (!believed && gap_ms > max_ms).then_some(ClockFault::Ahead {
                wall: now.wall,
                evidence,
                max_ms,
            })
        };
        let behind =
            newest_record.filter(|newest| newest.as_ms() - now.wall.as_ms() > BEHIND_MS_MAX);
        if let Some(fault) = ahead(max_ms) {
            guard.doubt(fault);
        } else if let Some(warning) = ahead(START_GAP_MS_MAX) {
            guard.warn(warning);
        } else if let Some(newest) = behind {
            let wall = now.wall;
            guard.warn(ClockFault::Behind { wall, newest });
        }
        guard
    }

    fn doubt(&mut self, fault: ClockFault) {
        tracing::error!(%fault, "nothing is written any more");
        self.fault_ms = self.last.boot_ms;
        self.fault = Some(fault);
    }

    fn warn(&mut self, warning: ClockFault) {
        tracing::warn!(%warning, "no witness to ask for the time: writing goes on");
        self.warning = Some((warning, self.last.boot_ms));
    }

    /// Takes the next reading in. The answer is the fault that stands, if one does: it stands until the ledger is opened
    /// again, or a quorum of witnesses says that the clock is right.
    pub fn look(&mut self, now: Reading) -> Option<&ClockFault> {
        let since =
            |then: Reading| (now.wall.as_ms() - then.wall.as_ms()) - (now.boot_ms - then.boot_ms);
        let (moved_ms, moved_in_all_ms) = (since(self.last), since(self.first));
        let before = std::mem::replace(&mut self.last, now);
        if self.fault.is_none() {
            if self.witnessed && moved_ms.abs() > JUMP_MS_MAX {
                let max_ms = JUMP_MS_MAX;
                self.doubt(ClockFault::Jumped { moved_ms, max_ms });
            } else if !self.witnessed && moved_in_all_ms.abs() > JUMP_ALONE_MS_MAX {
                self.keep_stamp(before.wall, true);
                self.doubt(ClockFault::Jumped {
                    moved_ms: moved_in_all_ms,
                    max_ms: JUMP_ALONE_MS_MAX,
                });
            } else if moved_ms.abs() > JUMP_MS_MAX {
                let max_ms = JUMP_MS_MAX;
                self.warn(ClockFault::Jumped { moved_ms, max_ms });
            }
        }
        if self.fault.is_none() && now.boot_ms - self.stamped_boot_ms >= STAMP_MS {
            self.stamped_boot_ms = now.boot_ms;
            self.keep_stamp(now.wall, false);
        }
        self.fault.as_ref()
    }

    /// What was believed all the same, within the last day.
    pub fn warning(&self) -> Option<&ClockFault> {
        let (warning, since_ms) = self.warning.as_ref()?;
        (self.last.boot_ms - since_ms < WARNING_MS).then_some(warning)
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
                    self.doubt(fault);
                }
            }
        }
    }

    /// A lost stamp only makes the guard ask the operator once too often, so it is not synced and a failure is only told.
    fn keep_stamp(&self, wall: Time, doubted: bool) {
        let Some(path) = &self.stamp else { return };
        let second = if doubted { DOUBTED } else { "" };
        if let Err(failure) = fs::write(path, format!("{wall}\n{second}")) {
            tracing::warn!(path = %path.display(), %failure, "the time last seen could not be kept");
        }
    }
}

fn read_stamp(path: &Path) -> (Option<Time>, bool) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines();
    let time = lines.next().and_then(|line| Time::parse(line.trim()).ok());
    (time, lines.next() == Some(DOUBTED))
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

    const HOUR: i64 = 3_600_000;

    fn fresh(witnessed: bool) -> ClockGuard {
        ClockGuard::start(reading(0, 0), None, None, false, witnessed)
    }

    #[test]
    fn steps_beyond_the_bound_are_seen_either_way_and_stay() {
        // A step, whether writing stops, and whether it is told.
        let witnessed = [
            (0, false, false),
            (5_000, false, false),
            (5_001, true, false),
            (87_600 * HOUR, true, false),
        ];
        let alone = [
            (5_000, false, false),
            (5_001, false, true),
            (HOUR, false, true),
            (HOUR + 1, true, false),
            (87_600 * HOUR, true, false),
        ];
        let rows = witnessed.iter().map(|row| (true, row));
        for (has_witnesses, (step_ms, stops, told)) in
            rows.chain(alone.iter().map(|row| (false, row)))
        {
            for step_ms in [*step_ms, -step_ms] {
                let mut guard = fresh(has_witnesses);
                assert_eq!(guard.look(reading(1_000, 1_000)), None);
                for second in [2_000, 3_000] {
                    let fault = guard.look(reading(second + step_ms, second));
                    assert_eq!(fault.is_some(), *stops, "{has_witnesses}, {step_ms}");
                }
                assert_eq!(
                    guard.warning().is_some(),
                    *told,
                    "{has_witnesses}, {step_ms}"
                );
            }
        }
    }

    #[test]
    fn many_small_steps_are_one_large_one() {
        let mut guard = fresh(false);
        let stopped = (1..10).find(|at| guard.look(reading(at * HOUR / 4, *at)).is_some());
        assert_eq!(stopped, Some(5));
        // Forth and back is where it was.
        let mut guard = fresh(false);
        for at in 1..10 {
            assert_eq!(guard.look(reading((at % 2) * HOUR, at)), None);
        }
    }

    #[test]
    fn a_warning_is_told_for_a_day() {
        let mut guard = fresh(false);
        guard.look(reading(60_000, 0));
        assert!(guard.warning().is_some());
        guard.look(reading(60_000 + WARNING_MS, WARNING_MS));
        assert_eq!(guard.warning(), None);
    }

    #[test]
    fn a_quorum_of_witnesses_ends_a_doubt_or_begins_one() {
        let mut guard = fresh(true);
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
        for witnessed in [true, false] {
            let mut guard = fresh(witnessed);
            assert_eq!(guard.look(reading(9 * HOUR, 9 * HOUR)), None);
            assert_eq!(guard.warning(), None);
        }
    }

    #[test]
    fn a_start_far_past_all_evidence_needs_the_operators_word() {
        let record = Some(Time::from_ms(START).unwrap());
        let day = 24 * HOUR;
        // Witnesses, gap, whether writing stops, whether it is told.
        let rows = [
            (true, day, false, false),
            (true, day + 1, true, false),
            (false, day, false, false),
            (false, day + 1, false, true),
            (false, 30 * day, false, true),
            (false, 30 * day + 1, true, false),
            (false, 3_650 * day, true, false),
            // Behind the newest record nothing is stamped wrongly; that there is such a record is told.
            (false, -300_000, false, false),
            (false, -300_001, false, true),
        ];
        for (witnessed, gap, stops, told) in rows {
            let now = reading(gap, 0);
            let mut guard = ClockGuard::start(now, record, None, false, witnessed);
            assert_eq!(guard.look(now).is_some(), stops, "{witnessed}, {gap}");
            assert_eq!(guard.warning().is_some(), told, "{witnessed}, {gap}");
            let mut guard = ClockGuard::start(now, record, None, true, witnessed);
            assert_eq!(guard.look(now), None, "{witnessed}, {gap}: by his word");
        }
    }

    #[test]
    fn the_stamp_of_the_minute_before_is_evidence_too() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("last-seen");
        let record = Time::from_ms(START).unwrap();
        let start = |at: Reading| ClockGuard::start(at, Some(record), Some(&stamp), false, true);
        start(reading(0, 0)).look(reading(10 * HOUR, 10 * HOUR));
        let ahead = reading(START_GAP_MS_MAX + 1, 0);
        assert!(start(ahead).look(ahead).is_none());
    }

    /// A step stops the writing; starting again is no way round the operator's word, unless the clock is right again.
    #[test]
    fn a_step_is_not_forgotten_by_starting_again() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("last-seen");
        let start = |ms: i64, word: bool| {
            let now = reading(ms, 0);
            let mut guard = ClockGuard::start(now, None, Some(&stamp), word, false);
            let stops = guard.look(now).is_some();
            (guard, stops)
        };
        let (mut guard, _) = start(0, false);
        assert!(guard.look(reading(24 * HOUR, 1_000)).is_some());
        assert!(start(24 * HOUR, false).1, "as far ahead as before");
        assert!(!start(HOUR / 2, false).1, "put right");
        let (mut guard, _) = start(HOUR / 2, false);
        assert!(guard.look(reading(24 * HOUR, 1_000)).is_some());
        assert!(!start(24 * HOUR, true).1, "by his word");
        assert!(!start(25 * HOUR, false).1, "and then it is the time");
    }
}
