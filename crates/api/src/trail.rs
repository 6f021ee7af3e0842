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

/// `GET /audit/verify`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether every chain is whole.
    pub ok: bool,
    /// How many records were checked.
    pub records: u64,
    /// The chains' heads: keep one elsewhere to notice truncation.
    pub heads: Vec<ChainHead>,
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
