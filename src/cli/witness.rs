//! `witness serve` and `witness run`: what a supervising authority runs.
//!
//! One folder has all of it: `witness.key` (made on the first start), `witness.vkey` (to be sent to the ledger's operator) and `state/`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};

use super::keys::{self, KeyFile};
use super::listen::{bind, check_files, stop_signal, url_of};
use super::log;
use super::out::{Answer, Console, Exit, Failure, envelope};
use super::policies::Policies;
use super::{plain, runtime};
use crate::audit::{self, Options, Target};
use crate::ledger::clock::system_clock;
use crate::said;
use crate::server::accept::{self, Limits};
use crate::server::witness::router;
use crate::store::{Http, HttpError, LogReader, Source};
use crate::tlog::checkpoint;
use crate::tlog::cosignature::Cosigner;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{NOTE_BYTES_MAX, Note, UnsupportedVkey, Vkey};
use crate::tlog::witness::{AddCheckpoint, Refusal};
use crate::witness::state::StateError;
use crate::witness::{AddError, Watched, Witness};

/// Where a witness listens unless it is told otherwise.
const LISTEN: &str = "127.0.0.1:7879";

/// The two ways to be a witness.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Cosign what logs send / 接受账本来函并联署
    Serve(ServeArguments),
    /// Fetch the ledger's head, check it and cosign it, without being reachable from outside / 主动取回并联署
    Run(RunArguments),
}

/// Who the witness is and what it watches.
#[derive(Debug, Args)]
struct Role {
    /// The witness's folder: key and state / 见证目录
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The witness's name, wanted on the first start only / 见证人名称
    #[arg(long)]
    name: Option<String>,
    /// Policy files or folders of them, whose logs are watched / 策略文件
    #[arg(long, value_name = "FILE|DIR")]
    policy: Vec<PathBuf>,
    /// A log's vkey, whose name is its origin / 账本公钥
    #[arg(long, value_name = "VKEY")]
    log: Vec<String>,
    /// A log whose key name is not its origin / 密钥名与来源名不同的日志
    #[arg(long, num_args = 2, value_names = ["ORIGIN", "VKEY"])]
    foreign: Vec<String>,
}

/// What `witness serve` is told.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    role: Role,
    /// Address and port / 监听地址
    #[arg(long, default_value = LISTEN)]
    listen: SocketAddr,
}

/// What `witness run` is told.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    role: Role,
    /// The ledger / 账本网址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Once, then end; else every --every seconds / 只做一次
    #[arg(long)]
    once: bool,
    /// Replay the whole log before cosigning: every record, signature, link and time; needs --policy / 联署前重放全部记录
    #[arg(long, requires = "policy")]
    replay: bool,
    /// Seconds between two looks, 1 to 86400 / 间隔秒数
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
}

pub(super) fn run(console: &Console, command: &Command) -> Result<Answer, Failure> {
    log::start();
    match command {
        Command::Serve(arguments) => serve(console, arguments),
        Command::Run(arguments) => pull(console, arguments),
    }
}

fn serve(console: &Console, arguments: &ServeArguments) -> Result<Answer, Failure> {
    check_files()?;
    let witness = Arc::new(arguments.role.open(console)?);
    runtime().block_on(async {
        let listener = bind(arguments.listen).await?;
        let (url, vkey) = (url_of(&listener), witness.vkey().to_string());
        let stop = stop_signal();
        let logs: Vec<&str> = witness.origins().collect();
        if console.json {
            let mut members = serde_json::Map::new();
            members.insert("url".to_owned(), url.clone().into());
            members.insert("vkey".to_owned(), vkey.into());
            members.insert("logs".to_owned(), logs.into());
            console.announce(envelope(Exit::Ok, "serving", &members, None));
        } else {
            let logs = logs.join(", ");
            console.talk(&said!(
                "见证人 {vkey}\n正在 {url} 见证：{logs}。按 Ctrl-C 停止。",
                "witness {vkey}\nwatches {logs} at {url}. Ctrl-C stops it."
            ));
        }
        let app = router(witness, Arc::new(now));
        accept::serve(listener, app, Limits::default(), stop).await;
        Ok(plain("stopped", String::new()))
    })
}

