//! Danger: a change of keys that nobody agreed to, a backup that cannot be used, a fork that nobody can show, a tampered file that no
//! command finds. The real program, at the hands of those who keep a ledger and of those who attack it with the right keys.

mod from_mirror;
mod one_key;
mod quorum;
mod rehearsal;
mod told;
mod trust;
mod watch;

use crate::harness::*;

const ORIGIN: &str = "ledger.example/keeper";

#[test]
fn keys_change_by_the_hands_of_several() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let (word, wrong) = (
        desk.write("word", "correct horse\n"),
        desk.write("wrong", "another\n"),
    );
    let key = desk.path("second.key");
    let keygen = [
        "keygen",
        "--name",
        "second.example",
        "-o",
        &key,
        "--encrypt",
        "--passphrase-file",
        &word,
    ];
    run(&keygen).exits(0);
    assert!(
        desk.read("second.key")
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    let short = desk.write("short", "short\n");
    run(&[
        "keygen",
        "--name",
        "x.example",
        "-o",
        &desk.path("x.key"),
        "--encrypt",
        "--passphrase-file",
        &short,
        "--json",
    ])
    .exits(3)
    .json("passphrase");

    // Written by one, endorsed by two apart, joined and posted; one alone is refused.
    let change = desk.path("admit");
    let admit = [
        "key",
        "admit",
        "--ledger",
        &served.url,
        "--role",
        "publisher",
        "--vkey",
        &desk.path("second.vkey"),
        "--display-name",
        "Second Centre",
        "-o",
        &change,
    ];
    run(&admit)
        .exits(0)
        .says(&["admit a publisher key: Second Centre", "fingerprint"]);
    run(&admit).exits(3).says(&["exists already"]);
    let authority = |n: u32| format!("{data}/authority-{n}.key");
    let (one, two) = (desk.path("admit.1"), desk.path("admit.2"));
    for (n, path) in [(1, &one), (3, &two)] {
        run(&["endorse", &change, "--key", &authority(n), "-o", path])
            .exits(0)
            .says(&["signed", "Second Centre"]);
    }
    run(&["key", "post", "--ledger", &served.url, &one])
        .exits(3)
        .says(&["refuses (HTTP 403)"]);
    run(&["key", "post", "--ledger", &served.url, &one, &two])
        .exits(0)
        .says(&["logged as record 2"]);
    run(&["key", "show", "--ledger", &served.url])
        .exits(0)
        .says(&["Second Centre", "2 must sign"]);

    // The new key signs from its file with the passphrase, and from elsewhere.
    let file = desk.write("posted.jsonl", &(drafts(0..2).join("\n") + "\n"));
    let post = ["post", "--ledger", &served.url, "--key", &key];
    run(&[&post[..], &[&file]].concat())
        .exits(3)
        .says(&["under a passphrase"]);
    run(&[&post[..], &["--passphrase-file", &wrong, &file]].concat())
        .exits(3)
        .says(&["passphrase is wrong"]);
    run(&[&post[..], &["--passphrase-file", &word, &file]].concat())
        .exits(0)
        .says(&["2 logged"]);
    let (vkey, text) = (desk.path("second.vkey"), desk.path("text"));
    let elsewhere = format!(
        "cat > {text}; openssl pkeyutl -sign -rawin -in {text} -inkey {key} -passin file:{word}"
    );
    let file = desk.write("more.jsonl", &(drafts(2..3).join("\n") + "\n"));
    let post = ["post", "--ledger", &served.url, "--key", &vkey, "--signer"];
    run(&[&post[..], &["head -c 64 /dev/zero", &file]].concat())
        .exits(3)
        .says(&["is not one of second.example"]);
    run(&[&post[..], &["exit 3", &file]].concat())
        .exits(3)
        .says(&["ended with"]);
    run(&[&post[..], &[&elsewhere, &file]].concat())
        .exits(0)
        .says(&["1 logged"]);

    // Revoked, it signs no more; and the authorities themselves can be replaced.
    let revoke = desk.path("revoke");
    run(&[
        "key",
        "revoke",
        "--ledger",
        &served.url,
        "--vkey",
        &vkey,
        "--reason",
        "lost",
        "--suspect-since",
        "2026-11-01T00:00:00Z",
        "-o",
        &revoke,
    ])
    .exits(0);
    let fourth = desk.path("authority-4.key");
    run(&["keygen", "--name", "authority-4.example", "-o", &fourth]).exits(0);
    for n in [1, 2] {
        run(&["endorse", &revoke, "--key", &authority(n)]).exits(0);
    }
    run(&["key", "post", "--ledger", &served.url, &revoke]).exits(0);
    let file = desk.write("late.jsonl", &(drafts(4..5).join("\n") + "\n"));
    run(&[
        "post",
        "--ledger",
        &served.url,
        "--key",
        &key,
        "--passphrase-file",
        &word,
        &file,
    ])
    .exits(3);
    let change = desk.path("authority");
    let vkey =
        |n: u32| format!("{data}/authority-{n}.vkey").replace(&data, &format!("{data}/keys"));
    run(&[
        "key",
        "authority",
        "--ledger",
        &served.url,
        "--threshold",
        "2",
        "--vkey",
        &vkey(1),
        &vkey(2),
        &desk.path("authority-4.vkey"),
        "-o",
        &change,
    ])
    .exits(0);
    run(&["endorse", &change, "--key", &authority(1)]).exits(0);
    run(&["endorse", &change, "--key", &authority(2)])
        .exits(0)
        .says(&["2 signatures"]);
    run(&["key", "post", "--ledger", &served.url, &change]).exits(0);
    run(&["audit", &data, "--policy", &format!("{data}/policy")]).exits(0);
}

