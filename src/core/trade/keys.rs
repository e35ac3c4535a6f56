//! Which keys are in force: a function of the log's `genesis` and `key` statements alone.
//!
//! Promises: a signature by a key not in force at that index never counts (promise 8); a public key is admitted once,
//! ever, under one name and role; no two keys share a name and key ID, so that a signature line selects one key, and the
//! full key decides; a key statement is applied whole or not at all. A clone costs a reference count.
//!
//! Does not look at chains and times ([`log_rules`](super::log_rules)) and does not know checkpoints: the log keys are
//! listed here, and [`policy`](crate::tlog) says which of them a verifier pins.

mod error;
mod evidence;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::statement::{
    Admit, AuthoritySet, Body, Chain, Change, Erasure, Genesis, Operator, Revoke, Role, Statement,
};
use super::time::OffsetTime;
use crate::tlog::merkle::Hash;
use crate::tlog::note::{Signature, Vkey};

pub use error::KeyError;

/// The keys of a ledger after some number of records, with their history.
#[derive(Clone)]
pub struct KeyState(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    ledger: String,
    genesis_id: Hash,
    operator: Operator,
    /// All keys ever admitted, in that order; authorities are not among them.
    keys: Vec<Arc<AdmittedKey>>,
    /// Places in `keys` by key ID. Names are compared too: the ID alone is short enough to collide by chance.
    by_key_id: HashMap<u32, Vec<usize>>,
    /// Every public key ever admitted or set as an authority, so that none comes twice.
    public_keys: HashMap<[u8; 32], Use>,
    /// Authority sets with the index of the record that set each; the last is in force.
    authorities: Vec<(u64, Arc<AuthoritySet>)>,
    erasures: BTreeMap<u64, Arc<Erased>>,
    /// Every `genesis` and `key` record: index and statement id.
    records: Vec<(u64, Hash)>,
    /// Notes from which keys follow, in log order, genesis first.
    notes: Vec<KeyNote>,
}

/// A key that was admitted: to whom, as what, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedKey {
    /// The key with its name.
    pub vkey: Vkey,
    /// What it may sign.
    pub role: Role,
    /// The bearer's name, for display.
    pub name: String,
    /// The bearer's unified social credit code.
    pub uscc: Option<String>,
    /// From when on rules look at the ledger's clock.
    pub live_from: Option<OffsetTime>,
    /// The index of the record that admitted it; it is in force from the next index on.
    pub admitted_at: u64,
    /// The record that revoked it, if one did.
    pub revoked: Option<Revocation>,
}

/// How a key went out of force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The index of the record that revoked it; it is out of force from the next index on.
    pub index: u64,
    /// Why, for people.
    pub reason: String,
    /// Since when it may have been in other hands.
    pub suspect_since: Option<OffsetTime>,
}

impl AdmittedKey {
    /// Whether the key is in force for the record at `index`.
    #[must_use]
    pub fn in_force_at(&self, index: u64) -> bool {
        self.admitted_at < index
            && self
                .revoked
                .as_ref()
                .is_none_or(|revoked| index <= revoked.index)
    }
}

/// An entry erased by order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The index of the record that orders it.
    pub ordered_at: u64,
    /// What is erased, on what basis.
    pub erasure: Erasure,
}

impl Erasure {
    /// The chain that the erased statement is in: replay takes its head from here.
    #[must_use]
    pub fn chain(&self) -> Chain {
        match &self.project {
            Some(project) => Chain::Trade {
                publisher: self.publisher.clone(),
                project: project.clone(),
            },
            None => Chain::Other {
                publisher: self.publisher.clone(),
                statement_type: self.statement_type.clone(),
            },
        }
    }
}

/// What a public key was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Admitted,
    Authority,
}

#[derive(Clone)]
struct KeyNote {
    index: u64,
    note: Bytes,
    changes_authority: bool,
}

impl KeyState {
    /// The state after record 0: its own authorities have signed it, and its log keys are in force.
    ///
    /// # Errors
    /// [`KeyError`] if `statement` is no genesis, is not signed by its own threshold, or names keys that cannot be.
    pub fn from_genesis(statement: &Statement) -> Result<KeyState, KeyError> {
        let Body::Genesis(genesis) = statement.body() else {
            return Err(KeyError::NotGenesis {
                found: statement.statement_type().to_owned(),
            });
        };
        if let Some(found) = statement.follows() {
            return Err(KeyError::GenesisFollows { found });
        }
        let state = Inner::from_genesis(statement, genesis)?;
        verify_lines(
            statement,
            &authority_lines(statement, &[("its own", &genesis.authority)])?,
        )?;
        Ok(KeyState(Arc::new(state)))
    }

