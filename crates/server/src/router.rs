//! Every route on one page.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use strongroom_api::Code;
use strongroom_app::App;
use strongroom_app::accounts::oidc;

use crate::api::{
    access, apps, audit, copies, events, factor, functions, instance, issuers, jobs, links, logins, logs, me, members,
    metrics, projects, resolve, secrets, session, settings, tokens, trusts, users,
};
use crate::edge::Edge;
use crate::failure::Failure;
use crate::guard;
use crate::peer::RequestIds;
use crate::route::{Route, page, routes};
use crate::streams::Streams;
use crate::web::secrets as pages;
use crate::{docs_page, openapi, web};

/// What the routers share.
pub struct Served {
    pub(crate) app: Arc<App>,
    pub(crate) request_ids: RequestIds,
    /// Streams of events and long polls that are open.
    pub(crate) streams: Arc<Streams>,
    /// Imports whose names were shown and that are not written yet.
    pub(crate) drafts: Arc<web::secrets::drafts::Drafts>,
    /// Host names besides loopback and addresses that this server answers for.
    pub(crate) known_hosts: Vec<String>,
    /// What limits callers before and after their requests reach a router.
    pub(crate) edge: Arc<Edge>,
    pub(crate) answers: metrics::Answers,
    /// How often each end user has asked.
    pub(crate) end_users: crate::end_users::Limits,
}

impl Served {
    /// Behind no network, or behind one without TLS and proxies. `start` is a random number from which request ids are
    /// counted.
    pub fn new(app: Arc<App>, start: u64) -> Arc<Self> {
        Self::behind(app, start, Edge::plain())
    }

    /// Behind the edge of its listeners.
    pub fn behind(app: Arc<App>, start: u64, edge: Arc<Edge>) -> Arc<Self> {
        let hosts = [app.public_url(), app.functions_url()].into_iter().flatten().filter_map(|url| {
            let uri: http::Uri = url.parse().ok()?;
            uri.host().map(str::to_owned)
        });
        let known_hosts = hosts.collect();
        Arc::new(Self {
            app,
            request_ids: RequestIds::new(start),
            streams: Arc::default(),
            drafts: Arc::default(),
            known_hosts,
            edge,
            answers: metrics::Answers::default(),
            end_users: crate::end_users::Limits::default(),
        })
    }

    /// Ends streams of events and long polls, which have no end of their own. The server is about to stop.
    pub fn end_streams(&self) {
        self.streams.end();
    }
}

/// A project's resources: mounted under `/api/v1/projects/{project}` and `/api/v1/admin`.
fn project_routes() -> Vec<Route> {
    vec![
        routes!(secrets::list, secrets::create, secrets::set_many),
        routes!(secrets::show, secrets::update, secrets::delete),
        routes!(secrets::history),
        routes!(secrets::rollback),
        routes!(secrets::restore),
        routes!(secrets::reveal),
        routes!(secrets::declare),
        routes!(secrets::stats),
        routes!(copies::copy),
        routes!(copies::diff),
        routes!(copies::export),
        routes!(resolve::resolve),
        routes!(resolve::explain),
        routes!(events::events),
        routes!(settings::list),
        routes!(issuers::list, issuers::add),
        routes!(issuers::delete),
        routes!(trusts::list, trusts::add),
        routes!(trusts::delete),
        routes!(settings::show, settings::set, settings::delete),
        routes!(projects::list_namespaces, projects::create_namespace),
        routes!(projects::update_namespace, projects::delete_namespace),
        routes!(apps::list, apps::create),
        routes!(apps::show, apps::delete),
        routes!(functions::list),
        routes!(functions::show, functions::deploy, functions::delete),
        routes!(functions::rollback),
        routes!(jobs::list),
        routes!(jobs::show, jobs::deploy, jobs::delete),
        routes!(jobs::rollback),
        routes!(jobs::run),
        routes!(jobs::runs),
        routes!(jobs::show_run),
        routes!(jobs::retry),
        routes!(jobs::cancel),
        routes!(tokens::list, tokens::create),
        routes!(tokens::revoke),
        routes!(links::list, links::create),
        routes!(links::revoke),
        routes!(members::list),
        routes!(members::put, members::remove),
        routes!(audit::list),
        routes!(audit::verify, audit::compare),
        routes!(audit::export),
        routes!(audit::retention),
        routes!(audit::anchors, audit::anchor),
        routes!(logs::list),
    ]
}

