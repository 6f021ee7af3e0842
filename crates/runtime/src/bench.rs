//! Workers of jobs: each belongs to one run at a time, and waits on the bench for the next run of its job.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{Event, WorkerEvent};
use crate::masks::Masks;
use crate::memory;
use crate::output::unix_ms;
use crate::proxy::{Report, announce};
use crate::runtime::{Inner, Runtime, WorkerStatus};
use crate::spec::{Need, WorkerSpec, WorkloadId};
use crate::start::{Fresh, start};
use crate::worker::{StartFailure, Worker};

/// Idle workers of one job beyond this are ended.
const MAX_IDLE: usize = 8;
/// Pause before values are asked for again that were older than needed (a replica that lags).
const LAG_PAUSE: Duration = Duration::from_millis(20);

/// Every worker of every job.
#[derive(Default)]
pub(crate) struct Bench(Mutex<State>);

#[derive(Default)]
struct State {
    crews: HashMap<WorkloadId, Crew>,
    busy: HashMap<u64, Busy>,
    closed: bool,
}

/// The workers of one job that no run uses.
#[derive(Default)]
struct Crew {
    idle: Vec<(Fresh, Instant)>,
    masks: Arc<Masks>,
    /// Values older than this have been changed.
    epoch: u64,
}

/// A worker that a run uses.
struct Busy {
    worker: Arc<Worker>,
    spec: Arc<WorkerSpec>,
    epoch: u64,
    over_memory: Arc<AtomicBool>,
}

impl Bench {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn masks(&self, workload: &WorkloadId) -> Arc<Masks> {
        Arc::clone(&self.state().crews.entry(workload.clone()).or_default().masks)
    }

    // The idle worker that was used last and fits; those that do not fit any more end.
    fn pop(&self, spec: &WorkerSpec, need: Need) -> Option<Fresh> {
        let now = unix_ms();
        let fits = |fresh: &Fresh| {
            fresh.spec.deployment == spec.deployment
                && fresh.epoch >= need.epoch
                && fresh.valid_until.is_none_or(|until| now < until)
                && !fresh.worker.is_gone()
        };
        let mut state = self.state();
        let crew = state.crews.get_mut(&spec.workload)?;
        crew.idle.retain(|(fresh, _)| fits(fresh));
        crew.idle.pop().map(|(fresh, _)| fresh)
    }

    /// Lets a worker wait for the next run of its job, unless there are enough, or its values have been changed.
    pub(crate) fn keep(&self, fresh: Fresh) {
        let mut state = self.state();
        let closed = state.closed;
        let Some(crew) = state.crews.get_mut(&fresh.spec.workload) else { return };
        let current = fresh.epoch >= crew.epoch && !fresh.worker.is_gone();
        if current && !closed && crew.idle.len() < MAX_IDLE {
            crew.idle.push((fresh, Instant::now()));
        }
    }

    /// Ends idle workers whose values have been changed; busy ones end when their run does.
    pub(crate) fn refresh(&self, workload: &WorkloadId, epoch: u64) {
        if let Some(crew) = self.state().crews.get_mut(workload) {
            crew.epoch = crew.epoch.max(epoch);
            crew.idle.retain(|(fresh, _)| fresh.epoch >= epoch);
        }
    }

    /// Forgets a job: idle workers end now, busy ones when their run does.
    pub(crate) fn retire(&self, workload: &WorkloadId) {
        self.state().crews.remove(workload);
    }

    /// Ends every worker.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.crews.clear();
        for busy in state.busy.values() {
            busy.worker.kill();
        }
    }

    /// Ends workers that waited for longer than `idle_stop`.
    pub(crate) fn reap(&self, idle_stop: Duration) {
        for crew in self.state().crews.values_mut() {
            crew.idle.retain(|(fresh, since)| since.elapsed() < idle_stop && !fresh.worker.is_gone());
        }
    }

    /// Kills workers that use more memory than they may.
    pub(crate) fn watch_memory(&self) -> Vec<Event> {
        let over = |worker: &Worker, spec: &WorkerSpec| {
            memory::own_bytes(worker.pid).unwrap_or(0) > memory::limit(spec.memory_bytes) && !worker.is_gone()
        };
        let mut state = self.state();
        for crew in state.crews.values_mut() {
            crew.idle.retain(|(fresh, _)| !over(&fresh.worker, &fresh.spec));
        }
        let mut events = Vec::new();
        for busy in state.busy.values().filter(|busy| over(&busy.worker, &busy.spec)) {
            busy.over_memory.store(true, Ordering::SeqCst);
            busy.worker.kill();
            events.push(told(&busy.spec, &busy.worker, WorkerEvent::OverMemory));
        }
        events
    }

    /// Every worker.
    pub(crate) fn status(&self) -> Vec<WorkerStatus> {
        let state = self.state();
        let idle = state.crews.values().flat_map(|crew| &crew.idle);
        let idle = idle.map(|(fresh, _)| status(&fresh.worker, &fresh.spec, fresh.epoch, 0));
        let busy = state.busy.values().map(|busy| status(&busy.worker, &busy.spec, busy.epoch, 1));
        idle.chain(busy).collect()
    }
}

