//! Execution logs: what workers write, and which secret each execution reads first. Lines arrive masked.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::trail::LogItem;
use strongroom_model::{Capability, Id, NamespaceName, ProjectName};
use strongroom_runtime::{Event, Level, Outcome, Via, WorkerEvent, WorkloadId};
pub use strongroom_store::port::LogFilter;
use strongroom_store::port::{LogRow, ReadFact};
use strongroom_store::{Rows, Tx};
use tokio::sync::mpsc;

use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

/// Lines that wait for the store before new ones are dropped and counted.
const MAX_WAITING: usize = 50_000;
/// Longest wait for events that are on their way.
const SETTLE: Duration = Duration::from_millis(250);
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// Lines and read facts on their way to the store.
#[derive(Default)]
pub(crate) struct Journal {
    waiting: Mutex<Batch>,
    /// Held while a batch is written.
    turn: tokio::sync::Mutex<()>,
    /// The way in for the runtime's events, to tell when all that came has been taken.
    events: OnceLock<mpsc::Sender<Event>>,
}

#[derive(Default)]
struct Batch {
    lines: Vec<LogRow>,
    reads: Vec<ReadFact>,
    dropped: u64,
}

impl Journal {
    fn add(&self, line: LogRow) {
        let mut batch = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.lines.len() < MAX_WAITING { batch.lines.push(line) } else { batch.dropped += 1 }
    }

    fn add_read(&self, fact: ReadFact) {
        let mut batch = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &&mut ReadFact| {
            (&other.workload, &other.secret, &other.via) == (&fact.workload, &fact.secret, &fact.via)
                && (other.project, &other.namespace) == (fact.project, &fact.namespace)
        };
        match batch.reads.iter_mut().find(same) {
            Some(known) => known.last_read_at = fact.last_read_at,
            None => batch.reads.push(fact),
        }
    }

    /// Waits until every event that was reported so far has become a line, for a moment at most.
    pub(crate) async fn settle(&self) {
        let Some(events) = self.events.get() else { return };
        let settled = async {
            while events.capacity() < events.max_capacity() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        if tokio::time::timeout(SETTLE, settled).await.is_err() {
            tracing::debug!("log lines are still being taken");
        }
    }

    fn take(&self) -> Batch {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Starts the task that turns the runtime's events into lines, and gives it its sender.
pub(crate) fn collect(app: &Arc<App>) -> mpsc::Sender<Event> {
    let (sender, mut events) = mpsc::channel::<Event>(4_096);
    // the runtime is made once, so this is the first and only sender
    let _first = app.journal.events.set(sender.clone());
    let listener = Arc::downgrade(app);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let Some(app) = Weak::upgrade(&listener) else { return };
            app.take_event(event);
        }
    });
    let writer = Arc::downgrade(app);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(app) = Weak::upgrade(&writer) else { return };
            app.write_journal().await;
        }
    });
    sender
}

impl App {
    /// Writes what waits. Lines that the store refuses are lost, and the server's log says how many.
    pub(crate) async fn write_journal(&self) {
        // who comes while a batch is being written waits for it, and so finds its lines in the store
        let _turn = self.journal.turn.lock().await;
        let batch = self.journal.take();
        if batch.dropped > 0 {
            tracing::error!(lines = batch.dropped, "log lines were dropped because the store was too slow");
        }
        if batch.lines.is_empty() && batch.reads.is_empty() {
            return;
        }
        let lines = batch.lines.len();
        let written = self.store.write(move |tx: &mut dyn Tx| {
            tx.append_logs(&batch.lines)?;
            for fact in &batch.reads {
                tx.touch_read(fact)?;
            }
            Ok::<_, Error>(())
        });
        if let Err(error) = written.await {
            tracing::error!(%error, lines, "log lines could not be stored");
        }
    }

    fn take_event(&self, event: Event) {
        match event {
            Event::Log { workload, execution_id, unix_ms, level, message, .. } => {
                self.line(&workload, execution_id, unix_ms, level_word(level), message);
            }
            Event::Read { workload, execution_id, name, scope, version, via, .. } => {
                let via = match via {
                    Via::Env => "env",
                    Via::Helper => "helper",
                };
                let message = format!("secret read STRONGROOM_SECRET_{name} scope={scope} version={version} via={via}");
                self.line(&workload, execution_id, self.clock.now().as_millisecond(), "info", message);
                self.read_fact(&workload, &name, via);
            }
            Event::Finished { workload, execution_id, status, millis, outcome } => {
                let failed = !matches!(outcome, Outcome::Completed | Outcome::Cancelled);
                if failed {
                    let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
                    let message = format!("execution failed: {outcome:?}, status {status}, after {millis} ms");
                    self.line(&workload, Some(execution_id), self.clock.now().as_millisecond(), "error", message);
                }
            }
            Event::Worker { workload, pid, what } => self.worker_line(&workload, pid, &what),
        }
    }

