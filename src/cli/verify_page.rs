//! `verify-page`: the checking page as one file that needs no server, and its SHA-256, to be announced and compared.

use std::path::PathBuf;

use clap::Args;
use sha2::{Digest, Sha256};

use super::fetch::write_new;
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::said;
use crate::server::VERIFIER_PAGE;

/// Where it goes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where it goes; nothing: only its SHA-256 is told / 输出文件；不写则只给出摘要
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let page = VERIFIER_PAGE.as_bytes();
    let digest = hex::encode(Sha256::digest(page));
    let bytes = page.len();
    let told = match &arguments.output {
        Some(path) => {
            write_new(path, page)?;
            let shown = path.display();
            said!(
                "已写入 {shown}（{bytes} 字节）\nSHA-256 {digest}\n",
                "wrote {shown} ({bytes} bytes)\nSHA-256 {digest}\n"
            )
        }
        None => said!("SHA-256 {digest}\n", "SHA-256 {digest}\n"),
    };
    Ok(plain("verify-page", told.in_(console.lang))
        .with("sha256", digest)
        .with("bytes", bytes as u64))
}
