//! What the log has signed: `checkpoint`, `head`, the kept checkpoints, and what it showed the last time. Each is verified here, and later
//! compared with the root that the entries give at its size.

use super::AuditError;
use super::fetch::{Got, read};
use super::report::{
    Contradiction, Evidence, Fault, Findings, NO_POLICY, NOT_COUNTED_MAX, NotCounted, STRAYS_MAX,
    SignatureLine, SignedShown, Step,
};
use super::target::Target;
use super::words;
use crate::lang::Said;
use crate::store::Store;
use crate::tlog::merkle::{Hash, Tree};
use crate::tlog::note::{NOTE_BYTES_MAX, Vkey};
use crate::tlog::policy::{self, JudgeError, Policy, VerifiedCheckpoint};
use crate::trade::keys::KeyState;
use crate::trade::statement::Role;

/// What the report calls the auditor's own state where it stands among the objects of the log.
const STATE: &str = "state";

/// A signed checkpoint.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub object: String,
    pub step: Step,
    pub tree: Tree,
    /// The log's keys that have signed it: two while one takes over from the other.
    pub logs: Vec<Vkey>,
    pub note: String,
    /// Whether the entries give its root; not known before they were replayed up to its size.
    pub holds: Option<bool>,
}

/// All that the log shows as signed.
#[derive(Debug, Default)]
pub(super) struct Views {
    pub views: Vec<View>,
    /// Which policy judged `checkpoint`.
    pub policy: Option<usize>,
    pub checkpoint: Option<SignedShown>,
    pub head: Option<SignedShown>,
    pub not_counted: Vec<NotCounted>,
    pub not_counted_more: u64,
    pub strays: Vec<String>,
    pub kept: u64,
}

impl Views {
    /// The tree to replay: the largest of `checkpoint` and `head`; if neither can be believed, the largest that was kept.
    pub fn largest(&self) -> Option<Tree> {
        let of = |steps: &[Step]| {
            self.views
                .iter()
                .filter(|view| steps.contains(&view.step))
                .map(|view| view.tree)
                .max_by_key(|tree| tree.size)
        };
        of(&[Step::Checkpoint, Step::Head]).or_else(|| of(&[Step::Kept]))
    }

    pub fn tree(&self, step: Step) -> Option<Tree> {
        self.views
            .iter()
            .find(|view| view.step == step)
            .map(|view| view.tree)
    }

    fn take(&mut self, object: &str, step: Step, verified: &VerifiedCheckpoint) {
        for line in verified.not_counted() {
            if self.not_counted.len() == NOT_COUNTED_MAX {
                self.not_counted_more += 1;
                continue;
            }
            self.not_counted.push(NotCounted {
                object: object.to_owned(),
                line: SignatureLine::of(line),
            });
        }
        self.views.push(View {
            object: object.to_owned(),
            step,
            tree: verified.tree(),
            logs: verified.logs().to_vec(),
            note: verified.note().encode(),
            holds: None,
        });
    }

    async fn take_strays(&mut self, store: &Store, prefix: &str) -> Result<(), AuditError> {
        let strays = store.list_strays(prefix).await.map_err(AuditError::List)?;
        let room = STRAYS_MAX.saturating_sub(self.strays.len());
        let names = strays.into_iter().map(|listed| listed.name);
        self.strays.extend(names.take(room));
        Ok(())
    }

    /// Kept checkpoints are copies of `checkpoint`, which never goes back.
    fn check_not_behind_kept(&self, findings: &mut Findings) {
        let kept = self
            .views
            .iter()
            .filter(|view| view.step == Step::Kept)
            .max_by_key(|view| view.tree.size);
        let (Some(kept), Some(checkpoint)) = (kept, self.tree(Step::Checkpoint)) else {
            return;
        };
        if checkpoint.size < kept.tree.size {
            let (have, name, want) = (checkpoint.size, &kept.object, kept.tree.size);
            let said = Said::new(
                format!("检查点为 {have} 条，而它更早的副本 {name} 为 {want} 条"),
                format!(
                    "checkpoint has {have} records, {name}, a copy of an earlier one, has {want}"
                ),
            );
            findings.add(Fault::new(
                "checkpoint",
                None,
                Step::Checkpoint,
                "behind",
                said,
            ));
        }
    }

    /// What was shown the last time; judged like the others from here on.
    pub fn take_state(&mut self, verified: &VerifiedCheckpoint) {
        self.take(STATE, Step::State, verified);
    }
}

