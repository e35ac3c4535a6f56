//! What a monitor tells, one event a time: to people, to programs as NDJSON, and to a command.
//!
//! Promises: every event has `event` (a stable word), `time`, `severity`, `zh` and `en`; with `--events` it stands in the file before the
//! command is run. An event may be told twice after a crash, never not at all.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Map, Value};

use super::Arguments;
use crate::cli::out::{Console, Failure};
use crate::cli::text::{Said, said};
use crate::ledger::clock::system_clock;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Something happened.
    Info,
    /// Something could not be looked at.
    Warning,
    /// The ledger itself does not answer.
    Away,
    /// Less witnesses or less life than is wanted.
    Late,
    /// Somebody should look now.
    Alert,
    /// Two signatures that cannot both be true.
    Contradiction,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Away => "away",
            Severity::Late => "late",
            Severity::Alert => "alert",
            Severity::Contradiction => "contradiction",
        }
    }
}

/// One thing told.
pub(super) struct Event {
    code: &'static str,
    severity: Severity,
    said: Said,
    members: Value,
}

impl Event {
    pub fn new(code: &'static str, severity: Severity, said: Said, members: Value) -> Event {
        Event {
            code,
            severity,
            said,
            members,
        }
    }

    fn json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("event".to_owned(), self.code.into());
        object.insert("time".to_owned(), system_clock()().wall.to_string().into());
        object.insert("severity".to_owned(), self.severity.word().into());
        object.insert("zh".to_owned(), self.said.zh.clone().into());
        object.insert("en".to_owned(), self.said.en.clone().into());
        if let Value::Object(members) = &self.members {
            object.extend(members.clone());
        }
        object
    }
}

/// The events of one look, told as they come.
pub(super) struct Events<'a> {
    console: &'a Console,
    arguments: &'a Arguments,
    told: Vec<Value>,
    worst: Option<Severity>,
}

impl<'a> Events<'a> {
    pub fn new(console: &'a Console, arguments: &'a Arguments) -> Events<'a> {
        Events {
            console,
            arguments,
            told: Vec::new(),
            worst: None,
        }
    }

    /// The gravest that was told.
    pub fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// A condition that lasts counts in every look, also where it is not told again.
    pub fn lasts(&mut self, severity: Severity) {
        self.worst = self.worst.max(Some(severity));
    }

    /// All that were told, for the one object of a single look.
    pub fn into_told(self) -> Vec<Value> {
        self.told
    }

    /// Tells it everywhere.
    pub fn tell(&mut self, event: Event) -> Result<(), Failure> {
        let object = event.json();
        let line = format!("{}\n", Value::Object(object.clone()));
        self.lasts(event.severity);
        if let Some(path) = &self.arguments.events {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let written = file.and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync_data()
            });
            written.map_err(|error| {
                let shown = path.display();
                Failure::input(
                    "events",
                    said!("写不了 {shown}", "cannot write {shown}").because(&error),
                )
            })?;
        }
        // A single look hands back one object at its end.
        if self.console.json && self.arguments.follow.is_some() {
            self.console.print(&line)?;
        } else if !self.console.json && event.severity > Severity::Info {
            self.console.talk(&event.said);
        } else if !self.console.json && event.code != "consistent" {
            let text = event.said.in_(self.console.lang).to_owned();
            self.console.print(&(text + "\n"))?;
        }
        if event.severity >= Severity::Alert {
            self.exec(&event, &line);
        }
        self.told.push(Value::Object(object));
        Ok(())
    }

    fn exec(&self, event: &Event, line: &str) {
        let Some(command) = &self.arguments.exec else {
            return;
        };
        let mut process = Command::new("sh");
        process
            .args(["-c", command])
            .env("MINGZHANG_EVENT", event.code)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        if event.severity == Severity::Contradiction {
            process.env("MINGZHANG_EVIDENCE", &self.arguments.evidence);
        }
        let ran = process.spawn().and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                // A command that does not read it may still do its work.
                let _ = stdin.write_all(line.as_bytes());
            }
            child.wait()
        });
        if !ran.as_ref().is_ok_and(std::process::ExitStatus::success) {
            self.console.talk(&said!(
                "警报命令没有成功",
                "the alarm command did not succeed"
            ));
        }
    }
}
