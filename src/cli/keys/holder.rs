//! Who signs: a key file of ours, with or without a passphrase, or a command that has the key elsewhere (`--signer`).
//!
//! Promises: a passphrase comes from a file or from the terminal, never from the command line, where `ps` shows it; a signature that
//! a command returns is verified with the key it should be of before it is used. Does not limit how long a command takes: it may be a
//! person at a machine without a network.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::encrypted::{PASSPHRASE_BYTES_MAX, PASSPHRASE_BYTES_MIN};
use super::{KeyFile, KeyFileError, Kind, read_vkey_file};
use crate::cli::out::{Console, Failure};
use crate::cli::read_file;
use crate::said;
use crate::tlog::note::{Signature, Signer, Vkey};

/// The key to sign with.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct KeyArguments {
    /// Private key, PKCS#8 PEM as `openssl genpkey -algorithm ed25519` writes it; with --signer its `.vkey` / 私钥文件
    #[arg(long, value_name = "PEM")]
    pub key: PathBuf,
    /// The name it signs under; else the `.vkey` file beside it says / 密钥名
    #[arg(long, value_name = "NAME", conflicts_with = "signer")]
    pub name: Option<String>,
    /// Passphrase of the key file, first line of this file; else the terminal is asked / 口令文件
    #[arg(long, value_name = "FILE", conflicts_with = "signer")]
    pub passphrase_file: Option<PathBuf>,
    /// Command that signs: the text on standard input, 64 bytes or their base64 on standard output / 外部签名命令
    #[arg(long, value_name = "COMMAND")]
    pub signer: Option<String>,
}

/// What signs statements.
#[derive(Debug)]
pub(in crate::cli) enum Holder {
    /// A key in this process.
    Key(Signer),
    /// A key elsewhere.
    Command {
        /// Whose signatures the command gives.
        vkey: Vkey,
        /// Run by `sh -c`.
        command: String,
    },
}

/// A command did not sign.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum SignerError {
    #[error("the signer command cannot be run")]
    Run(#[source] std::io::Error),
    #[error("the signer command ended with {0}")]
    Status(std::process::ExitStatus),
    #[error("the signer command printed {0} bytes, wanted a signature of 64 bytes or its base64")]
    Output(usize),
    #[error("the signer command's signature is not one of {0} for this text")]
    Signature(String),
}

impl KeyArguments {
    /// Opens what the arguments name; asks for a passphrase if the file wants one.
    pub fn open(&self, console: &Console) -> Result<Holder, Failure> {
        if let Some(command) = &self.signer {
            let vkey = read_vkey_file(&self.key)?.ok_or_else(|| {
                let path = self.key.display();
                Failure::usage(
                    "signer-vkey",
                    said!(
                        "用 --signer 时 --key 应为公钥（vkey）文件，{path} 不存在",
                        "with --signer, --key is the .vkey file of the key; there is no {path}"
                    ),
                )
            })?;
            let command = command.clone();
            return Ok(Holder::Command { vkey, command });
        }
        let key = open_key(&self.key, self.passphrase_file.as_deref())?;
        if let Some(warning) = key.warning() {
            console.talk(&warning);
        }
        Ok(Holder::Key(key.signer(self.name.as_deref())?))
    }
}

/// A key file, with its passphrase if it is under one.
pub(in crate::cli) fn open_key(
    path: &Path,
    passphrase_file: Option<&Path>,
) -> Result<KeyFile, Failure> {
    match KeyFile::read(path) {
        Err(KeyFileError::Kind {
            kind: Kind::Encrypted,
            ..
        }) if passphrase_file.is_some() || std::io::stdin().is_terminal() => {
            let passphrase = match passphrase_file {
                Some(file) => passphrase_of(file)?,
                None => prompt(&format!("{}: 口令 / passphrase: ", path.display()))?,
            };
            Ok(KeyFile::read_with(path, Some(&passphrase))?)
        }
        read => Ok(read?),
    }
}

