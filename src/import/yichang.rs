//! Notices of Yichang's trading site (宜昌市公共资源交易网) as parsed by others: `infoid`, `infourl`, `parsed_data`, `raw_data`.
//!
//! The drafts in `tests/data/yichang/` were made by a script that shares no code with this; the same notices give the same fields.

use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::amounts;
use super::json::Json;
use super::parties::{self, Party};
use super::source::Source;
use super::{Fault, fault, hashed, missing, times};

const SITE: &str = "宜昌市公共资源交易网";
const ADDRESS: &str = "https://ggzy.sc.yichang.gov.cn";
/// GB/T 2260: 宜昌市.
const REGION: &str = "420500";
/// The source's parser took the head of a column for a price.
const COLUMN_HEAD: &str = "投标报价(元/%)";

pub(super) fn draft(
    source: &mut Source,
    reference: &str,
) -> Result<(Value, Option<String>), Fault> {
    let mut wanted = |path: &[&str]| source.take(path).ok_or_else(|| missing(&path.join(".")));
    let title = wanted(&["raw_data", "title"])?;
    let date = wanted(&["raw_data", "infodate"])?;
    let id = wanted(&["infoid"])?;
    let url = wanted(&["infourl"])?;
    let project = source_id(&title);
    let mut codes = vec![json!({ "scheme": "yichang_title", "value": project.id })];
    if let Some(round) = &project.round {
        codes.push(json!({ "scheme": "round", "value": round }));
    }
    let (mut events, mut narrative) = (Map::new(), Vec::new());
    let (stage, kind, mut details) = if source.has(&["parsed_data", "bidders_and_prices"]) {
        let details = candidates(source, &mut events, &mut narrative)?;
        ("process", "candidate_publicity", details)
    } else if source.has(&["parsed_data", "中标人"]) {
        if let Some(code) = source.take(&["parsed_data", "标段(包)编号"]) {
            codes.push(json!({ "scheme": "yichang_lot_code", "value": code }));
        }
        ("award", "award_notice", award(source, &mut narrative)?)
    } else {
        return Err(fault(
            "既不是中标候选人公示（bidders_and_prices）也不是中标结果公告（中标人）",
            "neither a publicity of candidates (bidders_and_prices) nor an award notice (中标人)",
        ));
    };
    // The address and the day stand in the source twice.
    let address = format!("{ADDRESS}{url}");
    for (path, said) in [
        (["parsed_data", "full_url"], address.as_str()),
        (["parsed_data", "公告发布日期"], date.as_str()),
    ] {
        if source.look(&path) == Some(said) {
            source.remove(&path);
            source.repeated += 1;
        }
    }
    details.insert(
        "source".to_owned(),
        json!({ "name": SITE, "url": address, "id": id }),
    );
    let draft = json!({
        "type": "trade",
        "v": 1,
        "project": hashed(&project.id),
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
    });
    let text = (!narrative.is_empty()).then(|| narrative.join("\n"));
    Ok((draft, text))
}

/// The project as the source tells it apart, and which round of it this is.
struct Project {
    id: String,
    round: Option<String>,
}

/// The source has no number of a project, only the title.
fn source_id(title: &str) -> Project {
    let title: String = title.nfkc().filter(|c| !c.is_whitespace()).collect();
    let id = ["中标候选人公示", "中标结果公告"]
        .iter()
        .find_map(|suffix| title.strip_suffix(suffix))
        .map_or_else(|| title.clone(), str::to_owned);
    Project {
        round: parties::round(&title),
        id,
    }
}

fn candidates(
    source: &mut Source,
    events: &mut Map<String, Value>,
    narrative: &mut Vec<String>,
) -> Result<Map<String, Value>, Fault> {
    let path = ["parsed_data", "bidders_and_prices"];
    let bidders = source
        .take_list(&path)
        .ok_or_else(|| missing("parsed_data.bidders_and_prices"))?;
    let (mut list, mut left) = (Vec::new(), Vec::new());
    for (at, bidder) in bidders.into_iter().enumerate() {
        let Some(name) = bidder["bidder"].as_str().map(str::to_owned) else {
            return Err(missing("parsed_data.bidders_and_prices.bidder"));
        };
        let mut bidder = match bidder {
            Json::Object(members) => members,
            _ => continue,
        };
        bidder.remove("bidder");
        let party = match Party::read(&name)? {
            Party::Narrative => {
                source.remark(
                    format!("第 {} 个投标人的名称是叙述（{} 字），不是一方：移入文件 text.txt", at + 1, name.chars().count()),
                    format!("the name of bidder {} is a narrative of {} characters, no party: it is in document text.txt", at + 1, name.chars().count()),
                );
                source.moved += 1;
                narrative.push(name);
                None
            }
            Party::Body => Some(json!({ "name": name })),
            Party::Person => {
                source.withheld += 1;
                source.remark(
                    format!("第 {} 个投标人是自然人，只发布承诺值", at + 1),
                    format!(
                        "bidder {} is a natural person: only a commitment is published",
                        at + 1
                    ),
                );
                Some(json!({ "name": super::withheld(&name) }))
            }
        };
        if let Some(party) = party {
            // The list is no ranking: often the winner is not the first.
            let mut candidate = Map::new();
            candidate.insert("party".to_owned(), party);
            let given = bidder
                .get("price")
                .and_then(Json::as_str)
                .map(str::to_owned);
            if let Some(price) = price(given.as_deref().unwrap_or_default()) {
                bidder.remove("price");
                candidate.insert("price".to_owned(), price);
            }
            list.push(Value::Object(candidate));
        }
        if !bidder.is_empty() {
            left.push(Json::Object(bidder));
        }
    }
    if !left.is_empty() {
        source.put_back(&path, Json::List(left));
    }
    let mut details = Map::new();
    details.insert("candidates".to_owned(), Value::Array(list));
    if let Some(given) = source.take(&["parsed_data", "publicity_period"]) {
        match times::period(&given).filter(|(from, to)| from.has_hour && to.has_hour) {
            Some((from, to)) => {
                events.insert("publicity_from".to_owned(), from.text.into());
                events.insert("publicity_to".to_owned(), to.text.into());
            }
            None => {
                source.remark(
                    format!("公示期 {given:?} 读不出两个时间，原文存于 details.extra"),
                    format!(
                        "the period {given:?} is no two times: its words are kept in details.extra"
                    ),
                );
                source.extra += 1;
                details.insert("extra".to_owned(), json!({ "publicity_period": given }));
            }
        }
    }
    Ok(details)
}

