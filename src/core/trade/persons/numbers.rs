//! Numbers that belong to persons, in text: digits joined over what is written between them.

use std::ops::Range;

use super::view::{Gap, Unit, View, is_han};
use super::{Day, Found, What};
use crate::trade::identifiers::{
    card_number_is_valid, citizen_number_is_valid, mobile_number_is_valid,
    old_citizen_number_is_valid, uscc_is_valid,
};

/// The most signs that are written between two groups of one number.
const BETWEEN_MAX: usize = 2;
/// The most groups of one number: an old citizen's number, digit by digit, is the longest but one; 19 digits of a card the longest.
const GROUPS_MAX: usize = 19;
/// How far before a number the word for it may stand.
const LABEL_REACH: usize = 14;
/// Nobody of less than this age has a number in a notice unless it is called one; younger "birthdays" are the days of projects.
const AGE_MIN: u32 = 16;

const CITIZEN_LABELS: &[&str] = &[
    "身份证",
    "身份号",
    "公民身份",
    "证件号",
    "身份识别",
    "idcard",
    "idno",
    "sfz",
    "身份證",
    "证件",
    "居民证",
];
const PHONE_LABELS: &[&str] = &[
    "电话", "手机", "联系", "移动", "微信", "tel", "mobile", "phone", "cell", "热线", "電話",
    "号码", "致电", "☎",
];
const PASSPORT_LABELS: &[&str] = &[
    "护照",
    "通行证",
    "passport",
    "台胞证",
    "回乡证",
    "居留证",
    "居住证",
    "军官证",
    "士官证",
    "護照",
    "旅行证",
];
const ACCOUNT_LABELS: &[&str] = &["卡号", "账号", "帐号", "账户", "帐户", "银行"];
/// After these a run of digits is a quantity.
const UNITS: &[&str] = &[
    "元", "万", "亿", "吨", "㎡", "m2", "m3", "平方", "立方", "公里", "千克", "公斤", "度", "%",
];

/// Digits that stand together.
#[derive(Clone, Copy)]
struct Group {
    from: usize,
    to: usize,
    /// Whether it belongs to the number begun before it.
    joined: bool,
}

pub(super) fn find(view: &View, issued: Option<Day>, found: &mut Vec<Found>) {
    let units = &view.0;
    let low: Vec<char> = units
        .iter()
        .map(|unit| unit.c.to_ascii_lowercase())
        .collect();
    let groups = groups(units);
    let mut digests = digests(units).into_iter().peekable();
    let scan = Scan {
        view,
        units,
        low: &low,
        groups: &groups,
        issued,
    };
    let mut done = 0; // Units before are part of a number that was found.
    for (first, group) in groups.iter().enumerate() {
        let from = group.from;
        while digests.next_if(|digest| digest.end <= from).is_some() {}
        if from < done || digests.peek().is_some_and(|digest| digest.start <= from) {
            continue;
        }
        if let Some((what, range)) = scan.at(first) {
            done = range.end;
            found.push(Found {
                what,
                at: view.place(range),
            });
        }
    }
    scan.spelt(found);
    scan.passports(found);
    scan.addresses(found);
}

struct Scan<'s> {
    view: &'s View,
    units: &'s [Unit],
    low: &'s [char],
    groups: &'s [Group],
    issued: Option<Day>,
}

