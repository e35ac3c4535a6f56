//! Door rules of the trade header: each member's type and form, and the vocabulary.

use std::collections::HashSet;

use super::{Problems, redaction};
use crate::lang::Bilingual;
use crate::trade::identifiers;
use crate::trade::json::Value;
use crate::trade::names;
use crate::trade::time::OffsetTime;
use crate::trade::vocabulary::{self, Side, Stage, Vocabulary};

/// The most lots that one statement names.
pub(crate) const LOTS_MAX: usize = 256;
/// The most outside codes of one statement.
pub(crate) const CODES_MAX: usize = 64;
/// The most documents of one statement.
pub(crate) const DOCUMENTS_MAX: usize = 64;
/// The most bytes of a title.
pub(crate) const TITLE_BYTES_MAX: usize = 1_024;
/// The most bytes of a `ref`.
pub(crate) const REF_BYTES_MAX: usize = 128;
/// The most bytes of a document's name, a code, or a scheme.
pub const NAME_BYTES_MAX: usize = 512;

/// The members that a trade statement may have.
const MEMBERS: [&str; 22] = [
    "type",
    "v",
    "ledger",
    "publisher",
    "follows",
    "project",
    "codes",
    "lots",
    "ref",
    "stage",
    "kind",
    "category",
    "title",
    "region",
    "issued",
    "amends",
    "about",
    "documents",
    "details",
    "method",
    "mandatory_tender",
    "events",
];

pub(super) fn check(value: &Value<'_>, words: &Vocabulary, problems: &mut Problems) {
    check_members(value, problems);
    let stage = check_stage(value, problems);
    check_kind(value, stage, words, problems);
    let side = check_category(value, words, problems);
    check_method(value, side, words, problems);
    check_title(value, problems);
    check_region(value, problems);
    check_ref(value, problems);
    check_lots(value, problems);
    check_codes(value, problems);
    check_documents(value, problems);
    check_events(value, problems);
    check_before_opening(value, problems);
    check_about(value, problems);
    if value
        .get("mandatory_tender")
        .is_some_and(|v| v.as_bool().is_none())
    {
        mistyped(
            problems,
            "/mandatory_tender",
            value.get("mandatory_tender"),
            "true 或 false",
            "true or false",
        );
    }
    if value.get("details").is_some_and(|v| v.members().is_none()) {
        mistyped(
            problems,
            "/details",
            value.get("details"),
            "对象",
            "an object",
        );
    }
}

fn mistyped(problems: &mut Problems, pointer: &str, found: Option<&Value<'_>>, zh: &str, en: &str) {
    let found = found.map_or("nothing", Value::what);
    problems.error(
        "member_mistyped",
        pointer,
        format!("{pointer} 应为{zh}"),
        format!("{pointer} is {found}, wanted {en}"),
    );
}

fn check_members(value: &Value<'_>, problems: &mut Problems) {
    for (name, _) in value.members().unwrap_or_default() {
        if !MEMBERS.contains(name) {
            problems.error(
                "member_unknown",
                format!("/{name}"),
                format!("没有名为 {name} 的成员；自有内容请放入 details.extra"),
                format!("no member is called {name}; members of your own go into details.extra"),
            );
        }
    }
}

/// A string member that must be there.
fn required<'v>(
    value: &'v Value<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<&'v str> {
    let found = value.get(name);
    let text = found.and_then(Value::as_str);
    if found.is_none() {
        problems.error(
            "member_missing",
            format!("/{name}"),
            format!("缺少 {name}"),
            format!("{name} is missing"),
        );
    } else if text.is_none() {
        mistyped(problems, &format!("/{name}"), found, "字符串", "a string");
    }
    text
}

fn check_stage(value: &Value<'_>, problems: &mut Problems) -> Option<Stage> {
    let word = required(value, "stage", problems)?;
    let stage = Stage::parse(word);
    if stage.is_none() {
        let words = Stage::ALL.map(Stage::as_str).join(", ");
        problems.error(
            "stage_unknown",
            "/stage",
            format!("环节 {word:?} 不存在，应为 {words} 之一"),
            format!("stage {word:?} does not exist, wanted one of {words}"),
        );
    }
    stage
}

