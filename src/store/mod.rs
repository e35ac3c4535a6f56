//! The one door to `object_store`: objects by name, in a folder, in memory (and later in a bucket).
//!
//! Promises: [`Store::create`] answers what *is* there, never what it hopes; a durable write is on disk when it returns (F2: `object_store`
//! does not fsync by default); nothing is read into memory before its size is compared with a stated maximum. Does not know what the objects mean.

pub mod commit;
mod http;
pub mod named;
mod reader;
mod roots;
mod stray;
mod stream;

pub use http::{Answer, Http, HttpError};
pub use reader::{LogReader, ReadError, Source, SourceError};
pub use roots::trust;
pub use stream::{Download, PART_BYTES, Upload};

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

/// Objects by name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// Writes that must survive a power cut when they return.
    durable: Arc<dyn ObjectStore>,
    /// Writes that can be made again from a durable object (tiles from commits): not synced one by one, see [`Store::sync`].
    lazy: Arc<dyn ObjectStore>,
    /// The folder of a file store: fsync and free space are asked of the file system itself.
    folder: Option<Arc<PathBuf>>,
    writers: Writers,
    syncs: Option<Syncs>,
    /// Names are kept under this prefix (`log/` for the public part).
    prefix: String,
}

/// Who may write into a store beside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Nobody: a folder is locked by one process for its life. A write that failed and left nothing will not land any more.
    One,
    /// Standby writers. The commit objects decide, and a write that failed may still land.
    Many,
}

/// Makes one path durable; tests hand in a disk that cannot.
#[derive(Clone)]
struct Syncs(Arc<SyncFn>);

/// What makes it durable.
type SyncFn = dyn Fn(&FsPath) -> std::io::Result<()> + Send + Sync;

impl std::fmt::Debug for Syncs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Syncs")
    }
}

/// What a disk has left, for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files that can still be made, if the file system counts them.
    pub inodes: Option<u64>,
}

/// What is at a name after [`Store::create`], as read back where there was doubt.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    /// Exactly the bytes given stand there, durable.
    Mine,
    /// Somebody else's bytes stand there.
    Other(Bytes),
}

/// One object of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written, by the store's clock.
    pub modified: std::time::SystemTime,
}

/// How a store fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object could not be read.
    #[error("cannot read {name}")]
    Read {
        /// Its name.
        name: String,
        /// The store's own words.
        #[source]
        source: object_store::Error,
    },
    /// The object is larger than its kind can be.
    #[error("{name} has {bytes} bytes, at most {bytes_max} were expected")]
    TooLarge {
        /// Its name.
        name: String,
        /// Its size.
        bytes: u64,
        /// The most that its kind can have.
        bytes_max: u64,
    },
    /// The object's name is its digest, and its bytes have another one.
    #[error("{name} has SHA-256 {found}: it is damaged, put the right bytes back from a backup")]
    Damaged {
        /// Its name.
        name: String,
        /// What its bytes have.
        found: crate::tlog::merkle::Hash,
    },
    /// The write failed, and a read-back found nothing there: it may still land. The caller sends the same bytes again or reopens.
    #[error("cannot write {name}")]
    Write {
        /// Its name.
        name: String,
        /// The store's own words.
        #[source]
        source: object_store::Error,
    },
    /// The disk is full or read-only. Nothing landed; it may be written again later.
    #[error("no room left to write {name}, or the disk is read-only")]
    Full {
        /// Its name.
        name: String,
        /// The store's own words.
        #[source]
        source: object_store::Error,
    },
    /// The list of names could not be read.
    #[error("cannot list {prefix}")]
    List {
        /// Names beginning with this.
        prefix: String,
        /// The store's own words.
        #[source]
        source: object_store::Error,
    },
    /// What was written cannot be made durable: nothing in memory can be believed any more, the process must end.
    #[error("cannot sync {name} to disk")]
    Sync {
        /// The object or folder.
        name: String,
        /// The file system's own words.
        #[source]
        source: std::io::Error,
    },
    /// The folder cannot be opened.
    #[error("cannot open the folder {folder}")]
    Open {
        /// As given.
        folder: String,
        /// The store's own words.
        #[source]
        source: object_store::Error,
    },
}

