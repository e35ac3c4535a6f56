//! The offline verdict: a receipt and a policy in, a [`VerifiedRecord`] out, or the numbered step that failed. Pure: no clock, no network.
//!
//! Each binding (this entry, index, root, origin, key, ledger, policy) is compared here and nowhere else, and missing is failure. Nothing in
//! the receipt is believed: keys follow from the genesis id that the policy pins.
//!
//! What a receipt cannot show, the verdict says ([`VerifiedRecord::NOT_SHOWN`]): that the signer's key was not revoked before this record,
//! that no later statement amends it, that the chain is complete. Audit shows these. [`verify_entry`] judges a proof that others made, which
//! has the entry beside it and no key statements: steps 1 to 5, whoever signed the statement.

use crate::receipt::{Receipt, ReceiptError};
use crate::tlog::checkpoint::OpenError;
use crate::tlog::merkle::{self, Hash, ProofError};
use crate::tlog::policy::{self, JudgeError, Judged, PassedOver, Policy, VerifiedCheckpoint};
use crate::tlog::proof::TlogProof;
use crate::trade::keys::{KeyError, KeyState};
use crate::trade::record::{RecordError, RecordHeader, parse_entry};
use crate::trade::statement::{Statement, StatementError};

/// A record that is proved to be in the log (steps 1 to 5). Who signed its statement is not judged.
#[derive(Debug)]
pub struct VerifiedEntry {
    header: RecordHeader,
    statement: Statement,
    leaf_hash: Hash,
    checkpoint: VerifiedCheckpoint,
    policy: usize,
    passed_over: Vec<PassedOver>,
}

/// A record that the receipt proves to be in the log, with everything that was checked on the way.
#[derive(Debug)]
pub struct VerifiedRecord {
    entry: VerifiedEntry,
    genesis_id: Hash,
    signers: Vec<String>,
}

/// The steps in their order, as the CLI, the portal and tests name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The file is a receipt.
    Form = 1,
    /// A policy given is for the ledger that the receipt is of, and pins its genesis.
    Policy = 2,
    /// The checkpoint is signed by the log key of the policy; cosignatures in it are good.
    Checkpoint = 3,
    /// The entry is in the tree of the checkpoint, at the index the receipt says.
    Inclusion = 4,
    /// The entry is a record of this index.
    Record = 5,
    /// The keys follow from the pinned genesis.
    Keys = 6,
    /// The statement is signed by a key that may say it.
    Signature = 7,
}

impl Step {
    /// All, in order.
    pub const ALL: [Step; 7] = [
        Step::Form,
        Step::Policy,
        Step::Checkpoint,
        Step::Inclusion,
        Step::Record,
        Step::Keys,
        Step::Signature,
    ];
}

