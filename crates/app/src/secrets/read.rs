//! Metadata out: one secret, history, counts. Never a value.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use strongroom_api::secrets::{History, Reader, SecretDetail, SecretItem, SecretLine, StatsAnswer, VersionItem};
use strongroom_model::expiry::{SOON_HOURS, is_expired, is_soon};
use strongroom_model::{Capability, Grant, Id, ProjectName, Scope, SecretName};
use strongroom_store::port::{ReadFact, SecretFilter, SecretRow, VersionKind};
use strongroom_store::{Rows, StoreError};

use super::{scope_flags, to_line};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::live::Raised;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Whether the workload of `fact` can see a secret that lives in `namespace` (empty: in all), and the caller may know of
/// the workload.
fn is_reader(caller: &Caller, namespace: &str, fact: &ReadFact) -> bool {
    (namespace.is_empty() || fact.namespace.as_str() == namespace) && caller.reaches_namespace(&fact.namespace)
}

pub(super) fn by_name(facts: Vec<ReadFact>) -> HashMap<SecretName, Vec<ReadFact>> {
    let mut readers: HashMap<SecretName, Vec<ReadFact>> = HashMap::new();
    for fact in facts {
        readers.entry(fact.secret.clone()).or_default().push(fact);
    }
    readers
}

/// How many workloads read a secret that lives in `namespace`.
pub(super) fn used_by(caller: &Caller, namespace: &str, facts: &[ReadFact]) -> u64 {
    let readers = facts.iter().filter(|fact| is_reader(caller, namespace, fact));
    let workloads: HashSet<_> = readers.map(|fact| (&fact.namespace, fact.kind, &fact.workload)).collect();
    u64::try_from(workloads.len()).unwrap_or(u64::MAX)
}

impl App {
    /// The metadata of a secret that was just written. Readers that the write did not look up are looked up now.
    pub(super) async fn after_write(
        &self,
        caller: &Caller,
        project: &Project,
        head: &SecretRow,
        raised: Option<&Raised>,
    ) -> Result<SecretItem, Error> {
        let used_by = if let Some(raised) = raised {
            used_by(caller, head.view().namespace, &raised.readers)
        } else {
            let read = |rows: &mut dyn Rows| rows.readers(&project.id, &head.name).map_err(Error::from);
            used_by(caller, head.view().namespace, &self.store.read(read).await?)
        };
        Ok(self.present(project, head, used_by, self.clock.now()))
    }

    pub(super) fn present(&self, project: &Project, head: &SecretRow, used_by: u64, now: Timestamp) -> SecretItem {
        let overridden = self.environment_value(project, &head.name).is_some();
        SecretLine { overridden, ..to_line(&head.view(), used_by, now) }.into()
    }
}

/// One secret of exactly one scope, or "not found" with a hint where another scope has the name.
pub(super) fn find(
    rows: &mut dyn Rows,
    caller: &Caller,
    project: &Id,
    (scope, name): (&Scope, &SecretName),
) -> Result<SecretRow, Error> {
    match rows.secret(project, scope, name)? {
        Some(head) => Ok(head),
        None => Err(not_there(caller, &rows.elsewhere(project, name)?, scope, name)),
    }
}

/// "Not found". The hint speaks only of what the caller could list.
pub(super) fn not_there(caller: &Caller, elsewhere: &[SecretRow], scope: &Scope, name: &SecretName) -> Error {
    let lists = caller.holds(Capability::SecretsList);
    let may_know = |head: &&SecretRow| {
        lists && head.scope != *scope && head.scope.user().is_none() && caller.reaches(&head.scope, &head.name)
    };
    let other = elsewhere.iter().find(may_know);
    Error::NotFound {
        what: format!("{name} in scope {scope}"),
        hint: other.map(|head| format!("strongroom secrets get {name}{}", scope_flags(&head.scope))),
    }
}

/// One secret as a list shows it.
pub async fn item(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    scope: &Scope,
    name: &SecretName,
) -> Result<SecretItem, Error> {
    let project = app.enter(caller, project, Capability::SecretsList, Reach::Read(scope)).await?;
    app.require_names(caller, &project.name, [name]).await?;
    let (head, facts) = head_and_readers(app, caller, &project.id, (scope, name)).await?;
    let used_by = used_by(caller, head.view().namespace, &facts);
    Ok(app.present(&project, &head, used_by, app.clock.now()))
}

