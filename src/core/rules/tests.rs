use std::collections::BTreeMap;

use proptest::prelude::*;

use super::book::Law;
use super::calendar::{Calendar, Day};
use super::engine::{AsOf, project_report};
use super::facts::{Deal, Disclosure};
use super::finding::{Outcome, ProjectReport};
use super::pack::{Counting, Pack, Point, Rule, RuleType, Unit, points};
use crate::tlog::merkle::Hash;
use crate::trade::statement::{Amends, Effect};
use crate::trade::time::{OffsetTime, Time};

fn at(day: Day, clock: &str) -> OffsetTime {
    OffsetTime::parse(&format!("{day}T{clock}+08:00")).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn noon(day: Day) -> OffsetTime {
    at(day, "12:00:00")
}

fn end_of(day: Day) -> Time {
    at(day, "23:59:59").time
}

/// A record of that kind, logged and issued at noon of that day.
fn record(index: u64, kind: &str, on: Day) -> Disclosure {
    Disclosure {
        index,
        logged: noon(on).time,
        id: Hash::sha256(&index.to_be_bytes()),
        publisher: "ggzy.example".to_owned(),
        project: "P-1".to_owned(),
        stage: String::new(),
        kind: kind.to_owned(),
        category: "construction".to_owned(),
        method: None,
        mandatory_tender: Some(true),
        region: "430382".to_owned(),
        title: "T".to_owned(),
        lots: Vec::new(),
        issued: noon(on),
        amends: None,
        events: BTreeMap::new(),
        deals: Vec::new(),
        entrants: Vec::new(),
        shown: Vec::new(),
        claimed_only: false,
    }
}

impl Disclosure {
    fn event(mut self, name: &str, time: OffsetTime) -> Disclosure {
        self.events.insert(name.to_owned(), time);
        self
    }

    fn amends(mut self, other: &Disclosure, effect: Effect) -> Disclosure {
        self.amends = Some(Amends {
            statement: other.id,
            effect,
        });
        self
    }
}

fn report(records: &[Disclosure], until: Day) -> ProjectReport {
    project_report(records, Law::builtin(), AsOf::date(end_of(until))).unwrap()
}

#[track_caller]
fn check(records: &[Disclosure], until: &str, rule: &str, wanted: &[Outcome]) {
    let report = report(records, day(until));
    let found: Vec<Outcome> = report
        .findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| finding.outcome)
        .collect();
    assert_eq!(found, wanted, "{rule}: {:#?}", report.findings);
}

/// Working days around the National Day of 2025, written down by hand from 国办发明电〔2024〕12号.
fn plus_by_hand(from: Day, count: u32, unit: Unit) -> Day {
    const OFF: [&str; 8] = [
        "2025-10-01",
        "2025-10-02",
        "2025-10-03",
        "2025-10-04",
        "2025-10-05",
        "2025-10-06",
        "2025-10-07",
        "2025-10-08",
    ];
    if unit == Unit::CalendarDay {
        return from.plus(i64::from(count));
    }
    let mut days = (1..)
        .map(|n| from.plus(n))
        .filter(|day| match day.to_string().as_str() {
            "2025-10-11" => true,
            text if OFF.contains(&text) => false,
            // 2025-09-29 was a Monday.
            _ => (day.0 - self::day("2025-09-29").0).rem_euclid(7) < 5,
        });
    match count {
        0 => from,
        _ => days.nth(count as usize - 1).unwrap(),
    }
}

/// Two records in which a rule's two points stand on two days; `None`: the second has not happened.
fn two(rule: &Rule, from: Day, to: Option<Day>) -> Vec<Disclosure> {
    let mut records: Vec<Disclosure> = Vec::new();
    for (text, on) in [(&rule.from, Some(from)), (&rule.to, to)] {
        let Some(on) = on else { continue };
        let (kind, event) = match points("from", text).unwrap().swap_remove(0) {
            Point::Event { event, kind } => (kind.unwrap_or("tender_notice".into()), Some(event)),
            Point::Notice { kind } => (kind, None),
        };
        let known = records.iter().position(|one| one.kind == kind);
        if let (Some(place), None) = (known, &event) {
            // A decision says itself when the complaint was received.
            records[place].logged = noon(on).time;
            continue;
        }
        let place = known.unwrap_or_else(|| {
            let mut one = record(records.len() as u64, &kind, on);
            one.category = rule
                .categories
                .first()
                .map_or("construction", |one| one)
                .to_owned();
            one.method = rule.methods.first().cloned();
            records.push(one);
            records.len() - 1
        });
        if let Some(event) = event {
            records[place].events.insert(event, noon(on));
        }
    }
    records
}

