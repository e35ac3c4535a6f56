//! What is not shown by order: the problem that says so, and the negative list (负面清单).
//!
//! A withheld record keeps its header, its hash and its proof: whoever asks gets these, and learns by which order, on what
//! basis, who approved it and when it is looked at again. 451 is RFC 7725's "Unavailable For Legal Reasons".

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::answer::json as answer;
use super::types::{OrderAnswer, ProblemAnswer, WithheldRecord};
use crate::lang::Said;
use crate::ledger::{Ledger, RecordShowing, WithheldItem};
use crate::said;
use crate::server::Api;
use crate::server::problem::{Kind, Problem, kinds};
use crate::server::request::Params;
use crate::tlog::merkle::Hash;
use crate::trade::orders::Given;
use crate::trade::statement::{Act, OrderClass, Target};
use crate::trade::time::Time;

/// Lines of one page of the negative list, at most.
pub const WITHHELD_PAGE_MAX: usize = 256;
const WITHHELD_PAGE: usize = 50;

/// Lets what may be shown through; else says why not, with everything that can be checked without the words.
///
/// # Errors
/// 451 or 410.
pub(in crate::server) async fn refuse_withheld(ledger: &Ledger, index: u64) -> Result<(), Problem> {
    let given = match ledger.showing(index) {
        RecordShowing::Shown | RecordShowing::Erased { .. } => return Ok(()), // Reading it says what was erased.
        RecordShowing::Withheld(given) => given,
    };
    let view = ledger.entry(index).await?;
    let record = WithheldRecord::of(&view, &given);
    let (checkpoint, proof) = ledger.inclusion(index).await?;
    let proof: Vec<String> = proof.into_iter().map(Hash::to_base64).collect();
    Err(
        by_order(&given, &said!("第 {index} 号记录", "record {index}"))
            .with("index", record.index)
            .with("link", record.link)
            .with("time", record.time)
            .with("leaf_hash", record.leaf_hash)
            .with("id", record.id)
            .with("publisher", view.statement.publisher())
            .with("project", view.statement.project())
            .with("proof", proof)
            .with("checkpoint", checkpoint),
    )
}

/// Why something is not shown.
pub(in crate::server) fn by_order(given: &Given, what: &Said) -> Problem {
    let order = &given.order;
    let what_zh = &what.zh;
    let (kind, done, done_zh): (&'static Kind, _, _) = match order.act {
        Act::Erase => (&kinds::ERASED, "erased", "清除"),
        Act::Withhold | Act::Disclose => (&kinds::WITHHELD, "withheld", "不予公开"),
    };
    let (review, review_zh) = order.review_at.map_or_else(
        || (String::new(), String::new()),
        |time| {
            (
                format!("; to be looked at again on {time}"),
                format!("；复核时间 {time}"),
            )
        },
    );
    let (by, record, basis, approver) = (&given.by, given.record, &order.basis, &order.approver);
    Problem::new(kind, Said::new(format!(
        "{what_zh}由 {by} 命令{done_zh}（第 {record} 号记录），理由：{}；依据：{basis}；批准：{approver}{review_zh}",
        order.class.zh()
    ), format!("{what} is {done} by order of {by}, record {record}, on the basis of {basis}, approved by {approver}{review}")))
    .with("order", record)
    .with("by_order", json!(OrderAnswer::of(given)))
}

/// A line of the negative list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct WithheldLine {
    /// The order that decides.
    #[serde(flatten)]
    pub order: OrderAnswer,
    /// The publisher of the statement it is about.
    pub publisher: String,
    /// The project.
    pub project: String,
    /// The statement.
    pub statement: String,
    /// Leaf index of that statement's record.
    pub record: u64,
    /// `record`, `opening` or `document`.
    pub what: &'static str,
    /// JSON pointer of the opening, or SHA-256 of the document.
    pub which: Option<String>,
    /// Whether its review is past.
    pub overdue: bool,
}

