//! What rules read of a record: [`Disclosure`], and which of them is in force.
//!
//! Promises: reading never fails; a member that is absent or ill-formed is simply not there. Does not judge.

use std::collections::BTreeMap;

use serde::Serialize;

use super::calendar::Day;
use crate::tlog::merkle::Hash;
use crate::trade::json::Value;
use crate::trade::keys::KeyState;
use crate::trade::statement::{Amends, Body, Effect, Role, Statement};
use crate::trade::time::{OffsetTime, Time};

/// Minutes that China's clocks are ahead of UTC: the day of a record's own time is theirs.
pub const CHINA_MINUTES: i16 = 480;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// An instant on somebody's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 in UTC.
    pub ms: i64,
    /// The day on the calendar of whoever stated it.
    pub day: Day,
    /// Stated as a day only: midnight, as imports write a date.
    pub day_only: bool,
}

impl Moment {
    /// A stated time.
    #[must_use]
    pub(crate) fn stated(time: OffsetTime) -> Moment {
        let local = time.time.as_ms() + i64::from(time.offset_minutes) * MINUTE_MS;
        Moment {
            ms: time.time.as_ms(),
            day: Day(local.div_euclid(DAY_MS)),
            day_only: local.rem_euclid(DAY_MS) == 0,
        }
    }

    /// The ledger's own time, on China's calendar.
    #[must_use]
    pub fn logged(time: Time) -> Moment {
        let local = time.as_ms() + i64::from(CHINA_MINUTES) * MINUTE_MS;
        Moment {
            ms: time.as_ms(),
            day: Day(local.div_euclid(DAY_MS)),
            day_only: false,
        }
    }

    /// Earlier for sure: by day where one side states no more than a day.
    #[must_use]
    pub fn before(self, other: Moment) -> bool {
        if self.day_only || other.day_only {
            self.day < other.day
        } else {
            self.ms < other.ms
        }
    }
}

/// From when on the ledger's clock counts for a publisher, as the log said before the record at `index`: a key admitted later changes no
/// earlier answer.
#[must_use]
pub fn live_from(keys: &KeyState, publisher: &str, index: u64) -> Option<OffsetTime> {
    keys.keys()
        .filter(|key| {
            key.role == Role::Publisher && key.vkey.name() == publisher && key.admitted_at < index
        })
        .filter_map(|key| key.live_from)
        .min_by_key(|from| from.time)
}

/// A party and a price for a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deal {
    /// The lot, where it is named.
    pub lot: Option<String>,
    /// The party's unified social credit code, else its name.
    pub party: Option<String>,
    /// The amount as written, where the price is one.
    pub amount: Option<String>,
    /// Its currency.
    pub currency: Option<String>,
}

/// One `trade` record, as rules see it.
#[derive(Clone, Debug)]
pub struct Disclosure {
    /// Leaf index.
    pub index: u64,
    /// The ledger's time.
    pub logged: Time,
    /// Statement id.
    pub id: Hash,
    /// Who says it.
    pub publisher: String,
    /// Of which project.
    pub project: String,
    /// Stage id, or empty.
    pub stage: String,
    /// Kind id, or empty.
    pub kind: String,
    /// Category id, or empty.
    pub category: String,
    /// Method id.
    pub method: Option<String>,
    /// 依法必招, where stated.
    pub mandatory_tender: Option<bool>,
    /// Region, or empty.
    pub region: String,
    /// Title, or empty.
    pub title: String,
    /// Lots; none means the whole project.
    pub lots: Vec<String>,
    /// The publisher's claim.
    pub issued: OffsetTime,
    /// What it amends.
    pub amends: Option<Amends>,
    /// The times that rules count from.
    pub events: BTreeMap<String, OffsetTime>,
    /// Winners or suppliers with their prices.
    pub deals: Vec<Deal>,
    /// Candidates or bidders, by code or name.
    pub entrants: Vec<String>,
    /// Members of `details` that show something in the clear.
    pub shown: Vec<String>,
    /// Whether it is from before the publisher went live: claimed only (补录).
    pub claimed_only: bool,
}

impl InForce<'_> {
    /// The winners and prices that hold.
    #[must_use]
    pub fn deals(&self) -> &[Deal] {
        if self.latest.deals.is_empty() {
            &self.first.deals
        } else {
            &self.latest.deals
        }
    }

    /// The records of the line, first to last.
    #[must_use]
    pub fn records(&self) -> Vec<u64> {
        let mut records = self.replaced.clone();
        records.push(self.latest.index);
        records
    }
}

