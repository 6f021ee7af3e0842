//! Apps on this machine: each is one command in a process group of its own, with its secrets in its environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::Signal;
use strongroom_runtime::mask::Masker;
use strongroom_secret::SecretValue;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::code::Shared;
use super::layers::{Given, State, Wants};
use super::print::{From, Tone};
use crate::environment::{CREDENTIALS, Environment, SECRET_PREFIX};
use crate::processes::{ChildEnvironment, Keeper, Process, Standing, Start, Stop, Streams};

/// How long an app may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// An app that lived shorter than this has crashed in a row.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// Longest line that is put together before it is shown.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// An unfinished line is shown after this time.
const PAUSE: Duration = Duration::from_millis(200);

/// An app as the project file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AppPlan {
    /// How it is called on the terminal.
    pub(super) name: String,
    /// Its id.
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) command: String,
    /// What it gets; a front end gets nothing.
    pub(super) kind: AppKind,
}

/// What an app is to Strongroom.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AppKind {
    /// A process of the backend.
    Backend(Wants),
    /// Code that ends up in browsers.
    FrontEnd,
}

/// What is asked of an app.
#[derive(Debug, Clone)]
enum Order {
    /// Run like this, with the values of now.
    Run(Arc<AppPlan>),
    /// End.
    End,
    /// End at once.
    Kill,
}

/// One app, kept running.
pub(super) struct App {
    pub(super) plan: Arc<AppPlan>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

/// What all apps share.
pub(super) struct Yard {
    pub(super) shared: Arc<Shared>,
    /// The variables of this process that apps inherit.
    pub(super) inherited: Vec<(OsString, OsString)>,
    /// The umask for programs, where this process has another.
    pub(super) umask: Option<Mode>,
}

impl Yard {
    /// What a child of this process may inherit: everything but Strongroom's credentials and secrets.
    pub(super) fn inheritable(environment: &Environment) -> Vec<(OsString, OsString)> {
        let own = |name: &str| CREDENTIALS.contains(&name) || name.starts_with(SECRET_PREFIX);
        environment
            .all()
            .filter(|(name, _)| !name.to_str().is_some_and(own))
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    /// The environment of an app; its required names that are missing, if there are any.
    fn environment(&self, kind: &AppKind) -> Result<ChildEnvironment, Vec<String>> {
        let layers = self.shared.layers();
        let mut plain = self.inherited.clone();
        let AppKind::Backend(wants) = kind else {
            // what stands in the shell under a secret's name, or is one, is not for browsers either
            plain.retain(|(name, value)| {
                let is_secret = |(known, held): (&str, &SecretValue)| {
                    let same = !held.is_empty() && held.len() >= 6 && value.to_str() == Some(held.expose());
                    name.to_str() == Some(known) || same
                };
                !layers.every().any(is_secret)
            });
            return Ok(ChildEnvironment { plain, secrets: Vec::new() });
        };
        let given = layers.given(wants, (self.shared.now)());
        let missing: Vec<_> = given.iter().filter(|given| given.stops).map(|given| given.target.to_owned()).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let secrets = given.iter().filter_map(|given| {
            let text = value_of(given)?;
            SecretValue::new(text.to_owned()).ok().map(|value| (given.target.to_owned(), value))
        });
        Ok(ChildEnvironment { plain, secrets: secrets.collect() })
    }

    /// The command line: a shell runs the command, as a person would have it.
    fn arguments(&self, command: &str) -> [OsString; 2] {
        let umask = self.umask.map(|mode| format!("umask {:04o}; ", mode.as_raw_mode())).unwrap_or_default();
        ["-c".into(), format!("{umask}{command}").into()]
    }
}

fn value_of<'a>(given: &Given<'a>) -> Option<&'a str> {
    match given.state {
        State::Value(text) => Some(text),
        State::Missing(strongroom_api::resolve::MissingReason::Expired) => None,
        State::Missing(_) => given.default,
    }
}

impl App {
    /// Starts it and keeps it running.
    pub(super) fn start(yard: &Arc<Yard>, plan: AppPlan) -> Self {
        let plan = Arc::new(plan);
        let (orders, heard) = watch::channel(Order::Run(Arc::clone(&plan)));
        let life = Life { yard: Arc::clone(yard), plan: Arc::clone(&plan), orders: heard, keeper: None, crashes: 0 };
        let task = tokio::spawn(life.run());
        Self { plan, orders, task }
    }

