//! `/logs`

use serde::Deserialize;
use strongroom_api::trail::LogItem;
use strongroom_api::{Page, Problem};
use strongroom_app::logs::{self, LogFilter};

use super::{limit, moment};
use crate::extract::{Json, Query, ReadsLogs, Scene};
use crate::failure::Failure;

/// Which lines to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParams {
    /// `execution`, `system` or `security`.
    category: Option<String>,
    /// Only this namespace.
    namespace: Option<String>,
    /// Only this function.
    function: Option<String>,
    /// Only this execution.
    execution: Option<String>,
    /// Only lines that contain this text.
    search: Option<String>,
    /// This level and graver ones: `debug`, `info`, `warn`, `error`.
    level: Option<String>,
    /// Only since this point in time, or since this long ago.
    since: Option<String>,
    /// Only before this point in time.
    until: Option<String>,
    /// Only lines above this id.
    after: Option<u64>,
    /// At most this many: 1000.
    limit: Option<usize>,
}

const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Log lines, oldest first among the newest that fit. Values are masked.
#[utoipa::path(get, path = "/logs", tag = "logs", params(("project" = String, Path), LogParams),
    responses((status = 200, description = "lines", body = Page<LogItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<ReadsLogs>,
    Query(params): Query<LogParams>,
) -> Result<Json<Page<LogItem>>, Failure> {
    let levels = match params.level.as_deref() {
        None => Vec::new(),
        Some(word) => match LEVELS.iter().position(|level| *level == word) {
            Some(index) => LEVELS.iter().skip(index).map(|level| (*level).to_owned()).collect(),
            None => return Err(Failure::invalid("level", "a level is one of debug, info, warn and error")),
        },
    };
    if params.category.as_deref().is_some_and(|category| !["execution", "system", "security"].contains(&category)) {
        return Err(Failure::invalid("category", "a category is one of execution, system and security"));
    }
    let now = scene.app.now();
    let filter = LogFilter {
        category: params.category,
        namespace: params.namespace,
        workload: params.function,
        execution: params.execution,
        search: params.search,
        levels,
        since: moment("since", params.since.as_deref(), now)?,
        until: moment("until", params.until.as_deref(), now)?,
        after: params.after,
        limit: limit(params.limit, 1_000)?,
    };
    let items = logs::list(&scene.app, &scene.caller, &scene.project, filter).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
