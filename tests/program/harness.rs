//! What every test of the program needs: to run it, to start what serves and to end it, a folder, real notices, and patience.

use std::ffi::OsStr;
pub use std::io::{BufRead, BufReader};
pub use std::path::{Path, PathBuf};
pub use std::process::{Child, Command, Stdio};
pub use std::time::{Duration, Instant};

pub use mingzhang::store::Http;
pub use rustix::process::{Pid, Signal, kill_process};
pub use serde_json::Value;
use tempfile::TempDir;

/// The publisher that `init` makes for a trial.
pub const CENTRE: &str = "centre.ledger.example";

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run of the program left: exit code, standard output, standard error.
#[derive(Debug)]
pub struct Run {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program in English, unless the arguments ask for another language.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Run {
    let output = program().args(arguments).output().unwrap();
    Run {
        exit: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mingzhang"));
    command.stdin(Stdio::null()).env("LANG", "C.UTF-8");
    for variable in ["LC_ALL", "LC_MESSAGES", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

impl Run {
    #[track_caller]
    pub fn exits(self, wanted: i32) -> Run {
        assert_eq!(self.exit, wanted, "{self:#?}");
        self
    }

    /// Both streams together have these words.
    #[track_caller]
    pub fn says(self, wanted: &[&str]) -> Run {
        for words in wanted {
            assert!(
                self.out.contains(words) || self.err.contains(words),
                "no {words:?} in {self:#?}"
            );
        }
        self
    }

    /// Standard output is one JSON object, whose first members agree with the exit code.
    #[track_caller]
    pub fn json(self, code: &str) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:#?}");
        let object: Value = serde_json::from_str(&self.out).unwrap();
        assert_eq!(object["ok"], self.exit == 0, "{object}");
        assert_eq!(object["exit"], self.exit, "{object}");
        assert_eq!(object["code"], code, "{object}");
        object
    }
}

/// A folder of the test, with the paths that it uses.
pub struct Desk(pub TempDir);

impl Desk {
    pub fn new() -> Desk {
        Desk(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// A process that serves (a ledger, a mirror, a witness), ended when it is dropped.
pub struct Served {
    pub child: Child,
    pub said: Value,
    pub url: String,
}

impl Served {
    pub fn start(data: &str) -> Served {
        Served::start_with(data, &[])
    }

    pub fn start_with(data: &str, more: &[&str]) -> Served {
        let served = Served::spawn(&[&["--data", data], more].concat());
        served.until(|http| {
            http.get("readyz", 1 << 16)
                .is_ok_and(|found| found.is_some())
        });
        served
    }

    /// `serve --mirror`, which need not have anything yet.
    pub fn start_replica(folder: &str, policy: &str) -> Served {
        Served::spawn(&["--mirror", folder, "--policy", policy])
    }

    pub fn spawn(more: &[&str]) -> Served {
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--json"]);
        Served::of(command.args(more))
    }

    /// Any process that says in one JSON object where it serves.
    pub fn of(command: &mut Command) -> Served {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // The object may be of several lines.
        let (mut text, mut said) = (String::new(), None);
        while said.is_none() && lines.read_line(&mut text).unwrap() > 0 {
            said = serde_json::from_str::<Value>(&text).ok();
        }
        let said = said.unwrap_or_else(|| panic!("{command:?} said {text}"));
        assert_eq!(said["ok"], true, "{said}");
        let url = said["url"].as_str().unwrap().to_owned();
        Served { child, said, url }
    }

    pub fn http(&self) -> Http {
        Http::new(&self.url).unwrap()
    }

    /// Waits until `checkpoint`, which follows `head`, is of so many records.
    pub fn until_published(&self, size: &str) {
        self.until(|http| {
            let note = http.get("checkpoint", 1 << 16).unwrap();
            note.is_some_and(|note| String::from_utf8_lossy(&note).lines().nth(1) == Some(size))
        });
    }

    #[track_caller]
    pub fn until(&self, done: impl Fn(&Http) -> bool) {
        let http = self.http();
        until("it", || done(&http).then_some(()).ok_or_else(String::new));
    }

    /// The `checkpoint` trails the head by up to 200 ms, and the first one may not be there yet.
    pub fn until_checkpoint(&self) {
        self.until(|http| {
            http.get("checkpoint", 1 << 16)
                .is_ok_and(|note| note.is_some())
        });
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.http().call("GET", path, &[], None, 1 << 20).unwrap();
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    /// The answer about a project, once the index has come as far as the log; without what only says how far that is.
    pub fn project(&self, project: &str) -> Value {
        let head = String::from_utf8(self.http().get("head", 1 << 16).unwrap().unwrap().to_vec());
        let size: u64 = head.unwrap().lines().nth(1).unwrap().parse().unwrap();
        let read = |http: &Http| -> Value {
            let name = format!("api/v1/projects/{CENTRE}/{project}");
            serde_json::from_slice(&http.get(&name, 1 << 22).unwrap().unwrap()).unwrap()
        };
        self.until(|http| read(http)["indexed_size"].as_u64() == Some(size));
        read(&self.http())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

/// Asks again until there is an answer, and tells after a minute what was there instead.
#[track_caller]
pub fn until<T>(what: &str, look: impl Fn() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(began.elapsed() < PATIENCE, "{what} never came: {instead}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first lines of real notices.
pub fn drafts(range: std::ops::Range<usize>) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yichang/drafts.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[range].to_vec()
}

pub fn init(desk: &Desk, name: &str, origin: &str) -> String {
    let data = desk.path(name);
    run(&["init", "--data", &data, "--origin", origin])
        .exits(0)
        .says(&["trial", "policy"]);
    data
}

pub fn copy(from: &str, to: &str) {
    let copied = Command::new("cp").args(["-a", from, to]).status().unwrap();
    assert!(copied.success());
}

pub fn post(desk: &Desk, served: &Served, key: &str, range: std::ops::Range<usize>) -> Run {
    let file = desk.write("posted.jsonl", &(drafts(range).join("\n") + "\n"));
    run(&["post", "--ledger", &served.url, "--key", key, &file])
}
