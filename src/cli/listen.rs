//! What every command that serves needs of the system: files enough, a socket, and the signal to stop.

use std::net::SocketAddr;
use std::task::Poll;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::out::Failure;
use crate::said;

/// A service that has not even these finds out in the midst of something. Beyond them, connections are fewer where files are.
const FILES_MIN: u64 = 64;

/// Whether this process may open enough files to serve; the soft limit is raised as far as that needs.
pub(super) fn check_files() -> Result<(), Failure> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let have = current.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(FILES_MIN),
        maximum,
    };
    if have >= FILES_MIN || setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    Err(Failure::temporary(
        "open-files",
        said!(
            "本进程最多只能打开 {have} 个文件，提供服务至少需要 {FILES_MIN} 个：请放宽限制（ulimit -n，或 systemd 的 LimitNOFILE=）后再启动",
            "this process may open {have} files, to serve it needs {FILES_MIN} at least: raise the limit (ulimit -n, or LimitNOFILE= of systemd) and start again"
        ),
    ))
}

pub(super) async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = || {
        let socket = if listen.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_send_buffer_size(SEND_BYTES)?; // Of each connection that is accepted here.
        socket.set_reuseaddr(true)?; // As tokio's own bind: a ledger that ended a moment ago does not keep its port.
        socket.bind(listen)?;
        socket.listen(WAITING_MAX)
    };
    bound().map_err(|error| {
        Failure::temporary(
            "listen",
            said!("监听不了 {listen}", "cannot listen on {listen}").because(&error),
        )
    })
}

/// What the kernel keeps of an answer that its peer has not taken; it counts this twice. By itself it goes up to 4 MiB: five hundred
/// peers who read nothing took all the memory that it has for TCP, and everybody's connections stood still for seconds.
const SEND_BYTES: u32 = 256 << 10;

/// Connections that the kernel keeps for us until they are accepted. Where a crowd fills this queue, whoever else connects waits
/// a second for his next attempt: tokio's 1,024 overflowed under 5,000 connections at once, at a machine that had other work.
const WAITING_MAX: u32 = 16_384;

pub(super) fn url_of(listener: &TcpListener) -> String {
    listener
        .local_addr()
        .map_or_else(|_| String::new(), |address| format!("http://{address}"))
}

/// Ctrl-C, the word of the service manager, or the end of the terminal. It is listened for from this call on, not only once the future is
/// polled: whoever has been told an address may say at once that it is enough.
pub(super) fn stop_signal() -> impl Future<Output = ()> {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    // Under nohup it is ignored, and stays so.
    if !is_ignored(SignalKind::hangup()) {
        kinds.push(SignalKind::hangup());
    }
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    std::future::poll_fn(move |cx| {
        let told = signals.iter_mut().any(|told| told.poll_recv(cx).is_ready());
        if told { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// Whether this process was started with the signal ignored; where the system does not say so, as if it were.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}