fn check_kind(
    value: &Value<'_>,
    stage: Option<Stage>,
    words: &Vocabulary,
    problems: &mut Problems,
) {
    let Some(word) = required(value, "kind", problems) else {
        return;
    };
    match words.kind(word) {
        None => problems.warning(
            "kind_unknown",
            "/kind",
            format!("公告类型 {word:?} 不在词表中，无从按其规则检查；请改正，或确认确属新的类型"),
            format!("kind {word:?} is not in the vocabulary, so no rule of its own is applied; correct it, or make sure that it is meant"),
        ),
        Some(kind) => match (kind.stage, stage) {
            (Some(wanted), Some(found)) if wanted != found => problems.error(
                "kind_of_another_stage",
                "/kind",
                format!("{}属于“{}”环节，而 stage 为 {found}", kind.zh, wanted.zh()),
                format!("kind {word} belongs to stage {wanted}, and stage is {found}"),
            ),
            (None, _) if value.get("amends").is_none() => problems.warning(
                "amends_missing",
                "/amends",
                format!("{}没有用 amends 指明所更正的声明", kind.zh),
                format!("kind {word} does not say with amends which statement it amends"),
            ),
            _ => {}
        },
    }
}

fn check_category(value: &Value<'_>, words: &Vocabulary, problems: &mut Problems) -> Option<Side> {
    let word = required(value, "category", problems)?;
    let category = words.category(word);
    if category.is_none() {
        problems.error(
            "category_unknown",
            "/category",
            format!("交易类别 {word:?} 不在词表中；若确属其他，请写 other"),
            format!("category {word:?} is not in the vocabulary; write \"other\" if none fits"),
        );
    }
    category.map(|category| category.side)
}

fn check_method(
    value: &Value<'_>,
    side: Option<Side>,
    words: &Vocabulary,
    problems: &mut Problems,
) {
    if value.get("method").is_none() {
        return;
    }
    let Some(word) = required(value, "method", problems) else {
        return;
    };
    match (words.method(word), side) {
        (None, _) => problems.warning(
            "method_unknown",
            "/method",
            format!("交易方式 {word:?} 不在词表中，期限规则不会适用"),
            format!("method {word:?} is not in the vocabulary, so no time limit is applied"),
        ),
        (Some(method), Some(side))
            if side != method.side && ![side, method.side].contains(&Side::Either) =>
        {
            problems.warning(
                "method_of_another_side",
                "/method",
                format!("{}通常不用于该交易类别", method.zh),
                format!("method {word} is not usual in this category"),
            )
        }
        _ => {}
    }
}

fn check_title(value: &Value<'_>, problems: &mut Problems) {
    let Some(title) = required(value, "title", problems) else {
        return;
    };
    if title.trim().is_empty() || title.len() > TITLE_BYTES_MAX {
        problems.error(
            "title",
            "/title",
            format!(
                "标题有 {} 字节，应为 1 至 {TITLE_BYTES_MAX} 字节且不全为空白",
                title.len()
            ),
            format!(
                "title has {} bytes, wanted 1 to {TITLE_BYTES_MAX}, not only spaces",
                title.len()
            ),
        );
    }
}

/// GB/T 2260: six digits. Codes change with reforms, so they are not looked up.
fn check_region(value: &Value<'_>, problems: &mut Problems) {
    if value.get("region").is_none() {
        return problems.warning(
            "region_missing",
            "/region",
            "缺少行政区划代码",
            "region is missing",
        );
    }
    let Some(region) = required(value, "region", problems) else {
        return;
    };
    if region.len() != 6 || !region.bytes().all(|byte| byte.is_ascii_digit()) {
        problems.error(
            "region",
            "/region",
            format!("行政区划 {region:?} 应为六位数字（GB/T 2260）"),
            format!("region {region:?} is not six digits (GB/T 2260)"),
        );
    }
}

fn check_ref(value: &Value<'_>, problems: &mut Problems) {
    if value.get("ref").is_none() {
        return;
    }
    let Some(reference) = required(value, "ref", problems) else {
        return;
    };
    if reference.is_empty() || reference.len() > REF_BYTES_MAX {
        problems.error(
            "ref",
            "/ref",
            format!(
                "ref 有 {} 字节，应为 1 至 {REF_BYTES_MAX} 字节",
                reference.len()
            ),
            format!(
                "ref has {} bytes, wanted 1 to {REF_BYTES_MAX}",
                reference.len()
            ),
        );
    }
}