/// A second log key is in force beside the first: what the first goes on signing holds.
#[test]
fn a_log_key_is_admitted_beside_the_first() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..5).exits(0);
    let (new, change) = (desk.path("new.key"), desk.path("change"));
    run(&["keygen", "--name", ORIGIN, "-o", &new]).exits(0);
    run(&[
        "key",
        "log",
        "--ledger",
        &served.url,
        "--vkey",
        &desk.path("new.vkey"),
        "--display-name",
        "Operator",
        "-o",
        &change,
    ])
    .exits(0)
    .says(&["admit a log key"]);
    for n in [1, 2] {
        run(&[
            "endorse",
            &change,
            "--key",
            &format!("{data}/authority-{n}.key"),
        ])
        .exits(0);
    }
    run(&["key", "post", "--ledger", &served.url, &change]).exits(0);
    run(&["key", "show", "--ledger", &served.url])
        .exits(0)
        .says(&["log  Operator"]);
    post(&desk, &served, &key, 5..10).exits(0);
    served.until_published("13");
    assert_eq!(served.terminate(), Some(0));
    run(&["audit", &data, "--policy", &policy]).exits(0);
}

/// The operator himself, with every key: he restores an old copy and goes on from it. Whoever has seen more has the proof.
#[test]
fn a_ledger_that_was_rolled_back_or_forked_is_shown_to_be() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..10).exits(0);
    served.until_checkpoint();
    let (backup, mirror, state) = (desk.path("backup"), desk.path("mirror"), desk.path("state"));
    run(&["backup", "--data", &data, &backup])
        .exits(0)
        .says(&["12 records, audited"]);
    run(&["backup", "--data", &data, &backup])
        .exits(3)
        .says(&["exists already"]);
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
    let monitor = |places: &[&str], evidence: &str| {
        run(&[
            &[
                "monitor",
                "--policy",
                &policy,
                "--state",
                &state,
                "--evidence",
                evidence,
            ],
            places,
        ]
        .concat())
    };
    let (none, back, fork) = (desk.path("none"), desk.path("back"), desk.path("fork"));
    monitor(&[&served.url, &mirror], &none)
        .exits(0)
        .says(&["2 places show one history, 12 records"]);
    post(&desk, &served, &key, 10..20).exits(0);
    monitor(&[&served.url, &mirror, &data], &none)
        .exits(0)
        .says(&["22 records"]);
    assert!(!Path::new(&none).exists());
    assert_eq!(served.terminate(), Some(0));

    // With last-signed at hand nothing is restored; without it the operator has to give his word.
    run(&[
        "restore",
        &backup,
        "--data",
        &desk.path("r1"),
        "--keys",
        &format!("{data}/keys"),
        "--json",
    ])
    .exits(1)
    .json("behind-last-signed");
    assert!(!Path::new(&desk.path("r1")).join("log").exists());
    let forked = desk.path("forked");
    std::fs::create_dir_all(format!("{forked}/keys")).unwrap();
    for file in ["log.key", "log.vkey"] {
        std::fs::copy(
            format!("{data}/keys/{file}"),
            format!("{forked}/keys/{file}"),
        )
        .unwrap();
    }
    run(&["restore", &backup, "--data", &forked, "--policy", &policy])
        .exits(0)
        .says(&["12 records", "--operator-word restored"]);
    monitor(&[&forked], &back).exits(6).says(&["finder's word"]);
    let check =
        |file: &str, policy: &str| run(&["monitor", "--check", file, "--policy", policy, "--json"]);
    check(&back, &policy).exits(6).json("rollback");
    run(&["serve", "--data", &forked, "--listen", "127.0.0.1:0"]).says(&["restored"]);
    let served = Served::start_with(&forked, &["--operator-word", "restored"]);
    post(&desk, &served, &key, 30..35).exits(0);
    served.until_published("17");
    // Both are signed by the right key, and cannot both be true.
    monitor(&[&data, &served.url], &fork)
        .exits(6)
        .says(&["rewritten, this proves it"]);
    check(&fork, &policy).exits(6).json("contradiction");
    let other = init(&desk, "other", "other.example/keeper");
    check(&fork, &format!("{other}/policy"))
        .exits(1)
        .json("no-evidence");
    let evidence = desk.read("fork");
    let altered = desk.write("altered", &evidence.replacen("\n17\n", "\n18\n", 1));
    check(&altered, &policy).exits(1).json("no-evidence");
    let unproven = evidence.split("-----BEGIN WHAT").next().unwrap();
    let unproven = desk.write("unproven", unproven);
    check(&unproven, &policy).exits(6).json("rollback"); // Both signed, and no more is claimed.
    let both = desk.write("both", &format!("{evidence}x\n"));
    check(&both, &policy).exits(1).json("no-evidence");
    run(&["mirror", &served.url, &mirror, "--policy", &policy]).exits(0);
    monitor(&[&mirror, &data], &desk.path("third"))
        .exits(6)
        .says(&["proves it"]);
}

