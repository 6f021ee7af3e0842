//! Whom a project trusts to say who somebody is.

use rusqlite::{Row, params};
use strongroom_model::Id;

use super::row::{bytes, id, millis, string, text, time};
use super::session::Session;
use crate::port::{StoreError, TrustKind, TrustRow, TrustRows, TrustTx};

fn trust(row: &Row<'_>) -> Result<TrustRow, StoreError> {
    let kind = TrustKind::from_word(text(row, 2, "trusts.kind")?);
    Ok(TrustRow {
        id: id(row, 0, "trusts.id")?,
        project: id(row, 1, "trusts.project")?,
        kind: kind.ok_or(StoreError::Damaged("trusts.kind"))?,
        name: string(row, 3, "trusts.name")?,
        record: string(row, 4, "trusts.record")?,
        sealed: bytes(row, 5, "trusts.sealed")?,
        created_at: time(row, 6, "trusts.created_at")?,
        created_by: string(row, 7, "trusts.created_by")?,
        mac: bytes(row, 8, "trusts.mac")?,
    })
}

impl TrustRows for Session<'_> {
    fn trusts(&mut self, project: &Id, kind: TrustKind) -> Result<Vec<TrustRow>, StoreError> {
        self.all(
            "SELECT id, project, kind, name, record, sealed, created_at, created_by, mac
             FROM trusts WHERE project = ?1 AND kind = ?2 ORDER BY name",
            params![project.as_bytes(), kind.as_str()],
            trust,
        )
    }
}

impl TrustTx for Session<'_> {
    fn insert_trust(&mut self, row: &TrustRow) -> Result<(), StoreError> {
        self.insert(
            "a trusted issuer of this name",
            "INSERT INTO trusts (id, project, kind, name, record, sealed, created_at, created_by, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.kind.as_str(),
                row.name,
                row.record,
                row.sealed,
                millis(row.created_at),
                row.created_by,
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn delete_trust(&mut self, project: &Id, kind: TrustKind, name: &str) -> Result<bool, StoreError> {
        let erased = self.erase(
            "DELETE FROM trusts WHERE project = ?1 AND kind = ?2 AND name = ?3",
            params![project.as_bytes(), kind.as_str(), name],
        )?;
        Ok(erased > 0)
    }
}
