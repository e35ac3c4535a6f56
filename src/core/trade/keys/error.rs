//! Why a key does not count or a change of keys is not possible.

use crate::lang::Bilingual;
use crate::tlog::merkle::Hash;
use crate::trade::statement::{Role, StatementError};

/// Why a key does not count or a change of keys is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a genesis where one is wanted.
    #[error("statement is of type {found}, wanted genesis")]
    NotGenesis {
        /// The type found.
        found: String,
    },
    /// A genesis that is not the first of its chain.
    #[error("genesis follows {found}, wanted null")]
    GenesisFollows {
        /// The id in `follows`.
        found: Hash,
    },
    /// Another genesis than the pinned one.
    #[error("genesis has id {found}, the policy pins {wanted}")]
    GenesisId {
        /// The id of the statement given.
        found: Hash,
        /// The pinned id.
        wanted: Hash,
    },
    /// No genesis at all.
    #[error("no genesis statement is given, wanted that with id {wanted}")]
    NoGenesis {
        /// The pinned id.
        wanted: Hash,
    },
    /// A statement in a list of evidence that is no `key` statement.
    #[error("item {item} of the evidence is of type {found}, wanted key")]
    NotKey {
        /// Its place, from 0.
        item: usize,
        /// The type found.
        found: String,
    },
    /// Bytes in a list of evidence that are no statement.
    #[error("item {item} of the evidence is not a statement")]
    Evidence {
        /// Its place, from 0.
        item: usize,
        /// Why not.
        source: StatementError,
    },
    /// More evidence than is read.
    #[error("evidence has {have} items, wanted at most {max}")]
    EvidenceItems {
        /// Items found.
        have: usize,
        /// The limit.
        max: usize,
    },
    /// A statement made for another ledger.
    #[error("statement is for ledger {found}, wanted {wanted}")]
    Ledger {
        /// The ledger it names.
        found: String,
        /// This ledger.
        wanted: String,
    },
    /// No key of that name and key ID was ever admitted.
    #[error("key {name}+{key_id:08x} was never admitted")]
    Unknown {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// The key is out of force.
    #[error("key {name}+{key_id:08x} was revoked by record {index}")]
    Revoked {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
        /// The index of the revoking record.
        index: u64,
    },
    /// The key's role may not sign this type.
    #[error("key of {name} has role {found}, which does not sign {statement_type} statements")]
    Role {
        /// The key name.
        name: String,
        /// Its role.
        found: Role,
        /// The type.
        statement_type: String,
    },
    /// A `genesis` or `key` statement where one publisher's signature is wanted.
    #[error(
        "{found} statements are signed by authorities, wanted a statement signed by one publisher"
    )]
    AuthoritiesSign {
        /// The type.
        found: String,
    },
    /// The arithmetic does not hold.
    #[error("signature does not verify with {vkey} over the text with SHA-256 {text_id}")]
    Signature {
        /// The key tried.
        vkey: String,
        /// What was hashed: the id of the statement as it was received.
        text_id: Hash,
    },
    /// A signature line by somebody who is no authority.
    #[error(
        "signature line by {name}+{key_id:08x}, which is no authority in force, wanted none else"
    )]
    NotAuthority {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// Two lines by one key.
    #[error("two signature lines by {name}+{key_id:08x}, wanted one a key")]
    LineTwice {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// Not enough authorities.
    #[error("{have} of the {of} authorities of the set {which} signed, wanted {need}")]
    Threshold {
        /// Lines found.
        have: usize,
        /// Lines wanted.
        need: usize,
        /// Keys in the set.
        of: usize,
        /// Which set: `in force`, `new` or `its own`.
        which: &'static str,
    },
    /// Two changes of the authorities in one statement.
    #[error("statement changes the authorities more than once, wanted at most one such change")]
    AuthorityTwice,
    /// A key named as another role must be.
    #[error(
        "key of role {role} is named {name}, but the name {ledger} is the log keys' and theirs alone"
    )]
    Name {
        /// The key name.
        name: String,
        /// The role it is admitted for.
        role: &'static str,
        /// The ledger's origin.
        ledger: String,
    },
    /// A public key that was there before.
    #[error(
        "public key of {vkey} is already {before}, wanted a key that was never used on this ledger"
    )]
    Known {
        /// The vkey.
        vkey: String,
        /// What it is or was.
        before: &'static str,
    },
    /// Another key with the same name and key ID.
    #[error("another key is called {name}+{key_id:08x}, wanted a key whose key ID differs")]
    KeyId {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// Nothing to revoke.
    #[error("key {vkey} is not in force, so it cannot be revoked")]
    NotInForce {
        /// The vkey.
        vkey: String,
    },
    /// Nobody would sign checkpoints.
    #[error("no log key would be left in force, wanted at least one")]
    LastLogKey,
    /// An erasure of what is not logged yet.
    #[error("record {index} erases entry {found}, wanted an earlier one")]
    EraseLater {
        /// The index to be erased.
        found: u64,
        /// The index of the order.
        index: u64,
    },
    /// An erasure of a `genesis` or `key` statement.
    #[error("entry {index} is a genesis or key statement, which is never erased")]
    EraseKeys {
        /// The index to be erased.
        index: u64,
    },
    /// An erasure of what is erased.
    #[error("entry {index} was erased by record {before} already")]
    EraseTwice {
        /// The index to be erased.
        index: u64,
        /// The index of the earlier order.
        before: u64,
    },
}

