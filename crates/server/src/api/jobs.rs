//! `/jobs` and `/runs`

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use strongroom_api::functions::{Deployed, RollbackFunction};
use strongroom_api::jobs::{DeployJob, JobDetail, JobItem, RunDetail, RunItem, RunJob};
use strongroom_api::projects::Gone;
use strongroom_api::{Page, Problem};
use strongroom_app::functions::{Deployment, Manifest};
use strongroom_app::jobs::{self, NewRun, RunQuery};
use strongroom_app::{RunState, WorkloadKind};

use super::workloads::{self, Named, WorkloadListParams};
use super::{NamespaceParams, NoParams, limit, unknown_cursor};
use crate::extract::{DeployJson, Deploys, Json, Lists, Query, RunsJobs, Scene};
use crate::failure::Failure;
use crate::place::optional;

/// Which runs to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunListParams {
    /// Only of this job; in the namespace `default` unless one is named.
    job: Option<String>,
    /// Only of jobs in this namespace.
    namespace: Option<String>,
    /// Only in this state: `queued`, `running`, `retrying`, `succeeded`, `dead` or `cancelled`.
    state: Option<String>,
    /// At most this many: 1000; 100 unless given.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

fn named<'a>(path: &'a [(String, String)], wanted: &str) -> &'a str {
    path.iter().find(|(key, _)| key == wanted).map(|(_, text)| text.as_str()).unwrap_or_default()
}

/// Lists jobs, each with its newest run.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(("project" = String, Path), WorkloadListParams),
    responses((status = 200, description = "jobs", body = Page<JobItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Lists>,
    Query(params): Query<WorkloadListParams>,
) -> Result<Json<Page<JobItem>>, Failure> {
    let items = jobs::list(&scene.app, &scene.caller, &scene.project, params.namespace()?.as_ref()).await?;
    params.page("jobs", items, |item| (&item.namespace, &item.name))
}

/// One job: configuration, what it reads, deployments.
#[utoipa::path(get, path = "/jobs/{name}", tag = "jobs", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "the job", body = JobDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(scene: Scene<Lists>, named: Named) -> Result<Json<JobDetail>, Failure> {
    Ok(Json(jobs::detail(&scene.app, &scene.caller, &scene.project, (&named.namespace, &named.name)).await?))
}

/// Deploys a bundle as a job. Everything that can be wrong is found before anything changes.
#[utoipa::path(put, path = "/jobs/{name}", tag = "jobs", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = DeployJob,
    responses((status = 200, description = "deployed", body = Deployed), (status = 422, description = "secrets are missing", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn deploy(
    scene: Scene<Deploys>,
    named: Named,
    DeployJson(body): DeployJson<DeployJob>,
) -> Result<Json<Deployed>, Failure> {
    let DeployJob { manifest, bundle, allow_patterns, force, dry_run } = body;
    let deployment = Deployment {
        namespace: named.namespace,
        name: named.name,
        manifest: Manifest::Job(Box::new(manifest)),
        bundle,
        allow_patterns,
        force,
        dry_run,
    };
    workloads::deploy(&scene, deployment).await
}

/// Deletes a job with its deployments and its runs.
#[utoipa::path(delete, path = "/jobs/{name}", tag = "jobs", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "deleted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(scene: Scene<Deploys>, named: Named) -> Result<Json<Gone>, Failure> {
    workloads::delete(&scene, WorkloadKind::Job, &named).await
}

/// Lets an earlier deployment of a job run again.
#[utoipa::path(post, path = "/jobs/{name}/rollback", tag = "jobs", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = RollbackFunction,
    responses((status = 200, description = "deployed", body = Deployed), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn rollback(
    scene: Scene<Deploys>,
    named: Named,
    Json(body): Json<RollbackFunction>,
) -> Result<Json<Deployed>, Failure> {
    workloads::rollback(&scene, WorkloadKind::Job, named, body).await
}

/// Queues a run of a job. It is durable when the answer comes; it runs at least once.
#[utoipa::path(post, path = "/jobs/{name}/runs", tag = "jobs", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = RunJob,
    responses((status = 202, description = "queued", body = RunItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn run(scene: Scene<RunsJobs>, named: Named, Json(body): Json<RunJob>) -> Result<Response, Failure> {
    let payload = body.payload.unwrap_or_else(|| serde_json::json!({}));
    let payload = serde_json::to_vec(&payload).map_err(|error| Failure::invalid("payload", error))?;
    let new = NewRun { namespace: named.namespace, job: named.name, payload: payload.into() };
    let run = jobs::enqueue(&scene.app, &scene.caller, &scene.project, new).await?;
    Ok((StatusCode::ACCEPTED, Json(run)).into_response())
}

/// Lists runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "jobs", params(("project" = String, Path), RunListParams),
    responses((status = 200, description = "runs", body = Page<RunItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn runs(
    scene: Scene<RunsJobs>,
    Query(params): Query<RunListParams>,
) -> Result<Json<Page<RunItem>>, Failure> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let state = given(&params.state).map(|word| RunState::from_word(&word).ok_or_else(unknown_state)).transpose()?;
    let query = RunQuery {
        job: optional("job", given(&params.job).as_deref())?,
        namespace: optional("namespace", given(&params.namespace).as_deref())?,
        state,
        before: given(&params.cursor).map(|text| text.parse().map_err(|_| unknown_cursor())).transpose()?,
        limit: limit(params.limit, 1_000)?,
    };
    let (items, next) = jobs::runs(&scene.app, &scene.caller, &scene.project, query).await?;
    Ok(Json(Page { items, next_cursor: next.map(|seq| seq.to_string()) }))
}

fn unknown_state() -> Failure {
    let words: Vec<_> = RunState::ALL.into_iter().map(RunState::as_str).collect();
    Failure::invalid("state", format!("a state is one of {}", words.join(", ")))
}

/// One run with its result.
#[utoipa::path(get, path = "/runs/{run}", tag = "jobs", params(("project" = String, Path), ("run" = String, Path)),
    responses((status = 200, description = "the run", body = RunDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show_run(
    scene: Scene<RunsJobs>,
    Path(path): Path<Vec<(String, String)>>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<RunDetail>, Failure> {
    Ok(Json(jobs::show(&scene.app, &scene.caller, &scene.project, named(&path, "run")).await?))
}

/// Puts a dead or cancelled run back into the queue.
#[utoipa::path(post, path = "/runs/{run}/retry", tag = "jobs", params(("project" = String, Path), ("run" = String, Path)),
    responses((status = 202, description = "queued", body = RunItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn retry(
    scene: Scene<RunsJobs>,
    Path(path): Path<Vec<(String, String)>>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Response, Failure> {
    let run = jobs::retry(&scene.app, &scene.caller, &scene.project, named(&path, "run")).await?;
    Ok((StatusCode::ACCEPTED, Json(run)).into_response())
}

/// Cancels a run that is not over.
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "jobs", params(("project" = String, Path), ("run" = String, Path)),
    responses((status = 200, description = "cancelled", body = RunItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn cancel(
    scene: Scene<RunsJobs>,
    Path(path): Path<Vec<(String, String)>>,
    Query(NoParams {}): Query<NoParams>,
) -> Result<Json<RunItem>, Failure> {
    Ok(Json(jobs::cancel(&scene.app, &scene.caller, &scene.project, named(&path, "run")).await?))
}