#[test]
fn every_limit_the_day_before_the_day_and_the_day_after_across_a_holiday() {
    let (from, later) = (day("2025-09-29"), day("2025-12-31"));
    let mut judged = 0;
    for rule in &Pack::builtin().rules {
        let limited = matches!(rule.rule_type, RuleType::Min | RuleType::Max);
        if !limited || !rule.unobservable.is_empty() {
            continue;
        }
        judged += 1;
        let mut rule = rule.clone();
        rule.on = Some(true);
        let pack = Pack {
            version: "t".to_owned(),
            rules: vec![rule.clone()],
        };
        let law = Law {
            pack: &pack,
            calendar: Calendar::builtin(),
            told: &[],
        };
        let outcome = |to: Option<Day>, until: Day| {
            let records = two(&rule, from, to);
            let report = project_report(&records, law, AsOf::date(end_of(until))).unwrap();
            let found: Vec<_> = report
                .findings
                .iter()
                .filter(|finding| finding.rule == rule.id)
                .collect();
            assert_eq!(found.len(), 1, "{} {:#?}", rule.id, report.findings);
            assert!(found[0].said.zh.contains(&rule.law) && !found[0].said.zh.contains("违法"));
            assert!(!found[0].said.en.is_empty());
            found[0].outcome
        };
        let inclusive = u32::from(rule.counting == Counting::InclusiveDates);
        let due = plus_by_hand(from, rule.limit - inclusive, rule.unit);
        let days = [-1, 0, 1].map(|n| outcome(Some(due.plus(n)), later));
        if rule.rule_type == RuleType::Max {
            assert_eq!(
                days,
                [Outcome::Done, Outcome::Done, Outcome::Late],
                "{}",
                rule.id
            );
            // Where the notice that is due alone says from when it is due, its absence cannot be seen.
            if two(&rule, from, Some(due)).len() == 2 || !rule.to.starts_with('@') {
                assert_eq!(outcome(None, due), Outcome::Due, "{}", rule.id);
                assert_eq!(outcome(None, due.plus(1)), Outcome::Missing, "{}", rule.id);
            }
        } else {
            // One working day, the first included: no day before it is after the beginning.
            let before = [Outcome::TooShort, Outcome::Done, Outcome::Done];
            let (from_at, _) = rule.from.split_once('@').unwrap_or((&rule.from, ""));
            if due > from || !from_at.is_empty() {
                assert_eq!(days, before, "{}", rule.id);
            }
        }
    }
    assert!(judged >= 35, "{judged}");
}

/// What must not come before something else, what must be at the same time, and what must not be shown before.
#[test]
fn every_order_the_day_before_the_day_and_the_day_after_across_a_holiday() {
    let mut judged = 0;
    for rule in &Pack::builtin().rules {
        let outcomes = match rule.rule_type {
            RuleType::Order => [Outcome::OutOfOrder, Outcome::Done, Outcome::Done],
            RuleType::Equal => [Outcome::OutOfOrder, Outcome::Done, Outcome::OutOfOrder],
            RuleType::Secret => [Outcome::Premature, Outcome::Done, Outcome::Done],
            RuleType::Min | RuleType::Max | RuleType::Keep => continue,
        };
        if !rule.is_judged() {
            continue;
        }
        judged += 1;
        let pack = Pack {
            version: "t".to_owned(),
            rules: vec![rule.clone()],
        };
        let law = Law {
            pack: &pack,
            calendar: Calendar::builtin(),
            told: &[],
        };
        // In the middle of a week without a working day.
        let from = day("2025-10-04");
        for (offset, wanted) in (-1..).zip(outcomes) {
            let mut records = two(rule, from, Some(from.plus(offset)));
            if !rule.member.is_empty() {
                let shown = records.last_mut().unwrap();
                shown.shown = vec![rule.member.clone()];
            }
            let as_of = AsOf::date(end_of(day("2025-12-31")));
            let report = project_report(&records, law, as_of).unwrap();
            let found: Vec<Outcome> = report
                .findings
                .iter()
                .filter(|one| one.rule == rule.id)
                .map(|one| one.outcome)
                .collect();
            assert_eq!(found, [wanted], "{} {offset} {records:#?}", rule.id);
        }
    }
    assert!(judged >= 6, "{judged}");
}

