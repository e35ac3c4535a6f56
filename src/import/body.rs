//! What a notice's own text says in a known form: winner, price, deadline, opening, candidates, period, numbers.
//!
//! Precision first: a form that does not fit whole is not read, and two answers to one question are none. The text itself is kept as a
//! document, so nothing is lost by not reading it.

use serde_json::{Map, Value, json};

use super::amounts;
use super::parties::Party;
use super::times::{self, Moment};
use super::{Fault, fault};
use crate::trade::identifiers::uscc_is_valid;

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub fields: Vec<(&'static str, Value)>,
    pub events: Map<String, Value>,
    /// The number of the project, by the text.
    pub project: Option<String>,
    pub codes: Vec<(&'static str, String)>,
    pub lots: Vec<String>,
    pub remarks: Vec<Fault>,
}

/// Words for who won. Longer ones first, so that a label is taken whole.
const WINNER: [&str; 19] = [
    "中标（成交）供应商名称",
    "中标（成交）供应商",
    "中标供应商名称",
    "成交供应商名称",
    "中标单位名称",
    "中标人名称",
    "中标供应商",
    "成交供应商",
    "中标单位",
    "成交单位",
    "竞得单位",
    "受让单位",
    "中选单位",
    "中标人",
    "成交人",
    "竞得人",
    "受让人",
    "受让方",
    "中选人",
];
/// Words for what was agreed.
const PRICE: [&str; 12] = [
    "中标（成交）金额",
    "中标（成交）价",
    "成交价格",
    "中标价格",
    "交易价格",
    "中标金额",
    "成交金额",
    "中标总价",
    "中标报价",
    "成交报价",
    "中标价",
    "成交价",
];
/// Columns of tables.
const NAME_COLUMNS: [&str; 12] = [
    "中标候选人名称",
    "成交候选人名称",
    "中标（成交）供应商名称",
    "中标供应商名称",
    "成交供应商名称",
    "供应商名称",
    "中标人名称",
    "中标单位名称",
    "投标人名称",
    "候选人名称",
    "中标人",
    "中标候选人",
];
const PRICE_COLUMNS: [&str; 14] = [
    "投标报价",
    "投标总报价",
    "中标（成交）金额",
    "中标金额",
    "成交金额",
    "中标价",
    "成交价",
    "投标价",
    "报价",
    "最终报价",
    "中标（成交）价",
    "投标总价",
    "中标报价",
    "成交报价",
];
/// What heads a column and is no value.
const HEADS: [&str; 14] = [
    "名称", "地址", "金额", "代码", "得分", "报价", "序号", "信用", "质量", "工期", "编号", "资格",
    "证书", "联系",
];

/// Reads the text of a notice of this kind.
pub(super) fn read(kind: &str, text: &str) -> Read {
    let lines: Vec<String> = lines_of(text);
    let mut read = Read::default();
    numbers(&lines, &mut read);
    match kind {
        "tender_notice" | "prequalification_notice" => times_of_bidding(text, kind, &mut read),
        "award_notice" => {
            award(&lines, &mut read);
            if let Some(day) = one(labelled(
                &lines,
                &["定标时间", "定标日期", "成交日期", "成交时间"],
            )
            .filter_map(|given| times::whole(&given)))
            {
                read.events.insert("winner_set".to_owned(), day.text.into());
            }
        }
        "candidate_publicity" => candidates(&lines, &mut read),
        "transfer_notice" => listing(text, &mut read),
        _ => {}
    }
    if matches!(kind, "candidate_publicity" | "award_notice") {
        publicity(&lines, &mut read);
    }
    read
}

/// Lines that say something, brackets in one form.
fn lines_of(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let line = line.trim().replace('(', "（").replace(')', "）");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// The only answer, however often it is given.
fn one<T: PartialEq>(mut answers: impl Iterator<Item = T>) -> Option<T> {
    let first = answers.next()?;
    answers.all(|other| other == first).then_some(first)
}

/// What stands behind a label: 「标签：值」, also several on a line, or the label on a line of its own and the value on the next.
fn labelled<'l>(lines: &'l [String], labels: &'l [&'l str]) -> impl Iterator<Item = String> + 'l {
    labelled_with_unit(lines, labels).map(|(value, _)| value)
}

