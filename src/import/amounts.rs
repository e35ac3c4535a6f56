//! Money and rates as notices write them: read exactly, or not at all.
//!
//! | written | read |
//! | --- | --- |
//! | `20797381.58元`, `２０７９７３８１．５８`, `20,797,381.58`, `￥20797381.58` | the digits |
//! | `2079.738158万元`, `2.079738158E7` | the point moves, no digit is lost |
//! | `贰仟零柒拾玖万柒仟叁佰捌拾壹元伍角捌分` | its value in digits |
//! | `12,34.5元`, `约5万元`, `/`, `详见附件` | no amount: the words are kept |

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// The most digits of an amount that are written out.
const DIGITS_MAX: usize = 64;
/// What sources write where they have nothing to say.
const NO_VALUE: [&str; 9] = ["", "/", "\\", "-", "--", "—", "无", "未提供", "／"];

/// Whether a source says nothing with this.
pub(super) fn says_nothing(text: &str) -> bool {
    NO_VALUE.contains(&text.trim())
}

pub(super) fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

/// `1.5e3` as `1500`: exact, or nothing where that would be endless.
pub(super) fn without_exponent(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let by: i32 = exponent.parse().ok()?;
    if !is_decimal(mantissa) || by.unsigned_abs() > 40 {
        return None;
    }
    Some(format!("{sign}{}", moved(mantissa, by)?))
}

/// The point of a decimal moved: to the right where `by` is positive.
fn moved(number: &str, by: i32) -> Option<String> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    let point = i64::try_from(whole.len()).ok()? + i64::from(by);
    let made = if point <= 0 {
        let zeros = usize::try_from(-point).ok()?;
        format!("0.{}{digits}", "0".repeat(zeros))
    } else {
        let point = usize::try_from(point).ok()?;
        let digits = format!("{digits:0<point$}");
        let (whole, part) = digits.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if part.is_empty() {
            whole.to_owned()
        } else {
            format!("{whole}.{part}")
        }
    };
    (made.len() <= DIGITS_MAX).then_some(made)
}

/// The text in one form: full width as half, without spaces.
fn squeezed(text: &str) -> String {
    let wide = |c: char| match c {
        '，' => ',',
        '。' => '.',
        c => c,
    };
    text.nfkc()
        .filter(|c| !c.is_whitespace())
        .map(wide)
        .collect()
}

/// Digits without thousands marks; marks that stand elsewhere than every three digits make it no number.
fn unmarked(text: &str) -> Option<String> {
    if !text.contains(',') {
        return is_decimal(text).then(|| text.to_owned());
    }
    let (whole, part) = match text.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (text, None),
    };
    let mut groups = whole.split(',');
    let first = groups
        .next()
        .filter(|first| (1..=3).contains(&first.len()))?;
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    if let Some(part) = part {
        digits.push('.');
        digits.push_str(part);
    }
    is_decimal(&digits).then_some(digits)
}

