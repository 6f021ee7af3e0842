//! Routes: the deployed functions and jobs that were asked for, ready to run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_model::manifest::Via;
use strongroom_model::{NamespaceName, ProjectName, WorkloadName};
use strongroom_runtime::references::find_apart;
use strongroom_runtime::{
    Engine, EnvNames, Launcher, NetPolicy, OnChange, Runtime, WorkerSpec, WorkloadId, WorkloadKind as Running,
};
use strongroom_seal::{Instance, keyed_digest};
use strongroom_store::port::{DeploymentRow, WorkloadKind, WorkloadRow};
use strongroom_store::{Rows, StoreError};
use tokio::sync::OwnedMutexGuard;

use super::Manifest;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// A deployed function or job, ready to run.
pub(crate) struct Entry {
    pub(crate) project: Arc<Project>,
    pub(crate) namespace: NamespaceName,
    pub(crate) name: WorkloadName,
    pub(crate) manifest: Manifest,
    pub(crate) spec: Arc<WorkerSpec>,
    /// The epoch that its workers must have reached.
    pub(crate) epoch: AtomicU64,
    /// The epoch of its namespace.
    pub(crate) namespace_epoch: Arc<AtomicU64>,
    /// When what its workers hold runs out, in Unix milliseconds; `i64::MAX` for never.
    pub(crate) valid_until: AtomicI64,
    /// One more than the epoch whose hand-over was recorded last.
    pub(crate) audited_epoch: AtomicU64,
}

impl Entry {
    /// Its workers, as the audit trail names them.
    pub(crate) fn worker(&self) -> Caller {
        Caller {
            actor: format!("{}:{}/{}", self.manifest.kind().as_str(), self.namespace, self.name),
            source: "worker".to_owned(),
            request_id: self.spec.deployment.clone(),
            access: Access::Owner,
            idempotency: None,
            session: None,
        }
    }

