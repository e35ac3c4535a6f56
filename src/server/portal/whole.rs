//! The whole file of a project as one download: every record with its receipt, the documents that may be shown, the policy, and how to check
//! it all in two languages.
//!
//! Promises: streamed, never whole in memory; names inside are ours, so that nobody's `../` leaves a folder; what an order keeps back is
//! named with its order and not included. At most [`RECORDS_MAX`] records and [`DOCUMENTS_BYTES_MAX`] bytes of documents; each download has a
//! place among few and holds a thread.

use std::io::{self, Write};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::policy;
use crate::lang::Said;
use crate::ledger::{DocumentShowing, EntryView};
use crate::rules::csv::cell;
use crate::server::Api;
use crate::server::api::no_place;
use crate::server::cache;
use crate::server::pace::Whole;
use crate::server::problem::{Problem, kinds};
use crate::server::request::ProjectPath;
use crate::server::room::Client;
use crate::store::StoreError;
use crate::tlog::merkle::Hash;

/// Records of one download, at most.
const RECORDS_MAX: usize = 2_000;
/// Bytes of documents of one download, at most; those beyond are listed with their digest only.
const DOCUMENTS_BYTES_MAX: u64 = 4 << 30;
/// Records read at a time.
const READS: usize = 64;
/// Pieces that wait for a slow reader.
const PIECES: usize = 16;

/// `/project-files/<publisher>/<project>`.
pub(super) async fn whole(
    State(api): State<Api>,
    client: Client,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let of = ProjectPath::parse(&path).ok_or_else(ProjectPath::absent)?;
    let chain = api.ledger.chain(&of.chain())?;
    let records = chain.ok_or_else(ProjectPath::absent)?.records;
    if records.len() > RECORDS_MAX {
        let have = records.len();
        let said = format!(
            "the project has {have} records, one file holds at most {RECORDS_MAX}; mirror the log instead"
        );
        return Err(Problem::new(
            &kinds::TOO_LARGE,
            Said::new(
                format!("该项目有 {have} 条记录，一个文件最多 {RECORDS_MAX} 条；请镜像整个账本"),
                said,
            ),
        )
        .with("limit", RECORDS_MAX));
    }
    let place = api.rooms.downloads.guest(client).take(1).await;
    let place = place.map_err(no_place)?;
    let (pieces, mut received) = mpsc::channel::<Result<Bytes, io::Error>>(PIECES);
    let name = format!("attachment; filename=\"{}.zip\"", of.project);
    let runtime = api.gate.handle().clone();
    runtime.clone().spawn_blocking(move || {
        let _place = place;
        let failed = pieces.clone();
        let archive = Archive {
            api,
            runtime,
            zip: ZipWriter::new_stream(Pipe(pieces, Whole::new(Instant::now()))),
            list: List::default(),
        };
        if let Err(failure) = archive.write(&records) {
            let failure_said = crate::chain_of(&failure);
            match failure
                .get_ref()
                .is_some_and(|inner| inner.is::<StoreError>())
            {
                true => tracing::error!(failure = failure_said, "a project file cannot be given"),
                false => tracing::debug!(failure = failure_said, "a download broke off"),
            }
            // The reader sees a broken transfer, not a short archive that looks whole.
            let _ = failed.blocking_send(Err(failure));
        }
    });
    let stream = futures_util::stream::poll_fn(move |context| received.poll_recv(context));
    let mut response = cache::answer(
        "application/zip",
        cache::NO_STORE,
        Body::from_stream(stream),
    );
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&name).expect("a project id is visible ASCII without quotes"),
    );
    Ok(response)
}

/// Where the archive's bytes go; waits for a slow reader, ends with one that left.
struct Pipe(mpsc::Sender<Result<Bytes, io::Error>>, Whole);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.1.keeps_up(bytes.len(), Instant::now()) {
            return Err(io::Error::other("the archive is read too slowly"));
        }
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Archive {
    api: Api,
    runtime: Handle,
    zip: ZipWriter<StreamWriter<Pipe>>,
    list: List,
}

/// The list of what is in the archive, as CSV.
#[derive(Default)]
struct List {
    rows: String,
    sums: String,
    documents: Vec<Hash>,
    documents_bytes: u64,
}

impl List {
    fn row(&mut self, cells: [&str; 6]) {
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        self.rows.push_str(&cells.join(","));
        self.rows.push_str("\r\n");
    }
}

impl Archive {
    fn write(mut self, records: &[u64]) -> io::Result<()> {
        self.file("README.txt", README.as_bytes())?;
        self.file("policy", policy(&self.api).encode().as_bytes())?;
        self.list.row([
            "record",
            "statement",
            "file",
            "kind of file",
            "name as published",
            "remark",
        ]);
        for indexes in records.chunks(READS) {
            self.records(indexes)?;
        }
        let (rows, sums) = (
            std::mem::take(&mut self.list.rows),
            std::mem::take(&mut self.list.sums),
        );
        self.file("list.csv", format!("\u{feff}{rows}").as_bytes())?;
        self.file("SHA256SUMS", sums.as_bytes())?;
        self.zip.finish()?;
        Ok(())
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(true);
        Ok(self.zip.start_file(name, options)?)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.zip.write_all(bytes)
    }

