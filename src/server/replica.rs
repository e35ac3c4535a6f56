//! A read-only copy over HTTP: the log's files at the C2SP paths, and those look-ups that follow from them alone.
//!
//! Promises: every answer is verified when it is given ([`Replica`] does that); what is withheld by an order of the log is withheld here too;
//! posts are refused and told where to go. There is no look-up by project, statement or document: that needs an index, which a copy has not.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;

use super::api::answer::{json as answer, link_next};
use super::api::read::{ConsistencyParams, KeysParams, PageParams, parse_index};
use super::api::types::{
    Consistency, ErasedRecord, Feed, Key, Keys, Record, TreeAnswer, WithheldRecord,
};
use super::api::withheld::by_order;
use super::cache;
use super::layers::{self, Gzip};
use super::pages;
use super::problem::{Problem, escape, kinds};
use super::request::{Params, shorten};
use crate::audit::{Replica, ReplicaError, ShownTree};
use crate::lang::Said;
use crate::ledger::EntryView;
use crate::said;
use crate::tlog::merkle::Hash;
use crate::tlog::tile::Tile;
use crate::trade::orders::{Given, Shown};
use crate::trade::record::parse_entry;
use crate::trade::statement::{Chain, Statement};

const NOTE: &str = "text/plain; charset=utf-8";
const NO_CHECKPOINT_ZH: &str = "目录里还没有检查点：镜像尚未完成第一次复制";

#[derive(Clone)]
struct Copy {
    replica: Arc<Replica>,
    /// Where posts go, if the policy says.
    ledger: Option<Arc<str>>,
}

/// The whole service, as a value: tests ask it without a socket.
pub fn router(replica: Arc<Replica>, ledger: Option<&str>) -> Router {
    let copy = Copy {
        replica,
        ledger: ledger.map(Arc::from),
    };
    let routes = Router::new()
        .route("/", get(front))
        .route("/problems", get(pages::all_problems))
        .route("/problems/{code}", get(pages::one_problem))
        .route("/style.css", get(style))
        .route("/checkpoint", get(checkpoint))
        .route("/checkpoints/{size}", get(kept_checkpoint))
        .route("/tile/{*path}", get(tile))
        .route("/api/v1/records", get(records))
        .route("/api/v1/records/{index}", get(record))
        .route("/api/v1/receipts/{index}", get(receipt))
        .route("/api/v1/consistency", get(consistency))
        .route("/api/v1/keys", get(keys))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/head", get(elsewhere))
        .route("/api/v1/{*path}", any(elsewhere));
    layers::dress(
        layers::gzip(routes.with_state(copy)),
        super::portal::refusal,
    )
}

/// What a copy does not have: posts are refused, look-ups are the ledger's.
async fn elsewhere(
    State(copy): State<Copy>,
    method: axum::http::Method,
    uri: axum::http::Uri,
) -> Problem {
    let reads = matches!(method, axum::http::Method::GET | axum::http::Method::HEAD);
    let path = shorten(uri.path());
    let problem = if reads {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "只读副本没有 {path}：它只有日志文件，没有索引；请到账本查询",
                "{path} is not on a read-only copy, which has the log's files and no index: ask the ledger"
            ),
        )
    } else {
        Problem::new(
            &kinds::READ_ONLY,
            said!(
                "{method} {path} 须发往账本；此处是只读副本",
                "{method} {path} is for the ledger; this copy is only read"
            ),
        )
    };
    match &copy.ledger {
        Some(url) => problem.with("ledger", &**url),
        None => problem,
    }
}

impl From<ReplicaError> for Problem {
    fn from(error: ReplicaError) -> Problem {
        let (en, unready) = (crate::chain_of(&error), &kinds::REPLICA_UNREADY);
        match error {
            ReplicaError::Outside { found, size } => Problem::new(
                &kinds::NOT_FOUND,
                Said::new(format!("共 {size} 条记录，没有 {found}"), en),
            ),
            ReplicaError::Erased { index, order } => Problem::new(
                &kinds::ERASED,
                Said::new(
                    format!("第 {index} 号记录已依第 {order} 号记录的命令删除"),
                    en,
                ),
            )
            .with("order", order),
            ReplicaError::NoCheckpoint => {
                Problem::new(unready, Said::new(NO_CHECKPOINT_ZH, en)).retry_after(10)
            }
            _ => {
                tracing::error!(failure = en, "the copy does not hold together here");
                Problem::new(unready, Said::new(format!("副本的内容对不上：{en}"), en))
                    .retry_after(10)
            }
        }
    }
}

fn shown(copy: &Copy) -> Result<Arc<ShownTree>, Problem> {
    Ok(copy.replica.shown().ok_or(ReplicaError::NoCheckpoint)?)
}

async fn checkpoint(State(copy): State<Copy>, request: HeaderMap) -> Result<Response, Problem> {
    Ok(cache::mutable(&request, NOTE, shown(&copy)?.note.clone()))
}

