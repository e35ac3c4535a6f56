//! The words of trading as data: stages, kinds, categories, methods, and the closed list of events.
//!
//! Promises: an id, once here, keeps its meaning. Does not judge a statement ([`door`](super::door)); an unknown kind,
//! category or method never breaks a reader, because what stands in a log stands there (`DOMAIN.md` 1 and 2).

use std::fmt;

/// The five stages of a disclosure (国务院办公厅: 公共资源交易 五类信息).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// 交易公告: what is to be traded, and how.
    Announcement,
    /// 资格审查: who may take part.
    Qualification,
    /// 交易过程: opening, evaluation, candidates, objections.
    Process,
    /// 成交: who won, for how much.
    Award,
    /// 履约: contract, change, acceptance, payment.
    Performance,
}

impl Stage {
    /// All five, in their order.
    pub const ALL: [Stage; 5] = [
        Stage::Announcement,
        Stage::Qualification,
        Stage::Process,
        Stage::Award,
        Stage::Performance,
    ];

    /// Reads the word in a statement.
    ///
    /// ```
    /// use mingzhang::trade::vocabulary::Stage;
    /// assert_eq!(Stage::parse("award"), Some(Stage::Award));
    /// assert_eq!(Stage::parse("Award"), None);
    /// ```
    #[must_use]
    pub fn parse(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
    }

    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Announcement => "announcement",
            Stage::Qualification => "qualification",
            Stage::Process => "process",
            Stage::Award => "award",
            Stage::Performance => "performance",
        }
    }

    /// Its name in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Stage::Announcement => "交易公告",
            Stage::Qualification => "资格审查",
            Stage::Process => "交易过程",
            Stage::Award => "成交",
            Stage::Performance => "履约",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who pays: the body that announces, or the one that wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The announcing body buys; the price limit is a ceiling.
    Buy,
    /// The announcing body sells; the price limit is a floor.
    Sell,
    /// Either.
    Either,
}

/// A kind of notice (公告类型).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The word in a statement.
    pub id: &'static str,
    /// Its stage; `None` if it takes the stage of what it amends.
    pub stage: Option<Stage>,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// Its name in English.
    pub en: &'static str,
}

/// A category of trading (交易类别).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category {
    /// The word in a statement.
    pub id: &'static str,
    /// Who pays.
    pub side: Side,
    /// The code in queries of the national platform (`DOMAIN.md` 1); the catch-all 90 where it has none of its own.
    pub platform_code: &'static str,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// Its name in English.
    pub en: &'static str,
}

/// A method of trading (交易方式).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The word in a statement.
    pub id: &'static str,
    /// On which side it is used.
    pub side: Side,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// Its name in English.
    pub en: &'static str,
}

/// The kind called `id`.
#[must_use]
pub fn kind(id: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.id == id)
}

/// The category called `id`.
#[must_use]
pub fn category(id: &str) -> Option<&'static Category> {
    CATEGORIES.iter().find(|category| category.id == id)
}

/// The method called `id`.
#[must_use]
pub fn method(id: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.id == id)
}

/// The event called `id`.
#[must_use]
pub fn event(id: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|event| event.id == id)
}

/// A time that rules count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The word in `events`.
    pub id: &'static str,
    /// Its name in Chinese.
    pub zh: &'static str,
    /// Its name in English.
    pub en: &'static str,
}

const fn staged(id: &'static str, stage: Stage, zh: &'static str, en: &'static str) -> Kind {
    Kind {
        id,
        stage: Some(stage),
        zh,
        en,
    }
}

/// A kind that takes the stage of what it amends.
const fn amending(id: &'static str, zh: &'static str, en: &'static str) -> Kind {
    Kind {
        id,
        stage: None,
        zh,
        en,
    }
}

