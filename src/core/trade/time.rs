//! Points in time: the ledger's own (`2026-11-23T01:02:03.456Z`) and those that publishers state (RFC 3339 with offset).
//!
//! Promises: one spelling for a record's time; years 1949 to 9999; no second 60 (neither clock nor rule may depend on a
//! leap second table); ordering is that of the instants. Does not read a clock and knows no time zones or holidays.

use std::fmt;

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// An instant in UTC, to the millisecond: the time of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    ms: i64,
}

impl Time {
    /// `1949-01-01T00:00:00.000Z`; nothing that a ledger records is older.
    pub const MIN: Time = Time {
        ms: days_from_civil(1949, 1, 1) * DAY_MS,
    };
    /// `9999-12-31T23:59:59.999Z`, the last that four digits can say.
    pub const MAX: Time = Time {
        ms: days_from_civil(10_000, 1, 1) * DAY_MS - 1,
    };

    /// The instant `ms` milliseconds after 1970-01-01T00:00:00Z (before it, if negative), leap seconds not counted;
    /// `None` outside [`Time::MIN`]..=[`Time::MAX`].
    #[must_use]
    pub fn from_ms(ms: i64) -> Option<Time> {
        (Time::MIN.ms..=Time::MAX.ms)
            .contains(&ms)
            .then_some(Time { ms })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_ms(self) -> i64 {
        self.ms
    }

    /// The instant `seconds` later, or [`Time::MAX`] if that is earlier.
    #[must_use]
    pub(crate) fn plus_s(self, seconds: u32) -> Time {
        Time {
            ms: (self.ms + i64::from(seconds) * 1_000).min(Time::MAX.ms),
        }
    }

    /// Reads the one form that a record's time has; `to_string` gives it back byte for byte.
    ///
    /// ```
    /// use mingzhang_core::trade::time::Time;
    /// let time = Time::parse("2026-11-23T01:02:03.456Z").unwrap();
    /// assert_eq!(time.as_ms(), 1_795_395_723_456);
    /// assert_eq!(time.to_string(), "2026-11-23T01:02:03.456Z");
    /// assert!(Time::parse("2026-11-23T01:02:03Z").is_err()); // milliseconds are always written
    /// ```
    ///
    /// # Errors
    /// [`TimeError`] for any other spelling, a date that is not in the calendar, a second 60, or a year outside
    /// 1949..=9999.
    pub fn parse(text: &str) -> Result<Time, TimeError> {
        let form = || TimeError::Record {
            found: shorten(text),
        };
        let (clock, rest) = Clock::parse(text).ok_or_else(form)?;
        let [b'.', fraction @ .., b'Z'] = rest.as_bytes() else {
            return Err(form());
        };
        if fraction.len() != 3 {
            return Err(form());
        }
        let ms = digits(fraction).ok_or_else(form)?;
        clock.instant(text, ms, 0)
    }

    /// Year, month and day on a calendar that is `offset_minutes` ahead of UTC.
    #[must_use]
    pub fn date(self, offset_minutes: i16) -> (i64, u8, u8) {
        civil_from_days((self.ms + i64::from(offset_minutes) * 60_000).div_euclid(DAY_MS))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clock(f, self.ms)?;
        write!(f, ".{:03}Z", self.ms.rem_euclid(1_000))
    }
}

/// An instant as a publisher states it: RFC 3339 with its offset from UTC, such as `2026-11-23T09:02:03+08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetTime {
    /// The instant.
    pub time: Time,
    /// How far the writer's clock is ahead of UTC, in minutes; -1439 to 1439.
    pub offset_minutes: i16,
}

