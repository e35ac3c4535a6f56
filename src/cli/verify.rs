//! `verify`: receipts against policies, offline, step by step, and what that does not show.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::out::{Answer, Console, Exit, Failure};
use super::text::{Lang, Said, said};
use super::{plain, read_file};
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::tlog::policy::Policy;
use crate::trade::statement::Statement;
use crate::trade::time::Time;
use crate::verify::{Step, VerifiedRecord, VerifyError, verify};

/// What `verify` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Receipts (.tlog-proof) / 回执
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whom to trust: policy files, the newest first / 信任策略
    #[arg(long, required = true, value_name = "POLICY", num_args = 1)]
    policy: Vec<PathBuf>,
    /// A file you hold: is it one that the statement names? / 核对所持文件
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

const POLICY_BYTES_MAX: u64 = 1 << 20;
const DOCUMENT_BYTES_MAX: u64 = 4 << 30;

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = arguments
        .policy
        .iter()
        .map(|path| read_policy(path))
        .collect::<Result<Vec<_>, _>>()?;
    let document = arguments.document.as_deref().map(digest_of).transpose()?;
    let (mut text, mut verdicts, mut worst) = (String::new(), Vec::new(), Exit::Ok);
    for file in &arguments.files {
        let bytes = read_file(file, RECEIPT_BYTES_MAX as u64 + 1)?;
        let outcome = verify(&bytes, &policies);
        let verdict = Verdict::of(file, &outcome, &arguments.policy, document.as_deref());
        text.push_str(&verdict.text(console.lang));
        worst = worse(worst, verdict.exit);
        verdicts.push(verdict.json());
    }
    let code = match worst {
        Exit::Ok => "verified",
        Exit::Policy => "not-yet-witnessed",
        Exit::Input => "unreadable",
        _ => "verification-failed",
    };
    Ok(plain(code, text).exit(worst).with("verdicts", verdicts))
}

/// A failed check outranks an unreadable file, that an unmet policy.
fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Ok => 0,
        Exit::Policy => 1,
        Exit::Input => 2,
        _ => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// Reads a policy file.
pub(super) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let bytes = read_file(path, POLICY_BYTES_MAX)?;
    Policy::parse(&bytes).map_err(|error| {
        let (shown, cause) = (path.display(), crate::chain_of(&error));
        Failure::input(
            "policy",
            said!("{shown} 不是策略文件", "{shown} is not a policy file").because(&cause),
        )
    })
}

/// The SHA-256 of a file as hexadecimal digits.
pub(super) fn digest_of(path: &Path) -> Result<String, Failure> {
    use sha2::{Digest, Sha256};
    use std::io::Read;
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::input(
            "document",
            said!("读不了 {shown}", "cannot read {shown}").because(&error),
        )
    };
    let mut file = std::fs::File::open(path)
        .map_err(unreadable)?
        .take(DOCUMENT_BYTES_MAX);
    let (mut sha256, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(hex::encode(sha256.finalize())),
            read => sha256.update(&buffer[..read]),
        }
    }
}

struct Verdict {
    file: String,
    exit: Exit,
    /// Each step: whether it was passed, and what was found.
    steps: Vec<(Step, bool, Said)>,
    conclusion: Said,
    document: Option<Said>,
    record: Option<Value>,
}

impl Verdict {
    fn of(
        file: &Path,
        outcome: &Result<VerifiedRecord, VerifyError>,
        policies: &[PathBuf],
        document: Option<&str>,
    ) -> Verdict {
        let shown = file.display().to_string();
        match outcome {
            Ok(record) => Verdict::good(shown, record, policies, document),
            Err(error) => Verdict::bad(shown, error),
        }
    }

