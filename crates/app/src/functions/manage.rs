//! Listing, showing, rolling back and deleting functions.

use std::sync::Arc;

use strongroom_api::functions::{Deployed, FunctionDetail, FunctionItem};
use strongroom_model::manifest::{CallAuth, FunctionManifest};
use strongroom_model::{Capability, NamespaceName, ProjectName, Resolution, Scope, SecretName, WorkloadName};
use strongroom_store::port::{WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError, Tx};

use super::deploy::{held, new_schedule, report, require_secrets, static_reads, try_out};
use super::entry::{Entry, Loaded, References};
use super::look::{Looked, look, reached, verify};
use super::manifest::{Manifest, by_kind};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::{Conflict, Error, Fault};
use crate::keys::Project;
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;
use crate::secrets::Place;

fn item(app: &App, project: &Project, row: &WorkloadRow, manifest: &FunctionManifest) -> FunctionItem {
    let auth = match manifest.auth {
        CallAuth::Token => "token",
        CallAuth::User => "user",
        CallAuth::Public => "public",
    };
    let url = app.functions_url().map(|base| format!("{base}/fn/{}/{}/{}", project.name, row.namespace, row.name));
    FunctionItem {
        name: row.name.to_string(),
        namespace: row.namespace.to_string(),
        deployment: row.active,
        auth: auth.to_owned(),
        url,
        updated_at: row.updated_at,
        updated_by: row.updated_by.clone(),
    }
}

/// The functions that the caller reaches.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    namespace: Option<&NamespaceName>,
) -> Result<Vec<FunctionItem>, Error> {
    let (entered, functions) = reached(app, caller, project, (WorkloadKind::Function, namespace)).await?;
    functions.into_iter().map(|(row, manifest)| Ok(item(app, &entered, &row, &manifest.of_function()?))).collect()
}

/// One function with its configuration, what it reads, and its deployments.
pub async fn detail(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (namespace, name): (&NamespaceName, &WorkloadName),
) -> Result<FunctionDetail, Error> {
    let at = (WorkloadKind::Function, namespace, name);
    let Looked { project, row, manifest, reads, deployments } = look(app, caller, project, at).await?;
    let manifest = manifest.of_function()?;
    Ok(FunctionDetail { item: item(app, &project, &row, &manifest), manifest, reads, deployments })
}

/// Serves an earlier deployment again (the one before the current unless a number is given), after the same checks.
pub async fn rollback(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    (kind, namespace, name): (WorkloadKind, NamespaceName, WorkloadName),
    number: Option<u64>,
) -> Result<Deployed, Error> {
    let entered = app.enter(caller, project, Capability::FunctionsDeploy, Reach::Whole(&namespace)).await?;
    let _held = app.routes.hold(held(&entered, &namespace, kind, &name)).await;
    let once =
        Once::of(&app.instance, caller, &entered.id, "rollback", &format!("{kind:?} {namespace}/{name} {number:?}"));
    // a repeat goes to where the first one went, not one further back
    let first = app.store.read(|rows: &mut dyn Rows| once.as_ref().map(|once| once.answered(rows)).transpose()).await?;
    let number = app.earlier(&entered, (kind, &namespace, &name), first.flatten().or(number)).await?;
    let is_repeat = first.flatten().is_some();
    let at = (&namespace, kind, &name);
    let loaded = app.store.read(|rows: &mut dyn Rows| Loaded::read(rows, &entered, at, Some(number))).await?;
    let current = app.store.read(|rows: &mut dyn Rows| Loaded::read(rows, &entered, at, None)).await?;
    let mut loaded = loaded.ok_or_else(|| Error::not_found(format!("deployment {number} of {namespace}/{name}")))?;
    loaded.verify(&app.instance)?;
    loaded.function.active = number;
    loaded.function.updated_at = app.clock.now();
    loaded.function.updated_by.clone_from(&caller.actor);
    let function = loaded.function.clone().signed(&app.instance);
    let references: References = serde_json::from_str(&loaded.deployment.references)
        .map_err(|_| Error::Store(StoreError::Damaged("function references")))?;
    let digest = hex::encode(&loaded.deployment.digest);
    let cell = app.epochs.cell(&*app.store, entered.id, &namespace).await?;
    let entry = Arc::new(loaded.into_entry(Arc::clone(&entered), cell)?);
    let is_new_schedule = new_schedule(current.as_ref(), &entry.manifest)?;
    let answer = app.function_answer(&entry).await?;
    require_secrets(app, &entry, &answer)?;
    try_out(app, &entry).await?;
    let facts = static_reads(&references, &entry);
    let (owner, instance, who, now) =
        (Arc::clone(&entered), Arc::clone(&app.instance), caller.clone(), app.clock.now());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if !tx.update_workload(&function)? {
                return Err(Error::not_found(format!("{} {}/{}", kind.as_str(), function.namespace, function.name)));
            }
            if let Some(once) = once.filter(|_| !is_repeat) {
                once.remember(tx, &number, now)?;
            }
            if is_new_schedule {
                tx.insert_slot(&function.id, now, None)?;
            }
            tx.replace_static_reads(&owner.id, &function.namespace, kind, function.name.as_str(), &facts)?;
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            let target = serde_json::json!({
                kind.as_str(): function.name, "namespace": function.namespace, "deployment": number,
            });
            place.record_target(tx, by_kind(kind, "function.rollback", "job.rollback"), &target)
        })
        .await?;
    app.serve(&entry).await?;
    Ok(report(app, &entry, &answer, number, &digest))
}

