//! `bench --scale N`: one ledger of N records, then how long people wait for it: searches, records, projects, receipts, pages.
//!
//! The records differ as real ones do, in title, buyer, region, date and category, and each is of a project of its own. They are signed in parts of
//! [`PART`], so that memory does not grow with N, and posted by the batch route. What is asked is spread over the whole log. With one
//! connection the time is the service's own; with [`READERS`] it is what a busy office sees. An empty route is measured beside it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rayon::prelude::*;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::generator::{Generator, Load, Run};
use super::limits::{empty_route, verify};
use super::machine::{self, Machine};
use super::subject::{ORIGIN, Subject, batch_request, get_request};
use super::{Extent, Fault, Talk, program};
use mingzhang::import::notices;
use mingzhang::said;
use mingzhang::tlog::note::Signer;
use mingzhang::trade::identifiers::uscc_is_valid;
use mingzhang::trade::statement::sign_statement;

/// Statements that are signed and posted at a time.
const PART: usize = 20_000;
/// Lines of a batch.
const WINDOW: usize = 2_000;
/// Connections that post.
const BATCHERS: usize = 4;
/// Connections of a busy office.
const READERS: usize = 16;
/// Different requests of a kind.
const ASKED: usize = 512;
/// The query index may be so far behind before the next part waits for it.
const BEHIND_MAX: u64 = 100_000;
/// How long the search index may take before the measurement is given up.
const SEARCH_MAX: Duration = Duration::from_secs(3_600);
/// Bodies that buy.
const BUYERS: usize = 1_000;
/// Notices for the rate of `import`, at most.
const NOTICES: usize = 5_000;

/// The figures.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    machine: Machine,
    /// Records of the ledger.
    pub records: u64,
    /// `verify_strict` on all cores, a second, before and after.
    pub verify_per_s: [f64; 2],
    /// Posting, signing not counted.
    pub filled: Fill,
    /// Notices of the national platform, read, made into statements, signed, posted and answered with receipts.
    pub imported: Imported,
    /// One connection, then several; the first is the empty route.
    pub reads: Vec<Read>,
}

/// How the records came in.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Fill {
    /// Seconds of posting.
    pub seconds: f64,
    /// Records a second.
    pub per_s: f64,
    /// Seconds that both indexes needed after the last receipt.
    pub indexed_after_seconds: f64,
    /// Bytes of memory when all was indexed.
    pub resident_bytes: Option<u64>,
    /// Bytes of the query index on disk.
    pub index_bytes: u64,
    /// Bytes of the search index on disk.
    pub search_bytes: u64,
}

/// `import` at work.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    /// Notices.
    pub records: usize,
    /// Drafts made of them a second, on one core.
    pub drafts_per_s: f64,
    /// Records a second, from the file to the last receipt.
    pub per_s: f64,
}

/// One kind of question.
#[derive(Debug, Serialize)]
pub(crate) struct Read {
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// Hits of the first question, for searches.
    pub hits: Option<u64>,
    /// With one connection.
    pub one: Run,
    /// With [`READERS`].
    pub many: Run,
}

pub(crate) fn measure(
    talk: Talk,
    folder: &std::path::Path,
    extent: Extent,
) -> Result<Results, Fault> {
    let server = super::runtime()?;
    let generator = Generator::start()?;
    let subject = Subject::searched(&server, &folder.join("scale"))?;
    let statements = subject.statements()?;
    let signer = statements.signer.clone();
    let before = verify(&statements, extent.during);

    let filled = fill(talk, &server, &generator, &subject, &signer, extent.records)?;
    talk.say(&said!("导入", "importing"));
    let imported = import(&subject, extent.records.min(NOTICES))?;
    subject.wait_for_search(&server, SEARCH_MAX)?;
    let reads = reads(talk, &server, &generator, &subject, extent)?;
    let after = verify(&statements, extent.during);
    let records = subject.ledger.head().tree.size;
    subject.close(&server);
    Ok(Results {
        machine: Machine::read(),
        records,
        verify_per_s: [before, after],
        filled,
        imported,
        reads,
    })
}