    /// Restarts it with the values of now, if they differ from those that it has.
    pub(super) fn refresh(&self) {
        self.orders.send_replace(Order::Run(Arc::clone(&self.plan)));
    }

    /// Restarts it as another plan has it.
    pub(super) fn replace(&mut self, plan: AppPlan) {
        self.plan = Arc::new(plan);
        self.refresh();
    }

    /// Asks it to end.
    pub(super) fn end(&self) {
        self.orders.send_replace(Order::End);
    }

    /// Ends it at once.
    pub(super) fn kill(&self) {
        self.orders.send_replace(Order::Kill);
    }

    /// Waits until it and everything that it started has ended.
    pub(super) async fn ended(&mut self) {
        (&mut self.task).await.ok();
    }
}

struct Life {
    yard: Arc<Yard>,
    plan: Arc<AppPlan>,
    orders: watch::Receiver<Order>,
    keeper: Option<Keeper>,
    crashes: u32,
}

/// Why a process ended.
enum End {
    /// Its values changed.
    Changed,
    /// By itself, after this time.
    Itself(Duration),
    /// It was asked to.
    Asked,
}

impl Life {
    async fn run(mut self) {
        // without one, apps outlive a dev that is killed; with it they do not
        self.keeper = Keeper::start().ok();
        loop {
            match self.orders.borrow_and_update().clone() {
                Order::End | Order::Kill => return,
                Order::Run(plan) => self.plan = plan,
            }
            match self.once().await {
                Some(End::Asked) => return,
                Some(End::Itself(lived)) => self.pause(lived).await,
                None if self.orders.changed().await.is_err() => return,
                Some(End::Changed) | None => {}
            }
        }
    }

    /// Runs it once; none if it could not start and waits for a change.
    async fn once(&mut self) -> Option<End> {
        let environment = match self.yard.environment(&self.plan.kind) {
            Ok(environment) => environment,
            Err(missing) => {
                let names = missing.join(", ");
                self.say(Tone::Error, &format!("not started: {names} has no value; it starts as soon as there is one"));
                return None;
            }
        };
        let (program, arguments) = (OsString::from("/bin/sh"), self.yard.arguments(&self.plan.command));
        let start = Start {
            program: &program,
            arguments: &arguments,
            environment: &environment,
            directory: Some(&self.plan.folder),
            standing: Standing::Background,
        };
        let mut process = match Process::start(&start, Streams::piped()) {
            Ok(process) => process,
            Err(error) => {
                let folder = self.plan.folder.display();
                self.say(Tone::Error, &format!("could not be started in {folder}: {error}"));
                return Some(End::Itself(Duration::ZERO));
            }
        };
        if let Some(keeper) = &mut self.keeper {
            keeper.keep_group(Some(process.pid()));
        }
        let begun = Instant::now();
        let pumps = self.pumps(&mut process);
        let end = self.watch(&mut process, &environment, begun).await;
        if let Some(keeper) = &mut self.keeper {
            keeper.keep_group(None);
        }
        for pump in pumps {
            // a pipe that somebody outside the group holds open is not waited for
            tokio::time::timeout(Duration::from_millis(500), pump).await.ok();
        }
        Some(end)
    }

    async fn watch(&mut self, process: &mut Process, has: &ChildEnvironment, begun: Instant) -> End {
        let gentle = Stop { signal: Signal::TERM, grace: GRACE };
        loop {
            tokio::select! {
                ending = process.ended() => {
                    process.clear(gentle).await;
                    let tone = if ending.exit_code() == 0 { Tone::Info } else { Tone::Error };
                    self.say(tone, &ending.to_string());
                    return End::Itself(begun.elapsed());
                }
                changed = self.orders.changed() => {
                    let order = self.orders.borrow_and_update().clone();
                    let (stop, end) = match order {
                        Order::Kill => (Stop { signal: Signal::KILL, grace: Duration::ZERO }, End::Asked),
                        Order::Run(plan) if changed.is_ok() => match self.why_again(&plan, has) {
                            None => continue,
                            Some(why) => {
                                self.say(Tone::Info, why);
                                (gentle, End::Changed)
                            }
                        },
                        Order::Run(_) | Order::End => (gentle, End::Asked),
                    };
                    self.stop(process, stop).await;
                    return end;
                }
            }
        }
    }

