//! The embedded backend: one `SQLite` file in write-ahead mode, one thread that writes, readers beside it.
//!
//! An acknowledged write survives power loss. What was erased is overwritten in the file (`secure_delete`), and where it
//! was a value or a key the write-ahead log, which holds older pages, is emptied before the caller is told. The disk's own
//! copies (snapshots, worn flash cells) are out of reach.
//!
//! Times are kept at millisecond precision: a finer time is rounded towards zero when it is written.

mod audit;
mod identities;
mod links;
mod listing;
mod logs;
mod migrate;
mod people;
mod projects;
mod queue;
mod readers;
mod row;
mod runs;
mod schema;
mod secrets;
mod session;
mod tokens;
mod trusts;
mod workloads;
mod writer;

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::port::{BoxFuture, Promise, ReadJob, RecordJob, Store, StoreError, WriteJob};
use queue::{Pending, Queue, Work};
use readers::Readers;
use writer::{Pace, Writer};

/// How the embedded store works. [`SqliteOptions::default`] is right for an instance.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// Under concurrency, how long the writer waits for more callers to share a commit with. Zero turns it off.
    pub gather: Duration,
    /// When relaxed records are on the disk.
    pub durability: Durability,
    /// The database may not grow beyond this many pages of 4 KiB; what would is `Unavailable`. For quotas and tests.
    pub max_pages: Option<u32>,
}

/// When a relaxed record is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When its caller is told, as every other write.
    Synced,
    /// At most so long after its caller is told, or with the next write that is not relaxed. Until then it survives the end
    /// of the process, but not of the machine.
    Interval(Duration),
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { gather: Duration::from_micros(200), durability: Durability::Synced, max_pages: None }
    }
}

/// The embedded store.
pub struct SqliteStore {
    queue: Arc<Queue>,
    readers: Readers,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if there is none, and brings its schema up to date. The file and those beside
    /// it are closed to other users (mode 0600), whatever the umask and whatever they were.
    ///
    /// Errors: `TooNew` for a schema of a newer program; `Damaged` for a file that is no database or is corrupt;
    /// `Unavailable` for anything of the system.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Arc<Self>, StoreError> {
        let SqliteOptions { gather, durability, max_pages } = options;
        schema::claim(path)?;
        let connection = schema::open_writer(path, max_pages)?;
        migrate::migrate(&connection)?;
        let queue = Arc::new(Queue::new());
        let jobs = Arc::clone(&queue);
        let pace = Pace { gather, durability };
        let log = schema::side_file(path, "-wal");
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                Writer::new(connection, log).run(&jobs, pace);
                jobs.end();
            })
            .map_err(|error| StoreError::Unavailable(format!("the writer's thread did not start: {error}")))?;
        Ok(Arc::new(Self { queue, readers: Readers::new(path.to_owned()), thread: Mutex::new(Some(thread)) }))
    }
}

impl SqliteStore {
    fn queue(&self, work: Work) -> impl Future<Output = Result<bool, StoreError>> + Send + 'static {
        let (done, told) = oneshot::channel();
        self.queue.push(Pending { work, done });
        async move { told.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has ended".to_owned()))) }
    }
}

impl Store for SqliteStore {
    fn submit(&self, job: WriteJob) -> BoxFuture<'static, Result<bool, StoreError>> {
        Box::pin(self.queue(Work::Job(job)))
    }

    fn submit_record(
        &self,
        node: &'static str,
        job: RecordJob,
        promise: Promise,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let told = self.queue(Work::Record(node, job, promise));
        Box::pin(async move { told.await.map(drop) })
    }

    fn query<'a>(&'a self, job: ReadJob<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.readers.run(job) })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.readers.close();
        self.queue.close();
        let ended = self.queue.ended();
        Box::pin(async move { ended.await.map_err(|_| StoreError::Unavailable("the writer has ended".to_owned())) })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.readers.close();
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // a job may hold the last reference to the store; the writer cannot wait for itself
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the writer's thread panicked");
        }
    }
}
