//! Notices of the national platform (全国公共资源交易平台): full text, stage code, project code, source platform.
//!
//! The full text becomes a document: it names people, and a document can be ordered away. What stands in it in a known form is read by
//! [`body`](super::body).

use serde_json::{Map, Value, json};

use super::amounts;
use super::body::{self, Read};
use super::json::Json;
use super::parties::{self, Party};
use super::source::Source;
use super::{Fault, fault, missing, object, project_of, times};
use crate::trade::names;
use crate::trade::vocabulary;

const PLATFORM: &str = "全国公共资源交易平台";
/// What stands where a seal should.
const SEAL: [&str; 2] = ["（盖章）", "(盖章)"];

pub(super) fn draft(
    source: &mut Source,
    reference: &str,
) -> Result<(Value, Option<String>), Fault> {
    let mut wanted = |name: &str| source.take(&[name]).ok_or_else(|| missing(name));
    let (title, record, date) = (
        wanted("title")?,
        wanted("record_id")?,
        wanted("publish_date")?,
    );
    let issued = times::whole(&date).ok_or_else(|| {
        fault(
            format!("publish_date {date:?} 不是时间"),
            format!("publish_date {date:?} is no time, wanted one such as 2026-03-16 17:25"),
        )
    })?;
    let text = source.take(&["content_text"]);
    let body = text.as_deref().unwrap_or_default();
    source.moved += usize::from(text.is_some());
    let stage_code = source
        .look(&["stage_code"])
        .ok_or_else(|| missing("stage_code"))?;
    let info_type = source.look(&["info_type"]).unwrap_or_default();
    let (stage, kind) = kind(stage_code, &title, info_type, body)?;
    let category = category(
        source.look(&["business_type"]).unwrap_or_default(),
        stage_code,
        &title,
    );
    let read = body::read(kind, body);

    // A masked code names many projects: then the text's own number does, and a notice without any stands alone.
    let code = source
        .look(&["project_code"])
        .filter(|code| !code.contains('*'))
        .map(str::to_owned);
    let mut codes = vec![json!({ "scheme": "ggzy_record_id", "value": record })];
    if let Some(code) = &code {
        source.remove(&["project_code"]);
        codes.push(json!({ "scheme": "ggzy_project_code", "value": code }));
    }
    for (scheme, value) in &read.codes {
        if code.as_deref() != Some(value) {
            codes.push(json!({ "scheme": scheme, "value": value }));
        }
    }
    if let Some(round) = parties::round(&title) {
        codes.push(json!({ "scheme": "round", "value": round }));
    }
    let own = code
        .as_deref()
        .or(read.project.as_deref())
        .unwrap_or(&record)
        .to_owned();
    let mut lots: Vec<Value> = read.lots.iter().map(|lot| project_of(lot).into()).collect();
    if lots.is_empty() {
        lots.extend(lot_of(&title).map(Value::from));
    }

    let mut details = Map::new();
    let mut extra = Map::new();
    let has = |name: &str| vocabulary::kind(kind).is_some_and(|kind| has_field(kind, name));
    let mut events = read.events.clone();
    fields(source, kind, read, &mut events, &mut |name, value| {
        // What this kind has no field for is kept, and found by its words.
        let to = if has(name) { &mut details } else { &mut extra };
        to.entry(name).or_insert(value);
    });
    for (name, from) in [
        ("platform", "source_platform"),
        ("info_type", "info_type"),
        ("region_name", "region"),
        ("original_link", "original_link"),
        ("full_page", "b_page_url"),
    ] {
        if let Some(text) = source.take(&[from]) {
            source.extra += 1;
            extra.insert(name.to_owned(), text.into());
        }
    }
    if let Some(files) = source.take_list(&["attachments"]) {
        source.extra += files.iter().map(Json::facts).sum::<usize>();
        extra.insert(
            "attachments".to_owned(),
            files.iter().map(attachment).collect(),
        );
    }
    if !extra.is_empty() {
        details.insert("extra".to_owned(), extra.into());
    }
    let told = object([
        ("name", Some(PLATFORM.into())),
        ("url", source.take(&["detail_url"]).map(Value::from)),
        ("id", Some(record.into())),
    ]);
    details.insert("source".to_owned(), told.into());
    let region = source
        .look(&["province_code"])
        .filter(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()));
    let region = region.map(str::to_owned);
    if region.is_some() {
        source.remove(&["province_code"]);
    }
    let members = object([
        ("type", Some("trade".into())),
        ("v", Some(1.into())),
        ("project", Some(project_of(&own).into())),
        ("codes", Some(codes.into())),
        ("lots", (!lots.is_empty()).then(|| lots.into())),
        ("ref", Some(reference.into())),
        ("stage", Some(stage.into())),
        ("kind", Some(kind.into())),
        ("category", Some(category.into())),
        ("method", method(&title).map(Value::from)),
        ("title", Some(title.into())),
        ("region", region.map(Value::from)),
        ("issued", Some(issued.text.into())),
        ("events", (!events.is_empty()).then(|| events.into())),
        ("documents", Some(json!([]))),
        ("details", Some(details.into())),
    ]);
    Ok((Value::Object(members), text))
}

