//! What the posts, the writer and the readers hand to each other: a job and its answer, a batch that is in the log, a view of the index.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::index::{Index, IndexError};
use super::plan::{Past, Standing};
use super::recent::{Recent, reference_of};
use super::{Head, Shared};
use crate::tlog::merkle::Hash;
use crate::tlog::tile::Growth;
use crate::trade::keys::KeyState;
use crate::trade::log_rules::LogFault;
use crate::trade::statement::Statement;
use crate::trade::time::Time;

/// A verified statement on its way to the writer, with what the index said when it was looked up.
pub(super) struct Job {
    pub statement: Statement,
    pub looked_up: LookedUp,
    /// Keeps what happened since the look-up in [`super::recent::Recent`].
    pub view: View,
    pub reply: oneshot::Sender<Outcome>,
}

/// What the index said of a statement's past.
#[derive(Clone, Debug, Default)]
pub(super) struct LookedUp {
    pub head: Option<Hash>,
    pub reference: Option<Hash>,
    pub amends_found: bool,
    pub erased: Vec<Standing>,
}

impl LookedUp {
    /// Asks the index; what the statement orders to erase stands in the log, not there.
    pub fn of(index: &Index, statement: &Statement) -> Result<LookedUp, IndexError> {
        let chain = statement.chain();
        let reference = match reference_of(statement) {
            Some((publisher, reference)) => index.reference(&publisher, &reference)?,
            None => None,
        };
        let amends_found = match statement.amends() {
            Some(amends) => index.is_in_chain(&amends.statement, chain)?,
            None => false,
        };
        Ok(LookedUp {
            head: index.chain(chain)?.map(|view| view.head),
            reference,
            amends_found,
            erased: Vec::new(),
        })
    }

    /// The statement that bears the publisher's own reference already.
    pub fn same_reference(&self, recent: &Recent, statement: &Statement) -> Option<Hash> {
        let reference = reference_of(statement)?;
        recent.reference(&reference).or(self.reference)
    }

    /// The past that the log rules ask for: what happened since the look-up overrides what the index said.
    pub fn past(self, recent: &Recent, statement: &Statement) -> Past {
        let chain = statement.chain();
        let amended = statement.amends();
        Past {
            head: recent.head(chain).or(self.head),
            amends_found: self.amends_found
                || amended.is_some_and(|amends| recent.is_in_chain(&amends.statement, chain)),
            erased: self.erased,
        }
    }
}

/// What became of a post.
pub(super) enum Outcome {
    /// It is in the log, durable and under a signed checkpoint.
    Logged { batch: Arc<Published>, index: u64 },
    /// A log rule is broken; nothing was logged.
    Refused(Box<LogFault>),
    /// The publisher's own reference stands for other bytes already.
    ReferenceTaken { id: Hash },
    /// The same statement is planned or logged already.
    Known,
    /// It may or may not be in the log: post the same bytes again.
    Unknown,
    /// No room on the disk; nothing was logged.
    DiskFull,
    /// The disk refused the write; nothing was logged.
    DiskFailed,
}

/// A batch that is in the log, with all that receipts need.
pub(super) struct Published {
    pub growth: Arc<Growth>,
    pub entries: Vec<Bytes>,
    pub time: Time,
    pub head: Arc<Head>,
    pub keys: KeyState,
}

/// An open view of the index, see [`Recent::open_view`].
#[derive(Debug)]
pub(super) struct View {
    shared: Arc<Shared>,
    size: u64,
    open: bool,
}

impl View {
    pub fn open(shared: &Arc<Shared>) -> View {
        let size = shared.posts.recent().open_view();
        View {
            shared: shared.clone(),
            size,
            open: true,
        }
    }

    /// Ends the view while the caller holds `recent`.
    pub fn close(mut self, recent: &mut Recent) {
        recent.close_view(self.size);
        self.open = false;
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if self.open {
            self.shared.posts.recent().close_view(self.size);
        }
    }
}
