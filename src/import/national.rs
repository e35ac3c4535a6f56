//! Notices of the national platform (全国公共资源交易平台): full text, stage code, project code, source platform.

use serde_json::{Map, Value, json};

use super::yichang::{check_party, is_decimal};
use super::{Fault, fault, missing, object, project_of, text};
use crate::trade::time::OffsetTime;
use crate::trade::vocabulary;

const PLATFORM: &str = "全国公共资源交易平台";

pub(super) fn draft(notice: &Value, reference: &str) -> Result<Value, Fault> {
    let wanted = |name: &str| text(notice, name).ok_or_else(|| missing(name));
    let (title, record) = (wanted("title")?, wanted("record_id")?);
    let body = text(notice, "content_text").unwrap_or_default();
    let (stage, kind) = kind(wanted("stage_code")?, title, body)?;
    // A masked code names many projects; a notice without a code stands alone.
    let code = text(notice, "project_code").filter(|code| !code.contains('*'));
    let mut codes = vec![json!({ "scheme": "ggzy_record_id", "value": record })];
    if let Some(code) = code {
        codes.push(json!({ "scheme": "ggzy_project_code", "value": code }));
    }
    let plain = |name: &str| text(notice, name).map(Value::from);
    let fields: Vec<Value> = notice["structured_fields"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| json!({ "name": name, "value": shown(value) }))
        .collect();
    let attachments: Vec<Value> = notice["attachments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|file| match file.as_object() {
            Some(_) => Value::Object(object([
                ("name", text(file, "name").map(Value::from)),
                ("url", text(file, "url").map(Value::from)),
            ])),
            None => shown(file).into(),
        })
        .collect();
    let some = |list: Vec<Value>| (!list.is_empty()).then(|| Value::Array(list));
    let read = read(notice, kind)?;
    let has = |name: &str| vocabulary::kind(kind).is_some_and(|kind| has_field(kind, name));
    let (mut details, mut left) = (Map::new(), Map::new());
    for (name, value) in read.fields {
        // What this kind has no field for is kept, and found by its words.
        let to = if has(name) { &mut details } else { &mut left };
        to.insert(name.to_owned(), value);
    }
    let mut extra = object([
        ("text", (!body.is_empty()).then(|| body.into())),
        ("platform", plain("source_platform")),
        ("info_type", plain("info_type")),
        ("region_name", plain("region")),
        ("budget_text", plain("budget")),
        ("fields", some(fields)),
        ("attachments", some(attachments)),
        ("original_link", plain("original_link")),
        ("full_page", plain("b_page_url")),
    ]);
    extra.append(&mut left);
    details.insert("extra".to_owned(), extra.into());
    let source = object([
        ("name", Some(PLATFORM.into())),
        ("url", plain("detail_url")),
        ("id", Some(record.into())),
    ]);
    details.insert("source".to_owned(), source.into());
    let members = object([
        ("type", Some("trade".into())),
        ("v", Some(1.into())),
        ("project", Some(project_of(code.unwrap_or(record)).into())),
        ("codes", Some(codes.into())),
        ("ref", Some(reference.into())),
        ("stage", Some(stage.into())),
        ("kind", Some(kind.into())),
        (
            "category",
            Some(category(text(notice, "business_type")).into()),
        ),
        ("method", method(title).map(Value::from)),
        ("title", Some(title.into())),
        ("region", plain("province_code")),
        ("issued", Some(issued(wanted("publish_date")?).into())),
        (
            "events",
            (!read.events.is_empty()).then(|| read.events.into()),
        ),
        ("documents", Some(json!([]))),
        ("details", Some(details.into())),
    ]);
    Ok(Value::Object(members))
}

