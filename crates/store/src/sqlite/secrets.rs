//! Reading secrets and their versions. How lists are filtered is in `listing`.

mod write;

use std::cmp::Ordering;
use std::ops::ControlFlow;

use rusqlite::{Row, params};
use strongroom_model::{AppId, Id, NameList, NamespaceName, Scope, ScopeKind, SecretName};

use super::row::{
    bytes, id, millis, number, optional_bytes, optional_number, optional_string, optional_text, optional_time, parsed,
    stored, string, text, time,
};
use super::session::Session;
use crate::port::{
    PageEnd, SealedRow, SecretFilter, SecretRow, SecretRows, SecretView, Stats, StoreError, VersionKind, VersionRow,
};

/// The columns that [`head`] reads, in its order.
macro_rules! head_columns {
    () => {
        "s.id, s.project, s.scope, s.namespace, s.app, s.end_user, s.name, s.description, s.expires_at, s.version, \
         s.created_at, s.created_by, s.updated_at, s.updated_by, s.value_set_at, s.deleted_at, s.mac"
    };
}

/// Live heads with the envelope of their current version, as the function [`sealed`] reads them; a condition follows.
macro_rules! sealed {
    () => {
        concat!(
            "SELECT ",
            head_columns!(),
            ", v.envelope FROM secrets s LEFT JOIN versions v ON v.secret = s.id AND v.version = s.version
             WHERE s.project = ?1 AND s.deleted_at IS NULL AND "
        )
    };
}

/// One exact scope: its columns are ?2 to ?5.
macro_rules! in_scope {
    () => {
        "s.scope = ?2 AND s.namespace = ?3 AND s.app = ?4 AND s.end_user = ?5"
    };
}

/// A scope as its four columns: word, namespace, app, end user; '' for none.
fn columns(scope: &Scope) -> [&str; 4] {
    [
        scope.kind().as_str(),
        scope.namespace().map_or("", NamespaceName::as_str),
        scope.app().map_or("", AppId::as_str),
        scope.user().map_or("", strongroom_model::EndUser::as_str),
    ]
}

fn scope(row: &Row<'_>) -> Result<Scope, StoreError> {
    let kind = ScopeKind::from_word(text(row, 2, "secrets.scope")?).ok_or(StoreError::Damaged("secrets.scope"))?;
    let found = match kind {
        ScopeKind::Global => Scope::Global,
        ScopeKind::Namespace => Scope::Namespace(parsed(row, 3, "secrets.namespace")?),
        ScopeKind::App => Scope::App(parsed(row, 3, "secrets.namespace")?, parsed(row, 4, "secrets.app")?),
        ScopeKind::System => Scope::System,
        ScopeKind::User => Scope::User(parsed(row, 5, "secrets.end_user")?),
    };
    Ok(found)
}

fn head(row: &Row<'_>) -> Result<SecretRow, StoreError> {
    Ok(SecretRow {
        id: id(row, 0, "secrets.id")?,
        project: id(row, 1, "secrets.project")?,
        scope: scope(row)?,
        name: parsed(row, 6, "secrets.name")?,
        description: optional_string(row, 7, "secrets.description")?,
        expires_at: optional_time(row, 8, "secrets.expires_at")?,
        version: number(row, 9, "secrets.version")?,
        created_at: time(row, 10, "secrets.created_at")?,
        created_by: string(row, 11, "secrets.created_by")?,
        updated_at: time(row, 12, "secrets.updated_at")?,
        updated_by: string(row, 13, "secrets.updated_by")?,
        value_set_at: optional_time(row, 14, "secrets.value_set_at")?,
        deleted_at: optional_time(row, 15, "secrets.deleted_at")?,
        mac: bytes(row, 16, "secrets.mac")?,
    })
}

fn view<'row>(row: &'row Row<'_>) -> Result<SecretView<'row>, StoreError> {
    Ok(SecretView {
        id: id(row, 0, "secrets.id")?,
        scope: ScopeKind::from_word(text(row, 1, "secrets.scope")?).ok_or(StoreError::Damaged("secrets.scope"))?,
        namespace: text(row, 2, "secrets.namespace")?,
        app: text(row, 3, "secrets.app")?,
        user: text(row, 4, "secrets.end_user")?,
        name: text(row, 5, "secrets.name")?,
        description: optional_text(row, 6, "secrets.description")?,
        expires_at: optional_time(row, 7, "secrets.expires_at")?,
        version: number(row, 8, "secrets.version")?,
        created_at: time(row, 9, "secrets.created_at")?,
        updated_at: time(row, 10, "secrets.updated_at")?,
        updated_by: text(row, 11, "secrets.updated_by")?,
    })
}

fn sealed(row: &Row<'_>) -> Result<SealedRow, StoreError> {
    let head = head(row)?;
    let envelope = optional_bytes(row, 17, "versions.envelope")?;
    // a value that has gone must not look like one that was never set
    if envelope.is_none() && head.version > 0 {
        return Err(StoreError::Damaged("the current version of a secret is missing"));
    }
    Ok(SealedRow { head, envelope })
}

