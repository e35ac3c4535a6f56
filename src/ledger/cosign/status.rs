//! What is known of each witness, for a program and in plain words.

use crate::tlog::policy::Unsupported;
use crate::trade::time::Time;

/// What became of the last exchange with a witness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) enum State {
    /// Nothing was heard of it since the ledger was started.
    #[default]
    Unheard,
    /// Its last line counts.
    Cosigns,
    /// It has an older checkpoint and is being shown what came since.
    CatchingUp,
    /// No answer.
    Silent { why: String },
    /// It answered with a status of refusal.
    Refuses { status: u16, said: String },
    /// It answered without a line by the key of the policy.
    OtherKey,
    /// Its line does not verify.
    BadSignature,
    /// Its clock and ours are too far apart; positive: it is ahead.
    Clock { off_s: i64 },
    /// It says that it has cosigned more records than there are.
    Ahead { size: u64 },
    /// It has another tree.
    Disagrees { size: u64 },
}

/// What was last heard of a witness.
#[derive(Clone, Debug, Default)]
pub(in crate::ledger) struct LastSeen {
    pub state: State,
    /// Size and time of its newest cosignature.
    pub newest: Option<(u64, u64)>,
}

impl LastSeen {
    pub fn cosigned(&mut self, size: u64, timestamp: u64) {
        self.state = State::Cosigns;
        if self.newest.is_none_or(|newest| newest <= (size, timestamp)) {
            self.newest = Some((size, timestamp));
        }
    }
}

/// One witness, as `/api/v1/witnesses` and `/healthz` tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStatus {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub vkey: String,
    /// Where it is asked; `None` if it comes by itself.
    pub url: Option<String>,
    /// The newest tree that it has cosigned.
    pub size: Option<u64>,
    /// When, by its own clock.
    pub time: Option<Time>,
    /// A word for programs: `unheard`, `cosigns`, `catching-up`, `silent`, `refuses`, `other-key`, `bad-signature`, `clock`, `ahead`,
    /// `disagrees`.
    pub state: &'static str,
    /// The same for people, in Chinese.
    pub zh: String,
    /// The same for people, in English.
    pub en: String,
}

/// How this ledger stands with its witnesses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnesses {
    /// The name on the policy's `quorum` line; `none` if nobody's word is needed.
    pub quorum: String,
    /// How many members of the quorum must cosign.
    pub need: usize,
    /// How many have cosigned the newest head.
    pub have: usize,
    /// The newest head's size.
    pub head_size: u64,
    /// The largest size that met the policy.
    pub met_size: Option<u64>,
    /// For how long the head has been larger than that, in seconds.
    pub lag_s: Option<i64>,
    /// After so many seconds a checkpoint is published without; `None`: never.
    pub fail_open_after_s: Option<i64>,
    /// Whether that is so now.
    pub failing_open: bool,
    /// Whether the head has waited longer than witnesses that answer would take: an alarm.
    pub overdue: bool,
    /// If so, whether as many witnesses answer as are needed: then the fault is the ledger's.
    pub witnesses_answer: bool,
    /// Why nothing is written, if a witness has shown that nothing may be.
    pub held: Option<String>,
    /// Each of them, in the order of the policy.
    pub witnesses: Vec<WitnessStatus>,
}

impl WitnessStatus {
    /// Of one that is not asked, since what it signs cannot be verified.
    pub(super) fn unsupported(witness: &Unsupported) -> WitnessStatus {
        let algorithm = witness.vkey.algorithm();
        WitnessStatus {
            name: witness.name.clone(),
            vkey: witness.vkey.to_string(),
            url: witness.url.clone(),
            size: None,
            time: None,
            state: "unsupported",
            zh: format!("签名类型 0x{algorithm:02x} 不能验证，按未联署计"),
            en: format!(
                "signature type 0x{algorithm:02x} cannot be verified, counts as not having cosigned"
            ),
        }
    }
}

impl State {
    /// The word for programs, and the words for people.
    pub fn words(&self, comes: bool) -> (&'static str, String, String) {
        let said = |code, zh: &str, en: &str| (code, zh.to_owned(), en.to_owned());
        match self {
            State::Unheard if comes => said(
                "unheard",
                "等待其主动送达",
                "it delivers by itself, nothing has come yet",
            ),
            State::Unheard => said("unheard", "尚未答复", "has not answered yet"),
            State::Cosigns => said("cosigns", "正常联署", "cosigns"),
            State::CatchingUp => said("catching-up", "正在追上", "is catching up"),
            // Why exactly is in the operator's log: it may name hosts.
            State::Silent { .. } => said("silent", "没有答复", "does not answer"),
            State::Refuses { status, .. } => (
                "refuses",
                format!("拒绝联署（HTTP {status}）"),
                format!("refuses (HTTP {status})"),
            ),
            State::OtherKey => said(
                "other-key",
                "答复中没有策略所载密钥的联署",
                "answers without a line by the key that stands in the policy",
            ),
            State::BadSignature => said(
                "bad-signature",
                "联署验证不通过，不计",
                "its line does not verify and does not count",
            ),
            State::Clock { off_s } => (
                "clock",
                format!("其时钟与本机相差 {off_s} 秒，联署不计"),
                format!("its clock and ours are {off_s} s apart, its line does not count"),
            ),
            State::Ahead { size } => (
                "ahead",
                format!("它已联署 {size} 条，多于本账本：账本曾被旧备份恢复，或密钥在别处使用"),
                format!(
                    "has cosigned {size} records, more than there are here: the ledger was restored from an older copy, or its key is used elsewhere"
                ),
            ),
            State::Disagrees { size } => (
                "disagrees",
                format!("它不认可 {size} 条的树与先前所见一致；证据存于密钥目录的 alarms"),
                format!(
                    "says that the tree of {size} does not extend what it saw before; the evidence is in alarms/ beside the log key"
                ),
            ),
        }
    }
}