/// An amount in yuan, if the text is nothing but one. `bare`: whether digits alone are yuan, because the column says so.
pub(super) fn yuan(text: &str, bare: bool) -> Option<String> {
    let text = squeezed(text);
    let mut rest = text.as_str();
    let mut is_money = bare;
    for mark in ["人民币", "RMB", "CNY"] {
        rest = rest.strip_prefix(mark).unwrap_or(rest);
        rest = rest.strip_suffix(mark).unwrap_or(rest);
    }
    rest = rest.strip_prefix([':', '：']).unwrap_or(rest);
    if let Some(number) = rest.strip_prefix(['¥', '￥']) {
        (rest, is_money) = (number, true);
    }
    if let Some(amount) = in_words(rest) {
        return Some(amount);
    }
    // 「20797381.58元(大写:贰仟…)」: both must say the same.
    if let Some((figures, words)) = rest.strip_suffix(')').and_then(|both| both.split_once('(')) {
        let words = words.strip_prefix("大写").unwrap_or(words);
        let words = words.strip_prefix([':', '：']).unwrap_or(words);
        let words = in_words(words.strip_prefix("人民币").unwrap_or(words))?;
        let figures = yuan(figures, bare)?;
        return (trimmed(&figures) == trimmed(&words)).then_some(figures);
    }
    rest = rest.strip_suffix('整').unwrap_or(rest);
    let (number, by) = if let Some(number) = rest.strip_suffix("亿元") {
        (number, 8)
    } else if let Some(number) = rest.strip_suffix("万元") {
        (number, 4)
    } else if let Some(number) = rest.strip_suffix(['元', '圆']) {
        (number, 0)
    } else if is_money {
        (rest, 0)
    } else {
        return None;
    };
    let plain = match unmarked(number) {
        Some(plain) => plain,
        // 「0E-8」 is what a program writes for a number it does not have.
        None => {
            without_exponent(number).filter(|digits| digits.contains(|c| matches!(c, '1'..='9')))?
        }
    };
    if by == 0 {
        Some(plain)
    } else {
        moved(&plain, by)
    }
}

