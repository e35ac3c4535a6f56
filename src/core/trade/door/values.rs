//! The values that kinds share: price, party, document.

use super::Problems;
use crate::trade::identifiers;
use crate::trade::json::Value;
use crate::trade::names;
use crate::trade::persons::{self, Named};
use crate::trade::vocabulary::Vocabulary;

/// Holds `details` against the vocabulary, and collects what is amiss.
pub(super) struct Checker<'c> {
    pub(super) words: &'c Vocabulary,
    pub(super) problems: &'c mut Problems,
    /// Whether a party without a social credit code may be a natural person.
    pub(super) natural_persons: bool,
    /// Whether the vocabulary has the kind.
    pub(super) kind_is_known: bool,
    pub(super) title: &'c str,
    pub(super) lots: Vec<&'c str>,
}

impl Checker<'_> {
    pub(super) fn unknown(&mut self, pointer: &str, name: &str) {
        self.problems.warning(
            "field_unknown",
            pointer,
            format!("此处没有名为 {name} 的字段，不会检查；自有内容请放入 details.extra"),
            format!("no field is called {name} here, so it is not checked; fields of your own go into details.extra"),
        );
    }
}

/// Whether it is one in good form is a rule of all statements.
pub(super) fn is_commitment(value: &Value<'_>) -> bool {
    value.get("commitment").is_some()
}

/// A price is an amount, a rate, a unit price, or words: at one centre every fifth is no amount.
pub(super) fn check_price(checker: &mut Checker<'_>, price: &Value<'_>, pointer: &str) {
    known(
        checker,
        price,
        &["form", "amount", "currency", "rate", "text"],
        pointer,
    );
    let text = |name: &str| price.get(name).and_then(Value::as_str);
    let stands = |name: &str| price.get(name).is_some();
    let form = text("form");
    let wanted = match form {
        Some("amount") => "amount",
        Some("rate") => "rate",
        Some("unit_price") => "amount",
        Some("other") => "text",
        _ => {
            return checker.problems.warning(
                "price_form",
                format!("{pointer}/form"),
                "价款形式应为 amount（金额）、rate（费率）、unit_price（单价）或 other（其他）",
                "the form of a price is amount, rate, unit_price or other",
            );
        }
    };
    // Words of the notice may stand for a number that does not fit, but not for an amount.
    if !stands(wanted) && (form == Some("amount") || !stands("text")) {
        checker.problems.warning(
            "price_incomplete",
            format!("{pointer}/{wanted}"),
            format!("价款缺少 {wanted}"),
            format!("the price has no {wanted}"),
        );
    }
    for name in ["amount", "rate"] {
        if stands(name) && !text(name).is_some_and(is_decimal) {
            checker.problems.warning(
                "price_number",
                format!("{pointer}/{name}"),
                format!("{name} 应为十进制数字字符串，例：\"12.50\""),
                format!("{name} is a decimal number as a string, such as \"12.50\""),
            );
        }
    }
    let is_zero =
        |amount: &str| is_decimal(amount) && !amount.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if text("amount").is_some_and(is_zero) {
        checker.problems.warning(
            "amount_zero",
            format!("{pointer}/amount"),
            "金额为 0；请确认，或按费率、单价填写",
            "the amount is 0; make sure, or give it as a rate or unit price",
        );
    }
    let is_currency = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    if stands("amount") && !text("currency").is_some_and(is_currency) {
        checker.problems.warning(
            "price_currency",
            format!("{pointer}/currency"),
            "金额应有币种（ISO 4217），例：CNY",
            "an amount has a currency (ISO 4217), such as CNY",
        );
    }
}

