//! Working days of China: weekends, the State Council's holidays and its make-up days (调休), from a versioned data file.
//!
//! Promises: days inside the data's years are exact; a day after the last known year is counted by weekends alone and said to be
//! *provisional*. A region adds its own holidays by an overlay file. Does not know time zones: a [`Day`] is a date on a wall.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::trade::time::{civil_from_days, days_from_civil};

/// A date, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// Reads `YYYY-MM-DD`; `None` for any other spelling and for dates that no calendar has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Day> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shape {
            return None;
        }
        let (year, month, day) = (
            text[..4].parse().ok()?,
            text[5..7].parse().ok()?,
            text[8..].parse().ok()?,
        );
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let found = Day(days_from_civil(year, month, day));
        (civil_from_days(found.0) == (year, month, day)).then_some(found)
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i64 {
        civil_from_days(self.0).0
    }

    /// Year and month.
    #[must_use]
    pub fn month(self) -> (i64, u8) {
        let (year, month, _) = civil_from_days(self.0);
        (year, month)
    }

    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i64) -> Day {
        Day(self.0 + days)
    }

    fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!((self.0 + 4).rem_euclid(7), 0 | 6)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Why a calendar file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// Not JSON of the wanted shape.
    #[error("not a calendar file")]
    Form(#[from] serde_json::Error),
    /// A date that is none.
    #[error("{found:?} is no date, wanted YYYY-MM-DD")]
    Date {
        /// As written.
        found: String,
    },
    /// A day that is said to be both.
    #[error("{found} is in both \"off\" and \"work\"")]
    Both {
        /// The day.
        found: Day,
    },
    /// A region that is not six digits.
    #[error("region is {found:?}, wanted six digits of GB/T 2260")]
    Region {
        /// As written.
        found: String,
    },
}

/// Which days are worked.
#[derive(Clone, Debug)]
pub struct Calendar {
    version: String,
    last_year: i64,
    /// Days that differ from the week's rule, or confirm it: true is worked.
    special: BTreeMap<Day, bool>,
    overlays: Vec<(String, BTreeMap<Day, bool>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    #[serde(rename = "first_year")]
    _first_year: i64,
    last_year: i64,
    #[serde(rename = "source")]
    _source: String,
    #[serde(default, rename = "papers")]
    _papers: serde_json::Value,
    off: Vec<String>,
    work: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    version: String,
    region: String,
    #[serde(default)]
    off: Vec<String>,
    #[serde(default)]
    work: Vec<String>,
}

impl Calendar {
    /// The file that is compiled in.
    pub(crate) const BUILTIN_TEXT: &str = include_str!("data/calendar-cn.json");

    /// The national calendar compiled in: 2007 to 2026.
    ///
    /// ```
    /// use mingzhang_core::rules::calendar::{Calendar, Day};
    /// let calendar = Calendar::builtin();
    /// // 2025-10-01 to -08 are off, Saturday 2025-10-11 is worked.
    /// let day = calendar.add_working_days(Day::parse("2025-09-30").unwrap(), 1, "");
    /// assert_eq!(day.to_string(), "2025-10-09");
    /// assert!(calendar.is_workday(Day::parse("2025-10-11").unwrap(), ""));
    /// ```
    #[must_use]
    pub fn builtin() -> &'static Calendar {
        static BUILTIN: OnceLock<Calendar> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            Calendar::parse(Calendar::BUILTIN_TEXT).expect("compiled in, and tested")
        })
    }

    /// Reads a national file: `version`, `first_year`, `last_year`, `source`, `off`, `work`.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn parse(text: &str) -> Result<Calendar, CalendarError> {
        let file: File = serde_json::from_str(text)?;
        Ok(Calendar {
            version: file.version,
            last_year: file.last_year,
            special: days(&file.off, &file.work)?,
            overlays: Vec::new(),
        })
    }

    /// Whether a file is a national one: it names its years and no region.
    #[must_use]
    pub(crate) fn is_national(text: &str) -> bool {
        serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|value| value.get("region").is_none() && value.get("last_year").is_some())
    }

    /// Another national file under the same overlays.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub(crate) fn with_national(self, text: &str) -> Result<Calendar, CalendarError> {
        let mut calendar = Calendar::parse(text)?;
        if let Some((_, overlays)) = self.version.split_once('+') {
            calendar.version = format!("{}+{overlays}", calendar.version);
        }
        calendar.overlays = self.overlays;
        Ok(calendar)
    }

    /// The same with the holidays of a region on top: `{"version","region","off":[…],"work":[…]}`.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn with_overlay(mut self, text: &str) -> Result<Calendar, CalendarError> {
        let file: OverlayFile = serde_json::from_str(text)?;
        if file.region.len() != 6 || !file.region.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CalendarError::Region { found: file.region });
        }
        // 450000 is the whole of 45: trailing pairs of zeros stand for everything below.
        let mut prefix = file.region.as_str();
        while let Some(shorter) = prefix.strip_suffix("00") {
            prefix = shorter;
        }
        self.overlays
            .push((prefix.to_owned(), days(&file.off, &file.work)?));
        self.version = format!("{}+{}", self.version, file.version);
        Ok(self)
    }

    /// The version, with that of each overlay.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the day is worked in a region (six digits, or empty for the national calendar).
    #[must_use]
    pub fn is_workday(&self, day: Day, region: &str) -> bool {
        self.overlays
            .iter()
            .rev()
            .filter(|(prefix, _)| region.starts_with(prefix.as_str()))
            .find_map(|(_, days)| days.get(&day))
            .or_else(|| self.special.get(&day))
            .copied()
            .unwrap_or(!day.is_weekend())
    }

    /// The `count`th working day after `day`, which is itself not counted (民法典 201); `day` itself for 0.
    #[must_use]
    pub fn add_working_days(&self, day: Day, count: u32, region: &str) -> Day {
        let (mut at, mut left) = (day, count);
        while left > 0 {
            at = at.plus(1);
            left -= u32::from(self.is_workday(at, region));
        }
        at
    }

    /// `day` if it is worked, else the next day that is (民法典 203).
    #[must_use]
    pub fn next_workday(&self, day: Day, region: &str) -> Day {
        let mut at = day;
        while !self.is_workday(at, region) {
            at = at.plus(1);
        }
        at
    }

    /// Whether the holidays of that day's year are not known yet.
    #[must_use]
    pub fn is_provisional(&self, day: Day) -> bool {
        day.year() > self.last_year
    }
}

