//! Errors as the caller reads them: `application/problem+json` (RFC 9457) with a stable code, a title in Chinese or English, what was
//! found, what was wanted, and a help page.
//!
//! [`kinds`] is the one table of codes; the pages under `/problems/` and the documentation are made from it. Which error of ours is
//! which kind is decided elsewhere, in one `match`. A [`Problem`] made by a handler is rendered again by [`super::layers`], which knows the
//! request's language and id.

use std::fmt::Write;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::lang::{Lang, Said};

/// One kind of problem: what a program may rely on, and what a person reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name, also the last segment of `type`. Never changed, never reused.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// Title in Chinese.
    pub title_zh: &'static str,
    /// Title in English.
    pub title_en: &'static str,
    /// What it means and what to do, in Chinese.
    pub help_zh: &'static str,
    /// What it means and what to do, in English.
    pub help_en: &'static str,
}

/// Defines each kind as a constant and all of them as [`kinds::ALL`], so that none can be missing from the help pages.
macro_rules! kinds {
    ($($name:ident = $status:literal $code:literal, $title_zh:literal, $title_en:literal, $help_zh:literal, $help_en:literal;)*) => {
        /// Every kind of problem the server answers with.
        pub mod kinds {
            use super::Kind;
            $(
                #[doc = concat!($status, " `", $code, "`: ", $title_en, ".")]
                pub static $name: Kind = Kind {
                    code: $code,
                    status: $status,
                    title_zh: $title_zh,
                    title_en: $title_en,
                    help_zh: $help_zh,
                    help_en: $help_en,
                };
            )*
            /// All of them, by status.
            pub static ALL: &[&Kind] = &[$(&$name),*];
        }
    };
}

