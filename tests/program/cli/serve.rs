//! Danger: a service hangs or dies because nobody takes what it says: standard error on a full disk, a log collector that died or stands still.
//! Or it is torn away in the midst of a request, because it heard its end too late.

use std::io::BufRead;
use std::process::{ChildStderr, Command};

use super::*;

/// Where the words of a service go.
#[derive(Clone, Copy, Debug)]
enum Log {
    /// Every write fails for want of room.
    Full,
    /// A pipe whose reader has died.
    Dead,
    /// A pipe whose reader stands still, full after 64 KiB.
    Still,
}

/// Starts `serve` with everything that it can say, said into nothing; standard output has no room either.
fn serve_into(log: Log, data: &str) -> (Served, Option<ChildStderr>) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let mut command: Command = program();
    command
        .args(["serve", "--listen", &address, "--json", "--data", data])
        .env("RUST_LOG", "trace")
        .stdout(full());
    let mut child = match log {
        Log::Full => command.stderr(full()),
        Log::Dead | Log::Still => command.stderr(Stdio::piped()),
    }
    .spawn()
    .unwrap();
    let stderr = child.stderr.take().filter(|_| matches!(log, Log::Still));
    let served = Served {
        child,
        said: Value::Null,
        url: format!("http://{address}"),
    };
    served.until(|http| {
        http.get("readyz", 1 << 16)
            .is_ok_and(|found| found.is_some())
    });
    (served, stderr)
}

#[test]
fn a_log_that_nobody_takes_holds_nothing_up() {
    for log in [Log::Full, Log::Dead, Log::Still] {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let (served, _stderr) = serve_into(log, &data);
        let file = desk.write("drafts.jsonl", &drafts(0..3).join("\n"));
        let key = format!("{data}/centre.key");
        // Enough requests to fill any pipe, at a level that tells of each.
        run(&["post", "--ledger", &served.url, "--key", &key, &file]).exits(0);
        served.until_checkpoint();
        let http = served.http();
        for _ in 0..200 {
            assert!(
                http.get("checkpoint", 1 << 16).unwrap().is_some(),
                "{log:?}"
            );
        }
        // It ends when told to; that its last word has no room on standard output is all that it has to say.
        assert_eq!(served.terminate(), Some(4), "{log:?}");
        run(&["audit", &data, "--policy", &format!("{data}/policy")]).exits(0);
    }
}

/// The word to end is heard from the moment in which the address is told. A closed terminal says it too, unless `nohup` has the last word.
#[test]
fn it_ends_in_order_however_soon_it_is_told() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let start = |nohup: bool| {
        let mut command = program();
        if nohup {
            let program = command.get_program().to_owned();
            command = Command::new("nohup");
            command.arg(program).stderr(Stdio::null());
        }
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--json",
            "--data",
            &data,
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut line, out) = (String::new(), child.stdout.take().unwrap());
        let mut out = std::io::BufReader::new(out);
        out.read_line(&mut line).unwrap();
        assert!(line.contains("serving"), "{line}");
        (child, out)
    };
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (mut child, _out) = start(false);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}");
    }
    let (mut child, _out) = start(true);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// It says so at once and in both languages, instead of dying in the midst of opening.
#[test]
fn with_too_few_open_files_it_says_how_many_it_needs() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    for (files, lang, wanted) in [
        (
            "8",
            "en",
            "this process may open 8 files, to serve it needs 64",
        ),
        (
            "20",
            "zh-CN",
            "最多只能打开 20 个文件，提供服务至少需要 64 个",
        ),
    ] {
        let mut shell = Command::new("sh");
        let output = shell
            .args(["-c", "ulimit -n $0; exec \"$@\"", files])
            .arg(program().get_program())
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--lang",
                lang,
                "--data",
                &data,
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
}

/// What stands in the place of a file of ours is named, with what to do about it, in both languages.
#[test]
fn what_stands_in_the_place_of_the_index_or_of_last_signed_is_named() {
    type Put = fn(&Path);
    let put: [(&str, Put); 4] = [
        ("index", |path| std::fs::write(path, "x").unwrap()),
        ("keys/last-signed", |path| {
            std::fs::create_dir(path).unwrap()
        }),
        ("keys/last-signed", |path| {
            let made = Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        }),
        ("keys/last-signed", |path| {
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        }),
    ];
    for (name, put) in put {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let path = Path::new(&data).join(name);
        match path.is_dir() {
            true => std::fs::remove_dir_all(&path).unwrap(),
            false => std::fs::remove_file(&path).unwrap(),
        }
        put(&path);
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &data];
        let shown = path.to_str().unwrap();
        run(&serve).exits(3).says(&[shown, "move it away"]);
        run(&[&serve[..], &["--lang", "zh-CN"]].concat())
            .exits(3)
            .says(&[shown, "移走"]);
        run(&[&serve[..], &["--json"]].concat())
            .exits(3)
            .json("ledger-refused");
    }
}

/// Events that nobody was there to read are told again: they are not remembered.
#[test]
fn a_monitor_whose_reader_has_gone_away_remembers_nothing() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, state) = (format!("{data}/policy"), desk.path("state"));
    for more in [&[][..], &["--follow", "1"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = program()
            .args(["monitor", "--json", "--policy", &policy, "--state", &state])
            .args(more)
            .arg(&data)
            .current_dir(desk.path(""))
            .stdout(writer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{more:?}: {said}");
        assert!(!Path::new(&state).exists(), "{more:?}");
    }
    run(&[
        "monitor", &data, "--policy", &policy, "--state", &state, "--json",
    ])
    .exits(0);
    assert!(Path::new(&state).exists());
}
