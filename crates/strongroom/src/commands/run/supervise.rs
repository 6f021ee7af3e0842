//! The supervisor of one command: starts it, hands signals on, restarts it when its values change, ends with its code.
//!
//! ```text
//! start ──> runs ──(a value that it gets has changed)──> asked to end ──> ended ──> start
//!             │ ends by itself                                              │ the run was asked to end meanwhile
//!             ├──────────────────────────────────────────────> the run ends with the command's code
//!             └─(soon after a restart, with a failure)──> waits a while, or for the next change ──> start
//! ```

use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group, kill_process};
use rustix::termios::Termios;
use strongroom_api::resolve::Resolved;
use strongroom_secret::SecretValue;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until};

use super::follow::{Following, News};
use super::mount::Mount;
use super::plan::Plan;
use super::redact::Masks;
use super::source::Source;
use super::stage::{Opening, Stage};
use super::{RunArgs, split};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::processes::{Change, ChildEnvironment, Ending, Keeper, Process, Signals, Start, Stop, Terminal, unstarted};
use crate::session::Session;

/// A command that fails so soon after a restart is taken to have failed because of it.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The supervisor.
pub(super) struct Supervisor<'a> {
    context: &'a Context,
    plan: &'a Plan,
    runtime: Rc<Runtime>,
    command: &'a [OsString],
    stop: Stop,
    signals: Signals,
    keeper: Keeper,
    terminal: Option<Rc<Terminal>>,
    modes: Option<Termios>,
    masks: Option<Masks>,
    mount: Option<Mount>,
    /// What the command finds in its environment.
    environment: ChildEnvironment,
    /// The secrets in force, if they are not in its environment.
    mounted: Option<Vec<(String, SecretValue)>>,
    running: Option<Running>,
    /// The source waits here until there is something to follow.
    source: Option<Source<'a>>,
    following: Option<Following<'a>>,
    failures: u32,
    /// When a command that failed is started again.
    paused_until: Option<Instant>,
    /// What happened while the attention was elsewhere.
    noticed: Option<Happening>,
}

struct Running {
    process: Process,
    stage: Stage,
    since: Instant,
    after_change: bool,
    /// A signal that asks it to end was handed on.
    was_asked: bool,
}

/// What the waiting ended with.
enum Happening {
    Ended(Ending),
    /// A signal that asks to end came while nothing was running.
    Asked(Signal),
    LookAgain,
    PauseOver,
}

