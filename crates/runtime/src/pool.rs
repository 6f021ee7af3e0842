//! Generic workers, kept ready: started and listening, not yet assigned to a workload.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::factory::Factory;
use crate::permissions::PermissionSet;
use crate::spec::Engine;
use crate::worker::{StartFailure, Worker};

/// Pause before refilling, so that a start under way has the processor for itself.
const REFILL_PAUSE: Duration = Duration::from_millis(50);
/// Pause after a generic worker that did not come up.
const FAILED_PAUSE: Duration = Duration::from_secs(2);

pub(crate) struct Pool {
    factory: Arc<Factory>,
    shelves: Mutex<Vec<Shelf>>,
    filling: AtomicBool,
    closed: AtomicBool,
}

/// Ready workers of one engine.
struct Shelf {
    engine: Engine,
    ready: VecDeque<Arc<Worker>>,
}

impl Pool {
    pub(crate) fn new(factory: Arc<Factory>) -> Arc<Self> {
        // Node workers are kept ready once one was wanted
        let shelves = Mutex::new(vec![Shelf { engine: Engine::Deno, ready: VecDeque::new() }]);
        Arc::new(Self { factory, shelves, filling: AtomicBool::new(false), closed: AtomicBool::new(false) })
    }

    /// A listening worker with this permission set: from the pool if it is the pool's set, else started now.
    pub(crate) async fn take(self: &Arc<Self>, set: &PermissionSet) -> Result<Arc<Worker>, StartFailure> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StartFailure::Stopping);
        }
        if *set == PermissionSet::pooled(set.engine) {
            let ready = self.pop(set.engine);
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
            while let Some(engine) = pool.wants_more() {
                match pool.factory.spawn(&PermissionSet::pooled(engine)).await {
                    Ok(worker) => match worker.booted().await {
                        Ok(()) => {
                            worker.rehearse().await;
                            pool.put(engine, worker);
                        }
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
        self.shelves().clear();
    }

    fn shelves(&self) -> MutexGuard<'_, Vec<Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self, engine: Engine) -> Option<Arc<Worker>> {
        let mut all = self.shelves();
        let Some(own) = all.iter_mut().find(|each| each.engine == engine) else {
            all.push(Shelf { engine, ready: VecDeque::new() });
            return None;
        };
        while let Some(worker) = own.ready.pop_front() {
            if !worker.is_gone() {
                return Some(worker);
            }
        }
        None
    }

    fn put(&self, engine: Engine, worker: Arc<Worker>) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        if let Some(own) = self.shelves().iter_mut().find(|each| each.engine == engine) {
            own.ready.push_back(worker);
        }
    }

    /// The engine that has too few workers ready.
    fn wants_more(&self) -> Option<Engine> {
        if self.closed.load(Ordering::SeqCst) {
            return None;
        }
        let mut all = self.shelves();
        for each in all.iter_mut() {
            each.ready.retain(|worker| !worker.is_gone());
        }
        let short = all.iter().find(|each| each.ready.len() < self.factory.config.pool_size);
        short.map(|each| each.engine)
    }

    async fn complain(&self, failure: &StartFailure) {
        tracing::warn!(error = %failure, "a generic worker did not come up");
        tokio::time::sleep(FAILED_PAUSE).await;
    }
}
