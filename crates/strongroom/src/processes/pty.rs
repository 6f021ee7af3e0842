//! A terminal of the child's own: the child sees a terminal, and what it writes passes through this process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Termios, Winsize};
use tokio::net::unix::pipe::{Receiver, Sender};

/// The controlling end of a terminal.
pub(crate) struct Pty {
    controller: File,
    /// Kept until the child has its own, so that the controller does not see an end too early.
    child_end: Option<File>,
}

impl Pty {
    /// Opens one that edits lines as `modes` say. Needs a Tokio runtime around it.
    pub(crate) fn open(modes: Option<&Termios>) -> io::Result<Self> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let name = ptsname(&controller, Vec::new())?.into_string().map_err(io::Error::other)?;
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or_default();
        let child_end = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name)?;
        if let Some(modes) = modes {
            rustix::termios::tcsetattr(&child_end, OptionalActions::Now, modes)?;
        }
        rustix::io::fcntl_setfd(&controller, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&controller, true)?;
        Ok(Self { controller: File::from(controller), child_end: Some(child_end) })
    }

    /// A handle on the child's end, for one of its streams.
    pub(crate) fn stream(&self) -> io::Result<Stdio> {
        let end = self.child_end.as_ref().ok_or_else(|| io::Error::other("the terminal was handed over"))?;
        Ok(Stdio::from(OwnedFd::from(end.try_clone()?)))
    }

    /// The child has its end; this process lets go of it.
    pub(crate) fn hand_over(&mut self) {
        self.child_end = None;
    }

    /// Tells the size on; the child's foreground gets SIGWINCH.
    pub(crate) fn resize(&self, size: Winsize) {
        rustix::termios::tcsetwinsize(&self.controller, size).ok();
    }

    /// What is written to it. On Linux it ends with an error once no process has the other end open any more.
    pub(crate) fn shown(&self) -> io::Result<Receiver> {
        // a terminal's controller reads and waits as a pipe does
        Receiver::from_file_unchecked(self.controller.try_clone()?)
    }

    /// Where to type.
    pub(crate) fn keys(&self) -> io::Result<Sender> {
        Sender::from_file_unchecked(self.controller.try_clone()?)
    }
}