fn fill(
    talk: Talk,
    server: &Runtime,
    generator: &Generator,
    subject: &Subject,
    signer: &Signer,
    records: usize,
) -> Result<Fill, Fault> {
    let mut filled = Fill::default();
    for first in (0..records).step_by(PART) {
        let until = records.min(first + PART);
        if first % (10 * PART) == 0 {
            talk.say(&said!(
                "发布 {records} 条中的第 {first} 条起",
                "posting {records} records, from record {first} on"
            ));
        }
        let requests: Vec<Bytes> = (first..until)
            .step_by(WINDOW)
            .map(|from| {
                let notes: Vec<String> = (from..until.min(from + WINDOW))
                    .into_par_iter()
                    .map(|at| note(signer, at))
                    .collect();
                batch_request(&notes)
            })
            .collect();
        let load = Load {
            connections: BATCHERS,
            requests,
            during: None,
            lines: true,
            keep: 0,
        };
        let run = generator.run(subject.address(), load)?;
        filled.seconds += run.seconds;
        subject.wait_for_index(server, BEHIND_MAX)?;
    }
    filled.per_s = records as f64 / filled.seconds;
    let begun = Instant::now();
    subject.wait_for_index(server, 0)?;
    subject.wait_for_search(server, SEARCH_MAX)?;
    filled.indexed_after_seconds = begun.elapsed().as_secs_f64();
    filled.resident_bytes = machine::resident_bytes();
    filled.index_bytes = subject.ledger.index_disk_bytes();
    filled.search_bytes = subject.search_disk_bytes();
    Ok(filled)
}

/// The whole way of `import`: a file's bytes, drafts, signatures, batches, receipts.
fn import(subject: &Subject, count: usize) -> Result<Imported, Fault> {
    let lines: String = (0..count).map(notice).collect();
    let begun = Instant::now();
    let import = notices::read(lines.as_bytes());
    let made = begun.elapsed().as_secs_f64();
    if import.items.len() != count {
        return Err(format!("{} of {count} lines are notices", import.items.len()).into());
    }
    let file = subject.folder().data.join("notices.jsonl");
    std::fs::write(&file, lines)?;
    let (ledger, key) = (
        format!("http://{}", subject.address()),
        subject.folder().key("centre.key"),
    );
    let (key, file) = (key.display().to_string(), file.display().to_string());
    let before = subject.ledger.head().tree.size;
    let begun = Instant::now();
    program(&[
        "import", "notices", "--ledger", &ledger, "--key", &key, &file,
    ])?;
    let seconds = begun.elapsed().as_secs_f64();
    let logged = subject.ledger.head().tree.size - before;
    if logged != count as u64 {
        return Err(format!("of {count} notices to be imported {logged} were logged").into());
    }
    Ok(Imported {
        records: count,
        drafts_per_s: count as f64 / made,
        per_s: count as f64 / seconds,
    })
}

fn reads(
    talk: Talk,
    server: &Runtime,
    generator: &Generator,
    subject: &Subject,
    extent: Extent,
) -> Result<Vec<Read>, Fault> {
    let records = extent.records;
    let mut reads = vec![Read {
        zh: "空路由（极限）",
        en: "an empty route (limit)",
        hits: None,
        one: empty_route(server, generator, extent.during, 1)?,
        many: empty_route(server, generator, extent.during, READERS)?,
    }];
    for (zh, en, path) in questions() {
        let paths: Vec<String> = spread(records).map(path).collect();
        talk.say(&said!("{zh}", "{en}"));
        let Some(first) = subject.asked(&paths[0])? else {
            // A page that this version does not have.
            continue;
        };
        let run = |connections| {
            let requests = paths.iter().map(|path| Bytes::from(get_request(path)));
            let load = Load {
                connections,
                requests: requests.collect(),
                during: Some(extent.during),
                lines: false,
                keep: 0,
            };
            generator.run(subject.address(), load)
        };
        let hits = serde_json::from_slice::<serde_json::Value>(&first).ok();
        reads.push(Read {
            zh,
            en,
            hits: hits.and_then(|page| page["count"].as_u64()),
            one: run(1)?,
            many: run(READERS)?,
        });
    }
    Ok(reads)
}

