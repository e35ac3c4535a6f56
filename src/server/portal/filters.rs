//! The filters people know from the national platform: 时间, 业务类型, 信息类型, 省/市, 来源平台, as a form and as links.

use super::names::{self, PROVINCES, beijing_day};
use super::quoted::Quoted;
use crate::lang::Lang;
use crate::server::Api;
use crate::trade::statement::Role;
use crate::trade::time::Time;
use crate::trade::vocabulary::{Stage, Vocabulary};

const DAY_MS: i64 = 86_400_000;
/// Publishers that the form offers by name; beyond, their key name is typed into the address.
const PUBLISHERS_MAX: usize = 500;

/// The form, with what was chosen.
#[derive(Debug)]
pub(super) struct Filters {
    pub q: Quoted,
    pub from: Quoted,
    pub to: Quoted,
    pub stages: Vec<Choice>,
    pub kinds: Vec<(&'static str, Vec<Choice>)>,
    pub categories: Vec<Choice>,
    pub regions: Vec<Choice>,
    pub publishers: Vec<Choice>,
    /// Conditions that the form has no field for and keeps: `id`, `party`.
    pub kept: Vec<(&'static str, Quoted)>,
    /// 当天, 近三天, …: words, link, whether it is the one shown.
    pub periods: Vec<(&'static str, String, bool)>,
}

/// One option.
#[derive(Debug)]
pub(super) struct Choice {
    pub value: Quoted,
    pub words: Quoted,
    pub is_chosen: bool,
}

/// Conditions as they stand in the address.
pub(super) type Pairs = [(String, String)];

/// The value of a condition.
pub(super) fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map_or("", |(_, value)| value.as_str())
}

pub(super) fn filters(api: &Api, pairs: &Pairs, lang: Lang) -> Filters {
    let chosen = |name: &str| value(pairs, name).to_owned();
    let choice = |name: &str, id: &str, words: &str| Choice {
        value: Quoted::new(id),
        words: Quoted::new(words),
        is_chosen: value(pairs, name) == id,
    };
    let vocabulary = Vocabulary::builtin();
    let stages = Stage::ALL
        .iter()
        .map(|stage| choice("stage", stage.as_str(), names::stage(*stage, lang)))
        .collect();
    let kinds = Stage::ALL
        .iter()
        .map(|stage| {
            let of_stage = vocabulary
                .kinds
                .iter()
                .filter(|kind| kind.stage == Some(*stage));
            let choices =
                of_stage.map(|kind| choice("kind", &kind.id, lang.say(&kind.zh, &kind.en)));
            (names::stage(*stage, lang), choices.collect())
        })
        .collect();
    let categories = vocabulary
        .categories
        .iter()
        .map(|one| choice("category", &one.id, lang.say(&one.zh, &one.en)))
        .collect();
    let mut regions: Vec<Choice> = PROVINCES
        .iter()
        .map(|(code, zh, en)| choice("region", code, lang.say(zh, en)))
        .collect();
    let region = chosen("region");
    if !region.is_empty() && regions.iter().all(|one| !one.is_chosen) {
        regions.insert(0, choice("region", &region, &names::region(&region, lang)));
    }
    let mut publishers: Vec<Choice> = Vec::new();
    for key in api
        .ledger
        .keys()
        .keys()
        .filter(|key| key.role == Role::Publisher)
    {
        let name = key.vkey.name();
        if publishers.len() < PUBLISHERS_MAX
            && publishers.iter().all(|one| one.value.plain() != name)
        {
            publishers.push(choice(
                "publisher",
                name,
                &names::publisher(&api.ledger, name),
            ));
        }
    }
    Filters {
        // `words` is the box after its reading as an id was declined.
        q: Quoted::new(&if chosen("q").is_empty() {
            chosen("words")
        } else {
            chosen("q")
        }),
        from: Quoted::new(&chosen("from")),
        to: Quoted::new(&chosen("to")),
        stages,
        kinds,
        categories,
        regions,
        publishers,
        kept: ["id", "party"]
            .into_iter()
            .map(|name| (name, Quoted::new(value(pairs, name))))
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        periods: periods(pairs, api.ledger.wall_time(), lang),
    }
}

/// The platform's periods, each as a link with a date that stays what it is.
fn periods(pairs: &Pairs, now: Time, lang: Lang) -> Vec<(&'static str, String, bool)> {
    let (from, to) = (value(pairs, "from"), value(pairs, "to"));
    let mut all = vec![(lang.say("不限", "any time"), String::new())];
    for (days, zh, en) in [
        (0, "当天", "today"),
        (2, "近三天", "3 days"),
        (9, "近十天", "10 days"),
        (30, "近一月", "a month"),
        (91, "近三月", "3 months"),
        (182, "近六月", "6 months"),
    ] {
        let day = Time::from_ms(now.as_ms() - days * DAY_MS).map(beijing_day);
        all.push((lang.say(zh, en), day.unwrap_or_default()));
    }
    let other = pairs.iter().filter(|(name, value)| {
        !matches!(name.as_str(), "from" | "to" | "before") && !value.is_empty()
    });
    let other: Vec<(&str, &str)> = other
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    all.into_iter()
        .map(|(words, day)| {
            let is_shown = to.is_empty() && from == day;
            let mut conditions = other.clone();
            if !day.is_empty() {
                conditions.push(("from", &day));
            }
            (words, names::search_link(lang, &conditions), is_shown)
        })
        .collect()
}
