//! The one task that owns one workload: it does what [`State`] says, one thing after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::event::{Event, WorkerEvent};
use crate::output::{Stage, unix_ms};
use crate::proxy::announce;
use crate::runtime::Inner;
use crate::slot::{Active, Slot};
use crate::snapshot::{Facts, Snapshot, SnapshotError};
use crate::spec::{Change, ChangeCause, OnChange, Refresh, WorkerSpec};
use crate::start::{Fresh, snapshot, start};
use crate::state::{Action, Impact, Phase, State, Why};
use crate::worker::{StartFailure, Worker};

/// Changes within this time share one recycling.
const RECYCLE_PAUSE: Duration = Duration::from_millis(500);
/// A worker that no longer gets invocations is killed after this time at the latest.
const DRAIN_WAIT: Duration = Duration::from_secs(300);
/// A trial start that nobody switched to is stopped after this time.
const TRIAL_KEEP: Duration = Duration::from_secs(60);
/// A worker that lived shorter than this has crashed in a row.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// After so many crashes in a row the next invocation has to ask.
const MAX_CRASHES: u32 = 6;
/// Values that are already over are asked for again after this time.
const STALE_PAUSE_MS: i64 = 1000;

/// What the driver is asked.
pub(crate) enum Command {
    /// An invocation found nothing that serves it.
    Need { spec: Arc<WorkerSpec>, epoch: u64, reply: oneshot::Sender<Result<(), StartFailure>> },
    /// Values changed.
    Refresh { change: Change, reply: oneshot::Sender<Refresh> },
    /// A trial start succeeded: keep it for the switch.
    Keep(Box<Fresh>),
    /// A worker's process ended, or takes no connections.
    Gone { key: u64 },
    /// The workload is deleted, or the runtime ends.
    Retire { reply: oneshot::Sender<()> },
}

struct Waiting {
    spec: Arc<WorkerSpec>,
    epoch: u64,
    reply: oneshot::Sender<Result<(), StartFailure>>,
}

pub(crate) struct Driver {
    inner: Arc<Inner>,
    slot: Arc<Slot>,
    commands: mpsc::UnboundedReceiver<Command>,
    state: State,
    spec: Arc<WorkerSpec>,
    facts: Facts,
    start: Option<JoinHandle<Result<Fresh, StartFailure>>>,
    trial: Option<(Fresh, Instant)>,
    needs: Vec<Waiting>,
    refreshes: Vec<(u64, oneshot::Sender<Refresh>)>,
    recycle_at: Option<Instant>,
    serving_since: Instant,
    crashes: u32,
    refused: Option<(Instant, StartFailure)>,
}

impl Driver {
    pub(crate) fn new(
        inner: Arc<Inner>,
        slot: Arc<Slot>,
        spec: Arc<WorkerSpec>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            inner,
            slot,
            commands,
            state: State::new(),
            spec,
            facts: Facts::default(),
            start: None,
            trial: None,
            needs: Vec::new(),
            refreshes: Vec::new(),
            recycle_at: None,
            serving_since: Instant::now(),
            crashes: 0,
            refused: None,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let wake = self.next_deadline();
            tokio::select! {
                command = self.commands.recv() => match command {
                    None => return self.retire(),
                    Some(Command::Retire { reply }) => {
                        self.retire();
                        let _gone = reply.send(());
                        return;
                    }
                    Some(command) => self.command(command).await,
                },
                ended = join(&mut self.start) => {
                    self.start = None;
                    match ended {
                        Ok(fresh) => self.started(fresh).await,
                        Err(failure) => self.start_failed(&failure),
                    }
                }
                () = tokio::time::sleep_until(wake) => self.timer(),
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Need { spec, epoch, reply } => self.need(Waiting { spec, epoch, reply }).await,
            Command::Refresh { change, reply } => self.refresh(&change, reply).await,
            Command::Keep(fresh) => {
                if let Some((old, _)) = self.trial.replace((*fresh, Instant::now() + TRIAL_KEEP)) {
                    self.discard(&old.worker);
                }
            }
            Command::Gone { key } => self.gone(key).await,
            Command::Retire { .. } => {}
        }
    }

