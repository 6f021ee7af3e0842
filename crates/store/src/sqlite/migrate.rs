//! Numbered steps from an empty file to the schema of this program. A step that has been released is never edited.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::row::fault;
use super::schema::BUSY;
use crate::port::StoreError;

/// Step `n` leads from schema version `n - 1` to `n`.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_workloads.sql"),
    include_str!("migrations/0003_runs.sql"),
    include_str!("migrations/0004_logs.sql"),
    include_str!("migrations/0005_audit_cuts.sql"),
    include_str!("migrations/0006_links.sql"),
    include_str!("migrations/0007_people.sql"),
    include_str!("migrations/0008_trusts.sql"),
    include_str!("migrations/0009_identities.sql"),
];

/// Brings the schema up to date, or refuses one that is newer. Where nothing is to be done, only the version is read.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    if pending(connection)?.is_empty() {
        return Ok(());
    }
    keep_a_log(connection)?;
    connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| fault(&error))?;
    let applied = apply(connection);
    let end = if applied.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(|error| fault(&error))?;
    applied
}

/// Sets the write-ahead mode, which stays with the file. `SQLite` does not wait for another connection that is doing the
/// same, so that this does.
fn keep_a_log(connection: &Connection) -> Result<(), StoreError> {
    let until = Instant::now() + BUSY;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other.map_err(|error| fault(&error)),
        }
    }
}

fn apply(connection: &Connection) -> Result<(), StoreError> {
    // asked again: another process may have been here while this one waited for the lock
    for step in pending(connection)? {
        connection.execute_batch(step).map_err(|error| fault(&error))?;
    }
    connection.pragma_update(None, "user_version", known()).map_err(|error| fault(&error))
}

/// The steps that are still to be taken.
fn pending(connection: &Connection) -> Result<&'static [&'static str], StoreError> {
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|error| fault(&error))?;
    let done = usize::try_from(found).map_err(|_| StoreError::Damaged("the schema version is negative"))?;
    STEPS.get(done..).ok_or(StoreError::TooNew { found, known: known() })
}

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
