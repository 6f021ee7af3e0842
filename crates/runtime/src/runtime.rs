//! The runtime as its users see it.

use std::collections::HashMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};

use crate::bench::Bench;
use crate::boot::Boot;
use crate::config::{MAX_SCRATCH_BYTES, RuntimeConfig, StartError};
use crate::connections::{Body, SendError};
use crate::driver::{Command, Driver};
use crate::ending::Ending;
use crate::event::{Event, Outcome, Via, WorkerEvent};
use crate::factory::Factory;
use crate::memory;
use crate::output::unix_ms;
use crate::pool::Pool;
use crate::proxy::{self, Report, Ticket, announce};
use crate::reads::{self, Seen};
use crate::slot::{Entered, Slot};
use crate::snapshot::SnapshotSource;
use crate::spec::{Change, InvocationContext, Need, Refresh, WorkerSpec, WorkloadId, WorkloadKind};
use crate::start::start;
use crate::visit::Visit;
use crate::worker::StartFailure;

/// Workers that an invocation tries before it gives up: one may die just as it is picked.
const MAX_TRIES: usize = 4;
/// Killed processes have ended and their files are gone after this time at the latest.
const END_WAIT: Duration = Duration::from_secs(10);
/// A worker whose event loop is silent for this long after a timeout is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Supervised warm workers. Clones share one runtime.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) factory: Arc<Factory>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) source: Arc<dyn SnapshotSource>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) ending: Ending,
    pub(crate) bench: Bench,
    slots: RwLock<HashMap<WorkloadId, Arc<Slot>>>,
}

/// Why an invocation got no response.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// Every permit is taken and the queue is full. 503 with `Retry-After`.
    #[error("too many invocations are waiting")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// No response headers in time. 504.
    #[error("no response headers within {0:?}")]
    Timeout(Duration),
    /// No worker could be started, or none with values that are current. 503.
    #[error("no worker is available")]
    Unavailable(#[source] StartFailure),
    /// A start or replacement is taking too long. 503.
    #[error("no worker was ready within {0:?}")]
    NotReady(Duration),
    /// The worker ended, or broke off, before it answered. 502.
    #[error("the worker broke off")]
    Broken,
    /// The execution id, the address or the path cannot stand in a request head, or the spec is a job's. 400.
    #[error("the request cannot be passed on")]
    BadRequest,
}

/// What a start showed.
#[derive(Debug, Clone)]
pub struct Started {
    /// Which handler shape was found: `default`, `define`, `serve`, `fetch` or `job`.
    pub handler: String,
    /// Secrets that were read while the module loaded.
    pub module_reads: Vec<ModuleRead>,
    /// Whether the whole environment was listed while the module loaded.
    pub listed_environment: bool,
}

/// One read while the module loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRead {
    /// The name that was asked for.
    pub name: String,
    /// How.
    pub via: Via,
    /// Whether a value was there.
    pub found: bool,
}

/// One warm worker.
#[derive(Debug, Clone)]
pub struct WorkerStatus {
    /// Whose.
    pub workload: WorkloadId,
    /// Which deployment it runs.
    pub deployment: String,
    /// Process id.
    pub pid: u32,
    /// Up to which epoch its values are current.
    pub epoch: u64,
    /// Invocations in it.
    pub in_flight: usize,
    /// Memory of its own, in bytes; None if it is just ending.
    pub memory_bytes: Option<u64>,
}