/// A mirror that follows takes what is new, keeps what it has when the ledger is gone, and ends by itself only when it is contradicted.
#[test]
fn a_mirror_follows_and_outlives_its_ledger() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    let mirror = desk.path("mirror");
    let mut child = program()
        .args(["mirror", &served.url, &mirror, "--policy", &policy])
        .args(["--follow", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    post(&desk, &served, &key, 0..5).exits(0);
    let copied = || {
        std::fs::read_to_string(format!("{mirror}/checkpoint"))
            .is_ok_and(|note| note.lines().nth(1) == Some("7"))
    };
    served.until(|_| copied());
    assert_eq!(served.terminate(), Some(0));
    assert!(
        child.try_wait().unwrap().is_none(),
        "it waits for the ledger"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    run(&["audit", &mirror, "--policy", &policy]).exits(0);
}

/// Danger: a copy of a folder that changes under the copying is of no moment, and nobody notices before it is needed.
#[test]
fn a_backup_is_taken_while_statements_are_logged() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let (policy, key) = (format!("{data}/policy"), format!("{data}/centre.key"));
    let served = Served::start(&data);
    served.until_checkpoint();
    // One file a draft: many small batches, for longer than it takes to make the backups.
    let files: Vec<String> = drafts(0..400)
        .iter()
        .enumerate()
        .map(|(at, draft)| desk.write(&format!("{at}.jsonl"), draft))
        .collect();
    let mut posting = program()
        .args(["post", "--ledger", &served.url, "--key", &key])
        .args(&files)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut backups = Vec::new();
    while backups.len() < 4 {
        let backup = desk.path(&format!("backup-{}", backups.len()));
        run(&["backup", "--data", &data, &backup]).exits(0);
        backups.push(backup);
    }
    posting.kill().unwrap();
    posting.wait().unwrap();
    drop(served);
    for (at, backup) in backups.iter().enumerate() {
        let restored = desk.path(&format!("restored-{at}"));
        run(&["restore", backup, "--data", &restored, "--policy", &policy]).exits(0);
        std::fs::create_dir(format!("{restored}/keys")).unwrap();
        for file in ["log.key", "log.vkey"] {
            let from = format!("{data}/keys/{file}");
            std::fs::copy(from, format!("{restored}/keys/{file}")).unwrap();
        }
        // It opens as a ledger, too.
        Served::start_with(&restored, &["--operator-word", "restored"]);
        run(&["audit", &restored, "--policy", &policy]).exits(0);
    }
}

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Do {
    /// One bit of the byte at so many per cent of the file.
    Flip(usize),
    Cut,
    Empty,
    Delete,
    Append,
    /// Another file's content.
    Become(&'static str),
    /// Under another name.
    Rename(&'static str),
    /// Line by number, 0-based, dropped.
    DropLine(usize),
    /// First line that begins so, replaced.
    Line(&'static str, &'static str),
}

/// `path` may end in `*`: the first file under the folder, in order of names; in `>`: the last.
fn file_at(root: &str, path: &str) -> PathBuf {
    let Some(folder) = path.strip_suffix(['*', '>']) else {
        return Path::new(root).join(path);
    };
    let mut found = Vec::new();
    let mut open = vec![Path::new(root).join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path)
            } else {
                found.push(path)
            }
        }
    }
    // By number: `22` is after `7`.
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    if path.ends_with('*') {
        found.remove(0)
    } else {
        found.pop().unwrap()
    }
}

