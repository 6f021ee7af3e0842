//! How jobs reach the writer: one lock, one condition, and a short wait under concurrency.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::port::{Promise, RecordJob, StoreError, WriteJob};

/// Most jobs in one transaction, which bounds how long the first of them waits.
const MOST: usize = 1024;

/// Work and whom to tell.
pub(super) struct Pending {
    /// What is to be done.
    pub(super) work: Work,
    /// Whom to tell.
    pub(super) done: oneshot::Sender<Result<bool, StoreError>>,
}

/// What waits for the writer.
pub(super) enum Work {
    /// A job that may write what it likes, and may have it undone.
    Job(WriteJob),
    /// One record for the end of this node's chain.
    Record(&'static str, RecordJob, Promise),
}

impl Work {
    /// What its caller was promised.
    pub(super) fn promise(&self) -> Promise {
        match self {
            Self::Job(_) => Promise::Synced,
            Self::Record(.., promise) => *promise,
        }
    }
}

/// Why the writer was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// There are jobs.
    Jobs,
    /// The time has come that it had asked for.
    Time,
    /// There are none left, and the queue is closed.
    Closed,
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

    /// Waits for jobs and moves them to `batch`, but not beyond `until`.
    ///
    /// `crowd` is how many callers the last transaction saw. If it saw more than one, the others of them are probably
    /// about to come back: they get `gather` to do so, and share the commit.
    pub(super) fn take(
        &self,
        batch: &mut Vec<Pending>,
        crowd: usize,
        gather: Duration,
        until: Option<Instant>,
    ) -> Woken {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.closed {
                return Woken::Closed;
            }
            state.wake_at = 1;
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.wake_at = 0;
                return Woken::Time;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
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
        Woken::Jobs
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