    async fn need(&mut self, waiting: Waiting) {
        if let Some(active) = self.slot.active().filter(|active| active.is_closed() || active.worker.is_gone()) {
            self.gone(active.worker.key).await;
        }
        let epoch = waiting.epoch;
        let other_code = waiting.spec.deployment != self.spec.deployment;
        if other_code {
            self.spec = Arc::clone(&waiting.spec);
            self.refused = None;
        }
        if let Some((until, failure)) = &self.refused {
            if self.state.phase() == Phase::Cold && Instant::now() < *until {
                let _gone = waiting.reply.send(Err(failure.clone()));
                return;
            }
        }
        self.needs.push(waiting);
        let serves_other = self.slot.active().is_some_and(|active| active.spec.deployment != self.spec.deployment);
        let mut action = self.state.needed(epoch);
        if serves_other {
            action = self.state.supersede(Why::Deploy);
        } else if action == Action::Serve && self.is_stale() {
            action = Action::Compare;
        }
        match action {
            Action::Start => self.begin_start(Duration::ZERO),
            Action::Compare => {
                self.compare(None).await;
            }
            _ => {}
        }
        self.settle();
    }

    async fn refresh(&mut self, change: &Change, reply: oneshot::Sender<Refresh>) {
        self.refused = None;
        if self.state.phase() == Phase::Cold {
            let _gone = reply.send(Refresh::NotWarm);
            return;
        }
        tracing::debug!(workload = %self.spec.workload.name, epoch = change.epoch, names = ?change.names, "secrets changed");
        let answer = match self.state.needed(change.epoch) {
            Action::Serve => Some(Refresh::Unaffected),
            Action::Compare => self.compare(Some(change.cause)).await,
            _ => None,
        };
        match answer {
            Some(answer) => {
                let _gone = reply.send(answer);
            }
            None => self.refreshes.push((change.epoch, reply)),
        }
        self.settle();
    }

    /// Takes a snapshot and does what it means for the serving worker. None while a replacement is under way.
    async fn compare(&mut self, cause: Option<ChangeCause>) -> Option<Refresh> {
        let active = self.slot.active()?;
        let newer = match snapshot(&*self.inner.source, &self.spec.workload).await {
            Ok(newer) => newer,
            Err(error) => {
                self.unresolved(&error);
                return Some(Refresh::RestartFailed(error.to_string()));
            }
        };
        let facts = Facts::of(&newer);
        let difference = self.facts.difference(&facts);
        let touched = active.worker.output.owner.get().is_none_or(|owner| owner.observed.touches(difference.names()));
        let impact = match (difference.is_empty(), touched) {
            (true, _) => Impact::Nothing,
            (false, false) => Impact::Push,
            (false, true) if difference.removes || cause == Some(ChangeCause::Removed) => {
                Impact::Replace(ChangeCause::Removed)
            }
            (false, true) => Impact::Replace(ChangeCause::Set),
        };
        match self.state.compared(newer.epoch, impact) {
            Action::Push => {
                self.slot.masks.update(&newer);
                active.worker.push(&difference, &newer).await;
                self.facts = facts;
                current(&active, &newer);
                if self.spec.on_change == OnChange::Recycle {
                    self.recycle_at.get_or_insert(Instant::now() + RECYCLE_PAUSE);
                }
                Some(Refresh::Pushed)
            }
            Action::Serve => {
                current(&active, &newer);
                Some(Refresh::Unaffected)
            }
            Action::Start => {
                self.begin_start(Duration::ZERO);
                None
            }
            _ => None,
        }
    }

    fn unresolved(&mut self, error: &SnapshotError) {
        for waiting in self.needs.drain(..) {
            let _gone = waiting.reply.send(Err(StartFailure::Snapshot(error.clone())));
        }
    }

