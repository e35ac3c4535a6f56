//! `bid check`: what a bidder proves with his own files, and what anybody checks at an opening. Offline.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::files::digest_of;
use crate::cli::keys::read_vkey_file;
use crate::cli::out::{Answer, Console, Exit, Failure};
use crate::cli::policies::Policies;
use crate::cli::verify::holding;
use crate::cli::{plain, read_file};
use crate::lang::Said;
use crate::said;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Vkey;
use crate::tlog::policy::Policy;
use crate::trade::json::Value;
use crate::trade::names;
use crate::trade::sealed::{
    self, BidReceipt, OPENING_BYTES_MAX, Opening, Register, check_bid, check_opening, check_path,
};
use crate::verify::VerifiedRecord;

/// What `bid check` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The receipt of the record that holds the register (.tlog-proof) / 密封登记的回执
    #[arg(long, value_name = "RECEIPT")]
    register: PathBuf,
    /// Whom to trust: policy files or folders of them / 信任策略
    #[arg(long, required = true, value_name = "POLICY", num_args = 1)]
    policy: Vec<PathBuf>,
    /// The lot; a bid receipt says its own / 标段编号
    #[arg(long, default_value = "1")]
    lot: String,
    /// Your bid receipt / 投标回执
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Your bid file: is it the one the receipt is for? / 投标文件
    #[arg(long, value_name = "FILE", requires = "receipt")]
    file: Option<PathBuf>,
    /// Your path to this register / 路径
    #[arg(long, value_name = "FILE", requires = "receipt")]
    path: Option<PathBuf>,
    /// The list of slots published at the opening / 启封清单
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    /// The receipt of the opening record, which names that list / 开标记录的回执
    #[arg(long, value_name = "RECEIPT", requires = "opening")]
    opened: Option<PathBuf>,
    /// The centre's key of the bid receipt, if it is not the register's / 交易中心公钥
    #[arg(long, value_name = "VKEY", requires = "receipt")]
    centre_key: Option<PathBuf>,
}

/// What was checked so far, in order.
#[derive(Debug, Default)]
struct Findings {
    steps: Vec<(bool, Said)>,
    /// For people to look at: no fault.
    notes: Vec<Said>,
    unchecked: Vec<Said>,
}

impl Findings {
    fn good(&mut self, said: Said) {
        self.steps.push((true, said));
    }

    fn bad(&mut self, said: Said) {
        self.steps.push((false, said));
    }

    fn holds(&self) -> bool {
        self.steps.iter().all(|(good, _)| *good)
    }
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let policies = Policies::read(&arguments.policy)?;
    let mut findings = Findings::default();
    let (record, mut witnessed) = record(&arguments.register, &policies)?;
    let receipt = arguments
        .receipt
        .as_deref()
        .map(|path| bid_receipt(path, &record, arguments.centre_key.as_deref()))
        .transpose()?;
    let lot = receipt
        .as_ref()
        .map_or(&arguments.lot, |receipt| &receipt.lot.lot);
    let register = Register::read(record.statement(), lot).map_err(|error| {
        let (shown, cause) = (arguments.register.display(), error.to_string());
        Failure::input(
            "register",
            said!(
                "{shown} 中没有该标段的密封登记",
                "{shown} holds no register of this lot"
            )
            .because(&cause),
        )
    })?;
    let (index, time, slots, root) = (
        record.header().index,
        record.header().time,
        register.slots,
        register.root,
    );
    findings.good(said!(
        "密封登记：账本第 {index} 条，{time} 登记，{slots} 槽，根 {root}",
        "the register: record {index} of the ledger, logged {time}, {slots} slots, root {root}"
    ));
    if let Some(receipt) = &receipt {
        of_bidder(&mut findings, arguments, receipt, &register)?;
    }
    match &arguments.opening {
        Some(path) => {
            let opening = read_opening(path)?;
            of_opening(&mut findings, &register, &opening, &record);
            if let Some(receipt) = &receipt {
                own_slot(&mut findings, receipt, &register, &opening);
            }
            witnessed &= published(&mut findings, arguments, &policies, &register, path)?;
        }
        None => findings.unchecked.push(said!(
            "开标：给出 --opening 即可核对启封清单",
            "the opening: give its list with --opening"
        )),
    }
    findings.unchecked.push(said!(
        "此登记是否开标前的最后一次：请在账本中查看该项目的全部登记",
        "whether this register is the last before the opening: look at all registers of the project in the ledger"
    ));
    Ok(told(console, &findings, witnessed))
}

