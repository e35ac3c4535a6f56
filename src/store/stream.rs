//! Objects too large to hold in memory: documents, written and read piece by piece.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use super::{Store, StoreError, is_full};
use crate::tlog::merkle::Hash;

/// Bytes held back until they make a part. S3 takes no smaller one but the last.
pub const PART_BYTES: usize = 5 << 20;
/// The same for a folder, which takes any: what comes slowly holds little memory.
pub const FOLDER_PART_BYTES: usize = 512 << 10;

/// An object being written. It is visible to nobody before [`Upload::finish`]; dropped, it leaves nothing (on S3, parts for
/// the bucket's own cleaning).
#[derive(Debug)]
pub struct Upload {
    name: String,
    parts: Box<dyn MultipartUpload>,
    part_bytes: usize,
    held: BytesMut,
}

/// An object being read: how many bytes it has, and the bytes.
pub struct Download {
    /// Its size.
    pub bytes: u64,
    /// The bytes, in pieces of no stated size.
    pub pieces: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Download({} bytes)", self.bytes)
    }
}

impl Download {
    /// The same bytes, the last piece of them only if all together have this SHA-256: who reads to the end has the right ones, and whoever
    /// does not get the end knows that something is wrong.
    pub(crate) fn of_digest(self, name: String, digest: Hash) -> Download {
        let state = (self.pieces, Sha256::new(), None, name);
        let pieces = futures_util::stream::unfold(Some(state), move |state| async move {
            let (mut pieces, mut hasher, mut last, name) = state?;
            loop {
                match pieces.next().await {
                    Some(Ok(piece)) => {
                        hasher.update(&piece);
                        if let Some(before) = last.replace(piece) {
                            return Some((Ok(before), Some((pieces, hasher, last, name))));
                        }
                    }
                    Some(Err(failure)) => return Some((Err(failure), None)),
                    None => {
                        let found = Hash(hasher.finalize().into());
                        if found != digest {
                            return Some((Err(StoreError::Damaged { name, found }), None));
                        }
                        return last.map(|last| (Ok(last), None));
                    }
                }
            }
        });
        Download {
            bytes: self.bytes,
            pieces: Box::pin(pieces),
        }
    }
}

impl Store {
    /// Begins to write an object of any size, in place of what may be there.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::Full`].
    pub async fn upload(&self, name: &str) -> Result<Upload, StoreError> {
        match self.durable.put_multipart(&self.object(name)).await {
            Ok(parts) => Ok(Upload {
                name: name.to_owned(),
                parts,
                part_bytes: if self.folder.is_some() {
                    FOLDER_PART_BYTES
                } else {
                    PART_BYTES
                },
                held: BytesMut::new(),
            }),
            Err(source) => Err(write_failed(name, source)),
        }
    }

    /// Begins to read an object of any size; `None` if there is no such object.
    ///
    /// # Errors
    /// [`StoreError::Read`], here or from the pieces.
    pub async fn download(&self, name: &str) -> Result<Option<Download>, StoreError> {
        let name = name.to_owned();
        let found = match self.durable.get(&self.object(&name)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(StoreError::Read { name, source }),
        };
        let bytes = found.meta.size;
        let pieces = found.into_stream().map(move |piece| {
            piece.map_err(|source| StoreError::Read {
                name: name.clone(),
                source,
            })
        });
        Ok(Some(Download {
            bytes,
            pieces: Box::pin(pieces),
        }))
    }

    /// How many bytes the object has; `None` if there is no such object.
    ///
    /// # Errors
    /// [`StoreError::Read`].
    pub async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        match self.durable.head(&self.object(name)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StoreError::Read {
                name: name.to_owned(),
                source,
            }),
        }
    }
}

