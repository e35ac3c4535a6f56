//! Documents on their way: a draft names a file, the program its digest; after the statement is logged, the bytes go to the ledger. And
//! `document`, which fetches one and believes nothing but its digest.
//!
//! Promises: only files inside the folder of documents are read, never above it; what is sent is what was hashed, or the ledger refuses it;
//! a document of a statement that was not taken is not sent. Does not stream: a document is read whole, at most [`DOCUMENT_BYTES_MAX`].

use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::answered;
use super::draft::{Line, LineError};
use super::out::{Answer, Console, Failure};
use super::text::{Said, said};
use super::verify::digest_of;
use super::{plain, read_file};
use crate::store::Http;
use crate::tlog::merkle::Hash;

/// The most bytes of a document, as a server takes them.
const DOCUMENT_BYTES_MAX: u64 = 200 << 20;
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Media types by the ending of a name: those of notices and what is attached to them. Others are `application/octet-stream`.
const MEDIA_TYPES: [(&str, &str); 20] = [
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("jsonl", "application/x-ndjson"),
    ("ofd", "application/ofd"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rar", "application/vnd.rar"),
    ("txt", "text/plain"),
    ("wps", "application/vnd.ms-works"),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// Files that drafts name, in one folder.
#[derive(Debug)]
pub(super) struct Attached {
    folder: PathBuf,
    /// What goes to the ledger: line of the draft, digest, file.
    found: Vec<(usize, String, PathBuf)>,
}

impl Attached {
    /// The files of `folder`.
    pub fn new(folder: &Path) -> Attached {
        Attached {
            folder: folder.to_owned(),
            found: Vec::new(),
        }
    }

    /// Makes `{"file":"招标公告.pdf"}` in `documents` into name, media type, size and digest; and remembers what to send. A document that
    /// is named by digest is sent too if a file of its name is here and has that digest.
    pub fn fill(&mut self, line: &mut Line) -> Result<(), LineError> {
        let mut draft: Value =
            serde_json::from_str(&line.text).map_err(|error| LineError::Json(error.to_string()))?;
        let Some(documents) = draft.get_mut("documents").and_then(Value::as_array_mut) else {
            return Ok(());
        };
        let mut changed = false;
        for document in documents {
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            if let Some(file) = text("file") {
                let path = self.inside(file)?;
                let digest = digest_of(&path).map_err(|failure| LineError::File {
                    file: file.to_owned(),
                    reason: failure.said.en,
                })?;
                let size = std::fs::metadata(&path)
                    .map_err(|error| LineError::File {
                        file: file.to_owned(),
                        reason: error.to_string(),
                    })?
                    .len();
                let last = file.rsplit('/').next().unwrap_or(file);
                let name = text("name").unwrap_or(last).to_owned();
                let media_type = text("media_type").unwrap_or_else(|| media_type_of(last));
                *document = json!({ "name": name, "media_type": media_type, "size": size, "sha256": digest });
                self.found.push((line.number, digest, path));
                changed = true;
            } else if let (Some(name), Some(digest)) = (text("name"), text("sha256"))
                && let Ok(path) = self.inside(name)
                && path.is_file()
                && digest_of(&path).is_ok_and(|found| found == digest)
            {
                self.found.push((line.number, digest.to_owned(), path));
            }
        }
        if changed {
            // Another file under the same name is another disclosure.
            if draft.get("ref").is_none() {
                line.reference = Hash::sha256(draft.to_string().as_bytes()).to_string();
            }
            line.text = draft.to_string();
        }
        Ok(())
    }

    /// Sends what belongs to lines that the ledger has; says how many it took now.
    pub fn send(
        &self,
        http: &Http,
        is_logged: impl Fn(usize) -> bool,
    ) -> Result<(usize, usize), Failure> {
        let mut sent: Vec<&str> = Vec::new();
        let mut taken = 0;
        for (line, digest, path) in &self.found {
            if !is_logged(*line) || sent.contains(&digest.as_str()) {
                continue;
            }
            let bytes = read_file(path, DOCUMENT_BYTES_MAX)?;
            taken += usize::from(put(http, digest, &bytes)?);
            sent.push(digest);
        }
        Ok((taken, sent.len()))
    }

    fn inside(&self, file: &str) -> Result<PathBuf, LineError> {
        let path = Path::new(file);
        let is_inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !is_inside {
            return Err(LineError::File {
                file: file.to_owned(),
                reason: "wanted a path inside the folder of documents / 应为文件目录之内的路径"
                    .to_owned(),
            });
        }
        Ok(self.folder.join(path))
    }
}

fn media_type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = ending.to_ascii_lowercase();
    MEDIA_TYPES
        .iter()
        .find(|(known, _)| *known == ending)
        .map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Stores a document that a logged statement names; `false` if it was there.
pub(super) fn put(http: &Http, digest: &str, bytes: &[u8]) -> Result<bool, Failure> {
    let name = format!("api/v1/documents/{digest}");
    // A ledger that has it answers a PUT before it has read the bytes, and hangs up.
    let there = http.call("HEAD", &name, &[], None, ANSWER_BYTES_MAX)?;
    if there.status == 200 {
        return Ok(false);
    }
    let headers = [("content-type", "application/octet-stream")];
    let answer = http.call("PUT", &name, &headers, Some(bytes), ANSWER_BYTES_MAX)?;
    if matches!(answer.status, 200 | 201) {
        return Ok(true);
    }
    let refused = answered::refusal(http, &name, &answer);
    Err(Failure::temporary(
        "document",
        said!(
            "账本没有收下文件；再运行一次即可接着做",
            "the ledger did not take a document; run the same command again to go on"
        )
        .then(&refused.said),
    ))
}

/// What `document` is told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ledger's address / 账本地址
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Where it goes; a file that is there is left alone / 输出文件
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Its SHA-256, 64 hex, as a statement names it / 文件摘要
    #[arg(value_name = "SHA256")]
    digest: String,
}

pub(super) fn run(console: &Console, arguments: &Arguments) -> Result<Answer, Failure> {
    let digest = Hash::from_hex(&arguments.digest).ok_or_else(|| {
        Failure::usage(
            "digest",
            said!(
                "SHA-256 应为 64 位小写十六进制",
                "a SHA-256 is 64 lower-case hex digits"
            ),
        )
    })?;
    let http = Http::new(&arguments.ledger)?;
    let name = format!("api/v1/documents/{digest}");
    let answer = answered::ask(&http, &name, DOCUMENT_BYTES_MAX)?;
    if answer.status != 200 {
        return Err(answered::refusal(&http, &name, &answer));
    }
    let found = Hash::sha256(&answer.body);
    if found != digest {
        return Err(Failure::new(
            super::out::Exit::Failed,
            "digest-mismatch",
            said!(
                "收到的内容 SHA-256 为 {found}，不是所要的文件",
                "what came has SHA-256 {found} and is another file"
            ),
        ));
    }
    super::fetch::write_new(&arguments.output, &answer.body)?;
    let (bytes, shown) = (answer.body.len(), arguments.output.display().to_string());
    let Said { zh, en } = said!(
        "{shown}：{bytes} 字节，摘要相符\n",
        "{shown}: {bytes} bytes, the digest is right\n"
    );
    Ok(plain("document", console.lang.say(&zh, &en))
        .with("sha256", digest.to_string())
        .with("bytes", bytes))
}