/// The same with what stands in brackets behind the label, such as 「元」.
fn labelled_with_unit<'l>(
    lines: &'l [String],
    labels: &'l [&'l str],
) -> impl Iterator<Item = (String, String)> + 'l {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for piece in pieces(line) {
            let Some((unit, rest)) = labels.iter().find_map(|label| behind(piece, label)) else {
                continue;
            };
            let value = if rest.is_empty() {
                let next = lines.get(at + 1).map(String::as_str).unwrap_or_default();
                // A label and its value stand alone; columns have a head beside the next one.
                if piece.len() != line.len()
                    || next.contains(['：', ':'])
                        && times::begins_with(next).is_none()
                        && amounts::yuan(next, true).is_none()
                {
                    ""
                } else {
                    next
                }
            } else {
                rest
            };
            if !amounts::says_nothing(value) {
                found.push((value.to_owned(), unit));
            }
        }
    }
    found.into_iter()
}

/// The parts of a line that have a label each: 「交易价格：600（万元） 成交日期：2026-03-16」.
fn pieces(line: &str) -> Vec<&str> {
    let is_label = |piece: &str| {
        piece
            .split_once('：')
            .or_else(|| piece.split_once(':'))
            .is_some_and(|(label, _)| label.chars().count() >= 2)
    };
    if line.split(' ').filter(|piece| is_label(piece)).count() < 2 {
        return vec![line];
    }
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (at, _) in line.match_indices(' ') {
        if is_label(line[at + 1..].split(' ').next().unwrap_or_default()) {
            pieces.push(line[start..at].trim());
            start = at + 1;
        }
    }
    pieces.push(line[start..].trim());
    pieces
}

/// What a line has behind a label, and the unit in brackets between: `None` if it does not begin with it.
fn behind<'l>(line: &'l str, label: &str) -> Option<(String, &'l str)> {
    let line = unnumbered(line);
    let mut rest = line.strip_prefix(label)?.trim_start();
    let mut unit = String::new();
    if let Some((inside, after)) = rest
        .strip_prefix('（')
        .and_then(|rest| rest.split_once('）'))
    {
        unit = inside.to_owned();
        rest = after.trim_start();
    }
    match rest.strip_prefix(['：', ':']) {
        Some(value) => Some((unit, value.trim())),
        None if rest.is_empty() => Some((unit, "")),
        None => None,
    }
}

/// Without 「1、」, 「（二）」, 「三、」 before it.
fn unnumbered(line: &str) -> &str {
    let is_count = |c: char| c.is_ascii_digit() || "一二三四五六七八九十".contains(c);
    let trimmed = line
        .strip_prefix('（')
        .unwrap_or(line)
        .trim_start_matches(is_count);
    let rest = trimmed.strip_prefix(['、', '.', '．', '）']);
    match rest {
        Some(rest) if trimmed.len() < line.len() => rest.trim_start(),
        _ => line,
    }
}

/// A name that a body may have, cut where a sentence ends.
fn body_name(text: &str) -> Option<String> {
    let mut name = text
        .split(['。', '，', ','])
        .next()
        .unwrap_or_default()
        .trim();
    if let Some((first, rest)) = name.split_once(['；', ';'])
        && !rest.contains("公司")
    {
        name = first.trim();
    }
    let name = name
        .split("统一社会信用代码")
        .next()
        .unwrap_or_default()
        .trim()
        .trim_end_matches(['（', '：']);
    let heads = HEADS.iter().any(|head| name.ends_with(head)) || name.contains('：');
    let good = (4..=120).contains(&name.chars().count()) && !heads && !name.contains('*');
    (good && Party::read(name) == Ok(Party::Body) && is_body(name)).then(|| name.to_owned())
}

/// Something that only bodies are called, so that no sentence is taken for one.
fn is_body(name: &str) -> bool {
    const ENDS: [&str; 26] = [
        "公司",
        "院",
        "厂",
        "所",
        "中心",
        "局",
        "社",
        "学校",
        "大学",
        "小学",
        "中学",
        "队",
        "集团",
        "站",
        "处",
        "行",
        "店",
        "协会",
        "学会",
        "商会",
        "联合体",
        "经营部",
        "工作室",
        "俱乐部",
        "基金会",
        "委员会",
    ];
    let bare = name.trim_end_matches('）');
    let bare = if bare.len() < name.len() {
        bare.rsplit_once('（').map_or(bare, |(before, _)| before)
    } else {
        bare
    };
    ENDS.iter().any(|end| bare.ends_with(end))
}

