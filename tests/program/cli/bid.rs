//! Sealed bids, from the book to the opening, each by the command that centre or bidder runs.

use super::*;

/// A centre with a served ledger and a book, and two bidders with their files.
struct Hall {
    desk: Desk,
    data: String,
    served: Served,
    book: String,
    key: String,
}

impl Hall {
    fn new() -> Hall {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let served = Served::start(&data);
        let (book, key) = (desk.path("lot-1.book"), format!("{data}/centre.key"));
        run(&[
            "bid",
            "book",
            "--ledger",
            ORIGIN,
            "--publisher",
            CENTRE,
            "--project",
            "P-1",
            "--category",
            "construction",
            "--region",
            "430382",
            "--title",
            "示例工程",
            "--slots",
            "16",
            &book,
        ])
        .exits(0);
        for name in ["a", "b"] {
            desk.write(&format!("{name}.bid"), &format!("the sealed bid of {name}"));
        }
        Hall {
            desk,
            data,
            served,
            book,
            key,
        }
    }

    /// Hands in the file of `name`; its receipt is `<name>.receipt`.
    fn seal(&self, name: &str, bidder: &str) -> Value {
        let (file, receipt) = (
            self.desk.path(&format!("{name}.bid")),
            self.desk.path(&format!("{name}.receipt")),
        );
        let seal = [
            "seal", "--book", &self.book, "--key", &self.key, "--bidder", bidder, "-o", &receipt,
            &file, "--json",
        ];
        run(&seal).exits(0).json("sealed")
    }

    /// Makes a register and posts it: the path of its record's receipt.
    fn register(&self, name: &str) -> String {
        let draft = self.desk.path(&format!("{name}.jsonl"));
        run(&["bid", "register", "--book", &self.book, "-o", &draft]).exits(0);
        self.post(&draft)
    }

    fn post(&self, draft: &str) -> String {
        let receipts = format!("{draft}.receipts");
        run(&[
            "post",
            "--ledger",
            &self.served.url,
            "--key",
            &self.key,
            "--receipts",
            &receipts,
            draft,
        ])
        .exits(0)
        .says(&["1 logged"]);
        let found = std::fs::read_dir(&receipts)
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        found.path().to_str().unwrap().to_owned()
    }

    fn check(&self, arguments: &[&str]) -> Run {
        let policy = format!("{}/policy", self.data);
        run(&[&["bid", "check", "--policy", &policy], arguments].concat())
    }
}

#[test]
fn a_bidder_proves_his_bid_from_hand_in_to_opening() {
    let hall = Hall::new();
    let (a, b) = (hall.desk.path("a.receipt"), hall.desk.path("b.receipt"));
    let slot = hall.seal("a", "91430304DEM000110D")["slot"].clone();
    assert_eq!(
        hall.seal("a", "91430304DEM000110D")["slot"],
        slot,
        "a lost receipt is given again"
    );
    let mode = std::fs::metadata(&hall.book).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = hall.register("first");
    hall.seal("b", "乙公司");
    let last = hall.register("last");

    // What is public says nothing of how many bids there are.
    let records = hall.served.project("P-1");
    let notes: Vec<String> = records["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["note"].to_string())
        .collect();
    assert_eq!(notes.len(), 2);
    for secret in [
        "91430304DEM000110D",
        "乙公司",
        "received_at",
        "the sealed bid",
    ] {
        assert!(notes.iter().all(|note| !note.contains(secret)), "{secret}");
    }

    let paths = hall.desk.path("paths");
    run(&[
        "bid",
        "paths",
        "--book",
        &hall.book,
        "--register",
        &last,
        "-o",
        &paths,
    ])
    .exits(0)
    .says(&["2 paths"]);
    let (path, file) = (
        format!("{paths}/1-{slot}.path.json"),
        hall.desk.path("a.bid"),
    );
    hall.check(&[
        "--register",
        &last,
        "--receipt",
        &a,
        "--file",
        &file,
        "--path",
        &path,
    ])
    .exits(0)
    .says(&[
        "the bid is in this register",
        "is the bid file",
        "all of this holds",
        "not checked",
    ]);
    hall.check(&[
        "--register",
        &last,
        "--receipt",
        &a,
        "--file",
        &b,
        "--path",
        &path,
    ])
    .exits(1)
    .says(&["has the digest"]);
    hall.check(&["--register", &first, "--receipt", &a, "--path", &path])
        .exits(1)
        .says(&["not shown to be in"]);

    let opened = hall.desk.path("opened");
    run(&[
        "bid",
        "open",
        "--book",
        &hall.book,
        "--register",
        &last,
        "-o",
        &opened,
    ])
    .exits(0)
    .says(&["2 bids opened; 0 came after"]);
    let (list, draft) = (
        format!("{opened}/opening.jsonl"),
        format!("{opened}/opening.draft.jsonl"),
    );
    let record = hall.post(&draft);
    let all = ["--register", &last, "--opening", &list, "--opened", &record];
    hall.check(&all).exits(0).says(&[
        "2 bids opened, 0 not decrypted, 14 slots proved empty",
        "the list is the one",
    ]);
    for receipt in [&a, &b] {
        let said = hall
            .check(&[&all[..], &["--receipt", receipt, "--json"]].concat())
            .exits(0)
            .json("bid-check-holds");
        assert!(
            said["steps"].to_string().contains("as you handed it in"),
            "{said}"
        );
    }
    hall.check(&[&all[..], &["--lang", "zh-CN"]].concat())
        .exits(0)
        .says(&["以上均成立", "没有核对"]);

    // The list is changed after it was published: a bid goes missing.
    let text = std::fs::read_to_string(&list).unwrap();
    let shorter: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("91430304DEM000110D"))
        .collect();
    let shorter = hall
        .desk
        .write("shorter.jsonl", &(shorter.join("\n") + "\n"));
    hall.check(&[
        "--register",
        &last,
        "--opening",
        &shorter,
        "--opened",
        &record,
        "--receipt",
        &a,
    ])
    .exits(1)
    .says(&[
        "does not fit the register",
        "the bid was dropped",
        "does not name this list",
        "supervising authority",
    ]);
    // A bid of the second register is not in the first: an opening of the first leaves it out, and the bidder sees it.
    let early = hall.desk.path("early");
    run(&[
        "bid",
        "open",
        "--book",
        &hall.book,
        "--register",
        &first,
        "-o",
        &early,
    ])
    .exits(0)
    .says(&["1 bids opened; 1 came after"]);
    hall.check(&[
        "--register",
        &first,
        "--opening",
        &format!("{early}/opening.jsonl"),
        "--receipt",
        &b,
    ])
    .exits(1)
    .says(&["the bid was dropped"]);
}

