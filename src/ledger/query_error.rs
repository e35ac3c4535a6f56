//! Why a look-up fails.

use super::index::IndexError;
use crate::store::{ReadError, StoreError};

/// A look-up failed; never because the thing is not there.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The record or size is outside the signed tree.
    #[error("there is no record {index}: the log holds {size}")]
    Outside {
        /// As asked.
        index: u64,
        /// The head's size.
        size: u64,
    },
    /// The entry was erased by order.
    #[error("record {index} was erased by order, record {order}")]
    Erased {
        /// As asked.
        index: u64,
        /// The record of the order.
        order: u64,
    },
    /// The log's own objects do not hold together.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The index must be rebuilt.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A logged record cannot be read, which admission should have prevented.
    #[error("record {index} cannot be read")]
    Unreadable {
        /// Which.
        index: u64,
    },
}