    /// Takes over the changes that came while it stood on no route, where changes are not announced to it.
    fn catch_up(&self) {
        self.epoch.fetch_max(self.namespace_epoch.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

/// What reading a bundle found; names as the code writes them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct References {
    pub(crate) env: Vec<String>,
    pub(crate) helper: Vec<String>,
    pub(crate) module_level: Vec<String>,
    pub(crate) dynamic_env: bool,
    /// Some names are known only when the code runs, from the environment or through helpers.
    #[serde(default)]
    pub(crate) unknown: bool,
}

impl References {
    /// Reads a bundle, a long one in a process of `reader`'s.
    pub(crate) async fn of(reader: Option<&Launcher>, bundle: &str) -> Result<Self, Error> {
        let (reader, bundle) = (reader.cloned(), bundle.to_owned());
        // a large bundle takes a moment
        let found = tokio::task::spawn_blocking(move || find_apart(reader.as_ref(), &bundle, "main.js")).await;
        let found = found
            .map_err(|_| Error::Unavailable("the bundle could not be read through".to_owned()))?
            .map_err(|error| Error::invalid("bundle", format!("the bundle is not a JavaScript module: {error}")))?;
        Ok(Self {
            env: found.env.into_iter().collect(),
            helper: found.helper.into_iter().collect(),
            module_level: found.module_level.into_iter().collect(),
            dynamic_env: found.dynamic_env,
            unknown: !found.dynamic.is_empty(),
        })
    }

    /// Whether some names are known only when the code runs.
    pub(crate) fn is_unknown(&self) -> bool {
        self.dynamic_env || self.unknown
    }

    /// The names with `STRONGROOM_SECRET_` and the manifest's own prefixes taken off, and how each is read.
    pub(crate) fn secrets(&self, manifest: &Manifest) -> Vec<(String, &'static str)> {
        let bare = |name: &String| {
            let prefixes =
                std::iter::once("STRONGROOM_SECRET_").chain(manifest.workload().env_prefix.iter().map(String::as_str));
            let stripped = prefixes.filter_map(|prefix| name.strip_prefix(prefix)).find(|rest| !rest.is_empty());
            stripped.unwrap_or(name).to_owned()
        };
        let env = self.env.iter().map(|name| (bare(name), "env"));
        let helper = self.helper.iter().map(|name| (name.clone(), "helper"));
        env.chain(helper).collect()
    }
}

/// One deployment of a workload with everything it needs.
pub(crate) struct Loaded {
    pub(crate) function: WorkloadRow,
    pub(crate) deployment: DeploymentRow,
    pub(crate) bundle: Vec<u8>,
}

/// Digest over code and configuration. Keyed, so that a stored one cannot be made by who writes to the database.
pub(crate) fn digest(instance: &Instance, manifest: &str, bundle: &[u8]) -> [u8; 32] {
    let length = u64::try_from(manifest.len()).unwrap_or(u64::MAX).to_be_bytes();
    let bytes = [length.as_slice(), manifest.as_bytes(), bundle].concat();
    keyed_digest(instance, "deployment", &bytes)
}

impl Loaded {
    /// Reads the deployment that serves, or number `number`.
    pub(crate) fn read(
        rows: &mut dyn Rows,
        project: &Project,
        (namespace, kind, name): (&NamespaceName, WorkloadKind, &WorkloadName),
        number: Option<u64>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(function) = rows.workload(&project.id, namespace, kind, name)? else { return Ok(None) };
        let number = number.unwrap_or(function.active);
        let deployment = rows.deployment(&function.id, number)?;
        let bundle = rows.bundle(&function.id, number)?;
        Ok(deployment.zip(bundle).map(|(deployment, bundle)| Self { function, deployment, bundle }))
    }

    /// Refuses rows that do not say what was signed, and code that is not what was deployed.
    pub(crate) fn verify(&self, instance: &Instance) -> Result<(), Error> {
        let what = || format!("{} {}", self.function.kind.as_str(), self.function.name);
        self.function.verify(instance).map_err(Error::damaged(what()))?;
        self.deployment.verify(instance).map_err(Error::damaged(what()))?;
        if digest(instance, &self.deployment.manifest, &self.bundle).as_slice() != self.deployment.digest {
            return Err(Error::damaged(what())(strongroom_seal::SealError::DoesNotOpen));
        }
        Ok(())
    }

    /// The deployment ready to run at the epoch that its namespace has now.
    pub(crate) fn into_entry(self, project: Arc<Project>, namespace_epoch: Arc<AtomicU64>) -> Result<Entry, Error> {
        let damaged = |what| Error::Store(StoreError::Damaged(what));
        let manifest = Manifest::read(self.function.kind, &self.deployment.manifest)?;
        let references: References =
            serde_json::from_str(&self.deployment.references).map_err(|_| damaged("function references"))?;
        let workload = WorkloadId {
            project: project.name.to_string(),
            namespace: self.function.namespace.to_string(),
            kind: manifest.running(),
            name: self.function.name.to_string(),
        };
        let deployment = format!("{}-{}", self.function.id, self.deployment.number);
        let spec = spec(workload, deployment, &manifest, &references, self.bundle.into());
        Ok(Entry {
            project,
            namespace: self.function.namespace,
            name: self.function.name,
            manifest,
            spec: Arc::new(spec),
            epoch: AtomicU64::new(namespace_epoch.load(Ordering::SeqCst)),
            namespace_epoch,
            valid_until: AtomicI64::new(i64::MAX),
            audited_epoch: AtomicU64::new(0),
        })
    }
}

fn spec(
    workload: WorkloadId,
    deployment: String,
    manifest: &Manifest,
    references: &References,
    bundle: Arc<[u8]>,
) -> WorkerSpec {
    let declared = manifest.workload().secrets.iter().flatten().filter(|entry| entry.via == Some(Via::Env));
    let names = references.env.iter().chain(&references.module_level).cloned();
    let names = names.chain(declared.map(|entry| entry.target().to_string())).collect();
    let mut env_prefixes = vec!["STRONGROOM_SECRET_".to_owned()];
    env_prefixes.extend(manifest.workload().env_prefix.iter().cloned());
    let concurrency = usize::try_from(manifest.concurrency()).unwrap_or(usize::MAX).max(1);
    WorkerSpec {
        workload,
        deployment,
        engine: match manifest.workload().runtime {
            strongroom_model::manifest::Runtime::Deno => Engine::Deno,
            strongroom_model::manifest::Runtime::Node => Engine::Node,
        },
        bundle,
        env: manifest.workload().env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        env_prefixes,
        net: match &manifest.workload().allow_net {
            Some(hosts) => NetPolicy::Hosts(hosts.clone()),
            None => NetPolicy::PublicInternet,
        },
        memory_bytes: manifest.workload().memory_bytes,
        timeout: Duration::from_millis(manifest.timeout_ms()),
        stream_idle: Duration::from_mins(1),
        concurrency,
        queue: concurrency.saturating_mul(16).max(1_024),
        on_change: match manifest.workload().on_change {
            strongroom_model::manifest::OnChange::Recycle => OnChange::Recycle,
            strongroom_model::manifest::OnChange::Live => OnChange::Live,
        },
        // names that only running tells are seen when they are read, so a dynamic look-up needs no replacement by itself
        env_names: EnvNames { names, dynamic: false },
    }
}

/// What serves, by `project/namespace/name`.
#[derive(Default)]
struct Serving {
    functions: HashMap<String, Arc<Entry>>,
    jobs: HashMap<String, Arc<Entry>>,
}

impl Serving {
    fn of(&self, kind: Running) -> &HashMap<String, Arc<Entry>> {
        match kind {
            Running::Function => &self.functions,
            Running::Job => &self.jobs,
        }
    }

    fn of_mut(&mut self, kind: Running) -> &mut HashMap<String, Arc<Entry>> {
        match kind {
            Running::Function => &mut self.functions,
            Running::Job => &mut self.jobs,
        }
    }
}

/// Functions and jobs by `project/namespace/name`.
#[derive(Default)]
pub(crate) struct Routes {
    serving: RwLock<Serving>,
    /// How often a deployment was put on or taken off, so that what was read before does not overwrite it.
    switches: AtomicU64,
    /// Deployments that are being tried before they serve.
    trying: RwLock<HashMap<WorkloadId, Arc<Entry>>>,
    /// See [`Routes::hold`].
    held: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Routes {
    pub(crate) fn get(&self, kind: Running, path: &str) -> Option<Arc<Entry>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).of(kind).get(path).cloned()
    }

    /// Switches to `entry`.
    pub(crate) fn put(&self, entry: &Arc<Entry>) {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        self.switches.fetch_add(1, Ordering::SeqCst);
        serving.of_mut(entry.spec.workload.kind).insert(path(&entry.spec.workload), Arc::clone(entry));
        // after it stands there: whoever announces a change raises the namespace's epoch before it looks here
        entry.catch_up();
    }

    /// Puts on what was read from the store, unless something was switched since `switches` was read.
    fn put_read(&self, entry: &Arc<Entry>, switches: u64) -> bool {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        let current = self.switches.load(Ordering::SeqCst) == switches;
        if current {
            serving.of_mut(entry.spec.workload.kind).insert(path(&entry.spec.workload), Arc::clone(entry));
            entry.catch_up();
        }
        current
    }

    /// Takes a workload off.
    pub(crate) fn remove(&self, workload: &WorkloadId) {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        self.switches.fetch_add(1, Ordering::SeqCst);
        serving.of_mut(workload.kind).remove(&path(workload));
    }

    /// Makes sure that nothing that was read from the store before is put on.
    fn switch(&self) {
        let _serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        self.switches.fetch_add(1, Ordering::SeqCst);
    }

    /// Holds everybody else off one workload while it is deployed, rolled back or deleted.
    pub(crate) async fn hold(&self, workload: String) -> OwnedMutexGuard<()> {
        let lock = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(held.entry(workload).or_default())
        };
        lock.lock_owned().await
    }

