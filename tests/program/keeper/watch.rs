//! Danger: something is published in a centre's name and the centre never hears of it; a ledger stands still, goes back or shows others another
//! history while whoever watches it sees nothing; a supervisor's word cannot be told from the centre's; a key cannot leave its machine's format.

use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::until;

use super::trust::{cosign, with_witnesses};
use super::{Desk, ORIGIN, Run, Served, copy, drafts, init, post, program, run};

/// The events of a single look.
fn events(looked: &Value) -> Vec<(String, Value)> {
    let told = looked["events"].as_array().unwrap();
    told.iter()
        .map(|event| (event["event"].as_str().unwrap().to_owned(), event.clone()))
        .collect()
}

fn count(looked: &Value, code: &str) -> usize {
    events(looked).iter().filter(|(one, _)| one == code).count()
}

/// Authorities 1 and 2 sign what `change` wrote, and it is posted.
fn change_keys(desk: &Desk, data: &str, served: &Served, name: &str, change: &[&str]) {
    let file = desk.path(name);
    run(&[change, &["--ledger", &served.url, "-o", &file]].concat()).exits(0);
    for n in [1, 2] {
        let key = format!("{data}/authority-{n}.key");
        run(&["endorse", &file, "--key", &key]).exits(0);
    }
    run(&["key", "post", "--ledger", &served.url, &file]).exits(0);
}

#[test]
fn a_monitor_tells_a_centre_what_is_said_in_its_name() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..3).exits(0);
    served.until_published("5");
    let (state, log, alarm) = (desk.path("state"), desk.path("events"), desk.path("alarm"));
    let known = format!("{data}/keys/centre.vkey");
    let name = std::fs::read_to_string(&known).unwrap();
    let name = name.split('+').next().unwrap().to_owned();
    let exec = format!("cat >> {alarm}; echo $MINGZHANG_EVENT >> {alarm}");
    let monitor = |more: &[&str]| -> Run {
        let fixed = [
            "monitor",
            &served.url,
            "--policy",
            &policy,
            "--state",
            &state,
            "--events",
            &log,
            "--publisher",
            &name,
            "--known-key",
            &known,
            "--exec",
            &exec,
            "--json",
        ];
        run(&[&fixed[..], more].concat())
    };
    let looked = monitor(&[]).exits(0).json("consistent");
    assert_eq!(count(&looked, "record"), 3);
    assert_eq!(count(&looked, "keys-changed"), 2);
    assert_eq!(count(&looked, "consistent"), 1);
    // What could not be shown was not told: another monitor, whose standard output has no room, begins anew.
    let (full, second) = (["--state", &desk.path("second")], desk.path("second"));
    let look = ["monitor", &served.url, "--policy", &policy, "--json"];
    let told = |out: Stdio| {
        let mut command = program();
        command.args(look).args(full).args(["--publisher", &name]);
        command.stdout(out).stderr(Stdio::null()).output().unwrap()
    };
    let no_room = std::fs::File::options().write(true).open("/dev/full");
    let lost = told(no_room.unwrap().into());
    assert_eq!(lost.status.code(), Some(4));
    assert!(
        !std::path::Path::new(&second).exists(),
        "it remembers them as told"
    );
    let shown: Value = serde_json::from_slice(&told(Stdio::piped()).stdout).unwrap();
    assert_eq!(
        (count(&shown, "record"), &shown["code"]),
        (3, &"consistent".into())
    );
    assert!(std::path::Path::new(&second).exists());
    // It goes on where it stopped, and every event is a line in the file.
    let looked = monitor(&[]).exits(0).json("consistent");
    assert_eq!(events(&looked), []);
    assert_eq!(desk.read("events").lines().count(), 6);

    // The authorities admit a second key in the centre's name, which the centre does not know; it signs.
    let rogue = desk.path("rogue.key");
    run(&["keygen", "--name", &name, "-o", &rogue]).exits(0);
    let admit = [
        "key",
        "admit",
        "--role",
        "publisher",
        "--display-name",
        "Centre",
        "--vkey",
        &desk.path("rogue.vkey"),
    ];
    change_keys(&desk, &data, &served, "admit", &admit);
    post(&desk, &served, &rogue, 10..11).exits(0);
    served.until_published("7");
    let looked = monitor(&[]).exits(1).json("alert");
    assert_eq!(count(&looked, "key-admitted-unknown"), 1);
    assert_eq!(count(&looked, "key-unknown"), 1);
    let (_, record) = events(&looked)
        .into_iter()
        .find(|(code, _)| code == "record")
        .unwrap();
    assert_eq!(
        (&record["index"], &record["type"]),
        (&6.into(), &"trade".into())
    );
    let alarms = desk.read("alarm");
    assert!(alarms.contains("key-admitted-unknown\n") && alarms.contains("\"key-unknown\""));

    // The centre's own key, used by somebody else: only the centre knows what it has said.
    post(&desk, &served, &key, 20..22).exits(0);
    served.until_published("9");
    let ours = served
        .http()
        .get("api/v1/records/7", 1 << 20)
        .unwrap()
        .unwrap();
    let ours: Value = serde_json::from_slice(&ours).unwrap();
    let ours = desk.write(
        "ours",
        &format!("# ours\n{}\n", ours["id"].as_str().unwrap()),
    );
    let looked = monitor(&["--known-statements", &ours])
        .exits(1)
        .json("alert");
    assert_eq!(count(&looked, "record"), 2);
    let (_, stolen) = events(&looked)
        .into_iter()
        .find(|(code, _)| code == "not-ours")
        .unwrap();
    assert_eq!(stolen["index"], 8);
    assert_eq!(count(&looked, "not-ours"), 1);

    // One project, from the beginning, to people.
    let project: Value = serde_json::from_str(&drafts(0..1)[0]).unwrap();
    let title = format!(": {name} trade {}", project["title"].as_str().unwrap());
    let project = format!("{name}/{}", project["project"].as_str().unwrap());
    run(&[
        "monitor",
        &served.url,
        "--policy",
        &policy,
        "--state",
        &desk.path("other"),
        "--project",
        &project,
    ])
    .exits(0)
    .says(&[&title, "1 places show one history, 9 records"]);
    run(&[
        "monitor",
        &served.url,
        "--policy",
        &policy,
        "--state",
        &state,
        "--project",
        "x",
    ])
    .exits(2)
    .says(&["PUBLISHER/PROJECT"]);
}