    /// The ledger's origin.
    #[must_use]
    pub fn ledger(&self) -> &str {
        &self.0.ledger
    }

    /// The id of the genesis statement: what verifiers pin.
    #[must_use]
    pub fn genesis_id(&self) -> Hash {
        self.0.genesis_id
    }

    /// The body that runs the ledger, as the genesis names it.
    #[must_use]
    pub fn operator(&self) -> &Operator {
        &self.0.operator
    }

    /// All keys ever admitted, the genesis's log keys first, in the order of admission.
    pub fn keys(&self) -> impl Iterator<Item = &AdmittedKey> {
        self.0.keys.iter().map(Arc::as_ref)
    }

    /// The keys in force for the record at `index`; equally, those in force after the first `index` records.
    pub fn in_force_at(&self, index: u64) -> impl Iterator<Item = &AdmittedKey> {
        self.keys().filter(move |key| key.in_force_at(index))
    }

    /// The keys that sign checkpoints now.
    pub fn log_vkeys(&self) -> impl Iterator<Item = &Vkey> {
        self.keys()
            .filter(|key| key.role == Role::Log && key.revoked.is_none())
            .map(|key| &key.vkey)
    }

    /// Whether this key may sign the checkpoint of `size` records: the log names it as a log key before the last of them, and did not revoke it
    /// before that.
    #[must_use]
    pub fn log_key_signs(&self, vkey: &Vkey, size: u64) -> bool {
        self.keys().any(|key| {
            let revoked = key.revoked.as_ref();
            key.role == Role::Log
                && key.vkey == *vkey
                && key.admitted_at < size
                && revoked.is_none_or(|revoked| size <= revoked.index + 1)
        })
    }

    /// The authorities in force for the record at `index`.
    #[must_use]
    pub fn authority_at(&self, index: u64) -> &AuthoritySet {
        let set = self
            .0
            .authorities
            .iter()
            .rev()
            .find(|(set_at, _)| *set_at < index);
        // Record 0 is judged by the set that it brings itself.
        &set.unwrap_or(&self.0.authorities[0]).1
    }

    /// Every set of authorities there has been, with the index of the record that set it; the last is in force.
    pub fn authorities(&self) -> impl Iterator<Item = (u64, &AuthoritySet)> {
        let sets = self.0.authorities.iter();
        sets.map(|(set_at, set)| (*set_at, set.as_ref()))
    }

    /// From when on rules look at the ledger's clock for this publisher: the earliest `live_from` of its keys.
    #[must_use]
    pub fn live_from(&self, publisher: &str) -> Option<OffsetTime> {
        let of_publisher =
            |key: &&AdmittedKey| key.role == Role::Publisher && key.vkey.name() == publisher;
        self.keys()
            .filter(of_publisher)
            .filter_map(|key| key.live_from)
            .min_by_key(|from| from.time)
    }

    /// The order that erased the entry at `index`.
    #[must_use]
    pub fn erased(&self, index: u64) -> Option<&Erased> {
        self.0.erasures.get(&index).map(Arc::as_ref)
    }

    /// All erased entries, by index.
    pub fn erasures(&self) -> impl Iterator<Item = &Erased> {
        self.0.erasures.values().map(Arc::as_ref)
    }

    /// The key that a statement other than `genesis` and `key` claims to be signed by, if it is in force now and its
    /// role may sign this type. No arithmetic: strangers are refused before any.
    ///
    /// # Errors
    /// [`KeyError::Unknown`], [`KeyError::Revoked`], [`KeyError::Role`]; [`KeyError::AuthoritiesSign`] for a `genesis`
    /// or `key` statement.
    pub fn signer(&self, statement: &Statement) -> Result<&AdmittedKey, KeyError> {
        let [signature] = statement.signatures() else {
            return Err(KeyError::AuthoritiesSign {
                found: statement.statement_type().to_owned(),
            });
        };
        if *statement.chain() == Chain::Keys {
            return Err(KeyError::AuthoritiesSign {
                found: statement.statement_type().to_owned(),
            });
        }
        let key = self.select(signature)?;
        if let Some(revoked) = &key.revoked {
            let name = signature.name.clone();
            return Err(KeyError::Revoked {
                name,
                key_id: signature.key_id,
                index: revoked.index,
            });
        }
        let wanted = roles(statement.statement_type());
        if !wanted.contains(&key.role) {
            return Err(KeyError::Role {
                name: signature.name.clone(),
                found: key.role,
                statement_type: statement.statement_type().to_owned(),
            });
        }
        Ok(key)
    }