/// Name and address of an attachment; one of another form as its JSON.
fn attachment(file: &Json) -> Value {
    let known = file.as_object().is_some_and(|members| {
        members.0.iter().all(|(name, value)| {
            matches!(name.as_str(), "name" | "url") && value.as_str().is_some()
        })
    });
    if !known {
        return file.shown().into();
    }
    let text = |name: &str| file[name].as_str().map(Value::from);
    Value::Object(object([("name", text("name")), ("url", text("url"))]))
}

/// What the notice says in members of its own, which the source's parser made, and what its text says in a known form.
fn fields(
    source: &mut Source,
    kind: &str,
    read: Read,
    events: &mut Map<String, Value>,
    put: &mut dyn FnMut(&str, Value),
) {
    const LINES: &str = "structured_fields";
    let seller = if kind == "transfer_notice" {
        "seller"
    } else {
        "buyer"
    };
    let winner = if kind == "contract" {
        "supplier"
    } else {
        "winner"
    };
    for (name, path) in [
        (seller, &["issuer"][..]),
        (seller, &[LINES, "采购人名称"]),
        ("agency", &["agency"]),
        (winner, &[LINES, "中标（成交）供应商名称"]),
    ] {
        let Some(given) = source
            .look(path)
            .filter(|given| !SEAL.contains(&given.trim()))
        else {
            continue;
        };
        let given = given.to_owned();
        match Party::read(&given) {
            Ok(Party::Body) => {
                source.remove(path);
                put(name, json!({ "name": given }));
            }
            Ok(Party::Person) => {
                source.remove(path);
                source.withheld += 1;
                source.remark(
                    format!("{} 是自然人，只发布承诺值", path.join("/")),
                    format!(
                        "{} is a natural person: only a commitment is published",
                        path.join("/")
                    ),
                );
                put(name, json!({ "name": super::withheld(&given) }));
            }
            // Left as it stands.
            _ => {}
        }
    }
    for (name, path) in [("price", &[LINES, "合同金额"][..]), ("budget", &["budget"])] {
        if let Some(price) = source
            .look(path)
            .and_then(|given| amounts::price(given, false))
        {
            source.remove(path);
            put(name, price);
        }
    }
    for (name, from) in [
        ("duration", "合同期限"),
        ("place", "开标地点"),
        ("content", "对文件澄清与修改的主要内容"),
    ] {
        // 「年」 is the unit of a number that is not there.
        let unsaid = |text: &str| from == "合同期限" && !text.chars().any(|c| c.is_ascii_digit());
        let elsewhere = from == "开标地点" && kind != "bid_opening";
        if source
            .look(&[LINES, from])
            .is_some_and(|text| !unsaid(text) && !elsewhere)
            && let Some(text) = source.take(&[LINES, from])
        {
            put(name, text.into());
        }
    }
    for (name, from, of) in [
        ("contract_signed", "合同签署时间", "contract"),
        ("opening", "开标时间", "bid_opening"),
    ] {
        let time = source.look(&[LINES, from]).filter(|_| kind == of);
        let time = time.and_then(|text| {
            times::whole(text)
                .map(|read| read.text)
                .or_else(|| day(text))
        });
        if let Some(time) = time {
            source.remove(&[LINES, from]);
            events.insert(name.to_owned(), time.into());
        }
    }
    // What the source's parser found stands; the text fills in what it did not.
    for (name, value) in read.fields {
        put(name, value);
    }
    source.remarks.extend(read.remarks);
}

