//! One process: spawned generic, assigned once, told of changes, killed with its whole process group.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use rustix::process::{Pid, Signal};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::channel::Channel;
use crate::connections::Connections;
use crate::egress::Egress;
use crate::ending::Living;
use crate::event::Event;
use crate::masks::Masks;
use crate::output::{Loaded, Output, Owner, Stage};
use crate::proxy;
use crate::snapshot::{Difference, Snapshot};
use crate::spec::WorkerSpec;
use crate::visit::MAX_CHANGES;
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
    pub(crate) input: Arc<Input>,
    kill: Arc<Notify>,
    pings: AtomicU64,
    steps: AtomicU64,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill.notify_one();
    }
}

/// How a worker is told what to do: by its standard input, which is a pipe for Deno and a channel for Node.
pub(crate) enum Input {
    Pipe(tokio::sync::Mutex<ChildStdin>),
    Channel(Arc<Channel>),
}

impl Input {
    /// Writes one control message, whole. A worker that is gone is noticed elsewhere.
    pub(crate) async fn write(&self, message: &Control) {
        let _gone = match self {
            Self::Pipe(stdin) => stdin.lock().await.write_all(message).await,
            Self::Channel(channel) => channel.write(message).await,
        };
    }
}

/// The ends of a new process's pipes.
pub(crate) struct Pipes {
    pub(crate) input: Input,
    pub(crate) egress: Option<Arc<Egress>>,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
    pub(crate) frames: FrameReader,
    pub(crate) living: Living,
}

impl Worker {
    /// Watches over a new process: its output and its end.
    pub(crate) fn new(
        key: u64,
        pid: u32,
        dir: PathBuf,
        child: Child,
        pipes: Pipes,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let Pipes { input, egress, stdout, stderr, frames, living } = pipes;
        let input = Arc::new(input);
        let output = Arc::new(Output {
            owner: OnceLock::new(),
            stage: watch::Sender::new(Stage::Spawned),
            pong: AtomicU64::new(0),
            events,
            complaint: Mutex::new(String::new()),
            egress,
            progress: crate::jobs::ProgressOf::default(),
            visits: Arc::default(),
            changes: Arc::new(Semaphore::new(MAX_CHANGES)),
            input: Arc::clone(&input),
        });
        let kill = Arc::new(Notify::new());
        tokio::spawn(Arc::clone(&output).stdout(stdout, frames));
        tokio::spawn(Arc::clone(&output).stderr(stderr));
        let supervised = supervise(child, pid, dir.clone(), Arc::clone(&kill), Arc::clone(&output));
        tokio::spawn(async move {
            supervised.await;
            drop(living);
        });
        Self {
            key,
            pid,
            output,
            connections: Connections::new(socket_in(&dir)),
            dir,
            input,
            kill,
            pings: AtomicU64::new(0),
            steps: AtomicU64::new(0),
        }
    }

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

    /// Plays one call through before there is any code: the first real one finds the way compiled and a connection open.
    /// What goes wrong here shows when the worker is assigned.
    pub(crate) async fn rehearse(&self) {
        let played = async {
            let (response, sender) = self.connections.send(proxy::rehearsal()).await.ok()?;
            response.into_body().collect().await.ok()?;
            self.connections.keep(sender);
            Some(())
        };
        let _played = tokio::time::timeout(BOOT_WAIT, played).await;
    }

    /// Gives a generic worker its function and its values, and waits until the code is loaded.
    pub(crate) async fn assign(
        &self,
        spec: &WorkerSpec,
        snapshot: &Snapshot,
        masks: Arc<Masks>,
        wait: Duration,
    ) -> Result<Arc<Loaded>, StartFailure> {
        let code = self.dir.join(spec.engine.module_name());
        tokio::fs::write(&code, &spec.bundle).await.map_err(|error| StartFailure::Spawn(error.to_string()))?;
        masks.update(snapshot);
        if self.output.owner.set(Owner::new(spec, masks)).is_err() {
            return Err(StartFailure::Spawn("the worker is already assigned".to_owned()));
        }
        self.output.name_short_values().await;
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
        self.input.write(message).await;
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

/// The socket of the worker whose private directory this is.
pub(crate) fn socket_in(dir: &Path) -> PathBuf {
    dir.join("s.sock")
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