/// The source gives no day on which the winner was set: no events.
fn award(source: &mut Source, narrative: &mut Vec<String>) -> Result<Map<String, Value>, Fault> {
    let mut details = Map::new();
    let mut party =
        |source: &mut Source, details: &mut Map<String, Value>, name: &str, from: &str| {
            let Some(given) = source.take(&["parsed_data", from]) else {
                return Ok(false);
            };
            let read = match Party::read(&given)? {
                Party::Body => json!({ "name": given }),
                Party::Person => {
                    source.withheld += 1;
                    source.remark(
                        format!("{from}是自然人，只发布承诺值"),
                        format!("{from} is a natural person: only a commitment is published"),
                    );
                    json!({ "name": super::withheld(&given) })
                }
                Party::Narrative => {
                    source.remark(
                        format!("{from}处是叙述，不是一方：移入文件 text.txt"),
                        format!("{from} is a narrative, no party: it is in document text.txt"),
                    );
                    source.moved += 1;
                    narrative.push(given);
                    return Ok(true);
                }
            };
            details.insert(name.to_owned(), read);
            Ok::<bool, Fault>(true)
        };
    party(source, &mut details, "buyer", "招标人")?;
    party(source, &mut details, "agency", "招标机构")?;
    for (name, from) in [
        ("lot_name", "标段(包)名称"),
        ("place", "建设地点"),
        ("scope", "中标范围和内容"),
    ] {
        if let Some(text) = source.take(&["parsed_data", from]) {
            details.insert(name.to_owned(), text.into());
        }
    }
    if !party(source, &mut details, "winner", "中标人")? {
        return Err(missing("parsed_data.中标人"));
    }
    if let Some(price) = award_price(source) {
        details.insert("price".to_owned(), price);
    }
    for (name, from) in [
        ("duration", "履约期限(天)"),
        ("quality", "质量目标"),
        ("qualification", "资质证书名称及编号"),
        ("safety_licence", "安全生产许可证名称及编号"),
        ("remark", "备注"),
    ] {
        if let Some(text) = source.take(&["parsed_data", from]) {
            details.insert(name.to_owned(), text.into());
        }
    }
    Ok(details)
}

/// The member's name says the form: yuan, percent, or a promise in words. Where the value is no such thing, its words are kept.
fn award_price(source: &mut Source) -> Option<Value> {
    for (name, form) in [
        ("中标价(元)", "amount"),
        ("中标价(%)", "rate"),
        ("中标价(报价承诺)", ""),
    ] {
        let path = ["parsed_data", name];
        let Some(given) = source.look(&path).map(str::to_owned) else {
            continue;
        };
        let read = match form {
            "amount" => amounts::price(&given, true),
            "rate" => {
                let number = given.trim().trim_end_matches(['%', '％']);
                let rate = amounts::is_decimal(number).then_some(number);
                rate.map(|rate| json!({ "form": "rate", "rate": rate, "text": given }))
                    .or_else(|| Some(json!({ "form": "other", "text": given })))
            }
            _ => price(&given),
        }?;
        if !form.is_empty() && read["form"] != form {
            source.remark(
                format!(
                    "{name} 的值 {given:?} 不是{}，按原文保留",
                    if form == "amount" {
                        "金额"
                    } else {
                        "百分数"
                    }
                ),
                format!(
                    "{name} is {given:?}, wanted {}: kept in its words",
                    if form == "amount" {
                        "an amount"
                    } else {
                        "a percentage"
                    }
                ),
            );
        }
        source.remove(&path);
        return Some(read);
    }
    None
}

/// A price by its form, the original text kept. The column is headed 元/%, so a bare number below 1,000 may be either: form `other`.
fn price(text: &str) -> Option<Value> {
    let text = text.trim();
    if text == COLUMN_HEAD {
        return None;
    }
    let bare = amounts::yuan(text, true);
    let large = bare.is_some_and(|digits| {
        let whole = digits.split('.').next().unwrap_or_default();
        whole.trim_start_matches('0').len() >= 4
    });
    amounts::price(text, large)
}
