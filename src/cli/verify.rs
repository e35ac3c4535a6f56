//! `verify`: receipts against policies, offline, step by step, and what that does not show; and evidence files, which show that a log has
//! two histories. A folder stands for all receipts in it: those that hold are counted, the others shown as if they were named. With
//! `--entry` a proof that others made of a log of ours, without the key statements of a receipt.

mod verdict;

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;
use serde_json::json;

use super::files::digest_of;
use super::judged;
use super::out::{Answer, Console, Exit, Failure};
use super::policies::Policies;
use super::{plain, read_file};
use crate::audit::{FIRST_LINE, ForkEvidence, Shown};
use crate::receipt::{RECEIPT_BYTES_MAX, Receipt};
use crate::said;
use crate::tlog::merkle::leaf_hash;
use crate::tlog::policy::Policy;
use crate::trade::record::ENTRY_BYTES_MAX;
use crate::verify::{Step, VerifiedEntry, VerifiedRecord, VerifyError, verify, verify_entry};
use verdict::{Endorsements, Verdict};

pub(super) use verdict::shown_words;

/// What `verify` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Receipts (.tlog-proof), folders of them, or evidence of two histories as `monitor` writes it / 回执或其目录，或监测所得证据
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Whom to trust: policy files or folders of them, retired ones too / 信任策略
    #[arg(long, required = true, value_name = "FILE|DIR", num_args = 1)]
    policy: Vec<PathBuf>,
    /// The entry of a tlog-proof that has none in it: a record's bytes as logged / 证明所涉的条目
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// A file you hold: is it one that the statement names? / 核对所持文件
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// Receipts of a folder in memory at one time.
const FOLDER_PART: usize = 1_024;

/// What was in a file, checked.
enum Checked {
    Receipt(Box<Result<VerifiedRecord, VerifyError>>),
    Entry(Box<Result<VerifiedEntry, VerifyError>>),
    Evidence(Result<Shown, String>),
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    let document = arguments.document.as_deref().map(digest_of).transpose()?;
    let entry = arguments.entry.as_deref().map(entry_of).transpose()?;
    if entry.is_some() && (arguments.files.len() != 1 || arguments.files[0].is_dir()) {
        return Err(Failure::usage(
            "entry",
            said!(
                "--entry 只能与一份证明一起使用",
                "--entry goes with one proof, not with several or a folder"
            ),
        ));
    }
    // All of them first: one may hold the countersignature of another.
    let (mut checked, mut endorsements) = (Vec::new(), Endorsements::default());
    let mut folders = Vec::new();
    for file in &arguments.files {
        if file.is_dir() {
            let (mut held, files) = (0, receipts_in(file)?);
            for part in files.chunks(FOLDER_PART) {
                let part: Vec<_> = part
                    .par_iter()
                    .map(|file| {
                        let bytes = read_file(file, RECEIPT_BYTES_MAX as u64 + 1)?;
                        let bytes = crate::receipt::unix(&bytes).into_owned();
                        Ok::<_, Failure>((file.display().to_string(), verify(&bytes, &policies)))
                    })
                    .collect::<Result<_, _>>()?;
                for (name, outcome) in part {
                    let mut holds = false;
                    if let Ok(record) = &outcome {
                        endorsements.add(record);
                        holds = record.checkpoint().quorum().met;
                    }
                    held += usize::from(holds);
                    if !holds || document.is_some() {
                        checked.push((name, Checked::Receipt(Box::new(outcome))));
                    }
                }
            }
            folders.push((file.display().to_string(), files.len(), held));
            continue;
        }
        let bytes = read_file(file, RECEIPT_BYTES_MAX as u64 + 1)?;
        let bytes = crate::receipt::unix(&bytes).into_owned();
        let one = if bytes.starts_with(FIRST_LINE.as_bytes()) {
            let text = String::from_utf8_lossy(&bytes);
            let shown = ForkEvidence::parse(&text).and_then(|found| found.check(&policies));
            Checked::Evidence(shown.map_err(|error| crate::chain_of(&error)))
        } else if let Some(entry) = &entry {
            beside(&bytes, entry, &policies)
        } else {
            Checked::Receipt(Box::new(verify(&bytes, &policies)))
        };
        if let Checked::Receipt(outcome) = &one
            && let Ok(record) = &**outcome
        {
            endorsements.add(record);
        }
        checked.push((file.display().to_string(), one));
    }
    let (mut text, mut verdicts, mut worst) = (String::new(), Vec::new(), Exit::Ok);
    let mut is_unjudged = false;
    for (file, checked) in checked {
        let verdict = match checked {
            Checked::Receipt(outcome) => Verdict::of(
                file,
                &outcome,
                &policies,
                document.as_deref(),
                &endorsements,
            ),
            Checked::Entry(outcome) => {
                Verdict::of_entry(file, &outcome, &policies, document.as_deref())
            }
            Checked::Evidence(shown) => Verdict::of_evidence(file, shown),
        };
        is_unjudged |= verdict.is_unjudged;
        text.push_str(&verdict.text(console.lang));
        worst = worse(worst, verdict.exit);
        verdicts.push(verdict.json());
    }
    for (folder, all, held) in folders {
        let said = said!(
            "{folder}：{all} 份回执，{held} 份成立\n",
            "{folder}: {all} receipts, {held} hold\n"
        );
        text.push_str(said.in_(console.lang));
        verdicts.push(json!({ "folder": folder, "receipts": all, "hold": held }));
    }
    let code = match worst {
        Exit::Ok => "verified",
        Exit::Policy if is_unjudged => "cannot-be-judged",
        Exit::Policy => "not-yet-witnessed",
        Exit::Input => "unreadable",
        Exit::Contradiction => "contradiction",
        _ => "verification-failed",
    };
    Ok(plain(code, text).exit(worst).with("verdicts", verdicts))
}

