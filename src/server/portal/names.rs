//! Ids as people know them: kinds, categories, regions, publishers, times, and the links that search for them.

use crate::ledger::Ledger;
use crate::rules::Outcome;
use crate::trade::statement::{OrderClass, Role};
use crate::trade::time::Time;
use crate::trade::vocabulary::{self, Field, Stage, Vocabulary};

use super::words::{prefix, words};
use crate::lang::Lang;

/// Minutes that Beijing is ahead of UTC.
const BEIJING_MINUTES: i16 = 480;

/// `2026-11-23 09:02:03` in Beijing.
pub(super) fn beijing(time: Time) -> String {
    let (year, month, day) = time.date(BEIJING_MINUTES);
    let seconds = (time.as_ms() + i64::from(BEIJING_MINUTES) * 60_000)
        .div_euclid(1_000)
        .rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// `2026-11-23` in Beijing.
pub(super) fn beijing_day(time: Time) -> String {
    let (year, month, day) = time.date(BEIJING_MINUTES);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The kind's name, else its id.
pub(super) fn kind(id: &str, lang: Lang) -> String {
    vocabulary::kind(id).map_or_else(
        || id.to_owned(),
        |kind| lang.say(&kind.zh, &kind.en).clone(),
    )
}

/// The category's name, else its id.
pub(super) fn category(id: &str, lang: Lang) -> String {
    vocabulary::category(id).map_or_else(|| id.to_owned(), |one| lang.say(&one.zh, &one.en).clone())
}

/// The method's name, else its id.
pub(super) fn method(id: &str, lang: Lang) -> String {
    vocabulary::method(id).map_or_else(|| id.to_owned(), |one| lang.say(&one.zh, &one.en).clone())
}

/// The name of an event (a time that rules read), else its id.
pub(super) fn event(id: &str, lang: Lang) -> String {
    vocabulary::event(id).map_or_else(|| id.to_owned(), |one| lang.say(&one.zh, &one.en).clone())
}

/// The stage's name.
pub(super) fn stage(stage: Stage, lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => stage.zh(),
        Lang::En => match stage {
            Stage::Announcement => "Announcement",
            Stage::Qualification => "Qualification",
            Stage::Process => "Process",
            Stage::Award => "Award",
            Stage::Performance => "Performance",
        },
    }
}

/// What a statement of this type is.
pub(super) fn statement_type(id: &str, lang: Lang) -> Option<&'static str> {
    Some(match id {
        "trade" => lang.say("交易公开", "trade"),
        "genesis" => lang.say("账本创世", "genesis of the ledger"),
        "key" => lang.say("密钥变更", "change of keys"),
        "endorse" => lang.say("监督机关副署", "endorsement by a supervisor"),
        "order" => lang.say("公开与不予公开的命令", "order on what is shown"),
        "notice" => lang.say("运营者公告", "notice of the operator"),
        _ => return None,
    })
}

/// What a key may do.
pub(super) fn role(role: Role, lang: Lang) -> &'static str {
    match role {
        Role::Publisher => lang.say("发布者（交易中心）", "publisher (trading centre)"),
        Role::Supervisor => lang.say("监督机关", "supervisor"),
        Role::Operator => lang.say("运营者", "operator"),
        Role::Log => lang.say("账本", "log"),
    }
}

/// Why an order keeps something back.
pub(super) fn order_class(class: OrderClass, lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => class.zh(),
        Lang::En => match class {
            OrderClass::Person => "a natural person",
            OrderClass::Privacy => "privacy",
            OrderClass::TradeSecret => "trade secret",
            OrderClass::NotYet => "not public yet",
            OrderClass::Security => "security or social stability",
            OrderClass::Internal => "internal or pending matter",
            OrderClass::CreditRepaired => "credit repaired",
        },
    }
}

/// Why a value was committed to rather than written.
pub(super) fn commitment_class(id: &str, lang: Lang) -> Option<&'static str> {
    OrderClass::parse(id).map(|class| order_class(class, lang))
}

/// Whose numbers stand in `codes`.
pub(super) fn scheme(id: &str, lang: Lang) -> Option<&'static str> {
    Some(match id {
        "tender_project_code" => lang.say("招标项目编号", "tender project code"),
        "investment_project_code" => lang.say("投资项目代码", "investment project code"),
        "trading_code" => lang.say("交易标识码", "trading code"),
        "procurement_project_code" => lang.say("采购项目编号", "procurement project code"),
        "unified_deal_code" => lang.say("统一交易标识码", "unified deal code"),
        "yichang_lot_code" => lang.say("宜昌标段编号", "Yichang lot code"),
        "yichang_title" => lang.say("原公告项目名称", "title of the original notice"),
        "ggzy_record_id" => lang.say("全国平台记录编号", "record id of the national platform"),
        "ggzy_project_code" => {
            lang.say("全国平台项目编号", "project code of the national platform")
        }
        "ocid" => "OCID",
        _ => return None,
    })
}

