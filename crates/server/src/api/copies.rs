//! `/copies`, `/diff`, `/export`

use serde::Deserialize;
use strongroom_api::Problem;
use strongroom_api::resolve::Exported;
use strongroom_api::secrets::{CopySecrets, Diff, Written};
use strongroom_app::secrets::{self, Copy};
use strongroom_model::Scope;

use super::NoParams;
use super::ScopeParams;
use crate::extract::{Json, Lists, Query, ReadsValues, Scene, Values};
use crate::failure::Failure;
use crate::place::{self, Parts, optional};

/// A namespace, or global for none.
fn scope(at: &str, namespace: Option<&String>) -> Result<Scope, Failure> {
    let namespace = namespace.map(String::as_str).filter(|text| !text.is_empty() && *text != "global");
    Ok(optional(at, namespace)?.map_or(Scope::Global, Scope::Namespace))
}

/// Copies current values from one scope to another; all or none. Needs `values:read` on the source.
#[utoipa::path(post, path = "/copies", tag = "secrets", params(("project" = String, Path)), request_body = CopySecrets,
    responses((status = 200, description = "copied", body = Written), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn copy(
    scene: Scene<ReadsValues>,
    _: Query<NoParams>,
    Json(body): Json<CopySecrets>,
) -> Result<Json<Written>, Failure> {
    let copy = Copy {
        from: scope("from_namespace", body.from_namespace.as_ref())?,
        to: scope("to_namespace", body.to_namespace.as_ref())?,
        names: place::names(body.names.iter().map(String::as_str))?,
        overwrite: body.overwrite,
        dry_run: body.dry_run,
    };
    Ok(Json(secrets::copy(&scene.app, &scene.caller, &scene.project, copy).await?))
}

/// Which namespaces to compare.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffParams {
    /// The first namespace; `global` for the global scope.
    first: String,
    /// The second namespace; `global` for the global scope.
    second: String,
}

/// Compares the names of two namespaces; whether values are equal is told only with `values:read`.
#[utoipa::path(get, path = "/diff", tag = "secrets", params(("project" = String, Path), DiffParams),
    responses((status = 200, description = "all names of both", body = Diff), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn diff(scene: Scene<Lists>, Query(params): Query<DiffParams>) -> Result<Json<Diff>, Failure> {
    let (first, second) = (scope("first", Some(&params.first))?, scope("second", Some(&params.second))?);
    Ok(Json(secrets::diff(&scene.app, &scene.caller, &scene.project, &first, &second).await?))
}

/// The values of one scope, for taking them elsewhere.
#[utoipa::path(get, path = "/export", tag = "values", params(("project" = String, Path), ScopeParams),
    responses((status = 200, description = "names and values", body = Exported), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn export(
    scene: Scene<ReadsValues>,
    Query(params): Query<ScopeParams>,
) -> Result<Values<Exported>, Failure> {
    let scope = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()?;
    let body = secrets::export(&scene.app, &scene.caller, &scene.project, &scope).await?;
    Ok(Values { about_bytes: body.secrets.about_bytes(), body })
}
