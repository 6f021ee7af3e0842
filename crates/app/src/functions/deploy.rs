//! Deploying: everything that can be wrong is found before anything changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_api::functions::Deployed;
use strongroom_api::resolve::Missing;
use strongroom_model::manifest::CallAuth;
use strongroom_model::{
    Capability, NamespaceName, ProjectName, Resolution, Scope, ScopeKind, SecretName, WorkloadName,
};
use strongroom_store::port::{DeploymentRow, ReadFact, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, Tx};

use super::entry::{Entry, Loaded, References, digest};
use super::guard::{refuse_leaks, require_rules, warnings};
use super::manifest::{Manifest, by_kind};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::{Error, Fault};
use crate::keys::Project;
use crate::open::App;
use crate::resolve::{Answer, Question, Sealed, reason};
use crate::rows::Authenticated as _;
use crate::secrets::Place;

/// Largest bundle, in bytes.
const MAX_BUNDLE_BYTES: usize = 50 << 20;
/// Deployments kept for a rollback.
const KEPT_DEPLOYMENTS: u64 = 20;

/// What to deploy.
#[derive(Debug)]
pub struct Deployment {
    /// Where.
    pub namespace: NamespaceName,
    /// Under which name.
    pub name: WorkloadName,
    /// The configuration.
    pub manifest: Manifest,
    /// One JavaScript module.
    pub bundle: String,
    /// Rules of key patterns that may match.
    pub allow_patterns: Vec<String>,
    /// Deploys even if nothing differs from what serves.
    pub force: bool,
    /// Tells what would happen and changes nothing.
    pub dry_run: bool,
}

/// Deploys a function or a job: checks the manifest, resolves every listed name, looks for stored values in the code, starts a
/// worker with it, and only then switches. The worker that serves until then drains.
pub async fn deploy(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    new: Deployment,
) -> Result<Deployed, Error> {
    let entered = app.enter(caller, project, Capability::FunctionsDeploy, Reach::Whole(&new.namespace)).await?;
    require_rules(&new.allow_patterns)?;
    check(&new)?;
    check_issuer(app, &entered, &new.manifest).await?;
    let references = References::of(app.code_reader.as_ref(), &new.bundle).await?;
    let _held = app.routes.hold(held(&entered, &new.namespace, new.manifest.kind(), &new.name)).await;
    let is_new_namespace = !has_namespace(app, &entered, &new.namespace).await?;
    if is_new_namespace && !caller.creates_on_mention() {
        return Err(Error::not_found(format!("namespace {}", new.namespace)));
    }
    let manifest = new.manifest.to_text();
    let digest = digest(&app.instance, &manifest, new.bundle.as_bytes());
    let current = load(app, &entered, &new).await?;
    let number = next_number(app, current.as_ref()).await?;
    let candidate = candidate(app, caller, &entered, &new, (&manifest, &references, digest, number), current.as_ref());
    let cell = app.epochs.cell(&*app.store, entered.id, &new.namespace).await?;
    let is_new_schedule = new_schedule(current.as_ref(), &new.manifest)?;
    let rows = (candidate.function.clone(), candidate.deployment.clone());
    let entry = Arc::new(candidate.into_entry(Arc::clone(&entered), cell)?);
    let answer = if is_new_namespace {
        let names = new.manifest.workload().secrets.as_ref();
        let names = names.map(|list| list.iter().map(|listed| listed.name.clone()).collect());
        app.look_up_ahead(&entered, &Question { namespace: new.namespace.clone(), app: None, names }).await?
    } else {
        app.function_answer(&entry).await?
    };
    let mut deployed = report(app, &entry, &answer, number, &hex::encode(digest));
    require_secrets(app, &entry, &answer)?;
    refuse_leaks(app, caller, &entry, (&answer, &new.bundle), &new.allow_patterns).await?;
    deployed.warnings = warnings(app, &entry, &references).await?;
    let unchanged = current.as_ref().is_some_and(|current| current.deployment.digest == digest);
    if unchanged && !new.force {
        deployed.deployment = current.map_or(number, |current| current.function.active);
        "unchanged".clone_into(&mut deployed.status);
        return Ok(deployed);
    }
    if new.dry_run {
        "would_deploy".clone_into(&mut deployed.status);
        return Ok(deployed);
    }
    if is_new_namespace {
        deployed.created = make_namespace(app, caller, &entered, &new.namespace).await?;
    }
    try_out(app, &entry).await?;
    let more = More { allowed: new.allow_patterns, is_new_schedule };
    commit(app, caller, rows, new.bundle, (&references, &entry), more).await?;
    app.serve(&entry).await?;
    Ok(deployed)
}

