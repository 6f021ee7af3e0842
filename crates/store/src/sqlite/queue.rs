//! How jobs reach the writer: one lock, one condition, and a short wait under concurrency.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::port::{StoreError, WriteJob};

/// Most jobs in one transaction, which bounds how long the first of them waits.
const MOST: usize = 1024;

/// A job and whom to tell.
pub(super) struct Pending {
    /// What is to be done.
    pub(super) job: WriteJob,
    /// Whom to tell.
    pub(super) done: oneshot::Sender<Result<bool, StoreError>>,
}

/// Jobs on their way to the writer.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    jobs: Vec<Pending>,
    /// The writer sleeps until there are so many jobs; 0 while it does not sleep.
    wake_at: usize,
    closed: bool,
    ended: bool,
    closers: Vec<oneshot::Sender<()>>,
}

impl Queue {
    /// An empty one.
    pub(super) fn new() -> Self {
        let state = State { jobs: Vec::new(), wake_at: 0, closed: false, ended: false, closers: Vec::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a job, unless the queue is closed.
    pub(super) fn push(&self, pending: Pending) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            let _gone = pending.done.send(Err(StoreError::Unavailable("the store is closed".to_owned())));
            return;
        }
        state.jobs.push(pending);
        let wake = state.wake_at != 0 && state.jobs.len() >= state.wake_at;
        if wake {
            state.wake_at = 0;
        }
        drop(state);
        if wake {
            self.changed.notify_one();
        }
    }

    /// Waits for jobs and moves them to `batch`; `false` when there are none left and the queue is closed.
    ///
    /// `crowd` is how many callers the last transaction saw. If it saw more than one, the others of them are probably
    /// about to come back: they get `gather` to do so, and share the commit.
    pub(super) fn take(&self, batch: &mut Vec<Pending>, crowd: usize, gather: Duration) -> bool {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state.wake_at = 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let awaited = crowd.min(MOST);
        if state.jobs.len() < awaited && !state.closed && !gather.is_zero() {
            state.wake_at = awaited;
            let asleep = |state: &mut State| state.jobs.len() < awaited && !state.closed;
            let waited = self.changed.wait_timeout_while(state, gather, asleep);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.wake_at = 0;
        if state.jobs.len() <= MOST {
            std::mem::swap(&mut state.jobs, batch);
        } else {
            batch.extend(state.jobs.drain(..MOST));
        }
        true
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.state().jobs.len()
    }

    /// Refuses new jobs from here on. The writer ends when it has done the ones it has.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// Resolves once the writer has ended.
    pub(super) fn ended(&self) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        let mut state = self.state();
        if state.ended {
            let _gone = tell.send(());
        } else {
            state.closers.push(tell);
        }
        told
    }

    /// The writer has ended.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.closed = true;
        state.ended = true;
        let closers = std::mem::take(&mut state.closers);
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        // dropping a job tells its caller
        drop(jobs);
        for closer in closers {
            let _gone = closer.send(());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
