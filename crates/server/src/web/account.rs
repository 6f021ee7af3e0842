//! `/account`: who is signed in, where he is a member, and the end of the session.

use askama::Template;
use axum::response::Response;
use strongroom_app::Access;

use super::frame::Frame;
use super::nav::Hall;
use super::oidc::Linking;
use super::show;
use super::visit::Visit;
use super::when::When;
use crate::failure::Failure;

struct Membership {
    project: String,
    capabilities: String,
    namespaces: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    actor: String,
    kind: &'static str,
    is_instance_admin: bool,
    proved: Option<When>,
    ends: Option<When>,
    memberships: Vec<Membership>,
    provider: Option<Linking>,
}

/// The visitor's own page.
pub(crate) async fn show_account(visit: Visit) -> Result<Response, Failure> {
    let caller = &visit.scene.caller;
    let now = visit.scene.app.now();
    let (kind, mut memberships) = match &caller.access {
        Access::Owner => ("the local owner", Vec::new()),
        Access::Token { .. } => ("a token", Vec::new()),
        // none comes here: the guard proves end users for their own secrets alone
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
    memberships.sort_by(|a, b| a.project.cmp(&b.project));
    let session = caller.session.as_ref();
    Ok(show(&AccountPage {
        frame: visit.hall("Your account", Hall::Account),
        actor: caller.actor.clone(),
        kind,
        is_instance_admin: caller.is_instance_admin(),
        proved: session.map(|session| When::new(session.proved_at, now)),
        ends: session.map(|session| When::new(session.expires_at, now)),
        memberships,
        provider: Linking::of(&visit, now).await?,
    }))
}
