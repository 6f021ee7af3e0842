//! Audit records and log lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One audit record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditItem {
    /// The node that wrote it.
    pub node: String,
    /// Its number in that node's chain.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// From where: an address, `socket` or `process`.
    pub source: String,
    /// What, such as `secret.set`.
    pub action: String,
    /// The project.
    pub project: Option<String>,
    /// On what: names, scopes, versions.
    #[schema(value_type = Object)]
    pub target: serde_json::Value,
    /// `ok` or `denied`.
    pub result: String,
    /// The request that did it.
    pub request_id: Option<String>,
    /// The id of the token that did it; names of tokens are not unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// The verdict on the trail.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether every chain is whole.
    pub ok: bool,
    /// How many records were checked.
    pub records: u64,
    /// The chains' heads: keep one elsewhere to notice truncation.
    pub heads: Vec<ChainHead>,
    /// Where chains begin that were cut because their oldest records had served their time.
    #[serde(default)]
    pub starts: Vec<ChainStart>,
    /// How many anchors the chains were compared with.
    #[serde(default)]
    pub anchors: u64,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The end of a chain.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainHead {
    /// The node.
    pub node: String,
    /// Number of its last record.
    pub seq: u64,
    /// Link of its last record, in hexadecimal.
    pub link: String,
}

/// Where a chain begins.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainStart {
    /// The node.
    pub node: String,
    /// Number of the last record that was erased.
    pub seq: u64,
    /// When it was erased.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A chain's head as it was written down elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditAnchor {
    /// The instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The node.
    pub node: String,
    /// Number of its last record then.
    pub seq: u64,
    /// Link of that record, in hexadecimal.
    pub link: String,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// `POST /audit/verify`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAudit {
    /// Heads that were kept elsewhere, in the order in which they were written: at most 5,000.
    pub anchors: Vec<AuditAnchor>,
}

/// Which anchors the server writes, and what became of the last ones.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditAnchors {
    /// How often, in seconds, if a head has moved.
    pub every_seconds: u64,
    /// Where to.
    pub targets: Vec<AnchorTargetItem>,
    /// What is wrong with the trail, as the anchors that were there at the server's start told.
    pub alarm: Option<String>,
}

/// A place where anchors are written.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AnchorTargetItem {
    /// `file`, `syslog` or `webhook`.
    pub kind: String,
    /// The file, the socket, or the host.
    pub place: String,
    /// The last anchors that were written there since the server started, one for each node.
    pub last: Vec<AuditAnchor>,
    /// Why the last attempt failed; none if it did not.
    pub failure: Option<String>,
}

/// `GET /audit/retention`: which records have served their time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditRetention {
    /// How many days the server keeps records; none if it keeps all.
    pub kept_days: Option<u64>,
    /// Records before this would go.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub before: Option<Timestamp>,
    /// What would go.
    pub nodes: Vec<AuditAged>,
}

/// Records of one node that have served their time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditAged {
    /// The node.
    pub node: String,
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// How many.
    pub records: u64,
    /// When the first was written.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When the last was written.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// One log line.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogItem {
    /// Rises with every line.
    pub id: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `execution`, `system` or `security`.
    pub category: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// The function, if it is about one.
    pub function: Option<String>,
    /// The job, if it is about one.
    pub job: Option<String>,
    /// The execution.
    pub execution: Option<String>,
    /// `stdout` or `stderr`, if it was written there.
    pub stream: Option<String>,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text, masked.
    pub message: String,
}
