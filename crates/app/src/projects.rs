//! Projects and namespaces.

use strongroom_api::projects::{NamespaceItem, ProjectItem, ProjectSettings, UpdateProject};
use strongroom_model::{Capability, Id, NamespaceName, ProjectName, Scope};
use strongroom_seal::Instance;
use strongroom_store::port::{NamespaceRow, ProjectRow};
use strongroom_store::{Rows, StoreError, Tx};

use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::once::Once;
use crate::open::{App, NewProject};
use crate::rows::Authenticated as _;

/// Makes a project with a key of its own and the namespace `default`. Only an admin of the instance may, and a person who does becomes its owner.
pub async fn create(app: &App, caller: &Caller, name: &ProjectName) -> Result<ProjectItem, Error> {
    app.require_instance_admin(caller, "project.create").await?;
    let new = NewProject::make(app, caller, name)?;
    let item = item(&new.project)?;
    // a project that is not there yet has no keys of its own
    let once = Once::of(&app.instance, caller, &Id::from_bytes([0; 16]), "project.create", name.as_str());
    let record = Record::done(new.project.created_at, caller, Some(name), "project.create", &serde_json::json!({}));
    let instance = std::sync::Arc::clone(&app.instance);
    let (name, maker) = (name.clone(), caller.user());
    let made = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<ProjectItem, Error> {
            if let Some(first) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
                return Ok(first);
            }
            if tx.project(&name)?.is_some() {
                return Err(Error::conflict(format!("the project {name} exists already"), None));
            }
            let at = new.project.created_at;
            new.insert(tx, &instance, record)?;
            if let Some(user) = maker {
                let row = crate::accounts::owner_row((new.project.id, user), (&new.project.created_by, at));
                tx.put_member(&row.signed(&instance))?;
            }
            once.map(|once| once.remember(tx, &item, at)).transpose()?;
            Ok(item)
        })
        .await?;
    app.accounts.sessions.forget_all();
    Ok(made)
}

/// The projects that the caller may know of.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<ProjectItem>, Error> {
    let rows = app.store.read(|rows: &mut dyn Rows| rows.projects().map_err(Error::from)).await?;
    let visible = rows.iter().filter(|row| match &caller.access {
        Access::Owner => true,
        Access::Token { grant, .. } => grant.project == row.name,
        Access::Person { is_instance_admin, memberships, .. } => {
            *is_instance_admin || memberships.contains_key(&row.name)
        }
        Access::EndUser { .. } => false,
    });
    visible.map(item).collect()
}

/// One project.
pub async fn show(app: &App, caller: &Caller, name: &ProjectName) -> Result<ProjectItem, Error> {
    let all = list(app, caller).await?;
    all.into_iter().find(|item| item.name == name.as_str()).ok_or_else(|| Error::not_found(format!("project {name}")))
}

/// Changes a project's settings.
pub async fn update(
    app: &App,
    caller: &Caller,
    name: &ProjectName,
    change: UpdateProject,
) -> Result<ProjectItem, Error> {
    app.enter(caller, name, Capability::Admin, Reach::Project).await?;
    let target = serde_json::to_value(&change).expect("settings have text keys only");
    let record = Record::done(app.clock.now(), caller, Some(name), "project.update", &target);
    let instance = std::sync::Arc::clone(&app.instance);
    let wanted = name.clone();
    let row = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<ProjectRow, Error> {
            let row = change_settings(tx, &instance, &wanted, |settings| {
                settings.allow_reveal = change.allow_reveal.unwrap_or(settings.allow_reveal);
                settings.value_hints = change.value_hints.unwrap_or(settings.value_hints);
            })?;
            record.append(tx, &instance)?;
            Ok(row)
        })
        .await?;
    app.projects.forget(name);
    item(&row)
}

