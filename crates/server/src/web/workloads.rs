//! What the pages of a function and of a job share: the secrets it gets, its variables, its deployments, rolling back.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_api::functions::{DeploymentItem, WorkloadRead};
use strongroom_app::functions;
use strongroom_app::{Caller, WorkloadKind};
use strongroom_model::manifest::{SecretRef, Workload};
use strongroom_model::{Capability, NamespaceName, WorkloadName};

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::nav::Section;
use super::overview::Cell;
use super::show;
use super::visit::{Visit, visitor};
use super::when::When;
use crate::extract::{Deploys, Query};
use crate::failure::Failure;
use crate::place::required;

/// Where a workload is: its namespace and its name, from the address.
pub(crate) fn place(namespace: &str, name: &str) -> Result<(NamespaceName, WorkloadName), Failure> {
    Ok((required("namespace", namespace)?, required("name", name)?))
}

/// What the visitor may do with a workload; what he may not is not offered.
pub(crate) struct May(Vec<Capability>);

impl May {
    pub(crate) fn of(caller: &Caller) -> Self {
        Self(Capability::ALL.into_iter().filter(|capability| caller.holds(*capability)).collect())
    }

    pub(crate) fn deploy(&self) -> bool {
        self.0.contains(&Capability::FunctionsDeploy)
    }

    pub(crate) fn run(&self) -> bool {
        self.0.contains(&Capability::JobsRun)
    }

    pub(crate) fn read_logs(&self) -> bool {
        self.0.contains(&Capability::LogsRead)
    }
}

/// One secret that a workload gets or reads.
pub(crate) struct Use {
    pub(crate) name: String,
    /// The name that its code sees, where it is another.
    pub(crate) alias: Option<String>,
    /// `optional` or `has a default`; nothing for a required one.
    pub(crate) note: &'static str,
    /// How it is known.
    pub(crate) via: String,
    pub(crate) last_read: Option<When>,
    /// What it resolves to.
    pub(crate) cell: Cell,
}

/// One variable that is no secret.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// One deployment.
pub(crate) struct Deployment {
    pub(crate) number: u64,
    pub(crate) digest: String,
    pub(crate) kib: u64,
    pub(crate) created: When,
    pub(crate) created_by: String,
    pub(crate) is_active: bool,
}

/// A workload's deployments, newest first.
pub(crate) fn deployments(items: &[DeploymentItem], now: Timestamp) -> Vec<Deployment> {
    let deployment = |item: &DeploymentItem| Deployment {
        number: item.deployment,
        digest: item.digest.chars().take(12).collect(),
        kib: item.bundle_bytes.div_ceil(1024),
        created: When::new(item.created_at, now),
        created_by: visitor(&item.created_by),
        is_active: item.active,
    };
    items.iter().map(deployment).collect()
}

/// A workload's own variables.
pub(crate) fn variables(workload: &Workload) -> Vec<Variable> {
    workload.env.iter().map(|(name, value)| Variable { name: name.clone(), value: value.clone() }).collect()
}

/// The secrets that a workload lists or was seen to read, and where each comes from now.
pub(crate) fn uses(workload: &Workload, reads: Vec<WorkloadRead>, now: Timestamp) -> Vec<Use> {
    let listed = workload.secrets.as_deref().unwrap_or_default();
    let mut uses: Vec<Use> = Vec::new();
    for read in reads {
        let last_read = When::maybe(read.last_read_at, now);
        if let Some(known) = uses.iter_mut().find(|known| known.name == read.secret) {
            known.via = format!("{}, {}", known.via, known_by(&read.via));
            known.last_read = last_read.or(known.last_read.take());
            continue;
        }
        let listed = listed.iter().find(|listed| listed.name.as_str() == read.secret);
        uses.push(Use {
            alias: listed.and_then(|listed| listed.alias.as_ref()).map(ToString::to_string),
            note: listed.map_or("", note),
            cell: cell(read.scope, read.missing.as_deref()),
            name: read.secret,
            via: known_by(&read.via).to_owned(),
            last_read,
        });
    }
    uses.sort_by(|a, b| a.name.cmp(&b.name));
    uses
}

