//! `POST /api/v1/statements/batch`: many statements in one request, NDJSON in and out, an outcome a line, in order.
//!
//! Lines are read, judged and logged as they come; lines of one chain one after another, different chains side by side.
//! Most HTTP libraries write the whole request before they read an answer, so answers are kept until they are read, up to
//! [`ANSWERS_BYTES_MAX`]; beyond that reading pauses. What a batch may hold is bounded: lines, their bytes, answers' bytes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, http::HeaderValue, http::header};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{FuturesOrdered, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use utoipa::IntoParams;

use super::form::Form;
use super::post::{POST_BYTES_MAX, WaitFor, check, log, status_of};
use super::types::{DryRunAnswer, PostedAnswer, ProblemAnswer};
use crate::ledger::{Ledger, Wait};
use crate::server::Api;
use crate::server::body::Lines;
use crate::server::layers::{Params, RequestId};
use crate::server::problem::{Language, Problem};
use crate::trade::statement::{Chain, Statement};

/// Lines of one batch in hand at one time: enough to keep all cores busy while a commit is written.
const LINES_MAX: usize = 1_024;
/// Bytes of these lines.
const LINES_BYTES_MAX: usize = 8 << 20;
/// Bytes of answers that are kept for a client which has not read them: some 5,000 receipts, each with warnings in two languages.
pub const ANSWERS_BYTES_MAX: usize = 32 << 20;

/// How to post a batch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BatchParams {
    /// Check each line as the log stands now, write nothing.
    #[serde(default)]
    dry_run: bool,
    /// What each line waits for: `signed` or `witnessed`.
    #[serde(default)]
    #[param(inline)]
    wait: WaitFor,
}

