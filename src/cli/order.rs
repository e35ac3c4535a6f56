//! `order` and `withheld`: what is not shown, by whose order, until when.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::KeyArguments;
use super::answered::{self, Answered};
use super::keys::holder::Holder;
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::said;
use crate::store::Http;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Note;
use crate::trade::statement::Statement;
use crate::trade::visible::one_line;

const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// The chain of orders may move under us; then the order is signed again.
const FOLLOW_TRIES: u32 = 5;
const POST: &str = "api/v1/statements";

/// What is ordered.
#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// Not to be shown from now on; kept / 不予公开
    Withhold(Arguments),
    /// To be shown again / 恢复公开
    Disclose(Arguments),
    /// To be destroyed, value and salt; there is no way back / 清除
    Erase(Arguments),
}

/// What `order` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    #[command(flatten)]
    key: KeyArguments,
    /// The opening of the commitment at this JSON pointer / 承诺值位置
    #[arg(long, value_name = "POINTER", group = "target")]
    pointer: Option<String>,
    /// The document with this SHA-256 / 文件摘要
    #[arg(long, value_name = "SHA256", group = "target")]
    document: Option<String>,
    /// The whole record: no page, look-up or export shows its words / 整条记录
    #[arg(long, group = "target")]
    record: bool,
    /// person, privacy, trade_secret, not_yet, security, internal or credit_repaired / 理由
    #[arg(long, value_name = "CLASS")]
    class: String,
    /// The article of law / 法律依据
    #[arg(long, value_name = "TEXT")]
    basis: String,
    /// The office that approved it; never a person's name / 批准机构
    #[arg(long, value_name = "TEXT")]
    approver: String,
    /// When it is looked at again, RFC 3339 (to withhold, needed) / 复核时间
    #[arg(long, value_name = "TIME")]
    review: Option<String>,
    /// The record's index, or the statement's id / 序号或声明编号
    #[arg(value_name = "INDEX|ID")]
    what: String,
}

pub(super) fn run(console: &Console, order: &Order) -> Result<Answer, Failure> {
    let (act, arguments) = match order {
        Order::Withhold(arguments) => ("withhold", arguments),
        Order::Disclose(arguments) => ("disclose", arguments),
        Order::Erase(arguments) => ("erase", arguments),
    };
    let target = match (&arguments.pointer, &arguments.document, arguments.record) {
        (Some(pointer), None, false) => ("pointer", json!(pointer)),
        (None, Some(document), false) => ("document", json!(document)),
        (None, None, true) => ("record", json!(true)),
        _ => {
            return Err(Failure::usage(
                "order-target",
                said!(
                    "请用 --pointer、--document、--record 之一说明针对什么",
                    "say what it is about with one of --pointer, --document and --record"
                ),
            ));
        }
    };
    if act == "withhold" && arguments.review.is_none() {
        return Err(Failure::usage(
            "order-review",
            said!(
                "不予公开须以 --review 写明复核时间，如 2027-01-01T00:00:00+08:00（政府信息公开条例第十八条）",
                "to withhold, say with --review when it is looked at again, such as 2027-01-01T00:00:00+08:00 (政府信息公开条例 18)"
            ),
        ));
    }
    let signer = arguments.key.open(console)?;
    let http = Http::new(&arguments.ledger)?;
    let ledger = answered::ledger_name(&http)?;
    let about = about(&http, &arguments.what)?;
    let mut order = json!({
        "type": "order", "v": 1, "ledger": ledger, "publisher": signer.name(), "follows": null,
        "about": about, "act": act, "class": arguments.class, "basis": arguments.basis,
        "approver": arguments.approver,
    });
    order[target.0] = target.1;
    if let Some(review) = &arguments.review {
        order["review_at"] = json!(review);
    }
    let answer = post_own(&http, &signer, order)?;
    let index = answer.get("index").and_then(Value::as_u64).unwrap_or(0);
    let said = match act {
        "disclose" => said!(
            "已登记为第 {index} 号记录：该内容恢复公开\n",
            "logged as record {index}: it is shown again\n"
        ),
        "erase" => said!(
            "已登记为第 {index} 号记录：该内容已从本账本的存储中清除；镜像和下载过的副本不受此命令影响\n",
            "logged as record {index}: it is destroyed in this ledger's store; copies that others took before are beyond this order\n"
        ),
        _ => said!(
            "已登记为第 {index} 号记录：该内容不再显示。记录的哈希和证明照常可以核对\n",
            "logged as record {index}: it is no longer shown. Hash and proof of the record can be checked as ever\n"
        ),
    };
    let mut said = plain("order", said.in_(console.lang)).with("index", index);
    for name in ["id", "receipt"] {
        said = said.with(name, answer.get(name).cloned().unwrap_or(Value::Null));
    }
    Ok(said)
}