impl Runtime {
    /// Prepares the directories and returns; the pool fills in the background. Must be called inside Tokio.
    /// `events` is read for as long as workers run: a reader that falls behind slows the workers down.
    pub fn start(
        config: RuntimeConfig,
        source: Arc<dyn SnapshotSource>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, StartError> {
        tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        check(&config)?;
        private_dir(&config.scratch_dir)?;
        private_dir(&config.deno_cache_dir)?;
        // what an earlier run left behind; its workers ended with it
        let _none = std::fs::remove_dir_all(config.scratch_dir.join("w"));
        private_dir(&config.scratch_dir.join("w"))?;
        let boot = Boot::write(&config.scratch_dir.join("boot"))
            .map_err(|source| StartError::Directory { path: config.scratch_dir.join("boot"), source })?;
        let factory = Arc::new(Factory::new(config, events.clone(), boot));
        let pool = Pool::new(Arc::clone(&factory));
        pool.fill(Duration::ZERO);
        let slots = RwLock::new(HashMap::new());
        let inner =
            Arc::new(Inner { factory, pool, source, events, ending: Ending::new(), bench: Bench::default(), slots });
        tokio::spawn(watch_memory(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Passes `request` through a warm worker that is current up to `need`, starting or updating one first if there is
    /// none. Bodies stream both ways. Dropping the future, or the response's body, cancels the invocation.
    pub async fn invoke(
        &self,
        spec: &Arc<WorkerSpec>,
        need: Need,
        context: InvocationContext,
        request: Request<Body>,
    ) -> Result<Response<Body>, InvokeError> {
        let started = Instant::now();
        if spec.workload.kind == WorkloadKind::Job {
            return Err(InvokeError::BadRequest);
        }
        let slot = self.slot(spec);
        let permit = slot.gate(spec).admit(spec.timeout).await;
        let permit = permit.ok_or(InvokeError::Overloaded { retry_after: Duration::from_secs(1) })?;
        let mut request = proxy::prepare(request, &context).ok_or(InvokeError::BadRequest)?;
        for _ in 0..MAX_TRIES {
            let entered = self.enter(&slot, spec, need).await?;
            let active = Arc::clone(&entered.0);
            active.last_used.store(unix_ms(), Ordering::Relaxed);
            proxy::label(&mut request, active.worker.step(), &context).ok_or(InvokeError::BadRequest)?;
            let mut report = Report::new(self.0.events.clone(), spec, context.execution_id.clone(), started);
            let sending = async {
                let visit = match &context.user {
                    Some(user) => Some(Visit::begin(&active.worker, &slot.masks, &context.execution_id, user).await),
                    None => None,
                };
                active.worker.connections.send(request).await.map(|answer| (visit, answer))
            };
            match tokio::time::timeout(spec.timeout, sending).await {
                Ok(Ok((visit, (response, sender)))) => {
                    let ticket = Ticket { entered, _permit: permit, report, _visit: visit };
                    return Ok(proxy::deliver(response, sender, ticket));
                }
                Ok(Err(SendError::Unsent(unsent))) => {
                    report.silence();
                    request = *unsent;
                    active.close();
                    let _retired = slot.commands.send(Command::Gone { key: active.worker.key });
                }
                Ok(Err(SendError::Broken(error))) => {
                    tracing::debug!(%error, "a worker broke off");
                    report.finish(Outcome::Broken);
                    return Err(InvokeError::Broken);
                }
                Err(_) => {
                    report.finish(Outcome::TimedOut);
                    self.suspect(entered);
                    return Err(InvokeError::Timeout(spec.timeout));
                }
            }
        }
        Err(InvokeError::Broken)
    }

    /// Brings a warm worker up to a change that is already durable. When this returns [`Refresh::Pushed`],
    /// [`Refresh::Restarted`] or [`Refresh::Unaffected`], every invocation that begins later sees the change, whatever
    /// its [`Need`] says. A job in flight keeps its values; the next run has the new ones.
    pub async fn refresh(&self, workload: &WorkloadId, change: &Change) -> Refresh {
        if workload.kind == WorkloadKind::Job {
            self.0.bench.refresh(workload, change.epoch);
            return Refresh::NotWarm;
        }
        let Some(slot) = self.known(workload) else { return Refresh::NotWarm };
        let (reply, answer) = oneshot::channel();
        let command = Command::Refresh { change: change.clone(), reply };
        if slot.commands.send(command).is_err() {
            return Refresh::NotWarm;
        }
        answer.await.unwrap_or(Refresh::NotWarm)
    }

    /// Starts a worker for a deployment that does not serve yet and keeps it warm for a minute, so that the first
    /// invocation with this spec switches to it at once. What serves now is not touched.
    pub async fn trial_start(&self, spec: &Arc<WorkerSpec>) -> Result<Started, StartFailure> {
        if spec.workload.kind == WorkloadKind::Job {
            let fresh = self.fresh(spec).await?;
            let started = started(&fresh.loaded.shape, &fresh.loaded.reads);
            self.0.bench.keep(fresh);
            return Ok(started);
        }
        let slot = self.slot(spec);
        let fresh = start(&self.0.pool, &*self.0.source, Arc::clone(spec), Arc::clone(&slot.masks)).await?;
        let started = started(&fresh.loaded.shape, &fresh.loaded.reads);
        let _retired = slot.commands.send(Command::Keep(Box::new(fresh)));
        Ok(started)
    }

    /// Forgets a workload: its worker gets no more invocations, drains and ends. Runs of a job go on to their end.
    pub async fn retire(&self, workload: &WorkloadId) {
        self.0.bench.retire(workload);
        let slot = self.0.slots.write().unwrap_or_else(PoisonError::into_inner).remove(workload);
        let Some(slot) = slot else { return };
        let (reply, answer) = oneshot::channel();
        if slot.commands.send(Command::Retire { reply }).is_ok() {
            let _ended = answer.await;
        }
    }

    /// Every worker that serves now, and those of jobs.
    pub fn warm(&self) -> Vec<WorkerStatus> {
        let active = self.0.active();
        let status = |active: &Arc<crate::slot::Active>| WorkerStatus {
            workload: active.spec.workload.clone(),
            deployment: active.spec.deployment.clone(),
            pid: active.worker.pid,
            epoch: active.epoch.load(Ordering::Relaxed),
            in_flight: active.in_flight(),
            memory_bytes: memory::own_bytes(active.worker.pid),
        };
        active.iter().map(status).chain(self.0.bench.status()).collect()
    }

    /// Ends every worker, draining ones too. Callers let invocations end first if they want them to.
    pub async fn shutdown(&self) {
        self.0.pool.close();
        self.0.bench.close();
        let workloads: Vec<WorkloadId> =
            self.0.slots.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for workload in workloads {
            self.retire(&workload).await;
        }
        self.0.ending.end();
        let _late = tokio::time::timeout(END_WAIT, self.0.factory.alive.none()).await;
    }

    async fn enter(&self, slot: &Slot, spec: &Arc<WorkerSpec>, need: Need) -> Result<Entered, InvokeError> {
        if let Some(entered) = slot.enter(spec, need) {
            return Ok(entered);
        }
        let wait = self.0.factory.config.replace_wait;
        let entered = async {
            loop {
                let (reply, answer) = oneshot::channel();
                let command = Command::Need { spec: Arc::clone(spec), epoch: need.epoch, reply };
                let asked = slot.commands.send(command).is_ok();
                match answer.await {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => return Err(InvokeError::Unavailable(failure)),
                    Err(_) if asked => {}
                    Err(_) => return Err(InvokeError::Unavailable(StartFailure::Stopping)),
                }
                if let Some(entered) = slot.enter(spec, need) {
                    return Ok(entered);
                }
            }
        };
        tokio::time::timeout(wait, entered).await.unwrap_or(Err(InvokeError::NotReady(wait)))
    }

    // Kills the worker if its event loop does not answer either; slow code alone is no reason.
    fn suspect(&self, entered: Entered) {
        let events = self.0.events.clone();
        tokio::spawn(async move {
            let active = Arc::clone(&entered.0);
            drop(entered);
            if !active.worker.answers(STUCK_AFTER).await && !active.worker.is_gone() {
                let workload = active.spec.workload.clone();
                active.kill();
                announce(&events, Event::Worker { workload, pid: active.worker.pid, what: WorkerEvent::Stuck });
            }
        });
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    fn known(&self, workload: &WorkloadId) -> Option<Arc<Slot>> {
        self.0.slots.read().unwrap_or_else(PoisonError::into_inner).get(workload).cloned()
    }

    fn slot(&self, spec: &Arc<WorkerSpec>) -> Arc<Slot> {
        if let Some(slot) = self.known(&spec.workload) {
            return slot;
        }
        let mut slots = self.0.slots.write().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(spec.workload.clone()).or_insert_with(|| {
            let (commands, inbox) = mpsc::unbounded_channel();
            let slot = Arc::new(Slot::new(spec, commands));
            let driver = Driver::new(Arc::clone(&self.0), Arc::clone(&slot), Arc::clone(spec), inbox);
            tokio::spawn(driver.run());
            slot
        });
        Arc::clone(slot)
    }
}

impl Inner {
    fn active(&self) -> Vec<Arc<crate::slot::Active>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.values().filter_map(|slot| slot.active()).collect()
    }
}

async fn watch_memory(inner: std::sync::Weak<Inner>) {
    loop {
        tokio::time::sleep(memory::INTERVAL).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.ending.is_over() {
            return;
        }
        for active in inner.active() {
            let used = memory::own_bytes(active.worker.pid).unwrap_or(0);
            if used > memory::limit(active.spec.memory_bytes) && !active.worker.is_gone() {
                let workload = active.spec.workload.clone();
                let what = WorkerEvent::OverMemory;
                active.kill();
                announce(&inner.events, Event::Worker { workload, pid: active.worker.pid, what });
            }
        }
        inner.bench.reap(inner.factory.config.idle_stop);
        for event in inner.bench.watch_memory() {
            announce(&inner.events, event);
        }
    }
}

fn started(shape: &str, tokens: &[String]) -> Started {
    let mut module_reads = Vec::new();
    let mut listed_environment = false;
    for token in tokens {
        match reads::token(token) {
            Some(Seen::Listing) => listed_environment = true,
            Some(Seen::Name { via, name, source }) => {
                module_reads.push(ModuleRead { name: name.to_owned(), via, found: source.is_some() });
            }
            None => {}
        }
    }
    Started { handler: shape.to_owned(), module_reads, listed_environment }
}

fn check(config: &RuntimeConfig) -> Result<(), StartError> {
    let actual_bytes = config.scratch_dir.as_os_str().len();
    if actual_bytes > MAX_SCRATCH_BYTES {
        return Err(StartError::ScratchPathTooLong { actual_bytes });
    }
    let paths = [&config.scratch_dir, &config.deno_cache_dir].map(|path: &PathBuf| path.display().to_string());
    match paths.iter().chain(&config.blocked_hosts).find(|text| text.contains(',')) {
        Some(text) => Err(StartError::Comma(text.clone())),
        None => Ok(()),
    }
}

fn private_dir(path: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Directory { path: path.to_path_buf(), source })
}
