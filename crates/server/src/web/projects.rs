//! `/` and `/new-project`: the projects, and one more.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_api::projects::ProjectItem;
use strongroom_app::{Access, projects};
use strongroom_model::ProjectName;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Hall;
use super::problem::Notice;
use super::visit::Visit;
use super::when::When;
use super::{show, show_with};
use crate::extract::ManagesInstance;
use crate::failure::Failure;
use crate::place::required;

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    frame: Frame,
    projects: Vec<Card>,
    may_create: bool,
}

struct Card {
    name: String,
    href: String,
    created: When,
    /// Whether the visitor may look into it; who manages the instance manages the members of the others.
    is_open: bool,
}

/// The projects that the visitor may see.
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    let now = visit.scene.app.now();
    let items = projects::list(&visit.scene.app, &visit.scene.caller).await?;
    let caller = &visit.scene.caller;
    let card = |item: ProjectItem| {
        let is_open = match &caller.access {
            Access::Person { memberships, .. } => memberships.keys().any(|name| name.as_str() == item.name),
            Access::Owner | Access::Token { .. } | Access::EndUser { .. } => true,
        };
        Card {
            href: format!("/projects/{}{}", item.name, if is_open { "" } else { "/members" }),
            created: When::new(item.created_at, now),
            name: item.name,
            is_open,
        }
    };
    let cards = items.into_iter().map(card);
    let may_create = caller.is_instance_admin();
    Ok(show(&ProjectsPage { frame: visit.hall("Projects", Hall::Projects), projects: cards.collect(), may_create }))
}

#[derive(Template)]
#[template(path = "project-new.html")]
struct NewPage {
    frame: Frame,
    notice: Option<Notice>,
    name: String,
}

fn page(visit: &Visit<ManagesInstance>, (status, notice): (StatusCode, Option<Notice>), name: String) -> Response {
    let frame = visit.hall("New project", Hall::Projects).crumb("Projects", "/");
    show_with(status, &NewPage { frame, notice, name })
}

/// The form.
pub(crate) async fn form(visit: Visit<ManagesInstance>) -> Response {
    page(&visit, (StatusCode::OK, None), String::new())
}

/// Makes it and goes there, or shows the form again with what is wrong.
pub(crate) async fn create(visit: Visit<ManagesInstance>, form: Form) -> Response {
    match made(&visit, &form).await {
        Ok(name) => {
            Flash::done(format!("The project {name} is there, with a key of its own.")).at(&format!("/projects/{name}"))
        }
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, (status, Some(notice)), form.line("name"))
        }
    }
}

async fn made(visit: &Visit<ManagesInstance>, form: &Form) -> Result<ProjectName, Failure> {
    let name: ProjectName = required("name", &form.line("name"))?;
    projects::create(&visit.scene.app, &visit.scene.caller, &name).await?;
    Ok(name)
}
