//! Danger: by some order of events nobody ever thought of, a witness that would answer is not asked any more, and the witnessed checkpoint
//! stands still while everything looks well. It happened: one GET of a stranger did it.
//!
//! The property, over arbitrary orders of heads, answers, failures, deaths, deliveries, visits and steps of the clock: **a reachable witness is
//! asked for the newest head within its patience.** The canary is a ledger on which a visit moves the round, as it once did.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use super::*;
use crate::ledger::cosign::seats::BACKOFF_MS;

/// Between two looks of the loop.
const LOOK_MS: i64 = 1_000;
/// An answer takes this long at most; then it is a failure.
const CALL_MS: i64 = 10_000;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The log grows.
    Grow(u64),
    /// Time passes, look by look.
    Pass(i64),
    /// The wall clock is set, seconds forward or back.
    SetClock(i64),
    /// What the witness is asked for now is answered, in one of several ways.
    Answer(usize, Way),
    /// It answers nothing any more, or everything again.
    Dies(usize),
    Lives(usize),
    /// Somebody asks what there is to cosign.
    Visit,
    /// A witness brings its line of what it is offered, of the head, or of what it was offered long ago.
    Bring(usize, What),
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Sign,
    Fail,
    Refuse,
    Corrects(u64),
    OtherKey,
    WrongTime(i64),
}

#[derive(Clone, Copy, Debug)]
enum What {
    Offered,
    Head,
    Old(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let way = prop_oneof![
        6 => Just(Way::Sign),
        1 => Just(Way::Fail),
        1 => Just(Way::Refuse),
        1 => (0u64..40).prop_map(Way::Corrects),
        1 => Just(Way::OtherKey),
        1 => (-4_000i64..4_000).prop_map(Way::WrongTime),
    ];
    let what = prop_oneof![
        Just(What::Offered),
        Just(What::Head),
        (0usize..8).prop_map(What::Old)
    ];
    prop_oneof![
        6 => (1u64..5).prop_map(Event::Grow),
        6 => (1i64..20_000).prop_map(Event::Pass),
        1 => (60_000i64..700_000).prop_map(Event::Pass),
        1 => (-4_000i64..4_000).prop_map(Event::SetClock),
        6 => (0usize..3, way).prop_map(|(at, way)| Event::Answer(at, way)),
        1 => (0usize..3).prop_map(Event::Dies),
        1 => (0usize..3).prop_map(Event::Lives),
        2 => Just(Event::Visit),
        3 => (0usize..3, what).prop_map(|(at, what)| Event::Bring(at, what)),
    ]
}

/// A ledger's gathering with its three witnesses, as seen from outside.
struct Play {
    g: Gathering,
    reachable: Vec<usize>,
    size: u64,
    boot_ms: i64,
    wall_off_s: i64,
    asks: [Option<(Ask, i64)>; 3],
    dead: [bool; 3],
    /// Since when the witness could have been asked and was not, for the head of that time.
    owed: [Option<(i64, u64)>; 3],
    /// It failed last at this time, and may be left alone for a while.
    failed_ms: [i64; 3],
    visited: Vec<Arc<Head>>,
    /// The newest head; signing it anew at each look would take most of the test's time.
    newest: Arc<Head>,
    /// Canary: the size that a visit has offered, with the ways of old.
    moved_by_visit: Option<u64>,
    is_old: bool,
}

impl Play {
    fn new(reachable: &[usize], is_old: bool) -> Play {
        Play {
            g: Gathering::new(Some(policy(reachable, "two")), None),
            reachable: reachable.to_vec(),
            size: 1,
            boot_ms: 0,
            wall_off_s: 0,
            asks: [None, None, None],
            dead: [false; 3],
            owed: [None; 3],
            failed_ms: [i64::MIN / 2; 3],
            visited: Vec::new(),
            newest: head(1),
            moved_by_visit: None,
            is_old,
        }
    }

    fn now(&self) -> Reading {
        Reading {
            wall: Time::from_ms(START_S * 1_000 + self.wall_off_s * 1_000 + self.boot_ms).unwrap(),
            boot_ms: self.boot_ms,
        }
    }

    fn newest(&mut self) -> Arc<Head> {
        if self.newest.tree.size != self.size {
            self.newest = head(self.size);
        }
        self.newest.clone()
    }

    fn line(&self, who: usize, head: &Head, off_s: i64) -> Signature {
        line(who, head, self.wall_off_s + self.boot_ms / 1_000 + off_s)
    }

    /// One turn of the loop, and what must hold after it.
    fn look(&mut self) -> Result<(), TestCaseError> {
        let (now, newest) = (self.now(), self.newest());
        // As it was: nobody was asked while what a visit had offered had no candidate any more.
        let dangling = self
            .moved_by_visit
            .is_some_and(|size| self.g.lag().0.is_some_and(|met| met > size));
        let asks = match self.is_old && dangling {
            true => Vec::new(),
            false => self.g.tick(&newest, now),
        };
        for ask in asks {
            let at = ask.witness;
            assert!(self.asks[at].is_none(), "one request a witness at a time");
            self.asks[at] = Some((ask, self.boot_ms));
        }
        self.g.check();
        let chosen = self.g.chosen(&newest, now);
        let met = self.g.lag().0;
        prop_assert_eq!(chosen.map(|one| one.head.tree.size), met);
        for at in self.reachable.clone() {
            let has = self.g.seats[at].seen.unwrap_or(0);
            let asked = self.asks[at]
                .as_ref()
                .map_or(0, |(ask, _)| ask.head.tree.size);
            let is_free =
                self.asks[at].is_none() && self.boot_ms - self.failed_ms[at] > BACKOFF_MS.1;
            if !is_free || has.max(asked) >= self.size {
                self.owed[at] = None;
                continue;
            }
            let (since_ms, size) = *self.owed[at].get_or_insert((self.boot_ms, self.size));
            if has.max(asked) >= size {
                self.owed[at] = Some((self.boot_ms, self.size));
            }
            prop_assert!(
                self.boot_ms - since_ms <= PATIENCE_MS + LOOK_MS,
                "w{} was not asked for {} ms; the head has {} records, it has {}",
                at,
                self.boot_ms - since_ms,
                self.size,
                has
            );
        }
        Ok(())
    }

