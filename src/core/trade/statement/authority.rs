//! What `genesis` and `key` statements say. These objects are closed: a member that is not known is refused, because a
//! reader that skipped it could be wrong about whose signatures count.
//!
//! Reads form only. Whether a change is possible in the state it meets is [`keys`](crate::trade::keys)' to say.

use std::fmt;

use super::StatementError;
use super::members::Members;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Vkey;
use crate::trade::names;
use crate::trade::time::OffsetTime;

/// The most log keys in a genesis.
pub(crate) const LOG_VKEYS_MAX: usize = 8;
/// The most keys in an authority set.
pub(crate) const AUTHORITY_VKEYS_MAX: usize = 16;
/// The most changes in one key statement; its 2,048 bytes hold fewer.
pub(crate) const CHANGES_MAX: usize = 64;
/// The most bytes of a display name.
pub(crate) const DISPLAY_NAME_BYTES_MAX: usize = 256;
/// The most bytes of a unified social credit code or what stands for one.
pub(crate) const USCC_BYTES_MAX: usize = 32;
/// The most bytes of the reason of a revocation and the legal basis of an erasure.
pub(crate) const REASON_BYTES_MAX: usize = 1_024;

/// Record 0: the ledger's hash, its log keys, its authorities and its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The keys that sign checkpoints; each is named as the ledger is.
    pub log: Vec<Vkey>,
    /// The keys that admit and revoke keys.
    pub authority: AuthoritySet,
    /// The body that runs the ledger.
    pub operator: Operator,
}

/// Keys of which `threshold` must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    /// How many of them must sign; 1 to their number.
    pub threshold: usize,
    /// The keys, no two the same.
    pub vkeys: Vec<Vkey>,
}

/// The body that runs the ledger, for people. A key of its own it gets by an `admit` with role `operator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its name in its own language.
    pub name: String,
    /// Its unified social credit code; `None` if it has none.
    pub uscc: Option<String>,
}

/// One change of a `key` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key comes into force.
    Admit(Admit),
    /// A key goes out of force.
    Revoke(Revoke),
    /// The authorities are others from now on.
    Authority(AuthoritySet),
    /// An entry is served with length 0 from now on.
    EraseEntry(Erasure),
}

/// A key that comes into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// What it may sign.
    pub role: Role,
    /// The key with its name.
    pub vkey: Vkey,
    /// The bearer's name in its own language, for display.
    pub name: String,
    /// The bearer's unified social credit code; `None` if it has none.
    pub uscc: Option<String>,
    /// From when on the ledger's clock, not the bearer's claims, is what time rules look at.
    pub live_from: Option<OffsetTime>,
}

/// A key that goes out of force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoke {
    /// The key with its name.
    pub vkey: Vkey,
    /// Why, for people.
    pub reason: String,
    /// Since when the key may have been in other hands.
    pub suspect_since: Option<OffsetTime>,
}

/// An entry that is erased by order: the lawful last resort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The leaf index of the erased entry.
    pub index: u64,
    /// Its leaf hash, which stays in the tree.
    pub leaf_hash: Hash,
    /// The id of the statement it held.
    pub statement: Hash,
    /// That statement's type; never `genesis` or `key`.
    pub statement_type: String,
    /// That statement's publisher.
    pub publisher: String,
    /// That statement's project; `None` unless it is a `trade`.
    pub project: Option<String>,
    /// The legal basis, for people.
    pub basis: String,
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// `trade`, and `order` about its own statements.
    Publisher,
    /// `endorse`, and `order`.
    Supervisor,
    /// `notice`.
    Operator,
    /// Checkpoints, and no statement.
    Log,
}