async fn kept_checkpoint(
    State(copy): State<Copy>,
    Path(size): Path<String>,
) -> Result<Response, Problem> {
    let absent = || {
        Problem::new(
            &kinds::NOT_FOUND,
            said!(
                "没有复制过该大小的检查点；保留的检查点以 20 位数字的树大小命名",
                "no checkpoint of that size was copied; their names are the tree size in 20 digits"
            ),
        )
    };
    let digits = size.len() == 20 && size.bytes().all(|b| b.is_ascii_digit());
    let size: u64 = size.parse().ok().filter(|_| digits).ok_or_else(absent)?;
    let kept = copy.replica.kept_checkpoint(size).await?;
    Ok(cache::immutable(NOTE, kept.ok_or_else(absent)?))
}

async fn tile(State(copy): State<Copy>, Path(path): Path<String>) -> Result<Response, Problem> {
    let absent = |why| Problem::new(&kinds::NOT_FOUND, why);
    let tile = Tile::parse_path(&format!("tile/{path}")).map_err(|error| {
        let why = shorten(&error.to_string());
        absent(Said::new(format!("瓦片的路径不合格式：{why}"), why))
    })?;
    let bytes = copy.replica.tile(tile).await?;
    let bytes = bytes.ok_or_else(|| {
        absent(said!(
            "副本还没有这个瓦片",
            "the copy does not reach as far as this tile"
        ))
    })?;
    let mut response = cache::immutable("application/octet-stream", bytes).into_response();
    if matches!(tile, Tile::Entries { .. }) {
        response.extensions_mut().insert(Gzip);
    }
    Ok(response)
}

/// A record taken apart; what an audited log holds can be.
fn view(index: u64, entry: bytes::Bytes) -> Result<EntryView, Problem> {
    let unreadable = |cause: String| Problem::internal(format!("record {index}: {cause}"));
    let (header, note) =
        parse_entry(&entry).map_err(|error| unreadable(crate::chain_of(&error)))?;
    let statement = Statement::parse(note).map_err(|error| unreadable(crate::chain_of(&error)))?;
    Ok(EntryView {
        header,
        statement,
        entry,
    })
}

/// The order that withholds a record, if there is one.
fn withheld(verified: &ShownTree, view: &EntryView) -> Option<Arc<Given>> {
    let Chain::Trade { publisher, project } = view.statement.chain() else {
        return None;
    };
    let shown: Shown = verified
        .orders
        .record(publisher, project, &view.statement.id());
    shown.withheld_by().cloned()
}

async fn records(
    State(copy): State<Copy>,
    Params(page): Params<PageParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let (from, limit) = (page.from(), page.limit()?);
    let (verified, entries) = copy.replica.entries(from, limit).await?;
    let tree_size = verified.tree().size;
    let mut feed = Feed {
        tree_size,
        records: Vec::new(),
        erased: Vec::new(),
        withheld: Vec::new(),
        after: entries
            .last()
            .map(|(index, _)| *index)
            .or(from.checked_sub(1)),
    };
    let until = from.saturating_add(entries.len() as u64);
    for (index, entry) in entries {
        if let Some(erased) = verified.keys().erased(index) {
            let order = erased.ordered_at;
            feed.erased.push(ErasedRecord { index, order });
            continue;
        }
        let view = view(index, entry)?;
        match withheld(&verified, &view) {
            Some(given) => feed.withheld.push(WithheldRecord::of(&view, &given)),
            None => feed.records.push(Record::of(&view)),
        }
    }
    let after = feed.after;
    let mut response = answer(&request, &feed);
    if let Some(after) = after.filter(|_| until < tree_size) {
        link_next(
            &mut response,
            &format!("/api/v1/records?after={after}&limit={limit}"),
        );
    }
    Ok(response)
}

/// One record that may be shown, or why it may not.
async fn readable(copy: &Copy, index: u64) -> Result<EntryView, Problem> {
    let (verified, entries) = copy.replica.entries(index, 1).await?;
    let size = verified.tree().size;
    let (_, entry) = entries
        .into_iter()
        .next()
        .ok_or(ReplicaError::Outside { found: index, size })?;
    if let Some(erased) = verified.keys().erased(index) {
        let order = erased.ordered_at;
        return Err(ReplicaError::Erased { index, order }.into());
    }
    let view = view(index, entry)?;
    let Some(given) = withheld(&verified, &view) else {
        return Ok(view);
    };
    let record = WithheldRecord::of(&view, &given);
    Err(
        by_order(&given, &said!("第 {index} 号记录", "record {index}"))
            .with("index", record.index)
            .with("link", record.link)
            .with("time", record.time)
            .with("leaf_hash", record.leaf_hash),
    )
}

async fn record(
    State(copy): State<Copy>,
    Path(index): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let view = readable(&copy, parse_index(&index)?).await?;
    Ok(answer(&request, &Record::of(&view)))
}

async fn receipt(
    State(copy): State<Copy>,
    Path(index): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let index = parse_index(index.strip_suffix(".tlog-proof").unwrap_or(&index))?;
    readable(&copy, index).await?;
    let receipt = copy.replica.receipt(index).await?;
    Ok(cache::mutable(&request, NOTE, receipt.encode()))
}