/// Destroys a project: its keys, and everything it owns. `confirm` must be its name. Audit records stay.
pub async fn delete(app: &App, caller: &Caller, name: &ProjectName, confirm: &str) -> Result<(), Error> {
    app.require_instance_admin(caller, "project.delete").await?;
    let project = app.projects.load(&*app.store, &app.instance, name).await?;
    if confirm != name.as_str() {
        return Err(Error::invalid(
            "confirm",
            format!("deleting a project destroys its keys for good; confirm with its name, {name}"),
        ));
    }
    if *name == ProjectName::default_project() {
        return Err(Error::conflict("the project default always exists", None));
    }
    let record = Record::done(app.clock.now(), caller, Some(name), "project.delete", &serde_json::json!({}));
    let instance = std::sync::Arc::clone(&app.instance);
    let id = project.id;
    let gone = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<bool, Error> {
            let gone = tx.delete_project(&id)?;
            record.append(tx, &instance)?;
            Ok(gone)
        })
        .await?;
    app.projects.forget(name);
    app.epochs.forget(id);
    app.spaces.forget(id);
    app.forget_credentials();
    app.retire_where(|entry| entry.project.id == id).await;
    app.tell_listeners(&project, &Scope::Global, 0, Vec::new());
    if gone { Ok(()) } else { Err(Error::not_found(format!("project {name}"))) }
}

/// A project's namespaces that the caller reaches.
pub async fn namespaces(app: &App, caller: &Caller, name: &ProjectName) -> Result<Vec<NamespaceItem>, Error> {
    let project = app.enter(caller, name, Capability::SecretsList, Reach::Anywhere).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.namespaces(&project.id).map_err(Error::from)).await?;
    let reached = rows.into_iter().filter(|row| caller.reaches_namespace(&row.name));
    let is_protected = |row: &NamespaceRow| project.settings.protected.contains(&row.name);
    Ok(reached.map(|row| namespace_item(&row, is_protected(&row))).collect())
}

/// Makes a namespace, protected from the start if that is asked for.
pub async fn create_namespace(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &NamespaceName,
    protection: Protection,
) -> Result<NamespaceItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let (at, is_protected) = (app.clock.now(), protection == Protection::Protected);
    let row = NamespaceRow { project: owner.id, name: name.clone(), created_at: at, created_by: caller.actor.clone() };
    let target = serde_json::json!({ "namespace": name, "protected": is_protected });
    let record = Record::done(at, caller, Some(project), "namespace.create", &target);
    let instance = std::sync::Arc::clone(&app.instance);
    let request = format!("{name} {protection:?}");
    let once = Once::of(&app.instance, caller, &owner.id, "namespace.create", &request);
    let wanted = project.clone();
    let made = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<NamespaceItem, Error> {
            if let Some(first) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
                return Ok(first);
            }
            match tx.insert_namespace(&row) {
                Err(StoreError::Exists(_)) => {
                    return Err(Error::conflict(format!("the namespace {} exists already", row.name), None));
                }
                other => other?,
            }
            change_settings(tx, &instance, &wanted, |settings| protection.apply(settings, &row.name))?;
            record.append(tx, &instance)?;
            let item = namespace_item(&row, is_protected);
            once.map(|once| once.remember(tx, &item, at)).transpose()?;
            Ok(item)
        })
        .await?;
    app.projects.forget(project);
    Ok(made)
}

/// Whether values, writes, deploys and runs of jobs in a namespace need a grant that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// They do.
    Protected,
    /// Any grant will do that reaches it.
    Open,
}

impl Protection {
    fn apply(self, settings: &mut ProjectSettings, namespace: &NamespaceName) {
        settings.protected.retain(|name| name != namespace);
        if self == Self::Protected {
            settings.protected.push(namespace.clone());
            settings.protected.sort();
        }
    }
}

/// Protects a namespace, or takes its protection away.
pub async fn protect_namespace(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &NamespaceName,
    protection: Protection,
) -> Result<NamespaceItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let is_protected = protection == Protection::Protected;
    let action = if is_protected { "namespace.protect" } else { "namespace.unprotect" };
    let record =
        Record::done(app.clock.now(), caller, Some(project), action, &serde_json::json!({ "namespace": name }));
    let instance = std::sync::Arc::clone(&app.instance);
    let (wanted, namespace) = (project.clone(), name.clone());
    let item = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<NamespaceItem, Error> {
            let found = tx.namespaces(&owner.id)?.into_iter().find(|row| row.name == namespace);
            let row = found.ok_or_else(|| Error::not_found(format!("namespace {namespace}")))?;
            change_settings(tx, &instance, &wanted, |settings| protection.apply(settings, &namespace))?;
            record.append(tx, &instance)?;
            Ok(namespace_item(&row, is_protected))
        })
        .await?;
    app.projects.forget(project);
    Ok(item)
}