    /// Judges the signature lines of any statement but for the arithmetic: keys known, in force and of the right role, or
    /// enough authorities and nobody else.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn check_lines(&self, statement: &Statement) -> Result<(), KeyError> {
        self.vkeys_of_lines(statement).map(|_| ())
    }

    /// Judges and verifies every signature line of a statement, by the rule of `verify_strict`.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Signature`] where only the arithmetic fails.
    pub fn verify(&self, statement: &Statement) -> Result<(), KeyError> {
        verify_lines(statement, &self.vkeys_of_lines(statement)?)
    }

    /// Judges the changes of a `key` statement that would be logged at `index`, without applying them. Signature lines
    /// are not looked at. Any other statement changes nothing and passes.
    ///
    /// # Errors
    /// [`KeyError`] for the first change that the state does not allow.
    pub(crate) fn check_changes(&self, index: u64, statement: &Statement) -> Result<(), KeyError> {
        match statement.body() {
            Body::Key(changes) => self
                .changed(index, statement, changes, Gaps::None)
                .map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Applies the record at `index`: a `key` statement is verified and takes effect from the next index on; any other
    /// statement changes nothing. If one change is invalid, none is applied.
    ///
    /// # Errors
    /// [`KeyError`].
    ///
    /// # Panics
    /// If a record at or after `index` was applied before: records are applied in log order.
    pub fn apply(&mut self, index: u64, statement: &Statement) -> Result<(), KeyError> {
        let Body::Key(changes) = statement.body() else {
            return Ok(());
        };
        self.verify(statement)?;
        *self = self.changed(index, statement, changes, Gaps::None)?;
        Ok(())
    }

    /// The key that a signature line selects, in force or not.
    fn select(&self, signature: &Signature) -> Result<&AdmittedKey, KeyError> {
        let places = self
            .0
            .by_key_id
            .get(&signature.key_id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let key = places
            .iter()
            .map(|place| &self.0.keys[*place])
            .find(|key| signature.names(&key.vkey));
        key.map(Arc::as_ref).ok_or_else(|| KeyError::Unknown {
            name: signature.name.clone(),
            key_id: signature.key_id,
        })
    }

    /// The key of each signature line, in the order of the lines.
    fn vkeys_of_lines<'k>(&'k self, statement: &'k Statement) -> Result<Vec<&'k Vkey>, KeyError> {
        match statement.body() {
            Body::Genesis(genesis) => {
                authority_lines(statement, &[("its own", &genesis.authority)])
            }
            Body::Key(changes) => {
                let mut new = changes.iter().filter_map(|change| match change {
                    Change::Authority(set) => Some(set),
                    _ => None,
                });
                let in_force = self
                    .0
                    .authorities
                    .last()
                    .expect("genesis sets one")
                    .1
                    .as_ref();
                match (new.next(), new.next()) {
                    (None, _) => authority_lines(statement, &[("in force", in_force)]),
                    (Some(set), None) => {
                        authority_lines(statement, &[("in force", in_force), ("new", set)])
                    }
                    (Some(_), Some(_)) => Err(KeyError::AuthorityTwice),
                }
            }
            _ => self.signer(statement).map(|key| vec![&key.vkey]),
        }
    }

    fn changed(
        &self,
        index: u64,
        statement: &Statement,
        changes: &[Change],
        gaps: Gaps,
    ) -> Result<KeyState, KeyError> {
        let mut state = Inner::clone(&self.0);
        let last = state.records.last().expect("genesis is one").0;
        assert!(last < index, "record {index} applied after record {last}");
        for change in changes {
            match change {
                Change::Admit(admit) => state.admit(index, admit)?,
                Change::Revoke(revoke) => state.revoke(index, revoke, gaps)?,
                Change::Authority(set) => state.set_authority(index, set)?,
                Change::EraseEntry(erasure) => state.erase(index, erasure, gaps)?,
            }
        }
        let log_key_left = state
            .keys
            .iter()
            .any(|key| key.role == Role::Log && key.revoked.is_none());
        if gaps == Gaps::None && !log_key_left {
            return Err(KeyError::LastLogKey);
        }
        state.records.push((index, statement.id()));
        let changes_authority = changes
            .iter()
            .any(|change| matches!(change, Change::Authority(_)));
        if changes_authority
            || changes
                .iter()
                .any(|change| matches!(change, Change::Admit(_)))
        {
            state.notes.push(KeyNote {
                index,
                note: statement.note().clone(),
                changes_authority,
            });
        }
        Ok(KeyState(Arc::new(state)))
    }
}

/// Whether the statements that are applied are all there are, or a receipt's selection of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gaps {
    None,
    Some,
}

impl Inner {
    fn from_genesis(statement: &Statement, genesis: &Genesis) -> Result<Inner, KeyError> {
        let mut state = Inner {
            ledger: statement.ledger().to_owned(),
            genesis_id: statement.id(),
            operator: genesis.operator.clone(),
            keys: Vec::new(),
            by_key_id: HashMap::new(),
            public_keys: HashMap::new(),
            authorities: Vec::new(),
            erasures: BTreeMap::new(),
            records: vec![(0, statement.id())],
            notes: vec![KeyNote {
                index: 0,
                note: statement.note().clone(),
                changes_authority: true,
            }],
        };
        for vkey in &genesis.log {
            let Operator { name, uscc } = genesis.operator.clone();
            state.admit(
                0,
                &Admit {
                    role: Role::Log,
                    vkey: vkey.clone(),
                    name,
                    uscc,
                    live_from: None,
                },
            )?;
        }
        state.set_authority(0, &genesis.authority)?;
        Ok(state)
    }

    fn admit(&mut self, index: u64, admit: &Admit) -> Result<(), KeyError> {
        let name = admit.vkey.name();
        // The log's name is the origin, and nobody else may be called so.
        if (admit.role == Role::Log) != (name == self.ledger) {
            let (name, ledger) = (name.to_owned(), self.ledger.clone());
            return Err(KeyError::Name {
                name,
                role: admit.role.as_str(),
                ledger,
            });
        }
        self.take(&admit.vkey, Use::Admitted)?;
        self.by_key_id
            .entry(admit.vkey.key_id())
            .or_default()
            .push(self.keys.len());
        self.keys.push(Arc::new(AdmittedKey {
            vkey: admit.vkey.clone(),
            role: admit.role,
            name: admit.name.clone(),
            uscc: admit.uscc.clone(),
            live_from: admit.live_from,
            admitted_at: index,
            revoked: None,
        }));
        Ok(())
    }

    fn revoke(&mut self, index: u64, revoke: &Revoke, gaps: Gaps) -> Result<(), KeyError> {
        // A key that this very statement admits is not in force yet; one that it revokes is not revoked again.
        let place = self.keys.iter().position(|key| {
            key.vkey == revoke.vkey && key.revoked.is_none() && key.admitted_at < index
        });
        match (place, gaps) {
            (Some(place), _) => {
                Arc::make_mut(&mut self.keys[place]).revoked = Some(Revocation {
                    index,
                    reason: revoke.reason.clone(),
                    suspect_since: revoke.suspect_since,
                });
                Ok(())
            }
            (None, Gaps::Some) => Ok(()), // It was admitted by a note that is not here.
            (None, Gaps::None) => Err(KeyError::NotInForce {
                vkey: revoke.vkey.to_string(),
            }),
        }
    }

    fn set_authority(&mut self, index: u64, set: &AuthoritySet) -> Result<(), KeyError> {
        let kept = self.authorities.last().map(|(_, set)| Arc::clone(set));
        for vkey in &set.vkeys {
            if vkey.name() == self.ledger {
                let (name, ledger) = (vkey.name().to_owned(), self.ledger.clone());
                return Err(KeyError::Name {
                    name,
                    role: "authority",
                    ledger,
                });
            }
            // A key that stays is no new key; one that left the set is not taken again.
            if !kept.as_ref().is_some_and(|kept| kept.vkeys.contains(vkey)) {
                self.take(vkey, Use::Authority)?;
            }
        }
        self.authorities.push((index, Arc::new(set.clone())));
        Ok(())
    }

    /// Notes a public key that was never seen before.
    fn take(&mut self, vkey: &Vkey, used: Use) -> Result<(), KeyError> {
        if let Some(before) = self.public_keys.insert(*vkey.public_key(), used) {
            let before = if before == Use::Authority {
                "an authority's"
            } else {
                "an admitted key"
            };
            return Err(KeyError::Known {
                vkey: vkey.to_string(),
                before,
            });
        }
        let mut others = self.keys.iter().map(|key| &key.vkey);
        let mut authorities = self.authorities.iter().flat_map(|(_, set)| &set.vkeys);
        let same = |other: &Vkey| other.name() == vkey.name() && other.key_id() == vkey.key_id();
        if others.any(same) || authorities.any(same) {
            return Err(KeyError::KeyId {
                name: vkey.name().to_owned(),
                key_id: vkey.key_id(),
            });
        }
        Ok(())
    }

    fn erase(&mut self, index: u64, erasure: &Erasure, gaps: Gaps) -> Result<(), KeyError> {
        if gaps == Gaps::Some {
            return Ok(()); // Indexes mean nothing there, and no key follows from it.
        }
        if erasure.index >= index {
            return Err(KeyError::EraseLater {
                found: erasure.index,
                index,
            });
        }
        if self
            .records
            .iter()
            .any(|(record, _)| *record == erasure.index)
        {
            return Err(KeyError::EraseKeys {
                index: erasure.index,
            });
        }
        let erased = Arc::new(Erased {
            ordered_at: index,
            erasure: erasure.clone(),
        });
        match self.erasures.insert(erasure.index, erased) {
            None => Ok(()),
            Some(before) => Err(KeyError::EraseTwice {
                index: erasure.index,
                before: before.ordered_at,
            }),
        }
    }
}

/// Which roles may sign a type (DESIGN 3.1). A log key signs checkpoints only.
fn roles(statement_type: &str) -> &'static [Role] {
    match statement_type {
        "trade" => &[Role::Publisher],
        "endorse" => &[Role::Supervisor],
        "order" => &[Role::Publisher, Role::Supervisor],
        "notice" => &[Role::Operator],
        _ => &[Role::Publisher, Role::Supervisor, Role::Operator],
    }
}