/// What the notice says in members of its own, by the names of our fields.
struct Read {
    fields: Vec<(&'static str, Value)>,
    events: Map<String, Value>,
}

/// The source's parser knows buyer, agency and budget, and of contracts and openings a few lines more.
fn read(notice: &Value, kind: &str) -> Result<Read, Fault> {
    let line = |name: &str| text(&notice["structured_fields"], name);
    let mut fields = Vec::new();
    let buyer = text(notice, "issuer").or_else(|| line("采购人名称"));
    let seller = if kind == "transfer_notice" {
        "seller"
    } else {
        "buyer"
    };
    for (name, party) in [(seller, buyer), ("agency", text(notice, "agency"))] {
        if let Some(party) = party.filter(|party| !SEAL.contains(&party.trim())) {
            fields.push((name, json!({ "name": party })));
        }
    }
    if let Some(winner) = line("中标（成交）供应商名称") {
        check_party(winner)?;
        let role = if kind == "contract" {
            "supplier"
        } else {
            "winner"
        };
        fields.push((role, json!({ "name": winner })));
    }
    if let Some(given) = line("合同金额") {
        fields.push(("price", price(given)));
    } else if let Some(given) = text(notice, "budget") {
        fields.push(("budget", price(given)));
    }
    // 「年」 is the unit of a number that is not there.
    let term = line("合同期限").filter(|term| term.chars().any(|c| c.is_ascii_digit()));
    for (name, given) in [
        ("duration", term),
        ("place", line("开标地点").filter(|_| kind == "bid_opening")),
        ("content", line("对文件澄清与修改的主要内容")),
    ] {
        if let Some(given) = given {
            fields.push((name, given.into()));
        }
    }
    let signed = line("合同签署时间")
        .filter(|_| kind == "contract")
        .map(issued);
    let opened = line("开标时间")
        .filter(|_| kind == "bid_opening")
        .and_then(day);
    let mut events = Map::new();
    for (name, time) in [("contract_signed", signed), ("opening", opened)] {
        if let Some(time) = time.filter(|time| OffsetTime::parse(time).is_ok()) {
            events.insert(name.to_owned(), time.into());
        }
    }
    Ok(Read { fields, events })
}

fn has_field(kind: &vocabulary::Kind, name: &str) -> bool {
    name == "place" || kind.fields.iter().any(|field| field.name == name)
}

/// What stands where a seal should.
const SEAL: [&str; 2] = ["（盖章）", "(盖章)"];

/// 「750000.00 元」, 「1,436,000.00元」 and 「236 万元」 are amounts; a number without a unit is not.
fn price(given: &str) -> Value {
    let text: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.trim_end_matches("人民币").replace(',', "");
    let tens_of_thousands = text.strip_suffix("万元");
    let number = tens_of_thousands.or_else(|| text.strip_suffix('元'));
    match number.filter(|number| is_decimal(number)) {
        Some(number) => {
            let amount = match tens_of_thousands {
                Some(_) => times_ten_thousand(number),
                None => number.to_owned(),
            };
            json!({ "form": "amount", "amount": amount, "currency": "CNY", "text": given })
        }
        None => json!({ "form": "other", "text": given }),
    }
}

/// Exact: the point moves.
fn times_ten_thousand(number: &str) -> String {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part = format!("{part:0<4}");
    let (moved, rest) = part.split_at(4);
    let whole = format!("{whole}{moved}");
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if rest.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{rest}")
    }
}

/// 「Mar 16, 2026」, as one platform writes days.
fn day(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (day, year) = text.trim().split_once(", ")?;
    let (month, day) = day.split_once(' ')?;
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day: u8 = day.parse().ok()?;
    Some(format!("{year}-{month:02}-{day:02}T00:00:00+08:00"))
}

