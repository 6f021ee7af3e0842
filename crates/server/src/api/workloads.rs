//! What `/functions` and `/jobs` have in common: which one is meant, and what is done with either kind alike.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde::Deserialize;
use strongroom_api::functions::{Deployed, RollbackFunction};
use strongroom_api::projects::Gone;
use strongroom_api::{Code, Page};
use strongroom_app::WorkloadKind;
use strongroom_app::functions::{self, Deployment};
use strongroom_model::{NamespaceName, WorkloadName};

use super::{NamespaceParams, PageParams};
use crate::extract::{Deploys, Json, Query, Scene};
use crate::failure::Failure;
use crate::place::{optional, required, workload_namespace};
use crate::router::Served;

/// Which functions, jobs or apps to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkloadListParams {
    /// Only those in this namespace.
    namespace: Option<String>,
    /// At most this many: 100 unless given, 1000 at most.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl WorkloadListParams {
    /// The namespace that is asked for.
    pub(crate) fn namespace(&self) -> Result<Option<NamespaceName>, Failure> {
        optional("namespace", self.namespace.as_deref().filter(|text| !text.is_empty()))
    }

    /// The page of a whole list; items are told apart by namespace and name.
    pub(crate) fn page<T>(
        self,
        list: &str,
        items: Vec<T>,
        key: impl Fn(&T) -> (&str, &str),
    ) -> Result<Json<Page<T>>, Failure> {
        let page = PageParams { limit: self.limit, cursor: self.cursor };
        page.of(list, items, |item| {
            let (namespace, name) = key(item);
            (namespace.to_owned(), name.to_owned())
        })
    }
}

/// One function or job, as path and query name it.
pub(crate) struct Named {
    pub(crate) namespace: NamespaceName,
    pub(crate) name: WorkloadName,
}

impl FromRequestParts<Arc<Served>> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let path = RawPathParams::from_request_parts(parts, served).await;
        let path = path.map_err(|_| Failure::new(Code::Invalid, "the path is not valid UTF-8"))?;
        let name = path.iter().find(|(key, _)| *key == "name").map(|(_, name)| name).unwrap_or_default();
        let Query(params) = Query::<NamespaceParams>::from_request_parts(parts, served).await?;
        Ok(Self { namespace: workload_namespace(params.namespace.as_ref())?, name: required("name", name)? })
    }
}

pub(crate) async fn deploy(scene: &Scene<Deploys>, deployment: Deployment) -> Result<Json<Deployed>, Failure> {
    Ok(Json(functions::deploy(&scene.app, &scene.caller, &scene.project, deployment).await?))
}

pub(crate) async fn delete(scene: &Scene<Deploys>, kind: WorkloadKind, named: &Named) -> Result<Json<Gone>, Failure> {
    let Named { namespace, name } = named;
    functions::delete(&scene.app, &scene.caller, &scene.project, (kind, namespace, name)).await?;
    Ok(Json(Gone { name: name.to_string(), status: "deleted".to_owned() }))
}

pub(crate) async fn rollback(
    scene: &Scene<Deploys>,
    kind: WorkloadKind,
    named: Named,
    body: RollbackFunction,
) -> Result<Json<Deployed>, Failure> {
    let place = (kind, named.namespace, named.name);
    Ok(Json(functions::rollback(&scene.app, &scene.caller, &scene.project, place, body.deployment).await?))
}