fn status(worker: &Worker, spec: &WorkerSpec, epoch: u64, in_flight: usize) -> WorkerStatus {
    WorkerStatus {
        workload: spec.workload.clone(),
        deployment: spec.deployment.clone(),
        pid: worker.pid,
        epoch,
        in_flight,
        memory_bytes: memory::own_bytes(worker.pid),
    }
}

fn told(spec: &WorkerSpec, worker: &Worker, what: WorkerEvent) -> Event {
    Event::Worker { workload: spec.workload.clone(), pid: worker.pid, what }
}

/// A worker in the hands of one run. Dropped without [`Hired::release`], it is killed.
pub(crate) struct Hired {
    inner: Arc<Inner>,
    fresh: Option<Fresh>,
    worker: Arc<Worker>,
    spec: Arc<WorkerSpec>,
    over_memory: Arc<AtomicBool>,
}

impl Hired {
    fn new(inner: &Arc<Inner>, fresh: Fresh) -> Self {
        let (worker, spec) = (Arc::clone(&fresh.worker), Arc::clone(&fresh.spec));
        let over_memory = Arc::new(AtomicBool::new(false));
        let busy = Busy {
            worker: Arc::clone(&worker),
            spec: Arc::clone(&spec),
            epoch: fresh.epoch,
            over_memory: Arc::clone(&over_memory),
        };
        let mut state = inner.bench.state();
        if state.closed {
            worker.kill();
        }
        state.busy.insert(worker.key, busy);
        drop(state);
        Self { inner: Arc::clone(inner), fresh: Some(fresh), worker, spec, over_memory }
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    pub(crate) fn spec(&self) -> &WorkerSpec {
        &self.spec
    }

    pub(crate) fn was_over_memory(&self) -> bool {
        self.over_memory.load(Ordering::SeqCst)
    }

    /// The run has ended well: the worker may serve the next one.
    pub(crate) fn release(mut self) {
        if let Some(fresh) = self.fresh.take() {
            self.inner.bench.keep(fresh);
        }
    }
}

impl Drop for Hired {
    fn drop(&mut self) {
        self.inner.bench.state().busy.remove(&self.worker.key);
        if self.fresh.is_some() {
            self.worker.kill();
            announce(&self.inner.events, told(&self.spec, &self.worker, WorkerEvent::Stopped));
        }
    }
}

impl Runtime {
    /// A worker for one run.
    pub(crate) async fn hire(&self, spec: &Arc<WorkerSpec>, need: Need) -> Result<Hired, StartFailure> {
        let inner = self.inner();
        if let Some(fresh) = inner.bench.pop(spec, need) {
            return Ok(Hired::new(inner, fresh));
        }
        let wait = inner.factory.config.replace_wait;
        let began = Instant::now();
        loop {
            let fresh = self.fresh(spec).await?;
            if fresh.epoch >= need.epoch {
                announce(&inner.events, told(spec, &fresh.worker, WorkerEvent::Started));
                return Ok(Hired::new(inner, fresh));
            }
            if began.elapsed() > wait {
                return Err(StartFailure::TimedOut(wait));
            }
            tokio::time::sleep(LAG_PAUSE).await;
        }
    }

    /// Starts a worker for a job.
    pub(crate) async fn fresh(&self, spec: &Arc<WorkerSpec>) -> Result<Fresh, StartFailure> {
        let inner = self.inner();
        let masks = inner.bench.masks(&spec.workload);
        start(&inner.pool, &*inner.source, Arc::clone(spec), masks).await
    }

    /// A report on a run that begins now.
    pub(crate) fn report(&self, spec: &Arc<WorkerSpec>, execution_id: &str) -> Report {
        Report::new(self.inner().events.clone(), spec, execution_id.to_owned(), Instant::now())
    }
}
