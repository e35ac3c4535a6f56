//! Key files under a passphrase: PKCS#8 `ENCRYPTED PRIVATE KEY`, PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC (RFC 8018 §6.2),
//! which openssl, Java and Python read.
//!
//! Promises: what is written has a salt and an initial vector of its own; what is read asks for no more work than
//! [`ITERATIONS_MAX`], whatever the file says. Does not know where a passphrase comes from: see [`holder`](super::holder).

use ed25519_dalek::pkcs8::{
    EncodePrivateKey, KeypairBytes, PrivateKeyInfoRef,
    spki::der::{SecretDocument, pem::LineEnding},
};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::{EncryptionScheme, pbes2};
use zeroize::Zeroizing;

use super::Kind;

/// Rounds of PBKDF2 in a file of ours: a tenth of a second for its owner, OWASP's recommendation of 2023 for HMAC-SHA256.
const ITERATIONS: u32 = 600_000;
/// Rounds that a file may ask for; more would only stall whoever opens it.
pub const ITERATIONS_MAX: u32 = 10_000_000;
/// The least bytes of a passphrase for a new file.
pub const PASSPHRASE_BYTES_MIN: usize = 8;
/// The most bytes of a passphrase.
pub const PASSPHRASE_BYTES_MAX: usize = 1_024;
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The PEM of a key under a passphrase.
///
/// # Panics
/// If the system has no randomness, when no key may be written.
pub(super) fn encode(pair: &KeypairBytes, passphrase: &str) -> Zeroizing<String> {
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).expect("no key is written without the system's randomness");
    getrandom::fill(&mut vector).expect("no key is written without the system's randomness");
    let scheme = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, vector)
        .expect("salt and rounds are within their limits");
    let plain = pair.to_pkcs8_der().expect("32 bytes can be encoded");
    let info = PrivateKeyInfoRef::try_from(plain.as_bytes()).expect("encoded one line up");
    info.encrypt_with_params(scheme, passphrase)
        .expect("a hundred bytes can be encrypted")
        .to_pem(LABEL, LineEnding::LF)
        .expect("bytes can be written as PEM")
}

/// The PKCS#8 document inside a PEM that begins with [`LABEL`].
pub(super) fn open(pem: &str, passphrase: &str) -> Result<SecretDocument, Kind> {
    let damaged = |why: String| Kind::Damaged(why);
    let (_, document) =
        SecretDocument::from_pem(pem).map_err(|error| damaged(error.to_string()))?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|error| damaged(error.to_string()))?;
    let rounds = match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => match parameters.kdf.pbkdf2() {
            Some(pbkdf2) => pbkdf2.iteration_count,
            // scrypt takes memory as its file pleases.
            None => return Err(Kind::Scheme),
        },
        _ => return Err(Kind::Scheme),
    };
    if rounds > ITERATIONS_MAX {
        return Err(Kind::Iterations(rounds));
    }
    info.decrypt(passphrase).map_err(|_| Kind::Passphrase)
}
