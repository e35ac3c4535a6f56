//! The load: so many connections, each sending a request, reading its answer to the end, then sending the next (a closed loop).
//!
//! It shares the cores with what it measures, as at a small operator's: [`Run`] says how much of the processor it took itself. Requests are bytes
//! made before the clock starts. Any answer but 2xx, and any line of a batch but 201, ends the measurement: a rate of refusals is no rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::answer::{AnswerError, read_answer};
use super::machine::{self, GENERATOR, Used};

/// What every line that logged something begins with, in the answer to a batch.
const LOGGED_LINE: &[u8] = b"{\"status\":201,";
const SHOWN_BYTES_MAX: usize = 300;

/// Why a measurement ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// No connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// The service's.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// An answer could not be read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A refusal.
    #[error("answered {status}: {body}")]
    Status {
        /// Not 2xx.
        status: u16,
        /// How the answer begins.
        body: String,
    },
    /// A line of a batch was refused.
    #[error("a line of a batch was answered {line}")]
    Line {
        /// How the line begins.
        line: String,
    },
    /// A connection's task ended otherwise.
    #[error("the generator broke off")]
    Task(#[from] tokio::task::JoinError),
}

/// What is to be sent.
#[derive(Debug)]
pub(crate) struct Load {
    /// At one time.
    pub connections: usize,
    /// Whole requests, head and body.
    pub requests: Vec<Bytes>,
    /// `None`: each request once. Otherwise over and over for so long.
    pub during: Option<Duration>,
    /// Whether each answer is of NDJSON, an outcome a line.
    pub lines: bool,
    /// Bodies of the first so many answers are handed back.
    pub keep: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    /// At one time.
    pub connections: usize,
    /// Answers, or lines of answers.
    pub done: u64,
    /// From the first byte sent to the last answer read.
    pub seconds: f64,
    /// `done / seconds`.
    pub per_s: f64,
    /// Median from sending to the whole answer, in ms; of batches, of a window.
    pub p50_ms: f64,
    /// The time that 99 of 100 stay within, in ms.
    pub p99_ms: f64,
    /// The generator's share of the processor time of the run, 0 to 1.
    pub generator_share: Option<f64>,
    /// Processor time of everything but the generator, for one answer, in µs.
    pub server_us: Option<f64>,
    /// Cores busy on average, the generator's part included.
    pub cores_busy: Option<f64>,
    /// Memory of the process before, in bytes; the requests are in it.
    pub resident_before: Option<u64>,
    /// Memory of the process after, in bytes.
    pub resident_after: Option<u64>,
    /// Bodies kept.
    #[serde(skip)]
    pub kept: Vec<Vec<u8>>,
}

/// Threads of its own, so that their processor time can be told apart.
#[derive(Debug)]
pub(crate) struct Generator {
    runtime: Runtime,
}

impl Generator {
    /// As many threads as cores.
    pub fn start() -> std::io::Result<Generator> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name(GENERATOR)
            .enable_all()
            .build()?;
        Ok(Generator { runtime })
    }

    /// Sends the load and waits for all answers.
    pub fn run(&self, address: SocketAddr, load: Load) -> Result<Run, LoadError> {
        self.runtime.block_on(async {
            let mut streams = Vec::with_capacity(load.connections);
            for _ in 0..load.connections {
                let connected = TcpStream::connect(address)
                    .await
                    .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
                streams.push(connected.map_err(|source| LoadError::Connect { address, source })?);
            }
            let (resident_before, before) = (machine::resident_bytes(), machine::used());
            let begun = Instant::now();
            let shared = Arc::new(Shared {
                until: load.during.map(|during| begun + during),
                load,
                next: AtomicUsize::new(0),
            });
            let tasks: Vec<_> = streams
                .into_iter()
                .map(|stream| tokio::spawn(converse(stream, shared.clone())))
                .collect();
            let mut all = Taken::default();
            for task in tasks {
                let mut taken = task.await??;
                all.done += taken.done;
                all.micros.append(&mut taken.micros);
                all.kept.append(&mut taken.kept);
            }
            let seconds = begun.elapsed().as_secs_f64();
            let used = before
                .zip(machine::used())
                .map(|(before, after)| after - before);
            Ok(all.run(shared.load.connections, seconds, used, resident_before))
        })
    }
}