impl WithheldLine {
    fn of(item: &WithheldItem, now: Time) -> WithheldLine {
        let order = &item.given.order;
        let (what, which) = match &order.target {
            Target::Record => ("record", None),
            Target::Opening(pointer) => ("opening", Some(pointer.clone())),
            Target::Document(digest) => ("document", Some(digest.to_string())),
        };
        WithheldLine {
            order: OrderAnswer::of(&item.given),
            publisher: order.publisher.clone(),
            project: order.project.clone(),
            statement: order.statement.to_string(),
            record: item.about,
            what,
            which,
            overdue: item.given.overdue(now),
        }
    }
}

/// Everything that is not shown by order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct WithheldList {
    /// Records that the log held when it was asked.
    pub tree_size: u64,
    /// What "overdue" was told by.
    pub as_of: String,
    /// Lines that fit what was asked for, on all pages.
    pub count: usize,
    /// Those of them whose review is past.
    pub overdue: usize,
    /// The lines, in the order of the orders.
    pub withheld: Vec<WithheldLine>,
    /// Ask with `after` set to this for the next page; null: there is none.
    pub after: Option<u64>,
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WithheldParams {
    /// The record of the last order already known; absent: from the first.
    after: Option<u64>,
    /// At most so many lines, 1 to 256; 50 if nothing is said.
    limit: Option<usize>,
    /// Only what this publisher said.
    publisher: Option<String>,
    /// Only what is about this project.
    project: Option<String>,
    /// Only what is withheld for this reason.
    class: Option<String>,
    /// Only what is, or is not, overdue for review.
    overdue: Option<bool>,
}

/// 负面清单: what is not public by order, why, who approved it, and when it is looked at again.
#[utoipa::path(
    get,
    path = "/api/v1/withheld",
    tag = "read",
    params(WithheldParams),
    responses(
        (status = 200, description = "The list", body = WithheldList),
        (status = 400, description = "A parameter is malformed", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn withheld(
    State(api): State<Api>,
    Params(params): Params<WithheldParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let limit = params.limit.unwrap_or(WITHHELD_PAGE);
    if !(1..=WITHHELD_PAGE_MAX).contains(&limit) {
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "limit 为 {limit}，应为 1 至 {WITHHELD_PAGE_MAX}",
                "limit is {limit}, wanted 1 to {WITHHELD_PAGE_MAX}"
            ),
        ));
    }
    if let Some(class) = params
        .class
        .as_deref()
        .filter(|word| OrderClass::parse(word).is_none())
    {
        let words: Vec<&str> = OrderClass::ALL.map(OrderClass::as_str).to_vec();
        let words = words.join(", ");
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            said!(
                "class 为 {class:?}，应为 {words} 之一",
                "class is {class:?}, wanted one of {words}"
            ),
        ));
    }
    let tree_size = api.ledger.head().tree.size;
    let now = api.ledger.wall_time();
    let items = api.ledger.withheld()?;
    let fits = |item: &&WithheldItem| {
        let order = &item.given.order;
        params
            .publisher
            .as_ref()
            .is_none_or(|name| *name == order.publisher)
            && params
                .project
                .as_ref()
                .is_none_or(|name| *name == order.project)
            && params
                .class
                .as_ref()
                .is_none_or(|word| word == order.class.as_str())
            && params
                .overdue
                .is_none_or(|wanted| wanted == item.given.overdue(now))
    };
    let fitting: Vec<&WithheldItem> = items.iter().filter(fits).collect();
    let begin = params.after.map_or(0, |after| {
        fitting.partition_point(|item| item.given.record <= after)
    });
    let end = fitting.len().min(begin + limit);
    let page = &fitting[begin..end];
    Ok(answer(
        &request,
        &WithheldList {
            tree_size,
            as_of: now.to_string(),
            count: fitting.len(),
            overdue: fitting
                .iter()
                .filter(|item| item.given.overdue(now))
                .count(),
            withheld: page
                .iter()
                .map(|item| WithheldLine::of(item, now))
                .collect(),
            after: page
                .last()
                .filter(|_| end < fitting.len())
                .map(|item| item.given.record),
        },
    ))
}
