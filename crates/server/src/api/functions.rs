//! `/functions`

use strongroom_api::functions::{Deploy, Deployed, FunctionDetail, FunctionItem, RollbackFunction};
use strongroom_api::projects::Gone;
use strongroom_api::{Page, Problem};
use strongroom_app::WorkloadKind;
use strongroom_app::functions::{self, Deployment, Manifest};

use super::NamespaceParams;
use super::workloads::{self, Named, WorkloadListParams};
use crate::extract::{DeployJson, Deploys, Json, Lists, Query, Scene};
use crate::failure::Failure;

/// Lists functions.
#[utoipa::path(get, path = "/functions", tag = "functions", params(("project" = String, Path), WorkloadListParams),
    responses((status = 200, description = "functions", body = Page<FunctionItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(
    scene: Scene<Lists>,
    Query(params): Query<WorkloadListParams>,
) -> Result<Json<Page<FunctionItem>>, Failure> {
    let items = functions::list(&scene.app, &scene.caller, &scene.project, params.namespace()?.as_ref()).await?;
    params.page("functions", items, |item| (&item.namespace, &item.name))
}

/// One function: configuration, what it reads, deployments.
#[utoipa::path(get, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "the function", body = FunctionDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(scene: Scene<Lists>, named: Named) -> Result<Json<FunctionDetail>, Failure> {
    Ok(Json(functions::detail(&scene.app, &scene.caller, &scene.project, (&named.namespace, &named.name)).await?))
}

/// Deploys a bundle under a name. Everything that can be wrong is found before anything changes.
#[utoipa::path(put, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = Deploy,
    responses((status = 200, description = "deployed", body = Deployed), (status = 422, description = "secrets are missing", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn deploy(
    scene: Scene<Deploys>,
    named: Named,
    DeployJson(body): DeployJson<Deploy>,
) -> Result<Json<Deployed>, Failure> {
    let deployment = Deployment {
        namespace: named.namespace,
        name: named.name,
        manifest: Manifest::Function(body.manifest),
        bundle: body.bundle,
        allow_patterns: body.allow_patterns,
        force: body.force,
        dry_run: body.dry_run,
    };
    workloads::deploy(&scene, deployment).await
}

/// Deletes a function with its deployments.
#[utoipa::path(delete, path = "/functions/{name}", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams),
    responses((status = 200, description = "deleted", body = Gone), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(scene: Scene<Deploys>, named: Named) -> Result<Json<Gone>, Failure> {
    workloads::delete(&scene, WorkloadKind::Function, &named).await
}

/// Serves an earlier deployment again.
#[utoipa::path(post, path = "/functions/{name}/rollback", tag = "functions", params(("project" = String, Path), ("name" = String, Path), NamespaceParams), request_body = RollbackFunction,
    responses((status = 200, description = "deployed", body = Deployed), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn rollback(
    scene: Scene<Deploys>,
    named: Named,
    Json(body): Json<RollbackFunction>,
) -> Result<Json<Deployed>, Failure> {
    workloads::rollback(&scene, WorkloadKind::Function, named, body).await
}
