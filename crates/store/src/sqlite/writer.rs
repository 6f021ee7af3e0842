//! The one thread that writes: it drains all waiting jobs into one transaction, so that concurrent callers share a commit.
//!
//! ```text
//!        ┌────────────── no jobs: sleep ◄─────────────┐
//!        ▼                                            │
//!   jobs wait ─► gather (only under concurrency) ─► BEGIN IMMEDIATE
//!                                                     │ each job: SAVEPOINT, run, RELEASE or ROLLBACK TO
//!                                                     ▼        (a lone job and a record: no SAVEPOINT)
//!                                        COMMIT ─► tell all callers ─► checkpoint if the log is long
//! ```
//!
//! The commit is synced unless it holds relaxed records alone and the store is set up to sync those at intervals. The log
//! is written from front to back, so that syncing any commit syncs all before it, and a power failure takes only a tail.
//!
//! A savepoint makes `SQLite` keep a copy of each page that changes after it. A record is one row at the end of a table, so
//! that one that fails has changed nothing and needs none.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Durability;
use super::audit::Heads;
use super::queue::{Pending, Queue, Woken, Work};
use super::row::fault;
use super::schema::BUSY;
use super::session::Session;
use crate::port::{AuditRows as _, AuditTx as _, Promise, RecordJob, StoreError, Verdict, WriteJob};

/// The log is carried over into the database once it has this many pages (32 MB), since a page that was written many
/// times is carried over once.
const CHECKPOINT_PAGES: i64 = 8000;

/// How many jobs may pass between two looks at the log's length.
const LOOK_EVERY: usize = 64;

/// How long the writer waits for readers of old rows before it goes on without having emptied the log. Reads take
/// microseconds; only another process's can take longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// How the writer takes its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Under concurrency, how long it waits for more callers to share a commit with.
    pub(super) gather: Duration,
    /// When relaxed records are on the disk.
    pub(super) durability: Durability,
}

/// The writer's side of the store.
pub(super) struct Writer {
    connection: Connection,
    /// The write-ahead log.
    log: PathBuf,
    /// Whether the log may hold copies of values or keys that were erased.
    remains: bool,
    /// What the connection's next commit keeps.
    promise: Promise,
    /// When the first commit was made that is not on the disk yet.
    unsynced_since: Option<Instant>,
    heads: Heads,
    /// Rises when another process has written; see [`Writer::begin`].
    data_version: i64,
}

/// What became of a job that ran in a transaction not yet committed.
type Outcome = Result<bool, StoreError>;

impl Writer {
    /// Takes over the connection.
    pub(super) fn new(connection: Connection, log: PathBuf) -> Self {
        let heads = Heads::new();
        Self {
            connection,
            log,
            remains: false,
            promise: Promise::Synced,
            unsynced_since: None,
            heads,
            data_version: -1,
        }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue, pace: Pace) {
        let mut batch = Vec::new();
        let (mut crowd, mut since_look) = (1, 0);
        let interval = match pace.durability {
            Durability::Synced => None,
            Durability::Interval(interval) => Some(interval),
        };
        loop {
            let until = self.unsynced_since.zip(interval).map(|(since, interval)| since + interval);
            match queue.take(&mut batch, crowd, pace.gather, until) {
                Woken::Jobs => {}
                Woken::Time => {
                    self.sync_log();
                    continue;
                }
                Woken::Closed => break,
            }
            let done = batch.len();
            let relaxed = interval.is_some() && batch.iter().all(|pending| pending.work.promise() == Promise::Relaxed);
            let promise = if relaxed { Promise::Relaxed } else { Promise::Synced };
            self.commit(&mut batch, promise);
            crowd = done + queue.len();
            // jobs may never cease, so that the queue is not the only place where the time can come
            if until.is_some_and(|until| until <= Instant::now()) {
                self.sync_log();
            }
            since_look += done;
            if since_look >= LOOK_EVERY {
                since_look = 0;
                self.checkpoint_if_long();
            }
        }
        self.sync_log();
        self.empty_log();
    }

    /// Runs all jobs in one transaction and tells their callers.
    fn commit(&mut self, batch: &mut Vec<Pending>, promise: Promise) {
        let alone = batch.len() == 1;
        let mut told = Vec::with_capacity(batch.len());
        let mut lost = self.begin(promise).err();
        for Pending { work, done } in batch.drain(..) {
            let outcome = match (&lost, work) {
                (Some(error), _) => Err(error.clone()),
                (None, Work::Job(job)) => self.run_job(job, alone),
                (None, Work::Record(node, job, _)) => self.append(node, job),
            };
            // some errors, such as a full disk, make SQLite undo the whole transaction
            if lost.is_none() && !alone && self.connection.is_autocommit() {
                lost = Some(undone());
            }
            told.push((done, outcome));
        }
        if lost.is_none() && !self.connection.is_autocommit() {
            lost = self.statement("COMMIT").err();
        }
        if promise == Promise::Relaxed && self.unsynced_since.is_none() {
            self.unsynced_since = Some(Instant::now());
        }
        if lost.is_some() {
            self.abandon();
        }
        if self.remains {
            // before callers are told: what they erased is erased then
            self.remains = !self.empty_log();
        }
        for (done, outcome) in told {
            let outcome = match (&lost, outcome) {
                (Some(error), Ok(true)) => Err(error.clone()),
                (_, outcome) => outcome,
            };
            // a caller that has gone away is no error
            let _gone = done.send(outcome);
        }
    }