/// All kinds (`DOMAIN.md` 2).
pub const KINDS: &[Kind] = &[
    staged(
        "plan_notice",
        Stage::Announcement,
        "采购意向、招标计划、供应计划",
        "plan notice",
    ),
    staged(
        "tender_notice",
        Stage::Announcement,
        "招标（采购）公告",
        "tender notice",
    ),
    staged(
        "prequalification_notice",
        Stage::Announcement,
        "资格预审公告",
        "prequalification notice",
    ),
    staged(
        "invitation",
        Stage::Announcement,
        "投标邀请书",
        "invitation to tender",
    ),
    staged(
        "single_source_notice",
        Stage::Announcement,
        "单一来源采购公示",
        "single-source notice",
    ),
    staged(
        "transfer_notice",
        Stage::Announcement,
        "出让（转让、挂牌）公告",
        "transfer notice",
    ),
    staged(
        "pre_disclosure",
        Stage::Announcement,
        "信息预披露",
        "pre-disclosure",
    ),
    staged(
        "drug_catalogue",
        Stage::Announcement,
        "药品、器械采购目录",
        "drug and device catalogue",
    ),
    staged(
        "clarification",
        Stage::Announcement,
        "澄清、修改、答疑",
        "clarification",
    ),
    staged(
        "qualification_result",
        Stage::Qualification,
        "资格审查结果",
        "qualification result",
    ),
    staged(
        "bidder_register",
        Stage::Qualification,
        "投标人（竞买人）名单",
        "register of bidders",
    ),
    staged(
        "bid_register",
        Stage::Process,
        "投标文件密封登记",
        "register of sealed bids",
    ),
    staged(
        "bid_opening",
        Stage::Process,
        "开标记录",
        "bid opening record",
    ),
    staged(
        "bidding_log",
        Stage::Process,
        "竞价、拍卖、挂牌报价过程",
        "log of bidding",
    ),
    staged(
        "evaluation_report",
        Stage::Process,
        "评标（评审）结果",
        "evaluation report",
    ),
    staged(
        "candidate_publicity",
        Stage::Process,
        "中标候选人公示",
        "publicity of candidates",
    ),
    staged("objection", Stage::Process, "异议、质疑", "objection"),
    staged(
        "objection_reply",
        Stage::Process,
        "异议、质疑答复",
        "reply to an objection",
    ),
    staged(
        "complaint_decision",
        Stage::Process,
        "投诉处理决定",
        "decision on a complaint",
    ),
    staged(
        "supervision_result",
        Stage::Process,
        "监督检查处理、行政处罚",
        "result of supervision",
    ),
    staged(
        "award_notice",
        Stage::Award,
        "中标（成交）结果公告",
        "award notice",
    ),
    staged(
        "award_letter",
        Stage::Award,
        "中标（成交）通知书",
        "letter of award",
    ),
    staged(
        "award_change",
        Stage::Award,
        "中标结果变更、取消",
        "change of award",
    ),
    staged(
        "written_report",
        Stage::Award,
        "招标投标情况书面报告",
        "written report to the supervisor",
    ),
    staged(
        "contract",
        Stage::Performance,
        "合同公告",
        "contract notice",
    ),
    staged(
        "contract_change",
        Stage::Performance,
        "合同变更、补充协议",
        "change of contract",
    ),
    staged(
        "contract_termination",
        Stage::Performance,
        "合同解除、终止",
        "termination of contract",
    ),
    staged(
        "acceptance",
        Stage::Performance,
        "履约（竣工）验收",
        "acceptance",
    ),
    staged(
        "delivery_handover",
        Stage::Performance,
        "交付、交割、划转",
        "delivery or handover",
    ),
    staged(
        "payment",
        Stage::Performance,
        "资金支付、价款缴纳",
        "payment",
    ),
    staged(
        "performance_report",
        Stage::Performance,
        "履约评价、履约信息",
        "performance report",
    ),
    staged("breach", Stage::Performance, "违约、失信", "breach"),
    amending("change_notice", "变更、更正公告", "change notice"),
    amending("correction", "录入更正", "correction of a mistaken record"),
    amending(
        "termination",
        "终止、流标、废标、撤销公告",
        "termination notice",
    ),
    amending(
        "withholding_declaration",
        "不予公开说明",
        "declaration of what is withheld",
    ),
];

