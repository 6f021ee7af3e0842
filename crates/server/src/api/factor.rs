//! `/api/v1/session/factor`, `/api/v1/users/{name}/factor`

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::people::{
    ConfirmedFactor, FactorCode, FactorItem, NewFactor, RecoveryCodes, SessionItem, UserItem,
};
use strongroom_api::{Code, Plaintext, Problem};
use strongroom_app::accounts::factor::{self, Standing};
use strongroom_app::accounts::users::{self, Change};
use strongroom_model::AccountName;
use strongroom_secret::SecretValue;

use super::NoParams;
use super::secrets::last;
use super::session::{Door, item};
use crate::extract::{Json, ManagesInstance, Query, Scene, Values};
use crate::failure::Failure;
use crate::{place, session};

/// One's own second factor.
#[utoipa::path(get, path = "/session/factor", tag = "factor",
    responses((status = 200, description = "how it stands", body = FactorItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show_factor(scene: Scene, _: Query<NoParams>) -> Result<Json<FactorItem>, Failure> {
    Ok(Json(match factor::standing(&scene.app, &scene.caller).await? {
        Standing::Without => FactorItem { is_set_up: false, recovery_codes: 0 },
        Standing::With { recovery_codes } => {
            FactorItem { is_set_up: true, recovery_codes: u64::try_from(recovery_codes).unwrap_or(u64::MAX) }
        }
    }))
}

/// Begins to set a second factor up. Needs a sign-in within the last 5 minutes; nothing counts before it is confirmed.
#[utoipa::path(post, path = "/session/factor", tag = "factor",
    responses((status = 201, description = "what an authenticator app takes, once", body = NewFactor), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn begin_factor(scene: Scene, _: Query<NoParams>) -> Result<Response, Failure> {
    let begun = factor::begin(&scene.app, &scene.caller).await?;
    let plain = |text: &str| SecretValue::new(text.to_owned()).map(Plaintext).map_err(|_| unwritable());
    let body = NewFactor { secret: plain(&begun.secret)?, url: plain(&begun.address)? };
    Ok((StatusCode::CREATED, Values { body, about_bytes: 512 }).into_response())
}

fn unwritable() -> Failure {
    Failure::new(Code::Internal, "the answer could not be written")
}

/// Sets the second factor up, by its first code. Every session ends, and this one begins anew.
#[utoipa::path(put, path = "/session/factor", tag = "factor", request_body = FactorCode,
    responses((status = 200, description = "set up; the recovery codes, once", body = ConfirmedFactor), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn confirm_factor(
    door: Door,
    scene: Scene,
    _: Query<NoParams>,
    Json(body): Json<FactorCode>,
) -> Result<Response, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let (codes, entered) = factor::confirm(&scene.app, &scene.caller, &visitor, body.code.0).await?;
    let recovery_codes = codes.into_iter().map(Plaintext).collect();
    let body = ConfirmedFactor { recovery_codes, session: item(&entered.caller) };
    Ok(door.keeps(Values { body, about_bytes: 2_048 }.into_response(), &entered))
}

/// Removes one's own second factor, by a code of it. Every session ends, and this one begins anew.
#[utoipa::path(post, path = "/session/factor/remove", tag = "factor", request_body = FactorCode,
    responses((status = 200, description = "signed in anew", body = SessionItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn remove_factor(
    door: Door,
    scene: Scene,
    _: Query<NoParams>,
    Json(body): Json<FactorCode>,
) -> Result<Response, Failure> {
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = factor::remove(&scene.app, &scene.caller, &visitor, body.code.0).await?;
    Ok(door.entered(StatusCode::OK, &entered))
}

/// New recovery codes in place of all earlier ones, by a code.
#[utoipa::path(post, path = "/session/factor/recovery", tag = "factor", request_body = FactorCode,
    responses((status = 200, description = "the recovery codes, once", body = RecoveryCodes), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn renew_recovery(
    scene: Scene,
    _: Query<NoParams>,
    Json(body): Json<FactorCode>,
) -> Result<Response, Failure> {
    let codes = factor::renew_recovery(&scene.app, &scene.caller, body.code.0).await?;
    let body = RecoveryCodes { recovery_codes: codes.into_iter().map(Plaintext).collect() };
    Ok(Values { body, about_bytes: 512 }.into_response())
}

/// Removes somebody's second factor, who has lost it. Ends the person's sessions. For admins of the instance, and for
/// nobody's own.
#[utoipa::path(delete, path = "/users/{name}/factor", tag = "users", params(("name" = String, Path)),
    responses((status = 200, description = "the account", body = UserItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn remove_factor_of(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<UserItem>, Failure> {
    let name: AccountName = place::required("name", last(&path))?;
    Ok(Json(users::change(&scene.app, &scene.caller, &name, Change::RemoveFactor).await?))
}
