//! How commands take a ledger's answers.
//!
//! Promises: the status is looked at first, then the media type, then the form, then the members that the caller reads; only then is
//! anything believed. A login page, an empty body and another program's JSON are no answers, whatever status they come with; a member that
//! is not there is a failure that names it, and never a zero. A ledger that is busy is asked again after the seconds it says, a few times.
//! A list is held against its own size: each index within the log, in the order asked for and once, and as many as the answer says there are.
//! That the size is the log's, only a signed checkpoint shows, and that nothing is left out of what a condition finds, only the log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::ANSWER_BYTES_MAX;
use super::out::{self, Console, Exit, Failure};
use crate::lang::Said;
use crate::receipt::{RECEIPT_BYTES_MAX, Receipt};
use crate::said;
use crate::store::{Answer, Http};
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::merkle::{check_inclusion, leaf_hash};
use crate::tlog::note::Note;
use crate::trade::record::parse_entry;
use crate::trade::visible::one_line;

/// A busy ledger is asked again so often.
const BUSY_TRIES: u32 = 3;
/// An index is waited for so long; it is some seconds behind after a large import.
const INDEX_WAIT_MAX: Duration = Duration::from_secs(10);
const INDEX_PAUSE: Duration = Duration::from_millis(50);
/// Longer pauses are for whoever started the command.
pub(super) const RETRY_AFTER_S_MAX: u64 = 5;

/// A JSON object that a ledger answered with success.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    url: String,
    members: Map<String, Value>,
}

/// Asks for a JSON object.
pub(super) fn get(http: &Http, name: &str, bytes_max: u64) -> Result<Answered, Failure> {
    Answered::of(http, name, &ask(http, name, bytes_max)?)
}

/// A GET; a ledger that says when to come again is asked again.
pub(super) fn ask(http: &Http, name: &str, bytes_max: u64) -> Result<Answer, Failure> {
    let mut tries = 0;
    loop {
        let answer = http.call("GET", name, &[], None, bytes_max)?;
        tries += 1;
        let pause = answer.retry_after_s.filter(|s| *s <= RETRY_AFTER_S_MAX);
        match (answer.status, pause) {
            (429 | 503, Some(seconds)) if tries < BUSY_TRIES => {
                std::thread::sleep(Duration::from_secs(seconds));
            }
            _ => return Ok(answer),
        }
    }
}

impl Answered {
    /// Success of the ledger, as a JSON object.
    pub fn of(http: &Http, name: &str, answer: &Answer) -> Result<Answered, Failure> {
        if !matches!(answer.status, 200 | 201) {
            return Err(refusal(http, name, answer));
        }
        Ok(Answered {
            url: format!("{}/{name}", http.base()),
            members: object(http, name, answer)?,
        })
    }

    fn lacks(&self, name: &str, wanted: &Said) -> Failure {
        let (url, Said { zh, en }) = (&self.url, wanted);
        Failure::temporary(
            "answer",
            said!(
                "{url} 的应答里没有 {name}（应为{zh}），不是账本的应答；请核对地址",
                "the answer of {url} has no {name} ({en} is wanted) and is not a ledger's; check the address"
            ),
        )
    }

    /// An integer that must be there.
    pub fn u64(&self, name: &str) -> Result<u64, Failure> {
        let found = self.members.get(name).and_then(Value::as_u64);
        found.ok_or_else(|| self.lacks(name, &said!("整数", "an integer")))
    }

    /// A string that must be there.
    pub fn str(&self, name: &str) -> Result<&str, Failure> {
        let found = self.members.get(name).and_then(Value::as_str);
        found.ok_or_else(|| self.lacks(name, &said!("文本", "a string")))
    }