kinds! {
    REQUEST_FORM = 400 "request-form",
        "请求的路径、参数或标头不合格式", "the path, a parameter or a header is malformed",
        "请按 /api/v1/openapi.json 检查参数的名称和取值。多余的参数也会被拒绝，以免写错的名称被悄悄忽略。",
        "Check names and values of the parameters against /api/v1/openapi.json. Unknown parameters are refused too, so that a misspelt one is not silently ignored.";
    BODY_FORM = 400 "body-form",
        "请求正文不是约定的三种形式之一", "the body is none of the three forms",
        "正文应为：签名文本（note）；或 JSON {\"note\":…,\"openings\":…}；或只有一行 JSON 声明，并以标头 Mingzhang-Signature: <密钥名> <base64(密钥ID ‖ 签名)> 附上签名。",
        "Send the signed note; or JSON {\"note\":…,\"openings\":…}; or the one line of JSON with the header Mingzhang-Signature: <key name> <base64(key ID ‖ signature)>.";
    FRAMING = 400 "request-framing",
        "请求的起止不明确（RFC 9112）", "where the request begins or ends is not clear (RFC 9112)",
        "每个请求恰好一个 Host 标头；标头行以 CRLF 结尾；正文用 Content-Length，或单独一次 Transfer-Encoding: chunked，不得并用。found 是收到的，wanted 是要求的。常见的 HTTP 程序库都会这样做；若经过代理，请检查代理。",
        "One Host header a request; lines of the head end in CRLF; a body has a Content-Length, or Transfer-Encoding: chunked once and alone, never both. `found` is what came, `wanted` what should. Every common HTTP library does so; look at the proxy, if there is one.";
    BATCH_ENDED = 400 "batch-ended",
        "批量登记未读到末尾", "the batch was not read to its end",
        "lines_read 是已逐行答复的行数（空行不计）；其后的内容未读取、未登记，请在新的批量中重新登记。若原因是签名，请先用 /api/v1/keys 核对密钥；若原因是未读取的回答，请边写边读，或每批不超过 4000 行。",
        "`lines_read` lines (empty ones not counted) were answered one by one; what comes after them was neither read nor logged: post it again in a new batch. If signatures are the reason, compare your key with /api/v1/keys first; if unread answers are, read while you write, or send at most 4,000 lines a batch.";
    STATEMENT_FORM = 400 "statement-form",
        "不是合格的声明", "this is not a statement",
        "声明是一行 JSON、一个换行、一个空行和一行签名。pointer 指出位置，found 是实际内容，wanted 是要求，hint 是改法。改正文本后须重新签名。",
        "A statement is one line of JSON, a line feed, an empty line and one signature line. `pointer` says where, `found` what stands there, `wanted` what should, `hint` what to do. Sign again after mending the text.";
    STATEMENT_REFUSED = 400 "statement-refused",
        "声明缺少必填内容或含有不允许的内容", "the statement lacks a required member or has one that is not allowed",
        "problems 逐条列出位置、问题和改法。常见原因：缺必填字段、写错类别名称、在公开文本里出现身份证号。改正后重新签名。",
        "`problems` lists place, fault and remedy one by one. Common causes: a required member is missing, a kind is misspelt, a citizen's ID number stands in public text. Sign again after mending it.";
    RULE_BROKEN = 400 "rule-broken",
        "声明违反账本规则", "the statement breaks a rule of the log",
        "账本规则对每条记录永远有效：ledger 必须是本账本；issued 不得超前账本时间 300 秒以上；amends 必须指向同一链中较早的声明；密钥的角色必须与类型相符。rule 指出是哪一条。",
        "The rules of the log hold for every record for ever: `ledger` is this ledger; `issued` is at most 300 s ahead of it; `amends` names an earlier statement of the same chain; the key's role fits the type. `rule` says which one.";
    OPENINGS_MISMATCH = 400 "openings-mismatch",
        "开启值与声明中的承诺不符", "the openings do not fit the statement's commitments",
        "每个开启值（盐和原值）必须与 pointer 所指的承诺相符：承诺 = SHA-256(mingzhang-commitment-v1、账本、发布者、项目、指针、盐、原值，各占一行)。",
        "Each opening (salt and value) must give the commitment at its pointer: SHA-256 over the lines mingzhang-commitment-v1, ledger, publisher, project, pointer, salt, value.";
    DIGEST_MISMATCH = 400 "digest-mismatch",
        "文件内容与所称的 SHA-256 不符", "the document's bytes do not have that SHA-256",
        "服务器算出的摘要见 found。请检查上传的是否是声明中写明的那个文件，以及传输中是否被改动。",
        "`found` is the digest the server computed. Check that this is the file the statement names and that nothing changed it on the way.";
    COSIGNATURE_FORM = 400 "cosignature-form",
        "正文不是本账本的检查点加联署", "the body is not a checkpoint of this log with cosignatures",
        "正文应为一份签名文本（note）：文本是本账本的检查点（三行，无附加行），其后是见证的联署行。GET /api/v1/cosignatures 给出等待联署的检查点。",
        "Send a signed note: its text is a checkpoint of this log (three lines, no extensions), followed by cosignature lines. GET /api/v1/cosignatures gives the checkpoint that waits for them.";
    COSIGNATURE_TIME = 400 "cosignature-time",
        "联署的时间不可信", "the cosignature's time cannot be right",
        "off_s 是与账本时钟相差的秒数，最多 300；联署也不能早于它所联署的树。请先校准见证机的时钟，再重新联署。",
        "`off_s` is how many seconds it is from the ledger's clock, at most 300; nor can a tree be cosigned before it was made. Set the witness's clock, then cosign again.";
    COSIGNATURE_KEY = 403 "cosignature-key",
        "联署行不是本账本策略中的见证所签，或验证不通过", "no line is by a witness of this ledger's policy, or it does not verify",
        "请把见证的公钥（vkey）交账本运行者写入策略；/api/v1/witnesses 列出策略中的见证。",
        "Have the ledger's operator put the witness's vkey into the policy; /api/v1/witnesses lists those that stand in it.";
    DISCLOSURE_REFUSED = 403 "disclosure-refused",
        "没有可以公开这些内容的签名", "nobody who may has signed that this is to be shown",
        "已登记声明的承诺值，只有发布者或监督机构新签的 disclosure（mingzhang disclose），或公开命令（order disclose）才能公开。声明本身的签名是公开的，重发它不说明任何事。",
        "A commitment of a logged statement is opened by a `disclosure` that its publisher or a supervisor signs for it now (mingzhang disclose), or by an order to disclose. The statement's own signature is public: sending it again says nothing.";
    KEY_UNKNOWN = 403 "key-unknown",
        "密钥未登记", "the key is not admitted",
        "签名行中的密钥名和密钥 ID 须与账本中已登记的密钥一致。/api/v1/keys 列出现行密钥；登记由管理机关用 key 声明办理。",
        "Key name and key ID of the signature line must be those of an admitted key. /api/v1/keys lists the keys in force; the authorities admit keys by a `key` statement.";
    KEY_NOT_IN_FORCE = 403 "key-not-in-force",
        "密钥已撤销或尚未生效", "the key is revoked or not in force",
        "请用现行密钥重新签名。/api/v1/keys 列出现行密钥。",
        "Sign again with a key in force. /api/v1/keys lists them.";
    KEY_ROLE = 403 "key-role",
        "该密钥无权作此类声明", "this key may not say this",
        "trade 由发布者签名且 publisher 即密钥名；endorse 由监督机关；notice 由运营者；order 由监督机关，或发布者就其本身的声明；genesis 和 key 由管理机关达到门限数的密钥。",
        "A `trade` statement is signed by its publisher, whose name is the key's; `endorse` by a supervisor; `notice` by the operator; `order` by a supervisor, or by a publisher about its own; `genesis` and `key` by the threshold of authority keys.";
    SIGNATURE_BAD = 403 "signature-bad",
        "签名验证不通过", "the signature does not verify",
        "请先比较 text_sha256：它是服务器收到的文本（含末尾换行）的 SHA-256。不同，说明文本在签名之后被改动（常见：编码、BOM、CRLF、空格或重新序列化）；相同，则密钥不是 key_tried 所示的那一把。",
        "First compare `text_sha256`, the SHA-256 of the text as the server saw it, with its line feed. If it differs from yours, the text changed after signing (encoding, BOM, CRLF, spaces, re-serialisation); if it is the same, the key is not the one in `key_tried`.";
    READ_ONLY = 403 "read-only",
        "这是只读副本，不接受登记", "this is a read-only copy, which takes no posts",
        "ledger 是账本的网址（策略中写有时）。请把声明发到账本；此处只提供经过验证的日志文件、记录、回执和证明。",
        "`ledger` is the ledger's address, where the policy says it. Post there; here are the log's files, records, receipts and proofs, verified.";
    NOT_FOUND = 404 "not-found",
        "没有这样的内容", "there is nothing here",
        "请检查路径。/ 页列出全部入口。若刚刚写入，按项目或编号的查询会略晚于账本。",
        "Check the path; the page / lists every entry point. Look-ups by project or id follow the log with a short delay.";
    DOCUMENT_UNNAMED = 404 "document-unnamed",
        "没有已登记的声明提到这个文件", "no logged statement names this document",
        "服务器只保存已登记声明中写明摘要的文件。请先登记声明，再上传文件。",
        "Only documents whose digest stands in a logged statement are kept. Post the statement first, then the document.";
    METHOD = 405 "method-not-allowed",
        "此路径不接受这种方法", "this path does not take that method",
        "标头 Allow 列出可用的方法。", "The header Allow lists the methods that it takes.";
    BODY_SLOW = 408 "body-slow",
        "请求正文传得太慢", "the body came too slowly",
        "上传速度低于下限而被中止。请在网络好转后重发；重复登记同一声明是安全的。",
        "The upload fell below the slowest rate that is waited for. Try again; posting the same statement twice is harmless.";
    FOLLOWS_CONFLICT = 409 "follows-conflict",
        "follows 不是该链的最后一条声明", "`follows` is not the head of the chain",
        "head 是该链现在的最后一条声明的编号（null 表示还没有）。请核对在此期间登记了什么，再以 head 作为 follows 重新签名。",
        "`head` is the id of the chain's last statement now (null if there is none). See what was logged meanwhile, then sign again with it as `follows`.";
    REF_CONFLICT = 409 "ref-conflict",
        "同一 ref 已登记过内容不同的声明", "this `ref` stands for another statement already",
        "existing 是已登记的声明编号，receipt 是它的回执路径。若内容有变，应以 amends 更正，而不是重用 ref。",
        "`existing` is the id of that statement, `receipt` where its receipt is. If something changed, say so by `amends` rather than reuse the ref.";
    COSIGNATURE_AHEAD = 409 "cosignature-ahead",
        "该见证联署的条数多于本账本", "the witness has cosigned more records than this ledger has",
        "账本可能被旧备份恢复，已停止写入。运行者须找回最新数据；见证请保留 state 目录作为证据。",
        "The ledger may have been restored from an older copy and has stopped writing. Its operator has to bring the newest data back; the witness should keep its state folder as evidence.";
    ERASED = 410 "erased",
        "该记录已依令删除", "the record was erased by order",
        "order 是删除令所在的记录。叶哈希仍在，其余记录的证明不受影响。",
        "`order` is the record of the order. Its leaf hash remains, and the proofs of all other records hold.";
    TOO_LARGE = 413 "too-large",
        "请求正文过大", "the body is too large",
        "limit 是此处允许的字节数。文件不随声明发送，只在声明中写摘要，再用 PUT /api/v1/documents/<SHA-256> 上传。",
        "`limit` is the most bytes taken here. Documents do not travel in statements: name their digest and PUT them to /api/v1/documents/<SHA-256>.";
    MEDIA_TYPE = 415 "media-type",
        "不接受这种内容类型或编码", "this content type or encoding is not taken",
        "正文须为 text/plain、application/json 或 application/x-ndjson，UTF-8，不压缩（不带 Content-Encoding）。",
        "Send text/plain, application/json or application/x-ndjson, in UTF-8, uncompressed (without Content-Encoding).";
    PROOF_FAILS = 422 "proof-fails",
        "证明不成立", "the proof does not hold",
        "所给的一致性证明不能把两个检查点连起来。请重新取得检查点和证明。",
        "The consistency proof given does not connect the two checkpoints. Fetch checkpoint and proof again.";
    COSIGNATURE_FORK = 422 "cosignature-fork",
        "该见证联署的是同样大小的另一棵树", "the witness has cosigned another tree of this size",
        "同一条数有两棵不同的树：两份签名不可能同时为真。双方都应保存所持的检查点并上报。",
        "There are two different trees of one size: both cannot be true. Both sides should keep the checkpoints that they hold, and report it.";
    WITHHELD = 451 "withheld",
        "依令不予公开", "withheld by order",
        "by_order 说明由谁、依据什么、由谁批准、何时复核。记录的序号、时间、叶哈希和证明（leaf_hash、proof、checkpoint）照常可以核对；全部不予公开的事项见 /api/v1/withheld。",
        "`by_order` says who ordered it, on what basis, who approved it and when it is looked at again. Index, time, leaf hash and proof (`leaf_hash`, `proof`, `checkpoint`) can be checked as ever; /api/v1/withheld lists everything that is withheld.";
    INTERNAL = 500 "internal",
        "服务器内部错误", "the server failed",
        "请把 request_id 告诉运营者；日志中有原因。重复登记同一声明是安全的。",
        "Tell the operator the `request_id`; the log has the cause. Posting the same statement again is harmless.";
    BUSY = 503 "busy",
        "服务器正忙", "the server is busy",
        "为保证登记不受影响，检索、导出、报告、上传和下载的并发数与内存有限。请按 Retry-After 所示秒数后再试；大量数据请用 mingzhang mirror 镜像，不必逐页抓取。",
        "So that posting goes on, searches, exports, reports, uploads and downloads share a limited number of places and a limited memory. Try again after the seconds in Retry-After; who wants much takes a mirror (mingzhang mirror) instead of pages.";
    CONNECTIONS_FULL = 503 "connections-full",
        "连接数已满", "too many connections",
        "请稍后再试，或减少并发连接：批量登记用一个连接即可。",
        "Try again shortly, or use fewer connections: one is enough for a batch.";
    SEARCH_UNAVAILABLE = 503 "search-unavailable",
        "暂不能检索", "searching is not possible here",
        "账本本身不受影响：可按序号、项目或编号查询。运营者可用 mingzhang reindex 重建索引。",
        "The ledger is not touched by it: look records up by index, project or id. The operator can make the index anew with mingzhang reindex.";
    INDEX_UNAVAILABLE = 503 "index-unavailable",
        "查询索引暂不可用", "the query index is not available now",
        "账本本身不受影响：按序号读取记录、回执和证明照常。索引会自行恢复，请稍后再试。",
        "The log is not touched by it: records, receipts and proofs by number are read as ever. The index comes back by itself; try again later.";
    REPLICA_UNREADY = 503 "replica-unready",
        "副本暂时给不出这项内容", "the copy cannot give this now",
        "副本只提供由检查点推出、并已逐字节验证的内容。detail 说明缺什么；请稍后再试，或到账本和其他镜像取。",
        "A copy hands out only what follows from its checkpoint and was verified byte by byte. `detail` says what is amiss; try again later, or ask the ledger or another mirror.";
    LAW_UNAVAILABLE = 503 "law-unavailable",
        "全账本的规则结论尚未就绪", "the answers of the rules over the whole ledger are not ready",
        "服务刚启动时须先读完账本，请稍后再试。单个项目可查 /api/v1/projects/…/report；也可用 mingzhang findings 自行计算。",
        "After a start the log has to be read first: try again shortly. A single project is at /api/v1/projects/…/report; mingzhang findings computes all of it at your place.";
    QUEUE_FULL = 503 "queue-full",
        "登记队列已满", "the queue is full",
        "请按 Retry-After 所示秒数后重发同样的内容。",
        "Post the same bytes again after the seconds in Retry-After.";
    OUTCOME_UNKNOWN = 503 "outcome-unknown",
        "不知道是否已登记", "it is not known whether the statement was logged",
        "请重发同样的内容：若已登记，会得到原来的回执；若没有，就会登记。切勿改动后重发。",
        "Post the same bytes again: if it was logged you get its receipt, if not it will be. Do not change it first.";
    NOT_WRITING = 503 "not-writing",
        "账本暂不接受登记", "the ledger takes no posts now",
        "查询和验证照常。有 Retry-After 时会自行恢复，否则须由运营者处理，原因见服务器日志。",
        "Reading and checking go on. With Retry-After it passes by itself; otherwise the operator has to act, and the server's log says why.";
    WRITING_HELD = 503 "writing-held",
        "见证发现账本曾回退或分叉，已停止写入", "a witness has found that the ledger was rolled back or forked: nothing is written",
        "查询和验证照常。reason 说明是哪家见证、看到什么。须由运行者处理：找回最新数据，或见 docs/operations.md。",
        "Reading and checking go on. `reason` says which witness saw what. The operator has to act: bring the newest data back, or see docs/operations.md.";
    DISK_FULL = 507 "disk-full",
        "磁盘空间不足，暂停登记", "the disk is nearly full",
        "没有写入任何内容。运营者腾出空间后会自行恢复，届时请重发。",
        "Nothing was written. Posting resumes by itself once the operator has made room.";
}