/// Members of statements that are no kind's fields.
pub(super) fn member(name: &str, lang: Lang) -> Option<&'static str> {
    Some(match name {
        "changes" => lang.say("变更", "changes"),
        "op" => lang.say("操作", "operation"),
        "role" => lang.say("身份", "role"),
        "vkey" => lang.say("公钥（vkey）", "vkey"),
        "name" => lang.say("名称", "name"),
        "uscc" => lang.say("统一社会信用代码", "USCC"),
        "live_from" => lang.say("实时公开起始", "live from"),
        "reason" => lang.say("理由", "reason"),
        "suspect_since" => lang.say("存疑起始", "suspect since"),
        "threshold" => lang.say("门限", "threshold"),
        "vkeys" => lang.say("公钥", "vkeys"),
        "authority" => lang.say("管理机关", "authority"),
        "operator" => lang.say("运营者", "operator"),
        "log" => lang.say("账本密钥", "log keys"),
        "hash" => lang.say("哈希算法", "hash"),
        "act" => lang.say("处理", "act"),
        "class" => lang.say("理由类别", "class"),
        "basis" => lang.say("依据", "basis"),
        "approver" => lang.say("批准", "approver"),
        "review_at" => lang.say("复核时间", "review at"),
        "about" => lang.say("所涉", "about"),
        "publisher" => lang.say("发布者", "publisher"),
        "project" => lang.say("项目编号", "project"),
        "statement" => lang.say("声明编号", "statement"),
        "pointer" => lang.say("字段", "pointer"),
        "document" => lang.say("文件", "document"),
        "leaf_hash" => lang.say("叶哈希", "leaf hash"),
        "index" => lang.say("账本序号", "index"),
        "extra" => lang.say("发布者自有字段", "the publisher's own members"),
        _ => return None,
    })
}

/// What a rule said, and its class in the style sheet.
pub(super) fn outcome(outcome: Outcome, lang: Lang) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Done => ("good", lang.say("按期", "in time")),
        Outcome::Due => ("due", lang.say("未到期", "due")),
        Outcome::Suspended => ("due", lang.say("中止计时", "suspended")),
        Outcome::CannotTell => ("none", lang.say("无从判断", "cannot tell")),
        Outcome::Late => ("warn", lang.say("逾期", "late")),
        Outcome::Missing => ("bad", lang.say("未见", "not seen")),
        Outcome::TooShort => ("warn", lang.say("期限过短", "too short")),
        Outcome::OutOfOrder => ("warn", lang.say("次序不符", "out of order")),
        Outcome::Premature => ("bad", lang.say("过早公开", "premature")),
        Outcome::Contradiction => ("bad", lang.say("相互矛盾", "contradiction")),
        Outcome::BackDated => ("warn", lang.say("倒签", "back-dated")),
    }
}

/// A JSON pointer into a statement as a path of labels: `/details/awards/0/price/amount` as `成交明细 › 1 › 价款 › amount`.
pub(super) fn pointer(pointer: &str, kind: Option<&str>, lang: Lang) -> String {
    let vocabulary = Vocabulary::builtin();
    let kind = kind.and_then(|id| vocabulary.kind(id));
    let mut fields: Vec<&Field> = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    let mut in_events = false;
    for (depth, name) in pointer.trim_start_matches('/').split('/').enumerate() {
        if depth == 0 && name == "details" {
            let known = kind.map(|kind| kind.fields.iter().chain(&vocabulary.common).collect());
            fields = known.unwrap_or_default();
            continue;
        }
        if depth == 0 && name == "events" {
            in_events = true;
            continue;
        }
        if let Ok(n) = name.parse::<u32>() {
            parts.push((n.saturating_add(1)).to_string());
            continue;
        }
        let field = fields.iter().find(|field| field.name == name).copied();
        let label = match field {
            Some(field) => lang.say(&field.zh, &field.en).clone(),
            None if in_events => event(name, lang),
            None => header(name, lang)
                .or_else(|| member(name, lang))
                .unwrap_or(name)
                .to_owned(),
        };
        parts.push(label);
        let shape = field
            .and_then(|field| field.kind.shape())
            .and_then(|id| vocabulary.shape(id));
        fields = shape.map_or_else(Vec::new, |shape| shape.fields.iter().collect());
    }
    parts.join(" › ")
}

