//! An object store that fails on purpose: the k-th write from now on, before or after it took effect, once or from then on.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// When a write is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing landed, an error is answered.
    Before,
    /// It landed, an error is answered.
    After,
    /// Nothing landed, "already exists" is answered (a 409 of some object stores).
    Conflict,
    /// Nothing landed, the disk is full.
    Full,
    /// It landed, and the disk had no room to sync its folder.
    FullAfter,
}

#[derive(Default, Debug)]
struct Plan {
    /// Writes still to let through; `None` lets all through.
    left: Option<usize>,
    fault: Option<Fault>,
    sticky: bool,
    /// Writes seen since armed.
    seen: usize,
    /// Answer creates as if conditions were not known to the store.
    ignores_conditions: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: Arc<Mutex<Plan>>,
}

impl Faulty {
    pub fn new() -> Faulty {
        Faulty::over(Arc::new(InMemory::new()))
    }

    /// The writes of another store.
    pub fn over(inner: Arc<dyn ObjectStore>) -> Faulty {
        Faulty {
            inner,
            plan: Arc::default(),
        }
    }

    /// The `at`-th write from now (0-based) fails so; with `sticky`, all after it too.
    pub fn arm(&self, at: usize, fault: Fault, sticky: bool) {
        *self.plan.lock().unwrap() = Plan {
            left: Some(at),
            fault: Some(fault),
            sticky,
            seen: 0,
            ignores_conditions: false,
        };
    }

    /// No more faults; how many writes were seen since armed, and whether the fault was met.
    pub fn disarm(&self) -> (usize, bool) {
        let plan = std::mem::take(&mut *self.plan.lock().unwrap());
        (
            plan.seen,
            plan.fault.is_none() || (plan.sticky && plan.left == Some(0)),
        )
    }

    /// The canary: creates overwrite, as on a store that does not know conditions.
    pub fn ignore_conditions(&self) {
        self.plan.lock().unwrap().ignores_conditions = true;
    }

    fn next(&self) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        plan.seen += 1;
        match plan.left {
            Some(0) if plan.sticky => plan.fault,
            Some(0) => plan.fault.take(),
            Some(left) => {
                plan.left = Some(left - 1);
                None
            }
            None => None,
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails on purpose")
    }
}

fn full() -> Error {
    Error::Generic {
        store: "faulty",
        source: Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull)),
    }
}

fn failed() -> Error {
    Error::Generic {
        store: "faulty",
        source: "failed on purpose".into(),
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        if self.plan.lock().unwrap().ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        match self.next() {
            None => self.inner.put_opts(location, payload, options).await,
            Some(Fault::Before) => Err(failed()),
            Some(Fault::Conflict) if matches!(options.mode, PutMode::Create) => {
                Err(Error::AlreadyExists {
                    path: location.to_string(),
                    source: "409 on purpose".into(),
                })
            }
            Some(Fault::Conflict) => Err(failed()),
            Some(Fault::Full) => Err(full()),
            Some(Fault::FullAfter) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(full())
            }
            Some(Fault::After) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(failed())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
