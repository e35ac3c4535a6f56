//! Reading from a running ledger: records, receipts, chains, openings, documents. Everything that comes from the log is authenticated to the
//! signed head before it is handed out; what comes from the index says how far the index has come.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::index::IndexError;
use super::job::View;
use super::objects::{kept_name, openings_name, read_checkpoint};
use super::query_error::QueryError;
use super::{Head, Ledger, Shared};
use crate::receipt::Receipt;
use crate::tlog::merkle::{Hash, Tree};
use crate::trade::commitment::Openings;
use crate::trade::keys::KeyState;
use crate::trade::record::{RecordHeader, parse_entry};
use crate::trade::statement::{Chain, Statement, Target};

/// A record as logged.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Its bytes.
    pub entry: Bytes,
    /// Index, link and time.
    pub header: RecordHeader,
    /// What it says.
    pub statement: Statement,
}

/// The records of one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecords {
    /// Id of the last statement: the next one `follows` it.
    pub head: Hash,
    /// Indexes of the records, ascending.
    pub records: Vec<u64>,
    /// The look-up reflects this many records.
    pub indexed_size: u64,
}

/// Openings of one statement, at most.
const OPENINGS_BYTES_MAX: u64 = 4 << 20;

impl Ledger {
    /// The record at `index`.
    ///
    /// # Errors
    /// [`QueryError::Outside`], [`QueryError::Erased`], or a failure.
    pub async fn entry(&self, index: u64) -> Result<EntryView, QueryError> {
        let tree = self.covering(index)?.tree;
        let entry = self.shared.reader.entry(&tree, index).await?;
        self.view(index, entry)
    }