fn tamper(root: &str, path: &str, what: Do) {
    let file = file_at(root, path);
    let read = || std::fs::read(&file).unwrap();
    let bytes = match what {
        Do::Flip(percent) => {
            let mut bytes = read();
            let at = (bytes.len() - 1) * percent / 100;
            bytes[at] ^= 1;
            bytes
        }
        Do::Cut => read()[..read().len() / 2].to_vec(),
        Do::Empty => Vec::new(),
        Do::Delete => return std::fs::remove_file(file).unwrap(),
        Do::Append => [&read()[..], b"\n"].concat(),
        Do::Become(other) => std::fs::read(file_at(root, other)).unwrap(),
        Do::Rename(name) => return std::fs::rename(&file, file.with_file_name(name)).unwrap(),
        Do::DropLine(number) => {
            let text = String::from_utf8(read()).unwrap();
            let kept = text.lines().enumerate().filter(|(at, _)| *at != number);
            kept.flat_map(|(_, line)| [line, "\n"])
                .collect::<String>()
                .into_bytes()
        }
        Do::Line(begins, becomes) => {
            let text = String::from_utf8(read()).unwrap();
            let mut done = false;
            let lines = text.lines().map(|line| {
                if !done && line.starts_with(begins) {
                    done = true;
                    becomes
                } else {
                    line
                }
            });
            let text = lines.flat_map(|line| [line, "\n"]).collect::<String>();
            assert!(done, "{path} has no line {begins:?}");
            text.into_bytes()
        }
    };
    assert!(
        !file.exists() || read() != bytes,
        "{path} {what:?} changes nothing"
    );
    std::fs::write(file, bytes).unwrap();
}

/// What, file, how, exit code of the command that finds it. The same rows stand in `docs/tamper-gallery.md`.
const GALLERY: [(&str, &str, Do, i32); 52] = [
    ("ledger", "log/head", Do::Flip(10), 1),
    ("ledger", "log/head", Do::Flip(50), 1),
    ("ledger", "log/head", Do::Flip(90), 1),
    ("ledger", "log/head", Do::Cut, 1),
    ("ledger", "log/head", Do::Empty, 1),
    ("ledger", "log/head", Do::Delete, 1),
    ("ledger", "log/checkpoint", Do::Flip(50), 1),
    ("ledger", "log/checkpoint", Do::Cut, 1),
    ("ledger", "log/checkpoint", Do::Delete, 1),
    ("ledger", "log/checkpoints/*", Do::Flip(50), 1),
    (
        "ledger",
        "log/checkpoints/*",
        Do::Rename("00000000000000000007"),
        1,
    ),
    ("ledger", "log/tile/0/>", Do::Flip(0), 1),
    ("ledger", "log/tile/0/>", Do::Flip(100), 1),
    ("ledger", "log/tile/0/>", Do::Cut, 1),
    ("ledger", "log/tile/0/>", Do::Append, 1),
    ("ledger", "log/tile/0/>", Do::Delete, 1),
    ("ledger", "log/tile/entries/>", Do::Flip(0), 1),
    ("ledger", "log/tile/entries/>", Do::Flip(3), 1),
    ("ledger", "log/tile/entries/>", Do::Flip(50), 1),
    ("ledger", "log/tile/entries/>", Do::Flip(100), 1),
    ("ledger", "log/tile/entries/>", Do::Cut, 1),
    ("ledger", "log/tile/entries/>", Do::Append, 1),
    ("ledger", "log/tile/entries/>", Do::Delete, 1),
    ("ledger", "commit/>", Do::Flip(50), 1),
    ("ledger", "commit/>", Do::Cut, 1),
    ("ledger", "commit/>", Do::Delete, 1),
    ("mirror", "checkpoint", Do::Flip(10), 1),
    ("mirror", "checkpoint", Do::Flip(50), 1),
    ("mirror", "checkpoint", Do::Flip(90), 1),
    ("mirror", "checkpoint", Do::Delete, 1),
    ("mirror", "tile/0/>", Do::Flip(50), 1),
    ("mirror", "tile/0/>", Do::Delete, 1),
    ("mirror", "tile/entries/>", Do::Flip(50), 1),
    ("mirror", "tile/entries/>", Do::Cut, 1),
    ("mirror", "tile/entries/>", Do::Delete, 1),
    ("receipt", "receipt", Do::Line("index ", "index 6"), 1),
    ("receipt", "receipt", Do::Line("extra ", "extra AAAA"), 3),
    (
        "receipt",
        "receipt",
        Do::Line("ledger.example", "ledger.example/other"),
        5,
    ),
    ("receipt", "receipt", Do::Line("22", "23"), 1),
    ("receipt", "receipt", Do::DropLine(3), 1),
    ("receipt", "receipt", Do::Cut, 3),
    ("receipt", "receipt", Do::Empty, 3),
    ("backup", "log/tile/0/>", Do::Flip(50), 1),
    ("backup", "log/tile/entries/>", Do::Delete, 1),
    ("backup", "commit/>", Do::Cut, 1),
    ("backup", "policy", Do::Line("log ", "quorum none"), 1),
    ("backup", "log/head", Do::Become("log/checkpoints/*"), 1),
    (
        "backup",
        "log/checkpoints/*",
        Do::Rename("00000000000000000009"),
        1,
    ),
    ("backup", "SHA256SUMS", Do::DropLine(0), 1),
    ("backup", "SHA256SUMS", Do::Flip(0), 1),
    ("backup", "SHA256SUMS", Do::Cut, 1),
    ("backup", "SHA256SUMS", Do::Delete, 3),
];

