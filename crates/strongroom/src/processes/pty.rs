//! A terminal of the child's own: the child sees a terminal, and what it writes passes through this process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, Termios, Winsize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

    /// What is written to it.
    pub(crate) fn shown(&self) -> io::Result<Shown> {
        // a terminal's controller reads and waits as a pipe does
        Receiver::from_file_unchecked(self.controller.try_clone()?).map(Shown)
    }

    /// Where to type.
    pub(crate) fn keys(&self) -> io::Result<Keys> {
        Sender::from_file_unchecked(self.controller.try_clone()?).map(Keys)
    }
}

/// What the processes at a terminal write.
pub(crate) struct Shown(Receiver);

impl Shown {
    /// The next bytes; 0 once no process has the terminal open any more.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer).await {
            // Linux says so when the last process has closed the other end
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(0),
            result => result,
        }
    }
}

/// What the processes at a terminal read.
pub(crate) struct Keys(Sender);

impl Keys {
    /// Types.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}
