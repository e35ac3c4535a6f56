//! Danger: a receipt that looks witnessed and is not; a dead witness that holds up posts; a ledger that was set back and signs a second
//! history. The real program: a ledger, three witnesses of which two are enough, and each of them killed, stopped and set against it.

use mingzhang::tlog::policy::Policy;
use tempfile::TempDir;

use crate::harness::*;

const ORIGIN: &str = "ledger.example/witnessed";
const NAMES: [&str; 3] = ["w1.example", "w2.example", "w3.example"];

fn in_folder(folder: &Path) -> Command {
    let mut command = program();
    command.arg("--json").current_dir(folder);
    command
}

fn start(folder: &Path, arguments: &[&str]) -> Served {
    Served::of(in_folder(folder).args(arguments).stderr(Stdio::null()))
}

/// Waits until `/api/v1/witnesses` is so.
#[track_caller]
fn until_told(ledger: &Served, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    until(what, || {
        let said = ledger.json("api/v1/witnesses");
        if done(&said) {
            Ok(said)
        } else {
            Err(said.to_string())
        }
    })
}

/// A folder with a ledger and its three witnesses.
struct World {
    desk: TempDir,
    witnesses: Vec<Option<Served>>,
    posted: std::cell::Cell<usize>,
}

impl World {
    fn new() -> World {
        let world = World {
            desk: tempfile::tempdir().unwrap(),
            witnesses: Vec::new(),
            posted: 0.into(),
        };
        world.run(&["init", "--data", "data", "--origin", ORIGIN], 0);
        world
    }

    fn run(&self, arguments: &[&str], wanted: i32) -> Value {
        let output = in_folder(self.desk.path())
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(wanted),
            "{arguments:?}: {said} {err}"
        );
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.desk.path().join(name)).unwrap()
    }

    /// The three of them at `listen`, and the policy by which two are enough.
    fn with_witnesses(mut self) -> World {
        for at in 0..3 {
            self.witnesses.push(None);
            self.start_witness(at, "127.0.0.1:0", "data/policy");
        }
        let lines = NAMES.iter().zip(&self.witnesses).map(|(name, process)| {
            let process = process.as_ref().unwrap();
            let (vkey, url) = (process.said["vkey"].as_str().unwrap(), process.url.as_str());
            format!("witness {name} {vkey} {url}\n")
        });
        let lines: String = lines.collect();
        self.write_policy(&lines);
        self
    }

    fn write_policy(&self, witnesses: &str) {
        let alone = self.read("data/policy");
        let group = format!("group enough 2 {}\nquorum enough\n", NAMES.join(" "));
        let policy = alone.replace("quorum none\n", &format!("{witnesses}{group}"));
        Policy::parse(policy.as_bytes()).unwrap();
        std::fs::write(self.desk.path().join("policy"), policy).unwrap();
    }

    fn start_witness(&mut self, at: usize, listen: &str, policy: &str) {
        let name = NAMES[at];
        let arguments = [
            "witness", "serve", "--data", name, "--name", name, "--listen", listen, "--policy",
            policy,
        ];
        self.witnesses[at] = Some(start(self.desk.path(), &arguments));
    }

    fn witness(&self, at: usize) -> &Served {
        self.witnesses[at].as_ref().unwrap()
    }

    fn serve(&self, data: &str, more: &[&str]) -> Served {
        let arguments = [
            "serve",
            "--data",
            data,
            "--listen",
            "127.0.0.1:0",
            "--policy",
            "policy",
        ];
        start(self.desk.path(), &[&arguments[..], more].concat())
    }

    /// Posts one draft that nobody has posted before; the index of its record.
    fn post(&self, ledger: &Served, more: &[&str], wanted: i32) -> u64 {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yichang/drafts.jsonl");
        let drafts = std::fs::read_to_string(path).unwrap();
        let at = self.posted.replace(self.posted.get() + 1);
        let draft = drafts.lines().nth(at).unwrap();
        std::fs::write(self.desk.path().join("draft.jsonl"), format!("{draft}\n")).unwrap();
        let arguments = [
            "post",
            "--ledger",
            ledger.url.as_str(),
            "--key",
            "data/centre.key",
            "draft.jsonl",
        ];
        let said = self.run(&[&arguments[..], more].concat(), wanted);
        assert_eq!(said["logged"], 1, "{said}");
        ledger.json("readyz")["tree_size"].as_u64().unwrap() - 1
    }

    /// A post that is not taken, whatever it is.
    fn refused_post(&self, ledger: &Served) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/yichang/drafts.jsonl");
        let drafts = std::fs::read_to_string(path).unwrap();
        let draft = drafts.lines().nth(20).unwrap();
        std::fs::write(self.desk.path().join("draft.jsonl"), format!("{draft}\n")).unwrap();
        let arguments = [
            "post",
            "--ledger",
            ledger.url.as_str(),
            "--key",
            "data/centre.key",
            "draft.jsonl",
        ];
        let output = in_folder(self.desk.path())
            .args(arguments)
            .output()
            .unwrap();
        assert_ne!(output.status.code(), Some(0), "{output:?}");
    }

    /// Fetches the receipt of a record and verifies it offline by the policy.
    fn verify(&self, ledger: &Served, index: u64, wanted: i32) -> Value {
        let answer = ledger
            .http()
            .call(
                "GET",
                &format!("api/v1/receipts/{index}"),
                &[],
                None,
                1 << 20,
            )
            .unwrap();
        std::fs::write(self.desk.path().join("receipt"), &answer.body).unwrap();
        self.run(&["verify", "receipt", "--policy", "policy"], wanted)
    }
}

