//! Danger: a script, or a person who follows the README, gets another exit code, another file or another word than was promised.
//!
//! The real program, from `init` to `reindex`, against a ledger that is served by the real program.

mod bid;
mod client;
mod guard;
mod import;
mod kinds;
mod law;
mod named;
mod posting;
mod published;
mod search;
mod serve;

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::*;

const ORIGIN: &str = "ledger.example/cli";

#[test]
fn from_init_to_reindex() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    for key in ["log", "authority-1", "authority-2", "authority-3", "centre"] {
        let path = PathBuf::from(&data).join(format!("{key}.key"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    run(&["init", "--data", &data, "--origin", ORIGIN, "--json"])
        .exits(3)
        .json("exists");

    let served = Served::start(&data);
    posting(&desk, &data, &served);
    receipts(&desk, &data, &served);
    strangers(&desk, &served);
    a_second_writer(&data);

    let project = serde_json::from_str::<Value>(&drafts(0..1)[0]).unwrap()["project"].clone();
    let before = served.project(project.as_str().unwrap());
    assert_eq!(served.terminate(), Some(0), "SIGTERM is a normal end");
    std::fs::remove_dir_all(PathBuf::from(&data).join("index")).unwrap();
    run(&["reindex", "--data", &data])
        .exits(0)
        .says(&["rebuilt"]);
    let served = Served::start(&data);
    assert_eq!(served.project(project.as_str().unwrap()), before);
    let url = served.url.clone();
    drop(served);
    nobody_there(&desk, &data, &url);
}

/// All new, then all known, then some refused; and the same for programs and in Chinese.
fn posting(desk: &Desk, data: &str, served: &Served) {
    let key = format!("{data}/centre.key");
    let file = desk.write("drafts.jsonl", &(drafts(0..40).join("\n") + "\n"));
    let post = ["post", "--ledger", &served.url, "--key", &key, &file];
    run(&post).exits(0).says(&["40 logged, 0 were"]);
    run(&post).exits(0).says(&["0 logged, 40 were"]);
    run(&[&post[..], &["--lang", "zh-CN"]].concat())
        .exits(0)
        .says(&["新登记 0 条，原已登记 40 条"]);
    let said = run(&[&post[..], &["--json"]].concat())
        .exits(0)
        .json("posted");
    assert_eq!((&said["logged"], &said["known"]), (&0.into(), &40.into()));

    let mut mixed = drafts(40..43);
    mixed[1] = mixed[1].replacen("\"stage\":\"", "\"stage\":\"no_", 1);
    mixed.insert(1, "this is no JSON".to_owned());
    let file = desk.write("mixed.jsonl", &mixed.join("\n"));
    let post = ["post", "--ledger", &served.url, "--key", &key, &file];
    run(&post)
        .exits(3)
        .says(&["line 2 refused", "line 3 refused", "2 logged, 0 were"]);
    let said = run(&[&post[..], &["--json"]].concat())
        .exits(3)
        .json("partly-refused");
    assert_eq!(said["known"], 2);
    let lines: Vec<u64> = said["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| refused["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [2, 3]);
}

/// A receipt holds; an altered one, a cut one, and one of another ledger do not.
fn receipts(desk: &Desk, data: &str, served: &Served) {
    let (good, policy) = (desk.path("5.tlog-proof"), format!("{data}/policy"));
    // Once `checkpoint` has come as far as `head`, the receipt changes no more while nothing is posted.
    served.until(|http| {
        let note = |name: &str| http.get(name, 1 << 16).unwrap();
        note("checkpoint") == note("head")
    });
    let fetch = ["receipt", "--ledger", &served.url, "5", "-o", &good];
    run(&fetch).exits(0);
    run(&fetch).exits(0); // The same bytes again are no overwriting.
    let verify =
        |file: &str, more: &[&str]| run(&[&["verify", file, "--policy", &policy], more].concat());
    verify(&good, &[])
        .exits(0)
        .says(&["it holds", "what this receipt does not show"]);
    verify(&good, &["--lang", "zh-CN"])
        .exits(0)
        .says(&["成立", "此回执不能证明"]);
    let said = verify(&good, &["--json"]).exits(0).json("verified");
    assert_eq!(said["verdicts"][0]["record"]["index"], 5);
    assert_eq!(
        said["verdicts"][0]["steps"].as_array().unwrap().len(),
        7,
        "each step is shown"
    );

    let text = desk.read("5.tlog-proof");
    let extra = text
        .lines()
        .find(|line| line.starts_with("extra "))
        .unwrap();
    let mut bytes = STANDARD.decode(&extra["extra ".len()..]).unwrap();
    bytes[400] ^= 1; // Within the entry's note.
    let altered = text.replace(extra, &format!("extra {}", STANDARD.encode(bytes)));
    let altered = desk.write("altered.tlog-proof", &altered);
    verify(&altered, &[])
        .exits(1)
        .says(&["it does not hold: step"]);
    verify(&altered, &["--json"])
        .exits(1)
        .json("verification-failed");
    let index = desk.write("index.tlog-proof", &text.replace("index 5\n", "index 6\n"));
    verify(&index, &[]).exits(1);
    let cut = desk.write("cut.tlog-proof", &text[..text.len() / 2]);
    verify(&cut, &["--json"]).exits(3).json("unreadable");
    verify(&desk.path("absent"), &["--json"])
        .exits(3)
        .json("file-unreadable");

    let other = init(desk, "other", "other.example/cli");
    let other = format!("{other}/policy");
    run(&["verify", &good, "--policy", &other])
        .exits(5)
        .says(&["cannot be judged"]);
    run(&["verify", &good, "--policy", &good, "--json"])
        .exits(3)
        .json("policy");
    run(&["receipt", "--ledger", &served.url, "100000", "--json"])
        .exits(3)
        .json("not-found");
    run(&["receipt", "--ledger", &served.url, "five"]).exits(2);
    let got = run(&["get", "--ledger", &served.url, "5", "--json"])
        .exits(0)
        .json("record");
    assert_eq!(got["index"], 5);
}

/// openssl makes a key that works here, and openssl verifies what it signed; that the ledger does not know it is another matter.
fn strangers(desk: &Desk, served: &Served) {
    let (key, public) = (desk.path("stranger.pem"), desk.path("stranger.pub.pem"));
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &key]);
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &public]);
    let name = "stranger.example";
    let draft = drafts(50..51).remove(0);
    let draft = draft.replacen(
        "\"v\":1,",
        &format!("\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{name}\",\"follows\":null,"),
        1,
    );
    let line = desk.write("line.json", &draft);
    run(&["sign", "--key", &key, &line])
        .exits(2)
        .says(&["give --name"]);
    let note = run(&["sign", "--key", &key, "--name", name, &line])
        .exits(0)
        .out;

    let (text, signature) = note.split_once("\n\n— ").unwrap();
    assert_eq!(text, draft);
    let signature = signature
        .strip_prefix(&format!("{name} "))
        .unwrap()
        .trim_end();
    let signature = STANDARD.decode(signature).unwrap().split_off(4);
    let (message, file) = (
        desk.write("message", &format!("{text}\n")),
        desk.path("sig"),
    );
    std::fs::write(&file, signature).unwrap();
    openssl(&[
        "pkeyutl", "-verify", "-pubin", "-inkey", &public, "-rawin", "-in", &message, "-sigfile",
        &file,
    ]);

    let headers = [("content-type", "text/plain")];
    let answer = served.http().call(
        "POST",
        "api/v1/statements",
        &headers,
        Some(note.as_bytes()),
        1 << 20,
    );
    assert_eq!(answer.unwrap().status, 403);
    let file = desk.write("one.jsonl", &drafts(50..51)[0]);
    run(&[
        "post",
        "--ledger",
        &served.url,
        "--key",
        &key,
        "--name",
        name,
        &file,
    ])
    .exits(3)
    .says(&["line 1 refused", "0 logged"]);
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .output()
        .expect("the program openssl is needed by this test");
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn a_second_writer(data: &str) {
    let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0"];
    run(&serve).exits(4).says(&["is held by process"]);
    run(&[&serve[..], &["--json"]].concat())
        .exits(4)
        .json("ledger-busy");
    run(&["reindex", "--data", data, "--json"])
        .exits(4)
        .json("ledger-busy");
    // Of a log key that others may read it warns, as `serve` does.
    let key = format!("{data}/keys/log.key");
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode));
    mode(0o644).unwrap();
    for command in [&serve[..], &["reindex", "--data", data]] {
        run(command).exits(4).says(&["chmod 600"]);
    }
    mode(0o600).unwrap();
}

