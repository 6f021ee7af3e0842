//! `/projects/{project}/new-secret`: one more.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_app::secrets::{self, Change, Presence, Write};
use strongroom_model::SecretName;

use super::place::{self, Choice};
use super::{expiry, news};
use crate::api::secrets::description as checked_description;
use crate::extract::Writes;
use crate::failure::Failure;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::problem::Notice;
use crate::web::show_with;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "secrets/add.html")]
struct AddPage {
    frame: Frame,
    base: String,
    notice: Option<Notice>,
    places: Vec<Choice>,
    typed: Typed,
}

/// What was typed and is no value, so that a refused form need not be typed again.
#[derive(Debug, Default)]
struct Typed {
    name: String,
    place: String,
    description: String,
    expires: String,
    asks_grant: bool,
}

/// The form.
pub(crate) async fn form(visit: Visit<Writes>) -> Result<Response, Failure> {
    page(&visit, StatusCode::OK, None, Typed::default()).await
}

async fn page(
    visit: &Visit<Writes>,
    status: StatusCode,
    notice: Option<Notice>,
    typed: Typed,
) -> Result<Response, Failure> {
    let frame = visit.frame("Add a secret", Section::Secrets).crumb("Secrets", visit.address("/secrets"));
    let places = place::choices(&visit.scene).await?;
    Ok(show_with(status, &AddPage { frame, base: visit.address(""), notice, places, typed }))
}

/// Adds it, or shows the form again with what is wrong. A value that was typed has to be typed again: it is in no page.
pub(crate) async fn submit(visit: Visit<Writes>, form: Form) -> Result<Response, Failure> {
    match add(&visit, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            let name = form.line("name");
            let asks_grant = name.parse::<SecretName>().is_ok_and(|name| name.risk().is_some());
            let typed = Typed {
                name,
                place: form.line("place"),
                description: form.line("description"),
                expires: form.line("expires"),
                asks_grant,
            };
            page(&visit, status, Some(notice), typed).await.map(IntoResponse::into_response)
        }
    }
}

async fn add(visit: &Visit<Writes>, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let scope = place::scope(&form.line("place"))?;
    let name = crate::place::name(&form.line("name"))?;
    let description = form.text("description").map(str::to_owned);
    checked_description(description.as_ref())?;
    let value = if form.has("generate") { Some(scene.app.generated_value()) } else { form.value("value")? };
    let has_value = value.is_some();
    let change = Change { name: name.clone(), value, description: Some(description), expires: expiry(form, None)? };
    let write = Write {
        scope: scope.clone(),
        changes: vec![change],
        presence: Presence::Forbidden,
        force: false,
        if_version: None,
        allowed: if form.has("allow_name") { vec![name.clone()] } else { Vec::new() },
        dry_run: false,
    };
    let done = secrets::write_one(&scene.app, &scene.caller, &scene.project, write).await?;
    let text = if has_value { format!("{name} is set.") } else { format!("{name} is declared. It has no value yet.") };
    let address = visit.address(&format!("/secrets/{name}{}", place::query_of(&scope)));
    Ok(news(text, &done.written).at(&address))
}
