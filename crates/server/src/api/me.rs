//! `/api/v1/me/secrets`: end users and their own secrets.

use axum::extract::Path;
use serde::Deserialize;
use strongroom_api::issuers::{OwnSecret, SetOwnSecret};
use strongroom_api::projects::Gone;
use strongroom_api::{Page, Problem};
use strongroom_app::identity;

use super::secrets::last;
use super::{PageParams, expiry};
use crate::extract::{Json, Query, Scene};
use crate::failure::Failure;
use crate::place;

/// Whose end user one is.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MeParams {
    /// The project whose trusted issuer signed the token: `default` unless named. Read by the guard.
    #[serde(rename = "project")]
    #[expect(dead_code, reason = "the guard has read it; here it is known and documented")]
    project: Option<String>,
}

/// Whose end user one is, and which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MeListParams {
    /// The project whose trusted issuer signed the token: `default` unless named. Read by the guard.
    #[serde(rename = "project")]
    #[expect(dead_code, reason = "the guard has read it; here it is known and documented")]
    project: Option<String>,
    /// At most this many: 100 unless given, 1000 at most.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The names of the end user's own secrets. The bearer is a token of the issuer that the project trusts.
#[utoipa::path(get, path = "/me/secrets", tag = "me", params(MeListParams),
    responses((status = 200, description = "names, never values", body = Page<OwnSecret>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(scene: Scene, Query(params): Query<MeListParams>) -> Result<Json<Page<OwnSecret>>, Failure> {
    let items = identity::own_secrets(&scene.app, &scene.caller).await?;
    let page = PageParams { limit: params.limit, cursor: params.cursor };
    page.of("me", items, |item| item.name.clone())
}

/// Sets one of the end user's own secrets. Code that runs for him reads it from the next invocation on.
#[utoipa::path(put, path = "/me/secrets/{name}", tag = "me", params(("name" = String, Path), MeParams), request_body = SetOwnSecret,
    responses((status = 200, description = "set", body = OwnSecret), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn set(
    scene: Scene,
    Path(path): Path<Vec<(String, String)>>,
    _: Query<MeParams>,
    Json(body): Json<SetOwnSecret>,
) -> Result<Json<OwnSecret>, Failure> {
    let name = place::name(last(&path))?;
    let expires = expiry(body.expires_at.as_deref())?;
    Ok(Json(identity::set_own_secret(&scene.app, &scene.caller, name, body.value.0, expires).await?))
}

/// Deletes one of the end user's own secrets.
#[utoipa::path(delete, path = "/me/secrets/{name}", tag = "me", params(("name" = String, Path), MeParams),
    responses((status = 200, description = "deleted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene,
    Path(path): Path<Vec<(String, String)>>,
    _: Query<MeParams>,
) -> Result<Json<Gone>, Failure> {
    let name = place::name(last(&path))?;
    identity::delete_own_secret(&scene.app, &scene.caller, name.clone()).await?;
    Ok(Json(Gone { name: name.to_string(), status: "deleted".to_owned() }))
}
