//! `/account/password`: another password.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_app::accounts::own;

use crate::api::session::Door;
use crate::failure::Failure;
use crate::session;
use crate::web::door::chosen_password;
use crate::web::forms::Form;
use crate::web::frame::{Flash, Frame};
use crate::web::nav::Hall;
use crate::web::problem::Notice;
use crate::web::show_with;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    frame: Frame,
    notice: Option<Notice>,
    /// For password managers.
    name: String,
}

fn page(visit: &Visit, (status, notice): (StatusCode, Option<Notice>)) -> Response {
    let frame = visit.hall("Change your password", Hall::Account).crumb("Your account", "/account");
    let name = frame.visitor.clone().unwrap_or_default();
    show_with(status, &PasswordPage { frame, notice, name })
}

/// The form.
pub(crate) async fn form(visit: Visit) -> Response {
    page(&visit, (StatusCode::OK, None))
}

/// Changes it: every other session ends, and this browser gets a new one.
pub(crate) async fn submit(door: Door, visit: Visit, form: Form) -> Response {
    match changed(&door, &visit, &form).await {
        Ok(response) => response,
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, (status, Some(notice)))
        }
    }
}

async fn changed(door: &Door, visit: &Visit, form: &Form) -> Result<Response, Failure> {
    let present = form.value("present")?;
    let present = present.ok_or_else(|| Failure::invalid("present", "type your present password"))?;
    let passwords = (present, chosen_password(form)?);
    let visitor = session::visitor(door.peer, &door.id, &door.headers);
    let entered = own::change_password(&visit.scene.app, &visit.scene.caller, &visitor, passwords).await?;
    let response = Flash::done("Your password is changed. Every other session of yours has ended.").at("/account");
    Ok(door.keeps(response, &entered))
}
