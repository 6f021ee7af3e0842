//! Projects and namespaces.

use strongroom_api::projects::{NamespaceItem, ProjectItem, ProjectSettings, UpdateProject};
use strongroom_model::{Capability, Id, NamespaceName, ProjectName, Scope};
use strongroom_store::port::{NamespaceRow, ProjectRow};
use strongroom_store::{Rows, StoreError, Tx};

use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::once::Once;
use crate::open::{App, NewProject};
use crate::rows::Authenticated as _;

/// Makes a project with a key of its own and the namespace `default`. Only the owner may.
pub async fn create(app: &App, caller: &Caller, name: &ProjectName) -> Result<ProjectItem, Error> {
    app.require_owner(caller, "project.create").await?;
    let new = NewProject::make(app, caller, name)?;
    let item = item(&new.project)?;
    // a project that is not there yet has no keys of its own
    let once = Once::of(&app.instance, caller, &Id::from_bytes([0; 16]), "project.create", name.as_str());
    let record = Record::done(new.project.created_at, caller, Some(name), "project.create", &serde_json::json!({}));
    let instance = std::sync::Arc::clone(&app.instance);
    let name = name.clone();
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<ProjectItem, Error> {
            if let Some(first) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
                return Ok(first);
            }
            if tx.project(&name)?.is_some() {
                return Err(Error::conflict(format!("the project {name} exists already"), None));
            }
            let at = new.project.created_at;
            new.insert(tx, &instance, record)?;
            once.map(|once| once.remember(tx, &item, at)).transpose()?;
            Ok(item)
        })
        .await
}

/// The projects that the caller may know of.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<ProjectItem>, Error> {
    let rows = app.store.read(|rows: &mut dyn Rows| rows.projects().map_err(Error::from)).await?;
    let visible = rows.iter().filter(|row| match &caller.access {
        Access::Owner => true,
        Access::Token { grant, .. } => grant.project == row.name,
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
            let mut row = tx.project(&wanted)?.ok_or_else(|| Error::not_found(format!("project {wanted}")))?;
            row.verify(&instance).map_err(Error::damaged(format!("project {wanted}")))?;
            let mut settings = settings_of(&row)?;
            settings.allow_reveal = change.allow_reveal.unwrap_or(settings.allow_reveal);
            settings.value_hints = change.value_hints.unwrap_or(settings.value_hints);
            row.settings = serde_json::to_string(&settings).expect("settings have text keys only");
            let row = row.signed(&instance);
            tx.update_project(&row)?;
            record.append(tx, &instance)?;
            Ok(row)
        })
        .await?;
    app.projects.forget(name);
    item(&row)
}

/// Destroys a project: its keys, and everything it owns. `confirm` must be its name. Audit records stay.
pub async fn delete(app: &App, caller: &Caller, name: &ProjectName, confirm: &str) -> Result<(), Error> {
    app.require_owner(caller, "project.delete").await?;
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
    app.credentials.forget_all();
    app.retire_where(|entry| entry.project.id == id).await;
    app.tell_listeners(&project, &Scope::Global, 0, Vec::new());
    if gone { Ok(()) } else { Err(Error::not_found(format!("project {name}"))) }
}

/// A project's namespaces that the caller reaches.
pub async fn namespaces(app: &App, caller: &Caller, name: &ProjectName) -> Result<Vec<NamespaceItem>, Error> {
    let project = app.enter(caller, name, Capability::SecretsList, Reach::Anywhere).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.namespaces(&project.id).map_err(Error::from)).await?;
    let reached = rows.into_iter().filter(|row| caller.reaches_namespace(&row.name));
    Ok(reached.map(namespace_item).collect())
}

/// Makes a namespace.
pub async fn create_namespace(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    name: &NamespaceName,
) -> Result<NamespaceItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let at = app.clock.now();
    let row = NamespaceRow { project: owner.id, name: name.clone(), created_at: at, created_by: caller.actor.clone() };
    let record = Record::done(at, caller, Some(project), "namespace.create", &serde_json::json!({ "namespace": name }));
    let instance = std::sync::Arc::clone(&app.instance);
    let once = Once::of(&app.instance, caller, &owner.id, "namespace.create", name.as_str());
    app.store
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
            record.append(tx, &instance)?;
            let item = namespace_item(row);
            once.map(|once| once.remember(tx, &item, at)).transpose()?;
            Ok(item)
        })
        .await
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

fn namespace_item(row: NamespaceRow) -> NamespaceItem {
    NamespaceItem { name: row.name.to_string(), created_at: row.created_at, created_by: row.created_by }
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
