//! What is measured: ledgers made for the purpose, the statements posted to them, and the service over them on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use rayon::prelude::*;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Fault, program};
use mingzhang::cli::keys::KeyFile;
use mingzhang::ledger::clock::system_clock;
use mingzhang::ledger::{Config, Ledger};
use mingzhang::search::{self, Search};
use mingzhang::server::accept::{self, Limits};
use mingzhang::server::{self, Options};
use mingzhang::store::{Http, Store};
use mingzhang::tlog::note::Signer;
use mingzhang::tlog::policy::Policy;
use mingzhang::trade::statement::{Statement, sign_statement};

/// The origin of the ledgers.
pub(crate) const ORIGIN: &str = "bench.mingzhang.example";
/// Bytes of a note, signature included.
pub(crate) const NOTE_BYTES: usize = 1_024;
/// Statements whose signatures are checked over and over to find the limit.
const SAMPLES: usize = 1_024;
/// Between two looks at how far the search index has come.
const SEARCH_LOOK: Duration = Duration::from_millis(50);
/// An answer, at most.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Lines of a request to the batch route; the route asks clients to keep below 4,000.
const WINDOW_LINES: usize = 2_000;

/// The files of a ledger, as `init` makes them.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// Where the log, the indexes and the policy lie; the keys are in `keys/` of it.
    pub data: PathBuf,
}

impl Folder {
    /// A new ledger.
    fn make(data: &Path) -> Result<Folder, Fault> {
        let shown = data.display().to_string();
        program(&["init", "--data", &shown, "--origin", ORIGIN])?;
        Ok(Folder {
            data: data.to_owned(),
        })
    }

    /// What the witnesses and clients of this ledger are told.
    pub fn policy(&self) -> Result<Policy, Fault> {
        Ok(Policy::parse(&std::fs::read(self.data.join("policy"))?)?)
    }

    /// One of its keys.
    pub fn key(&self, name: &str) -> PathBuf {
        self.data.join("keys").join(name)
    }

    fn signer(&self, name: &str) -> Result<Signer, Fault> {
        Ok(KeyFile::read(&self.key(name))?.signer(None)?)
    }

    /// As `serve` opens it.
    fn config(&self) -> Result<Config, Fault> {
        let policy = self.policy()?;
        Ok(Config {
            index_folder: Some(self.data.join("index")),
            genesis: policy.genesis(),
            policy: Some(policy),
            ..Config::new(self.signer("log.key")?, self.data.join("keys"))
        })
    }
}

/// A ledger in a folder of its own, served on loopback.
#[derive(Debug)]
pub(crate) struct Subject {
    folder: Folder,
    /// The ledger.
    pub ledger: Ledger,
    /// Whether its query index follows.
    pub follows: bool,
    service: Service,
    searched: Option<Searched>,
}

/// A search index and the task that has it follow the log.
#[derive(Debug)]
struct Searched {
    search: Arc<Search>,
    folder: PathBuf,
    feed: JoinHandle<()>,
}

impl Subject {
    /// Makes a ledger in `folder` and serves it.
    pub fn create(server: &Runtime, folder: &Path, follow: bool) -> Result<Subject, Fault> {
        Subject::open(server, Folder::make(folder)?, follow, false)
    }

    /// The same with both indexes, as `serve` has it.
    pub fn searched(server: &Runtime, folder: &Path) -> Result<Subject, Fault> {
        Subject::open(server, Folder::make(folder)?, true, true)
    }

    fn open(
        server: &Runtime,
        folder: Folder,
        follow: bool,
        search: bool,
    ) -> Result<Subject, Fault> {
        let config = Config {
            follow,
            ..folder.config()?
        };
        let store = Store::folder(&folder.data)?;
        let ledger = server.block_on(Ledger::open(store, config, system_clock()))?;
        let searched = if search {
            Some(Searched::start(
                server,
                &ledger,
                folder.data.join("index/search"),
            )?)
        } else {
            None
        };
        let options = Options {
            search: searched.as_ref().map(|searched| searched.search.clone()),
            ..Options::default()
        };
        let service = Service::start(server, server::router(ledger.clone(), options))?;
        Ok(Subject {
            folder,
            ledger,
            follows: follow,
            service,
            searched,
        })
    }

    /// Closes the ledger and opens it again.
    pub fn reopen(self, server: &Runtime, follow: bool) -> Result<Subject, Fault> {
        let folder = self.folder.clone();
        self.close(server);
        Subject::open(server, folder, follow, false)
    }

