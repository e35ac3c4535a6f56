//! The lock that keeps one log key to one process, and who holds it.
//!
//! A file's lock is the system's (`flock`): it ends with the process, however that ends, and no file that is left behind locks anything. Who
//! holds it stands beside it in `<name>.holder`, for whoever is refused.
//!
//! A copied folder of keys is another file with a lock of its own: what holds then stands in `docs/operations.md`, one key.
//!
//! A lock says nothing of what stands under the same name later. So whoever writes by name also holds the folders themselves ([`Places`]) and
//! looks before each batch whether they are still there.

use crate::lang::Bilingual;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A process that holds a lock, as it has said itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its data folder.
    pub data: String,
    /// Since when, RFC 3339.
    pub since: String,
}

impl Holder {
    /// This process.
    pub fn this(data: &str, since: &str) -> Holder {
        let line = |text: &str| text.replace(char::is_control, "?");
        Holder {
            pid: std::process::id(),
            data: line(data),
            since: line(since),
        }
    }

    fn encode(&self) -> String {
        format!(
            "pid {}\ndata {}\nsince {}\n",
            self.pid, self.data, self.since
        )
    }

    fn parse(text: &str) -> Option<Holder> {
        let mut lines = text.lines();
        let mut member = |name: &str| {
            let value = lines.next()?.strip_prefix(name)?.strip_prefix(' ')?;
            Some(value.replace(char::is_control, "?"))
        };
        Some(Holder {
            pid: member("pid")?.parse().ok()?,
            data: member("data")?,
            since: member("since")?,
        })
    }
}

impl Bilingual for Holder {
    fn zh(&self) -> String {
        let Holder { pid, data, since } = self;
        format!("进程 {pid}（数据 {data}，自 {since} 起）")
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, data, since } = self;
        write!(f, "process {pid} (data {data}, since {since})")
    }
}

/// A lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{path} is held by {}: one process at a time signs with a log key, whatever data folder it has. Stop the other one first; do not delete or \
         copy the file to get past this", shown(.holder)
    )]
    Held {
        /// The locked file.
        path: PathBuf,
        /// Who has it, if he has said so.
        holder: Option<Holder>,
    },
    /// The system does not give it.
    #[error(
        "cannot lock {path}: the folders of data and of keys must lie on a file system with locks (a local disk)"
    )]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn shown(holder: &Option<Holder>) -> String {
    holder
        .as_ref()
        .map_or_else(|| "another process".to_owned(), Holder::to_string)
}

impl Bilingual for LockError {
    fn zh(&self) -> String {
        match self {
            LockError::Held { path, holder } => {
                let (path, holder) = (path.display(), holder.as_ref());
                let holder = holder.map_or_else(|| "另一个进程".to_owned(), Holder::zh);
                format!(
                    "{path} 正由{holder}占用：同一把日志密钥同一时间只能由一个进程签名，与数据目录无关。请先停止该进程；不要删除或复制此文件来绕过"
                )
            }
            LockError::System { path, source } => {
                let path = path.display();
                format!(
                    "锁不住 {path}：数据目录和密钥目录须放在支持文件锁的文件系统（本机磁盘）上（{source}）"
                )
            }
        }
    }
}

/// Locks `file`, which was opened at `path`, for as long as it is open.
///
/// # Errors
/// [`LockError::Held`], [`LockError::System`].
pub fn lock(file: &File, path: &Path, holder: &Holder) -> Result<(), LockError> {
    let beside = beside(path);
    match file.try_lock() {
        Ok(()) => {
            // Only for people: that it cannot be written stops nothing.
            if let Err(failure) = std::fs::write(&beside, holder.encode()) {
                tracing::warn!(path = %beside.display(), %failure, "who holds the lock could not be written down");
            }
            Ok(())
        }
        Err(std::fs::TryLockError::WouldBlock) => Err(LockError::Held {
            path: path.to_owned(),
            holder: std::fs::read_to_string(beside)
                .ok()
                .and_then(|text| Holder::parse(&text)),
        }),
        Err(std::fs::TryLockError::Error(source)) => Err(LockError::System {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Locks the file `path`, which is made if it is not there and holds nothing.
///
/// # Errors
/// As [`lock`].
pub fn lock_new(path: &Path, holder: &Holder) -> Result<File, LockError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = file.map_err(|source| LockError::System {
        path: path.to_owned(),
        source,
    })?;
    lock(&file, path, holder)?;
    Ok(file)
}

/// Whether what was opened as `held` is what stands at `path` now.
pub fn is_at(held: &File, path: &Path) -> std::io::Result<bool> {
    let held = held.metadata()?;
    let named = std::fs::metadata(path);
    Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino())))
}

/// The folders that a ledger writes into, as they were when it was opened. Held open, so that no other can get their numbers.
#[derive(Debug, Default)]
pub struct Places(Vec<(PathBuf, File)>);

/// A folder was exchanged under a running process.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} was moved, removed, unmounted or replaced while this process wrote into it, so nothing more is written: it would go to another place than \
     what is there already. Put the folder back where it was, start again", path.display()
)]
pub struct PlaceError {
    /// Its name.
    path: PathBuf,
}

impl Places {
    /// Takes hold of these folders, which are made if they are not there.
    ///
    /// # Errors
    /// One cannot be made or opened.
    pub fn hold(paths: &[PathBuf]) -> std::io::Result<Places> {
        let hold = |path: &PathBuf| {
            std::fs::create_dir_all(path)?;
            Ok((path.clone(), File::open(path)?))
        };
        paths.iter().map(hold).collect::<Result<_, _>>().map(Places)
    }

    /// Whether each still stands where it stood.
    ///
    /// # Errors
    /// [`PlaceError`] names the first that does not.
    pub fn check(&self) -> Result<(), PlaceError> {
        let gone = |(path, held): &&(PathBuf, File)| !is_at(held, path).is_ok_and(|is_at| is_at);
        match self.0.iter().find(gone) {
            None => Ok(()),
            Some((path, _)) => Err(PlaceError { path: path.clone() }),
        }
    }
}

/// Where the holder of the file is named: beside the file itself, not beside a link to it.
fn beside(path: &Path) -> PathBuf {
    let mut name = path
        .canonicalize()
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(".holder");
    PathBuf::from(name)
}

/// What keeps other processes away, beside last-signed; held as long as this is.
#[derive(Debug)]
pub(super) struct Locks {
    pub _folder: Option<File>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_reads_as_it_was_written_and_shows_no_controls() {
        let holder = Holder::this("/srv/\u{1b}[2J账本", "2026-11-30T00:00:00.000Z");
        assert_eq!(holder.data, "/srv/?[2J账本");
        assert_eq!(Holder::parse(&holder.encode()), Some(holder.clone()));
        for cut in ["", "pid x\ndata d\nsince s\n", "pid 1\ndata d\n"] {
            assert_eq!(Holder::parse(cut), None, "{cut}");
        }
        assert!(holder.to_string().contains("since 2026"));
        assert!(holder.zh().contains("自 2026"));
    }
}