/// A price with the unit that its label or column gives.
fn price(given: &str, unit: &str) -> Option<Value> {
    // 「报价：499200（元）」
    let squeezed: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let text = squeezed.strip_prefix("报价：").unwrap_or(&squeezed);
    let text = text
        .replace("（万元）", "万元")
        .replace("（元）", "元")
        .replace("（人民币）", "");
    let text = text.split(['；', ';', '。']).next().unwrap_or_default();
    let read = match unit {
        "万元" if !text.contains('元') => amounts::price(&format!("{text}万元"), false),
        "元" | "人民币元" | "人民币" => amounts::price(text, true),
        "%" | "％" => amounts::price(text, false),
        _ => amounts::price(text, false),
    }?;
    if read["form"] == "other" {
        return None;
    }
    let mut read = read;
    read["text"] = format!(
        "{given}{}",
        if unit == "万元" && !text.contains('元') {
            "（万元）"
        } else {
            ""
        }
    )
    .into();
    Some(read)
}

fn award(lines: &[String], read: &mut Read) {
    if let Some(rows) = table(lines) {
        if let [row] = &rows[..] {
            read.fields.push(("winner", row.party.clone()));
            read.fields
                .extend(row.price.clone().map(|price| ("price", price)));
        } else if rows.iter().all(|row| row.rank.is_none()) {
            let awards = rows.iter().map(|row| {
                let mut award = json!({ "winner": row.party });
                if let Some(price) = &row.price {
                    award["price"] = price.clone();
                }
                award
            });
            read.fields.push(("awards", awards.collect()));
        }
        return;
    }
    let section = lines
        .iter()
        .position(|line| unnumbered(line).trim_end_matches('：') == "中标人信息");
    let winner = match section {
        Some(at) => {
            let inside = &lines[at + 1..lines.len().min(at + 7)];
            let name = labelled(inside, &["单位名称"]).find_map(|name| body_name(&name));
            let code = labelled(inside, &["社会信用代码", "统一社会信用代码"])
                .find(|code| uscc_is_valid(code));
            name.map(|name| match code {
                Some(code) => json!({ "name": name, "uscc": code }),
                None => json!({ "name": name }),
            })
        }
        None => {
            let given: Vec<String> = labelled(lines, &WINNER).collect();
            let names: Option<Vec<String>> = given.iter().map(|name| body_name(name)).collect();
            one(names.into_iter().flatten()).map(|name| json!({ "name": name }))
        }
    };
    let Some(winner) = winner else { return };
    read.fields.push(("winner", winner));
    let prices: Vec<Option<Value>> = labelled_with_unit(lines, &PRICE)
        .map(|(given, unit)| price(&given, &unit))
        .collect();
    let prices: Option<Vec<Value>> = prices.into_iter().collect();
    let amount = |price: &Value| {
        price["amount"]
            .as_str()
            .or(price["rate"].as_str())
            .or(price["text"].as_str())
            .map(str::to_owned)
    };
    if let Some(prices) = prices
        && one(prices.iter().map(amount)).is_some()
    {
        read.fields
            .extend(prices.into_iter().next().map(|price| ("price", price)));
    }
}

fn candidates(lines: &[String], read: &mut Read) {
    let mut list = ranked(lines);
    if list.is_empty() {
        list = table(lines).unwrap_or_default();
    }
    let list: Vec<Value> = list
        .into_iter()
        .map(|row| {
            let mut candidate = Map::new();
            candidate.extend(row.rank.map(|rank| ("rank".to_owned(), rank.into())));
            candidate.insert("party".to_owned(), row.party);
            candidate.extend(row.price.map(|price| ("price".to_owned(), price)));
            candidate.into()
        })
        .collect();
    if !list.is_empty() {
        read.fields.push(("candidates", list.into()));
    }
}

/// A row of a table, or a candidate.
struct Row {
    rank: Option<usize>,
    party: Value,
    price: Option<Value>,
}