    fn begin_start(&mut self, pause: Duration) {
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

    async fn started(&mut self, mut fresh: Fresh) {
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
            let newer = match snapshot(&*self.inner.source, &self.spec.workload).await {
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
        if self.state.is_behind() {
            self.compare(None).await;
        }
        self.settle();
    }

    fn start_again(&mut self) {
        if self.state.restart() == Action::Start {
            self.begin_start(Duration::ZERO);
        }
    }

    fn adopt(&mut self, fresh: Fresh) {
        let Fresh { worker, spec, facts, epoch, valid_until, loaded: _ } = fresh;
        let (key, pid) = (worker.key, worker.pid);
        let active = Arc::new(Active::new(Arc::clone(&worker), spec, epoch, valid_until));
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

    fn start_failed(&mut self, failure: &StartFailure) {
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
        self.settle();
        for waiting in self.needs.drain(..) {
            let _gone = waiting.reply.send(Err(failure.clone()));
        }
    }

    async fn gone(&mut self, key: u64) {
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

    fn timer(&mut self) {
        let now = Instant::now();
        if self.trial.as_ref().is_some_and(|(_, until)| *until <= now) {
            if let Some((fresh, _)) = self.trial.take() {
                self.discard(&fresh.worker);
            }
        }
        if self.recycle_at.is_some_and(|at| at <= now) {
            self.recycle_at = None;
            if self.state.supersede(Why::Recycle) == Action::Start {
                self.begin_start(Duration::ZERO);
            }
        }
        if matches!(self.state.phase(), Phase::Serving { .. }) && self.idle_left().is_some_and(|left| left.is_zero()) {
            self.state.stopped();
            self.recycle_at = None;
            self.stop(WorkerEvent::IdleStopped);
        }
    }

    fn next_deadline(&self) -> Instant {
        let now = Instant::now();
        let idle = self.idle_left().map(|left| now + left.max(Duration::from_millis(20)));
        let trial = self.trial.as_ref().map(|(_, until)| *until);
        [self.recycle_at, idle, trial].into_iter().flatten().min().unwrap_or(now + Duration::from_secs(3600))
    }

    // Time until the serving worker counts as idle; None if nothing serves.
    fn idle_left(&self) -> Option<Duration> {
        let active = self.slot.active()?;
        let idle_stop = self.inner.factory.config.idle_stop;
        if active.in_flight() > 0 {
            return Some(idle_stop);
        }
        let unused = unix_ms().saturating_sub(active.last_used.load(Ordering::Relaxed));
        Some(idle_stop.saturating_sub(Duration::from_millis(u64::try_from(unused).unwrap_or(0))))
    }

    fn is_stale(&self) -> bool {
        self.slot.active().is_some_and(|active| active.valid_until.load(Ordering::Relaxed) <= unix_ms())
    }

    /// Answers everyone whose epoch is served.
    fn settle(&mut self) {
        let Some(served) = self.state.served_epoch() else { return };
        let Some(active) = self.slot.active() else { return };
        let fits = |waiting: &Waiting| waiting.epoch <= served && waiting.spec.deployment == active.spec.deployment;
        let stale = active.valid_until.load(Ordering::Relaxed) <= unix_ms();
        if !stale {
            for waiting in self.needs.extract_if(.., |waiting| fits(waiting)) {
                let _gone = waiting.reply.send(Ok(()));
            }
        }
        for (_, reply) in self.refreshes.extract_if(.., |(epoch, _)| *epoch <= served) {
            let _gone = reply.send(Refresh::Restarted);
        }
        self.needs.retain(|waiting| !waiting.reply.is_closed());
    }

    fn stop(&mut self, what: WorkerEvent) {
        if let Some(active) = self.slot.swap(None) {
            self.report(active.worker.pid, what);
            self.drain(active, DRAIN_WAIT);
        }
    }

    fn drain(&self, active: Arc<Active>, wait: Duration) {
        let end = self.inner.ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = active.emptied(wait) => {}
                () = end.cancelled() => {}
            }
            active.worker.kill();
        });
    }

    fn discard(&self, worker: &Worker) {
        worker.kill();
        self.report(worker.pid, WorkerEvent::Stopped);
    }

    fn retire(&mut self) {
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

    fn report(&self, pid: u32, what: WorkerEvent) {
        announce(&self.inner.events, Event::Worker { workload: self.spec.workload.clone(), pid, what });
    }

    fn backoff(&self) -> Duration {
        FIRST_BACKOFF.saturating_mul(1 << self.crashes.saturating_sub(1).min(16)).min(LAST_BACKOFF)
    }
}

// Marks `active` as current up to `snapshot`. What is over already is looked at again soon, not in a loop.
fn current(active: &Active, snapshot: &Snapshot) {
    let soon = unix_ms().saturating_add(STALE_PAUSE_MS);
    let until = snapshot.valid_until_unix_ms.map_or(i64::MAX, |until| if until <= unix_ms() { soon } else { until });
    active.valid_until.store(until, Ordering::Relaxed);
    active.epoch.fetch_max(snapshot.epoch, Ordering::AcqRel);
}

async fn join(start: &mut Option<JoinHandle<Result<Fresh, StartFailure>>>) -> Result<Fresh, StartFailure> {
    match start {
        None => std::future::pending().await,
        Some(task) => task.await.unwrap_or_else(|_| Err(StartFailure::Died("the start was cut short".to_owned()))),
    }
}
