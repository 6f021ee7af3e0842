//! `/api/v1/logins`: command lines that sign in through a browser.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::people::{BeginLogin, BegunLogin, ClaimLogin, CommandLineSession, WaitingLogin};
use strongroom_api::{Plaintext, Problem};
use strongroom_app::SessionKind;
use strongroom_app::accounts::logins::{self, INTERVAL_SECONDS};

use super::NoParams;
use super::session::{Door, command_line};
use crate::extract::{Json, Query, Values};
use crate::failure::Failure;
use crate::session;

/// Begins a login of a command line: a person types the user code at the address, and confirms.
#[utoipa::path(post, path = "/logins", tag = "sessions", security(()), request_body = BeginLogin,
    responses((status = 201, description = "the codes, once", body = BegunLogin), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn begin_login(
    door: Door,
    _: Query<NoParams>,
    Json(body): Json<BeginLogin>,
) -> Result<Response, Failure> {
    let mut visitor = session::visitor(door.peer, &door.id, &door.headers);
    visitor.kind = SessionKind::CommandLine;
    if let Some(label) = body.label {
        visitor.label = label.chars().filter(|letter| !letter.is_control()).take(100).collect();
    }
    let base = door.served.app.reached_at()?;
    let begun = logins::begin(&door.served.app, &visitor)?;
    let device_code = strongroom_secret::SecretValue::new(begun.device_code.as_str().to_owned());
    let device_code =
        device_code.map_err(|_| Failure::new(strongroom_api::Code::Internal, "the answer could not be written"))?;
    let body = BegunLogin {
        device_code: Plaintext(device_code),
        user_code: begun.user_code,
        url: format!("{base}/login"),
        interval: INTERVAL_SECONDS,
        expires_at: begun.expires_at,
    };
    Ok((StatusCode::CREATED, Values { body, about_bytes: 512 }).into_response())
}

/// The session, once a person has confirmed the login. It is given once.
#[utoipa::path(post, path = "/logins/claim", tag = "sessions", security(()), request_body = ClaimLogin,
    responses((status = 201, description = "signed in", body = CommandLineSession), (status = 202, description = "nobody has decided yet", body = WaitingLogin), (status = "default", description = "refused; 404 if the code has run out or served, 403 if the person said no, 429 if it came too soon", body = Problem)))]
pub(crate) async fn claim_login(
    door: Door,
    _: Query<NoParams>,
    Json(body): Json<ClaimLogin>,
) -> Result<Response, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    match logins::claim(&door.served.app, &visitor, body.device_code.0.expose()).await? {
        None => Ok((StatusCode::ACCEPTED, Json(WaitingLogin { interval: INTERVAL_SECONDS })).into_response()),
        Some(entered) => command_line(&entered),
    }
}
