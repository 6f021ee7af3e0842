//! One transaction on one connection: what the files of the nouns work with.

use std::ops::ControlFlow;

use rusqlite::{Connection, Params, Row};

use super::audit::Heads;
use super::row::{fault, insert_fault};
use crate::port::{Rows, StoreError, Tx};

/// An open transaction. Readers hand it out as [`Rows`], the writer as [`Tx`].
pub(super) struct Session<'connection> {
    connection: &'connection Connection,
    /// The ends of the audit chains as this transaction sees them.
    pub(super) heads: &'connection mut Heads,
    /// Whether values or keys were erased, of which the write-ahead log may hold copies.
    pub(super) erased: bool,
}

impl Rows for Session<'_> {}
impl Tx for Session<'_> {}

impl<'connection> Session<'connection> {
    /// Wraps a connection on which a transaction has begun.
    pub(super) fn new(connection: &'connection Connection, heads: &'connection mut Heads) -> Self {
        Self { connection, heads, erased: false }
    }

    /// Reads every row that a query finds.
    pub(super) fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each_while(sql, params, |row| read(row).map(ControlFlow::Continue))
    }

    /// Reads the rows that a query finds for as long as `read` goes on.
    pub(super) fn each_while(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| fault(&error))?;
        let mut rows = statement.query(params).map_err(|error| fault(&error))?;
        while let Some(row) = rows.next().map_err(|error| fault(&error))? {
            if read(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All rows that a query finds.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The first row that a query finds.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| fault(&error))?;
        let mut rows = statement.query(params).map_err(|error| fault(&error))?;
        rows.next().map_err(|error| fault(&error))?.map(read).transpose()
    }

    /// The row of a query that always has one, such as a count.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.first(sql, params, read)?.ok_or(StoreError::Damaged("a query that always answers did not"))
    }

    /// Changes or erases rows; returns how many.
    pub(super) fn change(&self, sql: &str, params: impl Params) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| fault(&error))?;
        let changed = statement.execute(params).map_err(|error| fault(&error))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    /// Erases rows, or what hangs on rows, that held values or keys; returns how many.
    pub(super) fn erase(&mut self, sql: &str, params: impl Params) -> Result<u64, StoreError> {
        self.erased = true;
        self.change(sql, params)
    }

    /// Adds or changes a row that must be unique; `Exists(what)` if a rule refuses it. Returns how many were changed.
    pub(super) fn insert(&self, what: &'static str, sql: &str, params: impl Params) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| fault(&error))?;
        let changed = statement.execute(params).map_err(|error| insert_fault(&error, what))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }
}
