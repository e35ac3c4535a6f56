//! Documents on their way: a draft names a file, the program its digest; after the statement is logged, the bytes go to the ledger. And
//! `document`, which fetches one and believes nothing but its digest.
//!
//! Promises: only regular files inside the folder of documents are read, wherever links lead, never the key or the openings of the run, nor
//! a private key; what cannot be sent is told before anything is logged; what is sent is what was hashed; a document of a statement that
//! was not taken is not sent, and one that fails holds up no other. `document` leaves a whole file or none. Does not stream: a document is
//! read whole, at most [`DOCUMENT_BYTES_MAX`].

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use clap::Args;
use rustix::fs::OFlags;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answered::{self, Answered};
use super::draft::{Line, LineError};
use super::out::{Answer, Console, Failure};
use super::plain;
use crate::lang::Said;
use crate::said;
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
    /// What is never published, wherever it lies and however it is named: the key, the openings that stay here.
    private: Vec<PathBuf>,
    /// What goes to the ledger.
    found: Vec<Found>,
}

/// One file of one draft.
#[derive(Debug)]
struct Found {
    line: usize,
    digest: String,
    /// As the draft names it.
    file: String,
}

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// How many the ledger has now.
    pub all: usize,
    /// How many of them it took now.
    pub taken: usize,
    /// What it does not have: line of the draft, file, why.
    pub missing: Vec<(usize, String, Said)>,
}

impl Attached {
    /// The files of `folder`, but none of `private`.
    pub fn new(folder: &Path, private: Vec<PathBuf>) -> Attached {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        Attached {
            folder: folder.to_owned(),
            private,
            found: Vec::new(),
        }
    }