fn state_of<'a>(said: &'a Value, name: &str) -> &'a str {
    let witnesses = said["witnesses"].as_array().unwrap();
    let witness = witnesses.iter().find(|witness| witness["name"] == name);
    witness.unwrap()["state"].as_str().unwrap()
}

fn is_met(said: &Value) -> bool {
    said["met_size"] == said["head_size"]
}

#[test]
fn a_receipt_is_witnessed_while_two_of_three_answer_and_posts_never_wait_for_them() {
    let mut world = World::new().with_witnesses();
    let ledger = world.serve("data", &[]);
    let first = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, first, 0);
    let all = |said: &Value| NAMES.iter().all(|name| state_of(said, name) == "cosigns");
    until_told(&ledger, "all three cosign", all);
    until_told(&ledger, "all three lines are published", |_| {
        let checkpoint = ledger.http().get("checkpoint", 1 << 16).unwrap().unwrap();
        let checkpoint = String::from_utf8_lossy(&checkpoint).into_owned();
        NAMES
            .iter()
            .all(|name| checkpoint.contains(&format!("— {name} ")))
    });

    // One is killed: two are enough.
    let port = world.witness(0).url.rsplit(':').next().unwrap().to_owned();
    world.witnesses[0] = None;
    let second = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, second, 0);

    // Another stands still, with its connection open: nobody waits for it, and the receipt says that it is not witnessed.
    world.witness(1).signal(Signal::STOP);
    let began = Instant::now();
    let third = world.post(&ledger, &[], 0);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "a post has waited for a witness"
    );
    let verdict = world.verify(&ledger, third, 5);
    assert_eq!(verdict["code"], "not-yet-witnessed", "{verdict}");
    world.verify(&ledger, second, 0);
    let head = ledger.http().get("head", 1 << 16).unwrap().unwrap();
    let checkpoint = ledger.http().get("checkpoint", 1 << 16).unwrap().unwrap();
    let size = |note: &[u8]| {
        String::from_utf8_lossy(note)
            .lines()
            .nth(1)
            .map(str::to_owned)
    };
    assert_ne!(size(&head), size(&checkpoint), "checkpoint stays behind");
    let health = ledger.http().get("healthz", 1 << 16).unwrap().unwrap();
    let health = String::from_utf8_lossy(&health).into_owned();
    assert!(health.starts_with("ok\nwitnessed up to "), "{health}");
    assert!(
        health.contains("witness w1.example: ") && health.contains("does not answer"),
        "{health}"
    );

    // It goes on: so does the checkpoint. And the one that was killed catches up from what it has.
    world.witness(1).signal(Signal::CONT);
    until_told(&ledger, "two are enough again", is_met);
    world.verify(&ledger, third, 0);
    world.start_witness(0, &format!("127.0.0.1:{port}"), "data/policy");
    until_told(&ledger, "the third is back", all);

    // A restart forgets nothing: what was witnessed is, before anybody is asked.
    drop(ledger);
    world
        .witnesses
        .iter_mut()
        .for_each(|witness| *witness = None);
    let ledger = world.serve("data", &[]);
    world.verify(&ledger, third, 0);
    assert!(is_met(&ledger.json("api/v1/witnesses")));
    world.run(&["audit", "data", "--policy", "policy"], 0);
}

