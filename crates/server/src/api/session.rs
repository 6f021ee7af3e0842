//! `/api/v1/setup`, `/api/v1/session`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use strongroom_api::people::{
    ChangePassword, CommandLineSession, Opening, OwnProject, OwnSession, SessionItem, SetUp, SignIn,
};
use strongroom_api::{Page, Plaintext, Problem};
use strongroom_app::accounts::{self, Entered, Step, own};
use strongroom_app::{Access, Caller, SessionKind};

use super::secrets::last;
use super::{NoParams, PageParams, newest};
use crate::extract::{Json, Query, Scene, Values};
use crate::failure::Failure;
use crate::peer::{Peer, RequestId};
use crate::router::Served;
use crate::{place, session};

/// What a route has at which a session begins: also for who is not signed in yet.
pub(crate) struct Door {
    pub(crate) served: Arc<Served>,
    pub(crate) peer: Peer,
    pub(crate) id: RequestId,
    pub(crate) headers: HeaderMap,
}

impl axum::extract::FromRequestParts<Arc<Served>> for Door {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut http::request::Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        // who is signed in already has the request's id with him
        let known = || parts.extensions.get::<Caller>().map(|caller| RequestId(caller.request_id.clone()));
        let id = parts.extensions.get::<RequestId>().cloned().or_else(known);
        let missing = || Failure::new(strongroom_api::Code::Internal, "the request passed no guard");
        let id = id.ok_or_else(missing)?;
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer::Process);
        Ok(Self { served: Arc::clone(served), peer, id, headers: parts.headers.clone() })
    }
}

impl Door {
    /// The answer to who has just come in.
    pub(crate) fn entered(&self, status: StatusCode, entered: &Entered) -> Response {
        self.keeps((status, Json(item(&entered.caller))).into_response(), entered)
    }