/// A party is an organisation by its name and social credit code. `told`: that it stands in the clear has been said.
pub(super) fn check_party(checker: &mut Checker<'_>, party: &Value<'_>, pointer: &str, told: bool) {
    known(
        checker,
        party,
        &["name", "uscc", "codes", "members"],
        pointer,
    );
    let members = party.get("members").and_then(Value::items);
    for (i, member) in members.unwrap_or_default().iter().enumerate() {
        check_party(checker, member, &format!("{pointer}/members/{i}"), told);
    }
    let Some(name) = party.get("name") else {
        return checker.problems.warning(
            "party_name",
            format!("{pointer}/name"),
            "主体缺少名称",
            "the party has no name",
        );
    };
    if is_commitment(name) {
        return;
    }
    let Some(name) = name.as_str().filter(|name| !name.trim().is_empty()) else {
        return checker.problems.warning(
            "party_name",
            format!("{pointer}/name"),
            "主体名称应为非空文本",
            "the name of a party is text that is not empty",
        );
    };
    let uscc = party.get("uscc").filter(|uscc| !is_commitment(uscc));
    let code = uscc.and_then(Value::as_str);
    if uscc.is_some() && !code.is_some_and(identifiers::uscc_is_valid) {
        checker.problems.warning(
            "code_check",
            format!("{pointer}/uscc"),
            format!("统一社会信用代码 {:?} 校验码不符", code.unwrap_or_default()),
            format!(
                "the social credit code {:?} has another check character",
                code.unwrap_or_default()
            ),
        );
    }
    if told {
        return;
    }
    // 92: 个体工商户, a natural person who trades, often under his own name.
    let is_person = code.is_some_and(|code| code.starts_with("92"));
    // Of a list of its members, each has been judged by itself.
    let named = match members {
        Some(members) if is_list_of(name, members) => Named::Body,
        _ => persons::party_at(name, pointer),
    };
    if named == Named::Text {
        checker.problems.warning(
            "party_is_text",
            format!("{pointer}/name"),
            "主体名称处是一段文字，不是名称；请只写名称，文字另放，或确认应当如此",
            "a text stands where the name of a party should; give the name only, or make sure that it is meant",
        );
    }
    // A code that does not check says nothing of who it is. Members of a consortium have codes of their own.
    let without_code = code.is_none_or(|code| !identifiers::uscc_is_valid(code))
        && !party.get("uscc").is_some_and(is_commitment)
        && !(party
            .get("codes")
            .and_then(Value::items)
            .is_some_and(|codes| !codes.is_empty())
            && persons::is_foreign(name));
    let in_doubt = checker.natural_persons && members.is_none() && !persons::is_body(name);
    let may_be_person = without_code && (named == Named::Person || in_doubt);
    if is_person {
        checker.problems.warning(
            "party_is_person",
            format!("{pointer}/name"),
            "统一社会信用代码以 92 开头，是个体工商户；名称可能就是人名，请改用加盐承诺值，或确认应当公开",
            "a social credit code that begins with 92 is a natural person's who trades; use a salted commitment, or make sure that the name is to be public",
        );
    } else if may_be_person {
        checker.problems.warning(
            "party_may_be_person",
            format!("{pointer}/name"),
            "此主体没有统一社会信用代码，可能是自然人；若为自然人，请改用加盐承诺值，若为单位，请补代码",
            "this party has no social credit code and may be a natural person; use a salted commitment if it is one, and give the code if it is not",
        );
    }
    if (is_person || may_be_person) && !persons::places_of(name, checker.title).is_empty() {
        checker.problems.warning(
            "title_names_person",
            "/title",
            "标题含有可能是自然人的名称；标题不能改用承诺值，请删去姓名",
            "the title holds a name that may be a natural person's; no commitment can stand in a title, so leave it out",
        );
    }
}

/// Whether a consortium's name is its members' names one after another.
fn is_list_of(name: &str, members: &[Value<'_>]) -> bool {
    let mut rest = name;
    for member in members {
        let own = member.get("name").and_then(Value::as_str);
        let Some(after) = own.and_then(|own| rest.strip_prefix(own)) else {
            return false;
        };
        rest = after.trim_start_matches(['、', ';', '；', ',', '，', '/', ' ']);
    }
    rest.is_empty() && !members.is_empty()
}

/// A document is named by its digest, as in `documents`.
pub(super) fn check_document(checker: &mut Checker<'_>, document: &Value<'_>, pointer: &str) {
    known(
        checker,
        document,
        &["name", "media_type", "size", "sha256"],
        pointer,
    );
    let digest = document.get("sha256").and_then(Value::as_str);
    if digest.is_none_or(|digest| names::parse_hash(digest).is_err()) {
        checker.problems.warning(
            "document_digest",
            format!("{pointer}/sha256"),
            "文件应有 sha256（64 位小写十六进制）",
            "a document has a sha256 of 64 lower-case hex digits",
        );
    }
}

fn known(checker: &mut Checker<'_>, value: &Value<'_>, names: &[&str], pointer: &str) {
    for (name, _) in value.members().unwrap_or_default() {
        if !names.contains(name) {
            checker.unknown(&format!("{pointer}/{name}"), name);
        }
    }
}

/// Digits, at most one point between them, and a minus before them for what is taken off.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}
