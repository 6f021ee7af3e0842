//! Listing and showing jobs.

use strongroom_api::jobs::{JobDetail, JobItem};
use strongroom_model::manifest::JobManifest;
use strongroom_model::{NamespaceName, ProjectName, WorkloadName};
use strongroom_store::port::{RunFilter, RunRow, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError};

use super::requests::item as run_item;
use crate::caller::Caller;
use crate::error::Error;
use crate::functions::{Looked, look, reached};
use crate::open::App;

/// The jobs that the caller reaches.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    namespace: Option<&NamespaceName>,
) -> Result<Vec<JobItem>, Error> {
    let (_, jobs) = reached(app, caller, project, (WorkloadKind::Job, namespace)).await?;
    let last = app.last_runs(jobs.iter().map(|(job, _)| job)).await?;
    let with_run = jobs.into_iter().zip(last);
    with_run.map(|((job, manifest), run)| Ok(item(app, &job, run.as_ref(), &manifest.of_job()?))).collect()
}

/// One job with its configuration, what it reads, and its deployments.
pub async fn detail(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (namespace, name): (&NamespaceName, &WorkloadName),
) -> Result<JobDetail, Error> {
    let at = (WorkloadKind::Job, namespace, name);
    let Looked { row, manifest, reads, deployments, .. } = look(app, caller, project, at).await?;
    let last = app.last_runs([&row]).await?.pop().flatten();
    let manifest = manifest.of_job()?;
    Ok(JobDetail { item: item(app, &row, last.as_ref(), &manifest), manifest, reads, deployments })
}

impl App {
    /// The newest run of each job, in their order.
    async fn last_runs<'a>(
        &self,
        jobs: impl IntoIterator<Item = &'a WorkloadRow>,
    ) -> Result<Vec<Option<RunRow>>, Error> {
        let jobs: Vec<_> = jobs.into_iter().map(|job| (job.project, job.id)).collect();
        self.store
            .read(|rows: &mut dyn Rows| {
                let last = jobs.iter().map(|(project, job)| {
                    let filter = RunFilter { job: Some(*job), limit: 1, ..RunFilter::default() };
                    Ok(rows.runs(project, &filter)?.pop())
                });
                last.collect::<Result<_, StoreError>>().map_err(Error::from)
            })
            .await
    }
}

fn item(app: &App, job: &WorkloadRow, last: Option<&RunRow>, manifest: &JobManifest) -> JobItem {
    JobItem {
        name: job.name.to_string(),
        namespace: job.namespace.to_string(),
        deployment: job.active,
        schedule: manifest.schedule.as_ref().map(|schedule| schedule.as_str().to_owned()),
        next_run_at: manifest.schedule.as_ref().and_then(|schedule| schedule.next_after(app.clock.now())),
        last_run: last.map(|run| run_item(run, job)),
        updated_at: job.updated_at,
        updated_by: job.updated_by.clone(),
    }
}