    fn good(
        file: String,
        record: &VerifiedRecord,
        policies: &[PathBuf],
        document: Option<&str>,
    ) -> Verdict {
        let (statement, header, checkpoint) =
            (record.statement(), record.header(), record.checkpoint());
        let (index, time, tree) = (header.index, header.time, checkpoint.tree());
        let (size, root) = (tree.size, tree.root_hash.to_base64());
        let origin = &checkpoint.checkpoint().origin;
        let policy = policies[record.policy()].display();
        let (log, genesis, leaf) = (checkpoint.log(), record.genesis_id(), record.leaf_hash());
        let (signers, id, kind) = (
            record.signers().join(", "),
            statement.id(),
            statement.statement_type(),
        );
        let quorum = checkpoint.quorum();
        let witnesses: Vec<String> = checkpoint
            .cosignatures()
            .iter()
            .map(|cosigned| format!("{} {}", cosigned.name, utc(cosigned.timestamp)))
            .collect();
        let witnesses = if witnesses.is_empty() {
            "—".to_owned()
        } else {
            witnesses.join(", ")
        };
        let (have, need) = (quorum.have, quorum.need);
        let steps = vec![
            (
                Step::Form,
                true,
                said!("文件是一份回执", "the file is a receipt"),
            ),
            (
                Step::Policy,
                true,
                said!(
                    "按策略 {policy}：账本 {origin}，创世编号 {genesis}",
                    "by the policy {policy}: ledger {origin}, genesis {genesis}"
                ),
            ),
            (
                Step::Checkpoint,
                true,
                said!(
                    "检查点：{size} 条，根 {root}，由日志密钥 {log} 签名；见证：{witnesses}（{have}/{need}）",
                    "checkpoint: {size} records, root {root}, signed by the log key {log}; witnesses: {witnesses} ({have} of {need})"
                ),
            ),
            (
                Step::Inclusion,
                true,
                said!(
                    "条目在树中第 {index} 位，叶散列 {leaf}",
                    "the entry is leaf {index} of the tree, leaf hash {leaf}"
                ),
            ),
            (
                Step::Record,
                true,
                said!(
                    "记录 {index}，账本时间 {time}",
                    "record {index}, ledger time {time}"
                ),
            ),
            (
                Step::Keys,
                true,
                said!("密钥由创世声明逐级推出", "the keys follow from the genesis"),
            ),
            (
                Step::Signature,
                true,
                said!(
                    "{kind} 声明 {id} 由 {signers} 签名",
                    "{kind} statement {id}, signed by {signers}"
                ),
            ),
        ];
        let about = about(statement);
        let (exit, conclusion) = if quorum.met {
            (
                Exit::Ok,
                said!(
                    "成立：{about}，已写入账本第 {index} 条，登记时间 {time}。",
                    "it holds: {about}, record {index} of the ledger, logged {time}."
                ),
            )
        } else {
            (
                Exit::Policy,
                said!(
                    "已由账本签名，但见证不足（{have}/{need}）：{about}，第 {index} 条。可稍后换取带见证的回执。",
                    "signed, not yet witnessed ({have} of {need}): {about}, record {index}. Fetch the receipt again later."
                ),
            )
        };
        let mut verdict = Verdict {
            file,
            exit,
            steps,
            conclusion,
            document: None,
            record: Some(record_json(record)),
        };
        if let Some(digest) = document {
            let fields = statement.fields();
            let named = fields
                .documents()
                .into_iter()
                .find(|document| document.sha256.to_string() == digest)
                .map(|document| document.name.to_owned());
            verdict.document = Some(match named {
                Some(name) => said!(
                    "所持文件与声明中的「{name}」一致（SHA-256 {digest}）",
                    "the file you hold is the statement's {name:?} (SHA-256 {digest})"
                ),
                None => {
                    verdict.exit = Exit::Failed;
                    said!(
                        "所持文件（SHA-256 {digest}）不是该声明列出的文件",
                        "the file you hold (SHA-256 {digest}) is none that the statement names"
                    )
                }
            });
        }
        verdict
    }

