//! Instance, projects, their keys, namespaces, apps and epochs.

use rusqlite::{Row, params};
use strongroom_model::{AppId, Id, NamespaceName, ProjectName};

use super::row::{bytes, id, millis, number, optional_string, parsed, stored, string, time};
use super::session::Session;
use crate::port::{AppRow, InstanceRow, NamespaceRow, ProjectKeyRow, ProjectRow, ProjectRows, ProjectTx, StoreError};

fn project(row: &Row<'_>) -> Result<ProjectRow, StoreError> {
    Ok(ProjectRow {
        id: id(row, 0, "projects.id")?,
        name: parsed(row, 1, "projects.name")?,
        settings: string(row, 2, "projects.settings")?,
        created_at: time(row, 3, "projects.created_at")?,
        created_by: string(row, 4, "projects.created_by")?,
        mac: bytes(row, 5, "projects.mac")?,
    })
}

fn app(row: &Row<'_>) -> Result<AppRow, StoreError> {
    Ok(AppRow {
        project: id(row, 0, "apps.project")?,
        namespace: parsed(row, 1, "apps.namespace")?,
        id: parsed(row, 2, "apps.id")?,
        label: optional_string(row, 3, "apps.label")?,
        created_at: time(row, 4, "apps.created_at")?,
        created_by: string(row, 5, "apps.created_by")?,
    })
}