    /// An array that must be there.
    pub fn array(&self, name: &str) -> Result<&[Value], Failure> {
        let found = self.members.get(name).and_then(Value::as_array);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| self.lacks(name, &said!("数组", "an array")))
    }

    /// A string of an item of one of its arrays that must be there.
    pub fn str_in<'v>(&self, item: &'v Value, name: &str) -> Result<&'v str, Failure> {
        let found = item.get(name).and_then(Value::as_str);
        found.ok_or_else(|| self.lacks(name, &said!("文本", "a string")))
    }

    /// An integer of an item of one of its arrays that must be there.
    pub fn u64_in(&self, item: &Value, name: &str) -> Result<u64, Failure> {
        let found = item.get(name).and_then(Value::as_u64);
        found.ok_or_else(|| self.lacks(name, &said!("整数", "an integer")))
    }

    /// That what was found is not what is wanted of a ledger.
    pub fn wrong(&self, found: &Said, wanted: &Said) -> Failure {
        let url = &self.url;
        let (found_zh, wanted_zh) = (&found.zh, &wanted.zh);
        let (found, wanted) = (&found.en, &wanted.en);
        Failure::temporary(
            "answer",
            said!(
                "{url} 的应答自相矛盾：{found_zh}，应为{wanted_zh}；请再运行一次，仍如此则不要采信，用 audit 核对账本",
                "the answer of {url} contradicts itself: {found}, wanted {wanted}; run the same command again, and if it stays so do not believe it: audit the log"
            ),
        )
    }

    /// How many records the log has: one at least, because a log begins with its genesis.
    pub fn tree_size(&self) -> Result<u64, Failure> {
        match self.u64("tree_size")? {
            0 => Err(self.wrong(
                &said!("账本共 0 条", "the log has 0 records"),
                &said!("至少有创世记录", "its genesis at least"),
            )),
            size => Ok(size),
        }
    }

    /// An index of an item that must be there, below `end`.
    pub fn index_in(&self, item: &Value, name: &str, end: u64) -> Result<u64, Failure> {
        let index = self.u64_in(item, name)?;
        if index < end {
            return Ok(index);
        }
        Err(self.wrong(
            &said!("{name} 为 {index}", "{name} is {index}"),
            &said!("小于 {end}", "less than {end}"),
        ))
    }

    /// The indexes of a list that may be left out if it is empty: each below `end`, in one direction and none twice.
    fn indexes(
        &self,
        name: &str,
        end: u64,
        is_in_order: impl Fn(u64, u64) -> bool,
    ) -> Result<Vec<u64>, Failure> {
        let list = match self.value(name) {
            Value::Null => &[][..],
            _ => self.array(name)?,
        };
        let mut indexes = Vec::with_capacity(list.len());
        for item in list {
            let index = self.index_in(item, "index", end)?;
            if let Some(last) = indexes.last().filter(|last| !is_in_order(**last, index)) {
                return Err(self.wrong(
                    &said!(
                        "{name} 中 {last} 之后是 {index}",
                        "{index} follows {last} in {name}"
                    ),
                    &said!(
                        "依所要的次序，每条一次",
                        "each record once, in the order asked for"
                    ),
                ));
            }
            indexes.push(index);
        }
        Ok(indexes)
    }

    /// Held against what was asked for, a page of the records in log order: every record from `from` on is shown, withheld or erased. Where
    /// the next page begins.
    pub fn stretch(&self, from: u64) -> Result<Stretch, Failure> {
        let size = self.tree_size()?;
        self.array("records")?;
        let upward = |last, next| last < next;
        let indexes = |name| {
            Ok::<BTreeSet<u64>, Failure>(self.indexes(name, size, upward)?.into_iter().collect())
        };
        let (withheld, erased) = (indexes("withheld")?, indexes("erased")?);
        // One that was erased while the page was made may be in it twice, as what it was and as what it is.
        let mut all = indexes("records")?;
        all.extend(withheld.iter().chain(&erased));
        let mut end = from;
        for index in all {
            if index != end {
                return Err(self.wrong(
                    &said!("给出第 {index} 条", "it gives record {index}"),
                    &said!("第 {end} 条", "record {end}"),
                ));
            }
            end += 1;
        }
        if end == from && from < size {
            return Err(self.wrong(
                &said!("没有第 {from} 条", "it has no record {from}"),
                &said!("共 {size} 条", "one of {size}"),
            ));
        }
        Ok(Stretch {
            end,
            size,
            withheld,
            erased,
        })
    }

    /// Held against what was asked for, a page of what was found, newest first, below `before`: the indexes on it, hidden ones too, and where
    /// the next page begins.
    pub fn found(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(BTreeSet<u64>, Option<u64>), Failure> {
        let size = self.tree_size()?;
        let indexed = self.u64("indexed_size")?;
        if indexed > size {
            return Err(self.wrong(
                &said!("索引有 {indexed} 条", "the index has {indexed} records"),
                &said!("不多于账本的 {size} 条", "at most the {size} of the log"),
            ));
        }
        self.array("hits")?;
        let end = before.map_or(size, |before| before.min(size));
        let mut page = BTreeSet::new();
        for name in ["hits", "withheld", "erased"] {
            page.extend(self.indexes(name, end, |last, next| last > next)?);
        }
        let (found, count) = (page.len(), self.u64("count")?);
        let wanted = count.min(limit as u64);
        if found as u64 != wanted {
            return Err(self.wrong(
                &said!("本页 {found} 条", "this page has {found}"),
                &said!("{wanted} 条（共 {count} 条）", "{wanted} of {count}"),
            ));
        }
        let lowest = page.first().copied().filter(|_| count > wanted);
        match (self.value("before").as_u64(), lowest) {
            (next, lowest) if next == lowest => Ok((page, next)),
            (next, lowest) => {
                let show = |at: Option<u64>| at.map_or("null".to_owned(), |at| at.to_string());
                let (next, lowest) = (show(next), show(lowest));
                Err(self.wrong(
                    &said!("before 为 {next}", "before is {next}"),
                    &said!("{lowest}", "{lowest}"),
                ))
            }
        }
    }

    /// What may be there; null if it is not.
    pub fn value(&self, name: &str) -> &Value {
        self.members.get(name).unwrap_or(&Value::Null)
    }

    /// Where a list goes on, if it does: always further than `at`, whatever the server says.
    pub fn after(&self, at: Option<u64>) -> Option<u64> {
        let next = self.value("after").as_u64();
        next.filter(|next| at.is_none_or(|at| *next > at))
    }

    /// All of it.
    pub fn into_members(self) -> Map<String, Value> {
        self.members
    }
}