/// 「第一」 and the like, which say a rank.
fn ordinal(text: &str) -> Option<usize> {
    let at = "一二三四五六七八九十"
        .chars()
        .position(|known| text.starts_with(known))?;
    Some(at + 1)
}

/// 「第一中标候选人：某公司，投标报价：2,300,000.00元」, one after the other from the first.
fn ranked(lines: &[String]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = unnumbered(line).strip_prefix('第') else {
            continue;
        };
        let (Some(rank), Some(rest)) = (
            ordinal(rest),
            rest.char_indices().nth(1).map(|(at, _)| &rest[at..]),
        ) else {
            continue;
        };
        let rest = ["中标候选人", "成交候选人", "候选人", "名"]
            .iter()
            .find_map(|word| rest.strip_prefix(word));
        let Some(rest) = rest.map(|rest| rest.strip_prefix("名称").unwrap_or(rest)) else {
            continue;
        };
        let value = match rest.strip_prefix(['：', ':']).map(str::trim) {
            Some("") => lines.get(at + 1).map(String::as_str).unwrap_or_default(),
            Some(value) => value,
            None => continue,
        };
        let Some(name) = body_name(value) else {
            continue;
        };
        if rank != rows.len() + 1 {
            // The same again, or a list that does not begin with the first.
            if rank > rows.len() {
                return Vec::new();
            }
            continue;
        }
        let labels = ["投标报价", "投标总报价", "报价", "投标价", "中标价"];
        let said = value.split(['，', ',', '；', ';']).map(str::trim);
        // Thousands marks are commas too: what stands behind the label goes on to the next label.
        let priced = labels.iter().find_map(|label| {
            value
                .split_once(&format!("{label}："))
                .or_else(|| value.split_once(&format!("{label}（元）：")))
        });
        let price = priced.and_then(|(_, rest)| {
            let end = rest
                .find(['；', ';', '。', ' ', '，'])
                .unwrap_or(rest.len());
            price(&rest[..end], "")
        });
        let price = price.or_else(|| {
            said.skip(1).find_map(|part| {
                labels
                    .iter()
                    .find_map(|label| behind(part, label))
                    .and_then(|(unit, value)| self::price(value, &unit))
            })
        });
        rows.push(Row {
            rank: Some(rank),
            party: json!({ "name": name }),
            price,
        });
    }
    rows
}

/// The first table that has a column of names: heads a line each, then rows of as many lines, counted 1, 2, … or 第一名, 第二名, ….
/// A table that does not fit whole is not read.
fn table(lines: &[String]) -> Option<Vec<Row>> {
    let is_column = |line: &str, columns: &[&str]| {
        let bare = line.split('（').next().unwrap_or_default().trim();
        let whole = unit_free(line);
        columns
            .iter()
            .any(|column| *column == bare || *column == whole)
    };
    let name_at = lines
        .iter()
        .position(|line| is_column(line, &NAME_COLUMNS))?;
    // The heads begin with 序号 or with the first line that is one.
    let mut start = name_at;
    while start > 0 && name_at - start < 4 && is_head(&lines[start - 1]) {
        start -= 1;
        if matches!(lines[start].as_str(), "序号" | "排序" | "名次" | "排名") {
            break;
        }
    }
    let counted = matches!(lines[start].as_str(), "序号" | "排序" | "名次" | "排名");
    let ranks = matches!(lines[start].as_str(), "排序" | "名次" | "排名");
    let first = (name_at..lines.len().min(name_at + 14))
        .find(|at| is_row_start(&lines[*at], 1, counted).is_some());
    let Some(first) = first else {
        return uncounted(lines, start, name_at, &is_column);
    };
    let heads = &lines[start..first];
    if !heads.iter().all(|head| is_head(head)) {
        return None;
    }
    let named_rank = is_row_start(&lines[first], 1, counted) == Some(true);
    // 第一名 stands in a column without a head.
    let (width, shift) = if counted {
        (heads.len(), 0)
    } else {
        (heads.len() + 1, 1)
    };
    let name_column = name_at - start + shift;
    let price_column = heads
        .iter()
        .position(|head| is_column(head, &PRICE_COLUMNS));
    let unit = price_column.map(|at| unit_of(&heads[at]));
    let mut rows = Vec::new();
    let mut at = first;
    while at + width <= lines.len() && is_row_start(&lines[at], rows.len() + 1, counted).is_some() {
        let cells = &lines[at..at + width];
        let name = body_name(&cells[name_column].replace('；', ";"))?;
        let price = match (price_column, &unit) {
            (Some(column), Some(unit)) => price(&cells[column + shift], unit),
            _ => None,
        };
        rows.push(Row {
            rank: (ranks || named_rank).then_some(rows.len() + 1),
            party: json!({ "name": name }),
            price,
        });
        at += width;
    }
    // A row that goes on where the next should begin has more lines than columns.
    let goes_on = lines.get(at).is_some_and(|line| {
        is_body(line) && !line.contains('：') && !is_head(line) && rows.len() > 1
    });
    (!rows.is_empty() && !goes_on).then_some(rows)
}

