//! `/healthz`, `/readyz` and `/api/v1/server`

use std::sync::Arc;

use axum::extract::State;
use strongroom_api::{Code, Problem, ServerAbout};

use super::NoParams;
use crate::extract::{Json, Query, Scene};
use crate::failure::Failure;
use crate::router::Served;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "instance", security(()), responses((status = 200, description = "it answers", body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store answers too.
#[utoipa::path(get, path = "/readyz", tag = "instance", security(()),
    responses((status = 200, description = "it can serve", body = String, content_type = "text/plain"), (status = 503, description = "the store does not answer", body = Problem)))]
pub(crate) async fn readyz(State(served): State<Arc<Served>>) -> Result<&'static str, Failure> {
    if !served.app.is_ready().await {
        return Err(Failure::new(Code::Unavailable, "the store does not answer"));
    }
    // it serves all the same; what is wrong is told to those who may know
    if served.app.anchor_trouble().is_some() {
        return Ok("ready\nnote: audit anchors need attention: strongroom audit anchors\n");
    }
    Ok("ready\n")
}

/// What this server is.
#[utoipa::path(get, path = "/server", tag = "instance",
    responses((status = 200, description = "about", body = ServerAbout), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn about(scene: Scene, _: Query<NoParams>) -> Json<ServerAbout> {
    Json(ServerAbout {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        functions_url: scene.app.functions_url().map(str::to_owned),
        public_url: scene.app.public_url().map(str::to_owned),
        fingerprint: scene.app.fingerprint().to_owned(),
    })
}
