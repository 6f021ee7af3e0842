//! `/api/v1/projects` and a project's `/namespaces`

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use strongroom_api::projects::{
    CreateNamed, CreateNamespace, Gone, NamespaceItem, ProjectItem, UpdateNamespace, UpdateProject,
};
use strongroom_api::{Page, Problem};
use strongroom_app::projects::{self, Protection};
use strongroom_model::{NamespaceName, ProjectName};

use super::secrets::last;
use super::{NoParams, PageParams};
use crate::extract::{Administers, Json, Lists, ManagesInstance, Query, Scene, created};
use crate::failure::Failure;
use crate::place::required;

fn gone(name: &str) -> Json<Gone> {
    Json(Gone { name: name.to_owned(), status: "deleted".to_owned() })
}

/// The projects that the caller may know of.
#[utoipa::path(get, path = "/projects", tag = "projects", params(PageParams),
    responses((status = 200, description = "projects", body = Page<ProjectItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(scene: Scene, Query(page): Query<PageParams>) -> Result<Json<Page<ProjectItem>>, Failure> {
    page.of("projects", projects::list(&scene.app, &scene.caller).await?, |item| item.name.clone())
}

/// Makes a project with a key of its own.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = CreateNamed,
    responses((status = 201, description = "created", body = ProjectItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create(
    scene: Scene<ManagesInstance>,
    _: Query<NoParams>,
    Json(body): Json<CreateNamed>,
) -> Result<Response, Failure> {
    let name: ProjectName = required("name", &body.name)?;
    Ok(created(projects::create(&scene.app, &scene.caller, &name).await?))
}

/// One project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)),
    responses((status = 200, description = "the project", body = ProjectItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(scene: Scene, _: Query<NoParams>) -> Result<Json<ProjectItem>, Failure> {
    Ok(Json(projects::show(&scene.app, &scene.caller, &scene.project).await?))
}

/// Changes a project's settings.
#[utoipa::path(patch, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)), request_body = UpdateProject,
    responses((status = 200, description = "the project", body = ProjectItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn update(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<UpdateProject>,
) -> Result<Json<ProjectItem>, Failure> {
    Ok(Json(projects::update(&scene.app, &scene.caller, &scene.project, body).await?))
}

/// The confirmation of a destruction.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfirmParams {
    /// The project's name.
    confirm: Option<String>,
}

/// Destroys a project: its keys and everything it owns.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects", params(("project" = String, Path), ConfirmParams),
    responses((status = 200, description = "destroyed", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(scene: Scene, Query(params): Query<ConfirmParams>) -> Result<Json<Gone>, Failure> {
    projects::delete(&scene.app, &scene.caller, &scene.project, params.confirm.as_deref().unwrap_or_default()).await?;
    Ok(gone(scene.project.as_str()))
}

/// A project's namespaces.
#[utoipa::path(get, path = "/namespaces", tag = "namespaces", params(("project" = String, Path), PageParams),
    responses((status = 200, description = "namespaces", body = Page<NamespaceItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list_namespaces(
    scene: Scene<Lists>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<NamespaceItem>>, Failure> {
    let namespaces = projects::namespaces(&scene.app, &scene.caller, &scene.project).await?;
    page.of("namespaces", namespaces, |item| item.name.clone())
}

/// Makes a namespace.
#[utoipa::path(post, path = "/namespaces", tag = "namespaces", params(("project" = String, Path)), request_body = CreateNamespace,
    responses((status = 201, description = "created", body = NamespaceItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create_namespace(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<CreateNamespace>,
) -> Result<Response, Failure> {
    let name: NamespaceName = required("name", &body.name)?;
    let protection = protection(body.protected);
    Ok(created(projects::create_namespace(&scene.app, &scene.caller, &scene.project, &name, protection).await?))
}

fn protection(protected: bool) -> Protection {
    if protected { Protection::Protected } else { Protection::Open }
}

/// Protects a namespace, or takes its protection away.
#[utoipa::path(patch, path = "/namespaces/{name}", tag = "namespaces", params(("project" = String, Path), ("name" = String, Path)), request_body = UpdateNamespace,
    responses((status = 200, description = "the namespace", body = NamespaceItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn update_namespace(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
    Json(body): Json<UpdateNamespace>,
) -> Result<Json<NamespaceItem>, Failure> {
    let name: NamespaceName = required("name", last(&path))?;
    let protection = protection(body.protected);
    Ok(Json(projects::protect_namespace(&scene.app, &scene.caller, &scene.project, &name, protection).await?))
}

/// Destroys a namespace with its secrets, apps and functions.
#[utoipa::path(delete, path = "/namespaces/{name}", tag = "namespaces", params(("project" = String, Path), ("name" = String, Path)),
    responses((status = 200, description = "destroyed", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete_namespace(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Path(path): Path<Vec<(String, String)>>,
) -> Result<Json<Gone>, Failure> {
    let name: NamespaceName = required("name", last(&path))?;
    projects::delete_namespace(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(gone(name.as_str()))
}
