//! `/projects/{project}`: how many secrets there are, what wants a look, and where each name resolves.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_api::resolve::{MissingReason, ResolutionAnswer};
use strongroom_api::secrets::StatsAnswer;
use strongroom_app::projects;
use strongroom_app::resolve::{Question, explain};
use strongroom_app::secrets::{self, ListQuery};
use strongroom_model::expiry::is_soon;
use strongroom_model::{Capability, NamespaceName, ScopeKind, SecretName};

use super::frame::Frame;
use super::nav::Section;
use super::show;
use super::visit::Visit;
use crate::extract::{Lists, Query};
use crate::failure::Failure;

/// Secrets that the grid is made of; more are found with the search.
const MAX_SECRETS: usize = 150;
/// Columns that can still be read.
const MAX_NAMESPACES: usize = 6;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverviewParams {
    #[serde(default)]
    search: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    base: String,
    stats: StatsAnswer,
    search: String,
    namespaces: Vec<String>,
    hidden_namespaces: usize,
    rows: Vec<Row>,
    has_more: bool,
    may_write: bool,
}

/// One name.
struct Row {
    name: String,
    /// Apps with a value of their own.
    apps: Vec<String>,
    cells: Vec<Cell>,
}

/// Where a name resolves.
pub(crate) struct Cell {
    /// The class of the badge.
    pub(crate) state: &'static str,
    pub(crate) text: String,
    /// Whether it comes from a wider scope than the place that is asked about.
    pub(crate) is_inherited: bool,
}

/// The overview of a project.
pub(crate) async fn show_overview(
    visit: Visit<Lists>,
    Query(params): Query<OverviewParams>,
) -> Result<Response, Failure> {
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    let stats = secrets::stats(app, caller, project).await?;
    let all: Vec<NamespaceName> = namespaces(&visit).await?;
    let shown: Vec<_> = all.iter().take(MAX_NAMESPACES).collect();
    let (names, has_more) = names(&visit, &params.search).await?;
    let mut rows: Vec<Row> = names
        .iter()
        .map(|(name, apps)| Row { name: name.to_string(), apps: apps.clone(), cells: Vec::new() })
        .collect();
    let wanted: Vec<SecretName> = names.into_iter().map(|(name, _)| name).collect();
    for namespace in &shown {
        let question = Question { namespace: (*namespace).clone(), app: None, names: Some(wanted.clone()) };
        let mut cells = Cells::new(explain(app, caller, project, &question).await?, app.now());
        for row in &mut rows {
            row.cells.push(cells.of(&row.name));
        }
    }
    let page = OverviewPage {
        frame: visit.frame("Overview", Section::Overview),
        base: visit.address(""),
        stats,
        search: params.search,
        hidden_namespaces: all.len() - shown.len(),
        namespaces: shown.iter().map(ToString::to_string).collect(),
        rows,
        has_more,
        may_write: caller.holds(Capability::SecretsWrite),
    };
    Ok(show(&page))
}

/// The namespaces that the visitor reaches.
pub(crate) async fn namespaces<N>(visit: &Visit<N>) -> Result<Vec<NamespaceName>, Failure> {
    let (app, caller, project) = (&visit.scene.app, &visit.scene.caller, &visit.scene.project);
    let items = projects::namespaces(app, caller, project).await?;
    let names = items.iter().filter_map(|item| item.name.parse().ok());
    Ok(names.filter(|name| caller.reaches_namespace(name)).collect())
}

/// The first names in order, each with the apps that have a value of their own, and whether there are more.
async fn names(visit: &Visit<Lists>, search: &str) -> Result<(Vec<(SecretName, Vec<String>)>, bool), Failure> {
    let search = Some(search.trim().to_owned()).filter(|text| !text.is_empty());
    let query = ListQuery { search, limit: MAX_SECRETS, ..ListQuery::default() };
    let (items, next) = secrets::list(&visit.scene.app, &visit.scene.caller, &visit.scene.project, query).await?;
    let mut names: Vec<(SecretName, Vec<String>)> = Vec::new();
    for item in items {
        let Ok(name) = item.name.parse::<SecretName>() else { continue };
        if names.last().is_none_or(|(last, _)| *last != name) {
            names.push((name, Vec::new()));
        }
        if let (ScopeKind::App, Some((_, apps)), Some(app)) = (item.scope, names.last_mut(), item.app) {
            apps.push(app);
        }
    }
    Ok((names, next.is_some()))
}

/// What names resolve to in one namespace, as badges.
struct Cells {
    known: HashMap<String, Cell>,
}

impl Cells {
    fn new(answer: ResolutionAnswer, now: Timestamp) -> Self {
        let found = answer.items.into_iter().map(|item| {
            let state = if is_soon(item.expires_at, now) { "expiring_soon" } else { "set" };
            let version = item.version.map(|version| format!(" v{version}")).unwrap_or_default();
            let is_inherited = item.scope != "namespace";
            let place = if is_inherited { item.scope } else { "own".to_owned() };
            (item.name, Cell { state, text: format!("{place}{version}"), is_inherited })
        });
        let missing = answer.missing.into_iter().map(|missing| {
            let state = match missing.reason {
                MissingReason::NotSet => "none",
                MissingReason::NoValue => "no_value",
                MissingReason::Expired => "expired",
            };
            (missing.name, Cell { state, text: missing.reason.to_string(), is_inherited: false })
        });
        Self { known: found.chain(missing).collect() }
    }

    fn of(&mut self, name: &str) -> Cell {
        let not_set = || Cell { state: "none", text: MissingReason::NotSet.to_string(), is_inherited: false };
        self.known.remove(name).unwrap_or_else(not_set)
    }
}