fn version(row: &Row<'_>) -> Result<VersionRow, StoreError> {
    let kind = match text(row, 2, "versions.kind")? {
        "set" => VersionKind::Set,
        "rollback" => VersionKind::Rollback,
        _ => return Err(StoreError::Damaged("versions.kind")),
    };
    Ok(VersionRow {
        secret: id(row, 0, "versions.secret")?,
        version: number(row, 1, "versions.version")?,
        kind,
        from_version: optional_number(row, 3, "versions.from_version")?,
        created_at: time(row, 4, "versions.created_at")?,
        created_by: string(row, 5, "versions.created_by")?,
        envelope: bytes(row, 6, "versions.envelope")?,
    })
}

fn by_name(first: &SealedRow, second: &SealedRow) -> Ordering {
    first.head.name.cmp(&second.head.name)
}

impl Session<'_> {
    /// The live secrets of one scope in the order of the index, which ignores case: almost sorted.
    fn in_scope(&self, project: &Id, scope: &Scope) -> Result<Vec<SealedRow>, StoreError> {
        let [kind, namespace, app, user] = columns(scope);
        self.all(concat!(sealed!(), in_scope!()), params![project.as_bytes(), kind, namespace, app, user], sealed)
    }
}

impl SecretRows for Session<'_> {
    fn secret(&mut self, project: &Id, scope: &Scope, name: &SecretName) -> Result<Option<SecretRow>, StoreError> {
        let [kind, namespace, app, user] = columns(scope);
        // the NOCASE term is for the index, the other one for the answer
        self.first(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM secrets s WHERE s.project = ?1 AND ",
                in_scope!(),
                " AND s.name = ?6 COLLATE NOCASE AND s.name = ?6 AND s.deleted_at IS NULL"
            ),
            params![project.as_bytes(), kind, namespace, app, user, name.as_str()],
            head,
        )
    }

    fn case_twin(&mut self, project: &Id, scope: &Scope, name: &SecretName) -> Result<Option<SecretName>, StoreError> {
        let [kind, namespace, app, user] = columns(scope);
        self.first(
            concat!(
                "SELECT s.name FROM secrets s WHERE s.project = ?1 AND ",
                in_scope!(),
                " AND s.name = ?6 COLLATE NOCASE AND s.name <> ?6 AND s.deleted_at IS NULL"
            ),
            params![project.as_bytes(), kind, namespace, app, user, name.as_str()],
            |row| parsed(row, 0, "secrets.name"),
        )
    }

    fn elsewhere(&mut self, project: &Id, name: &SecretName) -> Result<Vec<SecretRow>, StoreError> {
        self.all(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM secrets s WHERE s.project = ?1 AND s.name = ?2 AND s.deleted_at IS NULL AND s.scope <> 'user'
                  ORDER BY s.scope, s.namespace, s.app"
            ),
            params![project.as_bytes(), name.as_str()],
            head,
        )
    }

    fn deleted_secret(
        &mut self,
        project: &Id,
        scope: &Scope,
        name: &SecretName,
    ) -> Result<Option<SecretRow>, StoreError> {
        let [kind, namespace, app, user] = columns(scope);
        self.first(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM secrets s WHERE s.project = ?1 AND ",
                in_scope!(),
                " AND s.name = ?6 AND s.deleted_at IS NOT NULL ORDER BY s.deleted_at DESC, s.id LIMIT 1"
            ),
            params![project.as_bytes(), kind, namespace, app, user, name.as_str()],
            head,
        )
    }

    fn deleted_secrets(
        &mut self,
        project: &Id,
        since: jiff::Timestamp,
        limit: usize,
    ) -> Result<Vec<SecretRow>, StoreError> {
        self.all(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM secrets s WHERE s.project = ?1 AND s.deleted_at >= ?2 AND s.scope <> 'user'
                  ORDER BY s.deleted_at DESC, s.id LIMIT ?3"
            ),
            params![project.as_bytes(), millis(since), i64::try_from(limit).unwrap_or(i64::MAX)],
            head,
        )
    }

    fn version(&mut self, secret: &Id, number: u64) -> Result<Option<VersionRow>, StoreError> {
        self.first(
            "SELECT secret, version, kind, from_version, created_at, created_by, envelope FROM versions
             WHERE secret = ?1 AND version = ?2",
            params![secret.as_bytes(), stored(number)?],
            version,
        )
    }

    fn versions(&mut self, secret: &Id) -> Result<Vec<VersionRow>, StoreError> {
        self.all(
            "SELECT secret, version, kind, from_version, created_at, created_by, x'' FROM versions
             WHERE secret = ?1 ORDER BY version DESC",
            [secret.as_bytes()],
            version,
        )
    }

    fn candidates(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        app: Option<&AppId>,
        name: &SecretName,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.all(
            concat!(
                sealed!(),
                "s.name = ?2 AND s.scope <> 'user' AND (s.scope = 'global' OR (s.scope = 'namespace' AND s.namespace = ?3)
                 OR (s.scope = 'app' AND s.namespace = ?3 AND s.app = ?4))"
            ),
            params![project.as_bytes(), name.as_str(), namespace.as_str(), app.map_or("", AppId::as_str)],
            sealed,
        )
    }

    fn all_candidates(
        &mut self,
        project: &Id,
        namespace: &NamespaceName,
        app: Option<&AppId>,
    ) -> Result<Vec<SealedRow>, StoreError> {
        // three ranges of the index, so that the secrets of other namespaces, apps and users are never read
        let mut found = self.in_scope(project, &Scope::Global)?;
        found.append(&mut self.in_scope(project, &Scope::Namespace(namespace.clone()))?);
        if let Some(app) = app {
            found.append(&mut self.in_scope(project, &Scope::App(namespace.clone(), app.clone()))?);
        }
        found.sort_by(by_name);
        Ok(found)
    }

    fn sealed_in_scope(&mut self, project: &Id, scope: &Scope) -> Result<Vec<SealedRow>, StoreError> {
        let mut found = self.in_scope(project, scope)?;
        found.sort_by(by_name);
        Ok(found)
    }

    fn list_secrets(&mut self, project: &Id, filter: &SecretFilter) -> Result<Vec<SecretRow>, StoreError> {
        let mut found = Vec::with_capacity(filter.limit.min(10_000));
        let select = concat!("SELECT ", head_columns!(), " FROM secrets s");
        super::listing::page(self, select, project, filter, |row| {
            found.push(head(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    fn view_secrets(
        &mut self,
        project: &Id,
        filter: &SecretFilter,
        each: &mut dyn FnMut(SecretView<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let select = "SELECT s.id, s.scope, s.namespace, s.app, s.end_user, s.name, s.description, s.expires_at, s.version, \
                      s.created_at, s.updated_at, s.updated_by FROM secrets s";
        super::listing::page(self, select, project, filter, |row| Ok(each(view(row)?)))
    }

    fn list_secret_names(
        &mut self,
        project: &Id,
        filter: &SecretFilter,
    ) -> Result<(NameList, Option<PageEnd>), StoreError> {
        let (mut names, mut end, mut more) = (NameList::with_capacity(filter.limit.min(10_000)), None, false);
        let one_more = SecretFilter { limit: filter.limit.saturating_add(1), ..filter.clone() };
        super::listing::page(self, "SELECT s.name, s.id FROM secrets s", project, &one_more, |row| {
            if names.len() == filter.limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            names.push(text(row, 0, "secrets.name")?).map_err(|_| StoreError::Damaged("secrets.name"))?;
            if names.len() == filter.limit {
                end = Some((parsed(row, 0, "secrets.name")?, id(row, 1, "secrets.id")?));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((names, end.filter(|_| more)))
    }

    fn expiring(&mut self, project: &Id, after: jiff::Timestamp, limit: usize) -> Result<Vec<SecretRow>, StoreError> {
        self.all(
            concat!(
                "SELECT ",
                head_columns!(),
                " FROM secrets s WHERE s.project = ?1 AND s.deleted_at IS NULL AND s.expires_at > ?2 AND s.scope <> 'user'
                  ORDER BY s.expires_at, s.id LIMIT ?3"
            ),
            params![project.as_bytes(), millis(after), i64::try_from(limit).unwrap_or(i64::MAX)],
            head,
        )
    }

    fn stats(&mut self, project: &Id, now: jiff::Timestamp, soon: jiff::Timestamp) -> Result<Stats, StoreError> {
        self.one(
            "SELECT
               (SELECT count(*) FROM secrets WHERE project = ?1 AND deleted_at IS NULL AND scope <> 'user' AND scope <> 'system'),
               (SELECT count(*) FROM secrets WHERE project = ?1 AND deleted_at IS NULL AND expires_at > ?2 AND expires_at <= ?3
                  AND scope IN ('global', 'namespace', 'app')),
               (SELECT count(*) FROM secrets WHERE project = ?1 AND deleted_at IS NULL AND expires_at <= ?2
                  AND scope IN ('global', 'namespace', 'app')),
               (SELECT count(*) FROM secrets WHERE project = ?1 AND deleted_at IS NULL AND version = 0
                  AND scope IN ('global', 'namespace', 'app'))",
            params![project.as_bytes(), millis(now), millis(soon)],
            |row| {
                Ok(Stats {
                    total: number(row, 0, "a count")?,
                    expiring_soon: number(row, 1, "a count")?,
                    expired: number(row, 2, "a count")?,
                    without_value: number(row, 3, "a count")?,
                })
            },
        )
    }
}
