//! Connections for reading. A read runs on the caller's thread: it takes microseconds, a change of thread takes more.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::row::fault;
use super::schema::open_reader;
use super::session::Session;
use crate::port::{ReadJob, StoreError};

/// Connections that wait for use beyond this number are closed.
const KEPT: usize = 8;

/// Connections for reading, opened when needed.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    closed: bool,
    connections: Vec<Connection>,
}

impl Readers {
    /// None is opened yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// Runs `job` on one view of what is committed.
    pub(super) fn run(&self, job: ReadJob<'_>) -> Result<(), StoreError> {
        // a job that panics takes its connection with it
        let connection = self.take()?;
        statement(&connection, "BEGIN")?;
        let mut heads = Vec::new();
        job(&mut Session::new(&connection, &mut heads));
        statement(&connection, "COMMIT")?;
        let mut idle = self.idle();
        if !idle.closed && idle.connections.len() < KEPT {
            idle.connections.push(connection);
        }
        Ok(())
    }

    /// Closes what waits for use and refuses what comes.
    pub(super) fn close(&self) {
        let mut idle = self.idle();
        idle.closed = true;
        idle.connections.clear();
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let mut idle = self.idle();
        if idle.closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        if let Some(connection) = idle.connections.pop() {
            return Ok(connection);
        }
        drop(idle);
        open_reader(&self.path)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn statement(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let mut prepared = connection.prepare_cached(sql).map_err(|error| fault(&error))?;
    prepared.raw_execute().map(drop).map_err(|error| fault(&error))
}
