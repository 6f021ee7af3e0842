//! `/projects/{project}/fill`: the page whose address `secret create` prints. Somebody who knows the values fills them
//! in, all at once.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use strongroom_api::secrets::{SecretItem, State};
use strongroom_app::secrets::{self, Change, ListQuery, Presence, Write};
use strongroom_app::{Error, Fault};
use strongroom_model::{Scope, ScopeKind, SecretName};

use super::{Badge, news, place};
use crate::extract::{Query, Writes};
use crate::failure::Failure;
use crate::place::Parts;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::problem::Notice;
use crate::web::show_with;
use crate::web::visit::Visit;

/// Secrets on one page.
const PAGE: usize = 100;

/// Which secrets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    scope: Option<String>,
    namespace: Option<String>,
    app: Option<String>,
    /// Names with commas between them: those that were just declared. Without it, everything that has no value.
    names: Option<String>,
}

#[derive(Template)]
#[template(path = "secrets/fill.html")]
struct FillPage {
    frame: Frame,
    notice: Option<Notice>,
    place: String,
    /// Those without a value.
    waiting: Vec<Item>,
    /// Those that have one.
    filled: Vec<Item>,
    action: String,
    base: String,
}

struct Item {
    name: String,
    description: Option<String>,
    badge: Badge,
}

impl From<SecretItem> for Item {
    fn from(item: SecretItem) -> Self {
        Self { name: item.name, description: item.description, badge: Badge::of(item.state) }
    }
}

/// What the page is about.
struct Asked {
    scope: Scope,
    names: Option<Vec<SecretName>>,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, Failure> {
        let scope = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()?;
        let names = params.names.as_deref().filter(|names| !names.is_empty());
        let names = names.map(|names| crate::place::names(names.split(',').take(PAGE))).transpose()?;
        Ok(Self { scope, names })
    }

    fn address(&self) -> String {
        let query = place::query_of(&self.scope);
        let Some(names) = &self.names else { return format!("/fill{query}") };
        let mark = if query.is_empty() { '?' } else { '&' };
        let names: Vec<_> = names.iter().map(SecretName::as_str).collect();
        format!("/fill{query}{mark}names={}", names.join(","))
    }

    /// The secrets that the page shows.
    async fn items(&self, visit: &Visit<Writes>) -> Result<Vec<SecretItem>, Failure> {
        let scene = &visit.scene;
        let Some(names) = &self.names else {
            let query = ListQuery {
                scope: Some(self.scope.kind()),
                namespace: self.scope.namespace().cloned(),
                app: self.scope.app().cloned(),
                state: Some(State::NoValue),
                limit: PAGE,
                ..ListQuery::default()
            };
            return Ok(secrets::list(&scene.app, &scene.caller, &scene.project, query).await?.0);
        };
        let mut items = Vec::new();
        for name in names {
            let item = secrets::item(&scene.app, &scene.caller, &scene.project, &self.scope, name).await;
            match item {
                Ok(item) => items.push(item),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(items)
    }
}

/// The page.
pub(crate) async fn form(visit: Visit<Writes>, Query(params): Query<Params>) -> Result<Response, Failure> {
    page(&visit, &Asked::of(&params)?, StatusCode::OK, None).await
}

async fn page(
    visit: &Visit<Writes>,
    asked: &Asked,
    status: StatusCode,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let (filled, waiting): (Vec<_>, Vec<_>) =
        asked.items(visit).await?.into_iter().partition(|item| item.version.is_some());
    let page = FillPage {
        frame: visit.frame("Fill in", Section::Secrets).crumb("Secrets", visit.address("/secrets")),
        notice,
        place: match asked.scope.kind() {
            ScopeKind::Global => "every namespace".to_owned(),
            _ => place::words_of(&asked.scope),
        },
        waiting: waiting.into_iter().map(Item::from).collect(),
        filled: filled.into_iter().map(Item::from).collect(),
        action: visit.address(&asked.address()),
        base: visit.address(""),
    };
    Ok(show_with(status, &page))
}

/// Saves what was filled in: all or nothing.
pub(crate) async fn submit(
    visit: Visit<Writes>,
    Query(params): Query<Params>,
    form: Form,
) -> Result<Response, Failure> {
    let asked = Asked::of(&params)?;
    match fill(&visit, &asked, &form).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, &asked, status, Some(notice)).await
        }
    }
}

async fn fill(visit: &Visit<Writes>, asked: &Asked, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let (mut changes, mut replaced, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for text in form.all("name") {
        let Ok(name) = text.parse::<SecretName>() else {
            return Err(Failure::invalid("name", "the form is not the one that this page gave out; open it again"));
        };
        let may_replace = form.has(&format!("replaces:{name}"));
        match form.value(&format!("value:{name}")) {
            Ok(None) => {}
            Ok(Some(value)) => {
                if may_replace {
                    replaced.push(name.clone());
                }
                changes.push(Change { name, value: Some(value), description: None, expires: None });
            }
            Err(failure) => faults.push(Fault::new(name.as_str(), format!("{name}: {}", failure.0.detail))),
        }
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults).into());
    }
    if changes.is_empty() {
        return Err(Failure::invalid("value", "nothing was filled in; type or paste at least one value"));
    }
    let (count, total) = (changes.len(), form.all("name").count());
    let write = Write {
        scope: asked.scope.clone(),
        changes,
        presence: Presence::WithoutValueBut(replaced),
        force: false,
        if_version: None,
        allowed: Vec::new(),
        dry_run: false,
    };
    let done = secrets::write(&scene.app, &scene.caller, &scene.project, write).await?;
    let text = match (count, total) {
        (1, _) => "1 value is saved.".to_owned(),
        (count, _) => format!("{count} values are saved."),
    };
    Ok(news(text, &done).at(&visit.address(&asked.address())))
}
