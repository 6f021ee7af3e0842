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
    /// Only before.
    pub until: Option<Timestamp>,
    /// Only records that contain this text.
    pub search: Option<String>,
    /// Only below this sequence number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// Where a node's chain begins once its oldest records were erased on purpose: it carries the chain over the cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCut {
    /// The node.
    pub node: String,
    /// The last record that was erased.
    pub seq: u64,
    /// Its link.
    pub link: [u8; 32],
    /// When it was erased.
    pub at: Timestamp,
    /// Over all of this.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait AuditRows {
    /// The end of a node's chain.
    fn audit_head(&mut self, node: &str) -> Result<AuditHead, StoreError>;
    /// A page of records, newest first.
    fn audit(&mut self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError>;
    /// Up to `limit` records of one node after `seq`, oldest first, for verification.
    fn audit_after(&mut self, node: &str, seq: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError>;
    /// Up to `filter.limit` records of one node after `seq`, oldest first; `filter.before` is not looked at.
    fn audit_oldest(&mut self, node: &str, seq: u64, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError>;
    /// The last of the records at the beginning of a node's chain that are all older than `before`. Never the newest
    /// record of the chain, which says where the chain goes on.
    fn audit_aged(&mut self, node: &str, before: Timestamp) -> Result<Option<AuditRow>, StoreError>;
    /// Where a node's chain was cut.
    fn audit_cut(&mut self, node: &str) -> Result<Option<AuditCut>, StoreError>;
    /// How many records belong to no node that has written: none unless somebody else has.
    fn audit_strays(&mut self) -> Result<u64, StoreError>;
    /// The nodes that have written.
    fn audit_nodes(&mut self) -> Result<Vec<String>, StoreError>;
}

/// Writing.
pub trait AuditTx {
    /// Appends a record. `Damaged` unless its number follows the node's head.
    fn append_audit(&mut self, row: &AuditRow) -> Result<(), StoreError>;
    /// Erases a node's records up to the cut's, and notes the cut in place of an earlier one. Returns how many are gone.
    /// `Damaged` if nothing of the chain would be left.
    fn cut_audit(&mut self, cut: &AuditCut) -> Result<u64, StoreError>;
}
