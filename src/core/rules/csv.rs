//! Findings as rows of a table, for the command line and for HTTP alike. Pure.
//!
//! Promises: RFC 4180; a text that a spreadsheet would compute (OWASP: CSV injection), or show as another number or date than it is, gets an
//! apostrophe before it; and so does a text that begins with one. So a program has the text back by taking one leading apostrophe away.

use unicode_normalization::UnicodeNormalization;

use super::finding::{Finding, ProjectReport};

/// Which project an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The publisher.
    pub publisher: &'a str,
    /// The project.
    pub project: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its category.
    pub category: &'a str,
    /// Its region.
    pub region: &'a str,
}

impl<'a> From<&'a ProjectReport> for About<'a> {
    fn from(report: &'a ProjectReport) -> About<'a> {
        About {
            publisher: &report.publisher,
            project: &report.project,
            title: &report.title,
            category: &report.category,
            region: &report.region,
        }
    }
}

/// The head of the table, with its line end.
pub const HEAD: &str = "publisher,project,title,category,region,stage,outcome,rule,law,article,lots,records,from,due,done,days,claimed_only,assumed,provisional,zh\n";

/// One finding, with its line end.
#[must_use]
pub fn row<'a>(about: impl Into<About<'a>>, finding: &Finding) -> String {
    let about = about.into();
    let records: Vec<String> = finding.evidence.iter().map(u64::to_string).collect();
    let day = |day: &Option<String>| day.clone().unwrap_or_default();
    // What we count and date ourselves is a number or a date for the spreadsheet too; words and codes stay text.
    let cells = [
        cell(about.publisher),
        cell(about.project),
        cell(about.title),
        cell(about.category),
        cell(about.region),
        cell(finding.stage),
        finding.outcome.as_str().to_owned(),
        cell(&finding.rule),
        cell(&finding.law),
        cell(&finding.article),
        cell(&finding.lots.join(" ")),
        records.join(" "),
        day(&finding.from),
        day(&finding.due),
        day(&finding.done),
        finding.days.to_string(),
        finding.claimed_only.to_string(),
        finding.assumed.to_string(),
        finding.provisional.to_string(),
        cell(&finding.said.zh),
    ];
    cells.join(",") + "\n"
}

/// A cell with a text: a name, a title, a code.
#[must_use]
pub fn cell(text: &str) -> String {
    let text = if is_computed(text) || text.starts_with('\'') {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', ';', '"', '\t', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Whether a spreadsheet may take a text for a formula, or for a number, date, time or truth value that it shows otherwise: `0012345`, `1E5`,
/// `3-4`, a credit code of 18 digits, of which it keeps 15.
fn is_computed(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    // East Asian spreadsheets take full-width characters for the same; what is not seen is passed over.
    let plain: String = text.nfkc().collect::<String>().to_lowercase();
    let plain = plain.trim_start_matches(is_unseen);
    if plain.starts_with(['=', '+', '-', '@', '#']) {
        return true;
    }
    let plain = plain.trim_end_matches(is_unseen);
    let is_count = plain.len() <= 15
        && plain.bytes().all(|b| b.is_ascii_digit())
        && (plain == "0" || !plain.starts_with('0'));
    if is_count {
        return plain != text && !plain.is_empty();
    }
    let is_truth = matches!(plain, "true" | "false");
    is_truth || (plain.contains(|c: char| c.is_ascii_digit()) && has_only_words_of_numbers(plain))
}

fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Nothing but digits, marks, and the words that numbers, dates and times are written with.
fn has_only_words_of_numbers(plain: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    plain
        .split(|c: char| !c.is_alphabetic())
        .enumerate()
        .all(|(at, word)| {
            let is_month = word.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(word));
            // None of these begins a number: `P-1` and `E5` are codes.
            let is_unit = at > 0 && matches!(word, "e" | "a" | "p" | "am" | "pm");
            is_month || is_unit || word.chars().all(|c| "年月日时時分秒上下午".contains(c))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_for_a_spreadsheet() {
        for (text, wanted) in [
            ("韶山", "韶山"),
            ("a,b", "\"a,b\""),
            ("a;=1", "\"a;=1\""),
            ("=1+1", "'=1+1"),
            (" =1+1", "' =1+1"),
            ("\u{a0}\u{200b}\u{feff}=1+1", "'\u{a0}\u{200b}\u{feff}=1+1"),
            ("\u{1}@x", "'\u{1}@x"),
            ("\n=1", "\"'\n=1\""),
            ("＝1+1", "'＝1+1"),
            ("　＋1", "'　＋1"),
            ("﹣1", "'﹣1"),
            ("@x\"", "\"'@x\"\"\""),
            ("-2\r", "\"'-2\r\""),
            ("\tx", "\"'\tx\""),
            ("#N/A", "'#N/A"),
            ("'0012345", "''0012345"),
            ("", ""),
            (" ", " "),
        ] {
            assert_eq!(cell(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_a_spreadsheet_would_show_otherwise_stays_as_it_is_written() {
        for text in [
            "0012345",
            "00",
            "1E5",
            "1e+5",
            "3-4",
            "3/4",
            "3.10",
            "1.5",
            "12:30",
            "1 1/2",
            "(12)",
            "50%",
            "¥100",
            "911234567890123456",
            "1234567890123456",
            "2025-04",
            "2025-04-09",
            "2025年4月9日",
            "4月9日",
            "上午9时",
            "MAR1",
            "4-Sept",
            "May 2020",
            "9 am",
            "TRUE",
            "False",
            "００１２",
            "１２",
            " 12",
            "12 ",
        ] {
            assert_eq!(cell(text), format!("'{text}"), "{text:?}");
        }
        for text in [
            "0",
            "430382",
            "123456789012345",
            "P-1",
            "TB-24",
            "91430382MA4L0000XX",
            "2025年工程",
            "第3-4标段",
            "47条",
            "may",
            "x-045a8a67",
            "e",
            "truth",
            // Shown as it is.
            "2025-04-09T01:02:03.000Z",
        ] {
            assert_eq!(cell(text), text);
        }
        // A text with a comma is guarded within its quotation marks.
        assert_eq!(cell("1,200"), "\"'1,200\"");
    }

    /// One leading apostrophe less, and it is what it was.
    #[test]
    fn a_program_has_the_text_back() {
        for text in ["0012345", "'0012345", "''", "'", "=1", "韶山", "12", ""] {
            let written = cell(text);
            assert_eq!(written.strip_prefix('\'').unwrap_or(&written), text);
        }
    }
}
