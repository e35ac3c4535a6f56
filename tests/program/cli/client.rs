//! Danger: what answers is not the ledger (a login page, a proxy, another host), and a command calls it an answer, or keeps it as a receipt.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// A server that is no ledger: every request gets the answer that `told` gives for its path.
struct Fake {
    url: String,
}

impl Fake {
    fn start(told: impl Fn(&str) -> String + Send + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the process; each answer closes its connection.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &told);
            }
        });
        Fake { url }
    }
}

fn answer(mut stream: TcpStream, told: &impl Fn(&str) -> String) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    stream.write_all(told(head.split(' ').nth(1).unwrap_or_default()).as_bytes())
}

fn http(status: &str, media_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[test]
fn no_command_takes_a_login_page_for_a_ledgers_answer() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let key = format!("{data}/keys/centre.key");
    let draft = desk.write("d.jsonl", &format!("{}\n", drafts(0..1)[0]));
    #[track_caller]
    fn refused(desk: &Desk, key: &str, draft: &str, status: &str, media_type: &str, body: &str) {
        let (told, told_body) = ((status.to_owned(), media_type.to_owned()), body.to_owned());
        let fake = Fake::start(move |_| http(&told.0, &told.1, &told_body));
        let (url, file) = (fake.url.as_str(), desk.path("out"));
        let sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        for command in [
            &["get", "--ledger", url, "5"][..],
            &["receipt", "--ledger", url, "5", "-o", &file],
            &["search", "--ledger", url, "工程"],
            &["search", "--ledger", url, "--csv", "工程"],
            &["export", "ndjson", "--ledger", url, "-o", &file],
            &["export", "ocds", "--ledger", url, "-o", &file],
            &["document", "--ledger", url, "-o", &file, sha256],
            &["published", "--ledger", url, draft],
            &["withheld", "--ledger", url],
            &["key", "show", "--ledger", url],
            &["post", "--ledger", url, "--key", key, draft],
        ] {
            let run = run(command);
            assert_ne!(run.exit, 0, "{command:?} of {status} {body}: {run:?}");
            assert!(!Path::new(&file).exists(), "{command:?} of {status} {body}");
            if status.starts_with("50") {
                run.exits(4).says(&[&status[..3]]);
            }
        }
        // Of a page nothing follows for the document, nor for the log, neither fault nor finding; nor of no answer, or of half of one.
        if media_type == "text/html" && !status.starts_with("206") {
            run(&["document", "--ledger", url, "-o", &file, sha256]).exits(4);
        }
        let tells_nothing = media_type == "text/html" || body.is_empty();
        if tells_nothing || !matches!(&status[..3], "200" | "404") {
            let policy = format!("{}/policy", desk.path("data"));
            let policy = policy.as_str();
            for command in [
                &["audit", url, "--policy", policy][..],
                &["findings", url, "--policy", policy],
                &["mirror", url, &desk.path("mirror"), "--policy", policy],
            ] {
                run(command).exits(4);
            }
        }
    }
    for (status, media_type, body) in [
        ("200 OK", "text/html", "<html>Please log in</html>"),
        ("200 OK", "application/octet-stream", ""),
        ("200 OK", "application/json", "{}"),
        ("200 OK", "application/json", "[]"),
        ("200 OK", "application/json", "null"),
        ("200 OK", "text/html", "{\"count\":0,\"hits\":[]}"),
        ("502 Bad Gateway", "text/html", "<html>Bad gateway</html>"),
        ("206 Partial Content", "application/octet-stream", "half"),
        ("403 Forbidden", "text/plain", "no"),
        ("422 Unprocessable Content", "text/plain", "no"),
    ] {
        refused(&desk, &key, &draft, status, media_type, body);
    }
}

/// Danger: a log is called faulty because a proxy shuts the door on a file of it; or a file that is lost is told as a network's fault.
#[test]
fn what_a_server_does_not_hand_out_is_no_fault_of_the_log_and_what_is_lost_is() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let policy = format!("{data}/policy");
    for (status, body, exit) in [
        ("206 Partial Content", "half", 4),
        ("403 Forbidden", "no", 4),
        ("410 Gone", "", 4),
        ("422 Unprocessable Content", "no", 4),
        ("404 Not Found", "", 1),
        ("200 OK", "", 1),
    ] {
        let log = format!("{data}/log");
        let fake = Fake::start(move |path| {
            // The checkpoint of a ledger that was just made may be written when it is served first.
            let head = std::fs::read_to_string(format!("{log}/head")).unwrap();
            match path {
                "/checkpoint" | "/head" => http("200 OK", "text/plain", &head),
                _ => http(status, "application/octet-stream", body),
            }
        });
        let told = run(&["audit", &fake.url, "--policy", &policy]);
        assert_eq!(told.exit, exit, "{status}: {told:?}");
        let mirror = desk.path(&format!("mirror-{}", &status[..3]));
        let told = run(&["mirror", &fake.url, &mirror, "--policy", &policy]);
        assert_eq!(told.exit == 4, exit == 4, "{status}: {told:?}");
    }
}

