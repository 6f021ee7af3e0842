//! `/links` and `/api/v1/fill`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use strongroom_api::links::{Asked, CreateLink, CreatedLink, Fill, FilledIn, LinkItem, LookAtLink};
use strongroom_api::{Page, Problem};
use strongroom_app::links::{self, Existing, NewLink, Visitor};
use strongroom_app::{Error, Fault, secrets::Declare};
use strongroom_model::Id;
use strongroom_secret::SecretValue;

use super::secrets::{description, last, text};
use super::{NoParams, PageParams, expiry, newest};
use crate::extract::{Guest, Json, Query, Scene, Writes, created};
use crate::failure::Failure;
use crate::place::{self, Parts};
use crate::router::Served;

/// Links that ask for what the caller may write, newest first. Never their addresses.
#[utoipa::path(get, path = "/links", tag = "links", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "records", body = Page<LinkItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Writes>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<LinkItem>>, Failure> {
    let links = links::list(&scene.app, &scene.caller, &scene.project).await?;
    page.of("links", links, |item| newest(item.created_at, &item.id))
}

/// Registers what is not there yet and makes a one-time address where somebody without an account fills the values in. A
/// repeat with the same `Idempotency-Key` answers 409 with the record.
#[utoipa::path(post, path = "/links", tag = "links", params(("project" = String, Path)), request_body = CreateLink,
    responses((status = 201, description = "the address, once", body = CreatedLink), (status = 409, description = "made already", body = LinkItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create(
    scene: Scene<Writes>,
    _: Query<NoParams>,
    Json(body): Json<CreateLink>,
) -> Result<Response, Failure> {
    let new = parse(body)?;
    match links::create(&scene.app, &scene.caller, &scene.project, new).await {
        Ok(link) => Ok(created(link)),
        Err(Error::Repeated { reference }) => {
            let id: Id = place::required("id", &reference)?;
            let record = links::show(&scene.app, &scene.caller, &scene.project, id).await?;
            Ok((http::StatusCode::CONFLICT, Json(record)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn parse(body: CreateLink) -> Result<NewLink, Failure> {
    let scope = Parts::new(body.scope.as_ref(), body.namespace.as_ref(), body.app.as_ref()).scope()?;
    if body.secrets.is_empty() {
        return Err(Error::Invalid(vec![Fault::new("secrets", "there is nothing to ask for")]).into());
    }
    let allowed = place::names(body.allow_names.iter().map(String::as_str))?;
    let names = place::names_to_set(body.secrets.iter().map(|entry| entry.name.as_str()), &allowed)?;
    for entry in &body.secrets {
        description(entry.description.as_ref())?;
    }
    let descriptions = body.secrets.into_iter().map(|entry| text(entry.description));
    let entries = names.into_iter().zip(descriptions).collect();
    Ok(NewLink {
        declare: Declare { scope, entries, force: body.force, allowed },
        existing: if body.replace { Existing::Replaced } else { Existing::Kept },
        expires: expiry(body.expires_at.as_deref())?,
    })
}

/// Revokes a link at once.
#[utoipa::path(delete, path = "/links/{id}", tag = "links", params(("project" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "the record", body = LinkItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn revoke(
    scene: Scene<Writes>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<LinkItem>, Failure> {
    let id: Id = place::required("id", last(&path))?;
    Ok(Json(links::revoke(&scene.app, &scene.caller, &scene.project, id).await?))
}

/// What a link asks for. Needs no credential but the code, and does not use it up.
#[utoipa::path(post, path = "/fill/look", tag = "links", security(()), request_body = LookAtLink,
    responses((status = 200, description = "what is asked for", body = Asked), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn look(
    State(served): State<Arc<Served>>,
    Guest(visitor): Guest,
    _: Query<NoParams>,
    Json(body): Json<LookAtLink>,
) -> Result<Json<Asked>, Failure> {
    Ok(Json(links::look(&served.app, &visitor, &body.code).await?))
}

/// Sends values in. Needs no credential but the code, and uses it up.
#[utoipa::path(post, path = "/fill", tag = "links", security(()), request_body = Fill,
    responses((status = 200, description = "received", body = FilledIn), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn fill(
    State(served): State<Arc<Served>>,
    Guest(visitor): Guest,
    _: Query<NoParams>,
    Json(body): Json<Fill>,
) -> Result<Json<FilledIn>, Failure> {
    send(&served, &visitor, &body.code, body.secrets.0).await?;
    Ok(Json(FilledIn { status: "received".to_owned() }))
}

/// Sends values in for a link. A name that is none is reported by its position, since it may be a value in the wrong place.
pub(crate) async fn send(
    served: &Served,
    visitor: &Visitor,
    code: &str,
    secrets: Vec<(String, SecretValue)>,
) -> Result<(), Failure> {
    // a code that opens nothing says so before anything of the values is looked at
    links::look(&served.app, visitor, code).await?;
    let names = place::names(secrets.iter().map(|(name, _)| name.as_str()))?;
    let values = names.into_iter().zip(secrets.into_iter().map(|(_, value)| value)).collect();
    Ok(links::fill(&served.app, visitor, code, values).await?)
}
