//! The one loop: what is saved, what changes in the store, and the signal to stop.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::apps::{App, Yard};
use super::code::Shared;
use super::fetch::Fetched;
use super::layers::{Layers, Values};
use super::link::{Heard, Link};
use super::plan::Plan;
use super::print::{From, Tone};
use super::reload::{Keeper, Watcher, Workshop};
use super::{Options, dotenv, schedules};
use crate::config::file;
use crate::context::Context;
use crate::errors::Failure;

/// Saves within this time are one.
const SETTLE: Duration = Duration::from_millis(80);
/// Saves that never cease are taken up after this time all the same.
const MAX_SETTLE: Duration = Duration::from_millis(400);
/// Longest wait for the next look at the clock: clocks are set, and machines sleep.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// The signals that ask to stop.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::failed("signals could not be received").because(&error));
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(on).collect::<Result<_, _>>().map(Self)
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        std::future::poll_fn(|task| {
            let any = self.0.iter_mut().any(|signal| signal.poll_recv(task).is_ready());
            if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

pub(super) type Fetching = JoinHandle<(Result<Fetched, Failure>, Option<Plan>)>;

/// What the loop waits for.
pub(super) struct Sources {
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) reports: mpsc::Receiver<Heard>,
    pub(super) saves: mpsc::UnboundedReceiver<PathBuf>,
    pub(super) signals: Signals,
}

enum Happened {
    Signal,
    Heard(Heard),
    Saved(PathBuf),
    Fetched(Box<Result<Fetched, Failure>>, Option<Box<Plan>>),
    Retry,
    Clock,
}

/// Everything that runs.
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) options: &'a Options,
    pub(super) plan: Plan,
    pub(super) shared: Arc<Shared>,
    pub(super) works: Works,
    pub(super) keepers: Vec<Keeper>,
    pub(super) apps: Vec<App>,
    /// Apps that are no longer in the plan.
    pub(super) leaving: Vec<App>,
    pub(super) clocks: Vec<JoinHandle<()>>,
    pub(super) fetching: Option<Fetching>,
    /// What is to be fetched next.
    pub(super) again: Option<Option<Plan>>,
    /// When to try the store again, once it is away.
    pub(super) retry_at: Option<Instant>,
    /// When values were looked at last.
    pub(super) looked_at: Timestamp,
    /// Whether the project file's newest save is wrong.
    pub(super) is_file_broken: bool,
    /// When the store came back last.
    pub(super) back_at: Option<Instant>,
    /// Whether it was said that the store is away.
    pub(super) is_away_told: bool,
}