/// The rules of the law that this project knows of, each with whether it is on and whether a ledger can see it. One that disappears, or
/// that is switched on without its text having been read, is noticed here.
#[test]
fn every_known_time_limit_is_in_the_pack() {
    const SEEN: &str = "CN-TB-24 CN-TB-23 CN-IR-16 CN-IR-17 CN-IR-22B CN-TB-34 CN-IR-54A CN-IR-54B CN-TB-46 CN-TB-47 CN-IR-61B CN-ORDER-1 \
        CN-GP-INT CN-GP-35 CN-GPR-31A CN-GPR-31B CN-GPR-21 CN-GPR-38 CN-GPR-43B CN-GPR-43C CN-GP-87-69 CN-GP-46 CN-GPR-50 CN-GP-53 CN-GP-56 \
        CN-AU-45 CN-OG-26 SEC-22 SEC-28 SEC-37 SEC-44";
    const UNSEEN: &str = "CN-IR-21P CN-IR-22A CN-IR-57 CN-IR-60 CN-IR-61A CN-O10-12H CN-O10-10Y CN-GPR-43A CN-GP-47 CN-GPR-33 CN-GP-52 CN-GP-55 \
        CN-GPR-52 CN-GP-42 CN-SA-32-CAP CN-SA-32-AST CN-AU-48 CN-AU-54 CN-97-7 SEC-22B SEC-43 SEC-53";
    const OFF: &str = "CN-GP-87-16 CN-GP-74-29 CN-GP-214-10 CN-LD-39-8 CN-LD-39-18 CN-LD-39-22 CN-MR-1 CN-MR-2 CN-MR-3 CN-MR-4 CN-SA-32-13 \
        CN-SA-32-PRE CN-SA-32-EXT CN-SA-32-RES";
    let pack = Pack::builtin();
    for (ids, is_on, is_judged) in [
        (SEEN, true, true),
        (UNSEEN, true, false),
        (OFF, false, false),
    ] {
        for id in ids.split_whitespace() {
            let rule = pack.rules.iter().find(|rule| rule.id == id);
            let told = rule.map(|rule| (rule.is_on(), rule.is_judged()));
            assert_eq!(told, Some((is_on, is_judged)), "{id}");
        }
    }
    let known: usize = [SEEN, UNSEEN, OFF]
        .iter()
        .map(|ids| ids.split_whitespace().count())
        .sum();
    // Beside them: the intention, the publicity's result, and the award notice where no letter is known.
    assert_eq!(pack.rules.len(), known + 3);
}

#[test]
fn a_publicity_is_long_enough_at_72_hours_or_on_the_third_day() {
    let publicity = |from: (&str, &str), to: (&str, &str)| {
        let one = record(0, "candidate_publicity", day(from.0))
            .event("publicity_from", at(day(from.0), from.1))
            .event("publicity_to", at(day(to.0), to.1));
        vec![one]
    };
    let rule = "CN-IR-54B";
    let begin = ("2026-01-05", "18:00:00");
    check(
        &publicity(begin, ("2026-01-08", "18:00:00")),
        "2026-01-20",
        rule,
        &[Outcome::Done],
    );
    check(
        &publicity(begin, ("2026-01-08", "07:00:00")),
        "2026-01-20",
        rule,
        &[Outcome::Done],
    );
    check(
        &publicity(begin, ("2026-01-07", "23:59:00")),
        "2026-01-20",
        rule,
        &[Outcome::TooShort],
    );
    let no_end = vec![
        record(0, "candidate_publicity", day("2026-01-05"))
            .event("publicity_from", noon(day("2026-01-05"))),
    ];
    check(&no_end, "2026-01-20", rule, &[Outcome::CannotTell]);
    let none = vec![record(0, "candidate_publicity", day("2026-01-05"))];
    check(&none, "2026-01-20", rule, &[Outcome::CannotTell]);
}

