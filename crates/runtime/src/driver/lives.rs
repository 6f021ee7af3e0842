//! How workers of one workload come and go, as the driver decides it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Command, DRAIN_WAIT, Driver, FIRST_BACKOFF, LAST_BACKOFF, MAX_CRASHES, SHORT_LIFE};
use crate::event::{Event, WorkerEvent};
use crate::output::Stage;
use crate::proxy::announce;
use crate::slot::Active;
use crate::snapshot::Facts;
use crate::spec::Refresh;
use crate::start::{Fresh, snapshot, start};
use crate::state::Action;
use crate::worker::{StartFailure, Worker};

impl Driver {
    pub(super) fn begin_start(&mut self, pause: Duration) {
        let kept = self.trial.take_if(|(fresh, _)| fresh.spec.deployment == self.spec.deployment);
        let inner = Arc::clone(&self.inner);
        let spec = Arc::clone(&self.spec);
        let masks = Arc::clone(&self.slot.masks);
        self.start = Some(tokio::spawn(async move {
            if let Some((fresh, _)) = kept.filter(|(fresh, _)| !fresh.worker.is_gone()) {
                return Ok(fresh);
            }
            tokio::time::sleep(pause).await;
            start(&inner.pool, &*inner.source, spec, masks).await
        }));
    }

    pub(super) async fn started(&mut self, mut fresh: Fresh) {
        loop {
            if fresh.spec.deployment != self.spec.deployment {
                self.discard(&fresh.worker);
                return self.start_again();
            }
            match self.state.started(fresh.epoch) {
                Action::Adopt => break,
                Action::CatchUp => {}
                _ => return self.discard(&fresh.worker),
            }
            let newer = match snapshot(&*self.inner.source, &self.spec).await {
                Ok(newer) => newer,
                Err(error) => {
                    self.discard(&fresh.worker);
                    return self.start_failed(&StartFailure::Snapshot(error));
                }
            };
            let facts = Facts::of(&newer);
            let difference = fresh.facts.difference(&facts);
            if fresh.worker.output.owner.get().is_none_or(|owner| owner.observed.touches(difference.names())) {
                self.discard(&fresh.worker);
                return self.start_again();
            }
            self.slot.masks.update(&newer);
            fresh.worker.push(&difference, &newer).await;
            fresh.facts = facts;
            fresh.epoch = newer.epoch;
            fresh.valid_until = newer.valid_until_unix_ms;
        }
        self.adopt(fresh);
        self.settle(&Refresh::Restarted);
        if self.state.is_behind() {
            self.compare(None).await;
        }
        self.settle(&Refresh::Pushed);
    }

    pub(super) fn start_again(&mut self) {
        if self.state.restart() == Action::Start {
            self.begin_start(Duration::ZERO);
        }
    }

    pub(super) fn adopt(&mut self, fresh: Fresh) {
        let Fresh { worker, spec, facts, epoch, valid_until, loaded: _ } = fresh;
        let (key, pid) = (worker.key, worker.pid);
        let mut active = Active::new(Arc::clone(&worker), spec, epoch, valid_until);
        active.supersede(self.slot.active().as_deref());
        let active = Arc::new(active);
        self.facts = facts;
        self.serving_since = Instant::now();
        self.refused = None;
        self.recycle_at = None;
        let before = self.slot.swap(Some(active));
        self.report(pid, if before.is_some() { WorkerEvent::Replaced } else { WorkerEvent::Started });
        if let Some(before) = before {
            self.drain(before, DRAIN_WAIT);
        }
        let commands = self.slot.commands.clone();
        tokio::spawn(async move {
            worker.gone().await;
            let _retired = commands.send(Command::Gone { key });
        });
    }

    pub(super) fn start_failed(&mut self, failure: &StartFailure) {
        let reason = failure.to_string();
        tracing::warn!(workload = %self.spec.workload.name, %reason, "a worker did not start");
        self.crashes = self.crashes.saturating_add(1);
        self.refused = Some((Instant::now() + self.backoff(), failure.clone()));
        let pid = self.slot.active().map_or(0, |active| active.worker.pid);
        self.report(pid, WorkerEvent::ReplacementFailed(reason.clone()));
        match self.state.start_failed() {
            Action::Stop => self.stop(WorkerEvent::Stopped),
            Action::Serve => {
                if let (Some(active), Some(epoch)) = (self.slot.active(), self.state.served_epoch()) {
                    self.spec = Arc::clone(&active.spec);
                    active.epoch.fetch_max(epoch, Ordering::AcqRel);
                }
            }
            _ => {}
        }
        for (_, reply) in self.refreshes.drain(..) {
            let _gone = reply.send(Refresh::RestartFailed(reason.clone()));
        }
        self.settle(&Refresh::Pushed);
        for waiting in self.needs.drain(..) {
            let _gone = waiting.reply.send(Err(failure.clone()));
        }
    }

    pub(super) async fn gone(&mut self, key: u64) {
        let Some(active) = self.slot.active().filter(|active| active.worker.key == key) else { return };
        active.worker.kill();
        if let Stage::Exited { code, signal } = active.worker.gone().await {
            self.report(active.worker.pid, WorkerEvent::Exited { code, signal });
        }
        self.slot.swap(None);
        self.recycle_at = None;
        self.crashes = if self.serving_since.elapsed() < SHORT_LIFE { self.crashes.saturating_add(1) } else { 0 };
        if self.crashes > MAX_CRASHES && self.needs.is_empty() && !self.state.is_starting() {
            self.state.stopped();
            let failure = StartFailure::Died("it ended again and again".to_owned());
            self.refused = Some((Instant::now() + self.backoff(), failure));
        } else if self.state.exited() == Action::Start {
            let pause = if self.crashes > 1 { self.backoff() } else { Duration::ZERO };
            self.begin_start(pause);
        }
    }

    pub(super) fn stop(&mut self, what: WorkerEvent) {
        if let Some(active) = self.slot.swap(None) {
            self.report(active.worker.pid, what);
            self.drain(active, DRAIN_WAIT);
        }
    }

    pub(super) fn drain(&self, active: Arc<Active>, wait: Duration) {
        let end = self.inner.ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = active.emptied(wait) => {}
                () = end.cancelled() => {}
            }
            active.worker.kill();
        });
    }

    pub(super) fn discard(&self, worker: &Worker) {
        worker.kill();
        self.report(worker.pid, WorkerEvent::Stopped);
    }

    pub(super) fn retire(&mut self) {
        self.state.stopped();
        if let Some(start) = self.start.take() {
            start.abort();
        }
        if let Some((fresh, _)) = self.trial.take() {
            self.discard(&fresh.worker);
        }
        self.stop(WorkerEvent::Stopped);
        for (_, reply) in self.refreshes.drain(..) {
            let _gone = reply.send(Refresh::NotWarm);
        }
        for waiting in self.needs.drain(..) {
            let _gone = waiting.reply.send(Err(StartFailure::Stopping));
        }
    }

    pub(super) fn report(&self, pid: u32, what: WorkerEvent) {
        announce(&self.inner.events, Event::Worker { workload: self.spec.workload.clone(), pid, what });
    }

    pub(super) fn backoff(&self) -> Duration {
        FIRST_BACKOFF.saturating_mul(1 << self.crashes.saturating_sub(1).min(16)).min(LAST_BACKOFF)
    }
}
