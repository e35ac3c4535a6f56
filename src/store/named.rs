//! Files that somebody names on a command line: a policy, a receipt, a state, a report.
//!
//! Promises: nothing that is named is waited for or read without end. A folder, a device, a socket, and a pipe that nobody writes are
//! refused, each by what it is; a pipe with a writer (`<(command)`) is read. Only a regular file is replaced or added to: the new one is whole
//! before it has the name, and a link stays a link. Does not look where a link leads; `cli/documents.rs` does, for what is published.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, IsTerminal, Read, Result, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// The opening of a pipe does not wait for its other end, and a terminal does not become ours.
const AT_ONCE: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// A file that is open for reading.
#[derive(Debug)]
pub struct Named {
    file: File,
    /// What a pipe gave when it was asked whether somebody writes it.
    first: Option<u8>,
}

impl Named {
    /// Opens `path`.
    ///
    /// # Errors
    /// The system's own; [`ErrorKind::InvalidInput`] says what it is instead of a file.
    pub fn open(path: &Path) -> Result<Named> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(AT_ONCE)
            .open(path)
            .map_err(|error| instead(path, error))?;
        let kind = file.metadata()?.file_type();
        let mut first = None;
        if kind.is_fifo() {
            // Without a writer a pipe ends at once; with one it says that nothing has come yet.
            let mut byte = [0];
            match file.read(&mut byte) {
                Ok(0) => return Err(is(kind)),
                Ok(_) => first = Some(byte[0]),
                Err(later) if later.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        } else if !kind.is_file() && !file.is_terminal() {
            return Err(is(kind));
        }
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(Named { file, first })
    }

    /// What the system says of it.
    ///
    /// # Errors
    /// The system's own.
    pub fn metadata(&self) -> Result<Metadata> {
        self.file.metadata()
    }
}

impl Read for Named {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match (buffer.first_mut(), self.first) {
            (Some(place), Some(byte)) => {
                *place = byte;
                self.first = None;
                Ok(1)
            }
            _ => self.file.read(buffer),
        }
    }
}

/// The bytes of `path`, whole; `None` if it has more than `bytes_max`.
///
/// # Errors
/// As [`Named::open`], and if it cannot be read to its end.
pub fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    Named::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Whether `path` is a file with these bytes.
#[must_use]
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
    read(path, bytes.len() as u64).is_ok_and(|there| there.as_deref() == Some(bytes))
}

/// Opens a regular file to add to its end; one that is not there is made, with `mode`.
///
/// # Errors
/// As [`Named::open`].
pub fn append(path: &Path, mode: u32) -> Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(mode)
        .custom_flags(AT_ONCE)
        .open(path)
        .map_err(|error| instead(path, error))?;
    let kind = file.metadata()?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false => Err(is(kind)),
    }
}

/// Writes a file whole or not at all: beside the old one, which it then replaces, each made durable.
///
/// # Errors
/// The system's own, or what stands there instead of a regular file; then it is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let there = match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => return Err(is(there.file_type())),
        Ok(there) => Some(there),
        Err(absent) if absent.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let path = behind_links(path, there.is_some())?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut beside = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = folder.join(beside);
    let written = File::create(&beside).and_then(|mut file| {
        // What was for its owner only stays so.
        if let Some(there) = &there {
            file.set_permissions(there.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&beside, &path));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    renamed.and_then(|()| File::open(folder)?.sync_all())
}

/// Where `path` is when links are followed; a link to nothing leads to the file that is about to be made.
fn behind_links(path: &Path, is_there: bool) -> Result<PathBuf> {
    if is_there {
        return std::fs::canonicalize(path);
    }
    match std::fs::read_link(path) {
        Ok(to) => Ok(path.parent().unwrap_or(Path::new("")).join(to)),
        Err(_) => Ok(path.to_owned()),
    }
}

/// Why `path` could not be opened: a socket cannot be, nor a pipe that nobody reads, and the system's word for both helps nobody.
fn instead(path: &Path, error: Error) -> Error {
    let kind = std::fs::metadata(path).map(|there| there.file_type());
    match kind {
        Ok(kind) if !kind.is_file() && error.kind() != ErrorKind::PermissionDenied => is(kind),
        _ => error,
    }
}

/// What stands where a file is wanted; `lang::in_chinese` knows these words.
fn is(kind: FileType) -> Error {
    let what = if kind.is_dir() {
        "it is a folder; wanted a regular file"
    } else if kind.is_fifo() {
        "it is a pipe that nobody writes or reads; wanted a regular file"
    } else if kind.is_socket() {
        "it is a socket; wanted a regular file"
    } else {
        "it is a device; wanted a regular file"
    };
    Error::new(ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::in_chinese;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn fifo(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }

    /// Danger: a run waits for ever, fills the memory, or puts a file where a device was.
    #[test]
    fn what_is_no_file_is_told_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fifo(&at("pipe"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink(at("pipe"), at("link")).unwrap();
        // A device that nobody needs, should this ever replace it.
        symlink("/dev/full", at("device")).unwrap();
        for (name, what) in [
            ("pipe", "a pipe"),
            ("link", "a pipe"),
            ("socket", "a socket"),
            ("device", "a device"),
            (".", "a folder"),
        ] {
            let path = at(name);
            for refused in [
                read(&path, 10).map(drop),
                append(&path, 0o600).map(drop),
                replace(&path, b"x"),
            ] {
                let told = refused.unwrap_err().to_string();
                assert!(told.contains(what), "{name}: {told}");
                assert!(in_chinese(&told).contains("应为普通文件"), "{told}");
            }
            assert!(!holds(&path, b""));
        }
        assert!(at("link").is_symlink() && at("device").is_symlink());
        let absent = read(&at("none"), 10).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_pipe_with_a_writer_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        fifo(&path);
        // Open for both, as the shell holds `<(command)` while the command runs.
        let mut writer = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        writer.write_all(b"words").unwrap();
        let mut named = Named::open(&path).unwrap();
        drop(writer);
        let mut text = String::new();
        named.read_to_string(&mut text).unwrap();
        assert_eq!(text, "words");
    }

    #[test]
    fn a_file_is_read_within_its_limit_and_replaced_where_its_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("real"), "old").unwrap();
        std::fs::set_permissions(at("real"), PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(read(&at("real"), 3).unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(read(&at("real"), 2).unwrap(), None);
        symlink("real", at("link")).unwrap();
        symlink("made", at("to-nothing")).unwrap();
        for (link, real) in [("link", "real"), ("to-nothing", "made")] {
            replace(&at(link), b"new").unwrap();
            assert!(at(link).is_symlink());
            assert!(!at(real).is_symlink() && holds(&at(real), b"new"));
        }
        let mode = std::fs::metadata(at("real")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        append(&at("real"), 0o600)
            .unwrap()
            .write_all(b"er")
            .unwrap();
        assert!(holds(&at("real"), b"newer"));
    }
}
