//! Jobs and their runs.

use http::Method;
use strongroom_api::Page;
use strongroom_api::jobs::{JobDetail, JobItem, RunDetail, RunItem};

use crate::client::Project;
use crate::error::ClientError;
use crate::request::every;

/// Which runs to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunFilter<'a> {
    /// Only of this job.
    pub job: Option<&'a str>,
    /// Only of jobs in this namespace.
    pub namespace: Option<&'a str>,
    /// Only in this state.
    pub state: Option<&'a str>,
    /// At most this many.
    pub limit: Option<u64>,
}

impl Project<'_> {
    /// The jobs of a namespace, or all.
    pub async fn jobs(&self, namespace: Option<&str>) -> Result<Vec<JobItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["jobs"]).query("namespace", namespace)).await
    }

    /// One job: configuration, readings, deployments.
    pub async fn job(&self, name: &str, namespace: &str) -> Result<JobDetail, ClientError> {
        self.call(Method::GET, &["jobs", name]).query("namespace", Some(namespace)).send().await
    }

    /// Queues a run; it is durable when this returns.
    pub async fn run_job(
        &self,
        name: &str,
        namespace: &str,
        payload: Option<&serde_json::Value>,
    ) -> Result<RunItem, ClientError> {
        let call = self.call(Method::POST, &["jobs", name, "runs"]).query("namespace", Some(namespace));
        call.json(&serde_json::json!({ "payload": payload })).send().await
    }

    /// Runs, newest first.
    pub async fn runs(&self, filter: RunFilter<'_>) -> Result<Page<RunItem>, ClientError> {
        let call = self.call(Method::GET, &["runs"]);
        let call = call.query("job", filter.job).query("namespace", filter.namespace).query("state", filter.state);
        call.query("limit", filter.limit.map(|limit| limit.to_string()).as_deref()).send().await
    }

    /// One run with its result.
    pub async fn run(&self, run: &str) -> Result<RunDetail, ClientError> {
        self.call(Method::GET, &["runs", run]).send().await
    }

    /// Puts a dead or cancelled run back into the queue.
    pub async fn retry_run(&self, run: &str) -> Result<RunItem, ClientError> {
        self.call(Method::POST, &["runs", run, "retry"]).send().await
    }

    /// Cancels a run that is not over.
    pub async fn cancel_run(&self, run: &str) -> Result<RunItem, ClientError> {
        self.call(Method::POST, &["runs", run, "cancel"]).send().await
    }
}
