//! Names: of parties, and in text.

use std::ops::Range;

use super::view::{Gap, Unit, View, is_han, is_joint, is_mask};
use super::words::{
    AFTER, AMBIGUOUS_SURNAMES, BETWEEN, BODY_ENDS, BODY_LAST, BODY_LAST_SHORT, BODY_WORDS,
    COMPOUND_SURNAMES, COURTESIES, LABELS, NO_NAME, NOT_NAMES, PREFIXES, SUFFIXES, SURNAMES,
    TRANSCRIBING,
};
use super::{Found, Named, What, latin};

/// The longest name without a dot or a word of a body that is taken for a person's: 古丽巴哈尔买买提.
const HAN_MAX: usize = 8;
/// The longest name with dots.
const DOTTED_MAX: usize = 24;
/// A longer "name" that reads as prose is prose.
const PROSE_MIN: usize = 40;

/// What the name of a party is.
pub(super) fn party(name: &str) -> Named {
    let view = View::of(name);
    let units = &view.0;
    if units.len() > PROSE_MIN && units.iter().any(|unit| matches!(unit.c, '。' | ':' | ';')) {
        return Named::Text;
    }
    let is_person = pieces(units).iter().any(|piece| piece_is_person(piece));
    if is_person {
        Named::Person
    } else {
        Named::Body
    }
}

/// Whether words of bodies stand in it.
pub(super) fn is_body(name: &str) -> bool {
    let view = View::of(name);
    let pieces = pieces(&view.0);
    let is_one = |piece: &Vec<Unit>| {
        let name = text(piece);
        let has_word = BODY_WORDS.iter().any(|word| name.contains(word));
        let is_latin = !name.chars().any(is_han) && latin::names_organisation(&name);
        ends_as_body(&name) || has_word || is_latin
    };
    pieces.iter().any(is_one) && !pieces.iter().any(|piece| piece_is_person(piece))
}

/// Whether it is a name where nothing says that one stands here.
pub(super) fn is_name(value: &str) -> bool {
    let view = View::of(value);
    let whole = (view.0.len() <= DOTTED_MAX).then(|| name_at(&view, 0, Before::Space));
    let is_place = view.0.last().is_some_and(|unit| unit.c == '州');
    whole.flatten() == Some(view.0.len()) && !is_place
}

/// The parts of a list of names, without what is said of each in brackets.
fn pieces(units: &[Unit]) -> Vec<Vec<Unit>> {
    let mut pieces: Vec<Vec<Unit>> = vec![Vec::new()];
    let mut depth = 0_usize;
    // 「20万吨/年精制磷酸装置」 is no list.
    let is_list = units.len() <= 24;
    let closes = |unit: &Unit| matches!(unit.c, ')' | ']' | '】' | '〕' | '}' | '>' | '》' | '」');
    let last_end = units.iter().rposition(closes).unwrap_or_default();
    for (at, unit) in units.iter().enumerate() {
        match unit.c {
            // 「示例（湖北有限公司」: what does not end has not begun.
            '(' | '[' | '【' | '〔' | '{' | '<' | '《' | '「' => {
                depth += usize::from(at < last_end);
            }
            _ if closes(unit) => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '/' if !is_list => {}
            '、' | ',' | ';' | '/' | '|' | '&' | '+' | ':' | '。' | '\\' => {
                pieces.push(Vec::new())
            }
            _ => {
                if let Some(last) = pieces.last_mut() {
                    last.push(*unit);
                }
            }
        }
    }
    // 「PROMOCIONES EJEMPLO, S.A. DE C.V.」 is one name.
    let mut whole: Vec<Vec<Unit>> = Vec::new();
    for piece in pieces {
        match whole.last_mut() {
            Some(last) if latin::begins_as_legal_form(&spaced(&piece)) => last.extend(piece),
            _ => whole.push(piece),
        }
    }
    whole.into_iter().flat_map(|piece| words(&piece)).collect()
}

/// 「张三 李四」 are two, 「张 三」 is one, 「某市 建设局」 and 「示例 公司」 are one.
fn words(piece: &[Unit]) -> Vec<Vec<Unit>> {
    let mut words: Vec<Vec<Unit>> = Vec::new();
    for unit in piece {
        match words.last_mut() {
            Some(last) if unit.gap == Gap::None => last.push(*unit),
            _ => words.push(vec![*unit]),
        }
    }
    let short = |word: &Vec<Unit>| {
        (2..=4).contains(&word.len()) && word.iter().all(|unit| is_han(unit.c) || is_mask(unit.c))
    };
    if words.len() > 1
        && words.iter().all(short)
        && !words
            .iter()
            .map(|word| text(word))
            .any(|word| ends_as_body(&word) || BODY_ENDS.contains(&word.as_str()))
    {
        return words;
    }
    vec![piece.to_vec()]
}

