//! Supervised warm workers: functions and jobs run in Deno or Node processes of their own, with their secrets handed over a
//! pipe, and see a change with the next invocation.
//!
//! ```text
//! invoke ─► slot (permit, the worker that serves) ─► connections ─► worker's Unix socket ─► js/boot.js ─► the code
//!              ▲ swap                                                     ▲ stdin: assign, push
//! refresh ─► driver (one task a workload) ─► state (pure) ─► start ─► pool ┘ stdout: frames ─► output ─► events
//! ```
//!
//! Runs of jobs take another way to the same kind of worker: `jobs.rs`.
//!
//! Plaintext comes in through [`SnapshotSource`] and goes out through a worker's stdin, nowhere else.

mod bench;
mod boot;
pub mod bundle;
mod channel;
mod config;
mod connections;
mod driver;
mod egress;
mod ending;
mod event;
mod factory;
mod jobs;
pub mod leaks;
mod lines;
pub mod locate;
pub mod mask;
mod masks;
mod memory;
mod output;
pub mod patterns;
mod permissions;
mod pool;
mod proxy;
mod reads;
pub mod references;
mod runtime;
pub mod sandbox;
mod slot;
mod snapshot;
mod spec;
mod start;
mod state;
mod visit;
mod wire;
mod worker;

pub use config::{Launcher, MAX_SCRATCH_BYTES, PrivateNet, RuntimeConfig, StartError};
pub use connections::{Body, BoxError};
pub use event::{Event, Level, Outcome, Stream, Via, WorkerEvent};
pub use jobs::{
    DEFAULT_GRACE, JobError, JobFacts, JobHandle, JobOutcome, JobRun, MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES, Progress,
};
pub use masks::Masks;
pub use proxy::{StreamIdle, empty, full};
pub use runtime::{InvokeError, ModuleRead, Runtime, Started, WorkerStatus};
pub use snapshot::{BoxFuture, Entry, EntryState, Snapshot, SnapshotError, SnapshotSource};
pub use spec::{
    Change, ChangeCause, Engine, EnvNames, InvocationContext, Need, NetPolicy, OnChange, Refresh, WorkerSpec,
    WorkloadId, WorkloadKind,
};
pub use visit::{Keeper, Visitor};
pub use worker::StartFailure;
