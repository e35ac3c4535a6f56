//! Three witnesses in one process, as three offices would run `mingzhang witness run`: each fetches what waits to be cosigned, holds it
//! against what it has cosigned before, and delivers.
//!
//! In earnest they are different institutions, each with its own machine: here they only show what a cosigned receipt is.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::init::Folder;
use crate::cli::out::{Console, Failure};
use crate::cli::witness;
use crate::ledger::Ledger;
use crate::said;
use crate::store::Http;
use crate::witness::Witness;

/// Names in the policy; two of them are enough.
const NAMES: [&str; 3] = ["discipline", "audit", "finance"];
/// Between two looks at whether anything waits for them.
const LOOK: Duration = Duration::from_millis(500);
/// So long two of three on this very machine may take.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The witnesses of this demo.
pub(super) struct Offices(Vec<Arc<Witness>>);

impl Offices {
    /// Makes their keys, and puts them into the policy.
    pub fn make(folder: &Folder) -> Result<(), Failure> {
        let mut lines = String::new();
        for name in NAMES {
            let data = folder.data.join("witnesses").join(name);
            std::fs::create_dir_all(&data).map_err(|error| not_written(&data, &error))?;
            let vkey = witness::make(&format!("{name}.demo.example"), &data.join("witness.key"))?;
            lines.push_str(&format!("witness {name} {vkey}\n"));
        }
        let policy = folder.read_policy()?.encode();
        let group = format!("group offices 2 {}\nquorum offices\n", NAMES.join(" "));
        let policy = policy.replace("quorum none\n", &format!("{lines}{group}"));
        let path = folder.policy();
        std::fs::write(&path, policy).map_err(|error| not_written(&path, &error))
    }

    /// Those whose keys are there: the demo of an older version has none.
    pub fn open(folder: &Folder) -> Result<Offices, Failure> {
        let policy = folder.read_policy()?;
        let log = &policy.logs()[0].vkey;
        let folders = NAMES.map(|name| folder.data.join("witnesses").join(name));
        let there = folders
            .iter()
            .filter(|data| data.join("witness.key").exists());
        let opened = there.map(|data| witness::open_at(data, log).map(Arc::new));
        Ok(Offices(opened.collect::<Result<_, _>>()?))
    }

    /// Comes whenever something is not witnessed yet, until it is aborted.
    pub async fn run(self, console: Console, http: Http, ledger: Ledger) {
        while !self.0.is_empty() {
            let said = ledger.witnesses();
            if said.met_size != Some(said.head_size) {
                for office in &self.0 {
                    if let Err(failure) = witness::look(&console, &http, office).await {
                        tracing::debug!(failure = failure.said.en, "a witness of the demo");
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits until the newest head has a quorum; says so, if the policy wants one at all.
pub(super) fn wait(console: &Console, http: &Http) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let answer = http.call("GET", "api/v1/witnesses", &[], None, 1 << 20)?;
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if said.get("need") == Some(&0.into()) {
            return Ok(());
        }
        if answer.status == 200 && said.get("met_size") == said.get("head_size") {
            break;
        }
        if began.elapsed() > WAIT_MAX {
            return Err(Failure::temporary(
                "demo",
                said!("等不到见证联署", "the witnesses did not cosign"),
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    console.talk(&said!(
        "   三家见证机（演示：都在本机）各自核对账本只增不改，联署了检查点；其中两家即够",
        "   three witnesses (in this demo all on this machine) each checked that the log only grew, and cosigned its checkpoint; two are enough"
    ));
    Ok(())
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    let shown = path.display();
    Failure::input(
        "folder",
        said!("写不了 {shown}", "cannot write {shown}").because(error),
    )
}