/// A passphrase for a new key file: from a file, or typed twice.
pub(in crate::cli) fn new_passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let passphrase = match file {
        Some(file) => passphrase_of(file)?,
        None if std::io::stdin().is_terminal() => {
            let once = prompt("新口令 / new passphrase: ")?;
            if *prompt("再输一次 / again: ")? != *once {
                return Err(Failure::input(
                    "passphrase",
                    said!("两次输入不同", "the two are not the same"),
                ));
            }
            once
        }
        None => {
            return Err(Failure::usage(
                "passphrase",
                said!(
                    "这里没有终端可以输入口令：请用 --passphrase-file",
                    "there is no terminal to ask for a passphrase: give --passphrase-file"
                ),
            ));
        }
    };
    let (have, min) = (passphrase.len(), PASSPHRASE_BYTES_MIN);
    if have < min {
        return Err(Failure::input(
            "passphrase",
            said!(
                "口令只有 {have} 字节，至少 {min} 字节",
                "the passphrase has {have} bytes, wanted at least {min}"
            ),
        ));
    }
    Ok(passphrase)
}

fn passphrase_of(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(read_file(file, PASSPHRASE_BYTES_MAX as u64)?);
    let shown = file.display();
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::input(
            "passphrase",
            said!("{shown} 不是 UTF-8 文本", "{shown} is not UTF-8 text"),
        )
    })?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

/// Asks at the terminal, which does not show what is typed.
fn prompt(what: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::input(
            "passphrase",
            said!("读不到口令", "cannot read the passphrase").because(&error.to_string()),
        )
    };
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| failed(&error))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(|error| failed(&error))?;
    let _ = write!(std::io::stderr(), "{what}");
    let mut line = Zeroizing::new(String::new());
    let read = stdin.read_line(&mut line);
    // The terminal gets its echo back whatever came of it.
    let _ = tcsetattr(&stdin, OptionalActions::Flush, &before);
    let _ = writeln!(std::io::stderr());
    read.map_err(|error| failed(&error))?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\n', '\r']).to_owned(),
    ))
}

impl Holder {
    /// The name it signs under.
    pub fn name(&self) -> &str {
        self.vkey().name()
    }

    /// What others verify with.
    pub fn vkey(&self) -> &Vkey {
        match self {
            Holder::Key(signer) => signer.vkey(),
            Holder::Command { vkey, .. } => vkey,
        }
    }

    /// The signature of a note text, which the caller has found valid.
    pub fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        match self {
            Holder::Key(signer) => Ok(signer.sign(text)),
            Holder::Command { vkey, command } => Ok(Signature {
                name: vkey.name().to_owned(),
                key_id: vkey.key_id(),
                bytes: run(vkey, command, text)?,
            }),
        }
    }
}

fn run(vkey: &Vkey, command: &str, text: &str) -> Result<Vec<u8>, SignerError> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(SignerError::Run)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that signs something else without reading is found out below.
        let _ = stdin.write_all(text.as_bytes());
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(1024)
            .read_to_end(&mut output)
            .map_err(SignerError::Run)?;
    }
    let status = child.wait().map_err(SignerError::Run)?;
    if !status.success() {
        return Err(SignerError::Status(status));
    }
    let bytes = if output.len() == 64 {
        output
    } else {
        STANDARD
            .decode(output.trim_ascii())
            .ok()
            .filter(|bytes| bytes.len() == 64)
            .ok_or(SignerError::Output(output.len()))?
    };
    if vkey.verify(text.as_bytes(), &bytes) {
        Ok(bytes)
    } else {
        Err(SignerError::Signature(vkey.to_string()))
    }
}

impl From<SignerError> for Failure {
    fn from(error: SignerError) -> Failure {
        let cause = crate::chain_of(&error);
        Failure::temporary(
            "signer",
            said!("外部签名命令没有签成", "the signer command did not sign").because(&cause),
        )
    }
}
