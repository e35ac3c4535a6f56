//! How fast this ledger is on this machine, beside what the machine can do at most, in one run:
//! `cargo run --release -p mingzhang-bench -- --help`.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `limits` | what the machine can do: signature checks, hashes, fsync, an empty route |
//! | `subject` | ledgers, statements and services made for the purpose |
//! | `stages` | what is measured, in order |
//! | `law` | the rules over many projects, beside the audit |
//! | `scale` | searches and reads over a ledger of a given size (`--scale`) |
//! | `generator`, `answer` | the load over real HTTP |
//! | `machine` | processor time and memory, from `/proc` |
//! | `table` | the figures for people |
//!
//! Promises: measures the library as the program uses it, with the profile that ships, and its commands as processes of their own; statements
//! are signed before the clock starts; a refused request ends the run instead of being counted; nothing is left behind unless `--data` says where.
//! Does not judge: aims stand beside the figures, and a figure below its aim is no failure (machines are noisy, ratios less so).

mod answer;
mod generator;
mod law;
mod limits;
mod machine;
mod scale;
mod stages;
mod subject;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use serde::Serialize;
use tokio::runtime::Runtime;

use generator::{Generator, Run};
use limits::Limits;
use machine::Machine;
use mingzhang::lang::{Lang, Said};
use mingzhang::ledger::INDEX_LAG_MAX;
use mingzhang::said;
use stages::{CatchUp, Posting};
use subject::{Statements, Subject};

/// Measure this machine and the ledger on it / 性能测量
#[derive(Debug, Parser)]
struct Arguments {
    /// Statements of the largest measurements; some three to four times as many are posted in all / 单项声明数
    #[arg(long, value_name = "N", default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    records: u32,
    /// Where the ledgers are made and left; else a folder in the current one, removed afterwards / 数据目录
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Instead: a ledger of so many records, and how fast searches, reads and pages are over it / 在这样大的账本上测搜索与读取
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    scale: Option<u32>,
    /// A tenth of everything: shows that it works, and little about speed / 快速
    #[arg(long)]
    quick: bool,
    /// Instead of all else: what the law asks of so many projects of ten records each, beside the plain audit / 规则判断
    #[arg(long, value_name = "PROJECTS", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    law: Option<u32>,
    /// zh-CN or en / 语言
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = parse_lang)]
    lang: Lang,
    /// The figures as one JSON object / 以 JSON 输出
    #[arg(long)]
    json: bool,
}

fn parse_lang(tag: &str) -> Result<Lang, String> {
    Lang::parse(tag).ok_or_else(|| format!("{tag:?} is no language here, wanted zh-CN or en"))
}

/// Why there are no figures, for a person.
type Fault = Box<dyn Error + Send + Sync>;

/// The first argument with which this program is the one that ships.
const PROGRAM: &str = "program";

fn main() -> ExitCode {
    let mut given = std::env::args_os();
    if given.nth(1).is_some_and(|first| first == PROGRAM) {
        return mingzhang::cli::run(std::iter::once("mingzhang".into()).chain(given));
    }
    match run(&Arguments::parse()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!(
                "the measurement broke off: {}",
                mingzhang::chain_of(&*fault)
            );
            ExitCode::FAILURE
        }
    }
}

/// What `mingzhang` says to these arguments, run as a process of its own.
fn program(arguments: &[&str]) -> Result<String, Fault> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg(PROGRAM).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("mingzhang {arguments:?}: {} {said}{error}", output.status).into());
    }
    Ok(said)
}

fn runtime() -> std::io::Result<Runtime> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads.enable_all().build()
}

/// Tells whoever waits what is being done.
#[derive(Clone, Copy)]
struct Talk(Lang);

impl Talk {
    fn say(self, said: &Said) {
        eprintln!("{}", said.in_(self.0));
    }
}

/// Connections of the measured posts.
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// All figures of a run; `--json` prints them under these names.
#[derive(Debug, Serialize)]
struct Results {
    machine: Machine,
    note_bytes: usize,
    limits: Limits,
    posts: Vec<Posting>,
    catch_up: CatchUp,
    receipts: Run,
    hash_tiles: Run,
    bundles: Run,
    proofs_per_s: f64,
    audit_per_s: f64,
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// Statements of the largest measurements.
    records: usize,
    /// Length of a measurement that could go on for ever.
    during: Duration,
}