fn nobody_there(desk: &Desk, data: &str, url: &str) {
    let (key, file) = (format!("{data}/centre.key"), desk.path("drafts.jsonl"));
    run(&["post", "--ledger", url, "--key", &key, &file, "--json"])
        .exits(4)
        .json("network");
    run(&["receipt", "--ledger", url, "5"])
        .exits(4)
        .says(&["does not answer", url]);
    run(&["receipt", "--ledger", "ledger.example", "5"])
        .exits(2)
        .says(&["http://"]);
}

#[test]
fn a_command_line_that_cannot_be_meant_so_is_2_and_help_is_0() {
    for good in [&["--help"][..], &["--version"], &["post", "--help"]] {
        let run = run(good).exits(0);
        assert!(run.err.is_empty() && !run.out.is_empty(), "{run:#?}");
    }
    for bad in [
        &[][..],
        &["nonsense"],
        &["post"],
        &["verify", "x"],
        &["--lang", "fr", "verify", "x", "--policy", "y"],
        &["serve", "--data", "x", "--listen", "nowhere"],
        &["init", "--data", "x", "--origin", "two words"],
    ] {
        let run = run(bad).exits(2);
        assert!(run.out.is_empty() && !run.err.is_empty(), "{run:#?}");
    }
    run(&["post", "--json"]).exits(2).json("usage");
}