fn has_field(kind: &vocabulary::Kind, name: &str) -> bool {
    name == "place" || kind.fields.iter().any(|field| field.name == name)
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
    times::whole(&format!("{year}-{month:02}-{day:02}")).map(|read| read.text)
}

/// The lot that a title names: 「(1标段)」, 「第二标段(包)」, 「采购包1」.
fn lot_of(title: &str) -> Option<String> {
    for mark in ["标段", "采购包", "分包", "合同包"] {
        let Some((before, after)) = title.split_once(mark) else {
            continue;
        };
        let is_digit = |c: &char| c.is_ascii_digit() || "一二三四五六七八九十".contains(*c);
        let tail: Vec<char> = before.chars().rev().take_while(is_digit).collect();
        let number: String = if mark == "标段" {
            tail.into_iter().rev().collect()
        } else {
            after.chars().take_while(is_digit).collect()
        };
        let number = parties::number(&number)?;
        return names::check_project(&number).is_ok().then_some(number);
    }
    None
}

/// Stage and kind: the platform's code says which kind of notice, and where one code stands for several, the title.
fn kind(
    code: &str,
    title: &str,
    info_type: &str,
    body: &str,
) -> Result<(&'static str, &'static str), Fault> {
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
        // Sales of land, mining rights and state property (03 to 05), of allowances (21, 22) and of forest rights (25); medical purchases
        // (23, 24): announcement and result, where the title or the type does not say otherwise.
        _ if let Some(buys) = of_category(code) => {
            let told = |words: &[&str]| {
                words
                    .iter()
                    .any(|word| title.contains(word) || info_type.contains(word))
            };
            let done = told(&["结果", "成交", "中标"]) || code.ends_with("02");
            if ended {
                (changed, "termination")
            } else if has(&["更正", "变更"]) && done {
                ("award", "award_change")
            } else if has(&["更正", "变更", "补充公告", "延期"]) {
                ("announcement", "change_notice")
            } else if title.contains("合同") && !title.contains("公告") {
                ("performance", "contract")
            } else if done && title.contains("候选") {
                ("process", "candidate_publicity")
            } else if done {
                ("award", "award_notice")
            } else if title.contains("预披露") {
                ("announcement", "pre_disclosure")
            } else if buys {
                ("announcement", "tender_notice")
            } else {
                ("announcement", "transfer_notice")
            }
        }
        _ => {
            return Err(fault(
                format!("不认识的环节代码 stage_code {code:?}"),
                format!(
                    "stage_code {code:?} is not known, wanted 0101, 0102, 0104 to 0106, 0201 to 0204, 03, 04, 05 or 21 to 25 with 01 to 09, 9001 or 9002"
                ),
            ));
        }
    })
}

/// Whether a code of four digits is of a category of its own, and whether it buys.
fn of_category(code: &str) -> Option<bool> {
    let (category, part) = code
        .split_at_checked(2)
        .filter(|(_, part)| part.len() == 2)?;
    let part: u8 = part.parse().ok()?;
    let known = (1..=9).contains(&part);
    match category {
        "03" | "04" | "05" | "21" | "22" | "25" if known => Some(false),
        "23" | "24" if known => Some(true),
        _ => None,
    }
}

/// The platform's word for the business, else its code, else what the title names.
fn category(business: &str, code: &str, title: &str) -> &'static str {
    let of_code = match code.get(..2) {
        Some("21") => "carbon-emission",
        Some("22") => "pollutant-discharge",
        Some("23") if title.contains("器械") || title.contains("耗材") => "medical-device",
        Some("23") => "medical-drug",
        Some("24") => "vaccine",
        Some("25") => "forest-right",
        _ => "",
    };
    if !of_code.is_empty() {
        return of_code;
    }
    match business {
        "政府采购" => "gov-procurement",
        "工程建设" => "construction",
        "土地使用权" => "land-use-right",
        "矿业权" => "mineral-right",
        "国有产权" => "state-property",
        _ => match code.get(..2) {
            Some("01") => "construction",
            Some("02") => "gov-procurement",
            Some("03") => "land-use-right",
            Some("04") => "mineral-right",
            Some("05") => "state-property",
            _ => NAMED
                .iter()
                .find(|(words, _)| words.iter().any(|word| title.contains(word)))
                .map_or("other", |(_, category)| category),
        },
    }
}

