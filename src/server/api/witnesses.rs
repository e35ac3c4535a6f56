//! `/api/v1/cosignatures`: for witnesses that cannot be reached and come by themselves. `/api/v1/witnesses`: how each of them stands.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::json;
use super::types::{ProblemAnswer, TreeAnswer};
use crate::lang::{Bilingual, Said};
use crate::ledger::{DELIVERY_BYTES_MAX, DeliveryError, Witnesses};
use crate::server::Api;
use crate::server::body::Capped;
use crate::server::cache;
use crate::server::problem::Problem;

/// How the ledger stands with its witnesses.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WitnessesAnswer {
    /// The name on the policy's `quorum` line; `none` if nobody's word is needed.
    quorum: String,
    /// How many members of the quorum must cosign.
    need: usize,
    /// How many have cosigned the newest head.
    have: usize,
    /// The newest head's size.
    head_size: u64,
    /// The largest size that met the policy.
    met_size: Option<u64>,
    /// For how long the head has been larger than that, in seconds.
    lag_s: Option<i64>,
    /// After so many seconds `checkpoint` goes on without a quorum; null: never.
    fail_open_after_s: Option<i64>,
    /// Whether that is so now.
    failing_open: bool,
    /// Whether the newest head has waited for a quorum for more than 60 s: an alarm.
    overdue: bool,
    /// If so, whether as many witnesses answer as are needed: then the fault is the ledger's.
    witnesses_answer: bool,
    /// Why nothing is written, if a witness has shown that nothing may be.
    held: Option<String>,
    /// The whole in one sentence, in Chinese.
    zh: String,
    /// The whole in one sentence, in English.
    en: String,
    /// Each of them, in the order of the policy.
    witnesses: Vec<WitnessAnswer>,
}

/// One witness.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WitnessAnswer {
    /// Its name in the policy.
    name: String,
    /// Its key.
    vkey: String,
    /// Where it is asked; null if it comes by itself.
    url: Option<String>,
    /// The newest tree that it has cosigned.
    size: Option<u64>,
    /// When, by its own clock.
    time: Option<String>,
    /// `unheard`, `cosigns`, `catching-up`, `silent`, `refuses`, `other-key`, `bad-signature`, `clock`, `ahead`, `disagrees` or `unsupported`
    /// (an algorithm that is not verified here).
    state: &'static str,
    /// The same in Chinese.
    zh: String,
    /// The same in English.
    en: String,
}

/// What became of delivered cosignatures.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveredAnswer {
    /// The witnesses whose lines are good, by their names in the policy.
    witnesses: Vec<String>,
    /// Whether they count: only lines of the checkpoint that GET gives, or of the newest head, do.
    counted: bool,
    /// What was cosigned.
    tree: TreeAnswer,
    /// Whether a checkpoint of at least this size has a quorum.
    met: bool,
}

/// How each witness stands.
#[utoipa::path(
    get,
    path = "/api/v1/witnesses",
    tag = "witnesses",
    responses((status = 200, description = "Each of the policy's witnesses, and the whole", body = WitnessesAnswer))
)]
pub(super) async fn witnesses(State(api): State<Api>, request: HeaderMap) -> Response {
    json(&request, &WitnessesAnswer::of(api.ledger.witnesses()))
}

