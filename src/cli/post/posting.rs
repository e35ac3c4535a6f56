//! How drafts are posted, and what became of them: the words between a command and the sending.

use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::documents::Attached;
use crate::cli::draft::Guard;
use crate::cli::out::Failure;
use crate::cli::vault::Kept;
use crate::lang::Said;
use crate::tlog::merkle::Hash;
use crate::trade::guard::Mark;

/// How drafts are posted.
pub(in crate::cli) struct Posting<'a> {
    /// Where receipts go.
    pub receipts: Option<&'a Path>,
    /// Log nothing.
    pub check: bool,
    /// What receipts wait for.
    pub wait: WaitFor,
    /// Which openings go to the ledger.
    pub show: Show,
    /// Pointers to what does not make two statements under one `ref` different.
    pub apart: &'static [&'static str],
    /// Takes the others, before the statement is sent. Without it, a draft that needs it ends the run.
    pub withhold: Option<&'a mut Withhold<'a>>,
    /// Makes plain drafts safe, and stops at what is not. Without one, drafts are posted as they are.
    pub guard: Option<&'a Guard>,
    /// Finds the files that drafts name.
    pub attached: Option<&'a mut Attached>,
}

/// What a receipt waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum WaitFor {
    /// Durable and signed by the log / 已落盘并由账本签名
    #[default]
    Signed,
    /// Cosigned as the ledger's policy wants, too / 另须见证按账本策略联署
    Witnessed,
}

/// Which openings travel with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Show {
    /// Those that the draft says are shown.
    AsDrafted,
    /// None: what others have published is not published again by us.
    Nothing,
}

/// Keeps the openings of statements that are about to be sent.
pub(in crate::cli) type Withhold<'a> = dyn FnMut(&[Kept<'_>]) -> Result<(), Failure> + 'a;

/// What became of a run.
#[derive(Debug, Default)]
pub(in crate::cli) struct Posted {
    /// Logged now: line, index.
    pub logged: Vec<(usize, u64)>,
    /// In the ledger before: line.
    pub known: Vec<usize>,
    /// Checked only, and the same as an earlier line of the file: both lines.
    pub repeated: Vec<(usize, usize)>,
    /// In the ledger, with other words where that does not count: line, index, pointers.
    pub apart: Vec<(usize, u64, Vec<String>)>,
    /// Where both are.
    pub placed: Vec<Placed>,
    /// In the ledger, and its receipt was not written: line, why.
    pub unreceipted: Vec<(usize, Said)>,
    /// Logged, but under a checkpoint that has no quorum of witnesses yet.
    pub unwitnessed: usize,
    /// Refused: line, what the ledger said.
    pub refused: Vec<(usize, String)>,
    /// What was made into commitments: line, where and how.
    pub committed: Vec<(usize, Vec<Mark>)>,
    /// What the ledger would have the poster look at: line, remarks.
    pub warned: Vec<(usize, Vec<Value>)>,
}

/// Where a line is in the ledger.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Placed {
    pub line: usize,
    pub index: u64,
    pub id: Hash,
    pub is_new: bool,
}