fn check(new: &Deployment) -> Result<(), Error> {
    let mut faults: Vec<_> = new.manifest.problems().iter().map(|problem| Fault::new("manifest", problem)).collect();
    if new.bundle.len() > MAX_BUNDLE_BYTES {
        faults.push(Fault::new("bundle", format!("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// A function for end users needs somebody who says who they are.
async fn check_issuer(app: &App, project: &Project, manifest: &Manifest) -> Result<(), Error> {
    let Manifest::Function(manifest) = manifest else { return Ok(()) };
    if manifest.auth != CallAuth::User || !app.issuers(project).await?.is_empty() {
        return Ok(());
    }
    let detail = "this project trusts no issuer of end users, so nobody could call it; trust one first: strongroom issuers add NAME --issuer URL --audience TEXT";
    Err(Error::invalid("auth", detail))
}

/// Under which name a workload is held while it is deployed, rolled back or deleted.
pub(super) fn held(project: &Project, namespace: &NamespaceName, kind: WorkloadKind, name: &WorkloadName) -> String {
    format!("{} {}/{namespace}/{name}", kind.as_str(), project.id)
}

/// Whether the manifest has a schedule that what serves now does not have.
pub(super) fn new_schedule(current: Option<&Loaded>, manifest: &Manifest) -> Result<bool, Error> {
    let Some(schedule) = manifest.schedule() else { return Ok(false) };
    let Some(current) = current else { return Ok(true) };
    let before = Manifest::read(WorkloadKind::Job, &current.deployment.manifest)?;
    Ok(before.schedule() != Some(schedule))
}

async fn has_namespace(app: &App, project: &Project, namespace: &NamespaceName) -> Result<bool, Error> {
    app.store.read(|rows: &mut dyn Rows| rows.has_namespace(&project.id, namespace).map_err(Error::from)).await
}

async fn make_namespace(
    app: &App,
    caller: &Caller,
    project: &Arc<Project>,
    namespace: &NamespaceName,
) -> Result<Vec<String>, Error> {
    let (owner, instance, who, now) = (Arc::clone(project), Arc::clone(&app.instance), caller.clone(), app.clock.now());
    let scope = Scope::Namespace(namespace.clone());
    app.store
        .write(move |tx: &mut dyn Tx| {
            Place { project: &owner, instance: &instance, caller: &who, now }.ensure(tx, &scope)
        })
        .await
}

/// What serves now, verified: its id and its digest steer what comes.
async fn load(app: &App, project: &Project, new: &Deployment) -> Result<Option<Loaded>, Error> {
    let at = (&new.namespace, new.manifest.kind(), &new.name);
    let loaded = app.store.read(|rows: &mut dyn Rows| Loaded::read(rows, project, at, None)).await?;
    loaded.as_ref().map(|loaded| loaded.verify(&app.instance)).transpose()?;
    Ok(loaded)
}

async fn next_number(app: &App, current: Option<&Loaded>) -> Result<u64, Error> {
    let Some(current) = current else { return Ok(1) };
    let all = app.store.read(|rows: &mut dyn Rows| rows.deployments(&current.function.id).map_err(Error::from)).await?;
    Ok(all.first().map_or(0, |newest| newest.number) + 1)
}

fn candidate(
    app: &App,
    caller: &Caller,
    project: &Project,
    new: &Deployment,
    (manifest, references, digest, number): (&str, &References, [u8; 32], u64),
    current: Option<&Loaded>,
) -> Loaded {
    let now = app.clock.now();
    let function = WorkloadRow {
        id: current.map_or_else(|| app.new_id(), |current| current.function.id),
        project: project.id,
        namespace: new.namespace.clone(),
        kind: new.manifest.kind(),
        name: new.name.clone(),
        active: number,
        created_at: current.map_or(now, |current| current.function.created_at),
        updated_at: now,
        updated_by: caller.actor.clone(),
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let deployment = DeploymentRow {
        workload: function.id,
        number,
        manifest: manifest.to_owned(),
        references: serde_json::to_string(references).expect("references have text keys only"),
        digest: digest.to_vec(),
        bundle_bytes: u64::try_from(new.bundle.len()).unwrap_or(u64::MAX),
        created_at: now,
        created_by: caller.actor.clone(),
        mac: Vec::new(),
    }
    .signed(&app.instance);
    Loaded { function, deployment, bundle: new.bundle.clone().into_bytes() }
}

pub(super) fn report(app: &App, entry: &Entry, answer: &Answer, number: u64, digest: &str) -> Deployed {
    let (mut secrets, mut missing) = (Vec::new(), Vec::new());
    for (name, outcome) in &answer.outcomes {
        match reason(outcome).filter(|_| app.environment_value(&entry.project, name).is_none()) {
            None => secrets.push(name.to_string()),
            Some(reason) => missing.push(Missing { name: name.to_string(), reason }),
        }
    }
    Deployed {
        name: entry.name.to_string(),
        namespace: entry.namespace.to_string(),
        deployment: number,
        status: "deployed".to_owned(),
        digest: digest.to_owned(),
        url: app.function_url(entry),
        secrets,
        missing,
        warnings: Vec::new(),
        created: Vec::new(),
    }
}

/// Refuses a list with required names that do not resolve: all of them, with the commands that set them.
pub(crate) fn require_secrets(app: &App, entry: &Entry, answer: &Answer) -> Result<(), Error> {
    let Some(list) = &entry.manifest.workload().secrets else { return Ok(()) };
    let (mut missing, mut commands) = (Vec::new(), Vec::new());
    for (listed, (name, outcome)) in list.iter().zip(&answer.outcomes) {
        let stands_in = listed.default.is_some() && !matches!(outcome, Resolution::Expired { .. });
        if !listed.is_required() || stands_in || app.environment_value(&entry.project, name).is_some() {
            continue;
        }
        let Some(reason) = reason(outcome) else { continue };
        missing.push(Missing { name: name.to_string(), reason });
        commands.push(command(entry, name, outcome));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Missing { hint: commands.join(" && "), missing })
}

/// What sets the name where it would be found. One command a name: two words after `set` would be a name and its value.
fn command(entry: &Entry, name: &SecretName, outcome: &Resolution<Arc<Sealed>>) -> String {
    match outcome {
        // the narrow scope answers, if with nothing; a wider one would not be asked
        Resolution::Expired { scope: ScopeKind::Namespace } | Resolution::NoValue { scope: ScopeKind::Namespace } => {
            format!("strongroom secrets set {name} --namespace {}", entry.namespace)
        }
        _ => format!("strongroom secrets set {name}"),
    }
}

impl App {
    /// Where a function answers.
    pub(crate) fn function_url(&self, entry: &Entry) -> Option<String> {
        let Manifest::Function(_) = entry.manifest else { return None };
        let base = self.functions_url()?;
        Some(format!("{base}/fn/{}/{}/{}", entry.project.name, entry.namespace, entry.name))
    }
}

/// Starts a worker with the new code before anybody is switched to it.
pub(super) async fn try_out(app: &Arc<App>, entry: &Arc<Entry>) -> Result<(), Error> {
    let runtime = app.runtime().await?;
    let trial = app.routes.try_out(Arc::clone(entry));
    let started = runtime.trial_start(&entry.spec).await;
    drop(trial);
    started.map(|_| ()).map_err(|failure| {
        let reason = without_folders(&failure.to_string());
        Error::conflict(format!("the new deployment does not start, so nothing was switched: {reason}"), None)
    })
}

/// A stack trace that names files without where they lie on this machine.
pub(crate) fn without_folders(text: &str) -> String {
    let mut parts = text.split("file://");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_whitespace() || character == ')').unwrap_or(part.len());
        let (place, rest) = part.split_at(end);
        told.push_str(place.rsplit('/').next().unwrap_or_default());
        told.push_str(rest);
    }
    told
}

/// What else a commit does.
struct More {
    /// Rules of key patterns that were allowed to match; recorded.
    allowed: Vec<String>,
    is_new_schedule: bool,
}

async fn commit(
    app: &App,
    caller: &Caller,
    (function, deployment): (WorkloadRow, DeploymentRow),
    bundle: String,
    (references, entry): (&References, &Entry),
    More { allowed, is_new_schedule }: More,
) -> Result<(), Error> {
    let facts = static_reads(references, entry);
    let (owner, instance, who, now) =
        (Arc::clone(&entry.project), Arc::clone(&app.instance), caller.clone(), app.clock.now());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            if !tx.has_namespace(&owner.id, &function.namespace)? {
                return Err(Error::not_found(format!("namespace {}", function.namespace)));
            }
            if !tx.update_workload(&function)? {
                tx.insert_workload(&function)?;
            }
            tx.insert_deployment(&deployment, bundle.as_bytes())?;
            tx.prune_deployments(&function.id, function.active.saturating_sub(KEPT_DEPLOYMENTS), function.active)?;
            let kind = function.kind;
            tx.replace_static_reads(&owner.id, &function.namespace, kind, function.name.as_str(), &facts)?;
            let mut target = serde_json::json!({
                kind.as_str(): function.name, "namespace": function.namespace,
                "deployment": deployment.number, "digest": hex::encode(&deployment.digest),
            });
            if let Some(target) = target.as_object_mut().filter(|_| !allowed.is_empty()) {
                target.insert("allowed_patterns".to_owned(), allowed.into());
            }
            if is_new_schedule {
                // what came before is no slot of this schedule
                tx.insert_slot(&function.id, now, None)?;
            }
            place.record_target(tx, by_kind(kind, "function.deploy", "job.deploy"), &target)
        })
        .await
}

/// What the list and the code say that the workload reads, by stored name.
pub(super) fn static_reads(references: &References, entry: &Entry) -> Vec<ReadFact> {
    let list = entry.manifest.workload().secrets.as_deref();
    let mut known: BTreeSet<(String, &str)> = BTreeSet::new();
    for listed in list.unwrap_or_default() {
        known.insert((listed.name.to_string(), "list"));
    }
    for (target, _) in references.secrets(&entry.manifest) {
        match list {
            None => {
                known.insert((target, "code"));
            }
            Some(list) => known.extend(
                list.iter()
                    .filter(|listed| listed.target().as_str() == target)
                    .map(|listed| (listed.name.to_string(), "code")),
            ),
        }
    }
    let fact = |(secret, via): (String, &str)| {
        let secret = secret.parse().ok()?;
        Some(ReadFact {
            project: entry.project.id,
            namespace: entry.namespace.clone(),
            kind: entry.manifest.kind(),
            workload: entry.name.to_string(),
            secret,
            via: via.to_owned(),
            last_read_at: None,
        })
    };
    known.into_iter().filter(|(name, _)| !entry.manifest.workload().env.contains_key(name)).filter_map(fact).collect()
}
