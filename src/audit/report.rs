//! What an audit found: data for programs (`--json`), for the page that an auditor files, and for the exit code.
//!
//! Promises: every fault names the object and, where there is one, the record, with the step that found it, in English and Chinese; a list is
//! cut only where it says so and by how much. Publisher text stands in here as it was found: whoever shows it escapes it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::words;
use crate::lang::Said;
use crate::tlog::merkle::Tree;
use crate::tlog::policy::{LineShown, VerifiedCheckpoint};

/// The most faults that a report lists; the rest is counted. A log that is another log altogether has one a record.
pub const FAULTS_MAX: usize = 10_000;
/// The most erased entries that a report lists; the rest is counted.
pub const ERASED_MAX: usize = 10_000;

/// What was being checked when a fault was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A policy fits and pins the genesis.
    Policy,
    /// The object can be read at all: it is there, and not larger than its kind can be.
    Read,
    /// `checkpoint` is signed by the log of the policy, and what cosignatures it has are good.
    Checkpoint,
    /// `head` is signed, and not behind `checkpoint`.
    Head,
    /// A kept checkpoint is signed, and is what its name says.
    Kept,
    /// The log extends what it showed the last time (`--state`).
    State,
    /// Record 0 is the pinned genesis.
    Genesis,
    /// An entry bundle is framed exactly, and has exactly its width.
    Bundle,
    /// A hash tile has exactly the hashes that follow from the entries.
    Tile,
    /// An entry has the leaf hash that the tree has.
    Leaf,
    /// The entries give the root hash that was signed.
    Root,
    /// An entry is a record, of its index.
    Record,
    /// A record links to the one before it.
    Link,
    /// A record holds a statement.
    Statement,
    /// A statement obeys the log rules: ledger, key in force, role, chain, `amends`, time, `issued`, changes of keys, size.
    Rule,
    /// Its signature verifies.
    Signature,
    /// What is erased was ordered to be, and what was ordered to be is.
    Erasure,
    /// A commit object follows from the one before, and holds what the log holds.
    Commit,
    /// An opening opens a commitment of its statement.
    Opening,
}

impl Step {
    /// All, in the order in which the page lists them.
    pub const ALL: [Step; 19] = [
        Step::Policy,
        Step::Read,
        Step::Checkpoint,
        Step::Head,
        Step::Kept,
        Step::State,
        Step::Genesis,
        Step::Bundle,
        Step::Tile,
        Step::Leaf,
        Step::Root,
        Step::Record,
        Step::Link,
        Step::Statement,
        Step::Rule,
        Step::Signature,
        Step::Erasure,
        Step::Commit,
        Step::Opening,
    ];

    /// What is checked, in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Step::Policy => "a policy fits and pins the genesis",
            Step::Read => "every object is there and has a possible size",
            Step::Checkpoint => "the checkpoint is signed by the log of the policy",
            Step::Head => "head is signed and not behind the checkpoint",
            Step::Kept => "kept checkpoints are signed and what their names say",
            Step::State => "the log extends what it showed the last time",
            Step::Genesis => "record 0 is the pinned genesis",
            Step::Bundle => "entry bundles are framed exactly",
            Step::Tile => "hash tiles are those of the entries",
            Step::Leaf => "entries have the leaf hashes of the tree",
            Step::Root => "the entries give every signed root hash",
            Step::Record => "entries are records, in their order",
            Step::Link => "each record links to the one before",
            Step::Statement => "records hold statements",
            Step::Rule => {
                "log rules: ledger, key in force, role, chain, amends, times, changes of keys"
            }
            Step::Signature => "each statement is signed by the key in force at its place",
            Step::Erasure => "what is erased was ordered, what was ordered is erased",
            Step::Commit => "commit objects follow each other and hold what the log holds",
            Step::Opening => "shown openings open their commitments",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Step::Policy => "策略文件适用并固定了创世编号",
            Step::Read => "各文件齐全，大小合理",
            Step::Checkpoint => "检查点由策略所列账本签名",
            Step::Head => "head 有签名且不落后于检查点",
            Step::Kept => "留存检查点有签名，且与文件名相符",
            Step::State => "账本是上次所见账本的延续",
            Step::Genesis => "第 0 号记录是策略固定的创世声明",
            Step::Bundle => "条目包的分段准确无误",
            Step::Tile => "摘要块与条目相符",
            Step::Leaf => "条目与树中的摘要相符",
            Step::Root => "由条目算得每个已签名的根摘要",
            Step::Record => "条目是记录，序号连续",
            Step::Link => "每条记录链接到前一条",
            Step::Statement => "记录中是声明",
            Step::Rule => "账本规则：账本名、密钥有效、角色、链、更正、时间、密钥变更",
            Step::Signature => "每份声明由当时有效的密钥签名",
            Step::Erasure => "清除的条目都有命令，命令清除的都已清除",
            Step::Commit => "提交文件前后相接，内容与账本一致",
            Step::Opening => "已公开的原值与承诺值相符",
        }
    }
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The object, by its name in the log (or beside it, for `commit/` and `openings/`).
    pub object: String,
    /// The record, where the fault is one record's.
    pub record: Option<u64>,
    /// What was being checked.
    pub step: Step,
    /// A stable word for programs.
    pub code: &'static str,
    /// What was found and what was wanted.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

