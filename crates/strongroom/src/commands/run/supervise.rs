//! The supervisor of one command: starts it, hands signals on, restarts it when its values change, ends with its code.
//!
//! ```text
//! start ──> runs ──(a value that it gets has changed)──> asked to end ──> ended ──> start
//!             │ ends by itself                                              │ the run was asked to end meanwhile
//!             ├──────────────────────────────────────────────> the run ends with the command's code
//!             ├─(soon after a restart, with a failure)──> waits a while, or for the next change ──> start
//!             └─(a name that it needs has no value any more)──> asked to end ──> rests until it has one ──> start
//! ```

use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::Termios;
use strongroom_api::resolve::Resolved;
use strongroom_secret::SecretValue;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep_until};

use super::follow::Following;
use super::mount::Mount;
use super::plan::Plan;
use super::redact::Masks;
use super::reins::ending_by;
use super::source::Source;
use super::stage::{Opening, Stage};
use super::{RunArgs, split};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::processes::{ChildEnvironment, Ending, Keeper, Process, Signals, Start, Stop, Terminal, unstarted};

/// A command that fails so soon after a restart is taken to have failed because of it.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The supervisor.
pub(super) struct Supervisor<'a> {
    pub(super) context: &'a Context,
    pub(super) plan: &'a Plan,
    pub(super) runtime: Rc<Runtime>,
    pub(super) command: &'a [OsString],
    pub(super) stop: Stop,
    pub(super) signals: Signals,
    pub(super) keeper: Keeper,
    pub(super) terminal: Option<Rc<Terminal>>,
    pub(super) modes: Option<Termios>,
    pub(super) masks: Option<Masks>,
    pub(super) mount: Option<Mount>,
    /// What the command finds in its environment.
    pub(super) environment: ChildEnvironment,
    /// The secrets in force, if they are not in its environment.
    pub(super) mounted: Option<Vec<(String, SecretValue)>>,
    pub(super) running: Option<Running>,
    /// The source waits here until there is something to follow.
    pub(super) source: Option<Source<'a>>,
    pub(super) following: Option<Following<'a>>,
    pub(super) failures: u32,
    /// Nothing runs, since a name that the command needs has no value.
    pub(super) is_resting: bool,
    /// When a command that failed is started again.
    pub(super) paused_until: Option<Instant>,
    /// What happened while the attention was elsewhere.
    pub(super) noticed: Option<Happening>,
}

pub(super) struct Running {
    pub(super) process: Process,
    pub(super) stage: Stage,
    pub(super) since: Instant,
    pub(super) after_change: bool,
    /// A signal that asks it to end was handed on.
    pub(super) was_asked: bool,
}

/// What the waiting ended with.
pub(super) enum Happening {
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
            is_resting: false,
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
    pub(super) fn take_over(&mut self, secrets: Vec<(String, SecretValue)>) -> Result<(), Failure> {
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

    pub(super) fn start(&mut self, after_change: bool) -> Result<(), Failure> {
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

    pub(super) async fn leave_stage(&mut self, running: Running) {
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

    /// Says something on stderr, also at a terminal that does not turn line feeds into new lines just now.
    pub(super) fn tell(&self, line: &str) {
        let is_raw = self.running.as_ref().is_some_and(|running| running.stage.is_raw());
        output::say(&format!("strongroom: {line}{}", if is_raw { "\r" } else { "" }));
    }
}