/// A table without a count: one row right behind its heads.
fn uncounted(
    lines: &[String],
    start: usize,
    name_at: usize,
    is_column: &dyn Fn(&str, &[&str]) -> bool,
) -> Option<Vec<Row>> {
    let end = (name_at..lines.len().min(name_at + 10)).find(|at| !is_head(&lines[*at]))?;
    let heads = &lines[start..end];
    let price_column = heads
        .iter()
        .position(|head| is_column(head, &PRICE_COLUMNS))?;
    let cells = lines.get(end..end + heads.len())?;
    let name = body_name(&cells[name_at - start])?;
    let price = price(&cells[price_column], &unit_of(&heads[price_column]))?;
    // A second row would have to be read too.
    let next = lines.get(end + heads.len() + (name_at - start));
    if next.is_some_and(|line| body_name(line).is_some()) {
        return None;
    }
    Some(vec![Row {
        rank: None,
        party: json!({ "name": name }),
        price: Some(price),
    }])
}

/// Whether a line begins the row of this number, and whether it says a rank in words.
fn is_row_start(line: &str, number: usize, counted: bool) -> Option<bool> {
    if counted && line == number.to_string() {
        return Some(false);
    }
    let rest = line.strip_prefix('第')?;
    let names = ["名", "中标候选人", "成交候选人", "候选人"];
    let rank = ordinal(rest)?;
    let word: String = rest.chars().skip(1).collect();
    (rank == number && names.contains(&word.as_str())).then_some(true)
}

fn is_head(line: &str) -> bool {
    const WORDS: [&str; 34] = [
        "序号",
        "排序",
        "名次",
        "排名",
        "名称",
        "地址",
        "金额",
        "报价",
        "得分",
        "代码",
        "质量",
        "工期",
        "交货期",
        "价",
        "候选人",
        "供应商",
        "投标人",
        "中标人",
        "标项",
        "标段",
        "包号",
        "评分",
        "信用",
        "服务期",
        "期限",
        "项目经理",
        "负责人",
        "项目总监",
        "资质",
        "证书",
        "结果",
        "下浮率",
        "备注",
        "期",
    ];
    let short = line.chars().count() <= 20 && !line.contains(['：', '。']);
    let figures = line.chars().filter(char::is_ascii_digit).count() > 0;
    let is_name = is_body(line) && !line.contains("名称");
    short && !figures && !is_name && WORDS.iter().any(|word| line.contains(word))
}

fn unit_free(line: &str) -> String {
    let Some((before, rest)) = line.rsplit_once('（') else {
        return line.to_owned();
    };
    match rest.strip_suffix('）') {
        Some("元" | "万元" | "%" | "％" | "人民币元" | "元/%") => before.trim().to_owned(),
        _ => line.to_owned(),
    }
}

fn unit_of(head: &str) -> String {
    let inside = head
        .rsplit_once('（')
        .and_then(|(_, rest)| rest.strip_suffix('）'));
    inside
        .filter(|unit| matches!(*unit, "元" | "万元" | "%" | "％" | "人民币元"))
        .unwrap_or_default()
        .to_owned()
}