/// A page of the records in log order that is whole.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Where the next one begins.
    pub end: u64,
    /// Records of the log.
    pub size: u64,
    /// Those of the page that are withheld by order.
    withheld: BTreeSet<u64>,
    /// Those of the page that are erased by order.
    erased: BTreeSet<u64>,
}

/// Records a page.
pub(super) const PAGE: u64 = 256;

/// A page of the records in log order, from `from` on.
pub(super) fn records(
    http: &Http,
    from: u64,
    bytes_max: u64,
) -> Result<(Answered, Stretch), Failure> {
    let mut name = format!("api/v1/records?limit={PAGE}");
    if let Some(after) = from.checked_sub(1) {
        name += &format!("&after={after}");
    }
    let told = get(http, &name, bytes_max)?;
    let stretch = told.stretch(from)?;
    Ok((told, stretch))
}

/// That of the records `within` each that is not in `seen` is withheld or erased by order, as the ledger's list in log order says. How many
/// are erased.
pub(super) fn no_gaps(
    http: &Http,
    within: std::ops::Range<u64>,
    seen: &BTreeSet<u64>,
    bytes_max: u64,
) -> Result<usize, Failure> {
    let (mut at, mut erased) = (within.start, 0);
    while at < within.end {
        if seen.contains(&at) {
            at += 1;
            continue;
        }
        let (told, stretch) = records(http, at, bytes_max)?;
        for index in at..stretch.end.min(within.end) {
            if seen.contains(&index) {
                continue;
            }
            if stretch.erased.contains(&index) {
                erased += 1;
            } else if !stretch.withheld.contains(&index) {
                return Err(told.wrong(
                    &said!(
                        "检索结果中没有第 {index} 条",
                        "record {index} is not among what was found"
                    ),
                    &said!(
                        "不带条件时的每一条",
                        "every record, where nothing is asked for"
                    ),
                ));
            }
        }
        if stretch.end == at {
            let (size, end) = (stretch.size, within.end);
            return Err(told.wrong(
                &said!("账本共 {size} 条", "the log has {size} records"),
                &said!("至少 {end} 条", "at least {end}"),
            ));
        }
        at = stretch.end;
    }
    Ok(erased)
}