impl<'a> Supervisor<'a> {
    /// Listens for signals from now on, and starts the keeper.
    pub(super) fn new(
        context: &'a Context,
        args: &'a RunArgs,
        plan: &'a Plan,
        source: Source<'a>,
        (runtime, stop): (Rc<Runtime>, Stop),
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::failed("the command cannot be supervised").because(&error);
        split(&args.command)?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen().map_err(failed)?
        };
        let mut keeper = Keeper::start().map_err(failed)?;
        let folder = args.mounting.mount.as_deref();
        let mount = folder.map(|folder| Mount::new(context, folder, args.mounting.mount_on_disk)).transpose()?;
        for path in mount.iter().flat_map(Mount::paths) {
            keeper.keep_path(path);
        }
        let terminal = Terminal::in_foreground().map(Rc::new);
        Ok(Self {
            context,
            plan,
            runtime,
            command: &args.command,
            stop,
            signals,
            keeper,
            modes: terminal.as_ref().and_then(|terminal| terminal.modes()),
            terminal,
            masks: args.redact.then(Masks::default),
            mounted: (mount.is_some() && !args.mounting.with_env).then(Vec::new),
            mount,
            environment: ChildEnvironment { plain: context.environment.for_children(), secrets: Vec::new() },
            running: None,
            source: (args.following.watch && !plan.wants_nothing()).then_some(source),
            following: None,
            failures: 0,
            paused_until: None,
            noticed: None,
        })
    }

    /// Runs the command with these values, and with later ones, to its end.
    pub(super) fn run(&mut self, first: Resolved) -> Result<Exit, Failure> {
        let result = self.supervise(first);
        self.keeper.keep_group(None);
        if let Some(mount) = self.mount.take() {
            let paths = mount.paths().map(std::path::Path::to_path_buf);
            drop(mount);
            for path in &paths {
                self.keeper.forget_path(path);
            }
        }
        result
    }

    fn supervise(&mut self, first: Resolved) -> Result<Exit, Failure> {
        if let Some(source) = self.source.take() {
            self.following = Some(Following::new(self.context, self.plan, source, &first));
        }
        self.take_over(self.plan.secrets(first))?;
        self.context.output.settle();
        self.start(false)?;
        let runtime = Rc::clone(&self.runtime);
        loop {
            match runtime.block_on(self.next_happening()) {
                Happening::Ended(ending) => {
                    if let Some(exit) = runtime.block_on(self.ended(ending)) {
                        return Ok(exit);
                    }
                }
                Happening::Asked(signal) => return Ok(Exit(ending_by(signal).exit_code())),
                Happening::PauseOver => self.start(true)?,
                Happening::LookAgain => {
                    if let Some(exit) = self.look_again()? {
                        return Ok(exit);
                    }
                }
            }
        }
    }

    /// Makes these the secrets in force: masked, mounted, in the environment of the next start.
    fn take_over(&mut self, secrets: Vec<(String, SecretValue)>) -> Result<(), Failure> {
        if let Some(masks) = &self.masks {
            let short = masks.add(&secrets);
            if !short.is_empty() {
                self.tell(&format!("warning: too short to be masked, so they may show: {}", short.join(", ")));
            }
        }
        if let Some(mount) = &mut self.mount {
            mount.fill(&secrets)?;
        }
        match &mut self.mounted {
            Some(mounted) => *mounted = secrets,
            None => self.environment.secrets = secrets,
        }
        Ok(())
    }

    fn start(&mut self, after_change: bool) -> Result<(), Failure> {
        self.paused_until = None;
        let _inside = self.runtime.enter();
        let terminal = self.terminal.as_ref();
        let opening = match &self.masks {
            Some(_) => Stage::open_masked(terminal),
            None => Ok(Stage::open(terminal)),
        };
        let failed = |error: std::io::Error| Failure::failed("the command's output cannot be masked").because(&error);
        let Opening { mut stage, streams, standing } = opening.map_err(failed)?;
        let (program, arguments) = split(self.command)?;
        let start = Start { program, arguments, environment: &self.environment, directory: None, standing };
        let mut process = Process::start(&start, streams).map_err(|error| unstarted(&error))?;
        self.keeper.keep_group(Some(process.pid()));
        if let Some(masks) = &self.masks {
            stage.begin(&mut process, masks, terminal).map_err(failed)?;
        }
        self.running = Some(Running { process, stage, since: Instant::now(), after_change, was_asked: false });
        Ok(())
    }

    async fn next_happening(&mut self) -> Happening {
        if let Some(noticed) = self.noticed.take() {
            return noticed;
        }
        let pause = self.paused_until;
        let mut following = self.following.take();
        let happening = {
            let news = async {
                match &mut following {
                    Some(following) => following.next().await,
                    None => std::future::pending().await,
                }
            };
            let pause = async {
                match pause {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                happening = self.attend() => happening,
                () = news => Happening::LookAgain,
                () = pause => Happening::PauseOver,
            }
        };
        self.following = following;
        happening
    }

    /// Hands signals on and follows stops, until the command ends, or, while none runs, until the run is asked to end.
    async fn attend(&mut self) -> Happening {
        loop {
            let Some(running) = &mut self.running else {
                let signal = self.signals.next().await;
                if asks_to_end(signal) {
                    return Happening::Asked(signal);
                }
                continue;
            };
            tokio::select! {
                biased;
                change = running.process.change() => match change {
                    Change::Ended(ending) => return Happening::Ended(ending),
                    Change::Stopped => self.suspend(),
                },
                signal = self.signals.next() => self.hand_on(signal),
            }
        }
    }

    fn hand_on(&mut self, signal: Signal) {
        let Some(running) = &mut self.running else { return };
        match signal {
            Signal::CONT => self.resume(),
            Signal::WINCH if running.stage.has_own_terminal() => running.stage.resize(),
            // in a session of its own it is in no shell's care, and the milder signal would be lost (POSIX, orphaned
            // process groups)
            Signal::TSTP if running.stage.has_own_terminal() => running.process.signal_group(Signal::STOP),
            Signal::TSTP => running.process.signal_group(Signal::TSTP),
            other => {
                running.was_asked |= asks_to_end(other);
                running.process.signal(other);
            }
        }
    }

    /// The command was stopped: so is this process with its group, and the shell shows its prompt.
    fn suspend(&mut self) {
        let (Some(running), Some(terminal)) = (&mut self.running, &self.terminal) else { return };
        running.stage.suspend();
        if terminal.shows(running.process.pid()) {
            terminal.take();
        }
        kill_current_process_group(Signal::STOP).ok();
    }

    /// This process goes on: in front, the command gets the terminal back.
    fn resume(&mut self) {
        let Some(running) = &mut self.running else { return };
        if let Some(terminal) = &self.terminal {
            running.stage.resume(terminal);
            if terminal.is_ours() && !running.stage.has_own_terminal() {
                terminal.give(running.process.pid());
            }
        }
        running.process.signal_group(Signal::CONT);
    }

    /// The command has ended by itself. The exit code, unless it is started again.
    async fn ended(&mut self, ending: Ending) -> Option<Exit> {
        let Some(running) = self.running.take() else { return Some(Exit(ending.exit_code())) };
        running.process.clear(self.stop).await;
        let has_settled = running.since.elapsed() >= SETTLED_AFTER;
        let gave_up = running.after_change && !has_settled && !running.was_asked;
        self.leave_stage(running).await;
        if ending == Ending::Code(0) || ending.was_asked_for() || !gave_up {
            return Some(Exit(ending.exit_code()));
        }
        self.failures += 1;
        let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(10)).min(LONGEST_PAUSE);
        self.paused_until = Some(Instant::now() + pause);
        self.tell(&format!(
            "the command {ending} soon after its values had changed; it is started again in {} s, or with the next change",
            pause.as_secs()
        ));
        None
    }

    async fn leave_stage(&mut self, running: Running) {
        let Running { process, stage, .. } = running;
        stage.end().await;
        if let Some(terminal) = &self.terminal {
            if terminal.shows(process.pid()) {
                terminal.take();
            }
            if let Some(modes) = &self.modes {
                terminal.set_modes(modes);
            }
        }
        self.keeper.keep_group(None);
    }

    fn look_again(&mut self) -> Result<Option<Exit>, Failure> {
        let Some(mut following) = self.following.take() else { return Ok(None) };
        let news = match Session::open_on(self.context, Rc::clone(&self.runtime)) {
            Err(failure) => following.unreachable(&failure),
            Ok(session) => {
                let runtime = Rc::clone(&self.runtime);
                let answer = runtime.block_on(async {
                    tokio::select! {
                        biased;
                        happening = self.attend() => Err(happening),
                        answer = following.ask(&session) => Ok(answer),
                    }
                });
                match answer {
                    Ok(answer) => following.conclude(session, answer)?,
                    Err(happening) => {
                        self.noticed = Some(happening);
                        following.interrupted();
                        News::Nothing
                    }
                }
            }
        };
        self.following = Some(following);
        match news {
            News::Nothing => Ok(None),
            News::Back => {
                self.tell("changes are followed again");
                Ok(None)
            }
            News::Trouble(text) => {
                self.tell(&format!("warning: {text}"));
                Ok(None)
            }
            News::Values(resolved) => self.adopt(resolved),
        }
    }

    /// Restarts the command with these values, if they differ and nothing that it needs is missing.
    fn adopt(&mut self, resolved: Resolved) -> Result<Option<Exit>, Failure> {
        if let Some(failure) = self.plan.lacks(&resolved) {
            self.tell("WARNING: the command is not restarted: names that it needs have no value any more");
            failure.lines().for_each(|line| self.tell(&format!("  - {line}")));
            self.tell("it goes on with the old values until they are set again");
            return Ok(None);
        }
        let secrets = self.plan.secrets(resolved);
        let changed = changed(self.mounted.as_ref().unwrap_or(&self.environment.secrets), &secrets);
        if changed.is_empty() {
            return Ok(None);
        }
        let runtime = Rc::clone(&self.runtime);
        if !self.context.output.quiet {
            self.tell(&format!("changed: {}; restarting the command", changed.join(", ")));
        }
        if let Some(exit) = runtime.block_on(self.end_current()) {
            return Ok(Some(exit));
        }
        self.take_over(secrets)?;
        self.start(true)?;
        Ok(None)
    }

    /// Asks the command to end, for a new start. The exit code, if the run itself was asked to end meanwhile.
    async fn end_current(&mut self) -> Option<Exit> {
        let mut running = self.running.take()?;
        if running.since.elapsed() >= SETTLED_AFTER {
            self.failures = 0;
        }
        let pid = running.process.pid();
        let mut asked = running.was_asked;
        let ending = {
            let stopping = running.process.stop(self.stop);
            tokio::pin!(stopping);
            loop {
                tokio::select! {
                    biased;
                    ending = &mut stopping => break ending,
                    signal = self.signals.next() => {
                        asked |= asks_to_end(signal);
                        if asks_to_end(signal) {
                            kill_process(pid, signal).ok();
                        }
                    }
                }
            }
        };
        self.leave_stage(running).await;
        asked.then(|| Exit(ending.exit_code()))
    }

    /// Says something on stderr, also at a terminal that does not turn line feeds into new lines just now.
    fn tell(&self, line: &str) {
        let is_raw = self.running.as_ref().is_some_and(|running| running.stage.is_raw());
        output::say(&format!("strongroom: {line}{}", if is_raw { "\r" } else { "" }));
    }
}

/// The names whose values differ, by the names that the command sees.
fn changed(before: &[(String, SecretValue)], after: &[(String, SecretValue)]) -> Vec<String> {
    let lacks = |all: &[(String, SecretValue)], (name, value): &(String, SecretValue)| {
        !all.iter().any(|(known, held)| known == name && held.expose() == value.expose())
    };
    let gone = before.iter().filter(|entry| lacks(after, entry));
    let come = after.iter().filter(|entry| lacks(before, entry));
    let mut names: Vec<_> = gone.chain(come).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn asks_to_end(signal: Signal) -> bool {
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].contains(&signal)
}

fn ending_by(signal: Signal) -> Ending {
    Ending::Signal(u8::try_from(signal.as_raw()).unwrap_or(u8::MAX))
}
