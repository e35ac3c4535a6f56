//! `receipt`: of a ledger, of a mirror when the ledger is gone, and anew for one that the witnesses had not cosigned yet.
//!
//! Promises: a receipt that is refreshed stays one of the same record, entry and keys byte for byte; it is replaced as a whole, only by one
//! that verifies, and only if the old one's quorum was unmet and the new one's is met. If the log that the new checkpoint is of does not extend
//! the old one's, nothing is replaced: the two are evidence, exit code 6.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::answered;
use super::fetch::{index, keep_receipt};
use super::monitor::{contradict, kept_words};
use super::out::{Answer, Console, Exit, Failure};
use super::policies::{Policies, unjudged};
use super::verify::{not_held, shown_words};
use super::{plain, read_file, runtime};
use crate::audit::{self, ReceiptFailure, Target, receipt_of, renew};
use crate::lang::Said;
use crate::receipt::{RECEIPT_BYTES_MAX, Receipt};
use crate::said;
use crate::store::{Http, Source, named};
use crate::tlog::policy;
use crate::verify::{VerifiedRecord, verify};

/// What `receipt` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL", required_unless_present = "mirror")]
    ledger: Option<String>,
    /// A mirror: its folder or its address / 镜像目录或网址
    #[arg(long, value_name = "DIR|URL", conflicts_with = "ledger")]
    mirror: Option<String>,
    /// Whom to trust: policy files or folders of them; wanted with --mirror and --refresh / 信任策略
    #[arg(long, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// Receipts to be replaced by witnessed ones, if they are not witnessed yet / 换取带见证的回执
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["index", "output"])]
    refresh: Vec<PathBuf>,
    /// The record's index / 序号
    #[arg(required_unless_present = "refresh")]
    index: Option<String>,
    /// Where it goes; nothing: standard output / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With --refresh: where evidence of two histories goes / 证据文件
    #[arg(long, value_name = "FILE", default_value = "mingzhang-evidence.txt")]
    evidence: PathBuf,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    if policies.is_empty() && (arguments.mirror.is_some() || !arguments.refresh.is_empty()) {
        return Err(Failure::usage(
            "policy-wanted",
            said!(
                "请用 --policy 给出策略：没有它，镜像里的内容和换来的回执都无从核对",
                "give --policy: without one neither a mirror nor a new receipt can be checked"
            ),
        ));
    }
    if !arguments.refresh.is_empty() {
        return refresh_all(console, arguments, &policies);
    }
    let index = index(arguments.index.as_deref().unwrap_or_default())?;
    let bytes = match (&arguments.ledger, &arguments.mirror) {
        (_, Some(mirror)) => from_mirror(mirror, &policies, index)?,
        (Some(url), None) => answered::receipt(&Http::new(url)?, index)?,
        (None, None) => unreachable!("clap wants one of them"),
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some(path) = &arguments.output else {
        return Ok(plain("receipt", text.clone()).exact().with("receipt", text));
    };
    let shown = path.display();
    let said = if keep_receipt(path, &bytes, index)? {
        said!(
            "第 {index} 条的回执已存为 {shown}\n",
            "the receipt of record {index} is in {shown}\n"
        )
    } else {
        said!(
            "{shown} 已是第 {index} 条的回执，未改动（换取带见证的回执用 --refresh）\n",
            "{shown} is a receipt of record {index} already and was left as it is (--refresh replaces one by a witnessed one)\n"
        )
    };
    Ok(plain("receipt", said.in_(console.lang))
        .with("file", path.display().to_string())
        .with("index", index))
}

/// Made from the files of the log, and verified before it is handed out.
fn from_mirror(mirror: &str, policies: &Policies, index: u64) -> Result<Vec<u8>, Failure> {
    let source = source_of(mirror)?;
    let made = runtime().block_on(receipt_of(&source, policies, index));
    let bytes = made.map_err(|error| failed(mirror, &error))?.encode();
    verify(bytes.as_bytes(), policies)
        .map_err(|error| not_held(&format!("{mirror} #{index}"), &error))?;
    Ok(bytes.into_bytes())
}

fn source_of(place: &str) -> Result<Source, Failure> {
    let target = Target::parse(place).map_err(|error| {
        let cause = crate::chain_of(&error);
        Failure::input(
            "target",
            said!(
                "{place} 不是账本或镜像",
                "{place} is neither a ledger nor a mirror"
            )
            .because(&cause),
        )
    })?;
    Ok(target.source().clone())
}

