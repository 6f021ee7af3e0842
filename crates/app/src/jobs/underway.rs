//! What this process knows of the runs that it works on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_model::Id;
use strongroom_runtime::JobHandle;
use tokio::sync::Notify;

/// What the process knows of runs that are under way.
pub(crate) struct Scheduler {
    /// This opening of the instance, as a holder of leases.
    holder: String,
    /// Runs at once, of all jobs.
    at_once: usize,
    wake: Notify,
    stopping: AtomicBool,
    underway: Mutex<HashMap<Id, Underway>>,
}

enum Underway {
    /// Claimed; its worker is not there yet.
    Begins,
    /// In a worker.
    Runs(JobHandle),
    /// To be stopped before it is in a worker.
    Unwanted,
}

impl Scheduler {
    pub(crate) fn new(holder: String, at_once: usize) -> Self {
        let (wake, underway) = (Notify::new(), Mutex::default());
        Self { holder, at_once, wake, stopping: AtomicBool::new(false), underway }
    }

    /// Looks again at what is to be done.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for [`Scheduler::wake`].
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Nothing more is begun.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// Asks a run that is under way here to stop.
    pub(super) fn stop_run(&self, run: &Id) {
        match self.underway().get_mut(run) {
            Some(Underway::Runs(handle)) => handle.cancel(),
            Some(begins) => *begins = Underway::Unwanted,
            None => {}
        }
    }

    /// The run is about to be in a worker; `false` if it is no longer wanted.
    pub(super) fn begin(&self, run: &Id, handle: JobHandle) -> bool {
        match self.underway().get_mut(run) {
            None | Some(Underway::Unwanted) => false,
            Some(state) => {
                *state = Underway::Runs(handle);
                true
            }
        }
    }

    pub(super) fn forget(&self, run: &Id) {
        self.underway().remove(run);
    }

    pub(super) fn claimed(&self, run: Id) {
        self.underway().insert(run, Underway::Begins);
    }

    /// How many more may go on.
    pub(super) fn free(&self) -> usize {
        self.at_once.saturating_sub(self.underway().len())
    }

    fn underway(&self) -> MutexGuard<'_, HashMap<Id, Underway>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
