//! The door rules: what a ledger asks of a statement before it takes it, beyond the log rules.
//!
//! Promises: pure; graded: an *error* refuses the post, a *warning* is shown to the poster and to readers. Each problem
//! has a stable code, a JSON pointer, and a sentence in Chinese and in English.
//!
//! These rules may change from one version of this program to the next, and audit does not repeat them (promise 4): what
//! stands in a log stands there. Law and procedure are not judged here: a disclosure that is late or contradictory is
//! recorded and reported, because refusing it would hide it.

mod details;
mod lines;
mod redaction;
mod trade;
mod values;

use std::collections::HashSet;

use super::commitment::{self, Commitment};
use super::identifiers;
use super::json::Value;
use super::statement::{Body, Order, Statement};
use super::vocabulary::Vocabulary;

pub use values::is_person_name;
pub(crate) use values::looks_like_person;

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Taken, and flagged.
    Warning,
    /// Refused.
    Error,
}

/// Something wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable word for programs.
    pub code: &'static str,
    /// Whether the statement is refused for it.
    pub severity: Severity,
    /// JSON pointer (RFC 6901) of the member at fault, or of where a missing one belongs.
    pub pointer: String,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// Judges a statement by the door rules. Empty: nothing to say.
///
/// ```
/// use mingzhang::tlog::note::Signer;
/// use mingzhang::trade::door::{self, Severity};
/// use mingzhang::trade::statement::sign_statement;
///
/// let centre = Signer::from_seed("ggzy.shaoshan.example", &[1; 32]).unwrap();
/// let text = concat!(
///     r#"{"type":"trade","v":1,"ledger":"log.example/2026","publisher":"ggzy.shaoshan.example","#,
///     r#""follows":null,"project":"SS-1","stage":"award","kind":"award_notice","#,
///     r#""category":"construction","title":"中标结果公告","region":"430382","#,
///     r#""issued":"2026-11-23T09:00:00+08:00","details":{"winner":{"name":"某建设有限公司"},"#,
///     r#""price":{"form":"amount","amount":"17936800.00","currency":"CNY"}}}"#,
///     "\n"
/// );
/// let statement = sign_statement(text, &[&centre]).unwrap();
/// assert_eq!(door::check(&statement), []);
///
/// let statement = sign_statement(&text.replace("award_notice", "bid_opening"), &[&centre]).unwrap();
/// let problems = door::check(&statement);
/// assert_eq!((problems[0].code, problems[0].severity), ("kind_of_another_stage", Severity::Error));
/// ```
#[must_use]
pub fn check(statement: &Statement) -> Vec<Problem> {
    check_with(statement, Vocabulary::builtin())
}

/// The same by the words of a centre's own file.
#[must_use]
pub fn check_with(statement: &Statement, words: &Vocabulary) -> Vec<Problem> {
    let mut problems = Problems::default();
    let value = statement.value();
    match statement.body() {
        Body::Genesis(_) | Body::Key(_) => {} // All of it is log rules.
        Body::Trade(_) => {
            trade::check(&value, words, &mut problems);
            details::check(&value, words, &mut problems);
        }
        Body::Endorse => {
            trade::check_about(&value, &mut problems);
            if value.pointer("/about/statement").is_none() {
                problems.error(
                    "member_missing",
                    "/about/statement",
                    "会签须用 about.statement 指明所会签的声明",
                    "an endorsement says with about.statement which statement it endorses",
                );
            }
        }
        Body::Order => check_order(statement, &mut problems),
        Body::Notice => {
            trade::check_about(&value, &mut problems);
            if let Err(place) = super::notice::check(&value) {
                let pointer =
                    place.map_or("/announces".to_owned(), |place| format!("/announces/{place}"));
                problems.error(
                    "announces",
                    pointer,
                    "announces 应为 1 至 64 项 {what, version, sha256}：what 为小写字母、数字、下划线，sha256 为 64 位十六进制",
                    "announces has 1 to 64 items {what, version, sha256}: what of a-z 0-9 _, sha256 of 64 hex digits",
                );
            }
        }
        Body::Unknown => problems.warning(
            "not_understood",
            "/type",
            format!("类型 {} 第 {} 版本程序不理解，只核对签名、密钥、链和大小", statement.statement_type(), statement.version()),
            format!(
                "type {} v {} is not understood here: signature, key, chain and size are all that is checked",
                statement.statement_type(),
                statement.version()
            ),
        ),
    }
    check_everywhere(&value, &mut problems);
    lines::check(&value, &mut problems);
    problems.0
}

/// The codes of warnings that something may be shown which must not be, or not yet. What is in an entry cannot be taken back, so
/// clients that post stop at these until somebody says that it is meant.
pub const SECRECY: [&str; 10] = [
    "person_in_clear",
    "privacy_in_clear",
    "trade_secret_in_clear",
    "withheld_in_clear",
    "party_is_person",
    "party_may_be_person",
    "title_names_person",
    "mobile_number",
    "card_number",
    "before_opening",
];

