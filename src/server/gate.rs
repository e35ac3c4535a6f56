//! Expensive answers: few at a time, on threads of their own, and within the memory that all answers share.
//!
//! Whatever reads many records or judges a project goes through [`expensive`]: a few at a time, others wait for a moment, and who still has
//! no turn then is told to come again. Whatever reads a record or two goes through [`moderate`]. Both run on threads of low priority, so that posts,
//! checkpoints and tiles never queue behind them. [`hold`] takes room for an answer until its last byte is handed to the socket.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::problem::{Problem, kinds};
use super::readings::is_page;
use super::room::{Client, Full, Room};
use crate::lang::Said;
use crate::said;

/// How long a request waits for its turn. Whoever asks again at once after a refusal is slowed down by it.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to come again, in seconds.
const RETRY_AFTER_S: u32 = 2;
/// Requests that wait for their turn; the next is refused at once.
const WAITING_MAX: usize = 256;
/// Requests that read a record or two, at one time.
const MODERATE_MAX: usize = 32;
/// Threads that wait for the disk on behalf of readers, at most; downloads of projects hold one each.
const DISK_THREADS: usize = 24;

/// The gate, and the threads behind it.
#[derive(Debug)]
pub(super) struct Gate {
    threads: Threads,
    expensive: Turns,
    moderate: Turns,
}

#[derive(Debug)]
struct Turns {
    turns: Semaphore,
    waiting: Semaphore,
}

impl Turns {
    fn new(at_a_time: usize) -> Turns {
        // Semaphores have a limit of their own, which nobody needs.
        let at_a_time = at_a_time.clamp(1, 1 << 20);
        Turns {
            turns: Semaphore::new(at_a_time),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    async fn turn(&self) -> Result<impl Drop + '_, Problem> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let busy = || {
            Problem::new(
                &kinds::BUSY,
                said!(
                    "正在进行的检索、导出和报告已达上限",
                    "as many searches, exports and reports are under way as may"
                ),
            )
            .retry_after(RETRY_AFTER_S)
        };
        let _waits = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        Ok(turn
            .map_err(|_| busy())?
            .expect("the semaphore is never closed"))
    }
}

/// A runtime that may be dropped anywhere, also within another one.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Threads {
    fn new() -> Threads {
        let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.clamp(1, 4))
            .max_blocking_threads(DISK_THREADS)
            .thread_name("readers")
            .on_thread_start(|| {
                // On Linux this is the thread's own: readers yield to whoever posts.
                let _ = rustix::process::nice(10);
            })
            .enable_all()
            .build();
        Threads(Some(runtime.expect(
            "the system gives threads to a process that just began",
        )))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("only drop() takes it").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Gate {
    /// So many expensive answers at a time.
    pub(super) fn new(expensive_max: usize) -> Arc<Gate> {
        Arc::new(Gate {
            threads: Threads::new(),
            expensive: Turns::new(expensive_max),
            moderate: Turns::new(MODERATE_MAX),
        })
    }

    /// Where readers' work is done.
    pub(super) fn handle(&self) -> &Handle {
        self.threads.handle()
    }

    /// Does expensive work of a handler that has read its request's body already: a turn is never spent on waiting for a peer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        self.work(&self.expensive, work).await
    }

    async fn work<T: Send + 'static>(
        &self,
        turns: &Turns,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn = turns.turn().await?;
        let mut work = Work(self.handle().spawn(work));
        match (&mut work.0).await {
            Ok(done) => Ok(done),
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(Problem::internal(cancelled.to_string())),
            },
        }
    }
}

/// Work that ends when nobody waits for it any more.
struct Work<T>(JoinHandle<T>);

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// For routes that read many records, search, or judge.
pub(super) async fn expensive(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = gate.work(&gate.expensive, next.run(request)).await;
    answer.into_response()
}

/// For routes that read a record or two.
pub(super) async fn moderate(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = gate.work(&gate.moderate, next.run(request)).await;
    answer.into_response()
}

/// A page of so few records is not expensive: who posts asks for the head of his project this way.
const FEW: usize = 8;

