//! The one thread that writes: it drains all waiting jobs into one transaction, so that concurrent callers share a commit.
//!
//! ```text
//!        ┌────────────── no jobs: sleep ◄─────────────┐
//!        ▼                                            │
//!   jobs wait ─► gather (only under concurrency) ─► BEGIN IMMEDIATE
//!                                                     │ each job: SAVEPOINT, run, RELEASE or ROLLBACK TO
//!                                                     ▼        (a lone job: no SAVEPOINT)
//!                                        COMMIT ─► tell all callers ─► checkpoint if the log is long
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::Connection;

use super::audit::Heads;
use super::queue::{Pending, Queue};
use super::row::fault;
use super::session::Session;
use crate::port::{StoreError, Verdict, WriteJob};

/// The log is carried over into the database once it has this many pages.
const CHECKPOINT_PAGES: i64 = 4000;

/// The writer's side of the store.
pub(super) struct Writer {
    connection: Connection,
    heads: Heads,
    /// Rises when another process has written; see [`Writer::begin`].
    data_version: i64,
}

/// What became of a job that ran in a transaction not yet committed.
type Outcome = Result<bool, StoreError>;

impl Writer {
    /// Takes over the connection.
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, heads: Heads::new(), data_version: -1 }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue, gather: Duration) {
        let mut batch = Vec::new();
        let mut crowd = 1;
        while queue.take(&mut batch, crowd, gather) {
            let done = batch.len();
            self.commit(&mut batch);
            crowd = done + queue.len();
            self.checkpoint_if_long();
        }
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log could not be carried over at the end; the next start does it");
        }
    }

    /// Runs all jobs in one transaction and tells their callers.
    fn commit(&mut self, batch: &mut Vec<Pending>) {
        let alone = batch.len() == 1;
        let mut told = Vec::with_capacity(batch.len());
        let mut lost = self.begin().err();
        for Pending { job, done } in batch.drain(..) {
            let outcome = match &lost {
                Some(error) => Err(error.clone()),
                None => self.run_job(job, alone),
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
        if lost.is_some() {
            self.abandon();
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

    fn begin(&mut self) -> Result<(), StoreError> {
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
        let before = self.heads.clone();
        let verdict = catch_unwind(AssertUnwindSafe(|| job(&mut Session::new(&self.connection, &mut self.heads))));
        let outcome = match verdict {
            Ok(Verdict::Commit) => Ok(true),
            Ok(Verdict::RollBack) => Ok(false),
            Err(_) => Err(StoreError::Unavailable("the write panicked".to_owned())),
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
        self.heads = before;
        if alone {
            self.statement("ROLLBACK")?;
        } else {
            self.statement("ROLLBACK TO job")?;
            self.statement("RELEASE job")?;
        }
        outcome
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

fn undone() -> StoreError {
    StoreError::Unavailable("the transaction was undone by the database".to_owned())
}
