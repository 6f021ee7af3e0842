//! Workloads, their deployments, and which workload reads which secret.

use rusqlite::{Row, params};
use strongroom_model::{Id, NamespaceName, SecretName, WorkloadName};

use super::row::{bytes, id, millis, number, optional_millis, optional_time, parsed, stored, string, text, time};
use super::session::Session;
use crate::port::{DeploymentRow, ReadFact, StoreError, WorkloadKind, WorkloadRow, WorkloadRows, WorkloadTx};

pub(super) fn workload(row: &Row<'_>) -> Result<WorkloadRow, StoreError> {
    Ok(WorkloadRow {
        id: id(row, 0, "workloads.id")?,
        project: id(row, 1, "workloads.project")?,
        namespace: parsed(row, 2, "workloads.namespace")?,
        kind: kind(row, 9, "workloads.kind")?,
        name: parsed(row, 3, "workloads.name")?,
        active: number(row, 4, "workloads.active")?,
        created_at: time(row, 5, "workloads.created_at")?,
        updated_at: time(row, 6, "workloads.updated_at")?,
        updated_by: string(row, 7, "workloads.updated_by")?,
        mac: bytes(row, 8, "workloads.mac")?,
    })
}

fn deployment(row: &Row<'_>) -> Result<DeploymentRow, StoreError> {
    Ok(DeploymentRow {
        workload: id(row, 0, "deployments.workload")?,
        number: number(row, 1, "deployments.number")?,
        manifest: string(row, 2, "deployments.manifest")?,
        references: string(row, 3, "deployments.found")?,
        digest: bytes(row, 4, "deployments.digest")?,
        bundle_bytes: number(row, 5, "deployments.bundle_bytes")?,
        created_at: time(row, 6, "deployments.created_at")?,
        created_by: string(row, 7, "deployments.created_by")?,
        mac: bytes(row, 8, "deployments.mac")?,
    })
}

fn kind(row: &Row<'_>, index: usize, what: &'static str) -> Result<WorkloadKind, StoreError> {
    match text(row, index, what)? {
        "function" => Ok(WorkloadKind::Function),
        "job" => Ok(WorkloadKind::Job),
        "app" => Ok(WorkloadKind::App),
        _ => Err(StoreError::Damaged(what)),
    }
}

fn read_fact(row: &Row<'_>) -> Result<ReadFact, StoreError> {
    Ok(ReadFact {
        project: id(row, 0, "read_facts.project")?,
        namespace: parsed(row, 1, "read_facts.namespace")?,
        kind: kind(row, 2, "read_facts.kind")?,
        workload: string(row, 3, "read_facts.workload")?,
        secret: parsed(row, 4, "read_facts.secret")?,
        via: string(row, 5, "read_facts.via")?,
        last_read_at: optional_time(row, 6, "read_facts.last_read_at")?,
    })
}

impl WorkloadRows for Session<'_> {
    fn workload(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        name: &WorkloadName,
    ) -> Result<Option<WorkloadRow>, StoreError> {
        self.first(
            "SELECT id, project, namespace, name, active, created_at, updated_at, updated_by, mac, kind FROM workloads
             WHERE project = ?1 AND namespace = ?2 AND kind = ?3 AND name = ?4",
            params![project.as_bytes(), namespace.as_str(), kind.as_str(), name.as_str()],
            workload,
        )
    }

    fn workloads(
        &mut self,
        project: &Id,
        namespace: Option<&NamespaceName>,
        kind: WorkloadKind,
    ) -> Result<Vec<WorkloadRow>, StoreError> {
        self.all(
            "SELECT id, project, namespace, name, active, created_at, updated_at, updated_by, mac, kind FROM workloads
             WHERE project = ?1 AND kind = ?2 AND (?3 = '' OR namespace = ?3) ORDER BY namespace, name",
            params![project.as_bytes(), kind.as_str(), namespace.map_or("", NamespaceName::as_str)],
            workload,
        )
    }

    fn deployment(&mut self, workload: &Id, number: u64) -> Result<Option<DeploymentRow>, StoreError> {
        self.first(
            "SELECT workload, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac FROM deployments
             WHERE workload = ?1 AND number = ?2",
            params![workload.as_bytes(), stored(number)?],
            deployment,
        )
    }

    fn deployments(&mut self, workload: &Id) -> Result<Vec<DeploymentRow>, StoreError> {
        self.all(
            "SELECT workload, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac FROM deployments
             WHERE workload = ?1 ORDER BY number DESC",
            [workload.as_bytes()],
            deployment,
        )
    }

    fn bundle(&mut self, workload: &Id, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.first(
            "SELECT code FROM bundles WHERE workload = ?1 AND number = ?2",
            params![workload.as_bytes(), stored(number)?],
            |row| bytes(row, 0, "bundles.code"),
        )
    }

    fn readers(&mut self, project: &Id, secret: &SecretName) -> Result<Vec<ReadFact>, StoreError> {
        self.all(
            "SELECT project, namespace, kind, workload, secret, via, last_read_at FROM read_facts
             WHERE project = ?1 AND secret = ?2 ORDER BY namespace, kind, workload, via",
            params![project.as_bytes(), secret.as_str()],
            read_fact,
        )
    }

    fn all_readers(&mut self, project: &Id) -> Result<Vec<ReadFact>, StoreError> {
        self.all(
            "SELECT project, namespace, kind, workload, secret, via, last_read_at FROM read_facts
             WHERE project = ?1 ORDER BY secret, namespace, kind, workload, via",
            [project.as_bytes()],
            read_fact,
        )
    }

    fn reads_of(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        workload: &str,
    ) -> Result<Vec<ReadFact>, StoreError> {
        self.all(
            "SELECT project, namespace, kind, workload, secret, via, last_read_at FROM read_facts
             WHERE project = ?1 AND namespace = ?2 AND kind = ?3 AND workload = ?4 ORDER BY secret, via",
            params![project.as_bytes(), namespace.as_str(), kind.as_str(), workload],
            read_fact,
        )
    }
}

