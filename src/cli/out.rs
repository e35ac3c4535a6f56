//! What a command hands back and how it is shown: results on standard output, talk on standard error, the exit code for scripts.
//!
//! Promises: with `--json` exactly one JSON object stands on standard output for a command that ends, whether it succeeded or not, with
//! `ok`, `exit`, `code` and `message`; whatever else a person reads here moves no cursor and hides nothing, whoever wrote it (what is one
//! line by its nature goes through [`crate::trade::visible::one_line`] first, so that it begins no line either); a reader that goes away (`… | head -1`) is no panic and no failure; a progress bar appears only on a terminal.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};

use super::log;
use crate::lang::{Lang, Said};
use crate::said;
use crate::trade::visible::visible;

/// How a command ended. The numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// A check failed.
    Failed = 1,
    /// The command line cannot be meant so.
    Usage = 2,
    /// Input cannot be read or used, or part of it was refused.
    Input = 3,
    /// The network, the ledger or this machine fails now; the same may succeed later.
    Temporary = 4,
    /// Everything holds, but the policy wants more witnesses.
    Policy = 5,
    /// Two signed views of one log contradict each other.
    Contradiction = 6,
    /// A ledger has stopped by itself, as after a failed sync: it is to be started again.
    Stopped = 7,
}

impl Exit {
    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

/// The result of a command that did its work, well or not: `verify` of a bad receipt is an answer.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub exit: Exit,
    /// A stable word for programs.
    pub code: &'static str,
    /// What a person reads, or what the command was asked to print; not always ended by a line feed.
    pub text: String,
    /// Whether `text` is bytes for a program or a file, such as a receipt, rather than something to be read.
    pub is_exact: bool,
    /// Whether it was shown already, by a command that remembers nothing which could not be shown.
    pub is_shown: bool,
    /// The same for programs, without `ok`, `exit` and `code`.
    pub members: Map<String, Value>,
}

impl Answer {
    /// Success, with a text for people.
    pub fn ok(code: &'static str, text: impl Into<String>) -> Answer {
        Answer {
            exit: Exit::Ok,
            code,
            text: text.into(),
            is_exact: false,
            is_shown: false,
            members: Map::new(),
        }
    }

    /// The same, of which every byte counts: it goes into a file or another program as it is, and is made visible on a terminal only.
    #[must_use]
    pub fn exact(mut self) -> Answer {
        self.is_exact = true;
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Answer {
        self.exit = exit;
        self
    }

    /// Adds a member for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Answer {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The one object that programs are given.
    pub fn object(&self) -> Map<String, Value> {
        envelope(self.exit, self.code, &self.members, None)
    }
}

/// A command could not do its work.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// A stable word for programs.
    pub code: &'static str,
    /// What was found, what was wanted, what to do.
    pub said: Said,
    /// Further members for programs.
    pub members: Map<String, Value>,
}

impl Failure {
    /// A failure.
    pub fn new(exit: Exit, code: &'static str, said: Said) -> Failure {
        Failure {
            exit,
            code,
            said,
            members: Map::new(),
        }
    }

    /// The arguments contradict each other or cannot be.
    pub fn usage(code: &'static str, said: Said) -> Failure {
        Failure::new(Exit::Usage, code, said)
    }

    /// A file cannot be read or is not what it should be.
    pub fn input(code: &'static str, said: Said) -> Failure {
        Failure::new(Exit::Input, code, said)
    }

    /// It may succeed later.
    pub fn temporary(code: &'static str, said: Said) -> Failure {
        Failure::new(Exit::Temporary, code, said)
    }

    /// Adds a member for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Failure {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

/// Where a command speaks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// In which language.
    pub lang: Lang,
    /// Whether programs read standard output.
    pub json: bool,
}

impl Console {
    /// Says something about the work to the person at the terminal; never a result.
    pub fn talk(&self, said: &Said) {
        log::say(&visible(said.in_(self.lang)));
    }