/// A proof and the entry beside it. A receipt has its own, which must be the same; it then says more than the entry alone.
fn beside(proof: &[u8], entry: &[u8], policies: &Policies) -> Checked {
    match Receipt::parse(proof) {
        Ok(receipt) if receipt.entry == entry => {
            Checked::Receipt(Box::new(verify(proof, policies)))
        }
        Ok(receipt) => Checked::Receipt(Box::new(Err(VerifyError::OtherEntry {
            found: leaf_hash(entry),
            wanted: leaf_hash(&receipt.entry),
        }))),
        Err(_) => Checked::Entry(Box::new(verify_entry(proof, entry, policies))),
    }
}

fn entry_of(path: &Path) -> Result<Vec<u8>, Failure> {
    read_file(path, ENTRY_BYTES_MAX as u64)
}

/// The receipts in a folder, by name. None is no proof of anything.
fn receipts_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = folder.display();
    let entries: std::io::Result<Vec<_>> = std::fs::read_dir(folder).and_then(Iterator::collect);
    let entries = entries.map_err(|error| {
        Failure::input(
            "folder",
            said!("读不了目录 {shown}", "cannot read the folder {shown}").because(&error),
        )
    })?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut receipts: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|ending| ending == "tlog-proof")
        })
        .collect();
    receipts.sort();
    if receipts.is_empty() {
        return Err(Failure::input(
            "folder",
            said!(
                "目录 {shown} 里没有 .tlog-proof 回执",
                "there is no .tlog-proof receipt in the folder {shown}"
            ),
        ));
    }
    Ok(receipts)
}

/// The receipt in a file, if it holds; whether its witnesses suffice is for the caller to say.
pub(super) fn holding(path: &Path, policies: &[Policy]) -> Result<VerifiedRecord, Failure> {
    let bytes = read_file(path, RECEIPT_BYTES_MAX as u64 + 1)?;
    let judged = verify(&crate::receipt::unix(&bytes), policies);
    judged.map_err(|error| not_held(&path.display().to_string(), &error))
}

/// That the receipt `shown` does not hold, by the step that failed: what is no receipt proves nothing, and what no policy is for is not
/// judged; neither accuses anybody.
pub(super) fn not_held(shown: &str, error: &VerifyError) -> Failure {
    let (exit, code, said) = match error.step() {
        Step::Form => (
            Exit::Input,
            "unreadable",
            said!(
                "{shown} 不是一份完整的回执，什么也证明不了；请重新取得",
                "{shown} is no whole receipt and proves nothing; get it again"
            ),
        ),
        Step::Policy => (
            Exit::Policy,
            "cannot-be-judged",
            said!(
                "无法判断 {shown}：没有适用的策略，回执本身未核；请向可信的来源取得该账本、该时期的策略文件",
                "{shown} cannot be judged: no policy given fits, and it was not looked at further; get this ledger's policy file for that time from a source that you trust"
            ),
        ),
        _ => (
            Exit::Failed,
            "verification-failed",
            said!("回执 {shown} 不成立", "the receipt {shown} does not hold"),
        ),
    };
    Failure::new(exit, code, said.then(&judged::of(error)))
}

/// Proof of a fork outranks a failed check, that an unreadable file, that an unmet policy.
fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Ok => 0,
        Exit::Policy => 1,
        Exit::Input => 2,
        Exit::Contradiction => 4,
        _ => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}