fn told(console: &Console, findings: &Findings, witnessed: bool) -> Answer {
    let lang = console.lang;
    let mut text = String::new();
    for (good, said) in &findings.steps {
        text.push_str(&format!(
            "{} {}\n",
            if *good { "✔" } else { "✘" },
            said.in_(lang)
        ));
    }
    for note in &findings.notes {
        text.push_str(&format!("! {}\n", note.in_(lang)));
    }
    let (exit, code, conclusion) = match (findings.holds(), witnessed) {
        (false, _) => (
            Exit::Failed,
            "bid-check-failed",
            said!(
                "不成立。请保存这些文件和本结果，交给监督部门：登记、回执和开标记录都有交易中心的签名，任何人可以重做这一核对。",
                "it does not hold. Keep these files and this result and hand them to the supervising authority: register, receipt and opening are signed by the centre, and anybody can repeat this check."
            ),
        ),
        (true, false) => (
            Exit::Policy,
            "not-yet-witnessed",
            said!(
                "以上均成立，但账本的见证不足，可稍后换取带见证的回执。",
                "all of this holds, yet the ledger's record is not witnessed as the policy wants; fetch the receipt again later."
            ),
        ),
        (true, true) => (
            Exit::Ok,
            "bid-check-holds",
            said!("以上均成立。", "all of this holds."),
        ),
    };
    text.push_str(&format!("{}\n", conclusion.in_(lang)));
    text.push_str(lang.say("没有核对：\n", "not checked:\n"));
    for said in &findings.unchecked {
        text.push_str(&format!("  · {}\n", said.in_(lang)));
    }
    let both = |said: &Said| json!({ "zh": said.zh, "en": said.en });
    let steps: Vec<_> = findings
        .steps
        .iter()
        .map(|(good, said)| json!({ "passed": good, "zh": said.zh, "en": said.en }))
        .collect();
    plain(code, text)
        .exit(exit)
        .with("steps", steps)
        .with("notes", findings.notes.iter().map(both).collect::<Vec<_>>())
        .with(
            "not_checked",
            findings.unchecked.iter().map(both).collect::<Vec<_>>(),
        )
}

/// A record, verified, and whether its policy's quorum is met.
fn record(path: &Path, policies: &[Policy]) -> Result<(VerifiedRecord, bool), Failure> {
    let record = holding(path, policies)?;
    let met = record.checkpoint().quorum().met;
    Ok((record, met))
}

fn bid_receipt(
    path: &Path,
    record: &VerifiedRecord,
    centre_key: Option<&Path>,
) -> Result<BidReceipt, Failure> {
    let mut keys: Vec<Vkey> = record
        .signers()
        .iter()
        .filter_map(|vkey| Vkey::parse(vkey).ok())
        .collect();
    if let Some(path) = centre_key {
        let shown = path.display();
        keys.push(read_vkey_file(path)?.ok_or_else(|| {
            Failure::input(
                "vkey",
                said!("没有文件 {shown}", "there is no file {shown}"),
            )
        })?);
    }
    let bytes = read_file(path, sealed::RECEIPT_BYTES_MAX as u64 + 1)?;
    BidReceipt::verify(&bytes, &keys).map_err(|error| {
        let (shown, cause) = (path.display(), crate::chain_of(&error));
        Failure::new(
            Exit::Failed,
            "bid-receipt",
            said!(
                "{shown} 不是该中心签名的投标回执",
                "{shown} is not a bid receipt signed by this centre"
            )
            .because(&cause),
        )
    })
}

fn of_bidder(
    findings: &mut Findings,
    arguments: &Arguments,
    receipt: &BidReceipt,
    register: &Register,
) -> Result<(), Failure> {
    let (bidder, received, slot) = (
        &receipt.bid.bidder,
        &receipt.bid.received_at,
        receipt.bid.slot,
    );
    findings.good(said!(
        "投标回执：{bidder}，{received} 收到，槽位 {slot}，由交易中心签名",
        "the bid receipt: {bidder}, received {received}, slot {slot}, signed by the centre"
    ));
    match &arguments.file {
        Some(path) => {
            let (digest, shown) = (digest_of(path)?, path.display());
            if digest == receipt.bid.file.to_string() {
                findings.good(said!(
                    "投标文件 {shown} 就是回执所指的文件",
                    "{shown} is the bid file that the receipt is for"
                ));
            } else {
                let wanted = receipt.bid.file;
                findings.bad(said!(
                    "投标文件 {shown} 的散列是 {digest}，回执所指的是 {wanted}",
                    "{shown} has the digest {digest}, the receipt is for {wanted}"
                ));
            }
        }
        None => findings.unchecked.push(said!(
            "投标文件：给出 --file 即可核对",
            "the bid file: give it with --file"
        )),
    }
    match &arguments.path {
        Some(path) => {
            let bytes = read_file(path, sealed::RECEIPT_BYTES_MAX as u64 + 1)?;
            let shown = path.display();
            let way = sealed::Path::parse(&bytes).map_err(|error| {
                let cause = crate::chain_of(&error);
                Failure::input(
                    "path",
                    said!("{shown} 不是路径文件", "{shown} is not a path").because(&cause),
                )
            })?;
            match check_path(receipt, register, &way) {
                Ok(()) => {
                    findings.good(said!("该投标在此次登记之中", "the bid is in this register"))
                }
                Err(fault) => {
                    let cause = fault.to_string();
                    findings.bad(
                        said!(
                            "不能证明该投标在此次登记之中（若此次登记早于投标，请用之后的登记核对）",
                            "the bid is not shown to be in this register (if the register is older than the bid, take a later one)"
                        )
                        .because(&cause),
                    );
                }
            }
        }
        None => findings.unchecked.push(said!(
            "开标前是否在登记之中：给出 --path 即可核对",
            "whether the bid is in the register before the opening: give --path"
        )),
    }
    Ok(())
}