    /// The records from `from` on, at most `limit`, in log order; erased ones are left out.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn entries(&self, from: u64, limit: usize) -> Result<Vec<EntryView>, QueryError> {
        let tree = self.head().tree;
        let mut views = Vec::new();
        let until = from.saturating_add(limit as u64).min(tree.size);
        let mut index = from;
        while index < until {
            let number = index / 256;
            let first = number * 256;
            let entries = self.shared.reader.bundle(&tree, number).await?;
            for (at, entry) in (first..)
                .zip(entries)
                .filter(|(at, _)| (index..until).contains(at))
            {
                if !entry.is_empty() {
                    views.push(self.view(at, entry)?);
                }
            }
            index = first + 256;
        }
        Ok(views)
    }

    /// The records at these indexes, in the order asked for, each with its index; one that was erased is an [`QueryError::Erased`]
    /// of its own. Each tile and each bundle is read and hashed once, however many records are in it.
    ///
    /// # Errors
    /// [`QueryError::Outside`], or a failure.
    pub async fn entries_at(
        &self,
        indexes: &[u64],
    ) -> Result<Vec<(u64, Result<EntryView, QueryError>)>, QueryError> {
        let Some(last) = indexes.iter().max() else {
            return Ok(Vec::new());
        };
        let tree = self.covering(*last)?.tree;
        let entries = self.shared.reader.entries(&tree, indexes).await?;
        let mut views = Vec::with_capacity(indexes.len());
        for (index, entry) in indexes.iter().zip(entries) {
            match self.view(*index, entry) {
                Err(QueryError::Unreadable { index }) => {
                    return Err(QueryError::Unreadable { index });
                }
                view => views.push((*index, view)),
            }
        }
        Ok(views)
    }

    /// The receipts of these records, as [`Ledger::receipt`] gives each; each tile is read and hashed once for a checkpoint.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub async fn receipts(&self, views: &[&EntryView]) -> Result<Vec<String>, QueryError> {
        // By tree size: the checkpoint, and the places of those that it covers.
        let mut covered: HashMap<u64, (Arc<Head>, Vec<usize>)> = HashMap::new();
        let mut kept: HashMap<u64, Arc<Head>> = HashMap::new();
        for (place, view) in views.iter().enumerate() {
            let index = view.header.index;
            let size = self.kept_for(index);
            let known = size.and_then(|size| kept.get(&size)).cloned();
            let covering = match known.filter(|known| known.tree.size > index) {
                Some(known) => known,
                None => self.checkpoint_for(index, self.covering(index)?).await?,
            };
            kept.extend(size.map(|size| (size, covering.clone())));
            let group = covered.entry(covering.tree.size);
            group.or_insert((covering, Vec::new())).1.push(place);
        }
        let mut receipts: Vec<String> = vec![String::new(); views.len()];
        let keys = self.keys();
        for (covering, places) in covered.into_values() {
            let indexes: Vec<u64> = places.iter().map(|p| views[*p].header.index).collect();
            let reader = &self.shared.reader;
            let proofs = reader.prove_inclusions(&covering.tree, &indexes).await?;
            for (place, (_, proof)) in places.into_iter().zip(proofs) {
                let view = views[place];
                receipts[place] = Receipt {
                    index: view.header.index,
                    proof,
                    checkpoint: covering.note.clone(),
                    entry: view.entry.clone(),
                    evidence: evidence_of(&keys, &view.statement),
                }
                .encode();
            }
        }
        Ok(receipts)
    }

    /// The receipt of the record at `index`: under the earliest kept checkpoint that covers it, else under `checkpoint`, else under `head`.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub async fn receipt(&self, index: u64) -> Result<String, QueryError> {
        let head = self.covering(index)?;
        let view = self.entry(index).await?;
        let covering = self.checkpoint_for(index, head).await?;
        let (_, proof) = self
            .shared
            .reader
            .prove_inclusion(&covering.tree, index)
            .await?;
        let evidence = evidence_of(&self.keys(), &view.statement);
        Ok(Receipt {
            index,
            proof,
            checkpoint: covering.note.clone(),
            entry: view.entry,
            evidence,
        }
        .encode())
    }

    /// The inclusion proof of a record without its words: the checkpoint as for [`Ledger::receipt`], and the hashes.
    ///
    /// # Errors
    /// [`QueryError::Outside`], or a failure.
    pub async fn inclusion(&self, index: u64) -> Result<(String, Vec<Hash>), QueryError> {
        let covering = self.checkpoint_for(index, self.covering(index)?).await?;
        let reader = &self.shared.reader;
        let (_, proof) = reader.prove_inclusion(&covering.tree, index).await?;
        Ok((covering.note.clone(), proof))
    }

    /// The consistency proof between two sizes up to the head's, with the roots at both.
    ///
    /// # Errors
    /// [`QueryError::Outside`] or a failure.
    pub async fn consistency(
        &self,
        old_size: u64,
        new_size: u64,
    ) -> Result<(Tree, Tree, Vec<Hash>), QueryError> {
        let head = self.head().tree;
        for size in [old_size, new_size] {
            if size > head.size || old_size > new_size {
                return Err(QueryError::Outside {
                    index: size,
                    size: head.size,
                });
            }
        }
        let new = self.shared.reader.tree_at(new_size, &head).await?;
        let old = self.shared.reader.tree_at(old_size, &head).await?;
        // The tiles of the head serve every smaller tree; partial ones of the smaller size may be gone.
        Ok((
            old,
            new,
            self.shared
                .reader
                .prove_consistency(old_size, new_size, &head)
                .await?,
        ))
    }

    /// Where a statement stands, if it is logged.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn statement(&self, id: &Hash) -> Result<Option<u64>, QueryError> {
        self.shared.logged(id)
    }

    /// The records of a project, or of another chain; `None` if there is none yet.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn chain(&self, chain: &Chain) -> Result<Option<ChainRecords>, QueryError> {
        let shared = &self.shared;
        // What the index is given meanwhile stays in `recent` as long as the view is open, so that no lock is held while the index reads.
        let view = View::open(shared);
        let known = shared
            .indexing
            .index
            .chain(chain)
            .map_err(|failure| shared.damaged(failure))?;
        let indexed_size = *shared.indexing.size.borrow();
        let mut records = known
            .as_ref()
            .map(|view| view.records.clone())
            .unwrap_or_default();
        let mut head = known.map(|view| view.head);
        let mut recent = shared.posts.recent();
        for (index, id) in recent.chain_records(chain) {
            if records.last().is_none_or(|last| *last < index) {
                records.push(index);
                head = Some(id);
            }
        }
        head = recent.erased_head(chain).or(head);
        view.close(&mut recent);
        drop(recent);
        Ok(head.map(|head| ChainRecords {
            head,
            records,
            indexed_size,
        }))
    }

    /// The records whose statement names a document of this digest, as far as the index has come.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn document_records(&self, digest: &Hash) -> Result<Vec<u64>, QueryError> {
        self.shared
            .indexing
            .index
            .document(digest)
            .map_err(|failure| self.shared.damaged(failure))
    }

    /// The `endorse` records about a statement, as far as the index has come.
    ///
    /// # Errors
    /// [`QueryError::Index`].
    pub fn endorsements(&self, id: &Hash) -> Result<Vec<u64>, QueryError> {
        self.shared
            .indexing
            .index
            .endorsements(id)
            .map_err(|failure| self.shared.damaged(failure))
    }

    /// The openings of a logged statement that are shown: none that an order keeps back, none of a record that is not shown.
    ///
    /// # Errors
    /// [`QueryError::Store`]; [`QueryError::Unreadable`] if what is stored is damaged.
    pub async fn openings(&self, id: &Hash) -> Result<Option<Openings>, QueryError> {
        let Some(index) = self.statement(id)? else {
            return Ok(None);
        };
        if !self.showing(index).is_shown() {
            return Ok(None);
        }
        let Some(mut openings) = self.stored_openings(id).await? else {
            return Ok(None);
        };
        // A damaged file shows nothing: under another pointer not even what is withheld would be known again.
        let statement = self.entry(index).await?.statement;
        if openings.check(&statement).is_err() {
            return Err(QueryError::Unreadable { index });
        }
        let orders = self.orders();
        for given in orders.about_statement(id) {
            if let Target::Opening(pointer) = &given.order.target
                && !self.opening_shown(index, id, pointer)?.is_shown()
            {
                openings.remove(pointer);
            }
        }
        Ok(Some(openings))
    }

    /// The openings that lie in the store, shown or not.
    pub(super) async fn stored_openings(&self, id: &Hash) -> Result<Option<Openings>, QueryError> {
        let Some(bytes) = self
            .shared
            .store
            .read(&openings_name(id), OPENINGS_BYTES_MAX)
            .await?
        else {
            return Ok(None);
        };
        Openings::parse(&bytes)
            .map(Some)
            .map_err(|_| QueryError::Unreadable { index: 0 })
    }

    fn covering(&self, index: u64) -> Result<Arc<Head>, QueryError> {
        let head = self.head();
        if index < head.tree.size {
            Ok(head)
        } else {
            Err(QueryError::Outside {
                index,
                size: head.tree.size,
            })
        }
    }

    fn view(&self, index: u64, entry: Bytes) -> Result<EntryView, QueryError> {
        if entry.is_empty() {
            let order = self.keys().erased(index).map(|erasure| erasure.ordered_at);
            return Err(order.map_or(QueryError::Unreadable { index }, |order| {
                QueryError::Erased { index, order }
            }));
        }
        let (header, note) = parse_entry(&entry).map_err(|_| QueryError::Unreadable { index })?;
        let statement = Statement::parse(note).map_err(|_| QueryError::Unreadable { index })?;
        Ok(EntryView {
            header,
            statement,
            entry,
        })
    }

    /// The size of the earliest kept checkpoint that covers `index`.
    fn kept_for(&self, index: u64) -> Option<u64> {
        let kept = self.shared.heads.kept();
        let at = kept.partition_point(|size| *size <= index);
        kept.get(at).copied()
    }

    async fn checkpoint_for(&self, index: u64, head: Arc<Head>) -> Result<Arc<Head>, QueryError> {
        if let Some(size) = self.kept_for(index) {
            // It may be from before a change of the log key.
            let state = self.keys();
            let mut vkeys = self.shared.config.log_vkeys();
            vkeys.extend(
                state
                    .log_vkeys()
                    .filter(|vkey| !self.shared.config.log_vkeys().contains(vkey)),
            );
            let name = kept_name(size);
            let found = read_checkpoint(&self.shared.log, &name, self.origin(), &vkeys).await;
            match found {
                Ok(Some(found)) if found.tree.size == size => {
                    // One from before the ledger had witnesses proves less than what can be had now.
                    let met = self.shared.gathering().meets(&found.note);
                    let better = self.checkpoint().filter(|checkpoint| {
                        !met && checkpoint.tree.size > index
                            && *self.shared.heads.met_size.borrow() >= checkpoint.tree.size
                    });
                    return Ok(better.unwrap_or_else(|| {
                        Arc::new(Head {
                            tree: found.tree,
                            note: found.note,
                            time: None,
                        })
                    }));
                }
                // It is damaged: a newer checkpoint proves the same, only later.
                _ => tracing::warn!(size, "a kept checkpoint cannot be used"),
            }
        }
        Ok(self
            .checkpoint()
            .filter(|checkpoint| checkpoint.tree.size > index)
            .unwrap_or(head))
    }
}

impl Shared {
    /// Passes a failed look-up on. A damaged index is rebuilt; one that only cannot be read now is opened again by its thread.
    pub(super) fn damaged(&self, failure: IndexError) -> QueryError {
        if failure.is_damage() {
            self.damaged_index();
        } else {
            self.indexing.failed.store(true, Ordering::Release);
        }
        QueryError::Index(failure)
    }
}

/// The notes from which the signer's key follows. The signer was admitted, or the statement would not be in the log.
pub(super) fn evidence_of(keys: &KeyState, statement: &Statement) -> Vec<Bytes> {
    let notes = keys
        .evidence(statement)
        .expect("the signer of a logged statement was admitted");
    notes.into_iter().cloned().collect()
}