impl KeyError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::NotGenesis { .. }
            | KeyError::GenesisFollows { .. }
            | KeyError::GenesisId { .. }
            | KeyError::NoGenesis { .. } => "genesis",
            KeyError::NotKey { .. }
            | KeyError::Evidence { .. }
            | KeyError::EvidenceItems { .. } => "evidence",
            KeyError::Ledger { .. } => "ledger",
            KeyError::Unknown { .. } => "key_unknown",
            KeyError::Revoked { .. } => "key_revoked",
            KeyError::Role { .. } => "key_role",
            KeyError::AuthoritiesSign { .. } => "authorities_sign",
            KeyError::Signature { .. } => "signature",
            KeyError::NotAuthority { .. } | KeyError::LineTwice { .. } => "authority_line",
            KeyError::Threshold { .. } => "authority_threshold",
            KeyError::AuthorityTwice => "authority_twice",
            KeyError::Name { .. } => "key_name",
            KeyError::Known { .. } | KeyError::KeyId { .. } => "key_known",
            KeyError::NotInForce { .. } => "key_not_in_force",
            KeyError::LastLogKey => "last_log_key",
            KeyError::EraseLater { .. }
            | KeyError::EraseKeys { .. }
            | KeyError::EraseTwice { .. } => "erasure",
        }
    }
}

impl Bilingual for KeyError {
    fn zh(&self) -> String {
        match self {
            KeyError::NotGenesis { found } => format!("声明类型为 {found}，应为 genesis"),
            KeyError::GenesisFollows { found } => {
                format!("genesis 的 follows 为 {found}，应为 null")
            }
            KeyError::GenesisId { found, wanted } => {
                format!("genesis 编号为 {found}，策略文件固定的是 {wanted}")
            }
            KeyError::NoGenesis { wanted } => format!("缺少编号为 {wanted} 的 genesis 声明"),
            KeyError::NotKey { item, found } => format!("证据第 {item} 项类型为 {found}，应为 key"),
            KeyError::Evidence { item, source } => {
                format!("证据第 {item} 项不是声明：{}", source.zh())
            }
            KeyError::EvidenceItems { have, max } => format!("证据有 {have} 项，最多 {max} 项"),
            KeyError::Ledger { found, wanted } => {
                format!("声明写给账本 {found}，本账本为 {wanted}")
            }
            KeyError::Unknown { name, key_id } => format!("密钥 {name}+{key_id:08x} 从未登记"),
            KeyError::Revoked {
                name,
                key_id,
                index,
            } => {
                format!("密钥 {name}+{key_id:08x} 已由第 {index} 号记录撤销")
            }
            KeyError::Role {
                name,
                found,
                statement_type,
            } => {
                format!("{name} 的密钥角色为 {found}，不能签署 {statement_type} 声明")
            }
            KeyError::AuthoritiesSign { found } => {
                format!("{found} 声明由授权机构签署，此处应为发布者一方签署的声明")
            }
            KeyError::Signature { vkey, text_id } => {
                format!("用 {vkey} 对 SHA-256 为 {text_id} 的正文验签不通过")
            }
            KeyError::NotAuthority { name, key_id } => {
                format!("签名行 {name}+{key_id:08x} 不是现行授权机构，不得有其他签名")
            }
            KeyError::LineTwice { name, key_id } => {
                format!("{name}+{key_id:08x} 签了两行，每个密钥只签一行")
            }
            KeyError::Threshold {
                have,
                need,
                of,
                which,
            } => {
                let which = match *which {
                    "new" => "新的",
                    "its own" => "其自身的",
                    _ => "现行",
                };
                format!("{which}授权机构 {of} 家中 {have} 家签署，应有 {need} 家")
            }
            KeyError::AuthorityTwice => "一份声明最多变更一次授权机构".to_owned(),
            KeyError::Name { name, role, ledger } => {
                format!("角色 {role} 的密钥名为 {name}；名称 {ledger} 属于且只属于账本密钥")
            }
            KeyError::Known { vkey, .. } => {
                format!("公钥 {vkey} 在本账本已使用过，应为从未使用的公钥")
            }
            KeyError::KeyId { name, key_id } => {
                format!("已有另一密钥为 {name}+{key_id:08x}，密钥编号应不同")
            }
            KeyError::NotInForce { vkey } => format!("密钥 {vkey} 并非有效，无从撤销"),
            KeyError::LastLogKey => "将没有有效的账本密钥，至少应有一个".to_owned(),
            KeyError::EraseLater { found, index } => {
                format!("第 {index} 号记录要清除第 {found} 号，只能清除更早的")
            }
            KeyError::EraseKeys { index } => {
                format!("第 {index} 号是 genesis 或 key 声明，不得清除")
            }
            KeyError::EraseTwice { index, before } => {
                format!("第 {index} 号已由第 {before} 号记录清除")
            }
        }
    }
}
