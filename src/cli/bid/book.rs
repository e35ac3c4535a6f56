//! The book of bids: one private file a lot, to which lines are only added. Who reads it knows the number of bids.
//!
//! ```text
//! {"book":1,"ledger":…,"publisher":…,"project":…,"lot":…,"slots":1024,"title":…,"category":…,"region":…}
//! {"slot":…,"salt":…,"bidder":…,"file":…,"received_at":…}       a bid
//! {"root":…,"seed":…,"seed_salt":…,"bids":n,"made_at":…}        a register of the first n bids
//! ```
//!
//! Promises: a line is on the disk before its receipt leaves; one process at a time (a lock on the file); a last line without
//! its line feed was never promised to anybody and is taken away before the next is written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::out::Failure;
use crate::said;
use crate::tlog::merkle::Hash;
use crate::trade::names;
use crate::trade::sealed::{Bid, Lot, Register, SLOTS_MAX, Sealed};

/// Every slot a bid of the longest bidder's name, and as many registers.
const BOOK_BYTES_MAX: u64 = SLOTS_MAX as u64 * 2_048;

/// The first line: the lot, and what its drafts say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Version of this form: 1.
    pub book: u32,
    pub ledger: String,
    pub publisher: String,
    pub project: String,
    pub lot: String,
    pub slots: u32,
    pub title: String,
    pub category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Head {
    pub fn lot(&self) -> Lot {
        Lot {
            ledger: self.ledger.clone(),
            publisher: self.publisher.clone(),
            project: self.project.clone(),
            lot: self.lot.clone(),
        }
    }
}

/// A register that was made of the book's first bids.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    pub root: String,
    pub seed: String,
    pub seed_salt: String,
    /// How many bids there were.
    pub bids: usize,
    pub made_at: String,
}

impl Made {
    pub fn secrets(&self) -> Option<([u8; 32], [u8; 32])> {
        let hash = |text: &str| names::parse_hash(text).ok().map(|hash| hash.0);
        hash(&self.seed).zip(hash(&self.seed_salt))
    }
}

/// A book, open and locked.
#[derive(Debug)]
pub(super) struct Book {
    pub head: Head,
    pub bids: Vec<Bid>,
    pub made: Vec<Made>,
    file: File,
    path: PathBuf,
    /// Where the whole lines end.
    end: u64,
}

impl Book {
    /// Makes a new book, readable by its owner only.
    pub fn create(path: &Path, head: &Head) -> Result<(), Failure> {
        let line = serde_json::to_string(head).expect("strings and numbers");
        crate::cli::keys::create(path, format!("{line}\n").as_bytes(), 0o600)?;
        Ok(())
    }

