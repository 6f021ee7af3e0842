//! Logs. Execution: what workers write, and which secret each execution reads first; lines arrive masked. System: what
//! became of workers and of the server. Security: who was refused.

mod journal;

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::Page;
use strongroom_api::trail::LogItem;
use strongroom_model::{Capability, Id, NamespaceName, ProjectName};
use strongroom_runtime::{Event, Level, Outcome, Stream, Via, WorkerEvent, WorkloadId, WorkloadKind as Kind};
pub use strongroom_store::port::LogFilter;
use strongroom_store::port::{LogRow, ReadFact};
use strongroom_store::{Rows, Tx};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use self::journal::Journal;

use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

/// The categories.
pub const CATEGORIES: [&str; 3] = ["execution", "system", "security"];
/// So many lines are looked at for one page.
const SCAN: usize = 50_000;
const WRITE_EVERY: Duration = Duration::from_millis(200);

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
        let batch = self.journal.take(self.clock.now());
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
        self.journal.stored.notify_waiters();
    }

    fn take_event(&self, event: Event) {
        let now = self.clock.now();
        let line = |level: &str, message| Said { category: "execution", at: now, level: level.to_owned(), message };
        match event {
            Event::Log { workload, execution_id, unix_ms, level, message, stream, .. } => {
                let at = Timestamp::from_millisecond(unix_ms).unwrap_or(now);
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                self.say(&workload, execution_id, stream, Said { at, ..line(level_word(level), message) });
            }
            Event::Read { workload, execution_id, name, scope, version, via, .. } => {
                let via = match via {
                    Via::Env => "env",
                    Via::Helper => "helper",
                };
                let message = format!("secret read STRONGROOM_SECRET_{name} scope={scope} version={version} via={via}");
                self.say(&workload, execution_id, "", line("info", message));
                // what an end user keeps for himself is no use of the project's secret of that name
                if scope != "user" {
                    self.read_fact(&workload, &name, via);
                }
            }
            Event::Finished { workload, execution_id, status, millis, outcome } => {
                self.journal.ended(&execution_id);
                let failed = !matches!(outcome, Outcome::Completed | Outcome::Cancelled);
                if failed {
                    let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
                    let message = format!("execution failed: {outcome:?}, status {status}, after {millis} ms");
                    self.say(&workload, Some(execution_id), "", line("error", message));
                }
            }
            Event::Worker { workload, pid, what } => {
                let (level, message) = life(&what);
                tracing::debug!(workload = %workload.name, pid, message, "worker");
                self.say(&workload, None, "", Said { category: "system", ..line(level, message) });
            }
        }
    }

    /// A line of a workload's, from elsewhere than its own output.
    pub(crate) fn line(
        &self,
        workload: &WorkloadId,
        execution: Option<String>,
        unix_ms: i64,
        level: &str,
        message: String,
    ) {
        let at = Timestamp::from_millisecond(unix_ms).unwrap_or_else(|_| self.clock.now());
        self.say(workload, execution, "", Said { category: "execution", at, level: level.to_owned(), message });
    }

    fn say(&self, workload: &WorkloadId, execution: Option<String>, stream: &str, said: Said) {
        let Some(project) = self.project_of(workload) else { return };
        let row = LogRow { execution, stream: stream.to_owned(), ..said.of(project, workload) };
        self.journal.add(row, self.clock.now());
    }

    /// A line about the instance or a project as a whole; the instance's own stand in the project `default`.
    pub(crate) async fn house_line(
        &self,
        category: &'static str,
        level: &str,
        about: Option<&ProjectName>,
        text: String,
    ) {
        let default = ProjectName::default_project();
        let project = self.projects.load(&*self.store, &self.instance, about.unwrap_or(&default)).await;
        // a project that does not exist has nobody who could read about it
        let Ok(project) = project else { return };
        self.house_line_of(category, level, project.id, text);
    }

    /// The same, where the project is at hand.
    pub(crate) fn house_line_of(&self, category: &'static str, level: &str, project: Id, message: String) {
        let said = Said { category, at: self.clock.now(), level: level.to_owned(), message };
        self.journal.add(said.about(project), self.clock.now());
    }

    /// Notes that a request failed on a row that is not what was written. The server's log says which; here it could tell
    /// names of another project.
    pub async fn note_damage(&self, request_id: &str) {
        let text = format!("a row of the database is not what was written: request {request_id} was refused");
        self.house_line("security", "error", None, text).await;
    }

    /// Notes that this process serves from now on.
    pub async fn note_start(&self, version: &str) {
        self.house_line("system", "info", None, format!("server started: strongroom {version}")).await;
        self.write_journal().await;
    }

    /// Notes that this process is about to end, on purpose.
    pub async fn note_stop(&self) {
        self.house_line("system", "info", None, "server stopping".to_owned()).await;
    }

    /// Notes what the server itself has to say of a workload.
    pub(crate) fn system_line(&self, project: Id, workload: &WorkloadId, level: &str, message: String) {
        let said = Said { category: "system", at: self.clock.now(), level: level.to_owned(), message };
        self.journal.add(said.of(project, workload), self.clock.now());
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

/// What a line says, wherever it belongs.
struct Said {
    category: &'static str,
    at: Timestamp,
    level: String,
    message: String,
}

impl Said {
    fn of(self, project: Id, workload: &WorkloadId) -> LogRow {
        let kind = match workload.kind {
            Kind::Function => "function",
            Kind::Job => "job",
        };
        LogRow {
            namespace: workload.namespace.clone(),
            kind: kind.to_owned(),
            workload: workload.name.clone(),
            ..self.about(project)
        }
    }

    fn about(self, project: Id) -> LogRow {
        LogRow {
            id: 0,
            at: self.at,
            project,
            category: self.category.to_owned(),
            namespace: String::new(),
            kind: String::new(),
            workload: String::new(),
            execution: None,
            stream: String::new(),
            level: self.level,
            message: self.message,
        }
    }
}

fn life(what: &WorkerEvent) -> (&'static str, String) {
    match what {
        WorkerEvent::Started => ("debug", "worker started".to_owned()),
        WorkerEvent::Replaced => ("info", "worker replaced".to_owned()),
        WorkerEvent::ReplacementFailed(reason) => ("error", format!("worker could not be replaced: {reason}")),
        WorkerEvent::IdleStopped => ("debug", "worker stopped: nobody called it".to_owned()),
        WorkerEvent::Stopped => ("debug", "worker stopped".to_owned()),
        WorkerEvent::OverMemory => ("error", "worker stopped: it used more memory than it may".to_owned()),
        WorkerEvent::Stuck => ("error", "worker stopped: its event loop no longer answered".to_owned()),
        WorkerEvent::Exited { code, signal } => {
            let how = match (code, signal) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "nobody knows how".to_owned(),
            };
            ("error", format!("worker ended by itself: {how}"))
        }
    }
}

