//! `/projects/{project}/runs`: runs of jobs, newest first, and one run.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_api::jobs::RunItem;
use strongroom_app::RunState;
use strongroom_app::jobs::{self, RunQuery};
use strongroom_model::Capability;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::show;
use super::visit::{Visit, visitor};
use super::when::When;
use crate::api::unknown_cursor;
use crate::extract::{Query, RunsJobs};
use crate::failure::Failure;

/// Runs on one page.
const PAGE: usize = 50;

/// One run.
pub(crate) struct RunLine {
    pub(crate) id: String,
    pub(crate) job: String,
    pub(crate) namespace: String,
    /// The word for programs, which is in the style too.
    pub(crate) state: String,
    /// The word for people.
    pub(crate) state_text: &'static str,
    pub(crate) attempts: u64,
    pub(crate) created: When,
    pub(crate) created_by: String,
    pub(crate) finished: Option<When>,
    pub(crate) next_attempt: Option<When>,
    pub(crate) scheduled_for: Option<When>,
    pub(crate) error: Option<String>,
    pub(crate) progress: Option<(u64, String)>,
}

impl RunLine {
    /// The beginning of its id, which is enough among the runs of one job.
    pub(crate) fn short_id(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }

    /// Whether it may still be stopped.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "queued" | "running" | "retrying")
    }
}

/// A run for people.
pub(crate) fn run_line(run: RunItem, now: Timestamp) -> RunLine {
    RunLine {
        state_text: text_of(&run.state),
        created: When::new(run.created_at, now),
        finished: When::maybe(run.finished_at, now),
        next_attempt: When::maybe(run.next_attempt_at, now),
        scheduled_for: When::maybe(run.scheduled_for, now),
        progress: run.progress.map(|progress| (progress.percent, progress.message.unwrap_or_default())),
        id: run.id,
        job: run.job,
        namespace: run.namespace,
        state: run.state,
        attempts: run.attempts,
        created_by: visitor(&run.created_by),
        error: run.error,
    }
}

fn text_of(state: &str) -> &'static str {
    match RunState::from_word(state) {
        Some(RunState::Queued) => "waiting",
        Some(RunState::Running) => "running",
        Some(RunState::Retrying) => "will be retried",
        Some(RunState::Succeeded) => "succeeded",
        Some(RunState::Dead) => "dead letter",
        Some(RunState::Cancelled) => "cancelled",
        None => "unknown",
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunParams {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    frame: Frame,
    base: String,
    state: String,
    states: Vec<(&'static str, &'static str)>,
    runs: Vec<RunLine>,
    next: Option<u64>,
}

/// Runs of every job that the visitor reaches.
pub(crate) async fn list(visit: Visit<RunsJobs>, Query(params): Query<RunParams>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let before = Some(params.before).filter(|text| !text.is_empty());
    let query = RunQuery {
        job: None,
        namespace: None,
        state: RunState::from_word(&params.state),
        before: before.map(|text| text.parse().map_err(|_| unknown_cursor())).transpose()?,
        limit: PAGE,
    };
    let (runs, next) = jobs::runs(&scene.app, &scene.caller, &scene.project, query).await?;
    Ok(show(&RunsPage {
        frame: visit.frame("Runs", Section::Jobs).crumb("Jobs", visit.address("/jobs")),
        base: visit.address(""),
        state: params.state,
        states: RunState::ALL.into_iter().map(|state| (state.as_str(), text_of(state.as_str()))).collect(),
        runs: runs.into_iter().map(|run| run_line(run, now)).collect(),
        next,
    }))
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    base: String,
    address: String,
    run: RunLine,
    started: Option<When>,
    result: Option<String>,
    may_read_logs: bool,
}

/// One run.
pub(crate) async fn show_one(
    visit: Visit<RunsJobs>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let detail = jobs::show(&scene.app, &scene.caller, &scene.project, &id).await?;
    let job = visit.address(&format!("/jobs/{}/{}", detail.run.namespace, detail.run.job));
    let frame = visit.frame("Run", Section::Jobs).crumb("Jobs", visit.address("/jobs"));
    Ok(show(&RunPage {
        frame: frame.crumb(detail.run.job.as_str(), job),
        base: visit.address(""),
        address: visit.address(&format!("/runs/{}", detail.run.id)),
        started: When::maybe(detail.run.started_at, now),
        result: detail.result.and_then(|result| serde_json::to_string_pretty(&result).ok()),
        run: run_line(detail.run, now),
        may_read_logs: scene.caller.holds(Capability::LogsRead),
    }))
}

pub(crate) async fn retry(
    visit: Visit<RunsJobs>,
    Path((_, id)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let run = jobs::retry(&scene.app, &scene.caller, &scene.project, &id).await?;
    Ok(Flash::done(format!("{} will run again.", run.job)).at(&visit.address(&format!("/runs/{}", run.id))))
}

pub(crate) async fn cancel(
    visit: Visit<RunsJobs>,
    Path((_, id)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let run = jobs::cancel(&scene.app, &scene.caller, &scene.project, &id).await?;
    Ok(Flash::done(format!("The run of {} was cancelled.", run.job)).at(&visit.address(&format!("/runs/{}", run.id))))
}
