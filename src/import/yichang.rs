//! Notices of Yichang's trading site (宜昌市公共资源交易网) as parsed by others: `infoid`, `infourl`, `parsed_data`, `raw_data`.
//!
//! The drafts in `tests/data/yichang/` were made by a script that shares no code with this; the same notices give the same bytes.

use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::{Fault, fault, hashed, missing, text};

const SITE: &str = "宜昌市公共资源交易网";
const ADDRESS: &str = "https://ggzy.sc.yichang.gov.cn";
/// GB/T 2260: 宜昌市.
const REGION: &str = "420500";
/// What the source writes where it has nothing to say.
const NO_VALUE: [&str; 5] = ["", "/", "\\", "无", "未提供"];
/// The source's parser took the head of a column for a price.
const COLUMN_HEAD: &str = "投标报价(元/%)";
/// Words in the names of bodies: a short name without one of them may be a person's.
const BODIES: [&str; 23] = [
    "公司", "院", "厂", "所", "中心", "局", "社", "校", "学", "队", "部", "集团", "站", "处", "行",
    "店", "府", "会", "场", "办", "馆", "村", "委",
];

pub(super) fn draft(notice: &Value, reference: &str) -> Result<Value, Fault> {
    let (raw, parsed) = (&notice["raw_data"], &notice["parsed_data"]);
    let title = text(raw, "title").ok_or_else(|| missing("raw_data.title"))?;
    let date = text(raw, "infodate").ok_or_else(|| missing("raw_data.infodate"))?;
    let id = text(notice, "infoid").ok_or_else(|| missing("infoid"))?;
    let url = text(notice, "infourl").ok_or_else(|| missing("infourl"))?;
    let source = source_id(title);
    let mut codes = vec![json!({ "scheme": "yichang_title", "value": source })];
    let mut events = Map::new();
    let (stage, kind, mut details) = if parsed.get("bidders_and_prices").is_some() {
        (
            "process",
            "candidate_publicity",
            candidates(parsed, &mut events)?,
        )
    } else if parsed.get("中标人").is_some() {
        let code = parsed["标段(包)编号"].as_str().unwrap_or_default();
        if !NO_VALUE.contains(&code) {
            codes.push(json!({ "scheme": "yichang_lot_code", "value": code }));
        }
        ("award", "award_notice", award(parsed)?)
    } else {
        return Err(fault(
            "既不是中标候选人公示（bidders_and_prices）也不是中标结果公告（中标人）",
            "neither a publicity of candidates (bidders_and_prices) nor an award notice (中标人)",
        ));
    };
    details.insert(
        "source".to_owned(),
        json!({ "name": SITE, "url": format!("{ADDRESS}{url}"), "id": id }),
    );
    Ok(json!({
        "type": "trade",
        "v": 1,
        "project": hashed(&source),
        "codes": codes,
        "ref": reference,
        "stage": stage,
        "kind": kind,
        "category": "construction",
        "title": title,
        "region": REGION,
        "issued": format!("{date}T00:00:00+08:00"),
        "events": events,
        "documents": [],
        "details": details,
    }))
}

/// The project as the source tells it apart: it has no number, only the title.
fn source_id(title: &str) -> String {
    let title: String = title.nfkc().filter(|c| !c.is_whitespace()).collect();
    ["中标候选人公示", "中标结果公告"]
        .iter()
        .find_map(|suffix| title.strip_suffix(suffix))
        .map_or_else(|| title.clone(), str::to_owned)
}

fn candidates(
    parsed: &Value,
    events: &mut Map<String, Value>,
) -> Result<Map<String, Value>, Fault> {
    let bidders = parsed["bidders_and_prices"]
        .as_array()
        .ok_or_else(|| missing("parsed_data.bidders_and_prices"))?;
    let mut list = Vec::new();
    for (at, bidder) in bidders.iter().enumerate() {
        let name = bidder["bidder"].as_str().unwrap_or_default();
        check_party(name)?;
        let mut candidate = Map::new();
        candidate.insert("rank".to_owned(), json!(at + 1));
        candidate.insert("party".to_owned(), json!({ "name": name }));
        if let Some(price) = price(bidder["price"].as_str().unwrap_or_default()) {
            candidate.insert("price".to_owned(), price);
        }
        list.push(Value::Object(candidate));
    }
    let mut details = Map::new();
    details.insert("candidates".to_owned(), Value::Array(list));
    if let Some(given) = text(parsed, "publicity_period") {
        match period(given) {
            Some((from, to)) => {
                events.insert("publicity_from".to_owned(), from.into());
                events.insert("publicity_to".to_owned(), to.into());
            }
            None => {
                details.insert("extra".to_owned(), json!({ "publicity_period": given }));
            }
        }
    }
    Ok(details)
}