#[test]
fn a_bid_that_cannot_be_decrypted_is_listed_and_still_proved() {
    let hall = Hall::new();
    let slot = hall.seal("a", "甲公司")["slot"].to_string();
    hall.seal("b", "乙公司");
    let record = hall.register("register");
    let opened = hall.desk.path("opened");
    let open = [
        "bid",
        "open",
        "--book",
        &hall.book,
        "--register",
        &record,
        "-o",
        &opened,
        "--not-decrypted",
    ];
    run(&[&open[..], &["15"]].concat())
        .exits(2)
        .says(&["no bid of the register has slot 15"]);
    run(&[&open[..], &[&slot]].concat()).exits(0);
    let list = std::fs::read_to_string(format!("{opened}/opening.jsonl")).unwrap();
    assert!(!list.contains("甲公司"), "its bidder is not named either");
    hall.check(&[
        "--register",
        &record,
        "--opening",
        &format!("{opened}/opening.jsonl"),
        "--receipt",
        &hall.desk.path("a.receipt"),
    ])
    .exits(0)
    .says(&["1 not decrypted", "listed as not decrypted"]);
}

#[test]
fn a_book_is_not_used_for_what_it_is_not_for() {
    let hall = Hall::new();
    hall.seal("a", "甲公司");
    let file = hall.desk.path("a.bid");
    let seal = |more: &[&str]| run(&[&["seal", "--book", &hall.book, "--json"], more].concat());
    let key = hall.key.as_str();
    seal(&["--key", key, "--bidder", " x", &file])
        .exits(2)
        .json("bidder");
    let other = format!("{}/log.key", hall.data);
    seal(&["--key", &other, "--bidder", "x", &file])
        .exits(3)
        .json("other-publisher");
    seal(&["--key", key, "--bidder", "x", &hall.desk.path("absent")])
        .exits(3)
        .json("document");
    let again = [
        "bid",
        "book",
        "--ledger",
        ORIGIN,
        "--publisher",
        CENTRE,
        "--project",
        "P-1",
        "--category",
        "construction",
        "--title",
        "t",
    ];
    run(&[&again[..], &[&hall.book]].concat())
        .exits(3)
        .says(&["exists"]);
    run(&[&again[..], &["--slots", "1000", &hall.desk.path("x")]].concat())
        .exits(2)
        .says(&["power of two"]);

    // A register of one book is not opened with another.
    let record = hall.register("register");
    let (second, out) = (hall.desk.path("second.book"), hall.desk.path("out"));
    run(&[&again[..], &["--slots", "16", &second]].concat()).exits(0);
    run(&[
        "bid",
        "open",
        "--book",
        &second,
        "--register",
        &record,
        "-o",
        &out,
        "--json",
    ])
    .exits(3)
    .json("other-register");

    // A torn last line was promised to nobody; a damaged one in the middle is told by its number.
    let text = std::fs::read_to_string(&hall.book).unwrap();
    std::fs::write(&hall.book, format!("{text}{{\"slot\":3,")).unwrap();
    hall.seal("b", "乙公司");
    let healed = std::fs::read_to_string(&hall.book).unwrap();
    assert!(healed.starts_with(&text) && healed.lines().count() == text.lines().count() + 1);
    std::fs::write(&hall.book, healed.replacen("\"slot\"", "\"slit\"", 1)).unwrap();
    seal(&["--key", key, "--bidder", "x", &file])
        .exits(3)
        .says(&["line 2 of the book"])
        .json("book-damaged");

    // No room: eight bids in sixteen slots.
    std::fs::write(&hall.book, &healed).unwrap();
    for n in 0..6 {
        hall.desk.write("n.bid", &format!("bid {n}"));
        seal(&[
            "--key",
            key,
            "--bidder",
            &format!("bidder {n}"),
            &hall.desk.path("n.bid"),
        ])
        .exits(0);
    }
    hall.desk.write("n.bid", "one more");
    seal(&["--key", key, "--bidder", "late", &hall.desk.path("n.bid")])
        .exits(3)
        .json("book-full");
}
