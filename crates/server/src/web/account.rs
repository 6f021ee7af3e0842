//! `/account`: who is signed in, how he signs in, where he is signed in, and where he is a member.

pub(crate) mod factor;
pub(crate) mod password;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use strongroom_api::people::OwnSession;
use strongroom_app::Access;
use strongroom_app::accounts::factor::Standing;
use strongroom_app::accounts::{self, own};
use strongroom_model::Id;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Hall;
use super::oidc::Linking;
use super::show;
use super::visit::Visit;
use super::when::When;
use crate::failure::Failure;
use crate::place;

struct Membership {
    project: String,
    capabilities: String,
    namespaces: String,
}

/// One of the visitor's sessions.
struct Line {
    id: String,
    what: &'static str,
    label: String,
    source: String,
    is_this: bool,
    began: When,
    used: When,
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct AccountPage {
    frame: Frame,
    actor: String,
    kind: &'static str,
    is_instance_admin: bool,
    proved: Option<When>,
    ends: Option<When>,
    /// None for who is no person in a browser.
    factor: Option<Standing>,
    sessions: Vec<Line>,
    memberships: Vec<Membership>,
    provider: Option<Linking>,
}

/// The visitor's own page.
pub(crate) async fn show_account(visit: Visit) -> Result<Response, Failure> {
    let caller = &visit.scene.caller;
    let now = visit.scene.app.now();
    let (kind, memberships) = standing(&caller.access);
    let session = caller.session.as_ref();
    let is_person = caller.user().is_some() && session.is_some();
    let (factor, sessions) = if is_person {
        let sessions = own::sessions(&visit.scene.app, caller).await?.into_iter().map(|session| line(session, now));
        (Some(accounts::factor::standing(&visit.scene.app, caller).await?), sessions.collect())
    } else {
        (None, Vec::new())
    };
    Ok(show(&AccountPage {
        frame: visit.hall("Your account", Hall::Account),
        actor: caller.actor.clone(),
        kind,
        is_instance_admin: caller.is_instance_admin(),
        proved: session.map(|session| When::new(session.proved_at, now)),
        ends: session.map(|session| When::new(session.expires_at, now)),
        factor,
        sessions,
        memberships,
        provider: Linking::of(&visit, now).await?,
    }))
}

fn line(session: OwnSession, now: jiff::Timestamp) -> Line {
    Line {
        what: if session.kind == "browser" { "Browser" } else { "Command line" },
        id: session.id,
        label: session.label,
        source: session.source,
        is_this: session.is_this,
        began: When::new(session.created_at, now),
        used: When::new(session.last_used_at, now),
    }
}

fn standing(access: &Access) -> (&'static str, Vec<Membership>) {
    let (kind, mut memberships) = match access {
        Access::Owner => ("the local owner", Vec::new()),
        Access::Token { .. } => ("a token", Vec::new()),
        Access::EndUser { .. } => ("an end user", Vec::new()),
        Access::Person { memberships, .. } => {
            let of = |(project, (_, grant)): (
                &strongroom_model::ProjectName,
                &(_, std::sync::Arc<strongroom_model::Grant>),
            )| {
                let words = |words: Vec<String>| if words.is_empty() { "all".to_owned() } else { words.join(", ") };
                Membership {
                    project: project.to_string(),
                    capabilities: words(grant.capabilities.iter().map(ToString::to_string).collect()),
                    namespaces: words(grant.namespaces.iter().map(ToString::to_string).collect()),
                }
            };
            ("a person", memberships.iter().map(of).collect())
        }
    };
    memberships.sort_by(|a: &Membership, b| a.project.cmp(&b.project));
    (kind, memberships)
}

/// Ends one of the visitor's sessions.
pub(crate) async fn end_session(visit: Visit, Path(id): Path<String>, _: Form) -> Result<Response, Failure> {
    let id: Id = place::required("id", &id)?;
    own::end_session(&visit.scene.app, &visit.scene.caller, id).await?;
    Ok(Flash::done("It is signed out, and refused from now on.").at("/account"))
}
