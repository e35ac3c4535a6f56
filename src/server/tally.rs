//! What was refused to strangers, for the operator: one line a minute a kind, with a count, and never one a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// A connection beyond the cap, with nobody to make way for it.
    Connections,
    /// A connection closed in favour of a new one.
    CutForSeat,
    /// A connection closed because others needed what it held.
    CutForRoom,
    /// A connection closed because its peer let us wait: a head, an answer, a closing.
    Overdue,
    /// A request that is not framed as RFC 9112 says.
    Framing,
    /// An answer for which there was no memory.
    Answers,
    /// A request body for which there was no memory.
    Bodies,
    /// An upload, a download, a batch beyond the places.
    Places,
    /// A problem with this code.
    Problem(&'static str),
}

/// Between two lines about one kind.
const PAUSE: Duration = Duration::from_secs(60);

struct Count {
    said: Option<Instant>,
    since: u64,
    last: IpAddr,
}

static COUNTS: LazyLock<Mutex<HashMap<Refusal, Count>>> = LazyLock::new(Mutex::default);

/// Counts one, and says how many there were if that was not said within the last minute.
pub(crate) fn note(refusal: Refusal, address: IpAddr) {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.entry(refusal).or_insert(Count {
        said: None,
        since: 0,
        last: address,
    });
    count.last = address;
    let told = count.add(Instant::now());
    drop(counts);
    if let Some(count) = told {
        say(refusal, count, address);
    }
}

/// Says what has not been said for a minute. Called now and then, so that the last refusals of a flood are told too.
pub(crate) fn tell_rest() {
    let now = Instant::now();
    let mut due = Vec::new();
    for (refusal, count) in COUNTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter_mut()
    {
        if let Some(told) = count.due(now) {
            due.push((*refusal, told, count.last));
        }
    }
    for (refusal, count, address) in due {
        say(refusal, count, address);
    }
}

fn say(refusal: Refusal, count: u64, last: IpAddr) {
    tracing::warn!(?refusal, count, %last, "refused (a line a minute a kind)");
}

impl Count {
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        self.due(now)
    }

    fn due(&mut self, now: Instant) -> Option<u64> {
        let is_due = self
            .said
            .is_none_or(|said| now.saturating_duration_since(said) >= PAUSE);
        if !is_due || self.since == 0 {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_line_a_minute() {
        let began = Instant::now();
        let mut count = Count {
            said: None,
            since: 0,
            last: IpAddr::from([192, 0, 2, 1]),
        };
        let mut lines = Vec::new();
        for ms in (0..150_000).step_by(10) {
            lines.extend(count.add(began + Duration::from_millis(ms)));
        }
        assert_eq!(lines, [1, 6_000, 6_000]);
        // The rest is told too, once.
        assert_eq!(count.due(began + Duration::from_secs(179)), None);
        assert_eq!(count.due(began + Duration::from_secs(180)), Some(2_999));
        assert_eq!(count.due(began + Duration::from_secs(600)), None);
    }
}
