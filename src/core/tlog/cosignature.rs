//! Cosignatures: a witness's dated word that a checkpoint is consistent with all that it has seen
//! (c2sp.org/tlog-cosignature@v1.0.1, Ed25519, signature type 0x04).
//!
//! What is signed is two lines and then the whole checkpoint, its extension lines too:
//!
//! ```text
//! cosignature/v1
//! time 1679315147
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! ML-DSA-44 cosignatures (type 0x06, v1.1) are lines by keys that nobody here is configured with,
//! and so are ignored as signed-note says; they will be a second [`Algorithm`].
//!
//! Does not judge a time: whether a cosignature is too old or in the future is the caller's to say,
//! who has a clock. Does not decide consistency: a cosigner is asked to sign only after that.

use std::fmt;

use ed25519_dalek::SigningKey;

use super::note::{Algorithm, Signature, Vkey, VkeyError};

/// The latest time, "MUST NOT exceed 2^63 - 1".
pub const TIMESTAMP_MAX: u64 = (1 << 63) - 1;

/// Verifies a cosignature of a checkpoint text and returns its time in POSIX seconds; `None` if it
/// is not this cosigner's, or out of range.
///
/// `text` is the checkpoint with its final LF, without signature lines; `signature` is the 8 bytes
/// of the time and the 64 of the signature.
///
/// A time of 0 is refused: a witness "MUST NOT" give one (c2sp.org/tlog-witness@v1.0.0), as it
/// would leave out the statement that this is the largest tree seen.
pub fn verify(vkey: &Vkey, text: &str, signature: &[u8]) -> Option<u64> {
    let (timestamp, signature) = signature.split_first_chunk::<8>()?;
    let timestamp = u64::from_be_bytes(*timestamp);
    let verifies = vkey.algorithm() == Algorithm::CosignatureV1
        && (1..=TIMESTAMP_MAX).contains(&timestamp)
        && vkey.verify_raw(message(timestamp, text).as_bytes(), signature);
    verifies.then_some(timestamp)
}

