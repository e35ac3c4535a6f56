//! Danger: the power fails, and a record whose receipt is out was only in the page cache.
//!
//! A kill -9 does not show it, as the page cache outlives the process. Here everything written is seen at once, but only what was written
//! durably is on the disk after the cut. The canary is a disk that forgets durable writes too, as if fsync did nothing.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use mingzhang::store::{Store, Writers};
use mingzhang::tlog::merkle::Hash;

use super::world::{World, check_log, try_post};

/// A disk behind a page cache.
#[derive(Clone, Debug)]
struct Cached {
    seen: Arc<InMemory>,
    disk: Arc<InMemory>,
    /// Whether a write through this handle reaches the disk before it returns.
    synced: bool,
}

impl Cached {
    /// After a power cut: only what was on the disk.
    fn after_cut(disk: &InMemory) -> Cached {
        Cached {
            seen: Arc::new(disk.fork()),
            disk: Arc::new(disk.fork()),
            synced: true,
        }
    }

    fn store(&self, fsync_works: bool, writers: Writers) -> Store {
        let handle = |synced| {
            Arc::new(Cached {
                synced,
                ..self.clone()
            })
        };
        Store::over(handle(fsync_works))
            .with_lazy(handle(false))
            .with_writers(writers)
    }
}

impl fmt::Display for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a disk behind a page cache")
    }
}

#[async_trait]
impl ObjectStore for Cached {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self
            .seen
            .put_opts(location, payload.clone(), options)
            .await?;
        if self.synced {
            self.disk.put(location, payload).await?;
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.seen.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.seen.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.seen.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.seen.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.seen.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.seen.copy_opts(from, to, options).await
    }
}

/// Cuts the power `cuts` times, each after some receipts, and says what was lost.
async fn cut_power(
    cuts: usize,
    fsync_works: bool,
    writers: Writers,
) -> std::result::Result<(), String> {
    let world = World::new();
    let mut disk = Cached::after_cut(&InMemory::new());
    world.create(&disk.store(true, writers)).await.close().await;
    let mut acknowledged: Vec<Hash> = Vec::new();
    for cut in 0..cuts {
        disk = Cached::after_cut(&disk.disk);
        let store = disk.store(fsync_works, writers);
        let ledger = world
            .open(&store)
            .await
            .map_err(|error| format!("after cut {cut} it does not open: {error}"))?;
        let (_, logged) = check_log(&world, &store).await;
        if let Some(lost) = acknowledged.iter().find(|id| !logged.contains(id)) {
            return Err(format!("after cut {cut}, {lost} is lost"));
        }
        for at in 0..5 {
            let statement = world.trade(&format!("P-{cut}-{at}"), None, "x");
            try_post(&ledger, &statement)
                .await
                .map_err(|error| format!("{error}"))?;
            acknowledged.push(statement.id());
        }
        ledger.close().await;
    }
    Ok(())
}

#[tokio::test]
async fn no_receipt_outlives_its_record_when_the_power_fails() {
    for writers in [Writers::One, Writers::Many] {
        cut_power(20, true, writers).await.unwrap();
    }
}

/// The canary: a disk on which fsync does nothing.
#[tokio::test]
async fn a_disk_that_does_not_sync_is_found_out() {
    for writers in [Writers::One, Writers::Many] {
        let lost = cut_power(3, false, writers).await.unwrap_err();
        assert!(lost.contains("after cut 1"), "{lost}");
    }
}
