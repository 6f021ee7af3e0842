//! This program once more, as the last step before a command: what only the child itself can do, and then `exec`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::termios::isatty;

use super::process::{Standing, Start};
use super::terminal::Terminal;
use super::{CHILD_EXEC, own_program};
use crate::errors::{Exit, Failure};

const FOREGROUND: &str = "foreground";
const OWN_TERMINAL: &str = "own-terminal";

/// The launcher's command line for a command.
pub(super) fn command(start: &Start<'_>) -> io::Result<Command> {
    let mode = if start.standing == Standing::OwnTerminal { OWN_TERMINAL } else { FOREGROUND };
    let mut command = own_program()?;
    command.args([CHILD_EXEC, mode]).arg(start.program).args(start.arguments);
    Ok(command)
}

/// Takes the terminal and becomes the command. Comes back only with the reason why not.
pub(crate) fn launch(mut arguments: impl Iterator<Item = OsString>) -> Failure {
    let mode = arguments.next().unwrap_or_default();
    let Some(program) = arguments.next() else { return Failure::usage("there is no command to run") };
    if mode == OWN_TERMINAL {
        if let Err(error) = own_terminal() {
            return Failure::failed("the command got no terminal").because(&error);
        }
    } else if let Some(terminal) = Terminal::controlling() {
        terminal.take();
    }
    unstarted(&Command::new(program).args(arguments).exec())
}

/// Opens a session, whose terminal is the first standard stream that is one.
fn own_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    if isatty(&stdin) {
        rustix::process::ioctl_tiocsctty(&stdin)?;
    } else if isatty(&stdout) {
        rustix::process::ioctl_tiocsctty(&stdout)?;
    } else {
        rustix::process::ioctl_tiocsctty(&stderr)?;
    }
    Ok(())
}

/// Why a command did not start, with the exit codes of shells: 127 if there is none, 126 if it cannot be run.
pub(crate) fn unstarted(error: &io::Error) -> Failure {
    let (exit, what) = match error.kind() {
        io::ErrorKind::NotFound => (127, "was not found"),
        io::ErrorKind::PermissionDenied => (126, "may not be executed"),
        _ => (126, "could not be started"),
    };
    Failure::failed(format!("the command {what}")).because(error).exiting(Exit(exit))
}