fn copy(world: &World, from: &str, to: &str) {
    let copied = Command::new("cp")
        .args(["-a", from, to])
        .current_dir(world.desk.path())
        .status();
    assert!(copied.unwrap().success());
}

/// The operator, with every key in his hand, begins a second history from an old copy.
#[test]
fn a_ledger_that_was_set_back_does_not_start_and_its_fork_is_never_witnessed() {
    let world = World::new().with_witnesses();
    let ledger = world.serve("data", &[]);
    world.post(&ledger, &["--wait", "witnessed"], 0);
    drop(ledger);
    copy(&world, "data", "fork");
    let ledger = world.serve("data", &[]);
    let last = world.post(&ledger, &["--wait", "witnessed"], 0);
    drop(ledger);

    // Without last-signed the witnesses are asked: they have more.
    std::fs::remove_file(world.desk.path().join("fork/keys/last-signed")).unwrap();
    let serve = |data: &'static str| {
        [
            "serve",
            "--data",
            data,
            "--listen",
            "127.0.0.1:0",
            "--policy",
            "policy",
        ]
    };
    let refused = world.run(&serve("fork"), 3);
    let said = refused.to_string();
    assert!(
        said.contains("has cosigned 4 records, the data holds 3"),
        "{said}"
    );

    // With the operator's word it starts, and finds out at once: reads go on, nothing is written, evidence is kept.
    let fork = world.serve("fork", &["--operator-word", "restored"]);
    until_told(&fork, "a witness is ahead", |said| said["held"].is_string());
    let ready = fork.json("readyz");
    assert_eq!(
        (ready["code"].as_str(), ready["status"].as_u64()),
        (Some("writing-held"), Some(503))
    );
    let health = fork.http().get("healthz", 1 << 16).unwrap().unwrap();
    assert!(String::from_utf8_lossy(&health).contains("not writing"));
    let alarms = world.desk.path().join("fork/keys/alarms");
    let began = Instant::now();
    let evidence = loop {
        let files = std::fs::read_dir(&alarms).into_iter().flatten().flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        if let Some(file) = files.pop() {
            break file;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no evidence is kept"
        );
        std::thread::sleep(Duration::from_millis(20));
    };
    let evidence = evidence.to_str().unwrap();
    world.run(&["monitor", "--check", evidence, "--policy", "policy"], 6);
    drop(fork);

    // He keeps the witnesses from being asked, writes another history, and only then shows it to them.
    std::fs::copy(
        world.desk.path().join("data/policy"),
        world.desk.path().join("alone"),
    )
    .unwrap();
    let arguments = [
        "serve",
        "--data",
        "fork",
        "--listen",
        "127.0.0.1:0",
        "--policy",
        "alone",
    ];
    let fork = start(
        world.desk.path(),
        &[&arguments[..], &["--operator-word", "restored"]].concat(),
    );
    world.post(&fork, &[], 0);
    drop(fork);
    let fork = world.serve("fork", &[]);
    until_told(&fork, "it is known for a fork", |said| {
        said["held"]
            .as_str()
            .is_some_and(|held| held.contains("two histories"))
    });
    let forked = fork.json("readyz")["tree_size"].as_u64().unwrap() - 1;
    world.verify(&fork, forked, 5);
    let said = fork.json("api/v1/witnesses");
    assert_eq!(said["have"], 0, "{said}");
    drop(fork);
    let ledger = world.serve("data", &[]);
    world.verify(&ledger, last, 0);
}