#[test]
fn a_monitor_tells_when_a_ledger_stands_still_or_goes_back() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let young = desk.path("young");
    copy(&data, &young);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..5).exits(0);
    served.until_published("7");
    let mirror = desk.path("mirror");
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
    let strict = desk.write("strict", &with_witnesses(&desk.read("data/policy"), 2));
    let state = desk.path("state");
    let monitor = |places: &[&str]| -> Run {
        let fixed = ["monitor", "--policy", &strict, "--state", &state, "--json"];
        run(&[&fixed[..], places].concat())
    };

    // Too few witnesses; then enough of them, long ago; then now. Each is told when it begins and when it ends.
    let looked = monitor(&[&mirror]).exits(5).json("late");
    assert_eq!(count(&looked, "not-witnessed"), 1);
    let looked = monitor(&[&mirror]).exits(5).json("late");
    assert_eq!(count(&looked, "not-witnessed"), 0, "it is told once");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let checkpoint = format!("{mirror}/checkpoint");
    let before = std::fs::read(&checkpoint).unwrap();
    cosign(&checkpoint, &[1, 3], now - 7_200);
    let looked = monitor(&[&mirror]).exits(5).json("late");
    assert_eq!(
        (count(&looked, "over"), count(&looked, "cosignatures-old")),
        (1, 1)
    );
    monitor(&[&mirror, "--cosignature-age", "10000"]).exits(0);
    std::fs::write(&checkpoint, &before).unwrap();
    cosign(&checkpoint, &[1, 3], now);
    let looked = monitor(&[&mirror]).exits(0).json("consistent");
    assert_eq!(count(&looked, "cosignatures-old"), 0);

    // A copy that is away hides no other; a copy that shows something unsigned is an alert.
    let looked = monitor(&[&mirror, "http://127.0.0.1:1"])
        .exits(0)
        .json("consistent");
    assert_eq!(count(&looked, "unreachable"), 1);
    // The ledger itself away is not all well, though its copies agree.
    run(&[
        "monitor",
        "http://127.0.0.1:1",
        &mirror,
        "--policy",
        &policy,
        "--state",
        &desk.path("away"),
        "--json",
    ])
    .exits(4)
    .json("ledger-away");
    let forged = desk.path("forged");
    copy(&mirror, &forged);
    let note = std::fs::read_to_string(&checkpoint).unwrap();
    std::fs::write(
        format!("{forged}/checkpoint"),
        note.replacen("\n7\n", "\n8\n", 1),
    )
    .unwrap();
    let looked = monitor(&[&mirror, &forged]).exits(1).json("alert");
    assert_eq!(count(&looked, "not-accepted"), 1);
    // No record for a while is told only to who asks.
    let looked = until("a record older than a second", || {
        let looked = monitor(&[&mirror, "--record-age", "1"]);
        if looked.exit == 0 {
            Err(looked.out)
        } else {
            Ok(looked)
        }
    });
    let looked = looked.exits(5).json("late");
    assert_eq!(count(&looked, "records-old"), 1);

    // A witness keeps what it has cosigned, and shows it to whoever asks.
    let witness = desk.path("witness");
    run(&[
        "witness",
        "run",
        "--once",
        "--data",
        &witness,
        "--name",
        "w9.example",
        "--policy",
        &policy,
        "--ledger",
        &served.url,
    ])
    .exits(0);
    let witness = Served::of(
        program()
            .args(["witness", "serve", "--data", &witness, "--policy", &policy])
            .args(["--listen", "127.0.0.1:0", "--json"]),
    );
    let alone = |url: &str, name: &str| -> Run {
        let evidence = desk.path(&format!("evidence-{name}"));
        run(&[
            "monitor",
            url,
            "--witness",
            &witness.url,
            "--policy",
            &policy,
            "--state",
            &desk.path(&format!("state-{name}")),
            "--evidence",
            &evidence,
            "--json",
        ])
    };
    let looked = alone(&served.url, "good").exits(0).json("consistent");
    assert_eq!(looked["views"].as_array().unwrap().len(), 2);
    assert_eq!(served.terminate(), Some(0));

    // The operator shows an older ledger, then another one: a monitor that has seen nothing itself learns it from the witness.
    let served = Served::start(&young);
    alone(&served.url, "back").exits(6).json("rollback");
    post(&desk, &served, &key, 30..35).exits(0);
    served.until_published("7");
    alone(&served.url, "fork").exits(6).json("contradiction");
    run(&["verify", &desk.path("evidence-fork"), "--policy", &policy])
        .exits(6)
        .says(&["two roots for 7 records"]);
    // In the middle of a longer log too: the larger tree's tiles prove it.
    post(&desk, &served, &key, 40..45).exits(0);
    served.until_published("12");
    alone(&served.url, "longer").exits(6).json("contradiction");
    run(&["verify", &desk.path("evidence-longer"), "--policy", &policy])
        .exits(6)
        .says(&["rewritten, this proves it"]);
}

