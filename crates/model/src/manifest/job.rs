//! A deployed job's configuration.

use serde::{Deserialize, Serialize};

use super::workload::{ManifestError, Workload, out_of_range};
use crate::schedule::Schedule;

/// What happens at a slot of the schedule while an earlier run that the schedule made is still queued or running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The slot passes without a run.
    #[default]
    Skip,
    /// The slot's run waits until the earlier one has ended.
    Queue,
    /// Both run, as far as `concurrency` allows.
    Allow,
}

/// What happens to slots of the schedule that passed while no server was running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// They pass without a run.
    Skip,
    /// One run for the latest of them, at once.
    #[default]
    Once,
    /// One run for each of them, oldest first.
    All,
}

/// A deployed job's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobManifest {
    /// What it has in common with functions.
    #[serde(flatten)]
    pub workload: Workload,
    /// When it runs by itself; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// At a slot while an earlier scheduled run is under way.
    #[serde(default)]
    pub overlap: Overlap,
    /// For slots that passed while no server was running.
    #[serde(default)]
    pub missed: Missed,
    /// Further attempts after the first has failed. When all have failed, the run is a dead letter.
    #[serde(default = "default_retries")]
    pub retries: u32,
    /// Milliseconds before the first retry. Each further pause is twice the one before, with jitter.
    #[serde(default = "default_backoff_ms")]
    pub backoff_ms: u64,
    /// Longest pause between two attempts, in milliseconds.
    #[serde(default = "default_max_backoff_ms")]
    pub max_backoff_ms: u64,
    /// Milliseconds that one attempt may take.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
    /// Runs of this job at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
}

fn default_retries() -> u32 {
    3
}

fn default_backoff_ms() -> u64 {
    10_000
}

fn default_max_backoff_ms() -> u64 {
    60 * 60_000
}

fn default_timeout_ms() -> u64 {
    15 * 60_000
}

fn default_concurrency() -> u32 {
    4
}

impl Default for JobManifest {
    fn default() -> Self {
        Self {
            workload: Workload::default(),
            schedule: None,
            overlap: Overlap::default(),
            missed: Missed::default(),
            retries: default_retries(),
            backoff_ms: default_backoff_ms(),
            max_backoff_ms: default_max_backoff_ms(),
            timeout_ms: default_timeout_ms(),
            concurrency: default_concurrency(),
        }
    }
}

impl JobManifest {
    /// Everything that is wrong with the manifest.
    pub fn problems(&self) -> Vec<ManifestError> {
        let day = 24 * 60 * 60_000;
        let mut problems = self.workload.problems();
        problems.extend(out_of_range("retries", u64::from(self.retries), 0, 100));
        problems.extend(out_of_range("backoff", self.backoff_ms, 1, day));
        problems.extend(out_of_range("max_backoff", self.max_backoff_ms, self.backoff_ms.min(day), day));
        problems.extend(out_of_range("timeout", self.timeout_ms, 1, day));
        problems.extend(out_of_range("concurrency", u64::from(self.concurrency), 1, 1_000));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_flat_and_refuses_unknown_fields() {
        let text = r#"{"runtime":"node","secrets":[{"name":"A","as":"B"}],"env":{"TIER":"gold"},"memory_bytes":67108864,
            "schedule":"0 3 * * *","overlap":"queue","missed":"all","retries":5}"#;
        let manifest: JobManifest = serde_json::from_str(text).expect("a manifest");
        assert_eq!((manifest.retries, manifest.workload.memory_bytes), (5, 64 << 20));
        assert_eq!(manifest.schedule.as_ref().map(Schedule::as_str), Some("0 3 * * *"));
        let again = serde_json::to_string(&manifest).expect("text keys only");
        assert_eq!(serde_json::from_str::<JobManifest>(&again).expect("what was written"), manifest);
        for text in [r#"{"secret":[]}"#, r#"{"auth":"token"}"#, r#"{"schedule":"at three"}"#, r#"{"env":{"A":1}}"#] {
            assert!(serde_json::from_str::<JobManifest>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_outside_their_ranges_are_all_named() {
        let wrong =
            JobManifest { retries: 101, backoff_ms: 0, timeout_ms: 0, concurrency: 0, ..JobManifest::default() };
        assert_eq!(wrong.problems().len(), 4);
        let shorter = JobManifest { backoff_ms: 2_000, max_backoff_ms: 1_000, ..JobManifest::default() };
        let [ManifestError::Range { field, .. }] = shorter.problems()[..] else { panic!("one problem") };
        assert_eq!(field, "max_backoff");
        assert_eq!(JobManifest::default().problems(), []);
    }
}