/// Reads and verifies `checkpoint`, `head` and, where they can be listed, the kept checkpoints.
pub(super) async fn read_all(
    target: &Target,
    policies: &[Policy],
    findings: &mut Findings,
) -> Result<Views, AuditError> {
    let mut views = Views::default();
    // `checkpoint` first: on a log that grows meanwhile, `head` is then not behind it.
    if let Some((policy, verified)) =
        one(target, policies, "checkpoint", Step::Checkpoint, findings).await?
    {
        if policies[policy].genesis().is_none() {
            findings.add(Fault::new(
                "checkpoint",
                None,
                Step::Policy,
                "genesis_not_pinned",
                no_pin(),
            ));
        }
        views.take("checkpoint", Step::Checkpoint, &verified);
        views.checkpoint = Some(SignedShown::of("checkpoint", &verified));
        views.policy = Some(policy);
    }
    if let Some((policy, verified)) = one(target, policies, "head", Step::Head, findings).await? {
        views.take("head", Step::Head, &verified);
        views.head = Some(SignedShown::of("head", &verified));
        views.policy.get_or_insert(policy);
        if let Some(checkpoint) = views.tree(Step::Checkpoint) {
            behind(target, &verified.tree(), &checkpoint, findings);
        }
    }
    if let Some(store) = target.listed() {
        for listed in store.list("checkpoints/").await.map_err(AuditError::List)? {
            kept(target, policies, &listed.name, &mut views, findings).await?;
        }
        views.check_not_behind_kept(findings);
        for prefix in ["checkpoints/", "tile/"] {
            views.take_strays(store, prefix).await?;
        }
    }
    if let Some(store) = target.data_store() {
        for prefix in ["commit/", "openings/"] {
            views.take_strays(store, prefix).await?;
        }
    }
    Ok(views)
}

/// `head` behind `checkpoint`: over the net an old copy that some cache still has, in a store a wrong file.
fn behind(target: &Target, head: &Tree, checkpoint: &Tree, findings: &mut Findings) {
    if head.size < checkpoint.size && target.listed().is_some() {
        let (have, want) = (head.size, checkpoint.size);
        let said = Said::new(
            format!("head 为 {have} 条，检查点由它而来，应不少于 {want} 条"),
            format!(
                "head has {have} records, wanted at least the {want} of checkpoint, which is made from it"
            ),
        );
        findings.add(Fault::new("head", None, Step::Head, "behind", said));
    }
}

async fn kept(
    target: &Target,
    policies: &[Policy],
    name: &str,
    views: &mut Views,
    findings: &mut Findings,
) -> Result<(), AuditError> {
    let Some(size) = parse_kept_name(name) else {
        let said = Said::new(
            "文件名不是 checkpoints/加 20 位记录数",
            "its name is not checkpoints/<size in 20 digits>",
        );
        findings.add(Fault::new(name, None, Step::Kept, "name", said));
        return Ok(());
    };
    let Some((_, verified)) = one(target, policies, name, Step::Kept, findings).await? else {
        return Ok(());
    };
    let have = verified.tree().size;
    if have != size {
        let said = Said::new(
            format!("其中为 {have} 条，文件名为 {size} 条"),
            format!("it is of {have} records, its name says {size}"),
        );
        findings.add(Fault::new(name, None, Step::Kept, "name", said));
    }
    views.kept += 1;
    views.take(name, Step::Kept, &verified);
    Ok(())
}

/// The size that the name of a kept checkpoint says.
fn parse_kept_name(name: &str) -> Option<u64> {
    let size: u64 = name.strip_prefix("checkpoints/")?.parse().ok()?;
    (format!("checkpoints/{size:020}") == name).then_some(size)
}

/// Reads one and has it judged by the first policy that is for its log and size.
async fn one(
    target: &Target,
    policies: &[Policy],
    name: &str,
    step: Step,
    findings: &mut Findings,
) -> Result<Option<(usize, VerifiedCheckpoint)>, AuditError> {
    let bytes = match read(target.source(), name, NOTE_BYTES_MAX as u64).await? {
        Got::Bytes(bytes) => bytes,
        // Copies of a log need not have `head`; the folder of the ledger itself has one from the first record on.
        Got::Missing if step == Step::Head && target.data_store().is_none() => return Ok(None),
        Got::Missing => {
            let said = Said::new("文件缺失", "it is missing");
            findings.add(Fault::new(name, None, step, "missing", said));
            return Ok(None);
        }
        Got::Broken(said) => {
            findings.add(Fault::new(name, None, Step::Read, "unreadable", said));
            return Ok(None);
        }
    };
    match judge(&bytes, policies) {
        Ok(judged) => Ok(Some(judged)),
        Err((code, said)) => {
            findings.add(Fault::new(name, None, step, code, said));
            Ok(None)
        }
    }
}

/// The checkpoint as the first policy for its log and size judges it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn open_by(note: &[u8], policies: &[Policy]) -> Result<VerifiedCheckpoint, String> {
    judge(note, policies)
        .map(|(_, verified)| verified)
        .map_err(|(_, said)| said.en)
}

