//! Reads every record of a log up to the newest signed tree, each through tiles that hang from its root: nothing is skipped unseen.

use bytes::Bytes;

use crate::audit::Target;
use crate::cli::out::{Exit, Failure};
use crate::cli::policies::unjudged;
use crate::said;
use crate::store::LogReader;
use crate::tlog::merkle::Tree;
use crate::tlog::policy::{Policy, open_by};
use crate::trade::keys::KeyState;
use crate::trade::record::{RecordHeader, parse_entry};
use crate::trade::statement::{Body, Statement};

const CHECKPOINT_BYTES_MAX: u64 = 1 << 20;
const BUNDLE: u64 = 256;

/// One record.
pub(in crate::cli) struct Seen<'a> {
    pub(in crate::cli) header: &'a RecordHeader,
    pub(in crate::cli) statement: &'a Statement,
    pub(in crate::cli) entry: &'a Bytes,
    /// The keys in force before it; none before the genesis.
    pub(in crate::cli) keys: Option<&'a KeyState>,
}

/// Up to where the log was read.
pub(in crate::cli) struct Walked {
    pub(in crate::cli) tree: Tree,
    /// The checkpoint that says so.
    pub(in crate::cli) checkpoint: Vec<u8>,
    pub(in crate::cli) reader: LogReader,
    /// The keys in force after the last record.
    pub(in crate::cli) keys: Option<KeyState>,
}

/// Shows each record that is not erased to `visit`, in log order.
pub(in crate::cli) async fn walk(
    target: &Target,
    policies: &[Policy],
    mut visit: impl FnMut(&Seen<'_>) -> Result<(), Failure>,
) -> Result<Walked, Failure> {
    let unreadable = |cause: &(dyn std::error::Error + 'static)| {
        let cause = crate::chain_of(cause);
        Failure::temporary(
            "log",
            said!("读不到账本", "the log cannot be read").because(&cause),
        )
    };
    // `checkpoint` waits for witnesses; what `head` has besides is signed too, and would else be called missing.
    let mut newest: Option<(Tree, Vec<u8>)> = None;
    let mut refused = None;
    for name in ["checkpoint", "head"] {
        let note = target
            .source()
            .read(name, CHECKPOINT_BYTES_MAX)
            .await
            .map_err(|error| unreadable(&error))?;
        let Some(note) = note else { continue };
        let signed = match open_by(policies, &note) {
            Ok(judged) => Some(judged.checkpoint.tree()),
            Err(error) => {
                refused.get_or_insert(error);
                None
            }
        };
        if let Some(signed) = signed
            && newest
                .as_ref()
                .is_none_or(|(tree, _)| tree.size < signed.size)
        {
            newest = Some((signed, note.to_vec()));
        }
    }
    let Some((tree, checkpoint)) = newest else {
        return Err(match refused {
            Some(error) => unjudged(&error).unwrap_or_else(|| {
                Failure::new(
                    Exit::Failed,
                    "checkpoint",
                    said!(
                        "检查点不是策略认可的日志密钥所签",
                        "the checkpoint is not signed by a log key of the policy"
                    )
                    .because(&crate::chain_of(&error)),
                )
            }),
            None => Failure::input(
                "checkpoint",
                said!("账本没有检查点", "the log has no checkpoint"),
            ),
        });
    };
    let reader = LogReader::new(target.source().clone());
    let mut keys: Option<KeyState> = None;
    for number in 0..tree.size.div_ceil(BUNDLE) {
        let entries = reader
            .bundle(&tree, number)
            .await
            .map_err(|error| unreadable(&error))?;
        for (index, entry) in (number * BUNDLE..).zip(&entries) {
            // Erased by order: its hash stays, what it said is gone.
            if entry.is_empty() {
                continue;
            }
            let broken = |cause: &(dyn std::error::Error + 'static)| {
                let cause = crate::chain_of(cause);
                Failure::new(
                    Exit::Failed,
                    "record",
                    said!(
                        "第 {index} 条不能读；请先审计账本",
                        "record {index} cannot be read; audit the log first"
                    )
                    .because(&cause),
                )
            };
            let (header, note) = parse_entry(entry).map_err(|error| broken(&error))?;
            let statement = Statement::parse(note).map_err(|error| broken(&error))?;
            visit(&Seen {
                header: &header,
                statement: &statement,
                entry,
                keys: keys.as_ref(),
            })?;
            match statement.body() {
                Body::Genesis(_) => {
                    keys =
                        Some(KeyState::from_genesis(&statement).map_err(|error| broken(&error))?);
                }
                Body::Key(_) => {
                    if let Some(keys) = &mut keys {
                        keys.apply(index, &statement)
                            .map_err(|error| broken(&error))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(Walked {
        tree,
        checkpoint,
        reader,
        keys,
    })
}
