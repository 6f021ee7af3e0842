//! Between columns and types. What a column holds is hostile: whatever does not parse is [`StoreError::Damaged`].

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, Row};
use strongroom_model::Id;

use crate::port::StoreError;

/// What an error of the library means to a caller. `SQLite`'s messages name tables, columns and system errors, never
/// contents.
pub(super) fn fault(error: &rusqlite::Error) -> StoreError {
    if let rusqlite::Error::SqliteFailure(failure, _) = error {
        match failure.code {
            ErrorCode::DatabaseCorrupt => return StoreError::Damaged("the database file is corrupt"),
            ErrorCode::NotADatabase => return StoreError::Damaged("the file is not a database"),
            ErrorCode::ConstraintViolation => return StoreError::Damaged("a rule of the schema refused a row"),
            ErrorCode::DiskFull => return StoreError::Unavailable("the disk is full".to_owned()),
            ErrorCode::ReadOnly => return StoreError::Unavailable("the database is read-only".to_owned()),
            ErrorCode::DatabaseBusy => {
                return StoreError::Unavailable("another process holds the database".to_owned());
            }
            _ => {}
        }
    }
    StoreError::Unavailable(error.to_string())
}

/// The same for a statement that adds a row: a uniqueness rule says that `what` is there already.
pub(super) fn insert_fault(error: &rusqlite::Error, what: &'static str) -> StoreError {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    match code {
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            StoreError::Exists(what)
        }
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            StoreError::Damaged("a row refers to one that is not there")
        }
        _ => fault(error),
    }
}

/// A time as stored: milliseconds, rounded down to them.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// The same for a time that may be none.
pub(super) fn optional_millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(millis)
}

/// A counter as stored. Counters begin at 0 or 1 and rise by one, so that none reaches the bound: one that lies beyond it
/// was made up by a caller.
pub(super) fn stored(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Beyond)
}

/// A page size as stored; more than there can be rows means all of them.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn column<'row>(row: &'row Row<'_>, index: usize) -> Result<ValueRef<'row>, StoreError> {
    row.get_ref(index).map_err(|error| fault(&error))
}

/// Text, borrowed from the row.
pub(super) fn text<'row>(row: &'row Row<'_>, index: usize, what: &'static str) -> Result<&'row str, StoreError> {
    column(row, index)?.as_str().map_err(|_| StoreError::Damaged(what))
}

/// Text of its own.
pub(super) fn string(row: &Row<'_>, index: usize, what: &'static str) -> Result<String, StoreError> {
    text(row, index, what).map(str::to_owned)
}

/// Text or none, borrowed from the row.
pub(super) fn optional_text<'row>(
    row: &'row Row<'_>,
    index: usize,
    what: &'static str,
) -> Result<Option<&'row str>, StoreError> {
    match column(row, index)? {
        ValueRef::Null => Ok(None),
        value => value.as_str().map(Some).map_err(|_| StoreError::Damaged(what)),
    }
}

/// Text of its own, or none.
pub(super) fn optional_string(row: &Row<'_>, index: usize, what: &'static str) -> Result<Option<String>, StoreError> {
    Ok(optional_text(row, index, what)?.map(str::to_owned))
}

/// Text that parses.
pub(super) fn parsed<T: FromStr>(row: &Row<'_>, index: usize, what: &'static str) -> Result<T, StoreError> {
    text(row, index, what)?.parse().map_err(|_| StoreError::Damaged(what))
}

/// Bytes.
pub(super) fn bytes(row: &Row<'_>, index: usize, what: &'static str) -> Result<Vec<u8>, StoreError> {
    match column(row, index)? {
        ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        _ => Err(StoreError::Damaged(what)),
    }
}

/// Bytes or none.
pub(super) fn optional_bytes(row: &Row<'_>, index: usize, what: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
    match column(row, index)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes.to_vec())),
        _ => Err(StoreError::Damaged(what)),
    }
}

/// Exactly `N` bytes.
pub(super) fn array<const N: usize>(row: &Row<'_>, index: usize, what: &'static str) -> Result<[u8; N], StoreError> {
    match column(row, index)? {
        ValueRef::Blob(bytes) => bytes.try_into().map_err(|_| StoreError::Damaged(what)),
        _ => Err(StoreError::Damaged(what)),
    }
}

/// An id.
pub(super) fn id(row: &Row<'_>, index: usize, what: &'static str) -> Result<Id, StoreError> {
    array(row, index, what).map(Id::from_bytes)
}

/// A whole number as it stands.
pub(super) fn integer(row: &Row<'_>, index: usize, what: &'static str) -> Result<i64, StoreError> {
    column(row, index)?.as_i64().map_err(|_| StoreError::Damaged(what))
}

/// A counter.
pub(super) fn number(row: &Row<'_>, index: usize, what: &'static str) -> Result<u64, StoreError> {
    u64::try_from(integer(row, index, what)?).map_err(|_| StoreError::Damaged(what))
}

/// A counter or none.
pub(super) fn optional_number(row: &Row<'_>, index: usize, what: &'static str) -> Result<Option<u64>, StoreError> {
    match column(row, index)? {
        ValueRef::Null => Ok(None),
        _ => number(row, index, what).map(Some),
    }
}

/// A time.
pub(super) fn time(row: &Row<'_>, index: usize, what: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(integer(row, index, what)?).map_err(|_| StoreError::Damaged(what))
}

/// A time or none.
pub(super) fn optional_time(row: &Row<'_>, index: usize, what: &'static str) -> Result<Option<Timestamp>, StoreError> {
    match column(row, index)? {
        ValueRef::Null => Ok(None),
        _ => time(row, index, what).map(Some),
    }
}