/// What belongs to the instance, below `/api/v1`.
fn instance_routes() -> Vec<Route> {
    vec![
        routes!(projects::list, projects::create),
        routes!(projects::show, projects::update, projects::delete),
        routes!(access::whoami),
        routes!(session::set_up),
        routes!(session::show, session::sign_in, session::sign_out),
        routes!(session::open),
        routes!(session::password),
        routes!(factor::show_factor, factor::begin_factor, factor::confirm_factor),
        routes!(factor::remove_factor),
        routes!(factor::renew_recovery),
        routes!(logins::begin_login),
        routes!(logins::claim_login),
        routes!(session::list),
        routes!(session::end),
        routes!(users::list),
        routes!(users::update, users::delete),
        routes!(factor::remove_factor_of),
        routes!(users::invitations, users::invite),
        routes!(users::withdraw),
        routes!(users::accept),
        routes!(me::list),
        routes!(me::set, me::delete),
        routes!(trusts::log_in),
        routes!(instance::about),
        routes!(links::look),
        routes!(links::fill),
    ]
}

/// Whether the server lives and is ready, and how it fares.
fn health_routes() -> Vec<Route> {
    vec![routes!(instance::healthz), routes!(instance::readyz), routes!(metrics::metrics)]
}

/// Every page. Which of them need nobody to be signed in stands in `admission.rs`.
fn page_routes() -> Vec<Route> {
    vec![
        page("/").get(web::projects::list),
        page("/assets/{file}").get(web::assets::serve),
        page("/setup/{code}").get(web::door::set_up_form).post(web::door::set_up),
        page("/invitation/{code}").get(web::door::invitation_form).post(web::door::accept),
        page("/sign-in").get(web::door::sign_in_form).post(web::door::sign_in),
        page("/sign-in/oidc").get(web::oidc::begin).post(web::oidc::begin_accepting),
        page(oidc::CALLBACK).get(web::oidc::callback),
        page("/sign-out").post(web::door::sign_out),
        page("/fill/{code}").get(web::fill::form).post(web::fill::submit),
        page("/projects/{project}/secrets").get(pages::list::list),
        page("/projects/{project}/new-secret").get(pages::add::form).post(pages::add::submit),
        page("/projects/{project}/secrets/{name}").get(pages::show::show),
        page("/projects/{project}/secrets/{name}/value").get(pages::value::form).post(pages::value::submit),
        page("/projects/{project}/secrets/{name}/edit").get(pages::edit::form).post(pages::edit::submit),
        page("/projects/{project}/secrets/{name}/rollback")
            .get(pages::rollback::question)
            .post(pages::rollback::submit),
        page("/projects/{project}/secrets/{name}/delete").get(pages::delete::question).post(pages::delete::submit),
        page("/projects/{project}/secrets/{name}/restore").post(pages::delete::restore),
        page("/projects/{project}/deleted-secrets").get(pages::delete::deleted),
        page("/projects/{project}/import").get(pages::import::form).post(pages::import::preview),
        page("/projects/{project}/import/write").post(pages::import::submit),
        page("/projects/{project}/fill").get(pages::fill::form).post(pages::fill::submit),
    ]
}

/// The pages about what runs in a project, who may use it, and what it was used for.
fn project_page_routes() -> Vec<Route> {
    vec![
        page("/projects/{project}").get(web::overview::show_overview),
        page("/projects/{project}/functions").get(web::functions::list),
        page("/projects/{project}/functions/{namespace}/{name}").get(web::functions::show_one),
        page("/projects/{project}/functions/{namespace}/{name}/rollback")
            .get(web::workloads::ask_function)
            .post(web::workloads::roll_back_function),
        page("/projects/{project}/jobs").get(web::jobs::list),
        page("/projects/{project}/jobs/{namespace}/{name}").get(web::jobs::show_one),
        page("/projects/{project}/jobs/{namespace}/{name}/rollback")
            .get(web::workloads::ask_job)
            .post(web::workloads::roll_back_job),
        page("/projects/{project}/jobs/{namespace}/{name}/run").post(web::jobs::run),
        page("/projects/{project}/runs").get(web::runs::list),
        page("/projects/{project}/runs/{run}").get(web::runs::show_one),
        page("/projects/{project}/runs/{run}/retry").post(web::runs::retry),
        page("/projects/{project}/runs/{run}/cancel").post(web::runs::cancel),
        page("/projects/{project}/logs").get(web::logs::list),
        page("/projects/{project}/audit").get(web::audit::list),
        page("/projects/{project}/audit/verify").post(web::audit::verify),
        page("/projects/{project}/tokens").get(web::tokens::list).post(web::tokens::create),
        page("/projects/{project}/tokens/new").get(web::tokens::form),
        page("/projects/{project}/tokens/{id}/revoke").get(web::tokens::ask).post(web::tokens::revoke),
        page("/account").get(web::account::show_account),
        page("/account/oidc").post(web::oidc::begin_linking),
        page("/account/oidc/unlink").post(web::oidc::unlink),
        page("/account/password").get(web::account::password::form).post(web::account::password::submit),
        page("/account/factor").get(web::account::factor::form).post(web::account::factor::confirm),
        page("/account/factor/begin").post(web::account::factor::begin),
        page("/account/factor/recovery")
            .get(web::account::factor::recovery_form)
            .post(web::account::factor::renew_recovery),
        page("/account/factor/remove").get(web::account::factor::removal_form).post(web::account::factor::remove),
        page("/account/sessions/{id}/end").post(web::account::end_session),
        page("/login").get(web::login::form).post(web::login::look),
        page("/login/confirm").post(web::login::decide),
        page("/projects/{project}/members").get(web::members::list).post(web::members::put),
        page("/projects/{project}/members/{name}/remove").get(web::members::ask).post(web::members::remove),
        page("/projects/{project}/settings").get(web::settings::show_settings).post(web::settings::update),
        page("/projects/{project}/issuers").get(web::issuers::list).post(web::issuers::add),
        page("/projects/{project}/issuers/{name}/remove").get(web::issuers::ask).post(web::issuers::remove),
        page("/projects/{project}/settings/destroy").post(web::settings::delete_project),
        page("/projects/{project}/settings/namespaces").post(web::settings::create_namespace),
        page("/projects/{project}/settings/namespaces/{name}/protection").post(web::settings::protect_namespace),
        page("/projects/{project}/settings/namespaces/{name}/delete")
            .get(web::settings::ask_delete_namespace)
            .post(web::settings::delete_namespace),
    ]
}

