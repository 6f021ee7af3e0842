//! `/projects/{project}/members`: who belongs to the project, in which role, and in which namespaces.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::people::{MemberChange, MemberItem};
use strongroom_app::accounts::members;
use strongroom_model::{AccountName, Role};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::overview::namespaces;
use super::problem::Notice;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::api::members::membership;
use crate::extract::ManagesMembers;
use crate::failure::Failure;
use crate::place;

struct Line {
    name: String,
    role: String,
    namespaces: String,
    is_disabled: bool,
    since: When,
    by: String,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    frame: Frame,
    base: String,
    notice: Option<Notice>,
    members: Vec<Line>,
    roles: Vec<(&'static str, &'static str)>,
    namespaces: Vec<String>,
    typed: String,
    project: String,
    may_invite: bool,
}

/// What a role lets its holder do, for people.
pub(super) fn explained(role: Role) -> &'static str {
    match role {
        Role::Owner => "everything, other owners too",
        Role::Admin => "everything but owners",
        Role::Developer => "secrets and their values, deploys, runs, logs",
        Role::Viewer => "names, states and logs; no values",
    }
}

/// The members, and the form that adds one.
pub(crate) async fn list(visit: Visit<ManagesMembers>) -> Result<Response, Failure> {
    page(&visit, (StatusCode::OK, None), "").await
}

async fn page(
    visit: &Visit<ManagesMembers>,
    (status, notice): (StatusCode, Option<Notice>),
    typed: &str,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let now = scene.app.now();
    let line = |item: MemberItem| Line {
        namespaces: if item.namespaces.is_empty() { "all".to_owned() } else { item.namespaces.join(", ") },
        since: When::new(item.created_at, now),
        name: item.name,
        role: item.role,
        is_disabled: item.disabled,
        by: visitor(&item.created_by),
    };
    let members = members::list(&scene.app, &scene.caller, &scene.project).await?;
    // an instance's admin manages members without belonging to the project
    let namespaces = namespaces(visit).await.unwrap_or_default();
    Ok(show_with(
        status,
        &MembersPage {
            frame: visit.frame("Members", Section::Members),
            base: visit.address(""),
            notice,
            members: members.into_iter().map(line).collect(),
            roles: Role::ALL.iter().map(|role| (role.as_str(), explained(*role))).collect(),
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            typed: typed.to_owned(),
            project: scene.project.to_string(),
            may_invite: scene.caller.is_instance_admin(),
        },
    ))
}

/// What the change of a membership did, as news.
fn news(text: String, change: &MemberChange) -> Flash {
    let ended = (change.revoked_tokens > 0).then(|| format!("{} of their tokens were revoked.", change.revoked_tokens));
    Flash::done(text).warn(ended)
}

/// Makes somebody a member, or gives a member another role.
pub(crate) async fn put(visit: Visit<ManagesMembers>, form: Form) -> Result<Response, Failure> {
    match change(&visit, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, (status, Some(notice)), &form.line("name")).await.map(IntoResponse::into_response)
        }
    }
}

async fn change(visit: &Visit<ManagesMembers>, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: AccountName = place::required("name", &form.line("name"))?;
    let namespaces: Vec<String> = form.all("namespace").map(str::to_owned).collect();
    let wanted = membership(&form.line("role"), &namespaces)?;
    let role = wanted.role.as_str();
    let change = members::put(&scene.app, &scene.caller, &scene.project, &name, wanted).await?;
    Ok(news(format!("{name} is {role} here now."), &change).at(&visit.address("/members")))
}

#[derive(Template)]
#[template(path = "member-remove.html")]
struct RemovePage {
    frame: Frame,
    base: String,
    name: String,
}

/// Asks whether a membership shall end.
pub(crate) async fn ask(
    visit: Visit<ManagesMembers>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let name: AccountName = place::required("name", &name)?;
    let frame = visit.frame("Remove a member", Section::Members).crumb("Members", visit.address("/members"));
    Ok(show(&RemovePage { frame, base: visit.address(""), name: name.as_str().to_owned() }))
}

/// Ends it.
pub(crate) async fn remove(
    visit: Visit<ManagesMembers>,
    Path((_, name)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: AccountName = place::required("name", &name)?;
    let change = members::remove(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(news(format!("{name} is no member any more."), &change).at(&visit.address("/members")))
}
