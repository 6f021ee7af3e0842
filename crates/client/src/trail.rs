//! The audit trail and the logs.

use http::Method;
use strongroom_api::Page;
use strongroom_api::trail::{AuditItem, AuditVerdict, LogItem};

use crate::client::Project;
use crate::error::ClientError;

/// Which audit records to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter<'a> {
    /// Only actions that begin with this.
    pub action: Option<&'a str>,
    /// Only from this point in time on.
    pub since: Option<String>,
    /// Only records that contain this text.
    pub search: Option<&'a str>,
    /// At most this many.
    pub limit: Option<u64>,
    /// Only records before this number.
    pub before: Option<u64>,
}

/// Which log lines to list.
#[derive(Debug, Clone, Default)]
pub struct LogFilter<'a> {
    /// `execution`, `system` or `security`.
    pub category: Option<&'a str>,
    /// Only of this namespace.
    pub namespace: Option<&'a str>,
    /// Only of this function.
    pub function: Option<&'a str>,
    /// Only of this job.
    pub job: Option<&'a str>,
    /// Only of this execution.
    pub execution: Option<&'a str>,
    /// Only lines that contain this text.
    pub search: Option<&'a str>,
    /// Only this level and above.
    pub level: Option<&'a str>,
    /// Only from this point in time on.
    pub since: Option<String>,
    /// Only until this point in time.
    pub until: Option<String>,
    /// At most this many, the newest.
    pub limit: Option<u64>,
    /// Only lines with a higher id.
    pub after: Option<u64>,
    /// With `after`: waits so many seconds for a line.
    pub wait_seconds: Option<u64>,
    /// The cursor of the page before, to go on with older lines.
    pub cursor: Option<String>,
}

impl Project<'_> {
    /// A page of audit records, newest first.
    pub async fn audit(&self, filter: &AuditFilter<'_>) -> Result<Page<AuditItem>, ClientError> {
        let call =
            self.call(Method::GET, &["audit"]).query("action", filter.action).query("since", filter.since.as_deref());
        let call = call.query("search", filter.search).query_number("limit", filter.limit);
        call.query_number("before", filter.before).send().await
    }

    /// Checks every chain, also against a head that was kept, written `NODE:SEQ:LINK`.
    pub async fn verify_audit(&self, head: Option<&str>) -> Result<AuditVerdict, ClientError> {
        self.call(Method::GET, &["audit", "verify"]).query("head", head).send().await
    }

    /// A page of log lines, oldest first.
    pub async fn logs(&self, filter: &LogFilter<'_>) -> Result<Page<LogItem>, ClientError> {
        let call = self.call(Method::GET, &["logs"]).query("category", filter.category);
        let call =
            call.query("namespace", filter.namespace).query("function", filter.function).query("job", filter.job);
        let call =
            call.query("execution", filter.execution).query("search", filter.search).query("level", filter.level);
        let call = call.query("since", filter.since.as_deref()).query("until", filter.until.as_deref());
        let wait = filter.wait_seconds.map(|seconds| format!("{seconds}s"));
        let call = call.query("wait", wait.as_deref()).query("cursor", filter.cursor.as_deref());
        call.query_number("limit", filter.limit).query_number("after", filter.after).send().await
    }
}