/// Whoever reads "cannot tell" must learn which date is wanted, and once.
#[test]
fn what_cannot_be_told_names_what_is_not_given_once() {
    let sentence = |records: &[Disclosure], rule: &str| {
        let report = report(records, day("2026-01-20"));
        let finding = report.findings.iter().find(|one| one.rule == rule);
        let finding = finding.unwrap().clone();
        assert_eq!(finding.outcome, Outcome::CannotTell);
        (finding.said.zh, finding.said.en)
    };
    let publicity = record(0, "candidate_publicity", day("2026-01-05"));
    let (zh, en) = sentence(&[publicity], "CN-IR-54B");
    assert!(
        zh.ends_with("，未载明所需日期（publicity_from），无法判断。"),
        "{zh}"
    );
    assert!(
        en.ends_with(": cannot tell: publicity_from is not given."),
        "{en}"
    );
    assert_eq!(en.matches("cannot tell").count(), 1, "{en}");
}

#[test]
fn an_award_waits_for_the_publicity_to_end() {
    let (begin, end) = (day("2026-01-05"), day("2026-01-08"));
    let with_award = |issued: OffsetTime, claimed: bool| {
        let publicity = record(0, "candidate_publicity", begin)
            .event("publicity_from", noon(begin))
            .event("publicity_to", at(end, "18:00:00"));
        let mut award = record(1, "award_notice", end);
        (award.logged, award.issued, award.claimed_only) = (issued.time, issued, claimed);
        vec![publicity, award]
    };
    let rule = "CN-ORDER-1";
    let until = "2026-01-20";
    check(
        &with_award(at(end, "17:59:59"), false),
        until,
        rule,
        &[Outcome::OutOfOrder],
    );
    check(
        &with_award(at(end, "18:00:00"), false),
        until,
        rule,
        &[Outcome::Done],
    );
    check(
        &with_award(at(end.plus(-1), "00:00:00"), true),
        until,
        rule,
        &[Outcome::OutOfOrder],
    );
    // Only the day is claimed: it may have been later that day.
    check(
        &with_award(at(end, "00:00:00"), true),
        until,
        rule,
        &[Outcome::Done],
    );
    let report = report(&with_award(at(end.plus(-1), "00:00:00"), true), day(until));
    let finding = report.faults().find(|one| one.rule == rule).unwrap();
    assert_eq!(finding.evidence, [0, 1]);
    assert!(finding.claimed_only && finding.said.zh.contains("补录"));
}

#[test]
fn what_is_secret_until_an_event_is_not_shown_before() {
    let opening = day("2026-01-05");
    let shown = |on: OffsetTime| {
        let notice = record(0, "tender_notice", day("2025-12-01")).event("opening", noon(opening));
        let mut register = record(1, "bidder_register", opening);
        register.logged = on.time;
        vec![notice, register]
    };
    let until = "2026-01-20";
    check(
        &shown(at(opening, "11:59:59")),
        until,
        "SEC-22",
        &[Outcome::Premature],
    );
    check(&shown(noon(opening)), until, "SEC-22", &[Outcome::Done]);
    check(
        &shown(noon(opening))[1..],
        until,
        "SEC-22",
        &[Outcome::CannotTell],
    );

    let mut evaluation = record(0, "evaluation_report", opening);
    let award = record(1, "award_notice", day("2026-01-10"));
    check(&[evaluation.clone(), award.clone()], until, "SEC-37", &[]);
    evaluation.shown = vec!["committee".to_owned()];
    check(&[evaluation, award], until, "SEC-37", &[Outcome::Premature]);
}

#[test]
fn amendments_move_deadlines_and_withdrawals_end_them() {
    let (from, deadline) = (day("2026-01-05"), day("2026-01-20"));
    let notice = record(0, "tender_notice", from)
        .event("documents_from", noon(from))
        .event("bid_deadline", noon(deadline));
    let until = "2026-03-01";
    let rule = "CN-TB-24";
    check(
        std::slice::from_ref(&notice),
        until,
        rule,
        &[Outcome::TooShort],
    );
    let moved = record(1, "change_notice", day("2026-01-10"))
        .event("bid_deadline", noon(day("2026-01-25")))
        .amends(&notice, Effect::Correct);
    check(
        &[notice.clone(), moved.clone()],
        until,
        rule,
        &[Outcome::Done],
    );
    // As of the day before the change the answer is as it was.
    check(
        &[notice.clone(), moved.clone()],
        "2026-01-09",
        rule,
        &[Outcome::TooShort],
    );
    let gone = record(2, "change_notice", day("2026-01-11")).amends(&moved, Effect::Withdraw);
    let report = report(&[notice, moved, gone], day(until));
    assert!(report.findings.iter().all(|one| one.rule != rule));
    let standing: Vec<_> = report
        .standing
        .iter()
        .map(|one| (one.record, one.withdrawn_by))
        .collect();
    assert_eq!(standing, [(1, Some(2)), (2, None)]);
}

