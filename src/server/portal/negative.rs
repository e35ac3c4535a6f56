//! 负面清单: what is not public by order, why, who approved it, and when it is looked at again. The list that `/api/v1/withheld` gives.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::names::{self, beijing, beijing_day};
use super::quoted::Quoted;
use super::{Page, shown};
use crate::said;
use crate::server::Api;
use crate::server::problem::{Problem, kinds};
use crate::trade::statement::{Act, Target};

/// Lines of one page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "negative.html")]
struct NegativePage {
    p: Page,
    lines: Vec<NegativeLine>,
    count: usize,
    next: Option<String>,
}

#[derive(Debug)]
struct NegativeLine {
    order: u64,
    about: u64,
    is_erased: bool,
    what: &'static str,
    which: Quoted,
    class: &'static str,
    basis: Quoted,
    by: Quoted,
    approver: Quoted,
    time: String,
    review_at: Option<String>,
    is_overdue: bool,
}

/// `/withheld`.
pub(super) async fn withheld(
    State(api): State<Api>,
    Query(asked): Query<Vec<(String, String)>>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "ledger");
    let after = match asked.iter().find(|(name, _)| name == "after") {
        None => None,
        Some((_, text)) => Some(text.parse::<u64>().map_err(|_| {
            Problem::new(
                &kinds::REQUEST_FORM,
                said!("after 应为登记序号", "after is the index of a record"),
            )
        })?),
    };
    let items = api.ledger.withheld()?;
    let now = api.ledger.wall_time();
    let begin = after.map_or(0, |after| {
        items.partition_point(|item| item.given.record <= after)
    });
    let end = items.len().min(begin + PAGE);
    let w = p.w;
    let lines = items[begin..end].iter().map(|item| {
        let (given, order) = (&item.given, &item.given.order);
        let (what, which) = match &order.target {
            Target::Record => (w.whole_record, String::new()),
            Target::Opening(pointer) => (w.one_field, pointer.clone()),
            Target::Document(digest) => (w.one_document, digest.to_string()),
        };
        NegativeLine {
            order: given.record,
            about: item.about,
            is_erased: order.act == Act::Erase,
            what,
            which: Quoted::short(&which, 200),
            class: names::order_class(order.class, p.lang),
            basis: Quoted::short(&order.basis, 300),
            by: Quoted::new(&names::publisher(&api.ledger, &given.by)),
            approver: Quoted::short(&order.approver, 100),
            time: beijing(given.time),
            review_at: order.review_at.map(|time| beijing_day(time.time)),
            is_overdue: given.overdue(now),
        }
    });
    let lines: Vec<NegativeLine> = lines.collect();
    let next = lines
        .last()
        .filter(|_| end < items.len())
        .map(|line| p.at(&format!("/withheld?after={}", line.order)));
    let page = NegativePage {
        lines,
        count: items.len(),
        next,
        p,
    };
    shown(&request, &page)
}
