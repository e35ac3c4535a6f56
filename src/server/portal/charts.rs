//! Figures as plain SVG: bars beside the numbers they show, so that a chart is never the only way to read them. Geometry only, in
//! integers; colours are classes of the style sheet.

use crate::rules::Outcome;
use crate::rules::statistics::Counts;

use super::quoted::Quoted;

/// Groups in one chart, the largest first.
const BARS_MAX: usize = 30;
/// Months in the chart of months, the last ones.
const MONTHS_MAX: usize = 24;
/// Width of a whole bar, in units of its drawing.
const BAR_UNITS: u64 = 200;
/// Height of the tallest month.
const MONTH_UNITS: u64 = 120;

/// One group: in time, late, not seen.
#[derive(Debug)]
pub(super) struct Bar {
    pub name: Quoted,
    pub projects: u64,
    pub done: u64,
    pub late: u64,
    pub missing: u64,
    pub findings: u64,
    pub in_time: Option<String>,
    /// Widths of the three parts.
    pub widths: [u64; 3],
}

impl Bar {
    pub fn late_x(&self) -> u64 {
        self.widths[0]
    }

    pub fn missing_x(&self) -> u64 {
        self.widths[0] + self.widths[1]
    }
}

/// The groups, the one with most that fell due first.
pub(super) fn bars<'a>(groups: impl Iterator<Item = (String, &'a Counts)>) -> Vec<Bar> {
    let mut bars: Vec<Bar> = groups.map(|(name, counts)| bar(&name, counts)).collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.done + bar.late + bar.missing));
    bars.truncate(BARS_MAX);
    bars
}

fn bar(name: &str, counts: &Counts) -> Bar {
    let [done, late, missing] =
        [Outcome::Done, Outcome::Late, Outcome::Missing].map(|outcome| counts.of(outcome));
    let due = done + late + missing;
    let units = |part: u64| (part * BAR_UNITS).checked_div(due).unwrap_or(0);
    // The last part takes what rounding left.
    let (first, second) = (units(done), units(late));
    let third = if missing > 0 {
        BAR_UNITS - first - second
    } else {
        0
    };
    Bar {
        name: Quoted::short(name, 60),
        projects: counts.projects,
        done,
        late,
        missing,
        findings: counts.findings(),
        in_time: counts.in_time_per_mille().map(percent),
        widths: [first, second, third],
    }
}

/// Columns by month.
#[derive(Debug)]
pub(super) struct Months {
    pub columns: Vec<Column>,
    pub width: usize,
}

/// One month: place, heights from the ground up, figures.
#[derive(Debug)]
pub(super) struct Column {
    pub month: String,
    pub x: usize,
    pub label_x: usize,
    pub done: (u64, u64),
    pub late: (u64, u64),
    pub missing: (u64, u64),
    pub counts: [u64; 3],
    pub is_labelled: bool,
}

/// The last months that have anything; `None` if none has.
pub(super) fn months<'a>(groups: impl Iterator<Item = (&'a str, &'a Counts)>) -> Option<Months> {
    let all: Vec<(&str, [u64; 3])> = groups
        .filter(|(month, _)| !month.is_empty())
        .map(|(month, counts)| {
            let counts =
                [Outcome::Done, Outcome::Late, Outcome::Missing].map(|outcome| counts.of(outcome));
            (month, counts)
        })
        .filter(|(_, counts)| counts.iter().sum::<u64>() > 0)
        .collect();
    let all = &all[all.len().saturating_sub(MONTHS_MAX)..];
    let most = all
        .iter()
        .map(|(_, counts)| counts.iter().sum::<u64>())
        .max()?;
    let columns = all.iter().enumerate().map(|(n, (month, counts))| {
        let mut top = MONTH_UNITS;
        let mut part = |count: u64| {
            let height = (count * MONTH_UNITS).div_ceil(most).min(top);
            top -= height;
            (top, height)
        };
        let (done, late, missing) = (part(counts[0]), part(counts[1]), part(counts[2]));
        Column {
            month: (*month).to_owned(),
            x: n * 30 + 4,
            label_x: n * 30 + 15,
            done,
            late,
            missing,
            counts: *counts,
            is_labelled: n % 3 == 0,
        }
    });
    let columns: Vec<Column> = columns.collect();
    Some(Months {
        width: columns.len() * 30 + 10,
        columns,
    })
}

/// `98.7%` of 987 per thousand.
pub(super) fn percent(per_mille: u64) -> String {
    format!("{}.{}%", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn counts(done: u64, late: u64, missing: u64) -> Counts {
        Counts {
            projects: done + late + missing,
            with_findings: 0,
            outcomes: BTreeMap::from([("done", done), ("late", late), ("missing", missing)]),
        }
    }

    #[test]
    fn the_parts_of_a_bar_fill_it_and_nothing_is_drawn_of_nothing() {
        for (done, late, missing, widths) in [
            (1, 1, 1, [66, 66, 68]),
            (3, 0, 0, [200, 0, 0]),
            (0, 0, 5, [0, 0, 200]),
            (0, 0, 0, [0, 0, 0]),
        ] {
            let counts = counts(done, late, missing);
            assert_eq!(bar("x", &counts).widths, widths, "{done} {late} {missing}");
        }
    }

    #[test]
    fn months_stand_on_the_ground_and_none_is_higher_than_the_paper() {
        let (a, b) = (counts(5, 1, 0), counts(1, 1, 10));
        let chart = months([("", &a), ("2026-01", &a), ("2026-02", &b)].into_iter()).unwrap();
        assert_eq!(chart.columns.len(), 2);
        for column in &chart.columns {
            assert_eq!(column.done.0 + column.done.1, MONTH_UNITS);
            assert_eq!(column.late.0 + column.late.1, column.done.0);
            assert_eq!(column.missing.0 + column.missing.1, column.late.0);
        }
        assert!(months(std::iter::empty()).is_none());
    }
}