fn failed(place: &str, error: &ReceiptFailure) -> Failure {
    let cause = crate::chain_of(error);
    let said = said!("{place} 给不出这份回执", "{place} cannot give this receipt").because(&cause);
    match error {
        ReceiptFailure::Outside { .. } | ReceiptFailure::Erased { .. } => {
            Failure::input("not-found", said)
        }
        ReceiptFailure::NoCheckpoint | ReceiptFailure::Source(_) | ReceiptFailure::List(_) => {
            Failure::temporary("network", said)
        }
        ReceiptFailure::Read(error) | ReceiptFailure::Follow(audit::FollowError::Read(error))
            if matches!(error, crate::store::ReadError::Source(_)) =>
        {
            Failure::temporary("network", said)
        }
        ReceiptFailure::Checkpoint(error) => match unjudged(error) {
            Some(unjudged) => unjudged,
            None => Failure::new(Exit::Failed, "not-proved", said),
        },
        _ => Failure::new(Exit::Failed, "not-proved", said),
    }
}

/// What became of one file.
enum Refreshed {
    /// It was witnessed before.
    Witnessed,
    /// It was replaced.
    Replaced,
    /// There is nothing better yet.
    NotYet,
    /// The log has two histories.
    Contradiction(Said, Option<PathBuf>),
}

fn refresh_all(
    console: &Console,
    arguments: &Arguments,
    policies: &Policies,
) -> Result<Answer, Failure> {
    let place = arguments.mirror.as_ref().or(arguments.ledger.as_ref());
    let place = place.expect("clap wants one of them");
    let source = match (&arguments.mirror, &arguments.ledger) {
        (Some(mirror), _) => source_of(mirror)?,
        (None, Some(url)) => Source::Http(Http::new(url)?),
        (None, None) => unreachable!("clap wants one of them"),
    };
    let runtime = runtime();
    let (mut text, mut list, mut exit) = (String::new(), Vec::<Value>::new(), Exit::Ok);
    let mut failed = None;
    for file in &arguments.refresh {
        let refreshed =
            runtime.block_on(refresh(console, arguments, place, &source, file, policies));
        // One file that cannot be refreshed holds up no other, and above all hides no fork.
        let refreshed = match refreshed {
            Ok(refreshed) => refreshed,
            Err(failure) => {
                if arguments.refresh.len() > 1 {
                    console.talk(&failure.said);
                }
                failed.get_or_insert(failure);
                continue;
            }
        };
        let shown = file.display();
        let (code, ended, said) = match refreshed {
            Refreshed::Witnessed => (
                "witnessed-before",
                Exit::Ok,
                said!(
                    "{shown}：已满足策略对见证的要求，未改动",
                    "{shown}: has all witnesses that the policy wants already, left as it is"
                ),
            ),
            Refreshed::Replaced => (
                "replaced",
                Exit::Ok,
                said!(
                    "{shown}：已换成带见证的回执",
                    "{shown}: replaced by a witnessed one"
                ),
            ),
            Refreshed::NotYet => (
                "not-yet-witnessed",
                Exit::Policy,
                said!(
                    "{shown}：那里也还没有见证足够的检查点，未改动",
                    "{shown}: there is no checkpoint with enough witnesses yet, left as it is"
                ),
            ),
            Refreshed::Contradiction(why, file) => {
                let kept = kept_words(file.as_deref());
                let (zh, en) = (&kept.zh, &kept.en);
                (
                    "contradiction",
                    Exit::Contradiction,
                    said!(
                        "{shown}：未改动。{zh}。请交监督部门",
                        "{shown}: left as it is. {en}. Hand it to the supervising authority"
                    )
                    .then(&why),
                )
            }
        };
        exit = exit.max(ended);
        text.push_str(said.in_(console.lang));
        text.push('\n');
        list.push(json!({ "file": file.display().to_string(), "code": code }));
    }
    if let Some(failure) = failed
        && exit != Exit::Contradiction
    {
        return Err(failure.with("receipts", list));
    }
    let code = match exit {
        Exit::Ok => "refreshed",
        Exit::Contradiction => "contradiction",
        _ => "not-yet-witnessed",
    };
    Ok(plain(code, text).exit(exit).with("receipts", list))
}

