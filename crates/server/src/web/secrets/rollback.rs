//! `/projects/{project}/secrets/{name}/rollback?version=N`: an earlier value becomes the newest, after a question.

use askama::Template;
use axum::response::Response;
use strongroom_app::secrets;

use super::news;
use super::show::{detail, frame, readers};
use super::subject::Subject;
use crate::extract::Writes;
use crate::failure::Failure;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::show;
use crate::web::visit::{Visit, visitor};
use crate::web::when::When;

#[derive(Template)]
#[template(path = "secrets/rollback.html")]
struct RollbackPage {
    frame: Frame,
    name: String,
    place: String,
    version: u64,
    current: u64,
    created: When,
    created_by: String,
    used_by: usize,
    action: String,
    back: String,
}

/// The question.
pub(crate) async fn question(visit: Visit<Writes>, subject: Subject) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let detail = detail(&visit, &subject).await?;
    let history = secrets::history(&scene.app, &scene.caller, &scene.project, &subject.scope, &subject.name).await?;
    let version = wanted(&subject)?;
    let found = history.items.into_iter().find(|item| item.version == version).ok_or_else(|| {
        Failure::new(strongroom_api::Code::NotFound, format!("version {version} of {} was not found", subject.name))
    })?;
    Ok(show(&RollbackPage {
        frame: frame(&visit, &subject, "Roll back"),
        name: subject.name.to_string(),
        place: subject.place(),
        version,
        current: detail.version.unwrap_or_default(),
        created: When::new(found.created_at, scene.app.now()),
        created_by: visitor(&found.created_by),
        used_by: readers("", &detail.used_by, scene.app.now()).len(),
        action: visit.address(&subject.path("/rollback")),
        back: visit.address(&subject.path("")),
    }))
}

fn wanted(subject: &Subject) -> Result<u64, Failure> {
    subject.version.ok_or_else(|| Failure::invalid("version", "the address names no version to roll back to"))
}

/// Rolls back.
pub(crate) async fn submit(visit: Visit<Writes>, subject: Subject, form: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let version = form.text("version").and_then(|text| text.parse().ok());
    let version = version.ok_or_else(|| Failure::invalid("version", "choose the version to roll back to"))?;
    let target = (subject.scope.clone(), subject.name.clone());
    let done = secrets::rollback(&scene.app, &scene.caller, &scene.project, target, version).await?;
    let newest = done.item.version.unwrap_or_default();
    let text = format!("{} has the value of version {version} again, as version {newest}.", subject.name);
    Ok(news(text, &done.written).at(&visit.address(&subject.path(""))))
}
