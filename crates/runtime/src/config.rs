//! How the runtime is set up, and why it may not start.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one [`crate::Runtime`].
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The Deno program, as [`crate::locate::find`] gives it.
    pub deno: PathBuf,
    /// A private directory of this runtime alone; made with mode 0700, emptied at start. Sockets live in it, so its
    /// path is at most [`MAX_SCRATCH_BYTES`] bytes long.
    pub scratch_dir: PathBuf,
    /// `DENO_DIR`: the code cache that all workers share. Made if missing.
    pub deno_cache_dir: PathBuf,
    /// Generic workers kept ready.
    pub pool_size: usize,
    /// A worker that nobody called for this long is stopped.
    pub idle_stop: Duration,
    /// Longest wait of an invocation for a start or a replacement.
    pub replace_wait: Duration,
    /// Where to look for Node when the first workload for it comes.
    pub node: crate::locate::Places,
    /// Whether code may reach this machine and private networks.
    pub private_net: PrivateNet,
    /// Strongroom's own addresses (`host` or `host:port`), which no worker may connect to.
    pub blocked_hosts: Vec<String>,
    /// What starts Deno: our own binary, which sandboxes itself and then executes Deno. None starts Deno directly.
    pub launcher: Option<Launcher>,
}

/// Longest path of [`RuntimeConfig::scratch_dir`]: a Unix socket's path has room for 107 bytes.
pub const MAX_SCRATCH_BYTES: usize = 80;

/// A program and the arguments that stand before those of [`crate::sandbox::arguments`].
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Its own arguments, such as `worker-exec`.
    pub args: Vec<String>,
}

/// Whether code may reach loopback, private, link-local and metadata addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateNet {
    /// It may not: servers.
    Refused,
    /// It may, as far as its own list of hosts lets it: a developer's own machine.
    Allowed,
}

/// Why the runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A directory could not be prepared.
    #[error("could not prepare {path}")]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The scratch directory's path leaves no room for socket names.
    #[error("the scratch directory's path is {actual_bytes} bytes long; sockets in it allow {MAX_SCRATCH_BYTES}")]
    ScratchPathTooLong {
        /// Its length.
        actual_bytes: usize,
    },
    /// A path or host would be read as two by the command line of Deno.
    #[error("`{0}` contains a comma, which the permission list of the runtime cannot carry")]
    Comma(String),
    /// Not called inside a Tokio runtime.
    #[error("the function runtime needs a running Tokio runtime")]
    NoTokio,
}