    fn bad(file: String, error: &VerifyError) -> Verdict {
        let failed = error.step();
        let cause = crate::chain_of(error);
        let mut steps: Vec<(Step, bool, Said)> = Step::ALL
            .iter()
            .filter(|step| **step < failed)
            .map(|step| (*step, true, name_of(*step)))
            .collect();
        steps.push((
            failed,
            false,
            Said {
                zh: cause.clone(),
                en: cause,
            },
        ));
        let name = name_of(failed);
        let (zh, en) = (&name.zh, &name.en);
        let number = failed as u8;
        let conclusion = said!(
            "不成立：第 {number} 步「{zh}」未通过。请核对文件是否完整、策略是否为该账本所用；如均无误，请把回执和本结果一并交给监督部门。",
            "it does not hold: step {number}, {en}, failed. See that the file is whole and the policy is this ledger's; if so, hand the receipt and this result to the supervising authority."
        );
        let exit = if failed == Step::Form {
            Exit::Input
        } else {
            Exit::Failed
        };
        Verdict {
            file,
            exit,
            steps,
            conclusion,
            document: None,
            record: None,
        }
    }

    fn text(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", self.file);
        for (step, passed, said) in &self.steps {
            let mark = if *passed { "✔" } else { "✘" };
            text.push_str(&format!("  {mark} {} {}\n", *step as u8, said.in_(lang)));
        }
        if let Some(document) = &self.document {
            text.push_str(&format!(
                "  {} {}\n",
                if self.exit == Exit::Failed {
                    "✘"
                } else {
                    "✔"
                },
                document.in_(lang)
            ));
        }
        text.push_str(&format!("{}\n", self.conclusion.in_(lang)));
        if self.record.is_some() {
            text.push_str(lang.say("此回执不能证明：\n", "what this receipt does not show:\n"));
            for (zh, en) in VerifiedRecord::NOT_SHOWN {
                text.push_str(&format!("  · {}\n", lang.say(zh, en)));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(step, passed, said)| json!({ "step": *step as u8, "passed": passed, "zh": said.zh, "en": said.en }))
            .collect();
        let not_shown: Vec<Value> = VerifiedRecord::NOT_SHOWN
            .iter()
            .map(|(zh, en)| json!({ "zh": zh, "en": en }))
            .collect();
        json!({
            "file": self.file,
            "ok": self.exit == Exit::Ok,
            "exit": self.exit.number(),
            "steps": steps,
            "zh": self.conclusion.zh,
            "en": self.conclusion.en,
            "document": self.document.as_ref().map(|said| said.en.clone()),
            "record": self.record,
            "not_shown": not_shown,
        })
    }
}

fn name_of(step: Step) -> Said {
    match step {
        Step::Form => said!("文件格式", "the form of the file"),
        Step::Policy => said!("策略适用", "a policy for this ledger"),
        Step::Checkpoint => said!("检查点签名", "the checkpoint's signatures"),
        Step::Inclusion => said!("条目在树中", "the entry's place in the tree"),
        Step::Record => said!("记录格式", "the record"),
        Step::Keys => said!("密钥来历", "where the keys come from"),
        Step::Signature => said!("声明签名", "the statement's signature"),
    }
}

fn about(statement: &Statement) -> String {
    let fields = statement.fields();
    match (fields.title(), statement.project()) {
        (Some(title), Some(project)) => format!("{title} ({project})"),
        (None, Some(project)) => project.to_owned(),
        _ => statement.statement_type().to_owned(),
    }
}

fn record_json(record: &VerifiedRecord) -> Value {
    let checkpoint = record.checkpoint();
    json!({
        "index": record.header().index,
        "time": record.header().time.to_string(),
        "id": record.statement().id().to_string(),
        "type": record.statement().statement_type(),
        "publisher": record.statement().publisher(),
        "project": record.statement().project(),
        "leaf_hash": record.leaf_hash().to_string(),
        "signers": record.signers(),
        "genesis_id": record.genesis_id().to_string(),
        "tree_size": checkpoint.tree().size,
        "root_hash": checkpoint.tree().root_hash.to_base64(),
        "quorum_met": checkpoint.quorum().met,
    })
}

fn utc(seconds: u64) -> String {
    let ms = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000));
    ms.and_then(Time::from_ms)
        .map_or_else(|| seconds.to_string(), |time| time.to_string())
}
