//! What a monitor remembers from look to look: the newest checkpoint as it was signed, how far the records were gone through with the key
//! statements among them, and which conditions last.
//!
//! Promises: it is written whole or not at all; when it is read, the checkpoint is verified by the policy and the keys are replayed from the
//! pinned genesis. It is the monitor's own file: whoever can write it can make the monitor forget.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Seen;
use super::event::{Event, Events, Severity};
use crate::audit::Follower;
use crate::cli::out::{Exit, Failure};
use crate::cli::policies::Policies;
use crate::cli::read_file;
use crate::lang::Said;
use crate::said;
use crate::store::named;
use crate::tlog::policy::{VerifiedCheckpoint, open_by};
use crate::trade::keys::KeyState;
use crate::trade::time::Time;

/// A state file, at most: a checkpoint and the key statements of decades.
const STATE_BYTES_MAX: u64 = 64 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The version of this format: 1.
    mingzhang_monitor_state: u32,
    checkpoint: Option<String>,
    /// The record that comes next.
    next: u64,
    /// Time of the record before it.
    record_time: Option<String>,
    /// Key statements before it.
    keys: Vec<(u64, String)>,
    /// Conditions that were told and last.
    lasting: BTreeSet<String>,
}

/// The same, verified.
pub(super) struct State {
    checkpoint: Option<VerifiedCheckpoint>,
    /// How far the records were gone through.
    pub follower: Follower,
    /// The key statements among them.
    pub keys: Vec<(u64, Bytes)>,
    /// When the last of them was logged.
    pub record_time: Option<Time>,
    lasting: BTreeSet<String>,
}

impl State {
    /// Of a file, or the beginning if there is none yet.
    pub fn read(path: &Path, policies: &Policies) -> Result<State, Failure> {
        let unfit = |cause: String| {
            let shown = path.display();
            Failure::input(
                "state",
                said!(
                    "状态文件 {shown} 不能用；请从备份恢复，或删除它从头看起（此前所见即不再比对）",
                    "the state {shown} cannot be used; bring it back from a backup, or remove it and begin anew (what was seen before is then not compared)"
                )
                .because(&cause),
            )
        };
        // What cannot be looked at is not "not there": a monitor that began anew would have forgotten.
        if path.try_exists().is_ok_and(|is_there| !is_there) {
            return Ok(State {
                checkpoint: None,
                follower: Follower::new(genesis_of(policies)),
                keys: Vec::new(),
                record_time: None,
                lasting: BTreeSet::new(),
            });
        }
        let bytes = read_file(path, STATE_BYTES_MAX)?;
        let file: File =
            serde_json::from_slice(&bytes).map_err(|error| unfit(error.to_string()))?;
        if file.mingzhang_monitor_state != 1 {
            let found = file.mingzhang_monitor_state;
            return Err(unfit(format!(
                "it has format {found}, this program reads 1"
            )));
        }
        let checkpoint = match &file.checkpoint {
            None => None,
            Some(note) => {
                let judged = open_by(policies, note.as_bytes());
                let judged = judged.map_err(|error| unfit(crate::chain_of(&error)))?;
                Some(judged.checkpoint)
            }
        };
        let keys: Vec<(u64, Bytes)> = file
            .keys
            .into_iter()
            .map(|(index, note)| (index, Bytes::from(note)))
            .collect();
        let next = file.next;
        // Records were gone through up to a checkpoint that was then remembered: beyond it nothing was seen.
        let size = checkpoint.as_ref().map_or(0, |one| one.tree().size);
        if next > size {
            return Err(unfit(format!(
                "`next` is {next}, its own checkpoint has {size} records"
            )));
        }
        let follower = Follower::resume(genesis_of(policies), &keys, next)
            .map_err(|error| unfit(crate::chain_of(&error)))?;
        let ledger = follower.keys().map(KeyState::ledger);
        let origin = checkpoint.as_ref().map(|one| &one.checkpoint().origin);
        if let (Some(found), Some(wanted)) = (ledger, origin)
            && found != wanted
        {
            return Err(unfit(format!(
                "its keys are of the ledger {found:?}, its checkpoint is of {wanted:?}"
            )));
        }
        let record_time = match &file.record_time {
            None => None,
            Some(text) => Some(Time::parse(text).map_err(|error| {
                let cause = crate::chain_of(&error);
                unfit(format!("`record_time` is {text:?}: {cause}"))
            })?),
        };
        if next == 0 && record_time.is_some() {
            return Err(unfit(
                "`record_time` is given, and no record was seen".to_owned(),
            ));
        }
        Ok(State {
            checkpoint,
            follower,
            keys,
            record_time,
            lasting: file.lasting,
        })
    }