/// Asks again until the answer reflects all that the log held when it was first asked: an index is made behind the log, and what it does not
/// have yet is not "not there". Gives up after a while; then the answer is as it is, and says by how much it is [`behind`].
pub(super) fn caught_up(
    mut ask: impl FnMut() -> Result<Answered, Failure>,
) -> Result<(Answered, Option<Lag>), Failure> {
    let mut answer = ask()?;
    let size = answer.u64("tree_size")?;
    let began = Instant::now();
    loop {
        let indexed = answer.u64("indexed_size")?;
        if indexed >= size {
            return Ok((answer, None));
        }
        if began.elapsed() >= INDEX_WAIT_MAX {
            return Ok((answer, Some(Lag { indexed, size })));
        }
        std::thread::sleep(INDEX_PAUSE);
        answer = ask()?;
    }
}

/// How far an index is behind the log as it was when it was first asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    indexed: u64,
    size: u64,
}

/// An answer that the ledger's index was too far behind to give whole: exit code 4, with both sizes.
pub(super) fn behind(answer: out::Answer, console: &Console, lag: Lag) -> out::Answer {
    let Lag { indexed, size } = lag;
    let said = said!(
        "检索索引只到 {indexed} 条，账本有 {size} 条：以上未必齐全，请稍后再运行一次\n",
        "the index has {indexed} records and the log {size}: the above may not be all, run the same command again later\n"
    );
    let mut answer = answer.exit(Exit::Temporary);
    answer.code = "index-behind";
    if answer.is_exact {
        console.talk(&said);
    } else {
        answer.text.push_str(said.in_(console.lang));
    }
    answer
}

/// The JSON object in a body, whatever the status.
pub(super) fn object(
    http: &Http,
    name: &str,
    answer: &Answer,
) -> Result<Map<String, Value>, Failure> {
    let url = format!("{}/{name}", http.base());
    let status = answer.status;
    let found = &answer.content_type;
    if found != "application/json" && !found.ends_with("+json") {
        let found = if found.is_empty() { "-" } else { found };
        return Err(Failure::temporary(
            "answer",
            said!(
                "{url} 的应答（HTTP {status}）是 {found}，不是 JSON：答话的不是账本，可能是登录页或代理；请核对地址与网络",
                "the answer of {url} (HTTP {status}) is {found} and no JSON: what answers is not a ledger, maybe a login page or a proxy; check the address and the network"
            ),
        ));
    }
    match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Failure::temporary(
            "answer",
            said!(
                "{url} 的应答（HTTP {status}）不是 JSON 对象",
                "the answer of {url} (HTTP {status}) is no JSON object"
            ),
        )),
        Err(error) => Err(Failure::temporary(
            "answer",
            said!(
                "{url} 的应答（HTTP {status}）不是 JSON",
                "the answer of {url} (HTTP {status}) is no JSON"
            )
            .because(&error),
        )),
    }
}

/// What the ledger said of a line, in its own words.
pub(super) fn said_by(answer: &Value) -> String {
    let member = |name: &str| answer.get(name).and_then(Value::as_str).map(one_line);
    let code = member("code").unwrap_or("?".into());
    let title = member("title").unwrap_or_default();
    match member("detail") {
        Some(detail) => format!("[{code}] {title}: {detail}"),
        None => format!("[{code}] {title}"),
    }
}

