//! Functions, their deployments, and which workload reads which secret.

use rusqlite::{Row, params};
use strongroom_model::{Id, NamespaceName, SecretName, WorkloadName};

use super::row::{bytes, id, millis, number, optional_millis, optional_time, parsed, stored, string, text, time};
use super::session::Session;
use crate::port::{DeploymentRow, FunctionRow, FunctionRows, FunctionTx, ReadFact, StoreError, WorkloadKind};

fn function(row: &Row<'_>) -> Result<FunctionRow, StoreError> {
    Ok(FunctionRow {
        id: id(row, 0, "functions.id")?,
        project: id(row, 1, "functions.project")?,
        namespace: parsed(row, 2, "functions.namespace")?,
        name: parsed(row, 3, "functions.name")?,
        active: number(row, 4, "functions.active")?,
        created_at: time(row, 5, "functions.created_at")?,
        updated_at: time(row, 6, "functions.updated_at")?,
        updated_by: string(row, 7, "functions.updated_by")?,
        mac: bytes(row, 8, "functions.mac")?,
    })
}

fn deployment(row: &Row<'_>) -> Result<DeploymentRow, StoreError> {
    Ok(DeploymentRow {
        function: id(row, 0, "deployments.function")?,
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

fn read_fact(row: &Row<'_>) -> Result<ReadFact, StoreError> {
    let kind = match text(row, 2, "read_facts.kind")? {
        "function" => WorkloadKind::Function,
        "job" => WorkloadKind::Job,
        "app" => WorkloadKind::App,
        _ => return Err(StoreError::Damaged("read_facts.kind")),
    };
    Ok(ReadFact {
        project: id(row, 0, "read_facts.project")?,
        namespace: parsed(row, 1, "read_facts.namespace")?,
        kind,
        workload: string(row, 3, "read_facts.workload")?,
        secret: parsed(row, 4, "read_facts.secret")?,
        via: string(row, 5, "read_facts.via")?,
        last_read_at: optional_time(row, 6, "read_facts.last_read_at")?,
    })
}

impl FunctionRows for Session<'_> {
    fn function(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        name: &WorkloadName,
    ) -> Result<Option<FunctionRow>, StoreError> {
        self.first(
            "SELECT id, project, namespace, name, active, created_at, updated_at, updated_by, mac FROM functions
             WHERE project = ?1 AND namespace = ?2 AND name = ?3",
            params![project.as_bytes(), namespace.as_str(), name.as_str()],
            function,
        )
    }

    fn functions(&mut self, project: &Id, namespace: Option<&NamespaceName>) -> Result<Vec<FunctionRow>, StoreError> {
        self.all(
            "SELECT id, project, namespace, name, active, created_at, updated_at, updated_by, mac FROM functions
             WHERE project = ?1 AND (?2 = '' OR namespace = ?2) ORDER BY namespace, name",
            params![project.as_bytes(), namespace.map_or("", NamespaceName::as_str)],
            function,
        )
    }

    fn deployment(&mut self, function: &Id, number: u64) -> Result<Option<DeploymentRow>, StoreError> {
        self.first(
            "SELECT function, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac FROM deployments
             WHERE function = ?1 AND number = ?2",
            params![function.as_bytes(), stored(number)?],
            deployment,
        )
    }

    fn deployments(&mut self, function: &Id) -> Result<Vec<DeploymentRow>, StoreError> {
        self.all(
            "SELECT function, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac FROM deployments
             WHERE function = ?1 ORDER BY number DESC",
            [function.as_bytes()],
            deployment,
        )
    }

    fn bundle(&mut self, function: &Id, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.first(
            "SELECT code FROM bundles WHERE function = ?1 AND number = ?2",
            params![function.as_bytes(), stored(number)?],
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

impl FunctionTx for Session<'_> {
    fn insert_function(&mut self, row: &FunctionRow) -> Result<(), StoreError> {
        self.insert(
            "a function of this name",
            "INSERT INTO functions (id, project, namespace, name, active, created_at, updated_at, updated_by, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.id.as_bytes(),
                row.project.as_bytes(),
                row.namespace.as_str(),
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

    fn update_function(&mut self, row: &FunctionRow) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE functions SET active = ?2, updated_at = ?3, updated_by = ?4, mac = ?5 WHERE id = ?1",
            params![row.id.as_bytes(), stored(row.active)?, millis(row.updated_at), row.updated_by, row.mac],
        )?;
        Ok(changed > 0)
    }

    fn delete_function(&mut self, row: &FunctionRow) -> Result<bool, StoreError> {
        // deployments go with their function, and their code with them
        if self.change("DELETE FROM functions WHERE id = ?1", [row.id.as_bytes()])? == 0 {
            return Ok(false);
        }
        self.change(
            "DELETE FROM read_facts WHERE project = ?1 AND namespace = ?2 AND kind = 'function' AND workload = ?3",
            params![row.project.as_bytes(), row.namespace.as_str(), row.name.as_str()],
        )?;
        Ok(true)
    }

    fn insert_deployment(&mut self, row: &DeploymentRow, bundle: &[u8]) -> Result<(), StoreError> {
        let key = (row.function.as_bytes(), stored(row.number)?);
        self.insert(
            "a deployment of this number",
            "INSERT INTO deployments (function, number, manifest, found, digest, bundle_bytes, created_at, created_by, mac)
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
            "INSERT INTO bundles (function, number, code) VALUES (?1, ?2, ?3)",
            params![key.0, key.1, bundle],
        )?;
        Ok(())
    }

    fn prune_deployments(&mut self, function: &Id, keep_from: u64, active: u64) -> Result<u64, StoreError> {
        self.change(
            "DELETE FROM deployments WHERE function = ?1 AND number < ?2 AND number <> ?3",
            params![function.as_bytes(), stored(keep_from)?, stored(active)?],
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