impl Store {
    /// The objects in `folder`, which must exist. Durable writes are fsynced, file and folders.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder is not there.
    pub fn folder(folder: &FsPath) -> Result<Store, StoreError> {
        let open = |fsync| {
            let local =
                LocalFileSystem::new_with_prefix(folder).map_err(|source| StoreError::Open {
                    folder: folder.display().to_string(),
                    source,
                })?;
            Ok::<_, StoreError>(Arc::new(local.with_fsync(fsync)))
        };
        Ok(Store {
            durable: open(true)?,
            lazy: open(false)?,
            folder: Some(Arc::new(folder.to_path_buf())),
            writers: Writers::One,
            syncs: None,
            prefix: String::new(),
        })
    }

    /// Objects in memory, for tests and examples.
    pub fn memory() -> Store {
        Store::over(Arc::new(InMemory::new()))
    }

    /// Any other `object_store`; what it answers is taken as durable. Tests hand in stores that fail.
    pub fn over(objects: Arc<dyn ObjectStore>) -> Store {
        Store {
            durable: objects.clone(),
            lazy: objects,
            folder: None,
            writers: Writers::Many,
            syncs: None,
            prefix: String::new(),
        }
    }

    /// The same store with another for the writes that need not survive a power cut. Tests hand in one that forgets them.
    #[must_use]
    pub fn with_lazy(self, lazy: Arc<dyn ObjectStore>) -> Store {
        Store { lazy, ..self }
    }

    /// The same store with other hands for its writes, durable and lazy ones. Tests hand in a folder whose writes fail.
    #[must_use]
    pub fn with_writes(self, objects: Arc<dyn ObjectStore>) -> Store {
        Store {
            durable: objects.clone(),
            lazy: objects,
            ..self
        }
    }

    /// The same store with others who write, or with none.
    #[must_use]
    pub fn with_writers(self, writers: Writers) -> Store {
        Store { writers, ..self }
    }

    /// The same store with another fsync. Tests hand in one that fails.
    #[must_use]
    pub fn with_sync(
        self,
        sync: impl Fn(&FsPath) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Store {
        Store {
            syncs: Some(Syncs(Arc::new(sync))),
            ..self
        }
    }

    /// The same store, all names under `prefix` (which ends in `/`).
    #[must_use]
    pub fn under(&self, prefix: &str) -> Store {
        assert!(prefix.ends_with('/'), "a prefix names a folder");
        Store {
            prefix: format!("{}{prefix}", self.prefix),
            ..self.clone()
        }
    }

    /// Whether other processes may write to it too.
    pub fn is_shared(&self) -> bool {
        self.writers == Writers::Many
    }

    /// The folder this store keeps its objects in, if it is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(&self.prefix))
    }