    /// The answer with what the browser is to keep.
    pub(crate) fn keeps(&self, mut response: Response, entered: &Entered) -> Response {
        let cookie = session::cookie(&self.served, &self.headers, self.peer, entered);
        response.headers_mut().append(header::SET_COOKIE, cookie);
        if let Some(cookie) = session::device(&self.served, &self.headers, self.peer, entered) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Makes the first account, with the code that the server printed. Works once, while there is no account.
#[utoipa::path(post, path = "/setup", tag = "sessions", security(()), request_body = SetUp,
    responses((status = 201, description = "signed in", body = SessionItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn set_up(door: Door, _: Query<NoParams>, Json(body): Json<SetUp>) -> Result<Response, Failure> {
    let name = place::required("name", &body.name)?;
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = accounts::set_up(&door.served.app, &visitor, &body.code, name, body.password.0).await?;
    Ok(door.entered(StatusCode::CREATED, &entered))
}

/// Signs in and sets the session's cookie. Whatever is wrong, the answer is the same; an account with a second factor asks
/// for its code once the password is right.
#[utoipa::path(post, path = "/session", tag = "sessions", security(()), request_body = SignIn,
    responses((status = 200, description = "signed in", body = SessionItem), (status = 201, description = "signed in by a command line", body = CommandLineSession), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn sign_in(door: Door, _: Query<NoParams>, Json(body): Json<SignIn>) -> Result<Response, Failure> {
    let mut visitor = session::visitor(door.peer, &door.id, &door.headers);
    if body.command_line {
        visitor.kind = SessionKind::CommandLine;
    }
    let code = body.code.map(|code| code.0);
    let attempt = accounts::SignIn { name: body.name, password: body.password.0, code };
    let entered = match accounts::sign_in(&door.served.app, &visitor, attempt).await? {
        Step::In(entered) => entered,
        Step::CodeWanted(_) => return Err(strongroom_app::Error::SecondFactor.into()),
    };
    if body.command_line {
        return command_line(&entered);
    }
    Ok(door.entered(StatusCode::OK, &entered))
}

/// The answer to a command line that has come in: its token, once.
pub(super) fn command_line(entered: &Entered) -> Result<Response, Failure> {
    let token = strongroom_secret::SecretValue::new(entered.text.as_str().to_owned());
    let token = token.map_err(|_| Failure::new(strongroom_api::Code::Internal, "the token could not be written"))?;
    let body = CommandLineSession { token: Plaintext(token), session: item(&entered.caller) };
    Ok((StatusCode::CREATED, Values { body, about_bytes: 1_024 }).into_response())
}

/// Who is signed in, and the CSRF token of the session.
#[utoipa::path(get, path = "/session", tag = "sessions",
    responses((status = 200, description = "the session", body = SessionItem), (status = "default", description = "refused, also where the caller has no session", body = Problem)))]
pub(crate) async fn show(scene: Scene, _: Query<NoParams>) -> Result<Json<SessionItem>, Failure> {
    if scene.caller.session.is_none() {
        return Err(Failure::new(strongroom_api::Code::NotFound, "this caller has no session; see /api/v1/whoami"));
    }
    Ok(Json(item(&scene.caller)))
}

/// Signs out: the session ends at once.
#[utoipa::path(delete, path = "/session", tag = "sessions",
    responses((status = 204, description = "signed out"), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn sign_out(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    scene: Scene,
    _: Query<NoParams>,
) -> Result<Response, Failure> {
    accounts::sign_out(&scene.app, &scene.caller).await?;
    served.drafts.forget(&scene.caller.actor);
    let peer = peer.map_or(Peer::Process, |Extension(peer)| peer);
    let cookie = session::cleared(&served, &headers, peer);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Changes one's own password, by the present one. Every session ends, and this one begins anew.
#[utoipa::path(put, path = "/session/password", tag = "sessions", request_body = ChangePassword,
    responses((status = 200, description = "signed in anew", body = SessionItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn password(
    door: Door,
    scene: Scene,
    _: Query<NoParams>,
    Json(body): Json<ChangePassword>,
) -> Result<Response, Failure> {
    if scene.caller.session.as_ref().is_none_or(|session| session.kind != SessionKind::Browser) {
        return Err(Failure::new(strongroom_api::Code::Forbidden, "only a browser's session changes its password"));
    }
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let passwords = (body.password.0, body.new_password.0);
    let entered = own::change_password(&scene.app, &scene.caller, &visitor, passwords).await?;
    Ok(door.entered(StatusCode::OK, &entered))
}

/// One's own sessions, newest first.
#[utoipa::path(get, path = "/sessions", tag = "sessions", params(PageParams),
    responses((status = 200, description = "sessions", body = Page<OwnSession>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(scene: Scene, Query(page): Query<PageParams>) -> Result<Json<Page<OwnSession>>, Failure> {
    let sessions = own::sessions(&scene.app, &scene.caller).await?;
    page.of("sessions", sessions, |item| newest(item.created_at, &item.id))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 204, description = "ended"), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn end(
    scene: Scene,
    _: Query<NoParams>,
    axum::extract::Path(path): axum::extract::Path<Vec<(String, String)>>,
) -> Result<StatusCode, Failure> {
    let id = place::required("id", last(&path))?;
    own::end_session(&scene.app, &scene.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address that signs one browser in as the local owner, once, within two minutes. Only with the owner's token.
#[utoipa::path(post, path = "/session/opening", tag = "sessions",
    responses((status = 201, description = "the address", body = Opening), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn open(scene: Scene, _: Query<NoParams>) -> Result<Response, Failure> {
    let base = scene.app.reached_at()?;
    let code = accounts::offer_opening(&scene.app, &scene.caller).await?;
    let url = strongroom_secret::SecretValue::new(format!("{base}/open/{}", code.as_str()));
    let url = url.map_err(|_| Failure::new(strongroom_api::Code::Internal, "the address could not be made"))?;
    Ok((StatusCode::CREATED, Values { body: Opening { url: Plaintext(url) }, about_bytes: 128 }).into_response())
}

pub(crate) fn item(caller: &Caller) -> SessionItem {
    let (is_instance_admin, mut projects) = match &caller.access {
        Access::Person { is_instance_admin, memberships, .. } => {
            let of = |(project, (_, grant)): (&strongroom_model::ProjectName, &(_, Arc<strongroom_model::Grant>))| {
                OwnProject {
                    project: project.to_string(),
                    capabilities: grant.capabilities.iter().map(ToString::to_string).collect(),
                    namespaces: grant.namespaces.iter().map(ToString::to_string).collect(),
                }
            };
            (*is_instance_admin, memberships.iter().map(of).collect())
        }
        Access::Owner | Access::Token { .. } | Access::EndUser { .. } => {
            (matches!(caller.access, Access::Owner), Vec::new())
        }
    };
    projects.sort_by(|a: &OwnProject, b| a.project.cmp(&b.project));
    let session = caller.session.as_ref();
    let name = caller.user().and_then(|_| caller.actor.split(' ').next()).and_then(|actor| actor.strip_prefix("user:"));
    SessionItem {
        id: session.map(|session| session.id.to_string()).unwrap_or_default(),
        kind: session.map_or("none", |session| session.kind.as_str()).to_owned(),
        actor: caller.actor.clone(),
        name: name.map(str::to_owned),
        is_instance_admin,
        projects,
        csrf_token: session.map(|session| session.csrf.to_string()).unwrap_or_default(),
        proved_at: session.map(|session| session.proved_at).unwrap_or_default(),
        expires_at: session.map(|session| session.expires_at).unwrap_or_default(),
    }
}
