//! Makes worker processes.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use crate::config::RuntimeConfig;
use crate::ending::Alive;
use crate::event::Event;
use crate::permissions::PermissionSet;
use crate::sandbox;
use crate::wire::{self, FrameReader};
use crate::worker::{Pipes, StartFailure, Worker, socket_in};

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// Makes workers.
pub(crate) struct Factory {
    pub(crate) config: RuntimeConfig,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) boot: PathBuf,
    pub(crate) alive: Alive,
    next: AtomicU64,
    orders: std::sync::mpsc::Sender<Order>,
}

impl Factory {
    pub(crate) fn new(config: RuntimeConfig, events: mpsc::Sender<Event>, boot: PathBuf) -> Self {
        let (orders, inbox) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || fork(&runtime, &inbox));
        Self { config, events, boot, alive: Alive::new(), next: AtomicU64::new(1), orders }
    }

    /// Starts a process that loads the boot script and then waits to be assigned.
    pub(crate) async fn spawn(&self, set: &PermissionSet) -> Result<Arc<Worker>, StartFailure> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let nonce = nonce()?;
        let living = self.alive.one();
        let dir = self.config.scratch_dir.join("w").join(key.to_string());
        std::fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed)?;
        let socket = socket_in(&dir);
        let mut child = self.fork(self.command(set, &dir, &socket)).await.map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(stderr), Some(pid)) = pipes else {
            return Err(StartFailure::Spawn("a pipe is missing".to_owned()));
        };
        let frames = FrameReader::new(&nonce).map_err(|error| StartFailure::Spawn(error.to_string()))?;
        let pipes = Pipes { stdin, stdout, stderr, frames, living };
        let worker = Arc::new(Worker::new(key, pid, dir, child, pipes, self.events.clone()));
        worker.tell(&wire::hello(&nonce, &socket.display().to_string())).await;
        Ok(worker)
    }

    /// Starts a process from the one thread that starts them all. The kernel sends a parent-death signal when the
    /// *thread* ends that forked, and threads of an async runtime come and go.
    async fn fork(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let ended = || io::Error::other("the thread that starts workers has ended");
        self.orders.send((command, reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    fn command(&self, set: &PermissionSet, dir: &Path, socket: &Path) -> Command {
        let arguments = set.deno_arguments(dir, socket, &self.boot, &self.config.blocked_hosts);
        let mut command = match &self.config.launcher {
            None => Command::new(&self.config.deno),
            Some(launcher) => {
                let mut command = Command::new(&launcher.program);
                let plan = sandbox::Plan {
                    deno: self.config.deno.clone(),
                    own_dir: dir.to_path_buf(),
                    cache_dir: self.config.deno_cache_dir.clone(),
                    boot_dir: self.boot.parent().unwrap_or(Path::new("/")).to_path_buf(),
                };
                command.args(&launcher.args).args(sandbox::arguments(&plan));
                command
            }
        };
        command
            .args(arguments)
            .env_clear()
            .env("DENO_DIR", &self.config.deno_cache_dir)
            .env("DENO_NO_UPDATE_CHECK", "1")
            .env("HOME", dir)
            .env("NO_COLOR", "1")
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

fn fork(runtime: &tokio::runtime::Handle, orders: &std::sync::mpsc::Receiver<Order>) {
    let _context = runtime.enter();
    for (mut command, reply) in orders {
        let _gone = reply.send(command.spawn());
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: io::Error) -> StartFailure {
    StartFailure::Spawn(error.to_string())
}

fn nonce() -> Result<String, StartFailure> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StartFailure::Spawn("no randomness".to_owned()))?;
    Ok(hex::encode(bytes))
}