/// What makes and runs things.
pub(super) struct Works {
    pub(super) watcher: Arc<Watcher>,
    /// None if nothing was to be bundled at the start.
    pub(super) workshop: Option<Arc<Workshop>>,
    pub(super) yard: Arc<Yard>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        context: &'a Context,
        options: &'a Options,
        plan: Plan,
        shared: Arc<Shared>,
        works: Works,
    ) -> Self {
        Self {
            context,
            options,
            plan,
            shared,
            works,
            keepers: Vec::new(),
            apps: Vec::new(),
            leaving: Vec::new(),
            clocks: Vec::new(),
            fetching: None,
            again: None,
            retry_at: None,
            looked_at: (context.now)(),
            is_file_broken: false,
            back_at: None,
            is_away_told: false,
        }
    }

    /// Runs until a signal asks to stop, then stops everything.
    pub(super) async fn run(mut self, link: &mut Option<Link>, mut sources: Sources, address: &str) {
        if self.begin(&mut sources.signals, address).await {
            loop {
                match self.next(&mut sources).await {
                    Happened::Signal => break,
                    Happened::Heard(Heard::Changed) => self.fetch(link.as_ref(), None),
                    Happened::Heard(Heard::Lost(reason)) => self.away(&reason),
                    Happened::Saved(path) => self.saved(path, &mut sources.saves, link.as_ref()).await,
                    Happened::Fetched(result, plan) => {
                        self.fetched(*result, plan.map(|plan| *plan), link.as_ref(), &sources.heard);
                    }
                    Happened::Retry => self.reconnect(link).await,
                    Happened::Clock => self.update(self.shared.layers().again()),
                }
            }
        }
        self.stop(&mut sources.signals).await;
    }

    /// Starts everything; false if it was told to stop meanwhile.
    async fn begin(&mut self, signals: &mut Signals, address: &str) -> bool {
        let (told, mut built) = mpsc::unbounded_channel();
        if let Some(workshop) = &self.works.workshop {
            let keep = |plan: &super::code::CodePlan| Keeper::start(workshop, plan.clone(), told.clone());
            self.keepers = self.plan.code.iter().map(keep).collect();
        }
        drop(told);
        self.apps = self.plan.apps.iter().map(|plan| App::start(&self.works.yard, plan.clone())).collect();
        let all_built = async { while built.recv().await.is_some() {} };
        tokio::select! {
            () = all_built => {}
            () = signals.next() => return false,
        }
        if !self.keepers.is_empty() {
            self.shared.printer.address("functions", &format!("http://{address}"));
        }
        self.say(Tone::Info, "ready: what is saved and what changes in the store is live; Ctrl-C stops everything");
        self.wind_clocks();
        true
    }

    async fn next(&mut self, sources: &mut Sources) -> Happened {
        let left = self.shared.layers().next_expiry(self.looked_at).map(|at| {
            let left = at.duration_since((self.context.now)());
            Duration::try_from(left).unwrap_or_default()
        });
        let clock = async {
            match left {
                Some(left) => tokio::time::sleep(left.min(MAX_SLEEP)).await,
                None => std::future::pending().await,
            }
        };
        let retry_at = self.retry_at;
        let retry = async {
            match retry_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let fetched = async {
            match &mut self.fetching {
                Some(task) => task.await.ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sources.signals.next() => Happened::Signal,
            Some(heard) = sources.reports.recv() => Happened::Heard(heard),
            Some(path) = sources.saves.recv() => Happened::Saved(path),
            Some((result, plan)) = fetched => Happened::Fetched(Box::new(result), plan.map(Box::new)),
            () = retry => Happened::Retry,
            () = clock => Happened::Clock,
        }
    }

    pub(super) fn say(&self, tone: Tone, text: &str) {
        self.shared.printer.say(From::Own, tone, text);
    }

    pub(super) fn fail(&self, what: &str, failure: &Failure) {
        self.say(Tone::Error, &format!("{what}\n{}", failure.text().trim_end()));
    }

    /// Takes up what was saved: code, `.env`, `strongroom.json`.
    async fn saved(&mut self, first: PathBuf, saves: &mut mpsc::UnboundedReceiver<PathBuf>, link: Option<&Link>) {
        // logs and databases beside the code are written all the time
        if !self.matters(&first) {
            return;
        }
        let until = Instant::now() + MAX_SETTLE;
        let mut paths = BTreeSet::from([first]);
        while let Ok(Some(path)) = tokio::time::timeout_at(until.min(Instant::now() + SETTLE), saves.recv()).await {
            paths.insert(path);
        }
        for path in &paths {
            self.keepers.iter().for_each(|keeper| keeper.hear(&self.works.watcher, path));
        }
        if paths.contains(&self.plan.root.join(dotenv::NAME)) {
            self.reread_dotenv();
        }
        if paths.contains(&self.plan.file) {
            self.reread_file(link);
        }
    }

    fn matters(&self, saved: &Path) -> bool {
        self.keepers.iter().any(|keeper| keeper.is_of(&self.works.watcher, saved))
            || saved == self.plan.root.join(dotenv::NAME)
            || saved == self.plan.file
    }

    fn reread_dotenv(&mut self) {
        match dotenv::read(&self.plan.root) {
            Ok(file) => {
                file.warnings.iter().for_each(|warning| self.say(Tone::Warn, warning));
                let layers = self.shared.layers();
                let values = Values::after(&layers.dotenv, file.entries);
                self.update(Layers { dotenv: Arc::new(values), ..layers.again() });
            }
            Err(problem) => self.say(Tone::Error, &format!("{problem}; the values before go on")),
        }
    }

    fn reread_file(&mut self, link: Option<&Link>) {
        let was_broken = std::mem::take(&mut self.is_file_broken);
        let gone = || Failure::failed(format!("{} is gone", self.plan.file.display()));
        let read = file::read(&self.plan.file, &self.context.working_dir);
        let read = read.and_then(|file| Plan::of(self.context, self.options, &file.ok_or_else(gone)?));
        match read {
            Err(failure) => {
                self.is_file_broken = true;
                self.fail("strongroom.json cannot be used; what it said before goes on", &failure);
            }
            Ok(plan) if plan == self.plan && was_broken => self.say(Tone::Info, "strongroom.json is good again"),
            Ok(plan) if plan == self.plan => {}
            Ok(plan) if plan.place != self.plan.place || plan.server != self.plan.server => {
                self.say(
                    Tone::Warn,
                    "strongroom.json names another project, namespace or server; start dev again for it",
                );
            }
            Ok(plan) if link.is_none() => self.adopt(plan),
            Ok(plan) => self.fetch(link, Some(plan)),
        }
    }

    pub(super) fn wind_clocks(&mut self) {
        self.clocks.drain(..).for_each(|clock| clock.abort());
        if !self.options.schedules {
            return;
        }
        for code in &self.plan.code {
            if let Some(schedule) = &code.schedule {
                self.clocks.push(schedules::keep(&self.shared, code.id.clone(), schedule.clone()));
            }
        }
    }

    /// Stops everything; a second signal stops it at once.
    async fn stop(mut self, signals: &mut Signals) {
        self.say(Tone::Info, "stopping");
        self.clocks.iter().for_each(JoinHandle::abort);
        self.keepers.iter().for_each(Keeper::stop);
        let mut apps = std::mem::take(&mut self.apps);
        apps.append(&mut self.leaving);
        apps.iter().for_each(App::end);
        let shared = Arc::clone(&self.shared);
        let workers = async {
            if let Some(runtime) = shared.runtime.get() {
                runtime.shutdown().await;
            }
        };
        let ended = async {
            for app in &mut apps {
                app.ended().await;
            }
        };
        let gently = async { tokio::join!(workers, ended) };
        let is_forced = tokio::select! {
            _ = gently => false,
            () = signals.next() => true,
        };
        if is_forced {
            self.say(Tone::Warn, "killing what is left");
            apps.iter().for_each(App::kill);
            for app in &mut apps {
                app.ended().await;
            }
            if let Some(runtime) = self.shared.runtime.get() {
                runtime.shutdown().await;
            }
        }
    }
}