/// What describes this server to programs and people, and what a local owner's browser is opened with.
fn plain_routes() -> Vec<Route> {
    vec![
        page("/api/v1/openapi.json").get(openapi::serve),
        page("/api/docs").get(docs_page::serve),
        page(docs_page::STYLE_PATH).get(docs_page::style),
        page("/open/{code}").get(web::door::open_form).post(web::door::open),
    ]
}

/// The pages outside the projects: what there is, and who has an account.
fn instance_page_routes() -> Vec<Route> {
    vec![
        page("/new-project").get(web::projects::form).post(web::projects::create),
        page("/users").get(web::users::list),
        page("/users/{name}").get(web::users::show_one),
        page("/users/{name}/change").get(web::users::ask).post(web::users::change),
        page("/invitations").get(web::invitations::form).post(web::invitations::invite),
        page("/invitations/{id}/withdraw").get(web::invitations::ask).post(web::invitations::withdraw),
    ]
}

/// Every route that is documented, under its prefix.
#[cfg(feature = "describe")]
pub(crate) fn documented() -> [(&'static str, Vec<Route>); 3] {
    [("/api/v1/projects/{project}", project_routes()), ("/api/v1", instance_routes()), ("", health_routes())]
}

/// Every route of the management listener, under its whole path: routers nested in each other would take each request's path
/// apart again.
pub(crate) fn all_routes() -> Vec<Route> {
    let under = |prefix: &'static str| move |route: Route| route.under(prefix);
    let projects = project_routes().into_iter().map(under("/api/v1/projects/{project}"));
    let admin = project_routes().into_iter().map(under("/api/v1/admin"));
    let instance = instance_routes().into_iter().map(under("/api/v1"));
    let pages = [page_routes(), project_page_routes(), instance_page_routes(), plain_routes()];
    let others = std::iter::once(health_routes()).chain(pages).flatten();
    projects.chain(admin).chain(instance).chain(others).collect()
}

/// Nothing is mounted but what [`all_routes`] names, so that the list of routes which is made from it is whole.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn routes() -> Router<Arc<Served>> {
    let mount = |router: Router<_>, route: Route| router.route(&route.path, route.methods);
    let router = all_routes().into_iter().fold(Router::new(), mount);
    router.method_not_allowed_fallback(method_not_allowed).fallback(not_found)
}

/// The management API: the guards, and behind them the routes.
pub fn management_router(served: &Arc<Served>) -> Router {
    let (routes, served) = (routes().with_state(Arc::clone(served)), Arc::clone(served));
    whole(move |request| guard::admit(Arc::clone(&served), request, routes.clone()))
}

/// Management and functions on one router: for the local socket and for use in process, which are no browser's origin.
pub fn local_router(served: &Arc<Served>) -> Router {
    let (management, functions) = (management_router(served), functions_router(served));
    whole(move |request| {
        let is_call = request.uri().path().starts_with("/fn/");
        answer(if is_call { functions.clone() } else { management.clone() }, request)
    })
}

/// A router that hands every request to one function.
fn whole<F>(serve: impl Fn(Request) -> F + Clone + Send + Sync + 'static) -> Router
where
    F: Future<Output = Response> + Send + 'static,
{
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let answer = serve(request);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
}

/// What a router answers.
pub(crate) async fn answer(mut routes: Router, request: Request) -> Response {
    match tower::Service::call(&mut routes, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The functions' own origin.
pub fn functions_router(served: &Arc<Served>) -> Router {
    let served = Arc::clone(served);
    whole(move |request| crate::functions::invoke(Arc::clone(&served), request))
}

async fn not_found() -> Response {
    Failure::new(Code::NotFound, "there is nothing at this address").into_response()
}

async fn method_not_allowed() -> Response {
    Failure::new(Code::MethodNotAllowed, "this address does not take that method").into_response()
}
