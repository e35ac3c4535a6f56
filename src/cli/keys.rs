//! Key files: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes them, and `.vkey` files beside them.
//!
//! Promises: what is written has mode 0600, is durable, and never replaces a file; what is read is limited before memory is taken, and a
//! file that is something else is told by what it is. A PEM file has no name for its key, a signature needs one: it stands in the `.vkey`
//! file of the same stem (`centre.key`, `centre.vkey`), or is given by `--name`.
//!
//! [`encrypted`] has keys under a passphrase, [`holder`] who signs: a key file, or a command that has the key elsewhere.

pub mod encrypted;
pub(super) mod holder;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{
    self, DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding,
};
use zeroize::Zeroizing;

use super::out::Failure;
use crate::lang::Said;
use crate::said;
use crate::store::named::Named;
use crate::tlog::cosignature::Cosigner;
use crate::tlog::note::{NAME_BYTES_MAX, Signer, Vkey, VkeyError};

/// A vkey: name, key ID, base64 of 33 bytes, and two `+`.
const VKEY_BYTES_MAX: usize = NAME_BYTES_MAX + 1 + 8 + 1 + 44;

/// A key file, at most: an Ed25519 key in PEM has 119 bytes, with comments of other programs some hundred more.
pub const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// A private key from a file, without the name that it signs under.
#[derive(Debug)]
pub struct KeyFile {
    key: SigningKey,
    path: PathBuf,
    /// Whether others than its owner may read the file.
    pub open_to_others: bool,
}

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not an Ed25519 private key", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        kind: Kind,
    },
    /// The `.vkey` beside it is not one.
    #[error("{} is not a vkey", path.display())]
    Vkey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: VkeyError,
    },
    /// The `.vkey` beside it is another key's.
    #[error("{} is the vkey of another key", vkey.display())]
    OtherVkey {
        /// The key file.
        path: PathBuf,
        /// The vkey file.
        vkey: PathBuf,
    },
    /// No name is known for the key.
    #[error("no name is known for the key in {}", path.display())]
    NoName {
        /// The key file.
        path: PathBuf,
    },
    /// No key may be called so.
    #[error("{name:?} cannot be the name of a key")]
    Name {
        /// As given.
        name: String,
        /// Why.
        #[source]
        source: VkeyError,
    },
    /// A file of this name is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
}

/// What a file is that should be an Ed25519 private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Larger than any key file.
    TooLarge,
    /// No bytes at all.
    Empty,
    /// A PKCS#8 private key under a passphrase, and none was given.
    Encrypted,
    /// Under another passphrase.
    Passphrase,
    /// Under a passphrase, by a scheme that is not PBES2 with PBKDF2.
    Scheme,
    /// Under a passphrase, with more rounds than anybody should wait for.
    Iterations(u32),
    /// A public key in PEM.
    PublicKey,
    /// A vkey: public too.
    Vkey,
    /// A certificate.
    Certificate,
    /// A key in OpenSSH's own format.
    OpenSsh,
    /// PEM of another kind.
    Pem(String),
    /// PKCS#8 of another algorithm, by its object identifier.
    Algorithm(String),
    /// PKCS#8 that breaks off or does not hold together.
    Damaged(String),
    /// No PEM at all.
    NotPem,
}

