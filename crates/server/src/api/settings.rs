//! `/settings/secrets`: secrets of the scopes system and user.

use axum::extract::Path;
use serde::Deserialize;
use strongroom_api::secrets::{SecretDetail, SecretItem, UpdateSecret, Written};
use strongroom_api::{Page, Problem};
use strongroom_app::identity;
use strongroom_app::secrets::{self, Delete, ListQuery, Presence, Write};
use strongroom_model::{EndUser, IssuerUrl, Scope, ScopeKind, SecretName, UserId};

use super::secrets::{change, if_match, last};
use super::{from_cursor, limit, to_cursor};
use crate::extract::{Deletes, Json, Lists, Preconditions, Query, Scene, Writes};
use crate::failure::Failure;
use crate::place::{self, optional};

/// Whose secrets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserParams {
    /// The end user; the system's secrets unless named.
    user: Option<String>,
    /// That user's issuer; not needed where the project trusts one alone.
    issuer: Option<String>,
}

/// Which settings secrets to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SettingsListParams {
    /// The end user; the system's secrets unless named.
    user: Option<String>,
    /// That user's issuer; not needed where the project trusts one alone.
    issuer: Option<String>,
    /// At most this many: 1000.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The scope that is meant. An end user is known by an issuer and an id there; one issuer need not be named.
async fn scope<N>(
    scene: &Scene<N>,
    (user, issuer): (Option<&String>, Option<&String>),
    name: Option<&SecretName>,
) -> Result<Scope, Failure> {
    let text = |text: Option<&'_ String>| text.map(String::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let user: Option<UserId> = optional("user", text(user).as_deref())?;
    let issuer: Option<IssuerUrl> = optional("issuer", text(issuer).as_deref())?;
    match (user, issuer) {
        (None, None) => Ok(Scope::System),
        (None, Some(_)) => Err(Failure::invalid("issuer", "an issuer says whose user is meant: name the user too")),
        (Some(user), Some(issuer)) => Ok(Scope::User(EndUser::new(&issuer, &user))),
        (Some(user), None) => {
            let scope = Scope::User(EndUser::unclaimed(&user));
            Ok(identity::claimed(&scene.app, &scene.project, scope, name).await?)
        }
    }
}

/// Lists the system's secrets, or one end user's.
#[utoipa::path(get, path = "/settings/secrets", tag = "settings", params(("project" = String, Path), SettingsListParams),
    responses((status = 200, description = "a page", body = Page<SecretItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Lists>,
    Query(params): Query<SettingsListParams>,
) -> Result<Json<Page<SecretItem>>, Failure> {
    let scope = scope(&scene, (params.user.as_ref(), params.issuer.as_ref()), None).await?;
    let query = ListQuery {
        scope: Some(if scope.user().is_some() { ScopeKind::User } else { ScopeKind::System }),
        user: scope.user().cloned(),
        limit: limit(params.limit, 1_000)?,
        after: params.cursor.as_deref().filter(|text| !text.is_empty()).map(from_cursor).transpose()?,
        ..ListQuery::default()
    };
    let (items, next) = secrets::list(&scene.app, &scene.caller, &scene.project, query).await?;
    Ok(Json(Page { items, next_cursor: next.map(to_cursor) }))
}

/// One settings secret's metadata.
#[utoipa::path(get, path = "/settings/secrets/{name}", tag = "settings", params(("project" = String, Path), ("name" = String, Path), UserParams),
    responses((status = 200, description = "metadata", body = SecretDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(
    scene: Scene<Lists>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<UserParams>,
) -> Result<Json<SecretDetail>, Failure> {
    let name = place::name(last(&path))?;
    let scope = scope(&scene, (params.user.as_ref(), params.issuer.as_ref()), Some(&name)).await?;
    Ok(Json(secrets::detail(&scene.app, &scene.caller, &scene.project, &scope, &name).await?))
}

/// Sets a settings secret.
#[utoipa::path(put, path = "/settings/secrets/{name}", tag = "settings", params(("project" = String, Path), ("name" = String, Path), UserParams), request_body = UpdateSecret,
    responses((status = 200, description = "written", body = Written), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn set(
    scene: Scene<Writes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<UserParams>,
    preconditions: Preconditions,
    Json(body): Json<UpdateSecret>,
) -> Result<Json<Written>, Failure> {
    let name = place::name(last(&path))?;
    let scope = scope(&scene, (params.user.as_ref(), params.issuer.as_ref()), Some(&name)).await?;
    agrees(&scope, &name, &body)?;
    let force = body.force;
    let write = Write {
        scope,
        changes: vec![change(name, body)?],
        presence: Presence::Any,
        force,
        if_version: if_match(&preconditions)?,
        allowed: Vec::new(),
        dry_run: false,
    };
    Ok(Json(secrets::write(&scene.app, &scene.caller, &scene.project, write).await?))
}

/// A body that names its place names the one in the address.
fn agrees(scope: &Scope, name: &SecretName, body: &UpdateSecret) -> Result<(), Failure> {
    let differs = |said: &Option<String>, own: &str| said.as_ref().is_some_and(|said| !said.is_empty() && said != own);
    let all = [
        ("name", differs(&body.name, name.as_str())),
        ("scope", differs(&body.scope, &scope.kind().to_string())),
        ("namespace", differs(&body.namespace, "")),
        ("app", differs(&body.app, "")),
    ];
    match all.into_iter().find(|(_, differs)| *differs) {
        Some((at, _)) => Err(Failure::invalid(at, format!("the address and the body disagree about the {at}"))),
        None => Ok(()),
    }
}

/// Deletes a settings secret.
#[utoipa::path(delete, path = "/settings/secrets/{name}", tag = "settings", params(("project" = String, Path), ("name" = String, Path), UserParams),
    responses((status = 200, description = "deleted", body = Written), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Deletes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<UserParams>,
) -> Result<Json<Written>, Failure> {
    let name = place::name(last(&path))?;
    let scope = scope(&scene, (params.user.as_ref(), params.issuer.as_ref()), Some(&name)).await?;
    let delete = Delete { scope, name, force: true, purge: false };
    Ok(Json(secrets::delete(&scene.app, &scene.caller, &scene.project, delete).await?))
}