    /// Ends service and ledger.
    pub fn close(self, server: &Runtime) {
        self.service.stop(server);
        if let Some(searched) = self.searched {
            searched.feed.abort();
            // Aborted is what it should be.
            let _ = server.block_on(searched.feed);
        }
        server.block_on(self.ledger.close());
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// Its files.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Waits until the query index lacks at most so many records.
    pub fn wait_for_index(&self, server: &Runtime, behind: u64) -> Result<(), Fault> {
        let wanted = self.ledger.head().tree.size.saturating_sub(behind);
        let reached = server.block_on(async {
            tokio::time::timeout(CATCH_UP_MAX, self.ledger.index_reached(wanted)).await
        });
        reached.map_err(|_| is_behind(self.ledger.index_size(), wanted, CATCH_UP_MAX))
    }

    /// Waits until the search index has every record.
    pub fn wait_for_search(&self, server: &Runtime, at_most: Duration) -> Result<(), Fault> {
        let Some(searched) = &self.searched else {
            return Ok(());
        };
        let (begun, wanted) = (std::time::Instant::now(), self.ledger.head().tree.size);
        while searched.search.size() < wanted {
            if begun.elapsed() > at_most || searched.feed.is_finished() {
                return Err(is_behind(searched.search.size(), wanted, begun.elapsed()));
            }
            server.block_on(async { tokio::time::sleep(SEARCH_LOOK).await });
        }
        Ok(())
    }

    /// Bytes of the search index on disk.
    pub fn search_disk_bytes(&self) -> u64 {
        let Some(searched) = &self.searched else {
            return 0;
        };
        let files = std::fs::read_dir(&searched.folder).into_iter().flatten();
        files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum()
    }

    /// The body of one answer; `None` if there is no such page.
    pub fn asked(&self, path: &str) -> Result<Option<Bytes>, Fault> {
        let http = Http::new(&format!("http://{}", self.address()))?;
        let path = path.trim_start_matches('/');
        let answer = http.call("GET", path, &[], None, ANSWER_BYTES_MAX)?;
        Ok((answer.status == 200).then_some(answer.body))
    }

    /// What receipts are verified with.
    pub fn policy(&self) -> Result<Policy, Fault> {
        self.folder.policy()
    }

    /// Statements that this ledger takes.
    pub fn statements(&self) -> Result<Statements, Fault> {
        Ok(Statements {
            signer: self.folder.signer("centre.key")?,
        })
    }
}

impl Searched {
    fn start(server: &Runtime, ledger: &Ledger, folder: PathBuf) -> Result<Searched, Fault> {
        let search = Arc::new(Search::open(Some(&folder))?);
        let feed = server.spawn(search::follow(ledger.clone(), search.clone()));
        Ok(Searched {
            search,
            folder,
            feed,
        })
    }
}

/// A router on a loopback port, through our own accept loop.
#[derive(Debug)]
pub(crate) struct Service {
    /// Where.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<accept::Stopped>,
}

impl Service {
    /// Serves from now on.
    pub fn start(server: &Runtime, app: Router) -> Result<Service, Fault> {
        server.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            let (stop, stopped) = oneshot::channel::<()>();
            let task = tokio::spawn(accept::serve(listener, app, Limits::default(), stopped));
            Ok(Service {
                address,
                stop,
                task,
            })
        })
    }

    /// Serves no more; waits for what is under way.
    pub fn stop(self, server: &Runtime) {
        // If the service is gone already there is nobody to tell.
        let _ = self.stop.send(());
        let _ = server.block_on(self.task);
    }
}

/// Notes of 1 KB as a trading centre signs them, each of a project of its own, so that none waits for another.
#[derive(Debug)]
pub(crate) struct Statements {
    /// The centre's key.
    pub signer: Signer,
}

impl Statements {
    /// Whole requests that post one statement each; `stage` keeps the projects of different measurements apart.
    pub fn posts(&self, stage: &str, count: usize) -> Vec<Bytes> {
        let request = |note: &Statement| {
            Bytes::from(post_request(
                "/api/v1/statements",
                "text/plain; charset=utf-8",
                note.note(),
            ))
        };
        (0..count)
            .into_par_iter()
            .map(|at| request(&self.sign(stage, at)))
            .collect()
    }

