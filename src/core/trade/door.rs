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

use crate::lang::Bilingual;
use std::collections::HashSet;

use super::commitment::{self, Commitment};
use super::json::Value;
use super::persons::{self, Day, What};
use super::statement::{Body, Order, Statement};
use super::vocabulary::Vocabulary;

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
/// use mingzhang_core::tlog::note::Signer;
/// use mingzhang_core::trade::door::{self, Severity};
/// use mingzhang_core::trade::statement::sign_statement;
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

/// The codes of warnings that something may be shown which must not be, or not yet. What is in an entry cannot be taken back, so the door
/// refuses these until whoever holds the publisher's key says in the request that it is meant ([`admit`]).
pub const SECRECY: [&str; 16] = [
    "kind_unknown",
    "party_is_text",
    "person_in_text",
    "like_citizen_number",
    "email_address",
    "passport_number",
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

/// What is left of the warnings of [`SECRECY`]: an error, unless its code is `accepted`.
pub fn admit(problems: &mut [Problem], accepted: &[String]) {
    for problem in problems {
        if is_secrecy(problem.code) && !accepted.iter().any(|code| code == problem.code) {
            problem.severity = Severity::Error;
        }
    }
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
    let issued = value
        .get("issued")
        .and_then(Value::as_str)
        .and_then(Day::of);
    // What stands in the clear against its class has been told, all of it.
    let told: HashSet<String> = problems
        .0
        .iter()
        .filter(|problem| problem.code.ends_with("_in_clear"))
        .map(|problem| problem.pointer.clone())
        .collect();
    let is_told = |pointer: &str| {
        let ends = pointer.match_indices('/').map(|(at, _)| at).skip(1);
        ends.chain([pointer.len()])
            .any(|end| told.contains(&pointer[..end]))
    };
    commitment::walk(value, &mut String::new(), &mut |pointer, value| {
        match value {
        Value::String(text) => {
            let before = problems.0.len();
            check_personal(text, pointer, issued, problems);
            if !told.is_empty() && is_told(pointer) {
                let mut at = 0;
                problems.0.retain(|problem| {
                    at += 1;
                    at <= before || problem.code != "person_in_text"
                });
            }
        }
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

/// A citizen's number never stands in an immutable leaf; names, telephone and card numbers seldom should.
fn check_personal(text: &str, pointer: &str, issued: Option<Day>, problems: &mut Problems) {
    // Two characters are the shortest name, and a name in text has a word before it.
    if text.len() < 8
        || !text
            .bytes()
            .any(|byte| byte >= 0x80 || byte.is_ascii_digit() || byte == b'@')
    {
        return;
    }
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let is_one_of = |words: &[&str]| words.iter().any(|word| last.contains(word));
    let for_contact = is_one_of(&["contact", "phone", "tel", "mobile", "mail"]);
    // Numbers of projects and files: what looks like a person's there is seldom one, and is said so only where it is sure.
    let is_outside_number = ["/codes/", "/lots/", "/about/"]
        .iter()
        .any(|place| pointer.starts_with(place))
        || matches!(
            pointer,
            "/ref"
                | "/project"
                | "/ledger"
                | "/publisher"
                | "/details/source/id"
                | "/details/source/ocid"
        );
    let is_address = is_one_of(&["url", "link", "uri"]);
    // `amount`, `amount/number_long`
    let is_quantity = pointer.rsplit('/').take(2).any(|member| {
        ["amount", "rate", "quantity", "size", "area"]
            .iter()
            .any(|word| member.contains(word))
    });
    // A value that is a number and nothing else is a passport's only where its name says so: contracts and registers have such too.
    let names_papers = is_one_of(&["passport", "permit", "id_number", "idno", "护照", "证件"]);
    let told_before = problems.0.len();
    for found in persons::scan(text, issued) {
        let (code, zh, en) = match found.what {
            What::CitizenNumber if is_outside_number => LIKE_CITIZEN_NUMBER,
            What::CitizenNumber => {
                if problems.0[told_before..]
                    .iter()
                    .all(|told| told.code != "citizen_number")
                {
                    problems.error(
                        "citizen_number",
                        pointer,
                        "含有有效的公民身份号码；账本条目不可更改，请改用加盐承诺值或删去",
                        "holds a valid citizen's identity number; entries cannot be changed, so use a salted commitment or leave it out",
                    );
                }
                continue;
            }
            _ if is_outside_number => continue,
            What::LikeCitizenNumber if !is_quantity => LIKE_CITIZEN_NUMBER,
            What::MobileNumber if !for_contact && !is_address && !is_quantity => (
                "mobile_number",
                "含有手机号码，且不在联系方式字段；请确认应当公开",
                "holds a mobile number outside of a contact field; make sure that it is to be public",
            ),
            What::CardNumber if !is_address && !is_quantity => (
                "card_number",
                "含有形似银行卡号的数字；请确认应当公开",
                "holds what looks like a bank card number; make sure that it is to be public",
            ),
            What::Email if !for_contact && !is_address => (
                "email_address",
                "含有电子邮箱，且不在联系方式字段；请确认应当公开",
                "holds an address for e-mail outside of a contact field; make sure that it is to be public",
            ),
            What::Passport
                if !is_address && (names_papers || found.at.len() < text.trim().len()) =>
            {
                (
                    "passport_number",
                    "含有形似护照或通行证的号码；请删去，或确认应当公开",
                    "holds what looks like a passport's number; leave it out, or make sure that it is to be public",
                )
            }
            What::Name if !is_address => (
                "person_in_text",
                "文字中写有自然人姓名；条目不可更改，请删去或移入附件，或确认应当公开",
                "the text names a natural person; entries cannot be changed, so leave the name out or move the text into a document, or make sure that it is to be public",
            ),
            _ => continue,
        };
        if problems.0[told_before..]
            .iter()
            .all(|told| told.code != code)
        {
            problems.warning(code, pointer, zh, en);
        }
    }
}

const LIKE_CITIZEN_NUMBER: (&str, &str, &str) = (
    "like_citizen_number",
    "含有形似公民身份号码的数字；若确是项目编号等，请确认",
    "holds digits that look like a citizen's number; make sure that they are the number of something else",
);

#[cfg(test)]
mod details_tests;
#[cfg(test)]
mod tests;