fn pull(console: &Console, arguments: &RunArguments) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.ledger)?;
    let witness = Arc::new(arguments.role.open(console)?);
    let mut replay = match arguments.replay {
        true => Some(Replay::new(&arguments.role, &http)?),
        false => None,
    };
    runtime().block_on(async {
        let stop = stop_signal();
        tokio::pin!(stop);
        loop {
            let looked = match &mut replay {
                Some(replay) => look_at_all(console, &http, &witness, replay).await,
                None => look(console, &http, &witness).await,
            };
            if arguments.once {
                return looked;
            }
            // A failure is told and tried again: an office's witness outlives the ledger's bad hours. A fork is not outlived.
            match looked {
                Ok(answer) if console.json => {
                    console.announce(envelope(answer.exit, answer.code, &answer.members, None))
                }
                Ok(answer) => console.tell(&answer.text),
                Err(failure) if failure.exit == Exit::Temporary => console.talk(&failure.said),
                Err(failure) => return Err(failure),
            }
            tokio::select! {
                () = &mut stop => return Ok(plain("stopped", String::new())),
                () = tokio::time::sleep(Duration::from_secs(arguments.every)) => {}
            }
        }
    })
}

/// What there is to cosign: what the ledger offers, the same to every witness that comes, so that their lines meet on one checkpoint; else
/// its head; of logs written by others, which have neither, the checkpoint.
async fn to_cosign(http: &Http) -> Result<Option<bytes::Bytes>, Failure> {
    match http
        .read("api/v1/cosignatures", NOTE_BYTES_MAX as u64)
        .await
    {
        Ok(Some(note)) if Note::parse(&note).is_ok() => return Ok(Some(note)),
        // Plain file servers say "no" in many ways.
        Ok(_) | Err(HttpError::Status { .. }) => {}
        Err(failure) => return Err(failure.into()),
    }
    let head = http.read("head", NOTE_BYTES_MAX as u64).await?;
    match head {
        Some(head) => Ok(Some(head)),
        None => Ok(http.read("checkpoint", NOTE_BYTES_MAX as u64).await?),
    }
}

/// The witness whose key and state lie in `data`, watching one log.
pub(super) fn open_at(data: &Path, log: &Vkey) -> Result<Witness, Failure> {
    let cosigner = KeyFile::read(&data.join("witness.key"))?.cosigner(None)?;
    let watched = Watched {
        origin: log.name().to_owned(),
        vkeys: vec![log.clone()],
    };
    Witness::open(&data.join("state"), cosigner, &[watched]).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "state",
            said!("见证状态打不开", "the witness's state cannot be opened").because(&cause),
        )
    })
}

/// What there is to cosign, with the proof that it extends what was cosigned before.
struct Found {
    note: Note,
    origin: String,
    tree: Tree,
    old_size: u64,
    proof: Vec<Hash>,
}

/// Checkpoint, consistency from the log's own tiles, cosignature, delivery.
pub(super) async fn look(
    console: &Console,
    http: &Http,
    witness: &Arc<Witness>,
) -> Result<Answer, Failure> {
    let found = find(http, witness).await?;
    cosign(console, http, witness, found).await
}

/// The same with --replay: every record in between.
async fn look_at_all(
    console: &Console,
    http: &Http,
    witness: &Arc<Witness>,
    replay: &mut Replay,
) -> Result<Answer, Failure> {
    let found = find(http, witness).await?;
    replay.check(http, &found.tree).await?;
    cosign(console, http, witness, found).await
}

async fn find(http: &Http, witness: &Arc<Witness>) -> Result<Found, Failure> {
    let head = to_cosign(http).await?;
    let head = head.ok_or_else(|| {
        let url = http.base();
        Failure::temporary(
            "no-head",
            said!(
                "{url} 没有 head 或 checkpoint",
                "there is neither head nor checkpoint at {url}"
            ),
        )
    })?;
    let unreadable = |cause: &dyn std::fmt::Display| {
        Failure::input(
            "head",
            said!("账本的 head 不可用", "the ledger's head cannot be used").because(&cause),
        )
    };
    let note = Note::parse(&head).map_err(|error| unreadable(&error))?;
    let new = checkpoint::Checkpoint::parse(&note.text).map_err(|error| unreadable(&error))?;
    let (origin, tree) = (new.origin, new.tree);
    let seen = witness.seen(&origin).ok_or_else(|| {
        Failure::input(
            "unknown-log",
            said!(
                "{origin} 不在所见证的账本之列：用 --policy 或 --log 指定",
                "{origin} is not watched here: give --policy or --log"
            ),
        )
    })?;
    if tree.size < seen.size {
        let (have, want) = (tree.size, seen.size);
        return Err(Failure::temporary(
            "behind",
            said!(
                "账本出示的树只有 {have} 条，已联署到 {want} 条：可能是缓存，若持续如此则账本已回退，请报告",
                "the ledger shows a tree of {have}, {want} are cosigned already: a cache perhaps; if it lasts, the ledger was rolled back: report it"
            ),
        ));
    }
    let reader = LogReader::new(Source::Http(http.clone()));
    let proof = if seen.size == 0 || seen.size == tree.size {
        Vec::new()
    } else {
        let proof = reader.prove_consistency(seen.size, tree.size, &tree).await;
        proof.map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::temporary(
                "proof",
                said!(
                    "取不到一致性证明，未联署",
                    "no consistency proof could be had, nothing is cosigned"
                )
                .because(&cause),
            )
        })?
    };
    Ok(Found {
        note,
        origin,
        tree,
        old_size: seen.size,
        proof,
    })
}

