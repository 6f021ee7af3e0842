//! One Deno process: spawned generic, assigned once, told of changes, killed with its whole process group.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Notify, mpsc, watch};

use crate::config::RuntimeConfig;
use crate::connections::Connections;
use crate::event::Event;
use crate::output::{Loaded, Masks, Output, Owner, Stage};
use crate::permissions::PermissionSet;
use crate::sandbox;
use crate::snapshot::{Difference, Snapshot};
use crate::spec::WorkerSpec;
use crate::wire::{self, Control, FrameReader};

/// Longest time for the boot script to listen.
const BOOT_WAIT: Duration = Duration::from_secs(20);

/// Why a worker could not be started. Holds no value: what the code says is masked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartFailure {
    /// The values could not be resolved.
    #[error("the secrets could not be resolved")]
    Snapshot(#[source] crate::snapshot::SnapshotError),
    /// The process could not be made.
    #[error("the worker process could not be started: {0}")]
    Spawn(String),
    /// The code threw while loading, or offers no handler.
    #[error("the code could not be loaded: {0}")]
    Load(String),
    /// The code did not finish loading in time.
    #[error("the code did not finish loading within {0:?}")]
    TimedOut(Duration),
    /// The process ended before the code was loaded.
    #[error("the worker ended while starting: {0}")]
    Died(String),
    /// The workload is being deleted, or the runtime is shutting down.
    #[error("the workload is being stopped")]
    Stopping,
}

/// A running process. Dropping it kills the process.
pub(crate) struct Worker {
    pub(crate) key: u64,
    pub(crate) pid: u32,
    pub(crate) output: Arc<Output>,
    pub(crate) connections: Connections,
    dir: PathBuf,
    stdin: tokio::sync::Mutex<ChildStdin>,
    kill: Arc<Notify>,
    pings: AtomicU64,
    steps: AtomicU64,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill.notify_one();
    }
}

/// Makes workers.
pub(crate) struct Factory {
    pub(crate) config: RuntimeConfig,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) boot: PathBuf,
    next: AtomicU64,
}

impl Factory {
    pub(crate) fn new(config: RuntimeConfig, events: mpsc::Sender<Event>, boot: PathBuf) -> Self {
        Self { config, events, boot, next: AtomicU64::new(1) }
    }

