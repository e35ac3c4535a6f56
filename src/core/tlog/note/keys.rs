//! Verifier keys and signers.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{SigningKey, VerifyingKey};

use super::super::merkle::Hash;
use super::{NAME_BYTES_MAX, Note, Signature, name_is_valid, shorten, text_is_valid};

/// The most base64 of a vkey: room for the keys of every algorithm that signed-note names or is likely to.
const VKEY_BASE64_MAX: usize = 4_096;

/// The signature types that we verify (signed-note, "Signature types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// 0x01: Ed25519 over the note text.
    Ed25519,
    /// 0x04: a timestamped Ed25519 cosignature of a checkpoint, see
    /// [`cosignature`](crate::tlog::cosignature).
    CosignatureV1,
}

impl Algorithm {
    /// The byte in a vkey and in the key ID.
    pub fn byte(self) -> u8 {
        match self {
            Algorithm::Ed25519 => 0x01,
            Algorithm::CosignatureV1 => 0x04,
        }
    }
}

/// The key ID: SHA-256(name ‖ LF ‖ algorithm ‖ public key)\[:4\], big-endian.
pub fn key_id(name: &str, algorithm: Algorithm, public_key: &[u8; 32]) -> u32 {
    id_of(name, &[&[algorithm.byte()][..], public_key].concat())
}

/// The same of the bytes in a vkey's base64: the algorithm and the public key.
fn id_of(name: &str, bytes: &[u8]) -> u32 {
    let preimage = [name.as_bytes(), b"\n", bytes].concat();
    let [a, b, c, d, ..] = Hash::sha256(&preimage).0;
    u32::from_be_bytes([a, b, c, d])
}

/// A verifier key, `<name>+<key ID, 8 hex digits>+<base64(algorithm ‖ public key)>`.
///
/// The point is decompressed once, when it is made. Every `Vkey` is canonical and not of low order:
/// with a low-order key one signature holds for nearly every message, and a non-canonical encoding
/// is a second name for one key (DESIGN 3.1: both are refused as keys of the ledger; no honest key
/// generator makes either, so we refuse them everywhere).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Vkey {
    name: String,
    algorithm: Algorithm,
    key_id: u32,
    key: VerifyingKey,
}

/// Why a text is not a verifier key that we use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VkeyError {
    /// Not three parts, or a part not written strictly.
    #[error("vkey {vkey:?} is not of the form <name>+<8 lower-case hex digits>+<base64>")]
    Form {
        /// The text found, shortened.
        vkey: String,
    },
    /// A name that no key may have.
    #[error(
        "key name {name:?} is empty, has more than 255 bytes, or has a space, \"+\" or control character"
    )]
    Name {
        /// The name found, shortened.
        name: String,
    },
    /// A signature type that we do not verify (ECDSA, ML-DSA-44, …).
    #[error(
        "key {name} has signature type 0x{byte:02x}, only 0x01 (Ed25519) and 0x04 (cosignature/v1) are known"
    )]
    UnknownAlgorithm {
        /// The key name.
        name: String,
        /// The type byte.
        byte: u8,
    },
    /// A public key of another length than its algorithm has.
    #[error("key {name} has a public key of {have} bytes, wanted {want}")]
    Length {
        /// The key name.
        name: String,
        /// Bytes found.
        have: usize,
        /// Bytes of such a key.
        want: usize,
    },
    /// The key ID is not that of this name and key.
    #[error("key {name} states key ID {have:08x}, its name and public key have {want:08x}")]
    KeyId {
        /// The key name.
        name: String,
        /// The key ID found.
        have: u32,
        /// The key ID computed.
        want: u32,
    },
    /// Not a point of the curve, or one not encoded in its one way (RFC 8032 §5.1.3).
    #[error("key {name} has a public key that is no canonical Ed25519 point")]
    Point {
        /// The key name.
        name: String,
    },
    /// One of the eight points of low order.
    #[error("key {name} has a public key of low order, for which signatures mean nothing")]
    LowOrder {
        /// The key name.
        name: String,
    },
}