async fn cosign(
    console: &Console,
    http: &Http,
    witness: &Arc<Witness>,
    found: Found,
) -> Result<Answer, Failure> {
    let Found {
        note,
        origin,
        tree,
        old_size,
        proof,
    } = found;
    let request = AddCheckpoint {
        old_size,
        proof,
        checkpoint: note.encode(),
    };
    let role = witness.clone();
    let line = tokio::task::spawn_blocking(move || role.add(&request, now()))
        .await
        .expect("cosigning does not panic")
        .map_err(|error| {
            let cause = crate::chain_of(&error);
            let (exit, code) = match &error {
                AddError::Refused(Refusal::Fork { .. }) => (Exit::Contradiction, "fork"),
                AddError::Refused(Refusal::Proof { .. }) => (Exit::Failed, "not-consistent"),
                AddError::Refused(_) => (Exit::Failed, "not-cosigned"),
                AddError::Clock { .. } | AddError::State { .. } => (Exit::Input, "witness-unfit"),
            };
            let said = match exit {
                Exit::Contradiction => said!(
                    "未联署：账本对同一条数签了两棵不同的树，两份签名已存入 state/evidence，请报告",
                    "not cosigned: the log has signed two different trees of one size; both are kept in state/evidence: report it"
                ),
                Exit::Failed => said!(
                    "未联署：账本出示的内容与先前所见不能证明一致",
                    "not cosigned: what the log shows is not proved to extend what was cosigned before"
                ),
                _ => said!(
                    "未联署：见证机的时钟或磁盘有问题，排除后重新启动",
                    "not cosigned: this machine's clock or disk is at fault; mend it and start again"
                ),
            };
            Failure::new(exit, code, said.because(&cause))
        })?;
    let cosigned = Note {
        text: note.text,
        signatures: vec![line],
    }
    .encode();
    let size = tree.size;
    let headers = [("content-type", "text/plain; charset=utf-8")];
    let (sender, body) = (http.clone(), cosigned.clone());
    let sent = tokio::task::spawn_blocking(move || {
        let name = "api/v1/cosignatures";
        sender.call("POST", name, &headers, Some(body.as_bytes()), 64 << 10)
    })
    .await
    .expect("a POST does not panic")?;
    if sent.status == 404 {
        // No log has to take them; the word is given and kept all the same, and monitors can compare it.
        let said = said!(
            "已联署 {origin}，{size} 条记录，存于见证目录的 state 中；该账本不接收联署，未送达\n",
            "cosigned {origin}, {size} records, kept in the witness's state folder; this ledger takes no cosignatures, it was not delivered\n"
        );
        return Ok(plain("cosigned-kept", said.in_(console.lang))
            .with("origin", origin)
            .with("tree_size", size)
            .with("delivered", false)
            .with("note", cosigned));
    }
    if !(200..300).contains(&sent.status) {
        let status = sent.status;
        return Err(Failure::temporary(
            "not-delivered",
            said!(
                "已联署 {size} 条记录并存盘，但账本未收（HTTP {status}）",
                "{size} records are cosigned and kept here, but the ledger did not take the cosignature (HTTP {status})"
            ),
        )
        .with("note", cosigned));
    }
    let said = said!(
        "已联署 {origin}，{size} 条记录\n",
        "cosigned {origin}, {size} records\n"
    );
    Ok(plain("cosigned", said.in_(console.lang))
        .with("origin", origin)
        .with("tree_size", size)
        .with("delivered", true)
        .with("note", cosigned))
}

