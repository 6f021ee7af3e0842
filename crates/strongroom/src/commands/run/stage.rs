//! What stands between a command and the terminal: nothing, pipes, or a terminal of the command's own.

use std::io::{self, IsTerminal as _};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::redact::{Masks, Redactor};
use crate::processes::{Process, Pty, RawMode, Standing, Streams, Terminal};

/// After so long without output, an unfinished line is shown as far as it may be.
const IDLE: Duration = Duration::from_millis(20);
/// How long the rest of the output may take once the command and its group have ended.
const REST: Duration = Duration::from_secs(5);

/// The stage of one process.
pub(super) struct Stage {
    pty: Option<Pty>,
    raw: Option<RawMode>,
    pumps: Vec<JoinHandle<()>>,
    keys: Option<JoinHandle<()>>,
}

/// What a process is started with.
pub(super) struct Opening {
    pub(super) stage: Stage,
    pub(super) streams: Streams,
    pub(super) standing: Standing,
}

impl Stage {
    /// A stage on which the command uses the terminal and streams of this process.
    pub(super) fn open(terminal: Option<&Rc<Terminal>>) -> Opening {
        let in_front = terminal.is_some_and(|terminal| terminal.is_ours());
        let standing = if in_front { Standing::Foreground } else { Standing::Background };
        let stage = Self { pty: None, raw: None, pumps: Vec::new(), keys: None };
        Opening { stage, streams: Streams::inherited(), standing }
    }

    /// A stage on which everything that the command writes passes through this process.
    pub(super) fn open_masked(terminal: Option<&Rc<Terminal>>) -> io::Result<Opening> {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        if !out && !err {
            let mut opening = Self::open(terminal);
            opening.streams = Streams { stdin: Stdio::inherit(), ..Streams::piped() };
            return Ok(opening);
        }
        let outer = terminal.cloned().or_else(|| Terminal::controlling().map(Rc::new));
        let pty = Pty::open(outer.as_ref().and_then(|terminal| terminal.modes()).as_ref())?;
        let types = io::stdin().is_terminal();
        let streams = Streams {
            stdin: if types { pty.stream()? } else { Stdio::inherit() },
            stdout: if out { pty.stream()? } else { Stdio::piped() },
            stderr: if err { pty.stream()? } else { Stdio::piped() },
        };
        if let Some(size) = outer.as_ref().and_then(|terminal| terminal.size()) {
            pty.resize(size);
        }
        let raw = terminal.filter(|_| types).and_then(RawMode::enter);
        let stage = Self { pty: Some(pty), raw, pumps: Vec::new(), keys: None };
        Ok(Opening { stage, streams, standing: Standing::OwnTerminal })
    }

    /// The process has started: its output flows from now on. Needs a Tokio runtime around it.
    pub(super) fn begin(
        &mut self,
        process: &mut Process,
        masks: &Masks,
        terminal: Option<&Rc<Terminal>>,
    ) -> io::Result<()> {
        let redactor = || Redactor::new(masks.clone());
        let (stdout, stderr) = process.pipes();
        if let Some(stdout) = stdout {
            let stdout = tokio::process::ChildStdout::from_std(stdout)?;
            self.pumps.push(tokio::spawn(pump(stdout, tokio::io::stdout(), redactor())));
        }
        if let Some(stderr) = stderr {
            let stderr = tokio::process::ChildStderr::from_std(stderr)?;
            self.pumps.push(tokio::spawn(pump(stderr, tokio::io::stderr(), redactor())));
        }
        let Some(pty) = &mut self.pty else { return Ok(()) };
        let shown = pty.shown()?;
        if let (Some(_), Some(terminal)) = (&self.raw, terminal) {
            self.keys = Some(tokio::spawn(typing(terminal.typed()?, pty.keys()?)));
        }
        pty.hand_over();
        let pump = if io::stdout().is_terminal() {
            tokio::spawn(pump(shown, tokio::io::stdout(), redactor()))
        } else {
            tokio::spawn(pump(shown, tokio::io::stderr(), redactor()))
        };
        self.pumps.push(pump);
        Ok(())
    }

    /// Whether the command has a terminal of its own.
    pub(super) fn has_own_terminal(&self) -> bool {
        self.pty.is_some()
    }

    /// Whether the outer terminal passes every byte on as it is.
    pub(super) fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// The outer terminal has another size now.
    pub(super) fn resize(&self) {
        let size = Terminal::controlling().and_then(|terminal| terminal.size());
        if let (Some(pty), Some(size)) = (&self.pty, size) {
            pty.resize(size);
        }
    }

    /// This process is about to be stopped: the terminal edits lines again.
    pub(super) fn suspend(&mut self) {
        self.raw = None;
    }

    /// This process goes on.
    pub(super) fn resume(&mut self, terminal: &Rc<Terminal>) {
        if self.keys.is_some() && self.raw.is_none() {
            self.raw = RawMode::enter(terminal);
        }
        self.resize();
    }

    /// Shows the rest of what was written, and gives the terminal back.
    pub(super) async fn end(mut self) {
        if let Some(keys) = self.keys.take() {
            keys.abort();
        }
        for pump in self.pumps.drain(..) {
            let stopper = pump.abort_handle();
            if timeout(REST, pump).await.is_err() {
                // somebody who left the group still holds the other end
                stopper.abort();
            }
        }
    }
}

async fn typing(mut typed: impl AsyncRead + Unpin, mut keys: impl AsyncWrite + Unpin) {
    // ends with the terminal, or when nobody reads any more
    tokio::io::copy(&mut typed, &mut keys).await.ok();
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut redactor: Redactor) {
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let read = if redactor.holds() {
            match timeout(IDLE, from.read(&mut buffer)).await {
                Ok(read) => read,
                Err(_idle) => {
                    let shown = redactor.idle();
                    if write(&mut to, &shown).await.is_err() {
                        return;
                    }
                    from.read(&mut buffer).await
                }
            }
        } else {
            from.read(&mut buffer).await
        };
        let Ok(length @ 1..) = read else { break };
        let shown = redactor.feed(buffer.get(..length).unwrap_or_default());
        if write(&mut to, &shown).await.is_err() {
            // the command learns of it as if it wrote there itself
            return;
        }
    }
    write(&mut to, &redactor.finish()).await.ok();
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
