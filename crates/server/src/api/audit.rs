//! `/audit`

use serde::Deserialize;
use strongroom_api::trail::{AuditItem, AuditVerdict, ChainHead};
use strongroom_api::{Page, Problem};
use strongroom_app::audit;

use super::{limit, moment};
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
    let kept = params.head.as_deref().map(head).transpose()?;
    Ok(Json(audit::verify(&scene.app, &scene.caller, &scene.project, kept.as_ref()).await?))
}

fn head(text: &str) -> Result<ChainHead, Failure> {
    let mut parts = text.rsplitn(3, ':');
    let (link, seq, node) = (parts.next(), parts.next().and_then(|seq| seq.parse().ok()), parts.next());
    match (node, seq, link) {
        (Some(node), Some(seq), Some(link)) => {
            Ok(ChainHead { node: node.to_owned(), seq, link: link.to_ascii_lowercase() })
        }
        _ => Err(Failure::invalid("head", "a head is written NODE:SEQ:LINK, as an earlier verdict showed it")),
    }
}