impl Scan<'_> {
    /// The number of a person that begins with this group, or stands in it.
    fn at(&self, first: usize) -> Option<(What, Range<usize>)> {
        let from = self.groups[first].from;
        let mut digits = String::new();
        let mut card = None;
        for (count, group) in self.groups[first..].iter().enumerate() {
            if count == GROUPS_MAX || count > 0 && !group.joined || digits.len() > 19 {
                break;
            }
            if group.to - group.from > 19 {
                break; // No number of a person is so long; what is in it is looked for below.
            }
            digits.extend(self.units[group.from..group.to].iter().map(|unit| unit.c));
            let range = from..group.to;
            // Fifteen digits have no check digit: side by side they may be anything.
            let whole = |what: &What| *what == What::CitizenNumber || count == 0;
            if let Some(what) = self.citizen(&digits, &range).filter(whole) {
                let check = usize::from(digits.len() == 17);
                return Some((what, from..group.to + check));
            }
            if let Some(prefix) = self.mobile(&digits, &range, count + 1, first) {
                let digit = (from..group.to)
                    .filter(|at| self.units[*at].c.is_ascii_digit())
                    .nth(prefix);
                return Some((What::MobileNumber, digit.unwrap_or(from)..group.to));
            }
            if card.is_none() && self.card(&digits, &range, count + 1) {
                card = Some(range);
            }
        }
        card.map(|range| (What::CardNumber, range))
            .or_else(|| self.inside(first))
    }

    /// In one unbroken run of more digits than the number has.
    fn inside(&self, first: usize) -> Option<(What, Range<usize>)> {
        let Group { from, to, .. } = self.groups[first];
        if to - from <= 17 {
            return None;
        }
        let digits: String = self.units[from..to].iter().map(|unit| unit.c).collect();
        // Eighteen digits somewhere in many are a citizen's number by chance one time in thirty thousand; at an end of them, seldom.
        let called = self.labelled(from, CITIZEN_LABELS);
        let of_account = self.labelled(from, ACCOUNT_LABELS) && !called;
        let citizen = (0..=digits.len() - 17).find_map(|at| {
            let end = (at + 18).min(digits.len());
            if of_account || !called && at > 0 && end < digits.len() {
                return None;
            }
            let what = self.citizen(&digits[at..end], &(from + at..from + end))?;
            Some((what, from + at..from + at + 18))
        });
        // A mobile number glued to another number, where the words before say that there is one.
        citizen.or_else(|| {
            self.labelled(from, PHONE_LABELS)
                .then(|| {
                    (0..=digits.len() - 11)
                        .step_by(11)
                        .find(|at| mobile_number_is_valid(&digits[*at..at + 11]))
                })
                .flatten()
                .filter(|_| digits.len().is_multiple_of(11))
                .map(|at| (What::MobileNumber, from + at..from + at + 11))
        })
    }

    /// `digits` without the check character if that is an X, which follows in the text.
    fn citizen(&self, digits: &str, range: &Range<usize>) -> Option<What> {
        let number = match digits.len() {
            17 if self.low.get(range.end) == Some(&'x') => format!("{digits}X"),
            18 | 15 => digits.to_owned(),
            _ => return None,
        };
        let labelled = self.labelled(range.start, CITIZEN_LABELS);
        if number.len() == 15 {
            return old_citizen_number_is_valid(&number).then_some(if labelled {
                What::CitizenNumber
            } else {
                What::LikeCitizenNumber
            });
        }
        if !citizen_number_is_valid(&number) || uscc_is_valid(&number) || self.is_in_uscc(range) {
            return None;
        }
        let born: u32 = number[6..14].parse().ok()?;
        let of_age = self
            .issued
            .is_none_or(|Day(issued)| born + AGE_MIN * 10_000 <= issued);
        let unborn = self.issued.is_some_and(|Day(issued)| born > issued);
        (of_age || labelled && !unborn).then_some(What::CitizenNumber)
    }

    /// Whether the letters and digits around are a social credit code.
    fn is_in_uscc(&self, range: &Range<usize>) -> bool {
        let run = self.run(range.start);
        run.len() == 18 && {
            let code: String = self.units[run].iter().map(|unit| unit.c).collect();
            uscc_is_valid(&code)
        }
    }

    /// The run of ASCII letters and digits around a unit, at most some fifty long.
    fn run(&self, at: usize) -> Range<usize> {
        let is_in = |at: usize| self.units[at].c.is_ascii_alphanumeric();
        let mut from = at;
        while from > 0 && at - from < 24 && is_in(from - 1) && self.units[from].gap == Gap::None {
            from -= 1;
        }
        let mut to = at + 1;
        while to < self.units.len() && to - at < 24 && is_in(to) && self.units[to].gap == Gap::None
        {
            to += 1;
        }
        from..to
    }

    /// How many digits of a prefix stand before the number, if it is a mobile one.
    fn mobile(
        &self,
        digits: &str,
        range: &Range<usize>,
        groups: usize,
        first: usize,
    ) -> Option<usize> {
        let number = digits.get(digits.len().checked_sub(11)?..)?;
        let prefix = &digits[..digits.len() - 11];
        if !matches!(prefix, "" | "0" | "86" | "086" | "0086") || !mobile_number_is_valid(number) {
            return None;
        }
        if self.labelled(range.start, PHONE_LABELS) {
            return Some(prefix.len());
        }
        // Eleven digits of a quantity are no telephone, and neither are numbers of a table side by side.
        let after = |words: &[&str]| {
            words
                .iter()
                .any(|word| self.view.starts_with(range.end, word))
        };
        let next = self.groups.get(first + groups).filter(|next| next.joined);
        let has_fraction = next.is_some_and(|next| {
            next.from == range.end + 1 && self.units[range.end].c == '.' && next.to - next.from <= 2
        });
        if after(UNITS) || has_fraction || self.is_fraction(first) {
            return None;
        }
        let lengths: Vec<usize> = self.groups[first..first + groups]
            .iter()
            .map(|group| group.to - group.from)
            .collect();
        let lengths = match lengths[..] {
            [country, ref rest @ ..] if country == prefix.len() && !prefix.is_empty() => rest,
            ref all => all,
        };
        // 196_2017-10-04 is a number and a day.
        if let [.., 4, 2, 2] = lengths[..]
            && self.is_day(&self.groups[first + groups - 3..first + groups])
        {
            return None;
        }
        let whole = prefix.len() + 11;
        let usual = match lengths {
            [one] => *one == 11 || *one == whole,
            [3 | 5 | 6 | 14.., 4, 4]
            | [3, 3, 5]
            | [4, 3, 4]
            | [3, 2, 2, 2, 2]
            | [3, 4, 2, 2]
            | [3, 3, 3, 2] => true,
            // TS1810158-2027 is a licence.
            _ if range.start > 0
                && self.units[range.start].gap == Gap::None
                && self.units[range.start - 1].c.is_ascii_alphabetic() =>
            {
                false
            }
            [3, 8] | [7, 4] | [5, 6] | [4, 7] | [6, 5] => !self.is_decimal(first, groups),
            many => many.iter().all(|length| *length == 1),
        };
        usual.then_some(prefix.len())
    }

    /// Whether the three groups are a year of our time, a month and a day.
    fn is_day(&self, groups: &[Group]) -> bool {
        let read = |group: &Group| {
            let digits = self.units[group.from..group.to].iter();
            digits.fold(0, |n, unit| n * 10 + unit.c.to_digit(10).unwrap_or(0))
        };
        let [year, month, day] = [0, 1, 2].map(|at| groups.get(at).map_or(0, read));
        (1900..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    }

    /// Whether a point stands before the group, with digits before it.
    fn is_fraction(&self, first: usize) -> bool {
        let group = self.groups[first];
        group.joined
            && group.from > 0
            && self.units[group.from - 1].c == '.'
            && first > 0
            && self.groups[first - 1].to + 1 == group.from
    }

    /// Whether the two groups are one decimal number.
    fn is_decimal(&self, first: usize, groups: usize) -> bool {
        groups == 2 && self.units[self.groups[first].to].c == '.'
    }

    /// Cards of the schemes in use, whole or in fours; any where the words before say so.
    fn card(&self, digits: &str, range: &Range<usize>, groups: usize) -> bool {
        let scheme =
            digits.starts_with("62") || digits.len() == 16 && digits.starts_with(['4', '5']);
        card_number_is_valid(digits)
            && !uscc_is_valid(digits)
            && !self.is_in_uscc(range)
            && (groups == 1 || groups <= 5 && range.len() >= digits.len())
            && (scheme || self.labelled(range.start, &["卡号", "银行卡", "储蓄卡", "工资卡"]))
    }

    fn labelled(&self, at: usize, words: &[&str]) -> bool {
        let from = at.saturating_sub(LABEL_REACH);
        let before: String = self.low[from..at].iter().collect();
        words.iter().any(|word| before.contains(word))
    }

    /// Numbers spelt with Chinese digits, one a character.
    fn spelt(&self, found: &mut Vec<Found>) {
        const DIGITS: [&str; 10] = [
            "〇零○",
            "一壹幺",
            "二贰两",
            "三叁",
            "四肆",
            "五伍",
            "六陆",
            "七柒",
            "八捌",
            "九玖",
        ];
        let value = |c: char| {
            DIGITS
                .iter()
                .position(|digit| digit.contains(c))
                .and_then(|digit| char::from_digit(u32::try_from(digit).ok()?, 10))
        };
        let mut from = 0;
        while from < self.units.len() {
            let digits: String = self.units[from..]
                .iter()
                .map_while(|unit| value(unit.c))
                .collect();
            let what = match digits.len() {
                11 if mobile_number_is_valid(&digits) => Some(What::MobileNumber),
                17 | 18 => self.citizen(&digits, &(from..from + digits.len())),
                _ => None,
            };
            if let Some(what) = what {
                found.push(Found {
                    what,
                    at: self.view.place(from..from + digits.len()),
                });
            }
            from += digits.len() + 1;
        }
    }

    /// Passports and permits where they are called so, and the form of Chinese passports alone.
    fn passports(&self, found: &mut Vec<Found>) {
        let mut at = 0;
        while at < self.units.len() {
            if !self.units[at].c.is_ascii_alphanumeric() {
                at += 1;
                continue;
            }
            let start = at;
            at += 1;
            while at < self.units.len()
                && self.units[at].c.is_ascii_alphanumeric()
                && self.units[at].gap == Gap::None
            {
                at += 1;
            }
            let mut end = at;
            // `E 1234 5678`, `E-12345678`
            while end < self.units.len() && end - start < 14 {
                let skip = usize::from(matches!(self.units[end].c, '-' | '.' | '_'));
                match self.units.get(end + skip) {
                    Some(unit)
                        if unit.c.is_ascii_digit() && (skip == 1 || unit.gap != Gap::Line) =>
                    {
                        end += skip + 1
                    }
                    _ => break,
                }
            }
            let token: String = self.low[start..end]
                .iter()
                .filter(|c| c.is_ascii_alphanumeric())
                .collect();
            let letters = token.len()
                - token
                    .trim_start_matches(|c: char| c.is_ascii_lowercase())
                    .len();
            let rest = &token[letters..];
            let digits = rest.len() >= 6 && rest.bytes().all(|b| b.is_ascii_digit());
            let chinese = token.len() == 9
                && token.starts_with('e')
                && letters <= 2
                && end == at
                && !self.is_part_of_code(start, end);
            if digits
                && letters <= 3
                && token.len() <= 11
                && (chinese || self.labelled(start, PASSPORT_LABELS))
            {
                found.push(Found {
                    what: What::Passport,
                    at: self.view.place(start..end),
                });
                at = at.max(end);
            }
        }
    }

    /// Whether a hyphen, slash or dot ties it to more letters or digits.
    fn is_part_of_code(&self, from: usize, to: usize) -> bool {
        let tie = |at: Option<usize>| {
            at.and_then(|at| self.units.get(at))
                .is_some_and(|unit| matches!(unit.c, '-' | '/' | '.' | '_' | '='))
        };
        tie(from.checked_sub(1)) || tie(Some(to))
    }

    fn addresses(&self, found: &mut Vec<Found>) {
        let is_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        for at in 0..self.units.len() {
            if self.units[at].c != '@' {
                continue;
            }
            let walk = |from: usize, step: isize| {
                let mut at = from;
                while let Some(next) = at
                    .checked_add_signed(step)
                    .filter(|next| from.abs_diff(*next) <= 64)
                {
                    let edge = if step > 0 { next } else { at };
                    let inside = self.units.get(next).is_some_and(|unit| is_local(unit.c));
                    let broken = self
                        .units
                        .get(edge)
                        .is_some_and(|unit| unit.gap != Gap::None)
                        && next.abs_diff(from) > 1;
                    if !inside || broken {
                        break;
                    }
                    at = next;
                }
                at
            };
            let (from, mut to) = (walk(at, -1), walk(at, 1));
            // 「…@example.cn。」: the stop ends the sentence.
            while to > at && !self.units[to].c.is_ascii_alphanumeric() {
                to -= 1;
            }
            let domain: String = self.low[at + 1..=to.max(at)].iter().collect();
            let top = domain.rsplit('.').next().unwrap_or_default();
            if from < at
                && domain.contains('.')
                && top.len() >= 2
                && top.bytes().all(|b| b.is_ascii_lowercase())
            {
                found.push(Found {
                    what: What::Email,
                    at: self.view.place(from..to + 1),
                });
            }
        }
    }
}

