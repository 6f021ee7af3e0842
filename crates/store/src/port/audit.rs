//! The audit chain. Links are made by the caller, who has the key; the store keeps order.

use jiff::Timestamp;

use super::StoreError;

/// The end of a node's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// Sequence number of the last record; 0 for an empty chain.
    pub seq: u64,
    /// Link of the last record; 32 zero bytes for an empty chain.
    pub link: [u8; 32],
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The node that wrote it.
    pub node: String,
    /// Numbered from 1 without gaps in each node.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The project's name, for filtering; empty for the instance itself.
    pub project: String,
    /// What was done, such as `secret.set`, for filtering.
    pub action: String,
    /// The whole record as canonical JSON; what the link covers.
    pub record: String,
    /// Keyed link over node, seq, the previous link and the record.
    pub link: [u8; 32],
}

/// Which records to list: highest number first, and among equal numbers by node. A store that several nodes have written
/// to may exceed `limit` to keep records of one number on one page.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this project's; `None` lists all.
    pub project: Option<String>,
    /// Only actions that begin with this.
    pub action: Option<String>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only records that contain this text.
    pub search: Option<String>,
    /// Only below this sequence number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// Reading.
pub trait AuditRows {
    /// The end of a node's chain.
    fn audit_head(&mut self, node: &str) -> Result<AuditHead, StoreError>;
    /// A page of records, newest first.
    fn audit(&mut self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError>;
    /// Up to `limit` records of one node after `seq`, oldest first, for verification.
    fn audit_after(&mut self, node: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError>;
    /// The nodes that have written.
    fn audit_nodes(&mut self) -> Result<Vec<String>, StoreError>;
}

/// Writing.
pub trait AuditTx {
    /// Appends a record. `Damaged` unless its number follows the node's head.
    fn append_audit(&mut self, row: &AuditRow) -> Result<(), StoreError>;
}