    /// Starts a process that loads the boot script and then waits to be assigned.
    pub(crate) fn spawn(&self, set: &PermissionSet) -> Result<Arc<Worker>, StartFailure> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let nonce = nonce()?;
        let dir = self.config.scratch_dir.join("w").join(key.to_string());
        std::fs::DirBuilder::new().mode(0o700).create(&dir).map_err(|error| StartFailure::Spawn(error.to_string()))?;
        let socket = dir.join("s.sock");
        let mut child =
            self.command(set, &dir, &socket).spawn().map_err(|error| StartFailure::Spawn(error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id());
        let (Some(stdin), Some(stdout), Some(stderr), Some(pid)) = pipes else {
            return Err(StartFailure::Spawn("a pipe is missing".to_owned()));
        };
        let frames = FrameReader::new(&nonce).map_err(|error| StartFailure::Spawn(error.to_string()))?;
        let output = Arc::new(Output {
            owner: OnceLock::new(),
            stage: watch::Sender::new(Stage::Spawned),
            pong: AtomicU64::new(0),
            events: self.events.clone(),
            complaint: Mutex::new(String::new()),
        });
        let kill = Arc::new(Notify::new());
        tokio::spawn(Arc::clone(&output).stdout(stdout, frames));
        tokio::spawn(Arc::clone(&output).stderr(stderr));
        tokio::spawn(supervise(child, pid, dir.clone(), Arc::clone(&kill), Arc::clone(&output)));
        let worker = Arc::new(Worker {
            key,
            pid,
            output,
            connections: Connections::new(socket.clone()),
            dir,
            stdin: tokio::sync::Mutex::new(stdin),
            kill,
            pings: AtomicU64::new(0),
            steps: AtomicU64::new(0),
        });
        let hello = wire::hello(&nonce, &socket.display().to_string());
        let greeted = Arc::clone(&worker);
        tokio::spawn(async move { greeted.tell(&hello).await });
        Ok(worker)
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

impl Worker {
    /// Waits until the boot script listens.
    pub(crate) async fn booted(&self) -> Result<(), StartFailure> {
        let mut stage = self.output.stage.subscribe();
        let wait = stage.wait_for(|stage| !matches!(stage, Stage::Spawned));
        match tokio::time::timeout(BOOT_WAIT, wait).await {
            Ok(Ok(stage)) if matches!(*stage, Stage::Booted) => Ok(()),
            Ok(_) => Err(StartFailure::Died(self.complaint())),
            Err(_) => Err(StartFailure::TimedOut(BOOT_WAIT)),
        }
    }

    /// Gives a generic worker its function and its values, and waits until the code is loaded.
    pub(crate) async fn assign(
        &self,
        spec: &WorkerSpec,
        snapshot: &Snapshot,
        masks: Arc<Masks>,
        wait: Duration,
    ) -> Result<Arc<Loaded>, StartFailure> {
        let code = self.dir.join("main.js");
        tokio::fs::write(&code, &spec.bundle).await.map_err(|error| StartFailure::Spawn(error.to_string()))?;
        masks.update(snapshot);
        if self.output.owner.set(Owner::new(spec, masks)).is_err() {
            return Err(StartFailure::Spawn("the worker is already assigned".to_owned()));
        }
        let mut stage = self.output.stage.subscribe();
        let message = wire::assign(spec, &format!("file://{}", code.display()), snapshot);
        let loaded = async {
            self.tell(&message).await;
            drop(message);
            let ended = stage.wait_for(|stage| !matches!(stage, Stage::Spawned | Stage::Booted)).await;
            match ended.as_deref() {
                Ok(Stage::Ready(loaded)) => Ok(Arc::clone(loaded)),
                Ok(Stage::Failed(reason)) => Err(StartFailure::Load(reason.clone())),
                _ => Err(StartFailure::Died(String::new())),
            }
        };
        match tokio::time::timeout(wait, loaded).await {
            Ok(Ok(loaded)) => {
                for token in &loaded.reads {
                    self.output.read(token, None, true).await;
                }
                Ok(loaded)
            }
            Ok(Err(StartFailure::Died(_))) => Err(StartFailure::Died(self.complaint())),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(StartFailure::TimedOut(wait)),
        }
    }

    /// Tells a change of values. Only the driver calls this, so steps are written in order.
    pub(crate) async fn push(&self, difference: &Difference, newer: &Snapshot) {
        let step = self.steps.load(Ordering::Relaxed) + 1;
        self.tell(&wire::push(difference, newer, step)).await;
        self.steps.store(step, Ordering::Release);
    }

    /// The newest step that has been written into the worker's pipe.
    pub(crate) fn step(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    /// Writes one control message. A worker that is gone is noticed elsewhere.
    pub(crate) async fn tell(&self, message: &Control) {
        let mut stdin = self.stdin.lock().await;
        let _gone = stdin.write_all(message).await;
    }

    /// Whether the event loop answers within `wait`.
    pub(crate) async fn answers(&self, wait: Duration) -> bool {
        let id = self.pings.fetch_add(1, Ordering::Relaxed) + 1;
        let mut stage = self.output.stage.subscribe();
        let answer = async {
            self.tell(&wire::ping(id)).await;
            stage.wait_for(|_| self.output.pong.load(Ordering::Relaxed) >= id).await.is_ok()
        };
        tokio::time::timeout(wait, answer).await.unwrap_or(false)
    }

    /// Ends the process and all of its group at once.
    pub(crate) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Whether the process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(*self.output.stage.borrow(), Stage::Exited { .. })
    }

    /// Waits for the process to end.
    pub(crate) async fn gone(&self) -> Stage {
        let mut stage = self.output.stage.subscribe();
        let ended = stage.wait_for(|stage| matches!(stage, Stage::Exited { .. })).await;
        ended.map_or(Stage::Exited { code: None, signal: None }, |stage| stage.clone())
    }

    fn complaint(&self) -> String {
        self.output.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn supervise(mut child: Child, pid: u32, dir: PathBuf, kill: Arc<Notify>, output: Arc<Output>) {
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = kill.notified() => {
            kill_group(pid);
            child.wait().await
        }
    };
    // whatever it left behind in its group
    kill_group(pid);
    let (code, signal) = ended.map_or((None, None), |status| (status.code(), status.signal()));
    let _removed = tokio::fs::remove_dir_all(&dir).await;
    output.stage.send_replace(Stage::Exited { code, signal });
}

fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _gone = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

fn nonce() -> Result<String, StartFailure> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StartFailure::Spawn("no randomness".to_owned()))?;
    Ok(hex::encode(bytes))
}
