//! Every route on one page.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use strongroom_api::Code;
use strongroom_app::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    access, apps, audit, copies, events, functions, instance, logs, projects, resolve, secrets, settings, tokens,
};
use crate::failure::Failure;
use crate::guard::{self, RequestIds};
use crate::streams::Streams;
use crate::{docs_page, openapi};

/// What the routers share.
pub struct Served {
    pub(crate) app: Arc<App>,
    pub(crate) request_ids: RequestIds,
    /// Streams of events and long polls that are open.
    pub(crate) streams: Arc<Streams>,
    /// Host names besides loopback and addresses that this server answers for.
    pub(crate) known_hosts: Vec<String>,
}

impl Served {
    /// `start` is a random number from which request ids are counted.
    pub fn new(app: Arc<App>, start: u64) -> Arc<Self> {
        let hosts = [app.public_url(), app.functions_url()].into_iter().flatten().filter_map(|url| {
            let uri: http::Uri = url.parse().ok()?;
            uri.host().map(str::to_owned)
        });
        let known_hosts = hosts.collect();
        Arc::new(Self { app, request_ids: RequestIds::new(start), streams: Arc::default(), known_hosts })
    }
}

/// A project's resources: mounted under `/api/v1/projects/{project}` and `/api/v1/admin`.
fn project_routes() -> OpenApiRouter<Arc<Served>> {
    OpenApiRouter::new()
        .routes(routes!(secrets::list, secrets::create, secrets::set_many))
        .routes(routes!(secrets::show, secrets::update, secrets::delete))
        .routes(routes!(secrets::history))
        .routes(routes!(secrets::rollback))
        .routes(routes!(secrets::restore))
        .routes(routes!(secrets::reveal))
        .routes(routes!(secrets::declare))
        .routes(routes!(secrets::stats))
        .routes(routes!(copies::copy))
        .routes(routes!(copies::diff))
        .routes(routes!(copies::export))
        .routes(routes!(resolve::resolve))
        .routes(routes!(resolve::explain))
        .routes(routes!(events::events))
        .routes(routes!(settings::list))
        .routes(routes!(settings::show, settings::set, settings::delete))
        .routes(routes!(projects::list_namespaces, projects::create_namespace))
        .routes(routes!(projects::delete_namespace))
        .routes(routes!(apps::list, apps::create))
        .routes(routes!(apps::show, apps::delete))
        .routes(routes!(functions::list))
        .routes(routes!(functions::show, functions::deploy, functions::delete))
        .routes(routes!(functions::rollback))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(logs::list))
}

/// What belongs to the instance.
fn instance_routes() -> OpenApiRouter<Arc<Served>> {
    OpenApiRouter::new()
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::show, projects::update, projects::delete))
        .routes(routes!(access::whoami))
        .routes(routes!(instance::about))
}

/// All documented routes.
pub(crate) fn documented() -> OpenApiRouter<Arc<Served>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .nest("/api/v1/projects/{project}", project_routes())
        .nest("/api/v1", instance_routes())
        .routes(routes!(instance::healthz))
        .routes(routes!(instance::readyz))
}

fn routes() -> Router<Arc<Served>> {
    let (router, _) = documented().split_for_parts();
    let (admin, _) = project_routes().split_for_parts();
    router
        .nest("/api/v1/admin", admin)
        .route("/api/v1/openapi.json", get(openapi::serve))
        .route("/api/docs", get(docs_page::serve))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
}

/// The management API.
pub fn management_router(served: &Arc<Served>) -> Router {
    routes()
        .layer(from_fn_with_state(Arc::clone(served), guard::authenticated))
        .layer(from_fn_with_state(Arc::clone(served), guard::admit))
        .with_state(Arc::clone(served))
}

/// Management and functions on one router: for the local socket and for use in process, which are no browser's origin.
pub fn local_router(served: &Arc<Served>) -> Router {
    let functions = functions_router(served);
    management_router(served).layer(from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        let functions = functions.clone();
        async move {
            if !request.uri().path().starts_with("/fn/") {
                return next.run(request).await;
            }
            match tower::ServiceExt::oneshot(functions, request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    }))
}

/// The functions' own origin.
pub fn functions_router(served: &Arc<Served>) -> Router {
    Router::new().fallback(crate::functions::invoke).with_state(Arc::clone(served))
}

async fn not_found() -> Response {
    Failure::new(Code::NotFound, "there is nothing at this address").into_response()
}

async fn method_not_allowed() -> Response {
    Failure::new(Code::MethodNotAllowed, "this address does not take that method").into_response()
}