impl ProjectRows for Session<'_> {
    fn instance(&mut self) -> Result<Option<InstanceRow>, StoreError> {
        self.first("SELECT id, key_check, fingerprint, created_at FROM instance", [], |row| {
            Ok(InstanceRow {
                id: id(row, 0, "instance.id")?,
                key_check: bytes(row, 1, "instance.key_check")?,
                fingerprint: string(row, 2, "instance.fingerprint")?,
                created_at: time(row, 3, "instance.created_at")?,
            })
        })
    }

    fn project(&mut self, name: &ProjectName) -> Result<Option<ProjectRow>, StoreError> {
        self.first(
            "SELECT id, name, settings, created_at, created_by, mac FROM projects WHERE name = ?1",
            [name.as_str()],
            project,
        )
    }

    fn projects(&mut self) -> Result<Vec<ProjectRow>, StoreError> {
        self.all("SELECT id, name, settings, created_at, created_by, mac FROM projects ORDER BY name", [], project)
    }

    fn project_keys(&mut self, project: &Id) -> Result<Vec<ProjectKeyRow>, StoreError> {
        self.all(
            "SELECT project, version, wrapped, created_at FROM project_keys WHERE project = ?1 ORDER BY version",
            [project.as_bytes()],
            |row| {
                let version = number(row, 1, "project_keys.version")?;
                Ok(ProjectKeyRow {
                    project: id(row, 0, "project_keys.project")?,
                    version: u32::try_from(version).map_err(|_| StoreError::Damaged("project_keys.version"))?,
                    wrapped: bytes(row, 2, "project_keys.wrapped")?,
                    created_at: time(row, 3, "project_keys.created_at")?,
                })
            },
        )
    }

    fn namespaces(&mut self, project: &Id) -> Result<Vec<NamespaceRow>, StoreError> {
        self.all(
            "SELECT project, name, created_at, created_by FROM namespaces WHERE project = ?1 ORDER BY name",
            [project.as_bytes()],
            |row| {
                Ok(NamespaceRow {
                    project: id(row, 0, "namespaces.project")?,
                    name: parsed(row, 1, "namespaces.name")?,
                    created_at: time(row, 2, "namespaces.created_at")?,
                    created_by: string(row, 3, "namespaces.created_by")?,
                })
            },
        )
    }

    fn has_namespace(&mut self, project: &Id, name: &NamespaceName) -> Result<bool, StoreError> {
        let found = self.first(
            "SELECT 1 FROM namespaces WHERE project = ?1 AND name = ?2",
            params![project.as_bytes(), name.as_str()],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    fn apps(&mut self, project: &Id) -> Result<Vec<AppRow>, StoreError> {
        self.all(
            "SELECT project, namespace, id, label, created_at, created_by FROM apps WHERE project = ?1
             ORDER BY namespace, id",
            [project.as_bytes()],
            app,
        )
    }

    fn app(&mut self, project: &Id, namespace: &NamespaceName, id: &AppId) -> Result<Option<AppRow>, StoreError> {
        self.first(
            "SELECT project, namespace, id, label, created_at, created_by FROM apps
             WHERE project = ?1 AND namespace = ?2 AND id = ?3",
            params![project.as_bytes(), namespace.as_str(), id.as_str()],
            app,
        )
    }

    fn epoch(&mut self, project: &Id, namespace: &NamespaceName) -> Result<u64, StoreError> {
        self.one(
            "SELECT coalesce(max(epoch), 0) FROM epochs WHERE project = ?1 AND namespace IN ('', ?2)",
            params![project.as_bytes(), namespace.as_str()],
            |row| number(row, 0, "epochs.epoch"),
        )
    }
}

impl ProjectTx for Session<'_> {
    fn insert_instance(&mut self, row: &InstanceRow) -> Result<(), StoreError> {
        self.insert(
            "the instance",
            "INSERT INTO instance (only, id, key_check, fingerprint, created_at) VALUES (1, ?1, ?2, ?3, ?4)",
            params![row.id.as_bytes(), row.key_check, row.fingerprint, millis(row.created_at)],
        )?;
        Ok(())
    }

    fn insert_project(&mut self, row: &ProjectRow) -> Result<(), StoreError> {
        self.insert(
            "a project of this name",
            "INSERT INTO projects (id, name, settings, created_at, created_by, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.id.as_bytes(),
                row.name.as_str(),
                row.settings,
                millis(row.created_at),
                row.created_by,
                row.mac
            ],
        )?;
        Ok(())
    }

    fn update_project(&mut self, row: &ProjectRow) -> Result<(), StoreError> {
        self.change(
            "UPDATE projects SET settings = ?2, mac = ?3 WHERE id = ?1",
            params![row.id.as_bytes(), row.settings, row.mac],
        )?;
        Ok(())
    }

    fn delete_project(&mut self, project: &Id) -> Result<bool, StoreError> {
        // what has a foreign key goes with the project
        let erased = self.erase("DELETE FROM projects WHERE id = ?1", [project.as_bytes()])?;
        self.change("DELETE FROM logs WHERE project = ?1", [project.as_bytes()])?;
        Ok(erased > 0)
    }

    fn insert_project_key(&mut self, row: &ProjectKeyRow) -> Result<(), StoreError> {
        self.insert(
            "a project key of this version",
            "INSERT INTO project_keys (project, version, wrapped, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![row.project.as_bytes(), row.version, row.wrapped, millis(row.created_at)],
        )?;
        Ok(())
    }

    fn insert_namespace(&mut self, row: &NamespaceRow) -> Result<(), StoreError> {
        self.insert(
            "a namespace of this name",
            "INSERT INTO namespaces (project, name, created_at, created_by) VALUES (?1, ?2, ?3, ?4)",
            params![row.project.as_bytes(), row.name.as_str(), millis(row.created_at), row.created_by],
        )?;
        Ok(())
    }

    fn delete_namespace(&mut self, project: &Id, name: &NamespaceName) -> Result<bool, StoreError> {
        let place = params![project.as_bytes(), name.as_str()];
        // apps go with the namespace by their foreign key
        if self.change("DELETE FROM namespaces WHERE project = ?1 AND name = ?2", place)? == 0 {
            return Ok(false);
        }
        // '' is no namespace's name, so that secrets of other scopes stay
        self.erase("DELETE FROM secrets WHERE project = ?1 AND namespace = ?2", place)?;
        self.erase("DELETE FROM workloads WHERE project = ?1 AND namespace = ?2", place)?;
        self.change("DELETE FROM read_facts WHERE project = ?1 AND namespace = ?2", place)?;
        Ok(true)
    }

    fn insert_app(&mut self, row: &AppRow) -> Result<(), StoreError> {
        self.insert(
            "an app of this id",
            "INSERT INTO apps (project, namespace, id, label, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.project.as_bytes(),
                row.namespace.as_str(),
                row.id.as_str(),
                row.label,
                millis(row.created_at),
                row.created_by
            ],
        )?;
        Ok(())
    }

    fn delete_app(&mut self, project: &Id, namespace: &NamespaceName, id: &AppId) -> Result<bool, StoreError> {
        let place = params![project.as_bytes(), namespace.as_str(), id.as_str()];
        if self.change("DELETE FROM apps WHERE project = ?1 AND namespace = ?2 AND id = ?3", place)? == 0 {
            return Ok(false);
        }
        self.erase("DELETE FROM secrets WHERE project = ?1 AND namespace = ?2 AND app = ?3", place)?;
        self.change(
            "DELETE FROM read_facts WHERE project = ?1 AND namespace = ?2 AND kind = 'app' AND workload = ?3",
            place,
        )?;
        Ok(true)
    }

    fn raise_epoch(&mut self, project: &Id, namespace: Option<&NamespaceName>) -> Result<u64, StoreError> {
        let last: u64 =
            self.one("SELECT coalesce(max(epoch), 0) FROM epochs WHERE project = ?1", [project.as_bytes()], |row| {
                number(row, 0, "epochs.epoch")
            })?;
        let next = last.checked_add(1).ok_or(StoreError::Damaged("epochs.epoch"))?;
        self.insert(
            "an epoch",
            "INSERT INTO epochs (project, namespace, epoch) VALUES (?1, ?2, ?3)
             ON CONFLICT (project, namespace) DO UPDATE SET epoch = excluded.epoch",
            params![project.as_bytes(), namespace.map_or("", NamespaceName::as_str), stored(next)?],
        )?;
        Ok(next)
    }
}