impl KeyFile {
    /// Reads a PKCS#8 private key in PEM, version 1 or 2.
    ///
    /// # Errors
    /// [`KeyFileError::Read`], [`KeyFileError::Kind`].
    pub fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
        KeyFile::read_with(path, None)
    }

    /// The same, of a file that may be under a passphrase.
    ///
    /// # Errors
    /// As [`KeyFile::read`]; [`Kind::Passphrase`] if it is another one.
    pub fn read_with(path: &Path, passphrase: Option<&str>) -> Result<KeyFile, KeyFileError> {
        let read = |source| KeyFileError::Read {
            path: path.to_owned(),
            source,
        };
        let kind = |kind| KeyFileError::Kind {
            path: path.to_owned(),
            kind,
        };
        let file = Named::open(path).map_err(read)?;
        let open_to_others = file.metadata().map_err(read)?.permissions().mode() & 0o077 != 0;
        let mut pem = Zeroizing::new(Vec::new());
        file.take(KEY_FILE_BYTES_MAX + 1)
            .read_to_end(&mut pem)
            .map_err(read)?;
        if pem.len() as u64 > KEY_FILE_BYTES_MAX {
            return Err(kind(Kind::TooLarge));
        }
        let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&pem);
        let key = parse(pem, passphrase).map_err(kind)?;
        Ok(KeyFile {
            key,
            path: path.to_owned(),
            open_to_others,
        })
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The key under `name`.
    ///
    /// # Errors
    /// [`KeyFileError::Name`].
    pub fn named(&self, name: &str) -> Result<Signer, KeyFileError> {
        Signer::new(name, self.key.clone()).map_err(|source| KeyFileError::Name {
            name: name.to_owned(),
            source,
        })
    }

    /// The name in the `.vkey` file beside the key, if there is one; where the key is a link, also beside what it leads to.
    ///
    /// # Errors
    /// [`KeyFileError::Vkey`], [`KeyFileError::OtherVkey`].
    pub fn name_beside(&self) -> Result<Option<String>, KeyFileError> {
        let target = self.path.canonicalize().ok();
        for path in [Some(&self.path), target.as_ref()].into_iter().flatten() {
            let vkey_path = path.with_extension("vkey");
            if let Some(vkey) = read_vkey_file(&vkey_path)? {
                if *vkey.public_key() != self.public_key() {
                    return Err(KeyFileError::OtherVkey {
                        path: self.path.clone(),
                        vkey: vkey_path,
                    });
                }
                return Ok(Some(vkey.name().to_owned()));
            }
        }
        Ok(None)
    }

    /// The key under the name given, else under the name beside it.
    ///
    /// # Errors
    /// [`KeyFileError::NoName`] if there is neither; others as above.
    pub fn signer(&self, name: Option<&str>) -> Result<Signer, KeyFileError> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.name_beside()?.ok_or_else(|| KeyFileError::NoName {
                path: self.path.clone(),
            })?,
        };
        self.named(&name)
    }

    /// The key as a witness's, under the name given or the name beside it.
    ///
    /// # Errors
    /// As [`KeyFile::signer`].
    pub fn cosigner(&self, name: Option<&str>) -> Result<Cosigner, KeyFileError> {
        let signer = self.signer(name)?;
        Ok(Cosigner::new(signer.name(), self.key.clone())
            .expect("the name was one for the same key as a signer's"))
    }

    /// A word to the operator whose key file others can read.
    pub fn warning(&self) -> Option<Said> {
        self.open_to_others.then(|| open_to_others(&self.path))
    }
}

fn open_to_others(path: &Path) -> Said {
    let path = path.display();
    said!(
        "警告：私钥文件 {path} 对其他用户开放，请执行 chmod 600 {path}",
        "warning: others may read the private key {path}; run chmod 600 {path}"
    )
}

/// The same of a file that need not be there.
pub fn warning_of(path: &Path) -> Option<Said> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| open_to_others(path))
}

/// Makes a new key from the system's randomness.
///
/// # Panics
/// If the system has no randomness, when no key may be made.
pub fn generate(name: &str) -> Result<Generated, KeyFileError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).expect("no key is made without the system's randomness");
    let key = SigningKey::from_bytes(&seed);
    let signer = Signer::new(name, key.clone()).map_err(|source| KeyFileError::Name {
        name: name.to_owned(),
        source,
    })?;
    Ok(Generated { key, signer })
}

/// A key that is in no file yet.
#[derive(Debug)]
pub struct Generated {
    key: SigningKey,
    /// The key under its name.
    pub signer: Signer,
}

impl Generated {
    /// Writes the key to `path` and its vkey beside it; both files are new and durable.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Write`]; then neither file was made.
    pub fn write(&self, path: &Path) -> Result<PathBuf, KeyFileError> {
        self.write_under(path, None)
    }

    /// The same, under a passphrase.
    ///
    /// # Errors
    /// As [`Generated::write`].
    pub fn write_under(
        &self,
        path: &Path,
        passphrase: Option<&str>,
    ) -> Result<PathBuf, KeyFileError> {
        self.write_with(path, self.signer.vkey(), passphrase)
    }

    /// The same key as a witness's: it must sign nothing but cosignatures.
    pub fn cosigner(&self) -> Cosigner {
        Cosigner::new(self.signer.name(), self.key.clone())
            .expect("the name was one for the same key as a signer's")
    }

    /// As [`Generated::write`], with the vkey of a witness (signature type 0x04).
    ///
    /// # Errors
    /// [`KeyFileError::Exists`], [`KeyFileError::Write`]; then neither file was made.
    pub fn write_witness(&self, path: &Path) -> Result<PathBuf, KeyFileError> {
        self.write_with(path, self.cosigner().vkey(), None)
    }