#[test]
fn an_objection_stops_the_clock() {
    let end = day("2026-01-08");
    let publicity = record(0, "candidate_publicity", day("2026-01-05"))
        .event("publicity_from", noon(day("2026-01-05")))
        .event("publicity_to", noon(end));
    let objection = record(1, "objection", day("2026-01-09"));
    let reply = record(2, "objection_reply", day("2026-01-12"));
    let rule = "CN-OG-26P";
    check(
        &[publicity.clone(), objection.clone()],
        "2026-03-30",
        rule,
        &[Outcome::Suspended],
    );
    let due = |records: &[Disclosure]| {
        let report = report(records, day("2026-01-20"));
        let finding = report.findings.iter().find(|one| one.rule == rule).unwrap();
        finding.due.clone().unwrap()
    };
    assert_eq!(due(std::slice::from_ref(&publicity)), "2026-02-05");
    assert_eq!(due(&[publicity, objection, reply]), "2026-02-08");
}

#[test]
fn a_termination_ends_what_was_due() {
    let publicity = record(0, "candidate_publicity", day("2026-01-05"))
        .event("publicity_to", noon(day("2026-01-08")));
    let letter = record(1, "award_letter", day("2026-01-09"));
    check(
        &[publicity, letter.clone()],
        "2026-04-01",
        "CN-TB-46",
        &[Outcome::Missing],
    );
    let end = record(2, "termination", day("2026-01-15"));
    check(&[letter, end], "2026-04-01", "CN-TB-46", &[]);
}

#[test]
fn contradictions_name_both_records() {
    let deal = |party: &str, amount: &str| Deal {
        lot: None,
        party: Some(party.to_owned()),
        amount: Some(amount.to_owned()),
        currency: Some("CNY".to_owned()),
    };
    let on = day("2026-01-05");
    let mut candidates = record(0, "candidate_publicity", on);
    candidates.entrants = vec!["甲公司".to_owned(), "乙公司".to_owned()];
    let mut award = record(1, "award_notice", on);
    award.deals = vec![deal("乙公司", "100.00")];
    let mut contract = record(2, "contract", on);
    contract.deals = vec![deal("乙公司", "100")];
    let all = [candidates.clone(), award.clone(), contract.clone()];
    let until = "2026-01-06";
    let rules = [
        "WINNER-UNKNOWN",
        "CONTRACT-PARTY",
        "CONTRACT-AMOUNT",
        "AWARD-TWICE",
        "BACK-DATED",
    ];
    for rule in rules {
        check(&all, until, rule, &[]);
    }
    contract.deals = vec![deal("丙公司", "101")];
    award.deals = vec![deal("丁公司", "100")];
    let all = [candidates, award.clone(), contract];
    for rule in &rules[..3] {
        check(&all, until, rule, &[Outcome::Contradiction]);
    }
    let mut second = award.clone();
    (second.index, second.id) = (3, Hash::sha256(b"3"));
    second.deals = vec![deal("戊公司", "1")];
    award.lots = vec!["1".to_owned()];
    second.lots = vec!["1".to_owned()];
    check(
        &[award.clone(), second.clone()],
        until,
        "AWARD-TWICE",
        &[Outcome::Contradiction],
    );
    second.lots = vec!["2".to_owned()];
    check(&[award, second], until, "AWARD-TWICE", &[]);
    let mut old = record(0, "contract", on);
    old.issued = noon(on.plus(-4));
    check(&[old.clone()], until, "BACK-DATED", &[Outcome::BackDated]);
    old.issued = noon(on.plus(-3));
    check(&[old], until, "BACK-DATED", &[]);
}

