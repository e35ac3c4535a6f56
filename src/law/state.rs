//! The answers of every project as a few bytes each, and when they change by themselves. No IO but that of `facts`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use super::facts::{Facts, Tail};
use super::{Cursor, Filter, PROJECTS_MAX, RECORDS_MAX, View, report};
use crate::ledger::EntryView;
use crate::rules::Disclosure;
use crate::rules::announced::Announced;
use crate::rules::calendar::Day;
use crate::rules::facts::{CHINA_MINUTES, live_from};
use crate::rules::statistics;
use crate::rules::{Outcome, ProjectReport};
use crate::trade::keys::KeyState;
use crate::trade::log_rules;
use crate::trade::time::Time;
use crate::trade::vocabulary::Stage;

/// Projects that are judged between two looks at what readers want.
const ROUND: usize = 256;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub publisher: Arc<str>,
    pub project: Arc<str>,
}

/// What is kept of a project.
#[derive(Debug)]
pub(super) struct Entry {
    pub tail: Tail,
    records: u32,
    /// How often something was added or taken away: an answer is of one of these states.
    changes: u32,
    pub category: Arc<str>,
    pub region: Arc<str>,
    pub answers: Box<[Answer]>,
    /// When its answers change without a new record; `i64::MAX`: never.
    changes_ms: i64,
}

/// An answer without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Days since 1970 of the due day, else of the day counted from; `i32::MIN` without one.
    pub day: i32,
    rule: u16,
    pub outcome: Outcome,
    /// 0 for none, else the stage's place and one.
    stage: u8,
}

#[derive(Debug)]
pub(super) struct State {
    pub facts: Facts,
    pub projects: BTreeMap<Key, Entry>,
    pub announced: Announced,
    /// Records of the log that were read.
    pub read_size: u64,
    /// Records that the answers reflect.
    pub judged_size: u64,
    pub is_ready: bool,
    pub is_full: bool,
    /// Counts every change of the answers.
    pub generation: u64,
    dirty: BTreeSet<Key>,
    changes: BTreeSet<(i64, Key)>,
    words: HashMap<Arc<str>, ()>,
    rules: Vec<Arc<str>>,
    rule_places: HashMap<Arc<str>, u16>,
}

impl Key {
    pub fn new(publisher: &str, project: &str) -> Key {
        Key {
            publisher: publisher.into(),
            project: project.into(),
        }
    }

    pub fn is(&self, publisher: &str, project: &str) -> bool {
        *self.publisher == *publisher && *self.project == *project
    }

    pub fn cursor(&self, shown: usize) -> Cursor {
        Cursor {
            publisher: self.publisher.to_string(),
            project: self.project.to_string(),
            shown,
        }
    }
}

impl Entry {
    pub fn is_too_long(&self) -> bool {
        self.records > RECORDS_MAX
    }
}

impl Answer {
    pub fn stage(self) -> &'static str {
        usize::from(self.stage)
            .checked_sub(1)
            .map_or("", |place| Stage::ALL[place].as_str())
    }

    pub fn told(self, state: &State) -> statistics::Answer<'_> {
        statistics::Answer {
            outcome: self.outcome,
            rule: state.rule(self),
            stage: self.stage(),
            day: (self.day != i32::MIN).then(|| Day(i64::from(self.day))),
        }
    }
}

impl State {
    pub fn new(folder: Option<&Path>) -> State {
        State {
            facts: Facts::new(folder),
            projects: BTreeMap::new(),
            announced: Announced::default(),
            read_size: 0,
            judged_size: 0,
            is_ready: false,
            is_full: false,
            generation: 0,
            dirty: BTreeSet::new(),
            changes: BTreeSet::new(),
            words: HashMap::new(),
            rules: Vec::new(),
            rule_places: HashMap::new(),
        }
    }

    /// Forgets everything: the log is read again from its beginning.
    pub fn clear(&mut self) {
        if let Err(failure) = self.facts.clear() {
            // Harmless: old items stay in the file, but no project refers to them any more.
            tracing::warn!(%failure, "the facts of the law cannot be emptied");
        }
        self.projects.clear();
        self.announced = Announced::default();
        self.dirty.clear();
        self.changes.clear();
        (self.read_size, self.judged_size) = (0, 0);
        (self.is_ready, self.is_full) = (false, false);
        self.generation += 1;
    }

    pub fn rule(&self, answer: Answer) -> &str {
        &self.rules[usize::from(answer.rule)]
    }

