//! A list of notices, as home, search, projects and feeds show it: one row a record, in the order asked for.

use super::names::{self, beijing_day};
use super::quoted::Quoted;
use super::words::words;
use crate::lang::Lang;
use crate::ledger::{EntryView, QueryError, RecordShowing};
use crate::server::Api;
use crate::server::problem::Problem;
use crate::trade::statement::Body;
use crate::trade::time::Time;

/// Characters of a title in a list.
const TITLE_CHARACTERS: usize = 120;

/// One record in a list.
#[derive(Debug)]
pub(super) struct Line {
    pub index: u64,
    /// `None` if its words are not shown.
    pub notice: Option<Notice>,
    /// Why not: `withheld` or `erased`, in words, and the record of the order.
    pub kept_back: Option<(&'static str, &'static str, u64)>,
}

/// What a list says of a notice.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub title: Quoted,
    pub day: String,
    pub iso: String,
    pub region: Quoted,
    pub source: Quoted,
    pub category: Quoted,
    pub kind: Quoted,
    pub id: String,
    pub logged: Time,
}

/// The rows of these records.
pub(super) async fn lines(api: &Api, indexes: &[u64], lang: Lang) -> Result<Vec<Line>, Problem> {
    let w = words(lang);
    let mut lines = Vec::with_capacity(indexes.len());
    for (index, view) in api.ledger.entries_at(indexes).await? {
        let (notice, kept_back) = match (api.ledger.showing(index), view) {
            (RecordShowing::Shown, Ok(view)) => (Some(notice(api, &view, lang)), None),
            (RecordShowing::Withheld(given), _) => {
                (None, Some(("withheld", w.withheld, given.record)))
            }
            (RecordShowing::Erased { order }, _) | (_, Err(QueryError::Erased { order, .. })) => {
                (None, Some(("erased", w.erased, order)))
            }
            (_, Err(failure)) => return Err(failure.into()),
        };
        lines.push(Line {
            index,
            notice,
            kept_back,
        });
    }
    Ok(lines)
}

/// What a list says of a record that may be shown.
pub(super) fn notice(api: &Api, view: &EntryView, lang: Lang) -> Notice {
    let statement = &view.statement;
    let fields = statement.fields();
    let logged = view.header.time;
    let issued = statement.issued();
    let type_of = statement.statement_type();
    let kind = match fields.kind() {
        Some(kind) if matches!(statement.body(), Body::Trade(_)) => names::kind(kind, lang),
        _ => names::statement_type(type_of, lang)
            .unwrap_or(type_of)
            .to_owned(),
    };
    let source = statement
        .publisher()
        .map_or_else(String::new, |name| names::publisher(&api.ledger, name));
    Notice {
        title: Quoted::short(fields.title().unwrap_or(&kind), TITLE_CHARACTERS),
        day: beijing_day(issued.map_or(logged, |issued| issued.time)),
        iso: issued.map_or_else(|| logged.to_string(), |issued| issued.to_string()),
        region: Quoted::short(
            &fields
                .region()
                .map_or_else(String::new, |code| names::region(code, lang)),
            40,
        ),
        source: Quoted::short(&source, 40),
        category: Quoted::short(
            &fields
                .category()
                .map_or_else(String::new, |id| names::category(id, lang)),
            40,
        ),
        kind: Quoted::short(&kind, 40),
        id: statement.id().to_string(),
        logged,
    }
}