impl OffsetTime {
    /// Reads `YYYY-MM-DDTHH:MM:SS`, an optional fraction of 1 to 9 digits, and `Z` or `±HH:MM`.
    ///
    /// Narrower than RFC 3339 §5.6 in that `T` and `Z` are capitals, second 60 is refused, and so is the offset `-00:00`,
    /// by which §4.3 says that the offset is not known. A fraction finer than a millisecond is cut off, not rounded.
    ///
    /// ```
    /// use mingzhang_core::trade::time::OffsetTime;
    /// let issued = OffsetTime::parse("2026-11-23T09:02:03+08:00").unwrap();
    /// assert_eq!(issued.time.to_string(), "2026-11-23T01:02:03.000Z");
    /// assert_eq!(issued.date(), (2026, 11, 23));
    /// assert!(OffsetTime::parse("2026-11-23 09:02:03").is_err()); // whose clock?
    /// ```
    ///
    /// # Errors
    /// [`TimeError`] for any other spelling, a date that is not in the calendar, or a year outside 1949..=9999.
    pub fn parse(text: &str) -> Result<OffsetTime, TimeError> {
        let form = || TimeError::Stated {
            found: shorten(text),
        };
        let (clock, rest) = Clock::parse(text).ok_or_else(form)?;
        let (ms, rest) = fraction_ms(rest.as_bytes()).ok_or_else(form)?;
        let offset_minutes = offset_minutes(rest).ok_or_else(form)?;
        Ok(OffsetTime {
            time: clock.instant(text, ms, offset_minutes)?,
            offset_minutes,
        })
    }

    /// Year, month and day on the writer's calendar.
    #[must_use]
    pub fn date(&self) -> (i64, u8, u8) {
        self.time.date(self.offset_minutes)
    }
}

impl fmt::Display for OffsetTime {
    /// RFC 3339; the fraction, of three digits, only where it is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i64::from(self.offset_minutes);
        write_clock(f, self.time.ms + offset * 60_000)?;
        match self.time.ms.rem_euclid(1_000) {
            0 => {}
            ms => write!(f, ".{ms:03}")?,
        }
        let (sign, minutes) = if offset < 0 {
            ('-', -offset)
        } else {
            ('+', offset)
        };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not in the form of a record's time.
    #[error("time {found:?} is not of the form 2026-11-23T01:02:03.456Z")]
    Record {
        /// The text, shortened.
        found: String,
    },
    /// Not RFC 3339 with an offset.
    #[error("time {found:?} is not RFC 3339 with an offset, such as 2026-11-23T09:02:03+08:00")]
    Stated {
        /// The text, shortened.
        found: String,
    },
    /// The form is right, but no calendar or clock shows it.
    #[error("time {found:?} is not in the calendar (a second 60 is not used here)")]
    Calendar {
        /// The text, shortened.
        found: String,
    },
    /// Outside the years that are used.
    #[error("time {found:?} is outside the years 1949 to 9999")]
    Range {
        /// The text, shortened.
        found: String,
    },
}

/// `YYYY-MM-DDTHH:MM:SS`, its digits read but not yet judged.
struct Clock {
    year: i64,
    month: u8,
    day: u8,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Clock {
    /// The clock at the start of `text` and what follows it.
    fn parse(text: &str) -> Option<(Clock, &str)> {
        let head = text.as_bytes().get(..19)?;
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, byte)| head[at] != byte) {
            return None;
        }
        let two = |at: usize| digits(&head[at..at + 2]);
        let clock = Clock {
            year: digits(&head[..4])?,
            month: u8::try_from(two(5)?).ok()?,
            day: u8::try_from(two(8)?).ok()?,
            hour: two(11)?,
            minute: two(14)?,
            second: two(17)?,
        };
        Some((clock, &text[19..])) // The first 19 bytes are ASCII.
    }

    fn instant(&self, text: &str, ms: i64, offset_minutes: i16) -> Result<Time, TimeError> {
        let found = || shorten(text);
        let in_calendar = (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !in_calendar {
            return Err(TimeError::Calendar { found: found() });
        }
        let days = days_from_civil(self.year, self.month, self.day);
        let seconds = days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second;
        let ms = (seconds - i64::from(offset_minutes) * 60) * 1_000 + ms;
        Time::from_ms(ms)
            .filter(|_| self.year >= 1949)
            .ok_or_else(|| TimeError::Range { found: found() })
    }
}

/// The number that ASCII digits say; `None` if another byte is among them. At most 18 digits.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |n, byte| {
        byte.is_ascii_digit()
            .then(|| n * 10 + i64::from(byte - b'0'))
    })
}