impl Disclosure {
    /// Reads a record; `None` for what is no `trade` statement of `v` 1. `live_from`: [`crate::trade::keys::KeyState::live_from`].
    #[must_use]
    pub fn read(
        index: u64,
        logged: Time,
        statement: &Statement,
        live_from: Option<OffsetTime>,
    ) -> Option<Disclosure> {
        let Body::Trade(trade) = statement.body() else {
            return None;
        };
        let fields = statement.fields();
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let kind = owned(fields.kind());
        let mut deals = Vec::new();
        let mut entrants = Vec::new();
        let mut shown = Vec::new();
        if let Some(details) = fields.details() {
            match kind.as_str() {
                "award_notice" | "award_letter" => {
                    deals.extend(deal(details, "winner"));
                    deals.extend(
                        items(details, "awards")
                            .iter()
                            .filter_map(|item| deal(item, "winner")),
                    );
                }
                "contract" => deals.extend(deal(details, "supplier")),
                "candidate_publicity" => entrants = parties(details, "candidates"),
                "bid_opening" => entrants = parties(details, "bids"),
                _ => {}
            }
            shown = details
                .members()
                .unwrap_or_default()
                .iter()
                .filter(|(_, value)| in_the_clear(value))
                .map(|(name, _)| (*name).to_owned())
                .collect();
        }
        Some(Disclosure {
            index,
            logged,
            id: statement.id(),
            publisher: owned(statement.publisher()),
            project: owned(statement.project()),
            stage: owned(fields.stage().map(|stage| stage.as_str())),
            category: owned(fields.category()),
            method: fields.method().map(str::to_owned),
            mandatory_tender: fields.mandatory_tender(),
            region: owned(fields.region()),
            title: owned(fields.title()),
            lots: fields.lots().into_iter().map(str::to_owned).collect(),
            issued: trade.issued,
            amends: trade.amends,
            events: fields
                .events()
                .into_iter()
                .map(|(name, time)| (name.to_owned(), time))
                .collect(),
            claimed_only: live_from.is_some_and(|from| trade.issued.time < from.time),
            deals,
            entrants,
            shown,
            kind,
        })
    }

    /// When it was made public: the ledger's time, before `live_from` the claim.
    #[must_use]
    pub fn published(&self) -> Moment {
        if self.claimed_only {
            Moment::stated(self.issued)
        } else {
            Moment::logged(self.logged)
        }
    }

    /// Whether it and another speak of a common lot.
    #[must_use]
    pub(crate) fn shares_lot(&self, other: &Disclosure) -> bool {
        self.lots.is_empty()
            || other.lots.is_empty()
            || self.lots.iter().any(|lot| other.lots.contains(lot))
    }
}

/// A statement as it holds now: its own members with what later corrections said over them.
#[derive(Clone, Debug)]
pub struct InForce<'a> {
    /// The record whose words hold.
    pub latest: &'a Disclosure,
    /// The first record of the line: when it was first made public counts, not when it was corrected.
    pub first: &'a Disclosure,
    /// What was amended, first to last, without `latest`.
    pub replaced: Vec<u64>,
    /// Statements of the line but the latest: centres point at the first notice as often as at its last change.
    earlier: Vec<Hash>,
    /// Events in force: a correction keeps what it does not restate, a replacement does not.
    pub events: BTreeMap<&'a str, OffsetTime>,
}

/// What is in force of a project's disclosures, in log order; and the records withdrawn, each with the record that withdrew it.
#[must_use]
pub fn in_force<'a>(disclosures: &[&'a Disclosure]) -> (Vec<InForce<'a>>, Vec<(u64, u64)>) {
    let mut lines: Vec<InForce<'a>> = Vec::new();
    let mut withdrawn = Vec::new();
    for disclosure in disclosures {
        let own = || {
            disclosure
                .events
                .iter()
                .map(|(name, time)| (name.as_str(), *time))
        };
        let amended = disclosure.amends.and_then(|amends| {
            let at = lines.iter().position(|line| {
                line.latest.id == amends.statement || line.earlier.contains(&amends.statement)
            })?;
            Some((at, amends.effect))
        });
        match amended {
            Some((at, Effect::Withdraw)) => {
                let line = lines.remove(at);
                withdrawn.push((line.latest.index, disclosure.index));
            }
            // A notice of change is a disclosure of its own kind; what it changes stays of the kind it was.
            Some((at, effect)) => {
                let line = &mut lines[at];
                if effect == Effect::Replace {
                    line.events.clear();
                }
                line.events.extend(own());
                line.replaced.push(line.latest.index);
                line.earlier.push(line.latest.id);
                line.latest = disclosure;
                let part_of_it = disclosure.kind == line.first.kind
                    || matches!(
                        disclosure.kind.as_str(),
                        "change_notice" | "correction" | "clarification"
                    );
                if part_of_it {
                    continue;
                }
            }
            None => {}
        }
        lines.push(InForce {
            latest: disclosure,
            first: disclosure,
            replaced: Vec::new(),
            earlier: Vec::new(),
            events: own().collect(),
        });
    }
    (lines, withdrawn)
}

fn items<'v, 'a>(value: &'v Value<'a>, name: &str) -> &'v [Value<'a>] {
    value.get(name).and_then(Value::items).unwrap_or_default()
}

fn parties(details: &Value<'_>, list: &str) -> Vec<String> {
    items(details, list)
        .iter()
        .filter_map(|item| party(item.get("party")?))
        .collect()
}

fn party(value: &Value<'_>) -> Option<String> {
    let name = value.get("uscc").or_else(|| value.get("name"))?.as_str()?;
    Some(name.trim().to_owned())
}

fn deal(value: &Value<'_>, role: &str) -> Option<Deal> {
    let text = |value: &Value<'_>, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let price = value
        .get("price")
        .filter(|price| price.get("form").and_then(Value::as_str) == Some("amount"));
    let deal = Deal {
        lot: text(value, "lot"),
        party: value.get(role).and_then(party),
        amount: price.and_then(|price| text(price, "amount")),
        currency: price.and_then(|price| text(price, "currency")),
    };
    (deal.party.is_some() || deal.amount.is_some()).then_some(deal)
}

/// Whether a value shows anything: a commitment does not, nor a list of nothing but commitments.
fn in_the_clear(value: &Value<'_>) -> bool {
    if let Some(items) = value.items() {
        return items.iter().any(in_the_clear);
    }
    if value.get("commitment").is_some() {
        return false;
    }
    match value.members() {
        Some(members) => members.iter().any(|(_, value)| in_the_clear(value)),
        None => !value.is_null(),
    }
}
