//! Tokens and idempotency keys.

use jiff::Timestamp;
use rusqlite::{Row, params};
use strongroom_model::Id;

use super::row::{bytes, id, millis, optional_millis, optional_time, string, time};
use super::session::Session;
use crate::port::{StoreError, TokenRow, TokenRows, TokenTx};

/// The rows of `tokens` as [`token`] reads them; a condition follows.
macro_rules! tokens {
    () => {
        "SELECT id, project, name, digest, access, expires_at, created_at, created_by, last_used_at, \
         revoked_at, mac FROM tokens"
    };
}

fn token(row: &Row<'_>) -> Result<TokenRow, StoreError> {
    Ok(TokenRow {
        id: id(row, 0, "tokens.id")?,
        project: id(row, 1, "tokens.project")?,
        name: string(row, 2, "tokens.name")?,
        digest: bytes(row, 3, "tokens.digest")?,
        grant: string(row, 4, "tokens.access")?,
        expires_at: optional_time(row, 5, "tokens.expires_at")?,
        created_at: time(row, 6, "tokens.created_at")?,
        created_by: string(row, 7, "tokens.created_by")?,
        last_used_at: optional_time(row, 8, "tokens.last_used_at")?,
        revoked_at: optional_time(row, 9, "tokens.revoked_at")?,
        mac: bytes(row, 10, "tokens.mac")?,
    })
}

impl TokenRows for Session<'_> {
    fn token_by_digest(&mut self, digest: &[u8]) -> Result<Option<TokenRow>, StoreError> {
        self.first(concat!(tokens!(), " WHERE digest = ?1"), [digest], token)
    }

    fn token(&mut self, project: &Id, id: &Id) -> Result<Option<TokenRow>, StoreError> {
        self.first(
            concat!(tokens!(), " WHERE id = ?1 AND project = ?2"),
            params![id.as_bytes(), project.as_bytes()],
            token,
        )
    }

    fn tokens(&mut self, project: &Id) -> Result<Vec<TokenRow>, StoreError> {
        self.all(concat!(tokens!(), " WHERE project = ?1 ORDER BY created_at DESC, id"), [project.as_bytes()], token)
    }

    fn idempotent(&mut self, scope: &str, key: &str) -> Result<Option<String>, StoreError> {
        self.first("SELECT answer FROM idempotency WHERE scope = ?1 AND key = ?2", [scope, key], |row| {
            string(row, 0, "idempotency.answer")
        })
    }
}

impl TokenTx for Session<'_> {
    fn insert_token(&mut self, row: &TokenRow) -> Result<(), StoreError> {
        self.insert(
            "this token",
            "INSERT INTO tokens (id, project, name, digest, access, expires_at, created_at, created_by, last_used_at,
               revoked_at, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.name,
                row.digest,
                row.grant,
                optional_millis(row.expires_at),
                millis(row.created_at),
                row.created_by,
                optional_millis(row.last_used_at),
                optional_millis(row.revoked_at),
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_token(&mut self, row: &TokenRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE tokens SET revoked_at = ?2, mac = ?3 WHERE id = ?1",
            params![row.id.as_bytes(), optional_millis(row.revoked_at), row.mac],
        )?;
        Ok(changed > 0)
    }

    fn delete_token(&mut self, project: &Id, id: &Id) -> Result<bool, StoreError> {
        let erased = self
            .erase("DELETE FROM tokens WHERE id = ?1 AND project = ?2", params![id.as_bytes(), project.as_bytes()])?;
        Ok(erased > 0)
    }

    fn touch_token(&mut self, id: &Id, at: Timestamp) -> Result<(), StoreError> {
        self.change(
            "UPDATE tokens SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
            params![id.as_bytes(), millis(at)],
        )?;
        Ok(())
    }

    fn prune_tokens(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change("DELETE FROM tokens WHERE revoked_at < ?1 OR expires_at < ?1", [millis(before)])
    }

    fn remember_idempotent(&mut self, scope: &str, key: &str, answer: &str, at: Timestamp) -> Result<(), StoreError> {
        self.insert(
            "this idempotency key",
            "INSERT INTO idempotency (scope, key, answer, at) VALUES (?1, ?2, ?3, ?4)",
            params![scope, key, answer, millis(at)],
        )?;
        Ok(())
    }

    fn prune_idempotent(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change("DELETE FROM idempotency WHERE at < ?1", [millis(before)])
    }
}