    /// The object's bytes, or `None` if there is no such object.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] before a byte is read if it has more than `bytes_max`; [`StoreError::Read`].
    pub async fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, StoreError> {
        let failed = |source| StoreError::Read {
            name: name.to_owned(),
            source,
        };
        // A page-cache read costs less than handing it to another thread and back.
        if let Some(folder) = &self.folder {
            return read_file(&folder.join(self.full(name)), bytes_max).map_err(
                |fault| match fault {
                    FileFault::TooLarge(bytes) => StoreError::TooLarge {
                        name: name.to_owned(),
                        bytes,
                        bytes_max,
                    },
                    FileFault::Io(source) => failed(object_store::Error::Generic {
                        store: "file",
                        source: Box::new(source),
                    }),
                },
            );
        }
        let found = match self.durable.get(&self.object(name)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        if found.meta.size > bytes_max {
            return Err(StoreError::TooLarge {
                name: name.to_owned(),
                bytes: found.meta.size,
                bytes_max,
            });
        }
        found.bytes().await.map(Some).map_err(failed)
    }

    /// Puts `bytes` at `name` if nothing is there, durable; after a failure or a conflict the object is read back and compared (F4: a lost
    /// answer, or a retry of our own that met our own object, is not a loss).
    ///
    /// # Errors
    /// [`StoreError::Write`] and [`StoreError::Full`] if nothing stands there now; where others write too, the bytes may still land, and the only
    /// safe next step is the same call again. [`StoreError::Read`] if it is not known what stands there. [`StoreError::Sync`], which is fatal.
    pub async fn create(&self, name: &str, bytes: Bytes) -> Result<Created, StoreError> {
        self.create_in(&self.durable, name, bytes).await
    }

    /// [`Store::create`] without a sync of its own, for objects that a durable one implies; [`Store::sync`] makes them durable.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn create_lazily(&self, name: &str, bytes: Bytes) -> Result<Created, StoreError> {
        self.create_in(&self.lazy, name, bytes).await
    }

    async fn create_in(
        &self,
        objects: &Arc<dyn ObjectStore>,
        name: &str,
        bytes: Bytes,
    ) -> Result<Created, StoreError> {
        let options = PutOptions::from(PutMode::Create);
        let failure = match objects
            .put_opts(&self.object(name), PutPayload::from(bytes.clone()), options)
            .await
        {
            Ok(_) => return Ok(Created::Mine),
            Err(failure) => failure,
        };
        // Also on a full disk: the object may have been linked before the sync of its folder found no room.
        // One byte more than mine is enough to see that it is another's; but the caller may want to read it whole.
        match self.read(name, OBJECT_BYTES_MAX).await {
            Ok(Some(there)) if there == bytes => {
                // Visible is not durable (F3): on a file store the link may not have reached the disk yet.
                if Arc::ptr_eq(objects, &self.durable) {
                    self.sync(name)?;
                }
                Ok(Created::Mine)
            }
            Ok(Some(there)) => Ok(Created::Other(there)),
            Ok(None) if is_full(&failure) => Err(StoreError::Full {
                name: name.to_owned(),
                source: failure,
            }),
            Ok(None) => Err(StoreError::Write {
                name: name.to_owned(),
                source: failure,
            }),
            Err(unreadable) => {
                tracing::warn!(name, %unreadable, "a create failed and could not be read back");
                Err(unreadable)
            }
        }
    }