/// The policy that judges a checkpoint, and what it says of it.
pub(super) fn judge(
    note: &[u8],
    policies: &[Policy],
) -> Result<(usize, VerifiedCheckpoint), (&'static str, Said)> {
    match policy::open_by(policies, note) {
        Ok(judged) => Ok((judged.policy, judged.checkpoint)),
        Err(none @ JudgeError::NoneFits { .. }) => Err((
            NO_POLICY,
            Said::new(
                "给出的策略都不适用于此检查点的账本名和记录数",
                none.to_string(),
            ),
        )),
        Err(JudgeError::Form(error) | JudgeError::Refused { source: error, .. }) => {
            Err(("not_signed", words::of_open(&error)))
        }
    }
}

fn no_pin() -> Said {
    Said::new(
        "策略中没有 `# mingzhang genesis …` 一行：没有它，任何密钥都可冒充授权机构",
        "the policy has no line `# mingzhang genesis <64 hex>`: without it any set of keys could be claimed to be the authorities'",
    )
}

/// The log key of each view must be one that the log itself admitted, and in force for the last record that the view covers.
pub(super) fn check_log_keys(views: &[View], keys: &KeyState, findings: &mut Findings) {
    for view in views.iter().filter(|view| view.tree.size > 0) {
        let is_in_force = |vkey: &Vkey| {
            let key = keys
                .keys()
                .find(|key| key.role == Role::Log && key.vkey == *vkey);
            key.is_some_and(|key| {
                key.admitted_at < view.tree.size
                    && key
                        .revoked
                        .as_ref()
                        .is_none_or(|revoked| view.tree.size - 1 <= revoked.index)
            })
        };
        // One is enough: while a new key takes over it signs beside the old one, from before the log names it.
        if !view.logs.iter().any(is_in_force) {
            let vkeys: Vec<String> = view.logs.iter().map(ToString::to_string).collect();
            let (vkeys, size) = (vkeys.join(", "), view.tree.size);
            let said = Said::new(
                format!("由 {vkeys} 签名，而账本在 {size} 条时并未将其列为有效的账本密钥"),
                format!(
                    "signed by {vkeys}, which the log does not name as a log key in force at {size} records"
                ),
            );
            findings.add(Fault::new(&view.object, None, view.step, "log_key", said));
        }
    }
}

/// Signed views that cannot both be true: two roots of one size, or a root that the entries under a larger signed root do not give.
pub(super) fn contradictions(views: &[View]) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    let mut told: Vec<Tree> = Vec::new();
    for (at, one) in views.iter().enumerate() {
        let same_size = views[..at].iter().find(|other| {
            other.tree.size == one.tree.size && other.tree.root_hash != one.tree.root_hash
        });
        let larger = || {
            let confirmed =
                |other: &&View| other.holds == Some(true) && other.tree.size >= one.tree.size;
            views
                .iter()
                .filter(confirmed)
                .min_by_key(|other| other.tree.size)
        };
        let other = same_size.or_else(|| {
            if one.holds == Some(false) {
                larger()
            } else {
                None
            }
        });
        if let Some(other) = other.filter(|_| !told.contains(&one.tree)) {
            told.extend([one.tree, other.tree]);
            found.push(contradiction(one, other));
        }
    }
    found
}

fn contradiction(one: &View, other: &View) -> Contradiction {
    let evidence = |view: &View| Evidence {
        object: view.object.clone(),
        tree: view.tree.into(),
        note: view.note.clone(),
    };
    let (size, larger) = (one.tree.size, other.tree.size);
    let (en, zh) = if size == larger {
        (
            format!("the log has signed two root hashes for {size} records"),
            format!("账本对 {size} 条记录签了两个不同的根摘要"),
        )
    } else {
        (
            format!(
                "the first {size} records under the signed root of {larger} are not those that the log signed at {size}"
            ),
            format!("在 {larger} 条的已签名根摘要之下，前 {size} 条与账本在 {size} 条时所签的不同"),
        )
    };
    Contradiction {
        one: evidence(one),
        other: evidence(other),
        en,
        zh,
    }
}

/// A root hash that the entries must give at a size.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub object: String,
    pub step: Step,
    pub root_hash: Hash,
    /// Place in [`Views::views`].
    pub view: Option<usize>,
}

impl Want {
    /// What is wrong, if the entries give `have`.
    pub fn compare(&self, have: &Tree) -> Option<Fault> {
        if have.root_hash == self.root_hash {
            return None;
        }
        let step = if matches!(self.step, Step::Commit | Step::State) {
            self.step
        } else {
            Step::Root
        };
        let (size, want, have) = (
            have.size,
            self.root_hash.to_base64(),
            have.root_hash.to_base64(),
        );
        let said = Said::new(
            format!("其中 {size} 条的根摘要为 {want}，由条目算得 {have}"),
            format!("it says root hash {want} for {size} records, the entries give {have}"),
        );
        Some(Fault::new(&self.object, None, step, "root_hash", said))
    }
}
