//! The page of all entry points for programs, and the help page of each problem.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Page, shown};
use crate::said;
use crate::server::Api;
use crate::server::problem::{self, Kind, Problem, kinds};

#[derive(Template)]
#[template(path = "data.html")]
struct DataPage {
    p: Page,
    genesis: String,
    rows: Vec<EntryPoint>,
}

#[derive(Debug)]
struct EntryPoint {
    link: Option<&'static str>,
    path: &'static str,
    what: &'static str,
}

/// `/data`.
pub(super) async fn data(
    State(api): State<Api>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "data");
    let rows = ENTRY_POINTS.iter().map(|(link, path, zh, en)| EntryPoint {
        link: *link,
        path,
        what: p.lang.say(zh, en),
    });
    let page = DataPage {
        genesis: api.ledger.keys().genesis_id().to_string(),
        rows: rows.collect(),
        p,
    };
    shown(&request, &page)
}

#[derive(Template)]
#[template(path = "problems.html")]
struct ProblemsPage {
    p: Page,
    kinds: Vec<Help>,
    is_all: bool,
}

#[derive(Debug)]
struct Help {
    code: &'static str,
    status: u16,
    title: &'static str,
    text: &'static str,
}

/// `/problems`.
pub(super) async fn problems(
    State(api): State<Api>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let p = Page::new(&api, &uri, "data");
    let kinds = kinds::ALL.iter().map(|kind| help(kind, &p)).collect();
    shown(
        &request,
        &ProblemsPage {
            p,
            kinds,
            is_all: true,
        },
    )
}

/// `/problems/<code>`.
pub(super) async fn problem(
    State(api): State<Api>,
    Path(code): Path<String>,
    uri: Uri,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let kind = problem::find(&code).ok_or_else(|| {
        Problem::new(
            &kinds::NOT_FOUND,
            said!("没有这个错误代码", "no problem has this code"),
        )
    })?;
    let p = Page::new(&api, &uri, "data");
    let kinds = vec![help(kind, &p)];
    shown(
        &request,
        &ProblemsPage {
            p,
            kinds,
            is_all: false,
        },
    )
}

fn help(kind: &'static Kind, p: &Page) -> Help {
    Help {
        code: kind.code,
        status: kind.status,
        title: p.lang.say(kind.title_zh, kind.title_en),
        text: p.lang.say(kind.help_zh, kind.help_en),
    }
}

/// Where it leads (if anywhere by itself), how it is written, and what it is.
const ENTRY_POINTS: &[(Option<&str>, &str, &str, &str)] = &[
    (
        Some("/checkpoint"),
        "/checkpoint",
        "满足见证策略的最新检查点",
        "newest checkpoint that meets the policy",
    ),
    (
        Some("/head"),
        "/head",
        "账本签署的最新检查点",
        "newest checkpoint that the log signed",
    ),
    (
        None,
        "/checkpoints/<SIZE>",
        "永久保留的检查点",
        "checkpoints kept for ever",
    ),
    (
        None,
        "/tile/<L>/<N>, /tile/entries/<N>",
        "账本本身（C2SP tlog-tiles）",
        "the log itself (C2SP tlog-tiles)",
    ),
    (
        Some("/api/v1/records"),
        "/api/v1/records?after=&limit=",
        "按顺序的全部记录",
        "all records in order",
    ),
    (
        Some("/api/v1/records/0"),
        "/api/v1/records/N",
        "一条记录",
        "one record",
    ),
    (
        Some("/api/v1/receipts/0"),
        "/api/v1/receipts/N",
        "一条记录的回执（.tlog-proof）",
        "the receipt of a record (.tlog-proof)",
    ),
    (
        None,
        "/api/v1/statements/ID",
        "按编号查声明",
        "a statement by id",
    ),
    (
        None,
        "/api/v1/projects/PUBLISHER/PROJECT",
        "一个项目的全部环节",
        "all stages of a project",
    ),
    (
        None,
        "/api/v1/documents/SHA256",
        "声明所附文件",
        "a document by digest",
    ),
    (
        None,
        "/api/v1/openings/ID",
        "已公开的承诺原值",
        "openings that are shown",
    ),
    (
        Some("/api/v1/keys"),
        "/api/v1/keys?at=",
        "现行密钥",
        "keys in force",
    ),
    (
        Some("/api/v1/consistency?old=1"),
        "/api/v1/consistency?old=&new=",
        "账本只增不改的证明",
        "proof that the log only grew",
    ),
    (
        None,
        "POST /api/v1/statements",
        "登记一份声明，取得回执",
        "log a statement, get its receipt",
    ),
    (
        None,
        "POST /api/v1/statements/batch",
        "批量登记（NDJSON）",
        "log many (NDJSON)",
    ),
    (
        Some("/api/v1/openapi.json"),
        "/api/v1/openapi.json",
        "接口描述（OpenAPI 3.1）",
        "the API described (OpenAPI 3.1)",
    ),
    (Some("/problems"), "/problems", "错误代码", "error codes"),
    (Some("/readyz"), "/healthz, /readyz", "运行状态", "health"),
    (
        Some("/api/v1/search"),
        "/api/v1/search?q=&format=csv",
        "检索，JSON 或 CSV",
        "search, as JSON or CSV",
    ),
    (
        Some("/api/v1/withheld"),
        "/api/v1/withheld",
        "不予公开清单",
        "what is withheld",
    ),
    (
        None,
        "/api/v1/ocds/PUBLISHER/PROJECT",
        "项目的 OCDS 数据",
        "a project as OCDS",
    ),
    (
        Some("/feed.atom"),
        "/feed.atom",
        "按检索条件订阅（Atom）",
        "a feed by the conditions of a search (Atom)",
    ),
    (
        Some("/policy"),
        "/policy",
        "信任策略：验证者需要它",
        "the trust policy, which verifiers need",
    ),
];