    fn pass(&mut self, ms: i64) -> Result<(), TestCaseError> {
        let until = self.boot_ms + ms;
        while self.boot_ms < until {
            self.boot_ms = (self.boot_ms + LOOK_MS).min(until);
            for at in 0..3 {
                let waited = self.asks[at].as_ref().map(|(_, ms)| self.boot_ms - ms);
                if waited.is_some_and(|waited| waited >= CALL_MS) {
                    self.answer(at, Way::Fail);
                }
            }
            self.look()?;
        }
        Ok(())
    }

    fn answer(&mut self, at: usize, way: Way) {
        let Some((ask, _)) = self.asks[at].take() else {
            return;
        };
        let way = if self.dead[at] { Way::Fail } else { way };
        let answer = match way {
            Way::Sign => Answer::Signed(vec![self.line(at, &ask.head, 0)]),
            Way::WrongTime(off_s) => Answer::Signed(vec![self.line(at, &ask.head, off_s)]),
            Way::OtherKey => Answer::Signed(vec![self.line((at + 1) % 3, &ask.head, 0)]),
            Way::Fail => Answer::Failed("no route".into()),
            Way::Refuse => Answer::Refused {
                status: 500,
                said: String::new(),
            },
            Way::Corrects(size) => Answer::Size(size.min(self.size)),
        };
        if !matches!(way, Way::Sign) {
            self.failed_ms[at] = self.boot_ms;
        }
        let now = self.now();
        let _ = self.g.answered(&ask, answer, self.size, now);
    }

    fn visit(&mut self) -> Arc<Head> {
        let newest = self.newest();
        let offered = self.g.to_cosign(&newest);
        if self.is_old && self.moved_by_visit.is_none() {
            self.moved_by_visit = Some(offered.tree.size);
        }
        self.visited.push(offered.clone());
        offered
    }

    fn bring(&mut self, who: usize, what: What) {
        let newest = self.newest();
        let brought = match what {
            What::Offered => self.visit(),
            What::Head => newest.clone(),
            What::Old(at) if self.visited.is_empty() => {
                let _ = at;
                return;
            }
            What::Old(at) => self.visited[at % self.visited.len()].clone(),
        };
        // As the ledger does for a line of its own head.
        if brought.tree == newest.tree {
            self.g.gather_for_head(&newest);
        }
        let (line, now) = (self.line(who, &brought, 0), self.now());
        let _ = self
            .g
            .count(who, brought.tree.size, &line, Came::Delivered, now);
    }

    fn take(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Grow(by) => self.size += by,
            Event::Pass(ms) => return self.pass(ms),
            Event::SetClock(by) => self.wall_off_s += by,
            Event::Answer(at, way) => self.answer(at, way),
            Event::Dies(at) => self.dead[at] = true,
            Event::Lives(at) => self.dead[at] = false,
            Event::Visit => drop(self.visit()),
            Event::Bring(who, what) => self.bring(who, what),
        }
        self.look()
    }

    /// Everybody is well again. The newest head is cosigned by all who can be asked.
    fn all_well(&mut self) -> Result<(), TestCaseError> {
        let until = self.boot_ms + CALL_MS + BACKOFF_MS.1 + 2 * PATIENCE_MS;
        self.dead = [false; 3];
        while self.boot_ms < until {
            for at in 0..3 {
                self.answer(at, Way::Sign);
            }
            self.pass(LOOK_MS)?;
        }
        for at in self.reachable.clone() {
            prop_assert_eq!(self.g.seats[at].seen, Some(self.size));
        }
        if self.reachable.len() >= 2 {
            prop_assert_eq!(self.g.lag().0, Some(self.size));
            prop_assert_eq!(self.g.overdue(self.now()), None);
        }
        Ok(())
    }
}

/// Which witnesses can be reached, and what happens.
type Course = (Vec<usize>, Vec<Event>);

fn play(is_old: bool, cases: u32) -> Result<(), TestError<Course>> {
    let reachable = prop_oneof![
        Just(vec![0, 1, 2]),
        Just(vec![0, 1]),
        Just(vec![0]),
        Just(vec![])
    ];
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let events = proptest::collection::vec(event(), 1..40);
    runner.run(&(reachable, events), |(reachable, events)| {
        let mut play = Play::new(&reachable, is_old);
        play.look()?;
        for event in events {
            play.take(event)?;
        }
        play.all_well()
    })
}

#[test]
fn a_reachable_witness_is_asked_for_the_newest_head_within_its_patience() {
    if let Err(failure) = play(false, 128) {
        panic!("{failure}");
    }
}

/// The canary: the ways of old, where a visit moved the round and what it had offered outlived its candidate.
#[test]
fn a_visit_that_moves_the_round_is_found_out() {
    let found = play(true, 128);
    assert!(matches!(found, Err(TestError::Fail(..))), "{found:?}");
}
