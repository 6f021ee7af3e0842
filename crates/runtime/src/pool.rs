//! Generic workers, kept ready: started and listening, not yet assigned to a workload.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::factory::Factory;
use crate::permissions::PermissionSet;
use crate::worker::{StartFailure, Worker};

/// Pause before refilling, so that a start under way has the processor for itself.
const REFILL_PAUSE: Duration = Duration::from_millis(50);
/// Pause after a generic worker that did not come up.
const FAILED_PAUSE: Duration = Duration::from_secs(2);

pub(crate) struct Pool {
    factory: Arc<Factory>,
    ready: Mutex<VecDeque<Arc<Worker>>>,
    filling: AtomicBool,
    closed: AtomicBool,
}

impl Pool {
    pub(crate) fn new(factory: Arc<Factory>) -> Arc<Self> {
        let ready = Mutex::new(VecDeque::new());
        Arc::new(Self { factory, ready, filling: AtomicBool::new(false), closed: AtomicBool::new(false) })
    }

    /// A listening worker with this permission set: from the pool if it is the pool's set, else started now.
    pub(crate) async fn take(self: &Arc<Self>, set: &PermissionSet) -> Result<Arc<Worker>, StartFailure> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StartFailure::Stopping);
        }
        if *set == PermissionSet::pooled() {
            let ready = self.pop();
            self.fill(REFILL_PAUSE);
            if let Some(worker) = ready {
                return Ok(worker);
            }
        }
        let worker = self.factory.spawn(set).await?;
        worker.booted().await?;
        Ok(worker)
    }

    /// Brings the pool to its size, in the background, one at a time.
    pub(crate) fn fill(self: &Arc<Self>, pause: Duration) {
        if self.filling.swap(true, Ordering::SeqCst) {
            return;
        }
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            while pool.wants_more() {
                match pool.factory.spawn(&PermissionSet::pooled()).await {
                    Ok(worker) => match worker.booted().await {
                        Ok(()) => pool.put(worker),
                        Err(failure) => pool.complain(&failure).await,
                    },
                    Err(failure) => pool.complain(&failure).await,
                }
            }
            pool.filling.store(false, Ordering::SeqCst);
        });
    }

    /// Kills what is ready and hands out nothing more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn pop(&self) -> Option<Arc<Worker>> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(worker) = ready.pop_front() {
            if !worker.is_gone() {
                return Some(worker);
            }
        }
        None
    }

    fn put(&self, worker: Arc<Worker>) {
        if !self.closed.load(Ordering::SeqCst) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(worker);
        }
    }

    fn wants_more(&self) -> bool {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|worker| !worker.is_gone());
        ready.len() < self.factory.config.pool_size && !self.closed.load(Ordering::SeqCst)
    }

    async fn complain(&self, failure: &StartFailure) {
        tracing::warn!(error = %failure, "a generic worker did not come up");
        tokio::time::sleep(FAILED_PAUSE).await;
    }
}