/// The items of an array member that may be left out.
fn items<'v, 'a>(
    value: &'v Value<'a>,
    name: &'static str,
    max: usize,
    problems: &mut Problems,
) -> &'v [Value<'a>] {
    let found = value.get(name);
    let Some(items) = found.and_then(Value::items) else {
        if found.is_some() {
            mistyped(problems, &format!("/{name}"), found, "数组", "an array");
        }
        return &[];
    };
    if items.len() > max {
        problems.error(
            "too_many",
            format!("/{name}"),
            format!("{name} 有 {} 项，最多 {max} 项", items.len()),
            format!("{name} has {} items, wanted at most {max}", items.len()),
        );
        return &[];
    }
    items
}

fn check_lots(value: &Value<'_>, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (i, lot) in items(value, "lots", LOTS_MAX, problems).iter().enumerate() {
        let pointer = format!("/lots/{i}");
        match lot.as_str() {
            None => mistyped(problems, &pointer, Some(lot), "字符串", "a string"),
            Some(id) => {
                if let Err(error) = names::check_project(id) {
                    problems.error("lot", pointer, error.zh(), error.to_string());
                } else if !seen.insert(id) {
                    problems.error(
                        "lot_twice",
                        pointer,
                        format!("标段 {id} 重复"),
                        format!("lot {id} stands twice"),
                    );
                }
            }
        }
    }
}

fn check_codes(value: &Value<'_>, problems: &mut Problems) {
    for (i, code) in items(value, "codes", CODES_MAX, problems)
        .iter()
        .enumerate()
    {
        let pointer = format!("/codes/{i}");
        let text = |name: &str| {
            let text = code.get(name).and_then(Value::as_str);
            text.filter(|text| (1..=NAME_BYTES_MAX).contains(&text.len()))
        };
        let (Some(scheme), Some(number)) = (text("scheme"), text("value")) else {
            mistyped(
                problems,
                &pointer,
                Some(code),
                "含 scheme 与 value 两个非空字符串的对象",
                "an object of two strings that are not empty, scheme and value",
            );
            continue;
        };
        only(code, &["scheme", "value"], &pointer, problems);
        let wrong = match scheme {
            "uscc" => !identifiers::uscc_is_valid(number),
            "trading_code" => !identifiers::trading_code_is_valid(number),
            _ => false,
        };
        if wrong {
            problems.warning(
                "code_check",
                format!("{pointer}/value"),
                format!("{scheme} 代码 {number:?} 校验码不符"),
                format!("{scheme} {number:?} has another check character"),
            );
        }
    }
}

fn only(value: &Value<'_>, names: &[&str], pointer: &str, problems: &mut Problems) {
    for (name, _) in value.members().unwrap_or_default() {
        if !names.contains(name) {
            let wanted = names.join(", ");
            problems.error(
                "member_unknown",
                format!("{pointer}/{name}"),
                format!("此处没有名为 {name} 的成员，只有 {wanted}"),
                format!("no member is called {name} here, only {wanted}"),
            );
        }
    }
}

fn check_documents(value: &Value<'_>, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (i, document) in items(value, "documents", DOCUMENTS_MAX, problems)
        .iter()
        .enumerate()
    {
        let pointer = format!("/documents/{i}");
        if document.members().is_none() {
            mistyped(problems, &pointer, Some(document), "对象", "an object");
            continue;
        }
        only(
            document,
            &[
                "name",
                "media_type",
                "size",
                "sha256",
                "redaction_of",
                "redacted",
            ],
            &pointer,
            problems,
        );
        redaction::check(document, &pointer, problems);
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let named = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len());
        if !text("name").is_some_and(named) {
            mistyped(
                problems,
                &format!("{pointer}/name"),
                document.get("name"),
                "文件名",
                "a file name",
            );
        }
        if !text("media_type").is_some_and(media_type_is_valid) {
            let found = document.get("media_type");
            let (zh, en) = (
                "媒体类型，如 application/pdf",
                "a media type such as application/pdf",
            );
            mistyped(problems, &format!("{pointer}/media_type"), found, zh, en);
        }
        if document
            .get("size")
            .and_then(Value::as_integer)
            .is_none_or(i64::is_negative)
        {
            let (zh, en) = ("非负整数（字节数）", "a number of bytes");
            mistyped(
                problems,
                &format!("{pointer}/size"),
                document.get("size"),
                zh,
                en,
            );
        }
        match text("sha256").map(names::parse_hash) {
            Some(Ok(digest)) if seen.insert(digest) => {}
            Some(Ok(_)) => problems.error(
                "document_twice",
                format!("{pointer}/sha256"),
                "同一文件列了两次",
                "the same document stands twice",
            ),
            Some(Err(error)) => problems.error(
                "sha256",
                format!("{pointer}/sha256"),
                error.zh(),
                error.to_string(),
            ),
            None => {
                let (zh, en) = ("SHA-256", "a SHA-256");
                mistyped(
                    problems,
                    &format!("{pointer}/sha256"),
                    document.get("sha256"),
                    zh,
                    en,
                );
            }
        }
    }
}