/// A page of a project's lines, oldest first among the newest that pass; with `filter.after` the oldest. If none passes,
/// waits up to `wait` for one. The page's cursor is where to go on: with `after` the next `after`, else the next `before`.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    mut filter: LogFilter,
    wait: Duration,
) -> Result<Page<LogItem>, Error> {
    let namespace: Option<NamespaceName> =
        filter.namespace.as_deref().map(str::parse).transpose().map_err(|error| Error::invalid("namespace", error))?;
    let reach = namespace.as_ref().map_or(Reach::Project, Reach::Whole);
    let entered = app.enter(caller, project, Capability::LogsRead, reach).await?;
    filter.limit = filter.limit.clamp(1, 10_000);
    filter.scan = SCAN;
    let deadline = Instant::now() + wait;
    app.journal.settle().await;
    app.write_journal().await;
    loop {
        // before the look, so that no line falls between the look and the wait
        let stored = app.journal.stored.notified();
        let mut stored = std::pin::pin!(stored);
        stored.as_mut().enable();
        let page = app.store.read(|rows: &mut dyn Rows| rows.logs(&entered.id, &filter).map_err(Error::from)).await?;
        if !page.rows.is_empty() || filter.after.is_none() || Instant::now() >= deadline {
            let next_cursor = page.next.map(|id| id.to_string());
            return Ok(Page { items: page.rows.into_iter().map(item).collect(), next_cursor });
        }
        // lines that do not match are behind it; what is there besides is looked at before it waits
        if filter.after != page.next {
            filter.after = page.next;
            continue;
        }
        let _late = tokio::time::timeout_at(deadline, stored).await;
        if !crate::tokens::still_stands(app, caller).await? {
            return Err(Error::Forbidden("the token is not accepted any more".to_owned()));
        }
    }
}

fn item(row: LogRow) -> LogItem {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let is_job = row.kind == "job";
    let (function, job) = if is_job { (None, some(row.workload)) } else { (some(row.workload), None) };
    LogItem {
        id: row.id,
        at: row.at,
        category: row.category,
        namespace: some(row.namespace),
        function,
        job,
        execution: row.execution,
        stream: some(row.stream),
        level: row.level,
        message: row.message,
    }
}
