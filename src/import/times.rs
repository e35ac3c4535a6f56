//! Times as notices write them, of +08:00: read exactly, or not at all. A year that is not written is no year.

use unicode_normalization::UnicodeNormalization;

use crate::trade::time::OffsetTime;

/// What a text begins with, read as a time; and how many of its bytes that are. The hour may be missing: then it is a day.
///
/// 「2026年03月05日 18时00分」, 「2026-3-5 18:00:00」, 「2026/03/05」, 「二〇二六年三月五日上午九时三十分」, 「２０２６年３月５日」. 24:00 is the next
/// day's 00:00. The 30th of February is no day.
pub(super) fn begins_with(text: &str) -> Option<(Moment, usize)> {
    let chars: Vec<(usize, char)> = text
        .char_indices()
        .map(|(at, c)| (at, c.to_string().nfkc().next().unwrap_or(c)))
        .collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
    };
    let year = reader.number()?;
    let separator = reader.one(&['年', '-', '/', '.'])?;
    let month = reader.number()?;
    reader.one(&[if separator == '年' { '月' } else { separator }])?;
    let day = reader.number()?;
    if separator == '年' {
        reader.one(&['日', '号'])?;
    }
    let mut time = None;
    let after_day = reader.at;
    if let Some((read, end)) = reader.clock() {
        time = Some(read);
        reader.at = end;
    } else {
        reader.at = after_day;
    }
    if !(1900..=9999).contains(&year) {
        return None;
    }
    let end = chars.get(reader.at).map_or(text.len(), |(at, _)| *at);
    let (hour, minute, second) = time.unwrap_or((0, 0, 0));
    let day = Day { year, month, day };
    day.check()?;
    let day = match (hour, minute, second) {
        (24, 0, 0) => day.next()?,
        _ => day,
    };
    let hour = hour % 24;
    let text = format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}+08:00",
        day.year, day.month, day.day
    );
    OffsetTime::parse(&text).ok()?;
    Some((
        Moment {
            text,
            has_hour: time.is_some(),
        },
        end,
    ))
}

/// A time, and whether the source gave more than a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339.
    pub text: String,
    pub has_hour: bool,
}

/// A text that is nothing but a time.
pub(super) fn whole(text: &str) -> Option<Moment> {
    let text = text.trim();
    let (moment, end) = begins_with(text)?;
    (end == text.len()).then_some(moment)
}

/// 「2025年06月13日 18时00分至2025年06月16日 18时00分」 as two times; both must be written whole.
pub(super) fn period(text: &str) -> Option<(Moment, Moment)> {
    let text = text.trim();
    let (from, end) = begins_with(text)?;
    let rest = text[end..].trim_start();
    let rest = ["至", "到", "——", "—", "－－", "--", "-", "～", "~"]
        .iter()
        .find_map(|mark| rest.strip_prefix(mark))?;
    let to = whole(rest.trim_start())?;
    Some((from, to))
}

struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    fn check(&self) -> Option<()> {
        let text = format!(
            "{:04}-{:02}-{:02}T00:00:00Z",
            self.year, self.month, self.day
        );
        let fits = (1..=12).contains(&self.month) && (1..=31).contains(&self.day);
        (fits && OffsetTime::parse(&text).is_ok()).then_some(())
    }

    fn next(&self) -> Option<Day> {
        let tries = [
            (self.year, self.month, self.day + 1),
            (self.year, self.month + 1, 1),
            (self.year + 1, 1, 1),
        ];
        let mut days = tries
            .into_iter()
            .map(|(year, month, day)| Day { year, month, day });
        days.find(|day| day.check().is_some())
    }
}

#[derive(Clone, Copy)]
struct Reader<'c> {
    chars: &'c [(usize, char)],
    at: usize,
}

