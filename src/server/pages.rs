//! The few pages for people until the portal comes: what this is, with links to everything, and the help page of each
//! problem. Chinese first, English beside it; no script; nothing loaded from elsewhere.

use std::fmt::Write;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;

use super::Api;
use super::cache;
use super::problem::{self, Problem, escape, kinds};

const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

pub(super) const STYLE: &str = "\
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #1a1a1a; }
[lang=en] { color: #555; }
code, pre { font-size: .9em; overflow-wrap: anywhere; }
pre { background: #f4f4f2; padding: .75rem; white-space: pre-wrap; }
table { border-collapse: collapse; }
td { border-top: 1px solid #ddd; padding: .3rem .75rem .3rem 0; vertical-align: top; }
";

/// `/`, `/problems`, `/problems/<code>`, `/style.css`.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/", get(front))
        .route("/problems", get(all_problems))
        .route("/problems/{code}", get(one_problem))
        .route(
            "/style.css",
            get(|request: HeaderMap| async move {
                cache::mutable(&request, "text/css; charset=utf-8", STYLE)
            }),
        )
}

async fn front(State(api): State<Api>, request: HeaderMap) -> Response {
    let head = api.ledger.head();
    let origin = escape(api.ledger.origin());
    let genesis = api.ledger.keys().genesis_id();
    let (size, root) = (head.tree.size, head.tree.root_hash.to_base64());
    let mut body = format!(
        "<h1>明账 <small>mingzhang</small></h1>\n\
         <p>公共资源交易公开账本：交易中心用自己的密钥签署公告，本账本按顺序编链、计算默克尔树并公布。任何人都可以离线核对，不必信任交易中心、账本或其运营者：没有一条被改动、漏掉、倒签，也没有给不同的人看不同的内容。</p>\n\
         <p lang=\"en\">An open account book for public-resource trading. A trading centre signs what it announces; this ledger chains and publishes it; \
         anyone can check, offline and trusting nobody, that nothing was altered, dropped, back-dated or shown differently to different people.</p>\n\
         <table>\n\
         <tr><td>账本 <span lang=\"en\">ledger</span></td><td><code>{origin}</code></td></tr>\n\
         <tr><td>记录数 <span lang=\"en\">records</span></td><td>{size}</td></tr>\n\
         <tr><td>根哈希 <span lang=\"en\">root hash</span></td><td><code>{root}</code></td></tr>\n\
         <tr><td>创世编号 <span lang=\"en\">genesis id</span></td><td><code>{genesis}</code></td></tr>\n\
         </table>\n<h2>入口 <small lang=\"en\">entry points</small></h2>\n<table>\n"
    );
    for (link, path, zh, en) in LINKS {
        let shown = escape(path);
        let _ = match link {
            Some(link) => writeln!(
                body,
                "<tr><td><a href=\"{link}\"><code>{shown}</code></a></td><td>{zh}<br><span lang=\"en\">{en}</span></td></tr>"
            ),
            None => writeln!(
                body,
                "<tr><td><code>{shown}</code></td><td>{zh}<br><span lang=\"en\">{en}</span></td></tr>"
            ),
        };
    }
    body.push_str(
        "</table>\n<h2>核对 <small lang=\"en\">check</small></h2>\n\
         <p>不要相信这个页面。取一份回执，用从其他途径得到的策略文件离线验证：</p>\n\
         <p lang=\"en\">Do not believe this page. Take a receipt and verify it offline, with a policy that you got by another way:</p>\n\
         <pre>mingzhang receipt --ledger URL 0 -o 0.tlog-proof\nmingzhang verify 0.tlog-proof --policy policy</pre>\n",
    );
    page(&request, "明账 mingzhang", &body)
}

/// Where it leads (if anywhere by itself), how it is written, and what it is.
const LINKS: &[(Option<&str>, &str, &str, &str)] = &[
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
        "/checkpoints/<20 位数字>",
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
];

pub(super) async fn all_problems(request: HeaderMap) -> Response {
    page(&request, "错误代码 problems", &problem::page(None))
}

pub(super) async fn one_problem(
    Path(code): Path<String>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let kind = problem::find(&code).ok_or_else(|| {
        Problem::new(&kinds::NOT_FOUND, "no problem has this code").zh("没有这个错误代码")
    })?;
    Ok(page(&request, kind.title_zh, &problem::page(Some(kind))))
}

pub(super) fn page(request: &HeaderMap, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n{body}</html>\n"
    );
    let mut response = cache::mutable(request, "text/html; charset=utf-8", html);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, CSP);
    response
}
