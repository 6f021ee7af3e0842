//! The secret that an address means.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde::Deserialize;
use strongroom_api::Code;
use strongroom_model::{Scope, SecretName};

use super::place;
use crate::extract::Query;
use crate::failure::Failure;
use crate::place::Parts as Place;
use crate::router::Served;

/// A secret of exactly one scope, with what else stands in the address.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(super) scope: Scope,
    pub(super) name: SecretName,
    /// The version that a rollback is about.
    pub(super) version: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    scope: Option<String>,
    namespace: Option<String>,
    app: Option<String>,
    version: Option<u64>,
}

impl FromRequestParts<Arc<Served>> for Subject {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let path = RawPathParams::from_request_parts(parts, served).await;
        let path = path.map_err(|_| Failure::new(Code::Invalid, "the path is not valid UTF-8"))?;
        let name = path.iter().find(|(key, _)| *key == "name").map(|(_, name)| name).unwrap_or_default();
        // no secret has a malformed name, so one is simply not found
        let name = name.parse().map_err(|_| Failure::new(Code::NotFound, "the secret was not found"))?;
        let Query(params) = Query::<Params>::from_request_parts(parts, served).await?;
        let scope = Place::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()?;
        Ok(Self { scope, name, version: params.version })
    }
}

impl Subject {
    /// The path and query of one of the secret's pages, below its project.
    pub(super) fn path(&self, page: &str) -> String {
        format!("/secrets/{}{page}{}", self.name, place::query_of(&self.scope))
    }

    /// Where it lives, in words.
    pub(super) fn place(&self) -> String {
        place::words_of(&self.scope)
    }
}