    /// Writes to standard output, with what cannot be seen made visible. A reader that has gone away is no failure.
    ///
    /// # Errors
    /// Exit code 4 if it cannot be written for another reason, such as a full disk behind a redirection.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_exact(&visible(text))
    }

    /// [`Console::print`] for what must reach its reader: one that has gone away is a failure too, [`NO_READER`].
    ///
    /// # Errors
    /// Exit code 4 if it cannot be written.
    pub fn deliver(&self, text: &str) -> Result<(), Failure> {
        write(&visible(text)).map_err(|error| unwritten(&error))
    }

    /// Writes the bytes as they are.
    fn print_exact(&self, text: &str) -> Result<(), Failure> {
        match write(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
            _ => Ok(()),
        }
    }

    /// Prints one JSON object on a line: of a command that goes on (`serve`), each step of which is an object.
    ///
    /// # Errors
    /// As [`Console::print`].
    pub fn print_object(&self, object: Map<String, Value>) -> Result<(), Failure> {
        self.print_exact(&line_of(object))
    }

    /// The same as [`Console::deliver`].
    ///
    /// # Errors
    /// As there.
    pub fn deliver_object(&self, object: Map<String, Value>) -> Result<(), Failure> {
        write(&line_of(object)).map_err(|error| unwritten(&error))
    }

    /// A bar that counts up to `length`, for a person at a terminal; hidden from everybody else.
    pub fn progress(&self, length: u64, what: &Said) -> ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar =
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
            .expect("the template is ours and has no format errors");
        bar.set_style(style);
        bar.set_message(what.in_(self.lang).to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }

    /// [`Console::print`] for what goes on: a service whose words cannot be written serves all the same.
    pub fn tell(&self, text: &str) {
        if let Err(failure) = self.print(text) {
            self.talk(&failure.said);
        }
    }

    /// The same for an object.
    pub fn announce(&self, object: Map<String, Value>) {
        if let Err(failure) = self.print_object(object) {
            self.talk(&failure.said);
        }
    }

    /// Shows how a command ended, and returns what the process says to its parent.
    pub fn end(&self, outcome: Result<Answer, Failure>) -> ExitCode {
        let exit = outcome
            .as_ref()
            .map_or_else(|failure| failure.exit, |answer| answer.exit);
        let shown = match (&outcome, self.json) {
            (Ok(answer), _) if answer.is_shown => Ok(()),
            (Ok(answer), true) => self.print_object(answer.object()),
            (Ok(answer), false) if answer.is_exact && !io::stdout().is_terminal() => {
                self.print_exact(&answer.text)
            }
            (Ok(answer), false) => self.print(&answer.text),
            (Err(failure), true) => {
                let message = failure.said.in_(self.lang);
                self.print_object(envelope(
                    exit,
                    failure.code,
                    &failure.members,
                    Some(message),
                ))
            }
            (Err(failure), false) => {
                let Said { zh, en } = &failure.said;
                self.talk(&said!("错误：{zh}", "error: {en}"));
                Ok(())
            }
        };
        log::drain();
        match shown {
            Ok(()) => exit.into(),
            Err(unshown) => {
                self.talk(&unshown.said);
                // What the command found out outranks that it could not be shown.
                if exit == Exit::Ok {
                    unshown.exit.into()
                } else {
                    exit.into()
                }
            }
        }
    }
}

/// Nobody reads standard output any more.
pub const NO_READER: &str = "stdout-closed";

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn unwritten(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::BrokenPipe => NO_READER,
        _ => "stdout",
    };
    let said = said!("写不到标准输出", "cannot write to standard output");
    Failure::temporary(code, said.because(error))
}

fn line_of(object: Map<String, Value>) -> String {
    // An export holds numbers with more digits than a double has.
    let text = Value::Object(object).to_string();
    format!("{}\n", crate::export::ocds::imported::exact(&text))
}

/// `{"ok":…,"exit":…,"code":…,…}`: what every object of ours begins with.
pub fn envelope(
    exit: Exit,
    code: &str,
    members: &Map<String, Value>,
    message: Option<&str>,
) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("ok".to_owned(), (exit == Exit::Ok).into());
    object.insert("exit".to_owned(), exit.number().into());
    object.insert("code".to_owned(), code.into());
    if let Some(message) = message {
        object.insert("message".to_owned(), message.into());
    }
    for (name, value) in members {
        object.insert(name.clone(), value.clone());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_contract() {
        let all = [
            (Exit::Ok, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Input, 3),
            (Exit::Temporary, 4),
            (Exit::Policy, 5),
            (Exit::Contradiction, 6),
            (Exit::Stopped, 7),
        ];
        for (exit, number) in all {
            assert_eq!(exit.number(), number);
        }
    }

    #[test]
    fn an_object_says_first_how_it_ended() {
        let mut members = Map::new();
        members.insert("index".to_owned(), 7.into());
        let object = envelope(Exit::Input, "key-file", &members, Some("no"));
        assert_eq!(object["ok"], false);
        assert_eq!(object["exit"], 3);
        assert_eq!(object["code"], "key-file");
        assert_eq!(object["message"], "no");
        assert_eq!(object["index"], 7);
    }
}