#[test]
fn what_the_law_does_not_ask_is_not_judged() {
    let on = day("2026-01-05");
    let mut notice = record(0, "tender_notice", on)
        .event("documents_from", noon(on))
        .event("bid_deadline", noon(on.plus(5)));
    notice.mandatory_tender = Some(false);
    check(&[notice.clone()], "2026-02-01", "CN-TB-24", &[]);
    notice.mandatory_tender = None;
    let assumed = report(&[notice.clone()], day("2026-02-01"));
    assert!(
        assumed
            .faults()
            .all(|one| one.assumed && one.said.zh.contains("未注明是否依法必招"))
    );
    notice.category = "carbon-emission".to_owned();
    let other = report(&[notice], day("2026-02-01"));
    assert!(other.category_without_rules && other.faults().next().is_none());
}

#[test]
fn a_day_beyond_the_known_years_is_provisional() {
    let mut award =
        record(0, "award_notice", day("2026-12-31")).event("winner_set", noon(day("2026-12-31")));
    award.category = "gov-procurement".to_owned();
    let report = report(&[award], day("2026-12-31"));
    let finding = report
        .findings
        .iter()
        .find(|one| one.rule == "CN-GPR-43D")
        .unwrap();
    assert!(finding.provisional && finding.said.zh.contains("暂定"));
}

const KINDS: [&str; 8] = [
    "tender_notice",
    "candidate_publicity",
    "award_notice",
    "award_letter",
    "contract",
    "objection",
    "objection_reply",
    "termination",
];
const EVENTS: [&str; 7] = [
    "documents_from",
    "bid_deadline",
    "opening",
    "publicity_from",
    "publicity_to",
    "letter_issued",
    "contract_signed",
];

fn any_records() -> impl Strategy<Value = Vec<Disclosure>> {
    let one = (
        0..KINDS.len(),
        0_i64..60,
        prop::collection::vec((0..EVENTS.len(), -20_i64..60), 0..4),
        any::<Option<prop::sample::Index>>(),
    );
    prop::collection::vec(one, 1..9).prop_map(|mut all| {
        all.sort_by_key(|(_, on, _, _)| *on);
        let mut records: Vec<Disclosure> = Vec::new();
        for (index, (kind, on, events, amends)) in (0_u64..).zip(all) {
            let base = day("2025-09-01");
            let mut one = record(index, KINDS[kind], base.plus(on));
            for (event, offset) in events {
                one = one.event(EVENTS[event], noon(base.plus(offset)));
            }
            if let (Some(amended), false) = (amends, records.is_empty()) {
                one = one.amends(amended.get(&records), Effect::Correct);
            }
            records.push(one);
        }
        records
    })
}

proptest! {
    #[test]
    fn the_order_in_which_records_are_given_does_not_matter(records in any_records(), turn in 0_usize..9) {
        let mut other = records.clone();
        other.reverse();
        let by = turn % other.len();
        other.rotate_left(by);
        let until = day("2025-11-30");
        prop_assert_eq!(report(&records, until), report(&other, until));
    }

    #[test]
    fn what_stands_between_in_the_log_does_not_matter(records in any_records(), gaps in prop::collection::vec(0_u64..1_000, 9)) {
        let mut places = Vec::new();
        let mut other = records.clone();
        let mut at = 0;
        for (one, gap) in other.iter_mut().zip(gaps) {
            at += gap;
            one.index = at;
            places.push(at);
            at += 1;
        }
        let until = day("2025-11-30");
        let told = |report: ProjectReport, place: &dyn Fn(u64) -> u64| -> Vec<_> {
            let findings = report.findings.into_iter().map(|one| {
                let evidence: Vec<u64> = one.evidence.iter().map(|index| place(*index)).collect();
                (one.rule, one.outcome, evidence, one.from, one.due, one.done, one.days)
            });
            findings.collect()
        };
        let place = |index: u64| places[usize::try_from(index).unwrap()];
        prop_assert_eq!(told(report(&records, until), &place), told(report(&other, until), &|index| index));
    }

    #[test]
    fn what_is_logged_later_never_changes_an_earlier_answer(records in any_records(), offset in 0_i64..60) {
        let until = day("2025-09-01").plus(offset);
        let then: Vec<Disclosure> = records.iter().filter(|one| one.logged <= end_of(until)).cloned().collect();
        let as_of = AsOf::date(end_of(until));
        prop_assert_eq!(project_report(&records, Law::builtin(), as_of), project_report(&then, Law::builtin(), as_of));
    }
}
