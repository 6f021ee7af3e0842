//! `/`: the projects.

use askama::Template;
use axum::response::Response;
use strongroom_app::projects;

use super::frame::Frame;
use super::show;
use super::visit::Visit;
use super::when::When;
use crate::failure::Failure;

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    frame: Frame,
    projects: Vec<Card>,
}

struct Card {
    name: String,
    created: When,
}

/// The projects that the visitor may see.
pub(crate) async fn list(visit: Visit) -> Result<Response, Failure> {
    let now = visit.scene.app.now();
    let items = projects::list(&visit.scene.app, &visit.scene.caller).await?;
    let cards = items.into_iter().map(|item| Card { name: item.name, created: When::new(item.created_at, now) });
    Ok(show(&ProjectsPage { frame: visit.plain("Projects"), projects: cards.collect() }))
}