/// A snapshot brings last-signed back with the data, so that nothing here is missing: the witnesses are asked all the same, at every start,
/// and before the first receipt. Whom nobody answers, it goes on by last-signed.
#[test]
fn a_snapshot_is_held_by_the_witnesses_before_it_signs_anything() {
    let mut world = World::new().with_witnesses();
    let ledger = world.serve("data", &[]);
    world.post(&ledger, &["--wait", "witnessed"], 0);
    let all = |said: &Value| NAMES.iter().all(|name| state_of(said, name) == "cosigns");
    until_told(&ledger, "all three cosign", all);
    drop(ledger);
    copy(&world, "data", "snapshot");
    let ledger = world.serve("data", &[]);
    world.post(&ledger, &["--wait", "witnessed"], 0);
    drop(ledger);
    std::fs::remove_dir_all(world.desk.path().join("data")).unwrap();
    copy(&world, "snapshot", "data");

    // One of them is enough to know, and it is heard however soon the post comes.
    world.witnesses[1] = None;
    world.witnesses[2] = None;
    let ledger = world.serve("data", &[]);
    let before = ledger.json("readyz");
    assert_eq!(before["code"], "writing-held", "{before}");
    assert!(
        before
            .to_string()
            .contains("w1.example has cosigned 4 records"),
        "{before}"
    );
    let head = world.read("data/log/head");
    world.refused_post(&ledger);
    assert_eq!(world.read("data/log/head"), head);
    // Its death takes nothing back.
    world.witnesses[0] = None;
    until_told(&ledger, "w1 is dead and its word stands", |said| {
        said["held"].is_string()
    });
    world.refused_post(&ledger);
    drop(ledger);

    // The real thing, with nobody to ask: a plain restart goes on, and says of whom it has not heard.
    std::fs::remove_dir_all(world.desk.path().join("data")).unwrap();
    copy(&world, "snapshot", "data");
    let ledger = world.serve("data", &[]);
    assert_eq!(ledger.json("readyz")["writing"], true);
    until_told(&ledger, "it says who is silent", |said| {
        NAMES.iter().all(|name| state_of(said, name) == "silent")
    });
    world.post(&ledger, &[], 0);
}

/// last-signed is lost, the data is the newest: the witnesses' word stands for the operator's, if enough of them give it.
#[test]
fn a_lost_last_signed_is_answered_for_by_the_witnesses() {
    let mut world = World::new().with_witnesses();
    let ledger = world.serve("data", &[]);
    world.post(&ledger, &["--wait", "witnessed"], 0);
    let all = |said: &Value| NAMES.iter().all(|name| state_of(said, name) == "cosigns");
    until_told(&ledger, "all three cosign", all);
    drop(ledger);
    let last_signed = world.desk.path().join("data/keys/last-signed");
    std::fs::remove_file(&last_signed).unwrap();
    let serve = [
        "serve",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--policy",
    ];

    // Without witnesses in the policy it takes the operator's word.
    let refused = world.run(&[&serve[..], &["data/policy"]].concat(), 3);
    assert!(
        refused.to_string().contains("--operator-word restored"),
        "{refused}"
    );
    // Two are silent: together they could have cosigned more.
    world.witnesses[0] = None;
    world.witnesses[2] = None;
    let refused = world.run(&[&serve[..], &["policy"]].concat(), 3);
    assert!(
        refused.to_string().contains("w1.example, w3.example"),
        "{refused}"
    );
    // One is silent: it alone has no quorum.
    let port = world.url_in_policy(2);
    world.start_witness(2, &port, "data/policy");
    let ledger = world.serve("data", &[]);
    world.post(&ledger, &["--wait", "witnessed"], 0);
    assert!(last_signed.exists());
}