impl Role {
    /// The word in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Publisher => "publisher",
            Role::Supervisor => "supervisor",
            Role::Operator => "operator",
            Role::Log => "log",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Genesis {
    pub(super) fn read(members: &Members<'_, '_>) -> Result<Genesis, StatementError> {
        members.only(&[
            "type",
            "v",
            "ledger",
            "follows",
            "hash",
            "log",
            "authority",
            "operator",
        ])?;
        match members.text("hash")? {
            "sha-256" => {}
            found => return Err(members.wrong("hash", found, "\"sha-256\"")),
        }
        let operator = members.required_object("operator")?;
        operator.only(&["name", "uscc"])?;
        let authority = members.required_object("authority")?;
        authority.only(&["threshold", "vkeys"])?;
        Ok(Genesis {
            log: members.vkeys("log", LOG_VKEYS_MAX, "an array of 1 to 8 vkeys")?,
            authority: AuthoritySet::read(&authority)?,
            operator: Operator {
                name: display_name(&operator)?,
                uscc: uscc(&operator)?,
            },
        })
    }
}

impl AuthoritySet {
    fn read(members: &Members<'_, '_>) -> Result<AuthoritySet, StatementError> {
        let vkeys = members.vkeys("vkeys", AUTHORITY_VKEYS_MAX, "an array of 1 to 16 vkeys")?;
        let wanted = "an integer from 1 to the number of vkeys";
        let threshold = members.count("threshold", 1, wanted)?;
        match usize::try_from(threshold) {
            Ok(threshold) if threshold <= vkeys.len() => Ok(AuthoritySet { threshold, vkeys }),
            _ => Err(StatementError::Member {
                pointer: members.pointer("threshold"),
                found: format!("{threshold} of {}", vkeys.len()),
                wanted,
            }),
        }
    }
}

/// The changes of a `key` statement, in the order in which they take effect.
pub(super) fn read_changes(members: &Members<'_, '_>) -> Result<Vec<Change>, StatementError> {
    members.only(&["type", "v", "ledger", "follows", "changes"])?;
    let changes = members.objects("changes", CHANGES_MAX, "an array of 1 to 64 changes")?;
    changes.iter().map(Change::read).collect()
}

impl Change {
    fn read(members: &Members<'_, '_>) -> Result<Change, StatementError> {
        match members.text("op")? {
            "admit" => {
                members.only(&["op", "role", "vkey", "name", "uscc", "live_from"])?;
                Ok(Change::Admit(Admit {
                    role: read_role(members)?,
                    vkey: members.vkey("vkey")?,
                    name: display_name(members)?,
                    uscc: uscc(members)?,
                    live_from: members.optional_time("live_from")?,
                }))
            }
            "revoke" => {
                members.only(&["op", "vkey", "reason", "suspect_since"])?;
                Ok(Change::Revoke(Revoke {
                    vkey: members.vkey("vkey")?,
                    reason: members
                        .words("reason", REASON_BYTES_MAX, "a reason of 1 to 1,024 bytes")?
                        .to_owned(),
                    suspect_since: members.optional_time("suspect_since")?,
                }))
            }
            "authority" => {
                members.only(&["op", "threshold", "vkeys"])?;
                Ok(Change::Authority(AuthoritySet::read(members)?))
            }
            "erase_entry" => Ok(Change::EraseEntry(Erasure::read(members)?)),
            found => Err(members.wrong(
                "op",
                found,
                "\"admit\", \"revoke\", \"authority\" or \"erase_entry\"",
            )),
        }
    }
}

impl Erasure {
    fn read(members: &Members<'_, '_>) -> Result<Erasure, StatementError> {
        members.only(&[
            "op",
            "index",
            "leaf_hash",
            "statement",
            "statement_type",
            "publisher",
            "project",
            "basis",
        ])?;
        let statement_type = members.named("statement_type", names::check_type)?;
        let project = match (statement_type, members.get("project")) {
            ("genesis" | "key", _) => {
                return Err(members.wrong(
                    "statement_type",
                    statement_type,
                    "a type other than genesis and key",
                ));
            }
            ("trade", _) => Some(members.named("project", names::check_project)?.to_owned()),
            (_, Some(value)) if value.is_null() => None,
            (_, Some(value)) => {
                return Err(members.wrong(
                    "project",
                    value.what(),
                    "null, because the statement is not a trade",
                ));
            }
            (_, None) => {
                return Err(StatementError::Missing {
                    pointer: members.pointer("project"),
                    wanted: "null, because the statement is not a trade",
                });
            }
        };
        Ok(Erasure {
            index: members.count("index", 0, "a leaf index")?,
            leaf_hash: members.hash("leaf_hash")?,
            statement: members.hash("statement")?,
            statement_type: statement_type.to_owned(),
            publisher: members.named("publisher", names::check_name)?.to_owned(),
            project,
            basis: members
                .words(
                    "basis",
                    REASON_BYTES_MAX,
                    "a legal basis of 1 to 1,024 bytes",
                )?
                .to_owned(),
        })
    }
}

fn read_role(members: &Members<'_, '_>) -> Result<Role, StatementError> {
    match members.text("role")? {
        "publisher" => Ok(Role::Publisher),
        "supervisor" => Ok(Role::Supervisor),
        "operator" => Ok(Role::Operator),
        "log" => Ok(Role::Log),
        found => Err(members.wrong(
            "role",
            found,
            "\"publisher\", \"supervisor\", \"operator\" or \"log\"",
        )),
    }
}

fn display_name(members: &Members<'_, '_>) -> Result<String, StatementError> {
    Ok(members
        .words("name", DISPLAY_NAME_BYTES_MAX, "a name of 1 to 256 bytes")?
        .to_owned())
}

/// Not checked against GB 32100: old organisation codes and those of the armed forces occur too, and this is a log rule.
fn uscc(members: &Members<'_, '_>) -> Result<Option<String>, StatementError> {
    let wanted = "a code of 1 to 32 of 0-9 A-Z -, or null";
    match members.get("uscc") {
        None => Err(StatementError::Missing {
            pointer: members.pointer("uscc"),
            wanted,
        }),
        Some(value) if value.is_null() => Ok(None),
        Some(_) => {
            let code = members.words("uscc", USCC_BYTES_MAX, wanted)?;
            let alphabet =
                |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b'-';
            if code.bytes().all(alphabet) {
                Ok(Some(code.to_owned()))
            } else {
                Err(members.wrong("uscc", code, wanted))
            }
        }
    }
}
