//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::args_os().any(|argument| argument == "serve") {
        begin_anew_with_memory_given_back();
    }
    mingzhang::cli::run(std::env::args_os())
}

/// Lets the C library give large blocks back to the system when they are freed. By itself it raises the size that counts as large with
/// each such block, up to 32 MiB, and from then on keeps what a burst of strangers' requests took: a hundred MiB. A size that was
/// set stays, but is read only where a program starts; so this one starts again, in the same process, before it has done anything.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_anew_with_memory_given_back() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    const LARGE_BYTES: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072"); // mallopt(3); glibc's own first value.
    if std::env::var_os(LARGE_BYTES.0).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    // Where the system does not say who we are (no /proc), or another program stands in our place meanwhile, the server runs as it is.
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else {
        return;
    };
    let file = |path: &std::path::Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    if file(&program).is_none() || file(&program) != file("/proc/self/exe".as_ref()) {
        return;
    }
    // Returns only if it cannot be done. A broken pipe then ends the process, until `serve` says otherwise.
    let _ = std::process::Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(LARGE_BYTES.0, LARGE_BYTES.1)
        .exec();
}