    /// Puts `bytes` at `name` whatever was there, atomically and durable.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::Full`].
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.put_in(&self.durable, name, bytes).await
    }

    /// [`Store::put`] without a sync of its own.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put_lazily(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.put_in(&self.lazy, name, bytes).await
    }

    async fn put_in(
        &self,
        objects: &Arc<dyn ObjectStore>,
        name: &str,
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        match objects
            .put(&self.object(name), PutPayload::from(bytes))
            .await
        {
            Ok(_) => Ok(()),
            Err(source) if is_full(&source) => Err(StoreError::Full {
                name: name.to_owned(),
                source,
            }),
            Err(source) => Err(StoreError::Write {
                name: name.to_owned(),
                source,
            }),
        }
    }

    /// Makes the object and the folders above it durable. Nothing to do but on a file store.
    ///
    /// # Errors
    /// [`StoreError::Sync`], which is fatal: after a failed fsync the page cache may show what the disk has lost.
    pub fn sync(&self, name: &str) -> Result<(), StoreError> {
        self.sync_all([&name.to_owned()])
    }

    /// [`Store::sync`] of many: each object, then each folder once.
    ///
    /// # Errors
    /// [`StoreError::Sync`].
    pub fn sync_all<'a>(
        &self,
        names: impl IntoIterator<Item = &'a String>,
    ) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut folders = std::collections::BTreeSet::new();
        for name in names {
            let file = folder.join(self.full(name));
            self.sync_path(&file, name)?;
            folders.extend(
                file.ancestors()
                    .skip(1)
                    .take_while(|above| above.starts_with(folder.as_path()))
                    .map(FsPath::to_path_buf),
            );
        }
        folders
            .iter()
            .rev()
            .try_for_each(|above| self.sync_path(above, &above.display().to_string()))
    }

    fn sync_path(&self, path: &FsPath, name: &str) -> Result<(), StoreError> {
        let synced = match &self.syncs {
            Some(Syncs(sync)) => sync(path),
            None => std::fs::File::open(path).and_then(|file| file.sync_all()),
        };
        synced.map_err(|source| StoreError::Sync {
            name: name.to_owned(),
            source,
        })
    }

    /// Removes the object; an absent one is no failure.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.durable.delete(&self.object(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(StoreError::Write {
                name: name.to_owned(),
                source,
            }),
        }
    }

    /// The objects whose names begin with `prefix` (a folder, ending in `/`, or nothing), sorted by name. Leftovers of writes that
    /// never finished (`name#1`) and files of the operating system (`stray.rs`) are not objects and not listed.
    ///
    /// # Errors
    /// [`StoreError::List`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed = self.list_all(prefix).await?;
        listed.retain(|listed| !stray::is_stray(&listed.name));
        Ok(listed)
    }

    /// The files of the operating system there, which [`list`](Store::list) leaves out.
    ///
    /// # Errors
    /// [`StoreError::List`].
    pub async fn list_strays(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed = self.list_all(prefix).await?;
        listed.retain(|listed| stray::is_stray(&listed.name));
        Ok(listed)
    }

    async fn list_all(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let failed = |source| StoreError::List {
            prefix: prefix.to_owned(),
            source,
        };
        let full = self.full(prefix);
        let under = (!full.is_empty()).then(|| Path::from(full.trim_end_matches('/')));
        let mut listed: Vec<Listed> = self
            .durable
            .list(under.as_ref())
            .try_filter_map(|meta| async move {
                let name = meta
                    .location
                    .as_ref()
                    .strip_prefix(self.prefix.as_str())
                    .filter(|name| !name.contains('#'));
                Ok(name.map(|name| Listed {
                    name: name.to_owned(),
                    bytes: meta.size,
                    modified: meta.last_modified.into(),
                }))
            })
            .try_collect()
            .await
            .map_err(failed)?;
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// What is left where the objects are, if the store can tell.
    pub fn room(&self) -> Option<Room> {
        let stats = rustix::fs::statvfs(self.folder.as_ref()?.as_path()).ok()?;
        Some(Room {
            bytes: stats.f_bavail.saturating_mul(stats.f_frsize),
            // Some file systems count none.
            inodes: (stats.f_files > 0).then_some(stats.f_favail),
        })
    }

    /// Bytes free for this process where the objects are, if the store can tell.
    pub fn free_bytes(&self) -> Option<u64> {
        self.room().map(|room| room.bytes)
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn object(&self, name: &str) -> Path {
        Path::from(self.full(name))
    }
}

impl StoreError {
    /// No room, or a read-only disk: the same write may succeed later, nothing is in doubt.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Full { .. })
    }
}

enum FileFault {
    TooLarge(u64),
    Io(std::io::Error),
}