/// What a title under 90 (其他) is about, where it says so.
const NAMED: [(&[&str], &str); 11] = [
    (&["碳排放权", "碳排放配额"], "carbon-emission"),
    (&["排污权"], "pollutant-discharge"),
    (
        &["林权", "林地使用权", "林木所有权", "林地经营权"],
        "forest-right",
    ),
    (&["用能权"], "energy-use-right"),
    (&["水权"], "water-right"),
    (&["海域使用权", "无居民海岛"], "sea-area-use"),
    (&["土地经营权", "农村集体", "农村产权"], "rural-property"),
    (&["特许经营权", "冠名权"], "intangible-asset"),
    (&["罚没", "司法拍卖"], "judicial-disposal"),
    (&["疫苗"], "vaccine"),
    (&["矿业权", "采矿权", "探矿权"], "mineral-right"),
];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_english_is_a_day_in_beijing() {
        assert_eq!(
            day("Mar 16, 2026").as_deref(),
            Some("2026-03-16T00:00:00+08:00")
        );
        for bad in [
            "",
            "16 Mar 2026",
            "March 16, 2026",
            "Mar x, 2026",
            "Feb 30, 2026",
        ] {
            assert_eq!(day(bad), None, "{bad}");
        }
    }

    #[test]
    fn codes_of_all_categories_are_taken() {
        for (code, title, wanted, in_category) in [
            (
                "0301",
                "示例地块国有建设用地使用权挂牌出让公告",
                "transfer_notice",
                "land-use-right",
            ),
            (
                "0302",
                "示例地块国有建设用地使用权成交公示",
                "award_notice",
                "land-use-right",
            ),
            (
                "0401",
                "示例采矿权挂牌出让公告",
                "transfer_notice",
                "mineral-right",
            ),
            (
                "0402",
                "示例采矿权出让结果公示",
                "award_notice",
                "mineral-right",
            ),
            (
                "0501",
                "示例公司30%股权转让",
                "transfer_notice",
                "state-property",
            ),
            (
                "0502",
                "示例资产转让成交公告",
                "award_notice",
                "state-property",
            ),
            (
                "2101",
                "碳排放配额有偿竞价公告",
                "transfer_notice",
                "carbon-emission",
            ),
            (
                "2201",
                "排污权交易公告",
                "transfer_notice",
                "pollutant-discharge",
            ),
            ("2301", "药品集中采购公告", "tender_notice", "medical-drug"),
            (
                "2302",
                "医用耗材采购结果公示",
                "award_notice",
                "medical-device",
            ),
            ("2401", "疫苗采购公告", "tender_notice", "vaccine"),
            (
                "2501",
                "林权流转交易终止公告",
                "termination",
                "forest-right",
            ),
            (
                "0301",
                "示例地块出让更正公告",
                "change_notice",
                "land-use-right",
            ),
            (
                "9001",
                "示例企业排污权出让公告",
                "transfer_notice",
                "pollutant-discharge",
            ),
        ] {
            let read = kind(code, title, "", "").map(|(_, kind)| kind);
            assert_eq!(
                (read.ok(), category("", code, title)),
                (Some(wanted), in_category),
                "{title}"
            );
        }
        for code in ["0300", "0310", "2601", "9101", "01", "", "零三零一"] {
            assert!(kind(code, "公告", "", "").is_err(), "{code}");
        }
    }

    #[test]
    fn a_title_names_its_lot() {
        for (title, wanted) in [
            ("示例工程(1标段)中标候选人公示", Some("1")),
            ("示例工程第二标段(包)中标候选人公示", Some("2")),
            ("示例采购项目结果公告（采购包1）", Some("1")),
            ("示例采购项目十二标段招标公告", Some("12")),
            ("示例工程各标段公示", None),
            ("示例工程", None),
        ] {
            assert_eq!(lot_of(title).as_deref(), wanted, "{title}");
        }
    }
}