impl WorkloadTx for Session<'_> {
    fn insert_workload(&mut self, row: &WorkloadRow) -> Result<(), StoreError> {
        self.insert(
            "a workload of this name",
            "INSERT INTO workloads (id, project, namespace, kind, name, active, created_at, updated_at, updated_by, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.namespace.as_str(),
                row.kind.as_str(),
                row.name.as_str(),
                stored(row.active)?,
                millis(row.created_at),
                millis(row.updated_at),
                row.updated_by,
                row.mac,
            ],
        )?;
        Ok(())
    }

    fn update_workload(&mut self, row: &WorkloadRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE workloads SET active = ?2, updated_at = ?3, updated_by = ?4, mac = ?5 WHERE id = ?1",
            params![row.id.as_bytes(), stored(row.active)?, millis(row.updated_at), row.updated_by, row.mac],
        )?;
        Ok(changed > 0)
    }

    fn delete_workload(&mut self, row: &WorkloadRow) -> Result<bool, StoreError> {
        // deployments and runs go with their workload, and code with its deployment
        if self.erase("DELETE FROM workloads WHERE id = ?1", [row.id.as_bytes()])? == 0 {
            return Ok(false);
        }
        self.change(
            "DELETE FROM read_facts WHERE project = ?1 AND namespace = ?2 AND kind = ?3 AND workload = ?4",
            params![row.project.as_bytes(), row.namespace.as_str(), row.kind.as_str(), row.name.as_str()],
        )?;
        Ok(true)
    }

    fn insert_deployment(&mut self, row: &DeploymentRow, bundle: &[u8]) -> Result<(), StoreError> {
        let key = (row.workload.as_bytes(), stored(row.number)?);
        self.insert(
            "a deployment of this number",
            "INSERT INTO deployments (workload, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                key.0,
                key.1,
                row.manifest,
                row.references,
                row.digest,
                stored(row.bundle_bytes)?,
                millis(row.created_at),
                row.created_by,
                row.mac,
            ],
        )?;
        self.insert(
            "a deployment of this number",
            "INSERT INTO bundles (workload, number, code) VALUES (?1, ?2, ?3)",
            params![key.0, key.1, bundle],
        )?;
        Ok(())
    }

    fn prune_deployments(&mut self, workload: &Id, keep_from: u64, active: u64) -> Result<u64, StoreError> {
        self.change(
            "DELETE FROM deployments WHERE workload = ?1 AND number < ?2 AND number <> ?3",
            params![workload.as_bytes(), stored(keep_from)?, stored(active)?],
        )
    }

    fn replace_static_reads(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        kind: WorkloadKind,
        workload: &str,
        facts: &[ReadFact],
    ) -> Result<(), StoreError> {
        let whose = (project.as_bytes(), namespace.as_str(), kind.as_str(), workload);
        self.change(
            "DELETE FROM read_facts
             WHERE project = ?1 AND namespace = ?2 AND kind = ?3 AND workload = ?4 AND via IN ('list', 'code')",
            params![whose.0, whose.1, whose.2, whose.3],
        )?;
        for fact in facts {
            self.insert(
                "a read fact",
                "INSERT INTO read_facts (project, namespace, kind, workload, secret, via, last_read_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                params![
                    whose.0,
                    whose.1,
                    whose.2,
                    whose.3,
                    fact.secret.as_str(),
                    fact.via,
                    optional_millis(fact.last_read_at)
                ],
            )?;
        }
        Ok(())
    }

    fn touch_read(&mut self, fact: &ReadFact) -> Result<(), StoreError> {
        self.insert(
            "a read fact",
            "INSERT INTO read_facts (project, namespace, kind, workload, secret, via, last_read_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (project, namespace, kind, workload, secret, via) DO UPDATE
             SET last_read_at = max(coalesce(last_read_at, excluded.last_read_at), excluded.last_read_at)
             WHERE excluded.last_read_at IS NOT NULL",
            params![
                fact.project.as_bytes(),
                fact.namespace.as_str(),
                fact.kind.as_str(),
                fact.workload,
                fact.secret.as_str(),
                fact.via,
                optional_millis(fact.last_read_at),
            ],
        )?;
        Ok(())
    }
}