impl Reader<'_> {
    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|(_, c)| *c)
    }

    fn one(&mut self, wanted: &[char]) -> Option<char> {
        self.spaces();
        let c = self.peek().filter(|c| wanted.contains(c))?;
        self.at += 1;
        Some(c)
    }

    /// Digits, or the numerals of dates: 二〇二六, 十二, 二十三.
    fn number(&mut self) -> Option<u32> {
        self.spaces();
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            if self.at - start > 4 {
                return None;
            }
            let digits: String = self.chars[start..self.at].iter().map(|(_, c)| *c).collect();
            return digits.parse().ok();
        }
        while self
            .peek()
            .is_some_and(|c| c == '十' || numeral(c).is_some())
        {
            self.at += 1;
        }
        let words: Vec<char> = self.chars[start..self.at].iter().map(|(_, c)| *c).collect();
        spoken(&words)
    }

    fn two_digits(&mut self) -> Option<u32> {
        let mut inner = *self;
        let read = inner.number()?;
        let digits = self.chars[self.at..inner.at]
            .iter()
            .filter(|(_, c)| c.is_ascii_digit())
            .count();
        if digits != 2 {
            return None;
        }
        *self = inner;
        Some(read)
    }

    /// Hour, minute and second, and where they end.
    fn clock(mut self) -> Option<((u32, u32, u32), usize)> {
        self.spaces();
        if self.peek() == Some('T') {
            self.at += 1;
        }
        let mut half = None;
        for (word, later) in [
            ("上午", false),
            ("早上", false),
            ("下午", true),
            ("晚上", true),
        ] {
            let next: String = self.chars[self.at..]
                .iter()
                .take(2)
                .map(|(_, c)| *c)
                .collect();
            if next == word {
                half = Some(later);
                self.at += 2;
            }
        }
        let hour = self.number()?;
        let mark = self.one(&['时', '点', ':', '∶'])?;
        let mut ended = self.at;
        let (mut minute, mut second) = (0, 0);
        let spoken = matches!(mark, '时' | '点');
        let mut inner = self;
        if spoken && inner.one(&['整']).is_some() {
            ended = inner.at;
        } else if spoken && inner.one(&['半']).is_some() {
            (minute, ended) = (30, inner.at);
        } else {
            let mut inner = self;
            // 「9：3 0」 with a space within the number is not three minutes past.
            let read = if spoken {
                inner.number()
            } else {
                inner.two_digits()
            };
            match read {
                Some(read) if !spoken => {
                    (minute, ended) = (read, inner.at);
                    if inner.one(&[':', '∶']).is_some()
                        && let Some(read) = inner.two_digits()
                    {
                        (second, ended) = (read, inner.at);
                    }
                }
                Some(read) if inner.one(&['分']).is_some() => {
                    (minute, ended) = (read, inner.at);
                    if let Some(read) = inner.number()
                        && inner.one(&['秒']).is_some()
                    {
                        (second, ended) = (read, inner.at);
                    }
                }
                _ if !spoken => return None,
                _ => {}
            }
        }
        let hour = match (half, hour) {
            (Some(true), 1..=11) => hour + 12,
            (Some(false), 13..) => return None,
            _ => hour,
        };
        let fits =
            minute < 60 && second < 60 && (hour < 24 || (hour, minute, second) == (24, 0, 0));
        fits.then_some(((hour, minute, second), ended))
    }
}

fn numeral(c: char) -> Option<u32> {
    let at = "零一二三四五六七八九".chars().position(|known| known == c);
    let at = at.or((c == '〇' || c == '○').then_some(0));
    at.and_then(|at| u32::try_from(at).ok())
}

fn spoken(words: &[char]) -> Option<u32> {
    match words.iter().position(|c| *c == '十') {
        None => {
            let digits: Option<Vec<u32>> = words.iter().map(|c| numeral(*c)).collect();
            let digits = digits.filter(|digits| (1..=4).contains(&digits.len()))?;
            Some(digits.iter().fold(0, |sum, digit| sum * 10 + digit))
        }
        Some(at) => {
            let one = |part: &[char], none: u32| match part {
                [] => Some(none),
                [c] => numeral(*c),
                _ => None,
            };
            Some(one(&words[..at], 1)? * 10 + one(&words[at + 1..], 0)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_exactly_or_not_at_all() {
        for (text, wanted) in [
            ("2026年03月05日 18时00分", "2026-03-05T18:00:00+08:00"),
            ("2026年03月05日18时00分", "2026-03-05T18:00:00+08:00"),
            ("2026年3月5日 9时", "2026-03-05T09:00:00+08:00"),
            ("2026年03月05日 24时00分", "2026-03-06T00:00:00+08:00"),
            ("2026年12月31日 24:00", "2027-01-01T00:00:00+08:00"),
            ("2024年2月28日24时", "2024-02-29T00:00:00+08:00"),
            ("2026-03-05 18:00:07", "2026-03-05T18:00:07+08:00"),
            ("2026/03/05 18:00", "2026-03-05T18:00:00+08:00"),
            ("2026.3.5", "2026-03-05T00:00:00+08:00"),
            (
                "２０２６年３月５日　１８：３０",
                "2026-03-05T18:30:00+08:00",
            ),
            ("二〇二六年三月五日", "2026-03-05T00:00:00+08:00"),
            (
                "二○二六年十二月二十三日下午三时三十分",
                "2026-12-23T15:30:00+08:00",
            ),
            ("2026年3月5日上午9点半", "2026-03-05T09:30:00+08:00"),
            ("2026年3月5日下午2时30分", "2026-03-05T14:30:00+08:00"),
        ] {
            assert_eq!(
                whole(text).map(|read| read.text).as_deref(),
                Some(wanted),
                "{text}"
            );
        }
        for text in [
            "2026年02月30日 18时00分",
            "2026年13月01日",
            "2026年03月05日 24时01分",
            "2026年03月05日 25时",
            "03月05日 18时00分",
            "26年3月5日",
            "2026年3月",
            "2026年3月5日前",
            "2026年3月5日9：3 0",
            "2026-03-05 9:3",
            "20260305",
            "",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_has_two_whole_ends() {
        let read = |text: &str| period(text).map(|(from, to)| (from.text, to.text));
        let wanted = Some((
            "2026-03-02T18:00:00+08:00".to_owned(),
            "2026-03-06T00:00:00+08:00".to_owned(),
        ));
        for text in [
            "2026年03月02日 18时00分至2026年03月05日 24时00分",
            "2026年03月02日18时00分 至 2026年03月05日24时00分",
            "2026-03-02 18:00 - 2026-03-06 00:00",
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        for text in [
            "2026年03月02日 18时00分至03月05日 18时00分",
            "2026年03月02日",
            "三日内",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
