//! Files that somebody names on a command line, read whole, or for their digest.

use std::path::Path;

use super::out::Failure;
use crate::said;
use crate::store::named::{self, Named};

/// A file, read whole, if it is not larger than its kind can be.
pub(super) fn read_file(path: &std::path::Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::input(
            "file-unreadable",
            said!("读不了文件 {shown}", "cannot read the file {shown}").because(&error),
        )
    };
    let read = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let stdin = std::io::stdin().lock();
        let read = stdin.take(bytes_max + 1).read_to_end(&mut bytes);
        read.map(|_| (bytes.len() as u64 <= bytes_max).then_some(bytes))
    } else {
        named::read(path, bytes_max)
    };
    read.map_err(unreadable)?.ok_or_else(|| {
        Failure::input(
            "file-too-large",
            said!(
                "文件 {shown} 超过 {bytes_max} 字节",
                "the file {shown} has more than {bytes_max} bytes"
            ),
        )
    })
}

/// The SHA-256 of a file as hexadecimal digits. Of the whole file, however large: it is read a piece at a time.
pub(super) fn digest_of(path: &Path) -> Result<String, Failure> {
    use sha2::{Digest, Sha256};
    use std::io::Read;
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::input(
            "document",
            said!("读不了 {shown}", "cannot read {shown}").because(&error),
        )
    };
    let mut file = Named::open(path).map_err(unreadable)?;
    let (mut sha256, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(hex::encode(sha256.finalize())),
            read => sha256.update(&buffer[..read]),
        }
    }
}
