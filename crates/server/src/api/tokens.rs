//! `/tokens`

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use strongroom_api::access::{CreateToken, CreatedToken, TokenItem};
use strongroom_api::{Page, Problem};
use strongroom_app::tokens::{self, NewToken};
use strongroom_app::{Error, Fault};
use strongroom_model::{Capability, Expiry, Grant, Id, ProjectName};

use super::secrets::last;
use super::{NoParams, PageParams, expiry, newest};
use crate::extract::{Administers, Json, Query, Scene, created};
use crate::failure::Failure;
use crate::place;

/// A project's tokens, newest first. Never the tokens themselves.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "records", body = Page<TokenItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Administers>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<TokenItem>>, Failure> {
    let tokens = tokens::list(&scene.app, &scene.caller, &scene.project).await?;
    page.of("tokens", tokens, |item| newest(item.created_at, &item.id))
}

/// Mints a token and shows it once. A repeat with the same `Idempotency-Key` answers 409 with the record.
#[utoipa::path(post, path = "/tokens", tag = "tokens", params(("project" = String, Path)), request_body = CreateToken,
    responses((status = 201, description = "the token, once", body = CreatedToken), (status = 409, description = "minted already", body = TokenItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<CreateToken>,
) -> Result<Response, Failure> {
    let new = parse(&scene.project, body)?;
    match tokens::create(&scene.app, &scene.caller, new).await {
        Ok(token) => Ok(created(token)),
        Err(Error::Repeated { reference }) => {
            let id: Id = place::required("id", &reference)?;
            let record = tokens::show(&scene.app, &scene.caller, &scene.project, id).await?;
            Ok((http::StatusCode::CONFLICT, Json(record)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// What is to be minted, with all problems at once.
pub(crate) fn parse(project: &ProjectName, body: CreateToken) -> Result<NewToken, Failure> {
    let mut faults = Vec::new();
    let mut capabilities = Vec::new();
    for word in &body.capabilities {
        match Capability::from_word(word) {
            Some(capability) if !capabilities.contains(&capability) => capabilities.push(capability),
            Some(_) => {}
            None => {
                let all: Vec<_> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
                faults.push(Fault::new(
                    "capabilities",
                    format!("there is no such capability; there are {}", all.join(", ")),
                ));
            }
        }
    }
    let mut namespaces = Vec::new();
    for text in &body.namespaces {
        match text.parse() {
            Ok(namespace) => namespaces.push(namespace),
            Err(error) => faults.push(Fault::new("namespaces", error)),
        }
    }
    let mut from = Vec::new();
    for text in &body.from {
        match text.parse() {
            Ok(range) if !from.contains(&range) => from.push(range),
            Ok(_) => {}
            Err(error) => faults.push(Fault::new("from", error)),
        }
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults).into());
    }
    let grant = Grant {
        project: project.clone(),
        namespaces,
        app: place::optional("app", body.app.as_deref())?,
        names: place::names(body.names.iter().map(String::as_str))?,
        capabilities,
        agent: body.agent,
    };
    let expires = expiry(body.expires_at.as_deref())?.unwrap_or(Expiry::Never);
    Ok(NewToken { name: body.name, grant, from, expires })
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("project" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "the revoked record", body = TokenItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn revoke(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<TokenItem>, Failure> {
    let id: Id = place::required("id", last(&path))?;
    Ok(Json(tokens::revoke(&scene.app, &scene.caller, &scene.project, id).await?))
}