#[test]
fn a_private_key_is_for_its_owner_and_is_never_overwritten() {
    let desk = Desk::new();
    let key = desk.path("a.key");
    let keygen = ["keygen", "--name", "a.example", "-o", &key];
    run(&keygen).exits(0).says(&["fingerprint", "a.example+"]);
    let mode = std::fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = (desk.read("a.key"), desk.read("a.vkey"));
    run(&keygen).exits(3).says(&["exists already"]);
    run(&[&keygen[..], &["--json"]].concat())
        .exits(3)
        .json("file-exists");
    assert_eq!((desk.read("a.key"), desk.read("a.vkey")), before);
    openssl(&["pkey", "-in", &key, "-noout"]);

    // Beside it lies its name, so that `sign` needs none; two keys make two lines.
    let line = desk.write("line.json", &word_of("a.example"));
    run(&["sign", "--key", &key, &line])
        .exits(0)
        .says(&["what is signed", "/publisher  \"a.example\""]);
    for (text, told) in [
        (word_of("b.example"), "wanted its publisher b.example"),
        (
            r#"{"type":"trade","v":1}"#.to_owned(),
            "this is no statement",
        ),
        (r#"{"a":1}"#.to_owned(), "this is no statement"),
    ] {
        let file = desk.write("other.json", &text);
        run(&["sign", "--key", &key, &file]).exits(3).says(&[told]);
    }
    let vkey = desk.read("a.vkey");
    let (id, vkey) = ("0".repeat(64), vkey.trim());
    let of_keys = format!(
        r#"{{"type":"key","v":1,"ledger":"log.example/t","follows":"{id}","changes":[{{"op":"revoke","vkey":"{vkey}","reason":"lost"}}]}}"#
    );
    let line = desk.write("line.json", &of_keys);
    let note = run(&["sign", "--key", &key, &line])
        .exits(0)
        .says(&["revoke a key, for ever"])
        .out;
    assert!(note.contains("\n\n— a.example "), "{note}");
    let (note, other) = (desk.write("note", &note), desk.path("b.key"));
    run(&["sign", "--key", &key, &note]).exits(3);
    run(&["keygen", "--name", "b.example", "-o", &other]).exits(0);
    let both = run(&["sign", "--key", &other, &note]).exits(0).out;
    assert!(both.contains("\n— a.example ") && both.contains("\n— b.example "));
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644)).unwrap();
    run(&["sign", "--key", &other, &line])
        .exits(0)
        .says(&["chmod 600"]);
}

/// A statement of a type that nobody knows yet.
fn word_of(publisher: &str) -> String {
    format!(
        r#"{{"type":"greeting","v":1,"ledger":"log.example/t","publisher":"{publisher}","follows":null}}"#
    )
}

#[test]
fn what_is_no_private_key_is_told_by_what_it_is() {
    let desk = Desk::new();
    let key = desk.path("a.key");
    run(&["keygen", "--name", "a.example", "-o", &key]).exits(0);
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &desk.path("public")]);
    openssl(&[
        "pkey",
        "-in",
        &key,
        "-aes128",
        "-passout",
        "pass:x",
        "-out",
        &desk.path("locked"),
    ]);
    openssl(&[
        "genpkey",
        "-algorithm",
        "x25519",
        "-out",
        &desk.path("x25519"),
    ]);
    desk.write("garbage", "garbage\n");
    desk.write("empty", "");
    let line = desk.write("line.json", &word_of("a.example"));
    for (file, wanted) in [
        ("public", "it is a public key"),
        ("locked", "under a passphrase"),
        ("x25519", "its algorithm is 1.3.101.110"),
        ("garbage", "it is no PEM"),
        ("empty", "the file is empty"),
        ("a.vkey", "it is a vkey"),
        ("absent", "cannot read the key file"),
    ] {
        let path = desk.path(file);
        run(&["sign", "--key", &path, &line])
            .exits(3)
            .says(&[wanted, &path]);
    }
    run(&["sign", "--key", &desk.path("public"), &line, "--lang=zh-CN"])
        .exits(3)
        .says(&["它是公钥"]);
    run(&["sign", "--key", &desk.path("public"), &line, "--json"])
        .exits(3)
        .json("key-file");
}

