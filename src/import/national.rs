//! Notices of the national platform (全国公共资源交易平台): full text, stage code, project code, source platform.

use serde_json::{Value, json};

use super::{Fault, fault, missing, object, project_of, text};

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
    let party = |name: &str| text(notice, name).map(|party| json!({ "name": party }));
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
    let extra = object([
        ("info_type", plain("info_type")),
        ("region_name", plain("region")),
        ("fields", some(fields)),
        ("attachments", some(attachments)),
        ("original_link", plain("original_link")),
        ("full_page", plain("b_page_url")),
    ]);
    let details = object([
        ("buyer", party("issuer")),
        ("agency", party("agency")),
        ("budget_text", plain("budget")),
        ("text", (!body.is_empty()).then(|| body.into())),
        ("extra", Some(extra.into())),
        (
            "source",
            Some(
                object([
                    ("name", Some(PLATFORM.into())),
                    ("platform", plain("source_platform")),
                    ("url", plain("detail_url")),
                    ("id", Some(record.into())),
                ])
                .into(),
            ),
        ),
    ]);
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
        ("documents", Some(json!([]))),
        ("details", Some(details.into())),
    ]);
    Ok(Value::Object(members))
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
