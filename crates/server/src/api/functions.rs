//! `/functions`

use axum::extract::Path;
use serde::Deserialize;
use strongroom_api::functions::{Deploy, Deployed, FunctionDetail, FunctionItem, RollbackFunction};
use strongroom_api::projects::Gone;
use strongroom_api::{Page, Problem};
use strongroom_app::WorkloadKind;
use strongroom_app::functions::{self, Deployment, Manifest};
use strongroom_model::{NamespaceName, WorkloadName};

use super::{NamespaceParams, PageParams};
use crate::extract::{DeployJson, Deploys, Json, Lists, Query, Scene};
use crate::failure::Failure;
use crate::place::{optional, required, workload_namespace};

/// Which functions to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FunctionListParams {
    /// Only those in this namespace.
    namespace: Option<String>,
    /// At most this many: 1000; everything unless given.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

fn at(path: &[(String, String)], namespace: Option<&String>) -> Result<(NamespaceName, WorkloadName), Failure> {
    let name = path.iter().find(|(key, _)| key == "name").map(|(_, name)| name.as_str()).unwrap_or_default();
    Ok((workload_namespace(namespace)?, required("name", name)?))
}

/// Lists functions.
#[utoipa::path(get, path = "/functions", tag = "functions", params(("project" = String, Path), FunctionListParams),
    responses((status = 200, description = "functions", body = Page<FunctionItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Lists>,
    Query(params): Query<FunctionListParams>,
) -> Result<Json<Page<FunctionItem>>, Failure> {
    let namespace = optional("namespace", params.namespace.as_deref().filter(|text| !text.is_empty()))?;
    let items = functions::list(&scene.app, &scene.caller, &scene.project, namespace.as_ref()).await?;
    let page = PageParams { limit: params.limit, cursor: params.cursor };
    page.of(items, |item| format!("{}/{}", item.namespace, item.name))
}

/// One function: configuration, what it reads, deployments.
#[utoipa::path(get, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "the function", body = FunctionDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(
    scene: Scene<Lists>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<NamespaceParams>,
) -> Result<Json<FunctionDetail>, Failure> {
    let (namespace, name) = at(&path, params.namespace.as_ref())?;
    Ok(Json(functions::detail(&scene.app, &scene.caller, &scene.project, (&namespace, &name)).await?))
}

/// Deploys a bundle under a name. Everything that can be wrong is found before anything changes.
#[utoipa::path(put, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = Deploy,
    responses((status = 200, description = "deployed", body = Deployed), (status = 422, description = "secrets are missing", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn deploy(
    scene: Scene<Deploys>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<NamespaceParams>,
    DeployJson(body): DeployJson<Deploy>,
) -> Result<Json<Deployed>, Failure> {
    let (namespace, name) = at(&path, params.namespace.as_ref())?;
    let deployment = Deployment {
        namespace,
        name,
        manifest: Manifest::Function(body.manifest),
        bundle: body.bundle,
        allow_patterns: body.allow_patterns,
        force: body.force,
        dry_run: body.dry_run,
    };
    Ok(Json(functions::deploy(&scene.app, &scene.caller, &scene.project, deployment).await?))
}

/// Deletes a function with its deployments.
#[utoipa::path(delete, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "deleted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Deploys>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<NamespaceParams>,
) -> Result<Json<Gone>, Failure> {
    let (namespace, name) = at(&path, params.namespace.as_ref())?;
    functions::delete(&scene.app, &scene.caller, &scene.project, (WorkloadKind::Function, &namespace, &name)).await?;
    Ok(Json(Gone { name: name.to_string(), status: "deleted".to_owned() }))
}

/// Serves an earlier deployment again.
#[utoipa::path(post, path = "/functions/{name}/rollback", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = RollbackFunction,
    responses((status = 200, description = "deployed", body = Deployed), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn rollback(
    scene: Scene<Deploys>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<NamespaceParams>,
    Json(body): Json<RollbackFunction>,
) -> Result<Json<Deployed>, Failure> {
    let (namespace, name) = at(&path, params.namespace.as_ref())?;
    let place = (WorkloadKind::Function, namespace, name);
    Ok(Json(functions::rollback(&scene.app, &scene.caller, &scene.project, place, body.deployment).await?))
}
