//! How a ledger is run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::tlog::merkle::Hash;
use crate::tlog::note::{Signer, Vkey};
use crate::tlog::policy::Policy;
use crate::trade::vocabulary::Vocabulary;

/// What the operator has said in person, because the ledger could not know it (`--operator-word`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperatorWord {
    /// "Nothing was ever signed that is newer than this data": last-signed is lost or older than the log.
    pub restored: bool,
    /// "The clock is right", although it is far past the newest evidence of time.
    pub clock: bool,
}

/// How a ledger is run.
#[derive(Debug)]
pub struct Config {
    /// The log's identity line and the name of its key.
    pub origin: String,
    /// The log key.
    pub signer: Signer,
    /// Further log keys, while readers and witnesses change from one to the next: each signs every checkpoint too.
    pub also_sign: Vec<Signer>,
    /// Whose cosignatures `checkpoint` needs; without one, or with `quorum none`, nobody's.
    pub policy: Option<Policy>,
    /// After so long without a quorum `checkpoint` goes on without it, and says so; `None`: it stays behind.
    pub fail_open_after: Option<Duration>,
    /// The folder beside the log key that keeps last-signed and the time last seen; never on a disk that is snapshotted with the data.
    pub keys_folder: PathBuf,
    /// The folder of the query index; `None` keeps it for the life of the process only.
    pub index_folder: Option<PathBuf>,
    /// The genesis id the operator expects, if he pins it.
    pub genesis: Option<Hash>,
    /// Posts that may wait for the writer; more are answered 503.
    pub queue_max: usize,
    /// Free bytes below which posts are answered 507. A full disk has corrupted other people's logs.
    pub free_bytes_min: u64,
    /// What the operator has vouched for.
    pub operator_word: OperatorWord,
    /// Whether the index follows (`benches/` shows what it costs).
    pub follow: bool,
    /// The words that the door checks by: this program's, and a centre's own on top.
    pub vocabulary: Arc<Vocabulary>,
}

impl Config {
    /// The usual figures.
    pub fn new(signer: Signer, keys_folder: PathBuf) -> Config {
        Config {
            origin: signer.name().to_owned(),
            signer,
            also_sign: Vec::new(),
            policy: None,
            fail_open_after: None,
            keys_folder,
            index_folder: None,
            genesis: None,
            queue_max: 8_192,
            free_bytes_min: 64 << 20,
            operator_word: OperatorWord::default(),
            follow: true,
            vocabulary: Arc::new(Vocabulary::builtin().clone()),
        }
    }

    /// The keys that sign checkpoints of this ledger.
    pub(super) fn log_vkeys(&self) -> Vec<&Vkey> {
        self.signers().map(Signer::vkey).collect()
    }

    pub(super) fn signers(&self) -> impl Iterator<Item = &Signer> {
        std::iter::once(&self.signer).chain(&self.also_sign)
    }
}