    /// The entries that `wanted` picks.
    pub(crate) fn where_entry(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        let all = serving.functions.values().chain(serving.jobs.values());
        all.filter(|entry| wanted(entry)).cloned().collect()
    }

    /// Announces that `entry` is being tried, until the guard is dropped.
    pub(crate) fn try_out(&self, entry: Arc<Entry>) -> Trial<'_> {
        let workload = entry.spec.workload.clone();
        self.trying.write().unwrap_or_else(PoisonError::into_inner).insert(workload.clone(), entry);
        Trial { routes: self, workload }
    }

    /// The entry of a deployment that serves or is being tried.
    pub(crate) fn starting(&self, workload: &WorkloadId, deployment: &str) -> Option<Arc<Entry>> {
        let trying = self.trying.read().unwrap_or_else(PoisonError::into_inner).get(workload).cloned();
        let both = [trying, self.get(workload.kind, &path(workload))].into_iter().flatten();
        both.into_iter().find(|entry| entry.spec.deployment == deployment)
    }

    /// The entry that a workload's events belong to.
    pub(crate) fn of(&self, workload: &WorkloadId) -> Option<Arc<Entry>> {
        let serving = self.get(workload.kind, &path(workload));
        serving.or_else(|| self.trying.read().unwrap_or_else(PoisonError::into_inner).get(workload).cloned())
    }
}