/// An answer that says what went wrong. Returned by handlers as the `Err` of their result.
///
/// ```
/// use mingzhang::said;
/// use mingzhang::server::problem::{Problem, kinds};
///
/// let problem = Problem::new(&kinds::QUEUE_FULL, said!("已有 8192 条在等待", "8192 posts wait")).retry_after(1).with("queue_max", 8192);
/// assert_eq!(problem.kind().status, 503);
/// ```
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: &'static Kind,
    detail: Said,
    members: Map<String, Value>,
    retry_after_s: Option<u32>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of `kind`; `detail` says what is wrong with this very request.
    pub fn new(kind: &'static Kind, detail: Said) -> Problem {
        Problem(Box::new(Inner {
            kind,
            detail,
            members: Map::new(),
            retry_after_s: None,
            cause: None,
        }))
    }

    /// Our own failure. The caller learns only the request id; `cause` goes to our log with the same id.
    pub fn internal(cause: impl Into<String>) -> Problem {
        let mut problem = Problem::new(&kinds::INTERNAL, Said::default());
        problem.0.cause = Some(cause.into());
        problem
    }

    /// A further member: `pointer`, `found`, `wanted`, `hint`, `head`, … (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        assert!(
            !STANDARD_MEMBERS.contains(&name),
            "{name} is written by render()"
        );
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// The same as the answer of a probe: 503, with the words of what is wrong.
    pub(super) fn into_unready(mut self) -> Problem {
        if self.0.kind.status != 503 {
            self.0.kind = &kinds::NOT_WRITING;
        }
        self
    }

    /// Which kind it is.
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// What is wrong with this very request.
    pub(super) fn detail(&self) -> &Said {
        &self.0.detail
    }

    /// What our log should say of it, if anything.
    pub(super) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// What is wrong with this very request in one English sentence, for answers in plain text.
    pub(super) fn in_short(&self) -> &str {
        match self.0.detail.en.as_str() {
            "" => self.0.kind.title_en,
            detail => detail,
        }
    }

    /// The members of the answer, as in a line of a batch.
    pub fn to_json(&self, language: Option<Lang>, request_id: Option<&str>) -> Value {
        serde_json::to_value(self.document(language, request_id))
            .expect("strings and values are JSON")
    }

    /// The whole answer.
    pub(super) fn render(
        &self,
        language: Option<Lang>,
        request_id: Option<&str>,
    ) -> Response<Body> {
        let document = self.document(language, request_id);
        let body = serde_json::to_vec(&document).expect("strings and values are JSON");
        let status = StatusCode::from_u16(self.0.kind.status).expect("the table has real statuses");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(
            header::CONTENT_LANGUAGE,
            HeaderValue::from_static(language.map_or("zh-CN, en", Lang::tag)),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn document<'a>(&'a self, language: Option<Lang>, request_id: Option<&'a str>) -> Document<'a> {
        let Inner {
            kind,
            detail,
            members,
            ..
        } = &*self.0;
        let detail = match language {
            None if detail.zh == detail.en => detail.en.clone(),
            language => choose(language, &detail.zh, &detail.en),
        };
        Document {
            r#type: format!("/problems/{}", kind.code),
            title: choose(language, kind.title_zh, kind.title_en),
            status: kind.status,
            code: kind.code,
            detail: (!detail.is_empty()).then_some(detail),
            request_id,
            members,
        }
    }
}

const STANDARD_MEMBERS: [&str; 6] = ["type", "title", "status", "code", "detail", "request_id"];

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: String,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl IntoResponse for Problem {
    /// In both languages; [`super::layers`] finds the problem in the extensions and renders it for the request.
    fn into_response(self) -> Response<Body> {
        let mut response = self.render(None, None);
        response.extensions_mut().insert(self);
        response
    }
}

/// One sentence, or both with a stroke between where no language was asked for.
fn choose(language: Option<Lang>, zh: &str, en: &str) -> String {
    match language {
        Some(lang) => lang.say(zh, en).to_owned(),
        None => format!("{zh} / {en}"),
    }
}

/// The kind with this code.
pub fn find(code: &str) -> Option<&'static Kind> {
    kinds::ALL.iter().copied().find(|kind| kind.code == code)
}