fn message(timestamp: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

/// A cosigner's name with its Ed25519 secret key, which must sign nothing else: the message does
/// not name the cosigner. The secret is overwritten when the cosigner is dropped, and never shown.
#[derive(Clone)]
pub struct Cosigner {
    vkey: Vkey,
    key: SigningKey,
}

impl Cosigner {
    /// A cosigner of that name. Refused is a name that no key may have.
    pub fn new(name: &str, key: SigningKey) -> Result<Cosigner, VkeyError> {
        let vkey = Vkey::from_parts(
            name,
            Algorithm::CosignatureV1,
            key.verifying_key().as_bytes(),
        )?;
        Ok(Cosigner { vkey, key })
    }

    /// A cosigner from the 32 bytes of RFC 8032 §5.1.5 that a private key is.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Cosigner, VkeyError> {
        Cosigner::new(name, SigningKey::from_bytes(seed))
    }

    /// What others verify with, of signature type 0x04.
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// Cosigns a checkpoint text, which ends in LF, as of `timestamp` in POSIX seconds.
    ///
    /// ```
    /// use mingzhang_core::tlog::cosignature::{Cosigner, verify};
    /// let cosigner = Cosigner::from_seed("witness.example/w1", &[7; 32])?;
    /// let text = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    /// let cosignature = cosigner.sign(text, 1_679_315_147);
    /// assert_eq!(verify(cosigner.vkey(), text, &cosignature.bytes), Some(1_679_315_147));
    /// assert_eq!(verify(cosigner.vkey(), "another\n", &cosignature.bytes), None);
    /// # Ok::<(), mingzhang_core::tlog::note::VkeyError>(())
    /// ```
    ///
    /// # Panics
    /// If the time is 0 or above [`TIMESTAMP_MAX`], or the text does not end in LF.
    pub fn sign(&self, text: &str, timestamp: u64) -> Signature {
        assert!(
            (1..=TIMESTAMP_MAX).contains(&timestamp),
            "no cosignature has the time {timestamp}"
        );
        assert!(text.ends_with('\n'), "a checkpoint ends in LF");
        let signature = ed25519_dalek::Signer::sign(&self.key, message(timestamp, text).as_bytes());
        let bytes = [&timestamp.to_be_bytes()[..], &signature.to_bytes()].concat();
        Signature {
            name: self.vkey.name().to_owned(),
            key_id: self.vkey.key_id(),
            bytes,
        }
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner")
            .field("vkey", &self.vkey)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::note::Signer;

    const TEXT: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_message_is_that_of_the_specification() {
        assert_eq!(
            message(1_679_315_147, TEXT),
            format!("cosignature/v1\ntime 1679315147\n{TEXT}")
        );
    }

    #[test]
    fn a_cosignature_holds_for_its_text_time_and_cosigner_only() {
        let cosigner = Cosigner::from_seed("witness.example/w1", &[7; 32]).unwrap();
        let good = cosigner.sign(TEXT, 1_679_315_147);
        assert_eq!(good.bytes.len(), 72);
        assert!(good.names(cosigner.vkey()));
        assert_eq!(
            verify(cosigner.vkey(), TEXT, &good.bytes),
            Some(1_679_315_147)
        );

        assert_eq!(
            verify(cosigner.vkey(), &TEXT.replace("3\n", "4\n"), &good.bytes),
            None
        );
        assert_eq!(
            verify(cosigner.vkey(), &format!("{TEXT}extension\n"), &good.bytes),
            None
        );
        for bit in 0..8 * good.bytes.len() {
            let mut bad = good.bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(cosigner.vkey(), TEXT, &bad), None, "bit {bit}");
        }
        for bytes in 0..good.bytes.len() {
            assert_eq!(verify(cosigner.vkey(), TEXT, &good.bytes[..bytes]), None);
        }
        assert_eq!(
            verify(cosigner.vkey(), TEXT, &[&good.bytes[..], &[0]].concat()),
            None
        );

        let other = Cosigner::from_seed("witness.example/w1", &[8; 32]).unwrap();
        assert_eq!(verify(other.vkey(), TEXT, &good.bytes), None);
        // The same secret as a signer of notes: neither's signatures are the other's.
        let signer = Signer::from_seed("witness.example/w1", &[7; 32]).unwrap();
        assert_ne!(signer.vkey().key_id(), cosigner.vkey().key_id());
        assert_eq!(verify(signer.vkey(), TEXT, &good.bytes), None);
        let note = signer.sign(&message(1_679_315_147, TEXT));
        let bytes = [&good.bytes[..8], &note.bytes].concat();
        assert_eq!(
            bytes, good.bytes,
            "the type is in the key ID, not in the signature"
        );
    }

    #[test]
    fn times_that_no_witness_gives_are_refused() {
        let cosigner = Cosigner::from_seed("w", &[7; 32]).unwrap();
        let signed = |timestamp: u64| {
            let signature =
                ed25519_dalek::Signer::sign(&cosigner.key, message(timestamp, TEXT).as_bytes());
            [&timestamp.to_be_bytes()[..], &signature.to_bytes()].concat()
        };
        for (timestamp, want) in [
            (0, None),
            (1, Some(1)),
            (TIMESTAMP_MAX, Some(TIMESTAMP_MAX)),
            (TIMESTAMP_MAX + 1, None),
            (u64::MAX, None),
        ] {
            assert_eq!(
                verify(cosigner.vkey(), TEXT, &signed(timestamp)),
                want,
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_cosigner_hides_its_secret() {
        let shown = format!("{:?}", Cosigner::from_seed("w", &[7; 32]).unwrap());
        assert!(
            !shown.contains("7, 7") && !shown.contains("0707"),
            "{shown}"
        );
    }
}
