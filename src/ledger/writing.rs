//! Whether posts are taken, and why not.

/// Whether posts are taken, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Posts are taken.
    Yes,
    /// Not now; the ledger goes on by itself.
    Waiting {
        /// Why, for everybody.
        why: Why,
        /// The same for the operator, with names of folders and hosts.
        reason: String,
    },
    /// Not until the operator has acted: a witness has shown that going on would fork the log. Reads go on.
    Held {
        /// Why, for everybody.
        reason: String,
    },
    /// Not any more: the process must end and be started again. Reads go on until then.
    Stopped {
        /// Why, for the operator.
        reason: String,
    },
}

/// Why posts are not taken, in words that name no folder and no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The log is being opened again, after a failure that passed or another writer's win.
    Reopening,
    /// The store does not answer, or refuses to write.
    Store,
    /// The query index is being rebuilt.
    IndexDamaged,
    /// The query index is too far behind.
    IndexBehind,
    /// A witness has shown that going on would fork the log.
    Held,
    /// The ledger has stopped for good.
    Stopped,
    /// The ledger is being closed.
    Closing,
}

impl Why {
    /// In Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Why::Reopening => "账本正在重新打开",
            Why::Store => "存储暂时不可写",
            Why::IndexDamaged => "查询索引正在重建",
            Why::IndexBehind => "查询索引落后过多，正在追赶",
            Why::Held => "见证所持的检查点与本账本不符，已停止写入",
            Why::Stopped => "账本已停止，须重新启动",
            Why::Closing => "账本正在关闭",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Why::Reopening => "the log is being opened again",
            Why::Store => "the store cannot be written now",
            Why::IndexDamaged => "the query index is being rebuilt",
            Why::IndexBehind => "the query index is too far behind and is catching up",
            Why::Held => "a witness holds a checkpoint that does not fit this ledger",
            Why::Stopped => "the ledger has stopped and must be started again",
            Why::Closing => "the ledger is being closed",
        }
    }
}