    /// Projects in order, from the one that the cursor names; of one publisher if the filter names one.
    pub fn of<'s>(
        &'s self,
        filter: &'s Filter,
        after: Option<&Cursor>,
    ) -> impl Iterator<Item = (&'s Key, &'s Entry)> {
        let publisher = filter.publisher.as_deref();
        let project = filter.project.as_deref().filter(|_| publisher.is_some());
        let first = Key::new(publisher.unwrap_or_default(), project.unwrap_or_default());
        let from = after.map_or(first.clone(), |after| {
            first.max(Key::new(&after.publisher, &after.project))
        });
        self.projects
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(key, _)| {
                publisher.is_none_or(|publisher| *key.publisher == *publisher)
                    && project.is_none_or(|project| *key.project == *project)
            })
    }

    pub fn is_stale(&self, now: Time) -> bool {
        self.changes
            .first()
            .is_some_and(|(ms, _)| *ms <= now.as_ms())
    }

    /// Takes the entries up to `until` in, to be judged later.
    pub fn take(&mut self, entries: &[EntryView], until: u64, keys: &KeyState) -> io::Result<()> {
        for view in entries {
            for erasure in log_rules::wants(&view.statement).erasures {
                if let Some(project) = &erasure.project {
                    self.forget(&Key::new(&erasure.publisher, project), erasure.index)?;
                }
            }
            self.announced
                .take(view.header.index, view.header.time, &view.statement);
            let publisher = view.statement.publisher().unwrap_or_default();
            let live = live_from(keys, publisher, view.header.index);
            let read = Disclosure::read(view.header.index, view.header.time, &view.statement, live);
            if let Some(disclosure) = read {
                self.put(&disclosure)?;
            }
        }
        self.read_size = until;
        Ok(())
    }

    fn put(&mut self, disclosure: &Disclosure) -> io::Result<()> {
        let key = Key {
            publisher: self.word(&disclosure.publisher),
            project: disclosure.project.as_str().into(),
        };
        if !self.projects.contains_key(&key) {
            if self.projects.len() >= PROJECTS_MAX {
                self.is_full = true;
                return Ok(());
            }
            let entry = Entry {
                tail: 0,
                records: 0,
                changes: 0,
                category: self.word(&disclosure.category),
                region: self.word(&disclosure.region),
                answers: Box::default(),
                changes_ms: i64::MAX,
            };
            self.projects.insert(key.clone(), entry);
        }
        let entry = self.projects.get_mut(&key).expect("inserted above");
        entry.tail = self.facts.put(entry.tail, disclosure)?;
        entry.records += 1;
        entry.changes += 1;
        self.dirty.insert(key);
        Ok(())
    }

    fn forget(&mut self, key: &Key, index: u64) -> io::Result<()> {
        if let Some(entry) = self.projects.get_mut(key)
            && self.facts.erase(entry.tail, index)?
        {
            entry.changes += 1;
            self.dirty.insert(key.clone());
        }
        Ok(())
    }

    /// Projects whose answers are not those of `now`, some of them.
    fn waiting(&self, now: Time) -> Vec<Key> {
        let due = self
            .changes
            .iter()
            .take_while(|(ms, _)| *ms <= now.as_ms())
            .map(|(_, key)| key);
        self.dirty.iter().chain(due).take(ROUND).cloned().collect()
    }

    /// Takes in what was judged when the project had changed so often. What came since keeps it marked.
    fn set(
        &mut self,
        key: &Key,
        judged: u32,
        report: Option<&ProjectReport>,
        hourly: bool,
        now: Time,
    ) {
        if self
            .projects
            .get(key)
            .is_none_or(|entry| entry.changes == judged)
        {
            self.dirty.remove(key);
        }
        let mut answers = Vec::new();
        let mut changes_ms = i64::MAX;
        for finding in report.iter().flat_map(|report| &report.findings) {
            let day = finding.due.as_deref().or(finding.from.as_deref());
            let day = day.and_then(Day::parse);
            if let (Outcome::Due, Some(due)) = (finding.outcome, day) {
                // Until its end by China's clocks.
                let ends = (due.0 + 1) * DAY_MS - i64::from(CHINA_MINUTES) * 60_000;
                changes_ms = changes_ms.min(ends);
                if hourly {
                    changes_ms = changes_ms.min(now.as_ms() + HOUR_MS);
                }
            }
            let stage = Stage::ALL
                .iter()
                .position(|stage| stage.as_str() == finding.stage);
            answers.push(Answer {
                day: day
                    .and_then(|day| i32::try_from(day.0).ok())
                    .unwrap_or(i32::MIN),
                rule: self.rule_place(&finding.rule),
                outcome: finding.outcome,
                stage: stage.map_or(0, |place| u8::try_from(place + 1).expect("five stages")),
            });
        }
        let category = report.map(|report| self.word(&report.category));
        let region = report.map(|report| self.word(&report.region));
        let Some(entry) = self.projects.get_mut(key) else {
            return;
        };
        self.changes.remove(&(entry.changes_ms, key.clone()));
        if changes_ms < i64::MAX {
            self.changes.insert((changes_ms, key.clone()));
        }
        entry.changes_ms = changes_ms;
        entry.answers = answers.into_boxed_slice();
        entry.category = category.unwrap_or_else(|| entry.category.clone());
        entry.region = region.unwrap_or_else(|| entry.region.clone());
        self.generation += 1;
    }

    fn word(&mut self, word: &str) -> Arc<str> {
        if let Some((known, ())) = self.words.get_key_value(word) {
            return known.clone();
        }
        let word: Arc<str> = word.into();
        self.words.insert(word.clone(), ());
        word
    }

    fn rule_place(&mut self, rule: &str) -> u16 {
        if let Some(place) = self.rule_places.get(rule) {
            return *place;
        }
        let place = u16::try_from(self.rules.len()).expect("a pack has fewer than 65,536 rules");
        let rule: Arc<str> = rule.into();
        self.rules.push(rule.clone());
        self.rule_places.insert(rule, place);
        place
    }
}

