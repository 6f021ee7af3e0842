//! `/members`

use axum::extract::Path;
use strongroom_api::people::{MemberChange, MemberItem, PutMember};
use strongroom_api::{Page, Problem};
use strongroom_app::accounts::members;
use strongroom_app::{Error, Fault};
use strongroom_model::{AccountName, Membership, Role};

use super::secrets::last;
use super::{NoParams, PageParams};
use crate::extract::{Json, ManagesMembers, Query, Scene};
use crate::failure::Failure;
use crate::place;

/// A project's members, oldest first. For who administers the project, and for the instance's admins.
#[utoipa::path(get, path = "/members", tag = "members", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "members", body = Page<MemberItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<ManagesMembers>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<MemberItem>>, Failure> {
    let members = members::list(&scene.app, &scene.caller, &scene.project).await?;
    page.of("members", members, |item| (item.created_at, item.name.clone()))
}

/// Makes somebody a member, or gives a member another role or other namespaces, which ends that person's sessions.
#[utoipa::path(put, path = "/members/{name}", tag = "members", params(("project" = String, Path), ("name" = String, Path)), request_body = PutMember,
    responses((status = 200, description = "the member", body = MemberChange), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn put(
    scene: Scene<ManagesMembers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
    Json(body): Json<PutMember>,
) -> Result<Json<MemberChange>, Failure> {
    let name: AccountName = place::required("name", last(&path))?;
    let membership = membership(&body.role, &body.namespaces)?;
    Ok(Json(members::put(&scene.app, &scene.caller, &scene.project, &name, membership).await?))
}

/// What a body says of a membership.
pub(crate) fn membership(role: &str, namespaces: &[String]) -> Result<Membership, Failure> {
    let mut faults = Vec::new();
    let role = Role::from_word(role);
    if role.is_none() {
        let all: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        faults.push(Fault::new("role", format!("there is no such role; there are {}", all.join(", "))));
    }
    let mut parsed = Vec::new();
    for text in namespaces {
        match text.parse() {
            Ok(namespace) if !parsed.contains(&namespace) => parsed.push(namespace),
            Ok(_) => {}
            Err(error) => faults.push(Fault::new("namespaces", error)),
        }
    }
    match role {
        Some(role) if faults.is_empty() => Ok(Membership { role, namespaces: parsed }),
        _ => Err(Error::Invalid(faults).into()),
    }
}

/// Ends a membership, and with it that person's sessions and the tokens that he minted here.
#[utoipa::path(delete, path = "/members/{name}", tag = "members", params(("project" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "who it was", body = MemberChange), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn remove(
    scene: Scene<ManagesMembers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<MemberChange>, Failure> {
    let name: AccountName = place::required("name", last(&path))?;
    Ok(Json(members::remove(&scene.app, &scene.caller, &scene.project, &name).await?))
}