fn days(off: &[String], work: &[String]) -> Result<BTreeMap<Day, bool>, CalendarError> {
    let mut days = BTreeMap::new();
    for (list, worked) in [(off, false), (work, true)] {
        for text in list {
            let day = Day::parse(text).ok_or_else(|| CalendarError::Date {
                found: text.clone(),
            })?;
            if days.insert(day, worked) == Some(!worked) {
                return Err(CalendarError::Both { found: day });
            }
        }
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, count: u32, wanted: &str) {
        let day = Day::parse(from).unwrap();
        let found = Calendar::builtin().add_working_days(day, count, "");
        assert_eq!(found.to_string(), wanted, "{from} + {count}");
    }

    #[test]
    fn working_days_skip_holidays_and_count_make_up_days() {
        check("2025-09-30", 0, "2025-09-30");
        check("2025-09-30", 1, "2025-10-09");
        check("2025-10-09", 2, "2025-10-11"); // Saturday, made up
        check("2025-10-10", 2, "2025-10-13");
        check("2020-01-23", 1, "2020-02-03"); // extended afterwards
        check("2026-11-20", 1, "2026-11-23");
        check("2007-04-29", 1, "2007-04-30");
    }

    #[test]
    fn later_years_are_provisional() {
        let calendar = Calendar::builtin();
        assert!(!calendar.is_provisional(Day::parse("2026-12-31").unwrap()));
        assert!(calendar.is_provisional(Day::parse("2027-01-01").unwrap()));
    }

    #[test]
    fn a_region_has_its_own_days() {
        let overlay = r#"{"version":"gx.1","region":"450000","off":["2026-04-20","2026-04-21"]}"#;
        let calendar = Calendar::builtin().clone().with_overlay(overlay).unwrap();
        let day = Day::parse("2026-04-20").unwrap();
        assert!(!calendar.is_workday(day, "450100"));
        assert!(calendar.is_workday(day, "430000"));
        assert!(calendar.is_workday(day, ""));
        assert_eq!(calendar.version(), "cn-2026.1+gx.1");
    }

    #[test]
    fn a_wrong_file_is_refused() {
        let base = Calendar::builtin();
        for (overlay, words) in [
            ("{}", "not a calendar"),
            (r#"{"version":"x","region":"45"}"#, "six digits"),
            (
                r#"{"version":"x","region":"450000","off":["2026-02-30"]}"#,
                "no date",
            ),
            (
                r#"{"version":"x","region":"450000","off":["2026-02-03"],"work":["2026-02-03"]}"#,
                "both",
            ),
        ] {
            let error = base.clone().with_overlay(overlay).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_date_has_one_spelling() {
        for text in [
            "2026-2-3",
            "2026-13-01",
            "2025-02-29",
            "２026-01-01",
            "",
            "2026-00-10",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert_eq!(Day::parse("2024-02-29").unwrap().to_string(), "2024-02-29");
    }
}