impl World {
    fn url_in_policy(&self, at: usize) -> String {
        let policy = Policy::parse(self.read("policy").as_bytes()).unwrap();
        let url = policy.witnesses()[at].url.clone().unwrap();
        url.trim_start_matches("http://").to_owned()
    }
}

/// docs/operations.md, changing the log key, as it is written there.
#[test]
fn the_log_key_changes_and_no_receipt_is_lost() {
    let mut world = World::new().with_witnesses();
    let ledger = world.serve("data", &[]);
    let first = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, first, 0);
    let root = world.desk.path().to_owned();
    let path = |name: &str| root.join(name);
    std::fs::copy(path("receipt"), path("first.tlog-proof")).unwrap();
    std::fs::copy(path("policy"), path("old")).unwrap();

    // 1. A new key is made and announced. Before the log names it, it signs nothing.
    std::fs::write(path("word"), "correct horse battery\n").unwrap();
    let word = ["--passphrase-file", "word"];
    let keygen = ["keygen", "--name", ORIGIN, "-o", "new.key", "--encrypt"];
    world.run(&[&keygen[..], &word].concat(), 0);
    let announce = [
        "key",
        "log",
        "--ledger",
        ledger.url.as_str(),
        "--vkey",
        "new.vkey",
        "--display-name",
        "log key of 2027",
        "-o",
        "change",
    ];
    world.run(&announce, 0);
    for at in [1, 2] {
        world.run(
            &[
                "endorse",
                "change",
                "--key",
                &format!("data/authority-{at}.key"),
            ],
            0,
        );
    }
    drop(ledger);
    let serve = [
        "serve",
        "--data",
        "data",
        "--listen",
        "127.0.0.1:0",
        "--policy",
        "policy",
    ];
    let refused = world.run(&[&serve[..], &["--log-key", "new.key"], &word].concat(), 3);
    assert!(refused.to_string().contains("does not name"), "{refused}");
    let ledger = world.serve("data", &[]);
    world.run(
        &["key", "post", "--ledger", ledger.url.as_str(), "change"],
        0,
    );
    drop(ledger);

    // 2. Both sign; who has the old policy notices nothing.
    let ledger = world.serve("data", &[&["--log-key", "new.key"], &word[..]].concat());
    let second = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, second, 0);
    let head = ledger.http().get("head", 1 << 16).unwrap().unwrap();
    let lines = String::from_utf8_lossy(&head)
        .matches(&format!("— {ORIGIN} "))
        .count();
    assert_eq!(lines, 2);

    // 3. Witnesses and readers get a policy with both.
    let (old, new) = (world.log_vkey("data/policy"), world.read("new.vkey"));
    let both = world
        .read("policy")
        .replace(&format!("log {old}\n"), &format!("log {old}\nlog {new}"));
    std::fs::write(path("policy"), &both).unwrap();
    for at in 0..3 {
        let listen = world.url_in_policy(at);
        world.witnesses[at] = None;
        world.start_witness(at, &listen, "policy");
    }
    let third = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, third, 0);
    let all =
        |said: &Value| is_met(said) && NAMES.iter().all(|name| state_of(said, name) == "cosigns");
    until_told(&ledger, "each has cosigned what both keys have signed", all);
    drop(ledger);

    // 4. The new key alone.
    let keys = world.desk.path().join("data/keys");
    for end in ["key", "vkey"] {
        let place = keys.join(format!("log.{end}"));
        std::fs::rename(&place, path(&format!("old.{end}"))).unwrap();
        std::fs::rename(path(&format!("new.{end}")), &place).unwrap();
    }
    let refused = world.run(&serve, 3);
    assert!(refused.to_string().contains("passphrase"), "{refused}");
    let ledger = world.serve("data", &word);
    let fourth = world.post(&ledger, &["--wait", "witnessed"], 0);
    world.verify(&ledger, fourth, 0);
    world.run(&["verify", "receipt", "--policy", "old"], 1);
    // What was received before stays good, by either policy; and the log as a whole is clean.
    for policy in ["old", "policy"] {
        world.run(&["verify", "first.tlog-proof", "--policy", policy], 0);
    }
    drop(ledger);
    world.run(&["audit", "data", "--policy", "policy"], 0);
}

