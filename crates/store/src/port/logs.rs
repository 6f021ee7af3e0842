//! Execution, system and security logs.

use jiff::Timestamp;
use strongroom_model::Id;

use super::StoreError;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Rises with every line; 0 before it is stored.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// The project.
    pub project: Id,
    /// `execution`, `system` or `security`.
    pub category: String,
    /// The namespace, if any.
    pub namespace: String,
    /// `function` or `job`, if it is about one.
    pub kind: String,
    /// The function or job, if any.
    pub workload: String,
    /// The execution, if any.
    pub execution: Option<String>,
    /// `stdout` or `stderr`, if it was written there.
    pub stream: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text, already masked.
    pub message: String,
}

/// Which lines to list, oldest first: the newest `limit` of them, or with `after` the oldest, so that a follower who
/// falls behind misses nothing.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only this category.
    pub category: Option<String>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// Only of functions, or only of jobs.
    pub kind: Option<String>,
    /// Only this workload.
    pub workload: Option<String>,
    /// Only this execution; of a run of a job, each attempt, whose id is the run's, a dot and a number.
    pub execution: Option<String>,
    /// Only lines that contain this text, byte for byte.
    pub search: Option<String>,
    /// Only these levels; empty means all.
    pub levels: Vec<String>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
    /// Only above this id.
    pub after: Option<u64>,
    /// Only below this id.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
    /// So many lines are looked at, whether or not they pass. Lines of one execution are found without looking.
    pub scan: usize,
}

/// Lines that passed, oldest first, and how far was looked.
#[derive(Debug, Default)]
pub struct LogPage {
    /// The lines.
    pub rows: Vec<LogRow>,
    /// Where to go on: with `after` the highest id that was looked at; without, the `before` of the next page, if there
    /// may be older lines.
    pub next: Option<u64>,
}

/// Reading.
pub trait LogRows {
    /// A page of lines.
    fn logs(&mut self, project: &Id, filter: &LogFilter) -> Result<LogPage, StoreError>;
    /// The newest line of a category that is beyond its newest `lines` lines, or beyond those that together take `bytes`
    /// bytes. Looks at every line of the category, newest first.
    fn log_excess(&mut self, category: &str, lines: u64, bytes: u64) -> Result<Option<u64>, StoreError>;
}

/// Writing.
pub trait LogTx {
    /// Adds lines.
    fn append_logs(&mut self, rows: &[LogRow]) -> Result<(), StoreError>;
    /// Erases lines of a category: those before `before`, and those up to line `up_to`. At most `most` of each; returns
    /// how many.
    fn prune_logs(&mut self, category: &str, before: Timestamp, up_to: u64, most: u64) -> Result<u64, StoreError>;
}