/// The milliseconds of an optional `.f…` and the bytes behind it.
fn fraction_ms(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(after_dot) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let count = after_dot
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let padded = [&after_dot[..count], b"00".as_slice()].concat();
    Some((digits(&padded[..3])?, &after_dot[count..]))
}

fn offset_minutes(rest: &[u8]) -> Option<i16> {
    let (sign, hours, minutes) = match rest {
        b"Z" => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            (*sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || (sign == b'-' && hours + minutes == 0) {
        return None;
    }
    let minutes = i16::try_from(hours * 60 + minutes).ok()?;
    Some(if sign == b'-' { -minutes } else { minutes })
}

fn write_clock(f: &mut fmt::Formatter<'_>, ms: i64) -> fmt::Result {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    let second = ms.rem_euclid(DAY_MS) / 1_000;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    write!(
        f,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    )
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms"): years begin in March, so that the leap day is the last of its year.
pub(crate) const fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let (month, day) = (month as i64, day as i64);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
pub(crate) fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).expect("a month is at most 12 and a day at most 31");
    (year, small(month), small(day))
}

/// At most 40 characters, for messages.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_record(text: &str, expected: Result<i64, Refusal>) {
        let expected = expected.map_err(|error| error(text.chars().take(40).collect()));
        assert_eq!(Time::parse(text).map(Time::as_ms), expected, "{text}");
        if expected.is_ok() {
            assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
    }

    /// Makes the error that is expected from the text shortened.
    type Refusal = fn(String) -> TimeError;

    const FORM: Refusal = |found| TimeError::Record { found };
    const STATED: Refusal = |found| TimeError::Stated { found };
    const CALENDAR: Refusal = |found| TimeError::Calendar { found };
    const RANGE: Refusal = |found| TimeError::Range { found };

    #[test]
    fn a_records_time_has_one_spelling() {
        check_record("1970-01-01T00:00:00.000Z", Ok(0));
        check_record("2026-11-23T01:02:03.456Z", Ok(1_795_395_723_456));
        check_record("1969-12-31T23:59:59.999Z", Ok(-1));
        check_record("2000-02-29T00:00:00.000Z", Ok(951_782_400_000));
        check_record("1949-01-01T00:00:00.000Z", Ok(Time::MIN.as_ms()));
        check_record("9999-12-31T23:59:59.999Z", Ok(253_402_300_799_999));
        check_record("2026-11-23T01:02:03Z", Err(FORM));
        check_record("2026-11-23T01:02:03.45Z", Err(FORM));
        check_record("2026-11-23T01:02:03.4567Z", Err(FORM));
        check_record("2026-11-23T01:02:03.456z", Err(FORM));
        check_record("2026-11-23t01:02:03.456Z", Err(FORM));
        check_record("2026-11-23 01:02:03.456Z", Err(FORM));
        check_record("2026-11-23T01:02:03,456Z", Err(FORM));
        check_record("2026-11-23T01:02:03.456+00:00", Err(FORM));
        check_record("2026-11-23T01:02:03.456Z ", Err(FORM));
        check_record("+026-11-23T01:02:03.456Z", Err(FORM));
        check_record("2026-11-23T01:02:03.+56Z", Err(FORM));
        check_record("２０26-11-23T01:02:03.456Z", Err(FORM));
        check_record("", Err(FORM));
        check_record("2026-11-23T01:02:60.000Z", Err(CALENDAR));
        check_record("2026-11-23T24:00:00.000Z", Err(CALENDAR));
        check_record("2026-11-23T00:60:00.000Z", Err(CALENDAR));
        check_record("2026-02-29T00:00:00.000Z", Err(CALENDAR));
        check_record("1900-02-29T00:00:00.000Z", Err(CALENDAR));
        check_record("2026-00-01T00:00:00.000Z", Err(CALENDAR));
        check_record("2026-13-01T00:00:00.000Z", Err(CALENDAR));
        check_record("2026-04-31T00:00:00.000Z", Err(CALENDAR));
        check_record("2026-04-00T00:00:00.000Z", Err(CALENDAR));
        check_record("1948-12-31T23:59:59.999Z", Err(RANGE));
        check_record("0000-01-01T00:00:00.000Z", Err(RANGE));
    }

    #[track_caller]
    fn check_stated(text: &str, expected: Result<(&str, &str), Refusal>) {
        let expected = expected
            .map(|(utc, again)| (utc.to_owned(), again.to_owned()))
            .map_err(|error| error(text.chars().take(40).collect()));
        let got = OffsetTime::parse(text).map(|t| (t.time.to_string(), t.to_string()));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn a_stated_time_carries_its_offset() {
        let utc = "2026-11-23T01:02:03.000Z";
        check_stated(
            "2026-11-23T09:02:03+08:00",
            Ok((utc, "2026-11-23T09:02:03+08:00")),
        );
        check_stated(
            "2026-11-23T01:02:03Z",
            Ok((utc, "2026-11-23T01:02:03+00:00")),
        );
        check_stated(
            "2026-11-22T21:32:03-03:30",
            Ok((utc, "2026-11-22T21:32:03-03:30")),
        );
        let fraction = "2026-11-23T01:02:03.500Z";
        check_stated(
            "2026-11-23T09:02:03.5+08:00",
            Ok((fraction, "2026-11-23T09:02:03.500+08:00")),
        );
        check_stated(
            "2026-11-23T01:02:03.500999999Z",
            Ok((fraction, "2026-11-23T01:02:03.500+00:00")),
        );
        check_stated(
            "2027-01-01T00:00:00+08:00",
            Ok(("2026-12-31T16:00:00.000Z", "2027-01-01T00:00:00+08:00")),
        );
        check_stated("2026-11-23T09:02:03", Err(STATED));
        check_stated("2026-11-23T09:02:03 +08:00", Err(STATED));
        check_stated("2026-11-23T09:02:03+0800", Err(STATED));
        check_stated("2026-11-23T09:02:03+08", Err(STATED));
        check_stated("2026-11-23T09:02:03+24:00", Err(STATED));
        check_stated("2026-11-23T09:02:03+08:60", Err(STATED));
        check_stated("2026-11-23T09:02:03-00:00", Err(STATED));
        check_stated("2026-11-23T09:02:03.+08:00", Err(STATED));
        check_stated("2026-11-23T09:02:03.1234567890Z", Err(STATED));
        check_stated("2026-11-23T09:02+08:00", Err(STATED));
        check_stated("2026-11-23", Err(STATED));
        check_stated("2026年11月23日09:02:03", Err(STATED));
        check_stated("2026-11-31T09:02:03+08:00", Err(CALENDAR));
        check_stated("2026-11-23T09:02:60+08:00", Err(CALENDAR));
        check_stated("1948-12-31T23:00:00-08:00", Err(RANGE)); // in 1949 only by UTC
        check_stated("1949-01-01T00:00:00+08:00", Err(RANGE)); // in 1948 by UTC
        check_stated("9999-12-31T23:00:00-08:00", Err(RANGE));
    }

    proptest! {
        /// An oracle written by others for the calendar arithmetic.
        #[test]
        fn the_calendar_is_that_of_jiff(ms in Time::MIN.ms..=Time::MAX.ms - DAY_MS) {
            let time = Time::from_ms(ms).unwrap();
            let theirs = jiff::Timestamp::from_millisecond(ms).unwrap();
            prop_assert_eq!(time.to_string(), format!("{theirs:.3}"));
            prop_assert_eq!(Time::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), near in "[0-9T:Z.+-]{15,36}") {
            let _ = (Time::parse(&text), OffsetTime::parse(&text), Time::parse(&near), OffsetTime::parse(&near));
        }

        #[test]
        fn what_is_written_is_read_back(ms in 0..Time::MAX.ms - DAY_MS, offset_minutes in -1_439i16..=1_439) {
            let stated = OffsetTime { time: Time::from_ms(ms).unwrap(), offset_minutes };
            prop_assert_eq!(OffsetTime::parse(&stated.to_string()), Ok(stated));
        }
    }
}
