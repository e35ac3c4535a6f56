//! What `verify` says of one file, for people in two languages and for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::judged;
use super::super::out::Exit;
use super::super::policies::Policies;
use crate::audit::{Shown, SignatureLine};
use crate::lang::{Lang, Said};
use crate::said;
use crate::tlog::merkle::Hash;
use crate::tlog::policy::{Lack, VerifiedCheckpoint, WitnessShown};
use crate::trade::statement::{Body, Statement};
use crate::trade::time::Time;
use crate::trade::visible::one_line;
use crate::verify::{Step, VerifiedEntry, VerifiedRecord, VerifyError};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Passed,
    Failed,
    /// What it is judged by is not there.
    NotJudged,
}

/// The verdict on one file.
pub(super) struct Verdict {
    file: String,
    pub exit: Exit,
    /// Nothing was shown for or against it: the policy or a part of the proof is missing.
    pub is_unjudged: bool,
    /// Each step: how it ended, and what was found.
    steps: Vec<(Step, Mark, Said)>,
    conclusion: Said,
    /// Who cosigned, who did not, and what is missing.
    witnesses: Vec<(bool, Said)>,
    /// Supervisors whose countersignature is among the files given too.
    endorsed: Vec<Said>,
    /// Whether the file held is one that the statement names, and which.
    document: Option<(bool, Said)>,
    record: Option<Value>,
    /// What is not shown.
    not_shown: Vec<(&'static str, &'static str)>,
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
            Ok(record) => {
                let mut verdict = Verdict::placed(file, record, policies);
                let (genesis, signers) = (record.genesis_id(), record.signers().join(", "));
                verdict.detail(
                    Step::Policy,
                    &said!("，创世编号 {genesis}", ", genesis {genesis}"),
                );
                let (statement, kind) = (record.statement(), record.statement().statement_type());
                let id = statement.id();
                verdict.steps.extend([
                    (
                        Step::Keys,
                        Mark::Passed,
                        said!("密钥由创世声明逐级推出", "the keys follow from the genesis"),
                    ),
                    (
                        Step::Signature,
                        Mark::Passed,
                        said!(
                            "{kind} 声明 {id} 由 {signers} 签名",
                            "{kind} statement {id}, signed by {signers}"
                        ),
                    ),
                ]);
                verdict.endorsed = endorsements.of(&id);
                verdict.record = Some(record_json(record, policies, endorsements));
                verdict.compare(statement, document)
            }
            Err(error) => Verdict::bad(file, error),
        }
    }

    /// Of a proof with its entry beside it: who signed the statement is not judged, and the verdict says so.
    pub fn of_entry(
        file: String,
        outcome: &Result<VerifiedEntry, VerifyError>,
        policies: &Policies,
        document: Option<&str>,
    ) -> Verdict {
        let entry = match outcome {
            Ok(entry) => entry,
            Err(error) => return Verdict::bad(file, error),
        };
        let mut verdict = Verdict::placed(file, entry, policies);
        let without = said!(
            "未核：这份证明没有附上密钥声明",
            "not judged: the proof carries no key statements"
        );
        let steps = [Step::Keys, Step::Signature];
        let not_judged = steps.map(|step| (step, Mark::NotJudged, without.clone()));
        verdict.steps.extend(not_judged);
        verdict.conclusion.zh += "声明由谁签名未核；要核，请用账本给出的回执。";
        verdict.conclusion.en +=
            " Who signed the statement is not judged; a receipt of the ledger's own shows that.";
        verdict.not_shown.insert(
            0,
            (
                "声明是否由其所称的发布者签名",
                "whether the statement is signed by the publisher that it names",
            ),
        );
        verdict.record = Some(entry_json(entry, policies));
        verdict.compare(entry.statement(), document)
    }

    /// Steps 1 to 5, passed.
    fn placed(file: String, record: &VerifiedEntry, policies: &Policies) -> Verdict {
        let (statement, header, checkpoint) =
            (record.statement(), record.header(), record.checkpoint());
        let (index, time, tree) = (header.index, header.time, checkpoint.tree());
        let (size, root) = (tree.size, tree.root_hash.to_base64());
        let origin = &checkpoint.checkpoint().origin;
        let policy = policies.why(record.policy(), record.passed_over(), size);
        let (policy_zh, policy_en) = (&policy.zh, &policy.en);
        let leaf = record.leaf_hash();
        let logs: Vec<String> = checkpoint.logs().iter().map(ToString::to_string).collect();
        let log = logs.join(", ");
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
                Mark::Passed,
                said!("文件是一份回执", "the file is a receipt"),
            ),
            (
                Step::Policy,
                Mark::Passed,
                said!(
                    "按策略 {policy_zh}：账本 {origin}",
                    "by the policy {policy_en}: ledger {origin}"
                ),
            ),
            (
                Step::Checkpoint,
                Mark::Passed,
                said!(
                    "检查点：{size} 条，根 {root}，由日志密钥 {log} 签名；{witnesses_zh}",
                    "checkpoint: {size} records, root {root}, signed by the log key {log}; {witnesses_en}"
                ),
            ),
            (
                Step::Inclusion,
                Mark::Passed,
                said!(
                    "条目在树中第 {index} 位，叶散列 {leaf}",
                    "the entry is leaf {index} of the tree, leaf hash {leaf}"
                ),
            ),
            (
                Step::Record,
                Mark::Passed,
                said!(
                    "记录 {index}，账本时间 {time}",
                    "record {index}, ledger time {time}"
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
        Verdict {
            file,
            exit,
            is_unjudged: false,
            steps,
            witnesses: witness_lines(checkpoint),
            endorsed: Vec::new(),
            conclusion,
            document: None,
            record: None,
            not_shown: VerifiedRecord::NOT_SHOWN.to_vec(),
        }
    }

    /// Adds to what was found in a step.
    fn detail(&mut self, of: Step, more: &Said) {
        for (_, _, said) in self.steps.iter_mut().filter(|(step, ..)| *step == of) {
            said.zh.push_str(&more.zh);
            said.en.push_str(&more.en);
        }
    }

    /// Holds the file that somebody has against those that the statement names. Of another file nothing is shown, whatever the receipt is
    /// worth, and the last word is about the file.
    fn compare(mut self, statement: &Statement, document: Option<&str>) -> Verdict {
        let Some(digest) = document else {
            return self;
        };
        let fields = statement.fields();
        let named = fields
            .documents()
            .into_iter()
            .find(|document| document.sha256.to_string() == digest)
            .map(|document| one_line(document.name).into_owned());
        let Some(name) = named else {
            self.exit = Exit::Failed;
            self.document = Some((
                false,
                said!(
                    "所持文件（SHA-256 {digest}）不是该声明列出的文件",
                    "the file you hold (SHA-256 {digest}) is none that the statement names"
                ),
            ));
            let about = about(statement);
            self.conclusion = said!(
                "不符：所持文件与这份回执无关，回执不能证明它。请核对是否拿错了文件或回执（回执所涉：{about}）。",
                "no: the file you hold is not among those of this receipt, which therefore proves nothing of it. See that it is the right file and the right receipt (the receipt is of {about})."
            );
            return self;
        };
        let matches = said!(
            "所持文件与声明中的「{name}」一致（SHA-256 {digest}）",
            "the file you hold is the statement's {name:?} (SHA-256 {digest})"
        );
        self.document = Some((true, matches));
        self
    }

    fn bad(file: String, error: &VerifyError) -> Verdict {
        let failed = error.step();
        let is_unjudged = error.is_unjudged();
        let mark = match is_unjudged {
            true => Mark::NotJudged,
            false => Mark::Failed,
        };
        let mut steps: Vec<(Step, Mark, Said)> = Step::ALL
            .iter()
            .filter(|step| **step < failed)
            .map(|step| (*step, Mark::Passed, name_of(*step)))
            .collect();
        steps.push((failed, mark, judged::of(error)));
        let name = name_of(failed);
        let (zh, en) = (&name.zh, &name.en);
        let number = failed as u8;
        let (exit, conclusion) = match failed {
            Step::Form => (
                Exit::Input,
                said!(
                    "读不了：这不是一份完整的回执，什么也证明不了。请重新取得回执。",
                    "it cannot be read: this is no whole receipt and proves nothing. Get the receipt again."
                ),
            ),
            // Nothing speaks against the receipt, and nobody is accused.
            Step::Policy => (
                Exit::Policy,
                said!(
                    "无法判断：没有适用的策略，回执本身未核。请向可信的来源取得该账本、该时期的策略文件，再核对一次。",
                    "cannot be judged: no policy given fits, and the receipt was not looked at further. Get this ledger's policy file for that time from a source that you trust, and check again."
                ),
            ),
            _ => (
                Exit::Failed,
                said!(
                    "不成立：第 {number} 步「{zh}」未通过。请核对文件是否完整、策略是否为该账本所用；如均无误，请把回执和本结果一并交给监督部门。",
                    "it does not hold: step {number}, {en}, failed. See that the file is whole and the policy is this ledger's; if so, hand the receipt and this result to the supervising authority."
                ),
            ),
        };
        Verdict {
            file,
            exit,
            is_unjudged,
            steps,
            witnesses: Vec::new(),
            endorsed: Vec::new(),
            conclusion,
            document: None,
            record: None,
            not_shown: VerifiedRecord::NOT_SHOWN.to_vec(),
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
            is_unjudged: false,
            steps: Vec::new(),
            witnesses: Vec::new(),
            endorsed: Vec::new(),
            conclusion,
            document: None,
            record: None,
            not_shown: Vec::new(),
        }
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let mut text = format!("{}\n", self.file);
        for (step, mark, said) in &self.steps {
            let mark = match mark {
                Mark::Passed => "✔",
                Mark::Failed => "✘",
                Mark::NotJudged => "○",
            };
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
        if let Some((matches, said)) = &self.document {
            let mark = if *matches { "✔" } else { "✘" };
            text.push_str(&format!("  {mark} {}\n", said.in_(lang)));
        }
        text.push_str(&format!("{}\n", self.conclusion.in_(lang)));
        if self.record.is_some() {
            text.push_str(lang.say("此回执不能证明：\n", "what this receipt does not show:\n"));
            for (zh, en) in &self.not_shown {
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
            .map(|(step, mark, said)| {
                // Null: what it is judged by is not there.
                let passed = (*mark != Mark::NotJudged).then_some(*mark == Mark::Passed);
                json!({ "step": *step as u8, "passed": passed, "zh": said.zh, "en": said.en })
            })
            .collect();
        let not_shown: Vec<Value> = self
            .not_shown
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
            "judged": !self.is_unjudged,
            "document": self.document.as_ref().map(|(_, said)| said.en.clone()),
            "document_matches": self.document.as_ref().map(|(matches, _)| *matches),
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
    let mut json = entry_json(record, policies);
    json["signers"] = json!(record.signers());
    json["genesis_id"] = json!(record.genesis_id().to_string());
    json["endorsed_by"] = json!(endorsements.json_of(&record.statement().id()));
    json
}

fn entry_json(record: &VerifiedEntry, policies: &Policies) -> Value {
    let checkpoint = record.checkpoint();
    let (quorum, size) = (checkpoint.quorum(), checkpoint.tree().size);
    let why = policies.why(record.policy(), record.passed_over(), size);
    let logs: Vec<String> = checkpoint.logs().iter().map(ToString::to_string).collect();
    let lines = checkpoint.lines().iter().map(SignatureLine::of);
    let not_counted: Vec<Value> = checkpoint
        .not_counted()
        .into_iter()
        .map(|line| {
            let SignatureLine { code, en, zh, .. } = SignatureLine::of(line);
            let key_id = format!("{:08x}", line.key_id);
            json!({ "name": line.name, "key_id": key_id, "code": code, "en": en, "zh": zh })
        })
        .collect();
    json!({
        "index": record.header().index,
        "time": record.header().time.to_string(),
        "id": record.statement().id().to_string(),
        "type": record.statement().statement_type(),
        "publisher": record.statement().publisher(),
        "project": record.statement().project(),
        "leaf_hash": record.leaf_hash().to_string(),
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
        "lines": lines.collect::<Vec<_>>(),
        "not_counted": not_counted,
    })
}

fn lack_json(lack: &Lack) -> Value {
    json!({ "group": lack.name, "missing": lack.missing, "of": lack.of })
}

fn witness_json(witness: &WitnessShown) -> Value {
    json!({
        "name": witness.name,
        "vkey": witness.vkey,
        "cosigned": witness.cosigned.map(utc),
        "counted": witness.counted,
        "unsupported": witness.unsupported,
    })
}

/// One line a witness, then what the quorum lacks.
fn witness_lines(checkpoint: &VerifiedCheckpoint) -> Vec<(bool, Said)> {
    let mut lines = Vec::new();
    for witness in checkpoint.witnesses() {
        let (name, key) = (&witness.name, &witness.key_name);
        let shown = if name == key {
            name.clone()
        } else {
            format!("{name} ({key})")
        };
        let mut line = match witness.cosigned {
            None if let Some(algorithm) = witness.unsupported => said!(
                "见证 {shown}：其密钥的签名类型为 0x{algorithm:02x}，本程序不能验证，按未联署计",
                "witness {shown}: its key is of signature type 0x{algorithm:02x}, which this program cannot verify; it counts as not having cosigned"
            ),
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
        let (name, id) = (one_line(&line.name), line.key_id);
        let SignatureLine { zh, en, .. } = SignatureLine::of(line);
        lines.push((
            false,
            said!(
                "签名行 {name}（{id:08x}）：{zh}",
                "the line of {name} ({id:08x}): {en}"
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
