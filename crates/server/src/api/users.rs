//! `/api/v1/users`, `/api/v1/invitations`

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::people::{
    AcceptInvitation, CreatedInvitation, InvitationItem, Invite, SessionItem, UpdateUser, UserItem,
};
use strongroom_api::{Code, Page, Plaintext, Problem};
use strongroom_app::accounts::users::{self, Change};
use strongroom_model::{AccountName, Id};

use super::members::membership;
use super::secrets::last;
use super::session::Door;
use super::{NoParams, PageParams, newest};
use crate::extract::{Json, ManagesInstance, Query, Scene, Values};
use crate::failure::Failure;
use crate::{place, session};

/// Everybody who has an account. For admins of the instance.
#[utoipa::path(get, path = "/users", tag = "users", params(PageParams),
    responses((status = 200, description = "accounts", body = Page<UserItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<ManagesInstance>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<UserItem>>, Failure> {
    page.of("users", users::list(&scene.app, &scene.caller).await?, |item| item.name.clone())
}

/// Disables or enables an account, or makes its person an admin of the instance or not. Either ends the person's sessions.
#[utoipa::path(patch, path = "/users/{name}", tag = "users", params(("name" = String, Path)), request_body = UpdateUser,
    responses((status = 200, description = "the account", body = UserItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn update(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
    Json(body): Json<UpdateUser>,
) -> Result<Json<UserItem>, Failure> {
    let name: AccountName = place::required("name", last(&path))?;
    let change = match (body.disabled, body.instance_admin) {
        (Some(true), None) => Change::Disable,
        (Some(false), None) => Change::Enable,
        (None, Some(true)) => Change::MakeAdmin,
        (None, Some(false)) => Change::UnmakeAdmin,
        _ => return Err(Failure::invalid("body", "give either \"disabled\" or \"instance_admin\"")),
    };
    Ok(Json(users::change(&scene.app, &scene.caller, &name, change).await?))
}

/// Deletes an account with its memberships and sessions, and revokes the tokens that its person minted.
#[utoipa::path(delete, path = "/users/{name}", tag = "users", params(("name" = String, Path)),
    responses((status = 200, description = "who it was", body = UserItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<UserItem>, Failure> {
    let name: AccountName = place::required("name", last(&path))?;
    Ok(Json(users::change(&scene.app, &scene.caller, &name, Change::Delete).await?))
}

/// Invitations, newest first. Never their codes.
#[utoipa::path(get, path = "/invitations", tag = "users", params(PageParams),
    responses((status = 200, description = "records", body = Page<InvitationItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn invitations(
    scene: Scene<ManagesInstance>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<InvitationItem>>, Failure> {
    let invitations = users::invitations(&scene.app, &scene.caller).await?;
    page.of("invitations", invitations, |item| newest(item.created_at, &item.id))
}

/// Invites somebody: the answer has the address at which that person chooses a password, once, within seven days.
#[utoipa::path(post, path = "/invitations", tag = "users", request_body = Invite,
    responses((status = 201, description = "the address, once", body = CreatedInvitation), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn invite(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Json(body): Json<Invite>,
) -> Result<Response, Failure> {
    let body = made(&scene, &body).await?;
    Ok((StatusCode::CREATED, Values { body, about_bytes: 512 }).into_response())
}

/// Makes an invitation as it was asked for.
pub(crate) async fn made(scene: &Scene<ManagesInstance>, asked: &Invite) -> Result<CreatedInvitation, Failure> {
    let name = place::required("name", &asked.name)?;
    let place = match (asked.project.as_deref(), asked.role.as_deref()) {
        (Some(project), Some(role)) => {
            Some((place::required("project", project)?, membership(role, &asked.namespaces)?))
        }
        (None, None) if asked.namespaces.is_empty() => None,
        _ => return Err(Failure::invalid("role", "give \"project\" and \"role\" together, or neither")),
    };
    let invite = users::Invite { name, is_admin: asked.instance_admin, place };
    let base = scene.app.reached_at()?;
    let (item, code) = users::invite(&scene.app, &scene.caller, invite).await?;
    let url = strongroom_secret::SecretValue::new(format!("{base}/invitation/{}", code.as_str()));
    let url = Plaintext(url.map_err(|_| Failure::new(Code::Internal, "the address could not be made"))?);
    Ok(CreatedInvitation { url, item })
}

/// Withdraws an invitation.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "users", params(("id" = String, Path)),
    responses((status = 200, description = "the record", body = InvitationItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn withdraw(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<InvitationItem>, Failure> {
    let id: Id = place::required("id", last(&path))?;
    Ok(Json(users::withdraw(&scene.app, &scene.caller, id).await?))
}

/// Makes the account that an invitation is for, once, and signs its person in.
#[utoipa::path(post, path = "/invitations/accept", tag = "users", security(()), request_body = AcceptInvitation,
    responses((status = 201, description = "signed in", body = SessionItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn accept(
    door: Door,
    _: Query<NoParams>,
    Json(body): Json<AcceptInvitation>,
) -> Result<Response, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = users::accept(&door.served.app, &visitor, body.code.0.expose(), body.password.0).await?;
    Ok(door.entered(StatusCode::CREATED, &entered))
}