/// One secret's metadata with who reads it.
pub async fn detail(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    scope: &Scope,
    name: &SecretName,
) -> Result<SecretDetail, Error> {
    let project = app.enter(caller, project, Capability::SecretsList, Reach::Read(scope)).await?;
    app.require_names(caller, &project.name, [name]).await?;
    let (head, facts) = head_and_readers(app, caller, &project.id, (scope, name)).await?;
    let visible = facts.into_iter().filter(|fact| is_reader(caller, head.view().namespace, fact));
    let used_by = visible.map(|fact| Reader {
        kind: fact.kind.as_str().to_owned(),
        namespace: fact.namespace.to_string(),
        name: fact.workload,
        via: fact.via,
        last_read_at: fact.last_read_at,
    });
    let item = SecretItem::from(to_line(&head.view(), 0, app.clock.now()));
    Ok(SecretDetail {
        name: item.name,
        scope: item.scope,
        namespace: item.namespace,
        app: item.app,
        version: item.version,
        description: item.description,
        expires_at: item.expires_at,
        state: item.state,
        created_at: item.created_at,
        updated_at: item.updated_at,
        updated_by: item.updated_by,
        used_by: used_by.collect(),
    })
}

async fn head_and_readers(
    app: &App,
    caller: &Caller,
    project: &Id,
    (scope, name): (&Scope, &SecretName),
) -> Result<(SecretRow, Vec<ReadFact>), Error> {
    app.store
        .read(|rows: &mut dyn Rows| {
            let head = find(rows, caller, project, (scope, name))?;
            verify(app, &head)?;
            Ok((head, rows.readers(project, name)?))
        })
        .await
}

/// Refuses a head that is not what was written. Lists do not: one damaged row must not hide the others, and who lists
/// is handed nothing by it.
pub(super) fn verify(app: &App, head: &SecretRow) -> Result<(), Error> {
    head.verify(&app.instance).map_err(Error::damaged(format!("{} ({})", head.name, head.scope)))
}

/// All versions of a secret, newest first.
pub async fn history(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    scope: &Scope,
    name: &SecretName,
) -> Result<History, Error> {
    let project = app.enter(caller, project, Capability::SecretsList, Reach::Read(scope)).await?;
    app.require_names(caller, &project.name, [name]).await?;
    let (head, versions) = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let head = find(rows, caller, &project.id, (scope, name))?;
            verify(app, &head)?;
            let versions = rows.versions(&head.id)?;
            Ok((head, versions))
        })
        .await?;
    let items = versions.into_iter().map(|row| VersionItem {
        version: row.version,
        kind: match row.kind {
            VersionKind::Set => "set".to_owned(),
            VersionKind::Rollback => "rollback".to_owned(),
        },
        from_version: row.from_version,
        created_at: row.created_at,
        created_by: row.created_by,
        current: row.version == head.version,
    });
    Ok(History { items: items.collect() })
}

/// Counts over global, namespace and app scope.
pub async fn stats(app: &App, caller: &Caller, project: &ProjectName) -> Result<StatsAnswer, Error> {
    // the counts tell of every namespace
    let project = app.enter(caller, project, Capability::SecretsList, Reach::Anywhere).await?;
    let now = app.clock.now();
    let soon = now.checked_add(SignedDuration::from_hours(SOON_HOURS)).unwrap_or(Timestamp::MAX);
    if caller.grant().is_some_and(Grant::is_limited) {
        return counted(app, caller, &project, now).await;
    }
    let stats =
        app.store.read(|rows: &mut dyn Rows| -> Result<_, StoreError> { rows.stats(&project.id, now, soon) }).await?;
    Ok(StatsAnswer {
        total: stats.total,
        expiring_soon: stats.expiring_soon,
        expired: stats.expired,
        without_value: stats.without_value,
    })
}

/// The same counts over what a limited caller reaches.
async fn counted(app: &App, caller: &Caller, project: &Project, now: Timestamp) -> Result<StatsAnswer, Error> {
    let all = SecretFilter { limit: usize::MAX, ..SecretFilter::default() };
    let mut heads =
        app.store.read(|rows: &mut dyn Rows| rows.list_secrets(&project.id, &all).map_err(Error::from)).await?;
    heads.retain(|head| caller.reaches(&head.scope, &head.name));
    let count = |of: &dyn Fn(&SecretRow) -> bool| {
        u64::try_from(heads.iter().filter(|head| of(head)).count()).unwrap_or(u64::MAX)
    };
    Ok(StatsAnswer {
        total: count(&|_| true),
        expiring_soon: count(&|head| is_soon(head.expires_at, now)),
        expired: count(&|head| is_expired(head.expires_at, now)),
        without_value: count(&|head| head.version == 0),
    })
}