/// 「公示开始时间」 and 「公示结束时间」 to the minute; a day alone would need a guess at its hour.
fn publicity(lines: &[String], read: &mut Read) {
    let ends = [
        (
            "publicity_from",
            &["公示开始时间", "公示起始时间", "公示开始日期"][..],
        ),
        (
            "publicity_to",
            &["公示结束时间", "公示截止时间", "公示结束日期"],
        ),
    ];
    let mut days = Vec::new();
    for (event, labels) in ends {
        let Some(given) = one(labelled(lines, labels)) else {
            continue;
        };
        match times::whole(&given).filter(|read| read.has_hour) {
            Some(moment) => {
                read.events.insert(event.to_owned(), moment.text.into());
            }
            None => days.push(given),
        }
    }
    if let Some(given) = one(labelled(lines, &["公示期", "公示时间", "公示期限"])) {
        match times::period(&given).filter(|(from, to)| from.has_hour && to.has_hour) {
            Some((from, to)) => {
                read.events
                    .insert("publicity_from".to_owned(), from.text.into());
                read.events
                    .insert("publicity_to".to_owned(), to.text.into());
            }
            None if times::period(&given).is_some() => days.push(given),
            None => {}
        }
    }
    if !days.is_empty() {
        let words = days.join("至");
        read.remarks.push(fault(
            format!("公示期 {words:?} 没有时刻，按原文存于 details.extra"),
            format!("the period {words:?} has no hours: its words are kept in details.extra"),
        ));
        read.fields.push(("publicity_period", words.into()));
    }
}

/// Numbers that the text gives the project and its lots.
fn numbers(lines: &[String], read: &mut Read) {
    let plain = |value: &String| {
        let count = value.chars().count();
        (4..=64).contains(&count)
            && !value.contains(['*', ' ', '。', '，', '；'])
            && value.chars().any(|c| c.is_ascii_digit())
    };
    let find = |labels: &[&str]| one(labelled(lines, labels).filter(plain));
    let project = find(&["招标项目编号"]);
    if let Some(code) = &project {
        read.codes.push(("tender_project_code", code.clone()));
    }
    let own = find(&["项目编号", "采购项目编号", "招标编号"]);
    if let Some(code) = &own {
        read.codes.push(("project_code", code.clone()));
    }
    read.project = project.or(own);
    if let Some(lot) = find(&["标段编号", "标段（包）编号", "包号", "标段（包）号"])
    {
        read.codes.push(("lot_code", lot.clone()));
        read.lots.push(lot);
    }
}

/// Deadline and opening: every time of the text by what stands before and behind it.
fn times_of_bidding(text: &str, kind: &str, read: &mut Read) {
    let (mut deadlines, mut openings) = (Vec::new(), Vec::new());
    each_time(text, &mut |before, moment, behind| {
        if !moment.has_hour {
            return;
        }
        let (deadline, opening) = role(before);
        let handed = [
            "前递交投标",
            "前递交响应",
            "前提交投标",
            "前提交响应",
            "前递交报价",
            "前将投标文件",
            "前将响应文件",
        ];
        if deadline || handed.iter().any(|words| behind.starts_with(words)) {
            deadlines.push(moment.text.clone());
        }
        if opening {
            openings.push(moment.text.clone());
        }
    });
    let prequalifies = kind == "prequalification_notice";
    for (event, found) in [("bid_deadline", deadlines), ("opening", openings)] {
        if prequalifies {
            continue;
        }
        let several = found.len() > 1;
        match one(found.into_iter()) {
            Some(time) => {
                read.events.insert(event.to_owned(), time.into());
            }
            None if several => read.remarks.push(fault(
                format!("正文有几个不同的时间可作 {event}，都未采用，见全文"),
                format!("the text has several times that may be {event}: none was taken, see the full text"),
            )),
            None => {}
        }
    }
}

/// Listing of a sale.
fn listing(text: &str, read: &mut Read) {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    each_time(text, &mut |before, moment, _| {
        let before = before.trim_end_matches(['：', ':', '为']);
        if moment.has_hour
            && ["挂牌起始时间", "挂牌开始时间"]
                .iter()
                .any(|label| before.ends_with(label))
        {
            from.push(moment.text.clone());
        } else if moment.has_hour
            && ["挂牌截止时间", "挂牌结束时间"]
                .iter()
                .any(|label| before.ends_with(label))
        {
            to.push(moment.text.clone());
        }
    });
    for (event, found) in [("listing_from", from), ("listing_to", to)] {
        if let Some(time) = one(found.into_iter()) {
            read.events.insert(event.to_owned(), time.into());
        }
    }
}

