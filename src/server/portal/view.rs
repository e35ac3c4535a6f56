//! What a statement says, as rows and tables with their labels: the model that pages are filled from, without a word of HTML.
//!
//! Labels come from the vocabulary; a member that it does not know is labelled by its own name, because what stands in a log is shown
//! whatever it is. Promises: every member of `details` is shown, each commitment as shown, withheld, erased or not opened, and why.

use std::collections::HashMap;
use std::sync::Arc;

use super::names::{self, beijing};
use super::quoted::Quoted;
use super::words::words;
use crate::lang::Lang;
use crate::trade::commitment::Openings;
use crate::trade::json::{self, Value};
use crate::trade::names::parse_hash;
use crate::trade::orders::Given;
use crate::trade::statement::Act;
use crate::trade::time::OffsetTime;
use crate::trade::vocabulary::{Field, Kind, Type, Vocabulary};

/// Levels of objects that are shown as rows; what lies deeper is shown as it is written.
const DEPTH_MAX: u8 = 4;

/// A piece of the content.
#[derive(Debug)]
pub(super) enum Block {
    /// Label and value, one below the other.
    Rows(Vec<Row>),
    /// A list of like things.
    Grid(Grid),
}

/// One field.
#[derive(Debug)]
pub(super) struct Row {
    pub label: Quoted,
    /// 0 for a field of the notice, more inside an object.
    pub depth: u8,
    /// None if the row only heads those below it.
    pub cells: Vec<Cell>,
}

/// A list with a head.
#[derive(Debug)]
pub(super) struct Grid {
    pub label: Quoted,
    pub heads: Vec<Quoted>,
    /// A row has as many places as there are heads.
    pub rows: Vec<Vec<Vec<Cell>>>,
}

/// One value.
#[derive(Debug)]
pub(super) enum Cell {
    Text(Quoted),
    /// Hashes and numbers to be compared.
    Code(Quoted),
    Link {
        href: String,
        text: Quoted,
    },
    Time {
        shown: String,
        iso: String,
    },
    Party {
        name: Quoted,
        uscc: Option<Quoted>,
        href: Option<String>,
    },
    /// A commitment whose value may be shown.
    Opened(Quoted),
    /// A commitment whose value is not.
    Sealed(Sealed),
}

/// Why a value is not shown.
#[derive(Debug)]
pub(super) struct Sealed {
    /// `withheld`, `erased` or `sealed`: the class in the style sheet.
    pub state: &'static str,
    pub state_word: &'static str,
    /// In words: the class, the basis.
    pub why: Quoted,
    /// The record of the order.
    pub order: Option<u64>,
    pub commitment: Quoted,
}

/// What is known of the commitments of one statement.
#[derive(Debug, Default)]
pub(super) struct Seals {
    pub openings: Option<Openings>,
    /// Orders that keep an opening back, by its pointer.
    pub kept_back: HashMap<String, Arc<Given>>,
}

/// The members of `value`, labelled by the fields of `kind`. `pointer` is where `value` stands; `skip` names members that the page
/// shows elsewhere.
pub(super) fn blocks(
    value: &Value<'_>,
    pointer: &str,
    kind: Option<&Kind>,
    skip: &[&str],
    seals: &Seals,
    lang: Lang,
) -> Vec<Block> {
    let vocabulary = Vocabulary::builtin();
    let fields: Vec<&Field> = kind
        .map(|kind| kind.fields.iter().chain(&vocabulary.common).collect())
        .unwrap_or_default();
    let mut writer = Writer {
        seals,
        lang,
        blocks: Vec::new(),
    };
    writer.object(value, &fields, pointer, 0, skip);
    writer.blocks
}

struct Writer<'a> {
    seals: &'a Seals,
    lang: Lang,
    blocks: Vec<Block>,
}

