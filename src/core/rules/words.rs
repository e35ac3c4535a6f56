//! The sentence of a finding: what the law asks, by which article, and what this ledger has or has not seen. Never that the law was broken:
//! what is absent here may have been published elsewhere.

use super::finding::{Finding, Outcome};
use super::pack::Rule;
use crate::lang::Said;

/// The sentence. `last`: the last record that was seen.
pub(super) fn say(rule: &Rule, finding: &Finding, last: u64) -> Said {
    let (law, article, zh, en) = (&rule.law, &rule.article, &rule.zh, &rule.en);
    let basis = if article.chars().next().is_some_and(|c| c.is_ascii_digit()) {
        format!("依《{law}》第{article}条（{zh}）")
    } else {
        format!("依《{law}》{article}（{zh}）")
    };
    let date = |day: &Option<String>| day.clone().unwrap_or_default();
    let (from, due, done) = (date(&finding.from), date(&finding.due), date(&finding.done));
    let days = finding.days;
    let (mut said_zh, mut said_en) = match finding.outcome {
        Outcome::Done => (
            format!("{basis}，已于{done}完成"),
            format!("done on {done}"),
        ),
        Outcome::Due => (
            format!("{basis}，应于{due}前完成，尚未到期"),
            format!("due by {due}"),
        ),
        Outcome::Suspended => (
            format!("{basis}，自{from}起算，因异议尚未答复而中止计算"),
            format!("counted from {from}, the clock stands until an objection is replied to"),
        ),
        Outcome::Late => (
            format!("{basis}，应于{due}前，本账本见于{done}，迟{days}日"),
            format!("was due by {due}, seen on {done}, {days} days late"),
        ),
        Outcome::Missing => (
            format!("{basis}，应于{due}前；截至第{last}条，本账本未见"),
            format!("was due by {due}; not seen in this ledger up to record {last}"),
        ),
        Outcome::TooShort => (
            format!("{basis}，自{from}起算应不早于{due}，所载为{done}"),
            format!("counted from {from}, not before {due}; stated is {done}"),
        ),
        Outcome::OutOfOrder => (
            format!("{basis}，应以{due}为准，所载为{done}，次序不符"),
            format!("{done} does not agree with {due}"),
        ),
        Outcome::Premature => (
            format!("{basis}，应不早于{due}，本账本见于{done}"),
            format!("not before {due}, seen on {done}"),
        ),
        Outcome::CannotTell => {
            let what = finding.missing.as_deref().unwrap_or_default();
            (
                format!("{basis}，未载明所需日期（{what}），无法判断"),
                format!("cannot tell: {what} is not given"),
            )
        }
        // These come from `contradictions`, with their own words.
        Outcome::Contradiction | Outcome::BackDated => return finding.said.clone(),
    };
    if finding.claimed_only {
        said_zh.push_str("；仅据补录所称日期");
        said_en.push_str("; claimed only, recorded afterwards");
    }
    if finding.assumed {
        said_zh.push_str("；未注明是否依法必招，按依法必招计");
        said_en.push_str("; whether the law demands a tender was not stated and taken for yes");
    }
    if finding.provisional {
        said_zh.push_str("；该年放假安排尚未公布，日期为暂定");
        said_en.push_str("; holidays of that year are not known yet, the day is provisional");
    }
    Said::new(
        format!("{said_zh}。"),
        format!("{law} art. {article} ({en}): {said_en}."),
    )
}
