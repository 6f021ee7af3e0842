//! Makes worker processes.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use crate::boot::Boot;
use crate::channel::Channel;
use crate::config::RuntimeConfig;
use crate::egress::{Egress, Rules};
use crate::ending::Alive;
use crate::event::Event;
use crate::locate::{self, node::Node};
use crate::permissions::PermissionSet;
use crate::sandbox;
use crate::spec::Engine;
use crate::wire::{self, FrameReader};
use crate::worker::{Input, Pipes, StartFailure, Worker, socket_in};

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// Makes workers.
pub(crate) struct Factory {
    pub(crate) config: RuntimeConfig,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) boot: Boot,
    node: tokio::sync::OnceCell<Node>,
    pub(crate) alive: Alive,
    next: AtomicU64,
    orders: std::sync::mpsc::Sender<Order>,
}

impl Factory {
    pub(crate) fn new(config: RuntimeConfig, events: mpsc::Sender<Event>, boot: Boot) -> Self {
        let (orders, inbox) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || fork(&runtime, &inbox));
        Self {
            config,
            events,
            boot,
            node: tokio::sync::OnceCell::new(),
            alive: Alive::new(),
            next: AtomicU64::new(1),
            orders,
        }
    }

    /// The Node program, looked for when it is wanted first.
    async fn node(&self) -> Result<&Node, StartFailure> {
        let find = || async {
            let places = self.config.node.clone();
            let found = tokio::task::spawn_blocking(move || locate::node::find(&places)).await;
            let found = found.map_err(|error| StartFailure::Spawn(error.to_string()))?;
            found.map_err(|error| StartFailure::Spawn(error.to_string()))
        };
        self.node.get_or_try_init(find).await
    }

    /// Starts a process that loads the boot script and then waits to be assigned.
    pub(crate) async fn spawn(&self, set: &PermissionSet) -> Result<Arc<Worker>, StartFailure> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let nonce = nonce()?;
        let living = self.alive.one();
        let dir = self.config.scratch_dir.join("w").join(key.to_string());
        std::fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed)?;
        let socket = socket_in(&dir);
        let frames = FrameReader::new(&nonce).map_err(|error| StartFailure::Spawn(error.to_string()))?;
        let (mut command, channel) = match set.engine {
            Engine::Deno => (self.deno_command(set, &dir, &socket), None),
            Engine::Node => {
                let (channel, theirs) = Channel::pair().map_err(failed)?;
                (self.node_command(set, &dir).await?, Some((channel, theirs)))
            }
        };
        let channel = channel.map(|(channel, theirs)| {
            command.stdin(Stdio::from(theirs));
            channel
        });
        let mut child = self.fork(command).await.map_err(failed)?;
        let missing = || StartFailure::Spawn("a pipe is missing".to_owned());
        let pid = child.id().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let input = match &channel {
            Some(channel) => Input::Channel(Arc::clone(channel)),
            None => Input::Pipe(tokio::sync::Mutex::new(child.stdin.take().ok_or_else(missing)?)),
        };
        let egress = channel.as_ref().map(|channel| Egress::new(self.rules(set), Arc::clone(channel)));
        let pipes = Pipes { input, egress, stdout, stderr, frames, living };
        let worker = Arc::new(Worker::new(key, pid, dir, child, pipes, self.events.clone()));
        let hello = wire::hello(&nonce, &socket.display().to_string());
        match channel {
            None => worker.tell(&hello).await,
            Some(channel) => {
                let listener = std::os::unix::net::UnixListener::bind(&socket).map_err(failed)?;
                let hello = str::from_utf8(hello.trim_ascii_end()).unwrap_or_default();
                // a worker that is gone already is noticed when it should have booted
                let _gone = channel.hand_over(hello, listener.into()).await;
            }
        }
        Ok(worker)
    }

    fn rules(&self, set: &PermissionSet) -> Rules {
        let RuntimeConfig { blocked_hosts, private_net, .. } = &self.config;
        Rules { net: set.net.clone(), blocked: blocked_hosts.clone(), private: *private_net }
    }

    /// Starts a process from the one thread that starts them all. The kernel sends a parent-death signal when the
    /// *thread* ends that forked, and threads of an async runtime come and go.
    async fn fork(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let ended = || io::Error::other("the thread that starts workers has ended");
        self.orders.send((command, reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    fn deno_command(&self, set: &PermissionSet, dir: &Path, socket: &Path) -> Command {
        let RuntimeConfig { deno, deno_cache_dir, private_net, blocked_hosts, .. } = &self.config;
        let boot = self.boot.of(Engine::Deno);
        let plan = sandbox::Plan {
            engine: Engine::Deno,
            program: deno.clone(),
            own_dir: dir.to_path_buf(),
            cache_dir: deno_cache_dir.clone(),
            boot_dir: boot.parent().unwrap_or(Path::new("/")).to_path_buf(),
        };
        let mut command = self.command(&plan);
        command
            .args(set.deno_arguments(dir, socket, &boot, (*private_net, blocked_hosts)))
            .env("DENO_DIR", deno_cache_dir)
            .env("DENO_NO_UPDATE_CHECK", "1");
        command
    }

    async fn node_command(&self, set: &PermissionSet, dir: &Path) -> Result<Command, StartFailure> {
        let node = self.node().await?;
        let boot = self.boot.of(Engine::Node);
        let plan = sandbox::Plan {
            engine: Engine::Node,
            program: node.program.clone(),
            own_dir: dir.to_path_buf(),
            // it keeps no cache
            cache_dir: dir.to_path_buf(),
            boot_dir: boot.parent().unwrap_or(Path::new("/")).to_path_buf(),
        };
        let mut command = self.command(&plan);
        // its standard input is the channel
        command.args(set.node_arguments(dir, &boot, node.major)).env("NODE_CHANNEL_FD", "0");
        Ok(command)
    }

    // The program, behind the launcher if there is one; its own arguments follow.
    fn command(&self, plan: &sandbox::Plan) -> Command {
        let mut command = match &self.config.launcher {
            None => Command::new(&plan.program),
            Some(launcher) => {
                let mut command = Command::new(&launcher.program);
                command.args(&launcher.args).args(sandbox::arguments(plan));
                command
            }
        };
        command
            .env_clear()
            .env("HOME", &plan.own_dir)
            .env("NO_COLOR", "1")
            .current_dir(&plan.own_dir)
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