impl Writer<'_> {
    fn row(&mut self, row: Row) {
        match self.blocks.last_mut() {
            Some(Block::Rows(rows)) => rows.push(row),
            _ => self.blocks.push(Block::Rows(vec![row])),
        }
    }

    fn object(&mut self, value: &Value<'_>, fields: &[&Field], at: &str, depth: u8, skip: &[&str]) {
        for (name, member) in value.members().unwrap_or_default() {
            if depth == 0 && skip.contains(name) {
                continue;
            }
            let field = fields.iter().find(|field| field.name == *name).copied();
            let label = label(name, field, self.lang);
            let pointer = format!("{at}/{name}");
            if let Some(grid) = self.grid(&label, member, field, &pointer) {
                self.blocks.push(Block::Grid(grid));
                continue;
            }
            let cells = self.cells(member, field, &pointer);
            if let (None, Some(_), true) = (&cells, member.members(), depth < DEPTH_MAX) {
                self.row(Row {
                    label,
                    depth,
                    cells: Vec::new(),
                });
                let inner = shape_fields(field);
                self.object(member, &inner, &pointer, depth + 1, &[]);
                continue;
            }
            let cells = cells.unwrap_or_else(|| vec![as_written(member)]);
            self.row(Row {
                label,
                depth,
                cells,
            });
        }
    }

    /// A list of objects that are no single values.
    fn grid(
        &self,
        label: &Quoted,
        value: &Value<'_>,
        field: Option<&Field>,
        at: &str,
    ) -> Option<Grid> {
        let items = value.items()?;
        let is_grid = !items.is_empty()
            && items.iter().all(|item| item.members().is_some())
            && items
                .iter()
                .any(|item| self.leaf(item, field.map(item_type).as_ref(), at).is_none());
        if !is_grid {
            return None;
        }
        let fields = shape_fields(field);
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in items
            .iter()
            .flat_map(|item| item.members().unwrap_or_default())
        {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let field_of = |name: &str| fields.iter().find(|field| field.name == name).copied();
        let rows = items.iter().enumerate().map(|(n, item)| {
            let cell = |name: &&str| {
                let pointer = format!("{at}/{n}/{name}");
                item.get(name).map_or_else(Vec::new, |member| {
                    self.cells(member, field_of(name), &pointer)
                        .unwrap_or_else(|| vec![as_written(member)])
                })
            };
            names.iter().map(cell).collect()
        });
        let rows = rows.collect();
        let heads = names
            .iter()
            .map(|name| self::label(name, field_of(name), self.lang))
            .collect();
        Some(Grid {
            label: label.clone(),
            heads,
            rows,
        })
    }

    /// A value or a list of values; `None` if it is more than that.
    fn cells(&self, value: &Value<'_>, field: Option<&Field>, at: &str) -> Option<Vec<Cell>> {
        let kind = field.map(|field| &field.kind);
        let Some(items) = value.items() else {
            return self.leaf(value, kind, at).map(|cell| vec![cell]);
        };
        let of = field.map(item_type);
        let cells = items
            .iter()
            .enumerate()
            .map(|(n, item)| self.leaf(item, of.as_ref(), &format!("{at}/{n}")));
        cells.collect()
    }

    fn leaf(&self, value: &Value<'_>, kind: Option<&Type>, at: &str) -> Option<Cell> {
        let w = words(self.lang);
        Some(match value {
            Value::Null => Cell::Text(Quoted::new(w.none)),
            Value::Bool(yes) => Cell::Text(Quoted::new(if *yes { w.yes } else { w.no })),
            Value::Integer(n) => Cell::Text(Quoted::new(&n.to_string())),
            Value::String(text) if parse_hash(text).is_ok() => Cell::Code(Quoted::new(text)),
            Value::String(text) => match OffsetTime::parse(text) {
                Ok(time) if kind.is_none_or(|kind| *kind == Type::DateTime) => time_cell(&time),
                _ => Cell::Text(Quoted::new(text)),
            },
            Value::Array(_) => return None,
            Value::Object(members) => return self.known_object(value, members.len(), kind, at),
        })
    }

    fn known_object(
        &self,
        value: &Value<'_>,
        count: usize,
        kind: Option<&Type>,
        at: &str,
    ) -> Option<Cell> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        if let (Some(commitment), Some(class)) = (text("commitment"), text("class")) {
            return Some(self.commitment(commitment, class, at));
        }
        let only = |known: &[&str]| {
            value
                .members()
                .unwrap_or_default()
                .iter()
                .all(|(name, _)| known.contains(name))
        };
        if text("form").is_some() && only(&["form", "amount", "currency", "rate", "text", "unit"]) {
            return Some(Cell::Text(Quoted::new(&price(value, self.lang))));
        }
        if let (Some(name), true) = (text("name"), only(&["name", "uscc"])) {
            let uscc = text("uscc");
            return Some(Cell::Party {
                name: Quoted::new(name),
                uscc: uscc.map(Quoted::new),
                href: uscc.map(|code| names::search_link(self.lang, &[("party", code)])),
            });
        }
        if let (Some(name), Some(digest), Some(Type::Document)) =
            (text("name"), text("sha256"), kind)
            && parse_hash(digest).is_ok()
            && count <= 4
        {
            return Some(Cell::Link {
                href: format!("/api/v1/documents/{digest}"),
                text: Quoted::new(name),
            });
        }
        None
    }

    fn commitment(&self, commitment: &str, class: &str, at: &str) -> Cell {
        let w = words(self.lang);
        let opening = self.seals.openings.as_ref().and_then(|all| all.get(at));
        if let Some(opening) = opening {
            return Cell::Opened(Quoted::new(&opening.value));
        }
        let kept_back = self.seals.kept_back.get(at);
        let (state, state_word, why) = match kept_back {
            Some(given) if given.order.act == Act::Erase => {
                ("erased", w.erased, reason(given, self.lang))
            }
            Some(given) => ("withheld", w.withheld, reason(given, self.lang)),
            None => (
                "sealed",
                w.sealed,
                names::commitment_class(class, self.lang)
                    .map_or_else(|| class.to_owned(), str::to_owned),
            ),
        };
        Cell::Sealed(Sealed {
            state,
            state_word,
            why: Quoted::new(&why),
            order: kept_back.map(|given| given.record),
            commitment: Quoted::new(commitment),
        })
    }
}

