//! Natural persons: whether a name is one's, and where a text names one or gives a number of one.
//!
//! One recogniser for whoever has to know: the door, the guard of a posting client, the importers. It looks at a normalised view of a text
//! (`view`: full width, invisible characters, spaces, dots and dashes of every kind as one form) and answers with places of the bytes
//! as they are. It guesses, so a client may say that a guess is wrong; only a citizen's number with its check character is sure.
//!
//! Promises: pure; time and memory linear in the text. Knows nothing of who lives, and keeps no list of persons.
//!
//! | part | what it knows |
//! | --- | --- |
//! | `view` | what a reader sees of a text, and where it stands in the bytes |
//! | `names` | names of parties, names in text |
//! | `latin` | words by which a name in Latin or Cyrillic letters is an organisation's |
//! | `numbers` | citizens' numbers, mobile numbers, cards, e-mail, passports |
//! | `words` | surnames, ends of bodies' names, words before and after names |

mod latin;
mod names;
mod numbers;
mod view;
mod words;

use std::ops::Range;

use view::View;

pub use latin::names_organisation;

/// What the name of a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A natural person's name, or a list that has one.
    Person,
    /// A body's, or nothing that looks like a person's.
    Body,
    /// Prose that stands where a name should.
    Text,
}

/// Something of a natural person in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub what: What,
    /// Its bytes in the text.
    pub at: Range<usize>,
}

/// What of a natural person stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// A citizen's identity number, by its check character or because it is called one.
    CitizenNumber,
    /// Fifteen digits that could be an old one.
    LikeCitizenNumber,
    /// A mobile number.
    MobileNumber,
    /// A bank card's number.
    CardNumber,
    /// An address for e-mail.
    Email,
    /// A passport's or permit's number.
    Passport,
    /// A name.
    Name,
}

/// A day as the number `yyyymmdd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub u32);

impl Day {
    /// The day of a time such as `2026-11-23T09:02:03+08:00`.
    #[must_use]
    pub fn of(time: &str) -> Option<Day> {
        let day: String = time.get(..10)?.chars().filter(|c| *c != '-').collect();
        (day.len() == 8)
            .then(|| day.parse().ok().map(Day))
            .flatten()
    }
}

/// Whose name stands where a party's should.
///
/// ```
/// use mingzhang_core::trade::persons::{Named, party};
/// assert_eq!(party("张 三"), Named::Person);
/// assert_eq!(party("买买提．吐尔逊（组长）"), Named::Person);
/// assert_eq!(party("示例县自然资源局"), Named::Body);
/// ```
#[must_use]
pub fn party(name: &str) -> Named {
    names::party(name)
}

/// The same at a place: who buys, acts as agent, supervises or makes is a body, unless the name begins as a person's does.
#[must_use]
pub(crate) fn party_at(name: &str, pointer: &str) -> Named {
    let role = pointer.rsplit('/').next().unwrap_or_default();
    let of_bodies = matches!(role, "buyer" | "agency" | "supervisor" | "maker" | "target");
    match party(name) {
        Named::Person if of_bodies && !names::begins_as_name(name) => Named::Body,
        named => named,
    }
}

/// Whether a name has words that only bodies have: enough to know one where persons may well stand.
#[must_use]
pub(crate) fn is_body(name: &str) -> bool {
    names::is_body(name)
}

/// Whether a name has no Chinese character: whom it names has a code of another register than China's, if any.
#[must_use]
pub fn is_foreign(name: &str) -> bool {
    !name.chars().any(view::is_han)
}

/// Whether a value of which nothing is known is a name by its surname or its form: 钟示例, 买买提·示例, 王*.
#[must_use]
pub(crate) fn is_name(value: &str) -> bool {
    names::is_name(value)
}

/// What of natural persons stands in a text. `issued`: the day of the notice; a "citizen's number" of somebody who would be younger
/// than 16 then is a number of region, day and serial, unless it is called a citizen's.
///
/// ```
/// use mingzhang_core::trade::persons::{What, scan};
/// let text = "联系人：张 三，电话 138-0013-8000";
/// let found: Vec<_> = scan(text, None).into_iter().map(|found| (found.what, &text[found.at])).collect();
/// assert_eq!(found, [(What::Name, "张 三"), (What::MobileNumber, "138-0013-8000")]);
/// ```
#[must_use]
pub fn scan(text: &str, issued: Option<Day>) -> Vec<Found> {
    let view = View::of(text);
    let mut found = Vec::new();
    numbers::find(&view, issued, &mut found);
    found.sort_by_key(|found| found.at.start);
    names::find(&view, &mut found);
    found.sort_by_key(|found| found.at.start);
    found
}

/// Whether a text holds a citizen's number, by the day on which the statement was issued.
pub(super) fn holds_citizen_number(text: &str, issued: Option<Day>) -> bool {
    scan(text, issued)
        .iter()
        .any(|found| found.what == What::CitizenNumber)
}

/// Where `name` stands in `text`, however either is spaced, dotted or widened.
#[must_use]
pub fn places_of(name: &str, text: &str) -> Vec<Range<usize>> {
    let folded = |view: &View| -> (String, Vec<usize>) {
        let mut plain = String::new();
        let mut units = Vec::new();
        for (at, unit) in view
            .0
            .iter()
            .enumerate()
            .filter(|(_, unit)| !view::is_joint(unit.c))
        {
            for c in unit.c.to_lowercase() {
                plain.push(c);
                units.resize(plain.len(), at);
            }
        }
        (plain, units)
    };
    let (wanted, _) = folded(&View::of(name));
    let view = View::of(text);
    let (plain, units) = folded(&view);
    if wanted.is_empty() {
        return Vec::new();
    }
    plain
        .match_indices(&wanted)
        .map(|(at, _)| view.place(units[at]..units[at + wanted.len() - 1] + 1))
        .collect()
}

#[cfg(test)]
mod tests;
