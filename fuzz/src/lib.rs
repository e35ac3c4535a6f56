//! What is fuzzed: each function takes any bytes, as a stranger sends them, and must neither panic, nor hang, nor grow without bound.
//!
//! Where a format has one encoding only, whatever is parsed must encode to the same bytes again. A new parser of outside bytes gets a
//! row here and, if it needs examples to start from, a folder or file among its seeds; `fuzz/run` and `tests/corpus.rs` take all rows.

use std::path::PathBuf;

use mingzhang::audit::ForkEvidence;
use mingzhang::export::{Source, national, ocds};
use mingzhang::receipt::Receipt;
use mingzhang::rules::calendar::Calendar;
use mingzhang::rules::facts::Disclosure;
use mingzhang::rules::history;
use mingzhang::rules::pack::Pack;
use mingzhang::rules::{AsOf, Law, project_report};
use mingzhang::store::commit::Commit;
use mingzhang::tlog::checkpoint::Checkpoint;
use mingzhang::tlog::note::{Note, Signer, Vkey};
use mingzhang::tlog::policy::Policy;
use mingzhang::tlog::proof::TlogProof;
use mingzhang::tlog::tile::{self, Tile};
use mingzhang::tlog::witness::AddCheckpoint;
use mingzhang::trade::commitment::Openings;
use mingzhang::trade::statement::{Statement, sign_statement};
use mingzhang::trade::time::Time;
use mingzhang::trade::vocabulary::Vocabulary;
use mingzhang::trade::{door, json, record, sealed};
use mingzhang::{import, verify};

/// One thing that is fuzzed.
pub struct Target {
    /// Its name, and that of its folder below `fuzz/corpus/`.
    pub name: &'static str,
    /// Files and folders of the repository whose files are examples to start from.
    pub seeds: &'static [&'static str],
    /// Takes the bytes.
    pub run: fn(&[u8]),
}

/// All of them, by name.
pub const TARGETS: &[Target] = &[
    row("calendar", &["src/core/rules/data"], |data| {
        if let Ok(text) = std::str::from_utf8(data) {
            let _ = Calendar::parse(text);
            let _ = Calendar::builtin().clone().with_overlay(text);
        }
    }),
    row("chain", &["tests/vectors/kinds"], chain),
    row("checkpoint", &["tests/vectors/tlog"], |data| {
        let text = Note::parse(data).ok().map(|note| note.text);
        let text = text.as_deref().or_else(|| std::str::from_utf8(data).ok());
        if let Some((text, checkpoint)) = text.and_then(|t| Some((t, Checkpoint::parse(t).ok()?))) {
            assert_eq!(checkpoint.encode(), text);
        }
    }),
    row("commit", &[], |data| {
        let bytes = data.to_vec().into();
        if let Ok(commit) = Commit::parse(&bytes) {
            assert_eq!(commit.encode(), bytes);
        }
    }),
    row("entry", &["tests/vectors/record"], |data| {
        if let Ok((header, note)) = record::parse_entry(data) {
            assert_eq!(record::encode_entry(&header, note), data);
        }
    }),
    row("evidence", &[], |data| {
        if let Some(evidence) = text(data).and_then(|text| ForkEvidence::parse(text).ok()) {
            assert!(ForkEvidence::parse(&evidence.encode()).is_ok());
            let _ = evidence.check(&[]);
        }
    }),
    row("json", &["tests/vectors/json"], |data| {
        if let Ok(value) = json::parse(data) {
            let encoded = json::encode(&value);
            assert_eq!(json::parse(encoded.as_bytes()).as_ref(), Ok(&value));
        }
    }),
    row("note", &["tests/vectors/tlog"], |data| {
        if let Ok(note) = Note::parse(data) {
            assert_eq!(note.encode().as_bytes(), data);
        }
    }),
    row("notices", &["tests/data/national"], |data| {
        let _ = import::notices::read(data);
    }),
    row("ocds", &["tests/data/ocds/slices"], |data| {
        let _ = import::ocds::read(data);
    }),
    row("openings", &["tests/vectors/commitment"], |data| {
        if let Ok(openings) = Openings::parse(data) {
            assert!(Openings::parse(&openings.encode()).is_ok());
        }
    }),
    row("pack", &["src/core/rules/data/pack-cn.toml"], |data| {
        if let Some(text) = text(data) {
            let _ = Pack::parse(text);
        }
    }),
    row("policy", &["tests/vectors/receipt/policy"], |data| {
        if let Ok(policy) = Policy::parse(data) {
            let encoded = policy.encode();
            let again = Policy::parse(encoded.as_bytes()).expect("what was encoded is a policy");
            assert_eq!(again.encode(), encoded);
        }
    }),
    row("proof", &["tests/vectors/receipt"], |data| {
        if let Ok(proof) = TlogProof::parse(data) {
            assert_eq!(proof.encode().as_bytes(), data);
        }
    }),
    row("receipt", &["tests/vectors/receipt"], |data| {
        if let Ok(receipt) = Receipt::parse(data) {
            assert_eq!(receipt.encode().as_bytes(), data);
        }
        let policy = include_bytes!("../../tests/vectors/receipt/policy");
        let policy = Policy::parse(policy).expect("the vector is a policy");
        let _ = verify::verify(data, &[policy]);
    }),
    row("sealed", &["tests/vectors/sealed"], |data| {
        let _ = sealed::Path::parse(data);
        let _ = sealed::Opening::parse(data);
    }),
    row(
        "statement",
        &["tests/vectors/statement", "tests/vectors/sealed"],
        |data| {
            if let Ok(statement) = Statement::parse(data) {
                assert_eq!(&statement.note()[..], data);
                let _ = door::check(&statement);
            }
        },
    ),
    row("tile", &[], |data| {
        if let Some(tile) = text(data).and_then(|text| Tile::parse_path(text).ok()) {
            assert_eq!(tile.path().as_bytes(), data);
        }
        if let Some((width, bundle)) = data.split_first() {
            let width = u16::from(*width) + 1;
            if let Ok(entries) = tile::parse_bundle(bundle, width) {
                assert_eq!(tile::encode_bundle(&entries), bundle);
            }
        }
    }),
    row("vkey", &[], |data| {
        if let Some((text, vkey)) = text(data).and_then(|t| Some((t, Vkey::parse(t).ok()?))) {
            assert_eq!(vkey.to_string(), text);
        }
    }),
    row("vocabulary", &["src/core/trade/vocabulary"], |data| {
        let _ = Vocabulary::with_file(data);
        if let Ok(words) = Vocabulary::with_served(data) {
            let _ = Vocabulary::with_served(&words.encode());
        }
    }),
    row("witness", &["tests/vectors/c2sp"], |data| {
        if let Ok(request) = AddCheckpoint::parse(data) {
            assert_eq!(request.encode().as_bytes(), data);
        }
    }),
];