const fn category_row(
    id: &'static str,
    side: Side,
    platform_code: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Category {
    Category {
        id,
        side,
        platform_code,
        zh,
        en,
    }
}

/// All categories (`DOMAIN.md` 1, after the national directory and Ningbo Regulation art. 12).
pub const CATEGORIES: &[Category] = &[
    category_row(
        "construction",
        Side::Buy,
        "01",
        "工程建设项目招标投标",
        "construction",
    ),
    category_row(
        "gov-procurement",
        Side::Buy,
        "02",
        "政府采购",
        "government procurement",
    ),
    category_row(
        "land-use-right",
        Side::Sell,
        "03",
        "国有建设用地使用权出让",
        "state-owned land use rights",
    ),
    category_row(
        "mineral-right",
        Side::Sell,
        "04",
        "矿业权出让",
        "mineral rights",
    ),
    category_row(
        "state-property",
        Side::Sell,
        "05",
        "国有产权交易",
        "state property rights",
    ),
    category_row(
        "carbon-emission",
        Side::Sell,
        "21",
        "碳排放权",
        "carbon emission rights",
    ),
    category_row(
        "pollutant-discharge",
        Side::Sell,
        "22",
        "排污权",
        "pollutant discharge rights",
    ),
    category_row(
        "medical-drug",
        Side::Buy,
        "23",
        "公立医院药品采购",
        "drugs for public hospitals",
    ),
    category_row(
        "medical-device",
        Side::Buy,
        "23",
        "医疗器械、医用耗材采购",
        "medical devices and consumables",
    ),
    category_row("forest-right", Side::Sell, "25", "林权", "forest rights"),
    category_row("vaccine", Side::Buy, "24", "非免疫规划疫苗采购", "vaccines"),
    category_row(
        "energy-use-right",
        Side::Sell,
        "90",
        "用能权",
        "energy use rights",
    ),
    category_row("water-right", Side::Sell, "90", "水权", "water rights"),
    category_row(
        "sea-area-use",
        Side::Sell,
        "90",
        "海域使用权、无居民海岛使用权",
        "sea area and island use rights",
    ),
    category_row(
        "rural-property",
        Side::Sell,
        "90",
        "农村集体产权",
        "rural collective property rights",
    ),
    category_row(
        "intangible-asset",
        Side::Sell,
        "90",
        "特许经营权等无形资产",
        "concessions and intangible assets",
    ),
    category_row(
        "judicial-disposal",
        Side::Sell,
        "90",
        "司法、行政罚没资产处置",
        "disposal of confiscated assets",
    ),
    category_row(
        "admin-asset",
        Side::Sell,
        "90",
        "行政事业单位资产出让、出租",
        "assets of public bodies",
    ),
    category_row(
        "mech-elec-intl",
        Side::Buy,
        "90",
        "机电产品国际招标",
        "international tenders for machinery",
    ),
    category_row(
        "ppp",
        Side::Buy,
        "90",
        "政府和社会资本合作项目",
        "public-private partnership",
    ),
    category_row("other", Side::Either, "90", "其他", "other"),
];

const fn method_row(id: &'static str, side: Side, zh: &'static str, en: &'static str) -> Method {
    Method { id, side, zh, en }
}

/// All methods (`DOMAIN.md` 1).
pub const METHODS: &[Method] = &[
    method_row("open-tender", Side::Buy, "公开招标", "open tender"),
    method_row("invited-tender", Side::Buy, "邀请招标", "invited tender"),
    method_row(
        "competitive-negotiation",
        Side::Buy,
        "竞争性谈判",
        "competitive negotiation",
    ),
    method_row(
        "competitive-consultation",
        Side::Buy,
        "竞争性磋商",
        "competitive consultation",
    ),
    method_row("inquiry", Side::Buy, "询价", "inquiry of prices"),
    method_row("single-source", Side::Buy, "单一来源", "single source"),
    method_row(
        "framework-agreement",
        Side::Buy,
        "框架协议",
        "framework agreement",
    ),
    method_row(
        "direct-listing",
        Side::Buy,
        "直接挂网",
        "direct listing of drugs",
    ),
    method_row(
        "volume-based",
        Side::Buy,
        "带量采购",
        "volume-based procurement",
    ),
    method_row("sale-tender", Side::Sell, "招标出让", "sale by tender"),
    method_row("auction", Side::Sell, "拍卖", "auction"),
    method_row("listing", Side::Sell, "挂牌", "listing"),
    method_row("agreement", Side::Sell, "协议", "agreement"),
    method_row("allocation", Side::Sell, "划拨", "allocation"),
    method_row("other", Side::Either, "其他", "other"),
];

const fn event_row(id: &'static str, zh: &'static str, en: &'static str) -> Event {
    Event { id, zh, en }
}

/// All members of `events` (DESIGN 3.1); the list is closed.
pub const EVENTS: &[Event] = &[
    event_row(
        "documents_from",
        "文件获取开始",
        "documents are issued from",
    ),
    event_row("documents_to", "文件获取截止", "documents are issued to"),
    event_row("bid_deadline", "投标截止", "bid deadline"),
    event_row("opening", "开标", "opening"),
    event_row("clarified", "澄清、修改", "clarified"),
    event_row("received", "收到异议、质疑或投诉", "objection received"),
    event_row("replied", "答复", "objection replied to"),
    event_row("evaluated", "收到评标报告", "evaluation report received"),
    event_row("publicity_from", "公示开始", "publicity from"),
    event_row("publicity_to", "公示截止", "publicity to"),
    event_row("winner_set", "确定中标人", "winner set"),
    event_row("letter_issued", "发出中标通知书", "letter of award issued"),
    event_row("contract_signed", "签订合同", "contract signed"),
    event_row("listing_from", "挂牌开始", "listing from"),
    event_row("listing_to", "挂牌截止", "listing to"),
    event_row("trade", "成交", "trade"),
    event_row("paid", "支付", "paid"),
    event_row("accepted", "验收", "accepted"),
    event_row("terminated", "终止", "terminated"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_id_stands_once_and_has_a_name_in_both_languages() {
        let check = |ids: Vec<(&str, &str, &str)>| {
            let distinct: HashSet<_> = ids.iter().map(|(id, _, _)| id).collect();
            assert_eq!(distinct.len(), ids.len());
            for (id, zh, en) in ids {
                assert!(
                    id.bytes()
                        .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-'),
                    "{id}"
                );
                assert!(!zh.is_ascii() && en.is_ascii() && !en.is_empty(), "{id}");
            }
        };
        check(KINDS.iter().map(|k| (k.id, k.zh, k.en)).collect());
        check(CATEGORIES.iter().map(|c| (c.id, c.zh, c.en)).collect());
        check(METHODS.iter().map(|m| (m.id, m.zh, m.en)).collect());
        check(EVENTS.iter().map(|e| (e.id, e.zh, e.en)).collect());
        assert_eq!((CATEGORIES.len(), EVENTS.len()), (21, 19));
    }

    #[test]
    fn every_stage_has_kinds_and_every_word_is_found_again() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.as_str()), Some(stage));
            assert!(
                KINDS.iter().any(|kind| kind.stage == Some(stage)),
                "{stage}"
            );
        }
        assert!(KINDS.iter().all(|k| kind(k.id) == Some(k)));
        assert_eq!(
            kind("candidate_publicity").and_then(|k| k.stage),
            Some(Stage::Process)
        );
        assert_eq!(
            (
                Stage::parse("成交"),
                kind(""),
                category("Construction"),
                method("公开招标"),
                event("")
            ),
            (None, None, None, None, None)
        );
    }
}