/// Numbers of records all over the log, none near another that is asked next to it.
fn spread(records: usize) -> impl Iterator<Item = usize> {
    (0..ASKED).map(move |at| (at * 7_919 + at * at * 104_729) % records)
}

type Question = (&'static str, &'static str, fn(usize) -> String);

fn questions() -> Vec<Question> {
    vec![
        ("取一条记录", "a record", |at| {
            format!("/api/v1/records/{}", at + 2)
        }),
        ("取一个项目", "a project", |at| {
            format!("/api/v1/projects/centre.{ORIGIN}/s-{at:07}")
        }),
        ("取回执", "a receipt", |at| {
            format!("/api/v1/receipts/{}", at + 2)
        }),
        ("搜索：罕见的词", "search: a rare word", |at| {
            format!("/api/v1/search?q={}", encode(&format!("第{at:07}号")))
        }),
        (
            "搜索：常见的词，50 条",
            "search: common words, 50 hits",
            |at| {
                format!(
                    "/api/v1/search?q={}&limit=50",
                    encode(WORKS[at % WORKS.len()])
                )
            },
        ),
        ("搜索：编号", "search: a number", |at| {
            format!("/api/v1/search?id=s-{at:07}")
        }),
        ("搜索：主体代码", "search: a party's code", |at| {
            format!("/api/v1/search?party={}", uscc(at % BUYERS))
        }),
        (
            "搜索：词、地区、类别与日期",
            "search: words, region, category, dates",
            |at| {
                let (region, category) = (REGIONS[at % REGIONS.len()], CATEGORIES[at % 3]);
                let words = encode(WORKS[at / 3 % WORKS.len()]);
                let month = at % 12 + 1;
                format!(
                    "/api/v1/search?q={words}&region={region}&category={category}&from=2025-{month:02}-01&to=2025-{month:02}-28"
                )
            },
        ),
        ("页面：首页", "page: the front page", |_| {
            "/".to_owned()
        }),
        ("页面：一条记录", "page: a record", |at| {
            format!("/entries/{}", at + 2)
        }),
        ("页面：搜索，50 条", "page: a search, 50 hits", |at| {
            format!("/search?q={}&limit=50", encode(WORKS[at % WORKS.len()]))
        }),
    ]
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const REGIONS: [&str; 7] = [
    "430300", "430302", "430304", "430321", "430381", "430382", "420500",
];
const CATEGORIES: [&str; 3] = ["construction", "gov-procurement", "medical-device"];
const PLACES: [&str; 12] = [
    "清溪镇",
    "银田镇",
    "杨林乡",
    "韶山乡",
    "楠竹山镇",
    "姜畲镇",
    "响水乡",
    "昭潭街道",
    "雨湖区",
    "岳塘区",
    "湘乡市",
    "易俗河镇",
];
const WORKS: [&str; 16] = [
    "小学教学楼",
    "中学食堂",
    "卫生院",
    "农村公路",
    "污水处理厂",
    "幼儿园",
    "体育馆",
    "图书馆",
    "桥梁加固",
    "河道整治",
    "供水管网",
    "老旧小区改造",
    "停车场",
    "消防站",
    "垃圾转运站",
    "敬老院",
];

fn title(at: usize) -> String {
    let (place, work) = (PLACES[at % PLACES.len()], WORKS[at / 7 % WORKS.len()]);
    format!("{place}{work}项目（第{at:07}号）招标公告")
}

/// Valid 统一社会信用代码 of no bodies that we know of.
static CODES: LazyLock<Vec<String>> = LazyLock::new(|| (0..BUYERS).map(code_of).collect());

/// The last two characters are check characters: of the organisation's own code, and of the whole.
fn code_of(buyer: usize) -> String {
    const DIGITS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let whole = |own: char, check: char| format!("91430300MA9{buyer:05}{own}{check}");
    DIGITS
        .chars()
        .flat_map(|own| DIGITS.chars().map(move |check| (own, check)))
        .map(|(own, check)| whole(own, check))
        .find(|code| uscc_is_valid(code))
        .expect("one of all pairs of check characters is right")
}

fn uscc(buyer: usize) -> &'static str {
    &CODES[buyer]
}