const fn row(name: &'static str, seeds: &'static [&'static str], run: fn(&[u8])) -> Target {
    Target { name, seeds, run }
}

/// The function of a row.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .map(|target| target.run)
}

/// The repository.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Drafts, one a line, as an admitted publisher would sign them: through the door, the law, the history and every export. What a
/// publisher may say is larger than what he should.
fn chain(data: &[u8]) {
    let centre = Signer::from_seed("ggzy.shaoshan.example", &[1; 32]).expect("a name");
    let now = Time::parse("2026-11-23T01:02:03.456Z").expect("a time");
    let mut sources = Vec::new();
    for (index, line) in data.split(|byte| *byte == b'\n').take(8).enumerate() {
        let Some(draft) =
            text(line).and_then(|line| line.strip_prefix(r#"{"type":"trade","v":1,"#))
        else {
            continue;
        };
        let head = r#"{"type":"trade","v":1,"ledger":"log.example/2026","publisher":"ggzy.shaoshan.example","follows":null,"#;
        if let Ok(statement) = sign_statement(&format!("{head}{draft}\n"), &[&centre]) {
            let _ = door::check(&statement);
            let index = index as u64;
            sources.push(Source {
                index,
                time: now,
                statement,
            });
        }
    }
    let logged: Vec<_> = sources
        .iter()
        .map(|source| history::Logged {
            index: source.index,
            time: source.time,
            statement: &source.statement,
            is_shown: true,
        })
        .collect();
    let _ = history::history(&logged);
    let disclosures: Vec<_> = sources
        .iter()
        .filter_map(|source| Disclosure::read(source.index, source.time, &source.statement, None))
        .collect();
    let _ = project_report(&disclosures, Law::builtin(), AsOf::date(now));
    let options = ocds::Options::new("ocds-213czf", "https://ledger.example").expect("a prefix");
    let (releases, _) = ocds::releases(&sources, &options);
    let package = ocds::Package {
        published: "2026-11-23T01:02:03Z",
        publisher: "ggzy.shaoshan.example",
        uri: "https://ledger.example/ocds",
        extensions: &options.extensions,
    };
    let exported = package.of_records(releases, true);
    let _ = import::ocds::read(exported.to_string().as_bytes());
    let _ = national::export(&sources);
}
