//! Who goes into the queue before whom: posts that belong together are judged side by side, and queued in the order in which they came.
//!
//! A place is given up by being dropped: by whoever was queued, was refused, or has to wait for something else than those before it. So
//! nobody here waits for anybody who waits for him.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

/// A line of posts.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<Standing>>);

#[derive(Debug, Default)]
struct Standing {
    /// How many have gone from the front.
    gone: u64,
    /// Those behind, from the front.
    waiting: VecDeque<Stand>,
}

#[derive(Debug)]
enum Stand {
    Busy,
    Waiting(oneshot::Sender<()>),
    Left,
}

/// A place in the line.
#[derive(Debug)]
pub struct Place {
    line: Places,
    at: u64,
}

impl Places {
    /// The place at the end.
    pub fn next(&self) -> Place {
        let mut standing = self.lock();
        standing.waiting.push_back(Stand::Busy);
        let at = standing.gone + standing.waiting.len() as u64 - 1;
        drop(standing);
        Place {
            line: self.clone(),
            at,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.0.lock().expect("no panic while holding a line")
    }
}

impl Standing {
    fn of(&mut self, at: u64) -> Option<&mut Stand> {
        let behind = usize::try_from(at.checked_sub(self.gone)?).ok()?;
        self.waiting.get_mut(behind)
    }
}

impl Place {
    /// Waits until everybody before has left.
    pub async fn come(&self) {
        let (call, called) = oneshot::channel();
        {
            let mut standing = self.line.lock();
            if standing.gone == self.at {
                return;
            }
            if let Some(own) = standing.of(self.at) {
                *own = Stand::Waiting(call);
            }
        }
        let _ = called.await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut standing = self.line.lock();
        if let Some(own) = standing.of(self.at) {
            *own = Stand::Left;
        }
        while let Some(Stand::Left) = standing.waiting.front() {
            standing.waiting.pop_front();
            standing.gone += 1;
        }
        if let Some(first @ Stand::Waiting(_)) = standing.waiting.front_mut()
            && let Stand::Waiting(call) = std::mem::replace(first, Stand::Busy)
        {
            let _ = call.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn each_goes_when_all_before_have_left() {
        let line = Places::default();
        let [first, second, third, fourth] = [(); 4].map(|()| line.next());
        assert!(first.come().now_or_never().is_some());
        let mut waits = Box::pin(third.come());
        assert!((&mut waits).now_or_never().is_none());
        drop(first);
        assert!((&mut waits).now_or_never().is_none(), "the second is there");
        assert!(second.come().now_or_never().is_some());
        drop(second);
        assert!(waits.now_or_never().is_some());
        assert!(fourth.come().now_or_never().is_none());
        drop(third);
        assert!(fourth.come().now_or_never().is_some());
        drop(fourth);
        assert!(line.next().come().now_or_never().is_some());
    }

    #[test]
    fn who_leaves_early_holds_up_nobody() {
        let line = Places::default();
        let [first, second, third] = [(); 3].map(|()| line.next());
        drop(second);
        assert!(third.come().now_or_never().is_none());
        drop(first);
        assert!(third.come().now_or_never().is_some());
    }
}