    /// Why a restart is needed, if one is.
    fn why_again(&self, plan: &AppPlan, has: &ChildEnvironment) -> Option<&'static str> {
        if *plan != *self.plan {
            return Some("its entry in strongroom.json changed: restarting");
        }
        match self.yard.environment(&plan.kind) {
            Ok(now) if now.has_same_secrets(has) => None,
            Ok(_) => Some("its secrets changed: restarting"),
            Err(_) => Some("it lost a secret that it needs: stopping"),
        }
    }

    /// Stops it; a second, harder order is heard meanwhile.
    async fn stop(&mut self, process: &mut Process, how: Stop) {
        let mut orders = self.orders.clone();
        let harder = async {
            while orders.changed().await.is_ok() {
                if matches!(*orders.borrow(), Order::Kill) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let stopped = tokio::select! {
            _ = process.stop(how) => true,
            () = harder => false,
        };
        if !stopped {
            process.stop(Stop { signal: Signal::KILL, grace: Duration::ZERO }).await;
        }
    }

    /// Waits before the next start, longer each time that it ends early.
    async fn pause(&mut self, lived: Duration) {
        self.crashes = if lived < SHORT_LIFE { self.crashes.saturating_add(1) } else { 1 };
        let wait = FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(self.crashes.saturating_sub(1))).min(LAST_BACKOFF);
        self.say(Tone::Warn, &format!("starts again in {:.1} s", wait.as_secs_f32()));
        // any order cuts the wait short
        tokio::time::timeout(wait, self.orders.changed()).await.ok();
    }

    fn pumps(&self, process: &mut Process) -> Vec<JoinHandle<()>> {
        let (stdout, stderr) = process.pipes();
        let mut pumps = Vec::new();
        let shared = &self.yard.shared;
        if let Some(stdout) = stdout.and_then(|pipe| ChildStdout::from_std(pipe).ok()) {
            pumps.push(tokio::spawn(pump(Arc::clone(shared), self.plan.name.clone(), stdout)));
        }
        if let Some(stderr) = stderr.and_then(|pipe| ChildStderr::from_std(pipe).ok()) {
            pumps.push(tokio::spawn(pump(Arc::clone(shared), self.plan.name.clone(), stderr)));
        }
        pumps
    }

    fn say(&self, tone: Tone, text: &str) {
        self.yard.shared.printer.say(From::About(&self.plan.name), tone, text);
    }
}

/// Shows what an app writes, line by line, without values.
async fn pump(shared: Arc<Shared>, name: String, mut pipe: impl AsyncRead + Unpin) {
    let mut masker = Masker::new(shared.printer.mask_set());
    let (mut chunk, mut clear) = (vec![0; 16 * 1024], Vec::new());
    loop {
        let read = if masker.is_holding() || !clear.is_empty() {
            tokio::time::timeout(PAUSE, pipe.read(&mut chunk)).await
        } else {
            Ok(pipe.read(&mut chunk).await)
        };
        masker.switch(&shared.printer.mask_set());
        let is_over = match read {
            // a prompt without a line end is to be seen too
            Err(_) => {
                masker.idle(&mut clear);
                show(&shared, &name, &mut clear, true);
                continue;
            }
            Ok(Ok(size)) if size > 0 => {
                masker.feed(chunk.get(..size).unwrap_or_default(), &mut clear);
                false
            }
            Ok(_) => {
                masker.finish(&mut clear);
                true
            }
        };
        let is_long = clear.len() >= MAX_LINE_BYTES;
        show(&shared, &name, &mut clear, is_over || is_long);
        if is_over {
            return;
        }
    }
}

/// Shows whole lines, or everything.
fn show(shared: &Shared, name: &str, clear: &mut Vec<u8>, everything: bool) {
    let last = clear.iter().rposition(|byte| *byte == b'\n');
    let end = if everything { clear.len() } else { last.map_or(0, |last| last + 1) };
    if end > 0 {
        let lines: Vec<u8> = clear.drain(..end).collect();
        shared.printer.masked_already(From::Workload(name), Tone::Info, &String::from_utf8_lossy(&lines));
    }
}