fn read_opening(path: &Path) -> Result<Opening, Failure> {
    let bytes = read_file(path, OPENING_BYTES_MAX as u64)?;
    Opening::parse(&bytes).map_err(|error| {
        let (shown, cause) = (path.display(), crate::chain_of(&error));
        Failure::input(
            "opening",
            said!(
                "{shown} 不是启封清单",
                "{shown} is not the list of an opening"
            )
            .because(&cause),
        )
    })
}

fn of_opening(
    findings: &mut Findings,
    register: &Register,
    opening: &Opening,
    record: &VerifiedRecord,
) {
    match check_opening(register, opening, Some(record.header().time)) {
        Ok(opened) => {
            let (bids, closed, empty) = (opened.bids, opened.not_decrypted, opened.empty);
            findings.good(said!(
                "启封清单与登记相符：{bids} 份投标启封，{closed} 份未解密，{empty} 槽证明为空；没有增减、调换",
                "the opening fits the register: {bids} bids opened, {closed} not decrypted, {empty} slots proved empty; none added, dropped or swapped"
            ));
            for (bidder, count) in opened.several {
                findings.notes.push(said!(
                    "{bidder} 有 {count} 份投标，请查看开标记录的说明",
                    "{bidder} has {count} bids; see what the opening record says of it"
                ));
            }
            for (slot, time) in opened.late {
                findings.notes.push(said!(
                    "槽位 {slot} 的收到时间 {time} 晚于登记时间",
                    "slot {slot} says it was received {time}, after the register was logged"
                ));
            }
        }
        Err(fault) => {
            let cause = fault.to_string();
            findings.bad(
                said!(
                    "启封清单与登记不符",
                    "the opening does not fit the register"
                )
                .because(&cause),
            );
        }
    }
}

fn own_slot(findings: &mut Findings, receipt: &BidReceipt, register: &Register, opening: &Opening) {
    match check_bid(receipt, register, opening) {
        Ok(true) => findings.good(said!(
            "您的投标已按收到时的原样启封",
            "your bid was opened as you handed it in"
        )),
        Ok(false) => findings.good(said!(
            "您的投标在登记之中，列为未解密",
            "your bid is in the register and listed as not decrypted"
        )),
        Err(fault) => {
            let cause = fault.to_string();
            findings.bad(
                said!(
                    "启封与交易中心签给您的回执矛盾",
                    "the opening contradicts the receipt that the centre signed for you"
                )
                .because(&cause),
            );
        }
    }
}

/// Finds whether the list is the one that a record of the ledger names for this register; whether that record is witnessed.
fn published(
    findings: &mut Findings,
    arguments: &Arguments,
    policies: &[Policy],
    register: &Register,
    list: &Path,
) -> Result<bool, Failure> {
    let Some(path) = &arguments.opened else {
        findings.unchecked.push(said!(
            "这份清单是否账本中开标记录所列的：给出 --opened 即可核对",
            "whether this list is the one that the opening record names: give --opened"
        ));
        return Ok(true);
    };
    let (record, witnessed) = record(path, policies)?;
    let (index, digest) = (record.header().index, digest_of(list)?);
    let value = record.statement().value();
    let hash = |row: &Value<'_>, pointer: &str| -> Option<Hash> {
        names::parse_hash(row.pointer(pointer)?.as_str()?).ok()
    };
    let rows = value.pointer("/details/unsealed").and_then(Value::items);
    let same = record.statement().publisher() == Some(&register.lot.publisher)
        && record.statement().project() == Some(&register.lot.project)
        && rows.unwrap_or_default().iter().any(|row| {
            hash(row, "/register") == Some(register.statement)
                && hash(row, "/opening/sha256").is_some_and(|hash| hash.to_string() == digest)
        });
    if same {
        findings.good(said!(
            "清单就是账本第 {index} 条开标记录所列的那一份",
            "the list is the one that the opening record, record {index} of the ledger, names"
        ));
    } else {
        findings.bad(said!(
            "账本第 {index} 条没有为此次登记列出这份清单（SHA-256 {digest}）",
            "record {index} of the ledger does not name this list (SHA-256 {digest}) for this register"
        ));
    }
    Ok(witnessed)
}