/// Danger: a list that was cut or made up is taken for all that a ledger has: "0 records exported", and exit code 0.
#[test]
fn a_list_that_contradicts_its_own_size_is_not_believed() {
    let desk = Desk::new();
    let keys =
        r#"{"ledger":"l.example","genesis":"g","at":6,"threshold":1,"authorities":[],"keys":[]}"#;
    let ledger = r#"{"ledger":"l.example"}"#;
    #[track_caller]
    fn refused(desk: &Desk, command: &[&str], answers: &[(&'static str, String)]) {
        let told = answers.to_vec();
        let fake = Fake::start(move |path| {
            let fits = told.iter().find(|(name, _)| path.starts_with(name));
            fits.map_or(http("404 Not Found", "text/plain", ""), |(_, body)| {
                http("200 OK", "application/json", body)
            })
        });
        let file = desk.path("out");
        let run = run(&[command, &["--ledger", &fake.url]].concat());
        assert!(!Path::new(&file).exists(), "{command:?} {answers:?}");
        run.exits(4).says(&["wanted", "run the same command again"]);
    }
    let file = desk.path("out");
    for list in [
        r#""records":[],"after":null"#,
        r#""records":[],"after":5"#,
        r#""records":[],"erased":[],"withheld":[],"after":18446744073709551615"#,
        r#""records":[{"index":18446744073709551615}],"after":5"#,
        r#""records":[],"erased":[{"index":0},{"index":6}],"after":6"#,
        r#""records":[],"erased":[{"index":0},{"index":0}],"after":0"#,
        r#""records":[],"erased":[{"index":1},{"index":0}],"after":1"#,
        r#""records":[],"erased":[{"index":1}],"after":1"#,
    ] {
        for size in [0, 6] {
            let list = format!(r#"{{"tree_size":{size},{list}}}"#);
            let answers = [("/api/v1/keys", ledger.into()), ("/api/v1/records", list)];
            for form in ["ocds", "national"] {
                refused(&desk, &["export", form, "-o", &file], &answers);
            }
        }
    }
    let hidden = r#"{"tree_size":6,"records":[],"erased":[{"index":0},{"index":1},{"index":2},{"index":3},{"index":4}],"after":4}"#;
    for (size, list) in [
        (0, r#""count":0,"hits":[],"before":null"#),
        // Nothing was asked for, and of six records none is there.
        (6, r#""count":0,"hits":[],"before":null"#),
        (6, r#""count":9,"hits":[],"before":null"#),
        (
            6,
            r#""count":1,"hits":[{"index":18446744073709551615,"record":{"index":18446744073709551615}}],"before":null"#,
        ),
        (
            6,
            r#""count":1,"hits":[{"index":6,"record":{"index":6}}],"before":null"#,
        ),
        (
            6,
            r#""count":2,"hits":[{"index":1,"record":{"index":1}},{"index":1,"record":{"index":1}}],"before":null"#,
        ),
        (
            6,
            r#""count":2,"hits":[{"index":0,"record":{"index":0}},{"index":1,"record":{"index":1}}],"before":null"#,
        ),
        (
            6,
            r#""count":1,"hits":[{"index":5,"record":{"index":5}}],"before":5"#,
        ),
    ] {
        let list = format!(r#"{{"tree_size":{size},"indexed_size":{size},{list}}}"#);
        let answers = [("/api/v1/search", list), ("/api/v1/records", hidden.into())];
        refused(&desk, &["export", "ndjson", "-o", &file], &answers);
        refused(&desk, &["search"], &answers);
    }
    // What a condition finds is held against itself.
    let list = r#"{"tree_size":6,"indexed_size":6,"count":1,"hits":[{"index":7}],"before":null}"#;
    refused(&desk, &["search", "x"], &[("/api/v1/search", list.into())]);
    for list in [
        r#"{"tree_size":0,"count":0,"overdue":0,"withheld":[],"after":null}"#,
        r#"{"tree_size":6,"count":1,"overdue":0,"withheld":[],"after":null}"#,
        r#"{"tree_size":6,"count":0,"overdue":1,"withheld":[],"after":null}"#,
        r#"{"tree_size":6,"count":1,"overdue":0,"withheld":[{"order":18446744073709551615,"record":1}],"after":null}"#,
        r#"{"tree_size":6,"count":1,"overdue":0,"withheld":[{"order":4,"record":5}],"after":null}"#,
        r#"{"tree_size":6,"count":2,"overdue":0,"withheld":[{"order":4,"record":1},{"order":4,"record":1}],"after":null}"#,
    ] {
        refused(&desk, &["withheld"], &[("/api/v1/withheld", list.into())]);
    }
    let vkey = "w.example+a881c1c3+BOC8wWOdXGJwphiLaZDtdpCkwYgTwTNA1FxIBDfk2Lmw";
    for keys in [
        keys.to_owned(),
        keys.replace("[],\"keys", "[\"a key\"],\"keys"),
        keys.replace("[],\"keys", &format!("[\"{vkey}\",\"{vkey}\"],\"keys")),
        keys.replace(
            "[],\"keys\":[",
            &format!(
                r#"["{vkey}"],"keys":[{{"role":"log","name":"n","vkey":"{vkey}","admitted_at":6}}"#
            ),
        ),
    ] {
        refused(&desk, &["key", "show"], &[("/api/v1/keys", keys)]);
    }
}

/// Danger: what is withheld is told as erased, where a rebuilt index has neither.
#[test]
fn what_an_index_lacks_is_told_as_the_log_has_it() {
    let fake = Fake::start(|path| {
        let found = r#"{"tree_size":4,"indexed_size":4,"count":1,"before":null,"hits":[{"index":1,"record":{"index":1}}]}"#;
        let records = r#"{"tree_size":4,"records":[{"index":1}],"withheld":[{"index":2}],"erased":[{"index":0},{"index":3}],"after":3}"#;
        match path {
            path if path.starts_with("/api/v1/search") => http("200 OK", "application/json", found),
            "/api/v1/records?limit=256" => http("200 OK", "application/json", records),
            "/api/v1/records?limit=256&after=1" => http(
                "200 OK",
                "application/json",
                r#"{"tree_size":4,"records":[],"withheld":[{"index":2}],"erased":[{"index":3}],"after":3}"#,
            ),
            _ => http("404 Not Found", "text/plain", ""),
        }
    });
    run(&["search", "--ledger", &fake.url])
        .exits(0)
        .says(&["1 found"]);
    run(&["export", "ndjson", "--ledger", &fake.url])
        .exits(0)
        .says(&["1 records exported, 2 more were erased by order"]);
}

/// Danger: half a table is opened as all of it.
#[test]
fn a_table_that_was_cut_is_not_handed_on() {
    for (body, exit) in [
        ("", 4),
        ("\u{feff}", 4),
        ("\u{feff}index,time\r\n", 0),
        ("\u{feff}index,time\r\n1,2026\r\n", 0),
        ("\u{feff}index,time\r\n1,20", 4),
        ("1,2026\r\n", 4),
    ] {
        let fake = Fake::start(move |_| http("200 OK", "text/csv", body));
        run(&["search", "--ledger", &fake.url, "--csv", "x"]).exits(exit);
    }
}

/// Danger: a centre is accused because somebody took the policy file of another ledger, or a file that is no receipt.
#[test]
fn what_no_policy_is_for_is_not_judged_and_nobody_accused() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let other = format!("{}/policy", init(&desk, "other", "other.example"));
    let served = Served::start(&data);
    let (url, other) = (served.url.as_str(), other.as_str());
    let (folder, receipt) = (desk.path("r"), desk.path("r/1.tlog-proof"));
    std::fs::create_dir(&folder).unwrap();
    run(&["receipt", "--ledger", url, "1", "-o", &receipt]).exits(0);
    // `checkpoint` follows `head` after a moment.
    served.until_checkpoint();
    let state = desk.path("state");
    for (lang, word) in [("en", "judged"), ("zh-CN", "无法判断")] {
        for command in [
            &["verify", "--policy", other, &receipt][..],
            &["audit", url, "--policy", other],
            &["audit", &data, "--policy", other, "--state", &state],
            &["findings", url, "--policy", other],
            &["statistics", url, "--policy", other],
            &["history", &folder, "--check", "--policy", other],
            &[
                "receipt",
                "--refresh",
                &receipt,
                "--ledger",
                url,
                "--policy",
                other,
            ],
            &["receipt", "--mirror", url, "1", "--policy", other],
            &["mirror", url, &desk.path("mirror"), "--policy", other],
        ] {
            let run = run(&[&["--lang", lang][..], command].concat());
            run.exits(5).says(&[word]);
        }
    }
    assert!(!Path::new(&state).exists());
    // What is no receipt proves nothing, and is not called false.
    let policy = format!("{data}/policy");
    let none = desk.write("r/2.tlog-proof", "<html>");
    for command in [
        &["verify", "--policy", &policy, &none][..],
        &["history", &folder, "--check", "--policy", &policy],
        &[
            "receipt",
            "--refresh",
            &none,
            "--ledger",
            url,
            "--policy",
            &policy,
        ],
    ] {
        run(command).exits(3).says(&["proves nothing"]);
    }
}

/// Danger: with a policy in hand a bidder is told a day and a title that only the server says, or that the witnesses agree who do not.
#[test]
fn what_a_policy_is_given_for_is_told_from_the_receipt_alone() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let file = desk.write("notice.txt", "招标公告正文\n");
    let mut draft: Value = serde_json::from_str(&drafts(0..1)[0]).unwrap();
    draft["documents"] = serde_json::json!([{ "file": "notice.txt" }]);
    let draft = desk.write("d.jsonl", &format!("{draft}\n"));
    let (key, receipts) = (format!("{data}/keys/centre.key"), desk.path("r"));
    let url = served.url.as_str();
    run(&[
        "post",
        "--ledger",
        url,
        "--key",
        &key,
        "--receipts",
        &receipts,
        &draft,
    ])
    .exits(0);
    let digest = mingzhang::tlog::merkle::Hash::sha256("招标公告正文\n".as_bytes());
    let receipt = std::fs::read_to_string(format!("{receipts}/2.tlog-proof")).unwrap();
    let lie = serde_json::json!({
        "tree_size": 3, "indexed_size": 3,
        "documents": [{ "sha256": digest.to_string(), "published": true, "bytes": "stored", "records": [2],
            "first": { "index": 2, "time": "1999-01-01T00:00:00.000Z", "publisher": "liar.example", "title": "A LIE", "project": "X" } }],
    });
    let fake = Fake::start(move |path| match path {
        "/api/v1/documents/lookup" => http("200 OK", "application/json", &lie.to_string()),
        "/api/v1/receipts/2" => http("200 OK", "text/plain", &receipt),
        _ => http("404 Not Found", "text/plain", ""),
    });
    let policy = format!("{data}/policy");
    let told = run(&[
        "published",
        "--ledger",
        &fake.url,
        "--policy",
        &policy,
        &file,
        "--json",
    ])
    .exits(0)
    .json("all-published");
    let first = told["files"][0]["record"].to_string();
    assert!(
        !first.contains("LIE") && !first.contains("1999") && !first.contains("liar"),
        "{first}"
    );
    // The same where the policy wants a witness who has not cosigned.
    let strict = std::fs::read_to_string(&policy).unwrap().replace(
        "quorum none",
        "witness w1 w.example+a881c1c3+BOC8wWOdXGJwphiLaZDtdpCkwYgTwTNA1FxIBDfk2Lmw\nquorum w1",
    );
    let strict = desk.write("strict.policy", &strict);
    for command in [
        &[
            "published",
            "--ledger",
            &fake.url,
            "--policy",
            &strict,
            &file,
        ][..],
        &["history", &receipts, "--check", "--policy", &strict],
        &["verify", &receipts, "--policy", &strict],
    ] {
        run(command).exits(5);
    }
    // Of no file nothing is published.
    let empty = desk.path("empty");
    std::fs::create_dir(&empty).unwrap();
    run(&["published", "--ledger", url, &empty]).exits(3);
}

#[test]
fn a_redirect_to_another_host_is_not_followed_and_one_to_another_path_is() {
    let there = Fake::start(|_| http("200 OK", "application/json", "{\"ledger\":\"evil\"}"));
    let to = there.url.clone();
    let here = Fake::start(move |path| {
        match path {
        "/api/v1/records/7" => "HTTP/1.1 302 Found\r\nLocation: /seven\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        "/seven" => http(
            "200 OK",
            "application/json",
            r#"{"index":7,"link":"l","time":"t","note":"the note\n","id":"i"}"#,
        ),
        path => format!("HTTP/1.1 302 Found\r\nLocation: {to}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
    });
    run(&["get", "--ledger", &here.url, "7"])
        .exits(0)
        .says(&["the note"]);
    run(&["get", "--ledger", &here.url, "8"])
        .exits(4)
        .says(&["another address", &there.url]);
    // An answer to another question is none.
    let other = Fake::start(|_| {
        http(
            "200 OK",
            "application/json",
            r#"{"index":7,"link":"l","time":"t","note":"n","id":"i"}"#,
        )
    });
    run(&["get", "--ledger", &other.url, "8"])
        .exits(4)
        .says(&["gives record 7"]);
}

/// What a server says in refusing, and what stands in a record, begins no line and moves no cursor.
#[test]
fn text_of_a_server_is_shown_and_not_obeyed() {
    let evil = "x\\n\u{2714} witnessed by 3 of 3\\u001b[2J\\u009b31m\\u202e";
    let problem = format!(r#"{{"code":"nope","title":"t","detail":"{evil}"}}"#);
    let hit = format!(
        r#"{{"count":1,"indexed_size":9,"tree_size":9,"before":null,"hits":[{{"index":7,"title":"{evil}","issued":"2026-01-01"}}]}}"#
    );
    let fake = Fake::start(move |path| match path {
        path if path.starts_with("/api/v1/search") => http("200 OK", "application/json", &hit),
        _ => http("404 Not Found", "application/problem+json", &problem),
    });
    for command in [
        ["get", "--ledger", &fake.url, "8"],
        ["search", "--ledger", &fake.url, "x"],
    ] {
        let told = run(&command);
        let all = format!("{}{}", told.out, told.err);
        assert!(all.contains("⟦U+001B⟧[2J⟦U+009B⟧31m⟦U+202E⟧"), "{all}");
        assert!(all.contains("x⟦U+000A⟧✔"), "{all}");
        assert!(!all.chars().any(|c| c.is_control() && c != '\n'), "{all}");
    }
}

/// An index that is behind the log is waited for, and what it lacks then is not "not there".
#[test]
fn an_answer_of_an_index_behind_the_log_says_so() {
    let fake = Fake::start(|_| {
        http(
            "200 OK",
            "application/json",
            r#"{"count":0,"indexed_size":4,"tree_size":9,"hits":[]}"#,
        )
    });
    let told = run(&["search", "--ledger", &fake.url, "--json", "x"]).exits(4);
    let told = told.json("index-behind");
    assert_eq!(
        (&told["indexed_size"], &told["tree_size"]),
        (&4.into(), &9.into())
    );
}

#[test]
fn a_receipt_gives_way_to_the_true_one_only_if_it_is_none() {
    let desk = Desk::new();
    let data = init(&desk, "data", ORIGIN);
    let served = Served::start(&data);
    let (url, file) = (served.url.as_str(), desk.path("r"));
    let fetch = |index: &str| run(&["receipt", "--ledger", url, index, "-o", &file]);
    fetch("1").exits(0);
    let good = desk.read("r");
    fetch("1").exits(0).says(&["was left as it is"]);
    fetch("0").exits(3).says(&["another record"]);
    assert_eq!(desk.read("r"), good);
    let torn = &good[..good.len() / 2];
    let bent = good.replacen("index 1", "index 0", 1);
    for bad in ["<html>", "", torn, &bent] {
        desk.write("r", bad);
        fetch("1").exits(0);
        assert_eq!(desk.read("r"), good, "{bad:?}");
    }
}

/// A city's ledger stands behind the city's own authority: the system's store, or `--ca`.
#[test]
fn a_private_authority_is_trusted_if_the_system_or_the_clerk_says_so() {
    let desk = Desk::new();
    let (ca, key) = (desk.path("ca.pem"), desk.path("ca.key"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        &key,
        "-out",
        &ca,
        "-days",
        "2",
        "-subj",
        "/CN=City",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
    ]);
    let (request, server_key, cert) = (desk.path("csr"), desk.path("s.key"), desk.path("s.pem"));
    openssl(&[
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        &server_key,
        "-out",
        &request,
        "-subj",
        "/CN=localhost",
    ]);
    let extensions = desk.write(
        "ext",
        "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n",
    );
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &key,
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        &extensions,
        "-out",
        &cert,
    ]);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-WWW",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            &cert,
            "-key",
            &server_key,
        ])
        .current_dir(desk.0.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let url = format!("https://localhost:{port}");
    let show = ["key", "show", "--ledger", &url];
    run(&show).exits(4).says(&["UnknownIssuer"]);
    // It serves no ledger: whoever gets so far trusts it.
    let named = run(&[&show[..], &["--ca", &ca]].concat());
    let by_system = program()
        .args(show)
        .env("SSL_CERT_FILE", &ca)
        .output()
        .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let by_system = String::from_utf8(by_system.stderr).unwrap();
    for told in [named.err, by_system] {
        assert!(!told.contains("UnknownIssuer"), "{told}");
    }
    run(&[&show[..], &["--ca", &extensions]].concat())
        .exits(3)
        .says(&["BEGIN CERTIFICATE"]);
}
