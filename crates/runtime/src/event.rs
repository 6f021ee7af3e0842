//! What the runtime reports: facts for the execution log, for usage and for operators. Never a value: log lines are
//! masked before they become an event.

use crate::spec::WorkloadId;

/// One fact.
#[derive(Debug, Clone)]
pub enum Event {
    /// One line (or one console call) of a worker's output, masked.
    Log {
        /// Who wrote it.
        workload: WorkloadId,
        /// Which deployment.
        deployment: String,
        /// Which execution; absent for output outside one, and for raw writes to stdout and stderr.
        execution_id: Option<String>,
        /// When it arrived, in Unix milliseconds.
        unix_ms: i64,
        /// Where it was written.
        stream: Stream,
        /// How grave.
        level: Level,
        /// The masked text, without its final newline.
        message: String,
    },
    /// The first read of a name in an execution, or at module load.
    Read {
        /// Who read.
        workload: WorkloadId,
        /// In which execution; absent at module load and in background work.
        execution_id: Option<String>,
        /// The secret's name as the code sees it.
        name: String,
        /// Scope that the value came from.
        scope: String,
        /// Its version.
        version: u64,
        /// How it was read.
        via: Via,
        /// Whether it happened while the module was loading.
        module_load: bool,
    },
    /// An invocation ended: its response body is through, or it failed.
    Finished {
        /// Who ran.
        workload: WorkloadId,
        /// Which execution.
        execution_id: String,
        /// The status that the caller got from the worker, if it got one.
        status: Option<u16>,
        /// From the call to the end of the response body.
        millis: u64,
        /// How it ended.
        outcome: Outcome,
    },
    /// A worker's life.
    Worker {
        /// Whose worker.
        workload: WorkloadId,
        /// Process id.
        pid: u32,
        /// What happened.
        what: WorkerEvent,
    },
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// `console` of any level below warning, or stdout.
    Stdout,
    /// `console` warnings and errors, or stderr.
    Stderr,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// `console.debug`.
    Debug,
    /// `console.log`, `console.info`, stdout.
    Info,
    /// `console.warn`, stderr.
    Warn,
    /// `console.error`, uncaught errors.
    Error,
}

/// How a secret was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// From the environment.
    Env,
    /// Through `secrets` or `ctx.secrets`.
    Helper,
}

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole response was delivered.
    Completed,
    /// The code threw; the caller got 500.
    HandlerError,
    /// No response headers in time.
    TimedOut,
    /// The body fell silent for too long.
    StreamIdle,
    /// The worker died, or broke the connection.
    Broken,
    /// The caller went away.
    Cancelled,
}

/// What happened to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEvent {
    /// Its code is loaded.
    Started,
    /// It serves in place of an older one.
    Replaced,
    /// New values could not be brought up; the reason names no value.
    ReplacementFailed(String),
    /// It was stopped since nobody called it.
    IdleStopped,
    /// It was stopped since a newer one serves, or its workload is gone.
    Stopped,
    /// It used more memory than it may.
    OverMemory,
    /// Its event loop no longer answered.
    Stuck,
    /// It ended by itself.
    Exited {
        /// Exit code, if it exited.
        code: Option<i32>,
        /// Signal, if one killed it.
        signal: Option<i32>,
    },
}