/// The keys of the lines of a `genesis` or `key` statement: each in one of `sets`, none twice, and each set reaching its
/// threshold. A key in both counts for both.
fn authority_lines<'s>(
    statement: &Statement,
    sets: &[(&'static str, &'s AuthoritySet)],
) -> Result<Vec<&'s Vkey>, KeyError> {
    let mut vkeys: Vec<&Vkey> = Vec::new();
    for signature in statement.signatures() {
        let mut candidates = sets.iter().flat_map(|(_, set)| &set.vkeys);
        let vkey = candidates
            .find(|vkey| signature.names(vkey))
            .ok_or_else(|| KeyError::NotAuthority {
                name: signature.name.clone(),
                key_id: signature.key_id,
            })?;
        if vkeys.contains(&vkey) {
            return Err(KeyError::LineTwice {
                name: signature.name.clone(),
                key_id: signature.key_id,
            });
        }
        vkeys.push(vkey);
    }
    for (which, set) in sets {
        let have = vkeys.iter().filter(|vkey| set.vkeys.contains(vkey)).count();
        if have < set.threshold {
            return Err(KeyError::Threshold {
                have,
                need: set.threshold,
                of: set.vkeys.len(),
                which,
            });
        }
    }
    Ok(vkeys)
}

/// Verifies each line of a statement with the key found for it.
fn verify_lines(statement: &Statement, vkeys: &[&Vkey]) -> Result<(), KeyError> {
    assert_eq!(
        statement.signatures().len(),
        vkeys.len(),
        "a key was found for each line"
    );
    for (signature, vkey) in statement.signatures().iter().zip(vkeys) {
        if !vkey.verify(statement.text().as_bytes(), &signature.bytes) {
            return Err(KeyError::Signature {
                vkey: vkey.to_string(),
                text_id: statement.id(),
            });
        }
    }
    Ok(())
}
