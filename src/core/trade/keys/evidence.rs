//! From which notes a signer's key follows: what a receipt carries, and how a stranger replays it offline.

use super::{Body, Bytes, Gaps, KeyError, KeyState, Statement};
use crate::tlog::merkle::Hash;
use crate::trade::statement::Chain;

/// The most notes that are read as evidence: genesis, changes of authority, the admitting note. A receipt's line of
/// under 64 KiB holds fewer.
pub(crate) const EVIDENCE_ITEMS_MAX: usize = 256;

impl KeyState {
    /// The notes from which the signer's key follows, exact bytes in log order: genesis, every change of the authorities
    /// before the key was admitted, and the note that admitted it. For a `key` statement: genesis and every change of
    /// the authorities before it.
    ///
    /// They do not show that the key was not revoked before the statement was logged, nor that no further change of the
    /// authorities was left out; audit shows that.
    ///
    /// # Errors
    /// [`KeyError::Unknown`] if the key was never admitted. A key that is revoked by now has evidence.
    pub fn evidence(&self, statement: &Statement) -> Result<Vec<&Bytes>, KeyError> {
        let (before, admitting) = match (statement.chain(), statement.signatures()) {
            (Chain::Keys, _) => {
                let logged = self.0.records.iter().find(|(_, id)| *id == statement.id());
                (logged.map_or(u64::MAX, |(index, _)| *index), None)
            }
            (_, [signature]) => {
                let admitted_at = self.select(signature)?.admitted_at;
                (admitted_at, Some(admitted_at))
            }
            _ => unreachable!("parse() wants exactly one line of a publisher"),
        };
        let wanted = |note: &&super::KeyNote| {
            note.index == 0
                || (note.changes_authority && note.index < before)
                || Some(note.index) == admitting
        };
        Ok(self
            .0
            .notes
            .iter()
            .filter(wanted)
            .map(|note| &note.note)
            .collect())
    }

    /// Replays evidence from a pinned genesis id. Nothing in `notes` is believed: the genesis id is compared whole, every
    /// note is parsed and its thresholds verified, by the authorities that follow from the notes before it.
    ///
    /// The notes need not be all there are: `follows` is not compared, a revocation of a key that they do not admit is
    /// passed over, and indexes in the state that comes back are those of `notes`, not of the log.
    ///
    /// # Errors
    /// [`KeyError`].
    pub(crate) fn from_evidence(genesis_id: &Hash, notes: &[&[u8]]) -> Result<KeyState, KeyError> {
        if notes.len() > EVIDENCE_ITEMS_MAX {
            return Err(KeyError::EvidenceItems {
                have: notes.len(),
                max: EVIDENCE_ITEMS_MAX,
            });
        }
        let parse = |item: usize| {
            Statement::parse(notes[item]).map_err(|source| KeyError::Evidence { item, source })
        };
        if notes.is_empty() {
            return Err(KeyError::NoGenesis {
                wanted: *genesis_id,
            });
        }
        let genesis = parse(0)?;
        if genesis.id() != *genesis_id {
            return Err(KeyError::GenesisId {
                found: genesis.id(),
                wanted: *genesis_id,
            });
        }
        let mut state = KeyState::from_genesis(&genesis)?;
        for item in 1..notes.len() {
            let statement = parse(item)?;
            let Body::Key(changes) = statement.body() else {
                return Err(KeyError::NotKey {
                    item,
                    found: statement.statement_type().to_owned(),
                });
            };
            if statement.ledger() != state.ledger() {
                let (found, wanted) = (statement.ledger().to_owned(), state.ledger().to_owned());
                return Err(KeyError::Ledger { found, wanted });
            }
            state.verify(&statement)?;
            let index = u64::try_from(item).expect("a count of items fits");
            state = state.changed(index, &statement, changes, Gaps::Some)?;
        }
        Ok(state)
    }
}