/// RFC 6838 §4.2: `type/subtype`, without parameters.
fn media_type_is_valid(text: &str) -> bool {
    let name = |part: &str| {
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        (1..=127).contains(&part.len()) && part.bytes().all(alphabet)
    };
    text.split_once('/')
        .is_some_and(|(main, sub)| name(main) && name(sub))
}

fn check_events(value: &Value<'_>, problems: &mut Problems) {
    let Some(events) = value.get("events") else {
        return;
    };
    let Some(members) = events.members() else {
        return mistyped(problems, "/events", Some(events), "对象", "an object");
    };
    for (name, time) in members {
        let pointer = format!("/events/{name}");
        if vocabulary::event(name).is_none() {
            problems.error(
                "event_unknown",
                pointer,
                format!("没有名为 {name} 的时间；其他时间请放入 details"),
                format!("no event is called {name}; other times go into details"),
            );
            continue;
        }
        match time.as_str().map(OffsetTime::parse) {
            Some(Ok(_)) => {}
            Some(Err(error)) => problems.error(
                "event_time",
                pointer,
                format!("时间应为带时区的 RFC 3339，例：2026-11-23T09:02:03+08:00（{error}）"),
                error.to_string(),
            ),
            None => mistyped(
                problems,
                &pointer,
                Some(time),
                "时间字符串",
                "a time as a string",
            ),
        }
    }
}

/// Bids and bidders are secret until the opening (招标投标法 22, 36). What is issued before the time that the same statement gives for it
/// is recorded, as everything premature is, but whoever posts it should stop and look.
fn check_before_opening(value: &Value<'_>, problems: &mut Problems) {
    const KINDS: [&str; 4] = [
        "bidder_register",
        "bid_opening",
        "evaluation_report",
        "candidate_publicity",
    ];
    let time = |pointer: &str| {
        let text = value.pointer(pointer).and_then(Value::as_str)?;
        OffsetTime::parse(text).ok()
    };
    let kind = value.get("kind").and_then(Value::as_str);
    let (Some(issued), Some(opening)) = (time("/issued"), time("/events/opening")) else {
        return;
    };
    if kind.is_some_and(|kind| KINDS.contains(&kind)) && issued.time < opening.time {
        problems.warning(
            "before_opening",
            "/issued",
            "发布时间早于开标时间；开标前投标人名称、数量和投标内容保密（招标投标法第二十二条、第三十六条）",
            "issued before the opening; until then bidders, their number and their bids are secret (招标投标法 22, 36)",
        );
    }
}

/// `about` names a project of a publisher and, if wanted, one statement of it.
pub(super) fn check_about(value: &Value<'_>, problems: &mut Problems) {
    let Some(about) = value.get("about") else {
        return;
    };
    if about.members().is_none() {
        return mistyped(problems, "/about", Some(about), "对象", "an object");
    }
    only(
        about,
        &["publisher", "project", "statement"],
        "/about",
        problems,
    );
    for (name, is_required) in [("publisher", true), ("project", true), ("statement", false)] {
        let rule = |text: &str| match name {
            "publisher" => names::check_name(text),
            "project" => names::check_project(text),
            _ => names::parse_hash(text).map(|_| ()),
        };
        let pointer = format!("/about/{name}");
        match about.get(name) {
            None if is_required => {
                problems.error(
                    "member_missing",
                    pointer,
                    format!("about 缺少 {name}"),
                    format!("about has no {name}"),
                );
            }
            None => {}
            Some(found) => match found.as_str().map(rule) {
                Some(Ok(())) => {}
                Some(Err(error)) => problems.error("about", pointer, error.zh(), error.to_string()),
                None => mistyped(problems, &pointer, Some(found), "字符串", "a string"),
            },
        }
    }
}