/// Without the zeros that say nothing.
fn trimmed(number: &str) -> &str {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// 「贰仟零柒拾玖万柒仟叁佰捌拾壹元伍角捌分」 in digits; only the characters of bank forms are taken, and they must add up as they are written.
fn in_words(text: &str) -> Option<String> {
    let (whole, rest) = text.split_once(['元', '圆'])?;
    let whole = words_to_number(whole)?;
    let digit = |text: &str| {
        let mut chars = text.chars();
        let digit = numeral(chars.next()?)?;
        chars.next().is_none().then_some(digit)
    };
    let rest = rest
        .strip_suffix('整')
        .or_else(|| rest.strip_suffix('正'))
        .unwrap_or(rest);
    let (tenths, rest) = match rest.split_once('角') {
        Some((tenths, rest)) => (
            digit(
                tenths
                    .strip_prefix('零')
                    .filter(|t| !t.is_empty())
                    .unwrap_or(tenths),
            )?,
            rest,
        ),
        None => (0, rest),
    };
    let hundredths = match rest.strip_suffix('分') {
        Some(text) => digit(
            text.strip_prefix('零')
                .filter(|t| !t.is_empty())
                .unwrap_or(text),
        )?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(match (tenths, hundredths) {
        (0, 0) => whole.to_string(),
        _ => format!("{whole}.{tenths}{hundredths}"),
    })
}

fn numeral(c: char) -> Option<u64> {
    let at = "零壹贰叁肆伍陆柒捌玖".chars().position(|known| known == c);
    at.and_then(|at| u64::try_from(at).ok())
}

fn words_to_number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let (mut sum, mut section, mut digit): (u64, u64, Option<u64>) = (0, 0, None);
    let (mut unit_before, mut big_before) = (u64::MAX, u64::MAX);
    for c in text.chars() {
        if let Some(read) = numeral(c) {
            if digit.is_some_and(|digit| digit != 0) {
                return None;
            }
            digit = Some(read);
            continue;
        }
        let unit = match c {
            '拾' => 10,
            '佰' => 100,
            '仟' => 1_000,
            '万' | '萬' => 10_000,
            '亿' | '億' => 100_000_000,
            _ => return None,
        };
        if unit < 10_000 {
            if unit >= unit_before {
                return None;
            }
            section += digit.take().filter(|digit| *digit != 0)? * unit;
            unit_before = unit;
        } else {
            if unit >= big_before {
                return None;
            }
            section += digit.take().unwrap_or(0);
            if section == 0 {
                return None;
            }
            sum += section * unit;
            (section, unit_before, big_before) = (0, u64::MAX, unit);
        }
    }
    Some(sum + section + digit.unwrap_or(0))
}

/// A price as it stands: an amount if it is nothing but one, a rate, a unit price, else its words. Nothing where nothing is said.
pub(super) fn price(text: &str, bare: bool) -> Option<Value> {
    if says_nothing(text) {
        return None;
    }
    let text = text.trim();
    if let Some(amount) = yuan(text, bare) {
        return Some(
            json!({ "form": "amount", "amount": amount, "currency": "CNY", "text": text }),
        );
    }
    if let Some(rate) = rate(text) {
        return Some(json!({ "form": "rate", "rate": rate, "text": text }));
    }
    if let Some((number, unit)) = text.split_once("元/")
        && is_decimal(number)
        && (1..=4).contains(&unit.chars().count())
        && !unit.contains(char::is_whitespace)
    {
        return Some(json!({ "form": "unit_price", "text": text }));
    }
    Some(json!({ "form": "other", "text": text }))
}

/// 「下浮率：20.5%」, 「20.5%」.
pub(super) fn rate(text: &str) -> Option<&str> {
    let text = text.strip_suffix(['%', '％'])?;
    let number = text.trim_start_matches(|c| matches!(c, '\u{4e00}'..='\u{9fff}'));
    let words = text[..text.len() - number.len()].chars().count();
    let number = match words {
        0 => number,
        2..=8 => number.strip_prefix([':', '：']).unwrap_or(number),
        _ => return None,
    };
    is_decimal(number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_exactly_or_not_at_all() {
        for (text, bare, wanted) in [
            ("750000.00 元", false, "750000.00"),
            ("1,436,000.00元", false, "1436000.00"),
            ("0元 人民币", false, "0"),
            ("236 万元", false, "2360000"),
            ("144.996 万元", false, "1449960"),
            ("60\n万元", false, "600000"),
            ("0.00015万元", false, "1.5"),
            ("1.2亿元", false, "120000000"),
            ("20797381.58", true, "20797381.58"),
            ("20,797,381.58", true, "20797381.58"),
            ("２０７９７３８１．５８", true, "20797381.58"),
            ("２０，７９７，３８１．５８元", false, "20797381.58"),
            ("2079.738158万元", true, "20797381.58"),
            (
                "贰仟零柒拾玖万柒仟叁佰捌拾壹元伍角捌分",
                true,
                "20797381.58",
            ),
            ("人民币壹佰万元整", false, "1000000"),
            ("壹佰零伍元零伍分", false, "105.05"),
            ("壹拾万零伍佰元整", false, "100500"),
            (
                "20797381.58元（大写：贰仟零柒拾玖万柒仟叁佰捌拾壹元伍角捌分）",
                false,
                "20797381.58",
            ),
            ("￥12.30", false, "12.30"),
            ("2.079738158E7", true, "20797381.58"),
        ] {
            assert_eq!(yuan(text, bare).as_deref(), Some(wanted), "{text}");
        }
        for (text, bare) in [
            ("179.3", false),
            ("1800000", false),
            ("详见附件", true),
            ("元", true),
            ("12元/吨", true),
            ("12,34.5元", true),
            ("1,2345元", true),
            (",123元", true),
            ("约5万元", true),
            ("下浮12%", true),
            ("贰仟拾元", true),
            ("贰叁元", true),
            ("1e99", true),
            ("0E-8", true),
            ("20797381.58元（大写：贰仟元）", true),
            ("5元至6元", true),
            ("-5元", true),
        ] {
            assert_eq!(yuan(text, bare), None, "{text}");
        }
    }

    #[test]
    fn exponents_are_written_out() {
        for (text, wanted) in [
            ("1e21", Some("1000000000000000000000")),
            ("-1.5E+3", Some("-1500")),
            ("12e-3", Some("0.012")),
            ("0E-8", Some("0.00000000")),
            ("1e400", None),
            ("1e99999999999", None),
        ] {
            assert_eq!(without_exponent(text).as_deref(), wanted, "{text}");
        }
    }
}
