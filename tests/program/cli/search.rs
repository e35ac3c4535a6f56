//! Danger: a record that is there is not found, one is shown twice, or a lost or torn index hides some.
//!
//! What should be found is computed from the drafts, by no code of the program.

use std::collections::BTreeSet;

use super::*;

const POSTED: usize = 120;

/// Of all months and both kinds.
fn sample() -> Vec<String> {
    drafts(0..606).into_iter().step_by(5).take(POSTED).collect()
}

struct Found {
    desk: Desk,
    data: String,
    served: Served,
    drafts: Vec<Value>,
}

impl Found {
    fn new() -> Found {
        let desk = Desk::new();
        let data = init(&desk, "data", ORIGIN);
        let served = Served::start(&data);
        let file = desk.write("drafts.jsonl", &(sample().join("\n") + "\n"));
        let key = format!("{data}/centre.key");
        run(&["post", "--ledger", &served.url, "--key", &key, &file]).exits(0);
        let drafts = sample()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let found = Found {
            desk,
            data,
            served,
            drafts,
        };
        found.caught_up();
        found
    }

    fn ask(&self, query: &str) -> Value {
        let name = format!("api/v1/search?{query}");
        serde_json::from_slice(&self.served.http().get(&name, 1 << 24).unwrap().unwrap()).unwrap()
    }

    fn caught_up(&self) {
        self.served.until(|http| {
            let body = http.get("api/v1/search?limit=1", 1 << 20).unwrap().unwrap();
            let answer: Value = serde_json::from_slice(&body).unwrap();
            answer["indexed_size"] == answer["tree_size"]
        });
    }

    /// The `ref`s found by following pages of three.
    fn refs(&self, query: &str) -> BTreeSet<String> {
        let (mut refs, mut before, mut last) = (BTreeSet::new(), String::new(), u64::MAX);
        loop {
            let page = self.ask(&format!("{query}&limit=3&full=true{before}"));
            for hit in page["hits"].as_array().unwrap() {
                let index = hit["index"].as_u64().unwrap();
                assert!(index < last, "newest first, none twice");
                last = index;
                // The genesis and the key that admitted the centre have none.
                if let Some(reference) = hit["record"]["statement"]["ref"].as_str() {
                    assert!(refs.insert(reference.to_owned()), "{query}: twice");
                }
            }
            match page["before"].as_u64() {
                Some(next) => before = format!("&before={next}"),
                None => return refs,
            }
        }
    }

    #[track_caller]
    fn check(&self, query: &str, wanted: impl Fn(&Value) -> bool) {
        let expected: BTreeSet<String> = self
            .drafts
            .iter()
            .filter(|draft| wanted(draft))
            .map(|draft| draft["ref"].as_str().unwrap().to_owned())
            .collect();
        assert!(!expected.is_empty(), "{query}: a test that could not fail");
        assert_eq!(self.refs(query), expected, "{query}");
    }
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn what_is_there_is_found_by_every_condition() {
    let found = Found::new();
    let text = |draft: &Value, name: &str| draft[name].as_str().unwrap_or_default().to_owned();
    let first = found.drafts[POSTED / 2].clone();
    let issued = text(&first, "issued");
    let day = &issued[..10];

    found.check(&format!("from={day}&to={day}"), |draft| {
        text(draft, "issued").starts_with(day)
    });
    found.check(&format!("from={}", encode(&issued)), |draft| {
        text(draft, "issued") >= issued
    });
    found.check(&format!("to={}", encode(&issued)), |draft| {
        text(draft, "issued") < issued
    });
    for name in ["category", "kind", "stage", "region"] {
        let value = text(&first, name);
        if !value.is_empty() {
            found.check(&format!("{name}={value}"), |draft| {
                text(draft, name) == value
            });
        }
    }
    found.check("kind=award_notice&stage=award", |draft| {
        text(draft, "kind") == "award_notice"
    });
    found.check(&format!("publisher={CENTRE}"), |_| true);
    let project = text(&first, "project");
    found.check(&format!("id={}", encode(&project)), |draft| {
        text(draft, "project") == project
            || draft["codes"]
                .to_string()
                .contains(&format!("\"{project}\""))
    });
    let reference = text(&first, "ref");
    found.check(&format!("id={}", reference.to_uppercase()), |draft| {
        text(draft, "ref") == reference
    });

    // Words: a stretch of a title, as it is written; a single character; Latin; two words that both must be there.
    let title: Vec<char> = text(&first, "title")
        .chars()
        .filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c))
        .collect();
    let stretch: String = title[..4].iter().collect();
    let said = |draft: &Value, words: &str| draft.to_string().contains(words);
    found.check(&format!("q={}", encode(&stretch)), |draft| {
        said(draft, &stretch)
    });
    let one = title[0].to_string();
    found.check(&format!("q={}", encode(&one)), |draft| said(draft, &one));
    let both = format!("{stretch} 公司");
    found.check(&format!("q={}", encode(&both)), |draft| {
        said(draft, &stretch) && said(draft, "公司")
    });

    // All conditions must hold; and nothing is found where nothing is.
    let together = format!("q={}&kind=award_notice&from=2025-01-01", encode("公司"));
    found.check(&together, |draft| {
        said(draft, "公司") && text(draft, "kind") == "award_notice"
    });
    for none in [
        "q=%E9%BE%98%E9%BE%99",
        "category=carbon&kind=award_notice",
        "from=2100-01-01",
        "party=91430304DEM000110D",
    ] {
        assert_eq!(found.ask(none)["count"], 0, "{none}");
    }
    let wrong = [
        "q=",
        "kinds=x",
        "limit=0",
        "from=x",
        "format=xml",
        "full=true&limit=300",
        "stage=x",
        "q=a&q=b",
    ];
    for query in &wrong[1..] {
        let answer = found
            .served
            .http()
            .call("GET", &format!("api/v1/search?{query}"), &[], None, 1 << 20)
            .unwrap();
        assert_eq!(answer.status, 400, "{query}");
    }
    assert_eq!(
        found.ask("q=")["count"],
        POSTED + 2,
        "an empty field of a form is no condition"
    );
    commands(&found, &stretch);
    lost_and_torn(found, &stretch);
}

