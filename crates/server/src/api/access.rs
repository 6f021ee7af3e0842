//! `/api/v1/whoami`

use strongroom_api::Problem;
use strongroom_api::access::Whoami;
use strongroom_app::Access;
use strongroom_model::Capability;

use super::NoParams;
use crate::extract::{Json, Query, Scene};

/// Who the caller is, and what the caller may do.
#[utoipa::path(get, path = "/whoami", tag = "instance",
    responses((status = 200, description = "the caller", body = Whoami), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn whoami(scene: Scene, _: Query<NoParams>) -> Json<Whoami> {
    let actor = scene.caller.actor.clone();
    Json(match &scene.caller.access {
        Access::Owner => Whoami {
            kind: "owner".to_owned(),
            actor,
            project: None,
            capabilities: Capability::ALL.iter().map(ToString::to_string).collect(),
            namespaces: Vec::new(),
            app: None,
            names: Vec::new(),
        },
        // none comes here: the guard proves end users for their own secrets alone
        Access::EndUser { project, .. } => Whoami {
            kind: "end_user".to_owned(),
            actor,
            project: Some(project.to_string()),
            capabilities: Vec::new(),
            namespaces: Vec::new(),
            app: None,
            names: Vec::new(),
        },
        Access::Token { grant, .. } | Access::Person { grant, .. } => Whoami {
            kind: if scene.caller.user().is_some() { "person" } else { "token" }.to_owned(),
            actor,
            project: Some(grant.project.to_string()),
            capabilities: grant.capabilities.iter().map(ToString::to_string).collect(),
            namespaces: grant.namespaces.iter().map(ToString::to_string).collect(),
            app: grant.app.as_ref().map(ToString::to_string),
            names: grant.names.iter().map(ToString::to_string).collect(),
        },
    })
}
