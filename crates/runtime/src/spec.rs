//! What a worker is started with, and what an invocation brings along. Names only, never a value.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::visit::Visitor;

/// Which kind of code a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// An HTTP handler.
    Function,
    /// A background handler: `handler(payload, ctx)`, run by [`crate::Runtime::run_job`].
    Job,
}

/// The name of a workload within one instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkloadId {
    /// Project name.
    pub project: String,
    /// Namespace name.
    pub namespace: String,
    /// Function or job.
    pub kind: WorkloadKind,
    /// Name of the function or job.
    pub name: String,
}

/// What runs the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Deno.
    Deno,
    /// Node.js.
    Node,
}

impl Engine {
    /// The file that a bundle is put into: Node takes a module for one by its name.
    pub(crate) fn module_name(self) -> &'static str {
        match self {
            Self::Deno => "main.js",
            Self::Node => "main.mjs",
        }
    }
}

/// Where a worker may connect to. Loopback, private, link-local and metadata ranges and
/// [`crate::RuntimeConfig::blocked_hosts`] are refused under every policy, unless [`crate::PrivateNet`] says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NetPolicy {
    /// Any public address.
    PublicInternet,
    /// These hosts (`name`, `name:port`, `*.name`, addresses) and nothing else; empty means no network.
    Hosts(Vec<String>),
}

/// What happens after a changed value was pushed into a worker whose code reads it through helpers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// The worker is replaced in the background, for clients that code may have kept.
    Recycle,
    /// The worker stays.
    Live,
}

/// Names that the code is known to read from the environment, or at module load: a change of one of these
/// replaces the worker. A name may be bare or carry one of the prefixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvNames {
    /// The known names.
    pub names: BTreeSet<String>,
    /// The code reads names that cannot be known before it runs, so every name counts.
    pub dynamic: bool,
}

/// Everything that one deployment of one workload needs to run. Two specs with one `deployment` are the same. The
/// runtime switches to the spec that it is called with; going back to an earlier deployment needs a new value of this
/// type, since calls with the very `Arc` that was superseded are taken for late ones during the next 10 seconds.
#[derive(Clone)]
pub struct WorkerSpec {
    /// Which workload this is.
    pub workload: WorkloadId,
    /// Identifies code *and* configuration.
    pub deployment: String,
    /// What runs it.
    pub engine: Engine,
    /// One bundled ES module.
    pub bundle: Arc<[u8]>,
    /// Variables that are no secrets: the environment, and `ctx.env`.
    pub env: Vec<(String, String)>,
    /// Each secret stands in the environment bare and behind each of these; `STRONGROOM_SECRET_` comes first.
    pub env_prefixes: Vec<String>,
    /// Outbound network.
    pub net: NetPolicy,
    /// Memory of the worker's own, in bytes: three quarters limit the V8 heap, the whole is watched.
    pub memory_bytes: u64,
    /// From the start of an invocation to its response headers; of a job, the whole run.
    pub timeout: Duration,
    /// Longest silence in a response body.
    pub stream_idle: Duration,
    /// Invocations that run at once; at least 1. Of no meaning for jobs, like `queue`, `stream_idle` and `on_change`.
    pub concurrency: usize,
    /// Invocations that may wait beyond that.
    pub queue: usize,
    /// After a push.
    pub on_change: OnChange,
    /// What makes a change a replacement.
    pub env_names: EnvNames,
}

impl std::fmt::Debug for WorkerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerSpec")
            .field("workload", &self.workload)
            .field("deployment", &self.deployment)
            .field("bundle_bytes", &self.bundle.len())
            .finish_non_exhaustive()
    }
}

/// What an invocation must be able to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The epoch that was current when the invocation began; every change up to it is seen.
    pub epoch: u64,
}

/// Facts about one invocation that its code may see.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    /// Id of the execution: visible ASCII without spaces; also the `request_id` of an error answer.
    pub execution_id: String,
    /// The public address that was called: absolute, percent-encoded, without spaces.
    pub url: String,
    /// The caller's address, for `Deno.serve` handlers.
    pub client: Option<IpAddr>,
    /// The end user whom it is made for.
    pub user: Option<Arc<Visitor>>,
}

/// One change of secrets that a workload may resolve.
#[derive(Debug, Clone)]
pub struct Change {
    /// The epoch that the change made.
    pub epoch: u64,
    /// Secret names that changed, as the code sees them where the caller knows that. For the log only: what is
    /// done follows from comparing snapshots.
    pub names: Vec<String>,
    /// Whether the old value may go on being served should the new one fail to start.
    pub cause: ChangeCause,
}

/// Why values changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeCause {
    /// A value was set, rolled back or restored.
    Set,
    /// A value was deleted or ran out: nobody may be served with it any more.
    Removed,
}

/// What [`crate::Runtime::refresh`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// No worker was up: the next start has the new values anyway.
    NotWarm,
    /// What this workload resolves did not change.
    Unaffected,
    /// The worker holds the new values.
    Pushed,
    /// A new worker with the new values serves.
    Restarted,
    /// A replacement could not start, for this reason (no value in it). After [`ChangeCause::Set`] the old worker
    /// serves on; after [`ChangeCause::Removed`] nothing does.
    RestartFailed(String),
}