/// One record as a note: about 1 KB.
fn note(signer: &Signer, at: usize) -> String {
    let (publisher, title, code) = (signer.name(), title(at), uscc(at % BUYERS));
    let (region, category) = (REGIONS[at % REGIONS.len()], CATEGORIES[at % 3]);
    let (month, day, hour) = (at / 28 % 12 + 1, at % 28 + 1, at % 8 + 9);
    let amount = 100_000 + at * 37 % 90_000_000;
    let text = format!(
        "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{publisher}\",\"project\":\"s-{at:07}\",\"follows\":null,\
         \"codes\":[{{\"scheme\":\"centre\",\"value\":\"GC-{at:07}\"}}],\"ref\":\"scale-{at:07}\",\"stage\":\"announcement\",\"kind\":\"tender_notice\",\
         \"category\":\"{category}\",\"title\":\"{title}\",\"region\":\"{region}\",\"issued\":\"2025-{month:02}-{day:02}T{hour:02}:00:00+08:00\",\"documents\":[],\"events\":{{}},\
         \"details\":{{\"buyer\":{{\"name\":\"示例采购单位{}\",\"uscc\":\"{code}\"}},\"budget\":{{\"form\":\"amount\",\"amount\":\"{amount}\",\"currency\":\"CNY\"}},\
         \"qualification\":\"投标人须具备建筑工程施工总承包二级及以上资质，不接受联合体投标，项目经理须具备二级注册建造师执业资格\",\"consortium\":false,\"documents_how\":\"平台下载\",\"bids_how\":\"平台上传\"}}}}\n",
        at % BUYERS
    );
    let statement =
        sign_statement(&text, &[signer]).expect("the text is ours and its form is fixed");
    String::from_utf8_lossy(statement.note()).into_owned()
}

/// A notice of the national platform, as a line of a file.
fn notice(at: usize) -> String {
    let line = serde_json::json!({
        "title": format!("{}（导入）", title(at)),
        "record_id": format!("import-{at:07}"),
        "project_code": format!("IMPORT-{at:07}"),
        "stage_code": "0201",
        "business_type": "政府采购",
        "publish_date": "2026-03-16 17:25",
        "province_code": "430000",
        "issuer": format!("示例采购单位{}", at % BUYERS),
        "content_text": "投标人须具备建筑工程施工总承包二级及以上资质，不接受联合体投标。".repeat(20),
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_meet_every_rule_of_the_door_and_differ() {
        let signer = Signer::from_seed("centre.bench.mingzhang.example", &[7; 32]).unwrap();
        let made = |at| note(&signer, at);
        for at in [0, 1, 999_999] {
            let statement =
                mingzhang::trade::statement::Statement::parse(made(at).as_bytes()).unwrap();
            let problems = mingzhang::trade::door::check(&statement);
            assert!(problems.is_empty(), "{problems:?}");
            assert!((900..1_100).contains(&made(at).len()), "{}", made(at).len());
        }
        assert_ne!(made(1), made(2));
        let import = notices::read((notice(1) + &notice(2)).as_bytes());
        assert_eq!((import.items.len(), import.refusals.len()), (2, 0));
    }

    #[test]
    fn what_is_asked_is_there_and_spread() {
        for records in [1, 1_000, 1_000_000] {
            assert!(spread(records).all(|at| at < records));
        }
        let mut all: Vec<usize> = spread(1_000_000).collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() > ASKED / 2, "{}", all.len());
    }
}
