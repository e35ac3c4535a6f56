//! `POST /api/v1/statements/batch`: many statements in one request, NDJSON in and out, an outcome a line, in order.
//!
//! Lines are read and judged as they come, side by side, and logged in their order; only lines of one chain come one after another, and
//! let those of other chains by while they wait.
//! Most HTTP libraries write the whole request before they read an answer, so answers are kept until they are read, in the room
//! that all peers share: a line is taken in hand when there is room for it and for its answer. Whoever shows no admitted key is
//! heard for [`STRANGER_LINES_MAX`] lines, and told at the end how to go on.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, http::HeaderValue, http::header};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesOrdered, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use utoipa::IntoParams;

use super::form::Form;
use super::post::{POST_BYTES_MAX, WaitFor, accepted, check, log, status_of};
use super::types::{DryRunAnswer, PostedAnswer, ProblemAnswer};
use crate::lang::{Lang, Said};
use crate::ledger::{Ledger, Places, Wait};
use crate::said;
use crate::server::Api;
use crate::server::body::Lines;
use crate::server::problem::{Problem, kinds};
use crate::server::request::{self, Params, RequestId};
use crate::server::room::{Client, Full, Guest, Share};
use crate::trade::statement::{Chain, Statement};

/// Lines of one batch in hand at one time: enough to keep all cores busy while a commit is written.
const LINES_MAX: usize = 1_024;
/// The same, before one of them was signed by an admitted key and is new.
const FIRST_LINES_MAX: usize = 64;
/// Lines without the signature of an admitted key after which a batch ends.
pub const STRANGER_LINES_MAX: usize = 256;
/// What an answer may need beyond twice its line, until it is there: proof, checkpoint, key statements.
const ANSWER_BYTES: usize = 6 << 10;
/// What a line or an answer costs beside its bytes.
const OVERHEAD_BYTES: usize = 256;
/// Answers that are there already go out together, up to so many bytes.
const FRAME_BYTES: usize = 16 << 10;

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
    /// Codes of remarks that are meant for every line, comma between, as for `statements`.
    #[serde(default)]
    accept: Option<String>,
}

/// Log many statements. Each line is `{"note":…,"openings":…}`; each line of the answer has `status` and either `index`,
/// `id`, `time`, `receipt` or the members of a problem; with `dry_run`, what a dry run of `statements` answers. Empty lines are skipped. A client that reads only after it has
/// written everything sends at most 4,000 lines a request. After 256 lines that no admitted key signed, with none logged between, or when answers
/// pile up unread, the batch ends: its last line is then a problem `batch-ended` whose `lines_read` says how many lines were answered; what comes
/// after them is posted again.
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
    client: Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let guest = api.rooms.answers.guest(client.clone());
    let lines = Lines::new(&headers, body, POST_BYTES_MAX)?.within(api.rooms.bodies.guest(client));
    // Bounded by the room that each answer takes, not by their number.
    let (answers, waiting) = mpsc::unbounded_channel();
    let voice = Voice {
        language: request::language(&headers),
        request_id,
    };
    let batch = Batch {
        ledger: api.ledger,
        wait: params.wait.wait(),
        dry_run: params.dry_run,
        accepted: accepted(params.accept.as_deref())?.into(),
        voice: Arc::new(voice),
        turns: Turns::default(),
        places: Places::default(),
        guest,
        lines_read: 0,
        of_strangers: 0,
        in_hand_max: FIRST_LINES_MAX,
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

/// What became of a line.
struct Answered {
    answer: Bytes,
    whose: Whose,
    room: Share,
}

/// Who a line shows its poster to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Somebody with an admitted key: the line is new and was logged.
    Known,
    /// Anybody: it bears no signature of an admitted key.
    Stranger,
    /// That cannot be told: it was logged before, or is refused for what it says.
    Unclear,
}

impl Whose {
    fn of_refusal(problem: &Problem) -> Whose {
        let of_stranger = [
            &kinds::BODY_FORM,
            &kinds::STATEMENT_FORM,
            &kinds::TOO_LARGE,
            &kinds::KEY_UNKNOWN,
            &kinds::KEY_NOT_IN_FORCE,
            &kinds::SIGNATURE_BAD,
        ];
        if of_stranger.contains(&problem.kind()) {
            Whose::Stranger
        } else {
            Whose::Unclear
        }
    }
}

/// How to word what is refused.
struct Voice {
    language: Option<Lang>,
    request_id: RequestId,
}

struct Batch {
    ledger: Ledger,
    wait: Wait,
    dry_run: bool,
    accepted: Arc<[String]>,
    voice: Arc<Voice>,
    turns: Turns,
    places: Places,
    guest: Arc<Guest>,
    lines_read: usize,
    /// Lines of a stranger since the last one that was logged.
    of_strangers: usize,
    in_hand_max: usize,
}