impl Upload {
    /// Adds bytes. At most [`PART_BYTES`] more than were given are held in memory.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::Full`]; the upload is then of no use.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.held.extend_from_slice(bytes);
        while self.held.len() >= self.part_bytes {
            let part = self.held.split_to(self.part_bytes).freeze();
            self.put(part).await?;
        }
        Ok(())
    }

    /// Makes the object durable and visible under its name.
    ///
    /// # Errors
    /// [`StoreError::Write`], [`StoreError::Full`].
    pub async fn finish(mut self) -> Result<(), StoreError> {
        let rest = self.held.split().freeze();
        self.put(rest).await?;
        match self.parts.complete().await {
            Ok(_) => Ok(()),
            Err(source) => Err(write_failed(&self.name, source)),
        }
    }

    /// Gives the upload up. What fails here costs room, not truth.
    pub async fn abort(mut self) {
        if let Err(failure) = self.parts.abort().await {
            tracing::warn!(name = self.name, %failure, "an abandoned upload could not be removed");
        }
    }

    async fn put(&mut self, part: Bytes) -> Result<(), StoreError> {
        let put = self.parts.put_part(PutPayload::from(part)).await;
        put.map_err(|source| write_failed(&self.name, source))
    }
}

fn write_failed(name: &str, source: object_store::Error) -> StoreError {
    let name = name.to_owned();
    if is_full(&source) {
        StoreError::Full { name, source }
    } else {
        StoreError::Write { name, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(store: &Store, name: &str) -> Option<Vec<u8>> {
        let mut download = store.download(name).await.unwrap()?;
        let mut bytes = Vec::new();
        while let Some(piece) = download.pieces.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(bytes.len() as u64, download.bytes);
        Some(bytes)
    }

    #[tokio::test]
    async fn the_end_of_damaged_bytes_is_never_given() {
        async fn check(found: &[&'static str], digest_of: &str, want: &[&str]) {
            let pieces: Vec<_> = found
                .iter()
                .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
                .collect();
            let download = Download {
                bytes: 0,
                pieces: Box::pin(futures_util::stream::iter(pieces)),
            };
            let download = download.of_digest("a".to_owned(), Hash::sha256(digest_of.as_bytes()));
            let given: Vec<String> = download
                .pieces
                .map(|piece| match piece {
                    Ok(piece) => String::from_utf8(piece.to_vec()).unwrap(),
                    Err(failure) => failure.to_string()[..12].to_owned(),
                })
                .collect()
                .await;
            assert_eq!(given, want, "{found:?}");
        }
        check(&["ab", "c", "d"], "abcd", &["ab", "c", "d"]).await;
        check(&["ab", "c", "e"], "abcd", &["ab", "c", "a has SHA-25"]).await;
        check(&["xb", "c", "d"], "abcd", &["xb", "c", "a has SHA-25"]).await;
        check(&["ab", "c"], "abcd", &["ab", "a has SHA-25"]).await;
        check(&["x"], "abcd", &["a has SHA-25"]).await;
        check(&[], "abcd", &["a has SHA-25"]).await;
        check(&[], "", &[]).await;
    }

    #[tokio::test]
    async fn an_object_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for store in [Store::memory(), Store::folder(folder.path()).unwrap()] {
            let store = store.under("documents/");
            for size in [
                0,
                1,
                PART_BYTES - 1,
                PART_BYTES,
                PART_BYTES + 1,
                2 * PART_BYTES,
            ] {
                let content: Vec<u8> = (0..=255).cycle().take(size).collect();
                let mut upload = store.upload("a").await.unwrap();
                for piece in content.chunks(300_000) {
                    upload.write(piece).await.unwrap();
                }
                let before = store.size("a").await.unwrap();
                upload.finish().await.unwrap();
                assert_ne!(before, Some(size as u64));
                assert_eq!(store.size("a").await.unwrap(), Some(size as u64));
                assert_eq!(read(&store, "a").await, Some(content));
            }
            let mut given_up = store.upload("b").await.unwrap();
            given_up.write(&[7; PART_BYTES]).await.unwrap();
            given_up.abort().await;
            assert_eq!(read(&store, "b").await, None);
            assert_eq!(store.size("b").await.unwrap(), None);
            assert_eq!(store.list("").await.unwrap().len(), 1);
        }
    }
}