    /// Writes it whole.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let keys = self.keys.iter().map(|(index, note)| {
            let note = String::from_utf8_lossy(note).into_owned();
            (*index, note)
        });
        let file = File {
            mingzhang_monitor_state: 1,
            checkpoint: self.checkpoint.as_ref().map(|one| one.note().encode()),
            next: self.follower.next(),
            record_time: self.record_time.map(|time| time.to_string()),
            keys: keys.collect(),
            lasting: self.lasting.clone(),
        };
        let mut bytes = serde_json::to_vec(&file).expect("strings and numbers are JSON");
        bytes.push(b'\n');
        named::replace(path, &bytes).map_err(|error| {
            let shown = path.display();
            Failure::input(
                "state",
                said!("写不了 {shown}", "cannot write {shown}").because(&error),
            )
        })
    }

    /// The newest checkpoint that was seen.
    pub fn checkpoint(&self) -> Option<&VerifiedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// Remembers it, if it is newer.
    pub fn remember(&mut self, newest: &VerifiedCheckpoint) {
        let size = |one: &VerifiedCheckpoint| one.tree().size;
        if self
            .checkpoint
            .as_ref()
            .is_none_or(|there| size(there) <= size(newest))
        {
            self.checkpoint = Some(newest.clone());
        }
    }

    /// When the last record was logged, in POSIX seconds.
    pub fn record_time_s(&self) -> Option<u64> {
        u64::try_from(self.record_time?.as_ms() / 1_000).ok()
    }

    /// Takes what a place shows, or tells that it shows nothing that can be used. A wrong command line is the caller's.
    pub fn note(
        &mut self,
        events: &mut Events<'_>,
        place: &str,
        away_is: Severity,
        read: Result<Seen, Failure>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Failure> {
        let (mut away, mut none, mut refused) = (None, None, None);
        match read {
            Ok(one) => seen.push(one),
            Err(failure) if failure.code == "shows-none" => none = Some(failure.said),
            Err(failure) if failure.exit == Exit::Temporary => away = Some(failure.said),
            Err(failure) if failure.exit == Exit::Failed => refused = Some(failure.said),
            Err(failure) => return Err(failure),
        }
        let members = json!({ "place": place });
        let name = format!("unreachable {place}");
        self.condition(events, &name, "unreachable", away_is, away, members.clone())?;
        let name = format!("shows-none {place}");
        let warning = Severity::Warning;
        self.condition(events, &name, "shows-none", warning, none, members.clone())?;
        let name = format!("not-accepted {place}");
        self.condition(
            events,
            &name,
            "not-accepted",
            Severity::Alert,
            refused,
            members,
        )
    }

    /// A condition that lasts is told when it begins and when it has ended.
    pub fn condition(
        &mut self,
        events: &mut Events<'_>,
        name: &str,
        code: &'static str,
        severity: Severity,
        found: Option<Said>,
        members: Value,
    ) -> Result<(), Failure> {
        match found {
            Some(said) => {
                events.lasts(severity);
                if self.lasting.insert(name.to_owned()) {
                    events.tell(Event::new(code, severity, said, members));
                }
            }
            None if self.lasting.remove(name) => {
                let said = said!("已恢复：{name}", "over: {name}");
                let mut members = members;
                members["of"] = code.into();
                events.tell(Event::new("over", Severity::Info, said, members));
            }
            None => {}
        }
        Ok(())
    }
}

/// The genesis id that the policies pin; they agree, or would not have been read.
fn genesis_of(policies: &Policies) -> Option<crate::tlog::merkle::Hash> {
    policies.iter().find_map(|policy| policy.genesis())
}
