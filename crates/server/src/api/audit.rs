//! `/audit`

mod csv;
mod export;

pub(crate) use export::*;
use serde::Deserialize;
use strongroom_api::trail::{AuditAnchor, AuditAnchors, AuditItem, AuditRetention, AuditVerdict, VerifyAudit};
use strongroom_api::{Page, Problem};
use strongroom_app::audit;

use super::{NoParams, limit, moment};
use crate::extract::{Json, Query, ReadsAudit, Scene};
use crate::failure::Failure;

/// So many anchors are compared at once.
const MAX_ANCHORS: usize = 5_000;

/// Which records to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParams {
    /// Records of the whole instance, also of projects that are gone and of none: for an admin of the instance.
    #[serde(default)]
    everything: bool,
    /// Only actions that begin with this, such as `secret.` or `values.resolve`.
    action: Option<String>,
    /// Only since this point in time, or since this long ago.
    since: Option<String>,
    /// Only before this point in time, or before this long ago.
    until: Option<String>,
    /// Only records that contain this text.
    search: Option<String>,
    /// Only below this sequence number; `cursor` is another name for it.
    #[serde(alias = "cursor")]
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
        everything: params.everything,
        action: params.action,
        since: moment("since", params.since.as_deref(), scene.app.now())?,
        until: moment("until", params.until.as_deref(), scene.app.now())?,
        search: params.search,
        before: known_position(params.before)?,
        limit,
    };
    let items = audit::list(&scene.app, &scene.caller, &scene.project, query).await?;
    let next_cursor = if items.len() == limit { items.last().map(|item| item.seq.to_string()) } else { None };
    Ok(Json(Page { items, next_cursor }))
}

/// A number that no record has is a mistake.
fn known_position(before: Option<u64>) -> Result<Option<u64>, Failure> {
    let is_none = before.is_some_and(|number| i64::try_from(number).is_err());
    if is_none { Err(Failure::invalid("before", "this number is too large")) } else { Ok(before) }
}

/// What the trail is compared with.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyParams {
    /// A head of an earlier verdict that was kept elsewhere, as `NODE:SEQ:LINK`: a trail that was cut off is found with it.
    head: Option<String>,
}

/// Checks every chain from its first record.
#[utoipa::path(get, path = "/audit/verify", tag = "audit", params(("project" = String, Path), VerifyParams),
    responses((status = 200, description = "the verdict", body = AuditVerdict), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn verify(
    scene: Scene<ReadsAudit>,
    Query(params): Query<VerifyParams>,
) -> Result<Json<AuditVerdict>, Failure> {
    let kept: Vec<_> = params.head.as_deref().map(head).transpose()?.into_iter().collect();
    Ok(Json(audit::verify(&scene.app, &scene.caller, &scene.project, &kept).await?))
}

/// Checks every chain, also against heads that were kept elsewhere. Changes nothing.
#[utoipa::path(post, path = "/audit/verify", tag = "audit", params(("project" = String, Path)), request_body = VerifyAudit,
    responses((status = 200, description = "the verdict", body = AuditVerdict), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn compare(
    scene: Scene<ReadsAudit>,
    _: Query<NoParams>,
    Json(body): Json<VerifyAudit>,
) -> Result<Json<AuditVerdict>, Failure> {
    if body.anchors.len() > MAX_ANCHORS {
        return Err(Failure::invalid("anchors", format!("at most {MAX_ANCHORS} anchors are compared at once")));
    }
    Ok(Json(audit::verify(&scene.app, &scene.caller, &scene.project, &body.anchors).await?))
}

/// What is asked about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RetentionParams {
    /// What would go if records before this point in time went, or before this long ago; else the server's own setting.
    before: Option<String>,
}

/// Which records have served their time. Nothing is erased by asking.
#[utoipa::path(get, path = "/audit/retention", tag = "audit", params(("project" = String, Path), RetentionParams),
    responses((status = 200, description = "what would go", body = AuditRetention), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn retention(
    scene: Scene<ReadsAudit>,
    Query(params): Query<RetentionParams>,
) -> Result<Json<AuditRetention>, Failure> {
    let before = moment("before", params.before.as_deref(), scene.app.now())?;
    Ok(Json(audit::preview(&scene.app, &scene.caller, &scene.project, before).await?))
}

/// Which anchors this server writes, and what became of the last ones.
#[utoipa::path(get, path = "/audit/anchors", tag = "audit", params(("project" = String, Path)),
    responses((status = 200, description = "anchors", body = AuditAnchors), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn anchors(scene: Scene<ReadsAudit>, _: Query<NoParams>) -> Result<Json<AuditAnchors>, Failure> {
    Ok(Json(audit::anchors::show(&scene.app, &scene.caller, &scene.project).await?))
}

/// Writes anchors now. Where to is the server's configuration alone.
#[utoipa::path(post, path = "/audit/anchors", tag = "audit", params(("project" = String, Path)),
    responses((status = 200, description = "anchors", body = AuditAnchors), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn anchor(scene: Scene<ReadsAudit>, _: Query<NoParams>) -> Result<Json<AuditAnchors>, Failure> {
    Ok(Json(audit::anchors::write(&scene.app, &scene.caller, &scene.project).await?))
}

fn head(text: &str) -> Result<AuditAnchor, Failure> {
    let mut parts = text.rsplitn(3, ':');
    let (link, seq, node) = (parts.next(), parts.next().and_then(|seq| seq.parse().ok()), parts.next());
    match (node, seq, link) {
        (Some(node), Some(seq), Some(link)) => {
            Ok(AuditAnchor { instance: None, node: node.to_owned(), seq, link: link.to_ascii_lowercase(), at: None })
        }
        _ => Err(Failure::invalid("head", "a head is written NODE:SEQ:LINK, as an earlier verdict showed it")),
    }
}
