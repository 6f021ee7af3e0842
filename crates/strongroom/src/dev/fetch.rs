//! Everything that the store has for a plan, in one go.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_api::projects::{CreateApp, CreateNamespace};
use strongroom_client::{Client, ClientError};

use super::layers::{Layers, Stored, Values, Wants};
use super::plan::Plan;
use super::store::{Place, fetch, fetch_system};
use crate::commands::secrets::resolve::unresolved;
use crate::errors::Failure;

/// What was fetched.
pub(super) struct Fetched {
    code: Arc<Stored>,
    apps: BTreeMap<String, Arc<Stored>>,
    system: Option<Arc<Values>>,
    /// What had to be made, since a workload runs in it.
    pub(super) created: Vec<String>,
    /// From where on changes are to be followed.
    pub(super) epoch: u64,
}

impl Fetched {
    /// The layers with these values in place of the older ones.
    pub(super) fn onto(self, layers: &Layers) -> Layers {
        Layers { code: self.code, apps: self.apps, system: self.system.unwrap_or_default(), ..layers.again() }
    }
}

/// Asks the store for everything that `plan` wants. A namespace or app that is not there yet is made, as a deploy would.
pub(super) async fn everything(client: &Client, plan: &Plan, before: &Layers) -> Result<Fetched, Failure> {
    let mut created = Vec::new();
    let wants: Vec<&Wants> = plan.code.iter().map(|code| &code.wants).collect();
    let code = if wants.is_empty() {
        None
    } else {
        Some(made(client, &plan.place, &wants, &before.code, &mut created).await?)
    };
    let mut apps = BTreeMap::new();
    for wants in plan.app_wants() {
        let Some(app) = wants.app.clone() else { continue };
        let older = before.apps.get(&app).cloned().unwrap_or_default();
        let stored = made(client, &plan.place, &[wants], &older, &mut created).await?;
        apps.insert(app, Arc::new(stored));
    }
    let system =
        if plan.code.is_empty() { None } else { fetch_system(client, &plan.place).await.map_err(Failure::from)? };
    let system = system.map(|values| Arc::new(Values::after(&before.system, values)));
    // the oldest, so that no change in between is missed
    let epochs = apps.values().map(|stored: &Arc<Stored>| stored.epoch).chain(code.iter().map(|code| code.epoch));
    let epoch = epochs.min().unwrap_or_default();
    Ok(Fetched { code: Arc::new(code.unwrap_or_default()), apps, system, created, epoch })
}

async fn made(
    client: &Client,
    place: &Place,
    wants: &[&Wants],
    before: &Stored,
    created: &mut Vec<String>,
) -> Result<Stored, Failure> {
    let app = wants.iter().find_map(|wants| wants.app.as_deref());
    loop {
        let error = match fetch(client, place, wants, before).await {
            Ok(stored) => return Ok(stored),
            Err(error) => error,
        };
        let lacks = |what: &str| {
            let problem = error.problem().filter(|_| error.is_not_found());
            problem.is_some_and(|problem| problem.detail.starts_with(what))
        };
        let namespace = format!("namespace {}", place.namespace);
        let project = client.project(&place.project);
        let (what, making) = if lacks("namespace ") && !created.contains(&namespace) {
            (
                namespace,
                project
                    .create_namespace(&CreateNamespace { name: place.namespace.clone(), protected: false })
                    .await
                    .map(|_| ()),
            )
        } else if let Some(app) = app.filter(|app| lacks("app ") && !created.contains(&format!("app {app}"))) {
            let body = CreateApp { id: app.to_owned(), namespace: Some(place.namespace.clone()), name: None };
            (format!("app {app}"), project.create_app(&body).await.map(|_| ()))
        } else {
            return Err(unresolved(error, &place.namespace, app));
        };
        if let Err(refused) = making
            && !is_conflict(&refused)
        {
            return Err(unresolved(error, &place.namespace, app));
        }
        created.push(what);
    }
}

fn is_conflict(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| problem.code == strongroom_api::Code::Conflict)
}
