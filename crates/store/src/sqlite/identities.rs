//! Who a person is at a sign-in provider.

use rusqlite::{Row, params};
use strongroom_model::Id;

use super::row::{bytes, id, millis, string, time};
use super::session::Session;
use crate::port::{IdentityRow, IdentityRows, IdentityTx, StoreError};

/// The rows of `identities` as [`identity`] reads them; a condition follows.
macro_rules! identities {
    () => {
        "SELECT issuer, subject, user, label, created_at, mac FROM identities"
    };
}

fn identity(row: &Row<'_>) -> Result<IdentityRow, StoreError> {
    Ok(IdentityRow {
        issuer: string(row, 0, "identities.issuer")?,
        subject: string(row, 1, "identities.subject")?,
        user: id(row, 2, "identities.user")?,
        label: string(row, 3, "identities.label")?,
        created_at: time(row, 4, "identities.created_at")?,
        mac: bytes(row, 5, "identities.mac")?,
    })
}

impl IdentityRows for Session<'_> {
    fn identity(&mut self, issuer: &str, subject: &str) -> Result<Option<IdentityRow>, StoreError> {
        self.first(concat!(identities!(), " WHERE issuer = ?1 AND subject = ?2"), [issuer, subject], identity)
    }

    fn identities(&mut self, user: &Id) -> Result<Vec<IdentityRow>, StoreError> {
        self.all(concat!(identities!(), " WHERE user = ?1 ORDER BY issuer"), [user.as_bytes()], identity)
    }
}

impl IdentityTx for Session<'_> {
    fn insert_identity(&mut self, row: &IdentityRow) -> Result<(), StoreError> {
        self.insert(
            "this identity",
            "INSERT INTO identities (issuer, subject, user, label, created_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![row.issuer, row.subject, row.user.as_bytes(), row.label, millis(row.created_at), row.mac],
        )?;
        Ok(())
    }

    fn delete_identity(&mut self, issuer: &str, subject: &str) -> Result<bool, StoreError> {
        Ok(self.erase("DELETE FROM identities WHERE issuer = ?1 AND subject = ?2", [issuer, subject])? > 0)
    }
}
