//! Writing secrets and their versions.

use rusqlite::params;
use strongroom_model::Id;

use super::columns;
use crate::port::{SecretRow, SecretTx, StoreError, VersionKind, VersionRow};
use crate::sqlite::row::{millis, optional_millis, stored};
use crate::sqlite::session::Session;

impl SecretTx for Session<'_> {
    fn insert_secret(&mut self, row: &SecretRow) -> Result<(), StoreError> {
        let [kind, namespace, app, user] = columns(&row.scope);
        self.insert(
            "a secret of this name in this scope",
            "INSERT INTO secrets (id, project, scope, namespace, app, end_user, name, description, expires_at, version,
               created_at, created_by, updated_at, updated_by, value_set_at, deleted_at, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                kind,
                namespace,
                app,
                user,
                row.name.as_str(),
                row.description,
                optional_millis(row.expires_at),
                stored(row.version)?,
                millis(row.created_at),
                row.created_by,
                millis(row.updated_at),
                row.updated_by,
                optional_millis(row.value_set_at),
                optional_millis(row.deleted_at),
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_secret(&mut self, row: &SecretRow) -> Result<bool, StoreError> {
        let (version, expires_at) = (stored(row.version)?, optional_millis(row.expires_at));
        let update = |sql: &str| {
            let values = params![
                row.id.as_bytes(),
                row.description,
                expires_at,
                version,
                millis(row.created_at),
                row.created_by,
                millis(row.updated_at),
                row.updated_by,
                optional_millis(row.value_set_at),
                optional_millis(row.deleted_at),
                row.mac,
            ];
            // only a restore can meet a uniqueness rule here
            self.insert("a secret of this name in this scope", sql, values)
        };
        // expiry and deletion stand in indexes: where they stay, as with every new value, no index is written
        let changed = update(
            "UPDATE secrets SET description = ?2, version = ?4, created_at = ?5, created_by = ?6, updated_at = ?7,
               updated_by = ?8, value_set_at = ?9, mac = ?11 WHERE id = ?1 AND expires_at IS ?3 AND deleted_at IS ?10",
        )?;
        if changed > 0 {
            return Ok(true);
        }
        let changed = update(
            "UPDATE secrets SET description = ?2, expires_at = ?3, version = ?4, created_at = ?5, created_by = ?6,
               updated_at = ?7, updated_by = ?8, value_set_at = ?9, deleted_at = ?10, mac = ?11 WHERE id = ?1",
        )?;
        Ok(changed > 0)
    }

    fn insert_version(&mut self, row: &VersionRow) -> Result<(), StoreError> {
        let kind = match row.kind {
            VersionKind::Set => "set",
            VersionKind::Rollback => "rollback",
        };
        self.insert(
            "a version of this number",
            "INSERT INTO versions (secret, version, kind, from_version, created_at, created_by, envelope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.secret.as_bytes(),
                stored(row.version)?,
                kind,
                row.from_version.map(stored).transpose()?,
                millis(row.created_at),
                row.created_by,
                row.envelope,
            ],
        )?;
        Ok(())
    }

    fn purge_secret(&mut self, secret: &Id) -> Result<bool, StoreError> {
        // versions go with their secret
        Ok(self.erase("DELETE FROM secrets WHERE id = ?1", [secret.as_bytes()])? > 0)
    }

    fn purge_deleted(&mut self, before: jiff::Timestamp) -> Result<u64, StoreError> {
        self.erase("DELETE FROM secrets WHERE deleted_at < ?1", [millis(before)])
    }
}
