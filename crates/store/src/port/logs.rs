//! Execution and system logs.

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
    /// The function or job, if any.
    pub workload: String,
    /// The execution, if any.
    pub execution: Option<String>,
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
    /// Only this workload.
    pub workload: Option<String>,
    /// Only this execution.
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
    /// At most this many.
    pub limit: usize,
}

/// Reading.
pub trait LogRows {
    /// A page of lines.
    fn logs(&mut self, project: &Id, filter: &LogFilter) -> Result<Vec<LogRow>, StoreError>;
}

/// Writing.
pub trait LogTx {
    /// Adds lines.
    fn append_logs(&mut self, rows: &[LogRow]) -> Result<(), StoreError>;
    /// Erases lines before `before`, and the oldest above `keep` in number; returns how many.
    fn prune_logs(&mut self, before: Timestamp, keep: u64) -> Result<u64, StoreError>;
}
