//! The terminal that a person sits at: who is in its foreground, how it edits lines, how large it is.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::rc::Rc;

use nix::sys::signal::{SigSet, SigmaskHow, Signal as MaskedSignal};
use rustix::fs::OFlags;
use rustix::process::Pid;
use rustix::termios::{OptionalActions, Termios, Winsize};
use tokio::net::unix::pipe::Receiver;

/// The controlling terminal of this process.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal, if a person types at it and this process is in its foreground.
    pub(crate) fn in_foreground() -> Option<Self> {
        let terminal = Self::controlling()?;
        (io::stdin().is_terminal() && terminal.is_ours()).then_some(terminal)
    }

    /// The terminal, whoever is in its foreground.
    pub(crate) fn controlling() -> Option<Self> {
        // its own open file, so that reading without waiting does not change what the shell shares with us
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty").ok().map(Self)
    }

    /// Whether this process's group is in the foreground.
    pub(crate) fn is_ours(&self) -> bool {
        rustix::termios::tcgetpgrp(&self.0).is_ok_and(|group| group == rustix::process::getpgrp())
    }

    /// Whether this group is in the foreground.
    pub(crate) fn shows(&self, group: Pid) -> bool {
        rustix::termios::tcgetpgrp(&self.0).is_ok_and(|found| found == group)
    }

    /// Puts a group into the foreground; also from the background.
    pub(crate) fn give(&self, group: Pid) {
        let mut only = SigSet::empty();
        only.add(MaskedSignal::SIGTTOU);
        // a background process that changes the foreground is stopped unless it blocks this signal (POSIX, tcsetpgrp)
        let Ok(before) = only.thread_swap_mask(SigmaskHow::SIG_BLOCK) else { return };
        // a group that has just ended cannot be put there, and need not
        rustix::termios::tcsetpgrp(&self.0, group).ok();
        before.thread_set_mask().ok();
    }

    /// Puts this process's group into the foreground.
    pub(crate) fn take(&self) {
        self.give(rustix::process::getpgrp());
    }

    /// How it edits and echoes now.
    pub(crate) fn modes(&self) -> Option<Termios> {
        rustix::termios::tcgetattr(&self.0).ok()
    }

    /// Sets how it edits and echoes, if this process is in the foreground.
    pub(crate) fn set_modes(&self, modes: &Termios) {
        if self.is_ours() {
            rustix::termios::tcsetattr(&self.0, OptionalActions::Now, modes).ok();
        }
    }

    /// Its size.
    pub(crate) fn size(&self) -> Option<Winsize> {
        rustix::termios::tcgetwinsize(&self.0).ok()
    }

    /// What is typed. Needs a Tokio runtime around it.
    pub(crate) fn typed(&self) -> io::Result<Receiver> {
        // a terminal waits as a pipe does
        Receiver::from_file_unchecked(self.0.try_clone()?)
    }
}

/// Raw mode: every key goes through as it is. Ends with the value.
pub(crate) struct RawMode {
    terminal: Rc<Terminal>,
    before: Termios,
}

impl RawMode {
    /// Enters raw mode, if this process is in the foreground.
    pub(crate) fn enter(terminal: &Rc<Terminal>) -> Option<Self> {
        let before = terminal.modes().filter(|_| terminal.is_ours())?;
        let mut raw = before.clone();
        raw.make_raw();
        terminal.set_modes(&raw);
        Some(Self { terminal: Rc::clone(terminal), before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.terminal.set_modes(&self.before);
    }
}