/// How it is known that a workload uses a secret, for people.
pub(crate) fn known_by(via: &str) -> &'static str {
    match via {
        "code" => "found in its code",
        "env" => "read from its environment",
        "helper" => "read through the helper",
        _ => "named in its list",
    }
}

fn cell(scope: Option<String>, missing: Option<&str>) -> Cell {
    let (state, text) = match (scope, missing) {
        (Some(scope), _) => ("set", scope),
        (None, Some("no_value")) => ("no_value", "no value yet".to_owned()),
        (None, Some("not_listed")) => ("expired", "not in its list".to_owned()),
        (None, Some("expired")) => ("expired", "expired".to_owned()),
        (None, _) => ("none", "not set".to_owned()),
    };
    Cell { state, text, is_inherited: false }
}

fn note(listed: &SecretRef) -> &'static str {
    match (&listed.default, listed.required) {
        (Some(_), _) => "has a default",
        (None, Some(false)) => "optional",
        (None, Some(true) | None) => "",
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackParams {
    deployment: u64,
}

#[derive(Template)]
#[template(path = "rollback-deployment.html")]
struct RollbackPage {
    frame: Frame,
    kind: &'static str,
    name: String,
    namespace: String,
    deployment: u64,
    /// Where the question is answered, and where it came from.
    address: String,
    back: String,
}

fn address(visit: &Visit<Deploys>, kind: WorkloadKind, namespace: &str, name: &str) -> String {
    visit.address(&format!("/{}s/{namespace}/{name}", kind.as_str()))
}

/// Asks whether an earlier deployment shall serve again.
fn ask(
    visit: &Visit<Deploys>,
    kind: WorkloadKind,
    (namespace, name): (&str, &str),
    deployment: u64,
) -> Result<Response, Failure> {
    place(namespace, name)?;
    let back = address(visit, kind, namespace, name);
    let section = if kind == WorkloadKind::Job { Section::Jobs } else { Section::Functions };
    Ok(show(&RollbackPage {
        frame: visit.frame("Roll back", section).crumb(name, back.clone()),
        kind: kind.as_str(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        deployment,
        address: format!("{back}/rollback"),
        back,
    }))
}

/// Lets an earlier deployment serve again.
async fn roll_back(
    visit: Visit<Deploys>,
    kind: WorkloadKind,
    (namespace, name): (&str, &str),
    form: &Form,
) -> Result<Response, Failure> {
    let back = address(&visit, kind, namespace, name);
    let (namespace, name) = place(namespace, name)?;
    let number = form.text("deployment").and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| Failure::invalid("deployment", "a deployment is named by its number"))?;
    let scene = visit.scene;
    let done =
        functions::rollback(&scene.app, &scene.caller, &scene.project, (kind, namespace, name), Some(number)).await?;
    let news = format!("{} runs deployment {} now.", done.name, done.deployment);
    Ok(Flash::done(news).warn(done.warnings).at(&back))
}

pub(crate) async fn ask_function(
    visit: Visit<Deploys>,
    Path((_, namespace, name)): Path<(String, String, String)>,
    Query(params): Query<RollbackParams>,
) -> Result<Response, Failure> {
    ask(&visit, WorkloadKind::Function, (&namespace, &name), params.deployment)
}

pub(crate) async fn ask_job(
    visit: Visit<Deploys>,
    Path((_, namespace, name)): Path<(String, String, String)>,
    Query(params): Query<RollbackParams>,
) -> Result<Response, Failure> {
    ask(&visit, WorkloadKind::Job, (&namespace, &name), params.deployment)
}

pub(crate) async fn roll_back_function(
    visit: Visit<Deploys>,
    Path((_, namespace, name)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    roll_back(visit, WorkloadKind::Function, (&namespace, &name), &form).await
}

pub(crate) async fn roll_back_job(
    visit: Visit<Deploys>,
    Path((_, namespace, name)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    roll_back(visit, WorkloadKind::Job, (&namespace, &name), &form).await
}