/// Whose statement it is, also if its words are withheld.
pub(super) fn about(http: &Http, what: &str) -> Result<Value, Failure> {
    let name = if Hash::from_hex(what).is_some() {
        format!("api/v1/statements/{what}")
    } else if what.parse::<u64>().is_ok() {
        format!("api/v1/records/{what}")
    } else {
        return Err(Failure::usage(
            "index",
            said!(
                "{what} 不是序号，也不是 64 位十六进制编号",
                "{what} is neither an index nor an id of 64 hexadecimal digits"
            ),
        ));
    };
    let answer = answered::ask(http, &name, ANSWER_BYTES_MAX)?;
    if !matches!(answer.status, 200 | 451) {
        return Err(answered::refusal(http, &name, &answer));
    }
    let told = Value::Object(answered::object(http, &name, &answer)?);
    let from = match answer.status {
        200 => &told["statement"],
        _ => &told,
    };
    // What is signed names the statement that was meant, whatever the ledger answers.
    let id = told["id"]
        .as_str()
        .filter(|id| Hash::from_hex(id).is_some());
    let is_meant = id == Some(what)
        || told["index"]
            .as_u64()
            .is_some_and(|n| n.to_string() == what);
    let Some(id) = id.filter(|_| is_meant) else {
        let base = http.base();
        return Err(Failure::temporary(
            "answer",
            said!(
                "{base} 对 {what} 的应答不是这条记录",
                "what {base} answers for {what} is not that record"
            ),
        ));
    };
    match (from["publisher"].as_str(), from["project"].as_str()) {
        (Some(publisher), Some(project)) => Ok(json!({
            "publisher": publisher, "project": project, "statement": id,
        })),
        _ => Err(Failure::input(
            "order-about",
            said!(
                "{what} 不是交易声明，命令只能针对交易声明",
                "{what} is no trade statement, and orders are about these only"
            ),
        )),
    }
}

/// Signs a statement of the signer's own chain, which may move under us, and posts it.
pub(super) fn post_own(http: &Http, signer: &Holder, mut order: Value) -> Result<Value, Failure> {
    let mut tries = 0;
    loop {
        let text = format!("{order}\n");
        let note = Note {
            signatures: vec![signer.sign(&text)?],
            text,
        };
        let statement = Statement::parse(note.encode().as_bytes()).map_err(|error| {
            Failure::input(
                "order-form",
                said!("声明不合格式", "the statement is malformed")
                    .because(&crate::chain_of(&error)),
            )
        })?;
        let answer = http.call(
            "POST",
            POST,
            &[("content-type", "text/plain")],
            Some(statement.note()),
            ANSWER_BYTES_MAX,
        )?;
        tries += 1;
        if answer.status == 409 && tries <= FOLLOW_TRIES {
            let told = answered::object(http, POST, &answer)?;
            if told
                .get("code")
                .is_some_and(|code| code == "follows-conflict")
            {
                order["follows"] = told.get("head").cloned().unwrap_or(Value::Null);
                continue;
            }
        }
        let told = Answered::of(http, POST, &answer)?;
        told.u64("index")?;
        told.str("receipt")?;
        return Ok(Value::Object(told.into_members()));
    }
}

/// What `withheld` is told.
#[derive(Debug, Args)]
pub(super) struct WithheldArguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Only what is overdue for review / 只列逾期未复核的
    #[arg(long)]
    overdue: bool,
}

pub(super) fn withheld(
    console: &Console,
    arguments: &WithheldArguments,
) -> Result<Answer, Failure> {
    let http = Http::new(&arguments.ledger)?;
    let (mut lines, mut after) = (Vec::new(), None::<u64>);
    let overdue = loop {
        let mut name = "api/v1/withheld?limit=256".to_owned();
        if let Some(after) = after {
            name += &format!("&after={after}");
        }
        if arguments.overdue {
            name += "&overdue=true";
        }
        let told = answered::get(&http, &name, ANSWER_BYTES_MAX)?;
        let size = told.tree_size()?;
        let mut last = after;
        for line in told.array("withheld")? {
            let order = told.index_in(line, "order", size)?;
            told.index_in(line, "record", order)?;
            if let Some(last) = last.filter(|last| order <= *last) {
                return Err(told.wrong(
                    &said!(
                        "第 {order} 号命令在第 {last} 号之后",
                        "order {order} follows order {last}"
                    ),
                    &said!("依命令的次序", "the order of the orders"),
                ));
            }
            last = Some(order);
            lines.push(line.clone());
        }
        // Always further down, whatever the server says; a list that stops early is short of its count.
        if last > after && told.value("after").as_u64() == last {
            after = last;
            continue;
        }
        let (found, count) = (lines.len() as u64, told.u64("count")?);
        let overdue = told.u64("overdue")?;
        if found != count || overdue > count {
            return Err(told.wrong(
                &said!(
                    "{found} 项，其中 {overdue} 项逾期",
                    "{found} of which {overdue} are overdue"
                ),
                &said!("{count} 项", "{count}"),
            ));
        }
        break overdue;
    };
    let mut text = String::new();
    for line in &lines {
        let word = |name: &str| one_line(line[name].as_str().unwrap_or("-")).into_owned();
        let mark = if line["overdue"] == true {
            console.lang.say("逾期未复核 ", "OVERDUE ")
        } else {
            ""
        };
        let (about, order) = (&line["record"], &line["order"]);
        let (what, which, act) = (word("what"), word("which"), word("act"));
        let (class, basis, approver, review) = (
            word("class"),
            word("basis"),
            word("approver"),
            word("review_at"),
        );
        let said = said!(
            "{mark}第 {about} 号记录 {what} {which}：{act}（第 {order} 号命令），{class}，依据 {basis}，批准 {approver}，复核 {review}\n",
            "{mark}record {about} {what} {which}: {act} by record {order}, {class}, basis {basis}, approved by {approver}, review {review}\n"
        );
        text.push_str(said.in_(console.lang));
    }
    let count = lines.len();
    let said = said!(
        "共 {count} 项不予公开，其中 {overdue} 项逾期未复核。账本的说法可用 audit 由日志重算\n",
        "{count} withheld, {overdue} of them overdue for review. Each order is a record of the log, which audit replays\n"
    );
    text.push_str(said.in_(console.lang));
    Ok(plain("withheld", text)
        .with("count", count)
        .with("overdue", overdue)
        .with("withheld", lines))
}
