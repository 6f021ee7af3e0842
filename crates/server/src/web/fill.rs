//! `/fill/{code}`: somebody without an account fills in what he was asked for. The code in the address is all that lets him
//! in; it is in no log, and no other site is told it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use strongroom_api::Code;
use strongroom_api::links::Asked;
use strongroom_app::links::{self, Visitor};
use strongroom_secret::SecretValue;

use super::forms::Form;
use super::frame::Frame;
use super::problem::Notice;
use super::show_quietly;
use super::when::When;
use crate::api::links::send;
use crate::extract::Guest;
use crate::failure::Failure;
use crate::router::Served;

#[derive(Template)]
#[template(path = "fill/ask.html")]
struct AskPage {
    frame: Frame,
    asked: Asked,
    asked_by: String,
    until: When,
    rows: Vec<Row>,
    notice: Option<Notice>,
}

/// One field.
struct Row {
    id: String,
    name: String,
    description: Option<String>,
}

#[derive(Template)]
#[template(path = "fill/done.html")]
struct DonePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "fill/gone.html")]
struct GonePage {
    frame: Frame,
}

fn titled(title: &str) -> Frame {
    Frame { title: title.to_owned(), ..Frame::default() }
}

/// The form. Opening it uses nothing up.
pub(crate) async fn form(
    State(served): State<Arc<Served>>,
    Guest(visitor): Guest,
    Path(code): Path<String>,
) -> Result<Response, Failure> {
    match asked(&served, &visitor, &code).await? {
        Some(asked) => Ok(ask(&served, asked, StatusCode::OK, None)),
        None => Ok(gone()),
    }
}

/// Takes what was filled in, or shows the form again with what is wrong. A value that was typed has to be typed again: it
/// is in no page.
pub(crate) async fn submit(
    State(served): State<Arc<Served>>,
    Guest(visitor): Guest,
    Path(code): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let Some(asked) = asked(&served, &visitor, &code).await? else { return Ok(gone()) };
    let sent = match values(&asked, &form) {
        Ok(values) => send(&served, &visitor, &code, values).await,
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(()) => Ok(show_quietly(StatusCode::OK, &DonePage { frame: titled("Thank you") })),
        Err(failure) if failure.0.code == Code::NotFound => Ok(gone()),
        Err(failure) if failure.0.code == Code::Invalid => {
            let (status, notice) = failure.into();
            Ok(ask(&served, asked, status, Some(notice)))
        }
        Err(failure) => Err(failure),
    }
}

/// The fields that are filled in, of those that were asked for.
fn values(asked: &Asked, form: &Form) -> Result<Vec<(String, SecretValue)>, Failure> {
    let value = |secret: &strongroom_api::secrets::Declaration| {
        let value = form.value(&secret.name).transpose()?;
        Some(value.map(|value| (secret.name.clone(), value)))
    };
    asked.secrets.iter().filter_map(value).collect()
}

/// What the code's link asks for; none where it opens nothing.
async fn asked(served: &Served, visitor: &Visitor, code: &str) -> Result<Option<Asked>, Failure> {
    match links::look(&served.app, visitor, code).await {
        Ok(asked) => Ok(Some(asked)),
        Err(strongroom_app::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn ask(served: &Served, asked: Asked, status: StatusCode, notice: Option<Notice>) -> Response {
    let rows = asked.secrets.iter().enumerate().map(|(index, secret)| Row {
        id: format!("value-{index}"),
        name: secret.name.clone(),
        description: secret.description.clone(),
    });
    let page = AskPage {
        frame: titled("Fill in"),
        asked_by: name(&asked.asked_by),
        until: When::new(asked.expires_at, served.app.now()),
        rows: rows.collect(),
        asked,
        notice,
    };
    show_quietly(status, &page)
}

fn gone() -> Response {
    show_quietly(StatusCode::NOT_FOUND, &GonePage { frame: titled("This address does not work") })
}

/// The name that people know whoever made a link by.
fn name(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("user", name)) => name.to_owned(),
        Some(("token", name)) => format!("The team, by its token “{name}”,"),
        Some(("agent", name)) => format!("The team, by its assistant “{name}”,"),
        _ => "The owner".to_owned(),
    }
}