/// `--replay`: the log is audited before it is cosigned, so that the cosignature says more than the protocol asks for.
struct Replay {
    policies: Policies,
    /// What the last replay saw: signatures below it are not verified again.
    state: Option<audit::State>,
    /// The tree up to which everything was found in order.
    good: Option<Tree>,
}

impl Replay {
    fn new(role: &Role, http: &Http) -> Result<Replay, Failure> {
        let policies = Policies::read(&role.policy)?;
        let url = http.base();
        tracing::info!(url, "every record is replayed before it is cosigned");
        Ok(Replay {
            policies,
            state: None,
            good: None,
        })
    }

    /// Replays the log if there is anything new, and sees to it that `tree` is the one that was replayed, or the beginning of it.
    async fn check(&mut self, http: &Http, tree: &Tree) -> Result<(), Failure> {
        if self.good.is_none_or(|good| good.size < tree.size) {
            self.replay(http, tree).await?;
        }
        let good = self.good.expect("replay() set it");
        let reader = LogReader::new(Source::Http(http.clone()));
        let within = reader.tree_at(tree.size, &good).await.map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::temporary(
                "network",
                said!("读不到账本", "the log cannot be read").because(&cause),
            )
        })?;
        if within != *tree {
            return Err(Failure::new(
                Exit::Failed,
                "not-consistent",
                said!(
                    "未联署：要联署的树不是刚才重放的那棵",
                    "not cosigned: the tree to be cosigned is not the one that was replayed"
                ),
            ));
        }
        Ok(())
    }

    async fn replay(&mut self, http: &Http, tree: &Tree) -> Result<(), Failure> {
        let target = Target::log(http.base(), Source::Http(http.clone()));
        let options = Options {
            state: self.state.as_ref(),
            ..Options::at(system_clock()().wall)
        };
        let report = audit::audit(&target, &self.policies, &options, &mut |_| {}).await;
        let report = report.map_err(|error| {
            let cause = crate::chain_of(&error);
            Failure::temporary(
                "network",
                said!("读不到账本", "the log cannot be read").because(&cause),
            )
        })?;
        if !report.contradictions.is_empty() {
            return Err(Failure::new(
                Exit::Contradiction,
                "fork",
                said!(
                    "未联署：账本的两份签名互相矛盾，请用 mingzhang audit 取证并报告",
                    "not cosigned: two signed views of the log contradict each other; keep what mingzhang audit says, and report it"
                ),
            ));
        }
        // That the quorum is not met yet is no fault: this is the witness that it waits for.
        if let Some(fault) = report
            .faults
            .iter()
            .find(|fault| !is_not_witnessed_yet(fault))
        {
            let (object, zh, en) = (&fault.object, &fault.zh, &fault.en);
            return Err(Failure::new(
                Exit::Failed,
                "faults",
                said!(
                    "未联署：重放发现问题：{object}：{zh}",
                    "not cosigned: the replay found a fault: {object}: {en}"
                ),
            ));
        }
        let good = Tree {
            size: report.audited.size,
            root_hash: Hash::from_base64(&report.audited.root_hash)
                .expect("a report encodes hashes as we do"),
        };
        if good.size < tree.size {
            return Err(Failure::temporary(
                "behind",
                said!(
                    "账本在重放期间变化，稍后再试",
                    "the log changed while it was replayed; tried again"
                ),
            ));
        }
        self.good = Some(good);
        self.state = audit::State::of(&report).or(self.state.take());
        Ok(())
    }
}

/// A log that has no `checkpoint` because no quorum was met yet waits for this very witness.
fn is_not_witnessed_yet(fault: &audit::Fault) -> bool {
    fault.step == audit::Step::Checkpoint && fault.code == "missing"
}

impl Role {
    fn open(&self, console: &Console) -> Result<Witness, Failure> {
        let watched = self.watched(console)?;
        let cosigner = self.cosigner(console)?;
        Witness::open(&self.data.join("state"), cosigner, &watched).map_err(|error| {
            let cause = crate::chain_of(&error);
            let said = said!("见证状态打不开", "the witness's state cannot be opened");
            match error {
                StateError::InUse { .. } => {
                    Failure::temporary("state-in-use", said.because(&cause))
                }
                _ => Failure::input("state", said.because(&cause)),
            }
        })
    }

