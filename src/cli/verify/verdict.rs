//! What `verify` says of one file, for people in two languages and for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::out::Exit;
use super::super::policies::Policies;
use super::super::text::{Lang, Said, said};
use crate::audit::Shown;
use crate::tlog::merkle::Hash;
use crate::tlog::policy::{Lack, VerifiedCheckpoint, WitnessShown};
use crate::trade::statement::{Body, Statement};
use crate::trade::time::Time;
use crate::trade::visible::one_line;
use crate::verify::{Step, VerifiedRecord, VerifyError};

/// The verdict on one file.
pub(super) struct Verdict {
    file: String,
    pub exit: Exit,
    /// Each step: whether it was passed, and what was found.
    steps: Vec<(Step, bool, Said)>,
    conclusion: Said,
    /// Who cosigned, who did not, and what is missing.
    witnesses: Vec<(bool, Said)>,
    /// Supervisors whose countersignature is among the files given too.
    endorsed: Vec<Said>,
    document: Option<Said>,
    record: Option<Value>,
    /// What the verdict rests on is not shown; of a receipt only.
    is_receipt: bool,
}

impl Verdict {
    /// Of a receipt.
    pub fn of(
        file: String,
        outcome: &Result<VerifiedRecord, VerifyError>,
        policies: &Policies,
        document: Option<&str>,
        endorsements: &Endorsements,
    ) -> Verdict {
        match outcome {
            Ok(record) => Verdict::good(file, record, policies, document, endorsements),
            Err(error) => Verdict::bad(file, error),
        }
    }

    fn good(
        file: String,
        record: &VerifiedRecord,
        policies: &Policies,
        document: Option<&str>,
        endorsements: &Endorsements,
    ) -> Verdict {
        let (statement, header, checkpoint) =
            (record.statement(), record.header(), record.checkpoint());
        let (index, time, tree) = (header.index, header.time, checkpoint.tree());
        let (size, root) = (tree.size, tree.root_hash.to_base64());
        let origin = &checkpoint.checkpoint().origin;
        let policy = policies.why(record.policy(), record.passed_over(), size);
        let (policy_zh, policy_en) = (&policy.zh, &policy.en);
        let (genesis, leaf) = (record.genesis_id(), record.leaf_hash());
        let logs: Vec<String> = checkpoint.logs().iter().map(ToString::to_string).collect();
        let log = logs.join(", ");
        let (signers, id, kind) = (
            record.signers().join(", "),
            statement.id(),
            statement.statement_type(),
        );
        let quorum = checkpoint.quorum();
        let (have, need) = (quorum.have, quorum.need);
        let wanted = if need == 0 {
            said!("此策略不要求见证", "the policy wants no witness")
        } else {
            said!("见证 {have}/{need}", "witnesses: {have} of {need}")
        };
        let (witnesses_zh, witnesses_en) = (&wanted.zh, &wanted.en);
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
                    "按策略 {policy_zh}：账本 {origin}，创世编号 {genesis}",
                    "by the policy {policy_en}: ledger {origin}, genesis {genesis}"
                ),
            ),
            (
                Step::Checkpoint,
                true,
                said!(
                    "检查点：{size} 条，根 {root}，由日志密钥 {log} 签名；{witnesses_zh}",
                    "checkpoint: {size} records, root {root}, signed by the log key {log}; {witnesses_en}"
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
                    "已由账本签名，但见证不足（{have}/{need}）：{about}，第 {index} 条。可稍后换取带见证的回执：mingzhang receipt --refresh。",
                    "signed, not yet witnessed ({have} of {need}): {about}, record {index}. Later, mingzhang receipt --refresh gets the witnesses' word."
                ),
            )
        };
        let mut verdict = Verdict {
            file,
            exit,
            steps,
            witnesses: witness_lines(checkpoint),
            endorsed: endorsements.of(&id),
            conclusion,
            document: None,
            record: Some(record_json(record, policies, endorsements)),
            is_receipt: true,
        };
        if let Some(digest) = document {
            let fields = statement.fields();
            let named = fields
                .documents()
                .into_iter()
                .find(|document| document.sha256.to_string() == digest)
                .map(|document| one_line(document.name).into_owned());
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
            witnesses: Vec::new(),
            endorsed: Vec::new(),
            conclusion,
            document: None,
            record: None,
            is_receipt: true,
        }
    }

    /// Of a file with two signed checkpoints.
    pub fn of_evidence(file: String, shown: Result<Shown, String>) -> Verdict {
        let (exit, conclusion) = match shown {
            Ok(shown) => (Exit::Contradiction, shown_words(shown)),
            Err(cause) => (
                Exit::Failed,
                said!("这份证据什么也证明不了", "this evidence proves nothing").because(&cause),
            ),
        };
        Verdict {
            file,
            exit,
            steps: Vec::new(),
            witnesses: Vec::new(),
            endorsed: Vec::new(),
            conclusion,
            document: None,
            record: None,
            is_receipt: false,
        }
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", self.file);
        for (step, passed, said) in &self.steps {
            let mark = if *passed { "✔" } else { "✘" };
            text.push_str(&format!("  {mark} {} {}\n", *step as u8, said.in_(lang)));
            if *step == Step::Checkpoint {
                for (cosigned, said) in &self.witnesses {
                    let mark = if *cosigned { "✔" } else { "○" };
                    text.push_str(&format!("      {mark} {}\n", said.in_(lang)));
                }
            }
        }
        for said in &self.endorsed {
            text.push_str(&format!("  ✔ {}\n", said.in_(lang)));
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

    /// For programs.
    pub fn json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(step, passed, said)| json!({ "step": *step as u8, "passed": passed, "zh": said.zh, "en": said.en }))
            .collect();
        let not_shown: Vec<Value> = VerifiedRecord::NOT_SHOWN
            .iter()
            .filter(|_| self.is_receipt)
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
        (Some(title), Some(project)) => format!("{} ({project})", one_line(title)),
        (None, Some(project)) => project.to_owned(),
        _ => one_line(statement.statement_type()).into_owned(),
    }
}