fn text(units: &[Unit]) -> String {
    units.iter().map(|unit| unit.c).collect()
}

/// With white space where there is some.
fn spaced(units: &[Unit]) -> String {
    let gap = |unit: &Unit| (unit.gap != Gap::None).then_some(' ');
    units
        .iter()
        .flat_map(|unit| gap(unit).into_iter().chain([unit.c]))
        .collect()
}

fn piece_is_person(units: &[Unit]) -> bool {
    if !units.iter().any(|unit| is_han(unit.c) || is_mask(unit.c)) {
        return latin::is_person(&spaced(units));
    }
    let mut name = text(units);
    let (mut rest, mut told) = (name.as_str(), false);
    while let Some(after) = PREFIXES
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .filter(|after| after.chars().count() >= 2)
    {
        (rest, told) = (after, true);
    }
    while let Some(before) = SUFFIXES
        .iter()
        .find_map(|word| rest.strip_suffix(word))
        .filter(|before| !before.is_empty())
    {
        (rest, told) = (before, true);
    }
    // 张三1, 张三A: two of one name are told apart so; 张三等3人.
    let rest = rest.split("等").next().unwrap_or_default();
    let bare = rest.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    if bare.chars().count() >= 2 && rest.len() - bare.len() <= 2 {
        name = bare.to_owned();
    } else {
        name = rest.to_owned();
    }
    // 张三及李四, 张三与李四
    let joined = |c: char| matches!(c, '及' | '与' | '和' | '暨');
    if let Some((first, second)) = name.split_once(joined)
        && [first, second]
            .iter()
            .all(|part| is_person_word(part) && begins_with_surname(part))
    {
        return true;
    }
    is_person_word(&name) || told && name.chars().count() == 1 && begins_with_surname(&name)
}

/// One name, without white space, brackets and additions.
pub(super) fn is_person_word(name: &str) -> bool {
    let characters: Vec<char> = name.chars().collect();
    let count = characters.len();
    let letters = |c: &char| is_han(*c) || is_mask(*c);
    if !characters.iter().all(|c| letters(c) || is_joint(*c))
        || !characters.first().is_some_and(letters)
        || !characters.last().is_some_and(letters)
    {
        return false;
    }
    let has_joint = characters.iter().any(|c| is_joint(*c));
    let han = characters.iter().filter(|c| is_han(**c)).count();
    if han == 0 || ends_as_body(name) || BODY_WORDS.iter().any(|word| name.contains(word)) {
        return false;
    }
    if has_joint {
        return (2..=DOTTED_MAX).contains(&count);
    }
    let transcribing = characters
        .iter()
        .filter(|c| TRANSCRIBING.contains(**c))
        .count();
    (2..=4).contains(&count) || count <= HAN_MAX && transcribing * 4 >= count * 3
}

/// Whether a name ends as bodies' names do.
pub(super) fn ends_as_body(name: &str) -> bool {
    let count = name.chars().count();
    let Some(last) = name.chars().next_back() else {
        return false;
    };
    if BODY_ENDS
        .iter()
        .any(|end| name.ends_with(end) && count > 2.max(end.chars().count() - 1))
    {
        return true;
    }
    let short = count <= 3 && begins_with_surname(name)
        || count == 4
            && COMPOUND_SURNAMES
                .iter()
                .any(|surname| name.starts_with(surname));
    let dotted = name.contains(is_joint);
    if short && !name.contains('某') || dotted {
        BODY_LAST_SHORT.contains(last)
    } else {
        BODY_LAST.contains(last)
    }
}

/// Whether it begins with a surname, or has the dots or the marks of a person's name.
pub(super) fn begins_as_name(name: &str) -> bool {
    let name = text(&View::of(name).0);
    begins_with_surname(&name) || name.contains(is_joint) || name.contains(is_mask)
}

fn begins_with_surname(name: &str) -> bool {
    COMPOUND_SURNAMES
        .iter()
        .any(|surname| name.starts_with(surname))
        || name
            .chars()
            .next()
            .is_some_and(|c| SURNAMES.contains(c) || AMBIGUOUS_SURNAMES.contains(c))
}