/// Log many statements. Each line is `{"note":…,"openings":…}`; each line of the answer has `status` and either `index`,
/// `id`, `time`, `receipt` or the members of a problem; with `dry_run`, what a dry run of `statements` answers. Empty lines are skipped. A client that reads only after it has
/// written everything sends at most 4,000 lines a request.
#[utoipa::path(
    post,
    path = "/api/v1/statements/batch",
    tag = "post",
    params(BatchParams),
    request_body(content = String, content_type = "application/x-ndjson", description = "One `{\"note\":…,\"openings\":…}` a line, at most 1 MiB each"),
    responses(
        (status = 200, description = "An outcome a line, in the order of the request", body = String, content_type = "application/x-ndjson"),
        (status = 415, description = "Compressed", body = ProblemAnswer, content_type = "application/problem+json"),
    )
)]
pub(super) async fn batch(
    State(api): State<Api>,
    Params(params): Params<BatchParams>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let lines = Lines::new(&headers, body, POST_BYTES_MAX)?;
    // Bounded by the room that each answer takes, not by their number.
    let (answers, waiting) = mpsc::unbounded_channel();
    let voice = Voice {
        language: Language::of(&headers),
        request_id,
    };
    let batch = Batch {
        ledger: api.ledger,
        wait: params.wait.wait(),
        dry_run: params.dry_run,
        voice: Arc::new(voice),
        turns: Turns::default(),
    };
    tokio::spawn(batch.run(lines, answers));

    let mut response = Response::new(Body::from_stream(in_bunches(waiting)));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// An answer, and the room it takes until it is handed over.
type Answer = (Bytes, OwnedSemaphorePermit);

/// How to word what is refused.
struct Voice {
    language: Language,
    request_id: RequestId,
}

struct Batch {
    ledger: Ledger,
    wait: Wait,
    dry_run: bool,
    voice: Arc<Voice>,
    turns: Turns,
}

impl Batch {
    /// Reads, posts and answers until the body has ended and everything is answered, or nobody listens any more.
    async fn run(mut self, mut lines: Lines, answers: mpsc::UnboundedSender<Answer>) {
        let lines_room = Arc::new(Semaphore::new(LINES_BYTES_MAX));
        let answers_room = Arc::new(Semaphore::new(ANSWERS_BYTES_MAX));
        let mut pending: FuturesOrdered<JoinHandle<Bytes>> = FuturesOrdered::new();
        let mut reading = true;
        while reading || !pending.is_empty() {
            tokio::select! {
                line = lines.next(), if reading && pending.len() < LINES_MAX => match line {
                    Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                    Ok(Some(line)) => {
                        let room = take(&lines_room, line.len().max(1)).await;
                        pending.push_back(self.begin(line, room));
                    }
                    Ok(None) => reading = false,
                    Err(broken) => {
                        // What came before is answered as it deserves; the rest never came.
                        reading = false;
                        let answer = self.voice.refuse(&broken);
                        pending.push_back(tokio::spawn(async { answer }));
                    }
                },
                Some(answer) = pending.next() => {
                    let answer = answer.unwrap_or_else(|panic| self.voice.refuse(&Problem::internal(format!("a line of a batch: {panic}"))));
                    tokio::select! {
                        room = take(&answers_room, answer.len()) => {
                            if answers.send((answer, room)).is_err() { return }
                        }
                        () = answers.closed() => return,
                    }
                }
                () = answers.closed() => return,
            }
        }
    }

    /// Sets one line to work. Lines of one chain take turns, as each must follow the one before.
    fn begin(&mut self, line: Bytes, room: OwnedSemaphorePermit) -> JoinHandle<Bytes> {
        let form = Form::parse_json(&line);
        let chain = form
            .as_ref()
            .ok()
            .and_then(|form| Statement::from_bytes(form.note.clone()).ok())
            .map(|statement| statement.chain().clone());
        let turn = chain.map(|chain| self.turns.next(chain));
        let (ledger, wait, voice) = (self.ledger.clone(), self.wait, self.voice.clone());
        let dry_run = self.dry_run;
        tokio::spawn(async move {
            let _room = room;
            let _turn = match turn {
                Some(turn) => Some(turn.come().await),
                None => None,
            };
            if dry_run {
                let outcome = match form {
                    Ok(form) => check(&ledger, form).await,
                    Err(refused) => Err(refused),
                };
                return match outcome {
                    Ok(answer) => line_of(&Checked {
                        status: 200,
                        answer,
                    }),
                    Err(problem) => voice.refuse(&problem),
                };
            }
            let outcome = match form {
                Ok(form) => log(&ledger, form, wait).await,
                Err(refused) => Err(refused),
            };
            match outcome {
                Ok(posted) => {
                    #[derive(Serialize)]
                    struct Logged {
                        status: u16,
                        #[serde(flatten)]
                        posted: PostedAnswer,
                    }
                    line_of(&Logged {
                        status: status_of(&posted).as_u16(),
                        posted: PostedAnswer::of(posted),
                    })
                }
                Err(problem) => voice.refuse(&problem),
            }
        })
    }
}

/// A line that was checked only.
#[derive(Serialize)]
struct Checked {
    status: u16,
    #[serde(flatten)]
    answer: DryRunAnswer,
}

impl Voice {
    fn refuse(&self, problem: &Problem) -> Bytes {
        if let Some(cause) = problem.cause() {
            tracing::error!(
                request_id = self.request_id.as_str(),
                cause,
                "a line of a batch failed"
            );
        }
        line_of(&problem.to_json(self.language, Some(self.request_id.as_str())))
    }
}

/// Who comes after whom in each chain.
#[derive(Default)]
struct Turns(HashMap<Chain, oneshot::Receiver<()>>);

/// A place in a chain: waits for the one before, and by being dropped lets the next one go.
struct Turn {
    before: Option<oneshot::Receiver<()>>,
    done: oneshot::Sender<()>,
}

impl Turns {
    fn next(&mut self, chain: Chain) -> Turn {
        // A batch may have more chains than memory: those that nobody is busy with are forgotten.
        if self.0.len() >= 4 * LINES_MAX {
            self.0.retain(|_, last| {
                matches!(last.try_recv(), Err(oneshot::error::TryRecvError::Empty))
            });
        }
        let (done, last) = oneshot::channel();
        Turn {
            before: self.0.insert(chain, last),
            done,
        }
    }
}

impl Turn {
    /// Waits for the turn; it lasts until what is returned is dropped.
    async fn come(self) -> oneshot::Sender<()> {
        if let Some(before) = self.before {
            // Nothing is ever sent: the one before is done when it has dropped its sender, whatever became of it.
            let _ = before.await;
        }
        self.done
    }
}

async fn take(room: &Arc<Semaphore>, bytes: usize) -> OwnedSemaphorePermit {
    // Never more than there is in all, or it would wait for ever.
    let permits = u32::try_from(bytes.min(LINES_BYTES_MAX)).expect("LINES_BYTES_MAX is below 2^32");
    room.clone()
        .acquire_many_owned(permits)
        .await
        .expect("the semaphore is never closed")
}

fn line_of(answer: &impl Serialize) -> Bytes {
    let mut line = BytesMut::with_capacity(4_096).writer();
    serde_json::to_writer(&mut line, answer).expect("strings and numbers are JSON");
    let mut line = line.into_inner();
    line.put_u8(b'\n');
    line.freeze()
}

/// Answers as body frames, those that are there already in one frame.
fn in_bunches(
    waiting: mpsc::UnboundedReceiver<Answer>,
) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures_util::stream::unfold(waiting, |mut waiting| async {
        let mut bunch = Vec::new();
        waiting.recv_many(&mut bunch, 64).await;
        let bytes = match bunch.as_mut_slice() {
            [] => return None,
            [(one, _)] => std::mem::take(one),
            many => many
                .iter()
                .flat_map(|(answer, _)| answer)
                .copied()
                .collect(),
        };
        Some((Ok(bytes), waiting))
    })
}
