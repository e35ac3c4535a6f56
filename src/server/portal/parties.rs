//! Who takes part for how much: every party that the records of a project name, with the lot and the price beside it.

use super::names;
use super::quoted::Quoted;
use super::view::price;
use crate::lang::Lang;
use crate::ledger::EntryView;
use crate::trade::json::Value;
use crate::trade::vocabulary::{self, Field, Type, Vocabulary};

/// Levels that are looked through: no kind of the vocabulary is deeper.
const DEPTH_MAX: u8 = 6;

/// One party in one role.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub role: Quoted,
    pub name: Quoted,
    pub uscc: Quoted,
    pub link: Option<String>,
    pub lot: Quoted,
    pub price: Quoted,
    pub kind: Quoted,
    pub record: u64,
}

/// Parties in the order of the records; the same party in the same role, lot and price stands once, at its first record.
pub(super) fn parties(views: &[&EntryView], lang: Lang, limit: usize) -> Vec<Party> {
    let mut found: Vec<Party> = Vec::new();
    for view in views {
        let fields = view.statement.fields();
        let (Some(details), kind) = (fields.details(), fields.kind().unwrap_or_default()) else {
            continue;
        };
        let known: Vec<&Field> = vocabulary::kind(kind)
            .map(|kind| {
                kind.fields
                    .iter()
                    .chain(&Vocabulary::builtin().common)
                    .collect()
            })
            .unwrap_or_default();
        let mut walk = Walk {
            lang,
            kind: Quoted::short(&names::kind(kind, lang), 60),
            record: view.header.index,
            found: &mut found,
            limit,
        };
        walk.object(details, &known, 0);
    }
    found
}

struct Walk<'a> {
    lang: Lang,
    kind: Quoted,
    record: u64,
    found: &'a mut Vec<Party>,
    limit: usize,
}

impl Walk<'_> {
    fn object(&mut self, value: &Value<'_>, fields: &[&Field], depth: u8) {
        for (name, member) in value.members().unwrap_or_default() {
            let field = fields.iter().find(|field| field.name == *name).copied();
            for item in member.items().unwrap_or(std::slice::from_ref(member)) {
                self.member(value, name, item, field, depth);
            }
        }
    }

    fn member(
        &mut self,
        around: &Value<'_>,
        name: &str,
        item: &Value<'_>,
        field: Option<&Field>,
        depth: u8,
    ) {
        let is_party = match field.map(|field| &field.kind) {
            Some(Type::Party) => true,
            Some(Type::List(of)) => **of == Type::Party,
            Some(_) => false,
            None => item.get("uscc").is_some(),
        };
        if is_party {
            self.party(around, name, item, field);
        } else if item.members().is_some() && depth < DEPTH_MAX {
            let shape = field.and_then(|field| field.kind.shape());
            let shape = shape.and_then(|id| Vocabulary::builtin().shape(id));
            let fields: Vec<&Field> =
                shape.map_or_else(Vec::new, |shape| shape.fields.iter().collect());
            self.object(item, &fields, depth + 1);
        }
    }

    fn party(&mut self, around: &Value<'_>, name: &str, item: &Value<'_>, field: Option<&Field>) {
        let text = |of: &Value<'_>, member: &str| {
            of.get(member)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let called = text(item, "name");
        if called.is_empty() || self.found.len() >= self.limit {
            return;
        }
        let role = field.map_or(name, |field| self.lang.say(&field.zh, &field.en));
        let uscc = text(item, "uscc");
        let beside = ["price", "amount", "deal_price", "total"]
            .iter()
            .find_map(|name| around.get(name));
        let party = Party {
            role: Quoted::short(role, 60),
            name: Quoted::short(&called, 120),
            link: (!uscc.is_empty()).then(|| names::search_link(self.lang, &[("party", &uscc)])),
            uscc: Quoted::short(&uscc, 40),
            lot: Quoted::short(&text(around, "lot"), 64),
            price: Quoted::short(
                &beside.map_or_else(String::new, |value| price(value, self.lang)),
                120,
            ),
            kind: self.kind.clone(),
            record: self.record,
        };
        let is_known = self.found.iter().any(|known| {
            (&known.role, &known.name, &known.lot, &known.price)
                == (&party.role, &party.name, &party.lot, &party.price)
        });
        if !is_known {
            self.found.push(party);
        }
    }
}
