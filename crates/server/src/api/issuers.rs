//! `/issuers`

use axum::extract::Path;
use axum::response::Response;
use strongroom_api::issuers::{AddIssuer, AddedIssuer, IssuerItem};
use strongroom_api::projects::Gone;
use strongroom_api::{Page, Problem};
use strongroom_app::identity::{self, KeySource, NewIssuer};
use strongroom_model::TrustName;

use super::secrets::last;
use super::{NoParams, PageParams};
use crate::extract::{Administers, Json, Query, Scene, created};
use crate::failure::Failure;
use crate::place;

/// The issuers whose tokens say who an end user is. Never a shared key.
#[utoipa::path(get, path = "/issuers", tag = "issuers", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "issuers", body = Page<IssuerItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Administers>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<IssuerItem>>, Failure> {
    let issuers = identity::list(&scene.app, &scene.caller, &scene.project).await?;
    page.of("issuers", issuers, |item| item.name.clone())
}

/// Trusts an issuer.
#[utoipa::path(post, path = "/issuers", tag = "issuers", params(("project" = String, Path)), request_body = AddIssuer,
    responses((status = 201, description = "trusted from now on", body = AddedIssuer), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn add(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<AddIssuer>,
) -> Result<Response, Failure> {
    let keys = match (body.jwks_url, body.shared_key) {
        (None, None) => KeySource::Discovered,
        (Some(url), None) => KeySource::Url(url),
        (None, Some(key)) => KeySource::Shared(key.0),
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("shared_key", "an issuer has published keys or a shared one, not both"));
        }
    };
    let new = NewIssuer {
        name: place::required("name", &body.name)?,
        issuer: place::required("issuer", &body.issuer)?,
        audience: body.audience,
        keys,
    };
    let added = identity::add(&scene.app, &scene.caller, &scene.project, new).await?;
    Ok(created(AddedIssuer { item: added.item, warnings: added.warnings }))
}

/// Trusts an issuer no longer, at once.
#[utoipa::path(delete, path = "/issuers/{name}", tag = "issuers", params(("project" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "no longer trusted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<Gone>, Failure> {
    let name: TrustName = place::required("name", last(&path))?;
    identity::delete(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(Json(Gone { name: name.to_string(), status: "deleted".to_owned() }))
}
