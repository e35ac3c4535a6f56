//! The folder of the search index, read by calls and never mapped into memory.
//!
//! Of a mapped file that is cut short, or whose disk fails, the next look ends the whole process (SIGBUS), and the ledger with it. Read by a call
//! it is an error like any other, and the search is behind. Costs a copy of what is read. Everything but reading is tantivy's own.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::HasLen;
use tantivy::directory::error::{
    DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError,
};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, OwnedBytes, WatchCallback,
    WatchHandle, WritePtr,
};

#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    writes: MmapDirectory,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Folder, OpenDirectoryError> {
        Ok(Folder {
            path: path.to_owned(),
            writes: MmapDirectory::open(path)?,
        })
    }
}

#[derive(Debug)]
struct Opened {
    file: File,
    length: usize,
}

impl HasLen for Opened {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for Opened {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}

impl Directory for Folder {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        };
        let file = File::open(self.path.join(path)).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let length = usize::try_from(bytes).expect("a file is no longer than an address");
        Ok(Arc::new(Opened { file, length }))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.writes.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.writes.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.writes.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.writes.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.writes.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.writes.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.writes.acquire_lock(lock)
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.writes.watch(watch_callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_short_under_a_reader_is_an_error_and_not_the_end() {
        let disk = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(disk.path()).expect("it is there");
        let path = disk.path().join("segment");
        std::fs::write(&path, vec![7; 100_000]).expect("room");
        let slice = folder.open_read(Path::new("segment")).expect("a file");
        assert_eq!(slice.len(), 100_000);
        let whole = slice.read_bytes().expect("all of it");
        assert_eq!(whole.as_slice(), &[7; 100_000]);
        let empty = slice.slice(5..5).read_bytes().expect("nothing");
        assert!(empty.is_empty());
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(10))
            .expect("cut short");
        assert!(slice.read_bytes().is_err());
        assert_eq!(whole.as_slice(), &[7; 100_000]);
        let gone = folder.open_read(Path::new("nothing"));
        assert!(matches!(gone, Err(OpenReadError::FileDoesNotExist(_))));
    }
}