    fn watched(&self, console: &Console) -> Result<Vec<Watched>, Failure> {
        let mut unsupported: Vec<UnsupportedVkey> = Vec::new();
        let mut watched: Vec<Watched> = Vec::new();
        let mut add =
            |origin: &str, vkey: Vkey| match watched.iter_mut().find(|log| log.origin == origin) {
                Some(log) if log.vkeys.contains(&vkey) => {}
                Some(log) => log.vkeys.push(vkey),
                None => watched.push(Watched {
                    origin: origin.to_owned(),
                    vkeys: vec![vkey],
                }),
            };
        for policy in Policies::read(&self.policy)?.iter() {
            let others = policy.unsupported_logs().iter();
            unsupported.extend(others.map(|log| log.vkey.clone()));
            for log in policy.logs() {
                add(log.vkey.name(), log.vkey.clone());
            }
        }
        for text in &self.log {
            // A log may sign with keys of several algorithms: one that we can verify is enough.
            if let Ok(other) = UnsupportedVkey::parse(text) {
                unsupported.push(other);
                continue;
            }
            let vkey = parse_vkey(text)?;
            let origin = vkey.name().to_owned();
            add(&origin, vkey);
        }
        for pair in self.foreign.chunks_exact(2) {
            add(&pair[0], parse_vkey(&pair[1])?);
        }
        for other in &unsupported {
            let (name, algorithm) = (other.name(), other.algorithm());
            if !watched.iter().any(|watched| watched.origin == name) {
                return Err(Failure::usage(
                    "algorithm",
                    said!(
                        "{name} 的密钥的签名类型为 0x{algorithm:02x}，本程序不能验证；请再给出它的 0x01（Ed25519）密钥",
                        "the key of {name} is of signature type 0x{algorithm:02x}, which this program cannot verify; give its key of type 0x01 (Ed25519) too"
                    ),
                ));
            }
            console.talk(&said!(
                "注意：{name} 的签名类型为 0x{algorithm:02x} 的密钥不能验证，只看它的 Ed25519 签名",
                "note: the key of {name} of signature type 0x{algorithm:02x} cannot be verified; its Ed25519 signatures are looked at alone"
            ));
        }
        if watched.is_empty() {
            return Err(Failure::usage(
                "no-log",
                said!(
                    "没有指定要见证的账本：用 --policy FILE 或 --log VKEY",
                    "no log to watch: give --policy FILE or --log VKEY"
                ),
            ));
        }
        Ok(watched)
    }

    /// The key in the folder; on the first start, with a name, it is made.
    fn cosigner(&self, console: &Console) -> Result<Cosigner, Failure> {
        let path = self.data.join("witness.key");
        if !path.exists() {
            let Some(name) = &self.name else {
                let shown = path.display();
                return Err(Failure::usage(
                    "no-key",
                    said!(
                        "没有密钥 {shown}：首次启动请加 --name 见证人名称",
                        "there is no key {shown}: on the first start give --name"
                    ),
                ));
            };
            // A new key over an old state is refused on opening: the state is not cosigned by it.
            std::fs::create_dir_all(&self.data).map_err(|error| {
                let shown = self.data.display();
                Failure::input(
                    "folder",
                    said!("建不了目录 {shown}", "cannot make the folder {shown}").because(&error),
                )
            })?;
            let made = make(name, &path)?;
            let shown = path.display();
            console.talk(&said!(
                "已生成见证密钥 {shown}（请勿复制、勿外传）。公钥请交账本运行者写入策略：\n{made}",
                "made the witness key {shown} (never copy it or give it away). Send its public half to the ledger's operator, for the policy:\n{made}"
            ));
        }
        let key = KeyFile::read(&path)?;
        if let Some(warning) = key.warning() {
            console.talk(&warning);
        }
        key.cosigner(self.name.as_deref()).map_err(Failure::from)
    }
}

/// A new witness key with its vkey of type 0x04 beside it; returns the vkey.
pub(super) fn make(name: &str, path: &Path) -> Result<Vkey, Failure> {
    let generated = keys::generate(name)?;
    generated.write_witness(path)?;
    Ok(generated.cosigner().vkey().clone())
}

fn parse_vkey(text: &str) -> Result<Vkey, Failure> {
    Vkey::parse(text).map_err(|error| {
        Failure::usage(
            "vkey",
            said!("{text} 不是公钥（vkey）", "{text} is not a vkey").because(&error),
        )
    })
}

/// POSIX seconds; 0, which nothing is cosigned at, if the clock is before 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
