//! Child processes: started with exactly the given environment, stopped gracefully, never left behind.
//!
//! ```text
//! Start ──> Process ── change() ──> Stopped | Ended         one leader, one process group
//!              │ stop(): signal the leader, wait, then KILL the group; what the leader leaves behind goes too
//!              ├─ terminal.rs   who is in the foreground; raw mode; the size
//!              ├─ pty.rs        a terminal of the child's own, for output that is masked on its way
//!              ├─ launcher.rs   this program once more, which takes the terminal and becomes the command
//!              └─ keeper.rs     this program once more, which ends the group if the supervisor is killed
//! ```

mod environment;
mod keeper;
mod launcher;
mod process;
mod pty;
mod signals;
mod terminal;

pub(crate) use environment::ChildEnvironment;
pub(crate) use keeper::{Keeper, keep};
pub(crate) use launcher::{launch, unstarted};
pub(crate) use process::{Change, Ending, Process, Standing, Start, Stop, Streams};
pub(crate) use pty::Pty;
pub(crate) use signals::Signals;
pub(crate) use terminal::{RawMode, Terminal};

use std::ffi::OsString;
use std::process::Command;

/// The first word of a command line that makes this program the launcher.
pub(crate) const CHILD_EXEC: &str = "child-exec";
/// The first word of a command line that makes this program the keeper.
pub(crate) const CHILD_KEEP: &str = "child-keep";

/// This very program, also after its file was replaced.
fn own_program() -> std::io::Result<Command> {
    if cfg!(target_os = "linux") {
        return Ok(Command::new("/proc/self/exe"));
    }
    std::env::current_exe().map(Command::new)
}

/// The arguments behind the word that chose the role.
pub(crate) fn role_arguments(arguments: Vec<OsString>) -> impl Iterator<Item = OsString> {
    arguments.into_iter().skip(2)
}
