//! The port: what a backend must do. One conformance suite (`crate::conformance`) runs against every backend.
//!
//! Work comes as closures. A write closure runs inside one transaction and sees its own writes; it is durable when the
//! returned future resolves. Closures are synchronous so that the embedded backend pays nothing for them; a networked
//! backend runs them on a thread that may wait.
//!
//! Times are kept to the millisecond: callers round before they write, or what they read differs from what they wrote.
//! A row whose owner is not there (a namespace's project, a version's secret, a deployment's workload) is refused as
//! `Damaged`, so that owners are written first. Secrets and workloads name their namespace and app without owning them.

mod audit;
mod identities;
mod links;
mod logs;
mod people;
mod projects;
mod runs;
mod secrets;
mod tokens;
mod trusts;
mod workloads;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

pub use audit::{AuditCut, AuditFilter, AuditHead, AuditRow, AuditRows, AuditTx};
pub use identities::{IdentityRow, IdentityRows, IdentityTx};
pub use links::{LinkRow, LinkRows, LinkTx};
pub use logs::{LogFilter, LogPage, LogRow, LogRows, LogTx};
pub use people::{InvitationRow, MemberRow, PeopleRows, PeopleTx, SessionRow, UserRow};
pub use projects::{AppRow, InstanceRow, NamespaceRow, ProjectKeyRow, ProjectRow, ProjectRows, ProjectTx};
pub use runs::{Claim, RunEnd, RunFilter, RunRow, RunRows, RunState, RunTx, SealedRun};
pub use secrets::{
    PageEnd, SealedRow, SecretFilter, SecretRow, SecretRows, SecretTx, SecretView, Stats, VersionKind, VersionRow,
};
pub use tokens::{TokenRow, TokenRows, TokenTx};
pub use trusts::{TrustKind, TrustRow, TrustRows, TrustTx};
pub use workloads::{DeploymentRow, ReadFact, WorkloadKind, WorkloadRow, WorkloadRows, WorkloadTx};

/// A boxed future, so that the port is object safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything that can be read.
pub trait Rows:
    ProjectRows
    + SecretRows
    + WorkloadRows
    + RunRows
    + TokenRows
    + PeopleRows
    + IdentityRows
    + LinkRows
    + TrustRows
    + AuditRows
    + LogRows
{
}

/// Everything that can be written, inside one transaction.
pub trait Tx:
    Rows + ProjectTx + SecretTx + WorkloadTx + RunTx + TokenTx + PeopleTx + IdentityTx + LinkTx + TrustTx + AuditTx + LogTx
{
}

/// What a write closure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what was written.
    Commit,
    /// Undo what this closure wrote; other callers in the same commit are not touched.
    RollBack,
}

/// What a caller is promised when it is told that its write is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It survives a power failure.
    Synced,
    /// It survives the end of the process, however it ends; a backend that is set up so may bring it to the disk a little
    /// later.
    Relaxed,
}

/// A unit of writing.
pub type WriteJob = Box<dyn FnOnce(&mut dyn Tx) -> Verdict + Send>;
/// Makes the record that follows the end of a chain.
pub type RecordJob = Box<dyn FnOnce(&AuditHead) -> AuditRow + Send>;
/// A unit of reading: one consistent view.
pub type ReadJob<'a> = Box<dyn FnOnce(&mut dyn Rows) + Send + 'a>;

/// Why the store could not do it. Carries no row contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, read or written: disk full, I/O error, connection lost.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A row that cannot be what was written.
    #[error("the store holds a damaged row: {0}")]
    Damaged(&'static str),
    /// A uniqueness rule refused the row. Callers check first; this is the last line.
    #[error("the row exists already: {0}")]
    Exists(&'static str),
    /// A number from outside that no counter reaches.
    #[error("a number is too large")]
    Beyond,
    /// Made by a newer version of the program.
    #[error("the store has schema version {found}, this program knows up to {known}; use the newer program")]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
}

/// A backend. Implementations: `crate::sqlite`.
pub trait Store: Send + Sync + 'static {
    /// Queues `job` and resolves once its writes are durable (`true`), or undone because it said so (`false`). If the
    /// commit fails, every job in it fails.
    fn submit(&self, job: WriteJob) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Queues one record for the end of `node`'s chain, and resolves once it is kept as `promise` says. It is all that is
    /// written, so that a backend need not be ready to undo it alone: the cheapest write there is.
    ///
    /// Records and jobs run in the order in which they are queued, and what a power failure takes is always a tail: never
    /// one and not the ones after it.
    fn submit_record(
        &self,
        node: &'static str,
        job: RecordJob,
        promise: Promise,
    ) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Runs `job` on one consistent view of what is committed.
    fn query<'a>(&'a self, job: ReadJob<'a>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Finishes the work that is queued, refuses what comes after, and lets go of the database. Calling it again waits
    /// for the same end.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

impl dyn Store {
    /// Runs `work` in a transaction: an `Ok` is durable when this returns, an `Err` leaves nothing behind.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (job, answer) = job_of(work);
        self.submit(job).await?;
        answer()
    }

    /// Runs `work` on one consistent view.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut dyn Rows) -> Result<T, E> + Send) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        let mut result = None;
        self.query(Box::new(|rows| result = Some(work(rows)))).await?;
        result.unwrap_or_else(|| Err(StoreError::Unavailable("the read was dropped".to_owned()).into()))
    }
}

/// A job that commits on `Ok`, and where to find what it returned once it has run.
fn job_of<T, E>(
    work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
) -> (WriteJob, impl FnOnce() -> Result<T, E> + Send)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let slot = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&slot);
    let job: WriteJob = Box::new(move |tx| {
        let result = work(tx);
        let verdict = if result.is_ok() { Verdict::Commit } else { Verdict::RollBack };
        *filled.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        verdict
    });
    let answer = move || {
        let result = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or_else(|| Err(StoreError::Unavailable("the write was dropped".to_owned()).into()))
    };
    (job, answer)
}