/// Class and basis of an order, in one line.
pub(super) fn reason(given: &Given, lang: Lang) -> String {
    let class = names::order_class(given.order.class, lang);
    let basis = &given.order.basis;
    lang.say(format!("{class}；{basis}"), format!("{class}; {basis}"))
}

/// `{form, amount?, currency?, rate?, text?}` as people write it.
pub(super) fn price(value: &Value<'_>, lang: Lang) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let mut parts: Vec<String> = Vec::new();
    if let Some(amount) = text("amount") {
        let currency = text("currency").unwrap_or("CNY");
        parts.push(match (currency, lang) {
            ("CNY", Lang::Zh) => format!("{} 元", thousands(amount)),
            _ => format!("{currency} {}", thousands(amount)),
        });
    }
    if let Some(rate) = text("rate") {
        parts.push(format!("{rate}%"));
    }
    if let Some(words) = text("text") {
        parts.push(if parts.is_empty() {
            words.to_owned()
        } else {
            lang.say(format!("（{words}）"), format!("({words})"))
        });
    }
    parts.join(" ")
}

/// `17936800.00` as `17,936,800.00`; what is no decimal number stays as it is.
fn thousands(amount: &str) -> String {
    let (whole, rest) = amount
        .split_once('.')
        .map_or((amount, None), |(a, b)| (a, Some(b)));
    if whole.len() < 4 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return amount.to_owned();
    }
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match rest {
        Some(rest) => format!("{grouped}.{rest}"),
        None => grouped,
    }
}