async fn refresh(
    console: &Console,
    arguments: &Arguments,
    place: &str,
    source: &Source,
    file: &Path,
    policies: &Policies,
) -> Result<Refreshed, Failure> {
    // 1. What is there must hold, but for the witnesses: else it is not a receipt to be kept alive.
    let bytes = read_file(file, RECEIPT_BYTES_MAX as u64)?;
    let bytes = crate::receipt::unix(&bytes);
    let old = checked(&bytes, policies, file)?;
    if old.checkpoint().quorum().met {
        return Ok(Refreshed::Witnessed);
    }
    let receipt = Receipt::parse(&bytes).expect("verify() parsed it two lines up");
    // 2. The checkpoints that cover it there. A ledger knows which kept one is the earliest, a mirror's can be listed.
    let refused = |error| failed(place, &error);
    let covering = match audit::covering(source, policies, receipt.index).await {
        // `checkpoint` may lag far behind `head`, from which the receipt is.
        Err(ReceiptFailure::Outside { .. } | ReceiptFailure::NoCheckpoint) => {
            return Ok(Refreshed::NotYet);
        }
        covering => covering.map_err(refused)?,
    };
    let mut candidates = Vec::new();
    if let Source::Http(http) = source
        && let Some(note) = kept_of(http, receipt.index).await
        && let Ok(judged) = policy::open_by(policies, note.as_bytes())
        && judged.checkpoint.tree().size <= covering.newest.size
    {
        candidates.push((judged, note.into()));
    }
    candidates.extend(covering.checkpoints);
    // 3. It must be the same log: the smaller of the two trees is part of the larger, whose tiles are there.
    let (newest, _) = candidates.last().expect("`checkpoint` is the last");
    let is_beyond = old.checkpoint().tree().size > covering.newest.size;
    let (smaller, larger) = if is_beyond {
        (&newest.checkpoint, old.checkpoint())
    } else {
        (old.checkpoint(), &newest.checkpoint)
    };
    let evidence = match contradict(smaller, larger, source, place).await {
        // A receipt beyond what is there cannot be compared, and might be the one proof of a fork: it stays until the place has come so far.
        Err(unproven) if is_beyond && unproven.exit == Exit::Temporary => {
            return Ok(Refreshed::NotYet);
        }
        evidence => evidence?,
    };
    if let Some(evidence) = evidence {
        let shown = evidence
            .check(policies)
            .expect("made of two checkpoints that the policies accept");
        let said = shown_words(shown);
        console.talk(&said);
        let file = super::evidence::keep(console, &arguments.evidence, &evidence.encode());
        return Ok(Refreshed::Contradiction(said, file));
    }
    // 4. The earliest that meets the quorum: it says the earliest time.
    let met = candidates
        .iter()
        .filter(|(judged, _)| judged.checkpoint.quorum().met)
        .find(|(judged, _)| judged.checkpoint.tree().size > receipt.index);
    let Some((judged, note)) = met else {
        return Ok(Refreshed::NotYet);
    };
    let renewed = renew(&receipt, source, &covering.newest, judged, note).await;
    let renewed = renewed.map_err(refused)?.encode();
    // 5. Only what verifies, of the same statement, better than before, takes its place.
    let new = checked(renewed.as_bytes(), policies, file)?;
    let better = new.checkpoint().quorum().met
        && new.leaf_hash() == old.leaf_hash()
        && new.header().index == old.header().index;
    if !better {
        return Ok(Refreshed::NotYet);
    }
    named::replace(file, renewed.as_bytes()).map_err(|error| {
        let shown = file.display();
        Failure::input(
            "file-write",
            said!(
                "写不了 {shown}，原回执仍在",
                "cannot write {shown}, the old receipt is still there"
            )
            .because(&error),
        )
    })?;
    Ok(Refreshed::Replaced)
}

/// The checkpoint of the ledger's own receipt: the earliest kept one. None is no failure: what is withheld has no receipt to be fetched.
async fn kept_of(http: &Http, index: u64) -> Option<String> {
    let name = format!("api/v1/receipts/{index}");
    let bytes = http.read(&name, RECEIPT_BYTES_MAX as u64).await.ok()??;
    Some(Receipt::parse(&bytes).ok()?.checkpoint)
}

fn checked(bytes: &[u8], policies: &Policies, file: &Path) -> Result<VerifiedRecord, Failure> {
    verify(bytes, policies).map_err(|error| not_held(&file.display().to_string(), &error))
}