fn record_json(record: &VerifiedRecord, policies: &Policies, endorsements: &Endorsements) -> Value {
    let checkpoint = record.checkpoint();
    let (quorum, size) = (checkpoint.quorum(), checkpoint.tree().size);
    let why = policies.why(record.policy(), record.passed_over(), size);
    let logs: Vec<String> = checkpoint.logs().iter().map(ToString::to_string).collect();
    let not_counted: Vec<Value> = checkpoint
        .not_counted()
        .iter()
        .map(|line| json!({ "name": line.name, "key_id": format!("{:08x}", line.key_id) }))
        .collect();
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
        "tree_size": size,
        "root_hash": checkpoint.tree().root_hash.to_base64(),
        "log_keys": logs,
        "policy": {
            "file": policies.file(record.policy()).display().to_string(),
            "until": policies[record.policy()].until(),
            "zh": why.zh,
            "en": why.en,
        },
        "quorum_met": quorum.met,
        "quorum": { "name": quorum.name, "met": quorum.met, "have": quorum.have, "need": quorum.need,
            "missing": checkpoint.lacks().iter().map(lack_json).collect::<Vec<_>>() },
        "witnesses": checkpoint.witnesses().iter().map(witness_json).collect::<Vec<_>>(),
        "not_counted": not_counted,
        "endorsed_by": endorsements.json_of(&record.statement().id()),
    })
}

fn lack_json(lack: &Lack) -> Value {
    json!({ "group": lack.name, "missing": lack.missing, "of": lack.of })
}

fn witness_json(witness: &WitnessShown) -> Value {
    json!({
        "name": witness.name,
        "vkey": witness.vkey.to_string(),
        "cosigned": witness.cosigned.map(utc),
        "counted": witness.counted,
    })
}