    fn worker_line(&self, workload: &WorkloadId, pid: u32, what: &WorkerEvent) {
        let (level, text) = match what {
            WorkerEvent::Started => ("debug", "worker started".to_owned()),
            WorkerEvent::Replaced => ("info", "worker replaced".to_owned()),
            WorkerEvent::ReplacementFailed(reason) => ("error", format!("worker could not be replaced: {reason}")),
            WorkerEvent::IdleStopped => ("debug", "worker stopped: nobody called it".to_owned()),
            WorkerEvent::Stopped => ("debug", "worker stopped".to_owned()),
            WorkerEvent::OverMemory => ("error", "worker stopped: it used more memory than it may".to_owned()),
            WorkerEvent::Stuck => ("error", "worker stopped: its event loop no longer answered".to_owned()),
            WorkerEvent::Exited { code, signal } => {
                ("error", format!("worker ended by itself: code {code:?}, signal {signal:?}"))
            }
        };
        tracing::debug!(function = %workload.name, pid, text, "worker");
        self.line(workload, None, self.clock.now().as_millisecond(), level, text);
    }

    pub(crate) fn line(
        &self,
        workload: &WorkloadId,
        execution: Option<String>,
        unix_ms: i64,
        level: &str,
        message: String,
    ) {
        let Some(project) = self.project_of(workload) else { return };
        self.journal.add(LogRow {
            id: 0,
            at: Timestamp::from_millisecond(unix_ms).unwrap_or_default(),
            project,
            category: "execution".to_owned(),
            namespace: workload.namespace.clone(),
            workload: workload.name.clone(),
            execution,
            level: level.to_owned(),
            message,
        });
    }

    /// Notes what the server itself has to say of a workload.
    pub(crate) fn system_line(&self, project: Id, workload: &WorkloadId, level: &str, message: String) {
        self.journal.add(LogRow {
            id: 0,
            at: self.clock.now(),
            project,
            category: "system".to_owned(),
            namespace: workload.namespace.clone(),
            workload: workload.name.clone(),
            execution: None,
            level: level.to_owned(),
            message,
        });
    }

    fn read_fact(&self, workload: &WorkloadId, target: &str, via: &str) {
        let Some(entry) = self.routes.of(workload) else { return };
        let listed =
            entry.manifest.workload().secrets.iter().flatten().find(|listed| listed.target().as_str() == target);
        let secret = match listed {
            Some(listed) => listed.name.clone(),
            None => match target.parse() {
                Ok(name) => name,
                Err(_) => return,
            },
        };
        self.journal.add_read(ReadFact {
            project: entry.project.id,
            namespace: entry.namespace.clone(),
            kind: entry.manifest.kind(),
            workload: workload.name.clone(),
            secret,
            via: via.to_owned(),
            last_read_at: Some(self.clock.now()),
        });
    }

    fn project_of(&self, workload: &WorkloadId) -> Option<Id> {
        self.routes.of(workload).map(|entry| entry.project.id)
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// A project's lines, oldest first among the newest that fit.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    mut filter: LogFilter,
) -> Result<Vec<LogItem>, Error> {
    let namespace: Option<NamespaceName> =
        filter.namespace.as_deref().map(str::parse).transpose().map_err(|error| Error::invalid("namespace", error))?;
    let reach = namespace.as_ref().map_or(Reach::Project, Reach::Whole);
    let entered = app.enter(caller, project, Capability::LogsRead, reach).await?;
    app.journal.settle().await;
    app.write_journal().await;
    filter.limit = filter.limit.clamp(1, 10_000);
    let rows = app.store.read(|rows: &mut dyn Rows| rows.logs(&entered.id, &filter).map_err(Error::from)).await?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    let items = rows.into_iter().map(|row| LogItem {
        id: row.id,
        at: row.at,
        category: row.category,
        namespace: some(row.namespace),
        function: some(row.workload),
        execution: row.execution,
        level: row.level,
        message: row.message,
    });
    Ok(items.collect())
}