impl Batch {
    /// Reads, posts and answers until the body has ended and everything is answered, or nobody listens any more.
    async fn run(mut self, mut lines: Lines, answers: mpsc::UnboundedSender<Bytes>) {
        let mut pending: FuturesOrdered<JoinHandle<Answered>> = FuturesOrdered::new();
        // A line that waits for room.
        let mut next = None;
        let mut last_words: Option<Problem> = None;
        let mut reading = true;
        while reading || next.is_some() || !pending.is_empty() {
            tokio::select! {
                line = lines.next(), if reading && next.is_none() && pending.len() < self.in_hand_max => match line {
                    Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
                    Ok(Some(line)) => {
                        let guest = self.guest.clone();
                        next = Some(Box::pin(async move {
                            let room = guest.take(2 * line.len() + ANSWER_BYTES).await;
                            (line, room)
                        }));
                    }
                    Ok(None) => reading = false,
                    Err(broken) => {
                        // What came before is answered as it deserves; the rest never came.
                        reading = false;
                        last_words = Some(broken);
                    }
                },
                (line, room) = async { next.as_mut().expect("only if there is one").await }, if next.is_some() => {
                    next = None;
                    match room {
                        Ok(room) => {
                            self.lines_read += 1;
                            pending.push_back(self.begin(line, room));
                        }
                        Err(Full) => {
                            reading = false;
                            last_words = Some(ended(&said!(
                                "未读取的回答已占满空间：请边写边读",
                                "there is no room for further answers: read them while you write"
                            )));
                        }
                    }
                }
                Some(done) = pending.next() => {
                    let Ok(outcome) = done else {
                        // A panic of ours took the line's room with it.
                        let answer = self.voice.refuse(&Problem::internal("a line of a batch panicked"));
                        if answers.send(answer).is_err() { return }
                        continue;
                    };
                    match outcome.whose {
                        Whose::Known => (self.of_strangers, self.in_hand_max) = (0, LINES_MAX),
                        Whose::Stranger => self.of_strangers += 1,
                        Whose::Unclear => {}
                    }
                    if self.of_strangers == STRANGER_LINES_MAX && reading {
                        (reading, next) = (false, None);
                        last_words = Some(ended(&said!(
                            "已有 {STRANGER_LINES_MAX} 行没有已登记密钥的有效签名",
                            "{STRANGER_LINES_MAX} lines bear no signature of an admitted key"
                        )));
                    }
                    let mut room = outcome.room;
                    room.shrink_to(outcome.answer.len() + OVERHEAD_BYTES);
                    if answers.send(room.with(outcome.answer)).is_err() { return }
                }
                () = answers.closed() => return,
            }
        }
        if let Some(problem) = last_words {
            let problem = problem.with("lines_read", self.lines_read);
            let _ = answers.send(self.voice.refuse(&problem));
        }
    }

    /// Sets one line to work. Lines of one chain take turns, as each must follow the one before.
    fn begin(&mut self, line: Bytes, room: Share) -> JoinHandle<Answered> {
        let form = Form::parse_json(&line);
        drop(line);
        let chain = form
            .as_ref()
            .ok()
            .and_then(|form| Statement::from_bytes(form.note.clone()).ok())
            .map(|statement| statement.chain().clone());
        let turn = chain.map(|chain| self.turns.next(chain));
        let (ledger, wait, voice) = (self.ledger.clone(), self.wait, self.voice.clone());
        let (dry_run, accepted) = (self.dry_run, self.accepted.clone());
        let mut place = Some(self.places.next());
        tokio::spawn(async move {
            let _turn = match turn {
                Some(mut turn) => {
                    if !turn.has_come() {
                        place = None;
                    }
                    Some(turn.come().await)
                }
                None => None,
            };
            let outcome = match form {
                Ok(form) if dry_run => check(&ledger, form, &accepted).await.map(|answer| {
                    let line = line_of(&Checked {
                        status: 200,
                        answer,
                    });
                    (line, Whose::Unclear)
                }),
                Ok(form) => log(&ledger, form, &accepted, wait, place)
                    .await
                    .map(|posted| {
                        let whose = if posted.new {
                            Whose::Known
                        } else {
                            Whose::Unclear
                        };
                        let line = line_of(&Logged {
                            status: status_of(&posted).as_u16(),
                            posted: PostedAnswer::of(posted),
                        });
                        (line, whose)
                    }),
                Err(refused) => Err(refused),
            };
            let (answer, whose) = outcome
                .unwrap_or_else(|problem| (voice.refuse(&problem), Whose::of_refusal(&problem)));
            Answered {
                answer,
                whose,
                room,
            }
        })
    }
}

/// The last line of a batch that is not read to its end.
fn ended(why: &Said) -> Problem {
    let Said { zh, en } = why;
    Problem::new(
        &kinds::BATCH_ENDED,
        said!(
            "{zh}；前 lines_read 行（空行不计）之后的内容未读取，请重新登记",
            "{en}; lines after the first `lines_read` (empty ones not counted) were not read, post them again"
        ),
    )
}

/// A line that was logged, now or before.
#[derive(Serialize)]
struct Logged {
    status: u16,
    #[serde(flatten)]
    posted: PostedAnswer,
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
    /// Whether nobody is before.
    fn has_come(&mut self) -> bool {
        let waits = |before: &mut oneshot::Receiver<()>| {
            matches!(before.try_recv(), Err(oneshot::error::TryRecvError::Empty))
        };
        // One that was told cannot be asked again.
        self.before.take_if(|before| !waits(before));
        self.before.is_none()
    }

    /// Waits for the turn; it lasts until what is returned is dropped.
    async fn come(self) -> oneshot::Sender<()> {
        if let Some(before) = self.before {
            // Nothing is ever sent: the one before is done when it has dropped its sender, whatever became of it.
            let _ = before.await;
        }
        self.done
    }
}

fn line_of(answer: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(answer).expect("strings and numbers are JSON");
    line.push(b'\n');
    // It may wait long to be read: not a byte more than it is.
    line.into_boxed_slice().into()
}

/// Answers as body frames, those that are there already in one frame.
fn in_bunches(
    waiting: mpsc::UnboundedReceiver<Bytes>,
) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures_util::stream::unfold(waiting, |mut waiting| async {
        let first = waiting.recv().await?;
        let mut bunch = BytesMut::new();
        while bunch.len() + first.len() < FRAME_BYTES {
            let Ok(more) = waiting.try_recv() else { break };
            bunch.extend_from_slice(&more);
        }
        if bunch.is_empty() {
            return Some((Ok(first), waiting));
        }
        let frame = [&first[..], &bunch[..]].concat();
        Some((Ok(Bytes::from(frame)), waiting))
    })
}
