//! The openings that stand beside the log: who may add them to a statement, and where they are kept.
//!
//! Promises: an opening is durable before its record is; what was destroyed by order does not come back; once a statement is in the log, its
//! openings grow only by a fresh signature or an order to disclose, because the note of a logged statement is public.

use bytes::Bytes;

use super::Ledger;
use super::objects::openings_name;
use super::post_error::PostError;
use super::query_error::QueryError;
use super::showing::RecordShowing;
use crate::tlog::merkle::Hash;
use crate::trade::commitment::{OpeningError, Openings};
use crate::trade::disclosure::{self, DisclosureError};
use crate::trade::statement::{Act, Showing, Statement};

/// Records of a project whose openings are looked at for a salt that is used again.
const SALT_LOOK_BACK: usize = 16;

impl Ledger {
    /// A salt that opens an earlier commitment of the project is not random: systems that use one a project are caught here. Only the last
    /// [`SALT_LOOK_BACK`] records are looked at; nobody may keep a list of all salts, because they are to be destroyed.
    pub(super) async fn refuse_reused_salts(
        &self,
        statement: &Statement,
        openings: &Openings,
    ) -> Result<(), PostError> {
        let Some(earlier) = self.chain(statement.chain())? else {
            return Ok(());
        };
        for index in earlier.records.into_iter().rev().take(SALT_LOOK_BACK) {
            let view = match self.entry(index).await {
                Ok(view) => view,
                Err(QueryError::Erased { .. }) => continue,
                Err(failure) => return Err(failure.into()),
            };
            let Some(there) = self.stored_openings(&view.statement.id()).await? else {
                continue;
            };
            for (pointer, opening) in openings.iter() {
                if let Some((other, _)) = there.iter().find(|(_, old)| old.salt == opening.salt) {
                    return Err(PostError::Openings(OpeningError::SaltTwice {
                        pointer: pointer.to_owned(),
                        other: format!("{other} of record {index}"),
                    }));
                }
            }
        }
        Ok(())
    }

    /// Makes the openings durable; those that are there already stay.
    pub(super) async fn store_openings(
        &self,
        statement: &Statement,
        openings: Option<&Openings>,
    ) -> Result<(), PostError> {
        let Some(openings) = openings.filter(|openings| !openings.is_empty()) else {
            return Ok(());
        };
        let (id, name) = (statement.id(), openings_name(&statement.id()));
        let _lock = self.shared.lock_openings(&id).await;
        self.refuse_erased(&id, openings)?;
        let merged = match self.stored_openings(&id).await? {
            Some(mut there) => {
                for (pointer, opening) in openings.iter() {
                    there
                        .insert(pointer.to_owned(), opening.clone())
                        .map_err(PostError::Openings)?;
                }
                there.check_salts().map_err(PostError::Openings)?;
                there
            }
            None => openings.clone(),
        };
        let put = self.shared.store.put(&name, Bytes::from(merged.encode()));
        put.await.map_err(|failure| match failure.is_full() {
            true => self.shared.disk_full(),
            false => PostError::Store(failure),
        })
    }
    /// Whether openings of a statement that is in the log may be taken: they are here already, an order discloses them, or somebody who may
    /// has signed for them now. The statement's own note is public and says nothing of who sends it.
    pub(super) async fn may_open(
        &self,
        index: u64,
        statement: &Statement,
        openings: &Openings,
        disclosure: Option<&[u8]>,
    ) -> Result<(), PostError> {
        let id = statement.id();
        self.refuse_erased(&id, openings)?;
        if let Some(note) = disclosure {
            return Ok(disclosure::check(note, statement, openings, &self.keys())?);
        }
        let there = self.stored_openings(&id).await?.unwrap_or_default();
        for (pointer, opening) in openings.iter() {
            let ordered = self.opening_shown(index, &id, pointer)?.by;
            let is_disclosed = ordered.is_some_and(|given| given.order.act == Act::Disclose);
            if !is_disclosed && there.get(pointer) != Some(opening) {
                let pointer = pointer.to_owned();
                return Err(DisclosureError::Missing { pointer }.into());
            }
        }
        Ok(())
    }

    /// What was destroyed by order does not come back by a second post.
    fn refuse_erased(&self, id: &Hash, openings: &Openings) -> Result<(), PostError> {
        let Some(index) = self.shared.logged(id)? else {
            return Ok(());
        };
        if let RecordShowing::Erased { order } = self.showing(index) {
            let what = format!("record {index}");
            return Err(PostError::ErasedByOrder { what, order });
        }
        for (pointer, _) in openings.iter() {
            let shown = self.opening_shown(index, id, pointer)?;
            if let (Showing::Erased, Some(given)) = (shown.showing, shown.by) {
                return Err(PostError::ErasedByOrder {
                    what: pointer.to_owned(),
                    order: given.record,
                });
            }
        }
        Ok(())
    }
}