async fn consistency(
    State(copy): State<Copy>,
    Params(sizes): Params<ConsistencyParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let old = sizes.old;
    let new = match sizes.new {
        Some(new) => new,
        None => shown(&copy)?.tree().size,
    };
    if old == 0 || old > new {
        let detail = format!("old is {old} and new is {new}, wanted 1 ≤ old ≤ new");
        return Err(Problem::new(
            &kinds::REQUEST_FORM,
            Said::new(
                format!("old 为 {old}，new 为 {new}，应为 1 ≤ old ≤ new"),
                detail,
            ),
        ));
    }
    let (old, new, proof) = copy.replica.consistency(old, new).await?;
    let proof = proof.into_iter().map(Hash::to_base64).collect();
    Ok(answer(
        &request,
        &Consistency {
            old: TreeAnswer::of(&old),
            new: TreeAnswer::of(&new),
            proof,
        },
    ))
}

async fn keys(
    State(copy): State<Copy>,
    Params(params): Params<KeysParams>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let verified = shown(&copy)?;
    let (size, state) = (verified.tree().size, verified.keys());
    let at = params.at.unwrap_or(size);
    if at > size {
        return Err(ReplicaError::Outside { found: at, size }.into());
    }
    let authority = state.authority_at(at);
    Ok(answer(
        &request,
        &Keys {
            ledger: state.ledger().to_owned(),
            genesis: state.genesis_id().to_string(),
            head: Some(verified.keys_head.to_string()),
            at,
            threshold: authority.threshold as u64,
            authorities: authority.vkeys.iter().map(ToString::to_string).collect(),
            keys: state.in_force_at(at).map(Key::of).collect(),
        },
    ))
}

async fn healthz() -> Response {
    cache::answer(NOTE, cache::NO_STORE, "ok\n".into())
}

/// Ready is who shows the folder's newest checkpoint.
async fn readyz(State(copy): State<Copy>) -> Result<Response, Problem> {
    let verified = copy.replica.shown();
    let size = verified.as_ref().map(|verified| verified.tree().size);
    match (size, copy.replica.fault()) {
        (Some(size), None) => {
            let ready = json!({ "reading": true, "tree_size": size });
            let text = serde_json::to_vec(&ready).expect("a number is JSON");
            Ok(cache::answer(
                "application/json",
                cache::NO_STORE,
                text.into(),
            ))
        }
        (size, fault) => {
            let why = match fault {
                Some(fault) => Said::new(format!("副本的内容对不上：{fault}"), fault),
                None => Said::new(NO_CHECKPOINT_ZH, ReplicaError::NoCheckpoint.to_string()),
            };
            let mut problem = Problem::new(&kinds::REPLICA_UNREADY, why).retry_after(10);
            if let Some(size) = size {
                problem = problem.with("tree_size", size);
            }
            Err(problem)
        }
    }
}

async fn style(request: HeaderMap) -> Response {
    cache::mutable(&request, "text/css; charset=utf-8", pages::STYLE)
}

async fn front(State(copy): State<Copy>, request: HeaderMap) -> Response {
    let ledger = copy.ledger.as_deref().map_or_else(
        || "—".to_owned(),
        |url| {
            let url = escape(url);
            format!("<a href=\"{url}\">{url}</a>")
        },
    );
    let state = copy.replica.shown().map_or_else(
        || "<tr><td colspan=\"2\">还没有检查点 <span lang=\"en\">no checkpoint yet</span></td></tr>\n".to_owned(),
        |verified| {
            let (tree, origin) = (verified.tree(), escape(verified.keys().ledger()));
            let (size, root) = (tree.size, tree.root_hash.to_base64());
            format!(
                "<tr><td>账本 <span lang=\"en\">ledger</span></td><td><code>{origin}</code></td></tr>\n\
                 <tr><td>记录数 <span lang=\"en\">records</span></td><td>{size}</td></tr>\n\
                 <tr><td>根哈希 <span lang=\"en\">root hash</span></td><td><code>{root}</code></td></tr>\n"
            )
        },
    );
    let links: String = [
        "/checkpoint",
        "/api/v1/records",
        "/api/v1/keys",
        "/api/v1/receipts/0",
        "/api/v1/consistency?old=1",
    ]
    .iter()
    .map(|path| format!("<li><a href=\"{path}\"><code>{path}</code></a></li>\n"))
    .collect();
    let body = format!(
        "<h1>明账 <small>只读副本 read-only copy</small></h1>\n\
         <p>这里是账本的镜像：日志文件逐字节验证后提供，账本本身不在时也可以据此核对。登记和按项目查询请到账本。</p>\n\
         <p lang=\"en\">A mirror of a ledger. Every byte is verified when it is handed out, and proves as much when the ledger itself is gone. \
         Posting and look-ups by project are the ledger's.</p>\n\
         <table>\n{state}<tr><td>账本网址 <span lang=\"en\">ledger</span></td><td>{ledger}</td></tr>\n</table>\n<ul>\n{links}</ul>\n\
         <pre>mingzhang audit URL --policy policy</pre>\n"
    );
    pages::page(&request, "明账 mingzhang", &body)
}
