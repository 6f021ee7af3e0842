//! `/apps`

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use strongroom_api::projects::{AppItem, CreateApp, Gone};
use strongroom_api::{Page, Problem};
use strongroom_app::apps;
use strongroom_model::AppId;

use super::NamespaceParams;
use super::NoParams;
use super::secrets::last;
use super::workloads::WorkloadListParams;
use crate::extract::{Administers, Json, Lists, Query, Scene, created};
use crate::failure::Failure;
use crate::place::{required, workload_namespace};

/// A project's apps.
#[utoipa::path(get, path = "/apps", tag = "apps", params(("project" = String, Path), WorkloadListParams),
    responses((status = 200, description = "apps", body = Page<AppItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Lists>,
    Query(params): Query<WorkloadListParams>,
) -> Result<Json<Page<AppItem>>, Failure> {
    let namespace = params.namespace()?;
    let mut items = apps::list(&scene.app, &scene.caller, &scene.project).await?;
    items.retain(|item| namespace.as_ref().is_none_or(|namespace| namespace.as_str() == item.namespace));
    params.page("apps", items, |item| (&item.namespace, &item.id))
}

/// Makes an app.
#[utoipa::path(post, path = "/apps", tag = "apps", params(("project" = String, Path)), request_body = CreateApp,
    responses((status = 201, description = "created", body = AppItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create(
    scene: Scene<Administers>,
    _: Query<NoParams>,
    Json(body): Json<CreateApp>,
) -> Result<Response, Failure> {
    let place = (workload_namespace(body.namespace.as_ref())?, required::<AppId>("id", &body.id)?);
    let label = body.name.filter(|label| !label.is_empty());
    if label.as_ref().is_some_and(|label| label.len() > 200 || label.chars().any(char::is_control)) {
        return Err(Failure::invalid("name", "an app's name is at most 200 bytes on one line"));
    }
    Ok(created(apps::create(&scene.app, &scene.caller, &scene.project, place, label).await?))
}

/// One app.
#[utoipa::path(get, path = "/apps/{id}", tag = "apps", params(("project" = String, Path), ("id" = String, Path), NamespaceParams),
    responses((status = 200, description = "the app", body = AppItem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(
    scene: Scene<Lists>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<NamespaceParams>,
) -> Result<Json<AppItem>, Failure> {
    let (namespace, id) = (workload_namespace(params.namespace.as_ref())?, required::<AppId>("id", last(&path))?);
    Ok(Json(apps::show(&scene.app, &scene.caller, &scene.project, &namespace, &id).await?))
}

/// Which app to delete.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteParams {
    /// `default` unless named.
    namespace: Option<String>,
    /// Destroys the app's own secrets with it; without, an app that has some is refused.
    #[serde(default)]
    force: bool,
}

/// Destroys an app.
#[utoipa::path(delete, path = "/apps/{id}", tag = "apps", params(("project" = String, Path), ("id" = String, Path), DeleteParams),
    responses((status = 200, description = "destroyed", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Administers>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<DeleteParams>,
) -> Result<Json<Gone>, Failure> {
    let (namespace, id) = (workload_namespace(params.namespace.as_ref())?, required::<AppId>("id", last(&path))?);
    apps::delete(&scene.app, &scene.caller, &scene.project, (&namespace, &id), params.force).await?;
    Ok(Json(Gone { name: id.to_string(), status: "deleted".to_owned() }))
}