    /// Makes `{"file":"招标公告.pdf"}` in `documents` into name, media type, size and digest; and remembers what to send. A document that
    /// is named by digest is sent too if a file of its name is here and has that digest. Whatever a file is refused for is told of all of
    /// them at once, before anything is logged.
    pub fn fill(&mut self, line: &mut Line) -> Result<(), Vec<LineError>> {
        let mut draft: Value = serde_json::from_str(&line.text)
            .map_err(|error| vec![LineError::Json(error.to_string())])?;
        let Some(documents) = draft.get_mut("documents").and_then(Value::as_array_mut) else {
            return Ok(());
        };
        let (mut changed, mut faults) = (false, Vec::new());
        for document in documents {
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            if let Some(file) = text("file") {
                let (digest, size) = match self.look(file) {
                    Ok(looked) => looked,
                    Err(reason) => {
                        let file = file.to_owned();
                        faults.push(LineError::File { file, reason });
                        continue;
                    }
                };
                let last = file.rsplit('/').next().unwrap_or(file);
                let name = text("name").unwrap_or(last).to_owned();
                let media_type = text("media_type").unwrap_or_else(|| media_type_of(last));
                let file = file.to_owned();
                // Who wrote these too meant this very file, as it was then.
                let given = (document.get("sha256"), document.get("size"));
                if given.0.is_some_and(|given| *given != json!(digest))
                    || given.1.is_some_and(|given| *given != json!(size))
                {
                    let reason = said!(
                        "草稿写的 SHA-256 或字节数与文件不符（文件为 {size} 字节，{digest}）：请核对文件，或删去草稿中的这两项",
                        "the draft says another SHA-256 or size than the file has ({size} bytes, {digest}): see that it is the right file, or take both out of the draft"
                    );
                    faults.push(LineError::File { file, reason });
                    continue;
                }
                let mut named = json!({ "name": name, "media_type": media_type, "size": size, "sha256": digest });
                // What else is said of it, such as `redaction_of`, goes along, or is refused by name.
                for (name, value) in document.as_object().into_iter().flatten() {
                    if name != "file" && named.get(name).is_none() {
                        named[name.as_str()] = value.clone();
                    }
                }
                *document = named;
                self.found.push(Found {
                    line: line.number,
                    digest,
                    file,
                });
                changed = true;
            } else if let (Some(name), Some(digest)) = (text("name"), text("sha256"))
                && self.look(name).is_ok_and(|(found, _)| found == digest)
            {
                self.found.push(Found {
                    line: line.number,
                    digest: digest.to_owned(),
                    file: name.to_owned(),
                });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
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

    /// Sends what belongs to lines that the ledger has. One that cannot be sent does not hold up the others.
    pub fn send(&self, http: &Http, is_logged: impl Fn(usize) -> bool) -> Sent {
        let mut done: Vec<&str> = Vec::new();
        let mut sent = Sent::default();
        for found in &self.found {
            if !is_logged(found.line) || done.contains(&found.digest.as_str()) {
                continue;
            }
            match self.send_one(http, found) {
                Ok(is_new) => {
                    sent.taken += usize::from(is_new);
                    sent.all += 1;
                    done.push(&found.digest);
                }
                Err(reason) => sent.missing.push((found.line, found.file.clone(), reason)),
            }
        }
        sent
    }

    fn send_one(&self, http: &Http, found: &Found) -> Result<bool, Said> {
        let (file, size) = self.open(&found.file)?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let read = file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&error))?;
        let digest = Hash::sha256(&bytes).to_string();
        if digest != found.digest {
            let wanted = &found.digest;
            return Err(said!(
                "文件在登记之后被改动：声明写的 SHA-256 为 {wanted}，现为 {digest}；请放回原文件再运行一次",
                "the file has changed since it was logged: the statement names SHA-256 {wanted}, it has {digest} now; put the old one back and run the same command again"
            ));
        }
        put(http, &found.digest, &bytes).map_err(|failure| failure.said)
    }

    /// SHA-256 and size of a file that may be published.
    fn look(&self, file: &str) -> Result<(String, u64), Said> {
        let (mut file, _) = self.open(file)?;
        let (mut sha256, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
        let mut is_first = true;
        loop {
            let read = file.read(&mut buffer).map_err(|error| unreadable(&error))?;
            if read == 0 {
                return Ok((hex::encode(sha256.finalize()), bytes));
            }
            if is_first && holds_private_key(&buffer[..read]) {
                return Err(said!(
                    "文件中有私钥，绝不公布",
                    "the file holds a private key, which is never published"
                ));
            }
            is_first = false;
            sha256.update(&buffer[..read]);
            bytes += read as u64;
            if bytes > DOCUMENT_BYTES_MAX {
                return Err(too_large(bytes));
            }
        }
    }

    /// Opens a regular file that lies inside the folder, links followed, and is none of those that stay here. Says its size.
    fn open(&self, file: &str) -> Result<(File, u64), Said> {
        let path = Path::new(file);
        let is_inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !is_inside {
            return Err(said!(
                "应为文件目录之内的路径",
                "wanted a path inside the folder of documents"
            ));
        }
        // Where links lead is what counts: a draft may come from a system, or an archive, of others.
        let folder = self
            .folder
            .canonicalize()
            .map_err(|error| unreadable(&error))?;
        let real = || {
            folder
                .join(path)
                .canonicalize()
                .map_err(|error| unreadable(&error))
        };
        let opened = real()?;
        if !opened.starts_with(&folder) {
            return Err(said!(
                "它是链接，指向文件目录之外：不公布",
                "it is a link that leads out of the folder of documents, and is not published"
            ));
        }
        // Neither a FIFO nor a device keeps the opener waiting, and the last part is no link any more.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(
                (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY)
                    .bits()
                    .cast_signed(),
            )
            .open(&opened)
            .map_err(|error| unreadable(&error))?;
        let is = file.metadata().map_err(|error| unreadable(&error))?;
        if !is.is_file() {
            return Err(said!(
                "它不是普通文件（目录、管道、设备或套接字）",
                "it is no regular file but a folder, a pipe, a device or a socket"
            ));
        }
        // Somebody may have exchanged a folder for a link between the look and the opening.
        let again = std::fs::symlink_metadata(real()?).map_err(|error| unreadable(&error))?;
        if (again.dev(), again.ino()) != (is.dev(), is.ino()) {
            return Err(said!(
                "它在打开时被换掉了",
                "it was exchanged while it was opened"
            ));
        }
        for private in &self.private {
            let is_it = std::fs::metadata(private)
                .is_ok_and(|private| (private.dev(), private.ino()) == (is.dev(), is.ino()));
            if is_it {
                return Err(said!(
                    "它是本次使用的私钥或不公开内容的原文，绝不公布",
                    "it is the key or the file of withheld openings of this very run, which are never published"
                ));
            }
        }
        if is.len() > DOCUMENT_BYTES_MAX {
            return Err(too_large(is.len()));
        }
        Ok((file, is.len()))
    }
}

fn unreadable(error: &std::io::Error) -> Said {
    said!("读不了", "it cannot be read").because(error)
}

fn too_large(bytes: u64) -> Said {
    said!(
        "文件有 {bytes} 字节，账本最多收 {DOCUMENT_BYTES_MAX} 字节；请拆分或压缩",
        "it has {bytes} bytes and a ledger takes at most {DOCUMENT_BYTES_MAX}; split or compress it"
    )
}

/// PEM of any private key.
fn holds_private_key(bytes: &[u8]) -> bool {
    // In two parts, so that whoever looks for keys in this repository does not find this line.
    let wanted = concat!("PRIVATE", " KEY-----").as_bytes();
    bytes.windows(wanted.len()).any(|found| found == wanted)
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
    if there.status == 200 && there.etag == format!("\"{digest}\"") {
        return Ok(false);
    }
    let headers = [("content-type", "application/octet-stream")];
    let answer = http.call("PUT", &name, &headers, Some(bytes), ANSWER_BYTES_MAX)?;
    if matches!(answer.status, 200 | 201) {
        let taken = Answered::of(http, &name, &answer)?;
        if taken.str("sha256")? == digest {
            return Ok(answer.status == 201);
        }
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
    // A document may be a page; one that is not what was asked for is whatever stands between.
    let is_page = matches!(&*answer.content_type, "text/html" | "application/xhtml+xml");
    if found != digest && is_page {
        let url = format!("{}/{name}", http.base());
        return Err(Failure::temporary(
            "answer",
            said!(
                "{url} 应答的是网页，不是所要的文件：答话的可能是登录页或代理；请核对地址与网络",
                "{url} answers with a page and not with the document: maybe a login page or a proxy; check the address and the network"
            ),
        ));
    }
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
    let said = said!(
        "{shown}：{bytes} 字节，摘要相符\n",
        "{shown}: {bytes} bytes, the digest is right\n"
    );
    Ok(plain("document", said.in_(console.lang))
        .with("sha256", digest.to_string())
        .with("bytes", bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Danger: a file that is saved again while its statement is being logged is sent under the digest of what was signed.
    #[test]
    fn a_file_that_changed_between_hash_and_send_is_not_sent() {
        let (folder, outside) = (
            tempfile::tempdir().unwrap(),
            tempfile::NamedTempFile::new().unwrap(),
        );
        let at = |name: &str| folder.path().join(name);
        let mut attached = Attached::new(folder.path(), Vec::new());
        let files = ["saved", "lost", "linked"];
        for (at_line, file) in files.iter().enumerate() {
            // Another digest each: what was sent once is not sent again.
            std::fs::write(at(file), format!("{file} as signed")).unwrap();
            let mut line = Line {
                number: at_line + 1,
                text: json!({ "documents": [{ "file": file }] }).to_string(),
                project: String::new(),
                reference: String::new(),
                amends: None,
            };
            attached.fill(&mut line).unwrap();
            let signed = Hash::sha256(format!("{file} as signed").as_bytes()).to_string();
            assert!(line.text.contains(&signed), "{}", line.text);
        }
        // The statement is logged now; and meanwhile:
        std::fs::write(at("saved"), "saved as changed").unwrap();
        std::fs::remove_file(at("lost")).unwrap();
        std::fs::remove_file(at("linked")).unwrap();
        std::os::unix::fs::symlink(outside.path(), at("linked")).unwrap();
        // Nobody listens there: what is refused is refused before anybody is asked.
        let http = Http::new("http://127.0.0.1:1").unwrap();
        let sent = attached.send(&http, |_| true);
        assert_eq!((sent.all, sent.taken), (0, 0));
        let told = |at: usize| &sent.missing[at].2;
        let (wanted, found) = (
            Hash::sha256(b"saved as signed"),
            Hash::sha256(b"saved as changed"),
        );
        for words in [&told(0).zh, &told(0).en] {
            assert!(words.contains(&wanted.to_string()) && words.contains(&found.to_string()));
        }
        assert!(told(0).en.contains("changed since") && told(0).zh.contains("被改动"));
        assert!(told(1).en.contains("cannot be read"), "{}", told(1).en);
        assert!(told(2).en.contains("leads out"), "{}", told(2).en);
        // Put back, it is on its way.
        std::fs::write(at("saved"), "saved as signed").unwrap();
        let again = attached.send(&http, |line| line == 1);
        assert!(!again.missing[0].2.en.contains("changed"), "{again:?}");
    }
}