    fn write_with(
        &self,
        path: &Path,
        vkey: &Vkey,
        passphrase: Option<&str>,
    ) -> Result<PathBuf, KeyFileError> {
        let vkey_path = path.with_extension("vkey");
        if vkey_path == path {
            // `-o x.vkey`: the key would lie where everybody looks for the public half.
            return Err(KeyFileError::Exists { path: vkey_path });
        }
        let pem = encode(&self.key, passphrase);
        create(path, pem.as_bytes(), 0o600)?;
        let vkey = format!("{vkey}\n");
        create(&vkey_path, vkey.as_bytes(), 0o644).inspect_err(|_| {
            let _ = std::fs::remove_file(path); // Made two lines up; nobody has it yet.
        })?;
        Ok(vkey_path)
    }
}

/// PKCS#8 version 1, byte for byte what openssl writes; version 2 carries the public key too, and older openssl refuses that.
fn encode(key: &SigningKey, passphrase: Option<&str>) -> Zeroizing<String> {
    let pair = KeypairBytes {
        secret_key: key.to_bytes(),
        public_key: None,
    };
    match passphrase {
        None => pair
            .to_pkcs8_pem(LineEnding::LF)
            .expect("32 bytes can be encoded"),
        Some(passphrase) => encrypted::encode(&pair, passphrase),
    }
}

fn parse(pem: &[u8], passphrase: Option<&str>) -> Result<SigningKey, Kind> {
    let Ok(text) = std::str::from_utf8(pem) else {
        return Err(Kind::NotPem);
    };
    let Some((_, rest)) = text.split_once("-----BEGIN ") else {
        return Err(not_pem(text));
    };
    let label = rest.split("-----").next().unwrap_or_default();
    match label {
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {}
        "PUBLIC KEY" => return Err(Kind::PublicKey),
        "CERTIFICATE" => return Err(Kind::Certificate),
        "OPENSSH PRIVATE KEY" => return Err(Kind::OpenSsh),
        other => return Err(Kind::Pem(other.chars().take(40).collect())),
    }
    // What other programs write before the key (attributes of a key bag) is not ours to read.
    let start = text.len() - rest.len() - "-----BEGIN ".len();
    let pair = match (label, passphrase) {
        ("PRIVATE KEY", _) => KeypairBytes::from_pkcs8_pem(&text[start..]),
        (_, None) => return Err(Kind::Encrypted),
        (_, Some(passphrase)) => {
            let document = encrypted::open(&text[start..], passphrase)?;
            KeypairBytes::from_pkcs8_der(document.as_bytes())
        }
    };
    let pair = pair.map_err(|error| match error {
        pkcs8::Error::PublicKey(pkcs8::spki::Error::OidUnknown { oid }) => {
            Kind::Algorithm(oid.to_string())
        }
        other => Kind::Damaged(other.to_string()),
    })?;
    let key = SigningKey::from_bytes(&pair.secret_key);
    match &pair.public_key {
        Some(public) if public.0 != key.verifying_key().to_bytes() => Err(Kind::Damaged(
            "public and private half do not fit".to_owned(),
        )),
        _ => Ok(key),
    }
}

fn not_pem(text: &str) -> Kind {
    if text.trim().is_empty() {
        Kind::Empty
    } else if Vkey::parse(text.trim_end()).is_ok() {
        Kind::Vkey
    } else {
        Kind::NotPem
    }
}

/// Reads a file that holds one vkey; `None` if there is no such file.
///
/// # Errors
/// [`KeyFileError::Read`], [`KeyFileError::Vkey`].
pub fn read_vkey_file(path: &Path) -> Result<Option<Vkey>, KeyFileError> {
    let file = match Named::open(path) {
        Ok(file) => file,
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(KeyFileError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let mut text = String::new();
    let limit = VKEY_BYTES_MAX as u64 + 6; // A BOM, a line end, and one byte more than may be there.
    file.take(limit)
        .read_to_string(&mut text)
        .map_err(|source| KeyFileError::Read {
            path: path.to_owned(),
            source,
        })?;
    Vkey::parse(text.trim_start_matches('\u{feff}').trim_end())
        .map(Some)
        .map_err(|source| KeyFileError::Vkey {
            path: path.to_owned(),
            source,
        })
}

/// Creates a file that was not there, with its bytes and its name on disk when this returns.
///
/// # Errors
/// [`KeyFileError::Exists`], [`KeyFileError::Write`]; what was begun is removed.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyFileError> {
    let write = |source| KeyFileError::Write {
        path: path.to_owned(),
        source,
    };
    // O_EXCL: a key that is overwritten is lost for ever.
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
    {
        Ok(file) => file,
        Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists {
                path: path.to_owned(),
            });
        }
        Err(source) => return Err(write(source)),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|source| {
        let _ = std::fs::remove_file(path); // Made above; half a key is no key.
        write(source)
    })
}

