//! `/projects/{project}/secrets/{name}/edit`: description and expiry. No version is written, and no value is near.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_app::secrets::{self, Change, Presence, Write};

use super::show::{detail, frame};
use super::subject::Subject;
use super::{expiry, expiry_field, news};
use crate::api::secrets::description as checked_description;
use crate::extract::Writes;
use crate::failure::Failure;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::problem::Notice;
use crate::web::show_with;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "secrets/edit.html")]
struct EditPage {
    frame: Frame,
    notice: Option<Notice>,
    name: String,
    place: String,
    description: String,
    expires: String,
    action: String,
    back: String,
}

impl EditPage {
    fn new(visit: &Visit<Writes>, subject: &Subject, description: String, expires: String) -> Self {
        Self {
            frame: frame(visit, subject, "Edit"),
            notice: None,
            name: subject.name.to_string(),
            place: subject.place(),
            description,
            expires,
            action: visit.address(&subject.path("/edit")),
            back: visit.address(&subject.path("")),
        }
    }
}

/// The form, with what stands there now.
pub(crate) async fn form(visit: Visit<Writes>, subject: Subject) -> Result<Response, Failure> {
    let detail = detail(&visit, &subject).await?;
    let (description, expires) = (detail.description.unwrap_or_default(), expiry_field(detail.expires_at));
    Ok(show_with(StatusCode::OK, &EditPage::new(&visit, &subject, description, expires)))
}

/// Changes description and expiry.
pub(crate) async fn submit(visit: Visit<Writes>, subject: Subject, form: Form) -> Result<Response, Failure> {
    match edit(&visit, &subject, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            let page = EditPage::new(&visit, &subject, form.line("description"), form.line("expires"));
            Ok(show_with(status, &EditPage { notice: Some(notice), ..page }))
        }
    }
}

async fn edit(visit: &Visit<Writes>, subject: &Subject, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let before = detail(visit, subject).await?;
    let description = form.text("description").map(str::to_owned);
    checked_description(description.as_ref())?;
    let change = Change {
        name: subject.name.clone(),
        value: None,
        description: Some(description),
        expires: expiry(form, before.expires_at)?,
    };
    let write = Write {
        scope: subject.scope.clone(),
        changes: vec![change],
        presence: Presence::Required,
        force: false,
        if_version: None,
        allowed: Vec::new(),
        dry_run: false,
    };
    let done = secrets::write_one(&scene.app, &scene.caller, &scene.project, write).await?;
    let text = format!("{} is saved. Its value stays as it is.", subject.name);
    Ok(news(text, &done.written).at(&visit.address(&subject.path(""))))
}
