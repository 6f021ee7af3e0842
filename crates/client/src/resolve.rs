//! Resolution: what a workload gets.

use http::Method;
use strongroom_api::resolve::{ResolutionAnswer, Resolved};

use crate::client::Project;
use crate::error::ClientError;

/// A workload that secrets are resolved for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Workload<'a> {
    /// Its namespace; `default` if absent.
    pub namespace: Option<&'a str>,
    /// Its id, if it is an app.
    pub app: Option<&'a str>,
}

impl Project<'_> {
    /// Names and values; with `names`, of these alone. The one answer for processes that carries values.
    pub async fn resolve(&self, workload: Workload<'_>, names: &[String]) -> Result<Resolved, ClientError> {
        let names = (!names.is_empty()).then(|| names.join(","));
        let call = self.call(Method::GET, &["resolve"]).query("namespace", workload.namespace);
        call.query("app", workload.app).query("names", names.as_deref()).send().await
    }

    /// Names and the scopes that answer for them, without values.
    pub async fn resolution(&self, workload: Workload<'_>) -> Result<ResolutionAnswer, ClientError> {
        let call = self.call(Method::GET, &["resolution"]).query("namespace", workload.namespace);
        call.query("app", workload.app).send().await
    }
}
