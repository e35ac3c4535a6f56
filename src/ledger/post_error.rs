//! Why a statement is not logged.

use super::clock::ClockFault;
use super::disk::Lacking;
use super::query_error::QueryError;
use super::writing::Why;
use crate::store::StoreError;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::OpeningError;
use crate::trade::disclosure::DisclosureError;
use crate::trade::door::{Problem, Severity};
use crate::trade::keys::KeyError;
use crate::trade::log_rules::LogFault;
use crate::trade::statement::StatementError;

/// Why a statement was not logged. Nothing of it was kept, except where a variant says that it is not known.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Not a statement: bytes, sizes, grammar, lines.
    #[error(transparent)]
    Form(#[from] StatementError),
    /// A door rule is broken.
    #[error("the statement is refused at the door: {}", .0.iter().filter(|problem| problem.severity == Severity::Error).map(|problem| problem.en.as_str()).collect::<Vec<_>>().join("; "))]
    Door(Vec<Problem>),
    /// The key was never admitted, is revoked, or has another role.
    #[error(transparent)]
    Key(KeyError),
    /// The signature does not verify. What the server saw is told, which ends most integration tickets.
    #[error(
        "the signature does not verify with {key_tried} over the text whose SHA-256 is {text_sha256}"
    )]
    Signature {
        /// SHA-256 of the text with its LF: the statement id of what arrived.
        text_sha256: Hash,
        /// The key that was tried.
        key_tried: String,
    },
    /// A log rule is broken.
    #[error(transparent)]
    Rule(Box<LogFault>),
    /// The publisher's own `ref` stands for other bytes already.
    #[error(
        "ref {reference:?} of this publisher is statement {id} already, which says something else"
    )]
    ReferenceTaken {
        /// As posted.
        reference: String,
        /// The statement that bears it.
        id: Hash,
    },
    /// The openings do not fit the statement.
    #[error(transparent)]
    Openings(OpeningError),
    /// Nobody who may has signed that these openings are to be shown.
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
    /// Too many posts wait.
    #[error("the queue is full")]
    QueueFull,
    /// Less room on the disk than the floor. Nothing was logged.
    #[error("not logged, the disk is full: {0}")]
    DiskFull(Lacking),
    /// The disk refused the write. Nothing was logged, and the process ends.
    #[error("not logged: the disk cannot be written")]
    DiskFailed,
    /// It may or may not be in the log.
    #[error("it is not known whether the statement was logged: post the same bytes again")]
    Unknown,
    /// No posts are taken now.
    #[error("the ledger takes no posts now: {reason}")]
    NotWriting {
        /// Why, for everybody.
        why: Why,
        /// Why, for the operator.
        reason: String,
        /// Whether it may pass by itself.
        may_pass: bool,
    },
    /// No posts are taken before somebody has looked at the time.
    #[error("the ledger takes no posts now, this machine's clock is not believed: {0}")]
    Clock(#[from] ClockFault),
    /// Something could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What is to be opened was ordered to be erased.
    #[error("{what} was erased by order, record {order}")]
    ErasedByOrder {
        /// The pointer, or the record.
        what: String,
        /// The record of the order.
        order: u64,
    },
    /// The openings could not be stored.
    #[error("the openings could not be stored")]
    Store(#[from] StoreError),
}