/// One line a witness, then what the quorum lacks.
fn witness_lines(checkpoint: &VerifiedCheckpoint) -> Vec<(bool, Said)> {
    let mut lines = Vec::new();
    for witness in checkpoint.witnesses() {
        let (name, key) = (&witness.name, witness.vkey.name());
        let shown = if name == key {
            name.clone()
        } else {
            format!("{name} ({key})")
        };
        let mut line = match witness.cosigned {
            Some(time) => {
                let time = utc(time);
                said!(
                    "见证 {shown}：{time} 联署",
                    "witness {shown}: cosigned at {time}"
                )
            }
            None => said!(
                "见证 {shown}：未联署此检查点",
                "witness {shown}: has not cosigned this checkpoint"
            ),
        };
        if !witness.counted {
            line.zh.push_str("（不计入法定数）");
            line.en.push_str(" (the quorum does not count it)");
        }
        lines.push((witness.cosigned.is_some(), line));
    }
    for Lack { name, missing, of } in checkpoint.lacks() {
        let of = of.join(", ");
        lines.push((
            false,
            said!(
                "法定数 {name} 还缺 {missing} 个，可由下列补足：{of}",
                "the quorum {name} lacks {missing} of: {of}"
            ),
        ));
    }
    for line in checkpoint.not_counted() {
        let (name, id) = (&line.name, line.key_id);
        lines.push((
            false,
            said!(
                "签名行 {name}（{id:08x}）：策略不认识此密钥，不计",
                "the line of {name} ({id:08x}): a key that the policy does not know, not counted"
            ),
        ));
    }
    lines
}

/// Supervisors' countersignatures that were verified in the same run, by the statement that they are of.
#[derive(Default)]
pub(super) struct Endorsements(BTreeMap<Hash, Vec<(String, u64, String)>>);

impl Endorsements {
    /// Takes note of a verified record, if it is one.
    pub fn add(&mut self, record: &VerifiedRecord) {
        let statement = record.statement();
        if !matches!(statement.body(), Body::Endorse) {
            return;
        }
        let fields = statement.fields();
        let of = fields.about().and_then(|about| about.statement);
        if let (Some(of), Some(by)) = (of, statement.publisher()) {
            let header = record.header();
            let endorsement = (by.to_owned(), header.index, header.time.to_string());
            self.0.entry(of).or_default().push(endorsement);
        }
    }

    fn of(&self, id: &Hash) -> Vec<Said> {
        let found = self.0.get(id).into_iter().flatten();
        found
            .map(|(by, index, time)| {
                said!(
                    "监督机构 {by} 已会签（第 {index} 条，{time}）",
                    "endorsed by the supervisor {by} (record {index}, {time})"
                )
            })
            .collect()
    }

    fn json_of(&self, id: &Hash) -> Vec<Value> {
        let found = self.0.get(id).into_iter().flatten();
        found
            .map(|(by, index, time)| json!({ "supervisor": by, "index": index, "time": time }))
            .collect()
    }
}

/// What two checkpoints show, in words.
pub(in crate::cli) fn shown_words(shown: Shown) -> Said {
    match shown {
        Shown::TwoRoots { size } => said!(
            "日志密钥对 {size} 条记录签了两个不同的根：账本分叉，已证明",
            "the log key has signed two roots for {size} records: the log has forked, this proves it"
        ),
        Shown::NotExtended { size, larger } => said!(
            "日志密钥签的 {larger} 条并不延续它签的 {size} 条：账本被改写，已证明",
            "the {larger} records that the log key has signed do not extend the {size} that it has signed: the log was rewritten, this proves it"
        ),
        Shown::RolledBack { size, larger } => said!(
            "两份检查点都由日志密钥签名，{larger} 条和 {size} 条；先见到 {larger} 条、后见到 {size} 条，是取证者之言，签名本身不证明先后",
            "both checkpoints are signed by the log key, of {larger} and of {size} records; that the {size} were shown after the {larger} is the finder's word, the signatures do not prove which came first"
        ),
    }
}

/// POSIX seconds as people write a time.
pub(in crate::cli) fn utc(seconds: u64) -> String {
    let ms = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000));
    ms.and_then(Time::from_ms)
        .map_or_else(|| seconds.to_string(), |time| time.to_string())
}