impl Fault {
    pub(super) fn new(
        object: &str,
        record: Option<u64>,
        step: Step,
        code: &'static str,
        said: Said,
    ) -> Fault {
        Fault {
            object: object.to_owned(),
            record,
            step,
            code,
            en: said.en,
            zh: said.zh,
        }
    }
}

/// Faults as they come, cut off at [`FAULTS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub faults: Vec<Fault>,
    pub more: u64,
}

impl Findings {
    pub fn add(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            self.add(fault);
        }
    }

    pub fn count(&self) -> u64 {
        self.faults.len() as u64 + self.more
    }
}

/// Size and root hash, for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeShown {
    /// Records.
    pub size: u64,
    /// Base64, as in a checkpoint.
    pub root_hash: String,
}

impl From<Tree> for TreeShown {
    fn from(tree: Tree) -> TreeShown {
        TreeShown {
            size: tree.size,
            root_hash: tree.root_hash.to_base64(),
        }
    }
}

/// A checkpoint that the log has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedShown {
    /// The object it stood in.
    pub object: String,
    /// Its origin.
    pub origin: String,
    /// What it says.
    pub tree: TreeShown,
    /// The whole note.
    pub note: String,
    /// The log key that signed it, as a vkey.
    pub log: String,
    /// Witnesses of the policy that cosigned it: name, POSIX seconds by the witness's clock.
    pub cosignatures: Vec<(String, u64)>,
    /// Witnesses of the policy that did not.
    pub missing: Vec<String>,
    /// Every signature line, counted or not and why.
    pub lines: Vec<SignatureLine>,
    /// The quorum line of the policy.
    pub quorum: String,
    /// How many of it have cosigned.
    pub have: usize,
    /// How many must have.
    pub need: usize,
    /// Whether that is enough.
    pub met: bool,
}

impl SignedShown {
    pub(super) fn of(object: &str, verified: &VerifiedCheckpoint) -> SignedShown {
        let quorum = verified.quorum();
        SignedShown {
            object: object.to_owned(),
            origin: verified.checkpoint().origin.clone(),
            tree: verified.tree().into(),
            note: verified.note().encode(),
            log: verified.log().to_string(),
            cosignatures: verified
                .cosignatures()
                .iter()
                .map(|cosigned| (cosigned.name.clone(), cosigned.timestamp))
                .collect(),
            missing: verified.missing().to_vec(),
            lines: verified.lines().iter().map(SignatureLine::of).collect(),
            quorum: quorum.name.clone(),
            have: quorum.have,
            need: quorum.need,
            met: quorum.met,
        }
    }
}

/// A signature line of a checkpoint, with what it counts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureLine {
    /// Key name and key ID, as in a vkey.
    pub key: String,
    /// Whether it counts for anything.
    pub counted: bool,
    /// A stable word: `log`, `witness`, `twice`, `unsupported` or `unknown`.
    pub code: &'static str,
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl SignatureLine {
    /// Of a checkpoint that a policy has judged.
    pub fn of(line: &LineShown) -> SignatureLine {
        let (code, said) = words::of_line(line);
        SignatureLine {
            key: format!("{}+{:08x}", line.name, line.key_id),
            counted: line.counts(),
            code,
            en: said.en,
            zh: said.zh,
        }
    }
}

/// A signature line that means nothing here, and is named so that nobody overlooks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCounted {
    /// The object.
    pub object: String,
    /// The line.
    #[serde(flatten)]
    pub line: SignatureLine,
}

/// Strays named in a report.
pub const STRAYS_MAX: usize = 100;

/// Lines that are not counted, at most in a report.
pub const NOT_COUNTED_MAX: usize = 1_000;
/// Code of the fault that no policy given is for a checkpoint: by itself it says nothing of the log.
pub(super) const NO_POLICY: &str = "policy";

/// Two checkpoints signed by the log that cannot both be true. Each is evidence by itself: keep both notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// One of them.
    pub one: Evidence,
    /// The other.
    pub other: Evidence,
    /// Why they cannot both be true.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

/// A signed checkpoint, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it stood.
    pub object: String,
    /// What it says.
    pub tree: TreeShown,
    /// The whole note.
    pub note: String,
}