/// Whether a warning of this code is one of [`SECRECY`].
#[must_use]
pub fn is_secrecy(code: &str) -> bool {
    SECRECY.contains(&code)
}

/// Whether any of `problems` refuses the statement.
#[must_use]
pub fn refuses(problems: &[Problem]) -> bool {
    problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn error(
        &mut self,
        code: &'static str,
        pointer: impl Into<String>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        let (pointer, zh, en) = (pointer.into(), zh.into(), en.into());
        self.0.push(Problem {
            code,
            severity: Severity::Error,
            pointer,
            zh,
            en,
        });
    }

    fn warning(
        &mut self,
        code: &'static str,
        pointer: impl Into<String>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) {
        let (pointer, zh, en) = (pointer.into(), zh.into(), en.into());
        self.0.push(Problem {
            code,
            severity: Severity::Warning,
            pointer,
            zh,
            en,
        });
    }
}

/// Who may give the order is for whoever knows the keys: [`Order::may_be_given_by`].
fn check_order(statement: &Statement, problems: &mut Problems) {
    if let Err(error) = Order::read(statement) {
        let en = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
        problems.error(
            error.code(),
            error.pointer().unwrap_or_default(),
            error.zh(),
            en,
        );
    }
}

/// Commitments are well formed, stand in `details` or in a redaction only (what people and rules read of the header is in the clear), and
/// none stands twice; and numbers that belong to persons stay out.
fn check_everywhere(value: &Value<'_>, problems: &mut Problems) {
    let mut commitments = Vec::new();
    commitment::walk(value, &mut String::new(), &mut |pointer, value| {
        match value {
        Value::String(text) => check_personal_numbers(text, pointer, problems),
        Value::Object(_) if value.get("commitment").is_some() => match Commitment::read(pointer, value) {
            Some(found) => commitments.push(found),
            None => problems.error(
                "commitment_malformed",
                pointer,
                "承诺值应恰为 {\"commitment\":\"<64 位小写十六进制>\",\"class\":\"person|privacy|trade_secret|not_yet\"}",
                "a commitment is exactly {\"commitment\":\"<64 lower-case hex digits>\",\"class\":\"person|privacy|trade_secret|not_yet\"}",
            ),
        },
        _ => {}
    }
    });
    let mut seen = HashSet::new();
    for found in commitments {
        if !found.pointer.starts_with("/details/") && !redaction::is_place(&found.pointer) {
            problems.error(
                "commitment_outside_details",
                found.pointer,
                "承诺值只能出现在 details 之内，或文件的 redaction_of",
                "commitments stand in details, or as redaction_of of a document",
            );
        } else if !seen.insert(found.commitment) {
            problems.error(
                "commitment_twice",
                found.pointer,
                "两处承诺值相同；每个字段应使用各自的随机盐",
                "the same commitment stands twice; each field needs a random salt of its own",
            );
        }
    }
}

/// A citizen's number never stands in an immutable leaf; telephone and card numbers seldom should.
fn check_personal_numbers(text: &str, pointer: &str, problems: &mut Problems) {
    // Eleven digits is the shortest number that is looked for; most strings have fewer, and end here.
    let digits = text
        .chars()
        .filter(|c| c.is_ascii_digit() || matches!(c, '\u{ff10}'..='\u{ff19}'));
    if text.len() >= 11 && digits.count() >= 11 {
        for run in identifiers::runs(text) {
            check_run(&run, pointer, problems);
        }
    }
}

fn check_run(run: &str, pointer: &str, problems: &mut Problems) {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let for_contact = ["contact", "phone", "tel", "mobile"]
        .iter()
        .any(|word| last.contains(word));
    let is_outside_number =
        pointer.starts_with("/codes/") || pointer == "/ref" || pointer == "/project";
    if !identifiers::uscc_is_valid(run) && identifiers::citizen_number_is_valid(run) {
        problems.error(
            "citizen_number",
            pointer,
            "含有有效的公民身份号码；账本条目不可更改，请改用加盐承诺值或删去",
            "holds a valid citizen's identity number; entries cannot be changed, so use a salted commitment or leave it out",
        );
    } else if identifiers::mobile_number_is_valid(run) && !for_contact {
        problems.warning(
            "mobile_number",
            pointer,
            "含有手机号码，且不在联系方式字段；请确认应当公开",
            "holds a mobile number outside of a contact field; make sure that it is to be public",
        );
    } else if identifiers::card_number_is_valid(run)
        && !is_outside_number
        && !identifiers::uscc_is_valid(run)
    {
        problems.warning(
            "card_number",
            pointer,
            "含有形似银行卡号的数字；请确认应当公开",
            "holds what looks like a bank card number; make sure that it is to be public",
        );
    }
}

#[cfg(test)]
mod details_tests;
#[cfg(test)]
mod tests;
