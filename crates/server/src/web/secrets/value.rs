//! `/projects/{project}/secrets/{name}/value`: a new value. It goes in and never comes back.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_api::secrets::{SecretDetail, WriteStatus};
use strongroom_app::secrets::{self, Change, Presence, Write};

use super::show::{Facts, detail, frame};
use super::subject::Subject;
use super::{expiry, expiry_field, news};
use crate::extract::Writes;
use crate::failure::Failure;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::problem::Notice;
use crate::web::show_with;
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "secrets/value.html")]
struct ValuePage {
    frame: Frame,
    notice: Option<Notice>,
    secret: Facts,
    expires: String,
    action: String,
    back: String,
}

/// The form.
pub(crate) async fn form(visit: Visit<Writes>, subject: Subject) -> Result<Response, Failure> {
    let detail = detail(&visit, &subject).await?;
    Ok(page(&visit, &subject, &detail, (StatusCode::OK, None)))
}

fn page(
    visit: &Visit<Writes>,
    subject: &Subject,
    detail: &SecretDetail,
    (status, notice): (StatusCode, Option<Notice>),
) -> Response {
    let page = ValuePage {
        frame: frame(visit, subject, "Set a value"),
        notice,
        secret: Facts::new(subject, detail, visit.scene.app.now()),
        expires: expiry_field(detail.expires_at),
        action: visit.address(&subject.path("/value")),
        back: visit.address(&subject.path("")),
    };
    show_with(status, &page)
}

/// Sets the value, unless somebody else has set one since the form was opened.
pub(crate) async fn submit(visit: Visit<Writes>, subject: Subject, form: Form) -> Result<Response, Failure> {
    let detail = detail(&visit, &subject).await?;
    match set(&visit, &subject, &detail, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            Ok(page(&visit, &subject, &detail, (status, Some(notice))))
        }
    }
}

async fn set(
    visit: &Visit<Writes>,
    subject: &Subject,
    detail: &SecretDetail,
    form: &Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let value = match form.value("value")? {
        _ if form.has("generate") => scene.app.generated_value(),
        Some(value) => value,
        None if form.has("empty") => {
            strongroom_secret::SecretValue::new(String::new()).map_err(|error| Failure::invalid("value", error))?
        }
        None => return Err(Failure::invalid("value", "type or paste a value, or have one generated")),
    };
    let version = form.text("version").map(str::parse).transpose();
    let version = version.map_err(|_| Failure::invalid("version", "open the form again"))?;
    let name = &subject.name;
    let expires = expiry(form, detail.expires_at)?;
    let write = Write {
        scope: subject.scope.clone(),
        changes: vec![Change { name: name.clone(), value: Some(value), description: None, expires }],
        presence: Presence::Required,
        force: false,
        if_version: version,
        allowed: Vec::new(),
        dry_run: false,
    };
    let done = secrets::write_one(&scene.app, &scene.caller, &scene.project, write).await?;
    let is_same = done.written.results.iter().all(|result| result.status == WriteStatus::Unchanged);
    let text = match done.item.version {
        _ if is_same => format!("{name} has this value already; nothing was written."),
        Some(version) => format!("{name} has a new value, version {version}."),
        None => format!("{name} was changed."),
    };
    Ok(news(text, &done.written).at(&visit.address(&subject.path(""))))
}