impl View {
    /// Judges what is new, and what has changed by the passing of time; readers go on between two rounds.
    pub(super) fn judge(&self, now: Time) -> io::Result<()> {
        let _one = self.judging.lock().expect("no panic while judging");
        let hourly = self
            .book
            .pack
            .rules
            .iter()
            .any(|rule| rule.is_judged() && rule.unit == crate::rules::pack::Unit::Hour);
        loop {
            let state = self.read();
            let (waiting, read_size) = (state.waiting(now), state.read_size);
            let told = state.announced.of(&self.book, now);
            let law = self.book.law(&told);
            let mut reports = Vec::with_capacity(waiting.len());
            for key in &waiting {
                let entry = state.projects.get(key);
                let changes = entry.map_or(0, |entry| entry.changes);
                let entry = entry.filter(|entry| !entry.is_too_long());
                let found = match entry {
                    None => None,
                    Some(entry) => {
                        let all = state.facts.read(entry.tail, &key.publisher, &key.project)?;
                        report(law, &self.ledger, &all, now)
                    }
                };
                reports.push((changes, found));
            }
            drop(state);
            let mut state = self.state.write().expect("no panic while holding the view");
            for (key, (changes, report)) in waiting.iter().zip(&reports) {
                state.set(key, *changes, report.as_ref(), hourly, now);
            }
            if waiting.len() < ROUND {
                state.judged_size = read_size;
                state.is_ready = true;
                self.reached.send_replace(state.judged_size);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::law::facts::tests::one;

    /// A project is judged without the lock; a record that comes meanwhile must be judged in the next round, not be taken for judged.
    #[test]
    fn what_comes_while_a_project_is_judged_keeps_it_marked() {
        let mut state = State::new(None);
        let now = Time::parse("2026-11-23T01:02:03.456Z").unwrap();
        let key = Key::new("centre.example", "P-1");
        state.put(&one(0, "first")).unwrap();
        assert_eq!(state.waiting(now), std::slice::from_ref(&key));
        let judged = state.projects[&key].changes;
        // Another record, or an erasure, before the answer is set.
        state.put(&one(1, "second")).unwrap();
        state.set(&key, judged, None, false, now);
        assert_eq!(state.waiting(now), std::slice::from_ref(&key));
        let judged = state.projects[&key].changes;
        state.forget(&key, 1).unwrap();
        state.set(&key, judged, None, false, now);
        assert_eq!(state.waiting(now), std::slice::from_ref(&key));
        let judged = state.projects[&key].changes;
        state.set(&key, judged, None, false, now);
        assert_eq!(state.waiting(now), []);
        // A project that is gone, as everything was begun anew, waits for nothing.
        state.put(&one(2, "third")).unwrap();
        state.clear();
        state.set(&key, judged + 1, None, false, now);
        assert_eq!(state.waiting(now), []);
    }
}