/// Changes a project's settings, once its row is proved.
fn change_settings(
    tx: &mut dyn Tx,
    instance: &Instance,
    name: &ProjectName,
    change: impl FnOnce(&mut ProjectSettings),
) -> Result<ProjectRow, Error> {
    let mut row = tx.project(name)?.ok_or_else(|| Error::not_found(format!("project {name}")))?;
    row.verify(instance).map_err(Error::damaged(format!("project {name}")))?;
    let mut settings = settings_of(&row)?;
    change(&mut settings);
    row.settings = serde_json::to_string(&settings).expect("settings have text keys only");
    let row = row.signed(instance);
    tx.update_project(&row)?;
    Ok(row)
}

/// Destroys a namespace with its secrets, apps and functions. `default` always exists.
pub async fn delete_namespace(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &NamespaceName,
) -> Result<(), Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    if *name == NamespaceName::default_namespace() {
        return Err(Error::conflict("the namespace default always exists", None));
    }
    if owner.settings.protected.contains(name) {
        let hint = format!("strongroom namespaces unprotect {name}");
        return Err(Error::conflict(format!("the namespace {name} is protected; nothing was deleted"), Some(hint)));
    }
    let record = Record::done(
        app.clock.now(),
        caller,
        Some(project),
        "namespace.delete",
        &serde_json::json!({ "namespace": name }),
    );
    let instance = std::sync::Arc::clone(&app.instance);
    let (id, wanted) = (owner.id, name.clone());
    let counter = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<u64, Error> {
            if !tx.delete_namespace(&id, &wanted)? {
                return Err(Error::not_found(format!("namespace {wanted}")));
            }
            record.append(tx, &instance)?;
            Ok(tx.raise_epoch(&id, None)?)
        })
        .await?;
    app.epochs.raise(id, None, counter);
    app.spaces.forget(id);
    app.retire_where(|entry| entry.project.id == id && entry.namespace == *name).await;
    app.tell_listeners(&owner, &Scope::Namespace(name.clone()), counter, Vec::new());
    Ok(())
}

fn namespace_item(row: &NamespaceRow, protected: bool) -> NamespaceItem {
    NamespaceItem {
        name: row.name.to_string(),
        protected,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
    }
}

fn settings_of(row: &ProjectRow) -> Result<ProjectSettings, Error> {
    serde_json::from_str(&row.settings).map_err(|_| Error::Store(StoreError::Damaged("project settings")))
}

fn item(row: &ProjectRow) -> Result<ProjectItem, Error> {
    Ok(ProjectItem {
        name: row.name.to_string(),
        settings: settings_of(row)?,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
    })
}

/// The epoch of a namespace, or the highest of those that the caller reaches. Needs `secrets:list`.
pub async fn latest_epoch(
    app: &App,
    caller: &Caller,
    name: &ProjectName,
    only: Option<&NamespaceName>,
) -> Result<u64, Error> {
    let scope = only.map(|namespace| Scope::Namespace(namespace.clone()));
    let project =
        app.enter(caller, name, Capability::SecretsList, scope.as_ref().map_or(Reach::Anywhere, Reach::Read)).await?;
    app.store
        .read(|rows: &mut dyn Rows| {
            let mut latest = 0;
            let asked = |row: &NamespaceRow| only.is_none_or(|only| *only == row.name);
            let all = rows.namespaces(&project.id)?;
            for row in all.into_iter().filter(|row| asked(row) && caller.reaches_namespace(&row.name)) {
                latest = latest.max(rows.epoch(&project.id, &row.name)?);
            }
            Ok(latest)
        })
        .await
}
