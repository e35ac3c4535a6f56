//! 5: the only room that uses axum. [`router`] makes a running ledger into an HTTP service, [`accept::serve`] puts it on a socket.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`accept`] | connections: how many, how long, how slow |
//! | [`api`] | `/api/v1/`: posting and looking up |
//! | [`body`] | request bodies and their lines, bounded before memory is taken |
//! | [`cache`] | how long an answer may be kept |
//! | `error` | which error of ours is which problem |
//! | `framing` | where a request ends, strictly |
//! | `gate` | how many expensive answers at a time, on threads of their own |
//! | [`layers`] | what every answer has in common |
//! | `limits` | what one server grants to all peers together, and to each |
//! | `log` | the log's public objects at the C2SP paths |
//! | `pages` | the few pages of a read-only copy |
//! | `portal` | what citizens, bidders and auditors see |
//! | [`problem`] | errors as the caller reads them, and the one table of their codes |
//! | `relative` | links of pages, below whatever path a proxy has put them at |
//! | [`replica`] | a mirror's folder, to be read only |
//! | `request` | what is read of a request: id, parameters, whether a page is wanted |
//! | `room`, `tally` | memory and places that all strangers share; what was refused, a line a minute |
//! | [`witness`] | the witness role: C2SP add-checkpoint |
//!
//! Decides nothing about statements and trees: it translates, bounds and answers. TLS is a front proxy's.

pub mod accept;
pub mod api;
pub mod body;
pub mod cache;
mod error;
mod framing;
mod gate;
pub mod layers;
mod limits;
mod log;
mod pace;
mod pages;
mod portal;
pub mod problem;
mod readings;
mod relative;
pub mod replica;
mod request;
mod room;
mod tally;
pub mod witness;

use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};

use crate::law::View;
use crate::ledger::Ledger;
use crate::search::Search;
use crate::store::Store;
use gate::Gate;
use room::Room;
use tally::Refusal;

pub use pace::BodyTooSlow;
pub use portal::VERIFIER_PAGE;
pub use request::project_path;

/// What an operator may want otherwise.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest document that is kept, in bytes.
    pub document_bytes_max: u64,
    /// Documents that may be on their way in at one time; each holds up to 1 MiB of memory.
    pub uploads_max: usize,
    /// Whole projects and documents that may be on their way out at one time.
    pub downloads_max: usize,
    /// Searches, exports, reports and pages of many records at one time.
    pub expensive_max: usize,
    /// Memory for answers that their askers have not read yet, all together, in bytes.
    pub answers_bytes_max: usize,
    /// Memory for request bodies of more than a few kilobytes, all together, in bytes.
    pub bodies_bytes_max: usize,
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
            uploads_max: 16,
            downloads_max: 16,
            expensive_max: 2,
            answers_bytes_max: 24 << 20,
            bodies_bytes_max: 12 << 20,
            free_bytes_min: 256 << 20,
            search: None,
            law: None,
            ocds_prefix: crate::export::ocds::PREFIX_EXAMPLE.to_owned(),
            ocds_extensions: crate::export::ocds::extensions::Extensions::default(),
        }
    }
}

/// What all strangers share.
#[derive(Clone, Debug)]
struct Rooms {
    answers: Arc<Room>,
    bodies: Arc<Room>,
    uploads: Arc<Room>,
    downloads: Arc<Room>,
}

/// How long one who wants room waits for it: longer than others may make us wait before they have to leave.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);

impl Rooms {
    fn new(options: &Options) -> Rooms {
        let room = |total, refusal| Room::new(total, ROOM_PATIENCE, refusal);
        Rooms {
            answers: room(options.answers_bytes_max, Refusal::Answers),
            bodies: room(options.bodies_bytes_max, Refusal::Bodies),
            uploads: room(options.uploads_max, Refusal::Places),
            downloads: room(options.downloads_max, Refusal::Places),
        }
    }
}

/// What handlers share.
#[derive(Clone, Debug)]
struct Api {
    ledger: Ledger,
    options: Arc<Options>,
    figures: Arc<portal::FiguresMemory>,
    rooms: Rooms,
    gate: Arc<Gate>,
}

impl Api {
    /// The public objects.
    fn log(&self) -> Store {
        self.ledger.store().under("log/")
    }
}

/// The whole service over a running ledger, as a value: tests ask it without a socket.
pub fn router(ledger: Ledger, options: Options) -> Router {
    let (rooms, gate) = (Rooms::new(&options), Gate::new(options.expensive_max));
    let bodies = Extension(body::Bodies(rooms.bodies.clone()));
    let holds = from_fn_with_state(rooms.answers.clone(), gate::hold);
    let api = Api {
        ledger,
        options: Arc::new(options),
        figures: Arc::default(),
        rooms,
        gate: gate.clone(),
    };
    let moderate = Router::new()
        .merge(api::moderate())
        .merge(portal::moderate())
        .route_layer(from_fn_with_state(gate.clone(), gate::moderate));
    let of_project =
        api::of_project().route_layer(from_fn_with_state(gate.clone(), gate::of_project));
    let expensive = Router::new()
        .merge(api::expensive())
        .merge(portal::expensive())
        .route_layer(from_fn_with_state(gate, gate::expensive));
    let reads = Router::new()
        .merge(log::routes())
        .merge(api::reads())
        .merge(portal::routes())
        .merge(moderate)
        .merge(of_project)
        .merge(expensive)
        .layer(holds.clone());
    let writes = api::writes().layer(holds);
    let app = layers::gzip(reads.with_state(api.clone())).merge(writes.with_state(api));
    layers::dress(app.layer(bodies), portal::refusal)
}