impl Vkey {
    /// Reads a vkey strictly; see [`Vkey`] for what is refused.
    ///
    /// ```
    /// use mingzhang_core::tlog::note::{Vkey, VkeyError};
    /// let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    /// let vkey = Vkey::parse(text)?;
    /// assert_eq!((vkey.name(), vkey.key_id()), ("example.com/foo", 0x530d903a));
    /// assert_eq!(vkey.to_string(), text);
    /// assert!(Vkey::parse(&text.replace("/foo", "/bar")).is_err());
    /// # Ok::<(), VkeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Vkey, VkeyError> {
        let form = || form(text);
        let (name, have, bytes) = split(text)?;
        let (algorithm, public_key) = match bytes.split_first() {
            Some((0x01, public_key)) => (Algorithm::Ed25519, public_key),
            Some((0x04, public_key)) => (Algorithm::CosignatureV1, public_key),
            Some((&byte, _)) => return Err(VkeyError::UnknownAlgorithm { name, byte }),
            None => return Err(form()),
        };
        let public_key = public_key.try_into().map_err(|_| VkeyError::Length {
            name: name.clone(),
            have: public_key.len(),
            want: 32,
        })?;
        let vkey = Vkey::from_parts(&name, algorithm, public_key)?;
        if vkey.key_id != have {
            return Err(VkeyError::KeyId {
                name,
                have,
                want: vkey.key_id,
            });
        }
        if vkey.to_string() == text {
            Ok(vkey)
        } else {
            Err(form())
        }
    }

    /// The vkey of a public key that was read from elsewhere; see [`Vkey`] for what is refused.
    pub fn from_parts(
        name: &str,
        algorithm: Algorithm,
        public_key: &[u8; 32],
    ) -> Result<Vkey, VkeyError> {
        check_name(name)?;
        let point = || VkeyError::Point {
            name: name.to_owned(),
        };
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| point())?;
        // dalek decompresses y >= p and the sign of x = 0 as ZIP 215 does; encoding again tells.
        if key.to_edwards().compress().as_bytes() != public_key {
            return Err(point());
        }
        if key.is_weak() {
            return Err(VkeyError::LowOrder {
                name: name.to_owned(),
            });
        }
        Ok(Vkey::new(name, algorithm, key))
    }

    fn new(name: &str, algorithm: Algorithm, key: VerifyingKey) -> Vkey {
        let key_id = key_id(name, algorithm, key.as_bytes());
        Vkey {
            name: name.to_owned(),
            algorithm,
            key_id,
            key,
        }
    }

    /// The key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key ID, which only selects: compare [`public_key`](Vkey::public_key) to decide.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What the key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The 32 bytes of RFC 8032 §5.1.5.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` (64 bytes, without key ID) is this key's signature of the note text
    /// `message`, by the rule of `verify_strict`. Never so for a key of another algorithm: a
    /// cosigner's key signs no note text.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.algorithm == Algorithm::Ed25519 && self.verify_raw(message, signature)
    }

    /// The bare Ed25519 verification, the only one in this crate.
    pub(in crate::tlog) fn verify_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

/// The three parts of a vkey: name, key ID, and what stands in base64.
fn split(text: &str) -> Result<(String, u32, Vec<u8>), VkeyError> {
    let form = || form(text);
    // Base64 may have "+", so the third part is all the rest.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(key_id_hex), Some(base64)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(form());
    };
    check_name(name)?;
    if key_id_hex.len() != 8 || base64.len() > VKEY_BASE64_MAX {
        return Err(form());
    }
    let key_id = u32::from_str_radix(key_id_hex, 16).map_err(|_| form())?;
    let bytes = STANDARD.decode(base64).map_err(|_| form())?;
    Ok((name.to_owned(), key_id, bytes))
}

fn form(text: &str) -> VkeyError {
    VkeyError::Form {
        vkey: shorten(text),
    }
}

/// A verifier key of a signature type that this program cannot verify (ML-DSA-44, ECDSA, one of tomorrow). It is read so that a policy
/// that names it can be used: its lines are told apart from a stranger's, and never count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnsupportedVkey {
    name: String,
    key_id: u32,
    algorithm: u8,
    public_key: Vec<u8>,
}

/// The type byte of ML-DSA-44 keys (c2sp.org/tlog-cosignature@v1.1), and the bytes of such a key.
const ML_DSA_44: (u8, usize) = (0x06, 1_312);

impl UnsupportedVkey {
    /// Reads the vkey of a type that [`Vkey`] does not know; one that it knows is refused.
    ///
    /// Length and key ID are checked of ML-DSA-44 keys. How the key ID of a type is made is that type's to say, so that of others it is
    /// taken as it stands.
    ///
    /// # Errors
    /// [`VkeyError`].
    pub fn parse(text: &str) -> Result<UnsupportedVkey, VkeyError> {
        let (name, key_id, bytes) = split(text)?;
        let (&algorithm, public_key) = bytes.split_first().ok_or_else(|| form(text))?;
        if matches!(algorithm, 0x01 | 0x04) || public_key.is_empty() {
            return Err(form(text));
        }
        if algorithm == ML_DSA_44.0 {
            let (have, want) = (public_key.len(), ML_DSA_44.1);
            if have != want {
                return Err(VkeyError::Length { name, have, want });
            }
            let want = id_of(&name, &bytes);
            if key_id != want {
                let have = key_id;
                return Err(VkeyError::KeyId { name, have, want });
            }
        }
        let vkey = UnsupportedVkey {
            name,
            key_id,
            algorithm,
            public_key: public_key.to_vec(),
        };
        if vkey.to_string() == text {
            Ok(vkey)
        } else {
            Err(form(text))
        }
    }