/// The commands say the same, and CSV is the same list.
fn commands(found: &Found, words: &str) {
    let search = [
        "search",
        "--ledger",
        &found.served.url,
        "--limit",
        "1000",
        words,
    ];
    let listed = run(&[&search[..], &["--json"]].concat())
        .exits(0)
        .json("found");
    let count = listed["count"].as_u64().unwrap();
    assert!(count > 0);
    run(&search).exits(0).says(&[&format!(
        "{count} found (indexed up to record {} of {})",
        POSTED + 2,
        POSTED + 2
    )]);
    let csv = run(&[&search[..], &["--csv"]].concat()).exits(0).out;
    assert!(csv.starts_with("\u{feff}index,time,issued,"));
    let column: Vec<u64> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    let hits: Vec<u64> = listed["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["index"].as_u64().unwrap())
        .collect();
    assert_eq!(column, hits);
    run(&["search", "--ledger", &found.served.url, "--stage", "x"])
        .exits(2)
        .says(&["announcement"]);
    run(&["search", "--ledger", &found.served.url, "--limit", "0"]).exits(2);

    let file = found.desk.path("all.ndjson");
    let export = [
        "export",
        "ndjson",
        "--ledger",
        &found.served.url,
        "-o",
        &file,
    ];
    run(&export)
        .exits(0)
        .says(&[&format!("{} records exported", POSTED + 2)]);
    run(&export).exits(3); // A file that is there is left alone.
    let lines: Vec<Value> = found
        .desk
        .read("all.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // In the order of the log, and nothing twice.
    let indexes = lines.iter().map(|line| line["index"].as_u64().unwrap());
    assert!(indexes.eq(0..POSTED as u64 + 2));
    assert!(
        lines
            .iter()
            .all(|line| line["note"].is_string() && line["leaf_hash"].is_string())
    );
    let some = run(&["export", "ndjson", "--ledger", &found.served.url, words])
        .exits(0)
        .out;
    assert_eq!(some.lines().count() as u64, count);
}

/// The index is derived: stopped, deleted, torn, or of another ledger, the answers are the same.
fn lost_and_torn(found: Found, words: &str) {
    let query = format!("q={}", encode(words));
    let before = found.refs(&query);
    let Found {
        desk,
        data,
        served,
        drafts,
    } = found;
    assert_eq!(served.terminate(), Some(0));
    let folder = PathBuf::from(&data).join("index/search");
    let again = |what: &str| {
        let found = Found {
            desk: Desk::new(),
            data: data.clone(),
            served: Served::start(&data),
            drafts: drafts.clone(),
        };
        found.caught_up();
        assert_eq!(found.refs(&query), before, "{what}");
        assert_eq!(found.served.terminate(), Some(0));
    };
    again("restarted");
    std::fs::remove_dir_all(&folder).unwrap();
    again("deleted");
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length / 2)
            .unwrap();
    }
    again("torn");
    // Another ledger's index, as large.
    let other = init(&desk, "other", "other.example/search");
    drop(Served::start(&other));
    let foreign = PathBuf::from(&other).join("index/search");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(foreign, &folder).unwrap();
    again("of another ledger");
}