/// Members of the frame of a trade statement.
fn header(name: &str, lang: Lang) -> Option<&'static str> {
    let w = words(lang);
    Some(match name {
        "title" => w.col_title,
        "issued" => w.col_date,
        "stage" => w.col_stage,
        "kind" => w.col_kind,
        "category" => w.col_category,
        "region" => w.col_region,
        "lots" => w.col_lots,
        "method" => w.method,
        "mandatory_tender" => w.mandatory,
        "codes" => w.codes,
        "documents" => w.documents,
        "sha256" => w.doc_sha,
        "size" => w.doc_size,
        _ => return None,
    })
}

/// The publisher's name for display, of the newest key admitted under this key name.
pub(super) fn publisher(ledger: &Ledger, key_name: &str) -> String {
    let keys = ledger.keys();
    let newest = keys.keys().filter(|key| key.vkey.name() == key_name).last();
    newest.map_or_else(|| key_name.to_owned(), |key| key.name.clone())
}

/// The path that searches by these conditions.
pub(super) fn search_link(lang: Lang, conditions: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in conditions {
        query.append_pair(name, value);
    }
    format!("{}/search?{}", prefix(lang), query.finish())
}

/// The province that a region code begins with, and the code.
pub(super) fn region(code: &str, lang: Lang) -> String {
    let Some((_, zh, en)) = PROVINCES
        .iter()
        .find(|(digits, _, _)| code.starts_with(digits))
    else {
        return code.to_owned();
    };
    let name = lang.say(zh, en);
    if code.len() == 2 || code.ends_with("0000") {
        (*name).to_owned()
    } else {
        format!("{name} {code}")
    }
}

/// GB/T 2260, first two digits.
pub(super) const PROVINCES: [(&str, &str, &str); 34] = [
    ("11", "北京", "Beijing"),
    ("12", "天津", "Tianjin"),
    ("13", "河北", "Hebei"),
    ("14", "山西", "Shanxi"),
    ("15", "内蒙古", "Inner Mongolia"),
    ("21", "辽宁", "Liaoning"),
    ("22", "吉林", "Jilin"),
    ("23", "黑龙江", "Heilongjiang"),
    ("31", "上海", "Shanghai"),
    ("32", "江苏", "Jiangsu"),
    ("33", "浙江", "Zhejiang"),
    ("34", "安徽", "Anhui"),
    ("35", "福建", "Fujian"),
    ("36", "江西", "Jiangxi"),
    ("37", "山东", "Shandong"),
    ("41", "河南", "Henan"),
    ("42", "湖北", "Hubei"),
    ("43", "湖南", "Hunan"),
    ("44", "广东", "Guangdong"),
    ("45", "广西", "Guangxi"),
    ("46", "海南", "Hainan"),
    ("50", "重庆", "Chongqing"),
    ("51", "四川", "Sichuan"),
    ("52", "贵州", "Guizhou"),
    ("53", "云南", "Yunnan"),
    ("54", "西藏", "Tibet"),
    ("61", "陕西", "Shaanxi"),
    ("62", "甘肃", "Gansu"),
    ("63", "青海", "Qinghai"),
    ("64", "宁夏", "Ningxia"),
    ("65", "新疆", "Xinjiang"),
    ("71", "台湾", "Taiwan"),
    ("81", "香港", "Hong Kong"),
    ("82", "澳门", "Macao"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_beijing() {
        let time = Time::parse("2026-11-22T16:02:03.456Z").unwrap();
        assert_eq!(beijing(time), "2026-11-23 00:02:03");
        assert_eq!(beijing_day(time), "2026-11-23");
    }

    #[test]
    fn a_region_is_told_by_its_province_and_code() {
        assert_eq!(region("430382", Lang::Zh), "湖南 430382");
        assert_eq!(region("43", Lang::En), "Hunan");
        assert_eq!(region("430000", Lang::Zh), "湖南");
        assert_eq!(region("999999", Lang::Zh), "999999");
        assert_eq!(region("", Lang::Zh), "");
    }

    #[test]
    fn values_cannot_leave_their_place_in_a_link() {
        let link = search_link(Lang::En, &[("q", "a&b=\"><script>")]);
        assert_eq!(link, "/en/search?q=a%26b%3D%22%3E%3Cscript%3E");
    }
}