    /// Whole requests that post many statements each.
    pub fn batches(&self, stage: &str, count: usize) -> Vec<Bytes> {
        let note = |at: usize| {
            let statement = self.sign(stage, at);
            String::from_utf8(statement.note().to_vec()).expect("a note is UTF-8")
        };
        let windows = (0..count)
            .step_by(WINDOW_LINES)
            .map(|first| first..count.min(first + WINDOW_LINES));
        windows
            .map(|window| {
                let notes: Vec<String> = window.into_par_iter().map(note).collect();
                batch_request(&notes)
            })
            .collect()
    }

    /// Texts and signatures, for the bare check.
    pub fn samples(&self) -> Vec<(String, Vec<u8>)> {
        let sample = |at| {
            let statement = self.sign("limit", at);
            (
                statement.text().to_owned(),
                statement.signatures()[0].bytes.clone(),
            )
        };
        (0..SAMPLES).into_par_iter().map(sample).collect()
    }

    fn sign(&self, stage: &str, at: usize) -> Statement {
        let text = text(self.signer.name(), &format!("{stage}-{at:07}"));
        sign_statement(&text, &[&self.signer]).expect("the text is ours and its form is fixed")
    }
}

/// A tender notice, filled up so that its signed note has about [`NOTE_BYTES`].
fn text(publisher: &str, project: &str) -> String {
    const FILLING: &str = "本工程采用综合评估法评标，投标人须具备建筑工程施工总承包二级及以上资质，不接受联合体投标。";
    let begin = format!(
        "{{\"type\":\"trade\",\"v\":1,\"ledger\":\"{ORIGIN}\",\"publisher\":\"{publisher}\",\"project\":\"{project}\",\"follows\":null,\"codes\":[],\"stage\":\"announcement\",\"kind\":\"tender_notice\",\"category\":\"construction\",\"title\":\"韶山市清溪示例小学教学综合楼施工招标公告\",\"region\":\"430382\",\"issued\":\"2026-11-23T09:00:00+08:00\",\"documents\":[],\"events\":{{}},\"details\":{{\"buyer\":{{\"name\":\"韶山市教育局\"}},\"qualification\":\"资格后审\",\"consortium\":false,\"documents_how\":\"平台下载\",\"bids_how\":\"平台上传\",\"extra\":{{\"note\":\""
    );
    const END: &str = "\"}}}\n";
    // A blank line, an em dash, two blanks, the name, 68 bytes of signature in base64, a line feed.
    let signature = 1 + 3 + 1 + publisher.len() + 1 + 92 + 1;
    let room = NOTE_BYTES.saturating_sub(begin.len() + END.len() + signature);
    let filling: String = FILLING
        .chars()
        .cycle()
        .take(room / '账'.len_utf8())
        .collect();
    begin + &filling + END
}

/// A whole request that posts these notes.
pub(crate) fn batch_request(notes: &[String]) -> Bytes {
    let line = |note: &String| format!("{}\n", serde_json::json!({ "note": note }));
    let lines: String = notes.iter().map(line).collect();
    Bytes::from(post_request(
        "/api/v1/statements/batch",
        "application/x-ndjson",
        lines.as_bytes(),
    ))
}

/// A GET as the generator sends it.
pub(crate) fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post_request(path: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// What is said of an index that does not come.
pub(crate) fn is_behind(found: u64, wanted: u64, waited: Duration) -> Fault {
    let seconds = waited.as_secs();
    format!("the index has {found} of {wanted} records after {seconds} s").into()
}

/// How long the index may take to catch up before the measurement is given up.
pub(crate) const CATCH_UP_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_one_kilobyte_and_meets_every_rule_of_the_door() {
        let signer = Signer::from_seed("centre.bench.mingzhang.example", &[7; 32]).unwrap();
        let statements = Statements { signer };
        let statement = statements.sign("p256", 9_999_999);
        let bytes = statement.note().len();
        assert!((NOTE_BYTES - 3..=NOTE_BYTES).contains(&bytes), "{bytes}");
        let problems = mingzhang::trade::door::check(&statement);
        assert!(problems.is_empty(), "{problems:?}");
        assert_ne!(statements.sign("p256", 1).id(), statement.id());
    }

    #[test]
    fn a_batch_has_every_line_once() {
        let signer = Signer::from_seed("centre.bench.mingzhang.example", &[7; 32]).unwrap();
        let batches = Statements { signer }.batches("b", WINDOW_LINES + 3);
        let lines = |batch: &Bytes| {
            batch
                .split(|byte| *byte == b'\n')
                .filter(|line| line.starts_with(b"{\"note\":"))
                .count()
        };
        assert_eq!(
            batches.iter().map(lines).collect::<Vec<_>>(),
            [WINDOW_LINES, 3]
        );
    }
}