/// The SHA-256 of the public key in groups of four hexadecimal digits, to be compared by telephone.
pub fn fingerprint(vkey: &Vkey) -> String {
    let digits = crate::tlog::merkle::Hash::sha256(vkey.public_key()).to_string();
    let groups: Vec<&str> = (0..digits.len() / 4)
        .map(|group| &digits[4 * group..4 * group + 4])
        .collect();
    groups.join(" ")
}

impl KeyFileError {
    /// The whole story in both languages.
    pub fn said(&self) -> Said {
        match self {
            KeyFileError::Read { path, source } => {
                let path = path.display();
                said!("读不了密钥文件 {path}", "cannot read the key file {path}").because(source)
            }
            KeyFileError::Kind { path, kind } => {
                let path = path.display();
                said!(
                    "{path} 不是 Ed25519 私钥",
                    "{path} is not an Ed25519 private key"
                )
                .then(&kind.said())
            }
            KeyFileError::Vkey { path, source } => {
                let path = path.display();
                said!("{path} 不是公钥（vkey）文件", "{path} is not a vkey").because(source)
            }
            KeyFileError::OtherVkey { path, vkey } => {
                let (path, vkey) = (path.display(), vkey.display());
                said!(
                    "{vkey} 不是 {path} 的公钥：请换上对应的公钥，或删去它并用 --name 指明名称",
                    "{vkey} is not the public half of {path}: put the right one there, or remove it and give --name"
                )
            }
            KeyFileError::NoName { path } => {
                let (path, vkey) = (path.display(), path.with_extension("vkey"));
                let vkey = vkey.display();
                said!(
                    "不知道 {path} 中密钥的名称：请用 --name 指明，或把它的 vkey 放在 {vkey}",
                    "no name is known for the key in {path}: give --name, or put its vkey into {vkey}"
                )
            }
            KeyFileError::Name { name, source } => said!(
                "{name:?} 不能作密钥名称",
                "{name:?} cannot be the name of a key"
            )
            .because(source),
            KeyFileError::Exists { path } => {
                let path = path.display();
                said!(
                    "{path} 已存在；密钥文件从不覆盖，请换一个名称",
                    "{path} exists already; a key file is never overwritten, choose another name"
                )
            }
            KeyFileError::Write { path, source } => {
                let path = path.display();
                said!("写不了 {path}", "cannot write {path}").because(source)
            }
        }
    }
}

