//! Findings as rows of a table, for the command line and for HTTP alike. Pure.
//!
//! Promises: RFC 4180; a cell that a spreadsheet would compute gets an apostrophe before it (OWASP: CSV injection).

use super::engine::Finding;

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

/// The head of the table, with its line end.
pub const HEAD: &str = "publisher,project,title,category,region,stage,outcome,rule,law,article,lots,records,from,due,done,days,claimed_only,assumed,provisional,zh\n";

/// One finding, with its line end.
#[must_use]
pub fn row(about: About<'_>, finding: &Finding) -> String {
    let records: Vec<String> = finding.evidence.iter().map(u64::to_string).collect();
    let day = |day: &Option<String>| day.clone().unwrap_or_default();
    let cells = [
        about.publisher.to_owned(),
        about.project.to_owned(),
        about.title.to_owned(),
        about.category.to_owned(),
        about.region.to_owned(),
        finding.stage.to_owned(),
        finding.outcome.as_str().to_owned(),
        finding.rule.clone(),
        finding.law.clone(),
        finding.article.clone(),
        finding.lots.join(" "),
        records.join(" "),
        day(&finding.from),
        day(&finding.due),
        day(&finding.done),
        finding.days.to_string(),
        finding.claimed_only.to_string(),
        finding.assumed.to_string(),
        finding.provisional.to_string(),
        finding.zh.clone(),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    cells.join(",") + "\n"
}

/// A cell.
#[must_use]
pub fn cell(text: &str) -> String {
    // The full-width forms too: East Asian spreadsheets take them for the same.
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_for_a_spreadsheet() {
        for (text, wanted) in [
            ("韶山", "韶山"),
            ("a,b", "\"a,b\""),
            ("=1+1", "'=1+1"),
            ("＝1+1", "'＝1+1"),
            ("@x\"", "\"'@x\"\"\""),
            ("-2\r", "\"'-2\r\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), wanted);
        }
    }
}