/// The groups of digits, each with whether it goes on with the number before.
fn groups(units: &[Unit]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < units.len() {
        if !units[at].c.is_ascii_digit() {
            at += 1;
            continue;
        }
        let from = at;
        at += 1;
        while at < units.len() && units[at].c.is_ascii_digit() && units[at].gap == Gap::None {
            at += 1;
        }
        let joined = groups.last().is_some_and(|last: &Group| {
            from - last.to <= BETWEEN_MAX
                && units[last.to..from].iter().all(|unit| {
                    matches!(
                        unit.c,
                        '-' | '.' | '·' | '_' | '/' | '(' | ')' | '~' | '\'' | '|' | '\\' | '+'
                    )
                })
        });
        groups.push(Group {
            from,
            to: at,
            joined,
        });
    }
    groups
}

/// Where digests and UUIDs stand: their digits are nobody's.
fn digests(units: &[Unit]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < units.len() {
        let from = at;
        let mut letters = 0;
        while at < units.len() && (at == from || units[at].gap == Gap::None) {
            let c = units[at].c;
            if !c.is_ascii_hexdigit() && (c != '-' || at == from) {
                break;
            }
            letters += usize::from(c.is_ascii_alphabetic());
            at += 1;
        }
        let cut = units
            .get(at)
            .is_some_and(|unit| unit.gap == Gap::None && unit.c.is_ascii_alphanumeric());
        let lengths: Vec<usize> = units[from..at]
            .split(|unit| unit.c == '-')
            .map(<[Unit]>::len)
            .collect();
        let uuid = lengths == [8, 4, 4, 4, 12];
        let hex = at - from >= 32 && letters >= 4;
        if !cut && (uuid || hex) && !units[from..at].iter().any(|unit| is_han(unit.c)) {
            found.push(from..at);
        }
        at = at.max(from + 1);
    }
    found
}
