//! `/audit`

use serde::Deserialize;
use strongroom_api::trail::{AuditItem, AuditVerdict};
use strongroom_api::{Page, Problem};
use strongroom_app::audit;

use super::{NoParams, limit, moment};
use crate::extract::{Json, Query, ReadsAudit, Scene};
use crate::failure::Failure;

/// Which records to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Only actions that begin with this, such as `secret.` or `values.resolve`.
    action: Option<String>,
    /// Only since this point in time, or since this long ago.
    since: Option<String>,
    /// Only records that contain this text.
    search: Option<String>,
    /// Only below this sequence number.
    before: Option<u64>,
    /// At most this many: 1000.
    limit: Option<usize>,
}

/// A project's audit records, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(("project" = String, Path), AuditParams),
    responses((status = 200, description = "records", body = Page<AuditItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<ReadsAudit>,
    Query(params): Query<AuditParams>,
) -> Result<Json<Page<AuditItem>>, Failure> {
    let limit = limit(params.limit, 1_000)?;
    let query = audit::Query {
        action: params.action,
        since: moment("since", params.since.as_deref(), scene.app.now())?,
        search: params.search,
        before: params.before,
        limit,
    };
    let items = audit::list(&scene.app, &scene.caller, &scene.project, query).await?;
    let next_cursor = if items.len() == limit { items.last().map(|item| item.seq.to_string()) } else { None };
    Ok(Json(Page { items, next_cursor }))
}

/// Checks every chain from its first record.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(("project" = String, Path)),
    responses((status = 200, description = "the verdict", body = AuditVerdict), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn verify(scene: Scene<ReadsAudit>, _: Query<NoParams>) -> Result<Json<AuditVerdict>, Failure> {
    Ok(Json(audit::verify(&scene.app, &scene.caller, &scene.project).await?))
}
