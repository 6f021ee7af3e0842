//! Functions and deployments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_model::manifest::FunctionManifest;
use utoipa::ToSchema;

use crate::resolve::Missing;

/// `PUT /functions/{name}`: deploys a bundle. Idempotent: the same bundle with the same manifest changes nothing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// The configuration.
    #[schema(value_type = Object)]
    pub manifest: FunctionManifest,
    /// One JavaScript module, bundled.
    pub bundle: String,
    /// Rules of key patterns that may match, such as `jwt`: what they find is no secret. Recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_patterns: Vec<String>,
    /// Deploys even if the code is the one that serves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Tells what would happen and changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What a deploy did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// The function.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The deployment that serves now.
    pub deployment: u64,
    /// `deployed`, `unchanged` or `would_deploy`.
    pub status: String,
    /// Digest over code and configuration, in hexadecimal.
    pub digest: String,
    /// Where it answers; null if this process serves no functions.
    pub url: Option<String>,
    /// Names it gets.
    pub secrets: Vec<String>,
    /// Names it does not get, and why (never required ones: those stop the deploy).
    pub missing: Vec<Missing>,
    /// Things worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What came into being on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
}

/// A function in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FunctionItem {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The deployment that serves.
    pub deployment: u64,
    /// Who may call it: `token`, `user` or `public`.
    pub auth: String,
    /// Where it answers.
    pub url: Option<String>,
    /// When it was last deployed or rolled back.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who did that.
    pub updated_by: String,
}

/// One function.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FunctionDetail {
    /// As in the list.
    #[serde(flatten)]
    pub item: FunctionItem,
    /// Its configuration.
    #[schema(value_type = Object)]
    pub manifest: FunctionManifest,
    /// Secrets it reads, and how that is known.
    pub reads: Vec<WorkloadRead>,
    /// Its deployments, newest first.
    pub deployments: Vec<DeploymentItem>,
}

/// One secret that a function or a job reads.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkloadRead {
    /// The stored name.
    pub secret: String,
    /// `list`, `code`, `env` or `helper`.
    pub via: String,
    /// Where its value comes from now: `namespace`, `global`, `system`, `default`, or `environment` for the server's own.
    pub scope: Option<String>,
    /// Why it gets none: `not_set`, `no_value`, `expired`, or `not_listed` for what its list of secrets lacks.
    pub missing: Option<String>,
    /// Last read at run time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_read_at: Option<Timestamp>,
}

/// One deployment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeploymentItem {
    /// Its number.
    pub deployment: u64,
    /// Digest over code and configuration, in hexadecimal.
    pub digest: String,
    /// Size of the bundle.
    pub bundle_bytes: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who.
    pub created_by: String,
    /// Whether it serves.
    pub active: bool,
}

/// `POST /functions/{name}/rollback`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackFunction {
    /// The deployment to serve again; the one before the current if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<u64>,
}