/// A value as the text that a person would read; numbers in the source may have fractions, those of a statement may not.
fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Stage and kind: the platform's code says which kind of notice, and where one code stands for several, the title.
fn kind(code: &str, title: &str, body: &str) -> Result<(&'static str, &'static str), Fault> {
    let has = |words: &[&str]| words.iter().any(|word| title.contains(word));
    let (ended, result) = (
        has(&["终止", "废标", "流标", "撤销", "失败"]),
        has(&["结果", "中标", "成交", "合同"]),
    );
    // What changes an award stands with awards, all other changes with what was announced.
    let changed = if result { "award" } else { "announcement" };
    Ok(match code {
        "0101" | "0201" | "9001" if has(&["资格预审"]) => {
            ("announcement", "prequalification_notice")
        }
        "0201" if has(&["单一来源"]) => ("announcement", "single_source_notice"),
        "9001" if has(&["出让", "转让", "挂牌", "拍卖"]) => {
            ("announcement", "transfer_notice")
        }
        "0104" | "0202" | "9002" if ended => (changed, "termination"),
        "0104" | "0202" | "9002" if has(&["更正", "变更"]) => ("award", "award_change"),
        "9001" if ended => (changed, "termination"),
        "9001" if has(&["更正", "变更"]) => (changed, "change_notice"),
        "0101" | "0201" | "9001" => ("announcement", "tender_notice"),
        "0102" => ("process", "bid_opening"),
        "0104" if has(&["候选人"]) || !result && body.contains("中标候选人") => {
            ("process", "candidate_publicity")
        }
        "0104" | "0202" | "9002" => ("award", "award_notice"),
        "0105" => ("announcement", "clarification"),
        "0106" => ("qualification", "qualification_result"),
        "0203" => ("performance", "contract"),
        "0204" if ended => (changed, "termination"),
        "0204" => (changed, "change_notice"),
        _ => {
            return Err(fault(
                format!("不认识的环节代码 stage_code {code:?}"),
                format!(
                    "stage_code {code:?} is not known, wanted 0101, 0102, 0104 to 0106, 0201 to 0204, 9001 or 9002"
                ),
            ));
        }
    })
}

fn category(business: Option<&str>) -> &'static str {
    match business.unwrap_or_default() {
        "政府采购" => "gov-procurement",
        "工程建设" => "construction",
        "土地使用权" => "land-use-right",
        "矿业权" => "mineral-right",
        "国有产权" => "state-property",
        _ => "other",
    }
}

/// Only what the title itself says.
fn method(title: &str) -> Option<&'static str> {
    let words = [
        ("公开招标", "open-tender"),
        ("邀请招标", "invited-tender"),
        ("竞争性磋商", "competitive-consultation"),
        ("竞争性谈判", "competitive-negotiation"),
        ("询价", "inquiry"),
        ("单一来源", "single-source"),
    ];
    words
        .iter()
        .find(|(word, _)| title.contains(word))
        .map(|(_, method)| *method)
}

/// 「2026-03-16 17:25」, 「2026-03-16」: Beijing time.
fn issued(date: &str) -> String {
    match date.trim().split_once(' ') {
        Some((day, time)) if time.len() == 5 => format!("{day}T{time}:00+08:00"),
        Some((day, time)) => format!("{day}T{time}+08:00"),
        None => format!("{}T00:00:00+08:00", date.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_an_amount_only_with_its_unit() {
        let amount = |given: &str| price(given)["amount"].as_str().map(str::to_owned);
        for (given, wanted) in [
            ("750000.00 元", "750000.00"),
            ("1,436,000.00元", "1436000.00"),
            ("0元 人民币", "0"),
            ("236 万元", "2360000"),
            ("144.996 万元", "1449960"),
            ("60\n万元", "600000"),
            ("0.00015万元", "1.5"),
        ] {
            assert_eq!(amount(given).as_deref(), Some(wanted), "{given}");
            assert_eq!(price(given)["text"], given);
        }
        for given in ["179.3", "1800000", "详见附件", "元", "12元/吨"] {
            assert_eq!(price(given)["form"], "other", "{given}");
        }
    }

    #[test]
    fn a_day_in_english_is_a_day_in_beijing() {
        assert_eq!(
            day("Mar 16, 2026").as_deref(),
            Some("2026-03-16T00:00:00+08:00")
        );
        for bad in ["", "16 Mar 2026", "March 16, 2026", "Mar x, 2026"] {
            assert_eq!(day(bad), None, "{bad}");
        }
    }
}