fn read_file(path: &FsPath, bytes_max: u64) -> Result<Option<Bytes>, FileFault> {
    use std::io::Read;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(absent)
            if matches!(
                absent.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(failure) => return Err(FileFault::Io(failure)),
    };
    let metadata = file.metadata().map_err(FileFault::Io)?;
    if metadata.is_dir() {
        return Ok(None);
    }
    if metadata.len() > bytes_max {
        return Err(FileFault::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // The file may grow between the two calls: never more than was checked is taken.
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FileFault::Io)?;
    if bytes.len() as u64 > bytes_max {
        return Err(FileFault::TooLarge(bytes.len() as u64));
    }
    Ok(Some(Bytes::from(bytes)))
}

/// Whether a failure means that the disk (or a quota) is full, or has become read-only, wherever in the chain of causes that stands.
fn is_full(failure: &object_store::Error) -> bool {
    use std::error::Error;
    let mut cause: Option<&(dyn Error + 'static)> = Some(failure);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::FileTooLarge
                    | std::io::ErrorKind::ReadOnlyFilesystem
            );
        }
        cause = error.source();
    }
    false
}

/// No object of a ledger is larger: a full bundle of 256 × (2 + 65,535) bytes is 16.8 MB, a commit about 8 MiB. Documents are streamed.
pub const OBJECT_BYTES_MAX: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn stores() -> Vec<(Store, Option<tempfile::TempDir>)> {
        let folder = tempfile::tempdir().unwrap();
        vec![
            (Store::memory(), None),
            (Store::folder(folder.path()).unwrap(), Some(folder)),
        ]
    }

    #[tokio::test]
    async fn create_lets_one_win_and_tells_the_loser_what_is_there() {
        for (store, _folder) in stores() {
            let store = store.under("log/");
            assert_eq!(
                store.create("a/b.p/8", Bytes::from("one")).await.unwrap(),
                Created::Mine
            );
            assert_eq!(
                store.create("a/b.p/8", Bytes::from("one")).await.unwrap(),
                Created::Mine
            );
            assert_eq!(
                store.create("a/b.p/8", Bytes::from("two")).await.unwrap(),
                Created::Other(Bytes::from("one"))
            );
            assert_eq!(
                store.read("a/b.p/8", 100).await.unwrap(),
                Some(Bytes::from("one"))
            );
        }
    }

    #[tokio::test]
    async fn what_is_larger_than_its_kind_is_not_read() {
        for (store, _folder) in stores() {
            store.put("x", Bytes::from("12345")).await.unwrap();
            assert!(store.read("x", 5).await.unwrap().is_some());
            assert!(matches!(
                store.read("x", 4).await,
                Err(StoreError::TooLarge {
                    bytes: 5,
                    bytes_max: 4,
                    ..
                })
            ));
            assert_eq!(store.read("y", 4).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn lists_only_its_own_names_without_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::folder(folder.path()).unwrap();
        store.put("commit/2", Bytes::from("b")).await.unwrap();
        store.put("commit/1", Bytes::from("a")).await.unwrap();
        store.put("other", Bytes::from("c")).await.unwrap();
        std::fs::write(folder.path().join("commit/3#1"), "torn").unwrap();
        let names: Vec<_> = store
            .list("commit/")
            .await
            .unwrap()
            .into_iter()
            .map(|listed| listed.name)
            .collect();
        assert_eq!(names, ["commit/1", "commit/2"]);
        assert_eq!(store.under("commit/").list("").await.unwrap().len(), 2);
        store.delete("commit/1").await.unwrap();
        store.delete("commit/1").await.unwrap();
        assert_eq!(store.list("commit/").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn of_eight_racing_writers_one_wins() {
        for (store, _folder) in stores() {
            for round in 0..20 {
                let name = format!("race/{round}");
                let tries = (0..8u8).map(|writer| {
                    let (store, name) = (store.clone(), name.clone());
                    tokio::spawn(async move {
                        store
                            .create(&name, Bytes::from(vec![writer]))
                            .await
                            .unwrap()
                    })
                });
                let outcomes = futures_util::future::join_all(tries).await;
                let won = outcomes
                    .into_iter()
                    .filter(|outcome| *outcome.as_ref().unwrap() == Created::Mine)
                    .count();
                assert_eq!(won, 1);
            }
        }
    }
}