impl World {
    fn log_vkey(&self, policy: &str) -> String {
        let policy = Policy::parse(self.read(policy).as_bytes()).unwrap();
        policy.logs()[0].vkey.to_string()
    }
}

/// Offices that let nothing in: each comes by itself, at another time, and one of them replays every record first.
#[test]
fn witnesses_that_come_by_themselves_are_enough() {
    let world = World::new();
    let mut lines = String::new();
    for name in NAMES {
        let key = format!("{name}.key");
        world.run(&["keygen", "--witness", "--name", name, "-o", &key], 0);
        lines.push_str(&format!(
            "witness {name} {}",
            world.read(&format!("{name}.vkey"))
        ));
        std::fs::create_dir(world.desk.path().join(name)).unwrap();
        for (from, to) in [
            (key, "witness.key"),
            (format!("{name}.vkey"), "witness.vkey"),
        ] {
            std::fs::rename(
                world.desk.path().join(from),
                world.desk.path().join(name).join(to),
            )
            .unwrap();
        }
    }
    world.write_policy(&lines);
    let ledger = world.serve("data", &[]);
    let come = |name: &'static str, more: &[&str], wanted: i32| {
        let arguments = [
            "witness",
            "run",
            "--once",
            "--data",
            name,
            "--ledger",
            ledger.url.as_str(),
            "--policy",
            "policy",
        ];
        world.run(&[&arguments[..], more].concat(), wanted)
    };
    // What a visitor is offered may be some seconds old, as no request of his moves it.
    let offered = |size: u64| {
        let shown = || ledger.http().get("api/v1/cosignatures", 1 << 16).unwrap();
        until_told(&ledger, "the newest is offered", |_| {
            let note = shown().unwrap_or_default();
            String::from_utf8_lossy(&note).lines().nth(1) == Some(&size.to_string())
        });
    };
    let first = world.post(&ledger, &[], 0);
    world.verify(&ledger, first, 5);
    offered(first + 1);
    let said = come(NAMES[0], &["--replay"], 0);
    assert_eq!(
        (&said["delivered"], &said["code"]),
        (&true.into(), &"cosigned".into()),
        "{said}"
    );
    // Meanwhile the log has grown: the second is offered what the first has cosigned, and they meet.
    let second = world.post(&ledger, &[], 0);
    let said = come(NAMES[1], &[], 0);
    assert_eq!(said["tree_size"], first + 1, "{said}");
    until_told(&ledger, "two have come", |said| {
        said["met_size"] == first + 1
    });
    world.verify(&ledger, first, 0);
    world.verify(&ledger, second, 5);
    for name in [NAMES[2], NAMES[0]] {
        let said = come(name, &["--replay"], 0);
        assert_eq!(said["tree_size"], second + 1, "{said}");
    }
    until_told(&ledger, "two have come again", is_met);
    world.verify(&ledger, second, 0);
    // Somebody else's key is refused, and the witness is told so.
    world.run(
        &[
            "keygen",
            "--witness",
            "--name",
            "stranger.example",
            "-o",
            "witness.key",
        ],
        0,
    );
    std::fs::create_dir(world.desk.path().join("stranger")).unwrap();
    for file in ["witness.key", "witness.vkey"] {
        std::fs::rename(
            world.desk.path().join(file),
            world.desk.path().join("stranger").join(file),
        )
        .unwrap();
    }
    let said = come("stranger", &[], 4);
    assert_eq!(said["code"], "not-delivered", "{said}");
}
