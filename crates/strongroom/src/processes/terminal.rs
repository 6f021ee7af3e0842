//! The terminal that a person sits at: who is in its foreground, how it edits lines, how large it is.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::sys::signal::{SigSet, SigmaskHow, Signal as MaskedSignal};
use rustix::fs::OFlags;
use rustix::process::Pid;
use rustix::termios::{OptionalActions, Termios, Winsize};

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

    /// Its open file, which does not wait.
    pub(crate) fn try_clone(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Raw mode: every key goes through as it is. Ends with the value.
pub(crate) struct RawMode<'a> {
    terminal: &'a Terminal,
    before: Termios,
}

impl<'a> RawMode<'a> {
    /// Enters raw mode, if this process is in the foreground.
    pub(crate) fn enter(terminal: &'a Terminal) -> Option<Self> {
        let before = terminal.modes().filter(|_| terminal.is_ours())?;
        let mut raw = before.clone();
        raw.make_raw();
        terminal.set_modes(&raw);
        Some(Self { terminal, before })
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        self.terminal.set_modes(&self.before);
    }
}
