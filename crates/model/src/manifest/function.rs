//! A deployed function's configuration.

use serde::{Deserialize, Serialize};

use super::workload::{ManifestError, Workload, out_of_range};

/// Who may call a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum CallAuth {
    /// A token with `functions:invoke`.
    #[default]
    Token,
    /// A JWT of the project's trusted issuer.
    User,
    /// Anyone.
    Public,
}

/// What a function may do with the secrets of the end user whom it runs for, besides reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserSecrets {
    /// Set and delete them: `ctx.userSecrets`.
    Write,
}

/// A deployed function's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionManifest {
    /// What it has in common with jobs.
    #[serde(flatten)]
    pub workload: Workload,
    /// Who may call it.
    #[serde(default)]
    pub auth: CallAuth,
    /// What it may do with the secrets of the end user whom it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_secrets: Option<UserSecrets>,
    /// Milliseconds to the response headers.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Requests at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
}

fn default_timeout_ms() -> u64 {
    30_000
}

fn default_concurrency() -> u32 {
    64
}

impl Default for FunctionManifest {
    fn default() -> Self {
        Self {
            workload: Workload::default(),
            auth: CallAuth::default(),
            user_secrets: None,
            timeout_ms: default_timeout_ms(),
            concurrency: default_concurrency(),
        }
    }
}

impl FunctionManifest {
    /// Everything that is wrong with the manifest.
    pub fn problems(&self) -> Vec<ManifestError> {
        let mut problems = self.workload.problems();
        problems.extend(out_of_range("timeout", self.timeout_ms, 1, 15 * 60_000));
        problems.extend(out_of_range("concurrency", u64::from(self.concurrency), 1, 10_000));
        problems
    }
}
