//! Fill-in links.

use jiff::Timestamp;
use rusqlite::{Row, params};
use strongroom_model::Id;

use super::row::{bytes, id, millis, optional_millis, optional_string, optional_time, string, time};
use super::session::Session;
use crate::port::{LinkRow, LinkRows, LinkTx, StoreError};

/// The rows of `links` as [`link`] reads them; a condition follows.
macro_rules! links {
    () => {
        "SELECT id, project, digest, terms, created_at, created_by, expires_at, filled_at, filled_from, \
         revoked_at, mac FROM links"
    };
}

fn link(row: &Row<'_>) -> Result<LinkRow, StoreError> {
    Ok(LinkRow {
        id: id(row, 0, "links.id")?,
        project: id(row, 1, "links.project")?,
        digest: bytes(row, 2, "links.digest")?,
        terms: string(row, 3, "links.terms")?,
        created_at: time(row, 4, "links.created_at")?,
        created_by: string(row, 5, "links.created_by")?,
        expires_at: time(row, 6, "links.expires_at")?,
        filled_at: optional_time(row, 7, "links.filled_at")?,
        filled_from: optional_string(row, 8, "links.filled_from")?,
        revoked_at: optional_time(row, 9, "links.revoked_at")?,
        mac: bytes(row, 10, "links.mac")?,
    })
}

impl LinkRows for Session<'_> {
    fn link_by_digest(&mut self, digest: &[u8]) -> Result<Option<LinkRow>, StoreError> {
        self.first(concat!(links!(), " WHERE digest = ?1"), [digest], link)
    }

    fn link(&mut self, project: &Id, id: &Id) -> Result<Option<LinkRow>, StoreError> {
        self.first(
            concat!(links!(), " WHERE id = ?1 AND project = ?2"),
            params![id.as_bytes(), project.as_bytes()],
            link,
        )
    }

    fn links(&mut self, project: &Id) -> Result<Vec<LinkRow>, StoreError> {
        self.all(concat!(links!(), " WHERE project = ?1 ORDER BY created_at DESC, id"), [project.as_bytes()], link)
    }
}

impl LinkTx for Session<'_> {
    fn insert_link(&mut self, row: &LinkRow) -> Result<(), StoreError> {
        self.insert(
            "this link",
            "INSERT INTO links (id, project, digest, terms, created_at, created_by, expires_at, filled_at, filled_from,
               revoked_at, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.digest,
                row.terms,
                millis(row.created_at),
                row.created_by,
                millis(row.expires_at),
                optional_millis(row.filled_at),
                row.filled_from,
                optional_millis(row.revoked_at),
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_link(&mut self, row: &LinkRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE links SET filled_at = ?2, filled_from = ?3, revoked_at = ?4, mac = ?5 WHERE id = ?1",
            params![
                row.id.as_bytes(),
                optional_millis(row.filled_at),
                row.filled_from,
                optional_millis(row.revoked_at),
                row.mac
            ],
        )?;
        Ok(changed > 0)
    }

    fn prune_links(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.change("DELETE FROM links WHERE expires_at < ?1", [millis(before)])
    }
}