/// Calls `each` with every time, what stands before it without spaces, and what stands behind.
fn each_time(text: &str, each: &mut dyn FnMut(&str, &Moment, &str)) {
    let mut before = String::new();
    let mut at = 0;
    let mut in_number = false;
    while let Some(c) = text[at..].chars().next() {
        let starts = (c.is_ascii_digit() || matches!(c, '０'..='９' | '二')) && !in_number;
        if starts && let Some((moment, length)) = times::begins_with(&text[at..]) {
            let rest: String = text[at + length..]
                .chars()
                .filter(|c| !c.is_whitespace())
                .take(40)
                .collect();
            let rest = ["（北京时间）", "(北京时间)", "（北京时间)", "(北京时间）"]
                .iter()
                .find_map(|zone| rest.strip_prefix(zone))
                .unwrap_or(&rest);
            let from = before.char_indices().rev().nth(79).map_or(0, |(at, _)| at);
            each(&before[from..], &moment, rest);
            before.push('\u{1}');
            at += length;
            in_number = false;
            continue;
        }
        in_number = c.is_ascii_digit();
        if !c.is_whitespace() {
            before.push(c);
        }
        at += c.len_utf8();
    }
}

/// Whether a time behind these words is the bid deadline, and whether it is the opening.
fn role(before: &str) -> (bool, bool) {
    let bare = |text: &str| -> String {
        let mut text = text
            .trim_end_matches(['：', ':', '为', '是', '于', '，', ','])
            .to_owned();
        // 「（投标截止时间，下同）」, 「（北京时间）」
        if text.ends_with(['）', ')'])
            && let Some(open) = text.rfind(['（', '('])
            && text[open..].chars().count() <= 20
        {
            text.truncate(open);
        }
        text
    };
    let mut text = bare(before);
    // 「五、开标时间及地点 1.时间：」: the head says which time.
    if let Some(head) = text.strip_suffix("时间") {
        let marks = ["1.", "1、", "2、", "2.", "（1）", "(1)", "1．"];
        let head = marks
            .iter()
            .find_map(|mark| head.strip_suffix(mark))
            .unwrap_or(head);
        let head = head.trim_end_matches(['：', ':']);
        let heads = [
            "时间和地点",
            "时间及地点",
            "时间、地点",
            "开启",
            "响应文件开启",
            "投标文件开启",
            "投标文件提交",
            "响应文件提交",
        ];
        if heads.iter().any(|end| head.ends_with(end)) {
            text = head.to_owned();
        }
    }
    for end in ["和地点", "及地点", "、地点"] {
        text = text.strip_suffix(end).unwrap_or(&text).to_owned();
    }
    let opens = ["开标时间", "开启时间", "开标日期", "开启"];
    let opening = opens.iter().find_map(|end| text.strip_suffix(end));
    let rest = match opening {
        Some(rest) => {
            let joined = ["、", "和", "及", "（", "暨"]
                .iter()
                .find_map(|mark| rest.strip_suffix(mark));
            match joined {
                Some(rest) => rest,
                None => return (false, true),
            }
        }
        None => &text,
    };
    let closes = ["截止时间", "截止日期", "投标文件提交", "响应文件提交"];
    let deadline = closes.iter().any(|end| rest.ends_with(end)) && is_of_bids(rest);
    (deadline, opening.is_some())
}

/// The word that stands nearest tells what ends: bids, or the sale of documents, a deposit, a query.
fn is_of_bids(text: &str) -> bool {
    let nearest = |words: &[&str]| words.iter().filter_map(|word| text.rfind(word)).max();
    let good = nearest(&[
        "投标",
        "响应文件",
        "竞标",
        "应答文件",
        "报价文件",
        "递交",
        "提交",
    ]);
    let bad = nearest(&[
        "获取",
        "报名",
        "发售",
        "领取",
        "下载",
        "质疑",
        "异议",
        "澄清",
        "保证金",
        "公示",
        "查询",
        "答疑",
        "样品",
        "踏勘",
        "提问",
    ]);
    match (good, bad) {
        (Some(good), Some(bad)) => good > bad,
        (Some(_), None) => true,
        _ => false,
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
