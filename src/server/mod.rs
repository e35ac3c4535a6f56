//! 5: the one door to axum. [`router`] makes a running ledger into an HTTP service, [`accept::serve`] puts it on a socket.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`accept`] | connections: how many, how long, how slow |
//! | [`api`] | `/api/v1/`: posting and looking up |
//! | [`body`] | request bodies and their lines, bounded before memory is taken |
//! | [`cache`] | how long an answer may be kept |
//! | `error` | which error of ours is which problem |
//! | [`layers`] | what every answer has in common |
//! | `log` | the log's public objects at the C2SP paths |
//! | `pages` | the few pages of a read-only copy |
//! | `portal` | what citizens, bidders and auditors see |
//! | [`problem`] | errors as the caller reads them, and the one table of their codes |
//! | [`replica`] | a mirror's folder, to be read only
//! | [`witness`] | the witness role: C2SP add-checkpoint |
//!
//! Decides nothing about statements and trees: it translates, bounds and answers. TLS is a front proxy's.

pub mod accept;
pub mod api;
pub mod body;
pub mod cache;
mod error;
pub mod layers;
mod log;
mod pace;
mod pages;
mod portal;
pub mod problem;
pub mod replica;
pub mod witness;

use std::sync::Arc;

use axum::Router;
use tokio::sync::Semaphore;

use crate::law::View;
use crate::ledger::Ledger;
use crate::search::Search;
use crate::store::Store;

pub use pace::BodyTooSlow;
pub use portal::VERIFIER_PAGE;

/// What an operator may want otherwise.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest document that is kept, in bytes.
    pub document_bytes_max: u64,
    /// Documents that may be on their way in at one time; each holds up to 5 MiB of memory.
    pub uploads_max: usize,
    /// Free bytes on the disk below which no document is taken: the log must never lack room for documents' sake.
    pub free_bytes_min: u64,
    /// What searches are answered from, if anything.
    pub search: Option<Arc<Search>>,
    /// What questions about the law over the whole ledger are answered from, if anything.
    pub law: Option<Arc<View>>,
    /// The registered ocid prefix of OCDS exports.
    pub ocds_prefix: String,
    /// Where the extensions of OCDS exports are.
    pub ocds_extensions: crate::export::ocds::extensions::Extensions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            document_bytes_max: 200 << 20,
            uploads_max: 32,
            free_bytes_min: 256 << 20,
            search: None,
            law: None,
            ocds_prefix: crate::export::ocds::PREFIX_EXAMPLE.to_owned(),
            ocds_extensions: crate::export::ocds::extensions::Extensions::default(),
        }
    }
}

/// What handlers share.
#[derive(Clone, Debug)]
struct Api {
    ledger: Ledger,
    options: Arc<Options>,
    uploads: Arc<Semaphore>,
    figures: Arc<portal::FiguresMemory>,
    downloads: Arc<portal::Downloads>,
}

impl Api {
    /// The public objects.
    fn log(&self) -> Store {
        self.ledger.store().under("log/")
    }
}

/// The whole service over a running ledger, as a value: tests ask it without a socket.
pub fn router(ledger: Ledger, options: Options) -> Router {
    let uploads = Arc::new(Semaphore::new(options.uploads_max));
    let api = Api {
        ledger,
        options: Arc::new(options),
        uploads,
        figures: Arc::default(),
        downloads: Arc::default(),
    };
    let reads = Router::new()
        .merge(log::routes())
        .merge(api::reads())
        .merge(portal::routes());
    let writes = api::writes();
    layers::dress(layers::gzip(reads.with_state(api.clone())).merge(writes.with_state(api)))
}