#[test]
fn each_piece_of_the_tamper_gallery_is_found() {
    let desk = Desk::new();
    let data = init(&desk, "ledger", ORIGIN);
    let (policy, key) = (desk.path("trusted"), format!("{data}/centre.key"));
    std::fs::copy(format!("{data}/policy"), &policy).unwrap();
    let served = Served::start(&data);
    post(&desk, &served, &key, 0..20).exits(0);
    served.until_published("22");
    run(&["backup", "--data", &data, &desk.path("backup")]).exits(0);
    run(&[
        "mirror",
        &served.url,
        &desk.path("mirror"),
        "--policy",
        &policy,
    ])
    .exits(0);
    std::fs::create_dir(desk.path("receipt")).unwrap();
    run(&[
        "receipt",
        "--ledger",
        &served.url,
        // The newest: no kept checkpoint of an earlier size covers it.
        "21",
        "-o",
        &desk.path("receipt/receipt"),
    ])
    .exits(0);
    assert_eq!(served.terminate(), Some(0));

    let find = |kind: &str, at: &str| {
        let (receipt, to) = (format!("{at}/receipt"), format!("{at}.restored"));
        match kind {
            "receipt" => run(&["verify", &receipt, "--policy", &policy]),
            "backup" => run(&["restore", at, "--data", &to, "--policy", &policy]),
            _ => run(&["audit", at, "--policy", &policy]),
        }
    };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tamper-gallery.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut missed = Vec::new();
    for kind in ["ledger", "mirror", "receipt", "backup"] {
        let untouched = desk.path("untouched");
        copy(&desk.path(kind), &untouched);
        find(kind, &untouched).exits(0);
        std::fs::remove_dir_all(&untouched).unwrap();
        let _ = std::fs::remove_dir_all(format!("{untouched}.restored"));
    }
    for (number, (kind, path, what, exit)) in GALLERY.into_iter().enumerate() {
        let at = desk.path(&format!("case-{number}"));
        copy(&desk.path(kind), &at);
        tamper(&at, path, what);
        let found = find(kind, &at);
        if found.exit != exit || found.err.contains("panicked") {
            missed.push(format!(
                "{number} {kind} {path} {what:?}: wanted {exit}, {found:#?}"
            ));
        }
        assert!(
            kind != "backup" || !Path::new(&format!("{at}.restored/log")).exists(),
            "{number}: restored all the same"
        );
        let row = format!(
            "| {} | {kind} | `{path}` | `{what:?}` | {exit} |",
            number + 1
        );
        assert!(page.contains(&row), "docs/tamper-gallery.md lacks {row}");
        std::fs::remove_dir_all(at).unwrap();
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