/// Which step failed, and why.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Step 1.
    #[error(transparent)]
    Form(#[from] ReceiptError),
    /// Step 2: none fits.
    #[error("no policy given is for this receipt's checkpoint")]
    NoPolicy(#[source] JudgeError),
    /// Step 2: the genesis is not pinned.
    #[error(
        "the policy has no line `# mingzhang genesis <64 hex>`: without it any key could be claimed to be the centre's"
    )]
    NoGenesis,
    /// Step 3.
    #[error("the checkpoint is not one that the policy accepts")]
    Checkpoint(#[source] OpenError),
    /// Step 4.
    #[error("the entry is not in the tree of the checkpoint at index {index}")]
    Inclusion {
        /// As the receipt says.
        index: u64,
        /// What does not fit.
        #[source]
        source: ProofError,
    },
    /// Step 5.
    #[error("the entry is not a record")]
    Record(#[source] RecordError),
    /// Step 4: the receipt has another entry than the one given.
    #[error(
        "the entry given has leaf hash {found}, the one in the receipt {wanted}: they are two records"
    )]
    OtherEntry {
        /// Of the entry given.
        found: Hash,
        /// Of the receipt's.
        wanted: Hash,
    },
    /// Step 5: another record's entry.
    #[error("the entry says it is record {found}, the receipt proves record {wanted}")]
    Index {
        /// In the entry.
        found: u64,
        /// In the receipt.
        wanted: u64,
    },
    /// Step 5: not a statement.
    #[error("the record does not hold a statement")]
    Statement(#[source] StatementError),
    /// Step 6.
    #[error("the keys do not follow from the pinned genesis {genesis_id}")]
    Keys {
        /// Pinned.
        genesis_id: Hash,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
    /// Step 6 or 7: another ledger's.
    #[error("this belongs to the ledger {found:?}, the checkpoint is of {wanted:?}")]
    Ledger {
        /// In the genesis or the statement.
        found: String,
        /// In the checkpoint.
        wanted: String,
    },
    /// Step 7.
    #[error("the statement is not signed by a key that may say it")]
    Signature(#[source] KeyError),
}

impl VerifyError {
    /// The step that failed.
    pub fn step(&self) -> Step {
        match self {
            VerifyError::Form(_) => Step::Form,
            VerifyError::NoPolicy(_) | VerifyError::NoGenesis => Step::Policy,
            VerifyError::Checkpoint(_) => Step::Checkpoint,
            VerifyError::Inclusion { .. } | VerifyError::OtherEntry { .. } => Step::Inclusion,
            VerifyError::Record(_) | VerifyError::Index { .. } | VerifyError::Statement(_) => {
                Step::Record
            }
            VerifyError::Keys { .. } => Step::Keys,
            VerifyError::Ledger { .. } | VerifyError::Signature(_) => Step::Signature,
        }
    }

    /// Whether nothing was shown against the receipt: what it is judged by is missing or does not fit.
    pub fn is_unjudged(&self) -> bool {
        self.step() == Step::Policy
    }
}

/// Checks a receipt against the policies: one that is for its log and size decides, as [`policy::open_by`] says.
///
/// # Errors
/// [`VerifyError`], naming the step.
pub fn verify(receipt: &[u8], policies: &[Policy]) -> Result<VerifiedRecord, VerifyError> {
    // 1. The file.
    let receipt = Receipt::parse(receipt)?;

    // 2. and 3. The policy, and by it the checkpoint.
    let judged = judge(policies, &receipt.checkpoint)?;
    let genesis_id = policies[judged.policy]
        .genesis()
        .ok_or(VerifyError::NoGenesis)?;

    // 4. and 5. The entry's place in the tree, and the record.
    let entry = place(judged, receipt.index, &receipt.proof, &receipt.entry)?;

    // 6. The keys, from the pinned genesis on.
    let notes: Vec<&[u8]> = receipt.evidence.iter().map(AsRef::as_ref).collect();
    let keys = KeyState::from_evidence(&genesis_id, &notes)
        .map_err(|source| VerifyError::Keys { genesis_id, source })?;
    let statement = entry.statement();
    for found in [keys.ledger(), statement.ledger()] {
        check_ledger(found, &entry)?;
    }

    // 7. The signature, by a key that may say this. The genesis record is signed by the authority set that it names itself.
    keys.verify(statement).map_err(VerifyError::Signature)?;
    let signers = match keys.signer(statement) {
        Ok(key) => vec![key.vkey.to_string()],
        Err(_) => statement
            .signatures()
            .iter()
            .map(|line| format!("{}+{:08x}", line.name, line.key_id))
            .collect(),
    };

    Ok(VerifiedRecord {
        entry,
        genesis_id,
        signers,
    })
}

/// Checks a tlog-proof together with the entry that it is of: steps 1 to 5. What its `extra` line says is not looked at, and so it is not
/// judged who signed the statement. The policy need not pin a genesis.
///
/// # Errors
/// [`VerifyError`], naming the step.
pub fn verify_entry(
    proof: &[u8],
    entry: &[u8],
    policies: &[Policy],
) -> Result<VerifiedEntry, VerifyError> {
    let proof = TlogProof::parse(proof).map_err(ReceiptError::Form)?;
    let judged = judge(policies, &proof.checkpoint)?;
    let entry = place(judged, proof.index, &proof.hashes, entry)?;
    check_ledger(entry.statement().ledger(), &entry)?;
    Ok(entry)
}

/// Steps 2 and 3: the policy, by origin and, for retired ones, up to the size they stood for; by it the checkpoint: origin, log signature,
/// cosignatures. Whether the quorum is met is data: the caller decides what it means to him.
fn judge(policies: &[Policy], checkpoint: &str) -> Result<Judged, VerifyError> {
    policy::open_by(policies, checkpoint.as_bytes()).map_err(|error| match error {
        JudgeError::NoneFits { .. } => VerifyError::NoPolicy(error),
        JudgeError::Form(source) | JudgeError::Refused { source, .. } => {
            VerifyError::Checkpoint(source)
        }
    })
}

/// Steps 4 and 5.
fn place(
    judged: Judged,
    index: u64,
    proof: &[Hash],
    entry: &[u8],
) -> Result<VerifiedEntry, VerifyError> {
    let Judged {
        policy,
        checkpoint,
        passed_over,
    } = judged;

    // 4. The entry's place in the tree.
    let leaf_hash = merkle::leaf_hash(entry);
    merkle::check_inclusion(&leaf_hash, index, &checkpoint.tree(), proof)
        .map_err(|source| VerifyError::Inclusion { index, source })?;

    // 5. The record.
    let (header, note) = parse_entry(entry).map_err(VerifyError::Record)?;
    if header.index != index {
        return Err(VerifyError::Index {
            found: header.index,
            wanted: index,
        });
    }
    let statement = Statement::parse(note).map_err(VerifyError::Statement)?;
    Ok(VerifiedEntry {
        header,
        statement,
        leaf_hash,
        checkpoint,
        policy,
        passed_over,
    })
}

fn check_ledger(found: &str, entry: &VerifiedEntry) -> Result<(), VerifyError> {
    let origin = &entry.checkpoint.checkpoint().origin;
    if found == origin {
        return Ok(());
    }
    Err(VerifyError::Ledger {
        found: found.to_owned(),
        wanted: origin.clone(),
    })
}

impl VerifiedRecord {
    /// What no receipt can show, for the verdict: (Chinese, English).
    pub const NOT_SHOWN: [(&'static str, &'static str); 5] = [
        (
            "管理机构的密钥集合之后是否另有变更未列入回执（须审计整个账本）",
            "whether a change of the authorities was left out of the receipt (audit the log)",
        ),
        (
            "签名密钥在此记录之前是否已被撤销（须审计整个账本）",
            "whether the signing key was revoked before this record (audit the log)",
        ),
        (
            "之后是否有更正、变更或撤回（须查询项目的后续记录）",
            "whether a later statement corrects, replaces or withdraws it (look at the project's later records)",
        ),
        (
            "该项目的公开是否完整、及时",
            "whether the project's disclosures are complete and in time",
        ),
        (
            "公告内容本身是否属实",
            "whether what the statement says is true",
        ),
    ];

    /// The genesis id that the keys follow from.
    pub fn genesis_id(&self) -> Hash {
        self.genesis_id
    }

    /// The vkeys whose signatures on the statement were verified.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }
}

impl VerifiedEntry {
    /// Index, link and time of the record.
    pub fn header(&self) -> &RecordHeader {
        &self.header
    }

    /// What was said.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The leaf hash that the tree holds.
    pub fn leaf_hash(&self) -> Hash {
        self.leaf_hash
    }

    /// The checkpoint, with the witnesses that cosigned it and whether the quorum is met.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }

    /// Which of the policies given decided, by position.
    pub fn policy(&self) -> usize {
        self.policy
    }

    /// Policies that are for this checkpoint too and were asked before, with what they say.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }
}

/// What is shown of its entry, and more.
impl std::ops::Deref for VerifiedRecord {
    type Target = VerifiedEntry;

    fn deref(&self) -> &VerifiedEntry {
        &self.entry
    }
}