/// What an answer that is no success says: by a ledger in its own words, by anything else by its status.
pub(super) fn refusal(http: &Http, name: &str, answer: &Answer) -> Failure {
    let (base, status) = (http.base(), answer.status);
    let problem = object(http, name, answer).ok().map(Value::Object);
    let problem = problem.filter(|problem| problem["code"].is_string());
    let (code, exit, said) = match status {
        451 => (
            "withheld",
            Exit::Input,
            said!(
                "{base} 不显示 {name}（HTTP 451）",
                "{base} does not show {name} (HTTP 451)"
            ),
        ),
        404 | 410 => (
            "not-found",
            Exit::Input,
            said!(
                "{base} 没有 {name}（HTTP {status}）",
                "{base} has no {name} (HTTP {status})"
            ),
        ),
        429 | 502..=504 | 507 => {
            let Said { zh, en } = match answer.retry_after_s {
                Some(s) => said!("{s} 秒后", "in {s} s"),
                None => said!("稍后", "later"),
            };
            (
                "ledger-busy",
                Exit::Temporary,
                said!(
                    "{base} 现在不能应答（HTTP {status}），请{zh}再运行一次",
                    "{base} cannot answer now (HTTP {status}), run the same command again {en}"
                ),
            )
        }
        400..=499 if problem.is_some() => (
            "refused",
            Exit::Input,
            said!(
                "账本拒绝（HTTP {status}）",
                "the ledger refuses (HTTP {status})"
            ),
        ),
        _ => (
            "ledger-answer",
            Exit::Temporary,
            said!(
                "{base}/{name} 应答 HTTP {status}，不是所要的",
                "{base}/{name} answers HTTP {status}, which is not what was asked for"
            ),
        ),
    };
    let said = match &problem {
        Some(problem) => said.because(&said_by(problem)),
        None => said,
    };
    Failure::new(exit, code, said)
}

/// The receipt of record `index`, as the ledger gives it: taken apart, and whole in itself.
pub(super) fn receipt(http: &Http, index: u64) -> Result<Vec<u8>, Failure> {
    let name = format!("api/v1/receipts/{index}");
    let answer = ask(http, &name, RECEIPT_BYTES_MAX as u64)?;
    if answer.status != 200 {
        return Err(refusal(http, &name, &answer));
    }
    whole(&answer.body, index).map_err(|cause| {
        let base = http.base();
        Failure::temporary(
            "no-receipt",
            said!(
                "{base} 给出的不是第 {index} 条的回执，没有保存",
                "what {base} gives is not the receipt of record {index} and was not stored"
            )
            .because(&cause),
        )
    })?;
    Ok(answer.body.to_vec())
}

/// A receipt of record `index` whose proof leads from its entry to its checkpoint; whose checkpoint that is, a policy says, at `verify`.
pub(super) fn whole(bytes: &[u8], index: u64) -> Result<Receipt, String> {
    let receipt = Receipt::parse(bytes).map_err(|error| crate::chain_of(&error))?;
    if receipt.index != index {
        return Err(format!("it is the receipt of record {}", receipt.index));
    }
    let (header, _) = parse_entry(&receipt.entry).map_err(|error| crate::chain_of(&error))?;
    if header.index != index {
        return Err(format!("its entry is record {}", header.index));
    }
    let note =
        Note::parse(receipt.checkpoint.as_bytes()).map_err(|error| crate::chain_of(&error))?;
    let checkpoint = Checkpoint::parse(&note.text).map_err(|error| crate::chain_of(&error))?;
    check_inclusion(
        &leaf_hash(&receipt.entry),
        index,
        &checkpoint.tree,
        &receipt.proof,
    )
    .map_err(|error| crate::chain_of(&error))?;
    Ok(receipt)
}

/// The ledger's origin, which every statement names.
pub(super) fn ledger_name(http: &Http) -> Result<String, Failure> {
    let keys = get(http, "api/v1/keys", ANSWER_BYTES_MAX)?;
    Ok(keys.str("ledger")?.to_owned())
}
