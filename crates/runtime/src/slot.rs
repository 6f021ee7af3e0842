//! What invocations of one workload share: the worker that serves, and the permits to use it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::driver::Command;
use crate::masks::Masks;
use crate::output::unix_ms;
use crate::spec::{Need, WorkerSpec};
use crate::worker::Worker;

/// Callers with the very spec that was superseded are taken for late ones for so long.
const LATE_CALLERS_MS: i64 = 10_000;

/// A worker that serves, with how current its values are.
pub(crate) struct Active {
    pub(crate) worker: Arc<Worker>,
    pub(crate) spec: Arc<WorkerSpec>,
    /// Up to this epoch an invocation may use it.
    pub(crate) epoch: AtomicU64,
    /// When its values run out, in Unix milliseconds.
    pub(crate) valid_until: AtomicI64,
    pub(crate) last_used: AtomicI64,
    /// The spec that this worker took over from, and until when late callers with it are served here: they began
    /// before the switch, and must not switch back.
    superseded: Option<(Arc<WorkerSpec>, i64)>,
    in_flight: AtomicUsize,
    closed: AtomicBool,
    emptied: Notify,
}

impl Active {
    pub(crate) fn new(worker: Arc<Worker>, spec: Arc<WorkerSpec>, epoch: u64, valid_until: Option<i64>) -> Self {
        Self {
            worker,
            spec,
            epoch: AtomicU64::new(epoch),
            valid_until: AtomicI64::new(valid_until.unwrap_or(i64::MAX)),
            last_used: AtomicI64::new(unix_ms()),
            superseded: None,
            in_flight: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            emptied: Notify::new(),
        }
    }

    /// Notes that this worker takes over from `before`.
    pub(crate) fn supersede(&mut self, before: Option<&Self>) {
        let other = before.filter(|before| before.spec.deployment != self.spec.deployment);
        self.superseded = other.map(|before| (Arc::clone(&before.spec), unix_ms().saturating_add(LATE_CALLERS_MS)));
    }

    /// Whether this worker serves callers with `spec`.
    pub(crate) fn covers(&self, spec: &WorkerSpec) -> bool {
        let same = |own: &Arc<WorkerSpec>| std::ptr::eq(Arc::as_ptr(own), spec);
        same(&self.spec)
            || self.spec.deployment == spec.deployment
            || self.superseded.as_ref().is_some_and(|(old, until)| same(old) && unix_ms() < *until)
    }

    /// Starts using this worker; None once it is closed. The order of the two accesses here and in
    /// [`Active::close`] is what makes sure that a worker which is stopped has nobody in it.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Entered> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let entered = Entered(Arc::clone(self));
        if self.closed.load(Ordering::SeqCst) { None } else { Some(entered) }
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Lets nobody in and kills the process at once.
    pub(crate) fn kill(&self) {
        self.close();
        self.worker.kill();
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Waits, after [`Active::close`], until nobody is in, at most `wait`.
    pub(crate) async fn emptied(&self, wait: Duration) {
        let empty = async {
            loop {
                let notified = self.emptied.notified();
                if self.in_flight() == 0 {
                    return;
                }
                notified.await;
            }
        };
        let _late = tokio::time::timeout(wait, empty).await;
    }
}

/// One invocation's hold on a worker.
pub(crate) struct Entered(pub(crate) Arc<Active>);

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.0.closed.load(Ordering::SeqCst) {
            self.0.emptied.notify_waiters();
        }
    }
}

/// Permits of one workload.
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    concurrency: usize,
    queue: usize,
}

impl Gate {
    fn new(spec: &WorkerSpec) -> Self {
        let concurrency = spec.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(concurrency));
        Self { permits, waiting: AtomicUsize::new(0), concurrency, queue: spec.queue }
    }

    /// A permit, at once or after waiting in the queue; None if the queue is full or `wait` is over.
    pub(crate) async fn admit(&self, wait: Duration) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(permit);
        }
        let place = Place::take(&self.waiting, self.queue)?;
        let permit = tokio::time::timeout(wait, Arc::clone(&self.permits).acquire_owned()).await;
        drop(place);
        permit.ok()?.ok()
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        // a failed attempt gives its place back by being dropped
        if waiting.fetch_add(1, Ordering::SeqCst) < most { Some(place) } else { None }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One workload.
pub(crate) struct Slot {
    current: RwLock<Option<Arc<Active>>>,
    gate: RwLock<Arc<Gate>>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) masks: Arc<Masks>,
}

impl Slot {
    pub(crate) fn new(spec: &WorkerSpec, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self {
            current: RwLock::new(None),
            gate: RwLock::new(Arc::new(Gate::new(spec))),
            commands,
            masks: Arc::default(),
        }
    }

    /// The permits, as `spec` wants them.
    pub(crate) fn gate(&self, spec: &WorkerSpec) -> Arc<Gate> {
        let fits = |gate: &Gate| gate.concurrency == spec.concurrency.max(1) && gate.queue == spec.queue;
        let gate = Arc::clone(&self.gate.read().unwrap_or_else(PoisonError::into_inner));
        if fits(&gate) {
            return gate;
        }
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if !fits(&gate) {
            *gate = Arc::new(Gate::new(spec));
        }
        Arc::clone(&gate)
    }

    /// The worker that serves, if it runs `spec`'s deployment and is current enough for `need`.
    pub(crate) fn enter(&self, spec: &WorkerSpec, need: Need) -> Option<Entered> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let active = current.as_ref()?;
        let fits = active.epoch.load(Ordering::Acquire) >= need.epoch
            && active.covers(spec)
            && (active.valid_until.load(Ordering::Relaxed) == i64::MAX
                || unix_ms() < active.valid_until.load(Ordering::Relaxed));
        if fits { active.enter() } else { None }
    }

    pub(crate) fn active(&self) -> Option<Arc<Active>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets `next` serve; gives back what served before, closed.
    pub(crate) fn swap(&self, next: Option<Arc<Active>>) -> Option<Arc<Active>> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, next);
        drop(current);
        if let Some(before) = &before {
            before.close();
        }
        before
    }
}