impl Kind {
    fn said(&self) -> Said {
        let max = encrypted::ITERATIONS_MAX;
        match self {
            Kind::TooLarge => said!(
                "文件超过 {KEY_FILE_BYTES_MAX} 字节，密钥文件只有一百多字节",
                "it has more than {KEY_FILE_BYTES_MAX} bytes, a key file has little more than a hundred"
            ),
            Kind::Empty => said!("文件是空的", "the file is empty"),
            Kind::Encrypted => said!(
                "它有口令保护；请用 --passphrase-file 给出口令，或在终端运行并输入口令",
                "it is under a passphrase; give --passphrase-file, or run this at a terminal and type it"
            ),
            Kind::Passphrase => said!(
                "口令不对，或文件已损坏",
                "the passphrase is wrong, or the file is damaged"
            ),
            Kind::Scheme => said!(
                "它的加密方式不是 PBES2/PBKDF2；请用 openssl pkcs8 -topk8 -v2 aes-256-cbc 转换",
                "it is not encrypted by PBES2 with PBKDF2; convert it with openssl pkcs8 -topk8 -v2 aes-256-cbc"
            ),
            Kind::Iterations(rounds) => said!(
                "它要求 {rounds} 轮 PBKDF2，最多 {max} 轮",
                "it asks for {rounds} rounds of PBKDF2, at most {max} are done"
            ),
            Kind::PublicKey => said!(
                "它是公钥，签名要用私钥",
                "it is a public key, signing needs the private one"
            ),
            Kind::Vkey => said!(
                "它是 vkey，也就是公钥；私钥是同名的 .key 文件",
                "it is a vkey, which is public; the private key is the .key file of the same name"
            ),
            Kind::Certificate => said!(
                "它是证书，签名要用私钥",
                "it is a certificate, signing needs a private key"
            ),
            Kind::OpenSsh => said!(
                "它是 OpenSSH 格式；请用 openssl genpkey -algorithm ed25519 另生成一把",
                "it is in OpenSSH's own format; make one with openssl genpkey -algorithm ed25519"
            ),
            Kind::Pem(label) => said!(
                "它是 PEM“{label}”，应为“PRIVATE KEY”（PKCS#8）",
                "it is PEM {label:?}, wanted \"PRIVATE KEY\" (PKCS#8)"
            ),
            Kind::Algorithm(oid) => said!(
                "它的算法是 {oid}，应为 Ed25519（1.3.101.112）；可用 openssl genpkey -algorithm ed25519 生成",
                "its algorithm is {oid}, wanted Ed25519 (1.3.101.112); openssl genpkey -algorithm ed25519 makes one"
            ),
            Kind::Damaged(why) => said!("PEM 内容损坏：{why}", "the PEM is damaged: {why}"),
            Kind::NotPem => said!(
                "它不是 PEM 文本，应以“-----BEGIN PRIVATE KEY-----”开头",
                "it is no PEM, wanted a text that begins with \"-----BEGIN PRIVATE KEY-----\""
            ),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Failure {
        let code = match &error {
            KeyFileError::NoName { .. } | KeyFileError::Name { .. } => {
                return Failure::usage("key-name", error.said());
            }
            KeyFileError::Write { .. } => return Failure::temporary("key-write", error.said()),
            KeyFileError::Exists { .. } => "file-exists",
            _ => "key-file",
        };
        Failure::input(code, error.said())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by `openssl genpkey -algorithm ed25519` (3.5) of the seed of RFC 8410 §10.3; protects nothing.
    const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    /// RFC 8410 §10.3, the example with attributes and public key (version 2).
    const RFC_8410_V2: &str = "-----BEGIN PRIVATE KEY-----\nMHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\noB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\nZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PRIVATE KEY-----\n";
    const RFC_8410_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    const OPENSSL_ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgcwvJwgo3FvwICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAENkePqxJRSXZjvCrP38kAEQAAs\nmVtJFU/Z3xMDawWcKkiURUrs3obch8gkwulacQ6yHxaaMCzoKOFh/loCE1nnIHWj\nYS7MRX4yx0wFMPn16XU=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const OPENSSL_SCRYPT: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAjXidQ0eyWlAAICQAAC\nAQgCAQEwHQYJYIZIAWUDBAEqBBCJNm/cUEicX2v2Rd+eNYWOBECa6shvlMyEEnIx\n+5PehDpn9C7LiEWWO7X8zMpezmrFjPxiXodmX/vsyMbFgxQCk3T1ScTtcN6v3hGs\navS9p2Bf\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const PUBLIC_HEX: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

    #[test]
    fn keys_of_openssl_and_of_both_versions_are_read() {
        for pem in [RFC_8410, RFC_8410_V2] {
            let key = parse(pem.as_bytes(), None).unwrap();
            assert_eq!(hex::encode(key.verifying_key().to_bytes()), PUBLIC_HEX);
        }
        assert!(
            parse(
                format!("Bag Attributes\n  x: y\n{RFC_8410}").as_bytes(),
                None
            )
            .is_ok()
        );
    }

    #[test]
    fn what_is_written_is_what_openssl_writes() {
        let key = parse(RFC_8410.as_bytes(), None).unwrap();
        assert_eq!(*encode(&key, None), RFC_8410);
    }

    /// By `openssl pkcs8 -topk8 -v2 aes-256-cbc` (3.5) of the key above; the passphrase protects nothing.
    #[test]
    fn a_key_under_a_passphrase_opens_with_it_alone() {
        let key = parse(RFC_8410.as_bytes(), None).unwrap();
        let pem = encode(&key, Some("correct horse"));
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert_eq!(parse(pem.as_bytes(), None), Err(Kind::Encrypted));
        assert_eq!(
            parse(pem.as_bytes(), Some("wrong horse")),
            Err(Kind::Passphrase)
        );
        let opened = parse(pem.as_bytes(), Some("correct horse")).unwrap();
        assert_eq!(opened.to_bytes(), key.to_bytes());
        assert_ne!(
            *encode(&key, Some("correct horse")),
            *pem,
            "each file has its own salt"
        );
        let openssl = parse(OPENSSL_ENCRYPTED.as_bytes(), Some("correct horse")).unwrap();
        assert_eq!(openssl.to_bytes(), key.to_bytes());
        assert_eq!(
            parse(OPENSSL_SCRYPT.as_bytes(), Some("correct horse")),
            Err(Kind::Scheme)
        );
    }

    #[test]
    fn another_file_is_told_by_what_it_is() {
        let vkey = Signer::from_seed("a.example", &[1; 32])
            .unwrap()
            .vkey()
            .to_string();
        let cut = &RFC_8410[..60];
        let x25519 = RFC_8410.replace("K2Vw", "K2Vu");
        let other_half = RFC_8410_V2
            .replace("GEAGb9E", "GEAGb9F")
            .replace("SEAGb9E", "SEAGb9F");
        let check = |text: &str, wanted: fn(&Kind) -> bool| {
            let kind = parse(text.as_bytes(), None).expect_err(text);
            assert!(wanted(&kind), "{text}: {kind:?}");
            assert_ne!(kind.said().zh, kind.said().en);
        };
        check("", |kind| *kind == Kind::Empty);
        check(" \n", |kind| *kind == Kind::Empty);
        check(&vkey, |kind| *kind == Kind::Vkey);
        check(RFC_8410_PUBLIC, |kind| *kind == Kind::PublicKey);
        check("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n", |kind| {
            *kind == Kind::Encrypted
        });
        check("-----BEGIN CERTIFICATE-----\nMA==\n", |kind| {
            *kind == Kind::Certificate
        });
        check("-----BEGIN OPENSSH PRIVATE KEY-----\nMA==\n", |kind| {
            *kind == Kind::OpenSsh
        });
        check("-----BEGIN EC PRIVATE KEY-----\nMA==\n", |kind| {
            *kind == Kind::Pem("EC PRIVATE KEY".into())
        });
        check(cut, |kind| matches!(kind, Kind::Damaged(_)));
        check(&x25519, |kind| {
            *kind == Kind::Algorithm("1.3.101.110".into())
        });
        check(&other_half, |kind| matches!(kind, Kind::Damaged(_)));
        check("{\"type\":\"trade\"}", |kind| *kind == Kind::NotPem);
        assert_eq!(parse(b"\xff\x00", None), Err(Kind::NotPem));
    }

    #[test]
    fn a_new_key_is_read_back_under_its_name_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("centre.key");
        let made = generate("ggzy.shaoshan.example").unwrap();
        made.write(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(matches!(
            generate("b").unwrap().write(&path),
            Err(KeyFileError::Exists { .. })
        ));

        let link = folder.path().join("link.key");
        std::os::unix::fs::symlink("centre.key", &link).unwrap();
        for path in [&path, &link] {
            let file = KeyFile::read(path).unwrap();
            assert!(!file.open_to_others);
            assert_eq!(file.signer(None).unwrap().vkey(), made.signer.vkey());
            assert_eq!(file.signer(Some("other")).unwrap().name(), "other");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(KeyFile::read(&path).unwrap().warning().is_some());
        assert_eq!(warning_of(&link), Some(open_to_others(&link)));
    }

    #[test]
    fn a_key_without_a_name_or_with_anothers_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem");
        std::fs::write(&path, RFC_8410).unwrap();
        let file = KeyFile::read(&path).unwrap();
        assert!(matches!(
            file.signer(None),
            Err(KeyFileError::NoName { .. })
        ));
        assert!(matches!(
            file.signer(Some("a b")),
            Err(KeyFileError::Name { .. })
        ));
        std::fs::write(
            path.with_extension("vkey"),
            generate("a").unwrap().signer.vkey().to_string(),
        )
        .unwrap();
        assert!(matches!(
            file.signer(None),
            Err(KeyFileError::OtherVkey { .. })
        ));
        std::fs::write(path.with_extension("vkey"), "nonsense").unwrap();
        assert!(matches!(file.signer(None), Err(KeyFileError::Vkey { .. })));
        assert!(matches!(
            KeyFile::read(&folder.path().join("none")),
            Err(KeyFileError::Read { .. })
        ));
        std::fs::write(&path, vec![b'x'; 20_000]).unwrap();
        assert!(matches!(
            KeyFile::read(&path),
            Err(KeyFileError::Kind {
                kind: Kind::TooLarge,
                ..
            })
        ));
    }
}
