//! `/invitations`: somebody new. The address that lets him in is shown once, to whoever invites.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use strongroom_api::people::{InvitationItem, Invite};
use strongroom_app::accounts::users;
use strongroom_app::projects;
use strongroom_model::{Id, Role};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::members::explained;
use super::nav::Hall;
use super::problem::Notice;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::api::users::made;
use crate::extract::{ManagesInstance, Query, Scene};
use crate::failure::Failure;
use crate::place::required;

/// An invitation that waits, for people.
pub(super) struct Invitation {
    pub(super) id: String,
    pub(super) name: String,
    /// `open`, `expired` or `damaged`.
    pub(super) state: String,
    /// What it leads to.
    pub(super) to: String,
    pub(super) created: When,
    pub(super) created_by: String,
    pub(super) ends: When,
}

/// The invitations that nobody has accepted or withdrawn.
pub(super) async fn open(scene: &Scene<ManagesInstance>) -> Result<Vec<Invitation>, Failure> {
    let now = scene.app.now();
    let items = users::invitations(&scene.app, &scene.caller).await?;
    let invitation = |item: InvitationItem| Invitation {
        to: match (item.role, item.is_instance_admin) {
            (Some(role), true) => format!("{role} in a project, administrator"),
            (Some(role), false) => format!("{role} in a project"),
            (None, true) => "administrator".to_owned(),
            (None, false) => "an account".to_owned(),
        },
        created: When::new(item.created_at, now),
        created_by: visitor(&item.created_by),
        ends: When::new(item.expires_at, now),
        id: item.id,
        name: item.name,
        state: item.state,
    };
    Ok(items.into_iter().filter(|item| item.state != "closed").map(invitation).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteParams {
    #[serde(default)]
    project: String,
}

/// What was typed, so that a refused form need not be typed again.
#[derive(Debug, Default)]
struct Typed {
    name: String,
    project: String,
    role: String,
    namespaces: String,
    is_admin: bool,
}

#[derive(Template)]
#[template(path = "users/invite.html")]
struct InvitePage {
    frame: Frame,
    notice: Option<Notice>,
    projects: Vec<String>,
    roles: Vec<(&'static str, &'static str)>,
    typed: Typed,
}

async fn page(
    visit: &Visit<ManagesInstance>,
    (status, notice): (StatusCode, Option<Notice>),
    typed: Typed,
) -> Result<Response, Failure> {
    let projects = projects::list(&visit.scene.app, &visit.scene.caller).await?;
    let page = InvitePage {
        frame: visit.hall("Invite somebody", Hall::People).crumb("People", "/users"),
        notice,
        projects: projects.into_iter().map(|project| project.name).collect(),
        roles: Role::ALL.iter().map(|role| (role.as_str(), explained(*role))).collect(),
        typed,
    };
    Ok(show_with(status, &page))
}

/// The form.
pub(crate) async fn form(
    visit: Visit<ManagesInstance>,
    Query(params): Query<InviteParams>,
) -> Result<Response, Failure> {
    let typed = Typed { project: params.project, role: Role::Developer.to_string(), ..Typed::default() };
    page(&visit, (StatusCode::OK, None), typed).await
}

#[derive(Template)]
#[template(path = "users/invited.html")]
struct InvitedPage {
    frame: Frame,
    name: String,
    url: String,
    ends: When,
}

/// Invites, and shows the address, this once; or shows the form again with what is wrong.
pub(crate) async fn invite(visit: Visit<ManagesInstance>, form: Form) -> Result<Response, Failure> {
    let typed = Typed {
        name: form.line("name"),
        project: form.line("project"),
        role: form.line("role"),
        namespaces: form.line("namespaces"),
        is_admin: form.has("admin"),
    };
    let listed = typed.namespaces.split([',', ' ']).filter(|name| !name.is_empty());
    let has_place = !typed.project.is_empty();
    let asked = Invite {
        name: typed.name.clone(),
        instance_admin: typed.is_admin,
        project: has_place.then(|| typed.project.clone()),
        role: has_place.then(|| typed.role.clone()),
        namespaces: listed.filter(|_| has_place).map(str::to_owned).collect(),
    };
    match made(&visit.scene, &asked).await {
        Ok(made) => Ok(show(&InvitedPage {
            frame: visit.hall("Invited", Hall::People).crumb("People", "/users"),
            name: made.item.name,
            url: made.url.0.expose().to_owned(),
            ends: When::new(made.item.expires_at, visit.scene.app.now()),
        })),
        Err(failure) => {
            let (status, notice): (StatusCode, Notice) = failure.into();
            page(&visit, (status, Some(notice.without_hint())), typed).await
        }
    }
}

#[derive(Template)]
#[template(path = "users/withdraw.html")]
struct WithdrawPage {
    frame: Frame,
    id: String,
    name: String,
}

/// Asks whether an invitation shall be withdrawn.
pub(crate) async fn ask(visit: Visit<ManagesInstance>, Path(id): Path<String>) -> Result<Response, Failure> {
    let found = open(&visit.scene).await?.into_iter().find(|invitation| invitation.id == id);
    let found = found.ok_or_else(|| {
        Failure::new(strongroom_api::Code::NotFound, "this invitation was accepted or withdrawn already")
    })?;
    let frame = visit.hall("Withdraw an invitation", Hall::People).crumb("People", "/users");
    Ok(show(&WithdrawPage { frame, id: found.id, name: found.name }))
}

/// Withdraws it.
pub(crate) async fn withdraw(
    visit: Visit<ManagesInstance>,
    Path(id): Path<String>,
    _: Form,
) -> Result<Response, Failure> {
    let id: Id = required("id", &id)?;
    let item = users::withdraw(&visit.scene.app, &visit.scene.caller, id).await?;
    Ok(Flash::done(format!("The invitation of {} is withdrawn. Its address does not work any more.", item.name))
        .at("/users"))
}