/// The table as Markdown, for the documentation.
pub fn markdown() -> String {
    let mut table = String::from("| status | code | 含义 | meaning |\n| --- | --- | --- | --- |\n");
    for kind in kinds::ALL {
        let _ = writeln!(
            table,
            "| {} | `{}` | {} | {} |",
            kind.status, kind.code, kind.title_zh, kind.title_en
        );
    }
    table
}

/// The body of the help page of one kind, or of the list of all (`None`), as HTML in both languages.
pub(super) fn page(kind: Option<&Kind>) -> String {
    let mut html = String::new();
    let Some(kind) = kind else {
        html.push_str("<h1>错误代码 <small lang=\"en\">problems</small></h1>\n<table>\n");
        for kind in kinds::ALL {
            let Kind {
                code,
                status,
                title_zh,
                title_en,
                ..
            } = kind;
            let _ = writeln!(
                html,
                "<tr><td>{status}</td><td><a href=\"/problems/{code}\"><code>{code}</code></a></td><td>{title_zh}<br><span lang=\"en\">{title_en}</span></td></tr>",
            );
        }
        html.push_str("</table>\n");
        return html;
    };
    let Kind {
        code,
        status,
        title_zh,
        title_en,
        help_zh,
        help_en,
    } = kind;
    let (help_zh, help_en) = (escape(help_zh), escape(help_en));
    let _ = write!(
        html,
        "<h1>{title_zh}</h1>\n<p><code>{code}</code> · HTTP {status}</p>\n<p>{help_zh}</p>\n\
         <section lang=\"en\">\n<h2>{title_en}</h2>\n<p>{help_en}</p>\n</section>\n<p><a href=\"/problems\">全部错误代码 all problems</a></p>\n",
    );
    html
}

