//! Jobs and their runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_model::manifest::JobManifest;

use crate::functions::{DeploymentItem, WorkloadRead};

/// A deploy of a job: its configuration and its code.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployJob {
    /// The configuration.
    #[schema(value_type = Object)]
    pub manifest: JobManifest,
    /// One JavaScript module.
    pub bundle: String,
    /// Rules of key patterns that may match, such as `jwt`: what they find is no secret. Recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_patterns: Vec<String>,
    /// Deploys even if nothing differs from what is there.
    #[serde(default)]
    pub force: bool,
    /// Tells what would happen and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A deployed job.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobItem {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The number of the deployment that runs.
    pub deployment: u64,
    /// Its schedule, a cron expression in UTC.
    pub schedule: Option<String>,
    /// When the schedule comes round next.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_run_at: Option<Timestamp>,
    /// Its newest run.
    pub last_run: Option<RunItem>,
    /// When it was last deployed or rolled back.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Who did that.
    pub updated_by: String,
}

/// One job.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub item: JobItem,
    /// Its configuration.
    #[schema(value_type = Object)]
    pub manifest: JobManifest,
    /// What it reads.
    pub reads: Vec<WorkloadRead>,
    /// Its deployments, newest first.
    pub deployments: Vec<DeploymentItem>,
}

/// Asks for a run.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunJob {
    /// What the run is to work on; an empty object unless given. Sealed where it is stored, and told to nobody but the job.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<serde_json::Value>,
}

/// How far a run says that it is.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunProgress {
    /// From 0 to 100.
    pub percent: u64,
    /// What it says of it.
    pub message: Option<String>,
}

/// A run of a job.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunItem {
    /// The run.
    pub id: String,
    /// The job.
    pub job: String,
    /// The job's namespace.
    pub namespace: String,
    /// `queued`, `running`, `retrying`, `succeeded`, `dead` or `cancelled`.
    pub state: String,
    /// Attempts begun.
    pub attempts: u64,
    /// The slot of the schedule that it is for.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub scheduled_for: Option<Timestamp>,
    /// When it is due, if it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// How far it says that it is.
    pub progress: Option<RunProgress>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who asked for it: a caller, or `schedule`.
    pub created_by: String,
    /// When the last attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: RunItem,
    /// What the handler returned, once it has succeeded.
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
}