fn run(arguments: &Arguments) -> Result<String, Fault> {
    let (lang, talk) = (arguments.lang, Talk(arguments.lang));
    let place = Place::make(arguments.data.as_deref())?;
    let folder = place.path();
    let (share, during_ms) = if arguments.quick {
        (10, 50)
    } else {
        (1, 1_500)
    };
    let extent = |records: u32| Extent {
        records: (records / share) as usize,
        during: Duration::from_millis(during_ms),
    };
    if let Some(projects) = arguments.law {
        talk.say(&said!(
            "登记 {projects} 个项目，每个 10 条",
            "logging {projects} projects of ten records each"
        ));
        let figures = law::measure(&runtime()?, &folder.join("law"), projects as usize)?;
        return told(arguments, &figures, figures.text(lang));
    }
    if let Some(records) = arguments.scale {
        let results = scale::measure(talk, folder, extent(records))?;
        return told(arguments, &results, table::render_scale(&results, lang));
    }
    let results = measure(talk, folder, extent(arguments.records))?;
    told(arguments, &results, table::render(&results, lang))
}

fn told(arguments: &Arguments, figures: &impl Serialize, text: String) -> Result<String, Fault> {
    Ok(if arguments.json {
        serde_json::to_string(figures)? + "\n"
    } else {
        text
    })
}

fn measure(talk: Talk, folder: &Path, extent: Extent) -> Result<Results, Fault> {
    let Extent { records, during } = extent;
    let server = runtime()?;
    let generator = Generator::start()?;

    let main = Subject::create(&server, &folder.join("followed"), true)?;
    let statements = main.statements()?;
    talk.say(&said!(
        "测量本机的极限",
        "measuring the limits of this machine"
    ));
    let mut limits = Limits::measure(&server, &generator, folder, &statements, during)?;

    let mut posts = Vec::new();
    for connections in CONNECTIONS {
        // One connection sends some 500 a second, 256 saturate the machine: less work where it takes longer.
        let count = match connections {
            1 => records / 20,
            16 => records / 4,
            64 => records / 2,
            _ => records,
        };
        talk.say(&said!(
            "{connections} 个连接，发布 {count} 条",
            "{connections} connections post {count} statements"
        ));
        posts.push(stages::post(
            &server,
            &generator,
            &main,
            &statements,
            connections,
            count,
        )?);
    }
    limits
        .verify_per_s
        .push(limits::verify(&statements, during));
    talk.say(&said!(
        "批量发布 {records} 条",
        "batches of {records} statements"
    ));
    posts.push(stages::post_batches(
        &server,
        &generator,
        &main,
        &statements,
        records,
    )?);

    talk.say(&said!(
        "回执、瓦片、验证、重放",
        "receipts, tiles, verification, replay"
    ));
    let receipts = stages::receipts(&generator, &main, during)?;
    let proofs_per_s = stages::proofs(&receipts.kept, &main.policy()?, during)?;
    let hash_tiles = stages::read(&generator, &main, "/tile/0/000", during)?;
    let bundles = stages::read(&generator, &main, "/tile/entries/000", during)?;
    let audit_per_s = stages::audit_rate(&server, &main, &main.policy()?)?;
    limits
        .verify_per_s
        .push(limits::verify(&statements, during));
    main.close(&server);

    // Twice so many are posted, and a ledger waits when its index is too far behind.
    let records = records.min(INDEX_LAG_MAX / 4);
    talk.say(&said!(
        "不带查询索引，发布 {records} 条；然后索引追赶",
        "the same without the query index; then the index catches up"
    ));
    let bare = Subject::create(&server, &folder.join("unfollowed"), false)?;
    let statements = bare.statements()?;
    let most = CONNECTIONS[CONNECTIONS.len() - 1];
    posts.push(stages::post(
        &server,
        &generator,
        &bare,
        &statements,
        most,
        records,
    )?);
    posts.push(stages::post_batches(
        &server,
        &generator,
        &bare,
        &statements,
        records,
    )?);
    let catch_up = stages::catch_up(&server, bare)?;

    Ok(Results {
        machine: Machine::read(),
        note_bytes: subject::NOTE_BYTES,
        limits,
        posts,
        catch_up,
        receipts,
        hash_tiles,
        bundles,
        proofs_per_s,
        audit_per_s,
    })
}

/// Where the ledgers lie. A folder of our own choosing is removed at the end, whatever the end is.
enum Place {
    Given(PathBuf),
    Ours(PathBuf),
}

impl Place {
    fn make(given: Option<&Path>) -> Result<Place, Fault> {
        let Some(given) = given else {
            let ours = PathBuf::from(format!("mingzhang-bench-{}", std::process::id()));
            std::fs::create_dir(&ours)?;
            return Ok(Place::Ours(ours));
        };
        std::fs::create_dir_all(given)?;
        if std::fs::read_dir(given)?.next().is_some() {
            let shown = given.display();
            return Err(format!("{shown} is not empty; wanted an empty or a new folder").into());
        }
        Ok(Place::Given(given.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Place::Given(path) | Place::Ours(path) => path,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Ours(path) = self {
            // What cannot be removed lies in plain sight.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
