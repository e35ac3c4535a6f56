//! What a monitor tells, one event a time: to people, to programs as NDJSON, and to a command.
//!
//! Promises: every event has `event` (a stable word), `time`, `severity`, `zh` and `en`; it is told first, then stands in the file of
//! `--events`, then the command is run, which is ended after [`EXEC_S_MAX`]. What cannot be written stops none of the others. An event may
//! be told twice after a crash, never not at all.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value};

use super::Arguments;
use crate::cli::out::{Console, Failure};
use crate::lang::Said;
use crate::ledger::clock::system_clock;
use crate::said;
use crate::store::named;

/// How long the command of `--exec` may take, in seconds. It is to send a message, and the monitor has to go on looking.
pub(super) const EXEC_S_MAX: u64 = 20;

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
    /// The file that proves it.
    evidence: Option<PathBuf>,
}

impl Event {
    pub fn new(code: &'static str, severity: Severity, said: Said, members: Value) -> Event {
        Event {
            code,
            severity,
            said,
            members,
            evidence: None,
        }
    }

    /// The same with the file that proves it.
    pub fn proved_by(self, evidence: Option<PathBuf>) -> Event {
        Event { evidence, ..self }
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
    /// Why an event was not written to the file, or to standard output.
    unwritten: Option<Failure>,
}

impl<'a> Events<'a> {
    pub fn new(console: &'a Console, arguments: &'a Arguments) -> Events<'a> {
        Events {
            console,
            arguments,
            told: Vec::new(),
            worst: None,
            unwritten: None,
        }
    }

    /// Whether all that was told could be written too. If not, it must be told again.
    pub fn written(&mut self) -> Result<(), Failure> {
        self.unwritten.take().map_or(Ok(()), Err)
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

    /// Tells it everywhere: to people first, then to the file, then to the command.
    pub fn tell(&mut self, event: Event) {
        let object = event.json();
        let line = format!("{}\n", Value::Object(object.clone()));
        self.lasts(event.severity);
        // A single look hands back one object at its end.
        let told = if self.console.json && self.arguments.follow.is_some() {
            self.console.deliver(&line)
        } else if event.severity == Severity::Contradiction {
            Ok(()) // Was told when it was found.
        } else if !self.console.json && event.severity > Severity::Info {
            self.console.talk(&event.said);
            Ok(())
        } else if !self.console.json && event.code != "consistent" {
            let text = event.said.in_(self.console.lang).to_owned();
            self.console.deliver(&(text + "\n"))
        } else {
            Ok(())
        };
        let written = self.add_to_file(&line);
        for failure in [told, written].into_iter().filter_map(Result::err) {
            if event.severity >= Severity::Alert {
                self.console.talk(&failure.said);
            }
            self.unwritten.get_or_insert(failure);
        }
        if event.severity >= Severity::Alert {
            self.exec(&event, line);
        }
        self.told.push(Value::Object(object));
    }

    fn add_to_file(&self, line: &str) -> Result<(), Failure> {
        let Some(path) = &self.arguments.events else {
            return Ok(());
        };
        let file = named::append(path, 0o666);
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
        })
    }

    fn exec(&self, event: &Event, line: String) {
        let Some(command) = &self.arguments.exec else {
            return;
        };
        let mut process = Command::new("sh");
        process
            .args(["-c", command])
            .env("MINGZHANG_EVENT", event.code)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // A group of its own, so that what it has started ends with it.
            .process_group(0);
        if let Some(evidence) = &event.evidence {
            process.env("MINGZHANG_EVIDENCE", evidence);
        }
        let ran = process.spawn().and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                // Beside the wait: a command that does not read may still do its work, and must not be waited for here.
                std::thread::spawn(move || stdin.write_all(line.as_bytes()));
            }
            wait(&mut child, Duration::from_secs(EXEC_S_MAX))
        });
        match ran {
            Ok(Some(status)) if status.success() => {}
            Ok(None) => self.console.talk(&said!(
                "警报命令超过 {EXEC_S_MAX} 秒未结束，已终止",
                "the alarm command took more than {EXEC_S_MAX} s and was ended"
            )),
            _ => self.console.talk(&said!(
                "警报命令没有成功",
                "the alarm command did not succeed"
            )),
        }
    }
}

/// Waits for the command, which leads a group of its own; `None` if it had to be ended.
fn wait(child: &mut Child, at_most: Duration) -> std::io::Result<Option<ExitStatus>> {
    let until = Instant::now() + at_most;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // It may have ended in this moment.
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Danger: a command that hangs keeps the monitor from looking again, or what it has started lives on.
    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let start = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdout(Stdio::piped());
            command.process_group(0).spawn().unwrap()
        };
        let quick = Duration::from_secs(60);
        let status = wait(&mut start("exit 3"), quick).unwrap().unwrap();
        assert_eq!(status.code(), Some(3));

        let mut child = start("sleep 300 & sleep 300");
        let mut stdout = child.stdout.take().unwrap();
        assert_eq!(wait(&mut child, Duration::from_millis(50)).unwrap(), None);
        // Whoever still held the pipe would keep this from ending.
        stdout.read_to_string(&mut String::new()).unwrap();
    }
}
