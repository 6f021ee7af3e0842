//! One child: the leader of a process group of its own.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, waitpgid, waitpid,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout_at};

use super::environment::ChildEnvironment;
use super::launcher;

/// How often it is looked whether a group is empty: its members are not our children, so nothing tells.
const GROUP_STEP: Duration = Duration::from_millis(10);

/// What to start.
pub(crate) struct Start<'a> {
    /// The program.
    pub(crate) program: &'a OsString,
    /// Its arguments.
    pub(crate) arguments: &'a [OsString],
    /// Its whole environment.
    pub(crate) environment: &'a ChildEnvironment,
    /// Where it starts; here if absent.
    pub(crate) directory: Option<&'a Path>,
    /// How it stands to the terminal.
    pub(crate) standing: Standing,
}

/// How a child stands to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does not, or it shares the terminal from the background.
    Background,
    /// It is put into the foreground of this process's terminal before the command begins.
    Foreground,
    /// The first of its standard streams that is a terminal becomes its own, in a session of its own.
    OwnTerminal,
}

/// The child's standard streams.
pub(crate) struct Streams {
    pub(crate) stdin: Stdio,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
}

impl Streams {
    /// This process's own.
    pub(crate) fn inherited() -> Self {
        Self { stdin: Stdio::inherit(), stdout: Stdio::inherit(), stderr: Stdio::inherit() }
    }

    /// Nothing to read, and two pipes.
    pub(crate) fn piped() -> Self {
        Self { stdin: Stdio::null(), stdout: Stdio::piped(), stderr: Stdio::piped() }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with this code.
    Code(u8),
    /// By a signal of this number.
    Signal(u8),
}

impl Ending {
    /// The exit code that tells it on: 128 and the signal's number for one that was killed, as shells do.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => number.saturating_add(128),
        }
    }

    /// Whether it was asked to end: by a signal that people and service managers send, or as if by one.
    pub(crate) fn was_asked_for(self) -> bool {
        let asking = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
        asking.iter().any(|asking| i32::from(self.exit_code()) == 128 + asking.as_raw())
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(number) => write!(f, "was ended by signal {number}"),
        }
    }
}

/// What happens to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was stopped, as by Ctrl-Z.
    Stopped,
    /// It has ended, and its code was taken.
    Ended(Ending),
}

/// How to stop a child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// The signal that asks it to end.
    pub(crate) signal: Signal,
    /// How long it may take before it is killed.
    pub(crate) grace: Duration,
}

/// A running child and its group. Dropped while it runs, the whole group is killed.
pub(crate) struct Process {
    pid: Pid,
    children: tokio::signal::unix::Signal,
    ending: Option<Ending>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts it. Needs a Tokio runtime around it. Nothing but the three streams is handed to the child.
    pub(crate) fn start(start: &Start<'_>, streams: Streams) -> io::Result<Self> {
        let mut command = match start.standing {
            Standing::Background => {
                let mut command = Command::new(start.program);
                command.args(start.arguments).process_group(0);
                command
            }
            Standing::Foreground => {
                let mut command = launcher::command(start)?;
                command.process_group(0);
                command
            }
            // a group's leader could not open a session
            Standing::OwnTerminal => launcher::command(start)?,
        };
        start.environment.apply(&mut command);
        if let Some(directory) = start.directory {
            command.current_dir(directory);
        }
        // before the start, so that no end is missed
        let children = signal(SignalKind::child())?;
        command.stdin(streams.stdin).stdout(streams.stdout).stderr(streams.stderr);
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the system gave no process id"))?;
        Ok(Self { pid, children, ending: None, stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// The leader's id, which is also its group's.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// The ends of its pipes, once.
    pub(crate) fn pipes(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.stdout.take(), self.stderr.take())
    }

    /// Waits until it stops or ends. May be dropped half-way without losing anything.
    pub(crate) async fn change(&mut self) -> Change {
        loop {
            if let Some(change) = self.look() {
                return change;
            }
            self.children.recv().await;
        }
    }

    /// Waits until it ends, however often it stops before.
    pub(crate) async fn ended(&mut self) -> Ending {
        loop {
            if let Change::Ended(ending) = self.change().await {
                return ending;
            }
        }
    }

    fn look(&mut self) -> Option<Change> {
        if let Some(ending) = self.ending {
            return Some(Change::Ended(ending));
        }
        let status = match waitpid(Some(self.pid), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::INTR) => return None,
            // somebody else has taken its code
            Err(_) => return Some(self.note(Ending::Code(1))),
        };
        let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(self.note(Ending::Code(byte(code)))),
            (None, Some(number)) => Some(self.note(Ending::Signal(byte(number)))),
            (None, None) => status.stopped().then_some(Change::Stopped),
        }
    }

    fn note(&mut self, ending: Ending) -> Change {
        self.ending = Some(ending);
        Change::Ended(ending)
    }

