//! `/projects/{project}/secrets/{name}/delete`, `…/restore` and `/projects/{project}/deleted-secrets`.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_app::secrets::{self, Delete, Deleted};

use super::news;
use super::place::{query, words};
use super::show::{ReaderRow, detail, frame, readers};
use super::subject::Subject;
use crate::extract::{Deletes, Writes};
use crate::failure::Failure;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::problem::Notice;
use crate::web::visit::Visit;
use crate::web::when::When;
use crate::web::{show, show_with};

#[derive(Template)]
#[template(path = "secrets/delete.html")]
struct DeletePage {
    frame: Frame,
    notice: Option<Notice>,
    name: String,
    place: String,
    readers: Vec<ReaderRow>,
    action: String,
    back: String,
}

/// The question.
pub(crate) async fn question(visit: Visit<Deletes>, subject: Subject) -> Result<Response, Failure> {
    page(&visit, &subject, StatusCode::OK, None).await
}

async fn page(
    visit: &Visit<Deletes>,
    subject: &Subject,
    status: StatusCode,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let (detail, now) = (detail(visit, subject).await?, visit.scene.app.now());
    let page = DeletePage {
        frame: frame(visit, subject, "Delete"),
        notice,
        name: subject.name.to_string(),
        place: subject.place(),
        readers: readers(&visit.address(""), &detail.used_by, now),
        action: visit.address(&subject.path("/delete")),
        back: visit.address(&subject.path("")),
    };
    Ok(show_with(status, &page))
}

/// Deletes it. What a workload requires is refused once, and then asked for again in so many words.
pub(crate) async fn submit(visit: Visit<Deletes>, subject: Subject, form: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let (scope, name) = (subject.scope.clone(), subject.name.clone());
    let delete = Delete { scope, name, force: form.has("force"), purge: false };
    let done = match secrets::delete(&scene.app, &scene.caller, &scene.project, delete).await {
        Ok(done) => done,
        Err(error @ strongroom_app::Error::Conflict(_)) => {
            let (status, notice) = Failure::from(error).into();
            return page(&visit, &subject, status, Some(notice.without_hint())).await;
        }
        Err(error) => return Err(error.into()),
    };
    let answers = done.results.iter().find_map(|result| result.now_resolves_to.as_ref());
    let answers = answers.map(|scope| format!(" The name now resolves to {scope}.")).unwrap_or_default();
    let text = format!("{} is deleted. It can still be restored.{answers}", subject.name);
    Ok(news(text, &done).at(&visit.address("/secrets")))
}

#[derive(Template)]
#[template(path = "secrets/deleted.html")]
struct DeletedPage {
    frame: Frame,
    base: String,
    rows: Vec<DeletedRow>,
}

struct DeletedRow {
    name: String,
    place: String,
    deleted: When,
    until: When,
    action: String,
}

/// The secrets that can still be restored.
pub(crate) async fn deleted(visit: Visit<Writes>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let (base, now) = (visit.address(""), scene.app.now());
    let row = |Deleted { item, deleted_at, until }: Deleted| {
        let (namespace, app) = (item.namespace.as_deref(), item.app.as_deref());
        DeletedRow {
            action: format!("{base}/secrets/{}/restore{}", item.name, query(item.scope, namespace, app)),
            place: words(item.scope, namespace, app),
            deleted: When::new(deleted_at, now),
            until: When::new(until, now),
            name: item.name,
        }
    };
    let rows = secrets::deleted(&scene.app, &scene.caller, &scene.project).await?.into_iter().map(row).collect();
    let frame = visit.frame("Deleted secrets", Section::Secrets).crumb("Secrets", visit.address("/secrets"));
    Ok(show(&DeletedPage { frame, base, rows }))
}

/// Brings one back.
pub(crate) async fn restore(visit: Visit<Writes>, subject: Subject, _: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let (scope, name) = (subject.scope.clone(), subject.name.clone());
    let done = secrets::restore(&scene.app, &scene.caller, &scene.project, scope, name).await?;
    let text = format!("{} is back, with its value and its history.", subject.name);
    Ok(news(text, &done.written).at(&visit.address(&subject.path(""))))
}
