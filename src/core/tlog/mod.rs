//! 1: formats and mathematics of a transparency log, one file per C2SP document.
//!
//! | file | document | what it knows |
//! | --- | --- | --- |
//! | [`merkle`] | RFC 6962 §2.1 | leaf and node hashes, inclusion and consistency proofs |
//! | [`tile`] | c2sp.org/tlog-tiles@v0.1.0 | tiles, entry bundles, their paths; growing a tree; reading one |
//! | [`note`] | c2sp.org/signed-note@v1.0.0 | signed texts, verifier keys, signers |
//! | [`checkpoint`] | c2sp.org/tlog-checkpoint@v1.0.0 | origin, tree size, root hash as a note text |
//! | [`cosignature`] | c2sp.org/tlog-cosignature@v1.0.1 | a witness's dated signature of a checkpoint |
//! | [`policy`] | c2sp.org/tlog-policy | which logs, which witnesses, how many of them |
//! | [`proof`] | c2sp.org/tlog-proof@v1 | an inclusion proof with its checkpoint, in one file |
//! | [`witness`] | c2sp.org/tlog-witness@v1.0.0 | what a log asks of a witness, and each answer |
//!
//! Everything here is pure: no input or output, no clock, no randomness, and nothing of the rest of
//! this crate. Whatever is parsed is bounded, and refused unless encoding it again gives the same
//! bytes.

pub mod checkpoint;
pub mod cosignature;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod witness;