/// How sure it is, by what stands before, that a name follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Before {
    /// A word such as 经理, and nothing between.
    Word,
    /// White space or a word like 为.
    Space,
    /// A colon, a bracket.
    Mark,
}

/// Names in running text: after words for people, and before courtesies and numbers of theirs.
pub(super) fn find(view: &View, found: &mut Vec<Found>) {
    let units = &view.0;
    let numbers: Vec<usize> = found
        .iter()
        .filter(|found| found.what != What::Email && found.what != What::CardNumber)
        .map(|found| found.at.start)
        .collect();
    let mut numbers = numbers
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>();
    let mut names: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < units.len() {
        if let Some(label) = label_at(view, at) {
            let (start, before) = after_label(view, at + label);
            let listed = list(view, start, before);
            match listed.last() {
                Some(last) => at = last.end,
                None => at += 1,
            }
            names.extend(listed);
            continue;
        }
        if let Some(name) = before_evidence(view, at, &mut numbers)
            && names.last().is_none_or(|last| last.end <= name.start)
        {
            names.push(name);
        }
        at += 1;
    }
    found.extend(names.into_iter().map(|name| Found {
        what: What::Name,
        at: view.place(name),
    }));
}

/// The length of a word for people that begins here.
fn label_at(view: &View, at: usize) -> Option<usize> {
    if !is_han(view.0[at].c) {
        return None;
    }
    LABELS
        .iter()
        .filter(|label| view.starts_with(at, label))
        .map(|label| label.chars().count())
        .max()
}

/// Where the name would begin, and what stands between.
fn after_label(view: &View, from: usize) -> (usize, Before) {
    let units = &view.0;
    let (mut at, mut before) = (from, Before::Word);
    for _ in 0..6 {
        let Some(unit) = units.get(at) else { break };
        if unit.gap != Gap::None {
            before = before.max(Before::Space);
        }
        if matches!(unit.c, ':' | '-' | '=' | '|' | '>' | '"' | '“' | '\'' | '·') {
            at += 1;
            before = Before::Mark;
        } else if matches!(unit.c, '(' | '[' | '【' | '<') {
            // 负责人（签字）：张三, and 项目负责人（张三）.
            let close = units[at..]
                .iter()
                .take(24)
                .position(|unit| matches!(unit.c, ')' | ']' | '】' | '>'));
            let inside = list(view, at + 1, Before::Word);
            match close {
                Some(close) if inside.is_empty() => at += close + 1,
                _ => {
                    at += 1;
                    before = Before::Mark;
                    break;
                }
            }
        } else if unit.c.is_ascii_digit()
            && units
                .get(at + 1)
                .is_some_and(|unit| !unit.c.is_ascii_digit())
        {
            at += 1; // 成员1：
        } else if let Some(word) = BETWEEN.iter().find(|word| view.starts_with(at, word)) {
            at += word.chars().count();
            before = before.max(Before::Space);
        } else {
            break;
        }
    }
    (at, before)
}

/// The names of a list that begins here.
fn list(view: &View, from: usize, before: Before) -> Vec<Range<usize>> {
    let units = &view.0;
    let mut names = Vec::new();
    let (mut at, mut before) = (from, before);
    while let Some(end) = name_at(view, at, before) {
        names.push(at..end);
        at = end;
        // What is said of him in brackets.
        if units.get(at).is_some_and(|unit| unit.c == '(') {
            match units[at..].iter().take(24).position(|unit| unit.c == ')') {
                Some(close) => at += close + 1,
                None => break,
            }
        }
        let Some(next) = units.get(at) else { break };
        if matches!(next.c, '、' | ',' | ';' | '/' | '|' | '&' | '+') {
            at += 1;
            before = Before::Mark.min(before.max(Before::Space));
        } else if matches!(next.c, '和' | '及' | '与') {
            at += 1;
            before = Before::Word;
        } else if view.starts_with(at, "以及") {
            at += 2;
            before = Before::Word;
        } else if next.gap != Gap::None {
            before = Before::Space;
        } else {
            break;
        }
    }
    names
}