#[test]
fn a_monitor_that_follows_writes_one_object_a_line_and_resumes() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    let (state, log) = (desk.path("state"), desk.path("events"));
    let known = format!("{data}/keys/centre.vkey");
    let name = std::fs::read_to_string(&known).unwrap();
    let name = name.split('+').next().unwrap().to_owned();
    let start = || {
        program()
            .args([
                "monitor",
                &served.url,
                "--policy",
                &policy,
                "--state",
                &state,
            ])
            .args([
                "--events",
                &log,
                "--publisher",
                &name,
                "--follow",
                "1",
                "--json",
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let told = |code: &str| {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|event| event["event"] == code)
            .count()
    };
    let mut child = start();
    post(&desk, &served, &key, 0..2).exits(0);
    served.until(|_| told("record") >= 2);
    // Killed once what it told is remembered, it tells nothing of that again.
    let next = || -> Option<u64> {
        let text = std::fs::read_to_string(&state).ok()?;
        serde_json::from_str::<Value>(&text).ok()?["next"].as_u64()
    };
    served.until(|_| next() == Some(4));
    child.kill().unwrap();
    child.wait().unwrap();
    post(&desk, &served, &key, 2..3).exits(0);
    let mut child = start();
    served.until(|_| told("record") >= 3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((told("record"), told("keys-changed")), (3, 2));
}

#[test]
fn a_supervisor_countersigns_and_the_verdict_says_so() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..2).exits(0);
    // Its key lies under a passphrase, and is made by openssl.
    let word = desk.write("word", "correct horse\n");
    let (plain, office) = (desk.path("plain.pem"), desk.path("office.pem"));
    let openssl = |arguments: &[&str]| {
        let ran = Command::new("openssl").args(arguments).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &plain]);
    let pass = format!("file:{word}");
    openssl(&[
        "pkcs8",
        "-topk8",
        "-in",
        &plain,
        "-out",
        &office,
        "-v2",
        "aes-256-cbc",
        "-v2prf",
        "hmacWithSHA256",
        "-passout",
        &pass,
    ]);
    let line = desk.write("line", "{\"type\":\"greeting\",\"v\":1,\"ledger\":\"log.example/t\",\"publisher\":\"office.example\",\"follows\":null}\n");
    let signed = run(&[
        "sign",
        "--key",
        &office,
        "--name",
        "office.example",
        "--passphrase-file",
        &word,
        &line,
        "--json",
    ])
    .exits(0)
    .json("signed");
    let vkey = desk.write("office.vkey", signed["vkey"].as_str().unwrap());
    // And back: a key of ours under a passphrase is read by openssl, and its public half is the same.
    let ours = desk.path("ours.key");
    run(&[
        "keygen",
        "--name",
        "ours.example",
        "-o",
        &ours,
        "--encrypt",
        "--passphrase-file",
        &word,
    ])
    .exits(0);
    let public = openssl(&["pkey", "-in", &ours, "-passin", &pass, "-pubout", "-text"]);
    let hex: String = public
        .split("pub:")
        .nth(1)
        .unwrap()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(64)
        .collect();
    let ours = mingzhang::tlog::note::Vkey::parse(desk.read("ours.vkey").trim()).unwrap();
    let bytes: String = ours
        .public_key()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, bytes);

    let countersign = |key: &[&str]| -> Run {
        let fixed = ["countersign", "--ledger", &served.url, "2"];
        run(&[&fixed[..], key].concat())
    };
    let office = [
        "--key",
        &office,
        "--name",
        "office.example",
        "--passphrase-file",
        &word,
    ];
    countersign(&office).exits(3).says(&["refuses (HTTP 403)"]);
    countersign(&["--key", &key])
        .exits(3)
        .says(&["refuses (HTTP 403)", "[key-role]"]);
    let admit = [
        "key",
        "admit",
        "--role",
        "supervisor",
        "--display-name",
        "Audit Office",
        "--vkey",
        &vkey,
    ];
    change_keys(&desk, &data, &served, "admit", &admit);
    let (receipt, endorsed) = (desk.path("receipt"), desk.path("endorsed"));
    countersign(&[&office[..], &["-o", &endorsed]].concat())
        .exits(0)
        .says(&["has countersigned"]);
    run(&["receipt", "--ledger", &served.url, "2", "-o", &receipt]).exits(0);
    let verdict = run(&["verify", &receipt, &endorsed, "--policy", &policy, "--json"])
        .exits(0)
        .json("verified");
    let by = &verdict["verdicts"][0]["record"]["endorsed_by"];
    assert_eq!(by[0]["supervisor"], "office.example");
    run(&["verify", &receipt, &endorsed, "--policy", &policy])
        .exits(0)
        .says(&["endorsed by the supervisor office.example"]);
    // The ledger's own answer says it too, once its index has come so far.
    served.until(|http| {
        let record = http.get("api/v1/records/2", 1 << 20).unwrap().unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        record["endorsed_by"][0]["supervisor"] == "office.example"
    });
    run(&["get", "--ledger", &served.url, "2"])
        .exits(0)
        .says(&["endorsed by the supervisor office.example"]);
    // Alone it says nothing of it; of another record it says nothing either.
    let other = desk.path("other");
    run(&["receipt", "--ledger", &served.url, "3", "-o", &other]).exits(0);
    let alone = run(&["verify", &other, &endorsed, "--policy", &policy]).exits(0);
    assert!(!alone.out.contains("endorsed by"), "{}", alone.out);
}