/// Text as an HTML text node or attribute value.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said;

    #[test]
    fn every_code_is_one_word_of_a_path_and_stands_once() {
        for (n, kind) in kinds::ALL.iter().enumerate() {
            assert!(
                kind.code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                kind.code
            );
            assert!((400..=599).contains(&kind.status));
            assert!(!kind.help_zh.is_empty() && !kind.help_en.is_empty());
            assert_eq!(find(kind.code), Some(*kind));
            for other in &kinds::ALL[..n] {
                assert_ne!(other.code, kind.code);
                assert!(
                    other.status <= kind.status,
                    "{} stands after {}",
                    other.code,
                    kind.code
                );
            }
            assert!(
                page(Some(kind)).contains(kind.title_en)
                    && page(None).contains(kind.code)
                    && markdown().contains(kind.code)
            );
        }
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn an_internal_problem_tells_nothing_but_the_request_id() {
        let problem = Problem::internal("cannot read /secret/place");
        let json = problem.to_json(Some(Lang::En), Some("r1")).to_string();
        assert!(!json.contains("secret"), "{json}");
        assert!(json.contains(r#""request_id":"r1""#), "{json}");
        assert_eq!(problem.cause(), Some("cannot read /secret/place"));
    }

    #[test]
    fn a_problem_says_what_was_found_and_what_was_wanted_in_the_language_asked_for() {
        let problem = Problem::new(
            &kinds::STATEMENT_FORM,
            said!("见到 1.5，应为整数", "found 1.5, wanted an integer"),
        )
        .with("pointer", "/a");
        let json = problem.to_json(Some(Lang::Zh), None);
        assert_eq!(json["title"], "不是合格的声明");
        assert_eq!(json["detail"], "见到 1.5，应为整数");
        assert_eq!(json["type"], "/problems/statement-form");
        assert_eq!(
            (json["status"].as_u64(), json["pointer"].as_str()),
            (Some(400), Some("/a"))
        );
        let json = problem.to_json(None, None);
        assert_eq!(
            json["detail"],
            "见到 1.5，应为整数 / found 1.5, wanted an integer"
        );
    }

    #[test]
    #[should_panic(expected = "written by render")]
    fn a_further_member_cannot_stand_in_for_a_standard_one() {
        let _ = Problem::new(&kinds::INTERNAL, Said::default()).with("status", 200);
    }
}