    fn records(&mut self, indexes: &[u64]) -> io::Result<()> {
        let (api, runtime) = (self.api.clone(), self.runtime.clone());
        let mut shown = indexes.to_vec();
        shown.retain(|index| api.ledger.showing(*index).is_shown());
        let views = runtime
            .block_on(api.ledger.entries_at(&shown))
            .map_err(io::Error::other)?;
        // One that was ordered away this moment is not shown either.
        let views: Vec<_> = views
            .iter()
            .filter_map(|(_, view)| view.as_ref().ok())
            .collect();
        let receipts = runtime
            .block_on(api.ledger.receipts(&views))
            .map_err(io::Error::other)?;
        let mut views = views.into_iter().zip(receipts).peekable();
        for index in indexes {
            match views.next_if(|(view, _)| view.header.index == *index) {
                Some((view, receipt)) => self.record(view, &receipt)?,
                None => self.list.row([
                    &index.to_string(),
                    "",
                    "",
                    "",
                    "",
                    "not shown by order / 依命令不予公开",
                ]),
            }
        }
        Ok(())
    }

    fn record(&mut self, view: &EntryView, receipt: &str) -> io::Result<()> {
        let (api, runtime) = (self.api.clone(), self.runtime.clone());
        let index = view.header.index;
        let number = index.to_string();
        let id = view.statement.id();
        let id_text = id.to_string();
        let names = [
            format!("records/{index}.tlog-proof"),
            format!("records/{index}.entry"),
        ];
        self.file(&names[0], receipt.as_bytes())?;
        self.list
            .row([&number, &id_text, &names[0], "receipt / 回执", "", ""]);
        self.file(&names[1], &view.entry)?;
        self.list
            .row([&number, &id_text, &names[1], "record / 记录", "", ""]);
        if let Some(openings) = runtime
            .block_on(api.ledger.openings(&id))
            .map_err(io::Error::other)?
            && !openings.is_empty()
        {
            let name = format!("openings/{id}.json");
            self.file(&name, &openings.encode())?;
            self.list
                .row([&number, &id_text, &name, "openings / 公开的原值", "", ""]);
        }
        for document in view.statement.fields().documents() {
            let (name, remark) = self.document(&document.sha256)?;
            self.list.row([
                &number,
                &id_text,
                &name,
                "document / 附件",
                document.name,
                remark,
            ]);
        }
        Ok(())
    }

    /// The document's file in the archive, or why there is none.
    fn document(&mut self, digest: &Hash) -> io::Result<(String, &'static str)> {
        let name = format!("documents/{digest}");
        if self.list.documents.contains(digest) {
            return Ok((name, ""));
        }
        let (api, runtime) = (self.api.clone(), self.runtime.clone());
        let showing = runtime
            .block_on(api.ledger.document_shown(digest))
            .map_err(io::Error::other)?;
        if !matches!(showing, DocumentShowing::Shown(_)) {
            return Ok((String::new(), "not shown by order / 依命令不予公开"));
        }
        let download = runtime
            .block_on(api.ledger.store().download(&name))
            .map_err(io::Error::other)?;
        let Some(download) = download else {
            return Ok((String::new(), "not kept by this server / 本服务器未保存"));
        };
        if self.list.documents_bytes.saturating_add(download.bytes) > DOCUMENTS_BYTES_MAX {
            return Ok((
                String::new(),
                "too large for this file: fetch it by its digest / 过大，请按摘要下载",
            ));
        }
        self.list.documents_bytes += download.bytes;
        self.list.documents.push(*digest);
        self.list.sums.push_str(&format!("{digest}  {name}\n"));
        self.begin(&name)?;
        let mut download = download.of_digest(format!("documents/{digest}"), *digest);
        while let Some(piece) = runtime.block_on(download.pieces.next()) {
            self.zip.write_all(&piece.map_err(io::Error::other)?)?;
        }
        Ok((name, ""))
    }
}

const README: &str = "\
明账：一个项目的全部公开内容
========================

records/N.tlog-proof   第 N 条记录的回执：可离线核对
records/N.entry        第 N 条记录的原始字节（序号、前一记录的叶哈希、时间；声明；签名）
openings/编号.json     该声明已公开的承诺原值（如有）
documents/摘要         附件，以其 SHA-256 命名；原文件名见 list.csv
SHA256SUMS             附件摘要
list.csv               目录；依命令不予公开的内容在此注明
policy                 信任策略。请从其他途径再取一份，与此比较

核对：
  mingzhang verify records/*.tlog-proof --policy policy
  sha256sum -c SHA256SUMS
  sed -n 2p records/N.entry | sha256sum      应为 list.csv 中的声明编号

回执不能证明公告内容属实，也不能证明此后没有更正。


mingzhang: everything that is public of one project
===================================================

records/N.tlog-proof   the receipt of record N, to be checked offline
records/N.entry        the bytes of record N (index, leaf hash of the record before, time; statement; signature)
openings/ID.json       values of that statement's commitments that are public, if any
documents/DIGEST       documents, named by their SHA-256; their names as published are in list.csv
SHA256SUMS             the digests of the documents
list.csv               the list; what is withheld by order is named there
policy                 the trust policy. Get it by another way too, and compare

Check:
  mingzhang verify records/*.tlog-proof --policy policy
  sha256sum -c SHA256SUMS
  sed -n 2p records/N.entry | sha256sum      is the statement id in list.csv

A receipt does not show that a notice is true, nor that nothing corrects it later.
";