/// Where a name that begins here ends.
fn name_at(view: &View, from: usize, before: Before) -> Option<usize> {
    let units = &view.0;
    let character = |at: usize| units.get(at).map(|unit| unit.c);
    let is_part = |at: usize| character(at).is_some_and(|c| is_han(c) || is_mask(c));
    if !is_part(from) || character(from).is_some_and(|c| is_mask(c) && c != '某') {
        return None;
    }
    // The first unbroken piece; a surname alone goes on behind a space.
    let mut end = from + 1;
    while end - from < DOTTED_MAX
        && (is_part(end) || character(end).is_some_and(is_joint) && is_part(end + 1))
    {
        if units[end].gap != Gap::None {
            let alone = text(&units[from..end]);
            let surname = end - from == 1 && begins_with_surname(&alone)
                || COMPOUND_SURNAMES.contains(&alone.as_str());
            let next = (end + 1..units.len().min(end + 4))
                .find(|at| units[*at].gap != Gap::None || !is_part(*at))
                .unwrap_or(units.len().min(end + 4));
            if !(surname && units[end].gap == Gap::Space && next - end <= 2) {
                break;
            }
        }
        if end > from && cut_at(view, from, end) {
            break;
        }
        end += 1;
    }
    let name = text(&units[from..end]);
    let count = end - from;
    let rest_is_courtesy = COURTESIES
        .iter()
        .any(|word| view.starts_with(end.min(units.len()), word));
    let surname = begins_with_surname(&name);
    if rest_is_courtesy && count <= 4 && (surname || before != Before::Word) {
        return Some(end);
    }
    let masked = name.chars().any(is_mask);
    let dotted = name.chars().any(is_joint) && !masked;
    // 资料员 in a list of posts is another post.
    let is_post = name.ends_with('员') || LABELS.contains(&name.as_str());
    if is_post
        || !is_person_word(&name)
        || NOT_NAMES
            .iter()
            .chain(NO_NAME)
            .any(|word| name.starts_with(word))
    {
        return None;
    }
    if masked {
        let is_name = count <= 6 && (surname || before == Before::Mark || name.starts_with('某'));
        return is_name.then_some(end);
    }
    if dotted {
        return (name.contains('·') || before == Before::Mark).then_some(end);
    }
    let compound = COMPOUND_SURNAMES
        .iter()
        .any(|surname| name.starts_with(surname));
    let length_fits = (2..=if compound { 4 } else { 3 }).contains(&count);
    let sure = name.chars().next().is_some_and(|c| SURNAMES.contains(c)) || compound;
    let fits = match before {
        Before::Word => sure && length_fits,
        Before::Space => surname && length_fits,
        Before::Mark => length_fits || count == 4,
    };
    fits.then_some(end)
}

/// Whether the name before `at` ends there because other words begin.
fn cut_at(view: &View, from: usize, at: usize) -> bool {
    let count = at - from;
    let after = |words: &[&str]| words.iter().any(|word| view.starts_with(at, word));
    if count == 1 {
        return COURTESIES.iter().any(|word| view.starts_with(at, word));
    }
    count >= 2 && (after(AFTER) || after(LABELS))
}

/// A name before a courtesy, before 「（组长）」 or before a number of a person.
fn before_evidence(
    view: &View,
    at: usize,
    numbers: &mut std::collections::BTreeSet<usize>,
) -> Option<Range<usize>> {
    let units = &view.0;
    let place = view.place(at..at + 1).start;
    let is_number = numbers.first() == Some(&place);
    if is_number {
        numbers.pop_first();
    }
    const ROLES: [&str; 10] = [
        "身份证",
        "护照",
        "(组长",
        "(主任",
        "(自然人",
        "(身份证",
        "(手机",
        "(电话",
        "(联系",
        "(评标",
    ];
    let courtesy = COURTESIES.iter().any(|word| view.starts_with(at, word));
    let role = matches!(units[at].c, '(' | '身' | '护')
        && ROLES.iter().any(|word| view.starts_with(at, word));
    if !(is_number || courtesy || role) {
        return None;
    }
    let mut end = at;
    while end > 0 && matches!(units[end - 1].c, '(' | ':' | ',' | '、') {
        end -= 1;
    }
    // The longest of four, three, two characters that can be a name, from a place where one may begin.
    let longest = (2..=4)
        .rev()
        .filter_map(|count| end.checked_sub(count))
        .find(|from| {
            let name = text(&units[*from..end]);
            let begins = *from == 0 || units[*from].gap != Gap::None || !is_han(units[*from - 1].c);
            let four = name.chars().count() == 4;
            let compound = COMPOUND_SURNAMES
                .iter()
                .any(|surname| name.starts_with(surname));
            let sure = name.chars().next().is_some_and(|c| SURNAMES.contains(c)) || compound;
            (begins && begins_with_surname(&name) || sure)
                && (!four || compound)
                && name_at(view, *from, Before::Space) == Some(end)
        })?;
    Some(longest..end)
}