    /// The key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key ID, as the vkey states it.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The signature type.
    pub fn algorithm(&self) -> u8 {
        self.algorithm
    }

    /// The public key, whatever it means.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

impl fmt::Display for UnsupportedVkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm][..], &self.public_key].concat();
        let base64 = STANDARD.encode(bytes);
        write!(f, "{}+{:08x}+{base64}", self.name, self.key_id)
    }
}

fn check_name(name: &str) -> Result<(), VkeyError> {
    if name.len() <= NAME_BYTES_MAX && name_is_valid(name) {
        Ok(())
    } else {
        Err(VkeyError::Name {
            name: shorten(name),
        })
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [self.algorithm.byte(); 33];
        bytes[1..].copy_from_slice(self.public_key());
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.key_id,
            STANDARD.encode(bytes)
        )
    }
}

impl fmt::Debug for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Vkey {
    type Err = VkeyError;

    fn from_str(text: &str) -> Result<Vkey, VkeyError> {
        Vkey::parse(text)
    }
}

/// A key name with its Ed25519 secret key: signs note texts. The secret is overwritten when the
/// signer is dropped, and never shown.
#[derive(Clone)]
pub struct Signer {
    vkey: Vkey,
    key: SigningKey,
}

impl Signer {
    /// A signer of that name. Refused is a name that no key may have.
    pub fn new(name: &str, key: SigningKey) -> Result<Signer, VkeyError> {
        let vkey = Vkey::from_parts(name, Algorithm::Ed25519, key.verifying_key().as_bytes())?;
        Ok(Signer { vkey, key })
    }

