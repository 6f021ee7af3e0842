//! Looking at deployed workloads of either kind: which there are, and all about one.

use std::sync::Arc;

use strongroom_api::functions::{DeploymentItem, WorkloadRead};
use strongroom_model::{Capability, Grant, NamespaceName, ProjectName, Resolution, Scope, SecretName, WorkloadName};
use strongroom_store::port::{DeploymentRow, ReadFact, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError};

use super::manifest::Manifest;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::resolve::Question;
use crate::rows::Authenticated as _;

/// The workloads of a kind that the caller reaches, each with the manifest of the deployment that serves.
pub(crate) async fn reached(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (kind, namespace): (WorkloadKind, Option<&NamespaceName>),
) -> Result<(Arc<Project>, Vec<(WorkloadRow, Manifest)>), Error> {
    let reach = namespace.map_or(Reach::Anywhere, |namespace| Reach::Namespace(namespace, None));
    let entered = app.enter(caller, project, Capability::SecretsList, reach).await?;
    let rows = app
        .store
        .read(|rows: &mut dyn Rows| {
            let workloads = rows.workloads(&entered.id, namespace, kind)?;
            let with_deployment = workloads.into_iter().map(|workload| {
                let deployment = rows.deployment(&workload.id, workload.active)?;
                Ok((workload, deployment.ok_or(StoreError::Damaged("a workload without its deployment"))?))
            });
            with_deployment.collect::<Result<Vec<_>, StoreError>>()
        })
        .await?;
    // as with one workload: nothing for a token that is for an app alone
    let in_reach = |grant: &Grant, row: &WorkloadRow| grant.app.is_none() && grant.reaches_namespace(&row.namespace);
    let reached = rows.into_iter().filter(|(row, _)| caller.grant().is_none_or(|grant| in_reach(grant, row)));
    let with_manifest = reached.map(|(row, deployment)| Ok((row, Manifest::read(kind, &deployment.manifest)?)));
    Ok((entered, with_manifest.collect::<Result<_, Error>>()?))
}

/// All about one workload. Its rows are what was written; names that the caller may not know of are left out.
pub(crate) struct Looked {
    pub(crate) project: Arc<Project>,
    pub(crate) row: WorkloadRow,
    pub(crate) manifest: Manifest,
    pub(crate) reads: Vec<WorkloadRead>,
    pub(crate) deployments: Vec<DeploymentItem>,
}

/// Looks at one workload.
pub(crate) async fn look(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (kind, namespace, name): (WorkloadKind, &NamespaceName, &WorkloadName),
) -> Result<Looked, Error> {
    let entered = app.enter(caller, project, Capability::SecretsList, Reach::Namespace(namespace, None)).await?;
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, StoreError> {
            let Some(row) = rows.workload(&entered.id, namespace, kind, name)? else { return Ok(None) };
            let deployments = rows.deployments(&row.id)?;
            let reads = rows.reads_of(&entered.id, namespace, kind, name.as_str())?;
            Ok(Some((row, deployments, reads)))
        })
        .await?;
    let (row, deployments, mut reads) =
        found.ok_or_else(|| Error::not_found(format!("{} {namespace}/{name}", kind.as_str())))?;
    let active = deployments.iter().find(|deployment| deployment.number == row.active);
    let active = active.ok_or(StoreError::Damaged("a workload without its deployment"))?;
    verify(app, &row, active)?;
    let mut manifest = Manifest::read(kind, &active.manifest)?;
    reads.retain(|fact| caller.reaches_name(&fact.secret));
    let reads = app.resolved_reads(&entered, namespace, &manifest, reads).await?;
    if let Some(list) = &mut manifest.workload_mut().secrets {
        list.retain(|listed| caller.reaches_name(&listed.name));
    }
    let deployments = deployments.iter().map(|deployment| DeploymentItem {
        deployment: deployment.number,
        digest: hex::encode(&deployment.digest),
        bundle_bytes: deployment.bundle_bytes,
        created_at: deployment.created_at,
        created_by: deployment.created_by.clone(),
        active: deployment.number == row.active,
    });
    let deployments = deployments.collect();
    Ok(Looked { project: entered, row, manifest, reads, deployments })
}

/// Refuses rows that are not what was written.
pub(super) fn verify(app: &App, workload: &WorkloadRow, deployment: &DeploymentRow) -> Result<(), Error> {
    let what = || format!("{} {}/{}", workload.kind.as_str(), workload.namespace, workload.name);
    workload.verify(&app.instance).map_err(Error::damaged(what()))?;
    deployment.verify(&app.instance).map_err(Error::damaged(what()))
}

/// Where a workload that reads a name gets its value from, or why it gets none.
type Source = Result<&'static str, &'static str>;

impl App {
    /// What is read, each with where its value comes from now.
    async fn resolved_reads(
        &self,
        project: &Project,
        namespace: &NamespaceName,
        manifest: &Manifest,
        facts: Vec<ReadFact>,
    ) -> Result<Vec<WorkloadRead>, Error> {
        let mut names: Vec<_> = facts.iter().map(|fact| fact.secret.clone()).collect();
        names.dedup();
        let question = Question { namespace: namespace.clone(), app: None, names: Some(names) };
        let answer = self.look_up(project, &question).await?;
        let mut sources = Vec::new();
        for (name, outcome) in answer.outcomes {
            sources.push((self.source(project, manifest, (&name, &outcome)).await?, name));
        }
        let read = |fact: ReadFact| {
            let source = sources.iter().find(|(_, name)| *name == fact.secret).map(|(source, _)| source);
            WorkloadRead {
                scope: source.and_then(|source| source.ok()).map(str::to_owned),
                missing: source.and_then(|source| source.err()).map(str::to_owned),
                secret: fact.secret.to_string(),
                via: fact.via,
                last_read_at: fact.last_read_at,
            }
        };
        Ok(facts.into_iter().map(read).collect())
    }

    async fn source<T>(
        &self,
        project: &Project,
        manifest: &Manifest,
        (name, outcome): (&SecretName, &Resolution<T>),
    ) -> Result<Source, Error> {
        let list = manifest.workload().secrets.as_ref();
        let listed = list.and_then(|list| list.iter().find(|listed| listed.name == *name));
        if list.is_some() && listed.is_none() {
            return Ok(if self.has_system(project, name).await? { Ok("system") } else { Err("not_listed") });
        }
        if self.environment_value(project, name).is_some() {
            return Ok(Ok("environment"));
        }
        let has_default = listed.is_some_and(|listed| listed.default.is_some());
        Ok(match outcome {
            Resolution::Value { scope, .. } => Ok(scope.as_str()),
            Resolution::Expired { .. } => Err("expired"),
            Resolution::NoValue { .. } | Resolution::NotSet if has_default => Ok("default"),
            Resolution::NoValue { .. } => Err("no_value"),
            Resolution::NotSet if self.has_system(project, name).await? => Ok("system"),
            Resolution::NotSet => Err("not_set"),
        })
    }

    /// Whether helpers find the name among the system's secrets, where nothing else has it.
    async fn has_system(&self, project: &Project, name: &SecretName) -> Result<bool, Error> {
        let read = |rows: &mut dyn Rows| rows.secret(&project.id, &Scope::System, name).map_err(Error::from);
        Ok(self.store.read(read).await?.is_some_and(|head| head.version > 0))
    }
}