/// The checkpoint that waits for cosignatures: the same for every witness that comes until enough have cosigned it.
#[utoipa::path(
    get,
    path = "/api/v1/cosignatures",
    tag = "witnesses",
    responses(
        (status = 200, description = "A checkpoint signed by the log", body = String, content_type = "text/plain"),
        (status = 404, description = "This ledger gathers no cosignatures", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn to_cosign(State(api): State<Api>) -> Result<Response, Problem> {
    let offered = api.ledger.to_cosign().ok_or(DeliveryError::NotGathering)?;
    Ok(cache::answer(
        "text/plain; charset=utf-8",
        cache::NO_STORE,
        offered.note.clone().into(),
    ))
}

/// Deliver cosignatures: a note whose text is a checkpoint of this log, with lines of its witnesses.
#[utoipa::path(
    post,
    path = "/api/v1/cosignatures",
    tag = "witnesses",
    request_body(content = String, content_type = "text/plain", description = "The note, at most 64 KiB"),
    responses(
        (status = 200, description = "The lines are good", body = DeliveredAnswer),
        (status = 400, description = "Not a checkpoint of this log, or a time that cannot be", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 403, description = "No line by a witness of the policy, or one that does not verify", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 404, description = "This ledger gathers no cosignatures", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 409, description = "The witness has more records than this ledger: writing stops", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 422, description = "The witness has another tree of this size", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deliver(
    State(api): State<Api>,
    Capped(body): Capped<DELIVERY_BYTES_MAX>,
) -> Result<Response, Problem> {
    let delivered = api.ledger.deliver(&body).await?;
    Ok(Json(DeliveredAnswer {
        witnesses: delivered.witnesses,
        counted: delivered.counted,
        tree: TreeAnswer::of(&delivered.tree),
        met: delivered.met,
    })
    .into_response())
}

/// The lines of `/healthz`: `ok` says that the process answers; the rest is there only if there is something to say.
pub(super) fn health(api: &Api) -> String {
    let mut text = "ok\n".to_owned();
    // Writing to a String does not fail.
    if let Err(refused) = api.ledger.ready() {
        let problem = Problem::from(refused);
        let Said { zh, en } = problem.detail();
        let _ = writeln!(text, "not writing / 不接受登记: {en} / {zh}");
    }
    let (head, indexed) = (api.ledger.head().tree.size, api.ledger.index_size());
    if api.ledger.index_behind().is_some() {
        let _ = writeln!(
            text,
            "query index behind / 查询索引落后: {indexed} of {head}; look-ups answer for fewer records, see the log"
        );
    }
    if api
        .options
        .search
        .as_ref()
        .is_some_and(|search| search.is_failing())
    {
        text.push_str("search behind / 检索索引落后，自动重试中\n");
    }
    if api.options.law.as_ref().is_some_and(|law| law.is_failing()) {
        text.push_str("findings behind / 规则结论落后，自动重试中\n");
    }
    if let Some(warning) = api.ledger.clock_warning() {
        let zh = warning.zh();
        let _ = writeln!(text, "warning, clock: {warning} / 时钟告警：{zh}");
    }
    let answer = WitnessesAnswer::of(api.ledger.witnesses());
    if answer.witnesses.is_empty() {
        return text;
    }
    let _ = writeln!(text, "{} / {}", answer.en, answer.zh);
    for witness in answer.witnesses {
        let WitnessAnswer {
            name,
            size,
            time,
            zh,
            en,
            ..
        } = witness;
        let newest = match (size, time) {
            (Some(size), Some(time)) => format!("{size} at {time}"),
            _ => "-".to_owned(),
        };
        let _ = writeln!(text, "witness {name}: {newest}, {en} / {zh}");
    }
    text
}

impl WitnessesAnswer {
    fn of(said: Witnesses) -> WitnessesAnswer {
        let (zh, en) = sentence(&said);
        let witnesses = said.witnesses.into_iter().map(|witness| WitnessAnswer {
            name: witness.name,
            vkey: witness.vkey,
            url: witness.url,
            size: witness.size,
            time: witness.time.map(|time| time.to_string()),
            state: witness.state,
            zh: witness.zh,
            en: witness.en,
        });
        WitnessesAnswer {
            quorum: said.quorum,
            need: said.need,
            have: said.have,
            head_size: said.head_size,
            met_size: said.met_size,
            lag_s: said.lag_s,
            fail_open_after_s: said.fail_open_after_s,
            failing_open: said.failing_open,
            overdue: said.overdue,
            witnesses_answer: said.witnesses_answer,
            held: said.held,
            zh,
            en,
            witnesses: witnesses.collect(),
        }
    }
}

fn sentence(said: &Witnesses) -> (String, String) {
    let (head, met, need) = (said.head_size, said.met_size.unwrap_or(0), said.need);
    if said.held.is_some() {
        return (
            "见证所持的检查点与本账本不符，已停止写入".to_owned(),
            "a witness holds a checkpoint that does not fit this ledger: nothing is written"
                .to_owned(),
        );
    }
    if said.failing_open {
        let lag_s = said.lag_s.unwrap_or(0);
        return (
            format!(
                "注意：已 {lag_s} 秒没有足够的见证联署，检查点正在未经见证的情况下发布（运行者设定）"
            ),
            format!(
                "WARNING: no quorum for {lag_s} s; checkpoints are published WITHOUT enough cosignatures, as the operator has configured"
            ),
        );
    }
    if said.overdue {
        let lag_s = said.lag_s.unwrap_or(0);
        return match said.witnesses_answer {
            true => (
                format!(
                    "警报：足够的见证在答复，最新记录却已 {lag_s} 秒没有得到联署（已见证 {met} 条，账本有 {head} 条）：问题在本账本，请查看其日志"
                ),
                format!(
                    "ALARM: enough witnesses answer, and the newest records have not been cosigned for {lag_s} s all the same (witnessed {met} of {head}): the fault is in this ledger, see its log"
                ),
            ),
            false => (
                format!(
                    "警报：最新记录已 {lag_s} 秒没有得到足够的联署（已见证 {met} 条，账本有 {head} 条）：须 {need} 家，答复的见证不足"
                ),
                format!(
                    "ALARM: the newest records have lacked a quorum for {lag_s} s (witnessed {met} of {head}): {need} must cosign, and too few witnesses answer"
                ),
            ),
        };
    }
    match (need, said.lag_s) {
        (0, _) => (
            "本账本的策略不要求见证".to_owned(),
            "the policy of this ledger needs no witness".to_owned(),
        ),
        (_, Some(lag_s)) => (
            format!(
                "已见证到第 {met} 条，账本已有 {head} 条，已等候 {lag_s} 秒；须 {need} 家，现有 {} 家",
                said.have
            ),
            format!(
                "witnessed up to {met} of {head} records, waiting for {lag_s} s; {need} must cosign, {} have",
                said.have
            ),
        ),
        (_, None) => (
            format!("全部 {head} 条已由足够的见证联署"),
            format!("all {head} records are cosigned by enough witnesses"),
        ),
    }
}