    /// A signer from the 32 bytes of RFC 8032 §5.1.5 that a private key is.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Signer, VkeyError> {
        Signer::new(name, SigningKey::from_bytes(seed))
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        self.vkey.name()
    }

    /// What others verify with.
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The signature of a note text.
    ///
    /// # Panics
    /// If `text` can be no note text: without a final LF, or with a control character other than
    /// LF. Whoever signs what came from outside checks that first.
    pub fn sign(&self, text: &str) -> Signature {
        assert!(text_is_valid(text), "not a note text: {:?}", shorten(text));
        let bytes = ed25519_dalek::Signer::sign(&self.key, text.as_bytes()).to_vec();
        Signature {
            name: self.name().to_owned(),
            key_id: self.vkey.key_id,
            bytes,
        }
    }

    /// The text as a note with this one signature. Panics as [`sign`](Signer::sign) does.
    pub fn sign_note(&self, text: String) -> Note {
        let signatures = vec![self.sign(&text)];
        Note { text, signatures }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("vkey", &self.vkey)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn vkeys_are_read_strictly() {
        assert_eq!(Vkey::parse(VKEY).unwrap().to_string(), VKEY);
        // The base64 part may have "+" itself.
        for vkey in [
            "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
            "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
        ] {
            assert_eq!(Vkey::parse(vkey).unwrap().to_string(), vkey);
        }
        let key = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let check = |vkey: &str, accepts: fn(&VkeyError) -> bool| match Vkey::parse(vkey) {
            Err(error) if accepts(&error) => {}
            other => panic!("{vkey}: {other:?}"),
        };
        for bad in ["", "a", "a+b", "+530d903a+AA==", &VKEY.replace('+', "-")] {
            check(bad, |e| {
                matches!(e, VkeyError::Form { .. } | VkeyError::Name { .. })
            });
        }
        check(&VKEY.replace("530d903a", "530D903A"), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&VKEY.replace("530d903a", "30d903a"), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&VKEY.replace("530d903a", "0530d903a"), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&VKEY.replace("+530d", "++530"), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&VKEY.replace("U2k", "U2l="), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&format!("{VKEY} "), |e| matches!(e, VkeyError::Form { .. }));
        check(&format!("{VKEY}\n"), |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check(&format!(" {VKEY}"), |e| matches!(e, VkeyError::Name { .. }));
        check(&VKEY.replace("/foo", "/bar"), |e| {
            matches!(
                e,
                VkeyError::KeyId {
                    have: 0x530d903a,
                    ..
                }
            )
        });
        check(&VKEY.replace("530d903a", "530d903b"), |e| {
            matches!(e, VkeyError::KeyId { .. })
        });
        check(&format!("{}+530d903a+{key}", "x".repeat(256)), |e| {
            matches!(e, VkeyError::Name { .. })
        });
        check("example.com/foo+530d903a+", |e| {
            matches!(e, VkeyError::Form { .. })
        });
        check("example.com/foo+530d903a+AQ==", |e| {
            matches!(e, VkeyError::Length { have: 0, .. })
        });
        check(&format!("example.com/foo+530d903a+{key}AAAA"), |e| {
            matches!(e, VkeyError::Length { have: 35, .. })
        });
        for byte in [0x00, 0x02, 0x03, 0x05, 0x06, 0xff] {
            let vkey = format!("a+00000000+{}", STANDARD.encode([byte; 33]));
            assert_eq!(
                Vkey::parse(&vkey),
                Err(VkeyError::UnknownAlgorithm {
                    name: "a".into(),
                    byte
                })
            );
        }
    }

    /// The encodings of points of order 1, 2, 4 and 8, with the non-canonical ones, as listed by
    /// C2SP/CCTV: with such a key a signature holds for messages that nobody signed.
    #[test]
    fn keys_of_low_order_or_not_canonical_are_refused() {
        let low_order = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        let check = |hex: &str| {
            let key = Hash::from_hex(hex).unwrap().0;
            Vkey::from_parts("a", Algorithm::Ed25519, &key)
        };
        for hex in low_order {
            let error = check(hex).unwrap_err();
            assert!(
                matches!(error, VkeyError::LowOrder { .. } | VkeyError::Point { .. }),
                "{hex}: {error}"
            );
            let key = Hash::from_hex(hex).unwrap().0;
            let vkey = format!("a+{:08x}+{}", key_id("a", Algorithm::Ed25519, &key), {
                STANDARD.encode([&[0x01], &key[..]].concat())
            });
            assert!(Vkey::parse(&vkey).is_err(), "{vkey}");
        }
        // y = p + 3 is a second encoding of y = 3, a point of large order.
        let canonical = "0300000000000000000000000000000000000000000000000000000000000000";
        let again = "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        assert!(check(canonical).is_ok());
        assert_eq!(check(again), Err(VkeyError::Point { name: "a".into() }));
        let no_point = "0200000000000000000000000000000000000000000000000000000000000000";
        assert_eq!(check(no_point), Err(VkeyError::Point { name: "a".into() }));
    }

    /// With R the neutral point, S = k·a solves the equation of RFC 8032 and gives the secret away:
    /// a signature that `verify` of many libraries takes and `verify_strict` must not. Computed
    /// apart.
    #[test]
    fn a_signature_whose_r_is_of_low_order_is_refused() {
        let vkey = Signer::from_seed("a", &[7; 32]).unwrap().vkey().clone();
        let signature = hex::decode(
            "0100000000000000000000000000000000000000000000000000000000000000\
             f1a9757f9f101e915276d82b9535a3f867e5d86fe46558b83cb2959591d6d208",
        );
        let (message, signature) = (b"nobody chose a nonce\n", signature.unwrap());
        let lax = ed25519_dalek::Signature::from_slice(&signature).unwrap();
        assert!(ed25519_dalek::Verifier::verify(&vkey.key, message, &lax).is_ok());
        assert!(!vkey.verify(message, &signature));
    }

    #[test]
    fn a_signer_signs_what_its_vkey_verifies_and_hides_its_secret() {
        let signer = Signer::from_seed("ggzy.shaoshan.example", &[7; 32]).unwrap();
        let note = signer.sign_note("{}\n".to_owned());
        let again = Note::parse(note.encode().as_bytes()).unwrap();
        assert_eq!(again, note);
        assert!(again.signatures[0].names(signer.vkey()));
        assert!(signer.vkey().verify(b"{}\n", &again.signatures[0].bytes));
        assert_eq!(
            Vkey::parse(&signer.vkey().to_string()).as_ref(),
            Ok(signer.vkey())
        );
        let shown = format!("{signer:?}");
        assert!(
            !shown.contains("7, 7") && !shown.contains("0707"),
            "{shown}"
        );
        assert!(Signer::from_seed("a b", &[7; 32]).is_err());
    }

    #[test]
    #[should_panic(expected = "not a note text")]
    fn a_signer_refuses_what_is_no_note_text() {
        let _ = Signer::from_seed("a", &[7; 32])
            .unwrap()
            .sign("no final newline");
    }

    proptest! {
        #[test]
        fn any_text_for_a_vkey_is_answered(text in "\\PC{0,4}[+]?[0-9a-f]{8}[+]\\PC{0,48}") {
            if let Ok(vkey) = Vkey::parse(&text) {
                prop_assert_eq!(vkey.to_string(), text);
            }
        }
    }
}
