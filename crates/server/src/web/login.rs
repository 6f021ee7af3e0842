//! `/login`: a person signs his command line in (RFC 8628). The code is typed by hand: an address that somebody sends cannot
//! carry it, so one click on it signs nobody in.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_app::accounts::logins::{self, Asked};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Hall;
use super::problem::Notice;
use super::visit::Visit;
use super::when::When;
use super::{show, show_with};
use crate::failure::Failure;

#[derive(Template)]
#[template(path = "login/ask.html")]
struct AskPage {
    frame: Frame,
    notice: Option<Notice>,
    visitor: String,
}

#[derive(Template)]
#[template(path = "login/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    code: String,
    visitor: String,
    label: String,
    source: String,
    begun: When,
}

#[derive(Template)]
#[template(path = "login/done.html")]
struct DonePage {
    frame: Frame,
    label: String,
}

fn ask(visit: &Visit, (status, notice): (StatusCode, Option<Notice>)) -> Response {
    let frame = visit.hall("Sign a command line in", Hall::Account);
    let visitor = frame.visitor.clone().unwrap_or_default();
    show_with(status, &AskPage { frame, notice, visitor })
}

/// The form for the code that the terminal shows.
pub(crate) async fn form(visit: Visit) -> Response {
    ask(&visit, (StatusCode::OK, None))
}

/// Shows who asks with the code, and asks whether he shall come in.
pub(crate) async fn look(visit: Visit, form: Form) -> Response {
    let looked = async {
        let code =
            form.text("code").ok_or_else(|| Failure::invalid("code", "type the code that your terminal shows"))?;
        Ok::<_, Failure>(logins::look(&visit.scene.app, &visit.scene.caller, code).await?)
    };
    match looked.await {
        Ok(asked) => confirm(&visit, &asked, &form.line("code")),
        Err(failure) => {
            let (status, notice): (_, Notice) = failure.into();
            ask(&visit, (status, Some(notice.without_hint())))
        }
    }
}

fn confirm(visit: &Visit, asked: &Asked, code: &str) -> Response {
    let frame = visit.hall("Is this your command line?", Hall::Account);
    let letters: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect();
    let (before, after) = letters.split_at_checked(4).unwrap_or((&letters, ""));
    show(&ConfirmPage {
        visitor: frame.visitor.clone().unwrap_or_default(),
        frame,
        code: format!("{before}-{after}"),
        label: asked.label.clone(),
        source: asked.source.clone(),
        begun: When::new(asked.begun_at, visit.scene.app.now()),
    })
}

/// Lets it in, or turns it away.
pub(crate) async fn decide(visit: Visit, form: Form) -> Result<Response, Failure> {
    let is_granted = form.text("answer") == Some("yes");
    match logins::decide(&visit.scene.app, &visit.scene.caller, &form.line("code"), is_granted).await {
        Ok(asked) if is_granted => {
            Ok(show(&DonePage { frame: visit.hall("Signed in", Hall::Account), label: asked.label }))
        }
        Ok(_) => Ok(Flash::done("It was turned away. Nobody was signed in.").at("/account")),
        Err(error) => {
            let (status, notice): (_, Notice) = Failure::from(error).into();
            Ok(ask(&visit, (status, Some(notice.without_hint()))))
        }
    }
}
