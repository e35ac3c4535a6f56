//! Why a ledger does not open.

use super::holder::LockError;
use super::index::IndexError;
use super::last_signed::LastSignedError;
use super::query_error::QueryError;
use crate::lang::Bilingual;
use crate::store::commit::CommitFormError;
use crate::store::{ReadError, StoreError};
use crate::tlog::checkpoint;
use crate::tlog::merkle::Hash;
use crate::tlog::tile::TileError;
use crate::trade::keys::KeyError;
use crate::trade::log_rules::LogFault;
use crate::trade::record::RecordError;
use crate::trade::statement::StatementError;

/// Why a ledger does not open. Each says what was found, what was wanted, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `init` on a folder that holds a log.
    #[error(
        "there is a log already: an origin is never begun twice; choose an empty folder, or serve this one"
    )]
    Exists,
    /// `serve` on a folder without a log.
    #[error("there is no log here: run `mingzhang init` first, or check the folder")]
    Absent,
    /// Another process has the folder, or signs with the key.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A folder of the ledger cannot be made or opened.
    #[error("cannot open the folders of the ledger in {}", data.display())]
    Places {
        /// The data folder.
        data: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A published checkpoint is not one of this key.
    #[error(
        "{name} is not a checkpoint of {origin} signed by the given log key: wrong folder or wrong key"
    )]
    Head {
        /// The object.
        name: String,
        /// The origin.
        origin: String,
        /// What does not fit.
        #[source]
        source: checkpoint::OpenError,
    },
    /// The first record is not the pinned one.
    #[error("the log's genesis id is {found}, the policy pins {wanted}: this is another ledger")]
    Genesis {
        /// In the log.
        found: Hash,
        /// Pinned.
        wanted: Hash,
    },
    /// Committed objects are missing.
    #[error(
        "commit objects are missing: {what}; the store was not copied whole, or something deleted them"
    )]
    CommitsMissing {
        /// What is not there.
        what: String,
    },
    /// A commit object is damaged.
    #[error("{name} is damaged")]
    CommitForm {
        /// The object.
        name: String,
        /// Where.
        #[source]
        source: CommitFormError,
    },
    /// A commit object does not follow from the one before, or its root not from its entries.
    #[error("{name} does not hold together: {what}")]
    CommitBroken {
        /// The object.
        name: String,
        /// What does not fit.
        what: String,
    },
    /// The data is older than what was signed: restored from an old copy.
    #[error(
        "the log key has signed {signed} records, the data holds {found}: it is an older copy. Writing on would fork the log. \
         Put the newest copy back, or bring the records back from a mirror (mingzhang restore --from-mirror); see docs/operations.md, restore"
    )]
    RolledBack {
        /// By last-signed or `head`.
        signed: u64,
        /// Committed.
        found: u64,
    },
    /// The key has signed another tree of the same size.
    #[error(
        "the log key has signed root {signed} at size {size}, the data gives {found}: these are two histories; see docs/operations.md, restore"
    )]
    Forked {
        /// The size.
        size: u64,
        /// By last-signed.
        signed: Hash,
        /// From the data.
        found: Hash,
    },
    /// What was last signed is not known.
    #[error(
        "the log holds {head} published records, but last-signed beside the log key {found}: it is lost or older than the log, so nobody here \
         knows whether more was signed. If nothing newer than this was ever published, start with --operator-word restored"
    )]
    LastSignedUnknown {
        /// Size of `head`.
        head: u64,
        /// What last-signed says.
        found: String,
    },
    /// The same, and the witnesses who could tell did not answer.
    #[error(
        "last-signed beside the log key is lost or older than the log, and of the witnesses who could say whether more was signed these did not \
         answer: {silent}. They are enough for a quorum: start again when they answer, or, if nothing newer than this was ever published, \
         with --operator-word restored"
    )]
    WitnessesSilent {
        /// Their names in the policy.
        silent: String,
    },
    /// A witness has more.
    #[error(
        "witness {witness} has cosigned {size} records, the data holds {found}: it is an older copy. Writing on would fork the log. \
         Put the newest copy back, or bring the records back from a mirror (mingzhang restore --from-mirror); see docs/operations.md, restore"
    )]
    WitnessAhead {
        /// Its name in the policy.
        witness: String,
        /// Cosigned.
        size: u64,
        /// Committed.
        found: u64,
    },
    /// A witness has another tree.
    #[error(
        "witness {witness} has cosigned another tree up to {size} records than the data gives: these are two histories; see \
         docs/operations.md, disaster"
    )]
    WitnessBeside {
        /// Its name in the policy.
        witness: String,
        /// Of its tree.
        size: u64,
    },
    /// A key to sign with is not one of the log's.
    #[error(
        "the log does not name {vkey} as a log key in force: announce it first (mingzhang key log), or take it away if it is revoked; see \
         docs/operations.md, changing the log key"
    )]
    LogKey {
        /// As given.
        vkey: String,
    },
    /// The policy is not one to gather by.
    #[error("the policy cannot be this ledger's: {what}")]
    Policy {
        /// What is wrong.
        what: String,
    },
    /// A record that was committed but never published breaks a rule.
    #[error("record {index} of {name} is not one that this ledger would have admitted")]
    Record {
        /// The commit object.
        name: String,
        /// Which record.
        index: u64,
        /// Which rule.
        #[source]
        source: RecordFault,
    },
    /// last-signed cannot be used.
    #[error(transparent)]
    LastSigned(#[from] LastSignedError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The right edge of the tree cannot be read.
    #[error("the right edge of the tree of {size} records cannot be rebuilt")]
    Edge {
        /// The size.
        size: u64,
        /// Why.
        #[source]
        source: TileError,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be replaced.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// What the orders are about cannot be looked up.
    #[error(transparent)]
    Query(#[from] Box<QueryError>),
    /// The system gives no thread.
    #[error("no thread for the query index")]
    Thread(#[source] std::io::Error),
    /// Applying, signing or publishing what was committed failed.
    #[error("what is committed cannot be published: {reason}")]
    Publish {
        /// Why.
        reason: String,
        /// Whether the same may succeed later.
        may_pass: bool,
    },
}

/// A record breaks a rule that admission would have enforced.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// Not a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The link is not the leaf hash of the record before.
    #[error("its link is {found}, the record before has leaf hash {wanted}")]
    Link {
        /// In the entry.
        found: Hash,
        /// Computed.
        wanted: Hash,
    },
    /// Not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A log rule.
    #[error(transparent)]
    Rule(#[from] LogFault),
    /// The key or signature.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl OpenError {
    /// In Chinese, where it is the operator who has to act.
    pub fn zh(&self) -> Option<String> {
        Some(match self {
            OpenError::Lock(lock) | OpenError::LastSigned(LastSignedError::Lock(lock)) => lock.zh(),
            OpenError::RolledBack { signed, found } => format!(
                "日志密钥已签到 {signed} 条，数据只有 {found} 条：这是旧的副本。再写下去就会有两份历史。请放回最新的数据，或从镜像恢复（mingzhang restore --from-mirror），见 docs/operations.md"
            ),
            OpenError::Forked {
                size,
                signed,
                found,
            } => format!(
                "日志密钥在 {size} 条处签的根摘要是 {signed}，数据算出的是 {found}：这是两份历史，见 docs/operations.md"
            ),
            OpenError::LastSignedUnknown { head, .. } => format!(
                "账本已公布 {head} 条，而日志密钥旁的 last-signed 丢失或比账本旧：这里无从知道是否签过更多。确认从未公布过更新的记录后，才可用 --operator-word restored 启动"
            ),
            OpenError::WitnessesSilent { silent } => format!(
                "日志密钥旁的 last-signed 丢失或比账本旧，而能够作答的见证方 {silent} 没有回应，它们足以构成法定数。等它们恢复后再启动；或确认从未公布过更新的记录后，用 --operator-word restored 启动"
            ),
            OpenError::WitnessAhead {
                witness,
                size,
                found,
            } => format!(
                "见证方 {witness} 已联署到 {size} 条，数据只有 {found} 条：这是旧的副本。再写下去就会有两份历史。请放回最新的数据，或从镜像恢复（mingzhang restore --from-mirror），见 docs/operations.md"
            ),
            OpenError::WitnessBeside { witness, size } => format!(
                "见证方 {witness} 在 {size} 条处联署的是另一棵树：这是两份历史，见 docs/operations.md"
            ),
            OpenError::LastSigned(LastSignedError::NoFile { path }) => format!(
                "{} 应是记录日志密钥已签到何处的普通文件，现在却不是文件（目录、管道或指向不存在处的链接）：请把它移走，放回最新的 last-signed；如果没有，参阅 docs/operations.md 中的恢复办法",
                path.display()
            ),
            OpenError::Index(IndexError::NoFolder { path }) => format!(
                "{} 是查询索引的位置，现在却不是目录：请把它移走后再启动，索引会由日志重建",
                path.display()
            ),
            _ => return None,
        })
    }

    /// Whether the same may succeed a moment later without anybody doing anything (room on the disk, a store that answers again).
    pub fn may_pass(&self) -> bool {
        match self {
            OpenError::Store(failure) => !matches!(
                failure,
                StoreError::Sync { .. } | StoreError::TooLarge { .. } | StoreError::Damaged { .. }
            ),
            OpenError::Read(ReadError::Source(_)) => true,
            OpenError::Publish { may_pass, .. } => *may_pass,
            OpenError::Index(IndexError::NoFolder { .. }) => false,
            // The index is never truth: for want of it the ledger waits, and does not end.
            OpenError::Index(_) => true,
            OpenError::Query(failure) => matches!(**failure, QueryError::Index(_)),
            _ => false,
        }
    }
}
