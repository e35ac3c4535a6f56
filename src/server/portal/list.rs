//! A list of notices, as home, search, projects and feeds show it: one row a record, in the order asked for.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::names::{self, beijing_day};
use super::said::Said;
use super::words::Lang;
use crate::ledger::{EntryView, QueryError, RecordShowing};
use crate::server::Api;
use crate::server::problem::Problem;
use crate::trade::statement::Body;
use crate::trade::time::Time;

/// Characters of a title in a list.
const TITLE_CHARACTERS: usize = 120;
/// Records read at a time.
const READS: usize = 4;

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
    pub title: Said,
    pub day: String,
    pub iso: String,
    pub region: Said,
    pub source: Said,
    pub category: Said,
    pub kind: Said,
    pub id: String,
    pub logged: Time,
}

/// The rows of these records.
pub(super) async fn lines(api: &Api, indexes: &[u64], lang: Lang) -> Result<Vec<Line>, Problem> {
    stream::iter(indexes.iter().copied())
        .map(|index| line(api, index, lang))
        .buffered(READS)
        .try_collect()
        .await
}

async fn line(api: &Api, index: u64, lang: Lang) -> Result<Line, Problem> {
    let w = lang.words();
    let kept = |state, word, order| Line {
        index,
        notice: None,
        kept_back: Some((state, word, order)),
    };
    match api.ledger.showing(index) {
        RecordShowing::Shown => {}
        RecordShowing::Withheld(given) => return Ok(kept("withheld", w.withheld, given.record)),
        RecordShowing::Erased { order } => return Ok(kept("erased", w.erased, order)),
    }
    match api.ledger.entry(index).await {
        Ok(view) => Ok(Line {
            index,
            notice: Some(notice(api, &view, lang)),
            kept_back: None,
        }),
        // Ordered this moment.
        Err(QueryError::Erased { order, .. }) => Ok(kept("erased", w.erased, order)),
        Err(failure) => Err(failure.into()),
    }
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
        title: Said::short(fields.title().unwrap_or(&kind), TITLE_CHARACTERS),
        day: beijing_day(issued.map_or(logged, |issued| issued.time)),
        iso: issued.map_or_else(|| logged.to_string(), |issued| issued.to_string()),
        region: Said::short(
            &fields
                .region()
                .map_or_else(String::new, |code| names::region(code, lang)),
            40,
        ),
        source: Said::short(&source, 40),
        category: Said::short(
            &fields
                .category()
                .map_or_else(String::new, |id| names::category(id, lang)),
            40,
        ),
        kind: Said::short(&kind, 40),
        id: statement.id().to_string(),
        logged,
    }
}
