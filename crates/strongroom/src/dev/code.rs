//! Functions and jobs on this machine: their code as workers get it, and the values that are handed to them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::resolve::MissingReason;
use strongroom_model::Schedule;
use strongroom_model::manifest::{OnChange as Reaction, Runtime as Runs, Via, Workload};
use strongroom_runtime::{
    BoxFuture, Engine, Entry, EntryState, EnvNames, NetPolicy, OnChange, Runtime, Snapshot, SnapshotError,
    SnapshotSource, WorkerSpec, WorkloadId, references,
};
use strongroom_secret::SecretValue;

use super::layers::{Layers, Origin, State, Wants};
use super::print::Printer;
use crate::environment::SECRET_PREFIX;

/// A function or job as the project file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CodePlan {
    pub(super) id: WorkloadId,
    pub(super) entry: PathBuf,
    pub(super) workload: Workload,
    pub(super) wants: Wants,
    pub(super) timeout: Duration,
    pub(super) concurrency: u32,
    pub(super) schedule: Option<Schedule>,
}

impl CodePlan {
    /// What a worker needs to run `bundle`.
    pub(super) fn spec(&self, deployment: String, bundle: Vec<u8>) -> WorkerSpec {
        let text = String::from_utf8_lossy(&bundle);
        let found = references::find(&text, "main.js").unwrap_or_default();
        let listed = self.workload.secrets.iter().flatten().filter(|entry| entry.via == Some(Via::Env));
        let listed = listed.map(|entry| entry.target().to_string());
        let names = found.env.into_iter().chain(found.module_level).chain(listed).collect();
        let concurrency = usize::try_from(self.concurrency).unwrap_or(usize::MAX).max(1);
        let prefixes = std::iter::once(SECRET_PREFIX.to_owned()).chain(self.workload.env_prefix.iter().cloned());
        WorkerSpec {
            workload: self.id.clone(),
            deployment,
            engine: match self.workload.runtime {
                Runs::Deno => Engine::Deno,
                Runs::Node => Engine::Node,
            },
            bundle: bundle.into(),
            env: self.workload.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            env_prefixes: prefixes.collect(),
            net: self.workload.allow_net.clone().map_or(NetPolicy::PublicInternet, NetPolicy::Hosts),
            memory_bytes: self.workload.memory_bytes,
            timeout: self.timeout,
            stream_idle: Duration::from_mins(1),
            concurrency,
            queue: concurrency.saturating_mul(16).max(1_024),
            on_change: match self.workload.on_change {
                Reaction::Recycle => OnChange::Recycle,
                Reaction::Live => OnChange::Live,
            },
            env_names: EnvNames { names, dynamic: false },
        }
    }
}

/// What is known of one function or job.
pub(super) enum Loaded {
    /// Its code was never good yet; the terminal has said why.
    Broken,
    /// It can be called.
    Ready(Arc<WorkerSpec>),
}

/// Everything that calls, reloads and changes meet at.
pub(super) struct Shared {
    pub(super) printer: Printer,
    pub(super) now: fn() -> Timestamp,
    pub(super) runtime: OnceLock<Runtime>,
    layers: RwLock<Arc<Layers>>,
    table: RwLock<HashMap<WorkloadId, Arc<Loaded>>>,
    /// What each deployment wants, for as long as one of its workers may live.
    wants: RwLock<HashMap<String, Wants>>,
}

impl Shared {
    pub(super) fn new(printer: Printer, now: fn() -> Timestamp, layers: Layers) -> Arc<Self> {
        Arc::new(Self {
            printer,
            now,
            runtime: OnceLock::new(),
            layers: RwLock::new(Arc::new(layers)),
            table: RwLock::default(),
            wants: RwLock::default(),
        })
    }

    pub(super) fn layers(&self) -> Arc<Layers> {
        Arc::clone(&self.layers.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_layers(&self, layers: Arc<Layers>) {
        self.printer.mask(&layers);
        *self.layers.write().unwrap_or_else(PoisonError::into_inner) = layers;
    }

    pub(super) fn loaded(&self, id: &WorkloadId) -> Option<Arc<Loaded>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn put(&self, id: &WorkloadId, loaded: Loaded) {
        self.table.write().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), Arc::new(loaded));
    }

    pub(super) fn remove(&self, id: &WorkloadId) {
        self.table.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Everything that can be called, or could be once it is mended.
    pub(super) fn workloads(&self) -> Vec<WorkloadId> {
        let mut all: Vec<_> = self.table.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        all.sort();
        all
    }

    /// Notes what a deployment wants, before its first worker starts.
    pub(super) fn note(&self, deployment: &str, wants: Wants) {
        self.wants.write().unwrap_or_else(PoisonError::into_inner).insert(deployment.to_owned(), wants);
    }

    fn snapshot(&self, deployment: &str) -> Result<Snapshot, SnapshotError> {
        let wants = self.wants.read().unwrap_or_else(PoisonError::into_inner).get(deployment).cloned();
        let wants = wants.ok_or_else(|| SnapshotError("this code is not served any more".to_owned()))?;
        let (layers, now) = (self.layers(), (self.now)());
        let mut entries = Vec::new();
        let mut earliest: Option<Timestamp> = None;
        for given in layers.given(&wants, now) {
            let state = match given.state {
                State::Value(text) => {
                    earliest = [earliest, given.expires_at].into_iter().flatten().min();
                    EntryState::Value(value(text)?)
                }
                State::Missing(MissingReason::Expired) => EntryState::Expired,
                State::Missing(MissingReason::NotSet) if given.default.is_none() => continue,
                State::Missing(_) => EntryState::NoValue,
            };
            let scope = match given.origin {
                Origin::Store(scope) => scope,
                Origin::DotEnv => "dotenv".to_owned(),
                Origin::Shell => "shell".to_owned(),
                Origin::Default => "default".to_owned(),
            };
            let default = given.default.map(str::to_owned);
            entries.push(Entry { name: given.target.to_owned(), state, default, scope, version: given.number });
        }
        let system = layers.system.0.iter().map(|(name, numbered)| {
            let state = EntryState::Value(numbered.value.duplicate());
            Entry { name: name.clone(), state, default: None, scope: "system".to_owned(), version: numbered.number }
        });
        let valid_until_unix_ms = earliest.map(Timestamp::as_millisecond);
        Ok(Snapshot { epoch: layers.epoch, valid_until_unix_ms, entries, system: system.collect() })
    }
}

fn value(text: &str) -> Result<SecretValue, SnapshotError> {
    SecretValue::new(text.to_owned()).map_err(|error| SnapshotError(error.to_string()))
}

/// Where the runtime gets values from.
pub(super) struct Source(pub(super) std::sync::Weak<Shared>);

impl SnapshotSource for Source {
    fn snapshot(&self, spec: &WorkerSpec) -> BoxFuture<'_, Result<Snapshot, SnapshotError>> {
        let deployment = spec.deployment.clone();
        Box::pin(async move {
            let shared = self.0.upgrade().ok_or_else(|| SnapshotError("dev is stopping".to_owned()))?;
            shared.snapshot(&deployment)
        })
    }
}