struct Shared {
    load: Load,
    until: Option<Instant>,
    next: AtomicUsize,
}

impl Shared {
    fn next(&self) -> Option<(usize, &Bytes)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let requests = &self.load.requests;
        match self.until {
            None => Some((at, requests.get(at)?)),
            Some(until) => (Instant::now() < until).then(|| (at, &requests[at % requests.len()])),
        }
    }
}

/// What the connections have measured.
#[derive(Default)]
struct Taken {
    done: u64,
    micros: Vec<u32>,
    kept: Vec<Vec<u8>>,
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) -> Result<Taken, LoadError> {
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::with_capacity(16 << 10, reader);
    let (mut taken, mut body) = (Taken::default(), Vec::new());
    while let Some((at, request)) = shared.next() {
        let begun = Instant::now();
        // Answers to a batch are read while it is written: its server keeps only so many for us.
        let write = async { writer.write_all(request).await.map_err(AnswerError::from) };
        let ((), status) = tokio::try_join!(write, read_answer(&mut reader, &mut body))?;
        taken
            .micros
            .push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        if !(200..300).contains(&status) {
            return Err(LoadError::Status {
                status,
                body: shown(&body),
            });
        }
        taken.done += if shared.load.lines {
            count_logged(&body)?
        } else {
            1
        };
        if at < shared.load.keep {
            taken.kept.push(body.clone());
        }
    }
    Ok(taken)
}

/// The lines of an answer to a batch, if each of them logged something.
fn count_logged(body: &[u8]) -> Result<u64, LoadError> {
    let mut count = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(LOGGED_LINE) {
            return Err(LoadError::Line { line: shown(line) });
        }
        count += 1;
    }
    Ok(count)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES_MAX)]).into_owned()
}

impl Taken {
    fn run(
        mut self,
        connections: usize,
        seconds: f64,
        used: Option<Used>,
        resident_before: Option<u64>,
    ) -> Run {
        self.micros.sort_unstable();
        let ms = |hundredth| f64::from(percentile(&self.micros, hundredth).unwrap_or(0)) / 1e3;
        let done = self.done as f64;
        let used = used.filter(|used| used.process > 0.0);
        Run {
            connections,
            done: self.done,
            seconds,
            per_s: done / seconds,
            p50_ms: ms(50),
            p99_ms: ms(99),
            generator_share: used.map(|used| used.generator / used.process),
            server_us: used
                .filter(|_| self.done > 0)
                .map(|used| (used.process - used.generator) * 1e6 / done),
            cores_busy: used.map(|used| used.process / seconds),
            resident_before,
            resident_after: machine::resident_bytes(),
            kept: self.kept,
        }
    }
}

/// The smallest value that at least so many of a hundred do not exceed (nearest rank); the values are sorted.
pub(crate) fn percentile<T: Copy>(sorted: &[T], hundredth: usize) -> Option<T> {
    let rank = (sorted.len() * hundredth).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        #[track_caller]
        fn check(count: u32, hundredth: usize, wanted: Option<u32>) {
            let sorted: Vec<u32> = (1..=count).collect();
            assert_eq!(
                percentile(&sorted, hundredth),
                wanted,
                "p{hundredth} of 1 to {count}"
            );
        }
        check(0, 50, None);
        check(1, 0, Some(1));
        check(1, 50, Some(1));
        check(1, 99, Some(1));
        check(2, 50, Some(1));
        check(3, 50, Some(2));
        check(100, 50, Some(50));
        check(100, 99, Some(99));
        check(101, 99, Some(100));
        check(1000, 99, Some(990));
        check(1000, 100, Some(1000));
    }

    #[test]
    fn a_batch_counts_only_if_every_line_logged() {
        assert_eq!(count_logged(b"").unwrap(), 0);
        assert_eq!(
            count_logged(b"{\"status\":201,\"index\":1}\n{\"status\":201,\"index\":2}\n").unwrap(),
            2
        );
        for refused in [
            "{\"status\":201,\"index\":1}\n{\"status\":503}\n",
            "{\"status\":200,\"index\":1}\n",
            "\n",
        ] {
            assert!(count_logged(refused.as_bytes()).is_err(), "{refused}");
        }
    }
}