    /// Opens and reads a book, and locks it until it is dropped.
    pub fn open(path: &Path) -> Result<Book, Failure> {
        let shown = path.display();
        let failed = |error: std::io::Error| {
            Failure::input(
                "book-unreadable",
                said!("打不开投标登记簿 {shown}", "cannot open the book {shown}").because(&error),
            )
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(
                (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK)
                    .bits()
                    .cast_signed(),
            )
            .open(path)
            .map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Failure::input(
                "book-unreadable",
                said!(
                    "打不开投标登记簿 {shown}：不是普通文件",
                    "cannot open the book {shown}: no regular file"
                ),
            ));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::temporary(
                    "book-in-use",
                    said!(
                        "登记簿 {shown} 正被另一个进程使用，请稍后再试",
                        "the book {shown} is in use by another process; try again"
                    ),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut bytes = Vec::new();
        (&mut file)
            .take(BOOK_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > BOOK_BYTES_MAX {
            let have = bytes.len();
            return Err(Failure::input(
                "book-too-large",
                said!(
                    "登记簿 {shown} 至少 {have} 字节，最多 {BOOK_BYTES_MAX}",
                    "the book {shown} has {have} bytes or more, at most {BOOK_BYTES_MAX} are read"
                ),
            ));
        }
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        bytes.truncate(whole);
        let (head, bids, made) = read(&bytes).map_err(|(line, cause)| {
            Failure::input(
                "book-damaged",
                said!(
                    "登记簿 {shown} 第 {line} 行有误，请勿改动，从备份恢复",
                    "line {line} of the book {shown} is damaged; change nothing, restore it from the backup"
                )
                .because(&cause),
            )
        })?;
        Ok(Book {
            head,
            bids,
            made,
            file,
            path: path.to_owned(),
            end: whole as u64,
        })
    }

    /// Adds a bid; on the disk when this returns.
    pub fn add_bid(&mut self, bid: Bid) -> Result<(), Failure> {
        self.append(&bid.line())?;
        self.bids.push(bid);
        Ok(())
    }

    /// Adds a register of all bids there are; on the disk when this returns.
    pub fn add_made(&mut self, made: Made) -> Result<(), Failure> {
        self.append(&serde_json::to_string(&made).expect("strings and numbers"))?;
        self.made.push(made);
        Ok(())
    }

    fn append(&mut self, line: &str) -> Result<(), Failure> {
        let shown = self.path.display();
        let failed = |error: std::io::Error| {
            Failure::temporary(
                "book-write",
                said!(
                    "写不进登记簿 {shown}，这一条未登记",
                    "cannot write to the book {shown}; nothing was registered"
                )
                .because(&error),
            )
        };
        let bytes = format!("{line}\n");
        self.file.set_len(self.end).map_err(failed)?;
        self.file.seek(SeekFrom::Start(self.end)).map_err(failed)?;
        self.file.write_all(bytes.as_bytes()).map_err(failed)?;
        self.file.sync_all().map_err(failed)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The register of this book that a statement in the ledger holds, and the bids in it.
    pub fn registered(&self, register: &Register) -> Result<(&Made, &[Bid], Sealed), Failure> {
        let shown = self.path.display();
        if register.lot != self.head.lot() || register.slots != self.head.slots {
            let (found, wanted) = (&register.lot, self.head.lot());
            return Err(Failure::input(
                "other-lot",
                said!(
                    "该登记属于 {found}，登记簿 {shown} 属于 {wanted}",
                    "the register is for {found}, the book {shown} for {wanted}"
                ),
            ));
        }
        let root = register.root.to_string();
        let found = self.made.iter().find(|made| made.root == root);
        let not_of_book = || {
            Failure::input(
                "other-register",
                said!(
                    "登记根 {root} 不是由登记簿 {shown} 生成的",
                    "the root {root} was not made from the book {shown}"
                ),
            )
        };
        let made = found.ok_or_else(not_of_book)?;
        let (seed, salt) = made.secrets().ok_or_else(not_of_book)?;
        let bids = self.bids.get(..made.bids).ok_or_else(not_of_book)?;
        let sealed = Sealed::new(&register.lot, register.slots, &seed, bids)
            .ok()
            .filter(|sealed| sealed.root() == register.root && register.is_of_seed(&seed, &salt))
            .ok_or_else(not_of_book)?;
        Ok((made, bids, sealed))
    }
}

type Lines = (Head, Vec<Bid>, Vec<Made>);

fn read(bytes: &[u8]) -> Result<Lines, (usize, String)> {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let (_, first) = lines.next().ok_or((1, "empty".to_owned()))?;
    let head: Head = serde_json::from_slice(first).map_err(|error| (1, error.to_string()))?;
    let (mut bids, mut made) = (Vec::new(), Vec::new());
    for (at, line) in lines {
        let number = at + 1;
        let text = std::str::from_utf8(line).map_err(|error| (number, error.to_string()))?;
        if let Ok(register) = serde_json::from_str::<Made>(text) {
            if register.secrets().is_none() || register.bids > bids.len() {
                return Err((
                    number,
                    "a register of bids that are not before it".to_owned(),
                ));
            }
            made.push(register);
        } else {
            let bid =
                Bid::from_line(text, number).map_err(|error| (number, crate::chain_of(&error)))?;
            bids.push(bid);
        }
    }
    // Two bids in one slot, a slot beyond the width.
    let _ = Sealed::new(&head.lot(), head.slots, &Hash::sha256(b"").0, &bids)
        .map_err(|error| (1, error.to_string()))?;
    Ok((head, bids, made))
}
