//! Apps: long-running backends that are injected into but not hosted.

use strongroom_api::projects::AppItem;
use strongroom_model::{AppId, Capability, Id, NamespaceName, ProjectName, Scope, ScopeKind};
use strongroom_store::port::{AppRow, SecretFilter};
use strongroom_store::{Rows, StoreError, Tx};

use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::once::Once;
use crate::open::App;

/// So many secrets are counted before a refusal says "or more".
const MAX_COUNTED: usize = 10_000;

/// A project's apps that the caller reaches.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<AppItem>, Error> {
    let owner = app.enter(caller, project, Capability::SecretsList, Reach::Anywhere).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.apps(&owner.id).map_err(Error::from)).await?;
    let reached =
        rows.into_iter().filter(|row| caller.reaches_scope(&Scope::App(row.namespace.clone(), row.id.clone())));
    Ok(reached.map(item).collect())
}

/// One app.
pub async fn show(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    namespace: &NamespaceName,
    id: &AppId,
) -> Result<AppItem, Error> {
    let owner = app.enter(caller, project, Capability::SecretsList, Reach::Namespace(namespace, Some(id))).await?;
    let row = app.store.read(|rows: &mut dyn Rows| rows.app(&owner.id, namespace, id).map_err(Error::from)).await?;
    row.map(item).ok_or_else(|| Error::not_found(format!("app {namespace}/{id}")))
}

/// Makes an app in a namespace that exists.
pub async fn create(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (namespace, id): (NamespaceName, AppId),
    label: Option<String>,
) -> Result<AppItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Namespace(&namespace, Some(&id))).await?;
    let at = app.clock.now();
    let target = serde_json::json!({ "namespace": namespace, "app": id });
    let record = Record::done(at, caller, Some(project), "app.create", &target);
    let row = AppRow { project: owner.id, namespace, id, label, created_at: at, created_by: caller.actor.clone() };
    let instance = std::sync::Arc::clone(&app.instance);
    let request = format!("{}/{} {:?}", row.namespace, row.id, row.label);
    let once = Once::of(&app.instance, caller, &owner.id, "app.create", &request);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<AppItem, Error> {
            if let Some(first) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
                return Ok(first);
            }
            if !tx.has_namespace(&row.project, &row.namespace)? {
                return Err(Error::not_found(format!("namespace {}", row.namespace)));
            }
            match tx.insert_app(&row) {
                Err(StoreError::Exists(_)) => {
                    return Err(Error::conflict(format!("the app {} exists already", row.id), None));
                }
                other => other?,
            }
            record.append(tx, &instance)?;
            let item = item(row);
            once.map(|once| once.remember(tx, &item, at)).transpose()?;
            Ok(item)
        })
        .await
}

/// Destroys an app. One that has secrets goes with them, if `force` says so, and is refused otherwise.
pub async fn delete(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (namespace, id): (&NamespaceName, &AppId),
    force: bool,
) -> Result<(), Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Namespace(namespace, Some(id))).await?;
    app.require_every_name(caller, project).await?;
    let target = serde_json::json!({ "namespace": namespace, "app": id });
    let record = Record::done(app.clock.now(), caller, Some(project), "app.delete", &target);
    let instance = std::sync::Arc::clone(&app.instance);
    let (project_id, place, wanted) = (owner.id, namespace.clone(), id.clone());
    let counter = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<u64, Error> {
            if !force {
                require_no_secrets(tx, &project_id, &place, &wanted)?;
            }
            if !tx.delete_app(&project_id, &place, &wanted)? {
                return Err(Error::not_found(format!("app {place}/{wanted}")));
            }
            record.append(tx, &instance)?;
            Ok(tx.raise_epoch(&project_id, Some(&place))?)
        })
        .await?;
    app.epochs.raise(owner.id, Some(namespace), counter);
    app.spaces.forget(owner.id);
    app.tell_listeners(&owner, &Scope::App(namespace.clone(), id.clone()), counter, Vec::new());
    Ok(())
}

/// Refuses if the app has secrets of its own, and says how many.
fn require_no_secrets(tx: &mut dyn Tx, project: &Id, namespace: &NamespaceName, id: &AppId) -> Result<(), Error> {
    let filter = SecretFilter {
        scopes: vec![ScopeKind::App],
        namespace: Some(namespace.clone()),
        app: Some(id.clone()),
        limit: MAX_COUNTED,
        ..SecretFilter::default()
    };
    let number = match tx.list_secrets(project, &filter)?.len() {
        0 => return Ok(()),
        1 => "1 secret".to_owned(),
        MAX_COUNTED => format!("{MAX_COUNTED} secrets or more"),
        several => format!("{several} secrets"),
    };
    let hint = format!("strongroom apps delete {id} --namespace {namespace} --force destroys them with it, for good");
    Err(Error::conflict(format!("the app {id} has {number} of its own"), Some(hint)))
}

fn item(row: AppRow) -> AppItem {
    AppItem {
        id: row.id.to_string(),
        namespace: row.namespace.to_string(),
        name: row.label,
        created_at: row.created_at,
        created_by: row.created_by,
    }
}
