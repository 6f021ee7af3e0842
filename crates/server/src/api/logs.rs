//! `/logs`

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use strongroom_api::trail::LogItem;
use strongroom_api::{Page, Problem};
use strongroom_app::logs::{self, CATEGORIES, LogFilter};
use strongroom_model::Lifetime;

use super::{limit, moment};
use crate::extract::{Json, Query, ReadsLogs, Scene};
use crate::failure::Failure;

/// Longest `wait`.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Which lines to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParams {
    /// `execution`, `system` or `security`.
    pub(crate) category: Option<String>,
    /// Only this namespace.
    pub(crate) namespace: Option<String>,
    /// Only this function.
    pub(crate) function: Option<String>,
    /// Only this job.
    pub(crate) job: Option<String>,
    /// Only this execution.
    pub(crate) execution: Option<String>,
    /// Only lines that contain this text, letter for letter.
    pub(crate) search: Option<String>,
    /// This level and graver ones: `debug`, `info`, `warn`, `error`.
    pub(crate) level: Option<String>,
    /// Only since this point in time, or since this long ago.
    pub(crate) since: Option<String>,
    /// Only before this point in time.
    pub(crate) until: Option<String>,
    /// Only lines above this id, the oldest of them first; `next_cursor` is then the `after` to go on with.
    pub(crate) after: Option<u64>,
    /// With `after`: if there is no such line yet, answers once there is one, or after this long (at most 60s).
    pub(crate) wait: Option<String>,
    /// The `next_cursor` of the page before, to go on with older lines. A page may be empty and still have one: each looks
    /// at a bounded number of lines.
    pub(crate) cursor: Option<String>,
    /// At most this many: 1000.
    pub(crate) limit: Option<usize>,
}

pub(crate) const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

impl LogParams {
    fn levels(&self) -> Result<Vec<String>, Failure> {
        let Some(word) = self.level.as_deref() else { return Ok(Vec::new()) };
        match LEVELS.iter().position(|level| *level == word) {
            Some(index) => Ok(LEVELS.iter().skip(index).map(|level| (*level).to_owned()).collect()),
            None => Err(Failure::invalid("level", "a level is one of debug, info, warn and error")),
        }
    }

    fn before(&self) -> Result<Option<u64>, Failure> {
        let Some(cursor) = self.cursor.as_ref().filter(|text| !text.is_empty()) else { return Ok(None) };
        if self.after.is_some() {
            return Err(Failure::invalid(
                "cursor",
                "cursor leads to older lines, after to newer ones; give one of them",
            ));
        }
        let unknown = |_| Failure::invalid("cursor", "this cursor was not given by this list; begin without one");
        cursor.parse().map(Some).map_err(unknown)
    }

    fn wait(&self) -> Result<Duration, Failure> {
        let Some(text) = &self.wait else { return Ok(Duration::ZERO) };
        if self.after.is_none() {
            return Err(Failure::invalid("wait", "wait goes with after: it waits for a line above that id"));
        }
        let wait = text.parse::<Lifetime>().ok().and_then(|lifetime| Duration::try_from(lifetime.duration()).ok());
        let wait = wait.ok_or_else(|| Failure::invalid("wait", "wait is a length of time such as 30s"))?;
        Ok(wait.min(MAX_WAIT))
    }

    /// The workload, and which kind it is.
    fn workload(&self) -> Result<(Option<&'static str>, Option<String>), Failure> {
        match (&self.function, &self.job) {
            (Some(_), Some(_)) => Err(Failure::invalid("job", "a line is of a function or of a job; name one")),
            (Some(function), None) => Ok((Some("function"), Some(function.clone()))),
            (None, Some(job)) => Ok((Some("job"), Some(job.clone()))),
            (None, None) => Ok((None, None)),
        }
    }

    /// The lines that are asked for, and how long to wait for one.
    pub(crate) fn filter(self, now: Timestamp) -> Result<(LogFilter, Duration), Failure> {
        if self.category.as_deref().is_some_and(|category| !CATEGORIES.contains(&category)) {
            return Err(Failure::invalid("category", "a category is one of execution, system and security"));
        }
        let (kind, workload) = self.workload()?;
        let (wait, levels, before) = (self.wait()?, self.levels()?, self.before()?);
        let filter = LogFilter {
            levels,
            before,
            workload,
            kind: kind.map(str::to_owned),
            since: moment("since", self.since.as_deref(), now)?,
            until: moment("until", self.until.as_deref(), now)?,
            limit: limit(self.limit, 1_000)?,
            category: self.category,
            namespace: self.namespace,
            execution: self.execution,
            search: self.search,
            after: self.after,
            scan: 0,
        };
        Ok((filter, wait))
    }
}

/// Log lines, oldest first among the newest that fit. Values are masked.
#[utoipa::path(get, path = "/logs", tag = "logs", params(("project" = String, Path), LogParams),
    responses((status = 200, description = "lines", body = Page<LogItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<ReadsLogs>,
    Query(params): Query<LogParams>,
) -> Result<Json<Page<LogItem>>, Failure> {
    let (filter, wait) = params.filter(scene.app.now())?;
    let _open = (!wait.is_zero()).then(|| scene.streams.open(&scene.caller)).transpose()?;
    Ok(Json(logs::list(&scene.app, &scene.caller, &scene.project, filter, wait).await?))
}
