//! `/trusts` and `/login/jwt`

use std::time::Duration;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::access::CreateToken;
use strongroom_api::projects::Gone;
use strongroom_api::trusts::{AddTrust, AddedTrust, LoginByJwt, TrustItem, WorkloadToken};
use strongroom_api::{Code, Page, Plaintext, Problem};
use strongroom_app::identity::trusts::{self, NewTrust, Preset, TrustKeys, USUAL};
use strongroom_model::{Lifetime, ProjectName, TrustName};
use strongroom_secret::SecretValue;

use super::secrets::last;
use super::session::Door;
use super::{NoParams, PageParams, tokens};
use crate::extract::{Administers, Json, Query, Scene, Values, created};
use crate::failure::Failure;
use crate::{place, session};

/// The platforms whose workloads sign in with their own tokens.
#[utoipa::path(get, path = "/trusts", tag = "trusts", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "trusts", body = Page<TrustItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Administers>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<TrustItem>>, Failure> {
    let trusts = trusts::list(&scene.app, &scene.caller, &scene.project).await?;
    page.of("trusts", trusts, |item| item.name.clone())
}

/// Trusts a platform: whoever shows a token of it with exactly these claims gets a token of this project for minutes.
#[utoipa::path(post, path = "/trusts", tag = "trusts", params(("project" = String, Path)), request_body = AddTrust,
    responses((status = 201, description = "trusted from now on", body = AddedTrust), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn add(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<AddTrust>,
) -> Result<Response, Failure> {
    let new = parse(&scene.project, body)?;
    let (item, warnings) = trusts::add(&scene.app, &scene.caller, &scene.project, new).await?;
    Ok(created(AddedTrust { item, warnings }))
}

fn parse(project: &ProjectName, body: AddTrust) -> Result<NewTrust, Failure> {
    let keys = match (body.jwks_url, body.jwks) {
        (None, None) => TrustKeys::Discovered,
        (Some(url), None) => TrustKeys::Url(url),
        (None, Some(keys)) => TrustKeys::Given(keys),
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("jwks", "the keys are fetched or given, not both"));
        }
    };
    let preset = match body.preset.as_deref() {
        None => None,
        Some(word) => Some(Preset::from_word(word).ok_or_else(|| {
            Failure::invalid("preset", "a preset is github, gitlab or kubernetes; leave it out for anything else")
        })?),
    };
    let name: TrustName = place::required("name", &body.name)?;
    let token = CreateToken {
        name: name.to_string(),
        capabilities: body.capabilities,
        namespaces: body.namespaces,
        app: body.app,
        names: body.names,
        from: body.from,
        agent: false,
        expires_at: None,
    };
    Ok(NewTrust {
        name,
        preset,
        issuer: body.issuer.as_deref().map(|issuer| place::required("issuer", issuer)).transpose()?,
        audience: body.audience,
        keys,
        claims: body.claims,
        token: tokens::parse(project, token)?,
        lasts: lasts(body.lasts.as_deref())?,
    })
}

fn lasts(text: Option<&str>) -> Result<Duration, Failure> {
    let Some(text) = text else { return Ok(USUAL) };
    let wrong = || Failure::invalid("lasts", "a sign-in lasts from 1m to 12h, such as 15m");
    let time: Lifetime = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time.duration()).map_err(|_| wrong())
}

/// Trusts a platform no longer, and revokes what its workloads got, at once.
#[utoipa::path(delete, path = "/trusts/{name}", tag = "trusts", params(("project" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "no longer trusted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<Gone>, Failure> {
    let name: TrustName = place::required("name", last(&path))?;
    trusts::delete(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(Json(Gone { name: name.to_string(), status: "deleted".to_owned() }))
}

/// Signs a workload in with its platform's token. Whatever is wrong, the answer is the same.
#[utoipa::path(post, path = "/login/jwt", tag = "trusts", security(()), request_body = LoginByJwt,
    responses((status = 201, description = "a token for minutes, once", body = WorkloadToken), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn log_in(door: Door, _: Query<NoParams>, Json(body): Json<LoginByJwt>) -> Result<Response, Failure> {
    let trust: TrustName = place::required("trust", &body.trust)?;
    let project = match &body.project {
        Some(name) => place::required("project", name)?,
        None => ProjectName::default_project(),
    };
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let minted = trusts::log_in(&door.served.app, &visitor, (&project, &trust), body.jwt.0.expose()).await?;
    let unwritten = |_| Failure::new(Code::Internal, "the token could not be written");
    let token = SecretValue::new(minted.token.as_str().to_owned()).map_err(unwritten)?;
    let item = minted.item;
    let body = WorkloadToken {
        token: Plaintext(token),
        id: item.id,
        project: item.project,
        capabilities: item.capabilities,
        namespaces: item.namespaces,
        expires_at: item.expires_at.unwrap_or_default(),
    };
    Ok((StatusCode::CREATED, Values { body, about_bytes: 512 }).into_response())
}
