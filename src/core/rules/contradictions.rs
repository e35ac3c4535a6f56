//! What cannot both be so, and what was logged long after it claims to have happened. No article decides these: they ask for a look.

use super::facts::{Disclosure, InForce};
use super::finding::{Finding, Outcome};
use crate::lang::Said;
use crate::said;
use crate::trade::vocabulary::Stage;

/// A live publisher's claim may be so many days before the ledger's time; more is a finding.
pub(crate) const BACK_DATED_DAYS: i64 = 3;

pub(super) fn judge(seen: &[&Disclosure], lines: &[InForce<'_>], findings: &mut Vec<Finding>) {
    for one in seen.iter().filter(|one| !one.claimed_only) {
        let days = super::facts::Moment::logged(one.logged).day.0
            - super::facts::Moment::stated(one.issued).day.0;
        if days > BACK_DATED_DAYS {
            let index = one.index;
            let mut finding = blank(
                "BACK-DATED",
                one,
                vec![index],
                said!(
                    "第{index}条称早于入账{days}日公开，请核对。",
                    "record {index} claims to be public {days} days before it was logged."
                ),
            );
            finding.outcome = Outcome::BackDated;
            finding.days = days;
            findings.push(finding);
        }
    }
    let awards: Vec<&InForce<'_>> = of_kind(lines, "award_notice");
    for (at, award) in awards.iter().enumerate() {
        for other in &awards[at + 1..] {
            let (a, b) = (award.first, other.first);
            let lots_named = !a.lots.is_empty() && !b.lots.is_empty();
            let differ = match (award.deals(), other.deals()) {
                ([x], [y]) => x.party.is_some() && y.party.is_some() && x.party != y.party,
                _ => false,
            };
            if lots_named && a.shares_lot(b) && differ {
                let (index, after) = (a.index, b.index);
                findings.push(blank(
                    "AWARD-TWICE",
                    a,
                    [award.records(), other.records()].concat(),
                    said!("第{index}条和第{after}条把同一标段授予不同的中标人，且未注明更正。", "records {index} and {after} award one lot to different winners, and neither amends the other."),
                ));
            }
        }
    }
    for award in &awards {
        let entrants: Vec<&InForce<'_>> = ["candidate_publicity", "bid_opening"]
            .iter()
            .flat_map(|kind| of_kind(lines, kind))
            .filter(|line| line.first.shares_lot(award.first) && !line.latest.entrants.is_empty())
            .collect();
        for deal in award.deals() {
            let Some(winner) = &deal.party else { continue };
            let known = entrants
                .iter()
                .any(|line| line.latest.entrants.contains(winner));
            // A consortium is written in many ways: a part of a name is enough.
            let near = entrants
                .iter()
                .flat_map(|line| &line.latest.entrants)
                .any(|entrant| {
                    entrant.contains(winner.as_str()) || winner.contains(entrant.as_str())
                });
            if !entrants.is_empty() && !known && !near {
                let index = award.latest.index;
                let mut evidence = award.records();
                evidence.extend(entrants.iter().flat_map(|line| line.records()));
                findings.push(blank(
                    "WINNER-UNKNOWN",
                    award.first,
                    evidence,
                    said!("第{index}条的中标人「{winner}」不在已公布的候选人、投标人之中。", "the winner of record {index}, {winner:?}, is not among the candidates or bidders shown."),
                ));
            }
        }
    }
    for contract in of_kind(lines, "contract") {
        let award = awards
            .iter()
            .rfind(|award| award.first.shares_lot(contract.first));
        let Some(award) = award else { continue };
        let ([deal], [won]) = (contract.deals(), award.deals()) else {
            continue;
        };
        let index = contract.latest.index;
        let evidence = [award.records(), contract.records()].concat();
        if deal.party.is_some() && won.party.is_some() && deal.party != won.party {
            findings.push(blank(
                "CONTRACT-PARTY",
                contract.first,
                evidence.clone(),
                said!(
                    "第{index}条合同的供应商与中标人不同。",
                    "the supplier of the contract in record {index} is not the winner."
                ),
            ));
        }
        let amounts = deal.amount.as_deref().zip(won.amount.as_deref());
        if let Some((signed, awarded)) = amounts
            && deal.currency == won.currency
            && normal(signed) != normal(awarded)
        {
            findings.push(blank(
                "CONTRACT-AMOUNT",
                contract.first,
                evidence.clone(),
                said!(
                    "第{index}条合同金额{signed}与中标金额{awarded}不同。",
                    "the contract in record {index} is of {signed}, the award of {awarded}."
                ),
            ));
        }
        let signed = contract
            .events
            .get("contract_signed")
            .map(|time| super::facts::Moment::stated(*time));
        if signed.is_some_and(|signed| signed.day < award.first.published().day) {
            let mut finding = blank(
                "CONTRACT-BEFORE-AWARD",
                contract.first,
                evidence,
                said!(
                    "第{index}条合同所载签订日期早于中标结果公告。",
                    "the contract in record {index} is dated before the award notice."
                ),
            );
            finding.outcome = Outcome::OutOfOrder;
            findings.push(finding);
        }
    }
    for line in lines.iter().filter(|line| {
        matches!(
            line.first.kind.as_str(),
            "tender_notice" | "bid_opening" | "candidate_publicity"
        )
    }) {
        let amended_after = awards.iter().find(|award| {
            award.first.shares_lot(line.first)
                && !line.replaced.is_empty()
                && line.latest.index > award.first.index
        });
        if let Some(award) = amended_after {
            let (index, after) = (line.latest.index, award.first.index);
            findings.push(blank(
                "AMENDED-AFTER-AWARD",
                line.first,
                [line.records(), award.records()].concat(),
                said!(
                    "第{index}条在中标结果（第{after}条）公布之后更改了此前的公告。",
                    "record {index} amends an earlier notice after the award in record {after}."
                ),
            ));
        }
    }
}

fn of_kind<'l, 'a>(lines: &'l [InForce<'a>], kind: &str) -> Vec<&'l InForce<'a>> {
    lines
        .iter()
        .filter(|line| line.first.kind == kind)
        .collect()
}

/// `0012.50` and `12.5` are one amount.
fn normal(amount: &str) -> &str {
    let amount = amount.trim_start_matches('0');
    if amount.contains('.') {
        amount.trim_end_matches('0').trim_end_matches('.')
    } else {
        amount
    }
}

fn blank(rule: &str, one: &Disclosure, mut evidence: Vec<u64>, said: Said) -> Finding {
    evidence.sort_unstable();
    evidence.dedup();
    Finding {
        outcome: Outcome::Contradiction,
        rule: rule.to_owned(),
        stage: Stage::parse(&one.stage).map_or("", Stage::as_str),
        law: String::new(),
        article: String::new(),
        lots: one.lots.clone(),
        evidence,
        from: None,
        due: None,
        done: None,
        days: 0,
        provisional: false,
        claimed_only: one.claimed_only,
        assumed: false,
        missing: None,
        said,
    }
}
