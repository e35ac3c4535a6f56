//! Diagnostics of the commands that run long, on standard error; `RUST_LOG` says how many.
//!
//! Promises: writing a line never waits and never fails. Standard error may be a full disk, a pipe whose reader died, or one whose reader is
//! stopped: whoever logs goes on, and lines that are not taken are counted. One thread writes; it alone may wait.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::time::Duration;

/// Lines that wait for a slow reader; beyond, they are dropped.
const LINES_MAX: usize = 4_096;
/// A line that somebody waits for is waited for this long.
const PATIENCE: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<SyncSender<Line>> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

enum Line {
    Write(Vec<u8>),
    /// Said once all lines before it are written, or could not be.
    Mark(SyncSender<()>),
}

/// Begins. A second start in one process keeps the first.
pub(super) fn start() {
    let (queue, lines) = mpsc::sync_channel(LINES_MAX);
    if QUEUE.set(queue).is_err() {
        return;
    }
    let thread = std::thread::Builder::new().name("log".to_owned());
    if thread.spawn(move || write_all(&lines)).is_err() {
        // Then lines are dropped when there are too many, and nobody waits for them.
        return;
    }
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Sink)
        .with_ansi(colours)
        // Else a line that could not be written is told of by one that panics.
        .log_internal_errors(false)
        .try_init();
    // The usual hook writes to standard error itself, and would wait with it.
    std::panic::set_hook(Box::new(
        |panic| tracing::error!(%panic, "this program is at fault; please report it"),
    ));
}

/// Says `text` to the person at the terminal. Once [`start`] was called, in order with the log and without waiting for ever.
pub(super) fn say(text: &str) {
    match QUEUE.get() {
        None => {
            // Nobody may be listening, which is no reason to stop.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
        Some(_) => {
            send(format!("{text}\n").into_bytes());
            drain();
        }
    }
}

/// Waits a moment until what was logged is written.
pub(super) fn drain() {
    let Some(queue) = QUEUE.get() else { return };
    let (done, written) = mpsc::sync_channel(1);
    if queue.try_send(Line::Mark(done)).is_ok() {
        let _ = written.recv_timeout(PATIENCE);
    }
}

fn send(bytes: Vec<u8>) {
    let Some(queue) = QUEUE.get() else { return };
    match queue.try_send(Line::Write(bytes)) {
        Ok(()) => {}
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(lines: &Receiver<Line>) {
    while let Ok(line) = lines.recv() {
        match line {
            Line::Write(bytes) => {
                let lost = LOST.swap(0, Ordering::Relaxed);
                let mut stderr = io::stderr().lock();
                let before = match lost {
                    0 => Ok(()),
                    _ => writeln!(
                        stderr,
                        "有 {lost} 行日志未能写出 / {lost} lines of this log could not be written"
                    ),
                };
                let written = before.and_then(|()| stderr.write_all(&bytes));
                if written.is_err() {
                    LOST.fetch_add(lost + 1, Ordering::Relaxed);
                }
            }
            Line::Mark(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

/// Where the log is written to.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
