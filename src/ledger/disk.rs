//! Whether the disk has room to write on, and what it lacks.

use crate::lang::Bilingual;
use crate::store::{Room, Store};

/// What a full disk lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// Room.
    #[error("{free} bytes are free, {wanted} are wanted")]
    Bytes {
        /// Free now.
        free: u64,
        /// The floor.
        wanted: u64,
    },
    /// Inodes: a file more cannot be made, however many bytes are free.
    #[error("{free} inodes are free, {wanted} are wanted, however many bytes are free")]
    Inodes {
        /// Free now.
        free: u64,
        /// The floor.
        wanted: u64,
    },
    /// The file system has both, by its own word: a quota, a disk that has become read-only, or room that has come back meanwhile.
    #[error("the file system refused the write though it has room (a quota, or read-only?)")]
    Unsaid,
}

impl Bilingual for Lacking {
    fn zh(&self) -> String {
        match self {
            Lacking::Bytes { free, wanted } => format!("剩余 {free} 字节，需要 {wanted} 字节"),
            Lacking::Inodes { free, wanted } => {
                format!("剩余 {free} 个 inode（文件数），需要 {wanted} 个；与剩余字节无关")
            }
            Lacking::Unsaid => "文件系统有空间，却拒绝写入（可能是配额，或已变为只读）".to_owned(),
        }
    }
}

/// Looks at the free space now and then, not for each post.
#[derive(Debug, Default)]
pub(super) struct DiskWatch {
    looked: std::sync::Mutex<Option<(i64, Option<Room>)>>,
}

/// Writing resumes by itself within this time after room comes back.
const DISK_LOOK_MS: i64 = 250;
/// A batch makes some ten files at most; below this many inodes none is begun.
pub(super) const FREE_INODES_MIN: u64 = 64;

impl DiskWatch {
    pub fn room(&self, store: &Store, boot_ms: i64) -> Option<Room> {
        let mut looked = self.looked.lock().expect("no panic while holding looked");
        match *looked {
            Some((ms, room)) if (boot_ms - ms).abs() < DISK_LOOK_MS => room,
            _ => {
                let room = store.room();
                *looked = Some((boot_ms, room));
                room
            }
        }
    }
}