#[test]
fn what_the_law_asks_is_answered_from_the_log_alone() {
    let desk = Desk::new();
    let data = init(&desk, "ledger", ORIGIN);
    let served = Served::start(&data);
    let (key, policy) = (format!("{data}/centre.key"), format!("{data}/policy"));
    let file = desk.write("drafts.jsonl", &(drafts(0..606).join("\n") + "\n"));
    let post = ["post", "--ledger", &served.url, "--key", &key, &file];
    run(&post).exits(0);
    let about = ["--policy", &policy, "--live-from", "2026-11-24"];
    let history = ["--as-of", "2026-02-07", "--by-claim", "--json"];
    let ask =
        |command: &str, more: &[&str]| run(&[&[command, &served.url][..], &about, more].concat());

    // The table of real notices: what is lawful in practice is no finding, what is not is found.
    let said = ask("statistics", &[&history[..], &["--publicity"]].concat())
        .exits(0)
        .json("publicity");
    let counts = &said["publicity"];
    let premature = counts["premature"].as_array().unwrap();
    assert_eq!(premature.len(), 2, "{counts}");
    assert_eq!(
        (
            &counts["too_short"],
            &counts["without_award"],
            &counts["missing"]
        ),
        (&0.into(), &35.into(), &35.into()),
        "{counts}"
    );
    assert!(
        counts["exactly_72_hours"].as_u64().unwrap() > 50,
        "{counts}"
    );
    assert_eq!(said["pack"], "cn-2026.1");
    let found = ask("findings", &history).exits(0).json("findings");
    let of = |rule: &str| -> Vec<&Value> {
        let projects = found["projects"].as_array().unwrap();
        projects
            .iter()
            .flat_map(|project| project["findings"].as_array().unwrap())
            .filter(|finding| finding["rule"] == rule)
            .collect()
    };
    assert_eq!(of("CN-ORDER-1").len(), 2);
    assert_eq!(
        of("CN-OG-26P")
            .iter()
            .filter(|one| one["outcome"] == "missing")
            .count(),
        35
    );

    // By the ledger's clock nothing had been logged in February, and a project can be asked for over HTTP.
    let then = ask("findings", &["--as-of", "2026-02-07", "--json"])
        .exits(0)
        .json("findings");
    assert_eq!(then["projects"].as_array().unwrap().len(), 0);
    let project = found["projects"][0]["project"].as_str().unwrap();
    served.project(project);
    let name = format!("api/v1/projects/{CENTRE}/{project}/report");
    let report = served.http().get(&name, 1 << 20).unwrap().unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["project"], project);
    // Without a live_from the ledger's clock counts, and all of it is dated back.
    assert!(
        report["findings"].to_string().contains("BACK-DATED"),
        "{report}"
    );
    assert!(
        served
            .http()
            .get(&name.replace("/report", "/reports"), 1 << 20)
            .unwrap()
            .is_none()
    );

    // A pack of the centre's own, and what is wrong with it.
    let own = "version = \"own.1\"\n[[rule]]\nid = \"CN-ORDER-1\"\nlaw = \"x\"\narticle = \"1\"\nzh = \"x\"\nen = \"x\"\ntype = \"keep\"\nmark = \"V\"\n";
    let pack = desk.write("own.toml", own);
    run(&["rules", "check", &pack])
        .exits(0)
        .says(&["nothing wrong"]);
    let other = ask(
        "statistics",
        &[&history[..], &["--publicity", "--pack", &pack]].concat(),
    );
    let other = other.exits(0).json("publicity");
    assert_eq!(other["pack"], "cn-2026.1+own.1");
    assert_eq!(other["publicity"]["premature"].as_array().unwrap().len(), 0);
    let wrong = desk.write("wrong.toml", &own.replace("keep", "max"));
    run(&["rules", "check", &wrong])
        .exits(3)
        .says(&["line 2", "from is missing"]);
    run(&["rules", "show", "CN-TB-46"])
        .exits(0)
        .says(&["招标投标法"]);
    run(&["rules", "show", "CN-TB-99"]).exits(3);
    run(&["rules", "list"])
        .exits(0)
        .says(&["SEC-37", "[m] off"]);

    let csv = ask("findings", &["--format", "csv"]).exits(0);
    assert!(csv.out.lines().count() > 37, "{}", csv.out);
    ask("due", &["--within", "7d"])
        .exits(0)
        .says(&["due within 7 days"]);
    ask("due", &["--within", "soon"]).exits(2);
    ask("statistics", &["--format", "csv"])
        .exits(0)
        .says(&["rule,CN-IR-54B,"]);
    let page = desk.path("audit.html");
    run(&["audit", &served.url, "--policy", &policy, "--report", &page]);
    assert!(desk.read("audit.html").contains("What the law asks"));
}
