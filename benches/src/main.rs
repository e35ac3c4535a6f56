//! `bench`: how fast this ledger is on this machine, beside what the machine can do at most, in one run.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`limits`] | what the machine can do: signature checks, hashes, fsync, an empty route |
//! | [`subject`] | ledgers, statements and services made for the purpose |
//! | [`stages`] | what is measured, in order |
//! | [`law`] | the rules over many projects, beside the audit |
//! | [`scale`] | searches and reads over a ledger of a given size (`--scale`) |
//! | [`generator`], [`answer`] | the load over real HTTP |
//! | [`machine`] | processor time and memory, from `/proc` |
//! | [`table`] | the figures for people |
//!
//! Promises: statements are signed before the clock starts; a refused request ends the run instead of being counted; nothing is left behind unless
//! `--data` says where. Does not judge: aims stand beside the figures, and a figure below its aim is no failure (machines are noisy, ratios less so).

mod answer;
mod generator;
mod law;
mod limits;
mod machine;
mod scale;
mod stages;
mod subject;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::out::{Answer, Console, Failure};
use super::runtime;
use crate::ledger::INDEX_LAG_MAX;
use crate::said;
use generator::{Generator, LoadError, Run};
use limits::Limits;
use machine::Machine;
use stages::{CatchUp, Posting};
use subject::{Statements, Subject};

/// What `bench` is told.
#[derive(Debug, Args)]
pub struct Arguments {
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

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let folder = Place::make(arguments.data.as_deref())?;
    if let Some(projects) = arguments.law {
        return law_alone(console, folder.path(), projects);
    }
    let (share, during_ms) = if arguments.quick {
        (10, 200)
    } else {
        (1, 1_500)
    };
    let extent = Extent {
        records: usize::try_from(arguments.records / share).expect("a million at most"),
        during: Duration::from_millis(during_ms),
    };
    let not_json = |error: serde_json::Error| {
        Failure::temporary(
            "bench",
            said!("写不成 JSON", "the figures are no JSON").because(&error),
        )
    };
    let (value, text) = match arguments.scale {
        Some(records) => {
            let extent = Extent {
                records: usize::try_from(records / share).expect("ten million at most"),
                ..extent
            };
            let results = scale::measure(console, folder.path(), extent)?;
            let text = table::render_scale(&results, console.lang);
            (serde_json::to_value(&results).map_err(not_json)?, text)
        }
        None => {
            let results = measure(console, folder.path(), extent)?;
            let text = table::render(&results, console.lang);
            (serde_json::to_value(&results).map_err(not_json)?, text)
        }
    };
    let mut answer = Answer::ok("measured", text);
    if let serde_json::Value::Object(members) = value {
        answer.members = members;
    }
    Ok(answer)
}

fn law_alone(console: &Console, folder: &Path, projects: u32) -> Result<Answer, Failure> {
    console.talk(&said!(
        "登记 {projects} 个项目，每个 10 条",
        "logging {projects} projects of ten records each"
    ));
    let projects = usize::try_from(projects).expect("a million at most");
    let figures = law::measure(&runtime(), folder, projects)?;
    let mut answer = Answer::ok("measured", figures.text(console.lang));
    if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(&figures) {
        answer.members = members;
    }
    Ok(answer)
}

fn measure(console: &Console, folder: &Path, extent: Extent) -> Result<Results, Failure> {
    let Extent { records, during } = extent;
    let server = runtime();
    let generator = Generator::start().map_err(Problem::from)?;

    let main = Subject::create(&server, &folder.join("followed"), true)?;
    let statements = main.statements()?;
    console.talk(&said!(
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
        console.talk(&said!(
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
    console.talk(&said!(
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

    console.talk(&said!(
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
    console.talk(&said!(
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
    fn make(given: Option<&Path>) -> Result<Place, Failure> {
        let Some(given) = given else {
            let ours = PathBuf::from(format!("mingzhang-bench-{}", std::process::id()));
            std::fs::create_dir(&ours).map_err(Problem::from)?;
            return Ok(Place::Ours(ours));
        };
        std::fs::create_dir_all(given).map_err(Problem::from)?;
        if std::fs::read_dir(given)
            .map_err(Problem::from)?
            .next()
            .is_some()
        {
            let shown = given.display();
            return Err(Failure::usage(
                "data-folder",
                said!(
                    "{shown} 里已有东西；请给一个空目录",
                    "{shown} is not empty; wanted an empty or a new folder"
                ),
            ));
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

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// A file or a socket.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The load was refused or broke off.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A receipt just issued does not verify.
    #[error("a receipt just issued does not verify")]
    Receipt(#[from] crate::verify::VerifyError),
    /// The log just made cannot be audited, or has a fault.
    #[error("the log just made does not audit: {0}")]
    Audit(String),
    /// The search index could not be made.
    #[error(transparent)]
    Search(#[from] Box<crate::search::SearchError>),
    /// Not every notice was taken.
    #[error("of the notices to be imported {0}")]
    Import(String),
    /// The index did not catch up.
    #[error("the index has {found} of {wanted} records after {seconds} s")]
    Index {
        /// Records that it has.
        found: u64,
        /// Records that there are.
        wanted: u64,
        /// Waited so long.
        seconds: u64,
    },
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        let cause = crate::chain_of(&problem);
        let said = said!("测量中断", "the measurement broke off").because(&cause);
        match problem {
            Problem::Receipt(_) | Problem::Audit(_) => {
                Failure::new(super::out::Exit::Failed, "bench", said)
            }
            Problem::Io(_)
            | Problem::Load(_)
            | Problem::Search(_)
            | Problem::Import(_)
            | Problem::Index { .. } => Failure::temporary("bench", said),
        }
    }
}
