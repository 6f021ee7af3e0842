//! Jobs: a durable queue of runs, schedules, retries, dead letters.
//!
//! ```text
//! run ───────► one transaction: the run, sealed payload, audit ─┐ wake
//! slot due ──► one transaction: slot and run ───────────────────┤
//!                                                                ▼
//! scheduler: claim what is due, within the limits ─► attempt ─► worker ─► end: succeeded, retrying or dead
//! cancel ────► state first, durable; then the worker is asked to stop
//! ```

mod attempt;
mod calendar;
mod jobs_of;
mod requests;
mod scheduler;
mod underway;

pub use jobs_of::{detail, list};
pub use requests::{NewRun, RunQuery, cancel, enqueue, retry, runs, show};
pub use scheduler::Slots;
pub(crate) use underway::Scheduler;
