//! Listing and showing jobs.

use strongroom_api::functions::{DeploymentItem, FunctionRead};
use strongroom_api::jobs::{JobDetail, JobItem};
use strongroom_model::manifest::JobManifest;
use strongroom_model::{Capability, Grant, NamespaceName, ProjectName, WorkloadName};
use strongroom_store::port::{DeploymentRow, RunFilter, RunRow, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError};

use super::requests::{item as run_item, no_job, verified};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::functions::Manifest;
use crate::open::App;
use crate::rows::Authenticated as _;

/// A job with the deployment that runs and its newest run.
struct Found {
    job: WorkloadRow,
    deployments: Vec<DeploymentRow>,
    last: Option<RunRow>,
}

/// The jobs that the caller reaches.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    namespace: Option<&NamespaceName>,
) -> Result<Vec<JobItem>, Error> {
    let reach = namespace.map_or(Reach::Anywhere, |namespace| Reach::Namespace(namespace, None));
    let entered = app.enter(caller, project, Capability::SecretsList, reach).await?;
    let found = app
        .store
        .read(|rows: &mut dyn Rows| {
            let jobs = rows.workloads(&entered.id, namespace, WorkloadKind::Job)?;
            let found = jobs.into_iter().map(|job| {
                let active = rows.deployment(&job.id, job.active)?;
                Ok(Found { deployments: active.into_iter().collect(), last: last(rows, &job)?, job })
            });
            found.collect::<Result<Vec<_>, StoreError>>()
        })
        .await?;
    // as with one job: nothing for a token that is for an app alone
    let in_reach = |grant: &Grant, job: &WorkloadRow| grant.app.is_none() && grant.reaches_namespace(&job.namespace);
    let reached = found.iter().filter(|found| caller.grant().is_none_or(|grant| in_reach(grant, &found.job)));
    reached.map(|found| Ok(item(app, found, &manifest(found)?.1))).collect()
}

/// One job with its configuration, what it reads, and its deployments.
pub async fn detail(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (namespace, name): (&NamespaceName, &WorkloadName),
) -> Result<JobDetail, Error> {
    let entered = app.enter(caller, project, Capability::SecretsList, Reach::Namespace(namespace, None)).await?;
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, StoreError> {
            let Some(job) = rows.workload(&entered.id, namespace, WorkloadKind::Job, name)? else { return Ok(None) };
            let reads = rows.reads_of(&entered.id, namespace, WorkloadKind::Job, name.as_str())?;
            let found = Found { deployments: rows.deployments(&job.id)?, last: last(rows, &job)?, job };
            Ok(Some((found, reads)))
        })
        .await?;
    let (found, reads) = found.ok_or_else(|| no_job(namespace, name))?;
    let (active, mut manifest) = manifest(&found)?;
    verified(app, &found.job)?;
    active.verify(&app.instance).map_err(Error::damaged(format!("job {namespace}/{name}")))?;
    let item = item(app, &found, &manifest);
    // names that the caller may not know of
    manifest.workload.secrets.iter_mut().for_each(|list| list.retain(|listed| caller.reaches_name(&listed.name)));
    let reads = reads.into_iter().filter(|fact| caller.reaches_name(&fact.secret)).map(|fact| FunctionRead {
        secret: fact.secret.to_string(),
        via: fact.via,
        last_read_at: fact.last_read_at,
    });
    let deployments = found.deployments.iter().map(|row| DeploymentItem {
        deployment: row.number,
        digest: hex::encode(&row.digest),
        bundle_bytes: row.bundle_bytes,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        active: row.number == found.job.active,
    });
    Ok(JobDetail { item, manifest, reads: reads.collect(), deployments: deployments.collect() })
}

fn last(rows: &mut dyn Rows, job: &WorkloadRow) -> Result<Option<RunRow>, StoreError> {
    let filter = RunFilter { job: Some(job.id), limit: 1, ..RunFilter::default() };
    Ok(rows.runs(&job.project, &filter)?.pop())
}

/// The deployment that runs, and its manifest.
fn manifest(found: &Found) -> Result<(&DeploymentRow, JobManifest), Error> {
    let active = found.deployments.iter().find(|row| row.number == found.job.active);
    let active = active.ok_or(StoreError::Damaged("a job without its deployment"))?;
    match Manifest::read(WorkloadKind::Job, &active.manifest)? {
        Manifest::Job(manifest) => Ok((active, *manifest)),
        Manifest::Function(_) => Err(Error::Store(StoreError::Damaged("a job's manifest"))),
    }
}

fn item(app: &App, found: &Found, manifest: &JobManifest) -> JobItem {
    let Found { job, last, .. } = found;
    JobItem {
        name: job.name.to_string(),
        namespace: job.namespace.to_string(),
        deployment: job.active,
        schedule: manifest.schedule.as_ref().map(|schedule| schedule.as_str().to_owned()),
        next_run_at: manifest.schedule.as_ref().and_then(|schedule| schedule.next_after(app.clock.now())),
        last_run: last.as_ref().map(|run| run_item(run, job)),
        updated_at: job.updated_at,
        updated_by: job.updated_by.clone(),
    }
}