    /// Sends a signal to the leader, as if to this process itself.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.ending.is_none() {
            // it may have ended just now
            kill_process(self.pid, signal).ok();
        }
    }

    /// Sends a signal to the whole group, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(self.pid, signal).ok();
    }

    /// Asks the leader to end, then what it leaves behind in its group; kills what is left after the grace.
    pub(crate) async fn stop(&mut self, how: Stop) -> Ending {
        let deadline = Instant::now() + how.grace;
        self.signal(how.signal);
        // one that is stopped could not act on it
        self.signal_group(Signal::CONT);
        let in_time = timeout_at(deadline, self.ended()).await;
        if let Ok(ending) = in_time {
            self.clear(Stop { grace: deadline.saturating_duration_since(Instant::now()), ..how }).await;
            return ending;
        }
        self.signal_group(Signal::KILL);
        self.ended().await
    }

    /// Ends what the leader, which has ended, left behind in its group.
    pub(crate) async fn clear(&self, how: Stop) {
        let deadline = Instant::now() + how.grace;
        self.signal_group(how.signal);
        self.signal_group(Signal::CONT);
        while test_kill_process_group(self.pid).is_ok() {
            // as the first process of a container this one inherits orphans; unreaped, they would never leave the group
            waitpgid(self.pid, WaitOptions::NOHANG).ok();
            if Instant::now() >= deadline {
                self.signal_group(Signal::KILL);
                return;
            }
            sleep(GROUP_STEP).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ending.is_none() {
            self.signal_group(Signal::KILL);
            waitpid(Some(self.pid), WaitOptions::empty()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_environment() -> ChildEnvironment {
        ChildEnvironment { plain: vec![("PATH".into(), "/usr/bin:/bin".into())], secrets: Vec::new() }
    }

    fn shell(script: &str, environment: &ChildEnvironment) -> Process {
        let (program, arguments) = ("sh".into(), ["-c".into(), script.into()]);
        let start = Start {
            program: &program,
            arguments: &arguments,
            environment,
            directory: None,
            standing: Standing::Background,
        };
        Process::start(&start, Streams::piped()).expect("a shell starts")
    }

    async fn first_line(process: &mut Process) -> String {
        use tokio::io::{AsyncBufReadExt as _, BufReader};
        let stdout = process.pipes().0.expect("a pipe");
        let stdout = tokio::process::ChildStdout::from_std(stdout).expect("a pipe that waits");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await.expect("readable");
        line.trim().to_owned()
    }

    const STOP: Stop = Stop { signal: Signal::TERM, grace: Duration::from_secs(20) };
    const KILL_SOON: Stop = Stop { signal: Signal::TERM, grace: Duration::from_millis(100) };

    #[tokio::test]
    async fn codes_and_signals_are_told_apart() {
        let environment = plain_environment();
        assert_eq!(shell("exit 42", &environment).ended().await, Ending::Code(42));
        let killed = shell("kill -KILL $$", &environment).ended().await;
        assert_eq!((killed, killed.exit_code()), (Ending::Signal(9), 137));
        assert!(!killed.was_asked_for() && Ending::Signal(15).was_asked_for() && Ending::Code(130).was_asked_for());
    }

    #[tokio::test]
    async fn a_stop_lets_the_leader_finish_and_clears_its_group() {
        let environment = plain_environment();
        let script = "sleep 1000 & trap 'exit 7' TERM; echo $!; while :; do sleep 0.01; done";
        let mut process = shell(script, &environment);
        let left_behind = first_line(&mut process).await;
        assert_eq!(process.stop(STOP).await, Ending::Code(7));
        until_gone(&left_behind);
    }

    #[tokio::test]
    async fn who_does_not_listen_is_killed_with_the_group() {
        let environment = plain_environment();
        let mut process = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000", &environment);
        let left_behind = first_line(&mut process).await;
        assert_eq!(process.stop(KILL_SOON).await, Ending::Signal(9));
        until_gone(&left_behind);
    }

    #[tokio::test]
    async fn a_stopped_child_is_noticed_and_can_be_ended() {
        let environment = plain_environment();
        let mut process = shell("kill -STOP $$; exit 3", &environment);
        assert_eq!(process.change().await, Change::Stopped);
        assert_eq!(process.stop(STOP).await, Ending::Signal(15));
    }

    #[tokio::test]
    async fn a_dropped_child_is_gone() {
        let environment = plain_environment();
        let mut process = shell("sleep 1000 & echo $!; wait", &environment);
        let left_behind = first_line(&mut process).await;
        drop(process);
        until_gone(&left_behind);
    }

    /// Waits until a process runs no more; one that was killed and waits for its parent does not.
    fn until_gone(pid: &str) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let is_running = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
        };
        while is_running() {
            assert!(std::time::Instant::now() < deadline, "{pid} is still there");
            std::thread::sleep(GROUP_STEP);
        }
    }
}