/// The source gives no day on which the winner was set: no events.
fn award(parsed: &Value) -> Result<Map<String, Value>, Fault> {
    let mut details = Map::new();
    let given = |name: &str| {
        parsed[name]
            .as_str()
            .filter(|text| !NO_VALUE.contains(&text.trim()))
    };
    for (name, source) in [("buyer", "招标人"), ("agency", "招标机构")] {
        if let Some(party) = given(source) {
            check_party(party)?;
            details.insert(name.to_owned(), json!({ "name": party }));
        }
    }
    for (name, source) in [
        ("lot_name", "标段(包)名称"),
        ("place", "建设地点"),
        ("scope", "中标范围和内容"),
    ] {
        if let Some(text) = given(source) {
            details.insert(name.to_owned(), text.into());
        }
    }
    let winner = given("中标人").ok_or_else(|| missing("parsed_data.中标人"))?;
    check_party(winner)?;
    details.insert("winner".to_owned(), json!({ "name": winner }));
    if let Some(price) = award_price(parsed) {
        details.insert("price".to_owned(), price);
    }
    for (name, source) in [
        ("duration", "履约期限(天)"),
        ("quality", "质量目标"),
        ("qualification", "资质证书名称及编号"),
        ("safety_licence", "安全生产许可证名称及编号"),
        ("remark", "备注"),
    ] {
        if let Some(text) = given(source) {
            details.insert(name.to_owned(), text.into());
        }
    }
    Ok(details)
}

/// People first: a party that may be a natural person is not published in the clear, and not repaired.
pub(super) fn check_party(name: &str) -> Result<(), Fault> {
    if NO_VALUE.contains(&name.trim()) {
        return Err(fault("有一方没有名称", "a party has no name, wanted one"));
    }
    let han = name
        .chars()
        .filter(|c| matches!(c, '\u{3400}'..='\u{9fff}'))
        .count();
    if han <= 4 && !BODIES.iter().any(|word| name.contains(word)) {
        return Err(fault(
            "有一方的名称形似自然人姓名；请确认后以承诺值发布",
            "the name of a party looks like a natural person's, wanted a body or a commitment",
        ));
    }
    Ok(())
}

/// 「2025年06月13日 18时00分至2025年06月16日 18时00分」 as two times of +08:00.
fn period(text: &str) -> Option<(String, String)> {
    let (from, to) = text.split_once('至')?;
    Some((minute(from)?, minute(to)?))
}

fn minute(text: &str) -> Option<String> {
    let mut digits = String::new();
    let mut shape = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c)
        } else {
            shape.push(c)
        }
    }
    let wanted = "年月日 时分";
    if shape != wanted || digits.len() != 12 {
        return None;
    }
    let [y, mo, d, h, mi] = [
        &digits[..4],
        &digits[4..6],
        &digits[6..8],
        &digits[8..10],
        &digits[10..],
    ];
    (text == format!("{y}年{mo}月{d}日 {h}时{mi}分"))
        .then(|| format!("{y}-{mo}-{d}T{h}:{mi}:00+08:00"))
}

/// The member's name says the form: yuan, percent, or a promise in words.
fn award_price(parsed: &Value) -> Option<Value> {
    let given = |name: &str| parsed[name].as_str();
    if let Some(text) = given("中标价(元)") {
        Some(json!({ "form": "amount", "amount": text, "currency": "CNY", "text": text }))
    } else if let Some(text) = given("中标价(%)") {
        Some(json!({ "form": "rate", "rate": text, "text": text }))
    } else {
        price(given("中标价(报价承诺)").unwrap_or_default())
    }
}

/// A price by its form, the original text kept. The column is headed 元/%, so a bare number below 1,000 may be either: form `other`.
fn price(text: &str) -> Option<Value> {
    let text = text.trim();
    if NO_VALUE.contains(&text) || text == COLUMN_HEAD {
        return None;
    }
    let yuan = text.strip_suffix('元');
    let number = yuan.unwrap_or(text);
    if is_decimal(number) && (yuan.is_some() || number.parse::<f64>().is_ok_and(|n| n >= 1_000.0)) {
        return Some(
            json!({ "form": "amount", "amount": number, "currency": "CNY", "text": text }),
        );
    }
    if let Some(rate) = rate(text) {
        return Some(json!({ "form": "rate", "rate": rate, "text": text }));
    }
    if let Some((number, unit)) = text.split_once("元/")
        && is_decimal(number)
        && (1..=4).contains(&unit.chars().count())
        && !unit.contains(char::is_whitespace)
    {
        return Some(json!({ "form": "unit_price", "text": text }));
    }
    Some(json!({ "form": "other", "text": text }))
}

/// 「下浮率：20.5%」, 「20.5%」.
fn rate(text: &str) -> Option<&str> {
    let text = text.strip_suffix(['%', '％'])?;
    let number = text.trim_start_matches(|c| matches!(c, '\u{4e00}'..='\u{9fff}'));
    let words = text[..text.len() - number.len()].chars().count();
    let number = match words {
        0 => number,
        2..=8 => number.strip_prefix([':', '：']).unwrap_or(number),
        _ => return None,
    };
    is_decimal(number).then_some(number)
}

pub(super) fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}