/// See [`Routes::try_out`].
pub(crate) struct Trial<'a> {
    routes: &'a Routes,
    workload: WorkloadId,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.routes.trying.write().unwrap_or_else(PoisonError::into_inner).remove(&self.workload);
    }
}

fn path(workload: &WorkloadId) -> String {
    format!("{}/{}/{}", workload.project, workload.namespace, workload.name)
}

impl App {
    /// The function or job that serves under a path `project/namespace/name`, or none.
    pub(crate) async fn route(&self, kind: Running, at: &str) -> Result<Option<Arc<Entry>>, Error> {
        loop {
            if let Some(entry) = self.routes.get(kind, at) {
                return Ok(Some(entry));
            }
            let switches = self.routes.switches.load(Ordering::SeqCst);
            let Some(entry) = self.read_route(kind, at).await? else { return Ok(None) };
            if self.routes.put_read(&entry, switches) {
                return Ok(Some(entry));
            }
        }
    }

    async fn read_route(&self, kind: Running, at: &str) -> Result<Option<Arc<Entry>>, Error> {
        let mut parts = at.split('/');
        let (Some(project), Some(namespace), Some(name), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let (Ok(project), Ok(namespace), Ok(name)) =
            (project.parse::<ProjectName>(), namespace.parse::<NamespaceName>(), name.parse::<WorkloadName>())
        else {
            return Ok(None);
        };
        let project = match self.projects.load(&*self.store, &self.instance, &project).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let cell = self.epochs.cell(&*self.store, project.id, &namespace).await?;
        let kind = match kind {
            Running::Function => WorkloadKind::Function,
            Running::Job => WorkloadKind::Job,
        };
        let at = (&namespace, kind, &name);
        let loaded = self.store.read(|rows: &mut dyn Rows| Loaded::read(rows, &project, at, None)).await?;
        let Some(loaded) = loaded else { return Ok(None) };
        loaded.verify(&self.instance)?;
        Ok(Some(Arc::new(loaded.into_entry(project, cell)?)))
    }

    /// Switches to a deployment that was committed. If its function has been deleted since, by itself or with its
    /// namespace or project, it is taken off again.
    pub(crate) async fn serve(&self, entry: &Arc<Entry>) -> Result<(), Error> {
        self.routes.put(entry);
        let (project, at) = (&entry.project.id, (&entry.namespace, entry.manifest.kind(), &entry.name));
        let row =
            self.store.read(|rows: &mut dyn Rows| rows.workload(project, at.0, at.1, at.2).map_err(Error::from)).await;
        if let Ok(Some(_)) = row {
            return Ok(());
        }
        self.retire_where(|serving| std::ptr::eq(serving, &raw const **entry)).await;
        row?;
        Err(Error::not_found(format!("{} {}/{}", entry.manifest.kind().as_str(), entry.namespace, entry.name)))
    }

    /// The runtime, started on first need.
    pub(crate) async fn runtime(self: &Arc<Self>) -> Result<&Runtime, Error> {
        let start = || async {
            let config = (self.functions_config)().map_err(Error::Unavailable)?;
            let source = Arc::new(crate::snapshot::Source(Arc::downgrade(self)));
            let events = crate::logs::collect(self);
            Runtime::start(config, source, events).map_err(|error| Error::Unavailable(error.to_string()))
        };
        self.runtime.get_or_try_init(start).await
    }

    /// Starts the runtime ahead of the first invocation, so that workers are ready.
    pub async fn start_functions(self: &Arc<Self>) -> Result<(), Error> {
        self.runtime().await.map(|_| ())
    }

    /// Takes functions and jobs off their routes and ends their workers.
    pub(crate) async fn retire_where(&self, wanted: impl Fn(&Entry) -> bool) {
        self.routes.switch();
        for entry in self.routes.where_entry(wanted) {
            self.routes.remove(&entry.spec.workload);
            if let Some(runtime) = self.runtime.get() {
                runtime.retire(&entry.spec.workload).await;
            }
        }
    }
}
