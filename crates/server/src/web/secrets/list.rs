//! `/projects/{project}/secrets`: the table.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use strongroom_app::projects;
use strongroom_app::secrets::{self, ListQuery};
use strongroom_model::{Capability, ScopeKind};

use super::{Badge, Row, SCOPES, state};
use crate::api::{from_cursor, to_cursor};
use crate::extract::{Lists, Query};
use crate::failure::Failure;
use crate::place::optional;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::show;
use crate::web::visit::Visit;

/// Secrets on one page.
const PAGE: usize = 50;

/// What the filters say. Empty texts mean nothing, as forms send them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    #[serde(default)]
    search: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
}

impl Filters {
    fn is_any(&self) -> bool {
        [&self.search, &self.scope, &self.namespace, &self.state].iter().any(|text| !text.is_empty())
    }

    /// The query of the page that begins at `cursor`.
    fn query(&self, cursor: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        let all = [
            ("search", self.search.as_str()),
            ("scope", &self.scope),
            ("namespace", &self.namespace),
            ("state", &self.state),
            ("cursor", cursor),
        ];
        for (key, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
            pairs.append_pair(key, text);
        }
        format!("?{}", pairs.finish())
    }
}

#[derive(Template)]
#[template(path = "secrets/list.html")]
struct ListPage {
    frame: Frame,
    base: String,
    filters: Filters,
    scopes: [(ScopeKind, &'static str); 4],
    states: [Badge; 4],
    namespaces: Vec<String>,
    rows: Vec<Row>,
    next: Option<String>,
    may_write: bool,
    may_delete: bool,
}

/// The secrets that the visitor may list, as he filters them.
pub(crate) async fn list(visit: Visit<Lists>, Query(filters): Query<Filters>) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let some = |text: &'_ str| if text.is_empty() { None } else { Some(text.to_owned()) };
    let wanted = some(&filters.scope);
    let unknown = || Failure::invalid("scope", "a scope is one of global, namespace, app and system");
    let query = ListQuery {
        scope: wanted.map(|word| ScopeKind::from_word(&word).ok_or_else(unknown)).transpose()?,
        namespace: optional("namespace", some(&filters.namespace).as_deref())?,
        search: some(filters.search.trim()),
        state: some(&filters.state).map(|word| state(&word).ok_or_else(unknown_state)).transpose()?,
        after: some(&filters.cursor).as_deref().map(from_cursor).transpose()?,
        limit: PAGE,
        ..ListQuery::default()
    };
    let namespaces = projects::namespaces(&scene.app, &scene.caller, &scene.project).await?;
    let (items, next) = secrets::list(&scene.app, &scene.caller, &scene.project, query).await?;
    let (base, now) = (visit.address(""), scene.app.now());
    Ok(show(&ListPage {
        frame: visit.frame("Secrets", Section::Secrets),
        scopes: SCOPES,
        states: Badge::ALL,
        namespaces: namespaces.into_iter().map(|item| item.name).collect(),
        rows: items.into_iter().map(|item| Row::new(&base, item, now)).collect(),
        next: next.map(|end| filters.query(&to_cursor(end))),
        may_write: scene.caller.holds(Capability::SecretsWrite),
        may_delete: scene.caller.holds(Capability::SecretsDelete),
        base,
        filters,
    }))
}

fn unknown_state() -> Failure {
    Failure::invalid("state", "a state is one of set, no_value, expiring_soon and expired")
}
