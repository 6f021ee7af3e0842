//! `/projects/{project}/jobs`: what is deployed, one job, and asking for a run.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use strongroom_api::jobs::JobItem;
use strongroom_app::jobs::{self, NewRun, RunQuery};
use strongroom_model::Capability;
use strongroom_model::manifest::Overlap;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::runs::{RunLine, run_line};
use super::show;
use super::visit::{Visit, visitor};
use super::when::When;
use super::workloads::{self, Deployment, May, Use, Variable};
use crate::extract::{Lists, RunsJobs};
use crate::failure::Failure;

/// Runs on the page of a job.
const NEWEST_RUNS: usize = 20;

struct Line {
    name: String,
    namespace: String,
    deployment: u64,
    schedule: Option<String>,
    next_run: Option<When>,
    last_run: Option<RunLine>,
    updated: When,
    updated_by: String,
}

fn line(item: JobItem, now: jiff::Timestamp) -> Line {
    Line {
        next_run: When::maybe(item.next_run_at, now),
        last_run: item.last_run.map(|run| run_line(run, now)),
        updated: When::new(item.updated_at, now),
        name: item.name,
        namespace: item.namespace,
        deployment: item.deployment,
        schedule: item.schedule,
        updated_by: visitor(&item.updated_by),
    }
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    frame: Frame,
    base: String,
    jobs: Vec<Line>,
    may_run: bool,
}

/// The jobs that the visitor reaches.
pub(crate) async fn list(visit: Visit<Lists>) -> Result<Response, Failure> {
    let now = visit.scene.app.now();
    let items = jobs::list(&visit.scene.app, &visit.scene.caller, &visit.scene.project, None).await?;
    Ok(show(&JobsPage {
        frame: visit.frame("Jobs", Section::Jobs),
        base: visit.address(""),
        jobs: items.into_iter().map(|item| line(item, now)).collect(),
        may_run: visit.scene.caller.holds(Capability::JobsRun),
    }))
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    frame: Frame,
    base: String,
    address: String,
    line: Line,
    overlap: &'static str,
    retries: u32,
    timeout_s: u64,
    memory_mib: u64,
    gets_all: bool,
    uses: Vec<Use>,
    variables: Vec<Variable>,
    deployments: Vec<Deployment>,
    runs: Vec<RunLine>,
    may: May,
}

/// What happens when a slot comes while a run still goes on, for people.
fn overlapping(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Skip => "the next one is left out",
        Overlap::Queue => "the next one waits",
        Overlap::Allow => "both run",
    }
}

/// One job.
pub(crate) async fn show_one(
    visit: Visit<Lists>,
    Path((_, namespace, name)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let (namespace, name) = workloads::place(&namespace, &name)?;
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    let now = app.now();
    let detail = jobs::detail(app, caller, project, (&namespace, &name)).await?;
    let may = May::of(caller);
    let runs = if may.run() {
        let (job, namespace) = (Some(name.clone()), Some(namespace.clone()));
        let query = RunQuery { job, namespace, state: None, before: None, limit: NEWEST_RUNS };
        jobs::runs(app, caller, project, query).await?.0
    } else {
        Vec::new()
    };
    let manifest = detail.manifest;
    let page = JobPage {
        frame: visit.frame(name.as_str(), Section::Jobs).crumb("Jobs", visit.address("/jobs")),
        base: visit.address(""),
        address: visit.address(&format!("/jobs/{namespace}/{name}")),
        overlap: overlapping(manifest.overlap),
        retries: manifest.retries,
        timeout_s: manifest.timeout_ms.div_ceil(1000),
        memory_mib: manifest.workload.memory_bytes >> 20,
        gets_all: manifest.workload.secrets.is_none(),
        uses: workloads::uses(&manifest.workload, detail.reads, now),
        variables: workloads::variables(&manifest.workload),
        deployments: workloads::deployments(&detail.deployments, now),
        runs: runs.into_iter().map(|run| run_line(run, now)).collect(),
        line: line(detail.item, now),
        may,
    };
    Ok(show(&page))
}

/// Asks for a run with an empty payload.
pub(crate) async fn run(
    visit: Visit<RunsJobs>,
    Path((_, namespace, name)): Path<(String, String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let (namespace, job) = workloads::place(&namespace, &name)?;
    let scene = &visit.scene;
    let new = NewRun { namespace, job, payload: b"{}".to_vec().into() };
    let run = jobs::enqueue(&scene.app, &scene.caller, &scene.project, new).await?;
    Ok(Flash::done(format!("A run of {} was asked for.", run.job)).at(&visit.address(&format!("/runs/{}", run.id))))
}