    fn begin(&mut self, promise: Promise) -> Result<(), StoreError> {
        if self.promise != promise {
            let level = if promise == Promise::Synced { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level).map_err(|error| fault(&error))?;
            self.promise = promise;
        }
        self.statement("BEGIN IMMEDIATE")?;
        let mut prepared = self.connection.prepare_cached("PRAGMA data_version").map_err(|error| fault(&error))?;
        let version = prepared.query_row([], |row| row.get(0)).map_err(|error| fault(&error))?;
        if version != self.data_version {
            self.data_version = version;
            self.heads.clear();
        }
        Ok(())
    }

    /// Runs one job. What it wrote stays in the transaction only for `Ok(true)`.
    fn run_job(&mut self, job: WriteJob, alone: bool) -> Outcome {
        if !alone {
            self.statement("SAVEPOINT job")?;
        }
        let mut session = Session::new(&self.connection, &mut self.heads);
        let verdict = catch_unwind(AssertUnwindSafe(|| job(&mut session)));
        self.remains |= session.erased;
        let outcome = match verdict {
            Ok(Verdict::Commit) => Ok(true),
            Ok(Verdict::RollBack) => Ok(false),
            Err(_) => Err(panicked()),
        };
        if self.connection.is_autocommit() {
            // the whole transaction is gone: the caller of this function sees to the others
            self.heads.clear();
            return outcome.and_then(|kept| if kept { Err(undone()) } else { Ok(false) });
        }
        if outcome == Ok(true) {
            if !alone {
                self.statement("RELEASE job")?;
            }
            return outcome;
        }
        // what is left stands in the transaction
        self.heads.clear();
        if alone {
            self.statement("ROLLBACK")?;
        } else {
            self.statement("ROLLBACK TO job")?;
            self.statement("RELEASE job")?;
        }
        outcome
    }

    /// Appends one record.
    fn append(&mut self, node: &str, job: RecordJob) -> Outcome {
        let mut session = Session::new(&self.connection, &mut self.heads);
        let appended = catch_unwind(AssertUnwindSafe(|| {
            let head = session.audit_head(node)?;
            session.append_audit(&job(&head))
        }));
        let appended = appended.unwrap_or_else(|_| Err(panicked()));
        if appended.is_err() {
            self.heads.clear();
        }
        appended.map(|()| true)
    }

    /// Brings all commits to the disk.
    fn sync_log(&mut self) {
        if self.unsynced_since.take().is_none() {
            return;
        }
        if let Err(error) = File::open(&self.log).and_then(|log| log.sync_data()) {
            tracing::error!(%error, "audit records could not be brought to the disk");
        }
    }

    /// Carries the log over into the database when it has grown long. Callers have been told by then, so that none waits
    /// for it; readers are not disturbed.
    fn checkpoint_if_long(&self) {
        let pages = self.connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)");
        let pages = pages.and_then(|mut prepared| prepared.query_row([], |row| row.get::<_, i64>(1)));
        if pages.is_ok_and(|pages| pages < CHECKPOINT_PAGES) {
            return;
        }
        let done = self.connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)");
        if let Err(error) = done.and_then(|mut prepared| prepared.query_row([], |_| Ok(()))) {
            tracing::warn!(%error, "the write-ahead log could not be carried over; it grows until it can be");
        }
    }

    /// Carries the log over and makes it empty. `false` if a reader of old rows or an error stands against it.
    fn empty_log(&self) -> bool {
        let truncate = || {
            self.connection.busy_timeout(PATIENCE)?;
            let mut prepared = self.connection.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")?;
            let busy = prepared.query_row([], |row| row.get::<_, bool>(0))?;
            self.connection.busy_timeout(BUSY)?;
            Ok::<_, rusqlite::Error>(busy)
        };
        match truncate() {
            Ok(busy) => !busy,
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be emptied; it is tried again");
                false
            }
        }
    }

    /// Leaves the connection fit for the next transaction after one that failed.
    fn abandon(&mut self) {
        self.heads.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be undone");
        }
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        let mut prepared = self.connection.prepare_cached(sql).map_err(|error| fault(&error))?;
        prepared.raw_execute().map(drop).map_err(|error| fault(&error))
    }
}

fn panicked() -> StoreError {
    StoreError::Unavailable("the write panicked".to_owned())
}

fn undone() -> StoreError {
    StoreError::Unavailable("the transaction was undone by the database".to_owned())
}