/// A time that somebody states, on the clock of Beijing.
pub(super) fn time_cell(time: &OffsetTime) -> Cell {
    Cell::Time {
        shown: beijing(time.time),
        iso: time.to_string(),
    }
}

fn label(name: &str, field: Option<&Field>, lang: Lang) -> Quoted {
    match field {
        Some(field) => Quoted::new(lang.say(&field.zh, &field.en)),
        None => Quoted::new(names::member(name, lang).unwrap_or(name)),
    }
}

fn item_type(field: &Field) -> Type {
    match &field.kind {
        Type::List(of) => (**of).clone(),
        other => other.clone(),
    }
}

fn shape_fields(field: Option<&Field>) -> Vec<&'static Field> {
    let shape = field
        .and_then(|field| field.kind.shape())
        .and_then(|id| Vocabulary::builtin().shape(id));
    shape.map_or_else(Vec::new, |shape| shape.fields.iter().collect())
}

fn as_written(value: &Value<'_>) -> Cell {
    Cell::Code(Quoted::new(&json::encode(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, kind: &str) -> Vec<Block> {
        let value = json::parse(text.as_bytes()).unwrap();
        let kind = Vocabulary::builtin().kind(kind);
        blocks(&value, "/details", kind, &[], &Seals::default(), Lang::Zh)
    }

    #[test]
    fn prices_are_written_as_people_write_them() {
        #[track_caller]
        fn check(text: &str, zh: &str) {
            let value = json::parse(text.as_bytes()).unwrap();
            assert_eq!(price(&value, Lang::Zh), zh);
        }
        check(
            r#"{"form":"amount","amount":"17936800.00","currency":"CNY"}"#,
            "17,936,800.00 元",
        );
        check(
            r#"{"form":"amount","amount":"999","currency":"USD"}"#,
            "USD 999",
        );
        check(
            r#"{"form":"amount","amount":"=1+1","currency":"CNY"}"#,
            "=1+1 元",
        );
        check(
            r#"{"form":"rate","rate":"1.80","text":"施工合同价的1.80%"}"#,
            "1.80% （施工合同价的1.80%）",
        );
        check(r#"{"form":"other","text":"面议"}"#, "面议");
    }

    #[test]
    fn fields_have_the_labels_of_the_vocabulary_and_lists_are_tables() {
        let blocks = told(
            r#"{"buyer":{"name":"甲","uscc":"11430382DEM000014B"},"awards":[{"lot":"1","winner":{"name":"乙"},"price":{"form":"amount","amount":"1000"}}],"unheard_of":{"a":{"b":[1,{"c":2}]}}}"#,
            "award_notice",
        );
        let [Block::Rows(rows), Block::Grid(grid), Block::Rows(rest)] = &blocks[..] else {
            panic!("{blocks:?}");
        };
        assert!(
            matches!(&rows[0].cells[..], [Cell::Party { href: Some(href), .. }] if href.contains("party=11430382DEM000014B"))
        );
        assert_eq!((grid.heads.len(), grid.rows.len()), (3, 1));
        assert!(grid.heads.iter().all(|head| !head.plain().is_ascii()));
        // What nobody knows is shown by its own name, and to the bottom.
        assert_eq!(rest[0].label.plain(), "unheard_of");
        assert!(
            format!("{rest:?}").contains("[1,{\\\"c\\\":2}]"),
            "{rest:?}"
        );
    }

    #[test]
    fn a_commitment_without_its_opening_says_so() {
        let text = format!(
            r#"{{"experts":[{{"commitment":"{}","class":"person"}}]}}"#,
            "ab".repeat(32)
        );
        let blocks = told(&text, "award_notice");
        let [Block::Rows(rows)] = &blocks[..] else {
            panic!("{blocks:?}");
        };
        assert!(
            matches!(&rows[0].cells[..], [Cell::Sealed(sealed)] if sealed.state == "sealed" && sealed.order.is_none())
        );
    }
}