/// For the routes below a project: its report, its history, pages of its records.
pub(super) async fn of_project(
    State(gate): State<Arc<Gate>>,
    Path(path): Path<String>,
    request: Request,
    next: Next,
) -> Response {
    let is_page = is_page(request.uri().path(), &path);
    let query = request.uri().query().unwrap_or_default();
    let is_few = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name == "limit" && value.parse().is_ok_and(|limit: usize| limit <= FEW)
    });
    let turns = if is_page && is_few {
        &gate.moderate
    } else {
        &gate.expensive
    };
    gate.work(turns, next.run(request)).await.into_response()
}

/// Bytes of an answer that need no room.
const FREE_BYTES: u64 = 8 << 10;
/// Bytes of one answer, at most: of 256 records of the largest size, and all reports but those of projects that are for the command line.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Marks an answer whose bytes are not its own: compiled in, or held by somebody already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared;

/// There is no memory for an answer.
pub(super) fn no_room(_: Full) -> Problem {
    Problem::new(
        &kinds::BUSY,
        said!(
            "尚未被读取的回答已占满内存",
            "as much memory is taken by answers that nobody has read yet as may"
        ),
    )
    .retry_after(RETRY_AFTER_S)
}

/// Takes room for an answer, for as long as anybody has its bytes.
pub(super) async fn hold(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    let client = Client::of(request.extensions());
    let response = next.run(request).await;
    let bytes = match response.body().size_hint().exact() {
        Some(bytes) if bytes > FREE_BYTES => bytes,
        _ => return response,
    };
    if response.extensions().get::<Shared>().is_some() {
        return response;
    }
    if bytes > ANSWER_BYTES_MAX {
        let said =
            format!("the answer has {bytes} bytes, at most {ANSWER_BYTES_MAX} are given at once");
        return Problem::new(
            &kinds::TOO_LARGE,
            Said::new(
                format!("回答有 {bytes} 字节，一次最多 {ANSWER_BYTES_MAX} 字节"),
                said,
            ),
        )
        .with("limit", ANSWER_BYTES_MAX)
        .into_response();
    }
    let amount = usize::try_from(bytes).expect("at most ANSWER_BYTES_MAX");
    match room.guest(client).take(amount).await {
        Ok(share) => {
            let (parts, body) = response.into_parts();
            // It is there whole already, or its length would not be known.
            match to_bytes(body, usize::MAX).await {
                Ok(bytes) => Response::from_parts(parts, Body::from(share.with(bytes))),
                Err(error) => Problem::internal(error.to_string()).into_response(),
            }
        }
        Err(full) => no_room(full).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::JoinSet;
    use tower::ServiceExt;

    use super::*;

    const ASKED: usize = 50;

    /// Many ask at once: `expensive_max` of them are at work together, all others are told to come again.
    async fn flood(expensive_max: usize) {
        let (began, mut working) = mpsc::unbounded_channel();
        let may_end = Arc::new(Semaphore::new(0));
        let at_work = may_end.clone();
        let work = move || async move {
            began.send(()).expect("the test listens");
            at_work.acquire().await.expect("never closed").forget();
            "done"
        };
        let app: Router = Router::new()
            .route("/", get(work))
            .route_layer(from_fn_with_state(Gate::new(expensive_max), expensive));
        let mut asked = JoinSet::new();
        for _ in 0..ASKED {
            let request = axum::http::Request::get("/").body(Body::empty());
            asked.spawn(app.clone().oneshot(request.expect("a request")));
        }
        for n in 0..ASKED {
            if n == ASKED - expensive_max {
                for _ in 0..expensive_max {
                    working.recv().await.expect("so many are at work");
                }
                assert!(working.try_recv().is_err(), "and no more");
                may_end.add_permits(expensive_max);
            }
            let answer = asked.join_next().await.expect("as many as asked");
            let response = answer.expect("no panic").expect("never fails");
            let want = if n < ASKED - expensive_max { 503 } else { 200 };
            assert_eq!(response.status(), want, "the answer number {n}");
        }
    }

    #[tokio::test]
    async fn few_expensive_answers_are_made_at_a_time() {
        flood(1).await;
        flood(3).await;
    }

    /// Without a gate the same flood is seen: the test above measures something.
    #[tokio::test]
    async fn a_gate_that_is_open_lets_all_of_them_in() {
        flood(ASKED).await;
    }
}