/// Deletes a function or a job with its deployments, and a job's runs; its workers drain and end.
pub async fn delete(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (kind, namespace, name): (WorkloadKind, &NamespaceName, &WorkloadName),
) -> Result<(), Error> {
    let entered = app.enter(caller, project, Capability::FunctionsDeploy, Reach::Whole(namespace)).await?;
    let (owner, instance, who, now) =
        (Arc::clone(&entered), Arc::clone(&app.instance), caller.clone(), app.clock.now());
    let (place_name, wanted) = (namespace.clone(), name.clone());
    let _held = app.routes.hold(held(&entered, namespace, kind, name)).await;
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let function = tx.workload(&owner.id, &place_name, kind, &wanted)?;
            let missing = || Error::not_found(format!("{} {place_name}/{wanted}", kind.as_str()));
            let function = function.ok_or_else(missing)?;
            tx.delete_workload(&function)?;
            let target = serde_json::json!({ kind.as_str(): wanted, "namespace": place_name });
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            place.record_target(tx, by_kind(kind, "function.delete", "job.delete"), &target)
        })
        .await?;
    let is_it = |entry: &Entry| {
        (entry.project.id, &entry.namespace, &entry.name) == (entered.id, namespace, name)
            && entry.manifest.kind() == kind
    };
    app.retire_where(is_it).await;
    Ok(())
}

impl App {
    async fn earlier(
        &self,
        project: &Project,
        (kind, namespace, name): (WorkloadKind, &NamespaceName, &WorkloadName),
        number: Option<u64>,
    ) -> Result<u64, Error> {
        let found = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<_, StoreError> {
                let Some(function) = rows.workload(&project.id, namespace, kind, name)? else {
                    return Ok(None);
                };
                let deployments = rows.deployments(&function.id)?;
                Ok(Some((function, deployments)))
            })
            .await?;
        let missing = || Error::not_found(format!("{} {namespace}/{name}", kind.as_str()));
        let (function, deployments) = found.ok_or_else(missing)?;
        if let Some(number) = number {
            return Ok(number);
        }
        let earlier = deployments.iter().map(|row| row.number).find(|number| *number < function.active);
        earlier.ok_or_else(|| Error::not_found(format!("an earlier deployment of {namespace}/{name}")))
    }

    /// Refuses a deletion that would leave a function or a job without a name that it requires.
    pub(crate) async fn refuse_if_required(
        &self,
        project: &Project,
        scope: &Scope,
        name: &SecretName,
    ) -> Result<(), Error> {
        let in_namespace = match scope {
            Scope::Global => None,
            Scope::Namespace(namespace) => Some(namespace),
            Scope::App(..) | Scope::System | Scope::User(_) => return Ok(()),
        };
        let rows = self
            .store
            .read(|rows: &mut dyn Rows| {
                let mut requiring = Vec::new();
                let mut all = rows.workloads(&project.id, in_namespace, WorkloadKind::Function)?;
                all.extend(rows.workloads(&project.id, in_namespace, WorkloadKind::Job)?);
                for function in all {
                    let Some(deployment) = rows.deployment(&function.id, function.active)? else { continue };
                    let candidates = rows.candidates(&project.id, &function.namespace, None, name)?;
                    requiring.push((function, deployment, candidates));
                }
                Ok::<_, Error>(requiring)
            })
            .await?;
        let now = self.clock.now();
        let mut faults = Vec::new();
        for (function, deployment, candidates) in rows {
            verify(self, &function, &deployment)?;
            let manifest = Manifest::read(function.kind, &deployment.manifest)?;
            let listed = manifest.workload().secrets.iter().flatten();
            let requires = listed.into_iter().any(|listed| listed.name == *name && listed.is_required());
            let left: Result<Vec<_>, Error> =
                candidates.into_iter().filter(|row| row.head.scope != *scope).map(|row| self.candidate(row)).collect();
            let still_resolves = matches!(strongroom_model::resolve(left?, now), Resolution::Value { .. });
            if requires && !still_resolves && self.environment_value(project, name).is_none() {
                let at = format!("{}/{}", function.namespace, function.name);
                let detail = format!("the {} {at} requires {name}", function.kind.as_str());
                let is_job = function.kind == WorkloadKind::Job;
                faults.push(Fault::new(if is_job { format!("job {at}") } else { at }, detail));
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let workloads: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
        Err(Error::Conflict(Conflict {
            detail: format!("{name} is required by {}", workloads.join(", ")),
            hint: Some(format!("strongroom secrets delete {name}{} --force", crate::secrets::scope_flags(scope))),
            faults,
        }))
    }
}