/// What was counted on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records that were replayed, erased and unreadable ones too.
    pub records: u64,
    /// Chains of `trade` statements.
    pub projects: u64,
    /// Statements by type.
    pub types: BTreeMap<String, u64>,
    /// Entries erased by order.
    pub erased: u64,
    /// Statements of a type or `v` that this program does not understand: judged by signature, key, chain and size only.
    pub not_understood: u64,
    /// Records whose bytes are missing or not those that were logged. Each is under a fault.
    pub unread: u64,
    /// Statements whose place in their chain could not be judged, because the record before may be an unread one.
    pub unjudged: u64,
    /// Signatures verified now.
    pub signatures: u64,
    /// Signatures that were verified in an earlier run over the very same bytes.
    pub signatures_before: u64,
    /// Hash tiles and bundles compared, partial ones that only older checkpoints imply too.
    pub tiles: u64,
    /// Kept checkpoints.
    pub kept: u64,
    /// Commit objects.
    pub commits: u64,
    /// Records that are committed but not under a signed checkpoint yet.
    pub unsigned: u64,
    /// Objects with openings.
    pub openings: u64,
}

/// An entry erased by order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedShown {
    /// The record whose entry is gone.
    pub record: u64,
    /// The record that orders it.
    pub ordered_by: u64,
}

/// Something remarkable that breaks no rule of the log: it does not change the exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// A stable word for programs: `ahead_of_clock`.
    pub code: &'static str,
    /// The first record that it is about.
    pub record: Option<u64>,
    /// How many it is about.
    pub count: u64,
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl From<Said> for Sentence {
    fn from(said: Said) -> Sentence {
        Sentence {
            en: said.en,
            zh: said.zh,
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing is wrong, nothing contradicts, and the policy is met.
    pub ok: bool,
    /// 0 ok, 1 a fault, 5 the policy is not met or none is for this log, 6 two signed views contradict.
    pub exit_code: u8,
    /// When, by the clock that was given.
    pub date: String,
    /// Of this program.
    pub version: &'static str,
    /// What was audited, as given.
    pub source: String,
    /// The policy that judged `checkpoint`, as a file.
    pub policy: Option<String>,
    /// The pinned genesis id.
    pub genesis: Option<String>,
    /// `checkpoint`, if a policy accepts its signature.
    pub checkpoint: Option<SignedShown>,
    /// `head`, likewise.
    pub head: Option<SignedShown>,
    /// What the log showed the last time, if that was given.
    pub state: Option<TreeShown>,
    /// The tree that the entries give, as far as every leaf hash is known.
    pub audited: TreeShown,
    /// What was counted.
    pub counts: Counts,
    /// Every fault, those of no record first, then by record.
    pub faults: Vec<Fault>,
    /// Faults beyond [`FAULTS_MAX`].
    pub faults_more: u64,
    /// Signed views that contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Signature lines that mean nothing here, at most [`NOT_COUNTED_MAX`].
    pub not_counted: Vec<NotCounted>,
    /// Further ones.
    pub not_counted_more: u64,
    /// Files that an operating system left among the objects, at most [`STRAYS_MAX`]; they are no part of the log and no fault.
    pub strays: Vec<String>,
    /// Entries erased by order, at most [`ERASED_MAX`].
    pub erased: Vec<ErasedShown>,
    /// What is remarkable, and no fault.
    pub remarks: Vec<Remark>,
    /// What was not checked, and what no audit of a log can show.
    pub not_checked: Vec<Sentence>,
}

impl Report {
    /// Whether what was seen may be remembered for the next run (`--state`): no fault and no contradiction. An unmet quorum does not matter
    /// here, as what the log has signed binds the log.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.contradictions.is_empty() && self.checkpoint.is_some()
    }

    /// Whether the policy's quorum is met by `checkpoint`.
    #[must_use]
    pub fn quorum_is_met(&self) -> bool {
        self.checkpoint
            .as_ref()
            .is_some_and(|checkpoint| checkpoint.met)
    }

    /// Whether nothing was shown for or against the log: no policy given is for it, and nothing else was found.
    #[must_use]
    pub fn is_unjudged(&self) -> bool {
        let is_for_another = |fault: &Fault| fault.code == NO_POLICY;
        // Where one checkpoint was accepted, another that names another log is a fault.
        self.audited.size == 0
            && self.checkpoint.is_none()
            && self.head.is_none()
            && self.faults_more == 0
            && !self.faults.is_empty()
            && self.faults.iter().all(is_for_another)
    }

    /// The report as JSON, for `--json`.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers become JSON")
    }

    pub(super) fn conclude(mut self) -> Report {
        // By record, those of no record first; the sort is stable, so that each record's faults keep the order of the steps.
        self.faults.sort_by_key(|fault| fault.record);
        self.exit_code = match () {
            () if !self.contradictions.is_empty() => 6,
            () if self.is_unjudged() => 5,
            () if !self.is_clean() => 1,
            () if !self.quorum_is_met() => 5,
            () => 0,
        };
        self.ok = self.exit_code == 0;
        self
    }
}
