//! `/projects/{project}/settings`: settings secrets, namespaces, what the project allows, and its end.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use strongroom_api::projects::{ProjectSettings, UpdateProject};
use strongroom_app::apps;
use strongroom_app::projects::{self, Protection};
use strongroom_app::secrets::{self, ListQuery};
use strongroom_model::{Capability, NamespaceName, ScopeKind};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::problem::Notice;
use super::secrets::Row;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::extract::{Administers, Lists, Needs};
use crate::failure::Failure;
use crate::place::required;

/// Settings secrets on the page.
const MAX_SECRETS: usize = 200;

struct Namespace {
    name: String,
    is_protected: bool,
    created: When,
    created_by: String,
    /// `default` stays.
    may_go: bool,
}

struct AppLine {
    id: String,
    namespace: String,
    name: Option<String>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    base: String,
    project: String,
    notice: Option<Notice>,
    rows: Vec<Row>,
    namespaces: Vec<Namespace>,
    apps: Vec<AppLine>,
    settings: ProjectSettings,
    may_write: bool,
    is_admin: bool,
}

/// The settings as the visitor may see them.
pub(crate) async fn show_settings(visit: Visit<Lists>) -> Result<Response, Failure> {
    page(&visit, StatusCode::OK, None).await
}

async fn page<N: Needs>(visit: &Visit<N>, status: StatusCode, notice: Option<Notice>) -> Result<Response, Failure> {
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    let (base, now) = (visit.address(""), app.now());
    let query = ListQuery { scope: Some(ScopeKind::System), limit: MAX_SECRETS, ..ListQuery::default() };
    // who is limited to namespaces sees no settings secrets
    let mut rows = Vec::new();
    if !caller.grant().is_some_and(strongroom_model::Grant::is_limited) {
        let (items, _) = secrets::list(app, caller, project, query).await?;
        rows.extend(items.into_iter().map(|item| Row::new(&base, item, now)));
    }
    let namespaces = projects::namespaces(app, caller, project).await?;
    let namespace = |item: strongroom_api::projects::NamespaceItem| Namespace {
        may_go: item.name != NamespaceName::default_namespace().as_str(),
        is_protected: item.protected,
        created: When::new(item.created_at, now),
        name: item.name,
        created_by: visitor(&item.created_by),
    };
    let apps = apps::list(app, caller, project).await?;
    let settings = projects::show(app, caller, project).await?.settings;
    Ok(show_with(
        status,
        &SettingsPage {
            frame: visit.frame("Settings", Section::Settings),
            project: project.to_string(),
            notice,
            rows,
            namespaces: namespaces.into_iter().map(namespace).collect(),
            apps: apps
                .into_iter()
                .map(|item| AppLine { id: item.id, namespace: item.namespace, name: item.name })
                .collect(),
            settings,
            may_write: caller.holds(Capability::SecretsWrite),
            is_admin: caller.holds(Capability::Admin),
            base,
        },
    ))
}

/// Changes what the project allows.
pub(crate) async fn update(visit: Visit<Administers>, form: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let change =
        UpdateProject { allow_reveal: Some(form.has("allow_reveal")), value_hints: Some(form.has("value_hints")) };
    projects::update(&scene.app, &scene.caller, &scene.project, change).await?;
    Ok(Flash::done("The settings are saved.").at(&visit.address("/settings")))
}

/// Makes a namespace.
pub(crate) async fn create_namespace(visit: Visit<Administers>, form: Form) -> Result<Response, Failure> {
    match add_namespace(&visit, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, status, Some(notice)).await.map(IntoResponse::into_response)
        }
    }
}

async fn add_namespace(visit: &Visit<Administers>, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: NamespaceName = required("namespace", &form.line("namespace"))?;
    let protection = protection(form);
    projects::create_namespace(&scene.app, &scene.caller, &scene.project, &name, protection).await?;
    Ok(Flash::done(format!("The namespace {name} is there.")).at(&visit.address("/settings")))
}

fn protection(form: &Form) -> Protection {
    if form.has("protected") { Protection::Protected } else { Protection::Open }
}

/// Protects a namespace, or takes its protection away.
pub(crate) async fn protect_namespace(
    visit: Visit<Administers>,
    Path((_, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: NamespaceName = required("namespace", &name)?;
    let protection = protection(&form);
    projects::protect_namespace(&scene.app, &scene.caller, &scene.project, &name, protection).await?;
    let is_protected = protection == Protection::Protected;
    let news = if is_protected { "is protected now" } else { "is not protected any more" };
    Ok(Flash::done(format!("The namespace {name} {news}.")).at(&visit.address("/settings")))
}

#[derive(Template)]
#[template(path = "namespace-delete.html")]
struct DeletePage {
    frame: Frame,
    base: String,
    name: String,
}

/// Asks whether a namespace shall go.
pub(crate) async fn ask_delete_namespace(
    visit: Visit<Administers>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let name: NamespaceName = required("namespace", &name)?;
    let frame = visit.frame("Delete a namespace", Section::Settings).crumb("Settings", visit.address("/settings"));
    Ok(show(&DeletePage { frame, base: visit.address(""), name: name.to_string() }))
}

/// Deletes a namespace with everything in it.
pub(crate) async fn delete_namespace(
    visit: Visit<Administers>,
    Path((_, name)): Path<(String, String)>,
    _: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let name: NamespaceName = required("namespace", &name)?;
    projects::delete_namespace(&scene.app, &scene.caller, &scene.project, &name).await?;
    Ok(Flash::done(format!("The namespace {name} is gone.")).at(&visit.address("/settings")))
}

/// Destroys the project, once its name was typed.
pub(crate) async fn delete_project(visit: Visit<Administers>, form: Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let done = projects::delete(&scene.app, &scene.caller, &scene.project, &form.line("confirm")).await;
    if let Err(error) = done {
        let (status, notice) = Failure::from(error).into();
        return page(&visit, status, Some(notice)).await.map(IntoResponse::into_response);
    }
    Ok(Flash::done(format!("The project {} is destroyed, and its keys with it.", scene.project)).at("/"))
}