/// Signed on a machine without a network, submitted on another: the note is all that travels.
#[test]
fn a_note_signed_elsewhere_is_submitted_as_it_is() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let vkey = desk.read("data/keys/operator.vkey");
    let operator = vkey.split('+').next().unwrap();
    let text = format!(
        "{{\"type\":\"notice\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{operator}\",\"follows\":null,\"title\":\"test\"}}"
    );
    let line = desk.write("line", &text);
    let key = format!("{data}/keys/operator.key");
    let note = desk.write("note", &run(&["sign", "--key", &key, &line]).exits(0).out);
    let receipts = desk.path("receipts");
    let submit = |file: &str| {
        run(&[
            "submit",
            "--ledger",
            &served.url,
            "--receipts",
            &receipts,
            file,
            "--json",
        ])
    };
    let done = submit(&note).exits(0).json("submitted");
    assert_eq!(done["statements"][0]["index"], 2);
    let again = submit(&note).exits(0).json("submitted");
    assert_eq!(again["statements"], done["statements"]);
    let policy = format!("{data}/policy");
    run(&[
        "verify",
        &format!("{receipts}/2.tlog-proof"),
        "--policy",
        &policy,
    ])
    .exits(0);
    submit(&line).exits(3).json("statement");
    let altered = desk.write("altered", &desk.read("note").replace("test", "tost"));
    let refused = submit(&altered).exits(3).json("partly-refused");
    assert_eq!(refused["statements"][0]["code"], "signature-bad");
}
