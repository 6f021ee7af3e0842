//! The audit trail and the logs.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use strongroom_api::Page;
use strongroom_api::trail::{AuditAnchor, AuditAnchors, AuditItem, AuditRetention, AuditVerdict, LogItem, VerifyAudit};
use tokio::time::timeout;

use crate::client::Project;
use crate::error::ClientError;
use crate::transport::Answer;

/// Longest pause within a long answer.
const PAUSE_SECONDS: u64 = 60;

/// Which audit records to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter<'a> {
    /// Records of the whole instance, for its owner.
    pub everything: bool,
    /// Only actions that begin with this.
    pub action: Option<&'a str>,
    /// Only from this point in time on.
    pub since: Option<String>,
    /// Only before this point in time.
    pub until: Option<String>,
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

/// A long answer on its way.
pub struct Download {
    address: String,
    body: Answer,
}

impl Download {
    /// The next piece; none at the end. An answer that breaks off is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let late = || ClientError::TimedOut { address: self.address.clone(), seconds: PAUSE_SECONDS };
            let frame = timeout(Duration::from_secs(PAUSE_SECONDS), self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| late())? else { return Ok(None) };
            let frame = frame.map_err(|source| ClientError::Broken { address: self.address.clone(), source })?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
    }
}

impl Project<'_> {
    /// A page of audit records, newest first.
    pub async fn audit(&self, filter: &AuditFilter<'_>) -> Result<Page<AuditItem>, ClientError> {
        let call =
            self.call(Method::GET, &["audit"]).query("action", filter.action).query("since", filter.since.as_deref());
        let call = call.query("until", filter.until.as_deref()).query_flag("everything", filter.everything);
        let call = call.query("search", filter.search).query_number("limit", filter.limit);
        call.query_number("before", filter.before).send().await
    }

    /// Checks every chain, also against a head that was kept, written `NODE:SEQ:LINK`.
    pub async fn verify_audit(&self, head: Option<&str>) -> Result<AuditVerdict, ClientError> {
        self.call(Method::GET, &["audit", "verify"]).query("head", head).send().await
    }

    /// Checks every chain, also against heads that were kept elsewhere.
    pub async fn compare_audit(&self, anchors: Vec<AuditAnchor>) -> Result<AuditVerdict, ClientError> {
        self.call(Method::POST, &["audit", "verify"]).json(&VerifyAudit { anchors }).send().await
    }

    /// The records, oldest first, as they come: `jsonl` or `csv`. `limit` and `before` are not looked at.
    pub async fn export_audit(&self, format: &str, filter: &AuditFilter<'_>) -> Result<Download, ClientError> {
        let call = self.call(Method::GET, &["audit", "export"]).query("format", Some(format));
        let call = call.query_flag("everything", filter.everything);
        let call = call.query("action", filter.action).query("since", filter.since.as_deref());
        let call = call.query("until", filter.until.as_deref()).query("search", filter.search);
        Ok(Download { address: self.client.name(), body: call.stream().await? })
    }

    /// Which anchors the server writes.
    pub async fn audit_anchors(&self) -> Result<AuditAnchors, ClientError> {
        self.call(Method::GET, &["audit", "anchors"]).send().await
    }

    /// Has the server write anchors now.
    pub async fn write_audit_anchors(&self) -> Result<AuditAnchors, ClientError> {
        self.call(Method::POST, &["audit", "anchors"]).send().await
    }

    /// Which records have served their time: by the server's setting, or before a time.
    pub async fn audit_retention(&self, before: Option<&str>) -> Result<AuditRetention, ClientError> {
        self.call(Method::GET, &["audit", "retention"]).query("before", before).send().await
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
