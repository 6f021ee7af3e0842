//! The one task that owns one workload: it does what [`State`] says, one thing after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::event::WorkerEvent;
use crate::output::unix_ms;
use crate::runtime::Inner;
use crate::slot::{Active, Slot};
use crate::snapshot::{Facts, Snapshot, SnapshotError};
use crate::spec::{Change, ChangeCause, OnChange, Refresh, WorkerSpec};
use crate::start::{Fresh, snapshot};
use crate::state::{Action, Impact, Phase, State, Why};
use crate::worker::StartFailure;

/// Changes within this time share one recycling.
const RECYCLE_PAUSE: Duration = Duration::from_millis(500);
/// A worker that no longer gets invocations is killed after this time at the latest.
const DRAIN_WAIT: Duration = Duration::from_mins(5);
/// A trial start that nobody switched to is stopped after this time.
const TRIAL_KEEP: Duration = Duration::from_mins(1);
/// A worker that lived shorter than this has crashed in a row.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(10);
/// After so many crashes in a row the next invocation has to ask.
const MAX_CRASHES: u32 = 6;
/// Pause before values are asked for again that were older than needed (a replica that lags).
const LAG_PAUSE: Duration = Duration::from_millis(20);
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

mod lives;

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
                () = tokio::time::sleep_until(wake) => self.timer().await,
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
        let covered = self.slot.active().is_some_and(|active| active.covers(&waiting.spec));
        let other_code = !covered && waiting.spec.deployment != self.spec.deployment;
        if other_code {
            self.spec = Arc::clone(&waiting.spec);
            self.refused = None;
        }
        if let Some((until, failure)) = &self.refused
            && self.state.phase() == Phase::Cold
            && Instant::now() < *until
        {
            let _gone = waiting.reply.send(Err(failure.clone()));
            return;
        }
        self.needs.push(waiting);
        let serves_other = self.slot.active().is_some_and(|active| !active.covers(&self.spec));
        let mut action = self.state.needed(epoch);
        if serves_other {
            action = self.state.supersede(Why::Deploy);
        } else if action == Action::Serve && self.is_stale() && !self.state.is_starting() {
            action = Action::Compare;
        }
        match action {
            Action::Start => self.begin_start(Duration::ZERO),
            Action::Compare => {
                self.compare(None).await;
            }
            _ => {}
        }
        self.settle(&Refresh::Pushed);
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
        let reached = self.state.served_epoch().is_none_or(|served| served >= change.epoch);
        match answer.filter(|answer| reached || matches!(answer, Refresh::RestartFailed(_))) {
            Some(answer) => {
                let _gone = reply.send(answer);
            }
            None => self.refreshes.push((change.epoch, reply)),
        }
        self.settle(&Refresh::Pushed);
    }

    /// Takes a snapshot and does what it means for the serving worker. None while a replacement is under way.
    async fn compare(&mut self, cause: Option<ChangeCause>) -> Option<Refresh> {
        let active = self.slot.active()?;
        let newer = match snapshot(&*self.inner.source, &self.spec).await {
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

    async fn timer(&mut self) {
        let now = Instant::now();
        if let Some((fresh, _)) = self.trial.take_if(|(_, until)| *until <= now) {
            self.discard(&fresh.worker);
        }
        if self.is_waited_for() {
            self.compare(None).await;
            self.settle(&Refresh::Pushed);
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
        let lagging = self.is_waited_for().then(|| now + LAG_PAUSE);
        [self.recycle_at, idle, trial, lagging].into_iter().flatten().min().unwrap_or(now + Duration::from_hours(1))
    }

    // Values were handed out that are older than someone needs, and nothing is under way that would bring newer ones.
    fn is_waited_for(&self) -> bool {
        let waiting = !self.needs.is_empty() || !self.refreshes.is_empty();
        waiting && self.state.is_behind() && !self.state.is_starting()
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

    /// Answers everyone whose epoch is served; changes with `how` it came to be.
    fn settle(&mut self, how: &Refresh) {
        let Some(served) = self.state.served_epoch() else { return };
        let Some(active) = self.slot.active() else { return };
        let fits = |waiting: &Waiting| waiting.epoch <= served && active.covers(&waiting.spec);
        let stale = active.valid_until.load(Ordering::Relaxed) <= unix_ms();
        if !stale {
            for waiting in self.needs.extract_if(.., |waiting| fits(waiting)) {
                let _gone = waiting.reply.send(Ok(()));
            }
        }
        for (_, reply) in self.refreshes.extract_if(.., |(epoch, _)| *epoch <= served) {
            let _gone = reply.send(how.clone());
        }
        self.needs.retain(|waiting| !waiting.reply.is_closed());
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
